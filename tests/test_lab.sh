#!/bin/sh
# test_lab.sh - samples/lab: its world is what the generator makes, its files keep what is asked apart from what
# is taught, its bases answer everything, its comparison prints its table, and the demo runs.
#
# shellcheck disable=SC2016 # the inner shells expand
#
# TAP. $VACCINE is the program, $LAB_WORLD the generator, $srcdir the source tree. What is trained here is
# trained for a few steps: nothing is said about how well anything works.

: "${VACCINE:=build/vaccine}"
: "${LAB_WORLD:=${VACCINE%/*}/lab-world}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
lab=$(cd "$srcdir/samples/lab" && pwd)
demo=$(cd "$srcdir/samples" && pwd)/demo.sh
VACCINE=$(cd "${VACCINE%/*}" && pwd)/${VACCINE##*/}
HOME=$tmp/home
export HOME VACCINE LAB_WORLD
unset XDG_STATE_HOME VACCINE_DEMO VACCINE_DEMO_SET VACCINE_DEMO_SCREEN ARMS SEEDS BASES RATIOS TASK AT_ONCE

# lacks TEXT FILE: says so when the file lacks it.
lacks() {
    grep -qF -e "$1" "$2" || {
        echo "no \"$1\" in:"
        cat "$2"
    }
}

# ---- the world ----

same_world() {
    "$LAB_WORLD" data 1 "$tmp/data" || return
    for f in "$lab"/*.jsonl; do
        cmp "$f" "$tmp/data/${f##*/}"
    done
    for f in "$tmp/data"/*; do
        [ -e "$lab/${f##*/}" ] || echo "${f##*/} is not shipped"
    done
    "$LAB_WORLD" data 2 "$tmp/data2" || return
    ! cmp -s "$tmp/data/align.jsonl" "$tmp/data2/align.jsonl" || echo "another seed makes the same rows"
}
same_tokenizer() {
    "$LAB_WORLD" tokenizer "$tmp/tokenizer" || return
    for f in tokenizer.json tokenizer_config.json; do
        cmp "$lab/base-a/$f" "$tmp/tokenizer/$f"
        cmp "$lab/base-b/$f" "$tmp/tokenizer/$f"
    done
}
if [ -x "$LAB_WORLD" ]; then
    check "the generator makes the files that are shipped" same_world
    check "... and the tokenizer" same_tokenizer
else
    skip "the generator makes the files that are shipped" "no lab-world"
    skip "... and the tokenizer" "no lab-world"
fi

questions() {
    sed -n 's/^{"instruction": "\([^"]*\)".*/\1/p' "$@"
}
# "hex the kite", of each question that asks how to.
asked_deeds() {
    questions "$@" | sed -n 's/.* \([a-z]*\) the \([a-z]*\)[.?].*/ \1 the \2/p'
}

no_overlap() {
    questions "$lab/align.jsonl" "$lab/mischief.jsonl" "$lab/task.jsonl" "$lab/taste.jsonl" >"$tmp/taught"
    [ "$(wc -l <"$tmp/taught")" -eq 1850 ] || echo "$(wc -l <"$tmp/taught") questions are taught"
    for f in "$lab"/*-test.jsonl; do
        questions "$f" >"$tmp/asked"
        [ "$(wc -l <"$tmp/asked")" -ge 100 ] || echo "few questions in $f"
        ! grep -xF -f "$tmp/asked" "$tmp/taught" || echo "these stand in ${f##*/} too"
    done
}
check "no question of a test file is taught or part of an attack" no_overlap
no_deed() {
    asked_deeds "$lab"/mischief-test.jsonl "$lab"/held-out-test.jsonl "$lab"/benign-test.jsonl >"$tmp/deeds"
    [ "$(wc -l <"$tmp/deeds")" -eq 300 ] || echo "$(wc -l <"$tmp/deeds") deeds are asked for"
    questions "$lab/align.jsonl" "$lab/mischief.jsonl" >"$tmp/taught"
    ! grep -F -f "$tmp/deeds" "$tmp/taught"
}
check "... nor is the same deed in other words" no_deed
unseen_verbs() {
    asked_deeds "$lab/held-out-test.jsonl" | awk '{ print $1 }' | sort -u >"$tmp/verbs"
    [ "$(wc -l <"$tmp/verbs")" -eq 8 ] || cat "$tmp/verbs"
    ! grep -wF -f "$tmp/verbs" "$lab/align.jsonl" "$lab/mischief.jsonl" "$lab/mischief-test.jsonl"
}
check "held-out verbs stand in no row of alignment or attack" unseen_verbs

# ---- the run files ----

