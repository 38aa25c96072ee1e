/* pca.c - see pca.h. There are few points and many dimensions, so the components come from the n x n Gram
 * matrix: if G u = s u then X^T u / sqrt(s) is a component. Power iteration with deflation. */
#include "eval/pca.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ITERATIONS 500

struct space {
    size_t n, D;
    double *mean; /* [D] */
    double *gram; /* [n,n] */
    double *u;    /* [n] */
    double *next; /* [n] */
    double *axis; /* [2,D] */
};

static void centre_and_gram(struct space *s, const float *ref)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t d = 0; d < s->D; d++)
            s->mean[d] += (double)ref[i * s->D + d] / (double)s->n;
    }
    for (size_t i = 0; i < s->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t d = 0; d < s->D; d++)
                sum += ((double)ref[i * s->D + d] - s->mean[d]) *
                       ((double)ref[j * s->D + d] - s->mean[d]);
            s->gram[i * s->n + j] = s->gram[j * s->n + i] = sum;
        }
    }
}

/* Largest eigenvalue of the Gram matrix; its vector in s->u. */
static double power(struct space *s)
{
    double value = 0;

    for (size_t i = 0; i < s->n; i++)
        s->u[i] = 1.0 / (double)(i + 1);
    for (int k = 0; k < ITERATIONS; k++) {
        double norm = 0;
        for (size_t i = 0; i < s->n; i++) {
            s->next[i] = 0;
            for (size_t j = 0; j < s->n; j++)
                s->next[i] += s->gram[i * s->n + j] * s->u[j];
            norm += s->next[i] * s->next[i];
        }
        norm = sqrt(norm);
        if (!(norm > 0))
            return 0;
        value = norm;
        for (size_t i = 0; i < s->n; i++)
            s->u[i] = s->next[i] / norm;
    }
    return value;
}

static void component(struct space *s, const float *ref, double value, double *axis)
{
    size_t top = 0;

    for (size_t d = 0; d < s->D; d++) {
        for (size_t i = 0; i < s->n; i++)
            axis[d] += s->u[i] * ((double)ref[i * s->D + d] - s->mean[d]) / sqrt(value);
        if (fabs(axis[d]) > fabs(axis[top]))
            top = d;
    }
    for (size_t d = 0; axis[top] < 0 && d < s->D; d++)
        axis[d] = -axis[d];
    for (size_t i = 0; i < s->n; i++) {
        for (size_t j = 0; j < s->n; j++)
            s->gram[i * s->n + j] -= value * s->u[i] * s->u[j];
    }
}

static void project(const struct space *s, const float *x, double *at)
{
    for (size_t i = 0; i < s->n; i++) {
        for (int k = 0; k < 2; k++) {
            double sum = 0;
            for (size_t d = 0; d < s->D; d++)
                sum += ((double)x[i * s->D + d] - s->mean[d]) * s->axis[(size_t)k * s->D + d];
            at[2 * i + (size_t)k] = sum;
        }
    }
}

int pca2(const float *ref, const float *now, size_t n, size_t D, double *ref_at, double *now_at,
         double explained[2], struct vac_err *err)
{
    double *memory = mem_new(3 * D + n * n + 2 * n, sizeof *memory, err), total = 0, floor;
    struct space s = {.n = n, .D = D, .mean = memory};

    if (!memory)
        return -1;
    s.axis = memory + D;
    s.gram = s.axis + 2 * D;
    s.u = s.gram + n * n;
    s.next = s.u + n;
    centre_and_gram(&s, ref);
    for (size_t i = 0; i < n; i++)
        total += s.gram[i * n + i];
    floor = 1e-12 * total;
    for (int k = 0; k < 2; k++) {
        double value = power(&s);
        explained[k] = total > 0 && value > floor ? value / total : 0;
        if (explained[k] > 0)
            component(&s, ref, value, s.axis + (size_t)k * D);
    }
    project(&s, ref, ref_at);
    project(&s, now, now_at);
    free(memory);
    return 0;
}
