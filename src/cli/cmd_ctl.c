/* cmd_ctl.c - `vaccine ctl`: tells a run that goes on without a screen what to do, and asks how it stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "attach/caller.h"
#include "cli/cli.h"
#include "cli/words.h"

struct ctl_values {
    char *as, *template_name;
    int64_t tokens;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "json",
             .help = "print what the run's program answers, a JSON object a line",
             .type = OPTION_BOOL,
             .offset = offsetof(struct ctl_values, json)}},
    {.row = {.name = "as",
             .help = "who asks, for the journal; user and process when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct ctl_values, as)},
     .arg = "NAME"},
    {.row = {.name = "template",
             .help = "of a probe: prompt template; the run's own when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct ctl_values, template_name)},
     .arg = "NAME",
     .word = cli_template_word},
    {.row = {.name = "max-new-tokens",
             .help = "of a probe: at most so many; 0 = the usual number",
             .type = OPTION_INT,
             .max = 1 << 20,
             .offset = offsetof(struct ctl_values, tokens)},
     .arg = "N"},
    {.row.name = NULL},
};

/* --- what is asked --- */

static const char *word_at(const void *ctx, size_t i)
{
    static const char *const own[] = {"status", "options", "watch", "help", NULL};

    (void)ctx;
    return i < VAC_OP_COUNT ? vac_ops[i].word : own[i - VAC_OP_COUNT];
}

static size_t word_find(const char *word)
{
    size_t i = 0;

    while (word_at(NULL, i) && strcmp(word_at(NULL, i), word) != 0)
        i++;
    return i;
}

/* "set KEY VALUE", from the row. */
static void put_usage(struct strbuf *out, const struct vac_op_row *row)
{
    sb_puts(out, row->word);
    for (const char *t = row->takes; *t; t++) {
        const char *name = strchr("nN", *t) ? "N" : strchr("kK", *t) ? "KEY" : "TEXT";

        sb_printf(out, *t >= 'a' ? " [%s]" : " %s", name);
    }
}

static int put_help(struct vac_err *err)
{
    struct strbuf out = {0};
    struct vac_option word;
    int rc;

    for (size_t i = 0; i < VAC_OP_COUNT; i++) {
        size_t at = out.len;

        put_usage(&out, &vac_ops[i]);
        while (out.len < at + 20 && !out.bad)
            sb_putc(&out, ' ');
        sb_printf(&out, " %s\n", vac_ops[i].help);
        for (size_t k = 0; i == VAC_OP_ATTACK && vac_attack_word(k, &word); k++)
            sb_printf(&out, "  %s=%-*s %s; %s\n", word.name, (int)(17 - strlen(word.name)), "",
                      word.wants, word.help);
    }
    sb_puts(&out, "status               how the run stands\n"
                  "options              what set may change now, and to what\n"
                  "watch                all that happens, until the run ends\n");
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}

static int wrong(const struct vac_op_row *row, struct vac_err *err)
{
    struct strbuf usage = {0};

    put_usage(&usage, row);
    err_set(err, VAC_ERR_USAGE, "%s: write %s", row->word, usage.s ? usage.s : row->word);
    sb_done(&usage);
    return -1;
}

/* The words behind the command, by its row; a text is all that is left. */
static int take_arguments(struct request *r, const struct vac_op_row *row, char *const *word,
                          struct strbuf *text, struct vac_err *err)
{
    for (const char *t = row->takes; *t; t++) {
        char *end;

        if (!*word && *t >= 'a')
            return 0;
        if (!*word)
            return wrong(row, err);
        if (*t == 'n' || *t == 'N') {
            long long n = strtoll(*word, &end, 10);

            if (t[1] && *t == 'n' && (!**word || *end))
                continue; /* it is left out, and this is what follows */
            if (!**word || *end || n < 0)
                return err_set(err, VAC_ERR_USAGE, "%s: expected a whole number, found \"%.40s\"",
                               row->word, *word);
            r->command.n = n;
            word++;
        } else if (*t == 'k' || *t == 'K') {
            if (strlen(*word) >= sizeof r->command.key)
                return err_set(err, VAC_ERR_USAGE, "%s: \"%.70s...\" is too long", row->word,
                               *word);
            memcpy(r->command.key, *word, strlen(*word) + 1);
            word++;
        } else {
            for (const char *gap = ""; *word; gap = " ", word++)
                sb_printf(text, "%s%s", gap, *word);
            if (sb_ok(text, err))
                return -1;
            r->command.text = text->s;
        }
    }
    return *word ? wrong(row, err) : 0;
}

