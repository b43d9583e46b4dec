/* SPDX-License-Identifier: MIT
 *
 * The taster: SecurityOptions' defaults and calls. */
#include <stdio.h>

#include "libpb/jelly/tests/tasting.h"
#include "tests/support.h"

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
    cr_expect_eq(pb_taster_allow_module(t, "a"), 0);
    cr_expect_eq(pb_taster_ref(t), t);
    pb_taster_unref(t);
    cr_expect(module(t, "a"));
    pb_taster_unref(t);
    pb_taster_unref(NULL);
    cr_expect_null(pb_taster_ref(NULL));
}

static int make_one(void *user_data)
{
    (void)user_data;
    pb_taster *t = pb_taster_new();
    int e = t ? pb_taster_allow_instances_of(t, "m.C") : PB_ERR_NOMEM;
    e = e ? e : pb_taster_allow_type(t, "x");
    e = e ? e : pb_taster_allow_module(t, "y");
    pb_taster_unref(t);
    return e;
}

PB_TEST(taster, lack_of_memory)
{
    pb__test_each_failure(make_one, NULL);
}
