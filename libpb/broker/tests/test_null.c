/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in objects, requests, references, calls and failures: see
 * tests/null.h. */
#include "libpb/broker/tests/pair.h"
#include "tests/null.h"

static pb_error err;

static const pb_class plain_class = {.name = "Plain"};

/* ---- Objects ---- */

PB_TEST(null, pb_object_new)
{
    static const pb_class nameless = {0};
    GIVES(pb_object_new(NULL, NULL), NULL);
    pb_object *o = pb_object_new(&nameless, NULL);
    char *text = pb_value_repr(pb_object_value_steal(o));
    GIVES_TEXT(text, "<Referenceable object>");
    pb_free(text);
    pb_object_unref(o);
}

PB_TEST(null, pb_object_ref)
{
    GIVES(pb_object_ref(NULL), NULL);
}

PB_TEST(null, pb_object_unref)
{
    pb_object_unref(NULL);
}

PB_TEST(null, pb_object_self)
{
    GIVES(pb_object_self(NULL), NULL);
}

PB_TEST(null, pb_object_class)
{
    GIVES(pb_object_class(NULL), NULL);
}

PB_TEST(null, pb_object_value)
{
    GIVES(pb_object_value(NULL), NULL);
}

PB_TEST(null, pb_object_value_steal)
{
    GIVES(pb_object_value_steal(NULL), NULL);
}

PB_TEST(null, pb_as_object)
{
    GIVES(pb_as_object(NULL), NULL);
}

/* ---- Requests ---- */

PB_TEST(null, pb_request_method)
{
    GIVES_TEXT(pb_request_method(NULL), "");
}

PB_TEST(null, pb_request_args)
{
    GIVES(pb_request_args(NULL), NULL);
}

PB_TEST(null, pb_request_kwargs)
{
    GIVES(pb_request_kwargs(NULL), NULL);
}

PB_TEST(null, pb_request_session)
{
    GIVES(pb_request_session(NULL), NULL);
}

PB_TEST(null, pb_request_object)
{
    GIVES(pb_request_object(NULL), NULL);
}

PB_TEST(null, pb_request_role)
{
    GIVES(pb_request_role(NULL), PB_ROLE_REMOTE);
}

PB_TEST(null, pb_request_perspective)
{
    GIVES(pb_request_perspective(NULL), NULL);
}

PB_TEST(null, pb_request_wants_answer)
{
    GIVES(pb_request_wants_answer(NULL), false);
}

PB_TEST(null, pb_request_ref)
{
    GIVES(pb_request_ref(NULL), NULL);
}

PB_TEST(null, pb_request_unref)
{
    pb_request_unref(NULL);
}

struct probe {
    struct pair p;
    int (*body)(pb_request *r);
};

static int run_body(void *self, pb_request *r)
{
    return ((struct probe *)self)->body(r);
}

/* Calls echo(7), and lets the body serve it; expected is what the caller notes. */
static void served(int (*body)(pb_request *r), const char *expected)
{
    static const pb_class probe_class = {.name = "Probe", .fallback = run_body};
    struct probe *own = calloc(1, sizeof *own);
    own->body = body;
    pb_object *root = pb_object_new(&probe_class, own);
    cr_assert(
        pair_open(&own->p, (pb_session_config){0}, (pb_session_config){.root = root}));
    talk(&own->p);
    own->p.log_len = 0;
    cr_assert_eq(
        call_root(&own->p, own->p.client, "echo", pb_build(NULL, "(i)", 7), NULL), 0);
    talk(&own->p);
    cr_assert_str_eq(own->p.log, expected);
    pair_close_both(&own->p);
    pb_object_unref(root);
    free(own);
}

static int answer_nothing(pb_request *r)
{
    GIVES(pb_request_answer_steal(r, NULL), PB_ERR_ARG);
    GIVES(pb_request_answer_steal(r, pb_list()), PB_ERR_STATE);
    return 0;
}

PB_TEST(null, pb_request_answer_steal)
{
    GIVES(pb_request_answer_steal(NULL, pb_list()), PB_ERR_ARG);
    GIVES(pb_request_answer_steal(NULL, NULL), PB_ERR_ARG);
    served(answer_nothing,
           "failure 0 builtins.ValueError: the answer could not be made\n");
}

static int fail_without_type(pb_request *r)
{
    GIVES(pb_request_fail(r, NULL, "%s", "text"), PB_ERR_ARG);
    GIVES(pb_request_fail(r, "builtins.ValueError", "%s", "again"), PB_ERR_STATE);
    return 0;
}

static int fail_without_format(pb_request *r)
{
    GIVES(pb_request_fail(r, "builtins.ValueError", NULL), PB_ERR_ARG);
    return 0;
}

