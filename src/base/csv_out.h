/* csv_out.h - cells of CSV files (RFC 4180), as they are written. */
#ifndef BASE_CSV_OUT_H
#define BASE_CSV_OUT_H

#include <stdio.h>
#include "base/mem.h"

/* Text, in quotes where it needs them. */
void csv_put(struct strbuf *out, const char *s);
void csv_print(FILE *out, const char *s);
/* Nothing for NaN: an empty cell was not measured. */
void csv_print_number(FILE *out, double x, int digits);
#endif
