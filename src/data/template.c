/* template.c - the table of prompt templates and their rendering.
 *
 * A template is patterns with the places {bos} {end} {text} {input}. {text} is the turn's text; a
 * user turn's second field, where the row has no pattern of its own for it, follows the text on a
 * new line. {end} is what ends an answer, the row's own token or else EOS; a text that was rendered
 * elsewhere and has it already gets no second one. */
#include "data/template.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/utf8.h"
#include "data/chat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct template_row {
    const char *name, *help;
    const char *begin;           /* before everything */
    const char *system;          /* a system turn */
    const char *no_system;       /* stands there when the conversation has none */
    const char *no_system_input; /* the same when the first user turn has an input */
    const char *user;            /* a user turn, up to where its answer begins */
    const char *user_input;      /* a user turn with an input; NULL = as `user` */
    const char *answer;          /* an answer; all of it carries labels */
    const char *end;             /* {end}, a special token's text; NULL = EOS */
    const char *after;           /* after every answer, without labels */
    const char *between;         /* before every further user turn */
    bool special_in_text;        /* BOS and the like are in the patterns */
    bool trim, trim_system;      /* turns lose the white space at their ends */
    bool trim_joined;  /* with a system turn the first user turn is trimmed with it, as one */
    bool empty_system; /* a system turn without text is one */
    /* SHA-256 of chat templates that render exactly so; NULL-terminated. */
    const char *const *jinja;
    /* One that was opened: everything is up to it; name and end are its own. */
    struct chat *chat;
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

/* ChatML with a system turn of its own where the conversation has none. */
static const char *const jinja_smollm2[] = {
    "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
    "de9cde7d1b0ca0cc87459a6673e0d12fb89c070bdb24e4a30b6e4d187b226221",
    "1f4e40b43ce3ed54f1bc68037502bb0f86f285bfceed65b5dd10c63a27e5056c",
    "3a4a6be8a8e318b13fc3ceb8378d979e6f5ca7263d78a69be6550106ea76ec85",
    NULL,
};
static const char *const jinja_qwen15[] = {
    "af9c0233881b083b52ff773580215222b5440ac3d0beeeca99b76329b048f8db",
    "7c0cc400db493cfc546224cbd626ef46495c4b19103042eb5518f06bf7f1e26d",
    "0943de7ee1e1412e3a8b23280c506a54ac13f3400cc539836901c364e89a6f18",
    "d8c280b0c77a9445edee093e3758d4ec084bfdc308f8403d080d5e8d514ea1aa",
    NULL,
};
static const char *const jinja_qwen2[] = {
    "793202280c0910ab26bc6eb57c8212c2417324c6d8c4efd0d10d59092ab3e3eb",
    "f0206845c9ebc3abb4735d44f286eb81ce99238ad2accc710c6fc60e6cb8ccc8",
    "515216a24d4652efa0be04ecec9b42f227812289b2b50f7c541fb98c0b65bf20",
    "a057c12d161052b8dadba3f71b0bf7f10e5e269a581acb428ecccd4d6bb89ba1",
    NULL,
};
/* The published one knows tools, which our conversations do not have. */
static const char *const jinja_qwen25[] = {
    "cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f",
    "b1d2bb00d59cae00a80c2b526765a9cc502bc5a138a4a84b6cdea71b3e631df1",
    "247672b53afe8d18a365753513f0daf50f7496499da38e6759571c079b874d0b",
    "253093d34c0032acc9072d1de32a51ca7660963b3ee2a9bad2d6e24d537dd6d4",
    "2c270d607a95623ee334279abb0ff52cd8a436b45b0ac39f40e09ef00948384a",
    "59d0ab5195525f27b70c6bace60963d79f0f504fa266d639d3729ebec70046c7",
    NULL,
};

#define CHATML(own_system)                                                                         \
    .system = "<|im_start|>system\n{text}<|im_end|>\n", .no_system = own_system,                   \
    .user = "<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n",                         \
    .answer = "{text}{end}", .end = "<|im_end|>", .after = "\n", .special_in_text = true,          \
    .empty_system = true
