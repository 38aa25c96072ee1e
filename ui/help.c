/* help.c - see help.h */
#include <string.h>
#include "ui/help.h"

/* Rows of the table of keys, each once. */
struct told {
    FILE *out;
    const struct ui *ui;
    bool done[ACT_COUNT];
};

static void put_key(struct told *t, enum action a)
{
    const struct key_row *k = key_row_of(a);

    if (k && !t->done[a] && (!t->ui || action_works(t->ui, a)))
        fprintf(t->out, "  %-9s %s\n", k->keys, k->help);
    t->done[a] = true;
}

/* Of "Up Down layer  R new reference" the keys: what stands before the words. */
static void put_hints(struct told *t, const char *hints)
{
    while (hints && *hints) {
        size_t n = strcspn(hints, " ");
        const char *next = strstr(hints, "  ");
        char name[16];

        snprintf(name, sizeof name, "%.*s", (int)n, hints);
        if (key_by_name(name)) {
            put_key(t, key_action(key_by_name(name)));
            hints += n + strspn(hints + n, " ");
        } else {
            hints = next ? next + 2 : NULL;
        }
    }
}

void help_panel(const struct ui *ui, enum panel_id id, FILE *out)
{
    static const enum action of_plots[] = {ACT_left,       ACT_right,    ACT_end,      ACT_zoom_in,
                                           ACT_zoom_reset, ACT_pan_left, ACT_pan_right};
    static const enum action of_tables[] = {ACT_up,        ACT_down, ACT_page_up,
                                            ACT_page_down, ACT_home, ACT_end};
    const struct panel *p = panels[id];
    struct told t = {.out = out, .ui = ui};

    fprintf(out, "%s: %s.\n", p->title, p->about);
    for (const struct word *w = p->words; w && w->word; w++)
        fprintf(out, "%s  %-9s %s\n", w == p->words ? "\nWhat stands here:\n" : "", w->word,
                w->help);
    fprintf(out, "\nKeys that mean something here:\n");
    put_hints(&t, p->hints);
    for (size_t i = 0; p->plot && i < sizeof of_plots / sizeof *of_plots; i++)
        put_key(&t, of_plots[i]);
    for (size_t i = 0; p->table && i < sizeof of_tables / sizeof *of_tables; i++)
        put_key(&t, of_tables[i]);
    if (panel_filters(id))
        put_key(&t, ACT_filter);
    put_key(&t, ACT_enter);
    put_key(&t, ACT_zoom);
    put_key(&t, ACT_copy);
    fputc('\n', out);
}

void help_keys(const struct ui *ui, FILE *out)
{
    struct told t = {.out = out, .ui = ui}, idle = {.out = out};
    bool any = false;

    for (int g = 0; g < GROUP_COUNT; g++) {
        bool head = false;

        for (size_t i = 0; i < ACT_COUNT - 1; i++) {
            if (key_rows[i].group != (enum key_group)g)
                continue;
            if (!head && (!ui || action_works(ui, key_rows[i].action)))
                head = fprintf(out, "%s:\n", key_group_names[g]) > 0;
            put_key(&t, key_rows[i].action);
        }
        fputs(head ? "\n" : "", out);
    }
    for (size_t i = 0; ui && i < ACT_COUNT - 1; i++)
        if (!action_works(ui, key_rows[i].action)) {
            fputs(any ? "" : "These do nothing for this run as it is:\n", out);
            put_key(&idle, key_rows[i].action);
            any = true;
        }
    fputs(any ? "\n" : "", out);
}
