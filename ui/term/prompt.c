/* prompt.c - the prompt line: readline edits, and never sees the terminal.
 *
 * Keys come from the screen and are handed to readline as the bytes a terminal would send; what it
 * would print goes nowhere, and its line is drawn into cells. Its calls must never wait: when no
 * byte is left it reads an end of file. Readline is one per process, so this is too. */
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/utf8.h"
#include "term/files.h"
#include "term/keys.h"
#include "term/prompt.h"
#include "term/sign.h"
#include "term/text.h"
#include <readline/readline.h>
#include <readline/history.h>

enum { BYTES = MB_LEN_MAX + 1, HISTORIES = 8, HISTORY_MOST = 1000, FOUND = 4096 };
enum { LINE_MOST = 1 << 20, HELD = 4096 };

struct past {
    const char *name;
    HISTORY_STATE state;
};
static struct {
    struct ui *ui;
    struct prompt p;
    bool ready, open, fresh; /* fresh: nothing was typed yet that would be replaced */
    bool escaped;            /* the key before was Esc */
    FILE *nowhere_in, *nowhere_out;
    char *locale;
    unsigned char byte[BYTES]; /* not read yet */
    int first, n;
    bool accepted, ended;
    char *line; /* accepted */
    char *last; /* line when `changed` was called last */
    char found[FOUND], hint[320];
    char keys[32]; /* of a sequence that is not complete */
    size_t n_keys;
    char held[HELD + BYTES]; /* typed, not in the line yet */
    size_t n_held;
    struct past past[HISTORIES];
    int n_past, current; /* history that readline has now; -1 = none */
} P = {.current = -1};

/* --- what readline calls --- */

static int take_byte(FILE *unused)
{
    (void)unused;
    if (P.n == 0)
        return EOF;
    P.n--;
    return P.byte[P.first++];
}

static int byte_waits(void)
{
    return P.n > 0;
}

static void take_line(char *line)
{
    P.accepted = true;
    P.ended = line == NULL;
    free(P.line);
    P.line = line;
}

/* Its line is drawn with the next frame, which every key brings. */
static void show_nothing(void)
{
}

/* --- completion --- */

static bool is_folder(const char *path)
{
    char *full = tilde_expand(path);
    struct stat st;
    bool yes = full && !stat(full, &st) && S_ISDIR(st.st_mode);

    free(full);
    return yes;
}

static char *file_behind(const char *before, const char *word, int i)
{
    char *name = rl_filename_completion_function(word, i), *out = NULL;

    if (name && asprintf(&out, "%s%s%s", before, name, is_folder(name) ? "/" : "") < 0)
        out = NULL;
    free(name);
    return out;
}

char *prompt_file(const char *word, int i)
{
    return file_behind("", word, i);
}

static int complete_start;

static char *next_candidate(const char *word, int again)
{
    static int i;

    i = again ? i + 1 : 0;
    if (P.p.files && *word == '@')
        return file_behind("@", word + 1, i); /* "@na" as "@name" */
    return P.p.complete ? P.p.complete(P.ui, rl_line_buffer, complete_start, word, i) : NULL;
}

static char **complete(const char *word, int start, int end)
{
    (void)end;
    complete_start = start;
    rl_attempted_completion_over = 1;
    rl_completion_suppress_append = 1;
    return rl_completion_matches(word, next_candidate);
}

static void show_found(char **matches, int n, int longest)
{
    size_t used = 0;

    (void)longest;
    P.found[0] = '\0';
    for (int i = 1; i <= n && matches[i]; i++) {
        static const char more[] = "  ...";
        char *told = P.p.told ? P.p.told(P.ui, rl_line_buffer, matches[i]) : NULL;
        const char *text = told ? told : matches[i];
        bool fits = used + strlen(text) + sizeof more + 2 < FOUND;

        used += (size_t)snprintf(P.found + used, FOUND - used, "%s%s", i > 1 && fits ? "  " : "",
                                 fits ? text : more);
        free(told);
        if (!fits)
            break;
    }
    rl_on_new_line();
}

/* --- history --- */

static void history_path(const char *name, char out[STATE_PATH + 64])
{
    char dir[STATE_PATH];

    out[0] = '\0';
    if (*files_state_dir(dir))
        snprintf(out, STATE_PATH + 64, "%s/history%s%s", dir, strcmp(name, "probe") ? "-" : "",
                 strcmp(name, "probe") ? name : "");
}

