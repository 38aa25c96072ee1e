/* test_base_values.c - src/base without files: errors, memory, UTF-8, number formats, random
 * numbers and checksums, against recorded values and independent formulas. */
#include "base/hash.h"
#include "support.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include "base/csv_out.h"
#include "base/dtype.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- err.c ---- */

static void test_err_first_wins(void **state)
{
    struct vac_err err = {0};

    (void)state;
    assert_int_equal(err_prefix(&err, "nothing"), -1);
    assert_int_equal(err.code, VAC_OK);
    assert_int_equal(err_set(&err, VAC_ERR_FORMAT, "line %d is bad", 7), -1);
    err_set(&err, VAC_ERR_IO, "later");
    err_prefix(&err, "step %d", 3);
    err_prefix(&err, "run");
    assert_int_equal(err.code, VAC_ERR_FORMAT);
    assert_string_equal(err.msg, "run: step 3: line 7 is bad");
    err_clear(&err);
    assert_int_equal(err.code, VAC_OK);
    assert_string_equal(err.msg, "");
    assert_int_equal(err_set(NULL, VAC_ERR_IO, "nobody listens"), -1);
    assert_int_equal(err_errno(NULL, "nobody listens"), -1);
}

static void test_err_escapes(void **state)
{
    struct vac_err err = {0};

    (void)state;
    err_set(&err, VAC_ERR_FORMAT, "a\x1b[31m\n\x7f\xc2\x9b\xff é😀");
    assert_string_equal(err.msg, "a\\x1b[31m\\n\\u007f\\u009b\\xff é😀");
}

/* On a terminal that has no more than ASCII a letter is as visible as what is unsafe, and a line stays one. */
static void test_text_in_ascii(void **state)
{
    static const char text[] = "l\u00e4b\n\t\U0001f600 \033";
    struct strbuf s = {0};

    (void)state;
    sb_safe(&s, text, strlen(text), "\n\t", false);
    assert_string_equal(s.s, "l\\u00e4b\n\t\\ud83d\\ude00 \\x1b");
    sb_done(&s);
}

/* One list: controls, line ends, what shows nothing and what reorders; one way to show them, which
 * is the same character in a JSON string. */
