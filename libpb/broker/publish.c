/* SPDX-License-Identifier: MIT
 *
 * Publishables of ours, and RemotePublished objects of the peer: caches that arrive with
 * a name, a time and a reference, and are incomplete until their state has been loaded or
 * fetched. Mirrors twisted.spread.publish. */
#include <string.h>

#include "compat/island.h"
#include "compat/repr.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"
#include "pb/publish.h"

/* ---- Publishing ---- */

static pb_value *name_of(const pb_session *s, const char *(*get)(pb_object *perspective),
                         pb_object *perspective)
{
    const char *name = get && perspective ? get(perspective) : NULL;
    return pb__native(s, name ? name : "None");
}

pb_value *pb_publishable_state(void *self, pb_object *perspective, pb_remote *observer,
                               pb_error *err)
{
    const pb_publishable *p = self;
    if (!p || !p->published_id) {
        pb__error_null(err, p ? "the publishedID" : "the publishable");
        return NULL;
    }
    if (!observer || !observer->observed) {
        pb__error_set(err, PB_ERR_ARG, 0,
                      "a publishable can only be sent to an observer");
        return NULL;
    }
    const pb_session *s = observer->session;
    if (!s || !observer->observed->object) {
        pb__error_set(err, PB_ERR_DEAD, 0, "the connection of the publishable has ended");
        return NULL;
    }
    const struct {
        const char *name;
        pb_value *value;
    } members[] = {
        {"remote", pb_object_value_steal(
                       pb_viewpoint_new(perspective, observer->observed->object))},
        {"publishedID", pb_value_ref(p->published_id)},
        {"perspective", name_of(s, p->perspective_name, perspective)},
        {"service", name_of(s, p->service_name, perspective)},
        {"timestamp", pb_float(p->timestamp)},
    };
    pb_value *state = pb_dict();
    int failed = state ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (failed) {
            pb_value_unref(members[i].value);
        } else {
            failed = pb_dict_set_value_steal(state, pb__native(s, members[i].name),
                                             members[i].value);
        }
    }
    if (failed) {
        pb_value_unref(state);
        pb__error_nomem(err);
        return NULL;
    }
    return state;
}

int pb_publishable_get_state(void *self, pb_request *req)
{
    const pb_publishable *p = self;
    pb_error err = {0};
    int e = p ? pb_request_unpack(req, "") : PB_ERR_ARG;
    if (e) {
        return e;
    }
    if (!p->state_to_publish) {
        return pb_request_fail(req, "builtins.NotImplementedError",
                               "<class '%s'>.getStateToPublishFor",
                               pb__class_name(pb_request_object(req)->cls));
    }
    pb_value *state = p->state_to_publish(self, pb_request_perspective(req), &err);
    if (!state) {
        pb_error why = {0};
        e = pb__error_of_callback(&why, "state_to_publish", 0, &err);
        return pb_request_fail(req, pb__exception_of(e), "%s", why.text);
    }
    return pb_request_answer_steal(req, state);
}

/* ---- What is published, at the receiver ---- */

struct pb__publication {
    pb_published_config config;
    pb_profile profile;
    struct pb__list waiting; /* waiter.link */
    pb_failure *failure; /* why it was not activated; NULL: not tried yet, or activated */
    bool activated;
};

struct waiter {
    struct pb__list link;
    pb_published_cb cb;
    void *user_data;
};

struct pb__publication *pb__publication_new(const pb_session *s,
                                            const pb_published_config *config)
{
    struct pb__publication *p = pb__calloc(1, sizeof *p);
    if (p) {
        p->config = *config;
        p->profile = pb__profile(s);
        pb__list_init(&p->waiting);
    }
    return p;
}

/* Runs the callbacks, also those that are added meanwhile. */
static void publication_tell(struct pb__copy *c)
{
    struct pb__publication *p = c->publication;
    pb_object_ref(&c->object);
    while (!pb__list_empty(&p->waiting)) {
        struct waiter *w = PB__LIST_ENTRY(p->waiting.next, struct waiter, link);
        pb__list_remove(&w->link);
        w->cb(&c->object, p->failure, w->user_data);
        pb__free(w);
    }
    pb_object_unref(&c->object);
}

