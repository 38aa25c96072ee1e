/* options.c - see options.h */
#include "run/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defense/step.h"
#include "rig/optimizer.h"
#include "run/book.h"
#include "run/steer.h"
#include "spec/spec_rho.h"
#include "spec/spec_tables.h"

static bool has_course(const struct stage_spec *stage, const struct option_row *row)
{
    return stage->rho_schedule.given && !strcmp(row->name, "rho");
}

static void mirror_one(struct vac_option *o, const struct stage_spec *stage,
                       const struct live_option *live)
{
    struct strbuf s = {0};

    snprintf(o->name, sizeof o->name, "%s", live->row->name);
    snprintf(o->help, sizeof o->help, "%s", live->row->help);
    snprintf(o->unit, sizeof o->unit, "%s", live->row->unit ? live->row->unit : "");
    option_wants(live->row, &s);
    snprintf(o->wants, sizeof o->wants, "%s", s.s ? s.s : "");
    sb_clear(&s);
    option_text(live->row, live->base, &s);
    snprintf(o->value, sizeof o->value, "%s", s.s ? s.s : "");
    sb_clear(&s);
    if (has_course(stage, live->row))
        spec_rho_text(&s, &stage->rho_schedule);
    snprintf(o->course, sizeof o->course, "%.*s", (int)sizeof o->course - 1, s.s ? s.s : "");
    sb_done(&s);
    o->live = live->row->live;
    o->number = live->row->type == OPTION_NUM || live->row->type == OPTION_INT;
    o->min = live->row->min;
    o->max = live->row->max;
}

void options_mirror(struct steer *steer, const struct stage *st)
{
    struct live_option live;
    size_t n = 0;

    pthread_mutex_lock(&steer->option_lock);
    memset(steer->option, 0, sizeof steer->option);
    for (; n < STEER_OPTIONS && spec_live(st->spec, n, &live); n++) {
        mirror_one(&steer->option[n], st->spec, &live);
        steer->option_row[n] = live.row;
    }
    steer->n_options = n;
    steer->method_row = st->spec->method->options;
    pthread_mutex_unlock(&steer->option_lock);
}

/* After a change, or when it was refused: nothing is pending any more. */
static void options_update(struct steer *steer, size_t i, const struct live_option *live,
                           bool applied)
{
    if (i >= STEER_OPTIONS)
        return;
    pthread_mutex_lock(&steer->option_lock);
    mirror_one(&steer->option[i], steer->st->spec, live);
    steer->option[i].pending[0] = 0;
    if (applied)
        steer->option[i].applied_step = (int64_t)steer->at->step + 1;
    pthread_mutex_unlock(&steer->option_lock);
}

static bool find_live(const struct stage *st, const char *key, size_t *i, struct live_option *out)
{
    for (*i = 0; spec_live(st->spec, *i, out); ++*i) {
        if (!strcmp(out->row->name, key))
            return true;
    }
    return false;
}

/* Sets it and lets the method check it; puts the old value back when it does not fit. */
static int set_checked(struct steer *steer, struct stage *st, const struct live_option *o,
                       const char *text, const char *old, struct vac_err *err)
{
    struct vac_err lost = {0};

    if (option_set(o->row, text, o->base, o->row->name, err))
        return -1;
    if (step_options(&st->step, st->spec->method, st->spec->options, err) == 0)
        return 0;
    if (option_set(o->row, old, o->base, o->row->name, &lost) ||
        step_options(&st->step, st->spec->method, st->spec->options, &lost)) {
        err_prefix(&lost, "%s cannot be set back", o->row->name);
        steer_break(steer, &lost);
    }
    return -1;
}

int options_fixed(const char *key, struct vac_err *err)
{
    return err_set(err, VAC_ERR_USAGE, "%s cannot change while the run is going", key);
}

static int no_option(const struct stage *st, const char *key, struct vac_err *err)
{
    return err_set(err, VAC_ERR_USAGE, "%s: stage %s has no such option", key, st->spec->name);
}

int options_value(const struct stage *st, const char *key, struct strbuf *out, struct vac_err *err)
{
    struct live_option o;
    size_t i;

    if (!find_live(st, key, &i, &o))
        return no_option(st, key, err);
    option_text(o.row, o.base, out);
    return sb_ok(out, err);
}