static void history_put_away(void)
{
    HISTORY_STATE *now = P.current >= 0 ? history_get_history_state() : NULL;

    if (now)
        P.past[P.current].state = *now;
    free(now);
    P.current = -1;
    history_set_history_state(&(HISTORY_STATE){0});
}

static void history_load(const char *name)
{
    char path[STATE_PATH + 64];

    history_path(name, path);
    if (!*path || read_history(path))
        return;
    if (history_length > HISTORY_MOST)
        history_truncate_file(path, HISTORY_MOST / 2);
    while (history_length > HISTORY_MOST)
        free_history_entry(remove_history(0));
}

static void history_take_out(const char *name)
{
    int i = 0;

    history_put_away();
    while (name && i < P.n_past && strcmp(P.past[i].name, name))
        i++;
    if (!name || i == HISTORIES)
        return;
    P.current = i;
    if (i == P.n_past) {
        P.past[P.n_past++].name = name;
        history_load(name);
    } else {
        history_set_history_state(&P.past[i].state);
    }
    using_history();
}

/* Appended at once, so that a crash loses nothing. Readable by its owner alone. */
static void history_save(const char *name, const char *line)
{
    char path[STATE_PATH + 64], *text = NULL;
    int fd, n;

    history_path(name, path);
    fd = *path
             ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)
             : -1;
    if (fd < 0)
        return;
    n = asprintf(&text, "%s\n", line);
    if (fchmod(fd, 0600) || n < 0 || write(fd, text, (size_t)n) != n) {
        /* a history that cannot be kept is no reason to stop anything */
    }
    if (n >= 0)
        free(text);
    close(fd);
}

static void history_keep(const char *line)
{
    HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

    if (P.current < 0 || !*line || (last && !strcmp(last->line, line)))
        return;
    add_history(line);
    if (history_length > HISTORY_MOST)
        free_history_entry(remove_history(0));
    if (!strchr(line, '\n'))
        history_save(P.past[P.current].name, line);
}

/* --- opening and closing --- */

static void bind_more_keys(void)
{
    Keymap maps[] = {emacs_standard_keymap, vi_insertion_keymap, vi_movement_keymap};

    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        rl_bind_keyseq_if_unbound_in_map("\\e[3~", rl_delete, maps[i]);
    /* A key sequence that is aborted in a macro jumps into a frame that is gone: see end_search. */
    rl_unbind_function_in_map(rl_start_kbd_macro, emacs_ctlx_keymap);
    rl_unbind_function_in_map(rl_end_kbd_macro, emacs_ctlx_keymap);
    rl_unbind_function_in_map(rl_call_last_kbd_macro, emacs_ctlx_keymap);
}

/* Readline would ask, page or print for these; here all of them are drawn, or not wanted. */
static void set_variables(void)
{
    rl_variable_bind("enable-bracketed-paste", "off");
    rl_variable_bind("bell-style", "none");
    rl_variable_bind("echo-control-characters", "off");
    rl_completion_query_items = -1;
}

/* For each line readline takes the locale of the environment; the screen's has UTF-8 (see
 * screen_open). */
static int keep_locale(void)
{
    if (P.locale)
        setlocale(LC_CTYPE, P.locale);
    rl_variable_bind("convert-meta", "off"); /* on in C: Esc and a letter for such bytes */
    return 0;
}

static bool ready(void)
{
    if (P.ready)
        return true;
    P.nowhere_in = fopen("/dev/null", "re");
    P.nowhere_out = fopen("/dev/null", "we");
    if (!P.nowhere_in || !P.nowhere_out)
        return false;
    rl_instream = P.nowhere_in;
    rl_outstream = P.nowhere_out;
    rl_readline_name = "vaccine";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_prep_term_function = NULL;
    rl_deprep_term_function = NULL;
    rl_getc_function = take_byte;
    rl_input_available_hook = byte_waits;
    rl_redisplay_function = show_nothing;
    rl_attempted_completion_function = complete;
    rl_completion_display_matches_hook = show_found;
    rl_completer_word_break_characters = (char *)" \t";
    rl_variable_bind("show-all-if-ambiguous", "on"); /* before inputrc, which may say otherwise */
    P.locale = strdup(setlocale(LC_CTYPE, NULL));
    rl_startup_hook = keep_locale;
    rl_initialize();
    set_variables();
    bind_more_keys();
    P.ready = true;
    return true;
}

