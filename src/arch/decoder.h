/* decoder.h - the decoders of the Llama family. */
#ifndef ARCH_DECODER_H
#define ARCH_DECODER_H

#include "model/layers.h"

/* Reads DECODER_KEYS. What the caller has set before stays where the file says nothing: E, the flags. */
int decoder_read(struct config *c, const struct jnode *root, struct vac_err *err);
int decoder_bind(struct model *m, struct vac_err *err);
void decoder_embed(struct pass *p);
void decoder_embed_backward(struct pass *p);
void decoder_attn(struct pass *p, size_t l);
void decoder_attn_backward(struct pass *p, size_t l);
void decoder_mlp(struct pass *p, size_t l);
void decoder_mlp_backward(struct pass *p, size_t l);
void decoder_attn_join(struct pass *p, size_t l);
void decoder_attn_split(struct pass *p, size_t l);
void decoder_mlp_join(struct pass *p, size_t l);
void decoder_mlp_split(struct pass *p, size_t l);
void decoder_final(struct pass *p, size_t n);
void decoder_final_backward(struct pass *p, size_t n);
#define DECODER_KEYS                                                                               \
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",                \
        "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings",                \
        "rms_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "rope_interleaved",       \
        "partial_rotary_factor"
#define DECODER_TARGETS "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
#define DECODER_BLOCK                                                                              \
    .bind = decoder_bind, .embed_forward = decoder_embed,                                          \
    .embed_backward = decoder_embed_backward, .attn_forward = decoder_attn,                        \
    .attn_backward = decoder_attn_backward, .mlp_forward = decoder_mlp,                            \
    .mlp_backward = decoder_mlp_backward, .final_forward = decoder_final,                          \
    .final_backward = decoder_final_backward
#define DECODER_JOINS                                                                              \
    .attn_join = decoder_attn_join, .attn_split = decoder_attn_split,                              \
    .mlp_join = decoder_mlp_join, .mlp_split = decoder_mlp_split
#endif
