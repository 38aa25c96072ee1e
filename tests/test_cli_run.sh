#!/bin/sh
# test_cli_run.sh - `vaccine run` without a terminal: one JSON object per line, and how it ends.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$(cd "$srcdir/tests/golden" && pwd)
. "$srcdir/tests/tap.sh"
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY

run() {
    "$VACCINE" run "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}

ended() {
    [ "$status" -eq "$1" ]
}

sed 's/"ids"/"input_ids"/g' "$golden/opt/batch.json" >"$tmp/rows.json"
cat >"$tmp/small.json" <<END
{
  "model": "$golden/opt", "seed": 1, "threads": 1, "max_length": 64,
  "stages": [
    { "name": "align", "method": "sft", "train": [{ "file": "rows.json" }],
      "lora": { "r": 2, "alpha": 4 }, "steps": 6, "batch_size": 1, "lr": 1e-3 }
  ]
}
END

run "$tmp/small.json" -o "$tmp/whole" --json
check "a whole run" ended 0
check "one JSON object per line" sh -c '[ -s "$1" ] && ! grep -qv "^{.*}$" "$1"' sh "$tmp/out"
check "one line for each step" sh -c '
    for s in 1 2 3 4 5 6; do
        [ "$(grep -c "^{\"step\":$s,.*\"loss\":" "$1")" -eq 1 ] || exit 1
    done' sh "$tmp/out"
check "the lines of steps are those of metrics.jsonl" sh -c '
    grep "^{\"step\":" "$1" | cmp -s - "$2"' sh "$tmp/out" "$tmp/whole/metrics.jsonl"
check "the adapter is there" [ -s "$tmp/whole/final/adapter_model.safetensors" ]

# Other kernels than those that computed the run: said before the first step, and kept in the journal.
sed 's/"stages"/"checkpoint": { "steps": 2, "keep": 3 },\n  "stages"/' "$tmp/small.json" >"$tmp/kept.json"
run "$tmp/kept.json" -o "$tmp/kept"
check "run.json tells the kernels" grep -q '"kernels":[[:space:]]*"[a-z]' "$tmp/kept/run.json"
"$VACCINE" replay "$tmp/kept" >"$tmp/out" 2>"$tmp/err"
check "the same kernels are not mentioned" sh -c 'grep -q "bit-identical" "$1" && ! grep -q note: "$2"' sh \
    "$tmp/out" "$tmp/err"
sed 's/\("kernels":[[:space:]]*\)"[^"]*"/\1"abacus"/' "$tmp/kept/run.json" >"$tmp/other"
cat "$tmp/other" >"$tmp/kept/run.json"
"$VACCINE" replay "$tmp/kept" --json >"$tmp/out" 2>"$tmp/err"
check "replay by other kernels says so first" sh -c '
    grep -q "note: the run was computed by abacus, and here it is by .*: sums are rounded otherwise; .* digits" "$1" &&
        grep -q "\"kernels\":\"the run was computed by abacus" "$2"' sh "$tmp/err" "$tmp/out"
# Its checkpoints stand on the run.json that they knew, so it begins again.
rm -rf "$tmp/kept/final" "$tmp/kept/stages" "$tmp/kept/checkpoint-6"
run "$tmp/kept" --resume --from-start
check "so does going on" grep -q "note: the run was computed by abacus" "$tmp/err"
check "... which is kept in the journal" sh -c '
    grep "\"op\":\"kernels\"" "$1" | grep -q "\"old\":\"abacus\".*\"reason\":\"sums"' sh "$tmp/kept/journal.jsonl"
check "... and ends" ended 0

# What a run has come to: its last step is measured and told, with the last scores.
cat >"$tmp/told.json" <<END
{
  "model": "$golden/opt", "seed": 1, "threads": 1, "max_length": 64,
  "watch": { "every": 4, "drift": "rows.json", "align_loss": "rows.json" },
  "evaluate": [{ "name": "L", "data": "rows.json", "metric": "loss" }],
  "stages": [
    { "name": "align", "train": ["rows.json"], "lora": { "r": 2 }, "steps": 6, "batch_size": 1 },
    { "name": "attack", "train": ["rows.json"], "lora": { "r": 2 }, "steps": 7, "batch_size": 1 }
  ]
}
END
run "$tmp/told.json" -o "$tmp/told"
check "a run with its last step" ended 0
check "the last step of each stage is printed" sh -c '
    grep -q "^align  *step 6/13  loss .*  drift .*  align .*  L " "$1" &&
        grep -q "^attack  *step 13/13  loss .*  drift .*  align .*  L " "$1"' sh "$tmp/out"
check "so are the final scores" grep -qE '^ *L [0-9.]* -> [0-9.]* \[[0-9.]*, [0-9.]*\]  at step 13$' "$tmp/out"
# Measured at 0, 4 and 6 (the second stage begins there: again), 10 and 13; told at 3, 6, 9, 12, 13: once, and with its
# step where that is another.
check "each line of layers.jsonl says its stage" sh -c '
    [ "$(sed "s/.*\"stage\":\"\([a-z]*\)\".*/\1/" "$1" | sort -u | tr "\n" " ")" = "align attack " ]' sh "$tmp/told/layers.jsonl"
# On a terminal, or where COLUMNS says how wide one is, no line is wider, and nothing that was measured is left out.
for columns in 80 60; do
    COLUMNS=$columns run "$tmp/told.json" -o "$tmp/told-$columns" --set log_every=1
    check "lines fit $columns columns" sh -c '
        [ -s "$1" ] && awk -v most="$2" "length > most && !/\\/tmp|\\// { print; bad = 1 } END { exit bad }" "$1"' sh "$tmp/out" "$columns"
    check "... each step with its loss and, while it goes on, its ETA; what does not fit stands below" sh -c '
        [ "$(grep -cE "^(align|attack) +step [0-9]+/13  loss " "$1")" -ge 13 ] && grep -q "ETA" "$1" &&
            grep -qE "(^ {11}|  )drift [0-9]" "$1" && grep -qE "(^ {11}|  )L [0-9]" "$1"' sh "$tmp/out"
done
run "$tmp/told.json" -o "$tmp/told-3" --set log_every=3 --set evaluate.L.every=4
check "a run whose lines stand at other steps than its scores" ended 0
check "a score stands in the line after it was measured, with its step" sh -c '
    steps=$(grep -oE "step [0-9]+/13|(drift|L) [0-9.]+( @[0-9]+)?" "$1" | tr "\n" " " | sed -E "s/(drift|L) [0-9.]+/\1/g")
    want="step 0/13 drift L step 3/13 step 6/13 drift L step 9/13 drift @6 L @6 step 12/13 drift @10 L @10 step 13/13 drift L L "
    [ "$steps" = "$want" ] || { echo "$steps"; false; }' sh "$tmp/out"
check "what is watched is measured at the last step of a stage" sh -c '
    for s in 6 13; do
        grep "^{\"step\":$s," "$1/metrics.jsonl" | head -n 1 | grep -q "\"align_loss\":" &&
            grep "^{\"step\":$s," "$1/layers.jsonl" | head -n 1 | grep -q "\"drift_rel\":" || exit 1
    done' sh "$tmp/told"
run "$tmp/told"
check "a finished run tells its scores again" done_with "at step 13"

sed 's/"steps": 6/"steps": 1/' "$tmp/small.json" | sed 's/"lr": 1e-3/"lr": 1e-3, "warmup_ratio": 0.1/' \
    >"$tmp/idle.json"
run "$tmp/idle.json" -o "$tmp/idle"
check "a stage whose every step has learning rate 0 is told" \
    done_with "nothing is trained: the learning rate is 0 at every step"
"$VACCINE" validate "$tmp/idle.json" >"$tmp/out" 2>"$tmp/err"
status=$?
check "validate tells it too" done_with "nothing is trained: the learning rate is 0 at every step"

run "$tmp/small.json" -o "$tmp/whole"
check "a folder that holds a run is not written over" ended 2
run "$tmp/small.json" --no-such-option
check "wrong usage" ended 2
run "$tmp/no-such-file.json"
check "a run file that is not there" sh -c '[ "$1" -ne 0 ] && grep -q no-such-file "$2"' \
    sh "$status" "$tmp/err"
sed 's/rows.json/gone.json/' "$tmp/small.json" >"$tmp/gone.json.run"
run "$tmp/gone.json.run" -o "$tmp/gone"
check "data that is not there" ended 1

sed 's/"steps": 6/"steps": 100000000/' "$tmp/small.json" >"$tmp/long.json"
"$VACCINE" run "$tmp/long.json" -o "$tmp/term" --json </dev/null >"$tmp/out" 2>"$tmp/err" &
pid=$!
while kill -0 "$pid" 2>/dev/null && ! grep -q '"step":2,' "$tmp/out"; do
    sleep 0.1
done
kill -TERM "$pid" 2>/dev/null
wait "$pid"
status=$?
check "SIGTERM" ended 143
check "SIGTERM saves" sh -c 'ls "$1" | grep -q "^checkpoint-"' sh "$tmp/term"

# Not in the background: a shell without job control makes those deaf to SIGINT.
timeout --preserve-status -s INT 2 \
    "$VACCINE" run "$tmp/long.json" -o "$tmp/int" --json </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "SIGINT" ended 130

# Names that would steer a terminal, or forge a line, in what every command prints.
evil=$tmp/$(printf 'ev\033]0;x\a\n\302\233\342\200\256')
mkdir "$evil"
cp -r "$golden/opt" "$evil/model"
cp "$tmp/rows.json" "$evil/rows.json"
sed 's/"model": "[^"]*",//' "$tmp/small.json" >"$evil/small.json"
echo '[{"instruction": "a", "output": "b"}]' >"$evil/alpaca.json"
for line in "run small.json -o r --set=model=model" "replay r" "runs ." "doctor model" "report r" \
    "merge model --adapter r/final -o m" "import alpaca alpaca.json -o i.jsonl" "validate r/run.json" \
    "probe model a --adapter=nowhere" "score model --adapter=nowhere" "run gone.json" "report gone"; do
    # Every operand by its full path.
    set --
    for word in $line; do
        case $word in
            *.json* | r | r/* | m | i.jsonl | gone | . | model) set -- "$@" "$evil/$word" ;;
            --set=model=model) set -- "$@" "--set=model=$evil/model" ;;
            --adapter=nowhere) set -- "$@" "--adapter=$evil/nowhere" ;;
            *) set -- "$@" "$word" ;;
        esac
    done
    "$VACCINE" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
    check "no name steers a terminal: $line" sh -c '
        ! LC_ALL=C grep -qaP "[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae" "$1" "$2" &&
        cat "$1" "$2" | grep -q "ev.x1b\]0;x.x07.n" || [ "$3" = "runs ." ]' \
        sh "$tmp/out" "$tmp/err" "$line"
done

# What nohup and a shell with a job in the background ignore stays ignored.
(
    trap '' HUP INT QUIT
    exec "$VACCINE" run "$tmp/long.json" -o "$tmp/nohup" --json </dev/null >"$tmp/out" 2>"$tmp/err"
) &
pid=$!
reached() {
    while kill -0 "$pid" 2>/dev/null && ! grep -q "\"step\":$1," "$tmp/out"; do
        sleep 0.1
    done
}
reached 2
kill -HUP "$pid"
kill -QUIT "$pid"
at=$(grep -c '"step":' "$tmp/out")
reached $((at + 20))
kill -TERM "$pid" 2>/dev/null
wait "$pid"
status=$?
check "ignored signals stay ignored, and SIGTERM ends" ended 143

# A line that drops: it saves, goes on, and is there for others. Each waits for what it is about, or for the end.
: >"$tmp/out"
"$VACCINE" run "$tmp/long.json" -o "$tmp/dropped" --json </dev/null >"$tmp/out" 2>"$tmp/err" &
pid=$!
reached 2
kill -HUP "$pid"
while kill -0 "$pid" 2>/dev/null && ! ls "$tmp/dropped" | grep -q '^checkpoint-[0-9]*$'; do
    sleep 0.1
done
at=$(grep -c '"step":' "$tmp/out")
reached $((at + 20))
check "SIGHUP saves and goes on" kill -0 "$pid"
check "what lost its line takes commands" sh -c '"$1" ctl "$2" stop | grep -qv "^done at step"; [ $? -eq 1 ]' \
    sh "$VACCINE" "$tmp/dropped"
wait "$pid"
status=$?
check "and ends as it is told to" ended 0

# A shell ignores the terminal's interrupts for its jobs in the background; one that is sent to them is meant.
: >"$tmp/out" # the steps of the run before are no sign that this one listens
"$VACCINE" run "$tmp/long.json" -o "$tmp/behind" --json </dev/null >"$tmp/out" 2>"$tmp/err" &
pid=$!
reached 2
kill -INT "$pid"
wait "$pid"
status=$?
check "an interrupt that is sent to a job in the background ends it" ended 130

# A file of the run must not become standard output.
"$VACCINE" run "$tmp/small.json" -o "$tmp/closed" <&- >&- 2>&-
status=$?
check "closed standard descriptors" ended 0
check "the run behind them is whole" sh -c 'cmp "$1/final/adapter_model.safetensors" \
    "$2/final/adapter_model.safetensors" &&
    [ "$(wc -l <"$1/metrics.jsonl")" -eq "$(wc -l <"$2/metrics.jsonl")" ]' \
    sh "$tmp/whole" "$tmp/closed"

echo "1..$count"
