/* SPDX-License-Identifier: MIT
 *
 * References: shared values, cycles, the results of Twisted's placeholders, and that a
 * cycle is freed when its last owner is removed. */
#include "compat/island.h"
#include "libpb/jelly/tests/reading.h"

struct row {
    const char *text, *want;
};

/* Each expression is read, cut at every position, and read with each allocation
 * failing. */
static void read_rows(const pb_jelly_config *c, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reads(c, rows[i].text, rows[i].want);
        stops_anywhere(c, rows[i].text);
        if (rows[i].want[0] != '!') {
            survives(c, rows[i].text);
        }
    }
}
#define READ_ROWS(c, rows) read_rows(c, rows, sizeof(rows) / sizeof *(rows))

static pb_value *read_one(const pb_jelly_config *c, const char *text)
{
    pb_encoder *e = expression(text, PB_DIALECT_PB);
    pb_value *v;
    pb_error err = {0};
    cr_assert_eq(pb_unjelly_bytes(pb_encoder_send(e), c, PB_DIALECT_PB, &v, &err), 0,
                 "%s: %s", text, err.text);
    pb_encoder_free(e);
    return v;
}

PB_TEST(cycles, shared)
{
    static const struct row rows[] = {
        {"(reference 1 5)", "5"},
        {"(reference 1 5 (x))", "5"},
        {"(list (reference 1 (list 7)) (dereference 1 (x)))", "[[7], [7]]"},
        {"(list (reference a (list)) (reference 1.5 (tuple 1)) (dereference a) "
         "(dereference 1.5))",
         "[[], (1,), [], (1,)]"},
        {"(list (reference 1 x) (dereference 1.0))", "[b'x', b'x']"},
        {"(list (reference 1 (None)) (reference 1 2) (dereference 1))", "[None, 2, 2]"},
        {"(dictionary ((reference 1 (tuple 1)) (dereference 1)))", "{(1,): (1,)}"},
        {"(reference)", "!SYNTAX 'reference' has too few members"},
        {"(reference 1)", "!SYNTAX 'reference' has too few members"},
        {"(reference (1) 2)", "!SYNTAX the id of a reference is a list"},
        {"(dereference (1))", "!SYNTAX the id of a dereference is a list"},
        {"(dereference)", "!SYNTAX 'dereference' has too few members"},
        {"(list (reference 1 2) (reference 1 3))",
         "!SYNTAX [1]: Multiple references with same ID!"},
    };
    READ_ROWS(NULL, rows);

    pb_value *v = read_one(NULL, "(list (reference 1 (list)) (dereference 1))");
    cr_expect_eq(pb_item(v, 0), pb_item(v, 1));
    cr_expect_null(pb__island_of((struct pb__node *)v));
    pb_value_unref(v);
}

PB_TEST(cycles, of_lists_and_dicts)
{
    static const struct row rows[] = {
        {"(reference 1 (list (dereference 1)))", "[[...]]"},
        {"(reference 1 (list 1 (dereference 1) (dereference 1) 2))",
         "[1, [...], [...], 2]"},
        {"(reference 1 (list (list (dereference 1)) (dictionary (1 (dereference 1)))))",
         "[[[...]], {1: [...]}]"},
        {"(reference 1 (dictionary (a (dereference 1)) (b 2)))",
         "{b'a': {...}, b'b': 2}"},
        {"(reference 1 (dictionary (a (dereference 1)) (a 2)))", "{b'a': {...}}"},
        {"(list (dereference 1) (reference 1 (list)))", "[[], []]"},
        {"(list (reference 1 (list (dereference 2))) (reference 2 (list (dereference "
         "1))))",
         "[[[[...]]], [[[...]]]]"},
        {"(list 1 (reference 1 (list (reference 2 (list (dereference 1) (dereference "
         "2))) "
         "(dereference 2))) (dereference 1))",
         "[1, [[[...], [...]], [[...], [...]]], [[[...], [...]], [[...], [...]]]]"},
        {"(list (reference 1 (list (dereference 1))) (what))", "!INSECURE [1]: b'what'"},
        {"(reference 1 (list (dereference 1) (list (reference 2 (list (dereference 2) "
         "(dereference 1))) (what))))",
         "!INSECURE [1][1]: b'what'"},
        {"(dictionary ((dereference 1) 2))",
         "!SYNTAX .keys[0]: I am not to be used as a dictionary key."},
        {"(dictionary ((dereference 1) (reference 1 x)))", "{b'x': b'x'}"},
        {"(dictionary ((dereference 1) (reference 1 (list))))",
         "!TYPE .keys[0]: unhashable type: 'list'"},
        {"(dictionary ((dereference 1) (list (reference 1 (tuple (dereference 2))))))",
         "!SYNTAX .keys[0]: I am not to be used as a dictionary key."},
    };
    READ_ROWS(NULL, rows);
}

