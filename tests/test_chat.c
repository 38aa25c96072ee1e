/* test_chat.c - conversations by chat templates: ids, what is learnt, and which template it is. */
#include "dataset_support.h"

#define EACH "{% for m in messages %}[{{m.role[0]}}]"
#define GENERATE "{% if add_generation_prompt %}[a]{% endif %}"
#define ENDED "{% if m.role == 'assistant' %}{{eos_token}}{% endif %}{% endfor %}"

/* What is learnt and what ends an answer follows from what the template writes. */
static const struct {
    const char *template, *system, *text, *labelled;
} chats[] = {
    {"{{bos_token}}" EACH "{{m.content}}" ENDED GENERATE, NULL, "^[u]Hi[a]Yo$[u]So[a]No$",
     ".........xxx........xxx"},
    /* no end of its own: EOS follows the last answer */
    {EACH "{{m.content}}\n{% endfor %}" GENERATE, NULL, "[u]Hi\n[a]Yo\n[u]So\n[a]No\n$",
     ".........xx..........xx.x"},
    /* white space may stand before the end, and what stands behind it is not learnt */
    {EACH "{{m.content}}{% if m.role == 'assistant' %} </s>|{% endif %}{% endfor %}" GENERATE, NULL,
     "[u]Hi[a]Yo $|[u]So[a]No $|", "........xxxx.........xxxx."},
    /* what begins a turn is no end */
    {"{% for m in messages %}<s>{{m.role[0]}}:{{m.content}}{% endfor %}"
     "{% if add_generation_prompt %}<s>a:{% endif %}",
     NULL, "^u:Hi^a:Yo^u:So^a:No$", "........xx........xxx"},
    /* EOS where the conversation ends */
    {EACH "{{m.content}}{% endfor %}{{'[a]' if add_generation_prompt else eos_token}}", NULL,
     "[u]Hi[a]Yo[u]So[a]No$", "........xx........xxx"},
    {EACH "{% if m.role == 'assistant' %}{% generation %}{{m.content}}!{% endgeneration %}"
          "{% else %}{{m.content}}{% endif %}{% endfor %}" GENERATE,
     NULL, "[u]Hi[a]Yo![u]So[a]No!$", "........xxx........xxxx"},
    /* a question asked is written as no question in between is */
    {EACH "{{'!' if loop.last and m.role == 'user' else ''}}{{m.content}}" ENDED GENERATE, NULL,
     "[u]Hi[a]Yo$[u]So[a]No$", "........xxx........xxx"},
    {EACH "{{m.content}}" ENDED GENERATE, "Be", "[s]Be[u]Hi[a]Yo$[u]So[a]No$",
     ".............xxx........xxx"},
    {"{{strftime_now('%Y-%m-%d')}}" EACH "{{m.content}}" ENDED GENERATE, NULL,
     "2026-11-26[u]Hi[a]Yo$[u]So[a]No$", "..................xxx........xxx"},
};

static void test_chat_templates(void **state)
{
    struct encoder enc = open_encoder("plain", 0, false);
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof chats / sizeof *chats; i++) {
        struct dataset d = {0};

        enc.tmpl = template_open(support_text("chat.jinja", chats[i].template), "plain", enc.tok,
                                 "2026-11-26", &err);
        if (!enc.tmpl)
            fail_msg("%s", err.msg);
        enc.system = chats[i].system;
        add(&d, &enc,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\","
            "\"content\":\"Yo\"},{\"role\":\"user\",\"content\":\"So\"},{\"role\":\"assistant\","
            "\"content\":\"No\"}]}");
        assert_sample(&d.sample[0], chats[i].text, chats[i].labelled);
        dataset_done(&d);
        template_close(enc.tmpl);
    }
    enc.system = NULL;
    tokenizer_free(enc.tok);
}

/* The tokenizer's own template is used where nothing is named, a known one as the built-in that
 * renders the same; a refusal names the row and the template's line. */
static void test_chat_choice(void **state)
{
    struct encoder enc = open_encoder("plain", 0, false);
    struct dataset d = {0};
    struct dataset_spec spec;
    struct vac_err err = {0};

    (void)state;
    enc.tmpl = template_open(NULL, "vicuna", enc.tok, NULL, &err);
    assert_string_equal(template_name(enc.tmpl), "vicuna");
    tokenizer_free(enc.tok);
    support_text("chat_template.jinja", "\n{{ raise_exception('no ' + messages[0].content) }}");
    enc.tok = tokenizer_open(support_own(), &err);
    enc.tmpl = template_open(NULL, "vicuna", enc.tok, NULL, &err);
    if (!enc.tmpl)
        fail_msg("%s", err.msg);
    assert_string_equal(template_name(enc.tmpl), "chat_template");
    spec = (struct dataset_spec){
        .file = support_text("no.jsonl", "{\"prompt\":\"a\",\"response\":\"b\"}")};
    assert_int_equal(dataset_add(&d, &spec, &enc, &err), -1);
    assert_message(&err, spec.file, ":1: chat_template: line 2: the template refuses: no a");
    template_close(enc.tmpl);
    assert_null(template_open("vicunia", "plain", enc.tok, NULL, &err));
    assert_null(
        template_open(support_text("bad.jinja", "a{% if %}"), "plain", enc.tok, NULL, &err));
    remove(support_file("chat_template.jinja"));
    dataset_done(&d);
    tokenizer_free(enc.tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat_templates),
        cmocka_unit_test(test_chat_choice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
