/* SPDX-License-Identifier: MIT
 *
 * Infers the configuration of a side, which a capture does not contain, from what the
 * side sent and accepted: the dialects in its first message, lengths beyond the
 * default limits, names that its security accepted, type tags that became copies,
 * tracebacks. */
#include <string.h>

#include "libpb/banana/type_bytes.h"
#include "libpb/base/error.h"
#include "tools/common/traversal.h"
#include "tools/replay/engine/player.h"

bool was_accepted(const struct player *p, const struct scenario_message *m)
{
    if (m->ended || !scenario_is_call(m)) {
        return !m->ended;
    }
    const struct scenario_message *reply = scenario_reply_to(p->s, m);
    const char *insecure = "twisted.spread.jelly.InsecureJelly";
    return m->served || (reply && strcmp(failure_type(reply), insecure) != 0);
}

/* Adds the class of each {"instance": class} in j to names. */
static int instance_classes_collect(json_t *j, json_t *names)
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

bool is_instance_class(const struct player *p, const char *class_name)
{
    return json_object_get(p->instances, class_name) != NULL;
}

/* ---- Security ---- */

struct allowed_names {
    struct player *p;
    pb_session_config *c;
    bool received; /* the values were sent by the peer */
};

/* Allows the module of a dotted name: the part before the last dot. */
static int allow_module_of_name(pb_taster *t, const char *name)
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

static int allow_copy_class(struct allowed_names *n, pb_span tag, bool cache)
{
    struct player_object *t = received_class(n->p, tag, cache);
    int e = t ? pb_taster_allow_type(n->c->jelly.taster, t->name) : PB_ERR_NOMEM;
    return e ? e : pb_registry_set_class(n->c->registry, t->name, &t->cls);
}

static int allow_instance_class(struct allowed_names *n, pb_value *v)
{
    const char *name = pb_name_of(v);
    if (is_instance_class(n->p, name)) {
        return pb_taster_allow_instances_of(n->c->jelly.taster, name);
    }
    bool copy = n->received && strcmp(name, COPYABLE_FAILURE) != 0;
    return copy ? allow_copy_class(n, (pb_span){(const uint8_t *)name, strlen(name)},
                                   false)
                : 0;
}

static int allow_expression(struct allowed_names *n, const struct pb__form *form)
{
    if (!form || !form->state) {
        return 0;
    }
    char name[256] = "";
    if (form->head.len < sizeof name) {
        memcpy(name, form->head.data, form->head.len);
    }
    if (is_instance_class(n->p, name)) {
        return pb_taster_allow_instances_of(n->c->jelly.taster, name);
    }
    return n->received ? allow_copy_class(n, form->head, form->id != NULL) : 0;
}

static int allow_named_value(struct allowed_names *n, pb_value *v)
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
        return e ? e : allow_module_of_name(t, pb_name_of(v));
    default:
        return pb_taster_allow_type(t, "method");
    }
}

/* traverse_value's visit: allows what a value names. In values that this side sends,
 * security checks only instances. */
static int allow_value(pb_value *v, void *ctx)
{
    struct allowed_names *n = ctx;
    switch (pb_value_kind(v)) {
    case PB_INSTANCE:
        return allow_instance_class(n, v);
    case PB_OBJECT:
        return allow_expression(n, broker_expression_of(v));
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
    case PB_METHOD:
        return n->received ? allow_named_value(n, v) : 0;
    default:
        return 0;
    }
}

/* A version of Twisted that cannot read a class reports that after its security has
 * accepted it. */
static int allow_unreadable_class(struct player *p, const struct scenario_message *m,
                                  pb_taster *t)
{
    static const char before[] = "class '", after[] = "' unjellied to something";
    const char *text = failure_text(failure_state(m), "value");
    const char *end = strstr(text, after);
    char name[256];
    if (m->from != p->side || strncmp(text, before, sizeof before - 1) != 0 || !end ||
        (size_t)(end - text) >= sizeof name) {
        return 0;
    }
    text += sizeof before - 1;
    memcpy(name, text, (size_t)(end - text));
    name[end - text] = '\0';
    return pb_taster_allow_instances_of(t, name);
}

/* Gives the class of a received exception, if that came as a copy, the name that the
 * expectations have for the failure. */
static void name_exception_class(struct player *p, const struct scenario_message *m)
{
    pb_span tag;
    const pb_value *v =
        m && scenario_is(m, "error") ? scenario_member(m, ANSWER_VALUE) : NULL;
    if (!v || !broker_expression_state(v, &tag) || failure_state(m)) {
        return;
    }
    for (size_t i = 0; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *call = scenario_message_at(p->s, i);
        if (call->from == p->side && scenario_is_call(call) &&
            scenario_reply_to(p->s, call) == m) {
            const json_t *failure =
                json_object_get(expected_call_of(p->s, call), "failure");
            const char *type = json_string_value(json_object_get(failure, "type"));
            struct player_object *t = received_class(p, tag, false);
            if (t && type) {
                t->cls.name = type;
            }
        }
    }
}

