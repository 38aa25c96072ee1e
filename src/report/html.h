/* html.h - inside src/report: the parts of the HTML page.
 *
 * Everything that comes from a run's files is put with page_text, which no text can leave: markup
 * is escaped, control and direction-changing characters are shown by their numbers. Numbers are
 * written without the locale's help. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "record/reader.h"

/* --- html_text.c --- */
/* At most max_chars characters, then an ellipsis; SIZE_MAX = all. */
void page_text(struct strbuf *out, const char *s, size_t max_chars);
/* Rounded to `digits` significant digits; a dash for what is not finite. */
void page_number(struct strbuf *out, double x, int digits);
/* With `digits` digits behind the point. */
void page_fixed(struct strbuf *out, double x, int digits);
void page_percent(struct strbuf *out, double x); /* 0.125 -> "12.5 %" */
void page_time(struct strbuf *out, double unix_seconds);
extern const char page_style[];

/* --- html_svg.c: curves --- */
/* Colours that everything on the page shares. */
enum hue { HUE_TASK, HUE_HARM, HUE_ALIGN, HUE_REFUSAL, HUE_OTHER, HUE_COUNT };
struct xy {
    double x, y, lo, hi; /* lo, hi: interval, NaN = none */
    int segment;         /* the line is broken where it changes */
};
struct curve {
    const char *name;
    enum hue hue;
    bool dashed, dots;
    bool faint; /* the single values behind a running mean: no key of its own */
    struct xy *p;
    size_t n;
};
struct mark {
    double x;
    char text[VAC_NAME];
    bool event; /* a small triangle with a tooltip, in place of a line with a name */
};
enum { PLOT_CURVES = 2 * VAC_MAX_EVALS, PLOT_MARKS = 64, CURVE_POINTS = 1200, HEAT_COLUMNS = 240 };
struct plot {
    const char *title, *note, *x_label, *y_label;
    bool log, percent;
    double threshold; /* dashed horizontal line; NaN = none */
    struct curve curve[PLOT_CURVES];
    size_t n;
    struct mark mark[PLOT_MARKS];
    size_t n_marks;
};
/* One <figure>; nothing when no curve has a point. */
void svg_plot(struct strbuf *out, const struct plot *p);
/* Keeps at most `max` points: first and last, and of each stretch between the lowest and the
 * highest. */
size_t svg_envelope(struct xy *p, size_t n, size_t max);
/* Ticks at round numbers inside [lo, hi], at most `max`. */
size_t svg_ticks(double lo, double hi, size_t max, double *out);
void svg_key(struct strbuf *out, enum hue hue, bool dashed);

/* --- html_heat.c: layer x step --- */
struct heat {
    const char *title, *note, *unit;
    size_t series; /* number of the series */
};
/* One <figure>; nothing when the series was never measured. 0, or -1 out of memory. */
int svg_heat(struct strbuf *out, const struct heat *h, const struct run_data *r,
             struct vac_err *err);
void heat_style(struct strbuf *out);

/* --- html_curves.c --- */
/* What an entry of "evaluate" tells, which gives it its colour. */
enum role { ROLE_HARM, ROLE_REFUSAL, ROLE_TASK, ROLE_LOSS };
struct entry {
    char name[VAC_NAME];
    enum role role;
    bool dashed; /* an earlier entry has the same role */
};
size_t page_entries(const struct run_data *r, struct entry out[VAC_MAX_EVALS]);
enum hue role_hue(enum role role);
int page_curves(struct strbuf *out, const struct run_data *r, struct vac_err *err);

/* --- html_samples.c --- */
int page_samples(struct strbuf *out, const struct run_data *r, struct vac_err *err);
void page_probes(struct strbuf *out, const struct run_data *r);

/* --- html_tables.c --- */
void page_summary(struct strbuf *out, const struct run_data *r);
void page_journal(struct strbuf *out, const struct run_data *r);
#endif
