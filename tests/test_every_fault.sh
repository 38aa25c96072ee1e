#!/bin/sh
# test_every_fault.sh - a sample of what `make check-faults` tries in full: one call fails, and either what
# was promised is there or the program says why not, and the run goes on to the same bytes.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"

for scenario in import merge report eval probe score tokenize runs replay resume run; do
    sh "$srcdir/tests/faults/faults.sh" sample "$scenario" >"$tmp/why" 2>&1
    case $? in
    0) ok "$scenario" ;;
    77) skip "$scenario" "$(head -n 1 "$tmp/why" | tr -d '#')" ;;
    *) not_ok "$scenario" ;;
    esac
done

sh "$srcdir/tests/faults/faults.sh" hang merge validate replay run >"$tmp/why" 2>&1
case $? in
0) ok "SIGTERM ends what waits for a disk" ;;
77) skip "SIGTERM ends what waits for a disk" "no shim" ;;
*) not_ok "SIGTERM ends what waits for a disk" ;;
esac

echo "1..$count"
