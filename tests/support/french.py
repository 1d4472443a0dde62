"""What is not French in a page: texts of the English table, and numbers and colons as English has them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from kobo_mirror.airflow.page.texts import TEXTS

NO_TEXT = {"script", "style", "code", "pre", "title"}
SPOKEN = ("aria-label", "title", "placeholder", "alt")
VOID = {"meta", "link", "input", "br"}
DATA = re.compile(
    r"https?://\S+|(kobo_\w+ )?(manual|scheduled)__\S+|kobo_\w+|\d{4}-\d{2}-\d{2}( \d{2}:\d{2}( UTC)?)?"
)


class Spoken(HTMLParser):
    """The texts of a page that are in its own language, without data and what says lang="en"."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._left_out: list[bool] = [False]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the texts of attributes that are read aloud."""
        has = dict(attrs)
        out = self._left_out[-1] or tag in NO_TEXT or has.get("lang") == "en" or has.get("class") == "ids"
        if tag not in VOID:
            self._left_out.append(out)
        if not out:
            self.texts += [value for name in SPOKEN if (value := has.get(name))]

    def handle_endtag(self, tag: str) -> None:
        """Return to the language of the element around."""
        if tag not in VOID:
            self._left_out.pop()

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if not self._left_out[-1] and data.strip():
            self.texts.append(" ".join(data.split(" ")).strip("\n "))


def faults_of(texts: list[str]) -> list[str]:
    """Return what is not French, each with the text that it is in."""
    return [fault for text in texts for fault in _faults(DATA.sub("", text))]


def _faults(text: str) -> list[str]:
    found = [f"English {english!r}: {text!r}" for english, known in _ENGLISH if known.search(text)]
    found += [f"a point in a number: {text!r}" for _ in re.findall(r"\d\.\d", text)]
    found += [f"a comma in a number: {text!r}" for _ in re.findall(r"\d,\d{3}\b", text)]
    found += [f"the space before {mark!r}: {text!r}" for mark in re.findall(r"[^\s\d][:;?!](?= |$)", text)]
    found += [f"the space before {mark!r}: {text!r}" for mark in re.findall(r" [:;?!%]", text)]
    return found


def _ungreedy(text: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in re.split(r"\{\w+\}", text))
    return re.compile(rf"(?<!\w){'.+?'.join(parts)}(?!\w)")


_SAME_WORD = {"actions", "mode", "webhook", "source_webhook", "refused_title", "colon", "semicolon"}
_ENGLISH = [
    (text, _ungreedy(text))
    for key, text in TEXTS["en"].items()
    if key not in _SAME_WORD and text != TEXTS["fr"].get(key) and not text.startswith("{value}")
]
