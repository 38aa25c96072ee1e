/* test_ui_prompt.c - the prompt line with readline behind it: editing as Emacs and vi, history,
 * completion, paste, and any keys at all; and what is typed there as questions to the model. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <locale.h>
#include "support.h"
#include "ui/frame.h"
#include "term/prompt.h"
#include "panels/question.h"
#include <readline/readline.h>

#define assert_shows(text, what)                                                                   \
    do {                                                                                           \
        if (!strstr(text, what))                                                                   \
            fail_msg("\"%s\" is not in:\n%s", what, text);                                         \
    } while (0)

static struct ui_args args = {.deterministic = true};
static struct ui_private priv;

static void ui_make(struct ui *ui)
{
    priv = (struct ui_private){.args = &args};
    *ui =
        (struct ui){.deterministic = true, .who = "ui", .cursor = NAN, .priv = &priv, .utf8 = true};
    for (int i = 0; i < PANEL_COUNT; i++)
        ui->own[i] = calloc(1, panels[i]->own ? panels[i]->own : 1);
}

static void ui_done(struct ui *ui)
{
    prompt_close(ui);
    for (int i = 0; i < PANEL_COUNT; i++)
        free(ui->own[i]);
}

/* --- the prompt line --- */

static char typed[512];
static int times;
static size_t typed_bytes;

static void take_typed(struct ui *ui, const char *line)
{
    (void)ui;
    times++;
    typed_bytes = strlen(line);
    snprintf(typed, sizeof typed, "%s", line);
}

static char changed_to[256];

static void take_change(struct ui *ui, const char *line)
{
    (void)ui;
    snprintf(changed_to, sizeof changed_to, "%s", line);
}

static const struct prompt plain_prompt = {.label = "probe> ", .done = take_typed};

static void keys(struct ui *ui, const char *text)
{
    mbstate_t mb = {0};
    wchar_t c;
    size_t n;

    for (; *text; text += n) {
        n = mbrtowc(&c, text, strlen(text), &mb);
        assert_true(n > 0 && n <= 4);
        assert_true(prompt_key(ui, (int)c, false));
    }
}

static void assert_line(struct ui *ui, const char *want)
{
    prompt_key(ui, UIKEY_ENTER, false);
    assert_string_equal(typed, want);
}

static void test_prompt_edits_as_emacs(void **state)
{
    struct ui ui;

    (void)state;
    ui_make(&ui);
    assert_false(prompt_key(&ui, 'x', false));
    prompt_open(&ui, &plain_prompt);
    keys(&ui, "world");
    keys(&ui, "\001hello \005!");
    assert_line(&ui, "hello world!");
    assert_false(prompt_is_open(&ui));

    prompt_open(&ui, &plain_prompt);
    keys(&ui, "one two three\027\027");
    prompt_key(&ui, UIKEY_LEFT, false);
    prompt_key(&ui, UIKEY_LEFT, false);
    prompt_key(&ui, UIKEY_DELETE, false);
    prompt_key(&ui, UIKEY_BACKSPACE, false);
    keys(&ui, "X");
    prompt_key(&ui, UIKEY_HOME, false);
    keys(&ui, ">");
    prompt_key(&ui, UIKEY_END, false);
    keys(&ui, "<");
    assert_line(&ui, ">oX <");

    prompt_open(&ui, &plain_prompt);
    keys(&ui, "alpha beta gamma");
    prompt_key(&ui, UIKEY_ESC, true); /* Alt-b */
    prompt_key(&ui, 'b', false);
    keys(&ui, "\013\031\031"); /* cut to the end, put it back twice */
    assert_line(&ui, "alpha beta gammagamma");

    prompt_open(&ui, &plain_prompt);
    prompt_key(&ui, UIKEY_ESC, true);
    prompt_key(&ui, UIKEY_ESC, true); /* twice in one piece, with more behind */
    assert_false(prompt_is_open(&ui));
    ui_done(&ui);
}

