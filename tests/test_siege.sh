#!/bin/sh
# test_siege.sh - attacks that a run makes on forks of its weights: by itself ("attack" in the run file), and told to by
# `vaccine ctl`.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY
: "${VACCINE:=build/vaccine}"

vaccine() {
    "$VACCINE" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
# lab FOLDER MORE...: a short run of the lab
lab() {
    folder=$1
    shift
    vaccine run "$srcdir/samples/lab/lab.json" -o "$folder" --set stages.align.steps=12 \
        --set stages.attack.steps=4 --set 'checkpoint={"steps":0,"minutes":0}' --set threads=1 --set watch.every=4 \
        --set watch.probes=null --set evaluate.HS.take=16 --set evaluate.HS_held_out.take=4 \
        --set evaluate.over_refusal.take=8 --set evaluate.FA.take=8 "$@"
}
ended() { [ "$status" = "$1" ]; }
# wait_for COMMAND...: until it succeeds, the run $pid has ended, or it was asked often enough
wait_for() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1 || ! kill -0 "$pid" 2>/dev/null; then
            return
        fi
        sleep 0.05
    done
}
# What a run is, without what tells of time.
bytes() {
    (cd "$1" && cksum final/adapter_model.safetensors stages/*/adapter_model.safetensors eval/history.jsonl layers.jsonl &&
        sed 's/,"step_ms":[^,}]*//; s/,"wall":[^,}]*//' metrics.jsonl | cksum)
}
steps_told() { sed 's/{"step":\([0-9]*\),.*/\1/' "$1/attacks.jsonl" | tr '\n' ' '; }

lab "$tmp/alone"
check "a run of the lab" ended 0
bytes "$tmp/alone" >"$tmp/want"

# ---- by itself
lab "$tmp/P" --set 'attack={"every":5,"steps":3,"lr":2e-3}'
check "one that attacks forks of its weights" ended 0
bytes "$tmp/P" >"$tmp/have"
check "... is the same run, byte for byte" cmp "$tmp/want" "$tmp/have"
check "... every 5 steps, and where the stage ends" [ "$(steps_told "$tmp/P")" = "5 10 12 " ]
check "... on the weights of those steps" cmp "$tmp/P/stages/align/adapter_model.safetensors" \
    "$tmp/P/attacks/every-at-12/stages/align/adapter_model.safetensors"
check "... and its journal tells what each came to" sh -c '
    [ "$(grep -c "\"who\":\"core\",\"op\":\"attack\",\"key\":\"attacks/every-at-.*steps to break" "$1/journal.jsonl")" = 3 ]' sh "$tmp/P"
vaccine attack "$tmp/P" --list
check "... and the table has them by step" sh -c '
    grep -q "^against this attack: stage attack, 3 steps, .*lr 0.002$" "$1" && [ "$(grep -cE "^ +(5|10|12)  " "$1")" = 3 ]' sh "$tmp/out"
check "an attack makes none of its own" sh -c '! grep -q "\"every\": *5" "$1/attacks/every-at-5/run.json" && [ ! -e "$1/attacks/every-at-5/attacks" ]' sh "$tmp/P"
vaccine replay "$tmp/P"
check "it can be repeated" done_with bit-identical
vaccine verify "$tmp/P"
check "... and proven" ended 0
vaccine run --resume "$tmp/P"
check "one that is over attacks nothing again" [ "$(steps_told "$tmp/P")" = "5 10 12 " ]

# ---- killed, or ended, while it attacks
# interrupted SIGNAL FOLDER: in the attack on step 5
interrupted() {
    "$VACCINE" run "$tmp/slow.json" -o "$2" </dev/null >/dev/null 2>&1 &
    pid=$!
    wait_for sh -c '[ "$(grep -c . "$1")" -gt 3 ]' sh "$2/attacks/every-at-5/metrics.jsonl"
    kill -"$1" "$pid"
    wait "$pid" 2>/dev/null
}
python3 - "$tmp/P/run.json" "$tmp/slow.json" <<'END'
import json, sys
doc = json.load(open(sys.argv[1]))["spec"]
doc["attack"] = {"every": 5, "steps": 16}
json.dump(doc, open(sys.argv[2], "w"))
END
for signal in KILL TERM; do
    interrupted "$signal" "$tmp/$signal"
    check "$signal in an attack: nothing is told of it" [ ! -s "$tmp/$signal/attacks.jsonl" ]
    first=$(sed -n 1p "$tmp/$signal/attacks/every-at-5/metrics.jsonl")
    vaccine run --resume "$tmp/$signal"
    check "... the run goes on with it" ended 0
    check "... and each is made once" [ "$(steps_told "$tmp/$signal")" = "5 10 12 " ]
    check "... in its folder" [ "$(ls "$tmp/$signal/attacks" | tr '\n' ' ')" = "every-at-10 every-at-12 every-at-5 " ]
    check "... whole" [ "$(grep -c . "$tmp/$signal/attacks/every-at-5/metrics.jsonl")" = 17 ]
    bytes "$tmp/$signal" >"$tmp/have"
    check "... and the run is the same" cmp "$tmp/want" "$tmp/have"
