/* fuzz.c - every reader of files that other people write, one target each. */
#include "fuzz.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/message.h"
#include "base/io.h"
#include "base/utf8.h"
#include "data/dataset.h"
#include "weights/hub.h"
#include "import/import.h"
#include "judge/guard.h"
#include "weights/weights.h"
#include "token/tok_regex.h"
#include "jinja/jinja.h"
#include "model/config.h"
#include "model/model.h"
#include "model/peft.h"
#include "token/tok_stream.h"
#include "record/script.h"
#include "record/state.h"

#define TEXTS 4
static const char *const texts[TEXTS] = {
    "How do I paint the boat?  It s  12345 <s></s><unk>",
    "\u200b\u00e9\ufb01 \t\r\n aaaa\u4e2d\U0001fa77",
    " ",
    "",
};

/* A tokenizer of single letters, for targets whose input is another file. */
static const char letters[] = "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"<s>"
                              "\",\"special\":true,\"lstrip\":false,"
                              "\"rstrip\":false,\"single_word\":false,\"normalized\":false}],"
                              "\"normalizer\":null,\"pre_tokenizer\":"
                              "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":"
                              "true},\"post_processor\":null,"
                              "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
                              "\"vocab\":{\"<s>\":0,\"a\":1,\"b\":2,"
                              "\"\u0120\":3,\"ab\":4,\"<|im_end|>\":5},\"merges\":[\"a b\"]}}";

static char path_text[2048];
static const char *in(const char *dir, const char *name)
{
    snprintf(path_text, sizeof path_text, "%s/%s", dir, name);
    return path_text;
}

static void write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "w");

    if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
        perror(path);
        abort();
    }
}

void fuzz_run_json(const char *dir, const char *text)
{
    if (access(in(dir, "run.json"), F_OK))
        write_file(in(dir, "run.json"), text, strlen(text));
}

/* Opened once: most of an execution would be that. */
static struct tokenizer *letters_tokenizer(const char *dir)
{
    static struct tokenizer *t;

    if (t)
        return t;
    write_file(in(dir, "tokenizer.json"), letters, sizeof letters - 1);
    t = tokenizer_open(dir, NULL);
    if (!t)
        abort();
    return t;
}

/* ---- Tokenizers and templates ---- */

static void use_tokenizer(struct tokenizer *t)
{
    struct tokenizer_stream stream = {.t = t};
    struct strbuf text = {0};
    struct ids ids = {0};

    for (size_t i = 0; i < TEXTS; i++) {
        ids.n = 0;
        if (tokenizer_encode(t, texts[i], strlen(texts[i]), i % 2, &ids, NULL))
            continue;
        sb_clear(&text);
        tokenizer_decode(t, ids.v, ids.n, i % 2, &text, NULL);
        for (size_t k = 0; k < ids.n && !tokenizer_stream_put(&stream, ids.v[k], &text, NULL);)
            k++;
        tokenizer_stream_end(&stream, &text, NULL);
    }
    for (int32_t id = 0; id < 64; id++)
        tokenizer_is_special(t, tokenizer_token(t, id) ? id : -1);
    tokenizer_stream_done(&stream);
    sb_done(&text);
    ids_done(&ids);
}

static void read_tokenizer(const char *dir)
{
    struct tokenizer *t = tokenizer_open(dir, NULL);

    if (t)
        use_tokenizer(t);
    tokenizer_free(t);
}

static void read_tokenizer_config(const char *dir)
{
    struct tokenizer *t;

    write_file(in(dir, "tokenizer.json"), letters, sizeof letters - 1);
    t = tokenizer_open(dir, NULL);
    if (t) {
        use_tokenizer(t);
        template_for_jinja(tokenizer_chat_template(t));
    }
    tokenizer_free(t);
}

static void read_regex(const char *dir)
{
    struct vac_err err = {0};
    size_t n, count;
    char *pattern = file_read(in(dir, "pattern"), 1 << 16, &n, &err);
    struct tok_regex *re = pattern ? tok_regex_new(pattern, false, &err) : NULL;
    const struct tok_span *v;

    for (size_t i = 0; re && i < TEXTS; i++)
        tok_regex_spans(re, texts[i], strlen(texts[i]), &v, &count, NULL);
    tok_regex_free(re);
    free(pattern);
}

