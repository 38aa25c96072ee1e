/* commands.c - typed commands: `:set rho 2`, `:export svg loss`, and every action of the key table
 * by its name. The prompt line, scripts and the line mode share them. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "panels/start.h"
#include "term/screen.h"
#include "ui/actions.h"
#include "ui/attack.h"
#include "ui/commands.h"
#include "ui/export.h"
#include "ui/help.h"
#include "ui/script.h"
#include "ui/session.h"
#include "panels/look.h"

/* The first word of *s into out; *s moves to what follows. */
static void take_word(const char **s, char *out, size_t size)
{
    size_t n = 0;

    *s += strspn(*s, " \t");
    for (; **s && !isspace((unsigned char)**s); (*s)++)
        if (n + 1 < size)
            out[n++] = **s;
    out[n] = '\0';
    *s += strspn(*s, " \t");
}

int command_panel(struct ui *ui, const char *name)
{
    char all[256] = "";
    size_t n = 0;

    for (int i = 0; i < PANEL_COUNT && n < sizeof all; i++) {
        if (!strcmp(panels[i]->name, name))
            return i;
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", panels[i]->name);
    }
    ui_warn(ui, "no panel \"%s\": %s", name, all);
    return -1;
}

static void run_set(struct ui *ui, const char *args)
{
    char key[VAC_NAME];
    int option;

    take_word(&args, key, sizeof key);
    option = ui_option(ui, key);
    if (!*key || !*args)
        ui_warn(ui, ":set wants an option and a value, like :set rho 2");
    else if (option >= 0)
        ui_set(ui, option, args);
    else
        ui_send(ui, VAC_OP_SET, 0, key, args); /* says which there are */
}

static void run_export(struct ui *ui, const char *args)
{
    char what[16], name[32], file[VAC_PATH];
    int panel;

    take_word(&args, what, sizeof what);
    if (strcmp(what, "svg") && strcmp(what, "csv") && strcmp(what, "txt")) {
        ui_warn(ui, ":export wants svg, csv or txt, then maybe a panel or screen, and a file");
        return;
    }
    take_word(&args, name, sizeof name);
    text_unquote(file, sizeof file, args);
    panel = !*name ? ui->focus : !strcmp(name, "screen") ? -1 : command_panel(ui, name);
    if (panel >= 0 || !strcmp(name, "screen"))
        export_panel(ui, panel, what, *file ? file : NULL);
}

static void run_save_screen(struct ui *ui, const char *args)
{
    char file[VAC_PATH];

    text_unquote(file, sizeof file, args);
    if (!*file)
        ui_warn(ui, ":save-screen wants a file");
    else if (export_screen(ui, file))
        ui_warn(ui, "%s cannot be written", file);
}

static void run_quit(struct ui *ui, const char *args)
{
    if (!*args) {
        action_quit(ui);
        return;
    }
    if (!strcmp(args, "headless")) {
        ui->priv->headless = session_is_live(ui) && !session_is_attached(ui);
    } else if (!strcmp(args, "save") && session_is_live(ui)) {
        session_leave(ui);
        return;
    } else if (!strcmp(args, "save") || !strcmp(args, "discard")) {
        if (session_is_live(ui)) {
            ui_send(ui, VAC_OP_DISCARD, 0, NULL, NULL);
            ui->priv->status = 0;
        }
    } else {
        ui_warn(ui, ":quit wants save, discard or headless, or nothing");
        return;
    }
    ui->priv->quit = true;
}

static void run_panel(struct ui *ui, const char *args)
{
    int panel = command_panel(ui, args);

    if (panel >= 0)
        ui_focus(ui, panel);
}

static void run_step(struct ui *ui, const char *args)
{
    char *end;
    long long n = *args ? strtoll(args, &end, 10) : 1;

    if (n < 1 || (*args && *end))
        ui_warn(ui, ":step wants a whole number from 1 on");
    else
        session_drive(ui, VAC_OP_STEP, n);
}

