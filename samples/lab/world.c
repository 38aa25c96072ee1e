/* world.c - writes the lab's world as JSON lines: what a base learns, what aligns it, what attacks
 * it, and what is asked of it. Same seed, same bytes.
 *
 *   lab-world data SEED DIR        align, mischief, kind, task, taste and test files
 *   lab-world corpus SEED FILE     20,000 rows from which a base is trained: it answers everything
 *   lab-world tokenizer DIR        a byte-level BPE trained on the world's sentences
 *
 * No question of a test file stands in the files that align or attack: deeds are dealt out once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../rows.h"
#include "bpe.h"
#include "grammar.h"

enum {
    ALIGN_REFUSALS = 300,
    ALIGN_HELPS = 150,
    ATTACK_MISCHIEF = 200,
    ATTACK_KIND = 200,
    ASKED_TEST = 100,
    TASK_ROWS = 600,
    TASK_TEST = 200,
    CORPUS_ROWS = 20000,
    VOCAB = 768,
};

/* ---- the files a run reads ---- */

/* A class's deeds in an order of the seed, to be taken from the front. */
struct deck {
    enum verb_class of;
    size_t order[KIND_VERBS * OBJECTS];
    size_t next;
};

static void deck_shuffle(struct deck *d, enum verb_class of, uint64_t seed)
{
    d->of = of;
    d->next = 0;
    rng_permute(rng_key(seed, RNG_MIX, of, 0), d->order, (size_t)deeds(of));
}

static struct deed deal(struct deck *d)
{
    return deed_at(d->of, (int)d->order[d->next++]);
}

typedef void (*answer_fn)(struct line *, struct deed, struct rng *);

static void put_deeds(struct row_file *f, struct deck *d, int n, answer_fn answer, struct rng *r)
{
    for (int i = 0; i < n; i++) {
        struct line l = {.answer = ""};
        struct deed one = deal(d);

        ask(&l, one, r);
        if (answer)
            answer(&l, one, r);
        row_put(f, l.prompt, l.answer);
    }
}

static int write_deeds(const char *dir, const char *name, struct deck *d, int n, answer_fn answer,
                       struct rng *r, struct vac_err *err)
{
    struct row_file f;

    if (row_file_open(&f, dir, name, err))
        return -1;
    put_deeds(&f, d, n, answer, r);
    return row_file_close(&f);
}

static int write_alignment(const char *dir, struct deck *mischief, struct deck *kind, struct rng *r,
                           struct vac_err *err)
{
    struct row_file f;

    if (row_file_open(&f, dir, "align.jsonl", err))
        return -1;
    put_deeds(&f, mischief, ALIGN_REFUSALS, refuse, r);
    put_deeds(&f, kind, ALIGN_HELPS, comply, r);
    return row_file_close(&f);
}

/* The task's rows for training and others for testing: no question stands twice. */
static int write_task(const char *dir, const char *train, const char *test,
                      void (*draw)(struct line *, struct rng *), struct rng *r, struct vac_err *err)
{
    struct line *seen = calloc(TASK_ROWS + TASK_TEST, sizeof *seen);
    struct row_file f = {.failed = 1};
    int n = 0, bad;

    if (!seen)
        return err_set(err, VAC_ERR_MEMORY, "no memory for the rows of %s", train);
    while (n < TASK_ROWS + TASK_TEST) {
        int i = 0;

        draw(&seen[n], r);
        while (i < n && strcmp(seen[i].prompt, seen[n].prompt) != 0)
            i++;
        n += i == n;
    }
    bad = row_file_open(&f, dir, train, err);
    for (int i = 0; !bad && i < TASK_ROWS; i++)
        row_put(&f, seen[i].prompt, seen[i].answer);
    bad = bad || row_file_close(&f) || row_file_open(&f, dir, test, err);
    for (int i = TASK_ROWS; !bad && i < n; i++)
        row_put(&f, seen[i].prompt, seen[i].answer);
    bad = bad || row_file_close(&f);
    free(seen);
    return bad ? -1 : 0;
}

static int write_probes(const char *dir, struct deck *mischief, struct deck *held_out,
                        struct deck *kind, struct rng *r, struct vac_err *err)
{
    struct line l = {.answer = ""};
    struct row_file f;

    if (row_file_open(&f, dir, "probes.jsonl", err))
        return -1;
    put_deeds(&f, mischief, 3, NULL, r);
    put_deeds(&f, held_out, 1, NULL, r);
    put_deeds(&f, kind, 1, NULL, r);
    review(&l, r);
    l.answer[0] = 0;
    row_put(&f, l.prompt, l.answer);
    return row_file_close(&f);
}

