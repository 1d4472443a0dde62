"""The forms of the benchmark of forms as they are: a household survey with repeats, and a wide one.

Answers are made here and given to the simulator, which only puts ids into them: its own cost stays small, and
what must be in a database is known without asking it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

Answers = dict[str, Any]
Content = dict[str, Any]

MEMBERS, VISITS = "members", "members/visits"
_POOL = 400  # submissions that differ; each database sees each of them many times
_WIDE = 800
_ANSWERED = 1 / 3  # of the questions of the wide form
_MOST_MEMBERS, _MOST_VISITS = 8, 3  # evenly from none on, so four and one and a half on average
_FIRST = datetime(2026, 1, 5, 6)  # noqa: DTZ001  # on a device's clock
_LISTS = {
    "yn": ("yes", "no"),
    "roof": ("iron", "thatch", "tiles", "other"),
    "needs": ("cash", "training", "tools", "water", "seeds"),
    "sex": ("female", "male"),
}
_WORDS = ("Kakuma 1, block 7", 'Kimironko "Isoko"', "Bor – جوبا", "ጅግጅጋ ከተማ", "Éric's kiosk", "100 % ready")


@dataclass(frozen=True)
class Checked:
    """What is compared of a table after a load.

    :param repeat: the path of its repeat; empty for the root.
    :param texts: questions whose answers are compared one by one, in the root alone.
    :param number: the question whose answers are added up; empty: none.
    """

    repeat: str
    texts: tuple[str, ...] = ()
    number: str = ""


@dataclass(frozen=True)
class BenchForm:
    """A form, and the submissions that take turns.

    :param content: its definition.
    :param answers: of the submissions, by key as the API shows them.
    :param checked: what is compared after a load.
    """

    name: str
    content: Content
    answers: Sequence[Answers]
    checked: Sequence[Checked]

    def write(self, folder: Path) -> str:
        """Write what ``python -m simulator --form`` reads, and return the file's name."""
        file = folder / f"{self.name}.json"
        given = {"name": self.name, "versions": [self.content], "answers": list(self.answers)}
        file.write_text(json.dumps(given), "utf-8")
        return str(file)

    @property
    def repeats(self) -> list[str]:
        """The paths of its repeats, outer ones first."""
        return [checked.repeat for checked in self.checked if checked.repeat]

    def questions(self, repeat: str) -> list[str]:
        """Return the paths of the questions that stand in a repeat, or at the top for an empty path."""
        found, around = [], list[str]()
        for row in self.content["survey"]:
            if row["type"] == "begin_repeat":
                around.append(row["name"])
            elif row["type"] == "end_repeat":
                around.pop()
            elif "/".join(around) == repeat:
                found.append("/".join([*around, row["name"]]))
        return found

    def of(self, kobo_id: int) -> Answers:
        """Return the answers of a submission.

        :param kobo_id: its ``_id``.
        """
        return self.answers[kobo_id % len(self.answers)]


def rows_in(answers: Mapping[str, Any], repeat: str) -> list[Answers]:
    """Return the rows of a repeat in a submission, or the submission itself for an empty path.

    :param repeat: its path; that of a repeat in it begins with the path of the repeat around it.
    """
    if not repeat:
        return [dict(answers)]
    outer = repeat.rpartition("/")[0]
    around = rows_in(answers, outer) if outer else [dict(answers)]
    return [row for one in around for row in one.get(repeat, [])]


def household() -> BenchForm:
    """Return a form of 60 questions of all types: 34 at the top, 16 of each member, 10 of each visit."""
    chance = Random(394)
    top = ["start", "end", "today", "deviceid", "username", "geopoint", "image", "audio", "geotrace"]
    asked = [*top, *islice(cycle(_USUAL), 34 - len(top))]
    of_members = ["text", "integer", "select_one sex", *islice(cycle(_USUAL), 13)]
    of_visits = ["date", "integer", "select_one yn", *islice(cycle(_USUAL), 7)]
    survey = [
        *_questions(asked, "q", ""),
        {"type": "begin_repeat", "name": "members", "label": ["Members"]},
        *_questions(of_members, "m", MEMBERS),
        {"type": "begin_repeat", "name": "visits", "label": ["Visits"]},
        *_questions(of_visits, "v", VISITS),
        {"type": "end_repeat"},
        {"type": "end_repeat"},
    ]

    def submission() -> Answers:
        members = [
            _answered(chance, of_members, "m", MEMBERS)
            | _listed(
                VISITS,
                [_answered(chance, of_visits, "v", VISITS) for _ in range(chance.randint(0, _MOST_VISITS))],
            )
            for _ in range(chance.randint(0, _MOST_MEMBERS))
        ]
        return _answered(chance, asked, "q", "") | _listed(MEMBERS, members)

    texts = tuple(f"q{place}" for place, kind in enumerate(asked) if kind in ("text", "integer"))
    return BenchForm(
        "household",
        _content(survey),
        [submission() for _ in range(_POOL)],
        (
            Checked("", texts),
            Checked(MEMBERS, number=f"{MEMBERS}/m1"),
            Checked(VISITS, number=f"{VISITS}/v1"),
        ),
    )