static void test_unsafe_text(void **state)
{
    static const struct {
        const char *s, *name, *text;
    } rows[] = {
        {"a\tb\nc\r", "a\\tb\\nc\\r", "a\tb\nc\\r"},
        {"\033]0;x\007", "\\x1b]0;x\\x07", "\\x1b]0;x\\x07"},
        {"\177\xc2\x9b\xff", "\\u007f\\u009b\\xff", "\\u007f\\u009b\\xff"},
        {"\u202e\u2066\u200e\u061c", "\\u202e\\u2066\\u200e\\u061c",
         "\\u202e\\u2066\\u200e\\u061c"},
        {"\u200b\u200d\ufeff\u2060\u00ad\u2028", "\\u200b\\u200d\\ufeff\\u2060\\u00ad\\u2028",
         "\\u200b\\u200d\\ufeff\\u2060\\u00ad\\u2028"},
        {"\U000e0041", "\\udb40\\udc41", "\\udb40\\udc41"},
        {"\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80", "\\xc0\\xaf\\xed\\xa0\\x80"},
        {"na\u00efve \u4f60 \U0001f600\ufe0f", "na\u00efve \u4f60 \U0001f600\ufe0f",
         "na\u00efve \u4f60 \U0001f600\ufe0f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf name = {0}, text = {0};
        struct vac_err err = {0};

        sb_safe(&name, rows[i].s, strlen(rows[i].s), "", true);
        sb_safe(&text, rows[i].s, strlen(rows[i].s), "\n\t", true);
        err_set(&err, VAC_ERR_FORMAT, "%s", rows[i].s);
        assert_string_equal(name.s, rows[i].name);
        assert_string_equal(text.s, rows[i].text);
        assert_string_equal(err.msg, rows[i].name);
        sb_done(&name);
        sb_done(&text);
    }
}

/* For every length of what stands before: no character is cut, the end says that something is gone.
 */
static void test_err_cuts_whole(void **state)
{
    char text[1200];

    (void)state;
    for (size_t lead = 0; lead < 8; lead++) {
        struct vac_err err = {0};
        size_t n;

        memset(text, 'a', lead);
        for (size_t i = lead; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "😀", 5);
        err_set(&err, VAC_ERR_FORMAT, "%s", text);
        n = strlen(err.msg);
        assert_true(n > 500 && n < sizeof err.msg);
        assert_int_equal(utf8_valid(err.msg, n), n);
        assert_string_equal(err.msg + n - 3, "...");
        assert_null(strstr(err.msg, "\\x"));
    }
    memset(text, 'x', 511);
    text[511] = '\0';
    {
        struct vac_err err = {0};

        err_set(&err, VAC_ERR_FORMAT, "%s", text);
        assert_string_equal(err.msg, text);
        err_prefix(&err, "p");
        assert_memory_equal(err.msg, "p: xxx", 6);
        assert_string_equal(err.msg + 508, "...");
    }
}

static void test_err_errno(void **state)
{
    static const struct {
        int number, code;
        const char *text;
    } cases[] = {{ENOSPC, VAC_ERR_SPACE, "w 1: No space left on device"},
                 {EDQUOT, VAC_ERR_SPACE, "w 1: Disk quota exceeded"},
                 {EFBIG, VAC_ERR_SPACE, "w 1: File too large"},
                 {EACCES, VAC_ERR_IO, "w 1: Permission denied"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vac_err err = {0};

        errno = cases[i].number;
        err_errno(&err, "w %d", 1);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.msg, cases[i].text);
    }
}

static const char *word_at(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

static void test_err_nearest(void **state)
{
    static const char *const words[] = {"task.jsonl", "rho", "schedule", "batch_size", NULL};
    static const struct {
        const char *word, *near;
    } cases[] = {{"tsak.jsonl", "task.jsonl"},
                 {"rh", NULL},
                 {"roh", "rho"},
                 {"shedule", "schedule"},
                 {"xyz", NULL},
                 {"batch-sizes", "batch_size"},
                 {"bitch_soze", "batch_size"},
                 {"bxxxx_size", NULL},
                 {"", NULL},
                 {"rho", "rho"}};
    char longest[200];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *near = err_nearest(cases[i].word, word_at, words);

        if (cases[i].near)
            assert_string_equal(near ? near : "(none)", cases[i].near);
        else
            assert_null(near);
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[199] = '\0';
    assert_null(err_nearest(longest, word_at, words));
}

/* ---- mem.c ---- */

static void test_sizes(void **state)
{
    size_t r = 5;

    (void)state;
    assert_int_equal(size_mul(SIZE_MAX / 2, 3, &r), -1);
    assert_int_equal(size_add(SIZE_MAX, 1, &r), -1);
    assert_int_equal(r, 5);
    assert_int_equal(size_mul(6, 7, &r), 0);
    assert_int_equal(r, 42);
    assert_int_equal(size_add(SIZE_MAX - 1, 1, &r), 0);
    assert_true(r == SIZE_MAX);
}

static void test_memory(void **state)
{
    struct vac_err err = {0};
    unsigned char *p = mem_new(0, 8, &err);
    int *v = NULL;
    size_t cap = 0;

    (void)state;
    assert_non_null(p);
    free(p);
    assert_null(mem_new(SIZE_MAX / 2, 4, &err));
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    err_clear(&err);
    assert_null(mem_new(SIZE_MAX / 2 + 2, 1, &err));
    assert_error(&err, "9223372036854775809 bytes");
    err_clear(&err);
    assert_ok(mem_grow(&v, &cap, 17, sizeof *v, &err), &err);
    assert_int_equal(cap, 32);
    for (size_t i = 0; i < cap; i++)
        assert_int_equal(v[i], 0);
    v[31] = 9;
    assert_ok(mem_grow(&v, &cap, 33, sizeof *v, &err), &err);
    assert_int_equal(v[31], 9);
    assert_int_equal(v[63], 0);
    assert_int_equal(mem_grow(&v, &cap, SIZE_MAX / 2, sizeof *v, &err), -1);
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    assert_int_equal(cap, 64);
    free(v);
}

static void test_arena(void **state)
{
    struct vac_err err = {0};
    struct arena a = {0};
    unsigned char *kept[600];

    (void)state;
    for (size_t i = 0; i < COUNT(kept); i++) {
        size_t n = i % 100 == 99 ? 100000 : i;

        kept[i] = arena_alloc(&a, n, 1, &err);
        assert_non_null(kept[i]);
        assert_int_equal((uintptr_t)kept[i] % 16, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(kept[i][k], 0);
        memset(kept[i], (int)(i % 255) + 1, n);
    }
    for (size_t i = 1; i < COUNT(kept); i++)
        assert_int_equal(kept[i][i % 100 == 99 ? 99999 : i - 1], i % 255 + 1);
    assert_string_equal(arena_strndup(&a, "abcdef", 3, &err), "abc");
    assert_null(arena_alloc(&a, SIZE_MAX, 1, &err));
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    arena_done(&a);
    arena_done(&a);
    assert_null(a.head);
}

static void test_strbuf_json(void **state)
{
    struct strbuf b = {0};
    struct vac_err err = {0};
    static const char raw[] = "a\"\\\b\t\n\x01\x00\x7f é\xff😀";

    (void)state;
    sb_json(&b, raw, sizeof raw - 1);
    assert_string_equal(b.s, "a\\\"\\\\\\b\\t\\n\\u0001\\u0000\\u007f é\xef\xbf\xbd😀");
    sb_clear(&b);
    assert_string_equal(b.s, "");
    for (int i = 0; i < 1000; i++)
        sb_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_ok(sb_ok(&b, &err), &err);
    b.bad = true;
    sb_puts(&b, "lost");
    assert_int_equal(sb_ok(&b, &err), -1);
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    sb_done(&b);
}

static void test_sb_num(void **state)
{
    static const struct {
        double x;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-250, "-250"},
                 {0.1, "0.1"},
                 {1e-3, "0.001"},
                 {1e-5, "1e-05"},
                 {1.0 / 3, "0.3333333333333333"},
                 {0.1f, "0.10000000149011612"},
                 {1e22, "1e+22"},
                 {123456789012345, "123456789012345"},
                 {5e-324, "4.94065645841247e-324"},
                 {NAN, "null"},
                 {INFINITY, "null"},
                 {0.1 + 0.2, "0.30000000000000004"}};
    struct rng r = {.key = rng_key(1, RNG_TEST, 0, 0)};
    struct strbuf b = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        sb_clear(&b);
        sb_num(&b, cases[i].x);
        assert_string_equal(b.s, cases[i].text);
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t u = rng_next(&r);
        double x;

        memcpy(&x, &u, sizeof x);
        if (!isfinite(x))
            continue;
        sb_clear(&b);
        sb_num(&b, x);
        assert_true(strtod(b.s, NULL) == x);
    }
    sb_done(&b);
}

static void test_csv(void **state)
{
    static const char *const cells[][2] = {
        {"", ""},
        {"two words", "two words"},
        {"a,b", "\"a,b\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"say \"no\"", "\"say \"\"no\"\"\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cells); i++) {
        struct strbuf b = {0};

        csv_put(&b, cells[i][0]);
        assert_string_equal(b.s, cells[i][1]);
        sb_done(&b);
    }
}

static void test_ids(void **state)
{
    struct vac_err err = {0};
    struct ids x = {0};

    (void)state;
    for (int32_t i = 0; i < 100; i++)
        assert_ok(ids_push(&x, i, &err), &err);
    assert_ok(ids_append(&x, (const int32_t[]){7, 8, 9}, 3, &err), &err);
    assert_ok(ids_append(&x, NULL, 0, &err), &err);
    assert_int_equal(x.n, 103);
    assert_int_equal(x.v[99], 99);
    assert_int_equal(x.v[102], 9);
    assert_int_equal(ids_append(&x, x.v, SIZE_MAX, &err), -1);
    ids_done(&x);
    assert_null(x.v);
}

/* ---- utf8.c ---- */

/* The replaced texts are those of Python's decode("utf-8", "replace"), which follows the same rule.
 */
#define R "\xef\xbf\xbd"
static const struct {
    const char *s;
    size_t n, valid;
    const char *lossy;
} utf8_cases[] = {
    {"", 0, 0, ""},
    {"abc", 3, 3, "abc"},
    {"\x80", 1, 0, R},
    {"\xc0\xaf", 2, 0, R R},
    {"\xc1\xbf", 2, 0, R R},
    {"\xc3\xa9\xc3", 3, 2, "\xc3\xa9" R},
    {"\xe0\x80\xaf", 3, 0, R R R},
    {"\xe0\x9f\xbf", 3, 0, R R R},
    {"\xe2\x82", 2, 0, R},
    {"\xe2\x82\x41", 3, 0, R "A"},
    {"\xed\xa0\x80", 3, 0, R R R},
    {"\xed\xa0\xbd\xed\xb8\x80", 6, 0, R R R R R R},
    {"\xed\x9f\xbf", 3, 3, "\xed\x9f\xbf"},
    {"\xee\x80\x80", 3, 3, "\xee\x80\x80"},
    {"\xf0\x8f\xbf\xbf", 4, 0, R R R R},
    {"\xf0\x9f\x98", 3, 0, R},
    {"\xf0\x9f\x98\x41", 4, 0, R "A"},
    {"\xf4\x8f\xbf\xbf", 4, 4, "\xf4\x8f\xbf\xbf"},
    {"\xf4\x90\x80\x80", 4, 0, R R R R},
    {"\xf5\x80\x80\x80", 4, 0, R R R R},
    {"\xf8\x88\x80\x80\x80", 5, 0, R R R R R},
    {"\xfe\xff", 2, 0, R R},
    {"a\xf0\x9f\x98\xf0\x9f\x98\x80z", 9, 1, "a" R "\xf0\x9f\x98\x80z"},
    {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", 9, 0, R R R R "A"},
};

static void test_utf8_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(utf8_cases); i++) {
        char out[64];
        size_t n = utf8_lossy(utf8_cases[i].s, utf8_cases[i].n, out);

        assert_int_equal(utf8_valid(utf8_cases[i].s, utf8_cases[i].n), utf8_cases[i].valid);
        assert_int_equal(n, strlen(utf8_cases[i].lossy));
        assert_memory_equal(out, utf8_cases[i].lossy, n);
    }
}

static void test_utf8_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char s[4];
        uint32_t back = UINT32_MAX;
        size_t n = utf8_put(cp, s), want = cp >= 0xd800 && cp < 0xe000 ? 0 : n;

        if (utf8_get(s, n, &back) != want || (want && back != cp) || utf8_get(s, n - 1, &back))
            fail_msg("code point %x: %zu bytes", (unsigned)cp, n);
    }
}

