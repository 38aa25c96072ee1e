/* defense_support.c - see defense_support.h */
#include "defense_support.h"

#include <math.h>

#include "base/rng.h"

const size_t lab_forms[LAB_FORMS] = {0, 2, 3, 4};
const char *const lab_backends[2] = {"cpu", "fence"};
const size_t lab_cuts[LAB_CUTS] = {20, 5, 1, 7};

struct samples {
    int32_t ids[LAB_SAMPLES][LAB_LONGEST], labels[LAB_SAMPLES][LAB_LONGEST];
    struct sample sample[LAB_SAMPLES];
    size_t rows, n_labels;
};

/* Lengths 2 to 9; the first two tokens are a prompt, one sample has no label at all. */
static void make_samples(struct samples *x, size_t V)
{
    struct rng r = {.key = rng_key(77, RNG_TEST, 0, 0)};

    *x = (struct samples){0};
    for (size_t s = 0; s < LAB_SAMPLES; s++) {
        size_t n = 2 + rng_below(&r, LAB_LONGEST - 1);
        for (size_t i = 0; i < n; i++) {
            x->ids[s][i] = (int32_t)rng_below(&r, V);
            x->labels[s][i] = i < 2 || s == 7 ? -100 : x->ids[s][i];
        }
        x->sample[s] = (struct sample){.ids = x->ids[s], .labels = x->labels[s], .n = n};
        x->rows += n;
        x->n_labels += s == 7 ? 0 : n - 2;
    }
}

static void pack(struct lab *x, size_t cut)
{
    struct samples d;
    struct dataset set = {.sample = d.sample, .n = LAB_SAMPLES};
    size_t index[LAB_SAMPLES];
    struct vac_err err = {0};

    make_samples(&d, model_config(x->m)->V);
    x->rows = d.rows;
    x->labels = d.n_labels;
    for (size_t i = 0; i < LAB_SAMPLES; i++)
        index[i] = i;
    for (size_t at = 0; at < LAB_SAMPLES; at += cut) {
        size_t n = LAB_SAMPLES - at < cut ? LAB_SAMPLES - at : cut;
        struct batch *b = &x->b[x->s.n_batch++];
        assert_ok(batch_init(b, d.rows, LAB_SAMPLES, &err), &err);
        batch_fill(b, &set, index + at, n, at);
    }
    x->s.batch = x->b;
}

/* "rho=2 norm=layer" */
static void set_options(struct lab *x, const char *text)
{
    struct vac_err err = {0};
    char copy[200], *save = NULL;

    snprintf(copy, sizeof copy, "%s", text ? text : "");
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        const struct option_row *row;
        *value++ = '\0';
        row = option_find(x->method->options, word);
        assert_non_null(row);
        assert_ok(option_set(row, value, x->options, word, &err), &err);
    }
}

/* Weights large enough that the attention outputs matter; B of the adapter is not zero. */
static void shake_adapter(struct lab *x)
{
    const struct params *p = model_params(x->m);
    float *w = calloc(p->n, sizeof *w);

    fill_normal(w, p->n, 31, 0.2);
    compute_upload(x->c, p->w, w, p->n);
    free(w);
}

void lab_open(struct lab *x, const struct plan *p)
{
    struct lora_spec lora = {.r = 3, .alpha = 3, .dropout = p->dropout, .targets = "all"};
    struct vac_err err = {0};

    *x = (struct lab){.form = rig_forms[p->form].name, .method = method_find(p->method, &err)};
    x->c = compute_open(p->backend ? p->backend : "cpu", p->threads ? p->threads : 1, NULL, &err);
    x->m = random_model(rig_forms[p->form].config, x->c, 5);
    if (p->full) {
        assert_ok(model_train_full(x->m, &err), &err);
    } else {
        assert_ok(model_add_lora(x->m, &lora, 1, 0, &err), &err);
        shake_adapter(x);
    }
    x->options = calloc(1, x->method->options_size + 1);
    if (x->method->options)
        assert_ok(option_defaults(x->method->options, x->options, &err), &err);
    set_options(x, p->options);
    x->a = acts_new(x->m, LAB_SAMPLES * LAB_LONGEST, LAB_SAMPLES * LAB_LONGEST, LAB_LONGEST, true,
                    &err);
    assert_ok(!x->a, &err);
    assert_ok(step_init(&x->s, x->m, x->a, x->method, x->options, LAB_SAMPLES * LAB_LONGEST,
                        LAB_SAMPLES * LAB_LONGEST, &err),
              &err);
    pack(x, p->cut ? p->cut : LAB_SAMPLES);
    x->s.seed = 3;
    x->s.step = 11;
    x->s.stage_step = 1;
}

void lab_close(struct lab *x)
{
    if (x->method->options)
        option_free(x->method->options, x->options);
    free(x->options);
    step_done(&x->s);
    for (size_t i = 0; i < LAB_SAMPLES; i++)
        batch_done(&x->b[i]);
    acts_free(x->a);
    model_close(x->m);
    compute_close(x->c);
}

void lab_run(struct lab *x)
{
    step_run(&x->s, x->method);
}

float *lab_fetch(struct lab *x, struct ref from, size_t n)
{
    float *y = calloc(n + 1, sizeof *y);

    compute_download(x->c, y, from, n);
    return y;
}

float *lab_gradients(struct lab *x)
{
    return lab_fetch(x, model_params(x->m)->g, model_params(x->m)->n);
}

float *plan_gradients(const struct plan *p, double *loss)
{
    struct lab x;
    float *g;

    lab_open(&x, p);
    lab_run(&x);
    g = lab_gradients(&x);
    *loss = x.s.out.loss;
    lab_close(&x);
    return g;
}

double lab_sum_squares(const double *x, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++)
        s += isnan(x[i]) ? 0 : x[i] * x[i];
    return s;
}

double lab_layer_square(struct lab *x, size_t l)
{
    return op_sumsq(x->c, step_slice(&x->s, x->s.eps, l, 0), x->s.rows * model_config(x->m)->D);
}

double lab_norm(struct lab *x)
{
    double s = 0;

    for (size_t l = 0; l < model_config(x->m)->L; l++)
        s += lab_layer_square(x, l);
    return sqrt(s);
}

float *lab_fetch_layers(struct lab *x)
{
    size_t L = model_config(x->m)->L, n = x->rows * model_config(x->m)->D;
    float *y = calloc(L * n, sizeof *y);

    for (size_t l = 0; l < L; l++)
        compute_download(x->c, y + l * n, step_slice(&x->s, x->s.eps, l, 0), n);
    return y;
}
