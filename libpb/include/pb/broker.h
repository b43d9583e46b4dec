/* SPDX-License-Identifier: MIT
 *
 * The broker: messages to calls and back, references and their counts. A session is one
 * connection's broker without any I/O: bytes in, bytes out, the time as an argument,
 * callbacks for what happens. Any event loop can drive it; pb/net.h is one that does.
 * Mirrors twisted.spread.pb.
 *
 * Inside a callback everything is allowed. A session that is freed or ends there stays
 * until the outermost call on it returns, which then runs the callbacks of the end.
 * The callback may also drive the session: the messages that follow are then handled
 * before the callback returns. A blocking client that is used again from a callback
 * does that (pb/net.h). The exception are callbacks in the midst of a message, while
 * no other can be read or written: type_to_copy, state_to_copy, state_to_cache,
 * persistent_save, persistent_load, factories of copies (pb/flavors.h), and a
 * `destroy` that runs because a message is being read. There pb_session_recv returns
 * PB_ERR_STATE, and so does pb_remote_call_values while one is written: call later, from
 * another callback. A session, its objects, references and values belong to one
 * thread. */
#ifndef PB_BROKER_H
#define PB_BROKER_H

#include "pb/jelly.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One connection's broker. */
typedef struct pb_session pb_session;
/* An object of this program that peers may call, or a copy that came. Counted. */
typedef struct pb_object pb_object;
/* A reference to an object of a peer. Counted. Mirrors RemoteReference. */
typedef struct pb_remote pb_remote;
/* A call that came in and has to be answered. Counted. */
typedef struct pb_request pb_request;
/* What ended a call without a result. Counted. Mirrors CopiedFailure. */
typedef struct pb_failure pb_failure;
/* A call that is under way, to be cancelled. */
typedef struct pb_call pb_call;

/* ---- Objects that peers may call ---- */

/* One method, a row of a table. Frozen. `call` answers the request now, or keeps it (pb_request_ref) and answers
 * later. A non-zero return from a request that has not been answered or kept sends a
 * failure with the text of that PB_ERR_ code; 0 without an answer sends None. */
typedef struct {
    const char *name; /* without Twisted's "remote_", "view_", ... */
    int (*call)(void *self, pb_request *req);
} pb_method;

/* How an object goes over the wire. Mirrors twisted.spread.flavors. */
typedef enum {
    PB_FLAVOR_REFERENCEABLE, /* a reference, through which the peer calls it */
    PB_FLAVOR_VIEWABLE,      /* a reference to a ViewPoint on it: see pb/flavors.h */
    PB_FLAVOR_COPYABLE,      /* a copy of its state */
    PB_FLAVOR_CACHEABLE,     /* a copy of its state that it keeps up to date */
} pb_flavor;

/* As what an object is called: the prefix of the method's name in Twisted. */
typedef enum {
    PB_ROLE_REMOTE,      /* through a reference to it */
    PB_ROLE_PERSPECTIVE, /* as an avatar */
    PB_ROLE_VIEW,        /* through a ViewPoint on it */
    PB_ROLE_OBSERVE,     /* as a RemoteCache, by what it is a cache of */
} pb_role;

/* What an object can do. Method tables end with a row of zeros, and may be NULL. Below,
 * the perspective is the avatar for whom something is sent; NULL where there is none. */
