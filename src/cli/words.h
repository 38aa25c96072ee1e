/* words.h - values of options and keys by name, each NULL after the last. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stddef.h>

const char *cli_template_word(size_t i);
const char *cli_judge_word(size_t i);
const char *cli_metric_word(size_t i); /* "loss" is one of them */
const char *cli_method_word(size_t i);
const char *cli_import_word(size_t i); /* formats, and "auto" */
#endif
