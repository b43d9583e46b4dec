/* SPDX-License-Identifier: MIT
 *
 * Floats as text and back, exactly and whatever the locale. */
#ifndef PB__FLOATS_H
#define PB__FLOATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB__FLOAT_REPR 32 /* bytes that a float's text needs, with its NUL */

/* d = mantissa * 2 ** exponent; d is finite. */
struct pb__float_parts {
    bool negative;
    uint64_t mantissa;
    int exponent;
};

struct pb__float_parts pb__float_split(double d);
/* Python's repr of d: the shortest digits that read back as d, and of these the nearest.
 * Returns the length. */
size_t pb__float_repr(double d, char out[PB__FLOAT_REPR]);
/* Reads a decimal number, digits with a point or an exponent or both or neither, rounded
 * to the nearest float, as Python does. False if s is no such number; a sign, `inf` and
 * `nan` are the caller's. Underscores are skipped. */
bool pb__float_parse(const char *s, size_t len, double *out);

#endif
