/* tok_roles.h - which token begins, ends, pads and is unknown, and the chat template. */
#ifndef TOKEN_TOK_ROLES_H
#define TOKEN_TOK_ROLES_H

#include "token/tok.h"

/* Tokenizer_config.json and chat_template.jinja of the folder, then the fallbacks. */
int tok_roles_read(struct tokenizer *t, const char *dir, struct vac_err *err);
/* The same of a tokenizer_config.json that stands in no folder. */
int tok_roles_from(struct tokenizer *t, const struct jnode *config, struct vac_err *err);
#endif
