/* test_tokenizer_files.c - the tokenizer's files: their neighbours, hostile and damaged ones, and
 * real ones against what Hugging Face's tokenizers recorded for them. */
#include "tokenizer_support.h"
#include "base/io.h"
#include "base/json.h"
#include "token/tok_stream.h"

/* ---- tokenizer_config.json ---- */

static struct tokenizer *open_with(const struct parts *parts, const char *config, const char *jinja,
                                   struct vac_err *err)
{
    char path[1200];
    const char *dir = support_tmp();
    char *json = fixture(parts);
    struct tokenizer *t;

    snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
    support_write_text(path, json);
    snprintf(path, sizeof(path), "%s/tokenizer_config.json", dir);
    support_write_text(path, quoted(config));
    snprintf(path, sizeof(path), "%s/chat_template.jinja", dir);
    if (jinja)
        support_write_text(path, jinja);
    t = tokenizer_open(dir, err);
    free(json);
    return t;
}

static struct tokenizer *open_folder(const char *config, const char *jinja, struct vac_err *err)
{
    return open_with(&(struct parts){.model = SMALL}, config, jinja, err);
}

static void test_roles(void **state)
{
    struct vac_err err = {0};
    struct tokenizer *t = open_folder(
        "{'bos_token':null,'eos_token':{'content':'c'},'pad_token':'b','chat_template':'{{ a }}'}",
        NULL, &err);

    (void)state;
    assert_non_null(t);
    assert_int_equal(tokenizer_roles(t).bos, -1);
    assert_int_equal(tokenizer_roles(t).eos, 2);
    assert_int_equal(tokenizer_roles(t).pad, 1);
    assert_int_equal(tokenizer_roles(t).unk, -1);
    assert_string_equal(tokenizer_chat_template(t), "{{ a }}");
    tokenizer_free(t);
    t = open_folder(
        "{'chat_template':[{'name':'tool','template':'no'},{'name':'default','template':'yes'}]}",
        NULL, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_roles(t).eos, 4);
    assert_string_equal(tokenizer_chat_template(t), "yes");
    tokenizer_free(t);
    t = open_folder("{'chat_template':'no'}", "file", &err);
    assert_non_null(t);
    assert_string_equal(tokenizer_chat_template(t), "file");
    tokenizer_free(t);
    assert_null(open_folder("{'eos_token':'nope'}", NULL, &err));
    assert_error(&err, "tokenizer_config.json: eos_token: \"nope\"");
    err_clear(&err);
    assert_null(open_folder("{'bos_token':5}", NULL, &err));
    assert_error(&err, "bos_token");
    err_clear(&err);
    assert_null(open_folder("[]", NULL, &err));
    assert_error(&err, "tokenizer_config.json");
}

/* What Transformers 5 gave for configs beside a small tokenizer.json (tests/tokenizer/config.py).
 */
static void test_config_recorded(void **state)
{
    struct vac_err err = {0};
    const char *dir = strdup(support_tmp());
    char path[1200], *text, *save;
    size_t n, lines = 0;

    (void)state;
    text = file_read(support_path("tokenizer/tokenizer.json"), 1 << 20, &n, &err);
    assert_non_null(text);
    snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
    support_write_text(path, text);
    free(text);
    text = file_read(support_path("tokenizer/config.jsonl"), 1 << 20, &n, &err);
    assert_non_null(text);
    snprintf(path, sizeof(path), "%s/tokenizer_config.json", dir);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        cJSON *row = cJSON_Parse(line);
        char *config = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, "config"));
        const char *in = cJSON_GetObjectItem(row, "text")->valuestring;
        const cJSON *want = cJSON_GetObjectItem(row, "ids");
        struct tokenizer *t;
        struct ids ids = {0};
        bool same;

        support_write_text(path, config);
        t = tokenizer_open(dir, &err);
        if (!t)
            fail_msg("%s: %s", config, err.msg);
        assert_ok(tokenizer_encode(t, in, strlen(in), true, &ids, &err), &err);
        same = ids.n == (size_t)cJSON_GetArraySize(want);
        for (size_t i = 0; same && i < ids.n; i++)
            same = ids.v[i] == cJSON_GetArrayItem(want, (int)i)->valueint;
        if (!same)
            fail_msg("%s: \"%s\" gives other ids", config, in);
        lines++;
        ids_done(&ids);
        tokenizer_free(t);
        free(config);
        cJSON_Delete(row);
    }
    assert_int_equal(lines, 56);
    free(text);
    free((char *)dir);
}

