/* SPDX-License-Identifier: MIT
 *
 * `pb replay`: its options. live.c replays a capture to a live peer; engine/check.c
 * checks captures. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/command.h"
#include "tools/common/conversation.h"
#include "tools/pb.h"
#include "tools/replay/engine/check.h"
#include "tools/replay/live.h"

static const char replay_help[] =
    "Usage: pb replay --check FILE...\n"
    "       pb replay --client [OPTION]... FILE ENDPOINT\n"
    "       pb replay --server [OPTION]... FILE ENDPOINT\n"
    "--client and --server play that side of the capture FILE to a live peer, and print\n"
    "how the peer's messages differ from the capture: the expected value after '-', the\n"
    "received one after '+'. The numbers of references and requests, the challenge of a\n"
    "login, and the order of concurrent calls may differ.\n"
    "--check decodes captures, encodes every expression again from its values, and\n"
    "compares the bytes, and the messages with the expectations. Then a session plays\n"
    "each side, and must write the same bytes. FILE is JSON Lines, plain or in gzip: a\n"
    "scenario, vectors, or a file of pb record, of which only the bytes are checked. "
    "The\n"
    "last line is \"N passed, N failed\".\n"
    "\n"
    "      --ca FILE           trust the root certificates in FILE for a TLS server\n"
    "      --check             check captures\n"
    "      --client            play the client's side\n"
    "      --connection N      play the Nth connection of a pcap file, not the first\n"
    "      --insecure          accept any certificate of a TLS server\n"
    "      --password NAME:PASSWORD  the password of user NAME; may be given again. "
    "That\n"
    "                          of other users is PB_PASSWORD in the environment. "
    "Without\n"
    "                          either, the response in the capture is sent\n"
    "      --rules FILE        rules for places that are not compared; may be given "
    "again.\n"
    "                          A line is mask NAME, mask /REGEX/ or mask PLACE, with or\n"
    "                          without in METHOD after it; or ignore METHOD\n"
    "      --server            play the server's side\n"
    "      --timeout SECONDS   how long to wait for the peer: 10\n"
    "      --help              print this text\n"
    "\n"
    "Exit status: 0 no difference; 1 there are differences, or a check failed; 2 wrong\n"
    "usage; 3 no connection; 4 time-out.\n"
    "\n"
    "Example: pb replay --client traffic.jsonl.gz localhost:8787\n";

enum {
    CHECK = 256,
    CLIENT,
    SERVER,
    CA,
    CONNECTION,
    INSECURE,
    PASSWORD,
    RULES,
    TIMEOUT,
    HELP
};

static int replay_add_password(struct live_replay *live, char *text)
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

static int replay_take_option(struct live_replay *live, int got, char **argv)
{
    switch (got) {
    case CA:
        live->config.tls_ca = optarg;
        return TOOL_DONE;
    case CONNECTION:
        return replay_read_connection(optarg, &live->connection);
    case INSECURE:
        live->config.tls_insecure = true;
        return TOOL_DONE;
    case PASSWORD:
        return replay_add_password(live, optarg);
    case RULES:
        return live_replay_add_rules(live, optarg);
    case TIMEOUT:
        return tool_parse_seconds(optarg, &live->timeout);
    default:
        return tool_bad_option(got, argv);
    }
}

/* Reads the options. Returns the mode, CHECK, CLIENT or SERVER; 0 for --help and
 * errors. */
static int replay_read_options(int argc, char **argv, struct live_replay *live,
                               int *status)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, CHECK},
        {"client", no_argument, NULL, CLIENT},
        {"server", no_argument, NULL, SERVER},
        {"ca", required_argument, NULL, CA},
        {"connection", required_argument, NULL, CONNECTION},
        {"insecure", no_argument, NULL, INSECURE},
        {"password", required_argument, NULL, PASSWORD},
        {"rules", required_argument, NULL, RULES},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"help", no_argument, NULL, HELP},
        {0}};
    int got, mode = 0;
    *status = TOOL_DONE;
    opterr = 0;
    while (*status == TOOL_DONE &&
           (got = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (got == HELP) {
            fputs(replay_help, stdout);
            return 0;
        }
        if (got > SERVER || got < CHECK) {
            *status = replay_take_option(live, got, argv);
        } else if (mode && mode != got) {
            mode = 0;
            break;
        } else {
            mode = got;
        }
    }
    if (*status == TOOL_DONE && !mode) {
        tool_error(
            "one of --check, --client and --server is needed; see pb replay --help");
        *status = TOOL_USAGE;
    }
    return mode;
}

int replay_main(int argc, char **argv)
{
    struct live_replay live = {.connection = 1};
    int status, mode = replay_read_options(argc, argv, &live, &status);
    int count = argc - optind;
    char **files = argv + optind;
    if (status == TOOL_DONE && mode == CHECK && count == 0) {
        tool_error("no FILE");
        status = TOOL_USAGE;
    } else if (status == TOOL_DONE && mode == CHECK) {
        status = check_files(count, files);
    } else if (status == TOOL_DONE && mode && count != 2) {
        tool_error("a FILE and an ENDPOINT are needed; see pb replay --help");
        status = TOOL_USAGE;
    } else if (status == TOOL_DONE && mode) {
        status = live_replay_run(&live, mode == CLIENT ? SIDE_CLIENT : SIDE_SERVER,
                                 files[0], files[1]);
    }
    live_replay_fini(&live);
    return status;
}
