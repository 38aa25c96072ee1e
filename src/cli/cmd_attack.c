/* cmd_attack.c - `vaccine attack`: what a user's fine-tuning would do to the weights of a run, and the table of
 * all that was tried. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vaccine/vaccine.h>
#include "base/io.h"
#include "cli/cli.h"
#include "fork/attack.h"
#include "record/config.h"
#include "term/signals.h"

struct attack_values {
    char *at, *stage, *data, *ratio, *samples, *steps, *lr, *output;
    struct cli_list set;
    bool list;
};

#define TEXT(NAME, HELP, ARG)                                                                      \
    {                                                                                              \
        .row = {.name = #NAME,                                                                     \
                .help = HELP,                                                                      \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(struct attack_values, NAME)},                                   \
        .arg = ARG                                                                                 \
    }
static const struct cli_option options[] = {
    TEXT(at, "step of a checkpoint, a stage that has ended, or final; the newest when absent",
         "STEP"),
    TEXT(stage, "the stage that attacks; the first later one with harmful rows when absent",
         "NAME"),
    TEXT(data, "harmful rows, in the place of those that the stage has", "FILE"),
    TEXT(ratio, "part of its samples that is harmful", "P"),
    TEXT(samples, "its samples in all", "N"),
    TEXT(steps, "its steps", "N"),
    TEXT(lr, "its learning rate", "X"),
    {.row = {.name = "set",
             .help = "another key, like stages.attack.lora.r=32",
             .type = OPTION_STRING,
             .offset = offsetof(struct attack_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "output",
             .help = "folder of the attack's run; RUN_DIR/attacks/run-at-STEP when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct attack_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "list",
             .help = "attack nothing: print what the attacks so far came to",
             .type = OPTION_BOOL,
             .offset = offsetof(struct attack_values, list)}},
    {.row.name = NULL},
};

/* --- the attack --- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* From start to end; an interrupt saves and leaves a run that can be gone on with, and that tells at its end what
 * it came to. Returns 0, -1, or 128 + the signal. */
static int run_through(const char *dir, struct vac_err *err)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};
    struct vac_open o = {.file = dir};
    struct vac_session *s;
    int rc = -1;

    sigemptyset(&a.sa_mask);
    if (vac_session_open(&s, &o, err))
        return -1;
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        signals_catch(caught[i], &a, NULL);
    if (vac_session_start(s, err) == 0) {
        cli_see_through(s, "attack: step", VAC_OP_QUIT, &interrupted);
        if (interrupted && vac_snapshot(s)->state == VAC_LOADING)
            cli_die_of((int)interrupted);
        rc = vac_session_result(s, err) ? -1 : interrupted ? 128 + (int)interrupted : 0;
    }
    vac_session_close(s);
    return rc;
}

struct overrides {
    char **v;
    size_t n, cap;
};

/* Takes the text over. */
static int put(struct overrides *o, struct strbuf text, struct vac_err *err)
{
    if (sb_ok(&text, err) || mem_grow(&o->v, &o->cap, o->n + 1, sizeof *o->v, err)) {
        sb_done(&text);
        return -1;
    }
    o->v[o->n++] = text.s;
    return 0;
}

/* The file stands where the first one with harmful rows did; the others with such rows go. */
static int put_data(struct overrides *o, const char *file, const cJSON *config, const char *stage,
                    struct vac_err *err)
{
    const cJSON *s, *train = NULL;
    char *real = realpath(file, NULL);
    int first = -1, rc = 0;

    if (!real)
        return err_errno(err, "%s", file);
    cJSON_ArrayForEach(s, cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages"))
    {
        const char *name = json_text_at(s, "name");

        if (name && !strcmp(name, stage))
            train = cJSON_GetObjectItemCaseSensitive(s, "train");
    }
    for (int i = cJSON_GetArraySize(train) - 1; rc == 0 && i >= 0; i--) {
        struct strbuf text = {0};

        if (!cJSON_IsTrue(
                cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(train, i), "harmful")))
            continue;
        if (first >= 0) {
            sb_printf(&text, "stages.%s.train[%d]=null", stage, first);
            rc = put(o, text, err);
        }
        first = i;
    }
    if (rc == 0 && first < 0) {
        rc = err_set(err, VAC_ERR_USAGE,
                     "--data: stage %s has no harmful rows in the place of which these could be: "
                     "mark them with --set stages.%s.train[0].harmful=true",
                     stage, stage);
    } else if (rc == 0) {
        struct strbuf text = {0};

        sb_printf(&text, "stages.%s.train[%d].file=%s", stage, first, real);
        rc = put(o, text, err);
    }
    free(real);
    return rc;
}

/* What was given, as keys of the stage that attacks, and the rest. */
static int collect(struct overrides *o, const struct attack_values *v, const cJSON *config,
                   const char *stage, struct vac_err *err)
{
    const struct {
        const char *key, *value;
    } own[] = {
        {"harmful_ratio", v->ratio}, {"samples", v->samples}, {"steps", v->steps}, {"lr", v->lr}};

    if (v->data && put_data(o, v->data, config, stage, err))
        return -1;
    for (size_t i = 0; i < sizeof own / sizeof *own + v->set.n; i++) {
        struct strbuf text = {0};

        if (i >= sizeof own / sizeof *own)
            sb_puts(&text, v->set.v[i - sizeof own / sizeof *own]);
        else if (own[i].value)
            sb_printf(&text, "stages.%s.%s=%s", stage, own[i].key, own[i].value);
        else
            continue;
        if (put(o, text, err))
            return -1;
    }
    return 0;
}

