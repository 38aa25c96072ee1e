/* ui_fake_labels.c - the labels of the run by formula, and that nobody else drives it (ui_fake.c). */
#include <stdlib.h>
#include <vaccine/vaccine.h>

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

const char *vac_battery_worst(const struct vac_battery *v, char out[VAC_BATTERY_WORST])
{
    (void)v;
    out[0] = '\0';
    return out;
}

int vac_course_open(struct vac_course **out, const struct vac_battery_want *w, struct vac_err *err)
{
    *out = NULL;
    return err_set(err, VAC_ERR_USAGE, "%s: is not a real run", w->run);
}

int vac_course_next(struct vac_course *c, struct vac_leg *out, struct vac_err *err)
{
    (void)c;
    (void)out;
    (void)err;
    return 0;
}

const char *vac_course_folder(const struct vac_course *c)
{
    (void)c;
    return "";
}

void vac_course_close(struct vac_course *c)
{
    (void)c;
}
