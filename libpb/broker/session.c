/* SPDX-License-Identifier: MIT
 *
 * The session itself: made, driven, ended and freed. Mirrors twisted.spread.pb.Broker. */
#include "libpb/broker/session.h"

#include <inttypes.h>

#define MAX_PENDING 65536
#define MAX_REFS 1024 /* MAX_BROKER_REFS */
#define MAX_QUEUED ((size_t)256 << 20)
#define NEGOTIATION_TIMEOUT 30000

/* What stands in where there is no memory for the error itself. */
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

static void copy_config(pb_session *s, const pb_session_config *c)
{
    s->jelly = c->jelly;
    pb_taster_ref(s->jelly.taster);
    s->on_ready = c->on_ready;
    s->on_close = c->on_close;
    s->user_data = c->user_data;
    s->on_wake = c->on_wake;
    s->driver = c->driver;
    s->unsafe_tracebacks = c->unsafe_tracebacks;
    s->max_pending = c->max_pending ? c->max_pending : MAX_PENDING;
    s->max_refs = c->max_refs ? c->max_refs : MAX_REFS;
    s->max_queued = c->max_queued ? c->max_queued : MAX_QUEUED;
    s->root = pb_object_ref(c->root);
    s->published_count = c->root != NULL;
}

static int make_reader(pb_session *s)
{
    s->reader = pb__reader_new(&(struct pb__reader_config){
        .jelly = &s->jelly,
        .invoker = &s->invoker,
        .messages = true,
        .done = pb__proto_received,
        .member_name = pb__proto_member,
        .ctx = s,
    });
    if (!s->reader) {
        return PB_ERR_NOMEM;
    }
    pb__decoder_init(&s->decoder, PB_DIALECT_UNKNOWN, &s->jelly.limits,
                     pb__reader_sink(s->reader));
    pb__reader_attach(s->reader, &s->decoder);
    pb__decoder_allow_vocab(&s->decoder,
                            pb_profile_has(s->jelly.profile, PB_PROFILE_VOCAB_IN_NONE));
    return 0;
}

static void destroy(pb_session *s)
{
    pb__reader_free(s->reader);
    pb__decoder_fini(&s->decoder);
    pb__encoder_fini(&s->encoder);
    pb_taster_unref(s->jelly.taster);
    if (s->error && s->error != spare_error(s->error->code)) {
        pb__free(s->error);
    }
    pb__free(s);
}

static pb_session *new_session(const pb_session_config *c, int64_t now, bool is_client)
{
    pb_session *s = pb__calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->is_client = is_client;
    pb__list_init(&s->waiting);
    pb__list_init(&s->timers);
    pb__list_init(&s->untimed);
    pb__list_init(&s->unsent);
    pb__list_init(&s->requests);
    pb__list_init(&s->remotes);
    pb__list_init(&s->owed);
    pb__list_init(&s->late);
    copy_config(s, c);
    pb__invoker_init(s);
    pb__encoder_init(&s->encoder, PB_DIALECT_UNKNOWN, &s->jelly.limits);
    s->now = now;
    int64_t patience =
        c->negotiation_timeout ? c->negotiation_timeout : NEGOTIATION_TIMEOUT;
    if (patience < 0 || __builtin_add_overflow(now, patience, &s->negotiate_by)) {
        s->negotiate_by = INT64_MAX;
    }
    if (make_reader(s) != 0 || (!is_client && pb__negotiate_begin(s) != 0)) {
        pb__export_fini(s);
        destroy(s);
        return NULL;
    }
    return s;
}

pb_session *pb_session_client_new(const pb_session_config *c, int64_t now)
{
    return new_session(c, now, true);
}

pb_session *pb_session_server_new(const pb_session_config *c, int64_t now)
{
    return new_session(c, now, false);
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
    pb__remote_fini(s);
    pb__request_fini(s);
}

void pb__session_end_nomem(pb_session *s)
{
    pb__session_end(s, spare_error(PB_ERR_NOMEM));
}

/* The callbacks of a session that is over, in Twisted's order. */
static void finish(pb_session *s)
{
    s->finished = true;
    pb__call_fini(s);
    pb__export_fini(s);
    if (s->on_close) {
        s->on_close(s, s->error, s->user_data);
    }
}

void pb__session_enter(pb_session *s)
{
    s->depth++;
}

