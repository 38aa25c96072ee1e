/* rows.h - option rows that methods share; `owner` is the method's struct of options. */
#ifndef DEFENSE_ROWS_H
#define DEFENSE_ROWS_H

#include "base/option.h"
#include "defense/defense.h"

/* double rho; */
#define ROW_RHO(owner, help_text, default_value)                                                   \
    {                                                                                              \
        .name = "rho", .help = help_text, .type = OPTION_NUM, .max = 1e6, .def = default_value,    \
        .live = true, .offset = offsetof(owner, rho)                                               \
    }
/* int site; */
#define ROW_SITE(owner)                                                                            \
    {                                                                                              \
        .name = "site", .help = "where the perturbation is added", .type = OPTION_CHOICE,          \
        .choices = site_names, .def = SITE_ATTN, .offset = offsetof(owner, site)                   \
    }
/* int norm; */
#define ROW_NORM(owner)                                                                            \
    {                                                                                              \
        .name = "norm", .help = "what one length rho is given to", .type = OPTION_CHOICE,          \
        .choices = norm_names, .def = NORM_GLOBAL, .live = true, .offset = offsetof(owner, norm)   \
    }
/* char *layers; */
#define ROW_LAYERS(owner)                                                                          \
    {                                                                                              \
        .name = "layers", .help = "layers that are perturbed, like 0-3,7", .type = OPTION_STRING,  \
        .def_text = "all", .live = true, .offset = offsetof(owner, layers)                         \
    }
/* int64_t tau; */
#define ROW_TAU(owner)                                                                             \
    {                                                                                              \
        .name = "tau", .help = "perturb every tau-th step only", .unit = "steps",                  \
        .type = OPTION_INT, .min = 1, .max = 1e9, .def = 1, .live = true,                          \
        .offset = offsetof(owner, tau)                                                             \
    }
#endif
