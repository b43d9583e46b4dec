/* SPDX-License-Identifier: MIT
 *
 * The objects of the application, and the values that it sends. The class and the
 * methods of an object follow from the calls that were made on it. The values of a
 * message are decoded from its bytes, with objects, references and copies of this
 * session in the place of the broker's expressions. */
#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/value_text.h"
#include "tools/replay/engine/player.h"

/* ---- Methods ---- */

/* Whether a call of the peer found no method of the application, so that the broker
 * itself answered it. */
static bool is_missing_method(const struct player *p, const struct scenario_message *m)
{
    const struct scenario_message *reply = scenario_reply_to(p->s, m);
    const char *type = reply ? failure_type(reply) : "";
    bool missing = strcmp(type, "twisted.spread.flavors.NoSuchMethod") == 0 ||
                   is_attribute_error(type);
    return !m->served && (missing || !reply);
}

static pb_role served_role(const struct scenario_message *m)
{
    static const struct {
        const char *prefix;
        pb_role role;
    } prefixes[] = {{"perspective_", PB_ROLE_PERSPECTIVE},
                    {"view_", PB_ROLE_VIEW},
                    {"observe_", PB_ROLE_OBSERVE}};
    const char *method = json_string_value(json_object_get(m->served, "method"));
    for (size_t i = 0; method && i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(method, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
            return prefixes[i].role;
        }
    }
    return PB_ROLE_REMOTE;
}

/* Whether a message calls an object: the one of that name; else the one of that luid, or
 * any one if the luid is 0. */
static bool is_call_to(const struct player *p, const struct scenario_message *m,
                       const char *command, int64_t luid, const char *name)
{
    int64_t id;
    const pb_value *to = scenario_member(m, CALL_OBJECT);
    if (m->from == p->side || !scenario_is(m, command) || !to ||
        pb_value_kind(scenario_member(m, CALL_METHOD)) != PB_BYTES) {
        return false;
    }
    return name ? value_is_text(to, name)
                : luid == 0 || (pb_as_int(to, &id) == 0 && id == luid);
}

static void object_add_method(struct player_object *t, const char *name)
{
    size_t n = 0;
    while (t->methods[n].name && strcmp(t->methods[n].name, name) != 0) {
        n++;
    }
    t->methods[n] = (pb_method){name, application_serve};
}

/* Gives an object the methods that were called, in the role in which they were called,
 * and the name of their class. */
static int object_add_methods(struct player_object *t, const char *command,
                              const char *name)
{
    struct player *p = t->player;
    pb_role role = is_avatar_luid(p, t->luid) ? PB_ROLE_PERSPECTIVE : PB_ROLE_REMOTE;
    t->methods = pb__calloc(scenario_message_count(p->s) + 1, sizeof *t->methods);
    if (!t->methods) {
        return PB_ERR_NOMEM;
    }
    for (size_t i = 0; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        if (!is_call_to(p, m, command, t->luid, name)) {
            continue;
        }
        pb_span method;
        if (!is_missing_method(p, m) &&
            pb_as_bytes(scenario_member(m, CALL_METHOD), &method) == 0) {
            object_add_method(t, (const char *)method.data);
        }
        if (m->served) {
            role = served_role(m);
            t->cls.name = json_string_value(json_object_get(m->served, "class"));
        }
    }
    t->cls.flavor = role == PB_ROLE_VIEW ? PB_FLAVOR_VIEWABLE : t->cls.flavor;
    *(role == PB_ROLE_PERSPECTIVE ? &t->cls.perspective
      : role == PB_ROLE_VIEW      ? &t->cls.view
      : role == PB_ROLE_OBSERVE   ? &t->cls.observe
                                  : &t->cls.remote) = t->methods;
    return 0;
}

/* ---- Objects ---- */

static struct player_object *player_object_new(struct player *p, pb_span name,
                                               int64_t luid)
{
    struct player_object *t = pb__calloc(1, sizeof *t);
    char *text = t ? pb__calloc(1, name.len + 1) : NULL;
    if (!text) {
        pb__free(t);
        return NULL;
    }
    memcpy(text, name.data, name.len);
    *t = (struct player_object){.next = p->objects_list,
                                .player = p,
                                .luid = luid,
                                .name = text,
                                .cls.name = text};
    p->objects_list = t;
    return t;
}

