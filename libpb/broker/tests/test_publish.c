/* SPDX-License-Identifier: MIT
 *
 * Publishing between two sessions: fetched, loaded, saved as Twisted saves it, refused;
 * and with every allocation failing. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/bytes.h"
#include "pb/publish.h"

/* ---- What is published ---- */

struct thing {
    pb_publishable base;
    bool unwilling;
    pb_value *state; /* to publish; NULL: the state in the file below */
};

static pb_value *thing_state(void *self, pb_object *perspective, pb_error *err)
{
    const struct thing *t = self;
    (void)perspective;
    if (t->unwilling) {
        err->code = PB_ERR_STATE;
        snprintf(err->text, sizeof err->text, "not today");
        return NULL;
    }
    return t->state ? pb_value_ref(t->state)
                    : pb_build(err, "{s:[is],s:{y:O}}", "data", 1, "two", "more", "x",
                               pb_none());
}

static const pb_method thing_view[] = {{"getStateToPublish", pb_publishable_get_state},
                                       {0}};
static const pb_class thing_class = {.name = "__main__.P",
                                     .flavor = PB_FLAVOR_CACHEABLE,
                                     .state_to_cache = pb_publishable_state,
                                     .view = thing_view};

struct server {
    pb_object *root;
    pb_object *thing;
    struct thing self;
    pb_value *instead; /* what `get` returns, if set */
};

static int serve_get(void *self, pb_request *r)
{
    struct server *s = self;
    return pb_request_answer_steal(r, s->instead ? pb_value_ref(s->instead)
                                                 : pb_object_value(s->thing));
}

static const pb_method root_methods[] = {{"get", serve_get}, {0}};
static const pb_class root_class = {.name = "Root", .remote = root_methods};

/* ---- What is received ---- */

static char file_name[64];  /* of the last save or load */
static char *file;          /* the saved bytes, in hexadecimal */
static int save_result;     /* the result of saving */
static bool loads;          /* whether there is a file to load */
static struct pair *log_of; /* where `activated` makes a note */

/* The bytes of Twisted 22.4 for the same state. */
static const char twisted_file[] =
    "02800b825f5f6d61696e5f5f2e525007800a8264696374696f6e617279028002800782756e69636f6465"
    "0b827075626c6973686564494402800782756e69636f6465048269642d31028002800782756e69636f64"
    "650b82706572737065637469766502800782756e69636f646504824e6f6e65028002800782756e69636f"
    "646507827365727669636502800782756e69636f646504824e6f6e65028002800782756e69636f646509"
    "8274696d657374616d708440934a0000000000028002800782756e69636f6465048264617461038004"
    "826c697374018102800782756e69636f6465038274776f028002800782756e69636f646504826d6f7265"
    "02800a8264696374696f6e6172790280018278018004824e6f6e65";

static pb_value *load(const char *name, void *user_data)
{
    (void)user_data;
    snprintf(file_name, sizeof file_name, "%s", name);
    if (!loads) {
        return NULL;
    }
    struct bytes b = from_hex(file);
    pb_value *v = pb_bytes((pb_span){b.data, b.len});
    free(b.data);
    return v;
}

static void set_file(const char *hex)
{
    char *copy = strdup(hex);
    free(file);
    file = copy;
}

static int save(const char *name, pb_span data, void *user_data)
{
    (void)user_data;
    snprintf(file_name, sizeof file_name, "%s", name);
    char *hex = calloc(data.len + 1, 2);
    for (size_t i = 0; i < data.len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", data.data[i]);
    }
    set_file(hex);
    free(hex);
    return save_result;
}

static void is_activated(pb_object *o, pb_failure *failure, void *user_data)
{
    *(bool *)user_data = o && !failure;
}

static void activated(pb_object *o, void *user_data)
{
    bool at_once = false;
    (void)user_data;
    cr_assert_eq(pb_published_when_activated(o, is_activated, &at_once), 0);
    cr_assert(at_once);
    if (log_of) {
        note(log_of, "activated");
    }
}

static const pb_class remote_class = {.name = "__main__.RP",
                                      .flavor = PB_FLAVOR_CACHEABLE};
static const pb_published_config config = {
    .load = load, .save = save, .activated = activated};

static pb_registry *registry_new(void)
{
    pb_registry *g = pb_registry_new();
    if (g && pb_registry_set_published(g, "__main__.P", &remote_class, &config) != 0) {
        pb_registry_unref(g);
        return NULL;
    }
    return g;
}

static bool server_begin(struct server *s)
{
    *s = (struct server){.self.base = {.published_id = pb_str("id-1"),
                                       .timestamp = 1234.5,
                                       .state_to_publish = thing_state}};
    s->root = pb_object_new(&root_class, s);
    s->thing = pb_object_new(&thing_class, &s->self);
    return s->root && s->thing && s->self.base.published_id;
}

