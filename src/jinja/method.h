/* method.h - members of values, arguments of calls, and what is done with strings. */
#ifndef JINJA_METHOD_H
#define JINJA_METHOD_H

#include "jinja/value.h"

struct args {
    struct value **v; /* positional */
    size_t n;
    struct pair *key; /* keywords */
    size_t n_keys;
};
typedef struct value *callee(struct eval *e, struct value *x, const struct args *a);
/* Whether a call gives nothing but the parameters of a list like "old,new,count"; fails otherwise. "#" is one
 * without a name, "*" stands for any number of both. */
bool args_fit(struct eval *e, const char *name, const char *params, const struct args *a);
/* Argument i, or the keyword `name`; NULL when it is not given. */
struct value *arg_at(const struct args *a, size_t i, const char *name);
int64_t arg_int(struct eval *e, const struct args *a, size_t i, const char *name,
                int64_t otherwise);
struct str text_of(struct eval *e, struct value *x); /* str(x) */
struct value *str_value(struct eval *e, struct str s);
/* TITLE is Python's: after every letter that is none; WORDS is the filter's: after blanks and
 * brackets. */
enum letters { UPPER, LOWER, TITLE, WORDS, CAPITALIZE };

struct value *str_cased(struct eval *e, struct str s, enum letters how);
const char *str_find(struct str in, struct str what); /* NULL = nowhere */
struct value *v_joined(struct eval *e, struct value *list, struct str sep);
/* Methods that are filters too. */
struct value *do_replace(struct eval *e, struct value *x, const struct args *a);
struct value *do_upper(struct eval *e, struct value *x, const struct args *a);
struct value *do_lower(struct eval *e, struct value *x, const struct args *a);
struct value *do_capitalize(struct eval *e, struct value *x, const struct args *a);
struct value *do_items(struct eval *e, struct value *x, const struct args *a);

/* A method of a string, list or dict by name, NULL = there is none. */
struct value *method_of(struct eval *e, struct value *x, struct str name);
struct value *call_method(struct eval *e, const struct value *f, const struct args *a);
/* x.name: a method first, then a member; x[key]: a member first, then a method. */
struct value *get_attr(struct eval *e, struct value *x, struct str name);
struct value *get_item(struct eval *e, struct value *x, struct value *key);
/* Fails: what is not defined may only be printed and asked for. */
struct value *undefined_use(struct eval *e, const struct value *x);
#endif
