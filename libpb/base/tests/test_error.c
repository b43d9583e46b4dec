/* SPDX-License-Identifier: MIT
 *
 * Errors: the texts and numbers users rely on, and the filling of a pb_error. */
#include <criterion/criterion.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tests/support.h"

/* The numbers are part of the ABI and the texts are documented, so they are repeated
 * here. */
static const struct {
    int code;
    const char *text;
} known[] = {
    {0, "no error"},
    {-1, "out of memory"},
    {-2, "bad argument"},
    {-3, "wrong kind of value"},
    {-4, "number out of range"},
    {-5, "malformed input"},
    {-6, "limit exceeded"},
    {-7, "refused by taster"},
    {-8, "protocol error"},
    {-9, "dead reference"},
    {-10, "connection lost"},
    {-11, "timed out"},
    {-12, "cancelled"},
    {-13, "TLS failure"},
    {-14, "login refused"},
    {-15, "not possible now"},
    {-16, "system call failed"},
    {-17, "the peer answered with a failure"},
    {-18, "unknown error"}, /* the first unused number */
    {1, "unknown error"},
};

PB_TEST(error, keeps_numbers_and_texts)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_assert_str_eq(pb_strerror(known[i].code), known[i].text, "code %d is \"%s\"",
                         known[i].code, pb_strerror(known[i].code));
    }
    cr_assert_eq(PB_ERR_NOMEM, -1);
    cr_assert_eq(PB_ERR_SYSTEM, -16);
}

PB_TEST(error, holds_code_offset_and_text)
{
    pb_error err = {0};
    int e = pb__error_set(&err, PB_ERR_LIMIT, 1234567890123, "a list of %d, at most %d",
                          7, 6);
    cr_assert_eq(e, PB_ERR_LIMIT);
    cr_assert_eq(err.code, PB_ERR_LIMIT);
    cr_assert_eq(err.offset, 1234567890123);
    cr_assert_str_eq(err.text, "a list of 7, at most 6");
    cr_assert_str_eq(err.where, "");
}

PB_TEST(error, is_set_by_a_program)
{
    pb_error err = {0};
    cr_assert_eq(pb_error_set(&err, PB_ERR_RANGE, "%d is below zero", -3), PB_ERR_RANGE);
    cr_assert_eq(err.code, PB_ERR_RANGE);
    cr_assert_str_eq(err.text, "-3 is below zero");
    cr_assert_eq(pb_error_set(&err, PB_ERR_TYPE, "the second"), PB_ERR_TYPE);
    cr_assert_eq(err.code, PB_ERR_RANGE);
    cr_assert_str_eq(err.text, "-3 is below zero");
    pb_error_clear(&err);
    cr_assert_eq(pb_error_set(&err, PB_OK, "no code"), PB_ERR_ARG);
    cr_assert_eq(err.code, PB_ERR_ARG);
    pb_error_clear(&err);
    cr_assert_eq(pb_error_set(&err, 3, NULL), PB_ERR_ARG);
    cr_assert_str_eq(err.text, "bad argument");
}

PB_TEST(error, keeps_the_first)
{
    pb_error err = {0};
    pb__error_set(&err, PB_ERR_TYPE, 3, "first");
    cr_assert_eq(pb__error_set(&err, PB_ERR_LIMIT, 9, "second"), PB_ERR_LIMIT);
    cr_assert_eq(pb__error_nomem(&err), PB_ERR_NOMEM);
    cr_assert_eq(err.code, PB_ERR_TYPE);
    cr_assert_eq(err.offset, 3);
    cr_assert_str_eq(err.text, "first");
}

PB_TEST(error, may_be_null)
{
    cr_assert_eq(pb__error_set(NULL, PB_ERR_TYPE, 3, "nobody looks"), PB_ERR_TYPE);
    cr_assert_eq(pb__error_nomem(NULL), PB_ERR_NOMEM);
    pb__error_where(NULL, "nowhere");
}

PB_TEST(error, tells_lack_of_memory_without_allocating)
{
    pb_error err = {0};
    pb__test_fail_at(1, true);
    cr_assert_eq(pb__error_nomem(&err), PB_ERR_NOMEM);
    cr_assert_not(pb__test_failed());
    cr_assert_eq(err.code, PB_ERR_NOMEM);
    cr_assert_str_eq(err.text, "out of memory");
}

