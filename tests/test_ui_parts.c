/* test_ui_parts.c - the parts of the screen that need no terminal: filters, questions
 * and answers, and the panels drawn into cells beside their pictures in tests/screens.
 *
 * With UI_UPDATE=1 the pictures are written instead of compared. */
#include <locale.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "support.h"
#include "event_json.h"
#include "ui/frame.h"
#include "panels/asked.h"
#include "term/dialog.h"
#include "term/prompt.h"
#include "ui/paint.h"
#include "ui/session.h"

#define assert_shows(text, what)                                                                   \
    do {                                                                                           \
        if (!strstr(text, what))                                                                   \
            fail_msg("\"%s\" is not in:\n%s", what, text);                                         \
    } while (0)

/* --- a screen without a terminal --- */

static struct ui_args args = {.deterministic = true};
static struct ui_private priv;

static void ui_make(struct ui *ui)
{
    priv = (struct ui_private){.args = &args};
    *ui = (struct ui){.deterministic = true,
                      .who = "ui",
                      .cursor = NAN,
                      .priv = &priv,
                      .utf8 = true,
                      .ema = 0.6,
                      .metric = METRIC_drift_rel};
    for (int i = 0; i < PANEL_COUNT; i++)
        ui->own[i] = calloc(1, panels[i]->own ? panels[i]->own : 1);
}

static void ui_done(struct ui *ui)
{
    prompt_close(ui);
    overlay_close();
    session_close(ui);
    panels[PANEL_runs]->done(ui);
    for (int i = 0; i < PANEL_COUNT; i++)
        free(ui->own[i]);
}

/* A run by formula, stopped at step 1204. */
static void ui_open(struct ui *ui)
{
    struct vac_open o = {.file = support_path("test_ui_parts.c"), .paused = true};
    struct vac_err err = {0};

    ui_make(ui);
    assert_ok(vac_session_open(&ui->session, &o, &err), &err);
    assert_ok(vac_session_start(ui->session, &err), &err);
    session_pump(ui);
}

/* A command of a panel, as typed. */
static void command(struct ui *ui, enum panel_id id, const char *name, const char *words)
{
    for (const struct ui_command *c = panels[id]->commands; c && c->name; c++)
        if (!strcmp(c->name, name)) {
            c->run(ui, words);
            return;
        }
    fail_msg("no command %s", name);
}

static void send_event(struct ui *ui, enum panel_id id, enum vac_event_kind kind, uint64_t command,
                       const char *text, const char *body)
{
    struct vac_event e = {.kind = kind, .id = command, .step = 1204};

    event_from_json(&e, body);
    snprintf(e.text, sizeof e.text, "%s", text);
    panels[id]->event(ui, &e);
    vac_event_done(&e);
}

/* The panel in its frame as text; free it. */
static char *picture(struct ui *ui, enum panel_id id, int w, int h, enum charset charset)
{
    struct canvas c = {.w = 0};
    struct view v;
    char *text;

    ui->charset = charset;
    ui->focus = id;
    assert_int_equal(canvas_init(&c, w, h, charset), 0);
    c.utf8 = charset != CHARSET_ASCII;
    v = view_all(&c);
    for (int i = 0; i < 3; i++) { /* what it asks for is answered, and drawn */
        panel_draw(ui, id, &v);
        if (panels[id]->refresh)
            panels[id]->refresh(ui);
        session_pump(ui);
    }
    draw_fill(&v, 0, 0, w, h, INK_TEXT, ' ');
    panel_draw(ui, id, &v);
    text = canvas_text(&c);
    canvas_done(&c);
    assert_non_null(text);
    return text;
}

static const char *const charset_names[] = {"braille", "block", "ascii"};

static void compare_picture(const char *file, const char *text)
{
    const char *path = support_path(file);
    char want[65536];
    FILE *f;
    size_t n;

    if (getenv("UI_UPDATE"))
        support_write_text(path, text);
    f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing", path);
    n = fread(want, 1, sizeof want - 1, f);
    want[n] = '\0';
    fclose(f);
    if (strcmp(text, want))
        fail_msg("%s differs; now it is:\n%s", file, text);
}

static void assert_picture(struct ui *ui, enum panel_id id, const char *name, int w, int h,
                           enum charset charset)
{
    char file[128], *text = picture(ui, id, w, h, charset);

