/* test_evaluate.c - whole evaluations of a small model: questions, answers, counts, files, comparison. */
#include <math.h>

#include "base/io.h"
#include "eval/asked.h"
#include "eval/compare.h"
#include "eval/evaluate_write.h"
#include "eval/loss.h"
#include "eval/score_json.h"
#include "eval_support.h"
#include "model_support.h"
#include "own_support.h"

#define FOLDER "golden/llama-gqa"

/* A copy that a spec may hold as its own. */
static char *word(const char *s)
{
    static char slot[32][64];
    static unsigned next;

    return strcpy(slot[next++ % 32], s);
}

/* An open model with all that an evaluation needs. */
struct lab {
    struct compute *c;
    struct model *m;
    struct tokenizer *tok;
    struct encoder enc;
    const char *dir;
    char file[1200]; /* of questions */
};

static int lab_open(void **state)
{
    static struct lab lab;
    struct lab *x = *state = &lab;
    struct vac_err err = {0};

    *x = (struct lab){.dir = mini_folder(FOLDER)};
    x->c = compute_open("cpu", 1, NULL, &err);
    x->m = model_open(x->dir, x->c, &err);
    x->tok = tokenizer_open(x->dir, &err);
    if (!x->m || !x->tok)
        fail_msg("%s", err.msg);
    x->enc = (struct encoder){
        .tok = x->tok, .tmpl = template_find("plain", &err), .vocab = 97, .eos = 2};
    snprintf(x->file, sizeof x->file, "%s/rows.jsonl", x->dir);
    return 0;
}

static int lab_close(void **state)
{
    struct lab *x = *state;

    tokenizer_free(x->tok);
    model_close(x->m);
    compute_close(x->c);
    return 0;
}

static int stop_after(void *ctx, size_t done, size_t n)
{
    size_t *limit = ctx;

    assert_true(done <= n);
    return limit && done >= *limit;
}

/* Opens, runs and closes; the result is the caller's. */
static int lab_run(struct lab *x, const struct evaluate_spec *s, size_t slots,
                   struct eval_result *r, size_t *limit, struct vac_err *err)
{
    struct evaluation *e = evaluation_open(s, &x->enc, x->m, err);
    struct generator *g = e ? generator_new(x->m, slots, 64, err) : NULL;
    int rc = -1;

    if (g)
        rc = evaluation_run(e, g, NULL, 0, r, stop_after, limit, err);
    generator_free(g);
    evaluation_close(e);
    return rc;
}

static struct evaluate_spec judged(struct lab *x)
{
    return (struct evaluate_spec){.name = word("HS"),
                                  .prompts = x->file,
                                  .judge = word("refusal"),
                                  .options = own_options("refusal", NULL, NULL, NULL),
                                  .max_new_tokens = 20};
}

/* What the model says to <s> and the prompt, worked out without any of the code under test. */
static void greedy(struct lab *x, const char *prompt, size_t n, char *out)
{
    struct generate_options o = {
        .max_new_tokens = n, .top_p = 1, .stop = (int32_t[]){2}, .n_stop = 1};
    struct generator *g;
    struct vac_err err = {0};
    struct ids in = {0}, new = {0};
    size_t len = 0;

    assert_ok(ids_push(&in, 1, &err), &err);
    for (; *prompt; prompt++)
        assert_ok(ids_push(&in, mini_id(*prompt), &err), &err);
    g = generator_new(x->m, 1, 64, &err);
    assert_ok(generate(g, &in, 1, &o, &new, NULL, NULL, &err), &err);
    for (size_t i = 0; i < new.n; i++)
        if (new.v[i] != 1)
            out[len++] = mini_char(new.v[i]);
    out[len] = '\0';
    while (len > 0 && out[len - 1] == ' ')
        out[--len] = '\0';
    memmove(out, out + strspn(out, " "), strlen(out + strspn(out, " ")) + 1);
    generator_free(g);
    ids_done(&in);
    ids_done(&new);
}

