/* test_weights.c - the safetensors reader against every way a file can lie.
 * The files are built here; the golden ones come from another writer. */
#include "support.h"
#include <math.h>
#include <sys/stat.h>
#include "base/rng.h"
#include "weights/weights.h"

/* Length, header as given, then data bytes 0, 1, 2 ... */
static size_t build(unsigned char *buf, const char *json, size_t n_json, size_t data_len)
{
    uint64_t len = n_json;

    memcpy(buf, &len, 8);
    memcpy(buf + 8, json, n_json);
    for (size_t i = 0; i < data_len; i++)
        buf[8 + n_json + i] = (unsigned char)i;
    return 8 + n_json + data_len;
}

static void write_file(const char *path, const char *json, size_t data_len)
{
    static unsigned char buf[1 << 16];

    support_write(path, buf, build(buf, json, strlen(json), data_len));
}

static void open_refused(const char *path, const char *name, const char *text)
{
    struct vac_err err = {0};
    struct weights *w = weights_open(path, &err);

    if (w) {
        weights_close(w);
        fail_msg("opened, expected \"%s\"", text);
    }
    assert_error(&err, text);
    assert_error(&err, name);
    assert_null(strchr(err.msg, '\n'));
}

static struct weights *open_good(const char *path)
{
    struct vac_err err = {0};
    struct weights *w = weights_open(path, &err);

    if (!w)
        fail_msg("%s", err.msg);
    return w;
}

/* ---- Reading ---- */

/* The text of a header, put together from entries: T for a tensor, META for the metadata. */
#define T(name, dtype, shape, begin, end)                                                          \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end \
    "]}"
#define META(pairs) "\"__metadata__\":{" pairs "}"
#define J1(a) "{" a "}"
#define J2(a, b) "{" a "," b "}"
#define J3(a, b, c) "{" a "," b "," c "}"
#define J4(a, b, c, d) "{" a "," b "," c "," d "}"
#define J5(a, b, c, d, e) "{" a "," b "," c "," d "," e "}"

static void test_read_small(void **state)
{
    struct vac_err err = {0};
    const char *path = support_file("small.safetensors");
    struct weights *w;
    const struct st_tensor *t;

    (void)state;
    write_file(path,
               J5(T("w", "F32", "[2,3]", 3, 27), T("s", "BF16", "[]", 27, 29),
                  T("odd", "U8", "[3]", 0, 3), T("none", "F16", "[0,7]", 27, 27),
                  META("\"format\":\"pt\",\"a\":\"\"")) "   ",
               29);
    w = open_good(path);
    assert_int_equal(weights_count(w), 4);
    assert_string_equal(weights_at(w, 0)->name, "none");
    assert_string_equal(weights_at(w, 3)->name, "w");
    assert_null(weights_at(w, 4));
    assert_string_equal(weights_path(w), path);

    t = weights_want(w, "w", 2, (size_t[]){2, 3}, &err);
    assert_non_null(t);
    assert_int_equal(t->numel, 6);
    assert_int_equal(t->dtype, DTYPE_F32);
    assert_string_equal(t->dtype_text, "F32");
    assert_string_equal(t->file, "small.safetensors");
    for (size_t i = 0; i < 24; i++) /* unaligned for floats, as the format allows */
        assert_int_equal(((const unsigned char *)t->data)[i], 3 + i);
    t = weights_want(w, "s", 0, NULL, &err);
    assert_non_null(t);
    assert_int_equal(t->numel, 1);
    assert_int_equal(weights_want(w, "none", 2, (size_t[]){0, 7}, &err)->numel, 0);
    assert_false(weights_find(w, "odd")->readable);
    assert_null(weights_find(w, ""));
    weights_close(w);
    weights_close(NULL);
}

static void test_read_empty(void **state)
{
    struct weights *w;

    (void)state;
    write_file(support_file("empty.safetensors"), "{}", 0);
    w = open_good(support_file("empty.safetensors"));
    assert_int_equal(weights_count(w), 0);
    assert_null(weights_find(w, "x"));
    weights_close(w);
}

