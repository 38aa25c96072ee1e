/* arch.h - what an architecture is: its config keys, its weights, its block.
 *
 * To add one: write arch_NAME.c with one `const struct arch arch_NAME`, add NAME to ARCHS, and the file to
 * Makefile.am. A block is two halves around the places where methods may touch activations (taps):
 *
 *     attn_forward:  acts->t = attention output;  layer.mid  = layer.x + t     -> SITE_ATTN adds to mid
 *     mlp_forward:   acts->t = MLP output;        next x     = mid + t         -> SITE_MLP adds to next x
 *     where a norm stands between an output and its sum (Gemma), the halves leave the output in layer.out1
 *     and layer.out2, taps add there, and attn_join and mlp_join make the sum; attn_split and mlp_split come
 *     back from acts->dx to acts->dout
 *     out_forward:   a norm after the block (post-norm models), or NULL        -> SITE_BLOCK adds to next x
 *
 * Backward halves take and leave the gradient of the residual stream in acts->dx, and take that of their
 * output t in acts->dt (often the same place). */
#ifndef MODEL_ARCH_H
#define MODEL_ARCH_H

#include "base/mem.h"
#include "model/config.h"

struct model;
struct pass;

/* X-macro: arch_<name>.c each. */
#define ARCHS(X) X(llama) X(opt) X(mistral) X(qwen2) X(qwen3) X(gemma2) X(gemma3)

struct arch {
    const char *name;
    const char *help;
    const char *const *model_types; /* config.json's model_type, NULL-terminated */
    const char *const *classes;     /* accepted "architectures" entries, NULL-terminated */
    const char *const *keys;        /* config keys it reads itself, NULL-terminated */
    const char *peft_targets;       /* all linear modules of a block, comma-separated */
    const char *gguf;               /* its name in GGUF files; NULL = not read or written as one */
    bool gguf_neighbours;           /* rows of q and k lie there as weights_order_rows() says */
    int (*read)(struct config *c, const struct jnode *root, struct vac_err *err);
    /* Declares every weight with model_weight() and every linear with model_linear(). */
    int (*bind)(struct model *m, struct vac_err *err);
    void (*embed_forward)(struct pass *p);
    void (*embed_backward)(struct pass *p); /* only when the embedding is trained */
    void (*attn_forward)(struct pass *p, size_t l);
    void (*attn_backward)(struct pass *p, size_t l);
    void (*mlp_forward)(struct pass *p, size_t l);
    void (*mlp_backward)(struct pass *p, size_t l);
    void (*attn_join)(struct pass *p,
                      size_t l); /* NULL = the half makes its sum; all four or none */
    void (*attn_split)(struct pass *p, size_t l);
    void (*mlp_join)(struct pass *p, size_t l);
    void (*mlp_split)(struct pass *p, size_t l);
    void (*out_forward)(struct pass *p, size_t l);
    void (*out_backward)(struct pass *p, size_t l);
    /* acts->head [n,P] from acts->head_x [n,D]: final norm, and projection where there is one; and back
     * from acts->dhead to acts->dhead_x (stored). */
    void (*final_forward)(struct pass *p, size_t n);
    void (*final_backward)(struct pass *p, size_t n);
};
const struct arch *arch_at(size_t i); /* NULL after the last */
/* What reads a GGUF file of this architecture; NULL and (if not NULL) the names of those that are read. */
const struct arch *arch_of_gguf(const char *name, struct strbuf *known);
#endif
