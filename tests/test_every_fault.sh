#!/bin/sh
# test_every_fault.sh - a sample of what `make check-faults` tries in full: one call fails, and either what
# was promised is there or the program says why not, and the run goes on to the same bytes.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
: "${CC:=cc}"
. "$srcdir/tests/tap.sh"

for scenario in import merge fork report eval probe score tokenize runs replay resume run; do
    sh "$srcdir/tests/faults/faults.sh" sample "$scenario" >"$tmp/why" 2>&1
    case $? in
    0) ok "$scenario" ;;
    77) skip "$scenario" "$(head -n 1 "$tmp/why" | tr -d '#')" ;;
    *) not_ok "$scenario" ;;
    esac
done

# Of this program one call may fail, the one that it does not look at; what the OpenMP library asks for
# is no call of its.
cat >"$tmp/careless.c" <<'END'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "tokenize"))
        return execv(getenv("CAREFUL"), argv);
#pragma omp parallel num_threads(2)
#pragma omp master
    *(volatile char *)malloc(9) = 1;
    return 0;
}
END
name="a fault is found, and OpenMP's own calls are left out"
# shellcheck disable=SC2086
{ $CC -fopenmp -o "$tmp/careless" "$tmp/careless.c" || $CC -o "$tmp/careless" "$tmp/careless.c"; } 2>/dev/null
export CAREFUL="$VACCINE"
VACCINE=$tmp/careless \
    sh "$srcdir/tests/faults/faults.sh" all tokenize >"$tmp/why" 2>&1
case $? in
77) skip "$name" "no shim" ;;
*) if grep -qx 'in all: 1 failures tried, 1 violations' "$tmp/why"; then ok "$name"; else not_ok "$name"; fi ;;
esac

sh "$srcdir/tests/faults/faults.sh" hang merge validate replay run >"$tmp/why" 2>&1
case $? in
0) ok "SIGTERM ends what waits for a disk" ;;
77) skip "SIGTERM ends what waits for a disk" "no shim" ;;
*) not_ok "SIGTERM ends what waits for a disk" ;;
esac

echo "1..$count"
