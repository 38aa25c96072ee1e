/* source.c - what a command's MODEL and --adapter stand for, and opening it.
 *
 * A run's adapter stands on those beneath it: whoever names only the top one gets them all, because
 * without them it is another model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/io.h"
#include "cli/cli.h"
#include "cli/source.h"
#include "compute/selfcheck.h"
#include "model/peft.h"
#include "weights/hub.h"

static bool same_folder(const char *a, const char *b)
{
    struct stat x, y;

    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* --- adapters --- */

static bool has_adapter(const struct cli_model *x, const char *dir)
{
    for (size_t i = 0; i < x->n_adapter; i++)
        if (same_folder(x->adapter[i], dir))
            return true;
    return false;
}

static int put_adapter(struct cli_model *x, const char *dir, struct vac_err *err)
{
    char **grown = realloc(x->adapter, (x->n_adapter + 1) * sizeof *grown);

    if (!grown)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    x->adapter = grown;
    x->adapter[x->n_adapter] = mem_strdup(dir, err);
    if (!x->adapter[x->n_adapter] || model_add_peft(x->m, dir, false, 0, err)) {
        free(x->adapter[x->n_adapter]);
        return -1;
    }
    x->n_adapter++;
    return 0;
}

/* The last of a list is what was named. Once is enough for what lies beneath it; twice the same
 * named adapter would be another model than anybody trained. */
static int put_list(struct cli_model *x, char *const *list, size_t n, const char *name,
                    struct vac_err *err)
{
    struct strbuf told = {0}, note = {0};
    size_t beneath = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (i + 1 < n && has_adapter(x, list[i]))
            continue;
        if (has_adapter(x, list[i])) {
            rc = err_set(err, VAC_ERR_USAGE, "--adapter %s: is on the model already: name it once",
                         name);
            break;
        }
        rc = put_adapter(x, list[i], err);
        beneath += i + 1 < n;
        sb_printf(&told, "%s%s", told.len ? ", " : "", list[i]);
    }
    if (rc == 0 && beneath && !told.bad)
        sb_printf(&note, "%s stands on others: put on the model are %s, in this order", name,
                  told.s);
    if (note.len)
        cli_note(note.s);
    sb_done(&note);
    sb_done(&told);
    return rc;
}

/* adapters.json beside an adapter: {"base", "adapters": [...]}, relative to its folder. */
static int read_list(const char *dir, char ***list, size_t *n, struct vac_err *err)
{
    char *path = path_join(dir, "adapters.json", err);
    cJSON *doc = path ? json_read(path, 1 << 20, err) : NULL;
    struct jnode root = json_root(doc, path), all, one;
    int rc = -1;

    *list = NULL;
    *n = 0;
    if (!doc || json_get(&root, "adapters", JSON_ARRAY, &all, err))
        goto out;
    *list = mem_new(json_count(&all), sizeof **list, err);
    for (const cJSON *v = *list ? all.v->child : NULL; v; v = v->next) {
        one = (struct jnode){.v = v, .up = &all, .file = path, .index = *n};
        if (!cJSON_IsString(v)) {
            json_wrong(&one, "the folder of an adapter", err);
            goto out;
        }
        if (strcmp(v->valuestring, ".") != 0)
            (*list)[*n] = path_join(dir, v->valuestring, err);
        else
            (*list)[*n] = mem_strdup(dir, err);
        if (!(*list)[(*n)++])
            goto out;
        if (!dir_exists((*list)[*n - 1])) {
            json_error(&one, err,
                       "\"%.200s\" is not there, and this adapter stands on it: give --adapter for "
                       "each, in order",
                       v->valuestring);
            goto out;
        }
    }
    rc = *list ? 0 : -1;
out:
    cJSON_Delete(doc);
    free(path);
    return rc;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
}

/* What a run trained lies on the run's own weights, where a stage trained them all. */
static int put_of_run(struct cli_model *x, const struct run_model *r, const char *name,
                      struct vac_err *err)
{
    const char *base = r->weights ? r->weights : r->base;

    if (r->trained_base && !same_folder(base, x->dir))
        return err_set(err, VAC_ERR_USAGE,
                       "--adapter %s: stands on weights that its run trained, %s: give those as "
                       "MODEL, or the run's folder alone",
                       name, base);
    if (r->n == 0)
        return err_set(err, VAC_ERR_USAGE,
                       "--adapter %s: the run trained all weights there: give it "
                       "as MODEL",
                       name);
    return put_list(x, r->adapter, r->n, name, err);
}

