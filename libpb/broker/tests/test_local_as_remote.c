/* SPDX-License-Identifier: MIT
 *
 * Local objects behind the interface of remote ones. */
#include "libpb/broker/tests/pair.h"
#include "pb/flavors.h"
#include "pb/local.h"

struct thing {
    struct pair *p;
    pb_request *kept;
};

static int do_echo(void *self, pb_request *r)
{
    static const char *const names[] = {"x", NULL};
    pb_value *x;
    (void)self;
    cr_assert_null(pb_request_session(r));
    cr_assert_not_null(pb_request_object(r));
    int e = pb_request_unpack_keywords(r, "O", names, &x);
    return e ? e : pb_request_answer_steal(r, pb_value_ref(x));
}

static int do_fail(void *self, pb_request *r)
{
    (void)self;
    int e = pb_request_fail(r, "shop.SoldOut twisted.spread.pb.Error", "no %s", "more");
    cr_assert_eq(pb_request_answer_steal(r, pb_none()), PB_ERR_STATE);
    return e;
}

static int do_raise(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail_value_steal(r, pb_instance_steal("shop.Closed", pb_dict()));
}

static int do_later(void *self, pb_request *r)
{
    ((struct thing *)self)->kept = pb_request_ref(r);
    return 0;
}

static int do_code(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    return PB_ERR_RANGE;
}

static int do_none(void *self, pb_request *r)
{
    (void)self;
    cr_assert_not(pb_request_wants_answer(r));
    return 0;
}

static void never(pb_remote *r, void *user_data)
{
    (void)r;
    (void)user_data;
    cr_assert(false, "what is no remote has no connection");
}

static void gone(void *self)
{
    note(((struct thing *)self)->p, "gone");
}

static const pb_method methods[] = {{"echo", do_echo},
                                    {"fail", do_fail},
                                    {"raise", do_raise},
                                    {"later", do_later},
                                    {"code", do_code},
                                    {"none", do_none},
                                    {0}};
static const pb_class thing_class = {.name = "Thing", .remote = methods, .destroy = gone};

static void call(struct pair *p, pb_remote *to, const char *method, const char *args)
{
    pb_value *v = args ? pb_value_parse(args, NULL) : NULL;
    pb_call *c = (pb_call *)p;
    cr_assert_eq(pb_remote_call_values(to, method, v, NULL, NULL, noted, p, &c, NULL), 0);
    cr_assert_null(c);
    pb_value_unref(v);
}

PB_TEST(local, stands_for_a_remote)
{
    struct pair *p = calloc(1, sizeof *p);
    struct thing t = {.p = p};
    pb_object *o = pb_object_new(&thing_class, &t);
    pb_remote *r = pb_local_as_remote(o);
    pb_object_unref(o);
    call(p, r, "echo", "([1],)");
    pb_value *kwargs = pb_value_parse("{'x': 2}", NULL);
    pb_remote_call_values(r, "echo", NULL, kwargs, NULL, noted, p, NULL, NULL);
    pb_value_unref(kwargs);
    call(p, r, "echo", NULL);
    call(p, r, "fail", NULL);
    call(p, r, "raise", NULL);
    call(p, r, "code", NULL);
    call(p, r, "nothing", NULL);
    pb_remote_call_values(r, "none", NULL, NULL, &(pb_call_options){.no_answer = true},
                          NULL, NULL, NULL, NULL);
    call(p, r, "later", "(7,)");
    note(p, "now");
    pb_request_answer_steal(t.kept, pb_int(7));
    pb_request_unref(t.kept);
    call(p, r, "later", NULL);
    pb_request_unref(t.kept);
    call(p, r, "later", NULL);
    pb_remote_unref(r);
    note(p, "held");
    pb_request_fail_with(t.kept, NULL);
    pb_request_unref(t.kept);
    cr_assert_str_eq(
        p->log,
        "answer [1]\nanswer 2\n"
        "failure 0 builtins.TypeError: "
        "Thing.remote_echo() missing 1 required positional argument: 'x'\n"
        "failure 0 shop.SoldOut: no more\n"
        "failure 0 shop.Closed: <shop.Closed {}>\n"
        "failure 0 builtins.OverflowError: number out of range\n"
        "failure 0 twisted.spread.flavors.NoSuchMethod: No such method: remote_nothing\n"
        "now\nanswer 7\n"
        "failure 0 builtins.RuntimeError: the call was never answered\n"
        "held\n"
        "failure 0 builtins.ValueError: the answer could not be made\ngone\n");
    free(p);
}

