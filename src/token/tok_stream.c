/* tok_stream.c - text from ids that arrive one by one.
 *
 * The ids are decoded anew each time and what was not yet handed out follows, up to where the text
 * can still change: behind an open run of byte tokens, and at a last U+FFFD, which may be the
 * beginning of a character. Old ids are dropped once all of their text is out, so that a long
 * answer stays cheap; the ids that are kept stand in for them, because all a decoder knows of the
 * past is whether there was any. */
#include "token/tok_stream.h"
#include "token/tok.h"
#include "token/tok_decode.h"
#include <string.h>

#define KEEP 16
#define DROP_AT 64

/* How many of the ids have a text that later ids cannot change. */
static size_t settled_ids(const struct tokenizer *t, const struct ids *ids)
{
    size_t n = ids->n, settled = ids->n;

    if (!t->hold.bytes)
        return n;
    while (n-- > 0) {
        const struct tok_token *x = &t->token[ids->v[n]];

        if (x->flags & TOK_SPECIAL)
            continue;
        if (tok_byte_token(x->s, x->len) < 0)
            break;
        settled = n;
    }
    return settled;
}

/* Appends what of the text is new; `last` hands out all there is. */
static int hand_out(struct tokenizer_stream *s, bool last, size_t *held, struct strbuf *out,
                    struct vac_err *err)
{
    size_t n = last ? s->ids.n : settled_ids(s->t, &s->ids);
    struct strbuf text = {0};
    size_t end;

    if (!last && s->t->hold.all)
        n = 0;
    if (tok_decode(s->t, s->ids.v, n, true, &text, err)) {
        sb_done(&text);
        return -1;
    }
    end = text.len;
    if (!last && end >= 3 && memcmp(text.s + end - 3, "\xef\xbf\xbd", 3) == 0)
        end -= 3;
    *held = text.len - end + (s->ids.n - n);
    if (end > s->sent) {
        sb_put(out, text.s + s->sent, end - s->sent);
        s->sent = end;
    }
    sb_done(&text);
    return sb_ok(out, err);
}

/* Forgets ids whose text is all out, provided the text of those that stay is not empty: then
 * whatever is done at the very beginning of a text has been done to them as it was to the whole. */
static int drop_old(struct tokenizer_stream *s, struct vac_err *err)
{
    struct strbuf text = {0};
    size_t from = s->ids.n - KEEP;
    int rc = tok_decode(s->t, s->ids.v + from, KEEP, true, &text, err);

    if (rc == 0 && text.len > 0) {
        memmove(s->ids.v, s->ids.v + from, KEEP * sizeof(*s->ids.v));
        s->ids.n = KEEP;
        s->sent = text.len;
    }
    sb_done(&text);
    return rc;
}

int tokenizer_stream_put(struct tokenizer_stream *s, int32_t id, struct strbuf *out,
                         struct vac_err *err)
{
    size_t held = 0;

    if (!tokenizer_token(s->t, id))
        return err_set(err, VAC_ERR_FORMAT, "id %ld is no token of the vocabulary", (long)id);
    if (ids_push(&s->ids, id, err) || hand_out(s, false, &held, out, err))
        return -1;
    return held == 0 && s->ids.n >= DROP_AT ? drop_old(s, err) : 0;
}

int tokenizer_stream_end(struct tokenizer_stream *s, struct strbuf *out, struct vac_err *err)
{
    size_t held;
    int rc = hand_out(s, true, &held, out, err);

    s->ids.n = 0;
    s->sent = 0;
    return rc;
}

void tokenizer_stream_done(struct tokenizer_stream *s)
{
    ids_done(&s->ids);
    *s = (struct tokenizer_stream){0};
}
