# SPDX-License-Identifier: MIT
"""The pairs: conversations of which both sides are there in C and in Python. Whoever the
other is, each side prints the same; and what the C side prints is what Twisted's does.

    pairs_test.py BUILD_DIR [NAME]...   all of them, or those"""

import importlib.util
import re
import sys
from pathlib import Path

from harness import NOTHING, Failed, Report, expect

# By script: what Twisted's examples do.
LISTINGS = {
    "examples/references": ["pb1", "pb2", "pb3", "pb4"],
    "examples/logins": ["pb5", "pb6-1", "pb6-2", "pb7", "pbAnon"],
    "examples/chat": ["chat", "chat-of-two"],
    "examples/copies": ["copy", "copy2"],
    "examples/caches": ["cache"],
    "examples/simple": ["pbsimple", "pbinterop"],
    "examples/avatars": ["pbecho", "pbbench", "pb_exceptions"],
    "examples/errors": ["exc", "trap"],
}
# By script: the concepts of Perspective Broker, more closely.
CONCEPTS = {
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
# Whose server is told to end by its client.
SHUT_DOWN = {"trap", "copy", "copy2", "cache"}
CLOSED = "connection closed, still kept: "


def start(stage, script, name, side, language, endpoint):
    if language == "C":
        return stage.c(f"C {side}", "interop-tests/live/pairs/pairs", endpoint, name, side)
    return stage.twisted(f"Twisted {side}", f"pairs/{script}.py", endpoint, name, side)


def plain(process):
    """What it printed, but for what only Twisted can say, and only it says so."""
    lines = process.output().splitlines()
    lines = [line for line in lines if not line.startswith(("listening on ", CLOSED))]
    return [re.sub(r"\b\w+\.(remote|perspective|view|observe)_", r"\1_", line)
            for line in lines]


def converse(stage, script, name, server_language, client_language):
    """What both sides print."""
    server = start(stage, script, name, "server", server_language,
                   "tcp:0:interface=127.0.0.1")
    client = start(stage, script, name, "client", client_language,
                   f"tcp:localhost:{server.port()}")
    expect("status of the client", client.end(), 0)
    kept = server.find(CLOSED + "(.*)")[1]
    end = server.end if name in SHUT_DOWN else server.terminate
    expect("status of the server", end(), 0)
    if client_language == "C":
        expect("errors of the client", client.output("err"), "")
    if server_language == "C":
        expect("errors of the server", server.output("err"), "")
        expect("the server still kept", kept, NOTHING)
    return plain(server), plain(client), kept


def pair(stage, script, name):
    right = converse(stage, script, name, "Twisted", "Twisted")
    if not right[1]:
        raise Failed("Twisted's client prints nothing")
    for server, client in ("Twisted", "C"), ("C", "Twisted"), ("C", "C"):
        got = converse(stage, script, name, server, client)
        for who, mine, wanted in zip(("server", "client"), got, right):
            expect(f"{server} serves, {client} calls: the {who} printed", mine, wanted)
        if server == "Twisted":
            expect("the server still kept", got[2], right[2])


def main():
    if importlib.util.find_spec("twisted") is None:
        print("Twisted is missing: install python3-twisted")
        return 77
    build, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    for script, names in [*LISTINGS.items(), *CONCEPTS.items()]:
        for name in names:
            if not wanted or name in wanted:
                report.check(f"pair {name}", pair, script, name)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
