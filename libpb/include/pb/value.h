/* SPDX-License-Identifier: MIT
 *
 * Values: Python's data model in C. A pb_value is reference-counted. A container holds
 * one count of each of its items. Arguments are borrowed unless the function's name ends
 * in _steal. Constructors return a *new* value, or NULL if memory is exhausted, or
 * for a reason given at the function. The values of one session belong to one thread. */
#ifndef PB_VALUE_H
#define PB_VALUE_H

#include <stdbool.h>

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A Python value of any kind. Counted. */
typedef struct pb_value pb_value;

/* The kind of a value. The numbers are part of the ABI: new ones are appended. */
typedef enum {
    PB_NONE,
    PB_BOOL,
    PB_INT, /* any size */
    PB_FLOAT,
    PB_BYTES,
    PB_STR, /* UTF-8, without surrogates; may contain NUL */
    PB_LIST,
    PB_TUPLE,
    PB_DICT, /* in insertion order */
    PB_SET,
    PB_FROZENSET,
    PB_DATETIME, /* naive: jelly cannot send one with tzinfo */
    PB_DATE,
    PB_TIME,
    PB_TIMEDELTA,
    PB_DECIMAL,
    PB_CLASS,         /* known by its dotted name, which is never resolved */
    PB_MODULE,        /* known by its name */
    PB_FUNCTION,      /* known by its dotted name */
    PB_METHOD,        /* a name, the object it is bound to, and its class */
    PB_INSTANCE,      /* a class name and a state: data without behaviour */
    PB_UNPERSISTABLE, /* a reason: jelly's replacement for what could not be sent */
    PB_OBJECT,        /* an object of this program that peers may call: pb/broker.h */
    PB_REMOTE,        /* a reference to an object of a peer: pb/broker.h */
    PB_NOTHING,       /* the kind of NULL */
} pb_kind;

/* ---- Counts ---- */

/* Adds an owner, and returns v. NULL gives NULL. */
PB_API pb_value *pb_value_ref(pb_value *v);
/* Removes an owner. When the last one is removed, v is freed, and releases what it holds,
 * without recursion and without allocating memory. NULL is allowed. */
PB_API void pb_value_unref(pb_value *v);
/* Makes a and b share one count, as an "island"; references between members of an island
 * are no longer counted. This is how a cycle is owned: tie the containers along the
 * cycle, and all of them are freed when the last owner outside the island is removed.
 * Both must be containers, instances or objects (else PB_ERR_TYPE). The time taken grows
 * with the contents of both islands. The reader of jelly ties the cycles that it
 * builds. */
PB_API int pb_value_tie(pb_value *a, pb_value *b);

/* ---- Inspecting a value ---- */

/* Returns the kind of v; PB_NOTHING for NULL. */
PB_API pb_kind pb_value_kind(const pb_value *v);
/* Returns whether v is of that kind; false for NULL. */
static inline bool pb_is(const pb_value *v, pb_kind kind)
{
    return v && pb_value_kind(v) == kind;
}
/* Python's name of the kind, a constant: "NoneType", "int", "dict", ...; "nothing" for
 * PB_NOTHING, and "?" for a number that is no kind. */
PB_API const char *pb_kind_name(pb_kind kind);
/* Python's ==: 1 == 1.0 == True, and containers are equal by content. Cycles are allowed:
 * a pair of containers that is met again inside itself counts as equal, where Python
 * would raise RecursionError. Instances, the objects of methods, and references compare
 * by identity, except that references to the same object of the same peer are equal. nan
 * is not equal to itself, but the same nan value in two containers counts as equal.
 * Comparing nested containers takes memory; if memory is exhausted the result is false,
 * as it is for NULL. */
PB_API bool pb_value_equal(const pb_value *a, const pb_value *b);
/* Python's repr of v, NUL-terminated UTF-8, *new* (pb_free). NULL for NULL, or if memory
 * is exhausted. A container that contains itself is printed as [...], (...) or {...}
 * where it occurs inside. A value that occurs several times is printed each time; but if
 * these repetitions exceed 64 KiB and 16 times the rest of the text, the text ends there
 * with "...". This limits the repr of a few lists that contain each other
 * many times. */
PB_API char *pb_value_repr(const pb_value *v) PB_MUST_USE;

/* A shallow copy, *new*: a new list, dict, set or instance with the same contents (an
 * instance whose state is a dict gets a new dict). For immutable values, objects and
 * references, it is v itself with one more owner. The copy of a tied value is not tied.
 * NULL for NULL, or if memory is exhausted. Mirrors copy.copy. */
PB_API pb_value *pb_value_copy(pb_value *v) PB_MUST_USE;

/* ---- Scalars ---- */

