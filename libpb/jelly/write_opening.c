/* SPDX-License-Identifier: MIT
 *
 * How expressions begin, ready to be copied: a table for the dialects without vocabulary,
 * and one for pb. Where the length of the list varies its header is not part of it. */
#include "libpb/jelly/write.h"

#define OPENING(text)         \
    {                         \
        text, sizeof text - 1 \
    }

/* A word in full, alone and as the first of a list of so many. */
#define WORD(len, word) OPENING(len "\x82" word)
#define LIST_1(len, word) OPENING("\x01\x80" len "\x82" word)
#define LIST_2(len, word) OPENING("\x02\x80" len "\x82" word)
#define LIST_3(len, word) OPENING("\x03\x80" len "\x82" word)
#define LIST_4(len, word) OPENING("\x04\x80" len "\x82" word)

/* What the vocabulary does not know is alike in both. */
#define ALIKE                                                                         \
    [PB_STR] = LIST_2("\x07", "unicode"), [PB_SET] = WORD("\x03", "set"),             \
    [PB_FROZENSET] = WORD("\x09", "frozenset"),                                       \
    [PB_DATETIME] = LIST_2("\x08", "datetime"), [PB_DATE] = LIST_2("\x04", "date"),   \
    [PB_TIME] = LIST_2("\x04", "time"), [PB_TIMEDELTA] = LIST_2("\x09", "timedelta"), \
    [PB_DECIMAL] = LIST_3("\x07", "decimal"), [PB_METHOD] = LIST_4("\x06", "method"), \
    [PB__OPENING_TRUE] = LIST_2("\x07", "boolean\x04\x82true"),                       \
    [PB__OPENING_FALSE] = LIST_2("\x07", "boolean\x05\x82"                            \
                                         "false")

const struct pb__opening pb__openings_plain[PB__OPENING_END] = {
    ALIKE,
    [PB_NONE] = LIST_1("\x04", "None"),
    [PB_LIST] = WORD("\x04", "list"),
    [PB_TUPLE] = WORD("\x05", "tuple"),
    [PB_DICT] = WORD("\x0a", "dictionary"),
    [PB_CLASS] = LIST_2("\x05", "class"),
    [PB_MODULE] = LIST_2("\x06", "module"),
    [PB_FUNCTION] = LIST_2("\x08", "function"),
    [PB__OPENING_DEREFERENCE] = LIST_2("\x0b", "dereference"),
    [PB__OPENING_PERSISTENT] = LIST_2("\x0a", "persistent"),
    [PB__OPENING_UNPERSISTABLE] = LIST_2("\x0d", "unpersistable"),
};

const struct pb__opening pb__openings_pb[PB__OPENING_END] = {
    ALIKE,
    [PB_NONE] = OPENING("\x01\x80\x01\x87"),
    [PB_LIST] = OPENING("\x08\x87"),
    [PB_TUPLE] = OPENING("\x0b\x87"),
    [PB_DICT] = OPENING("\x05\x87"),
    [PB_CLASS] = OPENING("\x02\x80\x02\x87"),
    [PB_MODULE] = OPENING("\x02\x80\x09\x87"),
    [PB_FUNCTION] = OPENING("\x02\x80\x06\x87"),
    [PB__OPENING_DEREFERENCE] = OPENING("\x02\x80\x03\x87"),
    [PB__OPENING_PERSISTENT] = OPENING("\x02\x80\x0a\x87"),
    [PB__OPENING_UNPERSISTABLE] = OPENING("\x02\x80\x0c\x87"),
};
