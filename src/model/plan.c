/* plan.c - see plan.h */
#include "model/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/adapter.h"
#include "model/bind.h"
#include "model/generate.h"

void plan_add(struct plan *p, const char *what, uint64_t bytes, const char *remedy)
{
    if (bytes == 0 || p->n == sizeof p->row / sizeof *p->row)
        return;
    p->row[p->n++] = (struct plan_row){what, remedy, bytes};
    p->total += bytes;
}

/* A file that holds one number, such as a control group's limit ("max" = none). */
static uint64_t number_in(const char *path)
{
    size_t len;
    char *text = file_exists(path) ? file_read(path, 4096, &len, NULL) : NULL, *end;
    unsigned long long x = text ? strtoull(text, &end, 10) : 0;

    free(text);
    return x ? x : UINT64_MAX;
}

uint64_t plan_available(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
    uint64_t limit[3] = {number_in("/sys/fs/cgroup/memory.max"),
                         number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"), UINT64_MAX};
    struct rlimit as;

    if (getrlimit(RLIMIT_AS, &as) == 0 && as.rlim_cur != RLIM_INFINITY)
        limit[2] = as.rlim_cur;
    for (int i = 0; i < 3; i++)
        machine = limit[i] < machine ? limit[i] : machine;
    return machine;
}

void plan_put(struct json_out *o, const char *key, const struct plan *p)
{
    json_put_list(o, key, JSON_TIGHT);
    for (size_t i = 0; i < p->n; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "what", p->row[i].what);
        json_put_natural(o, "bytes", p->row[i].bytes);
        json_put_end(o);
    }
    json_put_end(o);
}

void plan_text(const struct plan *p, struct strbuf *out)
{
    for (size_t i = 0; i <= p->n; i++) {
        bool all = i == p->n;
        uint64_t bytes = all ? p->total : p->row[i].bytes;
        struct strbuf size = {0};

        sb_quantity(&size, (double)bytes, "B");
        sb_printf(out, "  %-32s %10s", all ? "total" : p->row[i].what, size.s ? size.s : "");
        if (!all)
            sb_printf(out, " %5.1f %%", 100.0 * (double)bytes / (double)p->total);
        sb_putc(out, '\n');
        out->bad |= size.bad;
        sb_done(&size);
    }
}

int plan_check(const struct plan *p, uint64_t available, struct vac_err *err)
{
    struct strbuf s = {0};
    const struct plan_row *big = NULL;

    if (p->total <= available)
        return 0;
    sb_puts(&s, "needs ");
    sb_quantity(&s, (double)p->total, "B");
    sb_puts(&s, " of memory and there are ");
    sb_quantity(&s, (double)available, "B");
    for (size_t i = 0; i < p->n; i++) {
        sb_printf(&s, "%s%s ", i ? " + " : " (", p->row[i].what);
        sb_quantity(&s, (double)p->row[i].bytes, "B");
        if (p->row[i].remedy && (!big || p->row[i].bytes > big->bytes))
            big = &p->row[i];
    }
    err_set(err, VAC_ERR_MEMORY, "%s): %s", s.s ? s.s : "out of memory (",
            big ? big->remedy : "use a smaller model or a larger machine");
    sb_done(&s);
    return -1;
}

/* What the program and its libraries have once a model is open, with their own tables and buffers.
 */
#define PROGRAM_BYTES ((uint64_t)9 << 20)

static void plan_base(struct plan *p, const struct model *m)
{
    uint64_t mapped = 0, narrow = 0, adapters = 0;

    plan_add(p, "program and libraries", PROGRAM_BYTES, NULL);
    for (size_t i = 0; i < m->n_weight; i++) {
        if (m->weight[i]->narrow)
            narrow += dtype_bytes(DTYPE_BF16, m->weight[i]->numel);
        else if (m->weight[i]->wrapped && m->own_n == 0)
            mapped += dtype_bytes(m->weight[i]->src->dtype, m->weight[i]->numel);
    }
    for (size_t i = 0; i < m->n_adapter; i++)
        adapters += sizeof(float) * (uint64_t)m->adapter[i].n;
    plan_add(p, PLAN_BASE, mapped, "use a smaller model, or a machine with more memory");
    plan_add(p, "base weights in bf16", narrow,
             "use a smaller model, or a machine with more memory");
    plan_add(p, "weights in F32", sizeof(float) * (uint64_t)m->own_n,
             "use LoRA instead of full fine-tuning, or a smaller model");
    plan_add(p, "adapters", adapters, "use a smaller r");
}

