/* pins.h - sizes and checksums of what a checkpoint holds and of what it stands on: run.json and
 * the folders of the stages that are complete. */
#ifndef RECORD_PINS_H
#define RECORD_PINS_H

#include "base/json.h"
#include "base/json_out.h"

/* Adds DIR/name, or every file of the folder DIR/name, as "name": {"bytes", "crc32c"}; what was
 * there of that name is replaced. */
int pin_file(cJSON *pins, const char *dir, const char *name, struct vac_err *err);
int pin_folder(cJSON *pins, const char *dir, const char *name, struct vac_err *err);
/* Whether the pins hold something of that folder. */
bool pins_know(const cJSON *pins, const char *name);
/* Every pinned file is as it was; unless `whole`, as far as its size tells. VAC_ERR_FORMAT: one is
 * not, is missing or is no file; another error tells nothing of it. */
int pins_check(const struct jnode *pins, const char *dir, bool whole, struct vac_err *err);
/* That a file is there, by the same rule. */
int pin_there(const char *path, int64_t *size, struct vac_err *err);
/* As a member of the object that is open. */
void pins_put(struct json_out *o, const char *key, const cJSON *pins);
#endif