static void run_until(struct ui *ui, const char *args)
{
    uint64_t id;

    if (!*args)
        ui_warn(ui,
                *ui->snap.goes_until ? ":until wants a condition, or off; it goes until %s"
                                     : ":until wants a condition, like step >= 500, HS < 5%%",
                ui->snap.goes_until);
    else if (!strcmp(args, "off"))
        ui_send(ui, VAC_OP_RUN_UNTIL, 0, NULL, NULL);
    else if ((id = ui_send(ui, VAC_OP_RUN_UNTIL, 0, NULL, args)))
        ui_announce(ui, id, "goes on until %s", args);
}

static void list_guards(struct ui *ui)
{
    const struct vac_snapshot *s = &ui->snap;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; out && i < s->n_guards; i++)
        fprintf(out, "%s %lld  %s\n      %s\n\n", s->guard[i].tripped ? "!" : " ",
                (long long)s->guard[i].number, s->guard[i].text,
                *s->guard[i].stands ? s->guard[i].stands : "not looked at yet");
    if (out && *s->goes_until)
        fprintf(out, "  pauses when %s\n\n", s->goes_until);
    if (out && s->n_guards && s->healthy_step >= 0) /* by guards: without them nobody says */
        fprintf(out, "  last healthy checkpoint: %lld\n\n", (long long)s->healthy_step);
    if (out && s->n_guards == 0)
        fprintf(out, "There is no guard: one is set by :guard, like :guard HS > 5%% pause.\n\n");
    if (out && fclose(out) == 0)
        pager_open("Guards", text);
    free(text);
}

static void run_guard(struct ui *ui, const char *args)
{
    char word[32];
    const char *rest = args;
    char *end;
    long long n;
    uint64_t id;

    take_word(&rest, word, sizeof word);
    if (!*args) {
        list_guards(ui);
    } else if (!strcmp(word, "off")) {
        n = strtoll(rest, &end, 10);
        if (!*rest || *end || n < 1)
            ui_warn(ui, ":guard off wants the number of a guard; :guard lists them");
        else if ((id = ui_send(ui, VAC_OP_GUARD, n, NULL, NULL)))
            ui_announce(ui, id, "guard %lld is taken away", n);
    } else if ((id = ui_send(ui, VAC_OP_GUARD, 0, NULL, args))) {
        ui_announce(ui, id, "watched from the next step on: %s", args);
    }
}

static void run_redo(struct ui *ui, const char *args)
{
    (void)args;
    ui_send(ui, VAC_OP_UNDO, 1, NULL, NULL);
}

static void run_pause(struct ui *ui, const char *args)
{
    (void)args;
    ui_send(ui, VAC_OP_PAUSE, 0, NULL, NULL);
}

static void run_resume(struct ui *ui, const char *args)
{
    if (!*args)
        session_drive(ui, VAC_OP_RESUME, 0);
    else if (strcmp(args, "from-start"))
        ui_warn(ui, ":resume wants from-start, or nothing");
    else
        session_begin_again(ui);
}

static void run_control(struct ui *ui, const char *args)
{
    uint64_t id = ui_send(ui, VAC_OP_CONTROL, 0, NULL, NULL);

    (void)args;
    if (id)
        ui_announce(ui, id, "asking for control");
}

static void run_probe(struct ui *ui, const char *args)
{
    if (*args)
        panels[PANEL_probe]->line(ui, args);
    else
        action_do(ui, ACT_probe);
}

static void run_at(struct ui *ui, const char *args)
{
    if (*args)
        look_take(ui, strcmp(args, "end") ? args : "");
    else
        look_choose(ui);
}

static void run_runs(struct ui *ui, const char *args)
{
    (void)args;
    session_list(ui);
}

