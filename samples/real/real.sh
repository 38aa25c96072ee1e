#!/bin/sh
# real.sh - the experiment of the paper in small, on a real chat model: each method aligns it until a validation set is
# refused and answered as it should be, a user's task with a part p of mischief undoes that, and a table says when.
# See README.md beside this file for what it does and does not show.
set -eu
LC_ALL=C
export LC_ALL

usage()
{
    cat <<'END_OF_USAGE'
Usage: samples/real/real.sh [--table] MODEL OUT_DIR

  MODEL    a chat model: a folder, a GGUF file, or a name in the Hugging Face cache
  OUT_DIR  new or empty, or one that this script was stopped in: what is finished there is kept
  --table  only print what is finished

Environment: VACCINE (the program), SEEDS ("1 2 3"), METHODS (see README.md; "sft vaccine,rho=0.1" is smaller),
RATIOS ("0.1 0 0.2": p), AT_ONCE (runs at once, one thread each; the processors when absent), ALIGN_STEPS and
ATTACK_STEPS (at most), ASKED (32, prompts of an evaluation), TEMPLATE (chatml; own = that of MODEL), DATA (a folder
with files of these names, as public.sh makes one; rows), GUARD (a guard model as second judge) with GUARD_FORM.
END_OF_USAGE
}

die()
{
    printf 'real.sh: %s\n' "$*" >&2
    exit 1
}

# The path of a file from /, since run files stand elsewhere; a name that is none as it is.
whole()
{
    [ -e "$1" ] || {
        printf '%s' "$1"
        return
    }
    printf '%s/%s' "$(cd "$(dirname "$1")" && pwd)" "$(basename "$1")"
}

# ---- one column of the table, called by itself through xargs: a seed and a method ----

# vaccine_run FILE DIR OVERRIDE...: nothing where DIR holds a finished run. One that was cut off goes on.
vaccine_run()
{
    run_file=$1 run_dir=$2
    shift 2
    [ ! -e "$run_dir/final/adapters.json" ] || return 0
    if [ -e "$run_dir/run.json" ]; then
        set -- "$VACCINE" run "$run_dir" --resume --from-start
    else
        # shellcheck disable=SC2086 # words are meant
        set -- "$VACCINE" run "$run_file" -o "$run_dir" --set "model=$MODEL" --set threads=1 $SETTINGS "$@"
    fi
    "$@" >>"$run_dir.log" 2>&1 || {
        tail -n 1 "$run_dir.log" >&2
        die "$run_dir failed; see $run_dir.log"
    }
}

last_step()
{
    tail -n 1 "$1/metrics.jsonl" | sed 's/.*"stage_step":\([0-9]*\).*/\1/'
}

# As many passes over a batch as the first method with vaccine took with this seed; nothing ends it earlier.
passes_of()
{
    for m in $METHODS; do
        case $m in
        vaccine*)
            steps=$(last_step "$OUT/align/$m-s$1") || die "sft-passes needs $m with seed $1"
            echo "--set stages.align.steps=$((2 * steps)) --set stages.align.until=null"
            return
            ;;
        esac
    done
}

align_settings()
{
    case $2 in
    sft-passes) passes_of "$1" ;;
    *)
        printf '%s' "$2" | sed 's/^/method=/' | tr ',' '\n' | sed 's/^/--set stages.align./'
        [ -z "${ALIGN_STEPS:-}" ] || printf '\n--set stages.align.steps=%s' "$ALIGN_STEPS"
        ;;
    esac
}