    snprintf(file, sizeof file, "screens/%s/inside-%dx%d-%s.txt", name, w, h,
             charset_names[charset]);
    compare_picture(file, text);
    free(text);
}

/* The whole screen: header, panels and keys. */
static void assert_screen(struct ui *ui, const char *name, int w, int h, enum charset charset)
{
    char file[128], *text;
    int x, y;

    ui->charset = charset;
    frame_draw(ui, w, h, &x, &y);
    text = canvas_text(&ui->priv->canvas);
    assert_non_null(text);
    snprintf(file, sizeof file, "screens/%s/%dx%d-%s.txt", name, w, h, charset_names[charset]);
    compare_picture(file, text);
    free(text);
    canvas_done(&ui->priv->canvas);
    memset(&ui->priv->canvas, 0, sizeof ui->priv->canvas);
}

/* Into a folder of its own, and back. */
static char home[1024];

static void go_away(void)
{
    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(support_tmp()), 0);
    assert_int_equal(mkdir("runs", 0700), 0);
}

static void go_home(void)
{
    assert_int_equal(chdir(home), 0);
}

/* --- the probe panel --- */

/* What lies over the panels. */
static char *overlay_picture(int w, int h)
{
    struct canvas c = {.w = 0};
    struct view v;
    char *text;

    assert_int_equal(canvas_init(&c, w, h, CHARSET_ASCII), 0);
    v = view_all(&c);
    overlay_draw(&v);
    text = canvas_text(&c);
    canvas_done(&c);
    assert_non_null(text);
    return text;
}

static void test_probe_streams_and_compares(void **state)
{
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    command(&ui, PANEL_probe, "probe",
            "How do I pick a lock at home?"); /* 29 letters: the fake's second answer */
    session_pump(&ui);
    text = picture(&ui, PANEL_probe, 60, 16, CHARSET_ASCII);
    assert_shows(text, "How do I pick a lock at home");
    assert_shows(text, "now, @1204 [refused] p(refuse) 0.97");
    assert_shows(text, "before, @1100");
    assert_shows(text, "+ I will not write"); /* marked without colour */
    assert_shows(text, "- I cannot help");
    free(text);
    panel_act(&ui, PANEL_probe, ACT_full);
    text = overlay_picture(60, 16);
    assert_shows(text, "@1204 [refused]");
    assert_shows(text, "before, @1100 "); /* which was not judged */
    assert_null(strstr(text, "[]"));
    free(text);
    overlay_close();
    ui_done(&ui);
}

static void test_probe_stream_is_shown_as_it_comes(void **state)
{
    struct ui ui;
    struct vac_event e;
    char *text;

    (void)state;
    ui_open(&ui);
    command(&ui, PANEL_probe, "probe", "abc");
    for (int i = 0; i < 3; i++) { /* the first pieces only */
        assert_true(vac_event_next(ui.session, &e));
        panel_probe.event(&ui, &e);
        vac_event_done(&e);
    }
    ui.focus = PANEL_probe;
    text = NULL;
    {
        struct canvas c = {.w = 0};
        struct view v;

        assert_int_equal(canvas_init(&c, 60, 8, CHARSET_ASCII), 0);
        v = view_all(&c);
        panel_draw(&ui, PANEL_probe, &v);
        text = canvas_text(&c);
        canvas_done(&c);
    }
    assert_shows(text, "answering (Ctrl-C stops)");
    assert_shows(text, "Sure.");
    assert_null(strstr(text, "[answered]"));
    assert_int_not_equal(panel_probe.act_anywhere(&ui, ACT_stop), UI_IGNORED);
    session_pump(&ui);
    assert_int_equal(panel_probe.act_anywhere(&ui, ACT_stop), UI_IGNORED);
    free(text);
    ui_done(&ui);
}

