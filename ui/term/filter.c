/* filter.c - see filter.h */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/filter.h"

enum { MAX_TERMS = 32, REPEAT_LIMIT = 999 };

struct term {
    char *text; /* of a plain word */
    regex_t re;
    bool is_re, negated;
    bool or_before; /* a "|" stands in front: a new alternative begins */
};
struct filter {
    struct term term[MAX_TERMS];
    size_t n;
};

void filter_free(struct filter *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        free(f->term[i].text);
        if (f->term[i].is_re)
            regfree(&f->term[i].re);
    }
    free(f);
}

/* The C library's matcher needs memory in proportion to the counts of {n,m}, multiplied when
 * nested. */
static bool repeats_too_much(const char *re)
{
    double product = 1;

    for (const char *s = re; (s = strchr(s, '{')); s++) {
        const char *comma = s + 1 + strspn(s + 1, "0123456789");
        double n = strtod(s + 1, NULL), m = *comma == ',' ? strtod(comma + 1, NULL) : n;

        product *= m > n ? m : n > 1 ? n : 1;
    }
    return product > REPEAT_LIMIT;
}

static int term_regex(struct term *t, char *why, size_t size)
{
    int rc;

    if (repeats_too_much(t->text)) {
        snprintf(why, size, "/%.60s/: the repeat counts are too large", t->text);
        return -1;
    }
    rc = regcomp(&t->re, t->text, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (rc) {
        char text[128];

        regerror(rc, &t->re, text, sizeof text);
        snprintf(why, size, "/%.60s/: %s", t->text, text);
        return -1;
    }
    t->is_re = true;
    return 0;
}

/* End of the term's text, which begins behind its opening sign: a slash or quote, else a blank or
 * "|". */
static size_t term_length(const char *s, char open)
{
    size_t n = 0;

    if (!open)
        return strcspn(s, " \t|");
    while (s[n] && s[n] != open)
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return n;
}

/* Reads one term at *s into f; 0, or -1 and why. */
static int term_read(struct filter *f, const char **s, bool or_before, char *why, size_t size)
{
    struct term *t = &f->term[f->n];
    const char *p = *s;
    char open;
    size_t n;

    if (f->n == MAX_TERMS) {
        snprintf(why, size, "more than %d words", MAX_TERMS);
        return -1;
    }
    t->or_before = or_before;
    t->negated = *p == '!' && p[1];
    p += t->negated;
    open = *p == '/' || *p == '"' ? *p : 0;
    p += open != 0;
    n = term_length(p, open);
    t->text = strndup(p, n);
    if (!t->text) {
        snprintf(why, size, "no memory");
        return -1;
    }
    f->n++;
    *s = p + n + (open && p[n] == open);
    return open == '/' && n ? term_regex(t, why, size) : 0;
}

struct filter *filter_new(const char *text, char *why, size_t size)
{
    struct filter *f = calloc(1, sizeof *f);
    bool or_before = false;

    if (!f)
        snprintf(why, size, "no memory");
    for (const char *s = text; f && *s;) {
        if (*s == ' ' || *s == '\t' || *s == '|') {
            or_before = or_before || (*s == '|' && f->n > 0);
            s++;
        } else if (term_read(f, &s, or_before, why, size)) {
            filter_free(f);
            f = NULL;
        } else {
            or_before = false;
        }
    }
    return f;
}

static bool term_match(const struct term *t, const char *line)
{
    bool there = t->is_re ? !regexec(&t->re, line, 0, NULL, 0) : strcasestr(line, t->text) != NULL;

    return there != t->negated;
}

bool filter_match(const struct filter *f, const char *line)
{
    bool all = true;

    for (size_t i = 0; i < f->n; i++) {
        if (f->term[i].or_before) {
            if (all)
                return true;
            all = true;
        }
        all = all && term_match(&f->term[i], line);
    }
    return all;
}
