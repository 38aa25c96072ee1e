/* stops.c - the ends of an answer, from all files that name one. */
#include "model/stops.h"
#include "weights/hub.h"

void stops_add(struct stops *s, int32_t id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->id[i] == id)
            return;
    }
    if (id >= 0 && s->n < sizeof s->id / sizeof *s->id)
        s->id[s->n++] = id;
}

int32_t stops_eos(const struct model *m, const struct tokenizer *tok)
{
    const struct config *c = model_config(m);
    int32_t eos = tok ? tokenizer_roles(tok).eos : -1;

    return eos < 0 && c->n_eos ? c->eos[0] : eos;
}

int stops_collect(struct stops *s, const struct model *m, const struct encoder *enc,
                  struct vac_err *err)
{
    const struct config *c = model_config(m);
    struct gen_config gen = {0};
    int32_t end;

    *s = (struct stops){0};
    if ((*model_dir(m) && gen_config_read(model_dir(m), &gen, err)) || encoder_end(enc, &end, err))
        return -1;
    for (size_t i = 0; i < c->n_eos; i++)
        stops_add(s, c->eos[i]);
    for (size_t i = 0; i < gen.n_eos; i++)
        stops_add(s, gen.eos[i]);
    stops_add(s, enc->tok ? tokenizer_roles(enc->tok).eos : -1);
    stops_add(s, end);
    return 0;
}
