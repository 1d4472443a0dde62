"""Answers: what an answer becomes in a derived column, or why it does not fit.

Shapes are strict, with ASCII digits alone: a cell is what was answered, or it is NULL and the answer is kept
as a rejected cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from kobo_mirror import tolerant_json
from kobo_mirror.forms.question_types import KEY_LENGTH, Kind

Cell = str | int | float | bool | date | time | datetime | None

_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 400  # characters; a longer one is no finite number that is the same
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?"
_OFFSET = r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_TIME = re.compile(_CLOCK + _OFFSET)
_DATETIME = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})T{_CLOCK}{_OFFSET}")
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_FIRST_YEAR = 1000
_COORDINATES = (90.0, 180.0)
_FEWEST_NUMBERS, _MOST_NUMBERS = 2, 4


class Read(NamedTuple):
    """A cell, and the offset from UTC in minutes of a time that had one."""

    cell: Cell
    offset: int | None = None


def read_answer(kind: Kind, answer: Any) -> Read:
    """Read an answer into a cell of this kind.

    :param kind: of the column.
    :param answer: as the document has it.
    :raises ValueError: it does not fit; the message goes on a sentence that starts with "the answer".

    >>> read_answer(Kind.INTEGER, "007")
    Read(cell=7, offset=None)
    >>> read_answer(Kind.DATETIME, "2026-01-02T10:00:00.123+05:45")
    Read(cell=datetime.datetime(2026, 1, 2, 4, 15, 0, 123000), offset=345)
    """
    if not isinstance(answer, str):
        raise ValueError(answer.fault if isinstance(answer, tolerant_json.OddValue) else "is not a text")
    return _READERS[kind](answer)


def storable(text: str) -> bool:
    """Return True if every DBMS keeps the text as it is: no half characters, no NUL.

    :param text: any text of a document.
    """
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(answer: Any) -> str:
    """Return a rejected answer as it is kept: a text as it is; all else, and what cannot be stored, as JSON.

    :param answer: as the document has it.
    """
    if isinstance(answer, str) and storable(answer):
        return answer
    return tolerant_json.dumps(answer).decode()


def point(text: str) -> tuple[float | None, float | None, float | None, float | None]:
    """Return latitude and longitude (degrees), altitude and accuracy (metres) of a point, or None for each.

    :param text: two to four numbers; of three the accuracy is missing, of two the altitude, too.
    """
    parts = text.split()
    if _FEWEST_NUMBERS <= len(parts) <= _MOST_NUMBERS and all(_NUMBER.fullmatch(part) for part in parts):
        numbers = [float(part) for part in parts]
        within = all(abs(n) <= most for n, most in zip(numbers, _COORDINATES, strict=False))
        if within and all(map(isfinite, numbers)):
            lat, lon, alt, acc = (*numbers, None, None)[:_MOST_NUMBERS]
            return lat, lon, alt, acc
    return None, None, None, None


def _text(answer: str) -> Read:
    if not storable(answer):
        raise ValueError("holds half a character (a lone surrogate) or a NUL")
    return Read(answer)


def _key(answer: str) -> Read:
    if len(answer) > KEY_LENGTH:
        raise ValueError(f"has {len(answer)} characters; at most {KEY_LENGTH} fit")
    return _text(answer)


def _integer(answer: str) -> Read:
    found = _WHOLE.fullmatch(answer)
    if not found:
        raise ValueError("is not a whole number")
    number = int(found[1])
    if not _LEAST <= number <= _GREATEST:
        raise ValueError(f"is not between {_LEAST} and {_GREATEST}")
    return Read(number)


def _decimal(answer: str) -> Read:
    if not _NUMBER.fullmatch(answer):
        raise ValueError("is not a number")
    if len(answer) > _LONGEST_NUMBER or not isfinite(number := float(answer)):
        raise ValueError("is too large, or has too many digits")
    asked = Decimal(answer)
    if asked not in (Decimal(repr(number)), Decimal(f"{number:.17g}")):
        raise ValueError("has more digits than a number of double precision keeps")
    return Read(number)


def _date(answer: str) -> Read:
    if not _DATE.fullmatch(answer):
        raise ValueError("is not a date such as 2026-01-31")
    return Read(_day(answer))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day of the calendar") from None
    if day.year < _FIRST_YEAR:
        raise ValueError("is before the year 1000")
    return day


def _time(answer: str) -> Read:
    found = _TIME.fullmatch(answer)
    if not found:
        raise ValueError("is not a time such as 13:45:00.000+02:00")
    *clock, offset = found.groups()
    return Read(_clock(clock), _minutes(offset))


def _clock(groups: list[str | None]) -> time:
    hour, minute, second, fraction = groups
    try:
        return time(int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0")))
    except ValueError:
        raise ValueError("is no time of the day") from None


def _minutes(offset: str | None) -> int | None:
    if offset is None:
        return None
    if offset == "Z":
        return 0
    digits = offset[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("has no such offset from UTC")
    return (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)


def _datetime(answer: str) -> Read:
    found = _DATETIME.fullmatch(answer)
    if not found:
        raise ValueError("is not a time such as 2026-01-31T23:59:59.000+02:00")
    day, *clock, offset = found.groups()
    moment, minutes = datetime.combine(_day(day), _clock(clock)), _minutes(offset)
    if minutes is not None:
        try:
            zone = timezone(timedelta(minutes=minutes))
            moment = moment.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("is after the year 9999") from None
        if moment.year < _FIRST_YEAR:
            raise ValueError("is before the year 1000")
    return Read(moment, minutes)


def _boolean(answer: str) -> Read:
    if answer != "OK":
        raise ValueError("is not OK")
    return Read(True)


_READERS: dict[Kind, Callable[[str], Read]] = {
    Kind.TEXT: _text,
    Kind.KEY: _key,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.DATETIME: _datetime,
    Kind.BOOLEAN: _boolean,
}
