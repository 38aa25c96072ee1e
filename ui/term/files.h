/* files.h - the screen's own files, and where they are. */
#ifndef TERM_FILES_H
#define TERM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { STATE_PATH = 1024 };

/* A file to read, without waiting for anybody: a pipe in its place (but one given as /dev/fd/N) is
 * refused. NULL and errno. */
FILE *files_open(const char *path);
/* $XDG_STATE_HOME/vaccine, made if missing (0700); "" when it cannot be. */
const char *files_state_dir(char out[STATE_PATH]);
/* The folder of the bundled samples: beside the program, installed or in the source tree, else
 * where it was configured to be installed. False when there is none. */
bool files_samples(char *dir, size_t size);
#endif
