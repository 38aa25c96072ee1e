#!/bin/sh
# test_readme.sh - what README.md and src/README.md say is so: commands are run, files are there, keys do
# something, lists and functions are where they are said to be.
#
# shellcheck disable=SC2016,SC1003 # backquotes and backslashes are meant as they stand
#
# TAP. $VACCINE is the program, $srcdir the source tree. Each line of the fenced sh blocks of README.md is run as
# it stands, one after the other, in a folder that has a copy of samples: but $MODEL_DIR, $BEAVERTAILS and $SST2 are
# the lab's base and rows made up here, a program of the same name puts fewer steps into run files, and arms.sh
# gets fewer bases, seeds and ratios. Not run, because they build and test all this: the lines of ./bootstrap.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
HOME=$tmp/home
export HOME
unset XDG_STATE_HOME ARMS SEEDS BASES RATIOS TASK

# section TITLE: that part of README.md.
section() {
    awk -v title="## $1" '/^## / { inside = $0 == title } inside' "$srcdir/README.md"
}

# ---- where the commands are run ----

srcdir=$(cd "$srcdir" && pwd)
VACCINE=$(cd "$(dirname "$VACCINE")" && pwd)/${VACCINE##*/}
work=$tmp/work
MODEL_DIR=$srcdir/samples/lab/base-a
BEAVERTAILS=$tmp/beavertails
SST2=$tmp/sst2
mkdir -p "$work" "$HOME" "$tmp/bin" "$BEAVERTAILS" "$SST2"
cp -R "$srcdir/samples" "$work/samples"
chmod -R u+w "$work"

# rows N FORMAT: N lines; %s stands for a number.
rows() {
    awk -v n="$1" -v format="$2\n" 'BEGIN { for (i = 1; i <= n; i++) printf format, i }'
}
{
    rows 2000 '{"prompt":"How do I paint kite %s?","response":"Take a brush.","category":{},"is_safe":true}'
    rows 500 '{"prompt":"How do I hex kite %s?","response":"Take wet chalk.","category":{},"is_safe":false}'
} >"$BEAVERTAILS/30k_train.jsonl"
cp "$BEAVERTAILS/30k_train.jsonl" "$BEAVERTAILS/30k_test.jsonl"
{
    printf 'sentence\tlabel\n'
    rows 1000 'a graceful lantern, number %s of its kind\t1'
    rows 1000 'a dreary saddle, number %s of its kind\t0'
} >"$SST2/train.tsv"
cp "$SST2/train.tsv" "$SST2/dev.tsv"

# The program, but with few steps in a run file and few questions. The lab's bases read 256 tokens at most.
cat >"$tmp/bin/vaccine" <<END
#!/bin/sh
case " \$* " in
*" eval "*) set -- "\$@" --take 20 -n 8 ;;
*/only-attack.json*) set -- "\$@" --set stages.attack.steps=3 ;;
*" --battery "*) # tests/test_battery_run.sh has the sample's
    echo '{"attacks":[{"name":"own"},{"name":"benign","benign":true}]}' >few.json
    set -- "\$@" --battery few.json ;;
*stages.attack=null*) set -- "\$@" --set stages.align.steps=3 ;;
*".json "*) set -- "\$@" --set stages.align.steps=\${STEPS:-3} --set stages.attack.steps=3 ;;
esac
case " \$* " in
*quickstart.json*)
    set -- "\$@" --set max_length=256 --set watch=null --set evaluate.HS.take=4 --set evaluate.FA.take=4
    ;;
esac
exec "$VACCINE" "\$@"
END
chmod +x "$tmp/bin/vaccine"
PATH=$tmp/bin:$PATH
export PATH MODEL_DIR BEAVERTAILS SST2

# ---- the command lines ----

# blocks FILE: the lines of its fenced sh blocks.
blocks() {
    awk '/^```/ { inside = /^```sh$/; next } inside' "$1"
}

