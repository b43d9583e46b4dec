/* SPDX-License-Identifier: MIT
 *
 * Islands: cycles that are owned, and what is counted in them; also by random graphs,
 * compared with a model that counts owners and edges itself. */
#include <string.h>

#include "compat/island.h"
#include "tests/support.h"

PB_TEST(island, list_in_itself)
{
    pb_value *l = pb_list();
    pb_append(l, l);
    cr_assert_eq(pb_value_tie(l, l), 0);
    cr_assert_eq(pb__island_of((struct pb__node *)l)->refs, 1);
    pb_value_unref(l);
}

PB_TEST(island, tied_before_it_is_closed)
{
    pb_value *l = pb_list();
    cr_assert_eq(pb_value_tie(l, l), 0);
    pb_append(l, l);
    pb_append(l, l);
    cr_assert_eq(pb__island_of((struct pb__node *)l)->refs, 1);
    pb_value_unref(l);
}

PB_TEST(island, each_member_keeps_all)
{
    pb_value *a = pb_list();
    pb_value *b = pb_dict();
    pb_dict_set(b, "a", a);
    pb_append(a, b);
    cr_assert_eq(pb_value_tie(a, b), 0);
    pb_value_unref(b);
    cr_assert_eq(pb_len(a), 1);
    pb_value *kept = pb_value_ref(pb_item(a, 0));
    pb_value_unref(a);
    cr_assert_eq(pb_dict_get(kept, "a"), a);
    pb_value_unref(kept);
}

PB_TEST(island, what_nobody_owns_goes_at_once)
{
    pb_value *a = pb_list();
    pb_value *b = pb_list();
    pb_append(a, b);
    pb_append(b, a);
    pb_value_unref(a);
    pb_value_unref(b);
    cr_assert_neq(pb__test_live(), 0);
    pb_value_tie(a, b);
}

PB_TEST(island, giving_away_the_last_owner_frees)
{
    pb_value *l = pb_list();
    pb_value_tie(l, l);
    pb_append_steal(l, l);
    pb_value *d = pb_dict();
    pb_value_tie(d, d);
    pb_dict_set_value_steal(d, pb_int(1), d);
    pb_value *again = pb_dict();
    pb_value_tie(again, again);
    pb_dict_set(again, "k", again);
    pb_dict_set_value_steal(again, pb_str("k"), again);
    pb_value *item = pb_list();
    pb_value_tie(item, item);
    pb_append(item, pb_none());
    pb_item_set_steal(item, 0, item);
}

PB_TEST(island, edges_that_go_are_not_given_back_twice)
{
    pb_value *l = pb_list();
    pb_value_tie(l, l);
    pb_append(l, l);
    cr_assert_eq(pb_item_set_steal(l, 0, pb_str("other")), 0);
    cr_assert_eq(pb__island_of((struct pb__node *)l)->refs, 1);
    pb_value *d = pb_dict();
    pb_value_tie(d, l);
    pb_dict_set(d, "l", l);
    pb_dict_set_value_steal(d, pb_str("l"), pb_int(1));
    cr_assert_eq(pb__island_of((struct pb__node *)l)->refs, 2);
    pb_value_unref(d);
    cr_assert_eq(pb_len(l), 1);
    pb_value_unref(l);
}

PB_TEST(island, edges_from_outside_count)
{
    pb_value *l = pb_list();
    pb_value_tie(l, l);
    pb_append(l, l);
    pb_value *outside = pb_list();
    pb_append(outside, l);
    pb_value_unref(l);
    cr_assert_eq(pb_item(l, 0), l);
    pb_value_unref(outside);
}

PB_TEST(island, one_island_holds_another)
{
    pb_value *inner = pb_list();
    pb_value_tie(inner, inner);
    pb_append(inner, inner);
    pb_value *outer = pb_list();
    pb_value_tie(outer, outer);
    pb_append(outer, outer);
    pb_append_steal(outer, inner);
    pb_append_steal(outer, pb_str("a leaf"));
    pb_value_unref(outer);
}

PB_TEST(island, long_chain_of_islands_goes_without_recursion)
{
    pb_value *v = pb_none();
    for (int i = 0; i < 100000; i++) {
        pb_value *l = pb_list();
        pb_value_tie(l, l);
        pb_append(l, l);
        pb_append_steal(l, v);
        v = l;
    }
    pb_value_unref(v);
}

