/* SPDX-License-Identifier: MIT
 *
 * Python's repr, without recursion: with a stack of the open containers, and a map of the
 * values that may occur again. Values without a literal in Python are printed in angle
 * brackets.
 *
 * A few containers that share each other can have an arbitrarily long repr. So the bytes
 * that are printed again are counted, and limited in proportion to those that are printed
 * once. */
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
    size_t i;   /* the next of its edges */
    bool again; /* the node, or a container around it, was printed before */
};

struct printing {
    struct pb__buf *out;
    size_t most; /* size of out after which nothing more is printed */
    struct pb__buf frames;
    /* shared values that were visited; to themselves while they are open */
    struct pb__map met;
    bool again; /* whether this step prints what was printed before */
    size_t once, repeated;
};

enum {
    REPEATED_LEAST = 65536, /* bytes that may always be printed again */
    REPEATED_FACTOR = 16,   /* and bytes for each byte that is printed once */
    TEXT_SHARED = 64,       /* bytes of a text whose occurrences are counted */
};

/* How a container begins and ends, and how it is printed inside itself. */
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

/* Prints "<RemoteReference 1>", without the last bracket if more follows. */
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

/* Prints a value that is not a container. */
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

/* Begins a container, or prints it completely if it is empty. */
static int open_node(struct printing *p, struct pb__node *n)
{
    pb_kind kind = (pb_kind)n->head.kind;
    if (pb__edges(n).len == 0 && (kind == PB_SET || kind == PB_FROZENSET)) {
        return pb__buf_puts(p->out, kind == PB_SET ? "set()" : "frozenset()");
    }
    if (pb__is_shared(n)) {
        const void *met = pb__map_get(&p->met, (uintptr_t)n);
        if (met == n) {
            return pb__buf_puts(p->out, brackets[kind].again);
        }
        p->again |= met != NULL;
        int e = pb__map_set(&p->met, (uintptr_t)n, n);
        if (e) {
            return e;
        }
    }
    struct frame f = {n, 0, p->again};
    int e = pb__buf_append(&p->frames, &f, sizeof f);
    return e ? e : pb__buf_puts(p->out, brackets[kind].begin);
}

/* Prints a str or bytes; of a long one, as much as is necessary to exceed the limit of
 * out. */
static int print_text_value(struct printing *p, struct pb__text *t)
{
    bool bytes = t->head.kind == PB_BYTES;
    size_t len = t->len < p->most ? t->len : p->most;
    while (len < t->len && !bytes && (t->data[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len > TEXT_SHARED && t->head.refs > 1) {
        p->again |= pb__map_get(&p->met, (uintptr_t)t) != NULL;
        int e = pb__map_set(&p->met, (uintptr_t)t, p);
        if (e) {
            return e;
        }
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
    if (pb__kind(v) == PB_STR || pb__kind(v) == PB_BYTES) {
        return print_text_value(p, (struct pb__text *)v);
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
        int e = pb__map_set(&p->met, (uintptr_t)n, p);
        if (e) {
            return e;
        }
    }
    if (n->head.kind == PB_TUPLE && ((struct pb__seq *)n)->len == 1) {
        int e = pb__buf_puts(p->out, ",");
        if (e) {
            return e;
        }
    }
    return pb__buf_puts(p->out, brackets[n->head.kind].end);
}

/* Prints a name without quotes. */
static int print_name(struct pb__buf *out, const pb_value *name)
{
    const struct pb__text *t = (const struct pb__text *)name;
    return pb__buf_append(out, t->data, t->len);
}

/* Prints the next part of "<module.Class STATE>", "<RemoteCopy Class STATE>" or "<bound
 * method Class.name of SELF>". */
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
    p->again = f->again;
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

/* Counts what a step has printed. PB_ERR_LIMIT if too much was printed again. */
static int repr_count(struct printing *p, size_t before)
{
    *(p->again ? &p->repeated : &p->once) += p->out->len - before;
    bool fits = p->repeated <= REPEATED_LEAST || p->repeated / REPEATED_FACTOR <= p->once;
    return fits ? 0 : PB_ERR_LIMIT;
}

static int print_all(struct pb__buf *out, const pb_value *v, size_t most)
{
    struct printing p = {.out = out, .most = most};
    int e = repr_print(&p, (pb_value *)(uintptr_t)v);
    while (e == 0 && p.frames.len != 0) {
        size_t before = out->len;
        e = repr_next(&p);
        e = e ? e : repr_count(&p, before);
    }
    pb__buf_fini(&p.frames);
    pb__map_fini(&p.met);
    return e;
}

int pb__repr_cut(struct pb__buf *out, const pb_value *v, size_t most)
{
    most = most < SIZE_MAX - out->len ? most + out->len : SIZE_MAX;
    int e = print_all(out, v, most);
    if (e != PB_ERR_LIMIT && (e || out->len <= most)) {
        return e;
    }
    if (out->len > most) {
        for (out->len = most; (out->data[out->len] & 0xc0) == 0x80; out->len--) {
        }
    }
    return pb__buf_puts(out, "...");
}

int pb__repr(struct pb__buf *out, const pb_value *v)
{
    return pb__repr_cut(out, v, SIZE_MAX);
}

/* The text of out as a string, *new*. NULL if e is an error, and for lack of memory. */
static char *repr_string(struct pb__buf *out, int e)
{
    e = e ? e : pb__buf_append(out, "", 1);
    if (e) {
        pb__buf_fini(out);
    }
    return (char *)out->data;
}

char *pb__repr_shown(const pb_value *v)
{
    struct pb__buf out = {0};
    return repr_string(&out, pb__repr_cut(&out, v, PB__SHOWN));
}

char *pb_value_repr(const pb_value *v)
{
    struct pb__buf out = {0};
    return repr_string(&out, v ? pb__repr(&out, v) : PB_ERR_ARG);
}
