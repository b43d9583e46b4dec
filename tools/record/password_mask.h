/* SPDX-License-Identifier: MIT
 *
 * Taking passwords' responses out of what one side of a connection says, however it is cut
 * into chunks: in a call of "respond" on an object with a number, the strings in the first
 * argument become asterisks. Lengths stay, so what is left decodes as it did. The decoder
 * cannot do it: it gives out a string when all of it has come. */
#ifndef PB__TOOLS_RECORD_PASSWORD_MASK_H
#define PB__TOOLS_RECORD_PASSWORD_MASK_H

#include <stdbool.h>

#include "libpb/base/buf.h"

/* Zeroed storage is at the beginning of a stream. */
struct mask {
    struct pb__buf open; /* uint64_t: elements that are still to come of each list */
    uint64_t at[2];  /* elements that have begun of the outermost list, and inside it */
    uint64_t number; /* of the prefix that is being read */
    unsigned digits;
    uint64_t rest;    /* bytes of a string or float that are still to come */
    uint64_t matched; /* of these before, those that are the method's name */
    bool numbered;    /* the message is a call on an object with a number */
    bool responds;    /* of "respond" */
    bool masking;     /* the string is to be masked */
    bool lost;        /* this is no banana: from here on all is masked */
};

/* The next bytes of the stream, changed in place. */
void mask_bytes(struct mask *m, uint8_t *data, size_t len);
void mask_fini(struct mask *m);

#endif
