/* html_tables.h - the summary of a run, and its journal. */
#ifndef REPORT_HTML_TABLES_H
#define REPORT_HTML_TABLES_H

#include "record/reader.h"

void page_summary(struct strbuf *out, const struct run_data *r);
void page_journal(struct strbuf *out, const struct run_data *r);
#endif
