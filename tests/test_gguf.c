/* test_gguf.c - GGUF: its blocks bit for bit as the gguf package and ggml widen them, its files as models. */
#include "base/io.h"
#include "base/json.h"
#include "compute/compute.h"
#include "kernels/kernels.h"
#include "model/lora.h"
#include "model/merge_gguf.h"
#include "model_support.h"
#include "token/tokenizer.h"
#include "weights/gguf.h"

static const char *fixture(const char *name, const char *end)
{
    char rel[128];

    snprintf(rel, sizeof rel, "golden/gguf/%s%s", name, end);
    return support_path(rel);
}

static unsigned hex_at(const char *s, size_t digits)
{
    char part[9] = "";

    memcpy(part, s, digits);
    return (unsigned)strtoul(part, NULL, 16);
}

static void test_blocks(void **state)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(support_path("golden/gguf/blocks.json"), 1 << 20, &err);
    size_t seen = 0, kinds = 0;

    (void)state;
    assert_non_null(doc);
    for (const cJSON *t = cJSON_GetObjectItem(doc, "types")->child; t; t = t->next, kinds++) {
        const char *name = cJSON_GetObjectItem(t, "name")->valuestring;
        enum dtype type = 0;
        while (type < DTYPE_COUNT && strcmp(dtype_name(type), name))
            type++;
        assert_true(type < DTYPE_COUNT);
        for (const cJSON *b = cJSON_GetObjectItem(t, "blocks")->child; b; b = b->next, seen++) {
            const char *hex = cJSON_GetObjectItem(b, "hex")->valuestring;
            const char *want = cJSON_GetObjectItem(b, "f32")->valuestring;
            size_t n = dtype_block(type), size = dtype_size(type);
            union {
                uint16_t aligned;
                unsigned char c[256];
            } raw;
            float got[DTYPE_BLOCK_MAX];

            assert_int_equal(strlen(hex), 2 * size);
            for (size_t i = 0; i < size; i++)
                raw.c[i] = (unsigned char)hex_at(hex + 2 * i, 2);
            for (size_t k = 0; kernels_at(k); k++) {
                kernels_at(k)->widen(got, raw.c, type, n);
                for (size_t i = 0; i < n; i++) {
                    uint32_t bits;
                    memcpy(&bits, got + i, sizeof bits);
                    if (bits != hex_at(want + 8 * i, 8))
                        fail_msg("%s, %s, %s, number %zu: %08x, not %.8s", kernels_at(k)->name,
                                 name, cJSON_GetObjectItem(b, "note")->valuestring, i, bits,
                                 want + 8 * i);
                }
            }
        }
    }
    assert_int_equal(kinds, 12);
    assert_int_equal(seen, 229);
    cJSON_Delete(doc);
}

/* A weight in blocks and the same numbers in F32 give one product, in every direction and however the rows
 * and columns are shared out. */
