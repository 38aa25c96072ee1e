/* panel_probe.c - asking the weights as they are now: the answer as it streams, the judge's
 * verdict, the probability that a refusal begins, and the answer before, with what differs marked;
 * and the fixed suite, asked again and again, with what changed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/look.h"
#include "panels/asked.h"
#include "panels/labelling.h"
#include "panels/question.h"
#include "panels/table.h"
#include "term/diff.h"

struct probes {
    struct table table;
    struct asked_list asked;
    struct questions queue;
    uint64_t open; /* id of the question whose answer comes; 0 = none */
    bool begun;    /* the list is made */
    bool plain;    /* differences not marked */
    bool chosen;   /* compared with the answer of a step that was typed, else with the one before */
    int64_t with;  /* that step */
    unsigned looks; /* of which saved weights the open question is */
    uint64_t suite; /* id: behind it saved weights are asked the user's questions; 0 = none */
    char template_name[VAC_NAME];
    int tokens;                /* 0 = the core's choice */
    struct vac_labels *labels; /* NULL = none are asked for */
};

static struct probes *own(struct ui *ui)
{
    return panel_own(ui, PANEL_probe);
}

/* Weights that are let go answer no more. */
static void begin(struct ui *ui)
{
    struct probes *p = own(ui);

    if (!p->begun)
        asked_init(&p->asked);
    p->begun = true;
    if (p->looks == ui->looks)
        return;
    asked_refuse(asked_find(&p->asked, p->open),
                 "other weights were chosen before it was answered");
    p->looks = ui->looks;
    p->open = p->suite = 0;
}

static void done(struct ui *ui)
{
    if (own(ui)->begun)
        asked_done(&own(ui)->asked);
    questions_done(&own(ui)->queue);
    vac_labels_close(own(ui)->labels);
    own(ui)->labels = NULL;
    table_done(&own(ui)->table);
}

/* The answer that stands beside the newest; NULL = there is none. */
static const struct answer *earlier(struct ui *ui, const struct asked *a)
{
    const struct probes *p = own(ui);

    return asked_earlier(&p->asked, a, p->chosen ? p->with : -1);
}

/* --- asking --- */

/* One at a time: the rest waits here, where it can be taken back. */
static void ask_next(struct ui *ui)
{
    struct probes *p = own(ui);
    struct question q;
    struct asked *a;

    begin(ui);
    if (p->open || !p->begun || !questions_next(&p->queue, &q))
        return;
    p->open = ui_send(ui, VAC_OP_PROBE, p->tokens, q.template_name, q.prompt);
    p->looks = ui->looks; /* which it may have taken up */
    if (!p->open)
        questions_clear(&p->queue);
    else if ((a = asked_new(&p->asked, p->open, q.prompt, q.template_name)))
        p->table.list.selected = p->asked.n - 1 - (int)(a - p->asked.v);
    free(q.prompt);
}

/* Saved weights know of no question that others were asked: it is put to them behind the suite. */
static void ask_again(struct ui *ui)
{
    struct probes *p = own(ui);

    p->suite = 0;
    for (int i = 0; i < p->asked.n; i++) {
        const struct asked *a = &p->asked.v[i];

        if (!a->open && a->now.step != look_step(ui))
            questions_push(&p->queue, a->template_name, a->prompt);
    }
    ask_next(ui);
}

static void take_line(struct ui *ui, const char *line)
{
    char why[400];

    if (!line[strspn(line, " \t")])
        return;
    if (*line == ':' && prompt_is_open(ui)) { /* typed out of habit */
        ui_warn(
            ui,
            "not asked: Esc closes this line, then : takes commands; behind a blank it is asked");
        return;
    }
    if (!questions_add(&own(ui)->queue, line, own(ui)->template_name, why, sizeof why))
        ui_warn(ui, "%s", why);
    ask_next(ui);
}

