# SPDX-License-Identifier: MIT
#
# Writes compat/printable.h: which code points Python prints as they are. Run as
# `python3 compat/printable.py > compat/printable.h` by the Python that repr shall agree
# with.
import sys
import unicodedata

starts = []
printable = False
for code in range(0x80, 0x110000):
    if chr(code).isprintable() != printable:
        printable = not printable
        starts.append(code)

print(f"""/* SPDX-License-Identifier: MIT
 *
 * Made by compat/printable.py from Unicode {unicodedata.unidata_version}: where, from U+0080 on, printable and
 * other code points take turns. The first entry begins the first printable range. */
#ifndef PB__PRINTABLE_H
#define PB__PRINTABLE_H

#include <stdint.h>

/* clang-format off */
static const uint32_t pb__printable_turns[] = {{""")
line = ""
for start in starts:
    entry = f"0x{start:x},"
    if len(line) + len(entry) + 5 > 90:
        print("    " + line.rstrip())
        line = ""
    line += entry + " "
print("    " + line.rstrip())
print("};\n/* clang-format on */\n\n#endif")