static void test_products(void **state)
{
    enum { ROWS = 70, OUT = 96, IN = 1280 };
    struct vac_err err = {0};
    static unsigned char raw[OUT * IN * 2];
    static float wide[OUT * IN], x[ROWS * IN], y[2][ROWS * IN];
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < ROWS * IN; i++)
        x[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    for (int threads = 1; threads <= 3; threads++) {
        struct compute *c = compute_open("cpu", threads, NULL, &err);
        struct compute_limits lim = {.rows = ROWS, .seq = ROWS, .width = IN, .vocab = OUT};
        struct buf *in = compute_alloc(c, ROWS * IN, &err),
                   *out = compute_alloc(c, ROWS * IN, &err);

        assert_ok(compute_reserve(c, &lim, &err), &err);
        compute_upload(c, (struct ref){in, 0}, x, ROWS * IN);
        for (enum dtype t = DTYPE_F16; t < DTYPE_COUNT; t++) {
            size_t bytes = dtype_bytes(t, OUT * IN), step = dtype_size(t);
            struct buf *w[2];
            for (size_t i = 0; i < bytes; i++)
                raw[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
            for (size_t i = 0; i < bytes; i += step) { /* scales that are numbers */
                size_t at = t == DTYPE_Q6_K   ? 208
                            : t == DTYPE_Q3_K ? 108
                            : t == DTYPE_Q2_K ? 80
                                              : 0;
                raw[i + at + 1] = 0x20;
                if (t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q2_K || t == DTYPE_Q4_K ||
                    t == DTYPE_Q5_K)
                    raw[i + at + 3] = 0x20;
            }
            w[0] = compute_wrap(c, raw, t, OUT * IN, &err);
            compute_download(c, wide, (struct ref){w[0], 0}, OUT * IN);
            w[1] = compute_wrap(c, wide, DTYPE_F32, OUT * IN, &err);
            for (size_t rows = 1; rows <= ROWS; rows += 23) {
                for (int back = 0; back < 2; back++) {
                    for (int i = 0; i < 2; i++) {
                        struct ref W = {w[i], 0}, X = {in, 0}, Y = {out, 0};
                        if (back)
                            op_linear_dx(c, Y, X, W, rows, IN, OUT, false);
                        else
                            op_linear(c, Y, X, W, REF_NONE, rows, IN, OUT, false);
                        compute_download(c, y[i], Y, rows * (back ? IN : OUT));
                    }
                    assert_close(dtype_name(t), y[0], y[1], rows * (back ? IN : OUT), 1e-6);
                }
            }
            op_embed(c, (struct ref){out, 0}, (struct ref){w[0], 0}, (int32_t[]){95, 3}, 2, IN,
                     false);
            compute_download(c, y[0], (struct ref){out, 0}, 2 * IN);
            assert_memory_equal(y[0], wide + 95 * IN, IN * sizeof(float));
            assert_memory_equal(y[0] + IN, wide + 3 * IN, IN * sizeof(float));
            compute_release(c, w[0]);
            compute_release(c, w[1]);
        }
        compute_release(c, in);
        compute_release(c, out);
        compute_close(c);
    }
}

/* --- files as models --- */

static void logits_of(struct model *m, const char *path)
{
    struct vac_err err = {0};
    FILE *f = fopen(path, "r");
    static char line[1 << 16];
    size_t V = model_config(m)->V, lines = 0;

    assert_non_null(f);
    for (; fgets(line, sizeof line, f); lines++) {
        cJSON *doc = json_parse(line, strlen(line), path, &err);
        const cJSON *ids = cJSON_GetObjectItem(doc, "ids"), *row, *x;
        size_t n = (size_t)cJSON_GetArraySize(ids), at = 0;
        struct batch b;
        struct acts *a = acts_new(m, n, n, n, false, &err);
        float *got, *want = calloc(n * V, sizeof *want);

        assert_non_null(a);
        assert_ok(batch_init(&b, n, 1, &err), &err);
        cJSON_ArrayForEach(x, ids)
        {
            b.ids[b.N] = x->valueint;
            b.pos[b.N] = (int32_t)b.N;
            b.slot[b.N++] = 0;
        }
        b.seq[b.S++] = (struct seq){0, n, 0, n};
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "logits"))
        {
            cJSON_ArrayForEach(x, row) want[at++] = (float)x->valuedouble;
        }
        assert_int_equal(at, n * V);
        got = all_logits(m, a, &b);
        assert_close(path, got, want, n * V, 5e-6);
        free(got);
        free(want);
        batch_done(&b);
        acts_free(a);
        cJSON_Delete(doc);
    }
    fclose(f);
    assert_true(lines > 0);
}

/* Against numbers in float64 from the weights as the gguf package widens them: F16 and BF16 with a tied
 * head and rows of q and k in the file's own order; biases and another alignment; and, where the data are
 * there, every type of block. */
static void test_logits(void **state)
{
    static const char *const here[] = {"tiny-llama-f16", "tiny-qwen2"};
    static const char *const there[] = {"tiny-llama-f32", "tiny-llama-mixed", "tiny-qwen3",
                                        "tiny-spm"};
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const char *name = i < 2 ? here[i] : there[i - 2];
        char rel[128];
        struct compute *c;
        struct model *m;

        snprintf(rel, sizeof rel, "gguf/%s.gguf", name);
        if (i >= 2 && !support_testdata(rel)) {
            print_message("skipped: no %s\n", rel);
            continue;
        }
        c = compute_open("cpu", 2, NULL, &err);
        m = model_open(i < 2 ? fixture(name, ".gguf") : support_testdata(rel), c, &err);
        if (!m)
            fail_msg("%s", err.msg);
        if (!strcmp(name, "tiny-qwen2")) /* most of it, though its embedding is F32 */
            assert_int_equal(model_config(m)->dtype, DTYPE_F16);
        snprintf(rel, sizeof rel, "gguf/%s.logits.jsonl", name);
        logits_of(m, i < 2 ? fixture(name, ".logits.jsonl") : support_testdata(rel));
        model_close(m);
        compute_close(c);
    }
}

