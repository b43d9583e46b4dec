/* SPDX-License-Identifier: MIT
 *
 * Python's and Twisted's exceptions by name: the bases of each, so that the peer can trap
 * a failure sent from here by its base classes. An exception is given as its class,
 * followed by its bases (nearest first) up to the first that is in the table of
 * exception.c: "shop.SoldOut twisted.spread.pb.Error". */
#ifndef PB__EXCEPTION_H
#define PB__EXCEPTION_H

#include <stdbool.h>

#include "pb/profile.h"

/* An iterator over the classes of an exception, in method resolution order. */
struct pb__mro {
    pb_profile profile;
    const char *at; /* the rest of the given names; NULL: none */
    pb_span last;   /* the previous name */
    char name[256]; /* the current name, as the profile's Python has it */
};

void pb__mro_begin(struct pb__mro *m, const char *exception, pb_profile profile);
/* Sets m->name to the next class; false if there are no more. */
bool pb__mro_next(struct pb__mro *m);
/* Whether an exception is the class or inherits from it. Built-in ones match by the name
 * in Python 2 and by that in Python 3. */
bool pb__exception_is(const char *exception, const char *class_name);
/* Whether two names mean the same class: "exceptions.KeyError" is "builtins.KeyError". */
bool pb__exception_same(const char *a, const char *b);
/* The exception for a PB_ERR_ code. */
const char *pb__exception_of(int code);

#endif
