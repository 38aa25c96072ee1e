#!/bin/sh
# faults.sh - every call that can fail does, one at a time, and what comes of it is looked at.
#
#     faults.sh all|sample|hang [SCENARIO]...
#
# For each scenario the program runs once under shim.c to count its calls, and then once for each of
# them, which fails. Then either what was promised is there, byte for byte, or the exit status is not
# 0 and standard error says why; never a crash, a hang, half a file or a line twice. A run that failed
# goes on, and comes to the same bytes. Allocations, which are many, fail once on each path of calls
# that leads to one ("all": the first and the last time). "sample" tries a few of each kind.
#
# With "hang" each opening of a file that is read waits for ever instead, as on a disk that does not
# answer, and SIGTERM must end the program.
#
# $VACCINE is the program, $CC builds the shim, $srcdir is the source tree, JOBS how many at once.
# Exit status 77: the shim cannot be built or preloaded here (it needs glibc and no sanitizer).

: "${VACCINE:=build/vaccine}" "${CC:=cc}" "${srcdir:=.}" "${JOBS:=2}"
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive LC_ALL=C
export VACCINE OMP_NUM_THREADS OPENBLAS_NUM_THREADS OMP_WAIT_POLICY LC_ALL
unset FAULT_CALLS FAULT_COUNT FAULT_PATHS FAULT_AT FAULT_HASH FAULT_ERRNO FAULT_SHORT FAULT_PATH

# ---- scenarios: what is run (in the folder $here), and what was promised

# command SCENARIO: the arguments, one line
command_of() {
    case $1 in
    run) echo "run $lab/run.json -o $here/run" ;;
    resume) echo "run $here/run --resume" ;;
    replay) echo "replay $here/done" ;;
    fork) echo "fork $here/done --at 9 -o $here/child" ;;
    merge) echo "merge $lab/base --adapter $lab/done/final -o $here/merged" ;;
    import) echo "import alpaca $lab/align.jsonl -o $here/rows.jsonl" ;;
    report) echo "report $here/done -o $here/page.html" ;;
    eval) echo "eval $lab/base --prompts $lab/mischief-test.jsonl --judge refusal -n 3 -o $here/eval" ;;
    probe) echo "probe $lab/base --adapter $lab/done/final -n 4 How" ;;
    score | tokenize) echo "$1 $lab/base" ;;
    validate) echo "validate $lab/run.json" ;;
    runs) echo "runs $here" ;;
    esac
}

input_of() {
    case $1 in
    score) echo '{"input_ids":[5,6,7,8]}' ;;
    tokenize) echo '{"text":"Tell me how to forge the boat."}' ;;
    esac
}

prepare() {
    rm -rf "$here" && mkdir "$here"
    case $1 in
    resume) cp -r "$lab/half" "$here/run" ;;
    replay | report | runs | fork) cp -r "$lab/done" "$here/done" ;;
    import) echo '{"old": true}' >"$here/rows.jsonl" ;;
    esac
}

# What a run folder holds but for what the clock says.
digest_run() {
    (cd "$1" 2>/dev/null || exit
        sed 's/"step_ms":[^,}]*//; s/"wall":[^,}]*//' metrics.jsonl
        cat layers.jsonl probes.jsonl eval/history.jsonl
        find stages final eval -type f ! -name history.jsonl | sort | xargs cksum
        grep -c . metrics.csv
        ls -d trainer_state.json events.* | sed 's/events.*/events/' | sort -u
        grep -c '"op":"done"' journal.jsonl | sed 's/[1-9].*/some/'
        find . -name '*.tmp*' -o -name '*.old') 2>&1
}

# All files of a folder but those that the clock and the place are told in, and the hashes of these.
digest_folder() {
    (cd "$1" 2>/dev/null || exit
        find . -type f ! -name run.json ! -name state.json ! -name journal.jsonl ! -name proof.jsonl | sort | xargs cksum
        find . -type f | sort)
}

