/* SPDX-License-Identifier: MIT
 *
 * The table of what differs between peers: each of the numbered differences in the notes
 * of the captures, asked of the versions that were captured. */
#include "compat/profile.h"
#include "compat/value.h"
#include "tests/support.h"

enum { VERSIONS = 13 };

static const char *const versions[VERSIONS] = {
    "8.2.0-py2",   "13.2.0-py2", "16.6.0-py2",  "20.3.0-py2", "20.3.0-py3",
    "21.2.0-py3",  "22.4.0-py3", "23.10.0-py3", "24.7.0-py3", "24.10.0-py3",
    "24.11.0-py3", "26.4.0-py3", "python3",
};

/* The same order: 1 where the row holds. */
static const struct {
    enum pb__profile_row row;
    const char *holds;
} rows[] = {
    {PB__PROFILE_NATIVE_STR_BARE, "1111000000000"},          /* 1 */
    {PB__PROFILE_SENDS_FUNCTIONS, "1111000000000"},          /* 2 */
    {PB__PROFILE_READS_METHODS, "1111000000000"},            /* 2 */
    {PB__PROFILE_BUILTINS_IN_EXCEPTIONS, "1111000000000"},   /* 3 */
    {PB__PROFILE_STANDARD_ERROR, "1111000000000"},           /* 3 */
    {PB__PROFILE_UNKNOWN_COMMAND_ANSWERED, "1111000000000"}, /* 4 */
    {PB__PROFILE_DICT_ORDERED, "0000111111111"},             /* 5 */
    {PB__PROFILE_FAILURE_CAPTURE_VARS, "0111111111111"},     /* 6 */
    {PB__PROFILE_PARENTS_AFTER_UNSAFE, "0000000011111"},     /* 6 */
    {PB__PROFILE_FAILURE_PICKLED, "0000000001111"},          /* 6 */
    {PB__PROFILE_PARENTS_FIRST, "1000000000000"},            /* 7 */
    {PB__PROFILE_PAGES_WANT_ANSWER, "1100000000000"},        /* 8 */
    {PB__PROFILE_DATES_REFUSED, "0000100000000"},            /* 9 */
    {PB__PROFILE_READS_NEW_CLASS, "0111111111111"},          /* 10 */
    {PB__PROFILE_FILLS_OWN_INSTANCE, "0011111111111"},       /* 11 */
    {PB__PROFILE_FILLS_AGAIN, "1100000000000"},   /* read in Twisted's source */
    {PB__PROFILE_VOCAB_IN_NONE, "1100000000000"}, /* 12 */
    {PB__PROFILE_INTEGER_COMMAND_ANSWERED, "1100000000000"}, /* 13 */
    {PB__PROFILE_INTEGER_METHOD_ANSWERED, "1100000000000"},  /* 13 */
    {PB__PROFILE_HEAD_TYPE_ERROR, "1100000000000"},          /* 14 */
    {PB__PROFILE_EMPTY_STATE_NONE, "0000111111111"},         /* 15 */
    {PB__PROFILE_READS_EMPTY_STATE, "0000000111111"},        /* 15 */
    {PB__PROFILE_LATE_FAILURE_LOST, "0000000010000"},        /* 16 */
    {PB__PROFILE_OLD_CLASSES, "1111000000000"}, /* seen in all captures of Python 2 */
};

static const char *const sentences[] = {
#define SENTENCE(name, python_first, python_last, first, last, sentence) sentence,
    PB__PROFILE_MAP(SENTENCE)
#undef SENTENCE
};

PB_TEST(profile, rows)
{
    cr_assert_eq(sizeof rows / sizeof *rows, PB__PROFILE_ROWS);
    for (size_t i = 0; i < PB__PROFILE_ROWS; i++) {
        cr_assert_eq(rows[i].row, i);
        for (size_t v = 0; v < VERSIONS; v++) {
            pb_profile p;
            cr_assert_eq(pb_profile_parse(versions[v], &p, NULL), 0);
            cr_assert_eq(pb__profile_has(p, rows[i].row), rows[i].holds[v] == '1',
                         "%s: %s", versions[v], sentences[i]);
        }
        cr_assert(strlen(sentences[i]) > 20);
    }
}

PB_TEST(profile, defaults)
{
    pb_profile zero = {0};
    pb_profile three, two;
    cr_assert_eq(pb_profile_parse("python3", &three, NULL), 0);
    cr_assert_eq(pb_profile_parse("python2", &two, NULL), 0);
    pb_profile last_of_two = {2, 7, 2003};
    for (int row = 0; row < PB__PROFILE_ROWS; row++) {
        cr_assert_eq(pb__profile_has(zero, (enum pb__profile_row)row),
                     pb__profile_has(three, (enum pb__profile_row)row));
        cr_assert_eq(pb__profile_has(two, (enum pb__profile_row)row),
                     pb__profile_has(last_of_two, (enum pb__profile_row)row));
    }
    cr_assert(pb__profile_has((pb_profile){3, 11, 2204}, PB__PROFILE_EMPTY_STATE_NONE));
    cr_assert_not(
        pb__profile_has((pb_profile){3, 10, 2204}, PB__PROFILE_EMPTY_STATE_NONE));
}

PB_TEST(profile, parse)
{
    static const struct {
        const char *text;
        pb_profile p;
    } good[] = {
        {"22.4.0-py3", {3, 0, 2204}},
        {"8.2.0-py2", {2, 0, 802}},
        {"22.4", {0, 0, 2204}},
        {"23.10.0-py3.11", {3, 11, 2310}},
        {"24.11-py3.8", {3, 8, 2411}},
        {"python2", {2, 0, 0}},
        {"python3.12", {3, 12, 0}},
        {"24.10.0rc1", {0, 0, 2410}},
        {"24.7.0.post0", {0, 0, 2407}},
        {"24.10.0.rc1-py3.11", {3, 11, 2410}},
        {"24.7rc2.post1.dev0", {0, 0, 2407}},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        pb_profile p;
        cr_assert_eq(pb_profile_parse(good[i].text, &p, NULL), 0, "%s", good[i].text);
        cr_assert_eq(p.python_major, good[i].p.python_major);
        cr_assert_eq(p.python_minor, good[i].p.python_minor);
        cr_assert_eq(p.twisted, good[i].p.twisted);
    }
    static const char *const bad[] = {"",
                                      "22",
                                      "22.",
                                      "22.4.",
                                      "22.4.0-",
                                      "22.4.0-py",
                                      "22.4.0-py4",
                                      "22.4.0-py3.",
                                      "python",
                                      "python4",
                                      "python3x",
                                      "py3",
                                      "222.4",
                                      "22.4.0-py3 ",
                                      "22.4.0rc",
                                      "22.4.0.rc-py3",
                                      "22.4.0.post",
                                      "22.4.0dev1rc1",
                                      "22.4.0a1",
                                      "22.4.0rc1rc2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pb_profile p = {9, 9, 9};
        pb_error err = {0};
        cr_assert_eq(pb_profile_parse(bad[i], &p, &err), PB_ERR_SYNTAX, "%s", bad[i]);
        cr_assert_eq(p.python_major, 0);
    }
    pb_error err = {0};
    pb_profile p;
    pb_profile_parse("22.4.0-jython", &p, &err);
    cr_assert_str_eq(err.text,
                     "'22.4.0-jython' is not a profile such as 22.4.0-py3 or python2");
    cr_assert_eq(err.offset, 6);
}
