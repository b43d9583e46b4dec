/* SPDX-License-Identifier: MIT
 *
 * Failures that are forwarded, and exceptions that are sent as instances: what Twisted
 * 22.4 sends for a CopiedFailure that ends a Deferred, for an exception that its security
 * allows, and for a CopyableFailure among arguments and in answers. */
#include "libpb/broker/failures.h"
#include "libpb/broker/tests/service.h"

/* A server whose one method does what the test says. */
struct failing {
    int (*fail)(struct failing *f, pb_request *r);
    pb_failure *failure;
    pb_value *value;
    pb_request *kept;
    int result; /* of fail */
    pb_failure *got;
    pb_value *answer;
    struct pair p;
};

static int serve_fallback(void *self, pb_request *r)
{
    struct failing *f = self;
    f->result = f->fail(f, r);
    return 0;
}

static const pb_class failing_class = {.name = "Failing", .fallback = serve_fallback};

static void got(pb_value *result, pb_failure *failure, void *user_data)
{
    struct failing *f = user_data;
    f->answer = pb_value_ref(result);
    f->got = pb_failure_ref(failure);
}

static int keep(struct failing *f, pb_request *r)
{
    f->kept = pb_request_ref(r);
    return 0;
}

static int fail_with(struct failing *f, pb_request *r)
{
    return pb_request_fail_with(r, f->failure);
}

static int fail_steal(struct failing *f, pb_request *r)
{
    return pb_request_fail_value_steal(r, f->value ? pb_value_ref(f->value) : NULL);
}

static int answer_value(struct failing *f, pb_request *r)
{
    return pb_request_answer_steal(r, pb_value_ref(f->value));
}

/* Calls it, and fails the stored request with f->failure. */
static void ask(struct failing *f, const pb_session_config *config,
                int (*fail)(struct failing *f, pb_request *r))
{
    f->fail = fail;
    pb_object *root = pb_object_new(&failing_class, f);
    pb_session_config server = *config;
    server.root = root;
    f->p.log_len = 0;
    cr_assert(pair_open(&f->p, *config, server));
    pb_remote *r = pb_session_root(f->p.client);
    talk(&f->p);
    cr_assert_eq(pb_remote_call(r, "x", got, f, NULL, ""), 0);
    talk(&f->p);
    if (f->kept) {
        f->result = pb_request_fail_with(f->kept, f->failure);
        pb_request_unref(f->kept);
        f->kept = NULL;
        talk(&f->p);
    }
    pb_remote_unref(r);
    pb_object_unref(root);
    pair_close_both(&f->p);
}

/* Returns the received failure, printed, and forgets it. */
static char *take_got(struct failing *f)
{
    cr_assert_not_null(f->got);
    char *text = pb_value_repr(pb_failure_value(f->got));
    pb_failure_unref(f->got);
    f->got = NULL;
    return text;
}

#define CAME "twisted.spread.pb.CopyableFailure"

static pb_failure *came(const char *state)
{
    pb_error err = {0};
    pb_value *v = pb_instance_steal(CAME, pb_value_parse(state, &err));
    cr_assert_not_null(v, "%s", err.text);
    pb_failure *f = pb__failure_received(v);
    pb_value_unref(v);
    return f;
}

