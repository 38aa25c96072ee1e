/* question.c - see question.h
 *
 * A file is asked line by line. Lines that are JSON objects are asked by their "prompt" or
 * "instruction": the files that a run reads can be asked as they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/ask.h"
#include "panels/question.h"
#include "term/reply.h"
#include "panels/start.h"
#include "term/files.h"

enum { LINES = 1000, LINE_LENGTH = 1 << 16 };

void questions_clear(struct questions *q)
{
    while (q->first < q->n)
        free(q->v[q->first++].prompt);
    q->first = q->n = 0;
}

void questions_done(struct questions *q)
{
    questions_clear(q);
    free(q->v);
    *q = (struct questions){0};
}

size_t questions_waiting(const struct questions *q)
{
    return q->n - q->first;
}

bool questions_next(struct questions *q, struct question *out)
{
    if (q->first == q->n)
        return false;
    *out = q->v[q->first++];
    if (q->first == q->n)
        q->first = q->n = 0;
    return true;
}

bool questions_push(struct questions *q, const char *template_name, const char *prompt)
{
    if (q->n == q->cap) {
        size_t want = q->cap ? 2 * q->cap : 16;
        struct question *grown = realloc(q->v, want * sizeof *grown);

        if (!grown)
            return false;
        q->v = grown;
        q->cap = want;
    }
    q->v[q->n].prompt = strdup(prompt);
    if (!q->v[q->n].prompt)
        return false;
    snprintf(q->v[q->n++].template_name, VAC_NAME, "%s", template_name);
    return true;
}

/* --- templates --- */

static const char *template_of(const char *name, size_t n)
{
    const char *known;

    for (size_t i = 0; (known = vac_template_name(i)); i++)
        if (strlen(known) == n && !strncmp(known, name, n))
            return known;
    return NULL;
}

static void list_templates(char *out, size_t size)
{
    const char *known;
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; (known = vac_template_name(i)) && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", known);
}

char *question_complete(struct ui *ui, const char *line, int start, const char *word, int i)
{
    const char *known;
    char *out = NULL;
    size_t k = 0;

    (void)ui;
    (void)line;
    if (start != 0 || *word != '%')
        return NULL;
    while ((known = vac_template_name(k++)))
        if (!strncmp(known, word + 1, strlen(word + 1)) && i-- == 0)
            return asprintf(&out, "%%%s", known) < 0 ? NULL : out;
    return NULL;
}

/* --- files --- */

static bool take_line(struct questions *q, char *line, const char *template_name)
{
    cJSON *doc = *line == '{' ? cJSON_Parse(line) : NULL;
    const char *text = reply_text(doc, "prompt");
    bool ok;

    if (!*text)
        text = reply_text(doc, "instruction");
    ok = questions_push(q, template_name, *text ? text : line);
    cJSON_Delete(doc);
    return ok;
}

/* Without the blanks behind it; "~/" is the home folder. */
static char *home_path(const char *name)
{
    const char *home = getenv("HOME");
    bool at_home = name[0] == '~' && name[1] == '/' && home;
    char *out = NULL;
    size_t n;

    if (asprintf(&out, "%s%s", at_home ? home : "", name + at_home) < 0)
        return NULL;
    for (n = strlen(out); n && (out[n - 1] == ' ' || out[n - 1] == '\t'); n--)
        out[n - 1] = '\0';
    return out;
}

static bool take_lines(struct questions *q, FILE *f, const char *template_name)
{
    size_t cap = 0, taken = 0;
    char *line = NULL;
    bool ok = true;

    while (ok && taken < LINES && getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0' || strlen(line) > LINE_LENGTH)
            continue;
        ok = take_line(q, line, template_name);
        taken++;
    }
    free(line);
    return ok && taken > 0 && !ferror(f);
}

static bool take_file(struct questions *q, const char *name, const char *template_name, char *why,
                      size_t size)
{
    char *path = home_path(name);
    FILE *f = path ? files_open(path) : NULL;
    bool ok = false;

    if (!f)
        snprintf(why, size, "%.200s: %s", name,
                 errno == EINVAL ? "not a file of lines" : strerror(errno));
    else if (!take_lines(q, f, template_name))
        snprintf(why, size, "%.200s: %s", name,
                 ferror(f) ? strerror(errno) : "holds no line to ask");
    else
        ok = true;
    if (f)
        fclose(f);
    free(path);
    return ok;
}

/* --- lines --- */

bool questions_add(struct questions *q, const char *line, const char *default_template, char *why,
                   size_t size)
{
    const char *template_name = default_template, *rest = line + strspn(line, " \t");

    if (rest[0] == '%' && rest[1] != '%') {
        size_t n = strcspn(rest + 1, " \t");

        template_name = template_of(rest + 1, n);
        if (!template_name) {
            char known[256];

            list_templates(known, sizeof known);
            snprintf(why, size, "no template \"%.*s\": %s (%%%% begins a prompt with a %%)",
                     n < 40 ? (int)n : 40, rest + 1, known);
            return false;
        }
        rest += 1 + n;
        rest += strspn(rest, " \t");
    } else if (rest[0] == '%') {
        rest++;
    }
    if (rest[0] == '@' && rest[1] && rest[1] != '@')
        return take_file(q, rest + 1, template_name, why, size);
    rest += rest[0] == '@' && rest[1] == '@';
    if (*rest && questions_push(q, template_name, rest))
        return true;
    snprintf(why, size, "type a prompt, or @FILE to ask each line of a file");
    return false;
}
