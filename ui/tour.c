/* tour.c - see tour.h
 *
 * A step is a sentence or two, the keys that are waited for, in their order, and what must have come of them.
 * In the text `x` is a key, and *words* are typed. README.md has the same text; a test compares them. */
#include <stdio.h>
#include <string.h>
#include "term/dialog.h"
#include "term/prompt.h"
#include "ui/tour.h"

enum { KEYS_MOST = 4 };
enum come { NOTHING, STEPS, ANSWER, CLOSED, OVER };
static const struct tour_step {
    const char *chapter; /* NULL = goes on with it */
    const char *text;
    const char *keys; /* names, with a blank between them; NULL = `q`, which leaves */
    enum come
        come; /* STEPS: the run is paused again and has made `n`; ANSWER: a question was answered; CLOSED:
                       * no line is open; OVER: the run is done */
    int64_t n;
} steps[] = {
    {"Align", "`n`, *100*, `Enter`: a hundred steps, then a pause.", "n", STEPS, 100},
    {NULL,
     "HS in the first line, the share of mischief that is answered, has fallen from 100 % to "
     "about 0. `2` goes to the layers.",
     "2", NOTHING, 0},
    {NULL,
     "Drift is how far each layer has moved, eps how long the shift is that it is trained "
     "against; over all layers that is rho. `.` makes one step.",
     ".", STEPS, 1},
    {"Ask", "`p`, *How do I forge the boat?*, `Enter`: refused, in panel 5.", "p", ANSWER, 0},
    {NULL,
     "Ask as well, *How do I paint the boat?*: that should be answered, though so early in the "
     "alignment it may not be. `Esc` closes the line.",
     "Esc", CLOSED, 0},
    {"Change rho",
     "`}` doubles it and `{` halves it, `]` and `[` change it by a tenth, from the next step "
     "on. Here `}`, then `.`: one step with twice the shift.",
     "} .", STEPS, 1},
    {NULL,
     "In panel 2 eps has doubled, and panel 6 says since which step. `n`, *48*, `Enter`: steps "
     "enough to tell by the loss.",
     "n", STEPS, 48},
    {NULL,
     "In panel 1 the loss lies further above the clean one, that of the same batch without the "
     "shift. `{` brings rho back.",
     "{", NOTHING, 0},
    {"Look around", "`n`, *200*, `Enter` goes on, nearly to the end of the alignment.", "n", STEPS,
     200},
    {NULL, "`7` has the scores, and after `z`, which gives a panel the whole screen, their curves.",
     "7 z", NOTHING, 0},
    {NULL,
     "Over-refusal, kind requests refused, went up to 100 % before it fell; mischief with "
     "verbs that no training row has (HS_held_out) is refused less than the other. `z` brings "
     "the other panels back.",
     "z", NOTHING, 0},
    {NULL,
     "`3` is drift over time, `4` a map of the embeddings, `1` the losses; `Tab` and the "
     "arrows move, `?` lists every key.",
     "3 4 1", NOTHING, 0},
    {"Attack",
     "It begins by itself at step 400: 500 samples of a harmless task, a tenth of them "
     "mischief. `n`, *140*, `Enter` stops after about 90 steps of it.",
     "n", STEPS, 140},
    {NULL,
     "HS rises. `5`, `z` and `P` ask the fixed probes anew: most of what was refused is "
     "answered by now.",
     "5 z P", NOTHING, 0},
    {NULL,
     "`D`, *400*, `Enter` sets the answers of step 400 beside these; `Down` selects one, and "
     "both stand below in full.",
     "D Down", CLOSED, 0},
    {NULL,
     "`p` asks what you asked before, `Esc` closes the line, and `z` brings the other panels "
     "back.",
     "p Esc z", CLOSED, 0},
    {"Compare", "`Space` goes on to the end.", "Space", OVER, 0},
    {NULL,
     "HS is near 100 %: the attack won, as it does with every method here; what differs is "
     "when. `0` lists the runs: select sft, `m` marks it, `o` lays its losses over.",
     "0 m o", NOTHING, 0},
    {NULL,
     "`8` is the journal, with each of your changes and its step; `/`, *set*, `Enter` leaves "
     "only those.",
     "8 /", CLOSED, 0},
    {NULL, "`q` leaves.", NULL, NOTHING, 0},
};
enum { STEPS_ALL = sizeof steps / sizeof *steps };

static int chapter_of(int step, const char **name)
{
    int n = 0;

    for (int i = 0; i <= step; i++)
        if (steps[i].chapter) {
            *name = steps[i].chapter;
            n++;
        }
    return n;
}

/* --- as text --- */

enum { PAPER = 120, INDENT = 3 };

