/* SPDX-License-Identifier: MIT
 *
 * The end of a connection: which callbacks run, and in which order; and its beginning,
 * with a root object per connection. */
#include <inttypes.h>

#include "libpb/broker/exports.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"

struct told {
    struct pair *p;
    const char *what;
};

static void told_session(pb_session *s, void *user_data)
{
    struct told *t = user_data;
    cr_assert(pb_session_is_closed(s));
    cr_assert_eq(pb_session_notify_on_disconnect(s, told_session, t), PB_ERR_STATE);
    note(t->p, "told %s", t->what);
}

static void told_remote(pb_remote *r, void *user_data)
{
    struct told *t = user_data;
    cr_assert_null(pb_remote_session(r));
    cr_assert_eq(pb_remote_call(r, "x", NULL, NULL, NULL, ""), PB_ERR_DEAD);
    cr_assert_eq(pb_remote_notify_on_disconnect(r, told_remote, t), PB_ERR_DEAD);
    note(t->p, "told %s of %" PRId64, t->what, pb_remote_luid(r));
}

static void keep_result(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)failure;
    *(pb_value **)user_data = pb_value_ref(result);
}

/* The list of two references to one object, *new*. */
static pb_value *ask_same(struct pair *p)
{
    pb_value *same = NULL;
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "same", keep_result, &same, NULL, "");
    pb_remote_unref(root);
    talk(p);
    cr_assert_not_null(same);
    return same;
}

static void in_order(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_value *same = ask_same(p);
    pb_remote *a = pb_as_remote(pb_item(same, 0)), *b = pb_as_remote(pb_item(same, 1));
    struct told t[] = {{p, "0"}, {p, "1"}, {p, "2"}, {p, "3"}, {p, "4"}, {p, "5"}};
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    pb_session_notify_on_disconnect(p->client, told_session, &t[0]);
    pb_remote_notify_on_disconnect(a, told_remote, &t[1]);
    pb_remote_notify_on_disconnect(b, told_remote, &t[2]);
    pb_session_notify_on_disconnect(p->client, told_session, &t[3]);
    pb_remote_notify_on_disconnect(a, told_remote, &t[4]);
    pb_session_notify_on_disconnect(p->client, told_session, &t[0]);
    /* Each call removes one, the first. Removing one that was not registered does
     * nothing. */
    pb_remote_notify_on_disconnect(b, told_remote, &t[5]);
    pb_remote_dont_notify_on_disconnect(b, told_remote, &t[5]);
    pb_remote_dont_notify_on_disconnect(b, told_remote, &t[4]);
    pb_session_dont_notify_on_disconnect(p->client, told_session, &t[0]);
    pb_session_dont_notify_on_disconnect(p->client, told_session, &t[5]);
    talk(p);
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->server, NULL);
    pb_session_dont_notify_on_disconnect(p->client, told_session, &t[0]);
    pb_remote_dont_notify_on_disconnect(a, told_remote, &t[1]);
    pb_value_unref(same);
    pair_close_both(p);
    service_end(&server);
}

PB_TEST(disconnect, tells_in_twisteds_order)
{
    converse(in_order,
             "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the "
             "connection\n"
             "told 1 of 1\ntold 4 of 1\ntold 2 of 1\ntold 3\ntold 0\n"
             "client closed -10 : the peer closed the connection\n"
             "server closed -10 : the peer closed the connection\n");
}

/* Cancels pending callbacks, from a call that fails and from a callback. */
struct giver {
    struct pair *p;
    pb_remote *remote;
    struct told told[3];
};

static void give_up_remote(pb_value *result, pb_failure *failure, void *user_data)
{
    struct giver *g = user_data;
    (void)result;
    note(g->p, "failed %d", pb_failure_code(failure));
    pb_remote_dont_notify_on_disconnect(g->remote, told_remote, &g->told[0]);
}

static void give_up_session(pb_session *s, void *user_data)
{
    struct giver *g = user_data;
    note(g->p, "first");
    pb_session_dont_notify_on_disconnect(s, told_session, &g->told[1]);
    pb_session_free(s);
}

