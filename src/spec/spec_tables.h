/* spec_tables.h - the keys of a run file: every one is a row of an option table. */
#ifndef SPEC_SPEC_TABLES_H
#define SPEC_SPEC_TABLES_H

#include "spec/spec.h"

/* Over struct run_spec, stage_spec, until_spec, lora_keys, data_keys, checkpoint_spec; the last two over
 * watch_spec. */
extern const struct option_row spec_rows_top[];
extern const struct option_row spec_rows_stage[];
extern const struct option_row spec_rows_until[];
extern const struct option_row spec_rows_rho[];          /* over rho_spec */
extern const struct option_row spec_rows_rho_schedule[]; /* over rho_schedule */
extern const struct option_row spec_rows_guard[];        /* over guard_keys */
extern const struct option_row spec_rows_lora[];
extern const struct option_row spec_rows_data[];
extern const struct option_row spec_rows_checkpoint[];
extern const struct option_row spec_rows_watch[];
extern const struct option_row spec_rows_probes[];
extern const struct option_row spec_rows_attack[]; /* over attack_spec; "every" is the first */

/* An entry of "guards"; its condition is read by condition.h. */
struct guard_keys {
    char *when;
    int action;
    int64_t times;
};
/* The data sets of "watch": key, and offsets in struct watch_spec. Ends with a NULL key. */
struct spec_watched {
    const char *key;
    size_t data, has;
    const struct option_row *more; /* rows over struct watch_spec in the same object; NULL = none */
};
extern const struct spec_watched spec_watched[];

/* The option tables, for --help, the manual and the screen: section names as in the file ("",
 * "stages[]", "stages[].until", "stages[].rho_control", "stages[].lora", "watch", "attack", "checkpoint", "evaluate[]", "guards[]", "stages[].train[]", and "method
 * NAME"). */
struct option_section {
    const char *name;
    const struct option_row *rows;
};
bool spec_section(size_t i, struct option_section *out);
/* Live options of a stage: those of the stage itself (lr, weight_decay, max_grad_norm) and of its
 * method. base is the struct that the row fills. */
struct live_option {
    const struct option_row *row;
    void *base;
};
bool spec_live(struct stage_spec *stage, size_t i, struct live_option *out);
#endif
