/* SPDX-License-Identifier: MIT
 *
 * Which version of libpb this is: of the headers that a program was built with, and of the
 * library that it runs with. */
#ifndef PB_VERSION_H
#define PB_VERSION_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. Until 1.0 a new MINOR may change what a program sees. */
#define PB_VERSION_MAJOR 0
#define PB_VERSION_MINOR 2
#define PB_VERSION_PATCH 0
/* The same as text. */
#define PB_VERSION "0.2.0"

/* The version of the library that runs, as PB_VERSION: a constant. */
PB_API const char *pb_version(void);

#ifdef __cplusplus
}
#endif
#endif
