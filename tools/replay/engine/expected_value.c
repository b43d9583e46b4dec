/* SPDX-License-Identifier: MIT
 *
 * Comparing a value with a capture's JSON. The walk keeps a list of the pairs that are
 * still to be compared; a table of kinds says how each is done. What a class makes of its
 * state on its way (__getstate__, getStateToCopy and the like) is not in a capture: the
 * state of an instance is compared only where it has the same members on the wire, that
 * of a copy or a cache not at all. */
#include "tools/replay/engine/expected_value.h"

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "pb/flavors.h"
#include "tools/common/broker_expression.h"
#include "tools/json/json.h"

struct pair {
    const json_t *want;
    pb_value *got;
};

struct walk {
    const struct expect *how;
    struct pb__buf pairs;    /* of struct pair: a stack */
    struct pb__map by_id;    /* "id": the value */
    struct pb__map by_value; /* the value: the JSON that described it */
    const json_t *want;      /* the pair that is being compared */
    pb_value *got;
    bool passed_over; /* a state, or what is in no place: what an "id" in it is */
    pb_error *err;
};

typedef int compare_fn(struct walk *w, const json_t *content);

static int differs(struct walk *w, const char *why)
{
    char *want = json_dumps(w->want, JSON_ENCODE_ANY | JSON_COMPACT);
    char *got = w->got ? pb_value_repr(w->got) : NULL;
    int e = pb__error_set(w->err, PB_ERR_TYPE, 0, "%s: expected %.72s, got %.72s", why,
                          want ? want : "?", got ? got : "nothing");
    free(want);
    pb_free(got);
    return e;
}

static int malformed(struct walk *w)
{
    char *want = json_dumps(w->want, JSON_ENCODE_ANY | JSON_COMPACT);
    int e = pb__error_set(w->err, PB_ERR_SYNTAX, 0,
                          "the capture describes no value: %.80s", want ? want : "?");
    free(want);
    return e;
}

static int push(struct walk *w, const json_t *want, pb_value *got)
{
    struct pair p = {want, got};
    return pb__buf_append(&w->pairs, &p, sizeof p) == 0 ? 0 : pb__error_nomem(w->err);
}

/* A scalar: what the JSON describes is made, and must be the same by kind and by repr,
 * which tells what == does not (0.0 and -0.0, 1.5 and 1.50 as Decimal). */
static int compare_scalar(struct walk *w, const json_t *content)
{
    (void)content;
    pb_error err = {0};
    pb_value *v = json_to_value((json_t *)w->want, &err);
    if (!v) {
        return err.code == PB_ERR_NOMEM ? pb__error_nomem(w->err) : malformed(w);
    }
    struct pb__decimal *decimal = (struct pb__decimal *)v;
    if (w->how->view == EXPECT_SENT && pb_value_kind(v) == PB_DECIMAL &&
        decimal->digits == pb_int(0)) {
        decimal->negative = false; /* jelly loses the sign of a Decimal zero */
    }
    bool same = pb_value_kind(v) == pb_value_kind(w->got);
    if (same && !(pb_value_equal(v, w->got) && pb_value_kind(v) == PB_INT)) {
        char *a = pb_value_repr(v), *b = pb_value_repr(w->got);
        same = a && b && strcmp(a, b) == 0;
        pb_free(a);
        pb_free(b);
    }
    pb_value_unref(v);
    return same ? 0 : differs(w, "another value");
}

static int compare_sequence(struct walk *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "list") ? PB_LIST : PB_TUPLE;
    size_t n = json_array_size(content);
    if (pb_value_kind(w->got) != kind || pb_len(w->got) != n) {
        return differs(w, "another sequence");
    }
    int e = 0;
    for (size_t i = n; e == 0 && i-- > 0;) {
        e = push(w, json_array_get(content, i), pb_item(w->got, i));
    }
    return e;
}

/* Which of the keys is equal to what the JSON describes, as far as that can be told without
 * knowing the rest, looking from the i-th on; n: none that is not taken. */
static size_t find_equal(const json_t *want, pb_value **keys, size_t n, size_t i,
                         const bool *taken)
{
    size_t found = n;
    pb_value *made = json_to_value((json_t *)want, NULL);
    for (size_t k = 0; made && k < n && found == n; k++) {
        size_t at = (i + k) % n;
        if (!taken[at] && pb_value_equal(made, keys[at])) {
            found = at;
        }
    }
    pb_value_unref(made);
    return found;
}

/* Which of the `n` keys of a dict, or members of a set, each of the JSON's is: found[i].
 * By equality first, then what is left in order (instances, nan and what else is equal to
 * nothing but itself). */