# What a scenario has left, and what it printed.
digest() {
    case $1 in
    run | resume) digest_run "$here/run" ;;
    merge) (cd "$here/merged" 2>/dev/null && find . -type f | sort | xargs cksum) ;;
    import) cat "$here/rows.jsonl" 2>/dev/null ;;
    report) cat "$here/page.html" 2>/dev/null ;;
    fork) digest_folder "$here/child" && digest_folder "$here/done" ;;
    eval) (cd "$here/eval" 2>/dev/null && find . -type f | sort | xargs cksum) ;;
    esac
    case $1 in
    run | resume) ;;
    runs) sed 's/  *[0-9-]* [0-9:]*$//' "$here/out" ;;
    validate) sed 's/[0-9.]* GFLOP.s.*//; s/about .*//' "$here/out" ;;
    *) sed "s|$here|HERE|g" "$here/out" ;;
    esac
}

# ---- one call that fails: trial SCENARIO CALLS K HASH|- PATH; prints a line when something is wrong

run_program() {
    # shellcheck disable=SC2046
    input_of "$1" | timeout -k 5 60 "$VACCINE" $(command_of "$1") >"$here/out" 2>"$here/err"
}

wrong() {
    echo "VIOLATION $*"
    sed 's/^/    /' "$here/err" | head -n 3
}

trial() {
    here=$work/trial-$1-$2-$3-$4-$$
    what="$1: $2 $3 $4 ${5#"$work"}"
    prepare "$1"
    (
        FAULT_CALLS=$2 FAULT_AT=$3
        export FAULT_CALLS FAULT_AT
        [ "$5" = - ] || { FAULT_PATH=$5 && export FAULT_PATH; }
        [ "$4" = - ] || { FAULT_HASH=$4 && export FAULT_HASH; }
        # shellcheck disable=SC2046
        input_of "$1" | timeout -k 5 60 env LD_PRELOAD="$SHIM" "$VACCINE" $(command_of "$1") \
            >"$here/out" 2>"$here/err"
    )
    status=$?
    if [ "$status" -eq 0 ]; then
        digest "$1" >"$here.digest"
        cmp -s "$here.digest" "$work/$1.digest" ||
            { [ "$1" = runs ] && grep -q ' broken ' "$here/out"; } || # said where the run stands
            wrong "$what: exit 0, but not what was promised: $(diff "$here.digest" "$work/$1.digest" | head -n 4 | cut -c1-160 | tr '\n' '|')"
        [ "$1" != run ] || [ "$(grep -c '"op":"\(start\|stage\|done\)"' "$here/run/journal.jsonl")" -eq 4 ] ||
            wrong "$what: exit 0, but lines of the journal are missing"
    elif [ "$status" -ge 124 ]; then
        wrong "$what: exit $status"
    elif ! grep -q '^vaccine: .' "$here/err" || grep -q 'without a reason' "$here/err"; then
        wrong "$what: exit $status and no reason"
    else
        after_failure "$1"
    fi
    rm -rf "$here" "$here.digest"
}

