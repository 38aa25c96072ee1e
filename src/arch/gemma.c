/* gemma.c - the keys that the Gemmas share. */
#include "arch/gemma.h"

#include <math.h>
#include <string.h>

static int gemma_cap(const struct jnode *root, const char *key, float *cap, struct vac_err *err)
{
    struct jnode at = {.up = root, .file = root->file, .key = key};
    double x = (double)*cap;

    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(root->v, key)))
        x = 0;
    else if (json_opt_num(root, key, &x, err))
        return -1;
    if (!(x >= 0) || !isfinite(x))
        return json_error(&at, err, "expected a positive number or null, found %g", x);
    *cap = (float)x;
    return 0;
}

int gemma_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    const char *act = "gelu_pytorch_tanh";
    double scalar = 256;

    c->norm_plus = 1;
    c->post_norms = c->tied = true;
    c->act = ACT_GELU_TANH;
    c->E = 256;
    c->window = 4096;
    if (decoder_read(c, root, err) || json_opt_str(root, "hidden_act", &act, err) ||
        json_opt_str(root, "hidden_activation", &act, err) ||
        json_opt_num(root, "query_pre_attn_scalar", &scalar, err) ||
        json_opt_bool(root, "attention_bias", &c->attn_bias, err) ||
        gemma_cap(root, "attn_logit_softcapping", &c->attn_cap, err) ||
        gemma_cap(root, "final_logit_softcapping", &c->logit_cap, err) ||
        config_must_be(root, "use_bidirectional_attention", false, err))
        return -1;
    if (strcmp(act, "gelu_pytorch_tanh"))
        return json_error(root, err,
                          "hidden_activation \"%s\" is not implemented; gelu_pytorch_tanh is", act);
    if (!(scalar > 0) || !isfinite(scalar))
        return json_error(root, err, "query_pre_attn_scalar must be a positive number, found %g",
                          scalar);
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(root->v, "sliding_window"))) {
        struct jnode at = {.up = root, .file = root->file, .key = "sliding_window"};
        return json_error(&at, err, "null is not implemented in %s models; a number is",
                          c->arch->name);
    }
    c->o_bias = c->attn_bias;
    c->attn_scale = (float)(1 / sqrt(scalar));
    c->embed_scale = sqrtf((float)c->D);
    return 0;
}
