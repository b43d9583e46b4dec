/* SPDX-License-Identifier: MIT
 *
 * `pb serve`: a server to test against. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "pb/net.h"
#include "pb/paging.h"
#include "tools/common/command.h"
#include "tools/pb.h"

static const char serve_help[] =
    "Usage: pb serve [OPTION]... ENDPOINT\n"
    "Serves an object to test against, until it is interrupted. ENDPOINT is tcp:PORT,\n"
    "tcp:PORT:interface=ADDRESS, HOST:PORT, ssl:PORT:privateKey=FILE:certKey=FILE or\n"
    "unix:PATH. Port 0 is any free port. The port is printed.\n"
    "\n"
    "  echo(x)            returns x\n"
    "  ping()             returns 'pong'\n"
    "  add(a, b)          returns a + b, of two numbers\n"
    "  fail(message)      fails with a twisted.spread.pb.Error\n"
    "  ref()              returns a new reference to an object with these methods\n"
    "  slow(seconds, x)   returns x after some seconds\n"
    "  pages(n)           for getAllPages: sends the pages 0, 1, ... to the collector "
    "in\n"
    "                     the first argument\n"
    "\n"
    "      --anonymous           allow anonymous logins\n"
    "      --user NAME:PASSWORD  add a user; may be given again. With either option,\n"
    "                            clients must log in, and the avatars have the methods\n"
    "      --help                print this text\n"
    "\n"
    "Exit status: 0 interrupted; 2 wrong usage; 3 cannot listen.\n"
    "\n"
    "Example: pb serve --user ada:lace tcp:8800\n";

/* A call of slow that has not been answered yet. */
struct delayed {
    uv_timer_t timer;
    struct delayed *next, **link; /* *link is this one */
    pb_request *request;
    pb_value *answer;
};

/* The self of the methods. */
struct service {
    struct delayed *delayed; /* a list */
};

static int service_echo(void *self, pb_request *req)
{
    (void)self;
    pb_value *x;
    int e = pb_request_unpack(req, "O", &x);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(x));
}

static int service_ping(void *self, pb_request *req)
{
    (void)self;
    int e = pb_request_unpack(req, "");
    return e ? e : pb_request_answer_steal(req, pb_str("pong"));
}

static int service_add(void *self, pb_request *req)
{
    (void)self;
    pb_value *a, *b;
    int e = pb_request_unpack(req, "OO", &a, &b);
    if (e) {
        return e;
    }
    int64_t i, j, sum;
    int not_i = pb_as_int(a, &i), not_j = pb_as_int(b, &j);
    if (!not_i && !not_j && !__builtin_add_overflow(i, j, &sum)) {
        return pb_request_answer_steal(req, pb_int(sum));
    }
    if (not_i != PB_ERR_TYPE && not_j != PB_ERR_TYPE) {
        return pb_request_fail(req, "builtins.OverflowError", "add() has 64 bits only");
    }
    double x, y;
    if (pb_as_float(a, &x) == 0 && pb_as_float(b, &y) == 0) {
        return pb_request_answer_steal(req, pb_float(x + y));
    }
    return pb_request_fail(
        req, "builtins.TypeError", "add() wants two numbers, not %s and %s",
        pb_kind_name(pb_value_kind(a)), pb_kind_name(pb_value_kind(b)));
}

static int service_fail(void *self, pb_request *req)
{
    (void)self;
    const char *message;
    int e = pb_request_unpack(req, "s", &message);
    return e ? e : pb_request_fail(req, "twisted.spread.pb.Error", "%s", message);
}

static void delayed_timer_closed(uv_handle_t *h)
{
    free(h->data);
}

/* Ends a call of slow, whether it has been answered or not. */
static void delayed_end(struct delayed *d)
{
    *d->link = d->next;
    if (d->next) {
        d->next->link = d->link;
    }
    pb_request_unref(d->request);
    pb_value_unref(d->answer);
    uv_close((uv_handle_t *)&d->timer, delayed_timer_closed);
}

static void delayed_expired(uv_timer_t *timer)
{
    struct delayed *d = timer->data;
    (void)pb_request_answer_steal(d->request, pb_value_ref(d->answer));
    delayed_end(d);
}

static int service_slow(void *self, pb_request *req)
{
    struct service *service = self;
    double seconds;
    pb_value *x;
    int e = pb_request_unpack(req, "dO", &seconds, &x);
    if (e) {
        return e;
    }
    if (!(seconds >= 0 && seconds < 1e9)) {
        return pb_request_fail(req, "builtins.ValueError", "cannot wait %g seconds",
                               seconds);
    }
    struct delayed *d = malloc(sizeof *d);
    if (!d) {
        return PB_ERR_NOMEM;
    }
    d->request = pb_request_ref(req);
    d->answer = pb_value_ref(x);
    d->next = service->delayed;
    d->link = &service->delayed;
    if (d->next) {
        d->next->link = &d->next;
    }
    service->delayed = d;
    uv_timer_init(uv_default_loop(), &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, delayed_expired, (uint64_t)ceil(seconds * 1000), 0);
    return 0;
}

