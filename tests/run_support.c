/* run_support.c - see run_support.h */
#include "run_support.h"
#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/rng.h"
#include "eval_support.h"

#define PATIENCE 60.0 /* seconds; only a hang takes that long */

const char *run_path(const char *dir, const char *name)
{
    return support_join(dir, name);
}

const char *run_folder(void)
{
    return support_join(support_tmp(), "run");
}

/* --- data --- */

void run_rows(const char *path, size_t n, size_t spread, uint64_t seed)
{
    struct rng r = {.key = rng_key(seed, RNG_TEST, 0, 0)};
    struct strbuf s = {0};

    for (size_t i = 0; i < n; i++) {
        size_t len = 4 + (spread ? rng_below(&r, spread) : 0);
        struct strbuf labels = {0};
        sb_puts(&s, "{\"input_ids\":[");
        for (size_t k = 0; k < len; k++) {
            int id = (int)(3 + rng_below(&r, 90));
            sb_printf(&s, "%s%d", k ? "," : "", id);
            sb_printf(&labels, "%s%d", k ? "," : "", k < len / 3 ? -100 : id);
        }
        sb_printf(&s, "],\"labels\":[%s]}\n", labels.s);
        sb_done(&labels);
    }
    support_write(path, s.s, s.len);
    sb_done(&s);
}

void run_rig(struct rig_run *r, const char *golden, bool tokenizer)
{
    char full[PATH_MAX];

    *r = (struct rig_run){0};
    snprintf(r->dir, sizeof r->dir, "%s", support_tmp());
    if (!tokenizer)
        assert_non_null(realpath(support_path(golden), full));
    snprintf(r->model, sizeof r->model, "%.1000s", tokenizer ? mini_folder(golden) : full);
    run_rows(run_path(r->dir, "rows.jsonl"), 23, 12, 1);
    run_rows(run_path(r->dir, "harm.jsonl"), 9, 9, 2);
    snprintf(r->file, sizeof r->file, "%s/run.json", r->dir);
}

void run_file(struct rig_run *r, const char *rest)
{
    struct strbuf s = {0};

    sb_printf(
        &s, "{\"model\":\"%s\",\"template\":\"plain\",\"max_length\":40,\"seed\":7,\"threads\":1,",
        r->model);
    for (; *rest; rest++)
        sb_putc(&s, *rest == '\'' ? '"' : *rest);
    sb_puts(&s, "}\n");
    support_write(r->file, s.s, s.len);
    sb_done(&s);
}

/* --- sessions --- */

struct vac_session *run_start(const struct rig_run *r, const char *out, const struct vac_open *how)
{
    struct vac_open o = how ? *how : (struct vac_open){0};
    struct vac_session *s;
    struct vac_err err = {0};

    o.file = o.file ? o.file : r->file;
    o.out = out;
    o.deterministic_wall = true;
    assert_ok(vac_session_open(&s, &o, &err), &err);
    assert_ok(vac_session_start(s, &err), &err);
    return s;
}

static bool is_end(enum vac_state state)
{
    return state == VAC_DONE || state == VAC_STOPPED || state == VAC_FAILED;
}

bool run_ended(struct vac_session *s)
{
    return is_end(vac_snapshot(s)->state);
}

/* Sleeps until there is news, or a moment. */
static void doze(struct vac_session *s)
{
    struct pollfd fd = {.fd = vac_wakeup_fd(s), .events = POLLIN};
    char away[256];

    poll(&fd, 1, 20);
    while (read(fd.fd, away, sizeof away) > 0)
        continue;
}

void run_wait(struct vac_session *s, enum vac_state state)
{
    double until = clock_now() + PATIENCE;
    const struct vac_snapshot *now; /* a second look may see another one */

    while ((now = vac_snapshot(s))->state != state) {
        if (is_end(now->state) || clock_now() > until)
            fail_msg("waited for %s and it is %s: %s", vac_state_names[state],
                     vac_state_names[now->state], now->reason);
        doze(s);
    }
}

