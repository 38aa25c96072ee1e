/* csv_out.c - see csv_out.h */
#include <math.h>
#include <string.h>
#include "base/csv_out.h"

void csv_put(struct strbuf *out, const char *s)
{
    const char *quote = strpbrk(s, ",\"\r\n") ? "\"" : "";

    sb_puts(out, quote);
    for (; *s; s++) {
        if (*s == '"')
            sb_putc(out, '"');
        sb_putc(out, *s);
    }
    sb_puts(out, quote);
}

void csv_print(FILE *out, const char *s)
{
    struct strbuf text = {0};

    csv_put(&text, s);
    if (text.s)
        fputs(text.s, out);
    sb_done(&text);
}

void csv_print_number(FILE *out, double x, int digits)
{
    if (!isnan(x))
        fprintf(out, "%.*g", digits, x);
}
