/* bpe.c - see bpe.h
 *
 * The texts are cut into words, equal words are counted once, and then the most frequent pair of
 * neighbouring tokens inside the words becomes a token, again and again. Every round counts all
 * pairs anew: a few hundred distinct words make that cheaper than keeping the counts right. */
#include "bpe.h"
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/mem.h"
#include "base/utf8.h"

static const char *const special[BPE_BYTES] = {[BPE_END] = "<|end|>", [BPE_BEGIN] = "<|begin|>"};

/* A distinct word; its tokens are sym[from .. from + n). */
struct word {
    const char *s; /* borrowed from a text */
    size_t len, from, n;
    uint64_t count;
};

struct pair {
    uint64_t key;   /* left id << 32 | right id */
    uint64_t count; /* 0 = free place */
};

struct trainer {
    struct word *word;
    size_t n_word, word_cap;
    size_t *place; /* open addressing: index of a word + 1, 0 = free */
    size_t n_place;
    struct ids sym;
    struct pair *pair; /* open addressing */
    size_t n_pair;
    uint64_t *merge; /* keys of pairs */
    size_t n_merge, merge_cap;
    const char **token; /* as in the vocabulary: bytes written as letters */
    size_t n_token, token_cap;
    struct arena text;
};

/* ---- Cutting into words ---- */

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_other(char c)
{
    return c && !is_letter(c) && !is_digit(c) && !is_space(c);
}

/* 's|'t|'re|'ve|'m|'ll|'d */
static size_t contraction(const char *s)
{
    static const char *const ends[] = {"s", "t", "re", "ve", "m", "ll", "d"};

    for (size_t i = 0; *s == '\'' && i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strncmp(s + 1, ends[i], strlen(ends[i])) == 0)
            return 1 + strlen(ends[i]);
    return 0;
}

/* GPT-2's pattern, "'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
 * where letters, numbers and white space are those of ASCII: the only ones trained on. White space
 * leaves its last character to what follows it. */
size_t bpe_word_len(const char *s)
{
    static int (*const classes[])(char) = {is_letter, is_digit, is_other};
    size_t n = contraction(s), space = *s == ' ';

    if (n > 0)
        return n;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        for (n = space; classes[i](s[n]);)
            n++;
        if (n > space)
            return n;
    }
    for (n = 0; is_space(s[n]);)
        n++;
    return s[n] && n > 1 ? n - 1 : n;
}

/* ---- Counting words ---- */

static size_t word_place(const struct trainer *t, const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    size_t i;

    for (size_t k = 0; k < len; k++)
        h = (h ^ (unsigned char)s[k]) * 0x100000001b3ULL;
    for (i = (size_t)(h ^ h >> 32) & (t->n_place - 1); t->place[i];
         i = (i + 1) & (t->n_place - 1)) {
        const struct word *w = &t->word[t->place[i] - 1];

        if (w->len == len && memcmp(w->s, s, len) == 0)
            break;
    }
    return i;
}

/* Keeps at least half of the places free. */
static int grow_places(struct trainer *t, struct vac_err *err)
{
    size_t n = t->n_place ? t->n_place : 512;

    if (t->n_word < t->n_place / 2)
        return 0;
    if (size_mul(n, 2, &n))
        return err_set(err, VAC_ERR_MEMORY, "%zu distinct words are too many", t->n_word);
    free(t->place);
    t->place = mem_new(n, sizeof(*t->place), err);
    t->n_place = n;
    for (size_t i = 0; t->place && i < t->n_word; i++)
        t->place[word_place(t, t->word[i].s, t->word[i].len)] = i + 1;
    return t->place ? 0 : -1;
}

static int count_word(struct trainer *t, const char *s, size_t len, struct vac_err *err)
{
    struct word w = {.s = s, .len = len, .from = t->sym.n, .n = len, .count = 1};
    size_t i;

    if (grow_places(t, err))
        return -1;
    i = word_place(t, s, len);
    if (t->place[i]) {
        t->word[t->place[i] - 1].count++;
        return 0;
    }
    if (mem_grow(&t->word, &t->word_cap, t->n_word + 1, sizeof(*t->word), err))
        return -1;
    for (size_t k = 0; k < len; k++)
        if (ids_push(&t->sym, BPE_BYTES + (unsigned char)s[k], err))
            return -1;
    t->word[t->n_word] = w;
    t->place[i] = ++t->n_word;
    return 0;
}

/* The length of the special that s begins with, or 0. */
static size_t special_len(const char *s)
{
    for (size_t i = 0; i < BPE_BYTES; i++)
        if (strncmp(s, special[i], strlen(special[i])) == 0)
            return strlen(special[i]);
    return 0;
}

/* The special that stands first in s, or the end of s. */
static const char *next_special(const char *s)
{
    while (*s && !special_len(s))
        s++;
    return s;
}

