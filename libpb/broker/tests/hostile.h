/* SPDX-License-Identifier: MIT
 *
 * A peer that may send anything: streams made token by token for one session, whose costs
 * are counted. */
#ifndef PB__TEST_HOSTILE_H
#define PB__TEST_HOSTILE_H

#include "libpb/broker/tests/pair.h"

/* Bytes to send. A word of the vocabulary goes as one. */
struct stream {
    pb_encoder *encoder;
    pb_sink out;
};

static inline struct stream stream_new(void)
{
    struct stream s = {.encoder = pb_encoder_new(PB_DIALECT_PB, NULL)};
    cr_assert_not_null(s.encoder);
    s.out = pb_encoder_sink(s.encoder);
    return s;
}

static inline void stream_list(struct stream *s, size_t n)
{
    cr_assert_eq(s->out.ops->list(s->out.ctx, n), 0);
}

static inline void stream_end(struct stream *s)
{
    cr_assert_eq(s->out.ops->end(s->out.ctx), 0);
}

static inline void stream_int(struct stream *s, int64_t i)
{
    cr_assert_eq(s->out.ops->integer(s->out.ctx, i), 0);
}

static inline void stream_bytes(struct stream *s, pb_span bytes)
{
    cr_assert_eq(s->out.ops->bytes(s->out.ctx, bytes), 0);
}

static inline void stream_word(struct stream *s, const char *word)
{
    stream_bytes(s, (pb_span){(const uint8_t *)word, strlen(word)});
}

/* Begins a list of a word and n more. */
static inline void stream_head(struct stream *s, const char *word, size_t n)
{
    stream_list(s, n + 1);
    stream_word(s, word);
}

/* Begins a call, whose args and kwargs follow, and `end`. The object is a number, or the
 * root if it is negative. */
static inline void stream_call(struct stream *s, const char *message, int64_t object,
                               const char *method)
{
    stream_head(s, message, 6);
    stream_int(s, 1);
    if (object < 0) {
        stream_word(s, "root");
    } else {
        stream_int(s, object);
    }
    stream_word(s, method);
    stream_int(s, 1);
}

static inline void stream_no_kwargs(struct stream *s)
{
    stream_head(s, "dictionary", 0);
    stream_end(s);
}

/* A list whose two members are one list, whose two members are one list, ...: its repr is
 * 2 to the power of depth long. */
static inline void stream_laughs(struct stream *s, int depth)
{
    for (int i = 1; i <= depth; i++) {
        stream_head(s, "list", 2);
        stream_head(s, "reference", 2);
        stream_int(s, i);
    }
    stream_head(s, "list", 0);
    stream_end(s);
    for (int i = depth; i >= 1; i--) {
        stream_end(s);
        stream_head(s, "dereference", 1);
        stream_int(s, i);
        stream_end(s);
        stream_end(s);
    }
}

/* The session that is attacked, and what it logged. */
struct victim {
    pb_session *session;
    size_t lines, longest, logged; /* bytes */
    bool unsafe;                   /* a line had a character that acts on a terminal */
    pb_error why;
};

static inline void victim_log(pb_session *s, pb_log_level level, const char *text,
                              void *user_data)
{
    struct victim *v = user_data;
    size_t len = strlen(text);
    (void)s;
    (void)level;
    for (const char *c = text; *c; c++) {
        v->unsafe |= (unsigned char)*c < ' ' || *c == 0x7f;
    }
    v->unsafe |= strstr(text, "\xc2\x9b") || strstr(text, "\xe2\x80\xae");
    v->lines++;
    v->logged += len;
    v->longest = v->longest < len ? len : v->longest;
}

static inline void victim_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    ((struct victim *)user_data)->why = *why;
}

/* A server that has negotiated; it logs if a level is given, and logs nothing by 0. */
static inline void victim_begin(struct victim *v, pb_session_config c, int level)
{
    static const uint8_t negotiation[] = {2, 0x82, 'p', 'b'};
    *v = (struct victim){0};
    c.on_log = level ? victim_log : NULL;
    c.log_level = (pb_log_level)level;
    c.on_close = victim_close;
    c.user_data = v;
    v->session = pb_session_server_new(&c, 0);
    cr_assert_not_null(v->session);
    cr_assert_eq(
        pb_session_recv(v->session, (pb_span){negotiation, sizeof negotiation}, 0), 0);
    pb_session_sent(v->session, pb_session_send(v->session).len, 0);
}

/* Gives the stream to the session, frees it, and returns its length. */
static inline size_t victim_feed(struct victim *v, struct stream *s)
{
    pb_span in = pb_encoder_send(s->encoder);
    pb_session_recv(v->session, in, 0);
    pb_encoder_free(s->encoder);
    return in.len;
}

static inline void victim_end(struct victim *v)
{
    pb_session_free(v->session);
}

#endif
