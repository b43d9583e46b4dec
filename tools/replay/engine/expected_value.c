/* SPDX-License-Identifier: MIT
 *
 * Compares a value with the JSON of a capture. A stack holds the pairs to compare; a
 * table has a comparison for each kind. A capture does not contain how a class changes
 * its state when it is sent (__getstate__, getStateToCopy, ...). So the state of an
 * instance is compared only if it has the same members in the message, and that of a
 * copy or a cache is not compared. */
#include "tools/replay/engine/expected_value.h"

#include <stdlib.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "pb/flavors.h"
#include "tools/common/broker_expression.h"
#include "tools/json/json.h"

struct expected_pair {
    const json_t *want;
    pb_value *got;
};

struct value_comparison {
    const struct expectation *how;
    struct pb__buf pairs;    /* of struct pair: a stack */
    struct pb__map by_id;    /* "id": the value */
    struct pb__map by_value; /* the value: the JSON that described it */
    const json_t *want;      /* the pair that is being compared */
    pb_value *got;
    bool
        skipped; /* a state, or a place of a cycle, was not compared, nor an "id" in it */
    pb_error *err;
};

typedef int compare_fn(struct value_comparison *w, const json_t *content);

static int expected_differs(struct value_comparison *w, const char *why)
{
    char *want = json_dumps(w->want, JSON_ENCODE_ANY | JSON_COMPACT);
    char *got = w->got ? pb_value_repr(w->got) : NULL;
    int e = pb__error_set(w->err, PB_ERR_TYPE, 0, "%s: expected %.72s, got %.72s", why,
                          want ? want : "?", got ? got : "nothing");
    free(want);
    pb_free(got);
    return e;
}

static int expected_malformed(struct value_comparison *w)
{
    char *want = json_dumps(w->want, JSON_ENCODE_ANY | JSON_COMPACT);
    int e = pb__error_set(w->err, PB_ERR_SYNTAX, 0,
                          "the capture describes no value: %.80s", want ? want : "?");
    free(want);
    return e;
}

static int comparison_push(struct value_comparison *w, const json_t *want, pb_value *got)
{
    struct expected_pair p = {want, got};
    return pb__buf_append(&w->pairs, &p, sizeof p) == 0 ? 0 : pb__error_nomem(w->err);
}

/* A Decimal without the sign of a zero, which jelly does not send: *new*, or NULL with
 * err. */
static pb_value *decimal_without_zero_sign(const char *text, pb_error *err)
{
    const char *digits = text + (*text == '-');
    size_t zeros = strspn(digits, "0.");
    bool zero = zeros > 0 && (!digits[zeros] || strchr("eE", digits[zeros]));
    return pb_decimal(zero ? digits : text, err);
}

/* A scalar: the value that the JSON describes must have the same kind and the same repr,
 * which shows differences that == does not (0.0 and -0.0, 1.5 and 1.50 as Decimal). */
static int expected_scalar(struct value_comparison *w, const json_t *content)
{
    pb_error err = {0};
    bool sent_decimal =
        w->how->view == EXPECT_SENT && json_object_get(w->want, "decimal") == content;
    pb_value *v = sent_decimal
                      ? decimal_without_zero_sign(json_string_value(content), &err)
                      : value_from_json((json_t *)w->want, &err);
    if (!v) {
        return err.code == PB_ERR_NOMEM ? pb__error_nomem(w->err) : expected_malformed(w);
    }
    bool same = pb_value_kind(v) == pb_value_kind(w->got);
    if (same && !(pb_value_equal(v, w->got) && pb_value_kind(v) == PB_INT)) {
        char *a = pb_value_repr(v), *b = pb_value_repr(w->got);
        same = a && b && strcmp(a, b) == 0;
        pb_free(a);
        pb_free(b);
    }
    pb_value_unref(v);
    return same ? 0 : expected_differs(w, "another value");
}

static int expected_sequence(struct value_comparison *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "list") ? PB_LIST : PB_TUPLE;
    size_t n = json_array_size(content);
    if (pb_value_kind(w->got) != kind || pb_len(w->got) != n) {
        return expected_differs(w, "another sequence");
    }
    int e = 0;
    for (size_t i = n; e == 0 && i-- > 0;) {
        e = comparison_push(w, json_array_get(content, i), pb_item(w->got, i));
    }
    return e;
}

/* The index of a key that is equal to the value that the JSON describes, and not
 * taken, searched from index i on; n if there is none, or the value cannot be made
 * without the rest of the whole. */
static size_t expected_find_equal(const json_t *want, pb_value **keys, size_t n, size_t i,
                                  const bool *taken)
{
    size_t found = n;
    pb_value *made = value_from_json((json_t *)want, NULL);
    for (size_t k = 0; made && k < n && found == n; k++) {
        size_t at = (i + k) % n;
        if (!taken[at] && pb_value_equal(made, keys[at])) {
            found = at;
        }
    }
    pb_value_unref(made);
    return found;
}

