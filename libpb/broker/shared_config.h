/* SPDX-License-Identifier: MIT
 *
 * Shared by the sessions of one configuration: the configuration with its defaults, and
 * one idle read context (read_context.h). All of these sessions belong to one thread. */
#ifndef PB__SHARED_CONFIG_H
#define PB__SHARED_CONFIG_H

#include "libpb/base/export.h"
#include "libpb/base/spares.h"
#include "pb/broker.h"

struct pb__shared {
    size_t owners;
    pb_session_config config; /* no zeros, except in jelly.limits: see limits */
    pb_limits limits;         /* with which a session begins */
    /* 0, or an error, with err filled, if nothing can be sent now. Set by the driver;
     * NULL: something can always be sent. See pb__session_usable. */
    int (*usable)(void *driver, pb_error *err);
    /* A callback of the session has made a call: it may run the driver's loop and wait
     * for the answer. Set by the driver; NULL: such loops end only after the callback. */
    void (*nested)(void *driver);
    struct pb__read_context *idle; /* NULL: in use, or not made yet */
    /* Of the message that was completed last: bytes, and the amount of
     * pb_limits.values. */
    uint64_t length, values;
    struct pb__spares requests, calls; /* of pb_request and pb_call */
    /* An empty tuple for the arguments of the next pb_remote_call; or NULL. */
    pb_value *arguments;
    size_t freed; /* bytes of large messages since memory was returned to the system */
};

/* A copy of c, with defaults in place of zeros. NULL for lack of memory. */
PB__SHARED struct pb__shared *pb__shared_new(const pb_session_config *c);
struct pb__shared *pb__shared_ref(struct pb__shared *sh);
PB__SHARED void pb__shared_unref(struct pb__shared *sh);
/* The values of a message, so many bytes, were freed. After large messages the memory is
 * returned to the system. */
void pb__shared_freed(struct pb__shared *sh, size_t memory);

/* ---- session.c ---- */

/* A session, as from pb_session_client_new or pb_session_server_new, with a shared
 * configuration; its on_wake gets driver. */
PB__SHARED pb_session *pb__session_new(struct pb__shared *sh, void *driver, int64_t now,
                                       bool is_client);

/* The session is not connected yet: stops the negotiation timeout. */
PB__SHARED void pb__session_await(pb_session *s);
/* The session is connected now: starts the negotiation timeout. */
PB__SHARED void pb__session_connected(pb_session *s, int64_t now);

#endif
