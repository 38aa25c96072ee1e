/* test_triplets.c - cases that are data: tests/triplets/SUBJECT.txt holds an input, what it must give,
 * and an empty line, over and over; each is a case of its own, named by its line.
 *
 * A line that begins with # tells what follows. \n \t \r \\ and \xff stand for what a line cannot
 * hold; a \ alone is an empty text. ... at the end of what it must give is whatever follows. */
#include <unistd.h>

#include "data/rows.h"
#include "data/template.h"
#include "import/import.h"
#include "jinja/jinja.h"
#include "model/config.h"
#include "support.h"

enum { LINE = 1 << 16, CASES = 4096 };

/* What the input gives: err's message, or text in `out`. */
typedef void subject_run(const char *input, size_t n, const char *path, struct strbuf *out,
                         struct vac_err *err);

/* The format, and of each row what stands in it: @LINE, #ID, ids:labels, a + where a turn is trained. */
static void run_rows(const char *input, size_t n, const char *path, struct strbuf *out,
                     struct vac_err *err)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    struct rows r;

    support_write(path, input, n);
    if (rows_read(&r, path, NULL, NULL, err)) {
        assert_null(r.row);
        return;
    }
    sb_puts(out, r.format->name);
    for (size_t i = 0; i < r.n; i++) {
        const struct row *x = &r.row[i];

        sb_printf(out, " | @%zu", x->line);
        if (x->id)
            sb_printf(out, " #%s", x->id);
        if (x->is_safe >= 0)
            sb_puts(out, x->is_safe ? " safe" : " unsafe");
        if (x->category)
            sb_printf(out, " (%s)", x->category);
        for (size_t k = 0; k < x->n_ids; k++)
            sb_printf(out, " %d:%d", (int)x->ids[k], (int)x->labels[k]);
        for (size_t k = 0; k < x->n_turn; k++) {
            const struct turn *t = &x->turn[k];

            sb_printf(out, " %s%s \"%s\"", roles[t->role], t->train ? "+" : "", t->text);
            if (t->input && *t->input)
                sb_printf(out, " \"%s\"", t->input);
        }
    }
    rows_done(&r);
}

static int collect(void *ctx, const char *line, size_t n, struct vac_err *err)
{
    (void)err;
    sb_put(ctx, line, n);
    return 0;
}

/* FORMAT TEXT */
static void run_import(const char *input, size_t n, const char *path, struct strbuf *out,
                       struct vac_err *err)
{
    const struct import_choice all = {0};
    struct import_report report;
    const struct import_format *f = NULL;
    size_t name = strcspn(input, " ");
    struct strbuf rows = {0};
    char format[40];

    snprintf(format, sizeof format, "%.*s", (int)name, input);
    if (strcmp(format, "auto") && !(f = import_find(format, err)))
        return;
    support_write(path, input + name + 1, n - name - 1);
    if (import_rows(path, f, &all, collect, &rows, &report, err) == 0)
        sb_printf(out, "%s %s", report.format->name, rows.s);
    sb_done(&rows);
}

/* A template, rendered with one question. */
static void run_jinja(const char *input, size_t n, const char *path, struct strbuf *out,
                      struct vac_err *err)
{
    cJSON *vars = cJSON_Parse("{\"messages\":[{\"role\":\"user\",\"content\":\" Hi \"}],"
                              "\"add_generation_prompt\":true,\"bos_token\":\"<s>\",\"n\":3,"
                              "\"list\":[3,1,2],\"none\":null}");
    struct jinja *j = jinja_parse(input, n, path, err);
    struct jinja_output text = {0};

    if (j && jinja_render(j, vars, "2026-11-26", &text, err) == 0)
        sb_put(out, text.text.s, text.text.len);
    jinja_output_done(&text);
    jinja_free(j);
    cJSON_Delete(vars);
}

/* TEMPLATE and turns, each ~ and S, U or A (a when it is not trained), its text, and behind a ^ its input. What is trained stands in [* *]; ! where the template writes BOS and EOS itself. */
static void run_template(const char *input, size_t n, const char *path, struct strbuf *out,
                         struct vac_err *err)
{
    char copy[1024], *next = copy, *name, *line;
    struct turn turn[8] = {{0}};
    struct rendered r = {0};
    const struct template_row *t;
    size_t turns = 0, at = 0;

    (void)path;
    assert_true(n < sizeof copy);
    memcpy(copy, input, n + 1);
    name = strsep(&next, "~");
    while ((line = strsep(&next, "~"))) {
        char *text = line + 1;

        assert_true(turns < 8);
        turn[turns++] = (struct turn){.role = *line == 'S'   ? ROLE_SYSTEM
                                              : *line == 'U' ? ROLE_USER
                                                             : ROLE_ASSISTANT,
                                      .train = *line == 'A',
                                      .text = strsep(&text, "^"),
                                      .input = text};
    }
    t = template_find(name, err);
    if (!t || template_render(t, turn, turns, "<s>", "</s>", &r, err)) {
        rendered_done(&r);
        return;
    }
    sb_puts(out, r.special_in_text ? "!" : "");
    for (size_t i = 0; i < r.n; at += r.span[i++].len) {
        sb_puts(out, r.span[i].train ? "[*" : "");
        sb_put(out, r.text.s + at, r.span[i].len);
        sb_puts(out, r.span[i].train ? "*]" : "");
    }
    assert_int_equal(at, r.text.len);
    rendered_done(&r);
}

