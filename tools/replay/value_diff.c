/* SPDX-License-Identifier: MIT
 *
 * The walk over two values at once. Pairs that are still to be compared wait in an array,
 * in which each knows the pair that holds it: that gives the path to where they differ. */
#include "tools/replay/value_diff.h"

#include <inttypes.h>
#include <string.h>

#include "libpb/base/map.h"
#include "libpb/base/span.h"
#include "tools/common/broker_expression.h"

#define NOWHERE SIZE_MAX

struct pair {
    pb_value *expected, *got;
    size_t parent;
    /* The step from there: a member's name, a key, or else an index. */
    const char *member;
    const pb_value *key;
    size_t index;
};

struct walk {
    const struct differ *differ;
    const char *path;
    struct pb__buf pairs; /* struct pair */
    struct pb__map seen;  /* pairs of containers */
    size_t at;            /* the pair that is being compared */
};

static struct pair *pair_at(const struct walk *w, size_t i)
{
    return (struct pair *)(void *)w->pairs.data + i;
}

static int push(struct walk *w, struct pair p)
{
    p.parent = w->at;
    return pb__buf_append(&w->pairs, &p, sizeof p);
}

/* ---- Places ---- */

static int put_step(struct pb__buf *path, struct pb__buf *names, const struct pair *p)
{
    pb_span name;
    if (p->member) {
        int failed = pb__buf_printf(path, ".%s", p->member);
        return failed ? failed : pb__buf_append(names, p->member, strlen(p->member) + 1);
    }
    if (!p->key) {
        return pb__buf_printf(path, "[%zu]", p->index);
    }
    char *text = pb_value_repr(p->key);
    int failed = text ? pb__buf_printf(path, "[%s]", text) : PB_ERR_NOMEM;
    pb_free(text);
    if (!failed && pb_as_text(p->key, &name) == 0 && !memchr(name.data, 0, name.len)) {
        failed = pb__buf_append(names, name.data, name.len);
        failed = failed ? failed : pb__buf_append(names, "", 1);
    }
    return failed;
}

/* Where the pair is, and the names along the way. */
static int find_place(const struct walk *w, struct pb__buf *path, struct pb__buf *names)
{
    struct pb__buf steps = {0};
    int failed = 0;
    for (size_t i = w->at; i != NOWHERE && !failed; i = pair_at(w, i)->parent) {
        failed = pb__buf_append(&steps, &i, sizeof i);
    }
    failed = failed ? failed : pb__buf_printf(path, "%s", w->path);
    /* The last is the whole. */
    for (size_t n = steps.len / sizeof(size_t); n-- > 1 && !failed;) {
        failed = put_step(path, names, pair_at(w, ((size_t *)(void *)steps.data)[n - 1]));
    }
    pb__buf_fini(&steps);
    return failed;
}

/* The pair differs, unless a rule has it masked. */
static int differs(struct walk *w, const pb_value *expected, const pb_value *got)
{
    const struct differ *d = w->differ;
    struct pb__buf path = {0}, names = {0};
    int failed = find_place(w, &path, &names);
    if (!failed && !rules_mask(d->rules, d->method, (char *)path.data, &names) &&
        !(expected && got && rules_alike(d->rules, d->method, expected, got))) {
        d->report((char *)path.data, expected, got, d->ctx);
    }
    pb__buf_fini(&path);
    pb__buf_fini(&names);
    return failed;
}

/* The same for what would stand under a key. */
static int differs_at(struct walk *w, struct pair p)
{
    size_t before = w->at;
    int failed = push(w, p);
    if (!failed) {
        w->at = w->pairs.len / sizeof p - 1;
        failed = differs(w, p.expected, p.got);
        /* It is no pair to be compared. */
        w->pairs.len -= sizeof p;
        w->at = before;
    }
    return failed;
}

/* ---- Containers ---- */

static int push_items(struct walk *w, const struct pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    int failed = 0;
    if (pb_len(a) != pb_len(b)) {
        return differs(w, a, b);
    }
    for (size_t i = 0; i < pb_len(a) && !failed; i++) {
        failed = push(w, (struct pair){pb_item(a, i), pb_item(b, i), .index = i});
    }
    return failed;
}

/* A step to what stands under a key: to a member, of a state. */
static struct pair step(pb_value *key, pb_value *expected, pb_value *got, bool members)
{
    pb_span name;
    bool named = members && pb_as_text(key, &name) == 0;
    return (struct pair){.expected = expected,
                         .got = got,
                         .key = key,
                         .member = named ? (const char *)name.data : NULL};
}

static int push_pairs(struct walk *w, const struct pair *p, bool members)
{
    pb_value *a = p->expected, *b = p->got, *key, *value;
    size_t at = 0;
    int failed = 0;
    while (!failed && pb_dict_next(a, &at, &key, &value)) {
        pb_value *other = pb_dict_get_value(b, key);
        struct pair s = step(key, value, other, members);
        failed = other ? push(w, s) : differs_at(w, s);
    }
    at = 0;
    while (!failed && pb_dict_next(b, &at, &key, &value)) {
        if (!pb_dict_get_value(a, key)) {
            failed = differs_at(w, step(key, NULL, value, members));
        }
    }
    return failed;
}

