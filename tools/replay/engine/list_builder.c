/* SPDX-License-Identifier: MIT
 *
 * Banana without jelly: a sink that builds plain lists, and a walk that writes them. */
#include "tools/replay/engine/list_builder.h"

#include "compat/value.h"
#include "libpb/base/error.h"

static pb_value **innermost(struct tree_builder *b)
{
    return (pb_value **)(void *)(b->open.data + b->open.len) - 1;
}

static int add_steal(struct tree_builder *b, pb_value *v)
{
    return pb_append_steal(b->open.len ? *innermost(b) : b->done, v);
}

static int on_list(void *ctx, size_t n)
{
    (void)n;
    struct tree_builder *b = ctx;
    pb_value *list = pb_list();
    int e = list ? pb__buf_append(&b->open, &list, sizeof(pb_value *)) : PB_ERR_NOMEM;
    if (e != 0) {
        pb_value_unref(list);
    }
    return e;
}

static int on_end(void *ctx)
{
    struct tree_builder *b = ctx;
    pb_value *list = *innermost(b);
    b->open.len -= sizeof(pb_value *);
    return add_steal(b, list);
}

static int on_integer(void *ctx, int64_t i)
{
    return add_steal(ctx, pb_int(i));
}

static int on_big(void *ctx, bool negative, pb_span base128)
{
    return add_steal(ctx, pb__int_base128(NULL, negative, base128));
}

static int on_real(void *ctx, double d)
{
    return add_steal(ctx, pb_float(d));
}

static int on_bytes(void *ctx, pb_span s)
{
    return add_steal(ctx, pb_bytes(s));
}

static const pb_sink_ops builder_ops = {.list = on_list,
                                        .end = on_end,
                                        .integer = on_integer,
                                        .big = on_big,
                                        .real = on_real,
                                        .bytes = on_bytes};

int tree_builder_init(struct tree_builder *b)
{
    *b = (struct tree_builder){.done = pb_list()};
    return b->done ? 0 : PB_ERR_NOMEM;
}

pb_sink tree_builder_sink(struct tree_builder *b)
{
    return (pb_sink){&builder_ops, b};
}

void tree_builder_fini(struct tree_builder *b)
{
    for (; b->open.len; b->open.len -= sizeof(pb_value *)) {
        pb_value_unref(*innermost(b));
    }
    pb__buf_fini(&b->open);
    pb_value_unref(b->done);
}

static int write_big(pb_value *v, pb_sink out)
{
    const struct pb__big *b = (const struct pb__big *)v;
    size_t len = pb__int_base128_len(b);
    uint8_t *digits = pb__malloc(len);
    if (!digits) {
        return PB_ERR_NOMEM;
    }
    pb__int_to_base128(b, digits);
    int e = out.ops->big(out.ctx, b->negative, (pb_span){digits, len});
    pb__free(digits);
    return e;
}

static int write_scalar(pb_value *v, pb_sink out)
{
    int64_t i;
    double d;
    pb_span s;
    switch (pb_value_kind(v)) {
    case PB_BOOL:
    case PB_INT:
        return pb_as_int(v, &i) == 0 ? out.ops->integer(out.ctx, i) : write_big(v, out);
    case PB_FLOAT:
        return pb_as_float(v, &d) == 0 ? out.ops->real(out.ctx, d) : PB_ERR_TYPE;
    case PB_BYTES:
        return pb_as_bytes(v, &s) == 0 ? out.ops->bytes(out.ctx, s) : PB_ERR_TYPE;
    default:
        return PB_ERR_TYPE;
    }
}

struct level {
    pb_value *seq;
    size_t next;
};

static int enter(struct pb__buf *levels, pb_value *seq, pb_sink out)
{
    struct level l = {seq, 0};
    int e = out.ops->list(out.ctx, pb_len(seq));
    return e ? e : pb__buf_append(levels, &l, sizeof l);
}

int tree_write(pb_value *v, pb_sink out)
{
    struct pb__buf levels = {0};
    int e;
    for (;;) {
        pb_kind kind = pb_value_kind(v);
        e = kind == PB_LIST || kind == PB_TUPLE ? enter(&levels, v, out)
                                                : write_scalar(v, out);
        struct level *l = NULL;
        while (e == 0 && levels.len) {
            l = (struct level *)(void *)(levels.data + levels.len) - 1;
            if (l->next < pb_len(l->seq)) {
                break;
            }
            levels.len -= sizeof *l;
            e = out.ops->end(out.ctx);
        }
        if (e != 0 || !levels.len) {
            break;
        }
        v = pb_item(l->seq, l->next++);
    }
    pb__buf_fini(&levels);
    return e;
}
