/* SPDX-License-Identifier: MIT
 *
 * The session itself: its state, and how a public function enters and leaves it. What
 * arrives is read by session.c and handed, message by message, to pb__proto_received
 * (messages.h), which calls one function for each kind of message. Output is
 * written between pb__write_begin and pb__write_end (write_message.h), which undo all of
 * it if a part of it fails.
 *
 * No decoder is on the stack while a message is handled. So the application may have the
 * next messages handled before it returns, as a method does that uses a blocking client
 * of the same session. State that a function here needs after a callback must survive
 * that.
 *
 * Every public function that may end the session, or call the application, runs between
 * pb__session_enter and pb__session_leave. Ending only marks the session closed; the
 * callbacks that follow, and freeing, wait until the outermost call leaves. */
#ifndef PB__SESSION_H
#define PB__SESSION_H

#include "libpb/base/export.h"
#include "libpb/banana/encode.h"
#include "libpb/base/buf.h"
#include "libpb/base/list.h"
#include "libpb/broker/shared_config.h"

enum pb__session_state { PB__NEGOTIATING, PB__OPEN, PB__CLOSED };

/* Input that arrived while reading was paused. */
struct pb__pending_input {
    struct pb__buf in;
    size_t handled; /* bytes of it */
};

struct pb_session {
    pb_encoder encoder;
    struct pb__shared *shared;             /* one count */
    struct pb__read_context *read_context; /* NULL: no message has arrived in part */
    uint64_t messages;                     /* received, complete */
    void *driver;
    struct pb__pending_input *pending; /* NULL: there is none */
    pb_span *in;        /* input of pb_session_recv on the stack that is not read yet */
    int64_t now;        /* as the driver said last */
    int64_t message_by; /* deadline of the negotiation, or of the message that is being
                         * received; INT64_MAX: none */
    struct pb__calls *calls; /* calls.h; NULL: no call was made yet */

    /* The peer's calls: requests.h. */
    struct pb__list requests; /* pb_request.link: all that are referenced */
    uint32_t serving;         /* requests that are not answered yet */
    uint32_t held;            /* references in the lists below that need a decref */
    uint32_t memory;          /* KiB that the values of all requests take */
    uint16_t depth;           /* calls of public functions on the stack */
    uint8_t state;            /* enum pb__session_state */
    uint8_t strikes;          /* how often more than max_refs were asked for */
    uint64_t answered;        /* pb__encoder_mark at the end of the last answer */
    uint64_t failures;        /* number of Failures that Twisted would have created */

    /* Exported objects: exports.h. */
    pb_object *root;
    struct pb__published *published; /* by name, besides root */
    struct pb__exports *exports;     /* NULL: the peer holds none */
    int64_t last_luid;

    /* References to the peer's objects: remote.h. */
    struct pb__list remotes; /* pb_remote.link: the live ones, named before received */
    struct pb__list decrefs_due; /* pb_remote.link: released, decref not written yet */
    /* The same, until the current message has been handled. */
    struct pb__list decrefs_deferred;

    struct pb__attached *attached; /* attached.h; NULL: nothing is attached */
    struct pb__pagers *pagers;     /* pager.h; NULL: nothing is being paged */
    struct pb__caches *caches;     /* caches.h; NULL: none was sent or received yet */

    pb_error *error;        /* why the session is closed: on the heap, or a constant */
    const char *refused_as; /* the exception that the invoker raised while writing */
    pb_object *perspective; /* of the message being written; borrowed, may be NULL */

    uint8_t failed_logins;
    bool reading; /* the decoder runs, or the parts of a refused message are released */
    bool writing; /* between pb__write_begin and pb__write_end */
    bool woken;   /* on_wake has run, and the driver has not called since */
    bool time_is_known;    /* the driver's call on the stack passed the time */
    bool deadline_changed; /* and the driver does not know yet */
    bool is_client : 1;
    bool finished : 1;       /* on_close has run, or is running */
    bool freeing : 1;        /* pb_session_free was called */
    bool lost : 1;           /* nothing more can be sent */
    bool closed_by_peer : 1; /* by an orderly end of its stream */
    bool paused : 1;         /* by pb_session_pause */
    bool full : 1;    /* the queue rose above high_mark and is still above low_mark */
    bool resumed : 1; /* by pb_session_resume, and the driver does not know yet */
};

static inline bool pb__session_open(const pb_session *s)
{
    return s->state != PB__CLOSED;
}

/* 0, or an error, with err filled, if the driver cannot send anything now: in a child
 * process of a fork. */
static inline int pb__session_usable(const pb_session *s, pb_error *err)
{
    return s->shared->usable ? s->shared->usable(s->driver, err) : 0;
}

/* Whether the negotiation is not complete: a server has to receive the dialect and the
 * version, a client the dialects and the version. */
static inline bool pb__negotiating(const pb_session *s)
{
    return s->messages < 2;
}

/* Starts the timeout of the message that is being received, or starts it again. */
void pb__message_begun(pb_session *s);

static inline pb_profile pb__profile(const pb_session *s)
{
    return s->shared->config.jelly.profile;
}

PB__SHARED void pb__session_enter(pb_session *s);
/* s may be freed afterwards. */
PB__SHARED void pb__session_leave(pb_session *s);
/* Marks the session closed. Of several reasons the first stays. */
void pb__session_end(pb_session *s, const pb_error *why);
/* The text of a failure for what its end has interrupted. */
const char *pb__session_end_text(const pb_session *s);
void pb__session_end_nomem(pb_session *s);
/* Tells the driver that there is something to do, unless it is on the stack. */
void pb__session_wake(pb_session *s);

/* ---- session_dump.c ---- */

/* The whole state of the session as text, one item per line. */
int pb__session_dump(const pb_session *s, struct pb__buf *out);
/* With PB_DEBUG: asserts that counts and tables agree. */
void pb__session_check(const pb_session *s);

#endif