#define CHATML_SYSTEM(text) "<|im_start|>system\n" text "<|im_end|>\n"

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
        .answer = "{text}{end}",
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
        .answer = " {text}{end}",
    },
    {
        .name = "llama2",
        .help = "[INST] <<SYS>> ... <</SYS>> ... [/INST] ...",
        .begin = "{bos}[INST] ",
        .system = "<<SYS>>\n{text}\n<</SYS>>\n\n",
        .user = "{text} [/INST]",
        .answer = " {text} {end}",
        .between = "{bos}[INST] ",
        .special_in_text = true,
        .trim = true,
        .trim_joined = true,
    },
    {
        .name = "llama3",
        .help = "<|start_header_id|>user<|end_header_id|> ... <|eot_id|>",
        .begin = "{bos}",
        .system = "<|start_header_id|>system<|end_header_id|>\n\n{text}<|eot_id|>",
        .user = "<|start_header_id|>user<|end_header_id|>\n\n{text}<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n",
        .answer = "{text}{end}",
        .end = "<|eot_id|>",
        .special_in_text = true,
        .trim = true,
        .trim_system = true,
        .jinja = jinja_llama3,
    },
    {
        .name = "chatml",
        .help = "<|im_start|>user ... <|im_end|>",
        CHATML(NULL),
        .jinja = jinja_chatml,
    },
    {
        .name = "smollm2",
        .help = "chatml, with SmolLM2's own system text where none is given",
        CHATML(
            CHATML_SYSTEM("You are a helpful AI assistant named SmolLM, trained by Hugging Face")),
        .jinja = jinja_smollm2,
    },
    {
        .name = "qwen1.5",
        .help = "chatml, with Qwen1.5's own system text where none is given",
        CHATML(CHATML_SYSTEM("You are a helpful assistant")),
        .jinja = jinja_qwen15,
    },
    {
        .name = "qwen2",
        .help = "chatml, with Qwen2's own system text where none is given",
        CHATML(CHATML_SYSTEM("You are a helpful assistant.")),
        .jinja = jinja_qwen2,
    },
    {
        .name = "qwen2.5",
        .help = "chatml, with Qwen2.5's own system text where none is given",
        CHATML(
            CHATML_SYSTEM("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")),
        .jinja = jinja_qwen25,
    },
    {
        .name = "plain",
        .help = "the answer follows the user's text directly",
        .system = "{text}\n\n",
        .user = "{text}",
        .answer = "{text}{end}",
    },
    {
        .name = "line",
        .help = "a line each: the user's text, the answer",
        .system = "{text}\n",
        .user = "{text}\n",
        .answer = "{text}{end}",
        .between = "\n",
    },
};
#define CHAT_LIMIT ((size_t)4 << 20)
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

const char *template_end(const struct template_row *t)
{
    return t->end;
}

static int unknown_template(const char *name, const char *or_else, struct vac_err *err)
{
    struct strbuf names = {0};

    for (size_t i = 0; i < N_TEMPLATES; i++) {
        sb_puts(&names, i ? ", " : "");
        sb_puts(&names, templates[i].name);
    }
    if (!sb_ok(&names, err))
        err_set(err, VAC_ERR_USAGE, "template \"%s\" is not known: one of %s%s", name, names.s,
                or_else);
    sb_done(&names);
    return -1;
}