void run_wait_step(struct vac_session *s, int64_t step)
{
    double until = clock_now() + PATIENCE;
    const struct vac_snapshot *now;

    while ((now = vac_snapshot(s))->step < step) {
        if (is_end(now->state) || clock_now() > until)
            fail_msg("waited for step %lld and it is %s at step %lld", (long long)step,
                     vac_state_names[now->state], (long long)now->step);
        doze(s);
    }
}

struct vac_session *run_up_to(const struct rig_run *r, const char *out, bool resume, int64_t step)
{
    struct vac_session *s = run_start(r, out, &(struct vac_open){.paused = true, .resume = resume});

    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, step - vac_snapshot(s)->step, "", NULL);
    run_wait_step(s, step);
    run_wait(s, VAC_PAUSED);
    return s;
}

void run_killed_at(const struct rig_run *r, const char *out, int64_t step)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        run_up_to(r, out, false, step);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

uint64_t run_give(struct vac_session *s, enum vac_op op, int64_t n, const char *key,
                  const char *text)
{
    struct vac_command c = {.op = op, .n = n, .text = text, .who = "script"};
    struct vac_err err = {0};
    uint64_t id = 0;

    snprintf(c.key, sizeof c.key, "%s", key ? key : "");
    assert_ok(vac_command(s, &c, &id, &err), &err);
    return id;
}

static bool take_event(struct vac_session *s, uint64_t id, const enum vac_event_kind *kinds,
                       size_t n, struct vac_event *out)
{
    while (vac_event_next(s, out)) {
        for (size_t i = 0; i < n; i++) {
            if (out->kind == kinds[i] && (id == 0 || out->id == id))
                return true;
        }
        vac_event_done(out);
    }
    return false;
}

static void wait_event(struct vac_session *s, uint64_t id, const enum vac_event_kind *kinds,
                       size_t n, struct vac_event *out)
{
    double until = clock_now() + PATIENCE;

    while (!take_event(s, id, kinds, n, out)) {
        if (clock_now() > until)
            fail_msg("no event of kind %d for command %llu", (int)kinds[0], (unsigned long long)id);
        doze(s);
    }
}

void run_event(struct vac_session *s, enum vac_event_kind kind, uint64_t id, struct vac_event *out)
{
    wait_event(s, id, &kind, 1, out);
}

bool run_do(struct vac_session *s, enum vac_op op, int64_t n, const char *key, const char *text,
            struct vac_event *out)
{
    static const enum vac_event_kind answers[] = {VAC_EVENT_ACK, VAC_EVENT_REJECTED};
    struct vac_event e;

    wait_event(s, run_give(s, op, n, key, text), answers, 2, &e);
    if (out)
        *out = e;
    return e.kind == VAC_EVENT_ACK;
}

int run_whole(const struct rig_run *r, const char *out, bool resume, struct vac_err *err)
{
    return run_again(r, out, &(struct vac_open){.resume = resume}, err);
}

int run_again(const struct rig_run *r, const char *out, const struct vac_open *how,
              struct vac_err *err)
{
    struct vac_open o = *how;
    struct vac_session *s;
    double until = clock_now() + PATIENCE;
    int rc;

    err_clear(err);
    o.file = r->file;
    o.out = out;
    o.deterministic_wall = true;
    if (vac_session_open(&s, &o, err))
        return 1;
    rc = vac_session_start(s, err) ? 1 : 0;
    while (rc == 0 && !run_ended(s) && clock_now() < until)
        doze(s);
    if (rc == 0)
        rc = vac_session_result(s, err);
    vac_session_close(s);
    return rc;
}

