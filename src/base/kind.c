/* kind.c - the table of kinds, and looking a file's beginning up in it. */
#include "base/kind.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define PYTHON "python3 -c \"import sys, "
#define OLD_NEW " OLD NEW.jsonl"
#define TABLE_ROWS(read)                                                                           \
    "turn it into JSON lines: " PYTHON "pandas; pandas." read                                      \
    "(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)\"" OLD_NEW
#define STREAM_ROWS                                                                                \
    "turn it into JSON lines: " PYTHON "datasets; datasets.Dataset.from_file(sys.argv[1])"         \
    ".to_json(sys.argv[2])\"" OLD_NEW
#define PICKLE                                                                                     \
    "it can run any program when it is loaded and is not read here; save its content as JSON"
#define UNPACK(command) "unpack it first: " command
#define FROM_TO " <FILE >NEW"

struct kind {
    const char *magic;
    size_t len;
    size_t at; /* where the magic stands */
    bool text; /* letters in either case, behind white space */
    const char *name;
    const char *advice; /* NULL = that nothing of the kind is read here */
    const char *special[KIND_USES];
};

/* The first row that fits gives the message. */
static const struct kind kinds[] = {
    {.magic = "version https://git-lfs",
     .len = 23,
     .name = "a Git LFS pointer, not the file itself",
     .advice = "run `git lfs pull` in its folder"},
    {.magic = "<!doctype html",
     .len = 14,
     .text = true,
     .name = "a web page",
     .advice = "an error or login page was saved in place of the file: download it again"},
    {.magic = "<html",
     .len = 5,
     .text = true,
     .name = "a web page",
     .advice = "an error or login page was saved in place of the file: download it again"},
    {.magic = "Entry not found",
     .len = 15,
     .name = "the hub's answer for a file that is not there",
     .advice = "check its name and download it again"},
    {.magic = "\x1f\x8b",
     .len = 2,
     .name = "compressed with gzip",
     .advice = UNPACK("gzip -d" FROM_TO)},
    {.magic = "\x28\xb5\x2f\xfd",
     .len = 4,
     .name = "compressed with zstd",
     .advice = UNPACK("zstd -d" FROM_TO)},
    {.magic = "\xfd"
              "7zXZ",
     .len = 5,
     .name = "compressed with xz",
     .advice = UNPACK("xz -d" FROM_TO)},
    {.magic = "BZh",
     .len = 3,
     .name = "compressed with bzip2",
     .advice = UNPACK("bzip2 -d" FROM_TO)},
    {.magic = "\x04\x22\x4d\x18",
     .len = 4,
     .name = "compressed with lz4",
     .advice = UNPACK("lz4 -d" FROM_TO)},
    {.magic = "7z\xbc\xaf\x27\x1c",
     .len = 6,
     .name = "a 7z archive",
     .advice = UNPACK("7z x FILE")},
    {.magic = "ustar",
     .len = 5,
     .at = 257,
     .name = "a tar archive",
     .advice = UNPACK("tar -xf FILE")},
    {.magic = "PAR1",
     .len = 4,
     .name = "a Parquet file",
     .special = {[KIND_ROWS] = TABLE_ROWS("read_parquet")}},
    {.magic = "ARROW1",
     .len = 6,
     .name = "an Arrow (Feather) file",
     .special = {[KIND_ROWS] = TABLE_ROWS("read_feather")}},
    {.magic = "FEA1",
     .len = 4,
     .name = "a Feather file",
     .special = {[KIND_ROWS] = TABLE_ROWS("read_feather")}},
    {.magic = "\x89HDF\r\n\x1a\n", .len = 8, .name = "an HDF5 file"},
    {.magic = "SQLite format 3", .len = 16, .name = "an SQLite data base"},
    {.magic = "\x93NUMPY", .len = 6, .name = "a NumPy array"},
    {.magic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
     .len = 8,
     .name = "an old Office file",
     .special = {[KIND_ROWS] = "save the table as CSV in UTF-8"}},
    {.magic = "%PDF-", .len = 5, .name = "a PDF file"},
    {.magic = "GGUF", .len = 4, .name = "a GGUF file", .special = {[KIND_WEIGHTS] = KIND_GGUF}},
    {.magic = "\xff\xfe\0\0",
     .len = 4,
     .name = "UTF-32",
     .advice = "save it as UTF-8: iconv -f UTF-32 -t UTF-8" FROM_TO},
    {.magic = "\xff\xfe",
     .len = 2,
     .name = "UTF-16",
     .advice = "save it as UTF-8: iconv -f UTF-16 -t UTF-8" FROM_TO},
    {.magic = "\xfe\xff",
     .len = 2,
     .name = "UTF-16",
     .advice = "save it as UTF-8: iconv -f UTF-16 -t UTF-8" FROM_TO},
};
static const struct kind utf16[] = {
    {.name = "UTF-16", .advice = "save it as UTF-8: iconv -f UTF-16LE -t UTF-8" FROM_TO},
    {.name = "UTF-16", .advice = "save it as UTF-8: iconv -f UTF-16BE -t UTF-8" FROM_TO},
};
static const struct kind torch = {.name = "a PyTorch (pickle) file",
                                  .advice = PICKLE,
                                  .special = {[KIND_WEIGHTS] = KIND_CONVERT_PICKLE}};
static const struct kind pickle = {
    .name = "a pickle file", .advice = PICKLE, .special = {[KIND_WEIGHTS] = KIND_CONVERT_PICKLE}};
