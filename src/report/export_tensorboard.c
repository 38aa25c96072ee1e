/* export_tensorboard.c - events.out.tfevents.*: TFRecords of protobuf events, written by hand.
 *
 * A record is its length (u64), the masked CRC-32C of those 8 bytes, the data, the masked CRC-32C
 * of the data; numbers are little-endian. An event is wall time (1), step (2), and either the file
 * version (3) or a summary (5) of values (1), each a tag (1) and a float (2). The file is replaced
 * whole, under the same name each time, so that a reader never sees half of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report/reader.h"

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

static void put_point(struct strbuf *summary, const struct vac_point *p, const struct vac_layers *l,
                      int n_layers)
{
    for (const struct point_column *c = point_columns; c->key; c++)
        if (c->tensorboard)
            put_value(summary, c->tensorboard, point_get(p, c));
    if (!l)
        return;
    put_series(summary, "eps", l->eps, n_layers);
    put_series(summary, "grad", l->grad, n_layers);
    put_series(summary, "drift", l->drift_rel, n_layers);
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
    sb_done(&event);
}

static void put_version(struct strbuf *out, double wall)
{
    static const char version[] = "brain.Event:2";
    struct strbuf event = {0};

    put_wall(&event, wall);
    put_bytes(&event, FIELD(3, 2), version, sizeof version - 1);
    put_record(out, &event);
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
            put_value(&summary, tag, eval_share(m->eval, (enum verdict)i));
        }
    }
    put_event(out, created + wall_of(m->last), m->point ? m->point->step : m->eval->step, &summary);
    out->bad |= summary.bad;
    sb_done(&summary);
}

static int write_tensorboard(const struct run_data *r, struct vac_err *err)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(r->config, "created");
    double created =
        cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e15 ? v->valuedouble : 0;
    size_t *join = reader_join(r, err);
    struct moment m = {0};
    struct strbuf out = {0};
    char name[64];
    int rc = -1;

    if (join) {
        put_version(&out, created);
        while (moment_next(r, &m))
            put_moment(&out, r, &m, join, created);
        snprintf(name, sizeof name, "events.out.tfevents.%lld.vaccine.0", (long long)created);
        rc = reader_replace(r->dir, name, &out, err);
    }
    sb_done(&out);
    free(join);
    return rc;
}

const struct export_row export_tensorboard = {
    .name = "tensorboard",
    .help = "events.out.tfevents.*: scalars for TensorBoard",
    .write = write_tensorboard,
};
