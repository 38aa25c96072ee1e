#!/bin/sh
# test_completion.sh - completion/vaccine.bash in a real bash: its words are those of --help and of the tables.
#
# shellcheck disable=SC2016 # the inner shells expand
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
if ! command -v bash >/dev/null; then
    echo "1..0 # SKIP no bash"
    exit 0
fi
VACCINE=$(cd "${VACCINE%/*}" && pwd)/${VACCINE##*/}
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/tap.sh"
mkdir "$tmp/bin"
ln -s "$VACCINE" "$tmp/bin/vaccine"
PATH=$tmp/bin:$PATH
export VACCINE srcdir PATH

# What bash offers when Tab is pressed behind these words; they are given as bash breaks them, at "=".
cat >"$tmp/press.bash" <<'END'
compopt() { :; }
source "$srcdir/completion/vaccine.bash"
[[ $BREAKS ]] && COMP_WORDBREAKS=$BREAKS
COMP_WORDS=(vaccine "$@")
COMP_CWORD=$#
_vaccine vaccine "${*: -1}" ""
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
END
mkdir "$tmp/here"
press() {
    (cd "$tmp/here" && BREAKS=${BREAKS-} bash --norc "$tmp/press.bash" "$@" </dev/null) 2>&1
}

# offers WORDS... :: EXPECTED...: exactly these, in any order.
offers() {
    for word; do
        shift
        [ "$word" != :: ] || break
        set -- "$@" "$word"
        moved=$((${moved:-0} + 1))
    done
    # Now the expected ones come first, and the $moved words last.
    expected=$(($# - moved))
    : >"$tmp/want"
    while [ "$expected" -gt 0 ]; do
        printf '%s\n' "$1" >>"$tmp/want"
        shift
        expected=$((expected - 1))
    done
    moved=0
    press "$@" | sort >"$tmp/got"
    sort -o "$tmp/want" "$tmp/want"
    diff "$tmp/want" "$tmp/got"
}

"$VACCINE" --help </dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$tmp/commands"

# ---- commands and options ----

first_word() {
    press '' | sort >"$tmp/got"
    sort "$tmp/commands" | diff - "$tmp/got"
}
check "the first word is a command" first_word
check "the beginning of a command" offers re :: render replay report
check "no word of a command that is not there" offers x ::

# The long options of --help.
options() {
    "$VACCINE" "$1" --help </dev/null | grep -oE '^  (-[a-zA-Z], |    )--[a-z-]+' | sed 's/.*--/--/' | sort >"$tmp/want"
    if [ "$1" = screen ]; then press - | sort >"$tmp/got"; else press "$1" - | sort >"$tmp/got"; fi
    [ "$(wc -l <"$tmp/want")" -ge 2 ] || echo "no options in --help"
    diff "$tmp/want" "$tmp/got"
}
while read -r c; do
    check "options of $c" options "$c"
done <"$tmp/commands"
check "an option that was given is not offered again" offers run --resume --js --json --re ::
check "... unless it may stand several times" offers run --set a=1 --se :: --set
check "-o takes a folder, not an option" offers run -o - ::
check "no option behind --" offers probe -- --te ::

# ---- values ----

items() { # BLOCK...: the names of a block of the manual
    "$VACCINE" manual "$@" </dev/null | sed -e '/^\.RS/,/^\.RE/d' | sed -n 's/^\.B //p'
}
own_keys() { # of judges and metrics, below their names
    "$VACCINE" manual "$@" </dev/null | sed -n '/^\.RS/,/^\.RE/s/^\.B //p'
}
# shellcheck disable=SC2046 # words are meant
{
    check "templates" offers probe --template '' :: $(items templates)
    check "judges, behind =" offers eval --judge = :: $(items judges)
    check "a judge by its beginning, behind =" offers eval --judge = re :: refusal
    check "metrics" offers eval -m '' :: $(items metrics)
    check "formats to import" offers import '' :: auto $(items importers)
    check "methods" offers bench --method '' :: $("$VACCINE" manual methods </dev/null | sed -n 's/^\.SS method //p')
}
check "verdicts" offers eval --count '' :: answered refused other
check "themes" offers --theme '' :: dark light none
check "character sets" offers screen --charset b :: braille block
check "shapes" offers bench --shape s :: small smollm
check "a number has no words" offers run --threads '' ::

# ---- names on the disk ----

cd "$tmp/here" || exit 99
mkdir -p runs/a runs/b 'two words' empty
: >runs/a/run.json
: >runs/b/run.json
: >'two words/run.json'
: >notes.txt
cp "$srcdir/samples/quickstart/quickstart.json" quick.json
check "run folders, and what holds some" offers report '' :: runs 'two words'
check "run folders in a folder" offers replay runs/ :: runs/a runs/b
check "all folders where none is a run" offers report e :: empty
check "run files, and folders on the way" offers validate '' :: empty quick.json runs 'two words'
check "a run takes both" offers run q :: quick.json
check "without a command too" offers qu :: quick.json
check "a model is a folder" offers probe e :: empty
check "a file is a file" offers import sst2 n :: notes.txt
check "a folder behind =" offers merge --adapter = e :: empty
check "two samples files to compare" offers eval --compare notes.txt n :: notes.txt

# ---- keys ----

check "the parts of a run file" sh -c 'printf "%s\n" $1 | grep -c "[.]$" | grep -qx 6' sh \
    "$(press run --set '')"
check "the stages of the file by name" offers run quick.json --set stages. :: stages.align. stages.attack.
check "... and by number" offers run quick.json --set 'stages[' :: 'stages[0].' 'stages[1].'
check "the evaluations" offers run quick.json --set evaluate. :: evaluate.FA. evaluate.HS. evaluate.over_refusal.
check "the bounds that end a stage" offers run quick.json --set stages.align.until. :: \
    stages.align.until.FA= stages.align.until.HS= stages.align.until.for= stages.align.until.over_refusal= \
    stages.align.until.sure=
check "keys of the stage's method" offers run quick.json --set stages.align.rh :: stages.align.rho= stages.align.rho_control. \
    stages.align.rho_schedule.
check "... and of no other" offers run quick.json --set stages.attack.rh ::
check "keys of a data file" offers run quick.json --set 'stages.attack.train[1].h' :: 'stages.attack.train[1].harmful='
check "one beginning is not offered twice" offers run quick.json --set ch :: checkpoint.
check "values of a choice" offers run quick.json --set stages.align.schedule = co :: constant cosine
check "values of a switch" offers run quick.json --set stages.align.shuffle = :: false true
check "values by name" offers validate quick.json --set stages.align.method = v :: vaccine
check "a folder for the model" offers run quick.json --set model = e :: empty
check "--set=KEY" offers run quick.json --set = stages.align.l :: stages.align.lora. stages.align.lr= stages.align.layers=
check "--set=KEY=VALUE" offers run quick.json --set = stages.align.norm = t :: token
BREAKS=' '
check "the whole word where bash does not break it" offers run --set watch.drift_reference=b :: watch.drift_reference=base
check "... a folder too" offers run --set model=e :: model=empty
BREAKS=

# All keys, found by pressing Tab again and again, are those of the tables.
walk() {
    "$VACCINE" candidates -- run --set "$1" </dev/null | while read -r key; do
        case $key in
        *=) echo "${key%=}" ;;
        *) walk "$key" ;;
        esac
    done
}
every_key() {
    # the last part; of the files of a data set its name too, but for train, which has a section of its own
    walk '' | sed -nE 'h;s/.*\.([a-z_]+)\[[0-9]+\]\..*/\1/p;g;s/.*\.//;p' | grep -vx train | sort -u >"$tmp/got"
    {
        "$VACCINE" manual </dev/null | sed -n 's/^5 keys //p' | while read -r section; do items keys "$section"; done
        items methods
        own_keys judges
        own_keys metrics
    } | sort -u >"$tmp/want"
    diff "$tmp/want" "$tmp/got"
    [ "$(walk '' | sort | uniq -d)" = '' ] || echo "twice: $(walk '' | sort | uniq -d)"
    [ "$(walk '' | wc -l)" -ge 80 ] || echo "only $(walk '' | wc -l) keys"
}
check "every key can be reached" every_key

# Tab must not run what the line names.
mkdir evil
printf '#!/bin/sh\necho >"%s/ran"\necho word\n' "$tmp" >evil/vaccine
chmod +x evil/vaccine
cat >"$tmp/evil.bash" <<'END'
compopt() { :; }
source "$srcdir/completion/vaccine.bash"
COMP_WORDS=(./evil/vaccine me)
COMP_CWORD=1
_vaccine ./evil/vaccine me ""
printf '%s\n' "${COMPREPLY[@]}"
END
check "Tab does not run the program that the line names" sh -c 'bash --norc "$1/evil.bash" </dev/null | grep -qx merge && [ ! -e "$1/ran" ]' sh "$tmp"

# A run folder tells what it was made of.
mkdir made
echo '{"spec":{"stages":[{"name":"first","method":"random"}],"evaluate":[]}}' >made/run.json
check "the stages of a run folder" offers run made --set stages. :: stages.first.
check "the keys of its method" offers run made --set stages.first.no :: stages.first.noise=
echo '{"stages":[{"name":"a b"},{"name":"$(x)"},{}]}' >odd.json
check "names that no run has are not offered" offers run odd.json --set stages. :: stages.stage3.
echo '{' >broken.json
check "a broken file gives the keys of none" offers run broken.json --set stages :: 'stages[0].'
check "a program that fails gives nothing" sh -c 'cd "$1" && mkdir bin && ln -s /bin/false bin/vaccine &&
    PATH=$1/bin:$PATH bash --norc ../press.bash re' sh "$tmp/here"

echo "1..$count"
