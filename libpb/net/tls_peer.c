/* SPDX-License-Identifier: MIT
 *
 * Data about the peer from TLS, as text. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/net/tls_context.h"

/* Texts, each with its NUL, one after the other; names last. */
struct description {
    struct pb__buf text;
    size_t subject; /* where it begins; the certificate is at 0 */
    size_t names;
    size_t count; /* of the names */
};

/* Appends the content of a BIO. */
static int peer_append_bio(struct pb__buf *text, BIO *from)
{
    char *data;
    long len = BIO_get_mem_data(from, &data);
    int e = len > 0 ? pb__buf_append(text, data, (size_t)len) : 0;
    e = e ? e : pb__buf_append(text, "", 1);
    (void)BIO_reset(from);
    return e;
}

/* Appends a name. A name with characters that do not belong in one is left out, as it
 * could be taken for another. */
static int peer_append_name(struct description *d, const char *kind, const char *name,
                            size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] == 0x7f) {
            return 0;
        }
    }
    int e = pb__buf_puts(&d->text, kind);
    e = e ? e : pb__buf_append(&d->text, name, len);
    e = e ? e : pb__buf_append(&d->text, "", 1);
    d->count += !e;
    return e;
}

static int peer_append_string(struct description *d, const char *kind,
                              const ASN1_STRING *s)
{
    return peer_append_name(d, kind, (const char *)ASN1_STRING_get0_data(s),
                            (size_t)ASN1_STRING_length(s));
}

static int peer_append_ip(struct description *d, const ASN1_STRING *s)
{
    char text[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(s);
    if ((len != 4 && len != 16) ||
        !inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), text,
                   sizeof text)) {
        return 0;
    }
    return peer_append_name(d, "IP:", text, strlen(text));
}

static int peer_append_names(struct description *d, const X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int e = 0;
    for (int i = 0; !e && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        switch (name->type) {
        case GEN_DNS:
            e = peer_append_string(d, "DNS:", name->d.dNSName);
            break;
        case GEN_EMAIL:
            e = peer_append_string(d, "email:", name->d.rfc822Name);
            break;
        case GEN_URI:
            e = peer_append_string(d, "URI:", name->d.uniformResourceIdentifier);
            break;
        case GEN_IPADD:
            e = peer_append_ip(d, name->d.iPAddress);
            break;
        default:
            break;
        }
    }
    GENERAL_NAMES_free(names);
    return e;
}

static int peer_describe_certificate(struct description *d, X509 *x)
{
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *bio = BIO_new(BIO_s_mem());
    int e = bio && PEM_write_bio_X509(bio, x) == 1 ? peer_append_bio(&d->text, bio)
                                                   : PB_ERR_NOMEM;
    d->subject = d->text.len;
    if (!e && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, flags) < 0) {
        e = PB_ERR_NOMEM;
    }
    e = e ? e : peer_append_bio(&d->text, bio);
    d->names = d->text.len;
    e = e ? e : peer_append_names(d, x);
    BIO_free(bio);
    return e;
}

/* The texts, in one block that begins with the pointers to the names. */
static void *peer_block(const struct description *d, pb_peer_tls *out)
{
    size_t pointers = (d->count + 1) * sizeof(char *);
    const char **names = pb__malloc(pointers + d->text.len);
    if (!names) {
        return NULL;
    }
    char *text = (char *)names + pointers;
    memcpy(text, d->text.data, d->text.len);
    out->certificate = text;
    out->subject = text + d->subject;
    out->names = names;
    const char *name = text + d->names;
    for (size_t i = 0; i < d->count; i++) {
        names[i] = name;
        name += strlen(name) + 1;
    }
    names[d->count] = NULL;
    return names;
}

int pb__tls_describe(const struct pb__tls *t, pb_peer_tls *out, void **texts)
{
    SSL *ssl = pb__tls_ssl(t);
    if (!SSL_is_init_finished(ssl)) {
        return PB_ERR_STATE;
    }
    struct description d = {0};
    X509 *x = SSL_get_peer_certificate(ssl);
    *out = (pb_peer_tls){.version = SSL_get_version(ssl),
                         .cipher = SSL_get_cipher_name(ssl)};
    int e = x ? peer_describe_certificate(&d, x) : 0;
    if (x && !e) {
        out->verified = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) &&
                        SSL_get_verify_result(ssl) == X509_V_OK;
        *texts = peer_block(&d, out);
        e = *texts ? 0 : PB_ERR_NOMEM;
    }
    X509_free(x);
    pb__buf_fini(&d.text);
    ERR_clear_error();
    return e;
}
