/* test_report.c - reading run folders, the exporters, the list of runs.
 *
 * Golden event bytes are those of TensorBoard's own record writer. */
#include "report_support.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Reading ---- */

static void test_read(void **state)
{
    (void)state;
    struct vac_err err = {0};
    struct run_data r;
    struct vac_layers l;
    const struct vac_point *p;

    assert_ok(run_data_read(&r, big_run(), &err), &err);
    assert_int_equal(r.n_stages, 2);
    assert_string_equal(r.stage[1].name, "attack");
    assert_string_equal(r.stage[0].method, "vaccine");
    assert_int_equal(r.n_points, ALIGN + ATTACK + 2);
    assert_int_equal(r.n_layers, LAYERS);
    assert_int_equal(r.n_evals, 3 * 7);
    p = &r.point[ALIGN];
    assert_int_equal(p->step, ALIGN);
    assert_int_equal(p->stage, 0);
    assert_true(p->rho == 2 && p->lr == 0.001 && p->wall == 30);
    assert_true(isnan(r.point[0].loss) && isnan(r.point[1].align_loss));
    /* the end of a stage and the beginning of the next are of one step, and keep their own drift */
    assert_true(fabs(p->drift_mean - 0.002 * ALIGN * 3.5) < 1e-6);
    p++;
    assert_int_equal(p->step, ALIGN);
    assert_int_equal(p->stage, 1);
    assert_true(p->drift_mean == 0);
    assert_true(isnan(r.point[1].drift_mean));
    assert_null(run_layers_at(&r, SIZE_MAX, &l));
    assert_ptr_equal(run_layers_at(&r, 0, &l), &l);
    assert_true(isnan(l.grad[0]) && isnan(l.drift_rel[LAYERS]));
    run_layers_at(&r, 10, &l);
    assert_int_equal(l.step, 10);
    assert_true(fabs((double)l.drift_rel[5] - 0.12) < 1e-6 && isnan(l.drift_rel[LAYERS]));
    assert_int_equal(cJSON_GetArraySize(r.journal), 3);
    assert_int_equal(cJSON_GetArraySize(r.probes), 2);
    run_data_done(&r);
}

static void test_history_functions(void **state)
{
    (void)state;
    const char *dir = big_run();
    struct vac_err err = {0};
    struct vac_point *p;
    struct vac_layers *l;
    size_t n;
    int n_layers;
    char *text;

    assert_ok(vac_run_points(dir, &p, &n, &err), &err);
    assert_int_equal(n, ALIGN + ATTACK + 2);
    assert_true(fabs(p[10].drift_mean - 0.002 * 10 * 3.5) < 1e-6);
    free(p);
    assert_ok(vac_run_layers(dir, &l, &n, &n_layers, &err), &err);
    assert_int_equal(n, ALIGN + ATTACK + 2);
    assert_int_equal(n_layers, LAYERS);
    assert_true(fabs((double)l[10].drift_rel[5] - 0.12) < 1e-6);
    free(l);
    text = vac_run_config(dir, &err);
    assert_non_null(text);
    assert_string_equal(text,
                        CONFIG(ONE_STAGE ",{\"name\":\"attack\",\"method\":\"sft\"}", EVALUATE));
    free(text);
    assert_null(vac_run_config(support_tmp(), &err));
    assert_error(&err, "run.json");
}