/* What weights_want refuses, each message whole. */
static void test_want_refuses(void **state)
{
    static const struct {
        const char *name;
        size_t rank, shape[2];
        const char *text;
    } cases[] = {
        {"layers.0.wq.weight",
         2,
         {2, 3},
         "no tensor \"layers.0.wq.weight\" (did you mean \"layers.0.w.weight\"?)"},
        {"entirely.different", 2, {2, 3}, "no tensor \"entirely.different\" among its 3"},
        {"layers.0.w.weight",
         2,
         {3, 2},
         "tensor \"layers.0.w.weight\" has shape [2, 3], expected [3, 2]"},
        {"layers.0.w.weight", 1, {2}, "has shape [2, 3], expected [2]"},
        {"layers.0.w.weight", 0, {0}, "has shape [2, 3], expected []"},
        {"wide", 1, {1}, "tensor \"wide\" has dtype F64, only F32, BF16 and F16 can be used"},
        {"f4", 1, {2}, "tensor \"f4\" has dtype F4, only F32, BF16 and F16 can be used"},
    };
    const char *path = support_file("want.safetensors");
    struct weights *w;

    (void)state;
    write_file(path,
               J3(T("layers.0.w.weight", "F32", "[2,3]", 0, 24), T("wide", "F64", "[1]", 24, 32),
                  T("f4", "F4", "[2]", 32, 33)),
               33);
    w = open_good(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_err err = {0};
        assert_null(weights_want(w, cases[i].name, cases[i].rank, cases[i].shape, &err));
        assert_error(&err, cases[i].text);
        assert_error(&err, path);
    }
    weights_close(w);
}

