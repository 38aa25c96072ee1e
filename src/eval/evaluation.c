/* evaluation.c - an entry is checked and its questions are read and tokenised. */
#include "eval/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/io.h"
#include "base/kind.h"
#include "data/rows.h"
#include "data/draw.h"
#include "eval/asked.h"
#include "judge/opening.h"
#include "eval/own.h"

/* --- checking --- */

const char *evaluation_file(const struct evaluation *e)
{
    return e->spec->judge ? e->spec->prompts : e->spec->data;
}

static int check_kind(const struct evaluate_spec *s, struct vac_err *err)
{
    if (!s->name || !evaluation_name_ok(s->name))
        return err_set(err, VAC_ERR_USAGE,
                       "name: expected 1 to 64 of a-z A-Z 0-9 _ . - and no . in front, "
                       "found \"%s\"",
                       s->name ? s->name : "");
    if (!s->judge == !s->metric)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: give either judge (with prompts) or metric (with data), not %s",
                       s->name, s->judge ? "both" : "neither");
    if (s->judge && (!s->prompts || s->data))
        return err_set(err, VAC_ERR_USAGE, "%s: a judge needs prompts%s", s->name,
                       s->data ? ", not data" : ", the file that is asked");
    if (s->metric && (!s->data || s->prompts))
        return err_set(err, VAC_ERR_USAGE, "%s: a metric needs data%s", s->name,
                       s->prompts ? ", not prompts" : ", a file with answers");
    return 0;
}

/* What the rows name on the disk is there. */
static int check_files(const struct evaluate_spec *s, const struct option_row *rows,
                       const void *base, struct vac_err *err)
{
    for (; rows && rows->name; rows++) {
        const char *path =
            rows->path == PATH_FILE ? *(char *const *)((const char *)base + rows->offset) : NULL;

        if (!path || file_exists(path))
            continue;
        if (kind_refuse_link(path, err))
            return err_prefix(err, "%s: %s", s->name, rows->name);
        return err_set(err, VAC_ERR_IO, "%s: %s: \"%s\" not found", s->name, rows->name, path);
    }
    return 0;
}

/* --- reading --- */

/* A text that may be absent, copied into the arena. */
static int keep(struct evaluation *e, const char *s, const char **out, struct vac_err *err)
{
    *out = s ? arena_strndup(&e->arena, s, strlen(s), err) : NULL;
    return s && !*out ? -1 : 0;
}

/* The row's own extra member: text, or a number as it would be written; NULL = has none. */
static int extra_text(struct evaluation *e, const struct row *row, const char *key,
                      const char **out, struct vac_err *err)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row->json, key);
    struct strbuf number = {0};
    int rc;

    *out = NULL;
    if (cJSON_IsString(v))
        return keep(e, v->valuestring, out, err);
    if (!cJSON_IsNumber(v))
        return 0;
    json_number(v, &number);
    rc = sb_ok(&number, err) ? -1 : keep(e, number.s, out, err);
    sb_done(&number);
    return rc;
}

/* The last user turn: its text, and its input below where it has one. */
static int question_text(struct evaluation *e, const struct row *row, const char **out,
                         struct vac_err *err)
{
    const struct turn *t = NULL;
    struct strbuf s = {0};
    int rc;

    for (size_t i = 0; i < row->n_turn; i++)
        if (row->turn[i].role == ROLE_USER)
            t = &row->turn[i];
    if (!t)
        return err_set(err, VAC_ERR_FORMAT, "the row has no user turn: nothing can be asked");
    sb_puts(&s, t->text);
    if (t->input && *t->input)
        sb_printf(&s, "\n\n%s", t->input);
    rc = sb_ok(&s, err) ? -1 : keep(e, s.s, out, err);
    sb_done(&s);
    return rc;
}

/* "label" or "answer" of the row, else what the assistant says last. */
static int expected_text(struct evaluation *e, const struct row *row, const char **out,
                         struct vac_err *err)
{
    const struct turn *last = row->n_turn > 0 ? &row->turn[row->n_turn - 1] : NULL;

