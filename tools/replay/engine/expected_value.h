/* SPDX-License-Identifier: MIT
 *
 * Compares a value with its description in a capture: kinds, contents, order, and which
 * places hold the same object. */
#ifndef PB__TOOLS_REPLAY_ENGINE_EXPECTED_VALUE_H
#define PB__TOOLS_REPLAY_ENGINE_EXPECTED_VALUE_H

#include <jansson.h>

#include "pb/value.h"

/* From which side the JSON describes a value: the referenceable of the sender is a remote
 * for the receiver. */
enum expected_view {
    EXPECT_SENT,
    EXPECT_RECEIVED,
    EXPECT_HELD, /* received, and read by a session: the value holds real references */
};

struct expectation {
    enum expected_view view;
    bool ordered; /* dicts are in the order of the message: Python 3 */
};

/* 0; PB_ERR_TYPE with the expected and the received value; PB_ERR_SYNTAX if the JSON
 * describes no value; PB_ERR_NOMEM. got may be NULL: there is no value. */
int expected_value_compare(const struct expectation *e, const json_t *want, pb_value *got,
                           pb_error *err);

#endif