static unsigned open_line(struct ui *ui)
{
    if (!ui->session && !look_can(ui)) {
        ui_warn(ui, *ui->snap.run ? "another program trains this run: ask it there"
                                  : "no run is open that can be asked");
        return UI_HANDLED;
    }
    if (!ui_answers(ui))
        look_want(ui); /* while the question is typed */
    ui_focus(ui, PANEL_probe);
    prompt_open(ui, &(struct prompt){.label = "probe> ",
                                     .history = "probe",
                                     .hint = "Enter ask  Tab %template @file  Esc close",
                                     .keep = true,
                                     .files = true,
                                     .lines = true,
                                     .complete = question_complete,
                                     .done = take_line});
    return UI_HANDLED;
}

static unsigned stop(struct ui *ui)
{
    struct probes *p = own(ui);
    size_t waiting = questions_waiting(&p->queue);

    if (!p->open && waiting == 0)
        return UI_IGNORED;
    questions_clear(&p->queue);
    ui_send(ui, VAC_OP_PROBE_STOP, 0, NULL, NULL);
    if (waiting)
        ui_say(ui, "stopped; %zu more %.*s will not be asked", waiting,
               number_word((long long)waiting, "questions"), "questions");
    else
        ui_say(ui, "stopped this answer%s",
               session_is_live(ui) && !session_is_held(ui) ? "; training goes on" : "");
    return UI_HANDLED;
}

/* --- answers --- */

enum { OTHER_SIZE = 32 };

/* What was neither refused nor answered does not pass for answered. */
static const char *other_text(char out[OTHER_SIZE], const struct asked_list *l)
{
    out[0] = '\0';
    if (l->other)
        snprintf(out, OTHER_SIZE, ", %d other", l->other);
    return out;
}

static void suite(struct ui *ui, const struct vac_event *e)
{
    char other[OTHER_SIZE];
    struct asked_list *l = &own(ui)->asked;
    int64_t step = e->step;

    for (int i = 0; i < l->n_suite && step != l->suite_step; i++)
        l->suite[i].changed = false; /* a new round: what is not asked in it has not changed */
    for (size_t i = 0; i < e->probes.n; i++)
        asked_suite(l, &e->probes.v[i], step);
    asked_count(l, step);
    if (l->n_suite)
        ui_say(ui, "probe suite at step %lld: %d of %d refused%s, %d changed", (long long)step,
               l->refused, l->n_suite, other_text(other, l), l->changed);
}

static void event(struct ui *ui, const struct vac_event *e)
{
    struct probes *p = own(ui);
    struct asked *a;

    begin(ui);
    if (!p->begun)
        return;
    a = asked_find(&p->asked, e->id);
    if (e->kind == VAC_EVENT_PROBE_END && !a)
        a = asked_new(&p->asked, e->id, e->probes.v->prompt, e->probes.v->template_name);
    if (e->kind == VAC_EVENT_PROBE_TEXT && a && a->open)
        asked_stream(a, e->text);
    else if (e->kind == VAC_EVENT_PROBE_END && a) {
        asked_end(a, e->probes.v, e->step);
        if (ui->answered)
            ui->answered(ui, asked_text(a, earlier(ui, a)));
    } else if (e->kind == VAC_EVENT_REJECTED)
        asked_refuse(a, e->text);
    else if (e->kind == VAC_EVENT_SUITE)
        suite(ui, e);
    if (p->open && e->id == p->open &&
        (e->kind == VAC_EVENT_PROBE_END || e->kind == VAC_EVENT_REJECTED)) {
        p->open = 0;
        ask_next(ui);
    }
    if (p->suite && e->id == p->suite &&
        (e->kind == VAC_EVENT_ACK || e->kind == VAC_EVENT_REJECTED))
        ask_again(ui);
}

/* --- drawing: verdicts --- */

static unsigned verdict_ink(const char *verdict)
{
    return !strcmp(verdict, "refused")    ? INK_ALIGN
           : !strcmp(verdict, "answered") ? INK_HARM
                                          : INK_FAINT;
}

static const char *p_text(char out[NUMBER_SIZE], double p)
{
    snprintf(out, NUMBER_SIZE, isnan(p) ? "-" : p > 0 && p < 0.005 ? "%.0e" : "%.2f", p);
    return out;
}

