# SPDX-License-Identifier: MIT
"""Twisted's own examples against the sides of our pairs: whether C or Python is on the
other side, they print the same. They are taken from a checkout of Twisted, and so this is
no part of the tests.

    twisted_examples.py BUILD_DIR CHECKOUT [NAME]..."""

import re
import sys
import time
from pathlib import Path

import pairs_test
from harness import Failed, Report, expect

PB = "docs/core/howto/listings/pb/"
EXAMPLES = "docs/core/examples/"
# Name of the pair, its script, and Twisted's server and client, where there are such.
# pb4client, pb7client and pbgtk2 use what Twisted or Python has no more.
SCRIPTS = [
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
    ("pbsimple", "examples/simple", EXAMPLES + "pbsimple.py", EXAMPLES + "pbsimpleclient.py"),
    ("pbecho", "examples/avatars", EXAMPLES + "pbecho.py", EXAMPLES + "pbechoclient.py"),
    ("pbbench", "examples/avatars", EXAMPLES + "pbbenchserver.py", EXAMPLES + "pbbenchclient.py"),
    ("pbinterop", "examples/simple", EXAMPLES + "pbinterop.py", None),
]


def start(stage, port, script):
    return stage.twisted(f"Twisted's {script.name}", "run_twisted_example.py", port, script)


def settle(last, *others):
    """Waits until the last has printed something, and then nobody anything for a while, or
    for ten seconds: most do not end by themselves."""
    seen, end = None, time.monotonic() + 10
    while time.monotonic() < end:
        now = [len(process.lines) for process in (last, *others)]
        if now == seen and last.output():
            break
        seen = now
        time.sleep(1.3)


def plain(process):
    """What it printed, without addresses, times, figures, and what its log adds."""
    lines = []
    for line in process.output().splitlines():
        line = re.sub(r"^\d{4}-\d\d-\d\d [\d:+]+ \[[^]]*\] ", "", line)
        line = re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"cps: \d+", "cps", line))
        if not re.match(r"listening on|Log opened|Starting factory|Stopping factory|"
                        r"\(TCP Port|.* starting on|Main loop|Received SIG", line):
            lines.append(line)
    return sorted(set(lines)) if any("cps" in line for line in lines) else lines


def under_their_server(stage, name, script, server_script, language):
    server = start(stage, 0, server_script)
    client = pairs_test.start(stage, script, name, "client", language,
                           f"tcp:localhost:{server.port()}")
    client.end()
    settle(server)
    server.kill()
    return plain(server), pairs_test.plain(client)


def over_their_client(stage, name, script, client_script, language):
    server = pairs_test.start(stage, script, name, "server", language,
                           "tcp:0:interface=127.0.0.1")
    client = start(stage, server.port(), client_script)
    settle(client, server)
    client.kill()
    server.kill()
    # How often a benchmark has called is no matter.
    said = [line for line in pairs_test.plain(server) if not line.startswith("simple was")]
    return said, plain(client)


def example(stage, converse, *args):
    right = converse(stage, *args, "Twisted")
    if not any(right):
        raise Failed("nobody prints anything")
    for who, got, wanted in zip(("server", "client"), converse(stage, *args, "C"), right):
        expect(f"the {who} printed", got, wanted)


def main():
    build, checkout, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    for name, script, server, client in SCRIPTS:
        for theirs, converse in (server, under_their_server), (client, over_their_client):
            if theirs and (not wanted or name in wanted):
                report.check(f"Twisted's {theirs}", example, converse, name, script,
                             Path(checkout).resolve() / theirs, seconds=60)
    return report.close()


sys.exit(main())