static void match(const json_t *content, bool pairs, pb_value **keys, size_t n,
                  size_t *found, bool *taken)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(content, i);
        const json_t *want = pairs ? json_array_get(entry, 0) : entry;
        found[i] = find_equal(want, keys, n, i, taken);
        if (found[i] < n) {
            taken[found[i]] = true;
        }
    }
    for (size_t i = 0, next = 0; i < n; i++) {
        if (found[i] == n) {
            while (taken[next]) {
                next++;
            }
            found[i] = next;
            taken[next] = true;
        }
    }
}

/* The entries of a dict (key, value) or a set (member), matched and pushed. */
static int push_matched(struct walk *w, const json_t *content, bool pairs,
                        pb_value **keys, pb_value **values, size_t n)
{
    size_t *found = pb__calloc(n, sizeof *found);
    bool *taken = pb__calloc(n, sizeof *taken);
    int e = found && taken ? 0 : pb__error_nomem(w->err);
    if (e == 0) {
        match(content, pairs, keys, n, found, taken);
    }
    for (size_t i = n; e == 0 && i-- > 0;) {
        const json_t *entry = json_array_get(content, i);
        if (pairs) {
            e = push(w, json_array_get(entry, 1), values[found[i]]);
        }
        if (e == 0) {
            e = push(w, pairs ? json_array_get(entry, 0) : entry, keys[found[i]]);
        }
    }
    pb__free(found);
    pb__free(taken);
    return e;
}

static int compare_set(struct walk *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "set") ? PB_SET : PB_FROZENSET;
    size_t n = json_array_size(content);
    if (pb_value_kind(w->got) != kind || pb_len(w->got) != n) {
        return differs(w, "another set");
    }
    pb_value **members = pb__calloc(n, sizeof *members);
    if (!members) {
        return pb__error_nomem(w->err);
    }
    for (size_t i = 0; i < n; i++) {
        members[i] = pb_item(w->got, i);
    }
    int e = push_matched(w, content, false, members, NULL, n);
    pb__free(members);
    return e;
}

static int compare_pairs(struct walk *w, const json_t *content, pb_value *dict,
                         bool ordered)
{
    size_t n = json_array_size(content), len = 0, pos = 0;
    pb_value **entries = pb__calloc(2 * n, sizeof *entries);
    if (!entries) {
        return pb__error_nomem(w->err);
    }
    while (len < n && pb_dict_next(dict, &pos, &entries[len], &entries[n + len])) {
        len++;
    }
    int e = 0;
    if (ordered) {
        for (size_t i = n; e == 0 && i-- > 0;) {
            const json_t *pair = json_array_get(content, i);
            e = push(w, json_array_get(pair, 1), entries[n + i]);
            e = e ? e : push(w, json_array_get(pair, 0), entries[i]);
        }
    } else {
        e = push_matched(w, content, true, entries, entries + n, n);
    }
    pb__free(entries);
    return e;
}

static int compare_dict(struct walk *w, const json_t *content)
{
    if (pb_value_kind(w->got) != PB_DICT || pb_len(w->got) != json_array_size(content)) {
        return differs(w, "another dict");
    }
    return compare_pairs(w, content, w->got, w->how->ordered);
}

/* The state of an instance: compared where both are dicts of the same members. */
static int compare_state(struct walk *w, pb_value *state)
{
    const json_t *want = json_object_get(json_object_get(w->want, "state"), "dict");
    if (!want || pb_value_kind(state) != PB_DICT ||
        pb_len(state) != json_array_size(want)) {
        return 0;
    }
    size_t i;
    json_t *pair;
    json_array_foreach(want, i, pair)
    {
        pb_value *key = json_to_value(json_array_get(pair, 0), NULL);
        bool there = key && pb_dict_get_value(state, key);
        pb_value_unref(key);
        if (!there) {
            return 0;
        }
    }
    return compare_pairs(w, want, state, false);
}

static int compare_instance(struct walk *w, const json_t *content)
{
    pb_value *id;
    if (w->how->view == EXPECT_SENT && form_is(w->got, "unpersistable", &id)) {
        return 0; /* the sender's own security kept it back */
    }
    pb_span name;
    pb_value *state = form_copy(w->got, &name);
    if (!state || name.len != json_string_length(content) ||
        memcmp(name.data, json_string_value(content), name.len) != 0) {
        return differs(w, "no instance of that class");
    }
    return compare_state(w, state);
}

static int compare_name(struct walk *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "class")    ? PB_CLASS
                   : json_object_get(w->want, "module") ? PB_MODULE
                                                        : PB_FUNCTION;
    if (pb_value_kind(w->got) != kind ||
        strcmp(pb_name_of(w->got), json_string_value(content)) != 0) {
        return differs(w, "another name");
    }
    return 0;
}

