/* choose.c - which template a model is asked with, when nobody or somebody says. */
#include <stddef.h>
#include "cli/cli.h"

const struct template_row *cli_choose_template(const char *name, const struct tokenizer *tok,
                                               const char *dir, struct vac_err *err)
{
    const char *jinja = tokenizer_chat_template(tok);
    const struct template_row *t;

    if (name)
        return template_find(name, err);
    if (!jinja)
        return template_find("plain", err);
    t = template_for_jinja(jinja);
    if (!t)
        err_set(err, VAC_ERR_USAGE,
                "%s: its chat template is not one of those known here; choose with --template "
                "(an unknown name lists them all)",
                dir);
    return t;
}