/* Every dtype of the format: its size is known, though only three can be used. */
static void test_dtypes(void **state)
{
    static const struct {
        const char *text;
        size_t bytes_of_8;
        bool readable;
    } cases[] = {
        {"F32", 32, true},     {"BF16", 16, true},    {"F16", 16, true},     {"BOOL", 8, false},
        {"U8", 8, false},      {"I8", 8, false},      {"F8_E4M3", 8, false}, {"F8_E5M2", 8, false},
        {"F8_E8M0", 8, false}, {"I16", 16, false},    {"U16", 16, false},    {"I32", 32, false},
        {"U32", 32, false},    {"F64", 64, false},    {"I64", 64, false},    {"U64", 64, false},
        {"C64", 64, false},    {"F6_E2M3", 6, false}, {"F6_E3M2", 6, false}, {"F4", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[200];
        struct weights *w;
        snprintf(json, sizeof json,
                 "{\"x\":{\"dtype\":\"%s\",\"shape\":[2,4],\"data_offsets\":[0,%zu]}}",
                 cases[i].text, cases[i].bytes_of_8);
        write_file(support_file("dtype.safetensors"), json, cases[i].bytes_of_8);
        w = open_good(support_file("dtype.safetensors"));
        assert_int_equal(weights_at(w, 0)->readable, cases[i].readable);
        assert_string_equal(weights_at(w, 0)->dtype_text, cases[i].text);
        weights_forget(w, weights_at(w, 0));
        weights_close(w);
    }
}

/* One broken rule each; the data behind the header have `n` bytes. */
static void test_hostile_headers(void **state)
{
    static const struct {
        const char *json;
        size_t n;
        const char *text;
    } cases[] = {
        {"[]", 0, "the header does not begin with \"{\""},
        {" {}", 0, "the header does not begin with \"{\""},
        {"{ ", 0, "not JSON: the text ends before"},
        {"{}x", 0, "something follows the end of the JSON value"},
        {"{\"a\":1}", 0, "a: expected {\"dtype\", \"shape\", \"data_offsets\"}"},
        {"{\"a\":[]}", 0, "a: expected {\"dtype\", \"shape\", \"data_offsets\"}"},
        {"{\"a\":{}}", 0, "a: \"dtype\" is missing"},
        {"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
         "not valid UTF-8"},
        {J1(T("a", "F31", "[1]", 0, 4)), 4, "a: unknown dtype \"F31\""},
        {J1(T("a", "f32", "[1]", 0, 4)), 4, "a: unknown dtype \"f32\""},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "a.dtype: expected text in quotes, found 7"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "a: \"data_offsets\" is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "a: \"shape\" is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 4,
         "a: unknown key \"offsets\""},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "a: key \"dtype\" stands here twice"},
        {J1(T("a", "F32", "1", 0, 4)), 4, "a.shape: expected a list [...], found 1"},
        {J1(T("a", "F32", "null", 0, 4)), 4, "a.shape: expected a list [...], found null"},
        {J1(T("a", "F32", "[\"1\"]", 0, 4)), 4, "a.shape[0]: expected a number"},
        {J1(T("a", "F32", "[-1]", 0, 4)), 4, "a.shape[0]: expected a whole number"},
        {J1(T("a", "F32", "[1,0.5]", 0, 4)), 4, "a.shape[1]: expected a whole number"},
        {J1(T("a", "F32", "[1e300]", 0, 4)), 4, "a.shape[0]: expected a whole number"},
        {J1(T("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4)), 4, "a.shape: has 9 dimensions"},
        {J1(T("a", "F32", "[4294967296,4294967296]", 0, 4)), 4, "a.shape: is too large"},
        {J1(T("a", "F32", "[4294967296,1073741825]", 0, 4)), 4, "a: is too large"},
        {J1(T("a", "F32", "[4503599627370496,4503599627370496,0]", 0, 0)), 0,
         "a.shape: is too large"},
        {J1(T("a", "F4", "[3]", 0, 2)), 2, "a: 3 elements of F4 do not end at a whole byte"},
        {J1(T("a", "F6_E2M3", "[2]", 0, 2)), 2, "do not end at a whole byte"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", 4,
         "a.data_offsets: expected two numbers [begin, end], found 1"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "found 3"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"0\":0}}}", 4,
         "a.data_offsets: expected a list"},
        {J1(T("a", "F32", "[1]", -4, 0)), 4, "a.data_offsets[0]: expected a whole number"},
        {J1(T("a", "F32", "[1]", 0, 4.5)), 4, "a.data_offsets[1]: expected a whole number"},
        {J1(T("a", "F32", "[1]", 0, 9007199254740994)), 4,
         "a.data_offsets[1]: expected a whole number from 0 to 2^53"},
        {J1(T("a", "F32", "[1]", 0, 18446744073709551616)), 4,
         "a.data_offsets[1]: expected a whole number from 0 to 2^53"},
        {J1(T("a", "F32", "[1]", 4, 0)), 4, "a.data_offsets: begin 4 is behind end 0"},
        {J1(T("a", "F32", "[2]", 0, 8)), 4,
         "a.data_offsets: end 8 is behind the 4 bytes of data: the file is cut short"},
        {J1(T("a", "F32", "[2]", 0, 4)), 4,
         "a.data_offsets: 4 bytes, but shape and dtype ask for 8"},
        {J1(T("a", "F32", "[]", 0, 0)), 0, "0 bytes, but shape and dtype ask for 4"},
        {J1(T("a", "F32", "[1]", 4, 8)), 8, "tensor \"a\" begins at 4, expected 0: a hole"},
        {J2(T("a", "F32", "[1]", 0, 4), T("b", "F32", "[1]", 5, 9)), 9,
         "tensor \"b\" begins at 5, expected 4: a hole in the data"},
        {J2(T("a", "F32", "[1]", 0, 4), T("b", "F32", "[1]", 3, 7)), 7,
         "tensor \"b\" begins at 3, expected 4: it overlaps tensor \"a\""},
        {J2(T("a", "F32", "[1]", 0, 4), T("b", "F32", "[1]", 0, 4)), 4, "it overlaps tensor"},
        {J2(T("a", "F32", "[2]", 0, 8), T("b", "F32", "[0]", 4, 4)), 8,
         "tensor \"b\" begins at 4, expected 8: it overlaps tensor \"a\""},
        {J1(T("a", "F32", "[1]", 0, 4)), 6,
         "the tensors end at 4, but the data hold 6 bytes: a hole at the end"},
        {"{}", 1, "the tensors end at 0, but the data hold 1 bytes"},
        {J2(T("a", "F32", "[1]", 0, 4), T("a", "F32", "[1]", 4, 8)), 8,
         "tensor \"a\" stands twice in the header"},
        {J2(T("a", "F32", "[1]", 0, 4), T("\\u0061", "F32", "[1]", 4, 8)), 8,
         "tensor \"a\" stands twice in the header"},
        {"{\"__metadata__\":[]}", 0, "__metadata__: expected an object of strings"},
        {"{\"__metadata__\":null}", 0, "__metadata__: expected an object of strings"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__.a: expected a string"},
        {"{\"__metadata__\":{\"a\":\"1\",\"b\":\"\",\"a\":\"2\"}}", 0,
         "__metadata__: key \"a\" stands twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__: stands twice"},
    };
    const char *path = support_file("hostile.safetensors");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(path, cases[i].json, cases[i].n);
        open_refused(path, "hostile.safetensors", cases[i].text);
    }
}

/* A name with an escaped NUL would be cut in C and could stand for another one. */
static void test_hostile_nul(void **state)
{
    const char *path = support_file("nul.safetensors");

    (void)state;
    write_file(path, J1(T("a\\u0000b", "F32", "[1]", 0, 4)), 4);
    open_refused(path, "nul.safetensors", "\\u0000 inside a string is not supported");
    support_write(path, "\2\0\0\0\0\0\0\0{\0}", 11);
    open_refused(path, "nul.safetensors", "a control character outside of strings");
}

static void test_hostile_frames(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, "0 bytes cannot be a safetensors file"},
        {"\0\0\0\0\0\0\0\0{", 9, "9 bytes cannot be a safetensors file: the file is cut short"},
        {"\0\0\0\0\0\0\0\0{}", 10, "does not begin with \"{\""},
        {"\3\0\0\0\0\0\0\0{}", 10, "header of 3 bytes in a file of 10: the file is cut short"},
        {"\0\xe1\xf5\x05\0\0\0\0{}", 10, "header of 100000000 bytes in a file of 10"},
        {"\1\xe1\xf5\x05\0\0\0\0{}", 10, "header of 100000001 bytes, at most 100000000"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551615 bytes"},
        {"\xf8\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551608 bytes"},
        {"GGUF\3\0\0\0\2\0\0\0", 12, "is a GGUF file: give that file itself"},
        {"GGUF\3\0\0\0{\0\0\0", 12, "is a GGUF file"}, /* 123 tensors look like "{" */
        {"PK\3\4\0\0\0\0\0\0\0\0", 12, "safetensors.torch as s; s.save_file(torch.load("},
        {"\x80\2}q\0.\0\0\0\0\0\0", 12, "is a pickle file"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "run `git lfs pull`"},
    };
    const char *path = support_file("frame.safetensors");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_write(path, cases[i].bytes, cases[i].n);
        open_refused(path, "frame.safetensors", cases[i].text);
    }
    open_refused(support_file("absent.safetensors"), "absent.safetensors", "");
}

