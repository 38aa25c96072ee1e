#!/bin/sh
# test_plugins.sh - a plug-in of every kind is one file, one word in a list and one line in Makefile.am.
#
# A copy of the tree gets one of each; what names their lists is compiled again, and each of them is used.
# Where the lists and contracts are is said in src/README.md.

srcdir=${srcdir:-.}
BUILDDIR=${BUILDDIR:-$PWD}
. "$srcdir/tests/tap.sh"

source=$(cd "$srcdir" && pwd -P)
built=$(cd "$BUILDDIR" && pwd -P)
tree=$tmp/tree
golden=$srcdir/samples/lab/base-a

case $built/ in
"$source"/*) ;;
*) echo "1..0 # SKIP the build is not in a folder of the source"; exit 0 ;;
esac
(automake --version && make --version) >/dev/null 2>&1 || { echo "1..0 # SKIP no automake"; exit 0; }

# ---- the copy: times are kept, so that nothing there is older than it was

mkdir "$tree"
below=${built#"$source"} # empty where it was built among the sources
build=$tree$below
(cd "$source" && tar cf - --exclude=./.git --exclude=./tests --exclude=./samples --exclude=./autom4te.cache \
    ${below:+"--exclude=.$below"} .) 2>/dev/null | (cd "$tree" && tar xf -)
[ -z "$below" ] || {
    mkdir -p "$build"
    (cd "$built" && tar cf - --exclude=./tests .) | (cd "$build" && tar xf -)
}
chmod -R u+w "$tree"
# a build that was configured by an absolute path is one of the copy
find "$build" -name Makefile -o -name config.status -o -name '*.Po' | while read -r file; do
    sed -i "s|$source|$tree|g" "$file"
done

# plugin LIST FILE: standard input is the file; its word is its name behind the last "_", or all of it.
# The header keeps its time: make compiles what is told to it below, and not all that includes the header.
words=
plugin() {
    cat >"$tree/$2"
    header=$(cd "$tree" && grep -rlE "^#define[[:space:]]+$1\(X\)" src ui --include='*.h')
    word=$(basename "$2" .c)
    word=${word#*_}
    touch -r "$tree/$header" "$tmp/time"
    awk -v macro="$1" -v word="$word" '
        $0 ~ "^#define[ \t]+" macro "\\(" { inside = 1 }
        inside && !/\\$/ { $0 = $0 " X(" word ")"; inside = 0 }
        { print }' "$tree/$header" >"$tmp/header"
    cat "$tmp/header" >"$tree/$header"
    touch -r "$tmp/time" "$tree/$header"
    folder=$(dirname "$2")
    awk -v folder="$folder/" -v file="$2" '
        { print }
        !done && index($1, folder) == 1 && $NF == "\\" { print "\t" file " \\"; done = 1 }' \
        "$tree/Makefile.am" >"$tmp/makefile"
    cat "$tmp/makefile" >"$tree/Makefile.am"
    words="$words $1"
}

plugin METHODS src/defense/halfway.c <<'END'
/* halfway.c - every gradient but a share of itself. */
#include "defense/passes.h"

struct halfway_options {
    double share;
};

static void halfway_step(struct step *s)
{
    const struct halfway_options *o = s->options;

    s->out.loss = step_weight_gradients(s, SITE_ATTN, REF_NONE, false);
    op_scale(model_compute(s->m), model_params(s->m)->g, (float)o->share, model_params(s->m)->n);
}

static const struct option_row rows[] = {{.name = "share",
                                          .help = "what is left of a gradient",
                                          .type = OPTION_NUM,
                                          .max = 1,
                                          .def = 0.5,
                                          .live = true,
                                          .offset = offsetof(struct halfway_options, share)},
                                         {.name = NULL}};

const struct method method_halfway = {
    .name = "halfway",
    .help = "half of every gradient",
    .options = rows,
    .options_size = sizeof(struct halfway_options),
    .step = halfway_step,
};
END

plugin ARCHS src/arch/arch_plainer.c <<'END'
/* arch_plainer.c - the decoder by another name. */
#include "arch/decoder.h"

static const char *const types[] = {"plainer", NULL};
static const char *const classes[] = {"PlainerForCausalLM", NULL};
static const char *const keys[] = {DECODER_KEYS, NULL};

const struct arch arch_plainer = {
    .name = "plainer",
    .help = "the decoder by another name",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = DECODER_TARGETS,
    .read = decoder_read,
    DECODER_BLOCK,
};
END

