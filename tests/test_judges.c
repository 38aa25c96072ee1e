/* test_judges.c - the judges that are models and programs. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "base/json.h"
#include "judge/child.h"
#include "judge/classifier.h"
#include "judge/judge.h"
#include "eval_support.h"
#include "own_support.h"
#include "model/merge.h"
#include "model_support.h"

/* --- the classifier, against numbers recorded with transformers --- */

static void read_golden_texts(const cJSON *doc, struct ids *text, size_t n)
{
    struct vac_err err = {0};

    for (size_t i = 0; i < n; i++) {
        const cJSON *ids = cJSON_GetObjectItem(cJSON_GetArrayItem(doc, (int)i), "input_ids"), *v;

        text[i] = (struct ids){0};
        cJSON_ArrayForEach(v, ids) assert_ok(ids_push(&text[i], v->valueint, &err), &err);
    }
}

static void check_row(const struct classifier *x, const cJSON *row, const float *prob)
{
    const cJSON *want = cJSON_GetObjectItem(row, "probabilities"),
                *names = cJSON_GetObjectItem(row, "categories");
    size_t K = classifier_labels(x), flagged = 0;

    assert_int_equal(cJSON_GetArraySize(want), (int)K);
    for (size_t i = 0; i < K; i++) {
        double w = cJSON_GetArrayItem(want, (int)i)->valuedouble;

        if (fabs((double)prob[i] - w) > 1e-5)
            fail_msg("probability %zu: %g, expected %g", i, (double)prob[i], w);
        if (prob[i] > 0.5f)
            assert_string_equal(classifier_label(x, i),
                                cJSON_GetArrayItem(names, (int)flagged++)->valuestring);
    }
    assert_int_equal(flagged, cJSON_GetArraySize(names));
    assert_int_equal(flagged > 0, cJSON_IsTrue(cJSON_GetObjectItem(row, "flagged")));
}

static void test_classifier_golden(void **state)
{
    const char *dir = support_testdata("judge"),
               *expected = support_testdata("judge/expected.json");
    struct compute *c;
    struct vac_err err = {0};
    struct classifier *x;
    struct ids text[64];
    size_t n;
    float *prob;
    cJSON *doc;

    (void)state;
    if (!dir || !expected)
        skip();
    c = compute_open("cpu", 1, NULL, &err);
    x = classifier_open(dir, 256, c, &err);
    doc = json_read(expected, 1 << 20, &err);
    if (!x || !doc)
        fail_msg("%s", err.msg);
    n = (size_t)cJSON_GetArraySize(doc);
    assert_true(n > 1 && n <= 64);
    read_golden_texts(doc, text, n);
    prob = calloc(n * classifier_labels(x), sizeof *prob);
    assert_ok(classifier_rate(x, text, n, prob, &err), &err);
    for (size_t i = 0; i < n; i++)
        check_row(x, cJSON_GetArrayItem(doc, (int)i), prob + i * classifier_labels(x));
    for (size_t i = 0; i < n; i++)
        ids_done(&text[i]);
    free(prob);
    cJSON_Delete(doc);
    classifier_free(x);
    compute_close(c);
}

/* --- a classifier with a tokenizer --- */

#define CLASSIFIER                                                                                 \
    "{\"architectures\":[\"LlamaForSequenceClassification\"],\"model_type\":\"llama\",\"vocab_"    \
    "size\":97,"                                                                                   \
    "\"hidden_size\":32,\"intermediate_size\":48,\"num_hidden_layers\":2,\"num_attention_heads\":" \
    "4,"                                                                                           \
    "\"num_key_value_heads\":2,\"hidden_act\":\"silu\",\"max_position_embeddings\":512,"           \
    "\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,\"tie_word_embeddings\":false,\"bos_token_"     \
    "id\":1,"                                                                                      \
    "\"eos_token_id\":2,\"pad_token_id\":0,\"torch_dtype\":\"float32\",\"problem_type\":"          \
    "\"multi_label_classification\",\"id2label\":{\"0\":\"alpha\",\"1\":\"beta\",\"2\":\"gamma\"}" \
    ","                                                                                            \
    "\"label2id\":{\"alpha\":0,\"beta\":1,\"gamma\":2}}"

