/* pack.c - see pack.h */
#include "eval/pack.h"

#include <stdlib.h>

/* How many samples from `at` on fit in one batch, and their rows. */
static size_t fit(const struct pack *p, size_t at, size_t *rows)
{
    size_t n = 0, labels = 0;

    *rows = 0;
    for (; at + n < p->d->n; n++) {
        const struct sample *s = &p->d->sample[at + n];

        if (s->n > p->room.rows - *rows || s->n_labels > p->room.labelled - labels)
            break;
        *rows += s->n;
        labels += s->n_labels;
    }
    return n;
}

int pack_open(struct pack *p, const struct dataset *d, struct acts_room room, struct vac_err *err)
{
    size_t longest = room.rows < room.context ? room.rows : room.context, most = 0, n, N;

    *p = (struct pack){.d = d, .room = room};
    for (size_t i = 0; i < d->n; i++) {
        const struct sample *s = &d->sample[i];

        if (s->n > longest || s->n_labels > room.labelled)
            return err_set(
                err, VAC_ERR_USAGE,
                "%s:%zu: the row has %zu %s, but there is room for %zu: use a smaller max_length",
                d->n_files ? d->file[s->source] : "data", s->line,
                s->n > longest ? s->n : s->n_labels, s->n > longest ? "tokens" : "labels",
                s->n > longest ? longest : room.labelled);
    }
    for (size_t at = 0; at < d->n; at += n) {
        n = fit(p, at, &N);
        most = n > most ? n : most;
        p->max_N = N > p->max_N ? N : p->max_N;
    }
    p->index = mem_new(d->n, sizeof *p->index, err);
    if (!p->index || batch_init(&p->b, p->max_N, most, err)) {
        pack_close(p);
        return -1;
    }
    for (size_t i = 0; i < d->n; i++)
        p->index[i] = i;
    return 0;
}

void pack_rewind(struct pack *p)
{
    p->next = 0;
}

bool pack_next(struct pack *p)
{
    size_t rows, n = fit(p, p->next, &rows);

    if (n == 0)
        return false;
    batch_fill(&p->b, p->d, p->index + p->next, n, p->next);
    p->next += n;
    return true;
}

void pack_close(struct pack *p)
{
    free(p->index);
    batch_done(&p->b);
    *p = (struct pack){0};
}
