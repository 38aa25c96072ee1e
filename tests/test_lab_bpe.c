/* test_lab_bpe.c - the tokenizer trainer of samples/lab: what it learns, and that the tokenizer
 * reads what it writes. */
#include <sys/stat.h>
#include "support.h"
#include "../samples/lab/bpe.h"
#include "base/io.h"
#include "base/rng.h"
#include "data/encode.h"
#include "token/tok_regex.h"
#include "token/tokenizer.h"
#include "token/tok_added.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A village: sentences from templates, as the sample's world has them. */
#define SENTENCES 60
static const char *const *village(void)
{
    static const char *const people[] = {"Anna", "Bert",  "Clara", "Dora",
                                         "Emil", "Farid", "Greta", "Hanne"};
    static const char *const things[] = {"an apple",  "the red kite", "a loaf of bread",
                                         "two pears", "some honey",   "a wooden spoon",
                                         "grey wool"};
    static char text[SENTENCES][160];
    static const char *out[SENTENCES];

    for (size_t i = 0; i < SENTENCES; i++) {
        const char *who = people[i % 8], *what = things[i % 7];

        if (i % 3 == 0)
            snprintf(text[i], sizeof(text[i]), "%s sells %s at the market for %zu coins.", who,
                     what, i % 7 + 10);
        else if (i % 3 == 1)
            snprintf(text[i], sizeof(text[i]), "Question: What does %s sell?\nAnswer: It's %s.\n",
                     who, what);
        else
            snprintf(text[i], sizeof(text[i]), "<|begin|>%s didn't go to the market.<|end|>", who);
        out[i] = text[i];
    }
    return out;
}

static struct tokenizer *trained(const char *const *texts, size_t n, int vocab)
{
    struct vac_err err = {0};
    const char *dir = support_file("trained");
    struct tokenizer *t;

    assert_ok(bpe_train(texts, n, vocab, dir, &err), &err);
    t = tokenizer_open(dir, &err);
    if (!t)
        fail_msg("%s", err.msg);
    return t;
}

/* ids = those of the text, which must decode to the same text. */
static void encode(struct tokenizer *t, const char *text, struct ids *ids)
{
    struct vac_err err = {0};
    struct strbuf back = {0};

    ids->n = 0;
    assert_ok(tokenizer_encode(t, text, strlen(text), true, ids, &err), &err);
    assert_ok(tokenizer_decode(t, ids->v, ids->n, false, &back, &err), &err);
    assert_string_equal(back.s ? back.s : "", text);
    sb_done(&back);
}

static size_t count_ids(struct tokenizer *t, const char *text)
{
    struct ids ids = {0};
    size_t n;

    encode(t, text, &ids);
    n = ids.n;
    ids_done(&ids);
    return n;
}

/* ---- Cutting ---- */

