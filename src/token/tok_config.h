/* tok_config.h - what tokenizer_config.json changes about tokenizer.json. */
#ifndef TOKEN_TOK_CONFIG_H
#define TOKEN_TOK_CONFIG_H

#include "token/tok.h"

/* What tokenizer_config.json changes, before the roles are found and, with them, what
 * is put around a text. */
int tok_config_apply(struct tokenizer *t, const struct jnode *config, struct vac_err *err);
int tok_config_around(struct tokenizer *t, const struct jnode *config, int32_t bos, int32_t eos,
                      struct vac_err *err);
#endif
