/* test_base.c - src/base and the world: files, JSON and options, with failing system calls.
 *
 * Linked with --wrap=write, --wrap=fsync and --wrap=renameat, so that any of these calls can fail. */
#include "base/json_out.h"
#include "base/hash.h"
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/json.h"
#include "base/option.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- Failing calls ---- */

static struct {
    int at, calls; /* the call that fails, counted from 0; -1 = none */
    int number;    /* with this errno */
    bool trickle;  /* writes take 1000 bytes at most, every other one is interrupted */
} inject = {.at = -1};

ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);

static bool injected(void)
{
    errno = inject.number;
    return inject.calls++ == inject.at;
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    if (injected())
        return -1;
    if (inject.trickle && inject.calls % 2) {
        errno = EINTR;
        return -1;
    }
    return __real_write(fd, p, inject.trickle && n > 1000 ? 1000 : n);
}

int __wrap_fsync(int fd)
{
    return injected() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    return injected() ? -1 : __real_renameat(a, from, b, to);
}

static void inject_at(int at, int number)
{
    inject.at = at;
    inject.calls = 0;
    inject.number = number;
    inject.trickle = false;
}

static size_t entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void assert_file(const char *path, const void *want, size_t n)
{
    struct vac_err err = {0};
    size_t len = 0;
    char *text = file_read(path, 1 << 24, &len, &err);

    if (!text)
        fail_msg("%s", err.msg);
    assert_int_equal(len, n);
    assert_memory_equal(text, want, n);
    assert_int_equal(text[len], 0);
    free(text);
}

/* ---- Reading ---- */

static void test_map(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "a");
    struct vac_err err = {0};
    struct mapping m;

    (void)state;
    support_write(path, "hello", 5);
    assert_ok(map_open(&m, path, &err), &err);
    assert_int_equal(m.len, 5);
    assert_memory_equal(m.data, "hello", 5);
    map_close(&m);
    map_close(&m);
    assert_null(m.data);
    support_write(path, "", 0);
    assert_ok(map_open(&m, path, &err), &err);
    assert_true(m.data == NULL && m.len == 0);
    map_close(&m);
    assert_int_equal(map_open(&m, dir, &err), -1);
    assert_error(&err, "is a folder, a file is needed here");
    err_clear(&err);
    assert_int_equal(map_open(&m, support_join(dir, "none"), &err), -1);
    assert_error(&err, "none: cannot open: No such file or directory (check the path)");
    err_clear(&err);
    assert_int_equal(mkfifo(support_join(dir, "pipe"), 0600), 0);
    assert_int_equal(map_open(&m, support_join(dir, "pipe"), &err), -1);
    assert_error(&err, "is not a regular file");
}

static void test_file_read(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "a");
    struct vac_err err = {0};
    char *big = mem_new(100000, 1, &err);
    size_t len = 77;

    (void)state;
    memset(big, 'x', 100000);
    support_write(path, big, 100000);
    assert_file(path, big, 100000);
    free(big);
    big = file_read(path, 100000, &len, &err);
    assert_non_null(big);
    free(big);
    assert_null(file_read(path, 99999, &len, &err));
    assert_error(&err, "larger than the 99999 bytes allowed here");
    err_clear(&err);
    assert_null(file_read(dir, 10, NULL, &err));
    assert_error(&err, "is a folder");
    support_write(path, "", 0);
    assert_file(path, "", 0);
    assert_true(file_exists(path) && !file_exists(dir) && !dir_exists(path) && dir_exists(dir));
    assert_int_equal(file_size(path), 0);
    assert_int_equal(file_size(dir), -1);
}

/* ---- Paths ---- */

static void test_paths(void **state)
{
    static const struct {
        const char *path, *dir, *base;
    } cases[] = {{"a/b", "a", "b"}, {"/a", "/", "a"},     {"a", ".", "a"},     {"", ".", ""},
                 {"/", "/", "/"},   {"a//b", "a", "b"},   {"a/b/", "a", "b/"}, {"//a", "/", "a"},
                 {"./x", ".", "x"}, {"a/b/c", "a/b", "c"}};
    static const struct {
        const char *dir, *name, *path;
    } joins[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"a", "/b", "/b"}, {"/", "b", "/b"}};
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *dir = path_dir(cases[i].path, &err);

        assert_string_equal(dir, cases[i].dir);
        assert_string_equal(path_base(cases[i].path), cases[i].base);
        free(dir);
    }
    for (size_t i = 0; i < COUNT(joins); i++) {
        char *p = path_join(joins[i].dir, joins[i].name, &err);

        assert_string_equal(p, joins[i].path);
        free(p);
    }
}

