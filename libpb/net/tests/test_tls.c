/* SPDX-License-Identifier: MIT
 *
 * TLS over memory: two ends talk whole, byte by byte and with large texts; one refuses
 * the other; sessions are gone on with. The certificate is made here. */
#include <limits.h>
#include <openssl/ssl.h>

#include "libpb/net/tests/certificate.h"
#include "libpb/net/tls.h"
#include "tests/support.h"

struct ends {
    struct pb__tls_context *client_context, *server_context;
    struct pb__tls *client, *server;
    size_t step; /* bytes at a time; 0: all that there is */
    pb_error client_error, server_error;
    char *heard; /* by the server */
    size_t heard_len;
};

static void open_ends(struct ends *e, const char *host, bool insecure)
{
    struct pb__tls_options server = {.certificate = certificate_path};
    struct pb__tls_options client = {.ca = certificate_path, .insecure = insecure};
    if (!e->server_context) {
        e->server_context = pb__tls_context_new(&server, false, NULL);
        e->client_context = pb__tls_context_new(&client, true, NULL);
        cr_assert(e->server_context && e->client_context);
    }
    e->client = pb__tls_new(e->client_context, host);
    e->server = pb__tls_new(e->server_context, NULL);
    cr_assert(e->client && e->server);
}

static void close_ends(struct ends *e)
{
    pb__tls_free(e->client);
    pb__tls_free(e->server);
    pb__tls_context_unref(e->client_context);
    pb__tls_context_unref(e->server_context);
    free(e->heard);
}

/* Moves what one end has to say to the other, and reads it there. */
static bool move(struct ends *e, bool from_client)
{
    struct pb__tls *from = from_client ? e->client : e->server;
    struct pb__tls *to = from_client ? e->server : e->client;
    pb_error *err = from_client ? &e->server_error : &e->client_error;
    pb_span out = pb__tls_send(from);
    if (out.len == 0) {
        return false;
    }
    if (e->step && e->step < out.len) {
        out.len = e->step;
    }
    uint8_t plain[1000];
    int n = pb__tls_recv(to, out, err);
    pb__tls_sent(from, out.len);
    while (n == 0 && (n = pb__tls_read(to, plain, sizeof plain, err)) > 0) {
        if (from_client) {
            e->heard = realloc(e->heard, e->heard_len + (size_t)n);
            memcpy(e->heard + e->heard_len, plain, (size_t)n);
            e->heard_len += (size_t)n;
        }
        n = 0;
    }
    return true;
}

static void talk(struct ends *e)
{
    while ((int)move(e, true) | (int)move(e, false)) {
    }
}

static void say(struct ends *e, const char *text, size_t len)
{
    while (len > 0) {
        int n = pb__tls_write(e->client, (pb_span){(const uint8_t *)text, len}, NULL);
        cr_assert_gt(n, 0);
        text += n;
        len -= (size_t)n;
        talk(e);
    }
}

static void converse(size_t step, size_t len)
{
    struct ends e = {.step = step};
    char *text = malloc(len);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + i % 23);
    }
    open_ends(&e, "localhost", false);
    cr_assert_not(pb__tls_is_ready(e.client));
    talk(&e);
    cr_assert(pb__tls_is_ready(e.client) && pb__tls_is_ready(e.server));
    say(&e, text, len);
    cr_assert_eq(e.heard_len, len);
    cr_assert_arr_eq(e.heard, text, len);
    pb__tls_finish(e.client);
    cr_assert_not(pb__tls_is_ready(e.client));
    talk(&e);
    cr_assert(pb__tls_has_ended(e.server) && !pb__tls_has_ended(e.client));
    cr_assert(e.client_error.code == 0 && e.server_error.code == 0);
    free(text);
    close_ends(&e);
}

PB_TEST(tls, talks)
{
    make_certificate();
    converse(0, 10);
    converse(1, 10);
    converse(7, 5000);
    converse(0, 1000000);
    remove(certificate_path);
}