typedef struct pb_class {
    const char *name; /* as tracebacks and messages name it; dotted: a copy's type tag */
    pb_flavor flavor;
    /* What else it is; may be NULL. Methods that its own tables lack are looked for in those
     * of its base, and on up; each callback below that is NULL here is that of the nearest
     * base which has one (destroy too: one of its own takes the place of its base's). Name
     * and flavor are always its own. At most 63 bases are looked at. All methods get the
     * same self, so what those of a base expect stands at its beginning. */
    const struct pb_class *base;
    const pb_method *remote, *perspective, *view, *observe;
    /* Called for a method that no table of the role has (pb_request_role tells which);
     * NULL: the peer gets the failure that Twisted sends. */
    int (*fallback)(void *self, pb_request *req);
    void (*destroy)(void *self); /* the last owner is gone; may be NULL */

    /* Copyable and Cacheable, where they are sent. getTypeToCopyFor: borrowed; NULL: name.
     * getStateToCopyFor: a *new* value, most often a dict of members, whose names are str
     * (bytes for a Python 2 peer); NULL with err fails what is being sent. Neither may
     * change what is being written. state_to_copy NULL: the state of a copy as it came,
     * else an empty dict. */
    const char *(*type_to_copy)(void *self, pb_object *perspective);
    pb_value *(*state_to_copy)(void *self, pb_object *perspective, pb_error *err);
    /* Cacheable. getStateToCacheAndObserveFor: as above, called when the peer has no cache
     * of it yet; NULL: state_to_copy. The observer calls the peer's caches of it
     * (pb_remote_call_values); keep it with pb_remote_ref. */
    pb_value *(*state_to_cache)(void *self, pb_object *perspective, pb_remote *observer,
                                pb_error *err);
    /* The peer has no cache of it any more, or is gone, or was never sent what state_to_cache
     * gave; may be NULL. The observer is the one of then. */
    void (*stopped_observing)(void *self, pb_object *perspective, pb_remote *observer);

    /* RemoteCopy and RemoteCache, where they arrive (registered: pb/flavors.h). Makes the
     * self of a new copy; NULL: the self is NULL. NULL returned: lack of memory. */
    void *(*construct)(void);
    /* setCopyableState, once the message is there whole: the state as it came, borrowed
     * until destroy has run (pb_object_state). Don't count it: the copy may be in it. May
     * be NULL. Non-zero refuses the copy, and fails the call that it came with. */
    int (*set_state)(void *self, pb_value *state, pb_error *err);
    void *reserved[8];
} pb_class;

/* An object with one owner, *new*. cls is borrowed for its life. NULL for lack of memory.
 * Mirrors twisted.spread.flavors.Serializable: what it is says its class. */
PB_API pb_object *pb_object_new(const pb_class *cls, void *self);
/* Adds an owner; returns o. */
PB_API pb_object *pb_object_ref(pb_object *o);
/* Removes an owner; with the last one `destroy` runs. NULL is allowed. */
PB_API void pb_object_unref(pb_object *o);
/* The self that it was made with, or that `construct` gave: its class's to own.
 * Borrowed. */
PB_API void *pb_object_self(const pb_object *o);
/* What it can do, borrowed. */
PB_API const pb_class *pb_object_class(const pb_object *o);
/* The object as a value, to be sent: *new*. */
PB_API pb_value *pb_object_value(pb_object *o);
/* The same, and the caller's count of o goes into it: for pb_build("N", ...). */
PB_API pb_value *pb_object_value_steal(pb_object *o);
/* The object of a PB_OBJECT value, borrowed: one of ours, a copy, or what a cache shows;
 * NULL for another kind or for NULL. */
PB_API pb_object *pb_as_object(const pb_value *v);

/* ---- A call that came in ---- */

/* The method's name, without its role's prefix; borrowed for the life of the request. */
PB_API const char *pb_request_method(const pb_request *r);
/* The positional arguments, a tuple, borrowed for the life of the request. */
PB_API pb_value *pb_request_args(const pb_request *r);
/* The keyword arguments, a dict, borrowed for the life of the request. */
PB_API pb_value *pb_request_kwargs(const pb_request *r);
/* The session it came over, borrowed; NULL once that is gone. */
PB_API pb_session *pb_request_session(const pb_request *r);
/* The object that is called, borrowed for the life of the request. */
PB_API pb_object *pb_request_object(const pb_request *r);
/* As what it is called. */
PB_API pb_role pb_request_role(const pb_request *r);
/* Who is calling, borrowed: the avatar itself in a perspective_ method, the perspective
 * of the ViewPoint in a view_ method; NULL where there is none. */
