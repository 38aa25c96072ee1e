/* checkpoint.c - the whole state of a run in a folder that is complete or not there.
 *
 * checkpoint-N.tmp is filled, read back and checked, synced, and only then renamed to checkpoint-N;
 * older ones go after that. state.json holds every counter, the cursor, the live options, the sizes
 * of the line files, size and CRC-32C of the other files, and last its own CRC-32C; the adapters
 * beneath are named, not copied. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "spec/spec_tables.h"
#include "weights/st_write.h"
#include "weights/weights.h"
#include "record/reader.h"
#include "run/trainer.h"
#include "record/folder.h"
#include "record/columns.h"

#define STATE_FILE "vaccine_state.safetensors"
/* The end of state.json: the CRC-32C of all that stands before it. */
#define SEAL ",\n  \"crc32c\": \"%08x\"\n}\n"
#define SEAL_LENGTH (sizeof ",\n  \"crc32c\": \"01234567\"\n}\n" - 1)

/* --- parameters as files --- */

static const char *weights_name(const struct trainer *t)
{
    return model_is_full(t->m) ? "model.safetensors" : "adapter_model.safetensors";
}

static size_t param_size(const struct param *p)
{
    return p->shape[0] * (p->rank == 2 ? p->shape[1] : 1);
}

static int declare_params(struct st_writer *w, const struct params *p, struct vac_err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        if (st_declare(w, p->list[i].name, DTYPE_F32, p->list[i].rank, p->list[i].shape, err))
            return -1;
    }
    return 0;
}

static const struct param *param_named(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!strcmp(p->list[i].name, name))
            return &p->list[i];
    }
    return NULL;
}

static int put_ref(struct trainer *t, struct st_writer *w, struct ref x, size_t n,
                   struct vac_err *err)
{
    enum { PIECE = 1 << 18 };
    float *piece = mem_new(n < PIECE ? n : PIECE, sizeof *piece, err);
    int rc = piece ? 0 : -1;

    for (size_t at = 0; rc == 0 && at < n; at += PIECE) {
        size_t k = n - at < PIECE ? n - at : PIECE;
        compute_download(t->c, piece, ref_at(x, at), k);
        rc = st_put(w, piece, k, err);
    }
    free(piece);
    return rc;
}

/* All weights of full fine-tuning, under their Hugging Face names. */
static int save_full(struct trainer *t, const char *dir, struct vac_err *err)
{
    const struct params *p = model_params(t->m);
    char *path = path_join(dir, weights_name(t), err);
    struct st_writer *w = path ? st_create(path, err) : NULL;
    size_t n;
    int rc = -1;

    if (!w || declare_params(w, p, err) || st_begin(w, &n, err))
        goto out;
    for (size_t i = 0; i < n; i++) {
        const struct param *x = param_named(p, st_order(w, i));
        if (put_ref(t, w, ref_at(p->w, x->at), param_size(x), err))
            goto out;
    }
    rc = st_commit(w, err);
out:
    st_free(w);
    free(path);
    return rc;
}

/* What the next step reads besides the parameters: arrays of as many numbers, by name. */
struct saved_array {
    char name[32];
    struct ref at;
};
enum { SAVED_ARRAYS = 3 + METHOD_ARRAYS };

static size_t saved_arrays(const struct trainer *t, struct saved_array out[SAVED_ARRAYS])
{
    const struct stage *st = &t->st;
    size_t n = 0;

    out[n++] = (struct saved_array){"adam.mean", st->opt.mean};
    out[n++] = (struct saved_array){"adam.var", st->opt.var};
    for (size_t i = 0; i < st->spec->method->state; i++) {
        snprintf(out[n].name, sizeof out[n].name, "method.%zu", i);
        out[n++].at = st->step.state[i];
    }
    return n;
}

static int save_moments(struct trainer *t, const char *dir, struct vac_err *err)
{
    const struct optimizer *o = &t->st.opt;
    struct buf *reference = t->st.reference;
    char *path = path_join(dir, STATE_FILE, err);
    struct st_writer *w = path ? st_create(path, err) : NULL;
    size_t n, shape[1] = {o->n}, arrays;
    struct saved_array x[SAVED_ARRAYS];
    int rc = -1;

    arrays = saved_arrays(t, x);
    if (reference)
        x[arrays++] = (struct saved_array){"drift.reference", {reference, 0}};
    for (size_t i = 0; w && i < arrays; i++) {
        if (st_declare(w, x[i].name, DTYPE_F32, 1, shape, err))
            goto out;
    }
    if (!w || st_begin(w, &n, err))
        goto out;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (strcmp(x[k].name, st_order(w, i)))
            k++;
        if (put_ref(t, w, x[k].at, o->n, err))
            goto out;
    }
    rc = st_commit(w, err);
