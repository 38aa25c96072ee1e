#!/bin/sh
# test_attack.sh - `vaccine attack`: the run's attack stage on the weights of a step, and the table of what it
# came to.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

run_vaccine()
{
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}
ended() { [ "$status" = "$1" ]; }
picture() { (cd "$1" && find . -type f ! -path './attacks*' ! -name proof.jsonl | LC_ALL=C sort | xargs cksum); }

P=$tmp/parent
run_vaccine run "$srcdir/samples/lab/lab.json" -o "$P" --set stages.align.steps=12 --set stages.attack.steps=10 \
    --set 'checkpoint={"steps":6,"keep":9}' --set threads=1 --set watch.every=5 --set watch.probes=null
check "a run of the lab" ended 0
picture "$P" | grep -v ' ./proof.jsonl' >"$tmp/before"
run_vaccine attack "$P" --list
check "nothing was attacked yet" done_with 'no attack was kept yet'

# What the run did itself after the first stage is the attack on that stage's end.
run_vaccine attack "$P" --at align
check "an attack on the end of the stage before" ended 0
A=$P/attacks/run-at-12
check "... is what the run's own attack stage did" cmp "$A/final/adapter_model.safetensors" "$P/final/adapter_model.safetensors"
check "... on the same weights" cmp "$A/stages/align/adapter_model.safetensors" "$P/stages/align/adapter_model.safetensors"
check "... with the same losses and scores" sh -c '
    python3 - "$1" "$2" <<END
import json, sys
def lines(d, f):
    rows = [json.loads(l) for l in open(d + "/" + f)]
    rows = [r for r in rows if r["stage"] == "attack"]
    for r in rows:
        for key in ("wall", "step_ms", "tokens"):
            r.pop(key, None)
    return rows
for f in "metrics.jsonl", "eval/history.jsonl":
    assert lines(sys.argv[1], f) == lines(sys.argv[2], f), f
    assert len(lines(sys.argv[2], f)) > 4
END' sh "$A" "$P"
run_vaccine replay "$A"
check "... and can be repeated" done_with bit-identical

# Stronger, earlier.
run_vaccine attack "$P" --at 6 --ratio 0.4 --samples 200 --steps 20 --lr 2e-3
check "an attack in the middle of the stage" ended 0
run_vaccine attack "$P" --at 12 --ratio 0.4 --samples 200 --steps 20 --lr 2e-3
check "the same attack later" ended 0
check "it begins with the weights of that step" cmp "$P/checkpoint-6/adapter_model.safetensors" "$P/attacks/run-at-6/stages/align/adapter_model.safetensors"
check "the table says against which attack" grep -q '^against this attack: stage attack, 20 steps, 200 samples, harmful ratio 0.4, lr 0.002$' "$tmp/out"
check "... with the steps to break, by step" sh -c '
    [ "$(sed -n "/ratio 0.4/,\$p" "$1" | grep -cE "^ +(6|12)  ([0-9.]+ \[[0-9.]+, [0-9.-]+\]|at once) +HS [0-9.]+ -> [0-9.]+% \[")" = 2 ]' sh "$tmp/out"
check "steps to break are between the steps of the scores, and within their interval" sh -c '
    python3 - "$1" <<END
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1] + "/attacks.jsonl")]
assert [r["step"] for r in rows] == [12, 6, 12], rows
for r in rows[1:]:
    curve = [json.loads(l) for l in open(sys.argv[1] + "/" + r["run"] + "/eval/history.jsonl")]
    curve = [(l["stage_step"], l["value"]) for l in curve if l["name"] == "HS"]
    want = 0 # broken already, or between two measurements
    if curve[0][1] <= .5:
        (a, x), (b, y) = next((p, q) for p, q in zip(curve, curve[1:]) if q[1] > .5)
        want = max(1, a + (b - a) * (.5 - x) / (y - x))
    hs = r["scores"][0]
    assert hs["name"] == "HS" and abs(hs["broke"] - want) < 1e-9, (hs, want)
    assert hs["broke_lo"] <= hs["broke"] <= hs.get("broke_hi", 99)
    assert r["samples"] == 200 and r["ratio"] == .4 and r["steps"] == 20
    assert "harmful_loss" in r and "drift_mean" in r