static void server_end(struct server *s)
{
    pb_object_unref(s->root);
    pb_object_unref(s->thing);
    pb_value_unref(s->self.base.published_id);
    pb_value_unref(s->self.state);
    free(file);
    file = NULL;
    loads = false;
    save_result = 0;
}

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)s;
    if (level == PB_LOG_ERROR) {
        note(user_data, "log: %s", text);
    }
}

static void open_both(struct pair *p, struct server *server)
{
    cr_assert(server_begin(server));
    pb_registry *g = registry_new();
    pb_session_config c = {.registry = g, .on_log = logged};
    cr_assert(pair_open(p, c, (pb_session_config){.root = server->root}));
    pb_registry_unref(g);
    talk(p);
    p->log_len = 0;
    log_of = p;
}

static void close_both(struct pair *p, struct server *server)
{
    size_t end = p->log_len;
    log_of = NULL;
    talk(p);
    pair_close_both(p);
    p->log_len = end;
    p->log[end] = '\0';
    server_end(server);
}

static pb_value *kept;

static void keep(pb_value *result, pb_failure *failure, void *user_data)
{
    noted(result, failure, user_data);
    kept = pb_value_ref(result);
}

static void get(struct pair *p)
{
    pb_remote *root = pb_session_root(p->client);
    kept = NULL;
    cr_assert_eq(pb_when_ready(root, "get", NULL, NULL, NULL, keep, p, NULL, NULL), 0);
    pb_remote_unref(root);
    talk(p);
}

static void when(pb_object *o, pb_failure *failure, void *user_data)
{
    cr_assert(o);
    note(user_data, "when: %s", failure ? pb_failure_text(failure) : "now");
}

/* ---- Tests ---- */

static void fetched(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    get(p);
    cr_assert_str_eq(file_name, "None-None-id-1.pub");
    cr_assert_str_eq(file, twisted_file, "%s", file);
    cr_assert_eq(pb_published_when_activated(pb_as_object(kept), when, p), 0);
    pb_value_unref(kept);
    close_both(p, &server);
}

#define OF_THE_FILE                                                     \
    "'publishedID': 'id-1', 'perspective': 'None', 'service': 'None', " \
    "'timestamp': 1234.5, 'data': [1, 'two'], 'more': {b'x': None}}>>\n"
#define READY                                                                    \
    "answer <RemoteCache 1 <RemoteCopy __main__.RP {'remote': <RemoteReference " \
    "2>, " OF_THE_FILE

PB_TEST(publish, is_fetched_and_saved_as_by_twisted)
{
    converse(fetched, READY "activated\nwhen: now\n");
}

static void loaded(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    set_file(twisted_file);
    loads = true;
    server.self.unwilling = true; /* it is not called */
    get(p);
    cr_assert_str_eq(file, twisted_file);
    pb_value_unref(kept);
    close_both(p, &server);
}

PB_TEST(publish, is_loaded_where_the_time_is_the_same)
{
    converse(loaded, "activated\n" READY);
}

static void outdated(struct pair *p)
{
    struct server server;
    static const char *const files[] = {twisted_file, "0280", "", "0581"};
    open_both(p, &server);
    loads = true;
    server.self.base.timestamp = 2;
    for (size_t i = 0; i < 4; i++) {
        set_file(files[i]);
        get(p);
        char *text = pb_value_repr(kept);
        cr_assert(strstr(text, "'timestamp': 2.0, 'data': [1, 'two']"), "%s", text);
        pb_free(text);
        pb_value_unref(kept);
        talk(p);
    }
    p->log_len = 0;
    p->log[0] = '\0';
    close_both(p, &server);
}

PB_TEST(publish, is_fetched_where_the_file_is_no_good)
{
    converse(outdated, "");
}

static void failing(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    server.self.unwilling = true;
    get(p);
    server.self.unwilling = false;
    server.self.base.state_to_publish = NULL;
    get(p);
    server.self.base.state_to_publish = thing_state;
    server.self.state = pb_int(5);
    get(p);
    server.instead = pb_int(5);
    get(p);
    server.instead = NULL;
    cr_assert_null(file);
    close_both(p, &server);
}

PB_TEST(publish, that_cannot_be_fetched_is_a_failure)
{
    converse(
        failing,
        "failure 0 builtins.RuntimeError: not today\n"
        "failure 0 builtins.NotImplementedError: <class '__main__.P'>."
        "getStateToPublishFor\n"
        "failure -3 builtins.TypeError: the state of the published object is not a dict\n"
        "failure -3 builtins.TypeError: the result is not a RemotePublished\n");
}

#define LOST \
    "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the connection\n"

