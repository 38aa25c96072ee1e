/* test_spec.c - the run description: defaults, every message, overrides, paths, the resolved form,
 * and files of every wrong kind. */
#include "support.h"
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include "judge/judge.h"
#include "own_support.h"
#include "defense/method.h"
#include "spec/spec.h"
#include "spec/spec_tables.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char full_text[8192]; /* golden/spec/lab.json, which has every key */

static const char small_text[] =
    "{ \"model\": \"tiny-base\", \"stages\": [ { \"train\": [\"align.jsonl\"] } ] }";

static const char config_text[] =
    "{ \"model_type\": \"llama\", \"vocab_size\": 32, \"hidden_size\": 8, \"intermediate_size\": "
    "16,"
    "  \"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"num_key_value_heads\": 2,"
    "  \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-6, \"rope_theta\": 10000.0 }";

static char folder[PATH_MAX]; /* holds the files that the texts name */
static char run_file[PATH_MAX + 16];

static const char *in_folder(const char *name)
{
    static char paths[4][2 * PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

static int setup(void **state)
{
    static const char *const files[] = {"align.jsonl",     "task.jsonl",        "harmful.jsonl",
                                        "probes.jsonl",    "hazard-test.jsonl", "benign-test.jsonl",
                                        "task-test.jsonl", "phrases.json"};
    static const char *const folders[] = {"tiny-base", "tok", "adapter", "judge"};

    FILE *f;

    (void)state;
    if (!realpath(support_tmp(), folder))
        return -1;
    for (size_t i = 0; i < COUNT(files); i++)
        support_write_text(in_folder(files[i]), "{}\n");
    for (size_t i = 0; i < COUNT(folders); i++)
        if (mkdir(in_folder(folders[i]), 0700))
            return -1;
    snprintf(run_file, sizeof run_file, "%s", in_folder("lab.json"));
    f = fopen(support_path("golden/spec/lab.json"), "r");
    if (!f || !fread(full_text, 1, sizeof full_text - 1, f) || fclose(f))
        return -1;
    setenv("HF_HUB_CACHE", in_folder("no-cache"), 1);
    return 0;
}

/* Reads a text with up to four overrides (NULL = none). */
static int read_text(struct run_spec *s, const char *text, const char *const set[4],
                     struct vac_err *err)
{
    size_t n = 0;

    while (set && n < 4 && set[n])
        n++;
    support_write_text(run_file, text);
    return spec_read(s, run_file, set, n, err);
}

static char *text_of(const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    assert_non_null(text);
    return text;
}

/* The resolved description read again resolves to the same text, from a run.json and as a run file.
 */
static void check_again(const struct run_spec *s)
{
    char *text = text_of(s->json), *again, whole[32768];
    struct vac_err err = {0};
    struct run_spec t;
    cJSON *doc;
    struct jnode root;

    assert_true(snprintf(whole, sizeof whole, "{\"spec\": %s}", text) < (int)sizeof whole);
    doc = cJSON_Parse(whole);
    assert_non_null(doc);
    root = json_root(doc, "run.json");
    assert_ok(spec_from(&t, &root, "/nowhere", &err), &err);
    assert_string_equal(t.file, "");
    again = text_of(t.json);
    assert_string_equal(again, text);
    free(again);
    spec_done(&t);
    cJSON_Delete(doc);
    assert_ok(read_text(&t, text, NULL, &err), &err);
    again = text_of(t.json);
    assert_string_equal(again, text);
    free(again);
    spec_done(&t);
    free(text);
}

static void check_clean(const struct run_spec *s)
{
    const struct run_spec none = {0};

    assert_memory_equal(s, &none, sizeof none);
}

/* ---- What is read ---- */

static void test_defaults(void **state)
{
    struct vac_err err = {0};
    struct run_spec s;
    const struct stage_spec *st;

    (void)state;
    assert_ok(read_text(&s, small_text, NULL, &err), &err);
    assert_string_equal(s.file, run_file);
    assert_string_equal(s.model, in_folder("tiny-base"));
    assert_null(s.tokenizer);
    assert_null(s.template_name);
    assert_int_equal(strlen(s.today), 10);
    assert_int_equal(s.max_length, 200);
    assert_int_equal(s.seed, 1);
    assert_int_equal(s.threads, 0);
    assert_int_equal(s.log_every, 10);
    assert_true(s.disk_wait == 10);
    assert_int_equal(s.n_stages, 1);
    st = s.stage;
    assert_string_equal(st->name, "stage1");
    assert_ptr_equal(st->method, method_find("sft", NULL));
    assert_null(st->options);
    assert_int_equal(st->stream[0].n, 1);
    assert_string_equal(st->stream[0].file[0].file, in_folder("align.jsonl"));
    assert_false(st->mixed || st->full || st->stream[0].file[0].harmful ||
                 st->stream[0].file[0].repeat);
    assert_int_equal(st->lora.r, 8);
    assert_true(st->lora.alpha == 4 && st->lora.dropout == 0 && !st->lora.rslora);
    assert_false(st->lora.dropout_given);
    assert_string_equal(st->lora.targets, "all");
    assert_null(st->lora.init);
    assert_int_equal(st->adapter, ADAPTER_NEW);
    assert_true(st->epochs == 1 && st->steps == 0 && st->samples == 0);
    assert_int_equal(st->batch_size, 5);
    assert_int_equal(st->accumulate, 1);
    assert_true(st->lr == 1e-3 && st->warmup_ratio == 0.1 && st->weight_decay == 0.1);
    assert_true(st->max_grad_norm == 1 && st->beta1 == 0.9 && st->beta2 == 0.999);
    assert_true(st->adam_eps == 1e-8 && st->schedule == SCHEDULE_COSINE && st->shuffle);
    assert_true(s.checkpoint.steps == 200 && s.checkpoint.minutes == 5 && s.checkpoint.keep == 3);
    assert_int_equal(s.watch.every, 20);
    assert_false(s.watch.has_drift || s.watch.has_align || s.watch.has_harmful ||
                 s.watch.has_probes);
    assert_string_equal(s.watch.probes_judge, "refusal");
    assert_int_equal(s.n_evaluate, 0);
    check_again(&s);
    spec_done(&s);
    check_clean(&s);
    spec_done(&s);
}

static void check_full_stages(const struct run_spec *s)
{
    const struct stage_spec *align = &s->stage[0], *attack = &s->stage[1];
    struct live_option o;

    assert_int_equal(s->n_stages, 2);
    assert_string_equal(align->name, "align");
    assert_string_equal(align->method->name, "vaccine");
    assert_non_null(align->options);
    assert_true(align->epochs == 50 && align->lora.dropout_given);
    assert_true(spec_live(&s->stage[0], 3, &o));
    assert_string_equal(o.row->name, "rho");
    assert_true(*(double *)((char *)o.base + o.row->offset) == 2);
    assert_int_equal(attack->stream[0].n, 2);
    assert_true(attack->stream[0].file[0].take == 900 && attack->stream[0].file[0].skip == 3);
    assert_true(attack->stream[0].file[0].repeat && attack->stream[0].file[1].harmful &&
                !attack->stream[0].file[0].harmful);
    assert_true(attack->mixed && attack->samples == 1000 && attack->harmful_ratio == 0.1);
    assert_string_equal(attack->lora.targets, "q_proj,v_proj");
    assert_true(attack->lora.alpha == 1);
    assert_false(attack->lora.dropout_given);
    assert_true(attack->epochs == 20 && attack->lr == 1e-5);
}

static void test_full(void **state)
{
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_ok(read_text(&s, full_text, NULL, &err), &err);
    check_full_stages(&s);
    assert_string_equal(s.tokenizer, in_folder("tok"));
    assert_true(s.watch.has_drift && s.watch.has_align && s.watch.has_harmful &&
                s.watch.has_probes);
    assert_true(s.watch.drift.take == 50 && s.watch.harmful_loss.take == 64);
    assert_true(s.watch.probes_every == 100 && s.watch.probes_tokens == 64);
    assert_string_equal(s.watch.probes.file, in_folder("probes.jsonl"));
    assert_int_equal(s.n_evaluate, 3);
    assert_string_equal(s.evaluate[0].prompts, in_folder("hazard-test.jsonl"));
    assert_string_equal(own_text("refusal", s.evaluate[0].options, "phrases"),
                        in_folder("phrases.json"));
    assert_string_equal(s.evaluate[0].stages[0], "attack");
    assert_null(s.evaluate[0].stages[1]);
    assert_int_equal(s.evaluate[0].every, 10);
    assert_null(s.evaluate[1].stages);
    assert_int_equal(s.evaluate[1].count, VERDICT_REFUSED);
    assert_string_equal(s.evaluate[2].metric, "label");
    assert_string_equal(s.evaluate[2].data, in_folder("task-test.jsonl"));
    check_again(&s);
    spec_done(&s);
}

static void test_random_model(void **state)
{
    char config[1024], text[4096];
    const char *const set[4] = {"model=null", "init=random", config, "stages[0].lora=null"};
    const char *const lora[4] = {"model=null", "init=random", config};
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    snprintf(config, sizeof config, "config=%s", config_text);
    assert_ok(read_text(&s, small_text, set, &err), &err);
    assert_true(s.init_random);
    assert_null(s.model);
    assert_int_equal(cJSON_GetObjectItem(s.config, "hidden_size")->valueint, 8);
    check_again(&s);
    spec_done(&s);
    assert_int_equal(read_text(&s, small_text, lora, &err), -1);
    assert_error(&err,
                 "stages[0].lora: a random model is first trained whole: write \"lora\": null");
    err_clear(&err);
    snprintf(text, sizeof text,
             "{\"init\": \"random\", \"config\": {\"model_type\": \"llama\", \"hiden_size\""
             ": 1}, \"stages\": [{\"lora\": null, \"train\": [\"align.jsonl\"]}]}");
    assert_int_equal(read_text(&s, text, NULL, &err), -1);
    assert_error(&err, "lab.json: config");
    check_clean(&s);
}

/* ---- Messages ---- */

/* What stands behind the override that is to blame; what is wrong with one as such stands whole. */
static const char *after_set(const struct vac_err *err, const char *const set[4],
                             const char *wanted)
{
    char named[256];

    assert_int_equal(err->code, VAC_ERR_USAGE);
    if (wanted && !strncmp(wanted, "--set ", 6))
        return err->msg;
    if (!strncmp(err->msg, "--set: ", 7)) /* only several together are wrong */
        return err->msg + 7;
    for (size_t i = 0; i < 4 && set[i]; i++) {
        int n = snprintf(named, sizeof named, "--set %.100s: ", set[i]);

        if (!strncmp(err->msg, named, (size_t)n))
            return err->msg + n;
    }
    fail_msg("no override is named: %s", err->msg);
    return NULL;
}

/* Returns whether the message is the wanted one, which may end in "...". */
static bool is_message(const char *msg, const char *wanted)
{
    size_t n = strlen(wanted);

    if (n > 3 && !strcmp(wanted + n - 3, "..."))
        return !strncmp(msg, wanted, n - 3);
    return !strcmp(msg, wanted);
}

/* `wanted` is a message, or NULL when the overrides are right. */
static void check_overrides(const char *const set[4], const char *wanted)
{
    struct vac_err err = {0};
    struct run_spec s;

    if (read_text(&s, full_text, set, &err) == 0) {
        if (wanted)
            fail_msg("accepted: %s", set[0]);
        check_again(&s);
        spec_done(&s);
        return;
    }
    check_clean(&s);
    if (!wanted || !is_message(after_set(&err, set, wanted), wanted))
        fail_msg("%s: expected \"%s\", got \"%s\"", set[0], wanted ? wanted : "ok", err.msg);
}

static void test_overrides(void **state)
{
    FILE *f = fopen(support_path("golden/spec/overrides.txt"), "r");
    char line[8][512];
    const char *set[4] = {NULL};
    size_t n = 0, checked = 0;

    (void)state;
    assert_non_null(f);
    while (n < 4 && fgets(line[n], sizeof line[n], f)) {
        line[n][strcspn(line[n], "\n")] = '\0';
        if (!strcmp(line[n], "ok") || !strncmp(line[n], "! ", 2)) {
            check_overrides(set, line[n][0] == '!' ? line[n] + 2 : NULL);
            memset(set, 0, sizeof set);
            n = 0;
            checked++;
        } else if (line[n][0] && line[n][0] != '#') {
            set[n] = line[n];
            n++;
        }
    }
    fclose(f);
    assert_int_equal(n, 0);
    assert_true(checked >= 100);
}

/* Not reachable by overrides: the file as a whole. */
static void test_whole_file(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[]", "lab.json: expected an object {...}, found a list"},
        {"", "lab.json:1:1: empty"},
        {"{", "lab.json:1:"},
        {"{\"model\": \"tiny-base\", \"model\": \"tiny-base\"}",
         "lab.json: key \"model\" stands here twice"},
        {"{\"stages\": 1, \"model\": \"tiny-base\"}",
         "lab.json: stages: expected a list [...], found 1"},
        {"{\"model\": \"tiny-base\"}", "lab.json: \"stages\" is missing"},
    };
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        err_clear(&err);
        assert_int_equal(read_text(&s, cases[i].text, NULL, &err), -1);
        assert_error(&err, cases[i].says);
        check_clean(&s);
    }
    err_clear(&err);
    assert_int_equal(spec_read(&s, in_folder("none.json"), NULL, 0, &err), -1);
    assert_error(&err, "none.json: cannot open");
    check_clean(&s);
}