static void test_words(void **state)
{
    static const char *const cases[][2] = {
        {"it's a12  b\n", "it|'s| a|12| | b|\n|"},
        {" 's 'sx x'll''t", " '|s| '|sx| x|'ll|''|t|"},
        {"\n\n a", "\n\n| a|"},
        {"\n\na \n", "\n|\n|a| \n|"},
        {"\t a!?-b 7.5", "\t| a|!?-|b| 7|.|5|"},
        {"   ", "   |"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf cut = {0};

        for (const char *s = cases[i][0]; *s; s += bpe_word_len(s)) {
            sb_put(&cut, s, bpe_word_len(s));
            sb_putc(&cut, '|');
        }
        assert_string_equal(cut.s, cases[i][1]);
        sb_done(&cut);
    }
}

/* The same cuts as those of the pattern itself, on random texts of all characters but 0. */
static void test_words_pattern(void **state)
{
    static const char often[] = "  '\n\tstremlvd19.!";
    struct rng r = {.key = rng_key(5, RNG_TEST, 0, 0)};
    struct vac_err err = {0};
    struct tok_regex *re = tok_regex_new("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|"
                                         " ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                                         false, &err);
    const struct tok_span *v;
    char text[41];

    (void)state;
    assert_non_null(re);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + (size_t)rng_below(&r, sizeof(text) - 1), count, at = 0;

        for (size_t i = 0; i < n; i++)
            text[i] = rng_below(&r, 4) ? often[rng_below(&r, sizeof(often) - 1)]
                                       : (char)(1 + rng_below(&r, 127));
        text[n] = '\0';
        assert_ok(tok_regex_spans(re, text, n, &v, &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            assert_true(v[i].match);
            assert_int_equal(at, v[i].from);
            at += bpe_word_len(text + at);
            assert_int_equal(at, v[i].to);
        }
        assert_int_equal(at, n);
    }
    tok_regex_free(re);
}

/* ---- Learning ---- */

static void check_learnt(const char *text, size_t n_words, const char *const *tokens, size_t n)
{
    struct tokenizer *t = trained(&text, 1, (int)(BPE_MERGES + n));

    assert_int_equal(tokenizer_size(t), BPE_MERGES + n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(tokenizer_token(t, (int32_t)(BPE_MERGES + i)), tokens[i]);
    assert_int_equal(count_ids(t, text), n_words);
    tokenizer_free(t);
}

static void test_merges_by_hand(void **state)
{
    /* a+b 4 times; then space+ab 2; then space+c and c+ab once each: the space has the lower id. */
    static const char *const counts[] = {"ab", "Ġab", "Ġc", "Ġcab"};
    /* a+b 3 times; then once each space+c, space+ab and c+ab: of equal left ids the lower right. */
    static const char *const ties[] = {"ab", "Ġc", "Ġab", "Ġcab"};
    /* a+a 6 times, and "aaa" is aa a, not a aa; then space+aa twice; then aa+aa before Ġaa+a. */
    static const char *const runs[] = {"aa", "Ġaa", "aaaa", "Ġaaa"};
    /* Nothing is learnt across words. */
    static const char *const kinds[] = {"!!", "xy"};

    (void)state;
    check_learnt("ab ab ab cab", 4, counts, COUNT(counts));
    check_learnt("ab ab cab", 3, ties, COUNT(ties));
    check_learnt("aaaa aaa aa", 3, runs, COUNT(runs));
    check_learnt("xy!!7", 3, kinds, COUNT(kinds));
}

static void test_frequent_words(void **state)
{
    static const char *const words[] = {"Anna",     " sells", " the",   " market", " apple",
                                        "Question", "Answer", " coins", "'s",      " What"};
    struct tokenizer *t = trained(village(), SENTENCES, 380);

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++)
        if (count_ids(t, words[i]) != 1)
            fail_msg("\"%s\" is not one token", words[i]);
    assert_int_equal(count_ids(t, "Anna sells the apple"), 4);
    assert_true(count_ids(t, "zxq") == 3); /* bytes */
    tokenizer_free(t);
}

/* ---- What is written ---- */

static void test_ids(void **state)
{
    struct tokenizer *t = trained(NULL, 0, BPE_MERGES);
    struct tokenizer_roles roles = tokenizer_roles(t);
    char byte[2] = {0};

    (void)state;
    assert_int_equal(tokenizer_size(t), 258);
    assert_int_equal(roles.bos, BPE_BEGIN);
    assert_int_equal(roles.eos, BPE_END);
    assert_int_equal(tok_find(t, "<|end|>"), 0);
    assert_int_equal(tok_find(t, "<|begin|>"), 1);
    assert_true(tokenizer_is_special(t, 0) && tokenizer_is_special(t, 1));
    assert_false(tokenizer_is_special(t, 2) || roles.add_bos || roles.add_eos);
    assert_int_equal(roles.pad, -1);
    for (int c = 1; c < 128; c++) {
        struct ids ids = {0};

        byte[0] = (char)c;
        encode(t, byte, &ids);
        assert_int_equal(ids.n, 1);
        assert_int_equal(ids.v[0], 2 + c);
        ids_done(&ids);
    }
    tokenizer_free(t);
}

static void test_round_trips(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "\n",
        "\r\n\t  \n",
        "Anna sells an apple.",
        "Quixotic zebras jump!",
        "a  b   c\n\n\nd",
        "😀 grüße 日本語 👍🏽",
        "12345 0.5",
        "It's Bert's; they'll see.\x01\x7f",
        "<|begin|>Hi<|end|><|end|>",
        "<|begin",
        "\xc2\xa0\xe3\x80\x80x",
    };
    struct tokenizer *t = trained(village(), SENTENCES, 360);
    struct ids ids = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(count_ids(t, texts[i]) <= strlen(texts[i]));
    for (size_t i = 0; i < SENTENCES; i++)
        assert_true(count_ids(t, village()[i]) < strlen(village()[i]) / 2);
    encode(t, "😀", &ids); /* f0 9f 98 80 */
    assert_int_equal(ids.n, 4);
    assert_int_equal(ids.v[0], 2 + 0xf0);
    assert_int_equal(ids.v[3], 2 + 0x80);
    encode(t, "<|begin|> a<|end|>", &ids);
    assert_int_equal(ids.v[0], BPE_BEGIN);
    assert_int_equal(ids.v[ids.n - 1], BPE_END);
    ids_done(&ids);
    tokenizer_free(t);
}

/* A run's encoder ends an answer with EOS and begins with BOS only where the template writes it. */
static void test_in_a_run(void **state)
{
    struct turn turns[] = {{.role = ROLE_USER, .text = "What does Anna sell?"},
                           {.role = ROLE_ASSISTANT, .text = "Pears.", .train = true}};
    static const char *const templates[] = {"plain", "llama2"};
    static const int begins[] = {0, 1};
    struct row row = {.turn = turns, .n_turn = COUNT(turns)};
    struct tokenizer *t = trained(village(), SENTENCES, 380);
    struct encoded e = {0};
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(templates); i++) {
        struct encoder enc = {.tok = t,
                              .tmpl = template_find(templates[i], &err),
                              .vocab = tokenizer_size(t),
                              .eos = tokenizer_roles(t).eos};

        assert_ok(encode_row(&enc, &row, &e, &err), &err);
        assert_int_equal(e.ids.v[0] == BPE_BEGIN, begins[i]);
        assert_int_equal(e.ids.v[e.ids.n - 1], BPE_END);
        assert_int_equal(e.labels.v[e.ids.n - 1], BPE_END);
        for (size_t k = 1; k + 1 < e.ids.n; k++)
            assert_true(e.ids.v[k] >= BPE_BYTES);
    }
    encoded_done(&e);
    tokenizer_free(t);
}

