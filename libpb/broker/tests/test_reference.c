/* SPDX-License-Identifier: MIT
 *
 * References: their counts both ways, their numbers, and references that are sent back to
 * their owner. */
#include "compat/compare.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"

/* Stores a result at the address in user_data. */
static void keep_result(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_null(failure);
    *(pb_value **)user_data = pb_value_ref(result);
}

/* The answer of the peer's root, *new*. */
static pb_value *ask(struct pair *p, pb_session *s, const char *method, pb_value *args)
{
    pb_value *result = NULL;
    pb_remote *root = pb_session_root(s);
    cr_assert_eq(pb_remote_call_values(root, method, args, NULL, NULL, keep_result,
                                       &result, NULL, NULL),
                 0);
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
    return result;
}

static size_t exported(pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats.exported;
}

static size_t held(pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats.held;
}

static void one_two(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_value *two = ask(p, p->client, "getTwo", NULL);
    note_value(p, "got", two);
    cr_assert_eq(pb_remote_luid(pb_as_remote(two)), 1);
    cr_assert_eq(pb_remote_session(pb_as_remote(two)), p->client);
    cr_assert_eq(exported(p->server), 1);
    cr_assert_eq(held(p->client), 1);
    pb_remote_call(pb_as_remote(two), "three", noted, p, NULL, "i", 12);
    talk(p);
    pb_value *same = ask(p, p->client, "checkTwo", pb_build(NULL, "(O)", two));
    note_value(p, "same", same);
    pb_value_unref(two);
    cr_assert_eq(held(p->client), 0);
    talk(p);
    cr_assert_eq(exported(p->server), 0);
    close_services(p, &server, NULL);
}

PB_TEST(reference, goes_out_is_called_and_comes_home)
{
    converse(one_two, "got <RemoteReference 1>\nanswer [1, 2, 3]\nsame True\n");
}

/* Each receipt is a count of its own, also within one message. */
static void counts(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_value *same = ask(p, p->client, "same", NULL);
    note_value(p, "same", same);
    cr_assert_eq(held(p->client), 2);
    cr_assert_eq(exported(p->server), 1);
    cr_assert(pb_value_equal(pb_item(same, 0), pb_item(same, 1)));
    cr_assert_neq(pb_item(same, 0), pb_item(same, 1));
    pb_value *again = ask(p, p->client, "getTwo", NULL);
    cr_assert_eq(held(p->client), 3);
    pb_value_unref(same);
    talk(p);
    cr_assert_eq(exported(p->server), 1);
    cr_assert_eq(server.two->base.foreign.node.head.refs, 2);
    pb_value_unref(again);
    talk(p);
    cr_assert_eq(exported(p->server), 0);
    cr_assert_eq(server.two->base.foreign.node.head.refs, 1);
    close_services(p, &server, NULL);
}

PB_TEST(reference, is_counted_at_each_receipt)
{
    converse(counts, "same [<RemoteReference 1>, <RemoteReference 1>]\n");
}

static void numbers(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    for (int i = 0; i < 3; i++) {
        pb_value *list = ask(p, p->client, "new", pb_build(NULL, "(i)", 2));
        note_value(p, "new", list);
        pb_value_unref(list);
        talk(p);
    }
    cr_assert_eq(server.destroyed, 6);
    close_services(p, &server, NULL);
}

PB_TEST(reference, has_a_number_that_is_never_used_again)
{
    converse(numbers, "new [<RemoteReference 1>, <RemoteReference 2>]\n"
                      "new [<RemoteReference 3>, <RemoteReference 4>]\n"
                      "new [<RemoteReference 5>, <RemoteReference 6>]\n");
}

/* An argument that is kept, and one that is not. The answer is sent before the decref;
 * otherwise None would arrive. */
static void home(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_object *o = pb_object_new(&two_class, &server);
    pb_value *back = ask(p, p->client, "echo", pb_build(NULL, "(N)", pb_object_value(o)));
    cr_assert_eq(pb_as_object(back), o);
    cr_assert_eq(exported(p->client), 0);
    pb_value_unref(back);
    ask(p, p->client, "keep", pb_build(NULL, "(N)", pb_object_value(o)));
    cr_assert_eq(exported(p->client), 1);
    cr_assert_eq(held(p->server), 1);
    back = ask(p, p->client, "back", NULL);
    cr_assert_eq(pb_as_object(back), o);
    pb_value_unref(back);
    pb_object_unref(o);
    cr_assert_eq(server.destroyed, 0);
    ask(p, p->client, "forget", NULL);
    cr_assert_eq(server.destroyed, 1);
    close_services(p, &server, NULL);
}

