/* keys.c - the table of keys, and looking things up in it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "term/keys.h"

#define ACTION_ROW(id, key_, alt_, group_, keys_, bar_, help_)                                     \
    {.action = ACT_##id,                                                                           \
     .key = key_,                                                                                  \
     .alt = alt_,                                                                                  \
     .group = group_,                                                                              \
     .name = #id,                                                                                  \
     .keys = keys_,                                                                                \
     .bar = bar_,                                                                                  \
     .help = help_},
const struct key_row key_rows[] = {ACTIONS(ACTION_ROW)};

const char *const key_group_names[GROUP_COUNT] = {
    [GROUP_RUN] = "Run",       [GROUP_RHO] = "rho and options", [GROUP_PROBE] = "Probe",
    [GROUP_MOVE] = "Move",     [GROUP_VIEW] = "View",           [GROUP_FIND] = "Find and take out",
    [GROUP_SCREEN] = "Screen",
};

enum action key_action(int key)
{
    for (size_t i = 0; i < ACT_COUNT - 1; i++)
        if (key_rows[i].key == key || (key_rows[i].alt && key_rows[i].alt == key))
            return key_rows[i].action;
    return ACT_NONE;
}

const struct key_row *key_row_of(enum action a)
{
    return a > ACT_NONE && a < ACT_COUNT ? &key_rows[a - 1] : NULL;
}

int key_by_name(const char *name)
{
    static const struct {
        const char *name;
        int key;
    } names[] = {
        {"Space", ' '},         {"Enter", UIKEY_ENTER},   {"Esc", UIKEY_ESC},
        {"Tab", UIKEY_TAB},     {"S-Tab", UIKEY_BACKTAB}, {"Backspace", UIKEY_BACKSPACE},
        {"Up", UIKEY_UP},       {"Down", UIKEY_DOWN},     {"Left", UIKEY_LEFT},
        {"Right", UIKEY_RIGHT}, {"PgUp", UIKEY_PGUP},     {"PgDn", UIKEY_PGDN},
        {"Home", UIKEY_HOME},   {"End", UIKEY_END},       {"Del", UIKEY_DELETE},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(names[i].name, name))
            return names[i].key;
    if ((name[0] == 'F' || name[0] == 'f') && name[1] && strtol(name + 1, NULL, 10) >= 1 &&
        strtol(name + 1, NULL, 10) <= 10)
        return UIKEY_F1 + (int)strtol(name + 1, NULL, 10) - 1;
    if (!strncasecmp(name, "Ctrl-", 5) && name[5] && !name[6])
        return UICTRL(name[5]);
    return name[0] && !name[1] ? (unsigned char)name[0] : 0;
}
