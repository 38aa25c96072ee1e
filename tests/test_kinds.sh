#!/bin/sh
# test_kinds.sh - files that are something else than what is read: each is named, and what the
# message advises is done here and must make a file that the program takes.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$srcdir/tests/golden
. "$srcdir/tests/tap.sh"
cd "$tmp" || exit 99
case $VACCINE in /*) ;; *) VACCINE=$OLDPWD/$VACCINE ;; esac
case $golden in /*) ;; *) golden=$OLDPWD/$golden ;; esac

samples=$(dirname "$golden")/../samples/lab/base-a
echo '{"instruction":"a","output":"b"}' >qa.jsonl

run() {
    "$VACCINE" "$@" </dev/null >out 2>err
    status=$?
}
rows() { run eval "$golden/opt" --metric loss --data "$1"; }
# fresh: a model of its own to spoil; looked at by ask.
fresh() {
    rm -rf model
    mkdir model
    cp "$golden/opt/config.json" "$golden/opt/model.safetensors" model/
    chmod u+w model/*
}
ask() { run eval model --metric loss --data rows.jsonl; }
printf '{"input_ids":[1,2,3]}\n{"input_ids":[4,5,6]}\n' >rows.jsonl
rows rows.jsonl
check "the rows themselves" done_with "2 rows"

# follow FILE NEW: does what the last message says between its last "first: " or "UTF-8: " and the end.
follow() {
    command=$(sed -n 's/.*\(unpack it first\|save it as UTF-8\): //p' err)
    [ "$command" ] || return 1
    command=$(printf '%s' "$command" | sed "s/FILE/$1/; s/NEW/$2/")
    sh -c "$command" >/dev/null 2>&1
}
# kind TOOL WHAT FILE: FILE is named as WHAT wherever it stands, and the advice makes rows of it.
kind() {
    rows "$3"
    check "$2 as rows" failed 1 "$3: is $2: "
    rm -f new.jsonl
    follow "$3" new.jsonl
    [ -f new.jsonl ] || mv rows.unpacked new.jsonl
    rows new.jsonl
    check "$2 as rows, its advice followed" done_with "2 rows"
    run import alpaca "$3"
    check "$2 to import" failed 1 "$3: is $2: "
    run validate "$3"
    check "$2 as a run file" failed 1 "$3: is $2: "
    fresh
    cp "$3" model/config.json
    ask
    check "$2 as config.json" failed 1 "model/config.json: is $2: "
}

for tool in xz zstd bzip2 lz4; do
    if command -v $tool >/dev/null; then
        $tool -c <rows.jsonl >packed
        kind $tool "compressed with $tool" packed
    else
        skip "compressed with $tool" "no $tool here"
    fi
done
if command -v zip >/dev/null && command -v unzip >/dev/null; then
    cp rows.jsonl rows.unpacked
    zip -q packed.zip rows.unpacked && rm rows.unpacked
    kind unzip "a zip archive" packed.zip
else
    skip "a zip archive" "no zip here"
fi
cp rows.jsonl rows.unpacked
tar -cf packed.tar rows.unpacked && rm rows.unpacked
kind tar "a tar archive" packed.tar
for code in UTF-16 UTF-16LE UTF-16BE UTF-32; do
    iconv -f UTF-8 -t $code <rows.jsonl >wide
    what=${code%[BL]E}
    kind iconv "$what" wide
done

# ---- named, with a place where better is to be had ----

named() { # WHAT FILE
    rows "$2"
    check "$1 as rows" failed 1 "$2: is $1: "
    fresh
    cp "$2" model/model.safetensors
    ask
    check "$1 as weights" failed 1 "model/model.safetensors: is $1: "
}
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n' >pointer
named "a Git LFS pointer, not the file itself" pointer
printf '\n<!DOCTYPE html>\n<html><body>403</body></html>\n' >page
named "a web page" page
printf '<HTML><body>403</body></HTML>\n' >page
named "a web page" page
printf 'Entry not found' >page
named "the hub's answer for a file that is not there" page
printf 'PAR1\25\0\25\0\0\0\0\0PAR1' >table.parquet
named "a Parquet file" table.parquet
rows table.parquet
check "... with the way to rows" failed 1 "read_parquet"
printf 'ARROW1\0\0\0\0\0\0' >table.arrow
named "an Arrow (Feather) file" table.arrow
printf '\377\377\377\377\20\1\0\0\20\0\0\0' >stream.arrow
named "an Arrow stream" stream.arrow
printf '\200\2}q\0.\0\0\0\0\0\0' >rows.pkl
named "a pickle file" rows.pkl
printf 'PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0archive/data.pklFB' >w.pt
named "a PyTorch (pickle) file" w.pt
printf 'PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\23\0\0\0[Content_Types].xml <' >t.xlsx
named "a spreadsheet (xlsx)" t.xlsx
head -c 4096 /dev/zero >zeros
named "zeros from its beginning on" zeros
cp "$golden/opt/model.safetensors" weights.safetensors
rows weights.safetensors
check "weights as rows" failed 1 "is a safetensors file (weights): give rows as JSON lines"
run validate weights.safetensors
check "weights as a run file" failed 1 "is a safetensors file (weights): JSON text is needed here"

for file in tokenizer.json tokenizer_config.json generation_config.json chat_template.jinja; do
    rm -rf model
    cp -r "$samples" model
    chmod -R u+w model
    cp pointer model/$file
    run eval model -t line --data qa.jsonl -m exact -n 2
    check "$file as a pointer" failed 1 "model/$file: is a Git LFS pointer"
done
rm -f model/chat_template.jinja
cp "$samples/tokenizer.json" model/
cp pointer model/vocab.json
run merge model -o merged
check "a pointer is not merged" failed 1 "model/vocab.json: is a Git LFS pointer"

# ---- tables ----

table() { # SEPARATOR
    for head in ask:say prompt:completion; do
        printf '%s%s%s\na,b%sc\n' "${head%:*}" "$1" "${head#*:}" "$1" >table
        [ "$1" = , ] && printf '%s,%s\n"a,b",c\n' "${head%:*}" "${head#*:}" >table
        rm -f rows.new
        run eval "$samples" -t line -m exact -n 2 --data table
        if [ "$head" = prompt:completion ]; then
            check "a table (\"$1\") whose columns are a format's" done_with "of 1;"
            continue
        fi
        check "a table (\"$1\") of other columns" failed 1 "vaccine import table FILE --instruction COLUMN --output COLUMN -o NEW.jsonl (its first line: ask"
        command=$(sed 's/.*rows of it: vaccine //; s/ (its first.*//; s/FILE/table/; s/--instruction COLUMN/--instruction ask/; s/--output COLUMN/--output say/; s/NEW.jsonl/rows.new/' err)
        # shellcheck disable=SC2086 # words of the advice
        run $command
        run eval "$samples" -t line -m exact -n 2 --data rows.new
        check "... its advice followed" sh -c 'grep -q "0 of 1\|1 of 1" out'
    done
}
table ,
table ';'
table "$(printf '\t')"
echo '{"data":[{"input_ids":[1,2,3]},{"input_ids":[4,5,6]}]}' >inside.json
rows inside.json
check "rows inside one object" done_with "2 rows"

