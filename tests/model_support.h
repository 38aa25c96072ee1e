/* model_support.h - golden folders and models made for a test. */
#ifndef TESTS_MODEL_SUPPORT_H
#define TESTS_MODEL_SUPPORT_H

#include "model/layers.h"
#include "model/merge.h"
#include "model/peft.h"
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
void golden_open(struct golden *g, const char *name, const char *backend, int threads, bool adapter,
                 bool full);
void golden_close(struct golden *g);
double golden_number(const struct golden *g, const char *key);
/* Recorded tensor as floats; asserts that it is there and has n numbers. */
const float *golden_tensor(const struct golden *g, const char *name, size_t n);
/* Logits of every row of the batch, [N,V]; free(). */
float *all_logits(struct model *m, struct acts *a, const struct batch *b);
/* A model of random weights from config text; every number of it shaken, so that no bias is zero.
 */
struct model *random_model(const char *config, struct compute *c, uint64_t seed);
/* Fills x with standard normal numbers times sd. */
void fill_normal(float *x, size_t n, uint64_t seed, double sd);
/* A batch of S random sequences of given lengths, labels on all but the first `masked` positions.
 */
void random_batch(struct batch *b, const size_t *len, size_t S, size_t V, size_t masked,
                  uint64_t seed);
/* Copies a file of one folder to another, under the same name. */
void copy_file(const char *from, const char *to, const char *name);
/* A model folder with every weight narrowed to t; or, widen, with those same numbers as F32. */
void narrow_folder(const char *from, const char *to, enum dtype t, bool widen);

/* --- a rig: a model of any form, its activations, a batch, and arrays for its taps --- */

struct form {
    const char *name, *config, *some; /* some: a subset of its linears */
};
/* Every form of the architectures, as small as they can be; 0, 3 and 4 are plain llama, opt,
 * opt-350m. */
#define RIG_FORMS 13
extern const struct form rig_forms[RIG_FORMS];
/* The batch: four sequences, one of them a single token; labels on all but the first two positions.
 */
#define RIG_SEQS 4
#define RIG_ROWS 19
#define RIG_SCALE 0.37f /* of the gradients */

enum rig_array_kind { ADD, KEEP, KEEP_GRAD, ADD_GRAD, ARRAYS };
struct rig {
    const struct form *form;
    struct compute *c;
    struct model *m;
    struct acts *a;
    struct batch b;
    struct taps taps;
    struct buf *arrays; /* one of each kind for each place */
    size_t places, n;   /* n = N D */
    bool train;
};
void rig_make(struct rig *r, const struct form *f, const char *backend, int threads, uint64_t seed);
/* To be called when the adapter stack is as the test wants it. */
void rig_ready(struct rig *r);
void rig_drop(struct rig *r);
struct pass rig_pass(struct rig *r);
/* Places are numbered as place_of does. */
enum site rig_site(size_t place);
struct tap *rig_tap(struct rig *r, size_t place);
struct ref rig_array(struct rig *r, enum rig_array_kind which, size_t place);
/* All places add their arrays, keep and keep their gradients; every other one adds to its gradient.
 */
void rig_tap_all(struct rig *r, bool add_grad);
void rig_fill(struct rig *r, struct ref to, size_t n, uint64_t seed, double sd);
float *rig_fetch(struct rig *r, struct ref from, size_t n); /* free() */
void rig_zero_grads(struct rig *r);
/* A trained adapter with numbers everywhere: B = 0 would hide the gradient of A. */
void rig_add_lora(struct rig *r, size_t rank, bool rslora, double dropout, const char *targets,
                  uint64_t seed);

struct rig_lora_case {
    size_t r;
    bool rslora, some;
    double dropout;
    bool below; /* a frozen adapter beneath, of another rank and the other targets */
};
#define RIG_LORAS 6
extern const struct rig_lora_case rig_loras[RIG_LORAS];
/* The adapters of a case, and rig_ready. */
void rig_lora(struct rig *r, const struct rig_lora_case *k, uint64_t seed);
/* The folder's model; fails the test when it does not open. */
struct model *open_model_at(struct compute *c, const char *dir);
#endif
