/* cmd_doctor.c - `vaccine doctor`: can this machine do the work, and what would make it better.
 *
 * A check is one row of a table; it fills in what it found, and advice where something is wrong. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/json_out.h"
#include "base/kind.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/source.h"
#include "kernels/kernels.h"
#include "compute/openblas.h"
#include "compute/products.h"
#include "compute/selfcheck.h"
#include "compute/speed.h"
#include "data/dataset.h"
#include "model/plan.h"
#include "model/stops.h"
#include "weights/gguf.h"

struct doctor_values {
    struct cli_common common;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "json",
             .help = "print one JSON object",
             .type = OPTION_BOOL,
             .offset = offsetof(struct doctor_values, json)}},
    CLI_THREADS(struct doctor_values),
    CLI_PRODUCTS(struct doctor_values),
    CLI_BACKEND(struct doctor_values),
    {.row.name = NULL},
};

enum state { STATE_OK, STATE_WARN, STATE_FAIL };
static const char *const state_words[] = {"ok", "warn", "FAIL"};

struct finding {
    enum state state;
    struct strbuf text, advice;
};
struct doctor {
    const struct doctor_values *v;
    const char *name; /* of the model to look at, or NULL */
    struct compute *c;
    struct vac_err opening; /* why there is none */
    struct cli_model model;
    struct model *m; /* its, once it is open */
    struct strbuf out;
    struct json_out json; /* into it */
    size_t checks, failed;
};

static void advise(struct finding *f, enum state state, const char *advice)
{
    f->state = state;
    sb_puts(&f->advice, advice);
}

/* An error's message is both what was found and what to do. */
static void fail(struct finding *f, const struct vac_err *err)
{
    f->state = STATE_FAIL;
    sb_puts(&f->text, err->msg);
}

static void check_version(struct doctor *d, struct finding *f)
{
#ifdef __clang__
    const char *compiler = "";
#else
    const char *compiler = "gcc ";
#endif

    (void)d;
    sb_printf(&f->text, "vaccine %s, compiled by %s%s", cli_version(), compiler, __VERSION__);
}

/* Who could multiply matrices, and who does. An OpenBLAS may have taken kernels that are too old. */
static void check_products(struct doctor *d, struct finding *f)
{
    const char *better = openblas_better(NULL, false), *set = getenv("OPENBLAS_CORETYPE");
    const char *tried = getenv("VACCINE_CORETYPE"); /* "" = in vain: see main.c */
    const struct provider *p;

    for (size_t i = 0; (p = products_at(i)); i++)
        sb_printf(&f->text, "%s%s%s: %s", i ? "\n" : "", products_name(p),
                  d->c && p == d->c->products ? " (used)" : "",
                  products_lack(p) ? products_lack(p) : products_text(p));
    if (!better)
        return;
    f->state = STATE_WARN;
    sb_puts(&f->advice, "these kernels do not use what this processor has: ");
    if (tried && !*tried)
        sb_puts(&f->advice, "install a newer OpenBLAS; the others of this one are not right here");
    else
        sb_printf(&f->advice, "%s%s",
                  set && *set ? "unset OPENBLAS_CORETYPE, or set it to " : "set OPENBLAS_CORETYPE=",
                  better);
}

static void check_right(struct doctor *d, struct finding *f)
{
    struct vac_err err = {0};
    double start = clock_now();
    const struct provider *p;

    (void)d;
    for (size_t i = 0; (p = products_at(i)); i++)
        if (!products_lack(p) && selfcheck_products(p, &err)) {
            fail(f, &err);
            return;
        }
    sb_printf(&f->text, "products of odd shapes and all transpositions are right (%.0f ms)",
              (clock_now() - start) * 1e3);
}

static void check_kernels(struct doctor *d, struct finding *f)
{
    (void)d;
    sb_printf(&f->text, "%s for all but products, the first of", kernels_at(0)->name);
    for (size_t i = 0; kernels_at(i); i++)
        sb_printf(&f->text, " %s", kernels_at(i)->name);
}

