/* SPDX-License-Identifier: MIT
 *
 * The broker: messages to calls and back, references and their counts. A session is the
 * broker of one connection. It does no input or output: it takes received bytes, gives
 * the bytes to send, gets the time as an argument, and reports events by callbacks. Any
 * event loop can drive it; pb/net.h has a driver. Mirrors twisted.spread.pb. A session,
 * its objects, references and values belong to one thread.
 *
 * A callback may call any function. If it frees or ends the session, the session stays
 * valid until the outermost call on it returns; that call then runs the final callbacks.
 * A callback may also drive the session: then the messages that follow are handled before
 * the callback returns. A blocking client (pb/net.h) that is used from one of its
 * callbacks does that. The exceptions are callbacks that run while a message is being
 * read or written: type_to_copy, state_to_copy, state_to_cache, persistent_save,
 * persistent_load, the factories of copies (pb/flavors.h), and a `destroy` that runs
 * because a message is being read. In these, pb_session_recv returns PB_ERR_STATE. While
 * a message is being written, pb_remote_call_values returns it, too. Make the call later,
 * from another callback. */
#ifndef PB_BROKER_H
#define PB_BROKER_H

#include "pb/jelly.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The broker of one connection. */
typedef struct pb_session pb_session;
/* An object of this program that peers may call, or a copy that was received. Counted. */
typedef struct pb_object pb_object;
/* A reference to an object of a peer. Counted. Mirrors RemoteReference. */
typedef struct pb_remote pb_remote;
/* A received call, which has to be answered. Counted. */
typedef struct pb_request pb_request;
/* The reason why a call ended without a result. Counted. Mirrors CopiedFailure. */
typedef struct pb_failure pb_failure;
/* An outstanding call, which can be cancelled. */
typedef struct pb_call pb_call;

/* ---- Objects that peers may call ---- */

/* One method, a row of a table. Frozen. `call` either answers the request, or holds it
 * (pb_request_ref) to answer later. If it does neither, its result decides: 0 sends None,
 * a PB_ERR_ code sends a failure with the text of the code. */
typedef struct {
    const char *name; /* without Twisted's "remote_", "view_", ... */
    int (*call)(void *self, pb_request *req);
} pb_method;

/* How an object is sent. Mirrors twisted.spread.flavors. */
typedef enum {
    PB_FLAVOR_REFERENCEABLE, /* as a reference, through which the peer calls it */
    PB_FLAVOR_VIEWABLE,      /* as a reference to a ViewPoint on it: pb/flavors.h */
    PB_FLAVOR_COPYABLE,      /* as a copy of its state */
    PB_FLAVOR_CACHEABLE,     /* as a copy of its state that is kept up to date */
} pb_flavor;

/* The role in which an object is called; in Twisted it is the prefix of the method's
 * name. */
typedef enum {
    PB_ROLE_REMOTE,      /* through a reference to it */
    PB_ROLE_PERSPECTIVE, /* as an avatar */
    PB_ROLE_VIEW,        /* through a ViewPoint on it */
    PB_ROLE_OBSERVE,     /* as a RemoteCache, by the owner of the cached object */
} pb_role;

/* The methods and callbacks of an object. A table of methods ends with a row of zeros,
 * and may be NULL. In the callbacks, `perspective` is the avatar that the object is sent
 * to, or NULL if there is none. */