int run_child(const struct rig_run *r, const char *out, bool resume, int kill_after_ms)
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct vac_open how = {.resume = resume, .from_start = resume};
        struct vac_err err;
        _exit(run_again(r, out, &how, &err));
    }
    if (kill_after_ms >= 0) {
        poll(NULL, 0, kill_after_ms);
        kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* --- folders --- */

char *run_read(const char *dir, const char *name, size_t *len)
{
    struct vac_err err = {0};
    size_t n;
    char *text = file_read(run_path(dir, name), 1 << 28, len ? len : &n, &err);

    if (!text)
        fail_msg("%s", err.msg);
    return text;
}

bool run_same_file(const char *a, const char *b, const char *name)
{
    size_t n, m;
    char *x = run_read(a, name, &n), *y = run_read(b, name, &m);
    bool same = n == m && !memcmp(x, y, n);

    free(x);
    free(y);
    return same;
}

/* Every .safetensors below DIR/name; returns how many. */
static size_t assert_same_weights(const char *a, const char *b, const char *name)
{
    DIR *d = opendir(run_path(a, name));
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d))) {
        char below[600];
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.')
            continue;
        snprintf(below, sizeof below, "%.300s/%.255s", name, e->d_name);
        if (dir_exists(run_path(a, below))) {
            n += assert_same_weights(a, b, below);
        } else if (len > 12 && !strcmp(e->d_name + len - 12, ".safetensors")) {
            if (!run_same_file(a, b, below))
                fail_msg("%s: not the same bytes in %s and %s", below, a, b);
            n++;
        }
    }
    if (d)
        closedir(d);
    return n;
}

void run_assert_same(const char *a, const char *b)
{
    static const char *const lines[] = {"metrics.jsonl", "layers.jsonl", "eval/history.jsonl"};

    assert_true(assert_same_weights(a, b, "final") >= 1);
    assert_true(assert_same_weights(a, b, "stages") >= 1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!run_same_file(a, b, lines[i]))
            fail_msg("%s: not the same bytes in %s and %s", lines[i], a, b);
    }
}

/* How many lines have this op; the last of them into *last. */
static size_t journal_scan(const char *dir, const char *op, cJSON **last)
{
    char *text = run_read(dir, "journal.jsonl", NULL), *save = NULL;
    size_t n = 0;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        cJSON *x = cJSON_Parse(line);
        const cJSON *have = cJSON_GetObjectItemCaseSensitive(x, "op");
        bool hit = cJSON_IsString(have) && !strcmp(have->valuestring, op);
        n += hit;
        if (hit && last) {
            cJSON_Delete(*last);
            *last = x;
        } else {
            cJSON_Delete(x);
        }
    }
    free(text);
    return n;
}

size_t run_journal_count(const char *dir, const char *op)
{
    return journal_scan(dir, op, NULL);
}

cJSON *run_journal_last(const char *dir, const char *op)
{
    cJSON *last = NULL;

    journal_scan(dir, op, &last);
    return last;
}

size_t run_lines(const char *dir, const char *name)
{
    char *text = run_read(dir, name, NULL);
    size_t n = 0;

    for (const char *p = text; *p; p++)
        n += *p == '\n';
    free(text);
    return n;
}

double run_metric(const char *dir, size_t n, const char *key)
{
    char *text = run_read(dir, "metrics.jsonl", NULL), *save = NULL, *line;
    double x = NAN;
    cJSON *json;
    const cJSON *v;

    line = strtok_r(text, "\n", &save);
    for (; line && n; n--)
        line = strtok_r(NULL, "\n", &save);
    json = line ? cJSON_Parse(line) : NULL;
    v = cJSON_GetObjectItemCaseSensitive(json, key);
    if (cJSON_IsNumber(v))
        x = v->valuedouble;
    cJSON_Delete(json);
    free(text);
    return x;
}

bool run_resumed_from(const char *out, const char *from)
{
    cJSON *x = run_journal_last(out, "resume-run");
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(x, "new");
    bool same = cJSON_IsString(v) && !strcmp(v->valuestring, from);

    cJSON_Delete(x);
    return same;
}

void run_picture(const char *dir, struct strbuf *out)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);

    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        char path[1400];
        struct stat st;
        size_t len;
        char *text;

        snprintf(path, sizeof path, "%.1000s/%s", dir, names[i]->d_name);
        if (strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, "..")) {
            assert_int_equal(lstat(path, &st), 0);
            sb_printf(out, "%s %lld %lld.%09ld\n", path, (long long)st.st_ino,
                      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
            if (S_ISDIR(st.st_mode)) {
                run_picture(path, out);
            } else {
                text = run_read(dir, names[i]->d_name, &len);
                sb_printf(out, "%zu %08x\n", len, crc32c(0, text, len));
                free(text);
            }
        }
        free(names[i]);
    }
    free(names);
}
