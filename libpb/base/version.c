/* SPDX-License-Identifier: MIT
 *
 * The version of the library at run time. */
#include "pb/version.h"

const char *pb_version(void)
{
    return PB_VERSION;
}
