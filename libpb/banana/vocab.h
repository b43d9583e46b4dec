/* SPDX-License-Identifier: MIT
 *
 * The vocabulary of dialect pb: words that are sent as a number. For a received word the
 * decoder passes the bytes of the table below to its sink. So a sink can recognise a word
 * by its address, and determine its number. */
#ifndef PB__VOCAB_H
#define PB__VOCAB_H

#include <stdbool.h>

#include "libpb/banana/type_bytes.h"
#include "pb/error.h"

/* Mirrors Banana.outgoingVocabulary. */
#define PB__WORD_MAP(X)                   \
    X(NONE, 1, "None")                    \
    X(CLASS, 2, "class")                  \
    X(DEREFERENCE, 3, "dereference")      \
    X(REFERENCE, 4, "reference")          \
    X(DICTIONARY, 5, "dictionary")        \
    X(FUNCTION, 6, "function")            \
    X(INSTANCE, 7, "instance")            \
    X(LIST, 8, "list")                    \
    X(MODULE, 9, "module")                \
    X(PERSISTENT, 10, "persistent")       \
    X(TUPLE, 11, "tuple")                 \
    X(UNPERSISTABLE, 12, "unpersistable") \
    X(COPY, 13, "copy")                   \
    X(CACHE, 14, "cache")                 \
    X(CACHED, 15, "cached")               \
    X(REMOTE, 16, "remote")               \
    X(LOCAL, 17, "local")                 \
    X(LCACHE, 18, "lcache")               \
    X(VERSION, 19, "version")             \
    X(LOGIN, 20, "login")                 \
    X(PASSWORD, 21, "password")           \
    X(CHALLENGE, 22, "challenge")         \
    X(LOGGED_IN, 23, "logged_in")         \
    X(NOT_LOGGED_IN, 24, "not_logged_in") \
    X(CACHEMESSAGE, 25, "cachemessage")   \
    X(MESSAGE, 26, "message")             \
    X(ANSWER, 27, "answer")               \
    X(ERROR, 28, "error")                 \
    X(DECREF, 29, "decref")               \
    X(DECACHE, 30, "decache")             \
    X(UNCACHE, 31, "uncache")

enum pb__word_number {
#define PB__WORD_ENUM(name, number, text) PB__WORD_##name = number,
    PB__WORD_MAP(PB__WORD_ENUM)
#undef PB__WORD_ENUM
        PB__WORD_END,
};

struct pb__word {
    char text[15]; /* filled up with zeros */
    uint8_t len;
};

/* Indexed by number; the first is empty. */
extern const struct pb__word pb__words[PB__WORD_END];

/* The number of the only word that can have this hash; 0: none. */
extern const uint8_t pb__word_slots[64];

static inline pb_span pb__word(unsigned number)
{
    return (pb_span){(const uint8_t *)pb__words[number].text, pb__words[number].len};
}

/* The number of a word if s is in the table; 0 for any other bytes, even if they are
 * equal to a word. */
static inline unsigned pb__vocab_number(pb_span s)
{
    uintptr_t at = (uintptr_t)s.data - (uintptr_t)pb__words;
    return at < sizeof pb__words ? (unsigned)(at / sizeof *pb__words) : 0;
}

/* A hash that is different for each of the words. len >= 4. */
static inline unsigned pb__vocab_hash(const uint8_t *data, size_t len)
{
    uint32_t seed = pb__load_le32(data) + (uint32_t)len * 0x01010101u;
    return (seed * 0x10cec381u) >> 26;
}

/* The number of the word that is equal to the bytes; 0: none. */
static inline unsigned pb__vocab_find(const uint8_t *data, size_t len)
{
    if (len < 4 || len > 13) {
        return 0;
    }
    unsigned number = pb__word_slots[pb__vocab_hash(data, len)];
    const struct pb__word *w = &pb__words[number];
    return w->len == len && memcmp(w->text, data, len) == 0 ? number : 0;
}

#endif
