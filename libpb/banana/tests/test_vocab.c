/* SPDX-License-Identifier: MIT
 *
 * The vocabulary: each word of Twisted's and no other, by bytes and by address. */
#include <criterion/criterion.h>

#include "libpb/banana/vocab.h"
#include "tests/support.h"

/* Banana.outgoingVocabulary, in order. */
static const char *const words[] = {
    NULL,           "None",     "class",         "dereference", "reference",
    "dictionary",   "function", "instance",      "list",        "module",
    "persistent",   "tuple",    "unpersistable", "copy",        "cache",
    "cached",       "remote",   "local",         "lcache",      "version",
    "login",        "password", "challenge",     "logged_in",   "not_logged_in",
    "cachemessage", "message",  "answer",        "error",       "decref",
    "decache",      "uncache",
};
#define WORDS (sizeof words / sizeof *words)

static unsigned find(const char *s, size_t len)
{
    /* Copied to a block of its exact size, so that reading past it is detected. */
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, s, len);
    unsigned number = pb__vocab_find(copy, len);
    free(copy);
    return number;
}

PB_TEST(vocab, has_the_words_of_twisted)
{
    cr_assert_eq(WORDS, PB__WORD_END);
    for (unsigned i = 1; i < WORDS; i++) {
        pb_span word = pb__word(i);
        cr_expect_eq(word.len, strlen(words[i]));
        cr_expect_eq(memcmp(word.data, words[i], word.len), 0, "%s", words[i]);
        cr_expect_eq(find(words[i], word.len), i, "%s", words[i]);
    }
}

PB_TEST(vocab, finds_nothing_that_is_only_like_a_word)
{
    for (unsigned i = 1; i < WORDS; i++) {
        char like[16] = {0};
        size_t len = strlen(words[i]);
        strcpy(like, words[i]);
        cr_expect_eq(find(like, len + 1), 0, "%s with a NUL", like);
        for (size_t k = 0; k < len; k++) {
            like[k] ^= 1;
            cr_expect_eq(find(like, len), 0, "%s", like);
            like[k] ^= 1;
            /* A beginning of one word may be another: "cache", "cached". */
            unsigned number = find(like, k);
            cr_expect(number == 0 || strlen(words[number]) == k, "%.*s", (int)k, like);
        }
    }
    cr_expect_eq(find("", 0), 0);
    cr_expect_eq(find("unicode", 7), 0);
    cr_expect_eq(find("boolean", 7), 0);
    cr_expect_eq(find("an ordinary string, longer than any word", 40), 0);
    cr_expect_eq(pb__vocab_find(NULL, 0), 0);
}

PB_TEST(vocab, knows_a_word_by_its_address)
{
    for (unsigned i = 1; i < WORDS; i++) {
        cr_expect_eq(pb__vocab_number(pb__word(i)), i);
        cr_expect_eq(pb__vocab_number((pb_span){(const uint8_t *)words[i], 4}), 0);
    }
    cr_expect_eq(pb__vocab_number((pb_span){NULL, 0}), 0);
    cr_expect_eq(pb__vocab_number((pb_span){(const uint8_t *)(pb__words + WORDS), 0}), 0);
    cr_expect_eq(pb__vocab_number((pb_span){(const uint8_t *)pb__words - 1, 0}), 0);
}