/* The client's error for a server under this name. */
static void refuses(const char *host, bool trusted, const char *says)
{
    struct ends e = {0};
    if (!trusted) {
        struct pb__tls_options none = {0};
        e.client_context = pb__tls_context_new(&none, true, NULL);
        struct pb__tls_options server = {.certificate = certificate_path};
        e.server_context = pb__tls_context_new(&server, false, NULL);
    }
    open_ends(&e, host, false);
    talk(&e);
    cr_assert_eq(e.client_error.code, says ? PB_ERR_TLS : 0, "%s", e.client_error.text);
    cr_assert_eq(e.server_error.code, says ? PB_ERR_TLS : 0, "%s", e.server_error.text);
    cr_assert_str_eq(e.client_error.text, says ? says : "");
    close_ends(&e);
}

PB_TEST(tls, knows_whom_it_talks_to)
{
    make_certificate();
    refuses("localhost", true, NULL);
    refuses("127.0.0.1", true, NULL);
    refuses("example.org", true, "the certificate is refused: hostname mismatch");
    refuses("127.0.0.2", true, "the certificate is refused: IP address mismatch");
    refuses("localhost", false, "the certificate is refused: self-signed certificate");
    struct ends e = {0};
    open_ends(&e, "example.org", true);
    talk(&e);
    cr_assert(pb__tls_is_ready(e.client));
    close_ends(&e);
    remove(certificate_path);
}

PB_TEST(tls, goes_on_with_a_session)
{
    make_certificate();
    struct ends e = {0};
    for (int i = 0; i < 3; i++) {
        open_ends(&e, "localhost", false);
        talk(&e);
        say(&e, "x", 1);
        cr_assert_eq(pb__tls_resumed(e.client), i > 0);
        pb__tls_free(e.client);
        pb__tls_free(e.server);
    }
    e.client = e.server = NULL;
    close_ends(&e);
    remove(certificate_path);
}

/* A session is resumed for the host that it was verified for only: one more name of the
 * same server is verified anew. */
PB_TEST(tls, resumes_for_the_same_host_only)
{
    static const char *const hosts[] = {"localhost", "evil.example", "127.0.0.1",
                                        "localhost", "localhost"};
    make_certificate();
    struct ends e = {0};
    const char *last = NULL;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        bool good = strcmp(hosts[i], "evil.example") != 0;
        e.client_error = e.server_error = (pb_error){0};
        open_ends(&e, hosts[i], false);
        talk(&e);
        cr_expect_eq(e.client_error.code, good ? 0 : PB_ERR_TLS, "%s", hosts[i]);
        if (good) {
            say(&e, "x", 1);
            cr_expect_eq(pb__tls_resumed(e.client), last && strcmp(last, hosts[i]) == 0,
                         "%zu: %s", i, hosts[i]);
            last = hosts[i];
        }
        pb__tls_free(e.client);
        pb__tls_free(e.server);
    }
    e.client = e.server = NULL;
    close_ends(&e);
    remove(certificate_path);
}

/* Whether a certificate with this common name and these names is taken for a host. */
static void is_taken(const char *common, const char *names, const char *host, bool taken)
{
    const char *const subject[] = {"CN", common, NULL};
    make_certificate_of(subject, certificate_names(names, NULL, 0));
    refuses(host, true, taken ? NULL : "the certificate is refused: hostname mismatch");
    remove(certificate_path);
}

/* Names count where they belong, and wildcards for one label of three. */
PB_TEST(tls, takes_names_narrowly)
{
    is_taken("www.host.test", "IP:127.0.0.1", "www.host.test", false);
    is_taken("x", "DNS:www.host.test", "www.host.test", true);
    is_taken("x", "DNS:*.host.test", "www.host.test", true);
    is_taken("x", "DNS:*.host.test", "a.www.host.test", false);
    is_taken("x", "DNS:*.host.test", "host.test", false);
    is_taken("x", "DNS:*.test", "host.test", false);
    is_taken("x", "DNS:*", "host", false);
    is_taken("x", "DNS:w*.host.test", "www.host.test", false);
}

/* An encrypted key is an error, where a terminal might be asked otherwise. */
PB_TEST(tls, asks_nobody_for_a_passphrase)
{
    make_certificate();
    char path[80];
    snprintf(path, sizeof path, "%s.key", certificate_path);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    FILE *f = fopen(path, "w");
    PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6,
                         NULL, NULL);
    fclose(f);
    EVP_PKEY_free(key);
    pb_error err = {0};
    struct pb__tls_options o = {.certificate = certificate_path, .key = path};
    cr_assert_null(pb__tls_context_new(&o, false, &err));
    cr_assert_eq(err.code, PB_ERR_TLS);
    cr_assert(strstr(err.text, "the key is encrypted"), "%s", err.text);
    remove(path);
    remove(certificate_path);
}

