/* SPDX-License-Identifier: MIT
 *
 * TLS as a filter of bytes, by OpenSSL over memory: encrypted input goes in, plain text
 * comes out, and the reverse. It uses no socket, so it works under any loop. */
#ifndef PB__TLS_H
#define PB__TLS_H

#include <stdbool.h>

#include "libpb/base/export.h"
#include "pb/broker.h"

/* Paths of PEM files; NULL is the default of each. */
struct pb__tls_options {
    const char *ca; /* a file, or a folder whose *.pem are used; default: the system's */
    const char *certificate; /* our own, with its chain; default for a client: none */
    const char *key;         /* of the certificate; default: in the same file */
    const char *chain;       /* the certificates between our own and a root */
    bool insecure;           /* a client accepts any certificate */
};

/* Shared by the connections of one end: certificates, and the last session, which the
 * next connection of a client resumes. Counted. */
struct pb__tls_context;

/* A server with a `ca` only accepts clients with a certificate that is signed by it. NULL
 * with PB_ERR_TLS or PB_ERR_SYSTEM and the file that cannot be used, or PB_ERR_NOMEM. */
struct pb__tls_context *pb__tls_context_new(const struct pb__tls_options *o,
                                            bool is_client, pb_error *err);
struct pb__tls_context *pb__tls_context_ref(struct pb__tls_context *c);
void pb__tls_context_unref(struct pb__tls_context *c);

struct pb__tls;

/* One connection. host is the name or address of the server that a client expects. NULL
 * for lack of memory. A client has bytes to send from the start. */
PB__SHARED struct pb__tls *pb__tls_new(struct pb__tls_context *c, const char *host);
/* Takes bytes from the socket. PB_ERR_TLS with the reason, PB_ERR_NOMEM; then, and
 * before, there may still be something to send (an alert). */
PB__SHARED int pb__tls_recv(struct pb__tls *t, pb_span in, pb_error *err);
/* Plain text from the bytes that were taken: the number of bytes, 0 if there is none now,
 * or an error as from pb__tls_recv. */
PB__SHARED int pb__tls_read(struct pb__tls *t, uint8_t *out, size_t size, pb_error *err);
/* Whether the peer has ended TLS (close alert). */
PB__SHARED bool pb__tls_has_ended(const struct pb__tls *t);
/* Whether plain text can be sent now: the handshake is over. */
PB__SHARED bool pb__tls_is_ready(const struct pb__tls *t);
/* Takes plain text to send, some or all of it: the number of bytes, or an error as from
 * pb__tls_recv. */
PB__SHARED int pb__tls_write(struct pb__tls *t, pb_span plain, pb_error *err);
/* Ends TLS on our side (close alert). */
PB__SHARED void pb__tls_finish(struct pb__tls *t);
/* Bytes for the socket, borrowed until the next call; and how many of them it has
 * taken. */
PB__SHARED pb_span pb__tls_send(const struct pb__tls *t);
PB__SHARED void pb__tls_sent(struct pb__tls *t, size_t n);
/* Whether the session of an earlier connection was resumed. */
bool pb__tls_resumed(const struct pb__tls *t);
/* Data about the peer, once the handshake is over (else PB_ERR_STATE). Its texts are in
 * *texts, *new*, or NULL if there is no certificate. PB_ERR_NOMEM. */
int pb__tls_describe(const struct pb__tls *t, pb_peer_tls *out, void **texts);
PB__SHARED void pb__tls_free(struct pb__tls *t);

#endif
