/* config_gguf.h - the keys of a GGUF file as the config.json of the folder it was made from. */
#ifndef MODEL_CONFIG_GGUF_H
#define MODEL_CONFIG_GGUF_H

#include "weights/gguf.h"

/* The text. Sizes and rates are checked here, under the names that the file has for them. */
int config_gguf_text(struct gguf *g, struct strbuf *out, struct vac_err *err);
#endif