/* Elements that the other set lacks, one by one. */
static int push_elements(struct walk *w, const struct pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    size_t i = 0, k = 0;
    int failed = 0;
    if (pb_len(a) != pb_len(b)) {
        return differs(w, a, b);
    }
    while (!failed) {
        while (i < pb_len(a) && pb_set_has(b, pb_item(a, i))) {
            i++;
        }
        while (k < pb_len(b) && pb_set_has(a, pb_item(b, k))) {
            k++;
        }
        if (i == pb_len(a) || k == pb_len(b)) {
            break;
        }
        failed = push(w, (struct pair){pb_item(a, i), pb_item(b, k), .index = i});
        i++;
        k++;
    }
    return failed;
}

static bool same_name(const pb_value *a, const pb_value *b)
{
    return strcmp(pb_name_of(a), pb_name_of(b)) == 0;
}

static int push_state(struct walk *w, pb_value *a, pb_value *b)
{
    if (a && b && pb_value_kind(a) == PB_DICT && pb_value_kind(b) == PB_DICT) {
        return push_pairs(w, &(struct pair){.expected = a, .got = b}, true);
    }
    return a || b ? push(w, (struct pair){a, b, .member = "state"}) : 0;
}

static int push_method(struct walk *w, const struct pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    if (!same_name(a, b)) {
        return differs(w, a, b);
    }
    int failed = push(
        w, (struct pair){pb_method_class(a), pb_method_class(b), .member = "im_class"});
    return failed ? failed
                  : push(w, (struct pair){pb_method_self(a), pb_method_self(b),
                                          .member = "im_self"});
}

/* ---- References ---- */

static bool same_id(const struct walk *w, const struct pb__form *a,
                    const struct pb__form *b)
{
    int64_t x, y;
    if (!a->id || !b->id) {
        return !a->id && !b->id;
    }
    bool numbers = pb_as_int(a->id, &x) == 0 && pb_as_int(b->id, &y) == 0;
    bool own = pb__span_is(a->head, "local") ||
               pb__span_is(a->head, "lcache"); /* of who gets the message */
    if (!numbers || own) {
        return pb_value_equal(a->id, b->id);
    }
    enum differ_luid kind = pb__span_is(a->head, "remote") ? DIFFER_OBJECT : DIFFER_CACHE;
    return w->differ->same_luid(kind, x, y, w->differ->ctx);
}

static int compare_forms(struct walk *w, const struct pair *p)
{
    const struct pb__form *a = form_of(p->expected), *b = form_of(p->got);
    bool same = a && b && a->head.len == b->head.len &&
                memcmp(a->head.data, b->head.data, a->head.len) == 0 &&
                !a->state == !b->state && same_id(w, a, b);
    return same ? push_state(w, a->state, b->state) : differs(w, p->expected, p->got);
}

/* ---- Both ---- */

static bool same_scalar(const pb_value *a, const pb_value *b)
{
    if (pb_value_kind(a) != PB_FLOAT && pb_value_equal(a, b)) {
        return true;
    }
    char *x = pb_value_repr(a), *y = pb_value_repr(b);
    bool same = x && y && strcmp(x, y) == 0;
    pb_free(x);
    pb_free(y);
    return same;
}

/* Marks a pair of containers; true if it was before. */
static bool was_seen(struct walk *w, const struct pair *p, int *failed)
{
    uint64_t key = (uint64_t)(uintptr_t)p->expected * 0x9e3779b97f4a7c15 ^
                   (uint64_t)(uintptr_t)p->got;
    bool seen = pb__map_get(&w->seen, key) != NULL;
    *failed = seen ? 0 : pb__map_set(&w->seen, key, w);
    return seen;
}

static int compare(struct walk *w, struct pair p)
{
    int failed;
    if (!p.expected || !p.got || pb_value_kind(p.expected) != pb_value_kind(p.got)) {
        return p.expected || p.got ? differs(w, p.expected, p.got) : 0;
    }
    pb_kind kind = pb_value_kind(p.expected);
    if (kind >= PB_LIST && (was_seen(w, &p, &failed) || failed)) {
        return failed;
    }
    switch (kind) {
    case PB_LIST:
    case PB_TUPLE:
        return push_items(w, &p);
    case PB_DICT:
        return push_pairs(w, &p, false);
    case PB_SET:
    case PB_FROZENSET:
        return push_elements(w, &p);
    case PB_METHOD:
        return push_method(w, &p);
    case PB_INSTANCE:
        return same_name(p.expected, p.got) ? push_state(w, pb_instance_state(p.expected),
                                                         pb_instance_state(p.got))
                                            : differs(w, p.expected, p.got);
    case PB_OBJECT:
        return compare_forms(w, &p);
    default:
        return same_scalar(p.expected, p.got) ? 0 : differs(w, p.expected, p.got);
    }
}

int differ_compare(const struct differ *d, const char *path, pb_value *expected,
                   pb_value *got)
{
    struct walk w = {.differ = d, .path = path, .at = NOWHERE};
    int failed = push(&w, (struct pair){.expected = expected, .got = got});
    for (w.at = 0; !failed && w.at < w.pairs.len / sizeof(struct pair); w.at++) {
        failed = compare(&w, *pair_at(&w, w.at));
    }
    pb__buf_fini(&w.pairs);
    pb__map_fini(&w.seen);
    return failed;
}
