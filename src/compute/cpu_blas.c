/* cpu_blas.c - which of its kernels an OpenBLAS should run.
 *
 * It chooses them by the processor's model number. One that is newer than the library has a number
 * that it does not know, and gets kernels of 2004 with a quarter of the speed, whatever its
 * instructions are. Kernels with multiply-add are left as they are: some processors gain nothing by
 * 512 bits, and `vaccine doctor` measures it. */
#include <string.h>
#include <strings.h>
#include "compute/cpu.h"

/* Kernels without multiply-add. A name that is not known here is of a newer library. */
static bool is_old(const char *name)
{
    static const char *const old[] = {
        "Katmai",      "Coppermine", "Northwood",  "Prescott",    "Banias",
        "Atom",        "Core2",      "Penryn",     "Dunnington",  "Nehalem",
        "Athlon",      "Opteron",    "Bobcat",     "Barcelona",   "Opteron_SSE3",
        "Sandybridge", "Bulldozer",  "Piledriver", "Steamroller", "Nano",
    };

    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (!strcasecmp(old[i], name))
            return true;
    return false;
}

/* What suits this processor, best first; NULL past the last. */
static const char *suits(size_t i)
{
    const char *ours = kernels_at(0)->name;
    bool wide = !strcmp(ours, "avx512"), fma = wide || !strcmp(ours, "avx2");

    return i == 0 && wide ? "SkylakeX" : i == (size_t)wide && fma ? "Haswell" : NULL;
}

const char *compute_blas_better(const char *tried)
{
    const char *now = gemm_kernels(), *next;
    size_t i = 0;

    if (!now || (!tried && !is_old(now)))
        return NULL;
    if (tried && !strcasecmp(now, tried) && !compute_selfcheck(NULL))
        return NULL;
    while (tried && (next = suits(i++)) && strcasecmp(next, tried))
        ;
    next = suits(i);
    return next || !tried ? next : "";
}

const char *blas_other(void)
{
    const char *now = gemm_kernels(), *best = suits(0), *last = best ? "Haswell" : "Nehalem";

    return now && !strcasecmp(now, last) ? "Nehalem" : last;
}
