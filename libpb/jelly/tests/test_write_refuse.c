/* SPDX-License-Identifier: MIT
 *
 * The writer: values that it refuses, with texts and paths; limits; exhausted memory. */
#include "libpb/jelly/tests/writing.h"

/* Takes v. Writing it must fail, and leave the output of the encoder unchanged. */
static void refuses_by(pb_value *v, const pb_jelly_config *c,
                       const struct pb__invoker *invoker, const pb_limits *limits,
                       int code, const char *where, const char *text)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, limits);
    cr_assert_eq(pb__encode_int(e, 7), 0);
    pb_error err = {0};
    cr_expect_eq(pb__jelly(v, c, invoker, e, &err), code);
    cr_expect_eq(err.code, code);
    cr_expect_str_eq(err.text, text);
    cr_expect_str_eq(err.where, where);
    cr_expect_eq(pb_encoder_error(e, NULL), 0);
    tells(e, "7");

    pb_error before = {.code = PB_ERR_LOST, .where = "there", .text = "then"};
    cr_expect_eq(pb__jelly(v, c, invoker, e, &before), code);
    cr_expect_eq(before.code, PB_ERR_LOST);
    cr_expect_str_eq(before.text, "then");
    cr_expect_str_eq(before.where, "there");
    cr_expect_eq(pb__jelly(v, c, invoker, e, NULL), code);
    tells(e, "7");
    pb_encoder_free(e);
    pb_value_unref(v);
}

static void refuses(pb_value *v, const char *where, const char *text)
{
    refuses_by(v, NULL, NULL, NULL, PB_ERR_TYPE, where, text);
}

static void passes_limit(const char *literal, const pb_limits *limits, const char *where,
                         const char *text)
{
    refuses_by(val(literal), NULL, NULL, limits, PB_ERR_LIMIT, where, text);
}

PB_TEST(write_refuse, names_on_python_3)
{
    refuses(pb_name(PB_FUNCTION, "m.f"), "",
            "Banana cannot send builtins.str objects: 'm.f'");
    refuses(pb_name(PB_MODULE, "os"), "",
            "Banana cannot send builtins.str objects: 'os'");
    refuses(pb_method_steal("meth", pb_none(), pb_name(PB_CLASS, "m.C")), "",
            "Banana cannot send builtins.str objects: 'meth'");
}

PB_TEST(write_refuse, decimals)
{
    refuses(val("Decimal('-Infinity')"), "",
            "Banana cannot send builtins.str objects: 'F'");
    refuses(val("Decimal('NaN1')"), "", "Banana cannot send builtins.str objects: 'n'");
    refuses(val("Decimal('sNaN1')"), "", "Banana cannot send builtins.str objects: 'N'");
    refuses(val("Decimal('NaN')"), "", "Decimal('NaN') has no digits to send");
    const pb_jelly_config python2 = {.profile = {.python_major = 2}};
    refuses_by(val("Decimal('-sNaN')"), &python2, NULL, NULL, PB_ERR_TYPE, "",
               "Decimal('sNaN') has no digits to send");
}

PB_TEST(write_refuse, times_before_21_2)
{
    static const char text[] = "Banana cannot send builtins.str objects: ";
    static const struct {
        const char *literal, *shown;
    } cases[] = {{"datetime.date(1999, 12, 31)", "'1999 12 31'"},
                 {"datetime.time(1, 2, 3, 4)", "'1 2 3 4'"},
                 {"datetime.timedelta(days=1)", "'1 0 0'"}};
    const pb_jelly_config old = {.profile = {.python_major = 3, .twisted = 2003}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[100];
        snprintf(want, sizeof want, "%s%s", text, cases[i].shown);
        refuses_by(val(cases[i].literal), &old, NULL, NULL, PB_ERR_TYPE, "", want);
    }
    writes_by(val("datetime.datetime(1, 1, 1)"), &old, NULL,
              "[2 'datetime' '1 1 1 0 0 0 0' ]");
}

PB_TEST(write_refuse, references_without_a_broker)
{
    refuses(value_of(object_new(PB_REMOTE, "")), "",
            "Banana cannot send builtins.str objects: 'References cannot be serialized'");
    refuses(value_of(object_new(PB_OBJECT, "")), "",
            "an object cannot be sent without a broker to refer to it");
}

