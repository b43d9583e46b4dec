/* SPDX-License-Identifier: MIT
 *
 * Sockets: sessions on an event loop, and a blocking client that needs no loop. Endpoints
 * are strings in Twisted's notation. Clients:
 *     tcp:HOST:PORT    unix:PATH    tls:HOST:PORT    ssl:HOST:PORT
 * with timeout=SECONDS, bindAddress=ADDRESS, and for TLS hostname=NAME (the expected name
 * of the server, instead of HOST) and privateKey=FILE; certificate=, trustRoots= for
 * tls:, and certKey=, caCertsDir= for ssl:. Servers:
 *     tcp:PORT  tcp6:PORT  unix:PATH  ssl:PORT  tls:PORT  systemd:domain=INET:index=0
 * with interface=ADDRESS, backlog=N, for UNIX mode=OCTAL and lockfile=1 (replaces a
 * socket on which no process listens), for TLS privateKey=, extraCertChain=, and
 * certificate=, trustRoots= for tls:, certKey=, caCertsDir= for ssl: (with roots, clients
 * must have a certificate signed by one of them), for systemd name=NAME instead of the
 * index. Files are in PEM; roots are a file or a folder of *.pem. "host:port" is a client
 * or a server of TCP. docs/guide-c.md lists the parameters that have a position.
 *
 * ":" and "\" within a part are written "\:" and "\\". An IPv6 address may be written in
 * brackets instead. Unlike Twisted's ssl:, libpb's always verifies the server and its
 * name. */
#ifndef PB_NET_H
#define PB_NET_H

#include "pb/login.h"
#include "pb/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Connections and servers ---- */

/* One connection, on one loop. */
typedef struct pb_conn pb_conn;
/* A listening socket, and the connections that it has accepted. */
typedef struct pb_server pb_server;

/* The configuration of a connection or server. Zero is the default of every field. */
typedef struct {
    pb_session_config session; /* the driver sets on_wake */
    int64_t connect_timeout;   /* milliseconds: 30000; negative: that of the system */
    /* Of a server: the most connections at one time. Further ones wait to be accepted.
     * 0: no limit. */
    size_t max_connections;
    /* of a server: other servers with this option may listen on the same port */
    bool reuse_port;
    /* Of a server: returns whether to accept a connection. At this point only the address
     * (and the process, for UNIX) of the peer is known. If it returns false, the
     * connection is closed before anything is sent or read. NULL: every connection is
     * accepted. user_data is session.user_data; peer is borrowed until it returns. */
    bool (*allow)(const pb_peer *peer, void *user_data);
    /* The connection is closed after this many milliseconds without traffic and calls; 0:
     * never. */
    int64_t idle_timeout;
    /* The connection is closed if the peer reads none of the unsent output for this many
     * milliseconds; 0: never. */
    int64_t write_timeout;
    /* seconds after which TCP detects that the peer is gone: 60; -1: never */
    int keep_alive;
    /* After ping_interval milliseconds without traffic a client calls this method of the
     * root. If no answer of any kind arrives within another ping_interval, the connection
     * is closed. NULL: no pings. */
    const char *ping_method;
    int64_t ping_interval;
    /* TLS, for an endpoint with TLS that does not set these itself. Paths of PEM
     * files. */
    /* the roots: a file or a folder of *.pem; the default of a client is the system's */
    const char *tls_ca;
    /* this side's own; the key may be in the certificate's file */
    const char *tls_certificate, *tls_key;
    /* the expected name of the server; NULL: the host */
    const char *tls_host_name;
    bool tls_insecure; /* a client accepts any certificate */
    void *reserved[8];
} pb_net_config;

/* Connects, and tries each address of the host. Returns a connection, borrowed from the
 * loop. The host name is looked up in a thread, so the loop continues meanwhile.
 * session.on_ready reports that the connection is ready. session.on_close reports that it
 * could not be made, or was closed (PB_ERR_LOST, PB_ERR_TIMEOUT, PB_ERR_SYSTEM), never
 * before this returns; after on_close the pb_conn is freed. NULL with PB_ERR_SYNTAX for a
 * malformed endpoint (with the offset of the error), PB_ERR_ARG without a loop,
 * PB_ERR_NOMEM. c may be NULL. Mirrors ClientEndpoint.connect(PBClientFactory()). */
PB_API pb_conn *pb_connect(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                           pb_error *err);

