/* SPDX-License-Identifier: MIT
 *
 * A target: the combination of an endpoint and a configuration, shared by all connections
 * to it or from it. A new connection resumes the TLS session of the one before. */
#ifndef PB__TARGET_H
#define PB__TARGET_H

#include "libpb/base/export.h"
#include "libpb/net/conn.h"
#include "libpb/net/endpoint.h"

/* Counted. */
struct pb__target {
    size_t refs;
    struct pb__endpoint at;
    struct pb__tls_context *tls; /* NULL: no TLS */
    char *tls_host;              /* the name that a client expects in the certificate */
    struct pb__shared *shared;
    struct pb__policy policy;
    char *ping_method;                                   /* for policy */
    int64_t connect_timeout;                             /* of a client; negative: none */
    size_t max_connections;                              /* of a server; 0: no limit */
    bool (*allow)(const pb_peer *peer, void *user_data); /* of a server; may be NULL */
    bool reuse_port;
    char *key; /* of TLS: a file that everybody can read, of which nothing was said yet */
};

/* NULL with PB_ERR_SYNTAX, PB_ERR_TLS, PB_ERR_SYSTEM (a file that cannot be used),
 * PB_ERR_NOMEM. */
PB__SHARED struct pb__target *pb__target_new(const char *endpoint,
                                             enum pb__endpoint_role role,
                                             const pb_net_config *c, pb_error *err);
/* The same without an endpoint, for a socket that is connected. PB_ERR_ARG for a TLS
 * client without the name of its server. */
struct pb__target *pb__target_adopted(bool is_client, bool is_tls, const pb_net_config *c,
                                      pb_error *err);
/* Says once, in the log of a session, what is wrong with the target's configuration. */
void pb__target_warn(struct pb__target *t, pb_session *s);
PB__SHARED struct pb__target *pb__target_ref(struct pb__target *t);
PB__SHARED void pb__target_unref(struct pb__target *t);

#endif
