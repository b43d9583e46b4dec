/* SPDX-License-Identifier: MIT
 *
 * `pb record`: takes connections, makes one to the server for each, has relay.c pass bytes
 * on between the two, and writes what passes: one capture for each connection. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/list.h"
#include "libpb/net/socket.h"
#include "tools/dump.h"
#include "tools/knock.h"
#include "tools/mask.h"
#include "tools/pb.h"
#include "tools/record_file.h"
#include "tools/relay.h"

static const char help[] =
    "Usage: pb record [OPTION]... --listen ENDPOINT --to ENDPOINT FILE\n"
    "Stands between clients and a server, passes on unchanged what they say, and "
    "records\n"
    "it: the first connection in FILE, the next ones beside it (traffic.jsonl.gz,\n"
    "traffic-2.jsonl.gz, ...), as captures that pb dump and pb replay read. Goes on "
    "until\n"
    "it is interrupted; SIGUSR1 has it write out all that it has seen, which it does by\n"
    "itself within a quarter of a second.\n"
    "\n"
    "      --ca FILE           trust a TLS server by the roots in FILE, not the "
    "system's\n"
    "      --follow            print each message as it goes by, as pb dump does\n"
    "      --insecure          take any certificate of a TLS server\n"
    "      --listen ENDPOINT   where clients connect to: tcp:PORT, unix:PATH, ...; port "
    "0\n"
    "                          is any that is free, and is printed\n"
    "      --mask-passwords    write asterisks for the response that a password gives\n"
    "                          when somebody logs in\n"
    "      --to ENDPOINT       where the server is: HOST:PORT, unix:PATH, tls:HOST:PORT\n"
    "      --help              print this text\n"
    "\n"
    "Exit status: 0 it was interrupted; 2 wrong usage; 3 it cannot listen, or a capture\n"
    "could not be written.\n"
    "\n"
    "Example: pb record --listen tcp:8788 --to localhost:8787 traffic.jsonl.gz\n";

enum {
    FLUSH_AFTER = 250,   /* milliseconds in which what was seen becomes readable */
    ACCEPT_AGAIN = 1000, /* milliseconds, after the system had no room for a connection */
    SIGNALS = 4,
};

struct record {
    uv_loop_t loop;
    const char *listen, *to_text, *path;
    pb_net_config config; /* of the connections to the server */
    bool follow, mask;
    struct pb__target *at, *to;
    int fd; /* listens; -1: no more */
    uv_poll_t listener;
    uv_timer_t flush, again;
    uv_signal_t signals[SIGNALS];
    struct pb__list connections; /* connection.link */
    size_t count;                /* connections so far */
    struct record_file first;    /* of the first, which is open before it comes */
    struct dump_style style;
    int status;
};

struct connection {
    struct record *record;
    struct pb__list link;
    size_t number;
    uint64_t began; /* nanoseconds */
    int fd;         /* the client's; -1: the relay has it */
    struct knock *knock;
    struct relay *relay;
    struct record_file file;
    struct mask masks[TALK_SIDES];
    struct pb__buf masked;
    struct talk talk; /* where messages are to be printed */
};

static double now(const struct connection *c)
{
    return (double)(uv_hrtime() - c->began) / 1e9;
}

/* ---- What is seen ---- */

/* A file that cannot be written stops no traffic; it is said once. */
static void check_file(struct connection *c, bool failed_before)
{
    if (c->file.failed && !failed_before) {
        tool_say("connection %zu is not recorded any more: %s", c->number,
                 c->file.err.text);
        c->record->status = TOOL_DISCONNECTED;
    }
}

static void flush_files(struct record *r)
{
    struct pb__list *all = &r->connections;
    for (struct pb__list *l = all->next; l != all; l = l->next) {
        struct connection *c = PB__LIST_ENTRY(l, struct connection, link);
        bool failed = c->file.failed;
        record_file_flush(&c->file);
        check_file(c, failed);
    }
}

static void on_flush(uv_timer_t *timer)
{
    flush_files(timer->data);
}

/* What goes to the file: the bytes, or a copy without secrets. */
static pb_span fit_to_keep(struct connection *c, int from, pb_span in)
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
    mask_bytes(&c->masks[from], c->masked.data, c->masked.len);
    return (pb_span){c->masked.data, c->masked.len};
}

static void on_bytes(int from, pb_span in, void *ctx)
{
    struct connection *c = ctx;
    struct record *r = c->record;
    bool failed = c->file.failed;
    double time = now(c);
    in = fit_to_keep(c, from, in);
    record_file_bytes(&c->file, time, from, in);
    check_file(c, failed);
    if (!uv_is_active((uv_handle_t *)&r->flush)) {
        uv_timer_start(&r->flush, on_flush, FLUSH_AFTER, 0);
    }
    if (r->follow) {
        (void)talk_hear(&c->talk, from, time, in);
        fflush(stdout);
    }
}

