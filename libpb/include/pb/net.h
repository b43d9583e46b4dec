/* SPDX-License-Identifier: MIT
 *
 * Sockets: sessions under an event loop, and a blocking client that needs no loop.
 * Endpoints are strings as Twisted writes them. Clients:
 *     tcp:HOST:PORT    unix:PATH    tls:HOST:PORT    ssl:HOST:PORT
 * with timeout=SECONDS, bindAddress=ADDRESS, and for TLS hostname=NAME (the name that is
 * expected instead of HOST) and privateKey=FILE; certificate=, trustRoots= for tls:, and
 * certKey=, caCertsDir= for ssl:. Servers:
 *     tcp:PORT  tcp6:PORT  unix:PATH  ssl:PORT  tls:PORT  systemd:domain=INET:index=0
 * with interface=ADDRESS, backlog=N; for UNIX mode=OCTAL and lockfile=1 (a path on which
 * no program listens is taken over); for TLS privateKey=, extraCertChain=, and
 * certificate=, trustRoots= for tls:, certKey=, caCertsDir= for ssl: (with the roots, only
 * clients with such a certificate are accepted); for systemd name=NAME instead of the
 * index. Files are PEM; roots are a file or a folder of *.pem. "host:port" is a client or a
 * server of TCP. The parameters that have a position are in docs/guide-c.md.
 * ":" and "\" within a part are written "\:" and "\\"; an IPv6 address may stand in
 * brackets instead. Unlike Twisted's ssl:, ours verifies the server and its name always. */
#ifndef PB_NET_H
#define PB_NET_H

#include "pb/login.h"
#include "pb/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Connections and servers ---- */

/* One connection, on the loop that it was made for. */
typedef struct pb_conn pb_conn;
/* What listens, and the connections that came of it. */
typedef struct pb_server pb_server;

/* Zero is the default of every field. */
typedef struct {
    pb_session_config session; /* its on_wake is the driver's own */
    int64_t connect_timeout;   /* milliseconds: 30000; negative: the system's */
    size_t max_connections;    /* of a server at once, more wait: 0 is no limit */
    bool reuse_port; /* of a server: others, with the same, listen on that port too */
    /* Of a server: whether to take a connection, of which so far only the address is known
     * (and the process); false closes it before anything is sent or read. NULL: all are
     * taken. user_data is session.user_data; peer is borrowed until it returns. */
    bool (*allow)(const pb_peer *peer, void *user_data);
    int64_t idle_timeout; /* milliseconds without a word and without a call; 0: none */
    int64_t
        write_timeout; /* in which a peer takes nothing of what waits for it; 0: none */
    int keep_alive; /* seconds: TCP finds a peer that is gone in that time: 60; -1: never */
    /* A client calls that method of the root after so many milliseconds without a word;
     * without an answer, any, for as long again the connection ends. NULL: it does not. */
    const char *ping_method;
    int64_t ping_interval;
    /* TLS, where the endpoint has TLS and does not say itself. Paths of PEM files. */
    const char
        *tls_ca; /* roots: a file or a folder of *.pem; of a client: the system's */
    const char *tls_certificate, *tls_key; /* our own; the key may be in the first file */
    const char *tls_host_name;             /* whom a client expects; NULL: the host */
    bool tls_insecure;                     /* a client takes any certificate */
    void *reserved[8];
} pb_net_config;

/* Connects, trying each address of the host: a connection, borrowed from the loop. The
 * host's name is looked up in a thread, so that the loop goes on.
 * session.on_ready tells when it is there, session.on_close when it is not or no more
 * (PB_ERR_LOST, PB_ERR_TIMEOUT, PB_ERR_SYSTEM), never before this returns; after
 * on_close the pb_conn is gone. NULL with PB_ERR_SYNTAX for a malformed endpoint (offset
 * of the place), PB_ERR_ARG without a loop, PB_ERR_NOMEM. c may be NULL. Mirrors
 * ClientEndpoint.connect(PBClientFactory()). */
PB_API pb_conn *pb_connect(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                           pb_error *err);

/* What pb_conn_adopt makes of a socket: bits. */
enum {
    PB_ADOPT_CLIENT = 1, /* this side is the client; else it is the server */
    PB_ADOPT_TLS = 2,    /* by the tls_ fields of the config */
};

/* The connection over a stream socket that the program has connected or accepted, or one
 * end of a socketpair: as pb_connect. Takes fd over, also where this fails; it gets another
 * number if it is below 3. The files of TLS are read each time, and a TLS client must say
 * whom it expects (tls_host_name) or take anybody (tls_insecure), else PB_ERR_ARG.
 * PB_ERR_SYSTEM for a descriptor of no use. c may be NULL. Mirrors
 * IReactorSocket.adoptStreamConnection. */
PB_API pb_conn *pb_conn_adopt(pb_loop *loop, int fd, int flags, const pb_net_config *c,
                              pb_error *err);
/* Its session, borrowed: it goes with the connection, after on_close. */
PB_API pb_session *pb_conn_session(const pb_conn *c);
/* The peer's root, *new*: may be called at once, calls on it wait until the connection is
 * there, and their time-outs count from then. NULL for lack of memory. */
PB_API pb_remote *pb_conn_root(pb_conn *c);
/* Ends the session: on_close runs. The socket closes when what waits to be sent has gone,
 * after five seconds at the latest. Mirrors PBClientFactory.disconnect. */
PB_API void pb_conn_close(pb_conn *c);
/* The same as soon as no call is under way, in either direction, and all is sent, but after
 * `patience` milliseconds at the latest (negative: never): calls that come meanwhile are
 * not heard any more. */
