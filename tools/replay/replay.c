/* SPDX-License-Identifier: MIT
 *
 * `pb replay`: its options. live.c replays a capture to a live peer; engine/check.c
 * checks captures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/command.h"
#include "tools/common/conversation.h"
#include "tools/common/options.h"
#include "tools/pb.h"
#include "tools/replay/engine/check.h"
#include "tools/replay/live.h"

static const char replay_help_begin[] =
    "Usage: pb replay --check FILE...\n"
    "       pb replay --client [OPTION]... FILE... ENDPOINT\n"
    "       pb replay --server [OPTION]... FILE... ENDPOINT\n"
    "--client and --server play that side of each capture FILE to a live peer, and\n"
    "print how the peer's messages differ from the capture: the expected value after\n"
    "'-', the received one after '+'. The numbers of references and requests, the\n"
    "challenge of a login, and the order of concurrent calls may differ.\n"
    "--check decodes captures, encodes every expression again from its values, and\n"
    "compares the bytes, and the messages with the expectations. Then a session\n"
    "plays each side, and must write the same bytes. FILE is JSON Lines, plain or in\n"
    "gzip: a scenario, vectors, or a file of pb record, of which only the bytes are\n"
    "checked. The last line is \"N passed, N failed\".\n";

static const char replay_help_end[] =
    "Exit status: 0 no difference; 1 there are differences, or a check failed; 2\n"
    "wrong usage; 3 no connection; 4 time-out.\n"
    "\n"
    "Example: pb replay --client traffic.jsonl.gz localhost:8787\n";

enum {
    REPLAY_CHECK = 1,
    REPLAY_CLIENT,
    REPLAY_SERVER,
    REPLAY_CA,
    REPLAY_CONNECTION,
    REPLAY_INSECURE,
    REPLAY_PASSWORD,
    REPLAY_RULES,
    REPLAY_TIMEOUT,
};

static const struct tool_option replay_option_rows[] = {
    {"ca", "FILE", "trust the root certificates in FILE for a TLS server", REPLAY_CA, 0},
    {"check", NULL, "check captures", REPLAY_CHECK, 0},
    {"client", NULL, "play the client's side", REPLAY_CLIENT, 0},
    {"connection", "N",
     "play only the Nth connection of the capture; the default is all in which the "
     "client sends anything, in sequence",
     REPLAY_CONNECTION, 0},
    {"insecure", NULL, "accept any certificate of a TLS server", REPLAY_INSECURE, 0},
    {"password", "NAME:PASSWORD",
     "the password of user NAME; may be given again. For other users the environment "
     "variable PB_PASSWORD is used. Without either, the response in the capture is "
     "sent",
     REPLAY_PASSWORD, 0},
    {"rules", "FILE",
     "rules for places that are not compared; may be given again. A rule is mask "
     "NAME, mask /REGEX/ or mask PLACE, optionally followed by in METHOD; or ignore "
     "METHOD",
     REPLAY_RULES, 0},
    {"server", NULL, "play the server's side", REPLAY_SERVER, 0},
    {"timeout", "SECONDS", "how long to wait for the peer: 10", REPLAY_TIMEOUT, 0},
    {0}};

struct replay_options {
    struct live_replay live;
    int mode; /* REPLAY_CHECK, REPLAY_CLIENT or REPLAY_SERVER */
};

static int replay_add_password(struct live_replay *live, const char *text)
{
    if (!strchr(text, ':')) {
        tool_error("%s: NAME:PASSWORD is needed", text);
        return TOOL_USAGE;
    }
    return pb__buf_append(&live->passwords, &text, sizeof text) ? tool_nomem()
                                                                : TOOL_DONE;
}

static int replay_read_connection(const char *text, size_t *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '1' || *text > '9' || *end) {
        tool_error("\"%s\" is not the number of a connection", text);
        return TOOL_USAGE;
    }
    *out = n;
    return TOOL_DONE;
}

static int replay_set_mode(struct replay_options *o, int mode)
{
    if (o->mode && o->mode != mode) {
        tool_error("only one of --check, --client and --server can be given");
        return TOOL_USAGE;
    }
    o->mode = mode;
    return TOOL_DONE;
}

static int replay_take_option(void *ctx, int id, const char *argument)
{
    struct replay_options *o = ctx;
    switch (id) {
    case REPLAY_CA:
        o->live.config.tls_ca = argument;
        return TOOL_DONE;
    case REPLAY_CONNECTION:
        return replay_read_connection(argument, &o->live.connection);
    case REPLAY_INSECURE:
        o->live.config.tls_insecure = true;
        return TOOL_DONE;
    case REPLAY_PASSWORD:
        return replay_add_password(&o->live, argument);
    case REPLAY_RULES:
        return live_replay_add_rules(&o->live, argument);
    case REPLAY_TIMEOUT:
        return tool_parse_seconds(argument, &o->live.timeout);
    default:
        return replay_set_mode(o, id);
    }
}

static int replay_run(struct replay_options *o, int count, char **words)
{
    if (!o->mode) {
        tool_error(
            "one of --check, --client and --server is needed; see pb replay --help");
        return TOOL_USAGE;
    }
    if (o->mode == REPLAY_CHECK && count == 0) {
        tool_error("no FILE");
        return TOOL_USAGE;
    }
    if (o->mode == REPLAY_CHECK) {
        return check_files(count, words);
    }
    if (count < 2) {
        tool_error("a FILE and an ENDPOINT are needed; see pb replay --help");
        return TOOL_USAGE;
    }
    int side = o->mode == REPLAY_CLIENT ? SIDE_CLIENT : SIDE_SERVER;
    return live_replay_run(&o->live, side, count - 1, words, words[count - 1]);
}

int replay_main(int argc, char **argv)
{
    struct replay_options o = {.mode = 0};
    const struct tool_usage usage = {"replay",
                                     replay_help_begin,
                                     replay_help_end,
                                     {{replay_option_rows, replay_take_option, &o}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = replay_run(&o, count, argv);
    }
    live_replay_fini(&o.live);
    return status;
}
