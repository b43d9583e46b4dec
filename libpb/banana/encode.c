/* SPDX-License-Identifier: MIT
 *
 * The encoder: its buffer and its sink. Output stays in the buffer until it has been
 * sent; until then it can be removed or added to. */
#include "libpb/banana/encode.h"

#include "libpb/base/error.h"

/* The buffer is freed when everything was sent, so that an idle connection has none. The
 * next buffer begins with the size of recent output, within these bounds. */
#define FIRST_MIN ((size_t)1024)
#define FIRST_MAX ((size_t)65536)

void pb__encoder_init(pb_encoder *e, pb_dialect dialect, const pb_limits *limits)
{
    *e = (pb_encoder){.expected = FIRST_MIN, .dialect = (uint8_t)dialect};
    pb__encoder_set_limits(e, limits);
}

void pb__encoder_fini(pb_encoder *e)
{
    pb__buf_fini(&e->out);
}

int pb__encode_refuse(pb_encoder *e, enum pb__fault_kind kind, uint64_t n, uint64_t limit)
{
    return pb__fault_set(&e->fault, kind, 0, n, limit);
}

int pb__encoder_grow(pb_encoder *e, size_t n)
{
    if (e->gone >= e->out.cap / 2 && e->gone > 0) {
        memmove(e->out.data, e->out.data + e->gone, e->out.len - e->gone);
        e->out.len -= e->gone;
        e->base += e->gone;
        e->gone = 0;
    }
    if (n < e->expected && !e->out.data) {
        n = e->expected;
    }
    return pb__buf_reserve(&e->out, n) == 0 ? 0
                                            : pb__encode_refuse(e, PB__FAULT_NOMEM, 0, 0);
}

int pb__encode_big(pb_encoder *e, bool negative, pb_span digits)
{
    while (digits.len > 0 && digits.data[digits.len - 1] == 0) {
        digits.len--;
    }
    if (digits.len < 10) { /* less than 64 bits */
        int64_t n = 0;
        for (size_t i = 0; i < digits.len; i++) {
            n |= (int64_t)digits.data[i] << 7 * i;
        }
        return pb__encode_int(e, negative ? -n : n);
    }
    if (digits.len > e->limits.prefix) {
        return pb__encode_refuse(e, PB__FAULT_SEND_INT, digits.len, e->limits.prefix);
    }
    int failed = pb__encoder_reserve(e, digits.len + 1);
    if (!failed) {
        uint8_t *p = e->out.data + e->out.len;
        memcpy(p, digits.data, digits.len);
        p[digits.len] = negative ? PB__TYPE_LONGNEG : PB__TYPE_LONGINT;
        e->out.len += digits.len + 1;
    }
    return failed;
}

/* Writes the bytes that a patch inserts; returns their length. */
static size_t put_reference(const pb_encoder *e, int64_t number,
                            uint8_t out[4 * PB__HEADER_MAX])
{
    pb_span word = pb__word(PB__WORD_REFERENCE);
    uint8_t *p = pb__put_header(out, 3, PB__TYPE_LIST);
    if (e->dialect == PB_DIALECT_PB) {
        p = pb__put_header(p, PB__WORD_REFERENCE, PB__TYPE_VOCAB);
    } else {
        p = pb__put_header(p, word.len, PB__TYPE_STRING);
        memcpy(p, word.data, word.len);
        p += word.len;
    }
    assert(number >= 0);
    p = pb__put_header(p, (uint64_t)number, pb__int_type(number));
    return (size_t)(p - out);
}

int pb__encoder_insert(pb_encoder *e, const struct pb__patch *patches, size_t n)
{
    uint8_t text[4 * PB__HEADER_MAX];
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        more += put_reference(e, patches[i].number, text);
    }
    int failed = pb__encoder_reserve(e, more);
    if (failed) {
        return failed;
    }
    size_t end = e->out.len;
    e->out.len += more;
    while (n > 0) {
        n--;
        assert(patches[n].mark >= e->base + e->gone && patches[n].mark <= e->base + end);
        size_t at = (size_t)(patches[n].mark - e->base);
        memmove(e->out.data + at + more, e->out.data + at, end - at);
        size_t len = put_reference(e, patches[n].number, text);
        more -= len;
        memcpy(e->out.data + at + more, text, len);
        end = at;
    }
    return 0;
}

static int sink_list(void *ctx, size_t n)
{
    return pb__encode_list(ctx, n);
}

static int sink_end(void *ctx)
{
    (void)ctx; /* nothing is written at the end of a list */
    return 0;
}

static int sink_integer(void *ctx, int64_t i)
{
    return pb__encode_int(ctx, i);
}

static int sink_big(void *ctx, bool negative, pb_span base128)
{
    return pb__encode_big(ctx, negative, base128);
}

static int sink_real(void *ctx, double d)
{
    return pb__encode_real(ctx, d);
}

static int sink_bytes(void *ctx, pb_span s)
{
    return pb__encode_bytes(ctx, s);
}

pb_sink pb_encoder_sink(pb_encoder *e)
{
    static const pb_sink_ops ops = {
        .list = sink_list,
        .end = sink_end,
        .integer = sink_integer,
        .big = sink_big,
        .real = sink_real,
        .bytes = sink_bytes,
    };
    return e ? (pb_sink){.ops = &ops, .ctx = e} : (pb_sink){0};
}

pb_encoder *pb_encoder_new(pb_dialect d, const pb_limits *limits)
{
    pb_encoder *e = pb__malloc(sizeof *e);
    if (e) {
        pb__encoder_init(e, d, limits);
    }
    return e;
}

int pb_encoder_error(const pb_encoder *e, pb_error *err)
{
    return e ? pb__fault_report(&e->fault, err) : pb__error_null(err, "the encoder");
}

uint64_t pb_encoder_mark(const pb_encoder *e)
{
    return e ? pb__encoder_mark(e) : 0;
}

void pb_encoder_rewind(pb_encoder *e, uint64_t mark)
{
    if (!e) {
        return;
    }
    uint64_t gone = e->base + e->gone;
    if (mark < pb__encoder_mark(e)) {
        e->out.len = mark > gone ? (size_t)(mark - e->base) : e->gone;
    }
    e->fault.code = 0;
}

pb_span pb_encoder_send(const pb_encoder *e)
{
    return e ? pb__encoder_unsent(e) : (pb_span){0};
}

void pb_encoder_sent(pb_encoder *e, size_t n)
{
    if (!e) {
        return;
    }
    size_t waiting = e->out.len - e->gone;
    e->gone += n < waiting ? n : waiting;
    if (e->gone > 0 && e->gone == e->out.len) {
        size_t lately = e->out.len < FIRST_MAX ? e->out.len : FIRST_MAX;
        e->expected = lately > FIRST_MIN ? lately : FIRST_MIN;
        e->base += e->out.len;
        e->gone = 0;
        pb__buf_fini(&e->out);
    }
}

void pb_encoder_set_dialect(pb_encoder *e, pb_dialect dialect)
{
    if (e) {
        e->dialect = (uint8_t)dialect;
    }
}

void pb__encoder_set_limits(pb_encoder *e, const pb_limits *limits)
{
    e->limits = pb__limits_resolve(limits);
}

void pb_encoder_free(pb_encoder *e)
{
    if (e) {
        pb__encoder_fini(e);
        pb__free(e);
    }
}