/* Unicode has 61,440 three-byte sequences; whatever else has three bytes must be refused. */
static void test_utf8_counts(void **state)
{
    size_t two = 0, three = 0;
    uint32_t cp;

    (void)state;
    for (uint32_t x = 0xc00000; x <= 0xffffff; x++) {
        const char s[3] = {(char)(x >> 16), (char)(x >> 8), (char)x};

        two += (x & 0xff) == 0 && utf8_get(s, 2, &cp) == 2;
        three += utf8_get(s, 3, &cp) == 3;
    }
    assert_int_equal(two, 1920);
    assert_int_equal(three, 61440);
}

/* ---- dtype.c ---- */

/* A 16-bit number with m bits of mantissa and the bias, by the definition of the format. */
static double by_definition(uint16_t x, int m, int bias)
{
    int e = (x & 0x7fff) >> m, f = x & ((1 << m) - 1), top = 0x7fff >> m;
    double v = e == top ? (f ? NAN : INFINITY)
               : e      ? ldexp((1 << m) + f, e - bias - m)
                        : ldexp(f, 1 - bias - m);

    return x & 0x8000 ? -v : v;
}

struct half_format {
    enum dtype type;
    int m, bias;
    uint16_t inf;
};
static float widen(const struct half_format *f, uint16_t x)
{
    float out;

    dtype_widen(&out, &x, f->type, 1);
    return out;
}
static uint16_t narrow(const struct half_format *f, float x)
{
    uint16_t out;

    dtype_narrow(&out, &x, f->type, 1);
    return out;
}
static const struct half_format half_formats[] = {
    {DTYPE_F16, 10, 15, 0x7c00},
    {DTYPE_BF16, 7, 127, 0x7f80},
};