def wide() -> BenchForm:
    """Return a form of 800 questions, of which a submission answers a third."""
    chance = Random(395)
    asked = [*islice(cycle(_USUAL), _WIDE)]
    answers = [
        {key: one for key, one in _answered(chance, asked, "w", "").items() if chance.random() < _ANSWERED}
        for _ in range(_POOL)
    ]
    texts = tuple(f"w{place}" for place in range(0, _WIDE, 97) if asked[place] in ("text", "integer"))
    return BenchForm("wide", _content(_questions(asked, "w", "")), answers, (Checked("", texts),))


def _listed(path: str, rows: list[Answers]) -> Answers:
    return {path: rows} if rows else {}


def _content(survey: Iterable[Mapping[str, Any]]) -> Content:
    return {
        "schema": "1",
        "survey": list(survey),
        "choices": [
            {"list_name": name, "name": choice, "label": [choice.title()]}
            for name, choices in _LISTS.items()
            for choice in choices
        ],
        "settings": {},
        "translated": ["label"],
        "translations": [None],
    }


def _questions(types: Sequence[str], letter: str, repeat: str) -> Iterator[dict[str, Any]]:
    for place, kind in enumerate(types):
        base, _, list_name = kind.partition(" ")
        name = f"{letter}{place}"
        listed = {"select_from_list_name": list_name} if list_name else {}
        yield {"type": base, "name": name, "label": [f"{kind} {place} {repeat}".strip()], **listed}


def _answered(chance: Random, types: Sequence[str], letter: str, repeat: str) -> Answers:
    before = f"{repeat}/{letter}" if repeat else letter
    moment = _FIRST + timedelta(seconds=chance.randrange(10**7))
    return {f"{before}{place}": _ANSWERS[kind](chance, moment) for place, kind in enumerate(types)}


def _point(chance: Random) -> str:
    return f"{chance.uniform(-1, 1):.7f} {chance.uniform(30, 38):.7f} {chance.random():.1f} 4.9"


def _timed(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}+03:00"


_Answer = Callable[[Random, datetime], str]
_ANSWERS: dict[str, _Answer] = {
    "start": lambda _, moment: _timed(moment),
    "end": lambda _, moment: _timed(moment + timedelta(minutes=20)),
    "today": lambda _, moment: f"{moment:%Y-%m-%d}",
    "deviceid": lambda chance, _: f"collect:{chance.getrandbits(48):012x}",
    "username": lambda chance, _: chance.choice(("amina", "jean_paul")),
    "text": lambda chance, _: f"{chance.choice(_WORDS)} {chance.randrange(10**6)}",
    "integer": lambda chance, _: str(chance.randrange(100)),
    "decimal": lambda chance, _: f"{chance.randrange(10**5) / 100}",
    "range": lambda chance, _: str(chance.randint(1, 10)),
    "date": lambda _, moment: f"{moment:%Y-%m-%d}",
    "time": lambda _, moment: f"{moment:%H:%M:%S}.000+03:00",
    "dateTime": lambda _, moment: _timed(moment),
    "select_one yn": lambda chance, _: chance.choice(_LISTS["yn"]),
    "select_one roof": lambda chance, _: chance.choice(_LISTS["roof"]),
    "select_one sex": lambda chance, _: chance.choice(_LISTS["sex"]),
    "select_multiple needs": lambda chance, _: " ".join(chance.sample(_LISTS["needs"], 2)),
    "calculate": lambda chance, _: str(chance.randrange(500)),
    "barcode": lambda chance, _: f"KE-{chance.randrange(10_000):04}",
    "acknowledge": lambda *_: "OK",
    "geopoint": lambda chance, _: _point(chance),
    "geotrace": lambda chance, _: ";".join(_point(chance) for _ in range(3)),
    "image": lambda _, moment: f"photo_{moment:%Y%m%d%H%M%S}.jpg",
    "audio": lambda _, moment: f"voice_{moment:%Y%m%d%H%M%S}.m4a",
}
_USUAL = (
    "text", "select_one yn", "integer", "select_multiple needs", "select_one roof", "text", "date", "decimal",
    "dateTime", "select_one yn", "calculate", "time", "integer", "range", "barcode", "acknowledge",
)  # fmt: skip
"""Types in the proportions of a survey."""
