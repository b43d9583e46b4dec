/* SPDX-License-Identifier: MIT
 *
 * Walks over two values at once. The pairs to compare are in an array; each refers to the
 * pair of containers that holds it, which gives the path to a difference. */
#include "tools/replay/value_diff.h"

#include <inttypes.h>
#include <string.h>

#include "libpb/base/map.h"
#include "libpb/base/span.h"
#include "tools/common/broker_expression.h"

#define NOWHERE SIZE_MAX

struct diff_pair {
    pb_value *expected, *got;
    size_t parent;
    /* The step from the parent: the name of a member, a key, or else an index. */
    const char *member;
    const pb_value *key;
    size_t index;
};

struct diff_walk {
    const struct value_diff *value_diff;
    const char *path;
    struct pb__buf pairs; /* struct diff_pair */
    struct pb__map seen;  /* pairs of containers */
    size_t at;            /* the pair that is being compared */
};

static struct diff_pair *diff_pair_at(const struct diff_walk *w, size_t i)
{
    return (struct diff_pair *)(void *)w->pairs.data + i;
}

static int diff_push(struct diff_walk *w, struct diff_pair p)
{
    p.parent = w->at;
    return pb__buf_append(&w->pairs, &p, sizeof p);
}

/* ---- Paths ---- */

static int path_append_step(struct pb__buf *path, struct pb__buf *names,
                            const struct diff_pair *p)
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

/* The path to the pair that is being compared, and the names along it. */
static int diff_path(const struct diff_walk *w, struct pb__buf *path,
                     struct pb__buf *names)
{
    struct pb__buf steps = {0};
    int failed = 0;
    for (size_t i = w->at; i != NOWHERE && !failed; i = diff_pair_at(w, i)->parent) {
        failed = pb__buf_append(&steps, &i, sizeof i);
    }
    failed = failed ? failed : pb__buf_printf(path, "%s", w->path);
    /* The last step is the root. */
    for (size_t n = steps.len / sizeof(size_t); n-- > 1 && !failed;) {
        failed = path_append_step(path, names,
                                  diff_pair_at(w, ((size_t *)(void *)steps.data)[n - 1]));
    }
    pb__buf_fini(&steps);
    return failed;
}

/* Reports that the pair differs, unless a rule masks it. */
static int diff_report(struct diff_walk *w, const pb_value *expected, const pb_value *got)
{
    const struct value_diff *d = w->value_diff;
    struct pb__buf path = {0}, names = {0};
    int failed = diff_path(w, &path, &names);
    if (!failed && !rules_is_masked(d->rules, d->method, (char *)path.data, &names) &&
        !(expected && got && rules_texts_match(d->rules, d->method, expected, got))) {
        d->report((char *)path.data, expected, got, d->ctx);
    }
    pb__buf_fini(&path);
    pb__buf_fini(&names);
    return failed;
}

/* The same for a pair under a key that only one dict has. */
static int diff_report_key(struct diff_walk *w, struct diff_pair p)
{
    size_t before = w->at;
    int failed = diff_push(w, p);
    if (!failed) {
        w->at = w->pairs.len / sizeof p - 1;
        failed = diff_report(w, p.expected, p.got);
        /* It is not to be compared. */
        w->pairs.len -= sizeof p;
        w->at = before;
    }
    return failed;
}

/* ---- Containers ---- */

static int diff_push_items(struct diff_walk *w, const struct diff_pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    int failed = 0;
    if (pb_len(a) != pb_len(b)) {
        return diff_report(w, a, b);
    }
    for (size_t i = 0; i < pb_len(a) && !failed; i++) {
        failed =
            diff_push(w, (struct diff_pair){pb_item(a, i), pb_item(b, i), .index = i});
    }
    return failed;
}

/* The pair of values under a key; in a state, the key is the name of a member. */
static struct diff_pair diff_key_pair(pb_value *key, pb_value *expected, pb_value *got,
                                      bool members)
{
    pb_span name;
    bool named = members && pb_as_text(key, &name) == 0;
    return (struct diff_pair){.expected = expected,
                              .got = got,
                              .key = key,
                              .member = named ? (const char *)name.data : NULL};
}

static int diff_push_dict(struct diff_walk *w, const struct diff_pair *p, bool members)
{
    pb_value *a = p->expected, *b = p->got, *key, *value;
    size_t at = 0;
    int failed = 0;
    while (!failed && pb_dict_next(a, &at, &key, &value)) {
        pb_value *other = pb_dict_get_value(b, key);
        struct diff_pair s = diff_key_pair(key, value, other, members);
        failed = other ? diff_push(w, s) : diff_report_key(w, s);
    }
    at = 0;
    while (!failed && pb_dict_next(b, &at, &key, &value)) {
        if (!pb_dict_get_value(a, key)) {
            failed = diff_report_key(w, diff_key_pair(key, NULL, value, members));
        }
    }
    return failed;
}

