/* tok_decode.h - decoders. */
#ifndef TOKEN_TOK_DECODE_H
#define TOKEN_TOK_DECODE_H

#include "token/tok.h"

/* The whole chain; appends to out. */
int tok_decode(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
               struct strbuf *out, struct vac_err *err);
struct tok_hold tok_decode_hold(const struct tok_stage *chain);
/* The byte of a token "<0xNN>", -1 when it is none. */
int tok_byte_token(const char *s, size_t n);
/* A space in front of a text: asked for, or not. */
void tok_decoder_prefix(struct tokenizer *t, bool on);
#endif
