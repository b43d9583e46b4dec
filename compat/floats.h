/* SPDX-License-Identifier: MIT
 *
 * Converts floats to text and back, exactly, independent of the locale. */
#ifndef PB__FLOATS_H
#define PB__FLOATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB__FLOAT_REPR 32 /* bytes for the text of a float, with its NUL */

/* d = mantissa * 2 ** exponent; d is finite. */
struct pb__float_parts {
    bool negative;
    uint64_t mantissa;
    int exponent;
};

struct pb__float_parts pb__float_split(double d);
/* Python's repr of d: the shortest digits that are read as d, and of these the nearest.
 * Returns the length. */
size_t pb__float_repr(double d, char out[PB__FLOAT_REPR]);
/* Reads a decimal number (digits, optionally with a point and an exponent), rounded to
 * the nearest float, as Python does. Returns false if s is not such a number. A sign,
 * `inf` and `nan` are left to the caller. Underscores are skipped. */
bool pb__float_parse(const char *s, size_t len, double *out);

#endif
