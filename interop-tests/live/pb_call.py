# SPDX-License-Identifier: MIT
"""Checks of `pb call` with Twisted servers, with `pb serve`, and with servers that do not
speak Perspective Broker or close the connection."""

import contextlib
import gzip
import json
import re
import socket
import tempfile

import one_two
import values
from harness import EMPTY_COUNTS, LIVE, Failed, expect
from proxy import ScriptedServer, receive, receive_to_end

CAPTURE = LIVE.parent / "captures" / "20.3.0-py2" / "arguments.jsonl.gz"
REMOTE_ERROR = r"pb: twisted\.spread\.pb\.Error: "


def call(stage, *words, wrapper=()):
    """Runs pb call; returns its exit status, standard output and standard error."""
    pb = stage.c("pb call", "tools/pb", "call", *words, wrapper=wrapper)
    return pb.end(), pb.output(), pb.output("err")


def expect_call(stage, words, status, out="", err=""):
    """Runs pb call, and compares its exit status and its output. `err` is a pattern for
    all of standard error."""
    got_status, got_out, got_err = call(stage, *words)
    matches = re.fullmatch(err, got_err, re.DOTALL)
    if got_status != status or got_out != out or not matches:
        raise Failed(f"pb call {' '.join(words)}: status {got_status}, "
                     f"printed {got_out!r}, errors {got_err!r}")


# Calls of peers/service.py: the name of the check, the words without the endpoint, the
# exit status, standard output and a pattern for standard error.
SERVICE_ROWS = [
    ("positional and keyword arguments", ["all", "1", "two", "x=3", "y=[4]", "z==z"], 0,
     "[(1, 'two'), {'x': 3, 'y': [4], 'z': '=z'}]\n"),
    ("text that is not a literal", ["all", "x[1,", "", "a b", "nan="], 0,
     "[('x[1,', '', 'a b'), {'nan': ''}]\n"),
    ("what begins like a literal", ["all", "[1,"], 2, "", r"pb: \[1,: .*as text: .*"),
    ("a reference", ["ref"], 0, "<RemoteReference 1>\n"),
    ("then, twice", ["ref", "then", "ref", "then", "add", "1", "2.5"], 0, "3.5\n"),
    ("then after another answer than a reference", ["echo", "1", "then", "ping"], 2, "",
     "pb: echo returned int, which has no method ping\n"),
    ("a failure", ["fail", "not today"], 1, "", REMOTE_ERROR + "not today\n"),
    ("a failure without a text", ["fail", ""], 1, "", REMOTE_ERROR + "\n"),
    ("a failure of two lines", ["fail", "one\ntwo"], 1, "", REMOTE_ERROR + r"one\\ntwo" + "\n"),
    ("a failure of the service's own class", ["refuse", "a", "2"], 1, "",
     r"pb: __main__\.Refused: \('a', 2\)\n"),
    ("a failure with a key", ["key"], 1, "", "pb: builtins.KeyError: '\u00e9'\n"),
    ("a failure after a delay", ["later"], 1, "",
     "pb: builtins.ZeroDivisionError: division by zero\n"),
    ("--traceback", ["--traceback", "later"], 1, "",
     "pb: builtins.ZeroDivisionError: .*Traceback .*, in .*ZeroDivisionError.*"),
    ("a missing method", ["nothing"], 1, "",
     r"pb: twisted\.spread\.flavors\.NoSuchMethod: No such method: remote_nothing\n"
     "    nobody is logged in: .*\n"),
    ("wrong arguments", ["add", "1"], 1, "",
     r"pb: builtins\.TypeError: .*remote_add.*\n"),
    ("an instance of a class that is not allowed", ["point"], 3, "",
     r"pb: refused by the taster: Module __main__ not allowed \(in type "
     r"__main__\.Point\)\.\n    to accept it, as data: --allow '__main__\(\\\.Point\)\?'\n"),
    ("an instance of a class that --allow allows",
     ["--json=typed", "--allow", "__main__.*", "point"], 0,
     '{"instance": "__main__.Point", "state": {"dict": '
     '[[{"str": "x"}, {"int": "1"}], [{"str": "y"}, {"int": "2"}]]}}\n'),
    ("an answer that the server cannot send", ["unsendable"], 0,
     "Unpersistable(\"Unpersistable data: b'instance of class builtins.object deemed "
     "insecure'\")\n"),
    ("--timeout", ["--timeout", "2", "never"], 4, "", "pb: .*not answered in time\n"),
    ("an answer before --timeout", ["--timeout", "20", "slow", "0.1", "1"], 0, "1\n"),
    ("--json=typed", ["--json=typed", "make", "shared_list"], 0,
     '{"list": [{"list": [{"str": "shared"}], "id": 1}, {"ref": 1}, '
     '{"tuple": [{"ref": 1}]}]}\n'),
]