/* The words of a text between specials. A word ends before a special, as if the text ended there.
 */
static int count_part(struct trainer *t, const char *s, const char *end, struct vac_err *err)
{
    char *copy = *end ? arena_strndup(&t->text, s, (size_t)(end - s), err) : NULL;

    if (*end && !copy)
        return -1;
    for (s = copy ? copy : s; *s;) {
        size_t len = bpe_word_len(s);

        if (count_word(t, s, len, err))
            return -1;
        s += len;
    }
    return 0;
}

static int count_text(struct trainer *t, const char *text, struct vac_err *err)
{
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s > 127)
            return err_set(err, VAC_ERR_USAGE,
                           "byte %zu is 0x%02x, no ASCII: the tokenizer is trained on ASCII only",
                           (size_t)(s - text), (unsigned)(unsigned char)*s);
    for (const char *s = text;; s += special_len(s)) {
        const char *end = next_special(s);

        if (count_part(t, s, end, err))
            return -1;
        if (!*end)
            return 0;
        s = end;
    }
}

/* ---- Tokens ---- */

static int add_token(struct trainer *t, const char *a, const char *b, struct vac_err *err)
{
    size_t len = strlen(a), more = strlen(b);
    char *s = arena_alloc(&t->text, len + more + 1, 1, err);

    if (!s || mem_grow(&t->token, &t->token_cap, t->n_token + 1, sizeof(*t->token), err))
        return -1;
    memcpy(s, a, len);
    memcpy(s + len, b, more);
    t->token[t->n_token++] = s;
    return 0;
}

/* GPT-2's letters for bytes: what can be seen in Latin-1 stands for itself, the other bytes take
 * the characters from U+0100 on in their order. */
static int add_first_tokens(struct trainer *t, struct vac_err *err)
{
    uint32_t hidden = 256;

    for (size_t i = 0; i < BPE_BYTES; i++)
        if (add_token(t, special[i], "", err))
            return -1;
    for (uint32_t b = 0; b < 256; b++) {
        int seen = (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
        char letter[5] = {0};

        utf8_put(seen ? b : hidden++, letter);
        if (add_token(t, letter, "", err))
            return -1;
    }
    return 0;
}

/* ---- Learning merges ---- */

static uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static void count_pair(struct trainer *t, uint64_t key, uint64_t count)
{
    size_t i = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) & (t->n_pair - 1);

    while (t->pair[i].count && t->pair[i].key != key)
        i = (i + 1) & (t->n_pair - 1);
    t->pair[i].key = key;
    t->pair[i].count += count;
}

/* The most frequent pair, of equally frequent ones that with the smallest ids (left, then right);
 * its count is 0 when no word has two tokens. In "aaa" the pair "a" "a" counts twice. */
static struct pair best_pair(struct trainer *t)
{
    struct pair best = {0};

    memset(t->pair, 0, t->n_pair * sizeof(*t->pair));
    for (size_t k = 0; k < t->n_word; k++) {
        const int32_t *v = t->sym.v + t->word[k].from;

        for (size_t i = 1; i < t->word[k].n; i++)
            count_pair(t, pair_key(v[i - 1], v[i]), t->word[k].count);
    }
    for (size_t i = 0; i < t->n_pair; i++) {
        const struct pair *p = &t->pair[i];

        if (p->count > best.count || (p->count && p->count == best.count && p->key < best.key))
            best = *p;
    }
    return best;
}

/* From the left; the tokens of a word move together. */
static void apply_merge(struct trainer *t, uint64_t key, int32_t id)
{
    for (size_t k = 0; k < t->n_word; k++) {
        struct word *w = &t->word[k];
        int32_t *v = t->sym.v + w->from;
        size_t n = 0;

        for (size_t i = 0; i < w->n; i++) {
            int joins = i + 1 < w->n && pair_key(v[i], v[i + 1]) == key;

            v[n++] = joins ? id : v[i];
            i += (size_t)joins;
        }
        w->n = n;
    }
}

/* At least two places for each pair of neighbours. */
static int make_pairs(struct trainer *t, struct vac_err *err)
{
    t->n_pair = 512;
    while (t->n_pair / 2 < t->sym.n)
        if (size_mul(t->n_pair, 2, &t->n_pair))
            return err_set(err, VAC_ERR_MEMORY, "%zu letters are too many", t->sym.n);
    t->pair = mem_new(t->n_pair, sizeof(*t->pair), err);
    return t->pair ? 0 : -1;
}