static void check_from(const char *text, const char *says)
{
    struct vac_err err = {0};
    struct run_spec s;
    cJSON *doc = cJSON_Parse(text);
    struct jnode root = json_root(doc, "run.json");

    assert_int_equal(spec_from(&s, &root, folder, &err), -1);
    assert_string_equal(err.msg, says);
    check_clean(&s);
    cJSON_Delete(doc);
}

static void test_from(void **state)
{
    (void)state;
    check_from("{}", "run.json: \"spec\" is missing (an object {...})");
    check_from("{\"spec\": 1}", "run.json: spec: expected an object {...}, found 1");
    check_from("{\"spec\": {\"model\": \"tiny-base\", \"stages\": [{\"train\": [\"a\"]}]}}",
               "run.json: spec.stages[0].train[0]: \"a\" not found");
}

/* ---- Overrides ---- */

static void test_set(void **state)
{
    static const char *const set[] = {
        "stages[1].lr=2e-4",    "stages.attack.batch_size=7", "stages.align.rho=0.5",
        "watch.every=3",        "evaluate.HS.take=11",        "evaluate[2].name=F.A",
        "evaluate.F.A.take=12", "stages[1].train[1].take=4",  "stages.attack.train[0].skip=5",
        "stages[0].name=first", "stages.first.seed_=null",    "stages.first.seed_=null",
    };
    struct vac_err err = {0};
    struct run_spec s;
    struct live_option o;

    (void)state;
    support_write_text(run_file, full_text);
    assert_ok(spec_read(&s, run_file, set, 10, &err), &err);
    assert_true(s.stage[1].lr == 2e-4 && s.stage[1].batch_size == 7);
    assert_true(spec_live(&s.stage[0], 3, &o));
    assert_true(*(double *)((char *)o.base + o.row->offset) == 0.5);
    assert_int_equal(s.watch.every, 3);
    assert_int_equal(s.evaluate[0].take, 11);
    assert_int_equal(s.evaluate[2].take, 12);
    assert_int_equal(s.stage[1].stream[0].file[1].take, 4);
    assert_int_equal(s.stage[1].stream[0].file[0].skip, 5);
    assert_string_equal(s.stage[0].name, "first");
    spec_done(&s);
    assert_int_equal(spec_read(&s, run_file, set, COUNT(set), &err), -1);
    assert_error(&err, "stages[0]: unknown key \"seed_\"");
    check_clean(&s);
}

