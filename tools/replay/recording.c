/* SPDX-License-Identifier: MIT
 *
 * Reads a recording: follows the conversation on one connection of a traffic file. */
#include "tools/replay/recording.h"

#include "libpb/base/error.h"
#include "tools/common/message_text.h"
#include "tools/common/traffic_file.h"

struct recording_reader {
    struct recording *recording;
    struct conversation conversation;
    size_t connection;
    bool found;
    /* Request to the index, plus one, of a call that has not been answered yet. */
    struct pb__map unanswered[SIDE_COUNT];
};

/* The request number of a call or an answer; false if there is none. */
static bool request_number(const pb_value *message, uint64_t *out)
{
    int64_t request;
    const pb_value *id = message_member(message, CALL_REQUEST);
    if (!id || pb_as_int(id, &request) != 0) {
        return false;
    }
    *out = (uint64_t)request;
    return true;
}

static int recording_add_call(struct recording_reader *r, struct recorded_message *own,
                              size_t at, const struct conversation_message *m)
{
    uint64_t request;
    own->wants_answer = m->call->wants_answer;
    own->cache = m->call->cache;
    own->name = message_call_name(m->call);
    own->method = message_method_name(m->call);
    if (!own->name || !own->method) {
        return PB_ERR_NOMEM;
    }
    return own->wants_answer && request_number(m->value, &request)
               ? pb__map_set(&r->unanswered[m->from], request, (void *)(at + 1))
               : 0;
}

static void recording_add_answer(struct recording_reader *r, struct recorded_message *own,
                                 size_t at)
{
    uint64_t request;
    if (request_number(own->value, &request)) {
        uintptr_t call = (uintptr_t)pb__map_take(&r->unanswered[!own->from], request);
        own->call = call ? call - 1 : NO_MESSAGE;
    }
    if (own->call != NO_MESSAGE) {
        recording_at(r->recording, own->call)->answer = at;
    }
}

static void recording_on_message(const struct conversation_message *m, void *ctx)
{
    struct recording_reader *r = ctx;
    size_t at = recording_count(r->recording);
    struct recorded_message copy = {.kind = m->kind,
                                    .from = m->from,
                                    .time = m->time,
                                    .value = m->value,
                                    .refused = m->refused != NULL,
                                    .call = NO_MESSAGE,
                                    .answer = NO_MESSAGE};
    int failed = pb__buf_append(&r->recording->messages, &copy, sizeof copy);
    if (!failed) {
        struct recorded_message *own = recording_at(r->recording, at);
        pb_value_ref(own->value);
        if (m->kind == MESSAGE_CALL) {
            failed = recording_add_call(r, own, at, m);
        } else if (m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_ERROR) {
            recording_add_answer(r, own, at);
        }
    }
    r->conversation.status = r->conversation.status ? r->conversation.status : failed;
}

static void recording_on_damage(int from, double time, uint64_t offset,
                                const pb_error *why, void *ctx)
{
    struct recording_reader *r = ctx;
    (void)from;
    (void)offset;
    if (!r->recording->damage.code) {
        r->recording->damage = *why;
        r->recording->damage_time = time;
    }
}

static void recording_on_begin(enum traffic_format format, double epoch, void *ctx)
{
    (void)format;
    (void)epoch;
    (void)ctx;
}

static int recording_on_bytes(size_t connection, int from, double time, pb_span in,
                              void *ctx)
{
    struct recording_reader *r = ctx;
    if (connection != r->connection) {
        return 0;
    }
    r->found = true;
    return conversation_receive(&r->conversation, from, time, in);
}

static int recording_on_end(size_t connection, int from, double time, const char *why,
                            void *ctx)
{
    struct recording_reader *r = ctx;
    (void)time;
    (void)why;
    if (connection == r->connection && r->recording->closed_by < 0) {
        r->recording->closed_by = from;
    }
    return 0;
}

int recording_read(struct recording *s, const char *path, size_t connection,
                   pb_error *err)
{
    *s = (struct recording){.closed_by = -1, .damage_time = -1};
    struct recording_reader r = {.recording = s, .connection = connection};
    const struct traffic_sink sink = {recording_on_begin, recording_on_bytes,
                                      recording_on_end, &r};
    if (conversation_init(&r.conversation) != 0) {
        return pb__error_nomem(err);
    }
    r.conversation.message = recording_on_message;
    r.conversation.damage = recording_on_damage;
    r.conversation.ctx = &r;
    int failed = traffic_file_read(path, SIDE_SERVER, false, &sink, err);
    if (failed) {
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    } else if (!r.found) {
        failed = pb__error_set(err, PB_ERR_SYNTAX, 0, "there is no connection %zu in it",
                               connection);
    }
    conversation_fini(&r.conversation);
    for (int i = 0; i < SIDE_COUNT; i++) {
        pb__map_fini(&r.unanswered[i]);
    }
    return failed;
}

/* ---- Which connections there are ---- */

struct connection_list {
    struct pb__buf numbers; /* size_t */
};

static int recording_list_on_bytes(size_t connection, int from, double time, pb_span in,
                                   void *ctx)
{
    struct connection_list *l = ctx;
    const size_t *numbers = (const void *)l->numbers.data;
    size_t count = l->numbers.len / sizeof *numbers, i = 0;
    (void)time;
    while (i < count && numbers[i] != connection) {
        i++;
    }
    return from == SIDE_CLIENT && in.len && i == count
               ? pb__buf_append(&l->numbers, &connection, sizeof connection)
               : 0;
}

static int recording_list_on_end(size_t connection, int from, double time,
                                 const char *why, void *ctx)
{
    (void)connection;
    (void)from;
    (void)time;
    (void)why;
    (void)ctx;
    return 0;
}

size_t *recording_connections(const char *path, size_t *count, pb_error *err)
{
    struct connection_list l = {0};
    const struct traffic_sink sink = {recording_on_begin, recording_list_on_bytes,
                                      recording_list_on_end, &l};
    int failed = traffic_file_read(path, SIDE_SERVER, false, &sink, err);
    *count = l.numbers.len / sizeof(size_t);
    if (failed) {
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    } else if (*count == 0) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "no client sends anything in it");
    }
    if (err->code) {
        pb__buf_fini(&l.numbers);
    }
    return (size_t *)(void *)l.numbers.data;
}

void recording_fini(struct recording *s)
{
    for (size_t i = 0; i < recording_count(s); i++) {
        struct recorded_message *own = recording_at(s, i);
        pb_value_unref(own->value);
        pb_value_unref(own->received);
        pb_free(own->name);
        pb_free(own->method);
    }
    pb__buf_fini(&s->messages);
}
