/* SPDX-License-Identifier: MIT
 *
 * Re-entrancy: one conversation that runs every callback there is. In each callback, in
 * turn, a test does everything that is allowed there, also to continue the conversation.
 * After any action, every call ends once, every session closes once, every object is
 * destroyed once, and no memory is left. */
#include "libpb/base/buf.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"

/* The callback in which something is done. */
enum place {
    READY,
    CLOSED,
    LOGGED,
    ROOT,
    WAKE,
    ENDED,
    CALLED,
    VIEWED,
    OBSERVED,
    DESTROYED,
    TOLD_SESSION,
    TOLD_REMOTE,
    SAVING,
    LOADING,
    STATE,
    CACHE_STATE,
    STOPPED,
    CONSTRUCTED,
    SET_STATE,
    MADE,
    PLACES
};

static const char *const places[PLACES] = {
    "ready",  "closed",   "logged",    "root",        "wake",         "ended",  "called",
    "viewed", "observed", "destroyed", "told",        "told of",      "saving", "loading",
    "state",  "cache",    "stopped",   "constructed", "state is set", "made",
};

/* Whether a call can be made and waited for there: not while a message is read or
 * written, nor after the session is over. */
static const bool answers[PLACES] = {
    [READY] = true,   [LOGGED] = true,      [WAKE] = true,      [ENDED] = true,
    [CALLED] = true,  [VIEWED] = true,      [OBSERVED] = true,  [DESTROYED] = true,
    [STOPPED] = true, [CONSTRUCTED] = true, [SET_STATE] = true,
};

/* The actions. */
enum deed {
    NOTHING,
    FREE,
    CLOSE,
    LOSE,
    CALL,
    CANCEL,
    ANSWER,
    FAIL,
    DROP_REQUEST,
    DROP_REMOTE,
    DROP_VALUES,
    NOTIFY,
    DONT_NOTIFY,
    PUBLISH,
    SEND,
    TALK,
    TALK_IN_PARTS,
    TALK_ALWAYS,
    ASK,
    LOOK,
    DEEDS
};

struct rig {
    enum place place;
    enum deed deed;
    size_t times; /* the callback runs so often before it is done */
    size_t step;  /* bytes that are moved at a time; 0: all */
    bool done, answered;
    size_t depth; /* of TALK_ALWAYS */
    size_t passed[PLACES];

    pb_session *sessions[2]; /* client, server */
    pb_object *room;
    pb_registry *registry;
    pb_remote *root, *two; /* the client's */
    pb_value *values;      /* a list: what calls gave */
    pb_request *kept;      /* the server's */
    pb_call *waiting;      /* the client's call of it; NULL: it has ended */
    pb_remote *observer;
    size_t made, ended, opened, closed, objects;
};

static struct rig *rig; /* of the test that runs, for construct has no user_data */

static void do_it(pb_session *s);

static void pass(enum place place, pb_session *s)
{
    if (place == rig->place && rig->passed[place]++ == rig->times && !rig->done) {
        rig->done = true;
        do_it(s);
    } else if (place == rig->place && rig->deed == TALK_ALWAYS && rig->depth < 4) {
        do_it(s);
    }
}

/* ---- The callbacks ---- */

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)user_data;
    cr_assert_neq(result == NULL, failure == NULL);
    rig->ended++;
    if (result && rig->values) {
        pb_append(rig->values, result);
        if (pb_as_remote(result) && !rig->two) {
            rig->two = pb_remote_ref(pb_as_remote(result));
        }
    }
    pass(ENDED, rig->sessions[0]);
}

static void ended_waiting(pb_value *result, pb_failure *failure, void *user_data)
{
    rig->waiting = NULL;
    ended(result, failure, user_data);
}

static void ready(pb_session *s, void *user_data)
{
    (void)user_data;
    pass(READY, s);
}