/* Two wait for it; then the connection ends. */
static void lost(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    pb_remote *root = pb_session_root(p->client);
    pb_when_ready(root, "get", NULL, NULL, NULL, noted, p, NULL, NULL);
    pb_when_ready(root, "get", NULL, NULL, NULL, noted, p, NULL, NULL);
    pb_remote_unref(root);
    move_all(p, p->client, p->server);
    move_all(p, p->server, p->client);
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->server, NULL);
    close_both(p, &server);
}

PB_TEST(publish, that_is_not_there_yet_fails_with_the_connection)
{
    struct pair *p = calloc(1, sizeof *p);
    lost(p);
    cr_assert_str_eq(p->log,
                     LOST LOST "client closed -10 : the peer closed the connection\n"
                               "server closed -10 : the peer closed the "
                               "connection\n");
    free(p);
}

struct own_call {
    struct pair *p;
    pb_call *call;
};

static void cancels_itself(pb_value *result, pb_failure *failure, void *user_data)
{
    struct own_call *own = user_data;
    noted(result, failure, own->p);
    pb_call_cancel(own->call);
}

/* One of two calls is cancelled: before the answer, or while the state is fetched. Then
 * the object is activated, or the connection ends. Each call cancels itself in its own
 * callback, without effect. */
static void cancelled(bool answered, bool comes, const char *log)
{
    struct pair *p = calloc(1, sizeof *p);
    struct server server;
    struct own_call first = {p, NULL}, second = {p, NULL};
    open_both(p, &server);
    pb_remote *root = pb_session_root(p->client);
    pb_when_ready(root, "get", NULL, NULL, NULL, cancels_itself, &first, &first.call,
                  NULL);
    pb_when_ready(root, "get", NULL, NULL, NULL, cancels_itself, &second, &second.call,
                  NULL);
    pb_remote_unref(root);
    move_all(p, p->client, p->server);
    if (answered) {
        move_all(p, p->server, p->client);
    }
    pb_session_stats stats;
    pb_session_get_stats(p->client, &stats);
    cr_assert_eq(stats.pending, answered ? 3 : 2);
    pb_call_cancel(first.call);
    if (comes) {
        talk(p);
        pb_session_get_stats(p->client, &stats);
        cr_assert_eq(stats.pending, 0);
    } else {
        pb_session_lost(p->client, NULL);
        pb_session_lost(p->server, NULL);
    }
    cr_assert_str_eq(p->log, log);
    close_both(p, &server);
    free(p);
}

#define CANCELLED \
    "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
#define CLOSED                                             \
    "client closed -10 : the peer closed the connection\n" \
    "server closed -10 : the peer closed the connection\n"

PB_TEST(publish, can_be_cancelled_until_it_is_there)
{
    cancelled(false, true, CANCELLED READY "activated\n");
    cancelled(true, true, CANCELLED READY "activated\n");
    cancelled(false, false, CANCELLED LOST CLOSED);
    cancelled(true, false, CANCELLED LOST CLOSED);
}

/* An object that contains itself would never be freed: it is refused. */
static void holding_itself(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    server.self.state = pb_build(NULL, "{s:[N]}", "me", pb_object_value(server.thing));
    get(p);
    close_both(p, &server);
}

PB_TEST(publish, that_holds_itself_is_refused)
{
    converse(holding_itself,
             "failure -3 builtins.TypeError: the published object contains itself\n");
}

static void unsaved(struct pair *p)
{
    struct server server;
    open_both(p, &server);
    save_result = PB_ERR_SYSTEM;
    get(p);
    pb_value_unref(kept);
    talk(p);
    server.self.state = pb_build(NULL, "{s:N}", "root", pb_object_value(server.root));
    get(p);
    pb_value_unref(kept);
    close_both(p, &server);
}

PB_TEST(publish, that_cannot_be_saved_is_activated_all_the_same)
{
    converse(unsaved,
             READY "activated\n"
                   "log: __main__.RP cannot be saved: system call failed\n"
                   "answer <RemoteCache 3 <RemoteCopy __main__.RP {'remote': "
                   "<RemoteReference 4>, 'publishedID': 'id-1', 'perspective': 'None', "
                   "'service': 'None', 'timestamp': 1234.5, 'root': <RemoteReference "
                   "5>}>>\n"
                   "activated\n"
                   "log: __main__.RP cannot be saved: Banana cannot send builtins.str "
                   "objects: 'References cannot be serialized'\n");
}

/* The client receives such a cache, in hexadecimal, as if from the server. */
static void malformed(const char *state, const char *expected)
{
    struct pair *p = calloc(1, sizeof *p);
    struct server server;
    char hex[512];
    open_both(p, &server);
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "get", noted, p, NULL, "");
    pb_remote_unref(root);
    snprintf(hex, sizeof hex, "03801b87018103800a825f5f6d61696e5f5f2e500181%s", state);
    pb_session_sent(p->client, pb_session_send(p->client).len, 0);
    cr_assert_eq(feed(p->client, hex, false), 0);
    cr_assert_str_eq(p->log, expected);
    log_of = NULL;
    pb_session_free(p->client);
    pb_session_free(p->server);
    server_end(&server);
    free(p);
}

