/* SPDX-License-Identifier: MIT
 *
 * How expressions end: builds a value from the complete members. Mirrors the _unjelly_
 * methods of _Unjellier, except that names are not resolved. */
#include <string.h>

#include "compat/profile.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/read.h"

#define SHOWN 80 /* bytes of a name that an error shows */

/* Pops the top frame, which holds nothing any more, and passes v to the next frame. v is
 * NULL if memory is exhausted. */
static int list_finish(struct pb__reader *r, pb_value *v)
{
    if (!v) {
        return pb__read_refuse_nomem(r, -1);
    }
    r->top--;
    return pb__read_give_steal(r, v);
}

static pb_value *place_take(pb_value **place)
{
    pb_value *v = *place;
    *place = NULL;
    return v;
}

static int list_refuse(struct pb__reader *r, const char *why)
{
    return pb__read_refuse(r, -1, PB_ERR_SYNTAX, "%s", why);
}

int pb__read_end_seq(struct pb__reader *r)
{
    struct pb__frame *f = r->top;
    struct pb__seq *s = f->seq;
    pb_value *v = &s->node.head;
    if (f->head == PB__HEAD_TUPLE && !f->seen) {
        if (s->len == 0) {
            pb__unref(v);
            v = &pb__empty_tuple.node.head;
        }
        r->top--;
        return pb__read_give_steal(r, v);
    }
    f->shape = PB__SHAPE_SKIP; /* the frame holds nothing any more */
    f->n = 0;
    enum pb__head head = (enum pb__head)f->head;
    int e = f->seen ? pb__crefs_container_steal(r, head, s, &v)
                    : pb__crefs_set_steal(r, head, s, &v);
    return e ? pb__read_refuse_cref(r, -1, e) : list_finish(r, v);
}

static bool is_bytes(const pb_value *v)
{
    return v && pb__kind(v) == PB_BYTES;
}

static pb_span span_of(const pb_value *bytes)
{
    const struct pb__text *t = (const struct pb__text *)bytes;
    return (pb_span){t->data, t->len};
}

/* Charges a value that was not made in the pool to the budget. */
static bool charge_alone(struct pb__reader *r, const pb_value *v)
{
    size_t cost = 64;
    if (pb__is_small(v) || v->flags & (PB__IN_SLAB | PB__IN_BLOCK)) {
        return true;
    }
    if (v->kind == PB_UNPERSISTABLE) {
        cost += ((const struct pb__text *)v)->len;
    } else if (v->kind == PB_OBJECT || v->kind == PB_REMOTE) {
        cost = 160; /* a reference, a copy or a cache */
    }
    return pb__budget_charge(r->pool, cost);
}

/* Ends an expression whose value was parsed: v, or else the reason in err. */
static int finish_parsed(struct pb__reader *r, pb_value *v, const pb_error *err)
{
    struct pb__frame *f = r->top;
    if (!v) {
        return err->code == PB_ERR_NOMEM
                   ? pb__read_refuse_nomem(r, -1)
                   : pb__read_refuse(r, -1, err->code, "%s", err->text);
    }
    if (!charge_alone(r, v)) {
        pb__unref(v);
        return pb__read_refuse_nomem(r, -1);
    }
    for (int i = 0; i < 3; i++) {
        pb_value_unref(place_take(&f->v[i]));
    }
    return list_finish(r, v);
}

static int end_datetime(struct pb__reader *r, struct pb__frame *f)
{
    pb_error err = {0};
    if (!is_bytes(f->v[0])) {
        return list_refuse(r, "the numbers of a date or time are not a byte string");
    }
    pb_value *v =
        pb__read_datetime((enum pb__head)f->head, span_of(f->v[0]), r->python2, &err);
    return finish_parsed(r, v, &err);
}

static int end_decimal(struct pb__reader *r, struct pb__frame *f)
{
    pb_error err = {0};
    pb_value *v = pb__read_decimal(f->v[0], f->v[1], r->python2, &err);
    return finish_parsed(r, v, &err);
}

static int end_unpersistable(struct pb__reader *r, struct pb__frame *f)
{
    pb_error err = {0};
    pb_value *v = pb__read_formatted(PB_UNPERSISTABLE, "Unpersistable data: ", f->v[0],
                                     r->python2, &err);
    return finish_parsed(r, v, &err);
}

