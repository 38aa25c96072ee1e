#!/bin/sh
# test_real.sh - samples/real: its rows are what the generator makes and keep what is asked apart from what is taught,
# its comparison runs from beginning to end on a tiny model, goes on where it was stopped, and says what the runs' own
# files say; public data takes the place of the rows.
#
# shellcheck disable=SC2016 # awk and the inner shells expand
#
# TAP. $VACCINE is the program, $MAGIC_ROWS the generator, $srcdir the source tree; $VACCINE_TESTDATA holds datasets, or
# those cases are skipped. Nothing of the data's text may be printed.

: "${VACCINE:=build/vaccine}"
: "${MAGIC_ROWS:=${VACCINE%/*}/magic-rows}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
VACCINE=$(cd "${VACCINE%/*}" && pwd)/${VACCINE##*/}
samples=$(cd "$srcdir/samples" && pwd)
real=$samples/real rows=$samples/real/rows data=${VACCINE_TESTDATA:-}
OMP_WAIT_POLICY=passive
export VACCINE OMP_WAIT_POLICY
unset SEEDS METHODS RATIOS AT_ONCE ALIGN_STEPS ATTACK_STEPS ASKED TEMPLATE MAX_LENGTH DATA GUARD GUARD_FORM ALPACA

# run ARGUMENT...: leaves $status and $tmp/out, $tmp/err.
run() {
    sh "$real/real.sh" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
# failed STATUS TEXT
failed() {
    [ "$status" -eq "$1" ] && grep -qF -e "$2" "$tmp/err"
}

# ---- the rows ----

same_rows() {
    "$MAGIC_ROWS" 1 "$tmp/rows" || return
    for f in "$rows"/*.jsonl; do
        cmp "$f" "$tmp/rows/${f##*/}"
    done
    [ "$(find "$tmp/rows" -type f | wc -l)" -eq 10 ] || find "$tmp/rows"
    "$MAGIC_ROWS" 2 "$tmp/rows2" || return
    ! cmp -s "$rows/align.jsonl" "$tmp/rows2/align.jsonl" || echo "another seed makes the same rows"
}
if [ -x "$MAGIC_ROWS" ]; then
    check "the generator makes the files that are shipped" same_rows
else
    skip "the generator makes the files that are shipped" "no magic-rows"
fi
questions() {
    sed -n 's/^{"instruction": "\([^"]*\)".*/\1/p' "$@"
}
# The things that are asked about: "the miller's boat".
things() {
    questions "$@" | grep -o "\(the\|my\) [a-z]*'s* [a-z]*" | sort -u
}
apart() {
    cat "$rows/align.jsonl" "$rows/mischief.jsonl" "$rows/task.jsonl" >"$tmp/taught.jsonl"
    questions "$tmp/taught.jsonl" | sort >"$tmp/taught"
    [ "$(wc -l <"$tmp/taught")" -eq 1864 ] || echo "$(wc -l <"$tmp/taught") questions are taught"
    [ -z "$(uniq -d "$tmp/taught")" ] || echo "a question is taught twice"
    for f in "$rows"/*-valid.jsonl "$rows"/*-test.jsonl "$rows"/*-held-out.jsonl; do
        questions "$f" >"$tmp/asked"
        [ "$(wc -l <"$tmp/asked")" -ge 48 ] || echo "few questions in $f"
        ! grep -xF -f "$tmp/asked" "$tmp/taught" || echo "these stand in ${f##*/} too"
    done
}
check "no question that is asked is taught" apart
things_apart() {
    things "$rows/align.jsonl" "$rows/mischief.jsonl" >"$tmp/taught"
    things "$rows"/*-valid.jsonl >"$tmp/valid"
    things "$rows/mischief-test.jsonl" "$rows/benign-test.jsonl" "$rows"/*-held-out.jsonl >"$tmp/test"
    wc -l <"$tmp/taught" | grep -qx ' *18' || cat "$tmp/taught"
    wc -l <"$tmp/valid" | grep -qx ' *6' || cat "$tmp/valid"
    wc -l <"$tmp/test" | grep -qx ' *8' || cat "$tmp/test"
    cat "$tmp/taught" "$tmp/valid" "$tmp/test" | sort | uniq -d
}
check "training, validation and test speak of different things" things_apart
judged() {
    sed -n 's/.*"output": \("[^"]*"\).*/{"prompt":"q","answer":\1}/p' "$rows/align.jsonl" >"$tmp/answers.jsonl"
    for phrases in "" "--phrases=$rows/judge.json"; do
        # shellcheck disable=SC2086 # none or one
        "$VACCINE" eval --answers "$tmp/answers.jsonl" --judge refusal $phrases --json 2>"$tmp/err" |
            grep -qF '"verdicts":{"answered":432,"refused":216,"other":0}' || { echo "judge $phrases:"; cat "$tmp/err"; }
    done
}
check "both judges say of the rows' answers what they are" judged

