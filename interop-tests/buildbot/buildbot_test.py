# SPDX-License-Identifier: MIT
"""Buildbot's master, with its own worker and examples/buildbot_worker.c: buildbot_test.py BUILD_DIR
[PACKAGE]. Whoever the worker is, and whether or not Twisted runs on libpb, whose Python
package is in the folder PACKAGE, a build goes the same. One line for each check, and a
closing line; exit status 1 if any failed, 77 if Buildbot is missing."""

import contextlib
import importlib.util
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import Failed, Report, expect  # noqa: E402

WORKERS = "Twisted", "C"
SUCCESS, FAILURE = 0, 2


def rows(folder, query, *values):
    with contextlib.closing(sqlite3.connect(folder / "state.sqlite", timeout=20)) as db:
        return db.execute(query, values).fetchall()


def printed(folder, step):
    """What a step printed: on its standard output, and on that of errors."""
    text = "".join(chunk + "\n" for chunk, in rows(
        folder, """SELECT CAST(content AS TEXT) FROM logchunks JOIN logs ON logid = logs.id
                   WHERE stepid = ? AND logs.name = 'stdio' ORDER BY first_line""", step))
    return ["".join(line[1:] + "\n" for line in text.splitlines() if line[:1] == kind)
            for kind in "oe"]


def build_of(folder, worker):
    """The steps of its build: name, result, and what was printed."""
    steps = rows(folder, """SELECT steps.id, steps.name, steps.results FROM steps
                            JOIN builds ON buildid = builds.id
                            JOIN builders ON builderid = builders.id
                            WHERE builders.name = ? ORDER BY steps.number""", worker)
    build = {name: (result, *printed(folder, step)) for step, name, result in steps}
    for name in "uploads nothing", "uploads too much", "is no program":
        build[name] = build[name][0]  # each says in its own words what was wrong
    del build["worker_preparation"]
    return build


def start_workers(stage, folder, port, package):
    for name in WORKERS:
        base, words = folder / name, (port, name, f"secret of {name}")
        base.mkdir()
        if name == "C":
            c = stage.c("C worker", "examples/buildbot_worker", base, f"localhost:{port}",
                        *words[1:])
            c.find("attached")
        else:
            stage.twisted(f"{name} worker", HERE / "run_buildbot.py", package, "worker", base,
                          *words).find(".*Connected to buildmaster; worker is ready")
    return c


def builds(stage, empty, package):
    """A master for itself: the build of each worker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(empty, folder, dirs_exist_ok=True)
        master = stage.twisted("master", HERE / "run_buildbot.py", package, "master", folder)
        if package != "-":
            master.find("accelerated")
        port = master.find(r".*PBServerFactory starting on (\d+)")[1]
        c = start_workers(stage, folder, port, package)
        (folder / "password").write_text("of sources\n")
        change = stage.c("pb call", "tools/pb", "call", "--login", "changes",
                         "--password-file", folder / "password", f"localhost:{port}",
                         "addChange", "{'author': 'ann', 'branch': 'main', 'comments': 'é'}")
        expect("status of pb call", change.end(), 0)
        expect("what pb call printed", change.output(), "None\n")
        while len(done := rows(folder, """SELECT results FROM builds
                                          WHERE complete_at IS NOT NULL""")) < len(WORKERS):
            if not stage.left():
                raise Failed("the builds did not end in time")
            time.sleep(0.1)
        expect("results", done, [(SUCCESS,)] * len(WORKERS))
        big = (folder / "big-Twisted").read_bytes()
        expect("size of the file", len(big), 1988895)
        for worker in WORKERS:
            expect("the file", (folder / f"big-{worker}").read_bytes() == big, True)
            expect("the part", (folder / f"cut-{worker}").read_bytes() == big[:1000000], True)
        expect("status of the master", master.terminate(), 0)
        expect("status of the worker in C", c.terminate(), 0)
        expect("errors of the worker in C", "; again in " in c.output("err"), True)
        return [build_of(folder, worker) for worker in WORKERS]


def same(what, build, right):
    for step, outcome in right.items():
        expect(f"{what}: {step}", build.get(step), outcome)


def check(report, stage, empty, package):
    twisted, c = builds(stage, empty, "-")
    results = [step if isinstance(step, int) else step[0] for step in twisted.values()]
    expect("steps of Buildbot's worker", results,
           [SUCCESS] * 5 + [FAILURE] * 2 + [SUCCESS] * 2 + [FAILURE] * 3)
    report.check("a worker in C", lambda _: same("C", c, twisted))
    if not package:
        print("skipped: a master and a worker on libpb, which was built without Python")
        return
    report.group("on libpb", lambda report, stage: [
        report.check(f"{name}, on libpb", lambda _: same(name, build, twisted))
        for name, build in zip(WORKERS, builds(stage, empty, package))], seconds=200)


def main():
    if not all(map(importlib.util.find_spec, ("twisted", "buildbot", "buildbot_worker"))):
        print("Buildbot is missing: install buildbot and buildbot-worker")
        return 77
    build, *package = [Path(folder).resolve() for folder in sys.argv[1:]]
    report = Report(build)
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        subprocess.run(["/usr/bin/python3", "-B", "/usr/bin/buildbot", "create-master", "-q",
                        empty], check=True)
        shutil.copy(HERE / "master.cfg", empty)
        report.group("builds", check, empty, package[0] if package else None, seconds=200)
    return report.close()


sys.exit(main())
