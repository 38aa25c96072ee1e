/* libfuzzer.c - the fuzz targets under clang's libFuzzer; FUZZ names the one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *name = getenv("FUZZ");

    (void)argc;
    (void)argv;
    for (target = fuzz_targets; target->name && strcmp(target->name, name ? name : "") != 0;
         target++) {
    }
    if (target->name)
        return 0;
    fprintf(stderr, "FUZZ: no target \"%s\"\n", name ? name : "");
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(target, data, size);
    return 0;
}