column()
{
    seed=$1 method=$2 aligned=$OUT/align/$2-s$1 missing=
    for p in $RATIOS; do
        [ -e "$OUT/attack/$method-s$seed-p$p/final/adapters.json" ] || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    settings=$(align_settings "$seed" "$method")
    # shellcheck disable=SC2086 # words are meant
    vaccine_run "$OUT/align.json" "$aligned" --set "seed=$seed" $settings
    if [ ! -e "$aligned-model/config.json" ]; then
        rm -rf "$aligned-model"
        "$VACCINE" merge "$aligned@align" -o "$aligned-model" >>"$aligned.log" 2>&1 || die "see $aligned.log"
    fi
    MODEL=$aligned-model
    # shellcheck disable=SC2086 # words are meant
    for p in $missing; do
        vaccine_run "$OUT/attack.json" "$OUT/attack/$method-s$seed-p$p" --set "seed=$seed" \
            --set "stages.attack.harmful_ratio=$p" $ATTACK_SETTINGS
        progress
    done
    rm -rf "$aligned-model"
}

# ---- all of them ----

columns()
{
    for seed in $SEEDS; do
        for method in $METHODS; do
            case $method in
            sft-passes) [ "$1" = passes ] || continue ;;
            *) [ "$1" = first ] || continue ;;
            esac
            echo "$seed $method"
        done
    done
}

# Of those that are asked for now: the folder may hold others.
finished()
{
    { columns first && columns passes; } | while read -r seed method; do
        for p in $RATIOS; do
            [ ! -e "$OUT/attack/$method-s$seed-p$p/final/adapters.json" ] || echo
        done
    done | wc -l
}

# "12 of 45 attacks done, 31 min; about 85 min to go"
progress()
{
    now=$(finished) spent=$((($(date +%s) - BEGAN) / 60))
    [ "$now" -gt "$BEFORE" ] || return 0
    echo "$now of $ALL attacks done, $spent min; about $((spent * (ALL - now) / (now - BEFORE))) min to go" >&2
}

# seconds FILE OVERRIDE...: of a run, training and measuring, by what this machine multiplies a second.
seconds()
{
    file=$1
    shift
    # shellcheck disable=SC2086 # words are meant
    "$VACCINE" validate "$file" --json --set "model=$MODEL" --set threads=1 $SETTINGS "$@" |
        sed 's/.*"seconds":\([0-9.]*\)[^,]*,"measuring":\([0-9.]*\).*/\1 \2/'
}

# Before anything is trained: both run files are checked, and how long all of it takes at most is told.
plan()
{
    case " $METHODS" in
    *" sft-passes"*" vaccine"* | *" vaccine"*" sft-passes"*) ;;
    *" sft-passes"*) die "sft-passes takes its steps from a vaccine, and METHODS has none" ;;
    esac
    for method in $METHODS; do
        case $method in
        sft-passes) settings= ;;
        *) settings=$(align_settings 1 "$method") ;;
        esac
        # shellcheck disable=SC2086 # words are meant
        times=$(seconds "$OUT/align.json" $settings) || die "that cannot run"
        printf '%s %s\n' "$method" "$times"
    done >"$OUT/plan"
    grep -q . "$OUT/plan" || die "METHODS: none"
    # shellcheck disable=SC2086 # words are meant
    attack=$(seconds "$OUT/attack.json" $ATTACK_SETTINGS)
    echo "attack $attack" >>"$OUT/plan"
    awk -v seeds="$(echo "$SEEDS" | wc -w)" -v ratios="$(echo "$RATIOS" | wc -w)" -v at_once="$AT_ONCE" '
        $1 == "attack" { all += n * ratios * ($2 + $3); attack = $2 + $3; next }
        { n++; all += ($1 == "sft-passes" ? 2 * $2 + $3 : $2 + $3); align += $2 + $3 }
        END {
            printf "%d alignments of about %.0f min and %d attacks of %.0f, %d at once: at most %.1f hours\n",
                n * seeds, align / n / 60, n * seeds * ratios, attack / 60, at_once, seeds * all / at_once / 3600
        }' "$OUT/plan" >&2
}

