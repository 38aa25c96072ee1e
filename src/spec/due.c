/* due.c - see due.h */
#include "spec/due.h"

#include "base/name.h"
#include "spec/spec_attack.h"

/* Of what is measured at the start, every so many steps (0 = never), and at the end when it says so. */
static uint64_t times(int64_t every, bool at_end, uint64_t total, int64_t done)
{
    uint64_t made = done > 0 ? (uint64_t)done : 0, n = done < 0;

    if (every > 0)
        n += total / (uint64_t)every - made / (uint64_t)every;
    return n + (at_end && made < total && (every <= 0 || total % (uint64_t)every != 0));
}

uint64_t due_evaluations(const struct run_spec *s, const struct stage_spec *st, size_t entry,
                         uint64_t total, int64_t done)
{
    const struct evaluate_spec *e = &s->evaluate[entry];

    if (e->stages && !name_listed((const char *const *)e->stages, st->name))
        return 0;
    return times(e->every, true, total, done);
}

uint64_t due_attacks(const struct run_spec *s, size_t index, uint64_t total, int64_t done)
{
    return spec_attack_due(s, index, total, total)
               ? times(s->attack.every, true, total, done > 0 ? done : 0)
               : 0;
}

uint64_t due_suites(const struct run_spec *s, uint64_t total, int64_t done)
{
    const struct watch_spec *w = &s->watch;

    return w->has_probes && w->probes_every > 0 ? times(w->probes_every, false, total, done) : 0;
}

uint64_t due_readings(const struct run_spec *s, uint64_t total, int64_t done)
{
    const struct watch_spec *w = &s->watch;

    return w->every > 0 && (w->has_drift || w->has_align || w->has_harmful)
               ? times(w->every, true, total, done)
               : 0;
}