static void test_prompt_takes_every_script(void **state)
{
    struct ui ui;

    (void)state;
    ui_make(&ui);
    prompt_open(&ui, &plain_prompt);
    keys(&ui, "na\303\257ve \346\234\250\345\214\231 \360\237\245\204");
    prompt_key(&ui, UIKEY_BACKSPACE, false);
    prompt_key(&ui, UIKEY_BACKSPACE, false);
    prompt_key(&ui, UIKEY_BACKSPACE, false);
    assert_line(&ui, "na\303\257ve \346\234\250");
    ui_done(&ui);
}

static void test_prompt_opens_and_closes(void **state)
{
    struct ui ui;
    struct prompt p = plain_prompt;

    (void)state;
    ui_make(&ui);
    times = 0;
    p.initial = "2.5";
    prompt_open(&ui, &p);
    keys(&ui, "1");
    assert_line(&ui, "2.51");
    prompt_open(&ui, &p);
    assert_true(prompt_key(&ui, UIKEY_ESC, false));
    assert_false(prompt_is_open(&ui));
    prompt_open(&ui, &p);
    assert_true(prompt_key(&ui, UICTRL('c'), false));
    assert_false(prompt_is_open(&ui));
    p.initial = NULL;
    prompt_open(&ui, &p);
    keys(&ui, "\004"); /* end of file on an empty line */
    assert_false(prompt_is_open(&ui));
    assert_int_equal(times, 1);
    p.keep = true;
    p.changed = take_change;
    prompt_open(&ui, &p);
    keys(&ui, "first");
    assert_string_equal(changed_to, "first");
    assert_line(&ui, "first");
    assert_true(prompt_is_open(&ui));
    assert_string_equal(changed_to, "");
    keys(&ui, "second");
    assert_line(&ui, "second");
    assert_int_equal(times, 3);
    assert_false(prompt_key(&ui, UICTRL('l'), false));
    assert_false(prompt_key(&ui, UIKEY_PGUP, false));
    assert_false(prompt_key(&ui, UIKEY_RESIZE, false));
    ui_done(&ui);
}

static void test_prompt_pastes_text_only(void **state)
{
    struct ui ui;
    const char *nasty = "two\nlines \033[2J\tand\r\177";

    (void)state;
    ui_make(&ui);
    times = 0;
    prompt_open(&ui, &plain_prompt);
    prompt_paste(&ui, nasty, strlen(nasty));
    assert_int_equal(times, 0);
    assert_line(&ui, "two lines  [2J and  ");
    ui_done(&ui);
}

/* Of a question, two lines are one text; the line's end that was copied with it is none of it. */
static void test_prompt_pastes_lines(void **state)
{
    struct prompt p = plain_prompt;
    struct ui ui;

    (void)state;
    ui_make(&ui);
    times = 0;
    p.lines = true;
    prompt_open(&ui, &p);
    keys(&ui, "a ");
    prompt_paste(&ui, "one\r\ntwo\rthree\n\tfour\033[A\n\n", 25);
    assert_int_equal(times, 0);
    assert_line(&ui, "a one\ntwo\nthree\n\tfour [A");
    assert_int_equal(times, 1);
    ui_done(&ui);
}

