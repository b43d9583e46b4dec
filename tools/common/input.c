/* SPDX-License-Identifier: MIT
 *
 * Reads by system calls, and decompresses what begins as gzip does. */
#include "tools/common/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libpb/base/error.h"

enum { FOLLOW_PAUSE = 100 /* milliseconds between looks at a growing file */ };

/* Reads once into in->raw, which is empty. Returns false at the end, and with err. */
static bool input_fill(struct input *in, pb_error *err)
{
    static const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE * 1000000L};
    in->raw_at = in->raw_len = 0;
    for (;;) {
        if (in->live) {
            fflush(stdout);
        }
        ssize_t n = read(in->fd, in->raw, sizeof in->raw);
        if (n > 0) {
            in->raw_len = (size_t)n;
            return true;
        }
        if (n < 0 && errno != EINTR) {
            pb__error_set(err, PB_ERR_SYSTEM, 0, "cannot be read: %s", strerror(errno));
            return false;
        }
        if (n == 0 && !in->follow) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

int input_open(struct input *in, const char *path, pb_error *err)
{
    struct stat about;
    bool standard = strcmp(path, "-") == 0;
    *in = (struct input){.fd = standard ? dup(STDIN_FILENO)
                                        : open(path, O_RDONLY | O_CLOEXEC)};
    if (in->fd < 0) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s", strerror(errno));
    }
    in->live = fstat(in->fd, &about) != 0 || !S_ISREG(about.st_mode);
    in->is_open = true;
    return 0;
}

/* Before the first read: finds out by the first two bytes whether it is gzip. Returns
 * false if there are none, and with err. */
static bool input_begin_gzip(struct input *in, pb_error *err)
{
    static const uint8_t magic[] = {0x1f, 0x8b};
    if (in->has_begun) {
        return true;
    }
    in->has_begun = true;
    if (!input_fill(in, err)) {
        return false;
    }
    if (in->raw_len < 2 || memcmp(in->raw, magic, sizeof magic) != 0) {
        return true;
    }
    in->is_gzip = in->in_member = true;
    if (inflateInit2(&in->z, 15 + 16) != Z_OK) {
        pb__error_nomem(err);
        return false;
    }
    return true;
}

size_t input_peek(struct input *in, uint8_t *out, size_t size, pb_error *err)
{
    uint8_t kept[INPUT_PEEK];
    size_t len = 0, more;
    in->live = in->live || in->follow;
    if (!input_begin_gzip(in, err)) {
        return 0;
    }
    while (len < size && (more = input_read(in, kept + len, size - len, err)) > 0) {
        len += more;
    }
    memcpy(out, kept, len);
    memcpy(in->peeked, kept, len);
    in->peeked_len = len;
    return len;
}

/* Decompresses into out what raw has; returns how much came, 0 if more has to be read. */
static size_t input_inflate(struct input *in, uint8_t *out, size_t size, pb_error *err)
{
    in->z.next_in = in->raw + in->raw_at;
    in->z.avail_in = (unsigned)(in->raw_len - in->raw_at);
    in->z.next_out = out;
    in->z.avail_out = (unsigned)size;
    if (!in->in_member && in->z.avail_in) {
        inflateReset(&in->z); /* another member follows */
        in->in_member = true;
    }
    int e = in->z.avail_in ? inflate(&in->z, Z_SYNC_FLUSH) : Z_OK;
    in->raw_at = in->raw_len - in->z.avail_in;
    if (e == Z_STREAM_END) {
        in->in_member = false;
    } else if (e != Z_OK && e != Z_BUF_ERROR) {
        pb__error_set(err, e == Z_MEM_ERROR ? PB_ERR_NOMEM : PB_ERR_SYNTAX, 0,
                      "cannot be read: %s", in->z.msg ? in->z.msg : "damaged gzip");
    }
    return size - in->z.avail_out;
}

static size_t input_copy(struct input *in, uint8_t *out, size_t size)
{
    size_t len = in->raw_len - in->raw_at;
    len = len < size ? len : size;
    memcpy(out, in->raw + in->raw_at, len);
    in->raw_at += len;
    return len;
}

size_t input_read(struct input *in, uint8_t *out, size_t size, pb_error *err)
{
    if (in->peeked_len) {
        size_t len = in->peeked_len < size ? in->peeked_len : size;
        memcpy(out, in->peeked, len);
        memmove(in->peeked, in->peeked + len, in->peeked_len - len);
        in->peeked_len -= len;
        return len;
    }
    if (!input_begin_gzip(in, err)) {
        return 0;
    }
    for (;;) {
        size_t n =
            in->is_gzip ? input_inflate(in, out, size, err) : input_copy(in, out, size);
        if (n > 0 || err->code) {
            return n;
        }
        if (in->raw_at == in->raw_len && !input_fill(in, err)) {
            if (in->is_gzip && in->in_member && !err->code) {
                pb__error_set(err, PB_ERR_SYNTAX, 0,
                              "cannot be read: unexpected end of file");
            }
            return 0;
        }
    }
}

void input_close(struct input *in)
{
    if (in->is_gzip) {
        inflateEnd(&in->z);
    }
    if (in->is_open) {
        close(in->fd);
    }
    *in = (struct input){0};
}
