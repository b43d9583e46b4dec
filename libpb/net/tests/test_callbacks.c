/* SPDX-License-Identifier: MIT
 *
 * Every entry point of a blocking client and of its session, called from every callback
 * that there is: each comes to an end, with the right result or with an error at once,
 * and so does what was waited for around it. Nothing is used after it was freed, and
 * nothing is left. */
#include "libpb/broker/login.h"
#include "libpb/net/tests/matrix_server.h"

/* ---- Where ---- */

/* The functions that can be called there. */
enum kind {
    OPEN,    /* everything */
    MIDST,   /* nothing that waits: a message is being read or written */
    OVER,    /* the connection has ended */
    OPENING, /* there is no client yet */
};

#define PLACES(X)                                                    \
    X(METHOD, OPEN, call, "call_me", "mine")                         \
    X(FALLBACK, OPEN, call, "call_me", "other")                      \
    X(LOG, OPEN, call_logged, "call_me", "bad")                      \
    X(ANSWER, OPEN, call_async, "echo", "x")                         \
    X(FAILURE, OPEN, call_async, "boom", NULL)                       \
    X(TIMED_OUT, OPEN, call_timed, "hold", NULL)                     \
    X(CANCELLED, OPEN, call_cancelled, "hold", NULL)                 \
    X(DRAINED, OPEN, call_large, "echo", NULL)                       \
    X(PAGE, OPEN, collect, "pages", NULL)                            \
    X(PAGES_END, OPEN, collect, "pages", NULL)                       \
    X(ALL_PAGES, OPEN, collect_all, "pages", NULL)                   \
    X(SOURCE, OPEN, send_pages, "collector", NULL)                   \
    X(PAGED, OPEN, send_pages, "collector", NULL)                    \
    X(DESTROY, OPEN, take_and_drop, "object", NULL)                  \
    X(STOPPED, OPEN, take_and_drop, "cache", NULL)                   \
    X(CONSTRUCT, OPEN, call, "copy", NULL)                           \
    X(SET_STATE, OPEN, call, "copy", NULL)                           \
    X(OBSERVE, OPEN, cache_and_change, "cache", NULL)                \
    X(PUBLISHED_LOAD, OPEN, call_when_ready, "published", NULL)      \
    X(PUBLISHED_SAVE, OPEN, call_when_ready, "published", NULL)      \
    X(PUBLISHED_ACTIVATED, OPEN, call_when_ready, "published", NULL) \
    X(PUBLISHED_READY, OPEN, call_when_ready, "published", NULL)     \
    X(CHALLENGE, OPEN, log_in_to_me, NULL, NULL)                     \
    X(CHECKER, OPEN, log_in_to_me, NULL, NULL)                       \
    X(REALM, OPEN, log_in_to_me, NULL, NULL)                         \
    X(LOGOUT, OPEN, log_in_to_me, NULL, NULL)                        \
    X(FACTORY, MIDST, call, "made", NULL)                            \
    X(LOAD, MIDST, call, "thing", NULL)                              \
    X(DESTROY_READ, MIDST, call_refused, "refused", NULL)            \
    X(TYPE_TO_COPY, MIDST, call_with_copy, "echo", NULL)             \
    X(STATE_TO_COPY, MIDST, call_with_copy, "echo", NULL)            \
    X(STATE_TO_CACHE, MIDST, take_and_drop, "cache", NULL)           \
    X(SAVE, MIDST, call_with_thing, "echo", NULL)                    \
    X(LOST_ANSWER, OVER, call_hang_up, NULL, NULL)                   \
    X(TOLD_SESSION, OVER, call_hang_up, NULL, NULL)                  \
    X(TOLD_REMOTE, OVER, call_hang_up, NULL, NULL)                   \
    X(CLOSED, OVER, call_hang_up, NULL, NULL)                        \
    X(CLOSED_BY_US, OVER, close_session, NULL, NULL)                 \
    X(ROOT, OPENING, call, "echo", "x")                              \
    X(READY, OPENING, call, "echo", "x")

