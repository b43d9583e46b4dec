/* SPDX-License-Identifier: MIT
 *
 * The session itself: creating, driving, ending and freeing it, and the wiring of its
 * reader. Mirrors twisted.spread.pb.Broker. */
#include <inttypes.h>

#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/base/span.h"
#include "libpb/broker/attached.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/caches.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/pager.h"
#include "libpb/broker/read_context.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* The constant error that is used for lack of memory. */
static pb_error *spare_error(int code)
{
    static const pb_error spares[] = {{.code = PB_OK},
#define SPARE(name, number, message) {.code = PB_ERR_##name, .text = message},
                                      PB_ERR_MAP(SPARE)
#undef SPARE
    };
    size_t i = (size_t)-code;
    bool known = code <= 0 && i < sizeof spares / sizeof *spares;
    return (pb_error *)&spares[known ? i : 0];
}

/* ---- Begin and end ---- */

static void session_destroy(pb_session *s)
{
    s->depth++; /* so that the callbacks in it cannot free s again */
    pb__attached_fini(s);
    if (s->read_context) {
        pb__read_context_drop(s);
    }
    pb__read_context_reset(s);
    pb__encoder_fini(&s->encoder);
    pb__free(s->calls);
    pb__free(s->caches);
    pb__shared_unref(s->shared);
    if (s->error && s->error != spare_error(s->error->code)) {
        pb__free(s->error);
    }
    pb__free(s);
}

static int64_t deadline_of(int64_t timeout, int64_t now)
{
    int64_t by;
    return timeout < 0 || __builtin_add_overflow(now, timeout, &by) ? INT64_MAX : by;
}

void pb__message_begun(pb_session *s)
{
    s->message_by = deadline_of(s->shared->config.message_timeout, s->now);
}

static void session_drop_pending(pb_session *s)
{
    if (s->pending) {
        pb__buf_fini(&s->pending->in);
        pb__free(s->pending);
        s->pending = NULL;
    }
}

/* Runs the callbacks for the end of the session, in Twisted's order. */
static void session_finish(pb_session *s)
{
    s->finished = true;
    session_drop_pending(s);
    if (s->error->code != PB_OK && s->error->code != PB_ERR_LOST) {
        pb__log(s, PB_LOG_ERROR, "%s%s%s", s->error->where, *s->error->where ? ": " : "",
                s->error->text);
    } else {
        pb__log(s, PB_LOG_DEBUG, "the session has ended: %s",
                s->error->code ? s->error->text : "closed by this side");
    }
    pb__deferred_fini(s);
    pb__call_fini(s);
    pb__pagers_fini(s);
    pb__cacheable_fini(s);
    pb__disconnect_notify(s);
    pb__export_fini(s);
    pb__published_fini(s);
    pb__remote_fini(s);
    pb__remote_cache_fini(s);
    const pb_session_config *c = &s->shared->config;
    if (c->on_close) {
        c->on_close(s, s->error, c->user_data);
    }
}

void pb__session_enter(pb_session *s)
{
    s->depth++;
}

static void session_leave_driver(pb_session *s, bool driver)
{
    if (s->depth == 1 && !pb__session_open(s) && !s->finished) {
        session_finish(s);
    }
    s->depth--;
    if (s->depth == 0 && s->freeing) {
        session_destroy(s);
    } else if (!driver) {
        pb__session_wake(s);
    }
}

/* Gives the session its root. Returns s, or NULL if it was freed meanwhile. Mirrors
 * PBServerFactory.buildProtocol. */
static pb_session *session_begin(pb_session *s)
{
    const pb_session_config *c = &s->shared->config;
    s->root = pb_object_ref(c->root);
    if (!c->root_object) {
        return s;
    }
    pb__session_enter(s);
    pb_object *root = c->root_object(s, c->user_data);
    if (root && pb__session_open(s)) {
        pb_session_set_name_for_local(s, "root", root);
    }
    pb_object_unref(root);
    bool freed = s->freeing;
    session_leave_driver(s, true);
    return freed ? NULL : s;
}

void pb__session_await(pb_session *s)
{
    s->message_by = INT64_MAX;
}

void pb__session_connected(pb_session *s, int64_t now)
{
    s->message_by = deadline_of(s->shared->config.negotiation_timeout, now);
}

