#!/bin/sh
# test_fork.sh - `vaccine fork`: a run that begins with what another one has saved, and `vaccine runs` of the
# family.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

run_vaccine()
{
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}
ended() { [ "$status" = "$1" ]; }
picture() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs cksum); }
lines() { sed -E 's/"(wall|step_ms)":[0-9.e+-]+//g' "$1"; }

# same A B: the weights at the ends, and all lines but for the clock.
same()
{
    for f in stages/align/adapter_model.safetensors stages/attack/adapter_model.safetensors final/adapter_model.safetensors; do
        cmp "$1/$f" "$2/$f" || return 1
    done
    for f in metrics.jsonl layers.jsonl probes.jsonl eval/history.jsonl; do
        [ "$(lines "$1/$f")" = "$(lines "$2/$f")" ] || { echo "$f differs"; return 1; }
    done
}

P=$tmp/parent
run_vaccine run "$srcdir/samples/lab/lab.json" -o "$P" --set stages.align.steps=8 --set stages.attack.steps=6 \
    --set 'checkpoint={"steps":4,"keep":9}' --set threads=1 --set watch.every=2
check "a run of the lab" ended 0
picture "$P" >"$tmp/before"

# ---- unchanged, from each of what it has saved
chmod -R a-w "$P"
for at in 4 align 12; do
    run_vaccine fork "$P" --at $at -o "$tmp/at-$at"
    check "a fork of a read-only folder at $at" ended 0
    run_vaccine run "$tmp/at-$at"
    check "... goes on" ended 0
    check "... and comes to the parent's bytes" same "$P" "$tmp/at-$at"
done
run_vaccine fork "$P" --at 4 -o "$tmp/at 4"
check "a folder that is to be typed is quoted" grep -q "; go on with: vaccine run '$tmp/at 4'\$" "$tmp/out"
rm -r "$tmp/at 4"
run_vaccine replay "$tmp/at-12"
check "... which a replay from there gives again" done_with bit-identical
run_vaccine fork "$P" --at final -o "$tmp/over"
run_vaccine run "$tmp/over"
check "a fork at the end has nothing left to do" same "$P" "$tmp/over"
chmod -R u+w "$P"
picture "$P" >"$tmp/after"
check "the parent is as it was" cmp "$tmp/before" "$tmp/after"
check "run.json tells whose child it is" sh -c '
    python3 - "$1" "$2" <<END
import hashlib, json, sys
p, c = sys.argv[1:]
parent = json.load(open(c + "/run.json"))["parent"]
assert parent["run"] == p and parent["step"] == 4 and parent["stage"] == "align", parent
assert parent["id"] == hashlib.sha256(open(p + "/run.json", "rb").read()).hexdigest()
END' sh "$P" "$tmp/at-4"
check "... and so does its journal" grep -q '"op":"forked","key":"align",.*"new":"checkpoint-4"' "$tmp/at-4/journal.jsonl"

# ---- the checkpoint of a stage's end is gone: the next stage begins
cp -R "$P" "$tmp/pruned"
rm -r "$tmp/pruned/checkpoint-8"
run_vaccine fork "$tmp/pruned" --at align -o "$tmp/begins"
check "a fork where a stage had ended" ended 0
run_vaccine run "$tmp/begins"
check "... comes to the same bytes without that checkpoint" same "$P" "$tmp/begins"
run_vaccine replay "$tmp/begins"
check "... and can be repeated" done_with bit-identical
run_vaccine fork "$tmp/pruned" --at attack -o "$tmp/none" --dry
check "the last stage's end is its checkpoint" ended 0

# ---- another data file is what was asked for
sed 1,8d "$srcdir/samples/lab/mischief.jsonl" >"$tmp/other.jsonl"
(cd "$tmp" && run_vaccine fork "$P" --at 8 -o "$tmp/other" --set 'stages.attack.train[1].file=other.jsonl'; exit $status)
check "a fork with another data file" [ $? = 0 ]
check "... of which run.json has the hash" grep -q "$(sha256sum "$tmp/other.jsonl" | cut -d' ' -f1)" "$tmp/other/run.json"
run_vaccine run "$tmp/other"
check "... goes on" ended 0
run_vaccine replay "$tmp/other"
check "... and is repeated" done_with bit-identical
echo >>"$tmp/other.jsonl"
run_vaccine replay "$tmp/other" -o "$tmp/changed"
check "... while the file is what it was" failed 1 'other.jsonl: has changed since the run began'
head -n 3 "$srcdir/samples/lab/align.jsonl" >"$tmp/few.jsonl"
run_vaccine fork "$P" --at 4 -o "$tmp/no" --set "stages.align.train[0].file=$tmp/few.jsonl"
check "a step that lies behind all of the new rows" failed 2 'step 4 lies behind 64 samples of an epoch, and the data that is set has 3'
run_vaccine fork "$P" --at 12 -o "$tmp/no" --set "stages.align.train[0].file=$tmp/few.jsonl"
check "data of what is over" failed 2 'stage align is over at step 12'

