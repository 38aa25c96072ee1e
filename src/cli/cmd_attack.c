/* cmd_attack.c - `vaccine attack`: what a user's fine-tuning would do to the weights of a run, and the table of
 * all that was tried. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vaccine/vaccine.h>
#include "attack/kind.h"
#include "base/io.h"
#include "cli/cli.h"
#include "fork/attack.h"
#include "record/config.h"
#include "record/folder.h"
#include "report/battery_text.h"
#include "term/signals.h"

struct attack_values {
    char *at, *stage, *kind, *data, *harmless, *ratio, *samples, *steps, *lr, *output, *battery;
    struct cli_list set, bound;
    int64_t budget;
    bool list, json, csv;
};

#define TEXT(NAME, HELP, ARG)                                                                      \
    {                                                                                              \
        .row = {.name = #NAME,                                                                     \
                .help = HELP,                                                                      \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(struct attack_values, NAME)},                                   \
        .arg = ARG                                                                                 \
    }
static const char *kind_word(size_t i)
{
    return attack_kind_at(i) ? attack_kind_at(i)->name : NULL;
}

static const struct cli_option options[] = {
    TEXT(at, "step of a checkpoint, a stage that has ended, or final; the newest when absent",
         "STEP"),
    TEXT(stage, "the stage that attacks; the first later one with harmful rows when absent",
         "NAME"),
    {.row = {.name = "kind",
             .help = "the way in which it attacks; finetune when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct attack_values, kind)},
     .arg = "NAME",
     .word = kind_word},
    TEXT(data, "harmful rows, in the place of those that the stage has", "FILE"),
    TEXT(harmless, "harmless requests, of a kind that holds harmful ones against them", "FILE"),
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
    TEXT(battery, "an attack file: every attack that it lists, and which is the worst", "FILE"),
    {.row = {.name = "bound",
             .help =
                 "how useful a model must still be for an attack on it to count, like 'FA > 80%'",
             .type = OPTION_STRING,
             .offset = offsetof(struct attack_values, bound)},
     .arg = "TEXT",
     .list = true},
    {.row = {.name = "budget",
             .help = "attack steps for all of a battery: the better half goes on, again and again",
             .unit = "steps",
             .type = OPTION_INT,
             .min = 1,
             .max = 1e12,
             .offset = offsetof(struct attack_values, budget)},
     .arg = "STEPS"},
    {.row = {.name = "json",
             .help = "print batteries as JSON, one a line, with their curves",
             .type = OPTION_BOOL,
             .offset = offsetof(struct attack_values, json)}},
    {.row = {.name = "csv",
             .help = "print batteries as CSV, a line for every score",
             .type = OPTION_BOOL,
             .offset = offsetof(struct attack_values, csv)}},
    {.row = {.name = "list",
             .help = "attack nothing: print what the attacks so far came to",
             .type = OPTION_BOOL,
             .offset = offsetof(struct attack_values, list)}},
    {.row.name = NULL},
};

/* --- the attack --- */

/* What makes one attack: its option, and the key of its kind. */
static const struct {
    const char *option, *key;
    size_t offset; /* of its text in struct attack_values */
    bool json;     /* a value of any type, or a text where it is no JSON */
} own[] = {
    {"kind", "kind", offsetof(struct attack_values, kind), false},
    {"data", "data", offsetof(struct attack_values, data), false},
    {"harmless", "harmless", offsetof(struct attack_values, harmless), false},
    {"ratio", "harmful_ratio", offsetof(struct attack_values, ratio), true},
    {"samples", "samples", offsetof(struct attack_values, samples), true},
    {"steps", "steps", offsetof(struct attack_values, steps), true},
    {"lr", "lr", offsetof(struct attack_values, lr), true},
    {"output", NULL, offsetof(struct attack_values, output), false},
};
enum { OWN = sizeof own / sizeof *own };