out:
    st_free(w);
    free(path);
    return rc;
}

static int load_tensor(struct trainer *t, const struct weights *w, const char *name, size_t rank,
                       const size_t *shape, struct ref to, struct vac_err *err)
{
    const struct st_tensor *x = weights_want(w, name, rank, shape, err);
    float *tmp = x ? mem_new(x->numel, sizeof *tmp, err) : NULL;

    if (!tmp)
        return -1;
    dtype_widen(tmp, x->data, x->dtype, x->numel);
    compute_upload(t->c, to, tmp, x->numel);
    free(tmp);
    return 0;
}

static int load_params(struct trainer *t, const char *dir, struct vac_err *err)
{
    const struct params *p = model_params(t->m);
    char *path = path_join(dir, weights_name(t), err);
    struct weights *w = path ? weights_open(path, err) : NULL;
    int rc = w ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < p->count; i++)
        rc = load_tensor(t, w, p->list[i].name, p->list[i].rank, p->list[i].shape,
                         ref_at(p->w, p->list[i].at), err);
    if (rc == 0)
        rc = weights_check(w, err);
    weights_close(w);
    free(path);
    return rc;
}

/* The weights that the user made the drift reference pass through the model once more. */
static int load_reference(struct trainer *t, const struct weights *w, struct vac_err *err)
{
    const struct params *p = model_params(t->m);

    t->st.reference = compute_alloc(t->c, p->n, err);
    if (!t->st.reference ||
        load_tensor(t, w, "drift.reference", 1, &p->n, (struct ref){t->st.reference, 0}, err))
        return -1;
    op_copy(t->c, p->w, (struct ref){t->st.reference, 0}, p->n);
    return t->st.drift ? stage_reference(t, err) : 0;
}

static int load_moments(struct trainer *t, const char *dir, bool reference, struct vac_err *err)
{
    struct optimizer *o = &t->st.opt;
    char *path = path_join(dir, STATE_FILE, err);
    struct weights *w = path ? weights_open(path, err) : NULL;
    struct saved_array x[SAVED_ARRAYS];
    size_t n = saved_arrays(t, x);
    int rc = w ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = load_tensor(t, w, x[i].name, 1, &o->n, x[i].at, err);
    if (rc == 0 && reference)
        rc = load_reference(t, w, err);
    if (rc == 0)
        rc = weights_check(w, err);
    weights_close(w);
    free(path);
    return rc;
}

/* --- state.json --- */

static void put_options(struct strbuf *s, struct trainer *t)
{
    struct live_option o;

    sb_puts(s, ",\n  \"options\": {");
    for (size_t i = 0; spec_live(t->st.spec, i, &o); i++) {
        sb_printf(s, "%s\"%s\": ", i ? ", " : "", o.row->name);
        option_json(o.row, o.base, s);
    }
    sb_puts(s, "},\n  \"suite\": [");
    for (size_t i = 0; i < t->suite.rows.n; i++)
        sb_printf(s, "%s%d", i ? ", " : "", t->suite.verdict[i]);
    sb_puts(s, "],\n  \"beneath\": [");
    for (size_t i = 0; i < t->st.index; i++)
        sb_printf(s, "%s\"../stages/%s\"", i ? ", " : "", t->spec.stage[i].name);
    sb_puts(s, "]");
}

/* Where the streams beside "train" stand. */
static void put_streams(struct strbuf *s, const struct stage *st)
{
    sb_puts(s, ",\n  \"streams\": {");
    for (size_t k = 1; k < st->n_streams; k++)
        sb_printf(s, "%s\"%s\": {\"epoch\": %llu, \"next\": %llu}", k > 1 ? ", " : "",
                  st->spec->stream[k].name, (unsigned long long)st->stream[k].cursor.epoch,
                  (unsigned long long)st->stream[k].cursor.next);
    sb_putc(s, '}');
}

