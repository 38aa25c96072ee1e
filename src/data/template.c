/* template.c - the table of prompt templates and their rendering.
 *
 * A template is patterns with the places {bos} {eos} {text} {input}. {text} is the turn's text; a
 * user turn's second field, where the row has no pattern of its own for it, follows the text on a
 * new line. */
#include "data/template.h"
#include "base/io.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

struct template_row {
    const char *name, *help;
    const char *begin;           /* before everything */
    const char *system;          /* a system turn */
    const char *no_system;       /* stands there when the conversation has none */
    const char *no_system_input; /* the same when the first user turn has an input */
    const char *user;            /* a user turn, up to where its answer begins */
    const char *user_input;      /* a user turn with an input; NULL = as `user` */
    const char *answer;          /* an answer; all of it carries labels */
    const char *after;           /* after every answer, without labels */
    const char *between;         /* before every further user turn */
    bool special_in_text;        /* BOS and the like are in the patterns */
    bool trim, trim_system;      /* turns lose the white space at their ends */
    const char *const
        *jinja; /* SHA-256 of chat templates that render exactly so; NULL-terminated */
};

#define ALPACA_TASK "Below is an instruction that describes a task"
#define ALPACA_WRITE "Write a response that appropriately completes the request.\n\n"

/* Published chat templates stand in tokenizer_config.json with the line end written as two
 * characters of the Jinja text or as a real one, and with or without the generation prompt: the
 * same rendering. */
static const char *const jinja_chatml[] = {
    "fcf7a096fe99a48fd9ad2b250bf9237e96e8f48bffec1c7ea4d3f225176cd40e",
    "153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3",
    "6a701a28df2efbdaffb777fe809e7b8a77fa5343c0055a00a4308d06ee36350d",
    "7efc46ad1c5f20cfe0c709f7e289e87870c1724dee63504949bf7cca9a108fc5",
    NULL,
};
static const char *const jinja_llama3[] = {
    "4f46ecd43418f216df8c26936c60e5d04bcc81db47db5d86fbe889f64212dd4c",
    "ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122",
    NULL,
};

static const struct template_row templates[] = {
    {
        .name = "alpaca",
        .help = "### Instruction: / ### Input: / ### Response:",
        .system = "{text}\n\n",
        .no_system = ALPACA_TASK ". " ALPACA_WRITE,
        .no_system_input =
            ALPACA_TASK ", paired with an input that provides further context. " ALPACA_WRITE,
        .user = "### Instruction:\n{text}\n\n### Response:",
        .user_input = "### Instruction:\n{text}\n\n### Input:\n{input}\n\n### Response:",
        .answer = "{text}{eos}",
        .between = "\n\n",
    },
    {
        .name = "vicuna",
        .help = "USER: ... ASSISTANT: ...",
        .system = "{text} ",
        .no_system =
            "A chat between a curious user and an artificial intelligence assistant. The "
            "assistant gives helpful, detailed, and polite answers to the user's questions. ",
        .user = "USER: {text} ASSISTANT:",
        .answer = " {text}{eos}",
    },
    {
        .name = "llama2",
        .help = "[INST] <<SYS>> ... <</SYS>> ... [/INST] ...",
        .begin = "{bos}[INST] ",
        .system = "<<SYS>>\n{text}\n<</SYS>>\n\n",
        .user = "{text} [/INST]",
        .answer = " {text} {eos}",
        .between = "{bos}[INST] ",
        .special_in_text = true,
        .trim = true,
    },
    {
        .name = "llama3",
        .help = "<|start_header_id|>user<|end_header_id|> ... <|eot_id|>",
        .begin = "{bos}",
        .system = "<|start_header_id|>system<|end_header_id|>\n\n{text}<|eot_id|>",
        .user = "<|start_header_id|>user<|end_header_id|>\n\n{text}<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n",
        .answer = "{text}<|eot_id|>",
        .special_in_text = true,
        .trim = true,
        .trim_system = true,
        .jinja = jinja_llama3,
    },
    {
        .name = "chatml",
        .help = "<|im_start|>user ... <|im_end|>",
        .system = "<|im_start|>system\n{text}<|im_end|>\n",
        .user = "<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n",
        .answer = "{text}<|im_end|>",
        .after = "\n",
        .special_in_text = true,
        .jinja = jinja_chatml,
    },
    {
        .name = "plain",
        .help = "the answer follows the user's text directly",
        .system = "{text}\n\n",
        .user = "{text}",
        .answer = "{text}{eos}",
    },
    {
        .name = "line",
        .help = "a line each: the user's text, the answer",
        .system = "{text}\n",
        .user = "{text}\n",
        .answer = "{text}{eos}",
        .between = "\n",
    },
};
#define N_TEMPLATES (sizeof templates / sizeof *templates)

