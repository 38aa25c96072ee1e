/* raster.c - dots inside characters: 2 x 4 in braille, 1 x 2 in half blocks, 1 x 1 in ASCII. */
#include <stdlib.h>
#include "term/raster.h"

int raster_init(struct raster *r, const struct view *v, int cols, int rows)
{
    static const int cw[CHARSET_COUNT] = {2, 1, 1}, ch[CHARSET_COUNT] = {4, 2, 1};
    size_t cells = cols > 0 && rows > 0 ? (size_t)cols * (size_t)rows : 0;

    *r = (struct raster){.charset = v->c->charset, .cols = cols, .rows = rows};
    r->cw = cw[r->charset];
    r->ch = ch[r->charset];
    r->w = cols * r->cw;
    r->h = rows * r->ch;
    if (!cells) {
        r->w = r->h = r->cols = r->rows = 0;
        return 0;
    }
    r->bits = calloc(cells, sizeof *r->bits);
    r->style = calloc(cells, sizeof *r->style);
    r->glyph = calloc(cells, sizeof *r->glyph);
    r->owner = calloc(cells, sizeof *r->owner);
    if (r->bits && r->style && r->glyph && r->owner)
        return 0;
    raster_done(r);
    return -1;
}

void raster_done(struct raster *r)
{
    free(r->bits);
    free(r->style);
    free(r->glyph);
    free(r->owner);
    *r = (struct raster){0};
}

void raster_dot(struct raster *r, int x, int y, unsigned style, char glyph)
{
    /* Braille numbers its dots down the left column, then the right, the lowest pair last. */
    static const uint8_t braille[4][2] = {{0x40, 0x80}, {0x04, 0x20}, {0x02, 0x10}, {0x01, 0x08}};
    int cell;

    if (x < 0 || y < 0 || x >= r->w || y >= r->h)
        return;
    cell = (r->rows - 1 - y / r->ch) * r->cols + x / r->cw;
    if (r->bits[cell] && (r->style[cell] & STYLE_INK) != INK_GHOST &&
        (style & STYLE_INK) == INK_GHOST)
        return;
    if ((r->style[cell] & STYLE_INK) == INK_GHOST && (style & STYLE_INK) != INK_GHOST)
        r->bits[cell] = 0; /* a curve is not thickened by what lies behind it */
    r->bits[cell] |= r->charset == CHARSET_BRAILLE ? braille[y % 4][x % 2]
                     : r->charset == CHARSET_BLOCK ? (uint8_t)(1 << y % 2)
                                                   : 1;
    if (r->turns && r->glyph[cell] && (r->style[cell] & STYLE_INK) != INK_GHOST &&
        r->owner[cell] != r->line && x / r->cw % r->turns == r->owner[cell])
        return;
    r->style[cell] = (uint16_t)style;
    r->glyph[cell] = glyph;
    r->owner[cell] = (uint8_t)r->line;
}

void raster_line(struct raster *r, int x0, int y0, int x1, int y1, unsigned style, char glyph)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1;
    int error = dx + dy;
    bool dashed = r->mono && r->charset == CHARSET_BRAILLE && (style & STYLE_INK) == INK_GHOST;

    for (;;) {
        int twice = 2 * error;

        if (!dashed || (dx >= -dy ? x0 : y0) % 4 < 2)
            raster_dot(r, x0, y0, style, glyph);
        if (x0 == x1 && y0 == y1)
            return;
        if (twice >= dy) {
            error += dy;
            x0 += sx;
        }
        if (twice <= dx) {
            error += dx;
            y0 += sy;
        }
    }
}

void raster_draw(const struct raster *r, const struct view *v, int x, int y)
{
    static const uint32_t half[] = {' ', 0x2584, 0x2580, 0x2588};

    for (int row = 0; row < r->rows; row++)
        for (int col = 0; col < r->cols; col++) {
            int cell = row * r->cols + col;
            uint8_t bits = r->bits[cell];
            bool thin = r->mono && (r->style[cell] & STYLE_INK) == INK_GHOST;

            if (bits)
                draw_glyph(v, x + col, y + row, r->style[cell],
                           r->charset == CHARSET_BRAILLE ? 0x2800u + bits
                           : r->charset == CHARSET_BLOCK ? thin ? 0x2591 : half[bits & 3]
                                                         : (unsigned char)r->glyph[cell]);
        }
}
