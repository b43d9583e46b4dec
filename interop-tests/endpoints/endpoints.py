# SPDX-License-Identifier: MIT
"""Endpoint strings, read by Twisted and by libpb.

    endpoints.py PROGRAM [--strings N] [--seed SEED]

What Twisted refuses, libpb refuses; what Twisted takes means the same to libpb, which may
refuse it only for a value that is empty, out of range or given twice. What is wrong in one
part is reported at the place where that part begins. Prints the seed.
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

# A type: its role, parameters in Twisted's order, how many may stand without their names,
# and how many are needed.
TYPES = [
    ("client", "tcp", ["host", "port", "timeout", "bindAddress"], 2, 2),
    ("client", "unix", ["path", "timeout", "lockfile"], 1, 1),
    ("client", "ssl", ["host", "port", "timeout", "bindAddress", "certKey", "privateKey",
                       "caCertsDir", "hostname"], 2, 2),
    ("client", "tls", ["host", "port", "timeout", "bindAddress", "certificate", "privateKey",
                       "trustRoots"], 7, 2),
    ("server", "tcp", ["port", "interface", "backlog"], 3, 1),
    ("server", "tcp6", ["port", "backlog", "interface"], 3, 1),
    ("server", "unix", ["address", "mode", "backlog", "lockfile"], 4, 1),
    ("server", "ssl", ["port", "privateKey", "certKey", "interface", "backlog",
                       "extraCertChain"], 3, 1),
]
RANGES = {"port": (0, 65535), "timeout": (1, 86400), "backlog": (1, 65535),
          "lockfile": (0, 1)}
PLAIN = {"port": ["1", "8787", "65535", "080"], "timeout": ["1", "30", "086400"],
         "backlog": ["1", "50", "65535"], "lockfile": ["0", "1"], "mode": ["600", "0777", "7"]}
ODD = ["", "0", "-1", "+7", " 7", "7 ", "65536", "99999999999999999999", "7x", "x", "1_0",
       "0x10", "8", "1000", "²"]
TEXTS = ["a", "localhost", "127.0.0.1", "::1", "a:b", "a\\b", "a=b", "=", "=a", ":", "\\",
         "a b", "/tmp/x", "C:\\key.pem", "é", "a[b]", "\\:", "tcp"]


# ---- Twisted ----

class Host:
    """What a HostnameEndpoint is told, which would look at the host as well."""

    def __init__(self, reactor, host, port, timeout, bindAddress):
        self.told = {"host": host, "port": port, "timeout": timeout,
                     "bindAddress": bindAddress}


def of_files(certificate, key, roots):
    """Twisted looks at no key without a certificate."""
    found = {"certificate": certificate, "privateKey": certificate and key,
             "trustRoots": roots}
    return {name: value for name, value in found.items() if value is not None}


def client_options(keywords):
    files = of_files(*(keywords.pop(n, None) for n in ("certKey", "privateKey", "caCertsDir")))
    keywords["sslContextFactory"] = {"hostname": keywords.pop("hostname", None), **files}
    return keywords


def server_options(factory, port, privateKey="server.pem", certKey=None, sslmethod=None,
                   interface="", backlog=50, extraCertChain=None, dhParameters=None):
    files = {"certificate": certKey, "privateKey": privateKey, "chain": extraCertChain}
    return (int(port), factory, files), {"interface": interface, "backlog": int(backlog)}


def stub_tls():
    """Lets what names a file stay that name, in functions of the same signatures."""
    endpoints._privateCertFromPaths = lambda certificate, key: (certificate, key)
    endpoints._parseTrustRootPath = lambda path: path
    endpoints._parseClientSSLOptions = client_options
    endpoints._serverParsers["ssl"] = server_options
    endpoints._idnaBytes = str
    endpoints.HostnameEndpoint = Host
    endpoints.optionsForClientTLS = (
        lambda host, trustRoot, clientCertificate: of_files(*clientCertificate, trustRoot))
    endpoints.wrapClientTLS = lambda files, host: {**host.told, **files}


def read_client(text):
    e = endpoints.clientFromString(MemoryReactor(), text)
    if isinstance(e, dict):
        return e
    if isinstance(e, endpoints.UNIXClientEndpoint):
        return {"path": e._path, "timeout": e._timeout, "lockfile": int(e._checkPID)}
    found = {"host": e._host, "port": e._port, "timeout": e._timeout,
             "bindAddress": e._bindAddress and e._bindAddress[0]}
    if isinstance(e, endpoints.SSL4ClientEndpoint):
        found.update(e._sslContextFactory)
    return found


def read_server(text):
    e = endpoints.serverFromString(MemoryReactor(), text)
    if isinstance(e, endpoints.UNIXServerEndpoint):
        return {"path": e._address, "mode": e._mode, "backlog": e._backlog,
                "lockfile": int(e._wantPID)}
    found = {"host": e._interface, "port": e._port, "backlog": e._backlog}
    if isinstance(e, endpoints.SSL4ServerEndpoint):
        found.update(e._sslContextFactory)
    return found


def read(role, text):
    """What Twisted makes of an endpoint; None where it refuses it."""
    try:
        return (read_client if role == "client" else read_server)(text)
    except Exception:  # of many kinds, as the string has it
        return None


# ---- libpb ----

def ask(program, cases):
    lines = "".join(f"{role} {text}\n" for role, text in cases)
    done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().splitlines()


def understand(line):
    found = {}
    for word in line.split()[1:]:
        name, _, value = word.partition("=")
        number = name in ("port", "timeout", "backlog", "mode", "lockfile")
        found[name] = int(value) if number else bytes.fromhex(value).decode()
    return found


def differences(role, theirs, ours):
    """What differs that both were told; what a default is, is each one's own affair."""
    defaults = {"timeout": (30, 0), "backlog": (50, 1024), "mode": (0o666, -1),
                "lockfile": (1 if role == "server" else 0, 0),
                "privateKey": ("server.pem", None), "host": ("", "::"),
                "certificate": (None, ours.get("privateKey"))}
    found = []
    for name, value in theirs.items():
        own = ours.get(name)
        if value != own and (value, own) != defaults.get(name):
            found.append(f"{name} is {value!r} to Twisted and {own!r} to libpb")
    return found


