/* config_gguf.c - see config_gguf.h */
#include "model/config_gguf.h"
#include <math.h>
#include <string.h>
#include "base/json_out.h"
#include "base/name.h"
#include "model/arch.h"

/* `*x` is the default; 0 = the key must be there. */
static int read_size(const struct gguf *g, const char *key, int64_t most, int64_t *x,
                     struct vac_err *err)
{
    int rc = gguf_int(g, key, 1, most, x, err);

    if (rc > 0 && !*x)
        return gguf_error(g, key, err, "is not there: expected a whole number from 1");
    return rc < 0 ? -1 : 0;
}

static int read_rate(const struct gguf *g, const char *key, double *x, struct vac_err *err)
{
    int rc = gguf_num(g, key, x, err);

    if (rc == 0 && (!(*x >= 0) || !isfinite(*x)))
        return gguf_error(g, key, err, "expected a number from 0, found %g", *x);
    return rc;
}

static const struct st_tensor *tensor_named(const struct gguf *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (!strcmp(g->t[i].in_file, name))
            return &g->t[i];
    return NULL;
}

/* Ids that a tokenizer names; those that are not there are left out. */
static int put_ids(const struct gguf *g, int64_t V, struct json_out *out, struct vac_err *err)
{
    static const char *const ends[] = {"eos", "eot", "eom"};
    char key[64];
    int64_t id;
    int rc, n = 0;

    for (int pad = 0; pad < 2; pad++) {
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", pad ? "padding" : "bos");
        rc = gguf_int(g, key, 0, V - 1, &id, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            json_put_int(out, pad ? "pad_token_id" : "bos_token_id", id);
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", ends[i]);
        rc = gguf_int(g, key, 0, V - 1, &id, err);
        if (rc < 0)
            return -1;
        if (rc == 0 && !n++)
            json_put_list(out, "eos_token_id", JSON_TIGHT);
        if (rc == 0)
            json_put_int(out, NULL, id);
    }
    if (n)
        json_put_end(out);
    return 0;
}

/* Llama 3.1 and later: no key tells of the scaling, a tensor has what each pair's angle is divided by. The
 * keys that make these numbers: between two wavelengths 1 / divisor goes from 1 to 1 / factor in a straight
 * line over 1 / wavelength, and that line gives both. */
static int put_llama3(struct gguf *g, double theta, int64_t E, struct json_out *out,
                      struct vac_err *err)
{
    const struct st_tensor *t = tensor_named(g, "rope_freqs.weight");
    size_t half = (size_t)E / 2, mid = 0, from = 0, to = 0, ones = 0;
    double factor = 1, low, high, worst = 0, slope = 0, turns[2048], blend[2048];
    float v[2048];

    if (t->dtype != DTYPE_F32 || t->numel != half || half > 2048)
        return gguf_error(g, t->in_file, err, "expected %zu numbers in F32", half);
    memcpy(v, t->data, half * sizeof *v);
    for (size_t i = 0; i < half; i++) {
        if (!(v[i] >= 1) || !isfinite(v[i]))
            return gguf_error(g, t->in_file, err, "number %zu is %g, expected 1 or more", i,
                              (double)v[i]);
        factor = fmax(factor, (double)v[i]);
    }
    if (factor == 1)
        return 0;
    for (size_t i = 0; i < half; i++) {
        turns[i] = pow(theta, -2.0 * (double)i / (double)E) / (2 * M_PI);
        blend[i] = (1 / (double)v[i] - 1 / factor) / (1 - 1 / factor);
        ones += i == ones && v[i] == 1;
        if (v[i] > 1 && (double)v[i] < factor) {
            from = mid++ ? from : i;
            to = i;
        }
    }
    /* Where less than two numbers lie on the line, any line does that parts the others. */
    if (mid >= 2) {
        slope = (blend[from] - blend[to]) / (turns[from] - turns[to]);
    } else {
        to = mid ? to : ones;
        slope = ones ? (1 - blend[to]) / (turns[ones - 1] - turns[to]) : 1 / turns[to];
        if (mid && to + 1 < half)
            slope = fmax(slope, blend[to] / (turns[to] - turns[to + 1]));
    }
    low = turns[to] - blend[to] / slope;
    high = low + 1 / slope;
    for (size_t i = 0; i < half; i++) {
        double s = fmin(1, fmax(0, (turns[i] - low) / (high - low)));
        worst = fmax(worst, fabs((1 - s) / factor + s - 1 / (double)v[i]));
    }
    if (!(worst < 1e-5) || !(low > 0))
        return gguf_error(g, t->in_file, err, "its numbers are not those of rope_type llama3");
    json_put_object(out, "rope_scaling", JSON_TIGHT);
    json_put_text(out, "rope_type", "llama3");
    json_put_num(out, "factor", factor);
    json_put_int(out, "low_freq_factor", 1);
    json_put_num(out, "high_freq_factor", high / low);
    json_put_num(out, "original_max_position_embeddings", 1 / low);
    json_put_end(out);
    return 0;
}

static int put_rope(struct gguf *g, int64_t E, struct json_out *out, struct vac_err *err)
{
    const char *type = "none";
    double theta = 10000, factor = 0;
    int64_t turned = E;

    if (read_rate(g, "ARCH.rope.freq_base", &theta, err) < 0 ||
        read_size(g, "ARCH.rope.dimension_count", E, &turned, err) ||
        gguf_text(g, "ARCH.rope.scaling.type", &type, err) < 0 ||
        read_rate(g, "ARCH.rope.scaling.factor", &factor, err) < 0)
        return -1;
    if (!(theta > 0))
        return gguf_error(g, "ARCH.rope.freq_base", err, "expected a number above 0, found %g",
                          theta);
    if (turned != E)
        return gguf_error(g, "ARCH.rope.dimension_count", err,
                          "only %lld of a head's %lld numbers are rotated: not implemented",
                          (long long)turned, (long long)E);
    if (strcmp(type, "none") && strcmp(type, "linear"))
        return gguf_error(g, "ARCH.rope.scaling.type", err,
                          "\"%.40s\" is not implemented; none and linear are", type);
    json_put_num(out, "rope_theta", theta);
    if (tensor_named(g, "rope_freqs.weight"))
        return !strcmp(type, "none")
                   ? put_llama3(g, theta, E, out, err)
                   : gguf_error(g, "ARCH.rope.scaling.type", err,
                                "\"%.40s\", but rope_freqs.weight scales too", type);
    if (!strcmp(type, "linear")) {
        json_put_object(out, "rope_scaling", JSON_TIGHT);
        json_put_text(out, "rope_type", "linear");
        json_put_num(out, "factor", factor);
        json_put_end(out);
    }
    return 0;
}

int config_gguf_text(struct gguf *g, struct strbuf *text, struct vac_err *err)
{
    const struct st_tensor *embed = tensor_named(g, "token_embd.weight");
    int64_t L = 0, P = 0, D = 0, F = 0, H = 0, K, E, value, window = 0;
    const struct gguf_value *tokens;
    double eps = -1;
    struct json_out out = json_out(text);
    struct strbuf known = {0};
    const struct arch *arch = arch_of_gguf(g->arch, &known);

    if (!arch)
        gguf_error(g, "general.architecture", err, "\"%.40s\" is not supported; supported are %s",
                   g->arch, known.s ? known.s : "none");
    sb_done(&known);
    if (!arch)
        return -1;
    if (read_size(g, "ARCH.block_count", CONFIG_MAX_LAYERS, &L, err) ||
        read_size(g, "ARCH.context_length", 1 << 24, &P, err) ||
        read_size(g, "ARCH.embedding_length", 1 << 20, &D, err) ||
        read_size(g, "ARCH.feed_forward_length", 1 << 22, &F, err) ||
        read_size(g, "ARCH.attention.head_count", 4096, &H, err))
        return -1;
    K = H;
    if (D % H && !gguf_find(g, "ARCH.attention.key_length"))
        return gguf_error(g, "ARCH.attention.head_count", err,
                          "%lld heads do not divide the embedding_length %lld", (long long)H,
                          (long long)D);
    E = D / H;
    if (read_size(g, "ARCH.attention.head_count_kv", 4096, &K, err) ||
        read_size(g, "ARCH.attention.key_length", 4096, &E, err))
        return -1;
    value = E;
    if (read_size(g, "ARCH.attention.value_length", 4096, &value, err) ||
        gguf_int(g, "ARCH.attention.sliding_window", 0, INT32_MAX, &window, err) < 0 ||
        read_rate(g, "ARCH.attention.layer_norm_rms_epsilon", &eps, err) < 0)
        return -1;
    if (eps < 0)
        return gguf_error(g, "ARCH.attention.layer_norm_rms_epsilon", err, "is not there");
    if (value != E)
        return gguf_error(g, "ARCH.attention.value_length", err, "%lld, but the keys have %lld",
                          (long long)value, (long long)E);
    if (!embed || embed->rank != 2)
        return err_set(err, VAC_ERR_FORMAT, "%s: no tensor \"token_embd.weight\" of two dimensions",
                       g->path);
    if (gguf_array(g, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, err))
        return -1;
    if (tokens && tokens->n != embed->shape[0])
        return gguf_error(g, tokens->key, err, "%zu tokens for the %zu rows of token_embd.weight",
                          tokens->n, embed->shape[0]);
    json_put_object(&out, NULL, JSON_TIGHT);
    json_put_list(&out, "architectures", JSON_TIGHT);
    json_put_text(&out, NULL, arch->classes[0]);
    json_put_end(&out);
    json_put_text(&out, "model_type", arch->model_types[0]);
    json_put_natural(&out, "vocab_size", embed->shape[0]);
    json_put_int(&out, "hidden_size", D);
    json_put_int(&out, "intermediate_size", F);
    json_put_int(&out, "num_hidden_layers", L);
    json_put_int(&out, "num_attention_heads", H);
    json_put_int(&out, "num_key_value_heads", K);
    json_put_int(&out, "head_dim", E);
    json_put_text(&out, "hidden_act", "silu");
    json_put_int(&out, "max_position_embeddings", P);
    json_put_num(&out, "rms_norm_eps", eps);
    json_put_bool(&out, "tie_word_embeddings", !tensor_named(g, "output.weight"));
    if (name_listed(arch->keys, "attention_bias") && tensor_named(g, "blk.0.attn_q.bias"))
        json_put_bool(&out, "attention_bias", true);
    if (window)
        json_put_int(&out, "sliding_window", window);
    if (put_rope(g, E, &out, err) || put_ids(g, (int64_t)embed->shape[0], &out, err))
        return -1;
    json_put_text(&out, "torch_dtype", "float32");
    json_put_end(&out);
    return sb_ok(text, err);
}
