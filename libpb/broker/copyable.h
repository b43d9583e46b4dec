/* SPDX-License-Identifier: MIT
 *
 * Copyables of ours: sent as a type tag and a state. */
#ifndef PB__COPYABLE_H
#define PB__COPYABLE_H

#include "libpb/jelly/jelly.h"
#include "pb/flavors.h"

/* The type tag of o, borrowed, and its *new* state, for s->perspective. With an observer,
 * the state comes from state_to_cache. */
int pb__copyable_state(pb_session *s, pb_object *o, pb_remote *observer,
                       struct pb__form *form, pb_error *err);
/* Copyable.jellyFor; and the same for a RemoteCopy, which Twisted writes like any
 * instance. */
int pb__copyable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
int pb__copy_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
/* jellyable.c: the form of an object whose class has jelly_members. */
int pb__jellyable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
/* Its class and *new* state if there is no broker: pb__foreign_ops.plain. */
int pb__copyable_plain(struct pb__foreign *f, const char **name, pb_value **state,
                       pb_error *err);

#endif
