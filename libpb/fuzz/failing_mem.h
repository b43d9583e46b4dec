/* SPDX-License-Identifier: MIT
 *
 * The allocator of fuzz targets that run out of memory, in place of libpb/base/mem.c. */
#ifndef PB__FUZZ_FAILING_MEM_H
#define PB__FUZZ_FAILING_MEM_H

#include <stdbool.h>

/* The n-th allocation from now fails, and with `forever` all that follow it; 0: none. */
void pb__fuzz_fail_at(unsigned n, bool forever);
/* The number of blocks that are not freed. */
long pb__fuzz_live(void);

#endif
