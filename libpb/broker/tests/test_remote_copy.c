/* SPDX-License-Identifier: MIT
 *
 * Copies between two sessions: shared and in cycles, refused, sent on, made by factories;
 * and with every allocation failing. */
#include "compat/compare.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/bytes.h"
#include "libpb/broker/tests/copyable_objects.h"

/* Opens a pair with such a root at the server, and a registry at both ends: that of the
 * test, or the caller's. */
static void open_copy_service(struct pair *p, struct copy_service *service,
                              pb_session_config both)
{
    cr_assert(copy_service_begin(service, p, both.jelly.profile));
    pb_registry *own = both.registry ? NULL : registry_new();
    both.registry = own ? own : both.registry;
    pb_session_config server = both;
    server.root = service->root;
    cr_assert(pair_open(p, both, server));
    pb_registry_unref(own);
    talk(p);
    p->log_len = 0;
}

static void close_copy_service(struct pair *p, struct copy_service *service)
{
    size_t end = p->log_len;
    pair_close_both(p);
    p->log[end] = '\0';
    pb_object_unref(service->root);
    cr_assert_eq(constructed, destroyed);
}

static void ask(struct pair *p, const char *method, pb_value *args)
{
    cr_assert_eq(
        call_root(p, p->client, method, args ? args : pb_build(NULL, "()"), NULL), 0);
    talk(p);
}

/* ---- Shared, and in cycles ---- */

static void send_friends(struct pair *p, pb_profile profile)
{
    struct duck one = {.name = "one", .friends = pb_list(), .profile = profile};
    struct duck two = {.name = "two", .friends = pb_list(), .profile = profile};
    pb_object *a = pb_object_new(&duck_class, &one);
    pb_object *b = pb_object_new(&duck_class, &two);
    pb_append_steal(one.friends, pb_object_value(b));
    pb_append_steal(two.friends, pb_object_value(a));
    ask(p, "many", pb_build(NULL, "(N[N])", pb_object_value(a), pb_object_value(b)));
    pb_value_unref(one.friends);
    pb_value_unref(two.friends);
    pb_object_unref(a);
    pb_object_unref(b);
}

static void friends(struct pair *p)
{
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){.jelly.profile = python3});
    send_friends(p, python3);
    close_copy_service(p, &service);
}

#define ONE "<RemoteCopy RemoteDuck {'name': 'one', 'friends': ["
#define TWO "<RemoteCopy RemoteDuck {'name': 'two', 'friends': ["

PB_TEST(copy, of_what_holds_one_another)
{
    converse(friends, "many (" ONE TWO "<...>]}>]}>, [" TWO ONE "<...>]}>]}>])\n"
                      "answer [2, []]\n");
}

static pb_object *narcissus; /* the object whose state is itself */

static pb_value *own_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:N,s:[N],s:(N)}", "me", pb_object_value(narcissus), "list",
                    pb_object_value(narcissus), "tuple", pb_object_value(narcissus));
}

static const pb_class own_class = {
    .name = "scenarios.Duck", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = own_state};

static void send_narcissus(struct pair *p, struct copy_service *service,
                           pb_profile profile)
{
    open_copy_service(p, service, (pb_session_config){.jelly.profile = profile});
    narcissus = pb_object_new(&own_class, NULL);
    ask(p, "echo", pb_build(NULL, "(N)", pb_object_value_steal(narcissus)));
    close_copy_service(p, service);
}

static void python3_itself(struct pair *p)
{
    struct copy_service service;
    send_narcissus(p, &service, python3);
}

static void python2_itself(struct pair *p)
{
    struct copy_service service;
    send_narcissus(p, &service, python2);
}

/* Python 3 copies the members into a dict of the copy's own: a placeholder for a value
 * that is not known then stays there; a list is filled nevertheless. */
PB_TEST(copy, that_holds_itself_has_a_placeholder_in_python_3)
{
    struct pair *p = calloc(1, sizeof *p);
    python3_itself(p);
    cr_assert(strstr(p->log, "<RemoteCopy RemoteDuck {'me': "
                             "<twisted.persisted.crefutil._Dereference "),
              "%s", p->log);
    cr_assert(strstr(p->log, "'list': [<...>]"), "%s", p->log);
    cr_assert(strstr(p->log, "'tuple': <twisted.persisted.crefutil._Tuple "), "%s",
              p->log);
    free(p);
}

