/* test_tokenizer.c - every part of the tokenizer against expectations worked out by hand. */
#include "tokenizer_support.h"
#include "token/tok_regex.h"
#include "token/tok_stream.h"
#include "token/tok_added.h"

struct text_case {
    const char *part, *text, *expected;
};

/* ---- Normalizers ---- */

#define TEXT_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define LONG_TEXT TEXT_64 TEXT_64 TEXT_64 TEXT_64
#define BYTES "{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}"
#define BYTES_8 BYTES "," BYTES "," BYTES "," BYTES "," BYTES "," BYTES "," BYTES "," BYTES

static void test_normalizers(void **state)
{
    static const struct text_case cases[] = {
        {"{'type':'Prepend','prepend':'_'}", "ab", "_ab"},
        {"{'type':'Prepend','prepend':'_'}", "", ""},
        {"{'type':'Replace','pattern':{'String':' '},'content':'▁'}", " a  b", "▁a▁▁b"},
        {"{'type':'Replace','pattern':{'String':'.'},'content':'$1'}", "a.b", "a$1b"},
        {"{'type':'Replace','pattern':{'Regex':'[0-9]+'},'content':'N'}", "a12b3", "aNbN"},
        {"{'type':'Replace','pattern':{'Regex':'b*'},'content':'_'}", "abba", "_a_a_"},
        {"{'type':'NFC'}", "e\xcc\x81", "é"},
        {"{'type':'NFD'}", "é", "e\xcc\x81"},
        {"{'type':'NFC'}", "ﬁ", "ﬁ"},
        {"{'type':'NFKC'}", "ﬁ²Ⅷ", "fi2*III"}, /* V is not in the vocabulary */
        {"{'type':'NFKD'}", "é²",
         "e\xcc\x81"
         "2"},
        {"{'type':'Lowercase'}", "AbC É", "abc é"},
        {"{'type':'Lowercase'}", "İ", "i\xcc\x87"},
        {"{'type':'Strip','strip_left':true,'strip_right':true}",
         " \t\xc2\x85"
         "a b \n",
         "a b"},
        {"{'type':'Strip','strip_left':true,'strip_right':false}", "  a ", "a "},
        {"{'type':'Strip','strip_left':false,'strip_right':true}", " a\xe2\x80\x8b ",
         " a\xe2\x80\x8b"},
        {"{'type':'Strip','strip_left':true,'strip_right':true}", "  \n", ""},
        {"{'type':'StripAccents'}", "e\xcc\x81é", "eé"},
        {"{'type':'Sequence','normalizers':[{'type':'NFD'},{'type':'StripAccents'},{'type':'"
         "Sequence','normalizers':[{'type':'Lowercase'}]}]}",
         "É A", "e a"},
        {"{'type':'Sequence','normalizers':[]}", "a b", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct parts p = {.normalizer = cases[i].part, .bare = true};
        struct tokenizer *t = open_parts(&p);

        check_tokens(t, cases[i].text, cases[i].expected);
        tokenizer_free(t);
    }
}

/* ---- Pre-tokenizers ---- */

static const struct text_case splits[] = {
    {NULL, "ab c", "ab c]"},
    {SPLIT(DASH, "Removed", "false"), "the-final--countdown", "the]final]countdown]"},
    {SPLIT(DASH, "Isolated", "false"), "the-final--countdown", "the]-]final]-]-]countdown]"},
    {SPLIT(DASH, "MergedWithPrevious", "false"), "the-final--countdown",
     "the-]final-]-]countdown]"},
    {SPLIT(DASH, "MergedWithNext", "false"), "the-final--countdown", "the]-final]-]-countdown]"},
    {SPLIT(DASH, "Contiguous", "false"), "the-final--countdown", "the]-]final]--]countdown]"},
    {SPLIT(DASH, "MergedWithPrevious", "false"), "-a-", "-]a-]"},
    {SPLIT(DASH, "MergedWithNext", "false"), "-a-", "-a]-]"},
    {SPLIT("'Regex':'[a-z]+'", "Removed", "true"), "ab1cd", "ab]cd]"},
    {SPLIT("'Regex':'[a-z]+'", "Contiguous", "true"), "ab12cd", "ab]12]cd]"},
    {SPLIT("'Regex':'[a-z]+'", "MergedWithNext", "true"), "ab1cd", "ab]1cd]"},
    {SPLIT("'Regex':'(?=[A-Z])'", "Isolated", "false"), "aBcD", "a]Bc]D]"},
    {SPLIT("'String':'.'", "Isolated", "false"), "a.b", "a].]b]"},
    {"{'type':'ByteLevel','add_prefix_space':false}", "it's a12  b\n", "it]'s]Ġa]12]Ġ]Ġb]Ċ]"},
    {"{'type':'ByteLevel','add_prefix_space':true}", "a b", "Ġa]Ġb]"},
    {"{'type':'ByteLevel','add_prefix_space':true}", " a", "Ġa]"},
    {"{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}", "a bé", "aĠbÃ©]"},
    {"{'type':'Digits','individual_digits':true}", "a12²b", "a]1]2]²]b]"},
    {"{'type':'Digits','individual_digits':false}", "a12Ⅷb3", "a]12Ⅷ]b]3]"},
    {"{'type':'Punctuation'}", "a.$b!!", "a].]$]b]!]!]"},
    {"{'type':'Punctuation','behavior':'Contiguous'}", "a.$b!!", "a].$]b]!!]"},
    {"{'type':'Punctuation','behavior':'Removed'}", "a.b", "a]b]"},
    {"{'type':'Whitespace'}", "ab_1 !?c\n中", "ab_1]!?]c]中]"},
    {"{'type':'WhitespaceSplit'}",
     " ab! c\xc2\x85"
     "d\xe2\x80\x8b"
     "e",
     "ab!]c]d\xe2\x80\x8b"
     "e]"},
    {"{'type':'Metaspace','replacement':'" META "','prepend_scheme':'always'}", "a  b",
     META "a]" META "]" META "b]"},
    {"{'type':'Metaspace','replacement':'" META "'}", " a", META "a]"},
    {"{'type':'Metaspace','replacement':'" META "','prepend_scheme':'never'}", "a b",
     "a]" META "b]"},
    {"{'type':'Metaspace','replacement':'" META "','prepend_scheme':'first','split':false}", "a b",
     META "a" META "b]"},
    {"{'type':'Metaspace','replacement':'_','add_prefix_space':true}", "a b", "_a]_b]"},
    {"{'type':'Metaspace','replacement':'_','add_prefix_space':false}", "a b", "a]_b]"},
    {"{'type':'Metaspace','replacement':'_','add_prefix_space':true,'prepend_scheme':'never'}",
     "a b", "a]_b]"},
    {"{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Digits','individual_"
     "digits':true},{'type':'Punctuation'}]}",
     "ab12, c", "ab]1]2],]c]"},
    {"{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Metaspace','"
     "replacement':'_','prepend_scheme':'first'}]}",
     "a b", "_a]b]"},
};

static void test_pretokenizers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(splits); i++) {
        struct tokenizer *t = open_parts(&(struct parts){.pre = splits[i].part});

        check_tokens(t, splits[i].text, splits[i].expected);
        check_tokens(t, "", "");
        tokenizer_free(t);
    }
}

