/* SPDX-License-Identifier: MIT
 *
 * Drivers for loops that are not ours: each has all that it needs for itself. */
#include <string.h>
#include <unistd.h>

#include "libpb/base/mem.h"
#include "libpb/net/driver.h"
#include "libpb/net/socket.h"

struct adopted {
    pb_driver driver; /* first, for it is what the program has */
    struct pb__policy policy;
    char ping_method[];
};

pb_tls *pb_tls_new(const pb_net_config *c, bool is_client, pb_error *err)
{
    const struct pb__tls_options o = {.ca = c->tls_ca,
                                      .certificate = c->tls_certificate,
                                      .key = c->tls_key,
                                      .insecure = c->tls_insecure};
    return pb__tls_context_new(&o, is_client, err);
}

void pb_tls_unref(pb_tls *t)
{
    pb__tls_context_unref(t);
}

static struct adopted *make(bool is_client, const pb_net_config *c,
                            const pb_driver_hooks *hooks, void *loop)
{
    size_t len = c->ping_method ? strlen(c->ping_method) + 1 : 0;
    struct pb__shared *shared = pb__driver_share(&c->session);
    struct adopted *a = shared ? pb__malloc(sizeof *a + len) : NULL;
    if (a && pb__driver_init(&a->driver, shared, is_client, &a->policy, hooks, loop)) {
        pb__free(a);
        a = NULL;
    }
    pb__shared_unref(shared);
    if (a) {
        a->policy = pb__policy_of(c);
        if (len) {
            a->policy.ping_method = memcpy(a->ping_method, c->ping_method, len);
        }
    }
    return a;
}

pb_driver *pb_driver_new(int fd, bool is_client, const pb_net_config *c, pb_tls *tls,
                         const char *host, const pb_driver_hooks *hooks, void *loop)
{
    static const pb_net_config plain;
    c = c ? c : &plain;
    struct pb__tls *filter = tls ? pb__tls_new(tls, host) : NULL;
    struct adopted *a = tls && !filter ? NULL : make(is_client, c, hooks, loop);
    if (!a) {
        pb__tls_free(filter);
        close(fd);
        return NULL;
    }
    a->driver.owned = true;
    pb__socket_keep_alive(fd, a->policy.keep_alive);
    pb__driver_up(&a->driver, fd, filter);
    hooks->wake(loop);
    return &a->driver;
}

pb_session *pb_driver_session(const pb_driver *d)
{
    return d->session;
}