/* A received failure, and what is sent for it. */
static const struct row {
    pb_profile profile;
    bool in_method, unsafe;
    const char *came, *goes;
} rows[] = {
    {{3, 11, 2204},
     false,
     false,
     "{'count': 3, 'type': b'shop.SoldOut', 'value': 'none', 'captureVars': False, "
     "'frames': [1], 'stack': [2], 'tb': 3, 'parents': ['shop.SoldOut'], "
     "'unsafeTracebacks': True, 'traceback': 'here', 'extra': [1]}",
     "{'count': 3, 'type': b'shop.SoldOut', 'value': 'none', 'captureVars': False, "
     "'frames': [], 'stack': [], 'tb': None, 'parents': ['shop.SoldOut'], "
     "'unsafeTracebacks': False, 'traceback': 'Traceback unavailable\\n', "
     "'extra': [1]}"},
    /* From Python 2. */
    {{3, 11, 2204},
     false,
     false,
     "{b'stack': [], b'frames': [], b'pickled': 1, b'count': 15, b'type': "
     "b'exceptions.KeyError', b'tb': None, b'value': b'bad', b'traceback': b'here', "
     "b'parents': [b'exceptions.KeyError'], b'unsafeTracebacks': True}",
     "{'stack': [], 'frames': [], 'pickled': 1, 'count': 15, 'type': "
     "b'exceptions.KeyError', 'tb': None, 'value': \"b'bad'\", 'traceback': "
     "'Traceback unavailable\\n', 'parents': [b'exceptions.KeyError'], "
     "'unsafeTracebacks': False}"},
    /* An incomplete and unusual one. */
    {{3, 11, 2204},
     false,
     false,
     "{'type': 'shop.SoldOut', 'value': [1, 'x'], 5: 6, b'\\xff': 7}",
     "{'type': b'shop.SoldOut', 'value': \"[1, 'x']\", 5: 6, b'\\xff': 7, "
     "'unsafeTracebacks': False, 'tb': None, 'frames': [], 'stack': [], 'traceback': "
     "'Traceback unavailable\\n'}"},
    /* As Twisted 24.11 sends it on. */
    {{3, 13, 2411},
     false,
     false,
     "{'count': 2, 'type': b'shop.SoldOut', 'value': 'none', 'captureVars': False, "
     "'tb': None, 'unsafeTracebacks': False, 'parents': ['shop.SoldOut'], "
     "'frames': [], 'stack': [], 'traceback': 'here'}",
     "{'count': 2, 'type': b'shop.SoldOut', 'value': 'none', 'captureVars': False, "
     "'tb': None, 'unsafeTracebacks': False, 'traceback': 'Traceback unavailable\\n', "
     "'pickled': 1, '_frames': [], 'parents': ['shop.SoldOut'], 'frames': [], "
     "'stack': []}"},
    {{3, 13, 2411},
     true,
     false,
     "{'type': b'shop.SoldOut', 'pickled': 1, '_frames': [3], 'value': 'none'}",
     "{'type': b'shop.SoldOut', 'pickled': 1, 'value': 'none', 'tb': None, "
     "'_frames': [3], 'unsafeTracebacks': False, 'parents': ['shop.SoldOut', "
     "'builtins.Exception', 'builtins.BaseException', 'builtins.object'], "
     "'frames': [], 'stack': [], 'traceback': 'Traceback unavailable\\n'}"},
    /* In a Deferred that the method returned. */
    {{3, 11, 2204},
     true,
     false,
     "{'count': 3, 'type': b'shop.SoldOut', 'value': 'none', 'frames': [], 'stack': [], "
     "'tb': None, 'unsafeTracebacks': False, 'traceback': 'here'}",
     "{'count': 3, 'type': b'shop.SoldOut', 'value': 'none', 'frames': [], 'stack': [], "
     "'tb': None, 'unsafeTracebacks': False, 'traceback': 'Traceback unavailable\\n', "
     "'pickled': 1}"},
    /* Twisted raises an exception for this one; the received traceback is forwarded. */
    {{3, 11, 2204},
     false,
     true,
     "{'type': b'shop.SoldOut', 'value': 'none', 'frames': [], 'stack': [], 'tb': None, "
     "'unsafeTracebacks': False, 'traceback': 'here'}",
     "{'type': b'shop.SoldOut', 'value': 'none', 'frames': [], 'stack': [], 'tb': None, "
     "'unsafeTracebacks': True, 'traceback': 'here'}"},
    {{2, 7, 2003},
     false,
     false,
     "{'value': 'none', b'type': b'shop.SoldOut', b'frames': [], b'stack': [], b'tb': 0}",
     "{'value': b'none', b'type': b'shop.SoldOut', b'frames': [], b'stack': [], "
     "b'tb': None, b'unsafeTracebacks': False, b'traceback': "
     "b'Traceback unavailable\\n'}"},
    /* Without any state a new one is made. */
    {{3, 11, 2204},
     false,
     false,
     "[]",
     "{'count': 0, 'type': b'builtins.Exception', 'value': '', 'captureVars': False, "
     "'frames': [], 'stack': [], 'tb': None, 'parents': ['builtins.Exception', "
     "'builtins.BaseException', 'builtins.object'], 'unsafeTracebacks': False, "
     "'traceback': 'Traceback unavailable\\n'}"},
};

