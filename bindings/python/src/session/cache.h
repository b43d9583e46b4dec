/* SPDX-License-Identifier: MIT
 *
 * Caches of the peer's, for value_to_object.c and for sessions. */
#ifndef PBPY_CACHE_H
#define PBPY_CACHE_H

#include "session/session.h"

/* The self of the pb_object that the receipts of a cache show. */
struct pbpy_cache {
    struct pbpy_held held;        /* for when the pb_object is freed */
    struct pbpy_session *session; /* set together with object */
    PyObject *object;             /* one count; NULL until it is converted */
};

/* The cache that a value shows; NULL if it is no receipt of one. */
struct pbpy_cache *pbpy_cache_get(pb_value *v);
/* The tag of such a value. */
const char *pbpy_cache_tag(pb_value *v);
/* The object for one receipt of a cache, whose own object is made: *new*; NULL with an
 * exception set. */
PyObject *pbpy_cache_receive(struct pbpy_session *self, pb_value *v, PyObject *object);
/* Registers a tag as one of caches: 0 or PB_ERR_NOMEM. */
int pbpy_cache_class_set(struct pbpy_session *self, const char *tag);
/* Frees what that has made. The registry and the pb_session are gone. */
void pbpy_cache_classes_free(struct pbpy_session *self);

#endif
