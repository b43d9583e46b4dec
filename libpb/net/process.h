/* SPDX-License-Identifier: MIT
 *
 * Which process this is. What was made before a fork belongs to the parent: its sockets are
 * the same as the child's copies of them, so that a byte written there, or a change of what an
 * epoll instance watches, is one of the parent's. */
#ifndef PB__PROCESS_H
#define PB__PROCESS_H

#include <sys/types.h>

/* As getpid, but without a system call: it is asked before each read and write. */
pid_t pb__process_id(void);

#endif
