/* SPDX-License-Identifier: MIT
 *
 * How a side was set up. A capture doesn't say, but what this side wrote, and what it
 * accepted, shows it: the dialects in its first message, limits that were passed, names
 * that its security let through, tags that became copies, tracebacks that were sent. */
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"
#include "tools/common/traversal.h"

#define COPYABLE_FAILURE "twisted.spread.pb.CopyableFailure"

pb_value *facts_failure(const struct spoken *m)
{
    pb_value *v = spoken_is(m, "error") ? spoken_member(m, 2) : NULL;
    bool is = v && pb_value_kind(v) == PB_INSTANCE &&
              strcmp(pb_name_of(v), COPYABLE_FAILURE) == 0;
    return is ? pb_instance_state(v) : NULL;
}

const char *facts_text(const pb_value *state, const char *member)
{
    pb_span text;
    const pb_value *v = state ? pb_dict_get(state, member) : NULL;
    return v && pb_as_text(v, &text) == 0 ? (const char *)text.data : "";
}

const char *facts_failure_type(const struct spoken *m)
{
    return facts_text(facts_failure(m), "type");
}

bool facts_is_builtin(const char *type)
{
    static const char *const modules[] = {"builtins.", "exceptions.", "__builtin__."};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        if (strncmp(type, modules[i], strlen(modules[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool facts_accepted(const struct play *p, const struct spoken *m)
{
    if (m->ended || !spoken_is_call(m)) {
        return !m->ended;
    }
    const struct spoken *reply = reply_to(p->s, m);
    const char *insecure = "twisted.spread.jelly.InsecureJelly";
    return m->served || (reply && strcmp(facts_failure_type(reply), insecure) != 0);
}

/* Puts into names the classes of all that is {"instance": name} in j. */
static int find_instances(json_t *j, json_t *names)
{
    struct pb__buf todo = {0}; /* json_t *: a stack */
    int e = pb__buf_append(&todo, &j, sizeof j);
    while (e == 0 && todo.len) {
        const char *key;
        json_t *value;
        size_t i;
        todo.len -= sizeof j;
        memcpy(&j, todo.data + todo.len, sizeof j);
        const char *name = json_string_value(json_object_get(j, "instance"));
        if (name && json_object_set_new(names, name, json_true()) != 0) {
            e = PB_ERR_NOMEM;
        }
        json_object_foreach(j, key, value)
        {
            e = e ? e : pb__buf_append(&todo, &value, sizeof value);
        }
        json_array_foreach(j, i, value)
        {
            e = e ? e : pb__buf_append(&todo, &value, sizeof value);
        }
    }
    pb__buf_fini(&todo);
    return e;
}

bool facts_is_instance(const struct play *p, const char *class_name)
{
    return json_object_get(p->instances, class_name) != NULL;
}

/* ---- Security ---- */

struct naming {
    struct play *p;
    pb_session_config *c;
    bool came;
};

/* Everything of its dotted name before the last dot. */
static int allow_module_of(pb_taster *t, const char *name)
{
    char module[256];
    const char *dot = strrchr(name, '.');
    size_t len = dot ? (size_t)(dot - name) : 0;
    if (len >= sizeof module) {
        return PB_ERR_LIMIT;
    }
    memcpy(module, name, len);
    module[len] = '\0';
    return pb_taster_allow_module(t, module);
}

static int allow_copy(struct naming *n, pb_span tag, bool cache)
{
    struct thing *t = things_class(n->p, tag, cache);
    int e = t ? pb_taster_allow_type(n->c->jelly.taster, t->name) : PB_ERR_NOMEM;
    return e ? e : pb_registry_set_class(n->c->registry, t->name, &t->cls);
}

static int allow_instance(struct naming *n, pb_value *v)
{
    const char *name = pb_name_of(v);
    if (facts_is_instance(n->p, name)) {
        return pb_taster_allow_instances_of(n->c->jelly.taster, name);
    }
    bool copy = n->came && strcmp(name, COPYABLE_FAILURE) != 0;
    return copy ? allow_copy(n, (pb_span){(const uint8_t *)name, strlen(name)}, false)
                : 0;
}

static int allow_form(struct naming *n, const struct pb__form *form)
{
    if (!form || !form->state) {
        return 0;
    }
    char name[256] = "";
    if (form->head.len < sizeof name) {
        memcpy(name, form->head.data, form->head.len);
    }
    if (facts_is_instance(n->p, name)) {
        return pb_taster_allow_instances_of(n->c->jelly.taster, name);
    }
    return n->came ? allow_copy(n, form->head, form->id != NULL) : 0;
}

static int allow_name(struct naming *n, pb_value *v)
{
    pb_taster *t = n->c->jelly.taster;
    int e;
    switch (pb_value_kind(v)) {
    case PB_CLASS:
        return pb_taster_allow_instances_of(t, pb_name_of(v));
    case PB_MODULE:
        e = pb_taster_allow_type(t, "module");
        return e ? e : pb_taster_allow_module(t, pb_name_of(v));
    case PB_FUNCTION:
        e = pb_taster_allow_type(t, "function");
        return e ? e : allow_module_of(t, pb_name_of(v));
    default:
        return pb_taster_allow_type(t, "method");
    }
}

/* What is named in a value was allowed; of what this side sends, only instances are
 * judged by its security. */
static int allow(pb_value *v, void *ctx)
{
    struct naming *n = ctx;
    switch (pb_value_kind(v)) {
    case PB_INSTANCE:
        return allow_instance(n, v);
    case PB_OBJECT:
        return allow_form(n, form_of(v));
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
    case PB_METHOD:
        return n->came ? allow_name(n, v) : 0;
    default:
        return 0;
    }
}

/* A Twisted that cannot read classes says so only after its security let one through. */
static int allow_unreadable(struct play *p, const struct spoken *m, pb_taster *t)
{
    static const char before[] = "class '", after[] = "' unjellied to something";
    const char *text = facts_text(facts_failure(m), "value");
    const char *end = strstr(text, after);
    char name[256];
    if (m->from != p->who || strncmp(text, before, sizeof before - 1) != 0 || !end ||
        (size_t)(end - text) >= sizeof name) {
        return 0;
    }
    text += sizeof before - 1;
    memcpy(name, text, (size_t)(end - text));
    name[end - text] = '\0';
    return pb_taster_allow_instances_of(t, name);
}

/* An exception that came as a copy is known by its class here, as its failure tells. */
static void name_exception(struct play *p, const struct spoken *m)
{
    pb_span tag;
    const pb_value *v = m && spoken_is(m, "error") ? spoken_member(m, 2) : NULL;
    if (!v || !form_copy(v, &tag) || facts_failure(m)) {
        return;
    }
    for (size_t i = 0; i < spoken_count(p->s); i++) {
        const struct spoken *call = spoken_at(p->s, i);
        if (call->from == p->who && spoken_is_call(call) && reply_to(p->s, call) == m) {
            const json_t *failure = json_object_get(call_of(p->s, call), "failure");
            const char *type = json_string_value(json_object_get(failure, "type"));
            struct thing *t = things_class(p, tag, false);
            if (t && type) {
                t->cls.name = type;
            }
        }
    }
}

static int allow_all(struct play *p, pb_session_config *c)
{
    int e = pb_taster_allow_basic_types(c->jelly.taster);
    for (size_t i = 0; e == 0 && i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        struct naming n = {p, c, m->from != p->who};
        if (!n.came || facts_accepted(p, m)) {
            e = walk_value(m->value, allow, &n);
            name_exception(p, n.came ? m : NULL);
        }
        e = e ? e : allow_unreadable(p, m, c->jelly.taster);
    }
    return e;
}

/* ---- Limits ---- */

static void raise_to(size_t *limit, size_t seen)
{
    *limit = *limit > seen ? *limit : seen;
}

/* The longest of everything in tokens that were read before. */
static void measure(pb_span in, pb_limits *l)
{
    size_t digits = 0, n = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t b = in.data[i];
        if (b < 0x80) {
            n |= digits < 8 ? (size_t)b << (7 * digits) : 0;
            digits++;
            continue;
        }
        raise_to(&l->prefix, digits);
        if (b == 0x80) {
            raise_to(&l->list, n);
        } else if (b == 0x82) {
            raise_to(&l->bytes, n);
            i += n;
        } else if (b == 0x84) {
            i += 8;
        }
        digits = n = 0;
    }
}

/* What a side wrote, or took, is within its limits, which are Twisted's own but for
 * that. */
static void find_limits(struct play *p, pb_session_config *c)
{
    c->jelly.limits = (pb_limits){0};
    pb_limits_default(&c->jelly.limits);
    for (size_t i = 0; i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        if (m->from == p->who || facts_accepted(p, m)) {
            measure(spoken_bytes(p->s, m), &c->jelly.limits);
        }
    }
}

/* ---- The rest ---- */

static const struct spoken *first_of(const struct scenario *s, int who)
{
    for (size_t i = 0; i < spoken_count(s); i++) {
        if (spoken_at(s, i)->from == who) {
            return spoken_at(s, i);
        }
    }
    return NULL;
}

static pb_dialect dialect_named(const pb_value *v)
{
    pb_span name;
    return v && pb_as_bytes(v, &name) == 0 ? pb__dialect_find(name) : PB_DIALECT_UNKNOWN;
}

/* A server knows what it offers. A client that took another than the first knows that one
 * only. */
static void find_dialects(struct play *p, pb_session_config *c)
{
    const struct spoken *offer = first_of(p->s, SERVER), *own = first_of(p->s, p->who);
    size_t n = 0;
    pb_value *name;
    for (size_t i = 0; offer && n < 2 && (name = spoken_member(offer, i)); i++) {
        c->dialects[n] = dialect_named(name);
        n += c->dialects[n] != PB_DIALECT_UNKNOWN;
    }
    pb_dialect took = p->who == CLIENT && own ? dialect_named(own->value) : 0;
    if (p->who == CLIENT && took != c->dialects[0]) {
        c->dialects[0] = took;
        c->dialects[1] = PB_DIALECT_UNKNOWN;
    } else if (p->who == CLIENT) {
        c->dialects[0] = c->dialects[1] = PB_DIALECT_UNKNOWN; /* the default */
    }
}

static bool sends_tracebacks(const struct play *p)
{
    for (size_t i = 0; i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        pb_value *state = m->from == p->who ? facts_failure(m) : NULL;
        const pb_value *unsafe = state ? pb_dict_get(state, "unsafeTracebacks") : NULL;
        bool is = false;
        if (unsafe && pb_as_bool(unsafe, &is) == 0 && is) {
            return true;
        }
    }
    return false;
}

int facts_config(struct play *p, pb_session_config *c, pb_error *err)
{
    c->jelly.profile = p->r->profile;
    c->jelly.taster = pb_taster_new();
    c->registry = pb_registry_new();
    p->instances = json_object();
    c->unsafe_tracebacks = sends_tracebacks(p);
    c->negotiation_timeout = -1;
    find_limits(p, c);
    p->limits = c->jelly.limits;
    find_dialects(p, c);
    bool made = c->jelly.taster && c->registry && p->instances &&
                find_instances((json_t *)p->s->expect, p->instances) == 0 &&
                allow_all(p, c) == 0;
    return made ? 0 : pb__error_nomem(err);
}
