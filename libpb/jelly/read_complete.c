/* SPDX-License-Identifier: MIT
 *
 * The end of an expression: its cycles are tied, and its value becomes a member of the
 * message or is passed to the owner of the reader, to whom a complete message is passed
 * as well. */
#include "compat/table.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/read.h"

int pb__read_done_steal(struct pb__reader *r, pb_value *v)
{
    bool failed = r->stack && r->stack->err.code != 0;
    struct pb__message m = {
        .value = v,
        .refused = failed ? &r->stack->err : NULL,
        .memory = r->pool ? r->pool->used + r->pool->charged : 0,
    };
    r->charged = 0;
    if (r->pool) {
        pb__budget_begin(r->pool);
    }
    int e = r->config.done(&m, r->config.ctx);
    if (r->stack) {
        r->stack->err.code = 0;
        r->stack->err.where[0] = '\0';
    }
    return e;
}

/* Ties the cycles in v, so that they own themselves. */
static pb_value *finish_cycles(struct pb__reader *r, pb_value *v)
{
    int e = v ? pb__crefs_finish(r) : 0;
    if (e) {
        pb__crefs_undo(r);
        pb__unref(v);
        v = NULL;
        pb__error_set(&r->stack->err, e, 0, "%s",
                      e == PB_ERR_NOMEM ? pb_strerror(e) : r->why);
    }
    pb__crefs_clear(r);
    return v;
}

int pb__read_complete_steal(struct pb__reader *r, pb_value *v)
{
    if (pb__crefs_used(r)) {
        v = finish_cycles(r, v);
    }
    struct pb__frame *f = r->top;
    if (f->shape != PB__SHAPE_MESSAGE) {
        return pb__read_done_steal(r, v);
    }
    if (pb__seq_grow(f->seq)) {
        pb_value_unref(v);
        return PB_ERR_NOMEM;
    }
    pb__read_add_member(r, f, v);
    return 0;
}