static int attack(const struct attack_values *v, const char *dir, struct vac_err *err)
{
    cJSON *config = run_config(dir, err);
    const char *stage = config ? attack_stage(config, dir, v->stage, err) : NULL;
    struct overrides o = {0};
    struct vac_fork f = {.run = dir, .at = v->at, .out = v->output, .who = "cli", .attack = stage};
    int rc = stage ? collect(&o, v, config, stage, err) : -1;

    if (rc == 0) {
        f.set = (const char *const *)o.v;
        f.n_set = o.n;
        rc = vac_fork(&f, err) ? -1 : run_through(f.dir, err);
    }
    while (o.n)
        free(o.v[--o.n]);
    free(o.v);
    cJSON_Delete(config);
    return rc;
}

/* --- the table --- */

static void put_head(struct strbuf *s, const struct vac_attack *r)
{
    sb_puts(s, "against this attack: stage ");
    cli_put_name(s, r->stage);
    sb_printf(s, ", %lld steps", (long long)r->steps);
    if (r->samples)
        sb_printf(s, ", %lld samples", (long long)r->samples);
    if (!isnan(r->ratio))
        sb_printf(s, ", harmful ratio %.4g", r->ratio);
    if (!isnan(r->lr))
        sb_printf(s, ", lr %.4g", r->lr);
    if (*r->data) {
        sb_puts(s, ", data ");
        cli_put_name(s, r->data);
    }
    sb_putc(s, '\n');
}

static void put_score(struct strbuf *s, const struct vac_attack_score *x)
{
    double unit = x->e.is_rate ? 100 : 1;

    sb_puts(s, "  ");
    cli_put_name(s, x->e.name);
    sb_putc(s, ' ');
    if (!isnan(x->before))
        sb_printf(s, "%.1f -> ", unit * x->before);
    sb_printf(s, "%.1f%s", unit * x->e.value, x->e.is_rate ? "%" : "");
    if (!isnan(x->e.lo))
        sb_printf(s, " [%.1f, %.1f]", unit * x->e.lo, unit * x->e.hi);
}

static int print(const char *dir, struct vac_err *err)
{
    struct vac_attack *r;
    bool *done;
    struct strbuf s = {0};
    char broke[VAC_ATTACK_BROKE];
    size_t n;
    int rc;

    if (vac_run_attacks(dir, &r, &n, err))
        return -1;
    done = mem_new(n, sizeof *done, err);
    for (size_t i = 0; done && i < n; i++) {
        if (done[i])
            continue;
        put_head(&s, &r[i]);
        sb_printf(&s, "%8s  %-22s\n", "STEP", "STEPS TO BREAK");
        for (size_t k = i; k < n; k++) {
            if (done[k] || !vac_attack_same(&r[i], &r[k]))
                continue;
            done[k] = true;
            sb_printf(&s, "%8lld", (long long)r[k].step);
            sb_printf(&s, "  %-22s", vac_attack_broke(&r[k], broke));
            for (int j = 0; j < r[k].n_scores; j++)
                put_score(&s, &r[k].score[j]);
            if (!isnan(r[k].harmful_loss))
                sb_printf(&s, "  harmful loss %.4f", r[k].harmful_loss);
            if (!isnan(r[k].drift))
                sb_printf(&s, "  drift %.4f", r[k].drift);
            sb_puts(&s, "  ");
            cli_put_name(&s, r[k].dir);
            sb_putc(&s, '\n');
        }
    }
    if (n == 0) {
        cli_put_name(&s, dir);
        sb_puts(&s, ": no attack was kept yet\n");
    }
    rc = done ? cli_write(&s, err) : -1;
    free(done);
    free(r);
    sb_done(&s);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct attack_values *v = values;

    if (v->list && (v->at || v->stage || v->data || v->ratio || v->samples || v->steps || v->lr ||
                    v->output || v->set.n))
        return err_set(err, VAC_ERR_USAGE, "--list attacks nothing: leave the rest out");
    int rc = v->list ? 0 : attack(v, operand[0], err);

    return rc ? rc : print(operand[0], err);
}

const struct command command_attack = {
    .name = "attack",
    .args = "RUN_DIR",
    .help = "Attack the weights of a run as a user's fine-tuning would",
    .about = "On a fork: the run's own attack stage follows at once on the weights that it had at "
             "that step. RUN_DIR "
             "may be at work; nothing of it changes but that attacks/ and attacks.jsonl are added. "
             "Scores, drift and "
             "harmful loss are measured as the run file says. Prints all attacks so far, by step, "
             "so that one sees "
             "how immunity grows: the step of the attack at which the first judged score passed "
             "one half, and where "
             "the ends of its 95 % intervals did (- = not within the attack; held = nothing of it "
             "did). One attack at one "
             "learning rate proves "
             "little: the table says against which.",
    .options = options,
    .values = sizeof(struct attack_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
