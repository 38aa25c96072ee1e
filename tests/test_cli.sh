#!/bin/sh
# test_cli.sh - the program as its users meet it: arguments, exit statuses, what is printed where.
#
# shellcheck disable=SC2016 # the inner shells expand
#
# TAP. $VACCINE is the program, $srcdir the source tree; $VACCINE_TESTDATA, when set, holds real models.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$srcdir/tests/golden
data=${VACCINE_TESTDATA:-}
. "$srcdir/tests/tap.sh"

# run ARGUMENT...: leaves $status and $tmp/out, $tmp/err; standard input is $tmp/in.
run() {
    "$VACCINE" "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# near A B TOLERANCE
near() {
    awk -v a="$1" -v b="$2" -v t="$3" \
        'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= t && -d <= t) }'
}

# number KEY FILE: the first number of that key.
number() {
    tr -d ' \n' <"$2" | sed -n "s/.*\"$1\":\([-+.0-9eE]*\).*/\1/p"
}

: >"$tmp/in"

# ---- help, version, usage ----

run
check "no command" failed 2 "vaccine --help"
run --help
check "help" done_with "Usage: vaccine [FILE.json|RUN_DIR]"
check "help says where bugs go" grep -q '^Report bugs to: .' "$tmp/out"
check "help names every command" sh -c '
    for c in run validate runs replay report eval import tokenize score probe merge doctor bench; do grep -q "^  $c " "$1" || exit 1; done' sh "$tmp/out"
check "help fits 80 columns" awk 'length > 80 { exit 1 }' "$tmp/out"
cp "$tmp/out" "$tmp/help"
run -h
check "-h is --help" cmp -s "$tmp/out" "$tmp/help"
run --version
check "version" sh -c 'head -n 1 "$1" | grep -Eq "^vaccine \(vaccine\) [0-9]+\.[0-9]+"' sh "$tmp/out"
check "version tells the licence" done_with "GPLv3+"
check "version tells there is no warranty" done_with "NO WARRANTY"
# Beside a build lies a folder of that name too, with what was compiled of them.
if [ -e "${VACCINE%/*}/../samples/lab/lab.json" ]; then
    built=$(cd "${VACCINE%/*}" && pwd -P)
    beside() { (cd "$tmp" && "$built/${VACCINE##*/}" validate samples/lab/lab.json </dev/null 2>&1) | grep -F "${built%/*}/samples/lab/lab.json" >&2; }
    wrong "a program that was built finds the samples beside it" beside
else
    skip "a program that was built finds the samples beside it" "it was built elsewhere"
fi
run tokenise
check "unknown command, the nearest named" failed 2 'did you mean "tokenize"?'
run --hepl
check "unknown option before a command" failed 2 'did you mean "--help"?'
run --color=nothing
check "an option alone is the workbench's" failed 2 'expected one of none, 8, 16, 256'
run --theme=none "$tmp/no.json"
check "a theme may be none" failed 1 'no.json: cannot open'
run attach --theme=none --color=none --charset=block "$tmp/none"
check "so may that of an attached screen" failed 1 'none: '
run attach --theme=pink "$tmp/none"
check "which knows no other than the screen" failed 2 'unknown --theme "pink": expected one of dark, light, none'
run --theme=pink
check "... and cannot be anything" failed 2 'expected one of dark, light, none'
for c in run validate runs replay report eval import tokenize score probe merge doctor bench; do
    run $c --help
    check "$c --help" done_with "Usage: vaccine $c "
    check "$c --help fits 80 columns" awk 'length > 80 { exit 1 }' "$tmp/out"
    run $c --no-such-option
    check "$c refuses an unknown option" failed 2 "--no-such-option"
done
run score --help
check "help of a command lists its options" done_with "--adapter=DIR"
check "help hides what is for developers" sh -c '! grep -q backend "$1"' sh "$tmp/out"
run score --adaptor x y
check "a misspelt option gets advice" failed 2 'did you mean "--adapter"?'
run score
check "missing operand" failed 2 "vaccine score [OPTION]... MODEL"
run score a b
check "too many operands" failed 2 'unexpected argument "b"'
run score --threads
check "option without its value" failed 2 "threads"
run score --threads x "$golden/opt"
check "a number that is none" failed 2 '--threads'
check "... says what was found" grep -qF '"x"' "$tmp/err"
run score --threads=1.5 "$golden/opt"
check "half a thread" failed 2 "whole number"
run run "$tmp/nothing" --resume
check "a run that is not there" failed 1 "nothing: there is no such run folder"
run run "$golden/opt"
check "a folder that is no run's" failed 2 "opt: holds no run (no run.json): name a run file, or a run's folder"
run score --threads=-1 "$golden/opt"
check "fewer threads than none" failed 2 "from 0 to"
run bench --shape tyny
check "a choice that is none" failed 2 'did you mean "tiny"?'
run bench --json=yes
check "a value for a switch" failed 2 "--json=yes"
run probe --te x y
check "the beginning of two names" failed 2 "more than one option"
run merge "$golden/opt"
check "a required option" failed 2 "--output DIR is missing"

# ---- on a terminal ----

# Lines for people fold at its width, below their second column; those for programs are as they are.
for columns in 80 50; do
    for what in "validate $srcdir/samples/lab/lab.json" "--help" "ctl --help" "doctor" "verify --help" "attack --help"; do
        COLUMNS=$columns run $what
        check "$what in $columns columns" awk -v most="$columns" '
            length > most && !/\// { print > "/dev/stderr"; bad = 1 } END { exit bad }' "$tmp/out"
    done
done
COLUMNS=50 run validate "$tmp/no/such/folder/with-a-name-that-is-longer-than-a-line/run.json" --set x=1
check "and so does what went wrong, but for what has no blank" awk '
    length > 50 && / / && !/^ *[^ ]*$/ { print > "/dev/stderr"; bad = 1 } END { exit bad || NR < 2 }' "$tmp/err"
run attack --help
cp "$tmp/out" "$tmp/wide"
COLUMNS=40 run attack --help
check "nothing is lost by folding" sh -c '[ "$(tr -s " \n" " " <"$1")" = "$(tr -s " \n" " " <"$2")" ]' sh "$tmp/out" "$tmp/wide"
COLUMNS=40 run doctor --json
check "JSON does not fold" [ "$(wc -l <"$tmp/out")" -eq 1 ]

# ---- score ----

# Rows of a golden folder, and the mean loss of their labelled tokens from what score printed.
rows() {
    sed 's/}, *{/}\n{/g' "$1/batch.json" | sed 's/.*"ids": *\(\[[^]]*\]\).*/{"input_ids": \1}/' |
        grep input_ids
}
mean_loss() {
    sed 's/}, *{/}\n{/g' "$1/batch.json" | sed 's/.*"labels": *\[\([^]]*\)\].*/\1/' |
        tr -d ' ' >"$tmp/labels"
    sed 's/.*"logprobs":\[\([^]]*\)\].*/\1/' "$tmp/out" | paste -d' ' "$tmp/labels" - |
        awk '{ n = split($1, label, ","); split($2, logp, ",")
               for (i = 2; i <= n; i++) if (label[i] != -100) { s -= logp[i - 1]; k++ } }
             END { if (k) printf "%.9f\n", s / k }'
}

