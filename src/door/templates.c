/* templates.c - the names of the prompt templates, for who asks the model through the door. */
#include <vaccine/vaccine.h>

#include "data/template.h"

const char *vac_template_name(size_t i)
{
    const struct template_row *t = template_at(i);

    return t ? template_name(t) : NULL;
}
