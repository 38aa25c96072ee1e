/* words.c - see words.h; what vaccine.h tells of them is here too. */
#include "attack/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "spec/spec_attack.h"
#include "spec/spec_tables.h"

static const char at_help[] =
    "step of a checkpoint, a stage that has ended, or final; the weights as they are when absent";

/* Row i of what may be said beside "at": those of the run file but for "every", the first. */
static const struct option_row *row_at(size_t i)
{
    const struct option_row *row = spec_rows_attack + 1;

    while (i-- > 0 && row->name)
        row++;
    return row->name ? row : NULL;
}

static const char *word_at(const void *ctx, size_t i)
{
    (void)ctx;
    return i == 0 ? "at" : row_at(i - 1) ? row_at(i - 1)->name : NULL;
}

bool vac_attack_word(size_t i, struct vac_option *out)
{
    const struct option_row *row = i ? row_at(i - 1) : NULL;
    struct strbuf wants = {0};

    if (!word_at(NULL, i))
        return false;
    *out = (struct vac_option){.number = row && row->type != OPTION_STRING,
                               .min = row ? row->min : 0,
                               .max = row ? row->max : 0};
    if (row)
        option_wants(row, &wants);
    snprintf(out->name, sizeof out->name, "%s", word_at(NULL, i));
    snprintf(out->help, sizeof out->help, "%s", row ? row->help : at_help);
    snprintf(out->wants, sizeof out->wants, "%s", wants.s ? wants.s : "text");
    snprintf(out->unit, sizeof out->unit, "%s", row && row->unit ? row->unit : "");
    sb_done(&wants);
    return true;
}

static int take_word(struct attack_words *w, const char *word, struct vac_err *err)
{
    const char *value = strchr(word, '='), *near;
    const struct option_row *row;
    struct strbuf all = {0};
    char name[VAC_NAME];

    snprintf(name, sizeof name, "%.*s", value ? (int)(value - word) : VAC_NAME - 1, word);
    if (value && !strcmp(name, "at") && value[1] && strlen(value + 1) < sizeof w->at) {
        snprintf(w->at, sizeof w->at, "%s", value + 1);
        return 0;
    }
    row = value && value[1] ? option_find(spec_rows_attack + 1, name) : NULL;
    if (row)
        return option_set(row, value + 1, &w->spec, name, err);
    near = err_nearest(name, word_at, NULL);
    for (size_t i = 0; word_at(NULL, i); i++)
        sb_printf(&all, "%s%s=%s", i ? ", " : "", word_at(NULL, i),
                  i == 0                                 ? "STEP"
                  : row_at(i - 1)->type == OPTION_STRING ? "FILE"
                  : row_at(i - 1)->type == OPTION_INT    ? "N"
                                                         : "X");
    err_set(err, VAC_ERR_USAGE, "\"%.40s\" is none of %s%s%s%s", word, all.s ? all.s : "",
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    sb_done(&all);
    return -1;
}

int words_read(struct attack_words *w, const char *text, struct vac_err *err)
{
    char *line = mem_strdup(text, err), *save;
    struct jnode none = {.v = NULL};
    int rc;

    *w = (struct attack_words){.at = ""};
    rc = !line || option_defaults(spec_rows_attack, &w->spec, err) ? -1 : 0;
    for (char *word = line ? strtok_r(line, " \t", &save) : NULL; rc == 0 && word;
         word = strtok_r(NULL, " \t", &save))
        rc = take_word(w, word, err);
    free(line);
    return rc ? -1 : spec_check_attack(&w->spec, &none, err);
}

void words_done(struct attack_words *w)
{
    option_free(spec_rows_attack, &w->spec);
}

int vac_attack_words(const char *words, char out[VAC_ATTACK_WORDS], struct vac_err *err)
{
    struct attack_words w;
    struct strbuf s = {0};
    int rc = words_read(&w, words, err);
    char *whole = NULL;

    if (rc == 0 && w.spec.battery && !(whole = realpath(w.spec.battery, NULL)))
        rc = err_errno(err, "%s", w.spec.battery);
    if (whole && whole[strcspn(whole, " \t")])
        rc = err_set(err, VAC_ERR_USAGE,
                     "%s: a path with blanks cannot stand among these words: give it another name",
                     whole);
    if (rc == 0) {
        if (*w.at)
            sb_printf(&s, " at=%s", w.at);
        for (size_t i = 0; row_at(i); i++) {
            if (!spec_attack_has(&w.spec, row_at(i)))
                continue;
            sb_printf(&s, " %s=", row_at(i)->name);
            if (row_at(i)->type == OPTION_STRING)
                sb_puts(&s, whole);
            else
                option_text(row_at(i), &w.spec, &s);
        }
        rc = sb_ok(&s, err);
    }
    if (rc == 0 && s.len > VAC_ATTACK_WORDS)
        rc = err_set(err, VAC_ERR_USAGE, "%.40s...: is longer than %d bytes", words,
                     VAC_ATTACK_WORDS - 1);
    if (rc == 0)
        snprintf(out, VAC_ATTACK_WORDS, "%s", s.s ? s.s + 1 : "");
    sb_done(&s);
    free(whole);
    words_done(&w);
    return rc ? -1 : 0;
}

int words_sets(const struct attack_spec *a, const struct attack_on *on, struct attack_sets *out,
               struct vac_err *err)
{
    static const char *const keys[][2] = {
        {"ratio", "harmful_ratio"}, {"samples", "samples"}, {"steps", "steps"}, {"lr", "lr"}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct option_row *row = option_find(spec_rows_attack, keys[i][0]);
        struct strbuf value = {0};
        int rc = 0;

        if (!spec_attack_has(a, row))
            continue;
        option_text(row, a, &value);
        rc = sb_ok(&value, err) || attack_sets_key(out, on, keys[i][1], value.s, err) ? -1 : 0;
        sb_done(&value);
        if (rc)
            return -1;
    }
    return 0;
}
