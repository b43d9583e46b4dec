/* SPDX-License-Identifier: MIT
 *
 * Expressions that the reader refuses, and its errors: code, path and text. The rest of a
 * refused expression is skipped, and nothing of it is left. */
#include "libpb/jelly/tests/reading.h"

struct row {
    const char *text, *want;
};

static void refuse_rows(const pb_jelly_config *c, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reads(c, rows[i].text, rows[i].want);
        stops_anywhere(c, rows[i].text);
    }
}
#define REFUSE_ROWS(c, rows) refuse_rows(c, rows, sizeof(rows) / sizeof *(rows))

PB_TEST(read_refuse, malformed)
{
    static const struct row rows[] = {
        {"()", "!SYNTAX an expression is empty"},
        {"(1 2)", "!SYNTAX the head of an expression is a 'int'"},
        {"(1.5 (list))", "!SYNTAX the head of an expression is a 'float'"},
        {"((list) 2)", "!SYNTAX the head of an expression is a list"},
        {"(unicode)", "!SYNTAX 'unicode' has no member"},
        {"(unicode 1 2)", "!SYNTAX the member of 'unicode' is a 'int'"},
        {"(unicode (list) 2)", "!SYNTAX the member of 'unicode' is a list"},
        {"(unicode 'ab\\xff')", "!SYNTAX text is not UTF-8: byte 0xff at offset 2"},
        {"(unicode '0123456789012345678901234567890123456789\\xed\\xa0\\x80')",
         "!SYNTAX text is not UTF-8: byte 0xed at offset 40"},
        {"(boolean)", "!SYNTAX 'boolean' has no member"},
        {"(boolean maybe)", "!SYNTAX a boolean is neither 'true' nor 'false'"},
        {"(boolean 1)", "!SYNTAX the member of 'boolean' is a 'int'"},
        {"(dictionary (1))", "!SYNTAX .pairs[0]: a pair of a dictionary has 1 members"},
        {"(dictionary (1 2) (3 (list 1) 4))",
         "!SYNTAX .pairs[1]: a pair of a dictionary has 3 members"},
        {"(dictionary ())", "!SYNTAX .pairs[0]: a pair of a dictionary has 0 members"},
        {"(dictionary 5)", "!SYNTAX .pairs[0]: a pair of a dictionary is a 'int'"},
        {"(dictionary abc)",
         "!SYNTAX .pairs[0]: a pair of a dictionary is a string of 3 bytes"},
    };
    REFUSE_ROWS(NULL, rows);
}

PB_TEST(read_refuse, unhashable)
{
    static const struct row rows[] = {
        {"(dictionary ((list 1) 2) (3 4))", "!TYPE .keys[0]: unhashable type: 'list'"},
        {"(dictionary (1 2) ((dictionary) (list)) (3 (4)))",
         "!TYPE .keys[1]: unhashable type: 'dict'"},
        {"(dictionary ((tuple 1 (set)) 2))",
         "!TYPE .keys[0]: its contents are unhashable"},
        {"(list (set 1 (list)) (x))", "!TYPE [0]: unhashable type: 'list'"},
        {"(frozenset (set))", "!TYPE unhashable type: 'set'"},
    };
    REFUSE_ROWS(NULL, rows);
}

PB_TEST(read_refuse, insecure)
{
    static const struct row rows[] = {
        {"(what (list))", "!INSECURE b'what'"},
        {"('it''s')", "!INSECURE b'it'"},
        {"('\\xff')", "!INSECURE b'\\xff'"},
        {"(module os)", "!INSECURE b'module'"},
        {"(string x)", "!INSECURE Module  not allowed (in type string)."},
        {"(m.sub.C (dictionary))",
         "!INSECURE Module m.sub not allowed (in type m.sub.C)."},
    };
    REFUSE_ROWS(NULL, rows);

    static const struct row some[] = {
        {"(m.C (dictionary))", "<m.C {}>"},
        {"(m.D (dictionary))", "!INSECURE Class m.D not allowed."},
        {"(module n)", "!INSECURE Attempted to unjelly module named 'n'"},
        {"(class n.C)", "!INSECURE module n not allowed"},
        {"(class m.D)", "!INSECURE class not allowed: m.D"},
        {"(function m.f)", "!INSECURE b'function'"},
    };
    pb_jelly_config c = {.taster = pb_taster_new()};
    cr_assert_eq(pb_taster_allow_instances_of(c.taster, "m.C"), 0);
    REFUSE_ROWS(&c, some);
    cr_assert_eq(pb_taster_allow_type(c.taster, "function"), 0);
    reads(&c, "(function n.f)", "!INSECURE Module not allowed: n");

    c.profile.python_major = 2;
    reads(&c, "(what)", "!INSECURE what");
    reads(&c, "('\\xff')", "!INSECURE b'\\xff'"); /* no text */
    reads(&c, "('a\\x00')", "!INSECURE b'a\\x00'");
    reads(&c, "('')", "!INSECURE b''");
    pb_taster_unref(c.taster);
}

PB_TEST(read_refuse, nothing_is_allowed)
{
    static const struct row rows[] = {
        {"(list 1)", "!INSECURE b'list'"},
        {"(tuple (list))", "!INSECURE b'tuple'"},
        {"(set (dictionary))", "!INSECURE [0]: b'dictionary'"},
        {"(set (reference 1 2))", "!INSECURE [0]: b'reference'"},
        {"(unicode x)", "'x'"},
    };
    pb_jelly_config c = {.taster = pb_taster_new()};
    REFUSE_ROWS(&c, rows);
    pb_taster_unref(c.taster);
}

