/* SPDX-License-Identifier: MIT
 *
 * Patterns of a taster, with PCRE2. */
#include "libpb/jelly/tests/tasting.h"
#include "tests/support.h"

PB_TEST(pattern, whole_names)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_pattern(t, "app(\\.\\w+)*", NULL), 0);
    cr_expect_eq(pb_taster_allow_pattern(t, "func|function", NULL), 0);
    cr_expect_eq(pb_taster_allow_pattern(t, "x\\.Y$", NULL), 0);
    cr_expect(module(t, "app"));
    cr_expect(module(t, "app.models"));
    cr_expect(class(t, "app.models.User"));
    cr_expect(type(t, "function"));
    cr_expect(class(t, "x.Y"));
    /* A pattern is anchored at both ends, also with an alternative or a $. */
    cr_expect_not(module(t, "myapp"));
    cr_expect_not(module(t, "app-x"));
    cr_expect_not(module(t, "apps"));
    cr_expect_not(type(t, "functions"));
    cr_expect_not(class(t, "x.Y\n"));
    cr_expect_not(module(t, ""));
    pb_taster_unref(t);
}

PB_TEST(pattern, bad_patterns)
{
    static const struct {
        const char *pattern, *text;
        uint64_t offset;
    } cases[] = {
        {"a(b", "bad pattern: missing closing parenthesis", 3},
        {"a*+*", "bad pattern: quantifier does not follow a repeatable item", 3},
        {"(*UTF)a", "bad pattern: using UTF is disabled by the application", 6},
    };
    pb_taster *t = pb_taster_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_error err = {0};
        cr_expect_eq(pb_taster_allow_pattern(t, cases[i].pattern, &err), PB_ERR_SYNTAX);
        cr_expect_eq(err.code, PB_ERR_SYNTAX);
        cr_expect_str_eq(err.text, cases[i].text);
        cr_expect_eq(err.offset, cases[i].offset, "%s: %d", cases[i].pattern,
                     (int)err.offset);
        cr_expect_not(module(t, cases[i].pattern));
    }
    pb_taster_unref(t);
}

/* Patterns that would take much time or memory on specially made names. */
PB_TEST(pattern, runaway_patterns)
{
    static const char *const patterns[] = {
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+b",
        "(.*)*(.*)*b",
        "(?:a?){600}a{600}b",
        "(*LIMIT_MATCH=4000000000)(a+)+b",
        "(a(?1)?a|a)+b",
        "(((a+)*)*)*b",
    };
    static char name[200000];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        pb_taster *t = pb_taster_new();
        cr_expect_eq(pb_taster_allow_pattern(t, patterns[i], NULL), 0);
        for (size_t len = 1; len <= sizeof name; len *= 2) {
            cr_expect_not(pb_taster_class_allowed(t, (pb_span){(uint8_t *)name, len}));
        }
        pb_taster_unref(t);
    }
    /* A name that is too long is refused without matching. */
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_pattern(t, "a*", NULL), 0);
    cr_expect(pb_taster_class_allowed(t, (pb_span){(uint8_t *)name, 1024}));
    cr_expect_not(pb_taster_class_allowed(t, (pb_span){(uint8_t *)name, 1025}));
    pb_taster_unref(t);
}

static int make_pattern(void *user_data)
{
    (void)user_data;
    pb_taster *t = pb_taster_new();
    pb_error err = {0};
    int e = t ? pb_taster_allow_pattern(t, "(?:a|b)*z", &err) : PB_ERR_NOMEM;
    if (err.code) {
        cr_expect_str_eq(err.text, "out of memory");
    }
    pb_taster_unref(t);
    return e;
}

PB_TEST(pattern, lack_of_memory)
{
    pb__test_each_failure(make_pattern, NULL);
}

/* A match without memory refuses the name. */
PB_TEST(pattern, lack_of_memory_in_a_match)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_pattern(t, "(a|b)*z", NULL), 0);
    pb__test_fail_at(1, true);
    cr_expect_not(
        class(t, "abababababababababababababababababababababababababababababz"));
    cr_expect(pb__test_failed());
    pb__test_fail_at(0, false);
    cr_expect(class(t, "abababababababababababababababababababababababababababababz"));
    pb_taster_unref(t);
}
