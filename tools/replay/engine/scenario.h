/* SPDX-License-Identifier: MIT
 *
 * A scenario that is checked: the two sides, the messages that each sent, and the
 * state of their brokers as far as it follows from these. Shared by scenario.c, which
 * decodes the chunks, receiving_broker.c, which handles messages as the receiving
 * broker does, and expectations.c, which compares the messages with the expectations
 * of the file. */
#ifndef PB__TOOLS_REPLAY_ENGINE_SCENARIO_H
#define PB__TOOLS_REPLAY_ENGINE_SCENARIO_H

#include "pb/broker.h"
#include "tools/common/conversation.h"
#include "tools/replay/engine/check.h"

/* A top-level expression that a side sent. */
struct scenario_message {
    size_t first, line; /* lines of the file: of its first byte, and of its last */
    int from;           /* SIDE_CLIENT or SIDE_SERVER */
    pb_dialect dialect;
    size_t at, len;       /* of its bytes in the side's `sent` */
    pb_value *value;      /* a list, in which a refused member is NULL; or a scalar */
    pb_error refused;     /* why a member is NULL; code 0: none is */
    bool own;             /* written by the side's broker, not as raw bytes */
    bool ended;           /* the other side ended the connection because of it */
    const json_t *served; /* the served call of the expectations; NULL: none */
};

struct scenario_side {
    const char *name;
    bool raw; /* sends raw bytes that no broker writes */

    /* The stream that it sends. */
    pb_decoder *decoder;
    struct pb__reader *reader;
    pb_encoder *encoder;
    struct pb__invoker keeper;
    struct broker_expression_observer observer;
    struct pb__buf bytes;   /* of the message that is being read */
    struct pb__buf last;    /* of the message before that */
    struct pb__buf sent;    /* of all complete messages */
    size_t first;           /* the line on which the message that is being read began */
    struct pb__buf exports; /* struct exported_luid: what that message exports */
    pb_value *value;        /* of a message that has just been completed */
    pb_error refused;       /* why a member of it is malformed; code 0: none is */
    bool complete;
    size_t count; /* messages before it */

    /* The state of its broker. */
    struct pb__map waiting; /* requests that have not been answered, to 1 */
    struct pb__map objects; /* exported luids to their counts */
    struct pb__map caches;  /* the same for caches, plus one until they are uncached */

    /* Why it ends the connection by our judgement; code 0: it does not. */
    pb_error ends;
    size_t ends_line; /* the line of the file that makes it end the connection */
    bool quiet;       /* it closes the connection without an exception */
    bool ended;       /* it ended the connection, in the file, by an exception */
};

/* A luid in a message: a reference to an object of the sender, or a cache. */
struct exported_luid {
    int64_t luid;
    bool cache;
    bool again; /* it adds a count, but must be known ("cached") */
};

struct scenario {
    struct check *check;
    const json_t *expect;
    struct scenario_side sides[SIDE_COUNT];
    struct pb__buf messages; /* struct scenario_message */
    pb_jelly_config jelly;   /* allows everything */
    bool over;               /* after a failure by which the state is wrong */
};

/* ---- scenario.c ---- */

/* The messages so far. */
static inline struct scenario_message *scenario_message_at(const struct scenario *s,
                                                           size_t i)
{
    return (struct scenario_message *)(void *)s->messages.data + i;
}

static inline size_t scenario_message_count(const struct scenario *s)
{
    return s->messages.len / sizeof(struct scenario_message);
}

static inline pb_span scenario_message_bytes(const struct scenario *s,
                                             const struct scenario_message *m)
{
    return (pb_span){s->sides[m->from].sent.data + m->at, m->len};
}

/* Member i of a message, borrowed; NULL if there is none, or if it was refused. */
pb_value *scenario_member(const struct scenario_message *m, size_t i);
/* Argument i of a call, borrowed; NULL if there is none. */
pb_value *scenario_argument(const struct scenario_message *m, size_t i);
/* Whether a message is a list that begins with this word. */
bool scenario_is(const struct scenario_message *m, const char *command);
/* Whether it is a call: message or cachemessage. */
bool scenario_is_call(const struct scenario_message *m);
/* Whether it is an answer or an error. */
bool scenario_is_reply(const struct scenario_message *m);
/* The answer or error to a call; NULL if there is none. */
const struct scenario_message *scenario_reply_to(const struct scenario *s,
                                                 const struct scenario_message *call);

/* ---- decode_message.c ---- */

struct decoded_message {
    pb_value *value;     /* owned by the receiver; NULL: there is no message */
    pb_error refused;    /* why a member of it is NULL; code 0: none is */
    size_t len;          /* bytes of the message */
    pb_decoder *decoder; /* while decoding */
};

/* Decodes the first message in `in`. limits may be NULL. Errors as pb_decoder_recv. */
int scenario_decode(const pb_jelly_config *jelly, const struct pb__invoker *invoker,
                    pb_dialect dialect, const pb_limits *limits, pb_span in,
                    struct decoded_message *out, pb_error *err);

/* ---- receiving_broker.c ---- */

/* Handles a message as the broker of the other side does: updates its state, or sets
 * err to why it drops the connection. */
int receiving_broker_take(struct scenario *s, struct scenario_message *m, pb_error *err);
/* Whether the other side's default security refuses an answer or error. */
bool receiving_broker_refuses(struct scenario *s, const struct scenario_message *m,
                              pb_span bytes);

/* ---- expectations.c ---- */

/* The call of the expectations for a message, by side, request and method; NULL if
 * there is none. */
const json_t *expected_call_of(const struct scenario *s,
                               const struct scenario_message *m);
/* The n-th step of the expectations that begins so, "login(" or "getAllPages("; NULL if
 * there are not so many. */
const json_t *expected_step(const struct scenario *s, const char *begin, size_t n);
/* Compares all expectations with the messages. */
void check_expectations(struct scenario *s);
/* Compares the arguments of a call that a session gave to its application with those
 * of the served call in the expectations. PB_ERR_TYPE. */
int compare_served_call(const struct scenario *s, const json_t *served, pb_value *args,
                        pb_value *kwargs, pb_error *err);
/* Compares how a call of a session ended, by result or failure, of which one is NULL,
 * with the call in the expectations. PB_ERR_TYPE. */
int compare_call_end(const struct scenario *s, const json_t *call, pb_value *result,
                     const pb_failure *failure, pb_error *err);

/* ---- player.c ---- */

/* Plays one side of the scenario by a session. */
void play_side_by_session(const struct scenario *s, const json_t *lines, int side);

#endif