PB_TEST(write_refuse, nothing)
{
    pb_error err = {0};
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    cr_expect_eq(pb_jelly(NULL, NULL, e, &err), PB_ERR_ARG);
    cr_expect_str_eq(err.text, "the value to write is NULL");
    pb_encoder_free(e);
    uint8_t *out = (uint8_t *)"";
    size_t len = 1;
    cr_expect_eq(pb_jelly_bytes(NULL, NULL, PB_DIALECT_PB, &out, &len, NULL), PB_ERR_ARG);
    cr_expect(out == NULL && len == 0);
}

#define REFUSED "Banana cannot send builtins.str objects: 'm.f'"

static pb_value *refused(void)
{
    return pb_name(PB_FUNCTION, "m.f");
}

PB_TEST(write_refuse, paths)
{
    refuses(pb_build(NULL, "[iiiN]", 0, 1, 2, pb_build(NULL, "{s:N}", "key", refused())),
            "[3]['key']", REFUSED);
    refuses(pb_build(NULL, "(i[N]i)", 0, refused(), 1), "[1][0]", REFUSED);
    refuses(pb_build(NULL, "{y:[N],i:i}", "a\x01\xff", refused(), 1, 2), "[b'a?\?'][0]",
            REFUSED);
    refuses(pb_build(NULL, "{i:i,i:N}", 1, 2, -5, refused()), "[-5]", REFUSED);
    refuses(pb_build(NULL, "{s:i,(i):N}", "x", 2, 1, refused()), ".values[1]", REFUSED);
    refuses(pb_build(NULL, "{s:i,N:i}", "x", 2, refused(), 1), ".keys[1]", REFUSED);
    refuses(pb_build(NULL, "{s:N}", "0123456789012345678901234567890123456789more",
                     refused()),
            "['0123456789012345678901234567890123456789']", REFUSED);
    refuses(pb_build(NULL, "{s:N}", "012345678901234567890123456789012345678\xc3\xa9",
                     refused()),
            "['012345678901234567890123456789012345678']", REFUSED);
    pb_value *set = pb_build(NULL, "[N]", pb_seq(PB_SET, 0));
    cr_assert_eq(pb_append_steal(pb_item(set, 0), pb_int(1)), 0);
    cr_assert_eq(pb_append_steal(pb_item(set, 0), refused()), 0);
    refuses(set, "[0][1]", REFUSED);
}

PB_TEST(write_refuse, paths_through_instances_and_methods)
{
    pb_jelly_config c = {.taster = open_taster()};
    refuses_by(
        pb_build(NULL, "[N]",
                 pb_instance_steal("m.C", pb_build(NULL, "{s:N}", "x", refused()))),
        &c, NULL, NULL, PB_ERR_TYPE, "[0]['x']", REFUSED);
    c.profile.python_major = 2;
    refuses_by(pb_build(NULL, "[N]",
                        pb_method_steal("f", pb_build(NULL, "[N]", val("Decimal('NaN')")),
                                        pb_none())),
               &c, NULL, NULL, PB_ERR_TYPE, "[0].self[0]",
               "Decimal('NaN') has no digits to send");
    refuses_by(pb_method_steal("f", pb_none(), val("Decimal('NaN')")), &c, NULL, NULL,
               PB_ERR_TYPE, ".class", "Decimal('NaN') has no digits to send");
    pb_taster_unref(c.taster);
    struct object *o = object_new(PB_OBJECT, "m.Copy");
    o->form.state = pb_build(NULL, "{s:N}", "x", refused());
    refuses_by(pb_build(NULL, "[N]", value_of(o)), NULL, &object_invoker, NULL,
               PB_ERR_TYPE, "[0]['x']", REFUSED);
}

/* A path that is too long is cut. */
PB_TEST(write_refuse, long_path)
{
    pb_value *v = refused();
    char want[sizeof((pb_error *)0)->where];
    for (int i = 0; i < 100; i++) {
        v = pb_build(NULL, "[N]", v);
    }
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < sizeof want - 1; i++) {
        want[i] = "[0]"[i % 3];
    }
    refuses(v, want, REFUSED);
}

