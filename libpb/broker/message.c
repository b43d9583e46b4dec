/* SPDX-License-Identifier: MIT
 *
 * message, both ways: a call that goes out, and one that comes in and is given to its
 * object's method. */
#include <string.h>

#include "libpb/broker/session.h"

/* A keyword as the peer's native string. NULL: PB_ERR_TYPE or _NOMEM in *failed. */
static pb_value *native_keyword(pb_value *key, bool bare, int *failed)
{
    pb_span text;
    if (pb_as_text(key, &text) != 0) {
        *failed = PB_ERR_TYPE;
        return NULL;
    }
    if ((pb__kind(key) == PB_BYTES) == bare) {
        return pb__ref(key);
    }
    pb_error err = {0};
    pb_value *native = bare ? pb_bytes(text) : pb_strn(text, &err);
    *failed = native ? 0 : err.code == PB_ERR_SYNTAX ? PB_ERR_TYPE : PB_ERR_NOMEM;
    return native;
}

static bool is_native(const pb_value *kwargs, bool bare)
{
    size_t at = 0;
    pb_value *key, *value;
    while (pb_dict_next(kwargs, &at, &key, &value)) {
        if (pb__kind(key) != (bare ? PB_BYTES : PB_STR)) {
            return false;
        }
    }
    return true;
}

int pb__keywords(const pb_session *s, pb_value *kwargs, pb_value **out, pb_error *err)
{
    bool bare = pb_profile_has(pb__profile(s), PB_PROFILE_NATIVE_STR_BARE);
    if (is_native(kwargs, bare)) {
        *out = pb__ref(kwargs);
        return 0;
    }
    pb_value *dict = pb_dict();
    int failed = dict ? 0 : PB_ERR_NOMEM;
    size_t at = 0;
    pb_value *key, *value;
    while (!failed && pb_dict_next(kwargs, &at, &key, &value)) {
        pb_value *name = native_keyword(key, bare, &failed);
        failed = failed ? failed : pb_dict_set_steal(dict, name, pb__ref(value));
    }
    if (failed) {
        pb_value_unref(dict);
        return pb__error_set(err, failed, 0, "%s",
                             failed == PB_ERR_TYPE ? "keywords must be strings"
                                                   : pb_strerror(failed));
    }
    *out = dict;
    return 0;
}

/* An empty tuple or dict, as Twisted jellies it. */
static int write_empty(pb_session *s, unsigned word)
{
    return pb__write_head(s, 1, word);
}

static int write_kwargs(pb_session *s, pb_value *kwargs, pb_error *err)
{
    if (!kwargs || pb_len(kwargs) == 0) {
        return write_empty(s, PB__WORD_DICTIONARY);
    }
    pb_value *native;
    int failed = pb__keywords(s, kwargs, &native, err);
    if (!failed) {
        failed = pb__write_value(s, native, err);
        pb_value_unref(native);
    }
    return failed;
}

static int write_object_id(pb_session *s, const pb_remote *to)
{
    return to->counted ? pb__encode_int(&s->encoder, to->luid)
                       : pb__write_string(s, to->name);
}

/* Mirrors Broker._sendMessage. */
int pb__message_write(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                      pb_value *kwargs, bool answer, pb_error *err)
{
    uint64_t mark = pb__write_begin(s);
    int failed = pb__write_head(s, 7, PB__WORD_MESSAGE);
    failed = failed ? failed : pb__encode_int(&s->encoder, s->calls->last_request + 1);
    failed = failed ? failed : write_object_id(s, to);
    failed = failed ? failed : pb__write_string(s, method);
    failed = failed ? failed : pb__encode_int(&s->encoder, answer);
    if (!failed) {
        failed = args ? pb__write_value(s, args, err) : write_empty(s, PB__WORD_TUPLE);
    }
    failed = failed ? failed : write_kwargs(s, kwargs, err);
    failed = pb__write_end(s, mark, failed, err);
    /* Where banana refuses, Twisted has taken the number already. */
    if (!failed || !s->refused_as) {
        s->calls->last_request++;
    }
    return failed;
}