static void check_ids(const char *file, const cJSON *rows)
{
    struct vac_err err = {0};
    struct tokenizer *t = tokenizer_open(file, &err);
    const cJSON *row, *x;

    if (!t)
        fail_msg("%s", err.msg);
    cJSON_ArrayForEach(row, rows)
    {
        const char *text = cJSON_GetObjectItem(row, "text")->valuestring;
        struct ids got = {0};
        size_t i = 0;

        assert_ok(tokenizer_encode(t, text, strlen(text), false, &got, &err), &err);
        cJSON_ArrayForEach(x, cJSON_GetObjectItem(row, "ids"))
        {
            if (i >= got.n || got.v[i++] != x->valueint)
                fail_msg("%s: \"%s\": other ids", file, text);
        }
        assert_int_equal(got.n, i);
        ids_done(&got);
    }
    tokenizer_free(t);
}

/* Ids on which llama.cpp and an independent implementation agree. */
static void test_tokens(void **state)
{
    static const char *const pieces[] = {"tiny-spm", "tiny-spm-no-prefix"};
    struct vac_err err = {0};
    cJSON *doc;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        doc = json_read(fixture(pieces[i], ".tokens.json"), 1 << 20, &err);
        assert_non_null(doc);
        check_ids(fixture(pieces[i], ".gguf"), cJSON_GetObjectItem(doc, "texts"));
        cJSON_Delete(doc);
    }
    doc = json_read(fixture("tiny-bpe", ".tokens.json"), 1 << 20, &err);
    assert_non_null(doc);
    check_ids(fixture("tiny-llama-f16", ".gguf"),
              cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "pre"), "smollm"));
    check_ids(fixture("tiny-qwen2", ".gguf"),
              cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "pre"), "qwen2"));
    cJSON_Delete(doc);
}

/* BOS in front where the file does not say, none where it says so; stops; the template. */
static void test_roles(void **state)
{
    struct vac_err err = {0};
    struct tokenizer *t = tokenizer_open(fixture("tiny-spm", ".gguf"), &err);

    (void)state;
    assert_non_null(t);
    assert_true(tokenizer_roles(t).add_bos && !tokenizer_roles(t).add_eos);
    assert_int_equal(tokenizer_roles(t).bos, 1);
    tokenizer_free(t);
    t = tokenizer_open(fixture("tiny-llama-f16", ".gguf"), &err);
    assert_non_null(t);
    assert_false(tokenizer_roles(t).add_bos);
    assert_int_equal(tokenizer_roles(t).eos, 2);
    assert_int_equal(tokenizer_roles(t).pad, 0);
    assert_non_null(strstr(tokenizer_chat_template(t), "<|im_start|>"));
    tokenizer_free(t);
}

/* --- written --- */

static float *logits_at(struct model *m, size_t *n)
{
    struct vac_err err = {0};
    struct batch b;
    struct acts *a = acts_new(m, 12, 12, 12, false, &err);
    float *x;

    assert_non_null(a);
    random_batch(&b, (size_t[]){7, 5}, 2, model_config(m)->V, 0, 3);
    x = all_logits(m, a, &b);
    *n = b.N * model_config(m)->V;
    batch_done(&b);
    acts_free(a);
    return x;
}

/* A merged file gives what base and adapter give; an adapter's file holds PEFT's matrices, rows of q and k
 * apart. */