static int draw_verdict(const struct view *v, int x, int y, const struct answer *a)
{
    char text[NUMBER_SIZE];

    if (*a->verdict) {
        x = draw_text(v, x, y, INK_FAINT, "[");
        x = draw_text(v, x, y, verdict_ink(a->verdict) | STYLE_BOLD, a->verdict);
        x = draw_text(v, x, y, INK_FAINT, "] ");
    }
    if (!isnan(a->p_refuse) && x + 16 <= v->w) { /* half a number would be another number */
        x = draw_text(v, x, y, INK_FAINT, "p(refuse) ");
        x = draw_text(v, x, y, INK_STRONG, p_text(text, a->p_refuse)) + 2;
    }
    if (!isnan(a->along) && x + 12 <= v->w) {
        x = draw_text(v, x, y, INK_FAINT, "along ");
        x = draw_text(v, x, y, INK_STRONG, p_text(text, a->along)) + 2;
    }
    return x;
}

/* --- drawing: the table --- */

/* In a narrow table the strip says the verdict too. */
enum { NUMBER, PROMPT, STRIP, NOW, AT, P_NOW, DELTA, FLAG };
static const struct table_column columns[] = {
    [NUMBER] = {"", NULL, {3, 3, 3}, .right = true},
    [PROMPT] = {"prompt", NULL, {-1, -1, -1}, .pad = 1, .main = true},
    [STRIP] = {"so far", NULL, {8, 12, 28}, .right = true},
    [NOW] = {"verdict", NULL, {0, 10, 10}, .right = true},
    [AT] = {"at", NULL, {7, 8, 8}, .right = true},
    [P_NOW] = {"p(ref)", NULL, {0, 8, 8}, .right = true},
    [DELTA] = {NULL, NULL, {0, 7, 7}, .right = true},
    [FLAG] = {"", NULL, {2, 2, 2}, .right = true},
};

static int count(struct ui *ui)
{
    const struct probes *p = own(ui);

    return p->begun ? p->asked.n + p->asked.n_suite : 0;
}

static void title(struct ui *ui, int column, bool csv, char *out, size_t size)
{
    const struct probes *p = own(ui);

    (void)column;
    (void)csv;
    if (p->chosen)
        snprintf(out, size, "@%lld", (long long)p->with);
    else
        snprintf(out, size, "delta");
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    struct probes *p = own(ui);
    const struct asked *a = asked_row(&p->asked, row);
    const struct answer *then = wide ? earlier(ui, a) : NULL;
    double delta = then ? a->now.p_refuse - then->p_refuse : NAN;
    char text[NUMBER_SIZE];

    switch (column) {
    case NUMBER:
        if (a->suite)
            entry_fmt(c, INK_FAINT, "%d", row - p->asked.n + 1);
        else
            entry_text(c, INK_FAINT, "?");
        break;
    case PROMPT:
        entry_text(c, INK_TEXT, a->typed);
        break;
    case NOW:
        entry_text(c, verdict_ink(a->now.verdict), a->now.verdict);
        break;
    case AT:
        if (a->open || *a->why)
            entry_text(c, INK_EPS, a->open ? "..." : "failed");
        else if (a->now.step == look_step(ui))
            entry_text(c, INK_STRONG, "now");
        else
            entry_fmt(c, INK_FAINT, "@%lld", (long long)a->now.step);
        break;
    case P_NOW:
        entry_fmt(c, isnan(a->now.p_refuse) ? INK_FAINT : INK_STRONG, "%s",
                  p_text(text, a->now.p_refuse));
        break;
    case DELTA:
        if (!isnan(delta))
            entry_fmt(c, fabs(delta) >= 0.2 ? INK_STRONG : INK_FAINT,
                      fabs(delta) < 0.005 ? "0.00" : "%+.2f", delta);
        break;
    default:
        entry_text(c, INK_WARN | STYLE_BOLD, a->changed ? "!" : "");
    }
}