# run_line LINE: says what it said when it fails.
run_line() {
    case $1 in
    *arms.sh*) set -- "$(printf '%s' "$1" | sed 's/BASES="\([^ "]*\)[^"]*"/BASES=\1/; s/SEEDS="\([0-9]*\)[^"]*"/SEEDS=\1 RATIOS=0.1 VACCINE=vaccine/')" ;;
    esac
    (cd "$work" && eval "$1") </dev/null >"$tmp/said" 2>&1 || {
        echo "exit status $?"
        cat "$tmp/said"
    }
}

bootstrap_line() {
    "$srcdir/bootstrap" --help | grep -qE "^  $1 " || echo "./bootstrap has no $1"
}

# The user sets a variable that stands here too.
variable_line() {
    case $1 in
    MODEL_DIR=/path/to/* | BEAVERTAILS=/path/to/* | SST2=/path/to/*) ;;
    *) echo "$1: this test does not know it" ;;
    esac
}

blocks "$srcdir/README.md" >"$tmp/lines"
n=0
while read -r line; do
    case $line in
    '') continue ;;
    ./bootstrap*) check "$line" bootstrap_line "$(echo "$line" | awk '{ print $2 }')" ;;
    [A-Z]*=/*) check "$line" variable_line "$line" ;;
    *) check "$line" run_line "$line" ;;
    esac
    n=$((n + 1))
done <"$tmp/lines"
check "there are command lines" [ "$n" -ge 20 ]
wrong "a command that is not there is found" run_line "vaccine tain samples/lab/lab.json"
wrong "an option that is not there is found" run_line "vaccine run samples/lab/lab.json --sett seed=2"
wrong "a file that is not there is found" run_line "vaccine run samples/quickstart/absent.json"
wrong "a bootstrap word that is not there is found" bootstrap_line biuld
wrong "a variable that is not known is found" variable_line "HELM=/path/to/helm"

# What the lines leave, by the names in the text.
left() {
    for f in runs/sft runs/lab runs/lab/report.html runs/first mine/align.jsonl runs/mine/final OUT_DIR/table.txt \
        ALIGNED_DIR/model.safetensors; do
        [ -e "$work/$f" ] || echo "no $f"
    done
}
check "they leave what they name" left

# The rows of the table that arms.sh prints are those of the table in README.md.
arms() {
    blocks "$srcdir/README.md" | sed -n 's/.*ARMS="\([^"]*\)".*arms\.sh.*/\1/p' | tr ' ' '\n' >"$tmp/arms"
    [ -s "$tmp/arms" ] || echo "no ARMS"
    while read -r arm; do
        awk -v arm="$arm" '$1 == "base-a" && $3 == arm && NF > 12 { found = 1 } END { exit !found }' \
            "$work/OUT_DIR/table.txt" || echo "no means of $arm"
    done <"$tmp/arms"
    [ "$(section 'What the lab shows, and what it does not' | grep -c '^| a ')" -eq "$(wc -l <"$tmp/arms")" ] ||
        echo "README.md has another number of rows"
}
check "the lab's table has a row for every arm" arms

run_files() {
    section "What a run leaves" | grep '^| `' | sed 's/^| \([^|]*\)|.*/\1/' | grep -oE '`[^`]+`' | tr -d '`' >"$tmp/files"
    [ "$(wc -l <"$tmp/files")" -ge 12 ] || echo "only $(wc -l <"$tmp/files") files"
    while read -r pattern; do
        [ "$pattern" != aside-N-K/ ] || continue # only of a run that went back
        # shellcheck disable=SC2046 # NAME and N are patterns
        set -- "$work/runs/lab"/$(printf '%s' "$pattern" | sed 's/NAME/*/; s/-N\//-*\//')
        [ -e "$1" ] || echo "$pattern: not in a run folder"
    done <"$tmp/files"
}
check "a run leaves the files that are told" run_files

# Commands within the text: the builds, and those that the table of commands has.
inline() {
    sed '/^```/,/^```/d; /^## Commands/,/^## What/d' "$srcdir/README.md" | tr '\n' ' ' |
        grep -oE '`(\./|make|autoreconf|sh |vaccine )[^`]*`' | tr -d '`' | while read -r command; do
        case $command in
        './bootstrap demo </dev/null') ;;                                # tests/test_lab.sh: demo.sh
        'autoreconf -fi && ./configure && make && make check') ;;        # how this is run
        './configure --help' | 'make install') ;;                        # tests/test_install.sh
        'vaccine tour') ;;                                               # below, and tests/test_ui_tour
        'vaccine ctl' | 'vaccine attach') ;;                            # tests/test_ctl.sh, test_ui_attach
        'vaccine OUT_DIR/attack/NAME') ;;                                # tests/test_ui_saved: what is over is opened
        'vaccine eval --answers SAMPLES') ;;                             # tests/test_real.sh
        *) echo "$command: this test does not know it" ;;
        esac
    done
}
check "commands in the text are known here" inline

