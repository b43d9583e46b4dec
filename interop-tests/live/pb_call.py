# SPDX-License-Identifier: MIT
"""`pb call`, against Twisted, against `pb serve`, and against what is neither."""

import contextlib
import gzip
import json
import re
import socket
import tempfile

import one_two
import values
from harness import LIVE, NOTHING, Failed, expect
from proxy import ScriptedServer, read, read_to_end

CAPTURE = LIVE.parent / "captures" / "20.3.0-py2" / "arguments.jsonl.gz"
REMOTE_ERROR = r"pb: twisted\.spread\.pb\.Error: "


def call(stage, *words, under=()):
    """Runs pb call: its status, and what it printed."""
    pb = stage.c("pb call", "tools/pb", "call", *words, under=under)
    return pb.end(), pb.output(), pb.output("err")


def gives(stage, words, status, out="", err=""):
    """out is the whole of its output, err a pattern for the whole of its errors."""
    got_status, got_out, got_err = call(stage, *words)
    fits = re.fullmatch(err, got_err, re.DOTALL)
    if got_status != status or got_out != out or not fits:
        raise Failed(f"pb call {' '.join(words)}: status {got_status}, "
                     f"printed {got_out!r}, errors {got_err!r}")


# What Twisted's service is asked: a name for it, the words, and what comes of them.
SERVICE_ROWS = [
    ("positional and keyword arguments", ["all", "1", "two", "x=3", "y=[4]", "z==z"], 0,
     "[(1, 'two'), {'x': 3, 'y': [4], 'z': '=z'}]\n"),
    ("no literal is text", ["all", "[1,", "", "a b", "nan="], 0,
     "[('[1,', '', 'a b'), {'nan': ''}]\n"),
    ("a reference", ["ref"], 0, "<RemoteReference 1>\n"),
    ("then, and then again", ["ref", "then", "ref", "then", "add", "1", "2.5"], 0,
     "3.5\n"),
    ("then on what is no reference", ["echo", "1", "then", "ping"], 2, "",
     "pb: echo answered int, which has no method ping\n"),
    ("a failure", ["fail", "not today"], 1, "", REMOTE_ERROR + "not today\n"),
    ("a failure without a text", ["fail", ""], 1, "", REMOTE_ERROR + "\n"),
    ("a failure of two lines", ["fail", "one\ntwo"], 1, "", REMOTE_ERROR + "one\ntwo\n"),
    ("a failure of the service's own class", ["refuse", "a", "2"], 1, "",
     r"pb: __main__\.Refused: \('a', 2\)\n"),
    ("a failure with a key", ["key"], 1, "", "pb: builtins.KeyError: '\u00e9'\n"),
    ("a failure that comes later", ["later"], 1, "",
     "pb: builtins.ZeroDivisionError: integer division or modulo by zero\n"),
    ("--traceback", ["--traceback", "later"], 1, "",
     "pb: builtins.ZeroDivisionError: .*Traceback .*, in .*ZeroDivisionError.*"),
    ("no such method", ["nothing"], 1, "",
     r"pb: twisted\.spread\.flavors\.NoSuchMethod: No such method: remote_nothing\n"),
    ("wrong arguments", ["add", "1"], 1, "",
     r"pb: builtins\.TypeError: .*remote_add.*\n"),
    ("an instance of a class that is not allowed", ["point"], 3, "",
     r"pb: Module __main__ not allowed \(in type __main__\.Point\)\.\n"),
    ("an instance of a class that --allow lets in",
     ["--json", "--allow", "__main__.*", "point"], 0,
     '{"instance": "__main__.Point", "state": {"dict": '
     '[[{"str": "x"}, {"int": "1"}], [{"str": "y"}, {"int": "2"}]]}}\n'),
    ("what the server cannot send", ["unsendable"], 0,
     "Unpersistable(\"Unpersistable data: b'instance of class builtins.object deemed "
     "insecure'\")\n"),
    ("--timeout", ["--timeout", "0.3", "never"], 4, "", "pb: .*not answered in time\n"),
    ("a time-out that is not needed", ["--timeout", "20", "slow", "0.1", "1"], 0, "1\n"),
    ("--json", ["--json", "make", "twice"], 0,
     '{"list": [{"list": [{"str": "shared"}], "id": 1}, {"ref": 1}, '
     '{"tuple": [{"ref": 1}]}]}\n'),
]

