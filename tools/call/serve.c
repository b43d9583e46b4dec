/* SPDX-License-Identifier: MIT
 *
 * `pb serve`: a server to test against. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "pb/net.h"
#include "pb/paging.h"
#include "tools/common/command.h"
#include "tools/common/options.h"
#include "tools/pb.h"

static const char serve_help_begin[] =
    "Usage: pb serve [OPTION]... ENDPOINT\n"
    "Serves an object to test against, until it is interrupted. ENDPOINT is\n"
    "tcp:PORT, tcp:PORT:interface=ADDRESS, HOST:PORT,\n"
    "ssl:PORT:privateKey=FILE:certKey=FILE or unix:PATH. Port 0 chooses a free port.\n"
    "pb prints the port.\n"
    "\n"
    "  echo(x)            returns x\n"
    "  ping()             returns 'pong'\n"
    "  add(a, b)          returns a + b, of two numbers\n"
    "  fail(message)      fails with a twisted.spread.pb.Error\n"
    "  ref()              returns a new reference to an object with these methods\n"
    "  slow(seconds, x)   returns x after some seconds\n"
    "  pages(n)           for getAllPages: sends the pages 0, 1, ... to the\n"
    "                     collector in the first argument\n";

static const char serve_help_end[] =
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

/* The data of a session: its calls of slow that have not been answered yet, a list. */
struct waiting {
    struct delayed *first;
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

static void delayed_unlink(struct delayed *d)
{
    *d->link = d->next;
    if (d->next) {
        d->next->link = d->link;
    }
}

static void delayed_free(struct delayed *d)
{
    pb_request_unref(d->request);
    pb_value_unref(d->answer);
    uv_close((uv_handle_t *)&d->timer, delayed_timer_closed);
}

static void delayed_expired(uv_timer_t *timer)
{
    struct delayed *d = timer->data;
    delayed_unlink(d); /* the session may end while the call is answered */
    (void)pb_request_answer_steal(d->request, pb_value_ref(d->answer));
    delayed_free(d);
}

/* The connection has ended, and with it all its calls. */
static void waiting_on_disconnect(pb_session *s, void *user_data)
{
    struct waiting *w = user_data;
    (void)s;
    while (w->first) {
        struct delayed *d = w->first;
        delayed_unlink(d);
        delayed_free(d);
    }
}

/* The waiting calls of a session; NULL if memory is exhausted. */
static struct waiting *session_waiting(pb_session *s)
{
    struct waiting *w = pb_session_data(s);
    if (w) {
        return w;
    }
    w = calloc(1, sizeof *w);
    if (w && pb_session_set_data(s, w, free) != 0) {
        return NULL;
    }
    if (w && pb_session_notify_on_disconnect(s, waiting_on_disconnect, w) != 0) {
        pb_session_set_data(s, NULL, NULL);
        return NULL;
    }
    return w;
}

static int service_slow(void *self, pb_request *req)
{
    (void)self;
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
    struct waiting *w = session_waiting(pb_request_session(req));
    struct delayed *d = w ? malloc(sizeof *d) : NULL;
    if (!d) {
        return PB_ERR_NOMEM;
    }
    *d = (struct delayed){.request = pb_request_ref(req),
                          .answer = pb_value_ref(x),
                          .next = w->first,
                          .link = &w->first};
    if (d->next) {
        d->next->link = &d->next;
    }
    w->first = d;
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
    pb_object *avatar = pb_object_new(&avatar_class, NULL);
    (void)user_data;
    int e = pb_attempt_grant(attempt, avatar, NULL, NULL);
    pb_object_unref(avatar);
    return e;
}

static int service_ref(void *self, pb_request *req)
{
    (void)self;
    int e = pb_request_unpack(req, "");
    return e ? e
             : pb_request_answer_steal(
                   req, pb_object_value_steal(pb_object_new(&service_class, NULL)));
}

/* Serves until a signal comes, then closes all connections. */
static int serve_until_signal(pb_object *root, const pb_limits *limits,
                              const char *endpoint)
{
    pb_error err = {0};
    const pb_net_config config = {.session = {.root = root, .jelly.limits = *limits}};
    pb_server *server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (!server && err.code == PB_ERR_SYNTAX) {
        return tool_bad_argument(endpoint, &err);
    }
    if (!server) {
        tool_error_from(&err);
        return TOOL_DISCONNECTED;
    }
    tool_print_listening(stdout, pb_server_port(server), endpoint);
    int e = pb_run();
    pb_server_close(server, NULL, NULL);
    if (e == 0) {
        e = pb_run();
    }
    if (e) {
        tool_error("%s", pb_strerror(e));
    }
    return e ? TOOL_DISCONNECTED : TOOL_DONE;
}

static void serve_on_failed_login(pb_attempt *attempt, void *user_data)
{
    const char *address = pb_session_peer(pb_attempt_session(attempt))->address;
    (void)user_data;
    tool_error("a login from %s has failed", address ? address : "a client");
}

/* Adds a user by NAME:PASSWORD, which comes from an option or a file. */
static int serve_add_line(pb_portal *portal, const char *text, const char *from)
{
    const char *colon = strchr(text, ':');
    if (!colon) {
        tool_error("%s: NAME:PASSWORD is needed", from);
        return TOOL_USAGE;
    }
    pb_span name = {(const uint8_t *)text, (size_t)(colon - text)};
    pb_span password = {(const uint8_t *)colon + 1, strlen(colon + 1)};
    return pb_portal_add_user(portal, name, password) == 0 ? TOOL_DONE : tool_nomem();
}

static int serve_add_user(pb_portal *portal, const char *text)
{
    if (strchr(text, ':')) {
        tool_error("warning: other users of this machine can see the password of --user; "
                   "use --user-file");
    }
    return serve_add_line(portal, text, text);
}

/* Adds the users of a file. */
static int serve_add_file(pb_portal *portal, const char *path)
{
    FILE *f = tool_open_passwords(path);
    char *line = NULL;
    size_t size = 0;
    int status = TOOL_DONE;
    if (!f) {
        return TOOL_USAGE;
    }
    while (status == TOOL_DONE && getline(&line, &size, f) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line) {
            status = serve_add_line(portal, line, path);
        }
    }
    if (line) {
        tool_wipe(line, size);
    }
    free(line);
    if (f != stdin) {
        fclose(f);
    }
    return status;
}

