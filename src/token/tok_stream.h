/* tok_stream.h - text from ids that arrive one by one. */
#ifndef TOKEN_TOK_STREAM_H
#define TOKEN_TOK_STREAM_H

#include "token/tokenizer.h"

/* Text piece by piece while ids arrive: text is handed out only once it can no longer change (complete
 * UTF-8, decoder's leading strip applied once). Special tokens have no text here. */
struct tokenizer_stream {
    struct tokenizer *t;
    struct ids ids;
    size_t sent; /* bytes of the decoded text handed out so far */
};
/* Appends what id makes final to `out`. */
int tokenizer_stream_put(struct tokenizer_stream *s, int32_t id, struct strbuf *out,
                         struct vac_err *err);
/* Appends the rest. */
int tokenizer_stream_end(struct tokenizer_stream *s, struct strbuf *out, struct vac_err *err);
void tokenizer_stream_done(struct tokenizer_stream *s);
#endif
