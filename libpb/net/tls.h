/* SPDX-License-Identifier: MIT
 *
 * TLS as a filter of bytes, by OpenSSL over memory: what the socket gives goes in, plain
 * text comes out, and the reverse. It touches no socket, so it stands under any loop. */
#ifndef PB__TLS_H
#define PB__TLS_H

#include <stdbool.h>

#include "libpb/base/export.h"
#include "pb/broker.h"

/* Paths of PEM files; NULL is the default of each. */
struct pb__tls_options {
    const char *ca;          /* a file, or a folder whose *.pem are taken; the system's */
    const char *certificate; /* our own, with its chain; none, for a client */
    const char *key;         /* that of the certificate; it is in the same file */
    const char *chain;       /* what stands between the certificate and a root */
    bool insecure;           /* a client takes any certificate */
};

/* What connections of one end share: certificates, and the last session, which the next
 * connection of a client goes on with. Counted. */
struct pb__tls_context;

/* A server with a `ca` takes only clients with a certificate that this one signed.
 * PB_ERR_TLS or PB_ERR_SYSTEM with the file that cannot be used, PB_ERR_NOMEM: NULL. */
struct pb__tls_context *pb__tls_context_new(const struct pb__tls_options *o,
                                            bool is_client, pb_error *err);
struct pb__tls_context *pb__tls_context_ref(struct pb__tls_context *c);
void pb__tls_context_unref(struct pb__tls_context *c);

struct pb__tls;

/* One connection. host is whom a client wants to talk to: a name or an address. NULL for
 * lack of memory. A client has its first bytes to send from the start. */
PB__SHARED struct pb__tls *pb__tls_new(struct pb__tls_context *c, const char *host);
/* Takes bytes of the socket. PB_ERR_TLS with the reason, PB_ERR_NOMEM; then, and before,
 * there may still be something to send (an alert). */
PB__SHARED int pb__tls_recv(struct pb__tls *t, pb_span in, pb_error *err);
/* Plain text of what was taken: how many bytes, 0 for none now, or as pb__tls_recv. */
PB__SHARED int pb__tls_read(struct pb__tls *t, uint8_t *out, size_t size, pb_error *err);
/* Whether the peer has said that it sends no more. */
PB__SHARED bool pb__tls_has_ended(const struct pb__tls *t);
/* Whether plain text can be sent now: the handshake is over. */
PB__SHARED bool pb__tls_is_ready(const struct pb__tls *t);
/* Takes plain text to send, some or all of it: how much, or as pb__tls_recv. */
PB__SHARED int pb__tls_write(struct pb__tls *t, pb_span plain, pb_error *err);
/* Says that there is no more to send. */
PB__SHARED void pb__tls_finish(struct pb__tls *t);
/* What the socket is to get, borrowed until the next call; and how much it took. */
PB__SHARED pb_span pb__tls_send(const struct pb__tls *t);
PB__SHARED void pb__tls_sent(struct pb__tls *t, size_t n);
/* Whether the session of an earlier connection was gone on with. */
bool pb__tls_resumed(const struct pb__tls *t);
/* What is known of the other end, once the handshake is over (else PB_ERR_STATE). Its
 * texts are in *texts, *new*, or NULL where there is no certificate. PB_ERR_NOMEM. */
int pb__tls_describe(const struct pb__tls *t, pb_peer_tls *out, void **texts);
PB__SHARED void pb__tls_free(struct pb__tls *t);

#endif