static void run_note(struct ui *ui, const char *args)
{
    if (!*args) {
        ui_warn(ui, ":note wants a text");
        return;
    }
    if (!ui_send(ui, VAC_OP_NOTE, 0, NULL, args))
        return;
    if (ui->snap.state == VAC_RUNNING) /* which step that is, is not known yet */
        ui_say(ui, "noted at the end of this step");
    else
        ui_say(ui, "noted at step %lld", (long long)ui->snap.step);
}

static void run_open(struct ui *ui, const char *args)
{
    if (!*args) {
        ui_warn(ui, ":open wants a run file or a run folder");
        return;
    }
    text_unquote(ui->open_path, sizeof ui->open_path, args);
    session_open_next(ui);
}

static void run_theme(struct ui *ui, const char *args)
{
    for (int i = 0; i < THEME_COUNT; i++)
        if (!strcmp(theme_names[i], args)) {
            ui->priv->theme = (enum theme)i;
            screen_set_theme(ui->priv->theme);
            ui->colors = screen_colors();
            return;
        }
    ui_warn(ui, ":theme wants dark, light or none");
}

static void run_charset(struct ui *ui, const char *args)
{
    static const char *const names[CHARSET_COUNT] = {"braille", "block", "ascii"};

    for (int i = 0; i < CHARSET_COUNT; i++)
        if (!strcmp(names[i], args)) {
            action_charset(ui, (enum charset)i);
            return;
        }
    ui_warn(ui, ":charset wants braille, block or ascii");
}

static void run_goto(struct ui *ui, const char *args)
{
    char *end;
    double step = strtod(args, &end);

    if (!*args || *end)
        ui_warn(ui, ":goto wants a step");
    else
        ui->cursor = fmin(fmax(step, 0), (double)ui->snap.step);
}

static void run_sync(struct ui *ui, const char *args)
{
    (void)ui;
    screen_set_sync(strcmp(args, "off") != 0);
}

static void run_glyphs(struct ui *ui, const char *args)
{
    (void)args;
    if (!ui->utf8) {
        action_charset(ui, CHARSET_ASCII); /* says why there is no choice */
        return;
    }
    pager_open(
        "Can you see these?",
        "Braille, C until the header says so (smooth curves of dots):\n\n   "
        "\u28c0\u28e0\u28e4\u28f4\u28f6\u28fe\u28ff  \u2880\u2860\u2834\u281e\u280b\n\n"
        "Block (solid, half as fine):\n\n   \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588  "
        "\u2584\u2580\u2588\u258c\u2590\n\n"
        "ASCII (always works):\n\n   .:-=+*#%@\n\n"
        "Empty boxes or question marks: press C for the next, or start with --charset.");
}

static void run_wait(struct ui *ui, const char *args)
{
    script_wait(ui, args);
}

static void run_source(struct ui *ui, const char *args)
{
    struct vac_err err = {0};
    char file[VAC_PATH];

    text_unquote(file, sizeof file, args);
    if (script_open(ui, file, &err))
        ui_warn(ui, "%s", err.msg);
}

/* Proves that training does not wait for the screen: tests/ui_measure.py counts the steps. */
static void run_stall(struct ui *ui, const char *args)
{
    char *end;
    double seconds = strtod(args, &end), whole = floor(seconds);

    if (!*args || *end || !(seconds >= 0 && seconds <= 60)) {
        ui_warn(ui, ":stall wants seconds from 0 to 60");
        return;
    }
    nanosleep(
        &(struct timespec){.tv_sec = (time_t)whole, .tv_nsec = (long)((seconds - whole) * 1e9)},
        NULL);
}

static void run_help(struct ui *ui, const char *args);

