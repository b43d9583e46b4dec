/* SPDX-License-Identifier: MIT
 *
 * Targets: an endpoint's own parameters override the configuration. */
#include "libpb/net/target.h"

#include <string.h>
#include <sys/stat.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/log.h"
#include "libpb/broker/session.h"
#include "libpb/net/defaults.h"

/* NULL for NULL, and for lack of memory. */
static char *target_copy_text(const char *text)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *own = size ? pb__malloc(size) : NULL;
    return own ? memcpy(own, text, size) : NULL;
}

/* A copy of the path of a key that everybody can read; else NULL. */
static char *target_open_key(const char *path)
{
    struct stat s;
    bool is_open =
        path && stat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_mode & S_IROTH;
    return is_open ? target_copy_text(path) : NULL;
}

void pb__target_warn(struct pb__target *t, pb_session *s)
{
    char *key = t->key;
    t->key = NULL;
    if (key) {
        pb__session_enter(s);
        pb__log(s, PB_LOG_WARNING, "everybody can read the key in %s: see chmod(1)", key);
        pb__session_leave(s);
    }
    pb__free(key);
}

static int target_set_tls(struct pb__target *t, bool is_client, const pb_net_config *c,
                          pb_error *err)
{
    struct pb__tls_options o = t->at.tls;
    o.insecure = c->tls_insecure;
    o.ca = o.ca ? o.ca : c->tls_ca;
    if (!o.certificate && c->tls_certificate) {
        o.certificate = c->tls_certificate;
        o.key = c->tls_key;
    } else if (!o.certificate && !is_client) {
        o.certificate = o.key = "server.pem"; /* Twisted's default */
    }
    const char *host = t->at.tls_host     ? t->at.tls_host
                       : c->tls_host_name ? c->tls_host_name
                                          : t->at.host;
    if (!host && is_client && !o.insecure) {
        return pb__error_set(err, PB_ERR_ARG, 0,
                             "a TLS client needs the server's name, in tls_host_name");
    }
    t->tls_host = target_copy_text(host);
    if (host && !t->tls_host) {
        return pb__error_nomem(err);
    }
    t->key = target_open_key(o.key ? o.key : o.certificate);
    t->tls = pb__tls_context_new(&o, is_client, err);
    return t->tls ? 0 : PB_ERR_STATE;
}

static int target_configure(struct pb__target *t, bool is_client, const pb_net_config *c,
                            pb_error *err)
{
    t->policy = pb__policy_of(c);
    t->policy.ping_method = t->ping_method = target_copy_text(c->ping_method);
    t->connect_timeout = t->at.timeout        ? t->at.timeout
                         : c->connect_timeout ? c->connect_timeout
                                              : PB__DEFAULT_CONNECT_TIMEOUT;
    t->max_connections = c->max_connections;
    t->reuse_port = c->reuse_port;
    t->allow = c->allow;
    t->shared = pb__conn_share(&c->session);
    if (!t->shared || (c->ping_method && !t->ping_method)) {
        return pb__error_nomem(err);
    }
    return t->at.is_tls ? target_set_tls(t, is_client, c, err) : 0;
}

static const pb_net_config plain;

/* A target without an endpoint. */
static struct pb__target *target_make(pb_error *err)
{
    struct pb__target *t = pb__calloc(1, sizeof *t);
    if (t) {
        t->refs = 1;
    } else {
        pb__error_nomem(err);
    }
    return t;
}

struct pb__target *pb__target_new(const char *endpoint, enum pb__endpoint_role role,
                                  const pb_net_config *c, pb_error *err)
{
    struct pb__target *t = target_make(err);
    if (t &&
        (pb__endpoint_parse(endpoint, role, &t->at, err) != 0 ||
         target_configure(t, role == PB__ENDPOINT_CLIENT, c ? c : &plain, err) != 0)) {
        pb__target_unref(t);
        return NULL;
    }
    return t;
}

struct pb__target *pb__target_adopted(bool is_client, bool is_tls, const pb_net_config *c,
                                      pb_error *err)
{
    struct pb__target *t = target_make(err);
    if (t) {
        t->at.is_tls = is_tls;
    }
    if (t && target_configure(t, is_client, c ? c : &plain, err) != 0) {
        pb__target_unref(t);
        return NULL;
    }
    return t;
}

struct pb__target *pb__target_ref(struct pb__target *t)
{
    t->refs++;
    return t;
}

void pb__target_unref(struct pb__target *t)
{
    if (t && --t->refs == 0) {
        pb__shared_unref(t->shared);
        pb__tls_context_unref(t->tls);
        pb__endpoint_fini(&t->at);
        pb__free(t->key);
        pb__free(t->tls_host);
        pb__free(t->ping_method);
        pb__free(t);
    }
}
