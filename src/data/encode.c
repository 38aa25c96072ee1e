/* encode.c - a row becomes ids and labels.
 *
 * The text of the whole conversation is tokenised at once. A label mask ends where the tokens of
 * the text before it, tokenised alone, would end: the count of tokens is what decides, as in the
 * reference, even where a merge reaches across the border. */
#include "data/encode.h"
#include <stdlib.h>
#include <string.h>

#define NO_LABEL (-100)

/* The one token that the tokenizer reads a text as; -1 = it is several. */
static int one_token(const struct encoder *enc, const char *s, struct ids *part, int32_t *id,
                     struct vac_err *err)
{
    part->n = 0;
    if (tokenizer_encode(enc->tok, s, strlen(s), false, part, err))
        return -1;
    *id = part->n == 1 ? part->v[0] : -1;
    return 0;
}

/* The text of a special token, or "" when the tokenizer does not read that text as this one token.
 */
static int special_text(const struct encoder *enc, int32_t id, struct ids *part, const char **out,
                        struct vac_err *err)
{
    const char *s = id >= 0 ? tokenizer_token(enc->tok, id) : NULL;
    int32_t found;

    *out = "";
    if (!s)
        return 0;
    if (one_token(enc, s, part, &found, err))
        return -1;
    if (found == id)
        *out = s;
    return 0;
}

/* The end of turn that the template writes itself, when it is one token; -1 = none. */
static int own_end(const struct encoder *enc, struct ids *part, int32_t *id, struct vac_err *err)
{
    const char *end = enc->tok && enc->tmpl ? template_end(enc->tmpl) : NULL;

    *id = -1;
    return end ? one_token(enc, end, part, id, err) : 0;
}

int encoder_end(const struct encoder *enc, int32_t *id, struct vac_err *err)
{
    struct ids part = {0};
    int rc = own_end(enc, &part, id, err);

    if (*id < 0)
        *id = enc->eos;
    ids_done(&part);
    return rc;
}

/* A row is cut at max_length, and a prompt beyond the context refused: of the ids behind that it
 * counts only whether there is one. Two more make up for those that tokenise takes away. */
static size_t head_limit(size_t most)
{
    return most > 0 && most < SIZE_MAX - 3 ? most + 3 : 0;
}

/* Appends the ids of n bytes. The tokenizer's own EOS is taken off again: where one stands is the
 * template's and the encoder's affair. Its BOS is, too, where the text begins with one. */
static int tokenise(const struct encoder *enc, const struct rendered *text, size_t n, size_t limit,
                    struct ids *out, struct vac_err *err)
{
    struct tokenizer_roles roles = tokenizer_roles(enc->tok);
    bool special = !text->special_in_text;
    size_t before = out->n;

    if (tokenizer_encode_head(enc->tok, n ? text->text.s : "", n, special, limit, out, err))
        return -1;
    if (special && roles.add_eos && out->n > before && out->v[out->n - 1] == roles.eos)
        out->n--;
    if (special && roles.add_bos && out->n - before >= 2 && out->v[before] == roles.bos &&
        out->v[before + 1] == roles.bos) {
        out->n--;
        memmove(out->v + before, out->v + before + 1, (out->n - before) * sizeof *out->v);
    }
    return 0;
}

static int render(const struct encoder *enc, const struct turn *turn, size_t n,
                  struct rendered *out, struct ids *part, const char **eos, struct vac_err *err)
{
    struct turn *with = NULL;
    const char *bos;
    int rc;

    if (!enc->tok || !enc->tmpl)
        return err_set(
            err, VAC_ERR_USAGE,
            "holds text, which needs a tokenizer: put tokenizer.json beside the model, or "
            "give rows of input_ids");
    if (special_text(enc, tokenizer_roles(enc->tok).bos, part, &bos, err) ||
        special_text(enc, enc->eos, part, eos, err))
        return -1;
    if (enc->system && *enc->system && n > 0 && turn[0].role == ROLE_USER) {
        with = mem_new(n + 1, sizeof *with, err);
        if (!with)
            return -1;
        with[0] = (struct turn){.role = ROLE_SYSTEM, .text = enc->system};
        memcpy(with + 1, turn, n * sizeof *turn);
        n++;
    }
    rc = template_render(enc->tmpl, with ? with : turn, n, bos, *eos, out, err);
    free(with);
    return rc;
}

static int check_vocab(const struct encoder *enc, const int32_t *ids, size_t n, const char *what,
                       struct vac_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (enc->vocab > 0 && ids[i] >= 0 && (size_t)ids[i] >= enc->vocab)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s[%zu] is %d, outside the model's vocabulary of %zu (0 to %zu)", what,
                           i, (int)ids[i], enc->vocab, enc->vocab - 1);
    return 0;
}

