/* SPDX-License-Identifier: MIT
 *
 * The version as numbers, as text, and of the library. */
#include <stdio.h>

#include "pb/version.h"
#include "tests/support.h"

PB_TEST(version, is_the_same_everywhere)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", PB_VERSION_MAJOR, PB_VERSION_MINOR,
             PB_VERSION_PATCH);
    cr_assert_str_eq(PB_VERSION, text);
    cr_assert_str_eq(pb_version(), text);
}