static void forward(const struct row *row)
{
    static struct failing f;
    f = (struct failing){.failure = came(row->came)};
    pb_session_config c = {.jelly.profile = row->profile,
                           .unsafe_tracebacks = row->unsafe};
    ask(&f, &c, row->in_method ? fail_with : keep);
    cr_assert_eq(f.result, 0);
    cr_assert(pb__is_copied_failure(pb_failure_value(f.got)));
    char *state = pb_value_repr(pb_instance_state(pb_failure_value(f.got)));
    cr_assert_str_eq(state, row->goes);
    pb_free(state);
    pb_failure_unref(f.got);
    pb_failure_unref(f.failure);
}

PB_TEST(forward, goes_on_as_it_came)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forward(&rows[i]);
    }
}

/* A failure of our own is sent with the traceback that it was given. */
PB_TEST(forward, a_new_failure_says_what_it_was_told)
{
    static struct failing f;
    f = (struct failing){.failure =
                             pb_failure_new(" shop.SoldOut twisted.spread.pb.Error",
                                            "none left", "in the shop\n")};
    cr_assert_eq(pb_failure_code(f.failure), PB_OK);
    cr_assert_str_eq(pb_failure_type(f.failure), "shop.SoldOut");
    cr_assert_str_eq(pb_failure_text(f.failure), "none left");
    cr_assert_str_eq(pb_failure_traceback(f.failure), "in the shop\n");
    cr_assert(pb_failure_check(f.failure, "shop.SoldOut"));
    cr_assert(pb_failure_check(f.failure, "twisted.spread.pb.Error"));
    cr_assert_not(pb_failure_check(f.failure, "builtins.ValueError"));
    cr_assert_null(pb_failure_value(f.failure));
    cr_assert_null(pb_failure_parents(f.failure));
    pb_session_config c = {.jelly.profile = {3, 11, 2204}};
    ask(&f, &c, fail_with);
    cr_assert_str_eq(pb_failure_traceback(f.got), "Traceback unavailable\n");
    cr_assert_eq(pb_len(pb_failure_parents(f.got)), 5);
    cr_assert_not_null(
        pb_dict_get(pb_instance_state(pb_failure_value(f.got)), "pickled"));
    pb_failure_unref(f.got);
    c.unsafe_tracebacks = true;
    ask(&f, &c, keep);
    cr_assert_str_eq(pb_failure_traceback(f.got), "in the shop\n");
    cr_assert_null(pb_dict_get(pb_instance_state(pb_failure_value(f.got)), "pickled"));
    pb_failure_unref(f.got);
    pb_failure_unref(f.failure);

    f.failure = pb_failure_new("exceptions.KeyError", "'x'", NULL);
    ask(&f, &c, keep);
    cr_assert_str_eq(pb_failure_type(f.got), "builtins.KeyError");
    cr_assert_str_eq(pb_failure_traceback(f.got), "Traceback (most recent call last):\n"
                                                  "Failure: builtins.KeyError: 'x'\n");
    pb_failure_unref(f.got);
    pb_failure_unref(f.failure);

    f.failure = pb__failure_new(PB_ERR_LOST, "gone");
    ask(&f, &c, keep);
    cr_assert_str_eq(pb_failure_type(f.got), "twisted.spread.pb.PBConnectionLost");
    cr_assert_str_eq(pb_failure_text(f.got), "gone");
    pb_failure_unref(f.got);
    pb_failure_unref(f.failure);
}

/* ---- Exceptions as instances ---- */

static pb_taster *taster_for(const char *class_name)
{
    pb_taster *t = pb_taster_new();
    cr_assert_not_null(t);
    pb_taster_allow_basic_types(t);
    pb_taster_allow_instances_of(t, class_name);
    return t;
}

static int raise_sold_out(struct failing *f, pb_request *r)
{
    (void)f;
    return pb_request_fail(r, "shop.SoldOut twisted.spread.pb.Error", "none left");
}

/* If the taster allows the class, Twisted sends the exception as an instance: without its
 * arguments, as these are no attributes. */
