/* SPDX-License-Identifier: MIT
 *
 * TLS over memory BIOs. */
#include "libpb/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/net/tls_context.h"

struct pb__tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct pb__tls_context *context;
    char *host;           /* of a client, or NULL */
    size_t taken;         /* bytes of `out` that the socket has taken */
    bool finished, ended; /* we have ended TLS; the peer has */
};

static int tls_nomem(pb_error *err)
{
    ERR_clear_error();
    return pb__error_nomem(err);
}

/* Sets the name that the certificate must have: among its alternative names, as in
 * Twisted; a wildcard stands for one complete label. */
static bool tls_set_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host)) {
        return true;
    }
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS);
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

const char *pb__tls_host(const SSL *ssl)
{
    const struct pb__tls *t = SSL_get_app_data(ssl);
    return t->host;
}

/* Begins the handshake: with the session of an earlier connection, if that one was for
 * the same host. */
static void tls_connect(struct pb__tls *t)
{
    const struct pb__tls_context *c = t->context;
    SSL_set_connect_state(t->ssl);
    if (c->session && t->host && strcmp(c->session_host, t->host) == 0) {
        SSL_set_session(t->ssl, c->session);
    }
    SSL_do_handshake(t->ssl);
    ERR_clear_error();
}

struct pb__tls *pb__tls_new(struct pb__tls_context *c, const char *host)
{
    host = c->is_client ? host : NULL;
    size_t size = host ? strlen(host) + 1 : 0;
    struct pb__tls *t = pb__calloc(1, sizeof *t + size);
    SSL *ssl = t ? SSL_new(c->ssl) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    bool good = ssl && in && out && (!host || tls_set_host(ssl, host)) &&
                SSL_set_app_data(ssl, t) == 1;
    if (!good) {
        ERR_clear_error();
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        pb__free(t);
        return NULL;
    }
    SSL_set_bio(ssl, in, out);
    *t = (struct pb__tls){
        .ssl = ssl, .in = in, .out = out, .context = pb__tls_context_ref(c)};
    if (host) {
        t->host = memcpy(t + 1, host, size);
    }
    if (c->is_client) {
        tls_connect(t);
    } else {
        SSL_set_accept_state(ssl);
    }
    return t;
}

/* Fills err with the reason why TLS failed. */
static int tls_refuse(struct pb__tls *t, pb_error *err)
{
    unsigned long e = ERR_peek_last_error();
    long verified = SSL_get_verify_result(t->ssl);
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
        return tls_nomem(err);
    }
    if (verified != X509_V_OK && !SSL_is_init_finished(t->ssl)) {
        pb__error_set(err, PB_ERR_TLS, 0, "the certificate is refused: %s",
                      X509_verify_cert_error_string(verified));
    } else {
        pb__error_set(err, PB_ERR_TLS, 0, "TLS: %s", reason ? reason : "interrupted");
    }
    ERR_clear_error();
    return PB_ERR_TLS;
}

/* Returns 0 if the result of SSL only means that more input or output is needed. */
static int tls_judge(struct pb__tls *t, int result, pb_error *err)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        t->ended = true;
        return 0;
    default:
        return tls_refuse(t, err);
    }
}

int pb__tls_recv(struct pb__tls *t, pb_span in, pb_error *err)
{
    int len = (int)in.len;
    ERR_clear_error();
    if (len > 0 && BIO_write(t->in, in.data, len) != len) {
        return tls_nomem(err);
    }
    return SSL_is_init_finished(t->ssl) ? 0 : tls_judge(t, SSL_do_handshake(t->ssl), err);
}

int pb__tls_read(struct pb__tls *t, uint8_t *out, size_t size, pb_error *err)
{
    if (!SSL_is_init_finished(t->ssl)) {
        return 0;
    }
    ERR_clear_error();
    int n = SSL_read(t->ssl, out, (int)size);
    return n > 0 ? n : tls_judge(t, n, err);
}

bool pb__tls_has_ended(const struct pb__tls *t)
{
    return t->ended;
}

bool pb__tls_is_ready(const struct pb__tls *t)
{
    return SSL_is_init_finished(t->ssl) && !t->finished;
}

int pb__tls_write(struct pb__tls *t, pb_span plain, pb_error *err)
{
    int len = plain.len < 1 << 16 ? (int)plain.len : 1 << 16;
    ERR_clear_error();
    int n = SSL_write(t->ssl, plain.data, len);
    return n > 0 ? n : tls_judge(t, n, err);
}

void pb__tls_finish(struct pb__tls *t)
{
    if (!t->finished && SSL_is_init_finished(t->ssl)) {
        SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
    t->finished = true;
}

pb_span pb__tls_send(const struct pb__tls *t)
{
    char *data;
    long len = BIO_get_mem_data(t->out, &data);
    return (pb_span){(const uint8_t *)data + t->taken,
                     len > 0 ? (size_t)len - t->taken : 0};
}

void pb__tls_sent(struct pb__tls *t, size_t n)
{
    t->taken += n;
    if (pb__tls_send(t).len == 0) {
        (void)BIO_reset(t->out);
        t->taken = 0;
    }
}

bool pb__tls_resumed(const struct pb__tls *t)
{
    return SSL_session_reused(t->ssl);
}

SSL *pb__tls_ssl(const struct pb__tls *t)
{
    return t->ssl;
}

void pb__tls_free(struct pb__tls *t)
{
    if (t) {
        /* Otherwise OpenSSL does not allow the session to be resumed. */
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(t->ssl);
        pb__tls_context_unref(t->context);
        pb__free(t);
    }
}