/* "first" is where the original text begins: not behind an added token, not where Strip cut. */
static void test_metaspace_first(void **state)
{
    struct parts p = {
        .normalizer = "{'type':'Strip','strip_left':true,'strip_right':true}",
        .pre = "{'type':'Metaspace','replacement':'_','prepend_scheme':'first','split':false}",
        .added = "[" SPECIAL_ADDED("0", "<s>") "]",
    };
    struct tokenizer *t = open_parts(&p);

    (void)state;
    check_tokens(t, "a b", "_a_b]");
    check_tokens(t, " a b", "a_b]");
    check_tokens(t, "<s>a b", "<s>a_b]");
    check_tokens(t, "a<s>b", "_a]<s>b]");
    tokenizer_free(t);
}

/* ---- Regular expressions ---- */

/* The matches of an Oniguruma pattern, in brackets inside the text. */
static void test_regex(void **state)
{
    static const struct text_case cases[] = {
        {"\\s",
         "a\xc2\x85"
         "b\xe1\xa0\x8e\xe2\x80\x8b\xe3\x80\x80",
         "a[\xc2\x85]b\xe1\xa0\x8e\xe2\x80\x8b[\xe3\x80\x80]"},
        {"[^\\s\\p{L}]+", "a\xc2\x85\xe1\xa0\x8e!", "a\xc2\x85[\xe1\xa0\x8e!]"},
        {"\\S+", "a\xe1\xa0\x8e b", "[a\xe1\xa0\x8e] [b]"},
        {"[\\S]+", "ab cd", "[ab] [cd]"},
        {"\\d{1,3}+", "12345 6", "[12345] [6]"},
        {"(?:ab){1,2}+c", "abababc", "[abababc]"},
        {"a{,2}b", "aaab", "a[aab]"},
        {"a++b", "aab", "[aab]"},
        {"\\w+", "e\xcc\x81_1-Ⓐ", "[e\xcc\x81_1]-[Ⓐ]"},
        {"\\w+", "²½ ⅓", "[²½] ⅓"},
        {"[\\w]+", "a½", "[a]½"},
        {"[\\w-]+", "a-b c", "[a-b] [c]"},
        {"\\bfoo\\b",
         "foo fooo e\xcc\x81"
         "foo",
         "[foo] fooo e\xcc\x81"
         "foo"},
        {"\\h+", "xaf 9z", "x[af] [9]z"},
        {"\\v", "a\n\x0b", "a\n[\x0b]"},
        {"^a$", "a\na", "[a]\n[a]"},
        {"a.", "a\nab", "a\n[ab]"},
        {"(?i:'s|'t)", "x'S'ſ", "x['S]['ſ]"},
        {"\\u0041\\x{42}\\x43", "ABC", "[ABC]"},
        {"\\p{Han}+", "a中、", "a[中]、"},
        {"\\p{^L}", "a1", "a[1]"},
        {"\\p{Letter}\\P{L}", "a1", "[a1]"},
        {"[[:punct:]]", "a$.", "a[$][.]"},
        {" ?[^(\\s|[.,!?])]+", "ab c, (d|e)", "[ab][ c], ([d]|[e])"},
        {"[a[bc]-]+", "ab-cd", "[ab-c]d"},
        {"x*", "ax", "[]a[x]"},
        {"{a}", "{a}", "[{a}]"},
        {"(a)\\1", "aab", "[aa]b"},
        {"\\s+(?!\\S)|\\s+", "a   b", "a[  ][ ]b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vac_err err = {0};
        struct tok_regex *re = tok_regex_new(cases[i].part, false, &err);
        const struct tok_span *v = NULL;
        struct strbuf b = {0};
        size_t n = 0;

        if (!re)
            fail_msg("%s: %s", cases[i].part, err.msg);
        assert_ok(tok_regex_spans(re, cases[i].text, strlen(cases[i].text), &v, &n, &err), &err);
        for (size_t k = 0; k < n; k++)
            sb_printf(&b, v[k].match ? "[%.*s]" : "%.*s", (int)(v[k].to - v[k].from),
                      cases[i].text + v[k].from);
        if (strcmp(b.s, cases[i].expected) != 0)
            fail_msg("%s: got %s, expected %s", cases[i].part, b.s, cases[i].expected);
        sb_done(&b);
        tok_regex_free(re);
    }
}

static void test_regex_refused(void **state)
{
    static const char *const patterns[] = {
        "(",       ")",           "[a",         "a**b(",
        "[a[^b]]", "[a-z&&[^b]]", "(?m:a)",     "a(?i)b",
        "\\Qa\\E", "(*UTF)a",     "[\\W]",      "\\",
        "\\x",     "\\xff",       "\\u12",      "\\p{Nonsense}",
        "\\pL",    "(?~a)",       "[[:word:]]", "\\x{110000}",
        "*",       "(?",          "(?<n",       "\\8",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        struct vac_err err = {0};
        struct tok_regex *re = tok_regex_new(patterns[i], false, &err);

        if (re)
            fail_msg("%s was taken", patterns[i]);
        assert_int_not_equal(err.code, 0);
        assert_null(strchr(err.msg, '\n'));
    }
}

/* A pattern that would search for ages gives up with an error. */
/* One text gets so much work, however its file asks for more; the error says which rule did. */
static void test_budgets(void **state)
{
    static const struct {
        struct parts parts;
        const char *error;
    } cases[] = {
        {{.normalizer = "{'type':'Replace','pattern':{'String':'a'},'content':'" LONG_TEXT "'}"},
         "normalizer Replace makes more than 2097152 bytes"},
        {{.normalizer = "{'type':'Sequence','normalizers':["
                        "{'type':'Replace','pattern':{'Regex':''},'content':'" TEXT_64 "'},"
                        "{'type':'Replace','pattern':{'Regex':''},'content':'" TEXT_64 "'}]}"},
         "normalizer Replace makes more than 2097152 bytes"},
        {{.pre = "{'type':'Sequence','pretokenizers':[" BYTES_8 "," BYTES_8 "," BYTES_8 "]}"},
         "pre_tokenizer ByteLevel makes more than 2097152 bytes"},
        {{.pre = SPLIT("'Regex':'(a+a+)+[bc]'", "Isolated", "false")},
         "\"(a+a+)+[bc]\" gave up on the text"},
        /* each match is cheap, all of them are not */
        {{.pre = SPLIT("'Regex':'(?:a?){12}(?=(?:a?){12}(?:[ab]{1,12}){1,12}c)'", "Isolated",
                       "false")},
         "gave up on the text"},
    };
    char text[16385];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tokenizer *t = open_parts(&cases[i].parts);
        struct vac_err err = {0};
        struct ids ids = {0};

        if (i == 2)
            memset(text, '\x01', sizeof text - 1);
        else
            memset(text, 'a', sizeof text - 1);
        if (tokenizer_encode(t, text, strlen(text), false, &ids, &err) == 0)
            fail_msg("taken, although %s", cases[i].error);
        assert_error(&err, cases[i].error);
        assert_int_equal(ids.n, 0);
        ids_done(&ids);
        tokenizer_free(t);
    }
}