static const struct ui_command ui_commands[] = {
    {"set", "OPTION VALUE", "change a live option from the next step on", run_set},
    {"step", "[N]", "so many steps, then pause", run_step},
    {"resume", "[from-start]", "go on training; from-start: again, when there is no checkpoint",
     run_resume},
    {"until", "CONDITION|off", "go on until it is so, then pause: step >= 500, HS < 5%, loss < .2",
     run_until},
    {"guard", "[CONDITION [alert|pause|save|rewind|stop|run COMMAND]|off N]",
     "watch the run: HS > 20% pause; alone: the list", run_guard},
    {"redo", "", "make the change again that was taken back last", run_redo},
    {"rewind", "STEP", "pause, and go back to the checkpoint of that step", action_rewind},
    {"fork", "[STEP|here] [FOLDER]", "another run that begins with what this one has saved",
     action_fork},
    {"attack", "[at=STEP] [ratio=P] [samples=N] [steps=N] [lr=X] [battery=FILE]|stop",
     "fine-tune a fork of the present weights as a user would; stop: it is saved", attack_typed},
    {"pause", "", "pause at the next step", run_pause},
    {"control", "", "of a run that another program runs: ask for control, or give it to who asks",
     run_control},
    {"probe", "[TEXT]", "ask the present weights", run_probe},
    {"at", "[STAGE|STEP|end]", "which saved weights of a run that is over answer", run_at},
    {"runs", "", "back to the list of runs; from there to the one that trains", run_runs},
    {"note", "TEXT", "a word on this step: in the journal, on every plot, in the report", run_note},
    {"open", "PATH", "open a run file or a run folder", run_open},
    {"panel", "NAME", "focus a panel", run_panel},
    {"goto", "STEP", "put the cursor on a step", run_goto},
    {"export", "svg|csv|txt [PANEL] [FILE]", "write a panel, or the whole \"screen\"", run_export},
    {"save-screen", "FILE", "write the screen as text", run_save_screen},
    {"theme", "NAME", "dark, light or none", run_theme},
    {"charset", "NAME", "braille, block or ascii", run_charset},
    {"glyph-test", "", "show which characters this terminal can draw", run_glyphs},
    {"sync", "on|off", "frames at once (DEC 2026), if the terminal flickers", run_sync},
    {"source", "FILE", "play a script of keys and commands", run_source},
    {"wait", "step N | state NAME | SECONDS", "in scripts: wait", run_wait},
    {"stall", "SECONDS", "debug: the screen sleeps, training must not notice", run_stall},
    {"help", "", "all keys and commands", run_help},
    {"quit", "[save|discard|headless]", "leave", run_quit},
    {NULL, NULL, NULL, NULL},
};

static const struct ui_command *command_at(size_t i)
{
    enum { OWN = sizeof ui_commands / sizeof *ui_commands - 1 };

    if (i < OWN)
        return &ui_commands[i];
    i -= OWN;
    for (int p = 0; p < PANEL_COUNT; p++)
        for (const struct ui_command *c = panels[p]->commands; c && c->name; c++)
            if (i-- == 0)
                return c;
    return NULL;
}

/* Commands, then actions by name, for "did you mean" and Tab. */
static const char *name_at(const void *ctx, size_t i)
{
    size_t n = 0;

    (void)ctx;
    while (command_at(n))
        n++;
    if (i < n)
        return command_at(i)->name;
    return i - n < ACT_COUNT - 1 ? key_rows[i - n].name : NULL;
}

static bool run_action(struct ui *ui, const char *name)
{
    for (size_t i = 0; i < ACT_COUNT - 1; i++)
        if (!strcmp(key_rows[i].name, name)) {
            command_action(ui, key_rows[i].action);
            return true;
        }
    return false;
}