static const struct template_row *builtin(const char *name)
{
    for (size_t i = 0; i < N_TEMPLATES; i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

const struct template_row *template_find(const char *name, struct vac_err *err)
{
    const struct template_row *t = builtin(name);

    if (!t)
        unknown_template(name, "", err);
    return t;
}

int template_check(const char *name, struct vac_err *err)
{
    return builtin(name) || file_exists(name)
               ? 0
               : unknown_template(name, ", or a file with a chat template", err);
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

/* --- chat templates --- */

/* The token that ends an answer: the first between it and a further question, when that is an added
 * one behind white space at most, and stands behind the last answer as well. -1 = none. */
static int find_end(struct tokenizer *tok, const struct strbuf *between, const struct strbuf *last,
                    int32_t *end, struct vac_err *err)
{
    const char *s = between->s ? between->s : "", *rest = last->s ? last->s : "", *token;
    size_t at = strspn(s, " \n");
    struct ids ids = {0};
    int rc = tokenizer_encode(tok, s + at, between->len - at, false, &ids, err);

    rest += strspn(rest, " \n");
    token = rc == 0 && ids.n && tokenizer_is_added(tok, ids.v[0]) ? tokenizer_token(tok, ids.v[0])
                                                                  : NULL;
    *end = token && !strncmp(rest, token, strlen(token)) ? ids.v[0] : -1;
    ids_done(&ids);
    return rc;
}

int template_check_day(const char *today, struct vac_err *err)
{
    int y, m, d;

    if (sscanf(today, "%4d-%2d-%2d", &y, &m, &d) == 3 && m >= 1 && m <= 12 && d >= 1 && d <= 31)
        return 0;
    return err_set(err, VAC_ERR_USAGE, "expected a day like 2026-11-26, found \"%.40s\"", today);
}

void template_now(char out[32])
{
    time_t now = time(NULL);
    struct tm day = {0};

    localtime_r(&now, &day);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &day);
}

static const char *token_text(const struct tokenizer *tok, int32_t id)
{
    const char *s = id >= 0 ? tokenizer_token(tok, id) : NULL;

    return s ? s : "";
}

/* A template that refuses a conversation of three plain turns has no end that could be found. */
static int read_end(struct template_row *t, struct tokenizer *tok, struct vac_err *err)
{
    struct strbuf between = {0}, last = {0};
    struct vac_err why = {0};
    int32_t end = -1;
    int rc = chat_ends(t->chat, token_text(tok, tokenizer_roles(tok).bos),
                       token_text(tok, tokenizer_roles(tok).eos), &between, &last, &why);

    if (rc && why.code == VAC_ERR_USAGE)
        rc = 0;
    else
        rc = rc ? err_set(err, why.code, "%s", why.msg) : find_end(tok, &between, &last, &end, err);
    if (rc == 0 && end >= 0) {
        t->end = mem_strdup(tokenizer_token(tok, end), err);
        rc = t->end ? 0 : -1;
    }
    sb_done(&between);
    sb_done(&last);
    return rc;
}

const struct template_row *template_open(const char *name, const char *otherwise,
                                         struct tokenizer *tok, const char *today,
                                         struct vac_err *err)
{
    const char *own = !name && tok ? tokenizer_chat_template(tok) : NULL;
    const struct template_row *known = name ? builtin(name) : template_for_jinja(own);
    struct template_row *t;
    size_t len = own ? strlen(own) : 0;
    char *file = NULL;

    if (known)
        return known;
    if (!name && !own)
        return template_find(otherwise, err);
    if (name && template_check(name, err))
        return NULL;
    t = mem_new(1, sizeof *t, err);
    if (t)
        t->name = mem_strdup(name ? name : "chat_template", err);
    if (t && t->name && name)
        file = file_read(name, CHAT_LIMIT, &len, err);
    if (t && t->name && (own || file))
        t->chat = chat_new(own ? own : file, len, t->name, today, err);
    free(file);
    if (t && t->chat && (!tok || read_end(t, tok, err) == 0))
        return t;
    template_close(t);
    return NULL;
}

void template_close(const struct template_row *t)
{
    if (!t || (t >= templates && t < templates + N_TEMPLATES))
        return;
    chat_free(t->chat);
    free((char *)t->name);
    free((char *)t->end);
    free((struct template_row *)t);
}

/* --- rendering --- */

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
        if (utf8_is_space(c))
            continue;
        if (!inside)
            from = i;
        inside = true;
        to = i + len;
    }
    sb_put(b, s + from, to - from);
}

/* Takes off the white space that b ends with, but not what stands before `from`. */
static void trim_end(struct strbuf *b, size_t from)
{
    size_t at = b->len, len;
    uint32_t c;

    while (at > from) {
        size_t begin = at - 1;

        while (begin > from && ((unsigned char)b->s[begin] & 0xc0) == 0x80)
            begin--;
        len = utf8_get(b->s + begin, at - begin, &c);
        if (len == 0 || !utf8_is_space(c))
            break;
        at = begin;
    }
    b->len = at;
}