PB_TEST(cycles, of_tuples_and_sets)
{
    static const struct row rows[] = {
        {"(reference 1 (tuple (list (dereference 1))))", "([(...)],)"},
        {"(reference 1 (list (tuple (dereference 1) 1)))", "[([...], 1)]"},
        {"(reference 1 (list (tuple (tuple (dereference 1)) (dereference 1))))",
         "[(([...],), [...])]"},
        {"(reference 1 (list (reference 2 (tuple (dereference 1))) (dereference 2)))",
         "[([...],), ([...],)]"},
        {"(reference 1 (list (set 1 (dereference 2)) (reference 2 (tuple 3))))",
         "[{1, (3,)}, (3,)]"},
        {"(reference 1 (dictionary (1 (frozenset (dereference 2) (dereference 2))) "
         "(2 (reference 2 x))))",
         "{1: frozenset({b'x'}), 2: b'x'}"},
        {"(reference 1 (list (set (dereference 1))))", "!TYPE unhashable type: 'list'"},
        /* It is complete at once, and still a placeholder: Twisted fails on it. */
        {"(list (tuple (dereference 1) (reference 1 2)))",
         "!SYNTAX [0]: the reference was resolved before"},
        {"(list (reference 1 (list (reference 2 (tuple (dereference 1))))) (dereference "
         "2))",
         "!SYNTAX [1]: the reference was resolved before"},
        {"(list (reference 1 (tuple (dereference 1))) (reference 1 (list)))", "[[], []]"},
    };
    READ_ROWS(NULL, rows);
}

PB_TEST(cycles, of_instances)
{
    static const struct row rows[] = {
        {"(reference 1 (m.C (dictionary ((unicode x) (dereference 1)))))",
         "<m.C {'x': <...>}>"},
        {"(reference 1 (m.C (dictionary ((unicode x) (set (dereference 1))))))",
         "<m.C {'x': {<...>}}>"},
        {"(reference 1 (m.C (dictionary ((unicode x) (dictionary ((dereference 1) "
         "2))))))",
         "!SYNTAX ['x'].keys[0]: I am not to be used as a dictionary key."},
        {"(reference 1 (m.C (dereference 1)))",
         "!TYPE the state of an instance is not known yet"},
        {"(instance (dereference 1) (dictionary))",
         "!INSECURE Instance found with non-class class."},
        {"(instance (class m.C) (dereference 1))",
         "!TYPE the state of an instance is not known yet"},
    };
    pb_jelly_config c = {.taster = open_taster()};
    READ_ROWS(&c, rows);

    static const struct row methods[] = {
        {"(reference 1 (m.C (dictionary (x (method f (dereference 1) (class m.C))))))",
         "<m.C {b'x': <bound method m.C.f of <...>>}>"},
        {"(reference 1 (list (method f (dereference 1) (class m.C))))",
         "[<bound method m.C.f of [...]>]"},
        {"(method f (None) (dereference 1))",
         "!INSECURE Method found with non-class class."},
    };
    c.profile.python_major = 2;
    READ_ROWS(&c, methods);
    pb_taster_unref(c.taster);
}