typedef struct pb_class {
    /* used in tracebacks and messages; if dotted, the type tag of copies */
    const char *name;
    pb_flavor flavor;
    /* The base class; may be NULL. A method that the tables of this class lack is looked
     * up in those of its base, and so on. A callback that is NULL here is taken from the
     * nearest base that has one. A class with a `destroy` of its own replaces that of its
     * base. Name and flavor are not inherited. At most 63 bases are searched. All methods
     * get the same self, so the data that the methods of a base expect must be at its
     * beginning. */
    const struct pb_class *base;
    const pb_method *remote, *perspective, *view, *observe;
    /* Called for a method that no table of the role has (pb_request_role returns the
     * role). NULL: the peer gets the same failure as from Twisted. */
    int (*fallback)(void *self, pb_request *req);
    void (*destroy)(void *self); /* the last owner was removed; may be NULL */

    /* For sending Copyable and Cacheable objects. type_to_copy mirrors getTypeToCopyFor:
     * the result is borrowed. Without the callback, or if it returns NULL, the tag is
     * `name`. state_to_copy mirrors getStateToCopyFor: the result is *new*, usually a
     * dict of members with str keys (bytes for a Python 2 peer); if the result is NULL,
     * with err, the message is not sent. Neither may change the value that is being
     * written. If state_to_copy is NULL, the state of a received copy is sent as it was
     * received, and an empty dict for any other object. */
    const char *(*type_to_copy)(void *self, pb_object *perspective);
    pb_value *(*state_to_copy)(void *self, pb_object *perspective, pb_error *err);
    /* For Cacheable objects: as state_to_copy, called when the peer has no cache of the
     * object yet. NULL: state_to_copy is used. observer is a reference to the
     * peer's caches of the object: call their methods through it. Hold it with
     * pb_remote_ref. Mirrors getStateToCacheAndObserveFor. */
    pb_value *(*state_to_cache)(void *self, pb_object *perspective, pb_remote *observer,
                                pb_error *err);
    /* The peer has no cache of the object any more, or the connection has ended, or the
     * result of state_to_cache was not sent after all. May be NULL. observer is the one
     * that state_to_cache was given. */
    void (*stopped_observing)(void *self, pb_object *perspective, pb_remote *observer);

    /* For receiving RemoteCopy and RemoteCache objects (registered by pb/flavors.h):
     * makes the self of a new copy. NULL: the self is NULL. A NULL result means that
     * memory is exhausted. */
    void *(*construct)(void);
    /* setCopyableState: called when the message is complete. The state is borrowed until
     * destroy has run (pb_object_state). Do not take a count of it, because it may
     * contain the copy. May be NULL. A non-zero result refuses the copy, and the call
     * that it was part of fails. */
    int (*set_state)(void *self, pb_value *state, pb_error *err);

    /* A custom jellyFor, for sending: returns the members between the type tag
     * (type_to_copy, or name) and the end of the expression, as a *new* list or tuple;
     * NULL, with err, is an error as for state_to_copy. A PB_FLAVOR_REFERENCEABLE is then
     * sent as [tag, member, ..., luid], a reference with a class of its own; a
     * PB_FLAVOR_COPYABLE as [tag, member, ...]. If the callback is NULL, the flavor
     * determines the form. The receiver needs pb_registry_set_reference or
     * pb_registry_set_unjelly. */
    pb_value *(*jelly_members)(void *self, pb_object *perspective, pb_error *err);
    void *reserved[7];
} pb_class;

/* An object with one owner, *new*. cls is borrowed for the life of the object. NULL if
 * memory is exhausted. Mirrors twisted.spread.flavors.Serializable: the class determines
 * the flavor. */
PB_API pb_object *pb_object_new(const pb_class *cls, void *self) PB_MUST_USE;
/* Adds an owner, and returns o. */
PB_API pb_object *pb_object_ref(pb_object *o);
/* Removes an owner. After the last one `destroy` runs. NULL is allowed. */
PB_API void pb_object_unref(pb_object *o);
/* The self that was passed to pb_object_new or returned by `construct`. Its class owns
 * it. Borrowed. */
PB_API void *pb_object_self(const pb_object *o);
/* The class of an object, borrowed. */
PB_API const pb_class *pb_object_class(const pb_object *o);
/* The object as a value, to be sent: *new*. The value holds a count of o. */
PB_API pb_value *pb_object_value(pb_object *o) PB_MUST_USE;
/* The same, but the value takes over the caller's count of o: for pb_build("N", ...). */
PB_API pb_value *pb_object_value_steal(pb_object *o);
/* The object of a PB_OBJECT value, borrowed: one of this program, a received copy, or the
 * object that a received cache refers to. NULL for another kind or for NULL. */
PB_API pb_object *pb_as_object(const pb_value *v);