for g in opt llama-gqa llama-rope3-tied; do
    rows "$golden/$g" >"$tmp/in"
    run score --threads 1 "$golden/$g"
    check "score $g" [ "$status" -eq 0 ]
    check "score $g: one line out for one in" [ "$(wc -l <"$tmp/out")" -eq "$(wc -l <"$tmp/in")" ]
    check "score $g: loss" near "$(mean_loss "$golden/$g")" "$(number loss_base "$golden/$g/expected.json")" 2e-5
    run score "$golden/$g" --threads 1 --adapter "$golden/$g"
    check "score $g with its adapter: loss" \
        near "$(mean_loss "$golden/$g")" "$(number loss_lora "$golden/$g/expected.json")" 2e-5
done
rows "$golden/opt" | sed -n '2{p;s/^/\n/;p;}' >"$tmp/in"
run score --threads 1 "$golden/opt"
check "score leaves empty lines out, and a line scores alike wherever it stands" sh -c '
    [ "$(wc -l <"$1")" -eq 2 ] && [ "$(sort -u "$1" | wc -l)" -eq 1 ]' sh "$tmp/out"
check "score: n - 1 logprobs and n tops" awk -F'[][]' '
    { n = split($2, a, ","); if (split($4, a, ",") != n - 1 || split($6, a, ",") != n) exit 1 }' "$tmp/out"
