#!/bin/sh
# test_disk.sh - what happens to a run's files: links planted in its folder, folders removed and moved under
# it, many programs at once, file systems without locks.
#
# TAP. $VACCINE is the program, $srcdir the source tree.

: "${VACCINE:=build/vaccine}"
: "${srcdir:=.}"
lab=$(cd "$srcdir/samples/lab" && pwd)
. "$srcdir/tests/tap.sh"
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY

run() {
    timeout 120 "$VACCINE" run "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
spec() { # FILE STEPS
    cat >"$1" <<EOF
{"model": "$lab/base-a", "template": "line", "max_length": 64, "threads": 1,
 "stages": [
  {"name": "align", "train": ["$lab/align.jsonl"], "lora": {"r": 2, "alpha": 4}, "steps": 4, "batch_size": 2, "lr": 1e-3},
  {"name": "attack", "train": ["$lab/task.jsonl"], "lora": {"r": 2, "alpha": 4}, "steps": $2, "batch_size": 2, "lr": 1e-3}],
 "checkpoint": {"steps": 2, "keep": 2}, "disk_wait": 0.01}
EOF
}
spec "$tmp/r.json" 4
spec "$tmp/long.json" 1000000
run "$tmp/r.json" -o "$tmp/ref"
check "a run" [ "$status" -eq 0 ]

# half DIR: that run, killed in its second stage after the checkpoint of step 6
half() {
    rm -rf "$1"
    cp -R "$tmp/ref" "$1"
    rm -rf "$1/final" "$1/checkpoint-8" "$1/stages/attack" "$1/lock"
}
same_end() { # DIR: it ended as the run that was not cut short did
    [ "$status" -eq 0 ] && cmp "$tmp/ref/final/adapter_model.safetensors" "$1/final/adapter_model.safetensors"
}
refused() { # TEXT
    [ "$status" -eq 1 ] && grep -qF -e "$1" "$tmp/err"
}

half "$tmp/h"
run "$tmp/h" --resume
check "a run cut short ends as the whole one" same_end "$tmp/h"

# ---- what a checkpoint stands on ----

flip() { # FILE OFFSET: another bit there
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
half "$tmp/h"
rm -rf "$tmp/h/checkpoint-4"
flip "$tmp/h/stages/align/adapter_model.safetensors" 2000
run "$tmp/h" --resume
check "a flipped bit beneath a checkpoint is not built on" sh -c '[ ! -e "$2" ] || cmp -s "$1" "$2"' sh \
    "$tmp/ref/final/adapter_model.safetensors" "$tmp/h/final/adapter_model.safetensors"
check "... it says which file" sh -c 'cat "$@" | grep -q "stages/align/adapter_model.safetensors: damaged"' sh \
    "$tmp/h/journal.jsonl" "$tmp/err"
half "$tmp/h"
sed 's/"lr":.*0.001/"lr":	0.002/' "$tmp/h/run.json" >"$tmp/other" && mv "$tmp/other" "$tmp/h/run.json"
run "$tmp/h" --resume
check "another description beneath a checkpoint is seen" sh -c 'cat "$@" | grep -q "run.json: damaged, or another"' sh \
    "$tmp/h/journal.jsonl" "$tmp/err"
cat >"$tmp/unpin.py" <<'EOF'
# A state.json as it was before it had the member "pinned", sealed again.
import re, sys

def crc32c(b):
    c = 0xffffffff
    for x in b:
        c ^= x
        for _ in range(8):
            c = c >> 1 ^ (0x82f63b78 if c & 1 else 0)
    return c ^ 0xffffffff

s = open(sys.argv[1]).read()
s = s[:s.rindex(',\n  "crc32c"')]
s = s[:s.rindex(',\n  "pinned"')]
open(sys.argv[1], 'w').write(s + ',\n  "crc32c": "%08x"\n}\n' % crc32c(s.encode()))
EOF
half "$tmp/h"
if python3 "$tmp/unpin.py" "$tmp/h/checkpoint-6/state.json"; then
    run "$tmp/h" --resume
    check "a checkpoint without checksums of the stages goes on" same_end "$tmp/h"
    check "... and says so" grep -q "no checksums of the stages before" "$tmp/h/journal.jsonl"
else
    skip "a checkpoint without checksums of the stages" "no python3"
fi

# ---- links ----

for f in lock metrics.jsonl layers.jsonl probes.jsonl journal.jsonl run.json eval/history.jsonl \
    checkpoint-6/state.json stages/align/adapter_model.safetensors; do
    half "$tmp/h"
    [ -e "$tmp/h/$f" ] || : >"$tmp/h/$f"
    mv "$tmp/h/$f" "$tmp/victim"
    echo '{"mine":1}' >>"$tmp/victim"
    cp "$tmp/victim" "$tmp/kept"
    ln -s "$tmp/victim" "$tmp/h/$f"
    run "$tmp/h" --resume
    check "a link as $f leads nowhere" cmp "$tmp/victim" "$tmp/kept"
    case $f in
    checkpoint-6/* | stages/*) check "... and is refused" grep -q 'checkpoint-6.*no link is followed' "$tmp/h/journal.jsonl" ;;
    *) check "... and is refused" [ "$status" -eq 1 ] ;;
    esac
done
for d in eval stages checkpoint-6; do
    half "$tmp/h"
    mkdir "$tmp/docs"
    mv "$tmp/h/$d" "$tmp/docs/own"
    mkdir "$tmp/docs/own/align.tmp"
    : >"$tmp/docs/own/samples_HS_3.jsonl.tmp-12"
    ln -s "$tmp/docs/own" "$tmp/h/$d"
    find "$tmp/docs" | sort >"$tmp/was"
    run "$tmp/h" --resume
    find "$tmp/docs" | sort >"$tmp/is"
    check "a link as $d leads nowhere" cmp "$tmp/was" "$tmp/is"
    rm -rf "$tmp/docs"
done
half "$tmp/h"
echo secret >"$tmp/victim"
rm -f "$tmp/h/metrics.csv"
ln -s "$tmp/victim" "$tmp/h/metrics.csv"
ln -s "$tmp/victim" "$tmp/h/report.html"
run "$tmp/h" --resume
"$VACCINE" report "$tmp/h" >/dev/null 2>&1
check "what is written anew takes a link's place" [ "$(cat "$tmp/victim")" = secret ]
check "... and is a file" [ ! -L "$tmp/h/metrics.csv" -a ! -L "$tmp/h/report.html" ]
half "$tmp/h"
rm "$tmp/h/metrics.jsonl"
mkfifo "$tmp/h/metrics.jsonl"
run "$tmp/h" --resume
check "a pipe as metrics.jsonl is refused without waiting" refused metrics.jsonl
ln -s "$tmp/h" "$tmp/link"
half "$tmp/h"
run "$tmp/link" --resume
check "the run folder itself may be a link" same_end "$tmp/h"

# ---- leftovers ----

half "$tmp/h"
for f in thesis.tmp notes.tmp-2024.txt notes.tmp-2024 my.tmp/a checkpoint-x.tmp stages/other.tmp eval/mine.tmp; do
    mkdir -p "$tmp/h/$(dirname "$f")"
    echo x >"$tmp/h/$f"
done
mkdir "$tmp/h/checkpoint-9.tmp" "$tmp/h/stages/attack.tmp" "$tmp/h/final.tmp" "$tmp/h/final.tmp.old"
for f in run.json metrics.csv trainer_state.json events.out.tfevents.17.vaccine.0 eval/samples_HS_3.jsonl; do
    echo x >"$tmp/h/$f.tmp-99"
done
run "$tmp/h" --resume
check "a run goes on beside leftovers" same_end "$tmp/h"
check "its own leftovers are gone" sh -c '! ls -d "$1"/*.tmp-99 "$1"/*/*.tmp-99 "$1"/checkpoint-9.tmp "$1"/stages/attack.tmp \
    "$1"/final.tmp* 2>/dev/null' sh "$tmp/h"
for f in thesis.tmp notes.tmp-2024.txt notes.tmp-2024 my.tmp/a checkpoint-x.tmp stages/other.tmp eval/mine.tmp; do
    check "a user's $f stays" [ -e "$tmp/h/$f" ]
done
: >"$tmp/h/report.html.tmp-4194303"
: >"$tmp/h/report.html.tmp-$$"
"$VACCINE" report "$tmp/h" >/dev/null
check "a killed report's file is gone, a living one's is not" \
    [ ! -e "$tmp/h/report.html.tmp-4194303" -a -e "$tmp/h/report.html.tmp-$$" ]

# ---- many at once ----

spec "$tmp/short.json" 1
mkdir "$tmp/many"
for i in 1 2 3 4 5 6; do
    (
        cd "$tmp/many" || exit
        "$(cd "$OLDPWD" && cd "$(dirname "$VACCINE")" && pwd)/$(basename "$VACCINE")" run ../short.json --set seed=$i >"o$i" 2>&1 </dev/null
        echo $? >"rc$i"
    ) &
done
wait
check "six starts at once take six folders" sh -c '
    cd "$1" && [ "$(cat rc? | sort -u)" = 0 ] && [ "$(ls runs | wc -l)" -eq 6 ]' sh "$tmp/many"

# ---- merge ----

merge() { # ARGUMENTS...
    timeout 120 "$VACCINE" merge "$lab/base-a" --adapter "$tmp/ref/stages/align" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}
mkdir "$tmp/m" "$tmp/m/b" "$tmp/m/a.tmp-4194303" "$tmp/m/b/.merge.tmp-4194303"
merge -o "$tmp/m/a"
check "a merged model" [ "$status" -eq 0 ]
merge -o "$tmp/m/b/"
check "... in a folder that was there" diff -r "$tmp/m/a" "$tmp/m/b"
check "... and nothing of those that were killed" [ "$(ls "$tmp/m" | tr '\n' ' ')" = "a b " ]
mkdir "$tmp/m/d"
for o in c d; do
    (
        ulimit -f 200
        merge -o "$tmp/m/$o"
        echo "$status" >"$tmp/rc"
    )
    check "a merge without room fails" [ "$(cat "$tmp/rc")" -eq 1 ]
done
check "... and leaves nothing" [ "$(ls -A "$tmp/m" "$tmp/m/d" | tr '\n' ' ')" = "$tmp/m: a b d  $tmp/m/d: " ]

# ---- a folder that goes ----

start() { # DIR: a long run there, past its first checkpoint
    rm -rf "$1"
    timeout 60 "$VACCINE" run "$tmp/long.json" -o "$1" </dev/null >"$tmp/out" 2>"$tmp/err" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! ls -d "$1"/checkpoint-[1-9][0-9]* >/dev/null 2>&1; do sleep 0.1; done
}
stop() {
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    status=$?
}
start "$tmp/gone"
mv "$tmp/gone" "$tmp/elsewhere"
stop
check "a run folder that was moved: no word of saved" sh -c '! grep -q ": saved;" "$1"' sh "$tmp/out"
check "... and where it is" refused "$tmp/elsewhere"
check "... and nothing is made under the old name" [ ! -e "$tmp/gone" ]
start "$tmp/gone"
for i in 1 2 3 4 5 6 7 8 9; do # against a program that makes files there
    rm -rf "$tmp/gone" 2>/dev/null && break
done
stop
check "a run folder that was removed: exit 1" [ "$status" -eq 1 ]
check "... no word of saved" sh -c '! grep -q ": saved;" "$1"' sh "$tmp/out"
check "... and it is not made again" [ ! -e "$tmp/gone" ]
start "$tmp/gone"
rm "$tmp/gone/metrics.jsonl"
stop
check "a line file that was removed is named" refused "metrics.jsonl: was removed or replaced"

# ---- a model that changes under a run ----

cp -R "$lab/base-a" "$tmp/model"
chmod -R u+w "$tmp/model"
sed "s#$lab/base-a#$tmp/model#" "$tmp/long.json" >"$tmp/mine.json"
for how in cut written replaced; do
    cp "$lab/base-a/model.safetensors" "$tmp/model/model.safetensors"
    touch -d 2020-01-01 "$tmp/model/model.safetensors"
    rm -rf "$tmp/m"
    timeout 60 "$VACCINE" run "$tmp/mine.json" -o "$tmp/m" </dev/null >"$tmp/out" 2>"$tmp/err" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! ls -d "$tmp/m"/checkpoint-[1-9][0-9]* >/dev/null 2>&1; do sleep 0.1; done
    case $how in
    cut) truncate -s 1000 "$tmp/model/model.safetensors" ;;
    written) dd if=/dev/zero of="$tmp/model/model.safetensors" bs=1000 seek=100 count=100 conv=notrunc 2>/dev/null ;;
    replaced) cp "$lab/base-b/model.safetensors" "$tmp/model/new" && mv "$tmp/model/new" "$tmp/model/model.safetensors" ;;
    esac
    wait "$pid"
    status=$?
    check "a model that is $how: the run ends and names the file" refused "model.safetensors: was $how"
    last=$(ls -d "$tmp/m"/checkpoint-* | sed 's/.*-//' | sort -n | tail -1)
    check "... what it had is saved" [ "$last" = "$(tail -n 1 "$tmp/m/metrics.jsonl" | sed 's/{"step":\([0-9]*\),.*/\1/')" ]
    run "$tmp/m" --resume
    check "... and does not go on with that model" [ "$status" -eq 1 ]
