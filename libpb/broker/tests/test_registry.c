/* SPDX-License-Identifier: MIT
 *
 * Registries: the class for each tag. */
#include <stdio.h>
#include <string.h>

#include "libpb/broker/objects.h"
#include "libpb/broker/registry.h"
#include "tests/support.h"

static const pb_class duck = {.name = "farm.Duck"};
static const pb_class goose = {.name = "farm.birds.Goose"};
static const pb_class bare = {.name = "Bare"};

static const struct pb__registered *find(const pb_registry *g, const char *tag)
{
    return pb__registry_find(g, (pb_span){(const uint8_t *)tag, strlen(tag)});
}

static const pb_class *class_of(const pb_registry *g, const char *tag)
{
    const struct pb__registered *as = find(g, tag);
    cr_assert(as, "%s", tag);
    return as->cls;
}

static pb_value *make(pb_value *state, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    return pb_value_ref(state);
}

static pb_value *unjelly(pb_value *members, pb_error *err, void *user_data)
{
    return make(members, err, user_data);
}

PB_TEST(registry, finds_what_was_set_last)
{
    pb_registry *g = pb_registry_new();
    cr_assert_null(find(NULL, "farm.Duck"));
    cr_assert_null(find(g, "farm.Duck"));
    cr_assert_eq(pb_registry_set_class(g, "farm.Duck", &duck), 0);
    cr_assert_eq(pb_registry_set_class(g, "goose", &goose), 0);
    cr_assert_eq(pb_registry_set_class(g, "data", NULL), 0);
    cr_assert_eq(class_of(g, "farm.Duck"), &duck);
    cr_assert_eq(class_of(g, "goose"), &goose);
    cr_assert_null(class_of(g, "data"));
    cr_assert_null(find(g, "data")->factory);
    cr_assert_null(find(g, "farm.Duc"));
    cr_assert_null(find(g, "farm.Ducks"));
    cr_assert_null(find(g, ""));
    cr_assert_eq(pb_registry_set_class(g, "farm.Duck", &goose), 0);
    cr_assert_eq(class_of(g, "farm.Duck"), &goose);
    cr_assert_eq(pb_registry_set_factory(g, "farm.Duck", make, g), 0);
    cr_assert_eq(find(g, "farm.Duck")->factory, make);
    cr_assert_eq(find(g, "farm.Duck")->user_data, g);
    cr_assert_null(class_of(g, "farm.Duck"));
    pb_registry_unref(pb_registry_ref(g));
    pb_registry_unref(g);
    pb_registry_unref(NULL);
    cr_assert_null(pb_registry_ref(NULL));
}

PB_TEST(registry, finds_each_of_many)
{
    pb_registry *g = pb_registry_new();
    char tag[16];
    for (int i = 0; i < 100; i++) {
        snprintf(tag, sizeof tag, "%d", i * 37 % 100);
        cr_assert_eq(pb_registry_set_class(g, tag, i % 2 ? &duck : &goose), 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(tag, sizeof tag, "%d", i * 37 % 100);
        cr_assert_eq(class_of(g, tag), i % 2 ? &duck : &goose);
    }
    pb_registry_unref(g);
}

PB_TEST(registry, sets_a_tree_of_classes)
{
    static const pb_class *const classes[] = {&duck, &goose, &bare};
    static const pb_class *const others[] = {&bare, &goose};
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_class_tree(g, "shop", classes, 3), 0);
    cr_assert_eq(class_of(g, "shop.Duck"), &duck);
    cr_assert_eq(class_of(g, "shop.Goose"), &goose);
    cr_assert_eq(class_of(g, "shop.Bare"), &bare);
    cr_assert_eq(pb_registry_set_class_tree(g, "", classes, 3), 0);
    cr_assert_eq(class_of(g, "Duck"), &duck);
    cr_assert_eq(class_of(g, "Goose"), &goose);
    cr_assert_eq(pb_registry_set_class(g, "shop.Bare", NULL), 0);
    cr_assert_eq(pb_registry_set_class_tree(g, "shop", others, 2), 0);
    cr_assert_eq(class_of(g, "shop.Bare"), &bare);
    cr_assert_eq(class_of(g, "shop.Duck"), &duck);
    cr_assert_eq(pb_registry_set_class_tree(g, "none", NULL, 0), 0);
    pb_registry_unref(g);
}

PB_TEST(registry, refuses_what_makes_no_sense)
{
    static const pb_class *const classes[] = {&duck};
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_class(NULL, "a", &duck), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_class(g, NULL, &duck), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_class(g, "", &duck), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_factory(g, "a", NULL, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_class_tree(g, NULL, classes, 1), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_class_tree(g, "a", NULL, 1), PB_ERR_ARG);
    cr_assert_eq(pb_registry_set_class_tree(NULL, "a", classes, 1), PB_ERR_ARG);
    pb_registry_unref(g);
}

/* All rows of a tree are set, or none. */
static int run(void *user_data)
{
    static const pb_class *const classes[] = {&duck, &goose, &bare};
    (void)user_data;
    pb_registry *g = pb_registry_new();
    if (!g) {
        return PB_ERR_NOMEM;
    }
    int e = pb_registry_set_class(g, "a", &duck);
    cr_assert_eq(find(g, "a") == NULL, e != 0);
    int tree = pb_registry_set_class_tree(g, "shop", classes, 3);
    cr_assert_eq(find(g, "shop.Duck") == NULL, tree != 0);
    cr_assert_eq(find(g, "shop.Bare") == NULL, tree != 0);
    int factory = pb_registry_set_factory(g, "a", make, NULL);
    cr_assert_eq(factory == 0, find(g, "a") && find(g, "a")->factory == make);
    int reference = pb_registry_set_reference(g, "group");
    cr_assert_eq(reference == 0, find(g, "group") && find(g, "group")->reference);
    int members = pb_registry_set_unjelly(g, "group", unjelly, NULL);
    cr_assert_eq(members == 0, find(g, "group") && find(g, "group")->unjelly == unjelly);
    cr_assert_eq(reference == 0 && members != 0,
                 find(g, "group") && find(g, "group")->reference);
    pb_registry_unref(g);
    return e ? e : tree ? tree : factory ? factory : reference ? reference : members;
}

PB_TEST(registry, loses_nothing_at_any_failure)
{
    pb__test_each_failure(run, NULL);
}