/* The override to blame is named, and the file that has no fault is not. */
static void test_set_is_blamed(void **state)
{
    static const struct {
        const char *const set[4], *says;
    } cases[] = {
        {{"stages.align.rho=-5"}, "--set stages.align.rho=-5: stages[0].rho: expected a number"},
        {{"seed=2", "stages.align.rho=-5", "model=tiny-base"},
         "--set stages.align.rho=-5: stages[0]"},
        {{"stages.align.lr=-1", "stages.align.rho=-5"},
         "--set stages.align.rho=-5: stages[0].rho: "},
        {{"model=/nowhere"}, "--set model=/nowhere: model: \"/nowhere\" not found"},
        {{"model=/nowhere", "model=/nowhere"}, "--set: model: \"/nowhere\" not found"},
    };
    struct vac_err err;
    struct run_spec s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(read_text(&s, full_text, cases[i].set, &err), -1);
        assert_int_equal(err.code, VAC_ERR_USAGE);
        if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)))
            fail_msg("expected \"%s\", got \"%s\"", cases[i].says, err.msg);
    }
}

/* Objects on the way are made; stages without names go by the names they will have. */
static void test_set_makes(void **state)
{
    static const char *const set[4] = {"watch.drift.file=align.jsonl", "stages.stage1.lora.r=4",
                                       "checkpoint={\"keep\": 9}", "description=12 apples"};
    static const char *const null_first[4] = {"stages[0].lora=null", "stages[0].lora.r=4"};
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_ok(read_text(&s, small_text, set, &err), &err);
    assert_true(s.watch.has_drift && s.stage[0].lora.r == 4 && s.checkpoint.keep == 9);
    assert_string_equal(s.description, "12 apples");
    spec_done(&s);
    assert_ok(read_text(&s, small_text, null_first, &err), &err);
    assert_true(!s.stage[0].full && s.stage[0].lora.r == 4);
    spec_done(&s);
}