#define PAIR(name, value) "0280" name value
#define PERSPECTIVE "0b827065727370656374697665"
#define SERVICE "078273657276696365"
#define PUBLISHED_ID "0b827075626c69736865644944"

PB_TEST(publish, that_is_malformed_fails_the_call)
{
    malformed("0581",
              "failure -3 builtins.TypeError: the published object has no name\n");
    malformed("01800587",
              "failure -3 builtins.TypeError: the published object has no name\n");
    malformed("04800587" PAIR(PERSPECTIVE, "0581") PAIR(SERVICE, "0581")
                  PAIR(PUBLISHED_ID, "0581"),
              "failure -3 builtins.TypeError: the published object has no reference to "
              "the publisher\n");
    cr_assert_str_eq(file_name, "5-5-5.pub");
}

PB_TEST(publish, is_of_classes_that_are_caches)
{
    static const pb_class copyable = {.name = "C", .flavor = PB_FLAVOR_COPYABLE};
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_published(g, "C", &copyable, &config), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_published(g, "C", NULL, &config), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_published(g, "C", &remote_class, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
    pb_object *o = pb_object_new(&copyable, NULL);
    cr_assert_eq(pb_published_when_activated(o, when, NULL), PB_ERR_TYPE);
    cr_assert_eq(pb_published_when_activated(NULL, when, NULL), PB_ERR_ARG);
    pb_object_unref(o);
}

/* Called on an avatar. */
static int serve_avatar(void *self, pb_request *r)
{
    static const pb_method methods[] = {{"get", serve_get}, {0}};
    static const pb_class avatar_class = {.name = "Avatar", .perspective = methods};
    pb_object *avatar = pb_object_new(&avatar_class, self);
    pb_object *reference = pb_referenceable_new(avatar, PB_ROLE_PERSPECTIVE);
    pb_object_unref(avatar);
    return pb_request_answer_steal(r, pb_object_value_steal(reference));
}

static const pb_method portal_methods[] = {{"avatar", serve_avatar}, {0}};
static const pb_class portal_class = {.name = "Portal", .remote = portal_methods};

static const char *perspective_name(pb_object *perspective)
{
    cr_assert_str_eq(pb_object_class(perspective)->name, "Avatar");
    return "bob";
}

static const char *service_name(pb_object *perspective)
{
    (void)perspective;
    return "shop";
}

PB_TEST(publish, goes_by_the_names_of_the_perspective)
{
    struct pair *p = calloc(1, sizeof *p);
    struct server server;
    open_both(p, &server);
    server.self.base.perspective_name = perspective_name;
    server.self.base.service_name = service_name;
    pb_object *portal = pb_object_new(&portal_class, &server);
    pb_session_set_name_for_local(p->server, "portal", portal);
    pb_object_unref(portal);
    pb_remote *to = pb_session_remote_for_name(p->client, "portal");
    pb_remote_call(to, "avatar", keep, p, NULL, "");
    talk(p);
    pb_value *avatar = kept;
    pb_when_ready(pb_as_remote(avatar), "get", NULL, NULL, NULL, keep, p, NULL, NULL);
    talk(p);
    cr_assert_str_eq(file_name, "shop-bob-id-1.pub");
    pb_value_unref(kept);
    pb_value_unref(avatar);
    pb_remote_unref(to);
    close_both(p, &server);
    free(p);
}

/* ---- Without memory ---- */

static int ended;

static void count(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)user_data;
    cr_assert_neq(result == NULL, failure == NULL);
    ended++;
}

static int run(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct server server;
    pb_registry *g = registry_new();
    pb_session_config c = {.registry = g};
    int made = 0;
    ended = 0;
    if (server_begin(&server) && g &&
        pair_open(p, c, (pb_session_config){.root = server.root})) {
        talk(p);
        pb_remote *root = pb_session_root(p->client);
        for (int i = 0; i < 2; i++) {
            made += root && pb_when_ready(root, "get", NULL, NULL, NULL, count, NULL,
                                          NULL, NULL) == 0;
            talk(p);
            loads = file != NULL;
        }
        pb_remote_unref(root);
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    pb_session_free(p->client);
    pb_session_free(p->server);
    cr_assert_eq(ended, made);
    server_end(&server);
    pb_registry_unref(g);
    free(p);
    return e;
}

PB_TEST(publish, loses_nothing_at_any_failure)
{
    pb__test_each_failure(run, NULL);
}