static int infer_security(struct player *p, pb_session_config *c)
{
    int e = pb_taster_allow_basic_types(c->jelly.taster);
    for (size_t i = 0; e == 0 && i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        struct allowed_names n = {p, c, m->from != p->side};
        if (!n.received || was_accepted(p, m)) {
            e = traverse_value(m->value, allow_value, &n);
            name_exception_class(p, n.received ? m : NULL);
        }
        e = e ? e : allow_unreadable_class(p, m, c->jelly.taster);
    }
    return e;
}

/* ---- Limits ---- */

static void limit_raise(size_t *limit, size_t seen)
{
    *limit = *limit > seen ? *limit : seen;
}

/* Raises the limits to the longest prefix, list and string in banana that has been
 * decoded before. */
static void limits_measure(pb_span in, pb_limits *l)
{
    size_t digits = 0, n = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t b = in.data[i];
        if (b < 0x80) {
            n |= digits < 8 ? (size_t)b << (7 * digits) : 0;
            digits++;
            continue;
        }
        limit_raise(&l->prefix, digits);
        if (b == PB__TYPE_LIST) {
            limit_raise(&l->list, n);
        } else if (b == PB__TYPE_STRING) {
            limit_raise(&l->bytes, n);
            i += n;
        } else if (b == PB__TYPE_FLOAT) {
            i += sizeof(double);
        }
        digits = n = 0;
    }
}

/* The limits are Twisted's defaults, raised to what the side sent or accepted. */
static void infer_limits(struct player *p, pb_session_config *c)
{
    c->jelly.limits = (pb_limits){0};
    pb_limits_default(&c->jelly.limits);
    for (size_t i = 0; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        if (m->from == p->side || was_accepted(p, m)) {
            limits_measure(scenario_message_bytes(p->s, m), &c->jelly.limits);
        }
    }
}

/* ---- Dialects and tracebacks ---- */

static const struct scenario_message *first_message_of(const struct scenario *s, int side)
{
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        if (scenario_message_at(s, i)->from == side) {
            return scenario_message_at(s, i);
        }
    }
    return NULL;
}

/* A server knows the dialects that it offers. A client that did not choose the first one
 * knows only the one that it chose. */
static void infer_dialects(struct player *p, pb_session_config *c)
{
    const struct scenario_message *offer = first_message_of(p->s, SIDE_SERVER),
                                  *own = first_message_of(p->s, p->side);
    size_t n = 0;
    pb_value *name;
    for (size_t i = 0; offer && n < 2 && (name = scenario_member(offer, i)); i++) {
        c->dialects[n] = dialect_by_name(name);
        n += c->dialects[n] != PB_DIALECT_UNKNOWN;
    }
    pb_dialect took =
        p->side == SIDE_CLIENT && own ? dialect_by_name(own->value) : PB_DIALECT_UNKNOWN;
    if (p->side == SIDE_CLIENT && took != c->dialects[0]) {
        c->dialects[0] = took;
        c->dialects[1] = PB_DIALECT_UNKNOWN;
    } else if (p->side == SIDE_CLIENT) {
        c->dialects[0] = c->dialects[1] = PB_DIALECT_UNKNOWN; /* the default */
    }
}

static bool infer_tracebacks(const struct player *p)
{
    for (size_t i = 0; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        pb_value *state = m->from == p->side ? failure_state(m) : NULL;
        const pb_value *unsafe = state ? pb_dict_get(state, "unsafeTracebacks") : NULL;
        bool is = false;
        if (unsafe && pb_as_bool(unsafe, &is) == 0 && is) {
            return true;
        }
    }
    return false;
}

int inferred_config(struct player *p, pb_session_config *c, pb_error *err)
{
    c->jelly.profile = p->check->profile;
    c->jelly.taster = pb_taster_new();
    c->registry = pb_registry_new();
    p->instances = json_object();
    c->unsafe_tracebacks = infer_tracebacks(p);
    c->negotiation_timeout = -1;
    infer_limits(p, c);
    p->limits = c->jelly.limits;
    infer_dialects(p, c);
    bool made = c->jelly.taster && c->registry && p->instances &&
                instance_classes_collect((json_t *)p->s->expect, p->instances) == 0 &&
                infer_security(p, c) == 0;
    return made ? 0 : pb__error_nomem(err);
}
