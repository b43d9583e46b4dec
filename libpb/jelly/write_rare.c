/* SPDX-License-Identifier: MIT
 *
 * The writer's rarer kinds, token by token: large ints, times, Decimal, names, instances
 * and the broker's references; and what Twisted of the profile cannot send. */
#include "libpb/jelly/write.h"

#include <stdio.h>
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/error.h"

static const struct pb__text *value_text(const pb_value *v)
{
    return (const struct pb__text *)v;
}

static bool writer_has(const struct pb__writer *w, enum pb__profile_row row)
{
    return pb__profile_has(w->config->profile, row);
}

/* What a Python 3 Twisted says where jelly left a str in the expression. */
static int refuse_str(struct pb__writer *w, const char *text)
{
    return pb__error_set(w->err, PB_ERR_TYPE, 0,
                         "Banana cannot send builtins.str objects: '%.120s'", text);
}

static int write_opening(struct pb__writer *w, int row)
{
    const struct pb__opening *h = &w->openings[row];
    int e = pb__encoder_reserve(w->e, PB__OPENING_COPIED);
    if (e == 0) {
        memcpy(w->e->out.data + w->e->out.len, h->text, PB__OPENING_COPIED);
        w->e->out.len += h->len;
    }
    return e;
}

static int put_bytes(struct pb__writer *w, const char *s, size_t len)
{
    return pb__encode_bytes(w->e, (pb_span){(const uint8_t *)s, len});
}

static int write_text(struct pb__writer *w, const pb_value *v)
{
    return pb__encode_bytes(w->e, (pb_span){value_text(v)->data, value_text(v)->len});
}

int pb__write_dereference(struct pb__writer *w, int64_t number)
{
    int e = write_opening(w, PB__OPENING_DEREFERENCE);
    return e ? e : pb__encode_int(w->e, number);
}

/* An int that may be too large for an int64_t. */
static int put_int(struct pb__writer *w, const pb_value *v, bool negative)
{
    int64_t i;
    if (pb_as_int(v, &i) == 0) {
        return pb__encode_int(w->e, negative && i > 0 ? -i : i);
    }
    const struct pb__big *b = (const struct pb__big *)v;
    size_t len = pb__int_base128_len(b);
    if (len > w->e->limits.prefix) {
        return pb__encode_refuse(w->e, PB__FAULT_SEND_INT, len, w->e->limits.prefix);
    }
    int e = pb__encoder_reserve(w->e, len + 1);
    if (e == 0) {
        uint8_t *p = w->e->out.data + w->e->out.len;
        pb__int_to_base128(b, p);
        p[len] = negative ? PB__TYPE_LONGNEG : PB__TYPE_LONGINT;
        w->e->out.len += len + 1;
    }
    return e;
}

static int write_datetime(struct pb__writer *w, const pb_value *v)
{
    const struct pb__datetime *m = (const struct pb__datetime *)v;
    char text[80];
    int len;
    switch (v->kind) {
    case PB_DATETIME:
        len = snprintf(text, sizeof text, "%d %d %d %d %d %d %d", m->year_or_days,
                       m->month, m->day, m->hour, m->minute, m->second, m->microsecond);
        break;
    case PB_DATE:
        len = snprintf(text, sizeof text, "%d %d %d", m->year_or_days, m->month, m->day);
        break;
    case PB_TIME:
        len = snprintf(text, sizeof text, "%d %d %d %d", m->hour, m->minute, m->second,
                       m->microsecond);
        break;
    default:
        len = snprintf(text, sizeof text, "%d %d %d", m->year_or_days, m->second,
                       m->microsecond);
        break;
    }
    if (v->kind != PB_DATETIME && writer_has(w, PB__PROFILE_DATES_REFUSED)) {
        return refuse_str(w, text);
    }
    int e = write_opening(w, v->kind);
    return e ? e : put_bytes(w, text, (size_t)len);
}

static int write_decimal(struct pb__writer *w, const pb_value *v)
{
    const struct pb__decimal *d = (const struct pb__decimal *)v;
    if (d->special && d->special != 'F' && d->digits == pb__small(0)) {
        return pb__error_set(w->err, PB_ERR_TYPE, 0,
                             "Decimal('%sNaN') has no digits to send",
                             d->special == 'N' ? "s" : "");
    }
    const char exponent[2] = {d->special, 0};
    if (d->special && !writer_has(w, PB__PROFILE_NATIVE_STR_BARE)) {
        return refuse_str(w, exponent);
    }
    int e = write_opening(w, PB_DECIMAL);
    e = e ? e : put_int(w, d->digits, d->negative);
    if (e) {
        return e;
    }
    return d->special ? put_bytes(w, exponent, 1) : pb__encode_int(w->e, d->exponent);
}

