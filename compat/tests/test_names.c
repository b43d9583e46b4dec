/* SPDX-License-Identifier: MIT
 *
 * Values that are sent by name: classes, modules, functions, methods, instances. */
#include "compat/value.h"
#include "tests/support.h"

PB_TEST(names, plain)
{
    static const pb_kind kinds[] = {PB_CLASS, PB_MODULE, PB_FUNCTION};
    for (size_t i = 0; i < 3; i++) {
        pb_value *v = pb_name(kinds[i], "package.module.Name");
        cr_assert_eq(pb_value_kind(v), kinds[i]);
        cr_assert_str_eq(pb_name_of(v), "package.module.Name");
        pb_value_unref(v);
    }
    cr_assert_null(pb_name(PB_STR, "x"));
    cr_assert_null(pb_name(PB_INSTANCE, "x"));
    cr_assert_null(pb_name(PB_CLASS, "\xff"));
    cr_assert_null(pb_name_of(pb_none()));
    cr_assert_null(pb_name_of(pb_int(1)));
}

PB_TEST(names, unpersistable)
{
    pb_value *v = pb_unpersistable("too fat");
    cr_assert_eq(pb_value_kind(v), PB_UNPERSISTABLE);
    cr_assert_str_eq(pb_unpersistable_reason(v), "too fat");
    cr_assert_null(pb_name_of(v));
    cr_assert_null(pb_unpersistable_reason(pb_none()));
    pb_value_unref(v);
}

PB_TEST(names, method)
{
    pb_value *cls = pb_name(PB_CLASS, "m.C");
    pb_value *self = pb_list();
    pb_value *m = pb_method_steal("run", self, cls);
    cr_assert_eq(pb_value_kind(m), PB_METHOD);
    cr_assert_str_eq(pb_name_of(m), "run");
    cr_assert_eq(pb_method_self(m), self);
    cr_assert_eq(pb_method_class(m), cls);
    cr_assert_null(pb_method_self(cls));
    cr_assert_null(pb_method_class(cls));
    pb_value_unref(m);
    cr_assert_null(pb_method_steal("run", NULL, pb_list()));
    cr_assert_null(pb_method_steal("run", pb_list(), NULL));
    cr_assert_null(pb_method_steal("\xff", pb_list(), pb_list()));
}

PB_TEST(names, instance)
{
    pb_value *state = pb_dict();
    pb_value *i = pb_instance("m.C", state);
    cr_assert_eq(pb_value_kind(i), PB_INSTANCE);
    cr_assert_str_eq(pb_name_of(i), "m.C");
    cr_assert_eq(pb_instance_state(i), state);
    cr_assert_null(pb_instance_state(state));
    pb_value_unref(state);
    pb_value_unref(i);
    cr_assert_null(pb_instance("m.C", NULL));
    cr_assert_null(pb_instance_steal("m.C", NULL));
    cr_assert_null(pb_instance_steal("\xff", pb_list()));
}

static int make(void *unused)
{
    (void)unused;
    pb_value *i = pb_instance_steal("m.C", pb_dict());
    pb_value *m = pb_method_steal("run", pb_value_ref(i), pb_name(PB_CLASS, "m.C"));
    pb_value *u = m ? pb_unpersistable("why") : NULL;
    pb_value_unref(i);
    pb_value_unref(m);
    pb_value_unref(u);
    return u ? 0 : PB_ERR_NOMEM;
}

PB_TEST(names, lack_of_memory)
{
    pb__test_each_failure(make, NULL);
}
