# SPDX-License-Identifier: MIT
"""Compares how Twisted and libpb parse random endpoint strings.

    endpoints.py PROGRAM [--strings N] [--seed SEED]

PROGRAM is parse, which runs libpb. libpb has to reject a string that Twisted rejects. If
Twisted accepts a string, libpb has to find the same values; it may reject the string only
if a value is empty, out of range or given twice. It has to report an error at the offset
where the wrong part begins. Prints the seed.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import time

from twisted.internet import endpoints
from twisted.internet.testing import MemoryReactor

# The types of endpoints: role, name, parameters in Twisted's order, the number of
# parameters that may be positional, and the number of required ones.
TYPES = [
    ("client", "tcp", ["host", "port", "timeout", "bindAddress"], 2, 2),
    ("client", "unix", ["path", "timeout", "lockfile"], 1, 1),
    ("client", "ssl", ["host", "port", "timeout", "bindAddress", "certKey", "privateKey",
                       "caCertsDir", "hostname"], 2, 2),
    ("client", "tls", ["host", "port", "timeout", "bindAddress", "certificate",
                       "privateKey", "trustRoots"], 7, 2),
    ("server", "tcp", ["port", "interface", "backlog"], 3, 1),
    ("server", "tcp6", ["port", "backlog", "interface"], 3, 1),
    ("server", "unix", ["address", "mode", "backlog", "lockfile"], 4, 1),
    ("server", "ssl", ["port", "privateKey", "certKey", "interface", "backlog",
                       "extraCertChain"], 3, 1),
]
RANGES = {"port": (0, 65535), "timeout": (1, 86400), "backlog": (1, 65535),
          "lockfile": (0, 1)}
VALID = {"port": ["1", "8787", "65535", "080"], "timeout": ["1", "30", "086400"],
         "backlog": ["1", "50", "65535"], "lockfile": ["0", "1"],
         "mode": ["600", "0777", "7"]}
UNUSUAL = ["", "0", "-1", "+7", " 7", "7 ", "65536", "99999999999999999999", "7x", "x",
           "1_0", "0x10", "8", "1000", "²"]
TEXTS = ["a", "localhost", "127.0.0.1", "::1", "a:b", "a\\b", "a=b", "=", "=a", ":", "\\",
         "a b", "/tmp/x", "C:\\key.pem", "é", "a[b]", "\\:", "tcp"]


# ---- Twisted ----

def bind_host(address):
    """The host of a bindAddress: newer versions of Twisted have a pair with a port."""
    return address[0] if isinstance(address, tuple) else address


class HostStub:
    """Keeps the arguments of a HostnameEndpoint, which would validate the host."""

    def __init__(self, reactor, host, port, timeout, bindAddress):
        self.arguments = {"host": host, "port": port, "timeout": timeout,
                          "bindAddress": bind_host(bindAddress)}


def file_parameters(certificate, key, roots):
    """The parameters that name files and are given. Twisted ignores a key without a
    certificate."""
    found = {"certificate": certificate, "privateKey": certificate and key,
             "trustRoots": roots}
    return {name: value for name, value in found.items() if value is not None}


def parse_client_ssl(keywords):
    files = file_parameters(
        *(keywords.pop(n, None) for n in ("certKey", "privateKey", "caCertsDir")))
    keywords["sslContextFactory"] = {"hostname": keywords.pop("hostname", None), **files}
    return keywords


def parse_server_ssl(factory, port, privateKey="server.pem", certKey=None, sslmethod=None,
                     interface="", backlog=50, extraCertChain=None, dhParameters=None):
    files = {"certificate": certKey, "privateKey": privateKey, "chain": extraCertChain}
    return (int(port), factory, files), {"interface": interface, "backlog": int(backlog)}


def stub_tls():
    """Replaces Twisted's functions that read files by stubs that return the files'
    names."""
    endpoints._privateCertFromPaths = lambda certificate, key: (certificate, key)
    endpoints._parseTrustRootPath = lambda path: path
    endpoints._parseClientSSLOptions = parse_client_ssl
    endpoints._serverParsers["ssl"] = parse_server_ssl
    endpoints._idnaBytes = str
    endpoints.HostnameEndpoint = HostStub
    endpoints.optionsForClientTLS = (
        lambda host, trustRoot, clientCertificate:
        file_parameters(*clientCertificate, trustRoot))
    endpoints.wrapClientTLS = lambda files, host: {**host.arguments, **files}


def parse_client(text):
    e = endpoints.clientFromString(MemoryReactor(), text)
    if isinstance(e, dict):
        return e
    if isinstance(e, endpoints.UNIXClientEndpoint):
        return {"path": e._path, "timeout": e._timeout, "lockfile": int(e._checkPID)}
    found = {"host": e._host, "port": e._port, "timeout": e._timeout,
             "bindAddress": bind_host(e._bindAddress)}
    if isinstance(e, endpoints.SSL4ClientEndpoint):
        found.update(e._sslContextFactory)
    return found


def parse_server(text):
    e = endpoints.serverFromString(MemoryReactor(), text)
    if isinstance(e, endpoints.UNIXServerEndpoint):
        return {"path": e._address, "mode": e._mode, "backlog": e._backlog,
                "lockfile": int(e._wantPID)}
    found = {"host": e._interface, "port": e._port, "backlog": e._backlog}
    if isinstance(e, endpoints.SSL4ServerEndpoint):
        found.update(e._sslContextFactory)
    return found


def parse_with_twisted(role, text):
    """The values in an endpoint; None if Twisted rejects it."""
    try:
        return (parse_client if role == "client" else parse_server)(text)
    except Exception:  # Twisted raises exceptions of many classes
        return None


# ---- libpb ----

def parse_with_libpb(program, cases):
    """The line that the program prints for each case."""
    lines = "".join(f"{role} {text}\n" for role, text in cases)
    done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode().splitlines()


def parse_line(line):
    """The values in a line of the program."""
    found = {}
    for word in line.split()[1:]:
        name, _, value = word.partition("=")
        number = name in ("port", "timeout", "backlog", "mode", "lockfile")
        found[name] = int(value) if number else bytes.fromhex(value).decode()
    return found


def find_differences(role, theirs, ours):
    """The values that differ, except for defaults."""
    defaults = {"timeout": (30, 0), "backlog": (50, 1024), "mode": (0o666, -1),
                "lockfile": (1 if role == "server" else 0, 0),
                "privateKey": ("server.pem", None), "host": ("", "::"),
                "certificate": (None, ours.get("privateKey"))}
    found = []
    for name, value in theirs.items():
        own = ours.get(name)
        if value != own and (value, own) != defaults.get(name):
            found.append(f"{name} is {value!r} for Twisted and {own!r} for libpb")
    return found


# ---- Strings ----

def quote(rng, text, special=":\\"):
    """Quotes the special characters, and some others."""
    return "".join("\\" + c if c in special or rng.random() < 0.03 else c for c in text)


def random_value(rng, name, unusual):
    if unusual and rng.random() < 0.5:
        return rng.choice(UNUSUAL)
    return rng.choice(VALID.get(name, TEXTS))


def random_endpoint(rng, unusual):
    """The role and the text of an endpoint, and whether all its values are valid."""
    role, kind, names, positional, needed = rng.choice(TYPES)
    chosen = names[:needed] + [n for n in names[needed:] if rng.random() < 0.4]
    bare = rng.randrange(positional + 1)
    parts, values = [], []
    for i, name in enumerate(names):
        if i < bare and i < len(chosen) and chosen[i] == name:
            v = random_value(rng, name, unusual)
            parts.append(quote(rng, v, ":\\="))
            values.append((name, v))
        else:
            break
    rest = [n for n in chosen if n not in dict(values)]
    rng.shuffle(rest)
    for name in rest:
        v = random_value(rng, name, unusual)
        at = rng.randrange(len(parts) + 1)
        parts.insert(at, f"{name}={quote(rng, v)}")
        values.append((name, v))
    valid = all(is_valid(role, name, v) for name, v in values)
    return role, ":".join([kind] + parts), valid


def is_valid(role, name, v):
    if name == "mode":
        return re.fullmatch("[0-7]+", v) is not None and int(v, 8) <= 0o777
    if name in RANGES:
        least, most = RANGES[name]
        least += name == "port" and role == "client"
        return re.fullmatch("[0-9]+", v) is not None and least <= int(v) <= most
    return v != ""


def mutate(rng, role, text):
    """Removes, inserts and doubles characters; the result may be invalid."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = (text[:at] + rng.choice([":", "=", "\\", "x", "7", ""])
                + text[at + rng.randrange(2):])
    return role, text, False