/* Python 2 converts any member to text. */
static int end_unicode(struct pb__reader *r, struct pb__frame *f)
{
    pb_error err = {0};
    pb_value *v = pb__read_formatted(PB_STR, "", f->v[0], true, &err);
    return finish_parsed(r, v, &err);
}

/* The id must not be a list. This is checked last, because errors inside the object come
 * first. */
static int end_reference(struct pb__reader *r, struct pb__frame *f)
{
    if (!f->v[0]) {
        return list_refuse(r, "the id of a reference is a list");
    }
    int e = pb__crefs_reference(r, f->v[0], f->v[1]);
    if (e) {
        return pb__read_refuse_cref(r, -1, e);
    }
    pb__unref(place_take(&f->v[0]));
    return list_finish(r, place_take(&f->v[1]));
}

static int end_dereference(struct pb__reader *r, struct pb__frame *f)
{
    if (!f->v[0]) {
        return list_refuse(r, "the id of a dereference is a list");
    }
    pb_value *v;
    int e = pb__crefs_dereference(r, f->v[0], &v);
    if (e) {
        return pb__read_refuse_cref(r, -1, e);
    }
    pb__unref(place_take(&f->v[0]));
    return list_finish(r, v);
}

/* A dotted name and its module, with the number of characters of each that an error
 * shows. */
struct name {
    pb_span whole, module;
    int shown, module_shown;
};

static bool read_name(const pb_value *v, struct name *out)
{
    if (!is_bytes(v)) {
        return false;
    }
    pb_span s = span_of(v);
    uint8_t all = 0;
    size_t dot = 0;
    for (size_t i = 0; i < s.len; i++) {
        all |= s.data[i];
        dot = s.data[i] == '.' ? i : dot;
    }
    *out = (struct name){.whole = s,
                         .module = {s.data, dot},
                         .shown = s.len < SHOWN ? (int)s.len : SHOWN,
                         .module_shown = dot < SHOWN ? (int)dot : SHOWN};
    return s.len > 0 && all < 0x80;
}

/* Some versions of Twisted cannot read new-style classes. For those, every class counts
 * as one, except where its use shows that it is not. */
static bool is_unreadable_class(struct pb__reader *r, const struct pb__frame *f)
{
    bool used = f[-1].shape == PB__SHAPE_MEMBERS &&
                (f[-1].head == PB__HEAD_METHOD || f[-1].head == PB__HEAD_INSTANCE);
    return !used &&
           !pb__profile_has(r->config.jelly->profile, PB__PROFILE_READS_NEW_CLASS);
}

static int refuse_class(struct pb__reader *r, struct pb__frame *f, const struct name *n)
{
    const pb_taster *taster = r->config.jelly->taster;
    const char *text = (const char *)n->whole.data;
    if (!pb_taster_module_allowed(taster, n->module)) {
        return pb__read_refuse(r, -1, PB_ERR_INSECURE, "module %.*s not allowed",
                               n->module_shown, text);
    }
    if (n->module.len == 0) {
        return pb__read_refuse(r, -1, PB_ERR_SYNTAX, "'%.*s' is not the name of a class",
                               n->shown, text);
    }
    if (is_unreadable_class(r, f)) {
        return pb__read_refuse(r, -1, PB_ERR_INSECURE,
                               "class '%.*s' unjellied to something that isn't a class: "
                               "<class '%.*s'>",
                               n->shown, text, n->shown, text);
    }
    return pb__read_refuse(r, -1, PB_ERR_INSECURE, "class not allowed: %.*s", n->shown,
                           text);
}

/* Returns whether the taster allows the name; otherwise *result is the result of the
 * sink. */
static bool taste_name(struct pb__reader *r, struct pb__frame *f, const struct name *n,
                       int *result)
{
    const pb_taster *taster = r->config.jelly->taster;
    const char *text = (const char *)n->whole.data;
    bool allowed;
    switch (f->head) {
    case PB__HEAD_MODULE:
        allowed = pb_taster_module_allowed(taster, n->whole);
        if (!allowed) {
            *result = pb__read_refuse(r, -1, PB_ERR_INSECURE,
                                      "Attempted to unjelly module named '%.*s'",
                                      n->shown, text);
        }
        return allowed;
    case PB__HEAD_FUNCTION:
        allowed = pb_taster_module_allowed(taster, n->module);
        if (!allowed) {
            *result = pb__read_refuse(r, -1, PB_ERR_INSECURE, "Module not allowed: %.*s",
                                      n->module_shown, text);
        }
        return allowed;
    default:
        allowed = pb_taster_module_allowed(taster, n->module) && n->module.len > 0 &&
                  pb_taster_class_allowed(taster, n->whole) && !is_unreadable_class(r, f);
        if (!allowed) {
            *result = refuse_class(r, f, n);
        }
        return allowed;
    }
}

