#!/bin/sh
# test_two_judges.sh - a second judge of the same answers: both verdicts, agreement, what they dispute.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

run_vaccine()
{
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
}

# The lab, whose HS is rated again by a program that calls every third answer refused.
cat >"$tmp/third.sh" <<'END'
n=0
while read -r line; do
    n=$((n + 1))
    if [ $((n % 3)) = 0 ]; then echo '{"verdict":"refused"}'; else echo '{"verdict":"answered"}'; fi
done
END
second='{ "name": "HS2", "answers": "HS", "judge": "command", "command": "sh '$tmp/third.sh'" },'
lab()
{
    sed "s|\"\\([a-z-]*\\.jsonl*\\)\"|\"$srcdir_full/samples/lab/\\1\"|g; /\"name\": \"HS_held_out\"/i $1" \
        "$srcdir/samples/lab/lab.json" >"$tmp/$2.json"
}
srcdir_full=$(cd "$srcdir" && pwd)
lab "$second" two
sed "/\"name\": \"HS2\"/d" "$tmp/two.json" >"$tmp/one.json"
short='--set stages.align.steps=3 --set stages.attack.steps=2 --set watch=null --set seed=3'
# shellcheck disable=SC2086
for n in one two; do
    run_vaccine run "$tmp/$n.json" -o "$tmp/$n" $short --set "model=$srcdir_full/samples/lab/base-a" ||
        cat "$tmp/err"
    check "a run with $n judge(s)" [ "$status" = 0 ]
done
check "the second judge changes nothing of the run" cmp "$tmp/one/final/adapter_model.safetensors" "$tmp/two/final/adapter_model.safetensors"
check "... and nothing of the first's score" cmp "$tmp/one/eval/samples_HS_attack-2.jsonl" "$tmp/two/eval/samples_HS_attack-2.jsonl"
cat >"$tmp/check.py" <<'END'
import json, sys
dir = sys.argv[1]
lines = lambda f: [json.loads(l) for l in open(dir + '/eval/' + f)]
one, two = lines('samples_HS_attack-2.jsonl'), lines('samples_HS2_attack-2.jsonl')
assert len(one) == len(two) > 5
for a, b in zip(one, two):
    assert a['answer'] == b['answer'] and a['prompt'] == b['prompt'] and b['first_verdict'] == a['verdict'], (a, b)
last = [l for l in lines('history.jsonl') if l['name'] == 'HS2'][-1]
names, n = ('answered', 'refused', 'other'), len(two)
p = lambda f: {v: sum(f(x) == v for x in two) / n for v in names}
row, column = p(lambda x: x['first_verdict']), p(lambda x: x['verdict'])
seen = sum(x['verdict'] == x['first_verdict'] for x in two) / n
chance = sum(row[v] * column[v] for v in names)
assert abs(last['kappa'] - (seen - chance) / (1 - chance)) < 1e-12, last
assert last['kappa_lo'] <= last['kappa'] <= last['kappa_hi'] and 'margin' not in last
results = json.load(open(dir + '/eval/results_HS2_attack-2.json'))
wrong = [x for x in two if x['verdict'] != x['first_verdict']]
assert results['disputes'] == len(wrong) > 0
assert [d['prompt'] for d in results['disputed']] == [x['prompt'] for x in wrong][:50]
assert all(d['verdict'] != d['first'] for d in results['disputed'])
END
check "both verdicts, kappa and the disputes are written" python3 "$tmp/check.py" "$tmp/two"
run_vaccine gate "$tmp/two" --require 'HS2.kappa > -100%'
check "kappa may be required" [ "$status" = 0 ]
run_vaccine report "$tmp/two"
check "the report lists what they dispute" grep -q 'HS2: what the two judges call differently' "$tmp/two/report.html"
run_vaccine replay "$tmp/two"
check "a run with two judges is repeated" [ "$status" = 0 ]

# ---- blind labels ----

# On a terminal a key is enough, which is echoed; others do nothing, and the terminal is as it was.
python3 - "$VACCINE" "$tmp/one" >"$tmp/keys" 2>&1 <<'END'
import os, pty, select, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "label", sys.argv[2]])
seen = b""
def wait(text):
    global seen
    end = time.time() + 60
    while text not in seen and time.time() < end:
        if select.select([fd], [], [], 1)[0]:
            try:
                seen += os.read(fd, 4096)
            except OSError:
                break
    print(text.decode(), text in seen)
wait(b"[1 of ")
wait(b"quit: ")
os.write(fd, b"x\033[A\rs")
wait(b"quit: s\r\n")
seen = seen.split(b"quit: s")[1]
wait(b"quit: ")
os.write(fd, b"\003") # Ctrl-C: a key, that quits
wait(b"quit: q\r\n")
wait(b"no labels yet")
print("echo", bool(termios.tcgetattr(fd)[3] & termios.ECHO and termios.tcgetattr(fd)[3] & termios.ICANON))
print("status", os.waitpid(pid, 0)[1])
END
check "on a terminal a key is a label" sh -c '! grep -q False "$1" && grep -q "^status 0" "$1"' sh "$tmp/keys"
yes r | "$VACCINE" label "$tmp/one" >"$tmp/shown" 2>"$tmp/err"
check "every answer is labelled, each once" python3 - "$tmp" <<'END'
import glob, json, sys
tmp = sys.argv[1]
said = {(s['prompt'], s['answer']) for f in glob.glob(tmp + '/one/eval/samples_*.jsonl') for s in map(json.loads, open(f))
        if 'verdict' in s}
