/* export_tensorboard.c - events.out.tfevents.*: TFRecords of protobuf events, written by hand.
 *
 * A record is its length (u64), the masked CRC-32C of those 8 bytes, the data, the masked CRC-32C
 * of the data; numbers are little-endian. An event is wall time (1), step (2), and either the file
 * version (3), a summary (5) of values (1), each a tag (1) and a float (2), or the start of a
 * session (7): what stood from that step on is no longer so.
 *
 * TensorBoard keeps an events file open and reads on in it, and moves on to one whose name sorts
 * later. So what is new is put behind what is there. Where a run has gone back, to a checkpoint,
 * and the steps after it are others now, they begin a later file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "report/export.h"
#include "record/score.h"
#include "record/folder.h"
#include "record/columns.h"

/* Field number and wire type: 0 = varint, 1 = 64 bits, 2 = length and bytes, 5 = 32 bits. */
#define FIELD(number, wire) ((unsigned char)((number) << 3 | (wire)))

static void put_le(struct strbuf *out, uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        sb_putc(out, (char)(unsigned char)(x >> (8 * i)));
}

static void put_varint(struct strbuf *out, uint64_t x)
{
    for (; x > 127; x >>= 7)
        sb_putc(out, (char)(unsigned char)(x | 128));
    sb_putc(out, (char)x);
}

static void put_bytes(struct strbuf *out, unsigned char field, const char *s, size_t n)
{
    sb_putc(out, (char)field);
    put_varint(out, n);
    sb_put(out, s ? s : "", n);
}

static uint32_t masked_crc(const char *s, size_t n)
{
    uint32_t crc = crc32c(0, s, n);

    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void put_record(struct strbuf *out, const struct strbuf *event)
{
    size_t at = out->len;

    put_le(out, event->len, 8);
    if (out->bad || event->bad) {
        out->bad = true;
        return;
    }
    put_le(out, masked_crc(out->s + at, 8), 4);
    sb_put(out, event->s, event->len);
    put_le(out, masked_crc(event->s, event->len), 4);
}

static void put_wall(struct strbuf *event, double wall)
{
    uint64_t bits;

    memcpy(&bits, &wall, sizeof bits);
    sb_putc(event, (char)FIELD(1, 1));
    put_le(event, bits, 8);
}

/* A value that is not finite was not measured and is left out. */
static void put_value(struct strbuf *summary, const char *tag, double x)
{
    struct strbuf value = {0};
    float f = (float)x;
    uint32_t bits;

    if (!isfinite(f))
        return;
    memcpy(&bits, &f, sizeof bits);
    put_bytes(&value, FIELD(1, 2), tag, strlen(tag));
    sb_putc(&value, (char)FIELD(2, 5));
    put_le(&value, bits, 4);
    put_bytes(summary, FIELD(1, 2), value.s, value.len);
    summary->bad |= value.bad;
    sb_done(&value);
}

static void put_series(struct strbuf *summary, const char *name, const float *x, int n)
{
    char tag[48];

    for (int i = 0; i < n; i++) {
        snprintf(tag, sizeof tag, "%s/layer_%d", name, i);
        put_value(summary, tag, (double)x[i]);
    }
}

static const size_t per_layer[] = {VAC_SERIES_eps, VAC_SERIES_grad, VAC_SERIES_drift_rel,
                                   VAC_SERIES_refusal};

static void put_point(struct strbuf *summary, const struct vac_point *p, const struct vac_layers *l,
                      int n_layers)
{
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        if (vac_columns[i].tensorboard)
            put_value(summary, vac_columns[i].tensorboard, point_get(p, i));
    if (!l)
        return;
    for (size_t k = 0; k < sizeof per_layer / sizeof *per_layer; k++)
        put_series(summary, vac_series[per_layer[k]].label, layers_get(l, per_layer[k]), n_layers);
    put_value(summary, "drift/aggregate", layers_total(l->drift_sq, n_layers));
}

static void put_event(struct strbuf *out, double wall, int64_t step, const struct strbuf *summary)
{
    struct strbuf event = {0};

    if (summary->len == 0)
        return;
    put_wall(&event, wall);
    sb_putc(&event, (char)FIELD(2, 0));
    put_varint(&event, (uint64_t)step);
    put_bytes(&event, FIELD(5, 2), summary->s, summary->len);
    put_record(out, &event);
    out->bad |= event.bad;
    sb_done(&event);
}

static void put_version(struct strbuf *out, double wall)
{
    static const char version[] = "brain.Event:2";
    struct strbuf event = {0};

    put_wall(&event, wall);
    put_bytes(&event, FIELD(3, 2), version, sizeof version - 1);
    put_record(out, &event);
    out->bad |= event.bad;
    sb_done(&event);
}

static double wall_of(const struct vac_point *p)
{
    return p && isfinite(p->wall) ? p->wall : 0;
}

static void put_moment(struct strbuf *out, const struct run_data *r, const struct moment *m,
                       const size_t *join, double created)
{
    struct strbuf summary = {0};
    char tag[VAC_NAME + 24];
    struct vac_layers l;

    if (m->point) {
        put_point(&summary, m->point, run_layers_at(r, join[m->i - 1], &l), r->n_layers);
    } else {
        snprintf(tag, sizeof tag, "eval/%s", m->eval->name);
        put_value(&summary, tag, m->eval->value);
        for (int i = 0; i < VERDICT_COUNT; i++) {
            snprintf(tag, sizeof tag, "eval/%s_%s", m->eval->name, verdict_names[i]);
            put_value(&summary, tag, score_share(m->eval, (enum verdict)i));
        }
        for (int i = 0; i < VAC_BENEATH_COUNT; i++) {
            snprintf(tag, sizeof tag, "eval/%s_%s", m->eval->name, vac_beneath[i].name);
            if (m->eval->beneath[i].known)
                put_value(&summary, tag, m->eval->beneath[i].value);
        }
    }
    put_event(out, created + wall_of(m->last), m->point ? m->point->step : m->eval->step, &summary);
    out->bad |= summary.bad;
    sb_done(&summary);
}

static void put_session(struct strbuf *out, double wall, int64_t from)
{
    static const char start[] = {FIELD(1, 0), 1};
    struct strbuf event = {0};

    put_wall(&event, wall);
    sb_putc(&event, (char)FIELD(2, 0));
    put_varint(&event, (uint64_t)from);
    put_bytes(&event, FIELD(7, 2), start, sizeof start);
    put_record(out, &event);
    sb_done(&event);
}

static double created_of(const struct run_data *r)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(r->config, "created");

    return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e15 ? v->valuedouble : 0;
}