/* ---- Received calls ---- */

/* The method's name, without the prefix of its role; borrowed for the life of the
 * request. */
PB_API const char *pb_request_method(const pb_request *r);
/* The positional arguments, a tuple, borrowed until the method returns; NULL after that.
 * The references among them are released then, as in Twisted, even if the request is
 * held. A method that needs an argument later holds it with pb_value_ref. */
PB_API pb_value *pb_request_args(const pb_request *r);
/* The keyword arguments, a dict, borrowed until the method returns; NULL after that. */
PB_API pb_value *pb_request_kwargs(const pb_request *r);
/* The session that received the call, borrowed; NULL once the session is freed. */
PB_API pb_session *pb_request_session(const pb_request *r);
/* The called object, borrowed for the life of the request. */
PB_API pb_object *pb_request_object(const pb_request *r);
/* The role in which the object is called. */
PB_API pb_role pb_request_role(const pb_request *r);
/* The perspective of the caller, borrowed: the avatar itself in a perspective_ method,
 * the perspective of the ViewPoint in a view_ method, NULL for the other roles. */
PB_API pb_object *pb_request_perspective(const pb_request *r);
/* Returns false if the caller wants no answer; then the answer is discarded. */
PB_API bool pb_request_wants_answer(const pb_request *r);
/* Unpacks the positional arguments by a pb_unpack format without its parentheses
 * ("iO|s"). If they do not match, or if there is a keyword argument, it answers with a
 * TypeError that describes the mismatch, and returns PB_ERR_TYPE: return that from the
 * method. PB_ERR_STATE if the method has returned. */
PB_API int pb_request_unpack(pb_request *r, const char *format, ...) PB_MUST_USE;
/* The same with names for the arguments, which the caller may then pass as keywords too,
 * as in PyArg_ParseTupleAndKeywords. names ends with NULL. Arguments after `|` are
 * optional, and the outputs of missing ones are not changed; arguments after `$` are
 * keyword-only. The TypeErrors are Python's. */
PB_API int pb_request_unpack_keywords(pb_request *r, const char *format,
                                      const char *const *names, ...) PB_MUST_USE;
/* Adds an owner, so that the request can be answered after its method has returned;
 * returns r. Corresponds to a method in Twisted that returns a Deferred. */
PB_API pb_request *pb_request_ref(pb_request *r);
/* Removes an owner. If the last one is removed before the request was answered, a failure
 * is sent. NULL is allowed. */
PB_API void pb_request_unref(pb_request *r);
/* Answers a request. Each request is answered once. If the result cannot be sent
 * (PB_ERR_TYPE, PB_ERR_LIMIT, ...), the peer gets a failure that gives the reason, and
 * the error is returned. If result is NULL because a constructor failed, a failure is
 * sent, and PB_ERR_ARG is returned. PB_ERR_STATE if the request has been answered before,
 * PB_ERR_LOST if the connection is closed. Takes over result in every case. */
PB_API int pb_request_answer_steal(pb_request *r, pb_value *result);
/* Answers with a failure. type is a dotted class name, by which the peer recognises the
 * failure ("twisted.spread.pb.Error", "builtins.ValueError"). If the library does not
 * know that class, append the names of its bases, separated by spaces; the last must be
 * one that the library knows: "shop.SoldOut shop.Error twisted.spread.pb.Error". Without
 * a known base, the base is builtins.Exception. A name without a dot is that of a
 * built-in class ("ValueError"). Built-in classes are sent by the name that they have in
 * the peer's Python. The text is formatted as by printf. Returns 0, PB_ERR_STATE or
 * PB_ERR_LOST. */
PB_API int pb_request_fail(pb_request *r, const char *type, const char *format, ...)
    PB_PRINTF(3, 4);

/* Answers with an existing failure. One that was received is forwarded unchanged; one
 * from pb_failure_new is sent as described there. 0, PB_ERR_STATE or PB_ERR_LOST. */
