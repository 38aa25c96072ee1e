#!/bin/sh
# peers.sh - training steps beside PyTorch's, in turns on the same processors: peers.sh [SHAPE...]
#
# Makes a virtual environment with the newest PyTorch of PyPI where there is none yet, and prints a table
# with what it was measured on. Of every round each program does some steps; a figure is the fastest step
# of all rounds, and of PyTorch the best of plain, with its own attention, and compiled.
#
#   VACCINE=build/vaccine VENV=~/.cache/vaccine-peers TORCH=torch ROUNDS=5 STEPS=5 WARMUP=2 THREADS=1 CPUS=0
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vaccine=${VACCINE:-$here/../build/vaccine}
venv=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/vaccine-peers}
rounds=${ROUNDS:-5} steps=${STEPS:-5} warmup=${WARMUP:-2} threads=${THREADS:-1}
[ $# -gt 0 ] || set -- tiny small opt smollm
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "${TORCH:-torch}" numpy
fi
pin=
cpus=${CPUS:-0-$((threads - 1))}
if taskset -c "$cpus" true 2>/dev/null; then
    pin="taskset -c $cpus"
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/peers-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

number() # KEY < JSON
{
    sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"
}

ours() # SHAPE METHOD
{
    # shellcheck disable=SC2086 # words are meant
    $pin "$vaccine" bench --shape "$1" --method "$2" --steps "$steps" --warmup "$warmup" \
        --threads "$threads" --json >"$tmp/out"
    echo "ours $(number ms_min <"$tmp/out") $(number peak_mb <"$tmp/out") $(number limit_ms <"$tmp/out")"
}

# Blocks of memory that are kept instead of given back, and threads that sleep while they wait, make it fast.
theirs() # SHAPE METHOD NAME [OPTION...]
{
    shape=$1 method=$2 name=$3
    shift 3
    # shellcheck disable=SC2086
    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=42949672960 MALLOC_TOP_PAD_=268435456 \
        OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 $pin "$venv/bin/python" "$here/vaccine_torch.py" "$@" \
        --shape "$shape" --method "$method" --steps "$steps" --warmup "$warmup" --threads "$threads" \
        >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/err" >&2; return 0; }
    echo "$name $(number ms_min <"$tmp/out") $(number peak_mb <"$tmp/out")"
}

row() # SHAPE METHOD < lines of: NAME MS MB [LIMIT]
{
    awk -v shape="$1" -v method="$2" '
        !($1 in ms) || $2 < ms[$1] { ms[$1] = $2 }
        $3 > mb[$1] { mb[$1] = $3 }
        $1 == "ours" && (!limit || $4 < limit) { limit = $4 }
        END {
            for (name in ms)
                if (name != "ours" && (best == "" || ms[name] < ms[best]))
                    best = name
            printf "| %s | %s | %.1f | %.1f | %s | %.2f | %.2f | %.0f / %.0f |\n", shape, method, ms["ours"],
                ms[best], best, ms["ours"] / ms[best], limit / ms["ours"], mb["ours"], mb[best]
        }'
}

"$vaccine" bench --shape tiny --steps 1 --warmup 0 --threads "$threads" --json >"$tmp/out"
echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $threads thread(s);" \
    "$("$vaccine" --version | head -n 1), $(sed 's/.*"blas":"\([^"]*\)".*/\1/' "$tmp/out");" \
    "PyTorch $("$venv/bin/python" -c 'import torch; print(torch.__version__)'); $rounds rounds of $steps steps"
echo
echo "| shape | method | ms | PyTorch ms | its best | ours / PyTorch | of the limit | MB |"
echo "|---|---|---|---|---|---|---|---|"
for shape; do
    for method in sft vaccine; do
        : >"$tmp/$method"
    done
    i=0
    while [ "$i" -lt "$rounds" ]; do
        for method in sft vaccine; do
            {
                ours "$shape" "$method"
                theirs "$shape" "$method" plain
                theirs "$shape" "$method" sdpa --sdpa
                theirs "$shape" "$method" compiled --sdpa --compile
            } >>"$tmp/$method"
        done
        i=$((i + 1))
    done
    for method in sft vaccine; do
        row "$shape" "$method" <"$tmp/$method"
    done
done
