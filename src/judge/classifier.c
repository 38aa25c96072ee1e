/* classifier.c - see classifier.h */
#include "judge/classifier.h"

#include <math.h>
#include <stdlib.h>

#include "model/pass.h"

/* Texts that go through the model at once, when they are of full length. */
#define TEXTS 4
#define MAX_TEXTS 32

struct classifier {
    struct model *m;
    struct acts *a;
    struct batch b;
    size_t max_tokens, rows;
};

/* Tokens of the longest text. */
static size_t cut_at(const struct model *m, size_t max_tokens)
{
    size_t limit = model_config(m)->max_pos;

    return max_tokens < limit ? max_tokens : limit;
}

struct classifier *classifier_open(const char *dir, size_t max_tokens, struct compute *c,
                                   struct vac_err *err)
{
    struct classifier *x = mem_new(1, sizeof *x, err);

    if (!x)
        return NULL;
    x->m = model_open(dir, c, err);
    if (!x->m)
        goto fail;
    if (model_config(x->m)->n_labels == 0) {
        err_set(err, VAC_ERR_UNSUPPORTED,
                "%s: is no sequence classifier: a judge needs a folder of class "
                "LlamaForSequenceClassification",
                dir);
        goto fail;
    }
    x->max_tokens = cut_at(x->m, max_tokens);
    x->rows = TEXTS * x->max_tokens;
    x->a = acts_new(x->m, x->rows, 1, x->max_tokens, false, err);
    if (x->a && !batch_init(&x->b, x->rows, MAX_TEXTS, err))
        return x;
fail:
    classifier_free(x);
    return NULL;
}

int classifier_memory(const char *dir, size_t max_tokens, struct compute *c, uint64_t *mapped,
                      uint64_t *own, struct vac_err *err)
{
    struct model *m = model_open(dir, c, err);
    size_t tokens, floats;

    if (!m)
        return -1;
    tokens = cut_at(m, max_tokens);
    floats = acts_floats(m, TEXTS * tokens, 1, false);
    *mapped = model_bytes(m);
    if (model_config(m)->rope.kind != ROPE_NONE && floats < SIZE_MAX) /* its two tables */
        floats += tokens * model_config(m)->E;
    *own = sizeof(float) * (uint64_t)floats;
    model_close(m);
    return floats < SIZE_MAX ? 0 : err_set(err, VAC_ERR_MEMORY, "%s: out of memory", dir);
}

void classifier_free(struct classifier *x)
{
    if (!x)
        return;
    batch_done(&x->b);
    acts_free(x->a);
    model_close(x->m);
    free(x);
}

size_t classifier_labels(const struct classifier *x)
{
    return model_config(x->m)->n_labels;
}

const char *classifier_label(const struct classifier *x, size_t i)
{
    return model_config(x->m)->label[i];
}

static int check_text(const struct classifier *x, const struct ids *text, struct vac_err *err)
{
    size_t V = model_config(x->m)->V;

    if (text->n == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: a text without tokens cannot be classified",
                       model_dir(x->m));
    for (size_t i = 0; i < text->n; i++)
        if (text->v[i] < 0 || (size_t)text->v[i] >= V)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s: token id %d is not in the model's vocabulary of %zu",
                           model_dir(x->m), (int)text->v[i], V);
    return 0;
}

/* Packs as many texts as fit from the front and runs them; how many is the result. */
static size_t run_some(struct classifier *x, const struct ids *text, size_t n, float *logits)
{
    struct pass p = {.m = x->m, .a = x->a, .b = &x->b, .from = PLACE_START, .stop = PLACE_START};
    struct sample sample[MAX_TEXTS];
    struct dataset packed = {.sample = sample};
    size_t index[MAX_TEXTS], rows = 0, k = 0;

    for (; k < n && k < MAX_TEXTS; k++) {
        size_t len = text[k].n < x->max_tokens ? text[k].n : x->max_tokens;

        if (rows + len > x->rows)
            break;
        rows += len;
        sample[k] = (struct sample){.ids = text[k].v, .n = len};
        index[k] = k;
    }
    packed.n = k;
    batch_fill(&x->b, &packed, index, k, 0);
    pass_classify(&p, logits);
    return k;
}

int classifier_rate(struct classifier *x, const struct ids *text, size_t n, float *prob,
                    struct vac_err *err)
{
    size_t K = classifier_labels(x), done = 0;

    for (size_t i = 0; i < n; i++)
        if (check_text(x, &text[i], err))
            return -1;
    while (done < n)
        done += run_some(x, text + done, n - done, prob + done * K);
    for (size_t i = 0; i < n * K; i++) {
        if (!isfinite(prob[i]))
            return model_not_numbers(x->m, "logits", err);
        prob[i] = (float)(1 / (1 + exp(-(double)prob[i])));
    }
    return model_check(x->m, err);
}
