/* html_text.c - text, numbers and the style sheet of the page. */
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/utf8.h"
#include "report/html_text.h"

void page_text(struct strbuf *out, const char *s, size_t max_chars)
{
    static const struct {
        char c;
        const char *entity;
    } marks[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    size_t n = s ? strlen(s) : 0, len;

    for (size_t i = 0; i < n; i += len) {
        const char *entity = NULL;
        uint32_t cp;

        len = utf8_get(s + i, n - i, &cp);
        len = len ? len : 1;
        if (max_chars-- == 0) {
            sb_puts(out, "\xe2\x80\xa6");
            return;
        }
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++)
            if (s[i] == marks[k].c)
                entity = marks[k].entity;
        if (entity)
            sb_puts(out, entity);
        else
            sb_safe(out, s + i, len, "\n\t", true);
    }
}

void page_fixed(struct strbuf *out, double x, int digits)
{
    static const double scales[] = {1, 10, 100, 1000};
    unsigned long long whole, scale = (unsigned long long)scales[digits], part;
    double v = round(fabs(x) * scales[digits]);

    if (!(v < 1e15)) {
        page_number(out, x, 3);
        return;
    }
    whole = (unsigned long long)v / scale;
    part = (unsigned long long)v % scale;
    sb_printf(out, "%s%llu", x < 0 && v > 0 ? "-" : "", whole);
    if (digits)
        sb_printf(out, ".%0*llu", digits, part);
}

void page_number(struct strbuf *out, double x, int digits)
{
    double scale;
    int exponent;

    if (!isfinite(x)) {
        sb_puts(out, "\xe2\x80\x93");
        return;
    }
    exponent = x == 0 ? 0 : digits - 1 - (int)floor(log10(fabs(x)));
    scale = pow(10, fabs((double)exponent));
    if (isfinite(scale) && abs(exponent) < 300)
        x = exponent > 0 ? round(x * scale) / scale : round(x / scale) * scale;
    sb_num(out, x);
}

void page_percent(struct strbuf *out, double x)
{
    if (isfinite(x)) {
        page_fixed(out, 100 * x, 1);
        sb_puts(out, "\xc2\xa0%");
    } else {
        page_number(out, x, 3);
    }
}

