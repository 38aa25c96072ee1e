/* bench_shape.c - see bench_shape.h */
#include "rig/bench_shape.h"

#include "base/json_out.h"

/* Rows that the head works on at a time. */
#define HEAD_ROWS 256

size_t bench_shape_labels(const struct bench_shape *s)
{
    return s->B * (s->T - 1);
}

/* The members that the two have in common. */
static struct json_out config_begin(const struct bench_shape *s, const char *class,
                                    const char *type, struct strbuf *out)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_list(&o, "architectures", JSON_TIGHT);
    json_put_text(&o, NULL, class);
    json_put_end(&o);
    json_put_text(&o, "model_type", type);
    json_put_text(&o, "torch_dtype", "float32");
    json_put_int(&o, "max_position_embeddings", 2048);
    json_put_natural(&o, "vocab_size", s->V);
    json_put_natural(&o, "hidden_size", s->D);
    json_put_natural(&o, "num_hidden_layers", s->L);
    json_put_natural(&o, "num_attention_heads", s->H);
    return o;
}

static void llama_config(const struct bench_shape *s, struct strbuf *out)
{
    struct json_out o = config_begin(s, "LlamaForCausalLM", "llama", out);

    json_put_natural(&o, "num_key_value_heads", s->K);
    json_put_natural(&o, "intermediate_size", s->F);
    json_put_text(&o, "hidden_act", "silu");
    json_put_num(&o, "rms_norm_eps", 1e-5);
    json_put_num(&o, "rope_theta", 10000);
    json_put_bool(&o, "tie_word_embeddings", s->tied);
    json_put_num(&o, "initializer_range", 0.02);
    json_put_end(&o);
}

static void opt_config(const struct bench_shape *s, struct strbuf *out)
{
    struct json_out o = config_begin(s, "OPTForCausalLM", "opt", out);

    json_put_natural(&o, "word_embed_proj_dim", s->D);
    json_put_natural(&o, "ffn_dim", s->F);
    json_put_text(&o, "activation_function", "relu");
    json_put_bool(&o, "do_layer_norm_before", true);
    json_put_num(&o, "init_std", 0.02);
    json_put_end(&o);
}

static const struct bench_shape shapes[] = {
    {.name = "tiny",
     .arch = "llama",
     .config = llama_config,
     .gated = true,
     .D = 128,
     .L = 4,
     .H = 4,
     .K = 4,
     .F = 344,
     .V = 512,
     .B = 10,
     .T = 64},
    {.name = "small",
     .arch = "llama",
     .config = llama_config,
     .gated = true,
     .D = 288,
     .L = 6,
     .H = 6,
     .K = 6,
     .F = 768,
     .V = 32000,
     .B = 5,
     .T = 200,
     .tied = true},
    {.name = "smollm",
     .arch = "llama",
     .config = llama_config,
     .gated = true,
     .D = 576,
     .L = 30,
     .H = 9,
     .K = 3,
     .F = 1536,
     .V = 49152,
     .B = 5,
     .T = 200,
     .tied = true},
    {.name = "opt",
     .arch = "opt",
     .config = opt_config,
     .D = 768,
     .L = 12,
     .H = 12,
     .K = 12,
     .F = 3072,
     .V = 50272,
     .B = 4,
     .T = 64,
     .tied = true,
     .full = true},
};
const char *const bench_shape_names[] = {"tiny", "small", "smollm", "opt", NULL};

const struct bench_shape *bench_shape_at(size_t i)
{
    return &shapes[i];
}

/* A linear module of a block. */
struct module {
    size_t in, out;
    bool attention;
    bool reads_input; /* of the block: in block 0 a frozen embedding wants no gradient from it */
};

static size_t modules_of(const struct bench_shape *s, struct module out[7])
{
    const size_t q = s->D, kv = s->D / s->H * s->K;
    size_t n = 0;

    out[n++] = (struct module){s->D, q, true, true};
    out[n++] = (struct module){s->D, kv, true, true};
    out[n++] = (struct module){s->D, kv, true, true};
    out[n++] = (struct module){q, s->D, true, false};
    out[n++] = (struct module){s->D, s->F, false, false};
    if (s->gated)
        out[n++] = (struct module){s->D, s->F, false, false};
    out[n++] = (struct module){s->F, s->D, false, false};
    return n;
}

