/* chrome.c - everything around the panels: header, messages, status row, key bar, the first-time
 * hint. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/utf8.h"
#include "panels/measured.h"
#include "term/prompt.h"
#include "ui/chrome.h"
#include "ui/tour.h"

int chrome_seconds(const struct ui *ui)
{
    enum vac_state s = ui->snap.state;
    double age = ui->now - ui->priv->moved;

    if (ui->deterministic || ui->freeze ||
        !ui->session || /* files tell nothing of a step under way */
        (s != VAC_LOADING && s != VAC_RUNNING && s != VAC_MEASURING))
        return -1;
    return age >= 2 ? (int)age : 0;
}

/* --- header: pieces in order of place, left out in order of rank until the rest fits --- */

struct piece {
    char text[sizeof((struct vac_snapshot *)0)->reason + 8];
    unsigned style;
    int rank;    /* 0 = never left out */
    int gap;     /* blanks before it */
    bool joined; /* with the one before: left out together */
    bool out;    /* left out */
};
enum { PIECES = 40 };
struct pieces {
    struct piece v[PIECES];
    int n;
};

static void add(struct pieces *h, int rank, unsigned style, int gap, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void add(struct pieces *h, int rank, unsigned style, int gap, const char *fmt, ...)
{
    struct piece *p = &h->v[h->n];
    va_list ap;

    if (h->n == PIECES)
        return;
    h->n++;
    p->rank = rank;
    p->style = style;
    p->gap = gap;
    va_start(ap, fmt);
    vsnprintf(p->text, sizeof p->text, fmt, ap);
    va_end(ap);
}

/* Columns of piece i and of those joined to it. */
static int width_of(const struct canvas *c, const struct pieces *h, int i)
{
    int width = 0;

    do
        width += h->v[i].gap + text_width(h->v[i].text, strlen(h->v[i].text), c->utf8);
    while (++i < h->n && h->v[i].joined);
    return width;
}

static void set_out(struct pieces *h, int i, bool out)
{
    do
        h->v[i].out = out;
    while (++i < h->n && h->v[i].joined);
}

/* What stands close behind something that is wanted more tells of it: not without that. */
static bool has_what_it_is_of(const struct pieces *h, int i)
{
    int of = i;

    while (of > 0 && h->v[of].gap < 2)
        of--;
    return !h->v[of].out || h->v[of].rank >= h->v[i].rank;
}

/* A long one that falls may leave room for others that fell before it. */
static void leave_out(const struct canvas *c, struct pieces *h, int width)
{
    for (int i = 0; i < h->n; i++)
        width -= h->v[i].joined ? 0 : width_of(c, h, i);
    for (int rank = 9; rank > 0; rank--)
        for (int i = h->n - 1; i >= 0 && width < 0; i--)
            if (h->v[i].rank == rank && !h->v[i].joined) {
                set_out(h, i, true);
                width += width_of(c, h, i);
            }
    for (int rank = 1; rank <= 9; rank++)
        for (int i = 0; i < h->n; i++)
            if (h->v[i].rank == rank && h->v[i].out && !h->v[i].joined &&
                width_of(c, h, i) <= width && has_what_it_is_of(h, i)) {
                set_out(h, i, false);
                width -= width_of(c, h, i);
            }
}

static void draw_pieces(const struct view *v, int y, struct pieces *h, unsigned ground)
{
    int x = 0;

    draw_fill(v, 0, y, v->w, 1, ground, ' ');
    leave_out(v->c, h, v->w);
    for (int i = 0; i < h->n; i++) {
        const struct piece *p = &h->v[i];

        if (!p->out)
            x = draw_cut(v, x + p->gap, y, v->w - x - p->gap, p->style, p->text);
    }
}

static const struct {
    const char *word;
    unsigned style;
    enum sign sign;
} states[] = {
    [VAC_LOADING] = {"LOADING", INK_FAINT, SIGN_DOT},
    [VAC_RUNNING] = {"RUN", INK_ALIGN | STYLE_BOLD, SIGN_RUN},
    [VAC_PAUSED] = {"PAUSED", INK_EPS | STYLE_BOLD, SIGN_PAUSE},
    [VAC_MEASURING] = {"MEASURING", INK_DRIFT | STYLE_BOLD, SIGN_RUN},
    [VAC_DONE] = {"DONE", INK_ALIGN | STYLE_BOLD, SIGN_DONE},
    [VAC_STOPPED] = {"STOPPED", INK_FAINT, SIGN_PAUSE},
    [VAC_FAILED] = {"FAILED", INK_WARN | STYLE_BOLD, SIGN_FAIL},
};

static void add_state(const struct ui *ui, const struct canvas *c, struct pieces *h)
{
    const struct vac_snapshot *look = ui->look ? vac_snapshot(ui->look) : NULL;
    char bytes[9] = {0}, text[NUMBER_SIZE];
    int state = ui->snap.state;
    size_t n = utf8_put(sign(c, states[state].sign), bytes);

    if (*bytes == '|')
        utf8_put('|', bytes + n);
    add(h, 0, states[state].style, 2, "%s %s", bytes, states[state].word);
    if ((state == VAC_LOADING || state == VAC_MEASURING) && chrome_seconds(ui) > 0)
        add(h, 3, INK_TEXT, 1, "%s", number_time(text, chrome_seconds(ui)));
    if (ui->snap.steps_left > 0)
        add(h, 3, INK_EPS, 1, "%lld to go", (long long)ui->snap.steps_left);
    if (ui->freeze)
        add(h, 0, INK_WARN | STYLE_BOLD, 2, "FROZEN");
    if (look && !*ui->at && state != VAC_DONE && look->state != VAC_LOADING)
        add(h, 0, INK_EPS | STYLE_BOLD, 2, "asked @%lld", (long long)look->step);
    else if (look)
        add(h, 0, INK_EPS | STYLE_BOLD, 2, "%s @%s",
            look->state == VAC_LOADING ? "opening" : "asked",
            *ui->at             ? ui->at
            : state == VAC_DONE ? "end"
                                : "last");
    else if (!ui->session && *ui->watched)
        add(h, 1, INK_FAINT, 2, "read-only");
}

/* "ATTACK @400 2/18 lr 12/160": the attack that goes on, which may be why the run stands still. */
static void add_attack(const struct ui *ui, struct pieces *h)
{
    const unsigned style = INK_HARM | STYLE_BOLD;
    const struct vac_siege_now *now = ui_siege(ui);

    if (!*now->dir)
        return;
    add(h, 0, style, 2, "ATTACK @%lld", (long long)now->at);
    if (now->of) {
        add(h, 1, style, 1, "%lld/%lld", (long long)now->number, (long long)now->of);
        add(h, 5, style, 1, "%s", now->name);
    }
    if (now->steps)
        add(h, 1, style, 1, "%lld/%lld", (long long)now->step, (long long)now->steps);
}

/* The run that trains while another one is looked at: how it fares, and the way back. */
static void add_parked(const struct ui *ui, struct pieces *h)
{
    const struct vac_snapshot *s;
    bool wrong;

    if (!ui->priv->parked)
        return;
    s = &ui->priv->parked->ui.snap;
    wrong = s->fault || s->state == VAC_FAILED;
    add(h, 0, wrong ? INK_WARN | STYLE_BOLD | STYLE_REVERSE : INK_ALIGN | STYLE_BOLD, 2,
        "[B %.24s %s%s %lld/%lld]", s->run, wrong ? "! " : "", states[s->state].word,
        (long long)s->step, (long long)s->total_steps);
}

/* A number with its faint label before it. */
static void add_number(struct pieces *h, int rank, const char *label, unsigned style,
                       const char *value)
{
    if (*value == '-' && !value[1])
        return;
    add(h, rank, INK_FAINT, 2, "%s", label);
    add(h, rank, style, 1, "%s", value);
    h->v[h->n - 1].joined = true;
}

static void add_progress(const struct ui *ui, struct pieces *h)
{
    const struct vac_snapshot *s = &ui->snap;
    char text[NUMBER_SIZE], pair[2 * NUMBER_SIZE];

    snprintf(pair, sizeof pair, "%lld", (long long)s->step);
    add_number(h, 0, "step", INK_STRONG, pair);
    if (s->total_steps > 0) {
        add(h, 1, INK_FAINT, 0, "/%lld", (long long)s->total_steps);
        add(h, 4, INK_TEXT, 2, "%.0f%%", floor(100.0 * (double)s->step / (double)s->total_steps));
    }
    if (s->state == VAC_RUNNING && chrome_seconds(ui) > 0) { /* it works, though nothing moves */
        snprintf(pair, sizeof pair, "in step %lld", (long long)s->step + 1);
        add_number(h, 2, pair, INK_TEXT, number_time(text, chrome_seconds(ui)));
        if (s->pass)
            add(h, 5, INK_FAINT, 1, "pass %d", s->pass);
        if (s->n_micro > 1)
            add(h, 6, INK_FAINT, 1, "micro-batch %d/%d", s->micro, s->n_micro);
    }
    if (*s->until) {
        bool counted = s->passed >= 0;

        add(h, counted ? 3 : 8, INK_FAINT, 2, "until");
        if (counted) {
            add(h, 3, INK_TEXT, 1, "%lld/%lld", (long long)s->passed, (long long)s->passed_want);
            h->v[h->n - 1].joined = true;
        }
        add(h, 8, INK_TEXT, 1, "%s", s->until);
        h->v[h->n - 1].joined = !counted; /* the word alone tells nothing */
    }
    if (*s->goes_until)
        add_number(h, 3, "pauses at", INK_EPS, s->goes_until);
    if (s->state == VAC_RUNNING || s->state == VAC_MEASURING) {
        snprintf(pair, sizeof pair, "%s st/s",
                 isfinite(s->steps_per_s) ? number_text(text, s->steps_per_s, 2) : "-");
        if (isfinite(s->steps_per_s))
            add(h, 5, INK_TEXT, 2, "%s", pair);
        add_number(h, 2, "ETA", INK_TEXT, number_time(text, s->eta_s));
    }
}

static void add_evals(const struct ui *ui, struct pieces *h)
{
    char text[NUMBER_SIZE], rest[REST_SIZE];

    for (int i = 0; i < ui->snap.n_evals && i < VAC_MAX_EVALS; i++) {
        const struct vac_eval *e = &ui->snap.eval[i];
        bool harm = !strncmp(e->name, "HS", 2), old = e->step != ui->snap.step;

        if (e->step < 0)
            continue;
        add_number(h, harm ? 4 : 6, e->name,
                   old ? INK_FAINT : (harm ? INK_HARM : INK_ALIGN) | STYLE_BOLD,
                   e->is_rate ? number_percent(text, e->value) : number_text(text, e->value, 3));
        if (old && h->n < PIECES) { /* the weights have changed since */
            add(h, 1, INK_FAINT, 1, "@%lld", (long long)e->step);
            h->v[h->n - 1].joined = true;
        }
        if (*measured_rest(rest, &e->verdicts) && h->n < PIECES) {
            bool warn = *e->verdicts.others != '\0';

            add(h, 9, warn ? INK_WARN | STYLE_BOLD : INK_FAINT, 1, "(%s)", rest);
            h->v[h->n - 1].joined = warn; /* it goes when its score does, and not before */
        }
    }
}

/* A reason with the last parts of its paths, so that where is not all that there is room for. */
static const char *short_reason(const char *why, char out[sizeof((struct vac_snapshot *)0)->reason])
{
    size_t n = 0;

    for (const char *s = why; *s; s++) {
        size_t path = strcspn(s, " :;,"), last = path;

        if (*s == '/' && (s == why || s[-1] == ' ')) {
            while (last > 0 && s[last - 1] != '/')
                last--;
            s += last < path ? last : 0;
        }
        if (n + 1 < sizeof((struct vac_snapshot *)0)->reason)
            out[n++] = *s;
    }
    out[n] = '\0';
    return out;
}

static void draw_header(struct ui *ui, const struct view *v)
{
    const struct vac_snapshot *s = &ui->snap;
    char why_text[sizeof s->reason];
    struct pieces h = {0};
    char text[NUMBER_SIZE], rho[RHO_SIZE];
    int used;

    /* What is wrong is seen first, until it is dealt with, and beside it how the run stands. */
    if (s->fault || s->state == VAC_FAILED) {
        const char *why = *s->reason ? short_reason(s->reason, why_text) : "the run has failed";
        size_t n = strlen(why), fit = text_fit(why, n, v->w - 28, v->c->utf8, &used);

        add(&h, 0, INK_WARN | STYLE_BOLD | STYLE_REVERSE, 0, "! %.*s%s ", (int)fit, why,
            fit < n ? ".." : "");
    } else if (*s->alert) {
        const char *why = s->alert;
        size_t n = strlen(why), fit = text_fit(why, n, v->w / 2, v->c->utf8, &used);

        add(&h, 0, INK_WARN | STYLE_BOLD, 0, "! %.*s%s", (int)fit, why, fit < n ? ".." : "");
    }
    add(&h, 5, INK_TITLE | STYLE_BOLD, h.n ? 1 : 0, "vaccine");
    if (!ui->session && !*ui->watched) {
        add(&h, 1, INK_FAINT, 2,
            "aligns language models so that harmful fine-tuning undoes less of it");
        add_parked(ui, &h);
        draw_pieces(v, 0, &h, INK_BAR);
        return;
    }
    add(&h, 3, INK_STRONG | STYLE_BOLD, 1, "%s", s->run);
    add(&h, 8, INK_FAINT, 2, "%s", s->model);
    if (*s->stage)
        add(&h, 2, INK_TEXT, 2, "%s", s->stage);
    if (s->n_stages > 1)
        add(&h, 7, INK_FAINT, 1, "%d/%d", s->stage_index + 1, s->n_stages);
    if (*s->method && strcmp(s->method, s->stage))
        add(&h, 6, INK_FAINT, 1, "%s", s->method);
    add_state(ui, v->c, &h);
    add_attack(ui, &h);
    add_parked(ui, &h);
    add_progress(ui, &h);
    add_number(&h, 1, "rho", INK_EPS | STYLE_BOLD, ui_rho_text(ui, rho));
    add_number(&h, 7, "lr", INK_TEXT, number_text(text, s->last.lr, 3));
    add_evals(ui, &h);
    add_number(&h, 8, "tok/s", INK_TEXT, number_si(text, s->tokens_per_s));
    add_number(&h, 9, "epoch", INK_TEXT, number_text(text, s->last.epoch, 3));
    draw_pieces(v, 0, &h, INK_BAR);
}

/* --- below --- */

/* Most wanted first; what does not fit is left out. */
static const enum action bar_order[] = {
    ACT_help,      ACT_pause,      ACT_step,    ACT_rho_type,   ACT_edit,      ACT_probe,
    ACT_zoom,      ACT_next_panel, ACT_command, ACT_checkpoint, ACT_evaluate,  ACT_log,
    ACT_smooth,    ACT_filter,     ACT_metric,  ACT_suite,      ACT_steps,     ACT_mask,
    ACT_run_until, ACT_undo,       ACT_weights, ACT_list,       ACT_reference, ACT_copy,
    ACT_overlay,   ACT_sort,       ACT_mark,    ACT_diff,
};

/* Whether the bar shows it, as far as that hangs on what is open. */
static bool belongs_here(const struct ui *ui, enum action a)
{
    bool open = ui->session || *ui->watched;

    switch (a) {
    case ACT_sort:
    case ACT_mark:
    case ACT_diff:
        return ui->focus == PANEL_runs;
    case ACT_next_panel:
    case ACT_overlay:
        return open;
    case ACT_filter:
        return open || panel_filters((enum panel_id)ui->focus);
    case ACT_list:
        return *ui->parked || (open && !session_is_live(ui));
    default:
        return action_works(ui, a);
    }
}

static int bar_width(const struct key_row *k)
{
    return (int)(strlen(k->keys) + strlen(k->bar)) + 2;
}

static void draw_keys(const struct ui *ui, const struct view *v, int y)
{
    const struct key_row *quit = key_row_of(ACT_quit);
    int x = 0;

    draw_fill(v, 0, y, v->w, 1, INK_BAR, ' ');
    for (size_t i = 0; i < sizeof bar_order / sizeof *bar_order; i++) {
        const struct key_row *k = key_row_of(bar_order[i]);

        if (belongs_here(ui, bar_order[i]) && x + bar_width(k) + bar_width(quit) <= v->w + 1)
            x = draw_hint(v, x, y, k->keys, k->bar);
    }
    draw_hint(v, x, y, quit->keys, quit->bar);
}

static void draw_status(struct ui *ui, const struct view *v, int y)
{
    const struct vac_snapshot *s = &ui->snap;
    static const char *const charsets[] = {"braille", "block", "ASCII"};
    struct pieces h = {0};
    char text[NUMBER_SIZE];

    add_number(&h, 1, "threads", INK_TEXT, s->threads ? number_text(text, s->threads, 1) : "-");
    if (s->rss_bytes)
        add_number(&h, 1, "memory", INK_TEXT, number_bytes(text, s->rss_bytes));
    if (s->checkpoint_step >= 0 && (ui->session || *ui->watched)) {
        snprintf(text, sizeof text, "%lld", (long long)s->checkpoint_step);
        add_number(&h, 1, "last checkpoint", INK_TEXT, text);
    }
    add_number(&h, 2, "folder", INK_TEXT, ui->session && !ui->deterministic ? ui_dir(ui) : "-");
    add_number(&h, 3, "x", INK_TEXT, x_unit_names[ui->x_unit]);
    add_number(&h, 3, "y", INK_TEXT, ui->log_y ? "log" : "linear");
    add_number(&h, 3, "smoothing", INK_TEXT, ui->ema > 0 ? number_text(text, ui->ema, 2) : "off");
    add_number(&h, 4, "theme", INK_TEXT, theme_names[ui->priv->theme]);
    add_number(&h, 4, "charset", INK_TEXT, charsets[ui->charset]);
    add_number(&h, 4, "mouse", INK_TEXT, ui->priv->mouse ? "on" : "off");
    draw_pieces(v, y, &h, INK_BAR);
}

/* What the message rows say: the news, else why it waits or what is wrong, else what is measured. */
struct said {
    char text[MESSAGE_SIZE + 16];
    unsigned style;
};

static bool find_said(const struct ui *ui, struct said *s)
{
    const struct vac_snapshot *run = &ui->snap, *now = ui->look ? vac_snapshot(ui->look) : run;
    const struct message *m = &ui->message;
    char reason[sizeof run->reason];

    *s = (struct said){.style = m->warning ? INK_WARN | STYLE_BOLD : INK_TEXT};
    if (*m->text) {
        snprintf(s->text, sizeof s->text, "%s%s", m->warning ? "! " : "", m->text);
    } else if (prompt_is_open(ui)) {
        return false;
    } else if (*run->reason &&
               (run->state == VAC_PAUSED || run->state == VAC_FAILED || run->fault)) {
        s->style = run->state == VAC_PAUSED && !run->fault ? INK_EPS : INK_WARN;
        snprintf(s->text, sizeof s->text, "%s", short_reason(run->reason, reason));
    } else if (now->state == VAC_MEASURING || (now->state == VAC_LOADING && *now->reason)) {
        s->style = INK_DRIFT;
        snprintf(s->text, sizeof s->text, "%s %s",
                 now->state == VAC_LOADING ? "getting ready:" : "measuring", now->reason);
    }
    return *s->text != '\0';
}

int chrome_rows(const struct ui *ui, int w, int h)
{
    struct view v = view_all(&ui->priv->canvas);
    int rows = prompt_is_open(ui) ? 1 : 0;
    struct said s;

    if (find_said(ui, &s))
        rows += draw_flow_rows(&v, w, s.text);
    return rows < 1 ? 1 : rows < h / 2 ? rows : h / 2;
}

/* In the last row the line that is typed, when there is one. */
static void draw_message(struct ui *ui, const struct view *v, int *cursor_x, int *cursor_y)
{
    struct view said = view_part(v, 0, 0, v->w, v->h - prompt_is_open(ui)), line;
    struct said s;

    draw_fill(v, 0, 0, v->w, v->h, INK_TEXT, ' ');
    if (find_said(ui, &s) &&
        draw_flow_rows(&said, said.w, s.text) > draw_flow(&said, 0, 0, said.w, s.style, s.text, 0))
        draw_glyph(&said, said.w - 1, said.h - 1, s.style, sign(v->c, SIGN_ELLIPSIS));
    if (prompt_is_open(ui)) {
        /* what Tab finds lies over the rows above */
        line = (struct view){v->c, v->x, 0, v->w, v->y + v->h};
        prompt_draw(ui, &line, cursor_x, cursor_y);
        *cursor_y += line.y;
    }
}

/* A line of the hint, without its end, of n bytes. */
static void draw_hint_line(const struct view *v, int y, const char *line, size_t n)
{
    char text[256];
    char *tab;

    snprintf(text, sizeof text, "%.*s", (int)n, line);
    tab = strchr(text, '\t');
    if (tab) {
        *tab++ = '\0';
        draw_cut(v, 1, y, 6, INK_KEY | STYLE_BOLD, text);
    }
    draw_cut(v, tab ? 8 : 1, y, v->w - (tab ? 9 : 2), INK_TEXT, tab ? tab : text);
}

static void draw_start_hint(const struct ui *ui, const struct view *v)
{
    const char *line = ui->priv->hint;
    int w = v->w < 76 ? v->w : v->w < 100 ? 70 : 76;
    struct view box, in;

    if (!line || overlay_is_up()) /* a question is to be read first */
        return;
    box = view_part(v, (v->w - w) / 2, (v->h - 5) / 2, w, 5);
    draw_fill(&box, 0, 0, box.w, box.h, INK_TEXT, ' ');
    in = draw_box(&box, NULL, ui->priv->args->hint ? "What to look for" : "Welcome", NULL, NULL,
                  true);
    for (int y = 0; y < 3; y++) {
        size_t n = strcspn(line, "\n");

        draw_hint_line(&in, y, line, n);
        line += n + (line[n] != '\0');
    }
}

static void draw_too_small(const struct ui *ui, const struct view *v)
{
    draw_fmt(v, 0, 0, INK_STRONG | STYLE_BOLD, "needs 60x16, have %dx%d", v->w, v->h);
    if (*ui->snap.run)
        draw_fmt(v, 0, 1, INK_FAINT, "%s %s, step %lld", ui->snap.run,
                 vac_state_names[ui->snap.state], (long long)ui->snap.step);
}

void chrome_draw(struct ui *ui, struct canvas *c, int *cursor_x, int *cursor_y)
{
    struct view v = view_all(c), inside;
    const struct layout *l = &ui->priv->layout;

    *cursor_x = *cursor_y = -1;
    if (l->too_small) {
        draw_too_small(ui, &v);
        return;
    }
    draw_header(ui, &v);
    if (l->footer > l->said + 1)
        draw_status(ui, &v, v.h - 2);
    draw_keys(ui, &v, v.h - 1);
    draw_start_hint(ui, &v);
    inside = view_part(&v, 0, v.h - l->footer - l->tour, v.w, l->tour);
    tour_draw(ui, &inside);
    inside = view_part(&v, 0, 1, v.w, v.h - 1 - l->footer - l->tour);
    overlay_draw(&inside);
    inside = view_part(&v, 0, v.h - l->footer, v.w, l->said);
    draw_message(ui, &inside, cursor_x, cursor_y);
}
