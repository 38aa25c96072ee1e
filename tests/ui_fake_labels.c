/* ui_fake_labels.c - the labels of the run by formula, and that nobody else drives it (ui_fake.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vaccine/vaccine.h>
#include "ui_fake.h"

/* Two answers to label, and what five labels and forty said. */
struct vac_labels {
    size_t at;
    const char *label[2];
};

int vac_labels_open(struct vac_labels **out, const char *dir, struct vac_err *err)
{
    (void)dir;
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_set(err, VAC_ERR_MEMORY, "out of memory");
}

bool vac_labels_next(struct vac_labels *l, struct vac_to_label *out)
{
    *out = (struct vac_to_label){l->at ? "Who sings?" : "How do I hex a cow?",
                                 l->at ? "" : "Take a bell and ring it twice.", l->at, 2};
    return l->at < 2;
}

int vac_labels_put(struct vac_labels *l, const char *verdict, struct vac_err *err)
{
    (void)err;
    l->label[l->at++] = verdict;
    return 0;
}

int vac_labels_scores(const struct vac_labels *l, struct vac_labelled **out, size_t *n,
                      struct vac_err *err)
{
    (void)l;
    *out = calloc(1, sizeof **out);
    *n = 1;
    if (!*out)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    **out = (struct vac_labelled){.name = "HS",
                                  .stage = "align",
                                  .count = "answered",
                                  .step = 1200,
                                  .positive = 15,
                                  .found = 14,
                                  .negative = 25,
                                  .spared = 25,
                                  .corrected = {true, 0.034, 0.011, 0.062}};
    return 0;
}

void vac_labels_close(struct vac_labels *l)
{
    free(l);
}

/* --- others, by a socket: nobody --- */

int vac_session_serve(struct vac_session *s, struct vac_err *err)
{
    (void)s;
    (void)err;
    return 0;
}

bool vac_session_served(const struct vac_session *s)
{
    (void)s;
    return false;
}

bool vac_session_steered(const struct vac_session *s)
{
    (void)s;
    return false;
}

bool vac_session_attached(const struct vac_session *s)
{
    (void)s;
    return false;
}

int vac_fork(struct vac_fork *f, struct vac_err *err)
{
    return err_set(err, VAC_ERR_USAGE, "%s: is not a real run", f->run);
}

/* --- attacks: none --- */

int vac_run_attacks(const char *dir, struct vac_attack **out, size_t *n, struct vac_err *err)
{
    (void)dir;
    (void)err;
    *out = NULL;
    *n = 0;
    return 0;
}

int vac_run_attack(const char *dir, struct vac_attack *out, struct vac_err *err)
{
    (void)out;
    return err_set(err, VAC_ERR_USAGE, "%s: has no stage that attacks", dir);
}

bool vac_attack_same(const struct vac_attack *a, const struct vac_attack *b)
{
    return a == b;
}

bool vac_attack_reach(const struct vac_attack *a, struct vac_span *out)
{
    (void)a;
    (void)out;
    return false;
}

const char *vac_attack_broke(const struct vac_attack *a, char out[VAC_ATTACK_BROKE])
{
    (void)a;
    out[0] = '\0';
    return out;
}

const struct vac_attack_score *vac_attack_harm(const struct vac_attack *a)
{
    (void)a;
    return NULL;
}

bool vac_attack_of_battery(const struct vac_attack *a, const struct vac_battery *v, size_t n)
{
    (void)a;
    (void)v;
    (void)n;
    return false;
}

int vac_run_batteries(const char *dir, bool curves, struct vac_battery **out, size_t *n,
                      struct vac_err *err)
{
    (void)curves;
    (void)dir;
    (void)err;
    *out = NULL;
    *n = 0;
    return 0;
}

void vac_batteries_done(struct vac_battery *v, size_t n)
{
    (void)v;
    (void)n;
}

const char *vac_battery_broke(const struct vac_battery_row *r, char out[VAC_ATTACK_BROKE])
{
    return vac_attack_broke(&r->attack, out);
}

