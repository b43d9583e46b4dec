/* SPDX-License-Identifier: MIT
 *
 * Writing a message: its frame, and the values in it. Between begin and end nothing else
 * is written: decrefs wait, and calls are refused, as the application may be called in
 * between (persistent_save). */
#include <assert.h>
#include <string.h>

#include "compat/profile.h"
#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/invoker.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

uint64_t pb__write_begin(pb_session *s, pb_object *perspective)
{
    assert(!s->writing);
    s->perspective = perspective;
    s->writing = true;
    s->refused_as = NULL;
    return pb__encoder_mark(&s->encoder);
}

int pb__write_end(pb_session *s, uint64_t mark, int failed, pb_error *err)
{
    failed = failed
                 ? failed
                 : pb__encoder_check(&s->encoder, mark, pb__encoder_limits(&s->encoder));
    if (failed) {
        pb_encoder_error(&s->encoder, err);
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
        pb_encoder_rewind(&s->encoder, mark);
        pb__export_undo(s);
    } else {
        pb__export_commit(s);
        pb__session_wrote(s);
    }
    s->writing = false;
    s->perspective = NULL;
    if (s->caches && failed) {
        const char *refused_as = s->refused_as;
        pb__cacheable_undo(s);
        s->refused_as =
            refused_as; /* the objects that were called may have written messages */
    } else if (s->caches) {
        pb__cacheable_commit(s);
    }
    return failed;
}

int pb__write_answer_end(pb_session *s, uint64_t mark, int failed, pb_error *err)
{
    failed = pb__write_end(s, mark, failed, err);
    if (!failed) {
        s->answered = pb__encoder_mark(&s->encoder);
    }
    return failed;
}

int pb__write_head(pb_session *s, size_t n, unsigned word)
{
    int failed = pb__encode_list(&s->encoder, n);
    return failed ? failed : pb__encode_word(&s->encoder, word);
}

int pb__write_string(pb_session *s, const char *text)
{
    return pb__encode_bytes(&s->encoder, (pb_span){(const uint8_t *)text, strlen(text)});
}

int pb__write_value(pb_session *s, pb_value *v, pb_error *err)
{
    if (pb__is_small(v)) {
        return pb__encode_int(&s->encoder, pb__small_of(v));
    }
    struct pb__invoker invoker = pb__invoker(&s);
    return pb__jelly(v, &s->shared->config.jelly, &invoker, &s->encoder, err);
}

pb_value *pb__native(const pb_session *s, const char *text)
{
    return pb__native_span(s, pb_span_of(text));
}

pb_value *pb__native_span(const pb_session *s, pb_span span)
{
    if (pb__profile_has(pb__profile(s), PB__PROFILE_NATIVE_STR_BARE)) {
        return pb_bytes(span);
    }
    struct pb__text *t = pb__text_new(NULL, PB_STR, span.data, span.len);
    size_t at = 0;
    size_t bad;
    while (t && !pb__utf8_check(t->data + at, t->len - at, &bad)) {
        at += bad;
        t->data[at++] = '?';
    }
    return t ? &t->head : NULL;
}