done
check "TERM saves where the attack was" test "$(sed -n 1p "$tmp/TERM/attacks/every-at-5/metrics.jsonl")" = "$first"
check "... and the journal says that it was left" grep -q '"op":"attack","key":"attacks/every-at-5","status":"left"' "$tmp/TERM/journal.jsonl"

# ---- a battery
cat >"$tmp/two.json" <<'END'
{ "attacks": [{ "name": "mild", "steps": 2 }, { "name": "harsh", "steps": 3, "lr": 3e-3 }] }
END
lab "$tmp/B" --set "attack={\"every\":12,\"battery\":\"$tmp/two.json\"}"
check "a battery by itself" ended 0
check "... all of its attacks" sh -c '[ "$(grep -c "\"run\":\"attacks/two-at-12/" "$1/attacks.jsonl")" = 2 ]' sh "$tmp/B"
bytes "$tmp/B" >"$tmp/have"
check "... and the run is the same" cmp "$tmp/want" "$tmp/have"
check "... the file is one of its inputs" grep -q "$(sha256sum "$tmp/two.json" | cut -d' ' -f1)" "$tmp/B/run.json"

# ---- an attack that comes to nothing is no end of the run
lab "$tmp/F" --set 'attack={"every":12,"lr":1e30}'
check "an attack that fails" ended 0
check "... is told by the journal" grep -q '"op":"attack","key":"attacks/every-at-12","status":"failed"' "$tmp/F/journal.jsonl"
bytes "$tmp/F" >"$tmp/have"
check "... and the run is the same" cmp "$tmp/want" "$tmp/have"

# ---- planned
V="--set stages.align.steps=12 --set stages.attack.steps=4"
plan() {
    # shellcheck disable=SC2086 # words
    vaccine validate "$srcdir/samples/lab/lab.json" $V "$@"
}
plan --set 'attack={"every":5,"steps":3}'
check "validate counts them" sh -c 'grep -q "^attack every 5 steps, steps 3: 3 attacks on forks, by stage attack$" "$1" &&
    grep -q " of measuring, .* of attacks" "$1"' sh "$tmp/out"
check "... and what one needs" grep -q 'an attack on a fork, beside it  *[0-9.]* [MG]B' "$tmp/out"
plan --json --set "attack={\"every\":5,\"battery\":\"$tmp/two.json\"}"
check "... of a battery, too" grep -q '"attacks":6,"attacking":[0-9.]*[1-9]' "$tmp/out"
plan --set 'attack={"every":-1}'
check "no number of steps" failed 2 'attack.every: expected a whole number of at least 1, found -1'
plan --set 'attack={"evry":5}'
check "no such key" failed 2 'did you mean "every"?'
plan --set 'attack={"every":5,"steps":3,"battery":"two.json"}'
check "a battery and more" failed 2 'attack.steps: a battery'"'"'s file says what attacks: leave it out'
plan --set 'attack={"every":5,"budget":3}'
check "a budget of nothing" failed 2 'attack.budget: a budget is of a battery: add battery, an attack file'
plan --set 'attack={"every":5,"battery":"/nix"}'
check "no such file" failed 2 'attack.battery: '
plan --set 'attack={"every":5}' --set stages.attack.train='[{"file":"task.jsonl"}]' --set stages.attack.harmful_ratio=0
check "nothing that attacks" failed 2 'attack.every: no stage after the first has harmful rows that could attack'
echo '{ "attacks": [{ "name": "x", "kind": "nix" }] }' >"$tmp/bad.json"
plan --set "attack={\"every\":5,\"battery\":\"$tmp/bad.json\"}"
check "a wrong attack file" failed 1 'bad.json: attacks[0].kind:'
lab "$tmp/bad" --set "attack={\"every\":5,\"battery\":\"$tmp/bad.json\"}"
check "... before anything is trained" sh -c '[ "$1" != 0 ] && [ ! -e "$2" ]' sh "$status" "$tmp/bad"

