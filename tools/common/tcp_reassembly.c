/* SPDX-License-Identifier: MIT
 *
 * TCP reassembly. A side's bytes are given out as soon as they follow what was given out
 * before; later ones wait. Where bytes are missing in the file, that side ends there, for
 * nothing can be read behind a gap. */
#include "tools/common/tcp_reassembly.h"

#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/conversation.h"

enum { WAITING_MAX = 16 << 20 }; /* bytes of a side that may wait for those before */

struct waiting {
    struct waiting *next;
    uint32_t seq;
    size_t len;
    uint8_t data[];
};

struct side {
    bool begun; /* next is known */
    bool fin;   /* at fin_seq nothing more comes */
    bool over;
    uint32_t next, fin_seq;
    size_t waits; /* bytes in `waiting` */
    struct waiting *waiting;
};

struct flow {
    struct flow *next;
    uint8_t address[2][16];
    uint16_t port[2];
    bool first_is_server; /* of the two ends above */
    size_t number;
    double time;
    struct side sides[2]; /* by end */
};

struct tcp {
    const struct source_sink *sink;
    struct flow *flows; /* latest first */
    size_t count;
};

struct tcp *tcp_new(const struct source_sink *sink)
{
    struct tcp *t = pb__calloc(1, sizeof *t);
    if (t) {
        t->sink = sink;
    }
    return t;
}

static bool is_end(const struct flow *f, int end, const uint8_t *address, uint16_t port)
{
    return f->port[end] == port && memcmp(f->address[end], address, 16) == 0;
}

/* The flow of a segment, and in *end who sent it. A SYN after the end of one begins
 * another. NULL for lack of memory. */
static struct flow *find(struct tcp *t, const struct tcp_segment *s, int *end)
{
    for (struct flow *f = t->flows; f; f = f->next) {
        for (*end = 0; *end < 2; (*end)++) {
            if (is_end(f, *end, s->from, s->from_port) &&
                is_end(f, !*end, s->to, s->to_port)) {
                bool anew = s->syn && !s->ack && f->sides[*end].over;
                if (!anew) {
                    return f;
                }
            }
        }
    }
    struct flow *f = pb__calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    *end = 0;
    memcpy(f->address[0], s->from, 16);
    memcpy(f->address[1], s->to, 16);
    f->port[0] = s->from_port;
    f->port[1] = s->to_port;
    f->number = ++t->count;
    /* Where the handshake was not seen, servers have the lower port. */
    f->first_is_server = s->syn ? s->ack : s->from_port < s->to_port;
    f->next = t->flows;
    t->flows = f;
    return f;
}

static int who(const struct flow *f, int end)
{
    return (end == 0) == f->first_is_server ? TALK_SERVER : TALK_CLIENT;
}

static int close_side(struct tcp *t, struct flow *f, int end, const char *why)
{
    struct side *side = &f->sides[end];
    if (side->over) {
        return 0;
    }
    side->over = true;
    while (side->waiting) {
        struct waiting *w = side->waiting;
        side->waiting = w->next;
        pb__free(w);
    }
    return t->sink->end(f->number, who(f, end), f->time, why, t->sink->ctx);
}

/* Into the list, in order of sequence. */
static int keep(struct side *side, uint32_t seq, pb_span data)
{
    struct waiting **at = &side->waiting;
    while (*at && (int32_t)((*at)->seq - seq) <= 0) {
        at = &(*at)->next;
    }
    struct waiting *w = pb__malloc(sizeof *w + data.len);
    if (!w) {
        return PB_ERR_NOMEM;
    }
    *w = (struct waiting){.next = *at, .seq = seq, .len = data.len};
    memcpy(w->data, data.data, data.len);
    *at = w;
    side->waits += data.len;
    return 0;
}

/* Bytes that begin where the side stands, or before; what was had already is left out. */
static int give(struct tcp *t, struct flow *f, int end, uint32_t seq, pb_span data)
{
    struct side *side = &f->sides[end];
    uint32_t had = side->next - seq;
    if (had >= data.len) {
        return 0;
    }
    data = (pb_span){data.data + had, data.len - had};
    side->next += (uint32_t)data.len;
    return t->sink->bytes(f->number, who(f, end), f->time, data, t->sink->ctx);
}

/* What waited for the bytes that have come. */
static int give_waiting(struct tcp *t, struct flow *f, int end)
{
    struct side *side = &f->sides[end];
    int failed = 0;
    while (!failed && side->waiting && (int32_t)(side->waiting->seq - side->next) <= 0) {
        struct waiting *w = side->waiting;
        side->waiting = w->next;
        side->waits -= w->len;
        failed = give(t, f, end, w->seq, (pb_span){w->data, w->len});
        pb__free(w);
    }
    if (!failed && side->fin && side->next == side->fin_seq) {
        failed = close_side(t, f, end, NULL);
    }
    return failed;
}

static int gap(struct tcp *t, struct flow *f, int end)
{
    struct side *side = &f->sides[end];
    char text[80];
    snprintf(text, sizeof text, "%lu bytes are missing in the file",
             (unsigned long)(side->waiting->seq - side->next));
    return close_side(t, f, end, text);
}

int tcp_take(struct tcp *t, const struct tcp_segment *s)
{
    int end;
    struct flow *f = find(t, s, &end);
    if (!f) {
        return PB_ERR_NOMEM;
    }
    struct side *side = &f->sides[end];
    uint32_t seq = s->seq + s->syn;
    f->time = s->time;
    if (side->over) {
        return 0;
    }
    if (s->rst) {
        int failed = close_side(t, f, end, "the connection was reset");
        return failed ? failed : close_side(t, f, !end, "the connection was reset");
    }
    if (!side->begun) {
        side->begun = true;
        side->next = seq;
    }
    if (s->fin) {
        side->fin = true;
        side->fin_seq = seq + (uint32_t)s->data.len;
    }
    int failed = 0;
    if ((int32_t)(seq - side->next) <= 0) {
        failed = give(t, f, end, seq, s->data);
    } else if (s->data.len) {
        failed = keep(side, seq, s->data);
    }
    failed = failed ? failed : give_waiting(t, f, end);
    return !failed && side->waits > WAITING_MAX ? gap(t, f, end) : failed;
}

int tcp_end(struct tcp *t)
{
    int failed = 0;
    for (struct flow *f = t->flows; f && !failed; f = f->next) {
        for (int end = 0; end < 2 && !failed; end++) {
            failed = f->sides[end].waiting ? gap(t, f, end) : close_side(t, f, end, NULL);
        }
    }
    return failed;
}

void tcp_free(struct tcp *t)
{
    while (t && t->flows) {
        struct flow *f = t->flows;
        t->flows = f->next;
        for (int end = 0; end < 2; end++) {
            while (f->sides[end].waiting) {
                struct waiting *w = f->sides[end].waiting;
                f->sides[end].waiting = w->next;
                pb__free(w);
            }
        }
        pb__free(f);
    }
    pb__free(t);
}