/* Added tokens that are found in normalized text, and read as what they are there
 * (tokenizer/normalized.jsonl, made by normalized.py). */
static void test_normalized_tokens(void **state)
{
    struct vac_err err = {0};
    char *text, *save;
    size_t n, lines = 0;

    (void)state;
    text = file_read(support_path("tokenizer/normalized.jsonl"), 1 << 20, &n, &err);
    assert_non_null(text);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        cJSON *row = cJSON_Parse(line);
        char *json = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, "tokenizer"));
        const char *in = cJSON_GetObjectItem(row, "text")->valuestring;
        const cJSON *want = cJSON_GetObjectItem(row, "ids");
        struct tokenizer *t = open_text(json, &err);
        struct ids ids = {0};
        struct strbuf out = {0};

        if (!t)
            fail_msg("%s: %s", json, err.msg);
        assert_ok(tokenizer_encode(t, in, strlen(in), false, &ids, &err), &err);
        assert_int_equal(ids.n, cJSON_GetArraySize(want));
        for (size_t i = 0; i < ids.n; i++)
            assert_int_equal(ids.v[i], cJSON_GetArrayItem(want, (int)i)->valueint);
        assert_ok(tokenizer_decode(t, ids.v, ids.n, false, &out, &err), &err);
        sb_putc(&out, '\0');
        assert_string_equal(out.s, cJSON_GetObjectItem(row, "decoded")->valuestring);
        lines++;
        sb_done(&out);
        ids_done(&ids);
        tokenizer_free(t);
        free(json);
        cJSON_Delete(row);
    }
    assert_int_equal(lines, 20);
    free(text);
}

/* add_bos_token and add_eos_token decide where they stand, whatever the post-processor does. */
static void test_config_around(void **state)
{
    static const struct {
        const char *post, *config;
        int32_t ids[4];
        size_t n;
        bool add_bos, add_eos;
    } cases[] = {
        {NULL, "{'bos_token':'<s>','eos_token':'</s>'}", {0}, 1, false, false},
        {NULL,
         "{'bos_token':'<s>','eos_token':'</s>','add_bos_token':true}",
         {3, 0},
         2,
         true,
         false},
        {NULL,
         "{'bos_token':'<s>','eos_token':'</s>','add_bos_token':true,'add_eos_token':true}",
         {3, 0, 4},
         3,
         true,
         true},
        {NULL, "{'bos_token':null,'eos_token':'</s>','add_bos_token':true}", {0}, 1, false, false},
        {TEMPLATE, "{'bos_token':'<s>','eos_token':'</s>'}", {3, 0, 4, 0}, 4, true, true},
        {TEMPLATE,
         "{'bos_token':'<s>','eos_token':'</s>','add_bos_token':false}",
         {0, 4, 0},
         3,
         false,
         true},
        {TEMPLATE,
         "{'bos_token':'<s>','eos_token':'</s>','add_bos_token':false,'add_eos_token':false}",
         {0},
         1,
         false,
         false},
        {TEMPLATE,
         "{'bos_token':'<s>','eos_token':'</s>','add_bos_token':null}",
         {3, 0, 4, 0},
         4,
         true,
         true},
        {"{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true}",
         "{'bos_token':'<s>','eos_token':'c','add_eos_token':true}",
         {0, 2},
         2,
         false,
         true},
    };
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tokenizer *t = open_with(&(struct parts){.model = SMALL, .post = cases[i].post},
                                        cases[i].config, NULL, &err);

        if (!t)
            fail_msg("%s: %s", cases[i].config, err.msg);
        check_ids(t, "a", true, cases[i].ids, cases[i].n);
        assert_int_equal(tokenizer_roles(t).add_bos, cases[i].add_bos);
        assert_int_equal(tokenizer_roles(t).add_eos, cases[i].add_eos);
        tokenizer_free(t);
    }
    assert_null(open_folder("{'add_bos_token':1}", NULL, &err));
    assert_error(&err, "tokenizer_config.json: add_bos_token");
    err_clear(&err);
    assert_null(open_folder("{'added_tokens_decoder':{'x':{'content':'a'}}}", NULL, &err));
    assert_error(&err, "added_tokens_decoder.x: expected a token id");
}

