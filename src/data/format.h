/* format.h - what a row of a data file is, and the formats that read one.
 *
 * A format is one file format_NAME.c with one const descriptor and one word in FORMATS. Invalid rows
 * are errors, never skipped. */
#ifndef DATA_FORMAT_H
#define DATA_FORMAT_H

#include "base/json.h"
#include "data/template.h"

/* X-macro: format_<name>.c each. Order = order of detection. */
#define FORMATS(X)                                                                                 \
    X(tokens) X(messages) X(sharegpt) X(prompt) X(alpaca) X(beavertails) X(completion) X(text)

/* One row as read: either turns or ready-made ids and labels. Strings live in the arena. */
struct row {
    struct turn *turn;
    size_t n_turn;
    const int32_t *ids, *labels; /* format "tokens": n_ids each */
    size_t n_ids;
    int is_safe;          /* BeaverTails: 1, 0; -1 = the format has no such mark */
    const char *category; /* NULL = none */
    const char *id;       /* the row's own "id" or NULL */
    const cJSON
        *json;   /* the row itself while it is being read: for extra fields ("label", "answer") */
    size_t line; /* 1-based line (JSON lines) or element number (JSON array) */
};
struct format {
    const char *name;
    const char *help;
    const char *const *keys;  /* the keys it needs, for messages */
    bool questions;           /* its rows have no answers */
    const char *const *reads; /* all that it reads; other text in a row is an error */
    bool (*detect)(const struct jnode *row);
    /* Fills `out` (zeroed, is_safe -1); strings copied into `a`. */
    int (*read)(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err);
};
const struct format *format_at(size_t i); /* NULL after the last */
/* Names of keys that tell about a row, for the manual; "_id" stands for all that end so. NULL after
 * the last. */
const char *format_note_at(size_t i);

/* --- for the files format_NAME.c --- */
/* The row has the key, and not as null: data sets that were put together write null where the
 * other's columns are. */
bool format_has(const struct jnode *row, const char *key);
/* The one of the names (NULL-terminated) that holds text, else the first that is there, else the
 * first. Two that hold different texts are an error. */
int format_choose(const struct jnode *row, const char *const *names, const char **out,
                  struct vac_err *err);
/* A required string, copied. */
int format_str(const struct jnode *row, const char *key, const char **out, struct arena *a,
               struct vac_err *err);
/* Absent, null and "" leave *out alone. */
int format_opt_str(const struct jnode *row, const char *key, const char **out, struct arena *a,
                   struct vac_err *err);
/* Element i of an array, when one walks through its values. */
struct jnode format_item(const struct jnode *array, const cJSON *value, size_t i);
/* Makes room for n turns; *n_turn stays 0 until they are put. */
int format_room(struct row *out, size_t n, struct arena *a, struct vac_err *err);
void format_put(struct row *out, struct turn turn);
/* The turn of "system" (or "system_prompt"), where there is one. */
int format_system(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err);
/* The user turn of `prompt`, with "input" (or "context"). */
int format_user(const struct jnode *row, const char *prompt, struct row *out, struct arena *a,
                struct vac_err *err);
/* What every format of single questions reads besides its own keys. */
#define FORMAT_QUESTION "input", "context", "system", "system_prompt"
/* System, user turn and its answer. */
int format_pair(const struct jnode *row, const char *prompt, const char *answer, struct row *out,
                struct arena *a, struct vac_err *err);

/* A list of turns, each an object with a role and a text. */
struct chat_role {
    const char *name;
    enum role role;
};
struct chat_keys {
    const char *list, *role, *text;
    const struct chat_role *roles; /* ends with a NULL name */
    const char *names;             /* the roles for messages: "system, user, assistant" */
};
/* An own "system" text of the row stands before the list. Roles must take turns. An assistant turn
 * carries labels unless it says "train": false or "weight": 0. */
int format_chat(const struct jnode *row, const struct chat_keys *keys, struct row *out,
                struct arena *a, struct vac_err *err);
/* Keys that tell about a row and are no part of its text: they may stand in any row. One that
 * begins with _ may always. */
bool format_is_note(const char *key);
/* -1 and an error at the first key that is neither in `reads` (NULL-terminated) nor a note and
 * holds text that `out` does not repeat: it would be lost without a word. out may be NULL. */
int format_unread(const struct jnode *row, const char *const *reads, const struct row *out,
                  struct vac_err *err);
#endif