int pb__write_text(struct pb__writer *w, const pb_value *v)
{
    int e = v->kind == PB_STR ? write_opening(w, PB_STR) : 0;
    return e ? e : write_text(w, v);
}

static int write_name(struct pb__writer *w, const pb_value *v)
{
    if (v->kind != PB_CLASS && !writer_has(w, PB__PROFILE_SENDS_FUNCTIONS)) {
        return refuse_str(w, (const char *)value_text(v)->data);
    }
    int e = write_opening(w, v->kind);
    return e ? e : write_text(w, v);
}

static int write_method(struct pb__writer *w, pb_value *v)
{
    struct pb__method *m = (struct pb__method *)v;
    if (!writer_has(w, PB__PROFILE_SENDS_FUNCTIONS)) {
        return refuse_str(w, (const char *)value_text(m->name)->data);
    }
    int e = write_opening(w, PB_METHOD);
    e = e ? e : write_text(w, m->name);
    bool again = pb__write_may_meet(w, v);
    e = e ? e : pb__write_push(w, v, &m->self, 2, 1);
    w->top->again |= e == 0 && again;
    return e;
}

/* A text that Python's own code made: a native string of the profile. */
static int put_native(struct pb__writer *w, const char *s, size_t len)
{
    int e = writer_has(w, PB__PROFILE_NATIVE_STR_BARE) ? 0 : write_opening(w, PB_STR);
    return e ? e : put_bytes(w, s, len);
}

#define UNPERSISTABLE_CLASS "twisted.spread.jelly.Unpersistable"

/* Such a value is an instance like any other, with its reason as the only member. */
static int write_unpersistable(struct pb__writer *w, const pb_value *v)
{
    int e = pb__encode_list(w->e, 2);
    e = e ? e : put_bytes(w, UNPERSISTABLE_CLASS, strlen(UNPERSISTABLE_CLASS));
    e = e ? e : pb__encode_list(w->e, 2);
    e = e ? e : write_opening(w, PB_DICT);
    e = e ? e : pb__encode_list(w->e, 2);
    e = e ? e : put_native(w, "reason", 6);
    return e ? e : put_native(w, (const char *)value_text(v)->data, value_text(v)->len);
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
        writer_has(w, PB__PROFILE_EMPTY_STATE_NONE)) {
        return write_opening(w, PB_NONE);
    }
    return pb__write_push(w, v, &i->state, 1, 1);
}

static int write_insecure(struct pb__writer *w, pb_span name)
{
    static const char before[] = "instance of class ";
    static const char after[] = " deemed insecure";
    const size_t more = sizeof before - 1 + sizeof after - 1;
    int e = write_opening(w, PB__OPENING_UNPERSISTABLE);
    if (e == 0 && name.len + more > w->e->limits.bytes) {
        e = pb__encode_refuse(w->e, PB__FAULT_SEND_STRING, name.len + more,
                              w->e->limits.bytes);
    }
    e = e ? e : pb__encode_header(w->e, name.len + more, PB__TYPE_STRING);
    e = e ? e : pb__encoder_reserve(w->e, name.len + more);
    if (e == 0) {
        struct pb__buf *out = &w->e->out;
        pb__buf_append(out, before, sizeof before - 1);
        pb__buf_append(out, name.data, name.len);
        pb__buf_append(out, after, sizeof after - 1);
    }
    return e;
}

/* A callback's failure, which it may have left without words. */
static int write_called(struct pb__writer *w, int e, const char *what)
{
    return e ? pb__error_set(w->err, e, 0, "%s failed: %s", what, pb_strerror(e)) : 0;
}