WRONG_USAGE = [[], ["localhost:1"], ["nonsense", "ping"], ["localhost:0", "ping"],
         ["localhost:65536", "ping"], ["tcp:localhost", "ping"], ["smoke:x", "ping"],
         ["--nonsense", "localhost:1", "ping"], ["--timeout", "x", "localhost:1", "ping"],
         ["--timeout", "-1", "localhost:1", "ping"], ["--timeout"],
         ["--allow", "(", "localhost:1", "ping"], ["localhost:1", "ping", "then"],
         ["localhost:1", "add", "a=1", "a=2"]]


def with_endpoint(words, endpoint):
    """The words of a row with the endpoint inserted after the options."""
    at = 0
    while at < len(words) and words[at].startswith("--"):
        at += 2 if words[at] in ("--timeout", "--allow") else 1
    return [*words[:at], endpoint, *words[at:]]


def check_row(stage, endpoint, words, *outcome):
    expect_call(stage, with_endpoint(words, endpoint), *outcome)


def word(literal):
    """The word of a command line that stands for a literal."""
    return f"float('{literal}')" if re.fullmatch("-?(inf|nan)", literal) else literal


def echo_literals(stage, endpoint, server):
    """Both sides print the repr of each value; the server prints up to 300 characters."""
    for literal in values.LITERALS:
        wanted = repr(values.parse(literal))
        expect_call(stage, [endpoint, "echo", word(literal)], 0, wanted + "\n")
        printed = server.find("echo was given (.*)")[1]
        expect("the server printed", printed, wanted[:300])


def fetch_made_values(stage, endpoint):
    for name, make in values.MADE.items():
        expect_call(stage, [endpoint, "make", name], 0, repr(make()) + "\n")


def print_json(stage, endpoint):
    """--json=typed prints one line of valid JSON for values of every kind."""
    words = map(word, values.LITERALS)
    status, out, err = call(stage, "--json=typed", endpoint, "all", *words)
    expect("status and errors", (status, err), (0, ""))
    expect("lines", out.count("\n"), 1)
    args = json.loads(out)["list"][0]["tuple"]
    expect("count of values", len(args), len(values.LITERALS))
    expect("some of them", args[:4], [None, True, False, {"int": "0"}])


def service_checks(report, stage, name, route):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1",
                           "unsafe")
    endpoint = f"localhost:{route(stage, server.port())}"

    def check(title, function, *args):
        report.check(f"{name}: pb call: {title}", function, endpoint, *args, group=stage)

    check("values of every kind", echo_literals, server)
    check("values without a literal", fetch_made_values)
    check("--json=typed for values of every kind", print_json)
    for title, *rest in SERVICE_ROWS:
        check(title, check_row, *rest)


def a_type_that_the_server_rejects(stage):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1",
                           "strict")
    endpoint = f"localhost:{server.port()}"
    expect_call(stage, [endpoint, "echo", "(1,)"], 0, "(1,)\n")
    expect_call(stage, [endpoint, "echo", "[1]"], 1, "",
                r"pb: twisted\.spread\.jelly\.InsecureJelly: b'list'\n")


def call_one_two(stage, route):
    server = one_two.start_server(stage, "Twisted")
    endpoint = f"localhost:{route(stage, server.port())}"
    expect_call(stage, [endpoint, "getTwo", "then", "three", "12"], 0, "[1, 2, 3]\n")
    expect("the server printed", server.line(), "One.getTwo, handing out my two")
    expect("the server printed", server.line(), "Two.three was given 12")
    server.find(f"connection closed, still kept: {EMPTY_COUNTS}")


def call_pb_serve(stage, route):
    server = stage.c("pb serve", "tools/pb", "serve", "tcp:0")
    endpoint = f"localhost:{route(stage, server.port())}"
    for literal in values.LITERALS:
        printed = repr(values.parse(literal)) + "\n"
        expect_call(stage, [endpoint, "echo", word(literal)], 0, printed)
    expect_call(stage, [endpoint, "ref", "then", "add", "1", "2"], 0, "3\n")
    expect_call(stage, [endpoint, "fail", "no"], 1, "", REMOTE_ERROR + "no\n")
    expect_call(stage, ["--timeout", "2", endpoint, "slow", "60", "1"], 4, "",
                "pb: .*\n")
    expect("status of the server", server.terminate(), 0)