static const char sample[] =
    J4(T("a.weight", "F32", "[2,2]", 0, 16), T("b.weight", "BF16", "[3]", 16, 22),
       META("\"format\":\"pt\""), T("c", "I64", "[1]", 22, 30));

static void test_truncated(void **state)
{
    unsigned char buf[512];
    size_t n = build(buf, sample, strlen(sample), 30);
    const char *path = support_file("cut.safetensors");

    (void)state;
    for (size_t len = 0; len < n; len++) {
        support_write(path, buf, len);
        open_refused(path, "cut.safetensors", "");
    }
    support_write(path, buf, n);
    weights_close(open_good(path));
}

/* Reads all that a caller may read. */
static double touch(const struct weights *w)
{
    double sum = 0;

    for (size_t i = 0; i < weights_count(w); i++) {
        const struct st_tensor *t = weights_at(w, i);
        float x[64];
        assert_ptr_equal(weights_find(w, t->name), t);
        if (t->readable && t->numel <= 64) {
            dtype_widen(x, t->data, t->dtype, t->numel);
            for (size_t k = 0; k < t->numel; k++)
                sum += x[k];
        }
        weights_forget(w, t);
    }
    return sum;
}

static volatile double sink; /* so that no read is optimised away */

/* Random bytes, half of them such that JSON stays likely, in header and data. */
static void test_mutations(void **state)
{
    static const char json_bytes[] = "0123456789-+.eE{}[]\",:\\u un";
    unsigned char good[512], buf[512];
    size_t n = build(good, sample, strlen(sample), 30), opened = 0;
    const char *path = support_file("flip.safetensors");
    struct rng r = {.key = rng_key(5, RNG_TEST, 0, 0)};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct vac_err err = {0};
        struct weights *w;
        memcpy(buf, good, n);
        for (uint64_t k = 0, flips = 1 + rng_below(&r, 3); k < flips; k++) {
            size_t at = rng_below(&r, n);
            if (rng_below(&r, 2))
                buf[at] = (unsigned char)json_bytes[rng_below(&r, sizeof json_bytes - 1)];
            else
                buf[at] ^= (unsigned char)(1 << rng_below(&r, 8));
        }
        support_write(path, buf, n);
        w = weights_open(path, &err);
        if (w) {
            opened++;
            sink += touch(w);
        }
        assert_int_equal(err.code != 0, w == NULL);
        weights_close(w);
    }
    /* Letters of names and bytes of data may change and leave a right file; not more than that. */
    assert_true(opened > 1000 && opened < 10000);
}