/* Only the beginning of a long text is looked at, and its ids are those of the whole. */
static void test_head(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.pre = SPLIT("'Regex':'\\\\s+'", "MergedWithNext", "false"), .bare = true});
    struct vac_err err = {0};
    struct ids whole = {0}, head = {0};
    struct strbuf text = {0};

    (void)state;
    while (text.len < 3 << 20)
        sb_puts(&text, text.len % 3 ? "ab c" : "bc a a");
    assert_ok(tokenizer_encode(t, text.s, text.len, false, &whole, &err), &err);
    for (size_t limit = 0; limit < 200000; limit = limit * 7 + 1) {
        head.n = 0;
        assert_ok(tokenizer_encode_head(t, text.s, text.len, false, limit, &head, &err), &err);
        assert_true(head.n == whole.n || (limit > 0 && head.n == limit));
        assert_memory_equal(head.v, whole.v, head.n * sizeof *head.v);
    }
    sb_done(&text);
    ids_done(&whole);
    ids_done(&head);
    tokenizer_free(t);
}

static void test_regex_limit(void **state)
{
    struct vac_err err = {0};
    struct tok_regex *re = tok_regex_new("(a+a+)+[bc]", false, &err);
    const struct tok_span *v;
    char text[64];
    size_t n;

    (void)state;
    assert_non_null(re);
    memset(text, 'a', sizeof(text));
    assert_int_equal(tok_regex_spans(re, text, sizeof(text), &v, &n, &err), -1);
    assert_error(&err, "gave up");
    tok_regex_free(re);
}

