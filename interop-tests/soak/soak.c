/* SPDX-License-Identifier: MIT
 *
 * The program of the C side of the soak test: the connections, and what has to be true
 * between them. The client decides when a connection ends and how: after both sides have
 * become quiet and their tables are as they were when it began, or by a cut in the middle
 * of the operations. */
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "interop-tests/soak/soak.h"

enum {
    PAUSE = 30,             /* milliseconds without a connection */
    POLL_INTERVAL = 10,     /* milliseconds between two comparisons of the tables */
    POLLS = 300,            /* comparisons until the tables have to be as they were */
    HEAP_GROWTH = 16 << 10, /* bytes: the most that the heap may grow */
    RSS_GROWTH = 8 << 10,   /* KiB: the same of the process */
};

/* The memory of this process; zeros where the system does not tell. */
struct memory {
    size_t heap; /* bytes */
    long rss;    /* KiB */
};

static struct side side;
static struct memory first, last; /* before and after all connections */
static uv_timer_t timer;
static pb_service *service;            /* of a client */
static pb_server *server;              /* of a server */
static uint64_t ends_at;               /* in the clock of the loop, milliseconds */
static size_t operations_wanted;       /* of this connection */
static char counts_here[COUNTS_SIZE];  /* when the connection began */
static char counts_there[COUNTS_SIZE]; /* the same of the peer */
static int polls;
static char folder[] = "/tmp/soak-XXXXXX"; /* of published songs */

void soak_fail(const struct side *s, const char *format, ...)
{
    va_list args;
    printf("FAILED as %s, in connection %llu: ", s->client ? "client" : "server",
           (unsigned long long)s->did.connections);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    exit(1);
}

/* ---- Between connections ---- */

static struct memory memory_now(void)
{
    struct memory m = {0};
    long pages = 0;
#if defined __GLIBC__ && __GLIBC_PREREQ(2, 33)
    m.heap = mallinfo2().uordblks;
#endif
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    if (f) {
        fclose(f);
    }
    m.rss = pages * (sysconf(_SC_PAGESIZE) / 1024);
    return m;
}

/* Without a connection, nothing is left of the one before. */
static void check_nothing_left(uv_timer_t *t)
{
    (void)t;
    if (side.session) {
        return; /* the next connection has begun */
    }
    SOAK_CHECK(&side, side.in_progress == 0);
    SOAK_CHECK(&side, side.live == 0);
    SOAK_CHECK(&side, side.logged_in == 0);
}

static void connection_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)user_data;
    if (s != side.session) {
        return; /* it was never ready */
    }
    if (why->code != PB_OK && why->code != PB_ERR_LOST) {
        soak_fail(&side, "the connection has ended: %s", why->text);
    }
    SOAK_CHECK(&side, side.in_progress == 0);
    side.running = false;
    side.on_quiet = NULL;
    pb_request_unref(side.quiet_request);
    side.quiet_request = NULL;
    pb_value_unref(side.held);
    side.held = pb_list();
    pb_remote_unref(side.peer);
    pb_remote_unref(side.avatar);
    side.peer = side.avatar = NULL;
    side.session = NULL;
    side.ended = side.refused = 0;
    uv_timer_start(&timer, check_nothing_left, PAUSE / 3, 0);
}

/* ---- The client ---- */

static void compare_tables(uv_timer_t *t);

static void peer_counted(pb_value *result, pb_failure *failure, void *user_data)
{
    const char *there;
    char here[COUNTS_SIZE];
    (void)user_data;
    if (failure) {
        soak_fail(&side, "counts failed: %s", pb_failure_text(failure));
    }
    SOAK_CHECK(&side, pb_unpack(result, NULL, "s", &there) == 0);
    session_counts(side.session, here);
    if (!*counts_there) { /* the connection has begun */
        snprintf(counts_here, sizeof counts_here, "%s", here);
        snprintf(counts_there, sizeof counts_there, "%s", there);
        pb_remote_call(side.peer, "start", NULL, NULL, NULL, "");
        operations_start(&side);
    } else if (strcmp(here, counts_here) == 0 && strcmp(there, counts_there) == 0) {
        side.did.quiet++;
        pb_session_close(side.session);
        if (uv_now(uv_default_loop()) >= ends_at) {
            pb_service_stop(service, 0, NULL, NULL);
            service = NULL;
        }
    } else if (++polls < POLLS) {
        uv_timer_start(&timer, compare_tables, POLL_INTERVAL, 0);
    } else {
        soak_fail(&side, "here remain %s instead of %s; there %s instead of %s", here,
                  counts_here, there, counts_there);
    }
}

static void compare_tables(uv_timer_t *t)
{
    pb_error err = {0};
    (void)t;
    if (pb_remote_call(side.peer, "counts", peer_counted, NULL, &err, "") != 0) {
        soak_fail(&side, "counts was not called: %s", err.text);
    }
}

/* The server has ended its operations, which had left references here. */
static void peer_is_quiet(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    (void)user_data;
    if (failure) {
        soak_fail(&side, "quiet failed: %s", pb_failure_text(failure));
    }
    pb_value_unref(side.held);
    side.held = pb_list();
    polls = 0;
    compare_tables(NULL);
}

static void ask_for_quiet(struct side *s)
{
    s->on_quiet = NULL;
    pb_remote_call(s->peer, "quiet", peer_is_quiet, NULL, NULL, "");
}