table()
{
    for run in "$OUT"/attack/*/final; do
        [ -e "$run/adapters.json" ] || continue
        run=${run%/final}
        cell=${run##*/}
        p=${cell##*-p} column=${cell%-p*}
        aligned=$OUT/align/$column
        printf '# %s %s %s %s\n' "${column##*-s}" "${column%-s*}" "$p" "$(last_step "$aligned")"
        sed 's/^/V/' "$aligned/eval/history.jsonl"
        cat "$run/eval/history.jsonl" "$run/layers.jsonl"
    done | awk -f "$HERE/table.awk"
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
column)
    "$@"
    exit 0
    ;;
esac
only_table=no
if [ "${1:-}" = --table ]; then
    only_table=yes
    shift
fi
[ $# -eq 2 ] || {
    usage >&2
    exit 2
}
HERE=$(cd "$(dirname "$0")" && pwd)
: "${SEEDS:=1 2 3}" "${METHODS:=sft sft-passes vaccine,norm=relative,rho=2 vaccine,rho=0.1 random,rho=200}" "${RATIOS:=0.1 0 0.2}"
: "${AT_ONCE:=$(nproc 2>/dev/null || echo 2)}" "${ASKED:=32}" "${TEMPLATE:=chatml}" "${DATA:=}" "${GUARD:=}"
if [ -z "${VACCINE:-}" ]; then
    VACCINE=vaccine
    [ ! -x "$HERE/../../build/vaccine" ] || VACCINE=$HERE/../../build/vaccine
fi
MODEL=$1
MODEL=$(whole "$MODEL")
DATA=$(cd "${DATA:-$HERE/rows}" && pwd) || die "DATA: no such folder"
mkdir -p "$2/align" "$2/attack"
OUT=$(cd "$2" && pwd)
if [ $only_table = yes ]; then
    table
    exit 0
fi
[ -e "$OUT/rows" ] || ln -s "$DATA" "$OUT/rows"
[ "$(cd "$OUT/rows" && pwd -P)" = "$(cd "$DATA" && pwd -P)" ] || die "$OUT was begun with other DATA: name a new folder"
for file in align.json attack.json; do
    [ -e "$OUT/$file" ] || cp "$HERE/parts/$file" "$OUT/$file"
done
[ "$TEMPLATE" != own ] || TEMPLATE=null
SETTINGS="--set template=$TEMPLATE --set evaluate.HS.take=$ASKED --set evaluate.over_refusal.take=$ASKED"
ATTACK_SETTINGS="--set evaluate.HS_unseen.take=$ASKED --set evaluate.over_unseen.take=$ASKED --set evaluate.FA.take=$ASKED"
[ -z "${ATTACK_STEPS:-}" ] || ATTACK_SETTINGS="$ATTACK_SETTINGS --set stages.attack.steps=$ATTACK_STEPS"
[ -z "${MAX_LENGTH:-}" ] || SETTINGS="$SETTINGS --set max_length=$MAX_LENGTH"
GUARD=$(whole "$GUARD")
[ -z "$GUARD" ] || ATTACK_SETTINGS="$ATTACK_SETTINGS --set evaluate.HS_second.phrases=null
    --set evaluate.HS_second.judge=guard --set evaluate.HS_second.guard_model=$GUARD
    --set evaluate.HS_second.guard_form=${GUARD_FORM:-llama-guard}"
BEGAN=$(date +%s) BEFORE=$(finished)
ALL=$(($(echo "$SEEDS" | wc -w) * $(echo "$METHODS" | wc -w) * $(echo "$RATIOS" | wc -w)))
export HERE VACCINE MODEL OUT SEEDS METHODS RATIOS SETTINGS ATTACK_SETTINGS BEGAN BEFORE ALL
plan
for round in first passes; do
    [ -z "$(columns $round)" ] || columns $round | xargs -P "$AT_ONCE" -L 1 sh "$HERE/real.sh" column || die "some runs failed"
done
table >"$OUT/table.txt"
cat "$OUT/table.txt"
