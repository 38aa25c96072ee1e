/* help.c - the help: exactly the rows of the key table, the panels and the typed commands. */
#include <stdio.h>
#include <stdlib.h>
#include "ui/frame.h"

static void put_keys(FILE *out)
{
    for (int g = 0; g < GROUP_COUNT; g++) {
        fprintf(out, "%s:\n", key_group_names[g]);
        for (size_t i = 0; i < ACT_COUNT - 1; i++)
            if (key_rows[i].group == (enum key_group)g)
                fprintf(out, "  %-9s %s\n", key_rows[i].keys, key_rows[i].help);
        fputc('\n', out);
    }
}

static void put_panels(FILE *out)
{
    fprintf(out, "Panels:\n");
    for (int i = 0; i < PANEL_COUNT; i++)
        fprintf(out, "  %-9c %s: %s\n", panel_number((enum panel_id)i), panels[i]->title,
                panels[i]->about);
    fprintf(out, "\nCommands, after a colon:\n");
    for (size_t i = 0; command_at(i); i++) {
        const struct ui_command *c = command_at(i);

        fprintf(out, "  %-9s %s%s%s\n", c->name, c->args, *c->args ? "  " : "", c->help);
    }
    fprintf(out, "\nWith the mouse on, Shift while dragging lets the terminal select text.\n");
}

char *help_text(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    put_keys(out);
    put_panels(out);
    fclose(out);
    return text;
}

void help_open(struct ui *ui)
{
    char *text = help_text();

    if (text)
        pager_open(ui, "Help", text);
    free(text);
}