static const char *given(const struct attack_values *v, size_t i)
{
    return *(char *const *)((const char *)v + own[i].offset);
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static uint64_t tell(struct vac_session *s, enum vac_op op, const char *text)
{
    uint64_t id = 0;

    vac_command(s, &(struct vac_command){.op = op, .text = text, .who = "cli"}, &id, NULL);
    return id;
}

/* Of the run that an interrupt has left; `how` = what goes on with all, NULL = that is the run itself, by a command that
 * stands in one line, so that it can be copied. */
static void tell_left(const char *dir, const char *how)
{
    struct strbuf s = {0};

    cli_progress(NULL);
    sb_printf(&s, "%s: saved%s%s", dir, how ? "; " : "", how ? how : "");
    cli_tell("", s.bad ? dir : s.s);
    sb_clear(&s);
    cli_put_word(&s, dir);
    if (!how && !s.bad)
        fprintf(stderr, "vaccine run %s --resume   goes on with it\n", s.s);
    sb_done(&s);
}

/* From where it is to its end or, where `upto` is not 0, to that step of the run, where it is measured; an interrupt
 * saves and leaves a run that can be gone on with, and that tells at its end what it came to; it is said by what
 * (`how`, see tell_left). Returns 0, -1, or 128 + the signal. */
static int run_to(const char *dir, int64_t upto, const char *what, const char *how,
                  struct vac_err *err)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};
    struct vac_open o = {.file = dir, .paused = upto > 0};
    struct vac_session *s;
    enum vac_state end;
    char until[64];
    int rc = -1;

    sigemptyset(&a.sa_mask);
    if (vac_session_open(&s, &o, err))
        return -1;
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        signals_catch(caught[i], &a, NULL);
    if (vac_session_start(s, err) == 0) {
        struct cli_pause at = {.step = upto};

        snprintf(until, sizeof until, "step >= %lld", (long long)upto);
        if (upto)
            tell(s, VAC_OP_RUN_UNTIL, until);
        cli_see_through(s, what, VAC_OP_QUIT, upto ? &at : NULL, &interrupted);
        if (vac_snapshot(s)->state ==
            VAC_PAUSED) { /* what quits would break off what is measured */
            at.command = tell(s, VAC_OP_EVALUATE, NULL);
            cli_see_through(s, what, VAC_OP_QUIT, &at, &interrupted);
            tell(s, VAC_OP_QUIT, NULL);
            cli_see_through(s, what, VAC_OP_QUIT, NULL, &interrupted);
        }
        end = vac_snapshot(s)->state;
        /* while a stage is built nobody listens, and all before it is saved */
        rc = end != VAC_LOADING && vac_session_result(s, err) ? -1 : 0;
        if (rc == 0 && interrupted && (how || end != VAC_DONE)) {
            tell_left(dir, how);
            rc = 128 + (int)interrupted;
        }
        if (end == VAC_LOADING)
            cli_die_of((int)interrupted);
    }
    vac_session_close(s);
    return rc;
}

/* What was given as keys of its kind. */
static cJSON *as_keys(const struct attack_values *v, struct vac_err *err)
{
    cJSON *one = cJSON_CreateObject();

    for (size_t i = 0; one && i < OWN; i++) {
        const char *text = own[i].key ? given(v, i) : NULL;
        cJSON *value = text && own[i].json ? cJSON_Parse(text) : NULL;

        if (text && json_add(one, own[i].key, value ? value : cJSON_CreateString(text), err)) {
            cJSON_Delete(one);
            return NULL;
        }
    }
    if (!one)
        err_set(err, VAC_ERR_MEMORY, "out of memory");
    return one;
}

/* ... and as overrides of the run that attacks. */
static int collect(struct attack_sets *o, const struct attack_values *v, const struct attack_on *on,
                   struct vac_err *err)
{
    cJSON *one = as_keys(v, err);
    struct jnode root = json_root(one, "attack");
    const struct attack_kind *kind;
    int rc = -1;

    if (one && (kind = attack_kind_of(&root, err)))
        rc = kind->set(&root, on, o, err);
    for (size_t i = 0; rc == 0 && i < v->set.n; i++) {
        struct strbuf text = {0};

        sb_puts(&text, v->set.v[i]);
        rc = attack_sets_put(o, &text, err);
    }
    if (rc && err->code == VAC_ERR_FORMAT)
        err->code = VAC_ERR_USAGE; /* there is no file that it could be in */
    cJSON_Delete(one);
    return rc;
}

static int attack(const struct attack_values *v, const char *dir, struct vac_err *err)
{
    cJSON *config = run_config(dir, err);
    char *here = config ? realpath(".", NULL) : NULL;
    struct attack_on on = {.config = config, .dir = here};
    struct attack_sets o = {0};
    int rc = -1;

    if (config && !here)
        err_errno(err, "the current folder");
    if (here && (on.stage = attack_stage(config, dir, v->stage, err)))
        rc = collect(&o, v, &on, err);
    if (rc == 0) {
        struct vac_fork f = {
            .run = dir,
            .at = v->at,
            .out = v->output,
            .set = (const char *const *)o.v,
            .n_set = o.n,
            .who = "cli",
            .name = v->kind && strcmp(v->kind, attack_kind_at(0)->name) != 0 ? v->kind : NULL,
            .attack = on.stage};

        rc = vac_fork(&f, err) ? -1 : run_to(f.dir, 0, "attack: step", NULL, err);
    }
    attack_sets_done(&o);
    free(here);
    cJSON_Delete(config);
    return rc;
}

/* --- the tables --- */

static void put_head(struct strbuf *s, const struct vac_attack *r)
{
    sb_puts(s, "against this attack: ");
    if (*r->name) {
        cli_put_name(s, r->name);
        sb_puts(s, ", ");
    }
    sb_puts(s, "stage ");
    cli_put_name(s, r->stage);
    sb_printf(s, ", %lld step%s", (long long)r->steps, r->steps == 1 ? "" : "s");
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
    struct vac_battery *b = NULL;
    size_t n_b = 0;
    bool *done;
    struct strbuf s = {0};
    char broke[VAC_ATTACK_BROKE];
    size_t n;
    int rc;

    if (vac_run_attacks(dir, &r, &n, err))
        return -1;
    done = mem_new(n, sizeof *done, err);
    if (vac_run_batteries(dir, false, &b, &n_b, err)) {
        free(done);
        free(r);
        return -1;
    }
    for (size_t i = 0; done && i < n; i++) /* those stand in tables of their own */
        done[i] = vac_attack_of_battery(&r[i], b, n_b);
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
    vac_batteries_done(b, n_b);
    sb_done(&s);
    return rc;
}

