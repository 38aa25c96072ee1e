/* lines.c - what a run says of itself: metrics and layers lines, the journal, the snapshot. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/trainer.h"

const char *const vac_state_names[] = {"loading", "running", "paused", "measuring",
                                       "done",    "stopped", "failed", NULL};

size_t shown_layers(const struct trainer *t)
{
    size_t L = model_config(t->m)->L;

    return L < VAC_MAX_LAYERS ? L : VAC_MAX_LAYERS;
}

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

void lines_adapters(struct strbuf *out, const struct trainer *t)
{
    const struct stage_spec *s = t->spec.stage;
    size_t last = t->spec.n_stages - 1, first = 0;
    struct json_out o = json_out(out);

    for (size_t i = 0; i <= last; i++)
        first = s[i].full ? i + 1 : first; /* its weights hold all that lay beneath */
    json_put_object(&o, NULL, JSON_LINED);
    if (first == 0)
        put_base(&o, t->spec.model ? t->spec.model : "");
    else if (first > last)
        json_put_text(&o, "base", ".");
    else
        put_stage(&o, "base", s[first - 1].name);
    json_put_list(&o, "adapters", JSON_SPACED);
    for (size_t i = first; i < last; i++)
        if (s[i + 1].adapter != ADAPTER_SAME) /* else the next one is a newer state of this one */
            put_stage(&o, NULL, s[i].name);
    if (!model_is_full(t->m))
        json_put_text(&o, NULL, ".");
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

int lines_begin(struct trainer *t, struct vac_err *err)
{
    if (folder_sizes(&t->folder, t->mark, err))
        return -1;
    t->marked = true;
    return 0;
}

int lines_end(struct trainer *t, int rc, struct vac_err *err)
{
    if (rc && folder_take_back(&t->folder, t->mark, err))
        return -1; /* the mark stays */
    t->marked = false;
    return rc;
}

/* --- journal --- */

static int journal_write(struct trainer *t, void *entry, struct vac_err *err)
{
    return folder_journal(&t->folder, entry, err);
}

int journal(struct trainer *t, const struct journal_entry *e, struct vac_err *err)
{
    struct journal_entry now = *e;
    struct strbuf sentence = {0};

    now.step = (int64_t)t->step;
    journal_sentence(&sentence, &now);
    control_event(t->ctl, VAC_EVENT_JOURNAL, t->answering, now.step, sentence.s, NULL);
    sb_done(&sentence);
    if (!t->folder.lines[LINES_JOURNAL].path)
        return 0; /* the folder is not there yet */
    return until_written(t, journal_write, &now, "journal", err);
}

/* --- a full disk --- */

/* Between two tries of a headless run: 30 s, or less when the whole patience is short. */
static double retry_seconds(const struct trainer *t)
{
    return fmin(30, fmax(0.05, t->spec.disk_wait * 60 / 4));
}

/* Waits for the next try; what a user asks for meanwhile is answered. On a screen a quit would lose
 * what has no place on the disk: it is refused, and a discard is not. */
static void wait_for_space(struct trainer *t, const char *why)
{
    struct control_command c;
    bool taken = false;

    publish(t, VAC_PAUSED, why);
    if (!control_pop(t->ctl, &c, retry_seconds(t)))
        return;
    if (c.op == VAC_OP_DISCARD ||
        (c.op == VAC_OP_QUIT && (!t->how.interactive || !strcmp(c.who, "core"))))
        taken = t->quit = t->space_quit = true;
    if (c.op == VAC_OP_DISCARD)
        t->discard = true;
    taken |= c.op == VAC_OP_RESUME; /* tries again now */
    control_event(t->ctl, taken ? VAC_EVENT_ACK : VAC_EVENT_REJECTED, c.id, (int64_t)t->step,
                  taken ? "" : why, NULL);
    control_writing(t->ctl)->commands_applied = c.id;
    free(c.text);
}

int until_written(struct trainer *t, write_fn *fn, void *ctx, const char *what, struct vac_err *err)
{
    double begun = clock_now();
    bool ran = t->since > 0;

    for (;;) {
        struct vac_err why = {0};
        if (fn(t, ctx, &why) == 0)
            break;
        if (what)
            err_prefix(&why, "%s", what);
        if (why.code != VAC_ERR_SPACE || t->space_quit)
            return err_set(err, why.code, "%s", why.msg);
        if (!t->how.interactive && clock_now() - begun >= t->spec.disk_wait * 60)
            return err_set(err, VAC_ERR_SPACE,
                           "%s (waited %.3g min: free space and go on with --resume)", why.msg,
                           t->spec.disk_wait);
        trainer_hold(t);
        wait_for_space(t, why.msg);
    }
    if (ran)
        trainer_go(t);
    return 0;
}

/* --- snapshot --- */

static double resident_bytes(void)
{
    long pages = 0, size = sysconf(_SC_PAGESIZE);
    size_t len;
    char *text = file_read("/proc/self/statm", 4096, &len, NULL);

    if (text)
        sscanf(text, "%*s %ld", &pages);
    free(text);
    return (double)pages * (double)size;
}

static void fill_stage(struct vac_snapshot *s, const struct trainer *t)
{
    const struct stage *st = &t->st;
    size_t L = shown_layers(t);

    snprintf(s->stage, sizeof s->stage, "%s", st->spec->name);
    snprintf(s->method, sizeof s->method, "%s", st->spec->method->name);
    s->stage_index = (int)st->index;
    s->stage_step = (int64_t)st->done;
    s->stage_steps = (int64_t)st->total;
    s->n_layers = (int)L;
    for (size_t i = 0; st->step.mask && i < L; i++)
        s->mask[i] = st->step.mask[i];
}

void publish(struct trainer *t, enum vac_state state, const char *reason)
{
    struct vac_snapshot *s = control_writing(t->ctl);
    bool changed = s->state != state;
    double left;

    s->state = state;
    snprintf(s->reason, sizeof s->reason, "%s", reason ? reason : "");
    s->n_stages = (int)t->spec.n_stages;
    if (t->in_stage && t->st.total)
        fill_stage(s, t);
    s->step = (int64_t)t->step;
    s->total_steps = t->total_steps;
    s->steps_left = t->steps_left;
    s->steps_per_s = t->ms_average > 0 ? 1000 / t->ms_average : NAN;
    s->tokens_per_s = t->ms_average > 0 ? 1000 * t->tokens_average / t->ms_average : NAN;
    left = (double)(t->total_steps - (int64_t)t->step);
    s->eta_s = t->ms_average > 0 ? left * t->ms_average / 1000 : NAN;
    s->rss_bytes = resident_bytes();
    s->threads = t->c ? t->c->threads : 0;
    s->checkpoint_step = t->saved_step;
    s->checkpoint_age = t->saved_step >= 0 ? clock_now() - t->last_save : 0;
    control_publish(t->ctl);
    if (changed)
        control_event(t->ctl, VAC_EVENT_STATE, 0, (int64_t)t->step, vac_state_names[state], NULL);
}
