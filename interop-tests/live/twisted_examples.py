# SPDX-License-Identifier: MIT
"""Runs Twisted's own examples with the other side of the pair of that name, in Python and
in C: both sides have to print the same lines with either. The examples are in a checkout
of Twisted; therefore this script is not one of the tests.

    twisted_examples.py BUILD_DIR CHECKOUT [NAME]..."""

import re
import sys
import time
from pathlib import Path

import pairs_test
from harness import Failed, Report, expect

PB = "docs/core/howto/listings/pb/"
EXAMPLES = "docs/core/examples/"
# The name of a pair, its script, and Twisted's server and client, if they exist. Of the
# examples, pb4client, pb7client and pbgtk2 are missing: they use functions that Twisted
# or Python have removed.
EXAMPLE_ROWS = [
    ("pb1", "examples/references", PB + "pb1server.py", PB + "pb1client.py"),
    ("pb2", "examples/references", PB + "pb2server.py", PB + "pb2client.py"),
    ("pb3", "examples/references", PB + "pb3server.py", PB + "pb3client.py"),
    ("pb5", "examples/logins", PB + "pb5server.py", PB + "pb5client.py"),
    ("pb6-1", "examples/logins", PB + "pb6server.py", PB + "pb6client1.py"),
    ("pb6-2", "examples/logins", PB + "pb6server.py", PB + "pb6client2.py"),
    ("pbAnon", "examples/logins", PB + "pbAnonServer.py", PB + "pbAnonClient.py"),
    ("chat", "examples/chat", PB + "chatserver.py", PB + "chatclient.py"),
    ("copy", "examples/copies", PB + "copy_receiver.tac", PB + "copy_sender.py"),
    ("copy2", "examples/copies", PB + "copy2_receiver.py", PB + "copy2_sender.py"),
    ("cache", "examples/caches", PB + "cache_receiver.py", PB + "cache_sender.py"),
    ("exc", "examples/errors", PB + "exc_server.py", PB + "exc_client.py"),
    ("trap", "examples/errors", PB + "trap_server.py", PB + "trap_client.py"),
    ("pbsimple", "examples/simple", EXAMPLES + "pbsimple.py",
     EXAMPLES + "pbsimpleclient.py"),
    ("pbecho", "examples/avatars", EXAMPLES + "pbecho.py", EXAMPLES + "pbechoclient.py"),
    ("pbbench", "examples/avatars", EXAMPLES + "pbbenchserver.py",
     EXAMPLES + "pbbenchclient.py"),
    ("pbinterop", "examples/simple", EXAMPLES + "pbinterop.py", None),
]


def start_example(stage, port, script):
    return stage.twisted(f"Twisted's {script.name}", "run_twisted_example.py", port,
                         script)


def wait_until_quiet(last, *others):
    """Waits until `last` has printed a line and no process prints further ones, for ten
    seconds at most: most examples do not end by themselves."""
    count, end = None, time.monotonic() + 10
    while time.monotonic() < end:
        new_count = [len(process.lines) for process in (last, *others)]
        if new_count == count and last.output():
            break
        count = new_count
        time.sleep(1.3)


def example_lines(process):
    """The lines that an example printed, without addresses, times, measurements and the
    messages of Twisted's log."""
    lines = []
    for line in process.output().splitlines():
        line = re.sub(r"^\d{4}-\d\d-\d\d [\d:+]+ \[[^]]*\] ", "", line)
        line = re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"cps: \d+", "cps", line))
        if not re.match(r"listening on|Log opened|Starting factory|Stopping factory|"
                        r"\(TCP Port|.* starting on|Main loop|Received SIG", line):
            lines.append(line)
    return sorted(set(lines)) if any("cps" in line for line in lines) else lines


def run_with_server(stage, name, script, server_script, language):
    """Runs Twisted's server with our client."""
    server = start_example(stage, 0, server_script)
    client = pairs_test.start_client(stage, script, name, language, server.port())
    client.end()
    wait_until_quiet(server)
    server.kill()
    return example_lines(server), pairs_test.comparable_lines(client)


def run_with_client(stage, name, script, client_script, language):
    """Runs Twisted's client with our server."""
    server = pairs_test.start_server(stage, script, name, language)
    client = start_example(stage, server.port(), client_script)
    wait_until_quiet(client, server)
    client.kill()
    server.kill()
    # The number of calls of a benchmark differs.
    lines = [line for line in pairs_test.comparable_lines(server)
             if not line.startswith("simple was")]
    return lines, example_lines(client)


def check_example(stage, run, *args):
    expected = run(stage, *args, "Twisted")
    if not any(expected):
        raise Failed("neither side prints anything")
    for side, got, wanted in zip(("server", "client"), run(stage, *args, "C"), expected):
        expect(f"the {side} printed", got, wanted)


def main():
    build, checkout, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    for name, script, server, client in EXAMPLE_ROWS:
        for path, run in (server, run_with_server), (client, run_with_client):
            if path and (not wanted or name in wanted):
                report.check(f"Twisted's {path}", check_example, run, name, script,
                             Path(checkout).resolve() / path, seconds=60)
    return report.close()


sys.exit(main())
