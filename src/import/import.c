/* import.c - the list of import formats, choosing rows, and writing them. */
#include "base/json_out.h"
#include "import/import.h"
#include "import/recognise.h"
#include "base/name.h"
#include "base/utf8.h"
#include "data/draw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DECLARE(name) extern const struct import_format import_##name;
IMPORTS(DECLARE)

#define ADDRESS(name) &import_##name,
static const struct import_format *const imports[] = {IMPORTS(ADDRESS) NULL};

const struct import_format *import_at(size_t i)
{
    return i < sizeof imports / sizeof *imports ? imports[i] : NULL;
}

const struct import_format *import_find(const char *name, struct vac_err *err)
{
    size_t i = name_find(name, name_of, imports);
    struct strbuf names = {0};
    const char *near;

    if (i != SIZE_MAX)
        return imports[i];
    near = err_nearest(name, name_of, imports);
    name_list(name_of, imports, &names);
    if (near)
        err_set(err, VAC_ERR_USAGE, "unknown format \"%s\" (did you mean \"%s\"?)", name, near);
    else if (!sb_ok(&names, err))
        err_set(err, VAC_ERR_USAGE, "unknown format \"%s\": one of %s, auto", name, names.s);
    sb_done(&names);
    return NULL;
}

/* --- choosing rows --- */

static const char *const reasons[IMPORT_REASONS] = {
    [IMPORT_NOT_SAFE] = "unsafe",
    [IMPORT_NOT_UNSAFE] = "safe",
    [IMPORT_OTHER_KIND] = "of another kind",
    [IMPORT_OTHER_MODEL] = "by another model",
    [IMPORT_EMPTY] = "without an instruction",
    [IMPORT_BEFORE] = "before the first to take",
    [IMPORT_UNDRAWN] = "not drawn",
};

void import_report_text(const struct import_report *r, struct strbuf *out)
{
    size_t all = 0;
    bool first = true;

    for (size_t i = 0; i < IMPORT_REASONS; i++)
        all += r->skipped[i];
    sb_printf(out, "%s: %zu row%s read, %zu written", r->format->name, r->read,
              r->read == 1 ? "" : "s", r->written);
    if (all)
        sb_printf(out, ", %zu skipped (", all);
    for (size_t i = 0; i < IMPORT_REASONS; i++) {
        if (!r->skipped[i])
            continue;
        sb_printf(out, "%s%zu %s", first ? "" : ", ", r->skipped[i], reasons[i]);
        first = false;
    }
    sb_puts(out, all ? ")" : "");
}

/* A choice by something that the row does not tell. */
static int check_choice(const struct record *r, const struct import_format *f,
                        const struct import_choice *c, const struct import_sample *s,
                        struct vac_err *err)
{
    const char *what = NULL;

    if (c->safety && s->is_safe < 0)
        what = "whether it is safe";
    else if (c->kind && !s->kind)
        what = "of what kind the answer is";
    else if (c->model && !s->model)
        what = "which model answered";
    if (!what)
        return 0;
    return record_error(r, NULL, err, "rows of %s do not tell %s here: leave that choice out",
                        f->name, what);
}

/* --- writing --- */

/* The import under way. */
struct work {
    const struct import_format *format;
    const struct import_choice *choice;
    import_put *put;
    void *ctx;
    struct import_report *report;
    struct strbuf line;
    struct draw draw;
    bool counting; /* how many rows may be taken, before any is */
    size_t fit;    /* rows that may be, so far */
};

static int write_sample(struct work *w, const struct import_sample *s, struct vac_err *err)
{
    const struct {
        const char *name, *value;
    } more[] = {{"category", s->category}, {"id", s->id}, {"label", s->label}};
    struct json_out o = json_out(&w->line);

    sb_clear(&w->line);
    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "instruction", s->instruction ? s->instruction : "");
    json_put_text(&o, "input", s->input ? s->input : "");
    json_put_text(&o, "output", w->choice->prompts_only || !s->output ? "" : s->output);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i].value && *more[i].value)
            json_put_text(&o, more[i].name, more[i].value);
    json_put_end(&o);
    sb_putc(&w->line, '\n');
    if (sb_ok(&w->line, err) || w->put(w->ctx, w->line.s, w->line.len, err))
        return -1;
    w->report->written++;
    return 0;
}