/* The number of tokens of the first n bytes alone, at most those there are. */
static int count_tokens(const struct encoder *enc, struct encoded *e, size_t n, size_t *count,
                        struct vac_err *err)
{
    *count = n == e->text.text.len ? e->ids.n : 0;
    if (*count || n == 0)
        return 0;
    e->part.n = 0;
    if (tokenise(enc, &e->text, n, head_limit(enc->max_length), &e->part, err))
        return -1;
    *count = e->part.n < e->ids.n ? e->part.n : e->ids.n;
    return 0;
}

/* Labels of all ids of the text, span by span. */
static int label_spans(const struct encoder *enc, struct encoded *e, struct vac_err *err)
{
    size_t from, to = 0, bytes = 0;

    for (size_t i = 0; i < e->text.n; i++) {
        bool train = e->text.span[i].train;

        from = to;
        bytes += e->text.span[i].len;
        if (count_tokens(enc, e, bytes, &to, err))
            return -1;
        for (size_t t = from; t < to; t++)
            if (ids_push(&e->labels, train ? e->ids.v[t] : NO_LABEL, err))
                return -1;
        to = to > from ? to : from;
    }
    while (e->labels.n < e->ids.n)
        if (ids_push(&e->labels, NO_LABEL, err))
            return -1;
    return 0;
}

/* Whether EOS is the last thing of the text but white space. */
static bool ends_with(const struct strbuf *text, const char *eos)
{
    size_t n = text->len, len = strlen(eos);

    while (n > 0 && strchr(" \n", text->s[n - 1]))
        n--;
    return len > 0 && n >= len && memcmp(text->s + n - len, eos, len) == 0;
}

/* EOS follows an answer that has no end yet: the template writes none of its own, or one that is
 * no token of this tokenizer, or EOS cannot be written as text. Behind an end of turn there is no
 * second end: chat templates have none either. */
static int encode_text(const struct encoder *enc, const struct row *row, struct encoded *e,
                       struct vac_err *err)
{
    const struct turn *last = row->n_turn > 0 ? &row->turn[row->n_turn - 1] : NULL;
    const char *eos;
    int32_t end = -1;

    if (render(enc, row->turn, row->n_turn, &e->text, &e->part, &eos, err) ||
        tokenise(enc, &e->text, e->text.text.len, head_limit(enc->max_length), &e->ids, err) ||
        label_spans(enc, e, err))
        return -1;
    if (row->n_turn > 1 && own_end(enc, &e->part, &end, err))
        return -1;
    if (end >= 0 || enc->eos < 0 || last->role != ROLE_ASSISTANT || ends_with(&e->text.text, eos))
        return 0;
    return ids_push(&e->ids, enc->eos, err) ||
                   ids_push(&e->labels, last->train ? enc->eos : NO_LABEL, err)
               ? -1
               : 0;
}

int encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
               struct vac_err *err)
{
    out->ids.n = out->labels.n = 0;
    if (!row->ids) {
        if (encode_text(enc, row, out, err))
            return -1;
    } else if (check_vocab(enc, row->labels, row->n_ids, "labels", err) ||
               ids_append(&out->ids, row->ids, row->n_ids, err) ||
               ids_append(&out->labels, row->labels, row->n_ids, err)) {
        return -1;
    }
    if (check_vocab(enc, out->ids.v, out->ids.n, row->ids ? "input_ids" : "token", err))
        return -1;
    out->cut = enc->max_length > 0 && out->ids.n > enc->max_length;
    if (out->cut)
        out->ids.n = out->labels.n = enc->max_length;
    out->n_labels = 0;
    for (size_t i = 1; i < out->labels.n; i++)
        out->n_labels += out->labels.v[i] != NO_LABEL;
    return 0;
}

void encoded_done(struct encoded *e)
{
    ids_done(&e->ids);
    ids_done(&e->labels);
    ids_done(&e->part);
    rendered_done(&e->text);
}

int encode_prompt(const struct encoder *enc, const struct turn *turn, size_t n, struct ids *out,
                  struct vac_err *err)
{
    struct rendered text = {0};
    struct ids part = {0};
    const char *eos;
    size_t before = out->n;
    int rc = -1;

    if (n > 0 && turn[n - 1].role == ROLE_ASSISTANT)
        n--;
    if (render(enc, turn, n, &text, &part, &eos, err) ||
        tokenise(enc, &text, text.text.len, head_limit(enc->context), out, err))
        goto out;
    rc = check_vocab(enc, ids_from(out, before), out->n - before, "token", err);
out:
    rendered_done(&text);
    ids_done(&part);
    return rc;
}
