/* SPDX-License-Identifier: MIT
 *
 * Python's repr, without recursion: a stack of the containers that are open, and a map of
 * those among them that may be met again inside themselves. What Python has no literal
 * for prints in angle brackets. */
#include "compat/repr.h"

#include <string.h>

#include "compat/decimal.h"
#include "compat/floats.h"
#include "compat/integer.h"
#include "compat/island.h"
#include "compat/datetime.h"
#include "libpb/base/map.h"

struct frame {
    struct pb__node *node;
    size_t i; /* the next of its edges */
};

struct printing {
    struct pb__buf *out;
    size_t most; /* bytes of out, past which nothing more is printed */
    struct pb__buf frames;
    struct pb__map open;
};

/* How a container begins, ends, and prints inside itself. */
static const struct {
    const char *begin, *end, *again;
} brackets[] = {
    [PB_LIST] = {"[", "]", "[...]"},
    [PB_TUPLE] = {"(", ")", "(...)"},
    [PB_DICT] = {"{", "}", "{...}"},
    [PB_SET] = {"{", "}", "set(...)"},
    [PB_FROZENSET] = {"frozenset({", "})", "frozenset(...)"},
    [PB_METHOD] = {"<bound method ", ">", "<bound method ...>"},
    [PB_INSTANCE] = {"<", ">", "<...>"},
    [PB_OBJECT] = {"", ">", "<...>"},
};

static int print_float(struct pb__buf *out, const pb_value *v)
{
    char text[PB__FLOAT_REPR];
    size_t len = pb__float_repr(((const struct pb__float *)v)->d, text);
    return pb__buf_append(out, text, len);
}

/* "<RemoteReference 1>"; without the bracket at its end where more is to follow. */
static int print_foreign(struct pb__buf *out, const pb_value *v, bool more)
{
    char text[256];
    const struct pb__foreign *f = (const struct pb__foreign *)v;
    int n = f->ops->repr(f, text, sizeof text);
    return n < 0 ? PB_ERR_NOMEM : pb__buf_append(out, text, strlen(text) - more);
}

static bool is_atom(const pb_value *v)
{
    return pb__is_small(v) || !pb__is_node(v) ||
           (v->kind == PB_OBJECT && !((const struct pb__local *)v)->holds);
}

/* A value that is no container. */
static int print_atom(struct pb__buf *out, const pb_value *v)
{
    const struct pb__text *t = (const struct pb__text *)v;
    int e;
    switch (pb__kind(v)) {
    case PB_NONE:
        return pb__buf_puts(out, "None");
    case PB_BOOL:
        return pb__buf_puts(out, v == &pb__true_value ? "True" : "False");
    case PB_INT:
        return pb__int_print(out, v);
    case PB_FLOAT:
        return print_float(out, v);
    case PB_BYTES:
    case PB_STR:
        return pb__repr_text(out, v->kind == PB_BYTES, t->data, t->len);
    case PB_DECIMAL:
        e = pb__buf_puts(out, "Decimal('");
        e = e ? e : pb__decimal_print(out, v);
        return e ? e : pb__buf_puts(out, "')");
    case PB_CLASS:
        e = pb__buf_puts(out, "<class ");
        e = e ? e : pb__repr_text(out, false, t->data, t->len);
        return e ? e : pb__buf_puts(out, ">");
    case PB_MODULE:
        e = pb__buf_puts(out, "<module ");
        e = e ? e : pb__repr_text(out, false, t->data, t->len);
        return e ? e : pb__buf_puts(out, ">");
    case PB_FUNCTION:
        return pb__buf_printf(out, "<function %s>", (const char *)t->data);
    case PB_UNPERSISTABLE:
        e = pb__buf_puts(out, "Unpersistable(");
        e = e ? e : pb__repr_text(out, false, t->data, t->len);
        return e ? e : pb__buf_puts(out, ")");
    case PB_OBJECT:
    case PB_REMOTE:
        return print_foreign(out, v, false);
    default:
        return pb__datetime_print(out, v);
    }
}

/* Begins a container, and prints it whole if it is empty. */
static int open_node(struct printing *p, struct pb__node *n)
{
    pb_kind kind = (pb_kind)n->head.kind;
    if (pb__edges(n).len == 0 && (kind == PB_SET || kind == PB_FROZENSET)) {
        return pb__buf_puts(p->out, kind == PB_SET ? "set()" : "frozenset()");
    }
    if (pb__is_shared(n)) {
        if (pb__map_get(&p->open, (uintptr_t)n)) {
            return pb__buf_puts(p->out, brackets[kind].again);
        }
        int e = pb__map_set(&p->open, (uintptr_t)n, n);
        if (e) {
            return e;
        }
    }
    struct frame f = {n, 0};
    int e = pb__buf_append(&p->frames, &f, sizeof f);
    return e ? e : pb__buf_puts(p->out, brackets[kind].begin);
}