static void closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)user_data;
    cr_assert(why->code == PB_OK || why->code == PB_ERR_LOST ||
                  (why->code == PB_ERR_STATE && rig->deed == DROP_REQUEST),
              "%s: %s", why->where, why->text);
    rig->closed++;
    pass(CLOSED, s);
}

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)level;
    (void)text;
    (void)user_data;
    pass(LOGGED, s);
}

static void wake(pb_session *s, void *driver)
{
    (void)driver;
    pass(WAKE, s);
}

static void told_session(pb_session *s, void *user_data)
{
    (void)user_data;
    pass(TOLD_SESSION, s);
}

static void told_remote(pb_remote *r, void *user_data)
{
    (void)user_data;
    (void)r;
    pass(TOLD_REMOTE, rig->sessions[0]);
}

static int save(pb_value *v, pb_value **id, pb_error *err, void *user_data)
{
    (void)v;
    (void)err;
    (void)user_data;
    *id = pb_int(7);
    pass(SAVING, rig->sessions[0]);
    return 0;
}

static int load(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    *v = pb_value_ref(id);
    pass(LOADING, rig->sessions[1]);
    return 0;
}

static void destroy(void *self)
{
    (void)self;
    rig->objects--;
    pass(DESTROYED, rig->sessions[1]);
}

static pb_object *make(const pb_class *cls)
{
    pb_object *o = pb_object_new(cls, NULL);
    cr_assert_not_null(o);
    rig->objects++;
    return o;
}

static pb_value *state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    pass(STATE, rig->sessions[1]);
    return pb_build(err, "{s:i}", "left", 3);
}

static pb_value *cache_state(void *self, pb_object *perspective, pb_remote *observer,
                             pb_error *err)
{
    (void)self;
    (void)perspective;
    pb_remote_unref(rig->observer);
    rig->observer = pb_remote_ref(observer);
    pass(CACHE_STATE, rig->sessions[1]);
    return pb_build(err, "{s:i}", "left", 3);
}

static void stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    (void)self;
    (void)perspective;
    (void)observer;
    pass(STOPPED, rig->sessions[1]);
}

static void *construct(void)
{
    rig->objects++;
    pass(CONSTRUCTED, rig->sessions[0]);
    return rig;
}

static int set_state(void *self, pb_value *v, pb_error *err)
{
    (void)self;
    (void)v;
    (void)err;
    pass(SET_STATE, rig->sessions[0]);
    return 0;
}

static pb_value *make_value(pb_value *v, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    pass(MADE, rig->sessions[0]);
    return pb_value_ref(v);
}

/* ---- The service ---- */

static int serve_any(void *self, pb_request *r)
{
    (void)self;
    pb_session *s = pb_request_session(r);
    pb_role role = pb_request_role(r);
    pass(role == PB_ROLE_VIEW ? VIEWED : role == PB_ROLE_OBSERVE ? OBSERVED : CALLED, s);
    return 0;
}

static const pb_class two = {.name = "Two", .fallback = serve_any, .destroy = destroy};
static const pb_class copy = {.name = "shop.Copy",
                              .flavor = PB_FLAVOR_COPYABLE,
                              .state_to_copy = state,
                              .destroy = destroy};
static const pb_class made = {.name = "shop.Made",
                              .flavor = PB_FLAVOR_COPYABLE,
                              .state_to_copy = state,
                              .destroy = destroy};
static const pb_class cache = {.name = "shop.Cache",
                               .flavor = PB_FLAVOR_CACHEABLE,
                               .state_to_cache = cache_state,
                               .stopped_observing = stopped,
                               .destroy = destroy};
static const pb_class room = {.name = "Room",
                              .flavor = PB_FLAVOR_VIEWABLE,
                              .fallback = serve_any,
                              .destroy = destroy};
static const pb_class remote_copy = {
    .name = "Copy", .construct = construct, .set_state = set_state, .destroy = destroy};
