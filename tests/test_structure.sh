#!/bin/sh
# test_structure.sh - what the compiler does not check: who may include whom, that every file is in its
# lists, what the core must never call, and how long things may get.
#
# Each check_X prints one line per violation in the tree (or archive) it is given, and nothing when all is
# well. The second half of the cases runs the same checks on a tree with planted violations.

srcdir=${srcdir:-.}
NM=${NM:-nm}
. "$srcdir/tests/tap.sh"

sources()
{
    (cd "$1" && find src ui include -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
}

# ---- the checks

# Which folders a folder may include besides itself.
layers='
base
kernels base
compute kernels base
jinja base
weights base
token weights base
data token weights jinja base
import data base
model compute data token weights base
arch model compute data token weights base
defense model compute data token weights base
judge model compute data token weights base
eval judge model compute data token weights base vaccine
vaccine base
proof base
spec vaccine defense eval judge model compute data token weights base
record proof spec defense eval judge model compute data token weights base vaccine
fork record proof spec defense eval judge model compute data token weights base vaccine
guard record proof spec defense eval judge model compute data token weights base vaccine
rig record proof spec defense eval judge model compute data token weights base vaccine
run rig guard fork record proof spec defense eval judge model compute data token weights base vaccine
report record eval judge base vaccine
attach run rig guard fork record proof spec defense eval judge model compute data token weights base vaccine
attack run rig guard fork record proof spec defense eval judge model compute data token weights base vaccine
door attack attach report run rig guard fork record proof spec defense eval judge model compute data token weights base vaccine
cli vaccine door attack attach report run rig guard fork record proof spec defense eval judge model compute kernels data import token weights jinja base
term
panels term vaccine
ui panels term vaccine
'
# Single steps out of that order: FILE INCLUDED.
allowed='
src/data/batch.h compute/compute.h
src/cli/* ui/ui.h
src/cli/* term/signals.h
src/cli/* term/files.h
ui/* base/utf8.h
ui/panels/* base/csv_out.h
ui/panels/* base/ticks.h
ui/term/* base/ticks.h
ui/term/* base/err.h
ui/panels/* base/utf8.h
ui/term/* base/utf8.h
'

check_includes()
{
    sources "$1" | while read -r file; do
        awk -v file="$file" '/^[ \t]*#[ \t]*include/ {
            name = $0
            sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
            print file, (name ~ /^</ ? "system" : "own"), substr(name, 2, match(name, /[>"][^>"]*$/) - 2)
        }' "$1/$file"
    done | LAYERS=$layers ALLOWED=$allowed awk '
        BEGIN {
            n = split(ENVIRON["LAYERS"], line, "\n")
            for (i = 1; i <= n; i++) {
                m = split(line[i], word, " ")
                for (j = 1; j <= m; j++)
                    may[word[1], word[j]] = known[word[j]] = 1
            }
            n = split(ENVIRON["ALLOWED"], line, "\n")
            for (i = 1; i <= n; i++)
                if (split(line[i], word, " ") == 2)
                    exception[word[1], word[2]] = 1
        }
        {
            if (twice[$1, $3]++ == 1)
                print $1 " includes " $3 " twice"
            dirs = split($1, dir, "/")
            layer = dir[dirs - 1]
            target = $3
            any = $1
            sub(/[^\/]*$/, "*", any)
            if (($1, target) in exception || (any, target) in exception)
                next
            slash = index(target, "/")
            folder = slash ? substr(target, 1, slash - 1) : ""
            if (target ~ /\.c$/ || target ~ /\.\.\//)
                print $1 " includes " target
            else if ($2 == "own" && (!slash || !(folder in known)))
                print $1 " includes \"" target "\": write FOLDER/" target
            else if (folder in known && !((layer, folder) in may))
                print $1 " (" layer ") includes " target
            else if ($2 == "system" && target ~ /curses|readline|panel\.h/ && layer !~ /^(ui|term)$/)
                print $1 " includes <" target ">, which is for ui and term alone"
        }'
}

# Every source, header and test is a word of Makefile.am (a C test without its ".c").
check_listed()
{
    { sources "$1"; (cd "$1" && ls tests/test_*.c tests/test_*.sh 2>/dev/null) } |
        awk -v makefile="$1/Makefile.am" '
            BEGIN {
                while ((getline line < makefile) > 0) {
                    n = split(line, word, /[ \t\\]+/)
                    for (i = 1; i <= n; i++)
                        listed[word[i]] = 1
                }
            }
            {
                name = $0
                if (name ~ /^tests\/.*\.c$/)
                    sub(/\.c$/, "", name)
                if (!(name in listed))
                    print name " is not in Makefile.am"
            }'
}

# The lists of plug-ins: MACRO HEADER FOLDER PREFIX DESCRIPTOR. With a prefix each PREFIX*.c must be a word
# of the list; without, each file that defines `const struct DESCRIPTOR DESCRIPTOR_<file>`.
plugins='
COMMANDS src/cli/cli.h src/cli cmd_ -
COMPUTE_BACKENDS src/compute/backends.h src/compute backend_ -
PROVIDERS src/compute/provider.h src/compute - provider
FORMATS src/data/format.h src/data format_ -
IMPORTS src/import/import.h src/import import_ -
ARCHS src/model/arch.h src/arch arch_ -
METHODS src/defense/defense.h src/defense - method
JUDGES src/judge/judge.h src/judge judge_ -
METRICS src/eval/metric.h src/eval metric_ -
ATTACK_KINDS src/attack/kind.h src/attack kind_ -
EXPORTS src/report/export.h src/report export_ -
PANELS ui/panels/panel.h ui/panels panel_ -
'

# The words of an X-macro list: list_words HEADER MACRO
list_words()
{
    awk -v macro="$2" '
        $0 ~ "^#define[ \t]+" macro "\\(" { inside = 1; sub(/^#define[ \t]+[A-Z_]+\([^)]*\)/, "") }
        inside {
            line = $0
            while (match(line, /[A-Z]+\([ \t]*[a-z0-9_]+/)) {
                word = substr(line, RSTART, RLENGTH)
                sub(/^[A-Z]+\([ \t]*/, "", word)
                print word
                line = substr(line, RSTART + RLENGTH)
            }
            if ($0 !~ /\\$/)
                exit
        }' "$1"
}