USAGE = [[], ["localhost:1"], ["nonsense", "ping"], ["localhost:0", "ping"],
         ["localhost:65536", "ping"], ["tcp:localhost", "ping"], ["smoke:x", "ping"],
         ["--nonsense", "localhost:1", "ping"], ["--timeout", "x", "localhost:1", "ping"],
         ["--timeout", "-1", "localhost:1", "ping"], ["--timeout"],
         ["--allow", "(", "localhost:1", "ping"], ["localhost:1", "ping", "then"],
         ["localhost:1", "add", "a=1", "a=2"]]


def with_endpoint(words, endpoint):
    """The words of a row with the endpoint behind its options."""
    at = 0
    while at < len(words) and words[at].startswith("--"):
        at += 2 if words[at] in ("--timeout", "--allow") else 1
    return [*words[:at], endpoint, *words[at:]]


def row(stage, endpoint, words, *outcome):
    gives(stage, with_endpoint(words, endpoint), *outcome)


def echoes_literals(stage, endpoint, server):
    """Both sides print what Python would; the server no more than 300 characters."""
    for literal in values.LITERALS:
        wanted = repr(values.of(literal))
        gives(stage, [endpoint, "echo", literal], 0, wanted + "\n")
        expect("the server saw", server.find("echo was given (.*)")[1], wanted[:300])


def makes_values(stage, endpoint):
    for name, make in values.MADE.items():
        gives(stage, [endpoint, "make", name], 0, repr(make()) + "\n")


def json_is_json(stage, endpoint):
    """One line that Python's json reads, for every kind of value."""
    status, out, err = call(stage, "--json", endpoint, "all", *values.LITERALS)
    expect("status and errors", (status, err), (0, ""))
    expect("lines", out.count("\n"), 1)
    args = json.loads(out)["list"][0]["tuple"]
    expect("count of values", len(args), len(values.LITERALS))
    expect("some of them", args[:4], [None, True, False, {"int": "0"}])


def against_service(report, stage, name, way):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1", "unsafe")
    endpoint = f"localhost:{way(stage, server.port())}"

    def check(what, function, *args):
        report.check(f"{name}: pb call: {what}", function, endpoint, *args, group=stage)

    check("values of every kind", echoes_literals, server)
    check("values without a literal", makes_values)
    check("--json for values of every kind", json_is_json)
    for what, *rest in SERVICE_ROWS:
        check(what, row, *rest)


def what_security_refuses(stage):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1", "strict")
    endpoint = f"localhost:{server.port()}"
    gives(stage, [endpoint, "echo", "(1,)"], 0, "(1,)\n")
    gives(stage, [endpoint, "echo", "[1]"], 1, "",
          r"pb: twisted\.spread\.jelly\.InsecureJelly: b'list'\n")


def seeds_own(stage, way):
    server = one_two.start_server(stage, "Twisted")
    endpoint = f"localhost:{way(stage, server.port())}"
    gives(stage, [endpoint, "getTwo", "then", "three", "12"], 0, "[1, 2, 3]\n")
    expect("the server said", server.line(), "One.getTwo, handing out my two")
    expect("the server said", server.line(), "Two.three was given 12")
    server.find(f"connection closed, still kept: {NOTHING}")


def against_serve(stage, way):
    """Ours against ours."""
    server = stage.c("pb serve", "tools/pb", "serve", "tcp:0")
    endpoint = f"localhost:{way(stage, server.port())}"
    for literal in values.LITERALS:
        gives(stage, [endpoint, "echo", literal], 0, repr(values.of(literal)) + "\n")
    gives(stage, [endpoint, "ref", "then", "add", "1", "2"], 0, "3\n")
    gives(stage, [endpoint, "fail", "no"], 1, "", REMOTE_ERROR + "no\n")
    gives(stage, ["--timeout", "0.3", endpoint, "slow", "60", "1"], 4, "", "pb: .*\n")
    expect("status of the server", server.terminate(), 0)