static const char *classifier_folder(struct compute *c)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};
    struct model *m = random_model(CLASSIFIER, c, 5);

    assert_ok(model_save_merged(m, dir, false, 0, &err), &err);
    model_close(m);
    mini_tokenizer(dir);
    return dir;
}

/* The ids that the judge should see. */
static void judged_ids(const char *prompt, const char *answer, struct ids *out)
{
    struct vac_err err = {0};
    char text[1024];

    snprintf(text, sizeof text, "BEGINNING OF CONVERSATION: USER: %s ASSISTANT:%s", prompt, answer);
    *out = (struct ids){0};
    assert_ok(ids_push(out, 1, &err), &err);
    for (const char *s = text; *s; s++)
        assert_ok(ids_push(out, mini_id(*s), &err), &err);
    assert_ok(ids_push(out, 2, &err), &err);
    if (out->n > 256)
        out->n = 256;
}

enum { TEXTS = 5 };
static const char *const prompts[TEXTS] = {"How?", "What is it?", "Why", "Tell me all of it", "x"};

static void judge_texts(struct compute *c, const char *dir, double threshold,
                        const char *const *answer, struct rating *out)
{
    const struct judge *judge = judge_find("model", NULL);
    struct vac_err err = {0};
    void *own = own_options("model", NULL, "judge_model", dir), *self;
    char text[32];

    snprintf(text, sizeof text, "%.17g", threshold);
    assert_ok(option_set(option_find(judge->options, "threshold"), text, own, "threshold", &err),
              &err);
    self = judge->open(own, c, &err);

    if (!self)
        fail_msg("%s", err.msg);
    assert_ok(judge->rate(self, prompts, answer, TEXTS, out, &err), &err);
    judge->close(self);
}

static void test_judge_model(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    const char *dir = classifier_folder(c);
    struct classifier *x = classifier_open(dir, 256, c, &err);
    char lengthy[500];
    const char *answer[TEXTS] = {"Like this", "I cannot say", "Because it is so", lengthy, ""};
    struct rating none[TEXTS], all[TEXTS], some[TEXTS];
    double top[TEXTS];
    float prob[3];

    (void)state;
    if (!x)
        fail_msg("%s", err.msg);
    memset(lengthy, 'z', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    for (size_t i = 0; i < TEXTS; i++) {
        struct ids ids;

        judged_ids(prompts[i], answer[i], &ids);
        assert_ok(classifier_rate(x, &ids, 1, prob, &err), &err);
        top[i] = fmax(fmax((double)prob[0], (double)prob[1]), (double)prob[2]);
        ids_done(&ids);
    }
    judge_texts(c, dir, 1, answer, none);
    judge_texts(c, dir, 0, answer, all);
    judge_texts(c, dir, top[2], answer, some);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_true(fabs(none[i].score - top[i]) < 1e-5);
        assert_int_equal(none[i].verdict, i == 1 ? VERDICT_REFUSED : VERDICT_OTHER);
        assert_int_equal(all[i].verdict, VERDICT_ANSWERED);
        assert_int_equal(strlen(all[i].reason), strlen("alpha; beta; gamma"));
        if (fabs(top[i] - top[2]) > 1e-4)
            assert_int_equal(some[i].verdict == VERDICT_ANSWERED, top[i] > top[2]);
    }
    classifier_free(x);
    compute_close(c);
}

static void test_judge_model_bad_folders(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    const struct judge *judge = judge_find("model", NULL);
    struct classifier *x;
    struct ids bad = {.v = (int32_t[]){1, 97}, .n = 2};
    float prob[3];

    (void)state;
    assert_null(judge->open(own_options("model", NULL, NULL, NULL), c, &err));
    assert_error(&err, "judge_model");
    err_clear(&err);
    assert_null(judge->open(own_options("model", NULL, "judge_model", support_path("golden/opt")),
                            c, &err));
    assert_error(&err, "tokenizer");
    err_clear(&err);
    assert_null(judge->open(
        own_options("model", NULL, "judge_model", mini_folder("golden/llama-gqa")), c, &err));
    assert_error(&err, "sequence classifier");
    err_clear(&err);
    x = classifier_open(classifier_folder(c), 256, c, &err);
    assert_int_equal(classifier_rate(x, &bad, 1, prob, &err), -1);
    assert_error(&err, "token id 97");
    bad.n = 0;
    err_clear(&err);
    assert_int_equal(classifier_rate(x, &bad, 1, prob, &err), -1);
    assert_error(&err, "without tokens");
    classifier_free(x);
    compute_close(c);
}