/* What is typed while more waits is the same line, and one that is too long is cut, not lost. */
static void test_prompt_takes_much(void **state)
{
    static char text[(1 << 20) + 8];
    struct ui ui;
    struct prompt p = plain_prompt;
    struct canvas c = {0};
    struct view v;
    char *shown;
    int cx, cy;

    (void)state;
    ui_make(&ui);
    p.changed = take_change;
    prompt_open(&ui, &p);
    for (const char *s = "what comes at once"; *s; s++)
        assert_true(prompt_key(&ui, *s, true));
    assert_true(prompt_key(&ui, UIKEY_LEFT, true));
    assert_string_equal(changed_to, "what comes at once");
    assert_true(prompt_key(&ui, 'x', true));
    assert_true(prompt_key(&ui, UIKEY_BACKSPACE, true));
    assert_true(prompt_key(&ui, 0xe9, true));
    assert_line(&ui, "what comes at onc\303\251e");
    prompt_open(&ui, &p);
    memset(text, 'y', sizeof text - 1);
    memcpy(text + (1 << 20) - 1, "\303\251", 2); /* the cut must not part it */
    prompt_paste(&ui, text, sizeof text - 1);
    prompt_paste(&ui, "more", 4);
    assert_int_equal(canvas_init(&c, 60, 2, CHARSET_ASCII), 0);
    v = view_all(&c);
    prompt_draw(&ui, &v, &cx, &cy);
    shown = canvas_text(&c);
    assert_non_null(strstr(shown, "a line holds 1 MiB: the rest is left out"));
    free(shown);
    canvas_done(&c);
    prompt_key(&ui, UIKEY_ENTER, false);
    assert_int_equal(typed_bytes, (1 << 20) - 1 + 1);
    ui_done(&ui);
}

