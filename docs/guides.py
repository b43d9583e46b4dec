"""The documents of the tree, which are in Markdown, as pages of the site."""

import html
import posixpath
import re
import shutil
import subprocess

from pages import escape, slug

COMMONMARK = "cmark-gfm"


class NoRenderer(Exception):
    """What makes HTML of Markdown is not there."""


def to_html(text):
    if not shutil.which(COMMONMARK):
        raise NoRenderer(f"{COMMONMARK} is missing, which makes HTML of Markdown: "
                         f"apt-get install {COMMONMARK}")
    return subprocess.run([COMMONMARK, "--full-info-string", "--extension", "table"],
                          input=text, capture_output=True, text=True, check=True,
                          encoding="utf-8").stdout


def text_of(markup):
    """What a reader sees of a piece of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


class Guide:
    """One document. Its page stands where the document stands in the tree."""

    def __init__(self, top, path, site):
        self.top, self.path, self.site = top, path, site
        self.page = re.sub(r"\.md$", ".html", path)
        self.html = to_html((top / path).read_text(encoding="utf-8"))
        self.links = []  # documents and sources that it leads to, as paths in the tree
        self.headings = []  # (level, anchor, text)
        self.anchor_headings()
        self.html = re.sub(r'<a href="([^"]*)">(.*?)</a>', self.find_link, self.html,
                           flags=re.S)
        self.images = re.findall(r'<img src="([^":]*)"', self.html)
        self.title = self.headings[0][2] if self.headings else path

    def anchor_headings(self):
        used = set()

        def anchored(match):
            text = text_of(match[2])
            anchor, n = slug(text), 1
            while anchor in used:
                anchor, n = f"{slug(text)}-{n}", n + 1
            used.add(anchor)
            self.headings.append((int(match[1]), anchor, text))
            return (f'<h{match[1]} id="{anchor}">{match[2]}'
                    f'<a class="self" href="#{anchor}" aria-label="here">#</a></h{match[1]}>')

        self.html = re.sub(r"<h([1-6])>(.*?)</h\1>", anchored, self.html, flags=re.S)

    def find_link(self, match):
        """A link as it is in the site. Only the text remains of a link to a folder, which has no
        page; and the text and the address of a link that leads out of the site."""
        target, _, anchor = html.unescape(match[1]).partition("#")
        if re.match(r"\w+:", target):
            return match[2] if match[2] == match[1] else f"{match[2]} ({match[1]})"
        if not target:
            return f'<a href="#{anchor}">{match[2]}</a>' if "self" not in match[0] else match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), target))
        if not (self.top / path).is_file():
            return match[2]
        self.links.append(path)
        page = re.sub(r"\.md$", "", path) + ".html"
        place = page + ("#" + anchor if anchor else "")
        return f'<a href="{self.site.href(place, self.page)}">{match[2]}</a>'

    def sources(self):
        """The files of the tree that it shows parts of."""
        return re.findall(r'data-meta="([\w.-]*/[\w./-]+)"', self.html)

    def sections(self):
        """(anchor, title, HTML) for each heading of the first three levels."""
        parts = re.split(r'(?=<h[123] id=")', self.html)
        titles = {anchor: text for level, anchor, text in self.headings}
        found = ((re.match(r'<h[123] id="([^"]*)"', part), part) for part in parts)
        return [(m[1], titles[m[1]], part) for m, part in found if m]

    def block(self, match):
        """A block of code, under the name of its file."""
        kind, name, text = match[1] or "", match[2] or "", html.unescape(match[3])
        marked = self.site.code(text, self.page, kind)
        if "." not in name:
            return f'<pre class="{kind or "text"}">{marked}</pre>'
        caption = escape(name)
        if "/" in name:
            caption = f'<a href="{self.site.href(name + ".html", self.page)}">{caption}</a>'
        return (f'<figure><figcaption>{caption}</figcaption>'
                f'<pre class="{kind}">{marked}</pre></figure>')

    def body(self):
        site, page = self.site, self.page
        parts = re.split(r"(<pre><code.*?</code></pre>)", self.html, flags=re.S)
        for i, part in enumerate(parts):
            if i % 2:
                parts[i] = re.sub(
                    r'<pre><code(?: class="language-(\w+)")?(?: data-meta="([^"]*)")?>'
                    r"(.*?)</code></pre>", self.block, part, flags=re.S)
                continue
            part = re.sub(r"(<a [^>]*>.*?</a>)|<code>(.*?)</code>", lambda m: m[1] or (
                f"<code>{self.name_in_code(html.unescape(m[2]))}</code>"), part, flags=re.S)
            parts[i] = re.sub(r"<table>.*?</table>", r'<div class="wide">\g<0></div>', part,
                              flags=re.S)
        return "".join(parts)

    def name_in_code(self, text):
        """Code in a sentence: a header may stand there without its folder."""
        if "pb/" + text in self.site.where:
            place = self.site.where["pb/" + text]
            return f'<a href="{self.site.href(place, self.page)}">{text}</a>'
        return self.site.code(text, self.page)

    def contents(self):
        rows = "".join(f'<li class="level{level}"><a href="#{anchor}">{escape(text)}</a></li>'
                       for level, anchor, text in self.headings if 2 <= level <= 3)
        return f"<ul>{rows}</ul>" if rows else ""

    def write(self):
        for anchor, title, part in self.sections():
            prose = text_of(re.sub(r"<pre>.*?</pre>", " ", part, flags=re.S))
            where = self.title if title != self.title else self.path
            place = self.page if title == self.title else f"{self.page}#{anchor}"
            self.site.find(title, "guide", place, where, prose)
        for image in self.images:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), image))
            self.site.copy(self.top / path, path)
        self.site.write(self.page, self.title, self.body(), self.contents())


def read_all(top, paths, site):
    """The documents of these paths, and those that they lead to."""
    guides, todo = {}, list(paths)
    while todo:
        path = todo.pop(0)
        if path not in guides:
            guides[path] = Guide(top, path, site)
            todo += [p for p in guides[path].links if p.endswith(".md")]
    return list(guides.values())


def mentions(guides):
    """Where each name of the API stands in the documents: names to (title, place)."""
    found = {}
    for guide in guides:
        for anchor, title, part in guide.sections():
            title = guide.title + (": " + title if title != guide.title else "")
            for name in set(re.findall(r"\b(?:pb|PB)_\w+", text_of(part))):
                found.setdefault(name, []).append((title, f"{guide.page}#{anchor}"))
    return found


def write_source(top, path, site):
    """A file of the tree as a page."""
    text = (top / path).read_text(encoding="utf-8")
    kind = {".c": "c", ".h": "c", ".cpp": "cpp", ".py": "python"}.get(posixpath.splitext(path)[1])
    site.find(path, "source", path + ".html", "a file of the source tree")
    site.write(path + ".html", path, f"<h1>{escape(path)}</h1>\n"
               f'<pre class="{kind or "text"}">{site.code(text, path + ".html", kind)}</pre>\n')