enum place {
#define PLACE_ENUM(name, kind, trigger, method, argument) name,
    PLACES(PLACE_ENUM)
#undef PLACE_ENUM
};

struct rig {
    enum place place;
    enum kind kind;
    int (*deed)(void);
    bool done;
    int code; /* of the deed */
    const char *endpoint;
    pb_client *client; /* NULL: there is none yet, or none any more */
    pb_session *session;
    bool ended; /* what is waited for without pb_client_call */
    int told;   /* its code */
    int destroyed, made;
    pb_registry *registry;
    pb_portal *portal;
};

static struct rig *rig; /* of the test that runs, for construct has no user_data */

static void pass(enum place place)
{
    if (place == rig->place && !rig->done) {
        rig->done = true;
        rig->code = rig->deed();
    }
}

/* ---- The callbacks ---- */

static int serve_mine(void *self, pb_request *r)
{
    (void)self;
    pass(METHOD);
    return pb_request_answer_steal(r, pb_str("mine"));
}

/* A failure of Python's own is logged. */
static int serve_bad(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.TypeError", "bad");
}

static int serve_other(void *self, pb_request *r)
{
    (void)self;
    pass(FALLBACK);
    return pb_request_answer_steal(r, pb_str("other"));
}

static const pb_class root_class = {
    .name = "Mine",
    .remote = (const pb_method[]){{"mine", serve_mine}, {"bad", serve_bad}, {0}},
    .fallback = serve_other};

static int serve_change(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    pass(OBSERVE);
    return 0;
}

static void *construct(void)
{
    rig->made++;
    pass(CONSTRUCT);
    return rig;
}

static int set_state(void *self, pb_value *state, pb_error *err)
{
    (void)self;
    (void)state;
    (void)err;
    pass(SET_STATE);
    return 0;
}

static void destroy(void *self)
{
    (void)self;
    rig->destroyed++;
    pass(DESTROY);
}

static void destroy_read(void *self)
{
    (void)self;
    rig->destroyed++;
    pass(DESTROY_READ);
}

static const char *type_to_copy(void *self, pb_object *perspective)
{
    (void)self;
    (void)perspective;
    pass(TYPE_TO_COPY);
    return NULL;
}

static pb_value *state_to_copy(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    pass(STATE_TO_COPY);
    return pb_build(err, "{}");
}

static pb_value *state_to_cache(void *self, pb_object *perspective, pb_remote *observer,
                                pb_error *err)
{
    (void)self;
    (void)perspective;
    (void)observer;
    pass(STATE_TO_CACHE);
    return pb_build(err, "{}");
}

static void stopped_observing(void *self, pb_object *perspective, pb_remote *observer)
{
    (void)self;
    (void)perspective;
    (void)observer;
    pass(STOPPED);
}

static const pb_class object_class = {.name = "Object", .destroy = destroy};
static const pb_class read_class = {.name = "Read", .destroy = destroy_read};
static const pb_class copy_class = {.name = "shop.Ours",
                                    .flavor = PB_FLAVOR_COPYABLE,
                                    .destroy = destroy,
                                    .type_to_copy = type_to_copy,
                                    .state_to_copy = state_to_copy};
static const pb_class cache_class = {.name = "shop.OurCache",
                                     .flavor = PB_FLAVOR_CACHEABLE,
                                     .destroy = destroy,
                                     .state_to_cache = state_to_cache,
                                     .stopped_observing = stopped_observing};
static const pb_class remote_copy_class = {
    .name = "Copy", .construct = construct, .set_state = set_state, .destroy = destroy};
static const pb_class remote_cache_class = {
    .name = "shop.Cache", .flavor = PB_FLAVOR_CACHEABLE, .fallback = serve_change};
static const pb_class remote_published_class = {.name = "shop.Published",
                                                .flavor = PB_FLAVOR_CACHEABLE};

static pb_object *object_new(const pb_class *cls)
{
    pb_object *o = pb_object_new(cls, rig);
    cr_assert_not_null(o);
    rig->made++;
    return o;
}

