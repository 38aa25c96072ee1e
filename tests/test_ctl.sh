#!/bin/sh
# test_ctl.sh - `vaccine ctl`: a run without a screen is asked and steered by its socket.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$(cd "$srcdir/tests/golden" && pwd)
. "$srcdir/tests/tap.sh"
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY

ctl() {
    "$VACCINE" ctl "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}

sed 's/"ids"/"input_ids"/g' "$golden/opt/batch.json" >"$tmp/rows.json"
# file NAME STEPS MEMBERS: a run file; one that is long goes on until it is told to stop
file() {
    cat >"$tmp/$1.json" <<END
{
  "model": "$golden/opt", "seed": 1, "threads": 1, "max_length": 64, $3
  "stages": [
    { "name": "align", "method": "vaccine", "rho": 1, "train": [{ "file": "rows.json" }],
      "lora": { "r": 2, "alpha": 4 }, "steps": $2, "batch_size": 1, "lr": 1e-3 }
  ]
}
END
}
# begin NAME [DIR]: in the background; paused as soon as it takes commands
begin() {
    dir=${2:-$tmp/$1}
    "$VACCINE" run "$tmp/$1.json" -o "$dir" --json </dev/null >"$tmp/$1.out" 2>"$tmp/$1.err" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! "$VACCINE" ctl "$dir" status >/dev/null 2>&1; do
        sleep 0.1
    done
}
step() {
    sed -n 's/.*"step":\([0-9]*\),"total_steps".*/\1/p' "$tmp/out"
}
said() { # PATTERN
    grep -q -e "$1" "$tmp/out"
}
journal() { # PATTERN
    grep -q -e "$1" "$dir/journal.jsonl"
}

file long 100000000 ''
begin long
ctl "$dir" pause
check "a run without a screen is paused" done_with "done at step"
ctl "$dir" status
check "and says so" done_with "long: paused"
ctl --json "$dir" status
at=$(step)
check "for programs as JSON" said "^{\"id\":2,\"ok\":true,\"status\":{\"state\":\"paused\",.*\"step\":$at,"
check "nobody else can open the socket" sh -c '[ "$(stat -c %a "$1")" = 600 ]' sh "$dir/control.sock"
ctl "$dir" step 3
check "three steps" [ "$status" -eq 0 ]
ctl "$dir" checkpoint
ctl --json "$dir" status
check "and no more" [ "$(step)" -eq $((at + 3)) ]
check "a checkpoint" [ -d "$dir/checkpoint-$((at + 3))" ]
ctl "$dir" options
check "what may be set, and to what" done_with "rho = 1   a number from 0 to 1000000; length"
ctl --as ann "$dir" set rho 2.5
check "an option is set" done_with "done at step $((at + 3))"
check "the journal says who, by name" journal '"who":"socket ann","op":"set","key":"rho","old":"1","new":"2.5"'
check "or by user and process" journal "\"who\":\"socket user $(id -u) process [0-9]*\",\"op\":\"step\",\"new\":\"3\""
ctl "$dir" note what is said of it
check "a note of several words" journal '"op":"note","new":"what is said of it"'
ctl --json "$dir" samples 0
check "samples" said '"event":"samples","id":2.*"samples":\[{"index":0,"line":1,"file":"rows.json"'

# ---- what is wrong is said in a line
mv "$dir/control.sock" "$tmp/kept" && echo x >"$dir/control.sock"
ctl "$dir" status
check "a socket that is a file" failed 2 'control.sock: is no socket: remove it'
rm "$dir/control.sock" && mv "$tmp/kept" "$dir/control.sock"
far=$tmp/$(printf 'x%.0s' 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0)$(printf 'y%.0s' 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0)
mkdir "$far" && ln -s "$dir" "$far/run"
ctl "$far/run" status
check "a path that is too long for a socket" failed 2 "longer than the 107 bytes that a socket's path may have"
ctl "$dir" fork
check "a fork says where it is" done_with "step $((at + 3)) fork: $dir-at-$((at + 3))"
ctl "$dir" set rho -- -1
check "a value out of range" failed 1 'rho: expected a number from 0 to 1000000, found "-1"'
ctl "$dir" set rho -.5
check "a number is no option" failed 1 'rho: expected a number from 0 to 1000000, found "-.5"'
ctl "$dir" set rhp 1
check "no such option" failed 1 'rhp: this stage has no such option'
ctl "$dir" step many
check "no number" failed 2 'step: expected a whole number, found "many"'
ctl "$dir" step
check "too little" failed 2 'step: write step N'
ctl "$dir" pause now
check "too much" failed 2 'pause: write pause'
ctl "$dir" puase
check "no such command" failed 2 'no command "puase" (did you mean "pause"?)'
ctl "$dir" eval
check "what the run refuses" failed 1 'no evaluate entry applies to stage align'
ctl "$dir" guard 'HZ > 3'
check "a guard on what is not measured" failed 1 'the run has no "HZ": it has epoch, loss,'
ctl "$dir" guard 'loss > 1e999'
check "a bound that is no number" failed 1 'a number must follow the >'
ctl "$dir" guard 'loss > 3 run true'
check "a command from elsewhere" failed 1 'a guard that runs a command is given in the run file or on the screen'
ctl "$dir" control
check "control is for who stays" [ "$status" -eq 0 ]
ctl "$tmp" status
check "no run's folder" failed 2 'holds no run (no run.json): name a run folder'
ctl --as "$(printf '%060d' 0)" "$dir" status
check "a name that is too long" failed 2 '--as: expected a name'
ctl "$dir" help
check "help lists the commands" done_with 'set KEY TEXT         a live option'

"$VACCINE" ctl "$dir" watch >"$tmp/watched" 2>"$tmp/watch.err" &
watch=$!
for _ in 1 2 3 4; do
    ctl "$dir" note 'so far'
    sleep 0.3
done
ctl "$dir" resume
ctl "$dir" stop
check "stop saves and ends" [ "$status" -eq 0 ]
wait "$pid"
check "as it should" [ $? -eq 0 ]
wait "$watch"
check "who watches is told until the end" [ $? -eq 0 ]
check "but once of how it stands" [ "$(grep -c ': paused' "$tmp/watched")" -eq 1 ]
check "the socket goes with the run" [ ! -e "$dir/control.sock" ]
# ---- what was set holds: rho is the same wherever it stands
"$VACCINE" runs "$dir" >"$tmp/out" 2>&1
check "in the list of runs" grep -q ' vaccine 1 -> 2.5 ' "$tmp/out"
"$VACCINE" report "$dir" -o "$tmp/long.html" >/dev/null 2>&1
check "in the report" grep -qF '<td>vaccine</td><td class="n">1 → 2.5</td>' "$tmp/long.html"
"$VACCINE" run "$tmp/long.json" -o "$dir" --resume --set rho=4 </dev/null >"$tmp/long.out" 2>&1 &
pid=$!
until "$VACCINE" ctl "$dir" stop >/dev/null 2>&1 || ! kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
wait "$pid"
check "in the last lines of a run" grep -qx ' *vaccine  rho 1 -> 4' "$tmp/long.out"
ctl "$dir" status
check "a run that nobody runs" failed 2 'no program is running this run: vaccine run'
file short 2 ''
"$VACCINE" run "$tmp/short.json" -o "$tmp/short" </dev/null >/dev/null 2>&1
ctl "$tmp/short" status
check "a run that is over" failed 2 "this run is over: vaccine $tmp/short looks at it"

# ---- what is of another step says of which
file seen 100000000 '"watch": { "every": 1000000, "drift": { "file": "rows.json" }, "align_loss": { "file": "rows.json" } },
  "evaluate": [{ "name": "L", "data": "rows.json", "metric": "loss", "every": 1000000 }],'
begin seen
ctl "$dir" pause
ctl "$dir" step 1
ctl "$dir" checkpoint
ctl "$dir" status
check "figures of the beginning say so" said ' align [0-9.]* @0  rho 1  lr [0-9.e-]*  drift [0-9.e-]* @0  L [0-9.]* @0$'
ctl "$dir" eval
ctl "$dir" status
check "and one of now does not" said '  L [0-9.]*$'
ctl "$dir" stop
wait "$pid"

# ---- a kill leaves the socket; the next one who has the lock takes its place
begin long "$tmp/killed"
"$VACCINE" ctl "$dir" pause >/dev/null
"$VACCINE" ctl "$dir" checkpoint >/dev/null
kill -KILL "$pid"
wait "$pid" 2>/dev/null
check "a socket that nobody listens at" [ -S "$dir/control.sock" ]
ctl "$dir" status
check "is no run" failed 2 'no program is running this run'
"$VACCINE" run --resume "$dir" --json </dev/null >"$tmp/again.out" 2>"$tmp/again.err" &
pid=$!
while kill -0 "$pid" 2>/dev/null && ! "$VACCINE" ctl "$dir" status >/dev/null 2>&1; do
    sleep 0.1
done
ctl "$dir" stop
check "the next program cleans up and listens" [ "$status" -eq 0 ]
wait "$pid"

# ---- a path that is too long
deep=$tmp/$(printf '%0100d' 0)
mkdir -m 700 "$tmp/runtime" "$deep"
XDG_RUNTIME_DIR=$tmp/runtime
export XDG_RUNTIME_DIR
begin long "$deep/run"
check "a path too long: the runtime folder" sh -c 'ls "$1"/vaccine-*.sock >/dev/null' sh "$tmp/runtime"
check "the lock names it" grep -q "^$tmp/runtime/vaccine-$pid.sock\$" "$dir/lock"
ctl "$dir" stop
check "it is found there" [ "$status" -eq 0 ]
wait "$pid"
check "and goes with the run" sh -c '! ls "$1"/vaccine-*.sock 2>/dev/null' sh "$tmp/runtime"
unset XDG_RUNTIME_DIR
file short 3 ''
"$VACCINE" run "$tmp/short.json" -o "$deep/short" </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "no place for it is no reason not to train" [ "$status" -eq 0 ]
check "but said" grep -q 'longer than the 107 bytes that a socket.s path may have; and XDG_RUNTIME_DIR names' "$tmp/err"

# ---- what the run file allows
file none 100000000 '"control": "none",'
"$VACCINE" run "$tmp/none.json" -o "$tmp/none" --json </dev/null >"$tmp/none.out" 2>"$tmp/none.err" &
pid=$!
dir=$tmp/none
while kill -0 "$pid" 2>/dev/null && ! grep -q '"step":2,' "$tmp/none.out"; do
    sleep 0.1
done
ctl "$dir" status
check "none: there is no socket" failed 2 'takes no commands: it has its own screen, or "control" is "none"'
check "at all" [ ! -e "$dir/control.sock" ]
kill -TERM "$pid"
wait "$pid"
file read 100000000 '"control": "read",'
begin read
ctl "$dir" pause
check "read: nothing is changed" failed 1 'this run can only be looked at: "control" is "read" in its run file'
ctl "$dir" status
check "but told" done_with "read: running"
kill -TERM "$pid"
wait "$pid"
check "nobody's command is in its journal" sh -c '! grep -q socket "$1"' sh "$dir/journal.jsonl"
file bad 1 '"control": "ful",'
"$VACCINE" validate "$tmp/bad.json" >"$tmp/out" 2>"$tmp/err"
status=$?
check "a wrong word" failed 1 'control: expected one of full, read, none, found "ful"'

# ---- steered or not, the same steps
file same 12 ''
"$VACCINE" run "$tmp/same.json" -o "$tmp/alone" </dev/null >"$tmp/out" 2>"$tmp/err"
file asked 12 ''
begin asked
for i in 1 2 3; do
    "$VACCINE" ctl "$dir" pause >/dev/null 2>&1
    "$VACCINE" ctl "$dir" status >/dev/null 2>&1
    "$VACCINE" ctl "$dir" samples 0 >/dev/null 2>&1
    "$VACCINE" ctl "$dir" resume >/dev/null 2>&1
done
wait "$pid"
check "a run that was asked and held is the same bytes" cmp "$tmp/alone/final/adapter_model.safetensors" \
    "$dir/final/adapter_model.safetensors"

echo "1..$count"
