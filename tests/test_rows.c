/* test_rows.c - reading data set files: every format, good and hostile, with the whole message. */
#include "data/dataset.h"
#include "data/rows.h"
#include "support.h"

static const char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = support_tmp();
    folder = strdup(folder);
    return folder ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free((void *)folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    static char paths[8][1200];
    static size_t next;
    char *p = paths[next++ % 8];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

static const char *file(const char *name, const char *text)
{
    const char *path = in_folder(name);

    support_write_text(path, text);
    return path;
}

static void load(struct rows *r, const char *text)
{
    struct vac_err err = {0};

    assert_ok(rows_read(r, file("rows.json", text), NULL, NULL, &err), &err);
}

/* The whole message must be the path and `rest`. */
static void assert_message(const struct vac_err *err, const char *path, const char *rest)
{
    assert_memory_equal(err->msg, path, strlen(path));
    assert_string_equal(err->msg + strlen(path), rest);
}

static void refused_bytes(const char *text, size_t n, const char *rest)
{
    struct vac_err err = {0};
    struct rows r;
    const char *path = in_folder("rows.json");

    support_write(path, text, n);
    assert_int_equal(rows_read(&r, path, NULL, NULL, &err), -1);
    assert_null(r.row);
    assert_message(&err, path, rest);
}

static void refused(const char *text, const char *rest)
{
    refused_bytes(text, strlen(text), rest);
}

static void assert_turn(const struct turn *t, enum role role, const char *text, bool train)
{
    assert_int_equal(t->role, role);
    assert_string_equal(t->text, text);
    assert_int_equal(t->train, train);
}

/* --- formats --- */

static void test_format_list(void **state)
{
    static const char *const names[] = {"tokens", "messages",    "sharegpt",   "prompt",
                                        "alpaca", "beavertails", "completion", "text"};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(format_at(i)->name, names[i]);
        assert_non_null(format_at(i)->help);
        assert_non_null(format_at(i)->keys[0]);
    }
    assert_null(format_at(8));
}

static void test_alpaca(void **state)
{
    struct rows r;

    (void)state;
    load(
        &r,
        "[{\"instruction\":\"I\",\"input\":\"in\",\"output\":\"O\",\"id\":\"x7\"},\n"
        " {\"instruction\":\"I\",\"input\":\"\",\"output\":\"O\",\"id\":12},"
        "{\"system\":\"S\",\"history\":[[\"q\",\"a\"]],\"instruction\":\"I\",\"response\":\"R\"}]");
    assert_string_equal(r.format->name, "alpaca");
    assert_int_equal(r.n, 3);
    assert_string_equal(r.row[0].turn[0].input, "in");
    assert_string_equal(r.row[0].id, "x7");
    assert_int_equal(r.row[0].is_safe, -1);
    assert_null(r.row[0].json);
    assert_null(r.row[1].turn[0].input);
    assert_string_equal(r.row[1].id, "12");
    assert_int_equal(r.row[1].line, 2);
    assert_int_equal(r.row[2].line, 3);
    assert_int_equal(r.row[2].n_turn, 5);
    assert_turn(&r.row[2].turn[0], ROLE_SYSTEM, "S", false);
    assert_turn(&r.row[2].turn[1], ROLE_USER, "q", false);
    assert_turn(&r.row[2].turn[2], ROLE_ASSISTANT, "a", false);
    assert_turn(&r.row[2].turn[3], ROLE_USER, "I", false);
    assert_turn(&r.row[2].turn[4], ROLE_ASSISTANT, "R", true);
    rows_done(&r);
}