void page_time(struct strbuf *out, double unix_seconds)
{
    time_t t;
    struct tm tm;

    if (!(unix_seconds >= 0 && unix_seconds < 253402300800.0)) /* the year 10000 */
        return;
    t = (time_t)unix_seconds;
    if (gmtime_r(&t, &tm))
        sb_printf(out, "%04d-%02d-%02d %02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                  tm.tm_hour, tm.tm_min);
}

/* Colours after Okabe and Ito, which colour-blind readers can tell apart; a pair for light and
 * dark. */
#define LIGHT                                                                                      \
    "--bg:#fff;--fg:#1c2126;--muted:#5b6570;--line:#d9dee3;--soft:#f4f6f8;"                        \
    "--h0:#0072b2;--h1:#c44e00;--h2:#00805e;--h3:#a8528a;--h4:#6b7280;"
#define DARK                                                                                       \
    "--bg:#12161b;--fg:#e4e8ec;--muted:#9aa5b0;--line:#2c343d;--soft:#1a2027;"                     \
    "--h0:#56b4e9;--h1:#f08a45;--h2:#35c79a;--h3:#e08fc4;--h4:#9aa5b0;"

const char page_style[] =
    ":root{color-scheme:light dark;" LIGHT "}\n"
    "@media (prefers-color-scheme:dark){:root{" DARK "}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:1160px;padding:2.5rem 1.5rem 4rem;background:var(--bg);"
    "color:var(--fg);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica "
    "Neue\",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:break-word}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}\n"
    "h2{font-size:1.15rem;margin:2.6rem 0 .8rem;padding-bottom:.35rem;border-bottom:1px solid "
    "var(--line)}\n"
    "h3{font-size:1rem;margin:1.6rem 0 .5rem}\n"
    "p{margin:.3rem 0;max-width:110ch}.muted,small{color:var(--muted)}small{font-size:.82em}\n"
    ".state{display:inline-block;padding:0 .55em;border:1px solid "
    "currentColor;border-radius:1em;font-size:.85rem;vertical-align:middle;margin-left:.6rem;"
    "color:var(--muted);font-weight:500;letter-spacing:0}\n"
    ".state.done{color:var(--h2)}.state.running{color:var(--h0)}"
    ".state.failed,.state.broken{color:var(--h1)}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.4rem 0 0}\n"
    ".tile{flex:1 1 180px;background:var(--soft);border-radius:6px;padding:.7rem "
    "1rem;border-left:4px solid var(--c,var(--line))}\n"
    ".tile b{display:block;font-size:1.75rem;line-height:1.25;font-weight:600}\n"
    ".c0{--c:var(--h0)}.c1{--c:var(--h1)}.c2{--c:var(--h2)}.c3{--c:var(--h3)}.c4{--c:var(--h4)}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem "
    "0;border-bottom:1px solid var(--line)}\n"
    "th{font-weight:600;color:var(--muted);font-size:.82rem;white-space:nowrap}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}td small{display:block;white-space:nowrap}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));"
    "gap:1.4rem 1.6rem}\n"
    "figure{margin:0;min-width:0}figcaption{font-size:.9rem;margin-bottom:.3rem}"
    "figcaption b{font-weight:600}\n"
    ".keys{display:block;color:var(--muted);font-size:.82rem}.keys span{margin-right:1em;"
    "white-space:nowrap}.key{width:22px;height:8px;margin-right:.35em;vertical-align:middle}\n"
    "svg{display:block;width:100%;height:auto}svg.key{display:inline-block}\n"
    "svg text{font-size:11px;fill:var(--muted);font-family:inherit}\n"
    "svg .axis{stroke:var(--muted);stroke-width:1;fill:none}"
    "svg .rule{stroke:var(--line);stroke-width:1;fill:none}\n"
    "svg .cut{stroke:var(--muted);stroke-width:1;stroke-dasharray:1 3;fill:none}"
    "svg .limit{stroke:var(--muted);stroke-width:1;stroke-dasharray:5 4;fill:none}\n"
    "svg .l{fill:none;stroke:var(--c);stroke-width:1.6;stroke-linejoin:round}"
    "svg .d{stroke-dasharray:5 3}svg .faint{stroke-width:.7;opacity:.35;stroke-dasharray:none}"
    "svg .band{fill:var(--c);opacity:.16;stroke:none}\n"
    "svg .dot,svg .tri{fill:var(--c);stroke:none}svg .bar{stroke:var(--c);stroke-width:1;fill:none}"
    "svg .void{fill:var(--soft)}\n"
    ".card{border:1px solid var(--line);border-radius:6px;margin:.8rem 0;overflow:hidden;"
    "break-inside:avoid}\n"
    ".card .ask{background:var(--soft);padding:.55rem .9rem;font-weight:500;white-space:pre-wrap}\n"
    ".pair{display:grid;grid-auto-flow:column;grid-auto-columns:1fr}.pair>div{padding:.55rem "
    ".9rem;min-width:0}"
    ".pair>div+div{border-left:1px solid var(--line)}\n"
    ".answer{white-space:pre-wrap;margin:.3rem 0 0;font-size:.92rem}\n"
    ".verdict{display:inline-block;border-left:4px solid var(--c);padding-left:.45em;"
    "font-weight:600;font-size:.85rem;color:var(--c)}\n"
    "pre{background:var(--soft);border-radius:6px;padding:1rem;overflow:auto;max-height:32rem;"
    "font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "white-space:pre-wrap;tab-size:2}\n"
    "footer{margin-top:3rem;color:var(--muted);font-size:.85rem}\n"
    "@media (max-width:620px){.pair{grid-auto-flow:row}.pair>div+div{border-left:0;"
    "border-top:1px solid var(--line)}}\n"
    "@media print{:root{color-scheme:light;" LIGHT "}body{max-width:none;padding:0;font-size:10pt}"
    "pre{max-height:none;overflow:visible}.grid{grid-template-columns:1fr 1fr}"
    "figure,tr,.tile{break-inside:avoid}h2,h3{break-after:avoid}.wide{overflow:visible}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}@page{margin:15mm}}\n";