static void test_torn_and_bad_lines(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    struct run_data r;

    append(dir, "metrics.jsonl",
           "{\"step\":1,\"stage\":\"align\",\"loss\":null,\"nan\":true}\n"
           "{\"step\":2,\"stage\":\"align\",\"loss\":1.5}");
    assert_ok(run_data_read(&r, dir, &err), &err);
    assert_int_equal(r.n_points, 1);
    assert_true(isnan(r.point[0].loss));
    assert_int_equal(r.n_evals, 0);
    run_data_done(&r);

    append(dir, "metrics.jsonl", "\n{\"step\":3,\"stage\":\"align\",\"loss\":\"low\"}\n");
    assert_int_equal(run_data_read(&r, dir, &err), -1);
    assert_error(&err, "metrics.jsonl:3: loss");
    assert_null(r.point);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *error;
    } cases[] = {
        {"run.json", "[]", "expected an object"},
        {"run.json", "{\"spec\":{\"stages\":7}}", "spec.stages"},
        {"run.json", "{\"spec\":{\"stages\":[{}]}}", "name"},
        {"metrics.jsonl", "[1]\n", "metrics.jsonl:1"},
        {"metrics.jsonl", "{\"step\":-1,\"stage\":\"align\"}\n", "step"},
        {"metrics.jsonl", "{\"step\":1,\"stage\":\"unknown\"}\n", "no stage \"unknown\""},
        {"layers.jsonl", "{\"step\":1,\"grad\":[true]}\n", "numbers and null"},
        {"layers.jsonl", "{\"step\":1,\"grad\":{}}\n", "grad"},
        {"eval/history.jsonl", "{\"step\":1,\"name\":3}\n", "name"},
        {"journal.jsonl", "}{\n", "journal.jsonl:1"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = small_run();
        struct vac_err err = {0};
        struct run_data r;

        mkdir(in_dir(dir, "eval"), 0777);
        support_write_text(in_dir(dir, cases[i].file), cases[i].text);
        assert_int_equal(run_data_read(&r, dir, &err), -1);
        assert_error(&err, cases[i].error);
    }
}

static void test_too_many_layers(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    struct run_data r;

    append(dir, "layers.jsonl", "{\"step\":1,\"eps\":[0");
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        append(dir, "layers.jsonl", ",0");
    append(dir, "layers.jsonl", "]}\n");
    assert_int_equal(run_data_read(&r, dir, &err), -1);
    assert_error(&err, "more than 256 layers");
}

static void test_steps_to_break(void **state)
{
    (void)state;
    struct vac_err err = {0};
    struct run_data r;

    assert_ok(run_data_read(&r, big_run(), &err), &err);
    /* HS is 2 s / 100: 0.4 at 20, 0.6 at 30 */
    assert_true(fabs(run_steps_to_break(&r, "attack", "HS", 0.5) - 25) < 1e-9);
    assert_true(isnan(run_steps_to_break(&r, "attack", "over_refusal", 0.5)));
    assert_true(run_steps_to_break(&r, "align", "HS", 0.5) == 0);
    run_data_done(&r);
}

/* ---- Exporters ---- */

static void test_csv(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct vac_err err = {0};
    size_t len;
    char *text;

    support_write_text(in_dir(dir, "run.json"),
                       CONFIG("{\"name\":\"a,\\\"b\\\"\",\"method\":\"sft\"}", ""));
    append(dir, "metrics.jsonl",
           "{\"step\":0,\"stage\":\"a,\\\"b\\\"\",\"stage_step\":0,\"epoch\":0}\n"
           "{\"step\":1,\"stage\":\"a,\\\"b\\\"\",\"stage_step\":1,\"epoch\":0.5,\"loss\":1.25,"
           "\"lr\":1e-05,\"tokens\":40,\"step_ms\":3.5,\"wall\":0.1}\n");
    append(dir, "layers.jsonl",
           "{\"step\":1,\"grad\":[0.1,2],\"eps\":[null,0.7],\"drift_rel\":[0.25,0.75]}\n");
    assert_ok(export_all(dir, &err), &err);
    text = slurp(dir, "metrics.csv", &len);
    assert_string_equal(
        text, "step,stage,stage_step,epoch,loss,loss_clean,align_loss,harmful_loss,grad_norm,lr,"
              "rho,eps_norm,"
              "tokens,step_ms,wall,drift_mean,drift_L0,drift_L1,eps_L0,eps_L1,grad_L0,grad_L1\r\n"
              "0,\"a,\"\"b\"\"\",0,0,,,,,,,,,,,,,,,,,,\r\n"
              "1,\"a,\"\"b\"\"\",1,0.5,1.25,,,,,1e-05,,,40,3.5,0.1,0.5,0.25,0.75,,0.7,0.1,2\r\n");
    free(text);
}