static int put_named(struct cli_model *x, const char *name, struct vac_err *err)
{
    struct run_model r;
    char *beside = path_join(name, "adapters.json", err), *one, **list;
    size_t n;
    int rc;

    if (!beside)
        return -1;
    rc = run_model_find(&r, name, err);
    if (rc == 0) {
        rc = put_of_run(x, &r, name, err);
        run_model_done(&r);
    } else if (rc > 0 && file_exists(beside)) {
        rc = read_list(name, &list, &n, err);
        if (rc == 0)
            rc = put_list(x, list, n, name, err);
        free_list(list, n);
    } else if (rc > 0) {
        one = mem_strdup(name, err);
        rc = one ? put_list(x, &one, 1, name, err) : -1;
        free(one);
    }
    free(beside);
    return rc;
}

/* --- the model --- */

int cli_model_find(struct cli_model *x, const char *name, struct vac_err *err)
{
    const struct run_model *r = &x->run;
    struct strbuf note = {0};
    int rc = run_model_find(&x->run, name, err);

    if (rc < 0)
        return -1;
    x->dir = rc ? hub_find(name, err) : mem_strdup(r->base ? r->base : "", err);
    if (!x->dir)
        return -1;
    x->tokenizer = mem_strdup(r->tokenizer ? r->tokenizer : x->dir, err);
    x->template_name = r->template_name;
    x->max_length = r->max_length;
    if (r->unfinished)
        sb_printf(&note, "%s: the run has not ended: this is %s", name, r->at);
    if (note.len)
        cli_note(note.s);
    sb_done(&note);
    return x->tokenizer ? 0 : -1;
}

/* A folder with an adapter alone is no model, and has one. */
static int is_adapter(const char *dir, struct vac_err *err)
{
    char *config = path_join(dir, "config.json", err),
         *own = path_join(dir, "adapter_config.json", err);
    int rc = config && own ? 0 : -1;

    if (rc == 0 && !file_exists(config) && file_exists(own))
        rc = err_set(err, VAC_ERR_USAGE,
                     "%s: is an adapter and no model: give its base as MODEL and this as --adapter",
                     dir);
    free(config);
    free(own);
    return rc;
}

int cli_model_load(struct cli_model *x, const char *name, const struct cli_list *adapter,
                   struct vac_err *err)
{
    const struct run_model *r = &x->run;
    struct jnode config;

    if (cli_model_find(x, name, err))
        return -1;
    if (*x->dir && is_adapter(x->dir, err))
        return -1;
    config = json_root(r->config, "run.json: config");
    x->m = model_open_parts(x->dir, r->config ? &config : NULL, r->weights, x->c, err);
    if (!x->m)
        return -1;
    cli_note(model_note(x->m));
    for (size_t i = 0; i < r->n; i++)
        if (put_adapter(x, r->adapter[i], err))
            return -1;
    for (size_t i = 0; adapter && i < adapter->n; i++)
        if (put_named(x, adapter->v[i], err))
            return -1;
    return 0;
}

int cli_model_open(struct cli_model *x, const char *name, const struct cli_common *o,
                   struct vac_err *err)
{
    x->c = cli_compute_open(o, err);
    return x->c ? cli_model_load(x, name, &o->adapter, err) : -1;
}

void cli_model_close(struct cli_model *x)
{
    template_close(x->tmpl);
    model_close(x->m);
    compute_close(x->c);
    run_model_done(&x->run);
    free_list(x->adapter, x->n_adapter);
    free(x->tokenizer);
    free(x->dir);
    *x = (struct cli_model){0};
}

struct compute *cli_compute_open(const struct cli_common *o, struct vac_err *err)
{
    struct compute *c =
        compute_open_in(o->backend, (int)o->threads, o->products, o->precision, err);

    if (!c || !selfcheck_products(c->products, err))
        return c;
    compute_close(c);
    return NULL;
}

const struct template_row *cli_choose_template(const char *name, struct cli_model *x,
                                               struct tokenizer *tok, const char *today,
                                               struct vac_err *err)
{
    char now[32];

    template_now(now);
    if (!today)
        today = x->run.today ? x->run.today : now;
    template_close(x->tmpl);
    x->tmpl = template_open(name ? name : x->template_name, x->run.at ? "alpaca" : "plain", tok,
                            today, err);
    return x->tmpl;
}
