/* shapes.c - lines, frames and bars: what depends on the characters that the terminal has. */
#include <math.h>
#include <string.h>
#include "term/shapes.h"
#include "term/sign.h"

enum corner { TOP_LEFT, TOP_RIGHT, LOW_LEFT, LOW_RIGHT, LINE_H, LINE_V };

static uint32_t line_glyph(const struct canvas *c, enum corner which)
{
    static const uint32_t thin[] = {0x256d, 0x256e, 0x2570, 0x256f, 0x2500, 0x2502};
    static const uint32_t square[] = {0x250c, 0x2510, 0x2514, 0x2518, 0x2500, 0x2502};
    static const uint32_t ascii[] = {'+', '+', '+', '+', '-', '|'};

    return c->charset == CHARSET_BRAILLE ? thin[which]
           : c->charset == CHARSET_BLOCK ? square[which]
                                         : ascii[which];
}

void draw_hline(const struct view *v, int x, int y, int w, unsigned style)
{
    draw_fill(v, x, y, w, 1, style, line_glyph(v->c, LINE_H));
}

void draw_vline(const struct view *v, int x, int y, int h, unsigned style)
{
    draw_fill(v, x, y, 1, h, style, line_glyph(v->c, LINE_V));
}

static void draw_frame(const struct view *v, unsigned style)
{
    int r = v->w - 1, b = v->h - 1;

    draw_hline(v, 1, 0, v->w - 2, style);
    draw_hline(v, 1, b, v->w - 2, style);
    draw_vline(v, 0, 1, v->h - 2, style);
    draw_vline(v, r, 1, v->h - 2, style);
    draw_glyph(v, 0, 0, style, line_glyph(v->c, TOP_LEFT));
    draw_glyph(v, r, 0, style, line_glyph(v->c, TOP_RIGHT));
    draw_glyph(v, 0, b, style, line_glyph(v->c, LOW_LEFT));
    draw_glyph(v, r, b, style, line_glyph(v->c, LOW_RIGHT));
}

/* Bytes of the beginning of the hints that fits; hints are parted by two blanks. */
static size_t fit_hints(const char *hints, int width)
{
    size_t n = strlen(hints);

    while (n && (int)n > width) {
        while (n > 1 && strncmp(hints + n - 2, "  ", 2))
            n--;
        n = n > 1 ? n - 2 : 0;
    }
    return n;
}

/* "y log  r raw" as keys and words, ending before the right corner of the last row. */
static void draw_border_hints(const struct view *v, const char *hints)
{
    size_t n = fit_hints(hints, v->w - 6), at = 0;
    int x = v->w - 3 - (int)n, y = v->h - 1;

    if (!n)
        return;
    draw_fill(v, x - 1, y, (int)n + 2, 1, INK_FRAME, ' ');
    while (at < n) {
        size_t key = strcspn(hints + at, " "), end = at + key;

        while (end < n && strncmp(hints + end, "  ", 2))
            end++;
        draw_bytes(v, x + (int)at, y, INK_KEY, hints + at, key);
        draw_bytes(v, x + (int)(at + key), y, INK_FAINT, hints + at + key, end - at - key);
        for (at = end; at < n && hints[at] == ' '; at++)
            ;
    }
}

struct view draw_box(const struct view *v, const char *key, const char *title, const char *notes,
                     const char *hints, bool focus)
{
    struct view top = view_part(v, 2, 0, v->w - 4, 1);
    int x = 0;

    draw_frame(v, focus ? INK_FOCUS : INK_FRAME);
    if (key || title) {
        draw_glyph(&top, x++, 0, INK_TEXT, ' ');
        if (focus)
            draw_glyph(&top, x++, 0, INK_FOCUS | STYLE_BOLD, sign(v->c, SIGN_SELECTED));
        if (key && *key) {
            x = draw_text(&top, x, 0, INK_KEY | (focus ? STYLE_BOLD : 0), key) + 1;
            draw_glyph(&top, x - 1, 0, INK_TEXT, ' ');
        }
        if (title)
            x = draw_cut(&top, x, 0, top.w - x - 1, focus ? INK_FOCUS | STYLE_BOLD : INK_TITLE,
                         title);
        draw_glyph(&top, x++, 0, INK_TEXT, ' ');
    }
    if (notes && *notes && top.w - x > 6) {
        x = draw_cut(&top, x + 1, 0, top.w - x - 3, INK_FAINT, " ");
        x = draw_cut(&top, x, 0, top.w - x - 1, INK_FAINT, notes);
        draw_glyph(&top, x, 0, INK_TEXT, ' ');
    }
    if (hints && v->h > 2)
        draw_border_hints(v, hints);
    return view_part(v, 1, 1, v->w - 2, v->h - 2);
}

void draw_bar(const struct view *v, int x, int y, int w, double part, unsigned style)
{
    bool block = v->c->charset == CHARSET_BLOCK;
    int halves;

    if (isnan(part) || w <= 0)
        return;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    halves = (int)lround(part * w * 2);
    if (v->c->charset == CHARSET_ASCII) {
        draw_fill(v, x, y, (halves + 1) / 2, 1, style, '#');
        return;
    }
    draw_fill(v, x, y, halves / 2, 1, style, block ? 0x2588 : 0x2501);
    if (halves % 2)
        draw_glyph(v, x + halves / 2, y, style, block ? 0x258c : 0x2578);
}
