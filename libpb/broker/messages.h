/* SPDX-License-Identifier: MIT
 *
 * The kinds of messages: the table of those that are received (proto.c), and for each
 * kind one file that handles what was received and writes what is sent. */
#ifndef PB__MESSAGES_H
#define PB__MESSAGES_H

#include "libpb/base/error.h"
#include "libpb/base/list.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/session.h"
#include "libpb/jelly/jelly.h"

/* A message that was received, complete. */
struct pb__received {
    pb_value *list;          /* its members, NULL for those that were refused; owned */
    size_t memory;           /* bytes that its values take */
    const pb_error *refused; /* the first of those errors, or NULL */
    pb_error *err;           /* to fill with what ends the session */
    const struct pb__proto *proto;
    struct pb__list arriving; /* pb__copy.arriving: the copies in it */
    pb_error why;             /* what `refused` points to */
};

/* ---- proto.c: the table ---- */

#define PB__CALL_MEMBERS \
    "request", "object", "method", "answer required", "args", "kwargs"

/* All messages, the most frequent first: the name, the number of members after it, the
 * function that handles it, and the names of these members. */
#define PB__MESSAGE_MAP(X)                                            \
    X("message", 6, pb__message_received, PB__CALL_MEMBERS)           \
    X("answer", 2, pb__answer_received, "request", "result")          \
    X("decref", 1, pb__decref_received, "object")                     \
    X("error", 2, pb__error_received, "request", "failure")           \
    X("cachemessage", 6, pb__cachemessage_received, PB__CALL_MEMBERS) \
    X("decache", 1, pb__decache_received, "object")                   \
    X("uncache", 1, pb__uncache_received, "object")                   \
    X("version", 1, pb__version_received, "version")                  \
    X("didNotUnderstand", 1, pb__did_not_understand_received, "command")

struct pb__proto {
    const char *name;
    size_t name_len;
    size_t arity; /* members after the command */
    const char *members[6];
    /* Non-zero, with m->err filled, ends the session. */
    int (*received)(pb_session *s, struct pb__received *m);
};

/* Logs it, as Broker.proto_didNotUnderstand does. */
int pb__did_not_understand_received(pb_session *s, struct pb__received *m);
/* The name of a member, for errors: pb__reader_config.member_name. */
const char *pb__proto_member(const pb_value *command, size_t i, void *ctx);
/* Handles the message and frees it. Non-zero, with m->err filled, ends the session. */
int pb__proto_received(pb_session *s, struct pb__received *m);
/* Fills m->err, with the place, for a message that ends the session; member 0 is the
 * message itself. Returns PB_ERR_PROTOCOL; a member that was refused for lack of memory
 * has the code and the text of that instead. */
int pb__malformed(pb_session *s, struct pb__received *m, size_t member,
                  const char *format, ...) PB_PRINTF(4, 5);
/* Member i (1 is the first after the command), NULL if it was refused. */
static inline pb_value *pb__member(const struct pb__received *m, size_t i)
{
    return ((const struct pb__seq *)m->list)->items[i];
}

/* ---- negotiate.c ---- */

/* Writes the dialects that a server offers. */
int pb__negotiate_begin(pb_session *s);
/* Handles any message that arrives before the session is ready. */
int pb__negotiate_received(pb_session *s, struct pb__received *m);
int pb__version_received(pb_session *s, struct pb__received *m);

/* ---- message.c, incoming_call.c ---- */

/* Writes a call, with s->calls->last_request + 1 as its number, and counts that up. */
int pb__message_write(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                      pb_value *kwargs, bool answer, pb_error *err);
/* The keyword arguments, *new*, with the names as the peer's native strings. PB_ERR_TYPE
 * for a name that is no text. */
int pb__keywords(const pb_session *s, pb_value *kwargs, pb_value **out, pb_error *err);
int pb__message_received(pb_session *s, struct pb__received *m);
int pb__cachemessage_received(pb_session *s, struct pb__received *m);

/* ---- answer.c, error.c ---- */

int pb__answer_write(pb_session *s, pb_value *id, pb_value *result,
                     pb_object *perspective, pb_error *err);
int pb__answer_received(pb_session *s, struct pb__received *m);
/* Writes a failure. One that cannot be sent is replaced by one that says why; if there is
 * no memory for that, the session ends. */
void pb__error_write(pb_session *s, pb_value *id, const pb_failure *f,
                     enum pb__failing how);
/* Writes an exception that is sent as an object or instance, and not as a failure. */
int pb__error_write_value(pb_session *s, pb_value *id, pb_value *v, pb_error *err);
int pb__error_received(pb_session *s, struct pb__received *m);
/* The call that m answers, taken out of the table; NULL with *failed if there is none. */
pb_call *pb__answered_call(pb_session *s, struct pb__received *m, int *failed);

/* ---- decref.c, decache.c, uncache.c ---- */

int pb__decref_received(pb_session *s, struct pb__received *m);
int pb__decache_received(pb_session *s, struct pb__received *m);
int pb__uncache_received(pb_session *s, struct pb__received *m);
/* Write the decrefs and decaches that are due. Those for which there is no memory stay
 * due. pb__decache_flush_due needs s->caches. */
void pb__decref_flush_due(pb_session *s);
void pb__decache_flush_due(pb_session *s);
/* Ends the session if there is no memory for it. */
void pb__uncache_write(pb_session *s, int64_t luid);

/* Both of them, if any is due. */
static inline void pb__decref_flush(pb_session *s)
{
    if (!pb__list_empty(&s->decrefs_due)) {
        pb__decref_flush_due(s);
    }
    if (s->caches) {
        pb__decache_flush_due(s);
    }
}

#endif
