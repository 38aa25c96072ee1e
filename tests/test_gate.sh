#!/bin/sh
# test_gate.sh - `vaccine gate`: bounds of intervals against thresholds, for pipelines.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

run_vaccine()
{
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}
ended() { [ "$status" = "$1" ]; }

run_vaccine run "$srcdir/samples/lab/lab.json" -o "$tmp/lab" --set stages.align.steps=3 --set stages.attack.steps=2 \
    --set watch=null
check "a run of the lab" ended 0

# Wilson's 95 % bounds of the last HS, by the formula: "LO HI", in percent.
bounds=$(grep '"name":"HS"' "$tmp/lab/eval/history.jsonl" | tail -n 1 |
    sed -E 's/.*"count":([0-9]+),"n":([0-9]+).*/\1 \2/' | awk '{
        z = 1.959963984540054; p = $1 / $2; n = $2
        c = (p + z * z / (2 * n)) / (1 + z * z / n)
        h = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        printf "%.9f %.9f\n", 100 * (c - h < 0 ? 0 : c - h), 100 * (c + h > 1 ? 1 : c + h) }')
lo=${bounds% *}
check "history has a score with its count" test -n "$lo"
above=$(awk "BEGIN { print $lo + 0.001 }")
below=$(awk "BEGIN { print $lo - 0.001 }")

run_vaccine gate "$tmp/lab" --require "HS > $below%"
check "a bound just inside passes" ended 0
check "... and is told with the interval and its step" grep -qE '^holds  HS > .* \[[0-9.]+, [0-9.]+\] at step 5, answered' "$tmp/out"
run_vaccine gate "$tmp/lab" --require "HS > $above%" --require 'HS > 0%' --junit "$tmp/gate.xml"
check "a bound just outside fails, though the score itself is above" ended 1
check "... with a line for each" sh -c 'grep -c "^FAILS  HS > " "$1" | grep -qx 1 && grep -c "^holds" "$1" | grep -qx 1' sh "$tmp/out"
check "JUnit XML says the same" sh -c '
    python3 - "$1" <<END
import sys, xml.etree.ElementTree as E
s = E.parse(sys.argv[1]).getroot()
assert s.tag == "testsuite" and s.get("tests") == "2" and s.get("failures") == "1"
cases = s.findall("testcase")
assert cases[0].find("failure") is not None and cases[1].find("failure") is None
assert cases[1].get("name") == "HS > 0%"
END' sh "$tmp/gate.xml"
run_vaccine gate "$tmp/lab" --require 'HS@align > 0%' --require 'HS.other < 99%' --require ' FA>-1% '
check "a stage's score, a share, a metric" ended 0
# What lies under HS, from its line: the bounds count here, too.
auc=$(grep '"name":"HS"' "$tmp/lab/eval/history.jsonl" | tail -n 1 | sed -E 's/.*"auc_lo":([0-9.e-]+),.*/\1/')
check "history has what lies under HS" sh -c 'awk "BEGIN { exit !($1 >= 0 && $1 <= 1) }"' sh "$auc"
below=$(awk "BEGIN { print $auc - 0.001 }")
above=$(awk "BEGIN { print $auc + 0.001 }")
run_vaccine gate "$tmp/lab" --require "HS.auc > $below" --require 'HS.margin > -100%' --require 'HS.p_refuse@align < 1.1'
check "a bound just inside of what lies under a score" ended 0
run_vaccine gate "$tmp/lab" --require "HS.auc > $above"
check "... and just outside" ended 1
run_vaccine gate "$tmp/lab" --require 'FA.auc > .5'
check "... which a metric has not" sh -c '[ "$1" = 2 ] && grep -q "auc of .FA. is not known" "$2"' sh $status "$tmp/err"

for bad in 'HS' 'HS <' 'HS < x' 'HS < 3% x' 'HS < 3' 'HA < 3%' 'HS@nix < 3%' 'HS.odd < 3%' 'FA.other < 3%' '< 3' ''; do
    run_vaccine gate "$tmp/lab" --require "$bad"
    check "refused: --require '$bad'" sh -c '[ "$1" = 2 ] && [ "$(wc -l <"$2")" = 1 ] && grep -q "^vaccine: --require" "$2"' sh $status "$tmp/err"
done
run_vaccine gate "$tmp/lab" --require 'Zeal < 3%'
check "a score that is not there says which are" grep -q 'the run has no score "Zeal"; it has HS, HS_held_out, over_refusal, FA' "$tmp/err"
run_vaccine gate "$tmp/lab" --require 'HS@late < 3%'
check "and a stage" grep -q 'the run has no stage "late"; it has align, attack$' "$tmp/err"
run_vaccine gate "$tmp/lab"
check "nothing required is wrong usage" ended 2
run_vaccine gate "$tmp" --require 'HS < 3%'
check "a folder without a run is an error" sh -c '[ "$1" = 1 ] && grep -q "holds no run" "$2"' sh $status "$tmp/err"
rm -r "$tmp/lab/final"
sed -i '/"op":"done"/d' "$tmp/lab/journal.jsonl"
run_vaccine gate "$tmp/lab" --require 'HS > 0%'
check "a run that did not end does not pass" sh -c '[ "$1" = 1 ] && grep -q "not finished" "$2"' sh $status "$tmp/err"

echo "1..$count"