static void test_messages(void **state)
{
    struct rows r;

    (void)state;
    load(&r,
         "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":"
         "\"q\"},{\"role\":\"assistant\",\"content\":\"a\",\"train\":false},{\"role\":\"user\","
         "\"content\":\"r\",\"weight\":1},{\"role\":\"assistant\",\"content\":\"b\",\"weight\":1},"
         "{\"role\":\"user\",\"content\":\"s\"},{\"role\":\"assistant\",\"content\":\"c\","
         "\"weight\":0}]}\n{\"messages\":[{\"role\":\"user\",\"content\":\"only\"}]}");
    assert_string_equal(r.format->name, "messages");
    assert_int_equal(r.row[0].n_turn, 7);
    assert_turn(&r.row[0].turn[0], ROLE_SYSTEM, "S", false);
    assert_turn(&r.row[0].turn[2], ROLE_ASSISTANT, "a", false);
    assert_turn(&r.row[0].turn[3], ROLE_USER, "r", false);
    assert_turn(&r.row[0].turn[4], ROLE_ASSISTANT, "b", true);
    assert_turn(&r.row[0].turn[6], ROLE_ASSISTANT, "c", false);
    assert_turn(&r.row[1].turn[0], ROLE_USER, "only", false);
    rows_done(&r);
#define TURN(role, more) "{\"role\":\"" role "\",\"content\":\"x\"" more "}"
#define LIST(turns) "{\"messages\":[" turns "]}"
    refused(LIST(TURN("user", "") "," TURN("tool", "")),
            ":1: messages[1].role: role \"tool\" is not supported: one of system, user, assistant");
    refused(LIST(TURN("user", "") "," TURN("user", "")),
            ":1: messages[1]: roles must take turns: an optional system turn first, then user and "
            "assistant, beginning with the user");
    refused(LIST(TURN("assistant", "")),
            ":1: messages[0]: roles must take turns: an optional system turn first, then user and "
            "assistant, beginning with the user");
    refused(LIST(TURN("user", ",\"train\":true")),
            ":1: messages[0]: only an assistant's turn can be trained");
    refused(LIST(TURN("user", "") "," TURN("assistant", ",\"weight\":2")),
            ":1: messages[1].weight: expected a whole number from 0 to 1, found 2");
    refused(LIST(TURN("system", "")), ":1: messages: holds no user turn");
    refused(LIST(""), ":1: messages: holds no user turn");
    refused(LIST("7"), ":1: messages[0]: expected an object with \"role\" and \"content\"");
    refused(LIST("{\"role\":\"user\",\"content\":null}"),
            ":1: messages[0].content: expected text in quotes, found null");
}

static void test_sharegpt(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "[{\"system\":\"S\",\"conversations\":[{\"from\":\"human\",\"value\":\"q\"},"
             "{\"from\":\"gpt\",\"value\":\"a\"}]},{\"conversations\":[{\"from\":\"system\","
             "\"value\":\"T\"},{\"from\":\"user\",\"value\":\"q\"},{\"from\":\"assistant\","
             "\"value\":\"b\"}],\"system\":\"\"}]");
    assert_string_equal(r.format->name, "sharegpt");
    assert_int_equal(r.row[0].n_turn, 3);
    assert_turn(&r.row[0].turn[0], ROLE_SYSTEM, "S", false);
    assert_turn(&r.row[0].turn[2], ROLE_ASSISTANT, "a", true);
    assert_int_equal(r.row[1].n_turn, 3);
    assert_turn(&r.row[1].turn[0], ROLE_SYSTEM, "T", false);
    rows_done(&r);
}

static void test_pairs_and_text(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":false,\"category\":{\"theft\":true,"
             "\"x\":false,\"fraud\":true}}\n{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":true,"
             "\"category\":{\"x\":false}}\n{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":true}");
    assert_string_equal(r.format->name, "beavertails");
    assert_int_equal(r.row[0].is_safe, 0);
    assert_string_equal(r.row[0].category, "theft,fraud");
    assert_int_equal(r.row[1].is_safe, 1);
    assert_null(r.row[1].category);
    assert_null(r.row[2].category);
    assert_turn(&r.row[0].turn[1], ROLE_ASSISTANT, "r", true);
    rows_done(&r);
    load(&r, "{\"prompt\":\"p\",\"response\":\"r\"}\n{\"prompt\":\"p\",\"completion\":\"c\"}");
    assert_string_equal(r.format->name, "completion");
    assert_turn(&r.row[0].turn[0], ROLE_USER, "p", false);
    assert_turn(&r.row[1].turn[1], ROLE_ASSISTANT, "c", true);
    rows_done(&r);
    load(&r, "{\"text\":\"tale\"}");
    assert_string_equal(r.format->name, "text");
    assert_int_equal(r.row[0].n_turn, 1);
    assert_turn(&r.row[0].turn[0], ROLE_ASSISTANT, "tale", true);
    rows_done(&r);
}