/* A class that sets its tokenizer up by add_prefix_space does so; the general one does not. */
static void test_config_prefix(void **state)
{
    struct parts parts = {.model = LLAMA_MODEL, .decoder = LLAMA_DECODER, .added = LLAMA_ADDED};
    struct vac_err err = {0};
    struct tokenizer *t;

    (void)state;
    parts.normalizer = "{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'" META
                       "'},{'type':'Replace','pattern':{'String':' '},'content':'" META "'}]}";
    t = open_with(&parts, "{'tokenizer_class':'LlamaTokenizerFast','add_prefix_space':false}", NULL,
                  &err);
    assert_non_null(t);
    CHECK_IDS(t, "b", false, 4);
    check_decoded(t, INTS(2, 4), true, " b");
    tokenizer_free(t);
    t = open_with(&parts, "{'tokenizer_class':'PreTrainedTokenizerFast','add_prefix_space':false}",
                  NULL, &err);
    assert_non_null(t);
    CHECK_IDS(t, "b", false, 2, 4);
    check_decoded(t, INTS(2, 4), true, "b");
    tokenizer_free(t);
}

/* Without added_tokens_decoder the older file names the roles. */
static void test_special_tokens_map(void **state)
{
    struct vac_err err = {0};
    char path[1200];
    char *json = fixture(&(struct parts){.model = SMALL});
    const char *dir = support_tmp();
    struct tokenizer *t;

    (void)state;
    snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
    support_write_text(path, json);
    free(json);
    snprintf(path, sizeof(path), "%s/special_tokens_map.json", dir);
    support_write_text(path, quoted("{'eos_token':{'content':'c','lstrip':false}}"));
    t = tokenizer_open(dir, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_roles(t).eos, 2);
    tokenizer_free(t);
    snprintf(path, sizeof(path), "%s/tokenizer_config.json", dir);
    support_write_text(path, quoted("{'eos_token':'b'}"));
    t = tokenizer_open(dir, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_roles(t).eos, 2);
    tokenizer_free(t);
    support_write_text(path, quoted("{'eos_token':'b','added_tokens_decoder':{}}"));
    t = tokenizer_open(dir, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_roles(t).eos, 1);
    tokenizer_free(t);
}

/* ---- Hostile files ---- */

struct bad_case {
    struct parts parts;
    const char *error;
};

#define BAD_ADDED(id, more) "[" SPECIAL_ADDED(id, "<X>") more "]"
#define V1 "'vocab':{'a':0,'b':1},"

