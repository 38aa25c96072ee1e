/* tok_gguf_write.h - a tokenizer.json put among the keys of a GGUF file. */
#ifndef TOKEN_TOK_GGUF_WRITE_H
#define TOKEN_TOK_GGUF_WRITE_H

#include "weights/gguf_write.h"

/* That of a folder, for a model of `rows` tokens. A way to cut texts that such files have no name for is an
 * error: with another name they would give other ids. */
int tok_gguf_write(const char *dir, size_t rows, struct gguf_writer *w, struct vac_err *err);
#endif
