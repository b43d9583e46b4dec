/* SPDX-License-Identifier: MIT
 *
 * `pb replay --client` and `--server`: from the capture and the endpoint to a connection,
 * and from what came of it to a status. */
#include "tools/replay/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libpb/net/socket.h"
#include "tools/common/command.h"
#include "tools/replay/played_side.h"

enum { TIMEOUT = 10000 };

int replay_live_rules(struct replay_live *o, const char *path)
{
    pb_error err = {0};
    if (rules_read(&o->rules, path, &err) == 0) {
        return TOOL_DONE;
    }
    tool_say_error(&err);
    return TOOL_USAGE;
}

/* The connection to a live server. */
static int reach_server(const struct replay_live *o, const char *endpoint,
                        struct wire *out)
{
    pb_error err = {0};
    pb_net_config config = o->config;
    config.connect_timeout = o->timeout;
    struct pb__target *t = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, &config, &err);
    int failed = t ? wire_connect(out, t, &err) : err.code;
    pb__target_unref(t);
    if (failed == PB_ERR_SYNTAX) {
        return tool_usage(endpoint, &err);
    }
    return failed ? tool_lost(&err) : TOOL_DONE;
}

/* The first connection of a live client; without a time-out it may take its time. */
static int wait_for_client(const struct replay_live *o, const char *endpoint,
                           struct wire *out)
{
    int port;
    pb_error err = {0};
    struct pb__target *t =
        pb__target_new(endpoint, PB__ENDPOINT_SERVER, &o->config, &err);
    int fd = t ? pb__socket_listen(&t->at, false, &port, &err) : -1;
    if (fd >= 0) {
        tool_listening(port, endpoint);
        (void)wire_accept(out, t, fd, o->timeout ? o->timeout : -1, &err);
        close(fd);
        if (t->at.path) {
            unlink(t->at.path);
        }
    }
    bool malformed = !t && err.code == PB_ERR_SYNTAX;
    pb__target_unref(t);
    if (malformed) {
        return tool_usage(endpoint, &err);
    }
    return err.code ? tool_lost(&err) : TOOL_DONE;
}

static int report(const struct stand_in *s)
{
    if (s->script.damage.code) {
        printf("%s: the capture cannot be read on from %.6f s: %s\n", s->file,
               s->script.damaged, s->script.damage.text);
    }
    printf("%zu messages compared, %zu differences\n", s->compared, s->differences);
    return s->status;
}

int replay_live(struct replay_live *o, int who, const char *file, const char *endpoint)
{
    struct stand_in s = {.file = file,
                         .rules = o->rules,
                         .who = who,
                         .timeout = o->timeout ? o->timeout : TIMEOUT,
                         .passwords = (char *const *)(void *)o->passwords.data,
                         .password_count = o->passwords.len / sizeof(char *),
                         .password = getenv("PB_PASSWORD")};
    struct wire wire = {.out.fd = -1};
    pb_error err = {0};
    int status = TOOL_DONE;
    if (script_read(&s.script, file, o->connection, &err) != 0) {
        tool_say("%s: %s%s%s", file, err.where, *err.where ? ": " : "", err.text);
        status = TOOL_USAGE;
    } else {
        status = who == TALK_CLIENT ? reach_server(o, endpoint, &wire)
                                    : wait_for_client(o, endpoint, &wire);
    }
    if (status == TOOL_DONE) {
        stand_in_run(&s, wire);
        status = report(&s);
    } else {
        wire_fini(&wire);
    }
    script_fini(&s.script);
    return tool_end_output(status);
}

void replay_live_fini(struct replay_live *o)
{
    rules_fini(&o->rules);
    pb__buf_fini(&o->passwords);
}
