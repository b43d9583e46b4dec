/* SPDX-License-Identifier: MIT
 *
 * The session's insides, and what its files offer one another. What arrives goes from the
 * reader, message by message, to pb__proto_received, by the table of messages to one
 * function for each, and from there to the application; what leaves is written between
 * pb__write_begin and pb__write_end, which undo all of it where a part of it fails.
 *
 * While a message is handled no decoder is on the stack, so that the application may have
 * the next ones handled before it returns: a blocking client that is used again from a
 * method does. What a function here still needs after a callback must bear that.
 *
 * Every public function that may end the session, or call the application, runs between
 * pb__session_enter and pb__session_leave. Ending only marks the session closed; the
 * callbacks that follow from it, and freeing, wait until the outermost call leaves. */
#ifndef PB__SESSION_H
#define PB__SESSION_H

#include "libpb/banana/encode.h"
#include "libpb/base/error.h"
#include "libpb/base/export.h"
#include "libpb/base/list.h"
#include "libpb/base/map.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/shared.h"
#include "pb/flavors.h"

#define PB__COPYABLE_FAILURE "twisted.spread.pb.CopyableFailure"

enum pb__session_state { PB__NEGOTIATING, PB__OPEN, PB__CLOSED };

/* Our calls: made with the first, for most servers have none. */
struct pb__calls {
    struct pb__map sent;     /* request id to pb_call: sent and not answered */
    struct pb__list waiting; /* pb_call.waiting: whose callback has not run, in order */
    struct pb__list timers;  /* pb_call.timer, by deadline */
    struct pb__list untimed; /* pb_call.timer: of which it is not known when they began */
    struct pb__list unsent;  /* pb__unsent.link: made before the session was ready */
    size_t pending;          /* length of waiting */
    int64_t last_request;
};

/* What came while reading had stopped. */
struct pb__kept {
    struct pb__buf in;
    size_t handled; /* bytes of it */
};

/* What the application has attached to a session. */
struct pb__attached {
    struct pb__notifier *notifiers; /* in the order in which they are called */
    void *data;
    void (*destroy)(void *data);
};

struct pb_session {
    pb_encoder encoder;
    struct pb__shared *shared; /* one count */
    struct pb__kit *kit;       /* while a message comes; NULL: between messages */
    uint64_t messages;         /* that came */
    void *driver;
    struct pb__kept *kept;   /* NULL: nothing came while reading had stopped */
    pb_span *in;             /* of pb_session_recv on the stack: what was not read yet */
    int64_t now;             /* as last told */
    int64_t negotiate_by;    /* INT64_MAX: there is no hurry, or not any more */
    struct pb__calls *calls; /* NULL: none was made yet */

    /* The peer's calls. */
    struct pb__list requests; /* pb_request.link: those alive */
    size_t serving;           /* those not answered yet */
    uint64_t answered;        /* where the last answer ends, from pb_encoder_mark */
    uint64_t failures;        /* how many Failures Twisted would have made: their count */

    /* Objects of ours. */
    pb_object *root;
    struct pb__published *published; /* beside root */
    struct pb__exports *exports;     /* NULL: the peer holds none */
    int64_t last_luid;

    /* References to the peer's. */
    struct pb__list remotes; /* pb_remote.link: those alive, by name before received */
    struct pb__list owed; /* pb_remote.link: dead ones, whose decref is to be written */
    struct pb__list late; /* likewise, once the message that comes has been handled */
    size_t held;          /* those of all three that owe a decref */

    struct pb__attached *attached; /* NULL: the application has attached nothing */
    struct pb__pagers *pagers;     /* pager.c; NULL: nothing is being paged */
    struct pb__caches *caches;     /* copies.h; NULL: none was sent or came yet */

    pb_error *error;        /* why it is closed: on the heap, or a spare one */
    const char *refused_as; /* the exception that the invoker raised while writing */
    pb_object *perspective; /* for whom is written; borrowed, NULL: nobody */

