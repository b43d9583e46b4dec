/* SPDX-License-Identifier: MIT
 *
 * What jelly and the broker share: the invoker (Twisted's word), through which references
 * and copies get in and out of expressions, and the writer and reader as the session
 * embeds them. */
#ifndef PB__JELLY_H
#define PB__JELLY_H

#include "compat/value.h"
#include "libpb/banana/encode.h"
#include "libpb/base/export.h"
#include "libpb/base/map.h"
#include "pb/jelly.h"

/* An expression of the broker's: [head], [head, id], [head, state] or [head, id, state]. */
struct pb__form {
    pb_span head;    /* a word such as "remote", or a class name */
    pb_value *id;    /* int or bytes, owned by the form; NULL: none */
    pb_value *state; /* owned by the form; NULL: none. Written and read as any value */
    bool shared;     /* takes part in reference/dereference, as a Copyable does */
};

struct pb__invoker {
    /* Writing: the form of a PB_OBJECT or PB_REMOTE value. It may make new values, but not
     * change what is being written. Non-zero fails the whole. */
    int (*jelly)(pb_value *v, struct pb__form *form, pb_error *err, void *ctx);
    /* Reading: whether a head is the broker's to read. Asked before the taster; of jelly's
     * own words only for "unpersistable". */
    bool (*knows)(pb_span head, void *ctx);
    /* Reading: the *new* value of a form that was read whole; id and state are borrowed. */
    int (*unjelly)(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx);
    void *ctx;
};

/* Writing. Without an invoker references are refused, but for PB_REMOTE on Python 2, which
 * is sent as unpersistable. The config is borrowed. */
PB__SHARED int pb__jelly(pb_value *v, const pb_jelly_config *c,
                         const struct pb__invoker *invoker, struct pb_encoder *e,
                         pb_error *err);

/* Reading whole messages: a top-level list is then not an expression itself, but a plain
 * list whose members are expressions, each with reference numbers of its own. It becomes
 * a PB_LIST of the members' values. A member that is refused becomes NULL in it, with the
 * first such error in `refused`. A top-level scalar becomes its value. */
struct pb__reader;

struct pb__message {
    pb_value *value;   /* owned by the receiver */
    pb_error *refused; /* NULL, or why a member is NULL; borrowed */
};

struct pb__reader_config {
    const pb_jelly_config *jelly;      /* borrowed for the life of the reader */
    const struct pb__invoker *invoker; /* NULL: none; borrowed likewise */
    struct pb__slab_pool *pool;        /* NULL: a pool of its own, made at first use */
    bool messages; /* as above; else each top-level expression is one value */
    /* Called for each complete top-level expression. Below zero stops the decoder. */
    int (*done)(struct pb__message *m, void *ctx);
    /* The name of member i of a message for error paths ("args"); NULL: "[i]". */
    const char *(*member_name)(const pb_value *command, size_t i, void *ctx);
    /* In the state of the copy of that name, a member under this key that is refused
     * counts as None, and the copy is read. NULL: in none. */
    const char *lenient_copy, *lenient_key;
    void *ctx;
};

PB__SHARED struct pb__reader *pb__reader_new(const struct pb__reader_config *c);
/* Brings a loop of its own with it, so give it to the decoder itself. */
PB__SHARED pb_sink pb__reader_sink(struct pb__reader *r);
/* Appends to err->where, after a colon where that has a text, the path to what is being
 * read, for an error of the decoder's; nothing between expressions. */
PB__SHARED void pb__reader_where(struct pb__reader *r, pb_error *err);
/* Which member of a message is being read. */
size_t pb__reader_member(const struct pb__reader *r);
/* Gives back memory that is kept for the next message. */
void pb__reader_trim(struct pb__reader *r);
PB__SHARED void pb__reader_free(struct pb__reader *r);

#endif
