/* samples.h - where the bundled samples are. */
#ifndef PANELS_SAMPLES_H
#define PANELS_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

/* The folder of the bundled samples: beside the program, installed or in the source tree, else
 * where it was configured to be installed. False when there is none. */
bool samples_find(char *dir, size_t size);
#endif
