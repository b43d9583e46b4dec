/* SPDX-License-Identifier: MIT
 *
 * Endpoint strings, as twisted.internet.endpoints reads them: "type:value:name=value",
 * with "\" before a character that is meant literally. */
#ifndef PB__ENDPOINT_H
#define PB__ENDPOINT_H

#include <stdbool.h>

#include "libpb/net/tls.h"
#include "pb/error.h"

enum pb__endpoint_role { PB__ENDPOINT_CLIENT, PB__ENDPOINT_SERVER };

/* Zeroed storage is an empty endpoint. */
struct pb__endpoint {
    bool is_unix, is_tls, is_systemd;
    const char *host; /* TCP: to connect to, or to listen on ("": every address) */
    uint16_t port;
    const char *bind_address; /* TCP client: the local address; NULL: any */
    const char *path;         /* UNIX */
    int mode;                 /* of a UNIX server's path; -1: as the umask says */
    bool replace;             /* replace a path that no process listens on */
    int backlog;              /* of a server; 0 for a client */
    int64_t timeout;          /* of a client, in milliseconds; 0: not given */
    struct pb__tls_options tls;
    const char
        *tls_host; /* the name that a client expects in the certificate; NULL: the host */
    int index;     /* of systemd's sockets; -1: the one with that name */
    const char *name;
    const char *spelling; /* the string itself, for messages */
    char *memory;         /* holds these texts */
};

/* PB_ERR_SYNTAX with the offset in the string, PB_ERR_NOMEM. */
int pb__endpoint_parse(const char *text, enum pb__endpoint_role role,
                       struct pb__endpoint *out, pb_error *err);
void pb__endpoint_fini(struct pb__endpoint *e);

#endif