/* Overrides that a line of the file cannot hold. */
static void test_set_errors(void **state)
{
    static const char *const set[2][4] = {{""}, {"seed=\xff"}};

    (void)state;
    check_overrides(set[0], "--set : expected PATH=VALUE, like stages[0].lr=1e-4");
    check_overrides(set[1], "--set seed=\\xff: not valid UTF-8");
}

/* ---- Paths ---- */

/* The folder of the file counts, not the current one. */
static void test_paths(void **state)
{
    static const char *const wrong[1] = {"stages[1].train[0].file=tsak.jsonl"};
    char before[PATH_MAX];
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    support_write_text(run_file, full_text);
    assert_int_equal(chdir(folder), 0);
    assert_ok(spec_read(&s, "lab.json", NULL, 0, &err), &err);
    assert_string_equal(s.file, run_file);
    assert_string_equal(s.stage[0].stream[0].file[0].file, in_folder("align.jsonl"));
    spec_done(&s);
    assert_int_equal(spec_read(&s, "lab.json", wrong, 1, &err), -1);
    assert_string_equal(err.msg,
                        "--set stages[1].train[0].file=tsak.jsonl: stages[1].train[0].file: "
                        "\"tsak.jsonl\" not found (did you mean \"task.jsonl\"?)");
    err_clear(&err);
    assert_int_equal(chdir(in_folder("tok")), 0);
    assert_ok(spec_read(&s, "../lab.json", NULL, 0, &err), &err);
    assert_string_equal(s.file, run_file);
    assert_string_equal(s.model, in_folder("tiny-base"));
    spec_done(&s);
    assert_int_equal(chdir(before), 0);
}