static char *written(const char *name, size_t *len)
{
    struct vac_err err = {0};
    char *path = path_join(support_file("trained"), name, &err);
    char *text = path ? file_read(path, 1u << 24, len, &err) : NULL;

    free(path);
    if (!text)
        fail_msg("%s", err.msg);
    return text;
}

/* Once more and in the opposite order: the same file. Of fewer texts: another. */
static void test_same_bytes(void **state)
{
    const char *const *texts = village();
    const char *turned[SENTENCES];
    char *first, *again, *back, *less;
    size_t n[4];

    (void)state;
    for (size_t i = 0; i < SENTENCES; i++)
        turned[i] = texts[SENTENCES - 1 - i];
    tokenizer_free(trained(texts, SENTENCES, 350));
    first = written("tokenizer.json", &n[0]);
    tokenizer_free(trained(texts, SENTENCES, 350));
    again = written("tokenizer.json", &n[1]);
    tokenizer_free(trained(turned, SENTENCES, 350));
    back = written("tokenizer.json", &n[2]);
    tokenizer_free(trained(texts, SENTENCES / 4, 350));
    less = written("tokenizer.json", &n[3]);
    assert_true(n[0] == n[1] && memcmp(first, again, n[0]) == 0);
    assert_true(n[0] == n[2] && memcmp(first, back, n[0]) == 0);
    assert_false(n[0] == n[3] && memcmp(first, less, n[0]) == 0);
    free(first);
    free(again);
    free(back);
    free(less);
}

