/* cmd_bench.c - `vaccine bench`: how fast a training step is here, beside what the matrix products
 * alone can reach in the same run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/json_out.h"
#include "base/io.h"
#include "base/rng.h"
#include "rig/bench_shape.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/source.h"
#include "compute/backend_meter.h"
#include "compute/products.h"
#include "compute/speed.h"
#include "defense/method.h"
#include "defense/step.h"
#include "rig/optimizer.h"

/* For which a product is measured. */
#define SPEED_SECONDS 0.1

struct bench_values {
    struct cli_common common;
    int shape, method;
    int64_t steps, warmup;
    uint64_t seed;
    bool json, profile, each;
};

#define METHOD_NAME(name) #name,
static const char *const method_names[] = {METHODS(METHOD_NAME) NULL};
#define METHOD_OR(name) "|" #name

static const struct cli_option options[] = {
    {.row = {.name = "shape",
             .help = "size of the random model and its batch",
             .type = OPTION_CHOICE,
             .choices = bench_shape_names,
             .offset = offsetof(struct bench_values, shape)},
     .letter = 's',
     .arg = "tiny|small|smollm|opt"},
    {.row = {.name = "method",
             .help = "what a step does",
             .type = OPTION_CHOICE,
             .choices = method_names,
             .offset = offsetof(struct bench_values, method)},
     .letter = 'm',
     .arg = &(METHODS(METHOD_OR))[1]},
    {.row = {.name = "steps",
             .help = "steps that are timed",
             .type = OPTION_INT,
             .min = 1,
             .max = 100000,
             .def = 10,
             .offset = offsetof(struct bench_values, steps)},
     .letter = 'n',
     .arg = "N"},
    {.row = {.name = "warmup",
             .help = "steps before those",
             .type = OPTION_INT,
             .max = 100000,
             .def = 2,
             .offset = offsetof(struct bench_values, warmup)},
     .arg = "N"},
    {.row = {.name = "seed",
             .help = "of the random weights and tokens",
             .type = OPTION_SEED,
             .def = 1,
             .offset = offsetof(struct bench_values, seed)},
     .arg = "N"},
    {.row = {.name = "json",
             .help = "print one JSON object",
             .type = OPTION_BOOL,
             .offset = offsetof(struct bench_values, json)}},
    {.row = {.name = "profile",
             .help = "also where the time of a step goes, and how much of it there must be",
             .type = OPTION_BOOL,
             .offset = offsetof(struct bench_values, profile)}},
    {.row = {.name = "each",
             .help = "also how fast each matrix product of the step is, and the library alone",
             .type = OPTION_BOOL,
             .offset = offsetof(struct bench_values, each)}},
    CLI_THREADS(struct bench_values),
    CLI_PRODUCTS(struct bench_values),
    CLI_PRECISION(struct bench_values),
    CLI_BACKEND(struct bench_values),
    {.row.name = NULL},
};

/* Everything that the steps work on, made before the first. */
struct bench {
    const struct bench_values *v;
    const struct bench_shape *shape;
    const struct method *method;
    void *options; /* the method's own, with their defaults */
    struct compute *c;
    struct model *m;
    struct acts *acts;
    struct batch batch;
    struct step step;
    struct optimizer optimizer;
    double *ms;
    double first_loss, last_loss;
    double took, cpu,
        optimizer_time; /* seconds of all timed steps; of processors; of the optimizer */
};
struct speeds { /* of a product, GFLOP/s */
    struct product product;
    double here, library; /* as a step does it; by one call in one thread */
};
struct result {
    struct speeds each[BENCH_MAX_PRODUCTS];
    size_t n_each;
    double ms_median, ms_min, tokens, gflop, gflops, gemm, peak_mb;
    double peak; /* GFLOP/s of multiply-adds on all threads: no step can be faster */
};

/* ---- The steps ---- */