/* A file is looked for here, where the run's program may not be. */
static int take_attack(struct request *r, struct strbuf *text, struct vac_err *err)
{
    char words[VAC_ATTACK_WORDS];

    if (vac_attack_words(r->command.text ? r->command.text : "", words, err))
        return -1;
    sb_clear(text);
    sb_puts(text, words);
    r->command.text = text->s;
    return sb_ok(text, err);
}

static int make_request(struct request *r, const struct ctl_values *v, char *const *operand,
                        struct strbuf *text, struct vac_err *err)
{
    size_t i = word_find(operand[1]);
    const char *near = word_at(NULL, i) ? NULL : err_nearest(operand[1], word_at, NULL);

    if (!word_at(NULL, i))
        return err_set(err, VAC_ERR_USAGE, "no command \"%.40s\"%s%s%s; vaccine ctl %s help",
                       operand[1], near ? " (did you mean \"" : "", near ? near : "",
                       near ? "\"?)" : "", operand[0]);
    if (i >= VAC_OP_COUNT) {
        r->kind = !strcmp(operand[1], "options") ? REQUEST_OPTIONS : REQUEST_STATUS;
        return operand[2] ? err_set(err, VAC_ERR_USAGE, "%s takes nothing more, found \"%.40s\"",
                                    operand[1], operand[2])
                          : 0;
    }
    r->kind = REQUEST_COMMAND;
    r->command.op = (enum vac_op)i;
    if (take_arguments(r, &vac_ops[i], operand + 2, text, err))
        return -1;
    if (r->command.op == VAC_OP_ATTACK && take_attack(r, text, err))
        return -1;
    if (r->command.op == VAC_OP_PROBE) {
        r->command.n = v->tokens;
        if (v->template_name && strlen(v->template_name) < sizeof r->command.key)
            memcpy(r->command.key, v->template_name, strlen(v->template_name) + 1);
    }
    return 0;
}

/* --- what is answered --- */

static void put_state(struct strbuf *out, const struct vac_snapshot *s)
{
    static const struct {
        const char *label;
        size_t offset;
        bool watched; /* measured now and then */
    } columns[] = {{"loss", offsetof(struct vac_point, loss), false},
                   {"align", offsetof(struct vac_point, align_loss), true},
                   {"harmful", offsetof(struct vac_point, harmful_loss), true},
                   {"rho", offsetof(struct vac_point, rho), false},
                   {"lr", offsetof(struct vac_point, lr), false},
                   {"drift", offsetof(struct vac_point, drift_mean), true}};

    cli_put_name(out, s->run);
    sb_printf(out, ": %s", vac_state_names[s->state]);
    if (*s->reason) {
        sb_puts(out, " (");
        cli_put_name(out, s->reason);
        sb_puts(out, ")");
    }
    sb_printf(out, "  step %lld/%lld  ", (long long)s->step, (long long)s->total_steps);
    cli_put_name(out, s->stage);
    sb_printf(out, " %lld/%lld", (long long)s->stage_step, (long long)s->stage_steps);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        double x = *(const double *)((const char *)&s->last + columns[i].offset);

        if (!isnan(x))
            sb_printf(out, "  %s %.4g", columns[i].label, x);
        if (!isnan(x) && columns[i].watched)
            cli_put_step(out, s->watch_step, s->step);
    }
    for (int i = 0; i < s->n_evals; i++) {
        const struct vac_eval *e = &s->eval[i];

        if (e->step < 0 || isnan(e->value))
            continue;
        sb_puts(out, "  ");
        cli_put_name(out, e->name);
        sb_printf(out, e->is_rate ? " %.1f%%" : " %.4g", e->is_rate ? 100 * e->value : e->value);
        cli_put_step(out, e->step, s->step);
    }
    sb_putc(out, '\n');
}

