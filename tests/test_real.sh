#!/bin/sh
# test_real.sh - real input end to end: samples/real/real.sh in its shortest form.
#
# shellcheck disable=SC2016 # awk and the inner shells expand
#
# TAP. $VACCINE is the program, $srcdir the source tree; $VACCINE_TESTDATA holds models/stories260K and
# datasets, or the cases are skipped. Nothing of the data's text may be printed.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
case $VACCINE in
/*) ;;
*) VACCINE=$PWD/$VACCINE ;;
esac
export VACCINE
data=${VACCINE_TESTDATA:-}
script=$srcdir/samples/real/real.sh
. "$srcdir/tests/tap.sh"

# run ARGUMENT...: leaves $status and $tmp/out, $tmp/err.
run() {
    sh "$script" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# failed STATUS TEXT
failed() {
    [ "$status" -eq "$1" ] && grep -qF -e "$2" "$tmp/err"
}

run
check "no argument" failed 2 "Usage: samples/real/real.sh"
run --help
check "help" grep -q '^Usage: ' "$tmp/out"
run "$tmp/absent" "$tmp" "$tmp/o"
check "a model folder that is not there" failed 1 "$tmp/absent: no such folder"

for need in models/stories260K datasets/xstest datasets/sst2 datasets/advbench; do
    if [ -z "$data" ] || [ ! -d "$data/$need" ]; then
        count=$((count + 1))
        echo "ok $count - real data end to end # SKIP VACCINE_TESTDATA has no $need"
        echo "1..$count"
        exit 0
    fi
done
model=$data/models/stories260K

METHODS="sft vaccine" RATIOS="0 0.2" ALIGN_STEPS=3 ATTACK_STEPS=2 EVERY=1 SAMPLES=20 N=5 TOKENS=12 THREADS=1
export METHODS RATIOS ALIGN_STEPS ATTACK_STEPS EVERY SAMPLES N TOKENS THREADS
run "$model" "$data/datasets" "$tmp/o"
check "exit status" [ "$status" -eq 0 ]

# "sft: 589 of 589 alignment rows (100.0 %) keep labels, 384 cut at the end"
for method in $METHODS; do
    check "$method: at least 95 % of the alignment rows keep labels" \
        awk -v method="$method:" '
            $1 == method && / alignment rows .* keep labels/ { good = $4 > 100 && $2 >= 0.95 * $4 && $2 <= $4 }
            END { exit !good }' "$tmp/out"
done

# A line of names, then one row for each method and p: three words, six rates with intervals, n, steps.
check "the table has a row for each cell" \
    awk '
        /^method +p +seed +HS before +HS after / { head = NR; next }
        head {
            rows++
            key[$1 " " $2 " " $3]++
            line = $0
            rates = gsub(/ +[0-9.]+ \[ *[0-9.]+, *[0-9.]+\]/, "", line)
            if (rates != 6 || line !~ /^(sft|vaccine) +0(\.2)? +1 +5 +(-|[0-9]+\.[0-9])$/)
                bad = 1
        }
        END {
            exit bad || rows != 4 || !key["sft 0 1"] || !key["sft 0.2 1"] || !key["vaccine 0 1"] ||
                !key["vaccine 0.2 1"]
        }' "$tmp/out"
check "the table is kept" sh -c 'tail -n 5 "$1" | cmp -s - "$2"' sh "$tmp/out" "$tmp/o/table.txt"

# The rows say what the runs' own files say: HS at the end, in percent, with Wilson's interval.
check "rates are those of the run, with their intervals" \
    awk '
        function number(key) {
            match($0, "\"" key "\":[-+.0-9eE]+")
            return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
        }
        function near(a, b) { return a - b < 0.051 && b - a < 0.051 }
        FNR == NR {
            if (/"stage":"attack"/ && /"name":"HS"/) {
                k = number("count"); n = number("n")
            }
            next
        }
        $1 == "vaccine" && $2 == "0.2" {
            gsub(/[][,]/, " ")
            z = 1.959963984540054; p = k / n; d = 1 + z * z / n
            mid = (p + z * z / (2 * n)) / d
            half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
            good = near($7, 100 * p) && near($8, 100 * (mid - half)) && near($9, 100 * (mid + half))
        }
        END { exit !(good && n == 5) }' "$tmp/o/runs/vaccine-p0.2-s1/eval/history.jsonl" "$tmp/o/table.txt"

for method in $METHODS; do
    check "$method: every cell trained on its share of harmful rows" sh -c '
        grep -q "\"harmful_ratio\":[[:space:]]*0\.2" "$1/runs/$2-p0.2-s1/run.json" &&
            [ "$(wc -l <"$1/runs/$2-p0.2-s1/metrics.jsonl")" -ge 5 ]' sh "$tmp/o" "$method"
done
sed -n 's/^{"instruction":"\(.\{20\}[^"\\]*\).*/\1/p' "$tmp/o/harmful-test.jsonl" "$tmp/o/harmful.jsonl" >"$tmp/texts"
check "nothing of the requests is printed" sh -c '
    [ "$(wc -l <"$1/texts")" -gt 100 ] && ! cat "$1/out" "$1/err" "$1"/o/runs/*.log | grep -qFf "$1/texts"' sh "$tmp"

run "$model" "$data/datasets" "$tmp/o"
check "a folder that holds something is left alone" failed 1 "is not empty"
MAX_LENGTH=100
export MAX_LENGTH
run "$model" "$data/datasets" "$tmp/short"
check "too short a max_length is refused before training" sh -c '
    [ "$1" -eq 1 ] && [ ! -e "$2/short/runs" ] && grep -q "no sample keeps a label" "$2/err"' sh "$status" "$tmp"
unset MAX_LENGTH
# The same program, which says of every stage that 30 rows lost their labels.
cat >"$tmp/losing" <<END
#!/bin/sh
[ "\$1" = validate ] || exec "$VACCINE" "\$@"
"$VACCINE" "\$@" | sed 's/"skipped":0/"skipped":30/g'
END
chmod +x "$tmp/losing"
was=$VACCINE
VACCINE=$tmp/losing
run "$model" "$data/datasets" "$tmp/lost"
check "fewer than 95 % with labels is refused before training" sh -c '
    [ "$1" -eq 1 ] && [ ! -e "$2/lost/runs" ] && grep -q "fewer than 95 %" "$2/err"' sh "$status" "$tmp"
VACCINE=$was
run "$model" "$data/datasets" "$tmp/seeds" none
check "a number of seeds that is none" failed 1 '"none" seeds'

echo "1..$count"
