/* arch_qwen3.c - Qwen3: the decoder with a norm of every head of q and k before rotation, and a head size
 * that is not width / heads. */
#include "arch/decoder.h"

static const char *const types[] = {"qwen3", NULL};
static const char *const classes[] = {"Qwen3ForCausalLM", NULL};
static const char *const keys[] = {DECODER_KEYS, "attention_bias", "sliding_window",
                                   "max_window_layers", NULL};

static int qwen3_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    c->head_norm = true;
    c->E = 128; /* what Transformers takes when the key is not there */
    if (decoder_read(c, root, err) || config_window_above(c, root, err) ||
        json_opt_bool(root, "attention_bias", &c->attn_bias, err))
        return -1;
    c->o_bias = c->attn_bias;
    return 0;
}

const struct arch arch_qwen3 = {
    .name = "qwen3",
    .help = "Qwen3, without experts",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .gguf = "qwen3",
    .read = qwen3_read,
    DECODER_BLOCK,
};
