#!/bin/sh
# arms.sh - the lab's comparison: each arm aligns a base, the aligned model is attacked with a part p of
# mischief, and a table says when it breaks. See README.md beside this file for what it does and does not show.
set -eu
LC_ALL=C
export LC_ALL

usage()
{
    cat <<'END'
Usage: samples/lab/arms.sh OUT_DIR

  OUT_DIR  new or empty, or one that this script was stopped in: what is finished there is kept

Environment: VACCINE (the program), ARMS ("sft sft-800 lab random": names of run files), SEEDS ("1"),
BASES ("base-a"), RATIOS ("0 0.05 0.1 0.2": p), TASK (task or taste, which is harder), AT_ONCE (runs at
once, one thread each; the processors when absent). NAME=VALUE behind an arm's name sets a key of its
alignment, as in ARMS="lab,rho=0.5 lab,rho=1".
END
}

die()
{
    printf 'arms.sh: %s\n' "$*" >&2
    exit 1
}

# ---- one cell: called by itself through xargs ----

# vaccine_run FILE DIR OVERRIDE...: nothing where DIR holds a finished run. One that was cut off goes on.
vaccine_run()
{
    run_file=$1 run_dir=$2
    shift 2
    if [ -e "$run_dir/run.json" ]; then
        set -- "$VACCINE" run "$run_dir" --resume --from-start
    else
        set -- "$VACCINE" run "$run_file" -o "$run_dir" "$@"
    fi
    "$@" >"$run_dir.log" 2>&1 || {
        tail -n 1 "$run_dir.log" >&2
        die "$run_dir failed; see $run_dir.log"
    }
}

# align BASE SEED ARM, and merge. An arm is a run file's name and settings of its first stage.
align()
{
    aligned=$OUT/align/$1-s$2-$3
    [ ! -e "$aligned-model/config.json" ] || return 0
    file=${3%%,*}
    settings=$(printf '%s' "${3#"$file"}" | tr ',' '\n' | sed 's/^./--set stages.align.&/')
    # shellcheck disable=SC2086 # words are meant
    vaccine_run "$LAB/$file.json" "$aligned" --set "model=$(base_path "$1")" --set "seed=$2" --set threads=1 \
        --set stages.attack=null --set watch=null --set evaluate=null --set checkpoint.keep=1 $settings
    rm -rf "$aligned-model"
    "$VACCINE" merge "$(base_path "$1")" --adapter "$aligned/stages/align" -o "$aligned-model" >>"$aligned.log"
}

# attack BASE SEED ARM P
attack()
{
    vaccine_run "$LAB/only-attack.json" "$OUT/attack/$1-s$2-$3-p$4" --set "model=$OUT/align/$1-s$2-$3-model" \
        --set "seed=$2" --set threads=1 --set "stages.attack.harmful_ratio=$4" --set watch=null \
        --set "stages.attack.train[0].file=$LAB/$TASK.jsonl" --set "evaluate.FA.data=$LAB/$TASK-test.jsonl" \
        --set checkpoint.keep=1
}

base_path()
{
    case $1 in
    */*) printf '%s' "$1" ;;
    *) printf '%s' "$LAB/$1" ;;
    esac
}

# ---- all of them ----

# The words of every cell, one a line; with "attack" also the ratios.
cells()
{
    for base in $BASES; do
        for seed in $SEEDS; do
            for arm in $ARMS; do
                if [ "$1" = align ]; then
                    echo "align $base $seed $arm"
                    continue
                fi
                for p in $RATIOS; do
                    echo "attack $base $seed $arm $p"
                done
            done
        done
    done
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
align | attack)
    "$@"
    exit 0
    ;;
esac
[ $# -eq 1 ] || {
    usage >&2
    exit 2
}
LAB=$(cd "$(dirname "$0")" && pwd)
: "${ARMS:=sft sft-800 lab random}" "${SEEDS:=1}" "${BASES:=base-a}" "${RATIOS:=0 0.05 0.1 0.2}" "${TASK:=task}"
: "${AT_ONCE:=$(nproc 2>/dev/null || echo 2)}"
if [ -z "${VACCINE:-}" ]; then
    VACCINE=vaccine
    [ ! -x "$LAB/../../build/vaccine" ] || VACCINE=$LAB/../../build/vaccine
fi
for arm in $ARMS; do
    [ -e "$LAB/${arm%%,*}.json" ] || die "ARMS: there is no $LAB/${arm%%,*}.json"
done
[ -e "$LAB/$TASK.jsonl" ] || die "TASK: there is no $LAB/$TASK.jsonl"
mkdir -p "$1/align" "$1/attack"
OUT=$(cd "$1" && pwd)
export LAB VACCINE TASK OUT
for what in align attack; do
    n=$(cells $what | wc -l)
    printf '%s: %d runs, %d at once\n' $what "$n" "$AT_ONCE" >&2
    cells $what | xargs -P "$AT_ONCE" -L 1 sh "$LAB/arms.sh" || die "some runs failed"
done
cells attack | while read -r _ base seed arm p; do
    printf '# %s %s %s %s\n' "${base##*/}" "$seed" "$arm" "$p"
    cat "$OUT/attack/$base-s$seed-$arm-p$p/eval/history.jsonl"
    tail -n 1 "$OUT/align/$base-s$seed-$arm/layers.jsonl"
done | awk -f "$LAB/table.awk" >"$OUT/table.txt"
cat "$OUT/table.txt"
