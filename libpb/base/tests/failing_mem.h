/* SPDX-License-Identifier: MIT
 *
 * An allocator in place of libpb/base/mem.c: it counts the blocks that are allocated, and
 * fails when told to. */
#ifndef PB__FAILING_MEM_H
#define PB__FAILING_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Lets the n-th allocation from now fail (1 is the next): once, or from then on. 0
 * switches failing off. */
void pb__test_fail_at(long n, bool forever);
/* Whether an allocation was made to fail since the last pb__test_fail_at. */
bool pb__test_failed(void);
/* The number of blocks that are allocated now. */
long pb__test_live(void);
/* Bytes, counted since the last pb__test_count_bytes: the most that were allocated at
 * once, and all that were asked for. Both say how much memory, and how much work with
 * memory, an input costs. What was allocated before does not count. */
void pb__test_count_bytes(void);
size_t pb__test_peak_bytes(void);
size_t pb__test_taken_bytes(void);
/* How often the library gave memory back to the system. */
long pb__test_trims(void);

#endif