def over_a_unix_socket(stage):
    with tempfile.TemporaryDirectory() as folder:
        twisted = stage.twisted("service", "peers/service.py", f"unix:{folder}/twisted")
        twisted.find("listening on .*")
        expect_call(stage, [f"unix:{folder}/twisted", "add", "1", "2"], 0, "3\n")
        pb = stage.c("pb serve", "tools/pb", "serve", f"unix:{folder}/pb")
        pb.find("listening on .*")
        expect_call(stage, [f"unix:{folder}/pb", "add", "1", "2"], 0, "3\n")
        caller = stage.twisted("caller", "peers/caller.py", f"unix:{folder}/pb")
        expect("the caller printed", [caller.line(), caller.ask("add 1 2")],
               ["ready", "3"])


def wrong_usage(stage):
    for words in WRONG_USAGE:
        expect_call(stage, words, 2, "", "pb: [^\n]+\n(    [^\n]*\n)*")


def no_server_listens(stage):
    with contextlib.closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        expect_call(stage, [f"127.0.0.1:{port}", "ping"], 3, "",
                    "pb: .*connection refused\n")
    expect_call(stage, ["unix:/nonexistent/socket", "ping"], 3, "",
                "pb: .*no such file.*\n")


def a_server_speaks_http(stage):
    response = (b"HTTP/1.1 400 Bad Request\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    server = ScriptedServer(stage, lambda c: c.sendall(response))
    expect_call(stage, [f"localhost:{server.port}", "ping"], 3, "",
                "pb: .* (speaks HTTP, not|does not speak) Perspective Broker.*\n")
    server.finish()


def a_server_sends_nothing(stage):
    """A server that sends nothing at all, then one that sends its dialects only."""
    for sent in b"", bytes.fromhex("02800282706204826e6f6e65"):
        server = ScriptedServer(stage, lambda c: (c.sendall(sent), receive_to_end(c)))
        expect_call(stage, ["--timeout", "0.4", f"localhost:{server.port}", "ping"], 4,
                    "", "pb: [^\n]+\n")


def a_server_closes_the_connection(stage):
    server = ScriptedServer(stage, lambda c: None)
    expect_call(stage, [f"localhost:{server.port}", "ping"], 3, "", "pb: [^\n]+\n")


def a_server_is_killed(stage):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1")
    pb = stage.c("pb call", "tools/pb", "call", f"localhost:{server.port()}", "never")
    server.find("never was called")
    server.kill()
    expect("status", pb.end(), 3)
    if not re.fullmatch("pb: .*connection.*\n", pb.output("err")):
        raise Failed(f"its errors are {pb.output('err')!r}")


def python2(stage):
    """Plays a Python 2 server from a capture: the negotiation, then the seventh call with
    1 for its request number, and the answer. pb call has to send the bytes that the
    captured Python 2 client sent."""
    with gzip.open(CAPTURE, "rt", encoding="utf-8") as lines:
        chunks = [json.loads(line) for line in lines][1:-1]
    captured = [(c["from"], bytes.fromhex(c["hex"])) for c in chunks]
    seventh = next(i for i, (_, data) in enumerate(captured)
                   if data.startswith(b"\x07\x80\x1a\x87\x07\x81"))
    call_and_answer = [(sender, data.replace(b"\x07\x81", b"\x01\x81", 1))
                       for sender, data in captured[seventh:seventh + 2]]

    def script(connection):
        for sender, data in captured[:3] + call_and_answer:
            if sender == "server":
                connection.sendall(data)
            else:
                expect("pb sent", receive(connection, len(data)), data)

    server = ScriptedServer(stage, script)
    expect_call(stage, ["--python2", f"localhost:{server.port}", "many", "one=1"], 0,
                "[0, [b'one']]\n")
    server.finish()


def checks(report, name, route):
    report.check(f"{name}: pb call getTwo then three 12", call_one_two, route)
    report.group(f"{name}: pb call", service_checks, name, route)
    report.check(f"{name}: pb call with pb serve", call_pb_serve, route)


def direct_checks(report):
    """The checks that run without a proxy only."""
    for function in (a_type_that_the_server_rejects, over_a_unix_socket, wrong_usage,
                     no_server_listens, a_server_speaks_http, a_server_sends_nothing,
                     a_server_closes_the_connection, a_server_is_killed, python2):
        report.check(f"pb call: {function.__name__.replace('_', ' ')}", function)
