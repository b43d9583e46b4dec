/* SPDX-License-Identifier: MIT
 *
 * A client that reconnects. If the connection cannot be made or is lost, the service
 * connects again with exponential back-off, and logs in each time. Calls may be made at
 * any time; while there is no connection they are queued or fail at once, as configured.
 * Mirrors twisted.application.internet.ClientService with a PBClientFactory. */
#ifndef PB_SERVICE_H
#define PB_SERVICE_H

#include "pb/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A client that reconnects. */
typedef struct pb_service pb_service;

/* The configuration of a service. Zero is the default of every field. Times are in
 * milliseconds. */
typedef struct {
    pb_net_config net; /* the configuration of each connection */
    /* After n failed attempts in sequence, the delay before the next one is first_delay *
     * factor ^ n, at most max_delay, plus a random time of up to jitter. Mirrors
     * backoffPolicy. */
    int64_t first_delay; /* 1000 */
    double factor;       /* 1.5 */
    int64_t max_delay;   /* 60000 */
    int64_t jitter;      /* 1000; negative: none */
    /* failed attempts in sequence after which it gives up; 0: never */
    size_t max_failures;
    size_t max_waiting;   /* queued calls: 65536 */
    bool fail_while_away; /* without a connection, a call fails with PB_ERR_LOST */
    /* copied; NULL: no login; calls go to the root, not to an avatar */
    const pb_credentials *login;
    pb_value *mind;        /* mind of each login; may be NULL */
    int64_t login_timeout; /* 30000 */
    /* There is a connection. root is the object that calls go to: the root or the avatar.
     * Queued calls are sent when this returns. */
    void (*on_up)(pb_service *s, pb_remote *root, void *user_data);
    /* The connection was lost, or an attempt has failed (with PB_ERR_AUTH if a login was
     * refused). The next attempt is made in retry_in milliseconds; if that is negative
     * there is none, and queued calls fail. */
    void (*on_down)(pb_service *s, const pb_error *why, int64_t retry_in,
                    void *user_data);
    /* of on_up and on_down; the callbacks of the session get net.session.user_data */
    void *user_data;
    void *reserved[8];
} pb_service_config;

/* Starts a service, *new* (pb_service_stop). No callback runs before this returns. c may
 * be NULL. NULL with an error as from pb_connect. Mirrors ClientService.startService. */
PB_API pb_service *pb_service_new(pb_loop *loop, const char *endpoint,
                                  const pb_service_config *c, pb_error *err) PB_MUST_USE;
/* The object that calls go to, borrowed until the connection is lost; NULL without a
 * connection. Mirrors ClientService.whenConnected. */
PB_API pb_remote *pb_service_root(const pb_service *s);
/* The number of queued calls. */
PB_API size_t pb_service_waiting(const pb_service *s);
/* As pb_remote_call_values; also PB_ERR_LIMIT if too many calls are queued, and
 * PB_ERR_LOST if calls are not queued. The time-out starts now. A call that has been sent
 * is never sent again: if the connection is lost before its answer, it fails with
 * PB_ERR_LOST, whether or not the peer has executed it. */
PB_API int pb_service_call_values(pb_service *s, const char *method, pb_value *args,
                                  pb_value *kwargs, const pb_call_options *options,
                                  pb_answer_cb cb, void *user_data, pb_error *err);
/* The same with arguments built as by pb_remote_call. */
PB_API int pb_service_call(pb_service *s, const char *method, pb_answer_cb cb,
                           void *user_data, pb_error *err, const char *format, ...);
/* Connects at once if the service waits to reconnect, and resets the count of failed
 * attempts. */
PB_API void pb_service_retry(pb_service *s);
/* Stops a service: queued calls fail, and the connection is drained as by pb_conn_drain.
 * After that s is freed, and `stopped` (may be NULL) runs in the loop. Call it once;
 * on_down does not run any more. Mirrors ClientService.stopService. */
PB_API void pb_service_stop(pb_service *s, int64_t drain_timeout,
                            void (*stopped)(void *user_data), void *user_data);

#ifdef __cplusplus
}
#endif
#endif