/* After enough operations, ends the connection in one of the ways. */
static void client_operation_ended(struct side *s)
{
    if (s->ended != operations_wanted) {
        return;
    }
    bool over = uv_now(uv_default_loop()) >= ends_at;
    switch (over ? 0 : random_below(s, 4)) {
    case 0:
        s->on_quiet = ask_for_quiet;
        s->running = false;
        break;
    case 1:
        s->did.cuts++;
        pb_session_close(s->session);
        break;
    default:
        /* the way in which the server cuts the connection */
        s->did.cuts++;
        pb_remote_call(s->peer, "cut", NULL, NULL, NULL, "i", (int)random_below(s, 3));
    }
}

static void got_peer(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)user_data;
    if (failure) {
        soak_fail(&side, "peer failed: %s", pb_failure_text(failure));
    }
    SOAK_CHECK(&side, pb_as_remote(result));
    side.peer = pb_remote_ref(pb_as_remote(result));
    *counts_there = '\0';
    compare_tables(NULL);
}

static void client_up(pb_service *s, pb_remote *root, void *user_data)
{
    (void)s;
    (void)user_data;
    side.did.connections++;
    side.session = pb_remote_session(root);
    side.avatar = pb_remote_ref(root);
    operations_wanted = 20 + random_below(&side, 180);
    pb_remote_call(root, "peer", got_peer, NULL, NULL, "");
}

static void client_down(pb_service *s, const pb_error *why, int64_t retry_in,
                        void *user_data)
{
    (void)s;
    (void)user_data;
    if (retry_in < 0 || (why->code != PB_OK && why->code != PB_ERR_LOST)) {
        soak_fail(&side, "no connection: %s", why->text);
    }
}

static int run_client(const char *endpoint, pb_net_config *net)
{
    static const pb_credentials who = {.username = "main", .password = "secret"};
    pb_error err = {0};
    pb_value *mind = pb_object_value(side.object);
    pb_service_config config = {.net = *net,
                                .first_delay = PAUSE,
                                .jitter = -1,
                                .login = &who,
                                .mind = mind,
                                .on_up = client_up,
                                .on_down = client_down};
    side.on_operation = client_operation_ended;
    service = pb_service_new(pb_loop_default(), endpoint, &config, &err);
    pb_value_unref(mind);
    if (!service) {
        soak_fail(&side, "%s", err.text);
    }
    pb_run();
    return 0;
}

/* ---- The server ---- */

static void server_ready(pb_session *s, void *user_data)
{
    (void)user_data;
    SOAK_CHECK(&side, !side.session);
    side.did.connections++;
    side.session = s;
}

static int run_server(const char *endpoint, pb_net_config *net)
{
    pb_error err = {0};
    net->session.root = objects_portal(&side);
    net->session.on_ready = server_ready;
    server = pb_serve(pb_loop_default(), endpoint, net, &err);
    if (!server) {
        soak_fail(&side, "%s", err.text);
    }
    printf("listening on tcp:%d\n", pb_server_port(server));
    pb_run(); /* until a signal arrives */
    pb_server_close(server, NULL, NULL);
    pb_run();
    pb_object_unref(net->session.root);
    return 0;
}

/* ---- Both ---- */

/* Removes the folder of published songs, and its files. */
static void remove_folder(void)
{
    char path[300];
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (*entry->d_name != '.') {
            remove(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(folder);
}

static void print_figures(void)
{
    const struct figures *d = &side.did;
    printf("C %s: %llu calls, %llu references, %llu caches, %llu published objects, "
           "%llu copies, %llu pages, %llu logins, %llu cancelled; %llu connections, "
           "%llu ended quietly, %llu cut; heap %zu to %zu bytes, memory %ld to %ld KiB\n",
           side.client ? "client" : "server", (unsigned long long)d->calls,
           (unsigned long long)d->references, (unsigned long long)d->caches,
           (unsigned long long)d->songs, (unsigned long long)d->copies,
           (unsigned long long)d->pages, (unsigned long long)d->logins,
           (unsigned long long)d->cancelled, (unsigned long long)d->connections,
           (unsigned long long)d->quiet, (unsigned long long)d->cuts, first.heap,
           last.heap, first.rss, last.rss);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: soak ENDPOINT client|server SEED SECONDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    side.client = strcmp(argv[2], "client") == 0;
    side.random = strtoull(argv[3], NULL, 10);
    if (!mkdtemp(folder)) {
        soak_fail(&side, "no folder for the songs");
    }
    objects_init(&side);
    uv_timer_init(uv_default_loop(), &timer);
    ends_at = uv_now(uv_default_loop()) + strtoull(argv[4], NULL, 10) * 1000;
    pb_net_config net = {
        .session = {.on_close = connection_closed, .registry = objects_registry(folder)}};
    first = memory_now();
    if (side.client) {
        run_client(argv[1], &net);
    } else {
        run_server(argv[1], &net);
    }
    remove_folder();
    check_nothing_left(NULL);
    last = memory_now();
    print_figures();
    SOAK_CHECK(&side, last.heap <= first.heap + HEAP_GROWTH);
#ifndef __SANITIZE_ADDRESS__ /* which holds freed memory back, and looks for leaks */
    SOAK_CHECK(&side, last.rss <= first.rss + RSS_GROWTH);
#endif
    pb_registry_unref(net.session.registry);
    objects_fini(&side);
    return 0;
}
