/* tok_gguf.c - see tok_gguf.h */
#include "token/tok_gguf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "base/utf8.h"
#include "token/tok_bpe.h"
#include "token/tok_map.h"

#define JOINED_MAX 512 /* bytes of a token that merges can make; no real one comes near */
#define KEY "tokenizer.ggml."

enum { TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4 };

/* How texts are cut before merges, by the name that the file gives: regexes, one after the other, then bytes. */
#define GPT2_RE "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define QWEN_RE(number)                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" number                           \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LETTERS_UP "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LETTERS_LOW "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

enum { CUTS = 4 };
static const struct pre {
    const char *names[8];
    const char *cuts[CUTS];
    bool digits;  /* each digit stands alone; then GPT-2's cut, which the bytes bring with them */
    bool whole;   /* a word that is a token is taken at once */
    bool add_bos; /* where the file does not say */
} pres[] = {
    {.names = {"gpt-2", "gpt2"}},
    {.names = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
     .digits = true},
    {.names = {"qwen2", "deepseek-r1-qwen", "megrez"}, .cuts = {QWEN_RE("\\p{N}")}},
    {.names = {"llama-bpe", "llama3", "llama-v3"},
     .cuts = {QWEN_RE("\\p{N}{1,3}")},
     .whole = true,
     .add_bos = true},
    {.names = {"falcon3", "pixtral", "lfm2"}, .cuts = {QWEN_RE("\\p{N}{1,3}")}, .whole = true},
    {.names = {"tekken"},
     .cuts = {"[^\\r\\n\\p{L}\\p{N}]?" LETTERS_UP "*" LETTERS_LOW
              "+|[^\\r\\n\\p{L}\\p{N}]?" LETTERS_UP "+" LETTERS_LOW
              "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
     .whole = true,
     .add_bos = true},
    {.names = {"default"},
     .cuts = {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_RE, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

static const struct pre *find_pre(struct gguf *g, struct vac_err *err)
{
    const char *name = "default";
    struct strbuf have = {0};

    if (gguf_text(g, KEY "pre", &name, err) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++)
        for (size_t k = 0; k < 8 && pres[i].names[k]; k++) {
            if (!strcmp(pres[i].names[k], name)) {
                sb_done(&have);
                return &pres[i];
            }
            sb_printf(&have, "%s%s", have.len ? ", " : "", pres[i].names[k]);
        }
    gguf_error(g, KEY "pre", err,
               "\"%.40s\" is a way to cut texts that is not known, and another gives wrong ids; "
               "known are %s",
               name, have.s ? have.s : "none");
    sb_done(&have);
    return NULL;
}

const char *tok_gguf_split_name(const char *pattern, bool whole)
{
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++)
        if (pres[i].whole == whole && pres[i].cuts[0] && !pres[i].cuts[1] &&
            !strcmp(pres[i].cuts[0], pattern))
            return pres[i].names[0];
    return NULL;
}

/* What a file says of its tokens, and the ids of the roles. */
struct vocab {
    struct gguf *g;
    const struct gguf_value *tokens, *types, *scores;
    struct tok_map map;
    const char **text; /* of the file's arena */
    size_t *len;
    int64_t bos, eos, unk, pad; /* -1 = none */
};

static void vocab_done(struct vocab *v)
{
    tok_map_done(&v->map);
    free(v->text);
    free(v->len);
}

static int read_role(struct vocab *v, const char *role, int64_t usual, int64_t *id,
                     struct vac_err *err)
{
    char key[64];

    *id = usual < (int64_t)v->tokens->n ? usual : -1;
    snprintf(key, sizeof key, KEY "%s_token_id", role);
    return gguf_int(v->g, key, 0, (int64_t)v->tokens->n - 1, id, err) < 0 ? -1 : 0;
}

static int read_vocab(struct vocab *v, struct gguf *g, bool pieces, struct vac_err *err)
{
    const unsigned char *at;

    v->g = g;
    if (gguf_array(g, KEY "tokens", GGUF_STRING, &v->tokens, err) ||
        gguf_array(g, KEY "token_type", GGUF_I32, &v->types, err) ||
        gguf_array(g, KEY "scores", GGUF_F32, &v->scores, err))
        return -1;
    if (!v->tokens || !v->tokens->n)
        return gguf_error(g, KEY "tokens", err, "is not there: the file has no tokenizer");
    if (v->types && v->types->n != v->tokens->n)
        return gguf_error(g, KEY "token_type", err, "%zu types for %zu tokens", v->types->n,
                          v->tokens->n);
    if (pieces && (!v->scores || v->scores->n != v->tokens->n))
        return gguf_error(g, KEY "scores", err, "%zu scores for %zu tokens",
                          v->scores ? v->scores->n : 0, v->tokens->n);
    v->text = mem_new(v->tokens->n, sizeof *v->text, err);
    v->len = mem_new(v->tokens->n, sizeof *v->len, err);
    if (!v->text || !v->len || tok_map_init(&v->map, v->tokens->n, err))
        return -1;
    at = v->tokens->at;
    for (size_t i = 0; i < v->tokens->n; i++) {
        const char *s = gguf_next_string(&at, &v->len[i]);
        if (memchr(s, 0, v->len[i]) || utf8_valid(s, v->len[i]) != v->len[i])
            return gguf_error(g, KEY "tokens", err, "token %zu is no text in UTF-8", i);
        v->text[i] = arena_strndup(&g->mem, s, v->len[i], err);
        if (!v->text[i])
            return -1;
        if (tok_map_get(&v->map, v->text[i], v->len[i]) >= 0)
            return gguf_error(g, KEY "tokens", err, "token %zu, \"%.*s\", stands there twice", i,
                              (int)(v->len[i] < 60 ? v->len[i] : 60), v->text[i]);
        if (tok_map_put(&v->map, v->text[i], v->len[i], (int32_t)i))
            return err_set(err, VAC_ERR_MEMORY, "%s: no memory for its tokens", g->path);
    }
    return read_role(v, "bos", pieces ? 1 : -1, &v->bos, err) ||
                   read_role(v, "eos", pieces ? 2 : -1, &v->eos, err) ||
                   read_role(v, "unknown", pieces ? 0 : -1, &v->unk, err) ||
                   read_role(v, "padding", -1, &v->pad, err)
               ? -1
               : 0;
}

static void put_token(struct json_out *out, const char *key, const struct vocab *v, int64_t id)
{
    json_put_text(out, key, id < 0 ? NULL : v->text[id]);
}

static void put_pair(struct json_out *out, const char *left, size_t n, const char *right, size_t m)
{
    json_put_list(out, NULL, JSON_TIGHT);
    json_put_bytes(out, NULL, left, n);
    json_put_bytes(out, NULL, right, m);
    json_put_end(out);
}

/* "LEFT RIGHT", parted at the first space behind the first byte. */
static int put_merges(struct json_out *out, const struct vocab *v, struct vac_err *err)
{
    const struct gguf_value *merges;
    const unsigned char *at;

    if (gguf_array(v->g, KEY "merges", GGUF_STRING, &merges, err))
        return -1;
    if (!merges)
        return gguf_error(v->g, KEY "merges", err, "is not there: a gpt2 tokenizer needs them");
    at = merges->at;
    for (size_t i = 0; i < merges->n; i++) {
        size_t n;
        const char *s = gguf_next_string(&at, &n);
        const char *space = n > 1 ? memchr(s + 1, ' ', n - 1) : NULL;

        if (!space || memchr(s, 0, n) || utf8_valid(s, n) != n)
            return gguf_error(v->g, KEY "merges", err,
                              "merge %zu is not two tokens with a space between", i);
        put_pair(out, s, (size_t)(space - s), space + 1, n - (size_t)(space - s) - 1);
    }
    return 0;
}

struct join {
    float score;
    int32_t id;
    uint32_t cut; /* bytes of the left half */
};

static int by_score(const void *a, const void *b)
{
    const struct join *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
                          : (x->cut > y->cut) - (x->cut < y->cut);
}

/* Every way to make a token of two others, the highest score first. */
static int put_joins(struct json_out *out, const struct vocab *v, struct vac_err *err)
{
    struct join *j = NULL;
    size_t n = 0, cap = 0;

    for (size_t i = 0; i < v->tokens->n; i++) {
        const char *s = v->text[i];
        for (size_t cut = 1; v->len[i] <= JOINED_MAX && cut < v->len[i]; cut++) {
            if (((unsigned char)s[cut] & 0xc0) == 0x80 || tok_map_get(&v->map, s, cut) < 0 ||
                tok_map_get(&v->map, s + cut, v->len[i] - cut) < 0)
                continue;
            if (mem_grow(&j, &cap, n + 1, sizeof *j, err)) {
                free(j);
                return -1;
            }
            j[n++] = (struct join){gguf_f32_at(v->scores, i), (int32_t)i, (uint32_t)cut};
        }
    }
    if (n)
        qsort(j, n, sizeof *j, by_score);
    for (size_t k = 0; k < n; k++) {
        const char *s = v->text[j[k].id];
        put_pair(out, s, j[k].cut, s + j[k].cut, v->len[j[k].id] - j[k].cut);
    }
    free(j);
    return 0;
}

int tok_gguf_rank(const struct gguf *g, struct tok_bpe *b, struct vac_err *err)
{
    const struct gguf_value *scores;
    struct join *j;
    uint32_t *rank;
    int rc = -1;

    if (gguf_array(g, KEY "scores", GGUF_F32, &scores, err))
        return -1;
    j = mem_new(scores->n, sizeof *j, err);
    rank = mem_new(scores->n, sizeof *rank, err);
    if (!j || !rank)
        goto out;
    for (size_t i = 0; i < scores->n; i++)
        j[i] = (struct join){gguf_f32_at(scores, i), (int32_t)i, 0};
    qsort(j, scores->n, sizeof *j, by_score);
    for (size_t i = 0, r = 0; i < scores->n; i++) {
        r += i == 0 || j[i].score != j[i - 1].score;
        rank[j[i].id] = (uint32_t)r;
    }
    for (size_t i = 0; b->pair && i <= b->pair_mask; i++)
        if (b->pair[i].rank)
            b->pair[i].rank = rank[b->pair[i].id];
    rc = 0;
out:
    free(j);
    free(rank);
    return rc;
}

/* {"type":TYPE, and what the caller adds before the end. */
static void put_type(struct json_out *out, const char *key, const char *type)
{
    json_put_object(out, key, JSON_TIGHT);
    json_put_text(out, "type", type);
}

static void put_bytes(struct json_out *out, const char *key, bool regex)
{
    put_type(out, key, "ByteLevel");
    json_put_bool(out, "add_prefix_space", false);
    json_put_bool(out, "trim_offsets", true);
    json_put_bool(out, "use_regex", regex);
    json_put_end(out);
}

static void put_replace(struct json_out *out, const char *from, const char *to)
{
    put_type(out, NULL, "Replace");
    json_put_object(out, "pattern", JSON_TIGHT);
    json_put_text(out, "String", from);
    json_put_end(out);
    json_put_text(out, "content", to);
    json_put_end(out);
}

static void put_bpe_stages(struct json_out *out, const struct pre *pre)
{
    json_put_text(out, "normalizer", NULL);
    put_type(out, "pre_tokenizer", "Sequence");
    json_put_list(out, "pretokenizers", JSON_TIGHT);
    if (pre->digits) {
        put_type(out, NULL, "Digits");
        json_put_bool(out, "individual_digits", true);
        json_put_end(out);
    }
    for (size_t i = 0; i < CUTS && pre->cuts[i]; i++) {
        put_type(out, NULL, "Split");
        json_put_object(out, "pattern", JSON_TIGHT);
        json_put_text(out, "Regex", pre->cuts[i]);
        json_put_end(out);
        json_put_text(out, "behavior", "Isolated");
        json_put_bool(out, "invert", false);
        json_put_end(out);
    }
    put_bytes(out, NULL, !pre->cuts[0]);
    json_put_end(out);
    json_put_end(out);
    put_bytes(out, "decoder", true);
}

/* Pieces have a sign for a blank; `prefix`: a text begins with one that decoding takes away. */
static void put_piece_stages(struct json_out *out, bool prefix)
{
    static const char blank[] = "\xe2\x96\x81", *const after[] = {"ByteFallback", "Fuse"};

    put_type(out, "normalizer", "Sequence");
    json_put_list(out, "normalizers", JSON_TIGHT);
    if (prefix) {
        put_type(out, NULL, "Prepend");
        json_put_text(out, "prepend", blank);
        json_put_end(out);
    }
    put_replace(out, " ", blank);
    json_put_end(out);
    json_put_end(out);
    json_put_text(out, "pre_tokenizer", NULL);
    put_type(out, "decoder", "Sequence");
    json_put_list(out, "decoders", JSON_TIGHT);
    put_replace(out, blank, " ");
    for (size_t i = 0; i < 2; i++) {
        put_type(out, NULL, after[i]);
        json_put_end(out);
    }
    if (prefix) {
        put_type(out, NULL, "Strip");
        json_put_text(out, "content", " ");
        json_put_int(out, "start", 1);
        json_put_int(out, "stop", 0);
        json_put_end(out);
    }
    json_put_end(out);
    json_put_end(out);
}

static void put_sequence(struct json_out *out, const char *id, int type)
{
    json_put_object(out, NULL, JSON_TIGHT);
    json_put_object(out, "Sequence", JSON_TIGHT);
    json_put_text(out, "id", id);
    json_put_int(out, "type_id", type);
    json_put_end(out);
    json_put_end(out);
}

/* What stands around a text. */
static void put_post(struct json_out *out, const struct vocab *v, bool bos, bool eos)
{
    int64_t ids[2] = {bos ? v->bos : -1, eos ? v->eos : -1};

    if (ids[0] < 0 && ids[1] < 0)
        return;
    put_type(out, "post_processor", "TemplateProcessing");
    json_put_list(out, "single", JSON_TIGHT);
    for (int i = 0; i < 2; i++) {
        if (ids[i] >= 0) {
            json_put_object(out, NULL, JSON_TIGHT);
            json_put_object(out, "SpecialToken", JSON_TIGHT);
            put_token(out, "id", v, ids[i]);
            json_put_int(out, "type_id", 0);
            json_put_end(out);
            json_put_end(out);
        }
        if (!i)
            put_sequence(out, "A", 0);
    }
    json_put_end(out);
    json_put_list(out, "pair", JSON_TIGHT);
    put_sequence(out, "A", 0);
    put_sequence(out, "B", 1);
    json_put_end(out);
    json_put_object(out, "special_tokens", JSON_TIGHT);
    for (int i = 0; i < 2; i++) {
        if (ids[i] < 0 || (i && ids[0] == ids[1]))
            continue;
        json_put_object(out, v->text[ids[i]], JSON_TIGHT);
        put_token(out, "id", v, ids[i]);
        json_put_list(out, "ids", JSON_TIGHT);
        json_put_int(out, NULL, ids[i]);
        json_put_end(out);
        json_put_list(out, "tokens", JSON_TIGHT);
        put_token(out, NULL, v, ids[i]);
        json_put_end(out);
        json_put_end(out);
    }
    json_put_end(out);
    json_put_end(out);
}

static int put_tokenizer(struct strbuf *text, const struct vocab *v, const struct pre *pre,
                         struct vac_err *err)
{
    bool prefix = true, bos = pre ? pre->add_bos : true, eos = false;
    struct json_out out = json_out(text);

    if (gguf_bool(v->g, KEY "add_bos_token", &bos, err) < 0 ||
        gguf_bool(v->g, KEY "add_eos_token", &eos, err) < 0 ||
        gguf_bool(v->g, KEY "add_space_prefix", &prefix, err) < 0)
        return -1;
    json_put_object(&out, NULL, JSON_TIGHT);
    json_put_text(&out, "version", "1.0");
    json_put_text(&out, "truncation", NULL);
    json_put_text(&out, "padding", NULL);
    json_put_list(&out, "added_tokens", JSON_TIGHT);
    for (size_t i = 0; i < v->tokens->n; i++) {
        int32_t type = v->types ? gguf_i32_at(v->types, i) : 1;
        if ((type != TYPE_UNKNOWN && type != TYPE_CONTROL && type != TYPE_USER) || !v->len[i])
            continue;
        json_put_object(&out, NULL, JSON_TIGHT);
        json_put_natural(&out, "id", i);
        put_token(&out, "content", v, (int64_t)i);
        json_put_bool(&out, "single_word", false);
        json_put_bool(&out, "lstrip", false);
        json_put_bool(&out, "rstrip", false);
        json_put_bool(&out, "normalized", false);
        json_put_bool(&out, "special", type != TYPE_USER);
        json_put_end(&out);
    }
    json_put_end(&out);
    if (pre)
        put_bpe_stages(&out, pre);
    else
        put_piece_stages(&out, prefix);
    put_post(&out, v, bos, eos);
    put_type(&out, "model", "BPE");
    json_put_text(&out, "dropout", NULL);
    put_token(&out, "unk_token", v, pre ? -1 : v->unk);
    json_put_text(&out, "continuing_subword_prefix", NULL);
    json_put_text(&out, "end_of_word_suffix", NULL);
    json_put_bool(&out, "fuse_unk", !pre);
    json_put_bool(&out, "byte_fallback", !pre);
    json_put_bool(&out, "ignore_merges", pre && pre->whole);
    json_put_object(&out, "vocab", JSON_TIGHT);
    for (size_t i = 0; i < v->tokens->n; i++)
        json_put_natural(&out, v->text[i], i);
    json_put_end(&out);
    json_put_list(&out, "merges", JSON_TIGHT);
    if (pre ? put_merges(&out, v, err) : put_joins(&out, v, err))
        return -1;
    json_put_end(&out);
    json_put_end(&out);
    json_put_end(&out);
    return sb_ok(text, err);
}

static int put_config(struct strbuf *text, const struct vocab *v, struct vac_err *err)
{
    struct json_out out = json_out(text);
    const char *template = NULL;

    if (gguf_text(v->g, "tokenizer.chat_template", &template, err) < 0)
        return -1;
    json_put_object(&out, NULL, JSON_TIGHT);
    json_put_text(&out, "tokenizer_class", "PreTrainedTokenizerFast");
    put_token(&out, "bos_token", v, v->bos);
    put_token(&out, "eos_token", v, v->eos);
    put_token(&out, "unk_token", v, v->unk);
    put_token(&out, "pad_token", v, v->pad);
    if (template)
        json_put_text(&out, "chat_template", template);
    json_put_end(&out);
    return sb_ok(text, err);
}

int tok_gguf_texts(struct gguf *g, struct strbuf *tokenizer, struct strbuf *config,
                   struct vac_err *err)
{
    static const char *const models[] = {"gpt2", "llama"}; /* byte-level BPE, pieces with scores */
    struct vocab v = {0};
    const char *model = NULL;
    const struct pre *pre = NULL;
    bool pieces;
    int rc = gguf_text(g, KEY "model", &model, err);

    if (rc)
        return rc < 0 ? -1
                      : gguf_error(g, KEY "model", err,
                                   "is not there: the file has no tokenizer (gpt2 and llama are "
                                   "read)");
    pieces = !strcmp(model, models[1]);
    if (!pieces && strcmp(model, models[0]))
        return gguf_error(g, KEY "model", err, "\"%.40s\" is not read; gpt2 and llama are", model);
    if (!pieces && !(pre = find_pre(g, err)))
        return -1;
    rc = read_vocab(&v, g, pieces, err) || put_tokenizer(tokenizer, &v, pre, err) ||
                 put_config(config, &v, err)
             ? -1
             : 0;
    vocab_done(&v);
    return rc;
}
