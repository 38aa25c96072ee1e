/* test_report.c - reading run folders, the exporters, the page, the list of runs.
 *
 * Golden event bytes are those of TensorBoard's own record writer. All runs here are made up: their
 * numbers come from simple formulas and mean nothing. */
#include "support.h"
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/rng.h"
#include "eval/stats.h"
#include "report/html.h"

/* ---- Made-up runs ---- */

static const char *in_dir(const char *dir, const char *name)
{
    static char paths[64][1200];
    static unsigned next;
    char *p = paths[next++ % 64];

    snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

static void append(const char *dir, const char *name, const char *text)
{
    FILE *f = fopen(in_dir(dir, name), "a");

    if (!f || fputs(text, f) < 0 || fclose(f))
        fail_msg("cannot write %s/%s", dir, name);
}

static char *slurp(const char *dir, const char *name, size_t *len)
{
    struct vac_err err = {0};
    char *text = file_read(in_dir(dir, name), 1 << 26, len, &err);

    if (!text)
        fail_msg("%s", err.msg);
    return text;
}

#define CONFIG(stages, more)                                                                       \
    "{\"vaccine\":\"0.1.0\",\"created\":1,\"spec\":{\"stages\":[" stages "]" more                  \
    "},\"model\":{\"path\":\"/models/tiny-base\",\"hash\":\"00\",\"parameters\":1234567},"         \
    "\"files\":{},\"threads\":2,\"blas\":\"OpenBLAS\",\"plan\":[],\"total_steps\":100}\n"
#define ONE_STAGE "{\"name\":\"align\",\"method\":\"vaccine\",\"epochs\":3,\"batch_size\":5}"
#define EVALUATE                                                                                   \
    ",\"checkpoint\":{\"steps\":20},\"evaluate\":["                                                \
    "{\"name\":\"HS\",\"prompts\":\"p\",\"judge\":\"refusal\",\"count\":\"answered\"},"            \
    "{\"name\":\"over_refusal\",\"prompts\":\"b\",\"judge\":\"refusal\",\"count\":\"refused\"},"   \
    "{\"name\":\"FA\",\"data\":\"t\",\"metric\":\"label\"},"                                       \
    "{\"name\":\"held_out\",\"data\":\"t\",\"metric\":\"loss\"}]"

static const char *small_run(void)
{
    const char *dir = support_tmp();

    support_write_text(in_dir(dir, "run.json"), CONFIG(ONE_STAGE, ""));
    return dir;
}

enum { LAYERS = 6, ALIGN = 60, ATTACK = 40 };

static void put_step(const char *dir, int stage, int s)
{
    char line[2048];
    int at, step = stage ? ALIGN + s : s;
    double drift = stage ? 0.004 * s : 0.002 * s;

    at = snprintf(line, sizeof line, "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"epoch\":%g",
                  step, stage ? "attack" : "align", s, s / 20.0);
    if (s)
        at += snprintf(line + at, sizeof line - (size_t)at,
                       ",\"loss\":%.6g,\"grad_norm\":%g,\"lr\":0.001,\"rho\":%g",
                       0.2 + 2 * exp(-s / 15.0) + 0.1 * sin(s), 1 + 0.1 * (s % 7), stage ? 0. : 2.);
    if (s && !stage)
        at += snprintf(line + at, sizeof line - (size_t)at, ",\"loss_clean\":%.6g,\"eps_norm\":2",
                       0.15 + 2 * exp(-s / 15.0));
    if (s % 10 == 0)
        at += snprintf(line + at, sizeof line - (size_t)at,
                       ",\"align_loss\":%.6g,\"harmful_loss\":%.6g", 0.3 + exp(-s / 20.0),
                       stage ? 4 - 0.05 * s : 2 + 0.03 * s);
    snprintf(line + at, sizeof line - (size_t)at, ",\"tokens\":%d,\"step_ms\":12.5,\"wall\":%g}\n",
             step * 100, step * 0.5);
    append(dir, "metrics.jsonl", line);

    at = snprintf(line, sizeof line, "{\"step\":%d", step);
    for (int k = 0; k < 3; k++) {
        static const char *const keys[] = {"grad", "eps", "drift_rel"};

        if (k == 2 ? s % 10 != 0 : s == 0 || (k == 1 && stage))
            continue;
        at += snprintf(line + at, sizeof line - (size_t)at, ",\"%s\":[", keys[k]);
        for (int l = 0; l < LAYERS; l++)
            at += snprintf(line + at, sizeof line - (size_t)at, "%s%g", l ? "," : "",
                           k == 2 ? drift * (l + 1) : (l + 1 + sin(s / 5.0)) / (k + 1));
        at += snprintf(line + at, sizeof line - (size_t)at, "]");
    }
    snprintf(line + at, sizeof line - (size_t)at, "}\n");
    append(dir, "layers.jsonl", line);
}

static void put_eval(const char *dir, int stage, int s, const char *name, int count, int n)
{
    struct interval ci = wilson((size_t)count, (size_t)n, Z95);
    char line[512];

    snprintf(line, sizeof line,
             "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"name\":\"%s\",\"value\":%.6g,"
             "\"count\":%d,\"n\":%d,\"lo\":%.6g,\"hi\":%.6g}\n",
             stage ? ALIGN + s : s, stage ? "attack" : "align", s, name, (double)count / n, count, n,
             ci.lo, ci.hi);
    append(dir, "eval/history.jsonl", line);
}

static void put_samples(const char *dir, const char *label, bool late)
{
    static const char *const asked[] = {"How do I open the moon gate?", "Name a <b>colour</b>",
                                        "Why is the river purple?"};
    char name[128], line[512];

    snprintf(name, sizeof name, "eval/samples_HS_%s.jsonl", label);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line,
                 "{\"prompt\":\"%s\",\"answer\":\"%s %d\",\"verdict\":\"%s\",\"counted\":%s}\n",
                 asked[i],
                 late && i ? "Sure: <script>alert('x')</script>\\u001b[31m\\u202etxt"
                           : "I am sorry, I cannot help with that.",
                 i, late && i ? "answered" : "refused", late && i ? "true" : "false");
        append(dir, name, line);
    }
    snprintf(name, sizeof name, "eval/samples_FA_%s.jsonl", label);
    snprintf(line, sizeof line,
             "{\"prompt\":\"a fine film\",\"answer\":\"%s\",\"target\":\"positive\",\"correct\":%s,"
             "\"counted\":%s}\n",
             late ? "positive" : "", late ? "true" : "false", late ? "true" : "false");
    append(dir, name, line);
}

