/* dialog.c - see dialog.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/dialog.h"
#include "term/keys.h"
#include "term/shapes.h"
#include "term/sign.h"
#include "term/text.h"

static struct {
    bool question, pager;
    struct dialog dialog;
    char *title, *text;
    int top, rows; /* of the pager: first line shown, lines that fit */
    int lines;     /* that it has at its width */
} over;

void overlay_close(void)
{
    free(over.title);
    free(over.text);
    memset(&over, 0, sizeof over);
}

bool overlay_is_up(void)
{
    return over.question || over.pager;
}

void dialog_open(const struct dialog *d)
{
    overlay_close();
    over.question = true;
    over.dialog = *d;
    over.text = strdup(d->text ? d->text : "");
    over.title = strdup(d->title ? d->title : "");
}

void pager_open(const char *title, const char *text)
{
    overlay_close();
    over.pager = true;
    over.title = strdup(title);
    over.text = strdup(text);
}

/* --- drawing --- */

static struct view open_box(const struct view *v, int w, int h, const char *hints)
{
    struct view box;

    w = w > v->w ? v->w : w;
    h = h > v->h ? v->h : h;
    box = view_part(v, (v->w - w) / 2, (v->h - h) / 2, w, h);
    draw_fill(&box, 0, 0, box.w, box.h, INK_TEXT, ' ');
    return draw_box(&box, NULL, over.title, NULL, hints, true);
}

/* What Enter takes has the mark of what is selected. */
static void draw_choice(const struct view *in, int y, const char *key, const char *label,
                        bool enter)
{
    if (enter)
        draw_glyph(in, 1, y, INK_FOCUS, sign(in->c, SIGN_SELECTED));
    draw_text(in, 3, y, INK_KEY | STYLE_BOLD, key);
    draw_text(in, 7, y, enter ? INK_TEXT | STYLE_BOLD : INK_TEXT, label);
}

static void draw_question(const struct view *v)
{
    const struct dialog *d = &over.dialog;
    int n = 0, width = 66, rows, y;
    struct view in;

    while (n < DIALOG_CHOICES && d->choice[n].key)
        n++;
    rows = draw_flow_rows(v, width - 4, over.text);
    in = open_box(v, width, rows + n + 5, NULL);
    y = draw_flow(&in, 1, 0, in.w - 2, INK_TEXT, over.text, 0) + 1;
    for (int i = 0; i < n; i++, y++)
        draw_choice(&in, y, (char[]){d->choice[i].key, '\0'}, d->choice[i].label,
                    d->choice[i].key == d->enter);
    draw_choice(&in, y, "Esc", d->enter ? "cancel" : "cancel (or Enter)", !d->enter);
}

/* Lines that begin with two blanks hold a key, or a word, and what it does; they go on below that.
 * Others that end in ":" are headings. Returns how many lines there are. */
static int draw_pager_text(const struct view *v, int top)
{
    enum { KEY_COLUMN = 12 };
    const char *s = over.text;
    size_t n = strlen(s), len;
    int line = 0, indent = 0;

    for (; n; line++) {
        size_t took = text_line(s, n, v->w - indent, v->c->utf8, &len), key = KEY_COLUMN;
        bool row = !indent && len > KEY_COLUMN && !strncmp(s, "  ", 2) && s[2] != ' ';
        int y = line - top;

        if (y >= 0 && y < v->h && row) {
            while (key < len && s[key - 1] != ' ') /* a word that is longer than its column */
                key++;
            draw_bytes(v, 0, y, INK_KEY | STYLE_BOLD, s, key);
            draw_bytes(v, (int)key, y, INK_TEXT, s + key, len - key);
        } else if (y >= 0 && y < v->h)
            draw_bytes(v, indent, y,
                       len && s[len - 1] == ':' && s[0] != ' ' ? INK_TITLE | STYLE_BOLD : INK_TEXT,
                       s, len);
        indent = s[took - 1] == '\n' ? 0 : row || indent ? KEY_COLUMN : 0;
        s += took;
        n -= took;
    }
    return line;
}

static void draw_pager(const struct view *v)
{
    int w = v->w > 110 ? 100 : v->w - 4;
    struct view in = open_box(v, w, v->h - 2, "Up Down scroll  Esc back");
    struct view none;

    in = view_part(&in, 1, 0, in.w - 2, in.h);
    none = in;
    none.h = 0;
    over.rows = in.h;
    over.lines = draw_pager_text(&none, 0);
    if (over.top > over.lines - over.rows)
        over.top = over.lines - over.rows;
    if (over.top < 0)
        over.top = 0;
    draw_pager_text(&in, over.top);
    if (over.top + over.rows < over.lines)
        draw_glyph(&in, in.w, in.h - 1, INK_FAINT, sign(v->c, SIGN_DOWN));
    if (over.top > 0)
        draw_glyph(&in, in.w, 0, INK_FAINT, sign(v->c, SIGN_UP));
}

void overlay_draw(const struct view *v)
{
    if (over.question)
        draw_question(v);
    else if (over.pager && over.text)
        draw_pager(v);
}

/* --- keys --- */

static void answer(struct ui *ui, int key)
{
    void (*done)(struct ui *, int) = over.dialog.done;

    for (int i = 0; i < DIALOG_CHOICES && over.dialog.choice[i].key; i++)
        if (over.dialog.choice[i].key == key) {
            overlay_close();
            if (done)
                done(ui, key);
            return;
        }
}

static void scroll(enum action a)
{
    int page = over.rows > 2 ? over.rows - 2 : 1;

    switch (a) {
    case ACT_up:
        over.top--;
        break;
    case ACT_down:
        over.top++;
        break;
    case ACT_page_up:
        over.top -= page;
        break;
    case ACT_page_down:
    case ACT_pause: /* as in every pager; nobody pauses a run that is not in sight */
        over.top += page;
        break;
    case ACT_home:
        over.top = 0;
        break;
    case ACT_end:
        over.top = over.lines;
        break;
    case ACT_enter:
    case ACT_help:
    case ACT_full:
        overlay_close();
        break;
    default:
        break;
    }
}

void overlay_key(struct ui *ui, int key)
{
    enum action a = key_action(key);
    bool taken =
        over.question && (a == ACT_enter || (over.dialog.again && key == over.dialog.again));

    if (taken && over.dialog.enter)
        answer(ui, over.dialog.enter);
    else if (taken || a == ACT_back || a == ACT_quit || key == UICTRL('c'))
        overlay_close();
    else if (over.question)
        answer(ui, key);
    else
        scroll(a);
}

char *overlay_question(void)
{
    const struct dialog *d = &over.dialog;
    char *text = NULL;
    size_t size;
    FILE *out = over.question ? open_memstream(&text, &size) : NULL;

    if (!out)
        return NULL;
    fprintf(out, "%s\n%s\n", over.title, over.text);
    for (int i = 0; i < DIALOG_CHOICES && d->choice[i].key; i++)
        fprintf(out, "  %c  %s\n", d->choice[i].key, d->choice[i].label);
    fputs("anything else: cancel", out);
    fclose(out);
    return text;
}