# ---- what is planned, watched and measured otherwise from there on
U=$tmp/until
run_vaccine run "$srcdir/samples/lab/sft.json" -o "$U" --set stages.align.steps=8 --set stages.attack.steps=6 \
    --set 'checkpoint={"steps":4,"keep":9}' --set threads=1 --set 'stages.align.until={"HS":"< 1%"}' \
    --set 'guards=["loss > 1e9 alert","nan save"]'
check "a run with bounds and guards" ended 0
run_vaccine fork "$U" --at 4 -o "$tmp/no" --set stages.align.steps=3
check "a stage that would end before the fork begins" failed 2 \
    'stages.align.steps: the stage would end after step 3, and at step 4, where the fork begins, it has made 4: set more'
run_vaccine fork "$U" --at 4 -o "$tmp/no" --set stages.align.method=lisa \
    --set "stages.align.task=[\"$srcdir/samples/lab/task.jsonl\"]"
check "a method with data that has no place there" failed 2 'stages.align.method: lisa goes through "task" too'
for steps in 6 10; do
    run_vaccine fork "$U" --at 4 -o "$tmp/plan-$steps" --set stages.align.steps=$steps \
        --set 'guards=["step >= 5 alert"]'
    check "a fork with $steps steps and another guard" ended 0
    run_vaccine run "$tmp/plan-$steps"
    check "... goes on" ended 0
    check "... ends its stage as it plans to" grep -q "\"step\":$((steps + 6)),\"stage\":\"attack\",\"stage_step\":6," \
        "$tmp/plan-$steps/metrics.jsonl"
    check "... and watches as it says" grep -q 'guard 1: step >= 5: 5' "$tmp/plan-$steps/journal.jsonl"
done
run_vaccine fork "$U" --at align -o "$tmp/late"
run_vaccine run "$tmp/late" --resume --set lr=0.1
check "what is set of a stage that has made its last step" grep -q '^vaccine: lr: stage align has made its last step: none would use it' "$tmp/err"
run_vaccine run "$tmp/late" --resume
check "... changes nothing" same "$U" "$tmp/late"
run_vaccine fork "$P" --at 4 -o "$tmp/fewer" --set 'evaluate=[]'
run_vaccine run "$tmp/fewer"
check "a fork that measures less goes on" ended 0

# ---- what the parent removes, and where it goes, is nothing to the child
run_vaccine fork "$P" --at 4 -o "$tmp/child" --set stages.align.rho=0.5 --set stages.attack.steps=4
check "a fork that does otherwise" ended 0
run_vaccine fork "$tmp/child" -o "$tmp/grandchild"
check "a fork of a fork" ended 0
mkdir "$tmp/away" && mv "$P" "$tmp/away/parent" && rm -r "$tmp/away/parent/checkpoint-4"
run_vaccine run "$tmp/child"
check "... goes on though the parent was moved and has pruned" ended 0
check "... up to there as its parent, then otherwise" sh -c '
    python3 - "$1" "$2" <<END
import json, sys
p, c = ([json.loads(l) for l in open(d + "/metrics.jsonl")] for d in sys.argv[1:])
assert [l["loss"] for l in p[1:5]] == [l["loss"] for l in c[1:5]]
assert [l["rho"] for l in c[1:9]] == [1] * 4 + [0.5] * 4
assert p[5]["loss_clean"] == c[5]["loss_clean"] and p[6]["loss_clean"] != c[6]["loss_clean"]
assert c[-1]["step"] == 12
END' sh "$tmp/away/parent" "$tmp/child"
check "... keeps what it began with" test -d "$tmp/child/checkpoint-4"
run_vaccine replay "$tmp/child"
check "... and is repeated from there" done_with bit-identical
mkdir "$tmp/family" && mv "$tmp/away/parent" "$tmp/child" "$tmp/grandchild" "$tmp/family"
run_vaccine runs "$tmp/family"
check "the list shows the family as a tree" sh -c '
    grep "^[a-z ]*  *\(done\|stopped\)" -o "$1" >/dev/null &&
    [ "$(sed -n "s/^\( *[a-z]*\( @[0-9]*\)\{0,1\}\) .*\(done\|stopped\) .*/\1/p" "$1" | tr "\n" ";")" = \
        "parent;  child @4;    grandchild @4;" ]' sh "$tmp/out"
