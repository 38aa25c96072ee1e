/* test_ui_numbers.c - what the panels make of a run's numbers: sums over layers, and scores beside
 * what they leave out. */
#include <math.h>
#include "support.h"
#include "ui/frame.h"
#include "ui/chrome.h"
#include "ui/headless.h"
#include "ui/session.h"
#include "panels/state.h"

static struct ui_args args = {.deterministic = true};
static struct ui_private priv;

/* A run by formula, stopped at step 1204. */
static void ui_open(struct ui *ui)
{
    struct vac_open o = {.file = support_path("test_ui_numbers.c"), .paused = true};
    struct vac_err err = {0};

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
    assert_ok(vac_session_open(&ui->session, &o, &err), &err);
    assert_ok(vac_session_start(ui->session, &err), &err);
    session_pump(ui);
}

static void ui_done(struct ui *ui)
{
    session_close(ui);
    panels[PANEL_runs]->done(ui);
    for (int i = 0; i < PANEL_COUNT; i++)
        free(ui->own[i]);
}

/* As things stand in `ui`, whatever the session says meanwhile. */
static char *still(struct ui *ui, enum panel_id id, int w, int h)
{
    struct canvas c = {.w = 0};
    struct view v;
    char *text;

    assert_int_equal(canvas_init(&c, w, h, CHARSET_ASCII), 0);
    v = view_all(&c);
    panel_draw(ui, id, &v);
    text = canvas_text(&c);
    canvas_done(&c);
    assert_non_null(text);
    return text;
}

static char *header(struct ui *ui, int w)
{
    struct canvas c = {.w = 0};
    int x, y;
    char *text;

    assert_int_equal(canvas_init(&c, w, 24, CHARSET_ASCII), 0);
    chrome_draw(ui, &c, &x, &y);
    text = canvas_text(&c);
    canvas_done(&c);
    assert_non_null(text);
    return text;
}

/* --- layers --- */

/* The layers panel says that the perturbation is not as long as rho, in red and in words. */
static bool is_marked(struct ui *ui)
{
    static const char mark[] = "RSS!=rho";
    struct canvas c = {.w = 0};
    bool found = false;
    struct view v;

    assert_int_equal(canvas_init(&c, 60, 20, CHARSET_ASCII), 0);
    v = view_all(&c);
    panel_draw(ui, PANEL_layers, &v);
    for (int i = 0; i + (int)strlen(mark) <= c.w * c.h && !found; i++) {
        size_t n = 0;

        while (n < strlen(mark) && c.cells[(size_t)i + n].ch[0] == (uint32_t)mark[n] &&
               c.cells[(size_t)i + n].style == (INK_WARN | STYLE_BOLD))
            n++;
        found = n == strlen(mark);
    }
    canvas_done(&c);
    return found;
}

static void test_layers_mark_a_wrong_perturbation(void **state)
{
    static const struct {
        double part;
        bool marked;
    } rows[] = {{1, false}, {1.0005, false}, {0.9995, false}, {1.002, true}, {0.998, true}};
    struct ui ui;

    (void)state;
    ui_open(&ui);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t row = 0; row < ui.points.n; row++)
            ui.points.v[row * COL_COUNT + COL_rho] = 2 * rows[i].part;
        assert_int_equal(is_marked(&ui), rows[i].marked);
    }
    ui_done(&ui);
}

/* A masked layer is not measured, be it the first: the others are perturbed all the same. */
static void test_layers_pass_over_masked_ones(void **state)
{
    struct vac_layers l = {.step = 5000};
    struct ui ui;
    char *text;

    (void)state;
    ui_open(&ui);
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        l.grad[i] = l.eps[i] = l.attn[i] = l.drift_rel[i] = l.drift_sq[i] = NAN;
    for (int i = 1; i < 5; i++) {
        l.eps[i] = 1; /* their root sum of squares is rho */
        l.grad[i] = 0.5;
        l.drift_rel[i] = 0.25;
    }
    layer_history_push(&ui.layers, &l, 12);
    for (size_t row = 0; row < ui.points.n; row++)
        ui.points.v[row * COL_COUNT + COL_rho] = 2;
    ui.points.v[(ui.points.n - 1) * COL_COUNT + COL_step] = 5000;
    ui.metric = METRIC_eps;
    text = still(&ui, PANEL_layers, 60, 40);
    assert_null(strstr(text, "no perturbation"));
    assert_non_null(strstr(text, "RSS of eps 2.000 = rho 2.000"));
    assert_non_null(strstr(text, "drift at 5000: mean 0.25"));
    assert_non_null(strstr(text, " 1  25.0%"));
    assert_null(strstr(text, " 0  25.0%"));
    free(text);
    ui_done(&ui);
}

