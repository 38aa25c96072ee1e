/* test_template.c - every prompt template against its text written out by hand. */
#include "data/template.h"
#include "support.h"

static const struct turn one_turn[] = {
    {.role = ROLE_USER, .text = "Hi"},
    {.role = ROLE_ASSISTANT, .text = "Yo", .train = true},
};
static const struct turn with_input[] = {
    {.role = ROLE_USER, .text = "Do", .input = "it"},
    {.role = ROLE_ASSISTANT, .text = "Yo", .train = true},
};
static const struct turn two_turns[] = {
    {.role = ROLE_SYSTEM, .text = "Be"},
    {.role = ROLE_USER, .text = "Hi"},
    {.role = ROLE_ASSISTANT, .text = "Yo"},
    {.role = ROLE_USER, .text = "So"},
    {.role = ROLE_ASSISTANT, .text = "No", .train = true},
};

#define BELOW "Below is an instruction that describes a task"
#define WRITE "Write a response that appropriately completes the request."
#define CHAT                                                                                       \
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives " \
    "helpful, detailed, and polite answers to the user's questions."
#define HEAD(role) "<|start_header_id|>" role "<|end_header_id|>\n\n"

#define CHATML_OWN(system) "<|im_start|>system\n" system "<|im_end|>\n"
#define CHATML_WITH(name, system)                                                                  \
    {                                                                                              \
        name,                                                                                      \
            CHATML_OWN(                                                                            \
                system) "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",   \
            "Yo<|im_end|>",                                                                        \
            CHATML_OWN(system) "<|im_start|>user\nDo\nit<|im_end|>\n<|im_start|>assistant\nYo<|"   \
                               "im_end|>\n",                                                       \
            CHATML_OWN(                                                                            \
                "Be") "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"      \
                      "<|im_start|>user\nSo<|im_end|>\n<|im_start|>assistant\nNo<|im_end|>\n",     \
            true                                                                                   \
    }

