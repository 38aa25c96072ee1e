/* cmd_verify.c - `vaccine verify`: whether a run's folder is as it was written. */
#include <stdio.h>
#include <stdlib.h>
#include <vaccine/vaccine.h>
#include "base/rng.h"
#include "cli/cmd_replay.h"
#include "fork/fork.h"
#include "proof/check.h"
#include "record/config.h"

struct verify_values {
    char *steps;
    int64_t sample;
    uint64_t seed;
    struct cli_list set;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "steps",
             .help =
                 "make the steps between two checkpoints again, like 0-200 or 200-400, and compare",
             .type = OPTION_STRING,
             .offset = offsetof(struct verify_values, steps)},
     .arg = "A-B"},
    {.row = {.name = "sample",
             .help =
                 "the same of so many stretches between neighbouring checkpoints, drawn by --seed",
             .type = OPTION_INT,
             .max = 1000000,
             .offset = offsetof(struct verify_values, sample)},
     .arg = "K"},
    {.row = {.name = "seed",
             .help = "what --sample draws by",
             .type = OPTION_SEED,
             .def = 1,
             .offset = offsetof(struct verify_values, seed)},
     .arg = "N"},
    {.row = {.name = "set",
             .help = "where the model or data is now, like model=PATH",
             .type = OPTION_STRING,
             .offset = offsetof(struct verify_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "json",
             .help = "print the result as one JSON object",
             .type = OPTION_BOOL,
             .offset = offsetof(struct verify_values, json)}},
    {.row.name = NULL},
};

struct stretch {
    int64_t from, to;
    struct replay_result result;
};
struct report {
    struct strbuf wrong, note; /* lists of a JSON object, or lines */
    struct json_out list[2];
    bool json;
    struct stretch *stretch;
    size_t n_stretches, n_made;
};

static void found(void *ctx, bool wrong, const char *text)
{
    struct report *r = ctx;
    struct strbuf *to = wrong ? &r->wrong : &r->note;

    if (r->json) {
        json_put_text(&r->list[wrong], NULL, text);
        return;
    }
    sb_puts(to, wrong ? "wrong: " : "note: ");
    cli_put_name(to, text);
    sb_putc(to, '\n');
}

/* --- stretches --- */

static int add_stretch(struct report *r, int64_t from, int64_t to, struct vac_err *err)
{
    size_t cap = r->n_stretches;

    if (mem_grow(&r->stretch, &cap, r->n_stretches + 1, sizeof *r->stretch, err))
        return -1;
    r->stretch[r->n_stretches++] = (struct stretch){.from = from, .to = to};
    return 0;
}

/* A run begins at step 0 without a checkpoint; a fork with its parent's. */
static int begins_at_0(const char *dir, bool *yes, struct vac_err *err)
{
    cJSON *config = run_config(dir, err);

    *yes = config && fork_step(config) < 0;
    cJSON_Delete(config);
    return config ? 0 : -1;
}

