/* run_support.h - small runs on the golden models: their data, their run files, sessions that are
 * driven from a test, and folders compared byte for byte.
 *
 * Everything runs on one thread and with no clock in the files, so that equal runs are equal bytes.
 */
#ifndef TESTS_RUN_SUPPORT_H
#define TESTS_RUN_SUPPORT_H

#include <sys/types.h>
#include <vaccine/vaccine.h>
#include "base/io.h"
#include "base/json.h"
#include "support.h"

/* A folder with rows.jsonl (23 rows of ready-made tokens), harm.jsonl (9) and the model's folder.
 */
struct rig_run {
    char dir[1100];   /* of the data and the run file */
    char model[1100]; /* a golden folder; with a tokenizer when asked for */
    char file[1200];  /* run.json */
};
void run_rig(struct rig_run *r, const char *golden, bool tokenizer);
/* Rows of 4 .. 4 + spread tokens; the first third of each has no label. */
void run_rows(const char *path, size_t n, size_t spread, uint64_t seed);
/* Writes the run file: MODEL, "seed", "threads" and so on come from here, the members in `rest`
 * from the test (with ' for "). */
void run_file(struct rig_run *r, const char *rest);
/* A path inside a folder, to the end of the program. */
const char *run_path(const char *dir, const char *name);
/* A fresh path for a run folder. */
const char *run_folder(void);

/* Opens and starts; fails the test when that fails. `how` may be NULL (a headless run). */
struct vac_session *run_start(const struct rig_run *r, const char *out, const struct vac_open *how);
/* Opens, makes steps up to this one of the run, and pauses. */
struct vac_session *run_up_to(const struct rig_run *r, const char *out, bool resume, int64_t step);
/* ... in a child, which is killed there. */
void run_killed_at(const struct rig_run *r, const char *out, int64_t step);
/* From start to end in this process; the exit code, and the message in err. */
int run_whole(const struct rig_run *r, const char *out, bool resume, struct vac_err *err);
/* The same as `how` says; the run file and the folder are filled in. */
int run_again(const struct rig_run *r, const char *out, const struct vac_open *how,
              struct vac_err *err);
/* In a child, which is killed with SIGKILL after some milliseconds (< 0: never); when it goes on and
 * finds no checkpoint it begins again. Its wait status. */
int run_child(const struct rig_run *r, const char *out, bool resume, int kill_after_ms);
/* Waits until the state is reached; fails the test when the run ends otherwise or a minute passes.
 */
void run_wait(struct vac_session *s, enum vac_state state);
void run_wait_step(struct vac_session *s, int64_t step);
bool run_ended(struct vac_session *s);
uint64_t run_give(struct vac_session *s, enum vac_op op, int64_t n, const char *key,
                  const char *text);
/* The next event of that kind (id 0 = any command's); others are thrown away. It is the
 * caller's to give back. */
void run_event(struct vac_session *s, enum vac_event_kind kind, uint64_t id, struct vac_event *out);
/* Gives a command and waits for its answer: true = applied; `out` may be NULL. */
bool run_do(struct vac_session *s, enum vac_op op, int64_t n, const char *key, const char *text,
            struct vac_event *out);

/* The file's text; free(). Fails the test when it is not there. */
char *run_read(const char *dir, const char *name, size_t *len);
bool run_same_file(const char *a, const char *b, const char *name);
/* Weights in final/ and stages/, metrics, layers, evaluations: equal bytes. */
void run_assert_same(const char *a, const char *b);
/* Lines of the journal with this op. */
size_t run_journal_count(const char *dir, const char *op);
/* The last journal line with this op, parsed; NULL = none. cJSON_Delete it. */
cJSON *run_journal_last(const char *dir, const char *op);
/* Whether the run went on last from this checkpoint, or from the "start". */
bool run_resumed_from(const char *out, const char *from);
size_t run_lines(const char *dir, const char *name);
/* Value of `key` in line `n` (from 0) of metrics.jsonl; NaN = not there. */
double run_metric(const char *dir, size_t n, const char *key);
/* Names, inodes, times and bytes of all that is in a folder: equal when nothing has touched it. */
void run_picture(const char *dir, struct strbuf *out);
#endif
