/* test_ui_columns.c - columns never touch, whatever stands in them: every table at every width, and the rows
 * that panels lay out themselves, with the longest numbers and names that there are. */
#include <stdio.h>
#include "event_json.h"
#include "panels/asked.h"
#include "panels/start.h"
#include "panels/table.h"
#include "ui_sizes.h"

/* Begins column by column with what is said, whole or cut ("abc~"), with a blank before and behind each. */
static void assert_parted(const char *line, const char *what, char *const *column, int n)
{
    const char *at = line;

    for (int i = 0; i < n; i++) {
        size_t len = strlen(column[i]), found = 0;

        for (; *at && !found; at++) {
            size_t k = 0;

            if (at > line && at[-1] != ' ')
                continue;
            while (k < len && at[k] == column[i][k])
                k++;
            if (k < len && at[k] == '~')
                k += at[k + 1] == '!' ? 2 : 1; /* that hangs behind a number */
            else if (k < len)
                k = 0;
            if (k && (at[k] == ' ' || at[k] == '\0'))
                found = k;
        }
        if (!found)
            fail_msg("%s: \"%s\" touches its neighbour or is gone in:\n%s", what, column[i], line);
        at += found - 1;
    }
}

/* A line of a canvas; free it. */
static char *canvas_line(const struct canvas *c, int y)
{
    char *text = canvas_text(c), *s = text, *out;

    while (y--)
        s = strchr(s, '\n') + 1;
    out = strndup(s, strcspn(s, "\n"));
    free(text);
    return out;
}

/* --- the rule --- */

static void test_what_is_put_is_parted(void **state)
{
    static const char *const texts[] = {"a", "bcd", "-1.23e+30", "efghijklmnopqrstuvwxyz",
                                        "100.0%"};
    struct canvas canvas = {0};
    uint64_t r = 1;

    (void)state;
    assert_int_equal(canvas_init(&canvas, 60, 1, CHARSET_ASCII), 0);
    for (int round = 0; round < 5000; round++) {
        struct view v = view_all(&canvas);
        struct line to = {.v = &v};
        int end = 0;

        canvas_blank(&canvas);
        for (int i = 0; i < 5; i++) { /* ends and beginnings where they do not fit */
            int from = end;

            r = r * 6364136223846793005u + 1442695040888963407u;
            end += 1 + (int)(r >> 33) % 16;
            if (r >> 60 & 1)
                line_right(&to, end, INK_RUN0 + (unsigned)(i % 2), texts[(r >> 40) % 5]);
            else
                line_left(&to, from, end, INK_RUN0 + (unsigned)(i % 2), texts[(r >> 40) % 5]);
        }
        for (int x = 1; x < canvas.w; x++) {
            const struct cell *a = &canvas.cells[x - 1], *b = a + 1;

            if (a->ch[0] != ' ' && b->ch[0] != ' ' && a->style != b->style)
                fail_msg("column %d touches the one before", x);
        }
    }
    canvas_done(&canvas);
}

/* --- every table, at every width --- */

static int setup_long(void **state)
{
    setenv("FAKE_LAYERS", "256", 1);
    return setup(state);
}

static void tell(enum panel_id id, struct vac_event e, const char *json)
{
    event_from_json(&e, json);
    panels[id]->event(&ui, &e);
    vac_event_done(&e);
}

static void fill(char *out, size_t size, char c)
{
    memset(out, c, size - 1);
    out[size - 1] = '\0';
}

