/* arch_gemma2.c - Gemma 2: norms of 1 + w, before and after each half; scaled embeddings; soft caps of scores
 * and logits; every other layer slides.
 *
 *     mid = x + norm(attention(norm(x)));   next x = mid + norm(down(gelu(gate(n)) up(n))), n = norm(mid)
 *
 * The attention output, where taps are, is that of the module: before the norm that follows it. */
#include <math.h>

#include "arch/gemma.h"

static const char *const types[] = {"gemma2", NULL};
static const char *const classes[] = {"Gemma2ForCausalLM", NULL};
static const char *const keys[] = {GEMMA_KEYS, NULL};

static int gemma2_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    c->attn_cap = 50;
    c->logit_cap = 30;
    return gemma_read(c, root, err) || config_window(c, root, 0, 2, err) ? -1 : 0;
}

const struct arch arch_gemma2 = {
    .name = "gemma2",
    .help = "Gemma 2",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .read = gemma2_read,
    DECODER_BLOCK,
    DECODER_JOINS,
};
