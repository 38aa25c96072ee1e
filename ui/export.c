/* export.c - taking things out: panels as text, SVG and CSV, the screen, the clipboard.
 *
 * Text and pictures are drawn with the same cells as the screen, in a canvas of their own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/utf8.h"
#include "term/color.h"
#include "term/files.h"
#include "term/screen.h"
#include "term/text.h"
#include "ui/export.h"
#include "ui/paint.h"
#include "ui/session.h"

enum { EXPORT_W = 120, EXPORT_H = 36, CELL_W = 9, CELL_H = 18 };

/* --- SVG --- */

static void put_xml(FILE *out, uint32_t cp)
{
    char bytes[4];

    if (cp == ' ')
        fputs("\u00a0", out); /* browsers make one of several blanks, whatever xml:space says */
    else if (cp == '&')
        fputs("&amp;", out);
    else if (cp == '<')
        fputs("&lt;", out);
    else
        fwrite(bytes, 1, utf8_put(cp, bytes), out);
}

static int ink_color(unsigned style, enum theme theme)
{
    enum theme t = theme == THEME_NONE ? THEME_DARK : theme;
    int rgb = color_rgb(color_paint((enum ink)(style & STYLE_INK), t, 256).fg);

    return rgb >= 0 ? rgb : t == THEME_LIGHT ? 0x202020 : 0xd4d4d4;
}

/* A run of cells of one style is one text element with a fixed length: columns stay where they are
 * even when the viewer's font has other widths for some characters. */
static int put_run(FILE *out, const struct canvas *c, int x, int y, enum theme theme)
{
    const struct cell *row = &c->cells[y * c->w];
    unsigned style = row[x].style;
    int end = x, solid = x;

    while (end < c->w && row[end].style == style) {
        end++;
        if (row[end - 1].ch[0] != ' ')
            solid = end;
    }
    if (solid == x)
        return end;
    while (row[x].ch[0] == ' ') /* librsvg drops blanks that a text begins with */
        x++;
    fprintf(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=\"#%06x\"%s>", x * CELL_W,
            y * CELL_H + 14, (solid - x) * CELL_W, (unsigned)ink_color(style, theme),
            style & STYLE_BOLD ? " font-weight=\"bold\"" : "");
    for (int i = x; i < solid; i++)
        for (int k = 0; k < 3 && row[i].ch[k]; k++)
            put_xml(out, row[i].ch[k]);
    fputs("</text>\n", out);
    return end;
}

static void put_svg(FILE *out, const struct canvas *c, enum theme theme)
{
    enum { MARGIN = CELL_W }; /* or a viewer's font, a little wider, would be cut at the edge */
    int w = c->w * CELL_W + 2 * MARGIN, h = c->h * CELL_H + 2 * MARGIN;

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"%s\"/>\n"
            "<g font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" "
            "font-size=\"15\" transform=\"translate(%d %d)\">\n",
            w, h, w, h, w, h, theme == THEME_LIGHT ? "#ffffff" : "#181818", MARGIN, MARGIN);
    for (int y = 0; y < c->h; y++)
        for (int x = 0; x < c->w;)
            x = put_run(out, c, x, y, theme);
    fputs("</g>\n</svg>\n", out);
}

/* --- what is exported --- */

static int put_text(FILE *out, const struct canvas *c)
{
    char *text = canvas_text(c);

    if (!text)
        return -1;
    fputs(text, out);
    free(text);
    return 0;
}

static int draw_alone(struct ui *ui, struct canvas *c, int panel)
{
    struct view v;

    if (canvas_init(c, EXPORT_W, EXPORT_H, ui->charset))
        return -1;
    c->utf8 = ui->utf8 && ui->charset != CHARSET_ASCII;
    v = view_all(c);
    panel_draw(ui, (enum panel_id)panel, &v);
    return 0;
}

static int put_picture(struct ui *ui, FILE *out, int panel, bool svg)
{
    struct canvas alone = {0};
    const struct canvas *c = &ui->priv->canvas;
    int rc = 0;

    if (panel >= 0) {
        if (draw_alone(ui, &alone, panel))
            return -1;
        c = &alone;
    }
    if (svg)
        put_svg(out, c, ui->priv->theme);
    else
        rc = put_text(out, c);
    canvas_done(&alone);
    return rc;
}