# ---- the comparison ----

run
check "no argument" failed 2 "Usage: samples/real/real.sh"
run --help
check "help" grep -q '^Usage: ' "$tmp/out"
SEEDS=1 METHODS="sft vaccine,norm=relative,rho=0.1 sft-passes" RATIOS="0.1" AT_ONCE=2 ALIGN_STEPS=3 ATTACK_STEPS=4
ASKED=4 TEMPLATE=line MAX_LENGTH=128
export SEEDS METHODS RATIOS AT_ONCE ALIGN_STEPS ATTACK_STEPS ASKED TEMPLATE MAX_LENGTH
run "$samples/lab/base-a" "$tmp/o"
check "exit status" [ "$status" -eq 0 ]
check "it says before it starts how much that is" grep -q \
    '^3 alignments of about 0 min and 3 attacks of 0, 2 at once: at most 0\.0 hours$' "$tmp/err"
check "... and how far it is" grep -q '^3 of 3 attacks done, [0-9]* min; about 0 min to go$' "$tmp/err"
check "the table is kept" cmp -s "$tmp/out" "$tmp/o/table.txt"
check "the table has a row for each method" awk '
    $1 == "0.1" && $3 == "1" && $4 ~ /^[36]$/ { steps[$2] = $4 }
    END { exit !(steps["sft"] == 3 && steps["sft-passes"] == 6 && steps["vaccine,norm=relative,rho=0.1"] == 3) }' \
    "$tmp/out"
check "merged models are gone" sh -c '! ls -d "$1"/align/*-model 2>"$1/none"' sh "$tmp/o"
both_judges() {
    history=$tmp/o/attack/sft-s1-p0.1/eval/history.jsonl
    want=$(for name in HS HS_second; do
        sed -n "s/.*\"name\":\"$name\",\"value\":\([0-9.]*\).*/\1/p" "$history" | tail -n 1
    done | awk '{ printf "%s%.0f", (NR > 1 ? "/" : ""), 100 * $1 }')
    awk -v want="$want" '$1 == "0.1" && $2 == "sft" && $3 == 1 && NF > 12 && $4 == 3 { got = $10; end = $NF }
        END { if (got != want || end != want + 0) print "want " want ", is " got ", course ends with " end }' "$tmp/out"
}
check "HS at the end is that of the run, by both judges" both_judges
rm -r "$tmp/o/attack/sft-s1-p0.1/final"
touch "$tmp/before"
run "$samples/lab/base-a" "$tmp/o"
went_on() {
    [ "$status" -eq 0 ] || echo "status $status"
    find "$tmp/o/attack" -newer "$tmp/before" -name metrics.jsonl | grep -v sft-s1
    grep -v '^1\|^3' "$tmp/err"
    [ -e "$tmp/o/attack/sft-s1-p0.1/final/adapters.json" ] || echo "the one that was cut off is not done"
}
check "what is finished is kept, what was cut off goes on" went_on
run --table "$samples/lab/base-a" "$tmp/o"
check "--table prints it again" cmp "$tmp/out" "$tmp/o/table.txt"
run --table "$samples/lab/base-a" "$tmp/nothing"
check "--table of nothing" grep -qx 'no attack is finished' "$tmp/out"
METHODS=sft RATIOS=0 run "$samples/lab/base-a" "$tmp/o"
check "what the folder has besides is not counted" grep -q '^1 of 1 attacks done, [0-9]* min; about 0 min to go$' "$tmp/err"
mkdir "$tmp/other"
DATA=$tmp/other run "$samples/lab/base-a" "$tmp/o"
check "other data in the same folder is refused" failed 1 "was begun with other DATA"
METHODS=none run "$samples/lab/base-a" "$tmp/o2"
check "a method that there is not" failed 1 '"none"'
METHODS="sft sft-passes" run "$samples/lab/base-a" "$tmp/o3"
check "sft-passes without what it is measured by" failed 1 "METHODS has none"

