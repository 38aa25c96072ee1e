/* hash.h - identity of a run's inputs. */
#ifndef RECORD_HASH_H
#define RECORD_HASH_H

#include "base/err.h"

/* SHA-256 of a whole file; of a model or adapter folder (hash_file takes both):
 * config, tokenizer, names and sizes of weight files, their headers and samples of their data. */
int hash_file(const char *path, char out[65], struct vac_err *err);
int hash_model(const char *dir, char out[65], struct vac_err *err);
#endif
