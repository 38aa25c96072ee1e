/* value.h - what a template works with: made, asked, printed. Values live as long as the evaluation.
 */
#ifndef JINJA_VALUE_H
#define JINJA_VALUE_H

#include "jinja/eval.h"

struct node;
enum value_kind {
    V_UNDEFINED,
    V_NONE,
    V_BOOL,
    V_INT,
    V_FLOAT,
    V_STR,
    V_LIST,
    V_ONCE, /* a generator: items that are gone over once, and have no number */
    V_DICT,
    V_SPACE,
    V_MACRO,
    V_FUNC
};
struct pair {
    struct value *key, *value;
};
struct value {
    enum value_kind kind;
    bool tuple; /* a list that prints with round brackets */
    int64_t i;  /* also bool */
    double f;
    struct str s; /* also the name of what is undefined, or of a function */
    struct value **item;
    struct pair *pair;
    size_t n, cap;
    const struct node *macro;
    struct value *self; /* of a method */
};

struct value *v_undefined(struct eval *e, struct str name);
struct value *v_none(struct eval *e);
struct value *v_bool(struct eval *e, bool b);
struct value *v_int(struct eval *e, int64_t i);
struct value *v_float(struct eval *e, double f);
struct value *v_str(struct eval *e, const char *s, size_t n); /* copies */
struct value *v_take_str(struct eval *e, struct strbuf *b);   /* copies and frees b */
struct value *v_list(struct eval *e, size_t cap);
struct value *v_dict(struct eval *e, enum value_kind kind);
void list_push(struct eval *e, struct value *list, struct value *x);
void dict_put(struct eval *e, struct value *dict, struct value *key, struct value *x);
struct value *dict_get(struct eval *e, const struct value *dict,
                       struct str key); /* NULL = not there */
struct value *v_json(struct eval *e, const cJSON *x);
bool v_true(const struct value *v);
bool v_equal(struct eval *e, const struct value *a, const struct value *b);
/* -1, 0, 1; fails when the two have no order. */
int v_compare(struct eval *e, const struct value *a, const struct value *b);
/* As Python's str(), and with `inside` as its repr(). */
void v_print(struct eval *e, struct strbuf *b, const struct value *v, bool inside);
/* As json.dumps has them. */
struct json_form {
    int indent; /* of a level; -1 = all in one line */
    bool ascii, sorted;
    struct str comma, colon;
};
void v_tojson(struct eval *e, struct strbuf *b, const struct value *v, const struct json_form *f,
              int level);
struct value *v_text(struct eval *e, const struct value *v); /* str(v) */
const char *v_type(const struct value *v); /* for messages: "string", "list", ... */
/* What a loop goes over: a list of items, keys or characters. A generator is empty afterwards. */
struct value *v_items(struct eval *e, struct value *v);
size_t str_length(struct str s);                            /* in characters */
struct str str_slice(struct str s, size_t from, size_t to); /* of characters */
struct str str_strip(struct str s, const struct value *chars, bool left, bool right);
#endif