PB_API int pb_request_fail_with(pb_request *r, pb_failure *f);
/* Answers with an exception that is sent as a value, not wrapped in a failure: a Copyable
 * that the peer has registered, or an instance of a class that the peer's taster allows.
 * If it cannot be sent, the peer gets a failure that gives the reason. Returns as
 * pb_request_answer_steal. */
PB_API int pb_request_fail_value_steal(pb_request *r, pb_value *exception);

/* ---- References to a peer's objects ---- */

/* Adds an owner, and returns r. NULL gives NULL. */
PB_API pb_remote *pb_remote_ref(pb_remote *r);
/* Removes an owner. When the last one is removed, the session releases the reference at
 * once (sends `decref`). NULL is allowed. */
PB_API void pb_remote_unref(pb_remote *r);
/* The reference of a PB_REMOTE value, borrowed; NULL for another kind or for NULL. */
PB_API pb_remote *pb_as_remote(const pb_value *v);
/* The reference as a value: *new*. */
PB_API pb_value *pb_remote_value(pb_remote *r) PB_MUST_USE;
/* Returns whether both refer to the same object of the same connection. Mirrors
 * RemoteReference.__eq__. */
PB_API bool pb_remote_equal(const pb_remote *a, const pb_remote *b);
/* The number (luid) of the object at the peer; 0 for a reference by name. */
PB_API int64_t pb_remote_luid(const pb_remote *r);
/* The session of a reference, borrowed. NULL once the session is freed; then calls fail
 * with PB_ERR_DEAD. */
PB_API pb_session *pb_remote_session(const pb_remote *r);
/* Called when the connection of a reference has ended. */
typedef void (*pb_remote_cb)(pb_remote *r, void *user_data);
/* Calls cb with the reference, once, when its connection ends. Until then the library
 * holds the reference, so it is not released. PB_ERR_DEAD if the connection has ended,
 * PB_ERR_NOMEM. Mirrors RemoteReference.notifyOnDisconnect. */
PB_API int pb_remote_notify_on_disconnect(pb_remote *r, pb_remote_cb cb, void *user_data);
/* Cancels the first notification with this cb and user_data. Mirrors
 * RemoteReference.dontNotifyOnDisconnect. */
PB_API void pb_remote_dont_notify_on_disconnect(pb_remote *r, pb_remote_cb cb,
                                                void *user_data);
/* A reference to the object that the peer has published under a name, *new*. No message
 * is sent, neither now nor when the reference is released. NULL if memory is exhausted.
 * Mirrors Broker.remoteForName. */
PB_API pb_remote *pb_session_remote_for_name(pb_session *s, const char *name) PB_MUST_USE;

/* ---- Calling ---- */

/* Called exactly once, when a call ends. Either result or failure is set; the other is
 * NULL. Both are borrowed; take a count with pb_value_ref or pb_failure_ref to hold
 * them. */
typedef void (*pb_answer_cb)(pb_value *result, pb_failure *failure, void *user_data);

/* The options of a call. Zero is the default of every field. */
typedef struct {
    /* milliseconds until the call fails with PB_ERR_TIMEOUT; 0 or less: never */
    int64_t timeout;
    /* the peer sends no answer: Twisted's pbanswer=False. cb must be NULL */
    bool no_answer;
    void *reserved[4];
} pb_call_options;

/* Calls a method. args is a tuple (NULL: none), kwargs a dict with text keys (NULL:
 * none). Before the session is ready, the call waits. Returns 0 if the call is
 * outstanding. cb then runs, but not before this returns (except for a reference of
 * pb/local.h, which may answer at once). Otherwise nothing was sent and cb does not run:
 * PB_ERR_DEAD (the connection is closed), PB_ERR_ARG, PB_ERR_TYPE or PB_ERR_LIMIT (the
 * arguments cannot be sent; err names the argument), PB_ERR_NOMEM. *call (may be NULL) is
 * borrowed, and valid until cb has run. Mirrors RemoteReference.callRemote. */
PB_API int pb_remote_call_values(pb_remote *to, const char *method, pb_value *args,
                                 pb_value *kwargs, const pb_call_options *options,
                                 pb_answer_cb cb, void *user_data, pb_call **call,
                                 pb_error *err);
