/* gemma.h - the keys that the Gemmas share. */
#ifndef ARCH_GEMMA_H
#define ARCH_GEMMA_H

#include "arch/decoder.h"

/* Reads GEMMA_KEYS but for the window; caps that are set before are the defaults, null is none. */
int gemma_read(struct config *c, const struct jnode *root, struct vac_err *err);
#define GEMMA_KEYS                                                                                 \
    DECODER_KEYS, "hidden_activation", "query_pre_attn_scalar", "attn_logit_softcapping",          \
        "final_logit_softcapping", "sliding_window", "use_bidirectional_attention",                \
        "attention_bias"
#endif
