"""What the pages of the documentation have in common: the frame, links on names of the API
wherever they stand, marks in code, and what can be searched for."""

import collections
import html
import json
import os
import re

# An entry of the index: its name, kind and address, a sentence, and other words to find it by.
Entry = collections.namedtuple("Entry", "name kind url sentence words")

WORDS_OF_C = """auto bool break case char const constexpr continue default do double else enum
extern false float for goto if int int64_t long namespace nullptr public return short signed
size_t sizeof static struct switch template true try catch throw typedef uint8_t uint64_t
uint16_t union unsigned using void while NULL"""
WORDS_OF_PYTHON = """and as assert async await break class continue def del elif else except
False finally for from global if import in is lambda None nonlocal not or pass raise return
True try while with yield"""
NAME = r"(?P<name>\b(?:pb/[\w/]+\.h\b|[Pp][Bb]_\w+(?:\.\w+)?))"


def language(comment, text, words):
    words = "|".join(words.split())
    return re.compile(rf"(?P<comment>{comment})|(?P<string>{text})|{NAME}"
                      rf"|(?P<keyword>^[ \t]*#[ ]*(?:include|define|ifdef|ifndef|if|endif)\b"
                      rf"|\b(?:{words})\b)", re.S | re.M)


QUOTED = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
LANGUAGES = {
    "c": language(r"/\*.*?\*/|//[^\n]*", QUOTED, WORDS_OF_C),
    "python": language(r"#[^\n]*", r'""".*?"""|' + QUOTED, WORDS_OF_PYTHON),
    "console": re.compile(r"(?P<command>^\$ (?:[^\n]*\\\n> )*[^\n]*)", re.M),
    "": re.compile(NAME),
}
LANGUAGES["cpp"] = LANGUAGES["c"]


def escape(text):
    return html.escape(text, quote=False)


def slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


class Site:
    """The folder that the pages are written to."""

    def __init__(self, folder, assets):
        self.folder = folder
        self.assets = assets
        self.where = {}  # names of the API, and of headers, to their place
        self.entries = []
        self.menu = []  # what the head of each page leads to: (text, place)

    def href(self, target, page):
        """A place of the site as seen from a page."""
        path, _, anchor = target.partition("#")
        path = "" if path == page else os.path.relpath(path, os.path.dirname(page) or ".")
        return escape(path + ("#" + anchor if anchor else ""))

    def name(self, name, page):
        """A name of the API as a link, if it is one."""
        known = next((n for n in (name, name.partition(".")[0]) if n in self.where), None)
        if not known:
            return escape(name)
        return (f'<a href="{self.href(self.where[known], page)}">{escape(known)}</a>'
                + escape(name[len(known):]))

    def code(self, text, page, kind="", own=()):
        """Code with its marks and links; the names in own are where one is."""
        def mark(match):
            what, part = match.lastgroup, match[0]
            if what == "name":
                return f"<b>{part}</b>" if part in own else self.name(part, page)
            return f'<span class="{what}">{escape(part)}</span>'

        out, end = [], 0
        for match in LANGUAGES.get(kind, LANGUAGES[""]).finditer(text):
            out += [escape(text[end:match.start()]), mark(match)]
            end = match.end()
        return "".join(out) + escape(text[end:])

    def inline(self, text, page):
        """A comment's text: `code`, *emphasis*, and names of the API."""
        def mark(match):
            if match[1]:
                return f"<code>{self.code(match[1], page)}</code>"
            if match[2]:
                return f"<em>{escape(match[2])}</em>"
            linked = self.name(match[0], page)
            return f"<code>{linked}</code>"

        pattern = r"`([^`\n]+)`|(?<![\w*])\*(\w(?:[\w ]*\w)?)\*(?!\w)|" + NAME
        out, end = [], 0
        for match in re.finditer(pattern, text):
            out += [escape(text[end:match.start()]), mark(match)]
            end = match.end()
        return "".join(out) + escape(text[end:])

    def find(self, name, kind, url, sentence, words=""):
        """Lets something be found."""
        flat = re.sub(r"\s+", " ", re.sub(r"[`*]", "", sentence)).strip()
        words = re.sub(r"[^\w.]+", " ", words).strip()
        self.entries.append(Entry(name, kind, url, flat, words))

    def write(self, page, title, body, contents=""):
        """Writes a page. contents: the list for its side, in HTML."""
        root = "../" * page.count("/")
        menu = "".join(f'<a href="{self.href(place, page)}">{text}</a>'
                       for text, place in self.menu)
        side = (f'<details class="side"><summary>On this page</summary>{contents}</details>'
                if contents else "")
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{root}style.css">
<script src="{root}entries.js" defer></script>
<script src="{root}search.js" data-root="{root}" defer></script>
</head><body class="{slug(page.removesuffix('.html').rpartition('/')[2])}">
<header><nav><a class="home" href="{root}index.html">libpb</a>{menu}</nav>
<div class="search" role="search"><input type="search" id="search" placeholder="Search ( / )"
 aria-label="Search" role="combobox" aria-expanded="false" aria-controls="found"
 autocomplete="off" spellcheck="false"><ol id="found" role="listbox" hidden></ol></div>
</header>
<div class="columns">{side}<main>
{body}</main></div></body></html>
""", encoding="utf-8")

    def copy(self, source, place):
        """Copies a file, such as a picture, to a place of the site."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())

    def finish(self):
        """Writes what the pages use."""
        rows = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
                          for entry in self.entries)
        (self.folder / "entries.js").write_text(f"const entries = [\n{rows}\n];\n",
                                                encoding="utf-8")
        for name in ("style.css", "search.js"):
            (self.folder / name).write_text((self.assets / name).read_text(encoding="utf-8"),
                                            encoding="utf-8")