/* The longest that can stand in each panel. */
static void make_long(void)
{
    struct vac_event plan = {.kind = VAC_EVENT_PLAN, .plan = {.bytes = UINT64_MAX, .first = true}},
                     note = {.kind = VAC_EVENT_NOTE, .step = INT64_MAX};
    struct {
        struct table table;
        struct start_list items;
    } *runs = ui.own[PANEL_runs]; /* as its own state begins */
    int visit[] = {PANEL_data, PANEL_runs, PANEL_probe};

    for (size_t i = 0; i < sizeof visit / sizeof *visit; i++) {
        struct vac_event e;

        ui_focus(&ui, visit[i]);
        free(screen(2));
        while (vac_event_next(ui.session, &e)) {
            for (size_t k = 0; e.kind == VAC_EVENT_SAMPLES && k < e.samples.n; k++) {
                struct vac_sample *sample = (struct vac_sample *)&e.samples.v[k];

                sample->index = sample->loss_step = 123456789012345;
                sample->tokens = sample->labels = 123456789012;
                sample->loss = -1.234e30;
            }
            for (int p = 0; p < PANEL_COUNT; p++)
                if (panels[p]->event)
                    panels[p]->event(&ui, &e);
            vac_event_done(&e);
        }
    }
    for (size_t i = 0; i < runs->items.n; i++) {
        struct vac_run_info *r = &runs->items.v[i].run;

        fill(r->name, sizeof r->name, 'n');
        fill(r->method, sizeof r->method, 'm');
        fill(r->state, sizeof r->state, 's');
        r->step = r->total_steps = 123456789012345;
        r->rho = -1.234e-300;
        for (int k = 0; k < r->n_evals; k++) {
            r->eval[k].value = r->before[k] = -1.234e30;
            r->eval[k].is_rate = false;
            r->broke[k] = 123456789012345;
            snprintf(r->eval[k].verdicts.others, VAC_OTHERS, "xx");
        }
    }
    for (int i = 0; i < 3; i++) {
        struct vac_eval *e = &ui.snap.eval[i];

        fill(e->name, sizeof e->name, (char)('A' + i));
        e->value = e->lo = e->hi = -1.234e30;
        e->count = e->n = INT64_MAX;
        e->step = INT64_MAX - i;
        e->is_rate = false;
        e->verdicts = (struct vac_verdicts){.refused = 1000000, .other = 0};
    }
    fill(plan.plan.what, sizeof plan.plan.what, 'w');
    tell(PANEL_plan, plan, NULL);
    fill(note.text, sizeof note.text, 't');
    journal_push(&ui.journal, &note);
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .id = 77, .step = INT64_MAX},
         "{\"prompt\":\"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\","
         "\"answer\":\"aaaa\",\"verdict\":\"a-verdict-of-a-judge\",\"p_refuse\":0.5,\"tokens\":1}");
    for (int i = 0; i < ui.n_options; i++) {
        struct vac_option *o = &ui.option[i];

        fill(o->name, sizeof o->name, 'n');
        fill(o->value, sizeof o->value, 'v');
        fill(o->unit, sizeof o->unit, 'u');
        fill(o->wants, sizeof o->wants, 'w');
        fill(o->help, sizeof o->help, 'h');
        o->applied_step = 123456789012;
    }
    for (size_t i = 0; i < ui.layers.n * METRIC_COUNT * (size_t)ui.layers.n_layers; i++)
        ui.layers.v[i] = -1.234e30f;
    for (int i = 0; i < ui.layers.n_layers; i++)
        ui.snap.mask[i] = i % 2;
}

/* What its row says of the columns that are shown at a width, in order. */
static int declared(enum panel_id id, int row, int w, char text[][400], char *column[])
{
    const struct table_rows *r = panels[id]->table;
    struct view none = {.c = &priv.canvas};
    int wide = r->widest && w >= r->widest ? 2 : w >= r->wide, sum = 1 + r->margin,
        last = r->n_columns, n = 0;

    if (r->paint && r->paint(&ui, &none, row, -1, false))
        return 0; /* no row of columns */
    for (int i = 0; i < r->n_columns; i++)
        if (w >= r->column[i].from && r->column[i].w[wide] > 0)
            sum += r->column[i].w[wide];
    while (last > 1 && sum > w) {
        last--;
        if (w >= r->column[last].from && r->column[last].w[wide] > 0)
            sum -= r->column[last].w[wide];
    }
    for (int i = 0; i < last; i++) {
        struct entry c = {.sign = (enum sign) - 1};

        if (w < r->column[i].from || !r->column[i].w[wide] ||
            (r->column[i].w[wide] < 0 && w < sum + 3) ||
            (r->paint && r->paint(&ui, &none, row, i, false)))
            continue;
        r->cell(&ui, row, i, wide, &c);
        text[n][0] = '\0';
        if ((int)c.sign >= 0)
            snprintf(text[n], 400, "%c", (char)sign(&priv.canvas, c.sign));
        for (int k = 0; k < c.n && (int)c.sign < 0; k++)
            strncat(text[n], c.span[k].text, 390 - strlen(text[n]));
        while (*text[n] && text[n][strlen(text[n]) - 1] == ' ')
            text[n][strlen(text[n]) - 1] = '\0';
        if (c.hang)
            strcat(text[n], c.hang);
        if (*text[n])
            column[n] = text[n], n++;
    }
    return n;
}

