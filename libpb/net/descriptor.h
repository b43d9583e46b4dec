/* SPDX-License-Identifier: MIT
 *
 * Descriptors of the library are never 0, 1 or 2: where a program has closed one of these,
 * what it later prints there would go to a peer. */
#ifndef PB__DESCRIPTOR_H
#define PB__DESCRIPTOR_H

/* Moves fd, a descriptor just made, above 2 and has it closed on exec: the descriptor, or
 * -errno with fd closed. What is negative already is returned as it is. */
int pb__descriptor_raise(int fd);

/* For code that makes descriptors of its own: takes those of 0, 1 and 2 that are free,
 * until they are given back. */
unsigned pb__descriptors_hold(void);
void pb__descriptors_release(unsigned held);

#endif
