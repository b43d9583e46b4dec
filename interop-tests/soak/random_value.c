/* SPDX-License-Identifier: MIT
 *
 * Random numbers and values of the soak test. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/soak/soak.h"

/* splitmix64 */
static uint64_t random_bits(struct side *side)
{
    uint64_t x = side->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t random_below(struct side *side, uint64_t n)
{
    return random_bits(side) % n;
}

static pb_value *random_bytes(struct side *side)
{
    static const size_t longest[] = {1, 8, 100, 1000, 20000};
    uint8_t data[20000];
    size_t n = random_below(side, longest[random_below(side, 5)]);
    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)random_bits(side);
    }
    return pb_bytes((pb_span){data, n});
}

static pb_value *random_text(struct side *side)
{
    static const char *const parts[] = {
        "a", "Zz", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\xb5", " ", "\n", "\"'\\"};
    char text[200] = "";
    for (uint64_t n = random_below(side, 40); n > 0; n--) {
        strcat(text, parts[random_below(side, 8)]);
    }
    return pb_str(text);
}

static pb_value *random_large_int(struct side *side)
{
    uint8_t magnitude[40];
    size_t n = 1 + random_below(side, sizeof magnitude);
    for (size_t i = 0; i < n; i++) {
        magnitude[i] = (uint8_t)random_bits(side);
    }
    return pb_int_bytes(random_below(side, 2), (pb_span){magnitude, n});
}

static pb_value *random_scalar(struct side *side)
{
    switch (random_below(side, 7)) {
    case 0:
        return pb_none();
    case 1:
        return pb_bool(random_below(side, 2));
    case 2:
        return pb_int((int64_t)(random_bits(side) >> random_below(side, 64)));
    case 3:
        return random_large_int(side);
    case 4:
        return pb_float(((double)random_bits(side) - 0x1p63) / 3.0);
    case 5:
        return random_bytes(side);
    default:
        return random_text(side);
    }
}

static pb_value *random_dict(struct side *side, int depth)
{
    pb_value *dict = pb_dict();
    for (uint64_t n = random_below(side, 6); n > 0; n--) {
        pb_dict_set_value_steal(dict, random_scalar(side), random_value(side, depth));
    }
    return dict;
}

static pb_value *random_set(struct side *side, pb_kind kind)
{
    pb_value *set = pb_seq(kind, 0);
    for (uint64_t n = random_below(side, 6); n > 0; n--) {
        pb_append_steal(set, random_scalar(side));
    }
    return set;
}

pb_value *random_value(struct side *side, int depth)
{
    uint64_t kind = depth > 0 ? random_below(side, 8) : 0;
    if (kind < 3) {
        return random_scalar(side);
    }
    if (kind == 3) {
        return random_dict(side, depth - 1);
    }
    if (kind == 4) {
        return random_set(side, random_below(side, 2) ? PB_SET : PB_FROZENSET);
    }
    pb_value *seq = pb_seq(kind == 5 ? PB_TUPLE : PB_LIST, 0);
    for (uint64_t n = random_below(side, 6); n > 0; n--) {
        pb_value *item = random_value(side, depth - 1);
        if (random_below(side, 4) == 0) {
            pb_append(seq, item); /* it occurs twice */
        }
        pb_append_steal(seq, item);
    }
    return seq;
}

pb_value *paged_bytes(size_t n)
{
    uint8_t *data = malloc(n + 1);
    for (size_t i = 0; data && i < n; i++) {
        data[i] = (uint8_t)((7 * i + n) % 251);
    }
    pb_value *bytes = data ? pb_bytes((pb_span){data, n}) : NULL;
    free(data);
    return bytes;
}
