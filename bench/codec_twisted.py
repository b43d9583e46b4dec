# SPDX-License-Identifier: MIT
"""`pb bench codec` in Twisted: prints the same lines.

usage: codec_twisted.py FILE

The input is read in chunks of 64 KiB, as Twisted's transports read it.
"""
import sys
import time

from twisted.spread import banana, jelly

SECONDS = 2.0


def receiver():
    b = banana.Banana()
    b.setPrefixLimit(64)
    b.currentDialect = b"pb"
    return b


def decode(data):
    got = []
    b = receiver()
    b.expressionReceived = got.append
    for at in range(0, len(data), 65536):
        b.dataReceived(data[at:at + 65536])
    return jelly.unjelly(got[0])


def encode(value):
    out = []
    receiver()._encode(jelly.jelly(value), out.append)
    return b"".join(out)


def count(value):
    if isinstance(value, dict):
        return 1 + sum(count(k) + count(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return 1 + sum(map(count, value))
    return 1


def measure(name, size, values, work, arg):
    rounds, start = 0, time.monotonic()
    while time.monotonic() - start < SECONDS:
        result = work(arg)
        rounds += 1
    rate = rounds / (time.monotonic() - start)
    print(f"{name} {size * rate / 1e6:.3f} MB/s")
    print(f"{name} {values * rate:.0f} values/s")
    return result


def main(path):
    with open(path, "rb") as f:
        data = f.read()
    values = count(decode(data))
    value = measure("decode", len(data), values, decode, data)
    assert measure("encode", len(data), values, encode, value) == data


if __name__ == "__main__":
    main(sys.argv[1])
