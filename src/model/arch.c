/* arch.c - the list of architectures. */
#include "model/arch.h"

#define ARCH_DECLARE(name) extern const struct arch arch_##name;
ARCHS(ARCH_DECLARE)
#define ARCH_ENTRY(name) &arch_##name,
static const struct arch *const archs[] = {ARCHS(ARCH_ENTRY) NULL};

const struct arch *arch_at(size_t i)
{
    return i < sizeof archs / sizeof *archs ? archs[i] : NULL;
}
