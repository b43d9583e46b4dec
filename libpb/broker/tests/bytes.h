/* SPDX-License-Identifier: MIT
 *
 * Bytes of captures, in hexadecimal: passed to a session, and expected from one. */
#ifndef PB__TEST_BYTES_H
#define PB__TEST_BYTES_H

#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"

struct chunk {
    char from; /* 'C'lient or 'S'erver; 0 ends a scenario */
    const char *hex;
};

struct bytes {
    uint8_t *data;
    size_t len;
};

static inline struct bytes from_hex(const char *hex)
{
    struct bytes b = {.data = malloc(strlen(hex) / 2 + 1)};
    for (; *hex; hex += 2) {
        unsigned byte;
        cr_assert_eq(sscanf(hex, "%2x", &byte), 1);
        b.data[b.len++] = (uint8_t)byte;
    }
    return b;
}

/* Passes the bytes to a session, all at once or one at a time. */
static inline int feed(pb_session *s, const char *hex, bool single)
{
    struct bytes b = from_hex(hex);
    size_t step = single ? 1 : b.len;
    int e = 0;
    for (size_t at = 0; e == 0 && at < b.len; at += step) {
        e = pb_session_recv(s, (pb_span){b.data + at, step}, 0);
    }
    free(b.data);
    return e;
}

/* Takes the output of a session, which must be these bytes, or begin with them. */
static inline void expect(pb_session *s, const char *hex, bool whole, const char *name,
                          size_t i)
{
    struct bytes b = from_hex(hex);
    pb_span out = pb_session_send(s);
    cr_assert(whole ? out.len == b.len : out.len > b.len, "%s %zu: %zu bytes, not %zu",
              name, i, out.len, b.len);
    cr_assert(b.len == 0 || memcmp(out.data, b.data, b.len) == 0, "%s %zu", name, i);
    pb_session_sent(s, out.len, 0);
    free(b.data);
}

/* Plays one side of a scenario against the session, which must send what the other side
 * sent. step (may be NULL) runs each time it is the session's turn, after the
 * negotiation. */
static inline void play(pb_session *s, const struct chunk *chunks, const char *name,
                        bool single, void (*step)(void *ctx, size_t turn), void *ctx)
{
    char side = s->is_client ? 'C' : 'S';
    size_t turn = 0;
    for (size_t i = 0; chunks[i].from; i++) {
        if (chunks[i].from != side) {
            cr_assert_eq(feed(s, chunks[i].hex, single), 0, "%s %zu: %s", name, i,
                         pb_session_error(s)->text);
            continue;
        }
        if (step && i > 2) {
            step(ctx, turn++);
        }
        expect(s, chunks[i].hex, true, name, i);
    }
}

#endif
