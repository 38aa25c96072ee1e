#!/bin/sh
# test_readme.sh - what README.md and src/README.md say is so: commands, options, files, lists, functions.
#
# shellcheck disable=SC2016,SC1003 # backquotes and backslashes are meant as they stand
#
# TAP. $VACCINE is the program, $srcdir the source tree. In a fenced block of README.md every line that
# begins with vaccine, build/vaccine or ./bootstrap is taken apart: the command and each option must stand in
# --help, and each file must be in the tree, or be made by a line before it, or be a placeholder in capitals.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vaccine-readme-XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
LC_ALL=C
export LC_ALL
count=0

ok() {
    count=$((count + 1))
    echo "ok $count - $1"
}

not_ok() {
    count=$((count + 1))
    echo "not ok $count - $1"
    sed 's/^/# /' "$tmp/why"
}

# check NAME COMMAND...: passes when the command prints nothing and succeeds.
check() {
    name=$1
    shift
    if "$@" >"$tmp/why" 2>&1 && [ ! -s "$tmp/why" ]; then ok "$name"; else not_ok "$name"; fi
}

"$VACCINE" --help >"$tmp/help" </dev/null
sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/help" >"$tmp/commands"
while read -r c; do
    "$VACCINE" "$c" --help >"$tmp/help.$c" </dev/null
done <"$tmp/commands"

# ---- the command lines ----

# blocks FILE: the lines of its fenced sh blocks, without comments.
blocks() {
    awk '/^```/ { inside = /^```sh$/; next } inside { sub(/[ \t]+#.*/, ""); print }' "$1"
}

# Whether the command's --help has the option; says whether it takes a value by the exit status: 0 yes, 1 no.
has_option() { # COMMAND OPTION
    if ! grep -qE -e "^ +(-[a-zA-Z], )?$2(=|[ ]|\$)|^ +$2, " "$tmp/help.$1"; then
        echo "vaccine $1 has no option $2"
        return 1
    fi
    grep -qE -e "^ +(-[a-zA-Z], )?$2=|^ +$2, --[a-z-]+=" "$tmp/help.$1"
}

placeholder() {
    case ${1##*/} in
    *.*) set -- "${1##*/}" "${1%%/*}"; p=${1%.*} ;;
    *) p=${1##*/} ;;
    esac
    case $p in
    '' | *[!A-Z0-9_]*) return 1 ;;
    esac
}

# A path is in the tree, made by a line before, a placeholder, or below one.
path_known() {
    if [ -e "$srcdir/$1" ] || placeholder "$1" || placeholder "${1%%/*}"; then
        return
    fi
    while read -r made from; do
        case $1 in
        "$made") return ;;
        "$made"/*) if [ -z "$from" ] || [ -e "$srcdir/$from/${1#"$made"/}" ]; then return; fi ;;
        esac
    done <"$tmp/made"
    echo "$1: neither in the tree nor made by a line before"
}

# Words that are files by their looks.
file_word() {
    case $1 in
    *' '*) ;;
    */* | *.json | *.jsonl | *.tsv | *.csv | *_DIR | *_FILE) path_known "$1" ;;
    esac
}

vaccine_line() {
    command=$1
    if ! grep -qx -e "$command" "$tmp/commands"; then
        case $command in
        *[./A-Z]*) command=screen ;;
        *) echo "there is no command $1"; return ;;
        esac
    else
        shift
    fi
    while [ $# -gt 0 ]; do
        case $1 in
        -o)
            has_option "$command" -o && printf '%s\n' "$2" >>"$tmp/made"
            shift
            ;;
        -*)
            if has_option "$command" "$1"; then
                case $1 in --set) file_word "${2#*=}" ;; *) file_word "$2" ;; esac
                shift
            fi
            ;;
        *) file_word "$1" ;;
        esac
        shift
    done
}

bootstrap_line() {
    "$srcdir/bootstrap" --help | grep -qE "^  $1 " || echo "./bootstrap has no $1"
}

