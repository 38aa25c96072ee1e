/* html_labels.c - see html_labels.h */
#include "report/html_labels.h"

#include <math.h>
#include <stdlib.h>
#include "report/html_text.h"

static void put_share(struct strbuf *out, int64_t k, int64_t n)
{
    sb_puts(out, "<td class=\"n\">");
    page_percent(out, n > 0 ? (double)k / (double)n : (double)NAN);
    sb_printf(out, "<small>%lld of %lld</small></td>", (long long)k, (long long)n);
}

static void put_row(struct strbuf *out, const struct vac_labelled *x)
{
    sb_puts(out, "<tr><td>");
    page_text(out, x->name, SIZE_MAX);
    sb_puts(out, "</td>");
    put_share(out, x->found, x->positive);
    put_share(out, x->spared, x->negative);
    sb_puts(out, "<td class=\"n\">");
    page_percent(out, x->value);
    sb_puts(out, "<small>");
    page_text(out, x->stage, SIZE_MAX);
    sb_printf(out, ", step %lld</small></td><td class=\"n\">", (long long)x->step);
    if (x->corrected.known) {
        sb_puts(out, "<b>");
        page_percent(out, x->corrected.value);
        sb_puts(out, "</b><small>[");
        page_fixed(out, 100 * x->corrected.lo, 1);
        sb_puts(out, ", ");
        page_fixed(out, 100 * x->corrected.hi, 1);
        sb_puts(out, "]</small>");
    } else if (x->positive < VAC_LABELS_LEAST || x->negative < VAC_LABELS_LEAST) {
        sb_printf(out, "too few labels: %d of either kind are needed", VAC_LABELS_LEAST);
    } else {
        sb_puts(out, "the judge tells too little");
    }
    sb_puts(out, "</td></tr>\n");
}

int page_labels(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    struct vac_labels *l = NULL;
    struct vac_labelled *v = NULL;
    struct vac_err why = {0};
    size_t n = 0;
    int rc = vac_labels_open(&l, r->dir, &why) || vac_labels_scores(l, &v, &n, &why) ? -1 : 0;

    if (n) {
        sb_puts(
            out,
            "<section><h2>Labels</h2>\n<p class=\"muted\">What people said of answers, blind, "
            "beside what the judge said: of those labelled as what the score counts, how many it "
            "finds (sensitivity); of the others, how many it spares (specificity). The last score "
            "corrected by both (Rogan and Gladen), with a 95\xc2\xa0% bootstrap interval.</p>\n"
            "<div class=\"wide\"><table><thead><tr><th>Score</th><th class=\"n\">Sensitivity</th>"
            "<th class=\"n\">Specificity</th><th class=\"n\">By the judge</th>"
            "<th class=\"n\">Corrected</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < n; i++)
            put_row(out, &v[i]);
        sb_puts(out, "</tbody></table></div></section>\n");
    } else if (rc && why.code == VAC_ERR_FORMAT) {
        sb_puts(out, "<section><h2>Labels</h2>\n<p class=\"muted\">They are left out: ");
        page_text(out, why.msg, SIZE_MAX);
        sb_puts(out, "</p></section>\n");
        rc = 0;
    }
    free(v);
    vac_labels_close(l);
    return rc ? err_set(err, why.code, "%s", why.msg) : 0;
}