static pb_value *make_value(pb_value *state, pb_error *err, void *user_data)
{
    (void)state;
    (void)err;
    (void)user_data;
    pass(FACTORY);
    return pb_object_value_steal(object_new(&read_class));
}

static int save(pb_value *v, pb_value **id, pb_error *err, void *user_data)
{
    (void)v;
    (void)err;
    (void)user_data;
    pass(SAVE);
    *id = pb_int(8);
    return 0;
}

static int load(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    pass(LOAD);
    *v = pb_value_ref(id);
    return 0;
}

static pb_value *published_load(const char *name, void *user_data)
{
    (void)name;
    (void)user_data;
    pass(PUBLISHED_LOAD);
    return NULL;
}

static int published_save(const char *name, pb_span data, void *user_data)
{
    (void)name;
    (void)data;
    (void)user_data;
    pass(PUBLISHED_SAVE);
    return 0;
}

static void published_activated(pb_object *o, void *user_data)
{
    (void)o;
    (void)user_data;
    pass(PUBLISHED_ACTIVATED);
}

static int challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    (void)user_data;
    memset(out, 'c', PB_MD5_LEN);
    pass(CHALLENGE);
    return 0;
}

static int check(pb_attempt *a, void *user_data)
{
    (void)user_data;
    pass(CHECKER);
    return pb_attempt_accept(a, pb_attempt_username(a));
}

static void log_out(void *user_data)
{
    (void)user_data;
    pass(LOGOUT);
}

static int enter(pb_attempt *a, void *user_data)
{
    (void)user_data;
    pb_object *avatar = object_new(&object_class);
    pass(REALM);
    int e = pb_attempt_grant(a, avatar, log_out, NULL);
    pb_object_unref(avatar);
    return e;
}

static void on_log(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)s;
    (void)text;
    (void)user_data;
    if (level == PB_LOG_ERROR) {
        pass(LOG);
    }
}

static void on_drained(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(DRAINED);
}

static void on_ready(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(READY);
}

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    (void)user_data;
    pass(CLOSED);
    pass(CLOSED_BY_US);
}

static pb_object *root_object(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(ROOT);
    return rig->portal ? pb_portal_root(rig->portal) : pb_object_new(&root_class, NULL);
}

static void told_session(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(TOLD_SESSION);
}

static void told_remote(pb_remote *r, void *user_data)
{
    (void)r;
    (void)user_data;
    pass(TOLD_REMOTE);
}

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    const enum place *place = user_data;
    cr_assert_neq(result == NULL, failure == NULL);
    rig->told = failure ? pb_failure_code(failure) : 0;
    pass(*place);
    rig->ended = true;
}

static int got_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)page;
    (void)err;
    (void)user_data;
    pass(PAGE);
    return 0;
}

static void pages_end(const pb_error *why, void *user_data)
{
    (void)user_data;
    pass(PAGES_END);
    rig->told = why->code;
    rig->ended = true;
}

static const pb_collector_ops collector_ops = {.page = got_page, .end = pages_end};

static int next_page(void *self, pb_value **page, bool *last, pb_error *err)
{
    int *pages = self;
    (void)err;
    pass(SOURCE);
    *last = ++*pages == 3;
    *page = pb_bytes((pb_span){(const uint8_t *)"page", 4});
    return 0;
}

static void paged(void *self, const pb_error *why)
{
    (void)self;
    pass(PAGED);
    rig->told = why->code;
    rig->ended = true;
}

static const pb_page_source source_ops = {.next_page = next_page, .done = paged};

/* ---- What runs them: the code of what was waited for ---- */

static int call_value(const char *method, pb_value *args)
{
    pb_error err = {0};
    pb_value *v = rig->client
                      ? pb_client_call_values(rig->client, pb_client_root(rig->client),
                                              method, args, NULL, &err)
                      : NULL;
    pb_value_unref(args);
    pb_value_unref(v);
    return err.code;
}

static int call(const char *method, const char *argument)
{
    return call_value(method, pb_build(NULL, argument ? "(s)" : "()", argument));
}