PB_TEST(island, instances_and_methods_take_part)
{
    pb_value *state = pb_dict();
    pb_value *i = pb_instance("m.C", state);
    pb_value *m = pb_method_steal("run", pb_value_ref(i), pb_name(PB_CLASS, "m.C"));
    pb_dict_set(state, "self", i);
    pb_dict_set(state, "run", m);
    cr_assert_eq(pb_value_tie(i, state), 0);
    cr_assert_eq(pb_value_tie(m, state), 0);
    pb_value_unref(state);
    pb_value_unref(i);
    cr_assert_eq(pb_dict_get(pb_instance_state(pb_method_self(m)), "run"), m);
    pb_value_unref(m);
}

PB_TEST(island, what_cannot_be_tied)
{
    pb_value *l = pb_list();
    pb_value *s = pb_str("s");
    cr_assert_eq(pb_value_tie(l, s), PB_ERR_TYPE);
    cr_assert_eq(pb_value_tie(pb_int(1), l), PB_ERR_TYPE);
    cr_assert_eq(pb_value_tie(l, pb_none()), PB_ERR_TYPE);
    cr_assert_eq(pb_value_tie(l, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_value_tie(NULL, l), PB_ERR_ARG);
    cr_assert_eq(pb_value_tie(l, &pb__empty_tuple.node.head), 0);
    cr_assert_null(pb__island_of(&pb__empty_tuple.node));
    pb_value_unref(l);
    pb_value_unref(s);
}

PB_TEST(island, fresh_ties_of_many)
{
    enum { MANY = 20000 };
    static pb_value *all[MANY];
    for (int i = 0; i < MANY; i++) {
        all[i] = pb_list();
        if (i > 0) {
            cr_assert_eq(
                pb__tie_fresh((struct pb__node *)all[i - 1], (struct pb__node *)all[i]),
                0);
            pb_append(all[i - 1], all[i]);
        }
    }
    pb_append(all[MANY - 1], all[0]);
    cr_assert_eq(pb__island_of((struct pb__node *)all[0])->refs, MANY);
    for (int i = 1; i < MANY; i++) {
        pb_value_unref(all[i]);
    }
    cr_assert_eq(pb_item(all[MANY - 1], 0), all[0]);
    pb_value_unref(all[0]);
}

PB_TEST(island, hold_and_let_go)
{
    pb_value *a = pb_list();
    pb_value *b = pb_list();
    struct pb__node *n = (struct pb__node *)a;
    pb__tie_fresh(n, (struct pb__node *)b);
    struct pb__seq *s = (struct pb__seq *)a;
    s->items[s->len++] = pb_value_ref(b);
    pb__hold(n, b);
    cr_assert_eq(pb__island_of(n)->refs, 2);
    pb_value *text = pb_str("t");
    s->items[s->len++] = text;
    pb__hold(n, text);
    cr_assert_eq(text->refs, 1);
    s->len = 0;
    pb__let_go(n, b);
    pb__let_go(n, text);
    pb__let_go(n, pb_int(1));
    cr_assert_eq(pb__island_of(n)->refs, 2);
    pb_value_unref(a);
    pb_value_unref(b);
}

/* Random graphs. The model: who owns what, which edges there are, which nodes are
 * tied. */
enum { NODES = 12, EDGES = 400 };

struct model {
    pb_value *node[NODES];
    int owners[NODES];       /* ours */
    int edges[NODES][NODES]; /* counts of edges */
    int island[NODES];       /* equal numbers: tied; each node starts alone */
    bool tied[NODES];
    bool gone[NODES];
    uint32_t random;
};

static uint32_t roll(struct model *m, uint32_t sides)
{
    m->random = m->random * 1664525 + 1013904223;
    return (m->random >> 8) % sides;
}

/* The counts that node i, or its island, ought to have. */
static size_t wanted_refs(const struct model *m, int i)
{
    size_t refs = 0;
    for (int k = 0; k < NODES; k++) {
        bool member = m->tied[i] ? m->tied[k] && m->island[k] == m->island[i] : k == i;
        if (!member || m->gone[k]) {
            continue;
        }
        refs += (size_t)m->owners[k];
        for (int from = 0; from < NODES; from++) {
            bool inside = m->tied[i] && m->tied[from] && m->island[from] == m->island[i];
            refs += m->gone[from] || inside ? 0 : (size_t)m->edges[from][k];
        }
    }
    return refs;
}

/* Marks what is gone by the model, until nothing changes. */
static void settle(struct model *m)
{
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < NODES; i++) {
            if (m->gone[i] || wanted_refs(m, i) != 0) {
                continue;
            }
            for (int k = 0; k < NODES; k++) {
                if (k == i ||
                    (m->tied[i] && m->tied[k] && m->island[k] == m->island[i])) {
                    m->gone[k] = true;
                }
            }
            again = true;
        }
    }
}

