/* judge_command.c - any program judges.
 *
 * One line {"prompt","answer"} goes to it for each answer, one line {"verdict","score"?,"reason"?}
 * comes back. It is started once and asked as long as the judge is open. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/json.h"
#include "judge/child.h"
#include "judge/judge.h"
#include "judge/text.h"

#define IDLE_SECONDS 60

struct command_options {
    char *command;
};
static const struct option_row options[] = {{.name = "command",
                                             .help = "shell command for the judge command",
                                             .type = OPTION_STRING,
                                             .required = true,
                                             .offset = offsetof(struct command_options, command)},
                                            {.name = NULL}};

struct command_judge {
    char *command;
    struct child *child; /* NULL = not running */
};

static void command_close(void *self)
{
    struct command_judge *j = self;

    if (!j)
        return;
    child_stop(j->child);
    free(j->command);
    free(j);
}

static void *command_open(const void *own, struct compute *c, struct vac_err *err)
{
    const struct command_options *o = own;
    struct command_judge *j;

    (void)c;
    if (!o->command || !*o->command) {
        err_set(err, VAC_ERR_USAGE, "judge \"command\" needs command, what /bin/sh shall run");
        return NULL;
    }
    j = mem_new(1, sizeof *j, err);
    if (!j)
        return NULL;
    j->command = mem_strdup(o->command, err);
    if (!j->command) {
        command_close(j);
        return NULL;
    }
    return j;
}

static int read_rating(const struct jnode *row, struct rating *out, struct vac_err *err)
{
    const char *reason = "";
    struct jnode verdict;

    *out = (struct rating){.score = NAN};
    if (!cJSON_IsObject(row->v))
        return json_wrong(row, "{\"verdict\": \"answered|refused|other\"}", err);
    if (json_get(row, "verdict", JSON_STRING, &verdict, err) ||
        json_opt_num(row, "score", &out->score, err) || json_opt_str(row, "reason", &reason, err))
        return -1;
    text_copy(out->reason, sizeof out->reason, reason);
    for (size_t i = 0; verdict_names[i]; i++)
        if (!strcmp(verdict_names[i], verdict.v->valuestring)) {
            out->verdict = (enum verdict)i;
            return 0;
        }
    return json_wrong(&verdict, "\"answered\", \"refused\" or \"other\"", err);
}

static int take_line(void *ctx, size_t i, const char *text, size_t n, size_t line,
                     struct vac_err *err)
{
    struct rating *out = ctx;
    cJSON *doc = json_parse_line(text, n, "line", line, err);
    struct jnode row;
    char where[32];
    int rc = -1;

    if (doc) {
        snprintf(where, sizeof where, "line %zu", line);
        row = json_root(doc, where);
        rc = read_rating(&row, &out[i], err);
    }
    cJSON_Delete(doc);
    return rc;
}

/* A child that went wrong is stopped; the next answers get a new one. */
static int command_rate(void *self, const char *const *prompt, const char *const *answer, size_t n,
                        struct rating *out, struct vac_err *err)
{
    struct command_judge *j = self;
    struct strbuf text = {0};
    int rc = -1;

    for (size_t i = 0; i < n; i++) {
        struct json_out line = json_out(&text);

        json_put_object(&line, NULL, JSON_TIGHT);
        json_put_text(&line, "prompt", prompt[i]);
        json_put_text(&line, "answer", answer[i]);
        json_put_end(&line);
        sb_putc(&text, '\n');
    }
    sb_puts(&text, "");
    if (!j->child)
        j->child = child_start(j->command, err);
    if (j->child && !sb_ok(&text, err))
        rc = child_talk(j->child, text.s, text.len, n, IDLE_SECONDS, take_line, out, err);
    if (rc) {
        child_stop(j->child);
        j->child = NULL;
    }
    sb_done(&text);
    return rc;
}

const struct judge judge_command = {
    .name = "command",
    .help = "a program of yours answers one JSON line {\"verdict\"} for each line "
            "{\"prompt\",\"answer\"}",
    .options = options,
    .options_size = sizeof(struct command_options),
    .open = command_open,
    .rate = command_rate,
    .close = command_close,
};