/* It fails, and that is logged. */
static int call_logged(const char *method, const char *argument)
{
    int e = call(method, argument);
    return e == PB_ERR_REMOTE ? 0 : e;
}

/* Hears the peer until what was begun has ended. */
static int hear(int e)
{
    while (e == 0 && !rig->ended && rig->client) {
        e = pb_client_wait(rig->client, 2);
    }
    return e ? e : rig->told;
}

static int call_async_with(const char *method, pb_value *args, int64_t timeout,
                           pb_call **under_way)
{
    const pb_call_options options = {.timeout = timeout};
    int e = pb_remote_call_values(pb_client_root(rig->client), method, args, NULL,
                                  &options, ended, &rig->place, under_way, NULL);
    pb_value_unref(args);
    return e;
}

static int call_async(const char *method, const char *argument)
{
    return hear(call_async_with(method, pb_build(NULL, argument ? "(s)" : "()", argument),
                                0, NULL));
}

static int call_timed(const char *method, const char *argument)
{
    (void)argument;
    int e = hear(call_async_with(method, NULL, 20, NULL));
    return e == PB_ERR_TIMEOUT ? 0 : e;
}

/* No function of the client's is on the stack then. */
static int call_cancelled(const char *method, const char *argument)
{
    (void)argument;
    pb_call *under_way;
    int e = call_async_with(method, NULL, 0, &under_way);
    if (e == 0) {
        pb_call_cancel(under_way);
        e = rig->told == PB_ERR_CANCELLED ? 0 : rig->told;
    }
    return e;
}

/* More than the client lets wait before it is full. */
static int call_large(const char *method, const char *argument)
{
    static char large[1 << 18];
    (void)argument;
    return call_value(method, pb_build(NULL, "(y#)", large, sizeof large));
}

static int collect(const char *method, const char *argument)
{
    (void)argument;
    pb_object *o = pb_collector_new(&collector_ops, NULL);
    int e = call_value(method, pb_build(NULL, "(N)", pb_object_value_steal(o)));
    return hear(e);
}

static int collect_all(const char *method, const char *argument)
{
    (void)argument;
    return hear(pb_get_all_pages(pb_client_root(rig->client), method, NULL, NULL, NULL,
                                 ended, &rig->place, NULL));
}

static int send_pages(const char *method, const char *argument)
{
    static int pages;
    pb_error err = {0};
    (void)argument;
    pages = 0;
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), method, &err, "");
    int e = v ? pb_page(pb_as_remote(v), &source_ops, &pages, NULL) : err.code;
    pb_value_unref(v);
    return hear(e);
}

static int take_and_drop(const char *what, const char *argument)
{
    (void)argument;
    const pb_class *cls = strcmp(what, "cache") == 0 ? &cache_class : &object_class;
    pb_value *o = pb_object_value_steal(object_new(cls));
    int e = call_value("take", pb_build(NULL, "(N)", o));
    return e ? e : call("drop", NULL);
}

static int cache_and_change(const char *method, const char *argument)
{
    pb_error err = {0};
    (void)argument;
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), method, &err, "");
    int e = err.code ? err.code : call("change", NULL);
    e = e ? e : call("echo", "x"); /* the change has come before the answer */
    pb_value_unref(v);
    return e;
}

static int call_when_ready(const char *method, const char *argument)
{
    (void)argument;
    rig->place = rig->place == PUBLISHED_READY ? ANSWER : rig->place;
    int e = pb_when_ready(pb_client_root(rig->client), method, NULL, NULL, NULL, ended,
                          &rig->place, NULL, NULL);
    return hear(e);
}

static int log_in_to_me(const char *method, const char *argument)
{
    (void)method;
    (void)argument;
    int e = call("log_in_to_me", NULL);
    return e ? e : call("drop", NULL);
}

static int call_refused(const char *method, const char *argument)
{
    int e = call(method, argument);
    return e == PB_ERR_INSECURE ? 0 : e;
}

static int call_with_copy(const char *method, const char *argument)
{
    (void)argument;
    pb_value *o = pb_object_value_steal(object_new(&copy_class));
    int e = call_value(method, pb_build(NULL, "(N)", o));
    return e == PB_ERR_INSECURE || e == PB_ERR_REMOTE ? 0 : e; /* nobody knows it */
}