PB_TEST(null, pb_request_fail)
{
    GIVES(pb_request_fail(NULL, "builtins.ValueError", "%s", "text"), PB_ERR_ARG);
    GIVES(pb_request_fail(NULL, NULL, NULL), PB_ERR_ARG);
    served(fail_without_type,
           "failure 0 builtins.ValueError: the answer could not be made\n");
    served(fail_without_format,
           "failure 0 builtins.ValueError: the answer could not be made\n");
}

static int fail_with_nothing(pb_request *r)
{
    GIVES(pb_request_fail_with(r, NULL), PB_ERR_ARG);
    return 0;
}

PB_TEST(null, pb_request_fail_with)
{
    pb_failure *f = pb_failure_new("builtins.ValueError", NULL, NULL);
    GIVES(pb_request_fail_with(NULL, f), PB_ERR_ARG);
    GIVES(pb_request_fail_with(NULL, NULL), PB_ERR_ARG);
    served(fail_with_nothing,
           "failure 0 builtins.ValueError: the answer could not be made\n");
    pb_failure_unref(f);
}

static int fail_by_no_value(pb_request *r)
{
    GIVES(pb_request_fail_value_steal(r, NULL), PB_ERR_ARG);
    return 0;
}

PB_TEST(null, pb_request_fail_value_steal)
{
    GIVES(pb_request_fail_value_steal(NULL, pb_list()), PB_ERR_ARG);
    GIVES(pb_request_fail_value_steal(NULL, NULL), PB_ERR_ARG);
    served(fail_by_no_value,
           "failure 0 builtins.ValueError: the answer could not be made\n");
}

static int unpack_by_no_format(pb_request *r)
{
    GIVES(pb_request_unpack(r, NULL), PB_ERR_ARG);
    return PB_ERR_ARG;
}

static int unpack_too_much(pb_request *r)
{
    int one = 7, two = 7, kept = 7;
    GIVES(pb_request_unpack(r, "ii|i", &one, &two, &kept), PB_ERR_TYPE);
    GIVES(one == 0 && two == 0 && kept == 7, true);
    return PB_ERR_TYPE;
}

static int unpack_nowhere(pb_request *r)
{
    GIVES(pb_request_unpack(r, "i", NULL), PB_ERR_ARG);
    return PB_ERR_ARG;
}

PB_TEST(null, pb_request_unpack)
{
    int i = 7;
    GIVES(pb_request_unpack(NULL, "i", &i), PB_ERR_ARG);
    GIVES(i, 0);
    GIVES(pb_request_unpack(NULL, NULL), PB_ERR_ARG);
    served(unpack_by_no_format,
           "failure 0 builtins.ValueError: the format of the arguments is NULL\n");
    served(unpack_too_much, "failure 0 builtins.TypeError: Probe.remote_echo() missing 1 "
                            "required positional argument\n");
    served(unpack_nowhere, "failure 0 builtins.ValueError: Probe.remote_echo() argument "
                           "1: a pointer for a result is NULL\n");
}

static const char *const names[] = {"i", NULL};

static int unpack_names_by_no_format(pb_request *r)
{
    GIVES(pb_request_unpack_keywords(r, NULL, names), PB_ERR_ARG);
    return PB_ERR_ARG;
}

static int unpack_no_names(pb_request *r)
{
    int i = 0;
    GIVES(pb_request_unpack_keywords(r, "i", NULL, &i), 0);
    GIVES(i, 7);
    return 0;
}

static int unpack_too_few_names(pb_request *r)
{
    int one = 7, two = 7;
    GIVES(pb_request_unpack_keywords(r, "ii", names, &one, &two), PB_ERR_ARG);
    GIVES(one || two, false);
    return PB_ERR_ARG;
}

PB_TEST(null, pb_request_unpack_keywords)
{
    int i = 7;
    GIVES(pb_request_unpack_keywords(NULL, "i", names, &i), PB_ERR_ARG);
    GIVES(i, 0);
    GIVES(pb_request_unpack_keywords(NULL, NULL, NULL), PB_ERR_ARG);
    served(unpack_names_by_no_format,
           "failure 0 builtins.ValueError: the format of the arguments is NULL\n");
    served(unpack_no_names, "answer None\n");
    served(unpack_too_few_names,
           "failure 0 builtins.ValueError: 1 names for the 2 arguments of a format\n");
}

/* ---- References ---- */

/* A pair that is ready, and the client's reference to the server's root. */
struct ends {
    struct pair p;
    pb_remote *root;
};