/* Finds the key of a dict, or member of a set, for each entry of the JSON: found[i].
 * Equal ones first; the rest (instances, nan and others that are equal to nothing but
 * themselves) in order. */
static void expected_match_keys(const json_t *content, bool pairs, pb_value **keys,
                                size_t n, size_t *found, bool *taken)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(content, i);
        const json_t *want = pairs ? json_array_get(entry, 0) : entry;
        found[i] = expected_find_equal(want, keys, n, i, taken);
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

/* Finds the entries of a dict (pairs) or a set, and pushes them to be compared. */
static int comparison_push_matched(struct value_comparison *w, const json_t *content,
                                   bool pairs, pb_value **keys, pb_value **values,
                                   size_t n)
{
    size_t *found = pb__calloc(n, sizeof *found);
    bool *taken = pb__calloc(n, sizeof *taken);
    int e = found && taken ? 0 : pb__error_nomem(w->err);
    if (e == 0) {
        expected_match_keys(content, pairs, keys, n, found, taken);
    }
    for (size_t i = n; e == 0 && i-- > 0;) {
        const json_t *entry = json_array_get(content, i);
        if (pairs) {
            e = comparison_push(w, json_array_get(entry, 1), values[found[i]]);
        }
        if (e == 0) {
            e = comparison_push(w, pairs ? json_array_get(entry, 0) : entry,
                                keys[found[i]]);
        }
    }
    pb__free(found);
    pb__free(taken);
    return e;
}

static int expected_set(struct value_comparison *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "set") ? PB_SET : PB_FROZENSET;
    size_t n = json_array_size(content);
    if (pb_value_kind(w->got) != kind || pb_len(w->got) != n) {
        return expected_differs(w, "another set");
    }
    pb_value **members = pb__calloc(n, sizeof *members);
    if (!members) {
        return pb__error_nomem(w->err);
    }
    for (size_t i = 0; i < n; i++) {
        members[i] = pb_item(w->got, i);
    }
    int e = comparison_push_matched(w, content, false, members, NULL, n);
    pb__free(members);
    return e;
}

static int expected_pairs(struct value_comparison *w, const json_t *content,
                          pb_value *dict, bool ordered)
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
            e = comparison_push(w, json_array_get(pair, 1), entries[n + i]);
            e = e ? e : comparison_push(w, json_array_get(pair, 0), entries[i]);
        }
    } else {
        e = comparison_push_matched(w, content, true, entries, entries + n, n);
    }
    pb__free(entries);
    return e;
}

static int expected_dict(struct value_comparison *w, const json_t *content)
{
    if (pb_value_kind(w->got) != PB_DICT || pb_len(w->got) != json_array_size(content)) {
        return expected_differs(w, "another dict");
    }
    return expected_pairs(w, content, w->got, w->how->ordered);
}

/* Compares the state of an instance, if both are dicts with the same members. */
static int expected_state(struct value_comparison *w, pb_value *state)
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
        pb_value *key = value_from_json(json_array_get(pair, 0), NULL);
        bool there = key && pb_dict_get_value(state, key);
        pb_value_unref(key);
        if (!there) {
            return 0;
        }
    }
    return expected_pairs(w, want, state, false);
}

static int expected_instance(struct value_comparison *w, const json_t *content)
{
    pb_value *id;
    if (w->how->view == EXPECT_SENT &&
        broker_expression_is(w->got, "unpersistable", &id)) {
        return 0; /* the sender's own security refused to send it */
    }
    pb_span name;
    pb_value *state = broker_expression_state(w->got, &name);
    if (!state || name.len != json_string_length(content) ||
        memcmp(name.data, json_string_value(content), name.len) != 0) {
        return expected_differs(w, "not an instance of that class");
    }
    return expected_state(w, state);
}

static int expected_name(struct value_comparison *w, const json_t *content)
{
    pb_kind kind = json_object_get(w->want, "class")    ? PB_CLASS
                   : json_object_get(w->want, "module") ? PB_MODULE
                                                        : PB_FUNCTION;
    if (pb_value_kind(w->got) != kind ||
        strcmp(pb_name_of(w->got), json_string_value(content)) != 0) {
        return expected_differs(w, "another name");
    }
    return 0;
}

static int expected_method(struct value_comparison *w, const json_t *content)
{
    const json_t *self = json_object_get(w->want, "self");
    if (pb_value_kind(w->got) != PB_METHOD || !self ||
        strcmp(pb_name_of(w->got), json_string_value(content)) != 0) {
        return expected_differs(w, "another method");
    }
    return comparison_push(w, self, pb_method_self(w->got));
}

