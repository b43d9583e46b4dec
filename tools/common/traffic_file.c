/* SPDX-License-Identifier: MIT
 *
 * Recognises the format of a traffic file, and reads captures and raw streams. */
#include "tools/common/traffic_file.h"

#include <string.h>
#include <time.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/conversation.h"

enum { MAGIC = 4 };

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

/* Seconds since 1970 of the time in a capture's first line; 0: it has none. */
static double capture_epoch(const json_t *header)
{
    const char *text = json_string_value(json_object_get(header, "recorded"));
    struct tm utc = {0};
    return text && strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) ? (double)timegm(&utc) : 0;
}

static int traffic_read_capture(struct input *in, const struct traffic_sink *sink,
                                pb_error *err)
{
    struct capture_file c = {.input = in};
    struct pb__buf hex = {0};
    json_t *line;
    int failed = 0;
    while (!failed && (line = capture_file_next(&c, err))) {
        if (json_object_get(line, "format")) {
            sink->begin(TRAFFIC_CAPTURE, capture_epoch(line), sink->ctx);
        } else if (!json_object_get(line, "expect")) {
            failed = capture_take_line(line, &hex, sink, err);
        }
        json_decref(line);
    }
    if (err->code) {
        pb__error_where(err, "line %zu", c.line);
    }
    pb__buf_fini(&hex);
    capture_file_close(&c);
    return failed ? failed : err->code;
}

static int traffic_read_raw(struct input *in, int from, const struct traffic_sink *sink,
                            pb_error *err)
{
    uint8_t chunk[INPUT_CHUNK];
    size_t n;
    int failed = 0;
    sink->begin(TRAFFIC_RAW, 0, sink->ctx);
    while (!failed && (n = input_read(in, chunk, sizeof chunk, err)) > 0) {
        failed = sink->bytes(1, from, 0, (pb_span){chunk, n}, sink->ctx);
    }
    failed = failed ? failed : err->code;
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

static int traffic_read(struct input *in, int raw_from, const struct traffic_sink *sink,
                        pb_error *err)
{
    uint8_t magic[MAGIC] = {0};
    size_t n = input_peek(in, magic, MAGIC, err);
    if (err->code) {
        return err->code;
    }
    if (n == MAGIC && traffic_is_pcap(magic)) {
        return traffic_file_read_pcap(in, sink, err);
    }
    return n > 0 && magic[0] == '{' ? traffic_read_capture(in, sink, err)
                                    : traffic_read_raw(in, raw_from, sink, err);
}

int traffic_file_read(const char *path, int raw_from, bool follow,
                      const struct traffic_sink *sink, pb_error *err)
{
    struct input in;
    if (input_open(&in, path, err) != 0) {
        return err->code;
    }
    in.follow = follow;
    int failed = traffic_read(&in, raw_from, sink, err);
    input_close(&in);
    return failed;
}