PB_API pb_object *pb_request_perspective(const pb_request *r);
/* False where the caller wants no answer: what is answered then is dropped. */
PB_API bool pb_request_wants_answer(const pb_request *r);
/* Takes the positional arguments apart by a format of pb_unpack without its parentheses
 * ("iO|s"). Where they do not fit, and for any keyword argument, it answers with a
 * TypeError that says so and returns PB_ERR_TYPE: return that from the method. */
PB_API int pb_request_unpack(pb_request *r, const char *format, ...);
/* The same with names for the arguments, which may then come as keywords too, as in
 * PyArg_ParseTupleAndKeywords: names ends with NULL; after `|` they are optional, and
 * their outs left as they were; after `$` they come as keywords only. The TypeErrors are
 * Python's. */
PB_API int pb_request_unpack_keywords(pb_request *r, const char *format,
                                      const char *const *names, ...);
/* Keeps the request beyond its method's return, to be answered later; returns r. What a
 * method that returns a Deferred is in Twisted. */
PB_API pb_request *pb_request_ref(pb_request *r);
/* Removes an owner; the last one of a request that was never answered sends a failure.
 * NULL is allowed. */
PB_API void pb_request_unref(pb_request *r);
/* Answers; once. A result that cannot be sent (PB_ERR_TYPE, PB_ERR_LIMIT, ...) is answered
 * by a failure that says why, and the error returned. PB_ERR_ARG for NULL, which sends a
 * failure too: what was to be built could not be. PB_ERR_STATE if it was answered before,
 * PB_ERR_LOST if the connection is gone. Takes result in every case. */
PB_API int pb_request_answer_steal(pb_request *r, pb_value *result);
/* Answers with a failure. type is a dotted class name, which the peer matches by name
 * ("twisted.spread.pb.Error", "builtins.ValueError"); those of its bases follow it that
 * the library does not know, up to one that it does: "shop.SoldOut shop.Error
 * twisted.spread.pb.Error" (without any, builtins.Exception is the base). Built-in classes
 * get the name that the peer's Python has for them. The text follows as in printf. Returns
 * 0, PB_ERR_STATE or PB_ERR_LOST. */
PB_API int pb_request_fail(pb_request *r, const char *type, const char *format, ...)
    PB_PRINTF(3, 4);

/* Answers with a failure that is at hand: one that came from elsewhere goes on as it came,
 * one of pb_failure_new as that says. 0, PB_ERR_STATE or PB_ERR_LOST. */
PB_API int pb_request_fail_with(pb_request *r, pb_failure *f);
/* Answers with an exception that is sent as itself, not wrapped in a failure: a Copyable
 * that the peer has registered, or an instance of a class that its taster allows. Where it
 * cannot be sent, a failure that says why is. Returns as pb_request_answer_steal. */
PB_API int pb_request_fail_value_steal(pb_request *r, pb_value *exception);

/* ---- References to a peer's objects ---- */

/* Adds an owner; returns r. NULL gives NULL. */
PB_API pb_remote *pb_remote_ref(pb_remote *r);
/* Removes an owner; the last one gives the reference back to the peer at once (decref).
 * NULL is allowed. */
PB_API void pb_remote_unref(pb_remote *r);
/* The reference of a PB_REMOTE value, borrowed; NULL for another kind or for NULL. */
PB_API pb_remote *pb_as_remote(const pb_value *v);
/* The reference as a value: *new*. */
PB_API pb_value *pb_remote_value(pb_remote *r);
/* Its number at the peer; 0 for one that goes by name. */
PB_API int64_t pb_remote_luid(const pb_remote *r);
/* Its session, borrowed; NULL once that is gone: calls fail with PB_ERR_DEAD then. */
PB_API pb_session *pb_remote_session(const pb_remote *r);
/* Told that the connection of a reference has ended. */
typedef void (*pb_remote_cb)(pb_remote *r, void *user_data);
/* Calls cb with the reference, once, when its connection ends. Until then the reference is
 * held, and not given back. PB_ERR_DEAD if it has ended, PB_ERR_NOMEM. Mirrors
 * RemoteReference.notifyOnDisconnect. */
