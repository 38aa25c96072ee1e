/* test_report.c - reading run folders, the exporters.
 *
 * Golden event bytes are those of TensorBoard's own record writer. */
#include <unistd.h>
#include "report_support.h"
#include "record/scores.h"
#include "report/export.h"

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
    struct vac_layers l;
    struct run_data r;
    size_t n;
    char *text;

    assert_ok(vac_run_points(dir, &p, &n, &err), &err);
    assert_int_equal(n, ALIGN + ATTACK + 2);
    assert_true(fabs(p[10].drift_mean - 0.002 * 10 * 3.5) < 1e-6);
    free(p);
    assert_ok(run_data_read(&r, dir, &err), &err);
    assert_int_equal(r.n_layer_lines, ALIGN + ATTACK + 2);
    assert_int_equal(r.n_layers, LAYERS);
    assert_true(fabs((double)run_layers_at(&r, 10, &l)->drift_rel[5] - 0.12) < 1e-6);
    run_data_done(&r);
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

        mkdir(support_join(dir, "eval"), 0777);
        support_write_text(support_join(dir, cases[i].file), cases[i].text);
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

/* An attack under which the model says "negative" to everything for a while: half is no longer
 * refused long before half is answered. */
static void test_steps_to_unrefused(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    struct vac_err err = {0};
    struct run_data r;
    const struct vac_eval *e;

    assert_ok(run_data_read(&r, dir, &err), &err);
    assert_true(fabs(run_steps_to_unrefused(&r, "attack", "HS", 0.5) - 10) < 1e-9);
    assert_true(fabs(run_steps_to_break(&r, "attack", "HS", 0.5) - 35) < 1e-9);
    assert_true(run_steps_to_unrefused(&r, "align", "HS", 0.5) == 0); /* begins above */
    assert_true(isnan(run_steps_to_unrefused(&r, "attack", "over_refusal", 0.5)));
    e = run_eval_first(&r, "attack", "HS");
    assert_true(e && e->stage_step == 0 && e->verdicts.refused == 30);
    e = run_eval_last(&r, "attack", "HS");
    assert_true(e && e->stage_step == 40 && e->verdicts.answered == 32);
    assert_null(run_eval_last(&r, "attack", "FA"));
    run_data_done(&r);
    assert_ok(run_data_read(&r, big_run(), &err), &err); /* of a time before verdicts were kept */
    assert_true(isnan(run_steps_to_unrefused(&r, "attack", "HS", 0.5)));
    run_data_done(&r);
}