/* The reason contains the repr of what was received: in Python 3 that of bytes, in
 * Python 2 without the b. */
static int expected_unpersistable(struct value_comparison *w, const json_t *content)
{
    static const char prefix[] = "Unpersistable data: ";
    const char *want = json_string_value(content), *got = pb_unpersistable_reason(w->got);
    pb_value *id;
    if (!broker_expression_is(w->got, "unpersistable", &id)) {
        return got && strcmp(got, want) == 0 ? 0
                                             : expected_differs(w, "not unpersistable");
    }
    char *repr = pb_value_repr(id);
    pb_span raw = {0};
    pb_as_bytes(id, &raw);
    bool same = strncmp(want, prefix, sizeof prefix - 1) == 0 && repr &&
                (strcmp(want + sizeof prefix - 1, repr) == 0 ||
                 (strlen(want + sizeof prefix - 1) == raw.len &&
                  memcmp(want + sizeof prefix - 1, raw.data, raw.len) == 0));
    pb_free(repr);
    return same ? 0 : expected_differs(w, "another reason");
}

/* The object in a value that a session has read; NULL if there is none. */
static pb_object *comparison_object(const struct value_comparison *w)
{
    return w->how->view == EXPECT_HELD ? pb_as_object(w->got) : NULL;
}

static int expected_copy(struct value_comparison *w, const json_t *content)
{
    (void)content; /* the name of a class on one side; the message contains a type tag */
    pb_span name;
    const pb_object *o = comparison_object(w);
    if (o && pb_object_state(o)) {
        return 0;
    }
    return broker_expression_state(w->got, &name) ? 0 : expected_differs(w, "not a copy");
}

/* The side that has the original sends [tag, id, state], and later ["cached", id]. The
 * other side sends the cache back as ["lcache", id]. */
static int expected_cache(struct value_comparison *w, const json_t *content)
{
    (void)content;
    pb_value *id;
    bool original = json_object_get(w->want, "cacheable") != NULL;
    if (w->how->view == EXPECT_HELD) {
        const pb_object *o = comparison_object(w);
        bool cache = o && pb_object_class(o)->flavor == PB_FLAVOR_CACHEABLE;
        return cache && !pb_object_state(o) == original
                   ? 0
                   : expected_differs(w, "not a cache");
    }
    if (original == (w->how->view == EXPECT_RECEIVED)) {
        return broker_expression_is(w->got, "lcache", &id)
                   ? 0
                   : expected_differs(w, "not a cache that is sent back");
    }
    const struct pb__form *form = broker_expression_of(w->got);
    bool first = form && form->id && form->state;
    return first || broker_expression_is(w->got, "cached", &id)
               ? 0
               : expected_differs(w, "not a cache");
}

/* An object of the side that describes it: it sends this as "remote", and receives it
 * back as "local". */
static int expected_own_object(struct value_comparison *w, const json_t *content)
{
    (void)content;
    pb_value *id;
    if (w->how->view == EXPECT_HELD) {
        const pb_object *o = comparison_object(w);
        bool view = json_object_get(w->want, "viewpoint") != NULL;
        bool own = o && !pb_object_state(o) && view == (pb_viewpoint_object(o) != NULL);
        return own ? 0 : expected_differs(w, "not an own object");
    }
    const char *head = w->how->view == EXPECT_SENT ? "remote" : "local";
    return broker_expression_is(w->got, head, &id)
               ? 0
               : expected_differs(w, "not a reference to an own object");
}

static int expected_remote(struct value_comparison *w, const json_t *content)
{
    pb_value *id;
    int64_t luid;
    const char *head = w->how->view == EXPECT_SENT ? "local" : "remote";
    if (w->how->view == EXPECT_HELD) {
        const pb_remote *r = pb_as_remote(w->got);
        return r && json_is_integer(content) &&
                       pb_remote_luid(r) == json_integer_value(content)
                   ? 0
                   : expected_differs(w, "not this reference");
    }
    if (!broker_expression_is(w->got, head, &id) || pb_as_int(id, &luid) != 0 ||
        !json_is_integer(content) || luid != json_integer_value(content)) {
        return expected_differs(w, "not this reference");
    }
    return 0;
}

enum content { ANY, ARRAY, TEXT };

