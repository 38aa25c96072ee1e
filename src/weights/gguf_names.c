/* gguf_names.c - see gguf_names.h: one table, read both ways. */
#include "weights/gguf_names.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *gguf, *hf;
    bool layer; /* behind "blk.N." and "model.layers.N." */
} names[] = {
    {"token_embd", "model.embed_tokens", false},
    {"output_norm", "model.norm", false},
    {"output", "lm_head", false},
    {"attn_norm", "input_layernorm", true},
    {"attn_q", "self_attn.q_proj", true},
    {"attn_k", "self_attn.k_proj", true},
    {"attn_v", "self_attn.v_proj", true},
    {"attn_output", "self_attn.o_proj", true},
    {"attn_q_norm", "self_attn.q_norm", true},
    {"attn_k_norm", "self_attn.k_norm", true},
    {"ffn_norm", "post_attention_layernorm", true},
    {"ffn_gate", "mlp.gate_proj", true},
    {"ffn_up", "mlp.up_proj", true},
    {"ffn_down", "mlp.down_proj", true},
};

/* Behind `prefix` and a number and a dot: what follows; NULL = it is not so. */
static const char *behind_layer(const char *name, const char *prefix, size_t *layer, int *digits)
{
    size_t n = strlen(prefix);

    *digits = 0;
    if (strncmp(name, prefix, n))
        return NULL;
    *digits = (int)strspn(name + n, "0123456789");
    return *digits > 0 && *digits < 6 && name[n + (size_t)*digits] == '.' &&
                   sscanf(name + n, "%zu", layer) == 1
               ? name + n + *digits + 1
               : NULL;
}

static bool translate(const char *name, bool to_hf, char *out, size_t size)
{
    size_t layer = 0;
    int digits;
    const char *rest = behind_layer(name, to_hf ? "blk." : "model.layers.", &layer, &digits);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *from = to_hf ? names[i].gguf : names[i].hf;
        const char *to = to_hf ? names[i].hf : names[i].gguf;
        const char *part = names[i].layer ? rest : name;
        size_t n = strlen(from);

        if (!part || strncmp(part, from, n) || part[n] != '.')
            continue;
        if (names[i].layer)
            snprintf(out, size, "%s%zu.%s%s", to_hf ? "model.layers." : "blk.", layer, to,
                     part + n);
        else
            snprintf(out, size, "%s%s", to, part + n);
        return true;
    }
    snprintf(out, size, "%s", name);
    return false;
}

bool gguf_name_to_hf(const char *name, char *out, size_t size)
{
    return translate(name, true, out, size);
}

bool gguf_name_from_hf(const char *name, char *out, size_t size)
{
    return translate(name, false, out, size);
}