static void test_dirs(void **state)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};

    (void)state;
    assert_ok(dirs_make(support_join(dir, "a/b//c/"), &err), &err);
    assert_true(dir_exists(support_join(dir, "a/b/c")));
    assert_ok(dirs_make(support_join(dir, "a/b/c"), &err), &err);
    assert_ok(dirs_make("/", &err), &err);
    assert_ok(dir_sync(support_join(dir, "a"), &err), &err);
    support_write(support_join(dir, "file"), "x", 1);
    assert_int_equal(dirs_make(support_join(dir, "file"), &err), -1);
    assert_error(&err, "file: is a file, a folder is needed here");
    err_clear(&err);
    assert_int_equal(dirs_make(support_join(dir, "file/sub"), &err), -1);
    assert_error(&err, "file: is a file, a folder is needed here");
    err_clear(&err);
    assert_int_equal(dirs_make("", &err), -1);
    assert_error(&err, "empty");
}

static void test_remove_follows_no_link(void **state)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};

    (void)state;
    assert_ok(dirs_make(support_join(dir, "keep"), &err), &err);
    support_write(support_join(dir, "keep/data"), "x", 1);
    assert_ok(dirs_make(support_join(dir, "gone/deep/er"), &err), &err);
    support_write(support_join(dir, "gone/deep/f"), "x", 1);
    assert_int_equal(symlink("../../keep", support_join(dir, "gone/deep/link")), 0);
    assert_int_equal(symlink("keep", support_join(dir, "link")), 0);
    assert_int_equal(mkfifo(support_join(dir, "gone/pipe"), 0600), 0);
    assert_ok(path_remove(support_join(dir, "gone/"), &err), &err);
    assert_ok(path_remove(support_join(dir, "link/"), &err), &err);
    assert_int_equal(entries(dir), 1);
    assert_file(support_join(dir, "keep/data"), "x", 1);
    assert_int_equal(path_remove(support_join(dir, "none"), &err), -1);
    assert_error(&err, "none: cannot remove: No such file");
    for (size_t i = 0; i < 5; i++) {
        static const char *const never[] = {"", "/", ".", "a/..", "//"};

        err_clear(&err);
        assert_int_equal(path_remove(never[i], &err), -1);
        assert_error(&err, "never removed");
    }
}

/* ---- Safe replacement ---- */

enum { BIG = 700000 };

/* Small, larger than the buffer, small: every way through out_put. */
static int replace(const char *path, const unsigned char *big, struct vac_err *err)
{
    struct outfile f = {0};
    int rc = -1;

    if (out_open(&f, path, err) || out_put(&f, "head", 4, err) || out_put(&f, big, BIG, err) ||
        out_put(&f, "tail", 4, err) || out_put(&f, "", 0, err))
        goto out;
    assert_int_equal(f.written, BIG + 8);
    assert_int_equal(f.crc, crc32c(crc32c(crc32c(0, "head", 4), big, BIG), "tail", 4));
    rc = out_commit(&f, err);
out:
    out_abort(&f);
    assert_true(f.fd == 0 && !f.path && !f.tmp && !f.buf);
    return rc;
}

struct replaced {
    const char *dir, *path;
    unsigned char *big, *want;
};

static struct replaced replaced_new(void)
{
    struct replaced r = {.dir = support_tmp()};

    r.path = support_join(r.dir, "file");
    r.big = mem_new(BIG, 1, NULL);
    r.want = mem_new(BIG + 8, 1, NULL);
    for (size_t i = 0; i < BIG; i++)
        r.big[i] = (unsigned char)(i * 31 >> 3);
    memcpy(r.want, "head", 4);
    memcpy(r.want + 4, r.big, BIG);
    memcpy(r.want + 4 + BIG, "tail", 4);
    return r;
}

static void replaced_free(struct replaced *r)
{
    free(r->big);
    free(r->want);
}

static int lowest_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);

    close(fd);
    return fd;
}