PB_TEST(copy, that_holds_itself_is_whole_in_python_2)
{
    converse(python2_itself, "echo <RemoteCopy RemoteDuck {'me': <...>, 'list': [<...>], "
                             "'tuple': (<...>,)}>\n"
                             "answer Unpersistable('Unpersistable data: instance of "
                             "class RemoteDuck deemed insecure')\n");
}

/* ---- Refused ---- */

static void refusals(struct pair *p)
{
    struct copy_service service;
    refuses = "of the server";
    open_copy_service(p, &service, (pb_session_config){0});
    ask(p, "get", pb_build(NULL, "(s)", "duck"));
    ask(p, "get", pb_build(NULL, "(s)", "bare"));
    refuses = "two";
    send_friends(p, python3);
    ask(p, "none", NULL);
    cr_assert_eq(constructed, destroyed);
    cr_assert(pb_session_is_ready(p->client) && pb_session_is_ready(p->server));
    close_copy_service(p, &service);
}

/* A refused copy fails the call, in an answer and in an argument; neither ends the
 * session. */
PB_TEST(copy, that_refuses_its_state_fails_the_call)
{
    converse(refusals, "failure -4 builtins.OverflowError: no room for of the server\n"
                       "answer <RemoteCopy RemoteBare {}>\n"
                       "failure 0 builtins.OverflowError: no room for two\n"
                       "answer None\n");
}

static void unknown(struct pair *p)
{
    static const pb_class stranger = {.name = "scenarios.Unknown",
                                      .flavor = PB_FLAVOR_COPYABLE};
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){0});
    ask(p, "echo",
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&stranger, NULL))));
    ask(p, "none", NULL);
    close_copy_service(p, &service);
}

PB_TEST(copy, of_a_class_that_nobody_registered_is_refused)
{
    converse(unknown,
             "failure 0 twisted.spread.jelly.InsecureJelly: Module scenarios not "
             "allowed (in type scenarios.Unknown).\n"
             "answer None\n");
}

/* Sends the server a call of echo with an argument in hexadecimal. */
static void feed_echo(struct pair *p, const char *argument)
{
    char hex[512];
    snprintf(hex, sizeof hex,
             "07801a8701810482726f6f7404826563686f018102800b87%s01800587", argument);
    cr_assert_eq(feed(p->server, hex, false), 0, "%s", pb_session_error(p->server)->text);
}

/* The server's answer, as the client reads it. */
static void answered(pb_value *result, pb_failure *failure, void *user_data)
{
    noted(result, failure, user_data);
}

static void malformed(struct pair *p, const char *argument)
{
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call_values(root, "none", NULL, NULL, NULL, answered, p, NULL, NULL);
    pb_span out = pb_session_send(p->client);
    pb_session_sent(p->client, out.len, 0); /* dropped, and replaced by ours */
    feed_echo(p, argument);
    talk(p);
    pb_remote_unref(root);
}

PB_TEST(copy, without_a_state_is_refused)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){0});
    malformed(p, "01800e827363656e6172696f732e4475636b");
    cr_assert_str_eq(p->log, "failure 0 builtins.ValueError: a copy without a state\n");
    close_copy_service(p, &service);
    free(p);
}

PB_TEST(copy, may_have_any_state)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    service.log = p;
    open_copy_service(p, &service, (pb_session_config){0});
    malformed(p, "02800e827363656e6172696f732e4475636b0581");
    cr_assert(strstr(p->log, "echo <RemoteCopy RemoteDuck 5>\n"), "%s", p->log);
    p->log_len = 0;
    close_copy_service(p, &service);
    free(p);
}

/* Names that a Python 2 peer sends as byte strings are text in a Python 3 one's
 * __dict__. */
PB_TEST(copy, has_names_that_are_text)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){.jelly.profile = python3});
    malformed(p, "02800e827363656e6172696f732e4475636b0280058702800182610181");
    cr_assert(strstr(p->log, "echo <RemoteCopy RemoteDuck {'a': 1}>\n"), "%s", p->log);
    close_copy_service(p, &service);
    free(p);
}

