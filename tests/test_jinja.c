/* test_jinja.c - templates rendered as Hugging Face's library does (tests/golden/jinja.json, made
 * by tests/jinja_cases.py), those of real models where they are at hand, faults with their line,
 * and what must come to an end. */
#include <dirent.h>
#include <stdlib.h>

#include "base/io.h"
#include "jinja/jinja.h"
#include "support.h"

/* 0 and the text, or -1 and err. */
static int render(const char *text, const cJSON *vars, const char *today, struct jinja_output *out,
                  struct vac_err *err)
{
    struct jinja *j = jinja_parse(text, strlen(text), "t.jinja", err);
    int rc = j ? jinja_render(j, vars, today, out, err) : -1;

    jinja_free(j);
    return rc;
}

static cJSON *read_json(const char *path)
{
    struct vac_err err = {0};
    size_t len;
    char *text = file_read(path, 64 << 20, &len, &err);
    cJSON *x = text ? cJSON_ParseWithLength(text, len) : NULL;

    free(text);
    if (!x)
        fail_msg("%s: %s", path, err.code ? err.msg : "no JSON");
    return x;
}

static const char *text_of(const cJSON *x, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(x, key));
}

static void test_recorded(void **state)
{
    cJSON *doc = read_json(support_path("golden/jinja.json"));
    const cJSON *c, *vars = cJSON_GetObjectItem(doc, "vars");
    size_t n = 0;

    (void)state;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(doc, "cases"))
    {
        const char *template = text_of(c, "template"), *want = text_of(c, "text");
        struct jinja_output out = {0};
        struct vac_err err = {0};
        int rc = render(template, vars, text_of(doc, "today"), &out, &err);
        if (want && rc)
            fail_msg("%s\n%s", template, err.msg);
        if (want && strcmp(out.text.s, want))
            fail_msg("%s\ngives    [%s]\nrecorded [%s]", template, out.text.s, want);
        if (!want && !rc)
            fail_msg("%s\ngives [%s], and is refused: %s", template, out.text.s,
                     text_of(c, "error"));
        jinja_output_done(&out);
        n++;
    }
    assert_true(n >= 50);
    cJSON_Delete(doc);
}

/* One file: a template, and what it made of conversations. */
static size_t real_template(const char *path)
{
    cJSON *doc = read_json(path);
    const cJSON *c;
    size_t n = 0;

    cJSON_ArrayForEach(c, cJSON_GetObjectItem(doc, "cases"))
    {
        const char *want = text_of(c, "text");
        cJSON *vars = cJSON_CreateObject();
        struct jinja_output out = {0};
        struct vac_err err = {0};
        int rc;
        cJSON_AddItemToObject(vars, "messages",
                              cJSON_Duplicate(cJSON_GetObjectItem(c, "messages"), true));
        cJSON_AddItemToObject(
            vars, "add_generation_prompt",
            cJSON_Duplicate(cJSON_GetObjectItem(c, "add_generation_prompt"), true));
        cJSON_AddStringToObject(vars, "bos_token", text_of(doc, "bos_token"));
        cJSON_AddStringToObject(vars, "eos_token", text_of(doc, "eos_token"));
        cJSON_AddNullToObject(vars, "tools");
        cJSON_AddNullToObject(vars, "documents");
        rc = render(text_of(doc, "template"), vars, text_of(doc, "today"), &out, &err);
        if (want ? rc || strcmp(out.text.s, want) : !rc)
            fail_msg("%s, conversation %zu: [%s], recorded [%s]", path, n,
                     rc ? err.msg : out.text.s, want ? want : text_of(c, "error"));
        jinja_output_done(&out);
        cJSON_Delete(vars);
        n++;
    }
    cJSON_Delete(doc);
    return n;
}