/* A name in the cache, and a folder that is only beside us and not beside the file. */
static void test_model_names(void **state)
{
    static const char *const set[4] = {"model=ours/small"};
    const char *other = support_tmp();
    char before[PATH_MAX], path[2 * PATH_MAX];
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(other), 0);
    assert_int_equal(mkdir("models--ours--small", 0700) | mkdir("models--ours--small/refs", 0700) |
                         mkdir("models--ours--small/snapshots", 0700) |
                         mkdir("models--ours--small/snapshots/0123abcd", 0700),
                     0);
    support_write_text("models--ours--small/refs/main", "0123abcd");
    assert_int_equal(chdir(before), 0);
    setenv("HF_HUB_CACHE", other, 1);
    assert_ok(read_text(&s, small_text, set, &err), &err);
    snprintf(path, sizeof path, "%s/models--ours--small/snapshots/0123abcd", other);
    assert_string_equal(s.model, path);
    check_again(&s);
    spec_done(&s);
    setenv("HF_HUB_CACHE", in_folder("no-cache"), 1);
    assert_int_equal(chdir(other), 0);
    assert_int_equal(mkdir("ours", 0700) | mkdir("ours/small", 0700), 0);
    assert_int_equal(read_text(&s, small_text, set, &err), -1);
    assert_string_equal(after_set(&err, set, NULL),
                        "model: \"ours/small\" is in the current folder, but paths are "
                        "relative to the run file: give the whole path");
    assert_int_equal(chdir(before), 0);
}

/* ---- Tables ---- */

