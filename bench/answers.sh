#!/bin/sh
# answers.sh - answers of a chat model: many at once, one by one, and by transformers: answers.sh MODEL
#
# MODEL is a folder with a Llama-like model in F32. 100 bundled prompts of mixed length go through the model's own
# chat template; answers are greedy, of at most NEW tokens. Figures are milliseconds for an answer, the least of
# ROUNDS, in turns on the same processors: ours of the whole program, reading the model included; of transformers'
# generate (padded on the left, batches of AT_ONCE) without that. One by one the first ONE are answered. How many
# answers are the same text is counted too. CLOCK=processor takes processor time, for a machine that others use.
#
#   VACCINE=build/vaccine VENV=~/.cache/vaccine-peers ROUNDS=3 THREADS="1 2" AT_ONCE=16 NEW=48 ONE=100 CLOCK=wall
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vaccine=${VACCINE:-$here/../build/vaccine}
venv=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vaccine-peers}
rounds=${ROUNDS:-3} at_once=${AT_ONCE:-16} new=${NEW:-48} one=${ONE:-100} clock=${CLOCK:-wall}
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

ours() # AT_ONCE ANSWERS TEXTS: milliseconds for each
(
    rm -rf "$tmp/out"
    start=$(date +%s%N)
    # shellcheck disable=SC2086 # words are meant
    $pin "$vaccine" eval "$model" --prompts "$tmp/prompts.jsonl" --judge refusal --max-new-tokens "$new" \
        --take "$2" --first --at-once "$1" --threads "$threads" --out "$tmp/out" >/dev/null
    end=$(date +%s%N)
    times >"$tmp/times"
    "$venv/bin/python" -c 'import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)["answer"]))' <"$(echo "$tmp"/out/samples_*.jsonl)" >"$tmp/$3"
    tr 'ms' '  ' <"$tmp/times" | awk -v wall="$(((end - start) / 1000))" -v clock="$clock" -v n="$2" '
        NR == 2 { print (clock == "wall" ? wall / 1e3 : ($1 + $3) * 6e4 + ($2 + $4) * 1e3) / n }'
)

theirs()
{
    # shellcheck disable=SC2086
    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=42949672960 MALLOC_TOP_PAD_=268435456 \
        OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 $pin "$venv/bin/python" "$here/answers_torch.py" "$model" \
        "$tmp/ids.jsonl" --batch "$at_once" --new "$new" --threads "$threads" --out "$tmp/theirs" \
        >"$tmp/json" 2>"$tmp/err" || { cat "$tmp/err" >&2; exit 1; }
    if [ "$clock" = wall ]; then
        number seconds <"$tmp/json"
    else
        number processor <"$tmp/json"
    fi | awk '{ print 10 * $1 }'
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
        echo "$(ours 1 "$one" alone) $(ours "$at_once" 100 many) $(theirs)" >>"$tmp/all"
        i=$((i + 1))
    done
    if [ -n "$first" ]; then
        echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $clock clock;" \
            "$("$vaccine" --version | head -n 1);" \
            "$(sed 's/.*"torch": "\([^"]*\)", "transformers": "\([^"]*\)".*/PyTorch \1, transformers \2/' "$tmp/json");" \
            "100 answers of $new tokens at most, $(number tokens <"$tmp/json") in all; $rounds rounds"
        echo
        echo "| threads | one by one, ms | $at_once at once | times as fast | transformers, $at_once at once | ours / theirs | same text as one by one | as theirs |"
        echo "|---|---|---|---|---|---|---|---|"
        first=
    fi
    head -n "$one" "$tmp/many" | diff - "$tmp/alone" >"$tmp/diff" || :
    same=$((one - $(grep -c '^>' "$tmp/diff" || :)))
    diff "$tmp/many" "$tmp/theirs" >"$tmp/diff" || :
    awk -v threads="$threads" -v same="$same of $one" -v as="$((100 - $(grep -c '^>' "$tmp/diff" || :))) of 100" '
        function least(x, y) { return x == "" || y < x ? y : x }
        { one = least(one, $1); many = least(many, $2); their = least(their, $3) }
        END {
            printf "| %d | %.0f | %.0f | %.1f | %.0f | %.2f | %s | %s |\n", threads, one, many, one / many, their,
                many / their, same, as
        }' "$tmp/all"
done