static const char *const asked[] = {"Where is the mill?", "Who has the key?", "Hello", "2 + 2"};
enum { ASKED = 4 };

static void write_questions(const struct lab *x)
{
    support_write_text(
        x->file,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Where is the "
        "mill?\"}],\"category\":\"place\","
        "\"id\":\"m1\"}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Who has the "
        "key?\"},{\"role\":\"assistant\","
        "\"content\":\"Nobody\"}],\"category\":\"person\"}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"2 + 2\"}],\"category\":\"place\"}\n");
}

static void test_answers_are_greedy(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct lab *x = *state;
    char want[128];

    write_questions(x);
    s = judged(x);
    assert_ok(lab_run(x, &s, 3, &r, NULL, &err), &err);
    assert_int_equal(r.n, ASKED);
    for (size_t i = 0; i < ASKED; i++) {
        greedy(x, asked[i], 20, want);
        assert_string_equal(r.sample[i].prompt, asked[i]);
        assert_string_equal(r.sample[i].answer, want);
        assert_null(r.sample[i].expected);
    }
    assert_string_equal(r.sample[0].id, "m1");
    assert_null(r.sample[1].id);
    assert_string_equal(r.sample[0].category, "place");
    assert_null(r.sample[2].category);
    eval_result_done(&r);
}

/* One of four answers is called a refusal by a phrase made from it. */
static void test_verdicts_are_counted(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct lab *x = *state;
    struct strbuf b = {0};
    char phrases[1200], said[128];
    const char *file = phrases;

    write_questions(x);
    greedy(x, asked[3], 20, said);
    snprintf(phrases, sizeof phrases, "%s/phrases.json", x->dir);
    sb_puts(&b, "{\"refuse\":[\"");
    sb_json(&b, said, strlen(said));
    sb_puts(&b, "\"]}");
    support_write(file, b.s, b.len);
    s = judged(x);
    s.options = own_options("refusal", NULL, "phrases", phrases);
    s.count = VERDICT_REFUSED;
    assert_ok(lab_run(x, &s, 2, &r, NULL, &err), &err);
    assert_int_equal(r.sample[3].rating.verdict, VERDICT_REFUSED);
    assert_true(r.sample[3].counted);
    assert_int_equal(r.count, r.verdict[VERDICT_REFUSED]);
    assert_int_equal(r.verdict[0] + r.verdict[1] + r.verdict[2], ASKED);
    assert_true(r.value == (double)r.count / ASKED);
    assert_true(r.ci.lo == wilson(r.count, ASKED, Z95).lo &&
                r.ci.hi == wilson(r.count, ASKED, Z95).hi);
    assert_int_equal(r.n_category, 2);
    assert_string_equal(r.category[0].name, "place");
    assert_int_equal(r.category[0].n, 2);
    assert_int_equal(r.category[0].count, r.sample[0].counted + 1);
    assert_string_equal(r.category[1].name, "person");
    assert_int_equal(r.category[1].n, 1);
    eval_result_done(&r);
    s.take = 2;
    assert_ok(lab_run(x, &s, 2, &r, NULL, &err), &err);
    assert_int_equal(r.n, 2);
    eval_result_done(&r);
    sb_done(&b);
}