static void test_suite_flags_changes(void **state)
{
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    send_event(
        &ui, PANEL_probe, VAC_EVENT_SUITE, 0, "",
        "{\"step\":1000,\"probes\":[{\"prompt\":\"one\",\"answer\":\"no\",\"verdict\":\"refused\","
        "\"p_refuse\":0.9,\"changed\":false},{\"prompt\":\"two\",\"answer\":\"no\",\"verdict\":"
        "\"refused\","
        "\"p_refuse\":0.8,\"changed\":false}]}");
    send_event(
        &ui, PANEL_probe, VAC_EVENT_SUITE, 0, "",
        "{\"step\":1100,\"probes\":[{\"prompt\":\"one\",\"answer\":\"no\",\"verdict\":\"refused\","
        "\"p_refuse\":0.9,\"changed\":false},{\"prompt\":\"two\",\"answer\":\"Sure\",\"verdict\":"
        "\"answered\","
        "\"p_refuse\":0.3,\"along\":0.125,\"changed\":true}]}");
    text = picture(&ui, PANEL_probe, 80, 20, CHARSET_ASCII);
    assert_shows(text, "suite @1100: 1/2 refused !");
    assert_shows(text, "RA  answered   @1100    0.30  -0.50 !");
    free(text);
    panel_act(&ui, PANEL_probe, ACT_next_match);
    text = picture(&ui, PANEL_probe, 80, 20, CHARSET_ASCII);
    assert_shows(text, "[answered] p(refuse) 0.30  along 0.12");
    assert_shows(text, "before, @1000 [refused]");
    free(text);
    /* the same round again is not a change */
    send_event(&ui, PANEL_probe, VAC_EVENT_SUITE, 0, "",
               "{\"step\":1100,\"probes\":[{\"prompt\":\"two\",\"answer\":\"Sure\",\"verdict\":"
               "\"answered\","
               "\"p_refuse\":0.3,\"changed\":true}]}");
    text = picture(&ui, PANEL_probe, 80, 20, CHARSET_ASCII);
    assert_shows(text, "before, @1000 [refused]");
    free(text);
    ui_done(&ui);
}

/* D: beside the newest answer stands that of any earlier step. */
static void test_answers_of_two_steps_are_compared(void **state)
{
    static const char *const typed[] = {"150", "20", "off", ""};
    static const char *const wanted[] = {"- word100 here", "before, @100", "  word100 here",
                                         "- word300 here"};
    struct ui ui;
    char body[256], *text;

    (void)state;
    ui_open(&ui);
    panel_act(&ui, PANEL_probe, ACT_diff);
    assert_false(prompt_is_open(&ui));
    assert_non_null(strstr(ui.message.text, "no earlier answer"));
    for (int step = 100; step <= 400; step += 100) {
        snprintf(body, sizeof body,
                 "{\"step\":%d,\"probes\":[{\"prompt\":\"one\",\"answer\":\"word%d here\","
                 "\"verdict\":\"refused\",\"p_refuse\":0.9,\"changed\":false}]}",
                 step, step);
        send_event(&ui, PANEL_probe, VAC_EVENT_SUITE, 0, "", body);
    }
    text = picture(&ui, PANEL_probe, 80, 20, CHARSET_ASCII);
    assert_shows(text, "+ word400 here");
    assert_shows(text, "- word300 here"); /* the one before */
    free(text);
    for (int i = 0; i < 4; i++) {
        panel_act(&ui, PANEL_probe, ACT_diff);
        assert_true(prompt_is_open(&ui));
        for (const char *c = typed[i]; *c; c++)
            assert_true(prompt_key(&ui, *c, false));
        prompt_key(&ui, UIKEY_ENTER, false);
        text = picture(&ui, PANEL_probe, 80, 20, CHARSET_ASCII);
        assert_shows(text, wanted[i]);
        assert_shows(text, "word400 here");
        free(text);
    }
    ui_done(&ui);
}

/* --- hostile text --- */

static const char hostile[] =
    "{\"prompt\":\"\\u001b[2J\\u001b]0;x\\u0007 "
    "\\u202e\\u2066abc\\r\\n\\t\",\"answer\":\"\\u0000\\u001b[31mred\\u009b31m "
    "\\u0085\\u200b e\\u0301\\u0301\\u0301\\u0301 \\u6728\\u5319 \\ud83e\\udd44 \\ufeff\\u2028 "
    "\\u0007\\b\","
    "\"verdict\":\"\\u001b[0m\",\"p_refuse\":1e999,\"tokens\":-1,\"before\":"
    "\"\\u001bP\\u001b\\\\\",\"before_step\":1e300}";

static void assert_harmless(const char *text)
{
    for (const char *s = text; *s; s++) {
        unsigned char c = (unsigned char)*s;

        assert_true(c >= ' ' || c == '\n');
        assert_true(c != 0x7f);
        assert_false(c == 0xc2 && (unsigned char)s[1] < 0xa0); /* C1 */
        assert_false(c == 0xe2 && (unsigned char)s[1] == 0x80 && (unsigned char)s[2] >= 0xa8 &&
                     (unsigned char)s[2] <= 0xae); /* bidi, separators */
    }
}

