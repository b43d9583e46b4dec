/* SPDX-License-Identifier: MIT
 *
 * Patterns of a taster, without PCRE2. */
#include "libpb/jelly/tests/tasting.h"
#include "tests/support.h"

PB_TEST(pattern_none, are_refused)
{
    pb_taster *t = pb_taster_new();
    pb_error err = {0};
    cr_expect_eq(pb_taster_allow_pattern(t, "a*", &err), PB_ERR_STATE);
    cr_expect_eq(err.code, PB_ERR_STATE);
    cr_expect_str_eq(err.text, "pattern 'a*': this libpb was built without PCRE2");
    cr_expect_not(module(t, "a"));
    cr_expect_not(module(t, "a*"));
    pb_taster_unref(t);
}