/* The pages that are still to be sent. */
struct pages {
    int64_t next, count;
};

static int service_pages_next(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct pages *p = self;
    (void)err;
    if (p->next < p->count) {
        *page = pb_int(p->next++);
    }
    *last = p->next == p->count;
    return 0;
}

static void service_pages_done(void *self, const pb_error *why)
{
    (void)why;
    free(self);
}

static int service_pages(void *self, pb_request *req)
{
    static const pb_page_source source = {.next_page = service_pages_next,
                                          .done = service_pages_done};
    static const char *const names[] = {"collector", "n", NULL};
    pb_value *collector;
    int64_t n;
    (void)self;
    int e = pb_request_unpack_keywords(req, "OL", names, &collector, &n);
    if (e) {
        return e;
    }
    if (!pb_as_remote(collector) || n < 0) {
        return pb_request_fail(req, "builtins.ValueError",
                               "a collector and a number of pages are needed");
    }
    struct pages *p = malloc(sizeof *p);
    if (!p) {
        return PB_ERR_NOMEM;
    }
    *p = (struct pages){.count = n};
    e = pb_page(pb_as_remote(collector), &source, p, NULL);
    if (e) {
        free(p);
    }
    return e;
}

static int service_ref(void *self, pb_request *req);

static const pb_method service_methods[] = {
    {"echo", service_echo},   {"ping", service_ping},
    {"add", service_add},     {"fail", service_fail},
    {"ref", service_ref},     {"slow", service_slow},
    {"pages", service_pages}, {0},
};

static const pb_class service_class = {.name = "Service", .remote = service_methods};
static const pb_class avatar_class = {.name = "Avatar", .perspective = service_methods};

/* Each login gets an avatar of its own. */
static int service_avatar(pb_attempt *attempt, void *user_data)
{
    pb_object *avatar = pb_object_new(&avatar_class, user_data);
    int e = pb_attempt_grant(attempt, avatar, NULL, NULL);
    pb_object_unref(avatar);
    return e;
}

static int service_ref(void *self, pb_request *req)
{
    int e = pb_request_unpack(req, "");
    return e ? e
             : pb_request_answer_steal(
                   req, pb_object_value_steal(pb_object_new(&service_class, self)));
}

/* Serves until a signal comes, then closes all connections. */
static int serve_until_signal(struct service *service, pb_object *root,
                              const char *endpoint)
{
    pb_error err = {0};
    const pb_net_config config = {.session.root = root};
    pb_server *server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (!server && err.code == PB_ERR_SYNTAX) {
        return tool_bad_argument(endpoint, &err);
    }
    if (!server) {
        tool_error_from(&err);
        return TOOL_DISCONNECTED;
    }
    tool_print_listening(pb_server_port(server), endpoint);
    int e = pb_run();
    pb_server_close(server, NULL, NULL);
    while (service->delayed) {
        delayed_end(service->delayed);
    }
    if (e == 0) {
        e = pb_run();
    }
    if (e) {
        tool_error("%s", pb_strerror(e));
    }
    return e ? TOOL_DISCONNECTED : TOOL_DONE;
}

/* Adds a user by NAME:PASSWORD. */
static int serve_add_user(pb_portal *portal, const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon) {
        tool_error("%s: NAME:PASSWORD is needed", text);
        return TOOL_USAGE;
    }
    pb_span name = {(const uint8_t *)text, (size_t)(colon - text)};
    pb_span password = {(const uint8_t *)colon + 1, strlen(colon + 1)};
    return pb_portal_add_user(portal, name, password) == 0 ? TOOL_DONE : tool_nomem();
}

/* Reads the options; sets *users if clients must log in, *done for --help. */
static int serve_read_options(int argc, char **argv, pb_portal *portal, bool *users,
                              bool *done)
{
    static const struct option known[] = {{"anonymous", no_argument, NULL, 'a'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        switch (got) {
        case 'a':
            *users = true;
            pb_portal_allow_anonymous(portal);
            break;
        case 'u':
            *users = true;
            status = serve_add_user(portal, optarg);
            break;
        case 'h':
            fputs(serve_help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            status = tool_bad_option(got, argv);
        }
    }
    if (status == TOOL_DONE && argc - optind != 1) {
        tool_error("one endpoint is needed; see pb serve --help");
        status = TOOL_USAGE;
    }
    return status;
}

int serve_main(int argc, char **argv)
{
    struct service service = {NULL};
    pb_portal *portal = pb_portal_new(service_avatar, &service);
    if (!portal) {
        return tool_nomem();
    }
    bool users = false, done = false;
    int status = serve_read_options(argc, argv, portal, &users, &done);
    if (status == TOOL_DONE && !done) {
        pb_object *root =
            users ? pb_portal_root(portal) : pb_object_new(&service_class, &service);
        status = root ? serve_until_signal(&service, root, argv[optind]) : tool_nomem();
        pb_object_unref(root);
    }
    pb_portal_unref(portal);
    return status;
}
