/* SPDX-License-Identifier: MIT
 *
 * The writer: values that occur more than once, and cycles. */
#include "libpb/jelly/tests/writing.h"

/* A list of v twice; takes v. */
static pb_value *twice(pb_value *v)
{
    pb_value *list = pb_build(NULL, "[OO]", v, v);
    pb_value_unref(v);
    return list;
}

PB_TEST(write_share, containers_are)
{
    writes(twice(val("[1]")),
           "[3 'list' [3 'reference' 1 [2 'list' 1 ] ] [2 'dereference' 1 ] ]");
    writes(twice(val("(1,)")),
           "[3 'list' [3 'reference' 1 [2 'tuple' 1 ] ] [2 'dereference' 1 ] ]");
    writes(
        twice(val("{1: 2}")),
        "[3 'list' [3 'reference' 1 [2 'dictionary' [2 1 2 ] ] ] [2 'dereference' 1 ] ]");
    writes(twice(val("{1}")),
           "[3 'list' [3 'reference' 1 [2 'set' 1 ] ] [2 'dereference' 1 ] ]");
    writes(twice(val("frozenset({1})")),
           "[3 'list' [3 'reference' 1 [2 'frozenset' 1 ] ] [2 'dereference' 1 ] ]");
}

PB_TEST(write_share, instances_are)
{
    pb_jelly_config c = {.taster = open_taster()};
    writes_by(twice(pb_instance_steal("m.C", pb_int(1))), &c, NULL,
              "[3 'list' [3 'reference' 1 [2 'm.C' 1 ] ] [2 'dereference' 1 ] ]");
    /* One state of two instances. */
    pb_value *state = val("{1: 2}");
    writes_by(pb_build(NULL, "[NNO]", pb_instance("m.C", state),
                       pb_instance("m.D", state), state),
              &c, NULL,
              "[4 'list' [2 'm.C' [3 'reference' 1 [2 'dictionary' [2 1 2 ] ] ] ] "
              "[2 'm.D' [2 'dereference' 1 ] ] [2 'dereference' 1 ] ]");
    pb_value_unref(state);
    pb_taster_unref(c.taster);
    writes(twice(pb_instance_steal("m.C", pb_none())),
           "[3 'list' [3 'reference' 1 "
           "[2 'unpersistable' 'instance of class m.C deemed insecure' ] ] "
           "[2 'dereference' 1 ] ]");
    writes(
        twice(pb_unpersistable("")),
        "[3 'list' [3 'reference' 1 [2 'unpersistable' 'instance of class "
        "twisted.spread.jelly.Unpersistable deemed insecure' ] ] [2 'dereference' 1 ] ]");
}

PB_TEST(write_share, scalars_are_not)
{
    writes(twice(val("'a'")), "[3 'list' [2 'unicode' 'a' ] [2 'unicode' 'a' ] ]");
    writes(twice(val("b'a'")), "[3 'list' 'a' 'a' ]");
    writes(twice(val("18446744073709551616")),
           "[3 'list' b+00000000000000000002 b+00000000000000000002 ]");
    writes(twice(val("0.5")), "[3 'list' 0x1p-1 0x1p-1 ]");
    writes(twice(val("Decimal('1')")),
           "[3 'list' [3 'decimal' 1 0 ] [3 'decimal' 1 0 ] ]");
    writes(twice(val("datetime.date(1, 2, 3)")),
           "[3 'list' [2 'date' '1 2 3' ] [2 'date' '1 2 3' ] ]");
    writes(twice(pb_name(PB_CLASS, "m.C")),
           "[3 'list' [2 'class' 'm.C' ] [2 'class' 'm.C' ] ]");
}

