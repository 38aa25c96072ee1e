/* test_hub.c - finding a model in a cache laid out as huggingface_hub does it, and
 * generation_config.json. */
#include "support.h"
#include <unistd.h>
#include "weights/hub.h"

#define COMMIT1 "0123456789abcdef0123456789abcdef01234567"
#define COMMIT2 "01234fff89abcdef0123456789abcdef01234567"

static char root[512];

static void put(const char *rel, const char *text)
{
    struct vac_err err = {0};
    char path[1024], dir[1024];

    snprintf(path, sizeof path, "%s/%s", root, rel);
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = 0;
    assert_ok(dirs_make(dir, &err), &err);
    support_write_text(path, text);
}

static void set(const char *variable, const char *rel)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", root, rel);
    assert_int_equal(setenv(variable, path, 1), 0);
}

/* Two caches: under HOME a model with two snapshots and refs, under HF_HOME another model. */
static int make_caches(void **state)
{
#define HOME_HUB "home/.cache/huggingface/hub/"
    (void)state;
    snprintf(root, sizeof root, "%s", support_tmp());
    put(HOME_HUB "models--acme--toy-1.5/refs/main", COMMIT1 "\n");
    put(HOME_HUB "models--acme--toy-1.5/refs/v2", COMMIT2);
    put(HOME_HUB "models--acme--toy-1.5/refs/refs/pr/1", COMMIT2);
    put(HOME_HUB "models--acme--toy-1.5/refs/broken", "../../../etc");
    put(HOME_HUB "models--acme--toy-1.5/refs/gone", "ffffffffffffffffffffffffffffffffffffffff");
    put(HOME_HUB "models--acme--toy-1.5/snapshots/" COMMIT1 "/config.json", "{}");
    put(HOME_HUB "models--acme--toy-1.5/snapshots/" COMMIT2 "/config.json", "{}");
    put(HOME_HUB "models--plain/refs/main", COMMIT1);
    put(HOME_HUB "models--plain/snapshots/" COMMIT1 "/config.json", "{}");
    put("hf/hub/models--acme--toy-1.5/refs/main", COMMIT2);
    put("hf/hub/models--acme--toy-1.5/snapshots/" COMMIT2 "/config.json", "{}");
    put("hf/hub/models--acme--toy-1.5/refs/v2", COMMIT1); /* without its snapshot */
    put("xdg/huggingface/hub/models--only--xdg/refs/main", COMMIT1);
    put("xdg/huggingface/hub/models--only--xdg/snapshots/" COMMIT1 "/config.json", "{}");
    put("direct/models--only--direct/refs/main", COMMIT2);
    put("direct/models--only--direct/snapshots/" COMMIT2 "/config.json", "{}");
    put("folder/config.json", "{}");
    return 0;
}

static int only_home(void **state)
{
    (void)state;
    unsetenv("HF_HUB_CACHE");
    unsetenv("HF_HOME");
    unsetenv("XDG_CACHE_HOME");
    set("HOME", "home");
    return 0;
}

static void found(const char *model, const char *rel)
{
    struct vac_err err = {0};
    char want[1024];
    char *got = hub_find(model, &err);

    if (!got)
        fail_msg("%s: %s", model, err.msg);
    snprintf(want, sizeof want, "%s/%s", root, rel);
    assert_string_equal(got, want);
    free(got);
}

static void refused(const char *model, const char *text)
{
    struct vac_err err = {0};

    assert_null(hub_find(model, &err));
    assert_error(&err, text);
}