PB_TEST(reference, comes_home_as_the_object_itself)
{
    converse(home, "echo (<RemoteReference 1>,)\n");
}

/* A reference by name needs no decref, and is sent back as its name. */
static void by_name(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    cr_assert_eq(pb_session_set_name_for_local(p->server, "two", server.two), 0);
    cr_assert_eq(pb_session_set_name_for_local(p->server, "two", server.two), 0);
    pb_remote *two = pb_session_remote_for_name(p->client, "two");
    cr_assert_eq(pb_remote_luid(two), 0);
    cr_assert_eq(held(p->client), 0);
    pb_remote_call(two, "three", noted, p, NULL, "i", 1);
    talk(p);
    pb_value *same =
        ask(p, p->client, "checkTwo", pb_build(NULL, "(N)", pb_remote_value(two)));
    note_value(p, "same", same);
    note_value(p, "two", (pb_value *)two);
    pb_remote_unref(two);
    two = pb_session_remote_for_name(p->client, "three");
    pb_remote_call(two, "three", noted, p, NULL, "");
    pb_remote_unref(two);
    cr_assert_eq(pb_session_set_name_for_local(p->server, NULL, server.two), PB_ERR_ARG);
    cr_assert_eq(pb_session_set_name_for_local(p->server, "x", NULL), PB_ERR_ARG);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(reference, goes_by_name_too)
{
    converse(by_name, "answer [1, 2, 3]\n"
                      "same True\n"
                      "two <RemoteReference two>\n"
                      "failure 0 twisted.spread.pb.Error: Invalid Object ID\n");
}

/* A reference of one session is refused by another, and the counts that came before it in
 * the message are taken back. */
static void of_another_session(struct pair *p)
{
    struct service server, other_server;
    struct pair *other = calloc(1, sizeof *other);
    open_services(p, &server, NULL);
    open_services(other, &other_server, NULL);
    pb_value *two = ask(other, other->client, "getTwo", NULL);
    pb_object *o = pb_object_new(&two_class, &server);
    pb_value *args = pb_build(NULL, "(NNO)", pb_object_value(o), pb_object_value(o), two);
    pb_remote *root = pb_session_root(p->client);
    pb_error err = {0};
    cr_assert_eq(
        pb_remote_call_values(root, "echo", args, NULL, NULL, noted, p, NULL, &err),
        PB_ERR_TYPE);
    note(p, "%s: %s", err.where, err.text);
    pb_value_unref(args);
    pb_remote_unref(root);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    cr_assert_eq(exported(p->client), 0);
    cr_assert_eq(p->client->calls->last_request, 0);

    ask(p, p->client, "keep", pb_build(NULL, "(N)", pb_object_value(o)));
    pb_value *kept = server.kept;
    server.kept = two;
    call_root(p, p->client, "back", pb_build(NULL, "()"), NULL);
    talk(p);
    server.kept = kept;
    cr_assert_eq(pb_remote_luid(pb_as_remote(kept)), 2, "a number is not used again");
    ask(p, p->client, "forget", NULL);
    pb_object_unref(o);
    pb_value_unref(two);
    talk(other);
    close_services(other, &other_server, NULL);
    free(other);
    close_services(p, &server, NULL);
}

PB_TEST(reference, belongs_to_one_session)
{
    converse(of_another_session,
             "[2]: Can't send references to brokers other than their own.\n"
             "failure 0 builtins.AssertionError: "
             "Can't send references to brokers other than their own.\n");
}

/* Arguments that are refused half way, with references before and after: all are
 * released. And an answer that cannot be written, with objects in it: none was
 * exported. */
static void half_way(struct pair *p)
{
    struct service server, client;
    open_services(p, &server, &client);
    pb_taster *t = pb_taster_new();
    pb_taster_allow_basic_types(t);
    pb_taster_allow_instances_of(t, "shop.Thing");
    pb_taster_unref(p->client->shared->config.jelly.taster);
    p->client->shared->config.jelly.taster = t;
    pb_value *args = pb_build(
        NULL, "(N(N)NN)", pb_object_value(client.two), pb_object_value(client.two),
        pb_instance_steal("shop.Thing",
                          pb_build(NULL, "{s:N}", "two", pb_object_value(client.two))),
        pb_object_value(client.root));
    call_root(p, p->client, "keep", args, NULL);
    move_all(p, p->client, p->server);
    note(p, "held %zu exported %zu", held(p->server), exported(p->client));
    talk(p);
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    talk(p);
    pb_value *answer = pb_build(NULL, "[N[N]N]", pb_object_value(server.two),
                                pb_object_value(server.two), pb_name(PB_MODULE, "shop"));
    cr_assert_eq(pb_request_answer_steal(server.waiting[0], answer), PB_ERR_TYPE);
    note(p, "exported %zu", exported(p->server));
    talk(p);
    close_services(p, &server, &client);
}

PB_TEST(reference, is_given_back_when_a_message_fails_half_way)
{
    converse(half_way,
             "held 0 exported 2\n"
             "failure 0 twisted.spread.jelly.InsecureJelly: "
             "Module shop not allowed (in type shop.Thing).\n"
             "exported 0\n"
             "failure 0 builtins.TypeError: Banana cannot send builtins.str objects: "
             "'shop'\n");
}

/* The fourth time ends the session. Mirrors MAX_BROKER_REFS. */
static void too_many(struct pair *p)
{
    struct service server;
    service_begin(&server, p);
    pair_open(p, (pb_session_config){0},
              (pb_session_config){.root = server.root, .max_refs = 4});
    talk(p);
    pb_value *four = ask(p, p->client, "new", pb_build(NULL, "(i)", 4));
    note(p, "held %zu", held(p->client));
    for (int i = 0; i < 4; i++) {
        call_root(p, p->client, "new", pb_build(NULL, "(i)", 1), NULL);
        talk(p);
        note(p, "exported %zu", exported(p->server));
    }
    cr_assert_eq(pb_session_error(p->server)->code, PB_ERR_LIMIT);
    pb_session_lost(p->client, NULL);
    pb_value_unref(four);
    cr_assert_eq(server.destroyed, 8);
    pair_close_both(p);
    service_end(&server);
}

/* An object of the client is an argument of more calls than objects may be exported. The
 * calls wait; the server keeps one of the objects. */
static void waiting(struct pair *p)
{
    struct service server, client;
    open_services(p, &server, &client);
    pb_remote *root = pb_session_root(p->client);
    for (int i = 0; i < 3; i++) {
        pb_value *args = pb_build(
            NULL, "(N)", pb_object_value_steal(pb_object_new(&two_class, &client)));
        pb_remote_call_values(root, "wait", args, NULL, NULL, noted, p, NULL, NULL);
        pb_value_unref(args);
        talk(p);
    }
    cr_assert_eq(server.waiting_count, 3);
    cr_assert_eq(exported(p->client), 0);
    cr_assert_eq(held(p->server), 0);
    cr_assert_eq(client.destroyed, 3);
    pb_value *v = pb_none();
    cr_assert_null(pb_request_args(server.waiting[0]));
    cr_assert_null(pb_request_kwargs(server.waiting[0]));
    cr_assert_eq(pb_request_unpack(server.waiting[0], "O", &v), PB_ERR_STATE);
    cr_assert_null(v);
    pb_value *two = pb_object_value(client.two);
    pb_value *args = pb_build(NULL, "(N)", two);
    pb_remote_call_values(root, "later", args, NULL, NULL, noted, p, NULL, NULL);
    talk(p);
    cr_assert_eq(exported(p->client), 1);
    answer_later(&server, 3, NULL);
    talk(p);
    cr_assert_eq(exported(p->client), 0);
    answer_later(&server, 2, NULL);
    answer_later(&server, 1, NULL);
    answer_later(&server, 0, "builtins.KeyError");
    talk(p);
    pb_value_unref(args);
    pb_remote_unref(root);
    close_services(p, &server, &client);
}

PB_TEST(reference, is_released_when_the_method_has_returned)
{
    converse(waiting, "answer <Referenceable Two>\nanswer None\nanswer None\nfailure 0 "
                      "builtins.KeyError: late\n");
}

#define TOO_MANY \
    "failure 0 twisted.spread.pb.Error: Maximum PB reference count exceeded.\n"

PB_TEST(reference, is_limited_in_number)
{
    converse(
        too_many,
        "client ready\nserver ready\nheld 4\n" TOO_MANY "exported 4\n" TOO_MANY
        "exported 4\n" TOO_MANY "exported 4\n"
        "server closed -6 : Maximum PB reference count exceeded.  Goodbye. (limit 4)\n"
        "exported 0\n"
        "failure -10 twisted.spread.pb.PBConnectionLost: "
        "the peer closed the connection\n"
        "client closed -10 : the peer closed the connection\n");
}

/* One that the server has released arrives as None. */
PB_TEST(reference, that_is_stale_is_none)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_value *two = ask(&p, p.client, "getTwo", NULL);
    cr_assert(pb__export_drop(p.server, 1));
    pb_remote_call(pb_as_remote(two), "three", noted, &p, NULL, "i", 1);
    pb_value *same = ask(&p, p.client, "echo", pb_build(NULL, "(O)", two));
    cr_assert_eq(pb_value_kind(same), PB_NONE);
    cr_assert_str_eq(p.log, "echo (None,)\n"
                            "failure 0 twisted.spread.pb.Error: Invalid Object ID\n");
    pb_value_unref(two);
    pb_session_free(p.client);
    pb_session_free(p.server);
    service_end(&server);
}

