#!/bin/sh
# foresight.sh [RUN_FILE...] - how long `vaccine validate` says that a run takes, and how long it takes: both, and the
# first over the second. Without arguments: the lab. $VACCINE is the program. Nothing else should be at work meanwhile.
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
VACCINE=${VACCINE:-$here/build/vaccine}
[ $# -gt 0 ] || set -- "$here/samples/lab/sft.json" "$here/samples/lab/lab.json"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf '%-40s %10s %10s %6s\n' "run file" "told, s" "true, s" ratio
for file; do
    told=$("$VACCINE" validate "$file" --json | python3 -c '
import json, sys
v = json.load(sys.stdin)
print(v["seconds"] + v["measuring"] + v.get("attacking", 0))')
    begun=$(date +%s.%N)
    "$VACCINE" run "$file" -o "$tmp/run" >/dev/null
    ended=$(date +%s.%N)
    rm -rf "$tmp/run"
    awk -v f="$file" -v p="$told" -v b="$begun" -v e="$ended" \
        'BEGIN { printf "%-40s %10.1f %10.1f %6.2f\n", f, p, e - b, p / (e - b) }'
done