static const struct expected_kind {
    const char *key;
    compare_fn *compare;
    enum content content;
    bool shared; /* jelly recognises the object at its second place */
} expected_kinds[] = {
    {"int", expected_scalar, TEXT, false},
    {"float", expected_scalar, TEXT, false},
    {"str", expected_scalar, TEXT, false},
    {"bytes", expected_scalar, TEXT, false},
    {"datetime", expected_scalar, ARRAY, false},
    {"date", expected_scalar, ARRAY, false},
    {"time", expected_scalar, ARRAY, false},
    {"timedelta", expected_scalar, ARRAY, false},
    {"decimal", expected_scalar, TEXT, false},
    {"list", expected_sequence, ARRAY, true},
    {"tuple", expected_sequence, ARRAY, true},
    {"dict", expected_dict, ARRAY, true},
    {"set", expected_set, ARRAY, true},
    {"frozenset", expected_set, ARRAY, true},
    {"class", expected_name, TEXT, false},
    {"module", expected_name, TEXT, false},
    {"function", expected_name, TEXT, false},
    {"method", expected_method, TEXT, false},
    {"instance", expected_instance, TEXT, true},
    {"unpersistable", expected_unpersistable, TEXT, false},
    {"copyable", expected_copy, TEXT, true},
    {"remotecopy", expected_copy, TEXT, true},
    {"cacheable", expected_cache, TEXT, false},
    {"remotecache", expected_cache, TEXT, false},
    {"referenceable", expected_own_object, TEXT, false},
    {"viewable", expected_own_object, TEXT, false},
    {"viewpoint", expected_own_object, TEXT, false},
    {"remote", expected_remote, ANY, false},
    {0},
};

/* The row for a JSON object, and its content; NULL if it describes no value. */
static const struct expected_kind *expected_kind_of(const json_t *want,
                                                    const json_t **content)
{
    for (const struct expected_kind *r = expected_kinds; r->key; r++) {
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

/* () and frozenset() are always the same object in Python. */
static bool is_empty_constant(const pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    return (kind == PB_TUPLE || kind == PB_FROZENSET) && pb_len(v) == 0;
}

/* Notes which object the JSON describes. An object may have two places only by an
 * "id". */
static int comparison_note_identity(struct value_comparison *w)
{
    const json_t *id = json_object_get(w->want, "id");
    uint64_t value = (uint64_t)(uintptr_t)w->got;
    if (pb__map_get(&w->by_value, value) && !is_empty_constant(w->got)) {
        return expected_differs(w, "one object where there should be two");
    }
    int e = pb__map_set(&w->by_value, value, w->got);
    if (e == 0 && id) {
        e = pb__map_set(&w->by_id, (uint64_t)json_integer_value(id), w->got);
    }
    return e ? pb__error_nomem(w->err) : 0;
}

static int expected_reference(struct value_comparison *w, const json_t *ref)
{
    const pb_value *first = pb__map_get(&w->by_id, (uint64_t)json_integer_value(ref));
    bool same = first ? first == w->got : w->skipped;
    return same ? 0 : expected_differs(w, "another object than before");
}

static int comparison_compare_pair(struct value_comparison *w)
{
    if (!w->got || !w->want) {
        return w->want ? expected_differs(w, "missing") : expected_malformed(w);
    }
    pb_value *id;
    if (json_is_null(w->want) && w->how->view == EXPECT_RECEIVED &&
        broker_expression_is(w->got, "local", &id)) {
        return 0; /* an object that has been released is received as None */
    }
    if (json_is_null(w->want) || json_is_boolean(w->want)) {
        return expected_scalar(w, w->want);
    }
    const json_t *ref = json_object_get(w->want, "ref");
    if (ref) {
        return expected_reference(w, ref);
    }
    const json_t *content;
    const struct expected_kind *row = expected_kind_of(w->want, &content);
    if (!row) {
        return expected_malformed(w);
    }
    static const char unfilled[] = "twisted.persisted.crefutil._";
    if (row->compare == expected_instance &&
        strncmp(json_string_value(content), unfilled, sizeof unfilled - 1) == 0) {
        w->skipped = true;
        return 0; /* Twisted did not fill this place of a cycle: there is no value */
    }
    size_t before = w->pairs.len;
    int e = row->shared ? comparison_note_identity(w) : 0;
    e = e ? e : row->compare(w, content);
    w->skipped |= json_object_get(w->want, "state") && w->pairs.len == before;
    return e;
}

int expected_value_compare(const struct expectation *e, const json_t *want, pb_value *got,
                           pb_error *err)
{
    struct value_comparison w = {.how = e, .err = err};
    int result = comparison_push(&w, want, got);
    while (result == 0 && w.pairs.len) {
        struct expected_pair p;
        w.pairs.len -= sizeof p;
        memcpy(&p, w.pairs.data + w.pairs.len, sizeof p);
        w.want = p.want;
        w.got = p.got;
        result = comparison_compare_pair(&w);
    }
    pb__buf_fini(&w.pairs);
    pb__map_fini(&w.by_id);
    pb__map_fini(&w.by_value);
    return result;
}
