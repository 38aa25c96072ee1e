/* adapters.c - see adapters.h */
#include "run/adapters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vaccine/vaccine.h>

#include "base/json_out.h"
#include "weights/hub.h"

/* A model of the cache is "owner/name@commit" to everybody, and a folder of one's own to nobody else. */
static void put_base(struct json_out *o, const char *base)
{
    char *name, *commit;
    struct strbuf *to;

    if (hub_name_of(base, &name, &commit, NULL)) {
        json_put_text(o, "base", base);
        return;
    }
    to = json_put_raw(o, "base");
    sb_putc(to, '"');
    sb_json(to, name, strlen(name));
    sb_putc(to, '@');
    sb_json(to, commit, strlen(commit));
    sb_putc(to, '"');
    free(name);
    free(commit);
}

static void put_stage(struct json_out *o, const char *key, const char *name)
{
    char path[VAC_NAME + 16];

    snprintf(path, sizeof path, "../stages/%s", name);
    json_put_text(o, key, path);
}

void adapters_json(struct strbuf *out, const struct run_spec *run, bool full)
{
    const struct stage_spec *s = run->stage;
    size_t last = run->n_stages - 1, first = 0;
    struct json_out o = json_out(out);

    for (size_t i = 0; i <= last; i++)
        first = s[i].full ? i + 1 : first; /* its weights hold all that lay beneath */
    json_put_object(&o, NULL, JSON_LINED);
    if (first == 0)
        put_base(&o, run->model ? run->model : "");
    else if (first > last)
        json_put_text(&o, "base", ".");
    else
        put_stage(&o, "base", s[first - 1].name);
    json_put_list(&o, "adapters", JSON_SPACED);
    for (size_t i = first; i < last; i++)
        if (s[i + 1].adapter != ADAPTER_SAME) /* else the next one is a newer state of this one */
            put_stage(&o, NULL, s[i].name);
    if (!full)
        json_put_text(&o, NULL, ".");
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}