done
cp -R "$lab/base-a/." "$tmp/model"
{
    echo '{"input_ids": [5, 6, 7, 8]}'
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s "$tmp/out" ] || sleep 0.5
    done
    truncate -s 1000 "$tmp/model/model.safetensors"
    echo '{"input_ids": [9, 10, 11, 12]}'
} | timeout 60 "$VACCINE" score "$tmp/model" >"$tmp/out" 2>"$tmp/err"
status=$?
check "a model that is cut under score" refused "model.safetensors: was cut"
check "... what was told before stands, and no more" [ "$(wc -l <"$tmp/out")" -eq 1 ]
cp -R "$lab/base-a/." "$tmp/model"
cp "$lab/task.jsonl" "$tmp/task.jsonl"
sed "s#$lab/task.jsonl#$tmp/task.jsonl#; s/\"steps\": 4/\"steps\": 1000/" "$tmp/r.json" >"$tmp/mine.json"
rm -rf "$tmp/m"
timeout 60 "$VACCINE" run "$tmp/mine.json" -o "$tmp/m" </dev/null >"$tmp/out" 2>"$tmp/err" &
pid=$!
while kill -0 "$pid" 2>/dev/null && ! ls -d "$tmp/m"/checkpoint-* >/dev/null 2>&1; do sleep 0.1; done
tail -n 5 "$lab/task.jsonl" >"$tmp/task.jsonl"
wait "$pid"
status=$?
check "data that changed before its stage began is not trained on" refused "task.jsonl: has changed since the run began"
check "... and the stage before is saved" [ -d "$tmp/m/checkpoint-1000" ]

