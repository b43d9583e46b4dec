#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Compares compat with the Python that runs this: random values of all kinds go through
# oracle.c as literals, and must come back as Python's own repr; pairs of values must be
# equal there where they are equal here; floats by the hundred thousand.
import ast
import datetime
import decimal
import os
import random
import struct
import subprocess
import sys
import unicodedata
import warnings

SEED = int(os.environ.get("SEED", "20"))
COUNT = int(os.environ.get("COUNT", "20000"))
ORACLE = os.path.join(os.environ.get("builddir", "."), "compat", "tests", "oracle")
rng = random.Random(SEED)
# Which characters are printable depends on the version that the table was made from.
MAX_CODE = 0x10FFFF if unicodedata.unidata_version == "14.0.0" else 0x24F
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
warnings.simplefilter("ignore")  # of the odder spellings


def ask(lines):
    data = "\n".join(lines) + "\n"
    done = subprocess.run([ORACLE], input=data.encode(), stdout=subprocess.PIPE, check=True)
    answers = done.stdout.decode().split("\n")[:-1]
    assert len(answers) == len(lines), (len(answers), len(lines))
    return answers


failures = 0


def check(lines, wanted):
    global failures
    for line, answer, want in zip(lines, ask(lines), wanted):
        if answer != want:
            failures += 1
            if failures < 20:
                print(f"{line[:300]}\n  gave    {answer[:300]}\n  instead {want[:300]}")


def some_int():
    return rng.choice([-1, 1]) * rng.getrandbits(rng.choice([1, 4, 8, 31, 32, 33, 61, 62,
                                                             63, 64, 65, 100, 448, 2000]))


def some_float():
    kind = rng.randrange(6)
    if kind == 0:
        return struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))[0]
    if kind == 1:
        return float(rng.choice([0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1e16, 1e22,
                                 1e23, 9007199254740992.0, 9007199254740993.0, 1e-4, 1e-5,
                                 float("inf"), float("-inf"), 1.7976931348623157e308]))
    if kind == 2:
        return 2.0 ** rng.randrange(-1074, 1024)
    if kind == 3:
        return rng.randrange(-10**6, 10**6) / 1000
    if kind == 4:
        return float(some_int() >> 1000 if rng.random() < 0.1 else rng.getrandbits(60))
    return rng.uniform(-1, 1) * 10.0 ** rng.randrange(-20, 20)


def some_text():
    def code():
        while True:
            c = rng.choice([rng.randrange(0x80), rng.randrange(0x800), 39, 34, 92,
                            rng.randrange(MAX_CODE + 1)])
            if not 0xD800 <= c < 0xE000 and c <= MAX_CODE:
                return c
    return "".join(chr(code()) for _ in range(rng.choice([0, 1, 2, 5, 20])))


def some_bytes():
    return bytes(rng.choice([rng.randrange(256), rng.randrange(128), 39, 34])
                 for _ in range(rng.choice([0, 1, 3, 10])))


def some_decimal():
    if rng.random() < 0.1:
        return decimal.Decimal(rng.choice(["NaN", "-NaN12", "sNaN", "Infinity", "-Infinity"]))
    digits = tuple(rng.randrange(10) for _ in range(rng.choice([1, 2, 5, 30])))
    exponent = rng.choice([0, -1, -3, -7, 2, 30, rng.randrange(-40, 40)])
    return decimal.Decimal((rng.randrange(2), digits, exponent))


def some_datetime():
    date = datetime.datetime(1, 1, 1) + datetime.timedelta(
        days=rng.randrange(3652059), seconds=rng.choice([0, rng.randrange(86400)]),
        microseconds=rng.choice([0, rng.randrange(10**6)]))
    delta = datetime.timedelta(rng.choice([0, rng.randrange(-10**9 + 2, 10**9 - 1)]),
                               rng.choice([0, rng.randrange(86400)]),
                               rng.choice([0, rng.randrange(10**6)]))
    return rng.choice([date, date.date(), date.time(), delta])


ATOMS = [lambda: None, lambda: rng.random() < 0.5, some_int, some_float, some_text,
         some_bytes, some_decimal, some_datetime]