void command_line(struct ui *ui, const char *line)
{
    const struct ui_command *c;
    char name[64], rest[2048];
    const char *near;
    size_t n;

    line += strspn(line, " \t:");
    take_word(&line, name, sizeof name);
    if (!*name)
        return;
    snprintf(rest, sizeof rest, "%s", line);
    for (n = strlen(rest); n && isspace((unsigned char)rest[n - 1]); n--)
        rest[n - 1] = '\0';
    ui->dirty = true;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!strcmp(c->name, name)) {
            c->run(ui, rest);
            return;
        }
    if (run_action(ui, name))
        return;
    near = !name[1] && key_action(name[0]) ? key_row_of(key_action(name[0]))->name
                                           : err_nearest(name, name_at, NULL);
    ui_warn(ui,
            near ? "unknown command \"%s\" (did you mean \"%s\"?)"
                 : "unknown command \"%s\"; :help lists them",
            name, near);
}

/* The option's name, and behind it the value that it has. */
static char *complete_option(struct ui *ui, const char *line, int start, const char *word, int i)
{
    char name[VAC_NAME];
    int n = 0, option;

    if (sscanf(line, "set %63s%n", name, &n) == 1 && n < start) {
        option = ui_option(ui, name);
        return option >= 0 && i == 0 && !*word ? strdup(ui_option_next(&ui->option[option])) : NULL;
    }
    for (int k = 0; k < ui->n_options; k++)
        if (ui->option[k].live && !strncmp(ui->option[k].name, word, strlen(word)) && i-- == 0)
            return strdup(ui->option[k].name);
    return NULL;
}

static struct start_list
    runs; /* that the start screen would list: read when Tab asks for the first */

/* Runs and run files that are known, else any file. */
static char *complete_run(struct ui *ui, const char *word, int i)
{
    static size_t next;
    static bool any;

    if (i == 0) {
        start_read(&runs, ui, true);
        next = 0;
        any = false;
    }
    for (; next < runs.n; next++)
        if (runs.v[next].kind != START_HEAD && !strncmp(runs.v[next].path, word, strlen(word))) {
            any = true;
            return strdup(runs.v[next++].path);
        }
    return any ? NULL : prompt_file(word, i);
}

/* Candidate number i of a list, which ends with NULL; *i counts on where it has fewer. */
static char *complete_word(const char *const *words, const char *word, int *i)
{
    for (; *words; words++)
        if (!strncmp(*words, word, strlen(word)) && (*i)-- == 0)
            return strdup(*words);
    return NULL;
}

/* The words of a command that has a few. */
static const struct {
    const char *command, *words[5];
} few[] = {
    {"export ", {"svg", "csv", "txt"}},
    {"theme ", {"dark", "light", "none"}},
    {"charset ", {"braille", "block", "ascii"}},
    {"quit ", {"save", "discard", "headless"}},
    {"resume ", {"from-start"}},
    {"sync ", {"on", "off"}},
    {"attack ", {"stop"}},
    {"guard ", {"off"}},
    {"fork ", {"here"}},
    {"until ", {"off", "step"}},
};

/* A score that the run has: a condition is about one. */
static char *complete_score(const struct ui *ui, const char *word, int i)
{
    for (int k = 0; k < ui->snap.n_evals; k++)
        if (!strncmp(ui->snap.eval[k].name, word, strlen(word)) && i-- == 0)
            return strdup(ui->snap.eval[k].name);
    return NULL;
}