PB_API int pb_remote_notify_on_disconnect(pb_remote *r, pb_remote_cb cb, void *user_data);
/* Does so no more, for the first such pair of cb and user_data. Mirrors
 * RemoteReference.dontNotifyOnDisconnect. */
PB_API void pb_remote_dont_notify_on_disconnect(pb_remote *r, pb_remote_cb cb,
                                                void *user_data);
/* A reference to what the peer has published under a name, *new*; nothing is sent, and
 * nothing is owed. NULL for lack of memory. Mirrors Broker.remoteForName. */
PB_API pb_remote *pb_session_remote_for_name(pb_session *s, const char *name);

/* ---- Calling ---- */

/* The end of a call: exactly once, with exactly one of the two set. Both are borrowed:
 * pb_value_ref or pb_failure_ref keeps them. */
typedef void (*pb_answer_cb)(pb_value *result, pb_failure *failure, void *user_data);

/* How a call is made. Zero is the default of every field. */
typedef struct {
    int64_t timeout; /* milliseconds until it fails with PB_ERR_TIMEOUT; 0: never */
    bool no_answer;  /* ask for none: Twisted's pbanswer=False; cb must be NULL */
    void *reserved[4];
} pb_call_options;

/* Calls a method. args is a tuple (NULL: none), kwargs a dict with text keys (NULL: none).
 * 0 and the call is under way, and cb runs later, never before this returns (but for a
 * reference of pb/local.h to an object here, which may answer at once); else nothing was
 * sent and cb will not run: PB_ERR_DEAD (connection gone), PB_ERR_ARG, PB_ERR_TYPE or
 * PB_ERR_LIMIT (the arguments cannot be sent; err says which), PB_ERR_NOMEM. *call (may
 * be NULL) is borrowed, and valid until cb has run. Before the session is ready it waits.
 * Mirrors RemoteReference.callRemote. */
PB_API int pb_remote_call_values(pb_remote *to, const char *method, pb_value *args,
                                 pb_value *kwargs, const pb_call_options *options,
                                 pb_answer_cb cb, void *user_data, pb_call **call,
                                 pb_error *err);
/* The same with the arguments built by a pb_build format without its parentheses, in which
 * `name=` before a unit makes it a keyword argument; those come last:
 *     pb_remote_call(two, "three", got_three, NULL, &err, "i", 12);
 *     pb_remote_call(root, "list", got_list, NULL, &err, "s, depth=i, all=p", "/", 2, 1);
 * PB_ERR_ARG also for a keyword argument that comes twice, or before a positional one. */
PB_API int pb_remote_call(pb_remote *to, const char *method, pb_answer_cb cb,
                          void *user_data, pb_error *err, const char *format, ...);
/* Gives the call up: cb runs with PB_ERR_CANCELLED before this returns; the answer is
 * dropped when it comes, its references given back. Mirrors Deferred.cancel. */
PB_API void pb_call_cancel(pb_call *c);

/* ---- Failures ---- */

/* A failure is what ended a call without a result: the peer's exception, or an error of
 * our own. Counted: adds an owner; returns f. NULL gives NULL. */
PB_API pb_failure *pb_failure_ref(pb_failure *f);
PB_API void pb_failure_unref(pb_failure *f);
/* PB_OK: the peer's exception. Else PB_ERR_LOST, _TIMEOUT, _CANCELLED, _INSECURE, ... */
PB_API int pb_failure_code(const pb_failure *f);
/* The exception's class ("builtins.ValueError"); errors of our own have Twisted's name
 * for them where it has one ("twisted.spread.pb.PBConnectionLost"). Borrowed; never
 * NULL. */
PB_API const char *pb_failure_type(const pb_failure *f);
/* Its text, as Python's str() of the exception. Borrowed; never NULL. */
PB_API const char *pb_failure_text(const pb_failure *f);
/* The traceback, where the peer sent one, else what it sent instead, or nothing. Borrowed;
 * never NULL. */
PB_API const char *pb_failure_traceback(const pb_failure *f);
/* Whether the exception is of that class or inherits from it, by the parents that came
 * with it; a built-in class goes by Python 2's name as well as by Python 3's. Mirrors
 * Failure.check. */