static void test_tokens(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "{\"input_ids\":[5,0,7],\"labels\":[-100,0,7]}\n{\"input_ids\":[1,2]}");
    assert_string_equal(r.format->name, "tokens");
    assert_int_equal(r.row[0].n_ids, 3);
    assert_int_equal(r.row[0].ids[2], 7);
    assert_int_equal(r.row[0].labels[0], -100);
    assert_int_equal(r.row[1].labels[1], 2);
    rows_done(&r);
}

/* --- files --- */

static void test_file_shapes(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "\xef\xbb\xbf\r\n{\"text\":\"a\"}\r\n\r\n  \t\n {\"text\":\"b\"} "
             "\r\n{\"text\":\"]}\\\"\"}");
    assert_int_equal(r.n, 3);
    assert_int_equal(r.row[0].line, 2);
    assert_int_equal(r.row[1].line, 5);
    assert_string_equal(r.row[2].turn[0].text, "]}\"");
    rows_done(&r);
    load(&r,
         "\xef\xbb\xbf \n[ {\"text\":\"[,\\\\\"} ,\n{\"text\":\"\\u00e9]\",\"x\":[{}, [1]]}\n] \n");
    assert_int_equal(r.n, 2);
    assert_string_equal(r.row[0].turn[0].text, "[,\\");
    assert_string_equal(r.row[1].turn[0].text, "\xc3\xa9]");
    assert_int_equal(r.row[1].line, 2);
    rows_done(&r);
}

/* Columns are those of the file, whether the row stands at the beginning of its line or not. */
static void test_file_columns(void **state)
{
    (void)state;
    refused_bytes("{\"text\":\"a\0\"}", 13,
                  ":1:11: a control character inside a string: write it as \\n, \\t or \\uXXXX");
}

