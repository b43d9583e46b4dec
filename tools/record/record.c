/* SPDX-License-Identifier: MIT
 *
 * `pb record`: accepts connections, opens one to the server for each, lets relay.c
 * forward bytes between the two, and writes one capture for each connection. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/list.h"
#include "libpb/net/socket.h"
#include "tools/dump/dump.h"
#include "tools/common/connector.h"
#include "tools/record/password_mask.h"
#include "tools/common/command.h"
#include "tools/common/options.h"
#include "tools/pb.h"
#include "tools/record/capture_writer.h"
#include "tools/record/record_statistics.h"
#include "tools/record/relay.h"

static const char record_help_begin[] =
    "Usage: pb record [OPTION]... --listen ENDPOINT --to ENDPOINT FILE\n"
    "Forwards the traffic between clients and a server unchanged, and records it:\n"
    "the first connection in FILE, the next ones in files beside it\n"
    "(traffic.jsonl.gz, traffic-2.jsonl.gz, ...), as captures for pb dump and pb\n"
    "replay. Runs until it is interrupted. Traffic is written to the file within a\n"
    "quarter of a second, or at once on SIGUSR1.\n";

static const char record_help_end[] =
    "If FILE is -, the traffic of all connections is written to standard output.\n"
    "\n"
    "Exit status: 0 interrupted; 2 wrong usage; 3 cannot listen, or a capture could\n"
    "not be written.\n"
    "\n"
    "Example: pb record --listen tcp:8788 --to localhost:8787 traffic.jsonl.gz\n";

enum {
    FLUSH_AFTER = 250,   /* milliseconds until written traffic can be read */
    REDRAW_AFTER = 1000, /* milliseconds between two views of --stats */
    ACCEPT_AGAIN = 1000, /* milliseconds to wait after accept has failed */
    SIGNALS = 4,
};

struct record {
    uv_loop_t loop;
    const char *local_text, *server_text, *path; /* of --listen and --to; FILE */
    pb_net_config config;                        /* of the connections to the server */
    bool follow, mask, shows_stats;
    struct record_statistics statistics;
    uv_timer_t redraw; /* of them */
    bool is_shared;    /* FILE is "-": all connections go to standard output */
    uint64_t began;    /* nanoseconds: of the first connection */
    struct pb__target *local, *server;
    int fd; /* the listening socket */
    uv_poll_t listener;
    uv_timer_t flush, again;
    uv_signal_t signals[SIGNALS];
    struct pb__list connections; /* recorded_connection.link */
    size_t count;                /* connections so far */
    struct capture_writer first; /* of the first connection, opened at the start */
    struct dump_style style;
    int status;
};

struct recorded_connection {
    struct record *record;
    struct pb__list link;
    size_t number;
    uint64_t began; /* nanoseconds */
    int fd;         /* the client's socket; -1: the relay has it */
    struct connector *connector;
    struct relay *relay;
    struct capture_writer file;
    struct password_mask masks[SIDE_COUNT];
    struct pb__buf masked;
    struct conversation conversation; /* for --follow */
};

static double connection_time(const struct recorded_connection *c)
{
    return (double)(uv_hrtime() - c->began) / 1e9;
}

/* The time of the lines of --follow, and of a capture that has all connections in it:
 * since the first connection began. */
static double record_time(const struct recorded_connection *c)
{
    return (double)(uv_hrtime() - c->record->began) / 1e9;
}

static double capture_time(const struct recorded_connection *c)
{
    return c->record->is_shared ? record_time(c) : connection_time(c);
}

/* ---- Recording ---- */

/* Reports once that a file cannot be written. The traffic goes on. */
static void connection_check_file(struct recorded_connection *c, bool failed_before)
{
    if (c->file.failed && !failed_before) {
        tool_error("connection %zu is not recorded any more: %s", c->number,
                   c->file.err.text);
        c->record->status = TOOL_DISCONNECTED;
    }
}

static void record_flush_files(struct record *r)
{
    struct pb__list *all = &r->connections;
    for (struct pb__list *l = all->next; l != all; l = l->next) {
        struct recorded_connection *c =
            PB__LIST_ENTRY(l, struct recorded_connection, link);
        bool failed = c->file.failed;
        capture_writer_flush(&c->file);
        connection_check_file(c, failed);
    }
}

static void record_flush_timer(uv_timer_t *timer)
{
    record_flush_files(timer->data);
}

/* The bytes to record: those that were sent, or a copy with responses masked. */
static pb_span connection_mask(struct recorded_connection *c, int from, pb_span in)
{
    if (!c->record->mask) {
        return in;
    }
    c->masked.len = 0;
    if (pb__buf_append(&c->masked, in.data, in.len) != 0) {
        c->file.failed = true;
        pb__error_nomem(&c->file.err);
        return (pb_span){0};
    }
    password_mask_apply(&c->masks[from], c->masked.data, c->masked.len);
    return (pb_span){c->masked.data, c->masked.len};
}