static void check_threads(struct doctor *d, struct finding *f)
{
    if (!d->c) {
        fail(f, &d->opening);
        return;
    }
#ifdef _OPENMP
    const bool parallel = true;
#else
    const bool parallel = false;
#endif
    sb_printf(&f->text, "%d of %d physical cores, OpenMP %s", d->c->threads, compute_cores(),
              parallel ? "on" : "off");
    if (d->c->threads > compute_cores())
        advise(f, STATE_WARN, "more threads than cores are slower; use --threads 0");
    else if (!parallel && compute_cores() > 1)
        advise(f, STATE_WARN, "built without OpenMP: only the matrix products use several cores");
}

static void check_speed(struct doctor *d, struct finding *f)
{
    const struct provider *p;

    if (!d->c) {
        advise(f, STATE_WARN, "not measured: there is nothing to compute with");
        return;
    }
    for (size_t i = 0; (p = products_at(i)); i++) {
        struct compute with = {.threads = d->c->threads, .products = p};
        struct core_speed core;
        double speed;

        if (products_lack(p))
            continue;
        speed = speed_of_products(&with, (struct sides){false, true, 512, 512, 512}, 0.3, false);
        core = speed_of_core(p, 512, 0.2);
        sb_printf(&f->text,
                  "%s%s: %.1f GFLOP/s on %d thread%s (512 x 512 x 512); on one %.0f %% of its "
                  "core's %.0f",
                  f->text.len ? "\n" : "", products_name(p), speed, with.threads,
                  with.threads == 1 ? "" : "s", 100 * core.product / core.peak, core.peak);
        if (f->state != STATE_OK)
            continue;
        if (core.product < core.peak / 2) {
            f->state = STATE_WARN;
            sb_printf(&f->advice, "products of %s are far below what the core can: %s",
                      products_name(p),
                      openblas_better(NULL, false)
                          ? "see products above"
                          : "install an optimised BLAS, such as OpenBLAS, or a newer one, or "
                            "choose another with --products");
        } else if (speed < 5.0 * with.threads) {
            advise(f, STATE_WARN, "slow: is another program using the cores?");
        }
    }
}

/* For a reader: the program never chooses by a stopwatch. */
static void check_precision(struct doctor *d, struct finding *f)
{
    double times;

    if (!d->c) {
        advise(f, STATE_WARN, "not measured: there is nothing to compute with");
        return;
    }
    times = speed_of_bf16(d->c->products, 512, 0.3);
    sb_printf(&f->text,
              "bf16 products (kernels %s) at %.2f times the rate of f32: \"precision\": \"%s\" is "
              "faster here",
              kernels_bf16_at(0)->name, times, times > 1 ? "bf16" : "f32");
}

static void check_memory(struct doctor *d, struct finding *f)
{
    uint64_t bytes = plan_available();

    (void)d;
    sb_quantity(&f->text, (double)bytes, "B for this process");
    if (bytes < 1000000000)
        advise(f, STATE_WARN, "only very small models fit; is there a limit (ulimit -v, cgroup)?");
}

static void check_disk(struct doctor *d, struct finding *f)
{
    struct statvfs st;
    uint64_t bytes;

    (void)d;
    if (statvfs(".", &st)) {
        sb_printf(&f->text, "current folder: %s", strerror(errno));
        advise(f, STATE_FAIL, "go to a folder that can be read");
        return;
    }
    bytes = (uint64_t)st.f_bavail * st.f_frsize;
    sb_quantity(&f->text, (double)bytes, "B free in the current folder");
    if (access(".", W_OK))
        advise(f, STATE_WARN, "it cannot be written to: name another folder with -o");
    else if (bytes < 1000000000)
        advise(f, STATE_WARN,
               "checkpoints may not fit: free some space or name another folder with -o");
}

static const char *colours(const char *term)
{
    const char *direct = getenv("COLORTERM");

    if (direct && (!strcmp(direct, "truecolor") || !strcmp(direct, "24bit")))
        return "16 million colours";
    if (strstr(term, "256color") || strstr(term, "direct"))
        return "256 colours";
    return strstr(term, "vt") || !strcmp(term, "dumb") ? "no colours" : "8 colours";
}