static void test_tables_keep_columns_apart(void **state)
{
    static char text[32][400];
    char *column[32], what[64];
    int tables = 0, rows = 0;

    (void)state;
    make_long();
    for (int id = 0; id < PANEL_COUNT; id++) {
        struct table *t = ui.own[id];

        if (!panels[id]->table)
            continue;
        tables++;
        for (int w = 24; w <= 220; w++) {
            struct canvas canvas = {0};
            struct view v;

            assert_int_equal(canvas_init(&canvas, w, 40, CHARSET_ASCII), 0);
            v = view_all(&canvas);
            ui_focus(&ui, id);
            table_draw(&ui, (enum panel_id)id, &v);
            for (int i = 0; i < t->list.rows && t->list.top + i < t->n; i++) {
                int row = table_row(&ui, (enum panel_id)id, t->list.top + i), n;
                char *line;

                if (panels[id]->table->is_head && panels[id]->table->is_head(&ui, row))
                    continue;
                n = declared((enum panel_id)id, row, w, text, column);
                snprintf(what, sizeof what, "%s, %d columns wide", panels[id]->name, w);
                line = canvas_line(&canvas, t->y + i);
                line[0] = ' '; /* the sign of the selected row */
                assert_parted(line, what, column, n);
                free(line);
                rows += n > 1;
            }
            canvas_done(&canvas);
        }
    }
    assert_true(tables >= 6 && rows > 2000);
}

/* --- what panels lay out themselves, at three sizes --- */