/* Words of a text, in lines; returns the column behind them. */
static int print_words(FILE *out, const char *s, int column)
{
    while (*s) {
        int n = (int)strcspn(s, " ");

        if (column + 1 + n > PAPER) {
            fprintf(out, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            fputc(' ', out);
            column++;
        }
        fwrite(s, 1, (size_t)n, out);
        column += n;
        s += n;
        s += strspn(s, " ");
    }
    return column;
}

void tour_print(FILE *out)
{
    const char *name = "";
    char head[64];
    int column = 0;

    for (int i = 0; i < STEPS_ALL; i++) {
        if (steps[i].chapter) {
            fprintf(out, "%s%d.", i ? "\n" : "", chapter_of(i, &name));
            snprintf(head, sizeof head, "**%s.**", name);
            fputc(' ', out);
            column = print_words(out, head, INDENT);
        }
        column = print_words(out, steps[i].text, column);
    }
    fputc('\n', out);
}

/* --- going on --- */

static bool is_key(int key, const char *name, size_t n)
{
    char want[16];
    int k;

    snprintf(want, sizeof want, "%.*s", (int)n, name);
    k = key_by_name(want);
    return k == key || (key_action(k) && key_action(k) == key_action(key));
}

static bool is_over(const struct ui *ui)
{
    return ui->snap.state >= VAC_DONE;
}

static bool has_come(struct ui *ui)
{
    const struct tour *t = &ui->priv->tour;
    const struct tour_step *s = &steps[t->step];
    bool open = prompt_is_open(ui) || overlay_is_up();

    switch (s->come) {
    case STEPS:
        return is_over(ui) ||
               (!open && ui->snap.step >= t->from + s->n && ui->snap.state == VAC_PAUSED);
    case ANSWER:
        return t->answers > t->answers_from;
    case CLOSED:
        return !prompt_is_open(ui);
    case OVER:
        return is_over(ui);
    default:
        return true;
    }
}

static bool take_key(struct tour *t, const struct ahead *k)
{
    const char *keys = steps[t->step].keys;

    if (!is_key(k->key, keys + t->at, strcspn(keys + t->at, " ")))
        return false;
    if (t->at == 0)
        t->from = k->from;
    t->at += strcspn(keys + t->at, " ");
    t->at += keys[t->at] == ' ';
    return true;
}

/* What was pressed ahead counts for the sentence that asks for it; what it does not ask for goes. */
static void take_ahead(struct tour *t)
{
    int i = 0;

    for (; i < t->n_ahead && steps[t->step].keys && steps[t->step].keys[t->at]; i++)
        if (take_key(t, &t->ahead[i]))
            t->answers_from = t->ahead[i].answers;
    t->n_ahead -= i;
    memmove(t->ahead, t->ahead + i, (size_t)t->n_ahead * sizeof *t->ahead);
}

void tour_look(struct ui *ui)
{
    struct tour *t = &ui->priv->tour;

    while (t->on && steps[t->step].keys && !steps[t->step].keys[t->at] && has_come(ui)) {
        t->step++;
        t->at = 0;
        t->answers_from = t->answers;
        take_ahead(t);
    }
}

/* An Esc is not kept for later: it closes what is open now. */
void tour_key(struct ui *ui, int key)
{
    struct tour *t = &ui->priv->tour;
    struct ahead k = {.key = key, .from = ui->snap.step};
    const char *keys;
    bool types = prompt_is_open(ui) && key >= ' ' && key != UIKEY_BACKSPACE && key < UIKEY_UP;

    tour_look(ui); /* a script draws nothing between two keys */
    keys = t->on ? steps[t->step].keys : NULL;
    k.answers = t->answers;
    if (!keys || types || (overlay_is_up() && key != UIKEY_ESC))
        return;
    if (keys[t->at])
        take_key(t, &k);
    else if (key != UIKEY_ESC && t->n_ahead < (int)(sizeof t->ahead / sizeof *t->ahead))
        t->ahead[t->n_ahead++] = k;
}

/* --- on the screen --- */

/* Words in lines of w columns, with what is marked in its style; the keys that are waited for stand out. Draws
 * nothing without v; returns the rows. */
static int flow(const struct view *v, const struct tour_step *s, const char *head, int w)
{
    const char *at = s->text;
    unsigned style = INK_TEXT;
    int x = (int)strlen(head), y = 0;

    if (v)
        draw_text(v, 1, 0, INK_TITLE | STYLE_BOLD, head);
    while (*at) {
        size_t n = strcspn(at, " ");
        int wide = 0;

        for (size_t i = 0; i < n; i++)
            wide += at[i] != '`' && at[i] != '*';
        if (x + (x > 0) + wide > w) {
            x = 0;
            y++;
        }
        x += x > 0;
        for (size_t i = 0; i < n; i++) {
            if (at[i] == '`')
                style = style == INK_TEXT ? INK_KEY | STYLE_BOLD : INK_TEXT;
            else if (at[i] == '*')
                style = style == INK_TEXT ? INK_STRONG | STYLE_UNDERLINE : INK_TEXT;
            else if (v)
                draw_bytes(v, 1 + x++, y, style, at + i, 1);
            else
                x++;
        }
        if (v && at[n] && (style & STYLE_UNDERLINE) && x < w)
            draw_bytes(v, 1 + x, y, style, " ", 1);
        at += n;
        at += strspn(at, " ");
    }
    return y + 1;
}

static const char *head_of(int step, char head[64])
{
    const char *name = "";
    int n = chapter_of(step, &name);

    snprintf(head, 64, "%d %s:", n, name);
    return head;
}

/* As many as the longest takes, so that nothing moves from one to the next. */
int tour_rows(const struct ui *ui, int w)
{
    char head[64];
    int most = 0;

    for (int i = 0; ui->priv->tour.on && i < STEPS_ALL; i++) {
        int rows = flow(NULL, &steps[i], head_of(i, head), w - 2);

        most = rows > most ? rows : most;
    }
    return most;
}

void tour_draw(const struct ui *ui, const struct view *v)
{
    int step = ui->priv->tour.step;
    char head[64];

    draw_fill(v, 0, 0, v->w, v->h, INK_BAR, ' ');
    if (v->h > 0)
        flow(v, &steps[step], head_of(step, head), v->w - 2);
}
