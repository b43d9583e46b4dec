/* SPDX-License-Identifier: MIT
 *
 * A certificate for the tests of TLS, made on the spot. */
#ifndef PB__NET_TESTS_CERTIFICATE_H
#define PB__NET_TESTS_CERTIFICATE_H

/* Where it is; the test removes it. */
__attribute__((__unused__)) static char certificate_path[64];

#ifndef PB__WITHOUT_TLS

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The extension of these names, and one more, of any bytes (NULL: none). */
static inline X509_EXTENSION *certificate_names(const char *names, const char *dns,
                                                int len)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    if (dns) {
        GENERAL_NAMES *all = X509V3_EXT_d2i(e);
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, dns, len);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(all, name);
        X509_EXTENSION_free(e);
        e = X509V3_EXT_i2d(NID_subject_alt_name, 0, all);
        GENERAL_NAMES_free(all);
    }
    return e;
}

/* A certificate that signs itself, with its key, in one file. The subject is a list of
 * pairs that ends with NULL; e is taken. */
static inline void make_certificate_of(const char *const *subject, X509_EXTENSION *e)
{
    snprintf(certificate_path, sizeof certificate_path, "/tmp/pb-tls-%d.pem",
             (int)getpid());
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME *name = X509_get_subject_name(x);
    for (; *subject; subject += 2) {
        X509_NAME_add_entry_by_txt(name, subject[0], MBSTRING_UTF8,
                                   (const unsigned char *)subject[1], -1, -1, 0);
    }
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    X509_sign(x, key, EVP_sha256());
    FILE *f = fopen(certificate_path, "w");
    PEM_write_X509(f, x);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* One for localhost. */
static inline void make_certificate(void)
{
    static const char *const subject[] = {"CN", "test", NULL};
    make_certificate_of(subject,
                        certificate_names("DNS:localhost,IP:127.0.0.1", NULL, 0));
}

#endif

#endif