static void connection_on_bytes(int from, pb_span in, void *ctx)
{
    struct recorded_connection *c = ctx;
    struct record *r = c->record;
    bool failed = c->file.failed;
    in = connection_mask(c, from, in);
    capture_writer_bytes(&c->file, capture_time(c), from, in);
    connection_check_file(c, failed);
    if (!uv_is_active((uv_handle_t *)&r->flush)) {
        uv_timer_start(&r->flush, record_flush_timer, FLUSH_AFTER, 0);
    }
    if (r->follow || r->shows_stats) {
        (void)conversation_receive(&c->conversation, from, record_time(c), in);
        fflush(stdout);
    }
}

static void connection_on_end(int from, const char *why, void *ctx)
{
    struct recorded_connection *c = ctx;
    capture_writer_end(&c->file, capture_time(c), from, why);
    if (c->record->follow || c->record->shows_stats) {
        conversation_end(&c->conversation, from);
        fflush(stdout);
    }
}

static void connection_on_message(const struct conversation_message *m, void *ctx)
{
    struct recorded_connection *c = ctx;
    struct record *r = c->record;
    (void)(r->shows_stats ? dump_stats_add(r->statistics.stats, m)
                          : dump_message(&r->style, c->number, m));
}

static void connection_on_damage(int from, double time, uint64_t offset,
                                 const pb_error *why, void *ctx)
{
    struct recorded_connection *c = ctx;
    if (c->record->shows_stats) {
        dump_stats_damage(c->record->statistics.stats);
        return;
    }
    dump_damage(&c->record->style, c->number, from, time, offset, why);
}

/* ---- Connections ---- */

static void connection_free(void *ctx)
{
    struct recorded_connection *c = ctx;
    bool failed = c->file.failed;
    capture_writer_close(&c->file);
    connection_check_file(c, failed);
    pb__list_remove(&c->link);
    for (int i = 0; i < SIDE_COUNT; i++) {
        password_mask_fini(&c->masks[i]);
    }
    pb__buf_fini(&c->masked);
    conversation_fini(&c->conversation);
    if (c->fd >= 0) {
        close(c->fd);
    }
    pb__free(c);
}

static void connection_failed(struct recorded_connection *c, const pb_error *why)
{
    tool_error("connection %zu: %s", c->number, why->text);
    capture_writer_end(&c->file, capture_time(c), SIDE_SERVER, why->text);
    relay_reset(c->fd);
    connection_free(c);
}

/* The connection to the server is open, or has failed. */
static void connection_connected(int fd, const pb_error *why, void *ctx)
{
    static const struct relay_hooks hooks = {connection_on_bytes, connection_on_end,
                                             connection_free};
    struct recorded_connection *c = ctx;
    struct record *r = c->record;
    c->connector = NULL;
    if (fd < 0) {
        connection_failed(c, why);
        return;
    }
    pb__socket_keep_alive(fd, r->server->policy.keep_alive);
    int fds[SIDE_COUNT] = {c->fd, fd};
    struct pb__tls *tls[SIDE_COUNT] = {
        r->local->tls ? pb__tls_new(r->local->tls, NULL) : NULL,
        r->server->tls ? pb__tls_new(r->server->tls, r->server->tls_host) : NULL};
    bool lacking =
        (r->local->tls && !tls[SIDE_CLIENT]) || (r->server->tls && !tls[SIDE_SERVER]);
    c->fd = -1;
    c->relay = lacking ? NULL : relay_new(&r->loop, fds, tls, &hooks, c);
    if (!c->relay) {
        (void)tool_nomem();
        connection_free(c);
    }
}

/* Appends the path for a connection: "traffic-2.jsonl.gz" for "traffic.jsonl.gz". */
static int capture_path(struct pb__buf *out, const char *path, size_t number)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *dot = path + strlen(path);
    /* The number goes before the last two suffixes. */
    for (int i = 0; i < 2; i++) {
        const char *earlier = tool_last_dot(base, dot);
        dot = earlier && earlier > base ? earlier : dot;
    }
    return pb__buf_printf(out, "%.*s-%zu%s", (int)(dot - path), path, number, dot);
}