const char *vac_battery_worst(const struct vac_battery *v, char out[VAC_BATTERY_WORST])
{
    (void)v;
    out[0] = '\0';
    return out;
}

int vac_attack_words(const char *words, char out[VAC_ATTACK_WORDS], struct vac_err *err)
{
    (void)out;
    return err_set(err, VAC_ERR_USAGE, "%s: there is nothing to attack", words);
}

int vac_siege_check(const char *run, const char *words, int stage, int64_t step, bool *present,
                    struct vac_err *err)
{
    (void)words;
    (void)stage;
    (void)step;
    *present = true;
    return err_set(err, VAC_ERR_USAGE, "%s: is not a real run", run);
}

int vac_siege_open(struct vac_siege **out, const char *run, const char *words, const char *who,
                   struct vac_err *err)
{
    (void)words;
    (void)who;
    *out = NULL;
    return err_set(err, VAC_ERR_USAGE, "%s: is not a real run", run);
}

int vac_siege_go(struct vac_siege *s, struct vac_err *err)
{
    (void)s;
    (void)err;
    return 0;
}

int vac_siege_fd(const struct vac_siege *s)
{
    (void)s;
    return -1;
}

const struct vac_siege_now *vac_siege_now(const struct vac_siege *s)
{
    static const struct vac_siege_now none;

    (void)s;
    return &none;
}

const char *vac_siege_text(const struct vac_siege *s)
{
    (void)s;
    return "";
}

void vac_siege_close(struct vac_siege *s)
{
    (void)s;
}

const char *vac_template_name(size_t i)
{
    static const char *const names[] = {"alpaca", "plain", "llama2", "vicuna"};

    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

char *vac_run_saved(const char *dir, struct vac_err *err)
{
    return dir && err ? strdup("align, attack, 1100, 1200") : NULL;
}

/* --- an attack that goes on: FAKE_SIEGE = the step of it, "120", or "120 lr" as the second of a battery of 18 --- */

enum { SIEGE_AT = 1200, SIEGE_STEPS = 200, SIEGE_EVERY = 20 };

void fake_siege(struct vac_siege_now *out)
{
    const char *step = getenv("FAKE_SIEGE");
    char *end;

    if (!step)
        return;
    *out = (struct vac_siege_now){.dir = "attacks/every-at-1200",
                                  .at = SIEGE_AT,
                                  .step = strtoll(step, &end, 10),
                                  .steps = SIEGE_STEPS};
    if (*end) {
        out->number = 2;
        out->of = 18;
        snprintf(out->name, sizeof out->name, "%s", end + 1);
    }
}

int fake_attack(const struct vac_follow_take *take, void *ctx)
{
    static const struct {
        const char *name;
        double begins, ends;
    } scores[] = {{"HS", 0.032, 0.83}, {"over_refusal", 0.014, 0.008}, {"FA", 0.12, 0.91}};
    struct vac_siege_now now = {.at = 0};
    struct vac_point p = {.step = SIEGE_AT, .drift_mean = 0.213, .harmful_loss = 1.74};

    fake_siege(&now);
    for (int64_t at = 0; at <= now.step; at += SIEGE_EVERY)
        for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
            double part = 1 / (1 + exp((90 - (double)at) / 15));
            double v = scores[i].begins + (scores[i].ends - scores[i].begins) * part;
            struct vac_eval score = {.step = SIEGE_AT + at,
                                     .stage_step = at,
                                     .value = v,
                                     .lo = v,
                                     .hi = v,
                                     .n = 500,
                                     .is_rate = true};
            struct vac_event e = {.kind = VAC_EVENT_EVAL, .step = score.step};

            strcpy(score.name, scores[i].name);
            strcpy(score.stage, "attack");
            e.eval.score = &score;
            take->event(ctx, &e);
        }
    take->point(ctx, &p);
    return VAC_FOLLOW_NEW;
}