static int end_name(struct pb__reader *r, struct pb__frame *f)
{
    static const pb_error nomem = {.code = PB_ERR_NOMEM};
    struct name n;
    int result = 0;
    if (!read_name(f->v[0], &n)) {
        return list_refuse(
            r, "the name of a class, module or function is not an ASCII string");
    }
    if (!taste_name(r, f, &n, &result)) {
        return result;
    }
    pb_kind kind = f->head == PB__HEAD_CLASS    ? PB_CLASS
                   : f->head == PB__HEAD_MODULE ? PB_MODULE
                                                : PB_FUNCTION;
    pb_value *v = (pb_value *)pb__text_new(r->pool, kind, n.whole.data, n.whole.len);
    return finish_parsed(r, v, &nomem);
}

static int end_method(struct pb__reader *r, struct pb__frame *f)
{
    if (pb__kind(f->v[2]) != PB_CLASS) {
        return pb__read_refuse(r, -1, PB_ERR_INSECURE,
                               "Method found with non-class class.");
    }
    size_t bad;
    if (!is_bytes(f->v[0]) ||
        !pb__utf8_check(span_of(f->v[0]).data, span_of(f->v[0]).len, &bad) ||
        !pb__profile_has(r->config.jelly->profile, PB__PROFILE_READS_METHODS)) {
        return pb__read_refuse(r, -1, PB_ERR_TYPE, "instance method changed");
    }
    pb_span s = span_of(f->v[0]);
    pb_value *name = (pb_value *)pb__text_new(r->pool, PB_STR, s.data, s.len);
    pb_value *v = NULL;
    if (!name) {
        return pb__read_refuse_nomem(r, -1);
    }
    pb__unref(place_take(&f->v[0]));
    bool late = pb__cref_of(f->v[1]) != NULL;
    int e = (late ? pb__crefs_method_steal : pb__read_method_steal)(
        r, name, place_take(&f->v[1]), place_take(&f->v[2]), &v);
    return e ? pb__read_refuse_cref(r, -1, e) : list_finish(r, v);
}

int pb__read_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                          pb_value *cls, pb_value **out)
{
    struct pb__method *m = pb__value_new(r->pool, sizeof *m, PB_METHOD);
    if (!m) {
        pb__unref(name);
        pb__unref(self);
        pb__unref(cls);
        return PB_ERR_NOMEM;
    }
    m->node.island = NULL;
    m->name = name;
    m->self = self;
    m->cls = cls;
    *out = &m->node.head;
    return 0;
}

/* Twisted up to 13.2 gives an instance a copy of its state. References that are resolved
 * later are stored in the original, which is lost. */
static pb_value *copy_state_steal(struct pb__reader *r, pb_value *state)
{
    struct pb__table *from = (struct pb__table *)state;
    struct pb__table *t = pb__table_new(r->pool, PB_DICT, from->len);
    int e = t ? 0 : PB_ERR_NOMEM;
    for (uint32_t i = 0; e == 0 && i < from->len; i++) {
        e = pb__table_put_steal(t, pb__ref(from->slots[2 * i]),
                                pb__ref(from->slots[2 * i + 1]));
    }
    pb__unref(state);
    if (e) {
        pb_value_unref((pb_value *)t);
        return NULL;
    }
    return &t->node.head;
}

/* v[0] is the state, v[1] the name of the class. v[2] is the state of a Cacheable, whose
 * number is in v[0]. */