static int compare_method(struct walk *w, const json_t *content)
{
    const json_t *self = json_object_get(w->want, "self");
    if (pb_value_kind(w->got) != PB_METHOD || !self ||
        strcmp(pb_name_of(w->got), json_string_value(content)) != 0) {
        return differs(w, "another method");
    }
    return push(w, self, pb_method_self(w->got));
}

/* What came is in the reason as its repr: in Python 3 that of bytes, in Python 2 without
 * the b. */
static int compare_unpersistable(struct walk *w, const json_t *content)
{
    static const char prefix[] = "Unpersistable data: ";
    const char *want = json_string_value(content), *got = pb_unpersistable_reason(w->got);
    pb_value *id;
    if (!form_is(w->got, "unpersistable", &id)) {
        return got && strcmp(got, want) == 0 ? 0 : differs(w, "not unpersistable");
    }
    char *repr = pb_value_repr(id);
    pb_span raw = {0};
    pb_as_bytes(id, &raw);
    bool same = strncmp(want, prefix, sizeof prefix - 1) == 0 && repr &&
                (strcmp(want + sizeof prefix - 1, repr) == 0 ||
                 (strlen(want + sizeof prefix - 1) == raw.len &&
                  memcmp(want + sizeof prefix - 1, raw.data, raw.len) == 0));
    pb_free(repr);
    return same ? 0 : differs(w, "another reason");
}

/* The object that a session has made, or knew again; NULL: it is none. */
static pb_object *held(const struct walk *w)
{
    return w->how->view == EXPECT_HELD ? pb_as_object(w->got) : NULL;
}

static int compare_copy(struct walk *w, const json_t *content)
{
    (void)content; /* the name of a class on one side: what goes over the wire is a tag */
    pb_span name;
    const pb_object *o = held(w);
    if (o && pb_object_state(o)) {
        return 0;
    }
    return form_copy(w->got, &name) ? 0 : differs(w, "no copy");
}

/* The side that has the original writes [tag, id, state], then ["cached", id]; the other
 * sends it home as ["lcache", id]. */
static int compare_cache(struct walk *w, const json_t *content)
{
    (void)content;
    pb_value *id;
    bool original = json_object_get(w->want, "cacheable") != NULL;
    if (w->how->view == EXPECT_HELD) {
        const pb_object *o = held(w);
        bool cache = o && pb_object_class(o)->flavor == PB_FLAVOR_CACHEABLE;
        return cache && !pb_object_state(o) == original ? 0 : differs(w, "no cache");
    }
    if (original == (w->how->view == EXPECT_RECEIVED)) {
        return form_is(w->got, "lcache", &id) ? 0 : differs(w, "no cache sent home");
    }
    const struct pb__form *form = form_of(w->got);
    bool whole = form && form->id && form->state;
    return whole || form_is(w->got, "cached", &id) ? 0 : differs(w, "no cache");
}

/* Objects of the side whose view it is travel as "remote", those of its peer as "local". */
static int compare_own(struct walk *w, const json_t *content)
{
    (void)content;
    pb_value *id;
    if (w->how->view == EXPECT_HELD) {
        const pb_object *o = held(w);
        bool view = json_object_get(w->want, "viewpoint") != NULL;
        bool own = o && !pb_object_state(o) && view == (pb_viewpoint_object(o) != NULL);
        return own ? 0 : differs(w, "no object of one's own");
    }
    const char *head = w->how->view == EXPECT_SENT ? "remote" : "local";
    return form_is(w->got, head, &id) ? 0 : differs(w, "no reference to an own object");
}

static int compare_remote(struct walk *w, const json_t *content)
{
    pb_value *id;
    int64_t luid;
    const char *head = w->how->view == EXPECT_SENT ? "local" : "remote";
    if (w->how->view == EXPECT_HELD) {
        const pb_remote *r = pb_as_remote(w->got);
        return r && json_is_integer(content) &&
                       pb_remote_luid(r) == json_integer_value(content)
                   ? 0
                   : differs(w, "not this reference");
    }
    if (!form_is(w->got, head, &id) || pb_as_int(id, &luid) != 0 ||
        !json_is_integer(content) || luid != json_integer_value(content)) {
        return differs(w, "not this reference");
    }
    return 0;
}

enum content { ANY, ARRAY, TEXT };

