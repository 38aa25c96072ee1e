/* test_st_write.c - the safetensors writer against bytes worked out by hand, its order, its
 * rounding, and that a file appears whole or not at all. */
#include "base/hash.h"
#include "support.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "weights/st_write.h"
#include "weights/weights.h"

static struct weights *open_good(const char *path)
{
    struct vac_err err = {0};
    struct weights *w = weights_open(path, &err);

    if (!w)
        fail_msg("%s", err.msg);
    return w;
}

static struct st_writer *create(const char *path)
{
    struct vac_err err = {0};
    struct st_writer *w = st_create(path, &err);

    if (!w)
        fail_msg("%s", err.msg);
    return w;
}

static unsigned char *slurp(const char *path, size_t *n)
{
    struct vac_err err = {0};
    char *s = file_read(path, 1 << 24, n, &err);

    if (!s)
        fail_msg("%s", err.msg);
    return (unsigned char *)s;
}

static void test_write_golden(void **state)
{
    static const char want[] =
        "\x90\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1,1],"
        "\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,8]}}  "
        " "
        "\0\0\0\x3f\x80\x3f\x20\xc0";
    const char *path = support_file("golden.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    struct weights *r;
    unsigned char *got;
    float back[2];
    size_t n;

    (void)state;
    assert_ok(st_declare(w, "b", DTYPE_BF16, 1, (size_t[]){2}, &err), &err);
    assert_ok(st_declare(w, "a", DTYPE_F32, 2, (size_t[]){1, 1}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_ok(st_put(w, (float[]){0.5f}, 1, &err), &err);
    assert_ok(st_put(w, (float[]){1.0f, -2.5f}, 2, &err), &err);
    assert_ok(st_commit(w, &err), &err);
    got = slurp(path, &n);
    assert_int_equal(n, sizeof want - 1);
    assert_memory_equal(got, want, n);
    free(got);
    st_free(w);

    r = open_good(path);
    assert_non_null(weights_want(r, "a", 2, (size_t[]){1, 1}, &err));
    dtype_widen(back, weights_find(r, "b")->data, DTYPE_BF16, 2);
    assert_true(back[0] == 1.0f && back[1] == -2.5f);
    weights_close(r);
}

static void test_write_order(void **state)
{
    static const char *const order[] = {"b.f32", "z.f32", "a.bf16", "empty", "x.f16"};
    const char *path = support_file("order.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    unsigned char *bytes;
    uint64_t len;
    size_t n;

    (void)state;
    assert_ok(st_declare(w, "x.f16", DTYPE_F16, 1, (size_t[]){3}, &err), &err);
    assert_ok(st_declare(w, "empty", DTYPE_F16, 2, (size_t[]){4, 0}, &err), &err);
    assert_ok(st_declare(w, "z.f32", DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    assert_ok(st_declare(w, "a.bf16", DTYPE_BF16, 0, NULL, &err), &err);
    assert_ok(st_declare(w, "b.f32", DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(st_order(w, i), order[i]);
    assert_null(st_order(w, n));
    assert_ok(st_put(w, (float[]){0.5f}, 1, &err), &err);
    assert_ok(st_put(w, (float[]){1}, 1, &err), &err);
    assert_ok(st_put(w, (float[]){3}, 1, &err), &err);
    assert_ok(st_put(w, NULL, 0, &err), &err);
    assert_ok(st_put(w, (float[]){1, 2}, 2, &err), &err);
    assert_ok(st_put(w, (float[]){-2}, 1, &err), &err);
    assert_ok(st_commit(w, &err), &err);
    st_free(w);

    bytes = slurp(path, &n);
    memcpy(&len, bytes, 8);
    assert_int_equal(len % 8, 0);
    assert_memory_equal(bytes + 8 + len, "\0\0\0\x3f\0\0\x80\x3f\x40\x40\0\x3c\0\x40\0\xc0", 16);
    assert_int_equal(n, 8 + len + 16);
    free(bytes);
    weights_close(open_good(path));
}

/* Names that JSON must escape come back as they were. */
static void test_write_names(void **state)
{
    static const char *const names[] = {"", "a\"b\\c", "tab\there", "\xc3\xa9\xf0\x9f\x98\x80",
                                        "x/y"};
    const char *path = support_file("names.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    struct weights *r;
    size_t n;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_ok(st_declare(w, names[i], DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_ok(st_put(w, (float[]){1}, 1, &err), &err);
    for (size_t i = 1; i < n; i++)
        assert_ok(st_put(w, (float[]){2}, 1, &err), &err);
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    r = open_good(path);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(weights_find(r, names[i]));
    weights_close(r);
}

/* Rounding is to nearest, ties to even; the bits are worked out by hand. */
static void test_write_rounding(void **state)
{
    static const struct {
        uint32_t f32;
        uint16_t bf16, f16;
    } cases[] = {
        {0x3f800000, 0x3f80, 0x3c00}, /* 1 */
        {0x3f808000, 0x3f80, 0x3c04}, /* a tie of BF16, down to even */
        {0x3f818000, 0x3f82, 0x3c0c}, /* a tie, up to even */
        {0x3f808001, 0x3f81, 0x3c04}, /* just above the tie */
        {0x3f807fff, 0x3f80, 0x3c04}, /* just below */
        {0xbf818000, 0xbf82, 0xbc0c}, /* the sign does not matter */
        {0x3f801000, 0x3f80, 0x3c00}, /* a tie of F16, down to even */
        {0x3f803000, 0x3f80, 0x3c02}, /* a tie, up to even */
        {0x3f801001, 0x3f80, 0x3c01}, /* just above */
        {0x477fefff, 0x4780, 0x7bff}, /* just below 65520: the largest half */
        {0x477ff000, 0x4780, 0x7c00}, /* 65520: the tie past it is Inf */
        {0x33000000, 0x3300, 0x0000}, /* 2^-25: a tie between 0 and the smallest half */
        {0x33c00000, 0x33c0, 0x0002}, /* 1.5 x 2^-24: a tie, up to even */
        {0x7f7fffff, 0x7f80, 0x7c00}, /* the largest float */
        {0xff800000, 0xff80, 0xfc00}, /* -Inf */
        {0x80000000, 0x8000, 0x8000}, /* -0 */
    };
    enum { N = sizeof cases / sizeof *cases, TIMES = 1000 };
    const char *path = support_file("round.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    struct weights *r;
    float *x = malloc(N * TIMES * sizeof *x);
    size_t n, total = N * TIMES, half = 12345;

    (void)state;
    for (size_t i = 0; i < total; i++)
        memcpy(&x[i], &cases[i % N].f32, 4);
    assert_ok(st_declare(w, "bf16", DTYPE_BF16, 1, &total, &err), &err);
    assert_ok(st_declare(w, "f16", DTYPE_F16, 2, (size_t[]){TIMES, N}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    for (size_t t = 0; t < 2; t++) { /* in two pieces, both longer than the writer's own */
        assert_ok(st_put(w, x, half, &err), &err);
        assert_ok(st_put(w, x + half, total - half, &err), &err);
    }
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    free(x);

    r = open_good(path);
    for (size_t i = 0; i < total; i++) {
        uint16_t b, h;
        memcpy(&b, (const char *)weights_find(r, "bf16")->data + 2 * i, 2);
        memcpy(&h, (const char *)weights_find(r, "f16")->data + 2 * i, 2);
        if (b != cases[i % N].bf16 || h != cases[i % N].f16)
            fail_msg("%08x became %04x and %04x", cases[i % N].f32, b, h);
    }
    weights_close(r);
}

/* Forgotten pages come back with the same content. */
static void test_forget(void **state)
{
    const char *path = support_file("forget.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    size_t n, total = 20000;
    float *x = malloc(total * sizeof *x), *back = malloc(total * sizeof *x);
    struct weights *r;

    (void)state;
    for (size_t i = 0; i < total; i++)
        x[i] = (float)i - 7.25f;
    assert_ok(st_declare(w, "x", DTYPE_F32, 1, &total, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_ok(st_put(w, x, total, &err), &err);
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    r = open_good(path);
    for (int i = 0; i < 2; i++) {
        dtype_widen(back, weights_find(r, "x")->data, DTYPE_F32, total);
        assert_memory_equal(back, x, total * sizeof *x);
        weights_forget(r, weights_find(r, "x"));
    }
    weights_close(r);
    free(x);
    free(back);
}

static void test_declare_refuses(void **state)
{
    static const struct {
        const char *name;
        size_t rank, shape[9];
        const char *text;
    } cases[] = {
        {"__metadata__", 1, {1}, "a name must be UTF-8 and not __metadata__"},
        {"\xc3(", 1, {1}, "a name must be UTF-8"},
        {"x", 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "has more than 8 dimensions"},
        {"x", 2, {(size_t)1 << 40, (size_t)1 << 40}, "is too large"},
        {"x", 1, {((size_t)1 << 53) + 1}, "is too large"},
    };
    struct st_writer *w = create(support_file("refuse.safetensors"));

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_err err = {0};
        assert_int_equal(
            st_declare(w, cases[i].name, DTYPE_F32, cases[i].rank, cases[i].shape, &err), -1);
        assert_error(&err, cases[i].text);
        assert_error(&err, "refuse.safetensors");
    }
    st_free(w);
    assert_false(file_exists(support_file("refuse.safetensors")));
}

static void test_declare_twice(void **state)
{
    struct vac_err err = {0};
    struct st_writer *w = create(support_file("again.safetensors"));
    size_t n;

    (void)state;
    /* Not neighbours in the order of the file. */
    assert_ok(st_declare(w, "x", DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    assert_ok(st_declare(w, "y", DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    assert_ok(st_declare(w, "x", DTYPE_F16, 1, (size_t[]){1}, &err), &err);
    assert_int_equal(st_begin(w, &n, &err), -1);
    assert_error(&err, "tensor \"x\": is declared twice");
    st_free(w);
    err_clear(&err);
    assert_null(st_create(support_file("no/such/folder/x.safetensors"), &err));
    assert_error(&err, "no/such/folder");
}

static size_t files_in(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* The old file stays, whole and alone, until a commit that has all data. */
static void test_write_atomic(void **state)
{
    const char *d = support_folder("atomic");
    char path[1024];
    struct vac_err err = {0};
    struct st_writer *w;
    unsigned char *got;
    size_t n;

    (void)state;
    snprintf(path, sizeof path, "%s/model.safetensors", d);
    support_write_text(path, "the old content");
    w = create(path);
    assert_ok(st_declare(w, "x", DTYPE_F32, 1, (size_t[]){3}, &err), &err);
    assert_int_equal(st_put(w, (float[]){1}, 1, &err), -1);
    assert_error(&err, "the declarations are not ended yet");
    err_clear(&err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_int_equal(st_declare(w, "y", DTYPE_F32, 1, (size_t[]){3}, &err), -1);
    assert_error(&err, "the declarations are ended");
    err_clear(&err);
    assert_ok(st_put(w, (float[]){1, 2}, 2, &err), &err);
    assert_int_equal(st_commit(w, &err), -1);
    assert_error(&err, "tensor \"x\" lacks 4 of its 12 bytes");
    err_clear(&err);
    assert_int_equal(st_put(w, (float[]){3, 4}, 2, &err), -1);
    assert_error(&err, "tensor \"x\": 8 bytes given, room for 4 more");
    err_clear(&err);
    st_free(w);

    got = slurp(path, &n);
    assert_string_equal((char *)got, "the old content");
    free(got);
    assert_int_equal(files_in(d), 1);
}

/* A write that fails is remembered: no later call can make the torn file appear. */
static void test_write_full(void **state)
{
    const char *d = support_folder("full");
    char path[1024];
    struct rlimit old, small;
    struct vac_err err = {0};
    struct st_writer *w;
    size_t n, total = 1 << 20;
    float *x = calloc(total, sizeof *x);
    int rc;

    (void)state;
    snprintf(path, sizeof path, "%s/model.safetensors", d);
    support_write_text(path, "the old content");
    w = create(path);
    assert_ok(st_declare(w, "x", DTYPE_F32, 1, &total, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1 << 16;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = st_put(w, x, total, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    free(x);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, VAC_ERR_SPACE);
    assert_error(&err, "full/model.safetensors");
    err_clear(&err);
    assert_int_equal(st_put(w, (float[]){1}, 1, &err), -1);
    assert_error(&err, "an earlier write failed");
    err_clear(&err);
    assert_int_equal(st_commit(w, &err), -1);
    assert_error(&err, "an earlier write failed");
    st_free(w);
    assert_int_equal(files_in(d), 1);
    assert_int_equal(file_size(path), 15);
}

static void test_write_ends(void **state)
{
    const char *path = support_file("ends.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    size_t n;

    (void)state;
    assert_ok(st_declare(w, "x", DTYPE_F32, 1, (size_t[]){2}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    assert_int_equal(st_put(w, (float[]){1, 2, 3}, 3, &err), -1);
    assert_error(&err, "tensor \"x\": 12 bytes given, room for 8 more");
    err_clear(&err);
    assert_ok(st_put(w, (float[]){1, 2}, 2, &err), &err);
    assert_int_equal(st_put(w, (float[]){1}, 1, &err), -1);
    assert_error(&err, "more data than the declared tensors hold");
    err_clear(&err);
    assert_ok(st_commit(w, &err), &err);
    assert_int_equal(st_commit(w, &err), -1);
    assert_error(&err, "the file is committed");
    st_free(w);
    st_free(NULL);
    weights_close(open_good(path));
}

static void test_many_tensors(void **state)
{
    enum { N = 50000 };
    const char *path = support_file("many.safetensors");
    struct vac_err err = {0};
    struct st_writer *w = create(path);
    struct weights *r;
    char name[32];
    size_t n;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "t%zu", i * 7919 % N);
        assert_ok(st_declare(w, name, DTYPE_F32, 1, (size_t[]){1}, &err), &err);
    }
    assert_ok(st_begin(w, &n, &err), &err);
    assert_int_equal(n, N);
    for (size_t i = 0; i < N; i++) {
        float x = strtof(st_order(w, i) + 1, NULL);
        assert_ok(st_put(w, &x, 1, &err), &err);
    }
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    r = open_good(path);
    assert_int_equal(weights_count(r), N);
    for (size_t i = 0; i < N; i++) {
        float x;
        snprintf(name, sizeof name, "t%zu", i);
        assert_non_null(weights_find(r, name));
        dtype_widen(&x, weights_find(r, name)->data, DTYPE_F32, 1);
        assert_true(x == (float)i);
    }
    assert_null(weights_find(r, "t50000"));
    assert_null(weights_want(r, "t5000x", 1, (size_t[]){1}, &err));
    assert_error(&err, "did you mean \"t5000");
    weights_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_golden),  cmocka_unit_test(test_write_order),
        cmocka_unit_test(test_write_names),   cmocka_unit_test(test_write_rounding),
        cmocka_unit_test(test_forget),        cmocka_unit_test(test_declare_refuses),
        cmocka_unit_test(test_declare_twice), cmocka_unit_test(test_write_atomic),
        cmocka_unit_test(test_write_full),    cmocka_unit_test(test_write_ends),
        cmocka_unit_test(test_many_tensors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