lines = [json.loads(l) for l in open(tmp + '/one/labels.jsonl')]
assert len(lines) == len(said) and {(l['prompt'], l['answer']) for l in lines} == said
assert all(l['label'] == 'refused' for l in lines)
assert [l['prompt'] for l in lines] != sorted(l['prompt'] for l in lines)
shown = open(tmp + '/shown').read()
for word in ('verdict', 'attack', 'align', 'sft', 'vaccine', 'step 1'):
    assert word not in shown.split('over_refusal:')[0].split('HS:')[0], word
END
check "too few labels of a kind are said" grep -qE '^HS: [0-9]+ labels?; the judge finds 0 of 0 answered, spares .* too few labels' "$tmp/shown"

# Labels that are what the judge said: it is perfect, and the correction changes nothing.
rm "$tmp/one/labels.jsonl"
python3 - "$tmp" <<'END'
import glob, json, sys, hashlib
tmp = sys.argv[1]
run = hashlib.sha256(open(tmp + '/one/run.json', 'rb').read()).hexdigest()
said = {(s['prompt'], s['answer']): s['verdict'] for f in sorted(glob.glob(tmp + '/one/eval/samples_*.jsonl'))
        for s in map(json.loads, open(f)) if 'verdict' in s}
with open(tmp + '/one/labels.jsonl', 'w') as f:
    for i, ((p, a), v) in enumerate(said.items()):
        f.write(json.dumps({'run': run, 'prompt': p, 'answer': a, 'label': v}) + '\n')
END
run_vaccine label "$tmp/one" --summary
check "labels that agree with the judge: it finds and spares all" python3 - "$tmp" <<'END'
import re, sys
for line in open(sys.argv[1] + '/out'):
    m = re.match(r'(\w+): \d+ labels?; the judge finds (\d+) of (\d+) .*spares (\d+) of (\d+)', line)
    assert m and m[2] == m[3] and m[4] == m[5], line
    c = re.search(r'; ([\d.]+) % at step \d+, corrected ([\d.]+) %', line)
    assert 'too few' in line or c[1] == c[2], line
END
run_vaccine report "$tmp/one"
check "the report has the labels" grep -q '<h2>Labels</h2>' "$tmp/one/report.html"
cp "$tmp/one/labels.jsonl" "$tmp/two/"
run_vaccine label "$tmp/two" --summary
check "labels of another run are refused in a line" failed 1 'labels.jsonl:1: is a label of another run'

# ---- the refusal direction ----

# shellcheck disable=SC2086
run_vaccine run "$tmp/one.json" -o "$tmp/turn" ${short% --set watch=null*} --set seed=3 --set watch.every=1 \
    --set watch.refusal=8 --set "model=$srcdir_full/samples/lab/base-a"
check "a run whose refusal direction is watched" [ "$status" = 0 ]
check "... is the same run" cmp "$tmp/one/final/adapter_model.safetensors" "$tmp/turn/final/adapter_model.safetensors"
check "... begins each stage at cosine 1 and tells every layer" python3 - "$tmp/turn" <<'END'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1] + '/layers.jsonl')]
begins = [l for i, l in enumerate(lines) if i == 0 or l['stage'] != lines[i - 1]['stage']] if 'stage' in lines[0] else lines[:1]
for l in begins:
    assert all(abs(x - 1) < 1e-6 for x in l['refusal']), l
for l in lines:
    assert len(l['refusal']) == len(l['drift_rel']) and all(-1 <= x <= 1 + 1e-6 for x in l['refusal']), l
assert any(x < 1 - 1e-7 for x in lines[-1]['refusal']), lines[-1]
for p in map(json.loads, open(sys.argv[1] + '/probes.jsonl')):
    assert len(p['projection']) == len(lines[0]['refusal']), p
END
run_vaccine report "$tmp/turn"
check "the report has it by layer, and when it turned" sh -c 'grep -q "Refusal direction by layer" "$1" &&
    grep -q "Refusal direction, stage attack: the mean cosine" "$1"' sh "$tmp/turn/report.html"
run_vaccine validate "$tmp/one.json" --set watch.refusal=8 --set evaluate=null --set "model=$srcdir_full/samples/lab/base-a"
check "without requests of both kinds it is refused in a line" sh -c '[ "$1" != 0 ] && [ "$(wc -l <"$2")" = 1 ] &&
    grep -q "watch.refusal: .evaluate. needs an entry" "$2"' sh "$status" "$tmp/err"

# refused KEYS TEXT: an entry of these keys, and what is said of it.
refused()
{
    lab "{ $1 }," bad
    run_vaccine validate "$tmp/bad.json" --set "model=$srcdir_full/samples/lab/base-a"
    check "refused: $1" sh -c '[ "$1" != 0 ] && [ "$(wc -l <"$2")" = 1 ] && grep -qF -e "$3" "$2"' sh "$status" "$tmp/err" "$2"
}
refused '"name": "x", "answers": "nobody", "judge": "refusal"' 'there is no entry "nobody" before this one'
refused '"name": "x", "answers": "FA", "judge": "refusal"' 'there is no entry "FA" before this one'
refused '"name": "x", "answers": "HS", "judge": "refusal", "every": 7' 'is that of "HS", whose answers are rated'
refused '"name": "x", "answers": "HS", "judge": "refusal", "stages": ["align"]' 'is that of "HS", whose answers are rated'
refused '"name": "x", "answers": "HS", "data": "'"$srcdir_full"'/samples/lab/task-test.jsonl", "metric": "label"' 'a metric asks itself'

echo "1..$count"