PB_TEST(write_refuse, limits_of_banana)
{
    const pb_limits small = {.prefix = 2, .list = 3, .bytes = 5};
    passes_limit("[1, 2, 3]", &small, "",
                 "list/tuple is too long to send (4 elements, limit 3)");
    passes_limit("[{1: 2, 3: 4, 5: 6}]", &small, "[0]",
                 "list/tuple is too long to send (4 elements, limit 3)");
    passes_limit("[16383, 16384]", &small, "[1]",
                 "int is too large to send (3 bytes of prefix, limit 2)");
    passes_limit("18446744073709551616", &small, "",
                 "int is too large to send (10 bytes of prefix, limit 2)");
    passes_limit("b'123456'", &small, "",
                 "byte string is too long to send (6 bytes, limit 5)");
    passes_limit("['123456']", &small, "[0]",
                 "byte string is too long to send (6 bytes, limit 5)");
    refuses_by(pb_instance_steal("m.C", pb_none()), NULL, NULL, &small, PB_ERR_LIMIT, "",
               "byte string is too long to send (37 bytes, limit 5)");
    const pb_limits no_prefix = {.prefix = 9};
    passes_limit("18446744073709551616", &no_prefix, "",
                 "int is too large to send (10 bytes of prefix, limit 9)");
}

/* Just within the limits; a word of the vocabulary has no length. */
PB_TEST(write_refuse, limits_are_reached)
{
    const pb_limits small = {.prefix = 2, .list = 3, .bytes = 7};
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, &small);
    pb_value *v = val("[(16383, -16383), {'1234567': b'dictionary'}]");
    cr_expect_eq(pb_jelly(v, NULL, e, NULL), 0);
    tells(e, "[3 'list' [3 'tuple' 16383 -16383 ] "
             "[2 'dictionary' [2 [2 'unicode' '1234567' ] 'dictionary' ] ] ]");
    pb_value_unref(v);
    pb_encoder_free(e);
}

/* A list within lists, as many as `depth`. */
static pb_value *nest(size_t depth)
{
    pb_value *v = pb_list();
    cr_assert_eq(pb_append_steal(v, pb_int(1)), 0);
    while (--depth > 0) {
        v = pb_build(NULL, "[N]", v);
    }
    return v;
}

PB_TEST(write_refuse, depth)
{
    const pb_jelly_config five = {.limits = {.depth = 5}};
    writes_by(nest(5), &five, NULL,
              "[2 'list' [2 'list' [2 'list' [2 'list' [2 'list' 1 ] ] ] ] ]");
    refuses_by(nest(6), &five, NULL, NULL, PB_ERR_LIMIT, "[0][0][0][0][0]",
               "lists are nested too deep (limit 5)");
    /* A pair of a dict is a list too; so is an instance. */
    writes_by(val("[{1: [{}]}]"), &five, NULL,
              "[2 'list' [2 'dictionary' [2 1 [2 'list' [1 'dictionary' ] ] ] ] ]");
    refuses_by(val("[[{1: [{2: 3}]}]]"), &five, NULL, NULL, PB_ERR_LIMIT, "[0][0][1][0]",
               "lists are nested too deep (limit 5)");
    pb_jelly_config two = {.taster = open_taster(), .limits = {.depth = 2}};
    writes_by(pb_instance_steal("m.C", nest(1)), &two, NULL, "[2 'm.C' [2 'list' 1 ] ]");
    refuses_by(pb_instance_steal("m.C", nest(2)), &two, NULL, NULL, PB_ERR_LIMIT, "[0]",
               "lists are nested too deep (limit 2)");
    pb_taster_unref(two.taster);
    /* Otherwise the limit is that of the encoder. */
    const pb_limits four = {.depth = 4};
    refuses_by(nest(5), NULL, NULL, &four, PB_ERR_LIMIT, "[0][0][0][0]",
               "lists are nested too deep (limit 4)");
}

PB_TEST(write_refuse, deep)
{
    pb_value *v = nest(4096);
    uint8_t *out;
    size_t len;
    cr_assert_eq(pb_jelly_bytes(v, NULL, PB_DIALECT_PB, &out, &len, NULL), 0);
    cr_expect_eq(len, 4096 * 4 + 2);
    pb_free(out);
    v = pb_build(NULL, "[N]", v);
    cr_expect_eq(pb_jelly_bytes(v, NULL, PB_DIALECT_PB, &out, &len, NULL), PB_ERR_LIMIT);
    cr_expect(out == NULL && len == 0);
    pb_value_unref(v);
}