/* A line is a turn; the last ones are those of the conversation. */
static void read_template(const char *dir)
{
    struct turn turn[6] = {0};
    size_t n = 0, len;
    struct encoder enc = {.eos = 0};
    struct rendered text = {0};
    struct ids ids = {0};
    char *all = file_read(in(dir, "turns"), 1 << 16, &len, NULL), *save = NULL;
    bool system = all && all[0] == '+';

    enc.tok = letters_tokenizer(dir);
    if (!all || memchr(all, '\0', len) || utf8_valid(all, len) != len)
        goto out;
    for (char *line = strtok_r(all, "\n", &save); line && n < 6;
         line = strtok_r(NULL, "\n", &save), n++)
        turn[n] =
            (struct turn){.text = line, .input = line[0] == '!' ? line + 1 : NULL, .train = true};
    for (size_t i = 0; i < n; i++)
        turn[i].role = system && i == 0   ? ROLE_SYSTEM
                       : (i - system) % 2 ? ROLE_ASSISTANT
                                          : ROLE_USER;
    for (size_t i = 0; n > 0 && (enc.tmpl = template_at(i)); i++) {
        ids.n = 0;
        if (template_render(enc.tmpl, turn, n, "<s>", "b", &text, NULL) == 0)
            encode_prompt(&enc, turn, n, &ids, NULL);
    }
out:
    rendered_done(&text);
    ids_done(&ids);
    free(all);
}

/* A chat template, over a conversation that is always the same. */
static void read_jinja(const char *dir)
{
    static const char vars[] =
        "{\"messages\":[{\"role\":\"system\",\"content\":\" s "
        "\"},{\"role\":\"user\",\"content\":\"u\"},"
        "{\"role\":\"assistant\",\"content\":\"a\\nb\"}],\"add_generation_prompt\":true,"
        "\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"tools\":null,\"n\":3,\"f\":0.5}";
    size_t len;
    char *text = file_read(in(dir, "t.jinja"), 1 << 16, &len, NULL);
    struct jinja *j = text ? jinja_parse(text, len, "t.jinja", NULL) : NULL;
    cJSON *doc = j ? json_parse(vars, sizeof vars - 1, "vars", NULL) : NULL;
    struct jinja_output out = {0};

    if (doc)
        jinja_render(j, doc, "2026-11-26", &out, NULL);
    jinja_output_done(&out);
    cJSON_Delete(doc);
    jinja_free(j);
    free(text);
}

/* ---- Models ---- */

static void read_weights(const char *dir)
{
    struct weights *w = weights_open(dir, NULL);
    const struct st_tensor *t;

    for (size_t i = 0; w && (t = weights_at(w, i)); i++)
        weights_find(w, "x");
    weights_close(w);
}

/* A file that is tokenizer, config and weights. */
static void read_gguf(const char *dir)
{
    char *path = strdup(in(dir, "m.gguf"));
    struct tokenizer *t = tokenizer_open(path, NULL);
    struct weights *w = weights_open(path, NULL);
    struct config c = {0};
    struct ids ids = {0};

    for (size_t i = 0; t && i < TEXTS; i++)
        tokenizer_encode(t, texts[i], strlen(texts[i]), true, &ids, NULL);
    if (config_read(&c, path, NULL) == 0)
        config_done(&c);
    ids_done(&ids);
    tokenizer_free(t);
    weights_close(w);
    free(path);
}

static void read_config(const char *dir)
{
    struct config c = {0};
    struct gen_config gen = {0};

    if (config_read(&c, dir, NULL) == 0)
        config_done(&c);
    gen_config_read(dir, &gen, NULL);
}

/* What an adapter's config makes of a model; made once, for all inputs. */
static struct model *small_model(void)
{
    static const char config[] =
        "{\"model_type\":\"llama\",\"vocab_size\":8,\"hidden_size\":8,\"intermediate_size\":8,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":2}";
    static struct model *m;
    cJSON *doc = m ? NULL : json_parse(config, sizeof config - 1, "config", NULL);
    struct jnode root = json_root(doc, "config");

    if (!m)
        m = model_random(&root, 1, compute_open("cpu", 1, NULL, NULL), NULL);
    cJSON_Delete(doc);
    return m;
}

