/* SPDX-License-Identifier: MIT
 *
 * Recognises the format of a traffic file, and reads captures and raw streams. */
#include "tools/common/traffic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/conversation.h"

enum { MAGIC = 4, CHUNK = 65536 };

static int capture_take_line(const json_t *line, struct pb__buf *hex,
                             const struct traffic_sink *sink, pb_error *err)
{
    const char *from = json_string_value(json_object_get(line, "from"));
    const json_t *connection = json_object_get(line, "connection");
    size_t n = json_is_integer(connection) ? (size_t)json_integer_value(connection) : 1;
    double time = json_number_value(json_object_get(line, "t"));
    if (json_object_get(line, "event")) {
        from = json_string_value(json_object_get(line, "by"));
    }
    bool server = from && strcmp(from, "server") == 0;
    if (!server && !(from && strcmp(from, "client") == 0)) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "the line names neither \"client\" nor \"server\"");
    }
    if (json_object_get(line, "event")) {
        return sink->end(n, server, time,
                         json_string_value(json_object_get(line, "message")), sink->ctx);
    }
    hex->len = 0;
    int failed = capture_decode_hex(json_object_get(line, "hex"), hex, err);
    return failed
               ? failed
               : sink->bytes(n, server, time, (pb_span){hex->data, hex->len}, sink->ctx);
}

static int traffic_read_capture(gzFile file, const struct traffic_sink *sink,
                                pb_error *err)
{
    struct capture_file c = {.file = file};
    struct pb__buf hex = {0};
    json_t *line;
    int failed = 0;
    while (!failed && (line = capture_file_next(&c, err))) {
        if (!json_object_get(line, "format") && !json_object_get(line, "expect")) {
            failed = capture_take_line(line, &hex, sink, err);
        }
        json_decref(line);
    }
    if (err->code) {
        pb__error_where(err, "line %zu", c.line);
    }
    pb__buf_fini(&hex);
    pb__buf_fini(&c.text);
    return failed ? failed : err->code;
}

static int traffic_read_raw(gzFile file, int from, const struct traffic_sink *sink,
                            pb_error *err)
{
    uint8_t chunk[CHUNK];
    int n, failed = 0;
    while (!failed && (n = gzread(file, chunk, sizeof chunk)) > 0) {
        failed = sink->bytes(1, from, 0, (pb_span){chunk, (size_t)n}, sink->ctx);
    }
    if (!failed && n < 0) {
        int status;
        const char *reason = gzerror(file, &status);
        return pb__error_set(err, status == Z_ERRNO ? PB_ERR_SYSTEM : PB_ERR_SYNTAX, 0,
                             "cannot be read: %s",
                             status == Z_ERRNO ? strerror(errno) : reason);
    }
    return failed ? failed : sink->end(1, from, 0, NULL, sink->ctx);
}

/* The magic numbers of pcap in both byte orders, with microseconds and with nanoseconds,
 * and of pcapng. */
static bool traffic_is_pcap(const uint8_t *magic)
{
    static const uint8_t known[][MAGIC] = {{0xd4, 0xc3, 0xb2, 0xa1},
                                           {0xa1, 0xb2, 0xc3, 0xd4},
                                           {0x4d, 0x3c, 0xb2, 0xa1},
                                           {0xa1, 0xb2, 0x3c, 0x4d},
                                           {0x0a, 0x0d, 0x0d, 0x0a}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (memcmp(magic, known[i], MAGIC) == 0) {
            return true;
        }
    }
    return false;
}

static int traffic_read(gzFile file, int raw_from, const struct traffic_sink *sink,
                        pb_error *err)
{
    uint8_t magic[MAGIC] = {0};
    int n = gzread(file, magic, MAGIC);
    for (int i = n; i-- > 0;) {
        gzungetc(magic[i], file);
    }
    bool packets = n == MAGIC && traffic_is_pcap(magic);
    sink->begin(packets, sink->ctx);
    if (packets) {
        return traffic_file_read_pcap(file, sink, err);
    }
    return n > 0 && magic[0] == '{' ? traffic_read_capture(file, sink, err)
                                    : traffic_read_raw(file, raw_from, sink, err);
}

int traffic_file_read(const char *path, int raw_from, const struct traffic_sink *sink,
                      pb_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s", strerror(errno));
    }
    gzFile file = gzdopen(fd, "rb");
    if (!file) {
        close(fd);
        return pb__error_nomem(err);
    }
    int failed = traffic_read(file, raw_from, sink, err);
    gzclose_r(file);
    return failed;
}
