# SPDX-License-Identifier: MIT
"""Checks with peers that close the connection at any point, or that send invalid data.
Our side runs under valgrind, if it is installed; it has to end with the right status,
without memory errors and leaks."""

import gzip
import json
import shutil
import socket

import pb_call
import one_two
import pb_serve
from harness import LIVE, Failed, expect
from proxy import Proxy, receive, receive_to_end, reset_on_close

CAPTURES = LIVE.parent / "captures" / "22.4.0-py3"
VALGRIND = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible"]

# Data after which a server closes the connection at once. A client's valid beginning is
# the choice of the dialect and a version message.
BEGINNING = bytes.fromhex("02827062" "028013870681")
INVALID = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nobody\r\n"
                       b"Accept: text/html\r\n\r\n",
    "a dialect that was not offered": b"\x05\x82xyzzy",
    "an unknown type byte": BEGINNING + b"\x01\x88",
    "a prefix that is too long": BEGINNING + b"\x01" * 70,
    "a string above the limit": BEGINNING + b"\x7f\x7f\x7f\x7f\x82",
    "a list above the limit": BEGINNING + b"\x7f\x7f\x7f\x7f\x80",
    "lists that are nested too deep": BEGINNING + b"\x01\x80" * 100000,
    "a message that is not a list": BEGINNING + b"\x01\x81",
    "a number that is not in the vocabulary": BEGINNING + b"\x7f\x87",
    "another version": bytes.fromhex("02827062" "028013870781"),
}


def valgrind(build):
    """The words before a program that run it under valgrind. Some of our programs are
    scripts of libtool, which libtool resolves."""
    if shutil.which(VALGRIND[0]):
        return [build / "libtool", "--mode=execute", *VALGRIND]
    print("valgrind is missing: our side runs without it")
    return []


def sample(total, count):
    """Evenly spaced numbers from 0 to total - 1, both included."""
    return sorted({round(i * (total - 1) / (count - 1)) for i in range(count)})


def count_bytes(stage, server_port, run):
    """The number of bytes that both sides of a conversation with the server send."""
    proxy = Proxy(stage, server_port)
    run(proxy.port)
    return proxy.total


# ---- Clients of libpb: one process for each connection ----

def cut_pb_call(stage, port, cut, reset, wrapper):
    proxy = Proxy(stage, port, cut=cut, reset=reset)
    words = [f"localhost:{proxy.port}", "getTwo", "then", "three", "12"]
    status, out, err = pb_call.call(stage, *words, wrapper=wrapper)
    if (status, out) not in ((3, ""), (0, "[1, 2, 3]\n")) or (status == 3) != bool(err):
        raise Failed(f"status {status}, printed {out!r}, errors {err}")


def cut_client(stage, port, cut, reset, wrapper):
    proxy = Proxy(stage, port, cut=cut, reset=reset)
    client = stage.c("C client", "examples/one_two_client", proxy.port, wrapper=wrapper)
    status = client.end()
    if status != (1 if client.output("err") else 0):
        raise Failed(f"status {status}")


def client_checks(report, stage, wrapper):
    server = one_two.start_server(stage, "Twisted")
    port = server.port()
    call_total = count_bytes(stage, port, lambda p: pb_call.call(
        stage, f"localhost:{p}", "getTwo", "then", "three", "12"))
    client_total = count_bytes(stage, port, lambda p: stage.c(
        "C client", "examples/one_two_client", p).end())
    for name, function, total in (("pb call", cut_pb_call, call_total),
                                  ("one_two_client", cut_client, client_total)):
        for i, cut in enumerate(sample(total, 8)):
            reset = i % 2 == 1
            end = "reset" if reset else "closed"
            report.check(f"{name}: {end} after {cut} of {total} bytes", function, port,
                         cut, reset, wrapper, group=stage, seconds=40)


# ---- Servers of libpb: one process for all connections of a check ----