static void on_end(int from, const char *why, void *ctx)
{
    struct connection *c = ctx;
    record_file_end(&c->file, now(c), from, why);
    if (c->record->follow) {
        talk_end(&c->talk, from);
        fflush(stdout);
    }
}

static void on_message(const struct talk_message *m, void *ctx)
{
    struct connection *c = ctx;
    (void)dump_message(&c->record->style, c->number, m);
}

static void on_damage(int from, double time, uint64_t offset, const pb_error *why,
                      void *ctx)
{
    struct connection *c = ctx;
    dump_damage(&c->record->style, c->number, from, time, offset, why);
}

/* ---- Connections ---- */

static void connection_over(void *ctx)
{
    struct connection *c = ctx;
    bool failed = c->file.failed;
    record_file_close(&c->file);
    check_file(c, failed);
    pb__list_remove(&c->link);
    for (int i = 0; i < TALK_SIDES; i++) {
        mask_fini(&c->masks[i]);
    }
    pb__buf_fini(&c->masked);
    talk_fini(&c->talk);
    if (c->fd >= 0) {
        close(c->fd);
    }
    pb__free(c);
}

static void connection_failed(struct connection *c, const pb_error *why)
{
    tool_say("connection %zu: %s", c->number, why->text);
    record_file_end(&c->file, now(c), TALK_SERVER, why->text);
    relay_reset(c->fd);
    connection_over(c);
}

/* The server's side is there, or will never be. */
static void on_knocked(int fd, const pb_error *why, void *ctx)
{
    static const struct relay_hooks hooks = {on_bytes, on_end, connection_over};
    struct connection *c = ctx;
    struct record *r = c->record;
    c->knock = NULL;
    if (fd < 0) {
        connection_failed(c, why);
        return;
    }
    pb__socket_keep_alive(fd, r->to->policy.keep_alive);
    int fds[TALK_SIDES] = {c->fd, fd};
    struct pb__tls *tls[TALK_SIDES] = {
        r->at->tls ? pb__tls_new(r->at->tls, NULL) : NULL,
        r->to->tls ? pb__tls_new(r->to->tls, r->to->tls_host) : NULL};
    bool lacking = (r->at->tls && !tls[TALK_CLIENT]) || (r->to->tls && !tls[TALK_SERVER]);
    c->fd = -1;
    c->relay = lacking ? NULL : relay_new(&r->loop, fds, tls, &hooks, c);
    if (!c->relay) {
        (void)tool_nomem();
        connection_over(c);
    }
}

/* "traffic.jsonl.gz" to "traffic-2.jsonl.gz". */
static int name_file(struct pb__buf *out, const char *path, size_t number)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *dot = path + strlen(path);
    /* Up to two suffixes stay suffixes. */
    for (int i = 0; i < 2; i++) {
        const char *earlier = memrchr(base, '.', (size_t)(dot - base));
        dot = earlier && earlier > base ? earlier : dot;
    }
    return pb__buf_printf(out, "%.*s-%zu%s", (int)(dot - path), path, number, dot);
}

static void open_file(struct connection *c)
{
    struct record *r = c->record;
    struct pb__buf path = {0};
    pb_error err = {0};
    int failed = 0;
    if (c->number == 1) {
        c->file = r->first;
        r->first = (struct record_file){0};
    } else {
        failed = name_file(&path, r->path, c->number);
        failed = failed ? pb__error_nomem(&err)
                        : record_file_open(&c->file, (char *)path.data, &err);
        pb__buf_fini(&path);
    }
    if (failed) {
        c->file.failed = true;
        c->file.err = err;
    } else {
        char about[512];
        snprintf(about, sizeof about, "connection %zu, from %s to %s", c->number,
                 r->listen, r->to_text);
        record_file_begin(&c->file, about);
    }
    check_file(c, false);
}

/* Takes fd. */
static void connection_new(struct record *r, int fd)
{
    struct connection *c = pb__calloc(1, sizeof *c);
    if (!c || (r->follow && talk_init(&c->talk) != 0)) {
        (void)tool_nomem();
        close(fd);
        pb__free(c);
        return;
    }
    c->record = r;
    c->fd = fd;
    c->number = ++r->count;
    c->began = uv_hrtime();
    c->talk.message = on_message;
    c->talk.damage = on_damage;
    c->talk.ctx = c;
    r->style.numbered = r->count > 1;
    pb__list_init(&c->link);
    pb__list_push(&r->connections, &c->link);
    open_file(c);
    pb__socket_keep_alive(fd, r->at->policy.keep_alive);
    c->knock = knock_new(&r->loop, r->to, on_knocked, c);
    if (!c->knock) {
        (void)tool_nomem();
        connection_over(c);
    }
}

/* ---- Listening, until a signal comes ---- */

static void on_again(uv_timer_t *timer);

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct record *r = poll->data;
    int fd = pb__socket_accept(r->fd, NULL);
    if (fd >= 0) {
        connection_new(r, fd);
    } else if (fd != -EAGAIN) {
        tool_say("cannot take a connection: %s", pb__socket_text(fd));
        uv_poll_stop(poll);
        uv_timer_start(&r->again, on_again, ACCEPT_AGAIN, 0);
    }
}

