/* SPDX-License-Identifier: MIT
 *
 * Jelly: values to expressions in banana and back, with shared and cyclic references, and
 * a taster that says what may come in. No class is ever instantiated and no name resolved
 * because a peer said so: what is known by name stays a name, an instance stays data.
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

/* Twisted's SecurityOptions: which types, modules and classes a peer may name. Counted.
 * Don't change one that is in use. */
typedef struct pb_taster pb_taster;

/* SecurityOptions(): None, bool, numbers, text, bytes, sets, times, Decimal; and any name
 * with a dot, which is then judged by module and class. *New*; NULL for lack of memory. */
PB_API pb_taster *pb_taster_new(void);
/* Adds an owner; returns t. NULL gives NULL. */
PB_API pb_taster *pb_taster_ref(pb_taster *t);
/* Removes an owner. NULL is allowed. */
PB_API void pb_taster_unref(pb_taster *t);
/* allowBasicTypes: list, tuple, dict, references. globalSecurity is a new taster with
 * these; it is what a NULL taster means wherever one is asked for. 0 or PB_ERR_NOMEM. */
PB_API int pb_taster_allow_basic_types(pb_taster *t);
/* allowTypes for one name. 0 or PB_ERR_NOMEM. */
PB_API int pb_taster_allow_type(pb_taster *t, const char *name);
/* allowModules for one name. 0 or PB_ERR_NOMEM. */
PB_API int pb_taster_allow_module(pb_taster *t, const char *name);
/* allowInstancesOf for one class by its dotted name: the basic types, "instance",
 * "class", "classobj" and "module", its name as a type, its module, and the class. 0 or
 * PB_ERR_NOMEM. */
PB_API int pb_taster_allow_instances_of(pb_taster *t, const char *class_name);
/* Allows types, modules and classes whose whole name matches a PCRE2 pattern (anchored at
 * both ends). Compiled here, matched under limits: a name that runs into them, or is
 * longer than 1024 bytes, is refused.
 * PB_ERR_SYNTAX with the offset in the pattern; PB_ERR_STATE where libpb was built without
 * PCRE2. Ours, not Twisted's. */
PB_API int pb_taster_allow_pattern(pb_taster *t, const char *pattern, pb_error *err);
/* Allows everything. 0 or PB_ERR_NOMEM. Mirrors DummySecurityOptions. */
PB_API int pb_taster_allow_all(pb_taster *t);
/* isTypeAllowed; t may be NULL. */
PB_API bool pb_taster_type_allowed(const pb_taster *t, pb_span name);
/* isModuleAllowed; t may be NULL. */
PB_API bool pb_taster_module_allowed(const pb_taster *t, pb_span name);
/* isClassAllowed; t may be NULL. */
PB_API bool pb_taster_class_allowed(const pb_taster *t, pb_span name);

/* ---- Writing and reading ---- */

/* How values are written and read. Zero is the default of every field. */
typedef struct {
    pb_profile profile;
    pb_taster *taster; /* counted by who copies the struct; NULL: globalSecurity */
    pb_limits limits;
    /* persistentStore: called for each instance and each Unpersistable that is to be
     * written, at the first place where it stands. Gives a *new* id in *id to write
     * ["persistent", id] in its place (an int, a float or bytes goes as it is, any other
     * value as its expression), or leaves *id NULL to write the instance. Must not change
     * what is being written. Non-zero fails the whole. NULL: never. */
    int (*persistent_save)(pb_value *instance, pb_value **id, pb_error *err,
                           void *user_data);
    /* persistentLoad: gives a *new* value for an id, which is read as any expression is.
     * NULL: what comes so is Unpersistable("Persistent callback not found"). */
    int (*persistent_load)(pb_value *id, pb_value **v, pb_error *err, void *user_data);
    void *user_data;
    void *reserved[6];
} pb_jelly_config;

/* Writes the expression of v, in banana, to e: for the same graph of objects the very
 * bytes that Twisted of the profile writes. One pass; nothing stays in e on failure.
 * PB_ERR_TYPE: v holds what that Twisted cannot send (a reference with no broker, a
 * function on Python 3, a nan as Decimal, ...); PB_ERR_LIMIT: banana or depth refuses, or
 * the expression passes the limit of a message. The limits are those of e; depth and
 * message are those of c where they are set there. c may be NULL.
 * Mirrors jelly.jelly and Banana.sendEncoded. */
PB_API int pb_jelly(pb_value *v, const pb_jelly_config *c, pb_encoder *e, pb_error *err);

/* Reads expressions from a decoder. The sink may be given to one decoder at a time. */
typedef struct pb_unjellier pb_unjellier;

/* A reader, *new* (pb_unjellier_free); NULL for lack of memory. The config is copied; c
 * may be NULL. */
PB_API pb_unjellier *pb_unjellier_new(const pb_jelly_config *c);
/* What to give to a decoder; its ctx is u. */
PB_API pb_sink pb_unjellier_sink(pb_unjellier *u);
/* The value of the expression that was completed, *new*; u is ready for the next. Until
 * one is complete, PB_ERR_STATE. A refused expression is read to its end, and its error
 * given here: PB_ERR_INSECURE where Twisted raises InsecureJelly, PB_ERR_SYNTAX for a
 * malformed one, PB_ERR_TYPE for an unhashable key, PB_ERR_NOMEM. One that ends while
 * another waits to be taken makes the sink fail with PB_ERR_STATE: pause the decoder.
 * Mirrors jelly.unjelly. */
PB_API int pb_unjellier_take(pb_unjellier *u, pb_value **out, pb_error *err);
/* Ends a reader. NULL is allowed. */
PB_API void pb_unjellier_free(pb_unjellier *u);

/* ---- In one step ---- */

/* The bytes of a value in a dialect, a whole expression in memory, *new* in *out (pb_free).
 * Errors as pb_jelly. */
PB_API int pb_jelly_bytes(pb_value *v, const pb_jelly_config *c, pb_dialect d,
                          uint8_t **out, size_t *len, pb_error *err);
/* The value, *new* in *out, of bytes that hold exactly one expression, else PB_ERR_SYNTAX;
 * other errors as pb_decoder_recv and pb_unjellier_take. */
PB_API int pb_unjelly_bytes(pb_span in, const pb_jelly_config *c, pb_dialect d,
                            pb_value **out, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
