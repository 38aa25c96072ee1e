/* unpack.c - gzip unpacked as a whole, into memory that is given back as a mapping is. */
#define ZLIB_CONST
#include "data/unpack.h"

#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#define UNPACKED_MAX ((size_t)4 << 30)
#define FIRST_SIZE ((size_t)1 << 20)
#define PIECE ((size_t)1 << 30) /* zlib counts in 32 bits */

struct unpacking {
    unsigned char *out;
    size_t n, size;
};

static int make_room(struct unpacking *u, const char *path, struct vac_err *err)
{
    size_t size = u->size ? 2 * u->size : FIRST_SIZE;
    void *p;

    if (u->n < u->size)
        return 0;
    if (size > UNPACKED_MAX)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: holds more than %zu GiB: unpack it first: gzip -d <FILE >NEW", path,
                       UNPACKED_MAX >> 30);
    p = u->out ? mremap(u->out, u->size, size, MREMAP_MAYMOVE)
               : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return err_set(err, VAC_ERR_MEMORY, "%s: does not fit in memory unpacked", path);
    u->out = p;
    u->size = size;
    return 0;
}

/* A file may be several packed ones, one behind the other; zeros may stand behind them. */
static int inflate_all(const struct mapping *in, struct unpacking *u, const char *path,
                       struct vac_err *err)
{
    z_stream z = {.next_in = in->data};
    size_t left = in->len, gave;
    int rc = inflateInit2(&z, 16 + MAX_WBITS) == Z_OK ? Z_OK : Z_MEM_ERROR;

    while (rc == Z_OK) {
        z.avail_in = (uInt)(left < PIECE ? left : PIECE);
        gave = z.avail_in;
        if (make_room(u, path, err)) {
            inflateEnd(&z);
            return -1;
        }
        z.next_out = u->out + u->n;
        z.avail_out = (uInt)(u->size - u->n < PIECE ? u->size - u->n : PIECE);
        rc = inflate(&z, Z_NO_FLUSH);
        left -= gave - z.avail_in;
        u->n = (size_t)(z.next_out - u->out);
        if (rc == Z_STREAM_END && left >= 2 && z.next_in[0] == 0x1f && z.next_in[1] == 0x8b)
            rc = inflateReset(&z);
        else if (rc == Z_BUF_ERROR && left > 0 && z.avail_out == 0)
            rc = Z_OK;
    }
    while (rc == Z_STREAM_END && left > 0 && !*z.next_in) {
        z.next_in++;
        left--;
    }
    inflateEnd(&z);
    if (rc == Z_STREAM_END && left == 0)
        return 0;
    return err_set(err, rc == Z_MEM_ERROR ? VAC_ERR_MEMORY : VAC_ERR_FORMAT, "%s: %s", path,
                   rc == Z_MEM_ERROR    ? "out of memory"
                   : rc == Z_STREAM_END ? "something that is not gzip follows the packed text"
                   : left == 0          ? "ends inside its packed text: copy or download it again"
                                        : "its packed text (gzip) is damaged: download it again");
}

int unpack_open(struct mapping *m, const char *path, struct vac_err *err)
{
    struct unpacking u = {0};
    struct mapping in;
    int rc;

    if (map_open(m, path, err))
        return -1;
    if (m->len < 2 || memcmp(m->data, "\x1f\x8b", 2))
        return 0;
    in = *m;
    *m = (struct mapping){0};
    rc = inflate_all(&in, &u, path, err);
    if (map_torn(&in) || rc == 0)
        rc = map_check(&in, err) || rc ? -1 : 0;
    map_close(&in);
    if (rc == 0 && u.n > 0) {
        m->data = mremap(u.out, u.size, u.n, 0);
        m->len = u.n;
    } else if (u.out) {
        munmap(u.out, u.size);
    }
    return rc;
}