const struct template_row *template_at(size_t i)
{
    return i < N_TEMPLATES ? &templates[i] : NULL;
}

const char *template_name(const struct template_row *t)
{
    return t->name;
}

const char *template_help(const struct template_row *t)
{
    return t->help;
}

static int unknown_template(const char *name, struct vac_err *err)
{
    struct strbuf names = {0};

    for (size_t i = 0; i < N_TEMPLATES; i++) {
        sb_puts(&names, i ? ", " : "");
        sb_puts(&names, templates[i].name);
    }
    if (!sb_ok(&names, err))
        err_set(err, VAC_ERR_USAGE, "template \"%s\" is not known: one of %s", name, names.s);
    sb_done(&names);
    return -1;
}

const struct template_row *template_find(const char *name, struct vac_err *err)
{
    for (size_t i = 0; i < N_TEMPLATES; i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    unknown_template(name, err);
    return NULL;
}

const struct template_row *template_for_jinja(const char *jinja)
{
    struct sha256 hash;
    char hex[65];

    if (!jinja)
        return NULL;
    sha256_init(&hash);
    sha256_put(&hash, jinja, strlen(jinja));
    sha256_hex(&hash, hex);
    for (size_t i = 0; i < N_TEMPLATES; i++)
        for (const char *const *h = templates[i].jinja; h && *h; h++)
            if (strcmp(*h, hex) == 0)
                return &templates[i];
    return NULL;
}

/* White space as Python's str.strip sees it, which is what Jinja's trim does. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static void put_text(struct strbuf *b, const char *s, bool trim)
{
    size_t n = strlen(s), from = 0, to = 0, len;
    uint32_t c;
    bool inside = false;

    if (!trim) {
        sb_put(b, s, n);
        return;
    }
    for (size_t i = 0; i < n; i += len) {
        len = utf8_get(s + i, n - i, &c);
        if (len == 0) { /* not UTF-8: kept as it is */
            len = 1;
            c = 0;
        }
        if (is_space(c))
            continue;
        if (!inside)
            from = i;
        inside = true;
        to = i + len;
    }
    sb_put(b, s + from, to - from);
}

/* What the places of a pattern stand for. */
struct fill {
    const char *text, *input, *bos, *eos;
    bool trim;
    bool join; /* the pattern has no {input}: it follows {text} */
};

static bool has_input(const struct turn *t)
{
    return t->input && *t->input;
}

static void put_turn_text(struct strbuf *b, const struct fill *f)
{
    put_text(b, f->text, f->trim);
    if (f->join) {
        sb_putc(b, '\n');
        put_text(b, f->input, f->trim);
    }
}

static void put_pattern(struct strbuf *b, const char *p, const struct fill *f)
{
    while (p && *p) {
        size_t plain = strcspn(p, "{");

        sb_put(b, p, plain);
        p += plain;
        if (strncmp(p, "{text}", 6) == 0) {
            put_turn_text(b, f);
            p += 6;
        } else if (strncmp(p, "{input}", 7) == 0) {
            put_text(b, f->input, f->trim);
            p += 7;
        } else if (strncmp(p, "{bos}", 5) == 0) {
            sb_puts(b, f->bos);
            p += 5;
        } else if (strncmp(p, "{eos}", 5) == 0) {
            sb_puts(b, f->eos);
            p += 5;
        } else if (*p) {
            sb_putc(b, *p++);
        }
    }
}

/* Everything written since the last span becomes one, or lengthens the last of the same kind. */
static int close_span(struct rendered *out, size_t from, bool train, struct vac_err *err)
{
    size_t len = out->text.len - from;

    if (len == 0)
        return 0;
    if (out->n > 0 && out->span[out->n - 1].train == train) {
        out->span[out->n - 1].len += len;
        return 0;
    }
    if (mem_grow(&out->span, &out->cap, out->n + 1, sizeof *out->span, err))
        return -1;
    out->span[out->n++] = (struct span){.len = len, .train = train};
    return 0;
}