/* Every call fails once. Only the sync of the folder comes after the new file is in place. */
static void test_out_every_call_fails(void **state)
{
    struct replaced r = replaced_new();
    struct vac_err err = {0};
    int at = 0, fd = lowest_fd(), rc;

    (void)state;
    support_write_text(r.path, "old");
    for (;; at++) {
        err_clear(&err);
        inject_at(at, at % 2 ? EIO : ENOSPC);
        rc = replace(r.path, r.big, &err);
        inject_at(-1, 0);
        if (rc == 0)
            break;
        assert_int_equal(err.code, at % 2 ? VAC_ERR_IO : VAC_ERR_SPACE);
        assert_non_null(strstr(err.msg, r.dir));
        assert_int_equal(entries(r.dir), 1);
        if (!strstr(err.msg, "sync the folder"))
            assert_file(r.path, "old", 3);
        else
            assert_file(r.path, r.want, BIG + 8);
        support_write_text(r.path, "old");
    }
    assert_int_equal(at, 6); /* three writes, fsync, rename, fsync of the folder */
    assert_file(r.path, r.want, BIG + 8);
    assert_int_equal(entries(r.dir), 1);
    assert_int_equal(lowest_fd(), fd);
    replaced_free(&r);
}

static void test_out_short_writes(void **state)
{
    struct replaced r = replaced_new();
    struct vac_err err = {0};

    (void)state;
    inject_at(-1, 0);
    inject.trickle = true;
    assert_ok(replace(r.path, r.big, &err), &err);
    inject.trickle = false;
    assert_true(inject.calls > 1400);
    assert_file(r.path, r.want, BIG + 8);
    replaced_free(&r);
}

static void test_out_abort(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "file");
    struct vac_err err = {0};
    struct outfile f = {0};
    char stale[1300];

    (void)state;
    out_abort(&f);
    out_abort(NULL);
    support_write_text(path, "old");
    assert_ok(out_open(&f, path, &err), &err);
    assert_ok(out_put(&f, "new", 3, &err), &err);
    assert_int_equal(entries(dir), 2);
    out_abort(&f);
    assert_int_equal(entries(dir), 1);
    assert_file(path, "old", 3);
    assert_int_equal(out_put(&f, "x", 1, &err), -1);
    assert_int_equal(out_commit(&f, &err), -1);
    err_clear(&err);

    assert_int_equal(out_open(&f, dir, &err), -1);
    assert_error(&err, "is a folder");
    err_clear(&err);
    assert_int_equal(out_open(&f, support_join(dir, "no/file"), &err), -1);
    assert_error(&err, "cannot create: No such file");
    err_clear(&err);
    /* What a dead process of our number left, a link even, is replaced and not written through. */
    snprintf(stale, sizeof stale, "%s.tmp-%ld", path, (long)getpid());
    assert_int_equal(symlink(path, stale), 0);
    assert_ok(out_open(&f, path, &err), &err);
    assert_file(path, "old", 3);
    assert_ok(out_commit(&f, &err), &err);
    assert_file(path, "", 0);
}

static void test_descriptors_above_two(void **state)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};
    struct outfile f = {0};
    struct appender a = {0};
    int saved = dup(0);

    (void)state;
    close(0);
    assert_ok(out_open(&f, support_join(dir, "file"), &err), &err);
    assert_ok(app_open(&a, support_join(dir, "log"), &err), &err);
    assert_true(f.fd > 2 && a.fd > 2);
    assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC && fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
    out_abort(&f);
    app_close(&a);
    assert_int_equal(fcntl(0, F_GETFD), -1);
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    }
}

/* ---- Appended lines ---- */

static void test_append(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "log");
    struct vac_err err = {0};
    struct appender a = {0};
    char line[9000];

    (void)state;
    support_write_text(path, "one\ntorn");
    assert_ok(app_open(&a, path, &err), &err);
    assert_ok(app_put(&a, "two", 3, &err), &err);
    inject_at(-1, 0);
    assert_ok(app_put(&a, "three\n", 6, &err), &err);
    assert_ok(app_put(&a, "", 0, &err), &err);
    assert_int_equal(inject.calls, 2); /* one write for each line */
    assert_ok(app_sync(&a, &err), &err);
    app_close(&a);
    assert_file(path, "one\ntwo\nthree\n\n", 15);

    memset(line, 'x', sizeof line);
    support_write(path, line, sizeof line); /* no whole line in several chunks */
    assert_ok(app_open(&a, path, &err), &err);
    assert_ok(app_put(&a, line, sizeof line, &err), &err);
    app_close(&a);
    assert_int_equal(file_size(path), sizeof line + 1);
    assert_int_equal(app_put(&a, "x", 1, &err), -1);
}

