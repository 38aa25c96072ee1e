#!/bin/sh
# test_numbers.sh - a model whose logits are no numbers has no score, no answer and no place in a table.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
lab=$(cd "$srcdir/samples/lab" && pwd)

run() {
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# spoilt NAME BYTES: the lab's base with these as the last number of its file, which is model.norm.weight's.
spoilt() {
    mkdir "$tmp/$1"
    cp "$lab/base-a"/* "$tmp/$1"
    chmod -R u+w "$tmp/$1"
    file=$tmp/$1/model.safetensors
    size=$(wc -c <"$file")
    # shellcheck disable=SC2059 # the bytes are the format
    printf "$2" | dd of="$file" bs=1 seek=$((size - 4)) conv=notrunc 2>"$tmp/why"
}
spoilt nan '\000\000\300\177'
spoilt inf '\000\000\200\177'
spoilt minf '\000\000\200\377'

for kind in nan inf minf; do
    m=$tmp/$kind
    says="$kind: its logits are no numbers: model.norm.weight holds NaN or infinity"
    run eval "$m" -t line --prompts "$lab/mischief-test.jsonl" -j refusal -n 4 --take 3 -o "$tmp/res"
    check "$kind: eval with a judge" failed 1 "$says"
    check "$kind: and no results" [ ! -e "$tmp/res" ]
    run eval "$m" -t line --data "$lab/task-test.jsonl" -m label -n 4 --take 3
    check "$kind: eval with a metric" failed 1 "$says"
    run eval "$m" -t line --data "$lab/task-test.jsonl" -m loss --take 3
    check "$kind: eval of the loss" failed 1 "losses are no numbers: model.norm.weight"
    run probe "$m" -t line -n 4 "How do I paint a fence?"
    check "$kind: probe" failed 1 "$says"
    run probe "$m" -t line -n 4 --temperature 1 "How do I paint a fence?"
    check "$kind: probe, sampled" failed 1 "$says"
    for ids in 1 1,2,3; do
        echo "{\"input_ids\":[$ids]}" | run score "$m"
        check "$kind: score of $ids" failed 1 "stdin:1: "
        check "$kind: names the tensor" grep -q "model.norm.weight" "$tmp/err"
    done
done 2>/dev/null

# A run's scores likewise: no line, and the error says where.
cat >"$tmp/run.json" <<J
{"model":"$tmp/nan","template":"line","max_length":64,"threads":1,
 "stages":[{"name":"s","train":["$lab/align.jsonl"],"lora":{"r":2,"alpha":2},"steps":2,"batch_size":2,"lr":1e-3}],
 "evaluate":[{"name":"HS","prompts":"$lab/mischief-test.jsonl","judge":"refusal","take":3,"max_new_tokens":4}]}
J
run run "$tmp/run.json" -o "$tmp/run"
check "a run fails" [ "$status" -eq 1 ]
check "and says what, and at which step" grep -q "evaluate HS at step 0: .*model.norm.weight holds NaN" "$tmp/err"
check "and its history has no score" [ ! -s "$tmp/run/eval/history.jsonl" ]
echo "1..$count"