PB_TEST(local, stands_for_a_view)
{
    struct pair *p = calloc(1, sizeof *p);
    struct thing t = {.p = p};
    pb_object *o = pb_object_new(&thing_class, &t);
    pb_object *view = pb_viewpoint_new(o, o);
    pb_remote *r = pb_local_as_remote(view);
    call(p, r, "echo", "(1,)");
    pb_remote_unref(r);
    pb_object_unref(view);
    pb_object_unref(o);
    cr_assert_str_eq(p->log, "failure 0 builtins.AttributeError: "
                             "'Thing' object has no attribute 'view_echo'\ngone\n");
    free(p);
}

PB_TEST(local, forwards_an_interface)
{
    static const char *const interface[] = {"echo", NULL};
    struct pair *p = calloc(1, sizeof *p);
    struct thing t = {.p = p};
    pb_object *o = pb_object_new(&thing_class, &t);
    for (int strict = 0; strict < 2; strict++) {
        pb_remote *r = pb_local_async_forwarder(o, interface, strict);
        call(p, r, "echo", "(1,)");
        call(p, r, "fail", NULL);
        pb_remote_unref(r);
    }
    pb_object_unref(o);
    cr_assert_str_eq(p->log, "answer 1\nanswer None\nanswer 1\n"
                             "failure 0 builtins.NotImplementedError: "
                             "No Such Method in Interface: fail\ngone\n");
    free(p);
}

PB_TEST(local, is_no_remote)
{
    struct pair *p = calloc(1, sizeof *p);
    struct thing t = {.p = p};
    pb_object *o = pb_object_new(&thing_class, &t);
    pb_remote *r = pb_local_as_remote(o), *again = pb_local_as_remote(o);
    pb_value *v = pb_remote_value(r), *w = pb_remote_value(again);
    cr_assert(pb_value_equal(v, v));
    cr_assert_not(pb_value_equal(v, w));
    note_value(p, "repr", v);
    cr_assert_null(pb_remote_session(r));
    cr_assert_eq(pb_remote_notify_on_disconnect(r, never, NULL), PB_ERR_DEAD);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){0}));
    talk(p);
    pb_error err = {0};
    pb_remote *root = pb_session_root(p->client);
    cr_assert_eq(pb_remote_call(root, "x", noted, p, &err, "O", v), PB_ERR_TYPE);
    note(p, "%s", err.text);
    pb_remote_unref(root);
    pair_close_both(p);
    pb_value_unref(v);
    pb_value_unref(w);
    pb_remote_unref(r);
    pb_remote_unref(again);
    pb_object_unref(o);
    cr_assert_str_eq(p->log, "repr <LocalAsRemote>\nclient ready\nserver ready\n"
                             "Can't send references to brokers other than their own.\n"
                             "client closed\nserver closed\ngone\n");
    free(p);
}

static void counted(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_neq(!result, !failure);
    ++*(int *)user_data;
}

static int whole_call(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct thing t = {.p = p};
    pb_object *o = pb_object_new(&thing_class, &t);
    pb_remote *r = o ? pb_local_as_remote(o) : NULL;
    int ends = 0;
    int failed =
        !r ? PB_ERR_NOMEM : pb_remote_call(r, "echo", counted, &ends, NULL, "i", 1);
    cr_assert_eq(ends, failed ? 0 : 1);
    int second = !r ? PB_ERR_NOMEM : pb_remote_call(r, "raise", counted, &ends, NULL, "");
    cr_assert_eq(ends, (failed ? 0 : 1) + (second ? 0 : 1));
    pb_remote_unref(r);
    pb_object_unref(o);
    free(p);
    return failed ? failed : second;
}

PB_TEST(local, without_memory)
{
    pb__test_each_failure(whole_call, NULL);
}
