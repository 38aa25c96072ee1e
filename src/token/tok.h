/* tok.h - what the parts of the tokenizer share; only tok_*.c and tokenizer.c include it.
 *
 * A text goes through: added tokens found in the raw text, normalizers, added tokens found in the
 * normalized text, pre-tokenizers, the BPE model, post-processors. Each of the four configurable
 * parts is a chain of stages (a Sequence is written out flat), each stage one row of its part's
 * table. */
#ifndef TOKEN_TOK_H
#define TOKEN_TOK_H

#include "base/json.h"
#include "base/utf8.h"
#include "token/tok_map.h"
#include "token/tok_regex.h"
#include "token/tokenizer.h"

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

/* tok_unicode.c: the character classes of Rust's char, and GPT-2's letters for bytes. They and the
 * small forms are those of the versions of Unicode that Hugging Face's tokenizers has. */
bool tok_is_space(uint32_t cp);
bool tok_is_numeric(uint32_t cp);
bool tok_is_punctuation(uint32_t cp);
bool tok_is_mark(uint32_t cp);
bool tok_is_word(uint32_t cp);
uint32_t tok_lower(uint32_t cp); /* one capital has a small form of two characters: 0130 */
/* Normal forms leave it alone, and so it parts what stands before from what stands behind it. */
bool tok_is_inert(uint32_t cp);
uint32_t tok_byte_to_char(unsigned char b);
int tok_char_to_byte(uint32_t cp); /* -1 = stands for no byte */

/* tok_bpe.c */
struct tok_pair {
    uint64_t key;  /* left id << 32 | right id */
    uint32_t rank; /* 0 = free slot; else index in the merges + 1 */
    int32_t id;    /* of the merged token */
};
struct tok_symbol {
    int32_t id;
    uint32_t prev, next; /* indices; TOK_NONE = none */
    bool gone;
};
#define TOK_NONE UINT32_MAX
struct tok_merge {
    uint32_t rank, pos;
    int32_t id;
};
struct tok_word;
struct tok_bpe {
    struct tok_map vocab;
    struct tok_pair *pair;
    size_t pair_mask;
    int32_t byte[256]; /* <0x00> .. <0xFF>, -1 = not in the vocabulary */
    int32_t unk;       /* -1 = not in the vocabulary */
    char *unk_token, *prefix, *suffix;
    size_t prefix_len, suffix_len;
    bool has_unk, fuse_unk, byte_fallback, ignore_merges;
    struct tok_word *cache;
    struct tok_symbol *sym;
    size_t n_sym, sym_cap;
    struct tok_merge *heap;
    size_t n_heap, heap_cap;
    struct strbuf scratch;
};
int tok_bpe_init(struct tok_bpe *b, size_t n_merges, struct vac_err *err);
void tok_bpe_done(struct tok_bpe *b);
size_t tok_bpe_bytes(const struct tok_bpe *b);
/* A later merge of the same pair replaces the earlier one. */
void tok_bpe_add_merge(struct tok_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t id);
/* Appends the ids of one word. */
int tok_bpe_encode(struct tok_bpe *b, const char *s, size_t n, struct ids *out,
                   struct vac_err *err);

/* tok_added.c */
struct tok_pattern {
    const char *s;
    size_t len, order;
    int32_t id;
};
struct tok_matcher {
    struct tok_pattern *v; /* sorted by bytes */
    size_t n, cap;
    bool begins[256]; /* some pattern begins with this byte */
};

enum tok_flag {
    TOK_SPECIAL = 1,
    TOK_LSTRIP = 2,
    TOK_RSTRIP = 4,
    TOK_SINGLE_WORD = 8,
    TOK_NORMALIZED = 16,
    TOK_ADDED = 32 /* stands in t->added */
};
struct tok_token {
    const char *s; /* NULL = nobody's id */
    size_t len;
    unsigned flags;
};

/* What the decoder's chain means for streaming. */
struct tok_hold {
    bool all;   /* any later token can change any earlier text */
    bool bytes; /* a run of <0xNN> tokens is open until another token ends it */
};

