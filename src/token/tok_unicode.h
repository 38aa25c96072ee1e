/* tok_unicode.h - characters as the parts of a tokenizer see them. */
#ifndef TOKEN_TOK_UNICODE_H
#define TOKEN_TOK_UNICODE_H

#include "base/mem.h"

/* The character classes of Rust's char, and GPT-2's letters for bytes. They and the
 * small forms are those of the versions of Unicode that Hugging Face's tokenizers has. */
bool tok_is_space(uint32_t cp);
bool tok_is_numeric(uint32_t cp);
bool tok_is_punctuation(uint32_t cp);
bool tok_is_mark(uint32_t cp);
bool tok_is_word(uint32_t cp);
uint32_t tok_lower(uint32_t cp); /* one capital has a small form of two characters: 0130 */
/* Normal forms leave it alone, and so it parts what stands before from what stands behind it. */
bool tok_is_inert(uint32_t cp);
uint32_t tok_byte_to_char(unsigned char b);
int tok_char_to_byte(uint32_t cp); /* -1 = stands for no byte */
/* The character, of as many bytes, that a regular expression is to see in place of
 * cp, so that PCRE2 takes it for what the reference takes cp for; most are themselves. */
uint32_t tok_stand_in(uint32_t cp);
#endif
