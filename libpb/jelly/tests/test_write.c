/* SPDX-License-Identifier: MIT
 *
 * The writer: each kind of value as Twisted writes it. test_write_share.c tests shared
 * values, test_write_refuse.c refused ones. */
#include "libpb/jelly/tests/writing.h"

static const pb_profile python2 = {.python_major = 2};

PB_TEST(write, scalars)
{
    writes(pb_none(), "[1 'None' ]");
    writes(pb_bool(true), "[2 'boolean' 'true' ]");
    writes(pb_bool(false), "[2 'boolean' 'false' ]");
    writes(val("0"), "0");
    writes(val("-5"), "-5");
    writes(val("2147483648"), "2147483648");
    writes(val("-4611686018427387904"), "-4611686018427387904");
    writes(val("4611686018427387904"), "4611686018427387904");
    writes(val("-9223372036854775808"), "-9223372036854775808");
    writes(val("18446744073709551616"), "b+00000000000000000002");
    writes(val("1.5"), "0x1.8p+0");
    writes(val("-inf"), "-inf");
}

PB_TEST(write, texts_of_every_length)
{
    char literal[240] = "'";
    char want[240] = "[2 'unicode' '";
    for (size_t n = 0; n < 200; n++) {
        memset(literal + 1, 'x', n);
        strcpy(literal + 1 + n, "'");
        memset(want + 14, 'x', n);
        strcpy(want + 14 + n, "' ]");
        writes(val(literal), want);
        want[14 + n + 1] = '\0';
        writes(pb_bytes((pb_span){(const uint8_t *)literal + 1, n}), want + 13);
    }
    writes(val("'\\0\xc3\xa9'"), "[2 'unicode' '\\x00\\xc3\\xa9' ]");
}

/* Texts that equal a word are sent as its number, also in user data. */
PB_TEST(write, words)
{
    static const struct {
        const char *literal;
        pb_span pb, none;
    } cases[] = {
        {"b'list'", BYTES("\x08\x87"), BYTES("\x04\x82list")},
        {"'list'", BYTES("\x02\x80\x07\x82unicode\x08\x87"),
         BYTES("\x02\x80\x07\x82unicode\x04\x82list")},
        {"None", BYTES("\x01\x80\x01\x87"), BYTES("\x01\x80\x04\x82None")},
        {"[b'lists']", BYTES("\x02\x80\x08\x87\x05\x82lists"),
         BYTES("\x02\x80\x04\x82list\x05\x82lists")},
        {"(1,)", BYTES("\x02\x80\x0b\x87\x01\x81"),
         BYTES("\x02\x80\x05\x82tuple\x01\x81")},
        {"{1: 2}", BYTES("\x02\x80\x05\x87\x02\x80\x01\x81\x02\x81"),
         BYTES("\x02\x80\x0a\x82"
               "dictionary\x02\x80\x01\x81\x02\x81")},
    };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        bool pb = i % 2;
        pb_span want = pb ? cases[i / 2].pb : cases[i / 2].none;
        pb_value *v = val(cases[i / 2].literal);
        uint8_t *out;
        size_t len;
        cr_assert_eq(pb_jelly_bytes(v, NULL, pb ? PB_DIALECT_PB : PB_DIALECT_NONE, &out,
                                    &len, NULL),
                     0);
        cr_expect(len == want.len && memcmp(out, want.data, len) == 0, "%s in %d",
                  cases[i / 2].literal, pb);
        pb_free(out);
        pb_value_unref(v);
    }
}

PB_TEST(write, containers)
{
    writes(val("[]"), "[1 'list' ]");
    writes(val("()"), "[1 'tuple' ]");
    writes(val("{}"), "[1 'dictionary' ]");
    writes(val("set()"), "[1 'set' ]");
    writes(val("frozenset()"), "[1 'frozenset' ]");
    writes(
        val("[1, [2, (3, {4})], frozenset({5}), 6]"),
        "[5 'list' 1 [3 'list' 2 [3 'tuple' 3 [2 'set' 4 ] ] ] [2 'frozenset' 5 ] 6 ]");
    writes(val("{'a': 1, b'b': {}, (2,): [3], 4: None}"),
           "[5 'dictionary' [2 [2 'unicode' 'a' ] 1 ] [2 'b' [1 'dictionary' ] ] "
           "[2 [2 'tuple' 2 ] [2 'list' 3 ] ] [2 4 [1 'None' ] ] ]");
}