/* The method's passes, clipping, AdamW. */
static int time_steps(struct bench *b, struct vac_err *err)
{
    static const struct stage_spec stage = {
        .weight_decay = 0.1, .max_grad_norm = 1, .beta1 = 0.9, .beta2 = 0.999, .adam_eps = 1e-8};
    const int64_t warmup = b->v->warmup, total = warmup + b->v->steps;

    for (int64_t i = 0; i < total; i++) {
        double start, passed;

        if (i == warmup) { /* what was measured so far belongs to the warming up */
            b->optimizer_time = 0;
            b->cpu = meter_now();
            b->took = clock_now();
            if (b->v->profile)
                meter_reset(b->c);
        }
        start = clock_now();
        b->step.step = b->step.stage_step = (uint64_t)i + 1;
        step_run(&b->step, b->method);
        passed = meter_now();
        optimizer_update(&b->optimizer, &stage, 1e-3, optimizer_grad_norm(&b->optimizer));
        b->optimizer_time += (meter_now() - passed) / b->c->threads;
        b->last_loss = b->step.out.loss;
        if (i >= warmup)
            b->ms[i - warmup] = (clock_now() - start) * 1e3;
        if (i == 0)
            b->first_loss = b->last_loss;
        if (!isfinite(b->last_loss))
            return err_set(err, VAC_ERR_NUMERIC, "bench: the loss of step %llu is not a number",
                           (unsigned long long)b->step.step);
    }
    b->took = clock_now() - b->took;
    b->cpu = meter_now() - b->cpu;
    return 0;
}

/* ---- Before the first ---- */

/* The model, and what of it is trained. */
static int make_model(struct bench *b, struct vac_err *err)
{
    const struct lora_spec lora = {.r = BENCH_RANK, .alpha = 4, .targets = "all"};
    struct strbuf text = {0};
    const struct params *p;
    cJSON *doc = NULL;
    struct jnode root;

    b->shape->config(b->shape, &text);
    if (!sb_ok(&text, err) && (doc = json_parse(text.s, text.len, b->shape->name, err))) {
        root = json_root(doc, b->shape->name);
        b->m = model_random(&root, b->v->seed, b->c, err);
    }
    cJSON_Delete(doc);
    sb_done(&text);
    if (!b->m || (b->shape->full ? model_train_full(b->m, err)
                                 : model_add_lora(b->m, &lora, b->v->seed, 0, err)))
        return -1;
    /* B starts at 0, where A would have no gradient: a step in the middle of training is what is wanted */
    p = model_params(b->m);
    for (size_t i = 0; !b->shape->full && i < p->count; i++) {
        const struct param *x = &p->list[i];
        size_t n = x->rank == 2 ? x->shape[0] * x->shape[1] : x->shape[0];

        if (strstr(x->name, "lora_B"))
            op_normal(b->c, ref_at(p->w, x->at), n, rng_key(b->v->seed, RNG_INIT, 1, i), 0.02f);
    }
    return optimizer_init(&b->optimizer, b->m, err);
}

static int make_batch(struct bench *b, struct vac_err *err)
{
    const struct bench_shape *s = b->shape;
    int32_t *ids = mem_new(s->B * s->T, sizeof *ids, err);
    struct sample *sample = mem_new(s->B, sizeof *sample, err);
    size_t *index = mem_new(s->B, sizeof *index, err);
    const struct dataset d = {.sample = sample, .n = s->B};
    struct rng rng = {.key = rng_key(b->v->seed, RNG_TEST, 0, 0)};
    int rc = ids && sample && index ? batch_init(&b->batch, s->B * s->T, s->B, err) : -1;

    for (size_t i = 0; rc == 0 && i < s->B * s->T; i++)
        ids[i] = (int32_t)rng_below(&rng, s->V);
    for (size_t i = 0; rc == 0 && i < s->B; i++) {
        index[i] = i;
        sample[i] = (struct sample){
            .ids = ids + i * s->T, .labels = ids + i * s->T, .n = s->T, .n_labels = s->T - 1};
    }
    if (rc == 0)
        batch_fill(&b->batch, &d, index, s->B, 0);
    free(ids);
    free(sample);
    free(index);
    return rc;
}

static int bench_make(struct bench *b, struct vac_err *err)
{
    const struct bench_shape *s = b->shape;
    const size_t rows = s->B * s->T, labels = bench_shape_labels(s);
    struct cli_common common = b->v->common;

    b->ms = mem_new((size_t)b->v->steps, sizeof *b->ms, err);
    if (b->v->profile)
        common.backend = "meter";
    b->c = cli_compute_open(&common, err);
    if (!b->ms || !b->c || make_model(b, err) || make_batch(b, err))
        return -1;
    b->method = method_at((size_t)b->v->method);
    b->options = mem_new(1, b->method->options_size, err);
    if (!b->options || (b->method->options && option_defaults(b->method->options, b->options, err)))
        return -1;
    b->acts = acts_new(b->m, rows, labels, s->T, true, err);
    if (!b->acts || step_init(&b->step, b->m, b->acts, b->method, b->options, rows, labels, err))
        return -1;
    b->step.batch = &b->batch;
    b->step.n_batch = 1;
    b->step.seed = b->v->seed;
    return 0;
}