static int call_with_thing(const char *method, const char *argument)
{
    (void)argument;
    pb_value *thing = pb_instance_steal("shop.Thing", pb_dict());
    return call_value(method, pb_build(NULL, "(N)", thing));
}

static int call_hang_up(const char *method, const char *argument)
{
    static const enum place lost = LOST_ANSWER;
    (void)method;
    (void)argument;
    pb_remote *root = pb_client_root(rig->client);
    pb_session_notify_on_disconnect(rig->session, told_session, NULL);
    pb_remote_notify_on_disconnect(root, told_remote, NULL);
    pb_remote_call(root, "hold", ended, (void *)&lost, NULL, "");
    int e = call("hang_up", NULL);
    return e == PB_ERR_LOST ? 0 : e;
}

/* No function of the client's is on the stack then. */
static int close_session(const char *method, const char *argument)
{
    (void)method;
    (void)argument;
    pb_session_close(rig->session);
    return 0;
}

static const struct {
    const char *name;
    enum kind kind;
    int (*trigger)(const char *method, const char *argument);
    const char *method, *argument;
} places[] = {
#define PLACE_ROW(name, kind, trigger, method, argument) \
    {#name, kind, trigger, method, argument},
    PLACES(PLACE_ROW)
#undef PLACE_ROW
};

/* ---- What is done there: its code ---- */

static int do_call(void)
{
    pb_error err = {0};
    int64_t got = 0;
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), "echo", &err, "i", 41);
    cr_assert_eq(v == NULL, err.code != 0);
    cr_assert(!v || (pb_as_int(v, &got) == 0 && got == 41));
    cr_assert(v || *err.text, "an error says what is wrong");
    pb_value_unref(v);
    return err.code;
}

/* More than once, and one within another: the server calls a method that calls. */
static int do_call_deeply(void)
{
    int e = 0;
    for (int i = 0; e == 0 && i < 3; i++) {
        pb_error err = {0};
        pb_value *v = pb_client_call(rig->client, pb_client_root(rig->client), "call_me",
                                     &err, "s", "mine");
        pb_value_unref(v);
        e = err.code;
    }
    /* Where the root is a portal there is no such method. */
    return e == PB_ERR_REMOTE && rig->portal ? 0 : e;
}

static int do_call_that_fails(void)
{
    pb_error err = {0};
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), "boom", &err, "");
    const pb_failure *f = pb_client_failure(rig->client);
    cr_assert_null(v);
    cr_assert(err.code != PB_ERR_REMOTE ||
              strcmp(pb_failure_type(f), "builtins.ValueError") == 0);
    return err.code == PB_ERR_REMOTE ? 0 : err.code;
}

static int do_call_that_times_out(void)
{
    pb_error err = {0};
    pb_client_set_timeout(rig->client, 20);
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), "hold", &err, "");
    pb_client_set_timeout(rig->client, 0);
    cr_assert_null(v);
    return err.code == PB_ERR_TIMEOUT ? 0 : err.code;
}

static int do_call_that_hangs_up(void)
{
    pb_error err = {0};
    pb_value *v =
        pb_client_call(rig->client, pb_client_root(rig->client), "hang_up", &err, "");
    cr_assert_null(v);
    return err.code == PB_ERR_LOST ? 0 : err.code;
}

/* No answer can come. */
static int do_call_while_paused(void)
{
    pb_session_pause(rig->session);
    int e = do_call();
    if (rig->client && pb_client_session(rig->client)) {
        pb_session_resume(rig->session);
    }
    return e == PB_ERR_STATE ? 0 : e;
}

static int do_log_in(void)
{
    pb_error err = {0};
    const pb_credentials nobody = {.anonymous = true};
    pb_remote *avatar = pb_client_login(rig->client, &nobody, NULL, &err);
    cr_assert_eq(avatar == NULL, err.code != 0);
    pb_remote_unref(avatar);
    return err.code;
}