/* The last step's numbers, whose lines could not be written: they are when the run goes on. */
static void put_reading(struct strbuf *s, const struct trainer *t)
{
    sb_puts(s, ",\n  \"point\": ");
    point_json(&(struct json_out){.to = s}, NULL, &t->point, t->st.spec->name);
    sb_puts(s, "\n  ,\"layers\": ");
    layers_json(&(struct json_out){.to = s}, NULL, &t->layers, shown_layers(t));
    sb_puts(s, "\n");
}

static int load_reading(struct trainer *t, const struct jnode *root, struct vac_err *err)
{
    struct jnode point, layers;
    int n = 0, rc;

    rc = json_opt(root, "point", JSON_OBJECT, &point, err);
    if (rc || json_get(root, "layers", JSON_OBJECT, &layers, err))
        return rc > 0 ? 0 : -1;
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(point.v, vac_columns[i].name);

        *point_at(&t->point, i) = cJSON_IsNumber(v) ? v->valuedouble : v ? INFINITY : NAN;
    }
    return layers_read(&layers, &t->layers, &n, err);
}

static int write_state(struct trainer *t, const char *dir, struct vac_err *err)
{
    const struct stage *st = &t->st;
    struct strbuf s = {0};
    int64_t size[LINES_COUNT];
    cJSON *files = NULL;
    int rc = -1;

    if (t->marked)
        memcpy(size, t->mark, sizeof size);
    else if (folder_sizes(&t->folder, size, err))
        return -1;
    files = cJSON_CreateObject();
    sb_printf(
        &s, "{\n  \"version\": 1,\n  \"step\": %llu,\n  \"stage\": %zu,\n  \"stage_step\": %llu,\n",
        (unsigned long long)t->step, st->index, (unsigned long long)st->done);
    sb_printf(&s,
              "  \"epoch\": %llu,\n  \"next\": %llu,\n  \"updates\": %llu,\n  \"tokens\": %llu,\n"
              "  \"duty\": %zu,\n  \"drift_from\": %lld,\n  \"journal\": %llu,\n",
              (unsigned long long)st->stream[0].cursor.epoch,
              (unsigned long long)st->stream[0].cursor.next, (unsigned long long)st->opt.updates,
              (unsigned long long)t->tokens, t->duty, (long long)st->drift_from,
              (unsigned long long)t->folder.journal_seq);
    sb_puts(&s, "  \"wall\": ");
    sb_num(&s, trainer_wall(t));
    sb_puts(&s, ",\n  \"lines\": {");
    for (int i = 0; i < LINES_JOURNAL; i++)
        sb_printf(&s, "%s\"%s\": %lld", i ? ", " : "", line_files[i], (long long)size[i]);
    sb_puts(&s, "}");
    if (st->n_streams > 1)
        put_streams(&s, st);
    put_options(&s, t);
    if (t->duty == 0 && st->done)
        put_reading(&s, t);
    if (pin_file(files, dir, weights_name(t), err) || pin_file(files, dir, STATE_FILE, err) ||
        (!model_is_full(t->m) && pin_file(files, dir, "adapter_config.json", err)))
        goto out;
    pins_put(&s, "files", files);
    pins_put(&s, "pinned", t->pins);
    sb_printf(&s, SEAL, crc32c(0, s.s ? s.s : "", s.len));
    rc = folder_write(dir, "state.json", &s, err);
out:
    cJSON_Delete(files);
    sb_done(&s);
    return rc;
}

static int read_u64(const struct jnode *root, const char *key, uint64_t *out, struct vac_err *err)
{
    int64_t x;

    if (json_int(root, key, 0, (int64_t)1 << 53, &x, err))
        return -1;
    *out = (uint64_t)x;
    return 0;
}

static int read_sizes(const struct jnode *root, struct checkpoint_state *s, struct vac_err *err)
{
    struct jnode lines;

    if (json_get(root, "lines", JSON_OBJECT, &lines, err))
        return -1;
    for (int i = 0; i < LINES_JOURNAL; i++) {
        if (json_int(&lines, line_files[i], 0, (int64_t)1 << 53, &s->size[i], err))
            return -1;
    }
    return 0;
}

