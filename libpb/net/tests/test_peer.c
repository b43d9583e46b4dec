/* SPDX-License-Identifier: MIT
 *
 * pb_peer, the description of the other end: addresses of TCP and UNIX, certificates,
 * what is known in each callback, and connections that a server does not take. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libpb/base/mem.h"
#include "libpb/net/conn.h"
#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/peers.h"

/* ---- Addresses as text ---- */

static void check_text(const void *from, socklen_t len, const char *address,
                       const char *host)
{
    struct sockaddr_storage is = {0};
    memcpy(&is, from, len);
    struct pb__address at = pb__address_of((struct sockaddr *)&is, len);
    struct pb__peer p;
    pb__peer_init(&p, &at, -1);
    cr_assert_eq(!address, !p.shown.address);
    cr_assert_eq(!host, !p.shown.host);
    cr_assert_str_eq(address ? p.shown.address : "", address ? address : "");
    cr_assert_str_eq(host ? p.shown.host : "", host ? host : "");
    cr_assert(!p.shown.process && !p.shown.tls);
    pb__peer_fini(&p);
}

static struct sockaddr_in6 ip6(const char *text)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(4000)};
    cr_assert_eq(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
    return a;
}

PB_TEST(peer, addresses)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(4000)};
    cr_assert_eq(inet_pton(AF_INET, "192.0.2.1", &four.sin_addr), 1);
    check_text(&four, sizeof four, "tcp:192.0.2.1:4000", "192.0.2.1");
    struct sockaddr_in6 six = ip6("2001:db8::1");
    check_text(&six, sizeof six, "tcp:[2001:db8::1]:4000", "2001:db8::1");
    /* By whichever way it came, it is one to ban. */
    six = ip6("::ffff:192.0.2.1");
    check_text(&six, sizeof six, "tcp:192.0.2.1:4000", "192.0.2.1");
    sa_family_t un = AF_UNIX;
    check_text(&un, sizeof un, "unix:", NULL);
    check_text(&un, 0, NULL, NULL);
    sa_family_t strange = AF_UNSPEC;
    check_text(&strange, sizeof strange, NULL, NULL);
}

/* ---- In each callback ---- */

enum { PLACES = 5, AT_ALLOW = 0, AT_ROOT, AT_READY, AT_CALL, AT_CLOSE };

/* What a server has seen of its peer, and when. */
struct watched {
    struct loop loop;
    struct seen seen; /* of the client */
    pb_server *server;
    pb_conn *conn;
    char address[PLACES][128], host[PLACES][64];
    char subject[PLACES][128];
    pb_peer_process process;
    bool refuse;
    int allowed, ready, closed, destroyed;
    char warnings[200]; /* that the server has logged */
};

static void note_peer(struct watched *w, int place, const pb_peer *peer)
{
    snprintf(w->address[place], sizeof w->address[place], "%s",
             peer->address ? peer->address : "none");
    snprintf(w->host[place], sizeof w->host[place], "%s",
             peer->host ? peer->host : "none");
    snprintf(w->subject[place], sizeof w->subject[place], "%s",
             !peer->tls               ? "none"
             : peer->tls->certificate ? peer->tls->subject
                                      : "no certificate");
    if (peer->process) {
        w->process = *peer->process;
    }
}

static bool on_allow(const pb_peer *peer, void *user_data)
{
    struct watched *w = user_data;
    w->allowed++;
    note_peer(w, AT_ALLOW, peer);
    cr_assert_null(peer->tls);
    return !w->refuse;
}

static int serve_whoami(void *self, pb_request *r)
{
    note_peer(self, AT_CALL, pb_session_peer(pb_request_session(r)));
    cr_assert_eq(pb_session_data(pb_request_session(r)), self);
    return 0;
}

static const pb_class whoami_class = {
    .name = "Whoami", .remote = (const pb_method[]){{"whoami", serve_whoami}, {0}}};

static void data_destroyed(void *data)
{
    ((struct watched *)data)->destroyed++;
}

static pb_object *give_root(pb_session *s, void *user_data)
{
    struct watched *w = user_data;
    note_peer(w, AT_ROOT, pb_session_peer(s));
    cr_assert_eq(pb_session_set_data(s, w, data_destroyed), 0);
    return pb_object_new(&whoami_class, w);
}

static void server_ready(pb_session *s, void *user_data)
{
    struct watched *w = user_data;
    w->ready++;
    note_peer(w, AT_READY, pb_session_peer(s));
}

static void server_closed(pb_session *s, const pb_error *why, void *user_data)
{
    struct watched *w = user_data;
    (void)why;
    w->closed++;
    cr_assert_eq(w->destroyed, w->closed - 1);
    cr_assert_eq(pb_session_data(s), w);
    note_peer(w, AT_CLOSE, pb_session_peer(s));
}