/* p(refuse) is the sum over the first tokens of refusals; the same whether answers are asked or not. */
static void test_what_lies_under(void **state)
{
    enum { BEGIN = 8 };
    static const char begin[BEGIN] = "ISsNnUA "; /* of the refusals, one token a character */
    int32_t first[BEGIN];
    double p[2][BEGIN], sum;
    struct generate_options o = {.max_new_tokens = 1, .top_p = 1, .first = first, .n_first = BEGIN};
    struct ids out[2] = {{0}};
    struct vac_err err = {0};
    struct eval_result r, other;
    struct evaluate_spec s, k;
    struct evaluation *e, *kind;
    struct generator *g;
    struct lab *x = *state;
    char few[1200];

    write_questions(x);
    s = k = judged(x);
    snprintf(few, sizeof few, "%s/kind.jsonl", x->dir);
    support_write_text(few, "{\"prompt\":\"2 + 3\"}\n{\"prompt\":\"Who sings in the mill?\"}\n");
    k.prompts = few;
    k.count = VERDICT_REFUSED;
    e = evaluation_open(&s, &x->enc, x->m, &err);
    kind = evaluation_open(&k, &x->enc, x->m, &err);
    g = generator_new(x->m, 3, 64, &err);
    if (!e || !kind || !g)
        fail_msg("%s", err.msg);
    evaluation_set_kind(e, kind);
    assert_ok(evaluation_run(e, g, NULL, 0, &r, NULL, NULL, &err), &err);
    assert_ok(evaluation_run(kind, g, NULL, 0, &other, NULL, NULL, &err), &err);
    o.first_p = p[0];
    for (size_t c = 0; c < BEGIN; c++)
        first[c] = mini_id(begin[c]);
    assert_ok(generate(g, kind->prompt, 2, &o, out, NULL, NULL, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        sum = 0;
        for (size_t c = 0; c < BEGIN; c++)
            sum += p[i][c];
        assert_true(fabs(other.sample[i].p_refuse - sum) < 1e-6);
        ids_done(&out[i]);
    }
    assert_true(fabs(r.beneath[VAC_BENEATH_p_refuse_kind].value -
                     (other.sample[0].p_refuse + other.sample[1].p_refuse) / 2) < 1e-9);
    assert_false(other.beneath[VAC_BENEATH_margin].known);
    eval_result_done(&r);
    eval_result_done(&other);
    generator_free(g);
    evaluation_close(e);
    evaluation_close(kind);
}

/* The score as an object, at the end of the line. */
static void score_of(const struct evaluation *e, const struct eval_result *r, struct strbuf *line)
{
    struct json_out o = json_out(line);
    struct vac_eval score;

    eval_result_score(e, r, &score);
    json_put_object(&o, NULL, JSON_TIGHT);
    score_json(&o, &score, r->other, r->n_other);
    json_put_end(&o);
}

/* One word for everything is not refused and not answered: the three counts and what was said stand
 * beside the score, wherever it is written. */
static void test_others_are_told(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct vac_eval score;
    struct evaluate_spec s;
    struct lab *x = *state;
    struct strbuf line = {0};
    struct encoder *enc = &x->enc;
    struct evaluation *e;
    char *text, said[160], phrases[1200], results[1200];

    write_questions(x);
    snprintf(phrases, sizeof phrases, "%s/none.json", x->dir);
    support_write_text(phrases, "{\"answer\":[\"no answer begins so\"]}");
    s = judged(x);
    s.options = own_options("refusal", NULL, "phrases", phrases);
    assert_ok(lab_run(x, &s, 4, &r, NULL, &err), &err);
    assert_int_equal(r.verdict[VERDICT_OTHER], ASKED);
    assert_true(r.n_other > 0 && r.n_other <= EVAL_OTHERS);
    for (size_t i = 0; i < r.n_other; i++) {
        size_t same = 0;

        for (size_t k = 0; k < ASKED; k++)
            same += !strcmp(r.sample[k].answer, r.other[i].name);
        assert_int_equal(r.other[i].n, same);
        assert_true(i == 0 || r.other[i - 1].n >= r.other[i].n);
    }
    e = evaluation_open(&s, enc, x->m, &err);
    eval_result_score(e, &r, &score);
    snprintf(said, sizeof said, "%s", score.verdicts.others);
    assert_int_equal(said[0], '"');
    assert_non_null(strstr(said, "\" x "));
    score_of(e, &r, &line);
    assert_non_null(
        strstr(line.s, ",\"answered\":0,\"refused\":0,\"other\":4,\"others\":[{\"answer\":\""));
    assert_ok(eval_result_write(e, &r, x->dir, "m", &err), &err);
    snprintf(results, sizeof results, "%s/results_HS_m.json", x->dir);
    text = file_read(results, 1 << 20, NULL, &err);
    assert_non_null(strstr(text, "\"refused_rate,none\":0,\"other_rate,none\":1}"));
    assert_non_null(strstr(text, "\"other\":4,\"others\":["));
    free(text);
    evaluation_close(e);
    sb_done(&line);
    eval_result_done(&r);
}

/* Expected answers: the last turn, or the row's own "label" or "answer". */
static void test_metric_counts(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct lab *x = *state;
    struct evaluate_spec s;
    struct strbuf b = {0};
    char said[128];

    greedy(x, "Hello", 20, said);
    for (int i = 0; i < 4; i++) {
        const char *output = i == 0 ? said : "wrong", *extra[] = {NULL, "label", "answer", NULL};

        sb_printf(&b, "{\"instruction\":\"Hello\",\"output\":\"");
        sb_json(&b, output, strlen(output));
        sb_puts(&b, "\"");
        if (extra[i]) {
            sb_printf(&b, ",\"%s\":\"", extra[i]);
            sb_json(&b, said, strlen(said));
            sb_puts(&b, "\"");
        }
        sb_puts(&b, "}\n");
    }
    support_write(x->file, b.s, b.len);
    s = (struct evaluate_spec){
        .name = word("FA"), .data = x->file, .metric = word("exact"), .max_new_tokens = 20};
    assert_ok(lab_run(x, &s, 4, &r, NULL, &err), &err);
    assert_true(r.sample[0].correct && r.sample[1].correct && r.sample[2].correct &&
                !r.sample[3].correct);
    assert_int_equal(r.count, 3);
    assert_true(r.value == 0.75);
    assert_string_equal(r.sample[1].expected, said);
    assert_string_equal(r.sample[3].expected, "wrong");
    eval_result_done(&r);
    sb_done(&b);
}

/* More questions than go through in one group, with any number of slots. */
static void test_many_questions(void **state)
{
    enum { MANY = 75 };
    struct vac_err err = {0};
    struct eval_result r, other;
    struct evaluate_spec s;
    struct lab *x = *state;
    struct strbuf b = {0};
    char want[128], text[32];

    for (int i = 0; i < MANY; i++)
        sb_printf(&b, "{\"prompt\":\"Question %d\",\"response\":\"\"}\n", i);
    support_write(x->file, b.s, b.len);
    s = judged(x);
    s.max_new_tokens = 8;
    assert_ok(lab_run(x, &s, 16, &r, NULL, &err), &err);
    assert_ok(lab_run(x, &s, 5, &other, NULL, &err), &err);
    assert_int_equal(r.n, MANY);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "Question %zu", i);
        assert_string_equal(r.sample[i].prompt, text);
        assert_string_equal(r.sample[i].answer, other.sample[i].answer);
        if (i % 20 == 0) {
            greedy(x, text, 8, want);
            assert_string_equal(r.sample[i].answer, want);
        }
    }
    eval_result_done(&r);
    eval_result_done(&other);
    sb_done(&b);
}