/* In the middle of a search, of a key sequence, of a number. */
static bool in_between(void)
{
    return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_MULTIKEY |
                      RL_STATE_NUMERICARG | RL_STATE_METANEXT | RL_STATE_CHARSEARCH |
                      RL_STATE_VIMOTION);
}

/* Ends the line in readline's own way: one that is dropped in the middle of an old line or of a
 * search would leave its undo list in the history. */
static void abandon(void)
{
    rl_free_undo_list();
    P.n = P.first = 0;
    P.n_keys = P.n_held = 0;
    for (int i = 0; i < 4 && !P.accepted; i++) {
        if (in_between()) {
            P.byte[0] = UICTRL('g');
            P.n = 1;
            rl_callback_read_char();
            P.n = P.first = 0;
        }
        if (!P.accepted)
            rl_callback_read_char(); /* an end of file */
    }
    P.accepted = false;
    rl_callback_handler_remove();
}

void prompt_open(struct ui *ui, const struct prompt *p)
{
    char *initial = p->initial ? strdup(p->initial) : NULL;

    if (!ready()) {
        free(initial);
        return;
    }
    if (P.open)
        abandon();
    P.ui = ui;
    P.p = *p;
    P.p.initial = P.p.label = P.p.hint = NULL; /* only borrowed for this call */
    snprintf(P.hint, sizeof P.hint, "%s", p->hint ? p->hint : "");
    P.open = true;
    P.n = 0;
    P.accepted = false;
    P.found[0] = '\0';
    history_take_out(p->history);
    rl_callback_handler_install(p->label, take_line);
    if (initial)
        rl_insert_text(initial);
    P.fresh = p->replaced && initial;
    P.escaped = false;
    free(initial);
    free(P.last);
    P.last = strdup(rl_line_buffer);
}

bool prompt_is_open(const struct ui *ui)
{
    return P.open && P.ui == ui;
}

void prompt_close(struct ui *ui)
{
    if (!prompt_is_open(ui))
        return;
    P.open = false;
    abandon();
    history_put_away();
}

void prompt_done(void)
{
    if (P.open)
        prompt_close(P.ui);
    for (int i = 0; i < P.n_past; i++) {
        HISTORY_STATE *s = &P.past[i].state;

        history_set_history_state(s);
        clear_history();
        history_set_history_state(&(HISTORY_STATE){0});
        free(s->entries);
    }
    free(P.line);
    free(P.last);
    P.line = P.last = NULL;
    P.n_past = 0;
    P.current = -1;
}

/* --- keys --- */

static void accept_line(void)
{
    struct ui *ui = P.ui;
    void (*done)(struct ui *, const char *) = P.p.done;
    bool again = P.p.keep && !P.ended;
    char *line = P.line;

    P.accepted = false;
    P.line = NULL;
    if (line)
        history_keep(line);
    if (again)
        using_history(); /* Up begins at the newest line again */
    else
        prompt_close(ui);
    if (line && done)
        done(ui, line);
    free(line);
}

static void tell_change(void)
{
    if (!P.open || !P.p.changed || (P.last && !strcmp(P.last, rl_line_buffer)))
        return;
    free(P.last);
    P.last = strdup(rl_line_buffer);
    P.p.changed(P.ui, P.last ? P.last : "");
}

/* A key that ends an incremental search is put back by readline, and when it begins a sequence that
 * is bound to nothing, the abort jumps into a frame of the callback interface that is gone. So the
 * search is ended before, by an Esc with nothing behind it. */
static void end_search(const char *s, size_t n)
{
    static const char of_search[] =
        "\r\n\007\010\022\023\027\031\177"; /* Enter C-g C-h C-r C-s C-w C-y DEL */
    bool edits = n == 1 && ((unsigned char)*s >= ' ' || strchr(of_search, *s));

    if (!RL_ISSTATE(RL_STATE_ISEARCH) || edits || (unsigned char)*s >= 0x80)
        return;
    P.byte[0] = '\033';
    P.first = 0;
    P.n = 1;
    rl_callback_read_char();
}

/* Commands that leave the line for another one, or for good. */
static bool leaves_line(rl_command_func_t *f)
{
    static rl_command_func_t *const all[] = {
        rl_newline,
        rl_get_previous_history,
        rl_get_next_history,
        rl_beginning_of_history,
        rl_end_of_history,
        rl_reverse_search_history,
        rl_forward_search_history,
        rl_noninc_reverse_search,
        rl_noninc_forward_search,
        rl_noninc_reverse_search_again,
        rl_noninc_forward_search_again,
        rl_history_search_forward,
        rl_history_search_backward,
        rl_history_substr_search_forward,
        rl_history_substr_search_backward,
        rl_vi_search,
        rl_vi_search_again,
        rl_vi_fetch_history,
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] == f)
            return true;
    return false;
}

