/* pins.h - sizes and checksums of what a checkpoint holds and of what it stands on: run.json and
 * the folders of the stages that are complete. */
#ifndef RUN_PINS_H
#define RUN_PINS_H

#include "base/json.h"

/* Adds DIR/name, or every file of the folder DIR/name, as "name": {"bytes", "crc32c"}; what was
 * there of that name is replaced. */
int pin_file(cJSON *pins, const char *dir, const char *name, struct vac_err *err);
int pin_folder(cJSON *pins, const char *dir, const char *name, struct vac_err *err);
/* Whether the pins hold something of that folder. */
bool pins_know(const cJSON *pins, const char *name);
/* Every pinned file is as it was. */
int pins_check(const struct jnode *pins, const char *dir, struct vac_err *err);
/* As a member: ,\n  "key": {...} */
void pins_put(struct strbuf *out, const char *key, const cJSON *pins);
#endif