/* None, booleans and ints of up to 62 bits (30 bits if a pointer has 32) take no memory,
 * so their constructors cannot fail. All constructors return a *new* value, or NULL if
 * memory is exhausted. */

/* None: *new*, as with all constructors below, but a constant that needs no
 * pb_value_unref. */
PB_API pb_value *pb_none(void);
/* True or False: *new*, and a constant too. */
PB_API pb_value *pb_bool(bool b);
/* An int: *new*. */
PB_API pb_value *pb_int(int64_t i);
/* An int of any size from Python's decimal text ("-123", "1_000"): *new*. NULL and
 * PB_ERR_SYNTAX if the text is not an integer. The time grows with the square of the
 * number of digits: limit texts that come from elsewhere (Python's int() takes 4,300). */
PB_API pb_value *pb_int_text(const char *decimal, pb_error *err) PB_MUST_USE;
/* An int of any size from its magnitude in little-endian bytes: *new*. */
PB_API pb_value *pb_int_bytes(bool negative, pb_span little_endian) PB_MUST_USE;
/* A float: *new*. */
PB_API pb_value *pb_float(double d);
/* Text from NUL-terminated UTF-8: *new*. NULL also for NULL, and for text that is not
 * UTF-8. */
PB_API pb_value *pb_str(const char *utf8) PB_MUST_USE;
/* Text from a span of UTF-8: *new*. NULL and PB_ERR_SYNTAX, with the offset of the first
 * bad byte, if it is not UTF-8. */
PB_API pb_value *pb_strn(pb_span utf8, pb_error *err) PB_MUST_USE;
/* bytes, copied: *new*. NULL also for a span with a length but without data. */
PB_API pb_value *pb_bytes(pb_span b) PB_MUST_USE;

/* ---- Converting scalars to C ---- */

/* The functions of this section convert without loss, or fail. All of them return
 * PB_ERR_ARG for a NULL value or a NULL out. If one fails, *out is set to 0, false or an
 * empty span. */

/* Reads True or False; PB_ERR_TYPE for any other value. */
PB_API int pb_as_bool(const pb_value *v, bool *out);
/* Reads an int; a bool counts as an int, as in Python. PB_ERR_TYPE for another kind,
 * PB_ERR_RANGE if the number does not fit. */
PB_API int pb_as_int(const pb_value *v, int64_t *out);
/* Reads a float, or an int that a double can represent exactly (else PB_ERR_RANGE).
 * PB_ERR_TYPE for another kind. */
PB_API int pb_as_float(const pb_value *v, double *out);
/* Reads a str, or bytes (the form of text from a Python 2 peer). The span is borrowed,
 * and a NUL follows it that is not counted in its length. PB_ERR_TYPE for another
 * kind. */
PB_API int pb_as_text(const pb_value *v, pb_span *out);
/* As pb_as_text, but for bytes only. */
PB_API int pb_as_bytes(const pb_value *v, pb_span *out);
/* Reads the sign and magnitude of an int of any size. The magnitude is *new* in *out, in
 * little-endian bytes without high zeros; its length is in *len. PB_ERR_TYPE,
 * PB_ERR_NOMEM. */
PB_API int pb_as_int_bytes(const pb_value *v, bool *negative, uint8_t **out, size_t *len);

/* ---- Containers ---- */

/* An empty list, tuple, set or frozenset with room for `reserve` items, *new*. NULL also
 * for another kind. A tuple or frozenset may be filled as long as it has one owner; after
 * that it never changes. Each call returns a new value, also for a tuple or frozenset
 * that stays empty; pb_build(NULL, "()") returns Python's shared `()`. */
PB_API pb_value *pb_seq(pb_kind kind, size_t reserve) PB_MUST_USE;
/* An empty list: *new*. */
PB_API pb_value *pb_list(void) PB_MUST_USE;
/* An empty dict: *new*. */
PB_API pb_value *pb_dict(void) PB_MUST_USE;
/* The number of items of a list or tuple, members of a set, pairs of a dict, or bytes of
 * bytes or str; 0 for another kind. */
PB_API size_t pb_len(const pb_value *v);
/* Item i of a list or tuple, or member i of a set in insertion order. Borrowed. NULL
 * beyond the end, or for another kind. */
PB_API pb_value *pb_item(const pb_value *seq, size_t i);
/* Appends to a list or tuple, or adds to a set or frozenset (a set that has an equal
 * member keeps that member). PB_ERR_TYPE for another kind or an unhashable member,
 * PB_ERR_ARG for a NULL item (such as the result of a constructor that failed),
 * PB_ERR_STATE for a tuple or frozenset with a second owner, PB_ERR_NOMEM. */
PB_API int pb_append(pb_value *seq, pb_value *item);
PB_API int pb_append_steal(pb_value *seq, pb_value *item);
/* Replaces item i of a list, and releases the old item. PB_ERR_RANGE beyond the end;
 * other errors as pb_append_steal. */