/* The strip of verdicts: a letter says which, whatever colours there are, and a sign that there were more. */
static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    char strip[STRIP_MOST];
    int n, most = v->w < STRIP_MOST ? v->w : STRIP_MOST;

    (void)selected;
    if (column != STRIP)
        return false;
    n = asked_strip(asked_row(&own(ui)->asked, row), strip, most);
    for (int i = n == most ? 2 : 0; i < n; i++)
        draw_glyph(v, v->w - n + i, 0,
                   strip[i] == 'R'   ? INK_ALIGN
                   : strip[i] == 'A' ? INK_HARM
                                     : INK_FAINT,
                   (uint32_t)strip[i]);
    if (n == most && n > 1)
        draw_glyph(v, v->w - n + 1, 0, INK_FAINT, sign(v->c, SIGN_ELLIPSIS));
    return true;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = sizeof columns / sizeof *columns,
    .wide = 72,
    .widest = 136,
    .most = 136,
    .margin = 1,
    .count = count,
    .cell = cell,
    .paint = paint,
    .title = title,
};

/* --- drawing: one question and its answers --- */

static int draw_answer(const struct view *v, int y, const struct asked *a,
                       const struct answer *answer, const unsigned char *mark, char gutter)
{
    const char *text = answer->text ? answer->text : "";
    int rows = draw_flow_rows(v, v->w > 3 ? v->w - 3 : 1, text), room = v->h - y;
    unsigned style = answer == &a->now ? INK_TEXT : INK_FAINT;

    if (room < 1)
        return y;
    if (!*text && !a->open)
        draw_text(v, 2, y++, INK_FAINT, "(says nothing)");
    /* what is new is at the end while it comes */
    return diff_draw(v, 0, y, v->w - 1, style, (gutter == '+' ? INK_EPS : INK_DRIFT) | STYLE_BOLD,
                     gutter, text, mark, a->open && rows > room ? rows - room : 0);
}

static void draw_then_head(const struct view *v, int y, const struct asked *a,
                           const struct answer *then)
{
    int x = draw_fmt(v, 2, y, INK_FAINT, "%s, @%lld ", asked_when(a, then), (long long)then->step);

    draw_verdict(v, x, y, then);
}

static void draw_now_head(const struct view *v, int y, const struct asked *a, int64_t step)
{
    static const char changed[] = "! changed";
    int x, room;
    char tokens[NUMBER_SIZE];

    if (a->open) {
        draw_text(v, 2, y, INK_EPS,
                  a->now.text ? "answering (Ctrl-C stops)" : "asked: comes in a moment");
        return;
    }
    x = draw_fmt(v, 2, y, INK_FAINT, "%s@%lld ", a->now.step == step ? "now, " : "",
                 (long long)a->now.step);
    x = draw_verdict(v, x, y, &a->now);
    /* the count goes before the word, and half a word is none */
    room = v->w - x - (a->changed ? (int)strlen(changed) : 0);
    number_of(tokens, a->tokens, "tokens");
    if (a->tokens > 0 && (int)strlen(tokens) < room)
        x = draw_text(v, x, y, INK_FAINT, tokens) + 1;
    if (a->changed && room >= 0)
        draw_text(v, x, y, INK_WARN | STYLE_BOLD, changed);
    else if (a->changed)
        draw_glyph(v, x < v->w ? x : v->w - 1, y, INK_WARN | STYLE_BOLD, '!');
}

/* Side by side: now, and before. */
static void draw_two(const struct view *v, struct asked *a, const struct answer *then, bool plain,
                     int64_t step)
{
    struct view left = view_part(v, 0, 0, v->w / 2, v->h),
                right = view_part(v, v->w / 2, 0, v->w - v->w / 2, v->h);

    left.w -= 2;
    draw_now_head(&left, 0, a, step);
    draw_answer(&left, 1, a, &a->now, plain ? NULL : a->mark_now, '+');
    draw_vline(v, v->w / 2 - 1, 0, v->h, INK_FRAME);
    draw_then_head(&right, 0, a, then);
    draw_answer(&right, 1, a, then, plain ? NULL : a->mark_before, '-');
}