static void leave(pb_session *s, bool driver)
{
    if (s->depth == 1 && !pb__session_open(s) && !s->finished) {
        finish(s);
    }
    s->depth--;
    if (s->depth == 0 && s->freeing) {
        destroy(s);
    } else if (!driver) {
        pb__session_wake(s);
    }
}

void pb__session_leave(pb_session *s)
{
    leave(s, false);
}

void pb__session_wake(pb_session *s)
{
    bool wanted =
        pb_session_want_send(s) || !pb__list_empty(&s->untimed) || !pb__session_open(s);
    if (s->depth == 0 && s->on_wake && wanted && !s->woken) {
        s->woken = true;
        s->on_wake(s, s->driver);
    }
}

/* A driver comes, and tells the time. */
static void driver_enters(pb_session *s, int64_t now)
{
    s->depth++;
    s->woken = false;
    s->told = true;
    pb__deadline_now(s, now);
}

/* Returns whether the session is over, and why. */
static int driver_leaves(pb_session *s)
{
    int e = pb__session_open(s) ? 0 : s->error->code ? s->error->code : PB_ERR_LOST;
    if (s->depth == 1) {
        s->told = false;
    }
    leave(s, true);
    return e;
}

/* ---- Driving ---- */

int pb_session_recv(pb_session *s, pb_span in, int64_t now)
{
    assert(s->depth == 0);
    driver_enters(s, now);
    if (pb__session_open(s)) {
        pb_error err = {0};
        s->recv_error = &err;
        s->reading = true;
        if (pb_decoder_recv(&s->decoder, in, &err) != 0) {
            if (!*err.where) {
                pb__error_where(&err, "message %" PRIu64, pb_decoder_count(&s->decoder));
            }
            pb__session_end(s, &err);
        }
        s->reading = false;
        s->recv_error = NULL;
    }
    return driver_leaves(s);
}

pb_span pb_session_send(pb_session *s)
{
    s->woken = false;
    if (pb__session_open(s)) {
        pb__decref_flush(s);
    }
    return s->lost ? (pb_span){0} : pb_encoder_send(&s->encoder);
}

void pb_session_sent(pb_session *s, size_t n, int64_t now)
{
    driver_enters(s, now);
    pb_encoder_sent(&s->encoder, n);
    driver_leaves(s);
}

int pb_session_tick(pb_session *s, int64_t now)
{
    driver_enters(s, now);
    pb__deadline_expire(s);
    return driver_leaves(s);
}

void pb_session_lost(pb_session *s, const pb_error *why)
{
    pb_error closed = {0};
    pb__error_set(&closed, PB_ERR_LOST, 0, "the peer closed the connection");
    pb__session_enter(s);
    s->lost = true;
    pb__session_end(s, why ? why : &closed);
    leave(s, true);
}

void pb_session_close(pb_session *s)
{
    pb__session_enter(s);
    pb__session_end(s, spare_error(PB_OK));
    pb__session_leave(s);
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

/* ---- Looking at it ---- */

bool pb_session_want_recv(const pb_session *s)
{
    return pb__session_open(s) && s->serving < s->max_pending &&
           pb_encoder_send(&s->encoder).len < s->max_queued;
}

bool pb_session_want_send(const pb_session *s)
{
    return !s->lost &&
           (pb_encoder_send(&s->encoder).len > 0 || !pb__list_empty(&s->owed));
}

bool pb_session_is_ready(const pb_session *s)
{
    return s->state == PB__OPEN;
}

bool pb_session_is_closed(const pb_session *s)
{
    return s->state == PB__CLOSED;
}

const pb_error *pb_session_error(const pb_session *s)
{
    return s->error ? s->error : spare_error(PB_OK);
}

void *pb_session_user_data(const pb_session *s)
{
    return s->user_data;
}

int pb_session_set_limits(pb_session *s, const pb_limits *l)
{
    s->jelly.limits = l ? *l : (pb_limits){0};
    pb_decoder_set_limits(&s->decoder, l);
    pb_encoder_set_limits(&s->encoder, l);
    return 0;
}

void pb_session_get_stats(const pb_session *s, pb_session_stats *out)
{
    *out = (pb_session_stats){
        .pending = s->pending,
        .serving = s->serving,
        .exported = s->exports.len,
        .held = s->held,
        .queued = s->lost ? 0 : pb_encoder_send(&s->encoder).len,
    };
}
