"""What the page says, in each of its languages: one file of texts for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request

from kobo_mirror.errors import error_of
from kobo_mirror.store.lights import SENTENCES

COOKIE = "kobo_mirror_language"

_FINDINGS = {f"finding_{key}": sentence for key, sentence in SENTENCES.items()}
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def _texts_of(file: Path) -> Mapping[str, str]:
    ours = _FINDINGS if file.stem == "en" else {}  # the lights have theirs, which `status` says, too
    read: dict[str, str] = json.loads(file.read_text("utf-8"))
    return {**ours, **read}


TEXTS: Mapping[str, Mapping[str, str]] = {
    file.stem: _texts_of(file) for file in sorted((Path(__file__).parent / "languages").glob("*.json"))
}


class Words:
    """How a language says what the page shows: its texts, with numbers as people write them there."""

    def __init__(self, language: str) -> None:
        self.language, self.texts = language, TEXTS[language]

    def number(self, value: int) -> str:
        """A count, its thousands apart: ``5,000``."""
        return f"{value:,}".replace(",", _NARROW) if self.language == "fr" else f"{value:,}"

    def decimal(self, value: float) -> str:
        """A figure with one decimal: ``1,234.5``."""
        if self.language != "fr":
            return f"{value:,.1f}"
        return f"{value:,.1f}".replace(",", _NARROW).replace(".", ",")

    def duration(self, seconds: float) -> str:
        """A time in the unit that it is best told in: ``0.4 s``, ``15 min``."""
        for unit, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
            if seconds >= 2 * size:
                return self.texts[unit].format(value=self.number(round(seconds / size)))
        return self.texts["seconds"].format(value=self.decimal(seconds))

    def say(self, key: str, **values: int | str) -> str:
        """A text with what it names filled in; in the singular where its first number is 1.

        :param values: numbers are written as the language does, texts stay as they are.
        """
        first = next((value for value in values.values() if isinstance(value, int)), None)
        text = self.texts.get(f"{key}_one") if first == 1 else None
        filled = {name: v if isinstance(v, str) else self.number(v) for name, v in values.items()}
        return (text or self.texts[key]).format(**filled)

    def of_failure(self, kind: str, failure: str | None) -> str:
        """What went wrong or what to do about it, by the class of the error.

        :param kind: ``what`` or ``todo``.
        :param failure: the name of a ``KoboMirrorError``; of one without words those of its kind are taken.
        """
        names = (name.__name__ for name in type(error_of(failure or "", "")).__mro__)
        return next(self.texts[key] for name in names if (key := f"{kind}_{name}") in self.texts)

    def named(self, kind: str, value: str) -> str:
        """A word of the tables, such as a run's mode, in the language; an unknown one as it is."""
        return self.texts.get(f"{kind}_{value}", value)


def language_of(request: Request) -> str:
    """The language that was switched to, else the first of the browser's that the page speaks."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if chosen and chosen in TEXTS:
            return chosen
    for wished in request.headers.get("accept-language", "").split(","):
        language = wished.strip()[:2].lower()
        if language in TEXTS:
            return language
    return "en"