void pb__publication_end(struct pb__copy *c)
{
    struct pb__publication *p = c->publication;
    if (!pb__list_empty(&p->waiting)) {
        p->failure = pb__failure_new(PB_ERR_DEAD, "the published object was freed");
        publication_tell(c);
    }
    pb_failure_unref(p->failure);
    pb__free(p);
}

/* ---- Files ---- */

/* Appends the text that str.format makes of a value. */
static int publication_put_text(struct pb__buf *out, const pb_value *v, bool python2)
{
    pb_span text;
    if (pb__kind(v) == PB_STR || (python2 && pb__kind(v) == PB_BYTES)) {
        pb_as_text(v, &text);
        return pb__buf_append(out, text.data, text.len);
    }
    return pb__repr_cut(out, v, PB__SHOWN);
}

/* Mirrors RemotePublished.getFileName. PB_ERR_TYPE if the state lacks what the name is
 * made of, PB_ERR_NOMEM. */
static int file_name(const struct pb__copy *c, struct pb__buf *out)
{
    static const char *const members[] = {"service", "perspective", "publishedID"};
    bool python2 = c->publication->profile.python_major == 2;
    int e = 0;
    for (size_t i = 0; e == 0 && i < 3; i++) {
        const pb_value *v = pb_dict_get(c->object.base.holds, members[i]);
        e = v ? publication_put_text(out, v, python2) : PB_ERR_TYPE;
        e = e ? e : pb__buf_append(out, i < 2 ? "-" : ".pub", i < 2 ? 1 : 5);
    }
    return e;
}

/* Allows everything, as the files are the application's own. *new*; NULL for lack of
 * memory. */
static pb_taster *taster_new(void)
{
    pb_taster *t = pb_taster_new();
    if (t && pb_taster_allow_all(t) != 0) {
        pb_taster_unref(t);
        return NULL;
    }
    return t;
}

/* The saved members, *new*, if they have the same timestamp; else NULL. */
static pb_value *publication_load(const struct pb__copy *c, const char *name)
{
    const struct pb__publication *p = c->publication;
    pb_value *data = p->config.load ? p->config.load(name, p->config.user_data) : NULL;
    pb_span bytes;
    if (!data || pb_as_bytes(data, &bytes) != 0) {
        pb_value_unref(data);
        return NULL;
    }
    pb_jelly_config config = {.profile = p->profile, .taster = taster_new()};
    pb_value *saved = NULL;
    if (config.taster) {
        pb_unjelly_bytes(bytes, &config, PB_DIALECT_NONE, &saved, NULL);
    }
    pb_taster_unref(config.taster);
    pb_value_unref(data);
    pb_value *members = saved ? pb_value_ref(pb_instance_state(saved)) : NULL;
    pb_value_unref(saved);
    const pb_value *then = members ? pb_dict_get(members, "timestamp") : NULL;
    const pb_value *now = pb_dict_get(c->object.base.holds, "timestamp");
    if (!then || !now || !pb_value_equal(then, now)) {
        pb_value_unref(members);
        return NULL;
    }
    return members;
}

/* RemotePublished.__getstate__: everything except what belongs to this connection. */
static pb_value *state_to_save(const struct pb__copy *c)
{
    pb_value *state = pb_dict();
    int e = state ? 0 : PB_ERR_NOMEM;
    size_t at = 0;
    pb_value *key, *value;
    pb_span text;
    while (e == 0 && pb_dict_next(c->object.base.holds, &at, &key, &value)) {
        bool is_remote = pb_as_text(key, &text) == 0 && text.len == 6 &&
                         memcmp(text.data, "remote", 6) == 0;
        e = is_remote ? 0 : pb_dict_set_value_steal(state, pb__ref(key), pb__ref(value));
    }
    if (e) {
        pb_value_unref(state);
        return NULL;
    }
    return state;
}

static int publication_save(const struct pb__copy *c, pb_error *err)
{
    const struct pb__publication *p = c->publication;
    struct pb__buf name = {0};
    pb_jelly_config config = {.profile = p->profile, .taster = taster_new()};
    pb_value *v = pb_instance_steal(pb__class_name(c->object.cls), state_to_save(c));
    int e = config.taster && v ? file_name(c, &name) : PB_ERR_NOMEM;
    uint8_t *data = NULL;
    size_t len = 0;
    e = e ? e : pb_jelly_bytes(v, &config, PB_DIALECT_NONE, &data, &len, err);
    e = e ? e
          : p->config.save((const char *)name.data, (pb_span){data, len},
                           p->config.user_data);
    pb_free(data);
    pb__buf_fini(&name);
    pb_value_unref(v);
    pb_taster_unref(config.taster);
    return e;
}

