/* arch_gemma3.c - Gemma 3, text: as Gemma 2, with norms of every head in place of caps, five layers that slide
 * to one that does not, and a rotation of their own for those that slide. */
#include "arch/gemma.h"

static const char *const types[] = {"gemma3_text", NULL};
static const char *const classes[] = {"Gemma3ForCausalLM", NULL};
static const char *const keys[] = {GEMMA_KEYS, "rope_local_base_freq", "sliding_window_pattern",
                                   "_sliding_window_pattern", NULL};

static int gemma3_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    int64_t every = 6; /* and _sliding_window_pattern is written, but not read, by Transformers */

    c->head_norm = c->two_ropes = true;
    c->rope.theta = 1e6;
    c->rope_sliding.theta = 1e4;
    if (gemma_read(c, root, err) ||
        json_opt_int(root, "sliding_window_pattern", 1, INT32_MAX, &every, err) ||
        config_window(c, root, 0, (size_t)every, err))
        return -1;
    c->attn_cap = 0; /* Transformers reads the key, and does not use it in this model */
    return 0;
}

const struct arch arch_gemma3 = {
    .name = "gemma3",
    .help = "Gemma 3, text only",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .read = gemma3_read,
    DECODER_BLOCK,
    DECODER_JOINS,
};