PB_TEST(read_refuse, path)
{
    static const struct row rows[] = {
        {"(list 1 (tuple 2 3 (what)))", "!INSECURE [1][2]: b'what'"},
        {"(dictionary ((unicode key) (list (list 1) (list (what)))))",
         "!INSECURE ['key'][1][0]: b'what'"},
        {"(dictionary (1 2) (key (set 1 (what))))", "!INSECURE [b'key'][1]: b'what'"},
        {"(dictionary (-7 (what)))", "!INSECURE [-7]: b'what'"},
        {"(dictionary (1 2) ((tuple) (what)))", "!INSECURE .values[1]: b'what'"},
        {"(dictionary (1 2) ((tuple (what)) 3))", "!INSECURE .keys[1][0]: b'what'"},
        {"(reference 1 (list (what)))", "!INSECURE [0]: b'what'"},
    };
    REFUSE_ROWS(NULL, rows);

    static const struct row named[] = {
        {"(m.C (dictionary ((unicode x) ())))", "!SYNTAX ['x']: an expression is empty"},
        {"(method f (list ()) (class m.C))", "!SYNTAX .self[0]: an expression is empty"},
        {"(method f (None) (class ()))", "!SYNTAX .class: the name of a class, module or "
                                         "function is not an ASCII string"},
    };
    pb_jelly_config c = {.profile = {.python_major = 2}, .taster = open_taster()};
    REFUSE_ROWS(&c, named);
    pb_taster_unref(c.taster);
}

/* The first error is reported, with the offset of its token. */
PB_TEST(read_refuse, offset)
{
    pb_encoder *e = expression("(list 1 (unicode '\\xff') (what))", PB_DIALECT_PB);
    pb_value *v;
    pb_error err = {0};
    cr_assert_eq(pb_unjelly_bytes(pb_encoder_send(e), NULL, PB_DIALECT_PB, &v, &err),
                 PB_ERR_SYNTAX);
    cr_expect_null(v);
    cr_expect_eq(err.offset, 18);
    cr_expect_str_eq(err.where, "[1]");
    pb_encoder_free(e);
}

PB_TEST(read_refuse, banana_itself)
{
    pb_value *v;
    pb_error err = {0};
    static const struct {
        const char *in;
        size_t len;
        int code;
        const char *text;
    } rows[] = {
        {"\x02\x80\x08\x87", 4, PB_ERR_SYNTAX,
         "the bytes end before the expression does"},
        {"", 0, PB_ERR_SYNTAX, "the bytes end before the expression does"},
        {"\x01\x81\x01\x81", 4, PB_ERR_SYNTAX, "2 bytes follow the expression"},
        {"\x02\x80\x08\x87\xff", 5, PB_ERR_SYNTAX, "Invalid Type Byte 0xff"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err = (pb_error){0};
        pb_span in = {(const uint8_t *)rows[i].in, rows[i].len};
        cr_expect_eq(pb_unjelly_bytes(in, NULL, PB_DIALECT_PB, &v, &err), rows[i].code);
        cr_expect_str_eq(err.text, rows[i].text);
        cr_expect_null(v);
        cr_expect_eq(pb_unjelly_bytes(in, NULL, PB_DIALECT_PB, &v, NULL), rows[i].code);
    }
    pb_jelly_config c = {.limits = {.depth = 2}};
    pb_encoder *e = expression("(list (list (list)))", PB_DIALECT_PB);
    err = (pb_error){0};
    cr_expect_eq(pb_unjelly_bytes(pb_encoder_send(e), &c, PB_DIALECT_PB, &v, &err),
                 PB_ERR_LIMIT);
    pb_encoder_free(e);
}

/* The limits also apply to what is read ahead. */
PB_TEST(read_refuse, limits_ahead)
{
    static const char text[] =
        "(list (dictionary ((unicode abc) (unicode defgh)) (k (boolean true))) (None) 1)";
    pb_encoder *e = expression(text, PB_DIALECT_PB);
    pb_span in = pb_encoder_send(e);
    /* The longest list, the deepest, the longest string, all elements, all bytes. */
    size_t fits[] = {4, 4, 7, 19, in.len};
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        for (size_t n = 1; n < fits[i] + 3; n++) {
            pb_jelly_config c = {0};
            size_t *limits[] = {&c.limits.list, &c.limits.depth, &c.limits.bytes,
                                &c.limits.values, &c.limits.message};
            *limits[i] = n;
            pb_value *v;
            pb_error err = {0};
            int code = pb_unjelly_bytes(in, &c, PB_DIALECT_PB, &v, &err);
            cr_expect_eq(code, n < fits[i] ? PB_ERR_LIMIT : 0, "limit %zu is %zu: %s", i,
                         n, err.text);
            pb_value_unref(v);
        }
    }
    pb_encoder_free(e);
}

/* A false length uses no memory. */
PB_TEST(read_refuse, lies)
{
    static const uint8_t in[] = "\x00\x00\x28\x80\x08\x87\x00\x00\x28\x80\x05\x87"
                                "\x00\x00\x28\x80\x0b\x87\x01\x81";
    struct taken t = {0};
    struct pb__reader *r =
        pb__reader_new(&(struct pb__reader_config){.done = take_one, .ctx = &t});
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
    long before = pb__test_live();
    cr_assert_eq(pb_decoder_recv(d, (pb_span){in, sizeof in - 1}, NULL), 0);
    cr_expect_leq(pb__test_live() - before, 6);
    pb_decoder_free(d);
    pb__reader_free(r);
}