# check_list TREE MACRO HEADER FOLDER PREFIX DESCRIPTOR
check_list()
{
    list_words "$1/$3" "$2" > "$tmp/words"
    [ -s "$tmp/words" ] || echo "$3 has no list $2(X)"
    for path in "$1/$4"/*.c; do
        file=${path##*/}
        name=${file%.c}
        case $5 in
        -)  grep -q "^const struct $6 ${6}_${name}[ =]" "$path" || continue ;;
        *)  case $name in "$5"*) name=${name#"$5"} ;; *) continue ;; esac ;;
        esac
        echo "$name" >> "$tmp/files"
        grep -qx "$name" "$tmp/words" || echo "$4/$file: $name is not in $2 ($3)"
    done
    while read -r name; do
        prefix=$5
        [ "$5" = - ] && prefix=
        [ -e "$1/$4/$prefix$name.c" ] || echo "$3: $2 names $name, but there is no $4/$prefix$name.c"
    done < "$tmp/words"
}

# Symbols the core must not refer to; assert may end the program, nothing else.
forbidden='
exit _exit _Exit quick_exit abort raise signal bsd_signal __sysv_signal sigaction
printf vprintf puts putchar perror __printf_chk __vprintf_chk stdout stderr
initscr newterm endwin stdscr LINES COLS wrefresh refresh wgetch waddch waddnstr wmove
readline add_history rl_callback_read_char
'

check_symbols()
{
    "$NM" -u "$1" 2>&1 | FORBIDDEN=$forbidden awk '
        BEGIN {
            n = split(ENVIRON["FORBIDDEN"], word)
            for (i = 1; i <= n; i++)
                bad[word[i]] = 1
        }
        /:$/ { object = $1 }
        NF == 2 && $1 == "U" {
            sub(/@.*/, "", $2)
            if ($2 in bad)
                print object " refers to " $2
        }
        NF > 2 { print }'
}