/* Flags of pb_conn_adopt. */
enum {
    PB_ADOPT_CLIENT = 1, /* this side is the client; otherwise it is the server */
    PB_ADOPT_TLS = 2,    /* with TLS, by the tls_ fields of the config */
};

/* Makes a connection from a stream socket that the program has connected or accepted, or
 * from one end of a socketpair. Returns as pb_connect. Takes over fd, even if it fails;
 * if fd is below 3, it is moved to another number. The TLS files are read at each call. A
 * TLS client must name the server that it expects (tls_host_name) or accept any
 * (tls_insecure), else PB_ERR_ARG. PB_ERR_SYSTEM for a descriptor that cannot be used. c
 * may be NULL. Mirrors IReactorSocket.adoptStreamConnection. */
PB_API pb_conn *pb_conn_adopt(pb_loop *loop, int fd, int flags, const pb_net_config *c,
                              pb_error *err);
/* The session of a connection, borrowed. It is freed with the connection, after
 * on_close. */
PB_API pb_session *pb_conn_session(const pb_conn *c);
/* The root of the peer, *new*. May be called at once; calls on the root wait until the
 * connection is ready, and their time-outs start then. NULL if memory is exhausted. */
PB_API pb_remote *pb_conn_root(pb_conn *c) PB_MUST_USE;
/* Ends the session: on_close runs. The socket is closed when all output has been sent,
 * or after five seconds. Mirrors PBClientFactory.disconnect. */
PB_API void pb_conn_close(pb_conn *c);
/* Drains and closes a connection: it is closed when no call is outstanding in either
 * direction and all output has been sent, or after `drain_timeout`
 * milliseconds (negative: no limit). Once this side has no outstanding calls, it reads no
 * more calls of the peer. */
PB_API void pb_conn_drain(pb_conn *c, int64_t drain_timeout);

/* Listens: a server, borrowed from the loop until pb_server_close. Each connection gets
 * its own session, with the configuration c->session. NULL with an error as from
 * pb_connect, or PB_ERR_SYSTEM. Mirrors ServerEndpoint.listen(PBServerFactory(root)). */
PB_API pb_server *pb_serve(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                           pb_error *err);
/* The port on which the server listens (for an endpoint with port 0, the assigned one); 0
 * for a UNIX socket. */
PB_API int pb_server_port(const pb_server *s);
/* The current number of connections. */
PB_API size_t pb_server_connections(const pb_server *s);
/* Stops listening, and closes the connections. When the last one is closed, in the loop,
 * `closed` runs (it may be NULL), and s is freed. Call it once. It may also be called
 * after pb_server_drain, to end the draining; then the `closed` of pb_server_drain
 * runs. */
PB_API void pb_server_close(pb_server *s, void (*closed)(void *user_data),
                            void *user_data);
/* Stops listening, and drains each connection as pb_conn_drain does. */
PB_API void pb_server_drain(pb_server *s, int64_t drain_timeout,
                            void (*closed)(void *user_data), void *user_data);

/* ---- Threads ---- */

/* A loop, its connections, and their sessions, objects, references and values belong to
 * the thread that runs the loop. No other thread may use them, not even to add an owner.
 * To serve with several threads (or processes), give each its own loop, and set
 * reuse_port in pb_net_config; they share nothing. Other threads reach the thread of a
 * loop by a pb_post: pb_post_run is the only function here that any thread may call at
 * any time. Pass it plain data. */
typedef struct pb_post pb_post;

/* A post for a loop, *new*. Call it in the loop's thread, or before the loop runs. It
 * holds a count of the loop until pb_post_close. NULL with PB_ERR_NOMEM, PB_ERR_SYSTEM if
 * no descriptor is left, PB_ERR_ARG without a loop. */
PB_API pb_post *pb_post_new(pb_loop *loop, pb_error *err) PB_MUST_USE;
/* Makes the loop's thread run a function soon, once, in the order of posting. Any thread
 * may call it. PB_ERR_NOMEM, or PB_ERR_STATE after pb_post_close; then the function does
 * not run. Mirrors reactor.callFromThread. */
PB_API int pb_post_run(pb_post *p, void (*run)(void *data), void *data);
/* Refuses further functions. Before it returns, it runs those already posted. Call it
 * once, in the loop's thread. */
PB_API void pb_post_close(pb_post *p);
/* Frees a post. Call it after pb_post_close, when no thread will use the post any more;
 * any thread may call it. NULL is allowed. */