static int end_instance(struct pb__reader *r, struct pb__frame *f)
{
    pb_profile profile = r->config.jelly->profile;
    bool cacheable = f->head == PB__HEAD_NAMED && f->v[2];
    pb_value *state = place_take(&f->v[cacheable ? 2 : 0]);
    if (cacheable) {
        pb_value_unref(place_take(&f->v[0]));
    }
    if (pb__kind(state) == PB_NONE) {
        if (!pb__profile_has(profile, PB__PROFILE_READS_EMPTY_STATE)) {
            return pb__read_refuse(r, -1, PB_ERR_TYPE,
                                   "__dict__ must be set to a dictionary, not a "
                                   "'NoneType'");
        }
        state = (pb_value *)pb__table_new(r->pool, PB_DICT, 0);
    } else if (pb__kind(state) == PB_DICT && pb__crefs_used(r) &&
               !pb__profile_has(profile, PB__PROFILE_FILLS_OWN_INSTANCE)) {
        state = copy_state_steal(r, state);
    }
    return list_finish(r, pb__instance_new_steal(r->pool, place_take(&f->v[1]), state));
}

/* ["instance", class, state]: the old form of instances, before class names were
 * heads. */
static int end_old_instance(struct pb__reader *r, struct pb__frame *f)
{
    pb_value *cls = f->v[0];
    if (pb__kind(cls) != PB_CLASS) {
        return pb__read_refuse(r, -1, PB_ERR_INSECURE,
                               "Instance found with non-class class.");
    }
    pb_span s = span_of(cls);
    pb_value *name = (pb_value *)pb__text_new(r->pool, PB_STR, s.data, s.len);
    if (!name) {
        return pb__read_refuse_nomem(r, -1);
    }
    pb__unref(cls);
    f->v[0] = f->v[1];
    f->v[1] = name;
    return end_instance(r, f);
}

/* Ends an expression whose value a callback has made: e is 0 and v the value, or err may
 * say why it failed. */
static int finish_called(struct pb__reader *r, int e, pb_value *v, pb_error *err)
{
    if (pb__read_ended(r)) {
        pb_value_unref(e ? NULL : v);
        return PB_ERR_DEAD;
    }
    if (e || !v) {
        e = e ? e : PB_ERR_NOMEM;
        pb__error_set(err, e, 0, "%s", pb_strerror(e));
        return pb__read_refuse(r, -1, e, "%s", err->text);
    }
    return finish_parsed(r, v, err);
}

static int end_persistent(struct pb__reader *r, struct pb__frame *f)
{
    const pb_jelly_config *c = r->config.jelly;
    if (!c->persistent_load) {
        static const char why[] = "Persistent callback not found";
        return list_finish(r, (pb_value *)pb__text_new(r->pool, PB_UNPERSISTABLE,
                                                       (const uint8_t *)why,
                                                       sizeof why - 1));
    }
    if (!f->v[0]) {
        return list_refuse(r, "'persistent' has no member");
    }
    pb_value *v = NULL;
    pb_error why = {0}, err = {0};
    int e = c->persistent_load(f->v[0], &v, &why, c->user_data);
    if (e || !v) {
        e = pb__error_of_callback(&err, "persistent_load", e, &why);
    }
    return finish_called(r, e, v, &err);
}

static int end_broker(struct pb__reader *r, struct pb__frame *f)
{
    const struct pb__invoker *invoker = r->config.invoker;
    struct pb__form form = {.head = span_of(f->v[2]),
                            .id = f->v[0],
                            .state = f->v[1],
                            .flat = f->head == PB__HEAD_BROKER_ALL};
    pb_value *v = NULL;
    pb_error err = {0};
    int e = invoker->unjelly(&form, &v, &err, invoker->ctx);
    return finish_called(r, e, v, &err);
}

int pb__read_end_members(struct pb__reader *r)
{
    static int (*const ends[PB__HEADS])(struct pb__reader *, struct pb__frame *) = {
#define HEAD_END(name, text, shape, members, least, word, end) [PB__HEAD_##name] = end,
        PB__HEAD_MAP(HEAD_END)
#undef HEAD_END
            [PB__HEAD_NAMED] = end_instance,
        [PB__HEAD_BROKER] = end_broker,
        [PB__HEAD_BROKER_ALL] = end_broker,
    };
    struct pb__frame *f = r->top;
    if (f->seen < pb__head_rows[f->head].least) {
        const char *name = f->head == PB__HEAD_NAMED ? (const char *)span_of(f->v[1]).data
                                                     : pb__head_rows[f->head].text;
        return pb__read_refuse(r, -1, PB_ERR_SYNTAX, "'%.*s' has too few members", SHOWN,
                               name);
    }
    return ends[f->head](r, f);
}
