/* SPDX-License-Identifier: MIT
 *
 * The taster: SecurityOptions' defaults and calls, and patterns. */
#include <stdio.h>
#include <string.h>

#include "pb/jelly.h"
#include "tests/support.h"

static pb_span span(const char *s)
{
    return (pb_span){(const uint8_t *)s, strlen(s)};
}

static bool type(const pb_taster *t, const char *name)
{
    return pb_taster_type_allowed(t, span(name));
}

static bool module(const pb_taster *t, const char *name)
{
    return pb_taster_module_allowed(t, span(name));
}

static bool class(const pb_taster *t, const char *name)
{
    return pb_taster_class_allowed(t, span(name));
}

static const char *const defaults[] = {
    "None", "bool", "boolean",   "string",   "str",     "int",     "float", "datetime",
    "time", "date", "timedelta", "NoneType", "unicode", "decimal", "set",   "frozenset",
};

static const char *const basic[] = {
    "dictionary",    "list",       "tuple",    "reference", "dereference",
    "unpersistable", "persistent", "long_int", "long",      "dict",
};

static const char *const further[] = {"instance", "class",  "classobj", "module",
                                      "function", "method", "Set",      "lis",
                                      "lists",    ""};

static void expects_types(const pb_taster *t, bool has_basic)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        cr_expect(type(t, defaults[i]), "%s", defaults[i]);
    }
    for (size_t i = 0; i < sizeof basic / sizeof *basic; i++) {
        cr_expect_eq(type(t, basic[i]), has_basic, "%s", basic[i]);
    }
    for (size_t i = 0; i < sizeof further / sizeof *further; i++) {
        cr_expect_not(type(t, further[i]), "%s", further[i]);
    }
    cr_expect(type(t, "m.C"));
    cr_expect(type(t, "."));
    cr_expect_not(pb_taster_type_allowed(t, (pb_span){NULL, 0}));
    cr_expect_not(module(t, "m"));
    cr_expect_not(module(t, "list"));
    cr_expect_not(class(t, "m.C"));
    cr_expect_not(pb_taster_class_allowed(t, (pb_span){NULL, 0}));
}

PB_TEST(taster, defaults)
{
    pb_taster *t = pb_taster_new();
    expects_types(t, false);
    cr_expect_eq(pb_taster_allow_basic_types(t), 0);
    expects_types(t, true);
    pb_taster_unref(t);
    expects_types(NULL, true);
}

PB_TEST(taster, names)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_type(t, "function"), 0);
    cr_expect_eq(pb_taster_allow_type(t, "function"), 0);
    cr_expect_eq(pb_taster_allow_module(t, "m"), 0);
    cr_expect_eq(pb_taster_allow_module(t, "method"), 0);
    cr_expect(type(t, "function"));
    cr_expect_not(type(t, "method"));
    cr_expect(module(t, "m"));
    cr_expect(module(t, "method"));
    cr_expect_not(module(t, "m.n"));
    cr_expect_not(module(t, "function"));
    cr_expect_not(class(t, "function"));
    cr_expect_eq(pb_taster_allow_type(t, "method"), 0);
    cr_expect(type(t, "method"));
    cr_expect(module(t, "method"));
    /* The length counts, not a NUL. */
    cr_expect_not(pb_taster_module_allowed(t, (pb_span){(const uint8_t *)"m\0", 2}));
    cr_expect(pb_taster_module_allowed(t, (pb_span){(const uint8_t *)"mx", 1}));
    pb_taster_unref(t);
}

PB_TEST(taster, many_names)
{
    pb_taster *t = pb_taster_new();
    char name[20];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "m%d", i);
        cr_assert_eq(pb_taster_allow_module(t, name), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "m%d", i);
        cr_expect_eq(module(t, name), i < 500);
    }
    pb_taster_unref(t);
}

PB_TEST(taster, instances)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_instances_of(t, "pack.mod.C"), 0);
    cr_expect(class(t, "pack.mod.C"));
    cr_expect_not(class(t, "pack.mod.D"));
    cr_expect(module(t, "pack.mod"));
    cr_expect_not(module(t, "pack"));
    cr_expect_not(module(t, "pack.mod.C"));
    for (size_t i = 0; i < sizeof basic / sizeof *basic; i++) {
        cr_expect(type(t, basic[i]), "%s", basic[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        cr_expect(type(t, further[i]), "%s", further[i]);
    }
    cr_expect_not(type(t, "function"));
    cr_expect_eq(pb_taster_allow_instances_of(t, "Bare"), 0);
    cr_expect(type(t, "Bare"));
    cr_expect(class(t, "Bare"));
    cr_expect_not(module(t, ""));
    pb_taster_unref(t);
}

PB_TEST(taster, everything)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_all(t), 0);
    cr_expect(type(t, "function"));
    cr_expect(module(t, ""));
    cr_expect(class(t, "x.Y"));
    pb_taster_unref(t);
}

PB_TEST(taster, counts)
{
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_pattern(t, "a", NULL), 0);
    cr_expect_eq(pb_taster_ref(t), t);
    pb_taster_unref(t);
    cr_expect(module(t, "a"));
    pb_taster_unref(t);
    pb_taster_unref(NULL);
    cr_expect_null(pb_taster_ref(NULL));
}

PB_TEST(taster, patterns)
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
    /* Anchored at both ends, also where an alternative or a $ might think otherwise. */
    cr_expect_not(module(t, "myapp"));
    cr_expect_not(module(t, "app-x"));
    cr_expect_not(module(t, "apps"));
    cr_expect_not(type(t, "functions"));
    cr_expect_not(class(t, "x.Y\n"));
    cr_expect_not(module(t, ""));
    pb_taster_unref(t);
}

PB_TEST(taster, bad_patterns)
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

/* Patterns that would run for ages, or take much memory, on names made for it. */
PB_TEST(taster, runaway_patterns)
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
    /* What is longer than a name is refused without a look. */
    pb_taster *t = pb_taster_new();
    cr_expect_eq(pb_taster_allow_pattern(t, "a*", NULL), 0);
    cr_expect(pb_taster_class_allowed(t, (pb_span){(uint8_t *)name, 1024}));
    cr_expect_not(pb_taster_class_allowed(t, (pb_span){(uint8_t *)name, 1025}));
    pb_taster_unref(t);
}

static int make_one(void *user_data)
{
    (void)user_data;
    pb_taster *t = pb_taster_new();
    int e = t ? pb_taster_allow_instances_of(t, "m.C") : PB_ERR_NOMEM;
    e = e ? e : pb_taster_allow_type(t, "x");
    e = e ? e : pb_taster_allow_module(t, "y");
    pb_error err = {0};
    e = e ? e : pb_taster_allow_pattern(t, "(?:a|b)*z", &err);
    if (err.code) {
        cr_expect_str_eq(err.text, "out of memory");
    }
    pb_taster_unref(t);
    return e;
}

PB_TEST(taster, lack_of_memory)
{
    pb__test_each_failure(make_one, NULL);
}

/* A match that gets no memory refuses. */
PB_TEST(taster, lack_of_memory_in_a_match)
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