/* Fills the text except for `room` bytes, then appends one more character. */
static void cut_after(size_t room, const char *character, pb_error *err)
{
    *err = (pb_error){0};
    int fill = (int)(sizeof err->text - 1 - room);
    pb__error_set(err, PB_ERR_SYNTAX, 0, "%*s%s", fill, "", character);
}

PB_TEST(error, is_never_cut_inside_a_character)
{
    static const char *const characters[] = {"x", "\u00e9", "\u20ac", "\U0001f600"};
    for (size_t bytes = 1; bytes <= 4; bytes++) {
        for (size_t room = 0; room <= bytes; room++) {
            pb_error err;
            cut_after(room, characters[bytes - 1], &err);
            size_t want = sizeof err.text - 1 - room + (room == bytes ? bytes : 0);
            cr_assert_eq(strlen(err.text), want, "%zu bytes, room for %zu", bytes, room);
        }
    }
}

PB_TEST(error, says_where_piece_by_piece)
{
    pb_error err = {0};
    pb__error_where(&err, "message %d: ", 12);
    pb__error_where(&err, "args[%d]", 0);
    cr_assert_str_eq(err.where, "message 12: args[0]");
}

PB_TEST(error, cuts_where_at_its_size)
{
    for (size_t room = 0; room <= 3; room++) {
        pb_error err = {0};
        int fill = (int)(sizeof err.where - 1 - room);
        pb__error_where(&err, "%*s", fill, "");
        pb__error_where(&err, "\u20ac");
        cr_assert_eq(strlen(err.where), (size_t)fill + (room == 3 ? 3 : 0),
                     "room for %zu", room);
        cr_assert_str_eq(err.text, "");
    }
}

PB_TEST(error, frees_what_was_handed_out)
{
    pb_free(pb__malloc(10));
    pb_free(NULL);
    cr_assert_eq(pb__test_live(), 0);
}

/* Text of a peer cannot control a terminal, and cannot look like another line. */
PB_TEST(error, controls_are_escaped)
{
    static const struct {
        const char *given, *shown;
    } texts[] = {
        {"a\x1b[31mb", "a\\x1b[31mb"},
        {"a\nb\r\tc", "a\\nb\\r\\tc"},
        {"\a\x7f\b", "\\x07\\x7f\\x08"},
        {"\xc2\x9b", "\\x9b"},
        {"\xe2\x80\xaex", "\\u202ex"},
        {"\xe2\x81\xa6", "\\u2066"},
        {"\xe2\x80\xa8", "\\u2028"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pb_error err = {0};
        pb__error_set(&err, PB_ERR_ARG, 0, "%s", texts[i].given);
        pb__error_where(&err, "%s", texts[i].given);
        cr_expect_str_eq(err.text, texts[i].shown);
        cr_expect_str_eq(err.where, texts[i].shown);
    }
    /* A text that becomes too long is cut. */
    pb_error err = {0};
    char bells[sizeof err.text] = {0};
    memset(bells, '\a', sizeof bells - 1);
    pb__error_set(&err, PB_ERR_ARG, 0, "%s", bells);
    cr_expect_eq(strlen(err.text), (sizeof err.text - 1) / 4 * 4);
}

/* A callback of the application gives a reason, or only a code, or neither; the last is
 * reported by a sentence that says so. */
PB_TEST(error, of_a_callback)
{
    static const struct {
        int code;
        pb_error why;
        int expected;
        const char *text;
    } cases[] = {
        {0, {.code = PB_ERR_RANGE, .text = "too far"}, PB_ERR_RANGE, "too far"},
        {PB_ERR_TYPE, {.code = PB_ERR_RANGE, .text = "too far"}, PB_ERR_RANGE, "too far"},
        {0, {.code = 7, .text = "odd"}, PB_ERR_ARG, "odd"},
        {PB_ERR_TYPE, {0}, PB_ERR_TYPE, NULL},
        {0, {0}, PB_ERR_NOMEM, "load returned NULL and no error (out of memory?)"},
        {7, {0}, PB_ERR_ARG, "load returned 7, which is not an error code"},
        {-1000, {0}, PB_ERR_ARG, "load returned -1000, which is not an error code"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_error err = {0};
        const pb_error *why = cases[i].why.code ? &cases[i].why : NULL;
        cr_expect_eq(pb__error_of_callback(&err, "load", cases[i].code, why),
                     cases[i].expected);
        cr_expect_eq(err.code, cases[i].expected);
        cr_expect_str_eq(err.text,
                         cases[i].text ? cases[i].text : pb_strerror(cases[i].code));
    }
}
