"""Reads the public headers: what make-api and make-man make their pages of.

A comment belongs to the declaration right under it. One that stands alone is text; of the
form `---- Calling ----` it is the heading of a group. `x_unref` under `x_ref`, and `x_steal`
under `x`, may share the comment of the one above."""

import collections
import pathlib
import re

# kind: function, callback, struct, enum, type, macro, heading or text.
Item = collections.namedtuple("Item", "line comment code name kind members")
# The declarations (one or more) that a comment in a struct or an enum describes.
Member = collections.namedtuple("Member", "names code comment")
Header = collections.namedtuple("Header", "name about groups")
# entries: lists of items that share the comment of their first.
Group = collections.namedtuple("Group", "title text entries")

HEADING = re.compile(r"-+ (.*?) -+")


class Malformed(Exception):
    """A header that cannot be read."""


def plain(comment):
    """A comment's text, without its marks."""
    text = re.sub(r"^/\*|\*/$", "", comment.strip())
    return re.sub(r"^[ \t]*\* ?", "", text, flags=re.M).strip()


def without_comments(code):
    return re.sub(r"/\*.*?\*/", "", code, flags=re.S)


def kind_and_name(code):
    code = without_comments(code)
    if code.startswith("#define"):
        return "macro", re.match(r"#define (\w+)", code)[1]
    found = re.match(r"(?:PB_API|static inline)\b.*?\b(pb_\w+)\(", code, re.S)
    if found:
        return "function", found[1]
    found = re.search(r"\(\*(\w+)\)\(", code) if "{" not in code else None
    if found:
        return "callback", found[1]
    found = re.search(r"(\w+)\s*;\s*$", code)
    name = found[1] if found else ""
    if "{" not in code:
        return "type", name
    return ("enum" if re.match(r"(typedef )?enum\b", code) else "struct"), name


# ---- Members of structs and enums ----


def end_of_part(body, start, stop):
    """The place behind a declaration that begins at start; the last one of an enum may be
    ended by a comment."""
    depth = 0
    for i in range(start, len(body)):
        if body[i] in "({[":
            depth += 1
        elif body[i] in ")}]":
            depth -= 1
            if not depth and re.match(r"\)\s*\n", body[i:]) and stop == ",":
                return i + 1  # the rows of a list: MAP(ROW)
        elif body[i] == stop and not depth:
            return i + 1
        elif body.startswith("/*", i) and not depth:
            return i
    return len(body)


def declared_names(code):
    """The names that a member's declaration declares."""
    found = re.search(r"\(\*(\w+)\)\(", code)
    if found:
        return [found[1]]
    code = re.sub(r"\{.*\}|\[.*?\]|:\s*\w+$", "", code, flags=re.S)
    return [m[1] for m in (re.search(r"(\w+)\s*$", p) for p in code.split(",")) if m]