/* What the places of a pattern stand for. */
struct fill {
    const char *text, *input, *bos, *end;
    bool trim;
    bool trim_end;  /* {text} is trimmed at its end only, together with what stands before it */
    bool join;      /* the pattern has no {input}: it follows {text} */
    size_t turn_at; /* where the turn begins in the text */
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
    if (f->trim_end)
        trim_end(b, f->turn_at);
}

/* Does the turn end with s, white space behind it not counted? A text from elsewhere may. */
static bool turn_ends_with(const struct strbuf *b, const struct fill *f, const char *s)
{
    size_t n = b->len, len = strlen(s);

    while (n > f->turn_at && strchr(" \n", b->s[n - 1]))
        n--;
    return len > 0 && n - f->turn_at >= len && memcmp(b->s + n - len, s, len) == 0;
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
        } else if (strncmp(p, "{end}", 5) == 0) {
            if (!turn_ends_with(b, f, f->end))
                sb_puts(b, f->end);
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
    bool given = turn[0].role == ROLE_SYSTEM && (*turn[0].text || !t->no_system || t->empty_system);
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

/* `from` is where the turn's span begins. */
static int put_turn(const struct template_row *t, const struct turn *turn, bool further,
                    struct fill f, size_t from, struct rendered *out, struct vac_err *err)
{
    bool input = has_input(turn);

    f.text = turn->text;
    f.input = input ? turn->input : "";
    f.trim = t->trim && !f.trim_end;
    f.turn_at = from;
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
                            struct fill f, struct rendered *out, struct vac_err *err)
{
    size_t first = turn[0].role == ROLE_SYSTEM ? 1 : 0;

    out->special_in_text = t->special_in_text;
    if (t->end)
        f.end = t->end;
    put_head(t, turn, f, &out->text);
    for (size_t i = first; i < n; i++) {
        size_t from = i == first ? 0 : out->text.len; /* the head belongs to the first turn */

        f.trim_end = t->trim_joined && first == 1 && i == first;
        if (put_turn(t, &turn[i], i > first, f, from, out, err))
            return -1;
    }
    return 0;
}

static int put_chat(const struct template_row *t, const struct turn *turn, size_t n,
                    const char *bos, const char *eos, struct rendered *out, struct vac_err *err)
{
    struct jinja_output text = {0};
    size_t at = 0;
    int rc = chat_render(t->chat, turn, n, bos, eos, t->end ? t->end : "", &text, err);

    out->special_in_text = true;
    for (size_t i = 0; rc == 0 && i <= text.n_spans; i++) {
        struct jinja_span span = {text.text.len, text.text.len};

        if (i < text.n_spans)
            span = text.span[i];
        sb_put(&out->text, text.text.s + at, span.from - at);
        rc = close_span(out, at, false, err);
        if (rc == 0) {
            sb_put(&out->text, text.text.s + span.from, span.to - span.from);
            rc = close_span(out, span.from, true, err);
        }
        at = span.to;
    }
    jinja_output_done(&text);
    return rc;
}

int template_render(const struct template_row *t, const struct turn *turn, size_t n,
                    const char *bos, const char *eos, struct rendered *out, struct vac_err *err)
{
    struct fill f = {.text = "", .input = "", .bos = bos, .end = eos};
    int rc;

    sb_clear(&out->text);
    out->n = 0;
    out->special_in_text = false;
    if (check_turns(turn, n, err))
        return -1;
    if (turn[0].role == ROLE_ASSISTANT) { /* alone: plain text, no conversation */
        f.text = turn[0].text;
        put_pattern(&out->text, "{text}{end}", &f);
        rc = close_span(out, 0, turn[0].train, err);
    } else if (t->chat) {
        rc = put_chat(t, turn, n, bos, eos, out, err);
    } else {
        rc = put_conversation(t, turn, n, f, out, err);
    }
    return rc ? -1 : sb_ok(&out->text, err);
}

void rendered_done(struct rendered *r)
{
    sb_done(&r->text);
    free(r->span);
    *r = (struct rendered){0};
}
