/* SPDX-License-Identifier: MIT
 *
 * The broker's expressions as inert data: for tools that look at what passes between two
 * brokers without being either. A copy becomes a PB_INSTANCE, as jelly would read it;
 * anything else, and "unpersistable", of which jelly itself keeps only the reason, a
 * PB_OBJECT value that holds the form and is written as it was read. */
#ifndef PB__TOOLS_COMMON_BROKER_EXPRESSION_H
#define PB__TOOLS_COMMON_BROKER_EXPRESSION_H

#include "libpb/jelly/jelly.h"

/* Told of each form that is read, if its address is the invoker's ctx. */
struct form_watch {
    int (*seen)(const struct pb__form *form, void *ctx);
    void *ctx;
};

/* Keeps every form: knows each head that is no type of jelly's own. */
extern const struct pb__invoker form_keeper;
/* Knows what each of Twisted's brokers does, and no class: what it does not know is for
 * the taster to judge. */
extern const struct pb__invoker form_plain;

/* The form in a value that a keeper made, borrowed; NULL for any other value. */
const struct pb__form *form_of(const pb_value *v);
/* The state of a copy or instance, which heads its form with *name; borrowed. NULL if v is
 * none. */
pb_value *form_copy(const pb_value *v, pb_span *name);
/* Whether v is a form of that head with an id and no state: "remote", "local", "cached",
 * "lcache"; *id is borrowed. */
bool form_is(const pb_value *v, const char *head, pb_value **id);

#endif
