/* backend_meter.c - a backend for `vaccine bench --profile`: the CPU with a stopwatch on every op. */
#include "compute/backend_meter.h"
#include <stdlib.h>
#include <time.h>
#include "base/io.h"
#include "base/mem.h"
#include "compute/backends.h"
#include "compute/cpu.h"

#define METER_NAME(kind, name) name,
const char *const meter_names[METER_COUNT] = {METER_KINDS(METER_NAME)};
#undef METER_NAME

struct meter {
    struct compute base;
    struct compute *cpu;
    struct meter_reading kind[METER_COUNT];
};

double meter_now(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
               ? clock_now()
               : (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct meter *meter_of(struct compute *c)
{
    return (struct meter *)c;
}

const struct meter_reading *meter_readings(const struct compute *c)
{
    return ((const struct meter *)c)->kind;
}

void meter_reset(struct compute *c)
{
    for (size_t i = 0; i < METER_COUNT; i++)
        meter_of(c)->kind[i] = (struct meter_reading){0};
}

static void note(struct compute *c, double start, enum meter_kind kind, double flops)
{
    struct meter_reading *r = &meter_of(c)->kind[kind];

    r->seconds += (meter_now() - start) / c->threads;
    r->flops += flops;
}

static double volume(size_t a, size_t b, size_t c)
{
    return 2.0 * (double)a * (double)b * (double)c;
}

/* Scores and mixing, where a query sees the keys up to its own. */
static double attention_work(const struct seq *seqs, size_t S, const struct attn_form *f)
{
    double pairs = 0;

    for (size_t s = 0; s < S; s++)
        pairs += (double)seqs[s].nq * ((double)seqs[s].nk - 0.5 * (double)(seqs[s].nq - 1));
    return 4 * pairs * (double)(f->H * f->E);
}

/* What each op is, in the words of its parameters. The gradient of attention makes the scores again. */
#define WORK_linear METER_PRODUCTS, volume(N, D, M)
#define WORK_linear_dx METER_PRODUCTS, volume(N, D, M)
#define WORK_linear_dw METER_PRODUCTS, volume(N, D, M)
#define WORK_lora_down METER_LORA, volume(N, D, R)
#define WORK_lora_up METER_LORA, volume(N, M, R)
#define WORK_lora_up_bwd METER_LORA, volume(N, M, R) * (ref_is(db) ? 2 : 1)
#define WORK_lora_down_dx METER_LORA, volume(N, D, R)
#define WORK_lora_down_dw METER_LORA, volume(N, D, R)
#define WORK_lora_merge METER_LORA, volume(M, D, R)
#define WORK_attention METER_ATTENTION, attention_work(seqs, S, f)
#define WORK_attention_bwd METER_ATTENTION, 2.5 * attention_work(seqs, S, f)
#define WORK_xent METER_HEAD, volume(N, D, V) * (1 + ref_is(dh) + ref_is(dw))
#define WORK_logprobs METER_HEAD, volume(N, D, V)

#define METER_V(name, ...)                                                                         \
    static void meter_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                            \
    {                                                                                              \
        struct compute *outer = c;                                                                 \
        double start = meter_now();                                                                \
        c = meter_of(outer)->cpu;                                                                  \
        op_##name(c, OP_NAMES(__VA_ARGS__));                                                       \
        note(outer, start, METER_WORK(name));                                                      \
    }
#define METER_R(name, ...)                                                                         \
    static double meter_##name(struct compute *c, OP_PARAMS(__VA_ARGS__))                          \
    {                                                                                              \
        struct compute *outer = c;                                                                 \
        double start = meter_now(), result;                                                        \
        c = meter_of(outer)->cpu;                                                                  \
        result = op_##name(c, OP_NAMES(__VA_ARGS__));                                              \
        note(outer, start, METER_WORK(name));                                                      \
        return result;                                                                             \
    }
#define METER_OP(name, ...) .name = meter_##name,
#define METER_TABLE(table, LIST)                                                                   \
    LIST(METER_V, METER_R)                                                                         \
    static const struct ops_##table meter_ops_##table = {LIST(METER_OP, METER_OP)};
#define METER_WORK(name) WORK_##name
METER_TABLE(linear, OPS_LINEAR)
METER_TABLE(attention, OPS_ATTENTION)
METER_TABLE(head, OPS_HEAD)
#undef METER_WORK
#define METER_WORK(name) METER_ROWS, 0
METER_TABLE(basic, OPS_BASIC)
METER_TABLE(rows, OPS_ROWS)

static struct buf *meter_alloc(struct compute *c, size_t n, struct vac_err *err)
{
    return backend_cpu.alloc(meter_of(c)->cpu, n, err);
}

static struct buf *meter_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                              struct vac_err *err)
{
    return backend_cpu.wrap(meter_of(c)->cpu, data, t, n, err);
}

static void meter_release(struct compute *c, struct buf *b)
{
    backend_cpu.release(meter_of(c)->cpu, b);
}

static void meter_upload(struct compute *c, struct ref to, const float *from, size_t n)
{
    backend_cpu.upload(meter_of(c)->cpu, to, from, n);
}

static void meter_download(struct compute *c, float *to, struct ref from, size_t n)
{
    backend_cpu.download(meter_of(c)->cpu, to, from, n);
}

static int meter_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err)
{
    return backend_cpu.reserve(meter_of(c)->cpu, lim, err);
}

static void meter_close(struct compute *c)
{
    if (c)
        backend_cpu.close(meter_of(c)->cpu);
    free(c);
}

static struct compute *meter_open(const struct compute *as, struct vac_err *err)
{
    struct meter *c = mem_new(1, sizeof(*c), err);

    if (!c)
        return NULL;
    c->base = *as;
    c->base.be = &backend_meter;
    c->cpu = backend_cpu.open(as, err);
    if (c->cpu)
        return &c->base;
    free(c);
    return NULL;
}

const struct backend backend_meter = {
    .name = "meter",
    .help = "the processor, with a stopwatch on every op",
    .open = meter_open,
    .close = meter_close,
    .scratch_bytes = cpu_scratch_bytes,
    .reserve = meter_reserve,
    .head_rows = head_chunk,
    .alloc = meter_alloc,
    .wrap = meter_wrap,
    .release = meter_release,
    .upload = meter_upload,
    .download = meter_download,
    .basic = &meter_ops_basic,
    .rows = &meter_ops_rows,
    .linear = &meter_ops_linear,
    .attention = &meter_ops_attention,
    .head = &meter_ops_head,
};