PB_API bool pb_failure_check(const pb_failure *f, const char *type);
/* What the peer sent, as it came (an instance or a copy), borrowed; NULL for an error of
 * our own. */
PB_API pb_value *pb_failure_value(const pb_failure *f);
/* The names of its class and of its bases, a list, borrowed; NULL where none came. */
PB_API pb_value *pb_failure_parents(const pb_failure *f);
/* A failure of an exception, *new*; NULL for lack of memory. type as in pb_request_fail;
 * the traceback (NULL: none) is sent where unsafe_tracebacks are on. */
PB_API pb_failure *pb_failure_new(const char *type, const char *text,
                                  const char *traceback);

/* ---- The session ---- */

/* How bad what is logged is. */
typedef enum {
    PB_LOG_ERROR = 1,
    PB_LOG_WARNING,
    PB_LOG_INFO,
    PB_LOG_DEBUG, /* each message that comes or is sent, in one line */
} pb_log_level;

/* The process at the other end of a UNIX socket, as the system knows it. */
typedef struct {
    int64_t pid, uid, gid;
    uint64_t reserved[2];
} pb_peer_process;

/* What TLS knows of the other end. */
typedef struct {
    const char *version, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
    /* Its certificate: PEM; NULL where it has shown none, as most clients do not. */
    const char *certificate;
    const char *subject; /* of the certificate: "CN=ada,O=Example" (RFC 2253) */
    /* Its other names: "DNS:example.org", "IP:192.0.2.1", "email:...", "URI:..."; ends with
     * NULL; NULL where there is no certificate. */
    const char *const *names;
    /* The certificate leads to a root that is trusted here, and is of the host that a
     * client wanted. Always true but for what tls_insecure lets pass. */
    bool verified;
    void *reserved[4];
} pb_peer_tls;

/* Who is at the other end of a session, as its driver knows; NULL is what is not known. */
typedef struct {
    const char *address; /* "tcp:192.0.2.1:4000", "tcp:[2001:db8::1]:4000", "unix:PATH" */
    const char *host;    /* of TCP: "192.0.2.1", to ban it by; NULL for UNIX */
    const pb_peer_process *process; /* of UNIX, where the system tells */
    const pb_peer_tls *tls;         /* NULL also before its handshake is done */
    void *reserved[4];
} pb_peer;

/* Which copies and caches of a peer become what: see pb/flavors.h. Counted. */
typedef struct pb_registry pb_registry;

/* How a session is to be. Zero is the default of every field. */
typedef struct {
    pb_object *root; /* published as "root"; NULL: none. The session takes a count */
    /* Gives this connection's root, *new*, while the session is made; NULL: root is it.
     * Mirrors IPBRoot.rootObject. */
    pb_object *(*root_object)(pb_session *s, void *user_data);
    pb_registry
        *registry; /* of copies that may come; NULL: none. Counted by the session */
    pb_jelly_config jelly;
    bool unsafe_tracebacks; /* send tracebacks with failures */
    size_t max_pending;     /* calls of the peer not answered yet: 65536 */
    size_t max_refs;        /* objects that the peer holds, and likewise those that it has
                             * caches of: 1024. MAX_BROKER_REFS */
    size_t max_caches;      /* caches that the peer has not uncached yet: 65536 */
    /* Bytes waiting to be sent. From max_queued on, a call is refused with PB_ERR_LIMIT,
     * and an answer ends the session with that: 256 MiB. With more than high_mark the
     * session is full, until there are no more than low_mark: 1 MiB, and a quarter of it.
     * While it is full of answers, and awaits none, it handles no more calls. */
    size_t max_queued;
    size_t high_mark, low_mark;
    /* The dialects that are known, the preferred one first; zeros: pb, none. */
    pb_dialect dialects[2];
    int64_t negotiation_timeout; /* milliseconds: 30000; negative: never */
    /* Negotiation is done. */
    void (*on_ready)(pb_session *s, void *user_data);
    /* The session was full, and is not any more: who has held back may go on. Mirrors
     * IPushProducer.resumeProducing. */
    void (*on_drained)(pb_session *s, void *user_data);
    /* The session is over: last of its callbacks, once, also when it is freed while open.
     * why is never NULL; code PB_OK is an end that was asked for. */
    void (*on_close)(pb_session *s, const pb_error *why, void *user_data);
    /* What Twisted would log: one sentence, borrowed. Nothing prints by itself. */
    void (*on_log)(pb_session *s, pb_log_level level, const char *text, void *user_data);
    pb_log_level log_level; /* up to which it is told; 0: PB_LOG_INFO */
    void *user_data;        /* of those above */
    /* For drivers; may be NULL. There is something to send, or a new deadline, or the
     * session is over, and no call of the driver's is on the stack that would notice. */
    void (*on_wake)(pb_session *s, void *driver);
    /* The time of now, of the clock by which the session is told the time: asked when
     * a call with a time-out is made, which counts from then. NULL: it counts from the
     * time that the driver's call on the stack has told, and without one from the next
     * that is told. */
    int64_t (*now)(void *driver);
    /* Who is at the other end: what pb_session_peer gives, borrowed for the life of the
     * session, or NULL. */
    const pb_peer *(*peer)(pb_session *s, void *driver);
    void *driver;
    void *reserved[12];
} pb_session_config;

