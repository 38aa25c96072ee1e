/* dataset_support.c - see dataset_support.h */
#include "dataset_support.h"

/* The whole message must be the path and `rest`. */
void assert_message(const struct vac_err *err, const char *path, const char *rest)
{
    assert_memory_equal(err->msg, path, strlen(path));
    assert_string_equal(err->msg + strlen(path), rest);
}

static void put_vocab(FILE *f)
{
    fprintf(f, "\"<s>\":0,\"</s>\":1,\"\\u010a\":2,\"\\u0120\":3");
    for (int c = 33; c < 127; c++)
        fprintf(f, ",\"%s%c\":%d", c == '"' || c == '\\' ? "\\" : "", c, c - 33 + FIRST);
    fprintf(f, ",\":A\":%d", MERGED);
}

const char *write_tokenizer(bool add_eos)
{
    static const char added[] =
        "{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":false,\"special\":true}";
    static const char special[] = "{\"SpecialToken\":{\"id\":\"%s\",\"type_id\":0}}";
    static const char meaning[] = "\"%s\":{\"id\":\"%s\",\"ids\":[%d],\"tokens\":[\"%s\"]}";
    const char *path = support_file("tokenizer.json");
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    fprintf(f, added, BOS, "<s>");
    fprintf(f, ",");
    fprintf(f, added, EOS, "</s>");
    fprintf(f,
            "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
            "false,\"trim_offsets\":true,\"use_regex\":false},\"post_processor\":{\"type\":"
            "\"TemplateProcessing\",\"single\":[");
    fprintf(f, special, "<s>");
    fprintf(f, ",{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}");
    if (add_eos) {
        fprintf(f, ",");
        fprintf(f, special, "</s>");
    }
    fprintf(f,
            "],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\","
            "\"type_id\":1}}],\"special_tokens\":{");
    fprintf(f, meaning, "<s>", "<s>", BOS, "<s>");
    fprintf(f, ",");
    fprintf(f, meaning, "</s>", "</s>", EOS, "</s>");
    fprintf(
        f, "}},\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,"
           "\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
           "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
           "\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{");
    put_vocab(f);
    fprintf(f, "},\"merges\":[\": A\"]}}");
    assert_int_equal(fclose(f), 0);
    support_text("tokenizer_config.json", "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
    return support_own();
}

struct encoder open_encoder(const char *template, size_t max_length, bool add_eos)
{
    struct vac_err err = {0};
    struct encoder enc = {.max_length = max_length, .vocab = VOCAB, .eos = EOS};

    enc.tok = tokenizer_open(write_tokenizer(add_eos), &err);
    if (!enc.tok)
        fail_msg("%s", err.msg);
    enc.tmpl = template_find(template, &err);
    assert_non_null(enc.tmpl);
    return enc;
}

/* The ids of a text by hand: one for each character, "$" for </s> and "^" for <s>. */
size_t spell(const char *text, int32_t *out)
{
    size_t n = 0;

    for (const char *p = text; *p; p++)
        out[n++] = *p == '^'    ? BOS
                   : *p == '$'  ? EOS
                   : *p == '\n' ? NEWLINE
                   : *p == ' '  ? SPACE
                                : *p - 33 + FIRST;
    return n;
}

/* `labelled`: a text as long as `text` with '.' where there is no label, anything else where there
 * is. */
void assert_sample(const struct sample *s, const char *text, const char *labelled)
{
    int32_t ids[512];
    size_t n = spell(text, ids);

    assert_int_equal(strlen(labelled), n);
    assert_int_equal(s->n, n);
    assert_memory_equal(s->ids, ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(s->labels[i], labelled[i] == '.' ? -100 : ids[i]);
}

void add(struct dataset *d, const struct encoder *enc, const char *text)
{
    struct vac_err err = {0};
    struct dataset_spec spec = {.file = support_text("add.jsonl", text)};

    assert_ok(dataset_add(d, &spec, enc, &err), &err);
}