: >"$tmp/made"
blocks "$srcdir/README.md" >"$tmp/lines"
n=0
while read -r line; do
    eval "set -- $(printf '%s' "$line" | tr '|&;<>$`\\' ' ')"
    first=${1:-}
    [ $# -eq 0 ] || shift
    case $first in
    vaccine | build/vaccine) check "$line" vaccine_line "$@" ;;
    ./bootstrap) check "$line" bootstrap_line "$@" ;;
    cp)
        check "$line" path_known "$2"
        printf '%s %s\n' "$3" "$2" >>"$tmp/made"
        ;;
    *) continue ;;
    esac
    n=$((n + 1))
done <"$tmp/lines"
check "there are command lines" [ "$n" -ge 10 ]

# The same check finds what is wrong.
wrong() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >"$tmp/why" 2>&1 && [ ! -s "$tmp/why" ]; then not_ok "$name"; else ok "$name"; fi
}
wrong "a command that is not there is found" vaccine_line tain x.json
wrong "an option that is not there is found" vaccine_line run MY.json --sett model=MODEL_DIR
wrong "a file that is not there is found" vaccine_line run samples/quickstart/absent.json
wrong "a bootstrap word that is not there is found" bootstrap_line biuld

# ---- the table of commands ----

sed -n '/^## Commands/,/^## /s/^| `vaccine \([a-z][a-z]*\).*/\1/p' "$srcdir/README.md" >"$tmp/table"
echo screen >>"$tmp/table" # stands there as the program without a command
sort "$tmp/table" >"$tmp/a"
sort "$tmp/commands" >"$tmp/b"
check "the table has every command and no other" diff "$tmp/a" "$tmp/b"

# ---- files, lists and functions that are named ----

# Names in backquotes that begin with a folder of the source; NAME stands for any word.
named_files() {
    for doc in README.md src/README.md; do
        grep -oE '`(src|ui|tests|samples|include)/[A-Za-z0-9_./-]+`' "$srcdir/$doc" | tr -d '`' |
            sed 's/NAME/*/' | sort -u | while read -r pattern; do
            # shellcheck disable=SC2086 # NAME is a pattern
            set -- "$srcdir"/$pattern
            [ -e "$1" ] || echo "$doc: $pattern is not there"
        done
    done
}
check "the files that are named are there" named_files

# "(run/spec.c" and the like, below src.
source_files() {
    grep -oE '[a-z]+/[a-z_0-9]+\.[ch]' "$srcdir/src/README.md" | sort -u | while read -r f; do
        [ -e "$srcdir/src/$f" ] || [ -e "$srcdir/$f" ] || [ -e "$srcdir/include/$f" ] || echo "$f is not there"
    done
}
check "the sources that are named are there" source_files

named_functions() {
    grep -oE '`[a-z_0-9]+\(\)`' "$srcdir/src/README.md" | tr -d '`()' | sort -u | while read -r f; do
        grep -rqE "^[a-z].*[ *]$f\(" "$srcdir/src" || echo "there is no function $f"
    done
}
check "the functions that are named are there" named_functions

# Each list is defined in the header that stands beside it.
named_lists() {
    sed -n 's/^| .*`\([A-Z]*\)`.*`\([a-z/]*\.h\)` |$/\1 \2/p' "$srcdir/README.md" "$srcdir/src/README.md" >"$tmp/lists"
    [ "$(wc -l <"$tmp/lists")" -ge 16 ] || echo "only $(wc -l <"$tmp/lists") lists are named"
    while read -r list header; do
        grep -q "^#define $list(X)" "$srcdir/$header" || echo "$header has no $list"
    done <"$tmp/lists"
}
check "the lists are where the tables say" named_lists

links() {
    for doc in README.md src/README.md; do
        grep -oE '\]\([^)#]+\)' "$srcdir/$doc" | sed 's/^](//; s/)$//' | grep -v '^https:' | while read -r f; do
            [ -e "$srcdir/${doc%README.md}$f" ] || echo "$doc: $f is not there"
        done
    done
}
check "the links lead somewhere" links

echo "1..$count"