def over_a_unix_socket(stage):
    with tempfile.TemporaryDirectory() as folder:
        theirs = stage.twisted("service", "peers/service.py", f"unix:{folder}/theirs")
        theirs.find("listening on .*")
        gives(stage, [f"unix:{folder}/theirs", "add", "1", "2"], 0, "3\n")
        ours = stage.c("pb serve", "tools/pb", "serve", f"unix:{folder}/ours")
        ours.find("listening on .*")
        gives(stage, [f"unix:{folder}/ours", "add", "1", "2"], 0, "3\n")
        caller = stage.twisted("caller", "peers/caller.py", f"unix:{folder}/ours")
        expect("the caller said", [caller.line(), caller.ask("add 1 2")], ["ready", "3"])


def wrong_usage(stage):
    for words in USAGE:
        gives(stage, words, 2, "", "pb: [^\n]+\n")


def nobody_listens(stage):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        gives(stage, [f"127.0.0.1:{port}", "ping"], 3, "", "pb: .*connection refused\n")
    gives(stage, ["unix:/nonexistent/socket", "ping"], 3, "", "pb: .*no such file.*\n")


def a_server_speaks_http(stage):
    said = (b"HTTP/1.1 400 Bad Request\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    server = ScriptedServer(stage, lambda c: c.sendall(said))
    gives(stage, [f"localhost:{server.port}", "ping"], 3, "",
          "pb: .* speaks no Perspective Broker: [^\n]+\n")
    server.done()


def a_server_is_silent(stage):
    """First at once, then once it has named its dialects."""
    for said in b"", bytes.fromhex("02800282706204826e6f6e65"):
        server = ScriptedServer(stage, lambda c: (c.sendall(said), read_to_end(c)))
        gives(stage, ["--timeout", "0.4", f"localhost:{server.port}", "ping"], 4, "",
              "pb: [^\n]+\n")


def a_server_hangs_up(stage):
    server = ScriptedServer(stage, lambda c: None)
    gives(stage, [f"localhost:{server.port}", "ping"], 3, "", "pb: [^\n]+\n")


def a_server_dies(stage):
    server = stage.twisted("service", "peers/service.py", "tcp:0:interface=127.0.0.1")
    pb = stage.c("pb call", "tools/pb", "call", f"localhost:{server.port()}", "never")
    server.find("never will answer")
    server.kill()
    expect("status", pb.end(), 3)
    if not re.fullmatch("pb: .*connection.*\n", pb.output("err")):
        raise Failed(f"its errors are {pb.output('err')!r}")


def python2(stage):
    """The bytes that a Python 2 client once sent for the seventh call of a capture, with
    the number of the request made one, and what Python 2 answered."""
    with gzip.open(CAPTURE, "rt", encoding="utf-8") as lines:
        chunks = [json.loads(line) for line in lines][1:-1]
    said = [(c["from"], bytes.fromhex(c["hex"])) for c in chunks]
    seventh = next(i for i, (_, data) in enumerate(said)
                   if data.startswith(b"\x07\x80\x1a\x87\x07\x81"))
    call_and_answer = [(who, data.replace(b"\x07\x81", b"\x01\x81", 1))
                       for who, data in said[seventh:seventh + 2]]

    def script(connection):
        for who, data in said[:3] + call_and_answer:
            if who == "server":
                connection.sendall(data)
            else:
                expect("pb sent", read(connection, len(data)), data)

    server = ScriptedServer(stage, script)
    gives(stage, ["--python2", f"localhost:{server.port}", "many", "one=1"], 0,
          "[0, [b'one']]\n")
    server.done()


def checks(report, name, way):
    report.check(f"{name}: pb call getTwo then three 12", seeds_own, way)
    report.group(f"{name}: pb call", against_service, name, way)
    report.check(f"{name}: pb call against pb serve", against_serve, way)


def lonely_checks(report):
    """Those that gain nothing by a proxy."""
    for function in (what_security_refuses, over_a_unix_socket, wrong_usage,
                     nobody_listens, a_server_speaks_http, a_server_is_silent,
                     a_server_hangs_up, a_server_dies, python2):
        report.check(f"pb call: {function.__name__.replace('_', ' ')}", function)
