#!/bin/sh
# blocks.sh - a manual page with its tables written anew: blocks.sh PROGRAM PAGE >NEW_PAGE
#
# What stands between the comments `begin NAME` and `end NAME` is what `PROGRAM manual NAME` prints; all else is
# prose and stays as it is. `make manual` puts the result in place, and tests/test_manual.sh compares.

exec awk -v program="$1" '
/^\.\\" begin / {
    print
    name = $0
    sub(/^\.\\" begin /, "", name)
    command = "\"" program "\" manual " name " </dev/null"
    while ((command | getline line) > 0)
        print line
    if (close(command))
        failed = 1
    inside = 1
}
/^\.\\" end / { inside = 0 }
!inside
END { exit failed || inside }' "$2"
