/* words.c - the names that options and keys may have as values: shells complete them. */
#include "cli/cli.h"
#include "cli/words.h"
#include "defense/method.h"
#include "import/import.h"
#include "judge/judge.h"
#include "eval/metric.h"

const char *cli_template_word(size_t i)
{
    const struct template_row *t = template_at(i);

    return t ? template_name(t) : NULL;
}

const char *cli_judge_word(size_t i)
{
    const struct judge *j = judge_at(i);

    return j ? j->name : NULL;
}

const char *cli_metric_word(size_t i)
{
    const struct metric *m = metric_at(i);

    return m ? m->name : NULL;
}

const char *cli_method_word(size_t i)
{
    const struct method *m = method_at(i);

    return m ? m->name : NULL;
}

const char *cli_import_word(size_t i)
{
    const struct import_format *f = i ? import_at(i - 1) : NULL;

    return i == 0 ? "auto" : f ? f->name : NULL;
}