/* A line that breaks off in the middle is taken back, and the next one is whole. */
static void test_append_fails(void **state)
{
    const char *dir = support_tmp(), *path = support_join(dir, "log");
    struct vac_err err = {0};
    struct appender a = {0};
    char line[3000];

    (void)state;
    memset(line, 'x', sizeof line);
    assert_ok(app_open(&a, path, &err), &err);
    assert_ok(app_put(&a, "one", 3, &err), &err);
    for (int at = 0; at < 6; at++) {
        err_clear(&err);
        inject_at(at, ENOSPC);
        inject.trickle = true;
        assert_int_equal(app_put(&a, line, sizeof line, &err), -1);
        inject_at(-1, 0);
        assert_int_equal(err.code, VAC_ERR_SPACE);
        assert_error(&err, "log: cannot append: No space left on device (free some space)");
        assert_file(path, "one\n", 4);
    }
    err_clear(&err);
    assert_ok(app_put(&a, "two", 3, &err), &err);
    inject_at(0, EIO);
    assert_int_equal(app_sync(&a, &err), -1);
    inject_at(-1, 0);
    assert_error(&err, "cannot sync");
    app_close(&a);
    assert_file(path, "one\ntwo\n", 8);
}

/* ---- JSON ---- */

static const struct {
    const char *text, *error; /* NULL: parses */
} parses[] = {
    {"{}", NULL},
    {" [1, 2.5e3, -0, \"\\u00e9\\ud83d\\ude00\", true, null]\n\t ", NULL},
    {"\"\\\\u0000\"", NULL},
    {"\xef\xbb\xbf{\"a\": 1}", NULL},
    {"{\"a\": NaN}", "f:1:7: not JSON: cannot read on at \"NaN}\""},
    {"{\"a\": Infinity}", "f:1:7: not JSON"},
    {"{\"a\": 1} x", "f:1:10: something follows the end of the JSON value"},
    {"1 2", "f:1:3: something follows"},
    {"{\"a\": 1,}", "f:1:9: not JSON: cannot read on at \"}\""},
    {"[1,\n 2,\n  x]", "f:3:3: not JSON: cannot read on at \"x]\""},
    {"[\"é\", x]", "f:1:7: not JSON"},
    {"{'a': 1}", "f:1:2: not JSON: cannot read on at \"'a': 1}\""},
    {"[{\"a\": 1, }, 2]", "f:1:11: not JSON: cannot read on at \"}, 2]\""},
    {"{\"a\": 1, b: 2}", "f:1:10: not JSON: cannot read on at \"b: 2}\""},
    {"[1, [x], 2]", "f:1:6: not JSON: cannot read on at \"x], 2]\""},
    {"[1 2]", "f:1:4: not JSON: cannot read on at \"2]\""},
    {"{\"a\" 1}", "f:1:6: not JSON: cannot read on at \"1}\""},
    {"[1, 2x]", "f:1:6: not JSON: cannot read on at \"x]\""},
    {"[1, 2", "f:1:6: not JSON: the text ends before"},
    {"{\"a\": \"b", "f:1:9: not JSON: the text ends before"},
    {"", "f:1:1: empty: a JSON value is needed"},
    {" \n ", "f:1:1: empty"},
    {"[\"a\xff\"]", "f:1:4: not valid UTF-8"},
    {"[\"\xed\xa0\x80\"]", "f:1:3: not valid UTF-8"},
    {"[\"\\ud800\"]", "not JSON"},
    {"[\"a\nb\"]", "f:1:4: a control character inside a string"},
    {"[1,\v2]", "f:1:4: a control character outside"},
    {"[\"a\\u0000b\"]", "f:1:5: \\u0000 inside a string is not supported"},
    {"]", "f:1:1: not JSON"},
    {"tru", "f:1:1: not JSON"},
};