def rows_of(text, macro):
    """The rows of a list such as PB_ERR_MAP: each one's name, and the text in it."""
    found = re.search(rf"^#define {macro}\(\w+\)((?:.*\\\n)*.*)", text, re.M)
    if not found:
        raise Malformed(f"there is no {macro}")
    rows = re.split(r"\bX\((\w+),", found[1])[1:]
    texts = ("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', row)) for row in rows[1::2])
    return list(zip(rows[::2], texts))


def expanded(part, defines, text):
    """Enumerators out of the rows of a list, as MAP(ROW) makes them."""
    macro, row = re.match(r"(\w+)\((\w+)\)", part).groups()
    before = re.search(rf"#define {row}\(.*?\)\s*\\?\s*(\w+?)##", defines)[1]
    return [Member([before + name], [before + name], said)
            for name, said in rows_of(text, macro)]


def next_part(body, start, kind):
    """A declaration that begins at start: its code, and the place behind it."""
    end = end_of_part(body, start, "," if kind == "enum" else ";")
    part = re.sub(r"\s+", " ", without_comments(body[start:end])).rstrip(" ,;")
    return part, end


def members_of(code, kind, text):
    """The members of a struct or an enum, in order. A comment above some is of all up to
    the next comment or empty line; one behind a member is of that alone."""
    body = code[code.index("{") + 1:code.rindex("}")]
    defines = "\n".join(re.findall(r"^\s*#define (?:.*\\\n)*.*", body, re.M))
    body = re.sub(r"^\s*#(?:.*\\\n)*.*", "", body, flags=re.M).rstrip() + "\n"
    members, under, i = [], False, 0
    while body[i:].strip():
        space = re.match(r"\s*", body[i:])[0]
        i += len(space)
        under = under and space.count("\n") < 2
        if body.startswith("/*", i):
            end = body.index("*/", i) + 2
            members.append(Member([], [], plain(body[i:end])))
            under, i = True, end
            continue
        part, i = next_part(body, i, kind)
        behind = re.match(r"[ \t]*(/\*.*?\*/)", body[i:], re.S)
        if re.fullmatch(r"\w+\(\w+\)", part):
            members += expanded(part, defines, text)
            continue
        names = [part.split(" ")[0]] if kind == "enum" else declared_names(part)
        if names == ["reserved"]:
            continue  # room for fields to come
        if behind:
            members.append(Member(names, [part], plain(behind[1])))
            under, i = False, i + behind.end()
        elif under:
            members[-1].names.extend(names)
            members[-1].code.append(part)
        else:
            members.append(Member(names, [part], ""))
    return members


# ---- Headers ----


def declaration_end(lines, start):
    """The line behind a declaration or a function's body."""
    depth = 0
    for i in range(start, len(lines)):
        bare = without_comments(lines[i])
        depth += bare.count("{") - bare.count("}")
        if depth == 0 and (bare.rstrip().endswith(";") or bare.startswith("}")):
            return i + 1
    raise Malformed(f"line {start + 1}: a declaration has no end")


def comment_end(lines, start):
    for i in range(start, len(lines)):
        if "*/" in lines[i]:
            return i + 1
    raise Malformed(f"line {start + 1}: a comment has no end")


def declaration(lines, start, comment, text):
    """The item that begins in a line, and the line behind it."""
    end = start
    if lines[start].startswith("#"):
        while lines[end].endswith("\\"):
            end += 1
        end += 1
    else:
        end = declaration_end(lines, start)
    code = "\n".join(lines[start:end])
    kind, name = kind_and_name(code)
    members = members_of(code, kind, text) if kind in ("struct", "enum") else []
    if code.startswith("static inline"):
        code = code[:code.index("\n{")] + ";"
    return Item(start + 1, comment, code, name, kind, members), end


def items_of(text):
    """A header's items, in order."""
    lines = text.split("\n")
    items, comment, i = [], "", 0

    def alone():
        found = HEADING.fullmatch(comment)
        if comment:
            items.append(Item(i, found[1] if found else comment, "", "",
                              "heading" if found else "text", []))
        return ""

    while i < len(lines):
        line = lines[i]
        if line.startswith("/*"):
            comment, start = alone(), i
            i = comment_end(lines, i)
            comment = plain("\n".join(lines[start:i]))
        elif line.startswith("#") and not re.match(r"#define (?!PB_(?:ADAPTERS_)?\w+_H$)", line):
            comment, i = alone(), i + 1
        elif not line or line in ('extern "C" {', "}") or re.fullmatch(r"struct \w+;", line):
            comment, i = alone(), i + 1
        else:
            item, i = declaration(lines, i, comment, text)
            if item.kind != "macro" or item.name not in {it.name for it in items}:
                items.append(item)
            comment = ""
    alone()
    return items


def shares(item, before):
    """Whether the comment of the one before will do."""
    if not before or item.comment or item.line != before.line + before.code.count("\n") + 1:
        return False
    return item.name in (before.name + "_steal", re.sub("_ref$", "_unref", before.name))


def is_internal(item):
    """A function that an adapter's header needs for itself."""
    return item.code.startswith("static inline") and not item.comment


def grouped(items):
    """A header's first comment, and its groups; the first has no title."""
    about, groups, before = "", [Group("", [], [])], None
    for item in items:
        if item.kind == "heading":
            groups.append(Group(item.comment, [], []))
        elif item.kind == "text" and item.comment.startswith("SPDX"):
            about = re.sub(r"^SPDX.*\n*", "", item.comment)
        elif item.kind == "text":
            groups[-1].text.append(item.comment)
        elif shares(item, before):
            groups[-1].entries[-1].append(item)
        elif not is_internal(item):
            groups[-1].entries.append([item])
        before = item if item.code else None
    return about, [g for g in groups if g.text or g.entries]


def read(top):
    """The headers of the folder pb/ in top, with those of adapters last."""
    folder = pathlib.Path(top) / "pb"
    headers = []
    for path in [*sorted(folder.glob("*.h")), *sorted(folder.glob("adapters/*.h"))]:
        name = path.relative_to(folder).as_posix()
        try:
            about, groups = grouped(items_of(path.read_text(encoding="utf-8")))
        except Malformed as e:
            raise Malformed(f"{path}: {e}") from None
        headers.append(Header(name, about, groups))
    return headers


def exported(top):
    """The functions of the libraries that programs may use."""
    text = (pathlib.Path(top) / "tests" / "exported-symbols.txt").read_text(encoding="utf-8")
    return re.findall(r"^(pb_[a-z]\w*) ", text, re.M)


def signature(item):
    """A declaration as it is shown: without what only the compiler and the linker need."""
    code = re.sub(r"^PB_API ", "", item.code)
    code = re.sub(r"\s+PB_[A-Z_]+\([\d, ]+\);$", ";", code)
    if item.kind != "function":
        return code
    # The parameters that stood under the first one still do.
    return re.sub(r"\n {7}(?= )", "\n", code) if code != item.code else code


def sentence(comment):
    """The first sentence of a comment, in one line."""
    text = re.sub(r"\s+", " ", re.sub(r"(?m)^ {2,}.*$", "", comment)).strip()
    return re.match(r".*?(?:\.(?=\s+[A-Z*`\"(\d]|$)|$)", text)[0]


def paragraphs(comment):
    """A comment's text as ("text", ...) and, for lines that are indented, ("code", ...)."""
    parts, code = [], r"(^ {2,}.*\n?(?:^ {2,}.*\n?|^\n(?= {2,}))*)"
    for i, part in enumerate(re.split(code, comment, flags=re.M)):
        if i % 2:
            lines = part.rstrip().split("\n")
            margin = min(len(line) - len(line.lstrip()) for line in lines if line)
            parts.append(("code", "\n".join(line[margin:] for line in lines)))
        else:
            parts += [("text", p.strip()) for p in re.split(r"\n\s*\n", part) if p.strip()]
    return parts


# ---- What is not documented ----


def faults_of(item, before):
    comment = item.comment
    if not comment:
        return [] if shares(item, before) else ["has no comment"]
    faults = []
    if item.kind != "function":
        return faults
    returned = re.match(r"(?:PB_API|static inline) (.*?)\w+\(", item.code, re.S)[1].strip()
    if returned.endswith("*") and not re.search(
            r"\*?\b[Nn]ew\b|[Bb]orrowed|[Aa]s (?:pb_|it|above)|[Tt]he same|constant"
            r"|returns \w\b", comment):
        faults.append("does not say who owns what it returns")
    if returned == "int" and not re.search(
            r"PB_ERR_|[Rr]eturns|\b0\b|\b[Aa]s (?:pb_|above|in)|[Tt]he same|[Nn]on-zero"
            r"|[Nn]umber|[Pp]ort", comment):
        faults.append("does not say which errors there are")
    return faults


def check(top):
    """Prints what is not documented; how much that is, or 1 where there is no header."""
    faults, paths = 0, sorted((pathlib.Path(top) / "pb").rglob("*.h"))
    for path in paths:
        before = None
        for item in items_of(path.read_text(encoding="utf-8")):
            inline = item.code.startswith("static inline")
            for fault in faults_of(item, before) if item.code and not inline else []:
                print(f"{path.name}:{item.line}: {item.name or item.code} {fault}")
                faults += 1
            before = item if item.code else None
    return faults if paths else 1
