#!/bin/sh
# answers.sh - 100 answers of a chat model: many at once, one by one, and by transformers: answers.sh MODEL
#
# MODEL is a folder with a Llama-like model in F32. The prompts are bundled ones, of mixed length, through the
# model's own chat template; answers are greedy, of at most NEW tokens. Figures are seconds for all of them, the
# least of ROUNDS, in turns on the same processors: ours of the whole program, reading the model included; of
# transformers' generate (padded on the left, batches of AT_ONCE) without that. How many answers are the same
# text is counted too.
#
#   VACCINE=build/vaccine VENV=~/.cache/vaccine-peers ROUNDS=3 THREADS="1 2" AT_ONCE=16 NEW=48
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vaccine=${VACCINE:-$here/../build/vaccine}
venv=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vaccine-peers}
rounds=${ROUNDS:-3} at_once=${AT_ONCE:-16} new=${NEW:-48}
model=${1:?"usage: answers.sh MODEL"}
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/python" -c 'import torch, transformers' 2>/dev/null ||
    "$venv/bin/pip" install --quiet "${TORCH:-torch}" numpy transformers
tmp=$(mktemp -d "${TMPDIR:-/tmp}/answers-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

rows=$here/../samples
{
    head -n 40 "$rows/real/rows/benign-test.jsonl"
    head -n 30 "$rows/lab/benign-test.jsonl"
    head -n 30 "$rows/real/rows/task-test.jsonl" | sed 's/, "output": .*}$/}/'
} >"$tmp/prompts.jsonl"
"$vaccine" render "$model" "$tmp/prompts.jsonl" --prompt --json --ids >"$tmp/ids.jsonl"

number() # KEY < JSON
{
    sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"
}

ours() # AT_ONCE THREADS TEXTS
{
    rm -rf "$tmp/out"
    start=$(date +%s%N)
    # shellcheck disable=SC2086 # words are meant
    $pin "$vaccine" eval "$model" --prompts "$tmp/prompts.jsonl" --judge refusal --max-new-tokens "$new" \
        --at-once "$1" --threads "$2" --out "$tmp/out" >/dev/null
    end=$(date +%s%N)
    "$venv/bin/python" -c 'import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)["answer"]))' <"$(echo "$tmp"/out/samples_*.jsonl)" >"$tmp/$3"
    echo "$start $end" | awk '{ printf "%.3f\n", ($2 - $1) / 1e9 }'
}

theirs() # THREADS
{
    # shellcheck disable=SC2086
    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=42949672960 MALLOC_TOP_PAD_=268435456 \
        OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 $pin "$venv/bin/python" "$here/answers_torch.py" "$model" \
        "$tmp/ids.jsonl" --batch "$at_once" --new "$new" --threads "$1" --out "$tmp/theirs" >"$tmp/json" 2>"$tmp/err" ||
        { cat "$tmp/err" >&2; exit 1; }
    number seconds <"$tmp/json"
}

first=yes
for threads in ${THREADS:-1 2}; do
    pin=
    if taskset -c "0-$((threads - 1))" true 2>/dev/null; then
        pin="taskset -c 0-$((threads - 1))"
    fi
    : >"$tmp/all"
    i=0
    while [ "$i" -lt "$rounds" ]; do
        one=$(ours 1 "$threads" alone)
        many=$(ours "$at_once" "$threads" many)
        echo "$many $one $(theirs "$threads")" >>"$tmp/all"
        i=$((i + 1))
    done
    if [ -n "$first" ]; then
        echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); $("$vaccine" --version | head -n 1)," \
            "$("$vaccine" doctor 2>/dev/null | sed -n 's/^.*(used): //p' | head -n 1);" \
            "$(sed 's/.*"torch": "\([^"]*\)", "transformers": "\([^"]*\)".*/PyTorch \1, transformers \2/' "$tmp/json");" \
            "100 answers of at most $new tokens, $(number tokens <"$tmp/json") in all; $rounds rounds"
        echo
        echo "| threads | $at_once at once, s | one by one | times as fast | transformers, $at_once at once | ours / theirs | same text as one by one | as theirs |"
        echo "|---|---|---|---|---|---|---|---|"
        first=
    fi
    same=$(diff "$tmp/alone" "$tmp/many" | grep -c '^>' || :)
    other=$(diff "$tmp/theirs" "$tmp/many" | grep -c '^>' || :)
    awk -v threads="$threads" -v same="$same" -v other="$other" '
        function least(x, y) { return x == "" || y < x ? y : x }
        { many = least(many, $1); one = least(one, $2); their = least(their, $3) }
        END {
            printf "| %d | %.2f | %.2f | %.1f | %.2f | %.2f | %d | %d |\n", threads, many, one, one / many, their,
                many / their, 100 - same, 100 - other
        }' "$tmp/all"
done
