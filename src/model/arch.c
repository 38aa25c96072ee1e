/* arch.c - the list of architectures. */
#include "model/arch.h"
#include <string.h>

#define ARCH_DECLARE(name) extern const struct arch arch_##name;
ARCHS(ARCH_DECLARE)
#define ARCH_ENTRY(name) &arch_##name,
static const struct arch *const archs[] = {ARCHS(ARCH_ENTRY) NULL};

const struct arch *arch_at(size_t i)
{
    return i < sizeof archs / sizeof *archs ? archs[i] : NULL;
}

const struct arch *arch_of_gguf(const char *name, struct strbuf *known)
{
    for (const struct arch *const *a = archs; *a; a++) {
        if ((*a)->gguf && !strcmp((*a)->gguf, name))
            return *a;
        if (known && (*a)->gguf && !(known->s && strstr(known->s, (*a)->gguf)))
            sb_printf(known, "%s%s", known->len ? ", " : "", (*a)->gguf);
    }
    return NULL;
}
