/* kind.c - see kind.h */
#include "attack/kind.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "spec/spec_keys.h"

#define DECLARE(name) extern const struct attack_kind attack_kind_##name;
ATTACK_KINDS(DECLARE)

#define ADDRESS(name) &attack_kind_##name,
static const struct attack_kind *const kinds[] = {ATTACK_KINDS(ADDRESS) NULL};

const struct attack_kind *attack_kind_at(size_t i)
{
    return i < sizeof kinds / sizeof *kinds ? kinds[i] : NULL;
}

const struct attack_kind *attack_kind_of(const struct jnode *one, struct vac_err *err)
{
    const struct attack_kind *kind;
    struct spec_keys known = {0};
    const char *name = kinds[0]->name;

    if (json_opt_str(one, "kind", &name, err))
        return NULL;
    kind = attack_kind_at(name_want("kind of attack", name, name_of, kinds, err));
    if (!kind) {
        struct jnode n = spec_key(one, "kind");

        spec_prefix(&n, err);
        return NULL;
    }
    spec_keys_add(&known, "name");
    spec_keys_add(&known, "kind");
    for (size_t i = 0; kind->rows[i]; i++)
        spec_keys_rows(&known, kind->rows[i]);
    return spec_keys_check(&known, one, err) ? NULL : kind;
}

int attack_sets_put(struct attack_sets *s, struct strbuf *text, struct vac_err *err)
{
    if (sb_ok(text, err) || mem_grow(&s->v, &s->cap, s->n + 1, sizeof *s->v, err)) {
        sb_done(text);
        return -1;
    }
    s->v[s->n++] = text->s;
    *text = (struct strbuf){0};
    return 0;
}

int attack_sets_key(struct attack_sets *s, const struct attack_on *on, const char *key,
                    const char *value, struct vac_err *err)
{
    struct strbuf text = {0};

    sb_printf(&text, "stages.%s.%s=%s", on->stage, key, value);
    return attack_sets_put(s, &text, err);
}

void attack_sets_done(struct attack_sets *s)
{
    while (s->n)
        free(s->v[--s->n]);
    free(s->v);
    *s = (struct attack_sets){0};
}
