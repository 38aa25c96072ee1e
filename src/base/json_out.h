/* json_out.h - JSON as text: the writer says keys and values, and where quotes, commas and line ends go is
 * known here alone.
 *
 *     struct json_out o = json_out(&text);
 *     json_put_object(&o, NULL, JSON_TIGHT);
 *     json_put_int(&o, "step", 7);
 *     json_put_end(&o);                          ->  {"step":7}
 *
 * Everything goes to the strbuf at once, and what went wrong makes that bad: see sb_ok. Keys and texts are
 * any bytes; what is not UTF-8 in them is the reader's to refuse. A key is NULL in a list and at the root. */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "base/mem.h"

enum json_layout {
    JSON_TIGHT,  /* {"a":1,"b":[1,2]} */
    JSON_SPACED, /* {"a": 1, "b": [1, 2]} */
    JSON_LINED,  /* a member a line, two spaces deeper than where it stands */
};
enum { JSON_OUT_DEPTH = 16 };
struct json_out {
    struct strbuf *to;
    size_t depth, indent;
    struct {
        enum json_layout layout;
        bool list, any; /* has a member */
    } level[JSON_OUT_DEPTH + 1];
};
struct json_out json_out(struct strbuf *to);

/* The layout is that of its members; json_put_end closes the one that was opened last. */
void json_put_object(struct json_out *o, const char *key, enum json_layout layout);
void json_put_list(struct json_out *o, const char *key, enum json_layout layout);
void json_put_end(struct json_out *o);

void json_put_text(struct json_out *o, const char *key, const char *text); /* NULL = null */
void json_put_bytes(struct json_out *o, const char *key, const char *text, size_t n);
void json_put_int(struct json_out *o, const char *key, int64_t x);
void json_put_natural(struct json_out *o, const char *key, uint64_t x);
/* The shortest text that reads back the same; null for NaN and Inf. */
void json_put_num(struct json_out *o, const char *key, double x);
void json_put_bool(struct json_out *o, const char *key, bool x);
/* Members of the list that is open, as they were written there before. */
void json_put_members(struct json_out *o, const char *text, size_t n);
/* A value that is JSON already: the caller appends it to what is returned. */
struct strbuf *json_put_raw(struct json_out *o, const char *key);
#endif