PB_TEST(write, times_and_decimals)
{
    writes(val("datetime.datetime(2001, 2, 3, 4, 5, 6, 7)"),
           "[2 'datetime' '2001 2 3 4 5 6 7' ]");
    writes(val("datetime.date(1999, 12, 31)"), "[2 'date' '1999 12 31' ]");
    writes(val("datetime.time(1, 2, 3, 4)"), "[2 'time' '1 2 3 4' ]");
    writes(val("datetime.timedelta(days=-2, seconds=3, microseconds=4)"),
           "[2 'timedelta' '-2 3 4' ]");
    writes(val("Decimal('1.50')"), "[3 'decimal' 150 -2 ]");
    writes(val("Decimal('-1E+3')"), "[3 'decimal' -1 3 ]");
    writes(val("Decimal('-0')"), "[3 'decimal' 0 0 ]");
    writes(val("Decimal('-18446744073709551616')"),
           "[3 'decimal' b-00000000000000000002 0 ]");
}

/* Values that Python 2 sends and Python 3 refuses; see test_write_refuse.c. */
PB_TEST(write, native_strings_of_python_2)
{
    const pb_jelly_config c = {.profile = python2};
    writes_by(val("Decimal('-Infinity')"), &c, NULL, "[3 'decimal' 0 'F' ]");
    writes_by(val("Decimal('-NaN12')"), &c, NULL, "[3 'decimal' -12 'n' ]");
    writes_by(val("Decimal('sNaN1')"), &c, NULL, "[3 'decimal' 1 'N' ]");
    writes_by(pb_name(PB_FUNCTION, "m.f"), &c, NULL, "[2 'function' 'm.f' ]");
    writes_by(pb_name(PB_MODULE, "list"), &c, NULL, "[2 'module' 'list' ]");
    writes_by(pb_method_steal("f", pb_int(1), pb_name(PB_CLASS, "m.C")), &c, NULL,
              "[4 'method' 'f' 1 [2 'class' 'm.C' ] ]");
    writes_by(value_of(object_new(PB_REMOTE, "")), &c, NULL,
              "[2 'unpersistable' 'References cannot be serialized' ]");
}

PB_TEST(write, names)
{
    writes(pb_name(PB_CLASS, "m.C"), "[2 'class' 'm.C' ]");
}

PB_TEST(write, instances)
{
    pb_jelly_config c = {.taster = open_taster()};
    writes_by(pb_instance_steal("m.C", val("{'a': [1]}")), &c, NULL,
              "[2 'm.C' [2 'dictionary' [2 [2 'unicode' 'a' ] [2 'list' 1 ] ] ] ]");
    writes_by(pb_instance_steal("m.C", pb_int(5)), &c, NULL, "[2 'm.C' 5 ]");
    writes_by(pb_instance_steal("m.C", val("[]")), &c, NULL, "[2 'm.C' [1 'list' ] ]");
    writes_by(pb_instance_steal("m.C", pb_dict()), &c, NULL, "[2 'm.C' [1 'None' ] ]");
    c.profile = (pb_profile){.python_major = 3, .python_minor = 10};
    writes_by(pb_instance_steal("m.C", pb_dict()), &c, NULL,
              "[2 'm.C' [1 'dictionary' ] ]");
    writes_by(pb_instance_steal("m.C", pb_instance_steal("m.D", pb_none())), &c, NULL,
              "[2 'm.C' [2 'm.D' [1 'None' ] ] ]");
    pb_taster_unref(c.taster);
}

/* A received Unpersistable is sent as an instance of its class. */
PB_TEST(write, unpersistable)
{
    pb_jelly_config c = {.taster = open_taster()};
    writes_by(pb_unpersistable("why"), &c, NULL,
              "[2 'twisted.spread.jelly.Unpersistable' [2 'dictionary' "
              "[2 [2 'unicode' 'reason' ] [2 'unicode' 'why' ] ] ] ]");
    c.profile = python2;
    writes_by(pb_unpersistable("why"), &c, NULL,
              "[2 'twisted.spread.jelly.Unpersistable' [2 'dictionary' "
              "[2 'reason' 'why' ] ] ]");
    pb_taster_unref(c.taster);
    writes(pb_unpersistable("why"),
           "[2 'unpersistable' 'instance of class twisted.spread.jelly.Unpersistable "
           "deemed insecure' ]");
}