/* A cycle is an island of exactly its members, with the right number of owners. */
PB_TEST(cycles, islands)
{
    pb_value *v = read_one(
        NULL,
        "(list (reference 1 (list (list (dereference 1)))) (list) (dereference 1))");
    pb_value *cycle = pb_value_ref(pb_item(v, 0));
    struct pb__island *island = pb__island_of((struct pb__node *)cycle);
    cr_assert_not_null(island);
    cr_expect_eq(island->len, 2);
    cr_expect_eq(island->refs, 3); /* ours, and two items of v */
    cr_expect_eq(pb__island_of((struct pb__node *)pb_item(cycle, 0)), island);
    cr_expect_null(pb__island_of((struct pb__node *)v));
    cr_expect_null(pb__island_of((struct pb__node *)pb_item(v, 1)));
    cr_expect_eq(pb_item(v, 0), pb_item(v, 2));
    pb_value_unref(v);
    cr_expect_eq(island->refs, 1);
    cr_expect_eq(pb_item(pb_item(cycle, 0), 0), cycle);
    pb_value_unref(cycle);
}

/* Places that are never filled contain crefutil's instances, with all their
 * attributes. */
PB_TEST(cycles, unfilled)
{
#define CREF(name) "<twisted.persisted.crefutil._" name " "
    static const struct row rows[] = {
        {"(dereference 1)",
         CREF("Dereference") "{'dependants': [], 'resolved': 0, 'id': 1}>"},
        {"(list x (dereference 1))",
         "[b'x', " CREF(
             "Dereference") "{'dependants': [([...], 1)], 'resolved': 0, 'id': 1}>]"},
        {"(dictionary (k (dereference x)))",
         "{b'k': " CREF("Dereference") "{'dependants': [(" CREF(
             "DictKeyAndValue") "{'dict': {...}, 'key': b'k', 'value': <...>}>, 1)], "
                                "'resolved': 0, 'id': b'x'}>}"},
        {"(reference 1 (tuple (dereference 1)))",
         CREF("Tuple") "{'dependants': [], 'resolved': 0, 'containerType': "
                       "<class 'builtins.tuple'>, 'l': [<...>], 'locs': [0]}>"},
        {"(tuple (dereference 1) (reference 1 2))",
         CREF("Tuple") "{'dependants': [], 'resolved': 1, 'containerType': "
                       "<class 'builtins.tuple'>, 'l': [2, 2], 'locs': [], "
                       "'resolvedObject': (2, 2)}>"},
        {"(reference 1 (dereference 1))",
         CREF("Dereference") "{'dependants': [], 'resolved': 1, 'id': 1, "
                             "'resolvedObject': <...>}>"},
        {"(list (dereference 1) (reference 1 (tuple (dereference 2))) (reference 2 3))",
         "[" CREF("Tuple") "{'dependants': [([...], 1)], 'resolved': 1, 'containerType': "
                           "<class 'builtins.tuple'>, 'l': [3], 'locs': [], "
                           "'resolvedObject': (3,)}>, (3,), 3]"},
    };
    READ_ROWS(NULL, rows);

    static const struct row old[] = {
        {"(set (dereference 1) 2)",
         CREF("Container") "{b'dependants': [], b'resolved': 0, b'containerType': "
                           "<class '__builtin__.set'>, b'l': [" CREF(
                               "Dereference") "{b'dependants': [([...], 0), (<...>, 0)], "
                                              "b'resolved': 0, b'id': 1}>, 2], "
                                              "b'locs': [0]}>"},
        {"(method f (dereference 1) (class m.C))",
         CREF("InstanceMethod") "{b'dependants': [], b'resolved': 0, b'my_class': "
                                "<class 'm.C'>, b'name': 'f'}>"},
    };
    pb_jelly_config c = {.profile = {.python_major = 2}, .taster = open_taster()};
    READ_ROWS(&c, old);
    pb_taster_unref(c.taster);
}