    uint16_t depth;  /* calls of public functions on the stack */
    uint8_t state;   /* enum pb__session_state */
    uint8_t strikes; /* times that more than max_refs were asked for */
    bool is_client;
    bool reading;  /* a message is being read, or what was refused of one dropped */
    bool writing;  /* between pb__write_begin and pb__write_end */
    bool finished; /* on_close has run, or runs */
    bool freeing;  /* pb_session_free was called */
    bool lost;     /* nothing more can be sent */
    bool woken;    /* on_wake has run, and the driver has not come yet */
    bool paused;   /* the application does not want to hear more now */
    bool full;     /* more than high_mark waited, and more than low_mark still does */
    bool resumed;  /* it does again, and the driver does not know yet */
    bool told;     /* the driver on the stack told the time */
    bool timed;    /* there is a new deadline, and the driver does not know yet */
};

static inline bool pb__session_open(const pb_session *s)
{
    return s->state != PB__CLOSED;
}

static inline pb_profile pb__profile(const pb_session *s)
{
    return s->shared->config.jelly.profile;
}

/* ---- session.c ---- */

void pb__session_enter(pb_session *s);
/* s may be gone afterwards. */
void pb__session_leave(pb_session *s);
/* Marks the session closed. Of several reasons the first stays. */
void pb__session_end(pb_session *s, const pb_error *why);
void pb__session_end_nomem(pb_session *s);
/* Tells the driver that there is something to do, unless it is on the stack. */
void pb__session_wake(pb_session *s);
/* Under PB_DEBUG: that counts and tables agree. */
void pb__session_check(const pb_session *s);

/* ---- back_pressure.c ---- */

/* Whether messages of the peer's are handled now: never in the midst of one that is read
 * or written. */
bool pb__session_hears(const pb_session *s);
/* Whether there are some that have come already. */
bool pb__session_has_input(const pb_session *s);
size_t pb__session_queued(const pb_session *s);
/* PB_ERR_LIMIT if so much waits to be sent that no more may. */
int pb__session_queue_check(const pb_session *s, pb_error *err);
/* Something was written, or sent. */
void pb__session_wrote(pb_session *s);
void pb__session_drained(pb_session *s);

/* ---- write_message.c ---- */

/* Where a message begins. For its time the perspective (may be NULL) is s->perspective,
 * Twisted's serializingPerspective. */
uint64_t pb__write_begin(pb_session *s, pb_object *perspective);
/* Ends it: with failed 0 it stands, else it is taken back with its counts of references,
 * and err filled. Returns failed. */
int pb__write_end(pb_session *s, uint64_t mark, int failed, pb_error *err);
/* The same for an answer or an error. */
int pb__write_answer_end(pb_session *s, uint64_t mark, int failed, pb_error *err);
/* The head of a message of n members, its command included. */
int pb__write_head(pb_session *s, size_t n, unsigned word);
/* Plain bytes: a vocabulary word as its number. */
int pb__write_string(pb_session *s, const char *text);
/* Any value as jelly. */
int pb__write_value(pb_session *s, pb_value *v, pb_error *err);
/* Text as the peer's native string: str, or bytes for Python 2. NULL for lack of memory;
 * what is no UTF-8 is replaced by '?'. */
pb_value *pb__native(const pb_session *s, const char *text);

/* ---- proto.c: the table of messages ---- */

/* A message that came whole. */
struct pb__received {
    pb_value *list;          /* its members, NULL for those that were refused; owned */
    const pb_error *refused; /* the first such error, or NULL */
    pb_error *err;           /* for what ends the session */
    const struct pb__proto *proto;
    struct pb__list arriving; /* pb__copy.arriving: those in it */
    pb_error why;             /* what `refused` points to */
};

struct pb__proto {
    const char *name;
    size_t name_len;
    size_t arity; /* members after the command */
    const char *members[6];
    /* Non-zero, with m->err filled, ends the session. */
    int (*received)(pb_session *s, struct pb__received *m);
};

/* The reader's `done` and `member_name`; the first stops the decoder. */
int pb__proto_complete(struct pb__message *message, void *ctx);
const char *pb__proto_member(const pb_value *command, size_t i, void *ctx);
/* Handles the message, which is freed. Non-zero ends the session, with m->err filled. */
int pb__proto_received(pb_session *s, struct pb__received *m);
/* Fills err, with the place, for a message that ends the session; member 0 is the whole.
 * Returns PB_ERR_PROTOCOL. */
