/* SPDX-License-Identifier: MIT
 *
 * Python's and Twisted's exceptions by name: what inherits from what, so that a failure
 * that was sent from here can be trapped by its base classes there. An exception is
 * written as its class, followed by those of its bases, nearest first, that are not known
 * here, up to one that is: "shop.SoldOut twisted.spread.pb.Error". */
#ifndef PB__EXCEPTION_H
#define PB__EXCEPTION_H

#include <stdbool.h>

#include "pb/profile.h"

/* Walks the classes of an exception in the order of method resolution. */
struct pb__mro {
    pb_profile profile;
    const char *at; /* what is left of the names in hand; NULL: none */
    pb_span last;   /* the name before */
    char name[256]; /* the name now, as it is called in the profile's Python */
};

void pb__mro_begin(struct pb__mro *m, const char *exception, pb_profile profile);
/* False when there are no more; else m->name is the next. */
bool pb__mro_next(struct pb__mro *m);
/* Whether an exception is, or inherits from, the class. Built-in ones match in Python 2's
 * and in Python 3's name. */
bool pb__exception_is(const char *exception, const char *class_name);
/* Whether two names are of one class: "exceptions.KeyError" is "builtins.KeyError". */
bool pb__exception_same(const char *a, const char *b);
/* The exception that a PB_ERR_ code stands for. */
const char *pb__exception_of(int code);

#endif
