/* SPDX-License-Identifier: MIT
 *
 * `pb bench call`: keeps a number of calls outstanding for some seconds. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "pb/net.h"
#include "tools/call/call_arguments.h"
#include "tools/call/bench.h"
#include "tools/call/client_trace.h"
#include "tools/common/command.h"

struct call_bench;

struct call_slot {
    struct call_bench *bench;
    double began;
};

struct call_bench {
    struct bench_options *options;
    pb_conn *conn;
    pb_remote *callee; /* the root, or the avatar */
    struct call_arguments call;
    struct call_slot *slots;
    long calls_running;
    double start, took; /* took is 0 until the time has passed */
    float *latencies;   /* microseconds, one for each call that was answered by then */
    size_t latency_count, latency_room;
    int status;
};

/* Ends the measurement with that status, after its error message. */
static void bench_call_end(struct call_bench *b, int status)
{
    b->status = b->status == TOOL_DONE ? status : b->status;
    pb_conn_close(b->conn);
}

static void bench_call_fail(struct call_bench *b, const pb_failure *failure)
{
    if (b->status == TOOL_DONE && pb_failure_code(failure) != PB_ERR_LOST) {
        bench_call_end(b, client_report_failure(&b->options->client, failure));
    }
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
        bench_call_fail(b, failure);
    } else if (b->took == 0 && !latency_add(b, slot->began, now)) {
        bench_call_end(b, tool_nomem());
    } else if (b->took == 0 && now - b->start < b->options->seconds) {
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
    if (pb_remote_call_values(b->callee, b->call.method, b->call.args, b->call.kwargs,
                              NULL, slot_answered, slot, NULL, &err) != 0) {
        tool_error_from(&err);
        bench_call_end(b, TOOL_USAGE);
    } else {
        b->calls_running++;
    }
}

static void bench_start(struct call_bench *b)
{
    b->start = bench_now();
    for (long i = 0; i < b->options->outstanding && b->status == TOOL_DONE; i++) {
        b->slots[i].bench = b;
        slot_call(&b->slots[i]);
    }
}

static void bench_logged_in(pb_value *avatar, pb_failure *failure, void *user_data)
{
    struct call_bench *b = user_data;
    if (failure) {
        bench_call_fail(b, failure);
        return;
    }
    pb_remote_unref(b->callee);
    b->callee = pb_remote_ref(pb_as_remote(avatar));
    bench_start(b);
}

static void bench_ready(pb_session *s, void *user_data)
{
    struct call_bench *b = user_data;
    struct client_options *o = &b->options->client;
    pb_error err = {0};
    if (o->verbose) {
        client_trace_peer(s, NULL);
    }
    if (!o->log_in) {
        bench_start(b);
    } else if (pb_login(s, &o->credentials, NULL, NULL, bench_logged_in, b, NULL, &err) !=
               0) {
        tool_error_from(&err);
        bench_call_end(b, TOOL_DISCONNECTED);
    }
}

static void bench_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    static const pb_error closed = {.code = PB_ERR_LOST,
                                    .text = "the connection was closed"};
    struct call_bench *b = user_data;
    b->conn = NULL;
    if (b->took == 0 && b->status == TOOL_DONE) {
        b->options->client.had_session = true;
        b->status =
            client_report_connection(&b->options->client, why->code ? why : &closed);
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

/* Connects, and runs the loop until the time has passed or a signal came. */
static int bench_call_measure(struct call_bench *b)
{
    struct client_options *o = &b->options->client;
    pb_error err = {0};
    client_trace_attach(o);
    o->config.session.on_ready = bench_ready;
    o->config.session.on_close = bench_closed;
    o->config.session.user_data = b;
    b->conn = pb_connect(pb_loop_default(), o->endpoint, &o->config, &err);
    if (!b->conn) {
        return client_report_connection(o, &err);
    }
    b->callee = pb_conn_root(b->conn);
    if (!b->callee) {
        return tool_nomem();
    }
    pb_run();
    if (b->took == 0 && b->start > 0) { /* interrupted */
        b->took = bench_now() - b->start;
    }
    if (b->status == TOOL_DONE && b->latency_count > 0) {
        bench_call_print(b);
    }
    return tool_flush_output(b->status);
}

int bench_call_run(struct bench_options *o, int count, char **words)
{
    struct call_bench b = {.options = o};
    int used, status = client_options_finish(&o->client, count, words, &used);
    if (status == TOOL_DONE && used == count) {
        tool_error("a method is needed; see pb bench --help");
        status = TOOL_USAGE;
    }
    int took = status == TOOL_DONE
                   ? call_arguments_parse(count - used, words + used, false, &b.call)
                   : -status;
    if (took <= 0) {
        return -took;
    }
    if (used + took < count) {
        tool_error("there can be only one call; see pb bench --help");
        status = TOOL_USAGE;
    }
    if (status == TOOL_DONE) {
        b.slots = calloc((size_t)o->outstanding, sizeof *b.slots);
        status = b.slots ? bench_call_measure(&b) : tool_nomem();
    }
    if (b.conn) { /* interrupted */
        pb_conn_close(b.conn);
        pb_run();
    }
    pb_remote_unref(b.callee);
    free(b.slots);
    free(b.latencies);
    call_arguments_fini(&b.call);
    return status;
}
