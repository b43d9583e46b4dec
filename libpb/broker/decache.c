/* SPDX-License-Identifier: MIT
 *
 * decache, written and received: the owner has released one receipt of a cache. Like
 * decrefs, decaches stay due while another message is being written, or while there is no
 * memory. */
#include <inttypes.h>

#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/caches.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

static int decache_write(pb_session *s, int64_t luid, uint64_t *mark)
{
    *mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 2, PB__WORD_DECACHE);
    failed = failed ? failed : pb__encode_int(&s->encoder, luid);
    return pb__write_end(s, *mark, failed, NULL);
}

/* Mirrors Broker.decCacheRef. */
void pb__decache_flush_due(pb_session *s)
{
    struct pb__list *owed = &s->caches->decaches_due;
    while (!s->writing && !pb__list_empty(owed)) {
        struct pb__receipt *v = PB__LIST_ENTRY(owed->next, struct pb__receipt, link);
        int64_t luid = v->luid;
        uint64_t mark;
        if (decache_write(s, luid, &mark) != 0) {
            return;
        }
        pb__list_remove(&v->link);
        pb__free(v);
        if (pb__traces(s)) {
            pb__trace_sent_number(s, mark, "decache", luid);
        }
    }
}

/* Mirrors Broker.proto_decache. */
int pb__decache_received(pb_session *s, struct pb__received *m)
{
    int64_t luid;
    if (!pb__member(m, 1) || pb_as_int(pb__member(m, 1), &luid) != 0) {
        return pb__malformed(s, m, 1, "the object of decache is not a number");
    }
    struct pb__cacheable *x = pb__cacheable_find(s, luid);
    if (!x || x->count == 0) {
        return pb__malformed(s, m, 1,
                             "decache of %" PRId64 ": the peer has no cache of it", luid);
    }
    if (--x->count == 0) {
        pb__cacheable_drop(s, x);
        if (pb__session_open(s)) {
            pb__uncache_write(s, luid);
        }
    }
    return 0;
}
