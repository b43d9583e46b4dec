# SPDX-License-Identifier: MIT
"""Runs the pairs: a server and a client that both exist in C and in Python with Twisted.
In all four combinations, both sides have to print the same lines as with Twisted on both
sides.

    pairs_test.py BUILD_DIR [NAME]...   runs all pairs, or those that are named"""

import re
import sys
from pathlib import Path

from harness import EMPTY_COUNTS, Failed, Report, expect

# The pairs of each script: first those that do the same as an example of Twisted, then
# those that test a concept of Perspective Broker in detail.
SCRIPTS = {
    "examples/references": ["pb1", "pb2", "pb3", "pb4"],
    "examples/logins": ["pb5", "pb6-1", "pb6-2", "pb7", "pbAnon"],
    "examples/chat": ["chat", "chat-of-two"],
    "examples/copies": ["copy", "copy2"],
    "examples/caches": ["cache"],
    "examples/simple": ["pbsimple", "pbinterop"],
    "examples/avatars": ["pbecho", "pbbench", "pb_exceptions"],
    "examples/errors": ["exc", "trap"],

    "concepts/arguments": ["arguments"],
    "concepts/caching": ["caching"],
    "concepts/copying": ["copying"],
    "concepts/counts": ["counts", "too-many", "gone"],
    "concepts/minds": ["minds", "late-logins", "refusals"],
    "concepts/views": ["views", "viewpoint"],
    "concepts/paging": ["paging"],
    "concepts/publishing": ["publishing"],
    "concepts/local": ["local"],
    "concepts/failures": ["failures", "traceback", "no-traceback"],
}
# The pairs whose client stops the server.
SHUT_DOWN = {"trap", "copy", "copy2", "cache"}
CLOSED = "connection closed, still kept: "


def start(stage, script, name, side, language, endpoint):
    if language == "C":
        return stage.c(f"C {side}", "interop-tests/live/pairs/pairs", endpoint, name,
                       side)
    return stage.twisted(f"Twisted {side}", f"pairs/{script}.py", endpoint, name, side)


def start_server(stage, script, name, language):
    return start(stage, script, name, "server", language, "tcp:0:interface=127.0.0.1")


def start_client(stage, script, name, language, port):
    return start(stage, script, name, "client", language, f"tcp:localhost:{port}")


def comparable_lines(process):
    """The lines that it printed, without those that only one language prints; Twisted
    names the class in the error about wrong arguments, which is removed."""
    lines = process.output().splitlines()
    lines = [line for line in lines if not line.startswith(("listening on ", CLOSED))]
    return [re.sub(r"\b\w+\.(remote|perspective|view|observe)_", r"\1_", line)
            for line in lines]


def end_server(server, name):
    """Waits until the connection is closed and the server has ended; returns the counts
    that it printed for the closed connection."""
    counts = server.find(CLOSED + "(.*)")[1]
    end = server.end if name in SHUT_DOWN else server.terminate
    expect("status of the server", end(), 0)
    return counts


def run(stage, script, name, server_language, client_language):
    """Returns the lines of the server and of the client, and the server's counts."""
    server = start_server(stage, script, name, server_language)
    client = start_client(stage, script, name, client_language, server.port())
    expect("status of the client", client.end(), 0)
    counts = end_server(server, name)
    if client_language == "C":
        expect("errors of the client", client.output("err"), "")
    if server_language == "C":
        expect("errors of the server", server.output("err"), "")
        expect("the server's counts", counts, EMPTY_COUNTS)
    return comparable_lines(server), comparable_lines(client), counts


def check_pair(stage, script, name):
    expected = run(stage, script, name, "Twisted", "Twisted")
    if not expected[1]:
        raise Failed("Twisted's client prints nothing")
    for server, client in ("Twisted", "C"), ("C", "Twisted"), ("C", "C"):
        got = run(stage, script, name, server, client)
        for side, lines, wanted in zip(("server", "client"), got, expected):
            expect(f"{server} serves, {client} calls: the {side} printed", lines, wanted)
        if server == "Twisted":
            expect("the server's counts", got[2], expected[2])


def for_each_pair(report, title, function, wanted):
    """Checks function(stage, script, name) for all pairs, or for the wanted names."""
    for script, names in SCRIPTS.items():
        for name in names:
            if not wanted or name in wanted:
                report.check(f"{title} {name}", function, script, name)


def main():
    build, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    for_each_pair(report, "pair", check_pair, wanted)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