check_lengths()
{
    { sources "$1"; (cd "$1" && ls tests/*.[ch] tests/*.sh 2>/dev/null) } | while read -r file; do
        awk -v file="$file" '
            /^\{/ { start = FNR }
            /^\}/ {
                if (start && FNR - start - 1 > 100)
                    print file ":" start ": a function of " FNR - start - 1 " lines (at most 100)"
                start = 0
            }
            END { if (FNR > 800) print file ": " FNR " lines (at most 800)" }' "$1/$file"
    done
}

check_blas()
{
    sources "$1" | while read -r file; do
        for word in cblas:src/compute/openblas.c dnnl_:src/compute/onednn.c; do
            [ "$file" = "${word#*:}" ] || ! grep -q "${word%%:*}" "$1/$file" ||
                echo "$file mentions ${word%%:*}: only ${word#*:} may"
        done
    done
}

# What cJSON does without saying that it could not is done by json_add, json_copy and json_text, which do.
check_json()
{
    sources "$1" | while read -r file; do
        case $file in src/base/json.c | ui/*) continue ;; esac
        awk -v file="$file" '
            /cJSON_(Add|Duplicate|Print|ReplaceItemInObject)/ { print file ":" FNR ": " $0 }' "$1/$file"
    done
}

# A key of JSON stands in a text that is printed only where base/json_out.h puts it there; an error may quote one.
check_keys()
{
    sources "$1" | while read -r file; do
        awk -v file="$file" '
            # A statement at a time, the line of its key.
            {
                if (/[{,]\\"[a-z_]+\\":/ && !at) { at = FNR; what = $0 }
                statement = statement $0
            }
            /[;{}][ \t]*$/ {
                if (at && statement ~ /(sb_puts|sb_printf|fputs|fprintf|snprintf)[ \t]*\(|#[ \t]*define/ &&
                    statement !~ /(fail|err_set|_error|_wrong|ui_warn|ui_say)[ \t]*\(/)
                    print file ":" at ": " what ": json_put_* prints keys"
                statement = ""
                at = 0
            }' "$1/$file"
    done
}

# What a plug-in is called stands in its file: elsewhere no text is compared with a name of these lists, but for
# those that are a word of something else as well.
check_names()
{
    sources "$1" | grep '^src/.*\.c$' | sed "s|^|$1/|" >"$tmp/sources"
    echo "$plugins" | grep -E '^(ARCHS|METHODS|JUDGES|METRICS|FORMATS|IMPORTS) ' | while read -r macro header rest; do
        [ ! -e "$1/$header" ] || list_words "$1/$header" "$macro"
    done | grep -vxE 'loss|model|prompt' | sed 's/.*/cmp\\([^;]*"&"/' >"$tmp/patterns"
    xargs grep -nEf "$tmp/patterns" /dev/null <"$tmp/sources" | sed "s|^$1/||; s|\$|: only its file knows a plug-in by name|"
}

# Only the macro writes the trace, so that it costs nothing where nobody asked for one.
check_trace()
{
    sources "$1" | while read -r file; do
        case $file in src/base/trace.[ch]) continue ;; esac
        awk -v file="$file" '
            /trace_(line|on)[ \t]*\(|VACCINE_LOG/ { print file ":" FNR ": " $0 ": only TRACE writes the trace" }' \
            "$1/$file"
    done
}

check_leftovers()
{
    sources "$1" | while read -r file; do
        awk -v file="$file" '/(^|[^A-Za-z0-9_])(TODO|FIXME|XXX)([^A-Za-z0-9_]|$)/ {
            print file ":" FNR ": " $0 }' "$1/$file"
    done
}

# The tree is as .clang-format makes it (that version's: others disagree with each other).
check_format()
{
    sources "$1" | sed "s|^|$1/|" | xargs clang-format-14 --dry-run 2>&1 | grep -E 'warning|error' | head -20
}

# What the objects below a build folder define and need: "FILE T|U NAME", FILE as in the source tree.
symbols()
{
    (cd "$1" && find src ui -name '*.o' 2>/dev/null | LC_ALL=C sort) | while read -r object; do
        file=$(echo "$object" | sed 's|/lib[a-z0-9_]*_a-|/|; s|/vaccine-|/|; s|o$|c|')
        [ -e "$srcdir/$file" ] || continue # of a source that has moved
        "$NM" -g "$1/$object" | awk -v file="$file" 'NF > 1 && $(NF - 1) ~ /^[TU]$/ { print file, $(NF - 1), $NF }'
    done
}

# Within a folder, calls go one way as well.
check_circles()
{
    awk '
        { folder = $1; sub(/\/[^\/]*$/, "", folder) }
        $2 == "T" { home[$3] = $1; where[$1] = folder }
        $2 == "U" { needs[++n] = $1 " " $3; where[$1] = folder }
        END {
            for (i = 1; i <= n; i++) {
                split(needs[i], need, " ")
                to = home[need[2]]
                if (to && to != need[1] && where[to] == where[need[1]])
                    calls[need[1], to] = need[2]
            }
            # A file that calls none of those that are left, or is called by none, is in no circle.
            do {
                removed = 0
                split("", out)
                split("", in_)
                for (pair in calls) {
                    split(pair, end, SUBSEP)
                    out[end[1]] = in_[end[2]] = 1
                }
                for (pair in calls) {
                    split(pair, end, SUBSEP)
                    if (!(end[1] in in_) || !(end[2] in out)) {
                        delete calls[pair]
                        removed = 1
                    }
                }
            } while (removed)
            for (pair in calls) {
                split(pair, end, SUBSEP)
                print end[1] " calls " calls[pair] "() of " end[2] ", which leads back to it"
            }
        }' "$1" | LC_ALL=C sort
}

# What a file offers stands in the header of its name, and somebody but the tests takes it: check_offers TREE SYMBOLS
check_offers()
{
    (cd "$1" && find src ui include -name '*.[ch]' | LC_ALL=C sort | while read -r file; do
        # Comments, texts and the bodies of functions left out: "FILE NAME" of every name before a "(".
        awk -v file="$file" '
            { gsub(/"([^"\\]|\\.)*"/, ""); gsub(/\/\*[^*]*\*\//, "") }
            /\/\*/ { sub(/\/\*.*/, ""); print_it(); comment = 1; next }
            comment { if (!sub(/^.*\*\//, "")) next; comment = 0 }
            { print_it() }
            function print_it(    line) {
                line = $0
                while (match(line, /[A-Za-z_][A-Za-z_0-9]*/)) {
                    name = substr(line, RSTART, RLENGTH)
                    line = substr(line, RSTART + RLENGTH)
                    print file, (line ~ /^\(/ ? "(" : "-"), name
                }
            }' "$file"
    done) >"$tmp/names"
    awk -v symbols="$2" '
        BEGIN {
            while ((getline line < symbols) > 0) {
                split(line, s, " ")
                if (s[2] == "T" && s[3] != "main")
                    home[s[3]] = s[1]
                else if (s[2] == "U")
                    needed[s[3]] = 1
            }
        }
        !($3 in home) { next }
        $1 ~ /\.h$/ && $2 == "(" { said[$3] = said[$3] " " $1 }
        $1 == home[$3] { times[$3]++ }
        END {
            for (name in home) {
                own = home[name]
                sub(/c$/, "h", own)
                if (said[name] && index(said[name] " ", " " own " ") == 0 && said[name] !~ / include\//)
                    print home[name] ": " name "() is declared in" said[name] ", not in " own
                if (!(name in needed) && times[name] < 2 && said[name])
                    print home[name] ": nobody but a test calls " name "()"
            }
        }' "$tmp/names" | LC_ALL=C sort
}

# A reader can keep the names of this many files of a folder in mind.
check_folders()
{
    sources "$1" | sed 's|/[^/]*$||' | sort | uniq -c | awk '$1 > 40 { print $2 ": " $1 " files (at most 40)" }'
}

# Automake keeps the log of tests/test_x and of tests/test_x.sh in one file, and makes only one of them.
check_logs()
{
    for script in "$1"/tests/test_*.sh; do
        [ ! -e "${script%.sh}.c" ] || echo "${script##*/}: its log is that of $(basename "$script" .sh).c"
    done
}

check_flags()
{
    grep -nE -e '-Ofast|-f(fast-math|finite-math-only|unsafe-math-optimizations|associative-math)' \
        "$1/configure.ac" "$1/Makefile.am"
}

# ---- the cases

# clean NAME CHECK ARGUMENT...: the check finds nothing
clean()
{
    name=$1
    shift
    ("$@") >"$tmp/why" 2>&1
    if [ -s "$tmp/why" ]; then not_ok "$name"; else ok "$name"; fi
}

# finds TEXT CHECK ARGUMENT...: in the planted tree, the check prints a line that contains TEXT
finds()
{
    text=$1
    shift
    ("$@") >"$tmp/why" 2>&1
    if grep -qF -e "$text" "$tmp/why"; then
        ok "$1 finds: $text"
    else
        echo "wanted: $text" >>"$tmp/why"
        not_ok "$1 finds: $text"
    fi
}

clean "includes go one way" check_includes "$srcdir"
clean "every file is in Makefile.am" check_listed "$srcdir"
while read -r macro header rest; do
    [ -n "$macro" ] || continue
    if [ -e "$srcdir/$header" ]; then
        # shellcheck disable=SC2086
        clean "every plug-in is in $macro" check_list "$srcdir" "$macro" "$header" $rest
    else
        ok "every plug-in is in $macro # SKIP $header does not exist"
    fi
done <<END
$plugins
END
if [ -e "${LIBVACCINE:-}" ]; then
    clean "the core neither prints nor exits" check_symbols "$LIBVACCINE"
else
    ok "the core neither prints nor exits # SKIP no libvaccine.a"
fi
if [ -n "${BUILDDIR:-}" ] && symbols "$BUILDDIR" >"$tmp/symbols" && [ -s "$tmp/symbols" ]; then
    clean "no files of a folder call each other in a circle" check_circles "$tmp/symbols"
    clean "what a file offers is declared in its own header and used" check_offers "$srcdir" "$tmp/symbols"
else
    ok "no files of a folder call each other in a circle # SKIP no build folder"
    ok "what a file offers is declared in its own header and used # SKIP no build folder"
fi
clean "nothing is too long" check_lengths "$srcdir"
clean "one file calls each provider of products" check_blas "$srcdir"
clean "one file makes JSON documents" check_json "$srcdir"
clean "only the writer prints keys of JSON" check_keys "$srcdir"
clean "nobody knows a plug-in by its name" check_names "$srcdir"
clean "only TRACE writes the trace" check_trace "$srcdir"
clean "no leftovers" check_leftovers "$srcdir"
clean "no folder is too full" check_folders "$srcdir"
if command -v clang-format-14 >/dev/null; then
    clean "everything is formatted" check_format "$srcdir"
else
    ok "everything is formatted # SKIP no clang-format-14"
fi
clean "no two tests have one log" check_logs "$srcdir"
clean "no flags that break NaN" check_flags "$srcdir"

# A tree in which everything is wrong.
bad=$tmp/bad
while read -r file line; do
    mkdir -p "$bad/$(dirname "$file")"
    printf '%s\n' "$line" >> "$bad/$file"
done <<'END'
src/base/low.c #include "run/session.h"
src/base/low.c #include "low.h"
src/base/low.c # include <ncurses.h>
src/base/twice.c #include <string.h>
src/base/twice.c #include <string.h>
src/data/rows.c #include "compute/compute.h"
src/data/batch.h #include "compute/compute.h"
src/data/rows.c #include <stdio.h>
src/data/format.h #define FORMATS(X) \
src/data/format.h X(text) \
src/data/format.h X(ghost)
src/data/format_text.c int x; /* TODO: think */
src/data/format_lost.c char t[] = "XXXXXX";
src/compute/cpu.c void f(void) { cblas_sgemm(); }
src/compute/cpu.c void f(void) { dnnl_sgemm(); }
src/compute/openblas.c void f(void) { cblas_sgemm(); }
src/run/begin.c x = cJSON_AddStringToObject(o, "k", "v");
src/base/json.c x = cJSON_Duplicate(v, true);
src/run/begin.c trace_line("%d", 1);
src/base/trace.h if (trace_on()) trace_line(__VA_ARGS__);
src/run/commands.c TRACE("%d", 1);
src/run/begin.c sb_printf(out, "{\"step\":%d}", 1);
src/run/middle.c err_set(err, VAC_ERR_FORMAT, "expected {\"step\":1}");
src/run/middle.c if (strcmp(method, "sft")) return;
src/run/middle.c if (strcmp(key, "steps")) return;
src/defense/defense.h #define METHODS(X) X(sft)
src/defense/sft.c const struct method method_sft = {
src/defense/stray.c const struct method method_stray = {
src/defense/helper.c int helper;
src/cli/main.c #include "ui/ui.h"
src/cli/main.c #include "ui/panel.h"
src/cli/main.c #include "../run/session.h"
ui/panel.c #include "base/err.h"
ui/panel.c #include "vaccine/vaccine.h"
ui/panel.c #include "other.c"
ui/term/draw.c #include "panels/state.h"
ui/panels/list.c #include "ui/loop.h"
tests/test_new.c int main(void) { return 0; }
Makefile.am src/base/low.c \
Makefile.am CFLAGS = -Ofast
configure.ac CFLAGS=-ffast-math
src/run/README not a source
END
awk 'BEGIN { print "int f(void)\n{"; for (i = 0; i < 101; i++) print "    g();"; print "}" }' \
    > "$bad/src/run/long.c"
awk 'BEGIN { for (i = 0; i < 801; i++) print "int x" i ";" }' > "$bad/src/run/longer.c"

finds 'src/base/low.c (base) includes run/session.h' check_includes "$bad"
finds 'src/base/low.c includes "low.h": write FOLDER/' check_includes "$bad"
finds 'src/base/low.c includes <ncurses.h>' check_includes "$bad"
finds 'src/base/twice.c includes string.h twice' check_includes "$bad"
finds 'src/data/rows.c (data) includes compute/compute.h' check_includes "$bad"
finds 'src/cli/main.c (cli) includes ui/panel.h' check_includes "$bad"
finds 'src/cli/main.c includes ../run/session.h' check_includes "$bad"
finds 'ui/panel.c (ui) includes base/err.h' check_includes "$bad"
finds 'ui/panel.c includes other.c' check_includes "$bad"
finds 'ui/term/draw.c (term) includes panels/state.h' check_includes "$bad"
finds 'ui/panels/list.c (panels) includes ui/loop.h' check_includes "$bad"
check_includes "$bad" > "$tmp/found"
clean "check_includes lets the exceptions pass" \
    grep -E 'batch\.h|includes (ui/ui\.h|vaccine/|stdio)' "$tmp/found"
finds 'src/data/rows.c is not in Makefile.am' check_listed "$bad"
finds 'tests/test_new is not in Makefile.am' check_listed "$bad"
check_listed "$bad" > "$tmp/found"
clean "check_listed lets a listed file pass" grep 'src/base/low' "$tmp/found"
finds 'lost is not in FORMATS' check_list "$bad" FORMATS src/data/format.h src/data format_ -
finds 'there is no src/data/format_ghost.c' check_list "$bad" FORMATS src/data/format.h src/data format_ -
finds 'stray is not in METHODS' check_list "$bad" METHODS src/defense/defense.h src/defense - method
check_list "$bad" METHODS src/defense/defense.h src/defense - method > "$tmp/found"
clean "check_list lets registered files and helpers pass" grep -E 'sft|helper' "$tmp/found"
finds 'has no list JUDGES' check_list "$bad" JUDGES src/data/format.h src/data judge_ -
finds 'src/run/long.c:2: a function of 101 lines' check_lengths "$bad"
finds 'src/run/longer.c: 801 lines' check_lengths "$bad"
finds 'src/compute/cpu.c mentions cblas' check_blas "$bad"
finds 'src/compute/cpu.c mentions dnnl_' check_blas "$bad"
check_blas "$bad" > "$tmp/found"
clean "check_blas lets openblas.c pass" grep 'openblas.c mentions' "$tmp/found"
finds 'src/run/begin.c:1: x = cJSON_AddString' check_json "$bad"
check_json "$bad" > "$tmp/found"
clean "check_json lets json.c pass" grep 'src/base/json.c' "$tmp/found"
finds 'src/run/begin.c:3: sb_printf' check_keys "$bad"
check_keys "$bad" >"$tmp/found"
clean "check_keys lets an error quote one" grep middle "$tmp/found"
finds 'src/run/middle.c:2:if (strcmp(method' check_names "$bad"
check_names "$bad" >"$tmp/found"
clean "check_names lets other words pass" grep steps "$tmp/found"
finds 'src/run/begin.c:2: trace_line' check_trace "$bad"
check_trace "$bad" > "$tmp/found"
clean "check_trace lets TRACE and its header pass" grep -E 'commands|trace\.h' "$tmp/found"
finds 'src/data/format_text.c:1: int x; /* TODO' check_leftovers "$bad"
check_leftovers "$bad" > "$tmp/found"
clean "check_leftovers lets XXXXXX pass" grep 'lost' "$tmp/found"
cat >"$tmp/bad.symbols" <<'END'
src/run/begin.c T begin
src/run/begin.c U middle
src/run/middle.c T middle
src/run/middle.c U end
src/run/end.c T end
src/run/end.c U begin
src/run/end.c U leaf
src/run/leaf.c T leaf
src/run/top.c T top
src/run/top.c U begin
src/cli/main.c U top
src/data/rows.c T rows_next
src/data/rows.c T rows_lost
src/data/batch.c T batch_next
src/data/batch.c U rows_next
src/cli/main.c U batch_next
END
cat >"$bad/src/data/batch.h" <<'END'
/* of what calls rows_next(x) */
void batch_next(void);
void rows_next(void);
END
cat >"$bad/src/data/rows.h" <<'END'
void rows_lost(void);
END
finds 'src/run/end.c calls begin() of src/run/begin.c' check_circles "$tmp/bad.symbols"
check_circles "$tmp/bad.symbols" >"$tmp/found"
clean "check_circles lets what leads in and out pass" grep -E 'leaf|top|data' "$tmp/found"
finds 'src/data/rows.c: rows_next() is declared in src/data/batch.h' check_offers "$bad" "$tmp/bad.symbols"
finds 'src/data/rows.c: nobody but a test calls rows_lost()' check_offers "$bad" "$tmp/bad.symbols"
check_offers "$bad" "$tmp/bad.symbols" >"$tmp/found"
clean "check_offers lets a function in its own header pass" grep 'batch_next' "$tmp/found"
i=0
while [ $i -le 40 ]; do
    : >"$bad/src/run/many$((i += 1)).h"
done
finds 'src/run: 4' check_folders "$bad"
if command -v clang-format-14 >/dev/null; then
    echo 'int  x ;' >"$bad/src/run/many1.h"
    cp "$srcdir/.clang-format" "$bad"
    finds 'many1.h:1' check_format "$bad"
else
    ok "check_format finds a blank too many # SKIP no clang-format-14"
fi
mkdir -p "$bad/tests" && : >"$bad/tests/test_twin.sh" && : >"$bad/tests/test_twin.c"
finds 'test_twin.sh: its log is that of test_twin.c' check_logs "$bad"
finds 'CFLAGS = -Ofast' check_flags "$bad"
finds 'CFLAGS=-ffast-math' check_flags "$bad"
finds 'nothing.a' check_symbols "$tmp/nothing.a"

cat > "$tmp/core.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
void core_stop(int x);
void core_stop(int x)
{
    fprintf(stderr, "%d\n", x);
    if (x)
        abort();
    exit(1);
}
END
# shellcheck disable=SC2086
if ${CC:-cc} -c -o "$tmp/core.o" "$tmp/core.c" 2>"$tmp/why" && "$NM" "$tmp/core.o" > /dev/null; then
    finds 'refers to exit' check_symbols "$tmp/core.o"
    finds 'refers to abort' check_symbols "$tmp/core.o"
    finds 'refers to stderr' check_symbols "$tmp/core.o"
else
    ok "check_symbols finds exit, abort and stderr # SKIP no compiler or nm"
fi

echo "1..$count"
