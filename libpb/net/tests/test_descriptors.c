/* SPDX-License-Identifier: MIT
 *
 * Programs that have closed descriptor 0, 1 or 2: nothing of the library's ever takes
 * the place of these. A server, a service and a blocking client, in a process of their
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "libpb/net/descriptor.h"
#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/peers.h"
#include "pb/service.h"

enum { ALL = 7 /* one bit for each descriptor */ };

/* Ends the child with the line as its status, for it may have nowhere to say more. */
#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            _exit(__LINE__); \
        }                    \
    } while (0)

static int closed; /* what this process has closed */

static bool are_closed(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (((closed >> fd) & 1) != (fcntl(fd, F_GETFD) < 0 && errno == EBADF)) {
            return false;
        }
    }
    return true;
}

static void close_them(int which)
{
    for (int fd = 0; fd <= 2; fd++) {
        if ((which >> fd) & 1) {
            close(fd);
        }
    }
    closed = which;
}

/* The data of the server's thread. */
struct program {
    char endpoint[64];
    pb_server *server;
    pb_service *service;
    pb_post *post;
    pthread_t thread;
    bool answered;
};

static void stop(void *data)
{
    struct program *p = data;
    EXPECT(are_closed());
    pb_service_stop(p->service, 0, NULL, NULL);
    pb_server_close(p->server, NULL, NULL);
    pb_post_close(p->post);
}

/* A client, in a thread of its own. */
static void *call(void *data)
{
    struct program *p = data;
    const pb_net_config config = {.tls_ca = certificate_path};
    pb_error err = {0};
    pb_client *client = pb_client_open(p->endpoint, &config, &err);
    EXPECT(client && are_closed());
    pb_value *v = pb_client_call(client, pb_client_root(client), "echo", &err, "i", 7);
    EXPECT(v == pb_int(7));
    EXPECT(are_closed());
    pb_client_free(client);
    EXPECT(are_closed());
    EXPECT(pb_post_run(p->post, stop, p) == 0);
    return NULL;
}

static void on_called(pb_value *result, pb_failure *failure, void *user_data)
{
    struct program *p = user_data;
    (void)failure;
    EXPECT(result == pb_int(8));
    EXPECT(are_closed());
    EXPECT(pthread_create(&p->thread, NULL, call, p) == 0);
    p->answered = true;
}

static void run_program(const char *plugin)
{
    struct program p = {.answered = false};
    struct seen seen = {0};
    pb_net_config config = config_of(&seen);
    char at[64];
    EXPECT(are_closed());
    snprintf(at, sizeof at, "%s:0:interface=127.0.0.1", plugin);
    config.session.root = pb_object_new(&root_class, &seen);
    config.tls_certificate = certificate_path;
    p.post = pb_post_new(pb_loop_default(), NULL);
    EXPECT(p.post && are_closed());
    p.server = pb_serve(pb_loop_default(), at, &config, NULL);
    EXPECT(p.server && are_closed());
    snprintf(p.endpoint, sizeof p.endpoint, "%s:localhost:%d", plugin,
             pb_server_port(p.server));
    const pb_service_config service = {.net.tls_ca = certificate_path};
    p.service = pb_service_new(pb_loop_default(), p.endpoint, &service, NULL);
    EXPECT(pb_service_call(p.service, "echo", on_called, &p, NULL, "i", 8) == 0);
    EXPECT(pb_run() == 0);
    EXPECT(p.answered && pthread_join(p.thread, NULL) == 0);
    pb_post_free(p.post);
    pb_object_unref(config.session.root);
    EXPECT(are_closed());
    _exit(0);
}

/* How a program ends that closes these. */
static int status_of(int which, void (*run)(const char *arg), const char *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(50);
        close_them(which);
        run(arg);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "%d closed, %s: signal %d", which, arg,
              WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void run_closed(const char *plugin)
{
    static const int sets[] = {0, 1, 2, 4, 3, ALL};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        int status = status_of(sets[i], run_program, plugin);
        cr_assert_eq(status, 0, "%d closed: line %d", sets[i], status);
    }
}

