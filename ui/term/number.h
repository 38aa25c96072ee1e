/* number.h - numbers as text, into a caller's buffer, which is returned; "-" for NaN. */
#ifndef TERM_NUMBER_H
#define TERM_NUMBER_H

enum { NUMBER_SIZE = 32 };
/* `digits` significant digits, at most as many decimals, never an exponent between 1e-3 and 1e6: "0.412", "2.00", "9.4e-04".
 * What is not 0 is never written so: with two 0.004 is "0.004". */
char *number_text(char out[NUMBER_SIZE], double value, int digits);
char *number_si(char out[NUMBER_SIZE], double value);     /* 2.9k 1.2M */
char *number_bytes(char out[NUMBER_SIZE], double bytes);  /* 3.1 MB */
char *number_time(char out[NUMBER_SIZE], double seconds); /* 0:41, 2h54m, 3d04h */
char *number_age(char out[NUMBER_SIZE], double seconds);  /* the largest unit alone: 12 s, 3 d */
char *number_percent(char out[NUMBER_SIZE], double part); /* 0.032 -> 3.2% */
/* "3 steps", "1 step": `things` in the plural, which ends in "s", or in "ches". */
char *number_of(char out[NUMBER_SIZE], long long n, const char *things);
/* Bytes of the word for so many of them. */
int number_word(long long n, const char *things);
#endif
