# SPDX-License-Identifier: MIT
"""What passes between Twisted's sides of the pairs, recorded by `pb record`: neither side
may notice, and the captures must be whole. Then `pb replay` takes the place of either side:
it may find no difference, and the other prints what it printed before.

    record_test.py BUILD_DIR [NAME]...   all of the pairs, or those"""

import importlib.util
import re
import sys
import tempfile
from pathlib import Path

import pairs_test
from harness import Failed, Report, expect


# By script: who logs in.
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


def converse(stage, script, name, way):
    """What Twisted's sides print; the client goes by way(port of the server)."""
    server = pairs_test.start(stage, script, name, "server", "Twisted",
                           "tcp:0:interface=127.0.0.1")
    client = pairs_test.start(stage, script, name, "client", "Twisted",
                           f"tcp:localhost:{way(server.port())}")
    expect("status of the client", client.end(), 0)
    server.find(pairs_test.CLOSED + "(.*)")
    end = server.end if name in pairs_test.SHUT_DOWN else server.terminate
    expect("status of the server", end(), 0)
    return pairs_test.plain(server), pairs_test.plain(client)


def run(stage, *args):
    """A run of pb that must end well: what it prints."""
    process = stage.c("pb " + str(args[0]), "tools/pb", *args)
    status = process.end()
    expect(f"what {args} printed of errors", process.output("err"), "")
    expect(f"status of {args}", status, 0)
    return process.output()


def recorded(stage, script, name):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "traffic.jsonl.gz"
        recorders = []

        def by_recorder(port):
            recorder, port = record(stage, port, file)
            recorders.append(recorder)
            return port

        right = converse(stage, script, name, lambda port: port)
        expect("with a recorder between them, both print",
               converse(stage, script, name, by_recorder), right)
        expect("status of the recorder", recorders[0].terminate(), 0)
        expect("errors of the recorder", recorders[0].output("err"), "")
        files = sorted(Path(folder).iterdir())
        last = run(stage, "replay", "--check", *files).splitlines()[-1]
        if not last.endswith(" passed, 0 failed"):
            expect("the check", last, "N passed, 0 failed")
        for line in run(stage, "dump", *files).splitlines():
            if ".respond(" in line and not re.search(r"respond\(b'\*+'", line):
                expect("a response", line, "masked")
        if len(files) == 1:
            replayed(stage, script, name, file, right)


def same(what, process):
    status, out = process.end(), process.output()
    if status or not out.endswith(", 0 differences\n"):
        raise Failed(f"{what}: status {status}")


def replayed(stage, script, name, file, right):
    words = [w for p in PASSWORDS.get(script, []) for w in ("--password", p)]
    server = pairs_test.start(stage, script, name, "server", "Twisted",
                           "tcp:0:interface=127.0.0.1")
    same("played as a client", stage.c("pb replay --client", "tools/pb", "replay", "--client",
                                       *words, file, f"localhost:{server.port()}"))
    server.find(pairs_test.CLOSED + "(.*)")
    end = server.end if name in pairs_test.SHUT_DOWN else server.terminate
    expect("status of the server", end(), 0)
    expect("the server printed", pairs_test.plain(server), right[0])
    player = stage.c("pb replay --server", "tools/pb", "replay", "--server", file,
                     "tcp:0:interface=127.0.0.1")
    client = pairs_test.start(stage, script, name, "client", "Twisted",
                           f"tcp:localhost:{player.port()}")
    same("played as a server", player)
    expect("status of the client", client.end(), 0)
    expect("the client printed", pairs_test.plain(client), right[1])


def main():
    if importlib.util.find_spec("twisted") is None:
        print("Twisted is missing: install python3-twisted")
        return 77
    build, *wanted = sys.argv[1:]
    report = Report(Path(build).resolve())
    for script, names in [*pairs_test.LISTINGS.items(), *pairs_test.CONCEPTS.items()]:
        for name in names:
            if not wanted or name in wanted:
                report.check(f"recorded {name}", recorded, script, name)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