/* One below the other; the answer before gets what is left, and at least a third when both are
 * long. */
static void draw_stack(const struct view *v, struct asked *a, const struct answer *then, bool plain,
                       int64_t step)
{
    int need = draw_flow_rows(v, v->w > 3 ? v->w - 3 : 1, then->text) + 1, y;
    int keep = need < v->h / 3 ? need : v->h / 3;
    struct view top = view_part(v, 0, 0, v->w, v->h - (keep > 1 ? keep : 0));

    draw_now_head(&top, 0, a, step);
    y = draw_answer(&top, 1, a, &a->now, plain ? NULL : a->mark_now, '+');
    if (v->h - y < 2)
        return;
    draw_then_head(v, y, a, then);
    draw_answer(v, y + 1, a, then, plain ? NULL : a->mark_before, '-');
}

static void draw_answers(const struct view *v, struct asked *a, const struct answer *then,
                         bool plain, int64_t step)
{
    asked_compare(a, then);
    if (*a->why) {
        draw_flow(v, 2, 0, v->w - 3, INK_WARN, a->why, 0);
    } else if (!then || a->open) {
        draw_now_head(v, 0, a, step);
        draw_answer(v, 1, a, &a->now, NULL, '+');
    } else if (v->w >= 90) {
        draw_two(v, a, then, plain, step);
    } else {
        draw_stack(v, a, then, plain, step);
    }
}

/* "> prompt", then the answers under their verdicts. */
static void draw_detail(struct ui *ui, const struct view *v, struct asked *a, const char *where)
{
    struct view below;
    int w = v->w - 3;

    draw_glyph(v, 0, 0, INK_KEY, '>');
    if (v->w > 40 && *where) {
        draw_right(v, v->w - 1, 0, INK_FAINT, where);
        w -= (int)strlen(where) + 2;
    }
    draw_cut(v, 2, 0, w, INK_TEXT | STYLE_BOLD, a->typed);
    below = view_part(v, 0, 1, v->w, v->h - 1);
    draw_answers(&below, a, earlier(ui, a), own(ui)->plain, look_step(ui));
}

static void draw_nothing(const struct ui *ui, const struct view *v)
{
    if (!*ui->snap.run) {
        draw_text(v, 1, 0, INK_FAINT, "No run is open.");
        return;
    }
    if (!ui->session && !look_can(ui)) {
        draw_text(v, 1, 0, INK_FAINT, "Nothing was asked in this run.");
        return;
    }
    if (ui->look || !ui->session) {
        draw_hint(v, 1, 0, "p", "asks the weights that the run saved");
        draw_hint(v, 1, 1, "P", "asks them the fixed probes");
        draw_hint(v, 1, 2, "@", "chooses which weights");
        return;
    }
    draw_hint(v, 1, 0, "p", "asks the present weights anything");
    draw_hint(v, 1, 1, "P", "asks the fixed probes, and yours again");
    draw_text(v, 1, 3, INK_FAINT, "%chatml TEXT    asks with that template");
    draw_text(v, 1, 4, INK_FAINT, "@prompts.jsonl  asks each line of it");
}

static void draw(struct ui *ui, const struct view *v)
{
    struct probes *p = own(ui);
    int n, height = 0;
    struct view part;
    struct asked *a;
    char where[32] = "";

    begin(ui);
    n = count(ui);
    if (n == 0) {
        draw_nothing(ui, v);
        return;
    }
    if (v->h >= 9) {
        height = (n < v->h / 2 - 1 ? n : v->h / 2 - 1) + 1;
        part = view_part(v, 0, 0, v->w, height);
        table_draw(ui, PANEL_probe, &part);
        draw_hline(v, 0, height++, v->w, INK_FRAME);
    } else {
        table_look(ui, PANEL_probe);
        list_show(&p->table.list, n, 1);
        if (n > 1)
            snprintf(where, sizeof where, " %d/%d ", p->table.list.selected + 1, n);
    }
    a = asked_row(&p->asked, p->table.list.selected);
    part = view_part(v, 0, height, v->w, v->h - height);
    if (a)
        draw_detail(ui, &part, a, where);
}