static void test_dtype_every_value(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(half_formats); k++) {
        const struct half_format *f = &half_formats[k];

        for (uint32_t x = 0; x <= 0xffff; x++) {
            double want = by_definition((uint16_t)x, f->m, f->bias);
            float got = widen(f, (uint16_t)x);
            uint16_t back = narrow(f, got);

            if (isnan(want)) {
                assert_true(isnan(got));
                assert_int_equal(back, x | 1u << (f->m - 1)); /* quiet, payload kept */
            } else if ((double)got != want || !signbit(got) != !(x >> 15) || back != x) {
                fail_msg("%s %04x: %a, back %04x", dtype_name(f->type), x, (double)got, back);
            }
        }
    }
}

/* Between two neighbours: halfway goes to the even one, a hair less or more to the nearer one. */
static void test_dtype_rounding(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(half_formats); k++) {
        const struct half_format *f = &half_formats[k];

        for (uint16_t x = 0; x < f->inf; x++) {
            double low = by_definition(x, f->m, f->bias);
            double high = x + 1 == f->inf ? ldexp(1, (0x7fff >> f->m) - f->bias)
                                          : by_definition((uint16_t)(x + 1), f->m, f->bias);
            float middle = (float)((low + high) / 2);
            uint16_t even = (uint16_t)(x & 1 ? x + 1 : x);

            assert_true((double)middle == (low + high) / 2);
            if (narrow(f, middle) != even || narrow(f, -middle) != (even | 0x8000) ||
                narrow(f, nextafterf(middle, 0)) != x ||
                narrow(f, nextafterf(middle, INFINITY)) != x + 1)
                fail_msg("%s between %04x and the next", dtype_name(f->type), x);
        }
        assert_int_equal(narrow(f, FLT_MAX), f->inf);
        assert_int_equal(narrow(f, -INFINITY), f->inf | 0x8000);
        assert_int_equal(narrow(f, -0.0f), 0x8000);
    }
    assert_int_equal(narrow(&half_formats[0], 1e-30f), 0);
}

