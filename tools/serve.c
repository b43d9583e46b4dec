/* SPDX-License-Identifier: MIT
 *
 * `pb serve`: a server to test against. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "libpb/base/list.h"
#include "libpb/base/mem.h"
#include "libpb/net/endpoint.h"
#include "pb/net.h"
#include "pb/paging.h"
#include "tools/pb.h"

static const char help[] =
    "Usage: pb serve [OPTION]... ENDPOINT\n"
    "Serves an object to test against, until it is interrupted. ENDPOINT is tcp:PORT,\n"
    "tcp:PORT:interface=ADDRESS, HOST:PORT, ssl:PORT:privateKey=FILE:certKey=FILE or\n"
    "unix:PATH; port 0 is any that is free, and is printed.\n"
    "\n"
    "  echo(x)            answers x\n"
    "  ping()             answers 'pong'\n"
    "  add(a, b)          answers a + b, of numbers\n"
    "  fail(message)      fails with a twisted.spread.pb.Error\n"
    "  ref()              answers a new reference, to an object with these methods\n"
    "  slow(seconds, x)   answers x, but not at once\n"
    "  pages(n)           for getAllPages: sends the pages 0, 1, ... to the collector "
    "that\n"
    "                     is the first argument\n"
    "\n"
    "      --anonymous           let in who logs in as nobody\n"
    "      --user NAME:PASSWORD  let in who logs in with these; may be given again. "
    "With\n"
    "                            either, the methods are those of the avatars\n"
    "      --help                print this text\n"
    "\n"
    "Exit status: 0 it was interrupted; 2 wrong usage; 3 it cannot listen.\n"
    "\n"
    "Example: pb serve --user ada:lace tcp:8800\n";

/* A call of slow that is not answered yet. */
struct delayed {
    uv_timer_t timer;
    struct pb__list link;
    pb_request *request;
    pb_value *answer;
};

/* What the methods have for self. */
struct service {
    struct pb__list delayed; /* delayed.link */
};

static int do_echo(void *self, pb_request *req)
{
    (void)self;
    pb_value *x;
    int e = pb_request_unpack(req, "O", &x);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(x));
}

static int do_ping(void *self, pb_request *req)
{
    (void)self;
    int e = pb_request_unpack(req, "");
    return e ? e : pb_request_answer_steal(req, pb_str("pong"));
}

static int do_add(void *self, pb_request *req)
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

static int do_fail(void *self, pb_request *req)
{
    (void)self;
    const char *message;
    int e = pb_request_unpack(req, "s", &message);
    return e ? e : pb_request_fail(req, "twisted.spread.pb.Error", "%s", message);
}

static void delayed_closed(uv_handle_t *h)
{
    pb__free(h->data);
}

/* Ends a call of slow: the request has its answer, or will have none. */
static void end_delayed(struct delayed *d)
{
    pb__list_remove(&d->link);
    pb_request_unref(d->request);
    pb_value_unref(d->answer);
    uv_close((uv_handle_t *)&d->timer, delayed_closed);
}

static void on_time(uv_timer_t *timer)
{
    struct delayed *d = timer->data;
    (void)pb_request_answer_steal(d->request, pb_value_ref(d->answer));
    end_delayed(d);
}

static int do_slow(void *self, pb_request *req)
{
    struct service *service = self;
    double seconds;
    pb_value *x;
    int e = pb_request_unpack(req, "dO", &seconds, &x);
    if (e) {
        return e;
    }
    if (!(seconds >= 0 && seconds < 1e9)) {
        return pb_request_fail(req, "builtins.ValueError", "%g is no time to wait",
                               seconds);
    }
    struct delayed *d = pb__malloc(sizeof *d);
    if (!d) {
        return PB_ERR_NOMEM;
    }
    d->request = pb_request_ref(req);
    d->answer = pb_value_ref(x);
    pb__list_init(&d->link);
    pb__list_push(&service->delayed, &d->link);
    uv_timer_init(uv_default_loop(), &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_time, (uint64_t)ceil(seconds * 1000), 0);
    return 0;
}

/* What is left to be sent of a paging. */
struct pages {
    int64_t next, count;
};

static int next_page(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct pages *p = self;
    (void)err;
    if (p->next < p->count) {
        *page = pb_int(p->next++);
    }
    *last = p->next == p->count;
    return 0;
}

