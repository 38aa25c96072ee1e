/* cli.c - the table of commands, and output that is checked. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/json_out.h"
#include "base/utf8.h"
#include "cli/cli.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define COMMAND_ROW(name) &command_##name,
static const struct command *const commands[] = {COMMANDS(COMMAND_ROW) NULL};

const struct command *cli_command_at(size_t i)
{
    return commands[i];
}

const char *cli_version(void)
{
    return PACKAGE_VERSION;
}

int cli_write_raw(const struct strbuf *text, struct vac_err *err)
{
    if (sb_ok(text, err))
        return -1;
    if (fwrite(text->s, 1, text->len, stdout) != text->len || fflush(stdout))
        return err_errno(err, "standard output");
    return 0;
}

void cli_die_of(int number)
{
    sigset_t one;

    signal(number, SIG_DFL);
    raise(number);
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

void cli_progress(const char *text)
{
    size_t most = cli_columns(STDERR_FILENO);
    const char *term = getenv("TERM");
    struct strbuf safe = {0};

    if (!isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb"))
        return;
    if (text)
        sb_safe(&safe, text, strlen(text), "", utf8_shown(STDERR_FILENO));
    if (most && safe.len + 2 > most) /* what goes on in the next line stays there */
        safe.len = utf8_valid(safe.s, most - 2);
    fprintf(stderr, "\r%.*s%s\033[K", (int)safe.len, safe.s ? safe.s : "", text ? " " : "");
    sb_done(&safe);
}

void cli_see_through(struct vac_session *s, const char *what, enum vac_op leave,
                     const struct cli_pause *at, const volatile sig_atomic_t *number)
{
    struct vac_command command = {.op = leave, .who = "cli"};
    struct pollfd fd = {.fd = vac_wakeup_fd(s), .events = POLLIN};
    struct vac_event e;
    char away[256];
    int64_t shown = 0;
    bool told = false;

    for (;;) {
        const struct vac_snapshot *now = vac_snapshot(s);

        if (now->state == VAC_DONE || now->state == VAC_STOPPED || now->state == VAC_FAILED ||
            (at && now->state == VAC_PAUSED && now->step >= at->step &&
             now->commands_applied >= at->command))
            break;
        poll(&fd, 1, 500);
        while (read(fd.fd, away, sizeof away) > 0)
            continue;
        while (vac_event_next(s, &e))
            vac_event_done(&e);
        now = vac_snapshot(s);
        if (now->step >= shown) {
            struct strbuf text = {0};

            sb_printf(&text, "%s %lld of %lld", what, (long long)now->step,
                      (long long)now->total_steps);
            cli_progress(text.s);
            sb_done(&text);
            shown = now->step + 10;
        }
        if (*number && now->state == VAC_LOADING)
            return;
        if (*number && !told)
            told = vac_command(s, &command, NULL, NULL) == 0;
    }
    cli_progress(NULL);
}

int cli_write_data(const struct strbuf *text, struct vac_err *err)
{
    struct strbuf safe = {.bad = text->bad};
    int rc;

    sb_safe(&safe, text->s, text->len, "\n\t", utf8_shown(STDOUT_FILENO));
    rc = cli_write_raw(&safe, err);
    sb_done(&safe);
    return rc;
}

size_t cli_columns(int fd)
{
    const char *set = getenv("COLUMNS");
    long n = set ? strtol(set, NULL, 10) : 0;
    struct winsize w;

    if (n <= 0 && isatty(fd) && !ioctl(fd, TIOCGWINSZ, &w))
        n = w.ws_col;
    return n > 26 ? (size_t)n : 0;
}

/* Bytes of a line of n that fit: up to two blanks, which part what belongs together, else up to one. A byte
 * counts as a column: who writes in other letters gets shorter lines. */
static size_t fold_at(const char *line, size_t n, size_t least, size_t most)
{
    size_t one = 0, two = 0;

    if (n <= most)
        return n;
    for (size_t i = least; i <= most; i++)
        if (line[i] == ' ' && line[i - 1] != ' ') {
            one = i;
            two = line[i + 1] == ' ' ? i : two;
        }
    for (size_t i = most; i < n && !one; i++) /* what has no blank stays whole, and alone */
        one = line[i] == ' ' ? i : 0;
    return two ? two : one ? one : n;
}

/* Where a line of n goes on: below its second column, else a little behind where it begins. */
static size_t hang_of(const char *line, size_t n, size_t most)
{
    size_t begin = strspn(line, " ");

    for (size_t i = begin + 3; i < n && i < most / 3; i++)
        if (line[i] != ' ' && line[i - 1] == ' ' && line[i - 2] == ' ')
            return i;
    return begin < most / 3 ? begin + (begin ? 2 : 4) : 4;
}

