/* model_support.h - golden folders and models made for a test. */
#ifndef TESTS_MODEL_SUPPORT_H
#define TESTS_MODEL_SUPPORT_H

#include "model/layers.h"
#include "support.h"

/* A golden folder opened: its model, its batch packed, its recorded numbers. */
struct golden {
    struct compute *c;
    struct model *m;
    struct acts *a;
    struct batch b;
    struct weights *want; /* expected.safetensors */
    cJSON *numbers;       /* expected.json */
    const char *dir;
};
/* backend "cpu" or "fence"; adapter: load the initial adapter, trained; full: train all weights. */
void golden_open(struct golden *g, const char *name, const char *backend, int threads, bool adapter, bool full);
void golden_close(struct golden *g);
double golden_number(const struct golden *g, const char *key);
/* Recorded tensor as floats; asserts that it is there and has n numbers. */
const float *golden_tensor(const struct golden *g, const char *name, size_t n);
/* Logits of every row of the batch, [N,V]; free(). */
float *all_logits(struct model *m, struct acts *a, const struct batch *b);
/* A model of random weights from config text; every number of it shaken, so that no bias is zero. */
struct model *random_model(const char *config, struct compute *c, uint64_t seed);
/* Fills x with standard normal numbers times sd. */
void fill_normal(float *x, size_t n, uint64_t seed, double sd);
/* A batch of S random sequences of given lengths, labels on all but the first `masked` positions. */
void random_batch(struct batch *b, const size_t *len, size_t S, size_t V, size_t masked, uint64_t seed);
/* Copies a file of one folder to another, under the same name. */
void copy_file(const char *from, const char *to, const char *name);
/* A model folder with every weight narrowed to t; or, widen, with those same numbers as F32. */
void narrow_folder(const char *from, const char *to, enum dtype t, bool widen);
#endif