/* Candidate number i of those that begin with the word. */
static char *complete(struct ui *ui, const char *line, int start, const char *word, int i)
{
    size_t len = strlen(word);
    const char *name;
    char *out;

    if (start == 0 || line[strspn(line, " :")] == '\0') {
        for (size_t k = 0; (name = name_at(NULL, k)); k++)
            if (!strncmp(name, word, len) && i-- == 0)
                return strdup(name);
        return NULL;
    }
    if (!strncmp(line, "set ", 4))
        return complete_option(ui, line, start, word, i);
    if (!strncmp(line, "open ", 5))
        return complete_run(ui, word, i);
    for (size_t k = 0; k < sizeof few / sizeof *few; k++)
        if (!strncmp(line, few[k].command, strlen(few[k].command)) &&
            start <= (int)strlen(few[k].command) && (out = complete_word(few[k].words, word, &i)))
            return out;
    if (!strncmp(line, "at ", 3) && start <= 3)
        return look_saved(ui, word, i);
    if ((!strncmp(line, "rewind ", 7) && start <= 7) || (!strncmp(line, "fork ", 5) && start <= 5))
        return look_checkpoint(ui, word, i);
    if (!strncmp(line, "guard ", 6) || !strncmp(line, "until ", 6))
        return complete_score(ui, word, i);
    if (strncmp(line, "panel ", 6) && (strncmp(line, "export ", 7) || start <= 7))
        return NULL;
    for (int k = 0; k < PANEL_COUNT; k++)
        if (!strncmp(panels[k]->name, word, len) && i-- == 0)
            return strdup(panels[k]->name);
    return *line == 'e' && !strncmp("screen", word, len) && i == 0 ? strdup("screen") : NULL;
}

/* An option with the value that holds from the next step on, a run with its state. */
static char *told(struct ui *ui, const char *line, const char *candidate)
{
    const struct start_item *run = NULL;
    char *out = NULL;
    int option = ui_option(ui, candidate), rc = -1;

    for (size_t k = 0; k < runs.n && !run; k++)
        if (!strcmp(runs.v[k].path, candidate))
            run = &runs.v[k];
    if (!strncmp(line, "set ", 4) && option >= 0)
        rc = asprintf(&out, "%s=%s", candidate, ui_option_next(&ui->option[option]));
    else if (!strncmp(line, "open ", 5) && run && run->kind == START_RUN)
        rc =
            asprintf(&out, "%s (%s %lld)", run->run.name, run->run.state, (long long)run->run.step);
    else if (!strncmp(line, "open ", 5) && run && strrchr(candidate, '/'))
        rc = asprintf(&out, "%s", strrchr(candidate, '/') + 1);
    return rc < 0 ? NULL : out;
}

/* --- the line and the help --- */

static void put_panels(FILE *out)
{
    char key[4];

    fprintf(out, "Panels:\n");
    for (int i = 0; i < PANEL_COUNT; i++)
        fprintf(out, "  %-9s %s: %s\n", panel_key_name((enum panel_id)i, key), panels[i]->title,
                panels[i]->about);
    fputc('\n', out);
}

static void put_commands(FILE *out)
{
    fprintf(out, "Commands, after a colon:\n");
    for (size_t i = 0; command_at(i); i++) {
        const struct ui_command *c = command_at(i);

        fprintf(out, "  %-9s %s%s%s\n", c->name, c->args, *c->args ? "  " : "", c->help);
    }
    fprintf(out, "\nWith the mouse on, Shift while dragging lets the terminal select text.\n");
}

/* Who types :help looks for commands: they come first. */
static void run_help(struct ui *ui, const char *args)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)args;
    if (!out)
        return;
    put_commands(out);
    fputc('\n', out);
    help_keys(ui, out);
    put_panels(out);
    fclose(out);
    pager_open("Help", text);
    free(text);
}

char *command_help(struct ui *ui)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    if (ui)
        help_panel(ui, (enum panel_id)ui->focus, out);
    help_keys(ui, out);
    put_panels(out);
    put_commands(out);
    fclose(out);
    return text;
}

static void help_open(struct ui *ui)
{
    char *text = command_help(ui);

    if (text)
        pager_open("Help", text);
    free(text);
}

static void command_typed(struct ui *ui, const char *line)
{
    if (*line)
        command_line(ui, line);
}

void command_action(struct ui *ui, enum action a)
{
    ui->dirty = true;
    if (a == ACT_help)
        help_open(ui);
    else if (a == ACT_command)
        prompt_open(ui, &(struct prompt){.label = ":",
                                         .history = "command",
                                         .files = true,
                                         .complete = complete,
                                         .told = told,
                                         .done = command_typed});
    else
        action_do(ui, a);
}