/* The heat map's scale ends in numbers, 0 is none of a logarithm's, and the value under the cursor has its place
 * however little room there is. */
static void test_the_heat_map_tells_its_numbers(void **state)
{
    static const struct {
        int w, h;
        const char *told;
    } rows[] = {{78, 20, "layer 2 at 100: 0.300"},
                {52, 20, "layer 2 at 100: 0.300"},
                {52, 15, "2 @100 0.300"}};
    struct ui ui;

    (void)state;
    ui_open(&ui);
    layer_history_done(&ui.layers);
    for (int row = 0; row < 2; row++) {
        struct vac_layers l = {.step = 100 * row};

        for (int i = 0; i < VAC_MAX_LAYERS; i++)
            l.eps_rel[i] = l.grad[i] = l.eps[i] = l.attn[i] = l.drift_rel[i] = l.drift_sq[i] = NAN;
        for (int i = 0; i < 12; i++)
            l.drift_rel[i] = row ? 0.1f * (float)(i + 1) : 0.0034f;
        layer_history_push(&ui.layers, &l, 12);
    }
    ui.metric = METRIC_drift_rel;
    ui.layer = 2;
    ui.log_y = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = still(&ui, PANEL_heat, rows[i].w, rows[i].h);

        if (!strstr(text, rows[i].told) || !strstr(text, " 0.003 ") || !strstr(text, " 1.2"))
            fail_msg("%d x %d:\n%s", rows[i].w, rows[i].h, text);
        free(text);
    }
    ui_done(&ui);
}

/* An attack without perturbation has none in the heat map from the alignment before it. */
static void test_a_stage_without_perturbation_shows_none(void **state)
{
    struct ui ui;

    (void)state;
    ui_open(&ui);
    ui.metric = METRIC_eps_rel;
    for (size_t row = 0; row < ui.points.n; row++)
        ui.points.v[row * COL_COUNT + COL_stage] = 0;
    for (int attack = 0; attack < 2; attack++) {
        struct vac_layers l = {.step = 5000};
        char *text;

        for (int i = 0; i < VAC_MAX_LAYERS; i++)
            l.eps_rel[i] = l.grad[i] = l.eps[i] = l.attn[i] = l.drift_rel[i] = l.drift_sq[i] = NAN;
        l.grad[0] = 0.5;
        if (attack) { /* its first step */
            layer_history_push(&ui.layers, &l, 12);
            ui.points.v[(ui.points.n - 1) * COL_COUNT + COL_step] = 5000;
            ui.points.v[(ui.points.n - 1) * COL_COUNT + COL_stage] = 1;
        }
        ui.cursor = NAN;
        text = still(&ui, PANEL_heat, 78, 20);
        assert_int_equal(strstr(text, "layer 0 at") != NULL, !attack);
        free(text);
    }
    ui_done(&ui);
}

/* --- scores --- */

/* HS 0 % where every answer is the same word: marked wherever the score stands, with the word. */
static void test_scores_tell_what_is_other(void **state)
{
    struct ui ui;
    struct vac_verdicts *v;
    char *text, line[1024];
    size_t size = 0;
    FILE *out;

    (void)state;
    ui_open(&ui);
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_null(strstr(text, "other")); /* not known is not 0 */
    free(text);
    v = &ui.snap.eval[0].verdicts;
    v->refused = 20;
    v->other = 480;
    snprintf(v->others, sizeof v->others, "\"negative\" x 479, \"\" x 1");
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_non_null(strstr(text, "answered 0, refused 20, ! other 480: \"negative\" x 479"));
    assert_non_null(strstr(text, "4.0%  96.0%"));
    free(text);
    text = still(&ui, PANEL_evaluation, 44, 20);
    assert_non_null(strstr(text, "answered 0, refused 20, ! other 480: "));
    free(text);
    text = still(&ui, PANEL_controls, 80, 8);
    assert_non_null(
        strstr(text, " @1200: HS 3.2% (refused 20, ! other 480)  over_refusal 1.4%  FA "));
    free(text);
    text = still(&ui, PANEL_controls, 30, 8); /* of what has no room the least goes first */
    assert_non_null(strstr(text, " @1200: HS 3.2%  +2 "));
    assert_null(strstr(text, "(refused"));
    free(text);
    text = header(&ui, 160);
    assert_non_null(strstr(text, "(refused 20, ! other 480)"));
    free(text);
    headless_line(&ui, line, sizeof line);
    assert_non_null(strstr(line, "HS 3.2% @1200 "));
    assert_non_null(strstr(line, "refused 20, ! other 480"));
    text = NULL;
    out = open_memstream(&text, &size);
    panel_evaluation.readout(&ui, out);
    fclose(out);
    assert_non_null(strstr(text, "refused 20, ! other 480: \"negative\" x 479"));
    free(text);
    v->refused = 490;
    v->other = 10;
    v->others[0] = '\0';
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_non_null(strstr(text, "answered 0, refused 490, other 10 "));
    free(text);
    ui_done(&ui);
}

