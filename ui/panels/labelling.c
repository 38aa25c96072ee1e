/* labelling.c - see labelling.h */
#include "panels/labelling.h"

#include <stdio.h>
#include <string.h>
#include "base/utf8.h"
#include "term/dialog.h"
#include "term/number.h"

enum { PROMPT = 180, ANSWER = 380 }; /* bytes: the choices stay on the smallest screen */

static void ask(struct ui *ui, struct vac_labels *labels, void done(struct ui *ui, int key))
{
    struct vac_to_label x;
    char title[64], text[PROMPT + ANSWER + 80];
    size_t prompt, answer;

    if (!vac_labels_next(labels, &x)) {
        if (x.all)
            ui_say(ui, "%s labelled, all there are: vaccine label says what they say",
                   number_of(text, (long long)x.all, "answers"));
        else
            ui_say(ui, "no judged answer to label yet");
        return;
    }
    snprintf(title, sizeof title, "Label %zu of %zu", x.labelled + 1, x.all);
    prompt = strlen(x.prompt);
    answer = strlen(x.answer);
    snprintf(text, sizeof text, "> %.*s%s\n\n%.*s%s",
             (int)(prompt > PROMPT ? utf8_valid(x.prompt, PROMPT) : prompt), x.prompt,
             prompt > PROMPT ? "..." : "",
             (int)(answer > ANSWER ? utf8_valid(x.answer, ANSWER) : ANSWER),
             answer ? x.answer : "(nothing)", answer > ANSWER ? "..." : "");
    dialog_open(&(struct dialog){
        .title = title,
        .text = text,
        .choice = {{'r', "refused"}, {'a', "answered"}, {'o', "other: neither"}, {'s', "skip"}},
        .done = done});
}

void labelling_begin(struct ui *ui, struct vac_labels **labels, void done(struct ui *ui, int key))
{
    struct vac_err err = {0};

    vac_labels_close(*labels);
    if (vac_labels_open(labels, ui_dir(ui), &err))
        ui_warn(ui, "%s", err.msg);
    else
        ask(ui, *labels, done);
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
        ask(ui, labels, done);
}