/* The same with arguments built by a pb_build format without its parentheses. In it,
 * `name=` before a unit makes it a keyword argument; keyword arguments come last:
 *     pb_remote_call(two, "three", got_three, NULL, &err, "i", 12);
 *     pb_remote_call(root, "list", got_list, NULL, &err, "s, depth=i, all=p", "/", 2, 1);
 * PB_ERR_ARG also for a keyword argument that occurs twice, or before a positional
 * one. */
PB_API int pb_remote_call(pb_remote *to, const char *method, pb_answer_cb cb,
                          void *user_data, pb_error *err, const char *format, ...);
/* Cancels a call: cb runs with PB_ERR_CANCELLED before this returns. If the answer is
 * received later, it is discarded, and its references are released. In the call's own cb
 * it has no effect. Mirrors Deferred.cancel. */
PB_API void pb_call_cancel(pb_call *c);

/* ---- Failures ---- */

/* A failure is the reason why a call ended without a result: an exception of the peer, or
 * an error of the library. Counted. Adds an owner, and returns f. NULL gives NULL. */
PB_API pb_failure *pb_failure_ref(pb_failure *f);
PB_API void pb_failure_unref(pb_failure *f);
/* PB_OK for an exception of the peer. Otherwise PB_ERR_LOST, _TIMEOUT, _CANCELLED,
 * _INSECURE, ... */
PB_API int pb_failure_code(const pb_failure *f);
/* The class of the exception ("builtins.ValueError"). Errors of the library have the name
 * that Twisted has for them, if there is one ("twisted.spread.pb.PBConnectionLost").
 * Borrowed; never NULL. */
PB_API const char *pb_failure_type(const pb_failure *f);
/* The text of the exception, as Python's str() returns it. Borrowed; never NULL. A text
 * of the peer may contain NUL; pb_failure_text_span has its length, too. */
PB_API const char *pb_failure_text(const pb_failure *f);
/* The same text with its length. Borrowed. */
PB_API pb_span pb_failure_text_span(const pb_failure *f);
/* The traceback if the peer sent one, otherwise the text that it sent instead, or "".
 * Borrowed; never NULL. */
PB_API const char *pb_failure_traceback(const pb_failure *f);
/* Returns whether the exception is of that class or inherits from it, according to the
 * parents that the peer sent. A built-in class matches by Python 2's name and by Python
 * 3's. Mirrors Failure.check. */
PB_API bool pb_failure_check(const pb_failure *f, const char *type);
/* The value that the peer sent (an instance or a copy), borrowed; NULL for an error of
 * the library. */
PB_API pb_value *pb_failure_value(const pb_failure *f);
/* The names of the exception's class and its bases, a list, borrowed; NULL if the peer
 * sent none. For an exception that does not inherit from Exception (SystemExit,
 * asyncio.CancelledError), Twisted sends the class itself, which is here only if the
 * taster allows it. */
PB_API pb_value *pb_failure_parents(const pb_failure *f);
/* A failure for an exception, *new*. NULL if memory is exhausted. type is as in
 * pb_request_fail; the traceback (NULL: none) is sent if unsafe_tracebacks is set. */
PB_API pb_failure *pb_failure_new(const char *type, const char *text,
                                  const char *traceback) PB_MUST_USE;
/* The same with a text that may contain NUL. Also returns NULL if text has a length but
 * no data. */
PB_API pb_failure *pb_failure_newn(const char *type, pb_span text,
                                   const char *traceback) PB_MUST_USE;

/* ---- The session ---- */

/* The severity of a log line. */
typedef enum {
    PB_LOG_ERROR = 1,
    PB_LOG_WARNING,
    PB_LOG_INFO,
    PB_LOG_DEBUG, /* each received and sent message, in one line */
} pb_log_level;

/* The process at the other end of a UNIX socket, as the system knows it. */
typedef struct {
    int64_t pid, uid, gid;
    uint64_t reserved[2];
} pb_peer_process;

