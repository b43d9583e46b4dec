/* SPDX-License-Identifier: MIT
 *
 * `pb bench call`: keeps a number of calls outstanding for some seconds. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "pb/net.h"
#include "tools/call/call_arguments.h"
#include "tools/call/bench.h"
#include "tools/common/command.h"

struct call_bench;

struct call_slot {
    struct call_bench *bench;
    double began;
};

struct call_bench {
    pb_conn *conn;
    pb_remote *root;
    struct call_arguments call;
    long outstanding;
    double seconds;
    struct call_slot *slots;
    long calls_running;
    double start, took; /* took is 0 until the time has passed */
    float *latencies;   /* microseconds, one for each call that was answered by then */
    size_t latency_count, latency_room;
    int status;
};

static int bench_call_usage(const char *what)
{
    tool_error("%s; see pb bench --help", what);
    return TOOL_USAGE;
}

static int bench_call_read_options(struct call_bench *b, int count, char **words)
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
            return bench_call_usage("--outstanding is 1 to 65536, --seconds more than 0");
        }
    }
    return optind == count ? TOOL_DONE
                           : bench_call_usage("arguments must stand before options");
}

static void bench_call_fail(struct call_bench *b, int status, const char *text)
{
    if (b->status == TOOL_DONE) {
        b->status = status;
        tool_error("%s", text);
    }
    pb_conn_close(b->conn);
}

static bool latency_add(struct call_bench *b, double began, double now)
{
    if (b->latency_count == b->latency_room) {
        size_t latency_room = b->latency_room ? b->latency_room * 2 : 65536;
        float *more = realloc(b->latencies, latency_room * sizeof *more);
        if (!more) {
            return false;
        }
        b->latencies = more;
        b->latency_room = latency_room;
    }
    b->latencies[b->latency_count++] = (float)((now - began) * 1e6);
    return true;
}

static void slot_call(struct call_slot *slot);

static void slot_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    struct call_slot *slot = user_data;
    struct call_bench *b = slot->bench;
    double now = bench_now();
    b->calls_running--;
    if (failure) {
        if (pb_failure_code(failure) != PB_ERR_LOST) {
            bench_call_fail(b, TOOL_FAILED, pb_failure_text(failure));
        }
    } else if (b->took == 0 && !latency_add(b, slot->began, now)) {
        bench_call_fail(b, TOOL_DISCONNECTED, pb_strerror(PB_ERR_NOMEM));
    } else if (b->took == 0 && now - b->start < b->seconds) {
        slot_call(slot);
    } else if (b->took == 0) {
        b->took = now - b->start;
        pb_conn_close(b->conn);
    }
}

static void slot_call(struct call_slot *slot)
{
    struct call_bench *b = slot->bench;
    pb_error err = {0};
    slot->began = bench_now();
    if (pb_remote_call_values(b->root, b->call.method, b->call.args, b->call.kwargs, NULL,
                              slot_answered, slot, NULL, &err) != 0) {
        bench_call_fail(b, TOOL_FAILED, err.text);
    } else {
        b->calls_running++;
    }
}

static void bench_ready(pb_session *s, void *user_data)
{
    (void)s;
    struct call_bench *b = user_data;
    b->start = bench_now();
    for (long i = 0; i < b->outstanding && b->status == TOOL_DONE; i++) {
        b->slots[i].bench = b;
        slot_call(&b->slots[i]);
    }
}

static void bench_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    struct call_bench *b = user_data;
    if (b->took == 0 && b->status == TOOL_DONE) {
        tool_error("%s", why->code ? why->text : "the connection was closed");
        b->status = why->code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
    }
}

static int latency_compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static void bench_call_print(struct call_bench *b)
{
    size_t n = b->latency_count;
    qsort(b->latencies, n, sizeof *b->latencies, latency_compare);
    printf("calls %.0f calls/s\n", (double)n / b->took);
    printf("latency_p50 %.1f us\n", (double)b->latencies[n / 2]);
    printf("latency_p99 %.1f us\n", (double)b->latencies[n - 1 - n / 100]);
}

static int bench_call_run(struct call_bench *b, const char *endpoint)
{
    pb_error err = {0};
    pb_net_config config = {
        .session = {.on_ready = bench_ready, .on_close = bench_closed, .user_data = b}};
    b->conn = pb_connect(pb_loop_default(), endpoint, &config, &err);
    if (!b->conn) {
        return err.code == PB_ERR_SYNTAX ? tool_bad_argument(endpoint, &err)
                                         : (tool_error_from(&err), TOOL_DISCONNECTED);
    }
    b->root = pb_conn_root(b->conn);
    if (!b->root) {
        return tool_nomem();
    }
    pb_run();
    if (b->status == TOOL_DONE && b->latency_count > 0) {
        bench_call_print(b);
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
    struct call_bench b = {.outstanding = 1, .seconds = 2};
    int took = words > 2 ? call_arguments_parse(words - 2, argv + 2, &b.call)
                         : -bench_call_usage("no method");
    if (took <= 0) {
        return -took;
    }
    int status =
        took == words - 2 ? TOOL_DONE : bench_call_usage("there can be only one call");
    if (status == TOOL_DONE && words < argc) {
        status = bench_call_read_options(&b, argc - words + 1, argv + words - 1);
    }
    if (status == TOOL_DONE) {
        b.slots = calloc((size_t)b.outstanding, sizeof *b.slots);
        status = b.slots ? bench_call_run(&b, argv[1]) : tool_nomem();
    }
    free(b.slots);
    free(b.latencies);
    call_arguments_fini(&b.call);
    return status;
}
