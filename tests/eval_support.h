/* eval_support.h - a tokenizer of one token for each printable character, as many as the golden
 * models' vocabulary has (97), so that any of their answers is text that a test can work out by
 * hand. */
#ifndef TESTS_EVAL_SUPPORT_H
#define TESTS_EVAL_SUPPORT_H

#include <limits.h>
#include <unistd.h>
#include "base/mem.h"
#include "support.h"

/* 0 = space, 1 = <s>, 2 = </s>, 3 .. 96 = '!' .. '~'. */
static inline int32_t mini_id(char c)
{
    return c == ' ' ? 0 : c - '!' + 3;
}

static inline char mini_char(int32_t id)
{
    return (char)(id == 0 ? ' ' : id - 3 + '!');
}

static inline void mini_tokenizer(const char *dir)
{
    struct strbuf s = {0};
    char path[1200];

    sb_puts(
        &s,
        "{\"version\":\"1.0\",\"added_tokens\":["
        "{\"id\":1,\"content\":\"<s>\",\"special\":true,\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":false},"
        "{\"id\":2,\"content\":\"</s>\",\"special\":true,\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":false}],\"normalizer\":null,"
        "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":"
        "true,"
        "\"use_regex\":false},"
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
        "\"<s>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[],"
        "\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[1],\"tokens\":[\"<s>\"]}}},"
        "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
        "\"use_regex\":false},"
        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"\xc4\xa0\":0,\"<s>\":1,\"</s>\":2");
    for (int32_t id = 3; id < 97; id++) {
        char c = mini_char(id);

        sb_puts(&s, ",\"");
        sb_json(&s, &c, 1);
        sb_printf(&s, "\":%d", (int)id);
    }
    sb_puts(&s, "},\"merges\":[]}}\n");
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    support_write(path, s.s, s.len);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    support_write_text(path, "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
    sb_done(&s);
}

/* A folder that has a golden model's files and the tokenizer. */
static inline const char *mini_folder(const char *golden)
{
    static const char *const file[] = {"config.json", "model.safetensors"};
    const char *dir = support_tmp();
    char full[PATH_MAX];

    for (size_t i = 0; i < 2; i++) {
        assert_non_null(realpath(support_join(support_path(golden), file[i]), full));
        assert_int_equal(symlink(full, support_join(dir, file[i])), 0);
    }
    mini_tokenizer(dir);
    return dir;
}
#endif
