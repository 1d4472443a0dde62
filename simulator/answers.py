"""Answers to each type of question, as the real server shows them: every answer a text (kobo-api.md §3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.questions import FILES, POINTS, SELECTS_MANY, SELECTS_ONE, Question
from simulator.texts import LOCALES, Locale, one_of, phone, text_for

OTHER = "other"
_CODES = ("kgl", "nbo_2", "አዲስ_አበባ", "01", "juba-north")  # of lists that stand in files
_ENUMERATORS = ("amina", "jean_paul", "አሚና", "username not found")
_SUFFIXES = {
    "image": "jpg",
    "audio": "m4a",
    "background-audio": "m4a",
    "video": "mp4",
    "file": "pdf",
    "osm": "osm",
}
_FILE_NAMES = ("{}.{}", "{}.{}", "{}.{}", "photo {}.{}", "ስዕል-{}.{}", "été {} & 2.{}")


@dataclass(frozen=True)
class Respondent:
    """Who fills in a form, where and when.

    :param random: what decides about the answers.
    :param start: when they began, by the device's clock.
    :param end: when they were done.
    """

    random: Random
    locale: Locale
    start: datetime
    end: datetime

    @classmethod
    def drawn(cls, random: Random, start: datetime) -> Respondent:
        """Return a respondent.

        :param random: what decides.
        :param start: when they began, in UTC.
        """
        locale = LOCALES[random.randrange(len(LOCALES))]
        start += timedelta(minutes=locale.minutes_ahead)
        return cls(random, locale, start, start + timedelta(seconds=random.randint(120, 2400)))

    @property
    def sent(self) -> datetime:
        """When the answers reached the server, in UTC."""
        return self.end + timedelta(seconds=40, minutes=-self.locale.minutes_ahead)

    def moment(self, time: datetime) -> str:
        """Return a moment as a device writes it.

        :param time: by the device's clock.
        """
        return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}{self.locale.offset}"

    def point(self) -> str:
        """Return latitude, longitude, altitude and accuracy of a place nearby."""
        random, locale = self.random, self.locale
        latitude = locale.latitude + random.uniform(-0.2, 0.2)
        longitude = locale.longitude + random.uniform(-0.2, 0.2)
        rest = (
            "0 0" if random.random() < 0.3 else f"{random.uniform(0, 2500):.1f} {random.uniform(2, 30):.1f}"
        )
        return f"{latitude:.4f} {longitude:.4f} {rest}"


def answer_to(question: Question, respondent: Respondent) -> str:
    """Return an answer to a question; empty where there is none to give, as for a type that no server knows.

    :param question: any question.
    :param respondent: who answers.
    """
    answer = _ANSWERS.get(question.type)
    return answer(question, respondent) if answer else ""


def _text(question: Question, who: Respondent) -> str:
    return text_for(question.path.rpartition("/")[2], who.locale, who.random)


def _integer(question: Question, who: Respondent) -> str:
    few = who.random.randint(0, 99)
    number = few if "age" in question.path else who.random.choice((few, few, 1234 * few, -3))
    return f"{number:03}" if who.random.random() < 0.05 else str(number)


def _decimal(question: Question, who: Respondent) -> str:
    return f"{who.random.uniform(-5, 250):.{who.random.randint(0, 4)}f}"


def _range(question: Question, who: Respondent) -> str:
    given = dict(re.findall(r"(start|end|step)\s*=\s*(-?[\d.]+)", str(question.row.get("parameters", ""))))
    start, end, step = (
        Decimal(given.get(name, default)) for name, default in (("start", "1"), ("end", "10"), ("step", "1"))
    )
    steps = int(abs(end - start) / abs(step)) if step else 0
    return str(start + who.random.randint(0, steps) * (abs(step) if end >= start else -abs(step)))


def _date(question: Question, who: Respondent) -> str:
    return f"{who.start - timedelta(days=who.random.choice((0, 1, 30, 365, 9000, 20_000))):%Y-%m-%d}"


def _time(question: Question, who: Respondent) -> str:
    moment = who.start + timedelta(minutes=who.random.randint(-600, 600))
    return f"{moment:%H:%M}:00.000{who.locale.offset}"


def _datetime(question: Question, who: Respondent) -> str:
    return who.moment(who.start - timedelta(minutes=who.random.randint(0, 50_000)))


def _select_one(question: Question, who: Respondent) -> str:
    listed = str(question.row.get("select_from_list_name", ""))
    if listed.startswith("${"):
        return one_of(who.locale.names, who.random)
    return one_of((*_choices(question), *((OTHER,) if question.other else ())), who.random)


def _select_multiple(question: Question, who: Respondent) -> str:
    if "literacy" in str(question.row.get("appearance", "")):
        words = who.random.randint(1, 4)
        counts = (who.random.randint(5, 60), 45, 99, *["null"] * 7)
        return " ".join(map(str, (*counts, *range(1, words + 1))))
    names = [*_choices(question), *((OTHER,) if question.other else ())]
    return " ".join(who.random.sample(names, who.random.randint(1, len(names))))


def _rank(question: Question, who: Respondent) -> str:
    names = _choices(question)
    return " ".join(who.random.sample(names, len(names)))


def _choices(question: Question) -> tuple[str, ...]:
    in_a_file = "search(" in str(question.row.get("appearance", ""))
    return _CODES if in_a_file or not question.choices else question.choices


def _line(question: Question, who: Respondent) -> str:
    return ";".join(who.point() for _ in range(who.random.randint(2, 5)))


def _area(question: Question, who: Respondent) -> str:
    points = [who.point() for _ in range(who.random.randint(3, 5))]
    return ";".join([*points, points[0]])


def _calculate(question: Question, who: Respondent) -> str:
    return who.random.choice((str(who.random.randint(0, 500)), f"{who.random.uniform(0, 40):.1f}", "1.0"))


def _given(question: Question, who: Respondent) -> str:
    return str(question.row.get("default") or "") or _calculate(question, who)


def _barcode(question: Question, who: Respondent) -> str:
    return who.random.choice((f"KE-{who.random.randrange(10_000):04}", str(4_006_381_333_931)))


def _file(question: Question, who: Respondent) -> str:
    if question.type == "audit":
        return "audit.csv"
    number = int(who.start.timestamp() * 1000) + who.random.randrange(10**6)
    return who.random.choice(_FILE_NAMES).format(number, _SUFFIXES[question.type])


_Answer = Callable[[Question, Respondent], str]
_ANSWERS: dict[str, _Answer] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "range": _range,
    "date": _date,
    "today": lambda _, who: f"{who.start:%Y-%m-%d}",
    "time": _time,
    "datetime": _datetime,
    "start": lambda _, who: who.moment(who.start),
    "end": lambda _, who: who.moment(who.end),
    "rank": _rank,
    "geotrace": _line,
    "geoshape": _area,
    "calculate": _calculate,
    "note": _given,
    "hidden": _given,
    "acknowledge": lambda *_: "OK",
    "barcode": _barcode,
    "username": lambda _, who: one_of(_ENUMERATORS, who.random),
    "deviceid": lambda _, who: f"collect:{who.random.getrandbits(48):012x}",
    "simserial": lambda _, who: str(who.random.randrange(10**18, 10**19)),
    "subscriberid": lambda _, who: str(who.random.randrange(10**14, 10**15)),
    "email": lambda _, who: f"{one_of(_ENUMERATORS[:2], who.random)}@example.org",
    "phonenumber": lambda _, who: who.random.choice(("phonenumber not found", phone(who.locale, who.random))),
    **dict.fromkeys(SELECTS_ONE, _select_one),
    **dict.fromkeys(SELECTS_MANY, _select_multiple),
    **dict.fromkeys(POINTS, lambda _, who: who.point()),
    **dict.fromkeys(FILES, _file),
}