PB_API void pb_conn_drain(pb_conn *c, int64_t patience);

/* Listens. Each connection gets a session of its own with c->session's config. NULL with
 * an error as above, or PB_ERR_SYSTEM. Mirrors
 * ServerEndpoint.listen(PBServerFactory(root)). */
PB_API pb_server *pb_serve(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                           pb_error *err);
/* The port that it listens on (where 0 was asked for); 0 for a UNIX socket. */
PB_API int pb_server_port(const pb_server *s);
/* How many connections it has now. */
PB_API size_t pb_server_connections(const pb_server *s);
/* Stops listening, closes the connections, and frees s when the last is gone, in the loop;
 * closed (may be NULL) runs then. Once; but after pb_server_drain, whose closed then
 * runs, it may be called to wait no longer. */
PB_API void pb_server_close(pb_server *s, void (*closed)(void *user_data),
                            void *user_data);
/* The same as pb_conn_drain for each connection. */
PB_API void pb_server_drain(pb_server *s, int64_t patience,
                            void (*closed)(void *user_data), void *user_data);

/* ---- Threads ---- */

/* A loop, its connections, their sessions, objects, references and values belong
 * to the thread that runs the loop; nothing of them may be touched from another, not even
 * to count. Several threads (or processes) serve with a loop each, and pb_net_config's
 * reuse_port; they share nothing. Other threads get into a loop's by a pb_post, whose
 * pb_post_run is the one function here that any thread may call at any time, and pass plain
 * data of their own. */
typedef struct pb_post pb_post;

/* The way into a loop, *new*; called in the loop's thread, or before it runs. It keeps the
 * loop alive until pb_post_close. NULL with PB_ERR_NOMEM, PB_ERR_SYSTEM for lack of a
 * descriptor, PB_ERR_ARG without a loop. */
PB_API pb_post *pb_post_new(pb_loop *loop, pb_error *err);
/* Has the loop's thread run a function soon, in the order of posting, once. From any
 * thread. PB_ERR_NOMEM, PB_ERR_STATE after pb_post_close: it will not run then. Mirrors
 * reactor.callFromThread. */
PB_API int pb_post_run(pb_post *p, void (*run)(void *data), void *data);
/* Takes no more, and runs what was posted before this returns. In the loop's thread,
 * once. */
PB_API void pb_post_close(pb_post *p);
/* After pb_post_close, and when no thread will post any more; from any. NULL is allowed. */
PB_API void pb_post_free(pb_post *p);

/* ---- What goes on ---- */

/* For session.on_log: writes a line to standard error, with the time, the peer's address
 * and the level; what could do something to a terminal as escapes. A program that sets no
 * on_log gets it by the environment: PB_DEBUG=error, warning or info, up to that level, and
 * PB_DEBUG=1 (or debug) also each message, as session.log_level PB_LOG_DEBUG. */
PB_API void pb_log_to_stderr(pb_session *s, pb_log_level level, const char *text,
                             void *user_data);

/* ---- The blocking client ---- */

/* A blocking client: connect, call, get the value or the error. It belongs to one thread
 * at a time. */
typedef struct pb_client pb_client;

/* A client that is connected and has negotiated, *new* (pb_client_free), or NULL and the
 * error, as pb_connect. c may be NULL. The peer is heard only
 * while this or a call waits. */
PB_API pb_client *pb_client_open(const char *endpoint, const pb_net_config *c,
                                 pb_error *err);
/* The peer's root, borrowed from the client; NULL for NULL. */
PB_API pb_remote *pb_client_root(pb_client *c);
/* Logs in and waits: the avatar, *new*, or NULL and err, as pb_client_call. mind may be
 * NULL; what the server calls on it is heard only while a call waits. Mirrors
 * PBClientFactory.login. */
PB_API pb_remote *pb_client_login(pb_client *c, const pb_credentials *who, pb_value *mind,
                                  pb_error *err);
/* Milliseconds that each call may take from now on; 0: for ever. */
PB_API void pb_client_set_timeout(pb_client *c, int64_t timeout);
/* Calls and waits: the result, *new*, or NULL and err. The arguments are built by a format,
 * as by pb_remote_call: "s, depth=i". A failure of the peer's has err->code
 * PB_ERR_REMOTE, its type and text in err->text, and is whole in pb_client_failure. Calls
 * may follow one another and err be looked at once, for the first error stays in it:
 * without a client, a reference (PB_ERR_ARG) or an argument, nothing is called. */
PB_API pb_value *pb_client_call(pb_client *c, pb_remote *to, const char *method,
                                pb_error *err, const char *format, ...);
/* The same with args (a tuple) and kwargs (a dict), either NULL for none. */
PB_API pb_value *pb_client_call_values(pb_client *c, pb_remote *to, const char *method,
                                       pb_value *args, pb_value *kwargs, pb_error *err);
/* Hears the peer for so many milliseconds: what it calls is called, what it gives back is
 * taken. 0, or PB_ERR_LOST as soon as the connection is gone. */
PB_API int pb_client_wait(pb_client *c, int64_t milliseconds);
/* The failure behind the last NULL, borrowed until the next call; NULL if there is none:
 * nothing was sent then. */
PB_API const pb_failure *pb_client_failure(const pb_client *c);
/* Its session, borrowed; NULL once the connection is gone. */
PB_API pb_session *pb_client_session(const pb_client *c);
/* Closes the connection. References to the peer live on as dead ones. NULL is allowed. */
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
