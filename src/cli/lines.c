/* lines.c - JSON lines from standard input, of any length.
 *
 * Texts may hold the character U+0000, which a C string from the JSON parser cannot: its escape is
 * replaced in the raw line by the escape of a private character that the line does not have, and
 * put back when a text is asked for. The two are equally long, so that columns in messages stay
 * right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/lines.h"

#define ESCAPE 6 /* bytes of \uXXXX */
#define PRIVATE_FIRST 0xe000u
#define PRIVATE_LAST 0xf8ffu

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\0' || !strchr(" \t\r\n", s[i]))
            return false;
    return true;
}

/* The next escape from *at on: its value, or -1 at the end. *at is left behind its backslash. */
static long next_escape(const char *s, size_t n, size_t *at)
{
    for (size_t i = *at; i + 1 < n; i++) {
        char digits[5] = {0};

        if (s[i] != '\\')
            continue;
        i++; /* a second backslash is escaped, not escaping */
        if (s[i] != 'u' || n - i < ESCAPE - 1)
            continue;
        memcpy(digits, s + i + 1, 4);
        if (strspn(digits, "0123456789abcdefABCDEF") != 4)
            continue;
        *at = i;
        return strtol(digits, NULL, 16);
    }
    return -1;
}

static bool has_escape(const char *s, size_t n, long value)
{
    long found;

    for (size_t at = 0; (found = next_escape(s, n, &at)) >= 0;)
        if (found == value)
            return true;
    return false;
}

/* A private character that stands nowhere in the line, raw or escaped; 0 when there is none left.
 */
static uint32_t unused_character(const char *s, size_t n)
{
    for (uint32_t cp = PRIVATE_FIRST; cp <= PRIVATE_LAST; cp++) {
        char raw[4];
        size_t len = utf8_put(cp, raw);

        if (!memmem(s, n, raw, len) && !has_escape(s, n, (long)cp))
            return cp;
    }
    return 0;
}

/* Replaces every \u0000. */
static uint32_t hide_zeros(char *s, size_t n)
{
    uint32_t zero;
    char digits[5];
    long found;

    if (!has_escape(s, n, 0) || !(zero = unused_character(s, n)))
        return 0;
    snprintf(digits, sizeof digits, "%04x", (unsigned)zero);
    for (size_t at = 0; (found = next_escape(s, n, &at)) >= 0;)
        if (found == 0)
            memcpy(s + at + 1, digits, 4);
    return zero;
}

int cli_line_text(const struct cli_line *line, const char *string, struct strbuf *out,
                  struct vac_err *err)
{
    char raw[4];
    size_t len = line->zero ? utf8_put(line->zero, raw) : 0;
    const char *hit;

    sb_clear(out);
    while (len && (hit = memmem(string, strlen(string), raw, len))) {
        sb_put(out, string, (size_t)(hit - string));
        sb_putc(out, '\0');
        string = hit + len;
    }
    sb_puts(out, string);
    return sb_ok(out, err);
}

static int visit_line(cli_line_visit *visit, void *ctx, char *text, size_t len, size_t number,
                      struct vac_err *err)
{
    struct cli_line line = {.zero = hide_zeros(text, len)};
    cJSON *doc = json_parse_line(text, len, "stdin", number, err);
    char where[40];
    int rc = -1;

    if (!doc)
        return -1;
    snprintf(where, sizeof where, "stdin:%zu", number);
    line.root = json_root(doc, where);
    if (!cJSON_IsObject(doc))
        json_wrong(&line.root, "an object like {\"text\":\"...\"}", err);
    else
        rc = visit(ctx, &line, err);
    cJSON_Delete(doc);
    return rc;
}

int cli_each_line(cli_line_visit *visit, void *ctx, struct vac_err *err)
{
    char *text = NULL;
    size_t cap = 0;
    ssize_t len;
    int rc = 0;

    for (size_t number = 1; rc == 0 && (len = getline(&text, &cap, stdin)) >= 0; number++) {
        if (len > 0 && text[len - 1] == '\n')
            len--;
        if (!is_blank(text, (size_t)len))
            rc = visit_line(visit, ctx, text, (size_t)len, number, err);
    }
    if (rc == 0 && (ferror(stdin) || !feof(stdin)))
        rc = err_errno(err, "standard input");
    free(text);
    return rc;
}