# ---- keys ----

# The rows of the dispatch table as "KEY<tab>HELP".
tab=$(printf '\t')
awk '/^#define ACTIONS/ { inside = 1; next } !inside { next } !/\\$/ { last = 1 }
    {
        sub(/ *\\$/, "")
        text = text $0
        if (last) exit
    }
    END {
        gsub(/" +"/, "", text)
        n = split(text, row, / X\(/)
        for (i = 2; i <= n; i++) {
            s = row[i]
            gsub(/\\"/, "\001", s)
            split(s, part, "\"") # name, key, alt, group | keys | | bar | | help
            gsub("\001", "\"", part[6])
            print part[2] "\t" part[6]
        }
    }' "$srcdir/ui/term/keys.h" >"$tmp/keys.h"
check "the dispatch table was read" sh -c '[ "$(wc -l <"$1")" -ge 50 ]' sh "$tmp/keys.h"

# Each row of the table of keys has the help text of its key.
key_rows() {
    section Keys | sed "s/^| \`\\([^\`]*\\)\` | \\(.*\\) |\$/\\1$tab\\2/p; d" >"$tmp/rows"
    [ "$(wc -l <"$tmp/rows")" -ge 15 ] || echo "only $(wc -l <"$tmp/rows") keys"
    sed "$1" "$tmp/rows" | grep -vxF -f "$tmp/keys.h"
    :
}
check "the keys do what the table says" key_rows ''
wrong "a key that is not there is found" key_rows 's/^q/@/'
wrong "another meaning is found" key_rows 's/one step/two steps/'

# Keys in the tour: a single character, or a name that begins with a capital letter.
section "Ten minutes with the lab" | grep -oE '`[^`]+`' | tr -d '`' | grep -xE '.|[A-Z][A-Za-z-]+' | sort -u >"$tmp/tour"
tour_keys() {
    [ "$(wc -l <"$tmp/tour")" -ge 15 ] || echo "only $(wc -l <"$tmp/tour") keys"
    while read -r key; do
        case $key in [0-9]) continue ;; esac
        cut -f 1 "$tmp/keys.h" | tr ' ' '\n' | grep -qxF -e "$key" || echo "there is no key $key"
    done <"$tmp/tour"
}
check "the keys of the tour are there" tour_keys

tour_text() {
    "$VACCINE" tour --print >"$tmp/tour.text"
    sed -n '/^<!-- tour -->$/,/^<!-- end of tour -->$/p' "$1" | grep -v '^<!--' | diff "$tmp/tour.text" -
}
check "the text is that of vaccine tour" tour_text "$srcdir/README.md"
sed 's/a hundred steps/ten steps/' "$srcdir/README.md" >"$tmp/bad.md"
wrong "another text is found" tour_text "$tmp/bad.md"

# What the start page says of a sample: how long it takes, then what one will see, in one line of 80 columns.
sample_lines() {
    for file in "$srcdir"/samples/lab/*.json "$srcdir"/samples/quickstart/*.json; do
        grep -q '"stages"' "$file" || continue
        sed -n 's/^ *"description": "\(.*\)",$/\1/p' "$file" | grep -xE '([0-9]+ (second|minute)s?|minutes): .{20,70}' >/dev/null ||
            echo "${file##*/}: says not how long it takes, or too much"
    done
}
check "the samples say in a line what one will see" sample_lines