static const pb_class remote_cache = {.name = "Cache",
                                      .flavor = PB_FLAVOR_CACHEABLE,
                                      .construct = construct,
                                      .set_state = set_state,
                                      .fallback = serve_any,
                                      .destroy = destroy};

static int serve_gives(void *self, pb_request *r)
{
    (void)self;
    const char *what;
    int e = pb_request_unpack(r, "s", &what);
    if (e) {
        return e;
    }
    const pb_class *cls = strcmp(what, "two") == 0     ? &two
                          : strcmp(what, "copy") == 0  ? &copy
                          : strcmp(what, "made") == 0  ? &made
                          : strcmp(what, "cache") == 0 ? &cache
                                                       : NULL;
    return pb_request_answer_steal(r, cls ? pb_object_value_steal(make(cls))
                                          : pb_object_value(rig->room));
}

static int serve_kept(void *self, pb_request *r)
{
    (void)self;
    rig->kept = pb_request_ref(r);
    return 0;
}

static int serve_error(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "bad");
}

static const pb_method methods[] = {
    {"gives", serve_gives}, {"kept", serve_kept}, {"error", serve_error}, {0}};
static const pb_class root = {
    .name = "Root", .remote = methods, .fallback = serve_any, .destroy = destroy};

static pb_object *root_object(pb_session *s, void *user_data)
{
    (void)user_data;
    rig->opened++;
    rig->sessions[1] = s;
    pass(ROOT, s);
    return make(&root);
}

/* ---- The deeds ---- */

static void call(pb_remote *to, const char *method, const char *what)
{
    pb_value *args = pb_build(NULL, what ? "(s)" : "()", what);
    rig->made +=
        pb_remote_call_values(to, method, args, NULL, NULL, ended, NULL, NULL, NULL) == 0;
    pb_value_unref(args);
}

static void look(pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    pb_session_want_recv(s);
    pb_session_want_send(s);
    pb_session_deadline(s);
    struct pb__buf b = {0};
    pb__session_dump(s, &b);
    pb__buf_fini(&b);
}

static void drop_values(void)
{
    pb_value *values = rig->values;
    rig->values = NULL;
    pb_value_unref(values);
}

static void drop_remote(void)
{
    pb_remote *r = rig->two;
    rig->two = NULL;
    pb_remote_unref(r);
    r = rig->observer;
    rig->observer = NULL;
    pb_remote_unref(r);
}

static void drop_request(void)
{
    pb_request *r = rig->kept;
    rig->kept = NULL;
    pb_request_unref(r);
}

static void free_session(pb_session *s)
{
    rig->sessions[s == rig->sessions[1]] = NULL;
    pb_session_free(s);
}

/* As for the pair, but either session may be freed at any time, or be reading or writing
 * a message. */
static bool move_one(size_t from)
{
    pb_session *s = rig->sessions[from];
    pb_session *to = rig->sessions[!from];
    pb_span out = s ? pb_session_send(s) : (pb_span){0};
    size_t n = rig->step && rig->step < out.len ? rig->step : out.len;
    if (to && (to->reading || to->writing)) {
        cr_assert_eq(pb_session_recv(to, out, 0), PB_ERR_STATE);
        return false;
    }
    if (n == 0) {
        return false;
    }
    uint8_t *bytes = malloc(n);
    memcpy(bytes, out.data, n);
    pb_session_sent(s, n, 0);
    to = rig->sessions[!from];
    if (to) {
        pb_session_recv(to, (pb_span){bytes, n}, 0);
    }
    free(bytes);
    return true;
}

static void exchange(void)
{
    bool any;
    do {
        any = move_one(0);
        any |= move_one(1);
    } while (any);
}

/* Some bytes each way; the rest of a message follows later. */
static void talk_in_parts(void)
{
    rig->step = 11;
    for (int i = 0; i < 4; i++) {
        move_one(0);
        move_one(1);
    }
    rig->step = 0;
}

