/* SPDX-License-Identifier: MIT
 *
 * The application's objects, and the values that it says. Which object stands behind a
 * number, and as what it is called, shows the calls that were made to it; the values of a
 * message are read from its very bytes, with objects, references and copies of this
 * session in the place of the broker's expressions. */
#include <stdio.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

/* ---- What they can do ---- */

static bool text_is(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && s.len == strlen(text) &&
           memcmp(s.data, text, s.len) == 0;
}

/* Whether a call of the peer's came to no method of the application's: the broker itself
 * answers then. */
static bool is_no_method(const struct play *p, const struct spoken *m)
{
    const struct spoken *reply = reply_to(p->s, m);
    const char *type = reply ? facts_failure_type(reply) : "";
    const char *short_name = strrchr(type, '.');
    bool attribute =
        strcmp(type, "twisted.spread.flavors.NoSuchMethod") == 0 ||
        (facts_is_builtin(type) && strcmp(short_name, ".AttributeError") == 0);
    return !m->served && (attribute || !reply);
}

static pb_role role_of(const struct spoken *m)
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

/* Whether a message calls the object: by number, by name, or any cache. */
static bool calls_it(const struct play *p, const struct spoken *m, const char *command,
                     int64_t luid, const char *name)
{
    int64_t id;
    const pb_value *to = spoken_member(m, 2);
    if (m->from == p->who || !spoken_is(m, command) || !to ||
        pb_value_kind(spoken_member(m, 3)) != PB_BYTES) {
        return false;
    }
    return name ? text_is(to, name)
                : luid == 0 || (pb_as_int(to, &id) == 0 && id == luid);
}

static void add_method(struct thing *t, const char *name)
{
    size_t n = 0;
    while (t->methods[n].name && strcmp(t->methods[n].name, name) != 0) {
        n++;
    }
    t->methods[n] = (pb_method){name, app_called};
}