/* A config.json, or the name of a small one and what is added to it: how it is turned, where it ends, and the
 * size of a head. */
static void run_config(const char *input, size_t n, const char *path, struct strbuf *out,
                       struct vac_err *err)
{
    static const struct {
        const char *name, *members;
    } small[] = {{"llama ", "\"model_type\":\"llama\",\"vocab_size\":31,\"hidden_size\":16,"
                            "\"intermediate_size\":20,\"num_hidden_layers\":2,"
                            "\"num_attention_heads\":4,\"num_key_value_heads\":2,"
                            "\"max_position_embeddings\":64"},
                 {"headless ", "\"model_type\":\"llama\",\"vocab_size\":31,"
                               "\"intermediate_size\":20,\"num_hidden_layers\":2"},
                 {"opt ", "\"model_type\":\"opt\",\"vocab_size\":31,\"hidden_size\":16,"
                          "\"ffn_dim\":20,\"num_hidden_layers\":1"}};
    struct strbuf text = {0};
    struct config c = {0};

    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (!strncmp(input, small[i].name, strlen(small[i].name)))
            sb_printf(&text, "{%s,%s}", small[i].members, input + strlen(small[i].name));
    if (!text.len)
        sb_put(&text, input, n);
    support_write(support_file("config.json"), text.s ? text.s : "", text.len);
    (void)path;
    if (config_read(&c, support_own(), err) == 0)
        sb_printf(out, "theta %g, %zu eos, pad %d, head %zu", c.rope.theta, c.n_eos, (int)c.pad,
                  c.E);
    config_done(&c);
    sb_done(&text);
}

static const struct subject {
    const char *name;
    subject_run *run;
} subjects[] = {{"rows", run_rows},
                {"config", run_config},
                {"import", run_import},
                {"jinja", run_jinja},
                {"template", run_template}};

struct triplet {
    const struct subject *subject;
    char name[64];
    char *input, *wanted;
    size_t n, n_wanted;
};
static struct triplet cases[CASES];
static size_t n_cases;

/* In place; the text may hold zeros. */
static size_t unescape(char *s)
{
    char *to = s;

    for (const char *p = s; *p;) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        p++;
        if (*p == 'x') {
            char digits[3] = {p[1], p[1] ? p[2] : '\0', '\0'};

            *to++ = (char)strtol(digits, NULL, 16);
            p += 3;
        } else if (*p) {
            *to++ = (char)(*p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p);
            p++;
        }
    }
    *to = '\0';
    return (size_t)(to - s);
}

static bool read_subject(const struct subject *s)
{
    char path[1200], *line = malloc(LINE);
    struct triplet *t = NULL;
    size_t number = 0;
    FILE *f;

    snprintf(path, sizeof path, "triplets/%s.txt", s->name);
    f = fopen(support_path(path), "r");
    while (f && line && fgets(line, LINE, f) && n_cases < CASES) {
        line[strcspn(line, "\n")] = '\0';
        number++;
        if (!t && line[0] && line[0] != '#') {
            t = &cases[n_cases];
            t->subject = s;
            snprintf(t->name, sizeof t->name, "%s.txt line %zu", s->name, number);
            t->input = strdup(line);
            t->n = unescape(t->input);
        } else if (t && !t->wanted) {
            t->wanted = strdup(line);
            t->n_wanted = unescape(t->wanted);
            n_cases++;
        } else if (t && !line[0]) {
            t = NULL;
        }
    }
    free(line);
    if (f)
        fclose(f);
    return f != NULL;
}

/* What is said of a file is said behind its path, which is no part of the case. */
static void run_case(void **state)
{
    const struct triplet *t = *state;
    struct vac_err err = {0};
    struct strbuf out = {0};
    const char *path = support_file("in"), *gave;
    size_t n, most = t->n_wanted;

    t->subject->run(t->input, t->n, path, &out, &err);
    gave = err.code ? err.msg : out.s ? out.s : "";
    for (size_t i = 0; i < 2; i++, path = support_file("config.json"))
        if (err.code && !strncmp(gave, path, strlen(path)))
            gave += strlen(path);
    n = strlen(gave);
    if (most > 3 && n > most && !strcmp(t->wanted + most - 3, "..."))
        n = most -= 3;
    if (n != most || memcmp(gave, t->wanted, n) != 0)
        fail_msg("%s\ngives  %s\nwanted %s", t->input, gave, t->wanted);
    sb_done(&out);
}

int main(void)
{
    static struct CMUnitTest tests[CASES];
    int rc;

    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (!read_subject(&subjects[i]))
            return 1;
    for (size_t i = 0; i < n_cases; i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = run_case, .initial_state = &cases[i]};
    rc = _cmocka_run_group_tests("triplets", tests, n_cases, NULL, NULL);
    for (size_t i = 0; i < n_cases; i++) {
        free(cases[i].input);
        free(cases[i].wanted);
    }
    return rc;
}