    if (extra_text(e, row, "label", out, err) ||
        (utf8_is_blank(*out) && extra_text(e, row, "answer", out, err)))
        return -1;
    /* an empty answer stands in files of prompts alone: compared with it, none would be right */
    if (!utf8_is_blank(*out))
        return 0;
    if (!last || last->role != ROLE_ASSISTANT || utf8_is_blank(last->text))
        return err_set(err, VAC_ERR_FORMAT, "the row has no answer to compare with");
    return keep(e, last->text, out, err);
}

static int take_row(struct evaluation *e, const struct row *row, struct vac_err *err)
{
    size_t limit = model_config(e->m)->max_pos;
    struct ids *ids, answer = {0};
    struct question *q;

    if (mem_grow(&e->question, &e->cap_question, e->n + 1, sizeof *e->question, err) ||
        mem_grow(&e->prompt, &e->cap_prompt, e->n + 1, sizeof *e->prompt, err))
        return -1;
    q = &e->question[e->n];
    ids = &e->prompt[e->n++];
    *q = (struct question){0};
    *ids = (struct ids){0};
    if (question_text(e, row, &q->text, err) ||
        (e->metric && expected_text(e, row, &q->expected, err)) ||
        keep(e, row->category, &q->category, err) || keep(e, row->id, &q->id, err) ||
        (!q->category && extra_text(e, row, "category", &q->category, err)) ||
        encode_prompt(e->enc, row->turn, row->n_turn, ids, err))
        return -1;
    if (ids->n == 0)
        return err_set(err, VAC_ERR_FORMAT, "the prompt has no tokens");
    if (ids->n >= limit)
        return err_set(err, VAC_ERR_FORMAT,
                       "the prompt has %zu tokens, but the model takes less than %zu", ids->n,
                       limit);
    e->longest = ids->n > e->longest ? ids->n : e->longest;
    if (!e->metric)
        return 0;
    if (tokenizer_encode(e->enc->tok, q->expected, strlen(q->expected), false, &answer, err)) {
        ids_done(&answer);
        return -1;
    }
    e->too_long += answer.n > (size_t)e->spec->max_new_tokens;
    ids_done(&answer);
    return 0;
}

struct asked {
    struct evaluation *e;
    struct draw draw;
};

static int visit_row(void *ctx, const struct row *row, size_t index, struct vac_err *err)
{
    const struct asked *x = ctx;

    if (x->e->spec->take > 0 && draw_place(&x->draw, index) >= (size_t)x->e->spec->take)
        return 0;
    if (take_row(x->e, row, err))
        return err_prefix(err, "%s:%zu", evaluation_file(x->e), row->line);
    return 0;
}

static int read_questions(struct evaluation *e, struct vac_err *err)
{
    struct asked x = {.e = e};
    struct rows rows;
    int rc = 0;

    if (e->spec->take > 0 && !e->spec->from)
        rc = row_reader_draw(evaluation_file(e), e->spec->seed, &x.draw, err);
    if (rc == 0 && (rc = rows_read(&rows, evaluation_file(e), visit_row, &x, err)) == 0)
        rows_done(&rows);
    draw_done(&x.draw);
    if (rc)
        return -1;
    if (e->n < (size_t)e->spec->take)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: take asks for %lld rows, but the file holds only %zu",
                       evaluation_file(e), (long long)e->spec->take, e->n);
    return 0;
}

/* --- opening --- */