/* Readline hangs a line's undo list on the line's history entry when it is left, and then may free
 * it twice. So there is none when a line is left: one can undo what was typed since. */
static void forget_undo(const char *s, size_t n)
{
    int type = ISMACR;
    rl_command_func_t *f = NULL;

    if (P.n_keys + n >= sizeof P.keys)
        P.n_keys = 0;
    memcpy(P.keys + P.n_keys, s, n);
    P.n_keys += n;
    P.keys[P.n_keys] = '\0';
    if (strlen(P.keys) == P.n_keys && !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH))
        f = rl_function_of_keyseq(P.keys, rl_get_keymap(), &type);
    if (type == ISKMAP && f)
        return; /* a sequence begins: what it does shows with its last key */
    P.n_keys = 0;
    if (type != ISFUNC || !f || leaves_line(f))
        rl_free_undo_list();
}

static void feed(const char *s, size_t n)
{
    P.found[0] = '\0';
    end_search(s, n);
    forget_undo(s, n);
    memcpy(P.byte, s, n);
    P.first = 0;
    P.n = (int)n;
    while (P.n && P.open && !P.accepted)
        rl_callback_read_char();
    if (P.accepted)
        accept_line();
    tell_change();
}

/* A key as the bytes that terminals send; 0 = not one that edits a line. */
static size_t key_bytes(int key, char out[BYTES])
{
    static const struct {
        int key;
        const char *bytes;
    } table[] = {
        {UIKEY_UP, "\033[A"},      {UIKEY_DOWN, "\033[B"}, {UIKEY_RIGHT, "\033[C"},
        {UIKEY_LEFT, "\033[D"},    {UIKEY_HOME, "\033[H"}, {UIKEY_END, "\033[F"},
        {UIKEY_DELETE, "\033[3~"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].key == key)
            return (size_t)snprintf(out, BYTES, "%s", table[i].bytes);
    if (key <= 0 || key > 0x10ffff)
        return 0;
    return utf8_put((uint32_t)key, out);
}

/* Esc belongs to readline while it searches, in the middle of a key sequence, and where vi types
 * text. */
static bool escape_edits(bool more)
{
    if (more || in_between())
        return true;
    return rl_editing_mode == 0 && rl_get_keymap() != vi_movement_keymap;
}

/* Into the line at the cursor, as far as there is room. */
static void insert(const char *text, size_t n)
{
    size_t room = LINE_MOST - (rl_end < LINE_MOST ? (size_t)rl_end : LINE_MOST);
    char *copy;

    P.found[0] = '\0';
    if (n > room) {
        n = utf8_valid(text, room);
        snprintf(P.found, FOUND, "a line holds %d MiB: the rest is left out", LINE_MOST >> 20);
    }
    copy = strndup(text, n);
    if (copy)
        rl_insert_text(copy);
    rl_last_func = rl_insert; /* or the next Tab would be the second in a row, which only lists */
    free(copy);
    tell_change();
}

static void insert_held(void)
{
    size_t n = P.n_held;

    P.n_held = 0;
    if (n)
        insert(P.held, n);
}

/* Text that comes faster than it is drawn goes into the line in pieces: one character at a time
 * costs the length of the line each. Only what readline would insert as it stands. */
static bool hold(const char *bytes, size_t n, bool more)
{
    const KEYMAP_ENTRY *e = &rl_get_keymap()[(unsigned char)*bytes];

    if (e->type != ISFUNC || e->function != rl_insert || P.n_keys || in_between() ||
        RL_ISSTATE(RL_STATE_OVERWRITE))
        return false;
    memcpy(P.held + P.n_held, bytes, n);
    P.n_held += n;
    if (!more || P.n_held >= HELD)
        insert_held();
    return true;
}