static void read_adapter(const char *dir)
{
    struct lora_spec spec;
    char *targets;

    peft_spec(small_model(), dir, &spec, &targets, NULL);
    free(targets);
}

/* A guard's wording and verdicts, over the recorded guard; its processor is opened once. */
static void read_guard(const char *dir)
{
    static struct compute *c;
    const char *source = getenv("srcdir"), *prompt = "How do I paint {response}?", *answer = "Yes";
    char model[1024];
    struct guard_share share;
    struct guard *g;

    if (!c)
        c = compute_open("cpu", 1, NULL, NULL);
    snprintf(model, sizeof model, "%s/tests/golden/guard", source ? source : ".");
    g = guard_open(model, 0, in(dir, "prompt.json"), c, NULL);
    if (g)
        guard_rate(g, &prompt, &answer, 1, &share, NULL);
    guard_close(g);
}

/* ---- Rows ---- */

static void read_rows(const char *dir)
{
    struct encoder enc = {
        .eos = 0, .max_length = 64, .vocab = 6, .tmpl = template_find("chatml", NULL)};
    struct dataset_spec spec = {0};
    struct dataset d = {0};
    char *path;

    enc.tok = letters_tokenizer(dir);
    path = strdup(in(dir, "rows.jsonl"));
    spec.file = path;
    dataset_add(&d, &spec, &enc, NULL);
    dataset_done(&d);
    free(path);
}

static int forget(void *ctx, const char *line, size_t n, struct vac_err *err)
{
    (void)ctx;
    (void)line;
    (void)n;
    (void)err;
    return 0;
}

static void read_import(const char *dir)
{
    const struct import_format *f = NULL; /* first: found by content */
    struct import_choice choice = {0};
    char *path = strdup(in(dir, "table"));

    for (size_t i = 0; i == 0 || f; f = import_at(i++)) {
        struct import_report report = {0};

        import_rows(path, f, &choice, forget, NULL, &report, NULL);
    }
    free(path);
}

/* ---- Runs ---- */

static void read_spec(const char *dir)
{
    struct run_spec s = {0};

    if (spec_read(&s, in(dir, "run.json"), NULL, 0, NULL) == 0)
        spec_done(&s);
}

static void read_state(const char *dir)
{
    struct checkpoint_state s = {0};

    if (state_read(dir, dir, true, &s, NULL) == 0)
        cJSON_Delete(s.json);
}

static void read_script(const char *dir)
{
    struct run_spec spec = {0};
    struct script s = {0};

    if (spec_read(&spec, in(dir, "run.json"), NULL, 0, NULL))
        return;
    script_read(&s, &spec, dir, -1, -1, NULL);
    script_done(&s);
    spec_done(&spec);
}

/* What comes over a run's control socket, at either end of it. */
static void read_socket(const char *dir)
{
    size_t len = 0;
    char *text = file_read(in(dir, "lines"), 1 << 22, &len, NULL), *line, *end;
    struct strbuf out = {0};

    for (line = text; line && (end = memchr(line, '\n', len - (size_t)(line - text)));
         line = end + 1) {
        struct vac_snapshot *s = calloc(1, sizeof *s);
        struct request r;
        struct vac_option o;
        struct vac_event e;
        int64_t id;
        cJSON *doc = json_parse(line, (size_t)(end - line), "line", NULL);

        if (request_read(&r, line, (size_t)(end - line), NULL) == 0)
            request_put(&out, &r);
        request_done(&r);
        if (s)
            message_read_status(cJSON_GetObjectItemCaseSensitive(doc, "status"), s);
        message_read_option(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(doc, "options"), 0),
                            &o);
        if (doc && message_read_event(doc, &e, &id, NULL) == 0) {
            message_put_event(&out, &e, id);
            vac_event_done(&e);
        }
        cJSON_Delete(doc);
        free(s);
    }
    sb_done(&out);
    free(text);
}

/* People's labels of a run whose description stays the same unless it is given: they name its hash. */
static void read_labels(const char *dir)
{
    static const char run[] = "{\"format\":1,\"program\":\"vaccine\",\"spec\":{\"evaluate\":"
                              "[{\"name\":\"HS\",\"judge\":\"refusal\"}]}}";
    struct vac_labels *l;
    struct vac_labelled *scores;
    struct vac_to_label next;
    size_t n;

    fuzz_run_json(dir, run);
    if (vac_labels_open(&l, dir, NULL))
        return;
    if (vac_labels_next(l, &next))
        vac_labels_put(l, "refused", NULL);
    if (vac_labels_scores(l, &scores, &n, NULL) == 0)
        free(scores);
    vac_labels_close(l);
}