struct player_object *exported_object(struct player *p, int64_t luid)
{
    struct player_object *t = pb__map_get(&p->objects, (uint64_t)luid);
    if (t) {
        return t;
    }
    t = player_object_new(p, pb_span_of("Object"), luid);
    if (!t || object_add_methods(t, "message", NULL) != 0 ||
        pb__map_set(&p->objects, (uint64_t)luid, t) != 0) {
        return NULL;
    }
    t->object = paging_collector(t);
    t->object = t->object ? t->object : pb_object_new(&t->cls, t);
    return t->object ? t : NULL;
}

struct player_object *exported_root(struct player *p)
{
    struct player_object *t = player_object_new(p, pb_span_of("Root"), 0);
    bool made = t && object_add_methods(t, "message", "root") == 0;
    t = made ? t : NULL;
    if (t) {
        t->object = pb_object_new(&t->cls, t);
    }
    return t && t->object ? t : NULL;
}

struct player_object *received_class(struct player *p, pb_span tag, bool cache)
{
    for (struct player_object *t = p->objects_list; t; t = t->next) {
        bool same = strlen(t->name) == tag.len && memcmp(t->name, tag.data, tag.len) == 0;
        if (same && !t->object && !t->state) {
            return t;
        }
    }
    struct player_object *t = player_object_new(p, tag, 0);
    if (t && cache) {
        t->cls.flavor = PB_FLAVOR_CACHEABLE;
        t = object_add_methods(t, "cachemessage", NULL) == 0 ? t : NULL;
    }
    return t;
}

static pb_value *object_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    struct player_object *t = self;
    return t->state ? pb_value_ref(t->state)
                    : (pb__error_set(err, PB_ERR_STATE, 0,
                                     "a state that is not in the capture"),
                       NULL);
}

static pb_value *object_cached_state(void *self, pb_object *perspective,
                                     pb_remote *observer, pb_error *err)
{
    struct player_object *t = self;
    pb_remote_unref(t->observer);
    t->observer = pb_remote_ref(observer);
    return object_state(self, perspective, err);
}

struct player_object *exported_cache(struct player *p, int64_t luid)
{
    struct player_object *t = pb__map_get(&p->caches, (uint64_t)luid);
    if (t) {
        return t;
    }
    t = player_object_new(p, pb_span_of("Cache"), luid);
    if (!t || pb__map_set(&p->caches, (uint64_t)luid, t) != 0) {
        return NULL;
    }
    t->cls.flavor = PB_FLAVOR_CACHEABLE;
    t->cls.state_to_cache = object_cached_state;
    t->object = pb_object_new(&t->cls, t);
    return t->object ? t : NULL;
}

/* ---- Values ---- */

static pb_value *value_nomem(pb_error *err)
{
    pb__error_nomem(err);
    return NULL;
}

/* The value that became an "unpersistable": of an instance that security refused to send,
 * only the class is known. */
static pb_value *unpersistable_value(const struct pb__form *form, pb_error *err)
{
    static const char before[] = "instance of class ", after[] = " deemed insecure";
    pb_span reason;
    char name[256];
    size_t more = sizeof before - 1 + sizeof after - 1;
    if (!form->id || pb_as_text(form->id, &reason) != 0 || reason.len < more ||
        reason.len - more >= sizeof name ||
        memcmp(reason.data, before, sizeof before - 1) != 0) {
        pb__error_set(err, PB_ERR_TYPE, 0, "unpersistable for an unknown reason");
        return NULL;
    }
    snprintf(name, sizeof name, "%.*s", (int)(reason.len - more),
             (const char *)reason.data + sizeof before - 1);
    if (strcmp(name, "twisted.spread.jelly.Unpersistable") == 0) {
        return pb_unpersistable("");
    }
    return pb_instance_steal(name, pb_dict());
}

static pb_value *copy_value(struct player *p, const struct pb__form *form, pb_error *err)
{
    struct player_object *t = player_object_new(p, form->head, 0);
    if (!t) {
        return value_nomem(err);
    }
    if (is_instance_class(p, t->name)) {
        bool none = pb_value_kind(form->state) == PB_NONE;
        return none ? pb_instance_steal(t->name, pb_dict())
                    : pb_instance(t->name, form->state);
    }
    t->state = pb_value_ref(form->state);
    t->cls.flavor = PB_FLAVOR_COPYABLE;
    t->cls.state_to_copy = object_state;
    return pb_object_value_steal(pb_object_new(&t->cls, t));
}

