/* probe.c - see probe.h */
#include "record/probe.h"

#include <math.h>
#include <string.h>

#include "record/event.h"

void probe_json(struct json_out *o, const struct vac_probe *p)
{
    json_put_text(o, "prompt", p->prompt);
    if (p->template_name && *p->template_name)
        json_put_text(o, "template", p->template_name);
    json_put_text(o, "answer", p->answer);
    json_put_text(o, "verdict", p->verdict);
    json_put_num(o, "p_refuse", p->p_refuse);
    if (!isnan(p->along))
        json_put_num(o, "along", p->along);
    if (p->suite) {
        json_put_bool(o, "changed", p->changed);
        return;
    }
    json_put_int(o, "tokens", p->tokens);
    if (p->before) {
        json_put_text(o, "before", p->before);
        json_put_int(o, "before_step", p->before_step);
        json_put_text(o, "before_verdict", p->before_verdict);
        json_put_num(o, "before_p_refuse", p->before_p_refuse);
    }
}

void probe_line(struct strbuf *out, const struct vac_probe *p, const double *projection, size_t n,
                int64_t step, const char *stage, int64_t stage_step, const char *who)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_int(&o, "step", step);
    json_put_text(&o, "stage", stage);
    json_put_int(&o, "stage_step", stage_step);
    probe_json(&o, p);
    json_put_text(&o, "who", who);
    if (n)
        json_put_list(&o, "projection", JSON_TIGHT);
    for (size_t i = 0; i < n; i++)
        json_put_num(&o, NULL, (double)(float)projection[i]);
    if (n)
        json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

static int64_t whole(const cJSON *line, const char *key)
{
    int64_t x;

    return json_whole(cJSON_GetObjectItemCaseSensitive(line, key), &x) ? x : 0;
}

static double number(const cJSON *line, const char *key)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(line, key);

    return cJSON_IsNumber(x) ? x->valuedouble : (double)NAN;
}

static const char *text(const cJSON *line, const char *key)
{
    const char *s = json_text_at(line, key);

    return s ? s : "";
}

void probe_read(const cJSON *line, struct vac_probe *out)
{
    const char *who = json_text_at(line, "who");

    *out = (struct vac_probe){
        .prompt = text(line, "prompt"),
        .answer = text(line, "answer"),
        .template_name = text(line, "template"),
        .verdict = text(line, "verdict"),
        .p_refuse = number(line, "p_refuse"),
        .along = number(line, "along"),
        .suite = who && !strcmp(who, "suite"),
        .changed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "changed")),
        .tokens = whole(line, "tokens"),
        .before = json_text_at(line, "before"),
        .before_step = whole(line, "before_step"),
        .before_verdict = text(line, "before_verdict"),
        .before_p_refuse = number(line, "before_p_refuse"),
    };
}

int probe_keep(struct vac_event *e, struct vac_probe *p, struct vac_err *err)
{
    const char **texts[] = {&p->prompt,  &p->answer, &p->template_name,
                            &p->verdict, &p->before, &p->before_verdict};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i]) {
            *texts[i] = event_text(e, *texts[i], strlen(*texts[i]), err);
            if (!*texts[i])
                return -1;
        }
    return 0;
}
