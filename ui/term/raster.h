/* raster.h - a view seen as small dots: 2 x 4 to a cell in braille, 1 x 2 in blocks, 1 x 1 in ASCII
 * (where each series has its own glyph). */
#ifndef TERM_RASTER_H
#define TERM_RASTER_H

#include "term/draw.h"

struct raster {
    int w, h;       /* dots */
    int cw, ch;     /* dots in a cell */
    int cols, rows; /* cells */
    uint8_t *bits;  /* of each cell */
    uint16_t *style;
    char *glyph; /* what stands for it in ASCII */
    /* Curves that lie on each other: the one drawn last has the cell, but every `turns` columns the line whose turn it
     * is keeps it, so that all are seen. Line `line` (< turns) is drawn now; 0 turns = there is no such order. */
    int line, turns;
    uint8_t *owner; /* the line of each cell */
    enum charset charset;
    bool mono; /* no colours: a shade tells what lies behind from what lies on it */
};
/* For a part of cols x rows cells; 0, or -1 when there is no memory. */
int raster_init(struct raster *r, const struct view *v, int cols, int rows);
void raster_done(struct raster *r);
/* Dot (0, 0) is the lower left one; what lies outside is cut. */
void raster_dot(struct raster *r, int x, int y, unsigned style, char glyph);
void raster_line(struct raster *r, int x0, int y0, int x1, int y1, unsigned style, char glyph);
void raster_draw(const struct raster *r, const struct view *v, int x, int y);
#endif