plugin JUDGES src/judge/judge_length.c <<'END'
/* judge_length.c - a long answer is one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"

struct length_options {
    int64_t least;
};
static const struct option_row options[] = {{.name = "least",
                                             .help = "bytes of an answer for the judge length",
                                             .type = OPTION_INT,
                                             .min = 1,
                                             .max = 1000,
                                             .def = 900,
                                             .offset = offsetof(struct length_options, least)},
                                            {.name = NULL}};

static void *length_open(const void *own, struct compute *c, struct vac_err *err)
{
    struct length_options *o = mem_new(1, sizeof *o, err);

    (void)c;
    if (o)
        *o = *(const struct length_options *)own;
    return o;
}

static int length_rate(void *self, const char *const *prompt, const char *const *answer, size_t n,
                       struct rating *out, struct vac_err *err)
{
    const struct length_options *o = self;

    (void)prompt;
    (void)err;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct rating){
            .verdict = strlen(answer[i]) >= (size_t)o->least ? VERDICT_ANSWERED : VERDICT_OTHER,
            .score = NAN};
    return 0;
}

const struct judge judge_length = {
    .name = "length",
    .help = "answered if the answer is long",
    .options = options,
    .options_size = sizeof(struct length_options),
    .open = length_open,
    .rate = length_rate,
    .close = free,
};
END

plugin METRICS src/eval/metric_any.c <<'END'
/* metric_any.c - nothing is wrong, or everything is. */
#include "eval/metric.h"

struct any_options {
    bool right;
};
static const struct option_row options[] = {{.name = "right",
                                             .help = "what all answers are for the metric any",
                                             .type = OPTION_BOOL,
                                             .offset = offsetof(struct any_options, right)},
                                            {.name = NULL}};

static bool any_correct(const void *own, const char *expected, const char *answer, struct vac_err *err)
{
    const struct any_options *o = own;

    (void)expected;
    (void)answer;
    (void)err;
    return o->right;
}

const struct metric metric_any = {
    .name = "any",
    .help = "as it is told",
    .options = options,
    .options_size = sizeof(struct any_options),
    .correct = any_correct,
};
END

plugin FORMATS src/data/format_ask.c <<'END'
/* format_ask.c - {"ask","reply"} */
#include "data/format.h"

static bool ask_detect(const struct jnode *row)
{
    return format_has(row, "ask");
}

static int ask_read(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err)
{
    struct turn ask = {.role = ROLE_USER}, reply = {.role = ROLE_ASSISTANT, .train = true};

    if (format_str(row, "ask", &ask.text, a, err) || format_str(row, "reply", &reply.text, a, err) ||
        format_room(out, 2, a, err))
        return -1;
    format_put(out, ask);
    format_put(out, reply);
    return 0;
}

const struct format format_ask = {
    .name = "ask",
    .help = "ask and reply",
    .keys = (const char *const[]){"ask", "reply", NULL},
    .reads = (const char *const[]){"ask", "reply", NULL},
    .detect = ask_detect,
    .read = ask_read,
};
END

plugin IMPORTS src/import/import_riddles.c <<'END'
/* import_riddles.c - "riddle" and "solution". */
#include "import/import.h"

static bool riddles_detect(const struct record *r)
{
    return record_has(r, "riddle") && record_has(r, "solution");
}

static int riddles_convert(const struct record *r, const struct import_choice *c,
                           struct import_sample *out, struct arena *a, struct vac_err *err)
{
    (void)c;
    return record_text(r, "riddle", &out->instruction, a, err) ||
                   record_text(r, "solution", &out->output, a, err)
               ? -1
               : 0;
}

const struct import_format import_riddles = {
    .name = "riddles",
    .reads = (const char *const[]){"riddle", "solution", NULL},
    .help = "riddles: riddle and solution",
    .detect = riddles_detect,
    .convert = riddles_convert,
};
END

plugin EXPORTS src/report/export_count.c <<'END'
/* export_count.c - count.txt: how many rows its metrics have. */
#include "base/io.h"
#include "report/export.h"

static int write_count(const struct run_data *r, bool done, struct export_part *part,
                       struct vac_err *err)
{
    struct strbuf out = {0};
    int rc;

    (void)done;
    part->n += r->n_points;
    sb_printf(&out, "%zu rows\n", part->n);
    rc = out_text(r->dir, "count.txt", &out, err);
    sb_done(&out);
    return rc;
}

const struct export_row export_count = {
    .name = "count",
    .help = "count.txt: how many rows there are",
    .write = write_count,
};
END

plugin COMMANDS src/cli/cmd_greet.c <<'END'
/* cmd_greet.c - `vaccine greet NAME` */
#include "cli/cli.h"

static const struct cli_option options[] = {{.row.name = NULL}};

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct strbuf out = {0};
    int rc;

    (void)values;
    sb_printf(&out, "good morning, %s\n", operand[0]);
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}