static void test_merge(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    struct model *m = model_open(fixture("tiny-llama-f16", ".gguf"), c, &err), *again;
    struct lora_spec spec = {.r = 3, .alpha = 5, .targets = "q_proj,k_proj,v_proj,down_proj"};
    float *want, *got, noise[8192];
    size_t n, len, seen = 0;
    char path[600], *bytes, peft[600];
    struct weights *w;

    (void)state;
    assert_non_null(m);
    assert_ok(model_add_lora(m, &spec, 1, 0, &err), &err);
    assert_true(model_params(m)->n <= 8192);
    fill_normal(noise, model_params(m)->n, 5, 0.3);
    compute_upload(c, model_params(m)->w, noise, model_params(m)->n);
    want = logits_at(m, &n);
    for (int wide = 0; wide < 2; wide++) {
        snprintf(path, sizeof path, "%s/merged.gguf", support_tmp());
        assert_ok(model_save_gguf(m, fixture("tiny-llama-f16", ".gguf"), path, wide, &err), &err);
        again = model_open(path, c, &err);
        if (!again)
            fail_msg("%s", err.msg);
        got = logits_at(again, &n);
        assert_close("merged", got, want, n, wide ? 2e-5 : 1e-2);
        free(got);
        model_close(again);
        check_ids(path, NULL);
    }
    snprintf(peft, sizeof peft, "%s/peft", support_tmp());
    assert_ok(model_save_peft(m, 0, NULL, peft, &err), &err);
    assert_ok(model_save_gguf_lora(m, path, &err), &err);
    bytes = file_read(path, 1 << 20, &len, &err);
    w = weights_open(peft, &err);
    assert_true(bytes && w);
    for (size_t i = 0; i < weights_count(w); i++) {
        const struct st_tensor *t = weights_at(w, i);
        bool turned = strstr(t->name, ".lora_B.") &&
                      (strstr(t->name, ".q_proj.") || strstr(t->name, ".k_proj."));
        bool there = memmem(bytes, len, t->data, t->numel * sizeof(float));
        if (there == turned)
            fail_msg("%s %s", t->name, there ? "is as in PEFT" : "is not there");
        seen++;
    }
    assert_int_equal(seen, 16);
    weights_close(w);
    free(bytes);
    free(want);
    model_close(m);
    compute_close(c);
}

/* A folder becomes a file and says the same: keys, tokenizer, and the scaling of Llama 3, for which a file has
 * a tensor in the place of keys. */
static void test_from_folder(void **state)
{
    static const char *const copied[] = {"config.json", "model.safetensors"};
    static const char tokenizer[] =
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true,"
        "\"lstrip\":false,\"rstrip\":false,\"single_word\":false,\"normalized\":false}],"
        "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
        "\"use_regex\":true},\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},"
        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"a\":1,\"b\":2,\"\u0120\":3,\"ab\":4},"
        "\"merges\":[\"a b\"]}}";
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    char dir[600], path[700], ids[2][64];
    struct model *m, *again;
    float *want, *got;
    size_t n;

    (void)state;
    snprintf(dir, sizeof dir, "%s", support_tmp());
    for (size_t i = 0; i < 2; i++)
        copy_file(support_path("golden/llama-rope3-tied"), dir, copied[i]);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    support_write_text(path, tokenizer);
    m = model_open(dir, c, &err);
    assert_non_null(m);
    assert_int_equal(model_config(m)->rope.kind, ROPE_LLAMA3);
    snprintf(path, sizeof path, "%s/m.gguf", dir);
    assert_ok(model_save_gguf(m, dir, path, true, &err), &err);
    again = model_open(path, c, &err);
    if (!again)
        fail_msg("%s", err.msg);
    assert_int_equal(model_config(again)->rope.kind, ROPE_LLAMA3);
    want = logits_at(m, &n);
    got = logits_at(again, &n);
    assert_close("from a folder", got, want, n, 1e-6);
    for (int i = 0; i < 2; i++) {
        struct tokenizer *t = tokenizer_open(i ? path : dir, &err);
        struct ids x = {0};

        if (!t)
            fail_msg("%s", err.msg);
        assert_ok(tokenizer_encode(t, "ab<s> ba", 8, false, &x, &err), &err);
        for (size_t k = 0, at = 0; k < x.n; k++)
            at += (size_t)snprintf(ids[i] + at, sizeof ids[i] - at, "%d ", (int)x.v[k]);
        ids_done(&x);
        tokenizer_free(t);
    }
    assert_string_equal(ids[0], "4 0 3 2 1 ");
    assert_string_equal(ids[1], ids[0]);
    free(want);
    free(got);
    model_close(m);
    model_close(again);
    compute_close(c);
}