def some_key(depth):
    if depth > 0 and rng.random() < 0.2:
        return tuple(some_key(depth - 1) for _ in range(rng.randrange(4)))
    if depth > 0 and rng.random() < 0.1:
        return frozenset(some_key(depth - 1) for _ in range(rng.randrange(4)))
    while True:
        key = rng.choice(ATOMS)()
        if not (isinstance(key, decimal.Decimal) and key.is_snan()):
            return key


def some_value(depth):
    kind = rng.randrange(8) if depth > 0 else 99
    length = rng.choice([0, 1, 2, 3, 8, 9, 20])
    if kind == 0:
        return [some_value(depth - 1) for _ in range(length)]
    if kind == 1:
        return tuple(some_value(depth - 1) for _ in range(length))
    if kind == 2:
        return {some_key(depth): some_value(depth - 1) for _ in range(length)}
    if kind == 3:
        return set(some_key(depth) for _ in range(length))
    if kind == 4:
        return frozenset(some_key(depth) for _ in range(length))
    return rng.choice(ATOMS)()


def reprs():
    lines = [repr(some_value(3)) for _ in range(COUNT)]
    check(lines, lines)


def floats():
    numbers = [some_float() for _ in range(COUNT * 5)]
    numbers += [sign * 2.0**e for e in range(-1074, 1024) for sign in (1, -1)]
    numbers += [struct.unpack("<d", struct.pack("<Q", (e << 52) + m))[0]
                for e in range(2047) for m in (1, 2, (1 << 52) - 1)]
    lines = [repr(x) for x in numbers]
    check(lines, lines)
    # Text that is longer than it need be: halfway to the next float, and a little more or
    # less than that.
    lines = []
    with decimal.localcontext() as context:
        context.prec = 1200
        for x in numbers[::5]:
            if x == x and 0 < abs(x) < 1e308:
                half = (decimal.Decimal(x) + decimal.Decimal(next_float(x))) / 2
                sign, digits, exponent = half.as_tuple()
                digits = "-" * sign + "".join(map(str, digits))
                lines += [f"{digits}e{exponent}", f"{digits}1e{exponent - 1}",
                          f"{digits[:-1]}49e{exponent - 1}", f"{x:.25e}", f"{x:.12e}"]
    check(lines, [repr(float(line)) for line in lines])


def next_float(x):
    bits = struct.unpack("<q", struct.pack("<d", x))[0]
    return struct.unpack("<d", struct.pack("<q", bits + 1))[0]


def number_pair():
    i = some_int() >> rng.choice([0, 0, 300, 1900])
    x = rng.choice([i, some_float(), float(rng.getrandbits(60)), True, False,
                    rng.randrange(100), rng.randrange(-8, 8) / 8])
    if isinstance(x, float) and (x != x or abs(x) == float("inf")):
        return x, decimal.Decimal(x)
    try:
        y = rng.choice([int, float, decimal.Decimal, lambda v: decimal.Decimal(repr(v)),
                        lambda v: decimal.Decimal(int(v)) * 100,
                        lambda v: int(v) + 1])(x)
    except (OverflowError, decimal.InvalidOperation):
        y = x
    if isinstance(y, decimal.Decimal) and rng.random() < 0.5:
        sign, digits, exponent = y.as_tuple()
        y = decimal.Decimal((sign, digits + (0,) * 3, exponent - 3))
    return x, y


def shuffled(v):
    """An equal value, its sets and dicts in another order, its numbers of other types."""
    if isinstance(v, (list, tuple)):
        return type(v)(shuffled(x) for x in v)
    if isinstance(v, (set, frozenset)):
        items = [shuffled(x) for x in v]
        rng.shuffle(items)
        return rng.choice([set, frozenset])(items) if isinstance(v, set) else frozenset(items)
    if isinstance(v, dict):
        items = [(shuffled(k), shuffled(x)) for k, x in v.items()]
        rng.shuffle(items)
        return dict(items)
    if isinstance(v, int) and rng.random() < 0.5 and abs(v) < 2**53:
        return rng.choice([float, decimal.Decimal])(v)
    return v


def reads_back(v):
    """v as its literal reads it: one order for sets, other objects for nan."""
    text = repr(v)
    names = {"inf": float("inf"), "nan": float("nan"), "datetime": datetime,
             "Decimal": decimal.Decimal, "set": set, "frozenset": frozenset}
    return text, eval(text, names)


