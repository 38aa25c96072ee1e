/* choose.c - which template a model is asked with, when nobody or somebody says. */
#include <stddef.h>
#include "cli/cli.h"

const struct template_row *cli_choose_template(const char *name, const struct cli_model *x,
                                               const struct tokenizer *tok, struct vac_err *err)
{
    const char *jinja = tokenizer_chat_template(tok);
    const struct template_row *t;

    if (name || x->template_name)
        return template_find(name ? name : x->template_name, err);
    if (!jinja)
        return template_find("plain", err);
    t = template_for_jinja(jinja);
    if (!t)
        err_set(err, VAC_ERR_USAGE,
                "%s: its chat template is not one of those known here; choose with --template "
                "(an unknown name lists them all)",
                x->dir);
    return t;
}