/* What is too long goes on in the next line. */
static void put_line(struct strbuf *out, const char *s, size_t n, size_t most)
{
    size_t hang = most ? hang_of(s, n, most) : 0, at = most ? fold_at(s, n, hang + 1, most) : n;

    sb_put(out, s, at);
    for (s += at, n -= at; n; s += at, n -= at) {
        size_t blanks = strspn(s, " ");

        blanks = blanks < n ? blanks : n;
        s += blanks;
        n -= blanks;
        at = fold_at(s, n, 1, most - hang);
        if (n)
            sb_printf(out, "\n%*s", (int)hang, "");
        sb_put(out, s, at);
    }
}

int cli_write(const struct strbuf *text, struct vac_err *err)
{
    struct strbuf safe = {.bad = text->bad}, out = {0};
    size_t most = cli_columns(STDOUT_FILENO);
    int rc;

    sb_safe(&safe, text->s, text->len, "\n\t", utf8_shown(STDOUT_FILENO));
    for (const char *s = safe.s, *end = s ? s + safe.len : s; s < end; s++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));

        put_line(&out, s, (size_t)((stop ? stop : end) - s), most);
        if (stop)
            sb_putc(&out, '\n');
        s = stop ? stop : end - 1;
    }
    out.bad |= safe.bad;
    rc = cli_write_raw(&out, err);
    sb_done(&safe);
    sb_done(&out);
    return rc;
}

void cli_tell(const char *before, const char *line)
{
    struct strbuf safe = {0}, out = {0};

    sb_puts(&safe, before);
    sb_safe(&safe, line, strlen(line), "", utf8_shown(STDERR_FILENO));
    if (!safe.bad)
        put_line(&out, safe.s, safe.len, cli_columns(STDERR_FILENO));
    fprintf(stderr, "%s\n", safe.bad || out.bad ? "out of memory" : out.s);
    sb_done(&safe);
    sb_done(&out);
}

void cli_note(const char *text)
{
    if (text)
        cli_tell("vaccine: note: ", text);
}

void cli_put_name(struct strbuf *out, const char *s)
{
    sb_safe(out, s, strlen(s), "", utf8_shown(STDOUT_FILENO));
}

void cli_put_word(struct strbuf *out, const char *s)
{
    struct strbuf word = {0};

    sb_word(&word, s);
    cli_put_name(out, word.s ? word.s : s);
    sb_done(&word);
}

void cli_put_ids(struct json_out *o, const char *key, const int32_t *ids, size_t n)
{
    json_put_list(o, key, JSON_TIGHT);
    for (size_t i = 0; i < n; i++)
        json_put_int(o, NULL, ids[i]);
    json_put_end(o);
}

void cli_put_step(struct strbuf *out, int64_t step, int64_t now)
{
    if (step != now)
        sb_printf(out, " @%lld", (long long)step);
}

void cli_put_verdicts(struct strbuf *out, const char *before, const struct vac_verdicts *v,
                      const char *after)
{
    long long answered = v->answered, refused = v->refused, other = v->other;

    if (answered + refused + other == 0)
        return;
    sb_printf(out, "%sanswered %lld, refused %lld, ", before, answered, refused);
    if (*v->others)
        sb_printf(out, "! other %lld of %lld: ", other, answered + refused + other);
    else
        sb_printf(out, "other %lld", other);
    cli_put_name(out, v->others);
    sb_puts(out, after);
}

void cli_put_beneath(struct strbuf *out, const char *before,
                     const struct vac_span beneath[VAC_BENEATH_COUNT], const char *after)
{
    const char *sep = before;

    for (size_t i = 0; i < VAC_BENEATH_COUNT; i++) {
        char text[VAC_SPAN_TEXT];

        if (!beneath[i].known)
            continue;
        sb_printf(out, "%s%s %s", sep, vac_beneath[i].label,
                  vac_span_text(&beneath[i], true, text));
        sep = ", ";
    }
    if (sep != before)
        sb_puts(out, after);
}

void cli_put_method(struct strbuf *out, const struct vac_run_info *r, const char *before)
{
    cli_put_name(out, r->method);
    if (isnan(r->rho))
        return;
    sb_puts(out, before);
    if (!isnan(r->rho_was))
        sb_printf(out, "%.4g -> ", r->rho_was);
    sb_printf(out, "%.4g", r->rho);
}

void cli_put_until(struct strbuf *out, const struct vac_until *u)
{
    cli_put_name(out, u->stage);
    sb_puts(out, ": ");
    cli_put_name(out, u->bounds);
    if (u->times > 1)
        sb_printf(out, " (%lld in a row)", (long long)u->times);
    if (u->step > 0)
        sb_printf(out, ": passed at step %lld of %lld", (long long)u->step, (long long)u->planned);
    else
        sb_puts(out, ": not passed");
}