pb_session *pb__session_new(struct pb__shared *sh, void *driver, int64_t now,
                            bool is_client)
{
    pb_session *s = pb__calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->shared = pb__shared_ref(sh);
    s->driver = driver;
    s->is_client = is_client;
    s->now = now;
    s->message_by = deadline_of(sh->config.negotiation_timeout, now);
    pb__list_init(&s->requests);
    pb__list_init(&s->remotes);
    pb__list_init(&s->decrefs_due);
    pb__list_init(&s->decrefs_deferred);
    pb__encoder_init(&s->encoder, PB_DIALECT_UNKNOWN, &sh->limits);
    if (!is_client && pb__negotiate_begin(s) != 0) {
        session_destroy(s);
        return NULL;
    }
    return session_begin(s);
}

static pb_session *new_alone(const pb_session_config *c, int64_t now, bool is_client)
{
    static const pb_session_config plain;
    struct pb__shared *sh = pb__shared_new(c ? c : &plain);
    pb_session *s = sh ? pb__session_new(sh, sh->config.driver, now, is_client) : NULL;
    pb__shared_unref(sh);
    return s;
}

pb_session *pb_session_client_new(const pb_session_config *c, int64_t now)
{
    return new_alone(c, now, true);
}

pb_session *pb_session_server_new(const pb_session_config *c, int64_t now)
{
    return new_alone(c, now, false);
}

void pb__session_end(pb_session *s, const pb_error *why)
{
    if (!pb__session_open(s)) {
        return;
    }
    s->state = PB__CLOSED;
    s->error = pb__malloc(sizeof *s->error);
    if (s->error) {
        *s->error = *why;
    } else {
        s->error = spare_error(why->code);
    }
    pb__remote_end(s);
    pb__remote_cache_end(s);
    pb__request_fini(s);
}

const char *pb__session_end_text(const pb_session *s)
{
    return s->error->code ? s->error->text : "Connection was closed cleanly.";
}

void pb__session_end_nomem(pb_session *s)
{
    pb__session_end(s, spare_error(PB_ERR_NOMEM));
}

void pb__session_leave(pb_session *s)
{
    session_leave_driver(s, false);
}

void pb__session_wake(pb_session *s)
{
    void (*on_wake)(pb_session *, void *) = s->shared->config.on_wake;
    if (s->depth == 0 && on_wake && !s->woken &&
        (pb_session_want_send(s) || pb__pagers_ready(s) || s->deadline_changed ||
         s->resumed || pb__session_has_input(s) || !pb__session_open(s))) {
        s->woken = true;
        on_wake(s, s->driver);
    }
}

/* The driver calls, and passes the time. */
static void driver_enters(pb_session *s, int64_t now)
{
    s->depth++;
    s->woken = false;
    s->time_is_known = true;
    pb__deadline_now(s, now);
}

/* Returns 0, or why the session is over. */
static int driver_leaves(pb_session *s)
{
    int e = pb__session_open(s) ? 0 : s->error->code ? s->error->code : PB_ERR_LOST;
    if (s->depth == 1) {
        s->time_is_known = s->resumed = s->deadline_changed = false;
    }
    session_leave_driver(s, true);
    return e;
}

/* ---- Driving ---- */

/* The input to read next: pending input first, then that of the pb_session_recv on the
 * stack. */
static pb_span next_input(const pb_session *s)
{
    const struct pb__pending_input *p = s->pending;
    return p       ? (pb_span){p->in.data + p->handled, p->in.len - p->handled}
           : s->in ? *s->in
                   : (pb_span){0};
}

/* Notes that all of that input except `rest` bytes has been read. */
static void input_read(pb_session *s, size_t rest)
{
    struct pb__pending_input *p = s->pending;
    if (!p) {
        s->in->data += s->in->len - rest;
        s->in->len = rest;
    } else if (rest == 0) {
        session_drop_pending(s);
    } else {
        p->handled = p->in.len - rest;
    }
}

/* Ends the session, as the decoder has refused the input. */
static int refuse_input(pb_session *s, int e, pb_error *err)
{
    const pb_decoder *d = &s->read_context->decoder;
    /* The reader sets no text when it lacks memory, or goes beyond the budget. */
    pb__error_set(err, e, pb__decoder_offset(d), "%s",
                  e == PB_ERR_LIMIT ? "values take more memory than the limit"
                                    : pb_strerror(e));
    if (!*err->where) {
        pb__error_where(err, "message %" PRIu64, d->count + 1);
        pb__reader_where(s->read_context->reader, err);
    }
    pb__read_context_drop(s);
    return e;
}

/* The reader calls this for a complete message: passes it on to read_message, and stops
 * the decoder there. */