/* The TLS properties of the peer. */
typedef struct {
    const char *version, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
    /* The certificate of the peer, in PEM. NULL if it sent none, as most clients do. */
    const char *certificate;
    const char *subject; /* subject of the certificate: "CN=ada,O=Example" (RFC 2253) */
    /* The alternative names of the certificate: "DNS:example.org", "IP:192.0.2.1",
     * "email:...", "URI:...". The array ends with NULL; it is NULL without a
     * certificate. */
    const char *const *names;
    /* The certificate is signed by a trusted root and, on a client, belongs to the
     * expected host. Only tls_insecure allows connections for which this is false. */
    bool verified;
    void *reserved[4];
} pb_peer_tls;

/* The peer of a session, as far as the driver knows it. Unknown members are NULL. */
typedef struct {
    const char *address; /* "tcp:192.0.2.1:4000", "tcp:[2001:db8::1]:4000", "unix:PATH" */
    /* for TCP: "192.0.2.1", for blocking the peer; NULL for UNIX sockets */
    const char *host;
    const pb_peer_process *process; /* for UNIX sockets, if the system reports it */
    const pb_peer_tls *tls;         /* NULL also before the handshake is complete */
    void *reserved[4];
} pb_peer;

/* Maps the type tags of received copies and caches to classes: see pb/flavors.h.
 * Counted. */
typedef struct pb_registry pb_registry;

/* The configuration of a session. Zero is the default of every field. */
typedef struct {
    pb_object *root; /* published as "root"; NULL: none. The session takes a count */
    /* Returns the root of this connection, *new*. It is called while the session is made.
     * NULL: `root` is used. Mirrors IPBRoot.rootObject. */
    pb_object *(*root_object)(pb_session *s, void *user_data);
    /* classes of copies that may be received; NULL: none. The session takes a count */
    pb_registry *registry;
    pb_jelly_config jelly;
    bool unsafe_tracebacks; /* send tracebacks with failures */
    /* the most unanswered calls of the peer: 65536; at the limit, nothing is read */
    size_t max_pending;
    /* The most objects that the peer may hold, and, counted separately, the most
     * Cacheables that it may have caches of: 1024. Twisted's MAX_BROKER_REFS. */
    size_t max_refs;
    /* received caches that the peer has not uncached yet: 65536; more are refused */
    size_t max_caches;
    /* Limits for the bytes that wait to be sent. From max_queued on (256 MiB), a call is
     * refused with PB_ERR_LIMIT, and an answer ends the session with PB_ERR_LIMIT. The
     * session becomes full with more than high_mark bytes (1 MiB), and stays full until
     * there are at most low_mark (a quarter of high_mark). While it is full, has
     * unsent answers, and has no outstanding calls of its own, it handles no more calls
     * of the peer. */
    size_t max_queued;
    size_t high_mark, low_mark;
    /* The supported dialects, the preferred one first; zeros: pb, none. */
    pb_dialect dialects[2];
    int64_t negotiation_timeout; /* milliseconds: 30000; negative: never */
    /* The negotiation is complete. */
    void (*on_ready)(pb_session *s, void *user_data);
    /* The session is no longer full. A sender that has paused may continue. Mirrors
     * IPushProducer.resumeProducing. */
    void (*on_drained)(pb_session *s, void *user_data);
    /* The session has ended. This is the last callback of the session, and runs once,
     * also when an open session is freed. `why` is never NULL; its code is PB_OK if the
     * program closed the session. */
    void (*on_close)(pb_session *s, const pb_error *why, void *user_data);
    /* A line that Twisted would log: one sentence, borrowed. The library prints nothing
     * itself. */
    void (*on_log)(pb_session *s, pb_log_level level, const char *text, void *user_data);
    pb_log_level log_level; /* the least severe level that is logged; 0: PB_LOG_INFO */
    void *user_data;        /* of the callbacks above */
    /* For drivers; may be NULL. Called when there are bytes to send, or a new deadline,
     * or the session has ended. It is not called while the driver is inside a function of
     * the session; the driver checks these itself when that function returns. */
    void (*on_wake)(pb_session *s, void *driver);
    /* Returns the current time, by the same clock as the `now` arguments. It is called
     * when a call with a time-out is made; the time-out starts at the returned time.
     * NULL: the time-out starts at the time passed to the current call of the driver or,
     * outside of such a call, at the time passed to the next one. */
    int64_t (*now)(void *driver);
    /* Returns the peer for pb_session_peer, borrowed for the life of the session, or
     * NULL. */
    const pb_peer *(*peer)(pb_session *s, void *driver);
    void *driver;
    /* The most memory, in bytes, for the values of one connection: the arguments of calls
     * being served, the message being read, and pending input. Values beyond it are
     * refused. 256 MiB. Values that the application holds for longer than the call, and
     * its answers (max_queued), do not count. */
    size_t max_memory;
    /* References to the peer's objects that are held, or whose decref has not been
     * written yet: 65536. One more ends the session. */
    size_t max_held;
    /* For diagnosis. Called with received bytes before they are read, and with bytes that
     * the driver has sent. The bytes are not encrypted by TLS. NULL: not called. bytes
     * are borrowed until it returns. The callback must not call any function of the
     * session. */
    void (*on_bytes)(pb_session *s, bool sent, pb_span bytes, void *user_data);
    /* Milliseconds without input in the middle of a message, after which the session
     * ends: 120000; negative: never. Between messages a peer may be silent for any
     * time. */
    int64_t message_timeout;
    /* The session ends when this many logins of the connection have failed: 10. */
    size_t max_failed_logins;
    void *reserved[7];
} pb_session_config;

