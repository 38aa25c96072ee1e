/* entry.c - see entry.h */
#include "eval/entry.h"

#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"
#include "eval/own.h"

const char *const take_from_names[] = {"seed", "start", NULL};

#define FIELD(f) .offset = offsetof(struct evaluate_spec, f)
const struct option_row evaluate_options[] = {
    {.name = "name",
     .help = "what the score is called in files and on screen",
     .type = OPTION_STRING,
     .required = true,
     FIELD(name)},
    {.name = "prompts",
     .help = "file whose user turns are asked and whose answers a judge rates",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     FIELD(prompts)},
    {.name = "data",
     .help = "file with questions and right answers for a metric",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     FIELD(data)},
    {.name = "judge",
     .help = "who rates the answers; its own keys stand beside it",
     .type = OPTION_STRING,
     FIELD(judge)},
    {.name = "answers",
     .help = "an earlier entry whose answers this judge rates too, instead of asking anew",
     .type = OPTION_STRING,
     FIELD(answers)},
    {.name = "metric",
     .help = "how answers are compared; its own keys stand beside it",
     .type = OPTION_STRING,
     FIELD(metric)},
    {.name = "max_new_tokens",
     .help = "longest answer",
     .unit = "tokens",
     .type = OPTION_INT,
     .min = 1,
     .max = 1 << 20,
     .def = 128,
     FIELD(max_new_tokens)},
    {.name = "every",
     .help = "how often in a stage; 0 = at its start and end only",
     .unit = "steps",
     .type = OPTION_INT,
     .min = 0,
     .max = 1e9,
     FIELD(every)},
    {.name = "take",
     .help = "rows of the file that are asked; 0 = all",
     .unit = "rows",
     .type = OPTION_INT,
     .min = 0,
     .max = 1e9,
     FIELD(take)},
    {.name = "take_from",
     .help = "rows that take means: drawn by the seed, or from the start",
     .type = OPTION_CHOICE,
     .choices = take_from_names,
     FIELD(from)},
    {.name = "count",
     .help = "the verdict whose share is the score",
     .type = OPTION_CHOICE,
     .choices = verdict_names,
     .def = VERDICT_ANSWERED,
     FIELD(count)},
    {.name = NULL},
};

bool evaluation_name_ok(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 64 && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

int evaluate_each(const struct evaluate_spec *s, evaluate_visit *visit, void *ctx,
                  struct vac_err *err)
{
    const char *kind = s->judge ? "judge" : "metric", *name = s->judge ? s->judge : s->metric;
    const struct option_row *row = evaluate_options, *plug;
    struct own_keys of;

    for (; row->name; row++) {
        visit(ctx, row, s);
        if (row->offset != offsetof(struct evaluate_spec, metric))
            continue;
        for (size_t i = 0; (plug = own_row(i, &of)); i++) {
            bool own = s->options && !strcmp(of.kind, kind) && !strcmp(of.name, name);
            void *base = own ? s->options : own_new(&of, err);

            if (!base)
                return -1;
            visit(ctx, plug, base);
            if (!own)
                own_free(&of, base);
        }
    }
    return 0;
}

void evaluate_spec_done(struct evaluate_spec *s)
{
    struct own_keys own;

    if (own_of(s->judge, s->metric, &own, NULL))
        own_free(&own, s->options);
    for (char **name = s->stages; name && *name; name++)
        free(*name);
    free(s->stages);
    option_free(evaluate_options, s);
}
