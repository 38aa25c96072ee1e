/* draw.h - drawing into a buffer of cells, clipped.
 *
 * Panels draw into a view: a rectangle of a canvas, its own upper left corner being (0, 0). What
 * lies outside is cut, whatever the coordinates; views of size 0 or less are fine. All text goes
 * through text_next, so nothing drawn here can hurt a terminal. Colours are named by what they
 * mean; screen.c decides how they look. Every state must also be readable without colour: by a
 * glyph, a word, or bold. */
#ifndef TERM_DRAW_H
#define TERM_DRAW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum charset { CHARSET_BRAILLE, CHARSET_BLOCK, CHARSET_ASCII, CHARSET_COUNT };

/* Meaning of a colour. Order = rows of the palettes in color.c. */
enum ink {
    INK_TEXT,   /* ordinary */
    INK_STRONG, /* numbers that matter */
    INK_FAINT,  /* labels, units, hints */
    INK_FRAME,  /* lines around panels, axes */
    INK_TITLE,  /* title of a panel */
    INK_FOCUS,  /* frame and title of the panel that has the keys */
    INK_KEY,    /* a key that can be pressed */
    INK_BAR,    /* header and key bar */
    INK_SELECT, /* the selected row */
    INK_ALIGN,  /* alignment: safe, refused, good */
    INK_HARM,   /* harmful: answered, attack */
    INK_EPS,    /* perturbation, rho */
    INK_DRIFT,  /* embedding drift */
    INK_GRAD,   /* gradients and other third series */
    INK_WARN,   /* warnings only */
    INK_GHOST,  /* raw behind smoothed, other runs' pasts, reference points */
    INK_CURSOR, /* the cursor line of plots */
    INK_RUN0,   /* other runs laid over: INK_RUN0 + i, i < INK_RUNS */
    INK_RUN1,
    INK_RUN2,
    INK_RUN3,
    INK_HEAT0, /* heat scale: INK_HEAT0 + i, i < INK_HEATS, low to high */
    INK_COUNT = INK_HEAT0 + 16
};
enum { INK_RUNS = 4, INK_HEATS = 16 };
/* A style is an ink with any of these added: INK_ALIGN | STYLE_BOLD. */
enum { STYLE_BOLD = 0x100, STYLE_REVERSE = 0x200, STYLE_UNDERLINE = 0x400, STYLE_INK = 0xff };

struct cell {
    uint32_t
        ch[3]; /* character and up to two combining marks; ch[0] 0 = right half of a wide one */
    uint16_t style;
    uint8_t width; /* 1 or 2; 0 = right half */
};
struct canvas {
    struct cell *cells; /* h rows of w */
    int w, h;
    enum charset charset;
    bool utf8; /* text outside ASCII may be shown */
};
/* Makes it w x h, all blank; returns 0, or -1 when there is no memory (the canvas is then 0 x 0).
 */
int canvas_init(struct canvas *c, int w, int h, enum charset charset);
void canvas_done(struct canvas *c);
void canvas_blank(struct canvas *c);
/* The screen as lines of UTF-8 without trailing blanks; free it. */
char *canvas_text(const struct canvas *c);

struct view {
    struct canvas *c;
    int x, y, w, h; /* place in the canvas */
};
struct view view_all(struct canvas *c);
/* A part of a view, clipped to it. */
struct view view_part(const struct view *v, int x, int y, int w, int h);

/* --- text; each returns the column behind what was drawn, also when it was cut --- */
int draw_text(const struct view *v, int x, int y, unsigned style, const char *s);
int draw_bytes(const struct view *v, int x, int y, unsigned style, const char *s, size_t n);
/* At most w columns; a cut text ends in "…" ("~" in ASCII). */
int draw_cut(const struct view *v, int x, int y, int w, unsigned style, const char *s);
int draw_fmt(const struct view *v, int x, int y, unsigned style, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Ends before column `end`. */
int draw_right(const struct view *v, int end, int y, unsigned style, const char *s);
/* Flowing text from row y on; returns the row behind it. Skips the first `skip` lines. */
int draw_flow(const struct view *v, int x, int y, int w, unsigned style, const char *s, int skip);
/* Lines that draw_flow needs for s at width w. */
int draw_flow_rows(const struct view *v, int w, const char *s);
/* A key and what it does: "p ask" with p in INK_KEY; returns the column behind it and one blank. */
int draw_hint(const struct view *v, int x, int y, const char *key, const char *what);

/* --- single cells --- */
void draw_glyph(const struct view *v, int x, int y, unsigned style, uint32_t cp);
void draw_fill(const struct view *v, int x, int y, int w, int h, unsigned style, uint32_t cp);

/* --- a line of columns, put from left to right. What begins one stands at least one blank behind
 * what was put before it, whatever its place, and what would go beyond its end is cut and ends in a
 * mark: two never touch. Column 0 of a view is that of the sign of the selected row. --- */
struct line {
    const struct view *v;
    int y;
    int x;   /* where the next piece begins */
    int end; /* behind what was put last; 0 = nothing yet */
};
/* The next piece begins a column: at x, or later. */
void line_begin(struct line *c, int x);
/* A piece, directly behind the one before it in its column, that ends before `end`. */
void line_put(struct line *c, int end, unsigned style, const char *s);
/* A column of one piece; a number takes what was left free before it. */
void line_left(struct line *c, int x, int end, unsigned style, const char *s);
void line_right(struct line *c, int end, unsigned style, const char *s);
#endif