/* A session for the side that opened the connection, *new* (pb_session_free). c is
 * copied, and may be NULL. NULL if memory is exhausted. now is in milliseconds of a
 * monotonic clock, here and below. */
PB_API pb_session *pb_session_client_new(const pb_session_config *c,
                                         int64_t now) PB_MUST_USE;
/* A session for the side that accepted the connection: *new*, as above. */
PB_API pb_session *pb_session_server_new(const pb_session_config *c,
                                         int64_t now) PB_MUST_USE;
/* Passes received bytes to the session, which takes all of them. While
 * pb_session_want_recv returns false they become pending input, which pb_session_tick
 * handles. PB_ERR_STATE while a message is being read or written (above): nothing was
 * taken. With any other error the session has ended, and pb_session_error describes it;
 * on_close has run, or will run when the outermost call returns. Mirrors
 * Banana.dataReceived. */
PB_API int pb_session_recv(pb_session *s, pb_span in, int64_t now);
/* The bytes to send to the peer, borrowed until the next call on s; an empty span while a
 * message is being written. */
PB_API pb_span pb_session_send(pb_session *s);
/* Reports that n of these bytes have been sent; on_drained may run. */
PB_API void pb_session_sent(pb_session *s, size_t n, int64_t now);
/* The time at which to call pb_session_tick; INT64_MAX: never. */
PB_API int64_t pb_session_deadline(const pb_session *s);
/* Runs expired timers, sends due pages, and handles pending input. Returns as
 * pb_session_recv. */
PB_API int pb_session_tick(pb_session *s, int64_t now);
/* Returns whether to read from the peer. It is false while the session is full, has
 * unsent answers, and has no outstanding calls of its own, while max_pending calls are
 * unanswered, while the session is paused, and afterwards until pb_session_tick has
 * handled the pending input. */
PB_API bool pb_session_want_recv(const pb_session *s);
/* Returns whether there are bytes to send. */
PB_API bool pb_session_want_send(const pb_session *s);
/* Returns whether the session is full (see high_mark). Stop sending until on_drained
 * runs; otherwise the session stores everything. */
PB_API bool pb_session_is_full(const pb_session *s);
/* Pauses reading, so that the peer waits for a slow application. Bytes that have been
 * received become pending input. */
PB_API void pb_session_pause(pb_session *s);
/* Resumes reading. */
PB_API void pb_session_resume(pb_session *s);
/* Reports that the transport is closed. why may be NULL (end of file). Every outstanding
 * call fails. Mirrors Broker.connectionLost. */
