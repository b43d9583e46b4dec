/* SPDX-License-Identifier: MIT
 *
 * The tables of the vocabulary. */
#include "libpb/banana/vocab.h"

const struct pb__word pb__words[PB__WORD_END] = {
#define PB__WORD_ROW(name, number, text) [number] = {text, sizeof text - 1},
    PB__WORD_MAP(PB__WORD_ROW)
#undef PB__WORD_ROW
};

/* Indexed by pb__vocab_hash. */
const uint8_t pb__word_slots[64] = {
    0,  20, 29, 0,  0, 16, 0,  4, 0, 7,  24, 0,  0,  6,  13, 1,  22, 0,  0, 0,  19, 0,
    10, 0,  0,  28, 0, 0,  0,  2, 0, 26, 0,  0,  25, 14, 23, 0,  21, 30, 0, 3,  0,  0,
    15, 0,  0,  8,  0, 11, 12, 0, 0, 5,  27, 18, 0,  0,  0,  17, 0,  0,  9, 31,
};