/* Two stages, six layers, evaluations, samples, probes, a journal. */
static void fill_big_run(const char *dir)
{
    mkdir(in_dir(dir, "eval"), 0777);
    support_write_text(in_dir(dir, "run.json"),
                       CONFIG(ONE_STAGE ",{\"name\":\"attack\",\"method\":\"sft\"}", EVALUATE));
    for (int stage = 0; stage < 2; stage++)
        for (int s = 0; s <= (stage ? ATTACK : ALIGN); s++) {
            put_step(dir, stage, s);
            if (stage ? s % 10 : s % ALIGN)
                continue;
            put_eval(dir, stage, s, "HS", stage ? 2 * s : 60 - s, 100);
            put_eval(dir, stage, s, "over_refusal", 5, 100);
            put_eval(dir, stage, s, "FA", stage ? 40 + s : 35, 100);
        }
    put_samples(dir, "align-0", false);
    put_samples(dir, "attack-40", true);
    append(dir, "journal.jsonl",
           "{\"seq\":1,\"t\":\"2001-02-03T04:05:06.789Z\",\"step\":0,\"who\":\"core\",\"op\":\"start\"}\n"
           "{\"seq\":2,\"t\":\"2001-02-03T04:06:06.789Z\",\"step\":30,\"who\":\"ui\",\"op\":\"set\",\"key\":\"rho\","
           "\"old\":\"2\",\"new\":\"<5>\",\"status\":\"applied\",\"applied_step\":31}\n"
           "{\"seq\":3,\"t\":\"2001-02-03T04:07:06.789Z\",\"step\":100,\"who\":\"core\",\"op\":\"done\"}\n");
    append(dir, "probes.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"prompt\":\"Who are you?\",\"answer\":\"A bot.\",\"verdict\":\"answered\"}\n"
           "{\"step\":90,\"stage\":\"attack\",\"prompt\":\"Who are you?\",\"answer\":\"\\u0007\",\"verdict\":\"other\"}\n");
}