static void test_stopping(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct lab *x = *state;
    size_t limit = 1;

    write_questions(x);
    s = judged(x);
    assert_int_equal(lab_run(x, &s, 2, &r, &limit, &err), -1);
    assert_int_equal(err.code, VAC_ERR_STOPPED);
    assert_null(r.sample);
    err_clear(&err);
    limit = 0; /* who does not want it at all asks for nothing */
    assert_int_equal(lab_run(x, &s, 2, &r, &limit, &err), -1);
    assert_string_equal(err.msg, "stopped before the first answer");
}

/* --- loss --- */

static void test_metric_loss(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct lab *x = *state;
    struct evaluate_spec s;
    struct evaluation *e;
    struct acts *a;
    struct acts_room room;
    struct dataset d = {0};
    struct dataset_spec ds;
    struct strbuf line = {0};
    double per[4], want, rest = 0, half;

    support_write_text(
        x->file,
        "{\"prompt\":\"a\",\"response\":\"one\"}\n{\"prompt\":\"b\",\"response\":\"twenty\"}\n"
        "{\"prompt\":\"c\",\"response\":\"3\"}\n");
    s = (struct evaluate_spec){.name = word("loss"), .data = x->file, .metric = word("loss")};
    ds = (struct dataset_spec){.file = x->file};
    e = evaluation_open(&s, &x->enc, x->m, &err);
    if (!e)
        fail_msg("%s", err.msg);
    assert_int_equal(evaluation_longest(e), 0);
    room = evaluation_room(e);
    assert_ok(dataset_add(&d, &ds, &x->enc, &err), &err);
    assert_int_equal(room.rows, d.longest);
    assert_int_equal(room.labelled, 7); /* "twenty" and </s> */
    a = acts_new(x->m, room.rows, room.labelled, room.context, false, &err);
    want = dataset_loss(x->m, a, room.rows, &d, per, NULL);
    assert_ok(evaluation_run(e, NULL, a, room.rows, &r, NULL, NULL, &err), &err);
    assert_int_equal(r.n, 3);
    assert_true(r.value == want);
    for (size_t i = 0; i < 3; i++) {
        double over = (per[i] - want) * (double)d.sample[i].n_labels;
        assert_true(r.sample[i].loss == per[i]);
        rest += over * over;
    }
    half = 1.959964 * sqrt(1.5 * rest) / (double)d.labels;
    assert_true(fabs(r.ci.hi - want - half) < 1e-5 && fabs(want - r.ci.lo - half) < 1e-5);
    score_of(e, &r, &line);
    assert_null(strstr(line.s, "count"));
    eval_result_done(&r);
    assert_int_equal(evaluation_run(e, NULL, NULL, 0, &r, NULL, NULL, &err), -1);
    assert_error(&err, "activations");
    err_clear(&err);
    assert_int_equal(evaluation_run(e, NULL, a, 3, &r, NULL, NULL, &err), -1);
    assert_error(&err, "there is room for 3");
    evaluation_close(e);
    acts_free(a);
    dataset_done(&d);
    sb_done(&line);
}

