/* onednn.c - products by oneDNN, which writes its kernels for the instructions that it finds. */
#include "compute/provider.h"
#ifdef HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "kernels/kernels.h"

static const char *isa_name(void)
{
    switch ((int)dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
        return "sse41";
    case dnnl_cpu_isa_avx:
        return "avx";
    case dnnl_cpu_isa_avx2:
        return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
        return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
        return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
        return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
        return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
        return "avx512_core_amx";
#if DNNL_VERSION_MAJOR >= 3
    case dnnl_cpu_isa_avx512_core_fp16:
        return "avx512_core_fp16";
    case dnnl_cpu_isa_avx2_vnni_2:
        return "avx2_vnni_2";
#endif
    default:
        return "unknown";
    }
}

static const char *text(void)
{
    static char line[160];
    const dnnl_version_t *v = dnnl_version();
    const char *threads = v->cpu_runtime == DNNL_RUNTIME_OMP   ? "openmp"
                          : v->cpu_runtime == DNNL_RUNTIME_SEQ ? "serial"
                          : v->cpu_runtime == DNNL_RUNTIME_TBB ? "tbb"
                                                               : "unknown threads";

    snprintf(line, sizeof line, "oneDNN %d.%d.%d (%s) kernels %s", v->major, v->minor, v->patch,
             threads, isa_name());
    return line;
}

/* Elsewhere it is plain C, and so is a build of it for threads that are not ours to count. */
static bool suits(void)
{
    unsigned runtime = dnnl_version()->cpu_runtime;

    return strcmp(kernels_at(0)->name, "base") != 0 &&
           (runtime == DNNL_RUNTIME_OMP || runtime == DNNL_RUNTIME_SEQ);
}

static const char *cure(void)
{
    return "set VACCINE_PRODUCTS=openblas in the environment, or install another oneDNN";
}

/* Its kernels use the stack pointer for a block of the heap: what a handler of a signal puts there would lie over
 * the numbers. So handlers that may run meanwhile (base/map.h) have a stack of their own on every thread that
 * multiplies, unless it has one. */
static void part_from_handlers(void)
{
    static _Thread_local char room[64 << 10];
    static _Thread_local bool done;
    stack_t old, own = {.ss_sp = room, .ss_size = sizeof room};

    if (done)
        return;
    done = true;
    if (!sigaltstack(NULL, &old) && (old.ss_flags & SS_DISABLE))
        sigaltstack(&own, NULL);
}

/* Its OpenMP starts as many threads as the calling one may, also where we are built without. */
#pragma weak omp_set_num_threads
#pragma weak omp_get_max_threads
void omp_set_num_threads(int);
int omp_get_max_threads(void);

static void alone(void)
{
    part_from_handlers();
    if (omp_set_num_threads && omp_get_max_threads && omp_get_max_threads() != 1)
        omp_set_num_threads(1);
}

static void multiply(const struct gemm *g)
{
    dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', (dnnl_dim_t)g->m, (dnnl_dim_t)g->n,
               (dnnl_dim_t)g->k, g->alpha, g->a, (dnnl_dim_t)g->lda, g->b, (dnnl_dim_t)g->ldb,
               g->beta, g->c, (dnnl_dim_t)g->ldc);
}

const struct provider provider_onednn = {
    .name = "onednn",
    .help = "oneDNN",
    .suits = suits,
    .text = text,
    .cure = cure,
    .alone = alone,
    .multiply = multiply,
};
#else
const struct provider provider_onednn = {
    .name = "onednn",
    .help = "oneDNN",
    .lacks = "this program was built without it (install libdnnl-dev, then configure again)",
};
#endif
