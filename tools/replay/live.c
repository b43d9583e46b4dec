/* SPDX-License-Identifier: MIT
 *
 * Connects to the live server or waits for the live client, plays the capture, and prints
 * the result. */
#include "tools/replay/live.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Waits for the first connection of a live client: for ever, unless a time-out was
 * given. */
static int live_accept(const struct live_replay *o, const char *endpoint,
                       struct blocking_socket *out)
{
    int port;
    pb_error err = {0};
    struct pb__target *t =
        pb__target_new(endpoint, PB__ENDPOINT_SERVER, &o->config, &err);
    int fd = t ? pb__socket_listen(&t->at, false, &port, &err) : -1;
    if (fd >= 0) {
        tool_print_listening(stdout, port, endpoint);
        (void)blocking_socket_accept(out, t, fd, o->timeout ? o->timeout : -1, &err);
        close(fd);
        if (t->at.path) {
            unlink(t->at.path);
        }
    }
    bool malformed = !t && err.code == PB_ERR_SYNTAX;
    pb__target_unref(t);
    if (malformed) {
        return tool_bad_argument(endpoint, &err);
    }
    return err.code ? tool_connection_error(&err) : TOOL_DONE;
}

static int live_report(const struct played_side *s)
{
    if (s->recording.damage.code) {
        tool_print(stdout, "%s: the capture is unreadable from %.6f s: %s", s->file,
                   s->recording.damage_time, s->recording.damage.text);
        putchar('\n');
    }
    printf("%zu messages compared, %zu differences\n", s->compared, s->differences);
    return s->status;
}

int live_replay_run(struct live_replay *o, int side, const char *file,
                    const char *endpoint)
{
    struct played_side s = {.file = file,
                            .rules = o->rules,
                            .side = side,
                            .timeout = o->timeout ? o->timeout : DEFAULT_TIMEOUT,
                            .passwords = (char *const *)(void *)o->passwords.data,
                            .password_count = o->passwords.len / sizeof(char *),
                            .password = getenv("PB_PASSWORD")};
    struct blocking_socket wire = {.out.fd = -1};
    pb_error err = {0};
    int status = TOOL_DONE;
    if (recording_read(&s.recording, file, o->connection, &err) != 0) {
        tool_error("%s: %s%s%s", file, err.where, *err.where ? ": " : "", err.text);
        status = TOOL_USAGE;
    } else {
        status = side == SIDE_CLIENT ? live_connect(o, endpoint, &wire)
                                     : live_accept(o, endpoint, &wire);
    }
    if (status == TOOL_DONE) {
        played_side_run(&s, wire);
        status = live_report(&s);
    } else {
        blocking_socket_fini(&wire);
    }
    recording_fini(&s.recording);
    return tool_flush_output(status);
}

void live_replay_fini(struct live_replay *o)
{
    rules_fini(&o->rules);
    pb__buf_fini(&o->passwords);
}
