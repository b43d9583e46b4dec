/* SPDX-License-Identifier: MIT
 *
 * A connection that comes back: it is made again, after a while that grows, whenever it
 * cannot be made or is lost, and logs in each time. Calls may be made at any time; while
 * there is no connection they wait, or fail at once, as asked. Mirrors
 * twisted.application.internet.ClientService with a PBClientFactory. */
#ifndef PB_SERVICE_H
#define PB_SERVICE_H

#include "pb/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A connection that is made again when it is lost. */
typedef struct pb_service pb_service;

/* Zero is the default of every field. Times are milliseconds. */
typedef struct {
    pb_net_config net; /* of each connection */
    /* After n attempts in a row that failed, the next is made when
     * first_delay * factor ^ n, or max_delay if that is less, have gone by, and up to
     * jitter more, by chance. Mirrors backoffPolicy. */
    int64_t first_delay;  /* 1000 */
    double factor;        /* 1.5 */
    int64_t max_delay;    /* 60000 */
    int64_t jitter;       /* 1000; negative: none */
    size_t max_failures;  /* so many in a row, and it gives up; 0: never */
    size_t max_waiting;   /* calls that wait for a connection: 65536 */
    bool fail_while_away; /* a call without a connection fails with PB_ERR_LOST */
    const pb_credentials
        *login;            /* copied; NULL: calls go to the root, not to an avatar */
    pb_value *mind;        /* of each login; may be NULL */
    int64_t login_timeout; /* 30000 */
    /* There is a connection: root is what calls go to, the root or the avatar. Calls that
     * have waited are made when this returns. */
    void (*on_up)(pb_service *s, pb_remote *root, void *user_data);
    /* There is none any more, or an attempt has failed (a login that is refused: with
     * PB_ERR_AUTH). The next comes after retry_in; negative: there is none, and what
     * waited, fails. */
    void (*on_down)(pb_service *s, const pb_error *why, int64_t retry_in,
                    void *user_data);
    void *user_data; /* of these two; the session's callbacks have net.session's */
    void *reserved[8];
} pb_service_config;

/* Starts, *new* (pb_service_stop); nothing is called before this returns. c may be NULL.
 * NULL with an error as pb_connect. Mirrors ClientService.startService. */
PB_API pb_service *pb_service_new(pb_loop *loop, const char *endpoint,
                                  const pb_service_config *c, pb_error *err);
/* What calls go to, borrowed until the connection is lost; NULL while there is none.
 * Mirrors ClientService.whenConnected. */
PB_API pb_remote *pb_service_root(const pb_service *s);
/* The calls that wait for a connection. */
PB_API size_t pb_service_waiting(const pb_service *s);
/* As pb_remote_call_values, and PB_ERR_LIMIT if too many wait, PB_ERR_LOST if it may not wait.
 * The time-out counts from now on. What was sent is never sent again: where the connection
 * is lost then, it fails with PB_ERR_LOST, whether or not the peer has served it. */
PB_API int pb_service_call_values(pb_service *s, const char *method, pb_value *args,
                                  pb_value *kwargs, const pb_call_options *options,
                                  pb_answer_cb cb, void *user_data, pb_error *err);
/* The same with the arguments built as by pb_remote_call. */
PB_API int pb_service_call(pb_service *s, const char *method, pb_answer_cb cb,
                           void *user_data, pb_error *err, const char *format, ...);
/* Connects at once if it waits to do so, and begins anew to count failures. */
PB_API void pb_service_retry(pb_service *s);
/* Ends it: what waits, fails; the connection ends as by pb_conn_drain. s is gone when
 * stopped (may be NULL) runs, in the loop. Once; on_down does not run any more. Mirrors
 * ClientService.stopService. */
PB_API void pb_service_stop(pb_service *s, int64_t patience,
                            void (*stopped)(void *user_data), void *user_data);

#ifdef __cplusplus
}
#endif
#endif