/* Rows have help, no name twice, and defaults that they themselves allow. */
static void check_table(const char *section, const struct option_row *rows)
{
    for (const struct option_row *r = rows; r->name; r++) {
        struct strbuf wants = {0};

        assert_non_null(r->help);
        assert_ptr_equal(option_find(rows, r->name), r);
        if (r->help[0] == '\0' || r->help[strlen(r->help) - 1] == '.')
            fail_msg("%s: %s: help is empty or ends with a full stop", section, r->name);
        if (r->type == OPTION_NUM && (r->min || r->max) && (r->def < r->min || r->def > r->max))
            fail_msg("%s: %s: default out of range", section, r->name);
        option_wants(r, &wants);
        assert_true(wants.len > 0 && !wants.bad);
        sb_done(&wants);
    }
}

static void test_sections(void **state)
{
    static const char *const first[] = {"",
                                        "stages[]",
                                        "stages[].train[]",
                                        "stages[].until",
                                        "stages[].rho_control",
                                        "stages[].rho_schedule",
                                        "stages[].lora",
                                        "checkpoint",
                                        "watch",
                                        "watch.probes",
                                        "attack",
                                        "evaluate[]",
                                        "guards[]",
                                        "method sft",
                                        "method vaccine",
                                        "method random"};
    struct option_section o, stage;
    size_t n = 0;

    (void)state;
    assert_true(spec_section(1, &stage));
    for (; spec_section(n, &o); n++) {
        if (n < COUNT(first))
            assert_string_equal(o.name, first[n]);
        check_table(o.name, o.rows);
        for (const struct option_row *r = o.rows; !strncmp(o.name, "method ", 7) && r->name; r++)
            if (option_find(stage.rows, r->name))
                fail_msg("%s: %s is a key of every stage", o.name, r->name);
    }
    assert_true(n >= COUNT(first));
    assert_false(spec_section(n + 5, &o));
}

static void test_live(void **state)
{
    static const char *const live[] = {"lr", "weight_decay", "max_grad_norm", "rho"};
    struct vac_err err = {0};
    struct live_option o;
    struct run_spec s;

    (void)state;
    assert_ok(read_text(&s, full_text, NULL, &err), &err);
    for (size_t i = 0; i < COUNT(live); i++) {
        assert_true(spec_live(&s.stage[0], i, &o));
        assert_string_equal(o.row->name, live[i]);
        assert_true(o.row->live);
        assert_ptr_equal(o.base, i < 3 ? (void *)&s.stage[0] : s.stage[0].options);
    }
    assert_true(spec_live(&s.stage[1], 2, &o));
    assert_false(spec_live(&s.stage[1], 3, &o));
    assert_false(spec_live(&s.stage[0], 99, &o));
    assert_ok(option_set(option_find(s.stage[0].method->options, "rho"), "5", s.stage[0].options,
                         "", &err),
              &err);
    assert_true(spec_live(&s.stage[0], 3, &o));
    assert_true(*(double *)((char *)o.base + o.row->offset) == 5);
    spec_done(&s);
}

/* ---- Files of every wrong kind ---- */

/* Value k of the document in depth-first order and what it is in; *k counts down. */
static cJSON *nth(cJSON *v, cJSON *in, size_t *k, cJSON **parent)
{
    if (*k == 0) {
        *parent = in;
        return v;
    }
    --*k;
    for (cJSON *c = v->child; c; c = c->next) {
        cJSON *found = nth(c, v, k, parent);

        if (found)
            return found;
    }
    return NULL;
}

static const char *const replacements[] = {"null", "-1", "1e300",  "\"x\"", "[]", "{}",
                                           "true", "0",  "[null]", "\"\"",  "0.5"};
enum { DELETE = COUNT(replacements), TWICE, N_MUTATIONS };

static void mutate(cJSON *parent, cJSON *v, size_t how)
{
    if (how < DELETE) {
        cJSON *other = cJSON_Parse(replacements[how]);

        assert_true(v->string ? cJSON_ReplaceItemInObjectCaseSensitive(parent, v->string, other)
                              : cJSON_ReplaceItemViaPointer(parent, v, other));
    } else if (how == DELETE) {
        cJSON_Delete(cJSON_DetachItemViaPointer(parent, v));
    } else {
        char *key = v->string ? strdup(v->string) : NULL;
        cJSON *copy = cJSON_Duplicate(v, 1);

        assert_true(key ? cJSON_AddItemToObject(parent, key, copy)
                        : cJSON_AddItemToArray(parent, copy));
        free(key);
    }
}

static const char *after_file(const struct vac_err *err)
{
    size_t n = strlen(run_file);

    assert_true(!strncmp(err->msg, run_file, n) && !strncmp(err->msg + n, ": ", 2));
    return err->msg + n + 2;
}

