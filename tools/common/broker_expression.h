/* SPDX-License-Identifier: MIT
 *
 * The broker's expressions (references, copies, caches) as inert data, for tools that
 * read messages without being one of the two brokers. A copy becomes a PB_INSTANCE, as
 * jelly reads an instance. Any other expression becomes a PB_OBJECT value that holds
 * it, and that is written as it was read; so does "unpersistable", of which jelly
 * itself keeps only the reason. */
#ifndef PB__TOOLS_COMMON_BROKER_EXPRESSION_H
#define PB__TOOLS_COMMON_BROKER_EXPRESSION_H

#include "libpb/jelly/jelly.h"

/* If the invoker's ctx is the address of one, it gets each expression that is read.
 * A non-zero return value counts as lack of memory. */
struct broker_expression_observer {
    int (*seen)(const struct pb__form *form, void *ctx);
    void *ctx;
    /* Letters for the two sides, which are printed before the number of an object,
     * because each side numbers its own: the sender of the expressions, and the
     * receiver. */
    char sender, receiver;
};

/* Keeps every expression whose head is not a type of jelly's own. */
extern const struct pb__invoker broker_expression_keep_all;
/* Keeps only what every broker of Twisted reads: "remote", "local", "cached" and
 * "lcache". The taster judges all other heads. */
extern const struct pb__invoker broker_expression_keep_known;

/* The expression in a value that one of these invokers made, borrowed; NULL for any other
 * value. */
const struct pb__form *broker_expression_of(const pb_value *v);
/* The state of a copy or an instance, borrowed, and its class or type tag in *name.
 * NULL if v is neither. */
pb_value *broker_expression_state(const pb_value *v, pb_span *name);
/* Whether v is an expression with that head, an id and no state ("remote", "local",
 * "cached", "lcache"); *id is borrowed. */
bool broker_expression_is(const pb_value *v, const char *head, pb_value **id);

#endif