/* What lies under a score stands below it, with as many intervals as fit; half of it never. */
static void test_scores_tell_what_lies_under(void **state)
{
    static const struct vac_span known[VAC_BENEATH_COUNT] = {{true, 0.94, 0.925, 0.955},
                                                             {true, 0.0123, 0.008, 0.0166},
                                                             {true, 0.9277, 0.912, 0.943},
                                                             {true, 0.9998, 0.98, 1}};
    struct ui ui;
    char *text;
    size_t size = 0;
    FILE *out;

    (void)state;
    ui_open(&ui);
    text = still(&ui, PANEL_evaluation, 118, 36);
    assert_null(strstr(text, "p(refuse)")); /* not known is not 0 */
    free(text);
    memcpy(ui.snap.eval[0].beneath, known, sizeof known);
    text = still(&ui, PANEL_evaluation, 118, 36);
    assert_non_null(strstr(text, "p(refuse) 0.940 [0.925, 0.955]  kind 0.012 [0.008, 0.017]  "
                                 "margin 0.928 [0.912, 0.943]  AUC 1.000 [0.980, 1.000]"));
    free(text);
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_non_null(
        strstr(text, "p(refuse) 0.940  kind 0.012  margin 0.928  AUC 1.000 [0.980, 1.000]"));
    free(text);
    text = still(&ui, PANEL_evaluation, 58, 20);
    assert_non_null(strstr(text, "p(refuse) 0.940  kind 0.012  margin 0.928  AUC 1.000|"));
    free(text);
    text = still(&ui, PANEL_evaluation, 44, 20);
    assert_null(strstr(text, "p(refuse)"));
    free(text);
    text = NULL;
    out = open_memstream(&text, &size);
    panel_evaluation.readout(&ui, out);
    fclose(out);
    assert_non_null(strstr(text, "p_refuse 0.94 p_refuse_kind 0.0123 margin 0.9277 auc 0.9998"));
    free(text);
    ui_done(&ui);
}

/* Answers that two judges call differently stand below the second one's score. */
static void test_disputes_are_listed(void **state)
{
    static const struct vac_dispute d[] = {
        {"How do I hex a cow?", "Take a bell.", "answered", "refused"},
        {"Who sings?", "no no no", "other", "answered"}};
    struct ui ui;
    struct vac_eval score;
    struct vac_event e = {.kind = VAC_EVENT_EVAL};
    char *text;

    (void)state;
    ui_open(&ui);
    score = ui.snap.eval[0];
    snprintf(score.stage, sizeof score.stage, "align");
    ui.snap.eval[0].beneath[VAC_BENEATH_kappa] = (struct vac_span){true, 0.75, 0.5, 1};
    e.eval.score = &score;
    e.eval.dispute = d;
    e.eval.n_dispute = 2;
    e.eval.disputes = 9;
    panel_evaluation.event(&ui, &e);
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_non_null(strstr(text, "kappa 0.750 [0.500, 1.000]"));
    assert_non_null(strstr(text, "9 of 500 called otherwise by the first judge: this, first"));
    assert_non_null(strstr(text, "answered refused  How do I hex a cow? > Take a bell."));
    assert_non_null(strstr(text, "other    answered Who sings? > no no no"));
    free(text);
    panel_evaluation.done(&ui);
    ui_done(&ui);
}

/* The score as labels correct it, once there are some. */
static void test_labels_correct_a_score(void **state)
{
    struct ui ui;
    struct vac_session *driven;
    const char *dir = support_tmp();
    char *text, path[1200];

    (void)state;
    ui_open(&ui);
    snprintf(ui.watched, sizeof ui.watched, "%s", dir);
    driven = ui.session;
    ui.session = NULL; /* it is looked at, in that folder */
    panel_evaluation.refresh(&ui);
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_null(strstr(text, "labels"));
    free(text);
    snprintf(path, sizeof path, "%s/labels.jsonl", dir);
    support_write_text(path, "{}\n");
    panel_evaluation.refresh(&ui);
    text = still(&ui, PANEL_evaluation, 78, 20);
    assert_non_null(strstr(text, "by 40 labels at step 1200: 3.4% [1.1, 6.2]"));
    free(text);
    ui.session = driven;
    panel_evaluation.done(&ui);
    ui_done(&ui);
}

