#!/bin/sh
# fuzz.sh SOURCE BUILD [TARGET...] - builds the readers with clang's address, undefined and coverage checks in BUILD and
# runs the targets one after the other, each until FUZZ_RUNS executions or FUZZ_SECONDS are over. Exit 1: a finding,
# which lies in BUILD. What a target finds new stays in BUILD/corpus, for `-merge=1` into the corpora here.
set -e
src=$1 build=$2
shift 2
srcdir=$src
export srcdir
mkdir -p "$build"
cd "$build"
[ -f Makefile ] || "$src/configure" -q CC="${FUZZ_CC:-clang}" CFLAGS='-g -fsanitize=fuzzer-no-link' \
    --enable-sanitize=address,undefined
make -s -j"$(nproc)" tests/fuzz/fuzz
bad=0
for t in ${*:-$(cd "$src/tests/fuzz" && ls -d */ | tr -d /)}; do
    mkdir -p "corpus/$t"
    if FUZZ=$t ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0 tests/fuzz/fuzz \
        -runs="${FUZZ_RUNS:-1000000}" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=20000 -timeout=20 -rss_limit_mb=2560 \
        -artifact_prefix="$build/$t-" -print_final_stats=1 "corpus/$t" "$src/tests/fuzz/$t" >"$t.log" 2>&1
    then
        echo "$t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$t.log") executions, nothing found"
    else
        echo "$t: see $build/$t.log"
        bad=1
    fi
done
exit $bad
