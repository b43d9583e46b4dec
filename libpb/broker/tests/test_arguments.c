/* SPDX-License-Identifier: MIT
 *
 * The arguments of the peer's calls: assigned to positions as in Python, and refused with
 * Python's texts. The texts are those of CPython 3.11 for the same methods. */
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"
#include "libpb/broker/write_message.h"

#define UNSET (-1)

/* Unpacks by a format with names, and notes the arguments. */
static int take(void *self, pb_request *r, const char *format, const char *const *names)
{
    int v[4] = {UNSET, UNSET, UNSET, UNSET};
    int e = names
                ? pb_request_unpack_keywords(r, format, names, &v[0], &v[1], &v[2], &v[3])
                : pb_request_unpack(r, format, &v[0], &v[1], &v[2], &v[3]);
    if (e == 0) {
        note(self, "%s %d %d %d %d", pb_request_method(r), v[0], v[1], v[2], v[3]);
    }
    return e;
}

static const char *const names[] = {"a", "b", "c", "d", NULL};

/* def a(self) */
static int take_a(void *self, pb_request *r)
{
    return take(self, r, "", names + 4);
}

/* def b(self, a, b, c=-1) */
static int take_b(void *self, pb_request *r)
{
    return take(self, r, "ii|i", names + 1);
}

/* def c(self, a, *, b, c, d=-1) */
static int take_c(void *self, pb_request *r)
{
    return take(self, r, "i$ii|i", names);
}

/* def d(self, c=-1, *, d=-1) */
static int take_d(void *self, pb_request *r)
{
    return take(self, r, "|i$i", names + 2);
}

/* def e(self, a, b, c, d) */
static int take_e(void *self, pb_request *r)
{
    return take(self, r, "iiii", names);
}

/* Without names; Python would use some in its texts. */
static int take_f(void *self, pb_request *r)
{
    return take(self, r, "ii|i", NULL);
}

static int take_nested(void *self, pb_request *r)
{
    int v = UNSET;
    int e = pb_request_unpack_keywords(r, "i({s:i})", names + 2, &v, "key", &v);
    if (e == 0) {
        note(self, "nested %d", v);
    }
    return e;
}

/* A format with more units than names. */
static int take_wrong(void *self, pb_request *r)
{
    return take(self, r, "iii", names + 2);
}

static const pb_method methods[] = {
    {"a", take_a},           {"b", take_b},         {"c", take_c},
    {"d", take_d},           {"e", take_e},         {"f", take_f},
    {"nested", take_nested}, {"wrong", take_wrong}, {0}};
static const pb_class two = {
    .name = "shop.Two", .remote = methods, .perspective = methods, .view = methods};

static void call(struct pair *p, const char *object, const char *method, const char *args,
                 const char *kwargs)
{
    pb_remote *to = pb_session_remote_for_name(p->client, object);
    pb_value *a = pb_value_parse(args, NULL);
    pb_value *k = pb_value_parse(kwargs, NULL);
    if (to && a && k) {
        pb_remote_call_values(to, method, a, k, NULL, noted, p, NULL, NULL);
    }
    pb_value_unref(a);
    pb_value_unref(k);
    pb_remote_unref(to);
    talk(p);
}

static void open_two(struct pair *p)
{
    pb_object *o = pb_object_new(&two, p);
    pb_object *avatar = pb_referenceable_new(o, PB_ROLE_PERSPECTIVE);
    pb_object *view = pb_viewpoint_new(NULL, o);
    if (pair_open(p, (pb_session_config){0}, (pb_session_config){.root = o})) {
        pb_session_set_name_for_local(p->server, "avatar", avatar);
        pb_session_set_name_for_local(p->server, "view", view);
        talk(p);
    }
    pb_object_unref(view);
    pb_object_unref(avatar);
    pb_object_unref(o);
    p->log_len = 0;
    *p->log = '\0';
}