/* state.json, whose seal must be right. */
static cJSON *open_state(const char *path, struct vac_err *err)
{
    int64_t size;
    size_t len;
    char *text = pin_there(path, &size, err) ? NULL : file_read(path, 64 << 20, &len, err);
    char seal[SEAL_LENGTH + 1];
    size_t inside = text && len > SEAL_LENGTH ? len - SEAL_LENGTH : 0;
    cJSON *doc = NULL;

    if (inside)
        snprintf(seal, sizeof seal, SEAL, crc32c(0, text, inside));
    if (inside && !strcmp(text + inside, seal))
        doc = json_parse(text, len, path, err);
    else if (text)
        err_set(err, VAC_ERR_FORMAT, "%s: damaged: its checksum is wrong or missing", path);
    free(text);
    return doc;
}

/* Reads and checks a checkpoint folder, and what it stands on in the run's folder `run` (NULL =
 * that is not asked); unless `whole`, large files by their sizes alone. s->json is the caller's to
 * delete. VAC_ERR_FORMAT: it is damaged; another error tells nothing of it. */
static int read_state(const char *dir, const char *run, bool whole, struct checkpoint_state *s,
                      struct vac_err *err)
{
    char *path = path_join(dir, "state.json", err);
    struct jnode root, files, pinned;
    int rc = -1;

    *s = (struct checkpoint_state){.json = path ? open_state(path, err) : NULL};
    if (!s->json)
        goto out;
    root = json_root(s->json, path);
    if (read_u64(&root, "step", &s->step, err) || read_u64(&root, "stage", &s->stage, err) ||
        read_u64(&root, "stage_step", &s->stage_step, err) ||
        read_u64(&root, "epoch", &s->epoch, err) || read_u64(&root, "next", &s->next, err) ||
        read_u64(&root, "updates", &s->updates, err) ||
        read_u64(&root, "tokens", &s->tokens, err) || read_u64(&root, "duty", &s->duty, err) ||
        read_u64(&root, "drift_from", &s->drift_from, err) ||
        read_u64(&root, "journal", &s->journal, err) || json_num(&root, "wall", &s->wall, err) ||
        read_sizes(&root, s, err) || json_get(&root, "files", JSON_OBJECT, &files, err))
        goto out;
    if (pins_check(&files, dir, whole, err))
        goto out;
    rc = json_opt(&root, "pinned", JSON_OBJECT, &pinned, err);
    rc = rc < 0 ? -1 : rc > 0 || !run ? 0 : pins_check(&pinned, run, whole, err);
out:
    if (rc) {
        cJSON_Delete(s->json);
        s->json = NULL;
    }
    free(path);
    return rc;
}

int checkpoint_read(const char *dir, struct checkpoint_state *out, struct vac_err *err)
{
    char *run = path_dir(dir, err);
    int rc = run ? read_state(dir, run, true, out, err) : -1;

    free(run);
    return rc;
}

/* --- saving --- */

/* Number of "checkpoint-N", or -1. */
static long long number_of(const char *name)
{
    const char *digits = name + sizeof "checkpoint-" - 1;
    char *end;
    long long n;

    if (strncmp(name, "checkpoint-", sizeof "checkpoint-" - 1) || !isdigit((unsigned char)*digits))
        return -1;
    n = strtoll(digits, &end, 10);
    return *end ? -1 : n;
}

static int newest_first(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;

    return (x < y) - (x > y);
}

/* Numbers of all checkpoints, newest first. */
static int list_checkpoints(const char *dir, long long **out, size_t *n, struct vac_err *err)
{
    DIR *d = dir_open(dir);
    size_t cap = 0;
    struct dirent *e;
    int rc = 0;

    *out = NULL;
    *n = 0;
    if (!d)
        return path_error(dir, "open the folder", err);
    while (rc == 0 && (errno = 0, e = readdir(d))) {
        if (number_of(e->d_name) < 0)
            continue;
        rc = mem_grow(out, &cap, *n + 1, sizeof **out, err);
        if (rc == 0)
            (*out)[(*n)++] = number_of(e->d_name);
    }
    if (rc == 0 && errno) /* not its end: what was not told may be the newest */
        rc = path_error(dir, "read the folder", err);
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, newest_first);
    return rc;
}

void checkpoint_list(const char *dir, struct strbuf *out)
{
    long long *list;
    size_t n;

    if (list_checkpoints(dir, &list, &n, NULL))
        n = 0;
    for (size_t i = n; i-- > 0;)
        sb_printf(out, "%s@%lld", out->len ? ", " : "", list[i]);
    free(list);
}

