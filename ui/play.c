/* play.c - see play.h */
#include <string.h>
#include "ui/commands.h"
#include "ui/play.h"
#include "ui/press.h"
#include "ui/script.h"
#include "ui/session.h"

static void play_text(struct ui *ui, const char *s)
{
    for (s++; *s && *s != '"'; s++) {
        int key = (unsigned char)*s;

        if (*s == '\\' && s[1]) {
            s++;
            key = *s == 'n'   ? UIKEY_ENTER
                  : *s == 't' ? UIKEY_TAB
                  : *s == 'e' ? UIKEY_ESC
                              : (unsigned char)*s;
        }
        press_key(ui, key, false);
    }
}

static void play_keys(struct ui *ui, char *line)
{
    for (char *save, *word = strtok_r(line, " \t", &save); word;
         word = strtok_r(NULL, " \t", &save)) {
        int key = key_by_name(word);

        if (key)
            press_key(ui, key, false);
        else
            script_complain(ui, word);
    }
}

static void play(struct ui *ui, char *line)
{
    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == ':' && line[1])
        command_line(ui, line + 1);
    else if (*line == '"')
        play_text(ui, line);
    else if (*line != '#')
        play_keys(ui, line);
}

double play_script(struct ui *ui)
{
    char line[2048];
    double due;

    while (!ui->priv->quit && script_next(ui, line, sizeof line, &due)) {
        play(ui, line);
        session_pump(ui);
    }
    return ui->priv->quit ? 0 : due;
}
