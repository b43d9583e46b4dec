/* SPDX-License-Identifier: MIT
 *
 * Moving descriptors above 2. */
#include "libpb/net/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int pb__descriptor_raise(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int e = raised < 0 ? -errno : raised;
    close(fd);
    return e;
}

int pb__descriptor_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int e = -errno;
        close(fd);
        return e;
    }
    return pb__descriptor_raise(fd);
}

unsigned pb__descriptors_reserve(void)
{
    unsigned held = 0;
    int fd;
    do { /* a directory: writing to it fails with EBADF, as if closed */
        fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fd <= STDERR_FILENO) {
            held |= 1u << fd;
        } else if (fd >= 0) {
            close(fd);
        }
    } while (fd >= 0 && fd < STDERR_FILENO);
    return held;
}

void pb__descriptors_release(unsigned held)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (held & (1u << fd)) {
            close(fd);
        }
    }
}