/* ---- Sharded sets and folders ---- */

#define SHARD1 "model-00001-of-00002.safetensors"
#define SHARD2 "model-00002-of-00002.safetensors"
#define GOOD_MAP "\"a\":\"" SHARD1 "\",\"b\":\"" SHARD2 "\",\"c\":\"" SHARD1 "\""

static const char *make_shards(const char *name, const char *map)
{
    char path[1024], text[1024];
    const char *d = support_folder(name);

    snprintf(path, sizeof path, "%s/%s", d, SHARD1);
    write_file(path,
               J3(T("a", "F32", "[1]", 0, 4), T("c", "F32", "[1]", 4, 8), META("\"k\":\"1\"")), 8);
    snprintf(path, sizeof path, "%s/%s", d, SHARD2);
    write_file(path, J1(T("b", "F16", "[2]", 0, 4)), 4);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", d);
    snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":12},\"weight_map\":%s}", map);
    support_write_text(path, text);
    return d;
}

static void test_sharded(void **state)
{
    const char *d = make_shards("sharded", "{" GOOD_MAP "}");
    char index[1024];
    struct weights *w = open_good(d);

    (void)state;
    assert_int_equal(weights_count(w), 3);
    assert_string_equal(weights_at(w, 1)->name, "b");
    assert_string_equal(weights_find(w, "a")->file, SHARD1);
    assert_string_equal(weights_find(w, "b")->file, SHARD2);
    snprintf(index, sizeof index, "%s/model.safetensors.index.json", d);
    assert_string_equal(weights_path(w), index);
    {
        struct vac_err err = {0};
        assert_null(weights_want(w, "b", 1, (size_t[]){3}, &err));
        assert_error(&err, SHARD2 ": tensor \"b\" has shape [2], expected [3]");
    }
    weights_close(w);
    weights_close(open_good(index));
    /* what only the index names is missed when it is wanted */
    w = open_good(make_shards("more", "{\"0\":\"" SHARD1 "\"," GOOD_MAP ",\"d\":\"" SHARD2 "\"}"));
    assert_int_equal(weights_count(w), 3);
    {
        struct vac_err err = {0};
        assert_null(weights_want(w, "d", 1, (size_t[]){3}, &err));
        assert_error(&err, "no tensor \"d\"");
    }
    weights_close(w);
}