/* Removes all but the newest few. Damaged ones of steps that are still to come again do not count
 * among those. What cannot be removed stays: it does no harm. */
static void prune(struct trainer *t)
{
    long long *list;
    char name[64], *path;
    size_t n, kept = 0;

    if (list_checkpoints(t->folder.dir, &list, &n, NULL))
        n = 0; /* of what is not known whole, nothing is old */
    for (size_t i = 0; i < n; i++) {
        if (list[i] > (long long)t->step || kept++ < (size_t)t->spec.checkpoint.keep + t->keep_more)
            continue;
        snprintf(name, sizeof name, "checkpoint-%lld", list[i]);
        path = folder_path(&t->folder, name, NULL);
        if (path)
            path_remove(path, NULL);
        free(path);
    }
    free(list);
}

static int fill_folder(struct trainer *t, const char *tmp, struct vac_err *err)
{
    struct checkpoint_state back;

    if (dir_exists(tmp) && path_remove(tmp, err))
        return -1;
    if (dirs_make(tmp, err) || folder_sync(&t->folder, err))
        return -1;
    if (model_is_full(t->m) ? save_full(t, tmp, err) : stage_write_adapter(t, tmp, err))
        return -1;
    if (save_moments(t, tmp, err) || write_state(t, tmp, err) ||
        read_state(tmp, NULL, true, &back, err))
        return -1;
    cJSON_Delete(back.json);
    return 0;
}

int checkpoint_save(struct trainer *t, struct vac_err *err)
{
    char name[64], tmp[80], *path;
    int rc;

    snprintf(name, sizeof name, "checkpoint-%llu", (unsigned long long)t->step);
    snprintf(tmp, sizeof tmp, "%s.tmp", name);
    path = folder_path(&t->folder, tmp, err);
    rc = path ? fill_folder(t, path, err) : -1;
    if (rc == 0)
        rc = folder_swap(t->folder.dir, tmp, name, err);
    else if (path)
        path_remove(path, NULL); /* give the space back: a half checkpoint helps nobody */
    free(path);
    if (rc) {
        err_prefix(err, "checkpoint at step %llu (%.1f MB)", (unsigned long long)t->step,
                   3e-6 * (double)(sizeof(float) * t->st.opt.n));
        return -1;
    }
    t->saved_step = (int64_t)t->step;
    t->last_save = clock_now();
    prune(t);
    return 0;
}

/* --- going on --- */

/* Reads checkpoint-N; 1 = it is damaged, and why. */
static int try_one(const char *dir, const char *name, bool whole, size_t n_stages,
                   struct checkpoint_state *out, struct vac_err *why)
{
    char *path = path_join(dir, name, why);
    int rc = path ? read_state(path, dir, whole, out, why) : -1;

    free(path);
    if (rc == 0 && out->stage < n_stages)
        return 0;
    if (rc == 0) {
        cJSON_Delete(out->json);
        err_set(why, VAC_ERR_FORMAT, "%s: is of another run: it has no such stage", name);
        return 1;
    }
    return why->code == VAC_ERR_FORMAT ? 1 : -1;
}

static int find(const char *dir, bool whole, size_t n_stages, struct checkpoint_state *out,
                char *name, size_t size, checkpoint_bad *bad, void *ctx, struct vac_err *err)
{
    long long *list;
    size_t n;
    int rc = list_checkpoints(dir, &list, &n, err) ? -1 : 1;

    for (size_t i = 0; rc == 1 && i < n; i++) {
        struct vac_err why = {0};
        snprintf(name, size, "checkpoint-%lld", list[i]);
        rc = try_one(dir, name, whole, n_stages, out, &why);
        if (rc == 1 && bad)
            bad(ctx, name, &why);
        if (rc < 0)
            err_set(err, why.code,
                    "%s; it may be whole: mend that, or move %s away to go on "
                    "without it",
                    why.msg, name);
    }
    free(list);
    if (rc)
        *out = (struct checkpoint_state){0};
    return rc;
}

int checkpoint_find(const char *dir, size_t n_stages, struct checkpoint_state *out, char *name,
                    size_t size, checkpoint_bad *bad, void *ctx, struct vac_err *err)
{
    int rc;

    if (dir_enter(dir, err))
        return -1;
    rc = find(dir, true, n_stages, out, name, size, bad, ctx, err);
    dir_leave(dir);
    return rc;
}