static void plan_scratch(struct plan *p, const struct model *m, size_t rows, size_t context,
                         bool train)
{
    struct compute_limits lim = acts_limits(m, rows, context, train);

    plan_add(p, "scratch", compute_scratch_bytes(m->c, &lim), "use fewer threads");
    if (m->cfg.rope.kind != ROPE_NONE)
        plan_add(p, "rotation tables",
                 sizeof(float) * (uint64_t)context * m->cfg.E * (m->cfg.two_ropes ? 2 : 1),
                 "use a shorter context");
}

int plan_generate(struct plan *p, const struct model *m, size_t slots, size_t context)
{
    size_t ctx = context && context < m->cfg.max_pos ? context : m->cfg.max_pos;

    plan_base(p, m);
    plan_add(p, "generation (cache, activations)", generator_bytes(m, slots, context),
             "use a shorter context or fewer prompts at a time");
    plan_scratch(p, m, slots > 256 ? slots : 256, ctx, false);
    return 0;
}

int plan_train(struct plan *p, const struct model *m, size_t rows, size_t labelled, size_t context)
{
    size_t acts = acts_floats(m, rows, labelled, true);

    plan_base(p, m);
    if (m->trains)
        plan_add(p, "gradients and optimizer", 3 * sizeof(float) * (uint64_t)m->params.n,
                 m->full ? "use LoRA instead of full fine-tuning" : "use a smaller r");
    plan_add(p, "activations",
             acts > SIZE_MAX / sizeof(float) ? UINT64_MAX / 4 : sizeof(float) * (uint64_t)acts,
             "use a smaller batch_size (with accumulate) or max_length");
    plan_scratch(p, m, rows, context, true);
    return 0;
}

/* --- what is not made yet --- */

static void forget_adapters(struct model *m, size_t own)
{
    for (size_t i = own; i < m->n_adapter; i++)
        adapter_forget(&m->adapter[i]);
    m->n_adapter = 0;
}

/* `m` is a shallow copy with its own list of adapters, of which the first `own` are the model's. */
static int dress(struct model *m, const struct plan_next *next, size_t own, struct vac_err *err)
{
    if (next->widened || next->full) {
        if (model_may_own(m, err))
            return -1;
        m->own_n = 0;
        for (size_t i = 0; i < m->n_weight; i++)
            m->own_n += m->weight[i]->numel;
    }
    if (next->widened)
        m->n_adapter = own = 0;
    for (size_t i = 0; !next->full && i < next->n_lora; i++) {
        if (adapter_shape(m, &m->adapter[m->n_adapter], &next->lora[i], err)) {
            forget_adapters(m, own);
            return -1;
        }
        m->n_adapter++;
    }
    if (next->full)
        m->n_adapter = own = 0;
    for (size_t i = 0; i < m->n_adapter; i++)
        m->adapter[i].trained = i + 1 == m->n_adapter;
    model_restack(m);
    m->full = next->full;
    m->trains = next->full || m->n_adapter;
    m->params.n = next->full ? m->own_n : m->n_adapter ? m->adapter[m->n_adapter - 1].n : 0;
    return 0;
}

int plan_train_next(struct plan *p, const struct model *m, const struct plan_next *next,
                    size_t rows, size_t labelled, size_t context, uint64_t *trained,
                    struct vac_err *err)
{
    struct model ghost = *m;
    size_t own = next->widened ? 0 : m->n_adapter;
    int rc;

    ghost.adapter = mem_new(m->n_adapter + next->n_lora, sizeof *ghost.adapter, err);
    if (!ghost.adapter)
        return -1;
    if (m->n_adapter)
        memcpy(ghost.adapter, m->adapter, m->n_adapter * sizeof *ghost.adapter);
    rc = dress(&ghost, next, own, err);
    if (rc == 0) {
        rc = plan_train(p, &ghost, rows, labelled, context);
        *trained = ghost.params.n;
        forget_adapters(&ghost, own);
    }
    free(ghost.adapter);
    return rc;
}