/* The answer's part that carries labels is given apart. */
static const struct {
    const char *name, *one, *answer, *input, *two;
    bool special;
} golden[] = {
    {"alpaca", BELOW ". " WRITE "\n\n### Instruction:\nHi\n\n### Response:Yo</s>", "Yo</s>",
     BELOW ", paired with an input that provides further context. " WRITE
           "\n\n### Instruction:\nDo\n\n### Input:\nit\n\n### Response:Yo</s>",
     "Be\n\n### Instruction:\nHi\n\n### Response:Yo</s>\n\n### Instruction:\nSo\n\n### "
     "Response:No</s>",
     false},
    {"vicuna", CHAT " USER: Hi ASSISTANT: Yo</s>", " Yo</s>",
     CHAT " USER: Do\nit ASSISTANT: Yo</s>",
     "Be USER: Hi ASSISTANT: Yo</s>USER: So ASSISTANT: No</s>", false},
    {"llama2", "<s>[INST] Hi [/INST] Yo </s>", " Yo </s>", "<s>[INST] Do\nit [/INST] Yo </s>",
     "<s>[INST] <<SYS>>\nBe\n<</SYS>>\n\nHi [/INST] Yo </s><s>[INST] So [/INST] No </s>", true},
    {"llama3", "<s>" HEAD("user") "Hi<|eot_id|>" HEAD("assistant") "Yo<|eot_id|>", "Yo<|eot_id|>",
     "<s>" HEAD("user") "Do\nit<|eot_id|>" HEAD("assistant") "Yo<|eot_id|>",
     "<s>" HEAD("system") "Be<|eot_id|>" HEAD("user") "Hi<|eot_id|>" HEAD(
         "assistant") "Yo<|eot_id|>" HEAD("user") "So<|eot_id|>" HEAD("assistant") "No<|eot_id|>",
     true},
    {"chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",
     "Yo<|im_end|>", "<|im_start|>user\nDo\nit<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n",
     "<|im_start|>system\nBe<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
     "Yo<|im_end|>\n<|im_start|>user\nSo<|im_end|>\n<|im_start|>assistant\nNo<|im_end|>\n",
     true},
    CHATML_WITH("smollm2", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    CHATML_WITH("qwen1.5", "You are a helpful assistant"),
    CHATML_WITH("qwen2", "You are a helpful assistant."),
    CHATML_WITH("qwen2.5", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    {"plain", "HiYo</s>", "Yo</s>", "Do\nitYo</s>", "Be\n\nHiYo</s>SoNo</s>", false},
    {"line", "Hi\nYo</s>", "Yo</s>", "Do\nit\nYo</s>", "Be\nHi\nYo</s>\nSo\nNo</s>", false},
};

static void assert_rendered(const struct template_row *t, const struct turn *turn, size_t n,
                            const char *want, struct rendered *r)
{
    struct vac_err err = {0};
    size_t sum = 0;

    assert_ok(template_render(t, turn, n, "<s>", "</s>", r, &err), &err);
    assert_string_equal(r->text.s, want);
    for (size_t i = 0; i < r->n; i++)
        sum += r->span[i].len;
    assert_int_equal(sum, strlen(want));
}

/* Exactly one span is trained and it is this text. */
static void assert_trained(const struct rendered *r, const char *want)
{
    size_t at = 0, found = 0;

    for (size_t i = 0; i < r->n; at += r->span[i++].len) {
        if (!r->span[i].train)
            continue;
        found++;
        assert_int_equal(r->span[i].len, strlen(want));
        assert_memory_equal(r->text.s + at, want, r->span[i].len);
    }
    assert_int_equal(found, 1);
}

static void test_template_golden(void **state)
{
    struct rendered r = {0};
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        const struct template_row *t = template_at(i);
        size_t prompt = strstr(golden[i].one, golden[i].answer) - golden[i].one;

        assert_non_null(t);
        assert_string_equal(template_name(t), golden[i].name);
        assert_ptr_equal(template_find(golden[i].name, &err), t);
        assert_true(strlen(template_help(t)) > 0);
        assert_rendered(t, one_turn, 2, golden[i].one, &r);
        assert_trained(&r, golden[i].answer);
        assert_int_equal(r.special_in_text, golden[i].special);
        assert_rendered(t, with_input, 2, golden[i].input, &r);
        assert_rendered(t, two_turns, 5, golden[i].two, &r);
        assert_ok(template_render(t, one_turn, 1, "<s>", "</s>", &r, &err), &err);
        assert_int_equal(r.text.len, prompt);
        assert_memory_equal(r.text.s, golden[i].one, prompt);
    }
    assert_null(template_at(sizeof golden / sizeof *golden));
    rendered_done(&r);
}

static void test_template_edges(void **state)
{
    const struct turn spaced[] = {
        {.role = ROLE_USER, .text = " \xc2\xa0 a b\n"},
        {.role = ROLE_ASSISTANT, .text = "\xe3\x80\x80{eos}\t", .train = true},
    };
    const struct turn empty_system[] = {
        {.role = ROLE_SYSTEM, .text = ""},
        {.role = ROLE_USER, .text = "{text}{bos}"},
    };
    const struct turn alone = {.role = ROLE_ASSISTANT, .text = "tale", .train = true};
    struct vac_err err = {0};
    struct rendered r = {0};

    (void)state;
    assert_rendered(template_find("llama2", &err), spaced, 2, "<s>[INST] a b [/INST] {eos} </s>",
                    &r);
    assert_rendered(template_find("plain", &err), spaced, 2,
                    " \xc2\xa0 a b\n\xe3\x80\x80{eos}\t</s>", &r);
    assert_rendered(template_find("vicuna", &err), empty_system, 2,
                    CHAT " USER: {text}{bos} ASSISTANT:", &r);
    assert_rendered(template_find("chatml", &err), empty_system, 2,
                    "<|im_start|>system\n<|im_end|>\n<|im_start|>user\n{text}{bos}<|im_end|>\n"
                    "<|im_start|>assistant\n",
                    &r);
    assert_rendered(template_find("chatml", &err), &alone, 1, "tale</s>", &r);
    assert_trained(&r, "tale</s>");
    assert_false(r.special_in_text);
    rendered_done(&r);
}

/* What Hugging Face renders for Llama 2's template: system and first user turn lose the white space
 * around the two together, the others each its own. */
static void test_template_trim_joined(void **state)
{
    const struct turn spaced[] = {
        {.role = ROLE_SYSTEM, .text = " Be\n"},
        {.role = ROLE_USER, .text = " \n Hi\xc2\xa0\n"},
        {.role = ROLE_ASSISTANT, .text = " Yo\t"},
        {.role = ROLE_USER, .text = " So "},
        {.role = ROLE_ASSISTANT, .text = "No", .train = true},
    };
    struct turn blank[] = {spaced[0], spaced[1]};
    struct vac_err err = {0};
    struct rendered r = {0};

    (void)state;
    assert_rendered(
        template_find("llama2", &err), spaced, 5,
        "<s>[INST] <<SYS>>\n Be\n\n<</SYS>>\n\n \n Hi [/INST] Yo </s><s>[INST] So [/INST] "
        "No </s>",
        &r);
    blank[1].text = " \n";
    assert_rendered(template_find("llama2", &err), blank, 2,
                    "<s>[INST] <<SYS>>\n Be\n\n<</SYS>> [/INST]", &r);
    assert_rendered(template_find("llama2", &err), spaced + 1, 2, "<s>[INST] Hi [/INST] Yo </s>",
                    &r);
    rendered_done(&r);
}

/* A text that was rendered elsewhere has its end already. */
static void test_template_end_once(void **state)
{
    static const struct {
        const char *name, *answer, *want;
    } cases[] = {
        {"plain", "Yo</s>", "HiYo</s>"},
        {"plain", "Yo</s> \n", "HiYo</s> \n"},
        {"plain", "", "Hi</s>"},
        {"plain", "</s>Yo", "Hi</s>Yo</s>"},
        {"chatml", "Yo<|im_end|>",
         "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"},
        {"llama3", "Yo<|eot_id|>",
         "<s>" HEAD("user") "Hi<|eot_id|>" HEAD("assistant") "Yo<|eot_id|>"},
        {"llama3", "Yo</s>",
         "<s>" HEAD("user") "Hi<|eot_id|>" HEAD("assistant") "Yo</s><|eot_id|>"},
    };
    struct vac_err err = {0};
    struct rendered r = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct turn turn[] = {
            one_turn[0], {.role = ROLE_ASSISTANT, .text = cases[i].answer, .train = true}};
        const struct turn ended[] = {{.role = ROLE_USER, .text = "Hi</s>"}, turn[1]};

        assert_rendered(template_find(cases[i].name, &err), turn, 2, cases[i].want, &r);
        if (i == 2) /* the question's end is not the answer's */
            assert_rendered(template_find("plain", &err), ended, 2, "Hi</s></s>", &r);
    }
    assert_string_equal(template_end(template_find("llama3", &err)), "<|eot_id|>");
    assert_string_equal(template_end(template_find("qwen2", &err)), "<|im_end|>");
    assert_null(template_end(template_find("llama2", &err)));
    rendered_done(&r);
}

