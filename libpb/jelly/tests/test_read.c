/* SPDX-License-Identifier: MIT
 *
 * The values that the reader makes of expressions: every type, every number of members,
 * and the differences between peers. As in Twisted, unless stated otherwise. */
#include "libpb/jelly/tests/reading.h"

struct row {
    const char *text, *want;
};

static void read_rows(const pb_jelly_config *c, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reads(c, rows[i].text, rows[i].want);
    }
}
#define READ_ROWS(c, rows) read_rows(c, rows, sizeof(rows) / sizeof *(rows))

PB_TEST(read, plain)
{
    static const struct row rows[] = {
        {"0", "0"},
        {"-5", "-5"},
        {"4611686018427387904", "4611686018427387904"},
        {"-9223372036854775807", "-9223372036854775807"},
        {"1.5", "1.5"},
        {"''", "b''"},
        {"'\\xff'", "b'\\xff'"},
        {"list", "b'list'"},
        {"(None)", "None"},
        {"(None 1 (x) ())", "None"},
        {"(boolean true)", "True"},
        {"(boolean false 1 (2))", "False"},
        {"(unicode '')", "''"},
        {"(unicode '\\xc3\\xa9')", "'\xc3\xa9'"},
        {"(unicode x 1 (2) 'y')", "'x'"},
        {"(unicode '0123456789abcdef0123456789abcdef0123456789')",
         "'0123456789abcdef0123456789abcdef0123456789'"},
    };
    READ_ROWS(NULL, rows);
}

PB_TEST(read, containers)
{
    static const struct row rows[] = {
        {"(list)", "[]"},
        {"(list 1 'x' (unicode y) (list (list)))", "[1, b'x', 'y', [[]]]"},
        {"(tuple)", "()"},
        {"(tuple 1)", "(1,)"},
        {"(tuple 1 (tuple))", "(1, ())"},
        {"(dictionary)", "{}"},
        {"(dictionary (1 2) ((unicode k) (dictionary (x y))))",
         "{1: 2, 'k': {b'x': b'y'}}"},
        {"(dictionary ((tuple 1 2) 3) (1.5 (None)) ((None) 4))",
         "{(1, 2): 3, 1.5: None, None: 4}"},
        {"(dictionary (1 a) (1.0 b) ((boolean true) c))", "{1: b'c'}"},
        {"(dictionary ((unicode a) 1) ((unicode b) 2) ((unicode a) 3) (a 4))",
         "{'a': 3, 'b': 2, b'a': 4}"},
        {"(dictionary 'ab' (x 1))", "{97: 98, b'x': 1}"},
        {"(dictionary ((reference 1 (unicode a)) 1) ((unicode b) 2) ((unicode a) 3) "
         "((dereference 1) 4))",
         "{'a': 4, 'b': 2}"},
        {"(dictionary ((dereference 1) (reference 1 a)) (b 2) (a 3))",
         "{b'a': 3, b'b': 2}"},
        {"(set)", "set()"},
        {"(set 1 2 1.0 (tuple 3))", "{1, 2, (3,)}"},
        {"(frozenset)", "frozenset()"},
        {"(frozenset (frozenset 1) 'x')", "frozenset({frozenset({1}), b'x'})"},
    };
    READ_ROWS(NULL, rows);
    survives(
        NULL,
        "(list (tuple 1 (unicode x)) (set 1 2) (frozenset) (dictionary 'ab' (x 1)))");
}

/* More items than there is room for at first, and keys that are long or have equal
 * ends. */
PB_TEST(read, many)
{
    struct pb__buf text = {0};
    struct pb__buf want = {0};
    pb__buf_puts(&text, "(list (dictionary");
    pb__buf_puts(&want, "[{");
    for (int i = 0; i < 100; i++) {
        pb__buf_printf(&text, " ((unicode long-key-of-a-dict-%d-long-key-of-a-dict) %d)",
                       i, i);
        pb__buf_printf(&want, "%s'long-key-of-a-dict-%d-long-key-of-a-dict': %d",
                       i ? ", " : "", i, i);
    }
    pb__buf_puts(&text, ") (list");
    pb__buf_puts(&want, "}, [");
    for (int i = 0; i < 300; i++) {
        pb__buf_printf(&text, " %d", i);
        pb__buf_printf(&want, "%s%d", i ? ", " : "", i);
    }
    pb__buf_puts(&text, "))");
    pb__buf_puts(&want, "]]");
    pb__buf_append(&text, "", 1);
    pb__buf_append(&want, "", 1);
    pb_encoder *e = expression((char *)text.data, PB_DIALECT_PB);
    pb_span in = pb_encoder_send(e);
    static const size_t cuts[] = {0, 3, 100, 1000, 5000};
    for (size_t i = 0; i < 2 * sizeof cuts / sizeof *cuts; i++) {
        char *got = read_in_way(NULL, NULL, PB_DIALECT_PB, in,
                                (struct way){.first = cuts[i / 2], .plain = i % 2});
        cr_expect_str_eq(got, (char *)want.data);
        pb_free(got);
    }
    pb_encoder_free(e);
    survives(NULL, (char *)text.data);
    pb__buf_fini(&text);
    pb__buf_fini(&want);
}

