#!/bin/sh
# test_runs.sh - `vaccine runs`: what runs have come to, from folders made by hand.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

# make NAME METHOD RHO LAST: a run whose HS goes from 5 % through 25 % at step 10 of the attack to LAST % at 20
make_run()
{
    mkdir -p "$tmp/runs/$1/eval" "$tmp/runs/$1/final"
    cat >"$tmp/runs/$1/run.json" <<END
{"model": {"path": "/models/tiny"}, "total_steps": 120, "spec": {
  "stages": [{"name": "align", "method": "$2", "rho": $3}, {"name": "attack", "method": "sft"}],
  "evaluate": [{"name": "HS", "judge": "refusal"}, {"name": "FA", "metric": "label"}]}}
END
    echo '{"step":120,"loss":1}' >"$tmp/runs/$1/metrics.jsonl"
    judged() {
        echo "{\"step\":$1,\"stage\":\"$2\",\"stage_step\":$3,\"name\":\"HS\",\"value\":$(awk "BEGIN{print $4/100}"),\"lo\":0,\"hi\":1,\"count\":$4,\"n\":100,\"answered\":$4,\"refused\":$((100 - $4)),\"other\":0}"
    }
    {
        judged 0 align 0 90
        judged 100 align 100 5
        judged 100 attack 0 5
        judged 110 attack 10 25
        judged 120 attack 20 "$4"
        echo '{"step":120,"stage":"attack","stage_step":20,"name":"FA","value":0.5,"lo":0.4,"hi":0.6,"count":50,"n":100}'
    } >"$tmp/runs/$1/eval/history.jsonl"
    echo '{"seq":1,"step":120,"who":"core","op":"done"}' >"$tmp/runs/$1/journal.jsonl"
}
make_run b vaccine 2 75
make_run a random 60 45
make_run c sft null 95

made() { echo "{\"step\":$1,\"loss\":1}" >>"$tmp/runs/c/metrics.jsonl"; }

list() { "$VACCINE" runs "$tmp/runs" "$@" >"$tmp/out" 2>"$tmp/err"; }
order() { sed 1d "$tmp/out" | grep -v '^ ' | cut -d' ' -f1 | tr -d '\n'; }

list
check "a score as the first stage ended, as it is, and where it broke" \
    grep -qE '^ +HS +5\.0 -> 75\.0 %  \[.*step 120  answered 75, refused 25, other 0  broke at 15 against this attack$' "$tmp/out"
check "one that did not pass a half did not break" grep -qE 'HS +5\.0 -> 45\.0 % .* other 0$' "$tmp/out"
check "what the last stage alone measured has nothing before" grep -qE '^ +FA +50\.0 %' "$tmp/out"
check "method and strength" sh -c 'grep -q "^b .* vaccine 2 " "$1" && grep -qE "^c .* sft  +tiny" "$1"' sh "$tmp/out"
for want in "name abc" "HS abc" "broke cba" "rho bac" "method acb"; do
    set -- $want
    list --sort "$1"
    check "sorted by $1" sh -c '[ "$1" = "$2" ] || { echo "$1"; false; }' sh "$(order)" "$2"
done
made 115
list
check "what is done in percent is cut as it is on the screen" grep -q '^c .* 115/120 *95%' "$tmp/out"
made 120
list --sort nothing
check "an unknown column is wrong usage" sh -c '[ "$1" = 2 ] && grep -q "no such column" "$2"' sh $? "$tmp/err"
list --json
check "the same as JSON" python3 -c "
import json, sys
r = {x['name']: x for x in map(json.loads, open(sys.argv[1]))}
hs = r['b']['eval'][0]
assert (r['b']['method'], r['b']['rho'], hs['before'], hs['value'], hs['broke'], hs['against']) == ('vaccine', 2, .05, .75, 15, 'attack'), r
assert r['a']['eval'][0]['broke'] is None and 'against' not in r['a']['eval'][0] and r['c']['rho'] is None
" "$tmp/out"

# of a run of several stages it is the first one's that is told: what was set after the checkpoint that the run
# went back to, what was refused and what another stage has set do not hold
told() { seq=$((seq + 1)); echo "{\"seq\":$seq,\"step\":1,\"op\":\"$1\",$2}" >>"$tmp/runs/a/journal.jsonl"; }
seq=1
told set '"key":"rho","old":"60","new":"80","status":"applied","applied_step":2'
told set '"key":"rho","old":"80","new":"90","status":"applied","applied_step":3'
told rewind '"key":"align","new":"checkpoint-2","status":"applied","from":2'
told set '"key":"rho","new":"-1","status":"rejected"'
told set '"key":"lr","old":"1","new":"2","status":"applied","applied_step":3'
told stage '"key":"attack"'
told set '"key":"rho","old":"5","new":"6","status":"applied","applied_step":110'
list
check "rho as it was set last, behind the run file's" grep -q "^a .* random 60 -> 80  tiny" "$tmp/out"
list --json
check "the same as JSON" grep -q '"name":"a",.*"rho":80,"rho_was":60,' "$tmp/out"
check "and not where it was not set" sh -c '! grep "\"name\":\"b\"" "$1" | grep -q rho_was' sh "$tmp/out"
told forked '"key":"align","new":"checkpoint-2","from":9'
list
check "a fork begins with what its run.json says" grep -q "^a .* random 60  *tiny" "$tmp/out"

mkdir "$tmp/runs/d"
echo '{' >"$tmp/runs/d/run.json"
list
check "of what cannot be read no method is told" grep -qE '^d +broken +0/0 +[0-9]{4}-' "$tmp/out"
rm -r "$tmp/runs/d"

echo '{"step":"x"}' >>"$tmp/runs/b/eval/history.jsonl"
list
check "a run whose history is damaged is broken, and says nothing of where its scores broke" sh -c '
    grep -A2 "^b .*broken" "$1" >"$1.b" && grep -q "HS " "$1.b" && ! grep -q "broke at" "$1.b"' sh "$tmp/out"

echo "1..$count"
