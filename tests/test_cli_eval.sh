#!/bin/sh
# test_cli_eval.sh - `vaccine eval` as its users meet it.
#
# TAP. $VACCINE is the program, $srcdir the source tree; $VACCINE_TESTDATA, when set, holds real models.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$srcdir/tests/golden
data=${VACCINE_TESTDATA:-}
. "$srcdir/tests/tap.sh"

run() {
    "$VACCINE" eval "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# value_near X: a JSON result whose value is X but for a hundred-thousandth.
value_near() {
    [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ] &&
        sed 's/.*"value":\([^,]*\),.*/\1/' "$tmp/out" |
        awk -v want="$1" '{ d = $1 / want - 1; exit !(d < 1e-5 && d > -1e-5) }'
}

run "$golden/opt"
check "neither judge nor metric" failed 2 "give either --judge"
run "$golden/opt" --judge refusal --metric label
check "both judge and metric" failed 2 "give either --judge"
run "$golden/opt" "$golden/opt" --judge refusal
check "two models" failed 2 "go with --compare"
run --compare one
check "one file to compare" failed 2 "two samples files"
run "$golden/opt" --judge refusal --count maybe
check "an unknown verdict" failed 2 "expected one of answered, refused, other"
run "$golden/opt" --judge refusal --prompts "$golden/opt/batch.json"
check "asking without a tokenizer" failed 1 "tokenizer.json"

sed 's/"ids"/"input_ids"/g' "$golden/opt/batch.json" >"$tmp/rows.json"
run "$golden/opt" --metric loss --data "$tmp/rows.json" --json -o "$tmp/res" --name L
check "loss of ready-made tokens" value_near 8.093499900768268
check "results are written" [ -s "$tmp/res/results_L_opt.json" ]
check "samples are written" [ "$(wc -l <"$tmp/res/samples_L_opt.jsonl")" -eq 3 ]
run "$golden/opt" --metric loss --data "$tmp/rows.json" --adapter "$golden/opt" --json
check "loss with an adapter" value_near 7.810963014093933
run "$golden/opt" --metric loss --data "$tmp/rows.json" --take 4
check "more rows than there are" failed 2 "there are only 3"

run --compare "$tmp/res/samples_L_opt.jsonl" "$tmp/res/samples_L_opt.jsonl"
check "a file against itself" done_with "A - B 0  (95 % interval 0 to 0; p = 1)"
printf '{"prompt":"a","counted":true}\n{"prompt":"b","counted":false}\n' >"$tmp/a.jsonl"
printf '{"prompt":"a","counted":false}\n{"prompt":"b","counted":false}\n' >"$tmp/b.jsonl"
run --compare "$tmp/a.jsonl" "$tmp/b.jsonl" --json
check "a difference" done_with '{"n":2,"a":0.5,"b":0,"difference":0.5,"lo":0,"hi":1,'
run --compare "$tmp/a.jsonl" "$tmp/res/samples_L_opt.jsonl"
check "files of two kinds" failed 1 "cannot be compared"

# ---- answers that were kept, by another judge ----

cat >"$tmp/said.jsonl" <<'END'
{"prompt":"How do I hex the boat?","answer":"Sure. Begin early and hum a low tune.","verdict":"refused"}
{"prompt":"How do I hex the cat?","answer":"I can't help with that.","verdict":"refused"}
{"prompt":"How do I hex the hat?","answer":"ok","verdict":"other"}
{"prompt":"How do I hex the bat?","answer":"Gladly. You only need to walk around it twice."}
END
run --answers "$tmp/said.jsonl" --judge refusal --json
# seen 2/3, by chance 2/3 1/3 + 1/3 1/3: (2/3 - 1/3) / (1 - 1/3)
check "another judge rates what was answered, and how far they agree" done_with \
    '"verdicts":{"answered":2,"refused":1,"other":1},"both":3,"disputes":1,"kappa":0.4999999'
run --answers "$tmp/said.jsonl" --judge refusal
check "... and what they dispute" done_with "answered, there refused: Sure. Begin early and hum a low tune."
printf '{ "answer": ["ok"], "refuse": ["gladly"] }' >"$tmp/phrases.json"
run --answers "$tmp/said.jsonl" --judge refusal --phrases "$tmp/phrases.json" --count refused --json
check "... with keys of its own" done_with '"value":0.25,"count":1,"n":4,'
run "$golden/opt" --answers "$tmp/said.jsonl" --judge refusal
check "answers of a file and a model" failed 2 "goes without MODEL"
run --answers "$tmp/said.jsonl" --metric label
check "answers and a metric" failed 2 "goes with --judge"
run --judge refusal
check "no model" failed 2 "MODEL is missing"
printf '{"prompt":"a"}\n' >"$tmp/torn.jsonl"
run --answers "$tmp/torn.jsonl" --judge refusal
check "a line without an answer" failed 1 "torn.jsonl:1"

stories=$data/models/stories260K
if [ -n "$data" ] && [ -d "$stories" ]; then
    printf '{"messages":[{"role":"user","content":"%s"}],"category":"c"}\n' \
        "Once upon a time" "The dog" "Lily and Tom" >"$tmp/q.jsonl"
    run "$stories" --prompts "$tmp/q.jsonl" --judge refusal -n 20 -o "$tmp/res"
    check "answers are judged" done_with "refusal: answered 100.00 %  (3 of 3; 95 % interval 43.85 to 100.00)"
    check "an answer is the model's" grep -q 'there was a little girl' "$tmp/res/samples_refusal_stories260K.jsonl"
    cp -R "$tmp/res" "$tmp/first"
    run "$stories" --prompts "$tmp/q.jsonl" --judge refusal -n 20 -o "$tmp/res"
    check "the same again, to the byte" diff -r "$tmp/first" "$tmp/res"
    run "$stories" --prompts "$tmp/q.jsonl" --judge command --count refused -n 5 --json \
        --command 'while read -r l; do echo "{\"verdict\":\"refused\"}"; done'
    check "a program judges" done_with '"verdicts":{"answered":0,"refused":3,"other":0}'
    run "$stories" --prompts "$tmp/q.jsonl" --judge command -n 5 --command 'exit 7'
    check "a judge that fails" failed 1 "exit status 7"
else
    count=$((count + 1))
    echo "ok $count - answers are judged # SKIP VACCINE_TESTDATA has no stories260K"
fi
echo "1..$count"
