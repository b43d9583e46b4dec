/* SPDX-License-Identifier: MIT
 *
 * Masks the response of a login in the bytes of one side, however these are cut into
 * chunks: in a call of "respond" on an object with a number, strings in the first
 * argument are replaced by asterisks. Lengths do not change, so the result can be
 * decoded as before. A decoder cannot be used for this, because it delivers a string
 * only when all of it has arrived. */
#ifndef PB__TOOLS_RECORD_PASSWORD_MASK_H
#define PB__TOOLS_RECORD_PASSWORD_MASK_H

#include <stdbool.h>

#include "libpb/base/buf.h"

/* Zeroed storage is at the beginning of a stream. */
struct password_mask {
    struct pb__buf
        open;        /* uint64_t for each open list: its elements that have not begun */
    uint64_t at[2];  /* elements that have begun, of the outermost list and in it */
    uint64_t number; /* the prefix that is being read */
    unsigned digits;
    uint64_t rest;    /* bytes of a string or float that have not been read */
    uint64_t matched; /* bytes before them that match the method's name */
    bool numbered;    /* the message is a call on an object with a number */
    bool responds;    /* its method is "respond" */
    bool masking;     /* the string is to be masked */
    bool lost;        /* this is not banana: everything from here on is masked */
};

/* Masks the next bytes of the stream in place. */
void password_mask_apply(struct password_mask *m, uint8_t *data, size_t len);
void password_mask_fini(struct password_mask *m);

#endif