static int do_wait(void)
{
    return pb_client_wait(rig->client, 2);
}

static void got_pages(pb_value *result, pb_failure *failure, void *user_data)
{
    int *got = user_data;
    *got = result ? (int)pb_len(result) : pb_failure_code(failure);
}

static int do_get_all_pages(void)
{
    int got = 1;
    int e = pb_get_all_pages(pb_client_root(rig->client), "pages", NULL, NULL, NULL,
                             got_pages, &got, NULL);
    while (e == 0 && got == 1) {
        e = pb_client_wait(rig->client, 2);
    }
    cr_assert(e || got == 3, "%d", got);
    return e;
}

static int do_free(void)
{
    pb_client *c = rig->client;
    rig->client = NULL;
    pb_client_free(c);
    return 0;
}

static int do_free_twice(void)
{
    pb_client *c = rig->client;
    rig->client = NULL;
    pb_client_free(c);
    pb_client_free(c); /* it is still there, for a callback of its is on the stack */
    return 0;
}

static int do_free_and_call(void)
{
    pb_client *c = rig->client;
    pb_client_free(c);
    int e = do_call();
    rig->client = NULL;
    return e == PB_ERR_DEAD || e == PB_ERR_LOST || e == PB_ERR_STATE ? 0 : e;
}

static int do_another(void)
{
    pb_error err = {0};
    pb_client *c = pb_client_open(rig->endpoint, NULL, &err);
    pb_value *v = pb_client_call(c, pb_client_root(c), "echo", &err, "i", 42);
    cr_assert(v || err.code);
    pb_value_unref(v);
    pb_client_free(c);
    return err.code;
}

static int do_look(void)
{
    pb_session_stats stats;
    cr_assert(!pb_client_session(rig->client) ||
              pb_client_session(rig->client) == rig->session);
    pb_session_get_stats(rig->session, &stats);
    (void)pb_session_want_recv(rig->session);
    (void)pb_session_deadline(rig->session);
    return 0;
}

static int do_recv(void)
{
    return pb_session_recv(rig->session, (pb_span){0}, 0);
}

static int do_tick(void)
{
    return pb_session_tick(rig->session, 0);
}

static int do_sent(void)
{
    pb_session_sent(rig->session, 0, 0);
    return 0;
}

static int do_close(void)
{
    pb_session_close(rig->session);
    return 0;
}

static int do_lose(void)
{
    pb_session_lost(rig->session, NULL);
    return 0;
}

static int do_run(void)
{
    return pb_run();
}

/* The result of each function while a connection is open, within a message, and after its
 * end. ANY: the result varies. ends: the connection is over afterwards. */
enum { ANY = 1 };

static const struct {
    const char *name;
    int (*deed)(void);
    int open, midst, over;
    bool ends, clientless;
} deeds[] = {
    {"call", do_call, 0, PB_ERR_STATE, PB_ERR_DEAD, false, false},
    {"call deeply", do_call_deeply, 0, PB_ERR_STATE, PB_ERR_DEAD, false, false},
    {"call that fails", do_call_that_fails, 0, PB_ERR_STATE, PB_ERR_DEAD, false, false},
    {"call that times out", do_call_that_times_out, 0, PB_ERR_STATE, PB_ERR_DEAD, false,
     false},
    {"call that hangs up", do_call_that_hangs_up, 0, PB_ERR_STATE, PB_ERR_DEAD, true,
     false},
    {"call while paused", do_call_while_paused, 0, 0, PB_ERR_DEAD, false, false},
    {"log in", do_log_in, 0, PB_ERR_STATE, PB_ERR_DEAD, false, false},
    {"wait", do_wait, 0, PB_ERR_STATE, PB_ERR_LOST, false, false},
    {"get all pages", do_get_all_pages, 0, PB_ERR_STATE, PB_ERR_DEAD, false, false},
    {"free", do_free, 0, 0, 0, true, false},
    {"free twice", do_free_twice, 0, 0, 0, true, false},
    {"free and call", do_free_and_call, 0, 0, 0, true, false},
    {"another client", do_another, 0, 0, 0, false, true},
    {"look", do_look, 0, 0, 0, false, false},
    {"recv", do_recv, 0, PB_ERR_STATE, ANY, false, false},
    {"tick", do_tick, 0, 0, ANY, false, false},
    {"sent", do_sent, 0, 0, 0, false, false},
    {"close", do_close, 0, 0, 0, true, false},
    {"lose", do_lose, 0, 0, 0, true, false},
    {"run", do_run, 0, 0, 0, false, true},
};