static void server_logs(pb_session *s, pb_log_level level, const char *text,
                        void *user_data)
{
    struct watched *w = user_data;
    size_t len = strlen(w->warnings);
    (void)s;
    if (level == PB_LOG_WARNING) {
        snprintf(w->warnings + len, sizeof w->warnings - len, "%s\n", text);
    }
}

static pb_net_config watching(struct watched *w)
{
    pb_net_config c = {.session = {.root_object = give_root,
                                   .on_ready = server_ready,
                                   .on_close = server_closed,
                                   .on_log = server_logs,
                                   .user_data = w},
                       .allow = on_allow};
    return c;
}

static void begin_watched(struct watched *w, const char *listen, pb_net_config config)
{
    pb_error err = {0};
    w->server = pb_serve(w->loop.pb, listen, &config, &err);
    cr_assert(w->server, "%s", err.text);
}

static void join(struct watched *w, const char *endpoint, pb_net_config config)
{
    pb_error err = {0};
    w->conn = pb_connect(w->loop.pb, endpoint, &config, &err);
    cr_assert(w->conn, "%s", err.text);
}

static void call_whoami(struct watched *w)
{
    pb_remote *root = pb_conn_root(w->conn);
    cr_assert_eq(pb_remote_call(root, "whoami", on_answer, &w->seen, NULL, ""), 0);
    pb_remote_unref(root);
    RUN_UNTIL(&w->loop, w->seen.answers + w->seen.failures == 1);
}

static void end_watched(struct watched *w)
{
    pb_server_close(w->server, NULL, NULL);
    end_loop(&w->loop);
    seen_fini(&w->seen);
}

static int local_port_of(const pb_conn *c)
{
    struct sockaddr_in is;
    socklen_t len = sizeof is;
    cr_assert_eq(getsockname(c->fd, (struct sockaddr *)&is, &len), 0);
    return ntohs(is.sin_port);
}

PB_TEST(peer, of_tcp_in_each_callback)
{
    struct watched w = {0};
    char ours[64];
    begin_loop(&w.loop);
    begin_watched(&w, "tcp:0:interface=127.0.0.1", watching(&w));
    int port = pb_server_port(w.server);
    join(&w, at_port(port), config_of(&w.seen));
    call_whoami(&w);
    snprintf(ours, sizeof ours, "tcp:127.0.0.1:%d", local_port_of(w.conn));
    const pb_peer *peer = pb_session_peer(pb_conn_session(w.conn));
    cr_assert_str_eq(peer->address, at_port(port));
    cr_assert_str_eq(peer->host, "127.0.0.1");
    cr_assert(!peer->process && !peer->tls);
    cr_assert_eq(pb_session_peer(pb_conn_session(w.conn)), peer);
    pb_conn_close(w.conn);
    RUN_UNTIL(&w.loop, w.closed == 1);
    for (int i = 0; i < PLACES; i++) {
        cr_assert_str_eq(w.address[i], ours);
        cr_assert_str_eq(w.host[i], "127.0.0.1");
    }
    end_watched(&w);
    cr_assert_eq(w.destroyed, 1);
}

/* The address of a client that resets its connection at once is known all the same. */
PB_TEST(peer, that_was_gone_at_once)
{
    struct watched w = {0};
    begin_loop(&w.loop);
    begin_watched(&w, "tcp:0:interface=127.0.0.1", watching(&w));
    raw_reset(raw_connect(pb_server_port(w.server)));
    RUN_UNTIL(&w.loop, w.closed == 1);
    cr_assert_str_eq(w.host[AT_ALLOW], "127.0.0.1");
    cr_assert_str_eq(w.host[AT_CLOSE], "127.0.0.1");
    cr_assert_eq(w.ready, 0);
    end_watched(&w);
}

PB_TEST(peer, of_unix_is_a_process)
{
    struct watched w = {0};
    char path[64], endpoint[80];
    snprintf(path, sizeof path, "/tmp/pb-peer-%d", (int)getpid());
    snprintf(endpoint, sizeof endpoint, "unix:%s", path);
    begin_loop(&w.loop);
    begin_watched(&w, endpoint, watching(&w));
    join(&w, endpoint, config_of(&w.seen));
    call_whoami(&w);
    const pb_peer *peer = pb_session_peer(pb_conn_session(w.conn));
    cr_assert_str_eq(peer->address, endpoint);
    cr_assert_null(peer->host);
    cr_assert_str_eq(w.address[AT_ALLOW], "unix:");
    cr_assert_str_eq(w.address[AT_CALL], "unix:");
    cr_assert_str_eq(w.host[AT_CALL], "none");
#ifdef __linux__
    cr_assert(w.process.pid == getpid() && w.process.uid == (int64_t)getuid() &&
              w.process.gid == (int64_t)getgid());
    cr_assert(peer->process && peer->process->pid == getpid());
#endif
    pb_conn_close(w.conn);
    RUN_UNTIL(&w.loop, w.closed == 1);
    cr_assert_str_eq(w.address[AT_CLOSE], "unix:");
    end_watched(&w);
}