/* From a file to a folder and back, SentencePiece: each gives the recorded ids. */
static void test_pieces_round(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    cJSON *doc = json_read(fixture("tiny-spm", ".tokens.json"), 1 << 20, &err);
    const cJSON *texts = cJSON_GetObjectItem(doc, "texts");
    struct model *m = model_open(fixture("tiny-spm", ".gguf"), c, &err);
    char dir[600], path[700];

    (void)state;
    assert_non_null(m);
    assert_non_null(texts);
    snprintf(dir, sizeof dir, "%s/pieces", support_tmp());
    assert_ok(model_save_merged(m, dir, false, 0, &err), &err);
    model_close(m);
    check_ids(dir, texts);
    m = model_open(dir, c, &err);
    if (!m)
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/pieces.gguf", support_tmp());
    assert_ok(model_save_gguf(m, dir, path, false, &err), &err);
    check_ids(path, texts);
    model_close(m);
    compute_close(c);
    cJSON_Delete(doc);
}

/* Weights in blocks are refused where all are to be trained. */
static void test_full(void **state)
{
    const char *path = support_testdata("gguf/tiny-llama-mixed.gguf");
    struct vac_err err = {0};
    struct compute *c;
    struct model *m;

    (void)state;
    if (!path)
        skip();
    c = compute_open("cpu", 1, NULL, &err);
    m = model_open(path, c, &err);
    assert_non_null(m);
    assert_int_equal(model_train_full(m, &err), -1);
    assert_error(&err, "tiny-llama-mixed.gguf: weights in blocks (Q");
    assert_error(&err, "train an adapter");
    model_close(m);
    compute_close(c);
}

/* --- files that lie --- */

struct file {
    unsigned char b[8192];
    size_t n;
};

static void put(struct file *f, const void *p, size_t n)
{
    assert_true(f->n + n <= sizeof f->b);
    memcpy(f->b + f->n, p, n);
    f->n += n;
}

static void put_u(struct file *f, uint64_t x, size_t bytes)
{
    put(f, &x, bytes);
}

static void put_text(struct file *f, const char *s)
{
    put_u(f, strlen(s), 8);
    put(f, s, strlen(s));
}

/* One key or one tensor is another than it should be, or the header is. */
struct lie {
    const char *what;    /* the key, the tensor, or "version", "keys", "tensors", "end" */
    uint64_t number;     /* in its place */
    const char *text;    /* the same, for what is a text */
    const char *says[2]; /* in the error */
};

#define V 12
static uint64_t told(const struct lie *l, const char *what, uint64_t x)
{
    return l && !strcmp(l->what, what) ? l->number : x;
}

static void put_key(struct file *f, const char *key, unsigned type)
{
    put_text(f, key);
    put_u(f, type, 4);
}

static void put_number(struct file *f, const struct lie *l, const char *key, uint64_t x)
{
    put_key(f, key, GGUF_U32);
    put_u(f, told(l, key, x), 4);
}

