/* due.h - how often is measured what a run file asks for beside training, so that its time can be planned. */
#ifndef SPEC_DUE_H
#define SPEC_DUE_H

#include "spec/spec.h"

/* What is left to measure in a stage of `total` steps, of which `done` are made and measured; -1: its start
 * is still to be measured, too. */
uint64_t due_evaluations(const struct run_spec *s, const struct stage_spec *st, size_t entry,
                         uint64_t total, int64_t done);
/* Attacks on forks, of which stage `index` has none at its start. */
uint64_t due_attacks(const struct run_spec *s, size_t index, uint64_t total, int64_t done);
uint64_t due_suites(const struct run_spec *s, uint64_t total, int64_t done); /* fixed probes */
uint64_t due_readings(const struct run_spec *s, uint64_t total,
                      int64_t done); /* drift and losses */
#endif