PB_TEST(peer, that_is_not_allowed)
{
    struct watched w = {.refuse = true};
    begin_loop(&w.loop);
    begin_watched(&w, "tcp:0:interface=127.0.0.1", watching(&w));
    for (int i = 1; i <= 3; i++) {
        join(&w, at_port(pb_server_port(w.server)), config_of(&w.seen));
        RUN_UNTIL(&w.loop, w.seen.closed == i);
        cr_assert_eq(w.allowed, i);
        cr_assert_eq(w.seen.why.code, PB_ERR_LOST);
        cr_assert_eq(pb_server_connections(w.server), 0);
    }
    cr_assert(w.ready == 0 && w.closed == 0 && w.seen.ready == 0);
    cr_assert_str_eq(w.host[AT_ALLOW], "127.0.0.1");
    w.refuse = false;
    join(&w, at_port(pb_server_port(w.server)), config_of(&w.seen));
    call_whoami(&w);
    cr_assert_eq(w.ready, 1);
    pb_conn_close(w.conn);
    end_watched(&w);
}

static bool close_in_allow(const pb_peer *peer, void *user_data)
{
    struct watched *w = user_data;
    (void)peer;
    w->allowed++;
    pb_server_close(w->server, NULL, NULL);
    return true;
}

PB_TEST(peer, server_may_close_when_asked)
{
    struct watched w = {0};
    begin_loop(&w.loop);
    pb_net_config config = watching(&w);
    config.allow = close_in_allow;
    begin_watched(&w, "tcp:0:interface=127.0.0.1", config);
    join(&w, at_port(pb_server_port(w.server)), config_of(&w.seen));
    RUN_UNTIL(&w.loop, w.seen.closed == 1);
    end_loop(&w.loop);
    cr_assert(w.allowed == 1 && w.ready == 0);
    seen_fini(&w.seen);
}

/* A client that never got a connection has no peer. */
PB_TEST(peer, of_nobody)
{
    struct watched w = {0};
    begin_loop(&w.loop);
    int port, fd = raw_listen(&port, 1);
    close(fd);
    join(&w, at_port(port), config_of(&w.seen));
    const pb_peer *peer = pb_session_peer(pb_conn_session(w.conn));
    cr_assert(!peer->address && !peer->host && !peer->process && !peer->tls);
    RUN_UNTIL(&w.loop, w.seen.closed == 1);
    end_loop(&w.loop);
    seen_fini(&w.seen);
}

/* ---- TLS ---- */

#ifndef PB__WITHOUT_TLS
static void join_tls(struct watched *w, pb_net_config client)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tls:127.0.0.1:%d", pb_server_port(w->server));
    join(w, endpoint, client);
}

/* Both have the certificate, and trust it. */
static void begin_tls(struct watched *w, bool client_has_one, bool insecure)
{
    pb_net_config server = watching(w), client = config_of(&w->seen);
    begin_loop(&w->loop);
    server.tls_certificate = certificate_path;
    server.tls_ca = client_has_one ? certificate_path : NULL;
    begin_watched(w, "tls:0:interface=127.0.0.1", server);
    client.tls_certificate = client_has_one ? certificate_path : NULL;
    client.tls_ca = insecure ? NULL : certificate_path;
    client.tls_insecure = insecure;
    join_tls(w, client);
    cr_assert_null(pb_session_peer(pb_conn_session(w->conn))->tls);
    call_whoami(w);
}

static void end_tls(struct watched *w)
{
    pb_conn_close(w->conn);
    RUN_UNTIL(&w->loop, w->closed == 1);
    end_watched(w);
}

