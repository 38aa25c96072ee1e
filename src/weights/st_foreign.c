/* st_foreign.c - a folder without the weights looked for: what it holds in their place, and what to
 * do.
 *
 * Pickle can run any program when it is loaded: it is never read.
 */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include "base/kind.h"
#include "weights/st_foreign.h"

#define SUFFIX ".safetensors"
#define CONVERT_MODEL                                                                              \
    "convert it, in its folder: python3 -c \"from transformers import AutoModelForCausalLM as M; " \
    "M.from_pretrained('.').save_pretrained('.', safe_serialization=True)\""
#define ORIGINAL                                                                                   \
    "these are named and ordered as their makers did: take the files in the format of "            \
    "Transformers (config.json and model.safetensors)"
#define SAFETENSORS "take the safetensors files of the same model"

struct foreign_name {
    const char *prefix, *suffix;
    const char *what;
    const char *advice;
};
/* The first row that fits any name in the folder gives the message. */
static const struct foreign_name foreign_names[] = {
    {"adapter_model", ".bin", "a pickle file", KIND_CONVERT_PICKLE},
    {"pytorch_model", ".bin", "a pickle file", CONVERT_MODEL},
    {"", ".gguf", "a GGUF file", KIND_GGUF},
    {"consolidated", SUFFIX, "the makers' own format", ORIGINAL},
    {"consolidated", ".pth", "the makers' own format", ORIGINAL},
    {"", SUFFIX, "another name", "rename it if it holds these weights"},
    {"", ".bin", "a pickle file", KIND_CONVERT_PICKLE},
    {"", ".pt", "a pickle file", KIND_CONVERT_PICKLE},
    {"", ".pth", "a pickle file", KIND_CONVERT_PICKLE},
    {"", ".h5", "weights of TensorFlow", SAFETENSORS},
    {"", ".msgpack", "weights of Flax", SAFETENSORS},
    {"", ".onnx", "a compiled model", SAFETENSORS},
};
#define N_NAMES (sizeof foreign_names / sizeof *foreign_names)

/* Another name is one only for weights of this kind. */
static bool name_fits(const struct foreign_name *row, const char *name, bool weights)
{
    size_t n = strlen(name), tail = strlen(row->suffix);

    if (!weights && !row->prefix[0] && !strcmp(row->suffix, SUFFIX))
        return false;
    return n >= tail && strcmp(name + n - tail, row->suffix) == 0 &&
           strncmp(name, row->prefix, strlen(row->prefix)) == 0;
}

/* Keeps the best row seen, and of its names the first in the alphabet: the order of a folder
 * varies. */
static void keep_best(const char *name, bool weights, size_t *best, char *kept, size_t size)
{
    size_t n = strlen(name);

    if (n >= size)
        return;
    for (size_t i = 0; i < N_NAMES && i <= *best; i++) {
        if (!name_fits(&foreign_names[i], name, weights))
            continue;
        if (i < *best || strcmp(name, kept) < 0) {
            *best = i;
            memcpy(kept, name, n + 1);
        }
        return;
    }
}

int st_refuse_folder(const char *dir, const char *wanted, struct vac_err *err)
{
    size_t best = N_NAMES, n = strlen(wanted), tail = strlen(SUFFIX);
    bool weights = n >= tail && !strcmp(wanted + n - tail, SUFFIX);
    char kept[256] = "";
    struct dirent *e;
    DIR *d = opendir(dir);

    if (!d)
        return err_errno(err, "%s: cannot list the folder", dir);
    while ((e = readdir(d)))
        keep_best(e->d_name, weights, &best, kept, sizeof kept);
    closedir(d);
    if (best == N_NAMES)
        return 0;
    return err_set(err, VAC_ERR_UNSUPPORTED, "%s: holds no %s, only \"%s\" (%s); %s", dir, wanted,
                   kept, foreign_names[best].what, foreign_names[best].advice);
}
