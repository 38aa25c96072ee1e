#!/bin/sh
# test_verify.sh - `vaccine verify`: a byte or a line that was changed, dropped or added anywhere in a run's folder
# is named; a run that was stopped, killed, gone back or forked is as it was written.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

run_vaccine()
{
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}
ended() { [ "$status" = "$1" ]; }
picture() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs cksum); }
whole() { done_with "as it was written, up to step $1" && ! grep -q '^wrong' "$tmp/out"; }
# names TEXT: it is wrong, and says what
names() { [ "$status" = 1 ] && [ ! -s "$tmp/err" ] && grep -q "^wrong: $1" "$tmp/out"; }

run_lab()
{
    out=$1
    shift
    run_vaccine run "$srcdir/samples/lab/lab.json" -o "$out" --set stages.align.steps=6 --set stages.attack.steps=4 \
        --set 'checkpoint={"steps":3,"minutes":0,"keep":9}' --set threads=1 --set watch.every=2 --set evaluate.HS.take=4 \
        --set evaluate.over_refusal.take=4 --set evaluate.FA.take=4 --set watch.probes.every=5 "$@"
}
run_lab "$tmp/run"
check "a run of the lab" ended 0
picture "$tmp/run" >"$tmp/before"
chmod -R a-w "$tmp/run"
run_vaccine verify "$tmp/run"
check "is as it was written" whole 10
chmod -R u+w "$tmp/run"
picture "$tmp/run" >"$tmp/after"
check "... and so it stays" cmp "$tmp/before" "$tmp/after"
mv "$tmp/run" "$tmp/moved"
run_vaccine verify "$tmp/moved"
check "... also elsewhere" whole 10
check "... and nothing in it is not covered but the lock" sh -c '! grep "^note" "$1" | grep -qv ": lock:"' sh "$tmp/out"
R=$tmp/moved

# ---- a byte, in every file

cat >"$tmp/flip.py" <<'END'
import os, subprocess, sys
vaccine, run = sys.argv[1:]
bad = 0
for base, dirs, files in os.walk(run):
    for name in sorted(files):
        path = os.path.join(base, name)
        short = os.path.relpath(path, run)
        size = os.path.getsize(path)
        if short == "lock" or size == 0:
            continue
        offset = [size // 2, 0, size - 1][sum(map(ord, short)) % 3]
        with open(path, "r+b") as f:
            f.seek(offset)
            was = f.read(1)
            f.seek(offset)
            f.write(bytes([was[0] ^ 1]))
        p = subprocess.run([vaccine, "verify", run], capture_output=True, text=True)
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(was)
        if p.returncode != 1 or not any(l.startswith("wrong: " + short + ":") for l in p.stdout.split("\n")):
            print("byte", offset, "of", short, p.returncode, p.stdout, p.stderr)
            bad += 1
        if p.stdout.count("wrong: ") != 1 and short != "proof.jsonl":
            print("more than that:", short, p.stdout)
END
check "a byte that was changed is found in every file" python3 "$tmp/flip.py" "$VACCINE" "$R"
run_vaccine verify "$R"
check "... and all was put back" whole 10

# ---- lines

# with FILE SED-SCRIPT: verify of a copy where the file was edited.
with()
{
    rm -rf "$tmp/copy"
    cp -R "$R" "$tmp/copy"
    sed "$2" "$R/$1" >"$tmp/copy/$1"
    run_vaccine verify "$tmp/copy"
}
with metrics.jsonl 4d
check "a line that was dropped" names metrics.jsonl:4:
with layers.jsonl 3p
check "... that stands twice" names layers.jsonl:4:
with journal.jsonl '2{h;d
}
3{G
}'
check "... two that changed places" names journal.jsonl:2:
with metrics.jsonl '$p'
check "... added behind the last" names metrics.jsonl:13:
with metrics.jsonl '$d'
check "... dropped there" names 'metrics.jsonl: ends after line 11'
with metrics.jsonl '5s/"loss":[0-9]/"loss":7/'
check "... a number" names metrics.jsonl:5:
with proof.jsonl 3d
check "a link that was dropped" names proof.jsonl:3:
end=$(wc -l <"$R/proof.jsonl")
with proof.jsonl "$((end - 1)),\$d"
check "... the last two" names 'proof.jsonl: ends before the run did'
with proof.jsonl '$d'
check "... the last one, as a kill would leave it" whole 10
check "... is told" grep -q '^note: proof.jsonl: has no link of the run.s end: it was killed just then' "$tmp/out"
echo '{"step":11}' >>"$tmp/copy/metrics.jsonl"
run_vaccine verify "$tmp/copy"
check "... and nothing else may be new then" names metrics.jsonl:13:
with proof.jsonl '$d'
cp "$tmp/copy/run.json" "$tmp/copy/stages/align/more.json"
run_vaccine verify "$tmp/copy"
check "... nor a file" names 'stages/align/more.json: was added'
with proof.jsonl '$p'
check "... one too many" names proof.jsonl:
with eval/history.jsonl '2s/"count":./"count":9/'
check "a score" names eval/history.jsonl:2:

