/* tokenizer_support.h - small tokenizer.json files for the tokenizer's tests, and what they assert.
 *
 * JSON of fixtures is written with ' for ", which no fixture needs as a character. To make visible
 * where a text was cut, the default model has single characters, each also with the end-of-word
 * suffix "]": the tokens "ab]c]" put together mean the words "ab" and "c". */
#ifndef TESTS_TOKENIZER_SUPPORT_H
#define TESTS_TOKENIZER_SUPPORT_H

#include "support.h"
#include "token/tokenizer.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct parts {
    const char *normalizer, *pre, *post, *decoder, *added; /* NULL = null (added: []) */
    const char *model; /* the model's fields, NULL = characters */
    bool bare;         /* characters without the suffix */
};

/* The file's text, to be freed. */
char *fixture(const struct parts *p);
/* The same text with " for '. Static storage. */
const char *quoted(const char *json);
struct tokenizer *open_text(const char *json, struct vac_err *err);
/* Fails the test when the file is refused. */
struct tokenizer *open_parts(const struct parts *p);

void check_tokens(struct tokenizer *t, const char *text, const char *expected);
void check_ids(struct tokenizer *t, const char *text, bool special, const int32_t *expected,
               size_t n);
void check_decoded(struct tokenizer *t, const int32_t *ids, size_t n, bool skip,
                   const char *expected);

#define INTS(...) (const int32_t[]){__VA_ARGS__}, COUNT(((const int32_t[]){__VA_ARGS__}))
#define CHECK_IDS(t, text, special, ...) check_ids(t, text, special, INTS(__VA_ARGS__))

/* ---- JSON that several tests use ---- */

#define META "▁"
#define SPLIT(pattern, behavior, invert)                                                           \
    "{'type':'Split','pattern':{" pattern "},'behavior':'" behavior "','invert':" invert "}"
#define DASH "'String':'-'"
#define ADDED(id, content, lstrip, rstrip, single_word, normalized, special)                       \
    "{'id':" id ",'content':'" content "','lstrip':" #lstrip ",'rstrip':" #rstrip                  \
    ",'single_word':" #single_word ",'normalized':" #normalized ",'special':" #special "}"
#define PLAIN_ADDED(id, content) ADDED(id, content, false, false, false, false, false)
#define SPECIAL_ADDED(id, content) ADDED(id, content, false, false, false, false, true)

#define SMALL "'vocab':{'a':0,'b':1,'c':2,'<s>':3,'</s>':4},'merges':[]"
#define TEMPLATE                                                                                   \
    "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},"            \
    "{'Sequence':{'id':'A','type_id':0}},{'SpecialToken':{'id':'E','type_id':0}}],'pair':[],"      \
    "'special_tokens':{'<s>':{'id':'<s>','ids':[3],'tokens':['<s>']},"                             \
    "'E':{'id':'E','ids':[4,0],'tokens':['x','y']}}}"

/* Llama's chain: 0 <unk>, 1 <s> special, then pieces and bytes. */
#define LLAMA_MODEL                                                                                \
    "'unk_token':'<unk>','byte_fallback':true,'fuse_unk':true,'merges':[],'vocab':{'<unk>':0,"     \
    "'<s>':1,'▁':2,'▁a':3,'b':4,'<0xC3>':5,'<0xA9>':6,'<0x0A>':7,'è':8}"
#define LLAMA_DECODER                                                                              \
    "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},"  \
    "{'type':'ByteFallback'},{'type':'Fuse'},"                                                     \
    "{'type':'Strip','content':' ','start':1,'stop':0}]}"
#define LLAMA_ADDED "[" SPECIAL_ADDED("1", "<s>") "]"
#endif
