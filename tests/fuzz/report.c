/* report.c - the target that reads a run's lines and makes a page of them; apart, because a page and a
 * template mean different things by a role. */
#include "fuzz.h"
#include "report/html_curves.h"
#include "report/html_samples.h"
#include "report/html_tables.h"

void fuzz_report(const char *dir)
{
    struct run_data r = {0};
    struct strbuf page = {0};

    if (run_data_read(&r, dir, NULL) == 0) {
        page_curves(&page, &r, NULL);
        page_summary(&page, &r);
        page_samples(&page, &r, NULL);
        page_probes(&page, &r);
        page_journal(&page, &r);
        run_data_done(&r);
    }
    sb_done(&page);
}
