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
    bool is_client;
};

/* The SSL object of a connection, borrowed. */
SSL *pb__tls_ssl(const struct pb__tls *t);

#endif
