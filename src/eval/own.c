/* own.c - see own.h */
#include "eval/own.h"

#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"
#include "eval/metric.h"

static struct own_keys of_judge(const struct judge *j)
{
    return (struct own_keys){"judge", j->name, j->help, j->options, j->options_size};
}

static struct own_keys of_metric(const struct metric *m)
{
    return (struct own_keys){"metric", m->name, m->help, m->options, m->options_size};
}

bool own_at(size_t i, struct own_keys *out)
{
    size_t judges = 0;

    while (judge_at(judges))
        judges++;
    if (i < judges)
        *out = of_judge(judge_at(i));
    else if (metric_at(i - judges))
        *out = of_metric(metric_at(i - judges));
    else
        return false;
    return true;
}

bool own_of(const char *judge, const char *metric, struct own_keys *out, struct vac_err *err)
{
    const struct judge *j = judge ? judge_find(judge, err) : NULL;
    const struct metric *m = !judge && metric ? metric_find(metric, err) : NULL;

    *out = j ? of_judge(j) : m ? of_metric(m) : (struct own_keys){0};
    return j || m;
}

const struct option_row *own_row(size_t i, struct own_keys *of)
{
    bool any = true;

    for (size_t column = 0; any; column++) {
        any = false;
        for (size_t k = 0; own_at(k, of); k++) {
            size_t n = 0;

            while (of->rows && of->rows[n].name)
                n++;
            any |= n > column;
            if (n > column && i-- == 0)
                return &of->rows[column];
        }
    }
    return NULL;
}

void *own_new(const struct own_keys *k, struct vac_err *err)
{
    void *options = k->rows ? mem_new(1, k->size, err) : NULL;

    if (options && option_defaults(k->rows, options, err)) {
        own_free(k, options);
        return NULL;
    }
    return options;
}

void own_free(const struct own_keys *k, void *options)
{
    if (k->rows)
        option_free(k->rows, options);
    free(options);
}

bool own_with(const char *key, struct own_keys *out)
{
    for (size_t i = 0; own_at(i, out); i++) {
        if (out->rows && option_find(out->rows, key))
            return true;
    }
    return false;
}

bool own_anywhere(const struct option_row *row)
{
    return row->type != OPTION_STRING || row->def_text;
}
