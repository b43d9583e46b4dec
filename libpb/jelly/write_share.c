/* SPDX-License-Identifier: MIT
 *
 * Values that occur more than once. Only values with several owners come here. The
 * position of each is recorded, and when the value occurs again, it gets a number. When
 * everything is written, the references are inserted at the first positions. Mirrors
 * prepare, preserve and _cook. */
#include <string.h>

#include "libpb/jelly/write.h"

/* Makes room for one more place. The first time, the values of all places go into the
 * map. */
static int sharing_grow(struct pb__writer *w)
{
    bool first = w->places == w->first_places;
    for (size_t i = 0; first && i < w->places_len; i++) {
        void *index = (void *)(uintptr_t)(i + 1);
        if (pb__map_set(&w->met, (uintptr_t)w->first_met[i], index) != 0) {
            return PB_ERR_NOMEM;
        }
    }
    size_t size;
    struct pb__patch *places = pb__mul(w->places_cap, 2 * sizeof *places, &size)
                                   ? pb__realloc(first ? NULL : w->places, size)
                                   : NULL;
    if (!places) {
        return PB_ERR_NOMEM;
    }
    if (first) {
        memcpy(places, w->first_places, sizeof w->first_places);
    }
    w->places = places;
    w->places_cap *= 2;
    return 0;
}

static int sharing_remember(struct pb__writer *w, const pb_value *v, uint64_t mark)
{
    if (w->places_len == w->places_cap && sharing_grow(w) != 0) {
        return PB_ERR_NOMEM;
    }
    void *index = (void *)(uintptr_t)(w->places_len + 1);
    if (w->places == w->first_places) {
        w->first_met[w->places_len] = v;
    } else if (pb__map_set(&w->met, (uintptr_t)v, index) != 0) {
        return PB_ERR_NOMEM;
    }
    w->places[w->places_len++] = (struct pb__patch){.mark = mark};
    return 0;
}

/* The place of v; NULL if it has none. */
static struct pb__patch *sharing_place(const struct pb__writer *w, const pb_value *v)
{
    if (w->places != w->first_places) {
        uintptr_t index = (uintptr_t)pb__map_get(&w->met, (uintptr_t)v);
        return index ? &w->places[index - 1] : NULL;
    }
    for (size_t i = 0; i < w->places_len; i++) {
        if (w->first_met[i] == v) {
            return &w->places[i];
        }
    }
    return NULL;
}

int64_t pb__write_find(struct pb__writer *w, const pb_value *v)
{
    struct pb__patch *place = sharing_place(w, v);
    if (!place) {
        return 0;
    }
    if (place->number == 0) {
        place->number = ++w->numbers;
    }
    return place->number;
}

/* Returns whether v is always sent as a shared value. Objects are not, because not all of
 * them are shared. */
static bool sharing_is_container(const pb_value *v)
{
    return pb__is_node(v) && v->kind != PB_OBJECT;
}

int64_t pb__write_meet(struct pb__writer *w, const pb_value *v)
{
    bool alone = w->places_len == 0;
    if (alone && w->top == w->frames && sharing_is_container(v)) {
        /* the root: its position is only needed once another value can contain it */
        return 0;
    }
    int e = alone && sharing_is_container(w->root)
                ? sharing_remember(w, w->root, w->start)
                : 0;
    int64_t number = e ? e : pb__write_find(w, v);
    return number ? number : sharing_remember(w, v, pb__encoder_mark(w->e));
}

int pb__write_dereference(struct pb__writer *w, int64_t number)
{
    int e = pb__write_opening(w, PB__OPENING_DEREFERENCE);
    return e ? e : pb__encode_int(w->e, number);
}

struct pb__write_kept *pb__write_keep_steal(struct pb__writer *w, pb_value *a,
                                            pb_value *b)
{
    struct pb__write_kept *k = pb__malloc(sizeof *k);
    if (!k) {
        pb_value_unref(a);
        pb_value_unref(b);
        return NULL;
    }
    *k = (struct pb__write_kept){.next = w->kept, .values = {a, b}};
    w->kept = k;
    return k;
}

int pb__write_references(struct pb__writer *w)
{
    if (w->numbers == 0) {
        return 0;
    }
    size_t n = 0;
    for (size_t i = 0; i < w->places_len; i++) {
        if (w->places[i].number != 0) {
            w->places[n++] = w->places[i];
        }
    }
    return pb__encoder_insert(w->e, w->places, n);
}

void pb__write_share_fini(struct pb__writer *w)
{
    while (w->kept) {
        struct pb__write_kept *k = w->kept;
        w->kept = k->next;
        pb_value_unref(k->values[0]);
        pb_value_unref(k->values[1]);
        pb__free(k);
    }
    pb__map_fini(&w->met);
    if (w->places != w->first_places) {
        pb__free(w->places);
    }
}
