"""Documents from strangers: reports whose every text is one that tries to be more, and what a page is made of."""

import copy
import string
from typing import Any

import html5lib
from hypothesis import strategies as st
from markdown_it import MarkdownIt

ADDRESS = "http://127.0.0.1:9"  # where nothing listens; a page that asks for it is found out
TEXTS = [
    "<script>parent.evil=1</script>", "<evil a='1'>", '"><evil>', "'><evil>", "</bdi></td></table><evil>",
    f"<meta http-equiv=refresh content='0;url={ADDRESS}/meta'>", f"<img src={ADDRESS}/img onerror=evil()>",
    f"<form action={ADDRESS}><button>", f"<base href={ADDRESS}>", f"<link rel=stylesheet href={ADDRESS}/css>",
    f"<style>@import '{ADDRESS}/import'</style>", "</title><evil>", "</style><evil>", "]]><evil>", "<!--", "-->",
    "<![CDATA[", "<svg onload=evil()>", "<svg><style>", "<math><mtext>", "&lt;evil&gt;", "&#60;evil&#62;", "&",
    "&amp", "<", ">", '"', "'", "`evil`", "``", "```evil", "~~~", f"[x]({ADDRESS})", f"![x]({ADDRESS}/md)",
    f"[x]: {ADDRESS}", f"<{ADDRESS}>", ADDRESS, "www.example.com", "# evil", "===", "---", "- evil", "+ evil",
    "* evil", "1. evil", "1) evil", "> evil", "| evil |", "|", "\\|", "\\", "\\\\", "*evil*", "_evil_", "__evil__",
    "~~evil~~", "$evil$", "$$\\href{evil}$$", "[^1]", "[^1]: evil", "    evil", "\tevil", "\nevil", "\r\n\r\n# evil",
    "\u2028# evil", "a  \nb", "{{ evil }}", "{% evil %}", "{}", "%s", "\0", "\x1b[31m", "\x7f", "\u202eevil",
    "\u2066", "\ufeff", "\ud800", "é\u0301", "🩺", "javascript:evil()", "=1+1", "data:text/html,<evil>", "..",
    "/etc/passwd", "C:\\evil", "x" * 600, "<" * 300, "", " ", "weak: <evil>", "a. <evil>. b",
]  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text(max_size=30) | st.lists(st.sampled_from(TEXTS), max_size=3).map("".join)

CHOSEN = {"format", "region", "kind", "state", "decision", "direction", "side", "status"}  # one of a few words
NOT_TEXT = {"crops", "measures"}  # base64 by name, and the names; words of ours


def leaves(value: Any, path: tuple = ()):
    """(path, text) for every free text of a document, those that are names among them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if path and path[-1] == "classes":
                yield (*path, "a name"), name
            if name not in CHOSEN | NOT_TEXT:
                yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    elif isinstance(value, str):
        yield path, value


def with_texts(document: dict, new: dict) -> dict:
    """The document with each text in place of another; what names the same thing still does."""

    def changed(text):
        if text.startswith("@"):
            return f"@{new[text[1:]]}"
        return new[text]

    def walk(value, name=""):
        if name in NOT_TEXT:
            return copy.deepcopy(value)
        if isinstance(value, dict):
            if name == "classes":
                return {changed(key): inner for key, inner in value.items()}
            return {_recall(key, new): inner if key in CHOSEN else walk(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, "") for inner in value]
        return changed(value) if isinstance(value, str) else value

    return walk(document)


def _recall(key, new):
    for text in new:
        for end in ("", "_low", "_high"):
            if key == f"recall {text}{end}":
                return f"recall {new[text]}{end}"
    return key


def words_of(document: dict) -> list[str]:
    found = dict.fromkeys(text.removeprefix("@") for _, text in leaves(document))
    return [text for text in found if text]


@st.composite
def hostile_documents(draw, document):
    """A report with a hostile text in every place of a free text."""
    known = words_of(document)
    drawn = draw(st.lists(texts, min_size=8, max_size=len(known)))
    new = {text: drawn[i % len(drawn)] for i, text in enumerate(known)}
    return with_texts(document, new | {"": ""}), new | {"": ""}


def harmless(text: str, keep: str = "") -> str:
    """The text with a letter in place of everything that could be markup: as long, and different where that is."""
    return "".join(
        c if c.isspace() or c in keep or c in string.ascii_letters + string.digits else chr(0x4E00 + ord(c) % 0x5000)
        for c in text
    )  # fmt: skip


def skeleton(page: bytes) -> list:
    """What a page is made of as a browser reads it: elements and their attributes, but for texts in them."""
    tree = html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False, transport_encoding="utf-8")
    return [(str(e.tag), sorted((str(k), v) for k, v in e.attrib.items())) for e in tree.iter()]


_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def markdown_skeleton(text: str) -> list:
    """What Markdown is made of: blocks, and in them what is not plain text. Hashes may be code or text."""
    parts = []
    for token in _markdown.parse(text):
        parts.append((token.type, token.tag, token.level))
        inline = [child.type for child in token.children or ()]
        parts += [kind for kind in inline if kind not in ("text", "text_special", "code_inline")]
    return parts


def what_a_page_does(page, path, wait: int = 60) -> list[str]:
    """Everything that a page in a browser asks for, or does beyond showing itself, when it is opened from a file."""
    done: list[str] = []
    own = path.as_uri()
    page.on("request", lambda r: None if _is_own(r.url, own) else done.append(f"asks for {r.url}"))
    page.on("dialog", lambda dialog: (done.append(f"says {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: done.append(f"opens {popup.url}"))
    page.on("download", lambda download: done.append(f"saves {download.url}"))
    page.goto(own)
    page.wait_for_timeout(wait)
    if page.url != own:
        done.append(f"goes to {page.url}")
    if page.evaluate("'evil' in window || document.querySelector('evil, form, base, iframe, link') !== null"):
        done.append("holds what is no text")
    return done


def _is_own(url: str, page: str) -> bool:
    """Pictures inside the page, and the file itself, which was asked for."""
    return url == page or url.startswith(("data:image/", "blob:"))
