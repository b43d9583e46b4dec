/* SPDX-License-Identifier: MIT
 *
 * Values: Python's data model in C. A pb_value is counted; containers hold one count of
 * each thing in them. Arguments are borrowed unless a function's name ends in _steal;
 * constructors return a *new* value, or NULL for lack of memory only. Values of one
 * session belong to one thread. */
#ifndef PB_VALUE_H
#define PB_VALUE_H

#include <stdbool.h>

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A value of Python's, of any kind. Counted. */
typedef struct pb_value pb_value;

/* What a value is. The numbers are part of the ABI: append only. */
typedef enum {
    PB_NONE,
    PB_BOOL,
    PB_INT, /* any size */
    PB_FLOAT,
    PB_BYTES,
    PB_STR, /* UTF-8, without surrogates; may hold NUL */
    PB_LIST,
    PB_TUPLE,
    PB_DICT, /* in insertion order */
    PB_SET,
    PB_FROZENSET,
    PB_DATETIME, /* naive: one with tzinfo cannot be jellied */
    PB_DATE,
    PB_TIME,
    PB_TIMEDELTA,
    PB_DECIMAL,
    PB_CLASS,         /* by its dotted name; nothing is ever resolved */
    PB_MODULE,        /* by name */
    PB_FUNCTION,      /* by its dotted name */
    PB_METHOD,        /* a name, its self and its class */
    PB_INSTANCE,      /* a class name and a state, inert data */
    PB_UNPERSISTABLE, /* what jelly leaves where something could not be sent: a reason */
    PB_OBJECT,        /* an object of this program, offered to peers: see pb/broker.h */
    PB_REMOTE,        /* a reference to an object of a peer: see pb/broker.h */
    PB_NOTHING,       /* NULL, which is no value */
} pb_kind;

/* ---- Counts ---- */

/* Adds an owner; returns v. NULL gives NULL. */
PB_API pb_value *pb_value_ref(pb_value *v);
/* Removes an owner; the last one frees v and gives back what it holds, without recursion
 * and without allocating. NULL is allowed. */
PB_API void pb_value_unref(pb_value *v);
/* Makes a and b one island: they share one count, and what they hold of each other is not
 * counted any more. This is how a cycle is owned: tie the containers along it, and the
 * whole goes when its last outside owner does. Both must be containers, instances or objects
 * (else PB_ERR_TYPE). It walks over what both islands hold. The reader of jelly ties what
 * it builds. */
PB_API int pb_value_tie(pb_value *a, pb_value *b);

/* ---- Looking at a value ---- */

/* What it is; PB_NOTHING for NULL. */
PB_API pb_kind pb_value_kind(const pb_value *v);
/* Whether it is of that kind; false for NULL. */
static inline bool pb_is(const pb_value *v, pb_kind kind)
{
    return v && pb_value_kind(v) == kind;
}
/* Python's name of the kind, a constant: "NoneType", "int", "dict", ...; "nothing" for
 * PB_NOTHING, and "?" for any other number. */
PB_API const char *pb_kind_name(pb_kind kind);
/* Python's ==: 1 == 1.0 == True, containers by content, cycles included (a pair of
 * containers met again inside itself counts as equal there, where Python would raise
 * RecursionError). Instances, methods' selves and references compare by identity, except
 * that references to one object of one peer are equal. nan is not equal to itself, but
 * counts as found where the very same value stands in two containers. Nested containers
 * take memory to compare; where there is none the answer is false, as it is for NULL. */
PB_API bool pb_value_equal(const pb_value *a, const pb_value *b);
/* Python's repr of v, NUL-terminated UTF-8, *new* (pb_free); NULL for NULL and for lack of
 * memory. A container inside itself prints as [...], (...) or {...}. A value that occurs
 * several times prints each time; but where such repetitions pass 64 KiB and 16 times the
 * rest of the text, the text ends there with "...". So a few lists that share each other
 * have a short repr, too. */
PB_API char *pb_value_repr(const pb_value *v);

/* A copy, *new*, that shares what is in it: a fresh list, dict, set or instance (with a
 * fresh dict where its state is one); for all that never changes, and for objects and
 * references, v itself with one owner more. The copy of a value that is tied is not tied.
 * NULL for NULL, or for lack of memory. Mirrors copy.copy. */