/* A method is not recognised when it occurs again, but its contents are. */
PB_TEST(write_share, methods_are_not)
{
    const pb_jelly_config python2 = {.profile = {.python_major = 2}};
    writes_by(
        twice(pb_method_steal("f", val("[]"), pb_name(PB_CLASS, "m.C"))), &python2, NULL,
        "[3 'list' [4 'method' 'f' [3 'reference' 1 [1 'list' ] ] [2 'class' 'm.C' ] ] "
        "[4 'method' 'f' [2 'dereference' 1 ] [2 'class' 'm.C' ] ] ]");
    pb_value *inner = pb_method_steal("f", val("[[]]"), pb_none());
    writes_by(twice(pb_method_steal("g", inner, val("[]"))), &python2, NULL,
              "[3 'list' [4 'method' 'g' [4 'method' 'f' "
              "[3 'reference' 1 [2 'list' [1 'list' ] ] ] [1 'None' ] ] "
              "[3 'reference' 2 [1 'list' ] ] ] "
              "[4 'method' 'g' [4 'method' 'f' [2 'dereference' 1 ] [1 'None' ] ] "
              "[2 'dereference' 2 ] ] ]");
}

/* Python's () and frozenset() are single objects; equal values are not the same. */
PB_TEST(write_share, constants)
{
    writes(
        val("[(), (), [], [], frozenset(), (1,), (1,), frozenset()]"),
        "[9 'list' [3 'reference' 1 [1 'tuple' ] ] [2 'dereference' 1 ] [1 'list' ] "
        "[1 'list' ] [3 'reference' 2 [1 'frozenset' ] ] [2 'tuple' 1 ] [2 'tuple' 1 ] "
        "[2 'dereference' 2 ] ]");
    writes(pb_build(NULL, "[NN]", pb_seq(PB_TUPLE, 0), pb_seq(PB_TUPLE, 0)),
           "[3 'list' [1 'tuple' ] [1 'tuple' ] ]");
}

/* Numbers are assigned in the order of the second occurrences. */
PB_TEST(write_share, numbers)
{
    pb_value *a = val("[b'a']");
    pb_value *b = val("{b'b': 0}");
    pb_value *c = val("(b'c',)");
    pb_value *v = pb_build(NULL, "[OOO(OOOO)]", a, b, c, c, a, c, b);
    writes(v, "[5 'list' [3 'reference' 2 [2 'list' 'a' ] ] "
              "[3 'reference' 3 [2 'dictionary' [2 'b' 0 ] ] ] "
              "[3 'reference' 1 [2 'tuple' 'c' ] ] "
              "[5 'tuple' [2 'dereference' 1 ] [2 'dereference' 2 ] [2 'dereference' 1 ] "
              "[2 'dereference' 3 ] ] ]");
    pb_value_unref(a);
    pb_value_unref(b);
    pb_value_unref(c);
}

/* Owners outside the value do not make references. */
PB_TEST(write_share, owners_outside)
{
    pb_value *inner = val("[1]");
    pb_value *v = pb_build(NULL, "[O]", inner);
    writes(pb_value_ref(v), "[2 'list' [2 'list' 1 ] ]");
    pb_value_unref(inner);
    pb_value_unref(v);
}

PB_TEST(write_share, keys)
{
    pb_value *key = val("(1, 2)");
    pb_value *v = pb_dict();
    cr_assert_eq(pb_dict_set_value_steal(v, pb_value_ref(key), key), 0);
    writes(v, "[2 'dictionary' [2 [3 'reference' 1 [3 'tuple' 1 2 ] ] [2 'dereference' 1 "
              "] ] ]");
}

PB_TEST(write_share, cycles)
{
    pb_value *list = val("[1, {}]");
    pb_value *dict = pb_value_ref(pb_item(list, 1));
    cr_assert_eq(pb_value_tie(list, dict), 0);
    cr_assert_eq(pb_append(list, list), 0);
    cr_assert_eq(pb_dict_set(dict, "up", list), 0);
    cr_assert_eq(pb_dict_set(dict, "self", dict), 0);
    const char *whole = "[3 'reference' 1 [4 'list' 1 [3 'reference' 2 [3 'dictionary' "
                        "[2 [2 'unicode' 'up' ] [2 'dereference' 1 ] ] "
                        "[2 [2 'unicode' 'self' ] [2 'dereference' 2 ] ] ] ] "
                        "[2 'dereference' 1 ] ] ]";
    writes(list, whole);
    /* The same island, reached from the other side. */
    writes(dict,
           "[3 'reference' 1 [3 'dictionary' "
           "[2 [2 'unicode' 'up' ] [3 'reference' 2 [4 'list' 1 [2 'dereference' 1 ] "
           "[2 'dereference' 2 ] ] ] ] "
           "[2 [2 'unicode' 'self' ] [2 'dereference' 1 ] ] ] ]");
}

