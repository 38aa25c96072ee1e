/* cmd_merge.c - `vaccine merge`: a model and its adapters as one folder of plain weights. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"

enum { DTYPE_KEEP, DTYPE_WIDE };
static const char *const dtypes[] = {"keep", "f32", NULL};

struct merge_values {
    struct cli_common common;
    char *output;
    int dtype;
};

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "folder to write; must be new or empty",
             .type = OPTION_STRING,
             .required = true,
             .offset = offsetof(struct merge_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    CLI_ADAPTER(struct merge_values),
    {.row = {.name = "dtype",
             .help = "number format of the weights: as in MODEL, or 32 bits",
             .type = OPTION_CHOICE,
             .choices = dtypes,
             .offset = offsetof(struct merge_values, dtype)},
     .arg = "keep|f32"},
    CLI_THREADS(struct merge_values),
    CLI_BACKEND(struct merge_values),
    {.row.name = NULL},
};

static int refuse_entry(void *dir, const char *name, struct vac_err *err)
{
    (void)name;
    return err_set(err, VAC_ERR_USAGE,
                   "%s: the folder is not empty; name a new one with -o, or empty it",
                   (const char *)dir);
}

static int check_output(char *dir, struct vac_err *err)
{
    return access(dir, F_OK) && errno == ENOENT ? 0 : dir_each(dir, refuse_entry, dir, err);
}

/* The number formats of the weights as they lie in the folder now: "BF16", "BF16 and F32". */
static int put_dtypes(const char *dir, struct strbuf *out, struct vac_err *err)
{
    struct weights *w = weights_open(dir, err);
    bool has[3] = {false};
    const char *sep = "";

    if (!w)
        return -1;
    for (size_t i = 0; i < weights_count(w); i++)
        has[weights_at(w, i)->dtype] = true;
    for (int t = 0; t < 3; t++) {
        if (has[t])
            sb_printf(out, "%s%s", sep, dtype_name((enum dtype)t));
        sep = has[t] ? " and " : sep;
    }
    weights_close(w);
    return 0;
}

/* A run may have a tokenizer of its own. */
static int save_into(const struct cli_model *x, const char *dir, bool wide, struct vac_err *err)
{
    if (model_save_merged(x->m, dir, wide, 0, err))
        return -1;
    return strcmp(x->tokenizer, x->dir) ? model_copy_tokenizer(x->tokenizer, dir, err) : 0;
}

static int remove_entry(void *dir, const char *name, struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    int rc = path ? path_remove(path, err) : -1;

    free(path);
    return rc;
}

/* Half a model would be taken for one: a new folder gets its name when it is whole, and from an
 * empty one that was there (perhaps a mount, whose name is not ours to give) all goes again. */
static int save(const struct cli_model *x, const struct merge_values *v, struct vac_err *err)
{
    bool there = dir_exists(v->output);
    size_t n = strlen(v->output);
    struct strbuf tmp = {0};
    char *to;
    int rc;

    while (n > 1 && v->output[n - 1] == '/')
        n--;
    to = mem_strndup(v->output, n, err);
    if (!to)
        return -1;
    sb_puts(&tmp, to);
    if (!there)
        sb_printf(&tmp, ".tmp-%ld", (long)getpid());
    rc = sb_ok(&tmp, err) ? -1 : save_into(x, tmp.s, v->dtype == DTYPE_WIDE, err);
    if (rc == 0 && !there)
        rc = path_rename(tmp.s, to, err);
    if (rc && !tmp.bad && there)
        dir_each(tmp.s, remove_entry, tmp.s, NULL);
    else if (rc && !tmp.bad && dir_exists(tmp.s))
        path_remove(tmp.s, NULL);
    sb_done(&tmp);
    free(to);
    return rc;
}

static int report(const struct model *m, const struct merge_values *v, struct vac_err *err)
{
    struct strbuf out = {0};
    int rc = -1;

    cli_put_name(&out, v->output);
    sb_puts(&out, ": ");
    cli_put_name(&out, model_dir(m));
    sb_printf(&out, " and %zu adapter%s, %llu weights, ", model_adapters(m),
              model_adapters(m) == 1 ? "" : "s", (unsigned long long)model_count(m));
    if (!put_dtypes(v->output, &out, err)) {
        sb_putc(&out, '\n');
        rc = cli_write(&out, err);
    }
    sb_done(&out);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct merge_values *v = values;
    struct cli_model model = {0};
    int rc = -1;

    if (!check_output(v->output, err) && !cli_model_open(&model, operand[0], &v->common, err) &&
        !save(&model, v, err))
        rc = report(model.m, v, err);
    cli_model_close(&model);
    return rc;
}

const struct command command_merge = {
    .name = "merge",
    .args = "MODEL",
    .help = "Merge adapters into a model folder that other tools read",
    .about =
        "The adapters are added to the weights in the order given (rounded to nearest even when "
        "the model has 16-bit weights); config, tokenizer and generation files are copied.",
    .options = options,
    .values = sizeof(struct merge_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
