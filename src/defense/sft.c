/* sft.c - plain supervised fine-tuning: the mean loss of the labelled tokens, one pass. */
#include "defense/passes.h"

static void sft_step(struct step *s)
{
    s->out.loss = step_weight_gradients(s, SITE_ATTN, REF_NONE, false);
}

const struct method method_sft = {
    .name = "sft",
    .help = "supervised fine-tuning",
    .step = sft_step,
};