PB_API pb_value *pb_value_copy(pb_value *v);

/* ---- Scalars ---- */

/* None, booleans and ints of up to 62 bits (30 where a pointer has 32) take no memory:
 * these constructors cannot fail for them. All constructors give a *new* value, or NULL for
 * lack of memory. */

/* None: *new*, as all that follow, but a constant that needs no pb_value_unref. */
PB_API pb_value *pb_none(void);
/* True or False: *new*, but a constant too. */
PB_API pb_value *pb_bool(bool b);
/* An int: *new*. */
PB_API pb_value *pb_int(int64_t i);
/* An int of any size from Python's decimal text ("-123", "1_000"): *new*; NULL and
 * PB_ERR_SYNTAX if the text is no integer. */
PB_API pb_value *pb_int_text(const char *decimal, pb_error *err);
/* An int of any size from its magnitude, little-endian bytes: *new*. */
PB_API pb_value *pb_int_bytes(bool negative, pb_span little_endian);
/* A float: *new*. */
PB_API pb_value *pb_float(double d);
/* Text from NUL-terminated UTF-8: *new*; NULL also for NULL and where it is no UTF-8. */
PB_API pb_value *pb_str(const char *utf8);
/* Text from a span of UTF-8: *new*; NULL and PB_ERR_SYNTAX with the offset of the first
 * bad byte where it is none. */
PB_API pb_value *pb_strn(pb_span utf8, pb_error *err);
/* bytes, copied: *new*; NULL also where there is no data but a length. */
PB_API pb_value *pb_bytes(pb_span b);

/* ---- Scalars as C has them ---- */

/* The value as a C number, never a guess. True and False, or PB_ERR_TYPE. Here and below
 * PB_ERR_ARG for NULL, a value or a place for the result, and 0, false or an empty span in
 * *out where it fails. */
PB_API int pb_as_bool(const pb_value *v, bool *out);
/* An int (bool counts as one, as in Python): PB_ERR_TYPE if it is none, PB_ERR_RANGE if it
 * does not fit. */
PB_API int pb_as_int(const pb_value *v, int64_t *out);
/* A float, or an int that a double holds exactly, else PB_ERR_RANGE; PB_ERR_TYPE if it
 * is no number. */
PB_API int pb_as_float(const pb_value *v, double *out);
/* str, or bytes (text from a Python 2 peer comes so); borrowed, and followed by a NUL
 * that does not count. PB_ERR_TYPE for anything else. */
PB_API int pb_as_text(const pb_value *v, pb_span *out);
/* bytes only, as pb_as_text else. */
PB_API int pb_as_bytes(const pb_value *v, pb_span *out);
/* Sign and magnitude (little-endian bytes, without high zeros, *new* in *out with its
 * length in *len) of an int of any size. PB_ERR_TYPE, PB_ERR_NOMEM. */
PB_API int pb_as_int_bytes(const pb_value *v, bool *negative, uint8_t **out, size_t *len);

/* ---- Containers ---- */

/* An empty list, tuple, set or frozenset with room for `reserve` items, *new*; NULL also
 * for another kind. A tuple and a frozenset may be filled until they are shared: after
 * that nothing changes them. Each call gives a fresh one, also for the tuple and the
 * frozenset that stay empty; Python's one `()` is pb_build(NULL, "()"). */
PB_API pb_value *pb_seq(pb_kind kind, size_t reserve);
/* An empty list: *new*. */
PB_API pb_value *pb_list(void);
/* An empty dict: *new*. */
PB_API pb_value *pb_dict(void);
/* Items of a list or tuple, members of a set, pairs of a dict, bytes of bytes or str;
 * 0 for anything else. */
PB_API size_t pb_len(const pb_value *v);
/* Item i of a list or tuple, or the i-th member of a set in insertion order; borrowed;
 * NULL beyond the end or for another kind. */
PB_API pb_value *pb_item(const pb_value *seq, size_t i);
/* Appends to a list or tuple, adds to a set or frozenset (an equal member stays).
 * PB_ERR_TYPE for another kind or an unhashable member, PB_ERR_ARG for a NULL item (a
 * constructor that failed), PB_ERR_STATE for a tuple or frozenset with a second owner,
 * PB_ERR_NOMEM. */
