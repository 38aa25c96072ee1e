/* chat.h - conversations by a chat template, which is Jinja text from a model's folder or a file.
 *
 * The text is what Hugging Face's apply_chat_template gives for the same turns. */
#ifndef DATA_CHAT_H
#define DATA_CHAT_H

#include "data/turn.h"
#include "jinja/jinja.h"

struct chat;
/* `name` (a path) goes before messages. `today` is what strftime_now takes for now; NULL = the
 * template must not ask. */
struct chat *chat_new(const char *text, size_t len, const char *name, const char *today,
                      struct vac_err *err);
void chat_free(struct chat *c);

/* The text of the turns, and of what stands before an answer where the last turn is a user's. The
 * spans are what is learnt of the turns marked `train`: what {% generation %} marks, else the
 * answer from behind its prompt through `end` ("" = the template writes none, but may write EOS
 * behind the last one). */
int chat_render(const struct chat *c, const struct turn *turn, size_t n, const char *bos,
                const char *eos, const char *end, struct jinja_output *out, struct vac_err *err);
/* What stands between an answer and a further question, and behind the last answer: where an answer
 * has an end, both begin with it. */
int chat_ends(const struct chat *c, const char *bos, const char *eos, struct strbuf *between,
              struct strbuf *last, struct vac_err *err);
#endif
