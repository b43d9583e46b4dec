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

/* The version of these headers: until 1.0, what a program sees may change with MINOR. */
#define PB_VERSION_MAJOR 0
/* What is added comes with another MINOR. */
#define PB_VERSION_MINOR 2
/* What is only mended comes with another PATCH. */
#define PB_VERSION_PATCH 0
/* All three as text. */
#define PB_VERSION "0.2.0"

/* The version of the library that runs, as PB_VERSION: a constant. */
PB_API const char *pb_version(void);

#ifdef __cplusplus
}
#endif
#endif