/* One layer of eight numbers, twelve tokens, all F32. */
static void build(struct file *f, const struct lie *l)
{
    static const char *const tokens[V] = {"<|end|>", "a", "b", "c", "d", "e",
                                          "f",       "g", "h", "i", "j", "ab"};
    static const struct {
        const char *name;
        unsigned in, out;
    } t[] = {{"token_embd.weight", 8, V},     {"blk.0.attn_norm.weight", 8, 0},
             {"blk.0.attn_q.weight", 8, 8},   {"blk.0.attn_k.weight", 8, 8},
             {"blk.0.attn_v.weight", 8, 8},   {"blk.0.attn_output.weight", 8, 8},
             {"blk.0.ffn_norm.weight", 8, 0}, {"blk.0.ffn_gate.weight", 8, 8},
             {"blk.0.ffn_up.weight", 8, 8},   {"blk.0.ffn_down.weight", 8, 8},
             {"output_norm.weight", 8, 0}};
    enum { TENSORS = 11, KEYS = 15 };
    uint64_t offset = 0;
    float x = 0.125f, eps = 1e-5f;
    bool one = l && !strncmp(l->what, "blk.0.ffn_up", 12); /* that tensor, or what follows it */

    f->n = 0;
    put(f, "GGUF", 4);
    put_u(f, told(l, "version", 3), 4);
    put_u(f, told(l, "tensors", TENSORS), 8);
    put_u(f, told(l, "keys", KEYS), 8);
    put_key(f, "general.architecture", GGUF_STRING);
    put_text(f, l && !strcmp(l->what, "general.architecture") ? l->text : "llama");
    put_number(f, l, "general.alignment", 32);
    put_number(f, l, "split.count", 1);
    put_number(f, l, "llama.block_count", 1);
    put_number(f, l, "llama.context_length", 16);
    put_number(f, l, "llama.embedding_length", 8);
    put_number(f, l, "llama.feed_forward_length", 8);
    put_number(f, l, "llama.attention.head_count", 2);
    put_key(f, "llama.attention.layer_norm_rms_epsilon", GGUF_F32);
    put(f, &eps, 4);
    put_key(f, l && !strcmp(l->what, "twice") ? "llama.block_count" : "general.name", GGUF_STRING);
    put_text(f, "tiny");
    put_key(f, "tokenizer.ggml.model", GGUF_STRING);
    put_text(f, l && !strcmp(l->what, "tokenizer.ggml.model") ? l->text : "gpt2");
    put_key(f, "tokenizer.ggml.pre", GGUF_STRING);
    put_text(f, l && !strcmp(l->what, "tokenizer.ggml.pre") ? l->text : "gpt-2");
    put_key(f, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u(f, told(l, "array type", GGUF_STRING), 4);
    put_u(f, told(l, "array count", V), 8);
    for (size_t i = 0; i < V; i++)
        put_text(f, i == 5 && l && !strcmp(l->what, "token") ? l->text : tokens[i]);
    put_key(f, "tokenizer.ggml.merges", GGUF_ARRAY);
    put_u(f, GGUF_STRING, 4);
    put_u(f, 1, 8);
    put_text(f, l && !strcmp(l->what, "merge") ? l->text : "a b");
    put_number(f, l, "tokenizer.ggml.eos_token_id", 0);
    for (size_t i = 0; i < TENSORS; i++) {
        bool up = one && i == 8;
        put_text(f, up && l->text ? l->text : t[i].name);
        put_u(f, up ? told(l, "blk.0.ffn_up rank", t[i].out ? 2 : 1) : t[i].out ? 2 : 1, 4);
        put_u(f, up ? told(l, "blk.0.ffn_up in", t[i].in) : t[i].in, 8);
        if (t[i].out)
            put_u(f, up ? told(l, "blk.0.ffn_up out", t[i].out) : t[i].out, 8);
        put_u(f, up ? told(l, "blk.0.ffn_up type", 0) : 0, 4);
        put_u(f, up ? told(l, "blk.0.ffn_up offset", offset) : offset, 8);
        offset += 4 * t[i].in * (t[i].out ? t[i].out : 1);
    }
    while (f->n % 32)
        put_u(f, 0, 1);
    for (size_t i = 0; i < offset / 4; i++)
        put(f, &x, 4);
    if (l && !strcmp(l->what, "end"))
        f->n = l->number;
}

static int open_bytes(const struct file *f, struct vac_err *err)
{
    char path[600];
    struct compute *c = compute_open("cpu", 1, NULL, err);
    struct model *m;

    snprintf(path, sizeof path, "%s/lie.gguf", support_tmp());
    support_write(path, f->b, f->n);
    m = model_open(path, c, err);
    model_close(m);
    compute_close(c);
    return m ? 0 : -1;
}

static void test_lies(void **state)
{
    static const struct lie lies[] = {
        {"version", 1, NULL, {"GGUF version 1", "2 and 3"}},
        {"version", 0x03000000, NULL, {"big-endian", "little-endian"}},
        {"keys", (uint64_t)1 << 63, NULL, {"keys", "cannot hold"}},
        {"tensors", (uint64_t)1 << 63, NULL, {"tensors", "cannot hold"}},
        {"end", 200, NULL, {"15 keys", "cannot hold"}},
        {"end", 1300, NULL, {"ends inside", "cut short"}},
        {"general.architecture", 0, "mamba", {"general.architecture", "llama, qwen2, qwen3"}},
        {"general.alignment", 0, NULL, {"general.alignment", "from 1"}},
        {"general.alignment", 3, NULL, {"general.alignment", "power of two"}},
        {"general.alignment", 1u << 31, NULL, {"token_embd.weight", "beyond"}},
        {"split.count", 2, NULL, {"split.count", "--merge"}},
        {"llama.block_count", 0, NULL, {"llama.block_count", "from 1 to 4096"}},
        {"llama.block_count", 2, NULL, {"blk.1.attn_q.weight", "no tensor"}},
        {"llama.attention.head_count", 0, NULL, {"llama.attention.head_count", "from 1"}},
        {"llama.attention.head_count", 3, NULL, {"llama.attention.head_count", "divide"}},
        {"twice", 0, NULL, {"llama.block_count", "twice"}},
        {"tokenizer.ggml.model", 0, "rwkv", {"tokenizer.ggml.model", "gpt2 and llama"}},
        {"tokenizer.ggml.pre", 0, "nonesuch", {"tokenizer.ggml.pre", "known are gpt-2"}},
        {"array type", GGUF_ARRAY, NULL, {"tokenizer.ggml.tokens", "arrays in an array"}},
        {"array type", 77, NULL, {"tokenizer.ggml.tokens", "type 77"}},
        {"array count", (uint64_t)1 << 61, NULL, {"tokenizer.ggml.tokens", "cannot hold"}},
        {"token", 0, "a", {"tokenizer.ggml.tokens", "stands there twice"}},
        {"token", 0, "\xff\xfe", {"tokenizer.ggml.tokens", "UTF-8"}},
        {"merge", 0, "ab", {"tokenizer.ggml.merges", "a space between"}},
        {"tokenizer.ggml.eos_token_id", V, NULL, {"eos_token_id", "from 0 to 11"}},
        {"blk.0.ffn_up", 0, "blk.0.ffn_gate.weight", {"blk.0.ffn_gate.weight", "twice"}},
        {"blk.0.ffn_up", 0, "blk.0.mystery.weight", {"blk.0.ffn_up.weight", "no tensor"}},
        {"blk.0.ffn_up rank", 5, NULL, {"blk.0.ffn_up.weight", "1 to 4"}},
        {"blk.0.ffn_up in", 0, NULL, {"blk.0.ffn_up.weight", "expected 1 or more"}},
        {"blk.0.ffn_up in", (uint64_t)1 << 62, NULL, {"blk.0.ffn_up.weight", "64 bits"}},
        {"blk.0.ffn_up in", 4, NULL, {"shape [8, 4]", "expected [8, 8]"}},
        {"blk.0.ffn_up type", 99, NULL, {"blk.0.ffn_up.weight", "type 99"}},
        {"blk.0.ffn_up type", 23, NULL, {"type IQ4_XS", "Q4_0"}},
        {"blk.0.ffn_up type", 12, NULL, {"rows of 8 numbers", "Q4_K, which has 256"}},
        {"blk.0.ffn_up offset", 4, NULL, {"blk.0.ffn_up.weight", "multiple of the alignment"}},
        {"blk.0.ffn_up offset", 32, NULL, {"shares bytes", "token_embd.weight"}},
        {"blk.0.ffn_up offset", (uint64_t)0 - 32, NULL, {"blk.0.ffn_up.weight", "beyond"}},
    };
    static struct file f;
    struct vac_err err = {0};

    (void)state;
    build(&f, NULL);
    assert_ok(open_bytes(&f, &err), &err);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        err_clear(&err);
        build(&f, &lies[i]);
        if (!open_bytes(&f, &err))
            fail_msg("%s %llu was believed", lies[i].what, (unsigned long long)lies[i].number);
        assert_error(&err, "lie.gguf: ");
        assert_error(&err, lies[i].says[0]);
        assert_error(&err, lies[i].says[1]);
        assert_null(strchr(err.msg, '\n'));
    }
}

/* Cut anywhere, the file is refused. */
static void test_cut(void **state)
{
    static struct file f;
    size_t whole;

    (void)state;
    build(&f, NULL);
    whole = f.n;
    for (f.n = 0; f.n < whole; f.n += f.n < 1200 ? 7 : 97) {
        struct vac_err err = {0};
        assert_int_equal(open_bytes(&f, &err), -1);
        assert_true(err.msg[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),       cmocka_unit_test(test_products),
        cmocka_unit_test(test_logits),       cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_roles),        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_full),         cmocka_unit_test(test_from_folder),
        cmocka_unit_test(test_pieces_round), cmocka_unit_test(test_lies),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