printf '{"input_ids":[1]}\n' >"$tmp/in"
run score --threads 1 "$golden/opt"
check "score of one token" done_with '{"ids":[1],"logprobs":[],"top":['

# bad NAME LINE TEXT: a line that score refuses after a good one, naming stdin:2.
bad() {
    printf '{"input_ids":[3,17]}\n%s\n' "$2" >"$tmp/in"
    run score --threads 1 "$golden/opt"
    check "score refuses $1" sh -c '[ "$1" -eq 1 ] && [ "$(wc -l <"$2")" -eq 1 ] &&
        grep -q "^vaccine: stdin:2" "$3" && grep -qF -e "$4" "$3"' sh "$status" "$tmp/out" "$tmp/err" "$3"
}
bad "what is no JSON" '{"input_ids":[3,' "stdin:2:"
bad "a list" '[3, 17]' "expected an object"
bad "an id outside the vocabulary" '{"input_ids":[3,97]}' "from 0 to 96"
bad "a negative id" '{"input_ids":[-1]}' "input_ids[0]"
bad "a fraction" '{"input_ids":[3,1.5]}' "input_ids[1]"
bad "words for ids" '{"input_ids":["a"]}' "input_ids[0]"
bad "no ids" '{"input_ids":[]}' "at least one token"
bad "neither key" '{"ids":[3]}' '"input_ids" or "text"'
bad "both keys" '{"input_ids":[3],"text":"a"}' "found both"
bad "more tokens than the model takes" \
    "{\"input_ids\":[3$(awk 'BEGIN { for (i = 0; i < 64; i++) printf ",3" }')]}" "at most 64"
bad "text without a tokenizer" '{"text":"Good morning."}' "tokenizer"
: >"$tmp/in"
run score --threads 1 "$golden/opt"
check "score of nothing" sh -c '[ "$1" -eq 0 ] && [ ! -s "$2" ]' sh "$status" "$tmp/out"
run score "$tmp/no-such-model"
check "a model that is not there" sh -c '[ "$1" -ne 0 ] && grep -q "no-such-model" "$2"' sh "$status" "$tmp/err"
run score --threads 1 "$golden/opt" --adapter "$tmp"
check "an adapter that is not there" failed 1 "adapter"
mkdir "$tmp/gpt2"
echo '{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","n_embd":8}' >"$tmp/gpt2/config.json"
run score --threads 1 "$tmp/gpt2"
check "an architecture that is not implemented is refused by name" failed 1 "gpt2"

# The layout of the Hugging Face cache.
cache=$tmp/hf/hub/models--garden--fern
mkdir -p "$cache/refs" "$cache/snapshots/0123456789abcdef0123456789abcdef01234567"
printf 0123456789abcdef0123456789abcdef01234567 >"$cache/refs/main"
cp "$golden/opt/config.json" "$golden/opt/model.safetensors" \
    "$cache/snapshots/0123456789abcdef0123456789abcdef01234567/"
rows "$golden/opt" >"$tmp/in"
status=0
env -u HF_HUB_CACHE HF_HOME="$tmp/hf" "$VACCINE" score --threads 1 garden/fern \
    <"$tmp/in" >"$tmp/out" 2>"$tmp/err" || status=$?
check "a model by its name in the cache" \
    near "$(mean_loss "$golden/opt")" "$(number loss_base "$golden/opt/expected.json")" 2e-5

# ---- merge ----

rows "$golden/opt" >"$tmp/in"
run merge --threads 1 "$golden/opt" -o "$tmp/merged" --adapter "$golden/opt"
check "merge" done_with "$tmp/merged"
check "merge writes a model" [ -s "$tmp/merged/config.json" ] # weights are read below
run score --threads 1 "$tmp/merged"
check "the merged model scores as base and adapter" \
    near "$(mean_loss "$golden/opt")" "$(number loss_lora "$golden/opt/expected.json")" 2e-5