/* A cache that is sent: the first message with it contains its type tag and its state. */
static pb_value *cache_value(struct player *p, const struct pb__form *form, int64_t luid,
                             pb_error *err)
{
    struct player_object *t = exported_cache(p, luid);
    struct player_object *tag =
        t && form->state ? player_object_new(p, form->head, luid) : t;
    if (!tag) {
        return value_nomem(err);
    }
    if (form->state) {
        t->cls.name = tag->name;
        pb_value_unref(t->state);
        t->state = pb_value_ref(form->state);
    }
    return pb_object_value(t->object);
}

static pb_value *failure_value(const struct pb__form *form, pb_error *err)
{
    pb_failure *f = pb_failure_new(failure_text(form->state, "type"),
                                   failure_text(form->state, "value"), NULL);
    pb_value *v = f ? pb_failure_to_value(f) : value_nomem(err);
    pb_failure_unref(f);
    return v;
}

static pb_value *reference_value(struct player *p, const pb_value *id, pb_error *err)
{
    pb_span name;
    int64_t luid;
    if (pb_as_int(id, &luid) == 0) {
        pb_remote *r = held_remote(p, luid);
        return r ? pb_remote_value(r) : value_nomem(err);
    }
    if (pb_as_text(id, &name) != 0) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "a reference without a number or name");
        return NULL;
    }
    pb_remote *r = pb_session_remote_for_name(p->session, (const char *)name.data);
    pb_value *v = r ? pb_remote_value(r) : NULL;
    pb_remote_unref(r);
    return v ? v : value_nomem(err);
}

static pb_value *expression_value(struct player *p, const struct pb__form *form,
                                  pb_error *err)
{
    int64_t luid = 0;
    if (pb__span_is(form->head, "unpersistable")) {
        return unpersistable_value(form, err);
    }
    if (!form->id && form->state) {
        return pb__span_is(form->head, COPYABLE_FAILURE) ? failure_value(form, err)
                                                         : copy_value(p, form, err);
    }
    if (form->id && pb__span_is(form->head, "local")) {
        return reference_value(p, form->id, err);
    }
    if (!form->id || pb_as_int(form->id, &luid) != 0) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "an unknown expression");
        return NULL;
    }
    if (pb__span_is(form->head, "remote")) {
        struct player_object *t = exported_object(p, luid);
        return t ? pb_object_value(t->object) : value_nomem(err);
    }
    if (pb__span_is(form->head, "lcache")) {
        pb_value *v = held_find(p, luid, true);
        pb__error_set(v ? NULL : err, PB_ERR_STATE, 0, "a cache that is not held");
        return pb_value_ref(v);
    }
    return cache_value(p, form, luid, err);
}

static int expression_unjelly(const struct pb__form *form, pb_value **out, pb_error *err,
                              void *ctx)
{
    pb_error why = {0};
    *out = expression_value(ctx, form, &why);
    return *out       ? 0
           : why.code ? pb__error_set(err, why.code, 0, "%s", why.text)
                      : pb__error_nomem(err);
}

pb_value *application_values(struct player *p, const struct scenario_message *m,
                             pb_error *err)
{
    struct decoded_message decoded;
    struct pb__invoker invoker = broker_expression_keep_all;
    invoker.unjelly = expression_unjelly;
    invoker.ctx = p;
    /* A recent version reads everything that was written, also what the version of the
     * capture cannot read. */
    pb_jelly_config jelly = p->s->jelly;
    jelly.profile.twisted = 2310;
    int failed = scenario_decode(&jelly, &invoker, m->dialect, &p->limits,
                                 scenario_message_bytes(p->s, m), &decoded, err);
    if (!failed && decoded.refused.code) {
        pb__error_set(err, decoded.refused.code, 0, "%s", decoded.refused.text);
        pb_value_unref(decoded.value);
        decoded.value = NULL;
    }
    return decoded.value;
}

void objects_fini(struct player *p)
{
    for (struct player_object *t = p->objects_list; t; t = t->next) {
        pb_remote_unref(t->observer);
        pb_object_unref(t->object);
        pb_value *state = t->state;
        t->state = NULL;
        pb_value_unref(state);
    }
    while (p->objects_list) {
        struct player_object *t = p->objects_list;
        p->objects_list = t->next;
        pb__free(t->methods);
        pb__free(t->name);
        pb__free(t);
    }
    pb__map_fini(&p->objects);
    pb__map_fini(&p->caches);
}
