/* products.c - the providers of products, by name and by rule. */
#include "compute/products.h"
#include <stdlib.h>
#include <string.h>
#include "compute/provider.h"

#define PROVIDER_ROW(name) &provider_##name,
static const struct provider *const providers[] = {PROVIDERS(PROVIDER_ROW) NULL};
#undef PROVIDER_ROW

const struct provider *products_at(size_t i)
{
    return i < sizeof providers / sizeof *providers ? providers[i] : NULL;
}

static const char *provider_name(const void *ctx, size_t i)
{
    (void)ctx;
    return providers[i] ? providers[i]->name : NULL;
}

const struct provider *products_find(const char *name, struct vac_err *err)
{
    const char *from = "", *near;
    bool chosen = name && *name && strcmp(name, "auto") != 0;

    if (!chosen) {
        name = getenv("VACCINE_PRODUCTS");
        chosen = name && *name && strcmp(name, "auto") != 0;
        from = "VACCINE_PRODUCTS: ";
    }
    for (size_t i = 0; providers[i]; i++)
        if (chosen ? !strcmp(providers[i]->name, name)
                   : !providers[i]->lacks && providers[i]->suits()) {
            if (!providers[i]->lacks && providers[i]->open)
                providers[i]->open();
            if (!providers[i]->lacks)
                return providers[i];
            err_set(err, VAC_ERR_UNSUPPORTED, "%sproducts by \"%s\" cannot be had: %s", from, name,
                    providers[i]->lacks);
            return NULL;
        }
    near = err_nearest(name, provider_name, NULL);
    err_set(err, VAC_ERR_USAGE, "%sno provider of products is called \"%s\"%s%s%s", from, name,
            near ? " (did you mean \"" : ": use \"auto\", \"openblas\" or \"onednn\"",
            near ? near : "", near ? "\"?)" : "");
    return NULL;
}

const char *products_name(const struct provider *p)
{
    return p->name;
}

const char *products_lack(const struct provider *p)
{
    return p->lacks;
}

const char *products_text(const struct provider *p)
{
    return p->text();
}
