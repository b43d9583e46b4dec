/* SPDX-License-Identifier: MIT
 *
 * Failures: why a call ended without a result. It is the peer's exception, or an error of
 * our own. A received failure keeps the received value, and its texts point into that. */
#include <string.h>

#include "compat/repr.h"
#include "libpb/base/mem.h"
#include "libpb/base/span.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/objects.h"

/* The constant failure that is used for lack of memory. */
static pb_failure *failure_spare(int code)
{
    static const pb_failure spares[] = {
#define SPARE(name, number, message) \
    {.refs = PB__IMMORTAL, .code = PB_ERR_##name, .text = (message), .traceback = ""},
        PB_ERR_MAP(SPARE)
#undef SPARE
    };
    for (size_t i = 0; i < sizeof spares / sizeof *spares; i++) {
        if (spares[i].code == code) {
            return (pb_failure *)&spares[i];
        }
    }
    return (pb_failure *)&spares[0];
}

pb_failure *pb__failure_new(int code, const char *text)
{
    size_t size = strlen(text) + 1;
    pb_failure *f = pb__malloc(sizeof *f + size);
    if (!f) {
        return failure_spare(code);
    }
    *f = (pb_failure){.refs = 1, .code = code, .traceback = ""};
    f->text = memcpy(f + 1, text, size);
    return f;
}

/* The text for a key of the state; without data if it is no text. */
static pb_span text_at(const pb_value *state, const char *key)
{
    const pb_value *v = pb_dict_get(state, key);
    pb_span text = {0};
    if (v) {
        (void)pb_as_text(v, &text);
    }
    return text;
}

pb_failure *pb_failure_new(const char *type, const char *text, const char *traceback)
{
    return pb_failure_newn(type, pb_span_of(text ? text : ""), traceback);
}

pb_failure *pb_failure_newn(const char *type, pb_span text, const char *traceback)
{
    if (!type || pb__span_is_null(text)) {
        return NULL;
    }
    traceback = traceback ? traceback : "";
    type += strspn(type, " ");
    size_t mro = strlen(type) + 1, name = strcspn(type, " ");
    size_t words, trace = strlen(traceback) + 1;
    size_t size;
    if (!pb__add(text.len, 1, &words) || !pb__add(mro + name + 1, words, &size) ||
        !pb__add(size, trace, &size) || !pb__add(size, sizeof(pb_failure), &size)) {
        return NULL;
    }
    pb_failure *f = pb__malloc(size);
    if (f) {
        char *at = (char *)(f + 1);
        *f = (pb_failure){.refs = 1, .mro = memcpy(at, type, mro), .text_len = text.len};
        at += mro;
        f->type = memcpy(at, type, name);
        at[name] = '\0';
        at += name + 1;
        f->text = at;
        if (text.len > 0) {
            memcpy(at, text.data, text.len);
        }
        at[text.len] = '\0';
        f->traceback = memcpy(at + words, traceback, trace);
    }
    return f;
}

/* Reads the members of a CopyableFailure's state. */
static void read_state(pb_failure *f, const pb_value *state)
{
    pb_span type = text_at(state, "type");
    pb_span text = text_at(state, "value");
    pb_span traceback = text_at(state, "traceback");
    pb_value *parents = pb_dict_get(state, "parents");
    f->type = type.data ? (const char *)type.data : "";
    f->text = (const char *)text.data;
    f->text_len = text.len;
    f->traceback = traceback.data ? (const char *)traceback.data : "";
    f->parents = parents && pb__kind(parents) == PB_LIST ? parents : NULL;
}

/* The class name of an exception that was received as an instance. */
static const char *failure_class(const pb_value *v)
{
    const char *name = pb_name_of(v);
    const pb_object *o = pb_as_object(v);
    return name ? name : o ? pb__class_name(o->cls) : pb_kind_name(pb__kind(v));
}

pb_failure *pb_failure_from_value(pb_value *v)
{
    if (!v) {
        return NULL;
    }
    pb_failure *own = pb__failure_of(v);
    if (own) {
        return pb_failure_ref(own);
    }
    pb_failure *f = pb__malloc(sizeof *f);
    if (!f) {
        return NULL;
    }
    *f = (pb_failure){.refs = 1, .value = pb__ref(v), .traceback = ""};
    if (pb__is_copied_failure(v)) {
        read_state(f, pb_instance_state(v));
    } else {
        f->type = failure_class(v);
    }
    return f;
}

pb_failure *pb__failure_received(pb_value *v)
{
    pb_failure *f = pb_failure_from_value(v);
    return f ? f : failure_spare(PB_ERR_NOMEM);
}

const char *pb__failure_mro(const pb_failure *f)
{
    return f->mro ? f->mro : pb_failure_type(f);
}

pb_failure *pb_failure_ref(pb_failure *f)
{
    if (f && f->refs != PB__IMMORTAL) {
        f->refs++;
    }
    return f;
}

void pb_failure_unref(pb_failure *f)
{
    if (f && f->refs != PB__IMMORTAL && --f->refs == 0) {
        pb_value_unref(f->value);
        pb__free(f->printed);
        pb__free(f);
    }
}

int pb_failure_code(const pb_failure *f)
{
    return f ? f->code : PB_OK;
}

const char *pb_failure_type(const pb_failure *f)
{
    return !f ? "" : f->type ? f->type : pb__exception_of(f->code);
}

/* The text of a failure whose value is not text: made when it is asked for. */
static const char *failure_print(pb_failure *f)
{
    const pb_value *v = f->value;
    if (pb__is_copied_failure(v)) {
        v = pb_dict_get(pb_instance_state(v), "value");
    }
    if (v) {
        f->printed = pb__repr_shown(v);
        f->text = f->printed;
    }
    return f->text ? f->text : "";
}

const char *pb_failure_text(const pb_failure *f)
{
    return !f ? "" : f->text ? f->text : failure_print((pb_failure *)(uintptr_t)f);
}

pb_span pb_failure_text_span(const pb_failure *f)
{
    const char *text = pb_failure_text(f);
    size_t len = f && f->text_len > 0 ? f->text_len : strlen(text);
    return (pb_span){(const uint8_t *)text, len};
}

const char *pb_failure_traceback(const pb_failure *f)
{
    return f ? f->traceback : "";
}

bool pb_failure_check(const pb_failure *f, const char *type)
{
    if (!f || !type) {
        return false;
    }
    if (!f->parents) {
        return pb__exception_is(pb__failure_mro(f), type);
    }
    bool is = pb__exception_same(f->type, type);
    for (size_t i = 0; !is && i < pb_len(f->parents); i++) {
        const pb_value *parent = pb_item(f->parents, i);
        const char *name = pb_name_of(parent);
        pb_span text;
        if (parent && pb_as_text(parent, &text) == 0) {
            bool whole = !memchr(text.data, '\0', text.len);
            name = whole ? (const char *)text.data : NULL;
        }
        is = name && pb__exception_same(name, type);
    }
    return is;
}

pb_value *pb_failure_value(const pb_failure *f)
{
    return f ? f->value : NULL;
}

pb_value *pb_failure_parents(const pb_failure *f)
{
    return f ? f->parents : NULL;
}

/* ---- As a value ---- */

static void failure_destroy(void *self)
{
    pb_failure_unref(self);
}

static const pb_class copyable_class = {.name = PB__COPYABLE_FAILURE,
                                        .destroy = failure_destroy};

pb_value *pb_failure_to_value(pb_failure *f)
{
    pb_object *o = f ? pb_object_new(&copyable_class, f) : NULL;
    if (o) {
        pb_failure_ref(f);
    }
    return pb_object_value_steal(o);
}

pb_failure *pb__failure_of(const pb_value *v)
{
    const pb_object *o = pb_as_object(v);
    return o && o->cls == &copyable_class ? o->self : NULL;
}

bool pb__is_copied_failure(const pb_value *v)
{
    const char *name = pb__kind(v) == PB_INSTANCE ? pb_name_of(v) : NULL;
    return name && strcmp(name, PB__COPYABLE_FAILURE) == 0;
}
