/* dataset.c - which rows of which files make up a set.
 *
 * Rows are read and tokenised one at a time; only ids and labels are kept. Going round a file that
 * says `repeat` copies the samples' descriptors: their ids are shared. */
#include "data/dataset.h"
#include "data/rows.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows taken from one file. */
struct taken {
    const struct dataset_spec *spec;
    size_t file;    /* its index in the set */
    size_t in_file; /* rows read from it, those passed over included */
    size_t rows;    /* rows taken */
    size_t usable;  /* of those, the ones that gave a sample */
    size_t empty;   /* ... and the ones whose answer is empty */
    size_t *sample; /* [rows] index of the sample, or NONE */
    size_t cap;
};
#define NONE SIZE_MAX

static int add_file(struct dataset *d, const char *path, struct vac_err *err)
{
    size_t cap = d->n_files;

    if (mem_grow(&d->file, &cap, d->n_files + 1, sizeof *d->file, err))
        return -1;
    d->file[d->n_files] = mem_strdup(path, err);
    if (!d->file[d->n_files])
        return -1;
    d->n_files++;
    return 0;
}

static int push_sample(struct dataset *d, const struct sample *s, struct vac_err *err)
{
    if (mem_grow(&d->sample, &d->cap, d->n + 1, sizeof *d->sample, err))
        return -1;
    d->sample[d->n++] = *s;
    d->tokens += s->n;
    d->labels += s->n_labels;
    if (s->n > d->longest)
        d->longest = s->n;
    return 0;
}

static const int32_t *keep_ids(struct dataset *d, const struct ids *x, struct vac_err *err)
{
    int32_t *p = arena_alloc(&d->arena, x->n, sizeof *p, err);

    if (p)
        memcpy(p, x->v, x->n * sizeof *p);
    return p;
}

static int keep_sample(struct dataset *d, const struct taken *t, const struct row *row,
                       const struct encoded *e, struct vac_err *err)
{
    struct sample s = {.n = e->ids.n, .n_labels = e->n_labels, .harmful = t->spec->harmful};

    s.cut = e->cut;
    s.source = t->file;
    s.line = row->line;
    s.ids = keep_ids(d, &e->ids, err);
    s.labels = keep_ids(d, &e->labels, err);
    if (!s.ids || !s.labels)
        return -1;
    if (row->category) {
        s.category = arena_strndup(&d->arena, row->category, strlen(row->category), err);
        if (!s.category)
            return -1;
    }
    return push_sample(d, &s, err);
}

/* Nothing but white space is to be learnt. */
static bool is_empty(const struct row *row)
{
    for (size_t i = 0; i < row->n_turn; i++) {
        const char *s = row->turn[i].text;

        if (row->turn[i].train && s[strspn(s, " \t\r\n")])
            return false;
    }
    return !row->ids;
}

/* A row that was chosen: encoded and, when a label is left, a sample. */
static int take_row(struct dataset *d, struct taken *t, const struct row *row,
                    const struct encoder *enc, struct encoded *e, struct vac_err *err)
{
    if (mem_grow(&t->sample, &t->cap, t->rows + 1, sizeof *t->sample, err) ||
        encode_row(enc, row, e, err))
        return -1;
    d->rows_seen++;
    d->rows_cut += e->cut;
    t->sample[t->rows++] = e->n_labels > 0 ? d->n : NONE;
    if (e->n_labels == 0) {
        d->rows_skipped++;
        return 0;
    }
    t->usable++;
    t->empty += is_empty(row);
    d->rows_empty += is_empty(row);
    d->rows_text += !row->ids;
    return keep_sample(d, t, row, e, err);
}

/* Rows of a file by their place in its spec's order. */
struct stretch {
    struct draw draw;
    size_t from, to;
};

/* Goes through the file until `enough` samples are there, or the last row of the stretch. */
static int take_rows(struct dataset *d, struct taken *t, struct row_reader *in,
                     const struct stretch *stretch, size_t enough, const struct encoder *enc,
                     struct encoded *e, struct vac_err *err)
{
    size_t left = stretch->to - stretch->from;
    struct row row;
    int rc = 1;

