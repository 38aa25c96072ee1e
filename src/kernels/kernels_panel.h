/* kernels_panel.h - the table of kernels_panel.c. */
#ifndef KERNELS_KERNELS_PANEL_H
#define KERNELS_KERNELS_PANEL_H

#include "kernels/kernels_isa.h"

extern const struct panel_kernels JOIN(panel_, ISA);

#endif