def part_offsets(text):
    """The offsets at which the parts begin, in bytes."""
    found, quoted = [0], False
    for i, c in enumerate(text.encode()):
        if not quoted and c == ord(":"):
            found.append(i + 1)
        quoted = not quoted and c == ord("\\")
    return found


def add_unknown_parameter(rng, role, text):
    """The endpoint with an unknown parameter, and the offset of that."""
    part = rng.choice(["nonsense=1", "no\\:nsense=1:port=7"])
    offsets = part_offsets(text)[1:]
    if not offsets:
        return None
    at = rng.choice(offsets)
    raw = text.encode()
    return role, (raw[:at] + part.encode() + b":" + raw[at:]).decode(), at


# ---- Comparison ----

def compare(role, text, valid, line):
    """The differences between Twisted's result and the program's line."""
    theirs = parse_with_twisted(role, text)
    if line.startswith("error "):
        _, offset, _ = line.split(" ", 2)
        length = len(text.encode())
        found = []
        if theirs is not None and valid:
            found.append(f"Twisted accepts it: {theirs}")
        if int(offset) not in part_offsets(text) + [length, length - 1]:
            found.append("the error is not where a part begins")
        return found
    if theirs is None:
        return ["Twisted rejects it"]
    return find_differences(role, theirs, parse_line(line))


