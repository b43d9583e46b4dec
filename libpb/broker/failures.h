/* SPDX-License-Identifier: MIT
 *
 * Failures: those that were received, and those of our own (failure.c); and the state
 * that a failure is sent as (failure_state.c). */
#ifndef PB__FAILURES_H
#define PB__FAILURES_H

#include "libpb/base/export.h"
#include "pb/broker.h"

#define PB__COPYABLE_FAILURE "twisted.spread.pb.CopyableFailure"

struct pb_failure {
    uint32_t refs;
    int code;
    const char
        *mro; /* as pb_request_fail takes it; NULL: received, or made from a code */
    const char *type, *text, *traceback; /* type NULL: that of code */
    size_t text_len;                     /* 0: the text ends at its NUL */
    const char *sent_text; /* Twisted's text for an error of our own; NULL: text */
    pb_value *value;       /* as received */
    pb_value *parents;     /* a list in value, or NULL */
    char *printed;         /* text, if it had to be made from value */
};

/* Where Twisted creates the Failure that is sent. */
enum pb__failing {
    PB__FAILED_NOW,    /* the method raised the exception */
    PB__FAILED_BEFORE, /* in a Deferred that the method returned */
    PB__FAILED_LATER,  /* in a Deferred, after the method returned it */
    PB__FAILED_BESIDE, /* not for a call: it is among its arguments, or in its answer */
};

/* A failure of our own. Never NULL: for lack of memory it is one of a few constants. */
PB__SHARED pb_failure *pb__failure_new(int code, const char *text);
/* The failure that an error message holds; never NULL. */
pb_failure *pb__failure_received(pb_value *v);
/* Its class and the known bases of it, as pb_request_fail takes them. */
const char *pb__failure_mro(const pb_failure *f);
/* The failure of a value from pb_failure_to_value, borrowed; NULL for another value. */
pb_failure *pb__failure_of(const pb_value *v);
/* Whether v is the state of a failure that was received. */
bool pb__is_copied_failure(const pb_value *v);
/* The state that f is sent as: *new*; NULL for lack of memory. Mirrors
 * CopyableFailure.getStateToCopy. */
pb_value *pb__failure_state(const pb_session *s, const pb_failure *f,
                            enum pb__failing how);

#endif
