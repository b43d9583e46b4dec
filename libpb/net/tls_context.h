/* SPDX-License-Identifier: MIT
 *
 * The inside of a TLS context, for tls.c. */
#ifndef PB__TLS_CONTEXT_H
#define PB__TLS_CONTEXT_H

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "libpb/base/mem.h"
#include "libpb/net/tls.h"

struct pb__tls_context {
    size_t refs;
    SSL_CTX *ssl;
    SSL_SESSION *session; /* of a client, to resume; NULL: none yet */
    char *session_host;   /* for which the certificate of that session was verified */
    bool is_client;
    bool encrypted; /* the key: a passphrase was asked for */
};

/* The SSL object of a connection, borrowed. */
SSL *pb__tls_ssl(const struct pb__tls *t);
/* The host of a client's connection, borrowed; NULL: none. */
const char *pb__tls_host(const SSL *ssl);

#endif
