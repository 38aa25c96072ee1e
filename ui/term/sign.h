/* sign.h - signs that depend on the characters that the terminal has. */
#ifndef TERM_SIGN_H
#define TERM_SIGN_H

#include "term/draw.h"

enum sign {
    SIGN_RUN,      /* ▶ > */
    SIGN_PAUSE,    /* ‖ | (two of these where there is room) */
    SIGN_DONE,     /* ✓ + */
    SIGN_FAIL,     /* ✗ x */
    SIGN_WARN,     /* ! */
    SIGN_MARK,     /* ● * */
    SIGN_OPEN,     /* ○ o */
    SIGN_ARROW,    /* → > */
    SIGN_RHO,      /* ρ r (a letter for labels: "ρ 2.0") */
    SIGN_ELLIPSIS, /* … ~ */
    SIGN_SELECTED, /* ▸ > */
    SIGN_UP,       /* ▲ ^ */
    SIGN_DOWN,     /* ▼ v */
    SIGN_LEFT,     /* ◀ < */
    SIGN_DOT,      /* · . */
    SIGN_NOTE,     /* ◆ " */
    SIGN_COUNT
};
uint32_t sign(const struct canvas *c, enum sign which);
#endif
