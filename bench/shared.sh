#!/bin/sh
# shared.sh - two threads beside one where processors are not ours alone: shared.sh [SHAPE...]
#
# Times steps of `vaccine bench` on one thread and two, in turns: on two processors of our own, with both threads
# pinned to one of them, beside another program that keeps one of the two busy, and beside two of them. Median
# steps, the least of ROUNDS, and how many times as fast two threads are.
#
#   VACCINE=build/vaccine ROUNDS=3 STEPS=10 CPUS=0,1
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vaccine=${VACCINE:-$here/../build/vaccine}
rounds=${ROUNDS:-3} steps=${STEPS:-10} cpus=${CPUS:-0,1}
first=${cpus%,*} second=${cpus#*,}
[ $# -gt 0 ] || set -- tiny small
busy=
end_busy()
{
    for pid in $busy; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    busy=
}
trap end_busy EXIT

keep_busy() # CPU
{
    taskset -c "$1" sh -c 'while :; do :; done' &
    busy="$busy $!"
}

step() # SHAPE THREADS CPUS
{
    taskset -c "$3" "$vaccine" bench --shape "$1" --threads "$2" --steps "$steps" --warmup 3 --json |
        sed -n 's/.*"ms_median": *\([0-9.]*\).*/\1/p'
}

row() # WORDS SHAPE CPUS
{
    i=0
    while [ "$i" -lt "$rounds" ]; do
        echo "$(step "$2" 1 "$3") $(step "$2" 2 "$3")"
        i=$((i + 1))
    done | awk -v shape="$2" -v words="$1" '
        { a = a == "" || $1 < a ? $1 : a; b = b == "" || $2 < b ? $2 : b }
        END { printf "| %s | %s | %.1f | %.1f | %.2f |\n", shape, words, a, b, a / b }'
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); $("$vaccine" --version | head -n 1); $rounds rounds of $steps steps"
echo
echo "| shape | processors | one thread, ms | two, ms | times as fast |"
echo "|---|---|---|---|---|"
for shape; do
    row "two of our own" "$shape" "$cpus"
    row "pinned to one" "$shape" "$first"
    keep_busy "$second"
    row "two, one of them busy" "$shape" "$cpus"
    keep_busy "$first"
    row "two, both busy" "$shape" "$cpus"
    end_busy
done