int pb__malformed(pb_session *s, struct pb__received *m, size_t member,
                  const char *format, ...) PB_PRINTF(4, 5);
/* Member i (1 is the first after the command), NULL where it was refused. */
static inline pb_value *pb__member(const struct pb__received *m, size_t i)
{
    return ((const struct pb__seq *)m->list)->items[i];
}

int pb__version_received(pb_session *s, struct pb__received *m);
int pb__message_received(pb_session *s, struct pb__received *m);
int pb__answer_received(pb_session *s, struct pb__received *m);
int pb__error_received(pb_session *s, struct pb__received *m);
int pb__decref_received(pb_session *s, struct pb__received *m);
int pb__cachemessage_received(pb_session *s, struct pb__received *m);
int pb__decache_received(pb_session *s, struct pb__received *m);
int pb__uncache_received(pb_session *s, struct pb__received *m);

/* ---- negotiate.c ---- */

/* The server's first words. */
int pb__negotiate_begin(pb_session *s);
/* Whatever comes before the session is ready. */
int pb__negotiate_received(pb_session *s, struct pb__received *m);

/* ---- failure.c, failure_state.c ---- */

struct pb_failure {
    uint32_t refs;
    int code;
    const char *mro; /* as pb_request_fail has it; NULL: it came, or is of our own code */
    const char *type, *text, *traceback; /* type NULL: that of code */
    pb_value *value;                     /* what came */
    pb_value *parents;                   /* a list in value, or NULL */
    char *printed;                       /* text, where the value's had to be made */
};

/* Where Twisted makes the Failure that is sent. */
enum pb__failing {
    PB__FAILED_NOW,    /* the method raised the exception */
    PB__FAILED_BEFORE, /* in a Deferred that the method returned */
    PB__FAILED_LATER,  /* in a Deferred, after the method returned it */
    PB__FAILED_BESIDE, /* not of a call: it is among its arguments, or in its answer */
};

/* An error of our own; never NULL, for one of a kept few stands in where memory lacks. */
PB__SHARED pb_failure *pb__failure_new(int code, const char *text);
/* What came in an error message; never NULL. */
pb_failure *pb__failure_received(pb_value *v);
/* Its class and the bases that are known of it, as pb_request_fail has them. */
const char *pb__failure_mro(const pb_failure *f);
/* The failure of a value of pb_failure_to_value, borrowed; NULL for another. */
pb_failure *pb__failure_of(const pb_value *v);
/* Whether v is the state of a failure that came. */
bool pb__is_copied_failure(const pb_value *v);
/* What f is sent as: *new*; NULL for lack of memory. Mirrors
 * CopyableFailure.getStateToCopy. */
pb_value *pb__failure_state(const pb_session *s, const pb_failure *f,
                            enum pb__failing how);

/* ---- message.c, answer.c, error.c, decref.c: writing ---- */

/* As request last_request + 1, which it then is. */
int pb__message_write(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                      pb_value *kwargs, bool answer, pb_error *err);
/* The keyword arguments, *new*, with their names as the peer's native strings.
 * PB_ERR_TYPE for a name that is no text. */
int pb__keywords(const pb_session *s, pb_value *kwargs, pb_value **out, pb_error *err);
int pb__answer_write(pb_session *s, pb_value *id, pb_value *result,
                     pb_object *perspective, pb_error *err);
/* A failure that cannot be sent becomes one that says why; without the memory for that the
 * session ends. */
void pb__error_write(pb_session *s, pb_value *id, const pb_failure *f,
                     enum pb__failing how);
/* An exception that is sent as itself. */
int pb__error_write_value(pb_session *s, pb_value *id, pb_value *v, pb_error *err);
/* The call that m answers, taken out of the table; NULL with *failed if there is none. */
pb_call *pb__answered_call(pb_session *s, struct pb__received *m, int *failed);
/* Writes the decrefs and decaches that are owed, as far as there is memory. */
void pb__decref_flush_owed(pb_session *s);
void pb__decache_flush_owed(pb_session *s);