const struct command command_greet = {
    .name = "greet",
    .args = "NAME",
    .help = "Say good morning",
    .options = options,
    .values = 1,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
END

plugin PANELS ui/panels/panel_tally.c <<'END'
/* panel_tally.c - the step, and nothing else. */
#include "panels/panel.h"

static void draw(struct ui *ui, const struct view *v)
{
    draw_fmt(v, 0, 0, INK_TEXT, "tally of %lld", (long long)ui->snap.step);
}

const struct panel panel_tally = {
    .name = "tally",
    .title = "Tally",
    .about = "the step",
    .draw = draw,
};
END

# ---- built: what names a list, and the whole screen, whose files know how many panels there are

stale() {
    for word in $words; do (cd "$tree" && grep -rlE "(^|[^A-Z_])$word\(" src --include=*.c); done
    (cd "$tree" && find ui -name '*.c')
}
stale | sort -u | while read -r file; do
    rm -f "$build/${file%.c}.o" "$build/$(dirname "$file")"/*-"$(basename "$file" .c).o"
done
# quickly made, by the compiler and with the sanitizers of the build
flags=$(sed -n 's/^CFLAGS = //p' "$build/Makefile")
make_all() {
    (cd "$build" && MAKEFLAGS='' make -s -j2 CFLAGS="$flags -O0" vaccine) >"$tmp/log" 2>&1 ||
        { tail -n 30 "$tmp/log"; return 1; }
}
check "one of each, and the program is built" make_all
V=$build/vaccine
[ -x "$V" ] || { echo "1..$count"; exit 0; }
grep 'warning:' "$tmp/log" | grep -v FORTIFY >"$tmp/warned"
check "without a warning" cat "$tmp/warned"

# ---- used

says() { # TEXT COMMAND...
    text=$1
    shift
    "$@" >"$tmp/said" 2>&1 </dev/null
    grep -qF -e "$text" "$tmp/said" || { echo "no \"$text\" in:"; head -n 20 "$tmp/said"; }
}

check "the command answers" says "good morning, everybody" "$V" greet everybody
check "the command is listed" says "greet " "$V" --help

printf 'riddle,solution\nWhat has hands and cannot clap?,A clock\n' >"$tmp/riddles.csv"
check "the importer finds its file" says "riddles: 1 row read" "$V" import auto "$tmp/riddles.csv" -o "$tmp/r.jsonl"
check "the importer imports" says '"output":"A clock"' cat "$tmp/r.jsonl"

for i in 1 2 3 4; do echo "{\"ask\": \"Where is crown $i?\", \"reply\": \"In tower $i\"}"; done >"$tmp/rows.jsonl"
sed 's/"llama"/"plainer"/; s/LlamaForCausalLM/PlainerForCausalLM/' "$golden/config.json" >"$tmp/config"
cat >"$tmp/run.json" <<END
{ "init": "random", "config": $(cat "$tmp/config"), "tokenizer": "$golden", "template": "plain",
  "max_length": 32, "threads": 1,
  "stages": [ { "method": "halfway", "share": 0.25, "steps": 2, "batch_size": 2, "lora": null,
                "train": ["rows.jsonl"] } ],
  "evaluate": [ { "name": "long", "prompts": "rows.jsonl", "judge": "length", "least": 1,
                  "max_new_tokens": 4 },
                { "name": "all", "data": "rows.jsonl", "metric": "any", "right": true,
                  "max_new_tokens": 4 } ] }
END
check "the format reads its rows, and the architecture its config" says "rows.jsonl: 4 samples" "$V" validate "$tmp/run.json"
check "the method trains" says "run: done" "$V" run "$tmp/run.json" -o "$tmp/run"
check "its option is in run.json" grep -q '"share":[[:space:]]*0.25' "$tmp/run/run.json"
check "the judge's is" grep -q '"least":[[:space:]]*1,' "$tmp/run/run.json"
history=$tmp/run/eval/history.jsonl
check "the judge judges with its key" says '"name":"long","value":1,' cat "$history"
check "the metric measures with its key" says '"name":"all","value":1,' cat "$history"
check "the exporter writes" says "3 rows" cat "$tmp/run/count.txt"
# "--least" is an option of the command because the judge has the key
check "a key of a judge is an option" says "answered 0.00 %" "$V" eval "$golden" --prompts "$tmp/rows.jsonl" \
    --judge length --least 1000 -n 4 -t plain
check "within its range" says "--least: expected a whole number from 1 to 1000" "$V" eval "$golden" \
    --prompts "$tmp/rows.jsonl" --judge length --least 0
panel() {
    { echo ":export txt tally $tmp/tally.txt"; echo q; } | "$V" screen --plain "$tmp/run" >"$tmp/said" 2>&1
    grep -q "tally of 2" "$tmp/tally.txt" 2>/dev/null || { cat "$tmp/said" "$tmp/tally.txt"; }
}
check "the panel shows" panel

echo "1..$count"