static int message_complete(struct pb__message *read, void *ctx)
{
    struct pb__read_context *rc = ctx;
    pb_decoder *d = &rc->decoder;
    pb_session *s = rc->session;
    struct pb__received *m = rc->message;
    s->messages = d->count + 1;
    s->shared->length = d->offset + (uint64_t)(d->next - d->mark);
    s->shared->values = d->limits.values - d->tokens_left;
    m->list = read->value;
    m->memory = read->memory;
    m->proto = NULL;
    m->refused = NULL;
    if (read->refused) {
        m->why = *read->refused;
        m->refused = &m->why;
    }
    pb__list_init(&m->arriving);
    pb__list_take_all(&m->arriving, &rc->arriving);
    d->paused = true;
    return 0;
}

/* Reads up to the end of one message, or of the input: then m->list is NULL. */
static int read_message(pb_session *s, pb_span in, struct pb__received *m)
{
    if (!s->read_context &&
        pb__read_context_take(s, message_complete, pb__proto_member) != 0) {
        return pb__error_nomem(m->err);
    }
    pb_decoder *d = &s->read_context->decoder;
    m->list = NULL;
    s->read_context->message = m;
    size_t most = s->shared->config.max_memory;
    size_t own = pb__encoder_limits(&s->encoder)->memory;
    size_t held = (size_t)s->memory << 10;
    most = most > held ? most - held : 0;
    d->limits.memory = own < most ? own : most;
    s->reading = true;
    int e = pb__decoder_recv(d, in, m->err);
    if (e) {
        e = refuse_input(s, e, m->err);
    } else {
        input_read(s, d->rest);
        if (d->rest == 0 && d->offset == 0) {
            pb__read_context_return(s);
        }
    }
    s->reading = false;
    return e;
}

/* Reads and handles messages as long as the session may read. A message's handler may
 * call this again, through the driver; then the rest has been read when it returns. */
static int session_read(pb_session *s, pb_error *err)
{
    struct pb__received m;
    pb_span in = next_input(s);
    int e = 0;
    m.err = err;
    while (!e && in.len > 0 && pb__session_may_read(s)) {
        e = read_message(s, in, &m);
        if (!e && m.list) {
            e = pb__proto_received(s, &m);
        }
        in = next_input(s);
    }
    return e;
}

/* Stores the input that was not read as pending input. */
static int session_keep_pending(pb_session *s, pb_error *err)
{
    pb_span *in = s->in;
    s->in = NULL;
    if (!in || in->len == 0 || !pb__session_open(s)) {
        return 0;
    }
    size_t most = s->shared->config.max_memory;
    if (in->len + (s->pending ? s->pending->in.len - s->pending->handled : 0) > most) {
        return pb__error_set(err, PB_ERR_LIMIT, 0,
                             "pending input of more than %zu bytes, the limit", most);
    }
    if (!s->pending && !(s->pending = pb__calloc(1, sizeof *s->pending))) {
        return pb__error_nomem(err);
    }
    return pb__buf_append(&s->pending->in, in->data, in->len) ? pb__error_nomem(err) : 0;
}

/* Reads pending input first, also the rest of an outer pb_session_recv whose callback has
 * called this one. */
static int session_read_all(pb_session *s, pb_span in, pb_error *err)
{
    int e = s->in ? session_read(s, err) : 0;
    e = e ? e : session_keep_pending(s, err);
    if (!e && pb__session_open(s)) {
        s->in = &in;
        e = session_read(s, err);
        e = e ? e : session_keep_pending(s, err);
    }
    s->in = NULL;
    return e;
}

/* Passes the first len bytes to on_bytes. */
static void session_show_bytes(pb_session *s, bool sent, pb_span bytes, size_t len)
{
    const pb_session_config *c = &s->shared->config;
    bytes.len = len < bytes.len ? len : bytes.len;
    if (c->on_bytes && bytes.data && bytes.len > 0) {
        c->on_bytes(s, sent, bytes, c->user_data);
    }
}

/* Input was read. If it ends in the middle of a message, the rest of it has to come: each
 * part starts the timeout again. It does not run while this side does not read. */
static void message_update(pb_session *s)
{
    if (pb__negotiating(s) || !pb__session_open(s)) {
        return;
    }
    if (s->read_context && !s->pending && pb__session_may_read(s)) {
        s->deadline_changed |= s->message_by == INT64_MAX;
        pb__message_begun(s);
    } else {
        s->message_by = INT64_MAX;
    }
}