static void test_dtype_arrays(void **state)
{
    static const char *const names[] = {"F32", "BF16", "F16"};
    float in[37], out[37];
    unsigned char room[37 * 4 + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(in); i++)
        in[i] = (float)((double)i - 18.0) * 0.25f;
    for (int t = DTYPE_F32; t <= DTYPE_F16; t++) {
        assert_string_equal(dtype_name((enum dtype)t), names[t]);
        assert_int_equal(dtype_size((enum dtype)t), t == DTYPE_F32 ? 4 : 2);
        memset(room, 0xee, sizeof room);
        dtype_narrow(room + 1, in, (enum dtype)t, COUNT(in)); /* odd addresses are allowed */
        dtype_widen(out, room + 1, (enum dtype)t, COUNT(in));
        assert_memory_equal(in, out, sizeof in);
        if (t != DTYPE_F32)
            assert_int_equal(room[1 + 2 * COUNT(in)], 0xee);
        dtype_narrow(room, NULL, (enum dtype)t, 0);
        dtype_widen(out, NULL, (enum dtype)t, 0);
    }
}

/* ---- rng.c ---- */

/* From the formulas in rng.h and rng.c, by a program in another language. */
static void test_rng_recorded(void **state)
{
    const uint64_t m = UINT64_MAX;
    uint64_t a = rng_key(0, RNG_SHUFFLE, 0, 0), b = rng_key(1, RNG_LORA, 2, 5);
    uint64_t c = rng_key(m, RNG_TEST, m, m);
    size_t p[8];
    static const size_t want[8] = {7, 0, 1, 5, 3, 4, 2, 6};

    (void)state;
    assert_true(a == 0x822c4e6d8840d1c4 && rng_at(a, 0) == 0x0c545bdcced5214e);
    assert_true(b == 0x97bb12bbc852e762 && rng_at(b, 12345) == 0xb975aefd01b27ef3);
    assert_true(c == 0xf89c8390fa6fea3f && rng_at(c, 12345) == 0x721d46213a644c96);
    rng_permute(rng_key(1, RNG_TEST, 0, 0), p, 8);
    assert_memory_equal(p, want, sizeof p);
}