const struct fuzz_target fuzz_targets[] = {
    {"tokenizer", {"tokenizer.json"}, read_tokenizer},
    {"tokenizer_config",
     {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"},
     read_tokenizer_config},
    {"regex", {"pattern"}, read_regex},
    {"template", {"turns"}, read_template},
    {"jinja", {"t.jinja"}, read_jinja},
    {"safetensors", {"model.safetensors", "model.safetensors.index.json"}, read_weights},
    {"gguf", {"m.gguf"}, read_gguf},
    {"config", {"config.json", "generation_config.json"}, read_config},
    {"adapter", {"adapter_config.json"}, read_adapter},
    {"guard", {"prompt.json"}, read_guard},
    {"rows", {"rows.jsonl"}, read_rows},
    {"import", {"table"}, read_import},
    {"spec", {"run.json"}, read_spec},
    {"report",
     {"metrics.jsonl", "run.json", "layers.jsonl", "probes.jsonl", "journal.jsonl",
      "eval/history.jsonl"},
     fuzz_report},
    {"labels",
     {"labels.jsonl", "run.json", "eval/history.jsonl", "eval/samples_HS_a-1.jsonl"},
     read_labels},
    {"proof",
     {"proof.jsonl", "run.json", "metrics.jsonl", "journal.jsonl", "attacks.jsonl",
      "checkpoint-1/state.json"},
     fuzz_chain},
    {"battery",
     {"attacks.json", "run.json", "attacks.jsonl", "attacks/a-at-1/battery.json",
      "attacks/a-at-1/own/eval/history.jsonl"},
     fuzz_battery},
    {"state", {"state.json"}, read_state},
    {"socket", {"lines"}, read_socket},
    {"script", {"journal.jsonl", "run.json"}, read_script},
    {NULL, {NULL}, NULL},
};

/* ---- One execution ---- */

static char folder[64];

static void remove_folder(void)
{
    char *command = NULL;

    if (asprintf(&command, "rm -rf '%s'", folder) > 0 && system(command)) {
    }
    free(command);
}

static void make_folder(void)
{
    static const char *const inside[] = {
        "eval",           "checkpoint-1",       "attacks",
        "attacks/a-at-1", "attacks/a-at-1/own", "attacks/a-at-1/own/eval"};
    const char *where = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

    snprintf(folder, sizeof folder, "%s/vaccine-fuzz-XXXXXX", where);
    if (!mkdtemp(folder)) {
        perror(folder);
        abort();
    }
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        mkdir(in(folder, inside[i]), 0700);
    atexit(remove_folder);
}

/* The name of the target's file that the line "=== NAME" gives; NULL = none. */
static const char *section(const struct fuzz_target *t, const char *line, size_t n)
{
    for (size_t i = 0; i < FUZZ_FILES && t->file[i]; i++)
        if (strlen(t->file[i]) == n && memcmp(t->file[i], line, n) == 0)
            return t->file[i];
    return NULL;
}

void fuzz_one(const struct fuzz_target *t, const uint8_t *data, size_t size)
{
    const char *s = (const char *)data, *end = s + size, *name = t->file[0];

    if (!folder[0])
        make_folder();
    for (size_t i = 0; i < FUZZ_FILES && t->file[i]; i++)
        unlink(in(folder, t->file[i]));
    while (name) {
        const char *next = s, *line_end, *text = s, *following = NULL;

        /* the next line "=== NAME" ends this file and names the following one */
        while ((next = memmem(next, (size_t)(end - next), "=== ", 4)) &&
               next > (const char *)data && next[-1] != '\n')
            next += 4;
        if (next) {
            line_end = memchr(next, '\n', (size_t)(end - next));
            following = line_end ? section(t, next + 4, (size_t)(line_end - next - 4)) : NULL;
            s = line_end ? line_end + 1 : end;
        }
        if (!next || next > text)
            write_file(in(folder, name), text, (size_t)((next ? next : end) - text));
        name = following;
    }
    t->read(folder);
}
