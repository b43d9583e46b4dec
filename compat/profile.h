/* SPDX-License-Identifier: MIT
 *
 * The differences between peers on the wire, all in one table. Code that depends on the
 * peer looks up a row, so each difference has its name and its versions in one place. */
#ifndef PB__PROFILE_H
#define PB__PROFILE_H

#include <stdbool.h>

#include "libpb/base/export.h"
#include "pb/profile.h"

/* Name; first and last Python, and first and last Twisted, for which the sentence is true
 * (major * 100 + minor); the sentence. A version that was not tested, between the last
 * known old one and the first known new one, counts as new. */
#define PB__PROFILE_MAP(X)                                                               \
    X(NATIVE_STR_BARE, 200, 299, 0, 9999,                                                \
      "Native strings are bare strings: keyword names, members of a state, "             \
      "publishedID, "                                                                    \
      "perspective, service, and value, traceback and parents of a failure.")            \
    X(SENDS_FUNCTIONS, 200, 299, 0, 9999, "Functions, modules and methods can be sent.") \
    X(READS_METHODS, 200, 299, 0, 9999, "A method can be read.")                         \
    X(BUILTINS_IN_EXCEPTIONS, 200, 299, 0, 9999,                                         \
      "Built-in classes are in exceptions and __builtin__; else they are in builtins.")  \
    X(STANDARD_ERROR, 200, 299, 0, 9999,                                                 \
      "Built-in exceptions have exceptions.StandardError among their parents.")          \
    X(UNKNOWN_COMMAND_ANSWERED, 200, 299, 0, 9999,                                       \
      "An unknown command, UTF-8 or not, is answered with didNotUnderstand; else the "   \
      "connection is dropped.")                                                          \
    X(DICT_ORDERED, 300, 399, 0, 9999, "A dict goes in the order of insertion.")         \
    X(FAILURE_CAPTURE_VARS, 200, 399, 803, 9999,                                         \
      "The state of a failure has captureVars.")                                         \
    X(PARENTS_AFTER_UNSAFE, 300, 399, 2407, 9999,                                        \
      "In the state of a failure parents comes after unsafeTracebacks; else before.")    \
    X(FAILURE_PICKLED, 300, 399, 2410, 9999,                                             \
      "A failure that ends a Deferred is copied by Failure.__getstate__: its state has " \
      "pickled and _frames, and parents, frames and stack come last before traceback.")  \
    X(PARENTS_FIRST, 200, 399, 0, 802,                                                   \
      "The parents of a failure are all base classes depth first and the class itself "  \
      "last; else the class first, in the order of method resolution.")                  \
    X(PAGES_WANT_ANSWER, 200, 399, 0, 1302, "gotPage and endedPaging want an answer.")   \
    X(DATES_REFUSED, 300, 399, 0, 2099,                                                  \
      "date, time and timedelta cannot be sent; they can be read, and datetime can be "  \
      "sent.")                                                                           \
    X(READS_NEW_CLASS, 200, 399, 803, 9999,                                              \
      "A class of the new style can be read, alone or as the last member of a method.")  \
    X(FILLS_OWN_INSTANCE, 200, 399, 1303, 9999,                                          \
      "An instance that contains itself is filled; else the inner place comes back "     \
      "as unpersistable.")                                                               \
    X(FILLS_AGAIN, 200, 399, 0, 1502,                                                    \
      "A place of a cycle that is filled with what is itself not known yet is filled "   \
      "again once it is; else it is left.")                                              \
    X(VOCAB_IN_NONE, 200, 399, 0, 1302,                                                  \
      "A VOCAB in the dialect none is read as its word; else it is an error.")           \
    X(INTEGER_COMMAND_ANSWERED, 200, 399, 0, 1302,                                       \
      "A command that is an integer is answered with didNotUnderstand; else the "        \
      "connection is dropped.")                                                          \
    X(INTEGER_METHOD_ANSWERED, 200, 399, 0, 1302,                                        \
      "A method that is an integer is answered with NoSuchMethod for remote_5; else "    \
      "the "                                                                             \
      "connection is dropped.")                                                          \
    X(HEAD_TYPE_ERROR, 200, 399, 0, 1302,                                                \
      "A head of an expression that is no string raises TypeError; else "                \
      "AttributeError.")                                                                 \
    X(EMPTY_STATE_NONE, 311, 399, 0, 9999,                                               \
      "The state of an instance without members is sent as None.")                       \
    X(READS_EMPTY_STATE, 200, 399, 2205, 9999,                                           \
      "An instance whose state is None is read as one without members.")                 \
    X(LATE_FAILURE_LOST, 300, 399, 2407, 2407,                                           \
      "A call whose Deferred fails after the method has returned is never answered.")    \
    X(OLD_CLASSES, 200, 299, 0, 9999,                                                    \
      "Services are classes of the old style: of a missing method it is told that a "    \
      "Room instance has it not; else that a 'Room' object has.")

/* The newest Twisted that the table describes, for Python 3 and for Python 2: the default
 * of a profile that names none. */
enum { PB__TWISTED_NEWEST = 2604, PB__TWISTED_NEWEST_PYTHON2 = 2003 };

/* The rows by name: PB__PROFILE_NATIVE_STR_BARE, ... */
enum pb__profile_row {
#define PB__PROFILE_ROW(name, python_first, python_last, first, last, sentence) \
    PB__PROFILE_##name,
    PB__PROFILE_MAP(PB__PROFILE_ROW)
#undef PB__PROFILE_ROW
        PB__PROFILE_ROWS /* the number of rows */
};

/* Returns whether the sentence of the row is true for such a peer. */
PB__SHARED bool pb__profile_has(pb_profile p, enum pb__profile_row row);

#endif