/* An instance or an Unpersistable. */
static int write_instance(struct pb__writer *w, pb_value *v)
{
    pb_span name = {(const uint8_t *)UNPERSISTABLE_CLASS, strlen(UNPERSISTABLE_CLASS)};
    if (v->kind == PB_INSTANCE) {
        const struct pb__text *t = value_text(((struct pb__instance *)v)->name);
        name = (pb_span){t->data, t->len};
    }
    int64_t number = pb__write_may_meet(w, v) ? pb__write_meet(w, v) : 0;
    if (number != 0) {
        return number < 0 ? (int)number : pb__write_dereference(w, number);
    }
    const pb_jelly_config *c = w->config;
    pb_value *id = NULL;
    if (c->persistent_save) {
        int e = write_called(w, c->persistent_save(v, &id, w->err, c->user_data),
                             "persistent_save");
        if (e) {
            pb_value_unref(id);
            return e;
        }
    }
    if (id) {
        struct pb__write_kept *k = pb__write_keep_steal(w, id, NULL);
        int e = k ? write_opening(w, PB__OPENING_PERSISTENT) : PB_ERR_NOMEM;
        return e ? e : pb__write_push(w, NULL, k->values, 1, 1);
    }
    if (!pb_taster_class_allowed(c->taster, name)) {
        return write_insecure(w, name);
    }
    return v->kind == PB_INSTANCE ? write_instance_state(w, v, name)
                                  : write_unpersistable(w, v);
}

/* A RemoteReference without a broker says why it cannot be sent, in a native string. */
static int write_brokerless(struct pb__writer *w)
{
    static const char reason[] = "References cannot be serialized";
    if (!writer_has(w, PB__PROFILE_NATIVE_STR_BARE)) {
        return refuse_str(w, reason);
    }
    int e = write_opening(w, PB__OPENING_UNPERSISTABLE);
    return e ? e : put_bytes(w, reason, sizeof reason - 1);
}

static int write_form(struct pb__writer *w, const pb_value *v, struct pb__form *form)
{
    struct pb__write_kept *k = pb__write_keep_steal(w, form->id, form->state);
    if (!k) {
        return PB_ERR_NOMEM;
    }
    pb_value **first = form->id ? k->values : k->values + 1;
    size_t n = (size_t)(form->id != NULL) + (form->state != NULL);
    /* Asked only now, for the state that the callback made may hold v. */
    int e = form->shared && pb__write_may_meet(w, v) ? (int)pb__write_meet(w, v) : 0;
    e = e ? e : pb__encode_list(w->e, 1 + n);
    e = e ? e : pb__encode_bytes(w->e, form->head);
    return e || n == 0 ? e : pb__write_push(w, NULL, first, n, 1);
}

/* An object without a broker: a copy, or what can be copied, is an instance. */
static int write_plain(struct pb__writer *w, pb_value *v)
{
    struct pb__foreign *f = (struct pb__foreign *)v;
    const char *name = NULL;
    struct pb__form form = {.shared = true};
    int e = f->ops->plain ? f->ops->plain(f, &name, &form.state, w->err) : 0;
    if (e) {
        return write_called(w, e, "state_to_copy");
    }
    if (!name) {
        return pb__error_set(w->err, PB_ERR_TYPE, 0,
                             "an object cannot be sent without a broker to refer to it");
    }
    form.head = (pb_span){(const uint8_t *)name, strlen(name)};
    return write_form(w, v, &form);
}

static int write_foreign(struct pb__writer *w, pb_value *v)
{
    int64_t number = pb__write_find(w, v);
    if (number > 0) {
        return pb__write_dereference(w, number);
    }
    if (!w->invoker) {
        return v->kind == PB_OBJECT ? write_plain(w, v) : write_brokerless(w);
    }
    struct pb__form form = {0};
    int e = write_called(w, w->invoker->jelly(v, &form, w->err, w->invoker->ctx),
                         "sending a reference");
    if (e) {
        pb_value_unref(form.id);
        pb_value_unref(form.state);
        return e;
    }
    return write_form(w, v, &form);
}

int pb__write_rare(struct pb__writer *w, pb_value *v)
{
    switch (pb__kind(v)) {
    case PB_INT:
        return put_int(w, v, !pb__is_small(v) && ((const struct pb__big *)v)->negative);
    case PB_DATETIME:
    case PB_DATE:
    case PB_TIME:
    case PB_TIMEDELTA:
        return write_datetime(w, v);
    case PB_DECIMAL:
        return write_decimal(w, v);
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return write_name(w, v);
    case PB_METHOD:
        return write_method(w, v);
    case PB_INSTANCE:
    case PB_UNPERSISTABLE:
        return write_instance(w, v);
    default:
        return write_foreign(w, v);
    }
}
