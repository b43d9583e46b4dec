# SPDX-License-Identifier: MIT
"""Runs Twisted's own tests of twisted.spread with and without libpb, and compares the
results: a test that passes must pass, and one that fails must fail with the same text.

usage: compare_twisted.py [TWISTED]

TWISTED is a folder with the sources of another version; the default is the installed one.
"""
import json
import os
import re
import subprocess
import sys

MODULES = ["test_banana", "test_jelly", "test_pb", "test_pbfailure"]
TIMEOUT = 5  # seconds, for a test that hangs


def run(module, accelerated):
    """Runs in a process of its own. Prints the results by test as a JSON object."""
    from twisted.trial import reporter, runner, util

    util.DEFAULT_TIMEOUT_DURATION = TIMEOUT
    results = {}

    def note(test, outcome, what=""):
        # Addresses of objects and ports differ from run to run.
        what = re.sub(r"0x[0-9a-f]+|\b\d{12,}\b|(?<=> on )\d+", "?", str(what))
        results.setdefault(test.id(), []).append([outcome, what])

    class Recorder(reporter.TestResult):
        def addSuccess(self, test):
            note(test, "passed")

        def addError(self, test, error):
            note(test, "error", getattr(error, "value", error))

        def addFailure(self, test, failure):
            note(test, "failure", getattr(failure, "value", failure))

        def addSkip(self, test, reason):
            note(test, "skipped", reason)

        def addExpectedFailure(self, test, failure, todo=None):
            note(test, "expected", getattr(failure, "value", failure))

        def addUnexpectedSuccess(self, test, todo=None):
            note(test, "unexpected")

    if accelerated:
        import libpb.accelerate
        libpb.accelerate.install()
    suite = runner.TestLoader().loadByName(f"twisted.spread.test.{module}")
    suite.run(Recorder())
    if accelerated:
        assert libpb.accelerate.installed()
    json.dump(results, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # a test that hangs may have left something running


def results_of(module, accelerated, env):
    command = [sys.executable, "-B", __file__, "--run", module, str(int(accelerated))]
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{module}: the tests did not run\n{done.stderr}")
    return json.loads(done.stdout.rpartition("\n")[2])


def main(argv):
    if argv[:1] == ["--run"]:
        return run(argv[1], argv[2] == "1")
    env = dict(os.environ)
    if argv:
        env["PYTHONPATH"] = os.pathsep.join([argv[0], env.get("PYTHONPATH", "")])
    same = different = 0
    for module in MODULES:
        plain = results_of(module, False, env)
        on_libpb = results_of(module, True, env)
        if not plain:
            sys.exit(f"{module}: no test was run")
        for test in sorted({*plain, *on_libpb}):
            if plain.get(test) == on_libpb.get(test):
                same += 1
            else:
                different += 1
                print(f"{test}\n  plain:    {plain.get(test)}"
                      f"\n  on libpb: {on_libpb.get(test)}")
    print(f"{same} tests have the same result, {different} have not")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