static inline void pb__decref_flush(pb_session *s)
{
    if (!pb__list_empty(&s->owed)) {
        pb__decref_flush_owed(s);
    }
    if (s->caches) {
        pb__decache_flush_owed(s);
    }
}
/* Ends the session where there is no memory for it. */
void pb__uncache_write(pb_session *s, int64_t luid);

/* ---- object.c, exports.c: objects of ours that the peer may call, or holds ---- */

struct pb_object {
    struct pb__local base; /* holds the state of a copy */
    const pb_class *cls;
    void *self;
    struct pb__weak *weak; /* copies.h; NULL: never observed */
};

struct pb__export {
    pb_object *object;       /* one count */
    struct pb__export *like; /* another whose object has the same key */
    int64_t luid;
    uint64_t count; /* as the peer has it */
    uint64_t fresh; /* of these, by the message that is being written */
    struct pb__export *next_touched;
    void (*cleanup)(void *user_data); /* see pb__export_set_cleanup */
    void *cleanup_data;
};

struct pb__exports {
    struct pb__map by_luid;
    struct pb__map by_object;   /* pb__object_key to the first such pb__export */
    struct pb__export *touched; /* by the message that is being written */
};

struct pb__published {
    struct pb__published *next;
    pb_object *object; /* one count */
    char name[];
};

/* What is alike for all kinds of objects: pb__foreign_ops. */
void pb__object_destroy(struct pb__foreign *f);
bool pb__object_equal(const struct pb__foreign *a, const struct pb__foreign *b);
uint64_t pb__object_hash(const struct pb__foreign *f);
/* One more object, or cache, than there may be. */
int pb__export_refuse(pb_session *s, const char *text, pb_error *err);
/* One more count for o in the message that is being written; its number in *luid. */
int pb__export_add(pb_session *s, pb_object *o, int64_t *luid, pb_error *err);
/* The counts of the message that was written stand, or fall. */
void pb__export_commit(pb_session *s);
void pb__export_undo(pb_session *s);
/* One count less; false if there was none. */
bool pb__export_drop(pb_session *s, int64_t luid);
/* What to call once the peer has given o back, which it holds; instead of what was set
 * before. Not called when the session ends. Nothing happens if the peer does not hold it.
 * Mirrors Broker._localCleanup. */
void pb__export_set_cleanup(pb_session *s, const pb_object *o,
                            void (*cleanup)(void *user_data), void *user_data);
/* Borrowed; NULL for an unknown luid or name. */
pb_object *pb__export_find(const pb_session *s, int64_t luid);
pb_object *pb__published_find(const pb_session *s, pb_span name);
size_t pb__published_count(const pb_session *s);
/* Let go of all objects. */
void pb__export_fini(pb_session *s);
void pb__published_fini(pb_session *s);

/* ---- viewpoint.c ---- */

/* Who is called, as what, and for whom. */
struct pb__callee {
    pb_object *object; /* borrowed from the object that was found, as perspective */
    pb_object *perspective;
    pb_role role;
};

/* Follows those that stand for others, from o in c->role; fills the rest of c. */
void pb__callee(pb_object *o, struct pb__callee *c);
/* Objects that are the same for the peer have the same key; of others only ViewPoints on
 * one object have. Mirror Serializable.processUniqueID. */
uint64_t pb__object_key(const pb_object *o);
bool pb__object_same(const pb_object *a, const pb_object *b);

/* ---- class.c ---- */

/* Gives a request that has `local` to its object's method. */
void pb__serve_local(pb_request *r);

/* "remote_", "view_", ... */
const char *pb__role_prefix(pb_role role);
/* The class's name; for a class without one, the name of Python's base class. */
static inline const char *pb__class_name(const pb_class *cls)
{
    return cls->name ? cls->name : "object";
}
/* The same without its module, as Python's messages have it. */
const char *pb__class_short(const pb_class *cls);
/* The method that the class, or else the nearest of its bases that has it, calls by that
 * name in a role; NULL: none. */
const pb_method *pb__class_method(const pb_class *cls, pb_role role, pb_span name);
/* Whether the class, or one of its bases, has a table for the role. */
bool pb__class_has_role(const pb_class *cls, pb_role role);
/* The class, or else the nearest of its bases, that has the callback at this offset in it;
 * NULL: none. */