PB_TEST(write, insecure_instances)
{
    pb_jelly_config c = {.taster = pb_taster_new()};
    cr_assert_eq(pb_taster_allow_instances_of(c.taster, "m.Good"), 0);
    writes_by(pb_build(NULL, "[NN]", pb_instance_steal("m.Good", pb_int(1)),
                       pb_instance_steal("m.Bad", pb_int(2))),
              &c, NULL,
              "[3 'list' [2 'm.Good' 1 ] "
              "[2 'unpersistable' 'instance of class m.Bad deemed insecure' ] ]");
    pb_taster_unref(c.taster);
}

static int save(pb_value *instance, pb_value **id, pb_error *err, void *user_data)
{
    (void)err;
    (*(int *)user_data)++;
    if (strncmp(pb_name_of(instance), "kept.", 5) == 0) {
        *id = pb_value_ref(pb_instance_state(instance));
    }
    return 0;
}

PB_TEST(write, persistent)
{
    int saved = 0;
    pb_jelly_config c = {
        .taster = open_taster(), .persistent_save = save, .user_data = &saved};
    pb_value *twice = pb_instance_steal("kept.C", val("b'id'"));
    pb_value *v = pb_build(NULL, "[NNNOO]", pb_instance_steal("kept.C", pb_int(5)),
                           pb_instance_steal("kept.C", val("['a', 1]")),
                           pb_instance_steal("m.C", pb_int(6)), twice, twice);
    pb_value_unref(twice);
    writes_by(v, &c, NULL,
              "[6 'list' [2 'persistent' 5 ] "
              "[2 'persistent' [3 'list' [2 'unicode' 'a' ] 1 ] ] [2 'm.C' 6 ] "
              "[3 'reference' 1 [2 'persistent' 'id' ] ] [2 'dereference' 1 ] ]");
    cr_expect_eq(saved, 2 * 4, "asked once for each instance");
    pb_taster_unref(c.taster);
}

PB_TEST(write, forms_of_the_broker)
{
    struct object *o[5];
    for (size_t i = 0; i < 5; i++) {
        o[i] = object_new(i ? PB_OBJECT : PB_REMOTE, i ? "remote" : "local");
    }
    o[0]->form.id = pb_int(3);
    o[1]->form.id = val("b'root'");
    o[2]->form.state = val("{b'x': [1]}");
    o[3]->form.id = pb_int(4);
    o[3]->form.state = pb_none();
    writes_by(pb_build(NULL, "(NNNNN)", value_of(o[0]), value_of(o[1]), value_of(o[2]),
                       value_of(o[3]), value_of(o[4])),
              NULL, &object_invoker,
              "[6 'tuple' [2 'local' 3 ] [2 'remote' 'root' ] "
              "[2 'remote' [2 'dictionary' [2 'x' [2 'list' 1 ] ] ] ] "
              "[3 'remote' 4 [1 'None' ] ] [1 'remote' ] ]");
}

/* The invoker is asked again for the same object, except for a shared form. */
PB_TEST(write, forms_again)
{
    struct object *remote = object_new(PB_OBJECT, "remote");
    struct object *copy = object_new(PB_OBJECT, "m.Copy");
    remote->form.id = pb_int(1);
    copy->form.state = val("[7]");
    copy->form.shared = true;
    pb_value *v = pb_build(NULL, "[OOOO]", value_of(remote), value_of(copy),
                           value_of(remote), value_of(copy));
    writes_by(v, NULL, &object_invoker,
              "[5 'list' [2 'remote' 1 ] [3 'reference' 1 [2 'm.Copy' [2 'list' 7 ] ] ] "
              "[2 'remote' 1 ] [2 'dereference' 1 ] ]");
    cr_expect_eq(remote->asked, 2 * 2);
    cr_expect_eq(copy->asked, 2 * 1);
    pb_value_unref(value_of(remote));
    pb_value_unref(value_of(copy));
}

PB_TEST(write, after_what_the_encoder_holds)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_value *v = val("[[], []]");
    cr_assert_eq(pb_item_set_steal(v, 1, pb_value_ref(pb_item(v, 0))), 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pb_jelly(v, NULL, e, NULL), 0);
        pb_encoder_sent(e, pb_encoder_send(e).len - 9);
        cr_assert_eq(pb_jelly(v, NULL, e, NULL), 0);
        pb_encoder_sent(e, 9);
        tells(e, "[3 'list' [3 'reference' 1 [1 'list' ] ] [2 'dereference' 1 ] ]");
        pb_encoder_sent(e, pb_encoder_send(e).len);
    }
    pb_value_unref(v);
    pb_encoder_free(e);
}