fresh() { rm -rf "$tmp/copy"; cp -R "$R" "$tmp/copy"; }
fresh
size=$(wc -c <"$R/proof.jsonl")
head -c $((size - 1)) "$R/proof.jsonl" >"$tmp/copy/proof.jsonl"
run_vaccine verify "$tmp/copy"
check "a link that was cut short" whole 10
check "... is told" grep -q "^note: proof.jsonl:$end: ends within a line, whose writer was killed" "$tmp/out"
printf X >>"$tmp/copy/proof.jsonl"
run_vaccine verify "$tmp/copy"
check "... whose end was changed" names "proof.jsonl:$end: is no link"
fresh
printf '{"prev":"g' >>"$tmp/copy/proof.jsonl"
run_vaccine verify "$tmp/copy"
check "... that begins otherwise" names "proof.jsonl:$((end + 1)): is no link"
fresh
rm "$tmp/copy/metrics.jsonl"
run_vaccine verify "$tmp/copy"
check "a file of lines that is gone" names 'metrics.jsonl: is missing'
fresh
rm -r "$tmp/copy/checkpoint-3"
run_vaccine verify "$tmp/copy"
check "a checkpoint that is gone" names 'checkpoint-3/state.json: is missing'
fresh
cp "$R/run.json" "$tmp/copy/eval/samples_HS_align-3.jsonl"
run_vaccine verify "$tmp/copy"
check "an evaluation that was added" names 'eval/samples_HS_align-3.jsonl: was added'
fresh
echo hello >"$tmp/copy/notes.txt"
run_vaccine verify "$tmp/copy"
check "what is nothing of the run's is only told" whole 10
check "... once" grep -q '^note: notes.txt: is nothing of the run.s' "$tmp/out"
fresh
rm "$tmp/copy/metrics.csv"
ln -s "$R/metrics.csv" "$tmp/copy/metrics.csv"
run_vaccine verify "$tmp/copy"
check "a link in a file's place" names 'metrics.csv: '
fresh
rm "$tmp/copy/metrics.jsonl"
ln -s "$R/metrics.jsonl" "$tmp/copy/metrics.jsonl"
run_vaccine verify "$tmp/copy"
check "... in the place of lines" names 'metrics.jsonl: '
fresh
cat >"$tmp/link.py" <<'END'
# link.py FILE MEMBERS...: sealed links behind the last one, whatever they say
import hashlib, json, sys
lines = open(sys.argv[1]).read()
head = json.loads(lines.split("\n")[-2])["hash"]
with open(sys.argv[1], "a") as f:
    for members in sys.argv[2:]:
        body = '{"prev":"%s",%s' % (head, members)
        head = hashlib.sha256(body.encode()).hexdigest()
        f.write(body + ',"hash":"%s"}\n' % head)
END
python3 "$tmp/link.py" "$tmp/copy/proof.jsonl" '"step":1,"why":"done","files":{"../moved/run.json":"00"}' \
    '"step":1,"why":"done","files":{"/etc/passwd":"00","eval/..":"00"}' '"step":-1,"why":"done"' '"step":1,"why":7' \
    '"step":1,"why":"done","lines":{"metrics.jsonl":{"from":9,"to":3,"sha256":"","crc32c":""}}' \
    '"step":1,"why":"done","lines":{"metrics.jsonl":{"from":7,"to":9007199254740992,"sha256":"","crc32c":"0"}}' \
    '"step":1,"why":"done","lines":[],"files":{"run.json":[1]}'
