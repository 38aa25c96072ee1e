/* number.c - numbers as people read them: few digits, units, no exponents where none are needed. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "term/number.h"

static char *dash(char out[NUMBER_SIZE])
{
    return strcpy(out, "-");
}

static int decimals_of(double size, int digits)
{
    int whole = size < 1 ? 0 : 1 + (int)floor(log10(size));

    return whole < digits ? digits - whole : 0;
}

char *number_text(char out[NUMBER_SIZE], double value, int digits)
{
    double size = fabs(value);
    int decimals;

    if (isnan(value))
        return dash(out);
    if (isinf(value))
        return strcpy(out, value > 0 ? "inf" : "-inf");
    if (size != 0 && (size < 1e-3 || size >= 1e6)) {
        snprintf(out, NUMBER_SIZE, "%.*e", digits > 2 ? digits - 2 : 1, value);
        return out;
    }
    decimals = decimals_of(size, digits);
    decimals = decimals_of(size + 0.5 * pow(10, -decimals), digits); /* 0.9999 is written 1.00 */
    while (size != 0 && decimals < 3 && size < pow(10, -decimals))   /* and 0.004 not 0.00 */
        decimals++;
    snprintf(out, NUMBER_SIZE, "%.*f", decimals, value);
    return out;
}

char *number_si(char out[NUMBER_SIZE], double value)
{
    static const char units[] = " kMGT";
    int u = 0;

    if (!isfinite(value))
        return dash(out);
    while (fabs(value) >= 999.5 && u < 4) {
        value /= 1000;
        u++;
    }
    if (u)
        snprintf(out, NUMBER_SIZE, fabs(value) < 9.95 ? "%.1f%c" : "%.0f%c", value, units[u]);
    else
        snprintf(out, NUMBER_SIZE, fabs(value) < 9.95 && value != floor(value) ? "%.1f" : "%.0f",
                 value);
    return out;
}

char *number_bytes(char out[NUMBER_SIZE], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;

    if (!isfinite(bytes))
        return dash(out);
    while (bytes >= 999.5 && u < 4) {
        bytes /= 1000;
        u++;
    }
    snprintf(out, NUMBER_SIZE, u && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return out;
}

char *number_time(char out[NUMBER_SIZE], double seconds)
{
    long s;

    if (!isfinite(seconds) || seconds < 0 || seconds > 1e10)
        return dash(out);
    s = lround(seconds);
    if (s < 3600)
        snprintf(out, NUMBER_SIZE, "%ld:%02ld", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, NUMBER_SIZE, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, NUMBER_SIZE, "%ldd%02ldh", s / 86400, s / 3600 % 24);
    return out;
}

char *number_age(char out[NUMBER_SIZE], double seconds)
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    int u = 0;

    if (!isfinite(seconds) || seconds < 0)
        return dash(out);
    while (seconds < units[u].seconds && u < 3)
        u++;
    snprintf(out, NUMBER_SIZE, "%.0f %s", floor(seconds / units[u].seconds), units[u].unit);
    return out;
}

char *number_percent(char out[NUMBER_SIZE], double part)
{
    if (!isfinite(part))
        return dash(out);
    snprintf(out, NUMBER_SIZE, part >= 0.9995 ? "%.0f%%" : "%.1f%%", part * 100);
    return out;
}

int number_word(long long n, const char *things)
{
    int len = (int)strlen(things);

    if (n != 1 || len < 2 || things[len - 1] != 's')
        return len;
    return len > 4 && !strcmp(things + len - 4, "ches") ? len - 2 : len - 1;
}

char *number_of(char out[NUMBER_SIZE], long long n, const char *things)
{
    snprintf(out, NUMBER_SIZE, "%lld %.*s", n, number_word(n, things), things);
    return out;
}
