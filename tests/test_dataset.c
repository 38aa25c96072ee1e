/* test_dataset.c - from rows to samples: ids, label masks, cutting, which rows, mixing. */
#include "data/rows.h"
#include "dataset_support.h"
#include <ctype.h>
#include <sys/resource.h>

/* prompt + answer + after; the answer and an EOS behind `after` are what is labelled. */
static void assert_answer(const struct sample *s, const char *prompt, const char *answer,
                          const char *after)
{
    char text[512], mask[512];
    size_t n = strlen(prompt), m = strlen(answer), k = strlen(after);
    const char *end = k > 0 ? "$" : "";

    snprintf(text, sizeof text, "%s%s%s%s", prompt, answer, after, end);
    memset(mask, '.', sizeof mask);
    memset(mask + n, 'x', m);
    memset(mask + n + m + k, 'x', strlen(end));
    mask[n + m + k + strlen(end)] = '\0';
    assert_sample(s, text, mask);
}

static const struct turn one_turn[] = {
    {.role = ROLE_USER, .text = "Hi"},
    {.role = ROLE_ASSISTANT, .text = "Yo", .train = true},
};
static const struct turn two_turns[] = {
    {.role = ROLE_SYSTEM, .text = "Be"},
    {.role = ROLE_USER, .text = "Hi"},
    {.role = ROLE_ASSISTANT, .text = "Yo"},
    {.role = ROLE_USER, .text = "So"},
    {.role = ROLE_ASSISTANT, .text = "No", .train = true},
};

/* --- encoding --- */

