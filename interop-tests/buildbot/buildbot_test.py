# SPDX-License-Identifier: MIT
"""Tests Buildbot's master with its own worker and with workers/buildbot, first
with plain Twisted, then with Twisted accelerated by libpb: buildbot_test.py BUILD_DIR
[PACKAGE]. The builds have to have the same results. PACKAGE is the folder of libpb's
Python package. Prints a line for each check and the totals; the exit status is 1 if a
check failed."""

import contextlib
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
# The steps whose error texts have the path of the worker in them, or a traceback; and one
# for which Buildbot's worker loses what is written before its first look at the file.
DIFFERENT_TEXTS = ("uploads a missing file", "uploads too much", "runs a missing program",
                   "downloads too much", "appends to a log file",
                   "copies a missing folder", "copies a folder")
SUCCESS, FAILURE = 0, 2


FAILING = {"uploads a missing file", "uploads too much", "fails", "is killed",
           "runs a missing program", "times out", "takes too long", "ends on SIGTERM",
           "is interrupted", "is interrupted by SIGINT", "downloads too much",
           "copies a missing folder", "exists not", "removes a missing file"}


def select_rows(folder, query, *values):
    """Queries the master's database."""
    database = sqlite3.connect(folder / "state.sqlite", timeout=20)
    with contextlib.closing(database):
        return database.execute(query, values).fetchall()


def log_text(folder, step, name):
    """The text of a log of a step."""
    return "".join(chunk + "\n" for chunk, in select_rows(
        folder, """SELECT CAST(content AS TEXT) FROM logchunks
                   JOIN logs ON logid = logs.id
                   WHERE stepid = ? AND logs.name = ? ORDER BY first_line""", step, name))


def step_output(folder, step):
    """The standard output and the standard error of a step, and the log file that it
    follows."""
    text = log_text(folder, step, "stdio")
    return ["".join(line[1:] + "\n" for line in text.split("\n") if line[:1] == kind)
            for kind in "oe"] + [log_text(folder, step, "followed")]


def build_steps(folder, worker):
    """The steps of the worker's build, by name: result and output."""
    rows = select_rows(folder, """SELECT steps.id, steps.name, steps.results FROM steps
                                  JOIN builds ON buildid = builds.id
                                  JOIN builders ON builderid = builders.id
                                  WHERE builders.name = ?
                                  ORDER BY steps.number""", worker)
    steps = {name: (result, *step_output(folder, step)) for step, name, result in rows}
    for name in DIFFERENT_TEXTS:
        steps[name] = steps[name][0]
    del steps["worker_preparation"]
    return steps


def start_workers(stage, folder, port, package):
    """Starts both workers; returns the one in C."""
    for name in WORKERS:
        base, password = folder / name, f"secret of {name}"
        base.mkdir()
        if name == "C":
            settings = folder / "worker.conf"
            settings.write_text(f"""# of the test
basedir = {str(base)!r}
buildmaster_host = 'localhost'
port = {port}
workername = {name!r}
passwd = {password!r}
keepalive = 1
umask = None
""")
            c_worker = stage.c("C worker", "workers/buildbot/pb-buildbot-worker", settings)
            c_worker.find(".*Connected to buildmaster; worker is ready")
        else:
            worker = stage.twisted(f"{name} worker", HERE / "run_buildbot.py", package,
                                   "worker", base, port, name, password)
            worker.find(".*Connected to buildmaster; worker is ready")
    return c_worker


def wait_for_builds(stage, folder):
    """Waits for the build of each worker, which all have to succeed."""
    query = "SELECT results FROM builds WHERE complete_at IS NOT NULL"
    while len(results := select_rows(folder, query)) < len(WORKERS):
        if not stage.seconds_left():
            raise Failed("the builds did not end in time")
        time.sleep(0.1)
    expect("results", results, [(SUCCESS,)] * len(WORKERS))


def check_files(folder):
    """Both workers uploaded the same file, and its first 1,000,000 bytes."""
    big = (folder / "big-Twisted").read_bytes()
    expect("size of the file", len(big), 1988895)
    for worker in WORKERS:
        expect("the file", (folder / f"big-{worker}").read_bytes() == big, True)
        cut = (folder / f"cut-{worker}").read_bytes()
        expect("its beginning", cut == big[:1000000], True)
        for name in f"tar-{worker}", f"gz-{worker}", f"bz2-{worker}":
            files = sorted(str(path.relative_to(folder / name))
                           for path in (folder / name).rglob("*"))
            expect("the folder", files, ["deep", "deep/file", "empty", "text"])
            expect("its file", (folder / name / "deep/file").read_text(), "é\n")
        stamp = (folder / f"stamp-{worker}").stat().st_mtime
        expect("the time of the file", stamp, 1000000000)


def run_builds(stage, empty, package):
    """Runs a master in a copy of the folder `empty`, and both workers; returns the steps
    of both builds."""
    # When a check fails, the master still writes there while the folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(empty, folder, dirs_exist_ok=True)
        master = stage.twisted("master", HERE / "run_buildbot.py", package, "master",
                               folder)
        if package != "-":
            master.find("accelerated")
        port = master.find(r".*PBServerFactory starting on (\d+)")[1]
        c_worker = start_workers(stage, folder, port, package)
        (folder / "password").write_text("of sources\n")
        (folder / "password").chmod(0o600)
        change = stage.c("pb call", "tools/pb", "call", "--login", "changes",
                         "--password-file", folder / "password", f"localhost:{port}",
                         "addChange",
                         "{'author': 'ann', 'branch': 'main', 'comments': 'é'}")
        expect("status of pb call", change.end(), 0)
        expect("output of pb call", change.output(), "None\n")
        wait_for_builds(stage, folder)
        check_files(folder)
        expect("status of the master", master.terminate(), 0)
        expect("status of the worker in C", c_worker.terminate(), 0)
        reconnects = "; again in " in c_worker.output("err")
        expect("the worker in C reconnects", reconnects, True)
        return [build_steps(folder, worker) for worker in WORKERS]


def expect_same_steps(name, steps, expected):
    different = {step: (steps.get(step), outcome) for step, outcome in expected.items()
                 if steps.get(step) != outcome}
    expect(f"steps of {name} that differ", different, {})


def checks(report, stage, empty, package):
    twisted, c = run_builds(stage, empty, "-")
    results = [step if isinstance(step, int) else step[0] for step in twisted.values()]
    expected = [FAILURE if step in FAILING else SUCCESS for step in twisted]
    expect("steps of Buildbot's worker", results, expected)
    report.check("a worker in C", lambda _: expect_same_steps("C", c, twisted))
    if not package:
        print("skipped: Twisted accelerated by libpb, which was built without Python")
        return
    report.group("accelerated", lambda report, stage: [
        report.check(f"{name}, accelerated",
                     lambda _: expect_same_steps(name, steps, twisted))
        for name, steps in zip(WORKERS, run_builds(stage, empty, package))], seconds=500)


def main():
    build, *package = [Path(folder).resolve() for folder in sys.argv[1:]]
    report = Report(build)
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        subprocess.run(["/usr/bin/python3", "-B", "/usr/bin/buildbot", "create-master",
                        "-q", empty], check=True)
        shutil.copy(HERE / "master.cfg", empty)
        report.group("builds", checks, empty, package[0] if package else None,
                     seconds=500)
    return report.close()


sys.exit(main())
