/* SPDX-License-Identifier: MIT
 *
 * TCP reassembly. The bytes of a side are delivered as soon as they follow those that
 * were delivered before; segments that come too early are kept. If bytes are missing
 * in the file, the side ends there, because the stream cannot be read after a gap. */
#include "tools/common/tcp_reassembly.h"

#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/conversation.h"

enum {
    PENDING_MAX = 16 << 20
}; /* bytes of a side that are kept after a missing segment */

struct tcp_pending {
    struct tcp_pending *next;
    uint32_t seq;
    size_t len;
    uint8_t data[];
};

struct tcp_side {
    bool started; /* `next` is known */
    bool fin;     /* the stream ends at fin_seq */
    bool closed;
    uint32_t next, fin_seq; /* sequence numbers: of the next byte to deliver */
    size_t pending_bytes;
    struct tcp_pending *pending; /* segments that came too early, by sequence number */
};

struct tcp_flow {
    struct tcp_flow *next;
    uint8_t address[2][16];
    uint16_t port[2];
    bool first_is_server; /* end 0 is the server */
    size_t number;
    double time;
    struct tcp_side sides[2]; /* by end */
};

struct tcp_reassembly {
    const struct traffic_sink *sink;
    struct tcp_flow *flows; /* latest first */
    size_t count;
};

struct tcp_reassembly *tcp_reassembly_new(const struct traffic_sink *sink)
{
    struct tcp_reassembly *t = pb__calloc(1, sizeof *t);
    if (t) {
        t->sink = sink;
    }
    return t;
}

static bool flow_is_end(const struct tcp_flow *f, int end, const uint8_t *address,
                        uint16_t port)
{
    return f->port[end] == port && memcmp(f->address[end], address, 16) == 0;
}

/* The flow of a segment, and in *end which end sent it. A SYN after the end of a flow
 * begins a new one. NULL for lack of memory. */
static struct tcp_flow *flow_find(struct tcp_reassembly *t, const struct tcp_segment *s,
                                  int *end)
{
    for (struct tcp_flow *f = t->flows; f; f = f->next) {
        for (*end = 0; *end < 2; (*end)++) {
            if (flow_is_end(f, *end, s->from, s->from_port) &&
                flow_is_end(f, !*end, s->to, s->to_port)) {
                bool reused = s->syn && !s->ack && f->sides[*end].closed;
                if (!reused) {
                    return f;
                }
            }
        }
    }
    struct tcp_flow *f = pb__calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    *end = 0;
    memcpy(f->address[0], s->from, 16);
    memcpy(f->address[1], s->to, 16);
    f->port[0] = s->from_port;
    f->port[1] = s->to_port;
    f->number = ++t->count;
    /* If the handshake was not captured, the server is the end with the lower port. */
    f->first_is_server = s->syn ? s->ack : s->from_port < s->to_port;
    f->next = t->flows;
    t->flows = f;
    return f;
}

static int flow_side(const struct tcp_flow *f, int end)
{
    return (end == 0) == f->first_is_server ? SIDE_SERVER : SIDE_CLIENT;
}

static int flow_close_side(struct tcp_reassembly *t, struct tcp_flow *f, int end,
                           const char *why)
{
    struct tcp_side *side = &f->sides[end];
    if (side->closed) {
        return 0;
    }
    side->closed = true;
    while (side->pending) {
        struct tcp_pending *w = side->pending;
        side->pending = w->next;
        pb__free(w);
    }
    return t->sink->end(f->number, flow_side(f, end), f->time, why, t->sink->ctx);
}

/* Keeps a segment, in the order of sequence numbers. */
static int tcp_side_keep(struct tcp_side *side, uint32_t seq, pb_span data)
{
    struct tcp_pending **at = &side->pending;
    while (*at && (int32_t)((*at)->seq - seq) <= 0) {
        at = &(*at)->next;
    }
    struct tcp_pending *w = pb__malloc(sizeof *w + data.len);
    if (!w) {
        return PB_ERR_NOMEM;
    }
    *w = (struct tcp_pending){.next = *at, .seq = seq, .len = data.len};
    memcpy(w->data, data.data, data.len);
    *at = w;
    side->pending_bytes += data.len;
    return 0;
}

