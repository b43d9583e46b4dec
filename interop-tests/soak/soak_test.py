# SPDX-License-Identifier: MIT
"""Runs the soak test: a client and a server, one in C with libpb and the other in
Twisted, in both combinations at the same time. They make random calls of each other,
check each answer, lose their connection and make it again, until the time is over; then
their tables and their memory have to be as in the beginning.

    soak_test.py BUILD_DIR SECONDS [SEED]"""

import random
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import Report, expect, fork_server  # noqa: E402

GRACE = 120  # seconds for what is in progress when the time is over
# glibc counts as used what its caches of freed memory hold.
EXACT = ("env", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0")


def start(stage, language, role, endpoint, seed, seconds):
    args = (endpoint, role, seed, seconds)
    if language == "C":
        return stage.c(f"C {role}", "interop-tests/soak/soak", *args, wrapper=EXACT)
    return stage.twisted(f"Twisted {role}", HERE / "twisted_side.py", *args)


def soak(stage, server_language, client_language, seed, seconds):
    server = start(stage, server_language, "server", "tcp:0:interface=127.0.0.1",
                   f"{seed}1", seconds)
    client = start(stage, client_language, "client",
                   f"tcp:127.0.0.1:{server.port()}", f"{seed}2", seconds)
    status = client.end()
    if status == 0:
        expect("status of the server", server.terminate(), 0)
    for process in server, client:
        for stream, line in process.lines:
            if stream == "out" and not line.startswith("listening on "):
                print(line, flush=True)
    expect("status of the client", status, 0)
    for process in server, client:
        if process.name.startswith("C "):
            expect(f"errors of {process.name}", process.output("err"), "")


def main():
    build, seconds, *rest = sys.argv[1:]
    seed = int(rest[0]) if rest else random.randrange(10**9)
    print(f"seed {seed}", flush=True)
    fork_server()  # before there are threads
    report = Report(Path(build).resolve())
    threads = [
        threading.Thread(target=report.check, args=(
            f"{server} serves, {client} calls, for {seconds} seconds", soak, server,
            client, seed, seconds), kwargs={"seconds": float(seconds) + GRACE})
        for server, client in (("Twisted", "C"), ("C", "Twisted"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