static void put_status(struct strbuf *out, const cJSON *status)
{
    struct vac_snapshot s = {.step = 0};

    for (int i = 0; i < VAC_COLUMN_COUNT; i++)
        *(double *)((char *)&s.last + vac_columns[i].offset) = (double)NAN;
    message_read_status(status, &s);
    put_state(out, &s);
}

static void put_options(struct strbuf *out, const cJSON *list)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, list)
    {
        struct vac_option o;

        message_read_option(one, &o);
        if (!o.live)
            continue;
        cli_put_name(out, o.name);
        sb_puts(out, " = ");
        cli_put_name(out, *o.pending ? o.pending : o.value);
        sb_puts(out, o.unit[0] ? " " : "");
        cli_put_name(out, o.unit);
        sb_puts(out, *o.course ? ", " : "");
        cli_put_name(out, o.course);
        sb_puts(out, "   ");
        cli_put_name(out, o.wants);
        sb_puts(out, "; ");
        cli_put_name(out, o.help);
        sb_putc(out, '\n');
    }
}

static void put_samples(struct strbuf *out, const struct vac_event *e)
{
    for (size_t i = 0; i < e->samples.n; i++) {
        const struct vac_sample *x = &e->samples.v[i];

        sb_printf(out, "%lld  ", (long long)x->index);
        cli_put_name(out, x->file);
        sb_printf(out, ":%lld%s  ", (long long)x->line, x->harmful ? " (harmful)" : "");
        cli_put_name(out, x->source);
        sb_puts(out, " | ");
        cli_put_name(out, x->answer);
        sb_putc(out, '\n');
    }
}

/* For people: pieces of an answer as they come, then what its judge calls it; the rest as JSON. */
static void put_line(struct strbuf *out, const cJSON *line, int64_t id)
{
    const char *event = json_text_at(line, "event");
    const cJSON *told = event ? cJSON_GetObjectItemCaseSensitive(line, event) : NULL;
    const char *verdict = json_text_at(told, "verdict");
    struct vac_event e = {.memory = NULL};
    int64_t step = 0, of = 0;

    if (!event && cJSON_HasObjectItem(line, "status")) {
        put_status(out, cJSON_GetObjectItemCaseSensitive(line, "status"));
    } else if (!event && cJSON_HasObjectItem(line, "options")) {
        if (id >= 0)
            put_options(out, cJSON_GetObjectItemCaseSensitive(line, "options"));
    } else if (!event) {
        json_whole(cJSON_GetObjectItemCaseSensitive(line, "step"), &step);
        sb_printf(out, "done at step %lld\n", (long long)step);
    } else if (!strcmp(event, "probe-text") && cJSON_IsString(told)) {
        if (id >= 0)
            sb_puts(out, told->valuestring);
    } else if (!strcmp(event, "probe") && id >= 0) {
        sb_puts(out, "\n(");
        cli_put_name(out, verdict && *verdict ? verdict : "not judged");
        sb_puts(out, ")\n");
    } else if (cJSON_IsString(told)) {
        if (id >= 0 && strcmp(event, "fork") != 0 && strcmp(event, "attack") != 0)
            return; /* the command itself: that it is done is next */
        json_whole(cJSON_GetObjectItemCaseSensitive(line, "step"), &step);
        sb_printf(out, "step %lld %s: ", (long long)step, event);
        cli_put_name(out, told->valuestring);
        sb_putc(out, '\n');
    } else {
        char *text = NULL;

        if (message_read_event(line, &e, &of, NULL) == 0 && e.kind == VAC_EVENT_SAMPLES) {
            put_samples(out, &e);
        } else {
            text = json_text(told ? told : line, false, NULL);
            sb_printf(out, "%s: ", event);
            cli_put_name(out, text ? text : "");
            sb_putc(out, '\n');
        }
        vac_event_done(&e);
        cJSON_free(text);
    }
}