/* Data sets that were put together write null in the columns of the other ones. */
static void test_null_columns(void **state)
{
    static const struct {
        const char *text, *format, *answer;
    } rows[] = {
        {"{\"messages\":null,\"instruction\":\"a\",\"output\":\"c\"}", "alpaca", "c"},
        {"{\"input_ids\":null,\"text\":\"c\"}", "text", "c"},
        {"{\"conversations\":null,\"prompt\":\"a\",\"completion\":\"c\"}", "completion", "c"},
        {"{\"instruction\":\"a\",\"output\":null,\"response\":\"c\"}", "alpaca", "c"},
        {"{\"instruction\":\"a\",\"output\":\"\",\"response\":\"c\"}", "alpaca", "c"},
        {"{\"prompt\":\"a\",\"completion\":null,\"response\":\"c\"}", "completion", "c"},
        {"{\"prompt\":\"a\",\"is_safe\":null,\"response\":\"c\"}", "completion", "c"},
        {"{\"prompt\":\"a\",\"response\":null}", "prompt", "a"},
        {"{\"prompt\":null,\"instruction\":\"a\"}", "prompt", "a"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":null},{\"role\":"
         "\"assistant\",\"content\":\"c\",\"weight\":null}],\"tools\":null}",
         "messages", "c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rows r;

        load(&r, rows[i].text);
        assert_string_equal(r.format->name, rows[i].format);
        assert_string_equal(r.row[0].turn[r.row[0].n_turn - 1].text, rows[i].answer);
        rows_done(&r);
    }
}

/* What stands beside a question belongs to it, in every format. */
static void test_context_and_system(void **state)
{
    static const char *const rows[] = {
        "{\"instruction\":\"q\",\"context\":\"c\",\"response\":\"r\",\"system\":\"s\"}",
        ("{\"instruction\":\"q\",\"input\":\"c\",\"context\":\"\",\"output\":\"r\","
         "\"system\":\"s\"}"),
        "{\"prompt\":\"q\",\"context\":\"c\",\"completion\":\"r\",\"system_prompt\":\"s\"}",
        "{\"prompt\":\"q\",\"input\":\"c\",\"response\":\"r\",\"system\":\"s\",\"is_safe\":true}",
        "{\"prompt\":\"q\",\"input\":\"c\",\"system\":\"s\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rows r;

        load(&r, rows[i]);
        assert_int_equal(r.row[0].n_turn, i == 4 ? 2 : 3);
        assert_turn(&r.row[0].turn[0], ROLE_SYSTEM, "s", false);
        assert_turn(&r.row[0].turn[1], ROLE_USER, "q", false);
        assert_string_equal(r.row[0].turn[1].input, "c");
        rows_done(&r);
    }
}

/* No text is left out without a word; notes about a row, numbers and copies are no text of it. */
static void test_unread_keys(void **state)
{
    static const char *const fine[] = {
        "{\"instruction\":\"q\",\"output\":\"r\",\"id\":\"7\",\"source\":\"x\",\"category\":\"c\","
        "\"score\":0.5,\"Topic\":\"t\",\"annotator_id\":\"a\",\"_raw\":\"left out\",\"more\":3,"
        "\"flags\":[1,2],\"nothing\":\" \"}",
        "{\"instruction\":\"q\",\"input\":\"i\",\"output\":\"r\",\"text\":\"### q ### i ### r\","
        "\"prompt\":\"### q ### i\"}",
        "{\"prompt\":\"q\",\"prompt_id\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
        "{\"role\":\"assistant\",\"content\":\"r\"}],\"chosen\":[{\"role\":\"user\",\"content\":"
        "\"q\"},{\"role\":\"assistant\",\"content\":\"r\"}]}",
        "{\"text\":\"tale\",\"meta\":{\"set\":\"books\"},\"title\":\"T\",\"url\":\"u\"}",
        "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}",
    };
#define LOST ": is not read here, and its text would be lost: remove it, or call it \"_"
#define LEFT "\" to leave it out"
    struct rows r;

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        load(&r, fine[i]);
        rows_done(&r);
    }
    refused("{\"text\":\"tale\",\"summary\":\"s\"}", ":1: summary" LOST "summary" LEFT);
    refused("[{\"prompt\":\"q\",\"response\":\"r\"},\n{\"prompt\":\"q\",\"response\":\"r\","
            "\"passage\":\"p\"}]",
            ":2: row 2: passage" LOST "passage" LEFT);
    refused("{\"instruction\":\"q\",\"output\":\"r\",\"text\":\"other\"}",
            ":1: text" LOST "text" LEFT);
    refused("{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","
            "\"content\":\"r\",\"reasoning_content\":\"so\"}]}",
            ":1: messages[1].reasoning_content" LOST "reasoning_content" LEFT);
    refused(
        "{\"conversations\":[{\"from\":\"human\",\"value\":\"q\"}],\"tools\":[{\"name\":\"f\"}]}",
        ":1: tools" LOST "tools" LEFT);
}

/* Rows inside an object, over several lines, and files that are something else. */
static void test_shapes(void **state)
{
    static const char *const fine[] = {
        "{\"version\":\"1.0\",\"data\":[{\"text\":\"a\"},{\"text\":\"b\"}]}",
        ("{\n \"license\": {\"name\": \"x\"},\n \"train\": [\n  {\"text\": \"a\"},\n  {\"text\": "
         "\"b\"}\n ],\n"
         " \"n\": 2\n}\n"),
        "{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\"\n}\n",
        "\xef\xbb\xbf{\"rows\":[{\"text\":\"a\"} , {\"text\":\"b\"} ] }",
    };
    struct rows r;

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        load(&r, fine[i]);
        assert_int_equal(r.n, 2);
        assert_string_equal(r.row[0].turn[0].text, "a");
        assert_string_equal(r.row[1].turn[0].text, "b");
        rows_done(&r);
    }
    load(&r, "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}");
    assert_string_equal(r.format->name, "messages");
    rows_done(&r);
}

/* A table whose first line names the keys of a format holds its rows. */
static void test_tables(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "\xef\xbb\xbfPrompt,Completion,id\r\n\"a, \"\"b\"\"\nc\",d,7\r\n\r\ne,,8");
    assert_string_equal(r.format->name, "completion");
    assert_int_equal(r.n, 2);
    assert_string_equal(r.row[0].turn[0].text, "a, \"b\"\nc");
    assert_string_equal(r.row[0].turn[1].text, "d");
    assert_string_equal(r.row[0].id, "7");
    assert_int_equal(r.row[0].line, 2);
    assert_string_equal(r.row[1].turn[1].text, "");
    assert_int_equal(r.row[1].line, 5);
    rows_done(&r);
    load(&r, "instruction\tinput\toutput\na\tb \"c\" d\te\n");
    assert_string_equal(r.format->name, "alpaca");
    assert_string_equal(r.row[0].turn[0].input, "b \"c\" d");
    rows_done(&r);
}

