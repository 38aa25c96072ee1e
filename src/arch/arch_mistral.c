/* arch_mistral.c - Mistral: the decoder with a window over all layers, where it has one. */
#include "arch/decoder.h"

static const char *const types[] = {"mistral", NULL};
static const char *const classes[] = {"MistralForCausalLM", NULL};
static const char *const keys[] = {DECODER_KEYS, "sliding_window", NULL};

static int mistral_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    c->window = 4096;
    return decoder_read(c, root, err) || config_window(c, root, 0, 0, err) ? -1 : 0;
}

const struct arch arch_mistral = {
    .name = "mistral",
    .help = "Mistral and Ministral",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .gguf = "llama",
    .gguf_neighbours = true,
    .read = mistral_read,
    DECODER_BLOCK,
};