PB_TEST(copy, with_a_name_that_is_no_utf8_is_refused)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){.jelly.profile = python3});
    malformed(p, "02800e827363656e6172696f732e4475636b0280058702800182ff0181");
    cr_assert_str_eq(p->log, "failure 0 builtins.ValueError: a key in the state of a "
                             "copy is not UTF-8 text\n");
    close_copy_service(p, &service);
    free(p);
}

/* ---- By factories, and as data ---- */

static pb_value *make(pb_value *state, pb_error *err, void *user_data)
{
    const pb_error *refused = user_data;
    if (refused) {
        *err = *refused;
        return NULL;
    }
    return pb_build(err, "(sO)", "made of", state);
}

static void by_factory(struct pair *p)
{
    struct copy_service service;
    pb_error refused = {.code = PB_ERR_TYPE, .text = "no ducks"};
    pb_error silent = {0};
    pb_registry *g = pb_registry_new();
    pb_registry_set_factory(g, "scenarios.Bare", make, NULL);
    pb_registry_set_factory(g, "scenarios.Duck", make, &refused);
    pb_registry_set_factory(g, "farm.tagged", make, &silent);
    pb_registry_set_class(g, "scenarios.Both", NULL);
    open_copy_service(p, &service, (pb_session_config){.registry = g});
    pb_registry_unref(g);
    ask(p, "get", pb_build(NULL, "(s)", "bare"));
    ask(p, "get", pb_build(NULL, "(s)", "duck"));
    ask(p, "get", pb_build(NULL, "(s)", "tagged"));
    ask(p, "get", pb_build(NULL, "(s)", "both"));
    close_copy_service(p, &service);
}

PB_TEST(copy, comes_as_the_factory_makes_it)
{
    converse(by_factory, "answer ('made of', {})\n"
                         "failure -3 builtins.TypeError: no ducks\n"
                         "failure -1 builtins.MemoryError: the factory of a copy "
                         "returned NULL and no error (out of memory?)\n"
                         "answer <scenarios.Both {'x': 1}>\n");
}

/* A taster other than the default must allow the tag, too; each allows tags with a
 * dot. */
PB_TEST(copy, is_known_by_what_the_taster_allows)
{
    static const pb_class duck = {.name = "Duck", .flavor = PB_FLAVOR_COPYABLE};
    for (int allowed = 0; allowed < 3; allowed++) {
        struct pair *p = calloc(1, sizeof *p);
        struct copy_service service;
        pb_registry *g = pb_registry_new();
        pb_taster *t = pb_taster_new();
        pb_registry_set_class(g, "Duck", NULL);
        pb_taster_allow_basic_types(t);
        if (allowed == 1) {
            pb_taster_allow_type(t, "Duck");
        }
        pb_session_config c = {.registry = g, .jelly.taster = allowed == 2 ? NULL : t};
        open_copy_service(p, &service, c);
        ask(p, "echo",
            pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&duck, NULL))));
        cr_assert_str_eq(p->log,
                         allowed == 0
                             ? "failure 0 twisted.spread.jelly.InsecureJelly: b'Duck'\n"
                             : "echo <Duck {}>\n"
                               "answer Unpersistable(\"Unpersistable data: b'instance of "
                               "class Duck deemed insecure'\")\n");
        close_copy_service(p, &service);
        pb_taster_unref(t);
        pb_registry_unref(g);
        free(p);
    }
}

/* ---- Sent on, or not at all ---- */

static void sent_on(struct pair *p)
{
    struct copy_service service;
    struct duck duck = {.name = "alone", .profile = python3};
    open_copy_service(p, &service, (pb_session_config){.jelly.profile = python3});
    ask(p, "echo",
        pb_build(NULL, "(N)",
                 pb_object_value_steal(pb_object_new(&sent_both_class, NULL))));
    ask(p, "echo",
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&duck_class, &duck))));
    close_copy_service(p, &service);
}

PB_TEST(copy, of_a_class_that_is_copyable_is_sent_on)
{
    converse(sent_on, "echo <RemoteCopy scenarios.Both {'x': 1}>\n"
                      "answer <RemoteCopy scenarios.Both {'x': 1}>\n"
                      "echo <RemoteCopy RemoteDuck {'name': 'alone', 'friends': []}>\n"
                      "answer Unpersistable(\"Unpersistable data: b'instance of class "
                      "RemoteDuck deemed insecure'\")\n");
}