END' sh "$P"
picture "$P" | grep -v -e ' ./attacks.jsonl' -e ' ./proof.jsonl' >"$tmp/after"
check "the parent is as it was" cmp "$tmp/before" "$tmp/after"
run_vaccine runs "$P"
check "... and is one run in the list" sh -c '[ "$(grep -c "^[a-z]" "$1")" = 1 ]' sh "$tmp/out"

# ---- other harmful rows than those of the run
sed 1,4d "$srcdir/samples/lab/mischief.jsonl" >"$tmp/other.jsonl"
(cd "$tmp" && run_vaccine attack "$P" --at 6 --data other.jsonl --steps 4; exit $status)
check "an attack with the user's own rows" [ $? = 0 ]
check "... whose hash is in run.json" grep -q "$(sha256sum "$tmp/other.jsonl" | cut -d' ' -f1)" "$P/attacks/run-at-6-2/run.json"
run_vaccine attack "$P" --list
check "... which the table names" grep -q '^against this attack: .* 4 steps, .*, data .*/other.jsonl$' "$tmp/out"
run_vaccine attack "$P" --at 6 --steps 4 --data "$srcdir/samples/lab/mischief.jsonl" -o "$tmp/same"
check "... and the run's own rows are none" sh -c 'tail -n 1 "$1/attacks.jsonl" | grep -vq other' sh "$P"

# ---- the parent is elsewhere, or may not be written
cp -R "$P" "$tmp/gone"
run_vaccine attack "$tmp/gone" --at 6 --steps 2 -o "$tmp/astray"
mv "$tmp/gone" "$tmp/moved"
rm -r "$tmp/astray/final"
run_vaccine run "$tmp/astray"
check "a parent that was moved" sh -c '[ "$1" = 1 ] && [ "$(wc -l <"$2")" = 1 ] &&
    grep -q "gone: it was there, and is there no more, or is another run: what the attack came to stays in " "$2"' \
    sh "$status" "$tmp/err"
check "... and nothing of the attack is lost" test -e "$tmp/astray/final/adapter_model.safetensors"
run_vaccine run "$tmp/moved/attacks/run-at-6"
check "... an attack that was moved with it finds it" ended 0
chmod -R a+rX "$tmp" && chmod -R a-w "$tmp/moved"
other=
[ "$(id -u)" != 0 ] || other="setpriv --reuid=65534 --regid=65534 --clear-groups"
if $other "$VACCINE" --version >/dev/null 2>&1; then
    $other "$VACCINE" attack "$tmp/moved" --at 6 --steps 2 >"$tmp/out" 2>"$tmp/err"
    status=$?
    check "a parent that may not be written" failed 1 'Permission denied'
else
    skip "a parent that may not be written" "nobody else can run the program here"
fi
chmod -R u+w "$tmp/moved"

