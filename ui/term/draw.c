/* draw.c - the cell buffer and its clipped primitives.
 *
 * One rule keeps wide characters whole: overwriting either half of one blanks the other half, so a
 * canvas never holds half a character. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "term/draw.h"
#include "term/sign.h"
#include "term/text.h"

int canvas_init(struct canvas *c, int w, int h, enum charset charset)
{
    bool utf8 = c->utf8;

    canvas_done(c);
    c->utf8 = utf8;
    c->charset = charset;
    if (w <= 0 || h <= 0)
        return 0;
    c->cells = calloc((size_t)w * (size_t)h, sizeof *c->cells);
    if (!c->cells)
        return -1;
    c->w = w;
    c->h = h;
    canvas_blank(c);
    return 0;
}

void canvas_done(struct canvas *c)
{
    free(c->cells);
    *c = (struct canvas){0};
}

void canvas_blank(struct canvas *c)
{
    const struct cell blank = {.ch = {' '}, .width = 1};

    for (int i = 0; i < c->w * c->h; i++)
        c->cells[i] = blank;
}

char *canvas_text(const struct canvas *c)
{
    char *out = malloc((size_t)c->h * ((size_t)c->w * 12 + 1) + 1);
    size_t n = 0, solid;

    if (!out)
        return NULL;
    for (int y = 0; y < c->h; y++) {
        solid = n;
        for (int x = 0; x < c->w; x++) {
            const struct cell *e = &c->cells[y * c->w + x];

            for (int i = 0; i < 3 && e->ch[i]; i++)
                n += utf8_put(e->ch[i], out + n);
            if (e->ch[0] && e->ch[0] != ' ')
                solid = n;
        }
        n = solid;
        out[n++] = '\n';
    }
    out[n] = '\0';
    return out;
}

struct view view_all(struct canvas *c)
{
    return (struct view){.c = c, .w = c->w, .h = c->h};
}

struct view view_part(const struct view *v, int x, int y, int w, int h)
{
    if (x < 0) {
        w += x;
        x = 0;
    }
    if (y < 0) {
        h += y;
        y = 0;
    }
    if (w > v->w - x)
        w = v->w - x;
    if (h > v->h - y)
        h = v->h - y;
    return (struct view){
        .c = v->c, .x = v->x + x, .y = v->y + y, .w = w > 0 ? w : 0, .h = h > 0 ? h : 0};
}

/* The cell at a place of the view; NULL outside. */
static struct cell *cell_at(const struct view *v, int x, int y)
{
    int cx = v->x + x, cy = v->y + y;

    if (x < 0 || y < 0 || x >= v->w || y >= v->h || cx < 0 || cy < 0 || cx >= v->c->w ||
        cy >= v->c->h)
        return NULL;
    return &v->c->cells[cy * v->c->w + cx];
}

static void blank_half(struct cell *e)
{
    e->ch[0] = ' ';
    e->ch[1] = e->ch[2] = 0;
    e->width = 1;
}

/* Frees a cell for new content: a wide character that it is half of loses its other half too. */
static void split(struct cell *e)
{
    if (e->width == 0)
        blank_half(e - 1);
    else if (e->width == 2)
        blank_half(e + 1);
    blank_half(e);
}

static void put_cell(const struct view *v, int x, int y, unsigned style, const uint32_t *cp, int n,
                     int width)
{
    static const uint32_t blank = ' ';
    struct cell *e = cell_at(v, x, y);

    if (!e)
        return;
    if (width == 2 && !cell_at(v, x + 1, y)) { /* half of it is outside */
        width = n = 1;
        cp = &blank;
    }
    split(e);
    for (int i = 0; i < 3; i++)
        e->ch[i] = i < n ? cp[i] : 0;
    e->width = (uint8_t)width;
    e->style = (uint16_t)style;
    if (width == 2) {
        split(e + 1);
        e[1] = (struct cell){.style = (uint16_t)style};
    }
}