/* One shape stands once, with all its FLOPs. */
static size_t add_product(struct product *out, size_t n, struct sides s, double flops)
{
    for (size_t i = 0; i < n; i++) {
        const struct sides *x = &out[i].s;
        if (x->ta == s.ta && x->tb == s.tb && x->m == s.m && x->n == s.n && x->k == s.k) {
            out[i].flops += flops;
            return n;
        }
    }
    if (flops > 0)
        out[n++] = (struct product){s, flops};
    return n;
}

/* y = x w^T over `rows` rows in pieces of `piece`, and its gradients. */
static size_t add_linear(struct product *out, size_t n, size_t rows, size_t piece, size_t in,
                         size_t width, double forward, double back, bool weights)
{
    const double once = 2.0 * (double)rows * (double)in * (double)width;

    n = add_product(out, n, (struct sides){false, true, piece, width, in}, once * forward);
    n = add_product(out, n, (struct sides){false, false, piece, in, width}, once * back);
    if (weights)
        n = add_product(out, n, (struct sides){true, false, width, in, piece}, once * forward);
    return n;
}

size_t bench_shape_products(const struct bench_shape *s, struct product out[BENCH_MAX_PRODUCTS])
{
    const size_t labels = bench_shape_labels(s), rows = s->B * s->T;
    const double blocks = (double)s->L;
    struct module module[7];
    size_t n = 0, count = modules_of(s, module);

    for (size_t i = 0; i < count; i++)
        n = add_linear(out, n, rows, rows, module[i].in, module[i].out, blocks,
                       module[i].reads_input && !s->full ? blocks - 1 : blocks, s->full);
    return add_linear(out, n, labels, labels < HEAD_ROWS ? labels : HEAD_ROWS, s->D, s->V, 1, 1,
                      s->full);
}

/* Scores and mixing of one block, half of the square, forward. */
static double attention_flops(const struct bench_shape *s)
{
    return 2.0 * (double)s->T * (double)s->D * (double)(s->B * s->T);
}

/* A clean pass, less what the pass after it need not do again. */
static double clean_flops(const struct bench_shape *s)
{
    const double blocks = (double)s->L, rows = (double)(s->B * s->T);
    const double rank = s->full ? 0 : BENCH_RANK;
    const double head = 2.0 * (double)bench_shape_labels(s) * (double)s->D * (double)s->V;
    struct module module[7];
    size_t count = modules_of(s, module);
    /* of attention: forward, twice backward but in block 0, less forward in block 0 */
    double sum = 2 * head + attention_flops(s) * (3 * blocks - 3);

    /* one product with a base weight, and with its low-rank term */
    for (size_t i = 0; i < count; i++)
        sum += 2 * rows *
               ((double)module[i].in * (double)module[i].out +
                rank * (double)(module[i].in + module[i].out)) *
               (2 * blocks - (module[i].attention ? 2 : 0));
    return sum;
}

/* Forward once, backward twice. */
static double lora_flops(const struct bench_shape *s)
{
    struct module module[7];
    size_t count = modules_of(s, module), width = 0;

    for (size_t i = 0; i < count; i++)
        width += module[i].in + module[i].out;
    return s->full ? 0 : 3 * 2.0 * BENCH_RANK * (double)(width * s->L * s->B * s->T);
}

double bench_shape_flops(const struct bench_shape *s, bool clean)
{
    struct product product[BENCH_MAX_PRODUCTS];
    size_t n = bench_shape_products(s, product);
    double sum = 3 * attention_flops(s) * (double)s->L + lora_flops(s);

    for (size_t i = 0; i < n; i++)
        sum += product[i].flops;
    return clean ? sum + clean_flops(s) : sum;
}
