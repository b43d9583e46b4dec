# SPDX-License-Identifier: MIT
"""Checks of `pb serve` with Twisted clients."""

from harness import EMPTY_COUNTS, expect


def start_serve(stage, wrapper=()):
    return stage.c("pb serve", "tools/pb", "serve", "tcp:0", wrapper=wrapper)


def start_caller(stage, port):
    caller = stage.twisted("caller", "peers/caller.py", f"tcp:localhost:{port}")
    caller.find("ready")
    return caller


def run_service_client(report, stage, name, route, *switches):
    server = start_serve(stage)
    port = route(stage, server.port())
    client = stage.twisted("Twisted client", "peers/service_client.py",
                           f"tcp:localhost:{port}", *switches)
    report.steps(f"{name}: Twisted calls pb serve", client)
    expect("status of the client", client.end(), 0)
    expect("status of the server", server.terminate(), 0)
    expect("errors of the server", server.output("err"), "")


def expect_connection_lost(stage, end_server):
    """When the server ends, a pending call fails once, the reference calls its disconnect
    callback, and further calls fail."""
    server = start_serve(stage)
    caller = start_caller(stage, server.port())
    caller.send_line("slow 60 1")
    expect("before the server ends", caller.ask("ping"), "'pong'")
    end_server(server)
    expect("the caller printed", [caller.line(), caller.line()],
           ["failed PBConnectionLost", "lost"])
    expect("a call after that", caller.ask("ping"), "failed DeadReferenceError")


def is_killed(stage):
    expect_connection_lost(stage, lambda server: server.kill())


def ends_on_a_signal(stage):
    expect_connection_lost(stage, lambda server: expect("status", server.terminate(), 0))


def serves_many_at_once(stage):
    """Several connections at once, each with its own references."""
    port = start_serve(stage).port()
    callers = [start_caller(stage, port) for _ in range(3)]
    for caller in callers:
        caller.send_line("slow 0.2 'later'")
    for n, caller in enumerate(callers):
        expect("echo", caller.ask(f"echo {n}"), str(n))
    for caller in callers:
        expect("the slow one", caller.line(), "'later'")
        expect("ref", caller.ask("keep ref"), "reference")
        expect("mine", caller.ask("keep echo mine"), "mine")
        expect("dropped", caller.ask("drop"), "dropped")
        expect("counts", caller.ask("counts"), EMPTY_COUNTS)


def checks(report, name, route, *switches):
    report.group(f"{name}: Twisted calls pb serve", run_service_client, name, route,
                 *switches)


def direct_checks(report):
    """The checks that run without a proxy only."""
    for function in is_killed, ends_on_a_signal, serves_many_at_once:
        report.check(f"pb serve {function.__name__.replace('_', ' ')}", function)