/* Not an empty dict of members, but None, as in Python 3.11. */
PB_TEST(copy, of_a_class_that_the_taster_allows_is_sent_on_as_an_instance)
{
    static const pb_class plain = {.name = "farm.Plain"};
    struct duck duck = {.name = "alone", .profile = python3};
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    pb_taster *t = pb_taster_new();
    pb_registry *g = pb_registry_new();
    pb_taster_allow_instances_of(t, "farm.Plain");
    pb_registry_set_class(g, "scenarios.Bare", &plain);
    pb_registry_set_class(g, "scenarios.Duck", &plain);
    open_copy_service(
        p, &service,
        (pb_session_config){.registry = g, .jelly = {.taster = t, .profile = python3}});
    pb_object *o = pb_object_new(&duck_class, &duck);
    ask(p, "echo", pb_build(NULL, "([NN])", pb_object_value(o), pb_object_value(o)));
    ask(p, "echo",
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&bare_class, NULL))));
    pb_object_unref(o);
    cr_assert_str_eq(
        p->log,
        "echo [<RemoteCopy farm.Plain {'name': 'alone', 'friends': []}>, "
        "<RemoteCopy farm.Plain {'name': 'alone', 'friends': []}>]\n"
        "answer [<farm.Plain {'name': 'alone', 'friends': []}>, "
        "<farm.Plain {'name': 'alone', 'friends': []}>]\n"
        "echo <RemoteCopy farm.Plain {}>\n"
        "failure -3 builtins.TypeError: __dict__ must be set to a dictionary, not a "
        "'NoneType'\n");
    close_copy_service(p, &service);
    pb_registry_unref(g);
    pb_taster_unref(t);
    free(p);
}

static void unwilling(struct pair *p)
{
    struct copy_service service;
    pb_error why = {.code = PB_ERR_STATE, .text = "not just now"};
    pb_error err = {0};
    open_copy_service(p, &service, (pb_session_config){0});
    pb_remote *root = pb_session_root(p->client);
    pb_value *args =
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&failing_class, &why)));
    int e = pb_remote_call_values(root, "echo", args, NULL, NULL, noted, p, NULL, &err);
    note(p, "%d %s", e, err.text);
    pb_value_unref(args);
    err = (pb_error){0};
    args =
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&failing_class, NULL)));
    e = pb_remote_call_values(root, "echo", args, NULL, NULL, noted, p, NULL, &err);
    note(p, "%d %s", e, err.text);
    pb_value_unref(args);
    pb_remote_unref(root);
    ask(p, "get", pb_build(NULL, "(s)", "failing"));
    close_copy_service(p, &service);
}

PB_TEST(copyable, that_gives_no_state_is_not_sent)
{
    converse(unwilling, "-15 not just now\n"
                        "-1 state_to_copy returned NULL and no error (out of memory?)\n"
                        "failure 0 builtins.MemoryError: state_to_copy returned NULL "
                        "and no error (out of memory?)\n");
}

/* ---- As values ---- */

static pb_value *kept; /* the answer of the last call */

static void keep(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)failure;
    (void)user_data;
    kept = pb_value_ref(result);
}

/* The answer to a call, *new*; NULL if it failed. */
static pb_value *get(struct pair *p, const char *method, pb_value *args)
{
    kept = NULL;
    pb_remote *root = pb_session_root(p->client);
    if (root && args) {
        pb_remote_call_values(root, method, args, NULL, NULL, keep, NULL, NULL, NULL);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
    return kept;
}

static pb_value *get_duck(struct pair *p)
{
    return get(p, "get", pb_build(NULL, "(s)", "duck"));
}

PB_TEST(copy, outlives_its_session)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    uint64_t x, y;
    open_copy_service(p, &service, (pb_session_config){0});
    pb_value *a = get_duck(p);
    pb_value *b = get_duck(p);
    size_t end = p->log_len;
    pair_close_both(p);
    p->log[end] = '\0';
    pb_object_unref(service.root);
    cr_assert(pb_value_equal(a, a));
    cr_assert_not(pb_value_equal(a, b));
    cr_assert_eq(pb__hash(a, &x), 0);
    cr_assert_eq(pb__hash(b, &y), 0);
    cr_assert_neq(x, y);
    cr_assert_eq(pb_value_kind(a), PB_OBJECT);
    pb_object *o = pb_as_object(a);
    cr_assert_eq(((struct copied *)pb_object_self(o))->state, pb_object_state(o));
    pb_value_unref(a);
    cr_assert_eq(destroyed, 1);
    pb_value_unref(b);
    cr_assert_eq(destroyed, 2);
    free(p);
}