static int open_all(struct evaluation *e, struct vac_err *err)
{
    const struct evaluate_spec *s = e->spec;
    struct dataset_spec data = {
        .file = s->data, .take = (size_t)s->take, .drawn = !s->from, .seed = s->seed};
    struct own_keys own;

    if (check_kind(s, err))
        return -1;
    if (!own_of(s->judge, s->metric, &own, err))
        return err_prefix(err, "%s", s->name);
    if (s->judge)
        e->judge = judge_find(s->judge, err);
    else
        e->metric = metric_find(s->metric, err);
    if (check_files(s, evaluate_options, s, err) || check_files(s, own.rows, s->options, err))
        return -1;
    if (model_config(e->m)->n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: a sequence classifier cannot be evaluated: a language "
                       "model is needed",
                       s->name);
    if (evaluation_is_loss(e)) {
        if (dataset_add(&e->data, &data, e->enc, err))
            return -1;
        if (e->data.n == 0)
            return err_set(err, VAC_ERR_USAGE,
                           "%s: no row has a label left: use a larger max_length", s->data);
        e->n = e->data.n;
        return 0;
    }
    if (!e->enc->tok || !e->enc->tmpl)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: asking needs a tokenizer and a template: put tokenizer.json "
                       "beside the model",
                       s->name);
    if (stops_collect(&e->stops, e->m, e->enc, err))
        return -1;
    if (e->judge && opening_tokens(e->enc->tok, model_config(e->m)->V, &e->openings, err))
        return -1;
    if (e->judge && !(e->judge_self = e->judge->open(s->options, model_compute(e->m), err)))
        return err_prefix(err, "%s: judge", s->name);
    return read_questions(e, err);
}

struct evaluation *evaluation_open(const struct evaluate_spec *spec, const struct encoder *enc,
                                   struct model *m, struct vac_err *err)
{
    struct evaluation *e = mem_new(1, sizeof *e, err);

    if (!e)
        return NULL;
    e->spec = spec;
    e->enc = enc;
    e->m = m;
    if (!open_all(e, err))
        return e;
    evaluation_close(e);
    return NULL;
}

void evaluation_close(struct evaluation *e)
{
    if (!e)
        return;
    if (e->judge_self)
        e->judge->close(e->judge_self);
    for (size_t i = 0; e->prompt && i < e->n; i++)
        ids_done(&e->prompt[i]);
    free(e->question);
    free(e->prompt);
    ids_done(&e->openings);
    arena_done(&e->said_arena);
    dataset_done(&e->data);
    arena_done(&e->arena);
    free(e);
}

size_t evaluation_size(const struct evaluation *e)
{
    return e->n;
}

bool evaluation_counts(const struct evaluation *e, enum verdict verdict)
{
    return e->judge && e->spec->count == (int)verdict;
}

void evaluation_set_kind(struct evaluation *e, const struct evaluation *kind)
{
    e->kind = kind;
}

void evaluation_set_first(struct evaluation *e, struct evaluation *first)
{
    e->first = first;
    first->heard = true;
}

bool evaluation_is_rate(const struct evaluation *e)
{
    return !evaluation_is_loss(e);
}

const struct ids *evaluation_prompts(const struct evaluation *e, size_t *n)
{
    *n = e->prompt ? e->n : 0;
    return e->prompt;
}

size_t evaluation_longest(const struct evaluation *e)
{
    return e->kind && e->kind->longest > e->longest ? e->kind->longest : e->longest;
}

struct acts_room evaluation_room(const struct evaluation *e)
{
    struct acts_room room = {.rows = e->data.longest, .context = e->data.longest};

    for (size_t i = 0; i < e->data.n; i++)
        if (e->data.sample[i].n_labels > room.labelled)
            room.labelled = e->data.sample[i].n_labels;
    return room;
}

void evaluation_warning(const struct evaluation *e, struct strbuf *out)
{
    if (e->data.rows_skipped)
        sb_printf(out, "%zu of %zu rows are left out: no label is within max_length %zu",
                  e->data.rows_skipped, e->data.rows_seen, e->enc->max_length);
    if (e->too_long)
        sb_printf(out, "%zu of %zu expected answers are longer than max_new_tokens %lld: %s",
                  e->too_long, e->n, (long long)e->spec->max_new_tokens,
                  e->metric->whole ? "they cannot be right" : "answers like them are cut");
}

void evaluation_measure(const struct evaluation *e, struct strbuf *out)
{
    if (e->judge)
        sb_printf(out, "%s_rate", verdict_names[e->spec->count]);
    else
        sb_puts(out, e->spec->metric);
}
