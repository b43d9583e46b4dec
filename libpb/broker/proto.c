/* SPDX-License-Identifier: MIT
 *
 * The table of messages, and the dispatch of a received message to its row. Mirrors
 * Broker.expressionReceived. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "compat/profile.h"
#include "compat/repr.h"
#include "libpb/base/error.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

int pb__did_not_understand_received(pb_session *s, struct pb__received *m)
{
    if (pb__logs(s, PB_LOG_INFO)) {
        char *command = pb__member(m, 1) ? pb__repr_shown(pb__member(m, 1)) : NULL;
        pb__log(s, PB_LOG_INFO, "Didn't understand command: %s", command ? command : "");
        pb_free(command);
    }
    return 0;
}

#define ROW(name, arity, received, ...) \
    {name, sizeof name - 1, arity, {__VA_ARGS__}, received},
#define CHECK(name, arity, received, ...)                                        \
    static_assert(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *) == arity, \
                  name " has a name for each member");

static const struct pb__proto protos[] = {PB__MESSAGE_MAP(ROW)};
PB__MESSAGE_MAP(CHECK)

static const struct pb__proto *proto_find(const pb_value *command)
{
    pb_span name;
    if (!command || pb_as_bytes(command, &name) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof protos / sizeof *protos; i++) {
        if (protos[i].name_len == name.len &&
            memcmp(protos[i].name, name.data, name.len) == 0) {
            return &protos[i];
        }
    }
    return NULL;
}

const char *pb__proto_member(const pb_value *command, size_t i, void *ctx)
{
    (void)ctx;
    const struct pb__proto *p = proto_find(command);
    return p && i >= 1 && i <= p->arity ? p->members[i - 1] : NULL;
}

/* Why a member that was not read for lack of memory, or of what the budget allows, is
 * missing; otherwise NULL. */
static const pb_error *memory_refused(const struct pb__received *m, size_t member)
{
    bool missing = m->refused && pb__kind(m->list) == PB_LIST &&
                   member < pb_len(m->list) && !pb__member(m, member);
    int code = missing ? m->refused->code : PB_OK;
    return code == PB_ERR_LIMIT || code == PB_ERR_NOMEM ? m->refused : NULL;
}

int pb__malformed(pb_session *s, struct pb__received *m, size_t member,
                  const char *format, ...)
{
    const pb_error *memory = memory_refused(m, member);
    if (memory) { /* the first error stays */
        pb__error_set(m->err, memory->code, s->shared->length, "%s", memory->text);
    }
    va_list args;
    va_start(args, format);
    pb__error_setv(m->err, PB_ERR_PROTOCOL, s->shared->length, format, args);
    va_end(args);
    pb__error_where(m->err, "message %" PRIu64, s->messages);
    if (m->proto) {
        pb__error_where(m->err, ": %s", m->proto->name);
    }
    if (m->proto && member > 0) {
        pb__error_where(m->err, ".%s", m->proto->members[member - 1]);
    }
    return memory ? memory->code : PB_ERR_PROTOCOL;
}

/* Handles a command that is not in the table. Twisted on Python 2 answers with
 * didNotUnderstand; on Python 3 it fails to write that, and drops the connection. */
static int not_understood(pb_session *s, struct pb__received *m)
{
    pb_value *command = pb__member(m, 0);
    pb_span name;
    bool word = command && pb_as_bytes(command, &name) == 0;
    bool integer = command && pb__kind(command) == PB_INT;
    if ((word && pb__profile_has(pb__profile(s), PB__PROFILE_UNKNOWN_COMMAND_ANSWERED)) ||
        (integer &&
         pb__profile_has(pb__profile(s), PB__PROFILE_INTEGER_COMMAND_ANSWERED))) {
        uint64_t mark = pb__write_begin(s, NULL);
        int failed = pb__encode_list(&s->encoder, 2);
        failed = failed ? failed : pb__write_string(s, "didNotUnderstand");
        failed = failed ? failed : pb__write_value(s, command, m->err);
        failed = pb__write_end(s, mark, failed, m->err);
        if (!failed && pb__traces(s)) {
            pb__trace_sent(s, mark, "didNotUnderstand", &command, 1);
        }
        return failed;
    }
    if (!word) {
        return pb__malformed(s, m, 0, "the command is not a byte string");
    }
    char *text = pb__repr_shown(command);
    pb__malformed(s, m, 0, "unknown command %.100s", text ? text : "");
    pb_free(text);
    return PB_ERR_PROTOCOL;
}

static int proto_dispatch(pb_session *s, struct pb__received *m)
{
    if (pb__kind(m->list) != PB_LIST) {
        return pb__malformed(s, m, 0, "Non-list expression received.");
    }
    size_t members = pb_len(m->list);
    if (members == 0) {
        return pb__malformed(s, m, 0, "a message without a command");
    }
    m->proto = proto_find(pb__member(m, 0));
    if (!m->proto) {
        return not_understood(s, m);
    }
    if (members - 1 != m->proto->arity) {
        return pb__malformed(s, m, 0, "%zu members after the command instead of %zu",
                             members - 1, m->proto->arity);
    }
    if (pb__traces(s)) {
        pb__trace_received(s, m, s->shared->length);
    }
    return pb__session_open(s) ? m->proto->received(s, m) : 0;
}

int pb__proto_received(pb_session *s, struct pb__received *m)
{
    int failed =
        s->state == PB__NEGOTIATING ? pb__negotiate_received(s, m) : proto_dispatch(s, m);
    if (m->list) {
        pb_value_unref(m->list);
        pb__shared_freed(s->shared, m->memory);
    }
    pb__copies_forget(&m->arriving);
    pb__remote_undefer(s);
    pb__remote_cache_undefer(s);
    pb__decref_flush(s);
    pb__session_check(s);
    return failed ? failed : pb__session_open(s) ? 0 : PB_ERR_LOST;
}