# ---- folders and files that are no model ----

mkdir gguf bare
printf 'GGUF\3\0\0\0\2\0\0\0' >gguf/model-q4.gguf
cp "$golden/opt/model.safetensors" bare/
run eval gguf --metric loss --data rows.jsonl
check "a folder of GGUF" failed 1 'gguf: holds no config.json, only "model-q4.gguf" (a GGUF file); give that file itself as the model'
run eval gguf/model-q4.gguf --metric loss --data rows.jsonl
check "a file of GGUF" failed 1 "gguf/model-q4.gguf: ends inside the header"
run eval bare --metric loss --data rows.jsonl
check "weights without config.json" failed 1 "bare: holds no config.json: a model is a folder with config.json"
run eval bare/model.safetensors --metric loss --data rows.jsonl
check "a file of weights" failed 2 "a model is a folder with config.json, tokenizer.json and weights"

# ---- a byte order mark is no mistake ----

{ printf '\357\273\277'; cat rows.jsonl; } >bom.jsonl
rows bom.jsonl
check "rows behind a byte order mark" done_with "2 rows"
fresh
{ printf '\357\273\277'; cat "$golden/opt/config.json"; } >model/config.json
ask
check "config.json behind a byte order mark" done_with "2 rows"

# ---- links that lead nowhere, in a folder that was copied without what they lead to ----

ln -s ../blobs/0123 gone.jsonl
rows gone.jsonl
check "rows behind a broken link" failed 1 "gone.jsonl: is a link to ../blobs/0123, which is not there"
for file in model.safetensors config.json; do
    fresh
    rm -f model/$file
    ln -s ../../blobs/0123 model/$file
    ask
    check "$file behind a broken link" failed 1 "model/$file: is a link to ../../blobs/0123"
done

for file in tokenizer_config.json generation_config.json; do
    rm -rf model
    cp -r "$samples" model
    chmod -R u+w model
    rm -f model/$file
    ln -s ../../blobs/0123 model/$file
    run eval model -t line --data qa.jsonl -m exact -n 2
    check "$file behind a broken link" failed 1 "model/$file: is a link to ../../blobs/0123"
done

# ---- weights under other names ----

fresh
mv model/model.safetensors model/weights.safetensors
ask
check "another name" failed 1 'holds no model.safetensors, only "weights.safetensors" (another name); rename it'
run probe model/weights.safetensors hi
check "a file in place of a model" failed 2 "a model is the whole folder, model"
mv model/weights.safetensors model/model-00001-of-00001.safetensors
ask
check "shards whose index is missing are read" done_with "2 rows"
mv model/model-00001-of-00001.safetensors model/model-00002-of-00002.safetensors
ask
check "unless one of them is missing" failed 1 'shard "model-00001-of-00002.safetensors" is missing'
mv model/model-00002-of-00002.safetensors model/consolidated.00.pth
ask
check "the makers' own format" failed 1 "take the files in the format of Transformers"

echo "1..$count"