/* Gives it the methods that were called, and the class that they had. */
static int add_methods(struct thing *t, const char *command, const char *name)
{
    struct play *p = t->play;
    pb_role role = login_is_avatar(p, t->luid) ? PB_ROLE_PERSPECTIVE : PB_ROLE_REMOTE;
    t->methods = pb__calloc(spoken_count(p->s) + 1, sizeof *t->methods);
    if (!t->methods) {
        return PB_ERR_NOMEM;
    }
    for (size_t i = 0; i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        if (!calls_it(p, m, command, t->luid, name)) {
            continue;
        }
        pb_span method;
        if (!is_no_method(p, m) && pb_as_bytes(spoken_member(m, 3), &method) == 0) {
            add_method(t, (const char *)method.data);
        }
        if (m->served) {
            role = role_of(m);
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

/* ---- Making them ---- */

static struct thing *new_thing(struct play *p, pb_span name, int64_t luid)
{
    struct thing *t = pb__calloc(1, sizeof *t);
    char *text = t ? pb__calloc(1, name.len + 1) : NULL;
    if (!text) {
        pb__free(t);
        return NULL;
    }
    memcpy(text, name.data, name.len);
    *t = (struct thing){
        .next = p->things, .play = p, .luid = luid, .name = text, .cls.name = text};
    p->things = t;
    return t;
}

static pb_span span_of(const char *text)
{
    return (pb_span){(const uint8_t *)text, strlen(text)};
}

struct thing *things_object(struct play *p, int64_t luid)
{
    struct thing *t = pb__map_get(&p->objects, (uint64_t)luid);
    if (t) {
        return t;
    }
    t = new_thing(p, span_of("Object"), luid);
    if (!t || add_methods(t, "message", NULL) != 0 ||
        pb__map_set(&p->objects, (uint64_t)luid, t) != 0) {
        return NULL;
    }
    t->object = pages_collector(t);
    t->object = t->object ? t->object : pb_object_new(&t->cls, t);
    return t->object ? t : NULL;
}

struct thing *things_root(struct play *p)
{
    struct thing *t = new_thing(p, span_of("Root"), 0);
    bool made = t && add_methods(t, "message", "root") == 0;
    t = made ? t : NULL;
    if (t) {
        t->object = pb_object_new(&t->cls, t);
    }
    return t && t->object ? t : NULL;
}

struct thing *things_class(struct play *p, pb_span tag, bool cache)
{
    for (struct thing *t = p->things; t; t = t->next) {
        bool same = strlen(t->name) == tag.len && memcmp(t->name, tag.data, tag.len) == 0;
        if (same && !t->object && !t->state) {
            return t;
        }
    }
    struct thing *t = new_thing(p, tag, 0);
    if (t && cache) {
        t->cls.flavor = PB_FLAVOR_CACHEABLE;
        t = add_methods(t, "cachemessage", NULL) == 0 ? t : NULL;
    }
    return t;
}

static pb_value *give_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    struct thing *t = self;
    return t->state
               ? pb_value_ref(t->state)
               : (pb__error_set(err, PB_ERR_STATE, 0, "a state that never came"), NULL);
}

static pb_value *give_cached_state(void *self, pb_object *perspective,
                                   pb_remote *observer, pb_error *err)
{
    struct thing *t = self;
    pb_remote_unref(t->observer);
    t->observer = pb_remote_ref(observer);
    return give_state(self, perspective, err);
}

struct thing *things_cache(struct play *p, int64_t luid)
{
    struct thing *t = pb__map_get(&p->caches, (uint64_t)luid);
    if (t) {
        return t;
    }
    t = new_thing(p, span_of("Cache"), luid);
    if (!t || pb__map_set(&p->caches, (uint64_t)luid, t) != 0) {
        return NULL;
    }
    t->cls.flavor = PB_FLAVOR_CACHEABLE;
    t->cls.state_to_cache = give_cached_state;
    t->object = pb_object_new(&t->cls, t);
    return t->object ? t : NULL;
}

/* ---- What it says ---- */

static pb_value *no_memory(pb_error *err)
{
    pb__error_nomem(err);
    return NULL;
}

/* Jelly says of what its security kept back only which class that was of. */
static pb_value *unpersistable(const struct pb__form *form, pb_error *err)
{
    static const char before[] = "instance of class ", after[] = " deemed insecure";
    pb_span reason;
    char name[256];
    size_t more = sizeof before - 1 + sizeof after - 1;
    if (!form->id || pb_as_text(form->id, &reason) != 0 || reason.len < more ||
        reason.len - more >= sizeof name ||
        memcmp(reason.data, before, sizeof before - 1) != 0) {
        pb__error_set(err, PB_ERR_TYPE, 0, "unpersistable for a reason that is unknown");
        return NULL;
    }
    snprintf(name, sizeof name, "%.*s", (int)(reason.len - more),
             (const char *)reason.data + sizeof before - 1);
    if (strcmp(name, "twisted.spread.jelly.Unpersistable") == 0) {
        return pb_unpersistable("");
    }
    return pb_instance_steal(name, pb_dict());
}

static pb_value *copy(struct play *p, const struct pb__form *form, pb_error *err)
{
    struct thing *t = new_thing(p, form->head, 0);
    if (!t) {
        return no_memory(err);
    }
    if (facts_is_instance(p, t->name)) {
        bool none = pb_value_kind(form->state) == PB_NONE;
        return none ? pb_instance_steal(t->name, pb_dict())
                    : pb_instance(t->name, form->state);
    }
    t->state = pb_value_ref(form->state);
    t->cls.flavor = PB_FLAVOR_COPYABLE;
    t->cls.state_to_copy = give_state;
    return pb_object_value_steal(pb_object_new(&t->cls, t));
}

/* The first receipt of a cache tells its tag and state. */
static pb_value *cache(struct play *p, const struct pb__form *form, int64_t luid,
                       pb_error *err)
{
    struct thing *t = things_cache(p, luid);
    struct thing *tag = t && form->state ? new_thing(p, form->head, luid) : t;
    if (!tag) {
        return no_memory(err);
    }
    if (form->state) {
        t->cls.name = tag->name;
        pb_value_unref(t->state);
        t->state = pb_value_ref(form->state);
    }
    return pb_object_value(t->object);
}

static pb_value *failure(const struct pb__form *form, pb_error *err)
{
    pb_failure *f = pb_failure_new(facts_text(form->state, "type"),
                                   facts_text(form->state, "value"), NULL);
    pb_value *v = f ? pb_failure_to_value(f) : no_memory(err);
    pb_failure_unref(f);
    return v;
}

static pb_value *reference(struct play *p, const pb_value *id, pb_error *err)
{
    pb_span name;
    int64_t luid;
    if (pb_as_int(id, &luid) == 0) {
        pb_remote *r = hold_remote(p, luid);
        return r ? pb_remote_value(r) : no_memory(err);
    }
    if (pb_as_text(id, &name) != 0) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "a reference without a number or name");
        return NULL;
    }
    pb_value *v =
        (pb_value *)pb_session_remote_for_name(p->session, (const char *)name.data);
    return v ? v : no_memory(err);
}