PB_TEST(read, datetimes)
{
    static const struct row rows[] = {
        {"(datetime '2020 1 2 3 4 5 6')", "datetime.datetime(2020, 1, 2, 3, 4, 5, 6)"},
        {"(datetime ' 1\\x092  3\\x0a' (x))", "datetime.datetime(1, 2, 3, 0, 0)"},
        {"(datetime '2020 1')", "!SYNTAX 2 numbers where a datetime has 3"},
        {"(datetime '1 1 1 1 1 1 1 1')", "!SYNTAX more than 7 numbers"},
        {"(datetime '2020 13 1')", "!RANGE month 13 is not in 1..12"},
        {"(datetime '99999999999999999999 1 1')",
         "!RANGE year 1000000000 is not in 1..9999"},
        {"(date '+2020 0_1 02')", "datetime.date(2020, 1, 2)"},
        {"(date '2020 1_ 1')", "!SYNTAX '1_' is not a number"},
        {"(date '2020 1 1 1')", "!SYNTAX more than 3 numbers"},
        {"(date '\\xff')", "!SYNTAX '' is not a number"},
        {"(date '- 1 1')", "!SYNTAX '-' is not a number"},
        {"(date 5)", "!SYNTAX the numbers of a date or time are not a byte string"},
        {"(date (1) '2020 1 1')",
         "!SYNTAX the numbers of a date or time are not a byte string"},
        {"(date)", "!SYNTAX 'date' has too few members"},
        {"(time '')", "datetime.time(0, 0)"},
        {"(time '1')", "datetime.time(1, 0)"},
        {"(time '23 59 59 999999')", "datetime.time(23, 59, 59, 999999)"},
        {"(time '24')", "!RANGE hour 24 is not in 0..23"},
        {"(timedelta '1 2 3')", "datetime.timedelta(days=1, seconds=2, microseconds=3)"},
        {"(timedelta '0 0 -1')",
         "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)"},
        {"(timedelta '0 0 86399999999999999999')",
         "datetime.timedelta(days=999999999, seconds=86399, microseconds=999999)"},
        {"(timedelta '-1000000000 86400 0')", "datetime.timedelta(days=-999999999)"},
        {"(timedelta '100000000000000000000 -8640000000000000000000000 0')",
         "datetime.timedelta(0)"},
        {"(timedelta '-100000000000000000000 8640000000000000000000000 5')",
         "datetime.timedelta(microseconds=5)"},
        {"(timedelta '999999999 86399 1000000')",
         "!RANGE a timedelta is at most 999999999 days, positive or negative"},
        {"(timedelta '1000000000 0 0')",
         "!RANGE a timedelta is at most 999999999 days, positive or negative"},
        {"(timedelta '999999999999999999999999999999999999999999999 0 0')",
         "!RANGE a timedelta is at most 999999999 days, positive or negative"},
        {"(timedelta '1 2')", "!SYNTAX 2 numbers where a timedelta has 3"},
    };
    READ_ROWS(NULL, rows);
    survives(NULL, "(list (datetime '1 2 3') (timedelta '1 2 3'))");
    pb_jelly_config python2 = {.profile = {.python_major = 2}};
    reads(&python2, "(date '2_0 1 1')", "!SYNTAX '2_0' is not a number");
}

