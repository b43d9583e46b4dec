# SPDX-License-Identifier: MIT
"""The example of Twisted's Perspective Broker documentation, with the server and the
client in C or Twisted."""

from harness import EMPTY_COUNTS, expect

SERVER_LINES = ["One.getTwo, handing out my two", "Two.three was given 12",
                "One.checkTwo, it is my two"]
CLIENT_PATTERNS = [r"getTwo\(\) answered <?RemoteReference.*",
                   r"three\(12\) answered \[1, 2, 3\]",
                   r"checkTwo\(two\) answered True"]


def start_server(stage, language):
    if language == "C":
        return stage.c("C server", "examples/one_two_server", "0")
    return stage.twisted("Twisted server", "peers/one_two_server.py",
                         "tcp:0:interface=127.0.0.1")


def start_client(stage, language, port):
    if language == "C":
        return stage.c("C client", "examples/one_two_client", port)
    return stage.twisted("Twisted client", "peers/one_two_client.py",
                         f"tcp:localhost:{port}")


def run(stage, server_language, client_language, route):
    """Runs the example, and checks the output of both sides. `route(stage, port)` is the
    port that the client connects to."""
    server = start_server(stage, server_language)
    client = start_client(stage, client_language, route(stage, server.port()))
    for pattern in CLIENT_PATTERNS:
        client.find(pattern)
    expect("status of the client", client.end(), 0)
    expect("the server printed", [server.line() for _ in SERVER_LINES], SERVER_LINES)
    if server_language == "Twisted":
        server.find(f"connection closed, still kept: {EMPTY_COUNTS}")
    expect("status of the server", server.terminate(), 0)
    expect("errors of the client", client.output("err"), "")


def checks(report, name, route):
    for server, client in ("Twisted", "C"), ("C", "Twisted"), ("C", "C"):
        report.check(f"{name}: one_two, {server} serves, {client} calls",
                     run, server, client, route)