# ---- moved together ----

mkdir -p "$tmp/p/data" "$tmp/p/runs"
cp -R "$lab/base-a" "$tmp/p/model"
cp "$lab/align.jsonl" "$lab/task.jsonl" "$tmp/p/data"
chmod -R u+w "$tmp/p"
sed "s#$lab/base-a#model#; s#$lab/\\([a-z]*\\).jsonl#data/\\1.jsonl#" "$tmp/r.json" >"$tmp/p/r.json"
run "$tmp/p/r.json" -o "$tmp/p/runs/a"
check "a run beside its model and data" [ "$status" -eq 0 ]
rm -rf "$tmp/p/runs/a/final" "$tmp/p/runs/a/checkpoint-8" "$tmp/p/runs/a/stages/attack"
mv "$tmp/p" "$tmp/q"
cp -R "$tmp/q" "$tmp/q2"
cp -R "$tmp/q" "$tmp/q3"
rm -rf "$tmp/model"
run "$tmp/q/runs/a" --resume
check "model, data and run moved together: it goes on" same_end "$tmp/q/runs/a"
check "... and says where they are" grep -qF '"op":"moved","old":"'"$tmp/p/model"'","new":"'"$tmp/q/model"'"' \
    "$tmp/q/runs/a/journal.jsonl"
