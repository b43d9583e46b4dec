/* SPDX-License-Identifier: MIT
 *
 * Descriptors of the library are never 0, 1 or 2. If a program has closed one of these,
 * its output would otherwise go to a peer. */
#ifndef PB__DESCRIPTOR_H
#define PB__DESCRIPTOR_H

/* Moves fd, a new descriptor, above 2 and sets close-on-exec. Returns the descriptor, or
 * -errno with fd closed. A negative fd is returned unchanged. */
int pb__descriptor_raise(int fd);

/* The same, and makes reading and writing fail instead of wait. */
int pb__descriptor_nonblocking(int fd);

/* For code that creates descriptors itself: occupies the free ones of 0, 1 and 2, until
 * they are released. */
unsigned pb__descriptors_reserve(void);
void pb__descriptors_release(unsigned held);

#endif
