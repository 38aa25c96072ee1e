#!/bin/sh
# test_imports.sh - data as people have it: for each public data set a file of made-up rows in its
# form (tests/imports/NAME.*), found by content, gives the rows of NAME.out; packed, the same.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
imports=$(cd "$srcdir/tests/imports" && pwd)

run() {
    "$VACCINE" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
# gives FILE FORMAT WANTED: the import found the format and wrote the rows.
gives() {
    run import auto "$1"
    [ "$status" -eq 0 ] && cmp "$3" "$tmp/out" && grep -qF ": $2: " "$tmp/err"
}
for file in "$imports"/*.csv "$imports"/*.json*; do
    name=$(basename "$file")
    name=${name%.*}
    format=$name
    [ "$name" != dolly ] || format=alpaca
    check "$name" gives "$file" "$format" "$imports/$name.out"
    gzip -c "$file" >"$tmp/packed.gz" &&
        check "$name, packed" gives "$tmp/packed.gz" "$format" "$imports/$name.out"
done

run import auto "$imports/pku.jsonl" --unsafe
check 'the answers that are not the safer ones' grep -qF -e '"output":"Glue its shoes to the bridge.","category":"Glue,Shoes","label":"unsafe"' "$tmp/out"
run import auto "$imports/pku.jsonl" --unsafe --kind 3
check 'by severity' [ "$(wc -l <"$tmp/out")" -eq 1 ]

gzip -c "$imports/dolly.jsonl" | head -c 60 >"$tmp/short.gz"
run import auto "$tmp/short.gz"
check 'a packed file that was cut' failed 1 'ends inside its packed text'
gzip -c "$imports/dolly.jsonl" >"$tmp/more.gz"
echo more >>"$tmp/more.gz"
run import auto "$tmp/more.gz"
check 'something behind a packed file' failed 1 'follows the packed text'
{ gzip -c "$imports/dolly.jsonl"; gzip -c "$imports/dolly.jsonl"; } >"$tmp/two.gz"
run import auto "$tmp/two.gz"
check 'two packed files in one' [ "$(wc -l <"$tmp/out")" -eq 4 ]
printf '\037\213\010\000junkjunkjunkjunk' >"$tmp/bad.gz"
run import auto "$tmp/bad.gz"
check 'a packed file that is damaged' failed 1 'damaged'

echo "1..$count"
