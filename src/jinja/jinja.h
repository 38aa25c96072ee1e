/* jinja.h - the part of Jinja that chat templates use, rendered as Hugging Face's library does.
 *
 * A template is text from a stranger: it reads what it is given and writes text, nothing else; what
 * it may compute, hold and write is bounded, so that it always ends. What is not implemented is an
 * error that names the line. Blocks are trimmed as there (trim_blocks, lstrip_blocks), missing
 * names print as nothing, and
 * {% generation %} marks what is learnt. */
#ifndef JINJA_JINJA_H
#define JINJA_JINJA_H

#include "base/json.h"
#include "base/mem.h"

struct jinja;
/* Parses a template; `name` (a path) goes before messages. The text is copied. */
struct jinja *jinja_parse(const char *text, size_t len, const char *name, struct vac_err *err);
void jinja_free(struct jinja *j);

/* A stretch of the output that {% generation %} wrote. */
struct jinja_span {
    size_t from, to;
};
struct jinja_output {
    struct strbuf text;
    struct jinja_span *span;
    size_t n_spans, cap_spans;
};
/* Renders with the members of `vars` (an object: messages, add_generation_prompt, bos_token, ...)
 * as variables. today: "YYYY-MM-DD", maybe with " HH:MM:SS" or "THH:MM:SS" behind it, is what
 * strftime_now takes for now; NULL = it is an error to ask. What the template itself refuses
 * (raise_exception) is VAC_ERR_USAGE, a fault of it VAC_ERR_FORMAT. Clears `out` first. */
int jinja_render(const struct jinja *j, const cJSON *vars, const char *today,
                 struct jinja_output *out, struct vac_err *err);
void jinja_output_done(struct jinja_output *out);
#endif
