/* SPDX-License-Identifier: MIT
 *
 * Parsing Python literals: declarations that its files share. */
#ifndef PB__LITERAL_H
#define PB__LITERAL_H

#include "compat/value.h"
#include "libpb/base/error.h"

struct pb__literal {
    const char *text; /* NUL-terminated UTF-8 */
    const char *at;
    pb_error *err;
};

/* Fills the error with the offset of `place`; returns NULL, so that a function can end
 * with it. */
pb_value *pb__literal_fail(struct pb__literal *l, const char *place, const char *format,
                           ...) PB_PRINTF(3, 4);
pb_value *pb__literal_nomem(struct pb__literal *l);
/* Reads a number without its sign; l->at is at its first character. *new*, or NULL. */
pb_value *pb__literal_number(struct pb__literal *l, bool negative);
/* Returns whether a string begins at l->at, with its prefix. */
bool pb__literal_is_string(const struct pb__literal *l);
/* Reads one or several adjacent strings. *new*, or NULL. */
pb_value *pb__literal_string(struct pb__literal *l);

/* A literal that has the form of a constructor's call: a name, and the names of its
 * arguments in order. */
#define PB__CALL_ARGS 7
struct pb__call {
    const char *name;
    const char *args[PB__CALL_ARGS]; /* names; NULL after the last */
    /* Makes the value. args[i] is NULL if the argument is missing. *new*, or NULL. */
    pb_value *(*make)(struct pb__literal *l, const char *place, pb_value *const *args);
};

/* The call of that name; NULL if there is none. */
const struct pb__call *pb__call_find(const char *name, size_t len);

static inline bool pb__is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns whether c can continue a name; every character beyond ASCII counts as a
 * letter. */
static inline bool pb__is_name(char c)
{
    return pb__is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static inline void pb__literal_skip_space(struct pb__literal *l)
{
    while (*l->at == ' ' || (*l->at >= '\t' && *l->at <= '\r')) {
        l->at++;
    }
}

#endif