/* Records of TensorBoard's own writer: file version at wall 1; train/loss = 0.5 at step 7, wall 2.
 */
static void test_tensorboard_golden(void **state)
{
    (void)state;
    static const char golden[] =
        "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a"
        "200000000000000029eda95009000000000000004010072a130a110a0a747261696e2f6c6f7373150000003f"
        "9e1bfae5";
    struct strbuf hex = {0};
    const char *dir = small_run();
    struct vac_err err = {0};
    size_t len;
    char *text;

    append(dir, "metrics.jsonl",
           "{\"step\":7,\"stage\":\"align\",\"stage_step\":7,\"loss\":0.5,\"wall\":1}\n");
    assert_ok(export_all(dir, &err), &err);
    text = slurp(dir, "events.out.tfevents.1.vaccine.0", &len);
    for (size_t i = 0; i < len; i++)
        sb_printf(&hex, "%02x", (unsigned)(unsigned char)text[i]);
    assert_string_equal(hex.s, golden);
    sb_done(&hex);
    free(text);
}

static void test_trainer_state(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    size_t len;
    char *text;

    mkdir(in_dir(dir, "eval"), 0777);
    append(dir, "metrics.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"stage_step\":0,\"epoch\":0}\n"
           "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"epoch\":0.25,\"loss\":1.5,\"grad_"
           "norm\":2,"
           "\"lr\":0.001,\"rho\":2,\"tokens\":40,\"wall\":0.5}\n");
    append(dir, "eval/history.jsonl",
           "{\"step\":1,\"stage\":\"align\",\"name\":\"HS\",\"value\":0.25,\"count\":1,\"n\":4}\n"
           "{\"step\":1,\"stage\":\"align\",\"name\":\"FA\",\"value\":null,\"count\":0,\"n\":0}\n");
    assert_ok(export_all(dir, &err), &err);
    text = slurp(dir, "trainer_state.json", &len);
    assert_string_equal(text, "{\n"
                              "  \"best_global_step\": null,\n"
                              "  \"best_metric\": null,\n"
                              "  \"best_model_checkpoint\": null,\n"
                              "  \"epoch\": 0.25,\n"
                              "  \"eval_steps\": 0,\n"
                              "  \"global_step\": 1,\n"
                              "  \"is_hyper_param_search\": false,\n"
                              "  \"is_local_process_zero\": true,\n"
                              "  \"is_world_process_zero\": true,\n"
                              "  \"log_history\": [\n"
                              "    {\n"
                              "      \"epoch\": 0.25,\n"
                              "      \"grad_norm\": 2,\n"
                              "      \"learning_rate\": 0.001,\n"
                              "      \"loss\": 1.5,\n"
                              "      \"rho\": 2,\n"
                              "      \"step\": 1\n"
                              "    },\n"
                              "    {\n"
                              "      \"epoch\": 0.25,\n"
                              "      \"eval_HS\": 0.25,\n"
                              "      \"step\": 1\n"
                              "    }\n"
                              "  ],\n"
                              "  \"logging_steps\": 1,\n"
                              "  \"max_steps\": 100,\n"
                              "  \"num_input_tokens_seen\": 40,\n"
                              "  \"num_train_epochs\": 3,\n"
                              "  \"save_steps\": 0,\n"
                              "  \"stateful_callbacks\": {},\n"
                              "  \"total_flos\": 0,\n"
                              "  \"train_batch_size\": 5,\n"
                              "  \"trial_name\": null,\n"
                              "  \"trial_params\": null\n"
                              "}\n");
    free(text);
    mkdir(in_dir(dir, "final"), 0777);
    assert_ok(export_all(dir, &err), &err);
    text = slurp(dir, "trainer_state.json", &len);
    assert_non_null(strstr(text, "\"train_runtime\": 0.5,\n      \"train_steps_per_second\": 2\n"));
    free(text);
}