static void test_template_refusals(void **state)
{
    const struct turn twice[] = {one_turn[0], one_turn[0]};
    const struct turn late[] = {one_turn[0], one_turn[1], two_turns[0]};
    const struct template_row *t = template_at(0);
    struct vac_err err = {0};
    struct rendered r = {0};

    (void)state;
    assert_null(template_find("alpacca", &err));
    assert_string_equal(err.msg,
                        "template \"alpacca\" is not known: one of alpaca, vicuna, llama2, "
                        "llama3, chatml, smollm2, qwen1.5, qwen2, qwen2.5, plain, line");
    err_clear(&err);
    assert_int_equal(template_render(t, twice, 2, "", "", &r, &err), -1);
    assert_error(&err, "turn 2 is user where assistant must stand");
    err_clear(&err);
    assert_int_equal(template_render(t, late, 3, "", "", &r, &err), -1);
    assert_error(&err, "turn 3 is system where user must stand");
    err_clear(&err);
    assert_int_equal(template_render(t, two_turns, 1, "", "", &r, &err), -1);
    assert_error(&err, "at least one user turn");
    err_clear(&err);
    assert_int_equal(template_render(t, NULL, 0, "", "", &r, &err), -1);
    assert_error(&err, "at least one user turn");
    rendered_done(&r);
}

static void test_template_jinja(void **state)
{
    static const char chatml[] = "{% for message in messages %}{{'<|im_start|>' + message['role'] "
                                 "+ '\\n' + message['content'] + "
                                 "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt "
                                 "%}{{ '<|im_start|>assistant\\n' "
                                 "}}{% endif %}";
    static const char with_lines[] = "{% for message in messages %}{{'<|im_start|>' + "
                                     "message['role'] + '\n' + message['content'] + "
                                     "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "
                                     "%}{{ '<|im_start|>assistant\n' "
                                     "}}{% endif %}";
    static const char llama3[] =
        "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
        "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | "
        "trim + "
        "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif "
        "%}{{ "
        "content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant"
        "<|end_header_id|>\n\n' }}{% endif %}";
#define WITH_SYSTEM(s)                                                                             \
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "      \
    "'<|im_start|>system\n" s "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + "   \
    "'\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "    \
    "%}{{ '<|im_start|>assistant\n' }}{% endif %}"
    static const char smollm2[] =
        WITH_SYSTEM("You are a helpful AI assistant named SmolLM, trained by Hugging Face");
    static const char qwen2[] = WITH_SYSTEM("You are a helpful assistant.");
    const struct template_row *t;

    (void)state;
    t = template_for_jinja(chatml);
    assert_non_null(t);
    assert_string_equal(template_name(t), "chatml");
    assert_ptr_equal(template_for_jinja(with_lines), t);
    t = template_for_jinja(llama3);
    assert_non_null(t);
    assert_string_equal(template_name(t), "llama3");
    assert_string_equal(template_name(template_for_jinja(smollm2)), "smollm2");
    assert_string_equal(template_name(template_for_jinja(qwen2)), "qwen2");
    assert_null(template_for_jinja(chatml + 1));
    assert_null(template_for_jinja(""));
    assert_null(template_for_jinja(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template_golden),      cmocka_unit_test(test_template_edges),
        cmocka_unit_test(test_template_trim_joined), cmocka_unit_test(test_template_end_once),
        cmocka_unit_test(test_template_refusals),    cmocka_unit_test(test_template_jinja),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