/* ---- BPE ---- */

#define UNRELATED                                                                                  \
    "'vocab':{'u':0,'n':1,'r':2,'e':3,'l':4,'a':5,'t':6,'d':7,'re':8,'at':9,'ed':10,'un':11,"      \
    "'ated':12,'rel':13,'related':14,'unrelated':15},"

static void test_merges(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){
        .model =
            UNRELATED "'merges':['r e','a t','e d','u n','at ed','re l','rel ated','un related']"});

    (void)state;
    CHECK_IDS(t, "unrelated", false, 15);
    CHECK_IDS(t, "unrelated", false, 15); /* from the cache */
    CHECK_IDS(t, "related", false, 14);
    CHECK_IDS(t, "rered", false, 8, 8, 7);
    CHECK_IDS(t, "nun", false, 1, 11);
    CHECK_IDS(t, "uxn", false, 11); /* no unknown token: the x vanishes */
    tokenizer_free(t);
    /* the other form, and ranks that decide: "e d" before "r e" */
    t = open_parts(&(struct parts){.model = UNRELATED "'merges':[['e','d'],['r','e'],['a','t']]"});
    CHECK_IDS(t, "red", false, 2, 10);
    CHECK_IDS(t, "reat", false, 8, 9);
    assert_int_equal(tokenizer_size(t), 16);
    assert_int_equal(tok_find(t, "ated"), 12);
    assert_int_equal(tok_find(t, "nope"), -1);
    assert_null(tokenizer_token(t, 16));
    assert_null(tokenizer_token(t, -1));
    tokenizer_free(t);
}