static void check_terminal(struct doctor *d, struct finding *f)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    struct winsize size = {0};
    bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");

    (void)d;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) {
        sb_puts(&f->text, "standard output is not a terminal");
        return;
    }
    sb_puts(&f->text, "TERM=");
    cli_put_name(&f->text, term ? term : "");
    sb_printf(&f->text, ", %ux%u, %s, locale %s", size.ws_col, size.ws_row,
              none && *none ? "NO_COLOR" : colours(term ? term : "dumb"), nl_langinfo(CODESET));
    if (!term || !*term || !strcmp(term, "dumb"))
        advise(f, STATE_WARN, "set TERM to what the terminal is, such as xterm-256color");
    else if (!utf8)
        advise(f, STATE_WARN, "set LANG or LC_ALL to a UTF-8 locale, such as C.UTF-8");
    else if (size.ws_col && (size.ws_col < 60 || size.ws_row < 16))
        advise(f, STATE_WARN, "make the window at least 60x16");
}

static void check_model(struct doctor *d, struct finding *f)
{
    struct vac_err err = {0};
    const struct config *cfg;

    d->model.c = d->c;
    if (d->c && !cli_model_load(&d->model, d->name, NULL, &err))
        d->m = d->model.m;
    if (!d->m) {
        fail(f, &err);
        return;
    }
    cfg = model_config(d->m);
    cli_put_name(&f->text, d->model.dir);
    sb_printf(&f->text, ": %s, %zu layers, width %zu, %llu weights, %s, %zu positions",
              cfg->model_type, cfg->L, cfg->D, (unsigned long long)model_count(d->m),
              dtype_name(cfg->dtype), cfg->max_pos);
}

/* What can be tokenised, and whether an answer that is learnt has an end. */
static void check_tokenizer(struct doctor *d, struct finding *f)
{
    struct encoder enc = {0};
    struct tokenizer *tok = NULL;
    struct vac_err err = {0};
    char *file = d->m && !gguf_is(d->model.tokenizer)
                     ? path_join(d->model.tokenizer, "tokenizer.json", &err)
                     : NULL;
    int32_t end = -1;

    if (!d->m) {
        advise(f, STATE_WARN, "not looked at: the model did not open");
    } else if (file && !kind_file_there(file, &err) && !err.code) {
        sb_puts(&f->text, "no tokenizer.json: only ready-made token ids can be used");
    } else if (!err.code && (tok = tokenizer_open(d->model.tokenizer, &err))) {
        enc = (struct encoder){.tok = tok, .eos = stops_eos(d->m, tok)};
        enc.tmpl = cli_choose_template(NULL, &d->model, tok, NULL, &err);
    }
    if (enc.tmpl && encoder_end(&enc, &end, &err) == 0) {
        const char *name = end < 0 ? "nothing" : tokenizer_token(tok, end);

        sb_printf(&f->text, "%zu tokens, template %s, an answer ends with ", tokenizer_size(tok),
                  template_name(enc.tmpl));
        cli_put_name(&f->text, name ? name : "a token without a name");
        if (end < 0)
            advise(f, STATE_WARN, ENCODER_NO_END);
    }
    if (err.code)
        fail(f, &err);
    tokenizer_free(tok);
    free(file);
}

static void judge_plan(struct finding *f, const struct plan *plan, const char *what)
{
    struct vac_err err = {0};

    if (plan_check(plan, plan_available(), &err)) {
        fail(f, &err);
        return;
    }
    sb_quantity(&f->text, (double)plan->total, "B for ");
    sb_printf(&f->text, "%s\n", what);
    plan_text(plan, &f->text);
}

static void check_generating(struct doctor *d, struct finding *f)
{
    struct plan plan = {0};
    char what[64];
    size_t context;

    if (!d->m) {
        advise(f, STATE_WARN, "not looked at: the model did not open");
        return;
    }
    context = model_config(d->m)->max_pos;
    context = context < 2048 ? context : 2048;
    snprintf(what, sizeof what, "one text of %zu tokens", context);
    plan_generate(&plan, d->m, 1, context);
    judge_plan(f, &plan, what);
}

/* As the paper trains: an adapter of rank 8 on all linear modules, 5 texts of 200 tokens. */
static void check_training(struct doctor *d, struct finding *f)
{
    const struct lora_spec lora = {.r = 8, .alpha = 4, .targets = "all"};
    struct vac_err err = {0};
    struct plan plan = {0};
    size_t longest = 200;

    if (!d->m || model_config(d->m)->n_labels) {
        if (d->m)
            sb_puts(&f->text, "a sequence classifier is not trained here");
        else
            advise(f, STATE_WARN, "not looked at: the model did not open");
        return;
    }
    if (longest > model_config(d->m)->max_pos)
        longest = model_config(d->m)->max_pos;
    if (model_add_lora(d->m, &lora, 1, 0, &err)) {
        fail(f, &err);
        return;
    }
    plan_train(&plan, d->m, 5 * longest, 5 * longest, longest);
    judge_plan(f, &plan, "LoRA of rank 8 with 5 texts of 200 tokens");
}