static const struct bad_case bad_parts[] = {
    {{.model = "'merges':[]"}, "model: \"vocab\" is missing"},
    {{.model = "'vocab':[],'merges':[]"}, "model.vocab: expected an object"},
    {{.model = "'vocab':{'a':0}"}, "model: \"merges\" is missing"},
    {{.model = "'vocab':{'a':0,'b':0},'merges':[]"},
     "model.vocab.b: id 0 is already that of \"a\""},
    {{.model = "'vocab':{'a':0,'a':1},'merges':[]"}, "twice"},
    {{.model = "'vocab':{'a':-1},'merges':[]"}, "model.vocab.a: expected an id"},
    {{.model = "'vocab':{'a':0.5},'merges':[]"}, "model.vocab.a: expected an id"},
    {{.model = "'vocab':{'a':'0'},'merges':[]"}, "model.vocab.a: expected an id"},
    {{.model = "'vocab':{'a':2000000000},'merges':[]"}, "too large for a file of this size"},
    {{.model = "'vocab':{'a':4294967296},'merges':[]"}, "model.vocab.a: expected an id"},
    {{.model = "'vocab':{'a':1e300},'merges':[]"}, "model.vocab.a: expected an id"},
    {{.model = V1 "'merges':['a b']"}, "model.merges[0]: \"ab\" is not in the vocabulary"},
    {{.model = V1 "'merges':['a c']"}, "model.merges[0]: \"c\" is not in the vocabulary"},
    {{.model = V1 "'merges':['ab']"}, "model.merges[0]: expected two tokens"},
    {{.model = V1 "'merges':['a b c']"}, "model.merges[0]: expected two tokens"},
    {{.model = V1 "'merges':[['a']]"}, "model.merges[0]: expected two tokens"},
    {{.model = V1 "'merges':[['a','b','c']]"}, "model.merges[0]: expected two tokens"},
    {{.model = V1 "'merges':[7]"}, "model.merges[0]: expected two tokens"},
    {{.model = V1 "'merges':{}"}, "model.merges: expected a list"},
    {{.model = V1 "'merges':[],'dropout':0.1"}, "model.dropout: dropout is not supported"},
    {{.model = V1 "'merges':[],'fuse_unk':1"}, "model.fuse_unk"},
    {{.model = V1 "'merges':['a b'],'continuing_subword_prefix':'####'"}, "continuing prefix"},
    {{.normalizer = "{'type':'Precompiled'}"}, "normalizer: a normalizer of type \"Precompiled\""},
    {{.normalizer = "{'type':'Sequence','normalizers':[{'type':'NFC'},{'type':'Nmt'}]}"},
     "normalizer.normalizers[1]: a normalizer of type \"Nmt\""},
    {{.normalizer = "{'prepend':'x'}"}, "normalizer: \"type\" is missing"},
    {{.normalizer = "[]"}, "normalizer: expected an object"},
    {{.normalizer = "{'type':'Replace','pattern':{'Regex':'('},'content':''}"},
     "normalizer.pattern.Regex: not a regular expression"},
    {{.normalizer = "{'type':'Replace','pattern':'a','content':''}"}, "normalizer.pattern"},
    {{.pre = "{'type':'BertPreTokenizer'}"},
     "pre_tokenizer: a pre_tokenizer of type \"BertPreTokenizer\""},
    {{.pre = SPLIT(DASH, "Shuffled", "false")}, "pre_tokenizer.behavior"},
    {{.pre = SPLIT("'Regex':'[a&&b]'", "Removed", "false")}, "pre_tokenizer.pattern.Regex"},
    {{.pre = "{'type':'Metaspace','replacement':'ab'}"}, "exactly one character"},
    {{.pre = "{'type':'Metaspace','replacement':'_','prepend_scheme':'often'}"}, "prepend_scheme"},
    {{.pre = "{'type':'Metaspace','replacement':'_','add_prefix_space':false,'prepend_scheme':'"
             "first'}"},
     "contradicts"},
    {{.pre = "{'type':'Digits'}"}, "individual_digits"},
    {{.post = "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'Q','type_id':0}}],'"
              "special_tokens':{}}"},
     "post_processor.special_tokens: \"Q\" is missing"},
    {{.post = "{'type':'TemplateProcessing','single':[],'special_tokens':{}}"}, "\"A\" is missing"},
    {{.post = "{'type':'BertProcessing','cls':['x',99999],'sep':['y',0]}"}, "id 99999"},
    {{.post = "{'type':'BertProcessing','cls':['x',-5],'sep':['y',0]}"}, "post_processor.cls[1]"},
    {{.post = "{'type':'Sequence','processors':[" TEMPLATE "," TEMPLATE "]}"},
     "two post-processors"},
    {{.decoder = "{'type':'WordPiece','prefix':'##','cleanup':true}"},
     "decoder: a decoder of type \"WordPiece\""},
    {{.decoder = "{'type':'Strip','content':' ','start':-1,'stop':0}"}, "decoder.start"},
    {{.decoder = "{'type':'Sequence'}"}, "decoder: \"decoders\" is missing"},
    {{.added = BAD_ADDED("2000000000", "")}, "added_tokens[0].id"},
    {{.added = BAD_ADDED("-1", "")}, "added_tokens[0].id"},
    {{.added = BAD_ADDED("7", ",{'id':7}")}, "two added tokens have the id 7"},
    {{.added = BAD_ADDED("7", ",{'id':8}")}, "added_tokens[1]: \"content\" is missing"},
    {{.added = BAD_ADDED("7", ",5")}, "added_tokens[1]"},
    {{.added = "{}"}, "added_tokens: expected a list"},
    {{.added = BAD_ADDED("7", "," SPECIAL_ADDED("8", "<X>"))},
     "added_tokens[1]: \"<X>\" is added twice"},
    {{.added = "[" ADDED("7", " ", false, false, false, true, false) "]",
      .normalizer = "{'type':'Strip','strip_left':true,'strip_right':true}"},
     "added_tokens[0]: the normalizer leaves nothing"},
    {{.added = BAD_ADDED("7", ""), .model = "'vocab':{'a':0,'b':2},'merges':[]"},
     "would get the id 2"},
};

