/* bound.c - see bound.h */
#include "spec/bound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int bound_take(struct bound *b, const char **text, struct vac_err *err)
{
    const char *at = *text + strspn(*text, " ");
    char *rest;

    *b = (struct bound){.below = *at == '<'};
    if (*at != '<' && *at != '>')
        return err_set(err, VAC_ERR_USAGE, "write < NUMBER or > NUMBER, as \"< 5 %%\"");
    b->equal = at[1] == '=';
    errno = 0;
    b->written = strtod(at + 1 + b->equal, &rest);
    if (rest == at + 1 + b->equal || !isfinite(b->written) || errno)
        return err_set(err, VAC_ERR_USAGE, "a number must follow the %.*s", 1 + b->equal, at);
    rest += strspn(rest, " ");
    b->percent = *rest == '%';
    *text = rest + b->percent;
    return 0;
}

int bound_read(struct bound *b, const char *text, struct vac_err *err)
{
    if (bound_take(b, &text, err))
        return -1;
    if (text[strspn(text, " ")])
        return err_set(err, VAC_ERR_USAGE, "\"%.40s\" after the number", text);
    return 0;
}

double bound_value(const struct bound *b)
{
    return b->percent ? b->written / 100 : b->written;
}

bool bound_passed(const struct bound *b, double score)
{
    double at = bound_value(b);

    return (b->equal && score == at) || (b->below ? score < at : score > at);
}

int bound_check_share(const struct bound *b, const char *name, struct vac_err *err)
{
    double at = bound_value(b);

    if (at > 1 && !b->percent)
        return err_set(err, VAC_ERR_USAGE,
                       "a score is a share, at most 1, or 100 %%: was %g %% meant?", at);
    if (b->below ? bound_passed(b, 1) || !bound_passed(b, 0)
                 : bound_passed(b, 0) || !bound_passed(b, 1))
        return err_set(err, VAC_ERR_USAGE, "%.64s is from 0 to 100 %%: this bound is %s passed",
                       name, bound_passed(b, 0.5) ? "always" : "never");
    return 0;
}

void bound_text(struct strbuf *out, const struct bound *b)
{
    sb_puts(out, b->below ? "<" : ">");
    sb_puts(out, b->equal ? "= " : " ");
    sb_num(out, b->written);
    sb_puts(out, b->percent ? " %" : "");
}