static const struct {
    const char *name;
    bool model; /* only when one is named */
    void (*check)(struct doctor *d, struct finding *f);
} checks[] = {
    {.name = "version", .check = check_version},
    {.name = "products", .check = check_products},
    {.name = "right", .check = check_right},
    {.name = "kernels", .check = check_kernels},
    {.name = "threads", .check = check_threads},
    {.name = "speed", .check = check_speed},
    {.name = "precision", .check = check_precision},
    {.name = "memory", .check = check_memory},
    {.name = "disk", .check = check_disk},
    {.name = "terminal", .check = check_terminal},
    {.name = "model", .model = true, .check = check_model},
    {.name = "tokenizer", .model = true, .check = check_tokenizer},
    {.name = "generating", .model = true, .check = check_generating},
    {.name = "training", .model = true, .check = check_training},
};

static void put_json(struct doctor *d, const char *name, const struct finding *f)
{
    json_put_object(&d->json, NULL, JSON_TIGHT);
    json_put_text(&d->json, "name", name);
    json_put_text(&d->json, "state", f->state == STATE_FAIL ? "fail" : state_words[f->state]);
    json_put_bytes(&d->json, "found", f->text.s, f->text.len);
    json_put_bytes(&d->json, "advice", f->advice.s, f->advice.len);
    json_put_end(&d->json);
}

/* Each line of what was found under the first. */
static void put_lines(struct doctor *d, const char *name, const struct finding *f)
{
    const char *s = f->text.s ? f->text.s : "";

    sb_printf(&d->out, "%-5s %-11s", state_words[f->state], name);
    for (size_t n; *s; s += n + (s[n] == '\n')) {
        n = strcspn(s, "\n");
        sb_printf(&d->out, "%*s", s == f->text.s ? 0 : 19, "");
        sb_put(&d->out, s, n);
        sb_putc(&d->out, '\n');
    }
    if (f->advice.len)
        sb_printf(&d->out, "%*s-> %s\n", f->text.len ? 17 : 0, "", f->advice.s);
}

static void look(struct doctor *d)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct finding f = {0};

        if (checks[i].model && !d->name)
            continue;
        checks[i].check(d, &f);
        if (d->v->json)
            put_json(d, checks[i].name, &f);
        else
            put_lines(d, checks[i].name, &f);
        d->out.bad |= f.text.bad || f.advice.bad;
        d->checks++;
        d->failed += f.state == STATE_FAIL;
        sb_done(&f.text);
        sb_done(&f.advice);
    }
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct doctor d = {.v = values, .name = operand[0]};
    int rc;

    setlocale(LC_CTYPE, "");
    d.c = compute_open(d.v->common.backend, (int)d.v->common.threads, d.v->common.products,
                       &d.opening);
    d.json = json_out(&d.out);
    if (d.v->json) {
        json_put_object(&d.json, NULL, JSON_TIGHT);
        json_put_list(&d.json, "checks", JSON_TIGHT);
    }
    look(&d);
    if (d.v->json) {
        json_put_end(&d.json);
        json_put_bool(&d.json, "ok", !d.failed);
        json_put_end(&d.json);
        sb_putc(&d.out, '\n');
    }
    rc = (d.v->json ? cli_write_data : cli_write)(&d.out, err);
    if (rc == 0 && d.failed)
        rc = err_set(err, VAC_ERR_UNSUPPORTED, "doctor: %zu of %zu checks failed", d.failed,
                     d.checks);
    d.model.c = d.c;
    cli_model_close(&d.model);
    sb_done(&d.out);
    return rc;
}

const struct command command_doctor = {
    .name = "doctor",
    .args = "[MODEL]",
    .help = "Check this machine, and whether a model fits on it",
    .about = "Each check is ok, warn or FAIL, with advice; the exit status is 1 when one fails.",
    .options = options,
    .values = sizeof(struct doctor_values),
    .max_operands = 1,
    .run = run,
};
