/* test_gguf.c - GGUF: its blocks bit for bit as the gguf package and ggml widen them, its files as models. */
#include "compute/compute.h"
#include "base/json.h"
#include "compute/kernels.h"
#include "support.h"

static unsigned hex_at(const char *s, size_t digits)
{
    char part[9] = "";

    memcpy(part, s, digits);
    return (unsigned)strtoul(part, NULL, 16);
}

static void test_blocks(void **state)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(support_path("golden/gguf/blocks.json"), 1 << 20, &err);
    size_t seen = 0, kinds = 0;

    (void)state;
    assert_non_null(doc);
    for (const cJSON *t = cJSON_GetObjectItem(doc, "types")->child; t; t = t->next, kinds++) {
        const char *name = cJSON_GetObjectItem(t, "name")->valuestring;
        enum dtype type = 0;
        while (type < DTYPE_COUNT && strcmp(dtype_name(type), name))
            type++;
        assert_true(type < DTYPE_COUNT);
        for (const cJSON *b = cJSON_GetObjectItem(t, "blocks")->child; b; b = b->next, seen++) {
            const char *hex = cJSON_GetObjectItem(b, "hex")->valuestring;
            const char *want = cJSON_GetObjectItem(b, "f32")->valuestring;
            size_t n = dtype_block(type), size = dtype_size(type);
            union {
                uint16_t aligned;
                unsigned char c[256];
            } raw;
            float got[DTYPE_BLOCK_MAX];

            assert_int_equal(strlen(hex), 2 * size);
            for (size_t i = 0; i < size; i++)
                raw.c[i] = (unsigned char)hex_at(hex + 2 * i, 2);
            for (size_t k = 0; kernels_at(k); k++) {
                kernels_at(k)->widen(got, raw.c, type, n);
                for (size_t i = 0; i < n; i++) {
                    uint32_t bits;
                    memcpy(&bits, got + i, sizeof bits);
                    if (bits != hex_at(want + 8 * i, 8))
                        fail_msg("%s, %s, %s, number %zu: %08x, not %.8s", kernels_at(k)->name,
                                 name, cJSON_GetObjectItem(b, "note")->valuestring, i, bits,
                                 want + 8 * i);
                }
            }
        }
    }
    assert_int_equal(kinds, 12);
    assert_int_equal(seen, 229);
    cJSON_Delete(doc);
}

/* A weight in blocks and the same numbers in F32 give one product, in every direction and however the rows
 * and columns are shared out. */
static void test_products(void **state)
{
    enum { ROWS = 70, OUT = 96, IN = 1280 };
    struct vac_err err = {0};
    static unsigned char raw[OUT * IN * 2];
    static float wide[OUT * IN], x[ROWS * IN], y[2][ROWS * IN];
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < ROWS * IN; i++)
        x[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    for (int threads = 1; threads <= 3; threads++) {
        struct compute *c = compute_open("cpu", threads, &err);
        struct compute_limits lim = {.rows = ROWS, .seq = ROWS, .width = IN, .vocab = OUT};
        struct buf *in = compute_alloc(c, ROWS * IN, &err),
                   *out = compute_alloc(c, ROWS * IN, &err);

        assert_ok(compute_reserve(c, &lim, &err), &err);
        compute_upload(c, (struct ref){in, 0}, x, ROWS * IN);
        for (enum dtype t = DTYPE_F16; t < DTYPE_COUNT; t++) {
            size_t bytes = dtype_bytes(t, OUT * IN), step = dtype_size(t);
            struct buf *w[2];
            for (size_t i = 0; i < bytes; i++)
                raw[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
            for (size_t i = 0; i < bytes; i += step) { /* scales that are numbers */
                size_t at = t == DTYPE_Q6_K   ? 208
                            : t == DTYPE_Q3_K ? 108
                            : t == DTYPE_Q2_K ? 80
                                              : 0;
                raw[i + at + 1] = 0x20;
                if (t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q2_K || t == DTYPE_Q4_K ||
                    t == DTYPE_Q5_K)
                    raw[i + at + 3] = 0x20;
            }
            w[0] = compute_wrap(c, raw, t, OUT * IN, &err);
            compute_download(c, wide, (struct ref){w[0], 0}, OUT * IN);
            w[1] = compute_wrap(c, wide, DTYPE_F32, OUT * IN, &err);
            for (size_t rows = 1; rows <= ROWS; rows += 23) {
                for (int back = 0; back < 2; back++) {
                    for (int i = 0; i < 2; i++) {
                        struct ref W = {w[i], 0}, X = {in, 0}, Y = {out, 0};
                        if (back)
                            op_linear_dx(c, Y, X, W, rows, IN, OUT, false);
                        else
                            op_linear(c, Y, X, W, REF_NONE, rows, IN, OUT, false);
                        compute_download(c, y[i], Y, rows * (back ? IN : OUT));
                    }
                    assert_close(dtype_name(t), y[0], y[1], rows * (back ? IN : OUT), 1e-6);
                }
            }
            op_embed(c, (struct ref){out, 0}, (struct ref){w[0], 0}, (int32_t[]){95, 3}, 2, IN,
                     false);
            compute_download(c, y[0], (struct ref){out, 0}, 2 * IN);
            assert_memory_equal(y[0], wide + 95 * IN, IN * sizeof(float));
            assert_memory_equal(y[0] + IN, wide + 3 * IN, IN * sizeof(float));
            compute_release(c, w[0]);
            compute_release(c, w[1]);
        }
        compute_release(c, in);
        compute_release(c, out);
        compute_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