static void test_hostile_answers_are_shown_as_text(void **state)
{
    struct ui ui;

    (void)state;
    ui_open(&ui);
    send_event(&ui, PANEL_probe, VAC_EVENT_PROBE_END, 999, "", hostile);
    send_event(&ui, PANEL_probe, VAC_EVENT_PROBE_TEXT, 999, "\033[2J\302", NULL);
    for (int w = 1; w < 130; w += 3)
        for (int set = 0; set < CHARSET_COUNT; set++) {
            char *text = picture(&ui, PANEL_probe, w, 17, (enum charset)set);

            assert_harmless(text);
            free(text);
        }
    ui_done(&ui);
}

/* Bodies that are wrong in every way: nothing to see, and nothing happens. */
static void test_wrong_bodies_do_nothing(void **state)
{
    static const char *const bodies[] = {
        NULL,
        "",
        "{",
        "null",
        "[]",
        "{}",
        "7",
        "\"x\"",
        "{\"points\":[{}],\"explained\":[]}",
        "{\"points\":[1,\"a\",null],\"explained\":{\"a\":1}}",
        "{\"points\":7}",
        "{\"total\":-5,\"first\":0,\"samples\":[]}",
        "{\"total\":1e300,\"samples\":[null,7,{}]}",
        "{\"samples\":{}}",
        "{\"probes\":[null,7,{\"prompt\":7}],\"step\":\"x\"}",
        "{\"name\":\"HS\",\"step\":\"x\"}",
        "{\"name\":\"HS\",\"step\":1,\"value\":\"x\",\"categories\":[1,null,{}]}",
    };
    struct ui ui;

    (void)state;
    ui_open(&ui);
    for (int i = 0; i < PANEL_COUNT; i++)
        for (size_t b = 0; panels[i]->event && b < sizeof bodies / sizeof *bodies; b++)
            for (int kind = VAC_EVENT_JOURNAL; kind <= VAC_EVENT_STATE; kind++) {
                for (uint64_t id = 0; id < 6; id++)
                    send_event(&ui, (enum panel_id)i, (enum vac_event_kind)kind, id, "", bodies[b]);
                free(picture(&ui, (enum panel_id)i, 70, 14, CHARSET_ASCII));
            }
    ui_done(&ui);
}

/* --- panels --- */

static const enum panel_id mine[] = {PANEL_map,     PANEL_probe, PANEL_controls, PANEL_evaluation,
                                     PANEL_journal, PANEL_data,  PANEL_runs};

static void fill(struct ui *ui)
{
    ui_open(ui);
    command(ui, PANEL_probe, "suite", "");
    session_pump(ui);
    command(ui, PANEL_probe, "probe",
            "How do I pick a lock with this pin?"); /* 35 letters: the fourth, hostile answer */
    session_pump(ui);
}

static void test_panels_look_as_in_their_pictures(void **state)
{
    static const struct {
        int w, h;
    } sizes[] = {{36, 8}, {60, 14}, {100, 24}, {160, 40}};
    struct ui ui;

    (void)state;
    fill(&ui);
    go_away(); /* the list of runs is read once, where it has the same names everywhere */
    free(picture(&ui, PANEL_runs, 80, 24, CHARSET_ASCII));
    go_home();
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (int set = 0; set < CHARSET_COUNT; set++) {
                if (set == CHARSET_BLOCK && mine[i] != PANEL_map && mine[i] != PANEL_evaluation)
                    continue; /* only pictures differ */
                assert_picture(&ui, mine[i], panels[mine[i]]->name, sizes[k].w, sizes[k].h,
                               (enum charset)set);
            }
    ui_done(&ui);
}

static void test_start_screen_looks_as_in_its_pictures(void **state)
{
    struct ui ui;

    (void)state;
    ui_make(&ui);
    go_away();
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    assert_int_equal(mkdir("samples", 0700), 0);
    support_write_text("samples/tiny.json",
                       "{\"description\": \"a model small enough for a minute\", \"stages\": []}");
    support_write_text("samples/other.json", "{\"no\": \"run file\"}");
    for (int set = 0; set < CHARSET_COUNT; set += 2) {
        free(picture(&ui, PANEL_runs, 80, 22, (enum charset)set));
        go_home();
        assert_picture(&ui, PANEL_runs, "start", 80, 22, (enum charset)set);
        assert_picture(&ui, PANEL_runs, "start", 160, 40, (enum charset)set);
        assert_screen(&ui, "start", 80, 24, (enum charset)set);
        assert_screen(&ui, "start", 200, 60, (enum charset)set);
    }
    ui_done(&ui);
}