static void given_up(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_value *same = ask_same(p);
    struct giver g = {.p = p,
                      .remote = pb_remote_ref(pb_as_remote(pb_item(same, 0))),
                      .told = {{p, "0"}, {p, "1"}, {p, "2"}}};
    pb_value_unref(same);
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "later", give_up_remote, &g, NULL, "");
    pb_remote_unref(root);
    pb_session_notify_on_disconnect(p->client, give_up_session, &g);
    pb_remote_notify_on_disconnect(g.remote, told_remote, &g.told[0]);
    pb_session_notify_on_disconnect(p->client, told_session, &g.told[1]);
    pb_session_notify_on_disconnect(p->client, told_session, &g.told[2]);
    talk(p);
    pb_session_close(p->client);
    p->client = NULL;
    pb_remote_unref(g.remote);
    pb_session_free(p->server);
    p->server = NULL;
    service_end(&server);
}

PB_TEST(disconnect, tells_nobody_who_gave_up)
{
    converse(given_up, "failed -10\nfirst\ntold 2\nclient closed\nserver closed\n");
}

/* A reference with a callback is held, and released when the callback is cancelled. */
static void held(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_value *same = ask_same(p);
    struct told t = {p, "0"};
    pb_remote *r = pb_as_remote(pb_item(same, 0));
    pb_remote_notify_on_disconnect(r, told_remote, &t);
    pb_value_unref(same);
    talk(p);
    cr_assert_eq(p->client->held, 1);
    pb_remote_dont_notify_on_disconnect(r, told_remote, &t);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(disconnect, holds_the_reference_that_tells)
{
    converse(held, "");
}

PB_TEST(disconnect, each_allocation_may_fail)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_value *same = ask_same(&p);
    pb_remote *r = pb_as_remote(pb_item(same, 0));
    struct told t = {&p, "0"};
    pb__test_fail_at(1, true);
    cr_assert_eq(pb_session_notify_on_disconnect(p.client, told_session, &t),
                 PB_ERR_NOMEM);
    cr_assert_eq(pb_remote_notify_on_disconnect(r, told_remote, &t), PB_ERR_NOMEM);
    pb__test_fail_at(0, false);
    pb_value_unref(same);
    talk(&p);
    close_services(&p, &server, NULL);
}

/* ---- A root per connection ---- */

enum { GIVES, PUBLISHES, CLOSES, FREES, NONE };

struct roots {
    struct pair *p;
    int does;
    int count;
    struct service service;
};

static pb_object *make_root(pb_session *s, void *user_data)
{
    struct roots *r = user_data;
    cr_assert_eq(pb_session_user_data(s), r);
    r->count++;
    if (r->does == CLOSES) {
        pb_session_close(s);
    } else if (r->does == FREES) {
        pb_session_free(s);
    } else if (r->does == PUBLISHES) {
        pb_session_set_name_for_local(s, "root", r->service.two);
        return NULL;
    }
    return r->does == NONE ? NULL : pb_object_new(&two_class, &r->service);
}

static void root_closed(pb_session *s, const pb_error *why, void *user_data)
{
    struct roots *r = user_data;
    (void)s;
    note(r->p, "closed %d", why->code);
}

static pb_session *session_with_root(struct pair *p, struct roots *r, int does)
{
    *r = (struct roots){.p = p, .does = does};
    service_begin(&r->service, NULL);
    pb_session_config c = {.root = r->service.root,
                           .root_object = make_root,
                           .on_close = root_closed,
                           .user_data = r};
    pb_session *s = pb_session_server_new(&c, 0);
    cr_assert_eq(r->count, 1);
    return s;
}

PB_TEST(disconnect, each_connection_has_a_root_of_its_own)
{
    struct pair p = {0};
    struct roots r;
    pb_session *s = session_with_root(&p, &r, GIVES);
    pb_object *root = pb__published_find(s, BYTES("root"));
    cr_assert_eq(pb_object_class(root), &two_class);
    cr_assert_neq(root, r.service.two);
    pb_session_free(s);
    cr_assert_eq(r.service.destroyed, 1);
    service_end(&r.service);

    s = session_with_root(&p, &r, PUBLISHES);
    cr_assert_eq(pb__published_find(s, BYTES("root")), r.service.two);
    pb_session_free(s);
    service_end(&r.service);

    s = session_with_root(&p, &r, NONE);
    cr_assert_eq(pb__published_find(s, BYTES("root")), r.service.root);
    pb_session_free(s);
    service_end(&r.service);

    s = session_with_root(&p, &r, CLOSES);
    cr_assert(pb_session_is_closed(s));
    pb_session_free(s);
    cr_assert_eq(r.service.destroyed, 1);
    service_end(&r.service);

    cr_assert_null(session_with_root(&p, &r, FREES));
    service_end(&r.service);
    cr_assert_str_eq(p.log, "closed 0\nclosed 0\nclosed 0\nclosed 0\nclosed 0\n");
}
