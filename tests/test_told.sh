#!/bin/sh
# test_told.sh - what is legal and yet not what its user thinks is told: by validate, before the first
# step of a run, in what a run leaves behind, and in its report.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
case $VACCINE in /*) ;; *) VACCINE=$PWD/$VACCINE ;; esac
lab=$(cd "$srcdir/samples/lab" && pwd)
. "$srcdir/tests/tap.sh"
cd "$tmp" || exit 99

run() {
    "$VACCINE" "$@" </dev/null >out 2>err
    status=$?
}
both() { cat out err >all; }
spec() { # MODEL ROWS MORE
    cat >run.json <<END
{"model": "$1", "template": "line", "max_length": 24, "threads": 1,
 "stages": [{"name": "s", "train": ["$2"], "lora": {"r": 2}, "steps": 1, "batch_size": 2, "warmup_ratio": 0}]$3}
END
}
# told TEXT: validate, run (lines and JSON), its journal, run.json and the report say it.
told() {
    run validate run.json
    grep -qF "warning: $1" out || echo "validate does not tell"
    run validate run.json --json
    grep -qF "$1" out || echo "validate --json does not tell"
    rm -rf lines
    run run run.json -o lines
    grep -F warning out | grep -qF "$1" || echo "run does not tell"
    rm -rf json
    run run run.json -o json --json
    grep -qF "$1" out || echo "run --json does not tell"
    for file in journal.jsonl run.json; do
        grep -qF "$1" lines/$file || echo "$file does not tell"
    done
    run report lines -o page.html
    grep -qF "<li>" page.html && grep -qF "$1" page.html || echo "the report does not tell"
}

long='the boat by the harbour and the quilt of the carpet the boat by the harbour and the quilt of the carpet'
for i in 0 1 2 3 4; do
    echo "{\"instruction\":\"Paint $i?\",\"output\":\"No, it is wrong.\"}"
    echo "{\"instruction\":\"$long\",\"output\":\"No, it is wrong.\"}"
done >long.jsonl
spec "$lab/base-a" long.jsonl ""
check "rows that lose their answer" told "5 of 10 rows are left out: no label is within max_length 24"
check "... and their count" sh -c 'tr -d " \n\t" <lines/run.json | grep -qF "\"data\":[{\"stage\":\"s\",\"rows\":10,\"cut\":5,\"left_out\":5,\"odd\":0,\"empty_answers\":0,\"samples\":5}]"'
spec "$lab/base-a" long.jsonl ', "watch": {"align_loss": "long.jsonl"}'
check "watched rows that lose theirs" sh -c '
    "$1" run run.json -o watched >out 2>&1
    grep -q "warning align_loss: 5 of 10 rows are left out" out' sh "$VACCINE"

echo '{"instruction":"a","output":"b"}' >some.jsonl
echo '{"instruction":"a","output":" "}' >>some.jsonl
spec "$lab/base-a" some.jsonl ""
check "empty answers" told "1 of 2 answers are empty: they teach to say nothing"
echo '{"instruction":"a","output":""}' >none.jsonl
spec "$lab/base-a" none.jsonl ""
run validate run.json
check "prompts alone are no training data" failed 1 "all 1 answers are empty"
printf '{"prompt":"a","response":"b","is_safe":true}\n' >beaver.jsonl
run import beavertails beaver.jsonl --prompts-only -o prompts.jsonl
spec "$lab/base-a" prompts.jsonl ""
run run run.json -o prompts
check "nor is what --prompts-only makes" failed 1 "all 1 answers are empty"

mkdir endless
cp "$lab"/base-a/* endless/
chmod u+w endless/*
echo '{"eos_token":null,"bos_token":null}' >endless/tokenizer_config.json
sed '/"[be]os_token_id"/d' "$lab/base-a/config.json" >endless/config.json
rm -f endless/generation_config.json
spec endless some.jsonl ""
check "answers without an end" told "no token ends an answer, so that nothing teaches the model to stop"
run doctor endless --threads 1
check "doctor tells it" grep -qF "no token ends an answer" out
run doctor "$lab/base-a" --threads 1
check "doctor names the end" grep -q "^ok    tokenizer .* an answer ends with <|end|>" out

echo '{"instruction":"a","output":"No, it is wrong."}' >asked.jsonl
spec "$lab/base-a" some.jsonl \
    ', "evaluate": [{"name": "FA", "data": "asked.jsonl", "metric": "exact", "max_new_tokens": 2}]'
check "answers that cannot be right" told \
    "1 of 1 expected answers are longer than max_new_tokens 2: they cannot be right"
run eval "$lab/base-a" -t line --data asked.jsonl -m exact -n 2
both
check "eval tells it" grep -qF "1 of 1 expected answers are longer than max_new_tokens 2" all

run eval "$lab/base-a" -t line --data none.jsonl -m exact -n 2
check "an empty answer is nothing to compare with" failed 1 "the row has no answer to compare with"

spec "$lab/base-a" asked.jsonl ""
run validate run.json
check "nothing is told where all is well" sh -c '! grep -q warning out'
rm -rf lines
run run run.json -o lines
check "nor by a run" sh -c '! grep -q warning out lines/journal.jsonl && tr -d " \t" <lines/run.json | grep -qF "\"warnings\":[]"'

echo "1..$count"
