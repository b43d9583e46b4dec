/* SPDX-License-Identifier: MIT
 *
 * A scenario being replayed: two sides, what each has written, and what we know of the
 * state that the brokers are in. Shared by replay_scenario.c, which reads the chunks,
 * replay_broker.c, which judges messages as the receiving broker does, and replay_calls.c,
 * which compares what was said with the expectations. */
#ifndef PB__TOOLS_REPLAY_ENGINE_SCENARIO_H
#define PB__TOOLS_REPLAY_ENGINE_SCENARIO_H

#include "libpb/banana/encode.h"
#include "libpb/base/buf.h"
#include "libpb/base/map.h"
#include "libpb/jelly/jelly.h"
#include "pb/broker.h"
#include "tools/replay/engine/check.h"

/* An expression that crossed. */
struct spoken {
    size_t first, line; /* of its first byte, and of its last */
    int from;           /* an index of sides */
    pb_dialect dialect;
    size_t at, len;       /* of its bytes in the side's `wire` */
    pb_value *value;      /* a list of members, NULL where one was refused; or a scalar */
    pb_error refused;     /* why a member is NULL; code 0: none is */
    bool own;             /* written by the broker, not put on the wire raw */
    bool ended;           /* the other side ended the connection on it */
    const json_t *served; /* what of the expectations it is; NULL: no method served it */
};

struct side {
    const char *name;
    bool raw; /* writes what no broker would */

    /* What it writes. */
    pb_decoder *decoder;
    struct pb__reader *reader;
    pb_encoder *encoder;
    struct pb__invoker keeper;
    struct pb__buf bytes; /* of the expression that has begun */
    struct pb__buf last;  /* of the one before */
    struct pb__buf wire;  /* of all that are complete */
    size_t first;         /* the line on which the one that has begun did */
    struct pb__buf lent;  /* struct lent: what that expression lends */
    pb_value *value;      /* once it is complete; and why a member is NULL */
    pb_error refused;
    bool complete;
    size_t count; /* expressions before it */

    /* What its broker knows. */
    struct pb__map waiting; /* request ids that it waits for: all the same */
    struct pb__map objects; /* luids that its peer holds, and their counts */
    struct pb__map caches;  /* the same for caches, one more until they are uncached */

    /* Why it ends the connection, and the line that makes it; code 0: it does not. */
    pb_error ends;
    bool quiet; /* of its own accord: not by an exception */
    bool ended; /* and so says the capture */
    size_t ends_line;
};

/* A luid that an expression hands out. */
struct lent {
    int64_t luid;
    bool cache, again; /* again: counted, but not new ("cached") */
};

struct scenario {
    struct replay *r;
    const json_t *expect;
    struct side sides[2];
    struct pb__buf spoken; /* of struct spoken */
    pb_jelly_config jelly; /* allows everything */
    bool over;             /* what follows would be judged by a state that is wrong */
};

enum { CLIENT, SERVER };

/* The expressions so far. */
static inline struct spoken *spoken_at(const struct scenario *s, size_t i)
{
    return (struct spoken *)(void *)s->spoken.data + i;
}

static inline size_t spoken_count(const struct scenario *s)
{
    return s->spoken.len / sizeof(struct spoken);
}

/* Member i of an expression, borrowed; NULL where there is none, or it was refused. */
pb_value *spoken_member(const struct spoken *m, size_t i);
/* Whether it is a list that begins with this word. */
bool spoken_is(const struct spoken *m, const char *command);

/* The call of the expectations that a message is: the same side, request and method; NULL
 * if there is none. */
const json_t *call_of(const struct scenario *s, const struct spoken *m);

/* Takes an expression as the broker of the other side does: follows its state, or sets
 * err to why it drops the connection. */
int broker_receive(struct scenario *s, struct spoken *m, pb_error *err);
/* Whether the other side's default security refuses the answer or error. */
bool broker_refuses(struct scenario *s, const struct spoken *m, pb_span bytes);

/* What the other side said to a call after that; NULL if nothing. */
const struct spoken *reply_to(const struct scenario *s, const struct spoken *m);

/* Compares all expectations with what was spoken. */
void replay_calls(struct scenario *s);
/* The same for what a session gave its application: the arguments of a call that was
 * served, and how a call ended (one of result and failure). */
int replay_served(const struct scenario *s, const json_t *served, pb_value *args,
                  pb_value *kwargs, pb_error *err);
int replay_ended(const struct scenario *s, const json_t *call, pb_value *result,
                 const pb_failure *failure, pb_error *err);

/* Plays one side of it by a session. */
void replay_session(const struct scenario *s, const json_t *lines, int who);

#endif
