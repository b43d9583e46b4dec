/* SPDX-License-Identifier: MIT
 *
 * Certificates and keys, and the requirements for every connection: TLS 1.2 at least, no
 * renegotiation, and a client that checks the name of its server. */
#include "libpb/net/tls_context.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libpb/base/error.h"

/* Fills err with the file that cannot be used, and the reason. */
static int tls_file_refuse(const char *path, pb_error *err)
{
    unsigned long e = ERR_peek_error();
    const char *reason = ERR_reason_error_string(e);
    int code = ERR_SYSTEM_ERROR(e) ? PB_ERR_SYSTEM : PB_ERR_TLS;
    if (ERR_SYSTEM_ERROR(e)) {
        reason = strerror(ERR_GET_REASON(e));
    }
    pb__error_set(err, code, 0, "%s: %s", path, reason ? reason : "unusable");
    ERR_clear_error();
    return code;
}

static bool path_ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    return len >= n && strcmp(name + len - n, end) == 0;
}

/* Trusts every *.pem of a folder, as Twisted does. */
static int tls_trust_folder(SSL_CTX *ssl, const char *path, pb_error *err)
{
    DIR *folder = opendir(path);
    if (!folder) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", path, strerror(errno));
    }
    struct dirent *entry;
    size_t found = 0;
    int failed = 0;
    while (!failed && (entry = readdir(folder))) {
        char file[4096];
        if (!path_ends_with(entry->d_name, ".pem")) {
            continue;
        }
        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, entry->d_name) >=
            sizeof file) {
            failed =
                pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: the path is too long", path);
        } else if (SSL_CTX_load_verify_locations(ssl, file, NULL) != 1) {
            failed = tls_file_refuse(file, err);
        }
        found++;
    }
    closedir(folder);
    return failed || found
               ? failed
               : pb__error_set(err, PB_ERR_TLS, 0, "%s: contains no *.pem file", path);
}

static int tls_trust(SSL_CTX *ssl, const char *path, pb_error *err)
{
    struct stat s;
    if (!path) {
        return SSL_CTX_set_default_verify_paths(ssl) == 1
                   ? 0
                   : tls_file_refuse("the system's certificates", err);
    }
    if (stat(path, &s) != 0) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(s.st_mode)) {
        return tls_trust_folder(ssl, path, err);
    }
    return SSL_CTX_load_verify_locations(ssl, path, NULL) == 1
               ? 0
               : tls_file_refuse(path, err);
}

/* Adds the certificates of a file after our own. */
static int tls_add_chain(SSL_CTX *ssl, const char *path, pb_error *err)
{
    BIO *file = BIO_new_file(path, "r");
    int added = 0;
    X509 *x;
    while (file && (x = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
        if (SSL_CTX_add_extra_chain_cert(ssl, x) != 1) {
            X509_free(x);
            break;
        }
        added++;
    }
    BIO_free(file);
    int failed = added ? 0 : tls_file_refuse(path, err);
    ERR_clear_error();
    return failed;
}

static int tls_identify(struct pb__tls_context *c, const struct pb__tls_options *o,
                        pb_error *err)
{
    SSL_CTX *ssl = c->ssl;
    const char *key = o->key ? o->key : o->certificate;
    if (SSL_CTX_use_certificate_chain_file(ssl, o->certificate) != 1) {
        return tls_file_refuse(o->certificate, err);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
        if (!c->encrypted) {
            return tls_file_refuse(key, err);
        }
        ERR_clear_error();
        return pb__error_set(
            err, PB_ERR_TLS, 0,
            "%s: the key is encrypted, and libpb cannot ask for a passphrase", key);
    }
    return o->chain ? tls_add_chain(ssl, o->chain, err) : 0;
}

/* A server has sent a ticket with which its session can be resumed. OpenSSL does not
 * verify the certificate of a resumed session again, so the host is stored with it. */
static int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    struct pb__tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *host = pb__tls_host(ssl);
    size_t size = host ? strlen(host) + 1 : 0;
    char *own = size ? pb__malloc(size) : NULL;
    if (!own) {
        return 0;
    }
    SSL_SESSION_free(c->session);
    pb__free(c->session_host);
    c->session = session;
    c->session_host = memcpy(own, host, size);
    return 1;
}

/* An encrypted key is an error, not a question on the terminal. */
static int tls_on_password(char *out, int size, int rwflag, void *user_data)
{
    struct pb__tls_context *c = user_data;
    (void)out, (void)size, (void)rwflag;
    c->encrypted = true;
    return -1;
}

static int tls_configure(struct pb__tls_context *c, const struct pb__tls_options *o,
                         pb_error *err)
{
    static const unsigned char id[] = "libpb";
    SSL_CTX *ssl = c->ssl;
    int failed = 0;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_app_data(ssl, c);
    SSL_CTX_set_default_passwd_cb(ssl, tls_on_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, c);
    if (c->is_client) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ssl, tls_on_session);
    } else {
        SSL_CTX_set_session_id_context(ssl, id, sizeof id - 1);
    }
    bool verify = c->is_client ? !o->insecure : o->ca != NULL;
    if (verify) {
        failed = tls_trust(ssl, o->ca, err);
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (!failed && o->certificate) {
        failed = tls_identify(c, o, err);
    } else if (!failed && !c->is_client) {
        failed = pb__error_set(err, PB_ERR_TLS, 0, "a TLS server needs a certificate");
    }
    return failed;
}

struct pb__tls_context *pb__tls_context_new(const struct pb__tls_options *o,
                                            bool is_client, pb_error *err)
{
    struct pb__tls_context *c = pb__calloc(1, sizeof *c);
    if (!c) {
        pb__error_nomem(err);
        return NULL;
    }
    ERR_clear_error();
    c->refs = 1;
    c->is_client = is_client;
    c->ssl = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    int failed = c->ssl ? tls_configure(c, o, err) : pb__error_nomem(err);
    if (failed) {
        pb__tls_context_unref(c);
        return NULL;
    }
    return c;
}

struct pb__tls_context *pb__tls_context_ref(struct pb__tls_context *c)
{
    c->refs++;
    return c;
}

void pb__tls_context_unref(struct pb__tls_context *c)
{
    if (c && --c->refs == 0) {
        SSL_SESSION_free(c->session);
        pb__free(c->session_host);
        SSL_CTX_free(c->ssl);
        pb__free(c);
    }
}