/* Of overlapping equal pairs the leftmost merges first. */
static void test_long_word(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.model = "'vocab':{'a':0,'aa':1,'aaaa':2},'merges':['a a','aa aa']"});
    size_t n = 200003;
    char *text = malloc(n);
    struct vac_err err = {0};
    struct ids ids = {0};

    (void)state;
    CHECK_IDS(t, "aaaaaaa", false, 2, 1, 0);
    memset(text, 'a', n);
    assert_ok(tokenizer_encode(t, text, n, false, &ids, &err), &err);
    assert_int_equal(ids.n, 50002);
    assert_int_equal(ids.v[0], 2);
    assert_int_equal(ids.v[50000], 1);
    assert_int_equal(ids.v[50001], 0);
    ids_done(&ids);
    free(text);
    tokenizer_free(t);
}

static void test_unknown(void **state)
{
    static const char vocab[] =
        "'unk_token':'<unk>','merges':[],'vocab':{'<unk>':0,'a':1,'b':2,'<0xC3>':3,'<0xA9>':4},";
    char model[512];
    struct tokenizer *t;

    (void)state;
    snprintf(model, sizeof(model), "%s'fuse_unk':false", vocab);
    t = open_parts(&(struct parts){.model = model});
    CHECK_IDS(t, "accb", false, 1, 0, 0, 2);
    CHECK_IDS(t, "é", false, 0);
    tokenizer_free(t);
    snprintf(model, sizeof(model), "%s'fuse_unk':true", vocab);
    t = open_parts(&(struct parts){.model = model});
    CHECK_IDS(t, "accb", false, 1, 0, 2);
    CHECK_IDS(t, "cc", false, 0);
    tokenizer_free(t);
    snprintf(model, sizeof(model), "%s'fuse_unk':true,'byte_fallback':true", vocab);
    t = open_parts(&(struct parts){.model = model});
    CHECK_IDS(t, "aé", false, 1, 3, 4);
    CHECK_IDS(t, "cè", false, 0); /* a byte without a token: unknown */
    tokenizer_free(t);
}

static void test_affixes(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.model = "'continuing_subword_prefix':'##','vocab':{'a':0,'##b':1,'##c':2,'"
                                 "ab':3,'abc':4},'merges':['a ##b','ab ##c']"});

    (void)state;
    CHECK_IDS(t, "abc", false, 4);
    CHECK_IDS(t, "ac", false, 0, 2);
    tokenizer_free(t);
    t = open_parts(
        &(struct parts){.model = "'ignore_merges':true,'vocab':{'a':0,'b':1,'ab':2},'merges':[]"});
    CHECK_IDS(t, "ab", false, 2);
    CHECK_IDS(t, "ba", false, 1, 0);
    tokenizer_free(t);
}

/* ---- Added tokens ---- */

struct added_case {
    const char *added, *text, *expected;
};

