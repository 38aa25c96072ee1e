/* asked.h - what the model was asked and what it said: questions of the user, and the fixed suite.
 *
 * Kept apart from its drawing (panel_probe.c). Texts are the model's: raw, never shown but through
 * text.h. */
#ifndef PANELS_ASKED_H
#define PANELS_ASKED_H

#include <stdio.h>
#include "panels/state.h"

enum { ASKED_MOST = 64, SUITE_MOST = 512, PAST_MOST = 1024, VERDICT = 12, STRIP_MOST = 64 };

struct answer {
    char *text; /* NULL = none */
    char verdict[VERDICT];
    double p_refuse, along; /* NaN = not known */
    int64_t step;           /* of the weights; -1 = none */
};
struct asked {
    uint64_t id;        /* of the command; 0 = by somebody else */
    char *typed;        /* "%plain How?": another template makes another question of it */
    const char *prompt; /* in `typed`: what is behind the template */
    char template_name[VAC_NAME];
    struct answer now, before;
    struct answer *past; /* what it was before those two, oldest first */
    int n_past;
    int64_t tokens;
    bool suite, changed;
    bool open;            /* its answer is still coming */
    char why[256];        /* why there is no answer */
    const char *compared; /* text and its length that the marks are about */
    size_t compared_n;
    unsigned char *mark_now, *mark_before; /* diff_words of the two; NULL = not compared yet */
};
struct asked_list {
    struct asked v[ASKED_MOST]; /* oldest first */
    int n;
    struct asked *suite;
    int n_suite;
    int64_t suite_step;          /* -1 = not asked yet */
    int refused, other, changed; /* of the suite */
};

void asked_init(struct asked_list *l);
void asked_done(struct asked_list *l);
/* A question that was sent: the row of the same one, whose answer becomes the one before, or a new row, for
 * which the oldest one makes room. NULL without memory. */
struct asked *asked_new(struct asked_list *l, uint64_t id, const char *prompt,
                        const char *template_name);
/* Whose answer is still coming; sessions of saved weights count from 1, each. */
struct asked *asked_find(struct asked_list *l, uint64_t id);
/* The next piece of an answer. */
void asked_stream(struct asked *a, const char *piece);
void asked_end(struct asked *a, const struct vac_probe *p, int64_t step);
/* An open one gets no answer; NULL and others are passed over. */
void asked_refuse(struct asked *a, const char *why);
/* Its verdicts over steps, in their order and the last `most` of them (at most STRIP_MOST): R refused, A answered,
 * - other. How many. */
int asked_strip(const struct asked *a, char *out, int most);
/* One probe of the suite; the answer that it had becomes the one before. */
void asked_suite(struct asked_list *l, const struct vac_probe *p, int64_t step);
/* Counts again after a round of the suite. */
void asked_count(struct asked_list *l, int64_t step);
/* Row of the table: the newest question first, then the suite; NULL past the last. */
struct asked *asked_row(struct asked_list *l, int row);
/* The answer to the same prompt that stands beside the newest: the last one at or before that step,
 * or the first there is; with step < 0 the one before. NULL = there is none. Valid until the list
 * changes. */
const struct answer *asked_earlier(const struct asked_list *l, const struct asked *a, int64_t step);
/* The steps that asked_earlier can find, each once and in order; at most `most`. */
int asked_steps(const struct asked_list *l, const struct asked *a, int64_t *out, int most);
/* "20 40 ... 280": n steps, of which at most `shown` are named. */
void asked_steps_text(const int64_t *step, int n, int shown, char *out, size_t size);
/* Marks what differs between the newest answer and that one. */
void asked_compare(struct asked *a, const struct answer *earlier);
/* "before", or "later": of weights that the run had after those that answered last. */
const char *asked_when(const struct asked *a, const struct answer *other);
/* The question and its newest answer as far as it goes, or why there is none, and that earlier one; NULL = none. As they are,
 * to be freed; NULL without memory. */
char *asked_text(const struct asked *a, const struct answer *earlier);
/* All rows, under a line of names. */
void asked_csv(FILE *out, struct asked_list *l);
#endif