/* For people, what *last says already is not said again: while it measures a run stands as it stood. */
static int show(const struct ctl_values *v, const cJSON *line, int64_t id, struct strbuf *last,
                struct vac_err *err)
{
    struct strbuf out = {0};
    char *text = v->json ? json_text(line, false, err) : NULL;
    int rc = 0;

    if (v->json) {
        sb_puts(&out, text ? text : "");
        sb_putc(&out, '\n');
    } else {
        put_line(&out, line, id);
    }
    if (!v->json && out.len && out.len == last->len && !memcmp(out.s, last->s, out.len))
        sb_clear(&out);
    if (out.len || out.bad)
        rc = (v->json ? cli_write_data : cli_write)(&out, err);
    if (out.len && !cJSON_HasObjectItem(line, "event")) {
        sb_clear(last);
        sb_put(last, out.s, out.len);
    }
    cJSON_free(text);
    sb_done(&out);
    return rc;
}

/* Until the request has its answer, or, of a watch, until the run ends. */
static int converse(struct caller *c, const struct ctl_values *v, int64_t id, struct vac_err *err)
{
    struct strbuf last = {0};
    bool answer = false;
    int rc = 0;

    while (rc == 0 && !answer) {
        cJSON *line = caller_next(c, -1, err);
        const char *why = json_text_at(line, "error");
        int64_t of = -1;
        bool event = cJSON_HasObjectItem(line, "event");

        if (!line && id < 0 && err->code == VAC_ERR_STOPPED) {
            err_clear(err);
            break;
        }
        json_whole(cJSON_GetObjectItemCaseSensitive(line, "id"), &of);
        answer = line && !event && id >= 0 && of == id;
        if (!line)
            rc = -1;
        else if (v->json || !why)
            rc = show(v, line, id, &last, err);
        if (rc == 0 && why && answer)
            rc = v->json ? STATUS_FAILED : err_set(err, VAC_ERR_FORMAT, "%s", why);
        cJSON_Delete(line);
    }
    sb_done(&last);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct ctl_values *v = values;
    bool watch = !strcmp(operand[1], "watch");
    struct request r = {.id = 0};
    struct strbuf text = {0};
    struct caller c;
    int rc = -1;

    if (!strcmp(operand[1], "help"))
        return put_help(err);
    if (make_request(&r, v, operand, &text, err) == 0 &&
        caller_open(&c, operand[0], v->as, false, watch, err) == 0) {
        if (watch || caller_ask(&c, &r, err) == 0)
            rc = converse(&c, v, watch ? -1 : r.id, err);
        caller_close(&c);
    }
    sb_done(&text);
    return rc;
}

const struct command command_ctl = {
    .name = "ctl",
    .args = "RUN_DIR COMMAND [ARGUMENT]...",
    .help = "Tell a run that goes on without a screen what to do",
    .about =
        "The run's program is asked through the socket control.sock in its folder, which only "
        "its own user "
        "can open; it answers once the command has taken effect, between two steps (a probe does "
        "not wait for that). Commands are status, "
        "options, watch, pause, resume, step N, set KEY VALUE, probe TEXT, checkpoint, eval, "
        "suite, attack WORDS, note TEXT, "
        "stop and others: help lists them. What is done stands in the run's journal with who "
        "did it. "
        "\"control\" in the run file says whether that is allowed: \"none\", \"read\" or "
        "\"full\". Exit status "
        "1: the run refused it, and says why; 2: wrong usage, or nobody runs this run.",
    .options = options,
    .values = sizeof(struct ctl_values),
    .min_operands = 2,
    .max_operands = 64,
    .run = run,
};