static void test_added_flags(void **state)
{
    static const struct added_case cases[] = {
        {"[" SPECIAL_ADDED("0", "<X>") "]", "a <X> b", "a ]<X> b]"},
        {"[" ADDED("0", "<X>", true, false, false, false, true) "]", "a \n<X> b", "a]<X> b]"},
        {"[" ADDED("0", "<X>", false, true, false, false, true) "]", "a <X> \n b", "a ]<X>b]"},
        {"[" ADDED("0", "<X>", true, true, false, false, true) "]", "<X>  <X>", "<X><X>"},
        {"[" ADDED("0", " ", true, true, false, false, false) "]", "a   b", "a] b]"},
        {"[" ADDED("0", "<X>", false, false, true, false, true) "]", "a<X> <X>b <X>. <X>",
         "a<x> <x>b ]<X>. ]<X>"},
        {"[" ADDED("0", "<X>", false, false, true, false, true) "]", "\xcc\x81<X>", "\xcc\x81<x>]"},
        {"[" ADDED("0", "<X>", false, false, false, true, true) "]", "a <x> <X>", "a ]<X> ]<X>"},
        {"[" SPECIAL_ADDED("0", "<X>") "]", "a <x> <X>", "a <x> ]<X>"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tokenizer *t = open_parts(
            &(struct parts){.added = cases[i].added, .normalizer = "{'type':'Lowercase'}"});

        check_tokens(t, cases[i].text, cases[i].expected);
        tokenizer_free(t);
    }
}

/* The longest of the leftmost; ids follow the vocabulary whatever the file says, as in Hugging
 * Face. */
static void test_added_order(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){
        .added = "[" PLAIN_ADDED("70", "ab") "," SPECIAL_ADDED("71", "abcd") "," PLAIN_ADDED(
            "72", "bcdef") "," SPECIAL_ADDED("2", "c") "]",
        .model = "'vocab':{'a':0,'b':1,'c':2,'d':3,'e':4,'f':5},'merges':[]"});

    (void)state;
    CHECK_IDS(t, "abcdef", false, 7, 4, 5);
    CHECK_IDS(t, "abab", false, 6, 6);
    CHECK_IDS(t, "abce", false, 6, 2, 4);
    CHECK_IDS(t, "bcdef", false, 8);
    CHECK_IDS(t, "abbcdef", false, 6, 8);
    assert_int_equal(tokenizer_size(t), 9);
    assert_true(tokenizer_is_special(t, 7));
    assert_true(tokenizer_is_special(t, 2));
    assert_false(tokenizer_is_special(t, 6));
    assert_false(tokenizer_is_special(t, 99));
    check_decoded(t, INTS(6, 7, 0), true, "ab a");
    check_decoded(t, INTS(6, 7, 0), false, "ab abcd a");
    tokenizer_free(t);
}

/* ---- Post-processors ---- */

static void test_post(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){.post = TEMPLATE, .model = SMALL});

    (void)state;
    CHECK_IDS(t, "ab", true, 3, 0, 1, 4, 0);
    CHECK_IDS(t, "", true, 3, 4, 0);
    CHECK_IDS(t, "ab", false, 0, 1);
    assert_int_equal(tokenizer_roles(t).bos, 3);
    assert_int_equal(tokenizer_roles(t).eos, 4);
    assert_true(tokenizer_roles(t).add_bos && tokenizer_roles(t).add_eos);
    tokenizer_free(t);
    t = open_parts(&(struct parts){
        .post = "{'type':'Sequence','processors':[{'type':'ByteLevel','trim_offsets':true},{'type':"
                "'RobertaProcessing','cls':['<s>',3],'sep':['</s>',4]}]}",
        .model = SMALL});
    CHECK_IDS(t, "c", true, 3, 2, 4);
    tokenizer_free(t);
    t = open_parts(&(struct parts){.model = SMALL});
    CHECK_IDS(t, "c", true, 2);
    assert_int_equal(tokenizer_roles(t).bos, 3); /* by its usual name */
    assert_false(tokenizer_roles(t).add_bos || tokenizer_roles(t).add_eos);
    assert_int_equal(tokenizer_roles(t).pad, -1);
    tokenizer_free(t);
}