PB_TEST(forward, goes_as_itself_where_its_class_is_allowed)
{
    static struct failing f;
    f = (struct failing){0};
    pb_taster *t = taster_for("shop.SoldOut");
    pb_session_config c = {.jelly = {.taster = t, .profile = {3, 10, 2204}}};
    ask(&f, &c, raise_sold_out);
    cr_assert_str_eq(pb_failure_type(f.got), "shop.SoldOut");
    cr_assert(pb_failure_check(f.got, "shop.SoldOut"));
    cr_assert(pb_failure_check(f.got, "builtins.Exception"));
    cr_assert_not(pb_failure_check(f.got, "shop.Other"));
    char *text = take_got(&f);
    cr_assert_str_eq(text, "<shop.SoldOut {}>");
    pb_free(text);

    f.value = pb_instance_steal("shop.SoldOut", pb_value_parse("{'left': 0}", NULL));
    ask(&f, &c, fail_steal);
    cr_assert_eq(f.result, 0);
    text = take_got(&f);
    cr_assert_str_eq(text, "<shop.SoldOut {'left': 0}>");
    pb_free(text);

    f.failure = pb_failure_from_value(f.value);
    ask(&f, &c, keep);
    text = take_got(&f);
    cr_assert_str_eq(text, "<shop.SoldOut {'left': 0}>");
    pb_free(text);
    pb_failure_unref(f.failure);
    pb_value_unref(f.value);
    pb_taster_unref(t);

    t = taster_for("twisted.spread.pb.PBConnectionLost");
    c.jelly.taster = t;
    f.failure = pb__failure_new(PB_ERR_LOST, "gone");
    ask(&f, &c, keep);
    text = take_got(&f);
    cr_assert_str_eq(text, "<twisted.spread.pb.PBConnectionLost {}>");
    pb_free(text);
    pb_failure_unref(f.failure);
    pb_taster_unref(t);
}

PB_TEST(forward, goes_as_a_failure_where_its_class_is_not)
{
    static struct failing f;
    f = (struct failing){.value = pb_instance_steal("shop.SoldOut", pb_dict())};
    pb_session_config c = {.jelly.profile = {3, 10, 2204}};
    ask(&f, &c, fail_steal);
    cr_assert_eq(f.result, 0);
    cr_assert(pb__is_copied_failure(pb_failure_value(f.got)));
    cr_assert_str_eq(pb_failure_type(f.got), "shop.SoldOut");
    cr_assert_str_eq(pb_failure_text(f.got), "<shop.SoldOut {}>");
    pb_failure_unref(f.got);
    pb_value_unref(f.value);
}

/* Values that are no exceptions, and values that cannot be sent. */
PB_TEST(forward, says_why_it_cannot_be_sent)
{
    static struct failing f;
    f = (struct failing){.value = NULL};
    pb_taster *t = taster_for("shop.SoldOut");
    pb_session_config c = {.jelly.taster = t};
    ask(&f, &c, fail_steal);
    cr_assert_eq(f.result, PB_ERR_ARG);
    cr_assert_str_eq(pb_failure_text(f.got), "the answer could not be made");
    pb_failure_unref(f.got);
    ask(&f, &c, fail_with);
    cr_assert_eq(f.result, PB_ERR_ARG);
    cr_assert_str_eq(pb_failure_text(f.got), "the answer could not be made");
    pb_failure_unref(f.got);

    f.value = pb_int(5);
    ask(&f, &c, fail_steal);
    cr_assert_eq(f.result, PB_ERR_TYPE);
    cr_assert_str_eq(pb_failure_type(f.got), "builtins.TypeError");
    cr_assert_str_eq(pb_failure_text(f.got), "exceptions must derive from BaseException");
    pb_failure_unref(f.got);

    f.value = pb_instance_steal("shop.SoldOut", pb_name(PB_FUNCTION, "shop.buy"));
    ask(&f, &c, fail_steal);
    cr_assert_eq(f.result, PB_ERR_TYPE);
    cr_assert_str_eq(pb_failure_type(f.got), "builtins.TypeError");
    pb_failure_unref(f.got);
    pb_value_unref(f.value);
    pb_taster_unref(t);
}

static int raise_long(struct failing *f, pb_request *r)
{
    pb_session_set_limits(pb_request_session(r), &(pb_limits){.bytes = 200});
    return pb_request_fail(r, "shop.SoldOut", "%0300d", f->result);
}

