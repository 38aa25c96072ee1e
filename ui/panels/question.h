/* question.h - what is typed at the probe line: a prompt, "%template prompt", or "@FILE" of
 * prompts. */
#ifndef PANELS_QUESTION_H
#define PANELS_QUESTION_H

#include "panels/state.h"

struct question {
    char template_name[VAC_NAME]; /* "" = the run's */
    char *prompt;
};
struct questions {
    struct question *v;
    size_t n, cap, first; /* first .. n-1 wait */
};

/* Adds what a line asks for. False, and why not: an unknown template, a file that cannot be read.
 */
bool questions_add(struct questions *q, const char *line, const char *default_template, char *why,
                   size_t size);
/* Adds that one as it stands. False without memory. */
bool questions_push(struct questions *q, const char *template_name, const char *prompt);
/* The next one, to be given back by free(prompt); false when none waits. */
bool questions_next(struct questions *q, struct question *out);
size_t questions_waiting(const struct questions *q);
/* Forgets those that wait. */
void questions_clear(struct questions *q);
void questions_done(struct questions *q);
/* For Tab: "%alpaca", malloc'ed. */
char *question_complete(struct ui *ui, const char *line, int start, const char *word, int i);
#endif
