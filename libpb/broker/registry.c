/* SPDX-License-Identifier: MIT
 *
 * The classes for received type tags: a table in the configuration of a session, sorted
 * by tag, so that a lookup takes a few comparisons. */
#include <string.h>

#include "libpb/base/mem.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/registry.h"

struct pb_registry {
    size_t refs;
    struct pb__registered **rows; /* ascending by tag */
    size_t len, cap;
};

pb_registry *pb_registry_new(void)
{
    pb_registry *g = pb__calloc(1, sizeof *g);
    if (g) {
        g->refs = 1;
    }
    return g;
}

pb_registry *pb_registry_ref(pb_registry *g)
{
    if (g) {
        g->refs++;
    }
    return g;
}

void pb_registry_unref(pb_registry *g)
{
    if (!g || --g->refs > 0) {
        return;
    }
    for (size_t i = 0; i < g->len; i++) {
        pb__free(g->rows[i]);
    }
    pb__free(g->rows);
    pb__free(g);
}

static int tag_compare(pb_span a, const char *b)
{
    size_t len = strlen(b);
    int order = memcmp(a.data, b, a.len < len ? a.len : len);
    return order ? order : (a.len > len) - (a.len < len);
}

/* The index of the tag in the rows, or where it belongs. */
static size_t place_of(const pb_registry *g, pb_span tag)
{
    size_t from = 0;
    size_t to = g->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (tag_compare(tag, g->rows[middle]->tag) > 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

const struct pb__registered *pb__registry_find(const pb_registry *g, pb_span tag)
{
    size_t at = g ? place_of(g, tag) : 0;
    return g && at < g->len && tag_compare(tag, g->rows[at]->tag) == 0 ? g->rows[at]
                                                                       : NULL;
}

/* Reserves space for n more rows. */
static int registry_reserve(pb_registry *g, size_t n)
{
    size_t cap, size;
    if (n <= g->cap - g->len) {
        return 0;
    }
    if (!pb__add(g->len, n, &cap) || !pb__mul(cap, 2 * sizeof *g->rows, &size)) {
        return PB_ERR_NOMEM;
    }
    struct pb__registered **rows = pb__realloc(g->rows, size);
    if (!rows) {
        return PB_ERR_NOMEM;
    }
    g->rows = rows;
    g->cap = 2 * cap;
    return 0;
}

/* A row for "prefix.name", or for name if the prefix is empty. */
static struct pb__registered *new_row(const char *prefix, const char *name,
                                      const pb_class *cls)
{
    size_t before = strlen(prefix);
    size_t len = strlen(name);
    struct pb__registered *row = pb__calloc(1, sizeof *row + before + 1 + len + 1);
    if (row) {
        row->cls = cls;
        memcpy(row->tag, prefix, before);
        if (before > 0) {
            row->tag[before++] = '.';
        }
        memcpy(row->tag + before, name, len);
    }
    return row;
}

/* Inserts a row. Space must have been reserved. */
static void registry_put(pb_registry *g, struct pb__registered *row)
{
    pb_span tag = {(const uint8_t *)row->tag, strlen(row->tag)};
    size_t at = place_of(g, tag);
    if (at < g->len && tag_compare(tag, g->rows[at]->tag) == 0) {
        pb__free(g->rows[at]);
    } else {
        memmove(g->rows + at + 1, g->rows + at, (g->len - at) * sizeof *g->rows);
        g->len++;
    }
    g->rows[at] = row;
}

/* Finds or adds the row of the tag, and empties it. */
static int registry_set(pb_registry *g, const char *tag, const pb_class *cls,
                        struct pb__registered **out)
{
    if (!g || !tag || !*tag) {
        return PB_ERR_ARG;
    }
    *out = registry_reserve(g, 1) == 0 ? new_row("", tag, cls) : NULL;
    if (!*out) {
        return PB_ERR_NOMEM;
    }
    registry_put(g, *out);
    return 0;
}

int pb_registry_set_class(pb_registry *g, const char *tag, const pb_class *cls)
{
    struct pb__registered *row;
    return registry_set(g, tag, cls, &row);
}

int pb_registry_set_factory(pb_registry *g, const char *tag, pb_factory_cb factory,
                            void *user_data)
{
    struct pb__registered *row;
    int e = factory ? registry_set(g, tag, NULL, &row) : PB_ERR_ARG;
    if (e == 0) {
        row->factory = factory;
        row->user_data = user_data;
    }
    return e;
}

int pb_registry_set_unjelly(pb_registry *g, const char *tag, pb_unjelly_cb unjelly,
                            void *user_data)
{
    struct pb__registered *row;
    int e = unjelly ? registry_set(g, tag, NULL, &row) : PB_ERR_ARG;
    if (e == 0) {
        row->unjelly = unjelly;
        row->user_data = user_data;
    }
    return e;
}

int pb_registry_set_reference(pb_registry *g, const char *tag)
{
    struct pb__registered *row;
    int e = registry_set(g, tag, NULL, &row);
    if (e == 0) {
        row->reference = true;
    }
    return e;
}

int pb_registry_set_published(pb_registry *g, const char *tag, const pb_class *cls,
                              const pb_published_config *config)
{
    struct pb__registered *row;
    bool fits = cls && cls->flavor == PB_FLAVOR_CACHEABLE && config;
    int e = fits ? registry_set(g, tag, cls, &row) : PB_ERR_ARG;
    if (e == 0) {
        row->publishes = true;
        row->published = *config;
    }
    return e;
}

int pb_registry_set_class_tree(pb_registry *g, const char *prefix,
                               const pb_class *const *classes, size_t n)
{
    bool fits = g && prefix && (n == 0 || classes);
    for (size_t i = 0; fits && i < n; i++) {
        fits = classes[i] && classes[i]->name;
    }
    if (!fits) {
        return PB_ERR_ARG;
    }
    /* The new rows are stored after the others first, so that all are set or none. */
    int failed = registry_reserve(g, n);
    size_t made = 0;
    while (!failed && made < n) {
        struct pb__registered *row =
            new_row(prefix, pb__class_short(classes[made]), classes[made]);
        failed = row ? 0 : PB_ERR_NOMEM;
        g->rows[g->len + made] = row;
        made += row != NULL;
    }
    while (failed && made > 0) {
        pb__free(g->rows[g->len + --made]);
    }
    while (made > 0) {
        size_t len = g->len;
        registry_put(g, g->rows[len]);
        made--;
        if (g->len ==
            len) { /* it replaced another row: the last one moves into its slot */
            g->rows[len] = g->rows[len + made];
        }
    }
    return failed;
}
