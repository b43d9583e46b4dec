/* SPDX-License-Identifier: MIT
 *
 * decref, written and received. Decrefs stay due while another message is being written,
 * or while there is no memory; none is ever lost. */
#include <inttypes.h>

#include "libpb/base/mem.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

static int decref_write(pb_session *s, int64_t luid, uint64_t *mark)
{
    *mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 2, PB__WORD_DECREF);
    failed = failed ? failed : pb__encode_int(&s->encoder, luid);
    return pb__write_end(s, *mark, failed, NULL);
}

/* Mirrors Broker.sendDecRef. */
void pb__decref_flush_due(pb_session *s)
{
    while (!s->writing && !pb__list_empty(&s->decrefs_due)) {
        pb_remote *r = PB__LIST_ENTRY(s->decrefs_due.next, pb_remote, link);
        int64_t luid = r->luid;
        uint64_t mark;
        if (decref_write(s, luid, &mark) != 0) {
            return;
        }
        pb__list_remove(&r->link);
        pb__free(r);
        s->held--;
        if (pb__traces(s)) {
            pb__trace_sent_number(s, mark, "decref", luid);
        }
    }
}

/* Mirrors Broker.proto_decref. */
int pb__decref_received(pb_session *s, struct pb__received *m)
{
    int64_t luid;
    if (!pb__member(m, 1) || pb_as_int(pb__member(m, 1), &luid) != 0) {
        return pb__malformed(s, m, 1, "the object of decref is not a number");
    }
    if (!pb__export_drop(s, luid)) {
        return pb__malformed(
            s, m, 1, "decref of %" PRId64 ": the peer holds no reference to it", luid);
    }
    return 0;
}
