# shellcheck shell=sh disable=SC2154 # $status is set by who runs the program
# tap.sh - what the shell tests share; sourced: a folder $tmp that goes with the test, numbered results.

tmp=$(mktemp -d "${TMPDIR:-/tmp}/vaccine-XXXXXX") || exit 99
tmp=$(cd "$tmp" && pwd -P)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
LC_ALL=C
export LC_ALL
count=0

ok() {
    count=$((count + 1))
    echo "ok $count - $1"
}

skip() { # NAME WHY
    ok "$1 # SKIP $2"
}

# Shows what the check said, and what the program said where a test keeps it in $status and two files.
not_ok() {
    count=$((count + 1))
    echo "not ok $count - $1"
    head -n 30 "$tmp/why" | sed 's/^/# /'
    [ -z "${status-}" ] || {
        echo "# exit status $status"
        head -n 20 "$tmp/out" | sed 's/^/# out: /'
        head -n 5 "$tmp/err" | sed 's/^/# err: /'
    }
}

# check NAME COMMAND...: passes when the command succeeds and prints nothing.
check() {
    name=$1
    shift
    if "$@" >"$tmp/why" 2>&1 && [ ! -s "$tmp/why" ]; then ok "$name"; else not_ok "$name"; fi
}

# wrong NAME COMMAND...: passes when check would not.
wrong() {
    name=$1
    shift
    if "$@" >"$tmp/why" 2>&1 && [ ! -s "$tmp/why" ]; then not_ok "$name"; else ok "$name"; fi
}

# ---- of a program that was run: $status, $tmp/out, $tmp/err ----

# failed STATUS TEXT: that exit status, nothing printed, one line on standard error with the text.
failed() {
    [ "$status" -eq "$1" ] && [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] &&
        grep -q '^vaccine: ' "$tmp/err" && grep -qF -e "$2" "$tmp/err"
}

# done_with TEXT: exit status 0, the text printed, silence on standard error.
done_with() {
    [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ] && grep -qF -e "$1" "$tmp/out"
}