struct tokenizer {
    struct arena text; /* tokens and normalized patterns */
    struct tok_token *token;
    size_t size, token_cap;
    struct tok_map added; /* content -> id */
    size_t n_added, vocab_count;
    bool split_special; /* special tokens standing in a text are text */
    struct tok_matcher raw, normalized;
    struct tok_bpe bpe;
    struct tok_stage *normalizer, *pretokenizer, *post, *decoder;
    bool spaced; /* no decoder at all: tokens are joined with spaces */
    struct tok_hold hold;
    struct tokenizer_roles roles;
    char *chat_template;
    /* scratch, kept between calls */
    struct tok_pieces a, b;
    struct strbuf norm[2];
};

/* Adds a token's content as a pattern of the matcher it belongs to; 1 = there is nothing left to
 * match. */
int tok_added_pattern(struct tokenizer *t, int32_t id, size_t order, struct vac_err *err);
/* Makes room for n more added tokens. */
int tok_added_room(struct tokenizer *t, size_t n, struct vac_err *err);
/* Adds a token as Hugging Face does: one of the vocabulary keeps its id, another gets the next one;
 * of one that is added already the flags are set anew. */
int tok_add(struct tokenizer *t, const char *content, unsigned flags, struct vac_err *err);
/* Collects the patterns of all added tokens anew. */
int tok_added_again(struct tokenizer *t, struct vac_err *err);
/* To be called once all patterns are there. */
void tok_added_sort(struct tok_matcher *m);
/* Cuts a text at the added tokens standing in it. */
int tok_added_split(const struct tokenizer *t, const struct tok_matcher *m, const char *s, size_t n,
                    bool first, struct tok_pieces *out, struct vac_err *err);

/* tok_normalize.c: the whole chain; the result is t->norm[0]. */
int tok_normalize(struct tokenizer *t, const char *s, size_t n, bool *first, struct vac_err *err);
/* tok_pretokenize.c: the whole chain, on t->a in place. */
int tok_pretokenize(struct tokenizer *t, struct vac_err *err);
/* tok_post.c: the whole chain; `out` from index `from` on is the sequence. */
int tok_post_apply(const struct tokenizer *t, struct ids *out, size_t from, struct vac_err *err);
/* tok_decode.c: the whole chain; appends to out. */
int tok_decode(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
               struct strbuf *out, struct vac_err *err);
struct tok_hold tok_decode_hold(const struct tok_stage *chain);
/* The byte of a token "<0xNN>", -1 when it is none. */
int tok_byte_token(const char *s, size_t n);
/* tok_json.c: special, lstrip, rstrip, single_word, normalized; `optional` = absent is false (and
 * normalized what special is not). */
int tok_read_flags(const struct jnode *node, bool optional, unsigned *flags, struct vac_err *err);
/* tok_config.c: what tokenizer_config.json changes, before the roles are found and, with them, what
 * is put around a text. */
int tok_config_apply(struct tokenizer *t, const struct jnode *config, struct vac_err *err);
int tok_config_around(struct tokenizer *t, const struct jnode *config, int32_t bos, int32_t eos,
                      struct vac_err *err);
/* What stands before (or behind) a sequence is this id; -1 = nothing. */
int tok_post_set(struct tokenizer *t, bool before, int32_t id, struct vac_err *err);
/* A space in front of a text: asked for, or not. */
void tok_pretokenizer_prefix(struct tokenizer *t, bool on);
void tok_normalizer_prefix(struct tokenizer *t, bool on);
void tok_decoder_prefix(struct tokenizer *t, bool on);
/* tok_json.c: vocabulary, merges, added tokens and all chains. */
int tok_read(struct tokenizer *t, const struct jnode *root, size_t file_len, struct vac_err *err);
/* tok_roles.c: tokenizer_config.json and chat_template.jinja of the folder, then the fallbacks. */
int tok_roles_read(struct tokenizer *t, const char *dir, struct vac_err *err);
#endif
