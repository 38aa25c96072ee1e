/* template.h - prompt templates: how a conversation becomes the text a model reads.
 *
 * A template is one const row; a new one is one row in the table. A rendered conversation is a list of spans; only spans marked `train` carry labels. */
#ifndef DATA_TEMPLATE_H
#define DATA_TEMPLATE_H

#include "base/mem.h"

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct turn {
    enum role role;
    const char *text;  /* valid UTF-8 */
    const char *input; /* alpaca's second field of a user turn; NULL or "" = none */
    bool train;        /* an assistant turn that carries labels */
};

struct template_row; /* opaque outside template.c */
const struct template_row *template_find(const char *name,
                                         struct vac_err *err); /* error lists the names */
const struct template_row *template_at(size_t i);              /* NULL after the last */
const char *template_name(const struct template_row *t);
const char *template_help(const struct template_row *t);
/* The special token that ends an answer and that the row itself writes; NULL = EOS ends it. */
const char *template_end(const struct template_row *t);
/* The row whose model's Jinja chat template has this exact text's hash, or NULL (then the user is asked). */
const struct template_row *template_for_jinja(const char *jinja);

struct span {
    size_t len;
    bool train; /* answer text: labelled, and followed by EOS as the template says */
};
struct rendered {
    struct strbuf text;
    struct span *span; /* in order; lengths add up to text.len */
    size_t n, cap;
    bool special_in_text; /* the template wrote BOS and EOS itself: the tokenizer adds none */
};
/* Renders turns; a last user turn leaves the text where the answer begins (a prompt). bos and eos are the
 * special tokens' texts, for templates that write them ("" = none). Clears `out` first. */
int template_render(const struct template_row *t, const struct turn *turn, size_t n,
                    const char *bos, const char *eos, struct rendered *out, struct vac_err *err);
void rendered_done(struct rendered *r);
#endif
