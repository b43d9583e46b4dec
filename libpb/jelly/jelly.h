/* SPDX-License-Identifier: MIT
 *
 * The interface between jelly and the broker: the invoker (Twisted's word), which
 * converts references and copies to expressions and back, and the writer and the reader
 * that a session uses. */
#ifndef PB__JELLY_H
#define PB__JELLY_H

#include "compat/value.h"
#include "libpb/banana/encode.h"
#include "libpb/base/export.h"
#include "libpb/base/map.h"
#include "pb/jelly.h"

/* An expression of the broker: [head], [head, id], [head, state] or [head, id, state]. */
struct pb__form {
    pb_span head;    /* a word such as "remote", or a class name */
    pb_value *id;    /* int or bytes, owned by the form; NULL: none */
    pb_value *state; /* owned by the form; NULL: none. Any value */
    /* can be referred to with reference/dereference, as a Copyable can */
    bool shared;
    bool flat; /* state is a list of the members, and there is no id */
};

/* How the members of an expression of the broker's are read. */
enum pb__known {
    PB__UNKNOWN,      /* the head is not the broker's */
    PB__KNOWN_FORM,   /* an id and a state; further members are ignored, as in Twisted */
    PB__KNOWN_MEMBERS /* all of them, each as a value: the form is flat */
};

struct pb__invoker {
    /* Writing: returns the form of a PB_OBJECT or PB_REMOTE value. It may make new
     * values, but must not change the value that is being written. Non-zero fails the
     * complete message. */
    int (*jelly)(pb_value *v, struct pb__form *form, pb_error *err, void *ctx);
    /* Reading: returns whether the broker reads expressions with this head, and how.
     * Called before the taster is asked. Of jelly's own words, only "unpersistable" is
     * passed. */
    enum pb__known (*knows)(pb_span head, void *ctx);
    /* Reading: sets *out to the *new* value of a form that is complete; id and state are
     * borrowed. */
    int (*unjelly)(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx);
    void *ctx;
};

/* Writes a value. Without an invoker, references are refused, except PB_REMOTE on Python
 * 2, which is sent as unpersistable. The config is borrowed. */
PB__SHARED int pb__jelly(pb_value *v, const pb_jelly_config *c,
                         const struct pb__invoker *invoker, struct pb_encoder *e,
                         pb_error *err);

/* Reading messages: a top-level list is then not an expression, but a plain list whose
 * members are expressions, each with its own reference numbers. It becomes a PB_LIST of
 * the members' values. A member that is refused becomes NULL in that list, and `refused`
 * is the first such error. A top-level scalar becomes its value. */
struct pb__reader;

struct pb__message {
    pb_value *value;   /* the receiver owns it */
    pb_error *refused; /* the reason why a member is NULL, borrowed; NULL if none is */
    size_t memory;     /* bytes that its values take */
};

struct pb__reader_config {
    const pb_jelly_config *jelly; /* borrowed for the life of the reader */
    /* NULL: none; borrowed for the life of the reader */
    const struct pb__invoker *invoker;
    struct pb__slab_pool *pool; /* NULL: the reader makes its own at first use */
    bool messages; /* as above; otherwise each top-level expression is one value */
    /* Called for each complete top-level expression. A negative result stops the
     * decoder. */
    int (*done)(struct pb__message *m, void *ctx);
    /* Returns the name of member i of a message for error paths ("args"). NULL: "[i]". */
    const char *(*member_name)(const pb_value *command, size_t i, void *ctx);
    /* The name of a copy, and a member of its state that may be refused without the copy:
     * it becomes None. NULL: there is none. */
    const char *lenient_copy, *lenient_key;
    /* Called after each callback that makes a value: whether it has ended what the
     * messages are read for. The decoder then stops with PB_ERR_DEAD, and no other
     * callback runs. NULL: a callback ends nothing. */
    bool (*ended)(void *ctx);
    void *ctx;
};

PB__SHARED struct pb__reader *pb__reader_new(const struct pb__reader_config *c);
/* The sink of the reader. It sets its own loop in the decoder, so it cannot be called
 * through another sink. */
PB__SHARED pb_sink pb__reader_sink(struct pb__reader *r);
/* Appends to err->where, after a colon if that has a text, the path to the position that
 * is being read, for an error of the decoder. Appends nothing between expressions. */
PB__SHARED void pb__reader_where(struct pb__reader *r, pb_error *err);
/* The number of the member of a message that is being read. */
size_t pb__reader_member(const struct pb__reader *r);
/* Frees the memory that is kept for the next message. */
void pb__reader_trim(struct pb__reader *r);
PB__SHARED void pb__reader_free(struct pb__reader *r);

#endif
