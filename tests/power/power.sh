#!/bin/sh
# power.sh - a power cut after every call of a run: what is left goes on to the same bytes, each time. A kill after every
# call of whatever writes into a run's folder: it is as it was written (`vaccine verify`).
#
#     power.sh [all|sample] [run|merge|chain...]
#
# A sample looks at every twelfth of the states. $VACCINE is the program, $srcdir the source tree, $CC a compiler. Prints the counts; exit status 1 when a
# state did not go on, 77 when nothing can be preloaded here.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
how=${1:-all}
[ $# -eq 0 ] || shift
VACCINE=$(cd "$(dirname "$VACCINE")" && pwd)/$(basename "$VACCINE")
lab=$(cd "$srcdir/samples/lab" && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vaccine-power-XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
OMP_WAIT_POLICY=passive LC_ALL=C
export OMP_WAIT_POLICY LC_ALL

if nm "$VACCINE" 2>/dev/null | grep -q __asan_init ||
    ! ${CC:-cc} -O1 -shared -fPIC -o "$tmp/record.so" "$srcdir/tests/power/record.c" -ldl 2>"$tmp/why" ||
    ! ${CC:-cc} -O1 -o "$tmp/replay" "$srcdir/tests/power/replay.c" 2>"$tmp/why"; then
    echo "# nothing can be preloaded here"
    exit 77
fi
every=1
[ "$how" = all ] || every=12
cat >"$tmp/r.json" <<EOF
{"model": "$lab/base-a", "template": "line", "max_length": 64, "threads": 1,
 "stages": [
  {"name": "align", "train": ["$lab/align.jsonl"], "lora": {"r": 2, "alpha": 4}, "steps": 4, "batch_size": 2, "lr": 1e-3},
  {"name": "attack", "train": ["$lab/task.jsonl"], "lora": {"r": 2, "alpha": 4}, "steps": 4, "batch_size": 2, "lr": 1e-3}],
 "evaluate": [{"name": "HS", "prompts": "$lab/mischief-test.jsonl", "judge": "refusal", "take": 2, "every": 2, "max_new_tokens": 2}],
 "checkpoint": {"steps": 2, "keep": 1}, "disk_wait": 0.01}
EOF

# What the clock says differs.
lines() {
    sed 's/,"step_ms":[^,}]*//; s/,"wall":[^,}]*//' "$1"
}

# point FOLDER POINT DISK: what is left there goes on, or begins again where nothing was promised yet.
cat >"$tmp/point" <<END_POINT
#!/bin/sh
here=$tmp/left/run
fail() {
    echo "# power cut \$1 (\$2): \$3"
    head -n 3 "$tmp/err" | sed 's/^/#   /'
    exit 1
}
if [ -e "\$here/run.json" ]; then
    "$VACCINE" run "\$here" --resume >/dev/null 2>"$tmp/err" </dev/null ||
        "$VACCINE" run "\$here" --resume --from-start >/dev/null 2>>"$tmp/err" </dev/null ||
        fail "\$1" "\$2" "does not go on"
else
    "$VACCINE" run "$tmp/r.json" -o "\$here" >/dev/null 2>"$tmp/err" </dev/null || fail "\$1" "\$2" "cannot begin"
fi
for f in final stages/align stages/attack; do
    cmp -s "\$here/\$f/adapter_model.safetensors" "$tmp/ref/run/\$f/adapter_model.safetensors" ||
        fail "\$1" "\$2" "\$f has other weights"
done
for f in metrics.jsonl layers.jsonl eval/history.jsonl; do
    sed 's/,"step_ms":[^,}]*//; s/,"wall":[^,}]*//' "\$here/\$f" | cmp -s - "$tmp/lines/\$(basename \$f)" ||
        fail "\$1" "\$2" "\$f has other lines"
done
exit 0
END_POINT
chmod +x "$tmp/point"

fresh() {
    rm -rf "$tmp/ref" "$tmp/log"
    mkdir "$tmp/ref"
}
more() { # STATUS COMMAND...: its calls below $tmp/ref, behind those before
    want=$1
    shift
    POWER_ROOT=$tmp/ref POWER_LOG=$tmp/log LD_PRELOAD=$tmp/record.so "$@" >/dev/null 2>"$tmp/err" <"$tmp/in"
    got=$?
    [ $got -eq "$want" ] || {
        echo "# the command itself failed ($got, not $want): $* $(head -n 1 "$tmp/err")"
        exit 1
    }
}
record() { # COMMAND...
    fresh
    more 0 "$@"
}
: >"$tmp/in"
status=0
tell() { # NAME [killed]
    "$tmp/replay" "$tmp/log" "$tmp/left" "$tmp/point" "$every" $2 >"$tmp/says" || status=1
    sed "s/^/$1: /" "$tmp/says"
}

record "$VACCINE" run "$tmp/r.json" -o "$tmp/ref/run"
mkdir "$tmp/lines"
for f in metrics.jsonl layers.jsonl eval/history.jsonl; do
    lines "$tmp/ref/run/$f" >"$tmp/lines/$(basename $f)"
done
[ "$how" = all ] && [ $# -eq 0 ] && set -- run merge chain
case " $* " in *" run "*) tell run ;; esac

# A merged model is whole or not there.
cat >"$tmp/point" <<END_POINT
#!/bin/sh
[ -e "$tmp/left/out" ] || exit 0
[ -z "\$(ls "$tmp/left/out")" ] && exit 0
diff -r "$tmp/left/out" "$tmp/ref/out" >"$tmp/why" && exit 0
echo "# power cut \$1 (\$2): a merged model in part: \$(head -n 1 "$tmp/why")"
exit 1
END_POINT
case " $* " in *" merge "*)
    cp -R "$tmp/ref/run/stages/align" "$tmp/adapter"
    record "$VACCINE" merge "$lab/base-a" --adapter "$tmp/adapter" -o "$tmp/ref/out"
    tell merge
    ;;
esac
case " $* " in *" chain "*) ;; *) exit $status ;; esac