PB_API int pb_append(pb_value *seq, pb_value *item);
PB_API int pb_append_steal(pb_value *seq, pb_value *item);
/* Replaces item i of a list, giving back the one before. PB_ERR_RANGE beyond the end; else
 * as pb_append_steal. */
PB_API int pb_item_set_steal(pb_value *list, size_t i, pb_value *item);
/* Takes item i out of a list; those behind it move up, which takes time for each. What is
 * tied stays tied: an item of the list's own island goes with the island. PB_ERR_RANGE
 * beyond the end, PB_ERR_TYPE for another kind (a tuple never loses an item), PB_ERR_ARG
 * for NULL. Mirrors del list[i]. */
PB_API int pb_item_remove(pb_value *list, size_t i);
/* The value under a text key (a str, or bytes as a Python 2 peer sends); borrowed; NULL
 * if there is none. */
PB_API pb_value *pb_dict_get(const pb_value *dict, const char *key);
/* The value under any key by Python's equality; borrowed; NULL if there is none or the
 * key is unhashable. */
PB_API pb_value *pb_dict_get_value(const pb_value *dict, const pb_value *key);
/* Sets key to value; an equal key stays in its place and keeps its own spelling, as in
 * Python. Takes both, also when it fails: PB_ERR_TYPE (no dict, or unhashable key),
 * PB_ERR_ARG (NULL), PB_ERR_NOMEM. */
PB_API int pb_dict_set_value_steal(pb_value *dict, pb_value *key, pb_value *value);
/* Sets a text key to a value, which is borrowed, or stolen; errors as above, and
 * PB_ERR_SYNTAX for a key that is no UTF-8. */
PB_API int pb_dict_set(pb_value *dict, const char *key, pb_value *value);
PB_API int pb_dict_set_steal(pb_value *dict, const char *key, pb_value *value);
/* Takes the pair of a text key out, the one that pb_dict_get finds; the order of the others
 * stays. PB_ERR_RANGE if there is none, else as pb_item_remove. Mirrors del dict[key]. */
PB_API int pb_dict_remove(pb_value *dict, const char *key);
/* The same for any key, which may be the dict's own, and is gone then. PB_ERR_TYPE also
 * where it is unhashable, PB_ERR_NOMEM. */
PB_API int pb_dict_remove_value(pb_value *dict, const pb_value *key);
/* Walks a dict in order: start with *pos = 0; false at the end. Key and value are
 * borrowed, and NULL at the end. If you don't want one of them, pass NULL. Don't add to
 * the dict meanwhile. The pair that was given last may be removed; the next one then stands
 * in its place, so count *pos down by one. */
PB_API bool pb_dict_next(const pb_value *dict, size_t *pos, pb_value **key,
                         pb_value **value);

/* Whether a set has the member, by Python's equality. */
PB_API bool pb_set_has(const pb_value *set, const pb_value *member);
/* Takes a member out of a set, as pb_dict_remove_value does (a frozenset never loses one:
 * PB_ERR_TYPE). Mirrors set.remove. */
PB_API int pb_set_remove(pb_value *set, const pb_value *member);

/* ---- Times and decimals ---- */

/* PB_ERR_RANGE (NULL with err) outside of what Python's datetime module allows. */

/* The fields of a time; members that the kind does not have are 0. Frozen. */
typedef struct {
    int year, month, day, hour, minute, second, microsecond;
} pb_datetime_fields;

/* A datetime: *new*. */
PB_API pb_value *pb_datetime(const pb_datetime_fields *f, pb_error *err);
/* A date: *new*. */
PB_API pb_value *pb_date(int year, int month, int day, pb_error *err);
/* A time of day: *new*. */
PB_API pb_value *pb_time(int hour, int minute, int second, int microsecond,
                         pb_error *err);
/* A timedelta, *new*, normalised as Python does: 0 <= seconds < 86400, 0 <= microseconds
 * < 1000000. */
PB_API pb_value *pb_timedelta(int64_t days, int64_t seconds, int64_t microseconds,
                              pb_error *err);
