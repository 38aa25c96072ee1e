/* diff.h - what one text has and another has not, word by word, and how that is drawn. */
#ifndef TERM_DIFF_H
#define TERM_DIFF_H

#include "term/draw.h"

/* mark_a has a byte for each byte of a, mark_b for each of b: 1 = in a word that the other text
 * lacks at this place, 0 = common. Texts too long to compare (or no memory) are marked between
 * their common beginning and end. Returns the number of words marked in both. */
size_t diff_words(const char *a, const char *b, unsigned char *mark_a, unsigned char *mark_b);

/* As draw_flow, marked words in the style `changed`; lines that hold one get the glyph `gutter` at
 * x, and the text stands at x + 2: the difference shows without colour too. mark NULL = nothing
 * marked. */
int diff_draw(const struct view *v, int x, int y, int w, unsigned style, unsigned changed,
              char gutter, const char *s, const unsigned char *mark, int skip);
#endif