/* The encoder appends, and leaves the list as it was when it fails. */
static void test_encode_appends(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){.post = TEMPLATE, .model = SMALL});
    struct vac_err err = {0};
    struct ids ids = {0};

    (void)state;
    assert_ok(tokenizer_encode(t, "a", 1, false, &ids, &err), &err);
    assert_ok(tokenizer_encode(t, "b", 1, true, &ids, &err), &err);
    assert_int_equal(ids.n, 5);
    assert_int_equal(ids.v[1], 3);
    assert_int_equal(tokenizer_encode(t, "ab\xff", 3, true, &ids, &err), -1);
    assert_error(&err, "byte 2");
    assert_int_equal(ids.n, 5);
    ids_done(&ids);
    tokenizer_free(t);
}

/* ---- Decoders and streams ---- */

static void test_decode_llama(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.model = LLAMA_MODEL, .decoder = LLAMA_DECODER, .added = LLAMA_ADDED});

    (void)state;
    check_decoded(t, INTS(3, 3), false, "a a");
    check_decoded(t, INTS(2, 3), false, " a");
    check_decoded(t, INTS(1, 3), true, "a");
    check_decoded(t, INTS(1, 3), false, "<s> a");
    check_decoded(t, INTS(5, 6), false, "é");
    check_decoded(t, INTS(5, 6, 7, 4), false, "é\nb");
    check_decoded(t, INTS(5, 4), false,
                  "\xef\xbf\xbd"
                  "b");
    /* one bad byte spoils the run */
    check_decoded(t, INTS(5, 6, 5), false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    tokenizer_free(t);
}

static void test_decoders(void **state)
{
    static const struct {
        const char *part, *expected; /* of the tokens "_a", "b_", "_", "<0x41>", "  b" */
    } cases[] = {
        {NULL, "_a b_ _ <0x41>   b"},
        {"{'type':'Sequence','decoders':[]}", "_ab__<0x41>  b"},
        {"{'type':'Fuse'}", "_ab__<0x41>  b"},
        {"{'type':'ByteFallback'}", "_ab__A  b"},
        {"{'type':'Replace','pattern':{'Regex':'_$'},'content':'!'}", "_ab!!<0x41>  b"},
        {"{'type':'Strip','content':'_','start':1,'stop':1}", "ab<0x41>  b"},
        {"{'type':'Strip','content':' ','start':5,'stop':0}", "_ab__<0x41>b"},
        {"{'type':'Metaspace','replacement':'_','prepend_scheme':'always'}", "ab  <0x41>  b"},
        {"{'type':'Metaspace','replacement':'_','prepend_scheme':'never'}", " ab  <0x41>  b"},
        {"{'type':'ByteLevel'}", "_ab__<0x41>  b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tokenizer *t = open_parts(
            &(struct parts){.model = "'merges':[],'vocab':{'_a':0,'b_':1,'_':2,'<0x41>':3,'  b':4}",
                            .decoder = cases[i].part});

        check_decoded(t, INTS(0, 1, 2, 3, 4), false, cases[i].expected);
        check_decoded(t, NULL, 0, false, "");
        tokenizer_free(t);
    }
}

static void test_decode_bad_ids(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){.model = "'merges':[],'vocab':{'a':0,'b':5}"});
    static const int32_t bad[] = {-1, 3, 6, INT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct vac_err err = {0};
        struct strbuf b = {0};
        struct tokenizer_stream s = {.t = t};

        assert_int_equal(tokenizer_decode(t, &bad[i], 1, false, &b, &err), -1);
        assert_error(&err, "no token of the vocabulary");
        err_clear(&err);
        assert_int_equal(tokenizer_stream_put(&s, bad[i], &b, &err), -1);
        assert_error(&err, "no token of the vocabulary");
        tokenizer_stream_done(&s);
        sb_done(&b);
    }
    tokenizer_free(t);
}