/* Pairs the elements that the other set lacks, one by one. */
static int diff_push_set(struct diff_walk *w, const struct diff_pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    size_t i = 0, k = 0;
    int failed = 0;
    if (pb_len(a) != pb_len(b)) {
        return diff_report(w, a, b);
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
        failed =
            diff_push(w, (struct diff_pair){pb_item(a, i), pb_item(b, k), .index = i});
        i++;
        k++;
    }
    return failed;
}

static bool is_same_name(const pb_value *a, const pb_value *b)
{
    return strcmp(pb_name_of(a), pb_name_of(b)) == 0;
}

static int diff_push_state(struct diff_walk *w, pb_value *a, pb_value *b)
{
    if (a && b && pb_value_kind(a) == PB_DICT && pb_value_kind(b) == PB_DICT) {
        return diff_push_dict(w, &(struct diff_pair){.expected = a, .got = b}, true);
    }
    return a || b ? diff_push(w, (struct diff_pair){a, b, .member = "state"}) : 0;
}

static int diff_push_method(struct diff_walk *w, const struct diff_pair *p)
{
    pb_value *a = p->expected, *b = p->got;
    if (!is_same_name(a, b)) {
        return diff_report(w, a, b);
    }
    int failed = diff_push(w, (struct diff_pair){pb_method_class(a), pb_method_class(b),
                                                 .member = "im_class"});
    return failed ? failed
                  : diff_push(w, (struct diff_pair){pb_method_self(a), pb_method_self(b),
                                                    .member = "im_self"});
}

/* ---- References ---- */

static bool is_same_id(const struct diff_walk *w, const struct pb__form *a,
                       const struct pb__form *b)
{
    int64_t x, y;
    if (!a->id || !b->id) {
        return !a->id && !b->id;
    }
    bool numbers = pb_as_int(a->id, &x) == 0 && pb_as_int(b->id, &y) == 0;
    bool own = pb__span_is(a->head, "local") ||
               pb__span_is(a->head, "lcache"); /* an object of the receiver */
    if (!numbers || own) {
        return pb_value_equal(a->id, b->id);
    }
    enum luid_kind kind = pb__span_is(a->head, "remote") ? LUID_OBJECT : LUID_CACHE;
    return w->value_diff->same_luid(kind, x, y, w->value_diff->ctx);
}

static int diff_expressions(struct diff_walk *w, const struct diff_pair *p)
{
    const struct pb__form *a = broker_expression_of(p->expected),
                          *b = broker_expression_of(p->got);
    bool same = a && b && a->head.len == b->head.len &&
                memcmp(a->head.data, b->head.data, a->head.len) == 0 &&
                !a->state == !b->state && is_same_id(w, a, b);
    return same ? diff_push_state(w, a->state, b->state)
                : diff_report(w, p->expected, p->got);
}

/* ---- Pairs ---- */

static bool is_same_scalar(const pb_value *a, const pb_value *b)
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

/* Marks a pair of containers as compared; true if it was marked before. */
static bool diff_mark_seen(struct diff_walk *w, const struct diff_pair *p, int *failed)
{
    uint64_t key = (uint64_t)(uintptr_t)p->expected * 0x9e3779b97f4a7c15 ^
                   (uint64_t)(uintptr_t)p->got;
    bool seen = pb__map_get(&w->seen, key) != NULL;
    *failed = seen ? 0 : pb__map_set(&w->seen, key, w);
    return seen;
}

static int diff_compare_pair(struct diff_walk *w, struct diff_pair p)
{
    int failed;
    if (!p.expected || !p.got || pb_value_kind(p.expected) != pb_value_kind(p.got)) {
        return p.expected || p.got ? diff_report(w, p.expected, p.got) : 0;
    }
    pb_kind kind = pb_value_kind(p.expected);
    if (kind >= PB_LIST && (diff_mark_seen(w, &p, &failed) || failed)) {
        return failed;
    }
    switch (kind) {
    case PB_LIST:
    case PB_TUPLE:
        return diff_push_items(w, &p);
    case PB_DICT:
        return diff_push_dict(w, &p, false);
    case PB_SET:
    case PB_FROZENSET:
        return diff_push_set(w, &p);
    case PB_METHOD:
        return diff_push_method(w, &p);
    case PB_INSTANCE:
        return is_same_name(p.expected, p.got)
                   ? diff_push_state(w, pb_instance_state(p.expected),
                                     pb_instance_state(p.got))
                   : diff_report(w, p.expected, p.got);
    case PB_OBJECT:
        return diff_expressions(w, &p);
    default:
        return is_same_scalar(p.expected, p.got) ? 0 : diff_report(w, p.expected, p.got);
    }
}

int value_diff_compare(const struct value_diff *d, const char *path, pb_value *expected,
                       pb_value *got)
{
    struct diff_walk w = {.value_diff = d, .path = path, .at = NOWHERE};
    int failed = diff_push(&w, (struct diff_pair){.expected = expected, .got = got});
    for (w.at = 0; !failed && w.at < w.pairs.len / sizeof(struct diff_pair); w.at++) {
        failed = diff_compare_pair(&w, *diff_pair_at(&w, w.at));
    }
    pb__buf_fini(&w.pairs);
    pb__map_fini(&w.seen);
    return failed;
}
