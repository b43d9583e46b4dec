/* SPDX-License-Identifier: MIT
 *
 * The intrusive list: order, and removal from every position. */
#include <criterion/criterion.h>

#include "libpb/base/list.h"
#include "tests/support.h"

struct item {
    int number;
    struct pb__list node;
};

static void build(struct pb__list *l, struct item *items, int count)
{
    pb__list_init(l);
    for (int i = 0; i < count; i++) {
        items[i].number = i;
        pb__list_push(l, &items[i].node);
    }
}

/* The numbers in the list as digits, walked forwards; and backwards, to see that both
 * directions agree. */
static void check(const struct pb__list *l, const char *digits)
{
    size_t len = strlen(digits), i = 0;
    for (struct pb__list *n = l->next; n != l; n = n->next, i++) {
        cr_assert_lt(i, len);
        cr_assert_eq(PB__LIST_ENTRY(n, struct item, node)->number, digits[i] - '0');
    }
    cr_assert_eq(i, len);
    for (struct pb__list *n = l->prev; n != l; n = n->prev) {
        cr_assert_eq(PB__LIST_ENTRY(n, struct item, node)->number, digits[--i] - '0');
    }
    cr_assert_eq(i, 0);
    cr_assert_eq(pb__list_empty(l), len == 0);
}

PB_TEST(list, starts_empty)
{
    struct pb__list l;
    pb__list_init(&l);
    check(&l, "");
}

PB_TEST(list, keeps_the_order_of_pushes)
{
    struct pb__list l;
    struct item items[4];
    build(&l, items, 4);
    check(&l, "0123");
}

PB_TEST(list, lets_go_of_any_place)
{
    static const char *const left[] = {"123", "023", "013", "012"};
    for (int gone = 0; gone < 4; gone++) {
        struct pb__list l;
        struct item items[4];
        build(&l, items, 4);
        pb__list_remove(&items[gone].node);
        check(&l, left[gone]);
        cr_assert(pb__list_empty(&items[gone].node));
    }
}

PB_TEST(list, lets_go_twice_and_takes_back)
{
    struct pb__list l;
    struct item items[3];
    build(&l, items, 3);
    pb__list_remove(&items[1].node);
    pb__list_remove(&items[1].node);
    check(&l, "02");
    pb__list_push(&l, &items[1].node);
    check(&l, "021");
}

PB_TEST(list, is_emptied_from_its_head)
{
    struct pb__list l;
    struct item items[5];
    build(&l, items, 5);
    for (int i = 0; i < 5; i++) {
        cr_assert_not(pb__list_empty(&l));
        cr_assert_eq(PB__LIST_ENTRY(l.next, struct item, node)->number, i);
        pb__list_remove(l.next);
    }
    check(&l, "");
}