run_vaccine runs --sort name "$tmp/family"
check "... sorted by something else it is flat" grep -q '^child @4 ' "$tmp/out"
run_vaccine fork "$tmp/family/parent" --at 12
check "a parent that was moved has forks, beside it when no folder is named" test -d "$tmp/family/parent-at-12/checkpoint-12"

# ---- a parent at work
"$VACCINE" run "$srcdir/samples/lab/lab.json" -o "$tmp/work" --set stages.align.steps=4000 --set watch=null \
    --set 'checkpoint={"steps":2,"keep":2}' --set evaluate=null >/dev/null 2>&1 &
worker=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    [ -d "$tmp/work/checkpoint-4" ] && break
    sleep 1
done
run_vaccine fork "$tmp/work" -o "$tmp/of-work"
check "a fork of a run at work" ended 0
kill "$worker" 2>/dev/null
wait "$worker" 2>/dev/null
check "... holds a checkpoint, whole" sh -c '"$1" fork "$2" --dry >/dev/null 2>&1' sh "$VACCINE" "$tmp/of-work"

# ---- where it goes
mkdir "$tmp/empty"
for out in "$tmp/new/slash/" "$tmp/empty/"; do
    run_vaccine fork "$tmp/work" -o "$out"
    check "a folder that is named with a slash" test -d "$out"checkpoint-*
done
# A run folder is anybody's: what its description calls a stage is not made a path of.
cp -R "$tmp/family/parent" "$tmp/evil" && cp -R "$tmp/evil/stages/align" "$tmp/evil/outside" && rm -r "$tmp/evil"/checkpoint-*
sed 's|"align"|"../outside"|' "$tmp/evil/run.json" >"$tmp/evil/run.new" && mv "$tmp/evil/run.new" "$tmp/evil/run.json"
run_vaccine fork "$tmp/evil" --at ../outside -o "$tmp/of-evil/one"
check "a stage that is called like a path" failed 1 'run.json: "../outside" is no name of a stage'
check "... and nothing was made" test ! -e "$tmp/of-evil"

# ---- bad input
C=$tmp/family/child
run_vaccine fork "$C" --at 7
check "a step without a checkpoint: the nearest are named" failed 2 'has no checkpoint of step 7; the nearest are 4 and 8'
run_vaccine fork "$C" --at 99
check "... one of them" failed 2 'the nearest is 12'
run_vaccine fork "$C" --at nothing
check "a stage that is none" failed 2 'has no stage and no checkpoint "nothing"'
run_vaccine fork "$tmp/family/grandchild" --at final
check "an end that has not come" failed 2 'has no end yet'
run_vaccine fork "$tmp"
check "no run" failed 2 'holds no run'
run_vaccine fork "$C" -o "$tmp/begins"
check "a folder that holds a run" failed 2 'already holds a run'
mkdir "$tmp/full" && echo x >"$tmp/full/own" && ln -s nowhere "$tmp/link"
for out in full full/ full/own link; do
    run_vaccine fork "$C" --dry -o "$tmp/$out"
    check "a place that is taken: $out" failed 2 'is there already, and is no empty folder'
done
run_vaccine fork "$C" --at 8 -o "$tmp/x" --set stages.align.lora.r=4
check "another shape" failed 2 'the fork begins within stage align, with its lora as it is'
run_vaccine fork "$C" --at 12 -o "$tmp/x" --set stages.align.lr=1
check "what is over" failed 2 'stage align is over at step 12'
run_vaccine fork "$C" --at 8 -o "$tmp/x" --set model=nix
check "another model" failed 2 'set model=nix: "nix" is not there'
run_vaccine fork "$C" --at 8 -o "$tmp/x" --set stages.align.rho=-1
check "a value out of range" failed 2 'rho'
run_vaccine fork "$C" --at 8 -o "$tmp/x" --set stages.align.ro=1
check "a key that is none" failed 2 'unknown key "ro"'
check "... and nothing was made" test ! -e "$tmp/x"
run_vaccine fork "$C" --at 8 --dry
check "a dry run says what it would do" done_with "would begin in stage align"
check "... and does not" test ! -e "$tmp/family/child-at-8"
printf 'x' | dd of="$C/checkpoint-8/adapter_model.safetensors" bs=1 seek=9000 conv=notrunc 2>/dev/null
run_vaccine fork "$C" --at 8 -o "$tmp/x"
check "a damaged checkpoint" failed 1 'checkpoint-8/adapter_model.safetensors: damaged'

echo "1..$count"