static void connection_open_file(struct recorded_connection *c)
{
    struct record *r = c->record;
    struct pb__buf path = {0};
    pb_error err = {0};
    int failed = 0;
    if (r->is_shared) {
        capture_writer_share(&c->file, stdout, c->number);
    } else if (c->number == 1) {
        c->file = r->first;
        r->first = (struct capture_writer){0};
    } else {
        failed = capture_path(&path, r->path, c->number);
        failed = failed ? pb__error_nomem(&err)
                        : capture_writer_open(&c->file, (char *)path.data, &err);
        pb__buf_fini(&path);
    }
    if (failed) {
        c->file.failed = true;
        c->file.err = err;
    } else {
        char about[512];
        snprintf(about, sizeof about, "connection %zu, from %s to %s", c->number,
                 r->local_text, r->server_text);
        if (!r->is_shared || c->number == 1) {
            capture_writer_begin(&c->file, about);
        }
    }
    connection_check_file(c, false);
}

/* Takes fd. */
static void connection_new(struct record *r, int fd)
{
    struct recorded_connection *c = pb__calloc(1, sizeof *c);
    if (!c ||
        ((r->follow || r->shows_stats) && conversation_init(&c->conversation) != 0)) {
        (void)tool_nomem();
        close(fd);
        pb__free(c);
        return;
    }
    c->record = r;
    c->fd = fd;
    c->number = ++r->count;
    c->began = uv_hrtime();
    r->began = r->began ? r->began : c->began;
    c->conversation.message = connection_on_message;
    c->conversation.damage = connection_on_damage;
    c->conversation.ctx = c;
    r->style.numbered = r->count > 1;
    pb__list_init(&c->link);
    pb__list_push(&r->connections, &c->link);
    connection_open_file(c);
    pb__socket_keep_alive(fd, r->local->policy.keep_alive);
    c->connector = connector_new(&r->loop, r->server, connection_connected, c);
    if (!c->connector) {
        (void)tool_nomem();
        connection_free(c);
    }
}

/* ---- Statistics ---- */

static void record_draw_statistics(uv_timer_t *timer)
{
    struct record *r = timer->data;
    struct pb__list *all = &r->connections;
    dump_stats_reset_open(r->statistics.stats);
    for (struct pb__list *l = all->next; l != all; l = l->next) {
        dump_stats_add_open(
            r->statistics.stats,
            &PB__LIST_ENTRY(l, struct recorded_connection, link)->conversation);
    }
    double now = r->began ? (double)(uv_hrtime() - r->began) / 1e9 : 0;
    (void)record_statistics_draw(&r->statistics, now);
}

/* ---- Listening ---- */

static void record_accept_again(uv_timer_t *timer);

static void record_accept(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct record *r = poll->data;
    int fd = pb__socket_accept(r->fd, NULL);
    if (fd >= 0) {
        connection_new(r, fd);
    } else if (fd != -EAGAIN) {
        tool_error("cannot accept a connection: %s", pb__socket_text(fd));
        uv_poll_stop(poll);
        uv_timer_start(&r->again, record_accept_again, ACCEPT_AGAIN, 0);
    }
}

static void record_accept_again(uv_timer_t *timer)
{
    struct record *r = timer->data;
    uv_poll_start(&r->listener, UV_READABLE, record_accept);
}

static void record_stop(struct record *r)
{
    struct pb__list *all = &r->connections;
    while (!pb__list_empty(all)) {
        struct recorded_connection *c =
            PB__LIST_ENTRY(all->next, struct recorded_connection, link);
        if (c->relay) {
            relay_close(c->relay);
        } else {
            connector_cancel(c->connector);
            connection_free(c);
        }
    }
    for (int i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *)&r->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&r->listener, NULL);
    uv_close((uv_handle_t *)&r->flush, NULL);
    uv_close((uv_handle_t *)&r->redraw, NULL);
    uv_close((uv_handle_t *)&r->again, NULL);
}

static void record_on_signal(uv_signal_t *signal, int number)
{
    struct record *r = signal->data;
    if (number == SIGUSR1) {
        record_flush_files(r);
    } else {
        if (r->shows_stats) {
            record_draw_statistics(&r->redraw);
        }
        record_stop(r);
    }
}

static void record_watch_signals(struct record *r)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], record_on_signal, numbers[i]);
    }
}

/* Listens, and records until a signal comes. */
static int record_serve(struct record *r)
{
    int port, e;
    pb_error err = {0};
    r->fd = pb__socket_listen(&r->local->at, false, &port, &err);
    if (r->fd < 0) {
        tool_error_from(&err);
        return TOOL_DISCONNECTED;
    }
    e = uv_poll_init_socket(&r->loop, &r->listener, r->fd);
    if (e) {
        tool_error("cannot listen on %s: %s", r->local_text, uv_strerror(e));
        close(r->fd);
        return TOOL_DISCONNECTED;
    }
    uv_timer_init(&r->loop, &r->flush);
    uv_timer_init(&r->loop, &r->again);
    uv_timer_init(&r->loop, &r->redraw);
    r->redraw.data = r;
    r->listener.data = r->flush.data = r->again.data = r;
    record_watch_signals(r);
    uv_poll_start(&r->listener, UV_READABLE, record_accept);
    if (r->shows_stats) {
        uv_timer_start(&r->redraw, record_draw_statistics, REDRAW_AFTER, REDRAW_AFTER);
    }
    tool_print_listening(r->is_shared ? stderr : stdout, port, r->local_text);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    close(r->fd);
    if (r->local->at.path) {
        unlink(r->local->at.path);
    }
    return r->status;
}

