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

/* A certificate that signs itself for localhost, with its key, in one file. */
static inline void make_certificate(void)
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
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test",
                               -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    X509_EXTENSION *hosts = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                                "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(x, hosts, -1);
    X509_EXTENSION_free(hosts);
    X509_sign(x, key, EVP_sha256());
    FILE *f = fopen(certificate_path, "w");
    PEM_write_X509(f, x);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

#endif

#endif
