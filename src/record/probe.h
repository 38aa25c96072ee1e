/* probe.h - a question and its answer as a line of probes.jsonl. */
#ifndef RECORD_PROBE_H
#define RECORD_PROBE_H

#include <vaccine/vaccine.h>
#include "base/json.h"
#include "base/json_out.h"

/* Its members, into an object that is open. */
void probe_json(struct json_out *o, const struct vac_probe *p);
/* With step, stage and who asked, what it has along the refusal direction in each of n layers, and its end. */
void probe_line(struct strbuf *out, const struct vac_probe *p, const double *projection, size_t n,
                int64_t step, const char *stage, int64_t stage_step, const char *who);
/* Texts are borrowed from the line; what is missing or of another type is "", NaN, 0 or NULL. */
void probe_read(const cJSON *line, struct vac_probe *out);
/* Its texts become the event's. */
int probe_keep(struct vac_event *e, struct vac_probe *p, struct vac_err *err);
#endif
