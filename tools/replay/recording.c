/* SPDX-License-Identifier: MIT
 *
 * Reading a script: a source's bytes of one connection, through talk. */
#include "tools/replay/recording.h"

#include "libpb/base/error.h"
#include "tools/dump/dump.h"
#include "tools/common/traffic_file.h"

struct reading {
    struct script *script;
    struct talk talk;
    size_t connection;
    bool found;
    /* Calls that wait for their answers, by request: index of the line, plus one. */
    struct pb__map waiting[TALK_SIDES];
};

/* The request of a call or answer. */
static bool request_of(const pb_value *message, uint64_t *out)
{
    int64_t request;
    const pb_value *id = talk_member(message, TALK_REQUEST);
    if (!id || pb_as_int(id, &request) != 0) {
        return false;
    }
    *out = (uint64_t)request;
    return true;
}

static int note_call(struct reading *r, struct line *l, size_t at,
                     const struct talk_message *m)
{
    uint64_t request;
    l->wants_answer = m->call->wants_answer;
    l->cache = m->call->cache;
    l->name = dump_name(m->call);
    l->method = dump_method(m->call);
    if (!l->name || !l->method) {
        return PB_ERR_NOMEM;
    }
    return l->wants_answer && request_of(m->value, &request)
               ? pb__map_set(&r->waiting[m->from], request, (void *)(at + 1))
               : 0;
}

static void note_answer(struct reading *r, struct line *l, size_t at)
{
    uint64_t request;
    if (request_of(l->value, &request)) {
        uintptr_t call = (uintptr_t)pb__map_take(&r->waiting[!l->from], request);
        l->call = call ? call - 1 : NO_LINE;
    }
    if (l->call != NO_LINE) {
        script_line(r->script, l->call)->answer = at;
    }
}

static void on_message(const struct talk_message *m, void *ctx)
{
    struct reading *r = ctx;
    size_t at = script_count(r->script);
    struct line l = {.kind = m->kind,
                     .from = m->from,
                     .time = m->time,
                     .value = m->value,
                     .refused = m->refused != NULL,
                     .call = NO_LINE,
                     .answer = NO_LINE};
    int failed = pb__buf_append(&r->script->lines, &l, sizeof l);
    if (!failed) {
        struct line *own = script_line(r->script, at);
        pb_value_ref(own->value);
        if (m->kind == TALK_CALL) {
            failed = note_call(r, own, at, m);
        } else if (m->kind == TALK_ANSWER || m->kind == TALK_ERROR) {
            note_answer(r, own, at);
        }
    }
    r->talk.status = r->talk.status ? r->talk.status : failed;
}

static void on_damage(int from, double time, uint64_t offset, const pb_error *why,
                      void *ctx)
{
    struct reading *r = ctx;
    (void)from;
    (void)offset;
    if (!r->script->damage.code) {
        r->script->damage = *why;
        r->script->damaged = time;
    }
}

static void on_begin(bool packets, void *ctx)
{
    (void)packets;
    (void)ctx;
}

static int on_bytes(size_t connection, int from, double time, pb_span in, void *ctx)
{
    struct reading *r = ctx;
    if (connection != r->connection) {
        return 0;
    }
    r->found = true;
    return talk_hear(&r->talk, from, time, in);
}

static int on_end(size_t connection, int from, double time, const char *why, void *ctx)
{
    struct reading *r = ctx;
    (void)time;
    (void)why;
    if (connection == r->connection && r->script->closed_by < 0) {
        r->script->closed_by = from;
    }
    return 0;
}

int script_read(struct script *s, const char *path, size_t connection, pb_error *err)
{
    *s = (struct script){.closed_by = -1, .damaged = -1};
    struct reading r = {.script = s, .connection = connection};
    const struct source_sink sink = {on_begin, on_bytes, on_end, &r};
    if (talk_init(&r.talk) != 0) {
        return pb__error_nomem(err);
    }
    r.talk.message = on_message;
    r.talk.damage = on_damage;
    r.talk.ctx = &r;
    int failed = source_read(path, TALK_SERVER, &sink, err);
    if (failed) {
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    } else if (!r.found) {
        failed = pb__error_set(err, PB_ERR_SYNTAX, 0, "there is no connection %zu in it",
                               connection);
    }
    talk_fini(&r.talk);
    for (int i = 0; i < TALK_SIDES; i++) {
        pb__map_fini(&r.waiting[i]);
    }
    return failed;
}

void script_fini(struct script *s)
{
    for (size_t i = 0; i < script_count(s); i++) {
        struct line *l = script_line(s, i);
        pb_value_unref(l->value);
        pb_value_unref(l->live);
        pb_free(l->name);
        pb_free(l->method);
    }
    pb__buf_fini(&s->lines);
}