PB_TEST(descriptors, tcp)
{
    run_closed("tcp");
}

#ifndef PB__WITHOUT_TLS
PB_TEST(descriptors, tls)
{
    make_certificate();
    run_closed("tls");
    remove(certificate_path);
}
#endif

/* One end of a pair is descriptor 0, as of what inetd starts; the library moves it. */
static void run_adopted(const char *arg)
{
    int pair[2];
    struct loop loop;
    struct seen server = {0}, client = {0};
    (void)arg;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pair[0] == 0);
    int raised = fcntl(pair[1], F_DUPFD, 10);
    close(pair[1]);
    pb__descriptors_reserve(); /* for what follows is the test's own */
    begin_loop(&loop);
    pb_net_config config = config_of(&server);
    config.session.root = pb_object_new(&root_class, &server);
    EXPECT(pb_conn_adopt(loop.pb, 0, 0, &config, NULL));
    EXPECT(fcntl(0, F_GETFD) < 0);
    config = config_of(&client);
    pb_conn *c = pb_conn_adopt(loop.pb, raised, PB_ADOPT_CLIENT, &config, NULL);
    pb_remote *root = pb_conn_root(c);
    EXPECT(pb_remote_call(root, "echo", on_answer, &client, NULL, "i", 7) == 0);
    while (client.answers == 0) {
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
    _exit(0);
}

PB_TEST(descriptors, adopted)
{
    cr_assert_eq(status_of(ALL, run_adopted, ""), 0);
}

static void run_raise(const char *arg)
{
    (void)arg;
    int folder = open("/", O_RDONLY);
    EXPECT(folder == 0);
    int raised = pb__descriptor_raise(folder);
    EXPECT(raised > 2 && fcntl(raised, F_GETFD) == FD_CLOEXEC && are_closed());
    EXPECT(pb__descriptor_raise(raised) == raised);
    EXPECT(pb__descriptor_raise(-EMFILE) == -EMFILE);
    unsigned held = pb__descriptors_reserve();
    EXPECT(held == ALL);
    char c;
    EXPECT(write(1, "x", 1) < 0 && errno == EBADF);
    EXPECT(read(0, &c, 1) < 0);
    EXPECT(pb__descriptors_reserve() == 0);
    pb__descriptors_release(held);
    EXPECT(are_closed());
    _exit(0);
}

PB_TEST(descriptors, raised_and_held)
{
    cr_assert_eq(status_of(ALL, run_raise, ""), 0);
}

/* A descriptor that cannot be a connection is an error, and is closed. */
PB_TEST(descriptors, of_no_use)
{
    struct loop loop;
    begin_loop(&loop);
    int fds[] = {open("/", O_RDONLY), socket(AF_INET, SOCK_DGRAM, 0), 1000};
    static const char *const says[] = {"socket operation on non-socket",
                                       "protocol wrong type for socket",
                                       "bad file descriptor"};
    for (int i = 0; i < 3; i++) {
        pb_error err = {0};
        char text[128];
        snprintf(text, sizeof text, "cannot use descriptor %d: %s", fds[i], says[i]);
        cr_assert_null(pb_conn_adopt(loop.pb, fds[i], 0, NULL, &err));
        cr_assert_eq(err.code, PB_ERR_SYSTEM);
        cr_assert_str_eq(err.text, text, "%s", err.text);
        cr_assert(fcntl(fds[i], F_GETFD) < 0, "it is left open");
    }
    pb_error err = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_null(
        pb_conn_adopt(loop.pb, fd, PB_ADOPT_CLIENT | PB_ADOPT_TLS, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_ARG);
    cr_assert_str_eq(err.text, "a TLS client needs the server's name, in tls_host_name");
    cr_assert(fcntl(fd, F_GETFD) < 0, "it is left open");
    end_loop(&loop);
}
