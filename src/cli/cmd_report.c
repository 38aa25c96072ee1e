/* cmd_report.c - `vaccine report`: a run as one HTML page. */
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "base/path.h"
#include "report/html.h"

struct report_values {
    char *output;
};

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "file to write; RUN_DIR/report.html when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct report_values, output)},
     .letter = 'o',
     .arg = "FILE"},
    {.row.name = NULL},
};

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct report_values *v = values;
    char *path = v->output ? mem_strdup(v->output, err) : path_join(operand[0], "report.html", err);
    struct strbuf out = {0};
    int rc = -1;

    if (path && !report_html(operand[0], path, err)) {
        cli_put_name(&out, path);
        sb_putc(&out, '\n');
        rc = cli_write(&out, err);
    }
    sb_done(&out);
    free(path);
    return rc;
}

const struct command command_report = {
    .name = "report",
    .args = "RUN_DIR",
    .help = "Write a run as one HTML page",
    .about = "The page needs no network and no script: curves, heat maps, answers before and "
             "after, journal and configuration. A run that is still going on is shown as far as "
             "it is. Prints the path of the page.",
    .options = options,
    .values = sizeof(struct report_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