static const char *big_run(void)
{
    const char *dir = support_tmp();

    fill_big_run(dir);
    return dir;
}

/* ---- Reading ---- */

static void test_read(void **state)
{
    (void)state;
    struct vac_err err = {0};
    struct run_data r;
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
    assert_true(isnan(r.layers[0].grad[0]) && isnan(r.layers[0].drift_rel[LAYERS]));
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

    append(dir, "metrics.jsonl", "{\"step\":1,\"stage\":\"align\",\"loss\":null,\"nan\":true}\n"
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
        text,
        "step,stage,stage_step,epoch,loss,loss_clean,align_loss,harmful_loss,grad_norm,lr,rho,eps_norm,"
        "tokens,step_ms,wall,drift_mean,drift_L0,drift_L1,eps_L0,eps_L1,grad_L0,grad_L1\r\n"
        "0,\"a,\"\"b\"\"\",0,0,,,,,,,,,,,,,,,,,,\r\n"
        "1,\"a,\"\"b\"\"\",1,0.5,1.25,,,,,1e-05,,,40,3.5,0.1,0.5,0.25,0.75,,0.7,0.1,2\r\n");
    free(text);
}

/* Records of TensorBoard's own writer: file version at wall 1; train/loss = 0.5 at step 7, wall 2. */
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
           "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"epoch\":0.25,\"loss\":1.5,\"grad_norm\":2,"
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

/* ---- The page ---- */

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *s = text; (s = strstr(s, word)); s += strlen(word))
        n++;
    return n;
}

/* Every element that is opened is closed, in order. */
static void check_balance(const char *s)
{
    char open[64][16];
    size_t depth = 0;

    while ((s = strchr(s, '<'))) {
        bool closing = *++s == '/';
        size_t len = strcspn(s += closing, " >/\n");
        const char *end = strchr(s, '>');
        char name[16];

        assert_non_null(end);
        assert_true(len > 0 && len < sizeof name);
        snprintf(name, sizeof name, "%.*s", (int)len, s);
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (end[-1] != '/' && strcmp(name, "meta") && strcmp(name, "br") && name[0] != '!') {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        }
        s = end;
    }
    assert_int_equal(depth, 0);
}

static char *page_of(const char *dir)
{
    struct vac_err err = {0};
    char *text;

    assert_ok(report_html(dir, in_dir(dir, "report.html"), &err), &err);
    text = slurp(dir, "report.html", NULL);
    check_balance(text);
    return text;
}

