/* tok_regex.c - matching with PCRE2: limits on time and memory, and the walk over all matches. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "token/tok_regex.h"
#include "base/utf8.h"
#include "token/tok_regex_read.h"
#include "token/tok_unicode.h"
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 65536     /* bytes of a pattern */
#define HEAP_KIB (256 * 1024) /* memory of one match */
#define STEPS_BASE 10000000u  /* steps of all matches in a text, more in long texts */
#define STEPS_PER_BYTE 64
#define STEPS_FREE 128 /* of one match, which count for nothing */
#define SHOWN 40       /* bytes of a pattern in messages */
#define JIT_STACK_MAX (4u << 20)

struct tok_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    char name[SHOWN + 4];
    size_t steps; /* left for this text */
    bool literal;
    char *seen; /* the text as PCRE2 is to see it, where that differs */
    size_t seen_cap;
    struct tok_span *v;
    size_t n, cap;
};

/* Ruby's syntax, which Oniguruma uses here: ^ and $ are at lines, and only \n ends a line. */
static pcre2_code *compile(const char *pattern, bool literal, struct vac_err *err)
{
    uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE);
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    pcre2_code *code = NULL;
    PCRE2_UCHAR text[160];
    PCRE2_SIZE at;
    int code_err;

    if (!c || pcre2_set_newline(c, PCRE2_NEWLINE_LF)) {
        err_set(err, VAC_ERR_MEMORY, "no memory for a regular expression");
    } else {
        code = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), options, &code_err, &at, c);
        if (!code) {
            pcre2_get_error_message(code_err, text, sizeof(text));
            err_set(err, VAC_ERR_FORMAT, "not a regular expression we can run: %s", (char *)text);
        }
    }
    pcre2_compile_context_free(c);
    return code;
}

/* Just-in-time code is an extra: where it is not to be had, the interpreter does the same. */
static int prepare(struct tok_regex *re, struct vac_err *err)
{
    re->match = pcre2_match_data_create(1, NULL);
    re->context = pcre2_match_context_create(NULL);
    if (!re->match || !re->context)
        return err_set(err, VAC_ERR_MEMORY, "no memory for a regular expression");
    pcre2_set_heap_limit(re->context, HEAP_KIB);
    if (pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0) {
        re->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
        if (re->stack)
            pcre2_jit_stack_assign(re->context, NULL, re->stack);
    }
    return 0;
}

/* The pattern for messages, which have one line. */
static void name_it(struct tok_regex *re, const char *pattern)
{
    size_t n = strlen(pattern), shown = n > SHOWN ? utf8_valid(pattern, SHOWN) : n;

    memcpy(re->name, pattern, shown);
    strcpy(re->name + shown, n > SHOWN ? "..." : "");
    for (char *c = re->name; *c; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
}

struct tok_regex *tok_regex_new(const char *pattern, bool literal, struct vac_err *err)
{
    struct strbuf text = {0};
    struct tok_regex *re = NULL;
    int rc = -1;

    if (strlen(pattern) > PATTERN_MAX) {
        err_set(err, VAC_ERR_FORMAT, "a pattern of more than %d bytes", PATTERN_MAX);
        goto out;
    }
    if (literal)
        sb_puts(&text, pattern);
    else if (tok_regex_translate(pattern, &text, err))
        goto out;
    sb_putc(&text, '\0');
    re = mem_new(1, sizeof(*re), err);
    if (sb_ok(&text, err) || !re)
        goto out;
    re->literal = literal;
    name_it(re, pattern);
    tok_regex_begin(re, 0);
    re->code = compile(text.s, literal, err);
    if (re->code)
        rc = prepare(re, err);
out:
    sb_done(&text);
    if (rc) {
        tok_regex_free(re);
        re = NULL;
    }
    return re;
}

void tok_regex_free(struct tok_regex *re)
{
    if (!re)
        return;
    pcre2_jit_stack_free(re->stack);
    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->match);
    pcre2_code_free(re->code);
    free(re->seen);
    free(re->v);
    free(re);
}

static int add_span(struct tok_regex *re, size_t from, size_t to, bool match, struct vac_err *err)
{
    if (mem_grow(&re->v, &re->cap, re->n + 1, sizeof(*re->v), err))
        return -1;
    re->v[re->n++] = (struct tok_span){.from = from, .to = to, .match = match};
    return 0;
}

