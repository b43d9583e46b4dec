/* SPDX-License-Identifier: MIT
 *
 * Connects to the live server or waits for the live client, plays the capture, and prints
 * the result. */
#include "tools/replay/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpb/net/socket.h"
#include "tools/common/command.h"
#include "tools/replay/played_side.h"

enum { DEFAULT_TIMEOUT = 10000 };

int live_replay_add_rules(struct live_replay *o, const char *path)
{
    pb_error err = {0};
    if (rules_read(&o->rules, path, &err) == 0) {
        return TOOL_DONE;
    }
    tool_error_from(&err);
    return TOOL_USAGE;
}

/* Connects to a live server. */
static int live_connect(const struct live_replay *o, const char *endpoint,
                        struct blocking_socket *out)
{
    pb_error err = {0};
    pb_net_config config = o->config;
    config.connect_timeout = o->timeout;
    struct pb__target *t = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, &config, &err);
    int failed = t ? blocking_socket_connect(out, t, &err) : err.code;
    pb__target_unref(t);
    if (failed == PB_ERR_SYNTAX) {
        return tool_bad_argument(endpoint, &err);
    }
    return failed ? tool_connection_error(&err) : TOOL_DONE;
}

/* Listens, unless it does already. */
static int live_listen(struct live_replay *o, const char *endpoint)
{
    int port;
    pb_error err = {0};
    if (o->local) {
        return TOOL_DONE;
    }
    o->local = pb__target_new(endpoint, PB__ENDPOINT_SERVER, &o->config, &err);
    if (!o->local && err.code == PB_ERR_SYNTAX) {
        return tool_bad_argument(endpoint, &err);
    }
    o->listener = o->local ? pb__socket_listen(&o->local->at, false, &port, &err) : -1;
    if (o->listener < 0) {
        return tool_connection_error(&err);
    }
    tool_print_listening(stdout, port, endpoint);
    return TOOL_DONE;
}

/* Waits for the next connection of a live client: for ever, unless a time-out was
 * given. */
static int live_accept(struct live_replay *o, const char *endpoint,
                       struct blocking_socket *out)
{
    pb_error err = {0};
    int status = live_listen(o, endpoint);
    if (status == TOOL_DONE &&
        blocking_socket_accept(out, o->local, o->listener, o->timeout ? o->timeout : -1,
                               &err) != 0) {
        status = tool_connection_error(&err);
    }
    return status;
}

static void live_report_damage(const struct played_side *s)
{
    if (s->recording.damage.code) {
        tool_print(stdout, "%s: the capture is unreadable from %.6f s: %s", s->file,
                   s->recording.damage_time, s->recording.damage.text);
        putchar('\n');
    }
}

/* Replays one connection of a capture; adds what was found to the totals of o. */
static int live_replay_connection(struct live_replay *o, int side, const char *file,
                                  size_t connection, const char *label,
                                  const char *endpoint)
{
    struct played_side s = {.file = label,
                            .rules = o->rules,
                            .side = side,
                            .timeout = o->timeout ? o->timeout : DEFAULT_TIMEOUT,
                            .passwords = (char *const *)(void *)o->passwords.data,
                            .password_count = o->passwords.len / sizeof(char *),
                            .password = getenv("PB_PASSWORD")};
    struct blocking_socket wire = {.out.fd = -1};
    pb_error err = {0};
    int status = TOOL_DONE;
    if (recording_read(&s.recording, file, connection, &err) != 0) {
        tool_error("%s: %s%s%s", file, err.where, *err.where ? ": " : "", err.text);
        status = TOOL_USAGE;
    } else {
        status = side == SIDE_CLIENT ? live_connect(o, endpoint, &wire)
                                     : live_accept(o, endpoint, &wire);
    }
    if (status == TOOL_DONE) {
        played_side_run(&s, wire);
        live_report_damage(&s);
        status = s.status;
    } else {
        blocking_socket_fini(&wire);
    }
    o->compared += s.compared;
    o->differences += s.differences;
    recording_fini(&s.recording);
    return status;
}

/* Replays the connections one after the other; the first bad status counts. */
static int live_replay_connections(struct live_replay *o, int side, const char *file,
                                   const size_t *numbers, size_t count,
                                   const char *endpoint)
{
    int status = TOOL_DONE;
    for (size_t i = 0; i < count && status != TOOL_DISCONNECTED && status != TOOL_USAGE;
         i++) {
        struct pb__buf label = {0};
        if (count > 1) {
            (void)pb__buf_printf(&label, "%s, connection %zu", file, numbers[i]);
        }
        int result = live_replay_connection(
            o, side, file, numbers[i], label.len ? (char *)label.data : file, endpoint);
        status = status == TOOL_DONE ? result : status;
        pb__buf_fini(&label);
    }
    return status;
}

static int live_replay_file(struct live_replay *o, int side, const char *file,
                            const char *endpoint)
{
    size_t one = o->connection ? o->connection : 1, count = 1;
    size_t *listed = NULL;
    pb_error err = {0};
    if (!o->connection && strcmp(file, "-") != 0) {
        listed = recording_connections(file, &count, &err);
        if (err.code) {
            tool_error("%s: %s%s%s", file, err.where, *err.where ? ": " : "", err.text);
            return TOOL_USAGE;
        }
    }
    int status =
        live_replay_connections(o, side, file, listed ? listed : &one, count, endpoint);
    pb_free(listed);
    return status;
}

int live_replay_run(struct live_replay *o, int side, int count, char **files,
                    const char *endpoint)
{
    int status = TOOL_DONE;
    for (int i = 0; i < count; i++) {
        int result = live_replay_file(o, side, files[i], endpoint);
        status = status == TOOL_DONE ? result : status;
        if (result == TOOL_DISCONNECTED || result == TOOL_USAGE) {
            return tool_flush_output(status);
        }
    }
    printf("%zu messages compared, %zu differences\n", o->compared, o->differences);
    return tool_flush_output(status);
}

void live_replay_fini(struct live_replay *o)
{
    if (o->local && o->listener >= 0) {
        close(o->listener);
    }
    if (o->local && o->listener >= 0 && o->local->at.path) {
        unlink(o->local->at.path);
    }
    pb__target_unref(o->local);
    rules_fini(&o->rules);
    pb__buf_fini(&o->passwords);
}
