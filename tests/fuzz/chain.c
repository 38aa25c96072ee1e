/* chain.c - the targets that read what proves a run, and what attacks on it are and came to. */
#include <stdlib.h>

#include "attack/battery.h"
#include "base/io.h"
#include "fuzz.h"
#include "proof/chain.h"
#include "proof/check.h"
#include "record/config.h"
#include "record/folder.h"
#include "report/battery_text.h"

static void ignore(void *ctx, bool wrong, const char *text)
{
    (void)ctx;
    (void)wrong;
    (void)text;
}

/* Checked as it is, gone on with, and checked again: what was written behind it is right whatever it was. */
void fuzz_chain(const char *dir)
{
    struct check c = {.told = ignore};
    struct strbuf line = {0};
    struct chain chain;

    fuzz_run_json(dir, "{}");
    check_run(&c, dir, NULL);
    if (chain_open(&chain, dir, line_files, LINES_COUNT, NULL) == 0) {
        chain_rewrite(&chain, "checkpoint-1", 1, NULL);
        chain_link(&chain, "resume", 1, NULL);
        chain_close(&chain);
    }
    sb_puts(&line, "{}\n");
    chain_add(dir, "attacks.jsonl", &line, NULL);
    sb_done(&line);
    check_run(&c, dir, NULL);
}

/* An attack file, and batteries that were begun, as every table shows them. */
void fuzz_battery(const char *dir)
{
    static const char run[] =
        "{\"spec\":{\"stages\":[{\"name\":\"align\",\"train\":[{\"file\":\"/a\"}]},"
        "{\"name\":\"attack\",\"lora\":{\"r\":4,\"alpha\":8},\"train\":[{\"file\":\"/t\"},"
        "{\"file\":\"/h\",\"harmful\":true}]}],"
        "\"evaluate\":[{\"name\":\"HS\",\"judge\":\"refusal\"},"
        "{\"name\":\"FA\",\"metric\":\"label\",\"stages\":[\"attack\"]}]}}";
    char *file = path_join(dir, "attacks.json", NULL), worst[VAC_BATTERY_WORST];
    struct attack_on on = {.stage = "attack", .dir = dir};
    struct battery b = {.v = NULL};
    struct vac_battery *v = NULL;
    struct strbuf s = {0};
    cJSON *config;
    size_t n = 0;

    fuzz_run_json(dir, run);
    config = run_config(dir, NULL);
    on.config = config;
    if (config && file)
        battery_read(&b, file, &on, NULL);
    battery_done(&b);
    if (vac_run_batteries(dir, true, &v, &n, NULL) == 0) {
        for (size_t i = 0; i < n; i++) {
            battery_text(&s, &v[i]);
            vac_battery_worst(&v[i], worst);
        }
        battery_csv(&s, v, n);
        battery_json(&s, v, n);
        vac_batteries_done(v, n);
    }
    sb_done(&s);
    cJSON_Delete(config);
    free(file);
}
