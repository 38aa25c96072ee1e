/* html_immunity.c - see html_immunity.h */
#include "report/html_immunity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/html_svg.h"

/* Attacks like a[i], by step; a curve of none where one before it is like it. */
static int add_kind(struct plot *p, const struct vac_attack *a, size_t n, size_t i,
                    char name[VAC_NAME], struct vac_err *err)
{
    struct curve c = {.name = name, .hue = (enum hue)(p->n % HUE_COUNT), .dots = true};

    for (size_t k = 0; k < i; k++)
        if (vac_attack_same(&a[k], &a[i]))
            return 0;
    c.p = mem_new(n, sizeof *c.p, err);
    if (!c.p)
        return -1;
    for (size_t k = i; k < n; k++) {
        struct vac_span broke;

        if (vac_attack_same(&a[k], &a[i]) && vac_attack_reach(&a[k], &broke))
            c.p[c.n++] = (struct xy){(double)a[k].step, broke.value, broke.lo, broke.hi, 0};
    }
    if (c.n < 2) {
        free(c.p);
        return 0;
    }
    if (*a[i].name)
        snprintf(name, VAC_NAME, "%s", a[i].name);
    else
        snprintf(name, VAC_NAME, "%lld step%s, lr %.3g", (long long)a[i].steps,
                 a[i].steps == 1 ? "" : "s", a[i].lr);
    p->curve[p->n++] = c;
    return 0;
}

int page_immunity(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    struct plot p = {.title = "Steps to break",
                     .note = "with 95 % intervals; what did not break stands at the attack's end",
                     .x_label = "optimizer step of the run",
                     .y_label = "step of the attack",
                     .threshold = NAN};
    char name[PLOT_CURVES][VAC_NAME];
    struct vac_attack *a;
    size_t n;
    int rc = vac_run_attacks(r->dir, &a, &n, err);

    for (size_t i = 0; rc == 0 && i < n && p.n < PLOT_CURVES; i++)
        rc = add_kind(&p, a, n, i, name[p.n], err);
    if (rc == 0 && p.n) {
        sb_puts(out, "<section><h2>Immunity</h2>\n<div class=\"grid\">\n");
        svg_plot(out, &p);
        sb_puts(out, "</div></section>\n");
    }
    for (size_t i = 0; i < p.n; i++)
        free(p.curve[i].p);
    free(a);
    return rc;
}
