#!/bin/sh
# test_manual.sh - the manual pages say what the program does: tables, keys, variables, examples.
#
# shellcheck disable=SC2016,SC1003 # backquotes and backslashes are meant as they stand
#
# TAP. $VACCINE is the program, $srcdir the source tree. A failed table is mended with `make manual`.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
one=$srcdir/doc/vaccine.1
five=$srcdir/doc/vaccine-run.5
golden=$(cd "$srcdir/tests/golden/opt" && pwd)
. "$srcdir/tests/tap.sh"

# same A B: prints how they differ.
same() {
    cmp -s "$1" "$2" || diff "$1" "$2"
}

# ---- the tables ----

# A page is what blocks.sh makes of it.
tables() {
    sh "$srcdir/doc/blocks.sh" "$VACCINE" "$1" >"$tmp/page" || echo "blocks.sh failed"
    same "$1" "$tmp/page"
}

# Every block that the program has stands on its page, once.
all_blocks() {
    "$VACCINE" manual </dev/null | sort >"$tmp/blocks"
    for page in "$1" "$2"; do
        sed -n "s/^\.\\\\\" begin /${page##*.} /p" "$page"
    done | sort >"$tmp/begun"
    same "$tmp/blocks" "$tmp/begun"
}

check "vaccine(1) has the tables of the program" tables "$one"
check "vaccine-run(5) has the tables of the program" tables "$five"
check "every table is on its page" all_blocks "$one" "$five"
sed 's/^\.B lr$/.B rate/' "$five" >"$tmp/bad.5"
wrong "a changed key is found" tables "$tmp/bad.5"
sed 's/default 0\.001; live/default 0.01; live/' "$five" >"$tmp/bad.5"
wrong "a changed default is found" tables "$tmp/bad.5"
sed '/begin command merge/,/end command merge/d' "$one" >"$tmp/bad.1"
wrong "a missing command is found" all_blocks "$tmp/bad.1" "$five"
sed 's/command merge$/command marge/' "$one" >"$tmp/bad.1"
wrong "a command that is not there is found" tables "$tmp/bad.1"

# ---- as pages ----

version=$("$VACCINE" --version | sed -n '1s/.* //p')
titles() {
    for page in "$one" "$five"; do
        grep -q "^\.TH [A-Z-]* ${page##*.} [-0-9]* \"vaccine $version\"$" "$page" || echo "$page: not of version $version"
    done
}
check "the pages are of this version" titles
if command -v groff >/dev/null; then
    check "groff has nothing to say" groff -ww -man -z "$one" "$five"
else
    skip "groff has nothing to say" "no groff"
fi
if command -v mandoc >/dev/null; then
    check "mandoc has nothing to say" mandoc -T lint "$one" "$five"
else
    skip "mandoc has nothing to say" "no mandoc"
fi

# ---- keys that no table holds: objects and lists, written by hand behind a table ----

# hand_keys PAGE: "stages.train" for each.
hand_keys() {
    awk '/^\.S[HS]/ { section = "" }
        /^\.\\" begin / { inside = 1 }
        /^\.\\" end / { inside = 0 }
        /^\.\\" end keys / { section = $4 }
        { tag = item; item = /^\.TP/ }
        tag && !inside && section != "" && /^\.B / { print (section == "top" ? "" : section ".") $2 }' "$1"
}

quick=$srcdir/samples/quickstart/quickstart.json
# The reader knows such a key: a wrong value is another error than a wrong key.
keys_known() {
    while read -r key; do
        path=$(printf '%s' "$key" | sed 's/^stages\./stages.align./; s/^evaluate\./evaluate.HS./')
        case $("$VACCINE" validate "$quick" --set "model=$golden" --set "$path=0" 2>&1 </dev/null) in
        *"unknown key"*) echo "there is no key $key" ;;
        *": ${key%%.*}"*) ;;
        *) echo "$key: any value is taken" ;;
        esac
    done <"$1"
}