timeout 120 "$VACCINE" replay "$tmp/q/runs/a" </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "... is repeated" [ "$status" -eq 0 ]
timeout 120 "$VACCINE" probe "$tmp/q/runs/a" "hello" </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
check "... and is looked at" [ "$status" -eq 0 ]
mkdir "$tmp/far"
mv "$tmp/q2/model" "$tmp/far/other-model"
run "$tmp/q2/runs/a" --resume
check "a model that lies elsewhere: it says how to name it" refused "with --set model=PATH"
run "$tmp/q2/runs/a" --resume --set model="$lab/base-b"
check "... another one is no answer" sh -c '[ "$1" -eq 2 ] && grep -q "is not what the run began with" "$2"' sh "$status" "$tmp/err"
mv "$tmp/q2/data/align.jsonl" "$tmp/far/elsewhere.jsonl"
run "$tmp/q2/runs/a" --resume --set model="$tmp/far/other-model"
check "... data too" refused "with --set stages[0].train[0].file=PATH"
run "$tmp/q2/runs/a" --resume --set model="$tmp/far/other-model" --set "stages.align.train=[\"$tmp/far/elsewhere.jsonl\"]"
check "... the right ones are" same_end "$tmp/q2/runs/a"
echo '{"prompt": "a", "completion": "b"}' >>"$tmp/q3/data/task.jsonl"
run "$tmp/q3/runs/a" --resume
check "data of another content beside the run is not taken" refused "task.jsonl: is not there any more"

