/* SPDX-License-Identifier: MIT
 *
 * Silence, by a made-up clock: a connection on one end of a pair of sockets, raw bytes on
 * the other. When a peer is dropped for saying or taking nothing, and when that is not
 * its fault. */
#include <fcntl.h>
#include <poll.h>

#include "libpb/net/tests/peers.h"
#include "pb/paging.h"

enum { PATIENCE = 100, BLOB = 600 << 10 };

/* A loop with one connection, which goes on when the test says so. */
struct made {
    pb_loop *loop;
    pb_conn *conn;
    pb_session *session;
    pb_watch *watch;
    int64_t now, due;
    int fd, peer, events;
    bool freed;
    struct seen seen;
};

static int64_t made_now(void *loop)
{
    return ((struct made *)loop)->now;
}

static int made_watch_new(void *loop, int fd, pb_watch *w, void **watch)
{
    struct made *m = loop;
    cr_assert_null(m->watch);
    m->watch = w;
    m->fd = fd;
    *watch = m;
    return 0;
}

static int made_watch_set(void *loop, void *watch, int events)
{
    (void)loop;
    ((struct made *)watch)->events = events;
    return 0;
}

static void made_watch_free(void *loop, void *watch)
{
    cr_assert_eq(loop, watch);
    ((struct made *)loop)->watch = NULL;
}

static void made_set_timer(void *loop, int64_t delay)
{
    struct made *m = loop;
    m->due = delay < 0 ? INT64_MAX : m->now + delay;
}

static void made_free(void *loop)
{
    struct made *m = loop;
    cr_assert(!m->watch && m->due == INT64_MAX && !m->freed);
    m->freed = true;
}

static const pb_loop_ops made_ops = {
    .watch_new = made_watch_new,
    .watch_set = made_watch_set,
    .watch_free = made_watch_free,
    .set_timer = made_set_timer,
    .now = made_now,
    .free = made_free,
};

/* The watched events that the socket is ready for. */
static int ready(const struct made *m)
{
    struct pollfd p = {.fd = m->fd,
                       .events = (short)(((m->events & PB_WATCH_READ) ? POLLIN : 0) |
                                         ((m->events & PB_WATCH_WRITE) ? POLLOUT : 0))};
    poll(&p, 1, 0);
    return ((p.revents & POLLIN) ? PB_WATCH_READ : 0) |
           ((p.revents & POLLOUT) ? PB_WATCH_WRITE : 0);
}

/* Does all there is to do now: timers before sockets, as libuv. */
static void go_on(struct made *m)
{
    bool more = true;
    while (more) {
        more = m->due <= m->now;
        if (more) {
            m->due = INT64_MAX;
            pb_loop_due(m->loop);
        }
        int events = m->watch ? ready(m) : 0;
        if (events) {
            pb_watch_ready(m->watch, events);
            more = true;
        }
    }
}

/* So much time goes by, and everything is done when it is due. */
static void pass(struct made *m, int64_t milliseconds)
{
    int64_t until = m->now + milliseconds;
    go_on(m);
    while (m->due <= until) {
        m->now = m->due;
        go_on(m);
    }
    m->now = until;
}

/* The program is away meanwhile. */
static void be_away(struct made *m, int64_t milliseconds)
{
    m->now += milliseconds;
}

static void peer_says(struct made *m, const char *bytes, size_t len)
{
    cr_assert_eq(send(m->peer, bytes, len, 0), (ssize_t)len);
}
#define PEER_SAYS(m, bytes) peer_says(m, bytes, sizeof(bytes) - 1)