/* Prints so much of a long text that out passes the limit. */
static int print_long(struct printing *p, const struct pb__text *t)
{
    size_t len = p->most;
    bool bytes = t->head.kind == PB_BYTES;
    while (!bytes && (t->data[len] & 0xc0) == 0x80) {
        len--;
    }
    return pb__repr_text(p->out, bytes, t->data, len);
}

static int repr_print(struct printing *p, pb_value *v)
{
    if (p->out->len > p->most) {
        return PB_ERR_LIMIT;
    }
    if (!v) {
        return pb__buf_puts(p->out, "<nothing yet>");
    }
    bool text = pb__kind(v) == PB_STR || pb__kind(v) == PB_BYTES;
    if (text && p->most < PB__REPR_MOST && ((struct pb__text *)v)->len > p->most) {
        return print_long(p, (struct pb__text *)v);
    }
    if (is_atom(v)) {
        return print_atom(p->out, v);
    }
    return open_node(p, (struct pb__node *)v);
}

static int close_node(struct printing *p, struct pb__node *n)
{
    p->frames.len -= sizeof(struct frame);
    if (pb__is_shared(n)) {
        pb__map_take(&p->open, (uintptr_t)n);
    }
    if (n->head.kind == PB_TUPLE && ((struct pb__seq *)n)->len == 1) {
        int e = pb__buf_puts(p->out, ",");
        if (e) {
            return e;
        }
    }
    return pb__buf_puts(p->out, brackets[n->head.kind].end);
}

/* A name: as it is, without quotes. */
static int print_name(struct pb__buf *out, const pb_value *name)
{
    const struct pb__text *t = (const struct pb__text *)name;
    return pb__buf_append(out, t->data, t->len);
}

/* "<module.Class STATE>", "<RemoteCopy Class STATE>", "<bound method Class.name of SELF>" */
static int next_named(struct printing *p, struct frame *f)
{
    const pb_value *name = pb__edges(f->node).to[0];
    int e = 0;
    if (f->i != 0) {
        return close_node(p, f->node);
    }
    f->i = 1;
    if (f->node->head.kind == PB_OBJECT) {
        e = print_foreign(p->out, &f->node->head, true);
        e = e ? e : pb__buf_puts(p->out, " ");
        return e ? e : repr_print(p, ((struct pb__local *)f->node)->holds);
    }
    if (f->node->head.kind == PB_INSTANCE) {
        e = print_name(p->out, name);
        e = e ? e : pb__buf_puts(p->out, " ");
        return e ? e : repr_print(p, ((struct pb__instance *)f->node)->state);
    }
    const struct pb__method *m = (const struct pb__method *)f->node;
    if (pb__kind(m->cls) == PB_CLASS) {
        e = print_name(p->out, m->cls);
        e = e ? e : pb__buf_puts(p->out, ".");
    }
    e = e ? e : print_name(p->out, name);
    e = e ? e : pb__buf_puts(p->out, " of ");
    return e ? e : repr_print(p, m->self);
}

static int repr_next(struct printing *p)
{
    struct frame *f = (struct frame *)(void *)(p->frames.data + p->frames.len) - 1;
    pb_kind kind = (pb_kind)f->node->head.kind;
    if (kind == PB_METHOD || kind == PB_INSTANCE || kind == PB_OBJECT) {
        return next_named(p, f);
    }
    struct pb__edges edges = pb__edges(f->node);
    if (f->i == edges.len) {
        return close_node(p, f->node);
    }
    size_t i = f->i++;
    int e = 0;
    if (i != 0) {
        e = pb__buf_puts(p->out, kind == PB_DICT && i % 2 != 0 ? ": " : ", ");
    }
    return e ? e : repr_print(p, edges.to[i]);
}

static int print_all(struct pb__buf *out, const pb_value *v, size_t most)
{
    struct printing p = {.out = out, .most = most};
    int e = repr_print(&p, (pb_value *)(uintptr_t)v);
    while (e == 0 && p.frames.len != 0) {
        e = repr_next(&p);
    }
    pb__buf_fini(&p.frames);
    pb__map_fini(&p.open);
    return e;
}

int pb__repr(struct pb__buf *out, const pb_value *v)
{
    return print_all(out, v, PB__REPR_MOST);
}

int pb__repr_cut(struct pb__buf *out, const pb_value *v, size_t most)
{
    most += out->len;
    int e = print_all(out, v, most);
    if (e != PB_ERR_LIMIT && out->len <= most) {
        return e;
    }
    for (out->len = most; (out->data[out->len] & 0xc0) == 0x80; out->len--) {
    }
    return e && e != PB_ERR_LIMIT ? e : pb__buf_puts(out, "...");
}

char *pb_value_repr(const pb_value *v)
{
    struct pb__buf out = {0};
    int e = v ? pb__repr(&out, v) : PB_ERR_ARG;
    e = e ? e : pb__buf_append(&out, "", 1);
    if (e) {
        pb__buf_fini(&out);
    }
    return (char *)out.data;
}
