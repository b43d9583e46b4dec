/* SPDX-License-Identifier: MIT
 *
 * answer: the result of a call, written and received. */
#include <inttypes.h>

#include "libpb/broker/calls.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

/* Mirrors Broker._sendAnswer. */
int pb__answer_write(pb_session *s, pb_value *id, pb_value *result,
                     pb_object *perspective, pb_error *err)
{
    uint64_t mark = pb__write_begin(s, perspective);
    int failed = pb__write_head(s, 3, PB__WORD_ANSWER);
    failed = failed ? failed : pb__write_value(s, id, err);
    failed = failed ? failed : pb__write_value(s, result, err);
    failed = pb__write_answer_end(s, mark, failed, err);
    if (!failed && pb__traces(s)) {
        pb__trace_sent(s, mark, "answer", (pb_value *[]){id, result}, 2);
    }
    return failed;
}

pb_call *pb__answered_call(pb_session *s, struct pb__received *m, int *failed)
{
    int64_t n;
    pb_call *c = NULL;
    if (s->calls && pb__member(m, 1) && pb_as_int(pb__member(m, 1), &n) == 0) {
        c = pb__map_take(&s->calls->sent, (uint64_t)n);
    }
    if (!c) {
        *failed = pb__malformed(s, m, 1, "there is no such request");
    }
    pb__remote_arrived(s, NULL);
    return c;
}

/* If the taster refuses the result, only its call fails; in Twisted the session ends.
 * Mirrors Broker.proto_answer. */
int pb__answer_received(pb_session *s, struct pb__received *m)
{
    int failed = 0;
    pb_call *c = pb__answered_call(s, m, &failed);
    if (!c) {
        return failed;
    }
    pb__copies_arrived(s, m->list, m);
    pb_value *result = pb__member(m, 2);
    pb_failure *failure =
        result ? NULL : pb__failure_new(m->refused->code, m->refused->text);
    pb__call_end(c, result, failure);
    pb_failure_unref(failure);
    return 0;
}