bool prompt_key(struct ui *ui, int key, bool more)
{
    bool twice = key == UIKEY_ESC && P.escaped; /* a slow line brings both at once */
    char bytes[BYTES];
    size_t n;

    if (!prompt_is_open(ui))
        return false;
    P.escaped = key == UIKEY_ESC;
    n = key_bytes(key, bytes);
    if (P.fresh && key >= ' ' && key != UIKEY_BACKSPACE && key <= 0x10ffff)
        rl_replace_line("", 1);
    P.fresh = false;
    if (n && hold(bytes, n, more))
        return true;
    insert_held();
    if (key == UICTRL('l') || key == UICTRL('z'))
        return false;
    if (key == UICTRL('c') || twice || (key == UIKEY_ESC && !escape_edits(more))) {
        prompt_close(ui);
        if (P.p.dropped)
            P.p.dropped(ui);
        return true;
    }
    if (n)
        feed(bytes, n);
    return n != 0;
}

void prompt_paste(struct ui *ui, const char *s, size_t n)
{
    char *text = prompt_is_open(ui) ? malloc(n + 1) : NULL;
    size_t len = 0;

    if (!text)
        return;
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r'))
        n--; /* what was copied with its line's end */
    for (size_t i = 0; i < n; i++) {
        char c = s[i] == '\r' ? '\n' : s[i];

        if (s[i] == '\r' && s[i + 1] == '\n')
            continue;
        if (((unsigned char)c < ' ' && !(P.p.lines && (c == '\n' || c == '\t'))) || c == 127)
            c = ' ';
        text[len++] = c;
    }
    if (P.fresh)
        rl_replace_line("", 1);
    P.fresh = false;
    insert_held();
    if (in_between())
        feed("\a", 1); /* a search, a number: given up for the text */
    insert(text, len);
    free(text);
}

/* --- drawing --- */

/* The prompt as readline has it now (it changes while searching), without the marks around what
 * does not print. */
static void copy_label(char *out, size_t size)
{
    size_t n = 0;

    for (const char *s = rl_display_prompt ? rl_display_prompt : ""; *s && n + 1 < size; s++)
        if (*s != RL_PROMPT_START_IGNORE && *s != RL_PROMPT_END_IGNORE)
            out[n++] = *s;
    out[n] = '\0';
}

/* First byte shown, so that the cursor is inside of `w` columns. A glyph takes few bytes: nothing
 * is measured that stands far before. */
static size_t scroll_to(const char *line, size_t point, int w, bool utf8)
{
    size_t most = 64 * (size_t)w, from = point > most ? point - most : 0;
    struct text_glyph g;
    int before;

    while (from < point && ((unsigned char)line[from] & 0xc0) == 0x80)
        from++;
    before = text_width(line + from, point - from, utf8);
    while (from < point && before >= w) {
        from += text_next(line + from, point - from, utf8, &g);
        before -= g.width;
    }
    return from;
}

/* What Tab has found lies over the rows above the line. */
static void draw_found(const struct view *v)
{
    int rows = P.found[0] ? draw_flow_rows(v, v->w, P.found) : 0;
    int most = rows < v->h - 1 ? rows : v->h - 1;
    struct view above = view_part(v, 0, v->h - 1 - most, v->w, most);

    draw_fill(&above, 0, 0, above.w, above.h, INK_TEXT, ' ');
    draw_flow(&above, 0, 0, above.w, INK_FAINT, P.found, 0);
    if (rows > most && most > 0)
        draw_glyph(&above, above.w - 1, above.h - 1, INK_FAINT, sign(v->c, SIGN_ELLIPSIS));
}

void prompt_draw(struct ui *ui, const struct view *v, int *cx, int *cy)
{
    char label[128];
    const char *line = rl_line_buffer;
    size_t point, from;
    int y = v->h - 1, x, w, end;

    *cx = 0;
    *cy = y;
    if (!prompt_is_open(ui) || v->w < 1 || v->h < 1)
        return;
    copy_label(label, sizeof label);
    draw_fill(v, 0, y, v->w, 1, INK_TEXT, ' ');
    x = draw_text(v, 0, y, INK_KEY | STYLE_BOLD, label);
    w = v->w - x;
    point = (size_t)(rl_point > 0 ? rl_point : 0);
    from = w > 1 ? scroll_to(line, point, w, v->c->utf8) : point;
    *cx = x + text_width(line + from, point - from, v->c->utf8);
    end = draw_text(v, x, y, INK_STRONG, line + from);
    if (from)
        draw_glyph(v, x, y, INK_FAINT, '<');
    if (*cx >= v->w)
        *cx = v->w - 1;
    if (*P.hint && end + 3 + (int)strlen(P.hint) <= v->w)
        draw_right(v, v->w, y, INK_FAINT, P.hint);
    draw_found(v);
}