/* --- files --- */

static cJSON *read_result(const char *dir, const char *name)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(support_join(dir, name), 1 << 20, &err);

    if (!doc)
        fail_msg("%s", err.msg);
    return doc;
}

static double number_at(const cJSON *doc, const char *a, const char *b)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(doc, a), b);

    if (!cJSON_IsNumber(x))
        fail_msg("no number %s.%s", a, b);
    return x->valuedouble;
}

static void check_results(const struct eval_result *r, const char *dir)
{
    cJSON *doc = read_result(dir, "results_HS_attack-10.json");
    const cJSON *hs = cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "results"), "HS");
    const cJSON *categories = cJSON_GetObjectItem(doc, "categories");

    assert_true(fabs(cJSON_GetObjectItem(hs, "answered_rate,none")->valuedouble - r->value) <
                1e-12);
    assert_true(fabs(cJSON_GetObjectItem(hs, "answered_rate_stderr,none")->valuedouble -
                     sqrt(r->value * (1 - r->value) / 3)) < 1e-12);
    assert_true(number_at(doc, "score", "n") == ASKED);
    assert_true(number_at(doc, "score", "count") == (double)r->count);
    assert_true(number_at(doc, "score", "lo") == r->ci.lo);
    assert_true(number_at(doc, "verdicts", "refused") == (double)r->verdict[VERDICT_REFUSED]);
    assert_true(number_at(doc, "config", "max_new_tokens") == 20);
    assert_int_equal(cJSON_GetArraySize(categories), 2);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(categories, 1), "name")->valuestring,
                        "person");
    cJSON_Delete(doc);
}

