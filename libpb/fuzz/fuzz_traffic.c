/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the readers of recorded traffic: captures, pcap and pcapng files, raw streams,
 * each plain or in gzip, and the conversation that `pb dump` makes of their bytes. */
#include <stdio.h>

#include "libpb/fuzz/fuzz.h"
#include "tools/common/conversation.h"
#include "tools/common/traffic_file.h"

const char pb__fuzz_name[] = "traffic";

enum { CONNECTIONS = 4 };

struct traffic {
    struct conversation each[CONNECTIONS];
    size_t messages;
};

static void traffic_message(const struct conversation_message *m, void *ctx)
{
    struct traffic *t = ctx;
    must(m->value && (!m->refused || m->refused->code != 0));
    t->messages++;
}

static void traffic_damage(int from, double time, uint64_t offset, const pb_error *why,
                           void *ctx)
{
    (void)from;
    (void)time;
    (void)offset;
    (void)ctx;
    must(why->code != 0 && why->text[0] != '\0');
}

static void traffic_begin(enum traffic_format format, double epoch, void *ctx)
{
    (void)format;
    (void)epoch;
    (void)ctx;
}

static int traffic_bytes(size_t connection, int from, double time, pb_span in, void *ctx)
{
    struct traffic *t = ctx;
    must(connection >= 1 && (from == SIDE_CLIENT || from == SIDE_SERVER));
    if (connection <= CONNECTIONS) {
        conversation_receive(&t->each[connection - 1], from, time, in);
    }
    return 0;
}

static int traffic_end(size_t connection, int from, double time, const char *why,
                       void *ctx)
{
    struct traffic *t = ctx;
    (void)time;
    (void)why;
    if (connection <= CONNECTIONS) {
        conversation_end(&t->each[connection - 1], from);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct traffic t = {.messages = 0};
    for (size_t i = 0; i < CONNECTIONS; i++) {
        must(conversation_init(&t.each[i]) == 0);
        t.each[i].message = traffic_message;
        t.each[i].damage = traffic_damage;
        t.each[i].ctx = &t;
    }
    FILE *f = tmpfile();
    must(f && fwrite(data, 1, size, f) == size && fflush(f) == 0);
    rewind(f);
    char path[64];
    snprintf(path, sizeof path, "/dev/fd/%d", fileno(f));
    const struct traffic_sink sink = {
        .begin = traffic_begin, .bytes = traffic_bytes, .end = traffic_end, .ctx = &t};
    pb_error err = {0};
    int failed = traffic_file_read(path, SIDE_SERVER, false, &sink, &err);
    must((failed == 0) == (err.code == 0));
    must(!failed || err.text[0] != '\0');
    fclose(f);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        conversation_fini(&t.each[i]);
    }
    return 0;
}