int pb_session_recv(pb_session *s, pb_span in, int64_t now)
{
    if (!s) {
        return PB_ERR_ARG;
    }
    if (s->reading || s->writing) {
        return PB_ERR_STATE;
    }
    pb_error err;
    pb__error_init(&err);
    driver_enters(s, now);
    session_show_bytes(s, false, in, in.len);
    if (pb__session_open(s)) {
        int e = pb__span_is_null(in) ? pb__error_null(&err, "the input")
                                     : session_read_all(s, in, &err);
        if (e) {
            pb__session_end(s, &err);
        } else {
            message_update(s);
        }
    }
    return driver_leaves(s);
}

pb_span pb_session_send(pb_session *s)
{
    if (!s) {
        return (pb_span){0};
    }
    s->woken = false;
    if (pb__session_open(s) && (s->caches || !pb__list_empty(&s->decrefs_due))) {
        pb__session_enter(s);
        pb__decref_flush(s);
        bool gone = s->depth == 1 && s->freeing; /* by on_log */
        session_leave_driver(s, true);
        if (gone) {
            return (pb_span){0};
        }
    }
    if (s->lost || s->writing) {
        return (pb_span){0};
    }
    return pb__encoder_unsent(&s->encoder);
}

void pb_session_sent(pb_session *s, size_t n, int64_t now)
{
    if (!s) {
        return;
    }
    driver_enters(s, now);
    session_show_bytes(s, true, pb__encoder_unsent(&s->encoder), n);
    pb_encoder_sent(&s->encoder, n);
    pb__session_drained(s);
    pb__deferred_serve(s);
    driver_leaves(s);
}

int pb_session_tick(pb_session *s, int64_t now)
{
    if (!s) {
        return PB_ERR_ARG;
    }
    driver_enters(s, now);
    pb__deadline_expire(s);
    pb__deferred_serve(s);
    pb_error err;
    pb__error_init(&err);
    if (session_read(s, &err) != 0) {
        pb__session_end(s, &err);
    } else if (s->message_by == INT64_MAX) {
        message_update(s);
    }
    pb__pagers_turn(s);
    return driver_leaves(s);
}

void pb_session_lost(pb_session *s, const pb_error *why)
{
    pb_error closed = {0};
    if (!s) {
        return;
    }
    pb__error_set(&closed, PB_ERR_LOST, 0, "the peer closed the connection");
    pb__session_enter(s);
    s->lost = true;
    s->closed_by_peer = !why;
    pb__session_end(s, why ? why : &closed);
    session_leave_driver(s, true);
}

void pb_session_close(pb_session *s)
{
    if (s) {
        pb__session_enter(s);
        pb__session_end(s, spare_error(PB_OK));
        pb__session_leave(s);
    }
}

void pb_session_free(pb_session *s)
{
    if (s) {
        pb__session_enter(s);
        pb__session_end(s, spare_error(PB_OK));
        s->freeing = true;
        pb__session_leave(s);
    }
}

/* ---- Inspecting it ---- */

bool pb_session_want_send(const pb_session *s)
{
    return s && !s->lost &&
           (pb__encoder_unsent(&s->encoder).len > 0 || !pb__list_empty(&s->decrefs_due) ||
            (s->caches && !pb__list_empty(&s->caches->decaches_due)));
}

bool pb_session_is_ready(const pb_session *s)
{
    return s && s->state == PB__OPEN;
}

bool pb_session_is_closed(const pb_session *s)
{
    return !s || s->state == PB__CLOSED;
}

const pb_error *pb_session_error(const pb_session *s)
{
    return !s ? spare_error(PB_ERR_ARG) : s->error ? s->error : spare_error(PB_OK);
}

void *pb_session_user_data(const pb_session *s)
{
    return s ? s->shared->config.user_data : NULL;
}

int pb_session_set_limits(pb_session *s, const pb_limits *l)
{
    if (!s) {
        return PB_ERR_ARG;
    }
    pb__encoder_set_limits(&s->encoder, l);
    if (s->read_context) {
        pb__decoder_set_limits(&s->read_context->decoder, l);
    }
    pb__read_context_reset(s);
    return 0;
}

void pb_session_get_stats(const pb_session *s, pb_session_stats *out)
{
    if (!out) {
        return;
    }
    *out = (pb_session_stats){0};
    if (!s) {
        return;
    }
    *out = (pb_session_stats){
        .pending = s->calls ? s->calls->pending : 0,
        .serving = s->serving,
        .exported = s->exports ? s->exports->by_luid.len : 0,
        .held = s->held,
        .cached = s->caches ? s->caches->cacheables.len : 0,
        .caches = s->caches ? s->caches->remote_caches.len : 0,
        .queued = s->lost ? 0 : pb__session_queued(s),
        .paging = pb__pagers_count(s),
    };
}