static const struct row {
    const char *key;
    compare_fn *compare;
    enum content content;
    bool shared; /* an object that jelly knows again */
} rows[] = {
    {"int", compare_scalar, TEXT, false},
    {"float", compare_scalar, TEXT, false},
    {"str", compare_scalar, TEXT, false},
    {"bytes", compare_scalar, TEXT, false},
    {"datetime", compare_scalar, ARRAY, false},
    {"date", compare_scalar, ARRAY, false},
    {"time", compare_scalar, ARRAY, false},
    {"timedelta", compare_scalar, ARRAY, false},
    {"decimal", compare_scalar, TEXT, false},
    {"list", compare_sequence, ARRAY, true},
    {"tuple", compare_sequence, ARRAY, true},
    {"dict", compare_dict, ARRAY, true},
    {"set", compare_set, ARRAY, true},
    {"frozenset", compare_set, ARRAY, true},
    {"class", compare_name, TEXT, false},
    {"module", compare_name, TEXT, false},
    {"function", compare_name, TEXT, false},
    {"method", compare_method, TEXT, false},
    {"instance", compare_instance, TEXT, true},
    {"unpersistable", compare_unpersistable, TEXT, false},
    {"copyable", compare_copy, TEXT, true},
    {"remotecopy", compare_copy, TEXT, true},
    {"cacheable", compare_cache, TEXT, false},
    {"remotecache", compare_cache, TEXT, false},
    {"referenceable", compare_own, TEXT, false},
    {"viewable", compare_own, TEXT, false},
    {"viewpoint", compare_own, TEXT, false},
    {"remote", compare_remote, ANY, false},
    {0},
};

/* The row of a JSON object, and its content; NULL where it describes no value. */
static const struct row *row_of(const json_t *want, const json_t **content)
{
    for (const struct row *r = rows; r->key; r++) {
        *content = json_object_get(want, r->key);
        if (*content) {
            bool fits = r->content == ANY ||
                        (r->content == ARRAY && json_is_array(*content)) ||
                        (r->content == TEXT && json_is_string(*content));
            return fits ? r : NULL;
        }
    }
    return NULL;
}

/* () and frozenset() are one object wherever they stand. */
static bool is_constant(const pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    return (kind == PB_TUPLE || kind == PB_FROZENSET) && pb_len(v) == 0;
}

/* Remembers which object the JSON means, by its "id" or by having none. */
static int meet(struct walk *w)
{
    const json_t *id = json_object_get(w->want, "id");
    uint64_t value = (uint64_t)(uintptr_t)w->got;
    if (pb__map_get(&w->by_value, value) && !is_constant(w->got)) {
        return differs(w, "one object where there should be two");
    }
    int e = pb__map_set(&w->by_value, value, w->got);
    if (e == 0 && id) {
        e = pb__map_set(&w->by_id, (uint64_t)json_integer_value(id), w->got);
    }
    return e ? pb__error_nomem(w->err) : 0;
}

static int compare_again(struct walk *w, const json_t *ref)
{
    const pb_value *first = pb__map_get(&w->by_id, (uint64_t)json_integer_value(ref));
    bool same = first ? first == w->got : w->passed_over;
    return same ? 0 : differs(w, "another object than before");
}

static int compare_pair(struct walk *w)
{
    if (!w->got || !w->want) {
        return w->want ? differs(w, "missing") : malformed(w);
    }
    pb_value *id;
    if (json_is_null(w->want) && w->how->view == EXPECT_RECEIVED &&
        form_is(w->got, "local", &id)) {
        return 0; /* an object that has been let go of arrives as None */
    }
    if (json_is_null(w->want) || json_is_boolean(w->want)) {
        return compare_scalar(w, w->want);
    }
    const json_t *ref = json_object_get(w->want, "ref");
    if (ref) {
        return compare_again(w, ref);
    }
    const json_t *content;
    const struct row *row = row_of(w->want, &content);
    if (!row) {
        return malformed(w);
    }
    static const char unfilled[] = "twisted.persisted.crefutil._";
    if (row->compare == compare_instance &&
        strncmp(json_string_value(content), unfilled, sizeof unfilled - 1) == 0) {
        w->passed_over = true;
        return 0; /* Twisted left a place of a cycle unfilled: there is no value there */
    }
    size_t before = w->pairs.len;
    int e = row->shared ? meet(w) : 0;
    e = e ? e : row->compare(w, content);
    w->passed_over |= json_object_get(w->want, "state") && w->pairs.len == before;
    return e;
}

int expect_value(const struct expect *e, const json_t *want, pb_value *got, pb_error *err)
{
    struct walk w = {.how = e, .err = err};
    int result = push(&w, want, got);
    while (result == 0 && w.pairs.len) {
        struct pair p;
        w.pairs.len -= sizeof p;
        memcpy(&p, w.pairs.data + w.pairs.len, sizeof p);
        w.want = p.want;
        w.got = p.got;
        result = compare_pair(&w);
    }
    pb__buf_fini(&w.pairs);
    pb__map_fini(&w.by_id);
    pb__map_fini(&w.by_value);
    return result;
}
