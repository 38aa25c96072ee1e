/* arch_mistral.c - Mistral: the decoder as it is, with a head size of its own. */
#include "model/layers.h"

static const char *const types[] = {"mistral", NULL};
static const char *const classes[] = {"MistralForCausalLM", NULL};
static const char *const keys[] = {DECODER_KEYS, NULL};

const struct arch arch_mistral = {
    .name = "mistral",
    .help = "Mistral and Ministral",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .read = decoder_read,
    DECODER_BLOCK,
};
