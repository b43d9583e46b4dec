/* SPDX-License-Identifier: MIT
 *
 * Writing the objects of this program and references to those of a peer. A broker, the
 * invoker, says how each is sent. Without a broker only copies can be sent. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/jelly/write.h"

/* Twisted leaves a RemoteReference out if there is no broker; the reason is a native
 * string. */
static int write_brokerless(struct pb__writer *w)
{
    static const char reason[] = "References cannot be serialized";
    if (!pb__write_has(w, PB__PROFILE_NATIVE_STR_BARE)) {
        return pb__write_refuse_str(w, reason);
    }
    int e = pb__write_opening(w, PB__OPENING_REASON);
    return e ? e : pb__write_chars(w, reason, sizeof reason - 1);
}

/* Writes an expression of the broker, and takes its parts over. */
static int write_form(struct pb__writer *w, const pb_value *v, struct pb__form *form)
{
    struct pb__write_kept *k = pb__write_keep_steal(w, form->id, form->state);
    if (!k) {
        return PB_ERR_NOMEM;
    }
    struct pb__seq *members = form->flat ? (struct pb__seq *)form->state : NULL;
    pb_value **first = members ? members->items : form->id ? k->values : k->values + 1;
    size_t n =
        members ? members->len : (size_t)(form->id != NULL) + (form->state != NULL);
    /* Only now, because the state that the callback made may contain v. */
    int e = form->shared && pb__write_may_meet(w, v) ? (int)pb__write_meet(w, v) : 0;
    e = e ? e : pb__encode_list(w->e, 1 + n);
    e = e ? e : pb__encode_bytes(w->e, form->head);
    return e || n == 0 ? e : pb__write_push(w, NULL, first, n, 1);
}

/* Without a broker, a copy and an object that can be copied are sent as an instance. */
static int write_plain(struct pb__writer *w, pb_value *v)
{
    struct pb__foreign *f = (struct pb__foreign *)v;
    const char *name = NULL;
    struct pb__form form = {.shared = true};
    int e = f->ops->plain ? f->ops->plain(f, &name, &form.state, w->err) : 0;
    if (e) {
        return pb__write_called(w, e, "state_to_copy");
    }
    if (!name) {
        return pb__error_set(w->err, PB_ERR_TYPE, 0,
                             "an object cannot be sent without a broker to refer to it");
    }
    form.head = (pb_span){(const uint8_t *)name, strlen(name)};
    return write_form(w, v, &form);
}

int pb__write_object(struct pb__writer *w, pb_value *v)
{
    int64_t number = pb__write_find(w, v);
    if (number > 0) {
        return pb__write_dereference(w, number);
    }
    if (!w->invoker) {
        return v->kind == PB_OBJECT ? write_plain(w, v) : write_brokerless(w);
    }
    struct pb__form form = {0};
    int e = pb__write_called(w, w->invoker->jelly(v, &form, w->err, w->invoker->ctx),
                             "sending a reference");
    if (e) {
        pb_value_unref(form.id);
        pb_value_unref(form.state);
        return e;
    }
    return write_form(w, v, &form);
}