static const struct kind sheet = {.name = "a spreadsheet (xlsx)",
                                  .special = {[KIND_ROWS] = "save the table as CSV in UTF-8"}};
static const struct kind numpy = {.name = "a NumPy archive (npz)"};
static const struct kind zip = {.name = "a zip archive", .advice = UNPACK("unzip FILE")};
static const struct kind stream = {.name = "an Arrow stream",
                                   .special = {[KIND_ROWS] = STREAM_ROWS}};
static const struct kind zeros = {.name = "zeros from its beginning on",
                                  .advice = "it was not written to its end: download it again"};
static const struct kind json = {.name = "JSON text"};
static const struct kind weights = {.name = "a safetensors file (weights)"};

static const char *const wanted[] = {
    [KIND_ROWS] = "give rows as JSON lines or a JSON array",
    [KIND_JSON] = "JSON text is needed here",
    [KIND_WEIGHTS] = "safetensors are needed here",
};

static bool all_zero(const unsigned char *s, size_t n)
{
    while (n > 0 && !s[n - 1])
        n--;
    return n == 0;
}

/* Zip is how others pack: the first file's name tells whose it is. */
static const struct kind *zip_kind(const unsigned char *s, size_t n)
{
    const char *name = (const char *)s + 30;
    size_t len = n > 30 ? s[26] | (size_t)s[27] << 8 : 0;

    len = len > n - 30 ? n - 30 : len;
    if (len >= 8 && !memcmp(name + len - 8, "data.pkl", 8))
        return &torch;
    if (len >= 4 && !memcmp(name + len - 4, ".npy", 4))
        return &numpy;
    if ((len == 19 && !memcmp(name, "[Content_Types].xml", 19)) ||
        (len >= 6 && !memcmp(name, "_rels/", 6)))
        return &sheet;
    return &zip;
}

/* What takes more than a row of bytes to tell. */
static const struct kind *odd_kind(const unsigned char *s, size_t n, enum kind_use use)
{
    if (n >= 4 && !memcmp(s, "PK\003\004", 4))
        return n > 30 ? zip_kind(s, n) : use == KIND_WEIGHTS ? &torch : &zip;
    if (n >= 2 && s[0] == 0x80 && s[1] >= 2 && s[1] <= 5)
        return &pickle;
    /* a message: a mark, then the small size of its description */
    if (n >= 8 && !memcmp(s, "\xff\xff\xff\xff", 4) && !s[7] && !all_zero(s + 4, 4))
        return &stream;
    if (n >= 4 && (s[0] == '{' || s[0] == '[' || s[0] == '"') && !s[1] && s[2] && !s[3])
        return &utf16[0];
    if (n >= 4 && !s[0] && (s[1] == '{' || s[1] == '[' || s[1] == '"') && !s[2] && s[3])
        return &utf16[1];
    if (n >= 16 && all_zero(s, n))
        return &zeros;
    if (use == KIND_WEIGHTS && (s[0] == '{' || s[0] == '['))
        return &json;
    if (use != KIND_WEIGHTS && n >= 10 && s[8] == '{' && !s[6] && !s[7])
        return &weights;
    return NULL;
}

static const struct kind *kind_of(const unsigned char *s, size_t n, enum kind_use use)
{
    size_t text = n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0; /* where one would begin */

    while (text < n && s[text] && strchr(" \t\r\n", s[text]))
        text++;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *k = &kinds[i];
        size_t at = k->text ? text : k->at;

        if (n >= at && n - at >= k->len &&
            !(k->text ? strncasecmp((const char *)s + at, k->magic, k->len)
                      : memcmp(s + at, k->magic, k->len)))
            return k;
    }
    return odd_kind(s, n, use);
}

int kind_refuse(const char *path, const void *head, size_t n, enum kind_use use,
                struct vac_err *err)
{
    const struct kind *k = n ? kind_of(head, n < KIND_HEAD ? n : KIND_HEAD, use) : NULL;
    const char *advice;

    if (!k)
        return 0;
    advice = k->special[use] ? k->special[use] : k->advice;
    return err_set(err, VAC_ERR_UNSUPPORTED, "%s: is %s: %s", path, k->name,
                   advice ? advice : wanted[use]);
}

int kind_refuse_link(const char *path, struct vac_err *err)
{
    char to[200];
    struct stat st;
    ssize_t n;

    if (lstat(path, &st) || !S_ISLNK(st.st_mode) || !stat(path, &st) || errno != ENOENT)
        return 0;
    n = readlink(path, to, sizeof to - 1);
    to[n > 0 ? n : 0] = '\0';
    return err_set(err, VAC_ERR_IO,
                   "%s: is a link to %s, which is not there: the folder was copied or mounted "
                   "without what its links lead to (copy it with cp -rL, or all of the cache)",
                   path, to);
}

int kind_file_there(const char *path, struct vac_err *err)
{
    struct stat st;

    if (kind_refuse_link(path, err))
        return -1;
    if (stat(path, &st)) /* what cannot be looked at just now is not absent */
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, "%s: cannot look at", path);
    return S_ISREG(st.st_mode);
}

int kind_refuse_file(const char *path, enum kind_use use, struct vac_err *err)
{
    unsigned char head[KIND_HEAD];
    struct stat st;
    ssize_t n = 0;
    int fd;

    if (kind_refuse_link(path, err))
        return -1;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return 0;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode))
        n = read(fd, head, sizeof head);
    close(fd);
    return n > 0 ? kind_refuse(path, head, (size_t)n, use, err) : 0;
}