run merge --threads 1 "$golden/opt" -o "$tmp/merged" --adapter "$golden/opt"
check "merge leaves a folder that holds something alone" failed 2 "not empty"
mkdir "$tmp/empty"
run merge --threads 1 "$golden/opt" "-o$tmp/empty" --dtype=f32
check "merge into an empty folder" done_with "F32"
run score --threads 1 "$tmp/empty"
check "merge without adapters is a copy" \
    near "$(mean_loss "$golden/opt")" "$(number loss_base "$golden/opt/expected.json")" 2e-5
run merge "$golden/opt" -o "$tmp/in"
check "merge into a file" failed 1 "$tmp/in"

# ---- doctor, bench ----

: >"$tmp/in"
run doctor --threads 1
check "doctor" done_with "products"
run doctor --threads 1 --json "$golden/llama-gqa"
check "doctor --json looks at a model" sh -c '
    grep -q "^{\"checks\":\[.*\"name\":\"training\",\"state\":\"ok\".*\],\"ok\":true}\$" "$1"' sh "$tmp/out"
run doctor --threads 1 "$tmp/gpt2"
check "doctor fails when a check does" sh -c '
    [ "$1" -eq 1 ] && grep -q "^FAIL  *model .*gpt2" "$2" && grep -q "checks failed" "$3"' \
    sh "$status" "$tmp/out" "$tmp/err"
run bench --shape tiny --steps 2 --warmup 1 --threads 1 --json
check "bench" done_with '"shape":"tiny"'
# 2.55 GFLOP: 2PN forward, the same back but for the input of block 0, attention, head, LoRA.
check "bench counts a step's arithmetic" near "$(number gflop "$tmp/out")" 2.552 0.005
check "bench: every number is there" sh -c '
    for k in ms_median ms_min tokens_per_s gflops gemm_gflops ratio peak_mb; do
        grep -Eq "\"$k\":[0-9.]*[1-9]" "$1" || exit 1
    done' sh "$tmp/out"
# Random tokens: ln 512 at the start.
check "bench starts at the loss of chance" \
    near "$(sed 's/.*"loss":\[\([^,]*\),.*/\1/' "$tmp/out")" 6.238 0.2
run bench --shape tiny --method vaccine --steps 1 --warmup 0 --threads 1 --profile
check "bench --profile tells where the time goes" sh -c '
    for part in products head attention LoRA element-wise optimizer waiting; do grep -q "^  $part  .* ms " "$1" || exit 1; done' sh "$tmp/out"

run bench --shape tiny --steps 1 --warmup 0 --threads 1 --each
check "bench --each tells how fast each product is" sh -c '
    grep -q "^  NT      640 x     344 x   128 .*[1-9]" "$1" && grep -q "^  NN      640 x     128 x   344 .*[1-9]" "$1"' \
    sh "$tmp/out"

# A run of many steps: large numbers in units that hold them, and no exponents.
run validate "$srcdir/samples/lab/lab.json" --set stages.align.steps=3000000
check "validate tells large quantities with their unit" done_with ' PFLOP)'
check "... and nothing by an exponent" sh -c '! grep -E "[0-9]e[+-][0-9]" "$1"' sh "$tmp/out"

# ---- output that cannot be written ----

if [ -c /dev/full ] && [ -w /dev/full ]; then
    for c in "--help" "--version" "doctor --threads 1"; do
        # shellcheck disable=SC2086 # words are meant
        "$VACCINE" $c >/dev/full 2>"$tmp/err" </dev/null
        status=$?
        : >"$tmp/out"
        check "$c onto a full device" failed 1 "standard output"
    done
    printf '{"input_ids":[3,17]}\n' | "$VACCINE" score --threads 1 "$golden/opt" >/dev/full 2>"$tmp/err"
    status=$?
    check "score onto a full device" failed 1 "standard output"
else
    skip "full device" "no /dev/full"
fi
{
    "$VACCINE" score --threads 1 "$golden/opt" 2>"$tmp/err"
    echo $? >"$tmp/status"
} <<END | :
$(sleep 1; rows "$golden/opt")
END
status=$(cat "$tmp/status")
check "a reader that has gone" failed 1 "standard output"

# ---- with real models ----