PB_TEST(copy, that_came_twice_in_a_message_is_one)
{
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    open_copy_service(p, &service, (pb_session_config){0});
    pb_object *o = pb_object_new(&sent_both_class, NULL);
    pb_value *list =
        get(p, "echo", pb_build(NULL, "([NN])", pb_object_value(o), pb_object_value(o)));
    cr_assert_eq(pb_item(list, 0), pb_item(list, 1));
    cr_assert_eq(constructed, 2); /* one at each end */
    pb_value_unref(list);
    pb_object_unref(o);
    close_copy_service(p, &service);
    free(p);
}

/* ---- Without a broker ---- */

PB_TEST(copyable, is_an_instance_without_a_broker)
{
    struct duck duck = {.name = "alone", .profile = python3};
    pb_object *o = pb_object_new(&duck_class, &duck);
    pb_value *list = pb_build(NULL, "[NN]", pb_object_value(o), pb_object_value(o));
    uint8_t *bytes;
    size_t len;
    pb_error err = {0};
    pb_taster *t = pb_taster_new();
    pb_taster_allow_instances_of(t, "scenarios.Duck");
    pb_jelly_config c = {.taster = t, .profile = python3};
    cr_assert_eq(pb_jelly_bytes(list, &c, PB_DIALECT_PB, &bytes, &len, &err), 0, "%s",
                 err.text);
    pb_value *v = NULL;
    cr_assert_eq(pb_unjelly_bytes((pb_span){bytes, len}, &c, PB_DIALECT_PB, &v, &err), 0);
    char *text = pb_value_repr(v);
    cr_assert_str_eq(text, "[<scenarios.Duck {'name': 'alone', 'friends': []}>, "
                           "<scenarios.Duck {'name': 'alone', 'friends': []}>]");
    cr_assert_eq(pb_item(v, 0), pb_item(v, 1));
    pb_free(text);
    pb_free(bytes);
    pb_value_unref(v);
    pb_value_unref(list);
    pb_object_unref(o);
    pb_error why = {.code = PB_ERR_STATE, .text = "not just now"};
    v = pb_object_value_steal(pb_object_new(&failing_class, &why));
    cr_assert_eq(pb_jelly_bytes(v, &c, PB_DIALECT_PB, &bytes, &len, &err), PB_ERR_STATE);
    cr_assert_str_eq(err.text, "not just now");
    pb_value_unref(v);
    err = (pb_error){0};
    v = pb_object_value_steal(pb_object_new(&held_class, NULL));
    cr_assert_eq(pb_jelly_bytes(v, &c, PB_DIALECT_PB, &bytes, &len, &err), PB_ERR_TYPE);
    cr_assert_str_eq(err.text,
                     "an object cannot be sent without a broker to refer to it");
    pb_value_unref(v);
    pb_taster_unref(t);
}

/* ---- Without memory ---- */

static int run(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct copy_service service;
    pb_registry *g = registry_new();
    pb_session_config c = {.registry = g, .jelly.profile = python3};
    struct duck one = {.name = "one", .friends = pb_list(), .profile = python3};
    pb_object *a = pb_object_new(&duck_class, &one);
    if (copy_service_begin(&service, NULL, python3) && g && a && one.friends) {
        pb_append_steal(one.friends, pb_object_value(a));
        pb_session_config server = c;
        server.root = service.root;
        if (pair_open(p, c, server)) {
            talk(p);
            pb_value_unref(get(p, "echo", pb_build(NULL, "(N)", pb_object_value(a))));
            pb_value_unref(get(p, "get", pb_build(NULL, "(s)", "both")));
            pb_value_unref(get(p, "get", pb_build(NULL, "(s)", "holder")));
        }
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_value_unref(one.friends);
    pb_object_unref(a);
    pb_object_unref(service.root);
    pb_registry_unref(g);
    cr_assert_eq(constructed, destroyed);
    free(p);
    return e;
}

PB_TEST(copy, loses_nothing_at_any_failure)
{
    pb__test_each_failure(run, NULL);
}