static void bench_done(struct bench *b)
{
    step_done(&b->step);
    if (b->options && b->method->options)
        option_free(b->method->options, b->options);
    free(b->options);
    optimizer_done(&b->optimizer);
    acts_free(b->acts);
    batch_done(&b->batch);
    model_close(b->m);
    compute_close(b->c);
    free(b->ms);
}

/* ---- After the last ---- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct result measure(struct bench *b)
{
    const size_t n = (size_t)b->v->steps;
    struct result r = {0};
    struct rusage usage = {0};
    struct product product[BENCH_MAX_PRODUCTS];
    double flops = 0, time = 0;

    getrusage(RUSAGE_SELF, &usage);
    qsort(b->ms, n, sizeof *b->ms, by_size);
    r.peak_mb = (double)usage.ru_maxrss / 1024;
    r.ms_min = b->ms[0];
    r.ms_median = n % 2 ? b->ms[n / 2] : (b->ms[n / 2 - 1] + b->ms[n / 2]) / 2;
    r.tokens = (double)b->batch.N / r.ms_median * 1e3;
    r.gflop = bench_shape_flops(b->shape, isfinite(b->step.out.loss_clean)) / 1e9;
    r.gflops = r.gflop / r.ms_median * 1e3;
    /* the step's products one after another, each shape by its share of the FLOPs */
    r.n_each = bench_shape_products(b->shape, product);
    for (size_t i = 0; i < r.n_each; i++) {
        struct speeds *x = &r.each[i];

        x->product = product[i];
        x->here = speed_of_products(b->c, product[i].s, SPEED_SECONDS, true);
        if (b->v->each)
            x->library = speed_of_library(b->c->products, product[i].s, SPEED_SECONDS);
        flops += product[i].flops;
        time += product[i].flops / x->here;
    }
    r.gemm = flops / time;
    r.peak = speed_of_core(b->c->products, 256, 0.2).peak * b->c->threads;
    return r;
}

/* A line of the profile: milliseconds a step, share of the step, and of the limit where work is
 * counted. */
static void put_part(const struct bench *b, const struct result *r, const char *name,
                     double seconds, double flops, struct strbuf *out)
{
    const double n = (double)b->v->steps;

    sb_printf(out, "  %-13s %9.2f ms %5.1f %%", name, seconds / n * 1e3, 100 * seconds / b->took);
    if (flops > 0)
        sb_printf(out, "  %7.1f GFLOP/s, %3.0f %% of the limit", flops / seconds / 1e9,
                  100 * flops / seconds / 1e9 / r->peak);
    sb_putc(out, '\n');
}

/* In time of processors. The optimizer's ops are element-wise ones too; waiting is what is left of the
 * step: a thread had no processor, or slept until others were done. */
static void put_profile(const struct bench *b, const struct result *r, struct strbuf *out)
{
    const struct meter_reading *kind = meter_readings(b->c);
    const double used = b->cpu / b->c->threads;
    double rest = used - b->optimizer_time;

    sb_puts(out, "profile\n");
    for (size_t i = 0; i < METER_COUNT; i++) {
        double seconds = kind[i].seconds - (i == METER_ROWS ? b->optimizer_time : 0);
        put_part(b, r, meter_names[i], seconds, kind[i].flops, out);
        rest -= seconds;
    }
    put_part(b, r, "optimizer", b->optimizer_time, 0, out);
    put_part(b, r, "between ops", rest, 0, out);
    put_part(b, r, "waiting", b->took - used, 0, out);
}

/* Operands are stored as they are (N) or transposed (T). */
static void put_each(const struct result *r, struct strbuf *out)
{
    sb_puts(out, "each         rows x columns x sum      GFLOP     GFLOP/s  the library alone\n");
    for (size_t i = 0; i < r->n_each; i++) {
        const struct speeds *x = &r->each[i];
        const struct sides *s = &x->product.s;

        sb_printf(out, "  %c%c  %7zu x %7zu x %5zu  %9.2f  %8.1f  %8.1f\n", s->ta ? 'T' : 'N',
                  s->tb ? 'T' : 'N', s->m, s->n, s->k, x->product.flops / 1e9, x->here, x->library);
    }
}

