/* journal.c - see journal.h */
#include "record/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_out.h"
#include "record/columns.h"

static const struct {
    const char *word;
    enum journal_state state;
} verbs[] = {[JOURNAL_NONE] = {"", JOURNAL_SAME},
#define VERB(verb, word, state) [JOURNAL_##verb] = {word, state},
             JOURNAL_VERBS(VERB)
#undef VERB
};

const char *journal_word(enum journal_verb verb)
{
    return verbs[verb].word;
}

enum journal_state journal_state(enum journal_verb verb)
{
    return verbs[verb].state;
}

static void put_time(struct json_out *o)
{
    struct timespec now;
    struct tm tm;
    char day[40], text[64];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%03ldZ", day, now.tv_nsec / 1000000);
    json_put_text(o, "t", text);
}

static void put_text(struct json_out *o, const char *key, const char *text)
{
    if (text)
        json_put_text(o, key, text);
}

void journal_line(struct strbuf *out, const struct journal_entry *e, uint64_t seq)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "seq", seq);
    put_time(&o);
    json_put_int(&o, "step", e->step);
    json_put_text(&o, "who", e->who ? e->who : "core");
    json_put_text(&o, "op", journal_word(e->verb));
    put_text(&o, "key", e->key);
    put_text(&o, "old", e->old);
    put_text(&o, "new", e->value);
    put_text(&o, "status", e->status);
    if (e->applied)
        json_put_int(&o, "applied_step", e->applied_step);
    put_text(&o, "reason", e->reason);
    if (e->has_from)
        json_put_natural(&o, "from", e->from);
    json_put_end(&o);
    sb_putc(out, '\n');
}

int journal_read(const struct jnode *line, struct journal_entry *e, struct vac_err *err)
{
    const cJSON *applied = cJSON_GetObjectItemCaseSensitive(line->v, "applied_step");

    *e = (struct journal_entry){.who = json_text_at(line->v, "who"),
                                .word = json_text_at(line->v, "op"),
                                .key = json_text_at(line->v, "key"),
                                .old = json_text_at(line->v, "old"),
                                .value = json_text_at(line->v, "new"),
                                .status = json_text_at(line->v, "status"),
                                .reason = json_text_at(line->v, "reason"),
                                .time = json_text_at(line->v, "t")};
    for (size_t i = 0; e->word && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verbs[i].word, e->word))
            e->verb = (enum journal_verb)i;
    e->applied = json_whole(applied, &e->applied_step);
    json_natural(cJSON_GetObjectItemCaseSensitive(line->v, "seq"), &e->seq);
    return json_opt_int(line, "step", 0, RECORD_STEP_MAX, &e->step, err);
}

bool journal_happened(const struct journal_entry *e)
{
    return !e->status || (strcmp(e->status, "rejected") && strcmp(e->status, "requested"));
}

const char *journal_note(const struct journal_entry *e)
{
    return e->verb == JOURNAL_NOTE ? e->value : NULL;
}

void journal_sentence(struct strbuf *out, const struct journal_entry *e)
{
    if (journal_note(e)) {
        sb_puts(out, journal_note(e));
        return;
    }
    sb_puts(out, e->word ? e->word : journal_word(e->verb));
    if (e->key)
        sb_printf(out, " %s", e->key);
    if (e->old && e->value)
        sb_printf(out, " %s -> %s", e->old, e->value);
    else if (e->value && *e->value)
        sb_printf(out, " %s", e->value);
    if (e->status)
        sb_printf(out, " (%s)", e->status);
    if (e->reason)
        sb_printf(out, ": %s", e->reason);
}

double journal_seconds(const struct journal_entry *e)
{
    struct tm tm = {0};
    const char *rest = e->time ? strptime(e->time, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

    return rest ? (double)timegm(&tm) + (*rest == '.' ? strtod(rest, NULL) : 0) : 0;
}
