/* openblas.c - products by OpenBLAS, or by any BLAS with its C interface, and which of its kernels an
 * OpenBLAS should run.
 *
 * It chooses them by the processor's model number. One that is newer than the library has a number
 * that it does not know, and gets kernels of 2004 with a quarter of the speed, whatever its
 * instructions are. Kernels with multiply-add are left as they are: some processors gain nothing by
 * 512 bits, and `vaccine doctor` measures it. */
#include "compute/openblas.h"
#include <cblas.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "kernels/kernels.h"
#include "compute/provider.h"
#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef OPENBLAS_VERSION
static const char *corename(void)
{
    return openblas_get_corename();
}

static const char *text(void)
{
    static const char *const kinds[] = {"serial", "pthreads", "openmp"};
    static char line[160];
    char version[64] = "";
    int kind = openblas_get_parallel();

    if (sscanf(openblas_get_config(), "OpenBLAS %63s", version) != 1)
        version[0] = 0;
    snprintf(line, sizeof(line), "OpenBLAS%s%s (%s) kernels %s", *version ? " " : "", version,
             kind >= 0 && kind < 3 ? kinds[kind] : "unknown threads", openblas_get_corename());
    return line;
}
#else
static const char *corename(void)
{
    return NULL;
}

static const char *text(void)
{
    return "BLAS (unnamed)";
}
#endif

static void single(void)
{
#ifdef OPENBLAS_VERSION
    openblas_set_num_threads(1);
#endif
}

/* One built with OpenMP asks how many threads the CALLING thread may start, so what was said when it
 * was opened holds in the thread that said it; whoever trains in another one would get a second
 * pool. */
static void alone(void)
{
#ifdef _OPENMP
    if (omp_get_max_threads() != 1)
        omp_set_num_threads(1);
#endif
}

static void multiply(const struct gemm *g)
{
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans,
                (blasint)g->m, (blasint)g->n, (blasint)g->k, g->alpha, g->a, (blasint)g->lda, g->b,
                (blasint)g->ldb, g->beta, g->c, (blasint)g->ldc);
}

static bool suits(void)
{
    return true;
}

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
static const char *fitting(size_t i)
{
    const char *ours = kernels_at(0)->name;
    bool wide = !strcmp(ours, "avx512"), fma = wide || !strcmp(ours, "avx2");

    return i == 0 && wide ? "SkylakeX" : i == (size_t)wide && fma ? "Haswell" : NULL;
}

const char *openblas_better(const char *tried, bool right)
{
    const char *now = corename(), *next;
    size_t i = 0;

    if (!now || (!tried && !is_old(now)) || (tried && !strcasecmp(now, tried) && right))
        return NULL;
    while (tried && (next = fitting(i++)) && strcasecmp(next, tried))
        ;
    next = fitting(i);
    return next || !tried ? next : "";
}

static const char *cure(void)
{
    static char line[128];
    const char *now = corename(), *last = fitting(0) ? "Haswell" : "Nehalem";

    if (now && !strcasecmp(now, last))
        last = "Nehalem";
    snprintf(line, sizeof line,
             "set OPENBLAS_CORETYPE=%s in the environment, or install another BLAS", last);
    return line;
}

const struct provider provider_openblas = {
    .name = "openblas",
    .help = "OpenBLAS, or another library with the C interface of BLAS",
    .suits = suits,
    .text = text,
    .cure = cure,
    .open = single,
    .alone = alone,
    .multiply = multiply,
};