/* What a client has offered: whether there was ALPN, and its oldest version. */
struct offer {
    bool heard, alpn;
    unsigned oldest;
};

static int look(SSL *ssl, int *alert, void *arg)
{
    struct offer *o = arg;
    const unsigned char *data;
    size_t len;
    (void)alert;
    o->heard = true;
    o->alpn = SSL_client_hello_get0_ext(
        ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &len);
    cr_assert(
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &data, &len));
    o->oldest = UINT_MAX;
    for (size_t i = 1; i + 1 < len; i += 2) {
        unsigned version = (unsigned)data[i] << 8 | data[i + 1];
        o->oldest = version < o->oldest ? version : o->oldest;
    }
    return SSL_CLIENT_HELLO_ERROR;
}

/* The system's own configuration does not matter. */
PB_TEST(tls, is_new_enough_and_plain)
{
    setenv("OPENSSL_CONF", "/dev/null", 1);
    struct offer offer = {0};
    struct pb__tls_options none = {0};
    struct pb__tls_context *context = pb__tls_context_new(&none, true, NULL);
    struct pb__tls *client = pb__tls_new(context, "localhost");
    SSL_CTX *other = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_client_hello_cb(other, look, &offer);
    SSL *server = SSL_new(other);
    BIO *in = BIO_new(BIO_s_mem());
    pb_span hello = pb__tls_send(client);
    cr_assert_eq(BIO_write(in, hello.data, (int)hello.len), (int)hello.len);
    SSL_set_bio(server, in, BIO_new(BIO_s_mem()));
    cr_assert_leq(SSL_accept(server), 0);
    cr_assert(offer.heard && !offer.alpn);
    cr_assert_eq(offer.oldest, TLS1_2_VERSION, "%x", offer.oldest);
    SSL_free(server);
    SSL_CTX_free(other);
    pb__tls_free(client);
    pb__tls_context_unref(context);
}

PB_TEST(tls, is_told_from_other_talk)
{
    make_certificate();
    struct ends e = {0};
    open_ends(&e, "localhost", false);
    const char *text = "\x02\x80\x02\x82pb\x04\x82none";
    pb_error err = {0};
    cr_assert_eq(pb__tls_recv(e.client, (pb_span){(const uint8_t *)text, 12}, &err),
                 PB_ERR_TLS);
    cr_assert_str_eq(err.text, "TLS: wrong version number");
    err = (pb_error){0};
    text = "GET / HTTP/1.0\r\n\r\n";
    cr_assert_eq(
        pb__tls_recv(e.server, (pb_span){(const uint8_t *)text, strlen(text)}, &err),
        PB_ERR_TLS);
    cr_assert_str_eq(err.text, "TLS: http request");
    close_ends(&e);
    remove(certificate_path);
}

static void context_refuses(struct pb__tls_options o, bool is_client, int code,
                            const char *says)
{
    pb_error err = {0};
    cr_assert_null(pb__tls_context_new(&o, is_client, &err));
    cr_assert_eq(err.code, code, "%s", err.text);
    cr_assert_str_eq(err.text, says);
}

PB_TEST(tls, names_the_file_of_no_use)
{
    context_refuses((struct pb__tls_options){0}, false, PB_ERR_TLS,
                    "a TLS server needs a certificate");
    context_refuses((struct pb__tls_options){.ca = "/nowhere"}, true, PB_ERR_SYSTEM,
                    "/nowhere: No such file or directory");
    context_refuses((struct pb__tls_options){.certificate = "/nowhere"}, false,
                    PB_ERR_SYSTEM, "/nowhere: No such file or directory");
    context_refuses((struct pb__tls_options){.ca = "/dev/null"}, true, PB_ERR_TLS,
                    "/dev/null: no certificate or crl found");
    context_refuses((struct pb__tls_options){.ca = "/proc/self/fd"}, true, PB_ERR_TLS,
                    "/proc/self/fd: contains no *.pem file");
}