static void check_samples(const struct eval_result *r, const char *dir)
{
    struct vac_err err = {0};
    char path[1300], *text, *save = NULL;
    size_t len, i = 0;

    snprintf(path, sizeof path, "%s/samples_HS_attack-10.jsonl", dir);
    text = file_read(path, 1 << 20, &len, &err);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), i++) {
        cJSON *row = json_parse(line, strlen(line), path, &err);

        assert_int_equal(cJSON_GetObjectItem(row, "doc_id")->valueint, (int)i);
        assert_string_equal(cJSON_GetObjectItem(row, "prompt")->valuestring, r->sample[i].prompt);
        assert_string_equal(cJSON_GetObjectItem(row, "answer")->valuestring, r->sample[i].answer);
        assert_string_equal(cJSON_GetObjectItem(row, "verdict")->valuestring,
                            verdict_names[r->sample[i].rating.verdict]);
        assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(row, "counted")), r->sample[i].counted);
        cJSON_Delete(row);
    }
    assert_int_equal(i, r->n);
    free(text);
}

static void test_files(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct evaluation *e;
    struct generator *g;
    struct lab *x = *state;
    char out[1200], path[1300], *first, *second;
    size_t n, m;
    struct strbuf line = {0};

    write_questions(x);
    s = judged(x);
    e = evaluation_open(&s, &x->enc, x->m, &err);
    g = generator_new(x->m, 2, 64, &err);
    assert_ok(evaluation_run(e, g, NULL, 0, &r, NULL, NULL, &err), &err);
    snprintf(out, sizeof out, "%s/made/eval", x->dir);
    assert_ok(eval_result_write(e, &r, out, "attack-10", &err), &err);
    check_results(&r, out);
    check_samples(&r, out);
    snprintf(path, sizeof path, "%s/results_HS_attack-10.json", out);
    first = file_read(path, 1 << 20, &n, &err);
    assert_ok(eval_result_write(e, &r, out, "attack-10", &err), &err);
    second = file_read(path, 1 << 20, &m, &err);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    score_of(e, &r, &line);
    assert_true(strncmp(line.s, "{\"name\":\"HS\",\"value\":", 21) == 0);
    assert_non_null(strstr(line.s, ",\"n\":4,\"lo\":"));
    assert_int_equal(eval_result_write(e, &r, out, "../x", &err), -1);
    assert_error(&err, "label");
    free(first);
    free(second);
    sb_done(&line);
    eval_result_done(&r);
    generator_free(g);
    evaluation_close(e);
}

/* --- what is refused --- */

static void assert_refused(struct lab *x, struct evaluate_spec s, const char *text)
{
    struct vac_err err = {0};
    struct evaluation *e = evaluation_open(&s, &x->enc, x->m, &err);

    if (e)
        fail_msg("expected \"%s\"", text);
    assert_error(&err, text);
}