static int learn(struct trainer *t, size_t vocab, struct vac_err *err)
{
    if (make_pairs(t, err) || add_first_tokens(t, err))
        return -1;
    while (t->n_token < vocab) {
        struct pair best = best_pair(t);

        if (!best.count)
            return err_set(err, VAC_ERR_USAGE,
                           "the texts make a vocabulary of at most %zu, not of %zu: give more "
                           "texts or ask for less",
                           t->n_token, vocab);
        apply_merge(t, best.key, (int32_t)t->n_token);
        if (mem_grow(&t->merge, &t->merge_cap, t->n_merge + 1, sizeof(*t->merge), err) ||
            add_token(t, t->token[best.key >> 32], t->token[(uint32_t)best.key], err))
            return -1;
        t->merge[t->n_merge++] = best.key;
    }
    return 0;
}

/* ---- Writing ---- */

/* No token holds a space, so that "a b" says where the halves meet; old readers want this form. */
static void put_model(struct strbuf *b, const struct trainer *t)
{
    sb_puts(b, "  \"model\": {\n"
               "    \"type\": \"BPE\",\n"
               "    \"dropout\": null,\n"
               "    \"unk_token\": null,\n"
               "    \"continuing_subword_prefix\": null,\n"
               "    \"end_of_word_suffix\": null,\n"
               "    \"fuse_unk\": false,\n"
               "    \"byte_fallback\": false,\n"
               "    \"vocab\": {");
    for (size_t i = 0; i < t->n_token; i++) {
        sb_puts(b, i ? ",\n      \"" : "\n      \"");
        sb_json(b, t->token[i], strlen(t->token[i]));
        sb_printf(b, "\": %zu", i);
    }
    sb_puts(b, "\n    },\n    \"merges\": [");
    for (size_t i = 0; i < t->n_merge; i++) {
        const char *left = t->token[t->merge[i] >> 32], *right = t->token[(uint32_t)t->merge[i]];

        sb_puts(b, i ? ",\n      \"" : "\n      \"");
        sb_json(b, left, strlen(left));
        sb_putc(b, ' ');
        sb_json(b, right, strlen(right));
        sb_putc(b, '"');
    }
    sb_puts(b, "\n    ]\n  }\n}\n");
}

static void put_byte_level(struct strbuf *b, const char *key)
{
    sb_printf(b,
              "  \"%s\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
              "\"trim_offsets\": false, \"use_regex\": true},\n",
              key);
}

static void put_tokenizer(struct strbuf *b, const struct trainer *t)
{
    sb_puts(b, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
               "  \"added_tokens\": [");
    for (size_t i = 0; i < BPE_BYTES; i++)
        sb_printf(b,
                  "%s\n    {\"id\": %zu, \"content\": \"%s\", \"single_word\": false, "
                  "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                  "\"special\": true}",
                  i ? "," : "", i, special[i]);
    sb_puts(b, "\n  ],\n  \"normalizer\": null,\n");
    put_byte_level(b, "pre_tokenizer");
    put_byte_level(b, "post_processor"); /* trims offsets, adds nothing */
    put_byte_level(b, "decoder");
    put_model(b, t);
}

/* Without the last line some readers take the space before a full stop away. */
static void put_config(struct strbuf *b)
{
    sb_printf(b,
              "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
              "  \"bos_token\": \"%s\",\n  \"eos_token\": \"%s\",\n"
              "  \"clean_up_tokenization_spaces\": false\n}\n",
              special[BPE_BEGIN], special[BPE_END]);
}

static int write_file(const char *dir, const char *name, const struct strbuf *b,
                      struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    struct outfile f = {0};
    int rc = -1;

    if (path && sb_ok(b, err) == 0 && out_open(&f, path, err) == 0 &&
        out_put(&f, b->s, b->len, err) == 0)
        rc = out_commit(&f, err);
    out_abort(&f);
    free(path);
    return rc;
}

static int write_files(const struct trainer *t, const char *dir, struct vac_err *err)
{
    struct strbuf tokenizer = {0}, config = {0};
    int rc = dirs_make(dir, err);

    put_tokenizer(&tokenizer, t);
    put_config(&config);
    if (rc == 0)
        rc = write_file(dir, "tokenizer_config.json", &config, err);
    if (rc == 0)
        rc = write_file(dir, "tokenizer.json", &tokenizer, err);
    sb_done(&tokenizer);
    sb_done(&config);
    return rc;
}

int bpe_train(const char *const *texts, size_t n, int vocab, const char *dir, struct vac_err *err)
{
    struct trainer t = {0};
    int rc = 0;

    if (vocab < BPE_MERGES)
        return err_set(err, VAC_ERR_USAGE,
                       "a vocabulary of %d is too small: the specials and the bytes alone are %d",
                       vocab, BPE_MERGES);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = count_text(&t, texts[i], err);
        if (rc)
            err_prefix(err, "text %zu", i);
    }
    if (rc == 0)
        rc = learn(&t, (size_t)vocab, err);
    if (rc == 0)
        rc = write_files(&t, dir, err);
    free(t.word);
    free(t.place);
    ids_done(&t.sym);
    free(t.pair);
    free(t.merge);
    free(t.token);
    arena_done(&t.text);
    return rc;
}