    for (size_t i = 0; left > 0 && t->usable < enough; i++) {
        size_t place = draw_place(&stretch->draw, i);
        bool wanted = place >= stretch->from && place < stretch->to;
        struct arena scratch = {0};

        rc = stretch->draw.place && !wanted ? row_reader_pass(in, err)
                                            : row_reader_next(in, &row, &scratch, err);
        if (rc > 0 && i >= t->in_file)
            t->in_file = i + 1;
        if (rc == ROW_ODD) {
            d->rows_odd += wanted;
        } else if (rc > 0 && wanted &&
                   (in->format->questions /* alone teach nothing: meant for an evaluation */
                        ? err_set(err, VAC_ERR_FORMAT,
                                  "has no answer (output, response or completion)")
                        : take_row(d, t, &row, enc, e, err))) {
            err_prefix(err, "%s", in->where);
            rc = -1;
        }
        arena_done(&scratch);
        if (rc <= 0)
            return rc;
        left -= wanted;
    }
    return 0;
}

static int take_stretch(struct dataset *d, struct taken *t, const struct stretch *stretch,
                        size_t enough, const struct encoder *enc, struct vac_err *err)
{
    struct row_reader in;
    struct encoded e = {0};
    int rc;

    if (row_reader_open(&in, t->spec->file, err))
        return -1;
    in.skip_odd = t->spec->skip_odd;
    in.may_skip = true;
    rc = take_rows(d, t, &in, stretch, enough, enc, &e, err);
    encoded_done(&e);
    row_reader_close(&in);
    return rc;
}