/* ---- All of them ---- */

static pb_net_config configure(void)
{
    static const pb_published_config published = {
        .load = published_load, .save = published_save, .activated = published_activated};
    bool is_portal = places[rig->place].trigger == log_in_to_me;
    rig->registry = pb_registry_new();
    pb_registry_set_class(rig->registry, "shop.Copy", &remote_copy_class);
    pb_registry_set_class(rig->registry, "shop.Cache", &remote_cache_class);
    pb_registry_set_factory(rig->registry, "shop.Made", make_value, NULL);
    pb_registry_set_published(rig->registry, "shop.Published", &remote_published_class,
                              &published);
    if (is_portal) {
        rig->portal = pb_portal_new(enter, NULL);
        pb_portal_set_checker(rig->portal, check, NULL);
        pb__portal_set_challenge(rig->portal, challenge, NULL);
    }
    return (pb_net_config){
        .session = {.root_object = root_object,
                    .registry = rig->registry,
                    .jelly = {.persistent_save = save, .persistent_load = load},
                    .high_mark = 1000,
                    .low_mark = 900,
                    .on_ready = on_ready,
                    .on_drained = on_drained,
                    .on_close = on_close,
                    .on_log = on_log}};
}

/* What the deed may have come to, and what was waited for around it. */
static void judge(size_t place, size_t deed, int around)
{
    const char *where = places[place].name, *what = deeds[deed].name;
    enum kind kind = places[place].kind;
    int expected = kind == OPEN    ? deeds[deed].open
                   : kind == MIDST ? deeds[deed].midst
                   : kind == OVER  ? deeds[deed].over
                                   : 0;
    bool gone = rig->code == PB_ERR_LOST && expected == PB_ERR_DEAD;
    cr_assert(rig->done, "%s is never passed", where);
    cr_assert(expected == ANY || rig->code == expected || gone, "%s in %s: %s", what,
              where, pb_strerror(rig->code));
    cr_assert(around == 0 || deeds[deed].ends, "%s in %s: around it: %s", what, where,
              pb_strerror(around));
}

static void run(const char *endpoint, size_t place, size_t deed)
{
    struct rig own = {.place = (enum place)place,
                      .kind = places[place].kind,
                      .deed = deeds[deed].deed,
                      .endpoint = endpoint};
    rig = &own;
    pb_error err = {0};
    pb_net_config config = configure();
    rig->client = pb_client_open(endpoint, &config, &err);
    cr_assert(rig->client, "%s in %s: %s", deeds[deed].name, places[place].name,
              err.text);
    rig->session = pb_client_session(rig->client);
    int around = places[place].trigger(places[place].method, places[place].argument);
    judge(place, deed, around);
    pb_client_free(rig->client);
    pb_registry_unref(rig->registry);
    pb_portal_unref(rig->portal);
    cr_assert_eq(own.made, own.destroyed, "%s in %s: %d objects of %d are left",
                 deeds[deed].name, places[place].name, own.made - own.destroyed,
                 own.made);
    cr_assert_eq(pb__test_live(), 0, "%s in %s: %ld blocks left", deeds[deed].name,
                 places[place].name, pb__test_live());
}

PB_TEST(callbacks, of_a_client)
{
    struct m_server server;
    m_begin(&server, "tcp", &(pb_net_config){.keep_alive = 0});
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        for (size_t deed = 0; deed < sizeof deeds / sizeof *deeds; deed++) {
            if (places[place].kind != OPENING || deeds[deed].clientless) {
                run(server.endpoint, place, deed);
            }
        }
    }
    m_end(&server);
}