def equals():
    lines, wanted = [], []

    def add(a, b):
        x, a = reads_back(a)
        y, b = reads_back(b)
        try:
            want = str(a == b)
        except decimal.InvalidOperation:
            want = "False"  # Python refuses to compare a signalling NaN
        lines.append(x + "\t" + y)
        wanted.append(want)

    with decimal.localcontext() as context:
        context.prec = 2000
        for _ in range(COUNT):
            add(*number_pair())
        for _ in range(COUNT):
            v = some_value(3)
            add(v, shuffled(v))
            add(v, some_value(1))
    check(lines, wanted)


# What Python reads, and what it refuses.
SPELLINGS = r"""
0 00 0_0 0x_fF 0XfF 0o17 0O_17 0b101 0B1 1_000 1__0 1_ _1 012 0_1 0x 0b2 0o8 0xg 1abc 1if2
1. .5 1.5e3 1E5 1e+5 1e-5 1e 1e+ 1e_5 1_0.2_5e1_0 1_.5 1._5 012.5 00e1 0e0 1.5.2 . 1e400
1e-400 -0 -0.0 - 1 +1 --1 -+1 - +5 -'a' 1j 1.5J True true None none False ... inf()
'' "" 'a' "a'" 'a"' '\'' '\a\b\f\n\r\t\v\\' '\x41\101\7\0' '\400' b'\400' '\q' b'\q'
'\u0041\U0001F600' '\u12' '\U00110000' '\x4' '\N{DASH}' b'\u0041' r'\x41' R'\'' rb'\x41'
bR'\x' BR'\x' br"\"" u'a' U'a' ur'a' bu'a' rbr'a' b'é' 'é' rb'é' 'a' 'a'"b" b'a' b"b" 'a' b'b'
'''a''' '''a'b''c''' \"\"\"a"b\"\"\" ''''a''' '''a'''' '''a '''' '' 'a [] [1] [1,] [,] [1,,2]
[1 2] [ () (1) (1,) ((1),) (,) (1, 2) ( {} {1} {1,} {1:2} {1:2,} {1:2,3} {1,2:3} {1:} {:1} {,}
{1:2 3} {[1]} {[]:1} {(1,[])} {1:2,1.0:3} {1,1.0,True} [[[]]] ) ] } 1) [1) (1] set() set([])
frozenset() frozenset({1}) foo foo.bar "abc" 'abc\' 1,2 1;2 # [1]# lambda 0_ 1e1_ 0x1_ 0x1__1
0777 0o 0b 0_x1 1_e5 5__0.0 {1: {2: [3, (4,)]}} ({(): frozenset()},) {'a': 1, 'b': 2, 'a': 3}
"""


def spellings():
    lines, wanted = [], []
    words = SPELLINGS.replace('\\"\\"\\"', '"""').split("\n")
    candidates = set(words)
    for line in words:
        parts = line.split(" ")
        candidates.update(parts)
        candidates.update(a + " " + b for a, b in zip(parts, parts[1:]))
    for text in sorted(candidates):
        if not text.strip():
            continue
        try:
            names = {"set": set, "frozenset": frozenset}
            tree = ast.parse(text.strip(), mode="eval")
            if any(isinstance(n, ast.Name) and n.id not in names for n in ast.walk(tree)):
                raise ValueError("a name")
            value = eval(compile(tree, "", "eval"), names)
            want = repr(value)
            plain = not any(isinstance(n, (ast.BinOp, ast.Compare, ast.Subscript, ast.Starred,
                                           ast.Attribute)) for n in ast.walk(tree))
            signs = sum(isinstance(n, ast.UnaryOp) for n in ast.walk(tree))
            bare = isinstance(tree.body, ast.Tuple) and text.strip()[:1] != "("
            if not plain or bare or signs > 1 or "#" in text or "..." in text or "j" in text.lower():
                want = None
        except Exception:
            want = None
        lines.append(text)
        wanted.append(want)
    global failures
    for line, answer, want in zip(lines, ask(lines), wanted):
        if answer != want and not (want is None and answer.startswith("error ")):
            failures += 1
            print(f"{line}\n  gave    {answer}\n  instead {want}")


def main():
    for part in (spellings, reprs, floats, equals):
        part()
    print(f"{failures} differences")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