const pb_class *pb__class_with(const pb_class *cls, size_t callback);

/* ---- incoming_call.c ---- */

/* Gives a request that has `local` to its object's method. */
void pb__serve_local(pb_request *r);

/* "remote_", "view_", ... */
const char *pb__role_prefix(pb_role role);
/* What the object id of a message stands for, borrowed; NULL: nothing. */
typedef pb_object *(*pb__find_cb)(pb_session *s, const pb_value *id);
/* Serves message, or cachemessage. */
int pb__call_received(pb_session *s, struct pb__received *m, pb__find_cb find,
                      pb_role role);

/* ---- remote.c: references to the peer's objects ---- */

struct pb_remote {
    struct pb__foreign base;
    struct pb__list link;
    pb_session *session; /* maybe closed; NULL: it has finished */
    int64_t luid;
    pb_object *perspective; /* one count while the session lasts; NULL: none */
    bool counted;           /* owes a decref; else it goes by name */
    bool arriving; /* in the message that comes; its perspective isn't known yet */
    struct pb__weak
        *observed; /* copies.h: what the peer's caches are of; NULL: no observer */
    struct pb__local_target
        *target; /* local_as_remote.c: what is called here; NULL: the peer is */
    char name[];
};

/* One that was received. NULL for lack of memory. */
PB__SHARED pb_remote *pb__remote_new(pb_session *s, int64_t luid);
/* Those of the message that comes are for that perspective. */
void pb__remote_arrived(pb_session *s, pb_object *perspective);
/* One to an object of ours, which takes the target. NULL for lack of memory. */
pb_remote *pb__remote_new_local(struct pb__local_target *target);
/* What the reader let go of in a message may be given back now. */
void pb__remote_splice_late(pb_session *s);
/* The session is over, and nothing is owed any more. */
void pb__remote_end(pb_session *s);
/* References live on without it. */
void pb__remote_fini(pb_session *s);

/* ---- invoker.c ---- */

/* The invoker of the session that is at *session when it is called. */
struct pb__invoker pb__invoker(pb_session **session);

/* ---- outgoing_call.c ---- */

struct pb_call {
    struct pb__list waiting;
    struct pb__list timer;
    pb_session *session;
    struct pb__unsent *unsent;
    int64_t request;  /* 0: not sent yet */
    int64_t deadline; /* while untimed: the time-out */
    pb_answer_cb cb;
    void *user_data;
    bool given_up; /* cb has run; the answer is still to come */
};

/* s->calls, made if need be; NULL for lack of memory. */
struct pb__calls *pb__calls(pb_session *s);
/* Whether a call can be made with these. */
int pb__call_check(const pb_remote *to, const char *method, const pb_value *args,
                   const pb_value *kwargs, const pb_call_options *options,
                   pb_answer_cb cb, pb_error *err);
/* Runs the callback with one of the two, unless it was given up, and frees the call. */
void pb__call_end(pb_call *c, pb_value *result, pb_failure *failure);
/* Runs the callback with an error of our own; an answer is dropped when it comes. */
void pb__call_give_up(pb_call *c, int code, const char *text);
/* Sends what was waiting for the session to be ready. */
void pb__call_flush(pb_session *s);
/* Fails every call, for the session is over. */
void pb__call_fini(pb_session *s);

/* ---- deadline.c ---- */

/* The time of now, as far as it is known. */
int64_t pb__session_now(const pb_session *s);
/* Takes the time that the driver tells. */
void pb__deadline_now(pb_session *s, int64_t now);
void pb__deadline_add(pb_call *c, int64_t timeout);
/* Ends what is past its deadline. */
void pb__deadline_expire(pb_session *s);

/* ---- request.c ---- */

/* Places in its message. */
enum { PB__REQUEST = 1, PB__OBJECT, PB__METHOD, PB__WANTS_ANSWER, PB__ARGS, PB__KWARGS };

struct pb_request {
    pb_session *session; /* NULL: over */
    struct pb__list link;
    pb_value *list;    /* the message, which holds the rest */
    pb_object *called; /* one count of what the object id stood for; NULL: nothing */
    struct pb__callee callee;
    size_t refs;
    bool wants_answer, answered;
    bool in_method; /* its method has not returned yet */
    struct pb__local_answer
        *local; /* local_as_remote.c: who called here; NULL: the peer did */
};

