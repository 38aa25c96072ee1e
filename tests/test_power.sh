#!/bin/sh
# test_power.sh - a sample of what `make check-power` tries in full: the power is cut after a call of a run
# or a merge, and what is left goes on to the same bytes; a run that is killed never looks as if somebody had changed it.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"

for scenario in run merge chain; do
    sh "$srcdir/tests/power/power.sh" sample "$scenario" >"$tmp/why" 2>&1
    case $? in
    0) ok "$scenario: $(tail -n 1 "$tmp/why")" ;;
    77) skip "$scenario" "$(head -n 1 "$tmp/why" | tr -d '#')" ;;
    *) not_ok "$scenario" ;;
    esac
done

echo "1..$count"