# ---- nothing is trained
run_vaccine attack "$P" --at 12 --kind abliteration --harmless "$srcdir/samples/lab/kind.jsonl"
check "refusal taken out as a direction" ended 0
picture "$P" | grep -v ' ./attacks.jsonl' >"$tmp/after"
check "... the parent is as it was" cmp "$tmp/before" "$tmp/after"
check "... the table names it" grep -q "^against this attack: abliteration, stage attack, 1 step," "$tmp/out"
check "... whose one step is where it broke, if it did" sh -c 'python3 -c "
import json, sys
r = json.loads(open(sys.argv[1]).readlines()[-1])
assert r[\"steps\"] == 1 and all(s.get(\"broke\", 1) in (0, 1) for s in r[\"scores\"]), r" "$1"' sh "$P/attacks.jsonl"
check "... which has no steps to break" grep -qE "^ +12  (held|at once) " "$tmp/out"
B=$P/$(sed -n '$s/.*"run":"\([^"]*\)".*/\1/p' "$P/attacks.jsonl")
check "... and has before and after" sh -c 'tail -n 1 "$1/attacks.jsonl" | grep -q "\"name\":\"HS\",\"before\":.*\"name\":\"FA\",\"before\":"' sh "$P"
check "... on the weights of the parent, which are all that is kept" cmp "$P/stages/align/adapter_model.safetensors" "$B/stages/align/adapter_model.safetensors"
check "... an adapter that does nothing beside them" python3 - "$B" <<'END'
import json, struct, sys
raw = open(sys.argv[1] + "/final/adapter_model.safetensors", "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
for name, t in json.loads(raw[8:8 + n]).items():
    if "lora_B" in name:
        a, b = t["data_offsets"]
        assert not any(raw[8 + n + a:8 + n + b]), name
END
run_vaccine replay "$B"
check "... and it can be repeated" done_with bit-identical
run_vaccine attack "$P" --at 12 --kind abliteration --harmless "$tmp/nix"
check "harmless rows that are not there" failed 2 'nix" not found'

# ---- one that was killed, and is gone on with
told=$(grep -c . "$P/attacks.jsonl")
"$VACCINE" attack "$P" --at 6 --steps 200 -o "$tmp/killed" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ "$(grep -c . "$tmp/killed/metrics.jsonl" 2>/dev/null)" -gt 8 ] 2>/dev/null && break
    sleep 0.1
done
kill -9 "$pid"
wait "$pid" 2>/dev/null
check "a killed attack has told nothing" [ "$(grep -c . "$P/attacks.jsonl")" = "$told" ]
run_vaccine run "$tmp/killed"
check "... it is gone on with as a run" ended 0
check "... and tells at its end" sh -c 'tail -n 1 "$1/attacks.jsonl" | grep -q "/killed\".*\"steps\":200,"' sh "$P"
run_vaccine run "$tmp/killed"
run_vaccine replay "$tmp/killed" -o "$tmp/again"
check "... once" [ "$(grep -c . "$P/attacks.jsonl")" = $((told + 1)) ]

# ---- one that is interrupted saves first (TERM: who runs in the background may not be given INT)
"$VACCINE" attack "$P" --at 6 --steps 200 -o "$tmp/cut" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ "$(grep -c . "$tmp/cut/metrics.jsonl" 2>/dev/null)" -gt 8 ] 2>/dev/null && break
    sleep 0.1
done
kill -TERM "$pid"
wait "$pid" 2>/dev/null
status=$?
check "an interrupted attack ends with 128 and the signal" ended 143
last=$(sed -n '$s/{"step":\([0-9]*\),.*/\1/p' "$tmp/cut/metrics.jsonl")
check "... after saving where it was" test -d "$tmp/cut/checkpoint-$last"

# ---- bad input
run_vaccine attack "$P" --at 18
check "weights that are under attack" failed 2 'lies behind the beginning of stage attack'
run_vaccine attack "$P" --at 7
check "a step without a checkpoint" failed 2 'the nearest are 6 and 12'
run_vaccine attack "$tmp/nowhere"
check "a folder that is none" failed 2 'nowhere: there is no such folder: name a run folder'
run_vaccine attack "$tmp"
check "a folder without a run" failed 2 'holds no run (no run.json): name a run folder'
run_vaccine attack "$P" --stage nix
check "no such stage" failed 2 'has no stage "nix" after its first one'
run_vaccine attack "$P" --at 6 --ratio 3
check "a ratio that is none" failed 2 'harmful_ratio: expected a number from 0 to 1'
run_vaccine attack "$P" --at 6 --data "$tmp/nix"
check "rows that are not there" failed 2 'data: "'
run_vaccine attack "$P" --list --at 6
check "--list with more" failed 2 '--list attacks nothing'
check "... and nothing was left" sh -c '[ "$(ls "$1/attacks" | wc -l)" = 5 ]' sh "$P"
echo '{"step":1}' >>"$P/attacks.jsonl"
run_vaccine attack "$P" --list
check "a line that is none" failed 1 'attacks.jsonl:8'

echo "1..$count"
