# SPDX-License-Identifier: MIT
"""Writes the corpora of the codec benchmark, jellied and encoded by Twisted.

usage: make_corpora.py FOLDER

records: 10,000 dicts of int, str, float, list, bool and None. ints: 100,000 ints of all
sizes in nested lists. blobs: 200 byte strings of 64 KiB. Every run writes the same.
"""
import os
import random
import sys

from twisted.spread import banana, jelly

WORDS = [
    a + b
    for a in "ba ce di fo gu ha je ki lo mu na pe ri so tu".split()
    for b in "lan mer tik von ros dy".split()
]


def records(rnd):
    for i in range(10000):
        label = f"{rnd.choice(WORDS)} {rnd.choice(WORDS)} {rnd.randrange(100000)}"
        yield {
            "serial": rnd.getrandbits(rnd.choice((7, 14, 31, 31, 45))),
            "label": label + " \u00fc\u4e16" if i % 12 == 0 else label,
            "weight": rnd.gauss(100, 30),
            "parts": [rnd.choice(WORDS) for _ in range(rnd.randrange(6))],
            "ready": rnd.random() < 0.5,
            "remark": None,
        }


def ints(rnd):
    left = 100000
    while left:
        rows = []
        while left and len(rows) < 12:
            n = min(left, rnd.randint(1, 40))
            left -= n
            rows.append([rnd.getrandbits(rnd.randint(1, 63)) * rnd.choice((1, 1, -1))
                         for _ in range(n)])
        yield rows


def blobs(rnd):
    for _ in range(200):
        yield rnd.randbytes(65536)


def encode(value):
    """The jellied value in banana, dialect pb."""
    out = bytearray()
    b = banana.Banana()
    b.setPrefixLimit(64)
    b.currentDialect = b"pb"
    b._encode(jelly.jelly(value), out.extend)
    return bytes(out)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for corpus in (records, ints, blobs):
        with open(os.path.join(folder, corpus.__name__ + ".banana"), "wb") as f:
            f.write(encode(list(corpus(random.Random(corpus.__name__)))))


if __name__ == "__main__":
    main(sys.argv[1])