/* What the plan counts: the activations, and the tables of the rotation. */
static void test_judge_model_memory(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    const char *dir = classifier_folder(c);
    struct model *m = model_open(dir, c, &err);
    const struct judge *judge = judge_find("model", NULL);
    struct judge_memory x = {0};
    size_t rows = 4 * 256;

    (void)state;
    if (!m)
        fail_msg("%s", err.msg);
    assert_ok(judge->memory(own_options("model", NULL, "judge_model", dir), c, &x, &err), &err);
    assert_string_equal(x.model, dir);
    assert_int_equal(x.mapped, model_bytes(m));
    assert_int_equal(x.own, sizeof(float) * (acts_floats(m, rows, 1, false) + 256 * 8));
    model_close(m);
    assert_int_equal(
        judge->memory(own_options("model", NULL, "judge_model", support_tmp()), c, &x, &err), -1);
    assert_error(&err, "config.json");
    compute_close(c);
}

/* --- the judge "command" --- */

static int command_rate(const char *command, size_t n, const char *answer, struct rating *out,
                        struct vac_err *err)
{
    const struct judge *judge = judge_find("command", NULL);
    void *self = judge->open(own_options("command", NULL, "command", command), NULL, err);
    const char **prompt = calloc(n, sizeof *prompt), **said = calloc(n, sizeof *said);
    int rc;

    for (size_t i = 0; i < n; i++) {
        prompt[i] = "a \"question\"\n";
        said[i] = answer;
    }
    rc = judge->rate(self, prompt, said, n, out, err);
    judge->close(self);
    free(prompt);
    free(said);
    /* nothing is left behind */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return rc;
}

static void test_command_verdicts(void **state)
{
    struct vac_err err = {0};
    struct rating r[3];

    (void)state;
    assert_ok(command_rate("while read -r l; do case $l in *question*) echo "
                           "'{\"verdict\":\"refused\",\"score\":0.25,"
                           "\"reason\":\"short\"}';; esac; done",
                           3, "no", r, &err),
              &err);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].verdict, VERDICT_REFUSED);
        assert_true(r[i].score == 0.25);
        assert_string_equal(r[i].reason, "short");
    }
    assert_ok(command_rate("read -r l; echo '{\"verdict\":\"other\"}'; read -r l; echo "
                           "'{\"verdict\":\"answered\"}'",
                           2, "no", r, &err),
              &err);
    assert_int_equal(r[0].verdict, VERDICT_OTHER);
    assert_int_equal(r[1].verdict, VERDICT_ANSWERED);
    assert_true(isnan(r[0].score));
    assert_string_equal(r[0].reason, "");
}

/* What goes to the program is JSON, a line for each answer. */
static void test_command_questions(void **state)
{
    struct vac_err err = {0};
    struct rating r[2];
    char command[1400], path[1200], *text;
    size_t len;

    (void)state;
    snprintf(path, sizeof path, "%s/seen", support_tmp());
    snprintf(
        command, sizeof command,
        "while read -r l; do printf '%%s\\n' \"$l\" >>%s; echo '{\"verdict\":\"other\"}'; done",
        path);
    assert_ok(command_rate(command, 2, "tab\tand \xc3\xa9", r, &err), &err);
    text = file_read(path, 1 << 16, &len, &err);
    assert_string_equal(
        text, "{\"prompt\":\"a \\\"question\\\"\\n\",\"answer\":\"tab\\tand \xc3\xa9\"}\n"
              "{\"prompt\":\"a \\\"question\\\"\\n\",\"answer\":\"tab\\tand \xc3\xa9\"}\n");
    free(text);
}

