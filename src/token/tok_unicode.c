/* tok_unicode.c - character classes as Rust's char and regex crate have them, from Unicode's
 * categories, and the printable letters that byte-level BPE writes for bytes. */
#include "token/tok_unicode.h"
#include <utf8proc.h>

struct range {
    uint32_t from, to;
};
struct stand_in {
    uint32_t from, to, as;
};
struct lower {
    uint32_t from, to;
    int32_t by;
};
#include "token/tok_unicode_tables.h"

static bool in_ranges(const struct range *r, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++) {
        if (cp >= r[i].from && cp <= r[i].to)
            return true;
    }
    return false;
}

#define IN(ranges, cp) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), cp)

uint32_t tok_stand_in(uint32_t cp)
{
    size_t from = 0, to = sizeof stand_ins / sizeof *stand_ins;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (cp > stand_ins[mid].to)
            from = mid + 1;
        else if (cp < stand_ins[mid].from)
            to = mid;
        else
            return stand_ins[mid].as;
    }
    return cp;
}

/* Unicode 16's, whichever utf8proc knows. */
static utf8proc_category_t category(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)tok_stand_in(cp));
}

uint32_t tok_lower(uint32_t cp)
{
    for (size_t i = 0; i < sizeof lowers / sizeof *lowers; i++)
        if (cp >= lowers[i].from && cp <= lowers[i].to)
            return (uint32_t)((int32_t)cp + lowers[i].by);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

bool tok_is_inert(uint32_t cp)
{
    return cp >= inert[0].from && IN(inert, cp);
}

/* Unicode's White_Space. U+180E and U+200B are not in it, U+0085 is. */
bool tok_is_space(uint32_t cp)
{
    static const struct range space[] = {
        {0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
    };

    return IN(space, cp);
}

bool tok_is_numeric(uint32_t cp)
{
    utf8proc_category_t c = category(cp);

    return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO ||
           IN(digits_17, cp);
}

/* The punctuation categories, and those ASCII symbols that C calls punctuation. */
bool tok_is_punctuation(uint32_t cp)
{
    static const struct range ascii[] = {{0x21, 0x2f}, {0x3a, 0x40}, {0x5b, 0x60}, {0x7b, 0x7e}};
    utf8proc_category_t c = category(cp);

    if (c < UTF8PROC_CATEGORY_PC || c > UTF8PROC_CATEGORY_PO)
        return IN(ascii, cp) || IN(punctuation_8, cp);
    return !IN(no_punctuation, cp);
}

bool tok_is_mark(uint32_t cp)
{
    utf8proc_category_t c = category(cp);

    if (c != UTF8PROC_CATEGORY_MN && c != UTF8PROC_CATEGORY_MC && c != UTF8PROC_CATEGORY_ME)
        return IN(mark_10, cp);
    return !IN(no_mark, cp);
}

/* Alphabetic, marks, decimal digits, connectors and the two joiners: \w of Rust's regex crate.
 * Alphabetic is the letters, the letter numbers, marks, and a few enclosed letters that count as
 * symbols. */
bool tok_is_word(uint32_t cp)
{
    static const struct range enclosed[] = {
        {0x200c, 0x200d},   {0x24b6, 0x24e9},   {0x1f130, 0x1f149},
        {0x1f150, 0x1f169}, {0x1f170, 0x1f189},
    };
    utf8proc_category_t c = category(cp);

    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NL) || c == UTF8PROC_CATEGORY_PC ||
           IN(enclosed, cp);
}

/* Bytes that print as themselves in Latin-1; all others get U+0100 and up, in order. */
static bool prints(unsigned char b)
{
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad);
}

uint32_t tok_byte_to_char(unsigned char b)
{
    if (prints(b))
        return b;
    if (b <= 0x20)
        return 0x100u + b;
    return b == 0xad ? 0x143u : 0x121u + (b - 0x7fu);
}

int tok_char_to_byte(uint32_t cp)
{
    if (cp < 0x100)
        return prints((unsigned char)cp) ? (int)cp : -1;
    if (cp <= 0x120)
        return (int)(cp - 0x100);
    if (cp <= 0x142)
        return (int)(0x7f + (cp - 0x121));
    return cp == 0x143 ? 0xad : -1;
}
