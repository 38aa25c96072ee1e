/* arch_llama.c - Llama 2/3, Vicuna, TinyLlama, SmolLM: the decoder as it is. */
#include "arch/decoder.h"

static const char *const types[] = {"llama", NULL};
static const char *const classes[] = {"LlamaForCausalLM", "LlamaForSequenceClassification", NULL};
static const char *const keys[] = {DECODER_KEYS, "attention_bias", "mlp_bias", NULL};

static int llama_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    if (decoder_read(c, root, err) || json_opt_bool(root, "attention_bias", &c->attn_bias, err) ||
        json_opt_bool(root, "mlp_bias", &c->mlp_bias, err))
        return -1;
    c->o_bias = c->attn_bias;
    return 0;
}

const struct arch arch_llama = {
    .name = "llama",
    .help = "Llama 2/3, Vicuna, TinyLlama, SmolLM",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .gguf = "llama",
    .gguf_neighbours = true,
    .read = llama_read,
    DECODER_BLOCK,
};
