#!/bin/sh
# test_as_model.sh - a run folder as a model: what is asked of it is what the run measured of itself.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
lab=$(cd "$srcdir/samples/lab" && pwd)
VACCINE=$(cd "$(dirname "$VACCINE")" && pwd)/$(basename "$VACCINE")
cp -R "$lab/base-a" "$tmp/base"
chmod -R u+w "$tmp/base"
cd "$tmp" || exit 99

run() {
    "$VACCINE" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

loss_of() { # MODEL [OPTION...]: the loss of what is there, with the run's template
    run eval "$@" --data "$lab/align.jsonl" --take 20 -m loss --json
}

# near X: the value that was printed is X but for a millionth.
near() {
    [ "$status" -eq 0 ] && sed 's/.*"value":\([^,]*\),.*/\1/' "$tmp/out" |
        awk -v want="$1" '{ d = $1 / want - 1; exit !(d < 1e-6 && d > -1e-6) }'
}

# measured RUN STAGE STAGE_STEP: what its history says.
measured() {
    sed -n "s/.*\"stage\":\"$2\",\"stage_step\":$3,.*\"value\":\\([^,]*\\),.*/\\1/p" "$1/eval/history.jsonl"
}

stage() { # NAME [MEMBER...]
    printf '{"name":"%s","train":["%s/align.jsonl"],"steps":4,"batch_size":4,"lr":0.005' "$1" "$lab"
    shift
    for member in "$@"; do printf ',%s' "$member"; done
    printf '}'
}
run_of() { # NAME STAGES [MEMBER]: runs it
    cat >"$1.json" <<J
{${3-\"model\":\"$tmp/base\"},"template":"line","max_length":64,"threads":1,"stages":[$2],
 "evaluate":[{"name":"L","data":"$lab/align.jsonl","metric":"loss","take":20,"every":2}],
 "checkpoint":{"steps":2,"keep":20}}
J
    run run "$1.json" -o "$1"
    check "$1 runs" [ "$status" -eq 0 ]
}
lora='"lora":{"r":2,"alpha":8}'

run_of two "$(stage a "$lora"),$(stage b "$lora")"
files() { (cd "$1" && find . -type f -exec cksum {} + | sort; find "$1" | sort); }
files two >before
for m in two two@b two/final two/stages/b; do
    loss_of "$m"
    check "$m" near "$(measured two b 4)"
    check "$m: nothing is told" [ ! -s "$tmp/err" ]
done
for m in two@a two/stages/a/; do
    loss_of "$m"
    check "$m" near "$(measured two a 4)"
done
for step in 2 6; do
    stage=a
    [ "$step" = 2 ] || stage=b
    for m in "two@$step" "two/checkpoint-$step"; do
        loss_of "$m"
        check "$m" near "$(measured two $stage 2)"
    done
done
for adapter in two/final two/stages/b two two@b; do
    loss_of base -t line --adapter "$adapter"
    check "--adapter $adapter has all that it stands on" near "$(measured two b 4)"
    check "and says so" grep -q "^vaccine: note: $adapter stands on others: .*two/stages/a, .*, in this order" "$tmp/err"
done
loss_of base -t line --adapter two/stages/a --adapter two/stages/b
check "each by itself" near "$(measured two b 4)"
check "has nothing to tell" [ ! -s "$tmp/err" ]
mkdir copy && cp -R two/final two/stages copy
loss_of base -t line --adapter copy/final
check "a copy without run.json" near "$(measured two b 4)"
rm -r copy/stages
loss_of base -t line --adapter copy/final
check "a copy without what is beneath" failed 1 '"../stages/a" is not there'

loss_of base -t line --adapter two/stages/a --adapter two/stages/a
check "the same adapter twice" failed 2 "is on the model already"
loss_of base -t line --adapter two/stages/a --adapter two/stages/../stages/a/
check "by another name" failed 2 "is on the model already"
loss_of two --adapter two/stages/b
check "or on the run that has it" failed 2 "is on the model already"
loss_of two@c
check "no such stage" failed 2 'no stage and no checkpoint "c"; there are @a, @b, @2, @4, @6, @8'
loss_of two@5
check "no such step" failed 2 'no stage and no checkpoint "5"'
loss_of base/nothing@5
check "no such run" failed 1 "no such folder"
cp -R two/stages/a alone
run probe alone hi
check "an adapter alone" failed 2 "is an adapter and no model"

run probe two@a -n 6 "How do I paint a fence?"
cp out asked
run probe base --adapter two/stages/a -t line -n 6 "How do I paint a fence?"
check "the run's template" cmp asked out
echo '{"input_ids":[1,5,6,7]}' >ids
run score base --adapter two/stages/a --adapter two/stages/b <ids
cp out want
run score two <ids
check "score" cmp out want
echo '{"text":"hi"}' | run tokenize two
check "tokenize" done_with '"decoded":"hi"'
run doctor two@a
check "doctor" grep -q "$tmp/base: llama" out
run merge two -o merged
check "merge" done_with "$tmp/base and 2 adapters"
loss_of merged -t line
check "is the run" near "$(measured two b 4)"
loss_of two --take 2 -o res --name L
check "results are named by the run" [ -s res/results_L_two.json ]
loss_of two@a --take 2 -o res --name L
check "and by its stage" [ -s res/results_L_two-a.json ]
files two >after
check "nothing of the run has changed" cmp before after

cp -R two going
rm -r going/final
loss_of going
check "a run that has not ended" near "$(measured two b 4)"
check "says what it is" grep -q "^vaccine: note: going: the run has not ended: this is checkpoint-8" err
rm -r going/checkpoint-*
loss_of going
check "or has nothing yet" failed 2 "no usable checkpoint"

run_of same "$(stage a "$lora"),$(stage b '"adapter":"same"'),$(stage c "$lora")"
loss_of same@b
check "going on with the same adapter" near "$(measured same b 4)"
loss_of same
check "and another on it" near "$(measured same c 4)"
loss_of same@6
check "in the midst of it" near "$(measured same b 2)"

run_of whole "$(stage a "$lora"),$(stage all '"lora":null'),$(stage c "$lora")"
for m in whole@all whole/stages/all; do
    loss_of "$m" -t line
    check "$m" near "$(measured whole all 4)"
done
loss_of whole@6
check "all weights, of a checkpoint" near "$(measured whole all 2)"
loss_of whole
check "an adapter on them" near "$(measured whole c 4)"
for m in whole/final whole/stages/c whole/checkpoint-10; do
    check "$m names the weights it stands on" grep -qF "\"base_model_name_or_path\": \"$tmp/whole/stages/all\"" \
        "$m/adapter_config.json"
done
check "one beneath them, the model" grep -qF "\"base_model_name_or_path\": \"$tmp/base\"" \
    whole/stages/a/adapter_config.json
loss_of base -t line --adapter whole/final
check "is none of the base" failed 2 "stands on weights that its run trained"
loss_of whole/stages/all -t line --adapter whole/final
check "but of them" near "$(measured whole c 4)"

run_of nothing "$(stage all '"lora":null'),$(stage c "$lora")" \
    "\"init\":\"random\",\"tokenizer\":\"$tmp/base\",\"config\":$(cat base/config.json)"
loss_of nothing
check "from random weights" near "$(measured nothing c 4)"
loss_of nothing@2
check "of which there is a checkpoint only" near "$(measured nothing all 2)"

# A model of the cache is named as everybody knows it, not by the folder of one's own.
commit=0123456789abcdef0123456789abcdef01234567
hub=$tmp/hub/models--made--up
mkdir -p "$hub/snapshots/$commit" "$hub/refs"
cp base/* "$hub/snapshots/$commit"
printf '%s' "$commit" >"$hub/refs/main"
HF_HUB_CACHE=$tmp/hub
export HF_HUB_CACHE
run_of cached "$(stage a "$lora")" '"model":"made/up"'
check "owner/name" grep -q '"base_model_name_or_path": "made/up",' cached/final/adapter_config.json
check "and the commit" grep -q "\"revision\": \"$commit\"" cached/final/adapter_config.json
check "and no path" [ "$(grep -c "$tmp" cached/final/adapter_config.json)" -eq 0 ]
check "nor beside it" grep -qF "\"base\": \"made/up@$commit\"" cached/final/adapters.json
loss_of cached
check "is a model like any" near "$(measured cached a 4)"

printf ' ' >>base/config.json
loss_of two
check "the base has changed" failed 1 "has changed since the run began"
mv base elsewhere
loss_of two
check "or is gone" failed 1 "is not there"
echo "1..$count"
