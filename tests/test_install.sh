#!/bin/sh
# test_install.sh - `make install` into a folder of its own: the program runs from there, has its manual and its
# completion beside it, and finds its samples; `make uninstall` takes all of it away.
#
# shellcheck disable=SC2016 # the inner shells expand
#
# TAP. $VACCINE is the program in its build folder, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
build=$(cd "${VACCINE%/*}" && pwd)
srcdir=$(cd "$srcdir" && pwd)
if [ ! -f "$build/Makefile" ]; then
    echo "1..0 # SKIP no Makefile beside the program"
    exit 0
fi
. "$srcdir/tests/tap.sh"
XDG_STATE_HOME=$tmp/state # what the screen remembers is not the user's
export XDG_STATE_HOME
# This may run inside of another make, whose choices are not meant here.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR

make_quietly() {
    "${MAKE:-make}" -s -C "$build" "$@" >"$tmp/log" 2>&1 </dev/null || cat "$tmp/log"
}

# The one installed file whose path ends so.
find_one() {
    find "$tmp/dest" -path "*$1" -type f >"$tmp/found" 2>/dev/null
    [ "$(wc -l <"$tmp/found")" -eq 1 ] && cat "$tmp/found"
}

check "make install" make_quietly install "DESTDIR=$tmp/dest"
if ! program=$(find_one /bin/vaccine); then
    echo "not ok $((count + 1)) - there is a program"
    echo "1..$((count + 1))"
    exit 0
fi
version=$("$VACCINE" --version </dev/null | sed -n '1s/.* //p')

runs() {
    [ "$("$program" --version </dev/null | sed -n '1s/.* //p')" = "$version" ] || echo "$program: not version $version"
}
check "the program runs" runs

page() {
    file=$(find_one "/man/man${1##*.}/$1") || echo "$1 is not there"
    grep -q "^\.TH .* \"vaccine $version\"$" "$file" || echo "$file: not of version $version"
}
check "vaccine(1) is there" page vaccine.1
check "vaccine-run(5) is there" page vaccine-run.5

shown() {
    MANPAGER=cat MANWIDTH=80 man -l "$(find_one "/man/man${1##*.}/$1")" >"$tmp/text" 2>"$tmp/err" </dev/null
    cat "$tmp/err"
    grep -q "$2" "$tmp/text" || echo "$1 does not show $2"
}
if man -l "$srcdir/doc/vaccine.1" >/dev/null 2>&1 </dev/null; then
    check "man shows vaccine(1)" shown vaccine.1 'replay'
    check "man shows vaccine-run(5)" shown vaccine-run.5 'harmful_ratio'
else
    skip "man shows the pages" "no man -l"
fi

completion=$(find_one /bash-completion/completions/vaccine)
completes() {
    cmp "$completion" "$srcdir/completion/vaccine.bash" || return
    (cd "$tmp" && bash --norc -c 'compopt() { :; }; . "$1"; COMP_WORDS=(vaccine doc)
        COMP_CWORD=1; PATH=${2%/*}:$PATH; _vaccine vaccine doc ""; [ "${COMPREPLY[*]}" = doctor ] || echo "offers ${COMPREPLY[*]}"
        complete -p vaccine >/dev/null' bash "$completion" "$program" </dev/null)
}
if command -v bash >/dev/null; then
    check "the completion is there and works with the installed program" completes
else
    check "the completion is there" cmp "$completion" "$srcdir/completion/vaccine.bash"
fi

# ---- samples ----

samples=${program%/bin/vaccine}/share/vaccine/samples
same_samples() {
    [ -s "$samples/quickstart/quickstart.json" ] || echo "$samples/quickstart/quickstart.json is not there"
    (cd "$srcdir/samples" && find . -type f ! -name '*.[ch]' ! -name base.sh) >"$tmp/list"
    while read -r f; do
        cmp "$srcdir/samples/$f" "$samples/$f"
    done <"$tmp/list"
    find "$samples" -name '*.[ch]'
}
check "the samples are there" same_samples

# The demo begins with the program beside it and the samples beside it, and leaves both as they are.
demo_runs() {
    chmod -R a-w "$samples"
    (cd "$tmp" && env -u VACCINE -u HOME ARMS=sft,steps=1 RATIOS=0 VACCINE_DEMO="$tmp/demo" sh "$samples/demo.sh") \
        </dev/null >"$tmp/table" 2>"$tmp/err" || cat "$tmp/err"
    chmod -R u+w "$samples"
    grep -q '^base-a .* sft,steps=1 ' "$tmp/table" || cat "$tmp/table"
    grep -rqF "$samples/lab/base-a" "$tmp/demo/001/align/base-a-s1-sft,steps=1/run.json" || echo "another model was aligned"
    (cd "$samples" && find . -type f ! -name '*.[ch]' ! -name base.sh) | sort >"$tmp/after"
    sort "$tmp/list" | diff - "$tmp/after"
}
check "the demo runs where it is installed" demo_runs

mkdir "$tmp/empty"
# told PROGRAM FILE: its message about samples/... names the file.
told() {
    for command in run validate screen; do
        (cd "$tmp/empty" && "$1" "$command" samples/quickstart/quickstart.json </dev/null 2>&1 >/dev/null) >"$tmp/err"
        grep -qF "not found (did you mean \"$2\"?)" "$tmp/err" || cat "$tmp/err"
    done
}
near=$samples/quickstart/quickstart.json
check "the installed program tells where a sample is" told "$program" "$near"
named() {
    (cd "$tmp/empty" && "$program" run samples/quickstart/absent.json </dev/null 2>&1) >"$tmp/err"
    grep -q 'did you mean' "$tmp/err" && cat "$tmp/err"
    (cd "$tmp/empty" && "$program" validate "$near" --set model=/no/such/model </dev/null 2>&1) >"$tmp/err"
    grep -q 'model' "$tmp/err" || cat "$tmp/err"
}
check "... and no other, and reads that one" named

# The start screen, drawn on a terminal of `script`.
listed() {
    printf ':save-screen %s\n:quit\n' "$tmp/screen.txt" >"$tmp/keys"
    (cd "$tmp/empty" && TERM=xterm timeout 60 script -qec "stty rows 24 cols 100; '$1' --still --script '$tmp/keys'" /dev/null \
        </dev/null >/dev/null 2>&1)
    grep -q "$2" "$tmp/screen.txt" || cat "$tmp/screen.txt"
    rm -f "$tmp/screen.txt"
}
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    check "the start screen lists them" listed "$program" '1 minute: Vaccine teaches to refuse (HS 100 to 0 %), then an attack'
else
    skip "the start screen lists them" "no script"
fi

# What is installed may be moved.
mv "$tmp/dest" "$tmp/moved"
moved=$tmp/moved${program#"$tmp/dest"}
check "it finds them where it was moved" told "$moved" "${moved%/bin/vaccine}/share/vaccine/samples/quickstart/quickstart.json"
mv "$tmp/moved" "$tmp/dest"

prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
knows_place() {
    grep -qaF "$prefix/share/vaccine/samples" "$program" || echo "$prefix/share/vaccine is not in the program"
}
if grep -q '^datadir = ${datarootdir}$' "$build/Makefile" && grep -q '^datarootdir = ${prefix}/share$' "$build/Makefile"; then
    check "a program without samples beside it looks in the prefix" knows_place
else
    skip "a program without samples beside it looks in the prefix" "another data folder was chosen"
fi

check "make uninstall" make_quietly uninstall "DESTDIR=$tmp/dest"
check "nothing is left" find "$tmp/dest" -type f

echo "1..$count"