static void save_or_log(struct pb__copy *c)
{
    pb_error err = {0};
    int e = c->publication->config.save ? publication_save(c, &err) : 0;
    if (e && c->session) {
        pb__log(c->session, PB_LOG_ERROR, "%s cannot be saved: %s",
                pb__class_name(c->object.cls), err.code ? err.text : pb_strerror(e));
    }
}

/* ---- Activation ---- */

/* Whether v refers to the object: an object that contains itself would never be freed.
 * PB_ERR_NOMEM. */
static int leads_to(pb_value *v, const pb_object *o)
{
    struct pb__map seen = {0};
    struct pb__buf todo = {0};
    int e = pb__buf_append(&todo, &v, sizeof v);
    bool found = false;
    while (e == 0 && !found && todo.len > 0) {
        todo.len -= sizeof v;
        memcpy(&v, todo.data + todo.len, sizeof v);
        found = v == (const pb_value *)o;
        if (pb__is_small(v) || !pb__is_node(v) || pb__map_get(&seen, (uintptr_t)v)) {
            continue;
        }
        struct pb__edges edges = pb__edges((struct pb__node *)v);
        e = pb__map_set(&seen, (uintptr_t)v, v);
        e = e ? e : pb__buf_append(&todo, edges.to, edges.len * sizeof v);
    }
    pb__map_fini(&seen);
    pb__buf_fini(&todo);
    return e ? e : found;
}

/* Adds the members to the state. */
static int publication_merge(struct pb__copy *c, pb_value *members, pb_error *err)
{
    size_t at = 0;
    pb_value *key, *value;
    int e = leads_to(members, &c->object);
    if (pb__kind(members) != PB_DICT || e > 0) {
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             e > 0 ? "the published object contains itself"
                                   : "the state of the published object is not a dict");
    }
    while (e == 0 && pb_dict_next(members, &at, &key, &value)) {
        e = pb_dict_set_value_steal(c->object.base.holds, pb__ref(key), pb__ref(value));
    }
    return e ? pb__error_nomem(err) : 0;
}

/* Mirrors RemotePublished._cbGotUpdate. */
static int publication_update(struct pb__copy *c, pb_value *members, pb_error *err)
{
    struct pb__publication *p = c->publication;
    int e = publication_merge(c, members, err);
    if (e) {
        return e;
    }
    p->activated = true;
    publication_tell(c);
    if (p->config.activated) {
        p->config.activated(&c->object, p->config.user_data);
    }
    save_or_log(c);
    return 0;
}

/* The value that was requested keeps the object alive until now. */
static void got_state(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_value *holder = user_data;
    struct pb__copy *c = (struct pb__copy *)pb_as_object(holder);
    pb_error err = {0};
    int e = result ? publication_update(c, result, &err) : 0;
    failure = e ? pb__failure_new(e, err.text) : pb_failure_ref(failure);
    if (failure) {
        c->publication->failure = pb_failure_ref(failure);
        publication_tell(c);
    }
    pb_failure_unref(failure);
    pb_value_unref(holder);
}

/* Requests the state from the peer. */
static int publication_fetch(struct pb__copy *c, pb_value *holder, pb_error *err)
{
    pb_remote *remote = pb_as_remote(pb_dict_get(c->object.base.holds, "remote"));
    if (!remote) {
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "the published object has no reference to the publisher");
    }
    pb_value_ref(holder);
    int e = pb_remote_call_values(remote, "getStateToPublish", NULL, NULL, NULL,
                                  got_state, holder, NULL, err);
    if (e) {
        pb_value_unref(holder);
    }
    return e;
}

int pb__publication_begin(struct pb__copy *c, pb_error *err)
{
    struct pb__buf name = {0};
    int e = pb__kind(c->object.base.holds) == PB_DICT ? file_name(c, &name) : PB_ERR_TYPE;
    pb_value *holder = c->receipt ? c->receipt : &c->object.base.foreign.node.head;
    pb_value *members = e ? NULL : publication_load(c, (const char *)name.data);
    pb__buf_fini(&name);
    if (e) {
        return e == PB_ERR_NOMEM
                   ? pb__error_nomem(err)
                   : pb__error_set(err, e, 0, "the published object has no name");
    }
    if (!members) {
        return publication_fetch(c, holder, err);
    }
    e = publication_update(c, members, err);
    pb_value_unref(members);
    return e;
}