static int put_export(struct ui *ui, FILE *out, int panel, const char *what)
{
    if (!strcmp(what, "csv")) {
        panel_csv(ui, (enum panel_id)panel, out);
        return 0;
    }
    return put_picture(ui, out, panel, !strcmp(what, "svg"));
}

static void name_file(struct ui *ui, int panel, const char *what, char *out, size_t size)
{
    for (int i = 0; i < 1000; i++) {
        snprintf(out, size, "%s/%s-%lld%s%.0d.%s", ui_dir(ui),
                 panel < 0 ? "screen" : panels[panel]->name, (long long)ui->snap.step, i ? "-" : "",
                 i, what);
        if (access(out, F_OK))
            return;
    }
}

void export_panel(struct ui *ui, int panel, const char *what, const char *file)
{
    char name[VAC_PATH + 64];
    FILE *out;
    int rc;

    if (!strcmp(what, "csv") && (panel < 0 || !panel_has_csv((enum panel_id)panel))) {
        ui_warn(ui, "%s has no numbers for a CSV file; svg and txt work",
                panel < 0 ? "the screen" : panels[panel]->title);
        return;
    }
    if (file)
        snprintf(name, sizeof name, "%s", file);
    else
        name_file(ui, panel, what, name, sizeof name);
    out = fopen(name, "we");
    if (!out) {
        ui_warn(ui, "%s: %s", name, strerror(errno));
        return;
    }
    rc = put_export(ui, out, panel, what);
    rc |= ferror(out);
    if (fclose(out) || rc)
        ui_warn(ui, "%s: %s", name, strerror(errno));
    else
        ui_say(ui, "written: %s", name);
}

int export_screen(struct ui *ui, const char *file)
{
    int cursor_x, cursor_y, rc;
    FILE *out;

    /* Drawing is what makes panels ask for their pages: answers that are there already belong on
     * it. */
    frame_draw(ui, ui->w, ui->h, &cursor_x, &cursor_y);
    if (session_pump(ui))
        frame_draw(ui, ui->w, ui->h, &cursor_x, &cursor_y);
    out = fopen(file, "we");
    if (!out)
        return -1;
    rc = put_text(out, &ui->priv->canvas);
    return fclose(out) || rc ? -1 : 0;
}

/* --- clipboard --- */

static char *readout_text(struct ui *ui)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    if (panels[ui->focus]->readout)
        panels[ui->focus]->readout(ui, out);
    else
        put_picture(ui, out, ui->focus, false);
    fclose(out);
    return text;
}

/* A model's answer as the screen would show it, but for its lines: ESC [201~ in what is pasted
 * would end the paste, and what follows be typed. */
static char *clean_text(const char *s)
{
    size_t n = strlen(s), size;
    char *text = NULL, bytes[4];
    FILE *out = open_memstream(&text, &size);
    struct text_glyph g;

    if (!out)
        return NULL;
    for (size_t at = 0; at < n;) {
        if (s[at] == '\n' || s[at] == '\t') {
            fputc(s[at++], out);
            continue;
        }
        at += text_next(s + at, n - at, true, &g);
        for (int i = 0; i < g.n; i++)
            fwrite(bytes, 1, utf8_put(g.cp[i], bytes), out);
    }
    if (fclose(out)) {
        free(text);
        text = NULL;
    }
    return text;
}

/* Readable by its owner alone. */
static int write_private(const char *name, const char *text)
{
    size_t n = strlen(text);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    bool bad = fd < 0 || fchmod(fd, 0600) || write(fd, text, n) != (ssize_t)n;

    return (fd >= 0 && close(fd)) || bad ? -1 : 0;
}

/* The terminal may refuse OSC 52, or tmux may keep it: the file is there in any case. */
void export_copy(struct ui *ui)
{
    char *raw = readout_text(ui), *text = raw ? clean_text(raw) : NULL;
    char dir[VAC_PATH], name[VAC_PATH + 16];
    bool sent;

    free(raw);
    if (!text) {
        ui_warn(ui, "out of memory: nothing is copied");
        return;
    }
    sent = screen_copy(text);
    files_state_dir(dir);
    snprintf(name, sizeof name, "%s/copied.txt", *dir ? dir : ".");
    if (write_private(name, text))
        ui_warn(ui, "%s: %s", name, strerror(errno));
    else
        ui_say(ui,
               sent ? "copied (%zu bytes), also in %s" : "%zu bytes in %s, not on the clipboard",
               strlen(text), ui->deterministic ? "copied.txt" : name);
    free(text);
}
