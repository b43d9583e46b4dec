/* SPDX-License-Identifier: MIT
 *
 * Endpoint strings, as twisted.internet.endpoints reads them: "type:value:name=value",
 * with "\" before a character that is meant as itself. */
#ifndef PB__ENDPOINT_H
#define PB__ENDPOINT_H

#include <stdbool.h>

#include "pb/error.h"

enum pb__endpoint_role { PB__ENDPOINT_CLIENT, PB__ENDPOINT_SERVER };

/* Zeroed storage is none. */
struct pb__endpoint {
    bool is_unix;
    const char *host; /* TCP: to connect to, or to listen on ("": every address) */
    uint16_t port;
    const char *path;     /* UNIX */
    int backlog;          /* of a server; 0: a client has none */
    int64_t timeout;      /* of a client, in milliseconds; 0: none was given */
    const char *spelling; /* the string itself, for messages */
    char *memory;         /* what these texts lie in */
};

/* PB_ERR_SYNTAX with the offset of the place, PB_ERR_NOMEM. */
int pb__endpoint_parse(const char *text, enum pb__endpoint_role role,
                       struct pb__endpoint *out, pb_error *err);
void pb__endpoint_fini(struct pb__endpoint *e);

#endif