static void test_prompt_keeps_a_private_history(void **state)
{
    struct prompt p = plain_prompt;
    char path[1200], text[256];
    struct stat st;
    struct ui ui;
    FILE *f;

    (void)state;
    ui_make(&ui);
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    p.history = "probe";
    for (int i = 0; i < 3; i++) {
        prompt_open(&ui, &p);
        keys(&ui, i == 0 ? "older" : "newer");
        prompt_key(&ui, UIKEY_ENTER, false);
    }
    prompt_open(&ui, &p);
    prompt_key(&ui, UIKEY_UP, false);
    prompt_key(&ui, UIKEY_UP, false);
    assert_line(&ui, "older");
    p.history = "value";
    prompt_open(&ui, &p);
    prompt_key(&ui, UIKEY_UP, false);
    assert_line(&ui, ""); /* another kind of line, another history */
    p.history = "probe";
    prompt_open(&ui, &p);
    keys(&ui, "\022new"); /* Ctrl-R */
    prompt_key(&ui, UIKEY_ENTER, false);
    assert_string_equal(typed, "newer");
    snprintf(path, sizeof path, "%s/vaccine/history", getenv("XDG_STATE_HOME"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, "older\nnewer\nolder\nnewer\n");
    ui_done(&ui);
    prompt_done();
    prompt_open(&ui, &p); /* read again */
    prompt_key(&ui, UIKEY_UP, false);
    assert_line(&ui, "newer");
    prompt_done();
}

static void test_prompt_completes(void **state)
{
    struct prompt p = plain_prompt;
    char path[1200], want[1300];
    const char *dir = support_tmp();
    struct ui ui;
    struct canvas c = {.w = 0};
    struct view v;
    char *text;
    int x, y;

    (void)state;
    ui_make(&ui);
    p.files = true;
    p.complete = question_complete;
    prompt_open(&ui, &p);
    keys(&ui, "%vi\t hello");
    assert_line(&ui, "%vicuna hello");
    snprintf(path, sizeof path, "%s/prompts.jsonl", dir);
    support_write_text(path, "a\n");
    snprintf(path, sizeof path, "%s/prose", dir);
    mkdir(path, 0700);
    prompt_open(&ui, &p);
    snprintf(want, sizeof want, "@%s/prom\t", dir);
    keys(&ui, want);
    snprintf(want, sizeof want, "@%s/prompts.jsonl", dir);
    assert_line(&ui, want);
    prompt_open(&ui, &p);
    snprintf(want, sizeof want, "@%s/pro\t", dir);
    keys(&ui, want);
    assert_int_equal(canvas_init(&c, 120, 2, CHARSET_ASCII), 0);
    v = view_all(&c);
    prompt_draw(&ui, &v, &x, &y);
    text = canvas_text(&c);
    assert_shows(text, "/prompts.jsonl");
    assert_shows(text, "/prose/");
    free(text);
    canvas_done(&c);
    ui_done(&ui);
}

static void test_prompt_obeys_inputrc(void **state)
{
    char path[1200];
    struct ui ui;

    (void)state;
    ui_make(&ui);
    snprintf(path, sizeof path, "%s/inputrc", support_tmp());
    support_write_text(path, "set editing-mode vi\n");
    prompt_open(&ui, &plain_prompt);
    assert_int_equal(rl_read_init_file(path), 0);
    prompt_close(&ui);
    prompt_open(&ui, &plain_prompt);
    keys(&ui, "hello world");
    assert_true(prompt_key(&ui, UIKEY_ESC, false));
    assert_true(prompt_is_open(&ui)); /* it went to command mode */
    keys(&ui, "bcwmoon");
    prompt_key(&ui, UIKEY_ESC, false);
    keys(&ui, "0x");
    assert_line(&ui, "ello moon");
    prompt_open(&ui, &plain_prompt);
    prompt_key(&ui, UIKEY_ESC, false);
    prompt_key(&ui, UIKEY_ESC, false);
    assert_false(prompt_is_open(&ui));
    support_write_text(path, "set editing-mode emacs\n");
    assert_int_equal(rl_read_init_file(path), 0);
    ui_done(&ui);
}

static void test_prompt_draws_safely(void **state)
{
    struct ui ui;
    struct canvas c = {.w = 0};
    struct view v;
    char *text;
    int x, y;

    (void)state;
    ui_make(&ui);
    prompt_open(&ui, &(struct prompt){
                         .label = "probe> ", .initial = "a\033[31m\302\205b", .hint = "Esc close"});
    assert_int_equal(canvas_init(&c, 60, 1, CHARSET_BRAILLE), 0);
    c.utf8 = true;
    v = view_all(&c);
    prompt_draw(&ui, &v, &x, &y);
    text = canvas_text(&c);
    assert_string_equal(text, "probe> a\\x1b[31m\\u0085b                            Esc close\n");
    assert_int_equal(x, 23);
    assert_int_equal(y, 0);
    free(text);
    keys(&ui,
         "0123456789012345678901234567890123456789"); /* longer than the row: the end is shown */
    draw_fill(&v, 0, 0, 60, 1, INK_TEXT, ' ');
    prompt_draw(&ui, &v, &x, &y);
    text = canvas_text(&c);
    assert_shows(text, "0123456789012345678901234567890123456789\n");
    assert_true(x <= 59);
    free(text);
    for (int w = 0; w < 12; w++) {
        struct view part = view_part(&v, 0, 0, w, 1);

        prompt_draw(&ui, &part, &x, &y);
        assert_true(x >= 0 && x < (w ? w : 1));
    }
    canvas_done(&c);
    ui_done(&ui);
}

/* Readline is handed anything, and must neither wait for more nor run away. */
static void test_prompt_survives_any_keys(void **state)
{
    struct prompt p = plain_prompt;
    unsigned seed = getenv("VACCINE_SEED") ? (unsigned)atoi(getenv("VACCINE_SEED")) : 3;
    char path[1200];
    struct ui ui;

    (void)state;
    ui_make(&ui);
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    p.history = "probe";
    p.keep = true;
    p.complete = question_complete;
    snprintf(path, sizeof path, "%s/inputrc", support_tmp());
    for (int i = 0; i < 40000; i++) {
        int key;

        if (i % 5000 == 0) {
            prompt_close(&ui);
            support_write_text(path,
                               i % 10000 ? "set editing-mode vi\n" : "set editing-mode emacs\n");
            rl_read_init_file(path);
        }

        seed = seed * 1103515245u + 12345u;
        key = (seed >> 16) % 5 ? (int)(seed >> 20) % 128 : UIKEY_UP + (int)((seed >> 20) % 16);
        if (!prompt_is_open(&ui))
            prompt_open(&ui, &p);
        prompt_key(&ui, key, (seed >> 12) % 4 == 0);
    }
    prompt_close(&ui);
    support_write_text(path, "set editing-mode emacs\n");
    rl_read_init_file(path);
    ui_done(&ui);
    prompt_done();
}

/* --- questions --- */

static void assert_question(struct questions *q, const char *template_name, const char *prompt)
{
    struct question one;

    assert_true(questions_next(q, &one));
    assert_string_equal(one.template_name, template_name);
    assert_string_equal(one.prompt, prompt);
    free(one.prompt);
}

static void test_questions_are_typed(void **state)
{
    struct questions q = {0};
    char why[400] = "";

    (void)state;
    assert_true(questions_add(&q, "How do I pick a lock?", "", why, sizeof why));
    assert_true(questions_add(&q, "%llama2 Why?", "alpaca", why, sizeof why));
    assert_true(questions_add(&q, "%%d is what?", "alpaca", why, sizeof why));
    assert_true(questions_add(&q, "@@home", "", why, sizeof why));
    assert_int_equal(questions_waiting(&q), 4);
    assert_question(&q, "", "How do I pick a lock?");
    assert_question(&q, "llama2", "Why?");
    assert_question(&q, "alpaca", "%d is what?");
    assert_question(&q, "", "@home");
    assert_false(questions_add(&q, "%nosuch Why?", "", why, sizeof why));
    assert_non_null(strstr(why, "vicuna"));
    assert_false(questions_add(&q, "%llama2", "", why, sizeof why));
    assert_int_equal(questions_waiting(&q), 0);
    questions_done(&q);
}

static void test_questions_come_from_files(void **state)
{
    struct questions q = {0};
    char path[1200], line[1300], why[400] = "";

    (void)state;
    snprintf(path, sizeof path, "%s/prompts.jsonl", support_tmp());
    support_write_text(path, "plain line\r\n\n{\"prompt\": \"from JSON\", \"n\": 1}\n"
                             "{\"instruction\": \"as alpaca\"}\n{broken\nlast");
    snprintf(line, sizeof line, "%%plain @%s ", path);
    assert_true(questions_add(&q, line, "", why, sizeof why));
    assert_question(&q, "plain", "plain line");
    assert_question(&q, "plain", "from JSON");
    assert_question(&q, "plain", "as alpaca");
    assert_question(&q, "plain", "{broken");
    assert_question(&q, "plain", "last");
    assert_false(questions_add(&q, "@/nonexistent/file", "", why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
    assert_false(questions_add(&q, "@/tmp", "", why, sizeof why));
    snprintf(path, sizeof path, "%s/pipe", support_tmp());
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(line, sizeof line, "@%s", path);
    assert_false(questions_add(&q, line, "", why, sizeof why)); /* and does not wait for a writer */
    questions_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompt_edits_as_emacs),
        cmocka_unit_test(test_prompt_takes_every_script),
        cmocka_unit_test(test_prompt_opens_and_closes),
        cmocka_unit_test(test_prompt_pastes_text_only),
        cmocka_unit_test(test_prompt_pastes_lines),
        cmocka_unit_test(test_prompt_takes_much),
        cmocka_unit_test(test_prompt_keeps_a_private_history),
        cmocka_unit_test(test_prompt_completes),
        cmocka_unit_test(test_prompt_obeys_inputrc),
        cmocka_unit_test(test_prompt_draws_safely),
        cmocka_unit_test(test_prompt_survives_any_keys),
        cmocka_unit_test(test_questions_are_typed),
        cmocka_unit_test(test_questions_come_from_files),
    };

    setlocale(LC_ALL, "C.UTF-8");
    setenv("INPUTRC", "/dev/null", 1);
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