/* References outlive their session, as dead ones. */
PB_TEST(reference, outlives_its_session)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_value *same = ask(&p, p.client, "same", NULL);
    pb_session_free(p.client);
    p.client = NULL;
    pb_remote *r = pb_as_remote(pb_item(same, 0));
    cr_assert_null(pb_remote_session(r));
    cr_assert_eq(pb_remote_call(r, "three", noted, &p, NULL, ""), PB_ERR_DEAD);
    cr_assert(pb_value_equal(pb_item(same, 0), pb_item(same, 1)));
    cr_assert(pb_value_equal(pb_item(same, 0), pb_item(same, 0)));
    pb_value_unref(same);
    cr_assert_eq(exported(p.server), 1);
    pb_session_lost(p.server, NULL);
    cr_assert_eq(exported(p.server), 0);
    pair_close_both(&p);
    service_end(&server);
}

/* A decref for which there is no memory is written later, not lost. */
PB_TEST(reference, is_given_back_when_there_is_memory_again)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_value *two = ask(&p, p.client, "getTwo", NULL);
    pb__test_fail_at(1, true);
    pb_value_unref(two);
    cr_assert(pb__test_failed());
    cr_assert_eq(pb_session_send(p.client).len, 0);
    cr_assert(pb_session_want_send(p.client));
    cr_assert_eq(held(p.client), 1);
    pb__test_fail_at(0, false);
    talk(&p);
    cr_assert_eq(held(p.client), 0);
    close_services(&p, &server, NULL);
}