int options_set(struct book *book, struct stage *st, const char *who, const char *key,
                const char *text, const char *why, struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct live_option o;
    struct strbuf old = {0}, new = {0};
    size_t i;
    int rc;

    if (!find_live(st, key, &i, &o))
        return no_option(st, key, err);
    option_text(o.row, o.base, &old);
    rc = sb_ok(&old, err) ? -1
         : o.row->live    ? set_checked(steer, st, &o, text ? text : "", old.s ? old.s : "", err)
                          : options_fixed(key, err);
    option_text(o.row, o.base, &new);
    options_update(steer, i, &o, rc == 0);
    if (rc == 0) {
        char course[96];
        struct journal_entry e = {.applied = true,
                                  .applied_step = (int64_t)steer->at->step + 1,
                                  .who = who,
                                  .verb = JOURNAL_SET,
                                  .key = key,
                                  .old = old.s ? old.s : "",
                                  .value = new.s ? new.s : "",
                                  .status = "applied",
                                  .reason = why};

        if (has_course(st->spec, o.row)) {
            snprintf(course, sizeof course, "its schedule goes on from it: %.4g at the next step",
                     *(const double *)(const void *)((char *)o.base + o.row->offset) *
                         schedule_rho(&st->spec->rho_schedule, st->done, st->total));
            e.reason = course;
        }
        book_tell(book, &e);
    }
    sb_done(&old);
    sb_done(&new);
    return rc;
}

int options_change(struct book *book, struct stage *st, const char *who, const char *key,
                   const char *text, struct vac_err *err)
{
    struct live_option o;
    size_t i;

    if (st->done < st->end || !find_live(st, key, &i, &o))
        return options_set(book, st, who, key, text, NULL, err);
    options_update(book->steer, i, &o, false);
    return err_set(
        err, VAC_ERR_USAGE,
        "%s: stage %s has made its last step: none would use it, and the next stage has its "
        "own",
        key, st->spec->name);
}

/* One of the --set options of a run that goes on: "rho", "stages[1].rho" or "stages.attack.rho".
 * The last part names the option, the rest the stage, which must be the one at work. */
struct late {
    struct live_option o;
    char key[sizeof((struct control_command *)0)->key];
    const char *text; /* the value */
};

static int late_read(struct stage_spec *s, size_t stage, const char *dir, const char *path,
                     struct late *x, struct vac_err *err)
{
    const char *eq = strchr(path, '='), *key = path;
    char name[VAC_NAME + 16], number[40];
    struct strbuf word = {0};
    size_t length;

    *x = (struct late){.text = eq ? eq + 1 : NULL};
    if (!eq)
        return err_set(err, VAC_ERR_USAGE, "--set %s: expected PATH=VALUE", path);
    for (const char *p = path; p < eq; p++)
        key = *p == '.' ? p + 1 : key;
    snprintf(x->key, sizeof x->key, "%.*s", (int)(eq - key), key);
    length = (size_t)(key - path);
    snprintf(name, sizeof name, "stages.%s.", s->name);
    snprintf(number, sizeof number, "stages[%zu].", stage);
    if (length == 0 || (length == strlen(name) && !strncmp(path, name, length)) ||
        (length == strlen(number) && !strncmp(path, number, length))) {
        for (size_t i = 0; spec_live(s, i, &x->o); i++) {
            if (!strcmp(x->o.row->name, x->key) && x->o.row->live)
                return 0;
        }
    }
    sb_word(&word, dir);
    err_set(err, VAC_ERR_USAGE,
            "--set %.100s: the run goes on in stages[%zu] (%s) as it was described: only live "
            "options of that stage can be set now; for the rest begin another run: vaccine "
            "run %s/run.json --set ... -o DIR",
            path, stage, s->name, word.s ? word.s : dir);
    sb_done(&word);
    return -1;
}

int options_check_all(struct stage_spec *s, size_t stage, const char *dir,
                      const struct vac_open *how, struct vac_err *err)
{
    struct late x;

    for (size_t i = 0; i < how->n_set; i++) {
        if (late_read(s, stage, dir, how->set[i], &x, err))
            return -1;
        if (option_check(x.o.row, x.text, x.o.row->name, err))
            return err_prefix(err, "--set %.100s", how->set[i]);
    }
    return 0;
}

/* Sets it and puts the old value back. */
static int late_try(struct steer *steer, struct stage *st, const struct late *x,
                    struct vac_err *err)
{
    struct strbuf old = {0};
    int rc;

    option_text(x->o.row, x->o.base, &old);
    rc = sb_ok(&old, err) ? -1 : set_checked(steer, st, &x->o, x->text, old.s ? old.s : "", err);
    if (rc == 0)
        rc = set_checked(steer, st, &x->o, old.s ? old.s : "", old.s ? old.s : "", err);
    sb_done(&old);
    return rc;
}

/* A value that the method refuses leaves no other one set. */
int options_set_all(struct book *book, struct stage *st, const struct vac_open *how,
                    struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct late x;

    for (int set = 0; set < 2; set++) {
        for (size_t i = 0; i < how->n_set; i++) {
            if (late_read(st->spec, st->index, book->folder.dir, how->set[i], &x, err) ||
                (set ? options_change(book, st, "cli", x.key, x.text, err)
                     : late_try(steer, st, &x, err)))
                return -1;
        }
    }
    if (steer->broken.code)
        return err_set(err, steer->broken.code, "%s", steer->broken.msg);
    return 0;
}