PB_API void pb_post_free(pb_post *p);

/* ---- Logging ---- */

/* For session.on_log: writes a line to standard error, with the time, the peer's address
 * and the level. Characters that could control a terminal are escaped. The environment
 * variable PB_DEBUG sets this function for a program without its own on_log:
 * PB_DEBUG=error, warning or info logs up to that level; PB_DEBUG=1 (or debug) also logs
 * each message, as PB_LOG_DEBUG in session.log_level does. */
PB_API void pb_log_to_stderr(pb_session *s, pb_log_level level, const char *text,
                             void *user_data);

/* ---- The blocking client ---- */

/* A blocking client: it connects, calls, and returns the value or the error. It belongs
 * to one thread at a time. */
typedef struct pb_client pb_client;

/* Connects and negotiates. Returns a client, *new* (pb_client_free), or NULL and the
 * error, as pb_connect. c may be NULL. The client reads from the peer only during this
 * call and later ones that wait. */
PB_API pb_client *pb_client_open(const char *endpoint, const pb_net_config *c,
                                 pb_error *err) PB_MUST_USE;
/* The root of the peer, borrowed from the client; NULL for NULL. */
PB_API pb_remote *pb_client_root(pb_client *c);
/* Logs in and waits: the avatar, *new*, or NULL and err, as pb_client_call. mind may be
 * NULL; calls of the server to it are served only while a call waits. Mirrors
 * PBClientFactory.login. */
PB_API pb_remote *pb_client_login(pb_client *c, const pb_credentials *who, pb_value *mind,
                                  pb_error *err) PB_MUST_USE;
/* The same with any value that the service answers with, *new*: an avatar is a
 * PB_REMOTE. */
PB_API pb_value *pb_client_login_value(pb_client *c, const pb_credentials *who,
                                       pb_value *mind, pb_error *err) PB_MUST_USE;
/* Sets the time-out of each later call, in milliseconds; 0 or less: none. */
PB_API void pb_client_set_timeout(pb_client *c, int64_t timeout);
/* Calls and waits: the result, *new*, or NULL and err. The arguments are built by a
 * format, as in pb_remote_call: "s, depth=i". If the peer answers with a failure,
 * err->code is PB_ERR_REMOTE, err->text has its type and text, and pb_client_failure
 * returns it in full. You may make several calls in sequence and check err once: it
 * keeps the first error. If the client, the reference or an argument is NULL, no call is
 * made (PB_ERR_ARG). */
PB_API pb_value *pb_client_call(pb_client *c, pb_remote *to, const char *method,
                                pb_error *err, const char *format, ...) PB_MUST_USE;
/* The same with args (a tuple) and kwargs (a dict); each may be NULL for none. */
PB_API pb_value *pb_client_call_values(pb_client *c, pb_remote *to, const char *method,
                                       pb_value *args, pb_value *kwargs,
                                       pb_error *err) PB_MUST_USE;
/* Serves the peer for that many milliseconds: handles its calls, and the references that
 * it releases. 0, or PB_ERR_LOST as soon as the connection is closed. */
PB_API int pb_client_wait(pb_client *c, int64_t milliseconds);
/* The failure of the last call that returned NULL, borrowed until the next call. NULL if
 * there is none, because nothing was sent. */
PB_API const pb_failure *pb_client_failure(const pb_client *c);
/* The session of the client, borrowed; NULL once the connection is closed. */
PB_API pb_session *pb_client_session(const pb_client *c);
/* Closes the connection. References to the peer's objects stay valid, but calls on them
 * fail with PB_ERR_DEAD. NULL is allowed. */
PB_API void pb_client_free(pb_client *c);

/* ---- Example ---- */

/* A client that waits: calls a method and prints the answer.
 *
 *     int main(void)
 *     {
 *         pb_error err = {0};
 *         pb_client *client = pb_client_open("tcp:localhost:8800", NULL, &err);
 *         pb_value *sum =
 *             pb_client_call(client, pb_client_root(client), "add", &err, "ii", 1, 2);
 *         char *text = sum ? pb_value_repr(sum) : NULL;
 *         printf("%s\n", text ? text : err.text);
 *         pb_free(text);
 *         pb_value_unref(sum);
 *         pb_client_free(client);
 *         return err.code ? 1 : 0;
 *     } */

#ifdef __cplusplus
}
#endif
#endif