/* A call, and the single line that it logs: without a type, the line of the method. */
static const struct row {
    const char *method, *args, *kwargs, *text;
} rows[] = {
    {"a", "()", "{}", "a -1 -1 -1 -1"},
    {"a", "(1,)", "{}", "takes 1 positional argument but 2 were given"},
    {"a", "(1, 2)", "{}", "takes 1 positional argument but 3 were given"},
    {"a", "()", "{'x': 1}", "got an unexpected keyword argument 'x'"},
    {"b", "(1, 2)", "{}", "b 1 2 -1 -1"},
    {"b", "(1, 2, 3)", "{}", "b 1 2 3 -1"},
    {"b", "(1, 2)", "{'d': 3}", "b 1 2 3 -1"},
    {"b", "()", "{'c': 2, 'b': 1}", "b 1 2 -1 -1"},
    {"b", "(1,)", "{}", "missing 1 required positional argument: 'c'"},
    {"b", "()", "{}", "missing 2 required positional arguments: 'b' and 'c'"},
    {"b", "()", "{'c': 1}", "missing 1 required positional argument: 'b'"},
    {"b", "(1, 2, 3, 4)", "{}",
     "takes from 3 to 4 positional arguments but 5 were given"},
    {"b", "(1, 2)", "{'b': 3}", "got multiple values for argument 'b'"},
    {"b", "(1, 2)", "{'z': 3}", "got an unexpected keyword argument 'z'"},
    {"b", "(1, 2, 3, 4)", "{'z': 3}", "got an unexpected keyword argument 'z'"},
    {"b", "(1, 'x')", "{}", "argument 'c': int expected, got str"},
    {"c", "(1,)", "{'b': 2, 'c': 3}", "c 1 2 3 -1"},
    {"c", "(1,)", "{'d': 4, 'b': 2, 'c': 3}", "c 1 2 3 4"},
    {"c", "()", "{'a': 1, 'b': 2, 'c': 3}", "c 1 2 3 -1"},
    {"c", "(1,)", "{}", "missing 2 required keyword-only arguments: 'b' and 'c'"},
    {"c", "(1,)", "{'b': 1}", "missing 1 required keyword-only argument: 'c'"},
    {"c", "(1, 2)", "{'b': 1}",
     "takes 2 positional arguments but 3 positional arguments (and 1 keyword-only "
     "argument) were given"},
    {"c", "(1, 2, 3)", "{'b': 1, 'c': 2, 'd': 5}",
     "takes 2 positional arguments but 4 positional arguments (and 3 keyword-only "
     "arguments) were given"},
    {"c", "()", "{'b': 1, 'c': 2}", "missing 1 required positional argument: 'a'"},
    {"d", "()", "{}", "d -1 -1 -1 -1"},
    {"d", "()", "{'d': 5}", "d -1 5 -1 -1"},
    {"d", "(1, 2)", "{}", "takes from 1 to 2 positional arguments but 3 were given"},
    {"d", "(1, 2)", "{'d': 5}",
     "takes from 1 to 2 positional arguments but 3 positional arguments (and 1 "
     "keyword-only argument) were given"},
    {"e", "(1,)", "{}", "missing 3 required positional arguments: 'b', 'c', and 'd'"},
    {"e", "()", "{}", "missing 4 required positional arguments: 'a', 'b', 'c', and 'd'"},
    {"e", "(1, 2)", "{'d': 4, 'c': 3}", "e 1 2 3 4"},
    {"f", "(1, 2)", "{}", "f 1 2 -1 -1"},
    {"f", "(1,)", "{}", "missing 1 required positional argument"},
    {"f", "()", "{}", "missing 2 required positional arguments"},
    {"f", "(1, 2, 3, 4)", "{}",
     "takes from 3 to 4 positional arguments but 5 were given"},
    {"f", "(1, 2)", "{'a': 1}", "got an unexpected keyword argument 'a'"},
    {"f", "(1, b'x')", "{}", "argument 2: int expected, got bytes"},
    {"nested", "(1, ({'key': 2},))", "{}", "nested 2"},
    {"nested", "()", "{'c': 1, 'd': ({'key': 'x'},)}",
     "argument 'd'[0]['key']: int expected, got str"},
    {"nested", "(1, 5)", "{}", "argument 'd': tuple expected, got int"},
};

static void talk_of(struct pair *p, const struct row *row)
{
    open_two(p);
    call(p, "root", row->method, row->args, row->kwargs);
    pair_close_both(p);
}

/* The expected log. */
static const char *expected(const struct row *row, const char *prefix)
{
    static char text[512];
    size_t len = strlen(row->method);
    bool taken = strncmp(row->text, row->method, len) == 0 && row->text[len] == ' ';
    if (taken) {
        snprintf(text, sizeof text, "%s\nanswer None\n", row->text);
    } else {
        snprintf(text, sizeof text, "failure 0 builtins.TypeError: Two.%s%s() %s\n",
                 prefix, row->method, row->text);
    }
    return text;
}

PB_TEST(arguments, fit_as_in_python)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p = {0};
        talk_of(&p, &rows[i]);
        p.log[strlen(p.log) - strlen("client closed\nserver closed\n")] = '\0';
        cr_assert_str_eq(p.log, expected(&rows[i], "remote_"));
    }
}

/* With any amount of memory, the answer is right. */
static int once(void *user_data)
{
    struct pair *p = calloc(1, sizeof *p);
    const struct row *row = user_data;
    pb_object *o = pb_object_new(&two, p);
    if (o && pair_open(p, (pb_session_config){0}, (pb_session_config){.root = o})) {
        talk(p);
        p->log_len = 0;
        *p->log = '\0';
        call(p, "root", row->method, row->args, row->kwargs);
        if (strstr(p->log, "TypeError")) {
            cr_assert(strstr(p->log, row->text), "%s", p->log);
        }
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_object_unref(o);
    free(p);
    return pb__test_failed() ? PB_ERR_NOMEM : 0;
}

PB_TEST(arguments, each_allocation_may_fail)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i += 4) {
        pb__test_each_failure(once, (void *)(uintptr_t)&rows[i]);
    }
}

