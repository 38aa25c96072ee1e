#!/bin/sh
# products.sh - is who multiplies by default the right one here? products.sh [SHAPE...]
#
# Measures every matrix product of a step of `vaccine bench` in one thread, as the program does it when nobody
# has chosen, and by hand: oneDNN, and OpenBLAS with each set of kernels that it has and this processor runs;
# each of them in the step's way (which lays some operands out in panels) and alone, one call a product.
# A figure is the fastest of all rounds.
#
#   VACCINE=build/vaccine ROUNDS=3 CPUS=0
#
# To play an older processor: ONEDNN_MAX_CPU_ISA=AVX2, and SETS="Haswell Zen" for OpenBLAS.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vaccine=${VACCINE:-$here/../build/vaccine}
rounds=${ROUNDS:-3} cpus=${CPUS:-0}
sets=${SETS:-"Prescott Core2 Penryn Dunnington Nehalem Atom Nano Opteron Opteron_SSE3 Barcelona Bobcat
    Bulldozer Piledriver Steamroller Excavator Sandybridge Haswell Zen SkylakeX Cooperlake SapphireRapids"}
[ $# -gt 0 ] || set -- tiny small opt smollm
pin=
if taskset -c "$cpus" true 2>/dev/null; then
    pin="taskset -c $cpus"
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/products-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset OPENBLAS_CORETYPE VACCINE_CORETYPE VACCINE_PRODUCTS

bench() # SHAPE [NAME=VALUE...]: its report; nothing where these kernels do not run
{
    shape=$1
    shift
    # shellcheck disable=SC2086 # words are meant
    env "$@" $pin "$vaccine" bench --shape "$shape" --steps 1 --warmup 0 --threads 1 --each 2>/dev/null || :
}

provider() # < REPORT
{
    sed -n 's/^method .* thread, //p'
}

measure() # WHO SHAPE [NAME=VALUE...]
{
    who=$1
    shift
    bench "$@" | awk -v who="$who" '
        /^  [NT][NT] / { print who, $1, $2 " x " $4 " x " $6, $7, $8, $9 }' OFS='\t'
}

had=
for set in $sets; do
    if bench tiny VACCINE_PRODUCTS=openblas OPENBLAS_CORETYPE="$set" | provider | grep -qi "kernels $set\$"; then
        had="$had $set"
    fi
done
onednn=
if bench tiny VACCINE_PRODUCTS=onednn | provider | grep -q oneDNN; then
    onednn=yes
fi
echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread; $("$vaccine" --version | head -n 1);" \
    "by default $(bench tiny | provider); $rounds rounds"

for shape; do
    : >"$tmp/all"
    i=0
    while [ "$i" -lt "$rounds" ]; do
        {
            measure default "$shape"
            [ -z "$onednn" ] || measure oneDNN "$shape" VACCINE_PRODUCTS=onednn
            for set in $had; do
                measure "OpenBLAS $set" "$shape" VACCINE_PRODUCTS=openblas OPENBLAS_CORETYPE="$set"
            done
        } >>"$tmp/all"
        i=$((i + 1))
    done
    awk -F '\t' -v shape="$shape" '
        function round2(x) { return sprintf("%.2f", x) }
        {
            who = $1; what = $2 " " $3
            if (!(who in seen)) { seen[who] = 1; whos[++n_who] = who }
            if (!(what in gflop)) { gflop[what] = $4; whats[++n_what] = what }
            if ($5 > step[who, what]) step[who, what] = $5
            if ($6 > alone[who, what]) alone[who, what] = $6
        }
        END {
            print "\n| " shape ": all products of a step | as a step does it, ms | the library alone, ms | default / this |"
            print "|---|---|---|---|"
            for (w = 1; w <= n_who; w++)
                for (p = 1; p <= n_what; p++) {
                    ms[w] += 1e3 * gflop[whats[p]] / step[whos[w], whats[p]]
                    raw[w] += 1e3 * gflop[whats[p]] / alone[whos[w], whats[p]]
                }
            for (w = 1; w <= n_who; w++) {
                least = ms[w] < raw[w] ? ms[w] : raw[w]
                printf "| %s | %.1f | %.1f | %s |\n", whos[w], ms[w], raw[w], (w > 1 ? round2(ms[1] / least) : "")
            }
            print "\n| " shape ": each | rows x columns x sum | default, GFLOP/s | best by hand | whose | default / best |"
            print "|---|---|---|---|---|---|"
            for (p = 1; p <= n_what; p++) {
                what = whats[p]; best = 0
                for (w = 2; w <= n_who; w++) {
                    if (step[whos[w], what] > best) { best = step[whos[w], what]; name = whos[w] ", as a step" }
                    if (alone[whos[w], what] > best) { best = alone[whos[w], what]; name = whos[w] " alone" }
                }
                printf "| %s | %s | %.1f | %.1f | %s | %s |\n", substr(what, 1, 2), substr(what, 4),
                    step["default", what], best, name, round2(step["default", what] / best)
            }
        }' "$tmp/all"
done