static void test_real(void **state)
{
    const char *dir = support_testdata("templates");
    DIR *d = dir ? opendir(dir) : NULL;
    struct dirent *entry;
    size_t n = 0;
    char path[1200];

    (void)state;
    if (!d)
        skip();
    while ((entry = readdir(d))) {
        if (!strstr(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        n += real_template(path);
    }
    closedir(d);
    assert_true(n >= 700);
}

static void refused(const char *template, int code, const char *why)
{
    cJSON *vars = cJSON_Parse("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":3}");
    struct jinja_output out = {0};
    struct vac_err err = {0};

    if (!render(template, vars, NULL, &out, &err))
        fail_msg("%.80s: gives [%.80s]", template, out.text.s);
    assert_error(&err, why);
    assert_int_equal(err.code, code);
    jinja_output_done(&out);
    cJSON_Delete(vars);
}

/* Faults with their line: tests/triplets/jinja.txt. Without a day none can be asked for. */
static void test_faults(void **state)
{
    (void)state;
    refused("{{ raise_exception('no') }}", VAC_ERR_USAGE, "the template refuses: no");
    refused("{{ strftime_now('%Y') }}", VAC_ERR_FORMAT, "the day is not known here");
}

/* Work, memory, depth and output have ends. */
static void test_bounded(void **state)
{
    struct strbuf deep = {0};

    (void)state;
    refused("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            VAC_ERR_FORMAT, "");
    refused("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% "
            "endfor %}",
            VAC_ERR_FORMAT, "takes more than");
    refused("{{ 'x' * 100000000000 }}", VAC_ERR_FORMAT, "");
    refused("{{ range(100000000) }}", VAC_ERR_FORMAT, "");
    refused("{{ 'aaaaaaaaaa'.replace('', 'b' * 20000000) }}", VAC_ERR_FORMAT, "");
    refused("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", VAC_ERR_FORMAT,
            "nested too deeply");
    refused("{% for i in range(1000) %}{{ 'y' * 100000 }}{% endfor %}", VAC_ERR_FORMAT, "");
    sb_puts(&deep, "{{ ");
    for (int i = 0; i < 100000; i++)
        sb_putc(&deep, '(');
    sb_putc(&deep, '1');
    for (int i = 0; i < 100000; i++)
        sb_putc(&deep, ')');
    sb_puts(&deep, " }}");
    refused(deep.s, VAC_ERR_FORMAT, "nested too deeply");
    for (size_t i = 3; i + 3 < deep.len; i++)
        deep.s[i] = '-';
    refused(deep.s, VAC_ERR_FORMAT, "nested too deeply");
    sb_clear(&deep);
    for (int i = 0; i < 50000; i++)
        sb_puts(&deep, "{% if n %}");
    refused(deep.s, VAC_ERR_FORMAT, "nested too deeply");
    sb_done(&deep);
}

/* What {% generation %} wrote. */
static void test_generation(void **state)
{
    static const char template[] =
        "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}"
        "{% generation %}{{ m.content }}!{% endgeneration %}{% endif %}{% endfor %}";
    cJSON *vars =
        cJSON_Parse("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
                    "\"content\":\"one\"},{\"role\":\"assistant\",\"content\":\"two\"}]}");
    struct jinja_output out = {0};
    struct vac_err err = {0};

    (void)state;
    assert_ok(render(template, vars, NULL, &out, &err), &err);
    assert_string_equal(out.text.s, "<user><assistant>one!<assistant>two!");
    assert_int_equal(out.n_spans, 2);
    assert_memory_equal(out.text.s + out.span[0].from, "one!", 4);
    assert_int_equal(out.span[1].to, out.text.len);
    jinja_output_done(&out);
    cJSON_Delete(vars);
}

/* Every beginning of a template, and each with a byte changed, is rendered or refused: never more.
 */
static void test_mutants(void **state)
{
    cJSON *doc = read_json(support_path("golden/jinja.json"));
    const cJSON *c, *vars = cJSON_GetObjectItem(doc, "vars");

    (void)state;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(doc, "cases"))
    {
        char *text = strdup(text_of(c, "template"));
        for (size_t i = 0, n = strlen(text); i < n; i++) {
            static const char other[] = "{}%(['\"|.-\n";
            struct jinja_output out = {0};
            struct vac_err err = {0};
            char was = text[i];
            text[i] = i % 3 ? other[i % (sizeof other - 1)] : '\0';
            if (render(text, vars, "2026-11-26", &out, &err))
                assert_true(err.code != 0);
            jinja_output_done(&out);
            text[i] = was;
        }
        free(text);
    }
    cJSON_Delete(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),   cmocka_unit_test(test_real),
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_generation), cmocka_unit_test(test_mutants),
    };

    return cmocka_run_group_tests_name("jinja", tests, NULL, NULL);
}