PB_API int pb_item_set_steal(pb_value *list, size_t i, pb_value *item);
/* Removes item i of a list. The items after it move up, which takes time
 * proportional to their number. Tied values stay tied: a removed item of the list's own
 * island is freed with the island. PB_ERR_RANGE beyond the end, PB_ERR_TYPE for another
 * kind (a tuple never loses an item), PB_ERR_ARG for NULL. Mirrors del list[i]. */
PB_API int pb_item_remove(pb_value *list, size_t i);
/* The value under a text key (a str, or bytes, the form that a Python 2 peer sends).
 * Borrowed. NULL if there is none. */
PB_API pb_value *pb_dict_get(const pb_value *dict, const char *key);
/* The value under a key of any kind, by Python's equality. Borrowed. NULL if there is
 * none, or if the key is unhashable. */
PB_API pb_value *pb_dict_get_value(const pb_value *dict, const pb_value *key);
/* Sets key to value. If the dict has an equal key, that key keeps its position and its
 * own form, as in Python. Takes both arguments, also if it fails: PB_ERR_TYPE (not a
 * dict, or an unhashable key), PB_ERR_ARG (NULL), PB_ERR_NOMEM. */
PB_API int pb_dict_set_value_steal(pb_value *dict, pb_value *key, pb_value *value);
/* Sets a text key to a value. pb_dict_set borrows it; pb_dict_set_steal takes it over.
 * Errors as above, and
 * PB_ERR_SYNTAX for a key that is not UTF-8. */
PB_API int pb_dict_set(pb_value *dict, const char *key, pb_value *value);
PB_API int pb_dict_set_steal(pb_value *dict, const char *key, pb_value *value);
/* Removes the pair that pb_dict_get finds for a text key. The other pairs keep their
 * order. PB_ERR_RANGE if there is none; other errors as pb_item_remove. Mirrors del
 * dict[key]. */
PB_API int pb_dict_remove(pb_value *dict, const char *key);
/* The same for a key of any kind. It may be the dict's own key, which is freed with the
 * pair. PB_ERR_TYPE also for an unhashable key, PB_ERR_NOMEM. */
PB_API int pb_dict_remove_value(pb_value *dict, const pb_value *key);
/* Iterates over a dict in order: start with *pos = 0; returns false at the end. Key and
 * value are borrowed, and NULL at the end. Pass NULL for the one that you do not need. Do
 * not add to the dict during the iteration. You may remove the pair that was returned
 * last; the next pair then moves to its position, so decrease *pos by one. */
PB_API bool pb_dict_next(const pb_value *dict, size_t *pos, pb_value **key,
                         pb_value **value);

/* Returns whether a set has the member, by Python's equality. */
PB_API bool pb_set_has(const pb_value *set, const pb_value *member);
/* Removes a member of a set; errors as pb_dict_remove_value. A frozenset never loses a
 * member: PB_ERR_TYPE. Mirrors set.remove. */
PB_API int pb_set_remove(pb_value *set, const pb_value *member);

/* ---- Times and decimals ---- */

/* The constructors below return NULL with PB_ERR_RANGE for what Python's datetime module
 * does not allow. */

/* The fields of a time; members that the kind does not have are 0. Frozen. */
typedef struct {
    int year, month, day, hour, minute, second, microsecond;
} pb_datetime_fields;

/* A datetime: *new*. */
PB_API pb_value *pb_datetime(const pb_datetime_fields *f, pb_error *err) PB_MUST_USE;
/* A date: *new*. */
PB_API pb_value *pb_date(int year, int month, int day, pb_error *err) PB_MUST_USE;
/* A time of day: *new*. */
PB_API pb_value *pb_time(int hour, int minute, int second, int microsecond,
                         pb_error *err) PB_MUST_USE;
/* A timedelta, *new*, normalised as Python does: 0 <= seconds < 86400, 0 <= microseconds
 * < 1000000. */
PB_API pb_value *pb_timedelta(int64_t days, int64_t seconds, int64_t microseconds,
                              pb_error *err) PB_MUST_USE;
/* The fields of a datetime, date or time. PB_ERR_TYPE for another kind. */
PB_API int pb_as_datetime(const pb_value *v, pb_datetime_fields *out);
/* The parts of a timedelta; each of the three outputs may be NULL. PB_ERR_TYPE for
 * another kind. */
PB_API int pb_as_timedelta(const pb_value *v, int64_t *days, int *seconds,
                           int *microseconds);

/* decimal.Decimal from its text: "1.50", "-1E+3", "NaN", "sNaN12", "-Infinity". *New*.
 * NULL and PB_ERR_SYNTAX for any other text. */