static void paged(void *self, const pb_error *why)
{
    (void)why;
    pb__free(self);
}

static int do_pages(void *self, pb_request *req)
{
    static const pb_page_source source = {.next_page = next_page, .done = paged};
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
    struct pages *p = pb__malloc(sizeof *p);
    if (!p) {
        return PB_ERR_NOMEM;
    }
    *p = (struct pages){.count = n};
    e = pb_page(pb_as_remote(collector), &source, p, NULL);
    if (e) {
        pb__free(p);
    }
    return e;
}

static int do_ref(void *self, pb_request *req);

static const pb_method methods[] = {
    {"echo", do_echo}, {"ping", do_ping}, {"add", do_add},     {"fail", do_fail},
    {"ref", do_ref},   {"slow", do_slow}, {"pages", do_pages}, {0},
};

static const pb_class service_class = {.name = "Service", .remote = methods};
static const pb_class avatar_class = {.name = "Avatar", .perspective = methods};

/* Each login gets an avatar of its own. */
static int request_avatar(pb_attempt *attempt, void *user_data)
{
    pb_object *avatar = pb_object_new(&avatar_class, user_data);
    int e = pb_attempt_grant(attempt, avatar, NULL, NULL);
    pb_object_unref(avatar);
    return e;
}

static int do_ref(void *self, pb_request *req)
{
    int e = pb_request_unpack(req, "");
    return e ? e
             : pb_request_answer_steal(
                   req, pb_object_value_steal(pb_object_new(&service_class, self)));
}

/* Serves until a signal comes, then ends what is under way. */
static int serve(struct service *service, pb_object *root, const char *endpoint)
{
    pb_error err = {0};
    const pb_net_config config = {.session.root = root};
    pb_server *server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (!server) {
        tool_say_error(&err);
        return TOOL_DISCONNECTED;
    }
    tool_listening(pb_server_port(server), endpoint);
    int e = pb_run();
    pb_server_close(server, NULL, NULL);
    while (!pb__list_empty(&service->delayed)) {
        end_delayed(PB__LIST_ENTRY(service->delayed.next, struct delayed, link));
    }
    if (e == 0) {
        e = pb_run();
    }
    if (e) {
        tool_say("%s", pb_strerror(e));
    }
    return e ? TOOL_DISCONNECTED : TOOL_DONE;
}

/* Lets a user in: NAME:PASSWORD. */
static int add_user(pb_portal *portal, const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon) {
        tool_say("%s: NAME:PASSWORD is needed", text);
        return TOOL_USAGE;
    }
    pb_span name = {(const uint8_t *)text, (size_t)(colon - text)};
    pb_span password = {(const uint8_t *)colon + 1, strlen(colon + 1)};
    return pb_portal_add_user(portal, name, password) == 0 ? TOOL_DONE : tool_nomem();
}

/* Reads the options; *users tells whether anybody is to log in, *done whether nothing else
 * is left to do. */
static int read_options(int argc, char **argv, pb_portal *portal, bool *users, bool *done)
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
            status = add_user(portal, optarg);
            break;
        case 'h':
            fputs(help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            status = tool_bad_option(got, argv);
        }
    }
    if (status == TOOL_DONE && argc - optind != 1) {
        tool_say("one endpoint is needed; see pb serve --help");
        status = TOOL_USAGE;
    }
    return status;
}

static int check_and_serve(struct service *service, pb_object *root, const char *endpoint)
{
    pb_error err = {0};
    struct pb__endpoint parsed;
    if (pb__endpoint_parse(endpoint, PB__ENDPOINT_SERVER, &parsed, &err) != 0) {
        return tool_usage(endpoint, &err);
    }
    pb__endpoint_fini(&parsed);
    return root ? serve(service, root, endpoint) : tool_nomem();
}

int serve_main(int argc, char **argv)
{
    struct service service;
    pb__list_init(&service.delayed);
    pb_portal *portal = pb_portal_new(request_avatar, &service);
    if (!portal) {
        return tool_nomem();
    }
    bool users = false, done = false;
    int status = read_options(argc, argv, portal, &users, &done);
    if (status == TOOL_DONE && !done) {
        pb_object *root =
            users ? pb_portal_root(portal) : pb_object_new(&service_class, &service);
        status = check_and_serve(&service, root, argv[optind]);
        pb_object_unref(root);
    }
    pb_portal_unref(portal);
    return status;
}