/* Below 80 columns there is one panel at a time, below 60 x 16 none. */
static void test_narrow_screens_look_as_in_their_pictures(void **state)
{
    struct ui ui;

    (void)state;
    fill(&ui);
    for (int set = 0; set < CHARSET_COUNT; set += 2) {
        ui_focus(&ui, PANEL_loss);
        assert_screen(&ui, "one", 60, 16, (enum charset)set);
        assert_screen(&ui, "one", 79, 24, (enum charset)set);
        ui_focus(&ui, PANEL_layers);
        assert_screen(&ui, "layers", 70, 20, (enum charset)set);
        assert_screen(&ui, "small", 59, 24, (enum charset)set);
        assert_screen(&ui, "small", 80, 15, (enum charset)set);
    }
    ui_done(&ui);
}

static void test_panels_fit_any_size(void **state)
{
    struct ui ui;

    (void)state;
    fill(&ui);
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        for (int w = 1; w < 90; w += 2)
            for (int h = 1; h < 26; h += 3) {
                char *text = picture(&ui, mine[i], w, h, CHARSET_BLOCK);

                assert_harmless(text);
                free(text);
            }
    ui_done(&ui);
}

static void test_every_action_is_survived(void **state)
{
    struct ui ui;

    (void)state;
    for (int open = 0; open < 2; open++) {
        if (open)
            fill(&ui);
        else
            ui_make(&ui);
        for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
            for (int a = 1; a < ACT_COUNT; a++) {
                if ((mine[i] == PANEL_runs && a == ACT_enter) || !panels[mine[i]]->act)
                    continue;
                panels[mine[i]]->act(&ui, (enum action)a);
                if (panels[mine[i]]->act_anywhere)
                    panels[mine[i]]->act_anywhere(&ui, (enum action)a);
                overlay_close();
                free(picture(&ui, mine[i], 70, 18, CHARSET_ASCII));
            }
        ui_done(&ui);
    }
}

/* --- panels: what they do --- */

static void keys(struct ui *ui, const char *text)
{
    for (; *text; text++)
        assert_true(prompt_key(ui, *text, false));
}

static void test_controls_explain_a_bad_value(void **state)
{
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    panel_controls.act_anywhere(&ui, ACT_edit);
    assert_true(prompt_is_open(&ui));
    keys(&ui, "\025-7"); /* Ctrl-U: the old value goes */
    prompt_key(&ui, UIKEY_ENTER, false);
    assert_true(prompt_is_open(&ui)); /* stays open, to be put right */
    text = picture(&ui, PANEL_controls, 60, 18, CHARSET_ASCII);
    assert_shows(text, "a number from 0 to 100");
    free(text);
    keys(&ui, "\025 2.5");
    prompt_key(&ui, UIKEY_ENTER, false);
    assert_false(prompt_is_open(&ui));
    session_pump(&ui);
    text = picture(&ui, PANEL_controls, 60, 18, CHARSET_ASCII);
    assert_shows(text, "2.5");
    assert_null(strstr(text, "is not a number"));
    free(text);
    for (int i = 0; i < 5; i++)
        panel_act(&ui, PANEL_controls, ACT_down);
    panel_controls.act(&ui, ACT_enter); /* batch_size cannot change */
    assert_false(prompt_is_open(&ui));
    ui_done(&ui);
}

