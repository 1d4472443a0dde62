"""What the page says, in each of its languages: a folder with files of texts for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastapi import Request
from markupsafe import Markup, escape

from kobo_mirror.airflow.page.plan_schemas import BringingVersion, Step
from kobo_mirror.errors import error_of
from kobo_mirror.forms import plan
from kobo_mirror.forms.declared_form import INTEGER_MAX, INTEGER_MIN, TEXT_LENGTH, Kind
from kobo_mirror.store.lights import SENTENCES
from kobo_mirror.submissions.refusals import refusal_reason
from kobo_mirror.submissions.shaper import SEVERAL

COOKIE = "kobo_mirror_language"

_OURS = {f"finding_{key}": sentence for key, sentence in SENTENCES.items()}
_OURS |= {f"step_{key}": sentence for key, sentence in plan.SENTENCES.items()}
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def _texts_of(folder: Path) -> Mapping[str, str]:
    texts = dict(_OURS) if folder.name == "en" else {}  # in English `status` and `plan` say them, too
    for file in sorted(folder.glob("*.json")):
        texts |= json.loads(file.read_text("utf-8"))
    return texts


TEXTS: Mapping[str, Mapping[str, str]] = {
    folder.name: _texts_of(folder) for folder in sorted((Path(__file__).parent / "languages").glob("??"))
}
"""The texts by language (``en``, ``fr``) and key. Numbers have places, such as ``{count}``."""


class Words:
    """How a language says what the page shows: its texts, with numbers as they are written there.

    :param language: a key of ``TEXTS``.
    """

    def __init__(self, language: str) -> None:
        self.language, self.texts = language, TEXTS[language]

    def number(self, value: int) -> str:
        """Return a count with its thousands apart: ``5,000``.

        :param value: any whole number.
        """
        return f"{value:,}".replace(",", _NARROW) if self.language == "fr" else f"{value:,}"

    def decimal(self, value: float) -> str:
        """Return a figure with one decimal: ``1,234.5``.

        :param value: any number.
        """
        if self.language != "fr":
            return f"{value:,.1f}"
        return f"{value:,.1f}".replace(",", _NARROW).replace(".", ",")

    def duration(self, seconds: float) -> str:
        """Return a time in the largest unit of which there are two: ``0.4 s``, ``15 min``.

        :param seconds: not negative.
        """
        for unit, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
            if seconds >= 2 * size:
                return self.texts[unit].format(value=self.number(round(seconds / size)))
        return self.texts["seconds"].format(value=self.decimal(seconds))

    def say(self, key: str, **values: int | str) -> str:
        """Return a text with its places filled in; in the singular where its first number is 1.

        :param key: of the text; its singular is under ``KEY_one``.
        :param values: by the names of the places. Numbers are written as the language does.
        """
        first = next((value for value in values.values() if isinstance(value, int)), None)
        text = self.texts.get(f"{key}_one") if first == 1 else None
        filled = {name: v if isinstance(v, str) else self.number(v) for name, v in values.items()}
        return (text or self.texts[key]).format(**filled)

    def of_failure(self, kind: str, failure: str | None) -> str:
        """Return what went wrong, or what to do about it, by the class of the error.

        :param kind: ``what`` or ``todo``.
        :param failure: the name of a ``KoboMirrorError``. For a class without texts of its own those of the
            class that it derives from are taken; for an unknown one those of the whole family.
        """
        names = (name.__name__ for name in type(error_of(failure or "", "")).__mro__)
        return next(self.texts[key] for name in names if (key := f"{kind}_{name}") in self.texts)

    def of_kind(self, kind: Kind) -> str:
        """Return what answers a column of that kind takes.

        :param kind: of the column.
        """
        bounds: Mapping[Kind, Mapping[str, int]] = {
            Kind.TEXT: {"most": TEXT_LENGTH},
            Kind.INTEGER: {"lowest": INTEGER_MIN, "highest": INTEGER_MAX},
        }
        return self.say(f"takes_{kind}", **bounds.get(kind, {}))

    def of_cell(self, kind: str | None, reason: str) -> str:
        """Return why an answer is no cell of its column.

        :param kind: of the column, a ``question_types.Kind``; of an unknown one nothing is told.
        :param reason: the English words that are stored with it.
        """
        known = "several" if reason == SEVERAL else kind
        return self.texts.get(f"cell_{known}", self.texts["cell_unknown"])

    def of_letter(self, reason: str) -> str:
        """Return why a dead letter could not be taken.

        :param reason: the English sentence that is stored with it; of an unknown one nothing is read.
        """
        known = refusal_reason(reason)
        return self.texts[f"letter_{known.name.lower()}" if known else "letter_unknown"]

    def of_step(self, step: Step) -> Markup:
        """Return what a step of a plan does, its names marked as such.

        :param step: the step.
        """
        places = {"columns": self._listed(step.columns), "beside": self._listed(step.beside)}
        words = escape(self.texts[f"step_{step.key}"])
        return words.format(table=_name(step.table), path=_name(step.path), **places)

    def of_versions(self, versions: Sequence[BringingVersion]) -> Markup:
        """Return which versions of a form bring a plan.

        :param versions: at least one.
        """
        names = [version.uid if version.number is None else str(version.number) for version in versions]
        key = "brought_by" if len(names) > 1 else "brought_by_one"
        return escape(self.texts[key]).format(versions=self._listed(names))

    def _listed(self, names: Sequence[str]) -> Markup:
        shown = Markup(", ").join(_name(name) for name in names[: plan.SHOWN])
        more = len(names) - plan.SHOWN
        return Markup("{} {}").format(shown, self.say("and_more", count=more)) if more > 0 else shown

    def named(self, kind: str, value: str) -> str:
        """Return the language's word for a value of the tables; the value itself where there is none.

        :param kind: what it is a value of, such as ``mode``.
        :param value: such as ``exact``.
        """
        return self.texts.get(f"{kind}_{value}", value)


def _name(name: str) -> Markup:
    """Return a name that a form gives: whatever it is spelt like, the text around it stays in its order."""
    return Markup('<code dir="auto">{}</code>').format(name)


def language_of(request: Request) -> str:
    """Return the language to answer in: the one switched to, else the first of the browser's that there is.

    :param request: its query, its cookie and its header ``Accept-Language`` are looked at.
    """
    for chosen in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if chosen and chosen in TEXTS:
            return chosen
    for wished in request.headers.get("accept-language", "").split(","):
        language = wished.strip()[:2].lower()
        if language in TEXTS:
            return language
    return "en"
