/* SPDX-License-Identifier: MIT
 *
 * What two brokers say to each other, for tools that listen: the bytes of both sides go
 * in, in the order in which they crossed, and messages come out, answers with the calls
 * that they belong to. Listening may begin in the middle. */
#ifndef PB__TOOLS_TALK_H
#define PB__TOOLS_TALK_H

#include "libpb/base/map.h"
#include "tools/form.h"

enum { TALK_CLIENT, TALK_SERVER, TALK_SIDES };
extern const char *const talk_sides[TALK_SIDES]; /* their names */

/* Places in a call; TALK_REQUEST is one in answers and errors, too. */
enum {
    TALK_REQUEST = 1,
    TALK_OBJECT,
    TALK_METHOD,
    TALK_WANTED,
    TALK_ARGS,
    TALK_KWARGS,
};

enum talk_kind {
    TALK_DIALECTS, /* the server's offer */
    TALK_DIALECT,  /* the client's choice */
    TALK_CALL,     /* message, cachemessage */
    TALK_ANSWER,
    TALK_ERROR,
    TALK_OTHER, /* version, decref, ...; and what is no message at all */
};

/* A call that was heard. */
struct talk_call {
    int from;
    int64_t request;
    double time;
    bool cache; /* a cachemessage */
    bool wants_answer;
    pb_value *message; /* which holds object and method */
};

struct talk_message {
    enum talk_kind kind;
    int from;
    double time; /* seconds, by the source's clock */
    size_t bytes;
    pb_value *value;              /* its members, NULL for those that are malformed */
    const pb_error *refused;      /* why; NULL: none is */
    const struct talk_call *call; /* of a call, answer or error; NULL: not heard */
};

struct talk_side {
    pb_decoder *decoder;
    struct pb__reader *reader;
    struct pb__invoker invoker;
    struct form_watch watch;
    struct talk *talk;
    struct pb__map calls; /* request to struct talk_call: not answered yet */
    struct pb__map lent;  /* luid to count: objects of this side that the other holds */
    uint64_t begun;       /* offset in the stream of the message that is being read */
    uint64_t heard;       /* bytes in all */
    uint64_t count;       /* messages */
    bool damaged;         /* nothing more can be made of it */
};

struct talk {
    struct talk_side sides[TALK_SIDES];
    pb_jelly_config jelly;
    double time;
    int status; /* what stops it: lack of memory */
    void (*message)(const struct talk_message *m, void *ctx);
    /* What a side wrote cannot be read on from an offset in its stream. */
    void (*damage)(int from, double time, uint64_t offset, const pb_error *why,
                   void *ctx);
    void *ctx;
};

/* With message, damage and ctx set by the caller afterwards. PB_ERR_NOMEM. */
int talk_init(struct talk *t);
/* Bytes of a side. PB_ERR_NOMEM. */
int talk_hear(struct talk *t, int from, double time, pb_span in);
/* The stream of a side ended: in the middle of a message that is damage. */
void talk_end(struct talk *t, int from);
/* Counts of objects that `from` has handed out and not been given back. */
size_t talk_lent(const struct talk *t, int from);
void talk_fini(struct talk *t);

/* What real services raise their limits to, and more. */
extern const pb_limits talk_limits;
/* Whether v, which may be NULL, is a word of the protocol's. */
bool talk_is_word(const pb_value *v, const char *word);
/* Member i of a message, borrowed; NULL where there is none, or it is malformed. */
pb_value *talk_member(const pb_value *message, size_t i);

#endif