# The promise of a failure: what is there is whole, and a run goes on to the same end.
after_failure() {
    case $1 in
    run | resume)
        cp "$here/err" "$here/why"
        if [ -e "$here/run/run.json" ]; then
            run_program resume
        else
            run_program run
        fi
        status=$?
        if [ "$status" -ne 0 ] && grep -q -e --from-start "$here/err"; then # there is no checkpoint yet
            "$VACCINE" run "$here/run" --resume --from-start >"$here/out" 2>"$here/err"
            status=$?
        fi
        digest_run "$here/run" >"$here.digest"
        if [ "$status" -ne 0 ]; then
            wrong "$what: cannot go on: exit $status after: $(head -n 1 "$here/why")"
        elif ! cmp -s "$here.digest" "$work/run.digest"; then
            wrong "$what: goes on to another end: $(diff "$here.digest" "$work/run.digest" | head -n 4 | cut -c1-160 | tr '\n' '|') after: $(head -n 1 "$here/why")"
        fi
        ;;
    import)
        [ "$(cat "$here/rows.jsonl")" = '{"old": true}' ] || cmp -s "$here/rows.jsonl" "$work/rows.jsonl" ||
            wrong "$what: half a file"
        ;;
    report)
        [ ! -e "$here/page.html" ] || cmp -s "$here/page.html" "$work/page.html" ||
            wrong "$what: half a file"
        ;;
    fork)
        [ ! -e "$here/child" ] || digest_folder "$here/child" | cmp -s - "$work/fork.child" ||
            wrong "$what: half a run: $(ls "$here/child" | tr '\n' ' ')"
        diff -r "$here/done" "$lab/done" >/dev/null || wrong "$what: the parent is another one"
        ;;
    merge)
        [ ! -e "$here/merged" ] || (cd "$here/merged" && find . -type f | sort | xargs cksum) |
            cmp -s - "$work/merged.files" || wrong "$what: half a model: $(ls "$here/merged" | tr '\n' ' ')"
        ;;
    esac
    leftover=$(find "$here" -name '*.tmp*' ! -path "$here/run/*" | head -n 1)
    [ -z "$leftover" ] || wrong "$what: leaves $leftover"
}

# trial_hang SCENARIO K: the K-th opening of an input waits for ever
trial_hang() {
    here=$work/hang-$1-$2-$$
    prepare "$1"
    # shellcheck disable=SC2046
    env LD_PRELOAD="$SHIM" FAULT_CALLS=open FAULT_AT="$2" FAULT_PATH="$lab" FAULT_HANG="$here.hung" \
        "$VACCINE" $(command_of "$1") </dev/null >"$here/out" 2>"$here/err" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && [ ! -e "$here.hung" ]; do sleep 0.05; done
    if [ -e "$here.hung" ]; then
        (sleep 20 && kill -9 "$pid") 2>/dev/null &
        watchdog=$!
        kill -TERM "$pid"
    fi
    { wait "$pid"; } 2>/dev/null
    status=$?
    [ -z "${watchdog-}" ] || kill "$watchdog" 2>/dev/null
    [ ! -e "$here.hung" ] || [ "$status" -eq 143 ] || wrong "$1: hangs in open $2: SIGTERM gives exit $status"
    rm -rf "$here" "$here.hung"
}

case $1 in
trial | trial_hang)
    "$@"
    exit 0
    ;;
esac

# ---- the whole

mode=$1
shift
[ "$#" -gt 0 ] || set -- import merge fork report eval probe score tokenize validate runs replay resume run
own=
if [ -z "${work-}" ]; then
    base=${TMPDIR:-/tmp}
    [ -w /dev/shm ] && base=/dev/shm
    work=$(mktemp -d "$base/vaccine-faults-XXXXXX") || exit 99
    own=$work
fi
lab=$work/lab
TMPDIR=$work # what a program that is made to fail leaves there goes with the rest
export work lab TMPDIR
trap '[ -z "$own" ] || rm -rf "$own"' EXIT
trap 'exit 1' HUP INT TERM

SHIM=$work/shim.so
export SHIM
# shellcheck disable=SC2086
$CC -O2 -shared -fPIC -fno-builtin -w -o "$SHIM" "$srcdir/tests/faults/shim.c" -ldl 2>"$work/why" &&
    LD_PRELOAD=$SHIM "$VACCINE" --version >/dev/null 2>"$work/why" || {
    head -n 3 "$work/why"
    exit 77
}

mkdir -p "$lab"
cp -r "$srcdir/samples/lab/base-a" "$lab/base"
for name in align mischief mischief-test task task-test probes; do
    head -n 24 "$srcdir/samples/lab/$name.jsonl" >"$lab/$name.jsonl"
done
cp "$srcdir/samples/lab/judge.json" "$srcdir/tests/faults/run.json" "$lab"