/* More than the pipes hold goes both ways. */
static void test_command_much(void **state)
{
    enum { MANY = 400 };
    struct vac_err err = {0};
    struct rating *r = calloc(MANY, sizeof *r);
    char *lengthy = malloc(4001);

    (void)state;
    memset(lengthy, 'y', 4000);
    lengthy[4000] = '\0';
    assert_ok(
        command_rate(
            "while read -r l; do printf '{\"verdict\":\"answered\",\"note\":%s}\\n' \"$l\"; done",
            MANY, lengthy, r, &err),
        &err);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(r[i].verdict, VERDICT_ANSWERED);
    free(lengthy);
    free(r);
}

static void test_command_errors(void **state)
{
    static const struct {
        const char *command, *error, *also;
    } row[] = {
        {"read -r l; echo '{\"verdict\":\"other\"}'; echo nonsense; cat >/dev/null", "line:2:1",
         "not JSON"},
        {"read -r l; echo '{\"verdict\":\"maybe\"}'; cat >/dev/null", "line 1: verdict: expected",
         "maybe"},
        {"read -r l; echo '[]'; cat >/dev/null", "line 1", "expected"},
        {"read -r l; echo '{}'; cat >/dev/null", "verdict", "line 1"},
        {"read -r l; echo '{\"verdict\":\"other\",\"score\":\"x\"}'; cat >/dev/null",
         "score: expected a number", "line 1"},
        {"read -r l; echo '{\"verdict\":\"other\"}'; echo 'went wrong' >&2; exit 3",
         "exit status 3 after 1 of 3 answers", "went wrong"},
        {"no-such-program-anywhere", "exit status 127 after 0 of 3", "no-such-program-anywhere"},
        {"kill -9 $$", "killed by signal 9", "line 1"},
        {"read -r l; v='{\"verdict\":\"other\"}'; printf '%s\\n%s\\n%s\\n%s\\n' $v $v $v $v; cat "
         ">/dev/null",
         "a line more", "3 of 3"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct vac_err err = {0};
        struct rating r[3];

        assert_int_equal(command_rate(row[i].command, 3, "no", r, &err), -1);
        assert_error(&err, row[i].error);
        assert_error(&err, row[i].also);
        assert_error(&err, "command \"");
    }
}

static void test_command_needs_one(void **state)
{
    struct vac_err err = {0};

    (void)state;
    assert_null(
        judge_find("command", NULL)->open(own_options("command", NULL, NULL, NULL), NULL, &err));
    assert_error(&err, "needs command");
}

/* A program that ends without reading makes an error, not a dead process. */
static void test_command_no_sigpipe(void **state)
{
    struct vac_err err = {0};
    struct rating r[50];
    char *lengthy = malloc(100001);
    sigset_t pending;

    (void)state;
    memset(lengthy, 'y', 100000);
    lengthy[100000] = '\0';
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(command_rate("exec <&-; sleep 0.1; exit 5", 50, lengthy, r, &err), -1);
    assert_error(&err, "exit status 5");
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    free(lengthy);
}

/* One program for many groups, and a new one after an error. */
static void test_command_lives_on(void **state)
{
    const struct judge *judge = judge_find("command", NULL);
    const char *command = "n=0; while read -r l; do n=$((n+1)); case $l in *bad*) echo x;; *) echo "
                          "\"{\\\"verdict\\\":\\\"other\\\",\\\"score\\\":$n}\";; esac; done";
    struct vac_err err = {0};
    const char *prompt[] = {"p", "p"}, *good[] = {"good", "good"}, *bad[] = {"good", "bad"};
    struct rating r[2];
    void *self = judge->open(own_options("command", NULL, "command", command), NULL, &err);

    (void)state;
    assert_ok(judge->rate(self, prompt, good, 2, r, &err), &err);
    assert_ok(judge->rate(self, prompt, good, 1, r, &err), &err);
    assert_true(r[0].score == 3 && r[1].score == 2);
    assert_int_equal(judge->rate(self, prompt, bad, 2, r, &err), -1);
    assert_error(&err, "line:5:1");
    err_clear(&err);
    assert_ok(judge->rate(self, prompt, good, 2, r, &err), &err);
    assert_true(r[0].score == 1 && r[1].score == 2);
    judge->close(self);
}

/* --- the child behind it --- */

/* A line too many is noticed before it can be taken for the next answer. */
static void test_command_late_line(void **state)
{
    const struct judge *judge = judge_find("command", NULL);
    const char *command = "while read -r l; do echo '{\"verdict\":\"other\"}'; sleep 0.05; echo "
                          "'{\"verdict\":\"other\"}'; done";
    struct vac_err err = {0};
    const char *text[] = {"p"};
    struct rating r[1];
    void *self = judge->open(own_options("command", NULL, "command", command), NULL, &err);

    (void)state;
    assert_ok(judge->rate(self, text, text, 1, r, &err), &err);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    assert_int_equal(judge->rate(self, text, text, 1, r, &err), -1);
    assert_error(&err, "without a question");
    judge->close(self);
}

static int count_line(void *ctx, size_t i, const char *text, size_t n, size_t line,
                      struct vac_err *err)
{
    (void)text;
    (void)n;
    (void)line;
    (void)err;
    *(size_t *)ctx = i + 1;
    return 0;
}

static double seconds(void)
{
    return clock_now();
}

static void test_child_silence(void **state)
{
    struct vac_err err = {0};
    struct child *c = child_start("read -r l; echo one; sleep 100", &err);
    size_t lines = 0;
    double start = seconds();

    (void)state;
    assert_int_equal(child_talk(c, "a\nb\n", 4, 2, 0.3, count_line, &lines, &err), -1);
    assert_int_equal(lines, 1);
    assert_error(&err, "silent for 0.3 s");
    assert_error(&err, "after 1 of 2 answers");
    child_stop(c);
    assert_true(seconds() - start >= 0.3);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Its whole group goes, even when it will not listen. */
static void test_child_is_killed(void **state)
{
    struct vac_err err = {0};
    char path[1200], command[1300], *text;
    size_t len;
    struct child *c;
    int pid, alive = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/pid", support_tmp());
    snprintf(command, sizeof command,
             "trap '' TERM; read -r l; sleep 100 & echo $! >%s; echo ok; wait; wait; sleep 100",
             path);
    c = child_start(command, &err);
    if (!c)
        fail_msg("%s", err.msg);
    assert_ok(child_talk(c, "a\n", 2, 1, 20, count_line, &len, &err), &err);
    child_stop(c);
    text = file_read(path, 64, &len, &err);
    pid = atoi(text);
    assert_true(pid > 1);
    for (int i = 0; i < 200 && (alive = kill(pid, 0) == 0); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    if (alive) { /* nobody reaps orphans here: a zombie counts as gone */
        char stat[64], *state_text;

        snprintf(stat, sizeof stat, "/proc/%d/stat", pid);
        state_text = file_read(stat, 4096, &len, &err);
        assert_true(!state_text || strstr(state_text, ") Z ") != NULL);
        free(state_text);
    }
    free(text);
}

static void test_child_endless_line(void **state)
{
    struct vac_err err = {0};
    struct child *c = child_start(
        "read -r l; while :; do printf 0123456789012345678901234567890123456789; done", &err);
    size_t lines = 0;

    (void)state;
    assert_int_equal(child_talk(c, "a\n", 2, 1, 20, count_line, &lines, &err), -1);
    assert_error(&err, "more than 1 MiB");
    child_stop(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classifier_golden),  cmocka_unit_test(test_judge_model),
        cmocka_unit_test(test_judge_model_memory), cmocka_unit_test(test_judge_model_bad_folders),
        cmocka_unit_test(test_command_verdicts),   cmocka_unit_test(test_command_questions),
        cmocka_unit_test(test_command_much),       cmocka_unit_test(test_command_errors),
        cmocka_unit_test(test_command_needs_one),  cmocka_unit_test(test_command_no_sigpipe),
        cmocka_unit_test(test_command_lives_on),   cmocka_unit_test(test_command_late_line),
        cmocka_unit_test(test_child_silence),      cmocka_unit_test(test_child_is_killed),
        cmocka_unit_test(test_child_endless_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
