#!/bin/sh
# base.sh - makes the lab's world and its two bases anew from their seeds, and compares them with what is
# shipped, byte by byte. `make lab-base` and `make lab-base-install` call it.
#
# Same bytes want the same arithmetic: one thread, and OpenBLAS's Haswell kernels, are asked for here. Our own
# kernels are those of the processor and cannot be chosen: what is shipped was made with AVX2. With AVX-512,
# without AVX2, or with an OpenBLAS that rounds otherwise, model.safetensors may differ; the rest may not.
set -eu
LC_ALL=C
OPENBLAS_CORETYPE=Haswell
export LC_ALL OPENBLAS_CORETYPE

usage()
{
    cat <<'END'
Usage: samples/lab/base.sh [--install] OUT_DIR

  OUT_DIR    what is made goes there; what an earlier call made there is replaced
  --install  then put it in the place of what is shipped

Environment: VACCINE (the program), LAB_WORLD (the generator lab-world), BASES ("a b"), STEPS (fewer than
pretrain.json has, for a trial). Exit status: 0 all is the same or installed, 1 something differs or failed.
END
}

die()
{
    printf 'base.sh: %s\n' "$*" >&2
    exit 1
}

install=no
case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
--install)
    install=yes
    shift
    ;;
esac
[ $# -eq 1 ] || {
    usage >&2
    exit 2
}
LAB=$(cd "$(dirname "$0")" && pwd)
: "${VACCINE:=vaccine}" "${LAB_WORLD:=lab-world}" "${BASES:=a b}" "${STEPS:=}"
mkdir -p "$1"
OUT=$(cd "$1" && pwd)
[ "$OUT" != "$LAB" ] || die "OUT_DIR: not the folder of what is shipped"

# ---- making ----

# base LETTER SEED
base()
{
    out=$OUT/base-$1
    rm -rf "$out" "$OUT/run-$1"
    "$LAB_WORLD" corpus "$2" "$OUT/corpus-$1.jsonl"
    "$VACCINE" run "$LAB/parts/pretrain.json" -o "$OUT/run-$1" --set "seed=$2" --set threads=1 \
        --set "tokenizer=$OUT/tokenizer" --set "stages.base.train[0].file=$OUT/corpus-$1.jsonl" \
        ${STEPS:+--set "stages.base.steps=$STEPS"} </dev/null >"$OUT/run-$1.log" 2>&1 ||
        die "base-$1: $(tail -n 1 "$OUT/run-$1.log")"
    mkdir "$out"
    cp "$OUT/run-$1/final/config.json" "$OUT/run-$1/final/model.safetensors" "$OUT"/tokenizer/*.json "$out"
}

seed_of()
{
    case $1 in
    a) echo 1 ;;
    b) echo 2 ;;
    *) die "BASES: \"$1\" is not a or b" ;;
    esac
}

rm -rf "$OUT/data" "$OUT/tokenizer"
"$LAB_WORLD" data 1 "$OUT/data"
"$LAB_WORLD" tokenizer "$OUT/tokenizer"
"$VACCINE" doctor </dev/null | sed -n 's/^ok *blas *//p' >&2
making=
for letter in $BASES; do
    seed=$(seed_of "$letter")
    printf 'base-%s from seed %s, about a minute\n' "$letter" "$seed" >&2
    base "$letter" "$seed" &
    making="$making $!"
done
failed=no
for pid in $making; do
    wait "$pid" || failed=yes
done
[ $failed = no ] || die "nothing was compared"

# ---- comparing ----

# What was made, as OUT_DIR's name and the shipped one's.
made()
{
    (cd "$OUT/data" && ls) | sed 's|.*|data/& &|'
    for letter in $BASES; do
        (cd "$OUT" && ls -d "base-$letter"/*) | sed 's|.*|& &|'
    done
}

made >"$OUT/made"
differ=0
while read -r new old; do
    if cmp -s "$OUT/$new" "$LAB/$old"; then
        echo "same     $old"
    else
        echo "differs  $old"
        differ=$((differ + 1))
    fi
done <"$OUT/made"
if [ $differ -eq 0 ]; then
    echo "all $(wc -l <"$OUT/made") files are the same as in $LAB"
    exit 0
fi
echo "$differ of $(wc -l <"$OUT/made") files differ from those in $LAB"
if [ $install = yes ]; then
    while read -r new old; do
        mkdir -p "$(dirname "$LAB/$old")"
        cp "$OUT/$new" "$LAB/$old"
    done <"$OUT/made"
    echo "installed: those of $OUT are in their place"
    exit 0
fi
echo "--install (make lab-base-install) puts those of $OUT in their place"
exit 1
