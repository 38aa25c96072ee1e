/* start.h - what can be opened: runs, bundled samples, recent files. The list of panel 0, which is
 * the whole screen while no run is open. */
#ifndef PANELS_START_H
#define PANELS_START_H

#include "panels/state.h"

enum start_kind { START_HEAD, START_RUN, START_SAMPLE, START_RECENT };
struct start_item {
    enum start_kind kind;
    char path[VAC_PATH];
    char text[256]; /* of a sample, what it shows; of a head, its title */
    char apart[40]; /* of a run, what tells it from another of its name: " (old)" */
    struct vac_run_info run;
};
struct start_list {
    struct start_item *v;
    size_t n, cap;
};

/* "lab/lab.json" of ".../samples/lab/lab.json" */
const char *start_sample_name(const char *path);
/* Reads the folders again: runs below ./runs, below the open run's parent and beside recent runs;
 * with `all`, samples and recent files too, each under a head. */
void start_read(struct start_list *l, const struct ui *ui, bool all);
/* How the open run and the one that trains meanwhile stand is known better than their files say. */
void start_know(struct start_list *l, const struct ui *ui);
void start_done(struct start_list *l);
/* How a run is called in its row. tree: forks stand below their parents and are indented; unless rows are
 * filtered away, they leave out what their parent's row says. */
void start_name(const struct start_list *l, int row, bool tree, bool filtered, char *out,
                size_t size);
/* A file or folder was opened: it comes first among the recent ones. */
void start_remember(const char *path);
#endif