need() {
    [ -n "$data" ] && [ -e "$data/$1" ]
}

if need models/tiny-random-gpt2; then
    : >"$tmp/in"
    run score --threads 1 "$data/models/tiny-random-gpt2"
    check "a real GPT-2 is refused by name" failed 1 "gpt2"
else
    skip "a real GPT-2" "VACCINE_TESTDATA has none"
fi

story=$data/models/stories260K
if need models/stories260K; then
    : >"$tmp/in"
    run probe "$story" --threads 1 --template plain --echo --max-new-tokens 300 'Once upon a time'
    size=$(wc -c <"$story/expected_greedy_257.txt")
    # The recorded file ends in a line end of its own.
    head -c "$((size - 1))" "$story/expected_greedy_257.txt" >"$tmp/want"
    head -c "$((size - 1))" "$tmp/out" >"$tmp/got"
    check "probe writes the recorded story" cmp -s "$tmp/want" "$tmp/got"
    cp "$tmp/out" "$tmp/story"
    printf 'Once upon a time\n' >"$tmp/in"
    run probe "$story" --threads 1 -t plain --echo -n 300
    check "probe reads the prompt from standard input" cmp -s "$tmp/out" "$tmp/story"
    check "the story is there" grep -q "little girl" "$tmp/story"
    run probe "$story" --threads 1 -n 5 'Once upon a time'
    check "probe without --echo prints the answer alone" sh -c '
        [ "$1" -eq 0 ] && head -c 1 "$2" | grep -q "," && [ "$(wc -l <"$2")" -eq 1 ]' sh "$status" "$tmp/out"
    run probe "$story" --threads 1 -n 40 --temperature 1 --seed 7 'Once upon a time'
    cp "$tmp/out" "$tmp/first"
    run probe "$story" --threads 1 -n 40 --temperature 1 --seed 7 'Once upon a time'
    check "the same seed draws the same text" cmp -s "$tmp/out" "$tmp/first"
    run probe "$story" --threads 1 -n 40 --temperature 1 --seed 8 'Once upon a time'
    check "another seed draws another" sh -c '! cmp -s "$1" "$2"' sh "$tmp/out" "$tmp/first"
    run probe "$story" --threads 1 -n 40 --temperature 1 --top-p 0.000001 'Once upon a time'
    cp "$tmp/out" "$tmp/first"
    run probe "$story" --threads 1 -n 40 'Once upon a time'
    check "the smallest share of the most probable is greedy" cmp -s "$tmp/out" "$tmp/first"
    run probe "$story" --template none 'Once'
    check "probe refuses an unknown template" failed 2 "plain"
    : >"$tmp/in"
    awk 'BEGIN { for (i = 0; i < 600; i++) printf "day " }' >"$tmp/in"
    run probe "$story" --threads 1 -t plain
    check "probe refuses a prompt that fills the model" failed 1 "prompt: "
    printf 'a\0b' >"$tmp/in"
    run probe "$story" --threads 1 -t plain
    check "probe refuses a zero byte" failed 1 "zero byte"
    printf '{"text":"Once upon a time"}\n{"text":"caf\\u00e9 \\"x\\"\\n"}\n{"text":""}\n' >"$tmp/in"
    run tokenize "$story"
    check "tokenize" done_with '{"ids":[403,407,261,378],"decoded":"Once upon a time"}'
    check "tokenize decodes what it was given" done_with '"decoded":"café \"x\"\n"}'
    check "tokenize keeps a zero character, and what looks like one" sh -c '
        printf "%s\n" "{\"text\":\"a\\u0000b\"}" "{\"text\":\"a\\\\u0000b\"}" | "$1" tokenize "$2" |
            sed "s/.*\"decoded\"://" | tr "\n" " " | grep -qF "\"a\\u0000b\"} \"a\\\\u0000b\"} "' \
        sh "$VACCINE" "$story"
    check "tokenize of nothing" done_with '{"ids":[],"decoded":""}'
    run tokenize --special "$story/tokenizer.json"
    check "tokenize --special" done_with '{"ids":[1,403,407,261,378],'
    printf '{"txt":"x"}\n' >"$tmp/in"
    run tokenize "$story"
    check "tokenize refuses a line without text" failed 1 "stdin:1"
    printf '{"text":"Once upon a time"}\n{"input_ids":[1,403,407,261,378]}\n' >"$tmp/in"
    run score --threads 1 "$story"
    check "score adds the special tokens to a text" sh -c '
        [ "$(wc -l <"$1")" -eq 2 ] && [ "$(sort -u "$1" | wc -l)" -eq 1 ]' sh "$tmp/out"
