# SPDX-License-Identifier: MIT
"""A Twisted client against `pb serve`."""

from harness import NOTHING, expect


def start_serve(stage, under=()):
    return stage.c("pb serve", "tools/pb", "serve", "tcp:0", under=under)


def start_caller(stage, port):
    caller = stage.twisted("caller", "peers/caller.py", f"tcp:localhost:{port}")
    caller.find("ready")
    return caller


def every_step(report, stage, name, way, *switches):
    server = start_serve(stage)
    port = way(stage, server.port())
    client = stage.twisted("Twisted client", "peers/service_client.py", f"tcp:localhost:{port}",
                           *switches)
    report.steps(f"{name}: Twisted calls pb serve", client)
    expect("status of the client", client.end(), 0)
    expect("status of the server", server.terminate(), 0)
    expect("errors of the server", server.output("err"), "")


def waits_while_the_server(stage, die):
    """A call that waits fails once, the reference tells of the end, and is dead then."""
    server = start_serve(stage)
    caller = start_caller(stage, server.port())
    caller.say("slow 60 1")
    expect("meanwhile", caller.ask("ping"), "'pong'")
    die(server)
    expect("the caller saw", [caller.line(), caller.line()],
           ["failed PBConnectionLost", "lost"])
    expect("a call after that", caller.ask("ping"), "failed DeadReferenceError")


def is_killed(stage):
    waits_while_the_server(stage, lambda server: server.kill())


def ends_on_a_signal(stage):
    waits_while_the_server(stage, lambda server: expect("status", server.terminate(), 0))


def serves_many_at_once(stage):
    """References of one connection mean nothing on another."""
    port = start_serve(stage).port()
    callers = [start_caller(stage, port) for _ in range(3)]
    for caller in callers:
        caller.say("slow 0.2 'later'")
    for n, caller in enumerate(callers):
        expect("echo", caller.ask(f"echo {n}"), str(n))
    for caller in callers:
        expect("the slow one", caller.line(), "'later'")
        expect("ref", caller.ask("keep ref"), "reference")
        expect("mine", caller.ask("keep echo mine"), "mine")
        expect("dropped", caller.ask("drop"), "dropped")
        expect("tables", caller.ask("tables"), NOTHING)


def checks(report, name, way, *switches):
    report.group(f"{name}: Twisted calls pb serve", every_step, name, way, *switches)


def lonely_checks(report):
    for function in is_killed, ends_on_a_signal, serves_many_at_once:
        report.check(f"pb serve {function.__name__.replace('_', ' ')}", function)
