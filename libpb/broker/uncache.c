/* SPDX-License-Identifier: MIT
 *
 * uncache, written and received: all receipts of a cache have been released, and its
 * number is not used any more. */
#include <inttypes.h>

#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

void pb__uncache_write(pb_session *s, int64_t luid)
{
    pb_error why = {0};
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 2, PB__WORD_UNCACHE);
    failed = failed ? failed : pb__encode_int(&s->encoder, luid);
    if (pb__write_end(s, mark, failed, &why) != 0) {
        pb__session_end(s, &why);
    } else if (pb__traces(s)) {
        pb__trace_sent_number(s, mark, "uncache", luid);
    }
}

/* Mirrors Broker.proto_uncache. */
int pb__uncache_received(pb_session *s, struct pb__received *m)
{
    int64_t luid;
    if (!pb__member(m, 1) || pb_as_int(pb__member(m, 1), &luid) != 0) {
        return pb__malformed(s, m, 1, "the cache of uncache is not a number");
    }
    struct pb__copy *c = pb__remote_cache_any(s, luid);
    if (!c) {
        return pb__malformed(s, m, 1, "uncache of %" PRId64 ": there is no such cache",
                             luid);
    }
    pb__remote_cache_drop(s, c);
    return 0;
}