PB_TEST(write_share, instance_in_itself)
{
    pb_jelly_config c = {.taster = open_taster()};
    pb_value *state = pb_dict();
    pb_value *i = pb_instance("m.C", state);
    cr_assert_eq(pb_value_tie(i, state), 0);
    cr_assert_eq(pb_dict_set(state, "me", i), 0);
    writes_by(i, &c, NULL,
              "[3 'reference' 1 [2 'm.C' [2 'dictionary' "
              "[2 [2 'unicode' 'me' ] [2 'dereference' 1 ] ] ] ] ]");
    pb_value_unref(state);
    pb_taster_unref(c.taster);
}

/* Tied, but it occurs only once. */
PB_TEST(write_share, an_island_without_a_cycle)
{
    pb_value *list = val("[[1]]");
    cr_assert_eq(pb_value_tie(list, pb_item(list, 0)), 0);
    writes(list, "[2 'list' [2 'list' 1 ] ]");
}

/* Many references, so that every table grows; each number is checked. */
PB_TEST(write_share, many)
{
    enum { N = 300 };
    struct recorder want;
    recorder_sink(&want);
    fprintf(want.out, "[%d 'list' ", 2 * N + 1);
    pb_value *v = pb_list();
    for (int i = 0; i < N; i++) {
        cr_assert_eq(pb_append_steal(v, pb_build(NULL, "[i]", i)), 0);
        fprintf(want.out, "[3 'reference' %d [2 'list' %d ] ] ", N - i, i);
    }
    for (int i = N; i > 0; i--) {
        cr_assert_eq(pb_append(v, pb_item(v, (size_t)i - 1)), 0);
        fprintf(want.out, "[2 'dereference' %d ] ", N + 1 - i);
    }
    fputs("]", want.out);
    writes(v, recorder_text(&want));
    recorder_fini(&want);
}

/* An object whose state contains the object, and which has only one owner. */
PB_TEST(write_share, state_that_holds_its_object)
{
    struct object *o = object_new(PB_OBJECT, "m.Copy");
    o->form.shared = true;
    o->form.state = pb_list();
    cr_assert_eq(pb_append(o->form.state, value_of(o)), 0);
    for (int wrapped = 0; wrapped < 2; wrapped++) {
        pb_value *v =
            wrapped ? pb_build(NULL, "[O]", value_of(o)) : pb_value_ref(value_of(o));
        writes_by(
            v, NULL, &object_invoker,
            wrapped
                ? "[2 'list' [3 'reference' 1 [2 'm.Copy' [2 'list' "
                  "[2 'dereference' 1 ] ] ] ] ]"
                : "[3 'reference' 1 [2 'm.Copy' [2 'list' [2 'dereference' 1 ] ] ] ]");
    }
    pb_value *state = o->form.state;
    o->form.state = NULL;
    pb_value_unref(state);
    pb_value_unref(value_of(o));
}

/* A state that is made for each call must not be taken for an earlier one whose memory it
 * may reuse. */
static int fresh_state(pb_value *v, struct pb__form *form, pb_error *err, void *ctx)
{
    (void)err;
    (void)ctx;
    pb_value *twins = pb_list();
    *form = ((struct object *)v)->form;
    form->state = pb_build(NULL, "(ON)", twins, twins);
    return 0;
}

PB_TEST(write_share, states_made_anew)
{
    static const struct pb__invoker invoker = {.jelly = fresh_state};
    pb_value *v = pb_list();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pb_append_steal(v, value_of(object_new(PB_OBJECT, "m.C"))), 0);
    }
    writes_by(
        v, NULL, &invoker,
        "[4 'list' "
        "[2 'm.C' [3 'tuple' [3 'reference' 1 [1 'list' ] ] [2 'dereference' 1 ] ] ] "
        "[2 'm.C' [3 'tuple' [3 'reference' 2 [1 'list' ] ] [2 'dereference' 2 ] ] ] "
        "[2 'm.C' [3 'tuple' [3 'reference' 3 [1 'list' ] ] [2 'dereference' 3 ] ] ] ]");
}