static void assert_row(int size, const char *mark, char *const *column, int n)
{
    char *text = screen(size), *at = strstr(text, mark), *from = at, *line;

    if (!at)
        fail_msg("%dx%d: no \"%s\" in:\n%s", sizes[size].w, sizes[size].h, mark, text);
    while (from > text && from[-1] != '\n')
        from--;
    line = strndup(from, strcspn(from, "\n"));
    for (char *c = line; *c; c++)
        *c = *c == '|' || *c == '>' ? ' ' : *c;
    assert_parted(line, mark, column, n);
    free(line);
    free(text);
}
#define ASSERT_ROW(size, mark, ...)                                                                \
    assert_row(size, mark, (char *const[]){__VA_ARGS__},                                           \
               sizeof((char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_other_rows_keep_columns_apart(void **state)
{
    char name[VAC_NAME], value[128], unit[24], wants[160];

    (void)state;
    make_long();
    fill(name, sizeof name, 'n');
    fill(value, sizeof value, 'v');
    fill(unit, sizeof unit, 'u');
    fill(wants, sizeof wants, 'w');
    ui.zoom = true;
    for (int i = 0; i < SIZES; i++) {
        ui_focus(&ui, PANEL_controls);
        ASSERT_ROW(i, "nnnnn", name, value, "@123456789012", wants);
        snprintf(ui.option[1].value, sizeof ui.option[1].value, "0.1");
        ASSERT_ROW(i, " 0.1 ", name, "0.1", unit, "@123456789012", wants);
        ui_focus(&ui, PANEL_layers);
        ui.layer = 254;
        ASSERT_ROW(i, "254 ", "254", "-", "-1e+30", "-1e+30");
        ui_focus(&ui, PANEL_heat);
        ASSERT_ROW(i, "254 ", "254");
    }
}

/* A number in the header with its neighbours. */
static void test_the_header_keeps_its_pieces_apart(void **state)
{
    static const char *const pieces[] = {"9223372036854775807", "AAAAAAAAAAAAA", "-1.2e+30",
                                         "PAUSED", "align"};

    (void)state;
    make_long();
    ui.snap.step = ui.snap.total_steps = INT64_MAX;
    for (int i = 0; i < SIZES; i++) {
        char *head = line_of(i, 0);
        int seen = 0;

        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
            const char *at = strstr(head, pieces[k]), *behind;

            if (!at)
                continue;
            seen++;
            behind = at + strspn(at, "A") + (*at == 'A' ? 0 : strlen(pieces[k]) - strspn(at, "A"));
            if (at[-1] != ' ' || !strchr(" /~", *behind))
                fail_msg("\"%s\" touches its neighbour in:\n%s", pieces[k], head);
        }
        assert_true(seen >= 2);
        free(head);
    }
}

/* --- questions and answers --- */

/* Verdicts of sixty rounds: as many as there is room for, and a sign that there were more. */
static void test_rounds_that_do_not_fit_are_marked(void **state)
{
    static const int fit[SIZES] = {10, 10, 26};
    char want[64];

    (void)state;
    for (int i = 0; i < 60; i++) {
        char json[256];

        snprintf(json, sizeof json,
                 "{\"probes\":[{\"prompt\":\"one\",\"answer\":\"no\",\"verdict\":\"%s\"}]}",
                 i % 2 ? "answered" : "refused");
        tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_SUITE, .step = i}, json);
    }
    keys("5z");
    for (int i = 0; i < SIZES; i++) {
        int n = 0;

        want[n++] = '~';
        for (int k = 0; k < fit[i]; k++)
            want[n++] = "RA"[k % 2];
        snprintf(want + n, sizeof want - (size_t)n, " ");
        assert_shows(i, want);
    }
}

/* A question has no step until it is answered, and one that was refused has none at all. */
static void test_a_question_without_an_answer_has_no_step(void **state)
{
    struct vac_event e;

    (void)state;
    keys("5zphow\n");
    prompt_close(&ui);
    for (int i = 0; i < 3; i++) { /* the first pieces only */
        assert_true(vac_event_next(ui.session, &e));
        panels[PANEL_probe]->event(&ui, &e);
        vac_event_done(&e);
    }
    keys("v");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "being answered");
        assert_shows(i, "Sure.");
        assert_lacks(i, "@-1");
    }
    overlay_close();
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_REJECTED, .id = 1, .text = "no room"},
         "{}");
    keys("v");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "no answer: no room");
        assert_lacks(i, "@-1");
    }
}

/* Each session of saved weights counts its questions from 1: an answer is of the one that is open. */
static void test_an_answer_is_of_the_question_that_is_open(void **state)
{
    const struct vac_probe p = {.prompt = "one", .answer = "So.", .verdict = "other"};
    struct asked_list l;
    struct asked *one, *two;

    (void)state;
    asked_init(&l);
    one = asked_new(&l, 1, "one", "");
    asked_end(one, &p, 14);
    two = asked_new(&l, 1, "two", "");
    asked_end(two, &p, 8);
    assert_ptr_equal(asked_new(&l, 1, "one", ""), one);
    assert_ptr_equal(asked_find(&l, 1), one);
    asked_end(one, &p, 12);
    assert_null(asked_find(&l, 1));
    asked_done(&l);
}

/* Weights that are let go answer no more: the question says so, and the next one is asked. */
static void test_a_question_ends_with_its_weights(void **state)
{
    (void)state;
    keys("5zphow\n");
    assert_shows(0, "asked: comes in a moment");
    ui.looks++;
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "failed");
        assert_shows(i, "other weights were chosen before it was answered");
    }
    keys("why\n");
    while (session_pump(&ui))
        ;
    assert_shows(0, "> why");
    assert_shows(0, "now, @1204 ");
}