/* ---- Waiting for it ---- */

static struct pb__copy *publication_of(const pb_object *o)
{
    struct pb__copy *c = (struct pb__copy *)(uintptr_t)o;
    bool is = o && o->base.foreign.ops == &pb__copy_ops && c->publication;
    return is ? c : NULL;
}

int pb_published_when_activated(pb_object *o, pb_published_cb cb, void *user_data)
{
    struct pb__copy *c = publication_of(o);
    if (!o || !cb) {
        return PB_ERR_ARG;
    }
    if (!c) {
        return PB_ERR_TYPE;
    }
    struct pb__publication *p = c->publication;
    if (p->activated || p->failure) {
        cb(o, p->failure, user_data);
        return 0;
    }
    struct waiter *w = pb__malloc(sizeof *w);
    if (!w) {
        return PB_ERR_NOMEM;
    }
    *w = (struct waiter){.cb = cb, .user_data = user_data};
    pb__list_push(&p->waiting, &w->link);
    return 0;
}

/* A call whose result is to be activated: its pb_call stays with its owner until then. */
struct ready {
    size_t refs; /* of pb_when_ready, and of the function that runs the callback */
    pb_answer_cb cb;
    void *user_data;
    pb_call *call;    /* NULL: the callback has run, or the call is a local one */
    pb_value *result; /* one count, while its activation is waited for */
    bool ended;
};

static void ready_unref(struct ready *r)
{
    if (--r->refs == 0) {
        pb__free(r);
    }
}

/* Runs the callback, unless the call was given up. */
static void ready_run(struct ready *r, pb_value *result, pb_failure *failure)
{
    if (!r->ended) {
        r->ended = true;
        r->call = NULL;
        if (r->cb) {
            r->cb(result, failure, r->user_data);
        }
    }
}

/* The end of the wait for the activation: the result is activated, the call was
 * cancelled, or the session has ended. The result may have been held by the call only. */
static void ready_waited(pb_value *result, pb_failure *failure, void *user_data)
{
    struct ready *r = user_data;
    pb_value *held = r->result;
    r->result = NULL;
    ready_run(r, result, failure);
    pb_value_unref(held);
}

static void ready_activated(pb_object *o, pb_failure *failure, void *user_data)
{
    struct ready *r = user_data;
    pb_value *result = failure ? NULL : r->result;
    (void)o;
    if (r->call) {
        pb__call_end(r->call, result, failure);
    } else {
        ready_waited(result, failure, r);
    }
    ready_unref(r);
}

static void ready_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct ready *r = user_data;
    struct pb__copy *c = failure ? NULL : publication_of(pb_as_object(result));
    int e = failure || c ? 0 : PB_ERR_TYPE;
    if (c && !c->publication->activated && !c->publication->failure) {
        r->result = pb__ref(result);
        e = pb_published_when_activated(&c->object, ready_activated, r);
        if (!e) {
            if (r->call) {
                pb__call_keep(r->call, ready_waited, r);
            }
            return;
        }
        pb_value_unref(r->result);
        r->result = NULL;
    }
    if (e) {
        pb_failure *own = pb__failure_new(
            e, e == PB_ERR_TYPE ? "the result is not a RemotePublished" : pb_strerror(e));
        ready_run(r, NULL, own);
        pb_failure_unref(own);
    } else {
        failure = c ? c->publication->failure : failure;
        ready_run(r, failure ? NULL : result, failure);
    }
    ready_unref(r);
}

int pb_when_ready(pb_remote *to, const char *method, pb_value *args, pb_value *kwargs,
                  const pb_call_options *options, pb_answer_cb cb, void *user_data,
                  pb_call **call, pb_error *err)
{
    struct ready *r = pb__calloc(1, sizeof *r);
    if (call) {
        *call = NULL;
    }
    if (!r) {
        return pb__error_nomem(err);
    }
    *r = (struct ready){.refs = 2, .cb = cb, .user_data = user_data};
    int e = pb_remote_call_values(to, method, args, kwargs, options, ready_answered, r,
                                  &r->call, err);
    if (e) {
        r->refs--;
    } else if (call) {
        *call = r->call;
    }
    ready_unref(r);
    return e;
}
