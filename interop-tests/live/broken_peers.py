# SPDX-License-Identifier: MIT
"""Peers that vanish in the middle of anything, and peers that send nonsense: our side
runs under valgrind, where there is one, and has to end as it should and leak nothing."""

import gzip
import json
import shutil
import socket

import pb_call
import one_two
import pb_serve
from harness import LIVE, Failed, expect
from proxy import Proxy, read, read_to_end, reset

CAPTURES = LIVE.parent / "captures" / "22.4.0-py3"
VALGRIND = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible"]

# What ends a connection at once, after a client's right beginning or in its place.
BEGINNING = bytes.fromhex("02827062" "028013870681")
NONSENSE = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nobody\r\n"
                       b"Accept: text/html\r\n\r\n",
    "a dialect nobody offered": b"\x05\x82xyzzy",
    "an unknown type byte": BEGINNING + b"\x01\x88",
    "an endless prefix": BEGINNING + b"\x01" * 70,
    "a string past the limit": BEGINNING + b"\x7f\x7f\x7f\x7f\x82",
    "a list past the limit": BEGINNING + b"\x7f\x7f\x7f\x7f\x80",
    "lists in lists without end": BEGINNING + b"\x01\x80" * 100000,
    "no list": BEGINNING + b"\x01\x81",
    "a word out of the table": BEGINNING + b"\x7f\x87",
    "another version": bytes.fromhex("02827062" "028013870781"),
}


def valgrind(build):
    """What to put before a program; libtool, for some are wrapped in its scripts."""
    if shutil.which(VALGRIND[0]):
        return [build / "libtool", "--mode=execute", *VALGRIND]
    print("valgrind is missing: our side runs without it")
    return []


def sample(total, count):
    """Numbers from 0 to total - 1, evenly, the first and the last among them."""
    return sorted({round(i * (total - 1) / (count - 1)) for i in range(count)})


def length(stage, server_port, run):
    """How many bytes both sides of a conversation with that server have together."""
    proxy = Proxy(stage, server_port)
    run(proxy.port)
    return proxy.total


# ---- our clients, each in a run of its own ----

def call_is_cut(stage, port, cut, rough, under):
    proxy = Proxy(stage, port, cut=cut, rough=rough)
    words = [f"localhost:{proxy.port}", "getTwo", "then", "three", "12"]
    status, out, err = pb_call.call(stage, *words, under=under)
    if (status, out) not in ((3, ""), (0, "[1, 2, 3]\n")) or (status == 3) != bool(err):
        raise Failed(f"status {status}, printed {out!r}, errors {err}")


def client_is_cut(stage, port, cut, rough, under):
    proxy = Proxy(stage, port, cut=cut, rough=rough)
    client = stage.c("C client", "examples/one_two_client", proxy.port, under=under)
    status = client.end()
    if status != (1 if client.output("err") else 0):
        raise Failed(f"status {status}")


def clients(report, stage, under):
    server = one_two.start_server(stage, "Twisted")
    port = server.port()
    call_total = length(stage, port, lambda p: pb_call.call(
        stage, f"localhost:{p}", "getTwo", "then", "three", "12"))
    client_total = length(stage, port, lambda p: stage.c(
        "C client", "examples/one_two_client", p).end())
    for name, function, total in (("pb call", call_is_cut, call_total),
                                  ("one_two_client", client_is_cut, client_total)):
        for i, cut in enumerate(sample(total, 8)):
            rough = i % 2 == 1
            what = "broken off" if rough else "ended"
            report.check(f"{name}: {what} after {cut} of {total} bytes", function, port,
                         cut, rough, under, group=stage, seconds=40)


# ---- our servers, each in one run for all that happens to it ----

def replay(stage, port, chunks, cut, rough):
    """Plays a recorded client, up to `cut` bytes of what both sides said."""
    with socket.create_connection(("localhost", port), timeout=stage.left()) as s:
        for who, data in chunks:
            data = data[:cut]
            cut -= len(data)
            if who == "client":
                s.sendall(data)
            elif len(read(s, len(data))) < len(data):
                raise Failed("the server hung up")
            if cut == 0:
                break
        if rough:
            reset(s)


def loses_clients(stage, port, chunks):
    total = sum(len(data) for _, data in chunks)
    for i, cut in enumerate(sample(total, min(total, 300))):
        replay(stage, port, chunks, cut, rough=i % 2 == 1)


def ends_clean(server):
    expect("status of the server", server.terminate(), 0)
    expect("errors of the server", server.output("err"), "")


def serve_loses_clients(stage, under):
    """The conversation has a bit of everything."""
    server = pb_serve.start_serve(stage, under)
    port = server.port()
    proxy = Proxy(stage, port)
    caller = pb_serve.start_caller(stage, proxy.port)
    for line in ("ping", "echo [1,{'a':(2.5,b'x',2**70)}]", "keep ref", "echo mine",
                 "drop", "fail 'no'", "nothing", "add 1", "slow 0.01 [mine]"):
        caller.ask(line)
    caller.kill()
    loses_clients(stage, port, proxy.chunks)
    expect("after all that", pb_serve.start_caller(stage, port).ask("ping"), "'pong'")
    ends_clean(server)


def one_two_server_loses_clients(stage, under):
    server = stage.c("C server", "examples/one_two_server", "0", under=under)
    port = server.port()
    proxy = Proxy(stage, port)
    client = one_two.start_client(stage, "Twisted", proxy.port)
    expect("status of the client", client.end(), 0)
    loses_clients(stage, port, proxy.chunks)
    client = one_two.start_client(stage, "Twisted", port)
    client.find(one_two.CLIENT_SAID[-1])
    ends_clean(server)


def serve_ends_while_calls_wait(stage, under):
    server = pb_serve.start_serve(stage, under)
    caller = pb_serve.start_caller(stage, server.port())
    for _ in range(5):
        caller.say("slow 60 [mine]")
    expect("meanwhile", caller.ask("ping"), "'pong'")
    ends_clean(server)


def recorded_nonsense():
    """What the clients of the captures' raw scenarios sent, by scenario."""
    for path in sorted(CAPTURES.glob("raw_*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            chunks = [json.loads(line) for line in lines]
        yield path.name.split(".")[0], b"".join(
            bytes.fromhex(c["hex"]) for c in chunks if c.get("from") == "client")


def nonsense_touches_nobody_else(stage, under):
    """One client goes on being answered while others are thrown out, or served."""
    server = pb_serve.start_serve(stage, under)
    port = server.port()
    other = pb_serve.start_caller(stage, port)
    streams = [(name, said, True) for name, said in NONSENSE.items()]
    streams += [(name, said, False) for name, said in recorded_nonsense()]
    if len(streams) == len(NONSENSE):
        raise Failed(f"no raw_* captures in {CAPTURES}")
    for name, said, ends_at_once in streams:
        seconds = min(5, stage.left())
        with socket.create_connection(("localhost", port), timeout=seconds) as s:
            try:
                s.sendall(said)
                if not ends_at_once:
                    s.shutdown(socket.SHUT_WR)
                read_to_end(s)
            except TimeoutError:
                raise Failed(f"{name} did not end the connection") from None
            except OSError:
                pass  # it was thrown out before all was sent
        expect(f"the other client after {name}", other.ask("ping"), "'pong'")
    ends_clean(server)


def checks(report):
    under = valgrind(report.build)
    report.group("our clients are cut", clients, under, seconds=120)
    for function in (serve_loses_clients, one_two_server_loses_clients,
                     serve_ends_while_calls_wait, nonsense_touches_nobody_else):
        report.check(function.__name__.replace("_", " "), function, under, seconds=60)