/* Those of a folder's name, or (NULL) all. */
static int print_batteries(const struct attack_values *v, const char *run, const char *folder,
                           struct vac_err *err)
{
    struct vac_battery *b;
    struct strbuf s = {0};
    size_t n, first = 0, last;
    int rc;

    if (vac_run_batteries(run, true, &b, &n, err))
        return -1;
    last = n;
    for (size_t i = 0; folder && i < n; i++)
        if (!strcmp(path_base(b[i].dir), folder)) {
            first = i;
            last = i + 1;
        }
    if (v->json)
        battery_json(&s, b + first, last - first);
    else if (v->csv)
        battery_csv(&s, b + first, last - first);
    for (size_t i = first; i < last && !v->json && !v->csv; i++)
        battery_text(&s, &b[i]);
    rc = (v->json || v->csv ? cli_write_data : cli_write)(&s, err);
    sb_done(&s);
    vac_batteries_done(b, n);
    return rc;
}

/* --- a battery --- */

static int fight(const struct attack_values *v, const char *run, struct vac_err *err)
{
    struct vac_battery_want want = {.run = run,
                                    .at = v->at,
                                    .stage = v->stage,
                                    .file = v->battery,
                                    .set = v->set.v,
                                    .n_set = v->set.n,
                                    .bound = v->bound.v,
                                    .n_bound = v->bound.n,
                                    .budget = v->budget,
                                    .who = "cli"};
    struct vac_course *c;
    struct vac_leg leg;
    char what[VAC_NAME + 64];
    int rc, more;

    if (vac_course_open(&c, &want, err))
        return -1;
    rc = 0;
    while (rc == 0 && (more = vac_course_next(c, &leg, err)) != 0) {
        if (more == 2)
            continue;
        snprintf(what, sizeof what, "%zu of %zu, %s: step", leg.number, leg.of, leg.name);
        rc = more < 0 ? -1
                      : run_to(leg.dir, leg.upto, what, "the same command goes on with the battery",
                               err);
        if (more > 0 && rc < 0)
            err_prefix(err, "%s", leg.name);
    }
    if (rc == 0)
        rc = print_batteries(v, run, vac_course_folder(c), err);
    vac_course_close(c);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct attack_values *v = values;
    size_t one = 0;
    int rc = 0;

    while (one < OWN && !given(v, one))
        one++;
    if (v->list &&
        (one < OWN || v->battery || v->at || v->stage || v->set.n || v->bound.n || v->budget))
        return err_set(err, VAC_ERR_USAGE, "--list attacks nothing: leave the rest out");
    if (v->battery && one < OWN)
        return err_set(err, VAC_ERR_USAGE,
                       "--%s: with --battery the file says what attacks: leave it out",
                       own[one].option);
    if (!v->battery && (v->bound.n || v->budget))
        return err_set(err, VAC_ERR_USAGE,
                       "--bound and --budget are of a battery: add --battery FILE");
    if ((v->json || v->csv) && !v->battery && !v->list)
        return err_set(err, VAC_ERR_USAGE, "--json and --csv need --battery FILE or --list");
    if (v->json && v->csv)
        return err_set(err, VAC_ERR_USAGE, "--json and --csv: leave one of them out");
    if (folder_with_run(operand[0], err))
        return -1;
    if (v->battery)
        return fight(v, operand[0], err);
    if (!v->list)
        rc = attack(v, operand[0], err);
    if (rc == 0 && !v->json && !v->csv)
        rc = print(operand[0], err);
    return rc || !v->list ? rc : print_batteries(v, operand[0], NULL, err);
}

const struct command command_attack = {
    .name = "attack",
    .args = "RUN_DIR",
    .help = "Attack the weights of a run as a user's fine-tuning would",
    .about =
        "On a fork: the run's own attack stage follows at once on the weights that it had at that "
        "step. RUN_DIR may be at work; nothing of it changes but that attacks/ and attacks.jsonl "
        "are added. Scores, drift and harmful loss are measured as the run file says. Prints all "
        "attacks so far, by step, so that one sees how immunity grows: the step of the attack at "
        "which the first judged score passed one half, and where the ends of its 95 % intervals "
        "did (- = not within the attack; held = nothing of it did). One attack at one learning "
        "rate proves little: the table says against which. With --kind abliteration nothing is "
        "trained: refusal is taken out of the activations as one direction. With --battery every "
        "attack of a file (vaccine-run(5), ATTACK FILES) is made on the same weights, and the "
        "table ends with the "
        "worst case: the greatest harmful score among those that leave the model as useful as "
        "the bounds say. The same command goes on with a battery that was interrupted, and "
        "prints one that is whole at once, so that other bounds can be tried.",
    .options = options,
    .values = sizeof(struct attack_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