int vac_run_checkpoint(const char *dir, int64_t *step, struct vac_err *err)
{
    struct checkpoint_state s;
    char name[64];
    int rc;

    *step = -1;
    if (dir_enter(dir, err))
        return -1;
    rc = find(dir, false, SIZE_MAX, &s, name, sizeof name, NULL, NULL, err);
    dir_leave(dir);
    if (rc == 0) {
        *step = (int64_t)s.step;
        cJSON_Delete(s.json);
    }
    return rc < 0 ? -1 : 0;
}

static int load_options(struct trainer *t, const struct jnode *root, struct vac_err *err)
{
    struct jnode options;
    struct live_option o;

    if (json_get(root, "options", JSON_OBJECT, &options, err))
        return -1;
    for (size_t i = 0; spec_live(t->st.spec, i, &o); i++) {
        struct option_row one[2] = {*o.row, {.name = NULL}};
        if (cJSON_GetObjectItemCaseSensitive(options.v, o.row->name) &&
            option_read(one, &options, o.base, err))
            return -1;
    }
    return step_options(&t->st.step, t->st.spec->method, t->st.spec->options, err);
}

static int load_streams(struct stage *st, const struct jnode *root, struct vac_err *err)
{
    struct jnode all, one;

    if (st->n_streams > 1 && json_get(root, "streams", JSON_OBJECT, &all, err))
        return -1;
    for (size_t k = 1; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];
        if (json_get(&all, st->spec->stream[k].name, JSON_OBJECT, &one, err) ||
            read_u64(&one, "epoch", &x->cursor.epoch, err) ||
            read_u64(&one, "next", &x->cursor.next, err))
            return -1;
        if (x->cursor.next > x->data.n)
            return json_error(&one, err, "beyond the %zu samples of this data set", x->data.n);
        cursor_order(&x->cursor, x->order, x->data.n);
    }
    return 0;
}

static void load_suite(struct trainer *t, const cJSON *json)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(json, "suite");
    size_t i = 0;

    for (x = x ? x->child : NULL; x && i < t->suite.rows.n; x = x->next)
        t->suite.verdict[i++] = x->valueint;
}

/* A checkpoint that is whole may still be another run's. */
static int check_counters(const struct trainer *t, const struct checkpoint_state *s,
                          const char *name, struct vac_err *err)
{
    uint64_t before = 0;

    for (uint64_t i = 0; i < s->stage; i++)
        before += t->stage_total[i];
    if (s->stage_step > t->st.total || s->step != before + s->stage_step ||
        s->next > t->st.stream[0].data.n || s->duty > t->spec.n_evaluate + 2 ||
        s->drift_from > s->step || s->drift_from < before)
        return err_set(
            err, VAC_ERR_FORMAT,
            "%s/%s: its counters do not fit this run: remove it to go on from the one before",
            t->folder.dir, name);
    return 0;
}

int checkpoint_load(struct trainer *t, const struct checkpoint_state *s, const char *name,
                    struct vac_err *err)
{
    char *dir = folder_path(&t->folder, name, err);
    struct jnode root = json_root(s->json, name);
    struct stage *st = &t->st;
    int rc = -1;

    if (!dir || check_counters(t, s, name, err) ||
        load_moments(t, dir, s->drift_from != s->step - s->stage_step, err) ||
        load_params(t, dir, err) || load_options(t, &root, err) || load_streams(st, &root, err))
        goto out;
    load_suite(t, s->json);
    st->opt.updates = s->updates;
    st->done = s->stage_step;
    st->start_step = (int64_t)(s->step - s->stage_step);
    st->drift_from = (int64_t)s->drift_from;
    st->stream[0].cursor.epoch = s->epoch;
    st->stream[0].cursor.next = s->next;
    cursor_order(&st->stream[0].cursor, st->stream[0].order, st->stream[0].data.n);
    t->step = s->step;
    t->tokens = s->tokens;
    t->duty = (size_t)s->duty;
    if (t->duty == 0 && st->done && load_reading(t, &root, err))
        goto out;
    t->wall = s->wall;
    t->saved_step = (int64_t)s->step;
    rc = 0;
out:
    free(dir);
    return rc;
}
