/* SPDX-License-Identifier: MIT
 *
 * `pb bench call`: keeps a number of calls under way for some seconds. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "libpb/base/mem.h"
#include "pb/net.h"
#include "tools/args.h"
#include "tools/bench.h"
#include "tools/pb.h"

struct bench;

struct slot {
    struct bench *bench;
    double began;
};

struct bench {
    pb_conn *conn;
    pb_remote *root;
    struct args_call call;
    long outstanding;
    double seconds;
    struct slot *slots;
    long under_way;
    double start, took; /* took is 0 until the time is over */
    float *latencies;   /* microseconds, one for each call that was answered in time */
    size_t answered, room;
    int status;
};

static int usage(const char *what)
{
    tool_say("%s; see pb bench --help", what);
    return TOOL_USAGE;
}

static int read_options(struct bench *b, int count, char **words)
{
    static const struct option options[] = {
        {"outstanding", required_argument, NULL, 'o'},
        {"seconds", required_argument, NULL, 's'},
        {0},
    };
    int got;
    optind = 0;
    while ((got = getopt_long(count, words, "+:", options, NULL)) != -1) {
        char *end = "";
        if (got == 'o') {
            b->outstanding = strtol(optarg, &end, 10);
        } else if (got == 's') {
            b->seconds = strtod(optarg, &end);
        } else {
            return tool_bad_option(got, words);
        }
        if (*end || b->outstanding < 1 || b->outstanding > 65536 ||
            !(b->seconds > 0 && b->seconds < 1e6)) {
            return usage("--outstanding is 1 to 65536, --seconds more than 0");
        }
    }
    return optind == count ? TOOL_DONE : usage("arguments stand before options");
}

static void fail(struct bench *b, int status, const char *text)
{
    if (b->status == TOOL_DONE) {
        b->status = status;
        tool_say("%s", text);
    }
    pb_conn_close(b->conn);
}

static bool note(struct bench *b, double began, double now)
{
    if (b->answered == b->room) {
        size_t room = b->room ? b->room * 2 : 65536;
        float *more = pb__realloc(b->latencies, room * sizeof *more);
        if (!more) {
            return false;
        }
        b->latencies = more;
        b->room = room;
    }
    b->latencies[b->answered++] = (float)((now - began) * 1e6);
    return true;
}

static void send_call(struct slot *slot);

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    struct slot *slot = user_data;
    struct bench *b = slot->bench;
    double now = bench_now();
    b->under_way--;
    if (failure) {
        if (pb_failure_code(failure) != PB_ERR_LOST) {
            fail(b, TOOL_FAILED, pb_failure_text(failure));
        }
    } else if (b->took == 0 && !note(b, slot->began, now)) {
        fail(b, TOOL_DISCONNECTED, pb_strerror(PB_ERR_NOMEM));
    } else if (b->took == 0 && now - b->start < b->seconds) {
        send_call(slot);
    } else if (b->took == 0) {
        b->took = now - b->start;
        pb_conn_close(b->conn);
    }
}

static void send_call(struct slot *slot)
{
    struct bench *b = slot->bench;
    pb_error err = {0};
    slot->began = bench_now();
    if (pb_remote_call_values(b->root, b->call.method, b->call.args, b->call.kwargs, NULL,
                              on_answer, slot, NULL, &err) != 0) {
        fail(b, TOOL_FAILED, err.text);
    } else {
        b->under_way++;
    }
}

static void on_ready(pb_session *s, void *user_data)
{
    (void)s;
    struct bench *b = user_data;
    b->start = bench_now();
    for (long i = 0; i < b->outstanding && b->status == TOOL_DONE; i++) {
        b->slots[i].bench = b;
        send_call(&b->slots[i]);
    }
}

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    struct bench *b = user_data;
    if (b->took == 0 && b->status == TOOL_DONE) {
        tool_say("%s", why->code ? why->text : "the connection was closed");
        b->status = why->code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *b)
{
    size_t n = b->answered;
    qsort(b->latencies, n, sizeof *b->latencies, by_size);
    printf("calls %.0f calls/s\n", (double)n / b->took);
    printf("latency_p50 %.1f us\n", (double)b->latencies[n / 2]);
    printf("latency_p99 %.1f us\n", (double)b->latencies[n - 1 - n / 100]);
}

static int run(struct bench *b, const char *endpoint)
{
    pb_error err = {0};
    pb_net_config config = {
        .session = {.on_ready = on_ready, .on_close = on_close, .user_data = b}};
    b->conn = pb_connect(pb_loop_default(), endpoint, &config, &err);
    if (!b->conn) {
        return err.code == PB_ERR_SYNTAX ? tool_usage(endpoint, &err)
                                         : (tool_say_error(&err), TOOL_DISCONNECTED);
    }
    b->root = pb_conn_root(b->conn);
    if (!b->root) {
        return tool_nomem();
    }
    pb_run();
    if (b->status == TOOL_DONE && b->answered > 0) {
        report(b);
    }
    pb_remote_unref(b->root);
    return b->status;
}

int bench_call_main(int argc, char **argv)
{
    int words = 2;
    while (words < argc && strncmp(argv[words], "--", 2) != 0) {
        words++;
    }
    struct bench b = {.outstanding = 1, .seconds = 2};
    int took = words > 2 ? args_parse(words - 2, argv + 2, &b.call) : -usage("no method");
    if (took <= 0) {
        return -took;
    }
    int status = took == words - 2 ? TOOL_DONE : usage("there is one call only");
    if (status == TOOL_DONE && words < argc) {
        status = read_options(&b, argc - words + 1, argv + words - 1);
    }
    if (status == TOOL_DONE) {
        b.slots = pb__calloc((size_t)b.outstanding, sizeof *b.slots);
        status = b.slots ? run(&b, argv[1]) : tool_nomem();
    }
    pb__free(b.slots);
    pb__free(b.latencies);
    args_fini(&b.call);
    return status;
}