/* Python's truth of what stands where 0 or 1 is expected. */
static bool is_true(const pb_value *v)
{
    int64_t i;
    double d;
    if (pb_as_int(v, &i) == 0) {
        return i != 0;
    }
    if (pb_as_float(v, &d) == 0) {
        return d != 0;
    }
    return pb__kind(v) != PB_BYTES || pb_len(v) != 0;
}

/* The method as text, in its place in the message; old peers may name it by a number. */
static int read_method(pb_session *s, struct pb__received *m)
{
    pb_value *method = pb__member(m, 3);
    size_t bad;
    pb_span text;
    if (pb_as_bytes(method, &text) == 0 && pb__utf8_check(text.data, text.len, &bad)) {
        return 0;
    }
    if (pb__kind(method) == PB_INT &&
        pb_profile_has(pb__profile(s), PB_PROFILE_INTEGER_METHOD_ANSWERED)) {
        char *digits = pb_value_repr(method);
        if (!digits) {
            return pb__error_nomem(m->err);
        }
        pb_value *name = pb_bytes((pb_span){(uint8_t *)digits, strlen(digits)});
        pb_free(digits);
        return name ? pb_item_set_steal(m->list, 3, name) : pb__error_nomem(m->err);
    }
    return pb__malformed(s, m, 3, "a method goes by a name in UTF-8");
}

static bool is_request_id(const pb_value *id)
{
    pb_kind kind = pb__kind(id);
    return kind == PB_INT || kind == PB_BYTES || kind == PB_FLOAT;
}

static pb_object *find_object(const pb_session *s, const pb_value *id)
{
    int64_t luid;
    pb_span name;
    if (pb_as_int(id, &luid) == 0) {
        return pb__export_find(s, luid);
    }
    return pb_as_bytes(id, &name) == 0 ? pb__published_find(s, name) : NULL;
}

static const pb_method *find_method(const pb_class *cls, const pb_value *name)
{
    const struct pb__text *text = (const struct pb__text *)name;
    for (const pb_method *m = cls->remote; m && m->name; m++) {
        if (strlen(m->name) == text->len && memcmp(m->name, text->data, text->len) == 0) {
            return m;
        }
    }
    return NULL;
}

/* Mirrors Referenceable.remoteMessageReceived. */
static int call_method(pb_object *o, pb_request *r)
{
    const pb_value *name = pb_item(r->list, 3);
    const pb_method *m = find_method(o->cls, name);
    bool whole = strlen(pb_request_method(r)) == pb_len(name); /* no NUL in it */
    if (m) {
        return m->call(o->self, r);
    }
    if (o->cls->fallback && whole) {
        return o->cls->fallback(o->self, r);
    }
    pb_request_fail(r, "twisted.spread.flavors.NoSuchMethod", "No such method: remote_%s",
                    pb_request_method(r));
    return 0;
}

/* Gives the call to its object. Mirrors Broker._recvMessage. */
static void serve(pb_session *s, pb_request *r, const pb_error *refused)
{
    pb_object *o = pb_object_ref(find_object(s, pb_item(r->list, 2)));
    if (!o) {
        pb_request_fail(r, "twisted.spread.pb.Error", "Invalid Object ID");
    } else if (pb__request_check(r, refused)) {
        int code = call_method(o, r);
        if (!r->answered && (r->refs == 1)) {
            pb__request_close(r, code);
        }
    }
    r->in_method = false;
    pb_object_unref(o);
    pb_request_unref(r);
}

int pb__message_received(pb_session *s, struct pb__received *m)
{
    for (size_t i = 1; i <= 4; i++) {
        if (!pb__member(m, i)) {
            return pb__malformed(s, m, i, "%s", m->refused->text);
        }
    }
    if (!is_request_id(pb__member(m, 1))) {
        return pb__malformed(s, m, 1, "a request goes by a number");
    }
    int failed = read_method(s, m);
    if (failed) {
        return failed;
    }
    pb_request *r = pb__request_new(s, m, is_true(pb__member(m, 4)));
    if (!r) {
        return pb__error_nomem(m->err);
    }
    serve(s, r, m->refused);
    return 0;
}
