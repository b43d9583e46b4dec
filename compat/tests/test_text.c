/* SPDX-License-Identifier: MIT
 *
 * bytes and str, and what is UTF-8. */
#include <string.h>

#include "compat/value.h"
#include "tests/support.h"

#define SPAN(literal) ((pb_span){(const uint8_t *)(literal), sizeof(literal) - 1})

PB_TEST(text, in_and_out)
{
    pb_value *s = pb_strn(SPAN("a\0b\xc3\xa9"), NULL);
    pb_value *b = pb_bytes(SPAN("a\0\xff"));
    pb_span out;
    cr_assert_eq(pb_value_kind(s), PB_STR);
    cr_assert_eq(pb_value_kind(b), PB_BYTES);
    cr_assert_eq(pb_as_text(s, &out), 0);
    cr_assert(out.len == 5 && memcmp(out.data, "a\0b\xc3\xa9", 6) == 0);
    cr_assert_eq(pb_as_text(b, &out), 0);
    cr_assert(out.len == 3 && memcmp(out.data, "a\0\xff", 4) == 0);
    cr_assert_eq(pb_as_bytes(b, &out), 0);
    cr_assert_eq(out.len, 3);
    cr_assert_eq(pb_as_bytes(s, &out), PB_ERR_TYPE);
    cr_assert_eq(pb_as_text(pb_none(), &out), PB_ERR_TYPE);
    cr_assert_eq(pb_as_text(pb_int(1), &out), PB_ERR_TYPE);
    cr_assert_eq(pb_len(s), 5);
    pb_value_unref(s);
    pb_value_unref(b);
}

PB_TEST(text, empty)
{
    pb_value *s = pb_str("");
    pb_value *b = pb_bytes((pb_span){NULL, 0});
    pb_value *n = pb_strn((pb_span){NULL, 0}, NULL);
    pb_span out;
    cr_assert_eq(pb_as_text(s, &out), 0);
    cr_assert(out.len == 0 && out.data[0] == 0);
    cr_assert(pb_value_equal(s, n));
    cr_assert_not(pb_value_equal(s, b));
    pb_value_unref(s);
    pb_value_unref(b);
    pb_value_unref(n);
}

/* A sequence at every place of a text that is longer than the steps of the check. */
static void check_everywhere(const char *sequence, size_t len, bool good, size_t bad_at)
{
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 20; after++) {
            uint8_t text[64];
            memset(text, 'x', sizeof text);
            memcpy(text + before, sequence, len);
            size_t bad = 999;
            cr_assert_eq(pb__utf8_check(text, before + len + after, &bad), good);
            cr_assert_eq(bad, good ? 999 : before + bad_at);
        }
    }
}

PB_TEST(text, utf8)
{
    static const struct {
        const char *bytes;
        bool good;
        size_t bad_at;
    } rows[] = {
        {"a", true, 0},
        {"\x7f", true, 0},
        {"\xc2\x80", true, 0},
        {"\xdf\xbf", true, 0},
        {"\xe0\xa0\x80", true, 0},
        {"\xed\x9f\xbf", true, 0},
        {"\xee\x80\x80", true, 0},
        {"\xef\xbf\xbf", true, 0},
        {"\xf0\x90\x80\x80", true, 0},
        {"\xf4\x8f\xbf\xbf", true, 0},
        {"\x80", false, 0},
        {"\xbf", false, 0},
        {"\xc0\x80", false, 0}, /* overlong */
        {"\xc1\xbf", false, 0},
        {"\xe0\x9f\xbf", false, 0},
        {"\xf0\x8f\xbf\xbf", false, 0},
        {"\xed\xa0\x80", false, 0}, /* surrogates */
        {"\xed\xbf\xbf", false, 0},
        {"\xf4\x90\x80\x80", false, 0}, /* past U+10FFFF */
        {"\xf5\x80\x80\x80", false, 0},
        {"\xff", false, 0},
        {"\xc2", false, 0}, /* cut off */
        {"\xe1\x80", false, 0},
        {"\xf1\x80\x80", false, 0},
        {"\xc3\xa9\xc3", false, 2},
        {"\xc2\x41", false, 0},
        {"\xe1\x80\x41", false, 0},
        {"\xf1\x80\x80\x41", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_everywhere(rows[i].bytes, strlen(rows[i].bytes), rows[i].good,
                         rows[i].bad_at);
    }
}

PB_TEST(text, error)
{
    pb_error err = {0};
    cr_assert_null(pb_strn(SPAN("abc\xed\xa0\x80"), &err));
    cr_assert_eq(err.code, PB_ERR_SYNTAX);
    cr_assert_eq(err.offset, 3);
    cr_assert_str_eq(err.text, "text is not UTF-8: byte 0xed at offset 3");
    cr_assert_null(pb_strn(SPAN("\xff"), NULL));
    cr_assert_null(pb_str("\xff"));
}

PB_TEST(text, to_be_filled)
{
    struct pb__text *t = pb__text_new(NULL, PB_BYTES, NULL, 3);
    cr_assert_eq(t->data[3], 0);
    memcpy(t->data, "abc", 3);
    pb_value *b = pb_bytes(SPAN("abc"));
    cr_assert(pb_value_equal(b, &t->head));
    pb_value_unref(b);
    pb_value_unref(&t->head);
    cr_assert_null(pb__text_new(NULL, PB_BYTES, NULL, SIZE_MAX));
}

static int make(void *unused)
{
    (void)unused;
    pb_error err = {0};
    pb_value *s = pb_strn(SPAN("text"), &err);
    pb_value *b = s ? pb_bytes(SPAN("bytes")) : NULL;
    pb_value *f = b ? pb_float(1.5) : NULL;
    int e = s ? 0 : err.code;
    e = e || f ? e : PB_ERR_NOMEM;
    pb_value_unref(s);
    pb_value_unref(b);
    pb_value_unref(f);
    return e;
}

PB_TEST(text, lack_of_memory)
{
    pb__test_each_failure(make, NULL);
}