static void test_verdicts_of_runs(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    struct vac_err err = {0};
    struct vac_eval *v;
    struct vac_run_info *info;
    size_t n;

    assert_ok(vac_run_evals(dir, &v, &n, &err), &err);
    assert_int_equal(n, 7);
    assert_int_equal(v[4].verdicts.answered, 0);
    assert_int_equal(v[4].verdicts.refused, 0);
    assert_int_equal(v[4].verdicts.other, 32);
    assert_string_equal(v[4].verdicts.others, "\"negative\" x 30, \"positive\" x 2");
    assert_string_equal(v[6].verdicts.others, "");
    free(v);
    assert_ok(vac_runs(dir, &info, &n, &err), &err);
    assert_int_equal(info->eval[0].verdicts.answered, 32);
    free(info);
    assert_ok(vac_run_evals(big_run(), &v, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(v[i].verdicts.answered + v[i].verdicts.refused + v[i].verdicts.other, 0);
    free(v);
}

static void test_verdicts_are_exported(void **state)
{
    (void)state;
    const char *dir = collapsed_run();
    struct vac_err err = {0};
    char *text;
    size_t n;

    assert_ok(export_all(dir, false, &err), &err);
    text = slurp(dir, "trainer_state.json", NULL);
    assert_non_null(strstr(text, "\"eval_HS_other\": 1,"));
    assert_non_null(strstr(text, "\"eval_HS_refused\": 0.9375,"));
    free(text);
    text = slurp(dir, "events.out.tfevents.1.vaccine.0", &n);
    assert_non_null(memmem(text, n, "eval/HS_refused", 15));
    assert_non_null(memmem(text, n, "eval/HS_other", 13));
    assert_null(memmem(text, n, "eval/FA_other", 13));
    free(text);
}

/* ---- What a run has measured ---- */

static const char *run_with_history(const char *text)
{
    const char *dir = support_tmp();

    support_write_text(support_join(dir, "run.json"), CONFIG(ONE_STAGE, EVALUATE));
    mkdir(support_join(dir, "eval"), 0777);
    support_write_text(support_join(dir, "eval/history.jsonl"), text);
    return dir;
}

/* The order is the file's, not that of the steps; what a line does not tell is NaN, 0 or "". */
static void test_evals(void **state)
{
    (void)state;
    const char *dir = run_with_history(
        "{\"step\":70,\"stage\":\"attack\",\"stage_step\":10,\"name\":\"HS\",\"value\":0.25,"
        "\"count\":5,\"n\":20,\"lo\":0.125,\"hi\":0.5}\n"
        "\n"
        "{\"step\":60,\"stage\":\"align\",\"stage_step\":60,\"name\":\"held_out\",\"value\":2.5,"
        "\"count\":0,\"n\":30,\"lo\":null,\"hi\":null}\n"
        "{\"step\":80,\"name\":\"FA\"}\n");
    struct vac_err err = {0};
    struct vac_eval *v;
    size_t n;

    assert_ok(vac_run_evals(dir, &v, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(v[0].name, "HS");
    assert_string_equal(v[0].stage, "attack");
    assert_int_equal(v[0].step, 70);
    assert_int_equal(v[0].stage_step, 10);
    assert_int_equal(v[0].count, 5);
    assert_int_equal(v[0].n, 20);
    assert_true(v[0].value == 0.25 && v[0].lo == 0.125 && v[0].hi == 0.5 && v[0].is_rate);
    assert_string_equal(v[1].name, "held_out");
    assert_string_equal(v[1].stage, "align");
    assert_int_equal(v[1].step, 60);
    assert_int_equal(v[1].n, 30);
    assert_true(v[1].value == 2.5 && isnan(v[1].lo) && isnan(v[1].hi) && !v[1].is_rate);
    assert_string_equal(v[2].name, "FA");
    assert_string_equal(v[2].stage, "");
    assert_int_equal(v[2].step, 80);
    assert_int_equal(v[2].stage_step + v[2].count + v[2].n, 0);
    assert_true(isnan(v[2].value) && isnan(v[2].lo) && isnan(v[2].hi));
    free(v);
}

static void test_evals_of_a_whole_run(void **state)
{
    (void)state;
    static const char *const names[] = {"HS", "over_refusal", "FA"};
    static const int steps[] = {0, ALIGN, ALIGN, ALIGN + 10, ALIGN + 20, ALIGN + 30, ALIGN + 40};
    struct vac_err err = {0};
    struct vac_eval *v;
    size_t n;

    assert_ok(vac_run_evals(big_run(), &v, &n, &err), &err);
    assert_int_equal(n, 3 * 7);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(v[i].name, names[i % 3]);
        assert_string_equal(v[i].stage, i / 3 < 2 ? "align" : "attack");
        assert_int_equal(v[i].step, steps[i / 3]);
        assert_true(v[i].lo <= v[i].value && v[i].value <= v[i].hi && v[i].n == 100);
    }
    free(v);
}

/* A name as long as a file may have it is cut between two characters. */
static void test_evals_cut_names(void **state)
{
    (void)state;
    char cut[VAC_NAME] = "", line[4 * VAC_NAME];
    struct vac_err err = {0};
    struct vac_eval *v;
    size_t n;

    for (size_t i = 0; i < VAC_NAME / 2 - 1; i++)
        memcpy(cut + 2 * i, "\u00e9", sizeof "\u00e9");
    snprintf(line, sizeof line, "{\"step\":1,\"name\":\"%s\u00e9\",\"stage\":\"%s\u00e9\"}\n", cut,
             cut);
    assert_ok(vac_run_evals(run_with_history(line), &v, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(v[0].name, cut);
    assert_string_equal(v[0].stage, cut);
    free(v);
}

static void test_evals_none(void **state)
{
    (void)state;
    struct vac_err err = {0};
    struct vac_eval *v;
    size_t n = 7;

    assert_ok(vac_run_evals(small_run(), &v, &n, &err), &err); /* nor a folder for them */
    assert_int_equal(n, 0);
    free(v);
    n = 7;
    assert_ok(vac_run_evals(run_with_history(""), &v, &n, &err), &err);
    assert_int_equal(n, 0);
    free(v);
    n = 7;
    assert_int_equal(vac_run_evals(support_tmp(), &v, &n, &err), -1);
    assert_error(&err, "holds no run");
    assert_null(v);
    assert_int_equal(n, 0);
}

/* Half a last line is one that is being written: it is left out until its end is there. */
static void test_evals_torn_line(void **state)
{
    (void)state;
    const char *dir = run_with_history("{\"step\":1,\"name\":\"HS\",\"value\":0.5}\n"
                                       "{\"step\":2,\"name\":\"HS\",\"val");
    struct vac_err err = {0};
    struct vac_eval *v;
    size_t n;

    assert_ok(vac_run_evals(dir, &v, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].step, 1);
    free(v);
    append(dir, "eval/history.jsonl", "ue\":0.75}"); /* whole, but for its end */
    assert_ok(vac_run_evals(dir, &v, &n, &err), &err);
    assert_int_equal(n, 1);
    free(v);
    append(dir, "eval/history.jsonl", "\n");
    assert_ok(vac_run_evals(dir, &v, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_true(v[1].step == 2 && v[1].value == 0.75);
    free(v);
}

static void test_evals_broken_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"}{", "history.jsonl:2"},
        {"{\"step\":1,\"na", "history.jsonl:2"},
        {"[1]", "history.jsonl:2: expected an object"},
        {"{\"name\":\"HS\"}", "history.jsonl:2: \"step\" is missing"},
        {"{\"step\":\"1\",\"name\":\"HS\"}", "history.jsonl:2: step"},
        {"{\"step\":-1,\"name\":\"HS\"}", "history.jsonl:2: step"},
        {"{\"step\":1.5,\"name\":\"HS\"}", "history.jsonl:2: step"},
        {"{\"step\":1}", "history.jsonl:2: \"name\" is missing"},
        {"{\"step\":1,\"name\":3}", "history.jsonl:2: name"},
        {"{\"step\":1,\"name\":\"HS\",\"stage\":7}", "history.jsonl:2: stage"},
        {"{\"step\":1,\"name\":\"HS\",\"stage_step\":-1}", "history.jsonl:2: stage_step"},
        {"{\"step\":1,\"name\":\"HS\",\"value\":\"high\"}", "history.jsonl:2: value"},
        {"{\"step\":1,\"name\":\"HS\",\"value\":1e999}", "history.jsonl:2"},
        {"{\"step\":1,\"name\":\"HS\",\"count\":-1}", "history.jsonl:2: count"},
        {"{\"step\":1,\"name\":\"HS\",\"n\":{}}", "history.jsonl:2: n"},
        {"{\"step\":1,\"name\":\"HS\",\"lo\":true}", "history.jsonl:2: lo"},
        {"{\"step\":1,\"name\":\"HS\",\"hi\":[]}", "history.jsonl:2: hi"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = run_with_history("{\"step\":1,\"name\":\"HS\",\"value\":0.5}\n");
        struct vac_eval *v = (struct vac_eval[1]){0};
        struct vac_err err = {0};
        size_t n = 7;

        append(dir, "eval/history.jsonl", cases[i].line);
        append(dir, "eval/history.jsonl", "\n{\"step\":3,\"name\":\"HS\",\"value\":0.5}\n");
        assert_int_equal(vac_run_evals(dir, &v, &n, &err), -1);
        assert_error(&err, cases[i].error);
        assert_null(v);
        assert_int_equal(n, 0);
    }
}

/* ---- Exporters ---- */

static void test_csv(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct vac_err err = {0};
    size_t len;
    char *text;

    support_write_text(support_join(dir, "run.json"),
                       CONFIG("{\"name\":\"a,\\\"b\\\"\",\"method\":\"sft\"}", ""));
    append(dir, "metrics.jsonl",
           "{\"step\":0,\"stage\":\"a,\\\"b\\\"\",\"stage_step\":0,\"epoch\":0}\n"
           "{\"step\":1,\"stage\":\"a,\\\"b\\\"\",\"stage_step\":1,\"epoch\":0.5,\"loss\":1.25,"
           "\"lr\":1e-05,\"tokens\":40,\"step_ms\":3.5,\"wall\":0.1}\n");
    append(dir, "layers.jsonl",
           "{\"step\":1,\"grad\":[0.1,2],\"eps\":[null,0.7],\"drift_rel\":[0.25,0.75]}\n");
    assert_ok(export_all(dir, false, &err), &err);
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
    assert_ok(export_all(dir, false, &err), &err);
    text = slurp(dir, "events.out.tfevents.1.vaccine.0", &len);
    for (size_t i = 0; i < len; i++)
        sb_printf(&hex, "%02x", (unsigned)(unsigned char)text[i]);
    assert_string_equal(hex.s, golden);
    sb_done(&hex);
    free(text);
}

static size_t same_beginning(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && a[i] == b[i])
        i++;
    return i;
}

/* Who has the file open sees what comes later: it grows at its end, as the same file; when the run has
 * gone back, a file whose name sorts later begins a session at the first step that is another. */
static void test_tensorboard_grows(void **state)
{
    (void)state;
    static const char first[] = "events.out.tfevents.1.vaccine.0";
    static const char later[] = "events.out.tfevents.1.vaccine.0001";
    static const char lines[] =
        "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"loss\":0.5,\"wall\":1}\n"
        "{\"step\":2,\"stage\":\"align\",\"stage_step\":2,\"loss\":0.4,\"wall\":2}\n";
    /* wall 1, step 2, session_log { status: START } */
    static const char session[] = "\x09\0\0\0\0\0\0\xf0\x3f\x10\x02\x3a\x02\x08\x01";
    const char *dir = small_run();
    struct vac_err err = {0};
    struct stat a, b;
    char *one, *two, *new;
    size_t n, m, k;

    append(dir, "metrics.jsonl", lines);
    assert_ok(export_all(dir, false, &err), &err);
    one = slurp(dir, first, &n);
    assert_int_equal(stat(support_join(dir, first), &a), 0);
    append(dir, "metrics.jsonl",
           "{\"step\":3,\"stage\":\"align\",\"stage_step\":3,\"loss\":0.3,\"wall\":3}\n");
    assert_ok(export_all(dir, false, &err), &err);
    assert_ok(export_all(dir, false, &err), &err); /* nothing new */
    two = slurp(dir, first, &m);
    assert_int_equal(stat(support_join(dir, first), &b), 0);
    assert_true(a.st_ino == b.st_ino && m > n);
    assert_int_equal(same_beginning(one, n, two, m), n);
    free(one);
    /* A torn end is made whole. */
    assert_int_equal(truncate(support_join(dir, first), (off_t)m - 7), 0);
    assert_ok(export_all(dir, false, &err), &err);
    one = slurp(dir, first, &n);
    assert_true(n == m && !memcmp(one, two, n));
    free(one);
    /* Back at step 1: nothing is taken out of a file that is being read ... */
    support_write_text(support_join(dir, "metrics.jsonl"), lines);
    assert_int_equal(truncate(support_join(dir, "metrics.jsonl"), strchr(lines, '\n') + 1 - lines),
                     0);
    assert_ok(export_all(dir, false, &err), &err);
    assert_false(file_exists(support_join(dir, later)));
    /* ... and another step 2 is told in a later one, which grows in its turn. */
    append(dir, "metrics.jsonl",
           "{\"step\":2,\"stage\":\"align\",\"stage_step\":2,\"loss\":0.7,\"wall\":9}\n");
    assert_ok(export_all(dir, false, &err), &err);
    one = slurp(dir, first, &n);
    assert_true(n == m && !memcmp(one, two, n));
    new = slurp(dir, later, &k);
    assert_non_null(memmem(new, k, session, sizeof session - 1));
    assert_null(memmem(new, k, "\x10\x01\x2a", 3)); /* no summary of step 1 */
    free(one);
    append(dir, "metrics.jsonl",
           "{\"step\":3,\"stage\":\"align\",\"stage_step\":3,\"loss\":0.6,\"wall\":10}\n");
    assert_ok(export_all(dir, false, &err), &err);
    one = slurp(dir, later, &n);
    assert_true(n > k);
    assert_int_equal(same_beginning(new, k, one, n), k);
    assert_false(file_exists(support_join(dir, "events.out.tfevents.1.vaccine.0002")));
    free(one);
    free(two);
    free(new);
}

static void test_trainer_state(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};
    size_t len;
    char *text;

    mkdir(support_join(dir, "eval"), 0777);
    append(dir, "metrics.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"stage_step\":0,\"epoch\":0}\n"
           "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"epoch\":0.25,\"loss\":1.5,\"grad_"
           "norm\":2,"
           "\"lr\":0.001,\"rho\":2,\"tokens\":40,\"wall\":0.5}\n");
    append(dir, "eval/history.jsonl",
           "{\"step\":1,\"stage\":\"align\",\"name\":\"HS\",\"value\":0.25,\"count\":1,\"n\":4}\n"
           "{\"step\":1,\"stage\":\"align\",\"name\":\"FA\",\"value\":null,\"count\":0,\"n\":0}\n");
    assert_ok(export_all(dir, false, &err), &err);
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
    assert_ok(export_all(dir, true, &err), &err);
    text = slurp(dir, "trainer_state.json", &len);
    assert_non_null(strstr(text, "\"train_runtime\": 0.5,\n      \"train_steps_per_second\": 2\n"));
    free(text);
}

/* A run without any step can be exported. */
static void test_exporters(void **state)
{
    (void)state;
    const char *dir = small_run();
    struct vac_err err = {0};

    assert_ok(export_all(dir, false, &err), &err);
    assert_true(file_exists(support_join(dir, "metrics.csv")));
    assert_int_equal(export_all(support_tmp(), false, &err), -1);
    assert_error(&err, "holds no run");
}

static const char *const exported[] = {"metrics.csv", "trainer_state.json",
                                       "events.out.tfevents.1.vaccine.0"};

static void assert_same_exports(const char *a, const char *b)
{
    for (size_t i = 0; i < sizeof exported / sizeof *exported; i++) {
        size_t n, m;
        char *x = slurp(a, exported[i], &n), *y = slurp(b, exported[i], &m);

        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
        free(x);
        free(y);
    }
}

/* Lines of a run in the order in which they are written; the two stages meet at step 2. */
static const struct {
    const char *file, *line;
} written[] = {
    {"metrics.jsonl", "{\"step\":0,\"stage\":\"align\",\"stage_step\":0,\"wall\":0}\n"},
    {"eval/history.jsonl", "{\"step\":0,\"stage\":\"align\",\"name\":\"HS\",\"value\":1}\n"},
    {"metrics.jsonl",
     "{\"step\":1,\"stage\":\"align\",\"stage_step\":1,\"loss\":0.5,\"wall\":1}\n"},
    {"layers.jsonl", "{\"step\":1,\"grad\":[1,2],\"drift_rel\":[0.25,0.75]}\n"},
    {"metrics.jsonl",
     "{\"step\":2,\"stage\":\"align\",\"stage_step\":2,\"loss\":0.25,\"wall\":2}\n"},
    {"layers.jsonl", "{\"step\":2,\"grad\":[3,4]}\n"},
    {"eval/history.jsonl",
     "{\"step\":2,\"stage\":\"align\",\"stage_step\":2,\"name\":\"HS\",\"value\":0.5}\n"},
    {"metrics.jsonl", "{\"step\":2,\"stage\":\"attack\",\"stage_step\":0,\"wall\":2}\n"},
    {"layers.jsonl", "{\"step\":2,\"drift_rel\":[0,0]}\n"},
    {"eval/history.jsonl",
     "{\"step\":2,\"stage\":\"attack\",\"stage_step\":0,\"name\":\"HS\",\"value\":0.75}\n"},
    {"metrics.jsonl", "{\"step\":3,\"stage\":\"attack\",\"stage_step\":1,\"loss\":2,\"wall\":3}\n"},
    {"layers.jsonl", "{\"step\":3,\"grad\":[5,6]}\n"},
};

/* Grown with the run, wherever it is looked at, they are what is made of it at its end; and so after somebody
 * has cut one of them. */
static void test_exports_grow(void **state)
{
    (void)state;
    enum { LINES = sizeof written / sizeof *written };
    char whole[1024], grown[1024];
    struct vac_err err = {0};
    struct exports *x;

    for (size_t every = 1; every <= 5; every++) {
        snprintf(whole, sizeof whole, "%s", small_run());
        snprintf(grown, sizeof grown, "%s", small_run());
        for (int k = 0; k < 2; k++) {
            mkdir(support_join(k ? grown : whole, "eval"), 0777);
            support_write_text(support_join(k ? grown : whole, "run.json"),
                               CONFIG(ONE_STAGE ",{\"name\":\"attack\",\"method\":\"sft\"}", ""));
        }
        assert_ok(exports_open(&x, grown, &err), &err);
        for (size_t i = 0; i < LINES; i++) {
            append(whole, written[i].file, written[i].line);
            append(grown, written[i].file, written[i].line);
            /* a checkpoint comes when all lines of a step are written */
            if (i % every == 0 && (i + 1 == LINES || !strcmp(written[i + 1].file, "metrics.jsonl")))
                assert_ok(exports_update(x, false, &err), &err);
            if (every == 3 && i == 9)
                assert_int_equal(truncate(support_join(grown, "metrics.csv"), 10), 0);
        }
        assert_ok(exports_update(x, true, &err), &err);
        exports_close(x);
        assert_ok(export_all(whole, true, &err), &err);
        assert_same_exports(whole, grown);
    }
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
    cJSON *lines = python("read_tfevents.py", support_join(dir, "events.out.tfevents.1.vaccine.0"));
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
    assert_ok(export_all(dir, false, &err), &err);
    check_events(dir);
    lines = python("read_csv.py", support_join(dir, "metrics.csv"));
    assert_int_equal(cJSON_GetArraySize(lines), ALIGN + ATTACK + 2);
    assert_true(fabs(number(cJSON_GetArrayItem(lines, 10), "drift_L5") - 0.12) < 1e-9);
    assert_false(cJSON_HasObjectItem(cJSON_GetArrayItem(lines, 11), "drift_L5"));
    cJSON_Delete(lines);
}

/* Rows that there was no memory for are no rows that there are none of, not even before the first byte. */
static void test_rows_without_memory(void **state)
{
    const struct strbuf none = {.bad = true};
    struct export_part part = {.size = 10};
    struct vac_err err = {0};

    (void)state;
    assert_int_equal(export_grow(support_tmp(), "metrics.csv", &none, &part, &err), -1);
    assert_error(&err, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_rows_without_memory),
        cmocka_unit_test(test_history_functions),
        cmocka_unit_test(test_torn_and_bad_lines),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many_layers),
        cmocka_unit_test(test_steps_to_break),
        cmocka_unit_test(test_steps_to_unrefused),
        cmocka_unit_test(test_verdicts_of_runs),
        cmocka_unit_test(test_verdicts_are_exported),
        cmocka_unit_test(test_evals),
        cmocka_unit_test(test_evals_of_a_whole_run),
        cmocka_unit_test(test_evals_cut_names),
        cmocka_unit_test(test_evals_none),
        cmocka_unit_test(test_evals_torn_line),
        cmocka_unit_test(test_evals_broken_line),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_tensorboard_golden),
        cmocka_unit_test(test_tensorboard_grows),
        cmocka_unit_test(test_trainer_state),
        cmocka_unit_test(test_exporters),
        cmocka_unit_test(test_exports_grow),
        cmocka_unit_test(test_python_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