/* Up to 15.2 a place was filled again; up to 13.2 an instance had a copy of its state. */
PB_TEST(cycles, of_old_peers)
{
    static const struct row older[] = {
        {"(list (dereference 1) (reference 1 (tuple (dereference 2))) (reference 2 3))",
         "[(3,), (3,), 3]"},
        {"(reference 1 (m.C (dictionary (x (list (dereference 1))))))",
         "<m.C {b'x': [<...>]}>"},
        {"(reference 1 (m.C (dictionary (x (dereference 1)))))",
         "<m.C {b'x': " CREF("Dereference") "{b'dependants': [(" CREF(
             "DictKeyAndValue") "{b'dict': {b'x': <...>}, b'key': b'x', b'value': "
                                "<...>}>, 1)], b'resolved': 1, "
                                "b'id': 1, b'resolvedObject': <...>}>}>"},
    };
    pb_jelly_config c = {.profile = {2, 7, 1302}, .taster = open_taster()};
    READ_ROWS(&c, older);
    pb_taster_unref(c.taster);
#undef CREF
}

/* A dict that the program holds after its expression was refused contains None in the
 * places that were filled. */
static int keep_state(const struct pb__form *form, pb_value **out, pb_error *err,
                      void *ctx)
{
    (void)err;
    *(pb_value **)ctx = pb_value_ref(form->state);
    *out = pb_instance("Copy", form->state);
    return *out ? 0 : PB_ERR_NOMEM;
}

static enum pb__known knows_copy(pb_span head, void *ctx)
{
    (void)ctx;
    return head.len == 4 && memcmp(head.data, "copy", 4) == 0;
}

PB_TEST(cycles, state_that_is_kept)
{
    pb_value *state = NULL;
    struct pb__invoker invoker = {
        .knows = knows_copy, .unjelly = keep_state, .ctx = &state};
    static const struct row rows[] = {
        {"(reference 1 (copy (dictionary (x (dereference 1)))))", "{b'x': <Copy {...}>}"},
        {"(list (reference 1 (copy (dictionary (x (dereference 1))))) (what))",
         "{b'x': None}"},
    };
    for (size_t i = 0; i < 2; i++) {
        pb_encoder *e = expression(rows[i].text, PB_DIALECT_PB);
        struct taken t = {0};
        struct pb__reader *r = pb__reader_new(&(struct pb__reader_config){
            .invoker = &invoker, .done = take_one, .ctx = &t});
        pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
        cr_assert_eq(pb_decoder_recv(d, pb_encoder_send(e), NULL), 0);
        char *repr = pb_value_repr(state);
        cr_expect_str_eq(repr, rows[i].want);
        pb_free(repr);
        pb_value_unref(t.value);
        pb_value_unref(state);
        pb_decoder_free(d);
        pb__reader_free(r);
        pb_encoder_free(e);
    }
}

/* Deep chains of placeholders resolve without recursion. */
PB_TEST(cycles, deep)
{
    struct pb__buf text = {0};
    pb__buf_puts(&text, "(reference 1 (list ");
    for (int i = 0; i < 4000; i++) {
        pb__buf_puts(&text, "(tuple ");
    }
    pb__buf_puts(&text, "(dereference 1)");
    for (int i = 0; i < 4002; i++) {
        pb__buf_puts(&text, ")");
    }
    pb__buf_append(&text, "", 1);
    pb_value *v = read_one(NULL, (char *)text.data);
    pb_value *at = v;
    for (int i = 0; i < 4001; i++) {
        at = pb_item(at, 0);
    }
    cr_expect_eq(at, v);
    cr_expect_eq(pb__island_of((struct pb__node *)v)->len, 4001);
    pb_value_unref(v);
    pb__buf_fini(&text);
}