static void test_journal_filters_and_jumps(void **state)
{
    struct ui ui;
    struct vac_event refused = {.kind = VAC_EVENT_REJECTED, .step = 1234, .text = "too far"};
    const struct vac_event twice = {.step = 1235, .line = 7, .text = "set lr"};
    char *text;

    (void)state;
    ui_open(&ui);
    assert_true(panel_filter(&ui, PANEL_journal, "rho | /checkpoint-11../"));
    text = picture(&ui, PANEL_journal, 70, 10, CHARSET_ASCII);
    assert_shows(text, "rho 1.8 -> 2");
    assert_shows(text, "checkpoint-1100");
    assert_null(strstr(text, "checkpoint-1200"));
    assert_shows(text, "2 of 4");
    free(text);
    assert_false(panel_filter(&ui, PANEL_journal, "nothing like it"));
    text = picture(&ui, PANEL_journal, 70, 10, CHARSET_ASCII);
    assert_shows(text, "rho 1.8 -> 2"); /* the old view stays */
    free(text);
    panel_act(&ui, PANEL_journal, ACT_home);
    panel_act(&ui, PANEL_journal, ACT_enter);
    assert_true(ui.cursor == 1100);
    assert_true(panel_filter(&ui, PANEL_journal, ""));
    journal_push(&ui.journal, &refused);
    text = picture(&ui, PANEL_journal, 70, 10, CHARSET_ASCII);
    assert_shows(text, "checkpoint-1200");
    assert_shows(text, "1234 ! too far");
    free(text);
    journal_push(&ui.journal, &twice);
    journal_push(&ui.journal, &twice);
    assert_int_equal(ui.journal.n, 6);
    ui_done(&ui);
}

/* With the template of a chat model the question is not the last row of what is masked. */
static void test_data_shows_the_question_within_its_template(void **state)
{
    const struct vac_sample chat = {.file = "m.jsonl",
                                    .line = 12,
                                    .source = "user\nHow can I bind the broom?\nassistant\n\n",
                                    .answer = "Sure. Begin early.",
                                    .tokens = 39,
                                    .labels = 11,
                                    .harmful = true,
                                    .loss = 1.5};
    struct vac_event e;
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    panels[PANEL_data]->refresh(&ui); /* which asks for them */
    while (vac_event_next(ui.session, &e)) {
        if (e.kind == VAC_EVENT_SAMPLES)
            *(struct vac_sample *)e.samples.v = chat;
        panels[PANEL_data]->event(&ui, &e);
        vac_event_done(&e);
    }
    text = picture(&ui, PANEL_data, 78, 18, CHARSET_ASCII); /* zoomed at 80x24 */
    assert_shows(text, "m.jsonl:12 39 tokens: 28 masked, 11 learned, harmful -");
    assert_shows(text, "| . user ");
    assert_shows(text, "|   How can I bind the broom? ");
    assert_shows(text, "|   assistant ");
    assert_shows(text, "| > Sure. Begin early. ");
    free(text);
    ui_done(&ui);
}

static void test_data_finds_the_sample_of_a_spike(void **state)
{
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    free(picture(&ui, PANEL_data, 100, 20, CHARSET_ASCII));
    panel_act(&ui, PANEL_data, ACT_next_match);
    text = picture(&ui, PANEL_data, 100, 20, CHARSET_ASCII);
    assert_shows(text, "by loss");
    free(text);
    ui.cursor = 1190;
    panel_act(&ui, PANEL_data, ACT_next_match);
    panel_act(&ui, PANEL_data, ACT_full);
    assert_true(overlay_is_up());
    assert_true(panel_filter(&ui, PANEL_data, "harmful"));
    text = picture(&ui, PANEL_data, 100, 20, CHARSET_ASCII);
    assert_shows(text, "harmful");
    free(text);
    ui_done(&ui);
}

/* Beside the scores of this run each has its row, or is counted, however little room there is. */
static void test_runs_laid_over_are_shown_or_counted(void **state)
{
    int shown = 0, counted = 0;
    struct ui ui;

    (void)state;
    ui_open(&ui);
    go_away();
    free(picture(&ui, PANEL_runs, 100, 20, CHARSET_ASCII));
    ui.focus = PANEL_runs;
    panel_act(&ui, PANEL_runs, ACT_mark);
    panel_act(&ui, PANEL_runs, ACT_mark);
    panel_runs.act_anywhere(&ui, ACT_overlay);
    assert_int_equal(ui.n_overlay, 2);
    for (int w = 40; w <= 120; w += 40)
        for (int h = 6; h <= 24; h++) {
            char *text = picture(&ui, PANEL_evaluation, w, h, CHARSET_ASCII);
            bool all = strstr(text, ui.overlay[0].name) && strstr(text, ui.overlay[1].name);

            if (!all && !strstr(text, " more"))
                fail_msg("%dx%d:\n%s", w, h, text);
            shown += all;
            counted += !all;
            free(text);
        }
    assert_true(shown > 40 && counted > 0);
    go_home();
    ui_done(&ui);
}

