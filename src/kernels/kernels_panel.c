/* kernels_panel.c - products x w^T, w first laid out in panels.
 *
 * A panel is PANEL rows of w side by side, panel[k][PANEL]: one step of the sum loads a few whole
 * vectors of it, and a tile of results stays in registers to the end. Laying out costs a shuffle
 * for four numbers, once for all rows of x, and takes w in any dtype. */
#include "kernels/kernels_panel.h"
#include <string.h>

#if LANES == 16
#define ROWS 14
#define FEW 24
#else
#define ROWS 6
#define FEW 10
#endif
#define NUMBER float
#define LOAD_PANEL(name, from) vec name = load(from)
#define ADD_PANEL(acc, x, name) (acc) += splat(x) * (name)
#include "kernels/kernels_tile.h"

enum { STRIP = 64 };

static void pack(float *to, const void *w, enum dtype t, size_t ldw, size_t rows, size_t k)
{
    static const float none[DTYPE_BLOCK_MAX];
    float wide[LANES][DTYPE_BLOCK_MAX];
    size_t strip = dtype_block(t) > STRIP ? dtype_block(t) : STRIP;

    for (size_t half = 0; half < PANEL; half += LANES)
        for (size_t r = 0; r < k; r += strip) {
            size_t n = k - r < strip ? k - r : strip;
            const float *row[LANES];
            for (size_t i = 0; i < LANES; i++) {
                const char *from = w;
                row[i] = none;
                if (half + i >= rows)
                    continue;
                from += dtype_bytes(t, (half + i) * ldw + r);
                row[i] = t == DTYPE_F32 ? (const float *)(const void *)from : wide[i];
                if (t != DTYPE_F32)
                    JOIN(kernels_, ISA).widen(wide[i], from, t, n);
            }
            pack_rows(to + r * PANEL + half, row, n);
        }
}

const struct panel_kernels JOIN(panel_,
                                ISA) = {.rows = PANEL, .few = FEW, .pack = pack, .times = times};
