/* kernels_panel.h - the table of kernels_panel.c. */
#ifndef COMPUTE_KERNELS_PANEL_H
#define COMPUTE_KERNELS_PANEL_H

#include "compute/kernels_isa.h"

extern const struct panel_kernels JOIN(panel_, ISA);

#endif