/* Every bit of every part of a key changes half of the bits of the result. */
static void test_rng_key_mixes(void **state)
{
    (void)state;
    for (int part = 0; part < 4; part++) {
        double flips = 0;

        for (uint64_t t = 0; t < 100; t++)
            for (int bit = 0; bit < (part == 1 ? 30 : 64); bit++) {
                uint64_t v[4] = {t, 1, t * 3, t * 7}, before, after;

                before = rng_key(v[0], (enum rng_purpose)v[1], v[2], v[3]);
                v[part] ^= 1ull << bit;
                after = rng_key(v[0], (enum rng_purpose)v[1], v[2], v[3]);
                flips += __builtin_popcountll(before ^ after);
            }
        flips /= 100.0 * (part == 1 ? 30 : 64);
        assert_true(flips > 31.5 && flips < 32.5);
    }
    assert_true(rng_key(1, RNG_TEST, 2, 3) != rng_key(1, RNG_TEST, 3, 2));
    assert_true(rng_key(1, RNG_MIX, 3, 0) != rng_key(2, RNG_SHUFFLE, 3, 0));
}

/* Chi-square over 256 bins has mean 255 and deviation 22.6: six deviations on either side. */
static void assert_uniform(const unsigned *bins, double total)
{
    double chi = 0;

    for (size_t i = 0; i < 256; i++)
        chi += (bins[i] - total / 256) * (bins[i] - total / 256) / (total / 256);
    if (chi < 120 || chi > 390)
        fail_msg("chi-square %.1f over 256 bins", chi);
}

static void test_rng_uniform(void **state)
{
    enum { N = 1 << 17 };
    unsigned low[256] = {0}, high[256] = {0}, wide[256] = {0}, below[256] = {0};
    uint64_t key = rng_key(5, RNG_TEST, 0, 0);
    struct rng r = {.key = key};

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        uint64_t x = rng_at(key, i);

        low[x & 255]++;
        high[x >> 56]++;
        wide[rng_at32(key, i) >> 24]++;
        below[rng_below(&r, 256000) / 1000]++;
    }
    assert_uniform(low, N);
    assert_uniform(high, N);
    assert_uniform(wide, N);
    assert_uniform(below, N);
    assert_true(rng_below(&r, 1) == 0);
}

/* Each bit is set in half of the numbers, over counters and over keys that follow one another, and
 * agrees with the same bit of the next counter in half of them. */
static void test_rng_at32_bits(void **state)
{
    enum { N = 1 << 16, SLACK = 6 * 128 }; /* deviation of a count: sqrt(N) / 2 = 128 */
    uint64_t key = rng_key(9, RNG_DROPOUT, 1, 2);

    (void)state;
    for (int bit = 0; bit < 32; bit++) {
        int ones = 0, keys = 0, same = 0;

        for (uint32_t i = 0; i < N; i++) {
            ones += rng_at32(key, i) >> bit & 1;
            keys += rng_at32(rng_mix(key, i), 3) >> bit & 1;
            same += ~(rng_at32(key, i) ^ rng_at32(key, i + 1)) >> bit & 1;
        }
        if (abs(ones - N / 2) > SLACK || abs(keys - N / 2) > SLACK || abs(same - N / 2) > SLACK)
            fail_msg("bit %d: %d %d %d of %d", bit, ones, keys, same, N);
    }
}

static void test_rng_permute(void **state)
{
    size_t p[1000], q[1000];
    unsigned first[24] = {0};

    (void)state;
    for (size_t n = 0; n <= 1000; n += n < 10 ? 1 : 90) {
        bool seen[1000] = {0};

        rng_permute(n, p, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(p[i] < n && !seen[p[i]]);
            seen[p[i]] = true;
        }
        rng_permute(n, q, n);
        assert_memory_equal(p, q, n * sizeof *p);
    }
    /* All 24 orders of four come up, each about 1000 times (deviation 31). */
    for (uint64_t k = 0; k < 24000; k++) {
        rng_permute(rng_key(k, RNG_TEST, 0, 0), p, 4);
        first[p[0] * 6 + (p[1] - (p[1] > p[0])) * 2 + (p[2] > p[3])]++;
    }
    for (size_t i = 0; i < COUNT(first); i++)
        assert_true(first[i] > 810 && first[i] < 1190);
}