static void test_sharded_bad(void **state)
{
    static const struct {
        const char *map, *text;
    } cases[] = {
        {"[]", "weight_map"},
        {"{}", "weight_map: is empty"},
        {"{\"a\":1}", "weight_map.a: expected the name of a file"},
        {"{\"a\":\"" SHARD1 "\",\"b\":\"" SHARD2 "\"}",
         "tensor \"c\" lies in " SHARD1 " but the index does not name it"},
        {"{\"a\":\"" SHARD1 "\",\"b\":\"" SHARD2 "\",\"c\":\"" SHARD2 "\"}",
         "tensor \"c\" should be in " SHARD2 " but lies in " SHARD1},
        {"{" GOOD_MAP ",\"c\":\"" SHARD1 "\"}", "tensor \"c\" stands twice"},
        {"{" GOOD_MAP ",\"d\":\"model-00003.safetensors\"}",
         "shard \"model-00003.safetensors\" is missing from the folder"},
        {"{\"a\":\"../x.safetensors\"}", "weight_map.a: \"../x.safetensors\" is not the name of a"},
        {"{\"a\":\"/etc/x.safetensors\"}", "is not the name of a .safetensors file in the same"},
        {"{\"a\":\"..safetensors\"}", "is not the name of a .safetensors file in the same folder"},
        {"{\"a\":\"\"}", "is not the name of a .safetensors file in the same folder"},
        {"{\"a\":\"pytorch_model.bin\"}", "is not the name of a .safetensors file in the same"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        snprintf(name, sizeof name, "bad-%zu", i);
        open_refused(make_shards(name, cases[i].map), "model.safetensors.index.json",
                     cases[i].text);
    }
}

/* Two shards with one tensor: the copies may differ, so neither is right. */
static void test_sharded_twice(void **state)
{
    const char *d = make_shards("twice", "{" GOOD_MAP "}");
    char path[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/%s", d, SHARD2);
    write_file(path, J2(T("b", "F16", "[2]", 0, 4), T("a", "F16", "[1]", 4, 6)), 6);
    open_refused(d, "index.json", "tensor \"a\" stands in both");
    support_write_text(path, "not a shard at all");
    open_refused(d, SHARD2, "not a safetensors file");
}

static void test_folders(void **state)
{
    static const struct {
        const char *file, *text;
    } refused[] = {
        {"README.md", "holds no weights (expected model.safetensors, model.safetensors.index.json "
                      "or adapter_model.safetensors)"},
        {"pytorch_model.bin", "save_pretrained('.', safe_serialization=True)"},
        {"pytorch_model-00001-of-00002.bin", "save_pretrained('.', safe_serialization=True)"},
        {"adapter_model.bin", "s.save_file(torch.load(sys.argv[1], weights_only=True)"},
        {"weights.pt", "only \"weights.pt\" (a pickle file)"},
        {"other.bin", "only \"other.bin\" (a pickle file)"},
        {"m.Q4_0.gguf", "only \"m.Q4_0.gguf\" (a GGUF file); give that file itself"},
        {"consolidated.safetensors", "take the files in the format of Transformers"},
        {"mine.safetensors", "(another name); rename it if it holds these weights"},
    };
    const char *d;
    char path[1024];
    struct weights *w;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char name[32];
        snprintf(name, sizeof name, "folder-%zu", i);
        d = support_folder(name);
        snprintf(path, sizeof path, "%s/%s", d, refused[i].file);
        support_write_text(path, "x");
        open_refused(d, name, refused[i].text);
    }
    d = support_folder("adapter");
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", d);
    write_file(path, sample, 30);
    w = open_good(d);
    assert_string_equal(weights_path(w), path);
    weights_close(w);
    snprintf(path, sizeof path, "%s/model.safetensors", d);
    write_file(path, J1(T("first", "F32", "[1]", 0, 4)), 4);
    w = open_good(d);
    assert_non_null(weights_find(w, "first"));
    weights_close(w);
}

/* Files of another writer; some numbers as they stand in the file. */
static void test_foreign_writer(void **state)
{
    static const char *const names[] = {"opt", "llama-gqa", "llama-rope3-tied"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char rel[64];
        struct weights *w;
        snprintf(rel, sizeof rel, "golden/%s", names[i]);
        w = open_good(support_path(rel));
        assert_true(weights_count(w) > 10);
        assert_true(isfinite(touch(w)));
        weights_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_small),      cmocka_unit_test(test_read_empty),
        cmocka_unit_test(test_want_refuses),    cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_hostile_headers), cmocka_unit_test(test_hostile_nul),
        cmocka_unit_test(test_hostile_frames),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutations),       cmocka_unit_test(test_sharded),
        cmocka_unit_test(test_sharded_bad),     cmocka_unit_test(test_sharded_twice),
        cmocka_unit_test(test_folders),         cmocka_unit_test(test_foreign_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