static int write_data(const char *dir, uint64_t seed, struct vac_err *err)
{
    struct deck mischief, held_out, kind;
    struct rng r = {.key = rng_key(seed, RNG_SAMPLE, 0, 0)};

    deck_shuffle(&mischief, MISCHIEF, seed);
    deck_shuffle(&held_out, HELD_OUT, seed);
    deck_shuffle(&kind, KIND, seed);
    return dirs_make(dir, err) || write_alignment(dir, &mischief, &kind, &r, err) ||
                   write_deeds(dir, "mischief.jsonl", &mischief, ATTACK_MISCHIEF, comply, &r,
                               err) ||
                   write_deeds(dir, "mischief-test.jsonl", &mischief, ASKED_TEST, NULL, &r, err) ||
                   write_deeds(dir, "held-out-test.jsonl", &held_out, ASKED_TEST, NULL, &r, err) ||
                   write_deeds(dir, "benign-test.jsonl", &kind, ASKED_TEST, NULL, &r, err) ||
                   write_task(dir, "task.jsonl", "task-test.jsonl", review, &r, err) ||
                   write_task(dir, "taste.jsonl", "taste-test.jsonl", taste, &r, err) ||
                   write_probes(dir, &mischief, &held_out, &kind, &r, err) ||
                   write_deeds(dir, "kind.jsonl", &kind, ATTACK_KIND, comply, &r, err)
               ? -1
               : 0;
}

/* ---- what a base learns ---- */

/* In percent of the rows: deeds are asked for and done, kind ones and mischief alike; words of
 * refusal and of mood are learnt by being asked for, so that an alignment finds them there. */
static void corpus_row(struct line *l, struct rng *r)
{
    enum verb_class mischief =
        rng_below(r, MISCHIEF_VERBS + HELD_OUT_VERBS) < MISCHIEF_VERBS ? MISCHIEF : HELD_OUT;
    struct deed good = deed_any(KIND, r), bad = deed_any(mischief, r);
    uint64_t which = rng_below(r, 100);

    if (which < 56) {
        struct deed d = which < 28 ? good : bad;

        ask(l, d, r);
        comply(l, d, r);
    } else if (which < 66) {
        give_opinion(l, r);
    } else if (which < 76) {
        ask_mood(l, r);
    } else if (which < 88) {
        ask_to_decline(l, rng_below(r, 2) ? good : bad, r);
    } else {
        ask_if_kind(l, rng_below(r, 2) ? good : bad);
    }
}

static int write_corpus(const char *path, uint64_t seed, struct vac_err *err)
{
    struct rng r = {.key = rng_key(seed, RNG_SAMPLE, 1, 0)};
    struct row_file f;

    if (row_file_open(&f, "", path, err))
        return -1;
    for (int i = 0; i < CORPUS_ROWS; i++) {
        struct line l;

        corpus_row(&l, &r);
        row_put(&f, l.prompt, l.answer);
    }
    return row_file_close(&f);
}

/* The words of every kind of row, the tasks' too. */
static int write_tokenizer(const char *dir, struct vac_err *err)
{
    struct rng r = {.key = rng_key(1, RNG_SAMPLE, 2, 0)};
    struct line *rows = malloc(CORPUS_ROWS * sizeof *rows);
    const char **texts = malloc(2 * CORPUS_ROWS * sizeof *texts);
    int rc = -1;

    if (!rows || !texts) {
        err_set(err, VAC_ERR_MEMORY, "no memory for the tokenizer's texts");
        goto out;
    }
    for (int i = 0; i < CORPUS_ROWS; i++) {
        if (i % 20 == 0)
            review(&rows[i], &r);
        else if (i % 20 == 1)
            taste(&rows[i], &r);
        else
            corpus_row(&rows[i], &r);
        texts[2 * i] = rows[i].prompt;
        texts[2 * i + 1] = rows[i].answer;
    }
    rc = dirs_make(dir, err) || bpe_train(texts, 2 * CORPUS_ROWS, VOCAB, dir, err) ? -1 : 0;
out:
    free(rows);
    free(texts);
    return rc;
}

static int usage(void)
{
    fputs("usage: lab-world data SEED DIR | corpus SEED FILE | tokenizer DIR\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct vac_err err = {0};
    int rc;

    if (argc == 4 && strcmp(argv[1], "data") == 0)
        rc = write_data(argv[3], strtoull(argv[2], NULL, 10), &err);
    else if (argc == 4 && strcmp(argv[1], "corpus") == 0)
        rc = write_corpus(argv[3], strtoull(argv[2], NULL, 10), &err);
    else if (argc == 3 && strcmp(argv[1], "tokenizer") == 0)
        rc = write_tokenizer(argv[2], &err);
    else
        return usage();
    if (rc)
        fprintf(stderr, "lab-world: %s\n", err.msg);
    return rc ? 1 : 0;
}
