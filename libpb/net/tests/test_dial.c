/* SPDX-License-Identifier: MIT
 *
 * Which addresses are tried, in which order, and which of them wins. The resolver is one
 * of our own: it answers with what the test has prepared. */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "libpb/net/tests/peers.h"

/* The addresses that "the.host" resolves to. */
static struct addrinfo answers[4];
static struct sockaddr_storage addresses[4];
static size_t count;
/* Families in the order in which they are connected to; and whether that is all. */
static char tried[16];
static bool refuse_all;
static atomic_bool held; /* "the.host" is not found as long as this holds */

/* In the place of the system's. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    if (strcmp(host, "the.host") != 0) {
        int (*really)(const char *, const char *, const struct addrinfo *,
                      struct addrinfo **) =
            (int (*)(const char *, const char *, const struct addrinfo *,
                     struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
        return really(host, service, hints, found);
    }
    if (hints->ai_flags & AI_NUMERICHOST) {
        return EAI_NONAME;
    }
    while (held) {
        usleep(1000);
    }
    *found = answers;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    if (list != answers) {
        ((void (*)(struct addrinfo *))dlsym(RTLD_NEXT, "freeaddrinfo"))(list);
    }
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
    struct loop loop;
    begin_loop(&loop);
    struct seen seen = {0};
    pb_net_config config = config_of(&seen);
    add("127.0.0.1", 1);
    add("127.0.0.2", 1);
    add("127.0.0.3", 1);
    add("::1", 1);
    refuse_all = true;
    cr_assert(pb_connect(loop.pb, "the.host:1", &config, NULL));
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    cr_assert_eq(seen.closed, 1);
    cr_assert_str_eq(tried, "4644");
    cr_assert_str_eq(seen.why.text, "cannot connect to the.host:1: connection refused");
    end_loop(&loop);
    wait_for_lookups();
}

/* The second address is not held up by the first, which may answer yet. */
PB_TEST(dial, silence_holds_nobody_up)
{
    struct loop loop;
    begin_loop(&loop);
    struct silent silent;
    begin_silent(&silent);
    struct seen at_server = {0}, seen = {0};
    pb_net_config config = config_of(&at_server);
    pb_server *server = pb_serve(loop.pb, "127.0.0.1:0", &config, NULL);
    add("127.0.0.1", silent.port);
    add("127.0.0.1", silent.port);
    add("127.0.0.1", pb_server_port(server));
    config = config_of(&seen);
    uint64_t begun = uv_hrtime();
    pb_conn *c = pb_connect(loop.pb, "the.host:1", &config, NULL);
    RUN_UNTIL(&loop, seen.ready);
    uint64_t took = (uv_hrtime() - begun) / 1000000;
    cr_assert(took >= 490 && took < 5000, "%d", (int)took);
    cr_assert_str_eq(tried, "444");
    cr_assert_eq(seen.closed, 0);
    pb_conn_close(c);
    pb_server_close(server, NULL, NULL);
    end_silent(&silent);
    end_loop(&loop);
    wait_for_lookups();
}

PB_TEST(dial, all_are_silent)
{
    struct loop loop;
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
    cr_assert(pb_connect(loop.pb, "the.host:1", &config, NULL));
    uv_run(&loop.uv, UV_RUN_DEFAULT);
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
    wait_for_lookups();
}

/* It is given up before the loop runs, while the addresses are being asked for, and while
 * they are tried. */
PB_TEST(dial, given_up)
{
    struct silent silent;
    begin_silent(&silent);
    add("127.0.0.1", silent.port);
    for (int stage = 0; stage < 3; stage++) {
        struct loop loop;
        begin_loop(&loop);
        struct seen seen = {0};
        pb_net_config config = config_of(&seen);
        held = stage < 2;
        pb_conn *c = pb_connect(loop.pb, "the.host:1", &config, NULL);
        if (stage == 1) {
            uv_run(&loop.uv, UV_RUN_NOWAIT);
        } else if (stage == 2) {
            RUN_UNTIL(&loop, *tried);
        }
        pb_conn_close(c);
        cr_assert(seen.closed == 1 && seen.why.code == PB_OK);
        end_loop(&loop);
        cr_assert_eq(strlen(tried), stage == 2, "it waited for the addresses");
        held = false;
        wait_for_lookups();
    }
    end_silent(&silent);
}

/* ---- What is logged ---- */

struct logged {
    pb_conn *c;
    struct loop *loop;
    int lines, close_at; /* close at this line; 0: never */
    char text[512];
};

/* Runs the loop, the worst that may happen in a line, and closes if asked to. */
static void on_dial_log(pb_session *s, pb_log_level level, const char *text,
                        void *user_data)
{
    (void)s;
    struct logged *l = user_data;
    size_t len = strlen(l->text);
    if (level == PB_LOG_DEBUG && len < sizeof l->text - 128) {
        snprintf(l->text + len, sizeof l->text - len, "%s\n", text);
        uv_run(&l->loop->uv, UV_RUN_NOWAIT);
        if (++l->lines == l->close_at) {
            pb_conn_close(l->c);
        }
    }
}

static void dial_logged(struct logged *l, int port)
{
    struct loop loop;
    begin_loop(&loop);
    pb_net_config config = {
        .session = {.on_log = on_dial_log, .log_level = PB_LOG_DEBUG, .user_data = l}};
    count = 0;
    answers[0].ai_next = NULL;
    add("127.0.0.1", port);
    add("127.0.0.2", port);
    l->loop = &loop;
    l->c = pb_connect(loop.pb, "the.host:1", &config, NULL);
    cr_assert(l->c);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    end_loop(&loop);
    wait_for_lookups();
}

PB_TEST(dial, each_address_is_logged)
{
    struct logged l = {0};
    int port;
    int bound = raw_listen(&port, 0);
    close(bound);
    char expected[512];
    snprintf(expected, sizeof expected,
             "connecting to tcp:127.0.0.1:%d\n"
             "cannot connect to tcp:127.0.0.1:%d: connection refused\n"
             "connecting to tcp:127.0.0.2:%d\n"
             "cannot connect to tcp:127.0.0.2:%d: connection refused\n",
             port, port, port, port);
    dial_logged(&l, port);
    l.text[strnlen(expected, sizeof expected)] = '\0'; /* the session's lines follow */
    cr_assert_str_eq(l.text, expected);
}

PB_TEST(dial, may_be_closed_by_each_line)
{
    for (int i = 1; i <= 4; i++) {
        struct logged l = {.close_at = i};
        dial_logged(&l, 1);
        cr_assert_geq(l.lines, i);
    }
    refuse_all = true;
    for (int i = 1; i <= 2; i++) {
        struct logged l = {.close_at = i};
        dial_logged(&l, 1);
        cr_assert_geq(l.lines, i);
    }
}