static void on_asked(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_neq(result == NULL, failure == NULL);
    rig->ended++;
    *(bool *)user_data = true;
}

/* Makes a call in the callback and waits for its answer, if possible. */
static void ask(pb_session *s)
{
    static bool answered;
    answered = false;
    pb_remote *to = pb_session_root(s);
    pb_error err = {0};
    bool can = !s->reading && !s->writing && pb_session_is_ready(s);
    int e = pb_remote_call_values(to, "any", NULL, NULL, NULL, on_asked, &answered, NULL,
                                  &err);
    rig->made += e == 0;
    cr_assert(e == 0 || !can, "%s", err.text);
    for (size_t i = 0; i < 2; i++) { /* a call of the peer may delay it */
        pb_session *each = rig->sessions[i];
        can = can && each && !each->reading && !each->writing && each->state == PB__OPEN;
    }
    exchange();
    cr_assert(answered || !can, "not answered in %s", places[rig->place]);
    rig->answered = answered && can;
    pb_remote_unref(to);
}

/* On the session of the callback. */
static void do_to(pb_session *s)
{
    switch (rig->deed) {
    case FREE:
        free_session(s);
        break;
    case CLOSE:
        pb_session_close(s);
        break;
    case LOSE:
        pb_session_lost(s, NULL);
        break;
    case NOTIFY:
        pb_session_notify_on_disconnect(s, told_session, NULL);
        break;
    case DONT_NOTIFY:
        pb_session_dont_notify_on_disconnect(s, told_session, NULL);
        break;
    case PUBLISH:
        pb_session_set_name_for_local(s, "root", rig->room);
        break;
    case SEND:
        move_one(s == rig->sessions[1]);
        break;
    case TALK:
        exchange();
        break;
    case TALK_ALWAYS:
        rig->depth++;
        exchange();
        rig->depth--;
        break;
    case TALK_IN_PARTS:
        talk_in_parts();
        break;
    case ASK:
        ask(s);
        break;
    default:
        look(s);
        break;
    }
}

static void do_it(pb_session *s)
{
    switch (rig->deed) {
    case CALL:
        if (rig->root) {
            call(rig->root, "more", NULL);
        }
        if (rig->observer) {
            call(rig->observer, "more", NULL);
        }
        break;
    case CANCEL:
        if (rig->waiting) {
            pb_call_cancel(rig->waiting);
        }
        break;
    case ANSWER:
        if (rig->kept) {
            pb_request_answer_steal(rig->kept, pb_object_value_steal(make(&two)));
        }
        break;
    case FAIL:
        if (rig->kept) {
            pb_request_fail(rig->kept, "builtins.KeyError", "'now'");
        }
        break;
    case DROP_REQUEST:
        drop_request();
        break;
    case DROP_REMOTE:
        drop_remote();
        break;
    case DROP_VALUES:
        drop_values();
        break;
    default:
        if (s) {
            do_to(s);
        }
        break;
    }
}

/* ---- The conversation ---- */

static void open_rig(void)
{
    pb_session_config c = {.root_object = root_object,
                           .jelly = {.persistent_save = save, .persistent_load = load},
                           .registry = rig->registry,
                           .on_ready = ready,
                           .on_close = closed,
                           .on_log = logged,
                           .on_wake = wake};
    rig->room = make(&room);
    rig->values = pb_list();
    pb_session *server = pb_session_server_new(&c, 0);
    cr_assert(server == rig->sessions[1] || !server);
    c.root_object = NULL;
    rig->sessions[0] = pb_session_client_new(&c, 0);
    rig->opened++;
    rig->root = pb_session_root(rig->sessions[0]);
    pb_session_notify_on_disconnect(rig->sessions[0], told_session, NULL);
    exchange();
}