/* ---- Options ---- */

enum {
    RECORD_CA,
    RECORD_FOLLOW,
    RECORD_INSECURE,
    RECORD_LISTEN,
    RECORD_MASK,
    RECORD_STATS,
    RECORD_TO
};

static const struct tool_option record_option_rows[] = {
    {"ca", "FILE",
     "trust the root certificates in FILE, instead of the system's, for a TLS server",
     RECORD_CA, 0},
    {"follow", NULL, "print each message as it passes, as pb dump does", RECORD_FOLLOW,
     0},
    {"insecure", NULL, "accept any certificate of a TLS server", RECORD_INSECURE, 0},
    {"listen", "ENDPOINT",
     "the endpoint for clients: tcp:PORT, unix:PATH, ...; port 0 is any free port; "
     "the port is printed",
     RECORD_LISTEN, 0},
    {"mask-passwords", NULL, "write asterisks instead of the responses of logins",
     RECORD_MASK, 0},
    {"stats", NULL,
     "print statistics every second, redrawn at a terminal: calls/s, latency by method, "
     "errors, open references",
     RECORD_STATS, 0},
    {"to", "ENDPOINT", "the endpoint of the server: HOST:PORT, unix:PATH, tls:HOST:PORT",
     RECORD_TO, 0},
    {0}};

static int record_take_option(void *ctx, int id, const char *argument)
{
    struct record *r = ctx;
    switch (id) {
    case RECORD_CA:
        r->config.tls_ca = argument;
        break;
    case RECORD_FOLLOW:
        r->follow = true;
        break;
    case RECORD_INSECURE:
        r->config.tls_insecure = true;
        break;
    case RECORD_LISTEN:
        r->local_text = argument;
        break;
    case RECORD_MASK:
        r->mask = true;
        break;
    case RECORD_STATS:
        r->shows_stats = true;
        break;
    default:
        r->server_text = argument;
    }
    return TOOL_DONE;
}

static struct pb__target *record_target(const char *text, enum pb__endpoint_role role,
                                        const pb_net_config *config, int *status)
{
    pb_error err = {0};
    struct pb__target *t = pb__target_new(text, role, config, &err);
    if (!t) {
        *status = err.code == PB_ERR_SYNTAX ? tool_bad_argument(text, &err)
                                            : (tool_error_from(&err), TOOL_DISCONNECTED);
    }
    return t;
}

static int record_run(struct record *r)
{
    pb_error err = {0};
    int status = TOOL_DONE;
    pb__list_init(&r->connections);
    r->style.colour = dump_wants_colour();
    r->local = record_target(r->local_text, PB__ENDPOINT_SERVER, NULL, &status);
    r->server =
        r->local ? record_target(r->server_text, PB__ENDPOINT_CLIENT, &r->config, &status)
                 : NULL;
    bool opens = r->server && !r->is_shared;
    if (opens && capture_writer_open(&r->first, r->path, &err) != 0) {
        tool_error_from(&err);
        status = TOOL_DISCONNECTED;
    } else if (r->server && uv_loop_init(&r->loop) != 0) {
        status = tool_nomem();
    } else if (r->server) {
        status = record_serve(r);
        uv_loop_close(&r->loop);
    }
    capture_writer_close(&r->first);
    pb__target_unref(r->local);
    pb__target_unref(r->server);
    return tool_flush_output(status);
}

int record_main(int argc, char **argv)
{
    struct record r = {.status = TOOL_DONE};
    const struct tool_usage usage = {"record",
                                     record_help_begin,
                                     record_help_end,
                                     {{record_option_rows, record_take_option, &r}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status != TOOL_DONE || done) {
        return status;
    }
    if (!r.local_text || !r.server_text || count != 1) {
        tool_error(
            "--listen ENDPOINT, --to ENDPOINT and one FILE are needed; see pb record "
            "--help");
        return TOOL_USAGE;
    }
    r.path = argv[0];
    r.is_shared = strcmp(r.path, "-") == 0;
    if (r.is_shared + r.follow + r.shows_stats > 1) {
        tool_error("only one of FILE -, --follow and --stats can go to standard output");
        return TOOL_USAGE;
    }
    if (r.shows_stats && record_statistics_init(&r.statistics) != 0) {
        return tool_nomem();
    }
    status = record_run(&r);
    record_statistics_fini(&r.statistics);
    return status;
}
