/* stdin.c - JSON lines from standard input, of any length.
 *
 * Texts may hold the character U+0000, which a C string from the JSON parser cannot: its escape is
 * replaced in the raw line by the escape of a private character that the line does not have, and
 * put back when a text is asked for. The two are equally long, so that columns in messages stay
 * right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "data/stdin.h"

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

/* Replaces every \u0000 by a private character that stands nowhere in the line, raw or escaped; 0 when
 * there is none to replace, or no such character left. */
static uint32_t hide_zeros(char *s, size_t n)
{
    uint32_t zero = PRIVATE_FIRST;
    char digits[5], raw[4];
    long found;

    if (!has_escape(s, n, 0))
        return 0;
    while (memmem(s, n, raw, utf8_put(zero, raw)) || has_escape(s, n, (long)zero))
        if (zero++ == PRIVATE_LAST)
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

int cli_each_line(cli_line_visit *visit, void *ctx, struct vac_err *err)
{
    char *text = NULL, where[40];
    size_t cap = 0;
    ssize_t len;
    int rc = 0;

    for (size_t number = 1; rc == 0 && (len = getline(&text, &cap, stdin)) >= 0; number++) {
        struct cli_line line;
        cJSON *doc;

        if (len > 0 && text[len - 1] == '\n')
            len--;
        if (is_blank(text, (size_t)len))
            continue;
        line.zero = hide_zeros(text, (size_t)len);
        doc = json_parse_line(text, (size_t)len, "stdin", number, err);
        snprintf(where, sizeof where, "stdin:%zu", number);
        line.root = json_root(doc, where);
        if (!doc)
            rc = -1;
        else if (!cJSON_IsObject(doc))
            rc = json_wrong(&line.root, "an object like {\"text\":\"...\"}", err);
        else
            rc = visit(ctx, &line, err);
        cJSON_Delete(doc);
    }
    if (rc == 0 && (ferror(stdin) || !feof(stdin)))
        rc = err_errno(err, "standard input");
    free(text);
    return rc;
}
