/* SPDX-License-Identifier: MIT
 *
 * Local objects behind the interface of remote ones, so that an application is tested
 * without a network: pb_remote_call_values on such a reference calls the object here. Values go
 * as they are, not through jelly. Mirrors twisted.spread.util. */
#ifndef PB_LOCAL_H
#define PB_LOCAL_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A reference to an object of one's own: *new*; it holds a count. Calls run its `remote`
 * methods before pb_remote_call_values returns, and with them the callback of a call that is
 * answered at once, as on a Deferred that has fired already; a method that keeps its
 * request answers later, as over a network. *call is NULL: without a clock there is no
 * time-out, and nothing to cancel. NULL for lack of memory. Mirrors LocalAsRemote, whose
 * async_ and sync_ methods are here those that answer at once and those that need not. */
PB_API pb_remote *pb_local_as_remote(pb_object *o);
/* The same, but only for the methods that are named; names end with NULL, and are borrowed
 * for the life of the reference. Any other is answered with None, or, with
 * fail_when_not_implemented, fails with NotImplementedError. Mirrors
 * LocalAsyncForwarder. */
PB_API pb_remote *pb_local_async_forwarder(pb_object *forwarded, const char *const *names,
                                           bool fail_when_not_implemented);

#ifdef __cplusplus
}
#endif
#endif