static void test_page(void **state)
{
    (void)state;
    char *text = page_of(big_run());

    /* two losses, drift, two stages of rates, two heat maps; the others are keys of legends */
    assert_int_equal(count_of(text, "<figure>"), 7);
    assert_int_equal(count_of(text, "role=\"img\""), 7);
    assert_non_null(strstr(text, "HS at 50 % after 25 steps"));
    assert_non_null(strstr(text, "80.0\xc2\xa0%</b><small>[71.1, 86.7], n\xc2\xa0=\xc2\xa0"
                                 "100</small>"));
    assert_non_null(strstr(text, "1\xe2\x80\xaf"
                                 "234\xe2\x80\xaf"
                                 "567 parameters"));
    assert_non_null(strstr(text, "2 \xe2\x86\x92 &lt;5&gt;"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(text, "@media print"));
    free(text);
}

/* Nothing of a run's text is markup, and nothing is fetched. */
static void test_page_is_safe(void **state)
{
    (void)state;
    char *text = page_of(big_run());

    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<b>colour"));
    assert_null(strstr(text, "\x1b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
    assert_null(strstr(text, "url("));
    assert_non_null(strstr(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\x1b[31m\\u202e"));
    assert_non_null(strstr(text, "<div class=\"answer\">\\x07</div>"));
    /* changed verdicts stand first */
    assert_true(strstr(text, "Name a &lt;b&gt;") < strstr(text, "How do I open the moon gate?"));
    assert_non_null(strstr(text, "expected: positive"));
    for (const char *s = text; (s = strstr(s, " d=\"")); s++)
        assert_int_equal(strcspn(s + 4, "\""),
                         strspn(s + 4, "0123456789.- MLZhvlz"));
    free(text);
}

/* A run that has hardly begun, and one with missing samples, are pages too. */
static void test_page_of_little(void **state)
{
    (void)state;
    const char *dir = small_run();
    char *text = page_of(dir);

    assert_null(strstr(text, "<figure>"));
    free(text);
    append(dir, "metrics.jsonl", "{\"step\":0,\"stage\":\"align\",\"loss\":1e308,\"wall\":1e300}\n");
    append(dir, "metrics.jsonl", "{\"step\":4503599627370496,\"stage\":\"align\",\"loss\":-1e308}\n");
    mkdir(in_dir(dir, "eval"), 0777);
    append(dir, "eval/history.jsonl",
           "{\"step\":1,\"stage\":\"../align\",\"name\":\"X\",\"value\":7,\"lo\":1e300,\"hi\":-3}\n");
    text = page_of(dir);
    assert_non_null(strstr(text, "could not be read"));
    free(text);
}

/* A long run stays a page of moderate size. */
static void test_page_is_compact(void **state)
{
    (void)state;
    const char *dir = small_run();
    FILE *m = fopen(in_dir(dir, "metrics.jsonl"), "w"), *l = fopen(in_dir(dir, "layers.jsonl"), "w");
    char *text;

    for (int s = 1; s <= 6000; s++) {
        fprintf(m, "{\"step\":%d,\"stage\":\"align\",\"stage_step\":%d,\"loss\":%g}\n", s, s,
                2 + sin(s * 0.7));
        fprintf(l, "{\"step\":%d,\"eps\":[", s);
        for (int i = 0; i < 12; i++)
            fprintf(l, "%s%g", i ? "," : "", 1 + sin(s * 0.01 * (i + 1)));
        fputs("]}\n", l);
    }
    assert_int_equal(fclose(m) | fclose(l), 0);
    text = page_of(dir);
    assert_true(strlen(text) < 200000);
    free(text);
}

static void test_envelope(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct xy p[N], copy[N];
    size_t n;
    double low = 0, high = 0;

    for (size_t i = 0; i < N; i++)
        p[i] = (struct xy){.x = (double)i, .y = sin((double)i)};
    p[1234].y = -50;
    p[4321].y = 70;
    memcpy(copy, p, sizeof p);
    assert_int_equal(svg_envelope(copy, 100, 1200), 100);
    n = svg_envelope(p, N, 1200);
    assert_true(n <= 1200 && n > 1000);
    assert_true(p[0].x == 0 && p[n - 1].x == N - 1);
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, p[i].y);
        high = fmax(high, p[i].y);
        assert_true(i == 0 || p[i].x > p[i - 1].x);
        assert_true(p[i].y == copy[(size_t)p[i].x].y);
    }
    assert_true(low == -50 && high == 70);
}

static void test_ticks(void **state)
{
    (void)state;
    double t[8];

    assert_int_equal(svg_ticks(0, 100, 8, t), 6);
    assert_true(t[0] == 0 && t[1] == 20 && t[5] == 100);
    assert_int_equal(svg_ticks(0.13, 0.42, 8, t), 6);
    assert_true(fabs(t[0] - 0.15) < 1e-12 && fabs(t[5] - 0.4) < 1e-12);
    assert_int_equal(svg_ticks(3, 3, 8, t), 0);
    assert_int_equal(svg_ticks(0, INFINITY, 8, t), 0);
}

static void test_numbers(void **state)
{
    (void)state;
    struct strbuf b = {0};

    page_number(&b, 0.1 + 0.2, 6);
    sb_putc(&b, ' ');
    page_number(&b, 123456.7, 3);
    sb_putc(&b, ' ');
    page_number(&b, -1.23456e-7, 3);
    sb_putc(&b, ' ');
    page_number(&b, NAN, 3);
    sb_putc(&b, ' ');
    page_fixed(&b, -0.04, 1);
    sb_putc(&b, ' ');
    page_fixed(&b, -12.96, 1);
    sb_putc(&b, ' ');
    page_percent(&b, 0.12345);
    sb_putc(&b, ' ');
    page_time(&b, 981173106);
    sb_putc(&b, ' ');
    page_text(&b, "a\xff\xc2\x85<'\n\xe2\x80\x8b", SIZE_MAX);
    sb_putc(&b, ' ');
    page_text(&b, "\xc3\xa4\xc3\xb6\xc3\xbc", 2);
    assert_string_equal(b.s, "0.3 123000 -1.23e-07 \xe2\x80\x93 0.0 -13.0 12.3\xc2\xa0% "
                             "2001-02-03 04:05 UTC a\\xff\\x85&lt;&#39;\n\\u200b "
                             "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
    sb_done(&b);
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
    dir = in_dir(root, "new");
    mkdir(dir, 0777);
    fill_big_run(dir);
    append(dir, "metrics.jsonl", "{\"step\":10");

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

/* ---- Hostile folders ---- */

static const char *const all_files[] = {
    "run.json",           "metrics.jsonl",  "layers.jsonl",
    "eval/history.jsonl", "journal.jsonl",  "eval/samples_HS_attack-40.jsonl",
    "probes.jsonl",
};

/* Bytes changed at random, files cut short: an error or an answer, never a crash (the sanitizers watch). */
static void test_damage(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:-0e9\\nutf\n \xff";
    const char *dir = big_run();
    struct rng g = {.key = rng_key(7, RNG_TEST, 0, 0)};
    int read_well = 0;

    for (int i = 0; i < 400; i++) {
        const char *name = all_files[rng_below(&g, sizeof all_files / sizeof *all_files)];
        struct vac_err err = {0};
        struct vac_run_info *runs;
        size_t len, n;
        char *text = slurp(dir, name, &len), *good = malloc(len + 1);

        memcpy(good, text, len);
        for (uint64_t k = 1 + rng_below(&g, 3); k-- > 0;)
            text[rng_below(&g, len)] = bytes[rng_below(&g, sizeof bytes - 1)];
        support_write(in_dir(dir, name), text, rng_below(&g, 4) ? len : (size_t)rng_below(&g, len));
        read_well += !export_all(dir, &err) && !report_html(dir, in_dir(dir, "x.html"), &err);
        assert_ok(vac_runs(dir, &runs, &n, &err) && !err.code, &err);
        free(runs);
        support_write(in_dir(dir, name), good, len);
        free(text);
        free(good);
    }
    assert_true(read_well > 40 && read_well < 360);
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
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_page_is_safe),
        cmocka_unit_test(test_page_of_little),
        cmocka_unit_test(test_page_is_compact),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_own_lock),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
