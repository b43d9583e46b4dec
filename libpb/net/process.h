/* SPDX-License-Identifier: MIT
 *
 * Identifies the process. Objects that were made before a fork belong to the parent: the
 * child's copies of its sockets are the same sockets, so a byte that the child writes, or
 * a change that it makes to an epoll instance, affects the parent. */
#ifndef PB__PROCESS_H
#define PB__PROCESS_H

#include <sys/types.h>

/* As getpid, but without a system call, as it is called before each read and write. */
pid_t pb__process_id(void);

#endif
