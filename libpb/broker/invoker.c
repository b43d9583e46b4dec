/* SPDX-License-Identifier: MIT
 *
 * The jelly expressions that belong to the broker, by their heads: how objects and
 * references are written into a message and read from one. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/invoker.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/registry.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* How to read an expression with this head: the *new* value goes to *out. */
struct head {
    const char *word;
    int (*unjelly)(pb_session *s, const struct pb__form *form, pb_value **out,
                   pb_error *err);
};

/* Mirrors RemoteReference.unjellyFor. */
static int read_remote(pb_session *s, const struct pb__form *form, pb_value **out,
                       pb_error *err)
{
    int64_t luid;
    if (!form->id || pb_as_int(form->id, &luid) != 0) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "remote without an object number");
    }
    pb_remote *r;
    int failed = pb__remote_receive(s, luid, &r, err);
    *out = failed ? NULL : (pb_value *)r;
    return failed;
}

/* Mirrors flavors.unjellyLocal. */
static int read_local(pb_session *s, const struct pb__form *form, pb_value **out,
                      pb_error *err)
{
    int64_t luid;
    pb_span name;
    pb_object *o = NULL;
    if (form->id && pb_as_int(form->id, &luid) == 0) {
        o = pb__export_find(s, luid);
    } else if (form->id && pb_as_text(form->id, &name) == 0) {
        o = pb__published_find(s, name);
    } else {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "local without an object number or name");
    }
    *out = o ? pb_object_value(o) : pb_none();
    return 0;
}

/* A CopiedFailure: kept as data, whatever the taster allows. */
static int read_failure(pb_session *s, const struct pb__form *form, pb_value **out,
                        pb_error *err)
{
    (void)s;
    if (!form->state) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "failure without a state");
    }
    *out = pb_instance(PB__COPYABLE_FAILURE, form->state);
    return *out ? 0 : pb__error_nomem(err);
}

static const struct head heads[] = {
    {"remote", read_remote},
    {"local", read_local},
    {"cached", pb__cached_read},
    {"lcache", pb__lcache_read},
    {PB__COPYABLE_FAILURE, read_failure},
};

static const struct head *head_find(pb_span word)
{
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strlen(heads[i].word) == word.len &&
            memcmp(heads[i].word, word.data, word.len) == 0) {
            return &heads[i];
        }
    }
    return NULL;
}

/* Twisted registers a tag with globalSecurity, which then allows it; another taster must
 * allow the tag itself. */
static const struct pb__registered *registered_for_tag(const pb_session *s, pb_span tag)
{
    const pb_session_config *c = &s->shared->config;
    const struct pb__registered *as = pb__registry_find(c->registry, tag);
    bool allowed =
        as && (!c->jelly.taster || pb_taster_type_allowed(c->jelly.taster, tag));
    return allowed ? as : NULL;
}

static enum pb__known invoker_knows(pb_span word, void *ctx)
{
    if (head_find(word)) {
        return PB__KNOWN_FORM;
    }
    const struct pb__registered *as = registered_for_tag(*(pb_session **)ctx, word);
    return !as                            ? PB__UNKNOWN
           : as->unjelly || as->reference ? PB__KNOWN_MEMBERS
                                          : PB__KNOWN_FORM;
}

static int invoker_unjelly(const struct pb__form *form, pb_value **out, pb_error *err,
                           void *ctx)
{
    pb_session *s = *(pb_session **)ctx;
    const struct head *head = head_find(form->head);
    return head ? head->unjelly(s, form, out, err)
                : pb__copy_read(s, registered_for_tag(s, form->head), form, out, err);
}

/* Mirrors RemoteReference.jellyFor. */
static int write_remote(pb_session *s, const pb_remote *r, struct pb__form *form,
                        pb_error *err)
{
    if (r->observed) {
        return pb__observer_form(form, err);
    }
    if (r->session != s) {
        s->refused_as = "builtins.AssertionError";
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "Can't send references to brokers other than their own.");
    }
    pb_span name = {(const uint8_t *)r->name, strlen(r->name)};
    *form = (struct pb__form){.head = pb__word(PB__WORD_LOCAL),
                              .id = r->counted ? pb_int(r->luid) : pb_bytes(name)};
    return form->id ? 0 : pb__error_nomem(err);
}

/* Mirrors jellyFor of Referenceable and Viewable. */
static int write_object(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    int64_t luid = 0;
    bool view = o->cls->flavor == PB_FLAVOR_VIEWABLE;
    if (!view && pb__class_with(o->cls, offsetof(pb_class, jelly_members))) {
        return pb__jellyable_form(s, o, form, err);
    }
    o = view ? pb_viewpoint_new(s->perspective, o) : pb_object_ref(o);
    int failed = o ? pb__export_add(s, o, &luid, err) : pb__error_nomem(err);
    pb_object_unref(o);
    if (failed) {
        return failed;
    }
    *form = (struct pb__form){.head = pb__word(PB__WORD_REMOTE), .id = pb_int(luid)};
    return form->id ? 0 : pb__error_nomem(err);
}

/* Writes the object that the local value v stands for. */
static int write_local(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    bool is_copy = o->base.foreign.ops == &pb__copy_ops;
    if (is_copy && ((struct pb__copy *)o)->is_cache) {
        return pb__remote_cache_form(s, (struct pb__copy *)o, form, err);
    }
    switch (o->cls->flavor) {
    case PB_FLAVOR_COPYABLE:
        return (pb__class_with(o->cls, offsetof(pb_class, jelly_members))
                    ? pb__jellyable_form
                    : pb__copyable_form)(s, o, form, err);
    case PB_FLAVOR_CACHEABLE:
        return pb__cacheable_form(s, o, form, err);
    case PB_FLAVOR_REFERENCEABLE:
        return (is_copy ? pb__copy_form : write_object)(s, o, form, err);
    default:
        return write_object(s, o, form, err);
    }
}

/* A CopyableFailure. */
static int write_failure(pb_session *s, const pb_failure *f, struct pb__form *form,
                         pb_error *err)
{
    static const char name[] = PB__COPYABLE_FAILURE;
    *form = (struct pb__form){.head = {(const uint8_t *)name, sizeof name - 1},
                              .state = pb__failure_state(s, f, PB__FAILED_BESIDE),
                              .shared = true};
    return form->state ? 0 : pb__error_nomem(err);
}

static int invoker_jelly(pb_value *v, struct pb__form *form, pb_error *err, void *ctx)
{
    pb_session *s = *(pb_session **)ctx;
    pb_remote *r = pb_as_remote(v);
    const pb_failure *f = pb__failure_of(v);
    return r   ? write_remote(s, r, form, err)
           : f ? write_failure(s, f, form, err)
               : write_local(s, pb_as_object(v), form, err);
}

struct pb__invoker pb__invoker(pb_session **session)
{
    return (struct pb__invoker){
        .jelly = invoker_jelly,
        .knows = invoker_knows,
        .unjelly = invoker_unjelly,
        .ctx = session,
    };
}