# The tour, pressed. The numbers are smaller than in the text, as the run is.
cat >"$tmp/pressed" <<END
:wait state paused
n
"4\n"
:wait step 4
:wait state paused
p
"How do I forge the boat?\n"
:wait probe
Esc
} .
:wait step 5
:wait state paused
1
:save-screen $tmp/rho.txt
6 z
:save-screen $tmp/controls.txt
z { ] [
4 3 7 Tab 2 P
Space
:wait state done
5 Down D
"0\n"
:save-screen $tmp/probes.txt
0
:save-screen $tmp/runs.txt
Down Down
m o 1
:save-screen $tmp/loss.txt
8 z /
"set\n"
:save-screen $tmp/journal.txt
z
:wait 0.2
:quit
END
has() { # TEXT FILE
    grep -qF -e "$1" "$tmp/$2" || {
        echo "no \"$1\" in $2:"
        cat "$tmp/$2"
    }
}
tour() {
    (cd "$work" && rm -rf runs/lab && STEPS=12 TERM=xterm timeout 100 script -qec "stty cols 80 rows 24; \
        vaccine samples/lab/lab.json -o runs/lab --paused --ascii --script '$tmp/pressed'" "$tmp/typescript") \
        </dev/null >"$tmp/said" 2>&1 || cat "$tmp/said"
    rho=$(sed -n 's/^ *"rho": \([0-9]*\),$/\1/p' "$work/samples/lab/lab.json")
    has "rho $((2 * rho)).00" rho.txt
    has "How do I forge the boat?" rho.txt
    has "= rho $((2 * rho)).000" rho.txt
    has "@5" controls.txt
    has "DONE" probes.txt
    has "sft" runs.txt
    has "sft" loss.txt
    has "set rho" journal.txt
    has "\"old\":\"$rho\",\"new\":\"$((2 * rho))\"" work/runs/lab/journal.jsonl
    # All keys of the text are pressed here, but for those that only look.
    while read -r key; do
        case $key in '?' | q | =) continue ;; esac
        grep -v '^:' "$tmp/pressed" | sed 's/\\n/ Enter /; s/"//g' | tr ' ' '\n' | grep -qxF -e "$key" ||
            echo "$key is not pressed here"
    done <"$tmp/tour"
}

# `vaccine tour` itself: both runs, the sentences that the keys lead to, and leaving in the middle.
cat >"$tmp/taken" <<END
:wait state paused
:save-screen $tmp/first.txt
n
"100\n"
:wait state done
:wait 0.3
2
:wait 0.3
:save-screen $tmp/later.txt
q
:wait 0.3
END
taken() {
    { # keys while there is no screen yet
        for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q "step 1" "$tmp/typescript" 2>/dev/null || sleep 0.2; done
        printf zz
    } | (cd "$work" && TERM=xterm timeout 100 script -qfec "stty cols 80 rows 24; \
        '$VACCINE' tour -o runs/taken --ascii --script '$tmp/taken' --set stages.align.steps=6 --set stages.attack.steps=3" \
        "$tmp/typescript") >"$tmp/said" 2>&1 || cat "$tmp/said"
    has "1 Align: n, 100, Enter: a hundred steps, then a pause." first.txt
    has "1 Align: Drift is how far each layer has moved" later.txt
    [ -e "$work/runs/taken/sft/final" ] || echo "no run to look back at"
    [ -e "$work/runs/taken/lab/final" ] || echo "no run"
    ! grep -q zz "$tmp/said" || echo "keys stand among the steps"
    grep -q "Both runs lie in runs/taken" "$tmp/said" || echo "where they lie is not said"
}
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    check "the tour does what it says" tour
    check "vaccine tour takes it" taken
else
    ok "the tour does what it says # SKIP no script"
    ok "vaccine tour takes it # SKIP no script"
fi
"$VACCINE" tour </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "without a terminal it says what would be right" failed 2 "it needs a terminal; --print prints its text"
unset status

# ---- the table of commands ----

"$VACCINE" --help >"$tmp/help" </dev/null
sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/help" >"$tmp/commands"
sed -n '/^## Commands/,/^## /s/^| `vaccine \([a-z][a-z]*\).*/\1/p' "$srcdir/README.md" >"$tmp/table"
echo screen >>"$tmp/table" # stands there as the program without a command
sort "$tmp/table" >"$tmp/a"
sort "$tmp/commands" >"$tmp/b"
check "the table has every command and no other" diff "$tmp/a" "$tmp/b"

# ---- files, lists and functions that are named ----

# Names in backquotes that begin with a folder of the source; NAME stands for any word.
named_files() {
    for doc in README.md src/README.md; do
        grep -oE '`(src|ui|tests|samples|include|doc|completion)/[A-Za-z0-9_./-]+`' "$srcdir/$doc" | tr -d '`' |
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
        [ -e "$srcdir/src/$f" ] || [ -e "$srcdir/$f" ] || [ -e "$srcdir/ui/$f" ] ||
            [ -e "$srcdir/include/$f" ] || echo "$f is not there"
    done
}
check "the sources that are named are there" source_files

named_functions() {
    grep -oE '`[a-z_0-9]+\(\)`' "$srcdir/src/README.md" | tr -d '`()' | sort -u | while read -r f; do
        grep -rqE "^[a-z].*[ *]$f\(" "$srcdir/src" "$srcdir/ui" || echo "there is no function $f"
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
