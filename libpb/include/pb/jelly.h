/* SPDX-License-Identifier: MIT
 *
 * Jelly: values to expressions in banana and back, with shared and cyclic references, and
 * a taster, which decides which types may be received. A peer cannot make the library
 * instantiate a class or resolve a name: names stay names, and an instance stays data.
 * Mirrors twisted.spread.jelly. */
#ifndef PB_JELLY_H
#define PB_JELLY_H

#include "pb/banana.h"
#include "pb/profile.h"
#include "pb/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The taster ---- */

/* Twisted's SecurityOptions: the types, modules and classes that a peer may name.
 * Counted. Do not change a taster that is in use. */
typedef struct pb_taster pb_taster;

/* A taster like SecurityOptions(), *new*. It allows None, bool, numbers, text, bytes,
 * sets, times, Decimal, and as a type any name that contains a dot, which is then checked
 * by module and class. NULL if memory is exhausted. */
PB_API pb_taster *pb_taster_new(void) PB_MUST_USE;
/* Adds an owner, and returns t. NULL gives NULL. */
PB_API pb_taster *pb_taster_ref(pb_taster *t);
/* Removes an owner. NULL is allowed. */
PB_API void pb_taster_unref(pb_taster *t);
/* Allows list, tuple, dict and references. A NULL taster, wherever one is expected, means
 * globalSecurity, which is a new taster with these. 0 or PB_ERR_NOMEM. Mirrors
 * allowBasicTypes. */
PB_API int pb_taster_allow_basic_types(pb_taster *t);
/* Allows one type. 0 or PB_ERR_NOMEM. Mirrors allowTypes. */
PB_API int pb_taster_allow_type(pb_taster *t, const char *name);
/* Allows one module. 0 or PB_ERR_NOMEM. Mirrors allowModules. */
PB_API int pb_taster_allow_module(pb_taster *t, const char *name);
/* Allows one class by its dotted name: the basic types, "instance", "class", "classobj"
 * and "module", the class name as a type, its module, and the class. 0 or PB_ERR_NOMEM.
 * Mirrors allowInstancesOf. */
PB_API int pb_taster_allow_instances_of(pb_taster *t, const char *class_name);
/* Allows the types, modules and classes whose full name matches a PCRE2 pattern (it is
 * anchored at both ends). The pattern is compiled by this call. Matching is limited: a
 * name that exceeds the limits, or that is longer than 1024 bytes, is refused.
 * PB_ERR_SYNTAX with the offset in the pattern; PB_ERR_STATE if libpb was built without
 * PCRE2. Twisted has no such function. */
PB_API int pb_taster_allow_pattern(pb_taster *t, const char *pattern, pb_error *err);
/* Allows everything. 0 or PB_ERR_NOMEM. Mirrors DummySecurityOptions. */
PB_API int pb_taster_allow_all(pb_taster *t);
/* Returns whether a type may be received; t may be NULL. Mirrors isTypeAllowed. */
PB_API bool pb_taster_type_allowed(const pb_taster *t, pb_span name);
/* Returns whether a module may be named; t may be NULL. Mirrors isModuleAllowed. */
PB_API bool pb_taster_module_allowed(const pb_taster *t, pb_span name);
/* Returns whether a class may be named; t may be NULL. Mirrors isClassAllowed. */
PB_API bool pb_taster_class_allowed(const pb_taster *t, pb_span name);

/* ---- Writing and reading ---- */

/* The options for writing and reading values. Zero is the default of every field. */
typedef struct {
    pb_profile profile;
    /* NULL: globalSecurity. The library takes a count when it copies this struct */
    pb_taster *taster;
    pb_limits limits;
    /* persistentStore: called for each instance and each Unpersistable, where it first
     * occurs in what is written. To write ["persistent", id] instead of the instance, set
     * *id to a *new* id (an int, a float or bytes is written directly, any other value as
     * its jelly). To write the instance, leave *id NULL. It must not change the value
     * that is being written. If the result is not zero, nothing is written. NULL: every
     * instance is written. */
    int (*persistent_save)(pb_value *instance, pb_value **id, pb_error *err,
                           void *user_data);
    /* persistentLoad: sets *v to a *new* value for an id; the id is read like any other
     * expression. NULL: such an expression becomes Unpersistable("Persistent callback not
     * found"). */
    int (*persistent_load)(pb_value *id, pb_value **v, pb_error *err, void *user_data);
    void *user_data;
    void *reserved[6];
} pb_jelly_config;

/* Writes v to e as a banana expression: the same bytes as Twisted of that profile writes
 * for the same graph of objects. It takes one pass. If it fails, nothing of the
 * expression stays in e. PB_ERR_TYPE: v contains a value that this Twisted cannot send (a
 * reference without a broker, a function on Python 3, a nan as Decimal, ...).
 * PB_ERR_LIMIT: the expression exceeds a limit of banana, the depth, or the limit of a
 * message. The limits are those of e, except that depth and message are those of c if c
 * sets them. c may be NULL. Mirrors jelly.jelly and Banana.sendEncoded. */
PB_API int pb_jelly(pb_value *v, const pb_jelly_config *c, pb_encoder *e, pb_error *err);

/* Reads expressions from a decoder. Its sink may be used by one decoder at a time. */
typedef struct pb_unjellier pb_unjellier;

/* A reader, *new* (pb_unjellier_free). NULL if memory is exhausted. c is copied, and may
 * be NULL. */
PB_API pb_unjellier *pb_unjellier_new(const pb_jelly_config *c) PB_MUST_USE;
/* The sink to pass to a decoder; its ctx is u. */
PB_API pb_sink pb_unjellier_sink(pb_unjellier *u);
/* Takes the value of the completed expression, *new*; then u is ready for the next one.
 * PB_ERR_STATE if no expression is complete. A refused expression is read to its end, and
 * this call returns its error: PB_ERR_INSECURE where Twisted raises InsecureJelly,
 * PB_ERR_SYNTAX for a malformed expression, PB_ERR_TYPE for an unhashable key,
 * PB_ERR_NOMEM. If another expression completes before the first is taken, the sink fails
 * with PB_ERR_STATE; pause the decoder to avoid that. Mirrors jelly.unjelly. */
PB_API int pb_unjellier_take(pb_unjellier *u, pb_value **out, pb_error *err);
/* Frees a reader. NULL is allowed. */
PB_API void pb_unjellier_free(pb_unjellier *u);

/* ---- In one step ---- */

/* Converts a value to the bytes of one expression, in a dialect: *new* in *out (pb_free).
 * Errors as pb_jelly. */
PB_API int pb_jelly_bytes(pb_value *v, const pb_jelly_config *c, pb_dialect d,
                          uint8_t **out, size_t *len, pb_error *err);
/* Converts bytes that hold exactly one expression (else PB_ERR_SYNTAX) to a value, *new*
 * in *out. Other errors as pb_decoder_recv and pb_unjellier_take. */
PB_API int pb_unjelly_bytes(pb_span in, const pb_jelly_config *c, pb_dialect d,
                            pb_value **out, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
