/* SPDX-License-Identifier: MIT
 *
 * Which process this is. What was made before a fork belongs to the parent: its sockets are
 * the same as the child's copies of them, so that a byte written there, or a change of what an
 * epoll instance watches, is one of the parent's. */
#ifndef PB__PROCESS_H
#define PB__PROCESS_H

#include <stdatomic.h>
#include <sys/types.h>

/* Where the number is kept; NULL: not yet. It is 0 in the child of a fork. */
extern _Atomic(_Atomic(pid_t) *) pb__process_page;

/* Asks the system, and keeps the number if that is possible. */
pid_t pb__process_ask(void);

/* As getpid, but without a system call: it is asked before each read and write. */
static inline pid_t pb__process_id(void)
{
    _Atomic(pid_t) *p = atomic_load_explicit(&pb__process_page, memory_order_acquire);
    pid_t id = p ? atomic_load_explicit(p, memory_order_relaxed) : 0;
    return id ? id : pb__process_ask();
}

#endif
