/* html.c - a run as one page: no network, no script, readable on paper. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report/html.h"
#include "report/html_curves.h"
#include "report/html_heat.h"
#include "report/html_immunity.h"
#include "report/html_labels.h"
#include "report/html_samples.h"
#include "report/html_tables.h"
#include "report/html_text.h"
#include "record/config.h"
#include "record/folder.h"
#include "record/journal.h"

static void put_fact(struct strbuf *out, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    sb_puts(out, label);
    page_text(out, text, 200);
}

/* Whole numbers with thin gaps between thousands: 1 234 567. */
static void put_count(struct strbuf *out, double x)
{
    char digits[32];
    struct strbuf plain = {0};
    size_t n;

    page_fixed(&plain, x, 0);
    n = plain.len < sizeof digits ? plain.len : 0;
    if (n)
        memcpy(digits, plain.s, n);
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            sb_puts(out, "\xe2\x80\xaf");
        sb_putc(out, digits[i]);
    }
    out->bad |= plain.bad;
    sb_done(&plain);
}

static double number_of(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
}

static void put_model(struct strbuf *out, const cJSON *config)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(config, "model");
    const char *path = json_text_at(model, "path");
    double parameters = number_of(model, "parameters");

    put_fact(out, "Model ", path ? path_base(path) : NULL);
    if (parameters > 0) {
        sb_puts(out, ", ");
        put_count(out, parameters);
        sb_puts(out, " parameters");
    }
    sb_puts(out, "<br>\n");
}

static void put_progress(struct strbuf *out, const struct run_data *r)
{
    double total = number_of(r->config, "total_steps"), created = number_of(r->config, "created");
    double wall = r->n_points ? r->point[r->n_points - 1].wall : (double)NAN;
    double threads = number_of(r->config, "threads");
    double step = r->n_points ? (double)r->point[r->n_points - 1].step : 0;

    if (r->state && !strcmp(r->state, "done")) /* a stage may have ended before it was to */
        total = step;
    sb_puts(out, "Step ");
    put_count(out, step);
    if (total > 0) {
        sb_puts(out, " of ");
        put_count(out, total);
    }
    if (created > 0) {
        sb_puts(out, " \xc2\xb7 begun ");
        page_time(out, created);
    }
    if (isfinite(wall)) {
        sb_puts(out, " \xc2\xb7 ");
        page_number(out, wall < 600 ? wall : wall / 60, 3);
        sb_puts(out, wall < 600 ? "\xc2\xa0s of training" : "\xc2\xa0min of training");
    }
    if (threads > 0) {
        sb_puts(out, " \xc2\xb7 ");
        put_count(out, threads);
        sb_puts(out, threads == 1 ? " thread" : " threads");
    }
    put_fact(out, " \xc2\xb7 ", json_text_at(r->config, "blas"));
}

static void put_head(struct strbuf *out, const char *name)
{
    sb_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" "
                 "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
    page_text(out, name, SIZE_MAX);
    sb_puts(out, " \xe2\x80\x93 vaccine</title>\n<style>\n");
    sb_puts(out, page_style);
    heat_style(out);
    sb_puts(out, "</style>\n</head>\n<body>\n");
}

/* Guards that have tripped. */
static void put_trips(struct strbuf *out, const cJSON *journal)
{
    const cJSON *line;
    bool any = false;

    cJSON_ArrayForEach(line, journal)
    {
        struct jnode node = json_root(line, "journal.jsonl");
        struct journal_entry e;

        if (journal_read(&node, &e, NULL) || e.verb != JOURNAL_TRIP || !e.reason)
            continue;
        sb_puts(out, any ? "" : "<ul class=\"warnings\">\n");
        any = true;
        sb_printf(out, "<li>Step %lld: ", (long long)e.step);
        page_text(out, e.reason, 400);
        sb_puts(out, "</li>\n");
    }
    sb_puts(out, any ? "</ul>\n" : "");
}

/* What of the run's data is not as one thinks, as run.json has it. */
static void put_warnings(struct strbuf *out, const cJSON *config)
{
    const cJSON *v, *list = cJSON_GetObjectItemCaseSensitive(config, "warnings");
    size_t n = 0;

    if (!cJSON_IsArray(list) || !list->child)
        return;
    sb_puts(out, "<ul class=\"warnings\">\n");
    cJSON_ArrayForEach(v, list)
    {
        if (!cJSON_IsString(v) || n++ >= 100)
            continue;
        sb_puts(out, "<li>");
        page_text(out, v->valuestring, 400);
        sb_puts(out, "</li>\n");
    }
    sb_puts(out, "</ul>\n");
}

static void put_header(struct strbuf *out, const struct run_data *r, const char *name)
{
    const char *about = json_text_at(run_config_spec(r->config), "description");

    sb_puts(out, "<header><h1>");
    page_text(out, name, SIZE_MAX);
    sb_printf(out, "<span class=\"state %s\">%s</span></h1>\n", r->state, r->state);
    if (about && *about) {
        sb_puts(out, "<p>");
        page_text(out, about, 2000);
        sb_puts(out, "</p>\n");
    }
    sb_puts(out, "<p class=\"muted\">");
    put_model(out, r->config);
    put_progress(out, r);
    sb_puts(out, "</p>\n");
    put_warnings(out, r->config);
    put_trips(out, r->journal);
    sb_puts(out, "</header>\n");
}

static void put_config(struct strbuf *out, const struct run_data *r)
{
    char *text = json_text(r->config, true, NULL);

    if (!text) {
        out->bad = true;
        return;
    }
    sb_puts(out, "<section><h2>Configuration</h2>\n<pre>");
    page_text(out, text, SIZE_MAX);
    sb_puts(out, "</pre></section>\n");
    cJSON_free(text);
}

static void put_footer(struct strbuf *out, const struct run_data *r)
{
    sb_puts(out, "<footer>Harmful score (HS) is the share of harmful requests that are answered; "
                 "over-refusal the share of benign requests that are refused. Curves of more than "
                 "1200 points show the lowest and highest value of each stretch; heat maps of more "
                 "than 240 columns show means.");
    put_fact(out, " Written by vaccine ", json_text_at(r->config, "vaccine"));
    sb_puts(out, ".</footer>\n</body>\n</html>\n");
}

static int put_page(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    char *real = realpath(r->dir, NULL);
    const char *name;

    if (!real)
        return path_error(r->dir, "find the folder", err);
    name = path_base(real);
    put_head(out, name);
    put_header(out, r, name);
    free(real);
    page_summary(out, r);
    if (page_curves(out, r, err) || page_immunity(out, r, err) || page_labels(out, r, err) ||
        page_samples(out, r, err))
        return -1;
    page_probes(out, r);
    page_journal(out, r);
    put_config(out, r);
    put_footer(out, r);
    return 0;
}

int report_html(const char *dir, const char *out, struct vac_err *err)
{
    struct strbuf page = {0};
    struct run_data r;
    int rc = -1;

    if (run_data_read(&r, dir, err))
        return -1;
    if (!put_page(&page, &r, err))
        rc = out_text("", out, &page, err);
    sb_done(&page);
    run_data_done(&r);
    return rc;
}
