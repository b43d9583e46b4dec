/* SPDX-License-Identifier: MIT
 *
 * Negotiation. The server first sends a list of its dialects; the client answers with the
 * first of them that it knows; then each side sends its version. Mirrors the first part
 * of Banana.callExpressionReceived, and Broker.connectionReady. */
#include <inttypes.h>

#include "libpb/broker/calls.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/read_context.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

#define VERSION 6

int pb__negotiate_begin(pb_session *s)
{
    const pb_dialect *known = s->shared->config.dialects;
    size_t n = known[1] == PB_DIALECT_UNKNOWN ? 1 : 2;
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = pb__encode_list(&s->encoder, n);
    for (size_t i = 0; !failed && i < n; i++) {
        failed = pb__write_string(s, pb__dialect_name(known[i]));
    }
    return pb__write_end(s, mark, failed, NULL);
}

static int write_version(pb_session *s, uint64_t *mark, pb_error *err)
{
    *mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 2, PB__WORD_VERSION);
    failed = failed ? failed : pb__encode_int(&s->encoder, VERSION);
    return pb__write_end(s, *mark, failed, err);
}

static int select_dialect(pb_session *s, pb_dialect d, pb_error *err)
{
    if (s->read_context) {
        pb_decoder_set_dialect(&s->read_context->decoder, d);
    }
    pb__read_context_reset(s);
    pb_encoder_set_dialect(&s->encoder, d);
    uint64_t mark;
    int failed = write_version(s, &mark, err);
    if (failed) {
        return failed;
    }
    s->state = PB__OPEN;
    pb__log(s, PB_LOG_INFO, "negotiated the dialect %s", pb__dialect_name(d));
    if (pb__traces(s)) {
        pb__trace_sent_number(s, mark, "version", VERSION);
    }
    pb__call_flush(s);
    const pb_session_config *c = &s->shared->config;
    if (c->on_ready && pb__session_open(s)) {
        c->on_ready(s, c->user_data);
    }
    return 0;
}

/* The dialect with that name, if it is known here. */
static pb_dialect dialect_of(const pb_session *s, const pb_value *v)
{
    const pb_dialect *known = s->shared->config.dialects;
    pb_span name;
    pb_dialect d =
        v && pb_as_bytes(v, &name) == 0 ? pb__dialect_find(name) : PB_DIALECT_UNKNOWN;
    return d == known[0] || d == known[1] ? d : PB_DIALECT_UNKNOWN;
}

static int dialect_choose(pb_session *s, struct pb__received *m)
{
    if (pb__kind(m->list) != PB_LIST) {
        return pb__malformed(s, m, 0, "the peer did not begin with a list of dialects");
    }
    pb_dialect d = PB_DIALECT_UNKNOWN;
    for (size_t i = 0; d == PB_DIALECT_UNKNOWN && i < pb_len(m->list); i++) {
        d = dialect_of(s, pb__member(m, i));
    }
    if (d == PB_DIALECT_UNKNOWN) {
        return pb__malformed(s, m, 0, "the peer offers no known dialect");
    }
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = pb__write_string(s, pb__dialect_name(d));
    failed = pb__write_end(s, mark, failed, m->err);
    return failed ? failed : select_dialect(s, d, m->err);
}

int pb__negotiate_received(pb_session *s, struct pb__received *m)
{
    if (s->is_client) {
        return dialect_choose(s, m);
    }
    pb_dialect d = dialect_of(s, m->list);
    if (d == PB_DIALECT_UNKNOWN) {
        return pb__malformed(s, m, 0, "the peer chose a dialect that was not offered");
    }
    return select_dialect(s, d, m->err);
}

/* Mirrors Broker.proto_version. */
int pb__version_received(pb_session *s, struct pb__received *m)
{
    int64_t version;
    if (!pb__member(m, 1) || pb_as_int(pb__member(m, 1), &version) != 0) {
        return pb__malformed(s, m, 1, "the version is not a number");
    }
    if (version != VERSION) {
        return pb__malformed(s, m, 1, "Version Incompatibility: %d %" PRId64, VERSION,
                             version);
    }
    return 0;
}