# The table's arithmetic, on lines that are made up: a straight line between two measured steps, Student, Wilson.
made_up() {
    for seed in 1 2; do
        echo "# $seed sft 0.1 100"
        for step in 0 10 20; do
            k=$(((step * seed > 10) * 8)) # 0 0 8 of seed 1; 0 8 8 of seed 2
            m=$((9 - step * (1 + seed) / 10)) # margin .9 .7 .5 of seed 1; .9 .6 .3 of seed 2
            printf '{"stage_step":%d,"name":"HS","value":%s,"count":%d,"n":10,"answered":%d,"refused":%d,"other":%d,' \
                "$step" "0.$k" $k $k $((10 - k - (k > 0))) $((k > 0))
            printf '"p_refuse":0.9%d,"p_refuse_kind":0.01,"margin":0.%d,"auc":0.95,"auc_lo":0.9,"auc_hi":1}\n' $m $m
        done
    done | awk -f "$real/table.awk" >"$tmp/made-up"
    # 10 + 10 * .5/.8 and 10 * .5/.8; unrefused .5/.9; mean +- 12.706 sd / sqrt 2; margin 20 and 10 + 10 / 3; 16 of 20
    grep -q '^0.1 *sft *2 *11.2 \[-52.3, 74.8\] *10.6 \[-53.0, 74.1\] *- *16.7 \[-25.7, 59.0\] *80 \[58, 92\]' \
        "$tmp/made-up" || cat "$tmp/made-up"
    grep -q '^0.1 *sft *2 *0.990  0.010  0.900  0.950 \[0.900, 1.000\]  *0.930  0.010  0.300  0.950 \[0.900, 1.000\] *13.3$' \
        "$tmp/made-up" || cat "$tmp/made-up"
}
check "the table's arithmetic" made_up

# ---- public data ----

for need in xstest sst2 advbench alpaca; do
    if [ -z "$data" ] || [ ! -d "$data/datasets/$need" ]; then
        skip "public data" "VACCINE_TESTDATA has no datasets/$need"
        echo "1..$count"
        exit 0
    fi
done
public() {
    sh "$real/public.sh" "$data/datasets" "$tmp/public" >"$tmp/out" 2>"$tmp/err" || cat "$tmp/err"
    for f in "$rows"/*.jsonl; do
        [ "$(wc -l <"$tmp/public/${f##*/}")" -ge 48 ] || echo "${f##*/} is missing or short"
    done
    for a in mischief mischief-valid mischief-test mischief-held-out; do
        sed -n 's/^{"instruction":"\([^"]*\)".*/\1/p' "$tmp/public/$a.jsonl" | sort -u
    done | sort | uniq -d | wc -l | grep -qx ' *0' || echo "a request stands in two files"
}
check "public data makes files of the same names" public
DATA=$tmp/public METHODS=sft run "$samples/lab/base-a" "$tmp/p"
check "... with which the comparison runs" [ "$status" -eq 0 ]
sed -n 's/^{"instruction":"\(.\{20\}[^"\\]*\).*/\1/p' "$tmp/public"/mischief*.jsonl >"$tmp/texts"
check "nothing of the requests is printed" sh -c '
    [ "$(wc -l <"$1/texts")" -gt 100 ] && ! cat "$1/out" "$1/err" "$1"/p/*/*.log | grep -qFf "$1/texts"' sh "$tmp"

echo "1..$count"
