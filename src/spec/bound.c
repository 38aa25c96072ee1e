/* bound.c - see bound.h */
#include "spec/bound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int bound_read(struct bound *b, const char *text, struct vac_err *err)
{
    const char *at = text + strspn(text, " ");
    char *rest;

    *b = (struct bound){.below = *at == '<'};
    if (*at != '<' && *at != '>')
        return err_set(err, VAC_ERR_USAGE, "write < NUMBER or > NUMBER, as \"< 5 %%\"");
    errno = 0;
    b->written = strtod(at + 1, &rest);
    if (rest == at + 1 || !isfinite(b->written) || errno)
        return err_set(err, VAC_ERR_USAGE, "a number must follow the %c", *at);
    rest += strspn(rest, " ");
    b->percent = *rest == '%';
    rest += b->percent;
    if (rest[strspn(rest, " ")])
        return err_set(err, VAC_ERR_USAGE, "\"%.40s\" after the number", rest);
    return 0;
}

double bound_value(const struct bound *b)
{
    return b->percent ? b->written / 100 : b->written;
}

bool bound_passed(const struct bound *b, double score)
{
    return b->below ? score < bound_value(b) : score > bound_value(b);
}

void bound_text(struct strbuf *out, const struct bound *b)
{
    sb_puts(out, b->below ? "< " : "> ");
    sb_num(out, b->written);
    sb_puts(out, b->percent ? " %" : "");
}
