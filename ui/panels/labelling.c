/* labelling.c - see labelling.h */
#include "panels/labelling.h"

#include <stdio.h>
#include <string.h>
#include "term/dialog.h"

enum { PROMPT = 180, ANSWER = 380 }; /* bytes: the choices stay on the smallest screen */

void labelling_ask(struct ui *ui, struct vac_labels *labels, void done(struct ui *ui, int key))
{
    struct vac_to_label x;
    char title[64], text[PROMPT + ANSWER + 80];

    if (!vac_labels_next(labels, &x)) {
        if (x.all)
            ui_say(ui, "all %zu answers have a label: vaccine label says what they say", x.all);
        else
            ui_say(ui, "no judged answer to label yet");
        return;
    }
    snprintf(title, sizeof title, "Label %zu of %zu", x.labelled + 1, x.all);
    snprintf(text, sizeof text, "> %.*s%s\n\n%.*s%s", PROMPT, x.prompt,
             strlen(x.prompt) > PROMPT ? "..." : "", ANSWER, *x.answer ? x.answer : "(nothing)",
             strlen(x.answer) > ANSWER ? "..." : "");
    dialog_open(&(struct dialog){
        .title = title,
        .text = text,
        .choice = {{'r', "refused"}, {'a', "answered"}, {'o', "other: neither"}, {'s', "skip"}},
        .done = done});
}

void labelling_take(struct ui *ui, struct vac_labels *labels, int key,
                    void done(struct ui *ui, int key))
{
    const char *verdict = key == 'r'   ? "refused"
                          : key == 'a' ? "answered"
                          : key == 'o' ? "other"
                                       : NULL;
    struct vac_err err = {0};

    if (vac_labels_put(labels, verdict, &err))
        ui_warn(ui, "%s", err.msg);
    else
        labelling_ask(ui, labels, done);
}
