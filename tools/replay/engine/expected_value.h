/* SPDX-License-Identifier: MIT
 *
 * Comparing a value with what a capture's JSON says of it: kinds, contents, order, and
 * which places hold one object. */
#ifndef PB__TOOLS_REPLAY_ENGINE_EXPECTED_VALUE_H
#define PB__TOOLS_REPLAY_ENGINE_EXPECTED_VALUE_H

#include <jansson.h>

#include "pb/value.h"

/* Through whose eyes the JSON describes what passed over the wire: what the sender calls
 * a referenceable is a remote for the receiver. */
enum expect_view {
    EXPECT_SENT,
    EXPECT_RECEIVED,
    EXPECT_HELD, /* the receiver's, of what a session made of it, not of forms */
};

struct expect {
    enum expect_view view;
    bool ordered; /* dicts stand in the order of the wire: Python 3 */
};

/* 0, or PB_ERR_TYPE with what was expected and what there is; PB_ERR_SYNTAX for JSON that
 * describes no value. got may be NULL: nothing is there. */
int expect_value(const struct expect *e, const json_t *want, pb_value *got,
                 pb_error *err);

#endif
