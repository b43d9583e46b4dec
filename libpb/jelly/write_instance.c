/* SPDX-License-Identifier: MIT
 *
 * Writing what has a class: methods, instances and Unpersistables. The taster may refuse
 * the class of an instance, and the callback persistent_save may replace the instance by
 * an id. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/jelly/write.h"

int pb__write_called(struct pb__writer *w, int e, const char *what)
{
    return e ? pb__error_set(w->err, e, 0, "%s failed: %s", what, pb_strerror(e)) : 0;
}

int pb__write_method(struct pb__writer *w, pb_value *v)
{
    struct pb__method *m = (struct pb__method *)v;
    if (!pb__write_has(w, PB__PROFILE_SENDS_FUNCTIONS)) {
        return pb__write_refuse_str(w, (const char *)pb__write_text_of(m->name)->data);
    }
    int e = pb__write_opening(w, PB_METHOD);
    e = e ? e
          : pb__write_chars(w, (const char *)pb__write_text_of(m->name)->data,
                            pb__write_text_of(m->name)->len);
    bool again = pb__write_may_meet(w, v);
    e = e ? e : pb__write_push(w, v, &m->self, 2, 1);
    w->top->again |= e == 0 && again;
    return e;
}

/* Writes a text that Python's own code has made: a native string of the peer's Python. */
static int put_native(struct pb__writer *w, const char *s, size_t len)
{
    int e =
        pb__write_has(w, PB__PROFILE_NATIVE_STR_BARE) ? 0 : pb__write_opening(w, PB_STR);
    return e ? e : pb__write_chars(w, s, len);
}

#define UNPERSISTABLE_CLASS "twisted.spread.jelly.Unpersistable"

/* An Unpersistable is sent as an instance whose only member is the reason. */
static int write_unpersistable(struct pb__writer *w, const pb_value *v)
{
    int e = pb__encode_list(w->e, 2);
    e = e ? e : pb__write_chars(w, UNPERSISTABLE_CLASS, strlen(UNPERSISTABLE_CLASS));
    e = e ? e : pb__encode_list(w->e, 2);
    e = e ? e : pb__write_opening(w, PB_DICT);
    e = e ? e : pb__encode_list(w->e, 2);
    e = e ? e : put_native(w, "reason", 6);
    return e ? e
             : put_native(w, (const char *)pb__write_text_of(v)->data,
                          pb__write_text_of(v)->len);
}

static int write_instance_state(struct pb__writer *w, pb_value *v, pb_span name)
{
    struct pb__instance *i = (struct pb__instance *)v;
    int e = pb__encode_list(w->e, 2);
    e = e ? e : pb__encode_bytes(w->e, name);
    if (e) {
        return e;
    }
    if (pb__kind(i->state) == PB_DICT && pb_len(i->state) == 0 &&
        pb__write_has(w, PB__PROFILE_EMPTY_STATE_NONE)) {
        return pb__write_opening(w, PB_NONE);
    }
    return pb__write_push(w, v, &i->state, 1, 1);
}

/* Writes the reason why an instance is not sent: its class is not allowed. */
static int write_insecure(struct pb__writer *w, pb_span name)
{
    static const char before[] = "instance of class ";
    static const char after[] = " deemed insecure";
    const size_t more = sizeof before - 1 + sizeof after - 1;
    size_t len = name.len + more, limit = pb__encoder_limits(w->e)->bytes;
    int e = pb__write_opening(w, PB__OPENING_REASON);
    if (e == 0 && len > limit) {
        e = pb__encode_refuse(w->e, PB__FAULT_SEND_STRING, len, limit);
    }
    e = e ? e : pb__encode_header(w->e, len, PB__TYPE_STRING);
    e = e ? e : pb__encoder_reserve(w->e, len);
    if (e == 0) {
        uint8_t *p = pb__encoder_cursor(w->e);
        memcpy(p, before, sizeof before - 1);
        p += sizeof before - 1;
        memcpy(p, name.data, name.len);
        p += name.len;
        memcpy(p, after, sizeof after - 1);
        pb__encoder_commit(w->e, p + sizeof after - 1);
    }
    return e;
}

int pb__write_instance(struct pb__writer *w, pb_value *v)
{
    pb_span name = {(const uint8_t *)UNPERSISTABLE_CLASS, strlen(UNPERSISTABLE_CLASS)};
    if (v->kind == PB_INSTANCE) {
        const struct pb__text *t = pb__write_text_of(((struct pb__instance *)v)->name);
        name = (pb_span){t->data, t->len};
    }
    int64_t number = pb__write_may_meet(w, v) ? pb__write_meet(w, v) : 0;
    if (number != 0) {
        return number < 0 ? (int)number : pb__write_dereference(w, number);
    }
    const pb_jelly_config *c = w->config;
    pb_value *id = NULL;
    if (c->persistent_save) {
        pb_error why = {0}, own = {0};
        int e = c->persistent_save(v, &id, &why, c->user_data);
        if (e) {
            pb_value_unref(id);
            e = pb__error_of_callback(&own, "persistent_save", e, &why);
            return pb__error_set(
                w->err, e, 0, why.code ? "%s" : "persistent_save failed: %s", own.text);
        }
    }
    if (id) {
        struct pb__write_kept *k = pb__write_keep_steal(w, id, NULL);
        int e = k ? pb__write_opening(w, PB__OPENING_PERSISTENT) : PB_ERR_NOMEM;
        return e ? e : pb__write_push(w, NULL, k->values, 1, 1);
    }
    if (!pb_taster_class_allowed(c->taster, name)) {
        return write_insecure(w, name);
    }
    return v->kind == PB_INSTANCE ? write_instance_state(w, v, name)
                                  : write_unpersistable(w, v);
}
