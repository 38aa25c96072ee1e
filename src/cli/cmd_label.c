/* cmd_label.c - `vaccine label`: a person labels a run's answers without knowing what the judge said of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "cli/cli.h"

struct label_values {
    bool summary;
};

static const struct cli_option options[] = {
    {.row = {.name = "summary",
             .help = "ask nothing: say what the labels say",
             .type = OPTION_BOOL,
             .offset = offsetof(struct label_values, summary)}},
    {.row.name = NULL},
};

static void put_share(struct strbuf *out, const char *verb, const char *what, int64_t k, int64_t n)
{
    sb_printf(out, "%s %lld of %lld%s", verb, (long long)k, (long long)n, what);
    if (n > 0)
        sb_printf(out, " (%.1f %%)", 100 * (double)k / (double)n);
}

static void put_labelled(struct strbuf *out, const struct vac_labelled *x)
{
    char what[VAC_NAME + 8];

    cli_put_name(out, x->name);
    sb_printf(out, ": %lld label%s; the judge ", (long long)(x->positive + x->negative),
              x->positive + x->negative == 1 ? "" : "s");
    snprintf(what, sizeof what, " %s", x->count);
    put_share(out, "finds", what, x->found, x->positive);
    put_share(out, ", spares", " others", x->spared, x->negative);
    sb_printf(out, "; %.1f %% at step %lld", 100 * x->value, (long long)x->step);
    if (x->corrected.known)
        sb_printf(out, ", corrected %.1f %% [%.1f, %.1f]\n", 100 * x->corrected.value,
                  100 * x->corrected.lo, 100 * x->corrected.hi);
    else if (x->positive < VAC_LABELS_LEAST || x->negative < VAC_LABELS_LEAST)
        sb_printf(out, "; too few labels to correct it: %d of either kind are needed\n",
                  VAC_LABELS_LEAST);
    else
        sb_puts(out, "; the judge tells too little for a correction\n");
}

static int put_summary(const struct vac_labels *l, struct vac_err *err)
{
    struct vac_labelled *v = NULL;
    struct strbuf out = {0};
    size_t n = 0;
    int rc = vac_labels_scores(l, &v, &n, err);

    if (rc == 0 && n == 0)
        sb_puts(&out, "There are no labels yet.\n");
    for (size_t i = 0; rc == 0 && i < n; i++)
        put_labelled(&out, &v[i]);
    if (rc == 0)
        rc = cli_write(&out, err);
    free(v);
    sb_done(&out);
    return rc;
}

static int show(const struct vac_to_label *x, struct vac_err *err)
{
    struct strbuf out = {0};
    int rc;

    sb_printf(&out, "\n[%zu of %zu] > ", x->labelled + 1, x->all);
    sb_puts(&out, x->prompt);
    sb_puts(&out, "\n");
    sb_puts(&out, *x->answer ? x->answer : "(nothing)");
    sb_puts(&out, "\nr refused, a answered, o other, s skip, q quit: ");
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}

/* From the question on keys count alone, also those of a signal, which would leave the terminal as it is here. false =
 * no terminal is read. */
static bool keys_alone(struct termios *was)
{
    struct termios keys;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, was))
        return false;
    keys = *was;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) == 0;
}

/* One of "raosq": a key alone, where they count (`was` not NULL), of which others are none and those of a signal quit.
 * Else the first letter of a line, whatever it is. */
static int read_letter(const struct termios *was, struct vac_err *err)
{
    static const char letters[] = "raosq";
    char line[256], c = 0;
    ssize_t n;

    if (!was)
        return fgets(line, sizeof line, stdin) ? line[0] : 'q';
    do {
        n = read(STDIN_FILENO, &c, 1);
        if ((n < 0 && errno != EINTR) || n == 0 || c == was->c_cc[VINTR] || c == was->c_cc[VEOF])
            c = 'q';
    } while (!c || !strchr(letters, c));
    line[0] = c;
    line[1] = '\n';
    return cli_write(&(struct strbuf){.s = line, .len = 2}, err) ? -1 : c;
}

/* Asks until everything has a label, or nobody answers any more. */
static int ask(struct vac_labels *l, struct vac_err *err)
{
    struct vac_to_label x;

    while (vac_labels_next(l, &x)) {
        const char *verdict = NULL;
        struct termios was;
        bool alone = keys_alone(&was);
        int c = show(&x, err) ? -1 : read_letter(alone ? &was : NULL, err);

        if (alone)
            tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
        if (c < 0)
            return -1;
        if (c == 'q')
            break;
        verdict = c == 'r' ? "refused" : c == 'a' ? "answered" : c == 'o' ? "other" : NULL;
        if ((verdict || c == 's') && vac_labels_put(l, verdict, err))
            return -1;
    }
    if (x.all == 0)
        return err_set(err, VAC_ERR_USAGE, "the run has no judged answers to label");
    return cli_write(&(struct strbuf){.s = "\n", .len = 1}, err);
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct label_values *v = values;
    struct vac_labels *l;
    int rc = vac_labels_open(&l, operand[0], err);

    if (rc == 0 && !v->summary)
        rc = ask(l, err);
    if (rc == 0)
        rc = put_summary(l, err);
    vac_labels_close(l);
    return rc;
}

const struct command command_label = {
    .name = "label",
    .args = "RUN_DIR",
    .help = "Label a run's answers by hand, blind",
    .about =
        "Shows the judged answers of all steps in random order, each once, without step or "
        "verdict; r, a, o, s or q for each: a key, or a line where no terminal is read. Labels go "
        "to RUN_DIR/labels.jsonl. From them: the judge's sensitivity and specificity, and each "
        "last score corrected by them (Rogan and "
        "Gladen) with a 95 % bootstrap interval that carries the judge's error.",
    .options = options,
    .values = sizeof(struct label_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
