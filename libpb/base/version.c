/* SPDX-License-Identifier: MIT
 *
 * The version of the library that runs. */
#include "pb/version.h"

const char *pb_version(void)
{
    return PB_VERSION;
}
