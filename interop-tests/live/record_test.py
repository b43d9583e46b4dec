# SPDX-License-Identifier: MIT
"""Tests `pb record` and `pb replay` with Twisted's sides of the pairs. With the recorder
between them, both sides have to print the same lines as without it, and the captures have
to be complete. Then `pb replay` plays each side to the other: it has to find no
difference, and the other side has to print the same lines again.

    record_test.py BUILD_DIR [NAME]...   records all pairs, or those that are named"""

import re
import sys
import tempfile
from pathlib import Path

import pairs_test
from harness import Failed, Report, expect

# The accounts that each script logs in to.
PASSWORDS = {
    "examples/logins": ["user1:pass1", "user2:pass2"],
    "examples/chat": ["alice:1234", "bob:secret"],
    "examples/avatars": ["guest:guest", "benchmark:benchmark", "user:pass"],
    "concepts/minds": ["ann:1", "bea:", "banned:x"],
    "concepts/views": ["ann:1", "bea:2"],
}


def record(stage, port, file):
    recorder = stage.c("pb record", "tools/pb", "record", "--mask-passwords", "--listen",
                       "tcp:0:interface=127.0.0.1", "--to", f"localhost:{port}", file)
    return recorder, recorder.port()


def run_twisted(stage, script, name, route):
    """Runs both sides in Twisted; the client connects to route(port of the server).
    Returns the lines of both."""
    server = pairs_test.start_server(stage, script, name, "Twisted")
    port = route(server.port())
    client = pairs_test.start_client(stage, script, name, "Twisted", port)
    expect("status of the client", client.end(), 0)
    pairs_test.end_server(server, name)
    return pairs_test.comparable_lines(server), pairs_test.comparable_lines(client)


def run_pb(stage, *args):
    """Runs pb, which has to succeed; returns its output."""
    process = stage.c("pb " + str(args[0]), "tools/pb", *args)
    status = process.end()
    expect(f"errors of {args}", process.output("err"), "")
    expect(f"status of {args}", status, 0)
    return process.output()


def check_recorded(stage, script, name):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "traffic.jsonl.gz"
        recorders = []

        def through_recorder(port):
            recorder, port = record(stage, port, file)
            recorders.append(recorder)
            return port

        expected = run_twisted(stage, script, name, lambda port: port)
        expect("with a recorder between them, both print",
               run_twisted(stage, script, name, through_recorder), expected)
        expect("status of the recorder", recorders[0].terminate(), 0)
        expect("errors of the recorder", recorders[0].output("err"), "")
        files = sorted(Path(folder).iterdir())
        last = run_pb(stage, "replay", "--check", *files).splitlines()[-1]
        if not last.endswith(" passed, 0 failed"):
            expect("the check", last, "N passed, 0 failed")
        for line in run_pb(stage, "dump", *files).splitlines():
            if ".respond(" in line and not re.search(r"respond\(b'\*+'", line):
                expect("a response", line, "masked")
        if len(files) == 1:
            check_replayed(stage, script, name, file, expected)


def expect_no_difference(title, process):
    status, out = process.end(), process.output()
    if status or not out.endswith(", 0 differences\n"):
        raise Failed(f"{title}: status {status}")


def check_replayed(stage, script, name, file, expected):
    words = [w for p in PASSWORDS.get(script, []) for w in ("--password", p)]
    server = pairs_test.start_server(stage, script, name, "Twisted")
    expect_no_difference("pb replay --client", stage.c(
        "pb replay --client", "tools/pb", "replay", "--client", *words, file,
        f"localhost:{server.port()}"))
    pairs_test.end_server(server, name)
    expect("the server printed", pairs_test.comparable_lines(server), expected[0])
    player = stage.c("pb replay --server", "tools/pb", "replay", "--server", file,
                     "tcp:0:interface=127.0.0.1")
    client = pairs_test.start_client(stage, script, name, "Twisted", player.port())
    expect_no_difference("pb replay --server", player)
    expect("status of the client", client.end(), 0)
    expect("the client printed", pairs_test.comparable_lines(client), expected[1])


def main():
    build, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    pairs_test.for_each_pair(report, "recorded", check_recorded, wanted)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