/* Why the row is left out; IMPORT_REASONS = it is not. */
static enum import_reason judge(struct work *w, const struct import_sample *s)
{
    const struct import_choice *c = w->choice;
    size_t place;

    if (c->safety == IMPORT_SAFE && !s->is_safe)
        return IMPORT_NOT_SAFE;
    if (c->safety == IMPORT_UNSAFE && s->is_safe)
        return IMPORT_NOT_UNSAFE;
    if (c->kind && strcmp(c->kind, s->kind))
        return IMPORT_OTHER_KIND;
    if (c->model && strcmp(c->model, s->model))
        return IMPORT_OTHER_MODEL;
    if (utf8_is_blank(s->instruction))
        return IMPORT_EMPTY;
    place = draw_place(&w->draw, w->fit++);
    if (place < c->skip)
        return IMPORT_BEFORE;
    return c->take && place - c->skip >= c->take ? IMPORT_UNDRAWN : IMPORT_REASONS;
}

/* A text, or in JSON a list of one. */
static int map_text(const struct record *r, const char *name, const char **out, struct arena *a,
                    struct vac_err *err)
{
    const cJSON *v = r->json ? cJSON_GetObjectItemCaseSensitive(r->object.v, name) : NULL;

    if (!cJSON_IsArray(v))
        return record_scalar(r, name, out, a, err);
    if (cJSON_GetArraySize(v) != 1 || !cJSON_IsString(v->child))
        return record_error(r, name, err, "expected one text");
    *out = arena_strndup(a, v->child->valuestring, strlen(v->child->valuestring), err);
    return *out ? 0 : -1;
}

static int map_record(const struct import_map *m, const struct record *r, struct import_sample *out,
                      struct arena *a, struct vac_err *err)
{
    const struct {
        const char *name, **to;
        bool needed;
    } of[] = {{m->instruction, &out->instruction, true},
              {m->input, &out->input, !m->instruction},
              {m->output, &out->output, true},
              {m->category, &out->category, false},
              {m->id, &out->id, false},
              {m->kind, &out->kind, false}};
    size_t k;

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (of[i].name && (of[i].needed || record_has(r, of[i].name)) &&
            map_text(r, of[i].name, of[i].to, a, err))
            return -1;
    if (m->choice) {
        if (record_choice(r, m->choice, m->values, &k, err))
            return -1;
        out->output = m->answers[k];
    }
    if (m->wish)
        out->instruction = m->wish;
    if (m->safety)
        out->is_safe = m->safety == IMPORT_SAFE;
    return 0;
}

static int take_record(struct work *w, const struct record *r, struct arena *a, struct vac_err *err)
{
    struct import_sample s = {.is_safe = -1};
    enum import_reason why;

    if ((w->format->convert ? w->format->convert(r, w->choice, &s, a, err)
                            : map_record(&w->format->map, r, &s, a, err)) ||
        (w->format->reads && record_unread(r, w->format->reads, err)) ||
        check_choice(r, w->format, w->choice, &s, err))
        return -1;
    why = judge(w, &s);
    if (w->counting)
        return 0;
    w->report->read++;
    if (why == IMPORT_REASONS)
        return write_sample(w, &s, err);
    w->report->skipped[why]++;
    return 0;
}

/* From the current record on. */
static int take_records(struct work *w, struct record *r, struct vac_err *err)
{
    size_t take = w->choice->take ? w->choice->take : SIZE_MAX;
    int rc = 1;

    while (rc > 0 && w->report->written < take) {
        struct arena a = {0};

        rc = take_record(w, r, &a, err);
        arena_done(&a);
        if (!rc && w->report->written < take)
            rc = record_next(r, err);
    }
    return rc;
}