static void compare(const struct model *m)
{
    for (int i = 0; i < NODES; i++) {
        if (!m->gone[i]) {
            struct pb__node *n = (struct pb__node *)m->node[i];
            size_t refs = n->island ? n->island->refs : n->head.refs;
            cr_assert_eq(refs, wanted_refs(m, i));
        }
    }
}

static void tie(struct model *m, int a, int b)
{
    cr_assert_eq(pb_value_tie(m->node[a], m->node[b]), 0);
    int from = m->island[b];
    bool b_tied = m->tied[b];
    for (int i = 0; i < NODES; i++) {
        if (i == b || (b_tied && m->tied[i] && m->island[i] == from)) {
            m->island[i] = m->island[a];
        }
    }
    m->tied[a] = m->tied[b] = true;
}

static void random_step(struct model *m)
{
    int a = (int)roll(m, NODES);
    int b = (int)roll(m, NODES);
    if (m->gone[a] || m->gone[b] || m->owners[a] == 0) {
        return;
    }
    switch (roll(m, 5)) {
    case 0:
        tie(m, a, b);
        break;
    case 1:
    case 2:
        pb_append(m->node[a], m->node[b]);
        m->edges[a][b]++;
        break;
    case 3: {
        size_t len = pb_len(m->node[a]);
        size_t i = len ? roll(m, (uint32_t)len) : 0;
        if (len != 0 && pb_item(m->node[a], i) != pb_none()) {
            for (int k = 0; k < NODES; k++) {
                m->edges[a][k] -= pb_item(m->node[a], i) == m->node[k] && !m->gone[k];
            }
            pb_item_set_steal(m->node[a], i, pb_none());
        }
        break;
    }
    default:
        m->owners[a]--;
        pb_value_unref(m->node[a]);
    }
    settle(m);
    compare(m);
}

PB_TEST(island, random_graphs)
{
    for (uint32_t seed = 0; seed < 500; seed++) {
        struct model m = {.random = seed};
        for (int i = 0; i < NODES; i++) {
            m.node[i] = pb_list();
            m.owners[i] = 1 + (int)roll(&m, 3);
            for (int k = 1; k < m.owners[i]; k++) {
                pb_value_ref(m.node[i]);
            }
            m.island[i] = i;
        }
        for (int i = 0; i < EDGES; i++) {
            random_step(&m);
        }
        /* Untied cycles would stay: tie all that is left together. */
        int first = -1;
        for (int i = 0; i < NODES; i++) {
            if (!m.gone[i]) {
                pb_value_ref(m.node[i]);
                m.owners[i]++;
            }
        }
        for (int i = 0; i < NODES; i++) {
            if (!m.gone[i]) {
                first = first < 0 ? i : first;
                tie(&m, first, i);
            }
        }
        for (int i = 0; i < NODES; i++) {
            for (int k = m.gone[i] ? 0 : m.owners[i]; k > 0; k--) {
                m.owners[i]--;
                pb_value_unref(m.node[i]);
            }
        }
        cr_assert_eq(pb__test_live(), 0, "seed %u leaves %ld", seed, pb__test_live());
    }
}

static int tie_three(void *unused)
{
    (void)unused;
    pb_value *a = pb_list();
    pb_value *b = pb_list();
    pb_value *c = pb_list();
    int e = PB_ERR_NOMEM;
    if (a && b && c) {
        e = pb_append(a, b);
        e = e ? e : pb_value_tie(a, b);
        e = e ? e : pb_value_tie(c, c);
        e = e ? e : pb_value_tie(b, c);
        e = e ? e : pb_append(b, c);
        e = e ? e : pb_append(c, a);
    }
    pb_value_unref(a);
    pb_value_unref(b);
    pb_value_unref(c);
    return e;
}

PB_TEST(island, lack_of_memory)
{
    pb__test_each_failure(tie_three, NULL);
}