/* The member at a place of its message; NULL for arguments that were not read. */
static inline pb_value *pb__request_part(const pb_request *r, size_t place)
{
    return ((const struct pb__seq *)r->list)->items[place];
}

/* Takes m's list. o is what is called, or NULL. NULL for lack of memory. */
pb_request *pb__request_new(pb_session *s, struct pb__received *m, pb_object *o,
                            pb_role role, bool wants_answer);
/* Answers with None, or with the failure that code stands for. */
void pb__request_close(pb_request *r, int code);
/* The session is over: requests live on without it. */
void pb__request_fini(pb_session *s);

/* ---- arguments.c ---- */

/* Both answer with the failure that Twisted would have answered with where they return
 * false. Whether the arguments were read, before the method is looked for; */
bool pb__arguments_read(pb_request *r, const pb_error *refused);
/* and whether a call can have them: then they are as a method may see them. */
bool pb__arguments_fit(pb_request *r);

/* ---- log.c ---- */

PB__SHARED void pb__log(pb_session *s, pb_log_level level, const char *format, ...)
    PB_PRINTF(3, 4);
void pb__log_failure(pb_session *s, const char *before, const pb_failure *f);
/* That the method did not accept its arguments. */
void pb__log_refused(pb_session *s, const pb_request *r);

/* ---- trace.c: each message in one line, for on_log ---- */

/* Whether anybody wants to know. */
static inline bool pb__traces(const pb_session *s)
{
    return s->shared->config.log_level >= PB_LOG_DEBUG;
}

/* A message that has come whole. The session may be over afterwards, but is there. */
void pb__trace_received(pb_session *s, const struct pb__received *m, uint64_t bytes);
/* One that was written, from mark on, with its members after the command, which are
 * borrowed. Not while anything is half done: the application may do what it wants. */
void pb__trace_sent(pb_session *s, uint64_t mark, const char *command,
                    pb_value *const *members, size_t n);
/* The same of one that has a number. */
void pb__trace_sent_number(pb_session *s, uint64_t mark, const char *command, int64_t n);
/* The same of a call; args and kwargs may be NULL. */
void pb__trace_sent_call(pb_session *s, uint64_t mark, const pb_remote *to,
                         const char *method, bool answer, pb_value *args,
                         pb_value *kwargs);
/* The same of a failure. */
void pb__trace_sent_failure(pb_session *s, uint64_t mark, pb_value *id,
                            const pb_failure *f);

/* ---- peer.c ---- */

/* s->attached, made if need be; NULL for lack of memory. */
struct pb__attached *pb__attached(pb_session *s);
/* The session goes. */
void pb__attached_fini(pb_session *s);

/* ---- disconnect.c ---- */

/* Tells those who asked that the connection ended. */
void pb__disconnect_notify(pb_session *s);

/* ---- local_as_remote.c: references to objects of ours ---- */

/* As pb_remote_call_values, whose arguments have been checked. */
int pb__local_call(pb_remote *to, const char *method, pb_value *args, pb_value *kwargs,
                   const pb_call_options *options, pb_answer_cb cb, void *user_data,
                   pb_error *err);
/* Answers a request that has `local`, with one of the two; the second takes f, NULL being
 * lack of memory. */
int pb__local_answer(pb_request *r, pb_value *result, pb_failure *f);
int pb__local_fail_steal(pb_request *r, pb_failure *f);
void pb__local_fini(pb_request *r);
void pb__local_target_free(struct pb__local_target *t);

/* ---- pager.c ---- */

/* Whether a page is to be written, for all else has been sent. */
bool pb__pagers_ready(const pb_session *s);
/* Lets each pager that is ready write one page. */
void pb__pagers_turn(pb_session *s);
/* The session is over: ends them. */
void pb__pagers_fini(pb_session *s);
size_t pb__pagers_count(const pb_session *s);

/* ---- session_dump.c ---- */

/* All that the session has, readable, a line each. */
int pb__session_dump(const pb_session *s, struct pb__buf *out);

#endif
