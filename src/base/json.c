/* json.c - strict parsing with positions, and typed access that knows where it is.
 *
 * cJSON forgives more than a file of ours may hold, so the text is looked over before: valid UTF-8,
 * no control characters, limited depth, and no \u0000, at which its C strings would silently end.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/json.h"
#include "base/kind.h"
#include "base/name.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 64, QUOTE_MAX = 40, PATH_ROOM = 192 };

static const double INT_LIMIT =
    9007199254740992.0;     /* 2^53: from there, doubles skip whole numbers */
enum { EXACT_DIGITS = 16 }; /* numbers of fewer digits are smaller than that */

/* ---- Parsing ---- */

/* A text under examination and what to call it. */
struct source {
    const char *text, *file;
    size_t len, line; /* line: number of the first line */
};

/* err_set with "FILE:LINE:COLUMN: " in front; columns count characters from 1. */
static void fail_at(const struct source *s, size_t at, struct vac_err *err, int code,
                    const char *what)
{
    size_t line = s->line, column = 1;

    for (size_t i = 0; i < at && i < s->len; i++) {
        if (s->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    err_set(err, code, "%s:%zu:%zu: %s", s->file, line, column, what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const struct source *s, size_t at)
{
    while (at < s->len && is_space(s->text[at]))
        at++;
    return at;
}

/* What the scan over the characters is in the middle of. */
struct scan {
    bool string, escape;
    int depth, digits; /* digits: of a number so far; -1 behind its point */
    bool large;        /* some whole number may have more digits than a double */
};

/* Takes one character; the text of what is wrong with it, or NULL. */
static const char *scan_char(struct scan *c, const char *p, size_t left)
{
    bool escaped = c->escape;

    c->escape = false;
    if ((unsigned char)*p < 0x20 && (c->string || !is_space(*p)))
        return c->string ? "a control character inside a string: write it as \\n, \\t or \\uXXXX"
                         : "a control character outside of strings";
    if (c->string) {
        if (escaped && left >= 5 && !memcmp(p, "u0000", 5))
            return "\\u0000 inside a string is not supported";
        if (!escaped && *p == '"')
            c->string = false;
        c->escape = !escaped && *p == '\\';
        return NULL;
    }
    if (!isdigit((unsigned char)*p))
        c->digits = *p == '.' ? -1 : 0;
    else if (c->digits >= 0)
        c->digits++;
    c->large |= c->digits >= EXACT_DIGITS;
    if (*p == '"')
        c->string = true;
    else if (*p == '[' || *p == '{')
        c->depth++;
    else if (*p == ']' || *p == '}')
        c->depth--;
    return c->depth > DEPTH_MAX ? "nested more than 64 deep" : NULL;
}

/* How many characters of a string's inside follow that need no look. */
static size_t plain(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

/* 0 and whether the text breaks off inside something, or -1 and the error. */
static int scan_text(const struct source *s, bool *broken_off, bool *large, struct vac_err *err)
{
    size_t valid = utf8_valid(s->text, s->len);
    struct scan c = {0};

    if (valid < s->len) {
        fail_at(s, valid, err, VAC_ERR_FORMAT, "not valid UTF-8: save the file as UTF-8");
        return -1;
    }
    for (size_t i = 0; i < s->len; i++) {
        const char *what;

        if (c.string && !c.escape)
            i += plain(s->text + i, s->len - i);
        what = i < s->len ? scan_char(&c, s->text + i, s->len - i) : NULL;
        if (what) {
            fail_at(s, i, err, *what == '\\' ? VAC_ERR_UNSUPPORTED : VAC_ERR_FORMAT, what);
            return -1;
        }
    }
    *broken_off = c.string || c.depth > 0;
    *large = c.large;
    return 0;
}

/* Where a key must begin and does not, cJSON points one character too far. What stands before tells
 * these keys from values: a value that begins with a digit, a quote or a bracket may come after a
 * comma and be fine. */
static size_t key_start(const struct source *s, size_t at)
{
    size_t before = at > 0 ? at - 1 : 0;
    char first = s->text[before];

    if (before == 0 || is_space(first) || first == '"' || s->text[at] == '\\')
        return at;
    while (before > 0 && is_space(s->text[before - 1]))
        before--;
    if (before > 0 && s->text[before - 1] == '{')
        return at - 1;
    if (before > 0 && s->text[before - 1] == ',' && !strchr("[{0123456789", first))
        return at - 1;
    return at;
}

/* Says what stands where the parser gave up. */
static void fail_syntax(const struct source *s, size_t at, bool broken_off, struct vac_err *err)
{
    char what[128];
    size_t n = 0;
    uint32_t cp;

    at = skip_space(s, key_start(s, at));
    if (broken_off && skip_space(s, at + 1) >= s->len) {
        fail_at(s, s->len, err, VAC_ERR_FORMAT,
                "not JSON: the text ends before its last string, list or object does");
        return;
    }
    while (at + n < s->len && n < 16 && s->text[at + n] != '\n')
        n += utf8_get(s->text + at + n, s->len - at - n, &cp);
    snprintf(what, sizeof what, "not JSON: cannot read on at \"%.*s\"", (int)n, s->text + at);
    fail_at(s, at, err, VAC_ERR_FORMAT, what);
}

/* The number that begins at or behind *at, which then stands behind it; its length. Strings are
 * skipped. */
static size_t next_number(const struct source *s, size_t *at, const char **start)
{
    size_t n = 0;

    for (bool string = false; *at < s->len; ++*at) {
        char c = s->text[*at];
        if (string && c == '\\')
            ++*at;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '-' || isdigit((unsigned char)c)))
            break;
    }
    *start = s->text + *at;
    while (*at < s->len && strchr("+-.0123456789eE", s->text[*at]) && s->text[*at])
        n++, ++*at;
    return n;
}

/* The document and its text have their numbers in the same order. cJSON leaves valuestring of a
 * number alone: there go the digits that a double would lose. */
static int keep_digits(cJSON *v, const struct source *s, size_t *at, struct vac_err *err)
{
    const char *text;
    size_t n, sign;

    if (cJSON_IsNumber(v)) {
        n = next_number(s, at, &text);
        sign = n > 0 && *text == '-';
        if (n - sign < EXACT_DIGITS || strspn(text + sign, "0123456789") < n - sign)
            return 0;
        v->valuestring = mem_strndup(text, n, err);
        return v->valuestring ? 0 : -1;
    }
    for (cJSON *child = v->child; child; child = child->next)
        if (keep_digits(child, s, at, err))
            return -1;
    return 0;
}

static cJSON *parse(const struct source *s, struct vac_err *err)
{
    bool broken_off = false, large = false;
    const char *end = s->text;
    cJSON *doc;
    size_t at;

    if (s->line == 1 && kind_refuse(s->file, s->text, s->len, KIND_JSON, err))
        return NULL;
    if (scan_text(s, &broken_off, &large, err))
        return NULL;
    if (skip_space(s, 0) == s->len) {
        fail_at(s, 0, err, VAC_ERR_FORMAT, "empty: a JSON value is needed here");
        return NULL;
    }
    errno = 0;
    doc = cJSON_ParseWithLengthOpts(s->text, s->len, &end, 0);
    at = end ? (size_t)(end - s->text) : 0;
    if (!doc && errno == ENOMEM) { /* no fault of the text */
        err_set(err, VAC_ERR_MEMORY, "%s: out of memory", s->file);
        return NULL;
    }
    if (!doc) {
        fail_syntax(s, at, broken_off, err);
        return NULL;
    }
    at = skip_space(s, at);
    if (at < s->len) {
        fail_at(s, at, err, VAC_ERR_FORMAT, "something follows the end of the JSON value");
        cJSON_Delete(doc);
        return NULL;
    }
    if (large &&
        keep_digits(doc, &(struct source){.text = s->text, .len = s->len}, &(size_t){0}, err)) {
        cJSON_Delete(doc);
        return NULL;
    }
    return doc;
}

cJSON *json_parse_line(const char *text, size_t len, const char *file, size_t line,
                       struct vac_err *err)
{
    struct source s = {.text = text, .file = file, .len = len, .line = line};

    return parse(&s, err);
}

cJSON *json_parse(const char *text, size_t len, const char *file, struct vac_err *err)
{
    return json_parse_line(text, len, file, 1, err);
}

cJSON *json_read(const char *path, size_t limit, struct vac_err *err)
{
    size_t len = 0;
    /* what is larger than any of its kind may be of another kind */
    bool other = file_size(path) > (int64_t)limit && kind_refuse_file(path, KIND_JSON, err);
    char *text = other ? NULL : file_read(path, limit, &len, err);
    cJSON *doc = text ? json_parse(text, len, path, err) : NULL;

    free(text);
    return doc;
}

/* ---- Making documents ---- */

static int no_memory(struct vac_err *err)
{
    return err_set(err, VAC_ERR_MEMORY, "out of memory: no room for a JSON value");
}

int json_add(cJSON *to, const char *key, cJSON *item, struct vac_err *err)
{
    bool there = key && cJSON_GetObjectItemCaseSensitive(to, key);

    if (there && item && cJSON_ReplaceItemInObjectCaseSensitive(to, key, item))
        return item->string ? 0 : no_memory(err); /* cJSON does not ask whether it got the key */
    if (!there && item &&
        (key ? cJSON_AddItemToObject(to, key, item) : cJSON_AddItemToArray(to, item)))
        return 0;
    cJSON_Delete(item);
    return no_memory(err);
}

cJSON *json_copy(const cJSON *v, struct vac_err *err)
{
    cJSON *copy = v ? cJSON_Duplicate(v, true) : NULL;

    if (v && !copy)
        no_memory(err);
    return copy;
}

static bool has_digits(const cJSON *v)
{
    if (cJSON_IsNumber(v))
        return v->valuestring != NULL;
    for (const cJSON *child = v->child; child; child = child->next)
        if (has_digits(child))
            return true;
    return false;
}

/* cJSON prints what is raw as it stands. */
static void make_raw(cJSON *v)
{
    if (cJSON_IsNumber(v) && v->valuestring)
        v->type = (v->type & ~0xff) | cJSON_Raw; /* its flags stay */
    for (cJSON *child = v->child; child; child = child->next)
        make_raw(child);
}

char *json_text(const cJSON *v, bool lines, struct vac_err *err)
{
    cJSON *copy = v && has_digits(v) ? json_copy(v, err) : NULL;
    char *text;

    if (copy)
        make_raw(copy);
    else if (v && has_digits(v))
        return NULL;
    v = copy ? copy : v;
    text = lines ? cJSON_Print(v) : cJSON_PrintUnformatted(v);
    cJSON_Delete(copy);
    if (!text)
        no_memory(err);
    return text;
}

/* ---- Where a value stands ---- */

struct jnode json_root(const cJSON *doc, const char *file)
{
    return (struct jnode){.v = doc, .file = file};
}

/* Puts s in front of the text that begins at buf[*at]; false when it does not fit whole. */
static bool put_front(char *buf, size_t *at, const char *s, size_t n)
{
    bool whole = n <= *at;

    if (!whole) {
        s += n - *at;
        n = *at;
    }
    *at -= n;
    memcpy(buf + *at, s, n);
    return whole;
}

/* Built from the end, because a node knows only its parent. */
const char *json_path(const struct jnode *n, char *buf, size_t size)
{
    size_t at;
    bool whole = true;

    if (!size)
        return "";
    at = size - 1;
    buf[at] = '\0';
    for (; n && n->up && whole; n = n->up) {
        char index[32];

        if (n->key) {
            whole = put_front(buf, &at, n->key, strlen(n->key));
            if (whole && n->up->up)
                whole = put_front(buf, &at, ".", 1);
        } else {
            snprintf(index, sizeof index, "[%zu]", n->index);
            whole = put_front(buf, &at, index, strlen(index));
        }
    }
    if (!whole && size > 8) {
        at += 3;
        while (((unsigned char)buf[at] & 0xc0) == 0x80)
            at++;
        at -= 3;
        memcpy(buf + at, "...", 3);
    }
    memmove(buf, buf + at, size - at);
    return buf;
}

int json_error(const struct jnode *n, struct vac_err *err, const char *fmt, ...)
{
    char path[PATH_ROOM], text[sizeof err->msg];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_path(n, path, sizeof path);
    return err_set(err, VAC_ERR_FORMAT, "%s: %s%s%s", n->file, path, path[0] ? ": " : "", text);
}

/* ---- Types ---- */

static const struct {
    const char *wants;
    cJSON_bool (*is)(const cJSON *v);
} types[] = {
    [JSON_OBJECT] = {"an object {...}", cJSON_IsObject},
    [JSON_ARRAY] = {"a list [...]", cJSON_IsArray},
    [JSON_STRING] = {"text in quotes", cJSON_IsString},
    [JSON_NUMBER] = {"a number", cJSON_IsNumber},
    [JSON_BOOL] = {"true or false", cJSON_IsBool},
};

static void describe_string(const char *s, struct strbuf *out)
{
    size_t len = strlen(s), n = 0;
    uint32_t cp;

    while (n < len && n < QUOTE_MAX) {
        size_t k = utf8_get(s + n, len - n, &cp);

        n += k ? k : 1;
    }
    sb_puts(out, "\"");
    sb_put(out, s, n);
    sb_puts(out, n < len ? "...\"" : "\"");
}

static void describe(const cJSON *v, struct strbuf *out)
{
    if (cJSON_IsString(v))
        describe_string(v->valuestring, out);
    else if (cJSON_IsNumber(v) && isfinite(v->valuedouble))
        json_number(v, out);
    else if (cJSON_IsNumber(v))
        sb_puts(out, "a number too large for a double");
    else if (cJSON_IsBool(v))
        sb_puts(out, cJSON_IsTrue(v) ? "true" : "false");
    else
        sb_puts(out, cJSON_IsObject(v) ? "an object" : cJSON_IsArray(v) ? "a list" : "null");
}

int json_wrong(const struct jnode *n, const char *wants, struct vac_err *err)
{
    struct strbuf found = {0};

    describe(n->v, &found);
    json_error(n, err, "expected %s, found %s", wants, found.s ? found.s : "something else");
    sb_done(&found);
    return -1;
}

/* cJSON reads 1e999 as infinity, which is not the number in the file. */
static int check_type(const struct jnode *n, enum json_type type, struct vac_err *err)
{
    if (type == JSON_ANY)
        return 0;
    if (!types[type].is(n->v) || (type == JSON_NUMBER && !isfinite(n->v->valuedouble)))
        return json_wrong(n, types[type].wants, err);
    return 0;
}

/* ---- Members and items ---- */

/* A node for the member, with v == NULL when it is absent; -1 when obj is no object. */
static int member(const struct jnode *obj, const char *key, struct jnode *out, struct vac_err *err)
{
    *out = (struct jnode){.up = obj, .file = obj->file, .key = key};
    if (check_type(obj, JSON_OBJECT, err))
        return -1;
    out->v = cJSON_GetObjectItemCaseSensitive(obj->v, key);
    return 0;
}

int json_get(const struct jnode *obj, const char *key, enum json_type type, struct jnode *out,
             struct vac_err *err)
{
    if (member(obj, key, out, err))
        return -1;
    if (!out->v)
        return json_error(obj, err, "\"%s\" is missing (%s)", key,
                          type == JSON_ANY ? "any value" : types[type].wants);
    return check_type(out, type, err);
}

int json_opt(const struct jnode *obj, const char *key, enum json_type type, struct jnode *out,
             struct vac_err *err)
{
    if (member(obj, key, out, err))
        return -1;
    if (!out->v || cJSON_IsNull(out->v)) {
        out->v = NULL;
        return 1;
    }
    return check_type(out, type, err);
}

int json_item(const struct jnode *arr, size_t i, enum json_type type, struct jnode *out,
              struct vac_err *err)
{
    size_t n = 0;

    *out = (struct jnode){.up = arr, .file = arr->file, .index = i};
    if (check_type(arr, JSON_ARRAY, err))
        return -1;
    for (const cJSON *v = arr->v->child; v && !out->v; v = v->next)
        if (n++ == i)
            out->v = v;
    if (!out->v)
        return json_error(arr, err, "a list of at least %zu is needed, found %zu", i + 1, n);
    return check_type(out, type, err);
}

size_t json_count(const struct jnode *arr)
{
    size_t n = 0;

    for (const cJSON *v = arr->v ? arr->v->child : NULL; v; v = v->next)
        n++;
    return n;
}

/* ---- Scalars ---- */

bool json_whole(const cJSON *v, int64_t *out)
{
    double x = cJSON_IsNumber(v) ? v->valuedouble : NAN;
    char *end;

    if (cJSON_IsNumber(v) && v->valuestring) {
        errno = 0;
        *out = strtoll(v->valuestring, &end, 10);
        return !errno && !*end;
    }
    if (!(x == floor(x) && fabs(x) < INT_LIMIT))
        return false;
    *out = (int64_t)x;
    return true;
}

bool json_natural(const cJSON *v, uint64_t *out)
{
    int64_t x;
    char *end;

    if (cJSON_IsNumber(v) && v->valuestring && isdigit((unsigned char)*v->valuestring)) {
        errno = 0;
        *out = strtoull(v->valuestring, &end, 10);
        return !errno && !*end;
    }
    if (!json_whole(v, &x) || x < 0)
        return false;
    *out = (uint64_t)x;
    return true;
}

void json_number(const cJSON *v, struct strbuf *out)
{
    if (v->valuestring)
        sb_puts(out, v->valuestring);
    else
        sb_num(out, v->valuedouble);
}

static int whole_number(const struct jnode *n, int64_t min, int64_t max, int64_t *out,
                        struct vac_err *err)
{
    int64_t x;
    char wants[96];

    if (json_whole(n->v, &x) && x >= min && x <= max) {
        *out = x;
        return 0;
    }
    snprintf(wants, sizeof wants, "a whole number from %lld to %lld", (long long)min,
             (long long)max);
    return json_wrong(n, wants, err);
}

int json_str(const struct jnode *obj, const char *key, const char **out, struct vac_err *err)
{
    struct jnode n;

    if (json_get(obj, key, JSON_STRING, &n, err))
        return -1;
    *out = n.v->valuestring;
    return 0;
}

int json_num(const struct jnode *obj, const char *key, double *out, struct vac_err *err)
{
    struct jnode n;

    if (json_get(obj, key, JSON_NUMBER, &n, err))
        return -1;
    *out = n.v->valuedouble;
    return 0;
}

int json_bool(const struct jnode *obj, const char *key, bool *out, struct vac_err *err)
{
    struct jnode n;

    if (json_get(obj, key, JSON_BOOL, &n, err))
        return -1;
    *out = cJSON_IsTrue(n.v);
    return 0;
}

int json_int(const struct jnode *obj, const char *key, int64_t min, int64_t max, int64_t *out,
             struct vac_err *err)
{
    struct jnode n;

    if (json_get(obj, key, JSON_NUMBER, &n, err))
        return -1;
    return whole_number(&n, min, max, out, err);
}

int json_opt_str(const struct jnode *obj, const char *key, const char **out, struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, key, JSON_STRING, &n, err);

    if (rc == 0)
        *out = n.v->valuestring;
    return rc < 0 ? -1 : 0;
}

int json_opt_num(const struct jnode *obj, const char *key, double *out, struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, key, JSON_NUMBER, &n, err);

    if (rc == 0)
        *out = n.v->valuedouble;
    return rc < 0 ? -1 : 0;
}