static void test_bad_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_parts); i++) {
        struct vac_err err = {0};
        char *json = fixture(&bad_parts[i].parts);
        struct tokenizer *t = open_text(json, &err);

        if (t)
            fail_msg("taken, although %s: %s", bad_parts[i].error, json);
        assert_error(&err, bad_parts[i].error);
        assert_error(&err, "tokenizer.json: ");
        assert_null(strchr(err.msg, '\n'));
        free(json);
    }
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *json, *error;
    } cases[] = {
        {"", "empty"},
        {"[]", "expected an object"},
        {"{}", "\"model\" is missing"},
        {"{'model':{'type':'Unigram','vocab':[]}}", "model.type: a model of type \"Unigram\""},
        {"{'model':{'type':'WordPiece','vocab':{}}}", "model.type: a model of type \"WordPiece\""},
        {"{'model':{'vocab':{'a':0}}}", "only BPE"},
        {"{'version':'2.0','model':{}}", "version \"2.0\""},
        {"{'modle':{}}", "modle"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vac_err err = {0};

        assert_null(open_text(quoted(cases[i].json), &err));
        assert_error(&err, cases[i].error);
    }
}

static void test_missing(void **state)
{
    struct vac_err err = {0};

    (void)state;
    assert_null(tokenizer_open(support_tmp(), &err));
    assert_error(&err, "tokenizer.json");
    tokenizer_free(NULL);
}

/* Whatever a damaged file does to the tokenizer, it opens or says why, and then works or says why.
 */
static void try_text(const char *json)
{
    struct vac_err err = {0};
    struct tokenizer *t = open_text(json, &err);
    struct strbuf b = {0};
    struct ids ids = {0};

    if (!t) {
        assert_int_not_equal(err.code, 0);
        return;
    }
    if (tokenizer_encode(t, "<s> abé 12 b", 13, true, &ids, &err) == 0)
        (void)tokenizer_decode(t, ids.v, ids.n, true, &b, &err);
    sb_done(&b);
    ids_done(&ids);
    tokenizer_free(t);
}

static void test_damaged(void **state)
{
    char *json =
        fixture(&(struct parts){.normalizer = "{'type':'Prepend','prepend':'▁'}",
                                .pre = SPLIT("'Regex':'(?=[A-Z])|\\\\s+'", "Isolated", "false"),
                                .post = TEMPLATE,
                                .decoder = LLAMA_DECODER,
                                .added = LLAMA_ADDED,
                                .model = LLAMA_MODEL});
    size_t n = strlen(json);
    uint32_t x = 7;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        char *cut = strndup(json, i);

        try_text(cut);
        free(cut);
    }
    for (size_t i = 0; i < 1500; i++) {
        static const char marks[] = "\"{}[],:0-9e\\ntrue";
        char *changed = strdup(json);

        x = x * 1664525u + 1013904223u;
        changed[(x >> 8) % n] = marks[(x >> 3) % (sizeof(marks) - 1)];
        try_text(changed);
        free(changed);
    }
    free(json);
}

/* ---- Recorded texts ---- */

/* U+F8FE stands for NUL, which our JSON reader refuses. */
static void hide_nul(char *line)
{
    for (char *p = line; (p = strstr(p, "\\u0000"));)
        memcpy(p, "\\uf8fe", 6);
}

static size_t show_nul(char *s)
{
    size_t n = 0;

    for (const char *p = s; *p;) {
        bool nul = strncmp(p, "\xef\xa3\xbe", 3) == 0;

        s[n++] = nul ? '\0' : *p;
        p += nul ? 3 : 1;
    }
    return n;
}

static bool same_ids(const struct ids *got, const cJSON *expected)
{
    const cJSON *c = expected->child;

    for (size_t i = 0; i < got->n; i++, c = c->next) {
        if (!c || c->valuedouble != got->v[i])
            return false;
    }
    return !c;
}