/* The message goes on, behind the file, with a key path or with a key in quotes. */
static bool names_a_key(const char *msg)
{
    static const char *const keys[] = {"description", "model",      "tokenizer", "init",
                                       "template",    "max_length", "seed",      "threads",
                                       "log_every",   "disk_wait",  "stages",    "checkpoint",
                                       "watch",       "evaluate",   "config"};

    for (size_t i = 0; i < COUNT(keys); i++) {
        const char *rest = msg + strlen(keys[i]);
        char quoted[64];

        snprintf(quoted, sizeof quoted, "\"%s\"", keys[i]);
        if ((!strncmp(msg, keys[i], strlen(keys[i])) && strchr(":.[", *rest)) ||
            strstr(msg, quoted))
            return true;
    }
    return false;
}

/* Reads the file as it is: right, or wrong with a message that says where. */
static void read_mutant(const char *text)
{
    struct vac_err err = {0};
    struct run_spec s;

    if (read_text(&s, text, NULL, &err) == 0) {
        check_again(&s);
        spec_done(&s);
        return;
    }
    check_clean(&s);
    assert_int_not_equal(err.code, VAC_OK);
    if (!names_a_key(after_file(&err)))
        fail_msg("names no key: %s", err.msg);
}

static void test_mutants(void **state)
{
    size_t n = 0;

    (void)state;
    for (size_t k = 1;; k++) {
        for (size_t how = 0; how < N_MUTATIONS; how++) {
            cJSON *doc = cJSON_Parse(full_text), *parent, *v;
            size_t left = k;
            char *text;

            v = nth(doc, NULL, &left, &parent);
            if (!v) {
                cJSON_Delete(doc);
                assert_true(n > 1000);
                return;
            }
            mutate(parent, v, how);
            text = text_of(doc);
            cJSON_Delete(doc);
            read_mutant(text);
            free(text);
            n++;
        }
    }
}

/* Broken bytes: any answer but a crash or a leak, and an error names the file. */
static void test_bytes(void **state)
{
    size_t len = strlen(full_text);
    uint64_t x = 88172645463325252u;
    char text[sizeof full_text];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct vac_err err = {0};
        struct run_spec s;

        memcpy(text, full_text, sizeof full_text);
        for (int k = 0; k <= i % 3; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            text[x % len] = "{}[],:\"\\0-9e.tnu/\x80 "[(x >> 32) % 19];
        }
        if (read_text(&s, text, NULL, &err) == 0)
            spec_done(&s);
        else if (strncmp(err.msg, run_file, strlen(run_file)))
            fail_msg("the file is not named: %s", err.msg);
    }
}

/* Long lists and deep nesting end in a message, quickly. */
static void test_large(void **state)
{
    struct strbuf b = {0};
    struct vac_err err = {0};
    struct run_spec s;

    (void)state;
    sb_puts(&b, "{\"model\": \"tiny-base\", \"stages\": [");
    for (int i = 0; i < 100000; i++)
        sb_puts(&b, i ? ",{}" : "{}");
    sb_puts(&b, "]}");
    assert_int_equal(read_text(&s, b.s, NULL, &err), -1);
    assert_string_equal(after_file(&err), "stages: a list of at most 256 is allowed, found 100000");
    sb_clear(&b);
    err_clear(&err);
    for (int i = 0; i < 100000; i++)
        sb_puts(&b, "[");
    assert_int_equal(read_text(&s, b.s, NULL, &err), -1);
    assert_error(&err, "nested more than 64 deep");
    sb_clear(&b);
    err_clear(&err);
    for (int i = 0; i < (1 << 20) + 1; i++)
        sb_putc(&b, ' ');
    assert_int_equal(read_text(&s, b.s, NULL, &err), -1);
    assert_error(&err, "lab.json");
    sb_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_full),
        cmocka_unit_test(test_random_model), cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_whole_file),   cmocka_unit_test(test_from),
        cmocka_unit_test(test_set),          cmocka_unit_test(test_set_is_blamed),
        cmocka_unit_test(test_set_makes),    cmocka_unit_test(test_set_errors),
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_model_names),
        cmocka_unit_test(test_sections),     cmocka_unit_test(test_live),
        cmocka_unit_test(test_mutants),      cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_large),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