# A run's folder that was killed at any call of its own or of others' is as it was written, and so it is when the run
# has gone on, which is looked at now and then.
cat >"$tmp/point" <<END_POINT
#!/bin/sh
whole() {
    "$VACCINE" verify "\$1" >"$tmp/why" 2>&1 </dev/null && ! grep -q '^wrong' "$tmp/why" && return
    echo "# killed \$2: \$(grep '^wrong' "$tmp/why" || head -n 2 "$tmp/why")"
    exit 1
}
for run in "$tmp/left"/*; do
    [ -e "\$run/run.json" ] || continue
    whole "\$run" "\$1"
    [ \$((\$1 % 36)) -eq 0 ] || continue
    "$VACCINE" run "\$run" --resume >/dev/null 2>"$tmp/err" </dev/null ||
        "$VACCINE" run "\$run" --resume --from-start >/dev/null 2>>"$tmp/err" </dev/null
    whole "\$run" "\$1, gone on with"
done
END_POINT
sed 's/"disk_wait"/"guards": [{"when": "step >= 5", "do": "rewind"}], "disk_wait"/' "$tmp/r.json" >"$tmp/back.json"
fresh
more 3 "$VACCINE" run "$tmp/back.json" -o "$tmp/ref/back"
tell "chain, going back" killed

# killed between two checkpoints, gone on with, attacked, labelled
cat >"$tmp/battery.json" <<END
{"attacks": [{"name": "own", "steps": 2}, {"name": "low", "lr": 1e-4, "steps": 2}], "budget": 4}
END
harm="{\"file\": \"$lab/mischief.jsonl\", \"harmful\": true}], \"samples\": 40, \"harmful_ratio\": 0.5"
sed "s|\"$lab/task.jsonl\"\]|\"$lab/task.jsonl\", $harm|; s/\"keep\": 1/\"keep\": 9/" "$tmp/r.json" >"$tmp/attacked.json"
fresh
POWER_KILL=120
export POWER_KILL
more 137 "$VACCINE" run "$tmp/attacked.json" -o "$tmp/ref/run"
unset POWER_KILL
more 0 "$VACCINE" run "$tmp/ref/run" --resume
more 0 "$VACCINE" attack "$tmp/ref/run" --at 4 --steps 2
more 0 "$VACCINE" attack "$tmp/ref/run" --at 4 --battery "$tmp/battery.json"
printf 'r\na\n' >"$tmp/in"
more 0 "$VACCINE" label "$tmp/ref/run"
tell "chain, killed and attacked" killed
exit $status