/* Saved weights know of no question that others were asked. */
static void test_the_suite_asks_other_weights_what_is_the_users_too(void **state)
{
    static const char old[] = "{\"prompt\":\"how\",\"template\":\"plain\",\"answer\":\"So.\","
                              "\"verdict\":\"other\",\"p_refuse\":0.25}";
    static const char present[] = "{\"prompt\":\"why\",\"answer\":\"So.\",\"verdict\":\"other\","
                                  "\"p_refuse\":0.25}";

    (void)state;
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .step = 400}, old);
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .step = 1204}, present);
    ui.look = ui.session;
    ui.looks++;
    keys("5z");
    assert_lacks(0, "now, @1204 [answered] ");
    keys("P");
    while (session_pump(&ui))
        ;
    assert_shows(0, "> %plain how");
    assert_shows(0, "now, @1204 [answered] ");
    assert_shows(0, "before, @400 [other] ");
    ui.look = NULL;
}

/* What decides the answer is told where the question stands. */
static void test_a_question_names_its_template(void **state)
{
    (void)state;
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .step = 1204},
         "{\"prompt\":\"how\",\"answer\":\"So.\",\"verdict\":\"other\"}");
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .step = 1204},
         "{\"prompt\":\"how\",\"template\":\"plain\",\"answer\":\".\",\"verdict\":\"other\"}");
    keys("5z");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "? how ");
        assert_shows(i, "? %plain how ");
        assert_shows(i, "> %plain how ");
    }
    keys("v");
    assert_shows(0, "Probe");
    assert_shows(0, "%plain how");
    assert_lacks(0, "> %plain how ");
}

/* What the stage's first weights say is judged, too. */
static void test_the_answer_before_has_its_verdict(void **state)
{
    (void)state;
    tell(PANEL_probe, (struct vac_event){.kind = VAC_EVENT_PROBE_END, .step = 1204},
         "{\"prompt\":\"how\",\"answer\":\"Sure\",\"verdict\":\"answered\",\"p_refuse\":0.25,"
         "\"before\":\"No\",\"before_step\":1100,\"before_verdict\":\"refused\","
         "\"before_p_refuse\":0.75}");
    keys("5z");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "before, @1100 [refused] p(refuse) 0.75");
        assert_shows(i, "-0.50 !");
    }
}

static void answer_at(struct asked_list *l, const char *verdict, int64_t step)
{
    struct vac_probe p = {.prompt = "how", .answer = "So.", .verdict = verdict};

    asked_end(asked_new(l, 0, p.prompt, ""), &p, step);
}

/* Saved weights are asked in any order, and their verdicts stand in that of the steps. */
static void test_verdicts_stand_in_the_order_of_steps(void **state)
{
    char strip[STRIP_MOST];
    struct asked_list l;

    (void)state;
    asked_init(&l);
    answer_at(&l, "answered", 560);
    answer_at(&l, "refused", 400);
    assert_string_equal(asked_when(l.v, &l.v->before), "later");
    answer_at(&l, "other", 500);
    assert_string_equal(asked_when(l.v, &l.v->before), "before");
    assert_int_equal(asked_strip(l.v, strip, STRIP_MOST), 3);
    assert_memory_equal(strip, "R-A", 3);
    assert_int_equal(asked_strip(l.v, strip, 2), 2);
    assert_memory_equal(strip, "-A", 2);
    asked_done(&l);
}

#define LONG(f) cmocka_unit_test_setup_teardown(f, setup_long, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_parted),
        LONG(test_tables_keep_columns_apart),
        LONG(test_other_rows_keep_columns_apart),
        LONG(test_the_header_keeps_its_pieces_apart),
        CASE(test_rounds_that_do_not_fit_are_marked),
        CASE(test_a_question_without_an_answer_has_no_step),
        CASE(test_verdicts_stand_in_the_order_of_steps),
        CASE(test_an_answer_is_of_the_question_that_is_open),
        CASE(test_a_question_ends_with_its_weights),
        CASE(test_the_suite_asks_other_weights_what_is_the_users_too),
        CASE(test_a_question_names_its_template),
        CASE(test_the_answer_before_has_its_verdict),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
