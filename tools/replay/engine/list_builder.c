/* SPDX-License-Identifier: MIT
 *
 * Banana without jelly: a sink that builds lists, and an encoder of lists. */
#include "tools/replay/engine/list_builder.h"

#include "libpb/base/error.h"
#include "pb/jelly.h"

static pb_value **list_innermost(struct list_builder *b)
{
    return (pb_value **)(void *)(b->open.data + b->open.len) - 1;
}

static int list_add_steal(struct list_builder *b, pb_value *v)
{
    return pb_append_steal(b->open.len ? *list_innermost(b) : b->done, v);
}

static int list_on_list(void *ctx, size_t n)
{
    (void)n;
    struct list_builder *b = ctx;
    pb_value *list = pb_list();
    int e = list ? pb__buf_append(&b->open, &list, sizeof(pb_value *)) : PB_ERR_NOMEM;
    if (e != 0) {
        pb_value_unref(list);
    }
    return e;
}

static int list_on_end(void *ctx)
{
    struct list_builder *b = ctx;
    pb_value *list = *list_innermost(b);
    b->open.len -= sizeof(pb_value *);
    return list_add_steal(b, list);
}

static int list_on_integer(void *ctx, int64_t i)
{
    return list_add_steal(ctx, pb_int(i));
}

static int list_on_big(void *ctx, bool negative, pb_span base128)
{
    size_t len = base128.len * 7 / 8 + 1;
    uint8_t *bytes = pb__calloc(len, 1);
    if (!bytes) {
        return PB_ERR_NOMEM;
    }
    for (size_t i = 0; i < base128.len; i++) {
        size_t at = 7 * i / 8, shift = 7 * i % 8;
        unsigned digit = base128.data[i];
        bytes[at] |= (uint8_t)(digit << shift);
        if (shift > 1) {
            bytes[at + 1] |= (uint8_t)(digit >> (8 - shift));
        }
    }
    pb_value *v = pb_int_bytes(negative, (pb_span){bytes, len});
    pb__free(bytes);
    return list_add_steal(ctx, v);
}

static int list_on_real(void *ctx, double d)
{
    return list_add_steal(ctx, pb_float(d));
}

static int list_on_bytes(void *ctx, pb_span s)
{
    return list_add_steal(ctx, pb_bytes(s));
}

static const pb_sink_ops builder_ops = {.list = list_on_list,
                                        .end = list_on_end,
                                        .integer = list_on_integer,
                                        .big = list_on_big,
                                        .real = list_on_real,
                                        .bytes = list_on_bytes};

int list_builder_init(struct list_builder *b)
{
    *b = (struct list_builder){.done = pb_list()};
    return b->done ? 0 : PB_ERR_NOMEM;
}

pb_sink list_builder_sink(struct list_builder *b)
{
    return (pb_sink){&builder_ops, b};
}

void list_builder_fini(struct list_builder *b)
{
    for (; b->open.len; b->open.len -= sizeof(pb_value *)) {
        pb_value_unref(*list_innermost(b));
    }
    pb__buf_fini(&b->open);
    pb_value_unref(b->done);
}

/* Of these kinds, jelly writes the plain expressions of banana. */
static int list_encode_scalar(pb_value *v, pb_encoder *e, pb_error *err)
{
    int64_t i = 0;
    pb_sink out = pb_encoder_sink(e);
    switch (pb_value_kind(v)) {
    case PB_BOOL:
        pb_as_int(v, &i);
        return out.ops->integer(out.ctx, i);
    case PB_INT:
    case PB_FLOAT:
    case PB_BYTES:
        return pb_jelly(v, NULL, e, err);
    default:
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "banana cannot carry a value of type %s",
                             pb_kind_name(pb_value_kind(v)));
    }
}

struct list_level {
    pb_value *seq;
    size_t next;
};

static int list_encode_begin(struct pb__buf *levels, pb_value *seq, pb_encoder *e)
{
    struct list_level l = {seq, 0};
    pb_sink out = pb_encoder_sink(e);
    int failed = out.ops->list(out.ctx, pb_len(seq));
    return failed ? failed : pb__buf_append(levels, &l, sizeof l);
}

/* Ends the lists that are complete. *next is the next value to encode; NULL: none is
 * left. */
static int list_encode_ends(struct pb__buf *levels, pb_encoder *e, pb_value **next)
{
    pb_sink out = pb_encoder_sink(e);
    int failed = 0;
    *next = NULL;
    while (!failed && levels->len) {
        struct list_level *l =
            (struct list_level *)(void *)(levels->data + levels->len) - 1;
        if (l->next < pb_len(l->seq)) {
            *next = pb_item(l->seq, l->next++);
            break;
        }
        levels->len -= sizeof *l;
        failed = out.ops->end(out.ctx);
    }
    return failed;
}

int list_encode(pb_value *v, pb_encoder *e, pb_error *err)
{
    struct pb__buf levels = {0};
    int failed = 0;
    while (!failed && v) {
        pb_kind kind = pb_value_kind(v);
        failed = kind == PB_LIST || kind == PB_TUPLE ? list_encode_begin(&levels, v, e)
                                                     : list_encode_scalar(v, e, err);
        failed = failed ? failed : list_encode_ends(&levels, e, &v);
    }
    if (failed) {
        pb_encoder_error(e, err);
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    }
    pb__buf_fini(&levels);
    return failed;
}