PB_TEST(reference, can_be_told_apart)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_value *list = ask(&p, p.client, "new", pb_build(NULL, "(i)", 2));
    pb_value *more = ask(&p, p.client, "getTwo", NULL);
    pb_value *local = pb_object_value(server.two);
    uint64_t a, b;
    cr_assert_not(pb_value_equal(pb_item(list, 0), pb_item(list, 1)));
    cr_assert_not(pb_value_equal(pb_item(list, 0), local));
    pb_remote *first = pb_as_remote(pb_item(list, 0));
    cr_assert_not(pb_remote_equal(first, pb_as_remote(pb_item(list, 1))));
    cr_assert(pb_remote_equal(first, first));
    cr_assert_not(pb_remote_equal(first, NULL));
    pb_value *again = ask(&p, p.client, "getTwo", NULL);
    cr_assert(pb_remote_equal(pb_as_remote(more), pb_as_remote(again)));
    pb_value_unref(again);
    cr_assert_eq(pb__hash(pb_item(list, 0), &a), 0);
    cr_assert_eq(pb__hash(pb_item(list, 1), &b), 0);
    cr_assert_neq(a, b);
    cr_assert(pb_value_equal(local, local));
    cr_assert_eq(pb__hash(local, &a), 0);
    cr_assert_null(pb_as_remote(local));
    cr_assert_null(pb_as_remote(NULL));
    cr_assert_null(pb_as_object(more));
    cr_assert_null(pb_as_object(NULL));
    cr_assert_eq(pb_object_self(pb_as_object(local)), &server);
    cr_assert_eq(pb_object_class(pb_as_object(local)), &two_class);
    char *text = pb_value_repr(local);
    cr_assert_str_eq(text, "<Referenceable Two>");
    pb_free(text);
    pb_value_unref(local);
    pb_value_unref(list);
    pb_value_unref(more);
    talk(&p);
    close_services(&p, &server, NULL);
}