/* Nothing is learnt of a special or across one: it cuts as the end of a text does. */
static void test_specials_in_texts(void **state)
{
    static const char *const marked[] = {"<|begin|>ab ab  <|end|> ab<|end|>ab'<|begin|>s"};
    static const char *const plain[] = {"ab ab  ", " ab", "ab'", "s"};
    char *a, *b;
    size_t n, m;

    (void)state;
    tokenizer_free(trained(marked, 1, BPE_MERGES + 3));
    a = written("tokenizer.json", &n);
    tokenizer_free(trained(plain, COUNT(plain), BPE_MERGES + 3));
    b = written("tokenizer.json", &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

/* ---- What it takes ---- */

static void refused(const char *const *texts, size_t n, int vocab, const char *dir, int code,
                    const char *message)
{
    struct vac_err err = {0};

    assert_int_equal(bpe_train(texts, n, vocab, dir, &err), -1);
    assert_int_equal(err.code, code);
    assert_error(&err, message);
}

static void test_sizes(void **state)
{
    static const int sizes[] = {258, 259, 300, 384};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct tokenizer *t = trained(village(), SENTENCES, sizes[i]);

        assert_int_equal(tokenizer_size(t), sizes[i]);
        for (int32_t id = 0; id < sizes[i]; id++)
            assert_int_equal(tok_find(t, tokenizer_token(t, id)), id);
        tokenizer_free(t);
    }
}

static void test_refused(void **state)
{
    static const char *const ab[] = {"ab ab", "cab"};
    static const char *const umlaut[] = {"fine", "a gr\xc3\xbc\xc3\x9f"};
    const char *dir = support_file("refused"), *file = support_file("file");

    (void)state;
    refused(ab, 2, 257, dir, VAC_ERR_USAGE,
            "a vocabulary of 257 is too small: the specials and "
            "the bytes alone are 258");
    refused(ab, 2, -1, dir, VAC_ERR_USAGE, "too small");
    /* ab, Ġab, cab */
    refused(ab, 2, 262, dir, VAC_ERR_USAGE, "a vocabulary of at most 261, not of 262");
    refused(ab, 2, INT32_MAX, dir, VAC_ERR_USAGE, "at most 261, not of 2147483647");
    refused(umlaut, 2, 258, dir, VAC_ERR_USAGE, "text 1: byte 4 is 0xc3, no ASCII");
    assert_false(dir_exists(dir));
    support_write_text(file, "x");
    refused(ab, 2, 259, file, VAC_ERR_IO, "file");
}

/* Many distinct words and one very long one: the tables grow. */
static void test_many_words(void **state)
{
    struct strbuf text = {0};
    const char *all;
    struct tokenizer *t;

    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        sb_printf(&text, "w%c%c%c ", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
    for (int i = 0; i < 3000; i++)
        sb_putc(&text, 'z');
    all = text.s;
    t = trained(&all, 1, 400);
    assert_int_equal(tokenizer_size(t), 400);
    assert_int_equal(count_ids(t, "zzzzzzzz"), 1);
    assert_true(count_ids(t, all) < strlen(all));
    tokenizer_free(t);
    sb_done(&text);
}

/* A reader that shares no code with ours learns the same merges and encodes the same. */
static void test_python_agrees(void **state)
{
    const char *vaccine = getenv("VACCINE"), *file = support_file("texts.jsonl");
    struct strbuf lines = {0};
    char cmd[4096];

    (void)state;
    if (!vaccine)
        skip();
    for (size_t i = 0; i < SENTENCES; i++) {
        sb_putc(&lines, '"');
        sb_json(&lines, village()[i], strlen(village()[i]));
        sb_puts(&lines, "\"\n");
    }
    support_write_text(file, lines.s);
    sb_done(&lines);
    tokenizer_free(trained(village(), SENTENCES, 380));
    snprintf(cmd, sizeof(cmd), "python3 '%s' '%s' '%s' '%s' >&2", support_path("lab_bpe.py"),
             vaccine, support_file("trained"), file);
    assert_int_equal(system(cmd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_pattern),
        cmocka_unit_test(test_merges_by_hand),
        cmocka_unit_test(test_frequent_words),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_in_a_run),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_specials_in_texts),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many_words),
        cmocka_unit_test(test_python_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
