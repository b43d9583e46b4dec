/* SPDX-License-Identifier: MIT
 *
 * Parses banana only as far as needed to know the place of a string in a message:
 * ["message", request, object, method, answer, ["tuple", argument, ...], ...]. */
#include "tools/record/password_mask.h"

#include <string.h>

#include "libpb/banana/type_bytes.h"

enum {
    DEPTH_MAX = 1 << 20,
    DIGITS_MAX = 9, /* of the length of a list or string */
    FLOAT_LEN = 8,
    OBJECT = 2, /* members of a call */
    METHOD,
    ARGS = METHOD + 2,
};

static const char method[] = "respond";

static size_t mask_depth(const struct password_mask *m)
{
    return m->open.len / sizeof(uint64_t);
}

static uint64_t *mask_innermost(struct password_mask *m)
{
    return (uint64_t *)(void *)(m->open.data + m->open.len) - 1;
}

/* An element is complete, and so are the lists of which it was the last one. */
static void mask_end_element(struct password_mask *m)
{
    while (m->open.len && *mask_innermost(m) == 0) {
        m->open.len -= sizeof(uint64_t);
    }
}

/* An element begins: counts it in `at` if it is in the outermost list or in a list of
 * that. */
static void mask_begin_element(struct password_mask *m)
{
    size_t depth = mask_depth(m);
    if (depth == 0) {
        m->numbered = m->responds = false;
        m->at[0] = 0;
        return;
    }
    --*mask_innermost(m);
    if (depth == 1) {
        m->at[0]++;
        m->at[1] = 0;
    } else if (depth == 2) {
        m->at[1]++;
    }
}

static void mask_begin_list(struct password_mask *m)
{
    if (mask_depth(m) >= DEPTH_MAX ||
        pb__buf_append(&m->open, &m->number, sizeof m->number) != 0) {
        m->lost = true;
    }
}

static void mask_begin_string(struct password_mask *m)
{
    size_t depth = mask_depth(m);
    m->rest = m->number;
    m->matched = 0;
    m->masking = m->responds && depth >= 2 && m->at[0] == ARGS + 1 && m->at[1] == 1 + 1;
}

static bool mask_is_at(const struct password_mask *m, uint64_t place)
{
    return mask_depth(m) == 1 && m->at[0] == place + 1;
}

static void mask_take_type(struct password_mask *m, uint8_t type)
{
    mask_begin_element(m);
    switch (type) {
    case PB__TYPE_LIST:
    case PB__TYPE_STRING:
        if (m->digits > DIGITS_MAX) {
            m->lost = true;
        }
        (type == PB__TYPE_LIST ? mask_begin_list : mask_begin_string)(m);
        break;
    case PB__TYPE_FLOAT:
        m->rest = FLOAT_LEN;
        m->masking = false;
        break;
    case PB__TYPE_INT:
    case PB__TYPE_NEG:
    case PB__TYPE_LONGINT:
    case PB__TYPE_LONGNEG:
        m->numbered = m->numbered || mask_is_at(m, OBJECT);
        break;
    case PB__TYPE_VOCAB:
        break;
    default:
        m->lost = true;
    }
    if (m->rest == 0) {
        mask_end_element(m);
    }
    m->number = m->digits = 0;
}

static void mask_take_digit(struct password_mask *m, uint8_t digit)
{
    if (m->digits < DIGITS_MAX) {
        m->number |= (uint64_t)digit << 7 * m->digits;
    }
    /* High zeros do not make a number longer. */
    m->digits += digit || m->digits < DIGITS_MAX;
}

/* Takes bytes of a string or float; returns how many. */
static size_t mask_take_content(struct password_mask *m, uint8_t *data, size_t len)
{
    size_t n = m->rest < len ? (size_t)m->rest : len;
    if (m->masking) {
        memset(data, '*', n);
    }
    if (mask_is_at(m, METHOD) && m->numbered) {
        uint64_t at = m->matched;
        size_t left = at <= sizeof method - 1 ? sizeof method - 1 - (size_t)at : 0;
        bool same = n <= left && memcmp(data, method + at, n) == 0;
        m->matched = same ? at + n : UINT64_MAX;
        m->responds = m->matched == sizeof method - 1;
    }
    m->rest -= n;
    if (m->rest == 0) {
        mask_end_element(m);
    }
    return n;
}

void password_mask_apply(struct password_mask *m, uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && !m->lost) {
        if (m->rest) {
            i += mask_take_content(m, data + i, len - i);
        } else if (data[i] & 0x80) {
            mask_take_type(m, data[i++]);
        } else {
            mask_take_digit(m, data[i++]);
        }
    }
    memset(data + i, '*', len - i);
}

void password_mask_fini(struct password_mask *m)
{
    pb__buf_fini(&m->open);
}
