/* option.h - the option table: one row says all there is to know of a key.
 *
 * The run-file parser, --set, --help, the manual, the edit screen and the check of a live change all
 * read these rows, so that a key is described once. A row may name the field it fills by its offset in
 * the struct that the table belongs to. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/json.h"

enum option_type {
    OPTION_NUM,    /* double */
    OPTION_INT,    /* int64_t */
    OPTION_SEED,   /* uint64_t, all of them; min and max do not count */
    OPTION_BOOL,   /* bool */
    OPTION_STRING, /* char *, owned by the struct: free with option_free */
    OPTION_CHOICE, /* int: index into choices */
};

/* What an OPTION_STRING names on the disk; a model may be a name of the Hugging Face cache, too. */
enum option_path { PATH_NONE, PATH_FILE, PATH_FOLDER, PATH_MODEL };

struct option_row {
    const char *name;
    const char *help; /* one line, no full stop */
    const char *unit; /* "steps", "tokens", "min", ...; NULL = none */
    enum option_type type;
    double min, max;            /* inclusive; both 0 = no bounds */
    double def;                 /* number, integer, bool (0/1) or index of the choice */
    const char *def_text;       /* OPTION_STRING: default, NULL = none */
    const char *const *choices; /* OPTION_CHOICE: NULL-terminated */
    bool live;                  /* may change while a run is going */
    bool required;
    enum option_path path;
    size_t offset;
};
/* Tables end with a row whose name is NULL. */

/* Fills the defaults of all rows into `base`. */
int option_defaults(const struct option_row *rows, void *base, struct vac_err *err);
/* Reads every row that the object holds; wrong type, range or choice is an error naming path and what
 * would be right. Missing required keys too. Does not complain of keys outside the table. */
int option_read(const struct option_row *rows, const struct jnode *obj, void *base,
                struct vac_err *err);
/* Sets one row from text as typed by a user ("2.5", "true", "cosine"). `where` goes before the message. */
int option_set(const struct option_row *row, const char *text, void *base, const char *where,
               struct vac_err *err);
/* Whether option_set would take the text, without a struct to set. */
int option_check(const struct option_row *row, const char *text, const char *where,
                 struct vac_err *err);
/* The value as text that option_set would read back. */
void option_text(const struct option_row *row, const void *base, struct strbuf *out);
/* The same as JSON. */
void option_json(const struct option_row *row, const void *base, struct strbuf *out);
/* "a number from 0 to 100", "one of constant, linear, cosine", ... */
void option_wants(const struct option_row *row, struct strbuf *out);
const struct option_row *option_find(const struct option_row *rows, const char *name);
void option_free(const struct option_row *rows, void *base);
#endif
