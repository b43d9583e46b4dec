/* SPDX-License-Identifier: MIT
 *
 * The version of libpb: that of the headers that a program was built with, and that of
 * the library that it runs with. */
#ifndef PB_VERSION_H
#define PB_VERSION_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. Until 1.0, the interface may change with MINOR. */
#define PB_VERSION_MAJOR 0
/* Additions increase MINOR. */
#define PB_VERSION_MINOR 2
/* Changes that only fix bugs increase PATCH. */
#define PB_VERSION_PATCH 0
/* The three numbers as text. */
#define PB_VERSION "0.2.0"

/* The version of the library at run time, in the form of PB_VERSION: a constant. */
PB_API const char *pb_version(void);

#ifdef __cplusplus
}
#endif
#endif