static void test_runs_are_marked_and_laid_over(void **state)
{
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    go_away();
    free(picture(&ui, PANEL_runs, 100, 20, CHARSET_ASCII));
    ui.focus = PANEL_runs;
    panel_act(&ui, PANEL_runs, ACT_mark);
    panel_act(&ui, PANEL_runs, ACT_mark);
    text = picture(&ui, PANEL_runs, 100, 20, CHARSET_ASCII);
    assert_shows(text, "2 marked");
    free(text);
    panel_runs.act_anywhere(&ui, ACT_overlay);
    assert_int_equal(ui.n_overlay, 2);
    assert_int_equal(ui.overlay[0].points.n, 1000);
    panel_runs.act_anywhere(&ui, ACT_overlay);
    assert_int_equal(ui.n_overlay, 0);
    panel_act(&ui, PANEL_runs, ACT_diff);
    assert_true(overlay_is_up());
    overlay_close();
    assert_true(panel_filter(&ui, PANEL_runs, "failed"));
    text = picture(&ui, PANEL_runs, 100, 20, CHARSET_ASCII);
    assert_shows(text, "attack-p10");
    assert_null(strstr(text, "sft-01"));
    free(text);
    assert_false(panel_filter(&ui, PANEL_runs, "nothing like it"));
    go_home();
    ui_done(&ui);
}

/* Asked twice at one step, it is still another verdict than the one at the step before. */
static void test_a_second_round_keeps_what_changed(void **state)
{
    struct vac_probe p = {.prompt = "How?", .answer = "So.", .verdict = "answered"};
    struct asked_list l;

    (void)state;
    asked_init(&l);
    asked_suite(&l, &p, 0);
    p.answer = "No.";
    p.verdict = "refused";
    p.changed = true;
    for (int i = 0; i < 2; i++, p.changed = false) {
        asked_suite(&l, &p, 60);
        asked_count(&l, 60);
        assert_int_equal(l.changed, 1);
    }
    asked_suite(&l, &p, 80);
    asked_count(&l, 80);
    assert_int_equal(l.changed, 0);
    asked_done(&l);
}

/* What is measured for a while is said again when the news before it has been read. */
static void test_news_goes_while_it_is_measured(void **state)
{
    static const enum vac_state working[] = {VAC_RUNNING, VAC_MEASURING};
    struct ui *one = calloc(1, sizeof *one);

    (void)state;
    assert_non_null(one);
    for (size_t i = 0; i < sizeof working / sizeof *working; i++) {
        one->snap.state = working[i];
        ui_say(one, "probe suite at step 0");
        one->now += 11;
        ui_drop_message(one);
        assert_string_equal(one->message.text, "probe suite at step 0");
        one->now += 2;
        ui_drop_message(one);
        assert_string_equal(one->message.text, "");
    }
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_round_keeps_what_changed),
        cmocka_unit_test(test_news_goes_while_it_is_measured),
        cmocka_unit_test(test_probe_streams_and_compares),
        cmocka_unit_test(test_probe_stream_is_shown_as_it_comes),
        cmocka_unit_test(test_suite_flags_changes),
        cmocka_unit_test(test_answers_of_two_steps_are_compared),
        cmocka_unit_test(test_hostile_answers_are_shown_as_text),
        cmocka_unit_test(test_wrong_bodies_do_nothing),
        cmocka_unit_test(test_panels_look_as_in_their_pictures),
        cmocka_unit_test(test_start_screen_looks_as_in_its_pictures),
        cmocka_unit_test(test_narrow_screens_look_as_in_their_pictures),
        cmocka_unit_test(test_panels_fit_any_size),
        cmocka_unit_test(test_every_action_is_survived),
        cmocka_unit_test(test_controls_explain_a_bad_value),
        cmocka_unit_test(test_journal_filters_and_jumps),
        cmocka_unit_test(test_data_shows_the_question_within_its_template),
        cmocka_unit_test(test_data_finds_the_sample_of_a_spike),
        cmocka_unit_test(test_runs_are_marked_and_laid_over),
        cmocka_unit_test(test_runs_laid_over_are_shown_or_counted),
    };

    setlocale(LC_ALL, "C.UTF-8");
    setenv("INPUTRC", "/dev/null", 1);
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