static void on_again(uv_timer_t *timer)
{
    struct record *r = timer->data;
    uv_poll_start(&r->listener, UV_READABLE, on_acceptable);
}

static void stop(struct record *r)
{
    struct pb__list *all = &r->connections;
    while (!pb__list_empty(all)) {
        struct connection *c = PB__LIST_ENTRY(all->next, struct connection, link);
        if (c->relay) {
            relay_close(c->relay);
        } else {
            knock_cancel(c->knock);
            connection_over(c);
        }
    }
    for (int i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *)&r->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&r->listener, NULL);
    uv_close((uv_handle_t *)&r->flush, NULL);
    uv_close((uv_handle_t *)&r->again, NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct record *r = signal->data;
    if (number == SIGUSR1) {
        flush_files(r);
    } else {
        stop(r);
    }
}

static void watch_signals(struct record *r)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
}

/* Listens, and records until a signal has come. */
static int serve(struct record *r)
{
    int port, e;
    pb_error err = {0};
    r->fd = pb__socket_listen(&r->at->at, false, &port, &err);
    if (r->fd < 0) {
        tool_say_error(&err);
        return TOOL_DISCONNECTED;
    }
    e = uv_poll_init_socket(&r->loop, &r->listener, r->fd);
    if (e) {
        tool_say("cannot listen on %s: %s", r->listen, uv_strerror(e));
        close(r->fd);
        return TOOL_DISCONNECTED;
    }
    uv_timer_init(&r->loop, &r->flush);
    uv_timer_init(&r->loop, &r->again);
    r->listener.data = r->flush.data = r->again.data = r;
    watch_signals(r);
    uv_poll_start(&r->listener, UV_READABLE, on_acceptable);
    tool_listening(port, r->listen);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    close(r->fd);
    if (r->at->at.path) {
        unlink(r->at->at.path);
    }
    return r->status;
}

/* ---- Options ---- */

static int read_options(int argc, char **argv, struct record *r, bool *done)
{
    enum { CA = 256, FOLLOW, INSECURE, LISTEN, MASK, TO, HELP };
    static const struct option known[] = {{"ca", required_argument, NULL, CA},
                                          {"follow", no_argument, NULL, FOLLOW},
                                          {"insecure", no_argument, NULL, INSECURE},
                                          {"listen", required_argument, NULL, LISTEN},
                                          {"mask-passwords", no_argument, NULL, MASK},
                                          {"to", required_argument, NULL, TO},
                                          {"help", no_argument, NULL, HELP},
                                          {0}};
    int got;
    opterr = 0;
    while ((got = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        switch (got) {
        case CA:
            r->config.tls_ca = optarg;
            break;
        case FOLLOW:
            r->follow = true;
            break;
        case INSECURE:
            r->config.tls_insecure = true;
            break;
        case LISTEN:
            r->listen = optarg;
            break;
        case MASK:
            r->mask = true;
            break;
        case TO:
            r->to_text = optarg;
            break;
        case HELP:
            fputs(help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            return tool_bad_option(got, argv);
        }
    }
    if (!r->listen || !r->to_text || argc - optind != 1) {
        tool_say(
            "--listen ENDPOINT, --to ENDPOINT and one FILE are needed; see pb record "
            "--help");
        return TOOL_USAGE;
    }
    r->path = argv[optind];
    return TOOL_DONE;
}

static struct pb__target *target(const char *text, enum pb__endpoint_role role,
                                 const pb_net_config *config, int *status)
{
    pb_error err = {0};
    struct pb__target *t = pb__target_new(text, role, config, &err);
    if (!t) {
        *status = err.code == PB_ERR_SYNTAX ? tool_usage(text, &err)
                                            : (tool_say_error(&err), TOOL_DISCONNECTED);
    }
    return t;
}

static int run(struct record *r)
{
    pb_error err = {0};
    int status = TOOL_DONE;
    pb__list_init(&r->connections);
    r->style.colour = dump_wants_colour();
    r->at = target(r->listen, PB__ENDPOINT_SERVER, NULL, &status);
    r->to = r->at ? target(r->to_text, PB__ENDPOINT_CLIENT, &r->config, &status) : NULL;
    if (r->to && record_file_open(&r->first, r->path, &err) != 0) {
        tool_say_error(&err);
        status = TOOL_DISCONNECTED;
    } else if (r->to && uv_loop_init(&r->loop) != 0) {
        status = tool_nomem();
    } else if (r->to) {
        status = serve(r);
        uv_loop_close(&r->loop);
    }
    record_file_close(&r->first);
    pb__target_unref(r->at);
    pb__target_unref(r->to);
    return tool_end_output(status);
}

int record_main(int argc, char **argv)
{
    struct record r = {.status = TOOL_DONE};
    bool done = false;
    int status = read_options(argc, argv, &r, &done);
    return status != TOOL_DONE || done ? status : run(&r);
}