static int put_moments(struct strbuf *out, const struct run_data *r, int64_t from,
                       struct vac_err *err)
{
    double created = created_of(r);
    size_t *join = reader_join(r, err);
    struct moment m = {0};

    if (!join)
        return -1;
    while (moment_next(r, &m))
        if ((m.point ? m.point->step : m.eval->step) >= from)
            put_moment(out, r, &m, join, created);
    free(join);
    return sb_ok(out, err);
}

/* The run from a step on, as a session that starts there; from < 0: all of it. */
static int put_events(struct strbuf *out, const struct run_data *r, int64_t from,
                      struct vac_err *err)
{
    double created = created_of(r);

    sb_clear(out);
    put_version(out, created);
    if (from >= 0)
        put_session(out, created, from);
    return put_moments(out, r, from, err);
}

static uint64_t get_le(const char *s, size_t bytes)
{
    uint64_t x = 0;

    while (bytes--)
        x = x << 8 | (unsigned char)s[bytes];
    return x;
}

/* Where the record begins that holds byte `at`, in n bytes of records of which the first `at` are
 * whole or ours. */
static size_t record_of(const char *s, size_t n, size_t at)
{
    size_t start = 0;

    while (n - start >= 12) {
        uint64_t len = get_le(s + start, 8);

        if (len > n - start - 12 || n - start - 12 - len < 4 || start + 16 + len > at)
            break;
        start += 16 + len;
    }
    return start;
}