/* Python counts self, and in a view_ method the perspective. */
static void named_by_role(struct pair *p)
{
    open_two(p);
    call(p, "avatar", "a", "(1,)", "{}");
    call(p, "view", "a", "(1,)", "{}");
    call(p, "view", "b", "(1, 2, 3, 4)", "{}");
    call(p, "view", "b", "(1, 2)", "{}");
    call(p, "root", "wrong", "(1, 2)", "{}");
    pair_close_both(p);
}

PB_TEST(arguments, are_refused_in_the_name_of_the_role)
{
    converse(
        named_by_role,
        "failure 0 builtins.TypeError: Two.perspective_a() takes 1 positional "
        "argument but 2 were given\n"
        "failure 0 builtins.TypeError: Two.view_a() takes 2 positional arguments but "
        "3 were given\n"
        "failure 0 builtins.TypeError: Two.view_b() takes from 4 to 5 positional "
        "arguments but 6 were given\n"
        "b 1 2 -1 -1\nanswer None\n"
        "failure 0 builtins.ValueError: 2 names for the 3 arguments of a format\n"
        "client closed\nserver closed\n");
}

/* ---- Arguments of types that no Twisted sends ---- */

/* The server's answer to a call of `a` with these arguments, in jelly: the text of the
 * error, or None. */
static const char *answer_to(pb_profile profile, const char *object, const char *args,
                             const char *kwargs)
{
    static char text[256];
    struct pair p = {0};
    open_two(&p);
    pb_session *s = p.server;
    s->shared->config.jelly.profile = profile;
    pb_value *values[] = {pb_value_parse(args, NULL), pb_value_parse(kwargs, NULL)};
    pb_remote *to = pb_session_remote_for_name(p.client, object);
    /* Bypasses the client's own checks. */
    pb_error err = {0};
    cr_assert_not_null(pb__calls(p.client));
    uint64_t mark = pb__write_begin(p.client, NULL);
    int e = pb__write_head(p.client, 7, PB__WORD_MESSAGE);
    e = e ? e : pb__write_value(p.client, pb_int(1), &err);
    e = e ? e : pb__write_string(p.client, object);
    e = e ? e : pb__write_string(p.client, "a");
    e = e ? e : pb__write_value(p.client, pb_int(1), &err);
    e = e ? e : pb__write_value(p.client, values[0], &err);
    e = e ? e : pb__write_value(p.client, values[1], &err);
    cr_assert_eq(pb__write_end(p.client, mark, e, &err), 0, "%s", err.text);
    pb_span out = pb_session_send(p.client);
    cr_assert_eq(pb_session_recv(s, out, 0), 0);
    pb_session_sent(p.client, out.len, 0);
    out = pb_session_send(s);
    static const char *const texts[] = {
        "can only concatenate tuple (not \"list\") to tuple",
        "argument after * must be an iterable, not int",
        "argument after ** must be a mapping, not list",
        "'list' object has no attribute 'keys'",
        "'int' object has no attribute 'keys'",
        "keywords must be strings",
        "got an unexpected keyword argument 'x'",
        "takes 1 positional argument but 2 were given",
    };
    strcpy(text, "None");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (memmem(out.data, out.len, texts[i], strlen(texts[i]))) {
            strcpy(text, texts[i]);
        }
    }
    pb_session_sent(s, out.len, 0);
    pb_value_unref(values[0]);
    pb_value_unref(values[1]);
    pb_remote_unref(to);
    pb_session_free(p.client);
    pb_session_free(s);
    return text;
}

PB_TEST(arguments, may_be_of_any_kind)
{
    static const struct {
        const char *object, *args, *kwargs, *text;
    } odd[] = {
        {"root", "[]", "{}", "None"},
        {"root", "[1]", "{}", "takes 1 positional argument but 2 were given"},
        {"avatar", "[]", "{}", "None"},
        {"view", "[]", "{}", "can only concatenate tuple (not \"list\") to tuple"},
        {"root", "5", "{}", "argument after * must be an iterable, not int"},
        {"root", "()", "[]", "'list' object has no attribute 'keys'"},
        {"avatar", "()", "[]", "argument after ** must be a mapping, not list"},
        {"root", "()", "{b'x': 1}", "got an unexpected keyword argument 'x'"},
        {"avatar", "()", "{b'x': 1}", "keywords must be strings"},
        {"view", "()", "{b'x': 1}", "keywords must be strings"},
        {"view", "()", "{'x': 1}", "got an unexpected keyword argument 'x'"},
        {"root", "()", "{5: 1}", "keywords must be strings"},
        {"root", "()", "{b'\\xff': 1}", "keywords must be strings"},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        cr_assert_str_eq(answer_to((pb_profile){.python_major = 3}, odd[i].object,
                                   odd[i].args, odd[i].kwargs),
                         odd[i].text, "%s(*%s, **%s)", odd[i].object, odd[i].args,
                         odd[i].kwargs);
    }
    cr_assert_str_eq(
        answer_to((pb_profile){.python_major = 2}, "avatar", "()", "{b'x': 1}"),
        "got an unexpected keyword argument 'x'");
}