PB_API void pb_session_lost(pb_session *s, const pb_error *why);
/* Ends the session from this side. Bytes that wait to be sent can still be read by
 * pb_session_send. Every outstanding call fails. */
PB_API void pb_session_close(pb_session *s);
/* Returns whether the negotiation is complete and the session has not ended. */
PB_API bool pb_session_is_ready(const pb_session *s);
/* Returns whether the session has ended, for any reason. */
PB_API bool pb_session_is_closed(const pb_session *s);
/* The reason why the session has ended, borrowed. Its code is PB_OK while the session is
 * open, and if the program closed it. */
PB_API const pb_error *pb_session_error(const pb_session *s);
/* The user_data of the session's configuration, borrowed. */
PB_API void *pb_session_user_data(const pb_session *s);
/* The application's own pointer for this session, borrowed: the last one that was set by
 * pb_session_set_data; NULL before. Methods get the session from pb_request_session,
 * realms and checkers from pb_attempt_session. */
PB_API void *pb_session_data(const pb_session *s);
/* Sets the application's own pointer. destroy (may be NULL) is called with it when
 * another is set, or when the session is freed, after on_close; it may not use the
 * session. If this fails with PB_ERR_NOMEM, or PB_ERR_ARG without a session, destroy is
 * called at once. */
PB_API int pb_session_set_data(pb_session *s, void *data, void (*destroy)(void *data));
/* The peer, borrowed for the life of the session; never NULL. Valid from the first
 * callback to on_close. */
PB_API const pb_peer *pb_session_peer(pb_session *s);
/* Sets the limits for reading and writing from now on; NULL: the defaults. Returns 0, or
 * PB_ERR_ARG without a session. Mirrors setPrefixLimit and banana.SIZE_LIMIT. */
PB_API int pb_session_set_limits(pb_session *s, const pb_limits *l);

/* The numbers of calls, objects, references and bytes that a session holds. */
typedef struct {
    size_t pending;  /* outstanding calls of this side */
    size_t serving;  /* calls of the peer that are not answered yet */
    size_t exported; /* exported objects: those that the peer holds */
    size_t held;     /* imported references: each receipt is counted */
    size_t cached;   /* exported Cacheables: those that the peer has a cache of */
    size_t caches;   /* imported caches that are not uncached yet */
    size_t queued;   /* bytes waiting to be sent */
    size_t paging;   /* transfers of pages by this side in progress */
    size_t reserved[8];
} pb_session_stats;

/* Fills *out with the current numbers. */
PB_API void pb_session_get_stats(const pb_session *s, pb_session_stats *out);
/* Frees the session. In a callback, it is freed when the outermost call returns.
 * References to the peer's objects stay valid, but calls on them fail with PB_ERR_DEAD.
 * NULL is allowed. */
PB_API void pb_session_free(pb_session *s);
/* Called when a connection has ended. */
typedef void (*pb_session_cb)(pb_session *s, void *user_data);
/* Calls cb once when the connection ends, before on_close. PB_ERR_STATE if it has ended,
 * PB_ERR_NOMEM. Mirrors Broker.notifyOnDisconnect. */
PB_API int pb_session_notify_on_disconnect(pb_session *s, pb_session_cb cb,
                                           void *user_data);
/* Cancels the first notification with this cb and user_data. Mirrors
 * Broker.dontNotifyOnDisconnect. */
PB_API void pb_session_dont_notify_on_disconnect(pb_session *s, pb_session_cb cb,
                                                 void *user_data);
/* Publishes an object under a name, besides "root". PB_ERR_ARG, PB_ERR_STATE if the
 * session has ended or belongs to the parent process, PB_ERR_NOMEM. Mirrors
 * Broker.setNameForLocal. */
PB_API int pb_session_set_name_for_local(pb_session *s, const char *name, pb_object *o);
/* The root of the peer, *new*. No message is sent for it. Mirrors getRootObject. */
PB_API pb_remote *pb_session_root(pb_session *s) PB_MUST_USE;

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