/* Ids, ids with special tokens, the text back at once and as a stream. */
static bool same_line(struct tokenizer *t, const cJSON *doc, struct vac_err *err)
{
    const cJSON *special = cJSON_GetObjectItemCaseSensitive(doc, "ids_with_special");
    const cJSON *decoded = cJSON_GetObjectItemCaseSensitive(doc, "decoded");
    char *text = cJSON_GetObjectItemCaseSensitive(doc, "text")->valuestring;
    size_t n = show_nul(text), want = decoded ? show_nul(decoded->valuestring) : n;
    const char *back = decoded ? decoded->valuestring : text;
    struct tokenizer_stream s = {.t = t};
    struct ids ids = {0}, with = {0};
    struct strbuf whole = {0}, pieces = {0};
    bool same = tokenizer_encode(t, text, n, false, &ids, err) == 0 &&
                tokenizer_encode(t, text, n, true, &with, err) == 0 &&
                tokenizer_decode(t, ids.v, ids.n, false, &whole, err) == 0;

    same = same && same_ids(&ids, cJSON_GetObjectItemCaseSensitive(doc, "ids"));
    same = same && (!special || same_ids(&with, special));
    same = same && whole.len == want && (want == 0 || memcmp(whole.s, back, want) == 0);
    sb_clear(&whole);
    same = same && tokenizer_decode(t, ids.v, ids.n, true, &whole, err) == 0;
    for (size_t i = 0; i < ids.n && same; i++)
        same = tokenizer_stream_put(&s, ids.v[i], &pieces, err) == 0;
    same = same && tokenizer_stream_end(&s, &pieces, err) == 0 && whole.len == pieces.len &&
           (whole.len == 0 || memcmp(whole.s, pieces.s, whole.len) == 0);
    tokenizer_stream_done(&s);
    ids_done(&ids);
    ids_done(&with);
    sb_done(&whole);
    sb_done(&pieces);
    return same;
}

static size_t check_reference(const char *dir, const char *file)
{
    struct vac_err err = {0};
    struct tokenizer *t = tokenizer_open(dir, &err);
    size_t len = 0, line = 0;
    char *text = file_read(file, 64u << 20, &len, &err), *next;

    if (!t || !text)
        fail_msg("%s", err.msg);
    for (char *p = text; *p; p = next) {
        char *end = strchr(p, '\n');
        cJSON *doc;

        next = end ? end + 1 : text + len;
        if (end)
            *end = '\0';
        hide_nul(p);
        doc = json_parse_line(p, strlen(p), file, ++line, &err);
        if (!doc || !same_line(t, doc, &err))
            fail_msg("%s:%zu: differs %s", file, line, err.msg);
        cJSON_Delete(doc);
    }
    free(text);
    tokenizer_free(t);
    return line;
}

static void test_reference(void **state)
{
    static const char *const files[][2] = {
        {"tokenizers/opt", "tokenizers/opt/reference.jsonl"},
        {"tokenizers/llama2", "tokenizers/llama2/reference.jsonl"},
        {"tokenizers/gpt2", "tokenizers/gpt2/reference.jsonl"},
        {"tokenizers/llama3.1", "tokenizers/llama3.1/reference.jsonl"},
        {"models/stories260K", "models/stories260K/tokenizer_reference.jsonl"},
    };
    size_t i = *(const size_t *)*state;
    const char *dir = support_testdata(files[i][0]),
               *file = dir ? support_testdata(files[i][1]) : NULL;

    if (!file)
        skip();
    assert_true(check_reference(dir, file) >= 1000);
}

/* What real files say of their roles. */
static void test_reference_roles(void **state)
{
    const char *dir = support_testdata("tokenizers/llama3.1"),
               *opt = support_testdata("tokenizers/opt");
    struct vac_err err = {0};
    struct tokenizer *t;

    (void)state;
    if (!dir || !opt)
        skip();
    t = tokenizer_open(dir, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_size(t), 128256);
    assert_int_equal(tokenizer_roles(t).bos, 128000);
    assert_int_equal(tokenizer_roles(t).eos, 128001);
    assert_true(tokenizer_roles(t).add_bos);
    assert_false(tokenizer_roles(t).add_eos);
    assert_true(tokenizer_is_special(t, 128009));
    tokenizer_free(t);
    t = tokenizer_open(opt, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_size(t), 50265);
    assert_int_equal(tokenizer_roles(t).bos, 2);
    assert_int_equal(tokenizer_roles(t).pad, 1);
    tokenizer_free(t);
}

int main(void)
{
    static size_t which[] = {0, 1, 2, 3, 4};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_config_recorded),
        cmocka_unit_test(test_normalized_tokens),
        cmocka_unit_test(test_config_around),
        cmocka_unit_test(test_config_prefix),
        cmocka_unit_test(test_special_tokens_map),
        cmocka_unit_test(test_bad_parts),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_damaged),
        {"reference opt", test_reference, NULL, NULL, &which[0]},
        {"reference llama2", test_reference, NULL, NULL, &which[1]},
        {"reference gpt2", test_reference, NULL, NULL, &which[2]},
        {"reference llama3.1", test_reference, NULL, NULL, &which[3]},
        {"reference stories260K", test_reference, NULL, NULL, &which[4]},
        cmocka_unit_test(test_reference_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
