/* SPDX-License-Identifier: MIT
 *
 * The number of the process is kept in a page that the system empties in the child of a
 * fork. Where there is no such page, the system is asked each time. */
#include "libpb/net/process.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

_Atomic(_Atomic(pid_t) *)
    pb__process_page; /* one for the process, which is never freed */

#ifdef MADV_WIPEONFORK

static _Atomic(pid_t) none; /* the page of a system that has no such page: stays 0 */

static _Atomic(pid_t) *page_new(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return &none;
    }
    _Atomic(pid_t) *made = p, *before = NULL;
    if (madvise(p, size, MADV_WIPEONFORK) != 0) {
        made = &none;
    }
    if (!atomic_compare_exchange_strong(&pb__process_page, &before, made)) {
        made = before; /* another thread was faster */
    }
    if (made != p) {
        munmap(p, size);
    }
    return made;
}

pid_t pb__process_ask(void)
{
    _Atomic(pid_t) *p = atomic_load_explicit(&pb__process_page, memory_order_acquire);
    pid_t id = getpid();
    p = p ? p : page_new();
    if (p != &none) {
        atomic_store_explicit(p, id, memory_order_relaxed);
    }
    return id;
}

#else

pid_t pb__process_ask(void)
{
    return getpid();
}

#endif