def play_client(stage, port, chunks, cut, reset):
    """Plays a recorded client, up to `cut` bytes, counted over both directions."""
    seconds = stage.seconds_left()
    with socket.create_connection(("localhost", port), timeout=seconds) as s:
        for sender, data in chunks:
            data = data[:cut]
            cut -= len(data)
            if sender == "client":
                s.sendall(data)
            elif len(receive(s, len(data))) < len(data):
                raise Failed("the server closed the connection")
            if cut == 0:
                break
        if reset:
            reset_on_close(s)


def play_cut_clients(stage, port, chunks):
    total = sum(len(data) for _, data in chunks)
    for i, cut in enumerate(sample(total, min(total, 300))):
        play_client(stage, port, chunks, cut, reset=i % 2 == 1)


def expect_clean_end(server):
    expect("status of the server", server.terminate(), 0)
    expect("errors of the server", server.output("err"), "")


def pb_serve_loses_clients(stage, wrapper):
    """The recorded conversation has messages of all kinds."""
    server = pb_serve.start_serve(stage, wrapper)
    port = server.port()
    proxy = Proxy(stage, port)
    caller = pb_serve.start_caller(stage, proxy.port)
    for line in ("ping", "echo [1,{'a':(2.5,b'x',2**70)}]", "keep ref", "echo mine",
                 "drop", "fail 'no'", "nothing", "add 1", "slow 0.01 [mine]"):
        caller.ask(line)
    caller.kill()
    play_cut_clients(stage, port, proxy.chunks)
    expect("after that", pb_serve.start_caller(stage, port).ask("ping"), "'pong'")
    expect_clean_end(server)


def one_two_server_loses_clients(stage, wrapper):
    server = stage.c("C server", "examples/one_two_server", "0", wrapper=wrapper)
    port = server.port()
    proxy = Proxy(stage, port)
    client = one_two.start_client(stage, "Twisted", proxy.port)
    expect("status of the client", client.end(), 0)
    play_cut_clients(stage, port, proxy.chunks)
    client = one_two.start_client(stage, "Twisted", port)
    client.find(one_two.CLIENT_PATTERNS[-1])
    expect_clean_end(server)


def pb_serve_ends_with_pending_calls(stage, wrapper):
    server = pb_serve.start_serve(stage, wrapper)
    caller = pb_serve.start_caller(stage, server.port())
    for _ in range(5):
        caller.send_line("slow 60 [mine]")
    expect("with pending calls", caller.ask("ping"), "'pong'")
    expect_clean_end(server)


def captured_invalid_data():
    """The names of the captures' raw scenarios, each with the data that its client
    sent."""
    for path in sorted(CAPTURES.glob("raw_*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            chunks = [json.loads(line) for line in lines]
        yield path.name.split(".")[0], b"".join(
            bytes.fromhex(c["hex"]) for c in chunks if c.get("from") == "client")


def invalid_data_affects_no_other_client(stage, wrapper):
    """One client is still answered after each connection with invalid data."""
    server = pb_serve.start_serve(stage, wrapper)
    port = server.port()
    other = pb_serve.start_caller(stage, port)
    streams = [(name, data, True) for name, data in INVALID.items()]
    streams += [(name, data, False) for name, data in captured_invalid_data()]
    if len(streams) == len(INVALID):
        raise Failed(f"no raw_* captures in {CAPTURES}")
    for name, data, closes_at_once in streams:
        seconds = min(5, stage.seconds_left())
        with socket.create_connection(("localhost", port), timeout=seconds) as s:
            try:
                s.sendall(data)
                if not closes_at_once:
                    s.shutdown(socket.SHUT_WR)
                receive_to_end(s)
            except TimeoutError:
                raise Failed(f"{name}: the connection was not closed") from None
            except OSError:
                pass  # the server closed the connection before all data was sent
        expect(f"the other client after {name}", other.ask("ping"), "'pong'")
    expect_clean_end(server)


def checks(report):
    wrapper = valgrind(report.build)
    report.group("clients whose connection is cut", client_checks, wrapper, seconds=120)
    for function in (pb_serve_loses_clients, one_two_server_loses_clients,
                     pb_serve_ends_with_pending_calls,
                     invalid_data_affects_no_other_client):
        report.check(function.__name__.replace("_", " "), function, wrapper, seconds=60)