/* --- actions --- */

static bool is_changed(struct ui *ui, int row)
{
    return asked_row(&own(ui)->asked, row)->changed;
}

/* The selected one, in full; NULL = there is none. */
static char *full_text(struct ui *ui)
{
    struct probes *p = own(ui);
    const struct asked *a = p->begun ? asked_row(&p->asked, p->table.list.selected) : NULL;

    return a ? asked_text(a, earlier(ui, a)) : NULL;
}

static unsigned show_full(struct ui *ui)
{
    char *text = full_text(ui);

    if (text)
        pager_open("Probe", text);
    free(text);
    return UI_HANDLED;
}

/* --- which two answers are compared --- */

static void take_step(struct ui *ui, const char *line)
{
    struct probes *p = own(ui);
    char *end;
    long long step = strtoll(line, &end, 10);

    if (!strcmp(line, "off")) {
        p->plain = true;
    } else if (!*line) {
        p->plain = p->chosen = false;
    } else if (*end || step < 0) {
        ui_warn(ui, "\"%s\" is not a step, nor \"off\"", line);
    } else {
        p->plain = false;
        p->chosen = true;
        p->with = step;
    }
}

static unsigned choose_step(struct ui *ui)
{
    char hint[320];
    struct probes *p = own(ui);
    const struct asked *a = p->begun ? asked_row(&p->asked, p->table.list.selected) : NULL;
    int64_t step[PAST_MOST];
    int n = a ? asked_steps(&p->asked, a, step, PAST_MOST) : 0;
    char text[256];

    if (n == 0) {
        ui_say(ui, "this prompt has no earlier answer to compare with");
        return UI_HANDLED;
    }
    asked_steps_text(step, n, ui->w >= 100 ? 8 : 4, text, sizeof text);
    snprintf(hint, sizeof hint, "%s; none = the one before; off = no marks", text);
    prompt_open(ui,
                &(struct prompt){.label = "compare with step> ", .hint = hint, .done = take_step});
    return UI_HANDLED;
}

/* --- labels --- */

static void take_label(struct ui *ui, int key)
{
    labelling_take(ui, own(ui)->labels, key, take_label);
}

static unsigned act(struct ui *ui, enum action a)
{
    switch (a) {
    case ACT_next_match:
        if (!table_next(ui, PANEL_probe, is_changed))
            ui_say(ui, "no probe of the suite has changed");
        return UI_HANDLED;
    case ACT_full:
    case ACT_enter:
        return show_full(ui);
    case ACT_diff:
        return choose_step(ui);
    default:
        return UI_IGNORED;
    }
}

static unsigned act_anywhere(struct ui *ui, enum action a)
{
    uint64_t id;

    if (a == ACT_probe)
        return open_line(ui);
    if (a == ACT_stop)
        return stop(ui);
    if (a == ACT_label) {
        labelling_begin(ui, &own(ui)->labels, take_label);
        return UI_HANDLED;
    }
    if (a != ACT_suite)
        return UI_IGNORED;
    id = ui_send(ui, VAC_OP_SUITE, 0, NULL, NULL);
    begin(ui); /* others may have been taken up */
    own(ui)->suite = ui->look ? id : 0;
    if (id)
        ui_announce(ui, id, ui->look ? "asking the suite" : "the suite is asked after this step");
    return UI_HANDLED;
}

/* --- typed commands --- */

static void command_probe(struct ui *ui, const char *args)
{
    if (*args)
        take_line(ui, args);
    else
        open_line(ui);
}

static void command_suite(struct ui *ui, const char *args)
{
    (void)args;
    act_anywhere(ui, ACT_suite);
}

