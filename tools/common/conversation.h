/* SPDX-License-Identifier: MIT
 *
 * Follows the conversation of two brokers from outside: takes the bytes of both sides, in
 * the order in which they were sent, and reports messages; an answer is reported with the
 * call that it belongs to. Following may begin in the middle of a connection. */
#ifndef PB__TOOLS_COMMON_CONVERSATION_H
#define PB__TOOLS_COMMON_CONVERSATION_H

#include "libpb/base/map.h"
#include "tools/common/broker_expression.h"

enum { SIDE_CLIENT, SIDE_SERVER, SIDE_COUNT };
/* "client" and "server", and their letters in the numbers of objects. */
extern const char *const side_names[SIDE_COUNT];
extern const char side_letters[SIDE_COUNT];
/* The side of that name; -1 for any other text, and for NULL. */
int side_by_name(const char *name);

/* Limits above those that real services set. */
extern const pb_limits conversation_limits;

/* ---- Messages ---- */

/* The members of a call, message or cachemessage. */
enum {
    CALL_REQUEST = 1,
    CALL_OBJECT,
    CALL_METHOD,
    CALL_ANSWER_WANTED,
    CALL_ARGS,
    CALL_KWARGS,
};

/* The members of an answer or an error. */
enum {
    ANSWER_REQUEST = 1,
    ANSWER_VALUE,
};

enum message_kind {
    MESSAGE_DIALECTS, /* the dialects that the server offers */
    MESSAGE_DIALECT,  /* the one that the client chose */
    MESSAGE_CALL,     /* message, cachemessage */
    MESSAGE_ANSWER,
    MESSAGE_ERROR,
    MESSAGE_OTHER, /* version, decref, ..., and an expression that is not a message */
};

/* Member i of a message, borrowed; NULL if there is none, or if it was malformed. */
pb_value *message_member(const pb_value *message, size_t i);
/* The number of members that a message has after its command; 0 if there is no such
 * command. */
size_t message_arity(const pb_value *command);
/* The dialect of that name; PB_DIALECT_UNKNOWN if there is none, or v is not bytes. */
pb_dialect dialect_by_name(const pb_value *v);
/* The dialect by which a decoder reads what a peer of that profile reads as d: old
 * versions of Twisted read the vocabulary in the dialect none, too. */
pb_dialect dialect_for_reading(pb_dialect d, pb_profile profile);

/* ---- Following ---- */

/* A call that was seen. */
struct conversation_call {
    int from;
    int64_t request;
    double time;
    bool cache; /* a cachemessage */
    bool wants_answer;
    pb_value *message;
};

struct conversation_message {
    enum message_kind kind;
    int from;
    double time; /* seconds, by the clock of the recording */
    size_t bytes;
    pb_value *value;         /* a list whose malformed members are NULL, or a scalar */
    const pb_error *refused; /* why a member is malformed; NULL: none is */
    /* The call itself, or the call that is answered; NULL: that call was not seen. */
    const struct conversation_call *call;
};

struct conversation_side {
    pb_decoder *decoder;
    struct pb__reader *reader;
    struct pb__invoker invoker;
    struct broker_expression_observer observer;
    struct conversation *conversation;
    struct pb__map calls;    /* request to struct conversation_call: not answered yet */
    struct pb__map exported; /* luid to count: objects that the other side refers to */
    uint64_t message_start;  /* the offset in the stream of the message being read */
    uint64_t received;       /* bytes in all */
    uint64_t count;          /* messages */
    uint64_t skipped;        /* bytes before the first message: see `joins` */
    pb_value *value;         /* of the message that has just been completed */
    pb_error refused;        /* why a member of it is malformed; code 0: none is */
    bool complete;
    bool damaged; /* the rest of the stream cannot be read */
};

struct conversation {
    struct conversation_side sides[SIDE_COUNT];
    pb_jelly_config jelly;
    double time;
    /* The streams may have been joined in the middle, or be of another protocol: bytes
     * before the first message are skipped, up to a chunk that begins with one. */
    bool joins;
    int status; /* non-zero stops everything: PB_ERR_NOMEM, or set by a callback */
    void (*message)(const struct conversation_message *m, void *ctx);
    /* The stream of a side cannot be read from that offset on. */
    void (*damage)(int from, double time, uint64_t offset, const pb_error *why,
                   void *ctx);
    void *ctx;
};

/* The caller sets message, damage and ctx afterwards. PB_ERR_NOMEM. */
int conversation_init(struct conversation *c);
/* Takes bytes that a side sent. Returns c->status. */
int conversation_receive(struct conversation *c, int from, double time, pb_span in);
/* The stream of a side ended. In the middle of a message, that is damage. */
void conversation_end(struct conversation *c, int from);
/* How many references to objects of `from` the other side has not released. */
size_t conversation_exported(const struct conversation *c, int from);
void conversation_fini(struct conversation *c);

#endif
