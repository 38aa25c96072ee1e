#!/usr/bin/env python3
"""lab_bpe.py VACCINE FOLDER TEXTS - checks a tokenizer that samples/lab/bpe.c has written into FOLDER.

TEXTS holds what it was trained on, one JSON string per line. The merges are learnt again from these,
the slow way, and 50 other texts are encoded by applying the merges one rank after the other; both must
be what the file and `vaccine tokenize` say. Prints what differs and exits 1, else one line of figures.
"""
import collections
import json
import random
import re
import subprocess
import sys
import unicodedata

SPECIAL = ["<|end|>", "<|begin|>"]
CONTRACTION = re.compile("'(?:s|t|re|ve|m|ll|d)")
# The rest of GPT-2's pattern on classes: letter, number, other, blank (_) and other white space.
WORD = re.compile("_?L+|_?N+|_?O+|[_S]+(?![LNO])|[_S]+")


def letters():
    """The character that stands for each byte."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in seen]
    return {**{b: chr(b) for b in seen}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


LETTER = letters()


def kind(c):
    if c == " ":
        return "_"
    if c in "\t\n\v\f\r\x85\u3000" or unicodedata.category(c) in ("Zs", "Zl", "Zp"):
        return "S"
    return {"L": "L", "N": "N"}.get(unicodedata.category(c)[0], "O")


def words(text):
    """The words of a text without specials, as tuples of the letters of their bytes."""
    kinds = "".join(map(kind, text))
    at = 0
    while at < len(text):
        end = (CONTRACTION.match(text, at) or WORD.match(kinds, at)).end()
        yield tuple(LETTER[b] for b in text[at:end].encode())
        at = end


def parts(text):
    """The text cut at the specials, which stand at the odd places."""
    return re.split("(" + "|".join(map(re.escape, SPECIAL)) + ")", text)


def join(word, pair):
    out = []
    for token in word:
        if out and (out[-1], token) == pair:
            # What is joined is longer than the left half, so it takes no further part.
            out[-1] += token
        else:
            out.append(token)
    return tuple(out)


def train(texts, vocab):
    ids = {token: i for i, token in enumerate(SPECIAL + [LETTER[b] for b in range(256)])}
    count = collections.Counter(w for t in texts for part in parts(t)[::2] for w in words(part))
    merges = []
    while len(ids) < vocab:
        pairs = collections.Counter()
        for word, n in count.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], ids[p[0]], ids[p[1]]))
        merges.append(best)
        ids["".join(best)] = len(ids)
        joined = collections.Counter()
        for word, n in count.items():
            joined[join(word, best)] += n
        count = joined
    return ids, merges


def encode(text, ids, merges):
    out = []
    for i, part in enumerate(parts(text)):
        if i % 2:
            out.append(ids[part])
            continue
        for word in words(part):
            for pair in merges:
                word = join(word, pair)
            out += [ids[token] for token in word]
    return out


def some_texts(known):
    """50 texts: awkward ones, and mixtures of what is known and what is not."""
    pieces = " ".join(known).split(" ") + [
        "", "", "\n", "\n\n", "\t", " \n ", "'s", "'ll", "can't", "'", "!!", "...", "12", "007", "zebra",
        "QUIZ", "é", "日本", "😀", "\u00a0", "²", "½", "\x01", "<|end|>", "<|begin|>", "<|en", "aaaa"]
    fixed = ["", " ", "  ", "\n", " a", "a ", "  a  b  ", "I'm we've they'd it's", "\r\n\r\nx", "😀😀 👍🏽",
             "naïve café", "<|begin|>hi<|end|>", "a<|end|> b", "\u3000x\u2028y"]
    random_texts = random.Random(7)
    while len(fixed) < 50:
        fixed.append("".join(random_texts.choice(pieces) + random_texts.choice(["", " ", " "])
                             for _ in range(random_texts.randint(1, 20))))
    return fixed


def unique(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        sys.exit("a key stands twice in an object")
    return dict(pairs)


def main(vaccine, folder, file):
    with open(folder + "/tokenizer.json", encoding="utf-8") as f:
        model = json.load(f, object_pairs_hook=unique)["model"]
    merges = [tuple(m.split(" ")) for m in model["merges"]]
    with open(file, encoding="utf-8") as f:
        known = [json.loads(line) for line in f]
    ids, learnt = train(known, len(model["vocab"]))
    if learnt != merges:
        sys.exit("merges: " + str([x for x in zip(learnt, merges) if x[0] != x[1]][:3]))
    if ids != model["vocab"]:
        sys.exit("the vocabulary has other ids")
    texts = some_texts(known)
    lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    run = subprocess.run([vaccine, "tokenize", folder], input=lines, text=True, encoding="utf-8",
                         stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in run.stdout.split("\n")[:-1]]
    if len(answers) != len(texts):
        sys.exit(f"{len(answers)} answers to {len(texts)} texts")
    for text, answer in zip(texts, answers):
        own = encode(text, ids, merges)
        if answer["ids"] != own or answer["decoded"] != text:
            sys.exit(f"{text!r}: {own}, but vaccine tokenize says {answer}")
    print(json.dumps({"merges": len(merges), "texts": len(texts),
                      "tokens": sum(len(answer["ids"]) for answer in answers)}))


main(*sys.argv[1:])