PB_TEST(read, decimals)
{
    static const struct row rows[] = {
        {"(decimal 150 -2)", "Decimal('1.50')"},
        {"(decimal -5 3 (x) 4)", "Decimal('-5E+3')"},
        {"(decimal 0 0)", "Decimal('0')"},
        {"(decimal 4611686018427387904 0)", "Decimal('4611686018427387904')"},
        {"(decimal 0.1 0)",
         "Decimal('1000000000000000055511151231257827021181583404541015625')"},
        {"(decimal -2.5 -1)", "Decimal('-2.5')"},
        {"(decimal x 0)", "!SYNTAX the value of a decimal is not a number"},
        {"(decimal 1 999999999999999999)", "Decimal('1E+999999999999999999')"},
        {"(decimal 10 999999999999999999)",
         "!RANGE the exponent 999999999999999999 is out of range for a Decimal"},
        {"(decimal 5)", "!SYNTAX 'decimal' has too few members"},
        {"(decimal 5 x)",
         "!SYNTAX the exponent of a decimal is not an integer, or too large"},
        {"(decimal 5 (x))",
         "!SYNTAX the exponent of a decimal is not an integer, or too large"},
        {"(decimal (x) 5)", "!SYNTAX the value of a decimal is not a number"},
    };
    READ_ROWS(NULL, rows);
    survives(NULL, "(list (decimal 4611686018427387904 -2) (decimal 0.1 0))");

    static const struct row old[] = {
        {"(decimal '1.50' 0)", "Decimal('150')"},
        {"(decimal x 0)", "!SYNTAX 'x' is not a Decimal"},
        {"(decimal 0 F)", "Decimal('Infinity')"},
        {"(decimal 0 n)", "Decimal('NaN')"},
        {"(decimal 7 N)", "Decimal('sNaN7')"},
        {"(decimal 0 Fn)",
         "!SYNTAX the exponent of a decimal is not an integer, or too large"},
    };
    pb_jelly_config python2 = {.profile = {.python_major = 2}};
    READ_ROWS(&python2, old);
    survives(&python2, "(decimal '1.50' 0)");
}

PB_TEST(read, names)
{
    static const struct row rows[] = {
        {"(module os.path 1)", "<module 'os.path'>"},
        {"(class m.C (x))", "<class 'm.C'>"},
        {"(function m.f)", "<function m.f>"},
        {"(module)", "!SYNTAX 'module' has too few members"},
        {"(module 5)",
         "!SYNTAX the name of a class, module or function is not an ASCII string"},
        {"(class (x))",
         "!SYNTAX the name of a class, module or function is not an ASCII string"},
        {"(class '\\xff.C')",
         "!SYNTAX the name of a class, module or function is not an ASCII string"},
        {"(class C)", "!SYNTAX 'C' is not the name of a class"},
        {"(m.C (dictionary ((unicode x) 1)) 5)", "<m.C {'x': 1}>"},
        {"(m.C (list))", "<m.C []>"},
        {"(m.C 7 (dictionary ((unicode x) 1)))", "<m.C {'x': 1}>"},
        {"(m.C 7 (None) (list))", "<m.C {}>"},
        {"(m.C 7 8)", "<m.C 7>"},
        {"(m.C 7)", "<m.C 7>"},
        {"(m.C 'x' (list))", "<m.C b'x'>"},
        {"(m.C 7 ())", "!SYNTAX an expression is empty"},
        {"(m.C (None))", "<m.C {}>"},
        {"(m.C)", "!SYNTAX 'm.C' has too few members"},
        {"(nothing)", "!SYNTAX 'nothing' is not a type of jelly"},
        {"('\\xff.C' 1)", "!SYNTAX the name of a type is not ASCII"},
        {"(instance (class m.C) (dictionary))", "<m.C {}>"},
        {"(instance m.C (dictionary))", "!INSECURE Instance found with non-class class."},
        {"(instance (class m.C))", "!SYNTAX 'instance' has too few members"},
        {"(method f (None) (class m.C))", "!TYPE instance method changed"},
        {"(remote 1)", "!SYNTAX 'remote' can only be read by a broker"},
    };
    pb_jelly_config c = {.taster = open_taster()};
    READ_ROWS(&c, rows);
    survives(&c, "(list (module os) (m.C (None)) (instance (class m.C) (dictionary)))");

    static const struct row old[] = {
        {"(method f (m.C (dictionary)) (class m.C))", "<bound method m.C.f of <m.C {}>>"},
        {"(method f (None) (class m.C) 1)", "<bound method m.C.f of None>"},
        {"(method f (None) 5)", "!INSECURE Method found with non-class class."},
        {"(method (f) (None) (class m.C))", "!TYPE instance method changed"},
        {"(method '\\xff' (None) (class m.C))", "!TYPE instance method changed"},
        {"(method f (None))", "!SYNTAX 'method' has too few members"},
    };
    c.profile = (pb_profile){.python_major = 2};
    READ_ROWS(&c, old);
    survives(&c, "(method f (m.C (dictionary)) (class m.C))");
    pb_taster_unref(c.taster);
}

