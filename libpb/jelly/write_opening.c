/* SPDX-License-Identifier: MIT
 *
 * How each kind of expression begins, as bytes that the writer copies. */
#include <assert.h>

#include "libpb/jelly/write.h"

/* A word as a string; and as the first element of a list of 1, 2, 3, 4. */
#define WORD(len, word) len "\x82" word
#define LIST_1(len, word) "\x01\x80" len "\x82" word
#define LIST_2(len, word) "\x02\x80" len "\x82" word
#define LIST_3(len, word) "\x03\x80" len "\x82" word
#define LIST_4(len, word) "\x04\x80" len "\x82" word

/* One row for each kind, in the order of pb_kind: the opening in a dialect without
 * vocabulary, and that in dialect pb. If the length of the list varies, its header is not
 * included. SAME: the word is not in the vocabulary. NO_OPENING: the function that writes
 * the kind does not use this table. */
#define SAME(text) text, text
#define NO_OPENING "", ""
#define KIND_OPENINGS(X)                                        \
    X(NONE, LIST_1("\x04", "None"), "\x01\x80\x01\x87")         \
    X(BOOL, NO_OPENING) /* see TRUE and FALSE */                \
    X(INT, NO_OPENING)                                          \
    X(FLOAT, NO_OPENING)                                        \
    X(BYTES, NO_OPENING)                                        \
    X(STR, SAME(LIST_2("\x07", "unicode")))                     \
    X(LIST, WORD("\x04", "list"), "\x08\x87")                   \
    X(TUPLE, WORD("\x05", "tuple"), "\x0b\x87")                 \
    X(DICT, WORD("\x0a", "dictionary"), "\x05\x87")             \
    X(SET, SAME(WORD("\x03", "set")))                           \
    X(FROZENSET, SAME(WORD("\x09", "frozenset")))               \
    X(DATETIME, SAME(LIST_2("\x08", "datetime")))               \
    X(DATE, SAME(LIST_2("\x04", "date")))                       \
    X(TIME, SAME(LIST_2("\x04", "time")))                       \
    X(TIMEDELTA, SAME(LIST_2("\x09", "timedelta")))             \
    X(DECIMAL, SAME(LIST_3("\x07", "decimal")))                 \
    X(CLASS, LIST_2("\x05", "class"), "\x02\x80\x02\x87")       \
    X(MODULE, LIST_2("\x06", "module"), "\x02\x80\x09\x87")     \
    X(FUNCTION, LIST_2("\x08", "function"), "\x02\x80\x06\x87") \
    X(METHOD, SAME(LIST_4("\x06", "method")))                   \
    X(INSTANCE, NO_OPENING)                                     \
    X(UNPERSISTABLE, NO_OPENING) /* written as an instance */   \
    X(OBJECT, NO_OPENING)                                       \
    X(REMOTE, NO_OPENING)                                       \
    X(NOTHING, NO_OPENING)

/* The others, in the order of the enum in write.h. */
#define OTHER_OPENINGS(X)                                             \
    X(TRUE, SAME(LIST_2("\x07", "boolean\x04\x82true")))              \
    X(FALSE, SAME(LIST_2("\x07", "boolean\x05\x82"                    \
                                 "false")))                           \
    X(DEREFERENCE, LIST_2("\x0b", "dereference"), "\x02\x80\x03\x87") \
    X(PERSISTENT, LIST_2("\x0a", "persistent"), "\x02\x80\x0a\x87")   \
    X(REASON, LIST_2("\x0d", "unpersistable"), "\x02\x80\x0c\x87")

/* A kind without a row, or a row in the wrong place, does not compile. */
enum {
#define OPENING_ROW(name, ...) ROW_##name,
    KIND_OPENINGS(OPENING_ROW) OTHER_OPENINGS(OPENING_ROW)
#undef OPENING_ROW
        ROWS,
};
#define KIND_CHECK(name, ...) \
    static_assert((int)ROW_##name == (int)PB_##name, "an opening is missing");
#define OTHER_CHECK(name, ...) \
    static_assert((int)ROW_##name == (int)PB__OPENING_##name, "an opening is missing");
KIND_OPENINGS(KIND_CHECK)
OTHER_OPENINGS(OTHER_CHECK)
static_assert((int)ROWS == (int)PB__OPENING_END, "an opening is missing");

/* The text, and its length without the NUL. */
#define OPENING_OF(text)       \
    {                          \
        text, sizeof(text) - 1 \
    }
#define OPENING_PLAIN_OF(plain, pb) OPENING_OF(plain),
#define OPENING_PB_OF(plain, pb) OPENING_OF(pb),
#define OPENING_PLAIN(name, ...) OPENING_PLAIN_OF(__VA_ARGS__)
#define OPENING_PB(name, ...) OPENING_PB_OF(__VA_ARGS__)

const struct pb__opening pb__openings_plain[PB__OPENING_END] = {
    KIND_OPENINGS(OPENING_PLAIN) OTHER_OPENINGS(OPENING_PLAIN)};

const struct pb__opening pb__openings_pb[PB__OPENING_END] = {
    KIND_OPENINGS(OPENING_PB) OTHER_OPENINGS(OPENING_PB)};

int pb__write_opening(struct pb__writer *w, int row)
{
    const struct pb__opening *h = &w->openings[row];
    int e = pb__encoder_reserve(w->e, PB__OPENING_COPIED);
    if (e == 0) {
        uint8_t *p = pb__encoder_cursor(w->e);
        memcpy(p, h->text, PB__OPENING_COPIED);
        pb__encoder_commit(w->e, p + h->len);
    }
    return e;
}