/* ---- hash.c ---- */

/* RFC 3720, B.4, and the check value of the catalogues. */
static void test_crc_recorded(void **state)
{
    unsigned char b[32];

    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
    memset(b, 0, sizeof b);
    assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
    memset(b, 0xff, sizeof b);
    assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
    for (size_t i = 0; i < 32; i++)
        b[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, b, 32), 0x46dd794e);
    for (size_t i = 0; i < 32; i++)
        b[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(0, b, 32), 0x113fdb5c);
}

static uint32_t crc_bit_by_bit(const unsigned char *p, size_t n)
{
    uint32_t r = UINT32_MAX;

    for (size_t i = 0; i < n * 8; i++) {
        uint32_t bit = (r ^ p[i / 8] >> i % 8) & 1;

        r = r >> 1 ^ (bit ? 0x82f63b78u : 0);
    }
    return ~r;
}

/* Both ways of computing it, at every length and alignment, whole and in two parts. */
static void test_crc_both_ways(void **state)
{
    unsigned char b[120];

    (void)state;
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (unsigned char)rng_at(3, i);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from <= sizeof b; n++) {
            uint32_t want = crc_bit_by_bit(b + from, n);
            size_t half = n * 2 / 5;

            assert_int_equal(crc32c(0, b + from, n), want);
            assert_int_equal(crc32c_portable(0, b + from, n), want);
            assert_int_equal(crc32c(crc32c_portable(0, b + from, half), b + from + half, n - half),
                             want);
        }
}

static void assert_sha(const char *text, size_t n, size_t times, const char *want)
{
    struct sha256 s;
    char hex[65];

    sha256_init(&s);
    for (size_t i = 0; i < times; i++)
        sha256_put(&s, text, n);
    sha256_hex(&s, hex);
    assert_int_equal(strlen(hex), 64);
    hex[strlen(want)] = '\0';
    assert_string_equal(hex, want);
}

/* FIPS 180-4's examples, and lengths around the padding's edges (from Python's hashlib). */
static void test_sha_recorded(void **state)
{
    static const struct {
        size_t n;
        const char *want;
    } edges[] = {{55, "d5e285683cd4efc0"}, {56, "04c26261370ee754"}, {63, "75220b47218278e6"},
                 {64, "7ce100971f64e700"}, {65, "9537c5fdf120482f"}, {119, "000b48d4edf0fa7b"},
                 {120, "13f05a0b594787f5"}};
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    (void)state;
    assert_sha("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha("abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha(two, 56, 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_sha("a", 1, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_sha("aaaaaaaaaa", 10, 100000,
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    for (size_t i = 0; i < COUNT(edges); i++)
        assert_sha("x", 1, edges[i].n, edges[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_first_wins),
        cmocka_unit_test(test_err_escapes),
        cmocka_unit_test(test_text_in_ascii),
        cmocka_unit_test(test_unsafe_text),
        cmocka_unit_test(test_err_cuts_whole),
        cmocka_unit_test(test_err_errno),
        cmocka_unit_test(test_err_nearest),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_strbuf_json),
        cmocka_unit_test(test_sb_num),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_utf8_hostile),
        cmocka_unit_test(test_utf8_every_code_point),
        cmocka_unit_test(test_utf8_counts),
        cmocka_unit_test(test_dtype_every_value),
        cmocka_unit_test(test_dtype_rounding),
        cmocka_unit_test(test_dtype_arrays),
        cmocka_unit_test(test_rng_recorded),
        cmocka_unit_test(test_rng_key_mixes),
        cmocka_unit_test(test_rng_uniform),
        cmocka_unit_test(test_rng_at32_bits),
        cmocka_unit_test(test_rng_permute),
        cmocka_unit_test(test_crc_recorded),
        cmocka_unit_test(test_crc_both_ways),
        cmocka_unit_test(test_sha_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
