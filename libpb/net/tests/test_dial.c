/* SPDX-License-Identifier: MIT
 *
 * Which addresses are tried, in which order, and which of them wins. The resolver is one
 * of our own: it answers with what the test has prepared. */
#include <errno.h>
#include <sys/syscall.h>

#include "libpb/net/tests/peers.h"

/* What "the.host" resolves to. */
static struct addrinfo answers[4];
static struct sockaddr_storage addresses[4];
static size_t count;
static uv_timer_t resolving;
/* Families in the order in which they are connected to; and whether that is all. */
static char tried[16];
static bool refuse_all;

static void on_resolved(uv_timer_t *timer)
{
    uv_getaddrinfo_t *lookup = timer->data;
    uv_close((uv_handle_t *)timer, NULL);
    ((uv_getaddrinfo_cb)lookup->cb)(lookup, 0, answers);
}

/* In the place of libuv's and of the system's. */
int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *lookup, uv_getaddrinfo_cb cb,
                   const char *host, const char *service, const struct addrinfo *hints)
{
    (void)service;
    (void)hints;
    cr_assert_str_eq(host, "the.host");
    lookup->cb = cb;
    resolving.data = lookup;
    uv_timer_init(loop, &resolving);
    return uv_timer_start(&resolving, on_resolved, 10, 0);
}

void uv_freeaddrinfo(struct addrinfo *list)
{
    cr_assert(!list || list == answers);
}

static int connect_really(int fd, const struct sockaddr *to, socklen_t len)
{
    return (int)syscall(SYS_connect, fd, to, len);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    size_t n = strlen(tried);
    tried[n] = to->sa_family == AF_INET6 ? '6' : '4';
    errno = ECONNREFUSED;
    return refuse_all ? -1 : connect_really(fd, to, len);
}

static void add(const char *address, int port)
{
    struct addrinfo *a = &answers[count];
    struct sockaddr_in *v4 = (struct sockaddr_in *)&addresses[count];
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&addresses[count];
    a->ai_addr = (struct sockaddr *)&addresses[count];
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_port = htons((uint16_t)port);
        a->ai_family = v4->sin_family = AF_INET;
        a->ai_addrlen = sizeof *v4;
    } else {
        cr_assert_eq(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
        v6->sin6_port = htons((uint16_t)port);
        a->ai_family = v6->sin6_family = AF_INET6;
        a->ai_addrlen = sizeof *v6;
    }
    if (count++) {
        answers[count - 2].ai_next = a;
    }
}

/* A listener whose queue is full keeps us waiting. */
struct silent {
    int port, listener, fds[8];
};

static void begin_silent(struct silent *s)
{
    s->listener = raw_listen(&s->port, 0);
    struct sockaddr_in to = loopback(s->port);
    for (int i = 0; i < 8; i++) {
        s->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect_really(s->fds[i], (struct sockaddr *)&to, sizeof to);
    }
}

static void end_silent(struct silent *s)
{
    for (int i = 0; i < 8; i++) {
        close(s->fds[i]);
    }
    close(s->listener);
}

PB_TEST(dial, families_take_turns)
{
    uv_loop_t loop;
    begin_loop(&loop);
    struct seen seen = {0};
    pb_net_config config = config_of(&seen);
    add("127.0.0.1", 1);
    add("127.0.0.2", 1);
    add("127.0.0.3", 1);
    add("::1", 1);
    refuse_all = true;
    cr_assert(pb_connect(&loop, "the.host:1", &config, NULL));
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.closed, 1);
    cr_assert_str_eq(tried, "4644");
    cr_assert_str_eq(seen.why.text, "cannot connect to the.host:1: connection refused");
    end_loop(&loop);
}

/* The second address is not held up by the first, which may answer yet. */
PB_TEST(dial, silence_holds_nobody_up)
{
    uv_loop_t loop;
    begin_loop(&loop);
    struct silent silent;
    begin_silent(&silent);
    struct seen at_server = {0}, seen = {0};
    pb_net_config config = config_of(&at_server);
    pb_server *server = pb_serve(&loop, "127.0.0.1:0", &config, NULL);
    add("127.0.0.1", silent.port);
    add("127.0.0.1", silent.port);
    add("127.0.0.1", pb_server_port(server));
    config = config_of(&seen);
    uint64_t begun = uv_hrtime();
    pb_conn *c = pb_connect(&loop, "the.host:1", &config, NULL);
    RUN_UNTIL(&loop, seen.ready);
    uint64_t took = (uv_hrtime() - begun) / 1000000;
    cr_assert(took >= 490 && took < 5000, "%d", (int)took);
    cr_assert_str_eq(tried, "444");
    cr_assert_eq(seen.closed, 0);
    pb_conn_close(c);
    pb_server_close(server, NULL, NULL);
    end_silent(&silent);
    end_loop(&loop);
}

PB_TEST(dial, all_are_silent)
{
    uv_loop_t loop;
    begin_loop(&loop);
    struct silent silent;
    begin_silent(&silent);
    struct seen seen = {0};
    pb_net_config config = config_of(&seen);
    config.connect_timeout = 400;
    add("127.0.0.1", silent.port);
    add("127.0.0.1", silent.port);
    add("127.0.0.1", silent.port);
    int before = dup(0);
    cr_assert(pb_connect(&loop, "the.host:1", &config, NULL));
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(seen.why.text,
                     "no connection to the.host:1 within 400 milliseconds");
    cr_assert_str_eq(tried, "44");
    int after = dup(0);
    cr_assert_eq(after, before + 1, "a socket is left open");
    close(after);
    close(before);
    end_silent(&silent);
    end_loop(&loop);
}

/* It is given up while the addresses are being asked for, and while they are tried. */
PB_TEST(dial, given_up)
{
    struct silent silent;
    begin_silent(&silent);
    add("127.0.0.1", silent.port);
    for (int rounds = 0; rounds < 3; rounds++) {
        uv_loop_t loop;
        begin_loop(&loop);
        struct seen seen = {0};
        pb_net_config config = config_of(&seen);
        pb_conn *c = pb_connect(&loop, "the.host:1", &config, NULL);
        for (int i = 0; i < rounds; i++) {
            uv_run(&loop, UV_RUN_ONCE);
        }
        pb_conn_close(c);
        cr_assert(seen.closed == 1 && seen.why.code == PB_OK);
        end_loop(&loop);
    }
    cr_assert_str_eq(tried, "44");
    end_silent(&silent);
}