static void test_json_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parses); i++) {
        struct vac_err err = {0};
        size_t n = strlen(parses[i].text);
        char *exact = mem_new(n, 1, &err); /* no 0 behind it, so that reading on is seen */
        cJSON *doc;

        memcpy(exact, parses[i].text, n);
        doc = json_parse(exact, n, "f", &err);
        if (!parses[i].error)
            assert_ok(!doc, &err);
        else
            assert_error(&err, parses[i].error);
        assert_true(!doc == !!parses[i].error);
        cJSON_Delete(doc);
        free(exact);
    }
}

static void test_json_nul_and_depth(void **state)
{
    struct vac_err err = {0};
    char deep[131];
    cJSON *doc;

    (void)state;
    assert_null(json_parse("[1\0]", 4, "f", &err));
    assert_error(&err, "f:1:3: a control character");
    for (size_t n = 64; n <= 65; n++) {
        err_clear(&err);
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        doc = json_parse(deep, 2 * n, "f", &err);
        if (n == 64)
            assert_ok(!doc, &err);
        else
            assert_error(&err, "f:1:65: nested more than 64 deep");
        cJSON_Delete(doc);
    }
    err_clear(&err);
    assert_null(json_parse_line("{\"a\":}", 6, "rows.jsonl", 12, &err));
    assert_error(&err, "rows.jsonl:12:6: not JSON");
}

/* Every beginning of a good text is refused without harm, and so is every text with one byte
 * changed. */
static void test_json_truncated_and_bent(void **state)
{
    static const char text[] = "{\"a\": [1, -2.5e-3, \"x\\u00e9\\n\", {\"b\": null}], \"c\": true}";
    size_t n = sizeof text - 1;

    (void)state;
    for (size_t len = 0; len <= n; len++)
        for (size_t bend = 0; bend <= len; bend++) {
            struct vac_err err = {0};
            char *copy = mem_new(len, 1, &err);
            cJSON *doc;

            memcpy(copy, text, len);
            if (bend < len)
                copy[bend] ^= 0x41;
            doc = json_parse(copy, len, "f", &err);
            assert_true(!doc == (err.code != 0));
            if (bend == len)
                assert_true(!doc == (len < n));
            cJSON_Delete(doc);
            free(copy);
        }
}

static const char lab[] = "{\"a\": {\"b\": [0, 1, {\"c\": \"two\", \"n\": 2.5, \"big\": 1e999, "
                          "\"t\": true, \"z\": null}]},"
                          " \"N\": 3, \"long\": \"ééééééééééééééééééééééééé\"}";

static void test_json_messages(void **state)
{
    struct vac_err err = {0};
    cJSON *doc = json_parse(lab, strlen(lab), "lab.json", &err);
    struct jnode root = json_root(doc, "lab.json"), a, b, c, none;
    double x = 9;
    int64_t i = 9;
    const char *s = NULL;
    bool t = false;

#define WRONG(call, text)                                                                          \
    do {                                                                                           \
        err_clear(&err);                                                                           \
        assert_int_equal(call, -1);                                                                \
        assert_string_equal(err.msg, text);                                                        \
    } while (0)
    (void)state;
    assert_ok(json_get(&root, "a", JSON_OBJECT, &a, &err), &err);
    assert_ok(json_get(&a, "b", JSON_ARRAY, &b, &err), &err);
    assert_int_equal(json_count(&b), 3);
    assert_ok(json_item(&b, 2, JSON_OBJECT, &c, &err), &err);
    WRONG(json_num(&c, "c", &x, &err), "lab.json: a.b[2].c: expected a number, found \"two\"");
    WRONG(json_num(&c, "big", &x, &err),
          "lab.json: a.b[2].big: expected a number, found a number too large for a double");
    WRONG(json_num(&c, "z", &x, &err), "lab.json: a.b[2].z: expected a number, found null");
    WRONG(json_num(&c, "q", &x, &err), "lab.json: a.b[2]: \"q\" is missing (a number)");
    WRONG(json_num(&root, "n", &x, &err), "lab.json: \"n\" is missing (a number)");
    WRONG(json_str(&root, "a", &s, &err), "lab.json: a: expected text in quotes, found an object");
    WRONG(json_bool(&a, "b", &t, &err), "lab.json: a.b: expected true or false, found a list");
    WRONG(json_num(&root, "long", &x, &err),
          "lab.json: long: expected a number, found \"éééééééééééééééééééé...\"");
    WRONG(json_int(&c, "n", 0, 9, &i, &err),
          "lab.json: a.b[2].n: expected a whole number from 0 to 9, found 2.5");
    WRONG(json_int(&root, "N", 4, 9, &i, &err),
          "lab.json: N: expected a whole number from 4 to 9, found 3");
    WRONG(json_item(&b, 3, JSON_ANY, &none, &err),
          "lab.json: a.b: a list of at least 4 is needed, found 3");
    WRONG(json_item(&b, 1, JSON_STRING, &none, &err),
          "lab.json: a.b[1]: expected text in quotes, found 1");
    WRONG(json_get(&b, "x", JSON_ANY, &none, &err),
          "lab.json: a.b: expected an object {...}, found a list");
    WRONG(json_opt_str(&c, "t", &s, &err),
          "lab.json: a.b[2].t: expected text in quotes, found true");
    assert_true(x == 9 && i == 9 && !s && !t);
    cJSON_Delete(doc);
}