PB_TEST(write_refuse, length)
{
    const pb_limits some = {.message = 200};
    pb_value *text = val("'01234567890123456789012345678901234567890123456789'");
    pb_value *v = pb_build(NULL, "[OOO]", text, text, text);
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, &some);
    cr_expect_eq(pb_jelly(v, NULL, e, NULL), 0);
    cr_expect_eq(pb_encoder_send(e).len, 4 + 3 * (11 + 2 + 50));
    pb_encoder_free(e);
    pb_value_unref(v);
    refuses_by(pb_build(NULL, "[OOOO]", text, text, text, text), NULL, NULL, &some,
               PB_ERR_LIMIT, "[3]", "expression is too long (limit 200 bytes)");
    pb_value_unref(text);
    /* Short texts are checked later. */
    const pb_jelly_config few = {.limits = {.message = 12}};
    refuses_by(val("[0, 1, 2, 3, 4]"), &few, NULL, NULL, PB_ERR_LIMIT, "",
               "expression is too long (limit 12 bytes)");
    writes_by(val("[0, 1]"), &few, NULL, "[3 'list' 0 1 ]");
}

static int refuse_to_save(pb_value *instance, pb_value **id, pb_error *err,
                          void *user_data)
{
    (void)instance;
    *id = pb_int_text("18446744073709551616", NULL);
    if (user_data) {
        *err = (pb_error){.code = PB_ERR_AUTH, .text = "not this one"};
    }
    return PB_ERR_AUTH;
}

PB_TEST(write_refuse, persistent_save)
{
    pb_jelly_config c = {.persistent_save = refuse_to_save};
    pb_value *v = pb_build(NULL, "[N]", pb_instance_steal("m.C", pb_none()));
    refuses_by(pb_value_ref(v), &c, NULL, NULL, PB_ERR_AUTH, "[0]",
               "persistent_save failed: login refused");
    c.user_data = &c;
    pb_error err = {0};
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    cr_expect_eq(pb_jelly(v, &c, e, &err), PB_ERR_AUTH);
    cr_expect_str_eq(err.text, "not this one");
    cr_expect_str_eq(err.where, "[0]");
    pb_encoder_free(e);
    pb_value_unref(v);
}

PB_TEST(write_refuse, invoker)
{
    struct object *o = object_new(PB_REMOTE, "");
    o->form.id = val("18446744073709551616");
    o->form.state = pb_list();
    o->refuses = PB_ERR_DEAD;
    refuses_by(pb_build(NULL, "{s:N}", "a", value_of(o)), NULL, &object_invoker, NULL,
               PB_ERR_DEAD, "['a']", "sending a reference failed: dead reference");
}

/* References were found, but then something is refused. */
PB_TEST(write_refuse, after_references)
{
    pb_value *shared = pb_list();
    refuses(pb_build(NULL, "[ONN]", shared, shared, refused()), "[2]", REFUSED);
}

struct all_kinds {
    pb_value *v;
    pb_jelly_config config;
};

static int save_some(pb_value *instance, pb_value **id, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    if (strcmp(pb_name_of(instance), "m.Saved") == 0) {
        *id = pb_value_ref(pb_instance_state(instance));
    }
    return 0;
}

static int write_both_ways(void *user_data)
{
    const struct all_kinds *k = user_data;
    uint8_t *out;
    size_t len;
    pb_error err = {0};
    pb_encoder *e = pb_encoder_new(PB_DIALECT_NONE, NULL);
    int failed = e ? pb__jelly(k->v, &k->config, &object_invoker, e, &err) : PB_ERR_NOMEM;
    if (failed && e) {
        cr_expect_eq(pb_encoder_send(e).len, 0);
        cr_expect_eq(err.code, failed);
        cr_expect_str_eq(err.text, "out of memory");
    }
    pb_encoder_free(e);
    failed =
        failed ? failed
               : pb_jelly_bytes(pb_item(k->v, 0), NULL, PB_DIALECT_PB, &out, &len, &err);
    if (!failed) {
        pb_free(out);
    }
    return failed;
}