else
    skip "probe, tokenize and score of text" "VACCINE_TESTDATA has no models/stories260K"
fi

if need judge; then
    tr -d ' \n' <"$data/judge/expected.json" | sed 's/},{/}\n{/g' >"$tmp/judge"
    echo >>"$tmp/judge"
    sed -n 's/.*"input_ids":\(\[[^]]*\]\).*/{"input_ids":\1}/p' "$tmp/judge" >"$tmp/in"
    run score --threads 1 "$data/judge"
    check "score of a classifier" [ "$(wc -l <"$tmp/out")" -eq "$(wc -l <"$tmp/in")" ]
    for k in logits probabilities; do
        sed "s/.*\"$k\":\[\([^]]*\)\].*/\1/" "$tmp/judge" >"$tmp/want"
        sed "s/.*\"$k\":\[\([^]]*\)\].*/\1/" "$tmp/out" >"$tmp/got"
        check "classifier: $k" sh -c 'paste -d" " "$1" "$2" | awk "
            { n = split(\$1, a, \",\"); if (split(\$2, b, \",\") != n || n < 2) bad = 1
              for (i = 1; i <= n; i++) if (!((a[i] - b[i])^2 < 1e-8)) bad = 1 }
            END { exit bad || !NR }"' sh "$tmp/want" "$tmp/got"
    done
    sed 's/.*"flagged":\([a-z]*\),"categories":\(\[[^]]*\]\).*/\1 \2/' "$tmp/judge" >"$tmp/want"
    sed 's/.*"flagged":\([a-z]*\),"labels":\(\[[^]]*\]\).*/\1 \2/' "$tmp/out" >"$tmp/got"
    check "classifier: flags and labels" cmp -s "$tmp/want" "$tmp/got"
    : >"$tmp/in"
    run probe --threads 1 "$data/judge" hello
    check "a classifier is not asked for text" failed 1 "classifier"
else
    skip "classifier" "VACCINE_TESTDATA has no judge"
fi

# --- wrong usage is 2; a run file or data that are wrong, however they are found, are 1 ---

printf '{"input_ids":[3,17,5,9],"labels":[-100,17,5,9]}\n{"input_ids":[4,18,6]}\n' |
    sed 's/\[4,18,6\]/&,"labels":[4,18,6]/' >"$tmp/rows.jsonl"
printf '{"input_ids":[3,17],"labels":[3]}\n' >"$tmp/short.jsonl"
model=$(cd "$golden/opt" && pwd)
# run_file MEMBERS STAGE_MEMBERS
run_file()
{
    printf '{"model":"%s","threads":1,"max_length":40,%s"stages":[{"train":["rows.jsonl"],"batch_size":2,"steps":2,"lora":{"r":2}%s}]}\n' \
        "$model" "$1" "$2" >"$tmp/file.json"
}
# wrong STATUS NAME TEXT OPTION...: run and validate end alike.
wrong()
{
    want=$1 case=$2 text=$3
    shift 3
    run validate "$tmp/file.json" "$@"
    check "validate: $case: $want" failed "$want" "$text"
    run run "$tmp/file.json" -o "$tmp/never" "$@"
    check "run: $case: $want" failed "$want" "$text"
}
: >"$tmp/in"
echo '{"model":' >"$tmp/file.json"
wrong 1 "no JSON" "file.json:2"
run_file '"modle":"x",' ''
wrong 1 "an unknown key" 'did you mean "model"?'
run_file '"template":"none",' ''
wrong 1 "an unknown template" "plain"
run_file '' ',"lr":-1'
wrong 1 "a value out of range" "stages[0]"
wrong 1 "... whatever is set besides" "stages[0]" --set seed=3
run_file '' ',"method":"vacine"'
wrong 1 "an unknown method" "vaccine"
run_file '' ',"method":"vaccine","layers":"0-99"'
wrong 1 "layers that the model lacks" "layers"
run_file '' ''
sed -i 's/"max_length":40/"max_length":4096/' "$tmp/file.json"
wrong 1 "more tokens than the model reads" "max_length"
run_file '"watch":{"drift":"short.jsonl"},' ''
wrong 1 "data that do not fit together" "short.jsonl"
run_file '"watch":{"drift":{"file":"rows.jsonl","take":9}},' ''
wrong 1 "more rows than there are" "rows.jsonl"
run_file '"evaluate":[{"name":"A","prompts":"rows.jsonl","judge":"jury"}],' ''
wrong 1 "an unknown judge" "jury"
run_file '' ''
sed -i 's/rows.jsonl/gone.jsonl/' "$tmp/file.json"
wrong 1 "data that are not there" "gone.jsonl"
run_file '"model":"x/nowhere",' ''
sed -i "s|\"model\":\"$model\",||" "$tmp/file.json"
wrong 1 "a model that is not there" "nowhere"
run_file '' ''
wrong 2 "--set without a value" "PATH=VALUE" --set seed
wrong 2 "--set of a list that is not so long" "stages[3]" --set stages[3].lr=1
wrong 2 "--set of an unknown key" 'did you mean "steps"?' --set stages[0].stesp=1
wrong 2 "--set to a wrong value" "stages[0]" --set stages[0].lr=-1
wrong 2 "--set to an unknown word" "plain" --set template=none
wrong 2 "--set to an unknown method" "vaccine" --set stages[0].method=vacine
wrong 2 "--set to a file that is not there" "gone.jsonl" --set 'stages[0].train=["gone.jsonl"]'
wrong 2 "the second --set is wrong" "seed" --set stages[0].lr=1e-3 --set seed=-1.5
check "nothing was begun" [ ! -e "$tmp/never" ]
TERM=xterm run screen --plain "$tmp/file.json" -o "$tmp/never" --set template=none
check "screen: --set to an unknown word: 2" [ "$status" -eq 2 ]
run_file '"template":"none",' ''
run screen --plain "$tmp/file.json" -o "$tmp/never"
check "screen: an unknown template: 1" [ "$status" -eq 1 ]
run replay "$tmp"
check "replay of what is no run" failed 2 "no run.json"
run_file '' ''
run run "$tmp/file.json" -o "$tmp/done"
check "a run" [ "$status" -eq 0 ]
run screen --plain --paused "$tmp/file.json" -o "$tmp/held"
check "--paused where nobody can let it go on: it says that it goes on" done_with "no more commands can come: the run does not wait"
run run "$tmp/file.json" -o "$tmp/done"
check "a folder that holds a run" failed 2 "already holds a run"
cp "$tmp/done/journal.jsonl" "$tmp/journal"
run run "$tmp/done" --set stages[0].lr=1e-3
check "--set on a finished run" failed 2 "run.json --set"
run run "$tmp/file.json" -o "$tmp/done" --resume --set seed=5
check "--set on a finished run, by its file" failed 2 "is finished"
check "... leaves it alone" cmp -s "$tmp/journal" "$tmp/done/journal.jsonl"
run run "$tmp/done"
check "a finished run is done" done_with "done"
run run "$tmp/done/run.json" -o "$tmp/again" --set stages[0].lr=1e-3
check "a run like another, with something set" [ "$status" -eq 0 ]
check "... has it" grep -q '"lr":[[:space:]]*0.001' "$tmp/again/run.json"
run replay "$tmp/again"
check "replay" done_with "bit-identical"
cp "$tmp/done/run.json" "$tmp/described"
sed 's/"method":[[:space:]]*"sft"/"method": "stf"/' "$tmp/described" >"$tmp/done/run.json"
run replay "$tmp/done"
check "replay of a run whose description is spoilt" failed 1 "stf"
cp "$tmp/described" "$tmp/done/run.json"
printf '{"input_ids":[3,17,5,9],"labels":[-100,17,5,9]}\n' >"$tmp/rows.jsonl"
run replay "$tmp/done"
check "replay of a run whose data have changed" failed 1 "has changed"

echo "1..$count"
