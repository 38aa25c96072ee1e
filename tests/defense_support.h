/* defense_support.h - a lab: a small random model, twenty samples, and a method with its options.
 */
#ifndef TESTS_DEFENSE_SUPPORT_H
#define TESTS_DEFENSE_SUPPORT_H

#include "defense/method.h"
#include "defense/passes.h"
#include "model_support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LAB_SAMPLES 20
#define LAB_LONGEST 9
#define LAB_FORMS 4
#define LAB_CUTS 4

/* Numbers of rig_forms: llamas with grouped and with wide heads, opt, opt-350m with its norms
 * behind. */
extern const size_t lab_forms[LAB_FORMS];
extern const char *const lab_backends[2];
/* Samples of a micro-batch; the first is all of them. */
extern const size_t lab_cuts[LAB_CUTS];

struct lab {
    const char *form;
    struct compute *c;
    struct model *m;
    struct acts *a;
    struct batch b[LAB_SAMPLES];
    const struct method *method;
    void *options;
    struct step s;
    size_t rows, labels;
};

/* What a lab is made of; 0 and NULL stand for the usual. */
struct plan {
    size_t form; /* of rig_forms */
    const char *backend, *method;
    const char *options; /* "rho=2 norm=layer" */
    double dropout;
    bool full;  /* all weights are trained, else an adapter of rank 3 */
    size_t cut; /* samples of a micro-batch */
    int threads;
};
void lab_open(struct lab *x, const struct plan *p);
void lab_close(struct lab *x);
/* One step of the method, always from the same weights. */
void lab_run(struct lab *x);

/* Each to be freed: n numbers of an array; the gradients; eps of all layers, [L, rows, D]; the
 * gradients of one step of a plan. */
float *lab_fetch(struct lab *x, struct ref from, size_t n);
float *lab_gradients(struct lab *x);
float *lab_fetch_layers(struct lab *x);
float *plan_gradients(const struct plan *p, double *loss);

/* As the arrays are, not as the readings say. */
double lab_layer_square(struct lab *x, size_t l);
double lab_norm(struct lab *x);
/* Of what has been measured: NaN counts nothing. */
double lab_sum_squares(const double *x, size_t n);
#endif