# ---- Strings ----

def quote(rng, text, special=":\\"):
    """As a value of a string: special ones quoted, and now and then what need not be."""
    return "".join("\\" + c if c in special or rng.random() < 0.03 else c for c in text)


def value(rng, name, odd):
    if odd and rng.random() < 0.5:
        return rng.choice(ODD)
    return rng.choice(PLAIN.get(name, TEXTS))


def make(rng, odd):
    """A string's role and text, and whether all that it says is ordinary."""
    role, kind, names, positional, needed = rng.choice(TYPES)
    chosen = names[:needed] + [n for n in names[needed:] if rng.random() < 0.4]
    bare = rng.randrange(positional + 1)
    parts, values = [], []
    for i, name in enumerate(names):
        if i < bare and i < len(chosen) and chosen[i] == name:
            v = value(rng, name, odd)
            parts.append(quote(rng, v, ":\\="))
            values.append((name, v))
        else:
            break
    rest = [n for n in chosen if n not in dict(values)]
    rng.shuffle(rest)
    for name in rest:
        v = value(rng, name, odd)
        at = rng.randrange(len(parts) + 1)
        parts.insert(at, f"{name}={quote(rng, v)}")
        values.append((name, v))
    ordinary = all(is_ordinary(role, name, v) for name, v in values)
    return role, ":".join([kind] + parts), ordinary


def is_ordinary(role, name, v):
    if name == "mode":
        return re.fullmatch("[0-7]+", v) is not None and int(v, 8) <= 0o777
    if name in RANGES:
        least, most = RANGES[name]
        least += name == "port" and role == "client"
        return re.fullmatch("[0-9]+", v) is not None and least <= int(v) <= most
    return v != ""


def spoil(rng, role, text):
    """Characters taken out, put in and doubled: it may mean something else, or nothing."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = (text[:at] + rng.choice([":", "=", "\\", "x", "7", ""])
                + text[at + rng.randrange(2):])
    return role, text, False


def starts(text):
    """Where parts begin, in bytes."""
    found, quoted = [0], False
    for i, c in enumerate(text.encode()):
        if not quoted and c == ord(":"):
            found.append(i + 1)
        quoted = not quoted and c == ord("\\")
    return found


def misplace(rng, role, text):
    """The string with a part that nobody can take, and where that part begins."""
    part = rng.choice(["nonsense=1", "no\\:nsense=1:port=7"])
    places = starts(text)[1:]
    if not places:
        return None
    at = rng.choice(places)
    raw = text.encode()
    return role, (raw[:at] + part.encode() + b":" + raw[at:]).decode(), at


# ---- All of it ----

def compare(role, text, ordinary, line):
    theirs = read(role, text)
    if line.startswith("error "):
        _, offset, _ = line.split(" ", 2)
        length = len(text.encode())
        found = []
        if theirs is not None and ordinary:
            found.append(f"Twisted takes it: {theirs}")
        if int(offset) not in starts(text) + [length, length - 1]:
            found.append("the error is at no place where a part begins")
        return found
    if theirs is None:
        return ["Twisted refuses it"]
    return differences(role, theirs, understand(line))


def is_ours(role, text):
    """What libpb takes and Twisted does not: an address in brackets, no type, "hostname" of
    tls, and a value that means what is still to be had because another was named."""
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
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", time.time())))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    stub_tls()
    cases = []
    while len(cases) < options.strings:
        case = make(rng, odd=len(cases) % 2)
        case = spoil(rng, *case[:2]) if len(cases) % 5 == 0 else case
        if "\n" not in case[1] and not is_ours(*case[:2]):
            cases.append(case)
    places = [p for p in (misplace(rng, *c[:2]) for c in cases if c[2]) if p]
    said = ask(options.program, [c[:2] for c in cases + places])
    failed = taken = 0
    for case, line in zip(cases, said):
        taken += not line.startswith("error ")
        for what in compare(*case, line):
            failed += 1
            print(f"{case[0]} {case[1]!r}: {what}; {line}")
    for (role, text, at), line in zip(places, said[len(cases):]):
        if not line.startswith(f"error {at} unknown parameter "):
            failed += 1
            print(f"{role} {text!r}: an unknown parameter at {at}; {line}")
    print(f"{len(cases)} strings, {taken} taken, {len(places)} places, {failed} failed")
    if taken < len(cases) // 4 or taken > len(cases) * 9 // 10:
        sys.exit("too few or too many were taken")
    sys.exit(failed > 0)


main()
