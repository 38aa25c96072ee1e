/* past.c - see past.h */
#include <stdio.h>
#include <stdlib.h>

#include "base/trace.h"
#include "door/past.h"
#include "record/config.h"
#include "record/lines.h"
#include "record/reader.h"

int past_read(struct past *p, const char *dir, int64_t points_end, int64_t layers_end,
              struct vac_err *err)
{
    size_t points, layers;

    if (reader_history(dir, points_end, layers_end, &p->old_points, &points, &layers, err))
        return -1;
    p->first_point = points;
    p->first_layer = layers;
    return 0;
}

/* The ring has moved past the reader: what is missing is in the files, which are never behind it.
 * Each file is read once, however often the reader falls behind: lines that the ring still had are
 * passed over unread. Visits up to max lines from number `at` on. */
static void gap_visit(struct gap *g, const char *dir, const char *name, uint64_t at, uint64_t max,
                      lines_visitor *visit, struct reader_pile *pile)
{
    char *path = g->file ? NULL : path_join(dir, name, NULL);
    ssize_t n;

    if (path)
        g->file = stream_open(path, NULL);
    free(path);
    if (!g->file)
        return;
    if (g->number > at) { /* somebody reads it all again */
        rewind(g->file);
        g->number = 0;
    }
    clearerr(g->file); /* it has grown since */
    fflush(g->file);   /* ... and what was read ahead may have been set aside */
    while (g->number < at + max && (n = getline(&g->line, &g->cap, g->file)) > 0) {
        cJSON *doc;
        struct jnode line;
        int rc;

        if (g->number++ < at)
            continue;
        doc = json_parse_line(g->line, (size_t)n, "line", g->number, NULL);
        line = json_root(doc, name);
        rc = doc ? visit(pile, &line, NULL) : -1;
        cJSON_Delete(doc);
        if (rc)
            return;
    }
}

size_t past_points(struct past *p, struct control *ctl, const char *dir, uint64_t *next,
                   struct vac_point *out, size_t max)
{
    struct run_data r = {0};
    struct reader_pile pile = {.r = &r};
    uint64_t ring, lost;
    size_t n = 0;

    for (; *next < p->first_point && n < max; n++)
        out[n] = p->old_points[(*next)++];
    if (n || *next < p->first_point)
        return n;
    ring = *next - p->first_point;
    n = control_points(ctl, &ring, out, max, &lost);
    if (lost == 0) {
        *next = ring + p->first_point;
        return n;
    }
    r.config = run_config(dir, NULL);
    if (r.config && reader_stages(&r, NULL) == 0)
        gap_visit(&p->point_gap, dir, "metrics.jsonl", *next, lost < max ? lost : max, reader_point,
                  &pile);
    for (n = 0; n < r.n_points; n++)
        out[n] = r.point[n];
    run_data_done(&r);
    TRACE("gap: %llu points left the ring unread, %zu taken from the file",
          (unsigned long long)lost, n);
    *next += n ? n : lost;
    return n;
}

size_t past_layers(struct past *p, struct control *ctl, const char *dir, uint64_t *next,
                   struct vac_layers *out, size_t max)
{
    struct run_data r = {0};
    struct reader_pile pile = {.r = &r};
    uint64_t ring, lost = *next < p->first_layer ? p->first_layer - *next : 0;
    size_t n;

    if (lost == 0) {
        ring = *next - p->first_layer;
        n = control_layers(ctl, &ring, out, max, &lost);
        if (lost == 0) {
            *next = ring + p->first_layer;
            return n;
        }
    }
    gap_visit(&p->layer_gap, dir, "layers.jsonl", *next, lost < max ? lost : max, reader_layers,
              &pile);
    for (n = 0; n < r.n_layer_lines; n++)
        run_layers_at(&r, n, &out[n]);
    run_data_done(&r);
    TRACE("gap: %llu layers left the ring unread, %zu taken from the file",
          (unsigned long long)lost, n);
    *next += n ? n : lost;
    return n;
}

void past_done(struct past *p)
{
    struct gap *gaps[] = {&p->point_gap, &p->layer_gap};

    for (size_t i = 0; i < 2; i++) {
        if (gaps[i]->file)
            fclose(gaps[i]->file);
        free(gaps[i]->line);
    }
    free(p->old_points);
    *p = (struct past){0};
}
