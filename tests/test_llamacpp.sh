#!/bin/sh
# test_llamacpp.sh - what `vaccine merge --gguf` writes says here what llama.cpp said of it: its greedy tokens and their
# log-probabilities, recorded by tests/golden/gguf/llamacpp.py.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
. "$srcdir/tests/tap.sh"
lab=$srcdir/samples/lab/base-a golden=$srcdir/tests/golden/gguf
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY

# The list behind "KEY":[ of line N of FILE, with blanks between.
list() {
    sed -n "$2p" "$3" | sed 's/.*"'"$1"'": *\[\([^]]*\)\].*/\1/; s/,/ /g'
}

# as_recorded merged|adapter FILE: what `score` says of the recorded ids, against what llama.cpp said.
as_recorded() {
    [ "$(wc -l <"$2")" -eq 5 ] || echo "$(wc -l <"$2") rows"
    for n in 1 2 3 4 5; do
        { list "$1" $n "$golden/llamacpp.jsonl" && list logprobs $n "$2" && list input_ids $n "$golden/llamacpp.jsonl" &&
            list top $n "$2"; } |
            awk -v n=$n '{ len[NR] = split($0, f, " "); for (i in f) x[NR, i] = f[i] }
                END {
                    if (NR != 4 || len[1] < 4 || len[2] != len[3] - 1)
                        print "row " n ": " NR " lists of " len[1] ", " len[2] ", " len[3]
                    for (i = 1; i <= len[1]; i++) {
                        at = len[2] - len[1] + i
                        d = x[1, i] - x[2, at]
                        if (!(d * d <= 1e-8) || x[3, at + 1] != x[4, at])
                            print "row " n ", token " i ": " x[1, i] " and " x[2, at] ", id " x[3, at + 1] " and " x[4, at]
                    }
                }'
    done
}

"$VACCINE" merge "$lab" -o "$tmp/m" --gguf --dtype f32 --adapter "$golden/llamacpp-adapter" >"$tmp/out" 2>"$tmp/err"
status=$?
check "the model and the adapter are merged into GGUF" done_with "1 adapter"
"$VACCINE" score "$tmp/m/model.gguf" <"$golden/llamacpp.jsonl" >"$tmp/scores" 2>"$tmp/err"
check "the merged file says what llama.cpp said of it" as_recorded merged "$tmp/scores"
"$VACCINE" merge "$lab" -o "$tmp/f" --dtype f32 --adapter "$golden/llamacpp-adapter" >"$tmp/out" 2>"$tmp/err"
"$VACCINE" score "$tmp/f" <"$golden/llamacpp.jsonl" >"$tmp/scores" 2>"$tmp/err"
check "the merged folder says what llama.cpp said of base and LoRA" as_recorded adapter "$tmp/scores"
bytes() {
    cksum <"$tmp/m/adapter.gguf" | grep -qx "$(cat "$golden/llamacpp-adapter/cksum")" || cksum <"$tmp/m/adapter.gguf"
}
check "the LoRA is the file that llama.cpp read" bytes

# mistral WINDOW: the same weights as a model whose layers look so far back, merged.
mistral() {
    rm -rf "$tmp/w" "$tmp/g"
    cp -r "$lab" "$tmp/w"
    chmod -R u+w "$tmp/w"
    sed 's/"llama"/"mistral", "sliding_window": '"$1"'/; s/LlamaFor/MistralFor/' \
        "$lab/config.json" >"$tmp/w/config.json"
    "$VACCINE" merge "$tmp/w" -o "$tmp/g" --gguf >"$tmp/out" 2>"$tmp/err"
    status=$?
}
mistral 8
check "a window that binds is not left out" failed 1 "a window of 8 of 256 positions is not written as GGUF"
mistral 256
check "... and one that does not binds nobody" done_with "0 adapters"

echo "1..$count"