int draw_bytes(const struct view *v, int x, int y, unsigned style, const char *s, size_t n)
{
    struct text_glyph g;

    while (n && x < v->w) {
        size_t len = text_next(s, n, v->c->utf8, &g);

        if (g.escape)
            for (int i = 0; i < g.n; i++)
                put_cell(v, x + i, y, style, &g.cp[i], 1, 1);
        else
            put_cell(v, x, y, style, g.cp, g.n, g.width);
        x += g.width;
        s += len;
        n -= len;
    }
    return x;
}

int draw_text(const struct view *v, int x, int y, unsigned style, const char *s)
{
    return draw_bytes(v, x, y, style, s, strlen(s));
}

int draw_cut(const struct view *v, int x, int y, int w, unsigned style, const char *s)
{
    size_t n = strlen(s), fit;
    int used;

    if (w <= 0)
        return x;
    fit = text_fit(s, n, w, v->c->utf8, &used);
    if (fit == n)
        return draw_bytes(v, x, y, style, s, n);
    fit = text_fit(s, n, w - 1, v->c->utf8, &used);
    x = draw_bytes(v, x, y, style, s, fit);
    draw_glyph(v, x, y, style, sign(v->c, SIGN_ELLIPSIS));
    return x + 1;
}

int draw_fmt(const struct view *v, int x, int y, unsigned style, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return draw_text(v, x, y, style, text);
}

int draw_right(const struct view *v, int end, int y, unsigned style, const char *s)
{
    return draw_text(v, end - text_width(s, strlen(s), v->c->utf8), y, style, s);
}

int draw_flow(const struct view *v, int x, int y, int w, unsigned style, const char *s, int skip)
{
    size_t n = strlen(s), len;

    while (n && y < v->h) {
        size_t took = text_line(s, n, w, v->c->utf8, &len);

        if (skip > 0)
            skip--;
        else
            draw_bytes(v, x, y++, style, s, len);
        s += took;
        n -= took;
    }
    return y;
}

int draw_flow_rows(const struct view *v, int w, const char *s)
{
    size_t n = strlen(s), len;
    int rows = 0;

    for (; n; rows++) {
        size_t took = text_line(s, n, w, v->c->utf8, &len);

        s += took;
        n -= took;
    }
    return rows;
}

int draw_hint(const struct view *v, int x, int y, const char *key, const char *what)
{
    x = draw_text(v, x, y, INK_KEY | STYLE_BOLD, key);
    x = draw_text(v, x + 1, y, INK_FAINT, what);
    return x + 1;
}

void draw_glyph(const struct view *v, int x, int y, unsigned style, uint32_t cp)
{
    put_cell(v, x, y, style, &cp, 1, 1);
}

void draw_fill(const struct view *v, int x, int y, int w, int h, unsigned style, uint32_t cp)
{
    struct view part = view_part(v, x, y, w, h);

    for (int r = 0; r < part.h; r++)
        for (int i = 0; i < part.w; i++)
            put_cell(&part, i, r, style, &cp, 1, 1);
}

void line_begin(struct line *c, int x)
{
    c->x = c->end > 0 && x <= c->end ? c->end + 1 : x > 1 ? x : 1;
}

void line_put(struct line *c, int end, unsigned style, const char *s)
{
    int room = (end < c->v->w ? end : c->v->w) - c->x;

    if (room > 0 && *s)
        c->x = c->end = draw_cut(c->v, c->x, c->y, room, style, s);
    else if (*s && c->end > 0 && c->x == c->end)
        draw_glyph(c->v, c->x - 1, c->y, style, sign(c->v->c, SIGN_ELLIPSIS));
}

void line_left(struct line *c, int x, int end, unsigned style, const char *s)
{
    line_begin(c, x);
    line_put(c, end, style, s);
}

void line_right(struct line *c, int end, unsigned style, const char *s)
{
    line_left(c, end - text_width(s, strlen(s), c->v->c->utf8), end, style, s);
}
