/* tok_chain.h - stages of a part of tokenizer.json, one behind the other, and pieces of a text. */
#ifndef TOKEN_TOK_CHAIN_H
#define TOKEN_TOK_CHAIN_H

#include "base/json.h"
#include "token/tok_regex.h"

/* A text cut into pieces, all in one buffer. */
struct tok_piece {
    size_t at, len;
    int32_t id; /* an added token that was found, -1 = text still to be tokenized */
    bool first; /* begins where the original text begins */
};
struct tok_pieces {
    struct strbuf buf;
    struct tok_piece *v;
    size_t n, cap;
};
/* Makes a piece of what was put into p->buf from byte `at` on. */
int tok_pieces_end(struct tok_pieces *p, size_t at, int32_t id, bool first, struct vac_err *err);
/* Adds a copy of s as a piece. */
int tok_pieces_add(struct tok_pieces *p, const char *s, size_t n, int32_t id, bool first,
                   struct vac_err *err);
void tok_pieces_clear(struct tok_pieces *p);
void tok_pieces_done(struct tok_pieces *p);

struct tok_stage;
struct tok_part;
/* Appends the normalized text to out; clears *first when the beginning of the text was cut off. */
typedef int tok_normalize_fn(const struct tok_stage *s, const char *in, size_t n, bool *first,
                             struct strbuf *out, struct vac_err *err);
/* Appends the pieces of one piece; empty ones may be added and are dropped by the caller. */
typedef int tok_split_fn(const struct tok_stage *s, const char *in, size_t n, bool first,
                         struct tok_pieces *out, struct vac_err *err);
/* Appends the ids with what this stage puts around them. */
typedef int tok_post_fn(const struct tok_stage *s, const struct ids *in, struct ids *out,
                        struct vac_err *err);
/* Tokens in, tokens out. */
typedef int tok_decode_fn(const struct tok_stage *s, const struct tok_pieces *in,
                          struct tok_pieces *out, struct vac_err *err);

/* One kind of stage; a table of them ends with type == NULL. Of the four functions the one that
 * belongs to the table's part is set. */
struct tok_kind {
    const char *type;
    int (*read)(struct tok_stage *s, const struct jnode *node,
                struct vac_err *err); /* NULL = no fields */
    tok_normalize_fn *normalize;
    tok_split_fn *split;
    tok_post_fn *post;
    tok_decode_fn *decode;
};

enum tok_behavior {
    TOK_REMOVED,
    TOK_ISOLATED,
    TOK_MERGED_WITH_PREVIOUS,
    TOK_MERGED_WITH_NEXT,
    TOK_CONTIGUOUS
};
enum tok_scheme { TOK_ALWAYS, TOK_FIRST, TOK_NEVER };

struct tok_stage {
    const struct tok_kind *kind;
    struct tok_stage *next;
    struct tok_regex *re;
    bool literal;               /* re is a plain string */
    char *text;                 /* prepend, content, replacement */
    size_t len;                 /* of text */
    enum tok_behavior behavior; /* Split, Punctuation */
    enum tok_scheme scheme;     /* Metaspace */
    bool invert;                /* Split */
    bool prefix;                /* ByteLevel: add_prefix_space */
    bool split;                 /* Metaspace: split, Digits: individual_digits */
    bool left, right;           /* Strip normalizer */
    size_t start, stop;         /* Strip decoder */
    size_t most;                /* bytes it may make of the text at hand; set before each call */
    struct ids before, after;   /* post-processors: ids around the sequence */
};

/* Any file can ask for any amount of work; for one text it gets so much of it. No tokenizer of a
 * model comes near. */
#define TOK_GROWTH 64                     /* bytes made of one byte of a text, */
#define TOK_GROWTH_BASE ((size_t)1 << 20) /* and of a short text */
#define TOK_STAGES 256                    /* of one part */
#define TOK_AFFIX 256                     /* bytes of a prefix or suffix in a word */
#define TOK_AROUND 4096                   /* ids around a text */
/* What a stage may make of n bytes, and the error that says which one makes more. */
size_t tok_most(size_t n);
void tok_chain_begin(const struct tok_stage *chain, size_t n); /* of a text of n bytes */
int tok_too_much(const struct tok_part *part, const struct tok_stage *s, struct vac_err *err);

/* A part of tokenizer.json: its key, the key of a Sequence's list, its table. */
struct tok_part {
    const char *key, *list;
    const struct tok_kind *kinds;
};
extern const struct tok_part tok_normalizer_part, tok_pretokenizer_part, tok_post_part,
    tok_decoder_part;

/* Reads a part of the file into a chain; 1 when it is absent or null. */
int tok_chain_read(const struct tok_part *part, const struct jnode *root, struct tok_stage **out,
                   struct vac_err *err);
void tok_chain_free(struct tok_stage *s);
/* Takes one stage out of its chain. */
void tok_chain_drop(struct tok_stage **s);
/* json_error with VAC_ERR_UNSUPPORTED: something right that we do not implement. */
int tok_refuse(const struct jnode *n, struct vac_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Reads "pattern": {"String": ..} or {"Regex": ..} into s->re. */
int tok_read_pattern(struct tok_stage *s, const struct jnode *node, struct vac_err *err);
/* Reads a string into s->text; `one` asks for exactly one character. */
int tok_read_text(struct tok_stage *s, const struct jnode *node, const char *key, bool one,
                  struct vac_err *err);
/* Reads replacement and the prepend scheme in its new and its old form. */
int tok_read_metaspace(struct tok_stage *s, const struct jnode *node, struct vac_err *err);
#endif
