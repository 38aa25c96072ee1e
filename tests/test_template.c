/* test_template.c - the list of prompt templates, and chat templates that are one of them. What each renders is
 * in triplets/template.txt. */
#include "data/template.h"
#include "support.h"

static void test_template_list(void **state)
{
    const struct template_row *t;
    struct vac_err err = {0};
    size_t n = 0;

    (void)state;
    for (; (t = template_at(n)); n++) {
        assert_ptr_equal(template_find(template_name(t), &err), t);
        assert_true(strlen(template_help(t)) > 0);
    }
    assert_int_equal(n, 11);
    assert_string_equal(template_name(template_at(0)), "alpaca");
    assert_string_equal(template_end(template_find("llama3", &err)), "<|eot_id|>");
    assert_string_equal(template_end(template_find("qwen2", &err)), "<|im_end|>");
    assert_null(template_end(template_find("llama2", &err)));
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
        cmocka_unit_test(test_template_list),
        cmocka_unit_test(test_template_jinja),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
