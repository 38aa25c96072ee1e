/* st_foreign.c - recognises weights that are not safetensors and says how to convert them.
 *
 * Pickle can run any program when it is loaded, and GGUF holds quantised numbers: neither is read.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include "data/st_file.h"

#define CONVERT_MODEL                                                                              \
    "convert it, in its folder: python3 -c \"from transformers import AutoModelForCausalLM as M; " \
    "M.from_pretrained('.').save_pretrained('.', safe_serialization=True)\""
#define CONVERT_STATE                                                                              \
    "convert it: python3 -c \"import sys, torch, safetensors.torch as s; "                         \
    "s.save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])\" OLD NEW.safetensors"
#define NO_GGUF                                                                                    \
    "GGUF files are not read: give the folder with the safetensors files it was made from"
#define PULL_LFS "this is a Git LFS pointer, not the weights: run `git lfs pull` in its folder"

struct foreign_name {
    const char *prefix, *suffix;
    const char *what;
    const char *advice;
};
/* The first row that fits any name in the folder gives the message. */
static const struct foreign_name foreign_names[] = {
    {"adapter_model", ".bin", "a pickle file", CONVERT_STATE},
    {"pytorch_model", ".bin", "a pickle file", CONVERT_MODEL},
    {"", ".gguf", "a GGUF file", NO_GGUF},
    {"", ".safetensors", "not the name looked for", "give the path of that file itself"},
    {"", ".bin", "a pickle file", CONVERT_STATE},
    {"", ".pt", "a pickle file", CONVERT_STATE},
    {"", ".pth", "a pickle file", CONVERT_STATE},
};
#define N_NAMES (sizeof foreign_names / sizeof *foreign_names)

struct foreign_magic {
    const char *bytes;
    size_t n;
    const char *what;
    const char *advice;
};
static const struct foreign_magic foreign_magics[] = {
    {"GGUF", 4, "a GGUF file", NO_GGUF},
    {"PK\003\004", 4, "a PyTorch (pickle) file", CONVERT_STATE},
    {"\x80\002", 2, "a pickle file", CONVERT_STATE},
    {"version https://git-lfs", 23, "a text file", PULL_LFS},
};

int st_refuse_bytes(const char *path, const unsigned char *data, size_t len, struct vac_err *err)
{
    for (size_t i = 0; i < sizeof foreign_magics / sizeof *foreign_magics; i++) {
        const struct foreign_magic *m = &foreign_magics[i];
        if (len >= m->n && memcmp(data, m->bytes, m->n) == 0)
            return err_set(err, VAC_ERR_UNSUPPORTED, "%s: is %s, not safetensors; %s", path,
                           m->what, m->advice);
    }
    return 0;
}

static bool name_fits(const struct foreign_name *row, const char *name)
{
    size_t n = strlen(name), tail = strlen(row->suffix);

    return n >= tail && strcmp(name + n - tail, row->suffix) == 0 &&
           strncmp(name, row->prefix, strlen(row->prefix)) == 0;
}

/* Keeps the best row seen, and of its names the first in the alphabet: the order of a folder
 * varies. */
static void keep_best(const char *name, size_t *best, char *kept, size_t size)
{
    size_t n = strlen(name);

    if (n >= size)
        return;
    for (size_t i = 0; i < N_NAMES && i <= *best; i++) {
        if (!name_fits(&foreign_names[i], name))
            continue;
        if (i < *best || strcmp(name, kept) < 0) {
            *best = i;
            memcpy(kept, name, n + 1);
        }
        return;
    }
}

int st_refuse_folder(const char *dir, struct vac_err *err)
{
    size_t best = N_NAMES;
    char kept[256] = "";
    struct dirent *e;
    DIR *d = opendir(dir);

    if (!d)
        return err_errno(err, "%s: cannot list the folder", dir);
    while ((e = readdir(d)))
        keep_best(e->d_name, &best, kept, sizeof kept);
    closedir(d);
    if (best == N_NAMES)
        return 0;
    return err_set(err, VAC_ERR_UNSUPPORTED, "%s: holds no model.safetensors, only \"%s\" (%s); %s",
                   dir, kept, foreign_names[best].what, foreign_names[best].advice);
}