/* A session of the side that connected, *new* (pb_session_free); the config is copied, and
 * may be NULL. NULL for lack of memory. now is monotonic milliseconds, as everywhere. */
PB_API pb_session *pb_session_client_new(const pb_session_config *c, int64_t now);
/* A session of the side that was connected to: *new*, as above. */
PB_API pb_session *pb_session_server_new(const pb_session_config *c, int64_t now);
/* Takes bytes from the peer, all of them; what comes after pb_session_want_recv has become
 * false is kept until pb_session_tick. PB_ERR_STATE in the midst of a message (above):
 * nothing was taken. Another error: the session is over, and pb_session_error says why;
 * on_close has run, or will when the outermost call returns. Mirrors Banana.dataReceived. */
PB_API int pb_session_recv(pb_session *s, pb_span in, int64_t now);
/* What to write to the peer, borrowed until the next call on s (nothing while a message is
 * being written). */
PB_API pb_span pb_session_send(pb_session *s);
/* How much of it has gone; on_drained may run. */
PB_API void pb_session_sent(pb_session *s, size_t n, int64_t now);
/* When to call pb_session_tick; INT64_MAX: never. */
PB_API int64_t pb_session_deadline(const pb_session *s);
/* Minds what is due by now: time-outs, pages. Returns as pb_session_recv. */
PB_API int pb_session_tick(pb_session *s, int64_t now);
/* False while the session is full of answers and awaits none, or too much is unanswered,
 * or it is paused; and then until pb_session_tick has handled what came meanwhile. Stop
 * reading while it is. */
PB_API bool pb_session_want_recv(const pb_session *s);
/* Whether pb_session_send has something. */
PB_API bool pb_session_want_send(const pb_session *s);
/* Whether more waits to be sent than the peer takes: hold back until on_drained, or the
 * session keeps all of it. */
PB_API bool pb_session_is_full(const pb_session *s);
/* Stops the reading, so that the peer has to wait for an application that lags behind.
 * What was read already is kept meanwhile. */
PB_API void pb_session_pause(pb_session *s);
/* Lets the reading go on. */
PB_API void pb_session_resume(pb_session *s);
/* The transport is gone: why may be NULL (end of file). Every waiting call fails.
 * Mirrors Broker.connectionLost. */
PB_API void pb_session_lost(pb_session *s, const pb_error *why);
/* Ends the session from this side; what waits to be sent may still be taken by
 * pb_session_send. Every waiting call fails. */
