/* gguf_names.h - what a tensor is called in a GGUF file and by Hugging Face. */
#ifndef WEIGHTS_GGUF_NAMES_H
#define WEIGHTS_GGUF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* False: a name that no architecture here has; then *out is `name` itself. */
bool gguf_name_to_hf(const char *name, char *out, size_t size);
bool gguf_name_from_hf(const char *name, char *out, size_t size);
#endif
