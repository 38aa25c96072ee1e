/* tok_gguf.c - see tok_gguf.h */
#include "token/tok_gguf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "token/tok_bpe.h"
#include "token/tok_map.h"

#define JOINED_MAX 512 /* bytes of a token that merges can make; no real one comes near */
#define KEY "tokenizer.ggml."

enum { TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4 };

/* How texts are cut before merges, by the name that the file gives: stages of tokenizer.json. */
#define SPLIT(re)                                                                                  \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" re                                             \
    "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define BYTES(regex)                                                                               \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_"              \
    "regex\":" regex "}"
#define GPT2_RE                                                                                    \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| "                                            \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+"
#define QWEN(number)                                                                               \
    SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" number           \
          "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+")
#define LETTERS_UP "[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"
#define LETTERS_LOW "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"

static const struct pre {
    const char *names[8];
    const char *stages;
    bool whole;   /* a word that is a token is taken at once */
    bool add_bos; /* where the file does not say */
} pres[] = {
    {{"gpt-2", "gpt2"}, BYTES("true"), false, false},
    {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
     "{\"type\":\"Digits\",\"individual_digits\":true}," BYTES("true"),
     false,
     false},
    {{"qwen2", "deepseek-r1-qwen", "megrez"}, QWEN("\\\\p{N}") "," BYTES("false"), false, false},
    {{"llama-bpe", "llama3", "llama-v3"}, QWEN("\\\\p{N}{1,3}") "," BYTES("false"), true, true},
    {{"falcon3", "pixtral", "lfm2"}, QWEN("\\\\p{N}{1,3}") "," BYTES("false"), true, false},
    {{"tekken"},
     SPLIT(
         "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?" LETTERS_UP "*" LETTERS_LOW
         "+|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?" LETTERS_UP "+" LETTERS_LOW
         "*|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|"
         "\\\\s+") "," BYTES("false"),
     true,
     true},
    {{"default"},
     SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|]+") "," SPLIT(GPT2_RE) "," SPLIT(
         "\\\\p{N}+") "," SPLIT("[0-9][0-9][0-9]") "," BYTES("false"),
     false,
     false},
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
    struct strbuf want = {0};
    const char *name = NULL;

    sb_puts(&want, "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"");
    sb_json(&want, pattern, strlen(pattern));
    sb_puts(&want, "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTES("false"));
    for (size_t i = 0; !want.bad && !name && i < sizeof pres / sizeof *pres; i++)
        if (pres[i].whole == whole && !strcmp(pres[i].stages, want.s))
            name = pres[i].names[0];
    sb_done(&want);
    return name;
}

/* What a file says of its tokens, and the ids of the roles. */
struct vocab {
    struct gguf *g;
    const struct gguf_value *tokens, *types, *scores;
    struct tok_map map;
    const char **text; /* in the mapping, not ended by NUL */
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
        v->text[i] = gguf_next_string(&at, &v->len[i]);
        if (memchr(v->text[i], 0, v->len[i]) || utf8_valid(v->text[i], v->len[i]) != v->len[i])
            return gguf_error(g, KEY "tokens", err, "token %zu is no text in UTF-8", i);
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

static int32_t type_of(const struct vocab *v, size_t i)
{
    return v->types ? gguf_i32_at(v->types, i) : 1;
}

static void put_string(struct strbuf *out, const char *s, size_t n)
{
    sb_putc(out, '"');
    sb_json(out, s, n);
    sb_putc(out, '"');
}

static void put_token(struct strbuf *out, const struct vocab *v, int64_t id)
{
    put_string(out, v->text[id], v->len[id]);
}

/* "LEFT RIGHT", parted at the first space behind the first byte. */
static int put_merges(struct strbuf *out, const struct vocab *v, struct vac_err *err)
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
        sb_puts(out, i ? ",[" : "[");
        put_string(out, s, (size_t)(space - s));
        sb_putc(out, ',');
        put_string(out, space + 1, n - (size_t)(space - s) - 1);
        sb_putc(out, ']');
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
static int put_joins(struct strbuf *out, const struct vocab *v, struct vac_err *err)
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
        sb_puts(out, k ? ",[" : "[");
        put_string(out, s, j[k].cut);
        sb_putc(out, ',');
        put_string(out, s + j[k].cut, v->len[j[k].id] - j[k].cut);
        sb_putc(out, ']');
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

static void put_added(struct strbuf *out, const struct vocab *v)
{
    bool first = true;

    sb_puts(out, ",\"added_tokens\":[");
    for (size_t i = 0; i < v->tokens->n; i++) {
        int32_t type = type_of(v, i);
        if ((type != TYPE_UNKNOWN && type != TYPE_CONTROL && type != TYPE_USER) || !v->len[i])
            continue;
        sb_printf(out, "%s{\"id\":%zu,\"content\":", first ? "" : ",", i);
        put_token(out, v, (int64_t)i);
        sb_printf(out,
                  ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                  "\"special\":%s}",
                  type == TYPE_USER ? "false" : "true");
        first = false;
    }
    sb_puts(out, "]");
}

/* What stands around a text. */
static void put_post(struct strbuf *out, const struct vocab *v, bool bos, bool eos)
{
    int64_t ids[2] = {bos ? v->bos : -1, eos ? v->eos : -1};
    bool first = true;

    if (ids[0] < 0 && ids[1] < 0)
        return;
    sb_puts(out, ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[");
    for (int i = 0; i < 2; i++) {
        if (ids[i] >= 0) {
            sb_puts(out, i ? ",{\"SpecialToken\":{\"id\":" : "{\"SpecialToken\":{\"id\":");
            put_token(out, v, ids[i]);
            sb_puts(out, i ? ",\"type_id\":0}}" : ",\"type_id\":0}},");
        }
        if (!i)
            sb_puts(out, "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}");
    }
    sb_puts(out,
            "],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\","
            "\"type_id\":1}}],\"special_tokens\":{");
    for (int i = 0; i < 2; i++) {
        if (ids[i] < 0 || (i && ids[0] == ids[1]))
            continue;
        sb_puts(out, first ? "" : ",");
        put_token(out, v, ids[i]);
        sb_puts(out, ":{\"id\":");
        put_token(out, v, ids[i]);
        sb_printf(out, ",\"ids\":[%lld],\"tokens\":[", (long long)ids[i]);
        put_token(out, v, ids[i]);
        sb_puts(out, "]}");
        first = false;
    }
    sb_puts(out, "}}");
}

static int put_tokenizer(struct strbuf *out, const struct vocab *v, const struct pre *pre,
                         struct vac_err *err)
{
    bool prefix = true, bos = pre ? pre->add_bos : true, eos = false;

    if (gguf_bool(v->g, KEY "add_bos_token", &bos, err) < 0 ||
        gguf_bool(v->g, KEY "add_eos_token", &eos, err) < 0 ||
        gguf_bool(v->g, KEY "add_space_prefix", &prefix, err) < 0)
        return -1;
    sb_puts(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null");
    put_added(out, v);
    if (pre)
        sb_printf(
            out,
            ",\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
            "%s]},\"decoder\":" BYTES("true"),
            pre->stages);
    else
        sb_printf(
            out,
            ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s"
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}]}"
            ",\"pre_tokenizer\":null,\"decoder\":{\"type\":\"Sequence\",\"decoders\":["
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xe2\x96\x81\"},\"content\":\" \"},"
            "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}%s]}",
            prefix ? "{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"}," : "",
            prefix ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}" : "");
    put_post(out, v, bos, eos);
    sb_puts(out, ",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":");
    if (!pre && v->unk >= 0)
        put_token(out, v, v->unk);
    else
        sb_puts(out, "null");
    sb_printf(out,
              ",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":%s,"
              "\"byte_fallback\":%s,\"ignore_merges\":%s,\"vocab\":{",
              pre ? "false" : "true", pre ? "false" : "true", pre && pre->whole ? "true" : "false");
    for (size_t i = 0; i < v->tokens->n; i++) {
        sb_puts(out, i ? "," : "");
        put_token(out, v, (int64_t)i);
        sb_printf(out, ":%zu", i);
    }
    sb_puts(out, "},\"merges\":[");
    if (pre ? put_merges(out, v, err) : put_joins(out, v, err))
        return -1;
    sb_puts(out, "]}}");
    return sb_ok(out, err);
}

static int put_config(struct strbuf *out, const struct vocab *v, struct vac_err *err)
{
    const struct {
        const char *key;
        int64_t id;
    } role[] = {
        {"bos_token", v->bos}, {"eos_token", v->eos}, {"unk_token", v->unk}, {"pad_token", v->pad}};
    const char *template = NULL;

    if (gguf_text(v->g, "tokenizer.chat_template", &template, err) < 0)
        return -1;
    sb_puts(out, "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"");
    for (size_t i = 0; i < sizeof role / sizeof *role; i++) {
        sb_printf(out, ",\"%s\":", role[i].key);
        if (role[i].id >= 0)
            put_token(out, v, role[i].id);
        else
            sb_puts(out, "null");
    }
    if (template) {
        sb_puts(out, ",\"chat_template\":");
        put_string(out, template, strlen(template));
    }
    sb_puts(out, "}");
    return sb_ok(out, err);
}

int tok_gguf_texts(struct gguf *g, struct strbuf *tokenizer, struct strbuf *config,
                   struct vac_err *err)
{
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
    pieces = !strcmp(model, "llama");
    if (!pieces && strcmp(model, "gpt2"))
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
