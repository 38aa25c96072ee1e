/* stdin.h - JSON lines from standard input. */
#ifndef DATA_STDIN_H
#define DATA_STDIN_H

#include "base/json.h"

/* One line of standard input, which is a JSON object; root.file is "stdin:LINE". */
struct cli_line {
    struct jnode root;
    uint32_t
        zero; /* the character that stands for \u0000 in this line's strings; 0 = there is none */
};
/* Each line, empty ones left out; -1 of the visitor ends it. */
typedef int cli_line_visit(void *ctx, const struct cli_line *line, struct vac_err *err);
int cli_each_line(cli_line_visit *visit, void *ctx, struct vac_err *err);
/* A string of the line as it was meant, zero bytes included. Clears `out` first. */
int cli_line_text(const struct cli_line *line, const char *string, struct strbuf *out,
                  struct vac_err *err);
#endif
