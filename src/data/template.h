/* template.h - prompt templates: how a conversation becomes the text a model reads.
 *
 * A template is one const row of the built-in table, or a chat template (Jinja) that was opened. A
 * rendered conversation is a list of spans; only spans marked `train` carry labels. */
#ifndef DATA_TEMPLATE_H
#define DATA_TEMPLATE_H

#include "base/mem.h"
#include "data/turn.h"
#include "token/tokenizer.h"

struct template_row; /* opaque outside template.c */
/* A built-in one. An error lists the names. */
const struct template_row *template_find(const char *name, struct vac_err *err);
const struct template_row *template_at(size_t i);        /* NULL after the last */
const char *template_help(const struct template_row *t); /* of a built-in one */
/* The built-in one that renders as this Jinja chat template does, by the hash of its text; NULL. */
const struct template_row *template_for_jinja(const char *jinja);

/* What a name in a run file or on a command line means: a built-in template, else a file with a
 * chat template. NULL means the tokenizer's own chat template, and where there is none (or tok is
 * NULL) the built-in `otherwise`. What ends an answer is found by tok, which may be NULL. `today`
 * is what strftime_now takes for now. Free with template_close. */
const struct template_row *template_open(const char *name, const char *otherwise,
                                         struct tokenizer *tok, const char *today,
                                         struct vac_err *err);
void template_close(const struct template_row *t); /* NULL is fine */
/* A built-in template has the name, or a file lies there. An error lists the names. */
int template_check(const char *name, struct vac_err *err);

/* What `today` may be: "2026-11-26", maybe with a time behind it. */
int template_check_day(const char *today, struct vac_err *err);
/* Now, in that form. */
void template_now(char out[32]);

/* The built-in name, the path of a file, or "chat_template" for the tokenizer's own. */
const char *template_name(const struct template_row *t);
/* The special token that ends an answer and that the template itself writes; NULL = EOS ends it. */
const char *template_end(const struct template_row *t);

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