/* Delivers the bytes of a segment that begins at or before the next byte, without those
 * that were delivered before. */
static int flow_deliver(struct tcp_reassembly *t, struct tcp_flow *f, int end,
                        uint32_t seq, pb_span data)
{
    struct tcp_side *side = &f->sides[end];
    uint32_t known = side->next - seq;
    if (known >= data.len) {
        return 0;
    }
    data = (pb_span){data.data + known, data.len - known};
    side->next += (uint32_t)data.len;
    return t->sink->bytes(f->number, flow_side(f, end), f->time, data, t->sink->ctx);
}

/* Delivers kept segments that follow now, and closes a side that is complete. */
static int flow_deliver_pending(struct tcp_reassembly *t, struct tcp_flow *f, int end)
{
    struct tcp_side *side = &f->sides[end];
    int failed = 0;
    while (!failed && side->pending && (int32_t)(side->pending->seq - side->next) <= 0) {
        struct tcp_pending *w = side->pending;
        side->pending = w->next;
        side->pending_bytes -= w->len;
        failed = flow_deliver(t, f, end, w->seq, (pb_span){w->data, w->len});
        pb__free(w);
    }
    if (!failed && side->fin && side->next == side->fin_seq) {
        failed = flow_close_side(t, f, end, NULL);
    }
    return failed;
}

static int flow_report_gap(struct tcp_reassembly *t, struct tcp_flow *f, int end)
{
    struct tcp_side *side = &f->sides[end];
    char text[80];
    snprintf(text, sizeof text, "%lu bytes are missing in the file",
             (unsigned long)(side->pending->seq - side->next));
    return flow_close_side(t, f, end, text);
}

int tcp_reassembly_add(struct tcp_reassembly *t, const struct tcp_segment *s)
{
    int end;
    struct tcp_flow *f = flow_find(t, s, &end);
    if (!f) {
        return PB_ERR_NOMEM;
    }
    struct tcp_side *side = &f->sides[end];
    uint32_t seq = s->seq + s->syn;
    f->time = s->time;
    if (side->closed) {
        return 0;
    }
    if (s->rst) {
        int failed = flow_close_side(t, f, end, "the connection was reset");
        return failed ? failed : flow_close_side(t, f, !end, "the connection was reset");
    }
    if (!side->started) {
        side->started = true;
        side->next = seq;
    }
    if (s->fin) {
        side->fin = true;
        side->fin_seq = seq + (uint32_t)s->data.len;
    }
    int failed = 0;
    if ((int32_t)(seq - side->next) <= 0) {
        failed = flow_deliver(t, f, end, seq, s->data);
    } else if (s->data.len) {
        failed = tcp_side_keep(side, seq, s->data);
    }
    failed = failed ? failed : flow_deliver_pending(t, f, end);
    return !failed && side->pending_bytes > PENDING_MAX ? flow_report_gap(t, f, end)
                                                        : failed;
}

int tcp_reassembly_end(struct tcp_reassembly *t)
{
    int failed = 0;
    for (struct tcp_flow *f = t->flows; f && !failed; f = f->next) {
        for (int end = 0; end < 2 && !failed; end++) {
            failed = f->sides[end].pending ? flow_report_gap(t, f, end)
                                           : flow_close_side(t, f, end, NULL);
        }
    }
    return failed;
}

void tcp_reassembly_free(struct tcp_reassembly *t)
{
    while (t && t->flows) {
        struct tcp_flow *f = t->flows;
        t->flows = f->next;
        for (int end = 0; end < 2; end++) {
            while (f->sides[end].pending) {
                struct tcp_pending *w = f->sides[end].pending;
                f->sides[end].pending = w->next;
                pb__free(w);
            }
        }
        pb__free(f);
    }
    pb__free(t);
}