static void test_json_values(void **state)
{
    static const char text[] = "{\"n\": 0.5, \"i\": -7, \"s\": \"x\", \"b\": true, \"z\": null}";
    struct vac_err err = {0};
    cJSON *doc = json_parse(text, strlen(text), "f", &err);
    struct jnode root = json_root(doc, "f"), out;
    double n = 0;
    int64_t i = 0;
    const char *s = "";
    bool b = false;

    (void)state;
    assert_ok(json_num(&root, "n", &n, &err), &err);
    assert_ok(json_int(&root, "i", -7, 0, &i, &err), &err);
    assert_ok(json_str(&root, "s", &s, &err), &err);
    assert_ok(json_bool(&root, "b", &b, &err), &err);
    assert_true(n == 0.5 && i == -7 && b);
    assert_string_equal(s, "x");
    assert_ok(json_opt_num(&root, "z", &n, &err), &err);
    assert_ok(json_opt_int(&root, "none", 0, 1, &i, &err), &err);
    assert_ok(json_opt_str(&root, "z", &s, &err), &err);
    assert_ok(json_opt_bool(&root, "none", &b, &err), &err);
    assert_true(n == 0.5 && i == -7 && b);
    assert_int_equal(json_opt(&root, "z", JSON_NUMBER, &out, &err), 1);
    assert_null(out.v);
    assert_int_equal(json_opt(&root, "n", JSON_NUMBER, &out, &err), 0);
    assert_int_equal(json_opt(&root, "n", JSON_STRING, &out, &err), -1);
    err_clear(&err);
    assert_ok(json_get(&root, "z", JSON_ANY, &out, &err), &err);
    cJSON_Delete(doc);
}

static void test_json_known(void **state)
{
    static const char *const known[] = {"rho", "epochs", "lr", NULL};
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"rho\":1,\"lr\":2}", NULL},
        {"{\"_why\":[1],\"epoch\":1}", "f: unknown key \"epoch\" (did you mean \"epochs\"?)"},
        {"{\"Rho\":1}", "f: unknown key \"Rho\" (did you mean \"rho\"?)"},
        {"{\"something\":1}", "f: unknown key \"something\": it may have rho, epochs, lr"},
        {"{\"\\u001b[2J\":1}", "f: unknown key \"\\x1b[2J\": it may have rho, epochs, lr"},
        {"{\"rho\":1,\"rho\":2}", "f: key \"rho\" stands here twice"},
        {"[]", "f: expected an object {...}, found a list"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vac_err err = {0};
        cJSON *doc = json_parse(cases[i].text, strlen(cases[i].text), "f", &err);
        struct jnode root = json_root(doc, "f");

        assert_int_equal(json_known(&root, known, &err), cases[i].error ? -1 : 0);
        assert_string_equal(err.msg, cases[i].error ? cases[i].error : "");
        cJSON_Delete(doc);
    }
}

