/* sign.c - see sign.h */
#include "term/sign.h"

uint32_t sign(const struct canvas *c, enum sign which)
{
    static const struct {
        uint32_t utf8;
        char ascii;
    } signs[SIGN_COUNT] = {
        [SIGN_RUN] = {0x25b6, '>'},      [SIGN_PAUSE] = {0x2016, '|'},
        [SIGN_DONE] = {0x2713, '+'},     [SIGN_FAIL] = {0x2717, 'x'},
        [SIGN_WARN] = {'!', '!'},        [SIGN_MARK] = {0x25cf, '*'},
        [SIGN_OPEN] = {0x25cb, 'o'},     [SIGN_ARROW] = {0x2192, '>'},
        [SIGN_RHO] = {0x3c1, 'r'},       [SIGN_ELLIPSIS] = {0x2026, '~'},
        [SIGN_SELECTED] = {0x25b8, '>'}, [SIGN_UP] = {0x25b2, '^'},
        [SIGN_DOWN] = {0x25bc, 'v'},     [SIGN_LEFT] = {0x25c0, '<'},
        [SIGN_DOT] = {0xb7, '.'},        [SIGN_NOTE] = {0x25c6, '"'},
    };

    return c->charset == CHARSET_ASCII ? (uint32_t)signs[which].ascii : signs[which].utf8;
}