int json_opt_bool(const struct jnode *obj, const char *key, bool *out, struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, key, JSON_BOOL, &n, err);

    if (rc == 0)
        *out = cJSON_IsTrue(n.v);
    return rc < 0 ? -1 : 0;
}

int json_opt_int(const struct jnode *obj, const char *key, int64_t min, int64_t max, int64_t *out,
                 struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, key, JSON_NUMBER, &n, err);

    if (rc == 0)
        rc = whole_number(&n, min, max, out, err);
    return rc < 0 ? -1 : 0;
}

const char *json_text_at(const cJSON *obj, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, key));
}

/* ---- Known keys ---- */

static int unknown_key(const struct jnode *obj, const char *key, const char *const *known,
                       struct vac_err *err)
{
    enum { LISTED = 240 };
    const char *near = err_nearest(key, name_word, known), *between = ": it may have ";
    struct strbuf text = {0};

    sb_puts(&text, "unknown key ");
    describe_string(key, &text);
    if (near)
        sb_printf(&text, " (did you mean \"%s\"?)", near);
    for (; !near && *known && text.len < LISTED; known++, between = ", ")
        sb_printf(&text, "%s%s", between, *known);
    sb_puts(&text, !near && *known ? ", ..." : "");
    json_error(obj, err, "%s", text.s ? text.s : "unknown key");
    sb_done(&text);
    return -1;
}

/* Twice is looked for among keys already found to be known: their number is small, so that an
 * object with very many keys costs nothing extra. */
int json_known(const struct jnode *obj, const char *const *known, struct vac_err *err)
{
    if (check_type(obj, JSON_OBJECT, err))
        return -1;
    for (const cJSON *v = obj->v->child; v; v = v->next) {
        if (v->string[0] == '_')
            continue;
        if (!name_listed(known, v->string))
            return unknown_key(obj, v->string, known, err);
        if (cJSON_GetObjectItemCaseSensitive(obj->v, v->string) != v)
            return json_error(obj, err, "key \"%s\" stands here twice", v->string);
    }
    return 0;
}
