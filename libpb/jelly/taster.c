/* SPDX-License-Identifier: MIT
 *
 * The taster. It checks names only, because no name is ever resolved. The writer asks it
 * about the classes of instances, the reader about every head. Mirrors
 * jelly.SecurityOptions. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "libpb/base/mem.h"
#include "libpb/base/span.h"
#include "libpb/jelly/pattern.h"
#include "pb/jelly.h"

enum what {
    TYPE = 1,
    MODULE = 2,
    CLASS = 4,
};

struct name {
    struct name *next; /* another with the same hash */
    unsigned what;     /* what it is allowed as: bits of enum what */
    size_t len;
    char text[];
};

struct pb_taster {
    size_t refs;
    bool all, basic;
    struct pb__map names; /* by hash */
    struct pb__pattern *patterns;
};

static const char *const default_types[] = {
    "unicode", "None",   "boolean",  "set",   "frozenset", "datetime",
    "date",    "time",   "decimal",  "float", "int",       "timedelta",
    "str",     "string", "NoneType", "bool",
};

static const char *const basic_types[] = {
    "dictionary",    "list",       "tuple",    "reference", "dereference",
    "unpersistable", "persistent", "long_int", "long",      "dict",
};

pb_taster *pb_taster_new(void)
{
    pb_taster *t = pb__calloc(1, sizeof *t);
    if (t) {
        t->refs = 1;
    }
    return t;
}

pb_taster *pb_taster_ref(pb_taster *t)
{
    if (t) {
        t->refs++;
    }
    return t;
}

void pb_taster_unref(pb_taster *t)
{
    if (!t || --t->refs > 0) {
        return;
    }
    size_t pos = 0;
    uint64_t hash;
    void *first;
    while (pb__map_next(&t->names, &pos, &hash, &first)) {
        struct name *next;
        for (struct name *n = first; n; n = next) {
            next = n->next;
            pb__free(n);
        }
    }
    pb__map_fini(&t->names);
    pb__pattern_free(t->patterns);
    pb__free(t);
}

static uint64_t hash_of(const void *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
    }
    return hash;
}

static bool names_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static struct name *name_find(const pb_taster *t, const void *text, size_t len)
{
    struct name *n = pb__map_get(&t->names, hash_of(text, len));
    while (n && !names_same(n->text, n->len, text, len)) {
        n = n->next;
    }
    return n;
}

static int taster_put(pb_taster *t, const char *text, size_t len, unsigned what)
{
    struct name *n = name_find(t, text, len);
    if (n) {
        n->what |= what;
        return 0;
    }
    size_t size;
    uint64_t hash = hash_of(text, len);
    n = pb__add(sizeof *n, len, &size) ? pb__malloc(size) : NULL;
    if (!n) {
        return PB_ERR_NOMEM;
    }
    *n = (struct name){.next = pb__map_get(&t->names, hash), .what = what, .len = len};
    memcpy(n->text, text, len);
    int e = pb__map_set(&t->names, hash, n);
    if (e) {
        pb__free(n);
    }
    return e;
}

int pb_taster_allow_basic_types(pb_taster *t)
{
    if (!t) {
        return PB_ERR_ARG;
    }
    t->basic = true;
    return 0;
}

int pb_taster_allow_type(pb_taster *t, const char *name)
{
    return t && name ? taster_put(t, name, strlen(name), TYPE) : PB_ERR_ARG;
}

int pb_taster_allow_module(pb_taster *t, const char *name)
{
    return t && name ? taster_put(t, name, strlen(name), MODULE) : PB_ERR_ARG;
}

int pb_taster_allow_instances_of(pb_taster *t, const char *class_name)
{
    static const char *const types[] = {"instance", "class", "classobj", "module"};
    const char *dot = class_name ? strrchr(class_name, '.') : NULL;
    int e = class_name ? pb_taster_allow_basic_types(t) : PB_ERR_ARG;
    for (size_t i = 0; !e && i < sizeof types / sizeof *types; i++) {
        e = pb_taster_allow_type(t, types[i]);
    }
    if (!e && dot) {
        e = taster_put(t, class_name, (size_t)(dot - class_name), MODULE);
    }
    return e ? e : taster_put(t, class_name, strlen(class_name), TYPE | CLASS);
}

int pb_taster_allow_all(pb_taster *t)
{
    if (!t) {
        return PB_ERR_ARG;
    }
    t->all = true;
    return 0;
}

int pb_taster_allow_pattern(pb_taster *t, const char *pattern, pb_error *err)
{
    return t && pattern ? pb__pattern_add(&t->patterns, pattern, err)
                        : pb__error_null(err, t ? "the pattern" : "the taster");
}

static bool taster_allows(const pb_taster *t, pb_span name, enum what what)
{
    if (!t || pb__span_is_null(name)) {
        return false;
    }
    const struct name *n = t->all ? NULL : name_find(t, name.data, name.len);
    return t->all || (n && (n->what & what)) || pb__pattern_matches(t->patterns, name);
}

static bool name_among(pb_span name, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (names_same(name.data, name.len, words[i], strlen(words[i]))) {
            return true;
        }
    }
    return false;
}

bool pb_taster_type_allowed(const pb_taster *t, pb_span name)
{
    bool basic = !t || t->basic;
    if (pb__span_is_null(name)) {
        return false;
    }
    return name_among(name, default_types,
                      sizeof default_types / sizeof *default_types) ||
           (basic &&
            name_among(name, basic_types, sizeof basic_types / sizeof *basic_types)) ||
           (name.len > 0 && memchr(name.data, '.', name.len)) ||
           taster_allows(t, name, TYPE);
}

bool pb_taster_module_allowed(const pb_taster *t, pb_span name)
{
    return taster_allows(t, name, MODULE);
}

bool pb_taster_class_allowed(const pb_taster *t, pb_span name)
{
    return taster_allows(t, name, CLASS);
}