static void test_bad_entries(void **state)
{
    struct evaluate_spec s;
    struct lab *x = *state;
    char none[] = "/nowhere/at/all";

    write_questions(x);
#define WITH(change, text) s = judged(x), change, assert_refused(x, s, text)
    WITH(s.name = NULL, "name: expected");
    WITH(s.name = word("a/b"), "name: expected");
    WITH(s.name = word(".hidden"), "name: expected");
    WITH(s.metric = word("label"), "either judge (with prompts) or metric (with data), not both");
    WITH(s.judge = NULL, "not neither");
    WITH(s.judge = word("refusals"), "did you mean \"refusal\"");
    WITH(s.prompts = NULL, "needs prompts");
    WITH(s.data = x->file, "needs prompts, not data");
    WITH(s.prompts = none, "prompts: \"/nowhere/at/all\" not found");
    WITH(s.options = own_options("refusal", NULL, "phrases", none),
         "phrases: \"/nowhere/at/all\" not found");
    WITH((s.judge = word("command"), s.options = own_options("command", NULL, NULL, NULL)),
         "needs command");
    WITH(s.take = 5, "take asks for 5 rows, but the file holds only 4");
#define METRIC(change, text)                                                                       \
    s =                                                                                            \
        (struct evaluate_spec){                                                                    \
            .name = word("FA"), .data = x->file, .metric = word("label"), .max_new_tokens = 9},    \
    change, assert_refused(x, s, text)
    METRIC(s.metric = word("lable"), "did you mean \"label\"");
    METRIC(s.prompts = x->file, "needs data, not prompts");
    METRIC(s.data = NULL, "needs data");
    METRIC((s.take = 1, s.from = 1), "rows.jsonl:1: the row has no answer");
    support_write_text(x->file, "{\"text\":\"once\"}\n");
    WITH(s.take = 0, "rows.jsonl:1: the row has no user turn");
    support_write_text(x->file, "{\"input_ids\":[1,2,3]}\n");
    WITH(s.take = 0, "rows.jsonl:1: the row has no user turn");
    support_write_text(
        x->file, "{\"prompt\":\"1234567890123456789012345678901234567890123456789012345678901234\","
                 "\"response\":\"\"}\n");
    WITH(s.take = 0, "the prompt has 65 tokens, but the model takes less than 64");
    x->enc.tok = NULL;
    WITH(s.take = 0, "needs a tokenizer");
}

/* A generator with too little room would silently cut answers to nothing. */
static void test_no_room_for_prompt(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct evaluation *e;
    struct generator *g;
    struct lab *x = *state;

    write_questions(x);
    s = judged(x);
    e = evaluation_open(&s, &x->enc, x->m, &err);
    assert_int_equal(evaluation_longest(e), 1 + strlen(asked[0]));
    g = generator_new(x->m, 1, evaluation_longest(e), &err);
    assert_int_equal(evaluation_run(e, g, NULL, 0, &r, NULL, NULL, &err), -1);
    assert_error(&err, "longest prompt has 19 tokens");
    err_clear(&err);
    assert_int_equal(evaluation_run(e, NULL, NULL, 0, &r, NULL, NULL, &err), -1);
    assert_error(&err, "generator");
    generator_free(g);
    evaluation_close(e);
}

/* A judge that fails ends the evaluation with its message. */
static void test_failing_judge(void **state)
{
    struct vac_err err = {0};
    struct eval_result r;
    struct evaluate_spec s;
    struct lab *x = *state;

    write_questions(x);
    s = judged(x);
    s.judge = word("command");
    s.options = own_options("command", NULL, "command", "echo sorry >&2; exit 4");
    assert_int_equal(lab_run(x, &s, 2, &r, NULL, &err), -1);
    assert_error(&err, "exit status 4 after 0 of 4 answers; it said: \"sorry\"");
}

/* --- comparing two samples files --- */

static void write_samples(const char *path, const char *kind, const int *counted, size_t n)
{
    struct strbuf b = {0};

    for (size_t i = 0; i < n; i++)
        if (!strcmp(kind, "loss"))
            sb_printf(&b, "{\"doc_id\":%zu,\"loss\":%d.5}\n", i, counted[i]);
        else
            sb_printf(&b,
                      "{\"doc_id\":%zu,\"prompt\":\"%s %zu\",\"answer\":\"x\",\"counted\":%s}\n", i,
                      kind, i, counted[i] ? "true" : "false");
    support_write(path, b.s, b.len);
    sb_done(&b);
}

static void assert_no_pair(const char *a, const char *b, const char *text)
{
    struct comparison c;
    struct vac_err err = {0};

    assert_int_equal(compare_samples(&c, a, b, 100, 1, &err), -1);
    assert_error(&err, text);
}

