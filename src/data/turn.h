/* turn.h - one turn of a conversation. */
#ifndef DATA_TURN_H
#define DATA_TURN_H

#include <stdbool.h>

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct turn {
    enum role role;
    const char *text;  /* valid UTF-8 */
    const char *input; /* alpaca's second field of a user turn; NULL or "" = none */
    bool train;        /* an assistant turn that carries labels */
};
#endif