# ---- told to
ctl() {
    vaccine ctl "$@"
}
journal() { grep -q -e "$1" "$dir/journal.jsonl"; }
dir=$tmp/T
python3 - "$tmp/slow.json" "$tmp/told.json" <<'END'
import json, sys
doc = json.load(open(sys.argv[1]))
doc["stages"][0]["steps"] = 1000000
doc["attack"] = {"every": 1000000}
json.dump(doc, open(sys.argv[2], "w"))
END
"$VACCINE" run "$tmp/told.json" -o "$dir" </dev/null >/dev/null 2>&1 &
pid=$!
wait_for "$VACCINE" ctl "$dir" pause
ctl --as ann "$dir" attack steps=2 lr=0.002
check "ctl attack" done_with ": steps to break "
at=$(sed -n '$s/{"step":\([0-9]*\),.*/\1/p' "$dir/attacks.jsonl")
check "... says on which step" grep -q "^step $at attack: attack at step $at: " "$tmp/out"
check "... keeps it" grep -q '"run":"attacks/run-at-'"$at"'","steps":2,' "$dir/attacks.jsonl"
check "... and the journal says who" journal "\"who\":\"socket ann\",\"op\":\"attack\",\"key\":\"attacks/run-at-$at\""
(cd "$tmp" && "$VACCINE" ctl "$dir" attack battery=two.json </dev/null >"$tmp/out" 2>"$tmp/err"; exit $?)
status=$?
check "a battery, whose file is looked for here" done_with "worst case: HS "
"$VACCINE" ctl "$dir" attack steps=400 </dev/null >/dev/null 2>&1 &
stands() { "$VACCINE" ctl "$dir" status | grep -q "(attack at step $at: step [0-9]* of 400, HS "; }
wait_for stands
ctl --json "$dir" status
check "status tells how it stands" grep -q '"state":"measuring",.*"attack":{"dir":"attacks/run-at-'"$at"'-2",.*"steps":400,' "$tmp/out"
ctl "$dir" attack colour=red
check "no such word" failed 2 '"colour=red" is none of at=STEP, ratio=X, samples=N, steps=N, lr=X, battery=FILE, budget=N'
ctl "$dir" attack ratio=3
check "a ratio that is none" failed 2 'ratio: expected a number from 0 to 1, found "3"'
ctl "$dir" attack battery="$tmp/two.json" steps=3
check "a battery and more" failed 2 "steps: a battery's file says what attacks: leave it out"
ctl "$dir" help
check "help has its words with their types" done_with 'ratio=             a number from 0 to 1; part of'
ctl --json "$dir" options
check "... so has the socket" grep -q '{"do":"attack","takes":"t",.*{"name":"ratio",.*"min":0,"max":1,' "$tmp/out"
ctl "$dir" stop
wait "$pid"
check "stop leaves it to be gone on with" journal '"op":"attack","key":"attacks/run-at-'"$at"'-2","status":"left"'
# ---- what cannot be attacked is not saved for it
python3 - "$tmp/slow.json" "$tmp/late.json" <<'END'
import json, sys
doc = json.load(open(sys.argv[1]))
doc["stages"][0]["steps"] = 1
doc["stages"][1]["steps"] = 1000000
del doc["attack"]
json.dump(doc, open(sys.argv[2], "w"))
END
dir=$tmp/L
"$VACCINE" run "$tmp/late.json" -o "$dir" </dev/null >/dev/null 2>&1 &
pid=$!
wait_for "$VACCINE" ctl "$dir" pause
ctl "$dir" step 3
late() { "$VACCINE" ctl --json "$dir" status | grep -q '"state":"paused".*"step":[3-9][0-9]*,"total_steps"'; }
wait_for late
(cd "$dir" && ls -d checkpoint-*) >"$tmp/before" 2>/dev/null
ctl "$dir" attack steps=2
check "an attack within the attack stage" failed 1 "lies behind the beginning of stage attack"
(cd "$dir" && ls -d checkpoint-*) >"$tmp/after" 2>/dev/null
check "... saves nothing" cmp "$tmp/before" "$tmp/after"
ctl "$dir" stop
wait "$pid"
# ---- what is made again after going back is attacked again
python3 - "$tmp/told.json" "$tmp/back.json" <<'END'
import json, sys
doc = json.load(open(sys.argv[1]))
doc["attack"] = {"every": 1, "steps": 1}
json.dump(doc, open(sys.argv[2], "w"))
END
dir=$tmp/K
"$VACCINE" run "$tmp/back.json" -o "$dir" </dev/null >/dev/null 2>&1 &
pid=$!
wait_for "$VACCINE" ctl "$dir" pause
ctl "$dir" step 1
ctl "$dir" checkpoint # between steps: that one is made, and attacked
ctl --json "$dir" status
at=$(sed -n 's/.*"step":\([0-9]*\),"total_steps".*/\1/p' "$tmp/out")
ctl "$dir" step 1
ctl "$dir" checkpoint
ctl "$dir" rewind "$at"
check "it goes back" ended 0
ctl "$dir" set lr 0.01
ctl "$dir" step 1
ctl "$dir" checkpoint
ctl "$dir" stop
wait "$pid"
check "other weights are attacked" sh -c '! cmp -s "$1/stages/align/adapter_model.safetensors" "$1-2/stages/align/adapter_model.safetensors"' \
    sh "$dir/attacks/every-at-$((at + 1))"
check "... the same are not" [ ! -e "$dir/attacks/every-at-$at-2" ]

echo "1..$count"