static void put_text(const struct bench *b, const struct result *r, struct strbuf *out)
{
    const struct bench_shape *s = b->shape;

    sb_printf(out,
              "shape     %s: %s, %zu layers, width %zu, vocabulary %zu, %s; %zu x %zu tokens\n",
              s->name, s->arch, s->L, s->D, s->V,
              s->full ? "all weights trained" : "LoRA of rank 8", s->B, s->T);
    sb_printf(out, "method    %s on %d thread%s, %s\n", b->method->name, b->c->threads,
              b->c->threads == 1 ? "" : "s", products_text(b->c->products));
    sb_printf(out, "step      %.2f ms (median of %lld), %.2f ms (fastest)\n", r->ms_median,
              (long long)b->v->steps, r->ms_min);
    sb_printf(out, "tokens    %.0f /s\n", r->tokens);
    sb_printf(out, "speed     %.1f GFLOP/s (%.2f GFLOP a step)\n", r->gflops, r->gflop);
    sb_printf(out, "products  %.1f GFLOP/s (matrix products of these shapes alone)\n", r->gemm);
    sb_printf(out, "ratio     %.2f\n", r->gflops / r->gemm);
    sb_printf(
        out,
        "limit     %.2f ms (%.0f GFLOP/s, what the cores can add and multiply): %.0f %% of it\n",
        r->gflop / r->peak * 1e3, r->peak, 100 * r->gflop / r->peak * 1e3 / r->ms_min);
    sb_printf(out, "memory    %.0f MB at most\n", r->peak_mb);
    sb_printf(out, "loss      %.4f -> %.4f\n", b->first_loss, b->last_loss);
    if (b->v->profile)
        put_profile(b, r, out);
    if (b->v->each)
        put_each(r, out);
}

/* With so many digits behind the point. */
static void put_fixed(struct json_out *o, const char *key, double x, int digits)
{
    sb_printf(json_put_raw(o, key), "%.*f", digits, x);
}

static void put_json(const struct bench *b, const struct result *r, struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "shape", b->shape->name);
    json_put_text(&o, "method", b->method->name);
    json_put_int(&o, "threads", b->c->threads);
    json_put_text(&o, "blas", products_text(b->c->products));
    json_put_int(&o, "steps", b->v->steps);
    put_fixed(&o, "ms_median", r->ms_median, 3);
    put_fixed(&o, "ms_min", r->ms_min, 3);
    put_fixed(&o, "tokens_per_s", r->tokens, 1);
    put_fixed(&o, "gflop", r->gflop, 3);
    put_fixed(&o, "gflops", r->gflops, 2);
    put_fixed(&o, "gemm_gflops", r->gemm, 2);
    put_fixed(&o, "ratio", r->gflops / r->gemm, 4);
    put_fixed(&o, "limit_ms", r->gflop / r->peak * 1e3, 3);
    put_fixed(&o, "peak_mb", r->peak_mb, 1);
    json_put_list(&o, "loss", JSON_TIGHT);
    json_put_num(&o, NULL, b->first_loss);
    json_put_num(&o, NULL, b->last_loss);
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct bench_values *v = values;
    struct bench b = {.v = v, .shape = bench_shape_at((size_t)v->shape)};
    struct strbuf out = {0};
    int rc = -1;

    (void)operand;
    if (!bench_make(&b, err) && !time_steps(&b, err)) {
        const struct result r = measure(&b);

        if (v->json)
            put_json(&b, &r, &out);
        else
            put_text(&b, &r, &out);
        rc = (v->json ? cli_write_data : cli_write)(&out, err);
    }
    sb_done(&out);
    bench_done(&b);
    return rc;
}

const struct command command_bench = {
    .name = "bench",
    .args = "",
    .help = "Measure the speed of training on this machine",
    .about =
        "Trains a random model of a fixed shape on random tokens and prints milliseconds a step, "
        "tokens and arithmetic a second, the speed of the same matrix products alone, the ratio "
        "of the two, and the memory taken.",
    .options = options,
    .values = sizeof(struct bench_values),
    .run = run,
};
