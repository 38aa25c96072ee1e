#!/bin/sh
# battery.sh - how much an aligned model withstands, and how that grew: the lab's Vaccine is aligned, its weights are
# attacked at three steps of the alignment, and at its end by every attack of battery.json. Prints both tables.
set -eu

usage()
{
    cat <<'END'
Usage: samples/battery/battery.sh OUT_DIR

  OUT_DIR  new or empty, or one that this script was stopped in: what is finished there is kept

Environment: VACCINE (the program), BUDGET (attack steps for all of the battery; all are made whole when absent),
SET (options of both, as "--set threads=1").
END
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
'' | -*)
    usage >&2
    exit 2
    ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
VACCINE=${VACCINE:-vaccine}
run=$1/aligned
mkdir -p "$1"

# Its own attack stage is left to `attack`; what is measured there too stays in the file. All weights that are to be
# attacked must stay, too.
if [ ! -e "$run/final" ]; then
    if [ -e "$run/run.json" ]; then
        set -- "$VACCINE" run "$run" --resume --from-start
    else
        # shellcheck disable=SC2086 # options are meant
        set -- "$VACCINE" run "$here/../lab/lab.json" -o "$run" --set watch.probes=null \
            --set 'checkpoint={"steps":100,"keep":9}' --set evaluate.HS.every=20 ${SET:-}
    fi
    echo "aligning, and its own attack ..." >&2
    "$@" >"$run.log" 2>&1 || {
        tail -n 1 "$run.log" >&2
        exit 1
    }
fi

echo "the same attack at three steps of the alignment ..." >&2
for step in 100 200 400; do
    [ -e "$run/attacks/run-at-$step/final" ] || "$VACCINE" attack "$run" --at $step -o "$run/attacks/run-at-$step" >/dev/null
done
"$VACCINE" attack "$run" --list
echo
echo "a battery at the end of the alignment ..." >&2
# shellcheck disable=SC2086 # options are meant
"$VACCINE" attack "$run" --at align --battery "$here/battery.json" ${BUDGET:+--budget "$BUDGET"}
