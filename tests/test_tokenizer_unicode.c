/* test_tokenizer_unicode.c - every character of Unicode is what Hugging Face's tokenizers takes it
 * for, by fingerprints of all that was recorded (tests/tokenizer/unicode.py). */
#include <string.h>

#include "base/io.h"
#include "token/tok.h"
#include "token/tok_normalize.h"
#include "tokenizer_support.h"

#define FNV 0xcbf29ce484222325ULL

static uint64_t fnv(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
    return h;
}

static uint64_t add_cp(uint64_t h, uint32_t cp)
{
    const char bytes[4] = {(char)cp, (char)(cp >> 8), (char)(cp >> 16), (char)(cp >> 24)};

    return fnv(h, bytes, 4);
}

/* All characters one behind the other, but U+0000 and the surrogates. */
static char *all_characters(size_t *n)
{
    char *s = malloc(0x110000 * 4);

    assert_non_null(s);
    *n = 0;
    for (uint32_t cp = 1; cp < 0x110000; cp++)
        if (cp < 0xd800 || cp > 0xdfff)
            *n += utf8_put(cp, s + *n);
    return s;
}

static uint64_t of_pattern(const char *pattern, const char *all, size_t n)
{
    struct vac_err err = {0};
    struct tok_regex *re = tok_regex_new(pattern, false, &err);
    const struct tok_span *v;
    uint64_t h = FNV;
    size_t count;
    uint32_t cp;

    if (!re)
        fail_msg("%s: %s", pattern, err.msg);
    assert_ok(tok_regex_spans(re, all, n, &v, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        for (size_t at = v[i].from; v[i].match && at < v[i].to;) {
            at += utf8_get(all + at, n - at, &cp);
            h = add_cp(h, cp);
        }
    tok_regex_free(re);
    return h;
}

static uint64_t of_class(bool (*is)(uint32_t cp))
{
    uint64_t h = FNV;

    for (uint32_t cp = 1; cp < 0x110000; cp++)
        if ((cp < 0xd800 || cp > 0xdfff) && is(cp))
            h = add_cp(h, cp);
    return h;
}

/* `with` puts each character among marks of both ends of the order. */
static uint64_t of_normalizer(const char *type, bool with)
{
    char part[64];
    struct tokenizer *t;
    struct vac_err err = {0};
    struct strbuf text = {0};
    uint64_t h = FNV;
    bool first = true;

    snprintf(part, sizeof part, "{'type':'%s'}", type);
    t = open_parts(&(struct parts){.normalizer = part});
    for (uint32_t cp = 1; cp < 0x110000; cp++) {
        char c[4];

        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        sb_puts(&text, with ? "a\u0315" : "");
        sb_put(&text, c, utf8_put(cp, c));
        sb_puts(&text, with ? "\u0334\u0301\n" : "\n");
        if (cp % 4096 && cp != 0x10ffff)
            continue;
        assert_ok(tok_normalize(t, text.s, text.len, &first, &err), &err);
        h = fnv(h, t->norm[0].s, t->norm[0].len);
        sb_clear(&text);
    }
    sb_done(&text);
    tokenizer_free(t);
    return h;
}

static void test_unicode(void **state)
{
    struct vac_err err = {0};
    size_t len, n, checked = 0;
    char *text = file_read(support_path("tokenizer/unicode.json"), 1 << 20, &len, &err);
    cJSON *doc = text ? cJSON_Parse(text) : NULL;
    char *all = all_characters(&n);
    bool bad = false;

    (void)state;
    assert_non_null(doc);
    for (const cJSON *x = doc->child; x; x = x->next) {
        char pattern[64], found[24];
        const char *name = x->string;
        uint64_t h;

        snprintf(pattern, sizeof pattern, "\\p{%s}", name);
        if (!strcmp(name, "digits"))
            h = of_class(tok_is_numeric);
        else if (!strcmp(name, "punctuation"))
            h = of_class(tok_is_punctuation);
        else if (!strcmp(name, "word"))
            h = of_class(tok_is_word);
        else if (!strcmp(name, "marks"))
            h = of_class(tok_is_mark);
        else if (!strcmp(name, "lowercase"))
            h = of_normalizer("Lowercase", false);
        else if (!strncmp(name, "NF", 2))
            h = of_normalizer(name, true);
        else
            h = of_pattern(pattern, all, n);
        snprintf(found, sizeof found, "%016llx", (unsigned long long)h);
        if (strcmp(found, x->valuestring)) {
            print_message("%s: other characters than recorded\n", name);
            bad = true;
        }
        checked++;
    }
    assert_false(bad);
    assert_int_equal(checked, 46);
    cJSON_Delete(doc);
    free(text);
    free(all);
}

static void count_words(const char *pattern, const char *text, size_t want)
{
    struct vac_err err = {0};
    struct tok_regex *re = tok_regex_new(pattern, false, &err);
    const struct tok_span *v;
    size_t count, words = 0;

    assert_non_null(re);
    assert_ok(tok_regex_spans(re, text, strlen(text), &v, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        words += v[i].match;
    assert_int_equal(words, want);
    tok_regex_free(re);
}

/* An emoji of Unicode 15, an ideograph of extension I and a digit of Unicode 16 are cut as older
 * ones. */
static void test_newer_characters(void **state)
{
#define DEEPSEEK                                                                                   \
    "[!\"#$%&'()*+,\\-./"                                                                          \
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "             \
    "?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    (void)state;
    count_words(DEEPSEEK, "I love you \U0001fa77!", 4); /* the heart and the mark are one */
    count_words(DEEPSEEK, "I love you \U0001f495!", 4);
    count_words("\\p{L}+", "a\U0002ebf0b", 1);
    count_words("\\p{Han}", "\U0002ebf0\U000323af\u4e00", 3);
    count_words("\\p{N}", "\U00010d40", 1);
    count_words("[^\\p{L}]", "a\U000105c0", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unicode),
        cmocka_unit_test(test_newer_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