/* How many steps a match took is not to be had, only that it took more than it was given: then they
 * are taken from what the text has, and it is tried again with more. */
static int try_match(struct tok_regex *re, const char *s, size_t n, size_t at, uint32_t options)
{
    size_t most = STEPS_FREE;
    int rc;

    for (;; most = most * 8 < re->steps ? most * 8 : re->steps) {
        pcre2_set_match_limit(re->context, (uint32_t)most);
        rc = pcre2_match(re->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK | options, re->match,
                         re->context);
        if (rc != PCRE2_ERROR_MATCHLIMIT)
            return rc;
        if (re->steps <= most)
            return rc;
        re->steps -= most;
    }
}

/* 1 and the first match at or after `at`, 0 none, -1 error. A match that outgrows the stack of the
 * just-in-time code is tried again without it. */
static int search(struct tok_regex *re, const char *s, size_t n, size_t at, size_t *from,
                  size_t *to, struct vac_err *err)
{
    const PCRE2_SIZE *found;
    PCRE2_UCHAR why[160];
    int rc = try_match(re, s, n, at, 0);

    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = try_match(re, s, n, at, PCRE2_NO_JIT);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0) {
        pcre2_get_error_message(rc, why, sizeof(why));
        return err_set(err, VAC_ERR_FORMAT,
                       "the tokenizer's regular expression \"%s\" gave up on the text: %s",
                       re->name, (char *)why);
    }
    found = pcre2_get_ovector_pointer(re->match);
    *from = found[0];
    *to = found[1];
    if (*to < *from) /* \K inside a lookahead */
        return err_set(err, VAC_ERR_FORMAT, "the tokenizer's regular expression matched backwards");
    return 1;
}

/* One step over a character, or past the end. */
static size_t step(const char *s, size_t n, size_t at)
{
    uint32_t cp;
    size_t len = at < n ? utf8_get(s + at, n - at, &cp) : 0;

    return at + (len ? len : 1);
}

/* An empty match right behind the last match does not count, as in Oniguruma's iterator. */
static int walk(struct tok_regex *re, const char *s, size_t n, struct vac_err *err)
{
    size_t at = 0, done = 0, last = SIZE_MAX, from = 0, to = 0;

    while (at <= n) {
        int found = search(re, s, n, at, &from, &to, err);

        if (found < 0)
            return -1;
        if (found == 0)
            break;
        if (from < done) /* \K in a lookbehind */
            return err_set(err, VAC_ERR_FORMAT,
                           "the tokenizer's regular expression matched backwards");
        if (from == to && last == to) {
            at = step(s, n, at);
            continue;
        }
        if (from > done && add_span(re, done, from, false, err))
            return -1;
        if (add_span(re, from, to, true, err))
            return -1;
        at = last = done = to;
    }
    return done < n ? add_span(re, done, n, false, err) : 0;
}

void tok_regex_begin(struct tok_regex *re, size_t n)
{
    re->steps = n < (UINT32_MAX - STEPS_BASE) / STEPS_PER_BYTE ? STEPS_BASE + n * STEPS_PER_BYTE
                                                               : UINT32_MAX;
}

/* Newer characters, and those that have moved, are shown as others of their kind. */
static int show(struct tok_regex *re, const char **s, size_t n, struct vac_err *err)
{
    const char *text = *s;
    bool copied = false;
    size_t len;
    uint32_t cp;

    for (size_t i = 0; i < n && !re->literal; i += len) {
        uint32_t as;

        len = 1;
        if ((unsigned char)text[i] < 0x80)
            continue;
        len = utf8_get(text + i, n - i, &cp);
        as = tok_stand_in(cp);
        if (as == cp)
            continue;
        if (!copied) {
            if (mem_grow(&re->seen, &re->seen_cap, n, 1, err))
                return -1;
            memcpy(re->seen, text, n);
            copied = true;
        }
        utf8_put(as, re->seen + i);
    }
    if (copied)
        *s = re->seen;
    return 0;
}

int tok_regex_spans(struct tok_regex *re, const char *s, size_t n, const struct tok_span **v,
                    size_t *count, struct vac_err *err)
{
    re->n = 0;
    if (show(re, &s, n, err) || (n == 0 ? add_span(re, 0, 0, false, err) : walk(re, s, n, err)))
        return -1;
    *v = re->v;
    *count = re->n;
    return 0;
}
