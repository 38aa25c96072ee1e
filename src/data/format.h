/* format.h - inside src/data: what the files format_NAME.c share. */
#ifndef DATA_FORMAT_H
#define DATA_FORMAT_H

#include "data/dataset.h"

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
