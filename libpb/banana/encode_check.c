/* SPDX-License-Identifier: MIT
 *
 * Checks what was written: a reader with the same limits must be able to read it. Almost
 * every expression is so far from the limits that its length tells; the others are
 * decoded. */
#include "libpb/banana/decode.h"
#include "libpb/banana/encode.h"

static int check_list(void *ctx, size_t n)
{
    (void)ctx;
    (void)n;
    return 0;
}

static int check_end(void *ctx)
{
    (void)ctx;
    return 0;
}

static int check_integer(void *ctx, int64_t i)
{
    (void)ctx;
    (void)i;
    return 0;
}

static int check_big(void *ctx, bool negative, pb_span base128)
{
    (void)ctx;
    (void)negative;
    (void)base128;
    return 0;
}

static int check_real(void *ctx, double d)
{
    (void)ctx;
    (void)d;
    return 0;
}

static int check_bytes(void *ctx, pb_span s)
{
    (void)ctx;
    (void)s;
    return 0;
}

static const pb_sink_ops check_ops = {
    .list = check_list,
    .end = check_end,
    .integer = check_integer,
    .big = check_big,
    .real = check_real,
    .bytes = check_bytes,
};

static int check_by_decoder(pb_encoder *e, pb_span written, const struct pb__limits *l)
{
    pb_limits limits = pb__limits_public(l);
    pb_decoder *d =
        pb_decoder_new(pb__encoder_dialect(e), &limits, (pb_sink){.ops = &check_ops});
    int failed = d ? pb_decoder_recv(d, written, NULL) : PB_ERR_NOMEM;
    if (failed) {
        pb__encode_refuse(e, d ? (enum pb__fault_kind)d->fault.kind : PB__FAULT_NOMEM,
                          d ? d->fault.number : 0, d ? d->fault.limit : 0);
    }
    pb_decoder_free(d);
    return failed;
}

int pb__encoder_check(pb_encoder *e, uint64_t mark, const struct pb__limits *l)
{
    size_t at = (size_t)(mark - e->base);
    pb_span written = {e->out.data + at, e->out.len - at};
    if (written.len > l->message) {
        return pb__encode_refuse(e, PB__FAULT_MESSAGE, written.len, l->message);
    }
    /* A token has two bytes at least. */
    bool near = e->deepest >= l->depth || written.len / 2 > l->values;
    e->deepest = 0;
    return near ? check_by_decoder(e, written, l) : 0;
}
