/* SPDX-License-Identifier: MIT
 *
 * Objects whose class has a jellyFor or an unjellyFor of its own: an expression [tag,
 * member, ...] for a value, and [tag, member, ..., luid] for a reference. */
#include "libpb/base/error.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"

/* ---- Sending ---- */

/* The type tag of o, and a *new* list of its members, to which more may be appended. */
static int jellyable_members(pb_session *s, pb_object *o, struct pb__form *form,
                             pb_error *err)
{
    pb_error why = {0};
    const pb_class *with = pb__class_with(o->cls, offsetof(pb_class, type_to_copy));
    const char *type = with ? with->type_to_copy(o->self, s->perspective) : NULL;
    with = pb__class_with(o->cls, offsetof(pb_class, jelly_members));
    pb_value *given = with->jelly_members(o->self, s->perspective, &why);
    if (!given) {
        return pb__error_of_callback(err, "jelly_members", 0, &why);
    }
    pb_kind kind = pb__kind(given);
    pb_value *list = kind == PB_LIST || kind == PB_TUPLE ? pb_list() : NULL;
    int failed = list                                  ? 0
                 : kind == PB_LIST || kind == PB_TUPLE ? PB_ERR_NOMEM
                                                       : PB_ERR_TYPE;
    for (size_t i = 0; !failed && i < pb_len(given); i++) {
        failed = pb_append(list, pb_item(given, i));
    }
    pb_value_unref(given);
    if (failed) {
        pb_value_unref(list);
        return pb__error_set(err, failed, 0, "%s",
                             failed == PB_ERR_TYPE
                                 ? "the members of an object are a list or a tuple"
                                 : pb_strerror(failed));
    }
    *form = (struct pb__form){
        .head = pb_span_of(type ? type : pb__class_name(o->cls)),
        .state = list,
        .flat = true,
    };
    return 0;
}

int pb__jellyable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    int64_t luid;
    int failed = jellyable_members(s, o, form, err);
    if (failed || o->cls->flavor == PB_FLAVOR_COPYABLE) {
        return failed;
    }
    failed = pb__export_add(s, o, &luid, err);
    if (!failed && pb_append_steal(form->state, pb_int(luid)) != 0) {
        failed = pb__error_nomem(err);
    }
    return failed; /* the caller releases the form */
}

/* ---- Receiving ---- */

/* Whether a reference may hold the value: not what might hold the reference in turn. */
static bool is_leaf(const pb_value *v)
{
    return pb__kind(v) <= PB_STR;
}

/* A new list of all members but the last. */
static int reference_members(pb_value *members, pb_value **out, pb_error *err)
{
    pb_value *list = pb_list();
    int failed = list ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; !failed && i + 1 < pb_len(members); i++) {
        pb_value *member = pb_item(members, i);
        failed = is_leaf(member) ? pb_append(list, member) : PB_ERR_TYPE;
    }
    if (failed) {
        pb_value_unref(list);
        return pb__error_set(
            err, failed, 0, "%s",
            failed == PB_ERR_TYPE
                ? "the members of a reference are numbers, text or byte strings"
                : pb_strerror(failed));
    }
    *out = list;
    return 0;
}

/* Mirrors unjellyFor of a subclass of RemoteReference. The count is taken also if the
 * members are refused, so that it is released. */
static int read_reference(pb_session *s, const struct pb__registered *as,
                          pb_value *members, pb_value **out, pb_error *err)
{
    int64_t luid;
    size_t n = pb_len(members);
    if (n == 0 || pb_as_int(pb_item(members, n - 1), &luid) != 0) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "'%.80s' without the number of an object", as->tag);
    }
    pb_remote *r;
    int failed = pb__remote_receive(s, luid, &r, err);
    if (failed) {
        return failed;
    }
    failed = reference_members(members, &r->members, err);
    r->type = failed ? NULL : pb_str(as->tag);
    if (!failed && !r->type) {
        failed = pb__error_nomem(err);
    }
    if (failed) {
        pb_remote_unref(r);
        return failed;
    }
    *out = (pb_value *)r;
    return 0;
}

int pb__jellyable_read(pb_session *s, const struct pb__registered *as,
                       const struct pb__form *form, pb_value **out, pb_error *err)
{
    pb_error why = {0};
    if (as->reference) {
        return read_reference(s, as, form->state, out, err);
    }
    *out = as->unjelly ? as->unjelly(form->state, &why, as->user_data) : NULL;
    return *out ? 0 : pb__error_of_callback(err, "unjelly", 0, &why);
}
