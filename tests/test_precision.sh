#!/bin/sh
# test_precision.sh - a run with products in bf16: near the one in F32, another one, and the same each time.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

go() { # PRECISION NAME
    "$VACCINE" run "$srcdir/samples/lab/sft.json" --set precision="$1" --set stages.align.steps=40 \
        --set stages.attack.steps=10 --set threads=1 -o "$tmp/$2" >"$tmp/out" 2>"$tmp/err"
    status=$?
}
losses() { sed -n 's/.*"loss":\([-0-9.e]*\).*/\1/p' "$tmp/$1/metrics.jsonl"; }

go f32 full
check "a run in F32" [ "$status" -eq 0 ]
go bf16 half
check "a run in bf16" [ "$status" -eq 0 ]
go bf16 again
check "the same bytes each time" cmp "$tmp/half/final/adapter_model.safetensors" "$tmp/again/final/adapter_model.safetensors"
wrong "other bytes than in F32" cmp -s "$tmp/half/final/adapter_model.safetensors" "$tmp/full/final/adapter_model.safetensors"
losses full >"$tmp/a"
losses half >"$tmp/b"
check "all 50 losses within 2 % of those in F32" awk -v want=50 '
    NR == FNR { a[FNR] = $1; next }
    { d = ($1 - a[FNR]) / a[FNR]; if (d < 0) d = -d; if (d > 0.02) print FNR, a[FNR], $1; n++ }
    END { if (n != want) print n " losses" }' "$tmp/a" "$tmp/b"
check "run.json says so" grep -q '"precision":[[:space:]]*"bf16"' "$tmp/half/run.json"
"$VACCINE" run "$srcdir/samples/lab/sft.json" --set precision=f16 -o "$tmp/none" >"$tmp/out" 2>"$tmp/err"
status=$?
check "what there is not is refused, with what there is" grep -q 'precision: .*f32.*bf16' "$tmp/err"

echo "1..$count"