# ---- no locks ----

cat >"$tmp/n.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
static int f(const char *name, int fd, int cmd, void *a)
{
    int (*next)(int, int, ...) = dlsym(RTLD_NEXT, name);

    if (cmd == F_SETLK || cmd == F_GETLK) {
        errno = atoi(getenv("NO_LOCK"));
        return -1;
    }
    return next(fd, cmd, a);
}
int fcntl(int fd, int cmd, ...)
{
    va_list p;
    void *a;

    va_start(p, cmd);
    a = va_arg(p, void *);
    va_end(p);
    return f("fcntl", fd, cmd, a);
}
int fcntl64(int fd, int cmd, ...)
{
    va_list p;
    void *a;

    va_start(p, cmd);
    a = va_arg(p, void *);
    va_end(p);
    return f("fcntl64", fd, cmd, a);
}
C
if ${CC:-cc} -shared -fPIC -o "$tmp/n.so" "$tmp/n.c" -ldl 2>/dev/null &&
    ! nm "$VACCINE" 2>/dev/null | grep -q __asan_init; then
    for e in 37 95 38; do # ENOLCK EOPNOTSUPP ENOSYS
        NO_LOCK=$e LD_PRELOAD=$tmp/n.so run "$tmp/short.json" -o "$tmp/nolock$e"
        check "no locks (errno $e): the run goes on" [ "$status" -eq 0 ]
        check "... says so" grep -q '"op":"lock".*no locks' "$tmp/nolock$e/journal.jsonl"
        check "... and leaves none" [ ! -e "$tmp/nolock$e/lock.pid" ]
    done
    NO_LOCK=5 LD_PRELOAD=$tmp/n.so run "$tmp/short.json" -o "$tmp/nolock"
    check "another error of locking says what it is" refused "Input/output error"
    half "$tmp/h"
    echo "1 $(uname -n)" >"$tmp/h/lock.pid"
    NO_LOCK=37 LD_PRELOAD=$tmp/n.so run "$tmp/h" --resume
    check "a living holder on this host" refused "process 1 on $(uname -n)"
    echo "4194303 $(uname -n)" >"$tmp/h/lock.pid"
    NO_LOCK=37 LD_PRELOAD=$tmp/n.so run "$tmp/h" --resume
    check "a dead holder on this host" same_end "$tmp/h"
    half "$tmp/h"
    echo "4194303 another.host" >"$tmp/h/lock.pid"
    run "$tmp/h" --resume
    check "a holder on another host" refused "process 4194303 on another.host"
else
    skip "a file system without locks" "no preloading here"
fi

echo "1..$count"
