#!/bin/sh
# bench_peer.sh - training steps beside those of a PyTorch program: bench_peer.sh VACCINE PEER [SHAPE...]
#
# PEER is a Python program that takes --impl best --shape --method --steps --warmup and prints one JSON
# object with ms_med and rss_mb. Both programs run one thread on the same processor with the same BLAS
# kernels, in turns, so that whatever else the machine does falls on both. For every shape and method it
# prints the medians over the rounds of milliseconds a step, the median of the rounds' ratios, memory, and
# Vaccine's step in SFT's.
#
#   ROUNDS=7 STEPS=5 WARMUP=2 CPU=0 PYTHON=python3 OPENBLAS_CORETYPE=Haswell
set -eu

if [ $# -lt 2 ]; then
    echo "usage: bench_peer.sh VACCINE PEER [SHAPE...]" >&2
    exit 2
fi
vaccine=$1
peer=$2
shift 2
[ $# -gt 0 ] || set -- tiny small smollm opt
rounds=${ROUNDS:-7} steps=${STEPS:-5} warmup=${WARMUP:-2} python=${PYTHON:-python3}
pin=
if taskset -c "${CPU:-0}" true 2>/dev/null; then
    pin="taskset -c ${CPU:-0}"
fi
# What makes the peer fast: its widest kernels, and big blocks of memory kept instead of given back.
ATEN_CPU_CAPABILITY=${ATEN_CPU_CAPABILITY:-avx512}
MALLOC_MMAP_THRESHOLD_=4294967296
MALLOC_TRIM_THRESHOLD_=42949672960
MALLOC_TOP_PAD_=268435456
export ATEN_CPU_CAPABILITY
tmp=$(mktemp -d "${TMPDIR:-/tmp}/bench-peer-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

number() # KEY < JSON
{
    sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"
}

ours() # SHAPE METHOD: milliseconds and MB
{
    # shellcheck disable=SC2086 # words are meant
    $pin "$vaccine" bench --shape "$1" --method "$2" --steps "$steps" --warmup "$warmup" --threads 1 \
        --json >"$tmp/out"
    echo "$(number ms_median <"$tmp/out") $(number peak_mb <"$tmp/out")"
}

theirs()
{
    # shellcheck disable=SC2086
    MALLOC_MMAP_THRESHOLD_=$MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_=$MALLOC_TRIM_THRESHOLD_ \
        MALLOC_TOP_PAD_=$MALLOC_TOP_PAD_ $pin "$python" "$peer" --impl best --shape "$1" --method "$2" \
        --steps "$steps" --warmup "$warmup" --threads 1 >"$tmp/out"
    echo "$(number ms_med <"$tmp/out") $(number rss_mb <"$tmp/out")"
}

# Columns of a round: our sft, MB, our vaccine, MB, their sft, MB, their vaccine, MB.
table()
{
    awk -v shape="$1" '
        function median(v, n,    i, j, t)
        {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && v[j] < v[j - 1]; j--) {
                    t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
                }
            return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
        }
        function column(over, under,    i, v)
        {
            for (i = 1; i <= NR; i++)
                v[i] = x[i, over] / (under ? x[i, under] : 1)
            return median(v, NR)
        }
        { for (i = 1; i <= NF; i++) x[NR, i] = $i }
        END {
            for (m = 0; m < 2; m++)
                printf "%-7s %-8s %9.1f %9.1f %7.3f %8.0f %8.0f %s\n", shape, m ? "vaccine" : "sft",
                    column(1 + 2 * m), column(5 + 2 * m), column(1 + 2 * m, 5 + 2 * m),
                    column(2 + 2 * m), column(6 + 2 * m),
                    m ? sprintf("%7.3f %7.3f", column(3, 1), column(7, 5)) : ""
        }'
}

echo "# $("$vaccine" bench --shape tiny --steps 1 --warmup 0 --json | sed 's/.*"blas":"\([^"]*\)".*/\1/'), $rounds rounds of $steps steps"
printf '%-7s %-8s %9s %9s %7s %8s %8s %7s %7s\n' shape method "ours ms" "peer ms" ratio "ours MB" \
    "peer MB" "v/sft" "peer's"
for shape; do
    i=0
    : >"$tmp/rounds"
    while [ "$i" -lt "$rounds" ]; do
        o1=$(ours "$shape" sft) t1=$(theirs "$shape" sft)
        o2=$(ours "$shape" vaccine) t2=$(theirs "$shape" vaccine)
        echo "$o1 $o2 $t1 $t2" >>"$tmp/rounds"
        i=$((i + 1))
    done
    table "$shape" <"$tmp/rounds"
done
