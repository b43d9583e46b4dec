/* SPDX-License-Identifier: MIT
 *
 * message: a call of ours, written. */
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

/* A keyword as the peer's native string. NULL: *failed is PB_ERR_TYPE or PB_ERR_NOMEM. */
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
    bool bare = pb__profile_has(pb__profile(s), PB__PROFILE_NATIVE_STR_BARE);
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
        failed = failed ? failed : pb_dict_set_value_steal(dict, name, pb__ref(value));
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

/* Writes the members up to the name of the method. */
static int write_begin(pb_session *s, const pb_remote *to)
{
    int failed =
        pb__write_head(s, 7, to->observed ? PB__WORD_CACHEMESSAGE : PB__WORD_MESSAGE);
    failed = failed ? failed : pb__encode_int(&s->encoder, s->calls->last_request + 1);
    if (failed) {
        return failed;
    }
    return to->counted || to->observed ? pb__encode_int(&s->encoder, pb_remote_luid(to))
                                       : pb__write_string(s, to->name);
}

/* Mirrors Broker._sendMessage. */
int pb__message_write(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                      pb_value *kwargs, bool answer, pb_error *err)
{
    pb_object *perspective = pb_object_ref(to->perspective);
    uint64_t mark = pb__write_begin(s, perspective);
    int failed = write_begin(s, to);
    failed = failed ? failed : pb__write_string(s, method);
    failed = failed ? failed : pb__encode_int(&s->encoder, answer);
    if (!failed) {
        failed = args ? pb__write_value(s, args, err) : write_empty(s, PB__WORD_TUPLE);
    }
    failed = failed ? failed : write_kwargs(s, kwargs, err);
    /* If banana refuses a value, Twisted has already taken the number. */
    if (!failed || !s->refused_as) {
        s->calls->last_request++;
    }
    failed = pb__write_end(s, mark, failed, err);
    pb_object_unref(perspective);
    return failed;
}