/* Too few rows are an error: a run must not be smaller than was asked for without a word. */
static int check_written(const struct work *w, const char *path, struct vac_err *err)
{
    size_t take = w->choice->take, written = w->report->written;
    struct strbuf text = {0};

    if (written && (!take || written == take))
        return 0;
    import_report_text(w->report, &text);
    if (sb_ok(&text, err))
        written = 0;
    else if (take)
        err_set(err, VAC_ERR_USAGE, "%s: %zu rows are to be taken, but there are only %zu (%s)",
                path, take, written, text.s);
    else
        err_set(err, VAC_ERR_FORMAT, "%s: no row is left to write (%s)", path, text.s);
    sb_done(&text);
    return -1;
}

static int read_through(struct work *w, const char *path, struct vac_err *err)
{
    struct record r = {0};
    int rc = recognise_open(&r, path, w->format, err);

    w->fit = 0;
    if (!rc)
        rc = take_records(w, &r, err);
    record_close(&r);
    return rc;
}

static int import_work(struct work *w, const char *path, struct vac_err *err)
{
    const struct import_choice *c = w->choice;
    int rc = 0;

    if (c->drawn && (c->skip || c->take)) {
        w->counting = true;
        rc = read_through(w, path, err);
        w->counting = false;
        if (rc == 0)
            rc = draw_init(&w->draw, w->fit, c->seed, err);
    }
    if (rc == 0)
        rc = read_through(w, path, err);
    draw_done(&w->draw);
    return rc ? -1 : check_written(w, path, err);
}

static int check_columns(const struct import_format *f, const struct import_choice *c,
                         struct vac_err *err)
{
    const bool any = c->instruction || c->input || c->output || c->category || c->id || c->label;

    if (f->named_columns && !c->instruction)
        return err_set(err, VAC_ERR_USAGE, "format %s: say which column or key is the instruction",
                       f->name);
    if (!f->named_columns && any)
        return err_set(err, VAC_ERR_USAGE,
                       "format %s has columns of its own: only format table lets you name them",
                       f->name);
    return 0;
}

int import_rows(const char *path, const struct import_format *f, const struct import_choice *c,
                import_put *put, void *ctx, struct import_report *report, struct vac_err *err)
{
    struct work w = {.choice = c, .put = put, .ctx = ctx, .report = report};
    int rc;

    *report = (struct import_report){0};
    w.format = report->format = f ? f : recognise(path, imports, err);
    if (!w.format || check_columns(w.format, c, err))
        return -1;
    rc = import_work(&w, path, err);
    sb_done(&w.line);
    return rc;
}

static int put_file(void *ctx, const char *line, size_t n, struct vac_err *err)
{
    return out_put(ctx, line, n, err);
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int import_file(const char *path, const struct import_format *f, const struct import_choice *c,
                const char *out, struct import_report *report, struct vac_err *err)
{
    struct outfile file = {0};
    int rc = -1;

    *report = (struct import_report){0};
    if (same_file(path, out))
        return err_set(err, VAC_ERR_USAGE,
                       "%s: would be replaced by what is made of it: name another", out);
    if (!out_open(&file, out, err) && !import_rows(path, f, c, put_file, &file, report, err))
        rc = out_commit(&file, err);
    out_abort(&file);
    return rc;
}

/* --- for the formats --- */

int import_join(const char **out, const char *const *texts, struct arena *a, struct vac_err *err)
{
    struct strbuf b = {0};
    int rc = -1;

    for (size_t i = 0; texts[i]; i++)
        sb_puts(&b, texts[i]);
    if (!sb_ok(&b, err)) {
        *out = arena_strndup(a, b.s ? b.s : "", b.len, err);
        rc = *out ? 0 : -1;
    }
    sb_done(&b);
    return rc;
}