static char *file_of(const char *path)
{
    static char text[20000];
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

PB_TEST(peer, of_tls_has_a_certificate)
{
    make_certificate();
    struct watched w = {0};
    begin_tls(&w, false, false);
    const pb_peer_tls *tls = pb_session_peer(pb_conn_session(w.conn))->tls;
    cr_assert(tls && tls->verified);
    cr_assert_str_eq(tls->version, "TLSv1.3");
    cr_assert_not_null(strstr(tls->cipher, "_"));
    cr_assert_str_eq(tls->subject, "CN=test");
    cr_assert_str_eq(tls->names[0], "DNS:localhost");
    cr_assert_str_eq(tls->names[1], "IP:127.0.0.1");
    cr_assert_null(tls->names[2]);
    cr_assert_eq(strncmp(tls->certificate, "-----BEGIN CERTIFICATE-----\n", 28), 0);
    cr_assert_eq(strstr(file_of(certificate_path), tls->certificate),
                 file_of(certificate_path));
    /* The client has shown none. */
    static const char *const expected[] = {"none", "none", "no certificate",
                                           "no certificate", "no certificate"};
    end_tls(&w);
    for (int i = 0; i < PLACES; i++) {
        cr_assert_str_eq(w.subject[i], expected[i], "%d: %s", i, w.subject[i]);
    }
    remove(certificate_path);
}

PB_TEST(peer, of_tls_on_the_servers_side)
{
    make_certificate();
    struct watched w = {0};
    begin_tls(&w, true, false);
    end_tls(&w);
    for (int i = AT_READY; i < PLACES; i++) {
        cr_assert_str_eq(w.subject[i], "CN=test");
    }
    remove(certificate_path);
}

/* Of a key that everybody can read, a server warns once. */
PB_TEST(peer, of_tls_with_an_open_key)
{
    for (int open = 0; open < 2; open++) {
        make_certificate();
        cr_assert_eq(chmod(certificate_path, open ? 0644 : 0640), 0);
        struct watched w = {0};
        begin_tls(&w, false, false);
        pb_conn_close(w.conn);
        RUN_UNTIL(&w.loop, w.closed == 1);
        pb_net_config again = config_of(&w.seen);
        again.tls_ca = certificate_path;
        join_tls(&w, again);
        RUN_UNTIL(&w.loop, w.ready == 2);
        pb_conn_close(w.conn);
        RUN_UNTIL(&w.loop, w.closed == 2);
        end_watched(&w);
        char warning[200] = "";
        if (open) {
            snprintf(warning, sizeof warning,
                     "everybody can read the key in %s: see chmod(1)\n",
                     certificate_path);
        }
        cr_assert_str_eq(w.warnings, warning);
        remove(certificate_path);
    }
}

PB_TEST(peer, of_tls_that_nobody_has_verified)
{
    make_certificate();
    struct watched w = {0};
    begin_tls(&w, false, true);
    const pb_peer_tls *tls = pb_session_peer(pb_conn_session(w.conn))->tls;
    cr_assert(tls && !tls->verified);
    cr_assert_str_eq(tls->subject, "CN=test");
    end_tls(&w);
    remove(certificate_path);
}

/* Names that could pass for others, of characters that no name has, are not shown. */
PB_TEST(peer, has_no_names_that_deceive)
{
    static const char deceives[] = "bank.example\0.example";
    static const char *const subject[] = {"CN", "test\n,x", "O", "\xc3\x89t\xc3\xa9",
                                          NULL};
    make_certificate_of(
        subject, certificate_names("email:ada@example.org,URI:urn:x,IP:2001:db8::1,"
                                   "DNS:plain.example,otherName:1.2.3;UTF8:other",
                                   deceives, sizeof deceives - 1));
    struct pb__tls_options server = {.certificate = certificate_path};
    struct pb__tls_options client = {.ca = certificate_path, .insecure = true};
    struct pb__tls_context *at_server = pb__tls_context_new(&server, false, NULL);
    struct pb__tls_context *at_client = pb__tls_context_new(&client, true, NULL);
    struct pb__tls *ends[] = {pb__tls_new(at_client, "localhost"),
                              pb__tls_new(at_server, NULL)};
    pb_peer_tls shown;
    void *texts = NULL;
    cr_assert_eq(pb__tls_describe(ends[0], &shown, &texts), PB_ERR_STATE);
    for (int turn = 0; turn < 6; turn++) {
        pb_span out = pb__tls_send(ends[turn % 2]);
        cr_assert_eq(pb__tls_recv(ends[!(turn % 2)], out, NULL), 0);
        pb__tls_sent(ends[turn % 2], out.len);
    }
    cr_assert_eq(pb__tls_describe(ends[0], &shown, &texts), 0);
    static const char *const names[] = {"email:ada@example.org", "URI:urn:x",
                                        "IP:2001:db8::1", "DNS:plain.example"};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(shown.names[i], names[i]);
    }
    cr_assert_null(shown.names[4]);
    cr_assert_str_eq(shown.subject, "O=\xc3\x89t\xc3\xa9,CN=test\\0A\\,x");
    pb__free(texts);
    pb__tls_free(ends[0]);
    pb__tls_free(ends[1]);
    pb__tls_context_unref(at_server);
    pb__tls_context_unref(at_client);
    remove(certificate_path);
}
#endif