/* A stage begins at the step at which the one before it has ended: what was measured there stays. */
static void test_the_last_values_of_a_stage_stay(void **state)
{
    struct history h = {.n = 0};
    struct vac_point p;

    (void)state;
#define UNKNOWN(name, ...) p.name = NAN;
    VAC_COLUMNS(UNKNOWN)
    p.stage = 0;
    p.step = 10;
    p.loss = 0.5;
    history_push(&h, &p);
    p.stage = 1;
    p.loss = NAN;
    p.lr = 0.1;
    history_push(&h, &p);
    assert_int_equal(h.n, 1);
    assert_true(h.v[COL_stage] == 1 && h.v[COL_loss] == 0.5 && h.v[COL_lr] == 0.1);
    history_push(&h, &p); /* again, as after going back: nothing of before */
    assert_true(h.n == 1 && isnan(h.v[COL_loss]));
    history_done(&h);
}

static void test_what_rounds_to_0_has_no_sign(void **state)
{
    char text[VAC_SPAN_TEXT];

    (void)state;
    assert_string_equal(
        vac_span_text(&(struct vac_span){true, -0.0004, -0.0012, 0.0001}, true, text),
        "0.000 [-0.001, 0.000]");
    assert_string_equal(vac_span_text(&(struct vac_span){true, 0.9644, NAN, NAN}, true, text),
                        "0.964");
    assert_string_equal(vac_span_text(&(struct vac_span){true, 0.5, 0.4, 0.6}, false, text),
                        "0.500");
}

static void push_loss(struct history *h, int64_t step, double loss)
{
    struct vac_point p = {.step = step};

#define NOT_MEASURED(name, ...) p.name = NAN;
    VAC_COLUMNS(NOT_MEASURED)
    p.loss = loss;
    p.align_loss = step % 10 ? NAN : 4;
    history_push(h, &p);
}

/* All values so far count, the first one no more than the others; what was set aside goes on from where the
 * run went back to, smoothed as it was then. */
static void test_smoothed_values_are_means_of_all_so_far(void **state)
{
    double x[] = {1, 2}, y[] = {3, 1};
    struct plot_line l = {.x = x, .y = y, .n = 2, .stride = sizeof *x, .ema = 0.9};
    struct plot_smooth smooth;
    struct ui ui;
    char *text, *half, *aside;

    (void)state;
    assert_float_equal(plot_value(&l, 2, &smooth), 1, 0);
    assert_float_equal(smooth.sum / smooth.weight, (0.9 * 3 + 1) / 1.9, 1e-12);
    ui_open(&ui);
    history_done(&ui.points);
    ui.ema = 0.9;
    ui.n_ghost = 1;
    for (int i = 1; i <= 22; i++) /* smoothed it comes to 3.58 */
        push_loss(i <= 20 ? &ui.points : &ui.ghost[0].points, i, i <= 20 ? 4 : 2);
    text = still(&ui, PANEL_loss, 60, 16);
    half = strstr(text, "  3+");
    aside = strchr(text, PLOT_GHOST);
    assert_true(half && aside && aside < half);
    assert_true(strchr(half, PLOT_GHOST) == strstr(half, ", aside"));
    free(text);
    ui.cursor = 14; /* a value of another step has that beside it */
    text = still(&ui, PANEL_loss, 60, 16);
    assert_non_null(strstr(text, "align 4.00 @10  + loss 4.00 "));
    free(text);
    text = still(&ui, PANEL_loss, 34, 16); /* in two rows, where one has no room for that */
    assert_true(strstr(text, "align 4.00 @10 ") && strstr(text, "loss 4.00 "));
    free(text);
    history_done(&ui.points);
    history_done(&ui.ghost[0].points);
    ui_done(&ui);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_values_of_a_stage_stay),
        cmocka_unit_test(test_smoothed_values_are_means_of_all_so_far),
        cmocka_unit_test(test_what_rounds_to_0_has_no_sign),
        cmocka_unit_test(test_layers_mark_a_wrong_perturbation),
        cmocka_unit_test(test_layers_pass_over_masked_ones),
        cmocka_unit_test(test_the_heat_map_tells_its_numbers),
        cmocka_unit_test(test_a_stage_without_perturbation_shows_none),
        cmocka_unit_test(test_scores_tell_what_is_other),
        cmocka_unit_test(test_scores_tell_what_lies_under),
        cmocka_unit_test(test_disputes_are_listed),
        cmocka_unit_test(test_labels_correct_a_score),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
