/* SPDX-License-Identifier: MIT
 *
 * Masking: banana is followed as far as it takes to know where a string stands in its
 * message, ["message", request, object, method, answer, ["tuple", argument, ...], ...]. */
#include "tools/record/password_mask.h"

#include <string.h>

#include "libpb/banana/wire.h"

enum {
    DEPTH_MAX = 1 << 20,
    DIGITS_MAX = 9, /* of a length that may be one */
    FLOAT_LEN = 8,
    OBJECT = 2, /* places in a call */
    METHOD,
    ARGS = METHOD + 2,
};

static const char method[] = "respond";

static size_t depth_of(const struct mask *m)
{
    return m->open.len / sizeof(uint64_t);
}

static uint64_t *innermost(struct mask *m)
{
    return (uint64_t *)(void *)(m->open.data + m->open.len) - 1;
}

/* An element is complete, and with it the lists that it was the last one of. */
static void end_element(struct mask *m)
{
    while (m->open.len && *innermost(m) == 0) {
        m->open.len -= sizeof(uint64_t);
    }
}

/* Notes that an element begins: in which place of the outermost list, and of the one
 * inside it, is in at, which counts it. */
static void begin_element(struct mask *m)
{
    size_t depth = depth_of(m);
    if (depth == 0) {
        m->numbered = m->responds = false;
        m->at[0] = 0;
        return;
    }
    --*innermost(m);
    if (depth == 1) {
        m->at[0]++;
        m->at[1] = 0;
    } else if (depth == 2) {
        m->at[1]++;
    }
}

static void begin_list(struct mask *m)
{
    if (depth_of(m) >= DEPTH_MAX ||
        pb__buf_append(&m->open, &m->number, sizeof m->number) != 0) {
        m->lost = true;
    }
}

static void begin_string(struct mask *m)
{
    size_t depth = depth_of(m);
    m->rest = m->number;
    m->matched = 0;
    m->masking = m->responds && depth >= 2 && m->at[0] == ARGS + 1 && m->at[1] == 1 + 1;
}

static bool is_here(const struct mask *m, uint64_t place)
{
    return depth_of(m) == 1 && m->at[0] == place + 1;
}

static void take_type(struct mask *m, uint8_t type)
{
    begin_element(m);
    switch (type) {
    case PB__TYPE_LIST:
    case PB__TYPE_STRING:
        if (m->digits > DIGITS_MAX) {
            m->lost = true;
        }
        (type == PB__TYPE_LIST ? begin_list : begin_string)(m);
        break;
    case PB__TYPE_FLOAT:
        m->rest = FLOAT_LEN;
        m->masking = false;
        break;
    case PB__TYPE_INT:
    case PB__TYPE_NEG:
    case PB__TYPE_LONGINT:
    case PB__TYPE_LONGNEG:
        m->numbered = m->numbered || is_here(m, OBJECT);
        break;
    case PB__TYPE_VOCAB:
        break;
    default:
        m->lost = true;
    }
    if (m->rest == 0) {
        end_element(m);
    }
    m->number = m->digits = 0;
}

static void take_digit(struct mask *m, uint8_t digit)
{
    if (m->digits < DIGITS_MAX) {
        m->number |= (uint64_t)digit << 7 * m->digits;
    }
    /* Zeros after the last digit make no number longer. */
    m->digits += digit || m->digits < DIGITS_MAX;
}

/* Takes what there is of a string or float: how many bytes. */
static size_t take_content(struct mask *m, uint8_t *data, size_t len)
{
    size_t n = m->rest < len ? (size_t)m->rest : len;
    if (m->masking) {
        memset(data, '*', n);
    }
    if (is_here(m, METHOD) && m->numbered) {
        uint64_t at = m->matched;
        size_t left = at <= sizeof method - 1 ? sizeof method - 1 - (size_t)at : 0;
        bool same = n <= left && memcmp(data, method + at, n) == 0;
        m->matched = same ? at + n : UINT64_MAX;
        m->responds = m->matched == sizeof method - 1;
    }
    m->rest -= n;
    if (m->rest == 0) {
        end_element(m);
    }
    return n;
}

void mask_bytes(struct mask *m, uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && !m->lost) {
        if (m->rest) {
            i += take_content(m, data + i, len - i);
        } else if (data[i] & 0x80) {
            take_type(m, data[i++]);
        } else {
            take_digit(m, data[i++]);
        }
    }
    memset(data + i, '*', len - i);
}

void mask_fini(struct mask *m)
{
    pb__buf_fini(&m->open);
}
