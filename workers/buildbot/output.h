/* SPDX-License-Identifier: MIT
 *
 * The output of a program, in the form that a master expects: whole lines of UTF-8 with
 * "\n" at their end. A carriage return, a backspace and the escape sequences that move
 * the cursor end a line too. A line of more than 4095 characters is cut. */
#ifndef BUILDBOT_OUTPUT_H
#define BUILDBOT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OUTPUT_LINE_MAX = 4095,                     /* characters */
    OUTPUT_CHUNK = 32 << 10,                    /* bytes that are converted at once */
    OUTPUT_PENDING_MAX = 32,                    /* bytes of an unfinished sequence */
    OUTPUT_PARTIAL = 4 * (OUTPUT_LINE_MAX + 1), /* bytes of an unfinished line */
    /* the most that one chunk can become: a byte that is no UTF-8 takes three */
    OUTPUT_ROOM = OUTPUT_PARTIAL + 4 * (OUTPUT_CHUNK + OUTPUT_PENDING_MAX),
};

/* The end of the output that is not complete yet. Zero to begin with. */
typedef struct {
    char pending[OUTPUT_PENDING_MAX]; /* of a sequence that may continue */
    size_t pending_len;
    char partial[OUTPUT_PARTIAL]; /* of a line */
    size_t partial_len, partial_chars;
} output_lines;

/* Converts up to OUTPUT_CHUNK bytes. Writes the lines that are complete to out, which has
 * OUTPUT_ROOM bytes, and returns their length. */
size_t output_convert(output_lines *o, const char *data, size_t len, char *out);
/* Ends the output: the rest becomes a line. */
size_t output_finish(output_lines *o, char *out);
/* The length of the UTF-8 sequence at the beginning of text: 0 if there is none, -1 if
 * the text ends within one. *bad is the number of bytes that make one U+FFFD then. */
int utf8_length(const unsigned char *text, size_t len, size_t *bad);

#endif