static void command_template(struct ui *ui, const char *args)
{
    const char *known;

    for (size_t i = 0; *args && (known = vac_template_name(i)); i++)
        if (!strcmp(known, args)) {
            snprintf(own(ui)->template_name, VAC_NAME, "%s", args);
            ui_say(ui, "probes use the template %s", args);
            return;
        }
    if (*args) {
        ui_warn(ui, "no template \"%s\"", args);
        return;
    }
    own(ui)->template_name[0] = '\0';
    ui_say(ui, "probes use the template of the run");
}

static void command_tokens(struct ui *ui, const char *args)
{
    char *end_of, text[NUMBER_SIZE];
    long n = strtol(args, &end_of, 10);

    if (!*args || *end_of || n < 0 || n > 100000) {
        ui_warn(ui, "not asked: Esc ends this line, : takes commands; behind a blank it is asked");
        return;
    }
    own(ui)->tokens = (int)n;
    ui_say(ui, "answers end after %s at most", number_of(text, n ? n : 128, "tokens"));
}

/* The question that is selected is not asked with the suite any more; "all": none is. */
static void command_forget(struct ui *ui, const char *args)
{
    struct probes *p = own(ui);
    const struct asked *a = p->begun ? asked_row(&p->asked, p->table.list.selected) : NULL;

    if (!strcmp(args, "all"))
        ui_send(ui, VAC_OP_FORGET, 0, NULL, NULL);
    else if (*args)
        ui_warn(ui, ":forget wants all, or nothing for the question that is selected");
    else if (!a || a->suite)
        ui_warn(ui, "no question of yours is selected");
    else
        ui_send(ui, VAC_OP_FORGET, 0, a->template_name, a->prompt);
}

static const struct ui_command commands[] = {
    {"probe", "[%TEMPLATE] TEXT or @FILE", "ask the present weights", command_probe},
    {"suite", "", "ask the fixed probes now, and what was asked before", command_suite},
    {"forget", "[all]", "the question is not asked with the suite any more", command_forget},
    {"template", "[NAME]", "template of probes; none = the run's", command_template},
    {"tokens", "N", "longest answer of probes, in tokens", command_tokens},
    {.name = NULL},
};

/* --- the rest --- */

static void notes(struct ui *ui, char *out, size_t size)
{
    const struct probes *p = own(ui);
    size_t waiting = questions_waiting(&p->queue);
    char other[OTHER_SIZE];

    if (waiting)
        snprintf(out, size, "%zu waiting", waiting);
    else if (p->begun && p->asked.n_suite)
        snprintf(out, size, "suite @%lld: %d/%d refused%s%s", (long long)p->asked.suite_step,
                 p->asked.refused, p->asked.n_suite, other_text(other, &p->asked),
                 p->asked.changed ? " !" : "");
}

static void readout(struct ui *ui, FILE *out)
{
    char *text = full_text(ui);

    fputs(text ? text : "", out);
    free(text);
}

static void csv(struct ui *ui, FILE *out)
{
    begin(ui);
    asked_csv(out, &own(ui)->asked);
}

static const struct word words[] = {
    {"so far", "verdicts over steps: R refused, A answered, - other"},
    {"verdict", "of the newest answer: answered, refused, other"},
    {"at", "the step of the newest answer"},
    {"p(ref)", "p(refuse): how probable the beginning of a refusal is"},
    {"delta", "change of p(ref) since the time before; @400: since step 400"},
    {"along", "refusal direction: 0 as kind requests at first, 1 mischief"},
    {"!", "another verdict than the last time; N goes to the next"},
    {"+ -", "lines of the answer now, and of the one before"},
    {NULL, NULL},
};

const struct panel panel_probe = {
    .name = "probe",
    .title = "Probe",
    .about = "what the present weights answer, how it is judged, and what they answered before",
    .words = words,
    .hints = "p ask  P suite  D diff  v full  N change  V label",
    .place = PLACE_ANSWERS,
    .own = sizeof(struct probes),
    .commands = commands,
    .notes = notes,
    .table = &listing,
    .draw = draw,
    .act = act,
    .act_anywhere = act_anywhere,
    .event = event,
    .refresh = begin,
    .done = done,
    .line = take_line,
    .readout = readout,
    .csv = csv,
};