static void talk_over_all(void)
{
    static const char *const gifts[] = {"two", "copy", "made", "cache", "room"};
    int e = pb_remote_call_values(rig->root, "kept", NULL, NULL, NULL, ended_waiting,
                                  NULL, &rig->waiting, NULL);
    rig->made += e == 0;
    for (size_t i = 0; i < sizeof gifts / sizeof *gifts; i++) {
        call(rig->root, "gives", gifts[i]);
        exchange();
    }
    if (rig->two) {
        pb_remote_notify_on_disconnect(rig->two, told_remote, NULL);
        call(rig->two, "again", NULL);
    }
    if (rig->observer) {
        call(rig->observer, "change", NULL);
    }
    for (size_t i = 0; rig->values && i < pb_len(rig->values); i++) {
        pb_remote *r = pb_as_remote(pb_item(rig->values, i));
        if (r) {
            call(r, "look", NULL);
        }
    }
    exchange();
    call(rig->root, "error", NULL);
    /* The second is taken back, as a module cannot be sent. */
    for (int i = 0; i < 2; i++) {
        pb_value *thing = pb_instance_steal("shop.Thing", pb_dict());
        pb_value *last = i == 0 ? pb_int(1) : pb_name(PB_MODULE, "shop");
        pb_value *args = pb_build(NULL, "(NN)", thing, last);
        e = pb_remote_call_values(rig->root, "any", args, NULL, NULL, ended, NULL, NULL,
                                  NULL);
        cr_assert(i == 0 || e != 0 || !pb_session_is_ready(rig->sessions[0]));
        rig->made += e == 0;
        pb_value_unref(args);
    }
    exchange();
}

static void close_rig(void)
{
    drop_values();
    exchange();
    if (rig->kept) {
        pb_request_answer_steal(rig->kept, pb_int(1));
    }
    drop_request();
    for (size_t i = 0; i < 2; i++) {
        if (rig->sessions[i]) {
            pb_session_lost(rig->sessions[i], NULL);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (rig->sessions[i]) {
            free_session(rig->sessions[i]);
        }
    }
    drop_remote();
    drop_request();
    drop_values();
    pb_remote *r = rig->root;
    rig->root = NULL;
    pb_remote_unref(r);
    pb_object_unref(rig->room);
}

/* Whether the callback ran often enough for the deed to be done; and whether a call was
 * answered there. */
static bool run(enum place place, enum deed deed, size_t times, bool *answered)
{
    struct rig own = {.place = place, .deed = deed, .times = times};
    rig = &own;
    own.registry = pb_registry_new();
    pb_registry_set_class(own.registry, "shop.Copy", &remote_copy);
    pb_registry_set_class(own.registry, "shop.Cache", &remote_cache);
    pb_registry_set_factory(own.registry, "shop.Made", make_value, NULL);
    open_rig();
    talk_over_all();
    close_rig();
    pb_registry_unref(own.registry);
    cr_assert_eq(own.ended, own.made, "%s %d at %zu: %zu ended of %zu", places[place],
                 deed, times, own.ended, own.made);
    cr_assert_eq(own.closed, own.opened, "%s %d at %zu: %zu closed of %zu", places[place],
                 deed, times, own.closed, own.opened);
    cr_assert_eq(own.objects, 0, "%s %d at %zu: %zu objects left", places[place], deed,
                 times, own.objects);
    cr_assert_eq(pb__test_live(), 0, "%s %d at %zu: %ld blocks left", places[place], deed,
                 times, pb__test_live());
    *answered |= own.answered;
    return own.done;
}

PB_TEST(reentry, everything_is_allowed_everywhere)
{
    for (enum place place = 0; place < PLACES; place++) {
        for (enum deed deed = 0; deed < DEEDS; deed++) {
            size_t times = 0;
            bool answered = false;
            while (run(place, deed, times, &answered)) {
                times++;
            }
            cr_assert(times > 0, "%s is never passed", places[place]);
            cr_assert(deed != ASK || answered == answers[place], "%s: %d", places[place],
                      answered);
        }
    }
}