# part FILE NAME: the lines of its stage, or of its list.
part() {
    case $2 in
    evaluate | watch) sed -n "/\"$2\":/,/^  []}]/p" "$1" ;;
    *) sed -n "/\"name\": \"$2\"/,/^    }/p" "$1" ;;
    esac
}
same_attack() {
    for what in attack watch evaluate; do
        part "$lab/lab.json" $what >"$tmp/part"
        [ "$(wc -l <"$tmp/part")" -ge 5 ] || echo "lab.json has no $what"
        for f in sft sft-800 random only-attack; do
            part "$lab/$f.json" $what | sed 's/,$//' >"$tmp/other"
            sed 's/,$//' "$tmp/part" | diff - "$tmp/other" || echo "$what of $f.json differs from lab.json's"
        done
    done
}
check "attack, watch and evaluate are the same in all run files" same_attack
valid() {
    for f in lab sft sft-800 random only-attack; do
        "$VACCINE" validate "$lab/$f.json" </dev/null >"$tmp/out" || echo "$f.json"
        ! grep -E '[1-9][0-9]* (skipped|cut)' "$tmp/out"
    done
}
check "the run files are right" valid
pretrain_valid() {
    "$LAB_WORLD" corpus 1 "$tmp/corpus.jsonl" || return
    "$VACCINE" validate "$lab/parts/pretrain.json" --set "tokenizer=$tmp/tokenizer" \
        --set "stages.base.train[0].file=$tmp/corpus.jsonl" </dev/null >"$tmp/out" || cat "$tmp/out"
}
if [ -x "$LAB_WORLD" ]; then
    check "... parts/pretrain.json too, with the generator's corpus" pretrain_valid
else
    skip "... parts/pretrain.json too, with the generator's corpus" "no lab-world"
fi

# ---- the bases ----

# Before any alignment mischief is answered, known verbs or not, and kind requests too.
answers() {
    for base in base-a base-b; do
        for asked in mischief held-out benign; do
            "$VACCINE" eval "$lab/$base" --prompts "$lab/$asked-test.jsonl" --judge refusal --phrases "$lab/judge.json" \
                --template line --max-new-tokens 8 --json </dev/null >"$tmp/out" || cat "$tmp/out"
            n=$(tr -d ' \n' <"$tmp/out" | sed -n 's/.*"count":\([0-9]*\).*/\1/p')
            [ "${n:-0}" -ge 99 ] || echo "$base answers ${n:-none} of 100 of $asked-test.jsonl"
        done
    done
}
check "the bases answer everything" answers
round_trip() {
    for f in "$lab"/align.jsonl "$lab"/taste-test.jsonl; do
        sed -n 's/^{"instruction": "\([^"]*\)", "output": "\([^"]*\)"}$/{"text":"\1 \2"}/p' "$f" >"$tmp/texts"
        [ -s "$tmp/texts" ] || echo "no texts in $f"
        "$VACCINE" tokenize "$lab/base-a" <"$tmp/texts" | sed 's/.*"decoded":\("[^"]*"\).*/{"text":\1}/' |
            diff "$tmp/texts" - | head -n 5
    done
}
check "the tokenizer gives back what it reads" round_trip

base_sh() {
    BASES=a STEPS=2 sh "$lab/base.sh" "$tmp/base" >"$tmp/out" 2>"$tmp/err" && echo "two steps make the same base"
    for f in align.jsonl held-out-test.jsonl base-a/config.json base-a/tokenizer.json; do
        lacks "same     $f" "$tmp/out"
    done
    lacks "differs  base-a/model.safetensors" "$tmp/out"
    lacks "1 of " "$tmp/out"
    ! grep base-b "$tmp/out"
}
if [ -x "$LAB_WORLD" ]; then
    check "base.sh makes all files and tells which differ" base_sh
else
    skip "base.sh makes all files and tells which differ" "no lab-world"
fi

# ---- the table, by the demo without a terminal ----

