#!/bin/sh
# test_blas.sh - which kernels an OpenBLAS is told to run. A preloaded library plays one that does not know
# this processor, and kernels that compute wrong numbers.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
golden=$(cd "$srcdir/tests/golden" && pwd)
. "$srcdir/tests/tap.sh"
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY
unset OPENBLAS_CORETYPE VACCINE_CORETYPE
VACCINE_PRODUCTS=openblas
export VACCINE_PRODUCTS

cat >"$tmp/old.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
char *openblas_get_corename(void)
{
    char *name = getenv("OPENBLAS_CORETYPE");
    return name && *name && !strstr(getenv("UNKNOWN"), name) ? name : "Prescott";
}
typedef void sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
void cblas_sgemm(int o, int ta, int tb, int m, int n, int k, float al, const float *a, int lda, const float *b,
                 int ldb, float be, float *c, int ldc)
{
    static sgemm *real;
    if (!real)
        real = (sgemm *)dlsym(RTLD_NEXT, "cblas_sgemm");
    real(o, ta, tb, m, n, k, al, a, lda, b, ldb, be, c, ldc);
    if (strstr(getenv("WRONG"), openblas_get_corename()))
        c[0] += 1;
}
__attribute__((constructor)) static void count(void)
{
    FILE *f = fopen(getenv("STARTS"), "a");
    if (f && fputc('.', f) >= 0)
        fclose(f);
}
C
wide=$(grep -qw avx512vl /proc/cpuinfo 2>/dev/null && grep -qw avx512dq /proc/cpuinfo && echo yes)
if ! grep -qw avx2 /proc/cpuinfo 2>/dev/null || ! grep -qw fma /proc/cpuinfo; then
    why="no AVX2 here"
elif ! "$VACCINE" doctor 2>/dev/null | grep -q "OpenBLAS.*kernels"; then
    why="no OpenBLAS here"
elif nm "$VACCINE" 2>/dev/null | grep -q __asan_init ||
    ! ${CC:-cc} -shared -fPIC -o "$tmp/old.so" "$tmp/old.c" -ldl 2>/dev/null; then
    why="no preloading here"
fi
if [ -n "${why-}" ]; then
    skip "kernels of the processor" "$why"
    echo "1..$count"
    exit 0
fi

# doctor WRONG UNKNOWN: of a library that takes Prescott by itself; the kernels and how often it started.
doctor() {
    rm -f "$tmp/starts"
    WRONG=$1 UNKNOWN=$2 STARTS=$tmp/starts LD_PRELOAD=$tmp/old.so "$VACCINE" doctor \
        </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
took() { # KERNELS STARTS
    grep -q "kernels $1\$" "$tmp/out" && [ "$(wc -c <"$tmp/starts")" -eq "$2" ]
}

best=Haswell
[ -z "$wide" ] || best=SkylakeX
doctor "" ""
check "a library that does not know the processor is told" took "$best" 2
check "... and doctor is content" grep -q "^ok    products" "$tmp/out"
if [ -n "$wide" ]; then
    doctor SkylakeX ""
    check "kernels that compute wrong numbers are passed over" took Haswell 3
    doctor "" SkylakeX
    check "... and those that the library does not have" took Haswell 3
    doctor "SkylakeX Haswell" ""
    check "where all are wrong, its own are left" took Prescott 4
else
    doctor Haswell ""
    check "where all are wrong, its own are left" took Prescott 3
fi
check "... and doctor says so" sh -c 'grep -q "^warn  products" "$1" && grep -q "install a newer OpenBLAS" "$1"' \
    sh "$tmp/out"

OPENBLAS_CORETYPE=Prescott
export OPENBLAS_CORETYPE
doctor "" ""
check "what the user has chosen stays" took Prescott 1
check "... and doctor calls it old" grep -q "openblas.*Prescott" "$tmp/out"
check "... with the cure" grep -q "unset OPENBLAS_CORETYPE, or set it to $best" "$tmp/out"
# The library itself, with no part played.
"$VACCINE" doctor </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
if grep -q "kernels Prescott" "$tmp/out"; then
    check "old kernels are measured as slow" grep -q "^warn  speed" "$tmp/out"
    check "... and named old" grep -q "^warn  products" "$tmp/out"
else
    skip "old kernels are measured as slow" "this OpenBLAS has none"
fi
OPENBLAS_CORETYPE=$best
doctor "" ""
check "the cure cures" sh -c 'grep -q "^ok    products" "$1"' sh "$tmp/out"
unset OPENBLAS_CORETYPE

sed 's/"ids"/"input_ids"/g' "$golden/opt/batch.json" >"$tmp/rows.json"
cat >"$tmp/run.json" <<END
{"model": "$golden/opt", "threads": 1, "max_length": 64,
 "stages": [{"name": "align", "method": "sft", "train": ["rows.json"], "lora": {"r": 2}, "steps": 1}]}
END
WRONG='' UNKNOWN='' STARTS=$tmp/starts LD_PRELOAD=$tmp/old.so "$VACCINE" run "$tmp/run.json" -o "$tmp/r" \
    </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "run.json says what ran" grep -q "\"blas\":.*kernels $best\"" "$tmp/r/run.json"

# A run keeps who multiplied its matrices.
OPENBLAS_CORETYPE=$best
export OPENBLAS_CORETYPE
check "... and by whom" grep -q '"products":.*"openblas"' "$tmp/r/run.json"
VACCINE_PRODUCTS=onednn "$VACCINE" replay "$tmp/r" </dev/null >"$tmp/out" 2>&1
status=$?
check "a replay is computed by the same" sh -c '[ "$1" -eq 0 ] && ! grep -q "computed by" "$2"' sh "$status" "$tmp/out"
sed -i.bak -e 's/"products":\(.*\)"openblas"/"products":\1"abacus"/' -e 's/"blas":\(.*\)"OpenBLAS[^"]*"/"blas":\1"Abacus 1"/' \
    "$tmp/r/run.json"
"$VACCINE" replay "$tmp/r" </dev/null >"$tmp/out" 2>&1
check "... or says that there is another here" grep -q "was computed by Abacus 1.*here it is by OpenBLAS" "$tmp/out"

# Who goes on is told before the first step is made.
rm -rf "$tmp/r/final" "$tmp/r/stages"
"$VACCINE" run "$tmp/r" --resume --from-start --json </dev/null >"$tmp/out" 2>&1
status=$?
check "... and so does going on, before the first step" sh -c '
    [ "$1" -eq 0 ] && sed -n "/computed by Abacus 1.*here it is by/p; /^{\"step\":1,/p" "$2" | head -n 1 | grep -q Abacus' sh \
    "$status" "$tmp/out"

echo "1..$count"