/* The step of the event in the record there; 0 when it has none. */
static int64_t record_step(const char *s, size_t n, size_t start)
{
    uint64_t step = 0;
    size_t at = start + 12 + 9; /* behind the wall time */
    int shift = 0;

    if (at >= n || (unsigned char)s[at] != FIELD(2, 0))
        return 0;
    for (at++; at < n && shift < 63; at++, shift += 7) {
        step |= (uint64_t)((unsigned char)s[at] & 127) << shift;
        if (!(s[at] & 128))
            return step <= INT64_MAX ? (int64_t)step : 0;
    }
    return 0;
}

static size_t same_bytes(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && a[i] == b[i])
        i++;
    return i;
}

enum { FILES_MOST = 9999 };

enum { EVENTS_NAME = 64 };

/* "0001" sorts behind "0" */
static void events_name(char name[EVENTS_NAME], const struct run_data *r, int k)
{
    snprintf(name, EVENTS_NAME, "events.out.tfevents.%lld.vaccine.%0*d", (long long)created_of(r),
             k ? 4 : 1, k);
}

static char *events_path(const struct run_data *r, int k, struct vac_err *err)
{
    char name[EVENTS_NAME];

    events_name(name, r, k);
    return path_join(r->dir, name, err);
}

static bool events_exist(const struct run_data *r, int k)
{
    char *path = events_path(r, k, NULL);
    bool yes = path && file_exists(path);

    free(path);
    return yes;
}

static int write_events(const struct run_data *r, int k, int64_t from, struct strbuf *out,
                        struct export_part *part, struct vac_err *err)
{
    char *path = events_path(r, k, err);
    int rc = !path || put_events(out, r, from, err) ? -1 : out_text("", path, out, err);

    free(path);
    part->number = k;
    part->size = (int64_t)out->len;
    return rc;
}

/* What is new goes behind what is there; what is other than it was begins a file of its own. */
static int update(const struct run_data *r, int k, const char *was, size_t n, struct strbuf *out,
                  struct export_part *part, struct vac_err *err)
{
    size_t second = record_of(was, n, 16 + (size_t)get_le(was, 8)), same, start;
    int64_t from = k ? record_step(was, n, second) : -1, step;
    char *path;
    int rc;

    if (put_events(out, r, from, err))
        return -1;
    same = same_bytes(was, n, out->s, out->len);
    part->number = k;
    part->size = (int64_t)(same == out->len ? n : out->len);
    if (same == out->len)
        return 0;
    if (same == n) {
        path = events_path(r, k, err);
        rc = path ? file_extend(path, (int64_t)n, out->s + n, out->len - n, err) : -1;
        free(path);
        return rc < 0 ? -1 : 0;
    }
    if (k == FILES_MOST)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: %d events files are there: remove the old ones", r->dir, FILES_MOST);
    start = record_of(out->s, out->len, same);
    from = record_step(was, n, start);
    step = record_step(out->s, out->len, start);
    return write_events(r, k + 1, from < step ? from : step, out, part, err);
}

/* The first time: there may be files, of this run as it was before. */
static int begin_events(const struct run_data *r, struct strbuf *out, struct export_part *part,
                        struct vac_err *err)
{
    char *path, *was;
    size_t n = 0;
    int k = 0, rc = -1;

    while (k < FILES_MOST && events_exist(r, k + 1))
        k++;
    path = events_path(r, k, err);
    if (path && file_exists(path))
        was = file_read(path, SIZE_MAX, &n, err);
    else
        was = mem_strdup("", err);
    if (path && was) /* with less than its version there is nothing to go on from */
        rc = n < 16 ? write_events(r, k, k ? 0 : -1, out, part, err)
                    : update(r, k, was, n, out, part, err);
    free(was);
    free(path);
    return rc;
}

static int write_tensorboard(const struct run_data *r, bool done, struct export_part *part,
                             struct vac_err *err)
{
    struct strbuf out = {0};
    char name[EVENTS_NAME];
    int rc;

    (void)done;
    if (part->size == 0) {
        rc = begin_events(r, &out, part, err);
    } else {
        events_name(name, r, part->number);
        rc = put_moments(&out, r, -1, err) ? -1 : export_grow(r->dir, name, &out, part, err);
    }
    sb_done(&out);
    return rc;
}

const struct export_row export_tensorboard = {
    .name = "tensorboard",
    .help = "events.out.tfevents.*: scalars for TensorBoard",
    .write = write_tensorboard,
};