/* The peer reads; how much there was. */
static size_t peer_hears(struct made *m, size_t most)
{
    static char in[1 << 20];
    ssize_t n = recv(m->peer, in, most, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static bool is_gone(const struct made *m)
{
    return !m->watch;
}

/* A client that is connected, and has negotiated. */
static void begin(struct made *m, pb_net_config config)
{
    int pair[2];
    *m = (struct made){.due = INT64_MAX, .now = 1000};
    m->loop = pb_loop_new(&made_ops, m);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    m->peer = pair[1];
    pb_session_config session = config_of(&m->seen).session;
    session.root = config.session.root;
    config.session = session;
    m->conn = pb_conn_adopt(m->loop, pair[0], PB_ADOPT_CLIENT, &config, NULL);
    m->session = pb_conn_session(m->conn);
    pb_loop_unref(m->loop);
    PEER_SAYS(m, "\x01\x80\x04\x82none");
    go_on(m);
    cr_assert_eq(m->seen.ready, 1);
    peer_hears(m, 100);
}

static void end(struct made *m)
{
    if (is_gone(m)) {
        close(m->peer);
    } else {
        pb_conn_close(m->conn);
        close(m->peer);
        m->now += 10000;
        go_on(m);
    }
    cr_assert(is_gone(m) && m->freed && m->seen.closed == 1);
    seen_fini(&m->seen);
}

static const pb_net_config pinging = {.ping_method = "ping", .ping_interval = PATIENCE};

/* The answer to the ping of a number, as an octal escape. */
#define PONG(number)                   \
    "\3\200\6\202"                     \
    "answer" number "\201\1\200\4\202" \
    "None"

/* Tells whether the connection has pinged. */
static bool pinged(struct made *m)
{
    return peer_hears(m, 1000) > 0;
}

PB_TEST(silence, no_pong)
{
    struct made m;
    begin(&m, pinging);
    pass(&m, PATIENCE - 1);
    cr_assert_not(pinged(&m));
    pass(&m, 1);
    cr_assert(pinged(&m));
    pass(&m, PATIENCE - 1);
    PEER_SAYS(&m, PONG("\1"));
    pass(&m, PATIENCE);
    cr_assert(pinged(&m) && !is_gone(&m));
    pass(&m, PATIENCE - 1);
    cr_assert_not(is_gone(&m));
    pass(&m, 1);
    cr_assert(is_gone(&m));
    cr_assert_eq(m.seen.why.code, PB_ERR_TIMEOUT);
    end(&m);
}

/* The application does not read the pong: the peer is not to blame, neither then nor when
 * it reads again. */
PB_TEST(silence, nobody_reads_the_pong)
{
    struct made m;
    begin(&m, pinging);
    pass(&m, PATIENCE);
    cr_assert(pinged(&m));
    pb_session_pause(m.session);
    go_on(&m);
    PEER_SAYS(&m, PONG("\1"));
    pass(&m, 10 * PATIENCE);
    cr_assert_not(is_gone(&m), "%s", m.seen.why.text);
    cr_assert_not(pinged(&m), "nobody would read the pong");
    pb_session_resume(m.session);
    go_on(&m);
    cr_assert(pinged(&m));
    pass(&m, PATIENCE - 1);
    cr_assert_not(is_gone(&m));
    pass(&m, 1);
    cr_assert(is_gone(&m), "the silence counts again");
    end(&m);
}

/* The application reads again at the very time at which the pong is due. */
PB_TEST(silence, resumed_when_the_ping_is_due)
{
    struct made m;
    begin(&m, pinging);
    pass(&m, PATIENCE);
    cr_assert(pinged(&m));
    pb_session_pause(m.session);
    pass(&m, PATIENCE / 2);
    PEER_SAYS(&m, PONG("\1"));
    pass(&m, PATIENCE / 2 - 1);
    be_away(&m, 1);
    pb_session_resume(m.session);
    go_on(&m);
    cr_assert_not(is_gone(&m));
    end(&m);
}

/* The program does something else for long: what has come meanwhile counts. */
PB_TEST(silence, the_program_was_away)
{
    struct made m;
    begin(&m, pinging);
    pass(&m, PATIENCE);
    cr_assert(pinged(&m));
    PEER_SAYS(&m, PONG("\1"));
    be_away(&m, 5 * PATIENCE);
    go_on(&m);
    cr_assert_not(is_gone(&m));
    end(&m);

    begin(&m, (pb_net_config){.idle_timeout = PATIENCE});
    PEER_SAYS(&m, "\3");
    be_away(&m, 5 * PATIENCE);
    go_on(&m);
    cr_assert_not(is_gone(&m));
    pass(&m, PATIENCE);
    cr_assert(is_gone(&m));
    end(&m);
}

static int no_page_yet(void *self, pb_value **page, bool *last, pb_error *err)
{
    (void)self;
    (void)page;
    (void)last;
    (void)err;
    return 0;
}

static int page_for_ever(void *self, pb_request *r)
{
    static const pb_page_source source = {.next_page = no_page_yet};
    pb_value *collector;
    int e = pb_request_unpack(r, "O", &collector);
    return e ? e : pb_page(pb_as_remote(collector), &source, self, NULL);
}

static const pb_class pager_class = {
    .name = "Pager", .remote = (const pb_method[]){{"page", page_for_ever}, {0}}};

/* A pager whose source has no page now: somebody waits for it. */
PB_TEST(silence, a_paging_is_no_idleness)
{
    struct made m;
    pb_net_config config = {.idle_timeout = PATIENCE};
    config.session.root = pb_object_new(&pager_class, &m);
    begin(&m, config);
    PEER_SAYS(&m, "\7\200\7\202message\1\201\4\202root\4\202page\0\201"
                  "\2\200\5\202tuple\2\200\6\202remote\1\201\1\200\12\202dictionary");
    pass(&m, 3 * PATIENCE);
    pb_session_stats stats;
    pb_session_get_stats(m.session, &stats);
    cr_assert_eq(stats.paging, 1);
    cr_assert_not(is_gone(&m));
    pb_object_unref(config.session.root);
    end(&m);
}

static void tell_much(struct made *m)
{
    static const uint8_t zeros[BLOB];
    const pb_call_options untold = {.no_answer = true};
    pb_remote *root = pb_session_root(m->session);
    pb_value *args = pb_build(NULL, "(y#)", zeros, (size_t)BLOB);
    cr_assert_eq(
        pb_remote_call_values(root, "take", args, NULL, &untold, NULL, NULL, NULL, NULL),
        0);
    pb_value_unref(args);
    pb_remote_unref(root);
}

/* A peer that takes nothing of what waits for it; however little it takes is enough. */
PB_TEST(silence, nothing_is_taken)
{
    struct made m;
    begin(&m, (pb_net_config){.write_timeout = PATIENCE});
    tell_much(&m);
    for (int i = 0; i < 2; i++) {
        pass(&m, PATIENCE - 1);
        cr_assert_not(is_gone(&m));
        cr_assert_gt(peer_hears(&m, 100 << 10), 0);
        go_on(&m);
    }
    pass(&m, 2 * PATIENCE);
    cr_assert(is_gone(&m));
    cr_assert_str_eq(m.seen.why.text, "the peer has read nothing for 100 milliseconds");
    end(&m);
}

/* Where nothing waits, nothing is to be taken. */
PB_TEST(silence, nothing_waits)
{
    struct made m;
    begin(&m, (pb_net_config){.write_timeout = PATIENCE});
    tell_much(&m);
    go_on(&m);
    for (size_t n = 0; n < BLOB; go_on(&m)) {
        n += peer_hears(&m, BLOB);
    }
    pass(&m, 10 * PATIENCE);
    cr_assert_not(is_gone(&m));
    end(&m);
}