static int by_line(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

/* Rows that lose their labels make room for the next ones of the order, in further rounds. */
static int take_drawn(struct dataset *d, struct taken *t, size_t enough, const struct encoder *enc,
                      struct vac_err *err)
{
    struct stretch stretch = {.from = t->spec->skip};
    size_t take = t->spec->take ? t->spec->take : SIZE_MAX, first = d->n, last, rounds = 0;
    int rc = row_reader_draw(t->spec->file, t->spec->seed, &stretch.draw, err);

    t->in_file = stretch.draw.n;
    stretch.from = stretch.from < stretch.draw.n ? stretch.from : stretch.draw.n;
    last = stretch.draw.n - stretch.from < take ? stretch.draw.n : stretch.from + take;
    while (!rc && stretch.from < last && t->usable < enough) {
        size_t want = enough - t->usable;

        stretch.to = last - stretch.from < want ? last : stretch.from + want;
        rc = take_stretch(d, t, &stretch, enough, enc, err);
        stretch.from = stretch.to;
        rounds++;
    }
    if (!rc && rounds > 1) { /* samples of several rounds, in the order of the file */
        qsort(d->sample + first, d->n - first, sizeof *d->sample, by_line);
        t->rows = d->n - first;
        for (size_t i = 0; i < t->rows; i++)
            t->sample[i] = first + i;
    }
    draw_done(&stretch.draw);
    return rc;
}

static int take_file(struct dataset *d, struct taken *t, size_t enough, const struct encoder *enc,
                     struct vac_err *err)
{
    const struct dataset_spec *spec = t->spec;
    size_t take = spec->take ? spec->take : SIZE_MAX;
    struct stretch stretch = {.from = spec->skip,
                              .to = take < SIZE_MAX - spec->skip ? spec->skip + take : SIZE_MAX};
    bool all = !spec->skip && !spec->take && enough == SIZE_MAX;
    int rc;

    t->file = d->n_files;
    if (add_file(d, spec->file, err))
        return -1;
    rc = spec->drawn && !all ? take_drawn(d, t, enough, enc, err)
                             : take_stretch(d, t, &stretch, enough, enc, err);
    if (!rc && t->rows == 0 && d->rows_odd > 0)
        rc = err_set(err, VAC_ERR_FORMAT,
                     "%s: no conversation left: all are of other roles than system, user and "
                     "assistant, or out of turn",
                     spec->file);
    if (!rc && t->rows == 0 && enough > 0)
        rc = err_set(err, VAC_ERR_USAGE, "%s: skip is %zu, but the file holds only %zu rows",
                     spec->file, spec->skip, t->in_file);
    if (!rc && t->empty > 0 && t->empty == t->usable)
        rc = err_set(err, VAC_ERR_FORMAT,
                     "%s: all %zu answers are empty: these are prompts alone, and would teach to "
                     "say nothing; give a file with answers",
                     spec->file, t->empty);
    return rc;
}

/* The sample of row `i` once more; *count is raised when there is one. */
static int take_again(struct dataset *d, const struct taken *t, size_t i, size_t *count,
                      struct vac_err *err)
{
    struct sample s;

    if (t->sample[i] == NONE)
        return 0;
    s = d->sample[t->sample[i]];
    ++*count;
    return push_sample(d, &s, err);
}

int dataset_add(struct dataset *d, const struct dataset_spec *spec, const struct encoder *enc,
                struct vac_err *err)
{
    struct taken t = {.spec = spec};
    int rc = take_file(d, &t, SIZE_MAX, enc, err);

    if (!rc && t.rows < spec->take && !spec->repeat)
        rc = err_set(
            err, VAC_ERR_USAGE,
            "%s: take asks for %zu rows, but there are only %zu after the %zu skipped: take "
            "fewer, or set \"repeat\": true",
            spec->file, spec->take, t.rows, spec->skip);
    for (size_t i = t.rows; !rc && i < spec->take; i++)
        rc = take_again(d, &t, i % t.rows, &t.usable, err);
    free(t.sample);
    return rc;
}

/* --- mixing --- */

/* One side of a mix: the harmful files or the others. */
struct side {
    bool harmful;
    size_t want, have;
    struct taken *taken; /* one for each spec; those of the other side stay empty */
    const struct dataset_spec *spec;
    size_t n_spec;
};

static int side_short(const struct side *s, size_t samples, struct vac_err *err)
{
    const char *first = NULL, *kind = s->harmful ? "harmful" : "other";
    char more[32] = "";
    size_t files = 0;

    for (size_t i = 0; i < s->n_spec; i++)
        if (s->spec[i].harmful == s->harmful && files++ == 0)
            first = s->spec[i].file;
    if (!first)
        return err_set(err, VAC_ERR_USAGE,
                       "harmful_ratio asks for %zu %s rows of %zu samples, but no file is %s",
                       s->want, kind, samples,
                       s->harmful ? "marked \"harmful\": true" : "without \"harmful\": true");
    if (files > 1)
        snprintf(more, sizeof more, " and %zu more", files - 1);
    return err_set(err, VAC_ERR_USAGE,
                   "%s%s: %zu %s rows are wanted for %zu samples, but only %zu are usable: ask for "
                   "fewer samples, or set \"repeat\": true",
                   first, more, s->want, kind, samples, s->have);
}

/* One more round through the files that say repeat. */
static int side_round(struct dataset *d, struct side *s, struct vac_err *err)
{
    for (size_t f = 0; f < s->n_spec; f++)
        for (size_t i = 0; s->spec[f].repeat && i < s->taken[f].rows && s->have < s->want; i++)
            if (take_again(d, &s->taken[f], i, &s->have, err))
                return -1;
    return 0;
}

static int side_take(struct dataset *d, struct side *s, size_t samples, const struct encoder *enc,
                     struct vac_err *err)
{
    size_t before;

    for (size_t f = 0; f < s->n_spec && s->have < s->want; f++) {
        struct taken *t = &s->taken[f];

        t->spec = &s->spec[f];
        if (t->spec->harmful != s->harmful)
            continue;
        if (take_file(d, t, s->want - s->have, enc, err))
            return -1;
        s->have += t->usable;
    }
    while (s->have < s->want) {
        before = s->have;
        if (side_round(d, s, err))
            return -1;
        if (s->have == before)
            return side_short(s, samples, err);
    }
    return 0;
}

static int mix_side(struct dataset *d, struct side s, size_t samples, const struct encoder *enc,
                    struct vac_err *err)
{
    int rc;

    s.taken = mem_new(s.n_spec, sizeof *s.taken, err);
    if (!s.taken)
        return -1;
    rc = side_take(d, &s, samples, enc, err);
    for (size_t i = 0; i < s.n_spec; i++)
        free(s.taken[i].sample);
    free(s.taken);
    return rc;
}

int dataset_mix(struct dataset *d, const struct dataset_spec *spec, size_t n_spec, size_t samples,
                double harmful_ratio, const struct encoder *enc, struct vac_err *err)
{
    struct side side = {.harmful = true, .spec = spec, .n_spec = n_spec};

    if (samples == 0 || samples > INT32_MAX)
        return err_set(err, VAC_ERR_USAGE, "samples is %zu: it must be from 1 to %d", samples,
                       INT32_MAX);
    if (!(harmful_ratio >= 0 && harmful_ratio <= 1))
        return err_set(err, VAC_ERR_USAGE, "harmful_ratio is %g: it must be from 0 to 1",
                       harmful_ratio);
    side.want = (size_t)llround(harmful_ratio * (double)samples);
    if (mix_side(d, side, samples, enc, err))
        return -1;
    side.harmful = false;
    side.want = samples - side.want;
    return mix_side(d, side, samples, enc, err);
}

size_t dataset_bytes(const struct dataset *d)
{
    return d->cap * sizeof *d->sample + d->tokens * 2 * sizeof(int32_t);
}

void dataset_done(struct dataset *d)
{
    for (size_t i = 0; i < d->n_files; i++)
        free(d->file[i]);
    free(d->file);
    free(d->sample);
    arena_done(&d->arena);
    *d = (struct dataset){0};
}
