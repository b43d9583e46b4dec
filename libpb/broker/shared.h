/* SPDX-License-Identifier: MIT
 *
 * What sessions of one config share: the config, and the kit that reads their messages.
 * A session has the kit only while a message of its peer's has come in part, so that an
 * idle session keeps no decoder, reader or slab. All of them belong to one thread. */
#ifndef PB__SHARED_H
#define PB__SHARED_H

#include "libpb/banana/decode.h"
#include "libpb/base/export.h"
#include "libpb/base/list.h"
#include "libpb/jelly/jelly.h"
#include "pb/broker.h"

struct pb__kit {
    pb_session *session; /* whose messages it reads, or read last; NULL: nobody's */
    pb_decoder decoder;
    struct pb__reader *reader;
    struct pb__invoker invoker;
    struct pb__list arriving;     /* pb__copy.arriving: those of the message that comes */
    struct pb__received *message; /* where the message goes that comes */
};

struct pb__shared {
    size_t owners;
    pb_session_config config; /* without zeros; of the limits only those of jelly count */
    pb_limits limits;         /* that a session begins with */
    /* 0, or why (err) no call can be made now. The driver's; NULL: one always can. */
    int (*usable)(void *driver, pb_error *err);
    struct pb__kit *idle; /* NULL: in use, or not made yet */
    /* Of the message that was completed last: bytes, and what pb_limits.values counts. */
    uint64_t length, values;
};

/* NULL for lack of memory. */
PB__SHARED struct pb__shared *pb__shared_new(const pb_session_config *c);
struct pb__shared *pb__shared_ref(struct pb__shared *sh);
PB__SHARED void pb__shared_unref(struct pb__shared *sh);

/* A session, as pb_session_client_new and pb_session_server_new, that shares; driver is
 * what its on_wake gets. */
PB__SHARED pb_session *pb__session_new(struct pb__shared *sh, void *driver, int64_t now,
                                       bool is_client);

/* There is no connection yet: no time to negotiate passes; and there is one now. */
PB__SHARED void pb__session_await(pb_session *s);
PB__SHARED void pb__session_connected(pb_session *s, int64_t now);

/* Lets s->kit be one that goes on where s stopped reading. PB_ERR_NOMEM. */
int pb__kit_take(pb_session *s);
/* Gives s->kit back between messages. */
void pb__kit_give(pb_session *s);
/* Frees s->kit, whatever it was reading. */
void pb__kit_drop(pb_session *s);
/* The limits of s have changed, or it goes: no idle kit may go on for it as it is. */
void pb__kit_forget(pb_session *s);

#endif