/* The fields of a datetime, date or time. PB_ERR_TYPE for another kind. */
PB_API int pb_as_datetime(const pb_value *v, pb_datetime_fields *out);
/* The parts of a timedelta; any of the three may be NULL. PB_ERR_TYPE for another kind. */
PB_API int pb_as_timedelta(const pb_value *v, int64_t *days, int *seconds,
                           int *microseconds);

/* decimal.Decimal from its text: "1.50", "-1E+3", "NaN", "sNaN12", "-Infinity". *New*;
 * NULL and PB_ERR_SYNTAX for anything else. */
PB_API pb_value *pb_decimal(const char *text, pb_error *err);

/* ---- Things known by name only ---- */

/* A PB_CLASS, PB_MODULE or PB_FUNCTION, *new*; NULL for another kind. Here and below,
 * NULL also where a name is no UTF-8, or an argument that is taken is NULL. */
PB_API pb_value *pb_name(pb_kind kind, const char *dotted);
/* The name of a class, module, function or method, or the class of an instance; NULL for
 * another kind. Borrowed, NUL-terminated. */
PB_API const char *pb_name_of(const pb_value *v);
/* A method, *new*, by its name, its self and its class, which are taken. */
PB_API pb_value *pb_method_steal(const char *name, pb_value *self, pb_value *cls);
/* The self of a method, borrowed; NULL for another kind. */
PB_API pb_value *pb_method_self(const pb_value *method);
/* The class of a method, borrowed; NULL for another kind. */
PB_API pb_value *pb_method_class(const pb_value *method);
/* An instance of a class of the peer's, *new*, as inert data: no class is ever resolved. */
PB_API pb_value *pb_instance(const char *class_name, pb_value *state);
PB_API pb_value *pb_instance_steal(const char *class_name, pb_value *state);
/* The state of an instance, borrowed; NULL for another kind. */
PB_API pb_value *pb_instance_state(const pb_value *instance);
/* jelly's Unpersistable, *new*, with its reason. */
PB_API pb_value *pb_unpersistable(const char *reason);
/* The reason of one, borrowed; NULL for another kind. */
PB_API const char *pb_unpersistable_reason(const pb_value *v);

/* ---- Python's syntax ---- */

/* The value, *new*, of a Python literal: None, True, False, numbers (any base,
 * underscores), inf and nan as Python prints them, strings and bytes with their escapes,
 * lists, tuples, dicts, sets, and what pb_value_repr prints for the other kinds: set(),
 * frozenset({1}), datetime.datetime(2020, 1, 2, 3, 4), datetime.timedelta(days=1),
 * Decimal('1.5'). NULL with PB_ERR_SYNTAX and the offset of the place; PB_ERR_LIMIT
 * where it is nested deeper than 1000. */
PB_API pb_value *pb_value_parse(const char *literal, pb_error *err);

/* ---- Building and unpacking by format ---- */

/* Builds a value by a format, with the letters of Py_BuildValue:
 *   i int    L int64_t    d double    p int as bool
 *   s text, NUL-terminated UTF-8      s# text, pointer and size_t
 *   y bytes, NUL-terminated           y# bytes, pointer and size_t
 *   z as s, but NULL is None          O a value, borrowed   N a value, stolen
 *   ( ) tuple   [ ] list   { } dict: key, value, key, value
 * Commas, colons and spaces are skipped. One unit gives itself, none gives None, several
 * give a tuple. A NULL value, or text that may not be NULL, is PB_ERR_ARG. Takes every N
 * also when it fails, but those behind a letter that means nothing. */
PB_API pb_value *pb_build(pb_error *err, const char *format, ...);
/* The same letters with pointers; outs are borrowed from v. `s` wants text without NUL,
 * str or bytes; `y` wants bytes; `O` takes anything; `|` makes the rest of a tuple or
 * list optional (those outs are left as they were). In { } the keys are C strings that
 * are passed in, as in Jansson: "{s:i, s?:s}", "name", &i, ...; `?` after a key's letter
 * makes it optional. PB_ERR_TYPE with a sentence such as Python's TypeError has; then
 * all outs but the optional ones are 0 and NULL. PB_ERR_ARG for a NULL value, out, key or
 * format. */
PB_API int pb_unpack(const pb_value *v, pb_error *err, const char *format, ...);

/* ---- Example ---- */

/* Builds a dict, takes it apart again, and prints it as Python would.
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
