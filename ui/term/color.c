/* color.c - palettes.
 *
 * Rules: ordinary text is the terminal's own colour; frames are fainter than data; alignment, harm,
 * perturbation and drift have a hue each, and only warnings are red. Dim and bright black are never
 * used for information: on some terminals they cannot be seen. */
#include <stdlib.h>
#include <string.h>
#include "term/color.h"

const char *const theme_names[THEME_COUNT] = {"dark", "light", "none"};

struct row {
    short dark256, light256; /* foreground of 256 */
    short base;              /* of 8 and 16 */
    bool bold;               /* in 8 and 16 */
};

static const struct row rows[INK_HEAT0] = {
    [INK_TEXT] = {-1, -1, -1, false},     [INK_STRONG] = {255, 232, -1, true},
    [INK_FAINT] = {246, 241, -1, false},  [INK_FRAME] = {239, 250, -1, false},
    [INK_TITLE] = {252, 236, -1, true},   [INK_FOCUS] = {110, 25, 6, false},
    [INK_KEY] = {110, 25, 6, false},      [INK_BAR] = {250, 238, -1, false},
    [INK_SELECT] = {255, 232, -1, false}, [INK_ALIGN] = {78, 29, 2, true},
    [INK_HARM] = {205, 162, 5, true},     [INK_EPS] = {221, 130, 3, true},
    [INK_DRIFT] = {81, 31, 6, true},      [INK_GRAD] = {146, 60, 4, true},
    [INK_WARN] = {203, 160, 1, true},     [INK_GHOST] = {241, 247, 4, false},
    [INK_CURSOR] = {250, 240, -1, false}, [INK_RUN0] = {109, 66, 6, false},
    [INK_RUN1] = {173, 130, 3, false},    [INK_RUN2] = {139, 96, 5, false},
    [INK_RUN3] = {107, 64, 2, false},
};

/* Low to high: as even to the eye as 16 of 256 colours can be, dark to bright, or bright to dark.
 */
static const short heats[INK_HEATS] = {53, 54, 60, 61, 67,  31,  30,  37,
                                       36, 72, 71, 77, 113, 149, 185, 227};
static const short heats_base[INK_HEATS] = {4, 4, 4, 4, 6, 6, 6, 6, 2, 2, 2, 2, 3, 3, 3, 3};

static struct row ink_row(enum ink ink)
{
    int heat = (int)ink - INK_HEAT0;

    if (ink >= INK_COUNT)
        return rows[INK_TEXT];
    if (heat < 0)
        return rows[ink];
    return (struct row){heats[heat], heats[INK_HEATS - 1 - heat], heats_base[heat], false};
}

struct paint color_paint(enum ink ink, enum theme theme, int colors)
{
    struct row row = ink_row(ink), *r = &row;
    struct paint p = {.fg = -1, .bg = -1};

    if (theme == THEME_NONE || colors < 8) {
        p.bold = ink == INK_STRONG || ink == INK_TITLE || ink == INK_KEY || ink == INK_WARN ||
                 ink == INK_FOCUS;
        p.reverse = ink == INK_SELECT;
        return p;
    }
    p.fg = colors >= 256 ? (theme == THEME_LIGHT ? r->light256 : r->dark256) : r->base;
    p.bold = colors >= 256 ? ink == INK_WARN : r->bold;
    if (ink == INK_SELECT && colors >= 256)
        p.bg = theme == THEME_LIGHT ? 253 : 237;
    else if (ink == INK_SELECT)
        p.reverse = true;
    return p;
}

int color_rgb(int color)
{
    static const int base[16] = {0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc,
                                 0x11a8cd, 0xe5e5e5, 0x666666, 0xf14c4c, 0x23d18b, 0xf5f543,
                                 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff};
    int c[3];

    if (color < 0)
        return -1;
    if (color < 16)
        return base[color];
    if (color >= 232)
        return (8 + 10 * (color - 232)) * 0x010101;
    color -= 16;
    c[0] = color / 36;
    c[1] = color / 6 % 6;
    c[2] = color % 6;
    for (int i = 0; i < 3; i++)
        c[i] = c[i] ? 55 + 40 * c[i] : 0;
    return c[0] << 16 | c[1] << 8 | c[2];
}

enum theme color_guess_theme(void)
{
    const char *v = getenv("COLORFGBG"), *ground = v ? strrchr(v, ';') : NULL;

    return ground && (!strcmp(ground, ";7") || !strcmp(ground, ";15")) ? THEME_LIGHT : THEME_DARK;
}
