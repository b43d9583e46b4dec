/* SPDX-License-Identifier: MIT
 *
 * Data of a session about the other end: the peer, which the driver describes, and the
 * application's own pointer. */
#include "libpb/base/mem.h"
#include "libpb/broker/attached.h"
#include "libpb/broker/session.h"

const pb_peer *pb_session_peer(pb_session *s)
{
    static const pb_peer unknown;
    const pb_session_config *c = s ? &s->shared->config : NULL;
    const pb_peer *peer = c && c->peer ? c->peer(s, s->driver) : NULL;
    return peer ? peer : &unknown;
}

struct pb__attached *pb__attached(pb_session *s)
{
    if (!s->attached) {
        s->attached = pb__calloc(1, sizeof *s->attached);
    }
    return s->attached;
}

void pb__attached_fini(pb_session *s)
{
    (void)pb_session_set_data(s, NULL, NULL);
    pb__free(s->attached);
}

void *pb_session_data(const pb_session *s)
{
    return s && s->attached ? s->attached->data : NULL;
}

static void data_destroy(void (*destroy)(void *data), void *data)
{
    if (destroy && data) {
        destroy(data);
    }
}

int pb_session_set_data(pb_session *s, void *data, void (*destroy)(void *data))
{
    if (!data && (!s || !s->attached)) {
        return s ? 0 : PB_ERR_ARG;
    }
    struct pb__attached *a = s ? pb__attached(s) : NULL;
    if (!a) {
        data_destroy(destroy, data);
        return s ? PB_ERR_NOMEM : PB_ERR_ARG;
    }
    struct pb__attached before = *a;
    a->data = data;
    a->destroy = destroy;
    if (before.data != data) {
        data_destroy(before.destroy, before.data);
    }
    return 0;
}