PB_TEST(read, names_of_old_peers)
{
    pb_jelly_config c = {.profile = {2, 7, 802}, .taster = open_taster()};
    reads(&c, "(class m.C)",
          "!INSECURE class 'm.C' unjellied to something that isn't a class: "
          "<class 'm.C'>");
    reads(&c, "(method f (None) (class m.C))", "<bound method m.C.f of None>");
    reads(&c, "(m.C (None))",
          "!TYPE __dict__ must be set to a dictionary, not a 'NoneType'");
    c.profile.twisted = 2003;
    reads(&c, "(class m.C)", "<class 'm.C'>");
    pb_taster_unref(c.taster);
}

PB_TEST(read, unpersistable)
{
    static const struct row rows[] = {
        {"(unpersistable why)", "Unpersistable(\"Unpersistable data: b'why'\")"},
        {"(unpersistable 1.5 x)", "Unpersistable('Unpersistable data: 1.5')"},
        {"(unpersistable (list 1 ('it''s')))",
         "Unpersistable(\"Unpersistable data: [b'list', 1, [b'it', b's']]\")"},
        {"(unpersistable)", "!SYNTAX 'unpersistable' has too few members"},
        {"(persistent)", "Unpersistable('Persistent callback not found')"},
        {"(persistent (what) 5)", "Unpersistable('Persistent callback not found')"},
    };
    READ_ROWS(NULL, rows);
    survives(NULL, "(list (unpersistable (1 (2))) (persistent))");

    static const struct row old[] = {
        {"(unpersistable why)", "Unpersistable('Unpersistable data: why')"},
        {"(unpersistable '\\xffa\\xc3\\xa9')",
         "Unpersistable('Unpersistable data: \xef\xbf\xbd"
         "a\xc3\xa9')"},
        {"(unpersistable (b '\\x5c\\x27b' 1))",
         "Unpersistable('Unpersistable data: [\\'b\\', \"\\\\\\\\\\'b\", 1]')"},
        {"(unicode 5 (x))", "'5'"},
        {"(unicode (x 1) 2)", "\"['x', 1]\""},
    };
    pb_jelly_config python2 = {.profile = {.python_major = 2}};
    READ_ROWS(&python2, old);
    survives(&python2, "(list (unpersistable (b 1)) (unicode (1)))");
    reads(&python2, "(dictionary 'ab' (a (unicode x)))", "{b'a': 'x'}");
}

/* Constants are one object, so that they are found shared when they are written again. */
PB_TEST(read, what_is_one)
{
    static const struct {
        pb_profile profile;
        bool one;
    } rows[] = {{{0}, false}, {{3, 9, 0}, true}, {{3, 11, 0}, false}, {{2, 0, 0}, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_jelly_config c = {.profile = rows[i].profile};
        pb_encoder *e =
            expression("(list (frozenset) (frozenset) (tuple) (tuple))", PB_DIALECT_PB);
        pb_value *v;
        cr_assert_eq(pb_unjelly_bytes(pb_encoder_send(e), &c, PB_DIALECT_PB, &v, NULL),
                     0);
        cr_expect_eq(pb_item(v, 0) == pb_item(v, 1), rows[i].one);
        cr_expect_eq(pb_item(v, 2), pb_item(v, 3));
        pb_value_unref(v);
        pb_encoder_free(e);
    }
}

PB_TEST(read, vocabulary_in_none)
{
    static const uint8_t in[] = "\x01\x80\x08\x87";
    pb_value *v;
    pb_jelly_config c = {.profile = {2, 7, 1302}};
    cr_assert_eq(pb_unjelly_bytes((pb_span){in, 4}, &c, PB_DIALECT_NONE, &v, NULL), 0);
    pb_value_unref(v);
    c.profile.twisted = 1606;
    cr_assert_eq(pb_unjelly_bytes((pb_span){in, 4}, &c, PB_DIALECT_NONE, &v, NULL),
                 PB_ERR_PROTOCOL);
}