hand_keys "$five" >"$tmp/hand"
check "objects and lists are written by hand" sh -c '[ "$(wc -l <"$1")" -ge 12 ]' sh "$tmp/hand"
check "the reader knows them" keys_known "$tmp/hand"
echo stages.trian >"$tmp/trian"
wrong "a key that is not there is found" keys_known "$tmp/trian"

# The other way round: run.json has every key that there is.
mkdir "$tmp/data"
for i in 1 2 3 4; do echo "{\"input_ids\":[3,17,$i,5],\"labels\":[3,17,$i,5]}"; done >"$tmp/data/rows.jsonl"
# A stage of every method, with the data sets that it learns from.
stages=$(awk '/^\.SS method / { printf "%s{\"steps\":1,\"batch_size\":2,\"method\":\"%s\",\"train\":[\"rows.jsonl\"]", open, $3
                               open = "},\n" }
             /^\.B / { key = $2 }
             /^files beside train/ { printf ",\"%s\":[\"rows.jsonl\"]", key }
             END { print "}" }' "$five")
# A bound's key is the name of what it bounds, which is called as a key that there is anyway.
stages=$(echo "$stages" | sed '1s/"steps":1,/"steps":1,"until":{"rho":"< 99","sure":true},/
                          /"method":"vaccine"/s/"steps":1,/"steps":1,"rho_control":{"measure":"loss","target":1},/
                          2s/\["rows.jsonl"\]/[{"file":"rows.jsonl","harmful":true}]/
                          /"method":"random"/s/"steps":1,/"steps":1,"rho_schedule":{"schedule":"linear","end":0.5},/')
cat >"$tmp/data/all.json" <<END
{ "model": "$golden", "max_length": 32, "threads": 1,
  "stages": [ $stages ],
  "watch": { "drift": "rows.jsonl", "align_loss": "rows.jsonl", "harmful_loss": "rows.jsonl",
             "probes": null },
  "attack": { "every": 1 },
  "evaluate": [ { "name": "rho", "data": "rows.jsonl", "metric": "loss", "every": 1, "stages": ["stage1"] } ],
  "guards": [ "loss > 1e9 alert" ] }
END
"$VACCINE" run "$tmp/data/all.json" -o "$tmp/data/run" >"$tmp/log" 2>&1 </dev/null
run_keys() {
    [ -s "$tmp/data/run/run.json" ] || cat "$tmp/log"
    sed -n '/^\t"spec":/,/^\t}/p' "$tmp/data/run/run.json" | sed 1d | grep -oE '"[a-z_0-9]+":' |
        tr -d '":' | sort -u >"$tmp/run.keys"
    page_keys "$1" >"$tmp/page.keys"
    same "$tmp/run.keys" "$tmp/page.keys"
    [ "$(wc -l <"$tmp/run.keys")" -ge 50 ] || echo "run.json has only $(wc -l <"$tmp/run.keys") keys"
}
# page_keys PAGE: every key, tables and by hand.
page_keys() {
    {
        awk '/^\.\\" begin (keys|methods)/ { inside = 1 }
            /^\.\\" begin (judges|metrics)/ { own = 1 }
            /^\.\\" end / { inside = own = 0 }
            /^\.R[SE]/ && own { inside = /RS/ }
            inside && tag && /^\.B / { print $2 }
            { tag = /^\.TP/ }' "$1"
        hand_keys "$1" | sed 's/.*\.//'
    } | sort -u
}
check "the keys of the manual are those of run.json" run_keys "$five"
sed '/^\.TP$/N;/\n\.B align_loss$/d' "$five" >"$tmp/bad.5"
wrong "a missing key is found" run_keys "$tmp/bad.5"

# ---- the example ----

example() {
    mkdir "$tmp/example"
    cp "$srcdir"/samples/quickstart/*.jsonl "$tmp/example/"
    sed -n '/^\.\\" example/,/^\.\\" end of example/p' "$five" | grep -v '^\.' | sed 's/\\-/-/g' \
        >"$tmp/example/run.json"
    sed "$1" "$tmp/example/run.json" >"$tmp/example/x.json"
    # All keys and files are right when the model is what is missed: this one has no tokenizer.
    "$VACCINE" validate "$tmp/example/x.json" --set "model=$golden" --set max_length=64 \
        </dev/null >"$tmp/log" 2>&1
    grep -q 'tokenizer' "$tmp/log" || cat "$tmp/log"
    rm -rf "$tmp/example"
}
check "the example can be read" example ''
wrong "a mistake in the example is found" example 's/"take"/"tkae"/'

# ---- lists that are written by hand ----

# Variables that the program reads, but for those of libraries, and those that the page tells.
variables() {
    {
        grep -rhoE 'getenv\("[A-Z_]+"\)' "$srcdir/src" "$srcdir/ui" | grep -vE '"(OPENBLAS|G?OMP)_'
        grep -hoE '\.variable = "[A-Z_]+"' "$srcdir/src/weights/hub.c"
    } | grep -oE '"[A-Z_]+"' | tr -d '"' | sort -u >"$tmp/read"
    sed -n '/^\.SH ENVIRONMENT/,/^\.SH SIGNALS/p' "$1" | awk 'tag { print } { tag = /^\.TP/ }' |
        grep -oE '[A-Z][A-Z_]+[A-Z]' | grep -vE '^(OPENBLAS|G?OMP)_' | sort -u >"$tmp/told"
    same "$tmp/read" "$tmp/told"
}
check "the variables are those that the program reads" variables "$one"
sed 's/ESCDELAY/ESCWAIT/' "$one" >"$tmp/bad.1"
wrong "a variable that is not read is found" variables "$tmp/bad.1"

# The keys of the screen that the page names are keys of its table.
screen_keys() {
    sed -n '/^\.\\" keys$/,/^\.\\" end of keys$/p' "$1" | awk 'tag { print } { tag = /^\.TP/ }' |
        sed 's/^\.BR* //; s/"[^"]*"//g' | tr -s ' ' '\n' >"$tmp/pressed"
    [ "$(wc -l <"$tmp/pressed")" -ge 10 ] || echo "only $(wc -l <"$tmp/pressed") keys"
    while read -r key; do
        grep -qF ", \"$key\", " "$srcdir/ui/term/keys.h" || echo "there is no key $key"
    done <"$tmp/pressed"
}
check "the keys of the screen are there" screen_keys "$one"
sed 's/^\.B z$/.B ~/' "$one" >"$tmp/bad.1"
wrong "a key of the screen that is not there is found" screen_keys "$tmp/bad.1"

# The options of the command lines in the examples stand in --help.
command_lines() {
    sed -n '/^\.EX/,/^\.EE/p' "$1" | grep -v '^\.' | sed -e ':a' -e '/\\e$/{N;s/\\e\n *//;ba' -e '}' -e 's/\\-/-/g' \
        >"$tmp/lines"
    [ "$(wc -l <"$tmp/lines")" -ge 8 ] || echo "only $(wc -l <"$tmp/lines") lines"
    while read -r vaccine command line; do
        case $command in *.json) command=screen ;; esac
        "$VACCINE" "$command" --help >"$tmp/help" 2>&1 </dev/null || echo "$vaccine has no command $command"
        for word in $line; do
            case $word in
            --*) grep -qE -e "^ +(-[a-z], )?$word(=|  |\$)" "$tmp/help" || echo "$command has no $word" ;;
            -*) grep -qE -e "^  $word, " "$tmp/help" || echo "$command has no $word" ;;
            esac
        done
    done <"$tmp/lines"
}
check "the examples use options that there are" command_lines "$one"
sed 's/--adapter/--adaptor/; s/\\-\\-safe/\\-\\-save/' "$one" >"$tmp/bad.1"
wrong "an option that is not there is found" command_lines "$tmp/bad.1"

echo "1..$count"