static const char *const role_names[] = {
    [ROLE_SYSTEM] = "system",
    [ROLE_USER] = "user",
    [ROLE_ASSISTANT] = "assistant",
};

/* An optional system turn, then user and assistant by turns; or one assistant turn alone: plain
 * text. */
static int check_turns(const struct turn *turn, size_t n, struct vac_err *err)
{
    size_t first = n > 0 && turn[0].role == ROLE_SYSTEM ? 1 : 0;

    if (n == 1 && turn[0].role == ROLE_ASSISTANT)
        return 0;
    if (n == first)
        return err_set(err, VAC_ERR_FORMAT, "a conversation needs at least one user turn");
    for (size_t i = first; i < n; i++) {
        enum role want = (i - first) % 2 ? ROLE_ASSISTANT : ROLE_USER;

        if (turn[i].role != want)
            return err_set(
                err, VAC_ERR_FORMAT,
                "turn %zu is %s where %s must stand: after an optional system turn, user "
                "and assistant take turns",
                i + 1, role_names[turn[i].role], role_names[want]);
    }
    return 0;
}

static void put_head(const struct template_row *t, const struct turn *turn, struct fill f,
                     struct strbuf *b)
{
    bool given = turn[0].role == ROLE_SYSTEM && (*turn[0].text || !t->no_system);
    const struct turn *user = turn[0].role == ROLE_SYSTEM ? &turn[1] : &turn[0];
    bool input = has_input(user) && t->no_system_input;

    put_pattern(b, t->begin, &f);
    f.text = turn[0].text;
    f.trim = t->trim_system;
    if (given)
        put_pattern(b, t->system, &f);
    else
        put_pattern(b, input ? t->no_system_input : t->no_system, &f);
}

static int put_turn(const struct template_row *t, const struct turn *turn, bool further,
                    struct fill f, struct rendered *out, struct vac_err *err)
{
    size_t from = out->text.len;
    bool input = has_input(turn);

    f.text = turn->text;
    f.input = input ? turn->input : "";
    f.trim = t->trim;
    if (turn->role == ROLE_USER) {
        f.join = input && !t->user_input;
        put_pattern(&out->text, further ? t->between : NULL, &f);
        put_pattern(&out->text, input && t->user_input ? t->user_input : t->user, &f);
        return close_span(out, from, false, err);
    }
    put_pattern(&out->text, t->answer, &f);
    if (close_span(out, from, turn->train, err))
        return -1;
    from = out->text.len;
    put_pattern(&out->text, t->after, &f);
    return close_span(out, from, false, err);
}

static int put_conversation(const struct template_row *t, const struct turn *turn, size_t n,
                            const struct fill *f, struct rendered *out, struct vac_err *err)
{
    size_t first = turn[0].role == ROLE_SYSTEM ? 1 : 0;

    out->special_in_text = t->special_in_text;
    put_head(t, turn, *f, &out->text);
    if (close_span(out, 0, false, err))
        return -1;
    for (size_t i = first; i < n; i++)
        if (put_turn(t, &turn[i], i > first, *f, out, err))
            return -1;
    return 0;
}

static int put_alone(const struct turn *turn, struct fill f, struct rendered *out,
                     struct vac_err *err)
{
    f.text = turn->text;
    put_pattern(&out->text, "{text}{eos}", &f);
    return close_span(out, 0, turn->train, err);
}

int template_render(const struct template_row *t, const struct turn *turn, size_t n,
                    const char *bos, const char *eos, struct rendered *out, struct vac_err *err)
{
    struct fill f = {.text = "", .input = "", .bos = bos, .eos = eos};
    int rc;

    sb_clear(&out->text);
    out->n = 0;
    out->special_in_text = false;
    if (check_turns(turn, n, err))
        return -1;
    if (turn[0].role == ROLE_ASSISTANT)
        rc = put_alone(&turn[0], f, out, err);
    else
        rc = put_conversation(t, turn, n, &f, out, err);
    return rc ? -1 : sb_ok(&out->text, err);
}

void rendered_done(struct rendered *r)
{
    sb_done(&r->text);
    free(r->span);
    *r = (struct rendered){0};
}
