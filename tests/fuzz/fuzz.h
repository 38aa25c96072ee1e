/* fuzz.h - what the fuzz targets and their two drivers share.
 *
 * A target is a reader of files and the names it reads. Its input is one file, or several: then
 * each stands behind a line "=== NAME". The readers open files by path, so the parts are written
 * into a folder of their own for each execution. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_FILES 8
struct fuzz_target {
    const char *name;
    const char *file[FUZZ_FILES]; /* the first is the input's own when it has no sections */
    void (*read)(const char *dir);
};
extern const struct fuzz_target fuzz_targets[]; /* ends with name == NULL */

/* report.c, chain.c */
void fuzz_report(const char *dir);
void fuzz_chain(const char *dir);
void fuzz_battery(const char *dir);
/* DIR/run.json, where the input has none. */
void fuzz_run_json(const char *dir, const char *text);
/* Executes one input. */
void fuzz_one(const struct fuzz_target *t, const uint8_t *data, size_t size);
#endif