/* Puts ids one by one; `expected` is what each made final, separated by "|", the rest last. */
static void check_stream(struct tokenizer *t, const int32_t *ids, size_t n, const char *expected)
{
    struct tokenizer_stream s = {.t = t};
    struct vac_err err = {0};
    struct strbuf b = {0};

    for (size_t i = 0; i < n; i++) {
        assert_ok(tokenizer_stream_put(&s, ids[i], &b, &err), &err);
        sb_putc(&b, '|');
    }
    assert_ok(tokenizer_stream_end(&s, &b, &err), &err);
    assert_string_equal(b.s, expected);
    sb_done(&b);
    tokenizer_stream_done(&s);
}

#define CHECK_STREAM(t, expected, ...) check_stream(t, INTS(__VA_ARGS__), expected)

static void test_stream_llama(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.model = LLAMA_MODEL, .decoder = LLAMA_DECODER, .added = LLAMA_ADDED});

    (void)state;
    CHECK_STREAM(t, "a| a|b|", 3, 3, 4);
    CHECK_STREAM(t, "| a|", 2, 3);           /* one space is stripped, once */
    CHECK_STREAM(t, "|||é\nb|", 5, 6, 7, 4); /* a run of bytes waits for its end */
    CHECK_STREAM(t, "|||é", 5, 6, 1);        /* a special token has no text */
    CHECK_STREAM(t, "b|||\xef\xbf\xbd\xef\xbf\xbd", 4, 5, 5);
    tokenizer_free(t);
}

static void test_stream_bytes(void **state)
{
    struct tokenizer *t = open_parts(&(struct parts){
        .model = "'merges':[],'vocab':{'a':0,'Ã':1,'©':2,'Ġb':3,'ð':4,'Ł':5,'ĺ':6,'Ģ':7}",
        .decoder = "{'type':'ByteLevel'}"});

    (void)state;
    CHECK_STREAM(t, "a||é| b|", 0, 1, 2, 3);
    CHECK_STREAM(t, "|||😀|", 4, 5, 6, 7);
    CHECK_STREAM(t,
                 "|\xef\xbf\xbd|||\xef\xbf\xbd"
                 "a|",
                 4, 4, 5, 5, 0);
    CHECK_STREAM(t, "||\xef\xbf\xbd", 4, 5);
    tokenizer_free(t);
}

/* Ids beyond the window that a stream keeps: the pieces still add up to the whole. */
static void test_stream_long(void **state)
{
    struct tokenizer *t = open_parts(
        &(struct parts){.model = LLAMA_MODEL, .decoder = LLAMA_DECODER, .added = LLAMA_ADDED});
    struct tokenizer_stream s = {.t = t};
    struct strbuf pieces = {0}, whole = {0};
    struct vac_err err = {0};
    struct ids ids = {0};

    (void)state;
    for (uint32_t i = 0, x = 1; i < 3000; i++) {
        x = x * 1103515245u + 12345u;
        assert_ok(ids_push(&ids, (int32_t)((x >> 16) % 9), &err), &err);
        assert_ok(tokenizer_stream_put(&s, ids.v[i], &pieces, &err), &err);
    }
    assert_true(s.ids.n < 1000);
    assert_ok(tokenizer_stream_end(&s, &pieces, &err), &err);
    assert_ok(tokenizer_decode(t, ids.v, ids.n, true, &whole, &err), &err);
    assert_string_equal(pieces.s, whole.s);
    sb_done(&pieces);
    sb_done(&whole);
    ids_done(&ids);
    tokenizer_stream_done(&s);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalizers),
        cmocka_unit_test(test_pretokenizers),
        cmocka_unit_test(test_metaspace_first),
        cmocka_unit_test(test_regex),
        cmocka_unit_test(test_regex_refused),
        cmocka_unit_test(test_regex_limit),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_long_word),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_affixes),
        cmocka_unit_test(test_added_flags),
        cmocka_unit_test(test_added_order),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_encode_appends),
        cmocka_unit_test(test_decode_llama),
        cmocka_unit_test(test_decoders),
        cmocka_unit_test(test_decode_bad_ids),
        cmocka_unit_test(test_stream_llama),
        cmocka_unit_test(test_stream_bytes),
        cmocka_unit_test(test_stream_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