static void test_folder(void **state)
{
    char path[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/folder", root);
    found(path, "folder");
    snprintf(path, sizeof path, "%s/folder/config.json", root);
    refused(path, "is a file: a model is the whole folder, ");
}

/* A folder of that name in the current directory wins over the cache. */
static void test_folder_wins(void **state)
{
    struct vac_err err = {0};
    char here[1024];
    char *got;

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    put("cwd/acme/toy-1.5/config.json", "{}");
    assert_int_equal(chdir(root) || chdir("cwd"), 0);
    got = hub_find("acme/toy-1.5", &err);
    assert_int_equal(chdir(here), 0);
    assert_non_null(got);
    assert_string_equal(got, "acme/toy-1.5");
    free(got);
}

static void test_revisions(void **state)
{
    static const struct {
        const char *model, *commit;
    } cases[] = {
        {"acme/toy-1.5", COMMIT1},          {"acme/toy-1.5@main", COMMIT1},
        {"acme/toy-1.5@v2", COMMIT2},       {"acme/toy-1.5@refs/pr/1", COMMIT2},
        {"acme/toy-1.5@" COMMIT2, COMMIT2}, {"acme/toy-1.5@01234f", COMMIT2},
        {"acme/toy-1.5@012345", COMMIT1},
    };
    char rel[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(rel, sizeof rel, HOME_HUB "models--acme--toy-1.5/snapshots/%s", cases[i].commit);
        found(cases[i].model, rel);
    }
    found("plain", HOME_HUB "models--plain/snapshots/" COMMIT1);
}

static void test_revisions_bad(void **state)
{
    (void)state;
    refused("acme/toy-1.5@01234", "revision \"01234\" fits 2 snapshots: give more digits");
    refused("acme/toy-1.5@012", "(without revision 012)");
    refused("acme/toy-1.5@v3", "(without revision v3)");
    refused("acme/toy-1.5@gone", "(without revision gone)");
    refused("acme/toy-1.5@broken", "refs/broken: expected a commit (hexadecimal digits)");
    refused("acme/toy-1.5@", "the revision after \"@\" must be a branch, tag or commit");
    refused("acme/toy-1.5@../main", "the revision after \"@\"");
    refused("acme/toy-1.5@refs//pr", "the revision after \"@\"");
    refused("acme/toy-1.5@/etc", "the revision after \"@\"");
}

/* Names that are none, and names that would lead out of the cache. */
static void test_names_bad(void **state)
{
    static const char *const names[] = {
        "",     "/no/such/folder", "./missing", "../missing", "a/b/c",
        "a/..", "../../none",      "a/.hidden", "a//b",       "a/",
        "/b",   "a/b--c",          "a/b..c",    "a b",        "a/b\n",
        "-a/b", "a\\b/c",          "~/model",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refused(names[i], "no such folder, and not a name like \"owner/name\"");
}

static void test_order_of_caches(void **state)
{
    (void)state;
    set("HF_HOME", "hf");
    found("acme/toy-1.5", "hf/hub/models--acme--toy-1.5/snapshots/" COMMIT2);
    /* Where the first cache lacks the revision, the next one is asked. */
    found("acme/toy-1.5@v2", HOME_HUB "models--acme--toy-1.5/snapshots/" COMMIT2);
    found("plain", HOME_HUB "models--plain/snapshots/" COMMIT1);
    refused("only/xdg", "not in the cache");
    set("XDG_CACHE_HOME", "xdg");
    found("only/xdg", "xdg/huggingface/hub/models--only--xdg/snapshots/" COMMIT1);
    set("HF_HUB_CACHE", "direct");
    found("only/direct", "direct/models--only--direct/snapshots/" COMMIT2);
    setenv("HF_HUB_CACHE", "", 1);
    refused("only/direct", "not in the cache");
    setenv("XDG_CACHE_HOME", "xdg", 1); /* relative: to be ignored */
    refused("only/xdg", "not in the cache");
}

static void test_error_lists(void **state)
{
    (void)state;
    set("HF_HOME", "hf");
    refused("no/where", "model \"no/where\" (revision main): no such folder");
    refused("no/where", "hf/hub/models--no--where, ");
    refused("no/where", "home/.cache/huggingface/hub/models--no--where");
    unsetenv("HF_HOME");
    unsetenv("HOME");
    refused("no/where", "no cache to look in: set HOME or HF_HOME");
}

/* ---- generation_config.json ---- */

static int read_config(const char *text, struct gen_config *g, struct vac_err *err)
{
    char dir[1024];

    put("gen/generation_config.json", text);
    snprintf(dir, sizeof dir, "%s/gen", root);
    return gen_config_read(dir, g, err);
}

static void test_config(void **state)
{
    struct gen_config g;
    struct vac_err err = {0};

    (void)state;
    assert_ok(gen_config_read(root, &g, &err), &err);
    assert_true(g.n_eos == 0 && g.temperature == 1 && g.top_p == 1);
    assert_ok(read_config("{\"eos_token_id\":2,\"do_sample\":true}", &g, &err), &err);
    assert_true(g.n_eos == 1 && g.eos[0] == 2 && g.temperature == 1 && g.top_p == 1);
    assert_ok(read_config("{\"eos_token_id\":[128001,0,2147483647],\"temperature\":0.6,"
                          "\"top_p\":0.9}",
                          &g, &err),
              &err);
    assert_true(g.n_eos == 3 && g.eos[0] == 128001 && g.eos[1] == 0 && g.eos[2] == INT32_MAX);
    assert_true(g.temperature == 0.6 && g.top_p == 0.9);
    assert_ok(read_config("{\"eos_token_id\":null,\"temperature\":null}", &g, &err), &err);
    assert_true(g.n_eos == 0 && g.temperature == 1);
    assert_ok(read_config("{\"eos_token_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}", &g, &err),
              &err);
    assert_true(g.n_eos == GEN_MAX_EOS && g.eos[15] == 16);
}

static void test_config_bad(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "empty"},
        {"[]", "expected an object"},
        {"{\"eos_token_id\":\"2\"}",
         "eos_token_id: expected a token id (0 to 2147483647) or a list"},
        {"{\"eos_token_id\":-1}", "eos_token_id: expected a token id"},
        {"{\"eos_token_id\":1.5}", "eos_token_id: expected a token id"},
        {"{\"eos_token_id\":2147483648}", "eos_token_id: expected a token id"},
        {"{\"eos_token_id\":[1,[2]]}", "eos_token_id[1]: expected a token id"},
        {"{\"eos_token_id\":{\"a\":1}}", "eos_token_id: expected a token id"},
        {"{\"eos_token_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
         "eos_token_id[16]: more than 16 token ids"},
        {"{\"temperature\":\"hot\"}", "temperature: expected a number, found \"hot\""},
        {"{\"temperature\":-0.1}", "temperature: expected a number from 0 to 1000"},
        {"{\"top_p\":1.5}", "top_p: expected a number from 0 to 1, found 1.5"},
        {"{\"top_p\":true}", "top_p: expected a number, found true"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gen_config g = {.n_eos = 7};
        struct vac_err err = {0};
        assert_int_equal(read_config(cases[i].json, &g, &err), -1);
        assert_error(&err, cases[i].text);
        assert_error(&err, "gen/generation_config.json");
        assert_int_equal(g.n_eos, 7); /* untouched */
    }
}

static void test_name_of(void **state)
{
    static const struct {
        const char *dir, *name, *commit;
    } cases[] = {
        {"/home/me/.cache/huggingface/hub/models--acme--toy-1.5/snapshots/" COMMIT1, "acme/toy-1.5",
         COMMIT1},
        {"/x/snapshots/models--acme--a-b/snapshots/" COMMIT2 "/", "acme/a-b", COMMIT2},
        {"models--gpt2/snapshots/abc", "gpt2", "abc"},
        {"/home/me/models/toy", NULL, NULL},
        {"/home/me/models--acme--toy/snapshots/abc/more", NULL, NULL},
        {"/home/me/models--acme--toy/snapshots/", NULL, NULL},
        {"/home/me/toy/snapshots/abc", NULL, NULL},
        {"models--/snapshots/abc", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_err err = {0};
        char *name, *commit;
        assert_int_equal(hub_name_of(cases[i].dir, &name, &commit, &err), cases[i].name ? 0 : 1);
        if (cases[i].name) {
            assert_string_equal(name, cases[i].name);
            assert_string_equal(commit, cases[i].commit);
        }
        free(name);
        free(commit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_folder, only_home),
        cmocka_unit_test_setup(test_folder_wins, only_home),
        cmocka_unit_test_setup(test_revisions, only_home),
        cmocka_unit_test_setup(test_revisions_bad, only_home),
        cmocka_unit_test_setup(test_names_bad, only_home),
        cmocka_unit_test_setup(test_order_of_caches, only_home),
        cmocka_unit_test_setup(test_error_lists, only_home),
        cmocka_unit_test(test_name_of),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_config_bad),
    };

    return cmocka_run_group_tests(tests, make_caches, NULL);
}