PB_TEST(write_refuse, lack_of_memory)
{
    struct all_kinds k = {.config = {.taster = open_taster(),
                                     .persistent_save = save_some,
                                     .profile = {.python_major = 2}}};
    struct object *o = object_new(PB_OBJECT, "m.Copy");
    o->form.id = pb_int(1);
    o->form.state = val("{b'a': [1]}");
    o->form.shared = true;
    k.v = pb_build(NULL, "[[(),(),{s:[i]}]NNNNOO]", "a", 1, nest(40),
                   pb_instance_steal("m.Saved", val("[5]")),
                   pb_instance_steal("m.C", val("{1: datetime.date(1, 2, 3)}")),
                   pb_method_steal("f", val("Decimal('1.5')"), pb_name(PB_CLASS, "m.C")),
                   value_of(o), value_of(o));
    pb_value_unref(value_of(o));
    for (int i = 0; i < 40; i++) {
        pb_value *item = pb_build(NULL, "(y#)",
                                  "0123456789012345678901234567890123456789", (size_t)40);
        cr_assert_eq(pb_append(k.v, item), 0);
        cr_assert_eq(pb_append_steal(k.v, item), 0);
    }
    pb__test_each_failure(write_both_ways, &k);
    pb_value_unref(k.v);
    pb_taster_unref(k.config.taster);
}

/* Values whose leaves, or whose sharing, have lists that are no frames of the writer. */
static const char *const near_limits[] = {
    "[]",           "[[[]]]",
    "[[['text']]]", "[[[True, None, 1.5, b'x']]]",
    "[[(1,)]]",     "[[[{}]]]",
    "[[{1: 2}]]",   "[[[datetime.date(2020, 1, 2)]]]",
    "[[set()]]",    "[{1: [(1, 'x')]}]",
};

static void read_if_written(pb_value *v, const pb_jelly_config *c)
{
    for (int d = PB_DIALECT_NONE; d <= PB_DIALECT_PB; d++) {
        uint8_t *out;
        size_t len;
        pb_error err = {0};
        if (pb_jelly_bytes(v, c, (pb_dialect)d, &out, &len, &err) != 0) {
            cr_assert_eq(err.code, PB_ERR_LIMIT, "%s", err.text);
            continue;
        }
        pb_value *again = NULL;
        cr_assert_eq(
            pb_unjelly_bytes((pb_span){out, len}, c, (pb_dialect)d, &again, &err), 0,
            "depth %zu message %zu: %s", c->limits.depth, c->limits.message, err.text);
        pb_value_unref(again);
        pb_free(out);
    }
}

/* A value that is written can be read with the same limits. A value that cannot be
 * written could not be read. */
static void meets_limits(pb_value *v)
{
    uint8_t *out;
    size_t len;
    for (size_t depth = 1; depth < 16; depth++) {
        pb_jelly_config c = {.limits = {.depth = depth}};
        read_if_written(v, &c);
    }
    cr_assert_eq(pb_jelly_bytes(v, NULL, PB_DIALECT_PB, &out, &len, NULL), 0);
    pb_free(out);
    for (size_t most = 1; most <= len + 2; most++) {
        pb_jelly_config c = {.limits = {.message = most}};
        read_if_written(v, &c);
        size_t written;
        int e = pb_jelly_bytes(v, &c, PB_DIALECT_PB, &out, &written, NULL);
        cr_assert_eq(e, most < len ? PB_ERR_LIMIT : 0);
        pb_free(out);
    }
    for (size_t most = 1; most < 40; most++) {
        pb_jelly_config c = {.limits = {.values = most}};
        read_if_written(v, &c);
    }
}

PB_TEST(write_refuse, what_is_written_can_be_read)
{
    for (size_t i = 0; i < sizeof near_limits / sizeof *near_limits; i++) {
        pb_value *v = val(near_limits[i]);
        meets_limits(v);
        pb_value_unref(v);
    }
    pb_value *inner = val("[1]");
    pb_value *middle = pb_build(NULL, "[ON]", inner, inner);
    pb_value *outer = pb_build(NULL, "[ON]", middle, middle);
    meets_limits(outer);
    pb_value_unref(outer);
    for (size_t depth = 4090; depth <= 4097; depth++) {
        pb_jelly_config c = {0};
        pb_value *v = nest(depth);
        read_if_written(v, &c);
        pb_value_unref(v);
    }
}