/* An error that cannot be sent is replaced by one that can. */
PB_TEST(forward, no_answer_is_lost)
{
    static struct failing f;
    f = (struct failing){0};
    ask(&f, &(pb_session_config){0}, raise_long);
    cr_assert_str_eq(pb_failure_type(f.got), "twisted.spread.banana.BananaError");
    cr_assert_str_eq(pb_failure_text(f.got),
                     "byte string is too long to send (300 bytes, limit 200)");
    pb_failure_unref(f.got);
}

/* ---- Failures as values ---- */

PB_TEST(forward, can_be_a_value)
{
    static struct failing f;
    pb_failure *failure = pb_failure_new("builtins.KeyError", "'x'", "here");
    pb_value *copyable = pb_failure_to_value(failure);
    cr_assert_eq(pb_failure_from_value(copyable), failure);
    pb_failure_unref(failure);
    f = (struct failing){.value = pb_build(NULL, "[OO]", copyable, copyable)};
    pb_session_config c = {.jelly.profile = {3, 11, 2204}, .unsafe_tracebacks = true};
    ask(&f, &c, answer_value);
    pb_value *first = pb_item(f.answer, 0);
    cr_assert_eq(first, pb_item(f.answer, 1));
    char *text = pb_value_repr(pb_instance_state(first));
    cr_assert_str_eq(
        text, "{'count': 0, 'type': b'builtins.KeyError', 'value': \"'x'\", "
              "'captureVars': False, 'frames': [], 'stack': [], 'tb': None, 'parents': "
              "['builtins.KeyError', 'builtins.LookupError', 'builtins.Exception', "
              "'builtins.BaseException', 'builtins.object'], 'traceback': "
              "'Traceback unavailable\\n'}");
    pb_free(text);
    pb_failure *copied = pb_failure_from_value(first);
    cr_assert(pb_failure_check(copied, "builtins.LookupError"));
    cr_assert_str_eq(pb_failure_text(copied), "'x'");
    pb_value_unref(f.answer);
    pb_value_unref(f.value);

    /* A received one can be sent on as a value, and can fail a call. */
    f.value = pb_failure_to_value(copied);
    ask(&f, &c, answer_value);
    pb_failure *again = pb_failure_from_value(f.answer);
    cr_assert_str_eq(pb_failure_type(again), "builtins.KeyError");
    pb_failure_unref(again);
    pb_value_unref(f.answer);
    ask(&f, &c, fail_steal);
    cr_assert_str_eq(pb_failure_type(f.got), "builtins.KeyError");
    pb_failure_unref(f.got);
    pb_value_unref(f.value);
    pb_failure_unref(copied);
    pb_value_unref(copyable);
    pb_failure_unref(failure);
}

/* ---- Without memory ---- */

static int once(void *user_data)
{
    struct failing *f = calloc(1, sizeof *f);
    const struct row *row = user_data;
    pb_value *state = pb_value_parse(row->came, NULL);
    pb_value *v = state ? pb_instance_steal(CAME, state) : NULL;
    f->failure = v ? pb_failure_from_value(v) : NULL;
    f->value = f->failure ? pb_failure_to_value(f->failure) : NULL;
    f->fail = fail_with;
    pb_object *root = pb_object_new(&failing_class, f);
    pb_session_config c = {.jelly.profile = row->profile};
    pb_session_config s = {.jelly.profile = row->profile, .root = root};
    if (f->value && root && pair_open(&f->p, c, s)) {
        pb_remote *r = pb_session_root(f->p.client);
        talk(&f->p);
        if (r && pb_remote_call(r, "x", got, f, NULL, "N", pb_value_ref(f->value)) == 0) {
            talk(&f->p);
        }
        pb_remote_unref(r);
    }
    pb_session_free(f->p.client);
    pb_session_free(f->p.server);
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    cr_assert(e || (f->got && pb_failure_code(f->got) == PB_OK));
    pb_failure_unref(f->got);
    pb_value_unref(f->answer);
    pb_object_unref(root);
    pb_value_unref(f->value);
    pb_value_unref(v);
    pb_failure_unref(f->failure);
    free(f);
    return e;
}

PB_TEST(forward, each_allocation_may_fail)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb__test_each_failure(once, (void *)(uintptr_t)&rows[i]);
    }
}