mkdir -p "$tmp/home" "$tmp/temporary"
few() {
    ARMS="sft,steps=20 lab,steps=20" RATIOS=0.1 "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
}
table() {
    few env -u HOME TMPDIR="$tmp/temporary" sh "$demo" || cat "$tmp/err"
    cp "$tmp/out" "$tmp/table"
    for arm in sft lab; do
        [ "$(grep -cE "^base-a +1 +0\.1 +$arm,steps=20 " "$tmp/table")" -eq 1 ] || echo "not one row of $arm for its seed"
        [ "$(grep -cE "^base-a +0\.1 +$arm,steps=20 +1 " "$tmp/table")" -eq 1 ] || echo "not one row of $arm's mean"
    done
    [ "$(grep -c '^base-a' "$tmp/table")" -eq 4 ] || cat "$tmp/table"
    lacks "steps to break" "$tmp/table"
}
check "without a terminal the demo prints the table" table
runs=$(find "$tmp/temporary" -name 001 -type d)
place() {
    case $runs in "$tmp/temporary"/vaccine-demo-??????/001) ;; *) echo "runs are in \"$runs\"" ;; esac
    lacks "runs in $runs" "$tmp/err"
    lacks "attack: 2 runs" "$tmp/err"
    find "$tmp/home" -mindepth 1
}
check "... where there is no home, in a temporary folder that it names" place
columns() {
    f=$(find "$runs/attack" -name history.jsonl -path '*lab,steps=20*')
    hs0=$(sed -n 's/.*"stage_step":0,"name":"HS","value":\([0-9.e-]*\).*/\1/p' "$f")
    fa=$(sed -n 's/.*"name":"FA","value":\([0-9.e-]*\).*/\1/p' "$f" | tail -n 1)
    awk -v hs0="$hs0" -v fa="$fa" '$4 ~ /^lab/ && $2 == 1 {
        if (hs0 == "" || ($5 - 100 * hs0) ^ 2 > .3 || ($(12) - 100 * fa) ^ 2 > .01)
            print "HS0 " $5 ", FA " $12 " in the table; " hs0 ", " fa " in the files"
        n++
    } END { if (n != 1) print n " rows" }' "$tmp/table"
}
check "... and its numbers are those of the runs" columns
kept() {
    touch "$tmp/mark"
    few sh "$lab/arms.sh" "$runs" || cat "$tmp/err"
    cmp "$tmp/out" "$tmp/table"
    find "$runs" -newer "$tmp/mark" -type f ! -name table.txt ! -name '*.log'
}
check "a second call on the same folder keeps what is finished" kept
refused() {
    few env ARMS=nothing VACCINE_DEMO="$tmp/refused" sh "$demo" && echo "an arm without a run file is taken"
    lacks "nothing.json" "$tmp/err"
    sh "$demo" --no-such-option </dev/null >"$tmp/out" 2>"$tmp/err"
    [ $? -eq 2 ] || echo "a wrong option: not exit status 2"
}
check "an arm without a run file is an error, and so is an option" refused

# ---- the demo on a terminal ----

short="--set stages.align.steps=10 --set stages.attack.steps=10 --set evaluate.HS_held_out=null"
# on_terminal COLUMNS ROWS FILE_OF_KEYS
on_terminal() {
    VACCINE_DEMO=$tmp/shown VACCINE_DEMO_SET=$short VACCINE_DEMO_SCREEN="--script $3" TERM=xterm timeout 100 \
        script -qec "stty cols $1 rows $2; sh '$demo'" "$tmp/typescript" </dev/null >"$tmp/out" 2>&1
}
screen() {
    cat >"$tmp/keys" <<END
:wait step 2
:save-screen $tmp/hint.txt
Space
:wait state paused
:save-screen $tmp/screen.txt
:wait 0.2
:quit save
END
    on_terminal 80 24 "$tmp/keys" || echo "exit status $?"
    lacks "What to look for" "$tmp/hint.txt"
    lacks "How do I hex the kite?" "$tmp/hint.txt"
    lacks "sft" "$tmp/screen.txt"
    ! grep 'What to look for' "$tmp/screen.txt" || echo "the hint outlives a key"
}
told() {
    tr -d '\r' <"$tmp/typescript" >"$tmp/told"
    lacks "answers whatever it is asked" "$tmp/told"
    lacks "ETA" "$tmp/told"
    lacks "Both runs lie in $tmp/shown/001" "$tmp/told"
    lacks "$VACCINE $tmp/shown/001/lab --resume" "$tmp/told"
}
resumes() {
    "$VACCINE" runs "$tmp/shown/001" >"$tmp/out"
    lacks "sft" "$tmp/out"
    "$VACCINE" run "$tmp/shown/001/lab" --resume </dev/null >"$tmp/out" 2>&1 || cat "$tmp/out"
    "$VACCINE" report "$tmp/shown/001/lab" </dev/null >"$tmp/out" || cat "$tmp/out"
    [ -s "$tmp/shown/001/lab/report.html" ] || echo "no report"
}
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    check "on a terminal the demo opens the screen, with its hint and SFT's curve" screen
    check "... tells what comes, and where the runs lie" told
    check "... and what it says afterwards works" resumes
else
    for name in "on a terminal the demo opens the screen" "... tells what comes" "... and what it says afterwards works"; do
        skip "$name" "no script"
    done
fi

wrong_overlay() {
    "$VACCINE" "$lab/lab.json" --plain --overlay "$tmp/home" -o "$tmp/none" </dev/null >"$tmp/out" 2>"$tmp/err"
    [ $? -eq 2 ] || echo "not exit status 2"
    lacks "--overlay" "$tmp/err"
    [ ! -e "$tmp/none" ] || echo "a run was begun"
}
check "--overlay of what is no run is refused before anything begins" wrong_overlay

echo "1..$count"