PB_API void pb_session_close(pb_session *s);
/* Whether the negotiation is done, and the session not over. */
PB_API bool pb_session_is_ready(const pb_session *s);
/* Whether the session is over, for whatever reason. */
PB_API bool pb_session_is_closed(const pb_session *s);
/* Why the session is over, borrowed; code PB_OK while it is not, or if that was asked
 * for. */
PB_API const pb_error *pb_session_error(const pb_session *s);
/* The user_data of its config, borrowed. */
PB_API void *pb_session_user_data(const pb_session *s);
/* A pointer of the application's own for this session, borrowed: what pb_session_set_data
 * has set last; NULL before. Methods have the session from pb_request_session, realms and
 * checkers from pb_attempt_session. */
PB_API void *pb_session_data(const pb_session *s);
/* Sets it. destroy (may be NULL) is called with it when another is set, or the session is
 * freed, after on_close; it may not use the session. PB_ERR_NOMEM, or PB_ERR_ARG without a
 * session; then it is called at once. */
PB_API int pb_session_set_data(pb_session *s, void *data, void (*destroy)(void *data));
/* Who is at the other end, borrowed for the life of the session; never NULL. Good from the
 * first callback to on_close. */
PB_API const pb_peer *pb_session_peer(pb_session *s);
/* Limits from now on, of what is read and of what is written; NULL: the defaults. 0.
 * Mirrors setPrefixLimit and banana.SIZE_LIMIT. */
PB_API int pb_session_set_limits(pb_session *s, const pb_limits *l);

/* What a session holds, in numbers. */
typedef struct {
    size_t pending;  /* our calls that wait for an answer */
    size_t serving;  /* the peer's calls that wait for ours */
    size_t exported; /* objects of ours that the peer holds */
    size_t held;     /* references of the peer's that we hold, each receipt counted */
    size_t cached;   /* Cacheables of ours that the peer has a cache of */
    size_t caches;   /* RemoteCaches of the peer's that are not uncached yet */
    size_t queued;   /* bytes waiting to be sent */
    size_t paging;   /* pagings of ours that are under way */
    size_t reserved[8];
} pb_session_stats;

/* Fills *out with the numbers of now. */
PB_API void pb_session_get_stats(const pb_session *s, pb_session_stats *out);
/* Frees the session, also from a callback: it goes when the outermost call returns.
 * References to the peer live on as dead ones. NULL is allowed. */
PB_API void pb_session_free(pb_session *s);
/* Told that a connection has ended. */
typedef void (*pb_session_cb)(pb_session *s, void *user_data);
/* Calls cb once when the connection ends, before on_close. PB_ERR_STATE if it has ended,
 * PB_ERR_NOMEM. Mirrors Broker.notifyOnDisconnect. */
PB_API int pb_session_notify_on_disconnect(pb_session *s, pb_session_cb cb,
                                           void *user_data);
/* Does so no more, for the first such pair. Mirrors Broker.dontNotifyOnDisconnect. */
PB_API void pb_session_dont_notify_on_disconnect(pb_session *s, pb_session_cb cb,
                                                 void *user_data);
/* Publishes an object under a name beside "root". PB_ERR_ARG, PB_ERR_STATE where the
 * session is over, PB_ERR_NOMEM. Mirrors Broker.setNameForLocal. */
PB_API int pb_session_set_name_for_local(pb_session *s, const char *name, pb_object *o);
/* The peer's root, *new*; no message is needed. Mirrors getRootObject. */
PB_API pb_remote *pb_session_root(pb_session *s);

/* ---- Example ---- */

/* A class with one method, and an object of it, for a session's root.
 *
 *     static int do_add(void *self, pb_request *req)
 *     {
 *         int a, b;
 *         (void)self;
 *         int e = pb_request_unpack(req, "ii", &a, &b);
 *         return e ? e : pb_request_answer_steal(req, pb_int(a + b));
 *     }
 *
 *     static const pb_class adder = {
 *         .name = "Adder", .remote = (const pb_method[]){{"add", do_add}, {0}}};
 *
 *     static pb_object *new_root(void)
 *     {
 *         return pb_object_new(&adder, NULL);
 *     } */

#ifdef __cplusplus
}
#endif
#endif