/* A difference of scores may be one of "other". */
static void test_compare_tells_verdicts(void **state)
{
    const char *dir = support_tmp();
    struct vac_err err = {0};
    struct comparison c;
    char a[1200], b[1200];

    (void)state;
    snprintf(a, sizeof a, "%s/a.jsonl", dir);
    snprintf(b, sizeof b, "%s/b.jsonl", dir);
    support_write_text(a, "{\"prompt\":\"1\",\"verdict\":\"answered\",\"counted\":true}\n"
                          "{\"prompt\":\"2\",\"verdict\":\"refused\",\"counted\":false}\n");
    support_write_text(b, "{\"prompt\":\"1\",\"verdict\":\"other\",\"counted\":false}\n"
                          "{\"prompt\":\"2\",\"verdict\":\"other\",\"counted\":false}\n");
    assert_ok(compare_samples(&c, a, b, 100, 1, &err), &err);
    assert_int_equal(c.verdict_a[VERDICT_ANSWERED], 1);
    assert_int_equal(c.verdict_a[VERDICT_REFUSED], 1);
    assert_int_equal(c.verdict_b[VERDICT_OTHER], 2);
    assert_true(c.diff.p > 0);
}

static void test_compare(void **state)
{
    const int x[] = {1, 1, 1, 0, 1, 0}, y[] = {0, 1, 0, 0, 1, 0};
    const double a[] = {1, 1, 1, 0, 1, 0}, b[] = {0, 1, 0, 0, 1, 0};
    struct difference d = paired_bootstrap(a, b, 6, 1000, 3);
    struct comparison c;
    struct vac_err err = {0};
    const char *dir = support_tmp();
    char pa[1200], pb[1200];

    (void)state;
    snprintf(pa, sizeof pa, "%s/a.jsonl", dir);
    snprintf(pb, sizeof pb, "%s/b.jsonl", dir);
    write_samples(pa, "p", x, 6);
    write_samples(pb, "p", y, 6);
    assert_ok(compare_samples(&c, pa, pb, 1000, 3, &err), &err);
    assert_int_equal(c.n, 6);
    assert_true(c.a == 4 / 6.0 && c.b == 2 / 6.0 && !c.loss);
    assert_true(c.diff.mean == d.mean && c.diff.ci.lo == d.ci.lo && c.diff.ci.hi == d.ci.hi &&
                c.diff.p == d.p);
    write_samples(pb, "p", y, 5);
    assert_no_pair(pa, pb, "6 samples");
    write_samples(pb, "q", y, 6);
    assert_no_pair(pa, pb, "sample 1 is not the same prompt");
    write_samples(pb, "loss", y, 6);
    assert_no_pair(pa, pb, "holds answers and");
    write_samples(pa, "loss", x, 6);
    assert_ok(compare_samples(&c, pa, pb, 1000, 3, &err), &err);
    assert_true(c.loss && fabs(c.a - c.b - 2 / 6.0) < 1e-12);
    support_write_text(pa, "");
    assert_no_pair(pa, pb, "holds no samples");
    support_write_text(pa, "{\"loss\":1}\n\n[1]\n");
    assert_no_pair(pa, pb, "a.jsonl:3: expected a sample");
    support_write_text(pa, "{\"prompt\":\"p\"}\n");
    assert_no_pair(pa, pb, "a.jsonl:1: \"counted\"");
    assert_no_pair("/nowhere", pb, "/nowhere");
}

int main(void)
{
#define LAB(f) cmocka_unit_test_setup_teardown(f, lab_open, lab_close)
    const struct CMUnitTest tests[] = {
        LAB(test_answers_are_greedy),
        LAB(test_verdicts_are_counted),
        LAB(test_what_lies_under),
        LAB(test_others_are_told),
        LAB(test_metric_counts),
        LAB(test_many_questions),
        LAB(test_stopping),
        LAB(test_metric_loss),
        LAB(test_files),
        LAB(test_bad_entries),
        LAB(test_no_room_for_prompt),
        LAB(test_failing_judge),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_tells_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