static void test_attention_mask(void **state)
{
    struct rows r;

    (void)state;
    load(&r, "{\"input_ids\":[0,0,5,6,7,0],\"attention_mask\":[0,0,1,1,1,0],\"labels\":"
             "[-100,-100,-100,6,7,-100],\"position_ids\":[1,1,0,1,2,1],\"token_type_ids\":"
             "[0,0,0,0,0,0],\"special_tokens_mask\":[1,1,0,0,0,1],\"_loss_mask\":[1,1,1,1,1,1],"
             "\"tags\":[\"a\"],\"length\":6}\n"
             "{\"input_ids\":[0,5,6],\"attention_mask\":[0,1,1]}");
    assert_int_equal(r.row[0].n_ids, 3);
    assert_int_equal(r.row[0].ids[0], 5);
    assert_int_equal(r.row[0].labels[0], -100);
    assert_int_equal(r.row[0].labels[2], 7);
    assert_int_equal(r.row[1].n_ids, 2);
    assert_int_equal(r.row[1].labels[0], 5);
    rows_done(&r);
}

static int count_visits(void *ctx, const struct row *row, size_t index, struct vac_err *err)
{
    size_t *seen = ctx;
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(row->json, "label");

    assert_int_equal(index, *seen);
    assert_int_equal((size_t)label->valuedouble, index + 10);
    if (++*seen == 3)
        return err_set(err, VAC_ERR_STOPPED, "enough");
    return 0;
}

static void test_visit(void **state)
{
    struct vac_err err = {0};
    size_t seen = 0;
    struct rows r;
    const char *path =
        file("visit.jsonl", "{\"text\":\"a\",\"label\":10}\n{\"text\":\"a\",\"label\":11}");

    (void)state;
    assert_ok(rows_read(&r, path, count_visits, &seen, &err), &err);
    assert_int_equal(seen, 2);
    rows_done(&r);
    seen = 0;
    path = file("visit.jsonl", "{\"text\":\"a\",\"label\":10}\n{\"text\":\"a\",\"label\":11}\n"
                               "{\"text\":\"a\",\"label\":12}\n{\"text\":\"a\",\"label\":13}");
    assert_int_equal(rows_read(&r, path, count_visits, &seen, &err), -1);
    assert_string_equal(err.msg, "enough");
    assert_int_equal(seen, 3);
    err_clear(&err);
    assert_int_equal(rows_read(&r, in_folder("none.jsonl"), NULL, NULL, &err), -1);
    assert_error(&err, "none.jsonl");
}

/* Every beginning of a good file is either read or refused: nothing else happens to it. */
static void test_truncations(void **state)
{
    static const char text[] =
        "[{\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\xa9\\u00e9\"},{\"role\":"
        "\"assistant\","
        "\"content\":\"b\",\"weight\":1}],\"id\":1},{\"messages\":[{\"role\":\"user\",\"content\":"
        "\"[\"}]}]";
    const char *path = in_folder("cut.json");

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct vac_err err = {0};
        struct rows r;
        int rc;

        support_write(path, text, n);
        rc = rows_read(&r, path, NULL, NULL, &err);
        assert_int_equal(rc, n == sizeof text - 1 ? 0 : -1);
        if (rc)
            assert_error(&err, path);
        rows_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_list),    cmocka_unit_test(test_alpaca),
        cmocka_unit_test(test_null_columns),   cmocka_unit_test(test_context_and_system),
        cmocka_unit_test(test_unread_keys),    cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_attention_mask), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sharegpt),       cmocka_unit_test(test_pairs_and_text),
        cmocka_unit_test(test_tokens),         cmocka_unit_test(test_file_shapes),
        cmocka_unit_test(test_file_columns),   cmocka_unit_test(test_tables),
        cmocka_unit_test(test_visit),          cmocka_unit_test(test_truncations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