def is_extension(role, text):
    """Whether only libpb accepts such a string: it has an address in brackets, no type,
    "hostname" with tls, or positional values that libpb assigns to the next parameter
    because an earlier one is given by name."""
    try:
        args, keywords = endpoints._parse(text)
    except (RuntimeError, UnicodeError):  # it ends with "\", or a name is not in ASCII
        return False
    names = [n for r, kind, n, *_ in TYPES if args and (r, kind) == (role, args[0])]
    return (not names or re.search(r"[:=]\\?\[", text) is not None
            or (args[0] == "tls" and "hostname" in keywords)
            or ((role == "server" or args[0] == "tls")
                and any(n in keywords for n in names[0][:len(args) - 1])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--strings", type=int, default=2000)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("SEED", time.time())))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    stub_tls()
    cases = []
    while len(cases) < options.strings:
        case = random_endpoint(rng, unusual=len(cases) % 2)
        case = mutate(rng, *case[:2]) if len(cases) % 5 == 0 else case
        if "\n" not in case[1] and not is_extension(*case[:2]):
            cases.append(case)
    unknown = [add_unknown_parameter(rng, *c[:2]) for c in cases if c[2]]
    unknown = [case for case in unknown if case]
    lines = parse_with_libpb(options.program, [c[:2] for c in cases + unknown])
    failed = accepted = 0
    for case, line in zip(cases, lines):
        accepted += not line.startswith("error ")
        for difference in compare(*case, line):
            failed += 1
            print(f"{case[0]} {case[1]!r}: {difference}; {line}")
    for (role, text, at), line in zip(unknown, lines[len(cases):]):
        if not line.startswith(f"error {at} unknown parameter "):
            failed += 1
            print(f"{role} {text!r}: an unknown parameter at {at}; {line}")
    print(f"{len(cases)} strings, {accepted} accepted; {len(unknown)} strings with an "
          f"unknown parameter; {failed} failed")
    if accepted < len(cases) // 4 or accepted > len(cases) * 9 // 10:
        sys.exit("too few or too many strings were accepted")
    sys.exit(failed > 0)


main()