here=$work/first
for scenario in run "$@"; do
    if [ "$scenario" = run ] && [ -e "$lab/done" ]; then continue; fi
    prepare "$scenario"
    run_program "$scenario" || { cat "$here/err"; echo "Bail out! $scenario: exit $?"; exit 1; }
    digest "$scenario" >"$work/$scenario.digest"
    case $scenario in
    run)
        cp -r "$here/run" "$lab/done"
        cp -r "$here/run" "$lab/half"
        (cd "$lab/half" && rm -rf final checkpoint-12 stages/attack lock)
        ;;
    import) cp "$here/rows.jsonl" "$work" ;;
    report) cp "$here/page.html" "$work" ;;
    fork) digest_folder "$here/child" >"$work/fork.child" ;;
    merge) (cd "$here/merged" && find . -type f | sort | xargs cksum) >"$work/merged.files" ;;
    esac
done

# counted SCENARIO CALLS [NAME=VALUE]...: one run in which nothing fails
counted() {
    scenario=$1 calls=$2
    shift 2
    prepare "$scenario"
    # shellcheck disable=SC2046
    input_of "$scenario" | env LD_PRELOAD="$SHIM" FAULT_CALLS="$calls" "$@" \
        "$VACCINE" $(command_of "$scenario") >/dev/null 2>&1
}

# plan SCENARIO: the trials, one a line
plan() {
    if [ "$mode" = hang ]; then
        counted "$1" open FAULT_COUNT="$work/count" FAULT_PATH="$lab"
        seq "$(cat "$work/count")" | sed "s/^/$1 /"
        return
    fi
    for call in open read write sync rename link mkdir remove cut close map stat list lock pipe thread; do
        case $call in pipe | thread) part=- ;; *) part=$work ;; esac
        [ "$part" = - ] && set -- "$1" || set -- "$1" FAULT_PATH="$part"
        counted "$1" "$call" FAULT_COUNT="$work/count" ${2+"$2"}
        n=$(cat "$work/count")
        case $mode in
        all) seq "$n" ;;
        *) [ "$n" -eq 0 ] || { echo $(((n + 1) / 2)) && echo "$n"; } | sort -nu ;;
        esac | sed "s|.*|$1 $call & - $part|"
    done
    counted "$1" alloc FAULT_PATHS="$work/paths"
    if [ "$mode" = all ]; then
        awk -v s="$1" '{ print s, "alloc 1", $1, "-"; if ($2 > 1) print s, "alloc", $2, $1, "-" }' "$work/paths"
        return
    fi
    sort "$work/paths" | awk -v s="$1" 's == "import" || NR % 150 == 1 { print s, "alloc 1", $1, "-" }'
    # what is written line by line
    [ "$1" = run ] && printf 'run %s -\n' 'write 1 - journal.jsonl' 'write 2 - journal.jsonl' \
        'write 5 - journal.jsonl' 'sync 2 - journal.jsonl' 'write 5 - metrics.jsonl' \
        'write 5 - layers.jsonl' 'write 2 - probes.jsonl' 'write 2 - history.jsonl' 'write 1 - metrics.csv' |
        sed 's/ -$//'
}

total=0 bad=0
for scenario; do
    plan "$scenario" >"$work/plan"
    verb=trial
    [ "$mode" = hang ] && verb=trial_hang
    xargs -P "$JOBS" -L 1 sh "$0" "$verb" <"$work/plan" >"$work/found" 2>&1
    n=$(grep -c . "$work/plan") v=$(grep -c '^VIOLATION' "$work/found")
    total=$((total + n)) bad=$((bad + v))
    awk -v s="$scenario" -v v="$v" '{ n[NF > 2 ? $2 : "open"]++ } END {
        for (c in n) line = line " " c " " n[c]
        print s ": " NR " failures tried, " v " violations (" substr(line, 2) ")" }' "$work/plan"
    cat "$work/found"
done
echo "in all: $total failures tried, $bad violations"
[ "$bad" -eq 0 ]