/* A path too long is cut in front, at a whole character, for every size of the buffer. */
static void test_json_path_cut(void **state)
{
    struct jnode root = json_root(NULL, "f"), a = {.up = &root, .file = "f", .key = "éééé"};
    struct jnode b = {.up = &a, .file = "f", .index = 12},
                 c = {.up = &b, .file = "f", .key = "ccc"};
    const char *whole = "éééé[12].ccc";
    char buf[32];

    (void)state;
    assert_string_equal(json_path(&root, buf, sizeof buf), "");
    assert_string_equal(json_path(&c, buf, sizeof buf), whole);
    for (size_t size = 9; size <= strlen(whole); size++) {
        size_t n = strlen(json_path(&c, buf, size));

        assert_true(n < size && n + 3 >= size - 1);
        assert_memory_equal(buf, "...", 3);
        assert_string_equal(buf + 3, whole + strlen(whole) - (n - 3));
        assert_true(((unsigned char)buf[3] & 0xc0) != 0x80);
    }
}

static void test_json_read(void **state)
{
    const char *path = support_join(support_tmp(), "lab.json");
    struct vac_err err = {0};
    cJSON *doc;

    (void)state;
    support_write_text(path, "{\n \"a\": 1,\n}");
    assert_null(json_read(path, 100, &err));
    assert_error(&err, "lab.json:3:1: not JSON");
    err_clear(&err);
    assert_null(json_read(path, 5, &err));
    assert_error(&err, "larger than the 5 bytes");
    err_clear(&err);
    support_write_text(path, "{\"a\": 1}");
    doc = json_read(path, 100, &err);
    assert_ok(!doc, &err);
    cJSON_Delete(doc);
}

/* The three layouts, one in another, empty ones, and what needs an escape. */
static void test_json_out(void **state)
{
    struct strbuf b = {0};
    struct json_out o = json_out(&b);

    (void)state;
    json_put_object(&o, NULL, JSON_LINED);
    json_put_text(&o, "a\"", "x\n\\");
    json_put_text(&o, "none", NULL);
    json_put_list(&o, "list", JSON_TIGHT);
    json_put_int(&o, NULL, INT64_MIN);
    json_put_natural(&o, NULL, UINT64_MAX);
    json_put_num(&o, NULL, 0.1);
    json_put_num(&o, NULL, NAN);
    json_put_object(&o, NULL, JSON_SPACED);
    json_put_bool(&o, "yes", true);
    json_put_bytes(&o, "two", "two words", 3);
    json_put_end(&o);
    json_put_end(&o);
    json_put_object(&o, "deep", JSON_LINED);
    sb_puts(json_put_raw(&o, "raw"), "[]");
    json_put_list(&o, "empty", JSON_LINED);
    json_put_members(&o, "", 0);
    json_put_end(&o);
    json_put_list(&o, "grown", JSON_LINED);
    json_put_members(&o, "\n      1", 8);
    json_put_int(&o, NULL, 2);
    json_put_end(&o);
    json_put_end(&o);
    json_put_end(&o);
    assert_int_equal(sb_ok(&b, NULL), 0);
    assert_string_equal(b.s, "{\n  \"a\\\"\": \"x\\n\\\\\",\n  \"none\": null,\n"
                             "  \"list\": [-9223372036854775808,18446744073709551615,0.1,null,"
                             "{\"yes\": true, \"two\": \"two\"}],\n"
                             "  \"deep\": {\n    \"raw\": [],\n    \"empty\": [],\n"
                             "    \"grown\": [\n      1,\n      2\n    ]\n  }\n}");
    sb_clear(&b);
    o = json_out(&b);
    for (int i = 0; i <= JSON_OUT_DEPTH; i++)
        json_put_list(&o, NULL, JSON_TIGHT);
    assert_int_equal(sb_ok(&b, NULL), -1);
    sb_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_out),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_file_read),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_dirs),
        cmocka_unit_test(test_remove_follows_no_link),
        cmocka_unit_test(test_out_every_call_fails),
        cmocka_unit_test(test_out_short_writes),
        cmocka_unit_test(test_out_abort),
        cmocka_unit_test(test_descriptors_above_two),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_fails),
        cmocka_unit_test(test_json_parse),
        cmocka_unit_test(test_json_nul_and_depth),
        cmocka_unit_test(test_json_truncated_and_bent),
        cmocka_unit_test(test_json_messages),
        cmocka_unit_test(test_json_values),
        cmocka_unit_test(test_json_known),
        cmocka_unit_test(test_json_path_cut),
        cmocka_unit_test(test_json_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
