/* arch_qwen2.c - Qwen2 and Qwen2.5: the decoder with biases on q, k and v, none on o. */
#include "arch/decoder.h"

static const char *const types[] = {"qwen2", NULL};
static const char *const classes[] = {"Qwen2ForCausalLM", NULL};
static const char *const keys[] = {DECODER_KEYS, "sliding_window", "max_window_layers", NULL};

static int qwen2_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    c->attn_bias = true;
    return decoder_read(c, root, err) || config_window_above(c, root, err) ? -1 : 0;
}

const struct arch arch_qwen2 = {
    .name = "qwen2",
    .help = "Qwen2 and Qwen2.5",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .gguf = "qwen2",
    .read = qwen2_read,
    DECODER_BLOCK,
};