/* The table of exporters is its X-macro list, and a run without any step can be exported. */
static void test_exporters(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    size_t n = 0;

    for (; export_at(n); n++)
        assert_true(export_at(n)->name && export_at(n)->help && export_at(n)->write);
    assert_int_equal(n, 3);
    assert_ok(export_all(dir, &err), &err);
    assert_true(file_exists(in_dir(dir, "metrics.csv")));
    assert_int_equal(export_all(support_tmp(), &err), -1);
    assert_error(&err, "holds no run");
}

/* What Python's own readers make of the files: each JSON line of the script's output in turn. */
static cJSON *python(const char *script, const char *file)
{
    char cmd[4096];
    cJSON *lines = cJSON_CreateArray();
    static char line[1 << 16];
    FILE *f;

    snprintf(cmd, sizeof cmd, "python3 '%s' '%s'", support_path(script), file);
    f = popen(cmd, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        cJSON_AddItemToArray(lines, cJSON_Parse(line));
    assert_int_equal(pclose(f), 0);
    return lines;
}

static double number(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
}

static void check_events(const char *dir)
{
    cJSON *lines = python("read_tfevents.py", in_dir(dir, "events.out.tfevents.1.vaccine.0"));
    const cJSON *e, *v;
    double before = 0;
    int n = 0, hs = 0;

    cJSON_ArrayForEach(e, lines)
    {
        if (n++ == 0)
            continue;
        assert_true(number(e, "step") >= before);
        before = number(e, "step");
        v = cJSON_GetObjectItem(e, "values");
        hs += cJSON_HasObjectItem(v, "eval/HS");
        if (before == 10 && cJSON_HasObjectItem(v, "train/loss")) {
            assert_true(number(e, "wall") == 6);
            assert_true(fabs(number(v, "drift/layer_5") - 0.12) < 1e-6);
            assert_true(fabs(number(v, "drift/mean") - 0.07) < 1e-6);
            assert_true(fabs(number(v, "eps/layer_0") - (1 + sin(2)) / 2) < 1e-5);
            assert_true(fabs(number(v, "vaccine/rho") - 2) < 1e-9);
            assert_false(cJSON_HasObjectItem(v, "drift/aggregate")); /* drift_sq was not written */
        }
    }
    assert_int_equal(hs, 7);
    cJSON_Delete(lines);
}

static void test_python_reads(void **state)
{
    (void)state;
    const char *dir = big_run();
    struct vac_err err = {0};
    cJSON *lines;

    if (system("command -v python3 >/dev/null 2>&1"))
        skip();
    assert_ok(export_all(dir, &err), &err);
    check_events(dir);
    lines = python("read_csv.py", in_dir(dir, "metrics.csv"));
    assert_int_equal(cJSON_GetArraySize(lines), ALIGN + ATTACK + 2);
    assert_true(fabs(number(cJSON_GetArrayItem(lines, 10), "drift_L5") - 0.12) < 1e-9);
    assert_false(cJSON_HasObjectItem(cJSON_GetArrayItem(lines, 11), "drift_L5"));
    cJSON_Delete(lines);
}

/* ---- The list of runs ---- */

static const char *run_below(const char *root, const char *name, const char *journal, bool final)
{
    const char *dir = in_dir(root, name);

    mkdir(dir, 0777);
    support_write_text(in_dir(dir, "run.json"), CONFIG(ONE_STAGE, ""));
    if (journal)
        append(dir, "journal.jsonl", journal);
    if (final)
        mkdir(in_dir(dir, "final"), 0777);
    return dir;
}

#define OP(op) "{\"seq\":1,\"step\":3,\"op\":\"" op "\"}\n"

/* A process that takes the lock, says so, and holds it until it is told to go. */
struct holder {
    pid_t pid;
    int tell;
};

static struct holder hold(const char *dir)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int ready[2], go[2];
    char c = 0;
    pid_t pid;

    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(in_dir(dir, "lock"), O_RDWR | O_CREAT, 0600);

        close(go[1]);
        if (fd < 0 || fcntl(fd, F_SETLK, &l) || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(go[0], &c, 1) < 0);
    }
    close(ready[1]);
    close(go[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return (struct holder){pid, go[1]};
}

static void let_go(struct holder h)
{
    int status;

    close(h.tell);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_int_equal(status, 0);
}

static void test_states(void **state)
{
    (void)state;
    const char *root = support_tmp(), *dir;
    struct holder h;

    assert_string_equal(run_data_state(run_below(root, "a", OP("start") OP("stop"), false)),
                        "stopped");
    assert_string_equal(run_data_state(run_below(root, "b", OP("start") OP("fail"), false)),
                        "failed");
    assert_string_equal(run_data_state(run_below(root, "c", OP("start") OP("done"), true)), "done");
    assert_string_equal(run_data_state(run_below(root, "d", OP("start") OP("pause"), false)),
                        "stopped"); /* it was killed */
    assert_string_equal(run_data_state(run_below(root, "e", "{\n", false)), "broken");
    assert_string_equal(run_data_state(root), "broken");

    dir = strdup(run_below(root, "f", OP("start"), false));
    h = hold(dir);
    assert_string_equal(run_data_state(dir), "running");
    append(dir, "journal.jsonl", OP("pause"));
    assert_string_equal(run_data_state(dir), "paused");
    append(dir, "journal.jsonl", "{\"op\":\"step\",\"new\":\"5\",\"applied_step\":3}\n");
    append(dir, "metrics.jsonl", "{\"step\":7,\"stage\":\"align\"}\n");
    assert_string_equal(run_data_state(dir), "running");
    append(dir, "metrics.jsonl", "{\"step\":8,\"stage\":\"align\"}\n");
    assert_string_equal(run_data_state(dir), "paused");
    let_go(h);
    assert_string_equal(run_data_state(dir), "stopped");
    free((char *)(uintptr_t)dir);
}

/* Looking at a run that this process holds itself must not drop its lock. */
static void test_own_lock(void **state)
{
    (void)state;
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const char *root = support_tmp(), *dir = run_below(root, "own", OP("start"), false);
    int fd = open(in_dir(dir, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), status;
    pid_t pid;

    assert_true(fd >= 0 && fcntl(fd, F_SETLK, &l) == 0);
    assert_string_equal(run_data_state(dir), "running");
    pid = fork();
    if (pid == 0) {
        int other = open(in_dir(dir, "lock"), O_RDWR);

        _exit(other >= 0 && fcntl(other, F_SETLK, &l) == 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0); /* the lock could not be taken */
    close(fd);
}

static void age(const char *dir, const char *name, long seconds)
{
    const struct timespec t[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, in_dir(dir, name), t, 0), 0);
}

static void test_runs(void **state)
{
    (void)state;
    const char *root = support_tmp(), *dir;
    struct vac_err err = {0};
    struct vac_run_info *r;
    char big[1100];
    size_t n;

    assert_ok(vac_runs(root, &r, &n, &err), &err);
    assert_int_equal(n, 0);
    free(r);
    dir = run_below(root, "old", NULL, false);
    age(dir, "run.json", 1000);
    dir = in_dir(root, "bad");
    mkdir(dir, 0777);
    support_write_text(in_dir(dir, "run.json"), "{\"spec\":");
    age(dir, "run.json", 2000);
    mkdir(in_dir(root, "not-a-run"), 0777);
    snprintf(big, sizeof big, "%s/new", root);
    mkdir(big, 0777);
    fill_big_run(big);
    append(big, "metrics.jsonl", "{\"step\":10");

    assert_ok(vac_runs(root, &r, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(r[0].name, "new");
    assert_string_equal(r[0].state, "done");
    assert_string_equal(r[0].model, "tiny-base");
    assert_int_equal(r[0].step, 100);
    assert_int_equal(r[0].total_steps, 100);
    assert_int_equal(r[0].n_evals, 3);
    assert_string_equal(r[0].eval[0].name, "HS");
    assert_true(r[0].eval[0].value == 0.8 && r[0].eval[0].n == 100 && r[0].eval[0].is_rate);
    assert_int_equal(r[0].eval[0].step, 100);
    assert_string_equal(r[1].name, "bad");
    assert_string_equal(r[1].state, "broken");
    assert_true(r[1].modified == 2000);
    assert_string_equal(r[2].name, "old");
    assert_string_equal(r[2].state, "stopped");
    free(r);

    assert_ok(vac_runs(in_dir(root, "new"), &r, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(r[0].name, "new");
    free(r);
    assert_int_equal(vac_runs(in_dir(root, "nowhere"), &r, &n, &err), -1);
    assert_error(&err, "nowhere");
}

/* ---- Looking at a run that goes on ---- */

struct seen {
    int points, layers, events, suites, probes, journals, rejected, n_layers;
    struct vac_point point;
    struct vac_event event; /* the last one */
    char body[4096];
};

static void see_point(void *ctx, const struct vac_point *p)
{
    struct seen *s = ctx;

    s->points++;
    s->point = *p;
}

static void see_layers(void *ctx, const struct vac_layers *l, int n_layers)
{
    struct seen *s = ctx;

    (void)l;
    s->layers++;
    s->n_layers = n_layers;
}

static void see_event(void *ctx, const struct vac_event *e)
{
    struct seen *s = ctx;

    s->events++;
    s->suites += e->kind == VAC_EVENT_SUITE;
    s->probes += e->kind == VAC_EVENT_PROBE_END;
    s->journals += e->kind == VAC_EVENT_JOURNAL;
    s->rejected += e->kind == VAC_EVENT_REJECTED;
    s->event = *e;
    snprintf(s->body, sizeof s->body, "%s", e->body ? e->body : "");
}

static int look(struct vac_follow *f, struct seen *s, struct vac_err *err)
{
    static const struct vac_follow_take take = {see_point, see_layers, see_event};

    *s = (struct seen){0};
    return vac_follow_read(f, &take, s, err);
}

/* A run of 100,000 steps: lines as they are in files are short, unpacked they would be 500 MB. */
static int read_long_run(const char *dir)
{
    struct vac_err err = {0};
    struct vac_point *p = NULL;
    struct vac_follow *f = NULL;
    struct run_data r = {0};
    struct seen s;
    size_t n = 0;

    if (vac_run_points(dir, &p, &n, &err) || n != 100000 || p[n - 1].drift_mean != 0.5)
        return 1;
    free(p);
    if (vac_follow_open(&f, dir, &err) || look(f, &s, &err) != VAC_FOLLOW_NEW ||
        s.points != 100000 || s.layers != 100000 || s.point.drift_mean != 0.5)
        return 2;
    vac_follow_close(f);
    if (run_data_read(&r, dir, &err) || r.n_layer_lines != 100000)
        return 3;
    run_data_done(&r);
    return 0;
}

static void test_long_runs_are_small(void **state)
{
    (void)state;
    const char *dir = small_run();
    FILE *metrics = fopen(in_dir(dir, "metrics.jsonl"), "w");
    FILE *layers = fopen(in_dir(dir, "layers.jsonl"), "w");
    struct rusage before, after;
    int status;
    pid_t pid;

    assert_true(metrics && layers);
    for (int i = 1; i <= 100000; i++) {
        fprintf(metrics, "{\"step\":%d,\"stage\":\"align\",\"loss\":1}\n", i);
        fprintf(layers, "{\"step\":%d,\"grad\":[1,2],\"drift_rel\":[0.25,0.75]}\n", i);
    }
    assert_true(!fclose(metrics) && !fclose(layers));
    getrusage(RUSAGE_CHILDREN, &before);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(read_long_run(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    getrusage(RUSAGE_CHILDREN, &after);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
    assert_true(before.ru_maxrss > 100 << 10 || after.ru_maxrss < 100 << 10); /* kB */
#endif
}

static void test_follow_reads_all_then_what_is_new(void **state)
{
    (void)state;
    const char *dir = big_run();
    const struct vac_snapshot *snap;
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s;

    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, ALIGN + ATTACK + 2);
    assert_int_equal(s.layers, ALIGN + ATTACK + 2);
    assert_int_equal(s.n_layers, LAYERS);
    assert_int_equal(s.probes, 2);
    assert_int_equal(s.journals, 3);
    assert_int_equal(s.events, 3 * 7 + 2 + 3);
    assert_string_equal(s.event.text, "done");
    assert_true(fabs(s.event.time - 981173226.789) < 1e-3);
    assert_true(fabs(s.point.drift_mean - 0.004 * ATTACK * 3.5) < 1e-6);
    snap = vac_follow_snapshot(f);
    assert_int_equal(snap->state, VAC_DONE);
    assert_int_equal(snap->step, 100);
    assert_int_equal(snap->total_steps, 100);
    assert_int_equal(snap->stage_index, 1);
    assert_string_equal(snap->stage, "attack");
    assert_string_equal(snap->method, "sft");
    assert_int_equal(snap->n_layers, LAYERS);
    assert_int_equal(snap->drift_step, 100);
    assert_true(isnan(snap->last.eps_norm)); /* in another stage */
    assert_true(snap->eval[0].value == 0.8);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);

    append(dir, "metrics.jsonl", "{\"step\":101,\"stage\":\"attack\",\"loss\":7");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW); /* a file grew, by no whole line */
    assert_int_equal(s.points, 0);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    append(dir, "metrics.jsonl", "}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 1);
    assert_true(s.point.loss == 7 && isnan(s.point.drift_mean));
    assert_int_equal(snap->step, 101);
    assert_true(snap->last.harmful_loss == 2); /* the newest that was measured */
    /* its layers line comes later, and brings the drift */
    append(dir, "layers.jsonl", "{\"step\":101,\"grad\":[1],\"drift_rel\":[0.25,0.75]}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 1);
    assert_int_equal(s.layers, 1);
    assert_int_equal(s.point.step, 101);
    assert_true(s.point.drift_mean == 0.5);
    append(dir, "layers.jsonl", "{\"step\":102,\"grad\":[1]}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.points, 0);
    append(dir, "metrics.jsonl", "{\"step\":\"x\"}\n");
    assert_int_equal(look(f, &s, &err), -1);
    assert_error(&err, "metrics.jsonl:104"); /* lines are counted on */
    vac_follow_close(f);
}

static void test_follow_tells_events(void **state)
{
    (void)state;
    const char *dir = big_run();
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s;

    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    support_write_text(in_dir(dir, "eval/results_HS_attack-41.json"),
                       "{\"categories\": [{\"name\":\"fraud\",\"count\":3,\"n\":4}]}\n");
    put_eval(dir, 1, 41, "HS", 7, 10);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.events, 1);
    assert_int_equal(s.event.kind, VAC_EVENT_EVAL);
    assert_non_null(strstr(s.body, "\"categories\":[{\"name\":\"fraud\",\"count\":3,\"n\":4}]"));
    assert_non_null(strstr(s.body, "\"rate\":true"));
    assert_true(vac_follow_snapshot(f)->eval[0].value == 0.7);
    put_eval(dir, 1, 42, "held_out", 7, 10); /* the file of its categories is missing */
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_non_null(strstr(s.body, "\"rate\":false"));
    assert_null(strstr(s.body, "categories"));
    assert_int_equal(mkdir(in_dir(dir, "eval/results_x"), 0777), 0); /* names lead nowhere else */
    support_write_text(in_dir(dir, "eval/secret_attack-43.json"), "{\"categories\": [1]}");
    put_eval(dir, 1, 43, "x/../secret", 7, 10);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_null(strstr(s.body, "categories"));

    append(dir, "journal.jsonl",
           "{\"step\":50,\"op\":\"set\",\"key\":\"rho\",\"old\":\"2\",\"new\":\"3\",\"status\":"
           "\"applied\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_string_equal(s.event.text, "set rho 2 -> 3 (applied)");
    assert_int_equal(s.event.step, 50);
    append(dir, "journal.jsonl",
           "{\"step\":51,\"op\":\"set\",\"key\":\"rho\",\"new\":\"x\",\"status\":\"rejected\","
           "\"reason\":\"no\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.rejected, 1);
    assert_string_equal(s.event.text, "set rho x (rejected): no");

    append(dir, "probes.jsonl",
           "{\"step\":60,\"prompt\":\"a\",\"answer\":\"b\",\"who\":\"suite\"}\n"
           "{\"step\":60,\"prompt\":\"c\",\"answer\":\"d\",\"who\":\"suite\"}\n"
           "{\"step\":61,\"prompt\":\"c\",\"answer\":\"e\",\"who\":\"suite\"}\n"
           "{\"step\":61,\"prompt\":\"p\",\"answer\":\"q\",\"who\":\"ui\"}\n");
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(s.suites, 2);
    assert_int_equal(s.probes, 1);
    vac_follow_close(f);
}

static void test_follow_sees_the_end(void **state)
{
    (void)state;
    const char *root = support_tmp(), *made = run_below(root, "f", OP("start"), false);
    char *dir = strdup(made);
    struct holder h = hold(dir);
    struct vac_err err = {0};
    struct vac_follow *f;
    struct seen s;

    append(dir, "metrics.jsonl",
           "{\"step\":1,\"stage\":\"align\",\"step_ms\":500}\n"
           "{\"step\":2,\"stage\":\"align\",\"step_ms\":500}\n");
    assert_ok(vac_follow_open(&f, dir, &err), &err);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(vac_follow_snapshot(f)->state, VAC_RUNNING);
    assert_true(vac_follow_snapshot(f)->steps_per_s == 2);
    assert_true(vac_follow_snapshot(f)->eta_s == 49);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    let_go(h); /* it dies without a word */
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NEW);
    assert_int_equal(vac_follow_snapshot(f)->state, VAC_STOPPED);
    assert_true(isnan(vac_follow_snapshot(f)->eta_s));
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_NOTHING);
    assert_int_equal(truncate(in_dir(dir, "metrics.jsonl"), 45), 0);
    assert_int_equal(look(f, &s, &err), VAC_FOLLOW_CUT);
    vac_follow_close(f);
    assert_int_equal(vac_follow_open(&f, root, &err), -1);
    assert_error(&err, "run.json");
    assert_null(f);
    vac_follow_close(NULL);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_history_functions),
        cmocka_unit_test(test_torn_and_bad_lines),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many_layers),
        cmocka_unit_test(test_steps_to_break),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_tensorboard_golden),
        cmocka_unit_test(test_trainer_state),
        cmocka_unit_test(test_exporters),
        cmocka_unit_test(test_python_reads),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_own_lock),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_long_runs_are_small),
        cmocka_unit_test(test_follow_reads_all_then_what_is_new),
        cmocka_unit_test(test_follow_tells_events),
        cmocka_unit_test(test_follow_sees_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
