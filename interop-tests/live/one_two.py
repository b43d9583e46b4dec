# SPDX-License-Identifier: MIT
"""The example of Twisted's Perspective Broker documentation, with either end in either
language."""

from harness import NOTHING, expect

SERVER_SAID = ["One.getTwo, handing out my two", "Two.three was given 12",
               "One.checkTwo, it is my two"]
CLIENT_SAID = [r"getTwo\(\) answered <?RemoteReference.*",
               r"three\(12\) answered \[1, 2, 3\]", r"checkTwo\(two\) answered True"]


def start_server(stage, language):
    if language == "C":
        return stage.c("C server", "examples/one_two_server", "0")
    return stage.twisted("Twisted server", "peers/one_two_server.py",
                         "tcp:0:interface=127.0.0.1")


def start_client(stage, language, port):
    if language == "C":
        return stage.c("C client", "examples/one_two_client", port)
    return stage.twisted("Twisted client", "peers/one_two_client.py", f"tcp:localhost:{port}")


def converse(stage, server_language, client_language, way):
    """What the example says, on both sides."""
    server = start_server(stage, server_language)
    client = start_client(stage, client_language, way(stage, server.port()))
    for pattern in CLIENT_SAID:
        client.find(pattern)
    expect("status of the client", client.end(), 0)
    expect("the server said", [server.line() for _ in SERVER_SAID], SERVER_SAID)
    if server_language == "Twisted":
        server.find(f"connection closed, still kept: {NOTHING}")
    expect("status of the server", server.terminate(), 0)
    expect("errors of the client", client.output("err"), "")


def checks(report, name, way):
    for server, client in ("Twisted", "C"), ("C", "Twisted"), ("C", "C"):
        report.check(f"{name}: one_two, {server} serves, {client} calls",
                     converse, server, client, way)