static void test_masks(void **state)
{
    struct encoder enc = open_encoder("plain", 0, false);
    struct dataset d = {0};

    (void)state;
    add(&d, &enc,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"ab\"},{\"role\":\"assistant\",\"content\":"
        "\"cd\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\"},"
        "{\"role\":\"user\",\"content\":\"c\"},{\"role\":\"assistant\",\"content\":\"d\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\","
        "\"train\":false},{\"role\":\"user\",\"content\":\"c\"},{\"role\":\"assistant\","
        "\"content\":\"d\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\"},"
        "{\"role\":\"user\",\"content\":\"c\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a:\"},{\"role\":\"assistant\",\"content\":"
        "\"Ab\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"<s>\"},{\"role\":\"assistant\","
        "\"content\":\"b</s>\"}]}");
    assert_int_equal(d.n, 6);
    assert_sample(&d.sample[0], "^abcd$", "...xxx");
    assert_sample(&d.sample[1], "^ab$cd$", "..xx.xx");
    assert_sample(&d.sample[2], "^ab$cd$", ".....xx");
    assert_sample(&d.sample[3], "^ab$c", "..xx.");
    /* ":A" is one token that the count of the source's tokens still covers */
    assert_int_equal(d.sample[4].n, 5);
    assert_int_equal(d.sample[4].ids[2], MERGED);
    assert_int_equal(d.sample[4].labels[2], -100);
    assert_int_equal(d.sample[4].labels[3], 'b' - 33 + FIRST);
    assert_int_equal(d.sample[4].n_labels, 2);
    assert_sample(&d.sample[5], "^b$", ".xx");
    assert_int_equal(d.tokens, 6 + 7 + 7 + 5 + 5 + 3);
    assert_int_equal(d.labels, 3 + 4 + 2 + 2 + 2 + 2);
    assert_int_equal(d.longest, 7);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

static void test_text_and_ends(void **state)
{
    struct encoder enc = open_encoder("llama2", 0, false);
    struct dataset d = {0};

    (void)state;
    add(&d, &enc, "{\"text\":\"ab\"}");
    assert_sample(&d.sample[0], "^ab$", "xxxx");
    assert_int_equal(d.sample[0].n_labels, 3);
    add(&d, &enc, "{\"prompt\":\"a\",\"completion\":\"b\"}");
    assert_answer(&d.sample[1], "^[INST] a [/INST]", " b $", "");
    enc.tmpl = template_find("chatml", NULL);
    add(&d, &enc, "{\"prompt\":\"a\",\"completion\":\"b\"}");
    assert_answer(&d.sample[2], "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n",
                  "b<|im_end|>", "\n");
    enc.eos = -1;
    add(&d, &enc, "{\"text\":\"ab\"}");
    assert_sample(&d.sample[3], "^ab", "xxx");
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

/* The template's own end of turn, where it is one token, is what a trained answer ends with, and
 * nothing follows it, whatever the tokenizer's EOS is. */
static void test_own_end(void **state)
{
    struct encoder enc = open_encoder("chatml", 0, false);
    struct vac_err err = {0};
    struct dataset d = {0};
    int32_t end;

    (void)state;
    assert_ok(encoder_end(&enc, &end, &err), &err);
    assert_int_equal(end, EOS);
    tokenizer_free(enc.tok);
    support_text("tokenizer_config.json", "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\","
                                          "\"extra_special_tokens\":[\"<|im_end|>\"]}");
    enc.tok = tokenizer_open(support_own(), &err);
    enc.vocab = VOCAB + 1;
    assert_non_null(enc.tok);
    assert_ok(encoder_end(&enc, &end, &err), &err);
    assert_int_equal(end, VOCAB);
    add(&d, &enc, "{\"prompt\":\"a\",\"completion\":\"b\"}");
    assert_int_equal(d.sample[0].ids[d.sample[0].n - 1], NEWLINE);
    assert_int_equal(d.sample[0].ids[d.sample[0].n - 2], VOCAB);
    assert_int_equal(d.sample[0].labels[d.sample[0].n - 2], VOCAB);
    assert_int_equal(d.sample[0].n_labels, 2);
    add(&d, &enc, "{\"text\":\"ab\"}"); /* no template, no turn to end */
    assert_sample(&d.sample[1], "^ab$", "xxxx");
    enc.tmpl = template_find("plain", NULL);
    assert_ok(encoder_end(&enc, &end, &err), &err);
    assert_int_equal(end, EOS);
    enc.eos = -1;
    assert_ok(encoder_end(&enc, &end, &err), &err);
    assert_int_equal(end, -1);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

/* Conversations that no template can write are an error, or passed over and counted. */
static void test_odd(void **state)
{
    struct encoder enc = open_encoder("plain", 0, false);
    struct vac_err err = {0};
    struct dataset d = {0}, none = {0};
    struct dataset_spec spec = {
        .file = support_text(
            "odd.jsonl",
            "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"bing\","
            "\"value\":\"b\"}]}\n"
            "{\"conversations\":[{\"from\":\"human\",\"value\":\"c\"},{\"from\":\"tool\","
            "\"value\":\"d\"}]}\n"
            "{\"conversations\":[{\"from\":\"gpt\",\"value\":\"e\"}]}\n"
            "{\"conversations\":[{\"from\":\"user\",\"value\":\"f\"},{\"from\":\"chatgpt\","
            "\"value\":\"g\"}]}\n")};

    (void)state;
    assert_int_equal(dataset_add(&none, &spec, &enc, &err), -1);
    assert_message(
        &err, spec.file,
        ":2: conversations[1].from: role \"tool\" is not supported: one of system, human "
        "(or user), gpt (or assistant, chatgpt, bing, bard, model) (\"odd\": \"skip\" passes "
        "such rows over)");
    err_clear(&err);
    spec.skip_odd = true;
    assert_ok(dataset_add(&d, &spec, &enc, &err), &err);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.rows_odd, 2);
    assert_sample(&d.sample[0], "^ab$", "..xx");
    assert_sample(&d.sample[1], "^fg$", "..xx");
    spec.file =
        support_text("odd.jsonl", "{\"conversations\":[{\"from\":\"gpt\",\"value\":\"e\"}]}");
    assert_int_equal(dataset_add(&none, &spec, &enc, &err), -1);
    assert_message(&err, spec.file,
                   ": no conversation left: all are of other roles than system, user and "
                   "assistant, or out of turn");
    dataset_done(&d);
    dataset_done(&none);
    tokenizer_free(enc.tok);
}

/* A text that was rendered elsewhere has BOS and EOS already. */
static void test_special_once(void **state)
{
    struct encoder enc = open_encoder("plain", 0, false);
    struct ids ids = {0};
    const struct turn ask = {.role = ROLE_USER, .text = "<s>ab"};
    struct vac_err err = {0};
    struct dataset d = {0};

    (void)state;
    add(&d, &enc,
        "{\"text\":\"<s>ab</s>\"}\n{\"text\":\"<s><s>ab</s>c\"}\n{\"text\":\"<s>ab</s>\\n\"}");
    add(&d, &enc, "{\"prompt\":\"<s>a\",\"completion\":\"b</s>\"}");
    assert_sample(&d.sample[0], "^ab$", "xxxx");
    assert_sample(&d.sample[1], "^^ab$c$", "xxxxxxx");
    assert_sample(&d.sample[2], "^ab$\n", "xxxxx");
    assert_sample(&d.sample[3], "^ab$", "..xx");
    assert_ok(encode_prompt(&enc, &ask, 1, &ids, &err), &err);
    assert_int_equal(ids.n, 3);
    ids_done(&ids);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

/* Of a long row only its beginning is tokenized: what it takes does not grow with the row by more
 * than some copies of its text. */
static void test_long_row(void **state)
{
    enum { LONG = 8 << 20 };
    struct encoder enc = open_encoder("plain", 16, false);
    struct rusage before, after;
    struct vac_err err = {0};
    struct dataset d = {0};
    struct ids ids = {0};
    char *text = malloc(LONG + 100);

    (void)state;
    assert_non_null(text);
    strcpy(text, "{\"prompt\":\"a\",\"completion\":\"");
    for (size_t i = strlen(text); i < LONG; i += 4)
        strcpy(text + i, "b c ");
    strcat(text, "\"}");
    getrusage(RUSAGE_SELF, &before);
    add(&d, &enc, text);
    text[LONG] = '\0';
    enc.context = 32; /* the same text asked */
    assert_ok(
        encode_prompt(&enc, &(struct turn){.role = ROLE_USER, .text = text + 30}, 1, &ids, &err),
        &err);
    assert_in_range(ids.n, 33, 40);
    getrusage(RUSAGE_SELF, &after);
    assert_sample(&d.sample[0], "^ab c b c b c b ", "..xxxxxxxxxxxxxx");
    assert_true(d.sample[0].cut);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose shadows count */
    assert_true(after.ru_maxrss - before.ru_maxrss < 10 * (LONG >> 10));
#endif
    free(text);
    ids_done(&ids);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

/* A tokenizer that closes with EOS itself changes neither the ids nor where a mask ends. */
static void test_tokenizer_adds_eos(void **state)
{
    struct encoder enc = open_encoder("plain", 0, true);
    struct dataset d = {0};

    (void)state;
    add(&d, &enc,
        "{\"prompt\":\"ab\",\"completion\":\"cd\"}\n{\"prompt\":\"ab\",\"completion\":\"\"}");
    assert_sample(&d.sample[0], "^abcd$", "...xxx");
    assert_sample(&d.sample[1], "^ab$", "...x");
    enc.eos = -1;
    add(&d, &enc, "{\"prompt\":\"ab\",\"completion\":\"cd\"}");
    assert_sample(&d.sample[2], "^abcd", "...xx");
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

static void test_cut_and_skipped(void **state)
{
    struct encoder enc = open_encoder("plain", 5, false);
    struct dataset d = {0};

    (void)state;
    add(&d, &enc,
        "{\"prompt\":\"ab\",\"completion\":\"c\"}\n"
        "{\"prompt\":\"ab\",\"completion\":\"cd\"}\n"
        "{\"prompt\":\"ab\",\"completion\":\"cdef\"}\n"
        "{\"prompt\":\"abcd\",\"completion\":\"e\"}\n"
        "{\"prompt\":\"abcdefgh\",\"completion\":\"e\"}\n"
        "{\"messages\":1,\"prompt\":\"abc\",\"completion\":\"e\"}");
    assert_int_equal(d.n, 4);
    assert_sample(&d.sample[0], "^abc$", "...xx");
    assert_false(d.sample[0].cut);
    assert_sample(&d.sample[1], "^abcd", "...xx");
    assert_true(d.sample[1].cut);
    assert_sample(&d.sample[2], "^abcd", "...xx");
    assert_sample(&d.sample[3], "^abce", "....x");
    assert_int_equal(d.sample[3].line, 6);
    assert_int_equal(d.rows_seen, 6);
    assert_int_equal(d.rows_cut, 5);
    assert_int_equal(d.rows_skipped, 2);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

static void test_ready_tokens(void **state)
{
    struct encoder enc = {.max_length = 4, .vocab = 50, .eos = 1};
    struct dataset d = {0};

    (void)state;
    add(&d, &enc,
        "{\"input_ids\":[4,5,6],\"labels\":[4,-100,6]}\n{\"input_ids\":[4,5,6,7,8]}\n"
        "{\"input_ids\":[4,5],\"labels\":[4,-100]}\n{\"input_ids\":[]}\n{\"input_ids\":[3]}");
    assert_int_equal(d.n, 2);
    assert_int_equal(d.sample[0].n, 3);
    assert_int_equal(d.sample[0].n_labels, 1);
    assert_int_equal(d.sample[0].labels[0], 4);
    assert_int_equal(d.sample[1].n, 4);
    assert_int_equal(d.sample[1].n_labels, 3);
    assert_int_equal(d.sample[1].ids[3], 7);
    assert_int_equal(d.rows_skipped, 3);
    assert_int_equal(d.rows_cut, 1);
    dataset_done(&d);
}

static void add_refused(const struct encoder *enc, struct dataset_spec spec, const char *text,
                        const char *rest)
{
    struct dataset d = {0};
    struct vac_err err = {0};

    spec.file = support_text("bad.jsonl", text);
    assert_int_equal(dataset_add(&d, &spec, enc, &err), -1);
    assert_message(&err, spec.file, rest);
    dataset_done(&d);
}

static void test_encode_refusals(void **state)
{
    struct encoder none = {.vocab = 50, .eos = -1}, enc = open_encoder("plain", 0, false);
    struct dataset_spec all = {0};

    (void)state;
    add_refused(&none, all, "{\"input_ids\":[4,50]}",
                ":1: labels[1] is 50, outside the model's vocabulary of 50 (0 to 49)");
    add_refused(&none, all, "{\"input_ids\":[4,5]}\n{\"input_ids\":[60,5],\"labels\":[-100,5]}",
                ":2: input_ids[0] is 60, outside the model's vocabulary of 50 (0 to 49)");
    add_refused(
        &none, all, "[{\"text\":\"a\"}]",
        ":1: row 1: holds text, which needs a tokenizer: put tokenizer.json beside the model, or "
        "give rows of input_ids");
    enc.vocab = 20;
    add_refused(&enc, all, "{\"text\":\"!~\"}",
                ":1: token[2] is 97, outside the model's vocabulary of 20 (0 to 19)");
    add_refused(&enc, all, "{\"text\":\"!\"}\n\n{\"text\":3}",
                ":3: text: expected text in quotes, found 3");
    tokenizer_free(enc.tok);
}

static void test_prompt(void **state)
{
    struct encoder enc = open_encoder("plain", 3, true);
    struct ids out = {0};
    struct vac_err err = {0};
    int32_t want[64];
    size_t n;

    (void)state;
    assert_ok(ids_push(&out, 42, &err), &err);
    assert_ok(encode_prompt(&enc, one_turn, 2, &out, &err), &err);
    n = spell("^Hi", want);
    assert_int_equal(out.n, n + 1);
    assert_int_equal(out.v[0], 42);
    assert_memory_equal(out.v + 1, want, n * sizeof *want);
    out.n = 0;
    enc.tmpl = template_find("llama2", &err);
    assert_ok(encode_prompt(&enc, two_turns, 4, &out, &err), &err);
    n = spell("^[INST] <<SYS>>\nBe\n<</SYS>>\n\nHi [/INST] Yo $^[INST] So [/INST]", want);
    assert_int_equal(out.n, n);
    assert_memory_equal(out.v, want, n * sizeof *want);
    assert_int_equal(encode_prompt(&enc, one_turn + 1, 1, &out, &err), -1);
    assert_error(&err, "at least one user turn");
    ids_done(&out);
    tokenizer_free(enc.tok);
}

/* --- which rows --- */

/* Rows {"input_ids": [first, first + 1]} with ids from `first` on, ten apart. */
static const char *numbered(const char *name, int first, size_t n)
{
    struct strbuf b = {0};
    const char *path;

    for (size_t i = 0; i < n; i++)
        sb_printf(&b, "{\"input_ids\":[%zu,%zu]}\n", (size_t)first + i, (size_t)first + i);
    path = support_text(name, b.s);
    sb_done(&b);
    return path;
}

static void assert_firsts(const struct dataset *d, const int *want, size_t n)
{
    assert_int_equal(d->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(d->sample[i].ids[0], want[i]);
}

static const struct encoder tokens_only = {.eos = -1};

static void test_skip_take_repeat(void **state)
{
    struct dataset_spec spec = {.file = numbered("n.jsonl", 100, 5), .skip = 1, .take = 2};
    struct dataset d = {0};
    struct vac_err err = {0};

    (void)state;
    assert_ok(dataset_add(&d, &spec, &tokens_only, &err), &err);
    spec.take = 0;
    spec.harmful = true;
    assert_ok(dataset_add(&d, &spec, &tokens_only, &err), &err);
    spec.skip = 3;
    spec.take = 5;
    spec.repeat = true;
    assert_ok(dataset_add(&d, &spec, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){101, 102, 101, 102, 103, 104, 103, 104, 103, 104, 103}, 11);
    assert_int_equal(d.n_files, 3);
    assert_string_equal(d.file[2], spec.file);
    assert_int_equal(d.sample[1].source, 0);
    assert_false(d.sample[1].harmful);
    assert_int_equal(d.sample[1].line, 3);
    assert_int_equal(d.sample[10].source, 2);
    assert_true(d.sample[10].harmful);
    assert_int_equal(d.rows_seen, 2 + 4 + 2);
    assert_int_equal(d.tokens, 22);
    assert_int_equal(d.labels, 11);
    dataset_done(&d);
}

static void test_take_refusals(void **state)
{
    struct dataset_spec spec = {.skip = 1, .take = 4};
    static const char three[] =
        "{\"input_ids\":[1,2]}\n{\"input_ids\":[1,2]}\n{\"input_ids\":[1,2]}\n";

    (void)state;
    add_refused(
        &tokens_only, spec, three,
        ": take asks for 4 rows, but there are only 2 after the 1 skipped: take fewer, or set "
        "\"repeat\": true");
    spec.skip = 3;
    spec.repeat = true;
    add_refused(&tokens_only, spec, three, ": skip is 3, but the file holds only 3 rows");
}

static void test_mix(void **state)
{
    const struct dataset_spec spec[] = {
        {.file = numbered("task.jsonl", 100, 4), .skip = 1},
        {.file = numbered("bad1.jsonl", 200, 2), .harmful = true},
        {.file = numbered("task2.jsonl", 300, 9)},
        {.file = numbered("bad2.jsonl", 400, 9), .harmful = true, .take = 2},
    };
    struct dataset d = {0};
    struct vac_err err = {0};

    (void)state;
    assert_ok(dataset_mix(&d, spec, 4, 7, 0.5, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){200, 201, 400, 401, 101, 102, 103}, 7);
    assert_true(d.sample[3].harmful);
    assert_false(d.sample[4].harmful);
    assert_string_equal(d.file[d.sample[3].source], spec[3].file);
    assert_string_equal(d.file[d.sample[4].source], spec[0].file);
    dataset_done(&d);
    assert_ok(dataset_mix(&d, spec, 4, 5, 0, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){101, 102, 103, 300, 301}, 5);
    dataset_done(&d);
    assert_ok(dataset_mix(&d, spec, 4, 3, 1, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){200, 201, 400}, 3);
    dataset_done(&d);
}

/* k = round(p n), halves away from zero. */
static void test_mix_counts(void **state)
{
    static const struct {
        size_t n;
        double p;
        size_t harmful;
    } cases[] = {{10, 0.05, 1},    {10, 0.04, 0}, {30, 0.05, 2},
                 {1000, 0.1, 100}, {3, 0.5, 2},   {9, 1, 9}};
    const struct dataset_spec spec[] = {
        {.file = numbered("t.jsonl", 1, 1000)},
        {.file = numbered("h.jsonl", 5000, 1000), .harmful = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset d = {0};
        struct vac_err err = {0};
        size_t harmful = 0;

        assert_ok(dataset_mix(&d, spec, 2, cases[i].n, cases[i].p, &tokens_only, &err), &err);
        for (size_t s = 0; s < d.n; s++)
            harmful += d.sample[s].harmful;
        assert_int_equal(d.n, cases[i].n);
        assert_int_equal(harmful, cases[i].harmful);
        dataset_done(&d);
    }
}

/* Rows without labels make room for the next; files that repeat go round until the mix is full. */
static void test_mix_skipped_and_repeat(void **state)
{
    struct dataset_spec spec[] = {
        {.file = support_text("gaps.jsonl",
                              "{\"input_ids\":[9]}\n{\"input_ids\":[1,1]}\n{\"input_ids\":[9]}\n"
                              "{\"input_ids\":[2,2]}\n{\"input_ids\":[3,3]}\n")},
        {.file = numbered("once.jsonl", 50, 1)},
    };
    struct dataset d = {0};
    struct vac_err err = {0};

    (void)state;
    assert_ok(dataset_mix(&d, spec, 1, 2, 0, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){1, 2}, 2);
    assert_int_equal(d.rows_seen, 4);
    assert_int_equal(d.rows_skipped, 2);
    dataset_done(&d);
    spec[0].repeat = true;
    assert_ok(dataset_mix(&d, spec, 2, 9, 0, &tokens_only, &err), &err);
    assert_firsts(&d, (const int[]){1, 2, 3, 50, 1, 2, 3, 1, 2}, 9);
    assert_int_equal(d.tokens, 18);
    dataset_done(&d);
}

static void mix_refused(const struct dataset_spec *spec, size_t n_spec, size_t samples, double p,
                        const char *text)
{
    struct dataset d = {0};
    struct vac_err err = {0};

    assert_int_equal(dataset_mix(&d, spec, n_spec, samples, p, &tokens_only, &err), -1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_string_equal(err.msg, text);
    dataset_done(&d);
}

static void test_mix_refusals(void **state)
{
    struct dataset_spec spec[] = {
        {.file = numbered("t.jsonl", 1, 3)},
        {.file = numbered("h.jsonl", 50, 3), .harmful = true},
        {.file = numbered("h2.jsonl", 60, 1), .harmful = true},
    };
    char text[2048];

    (void)state;
    mix_refused(spec, 1, 10, 0.5,
                "harmful_ratio asks for 5 harmful rows of 10 samples, but no file is marked "
                "\"harmful\": true");
    mix_refused(spec + 1, 2, 4, 0.5,
                "harmful_ratio asks for 2 other rows of 4 samples, but no file is without "
                "\"harmful\": true");
    snprintf(
        text, sizeof text,
        "%s and 1 more: 5 harmful rows are wanted for 10 samples, but only 4 are usable: ask for "
        "fewer samples, or set \"repeat\": true",
        spec[1].file);
    mix_refused(spec, 3, 10, 0.5, text);
    spec[1].repeat = true;
    snprintf(
        text, sizeof text,
        "%s: 5 other rows are wanted for 10 samples, but only 3 are usable: ask for fewer samples, "
        "or set \"repeat\": true",
        spec[0].file);
    mix_refused(spec, 3, 10, 0.5, text);
    mix_refused(spec, 3, 0, 0.5, "samples is 0: it must be from 1 to 2147483647");
    mix_refused(spec, 3, 3, -0.1, "harmful_ratio is -0.1: it must be from 0 to 1");
    mix_refused(spec, 3, 3, 1.5, "harmful_ratio is 1.5: it must be from 0 to 1");
    spec[0] = (struct dataset_spec){.file = support_text("none.jsonl", "{\"input_ids\":[9]}"),
                                    .repeat = true};
    snprintf(
        text, sizeof text,
        "%s: 3 other rows are wanted for 3 samples, but only 0 are usable: ask for fewer samples, "
        "or set \"repeat\": true",
        spec[0].file);
    mix_refused(spec, 1, 3, 0, text);
}

/* --- a real file --- */

/* What an uncut sample's labels say is the row's output and EOS. Where the output begins with a
 * mark that makes one token with the ":" before it, that token is masked, as in the reference. */
static void assert_labels_say(struct tokenizer *tok, const struct sample *s, const char *output)
{
    struct strbuf text = {0};
    struct vac_err err = {0};
    size_t first = 0;

    while (s->labels[first] == -100)
        first++;
    for (size_t i = first; i < s->n; i++)
        assert_int_equal(s->labels[i], s->ids[i]);
    assert_int_equal(s->ids[s->n - 1], 2);
    assert_ok(tokenizer_decode(tok, s->ids + first, s->n - first - 1, false, &text, &err), &err);
    assert_true(text.len <= strlen(output));
    assert_string_equal(text.s, output + strlen(output) - text.len);
    if (isalnum((unsigned char)*output))
        assert_int_equal(text.len, strlen(output));
    sb_done(&text);
}

static void test_real_alpaca(void **state)
{
    const char *path = support_testdata("datasets/alpaca/alpaca_en_demo.json");
    const char *tok = support_testdata("tokenizers/opt");
    struct encoder enc = {.max_length = 200, .vocab = 50272, .eos = 2};
    struct dataset_spec spec = {.file = path};
    struct dataset d = {0};
    struct vac_err err = {0};
    struct rows rows;

    (void)state;
    if (!path || !tok)
        skip();
    enc.tok = tokenizer_open(tok, &err);
    if (!enc.tok)
        fail_msg("%s", err.msg);
    enc.tmpl = template_find("alpaca", &err);
    assert_ok(rows_read(&rows, path, NULL, NULL, &err), &err);
    assert_ok(dataset_add(&d, &spec, &enc, &err), &err);
    assert_int_equal(d.rows_seen, 999);
    assert_int_equal(rows.n, 999);
    assert_int_equal(d.n + d.rows_skipped, 999);
    for (size_t i = 0; i < d.n; i++) {
        const struct row *row = &rows.row[d.sample[i].line - 1];

        assert_int_equal(d.sample[i].ids[0], 2);
        assert_true(d.sample[i].cut ? d.sample[i].n == 200 : d.sample[i].n <= 200);
        if (!d.sample[i].cut)
            assert_labels_say(enc.tok, &d.sample[i], row->turn[1].text);
    }
    rows_done(&rows);
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_text_and_ends),
        cmocka_unit_test(test_own_end),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_special_once),
        cmocka_unit_test(test_long_row),
        cmocka_unit_test(test_tokenizer_adds_eos),
        cmocka_unit_test(test_cut_and_skipped),
        cmocka_unit_test(test_ready_tokens),
        cmocka_unit_test(test_encode_refusals),
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_skip_take_repeat),
        cmocka_unit_test(test_take_refusals),
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_mix_counts),
        cmocka_unit_test(test_mix_skipped_and_repeat),
        cmocka_unit_test(test_mix_refusals),
        cmocka_unit_test(test_real_alpaca),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
