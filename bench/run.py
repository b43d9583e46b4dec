# SPDX-License-Identifier: MIT
"""The benchmarks: libpb and Twisted in the same run, with the ratio of the two.

usage: run.py PB CONNECTIONS [CODEC]

The codecs read and write each corpus of make_corpora.py; CODEC is the program that does
so with msgpack-c and libcbor. Calls go over TCP on this machine: first with both ends on
one core, then with the server on the first core and the client on the second, because the
placement of the processes matters more than their work. """
import contextlib
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 3
CONNECTIONS = 5000


def twisted(script, *args):
    return [sys.executable, os.path.join(HERE, script), *map(str, args)]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def figures(command):
    """The values of the lines NAME VALUE UNIT that a command prints, by (NAME, UNIT)."""
    out = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    lines = (line.split() for line in out.splitlines())
    return {(name, unit): float(value) for name, value, unit in lines}


def compare(title, ours, theirs):
    """Runs both commands in turn, and prints the round whose ratio is the median."""
    rounds = [(figures(ours), figures(theirs)) for _ in range(ROUNDS)]
    for key in rounds[0][0]:
        pairs = sorted((a[key], b[key]) for a, b in rounds)
        pairs.sort(key=lambda p: p[0] / p[1])
        mine, peer = pairs[ROUNDS // 2]
        name, unit = key
        print(f"{title} {name:12}{mine:14.6g} {unit:9} Twisted {peer:12.6g}"
              f"   ratio {mine / peer:.3g}", flush=True)


@contextlib.contextmanager
def server(command):
    """Runs a server, which prints its port in its first line. Gives the port."""
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        try:
            yield process.stdout.readline().strip().rpartition(":")[2]
        finally:
            process.terminate()


def codec(pb, peers, folder):
    subprocess.run(twisted("make_corpora.py", folder), check=True)
    for corpus in ("records", "ints", "blobs"):
        path = os.path.join(folder, corpus + ".banana")
        compare(f"codec {corpus:8}", pinned(0, [pb, "bench", "codec", path]),
                pinned(0, twisted("codec_twisted.py", path)))
        for program in peers:
            print(f"codec {corpus}, compared with others:", flush=True)
            subprocess.run(pinned(0, [program, path]), check=True)


def calls(pb):
    for cores in (1, 2):
        client = cores - 1
        with server(pinned(0, [pb, "serve", "tcp:0:interface=127.0.0.1"])) as ours, \
                server(pinned(0, twisted("calls_twisted.py", "serve"))) as theirs:
            for outstanding in (1, 100):
                compare(f"calls {cores} core, {outstanding:3} in flight",
                        pinned(client, [pb, "bench", "call", f"127.0.0.1:{ours}", "echo",
                                        "1", "--outstanding", str(outstanding)]),
                        pinned(client, twisted("calls_twisted.py", "call", theirs,
                                               outstanding)))


def connections(pb, program):
    """Opens many connections to each server in turn. `raw` answers with constant bytes.
    Each round starts new servers, because a process keeps memory that it had once."""
    servers = {"libpb": [pb, "serve", "tcp:0:interface=127.0.0.1"],
               "raw": [program, "raw"],
               "Twisted": twisted("calls_twisted.py", "serve")}
    rounds = {}
    for _ in range(ROUNDS):
        for name, command in servers.items():
            with subprocess.Popen(pinned(0, command), text=True,
                                  stdout=subprocess.PIPE) as process:
                port = process.stdout.readline().strip().rpartition(":")[2]
                found = figures(pinned(1, [program, port, str(process.pid),
                                           str(CONNECTIONS)]))
                process.terminate()
            for key, value in found.items():
                rounds.setdefault(key, {}).setdefault(name, []).append(value)
    for (what, unit), found in rounds.items():
        middle = {name: sorted(values)[ROUNDS // 2] for name, values in found.items()}
        print(f"{CONNECTIONS} connections, {what:7}", *(
            f"{name} {value:.4g}" for name, value in middle.items()), unit, flush=True)


def main(argv):
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as corpora:
        codec(argv[0], argv[2:], corpora)
    calls(argv[0])
    connections(argv[0], argv[1])


if __name__ == "__main__":
    main(sys.argv[1:])