static bool head_is(const struct pb__form *form, const char *word)
{
    return form->head.len == strlen(word) &&
           memcmp(form->head.data, word, form->head.len) == 0;
}

static pb_value *make(struct play *p, const struct pb__form *form, pb_error *err)
{
    int64_t luid = 0;
    if (head_is(form, "unpersistable")) {
        return unpersistable(form, err);
    }
    if (!form->id && form->state) {
        return head_is(form, "twisted.spread.pb.CopyableFailure") ? failure(form, err)
                                                                  : copy(p, form, err);
    }
    if (form->id && head_is(form, "local")) {
        return reference(p, form->id, err);
    }
    if (!form->id || pb_as_int(form->id, &luid) != 0) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "an expression that is unknown");
        return NULL;
    }
    if (head_is(form, "remote")) {
        struct thing *t = things_object(p, luid);
        return t ? pb_object_value(t->object) : no_memory(err);
    }
    if (head_is(form, "lcache")) {
        pb_value *v = hold_find(p, luid, true);
        pb__error_set(v ? NULL : err, PB_ERR_STATE, 0, "a cache that is not held");
        return pb_value_ref(v);
    }
    return cache(p, form, luid, err);
}

static int on_form(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx)
{
    pb_error why = {0};
    *out = make(ctx, form, &why);
    return *out       ? 0
           : why.code ? pb__error_set(err, why.code, 0, "%s", why.text)
                      : pb__error_nomem(err);
}

struct reading {
    pb_value *value;
    pb_error refused;
};

static int on_message(struct pb__message *m, void *ctx)
{
    struct reading *r = ctx;
    r->value = m->value;
    r->refused = m->refused ? *m->refused : (pb_error){0};
    return 0;
}

pb_value *things_read(struct play *p, const struct spoken *m, pb_error *err)
{
    struct reading r = {0};
    struct pb__invoker invoker = form_keeper;
    invoker.unjelly = on_form;
    invoker.ctx = p;
    /* Whatever was written is to be read, also what its own Twisted could not read. */
    pb_jelly_config jelly = p->s->jelly;
    jelly.profile.twisted = 2310;
    struct pb__reader_config config = {.jelly = &jelly,
                                       .invoker = &invoker,
                                       .messages = true,
                                       .done = on_message,
                                       .ctx = &r};
    struct pb__reader *reader = pb__reader_new(&config);
    pb_decoder *d =
        reader ? pb_decoder_new(m->dialect, &p->limits, pb__reader_sink(reader)) : NULL;
    int e = d ? pb_decoder_recv(d, spoken_bytes(p->s, m), err) : pb__error_nomem(err);
    pb_decoder_free(d);
    pb__reader_free(reader);
    if (e == 0 && r.refused.code) {
        pb__error_set(err, r.refused.code, 0, "%s", r.refused.text);
        pb_value_unref(r.value);
        r.value = NULL;
    }
    return r.value;
}

void things_fini(struct play *p)
{
    for (struct thing *t = p->things; t; t = t->next) {
        pb_remote_unref(t->observer);
        pb_object_unref(t->object);
        pb_value *state = t->state;
        t->state = NULL;
        pb_value_unref(state);
    }
    while (p->things) {
        struct thing *t = p->things;
        p->things = t->next;
        pb__free(t->methods);
        pb__free(t->name);
        pb__free(t);
    }
    pb__map_fini(&p->objects);
    pb__map_fini(&p->caches);
}