enum { SERVE_ANONYMOUS, SERVE_LIMIT, SERVE_USER, SERVE_USER_FILE };

static const struct tool_option serve_option_rows[] = {
    {"anonymous", NULL, "allow anonymous logins", SERVE_ANONYMOUS, 0},
    {"limit", "SIZE",
     "read and send strings and lists of up to SIZE bytes or elements (640K): 10M, 1G",
     SERVE_LIMIT, 0},
    {"user", "NAME:PASSWORD",
     "add a user; may be given again. With --user or --user-file, clients must log in, "
     "and call the methods on their avatars. Others can see the password in the list of "
     "processes: see --user-file",
     SERVE_USER, 0},
    {"user-file", "FILE",
     "add the users in FILE, which has a line NAME:PASSWORD for each", SERVE_USER_FILE,
     0},
    {0}};

struct serve_options {
    pb_portal *portal;
    bool users; /* clients must log in */
    pb_limits limits;
};

static int serve_take_option(void *ctx, int id, const char *argument)
{
    struct serve_options *o = ctx;
    size_t limit;
    int status;
    switch (id) {
    case SERVE_ANONYMOUS:
        o->users = true;
        pb_portal_allow_anonymous(o->portal);
        return TOOL_DONE;
    case SERVE_LIMIT:
        status = tool_parse_size(argument, &limit);
        if (status == TOOL_DONE) {
            tool_raise_limits(&o->limits, limit);
        }
        return status;
    case SERVE_USER_FILE:
        o->users = true;
        return serve_add_file(o->portal, argument);
    default:
        o->users = true;
        return serve_add_user(o->portal, argument);
    }
}

static int serve_run(struct serve_options *o, const char *endpoint)
{
    pb_object *root =
        o->users ? pb_portal_root(o->portal) : pb_object_new(&service_class, NULL);
    int status = root ? serve_until_signal(root, &o->limits, endpoint) : tool_nomem();
    pb_object_unref(root);
    return status;
}

int serve_main(int argc, char **argv)
{
    struct serve_options o = {.portal = pb_portal_new(service_avatar, NULL)};
    if (!o.portal) {
        return tool_nomem();
    }
    pb_portal_set_on_failed(o.portal, serve_on_failed_login, NULL);
    const struct tool_usage usage = {"serve",
                                     serve_help_begin,
                                     serve_help_end,
                                     {{serve_option_rows, serve_take_option, &o}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done && count != 1) {
        tool_error("one endpoint is needed; see pb serve --help");
        status = TOOL_USAGE;
    } else if (status == TOOL_DONE && !done) {
        status = serve_run(&o, argv[0]);
    }
    pb_portal_unref(o.portal);
    return status;
}
