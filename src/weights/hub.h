/* hub.h - where a model is: a folder, or a name looked up in the Hugging Face cache on this machine. */
#ifndef WEIGHTS_HUB_H
#define WEIGHTS_HUB_H

#include "base/io.h"
#include "base/json.h"

/* "DIR", or "[owner/]name[@revision]" under $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub
 * or ~/.cache/huggingface/hub (models--owner--name/snapshots/..., the revision of refs/main unless named:
 * a ref, a commit, or the unique beginning of one). Nothing is downloaded.
 * The folder's path (free it), or NULL and an error that lists where it looked. */
char *hub_find(const char *model, struct vac_err *err);
/* The other way: "owner/name" and the commit of a cache's folder (free both). 1 = it is none; -1. */
int hub_name_of(const char *dir, char **name, char **commit, struct vac_err *err);

/* generation_config.json: what stops generation. Missing file: n_eos = 0. */
#define GEN_MAX_EOS 16
struct gen_config {
    int32_t eos[GEN_MAX_EOS];
    size_t n_eos;
    double temperature, top_p; /* 1 when not given */
};
int gen_config_read(const char *dir, struct gen_config *out, struct vac_err *err);
#endif