run_vaccine verify "$tmp/copy"
check "links that lie" sh -c '[ "$1" = 1 ] && [ "$(grep -c "^wrong: proof.jsonl:" "$2")" = 7 ]' sh "$status" "$tmp/out"
check "... lead nowhere else" sh -c '! grep -qE "^(wrong|note): (\.\./|/|eval/\.\.)" "$1"' sh "$tmp/out"
run_vaccine verify "$R" --json
check "as JSON" sh -c 'python3 -c "
import json
d = json.load(open(\"$1\"))
assert d[\"whole\"] is True and d[\"wrong\"] == [] and d[\"step\"] == 10 and len(d[\"head\"]) == 64, d"' sh "$tmp/out"

# ---- steps made again

picture "$R" >"$tmp/before"
run_vaccine verify "$R" --steps 3-6
check "steps between two checkpoints" done_with 'steps 3 to 6: identical when made again'
run_vaccine verify "$R" --steps 0-10 --json
check "... from the beginning to the end" sh -c 'python3 -c "
import json
d = json.load(open(\"$1\"))
s, = d[\"stretches\"]
assert d[\"whole\"] and s[\"identical\"] and s[\"from\"] == 0 and s[\"to\"] == 10 and s[\"tensors\"] > 20, d"' sh "$tmp/out"
run_vaccine verify "$R" --sample 2
check "... drawn" sh -c '[ "$(grep -c "identical when made again" "$1")" = 2 ]' sh "$tmp/out"
picture "$R" >"$tmp/after"
check "... and the folder is as it was" cmp "$tmp/before" "$tmp/after"
run_vaccine verify "$R" --steps 4-6
check "a step without a checkpoint" failed 2 'has no checkpoint of step 4; the nearest are 3 and 6'
run_vaccine verify "$R" --steps 6-3
check "... and backwards" failed 2 'write A-B'
cat >"$tmp/forge.py" <<'END'
# forge.py CHECKPOINT FILE OFFSET-FROM-THE-END: changes a byte, and makes the checkpoint's checksums right again
import json, re, sys
folder, name, back = sys.argv[1], sys.argv[2], int(sys.argv[3])
table = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    table.append(i)
def crc(data):
    c = 0xffffffff
    for b in data:
        c = c >> 8 ^ table[(c ^ b) & 255]
    return c ^ 0xffffffff
data = bytearray(open(folder + "/" + name, "rb").read())
old = crc(data)
data[-back] ^= 64
open(folder + "/" + name, "wb").write(data)
state = open(folder + "/state.json").read().replace("%08x" % old, "%08x" % crc(data))
body = state[:state.rindex(",\n  \"crc32c\"")]
open(folder + "/state.json", "w").write(body + ",\n  \"crc32c\": \"%08x\"\n}\n" % crc(body.encode()))
END
rm -rf "$tmp/copy"
cp -R "$R" "$tmp/copy"
python3 "$tmp/forge.py" "$tmp/copy/checkpoint-3" adapter_model.safetensors 2
run_vaccine verify "$tmp/copy" --steps 3-6
check "steps after a forged adapter: the first difference" grep -q '^steps 3 to 6: metrics.jsonl:[0-9]* (step 4): loss[a-z_]*: [0-9.]* in the run, [0-9.]* when repeated' "$tmp/out"
check "... and the chain knows of it too" names checkpoint-3/adapter_model.safetensors:
rm -rf "$tmp/copy"
cp -R "$R" "$tmp/copy"
python3 "$tmp/forge.py" "$tmp/copy/checkpoint-6" vaccine_state.safetensors 2
run_vaccine verify "$tmp/copy" --steps 3-6
check "... before one" grep -q '^steps 3 to 6: checkpoint-6/vaccine_state.safetensors: .*\[[0-9]*\]: .* in the run, .* when repeated' "$tmp/out"

# ---- bad input

fresh
rm "$tmp/copy/proof.jsonl"
run_vaccine verify "$tmp/copy"
check "a run without a chain" failed 1 'has no chain (proof.jsonl)'
run_vaccine verify "$tmp/copy" --steps 6-9
check "... of which steps can be made again" done_with 'steps 6 to 9: identical'
run_vaccine verify "$tmp/nowhere"
check "no run" failed 2 'holds no run'

# ---- what a run may do

start_lab()
{
    "$VACCINE" run "$@" >/dev/null 2>&1 &
    pid=$!
}
has() { while [ ! -d "$1" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done; }

K=$tmp/killed
start_lab "$srcdir/samples/lab/lab.json" -o "$K" --set stages.align.steps=400 --set threads=1 \
    --set 'checkpoint={"steps":4,"minutes":0,"keep":2}' --set 'evaluate=[]' --set watch.every=0
has "$K/checkpoint-8"
run_vaccine verify "$K"
check "a run that is going on" failed 1 'a run is going on there'
kill -9 $pid
wait $pid 2>/dev/null
run_vaccine verify "$K"
check "a run that was killed is as far as it was written" ended 0
start_lab "$K"
has "$K/checkpoint-16"
kill -9 $pid
wait $pid 2>/dev/null
run_vaccine verify "$K"
check "... again" ended 0
start_lab "$K"
has "$K/checkpoint-24"
"$VACCINE" ctl "$K" pause >/dev/null 2>&1
"$VACCINE" ctl "$K" rewind 20 >"$tmp/ctl" 2>&1 || cat "$tmp/ctl"
"$VACCINE" ctl "$K" set rho 1.5 >/dev/null 2>&1
"$VACCINE" ctl "$K" resume >/dev/null 2>&1
has "$K/checkpoint-32"
kill -TERM $pid
wait $pid 2>/dev/null
run_vaccine verify "$K"
check "... gone on with, gone back, and stopped" sh -c 'grep -q "as it was written" "$1" && ! grep -q "^wrong" "$1"' sh "$tmp/out"
check "... with all that it has put aside" sh -c 'ls -d "$1"/aside-20-* >/dev/null' sh "$K"
run_vaccine verify "$K" --sample 1
check "... whose last steps are made again" grep -q 'identical when made again' "$tmp/out"
echo '{"step":1}' >>"$K"/aside-20-1/metrics.jsonl
run_vaccine verify "$K"
check "... in which a line is found too" names aside-20-1/metrics.jsonl

run_vaccine fork "$R" --at 3 -o "$tmp/fork"
run_vaccine verify "$tmp/fork"
check "a fork that did not go on yet" whole 3
run_vaccine run "$tmp/fork"
run_vaccine verify "$tmp/fork"
check "... that went on" whole 10
run_vaccine verify "$R"
check "... and its parent" whole 10
run_vaccine attack "$R" --at 6 --steps 2
run_vaccine verify "$R"
check "a run that was attacked" whole 10
cp -R "$R" "$tmp/attacked"
A=$tmp/attacked
sed -i '$d' "$A/attacks.jsonl"
run_vaccine verify "$A"
check "... whose result was dropped" names 'attacks.jsonl: ends after line 0'
sed -i '$d' "$A/proof.jsonl"
run_vaccine verify "$A"
check "... or was not written, as a kill would leave it" whole 10
check "... which is told" grep -q '^note: attacks.jsonl: ends after line 0.*whoever was adding the next line was killed' "$tmp/out"
run_vaccine attack "$A" --at 3 --steps 2
run_vaccine verify "$A"
check "... and attacked again" whole 10
check "... without a word of it" sh -c '! grep -q "^note: attacks.jsonl" "$1"' sh "$tmp/out"
cp "$R/proof.jsonl" "$R/attacks.jsonl" "$A"
sed -i '$d' "$A/proof.jsonl"
run_vaccine verify "$A"
check "a result that was written and is told by no link" whole 10
echo '{}' >>"$A/attacks.jsonl"
run_vaccine verify "$A"
check "... and one that nobody announced" names 'attacks.jsonl:2: 1 line was added'
sed -i 's/"steps":2/"steps":3/' "$R/attacks.jsonl"
run_vaccine verify "$R"
check "... with a changed result" names attacks.jsonl:1:
sed -i 's/"steps":3/"steps":2/' "$R/attacks.jsonl"
sed -i '2s/"loss":[0-9]/"loss":7/' "$R"/attacks/*/metrics.jsonl
run_vaccine verify "$R"
check "... with a changed line of the attack's own run" names 'attacks/.*/metrics.jsonl:2:'
echo "1..$count"