static int read_steps(struct report *r, const char *dir, const char *text, struct vac_err *err)
{
    long long step[2] = {-1, -1}, *list = NULL;
    bool from_0, there[2] = {false, false};
    size_t n;
    char end;

    if (sscanf(text, "%18lld-%18lld%c", &step[0], &step[1], &end) != 2 || step[0] < 0 ||
        step[1] <= step[0])
        return err_set(err, VAC_ERR_USAGE,
                       "--steps %.60s: write A-B, two steps that have checkpoints, as 200-400",
                       text);
    if (begins_at_0(dir, &from_0, err) || state_list(dir, &list, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            there[k] |= list[i] == step[k];
    free(list);
    there[0] |= from_0 && step[0] == 0;
    for (int k = 0; k < 2; k++)
        if (!there[k])
            return state_none_at(dir, step[k], err);
    return add_stretch(r, step[0], step[1], err);
}

static int draw(struct report *r, const char *dir, size_t k, uint64_t seed, struct vac_err *err)
{
    long long *list = NULL;
    size_t n, points, *order = NULL;
    bool from_0;
    int rc = begins_at_0(dir, &from_0, err) || state_list(dir, &list, &n, err) ? -1 : 0;

    if (rc)
        return -1;
    from_0 = from_0 && (n == 0 || list[n - 1] > 0);
    points = n + from_0;
    if (points < 2)
        rc = err_set(err, VAC_ERR_USAGE,
                     "%s: has no two checkpoints, between which steps could be made again", dir);
    if (rc == 0 && !(order = mem_new(points - 1, sizeof *order, err)))
        rc = -1;
    if (rc == 0)
        rng_permute(rng_key(seed, RNG_VERIFY, 0, 0), order, points - 1);
    for (size_t i = 0; rc == 0 && i < k && i < points - 1;
         i++) { /* newest first: place n is step 0 */
        size_t at = order[i];

        rc = add_stretch(r, at + 1 < n ? list[at + 1] : 0, list[at], err);
    }
    free(order);
    free(list);
    return rc;
}

static int make_again(struct report *r, const char *dir, const struct cli_list *set,
                      struct check *c, struct vac_err *err)
{
    struct repetition again = {.dir = dir, .set = set};

    for (; r->n_made < r->n_stretches; r->n_made++) {
        struct stretch *x = &r->stretch[r->n_made];
        char *path, name[64];
        int rc;

        snprintf(name, sizeof name, "checkpoint-%lld", (long long)x->from);
        path = path_join(dir, name, err);
        if (!path)
            return -1;
        again.stretch = (const int64_t[]){dir_exists(path) ? x->from : -1, x->to};
        free(path);
        rc = replay_repeat(&again, err);
        if (rc < 0)
            err_prefix(err, "steps %lld to %lld", (long long)x->from, (long long)x->to);
        if (rc)
            return rc;
        x->result = again.result;
        c->wrong += !x->result.same;
    }
    return 0;
}

/* --- what is told --- */

static void put_json(struct report *r, const struct check *c, struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_bool(&o, "whole", c->wrong == 0);
    json_put_natural(&o, "links", c->links);
    json_put_natural(&o, "lines", c->lines);
    json_put_natural(&o, "files", c->files);
    json_put_int(&o, "step", c->step);
    json_put_text(&o, "head", c->head);
    for (int k = 1; k >= 0; k--) {
        json_put_end(&r->list[k]);
        sb_put(json_put_raw(&o, k ? "wrong" : "notes"), k ? r->wrong.s : r->note.s,
               k ? r->wrong.len : r->note.len);
    }
    json_put_list(&o, "stretches", JSON_TIGHT);
    for (const struct stretch *x = r->stretch; x < r->stretch + r->n_made; x++) {
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_int(&o, "from", x->from);
        json_put_int(&o, "to", x->to);
        json_put_bool(&o, "identical", x->result.same);
        json_put_natural(&o, "lines", x->result.lines);
        json_put_natural(&o, "tensors", x->result.tensors);
        if (!x->result.same)
            json_put_text(&o, "difference", x->result.difference);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

static void put_text(const struct report *r, const struct check *c, const char *dir,
                     struct strbuf *out)
{
    size_t other = 0;

    if (r->wrong.len)
        sb_put(out, r->wrong.s, r->wrong.len);
    if (r->note.len)
        sb_put(out, r->note.s, r->note.len);
    for (const struct stretch *x = r->stretch; x < r->stretch + r->n_made; x++) {
        sb_printf(out, "steps %lld to %lld: ", (long long)x->from, (long long)x->to);
        other += !x->result.same;
        if (x->result.same)
            sb_printf(out, "identical when made again: %zu lines, %zu tensors", x->result.lines,
                      x->result.tensors);
        else
            cli_put_name(out, x->result.difference);
        sb_putc(out, '\n');
    }
    cli_put_name(out, dir);
    if (!*c->head)
        sb_puts(out, ": without a chain");
    else if (c->wrong > other)
        sb_printf(out, ": NOT as it was written: %zu thing%s wrong", c->wrong - other,
                  c->wrong - other == 1 ? " is" : "s are");
    else
        sb_printf(out, ": as it was written, up to step %lld: %zu links, %zu lines, %zu files",
                  (long long)c->step, c->links, c->lines, c->files);
    if (*c->head)
        sb_printf(out, "; the chain ends with %s", c->head);
    sb_putc(out, '\n');
}

static int check_and_make(struct report *r, const struct verify_values *v, const char *dir,
                          struct check *c, struct vac_err *err)
{
    struct vac_err why = {0};

    if (v->steps && read_steps(r, dir, v->steps, err))
        return -1;
    if (v->sample > 0 && draw(r, dir, (size_t)v->sample, v->seed, err))
        return -1;
    if (check_run(c, dir, &why)) {
        /* what is from before the chain can still be made again */
        if (why.code != VAC_ERR_UNSUPPORTED || r->n_stretches == 0)
            return err_set(err, why.code, "%s", why.msg);
        found(r, false, why.msg);
    }
    return make_again(r, dir, &v->set, c, err);
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct verify_values *v = values;
    struct report r = {.json = v->json};
    struct check c = {.told = found, .ctx = &r};
    struct strbuf out = {0};
    int rc;

    r.list[0] = json_out(&r.note);
    r.list[1] = json_out(&r.wrong);
    for (int k = 0; k < 2 && v->json; k++)
        json_put_list(&r.list[k], NULL, JSON_TIGHT);
    rc = check_and_make(&r, v, operand[0], &c, err);
    if (rc == 0 ||
        *c.head) { /* what was found is told, also when the steps could not be made again */
        if (v->json)
            put_json(&r, &c, &out);
        else
            put_text(&r, &c, operand[0], &out);
        if (sb_ok(&r.wrong, err) || sb_ok(&r.note, err) ||
            (v->json ? cli_write_data : cli_write)(&out, err))
            rc = -1;
        else if (rc == 0)
            rc = c.wrong ? STATUS_FAILED : STATUS_DONE;
    }
    free(r.stretch);
    sb_done(&r.wrong);
    sb_done(&r.note);
    sb_done(&out);
    return rc;
}

const struct command command_verify = {
    .name = "verify",
    .args = "RUN_DIR",
    .help = "Tell whether a run's folder is as it was written",
    .about =
        "A run writes a chain of hashes over its lines, checkpoints, evaluations and weights "
        "(proof.jsonl) as it goes on. Every file of the folder is compared with it: a byte or a "
        "line that was changed, dropped or added makes the exit status 1, and is named with its "
        "file and line. What the chain does not cover, as the last lines of a run that was cut "
        "off, is "
        "listed. Nothing is changed. Whoever keeps the hash with which the chain ends elsewhere "
        "can tell "
        "later that the whole chain was not made anew.",
    .options = options,
    .values = sizeof(struct verify_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