static struct ends *ends_new(const pb_class *cls)
{
    struct ends *e = calloc(1, sizeof *e);
    pb_object *root = pb_object_new(cls, e);
    cr_assert(
        pair_open(&e->p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    talk(&e->p);
    e->p.log_len = 0;
    e->root = pb_session_root(e->p.client);
    return e;
}

static void ends_free(struct ends *e)
{
    pb_remote_unref(e->root);
    talk(&e->p);
    pair_close_both(&e->p);
    free(e);
}

PB_TEST(null, pb_remote_ref)
{
    GIVES(pb_remote_ref(NULL), NULL);
}

PB_TEST(null, pb_remote_unref)
{
    pb_remote_unref(NULL);
}

PB_TEST(null, pb_as_remote)
{
    GIVES(pb_as_remote(NULL), NULL);
}

PB_TEST(null, pb_remote_value)
{
    GIVES(pb_remote_value(NULL), NULL);
}

PB_TEST(null, pb_remote_luid)
{
    GIVES(pb_remote_luid(NULL), 0);
}

PB_TEST(null, pb_remote_equal)
{
    struct ends *e = ends_new(&plain_class);
    GIVES(pb_remote_equal(NULL, e->root), false);
    GIVES(pb_remote_equal(e->root, NULL), false);
    GIVES(pb_remote_equal(NULL, NULL), false);
    ends_free(e);
}

PB_TEST(null, pb_remote_type)
{
    GIVES(pb_remote_type(NULL), NULL);
}

PB_TEST(null, pb_remote_members)
{
    GIVES(pb_remote_members(NULL), NULL);
}

PB_TEST(null, pb_remote_session)
{
    GIVES(pb_remote_session(NULL), NULL);
}

static void lost(pb_remote *r, void *user_data)
{
    (void)r;
    (void)user_data;
}

PB_TEST(null, pb_remote_notify_on_disconnect)
{
    struct ends *e = ends_new(&plain_class);
    GIVES(pb_remote_notify_on_disconnect(NULL, lost, NULL), PB_ERR_ARG);
    GIVES(pb_remote_notify_on_disconnect(e->root, NULL, e), PB_ERR_ARG);
    GIVES(pb_remote_notify_on_disconnect(NULL, NULL, NULL), PB_ERR_ARG);
    ends_free(e);
}

PB_TEST(null, pb_remote_dont_notify_on_disconnect)
{
    struct ends *e = ends_new(&plain_class);
    pb_remote_dont_notify_on_disconnect(NULL, lost, NULL);
    pb_remote_dont_notify_on_disconnect(e->root, NULL, NULL);
    pb_remote_dont_notify_on_disconnect(NULL, NULL, NULL);
    ends_free(e);
}

PB_TEST(null, pb_session_remote_for_name)
{
    struct ends *e = ends_new(&plain_class);
    GIVES(pb_session_remote_for_name(NULL, "name"), NULL);
    GIVES(pb_session_remote_for_name(e->p.client, NULL), NULL);
    GIVES(pb_session_remote_for_name(NULL, NULL), NULL);
    ends_free(e);
}

PB_TEST(null, pb_session_root)
{
    GIVES(pb_session_root(NULL), NULL);
}

/* ---- Calling ---- */

static int do_count(void *self, pb_request *r)
{
    pb_value *args = pb_request_args(r), *kwargs = pb_request_kwargs(r);
    (void)self;
    return pb_request_answer_steal(r, pb_int((int64_t)(pb_len(args) + pb_len(kwargs))));
}

static const pb_class counting_class = {
    .name = "Counting",
    .remote = (const pb_method[]){{"count", do_count}, {"no", NULL}, {0}}};

PB_TEST(null, pb_remote_call_values)
{
    struct ends *e = ends_new(&counting_class);
    pb_value *args = pb_build(NULL, "(i)", 1), *kwargs = pb_build(NULL, "{s:i}", "a", 1);
    const pb_call_options options = {.timeout = INT64_MAX};
    pb_call *call = (pb_call *)e;
    GIVES(pb_remote_call_values(NULL, "count", args, kwargs, &options, noted, &e->p,
                                &call, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the reference to call");
    GIVES(call, NULL);
    GIVES(pb_remote_call_values(e->root, NULL, args, kwargs, &options, noted, &e->p,
                                &call, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_remote_call_values(e->root, "count", NULL, kwargs, &options, noted, &e->p,
                                &call, &err),
          0);
    GIVES(pb_remote_call_values(e->root, "count", args, NULL, &options, noted, &e->p,
                                &call, &err),
          0);
    GIVES(pb_remote_call_values(e->root, "count", args, kwargs, NULL, noted, &e->p, &call,
                                &err),
          0);
    GIVES(pb_remote_call_values(e->root, "count", args, kwargs, &options, NULL, &e->p,
                                &call, &err),
          0);
    GIVES(pb_remote_call_values(e->root, "count", args, kwargs, &options, noted, &e->p,
                                NULL, &err),
          0);
    GIVES(pb_remote_call_values(e->root, "no", args, kwargs, &options, noted, &e->p,
                                &call, NULL),
          0);
    GIVES(pb_remote_call_values(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          PB_ERR_ARG);
    talk(&e->p);
    cr_assert_str_eq(e->p.log, "answer 1\nanswer 1\nanswer 2\nanswer 2\nfailure 0 "
                               "twisted.spread.flavors.NoSuchMethod: No such method: "
                               "remote_no\n");
    pb_value_unref(args);
    pb_value_unref(kwargs);
    ends_free(e);
}

PB_TEST(null, pb_remote_call)
{
    struct ends *e = ends_new(&counting_class);
    GIVES(pb_remote_call(NULL, "count", noted, &e->p, &err, "N", pb_list()), PB_ERR_ARG);
    TOLD_NULL(&err, "the reference to call");
    GIVES(pb_remote_call(e->root, NULL, noted, &e->p, &err, "N", pb_list()), PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_remote_call(e->root, "count", NULL, &e->p, &err, "N", pb_list()), 0);
    GIVES(pb_remote_call(e->root, "count", noted, &e->p, NULL, "N", pb_list()), 0);
    GIVES(pb_remote_call(e->root, "count", noted, &e->p, &err, NULL), PB_ERR_ARG);
    TOLD_NULL(&err, "the format");
    GIVES(pb_remote_call(e->root, "count", noted, &e->p, &err, "NN", NULL, pb_list()),
          PB_ERR_ARG);
    TOLD(&err, PB_ERR_ARG, "a value is NULL");
    GIVES(pb_remote_call(NULL, NULL, NULL, NULL, NULL, NULL), PB_ERR_ARG);
    talk(&e->p);
    cr_assert_str_eq(e->p.log, "answer 1\n");
    ends_free(e);
}

/* An error that is filled stays; the returned code is that of the call. */
PB_TEST(null_also, a_filled_error_stays)
{
    pb_error first = {.code = PB_ERR_LOST, .text = "first"};
    GIVES(pb_remote_call(NULL, "count", NULL, NULL, &first, "i", 1), PB_ERR_ARG);
    GIVES(pb_remote_call(NULL, "count", NULL, NULL, &first, "?"), PB_ERR_ARG);
    TOLD(&first, PB_ERR_LOST, "first");
}

PB_TEST(null, pb_call_cancel)
{
    pb_call_cancel(NULL);
}

/* ---- Failures ---- */

PB_TEST(null, pb_failure_ref)
{
    GIVES(pb_failure_ref(NULL), NULL);
}

PB_TEST(null, pb_failure_unref)
{
    pb_failure_unref(NULL);
}

PB_TEST(null, pb_failure_code)
{
    GIVES(pb_failure_code(NULL), PB_OK);
}

PB_TEST(null, pb_failure_type)
{
    GIVES_TEXT(pb_failure_type(NULL), "");
}

PB_TEST(null, pb_failure_text_span)
{
    pb_span text = pb_failure_text_span(NULL);
    cr_assert_eq(text.len, 0);
    cr_assert_not_null(text.data);
}

PB_TEST(null, pb_failure_newn)
{
    GIVES(pb_failure_newn(NULL, pb_span_of("text"), "here"), NULL);
    GIVES(pb_failure_newn("a.B", no_bytes, "here"), NULL);
    pb_failure *f = pb_failure_newn("a.B", pb_span_of("text"), NULL);
    cr_assert_str_eq(pb_failure_traceback(f), "");
    pb_failure_unref(f);
    GIVES(pb_failure_newn(NULL, no_bytes, NULL), NULL);
}

PB_TEST(null, pb_failure_text)
{
    GIVES_TEXT(pb_failure_text(NULL), "");
}

PB_TEST(null, pb_failure_traceback)
{
    GIVES_TEXT(pb_failure_traceback(NULL), "");
}

PB_TEST(null, pb_failure_check)
{
    pb_failure *f = pb_failure_new("builtins.ValueError", "text", NULL);
    GIVES(pb_failure_check(NULL, "builtins.ValueError"), false);
    GIVES(pb_failure_check(f, NULL), false);
    GIVES(pb_failure_check(NULL, NULL), false);
    pb_failure_unref(f);
}

PB_TEST(null, pb_failure_value)
{
    GIVES(pb_failure_value(NULL), NULL);
}

PB_TEST(null, pb_failure_parents)
{
    GIVES(pb_failure_parents(NULL), NULL);
}

PB_TEST(null, pb_failure_new)
{
    GIVES(pb_failure_new(NULL, "text", "traceback"), NULL);
    pb_failure *f = pb_failure_new("builtins.ValueError", NULL, "traceback");
    GIVES_TEXT(pb_failure_text(f), "");
    pb_failure_unref(f);
    f = pb_failure_new("builtins.ValueError", "text", NULL);
    GIVES_TEXT(pb_failure_traceback(f), "");
    pb_failure_unref(f);
    GIVES(pb_failure_new(NULL, NULL, NULL), NULL);
}