PB_API pb_value *pb_decimal(const char *text, pb_error *err) PB_MUST_USE;

/* ---- Names, methods and instances ---- */

/* A PB_CLASS, PB_MODULE or PB_FUNCTION, *new*. NULL for another kind. In this section
 * NULL is also returned for a name that is not UTF-8, and if an argument that is taken
 * over is NULL. */
PB_API pb_value *pb_name(pb_kind kind, const char *dotted);
/* The name of a class, module, function or method, or the class name of an instance.
 * Borrowed, NUL-terminated. NULL for another kind. */
PB_API const char *pb_name_of(const pb_value *v);
/* A method, *new*, from its name, the object that it is bound to, and its class; both
 * values are taken over. */
PB_API pb_value *pb_method_steal(const char *name, pb_value *self, pb_value *cls);
/* The object that a method is bound to, borrowed; NULL for another kind. */
PB_API pb_value *pb_method_self(const pb_value *method);
/* The class of a method, borrowed; NULL for another kind. */
PB_API pb_value *pb_method_class(const pb_value *method);
/* An instance of a class of the peer, *new*: data without behaviour, because the library
 * never resolves a class name. */
PB_API pb_value *pb_instance(const char *class_name, pb_value *state) PB_MUST_USE;
PB_API pb_value *pb_instance_steal(const char *class_name, pb_value *state);
/* The state of an instance, borrowed; NULL for another kind. */
PB_API pb_value *pb_instance_state(const pb_value *instance);
/* jelly's Unpersistable with its reason, *new*. */
PB_API pb_value *pb_unpersistable(const char *reason);
/* The reason of an Unpersistable, borrowed; NULL for another kind. */
PB_API const char *pb_unpersistable_reason(const pb_value *v);

/* ---- Python's syntax ---- */

/* Parses a Python literal; the value is *new*. It reads None, True, False, numbers (any
 * base, underscores), inf and nan as Python prints them, strings and bytes with their
 * escapes, lists, tuples, dicts, sets, and the other forms that pb_value_repr prints:
 * set(), frozenset({1}), datetime.datetime(2020, 1, 2, 3, 4), datetime.timedelta(days=1),
 * Decimal('1.5'); and float('nan'). NULL with PB_ERR_SYNTAX and the offset of the error,
 * or with PB_ERR_LIMIT if it is nested deeper than 1000. */
PB_API pb_value *pb_value_parse(const char *literal, pb_error *err) PB_MUST_USE;

/* ---- Building and unpacking by format ---- */

/* Builds a value by a format, with the letters of Py_BuildValue:
 *   i int    L int64_t    d double    p int as bool
 *   s text, NUL-terminated UTF-8      s# text, pointer and size_t
 *   y bytes, NUL-terminated           y# bytes, pointer and size_t
 *   z as s, but NULL is None          O a value, borrowed   N a value, stolen
 *   ( ) tuple   [ ] list   { } dict: key, value, key, value
 * Commas, colons and spaces are skipped. A unit is a letter (with its #) or a bracketed
 * group. One unit gives that value, no unit gives None,
 * several units give a tuple. A NULL value, or NULL text for a letter that does not allow
 * it, is PB_ERR_ARG. Takes over the value of every N, also if it fails, except those
 * after a letter that is not defined. */
PB_API pb_value *pb_build(pb_error *err, const char *format, ...) PB_MUST_USE;
/* Unpacks a value; the letters are the same, and the arguments are pointers to the
 * outputs, which are borrowed from v. `s` reads text without NUL, from str or bytes; `y`
 * reads bytes; `O` reads any value; `|` makes the remaining items of a tuple or list
 * optional (the outputs of missing items are not changed). In { } the keys are C strings
 * among the arguments, as in Jansson: "{s:i, s?:s}", "name", &i, ...; `?` after the
 * letter of a key makes that pair optional. PB_ERR_TYPE, with a sentence like that of
 * Python's TypeError; then all outputs except the optional ones are set to 0 or NULL.
 * PB_ERR_ARG for a NULL value, output, key or format. */
PB_API int pb_unpack(const pb_value *v, pb_error *err, const char *format, ...);

/* ---- Example ---- */

/* Builds a dict, unpacks it, and prints it as Python would.
 *
 *     static int show(pb_error *err)
 *     {
 *         const char *name = "";
 *         pb_value *v = pb_build(err, "{s:s, s:[ii]}", "name", "Ada", "days", 10, 12);
 *         if (pb_unpack(v, err, "{s:s}", "name", &name) == 0) {
 *             char *text = pb_value_repr(v);
 *             printf("%s: %s\n", name, text ? text : "");
 *             pb_free(text);
 *         }
 *         pb_value_unref(v);
 *         return err->code;
 *     } */

#ifdef __cplusplus
}
#endif
#endif
