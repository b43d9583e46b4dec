/* SPDX-License-Identifier: MIT
 *
 * Local objects behind the interface of remote ones, so that an application can be tested
 * without a network: pb_remote_call_values on such a reference calls a local object.
 * Values are passed as they are, without jelly. Mirrors twisted.spread.util. */
#ifndef PB_LOCAL_H
#define PB_LOCAL_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A reference to an object of this program: *new*; it holds a count. A call runs the
 * object's `remote` method before pb_remote_call_values returns. If the method answers at
 * once, the callback of the call runs then too, as on a Deferred that has fired; a method
 * that holds its request answers later, as over a network. *call is NULL, because without
 * a clock there is no time-out, and nothing to cancel. NULL if memory is exhausted.
 * Mirrors LocalAsRemote, whose sync_ and async_ methods are those that answer at once and
 * those that may answer later. */
PB_API pb_remote *pb_local_as_remote(pb_object *o) PB_MUST_USE;
/* The same, but only for the named methods; names ends with NULL, and is borrowed for the
 * life of the reference. A call of any other method is answered with None or, with
 * fail_when_not_implemented, fails with NotImplementedError. Mirrors
 * LocalAsyncForwarder. */
PB_API pb_remote *pb_local_async_forwarder(pb_object *forwarded, const char *const *names,
                                           bool fail_when_not_implemented) PB_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
