/* json_out.c - see json_out.h */
#include "base/json_out.h"

#include <string.h>

struct json_out json_out(struct strbuf *to)
{
    return (struct json_out){.to = to, .indent = 2};
}

static void put_string(struct strbuf *to, const char *s, size_t n)
{
    sb_putc(to, '"');
    sb_json(to, s, n);
    sb_putc(to, '"');
}

static void put_line(struct json_out *o, size_t depth)
{
    sb_putc(o->to, '\n');
    for (size_t i = 0; i < depth * o->indent; i++)
        sb_putc(o->to, ' ');
}

struct strbuf *json_put_raw(struct json_out *o, const char *key)
{
    enum json_layout layout = o->level[o->depth].layout;

    if (o->level[o->depth].any)
        sb_puts(o->to, layout == JSON_SPACED ? ", " : ",");
    if (layout == JSON_LINED)
        put_line(o, o->depth);
    o->level[o->depth].any = o->depth > 0;
    if (key) {
        put_string(o->to, key, strlen(key));
        sb_puts(o->to, layout == JSON_TIGHT ? ":" : ": ");
    }
    return o->to;
}

void json_put_members(struct json_out *o, const char *text, size_t n)
{
    sb_put(o->to, text, n);
    o->level[o->depth].any |= n > 0;
}

static void open_level(struct json_out *o, const char *key, enum json_layout layout, bool list)
{
    sb_putc(json_put_raw(o, key), list ? '[' : '{');
    if (o->depth == JSON_OUT_DEPTH) { /* ours are never so deep; what is written then is no JSON */
        o->to->bad = true;
        return;
    }
    o->depth++;
    o->level[o->depth].layout = layout;
    o->level[o->depth].list = list;
    o->level[o->depth].any = false;
}

void json_put_object(struct json_out *o, const char *key, enum json_layout layout)
{
    open_level(o, key, layout, false);
}

void json_put_list(struct json_out *o, const char *key, enum json_layout layout)
{
    open_level(o, key, layout, true);
}

void json_put_end(struct json_out *o)
{
    if (o->level[o->depth].layout == JSON_LINED && o->level[o->depth].any)
        put_line(o, o->depth - 1);
    sb_putc(o->to, o->level[o->depth].list ? ']' : '}');
    if (o->depth)
        o->depth--;
}

void json_put_bytes(struct json_out *o, const char *key, const char *text, size_t n)
{
    put_string(json_put_raw(o, key), text ? text : "", n);
}

void json_put_text(struct json_out *o, const char *key, const char *text)
{
    if (text)
        json_put_bytes(o, key, text, strlen(text));
    else
        sb_puts(json_put_raw(o, key), "null");
}

void json_put_int(struct json_out *o, const char *key, int64_t x)
{
    sb_printf(json_put_raw(o, key), "%lld", (long long)x);
}

void json_put_natural(struct json_out *o, const char *key, uint64_t x)
{
    sb_printf(json_put_raw(o, key), "%llu", (unsigned long long)x);
}

void json_put_num(struct json_out *o, const char *key, double x)
{
    sb_num(json_put_raw(o, key), x);
}

void json_put_bool(struct json_out *o, const char *key, bool x)
{
    sb_puts(json_put_raw(o, key), x ? "true" : "false");
}
