/* cmd_merge.c - `vaccine merge`: a model and its adapters as one folder of plain weights. */
#include <errno.h>
#include <stdlib.h>
#include <signal.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/source.h"
#include "model/lora.h"
#include "model/merge.h"
#include "model/merge_gguf.h"

enum { DTYPE_KEEP, DTYPE_WIDE };
static const char *const dtypes[] = {"keep", "f32", NULL};

struct merge_values {
    struct cli_common common;
    char *output;
    int dtype;
    bool gguf;
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
    {.row =
         {.name = "gguf",
          .help =
              "write model.gguf (F16, or F32 with --dtype f32) and, of the adapters, adapter.gguf",
          .type = OPTION_BOOL,
          .offset = offsetof(struct merge_values, gguf)}},
    CLI_THREADS(struct merge_values),
    CLI_PRODUCTS(struct merge_values),
    CLI_BACKEND(struct merge_values),
    {.row.name = NULL},
};

/* The model is made in a folder of another name and gets its own when it is whole: beside the
 * output, or, where that is there already and may be another disk, in it. */
static const char inside[] = ".merge.tmp-";

/* Of a merge that was killed. */
static bool is_leftover(const char *name, const char *base)
{
    size_t n = strlen(base);
    char *end;
    long pid = strncmp(name, base, n) ? 0 : strtol(name + n, &end, 10);

    return pid > 0 && pid <= INT_MAX && !*end && kill((pid_t)pid, 0) && errno == ESRCH;
}

struct sweep {
    const char *dir, *base;
};

static int sweep_entry(void *ctx, const char *name, struct vac_err *err)
{
    const struct sweep *s = ctx;
    char *path = is_leftover(name, s->base) ? path_join(s->dir, name, err) : NULL;

    if (path)
        path_remove(path, NULL);
    free(path);
    return 0;
}

static int refuse_entry(void *dir, const char *name, struct vac_err *err)
{
    if (is_leftover(name, inside))
        return 0;
    return err_set(err, VAC_ERR_USAGE,
                   "%s: the folder is not empty; name a new one with -o, or empty it",
                   (const char *)dir);
}

/* Where it is made; free it. */
static char *work_folder(const char *out, struct vac_err *err)
{
    struct strbuf name = {0};
    char *parent = path_dir(out, err), *path = NULL;
    bool there = dir_exists(out);
    struct sweep s = {there ? out : parent, NULL};

    sb_printf(&name, "%s%s", there ? inside : path_base(out), there ? "" : ".tmp-");
    if (parent && sb_ok(&name, err) == 0) {
        s.base = name.s;
        dir_each(s.dir, sweep_entry, &s, NULL);
        sb_printf(&name, "%ld", (long)getpid());
        if (sb_ok(&name, err) == 0)
            path = path_join(s.dir, name.s, err);
    }
    sb_done(&name);
    free(parent);
    return path;
}

static int move_entry(void *ctx, const char *name, struct vac_err *err)
{
    const char *const *way = ctx;
    char *from = path_join(way[0], name, err), *to = from ? path_join(way[1], name, err) : NULL;
    int rc =
        to && (way[2] == NULL) == !strcmp(name, "config.json") ? path_rename(from, to, err) : 0;

    rc = to ? rc : -1;
    free(from);
    free(to);
    return rc;
}

/* The number formats of the weights as they lie in the file or folder now: "BF16", "BF16 and F32". */
static int put_dtypes(const char *path, struct strbuf *out, struct vac_err *err)
{
    struct weights *w = weights_open(path, err);
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

static int report(const struct model *m, const struct merge_values *v, struct vac_err *err)
{
    struct strbuf out = {0};
    char *gguf = path_join(v->output, "model.gguf", err);
    int rc = -1;

    cli_put_name(&out, v->output);
    sb_puts(&out, ": ");
    cli_put_name(&out, model_dir(m));
    sb_printf(&out, " and %zu adapter%s, %llu weights, ", model_adapters(m),
              model_adapters(m) == 1 ? "" : "s", (unsigned long long)model_count(m));
    if (gguf && !put_dtypes(v->gguf ? gguf : v->output, &out, err)) {
        sb_putc(&out, '\n');
        rc = cli_write(&out, err);
    }
    sb_done(&out);
    free(gguf);
    return rc;
}

static int save_gguf(const struct cli_model *x, const struct merge_values *v, const char *dir,
                     struct vac_err *err)
{
    char *model = path_join(dir, "model.gguf", err), *lora = path_join(dir, "adapter.gguf", err);
    int rc = model && lora && !dirs_make(dir, err) &&
                     !model_save_gguf(x->m, x->tokenizer, model, v->dtype == DTYPE_WIDE, err) &&
                     (!model_adapters(x->m) || !model_save_gguf_lora(x->m, lora, err))
                 ? 0
                 : -1;

    free(model);
    free(lora);
    return rc;
}

/* A run may have a tokenizer of its own. */
static int save(const struct cli_model *x, const struct merge_values *v, struct vac_err *err)
{
    size_t n = strlen(v->output);
    char *out, *work;
    int rc = -1;

    while (n > 1 && v->output[n - 1] == '/')
        n--;
    out = mem_strndup(v->output, n, err);
    work = out ? work_folder(out, err) : NULL;
    if (work &&
        (v->gguf ? !save_gguf(x, v, work, err)
                 : !model_save_merged(x->m, work, v->dtype == DTYPE_WIDE, 0, err) &&
                       (!strcmp(x->tokenizer, x->dir) ||
                        !model_copy_tokenizer(x->tokenizer, work, err))) &&
        !model_check(x->m, err)) {
        /* config.json comes last: without it a folder is no model */
        const char *all_else[] = {work, out, ""}, *config[] = {work, out, NULL};

        if (dir_exists(out))
            rc =
                dir_each(work, move_entry, all_else, err) || dir_each(work, move_entry, config, err)
                    ? -1
                    : 0;
        else
            rc = dir_sync(work, err) ? -1 : path_rename(work, out, err);
    }
    if (work)
        path_remove(work, NULL);
    free(work);
    free(out);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct merge_values *v = values;
    struct cli_model model = {0};
    int rc = -1;

    if (((access(v->output, F_OK) && errno == ENOENT) ||
         !dir_each(v->output, refuse_entry, v->output, err)) &&
        !cli_model_open(&model, operand[0], &v->common, err) && !save(&model, v, err))
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
        "the model has 16-bit weights); config, tokenizer and generation files are copied. With "
        "--gguf the folder gets "
        "files for llama.cpp: the merged model, and the adapters as one that stands on the base.",
    .options = options,
    .values = sizeof(struct merge_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
