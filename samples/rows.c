/* rows.c - see rows.h */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

int row_file_open(struct row_file *f, const char *dir, const char *name, struct vac_err *err)
{
    char *path = path_join(dir, name, err);

    *f = (struct row_file){.err = err};
    f->failed = !path || out_open(&f->out, path, err);
    free(path);
    return f->failed ? -1 : 0;
}

void row_put(struct row_file *f, const char *prompt, const char *answer)
{
    char text[1024];
    int n = answer && answer[0]
                ? snprintf(text, sizeof text, "{\"instruction\": \"%s\", \"output\": \"%s\"}\n",
                           prompt, answer)
                : snprintf(text, sizeof text, "{\"instruction\": \"%s\"}\n", prompt);

    if (!f->failed && (size_t)n >= sizeof text)
        f->failed = err_set(f->err, VAC_ERR_FORMAT, "a row of more than %zu bytes", sizeof text);
    if (!f->failed)
        f->failed = out_put(&f->out, text, (size_t)n, f->err);
}

int row_file_close(struct row_file *f)
{
    if (!f->failed)
        f->failed = out_commit(&f->out, f->err);
    if (f->failed)
        out_abort(&f->out);
    return f->failed ? -1 : 0;
}
