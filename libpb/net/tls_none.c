/* SPDX-License-Identifier: MIT
 *
 * TLS when libpb is built without OpenSSL: no context can be made, so there is never a
 * connection. */
#include "libpb/base/error.h"
#include "libpb/net/tls.h"

struct pb__tls_context *pb__tls_context_new(const struct pb__tls_options *o,
                                            bool is_client, pb_error *err)
{
    (void)o, (void)is_client;
    pb__error_set(err, PB_ERR_TLS, 0, "this libpb was built without TLS");
    return NULL;
}

struct pb__tls_context *pb__tls_context_ref(struct pb__tls_context *c)
{
    return c;
}

void pb__tls_context_unref(struct pb__tls_context *c)
{
    (void)c;
}

struct pb__tls *pb__tls_new(struct pb__tls_context *c, const char *host)
{
    (void)c, (void)host;
    return NULL;
}

int pb__tls_recv(struct pb__tls *t, pb_span in, pb_error *err)
{
    (void)t, (void)in, (void)err;
    return PB_ERR_TLS;
}

int pb__tls_read(struct pb__tls *t, uint8_t *out, size_t size, pb_error *err)
{
    (void)t, (void)out, (void)size, (void)err;
    return PB_ERR_TLS;
}

bool pb__tls_has_ended(const struct pb__tls *t)
{
    (void)t;
    return true;
}

bool pb__tls_is_ready(const struct pb__tls *t)
{
    (void)t;
    return false;
}

int pb__tls_write(struct pb__tls *t, pb_span plain, pb_error *err)
{
    (void)t, (void)plain, (void)err;
    return PB_ERR_TLS;
}

void pb__tls_finish(struct pb__tls *t)
{
    (void)t;
}

pb_span pb__tls_send(const struct pb__tls *t)
{
    (void)t;
    return (pb_span){NULL, 0};
}

void pb__tls_sent(struct pb__tls *t, size_t n)
{
    (void)t, (void)n;
}

bool pb__tls_resumed(const struct pb__tls *t)
{
    (void)t;
    return false;
}

void pb__tls_free(struct pb__tls *t)
{
    (void)t;
}

int pb__tls_describe(const struct pb__tls *t, pb_peer_tls *out, void **texts)
{
    (void)t, (void)out, (void)texts;
    return PB_ERR_STATE;
}
