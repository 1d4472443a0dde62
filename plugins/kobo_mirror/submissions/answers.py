"""Answers: what an answer becomes in a derived column, or why it does not fit.

Shapes are strict, with ASCII digits alone: a cell is what was answered, or it is NULL and the answer is kept
as a rejected cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import Any

from kobo_mirror import tolerant_json
from kobo_mirror.forms.question_types import KEY_LENGTH, Kind

Cell = str | int | float | bool | date | time | datetime | None
Timed = tuple[Cell, int | None]
"""A time, and its offset from UTC in minutes if it had one."""

_REMEMBERED = 4096  # days, ages, amounts: many submissions say the same
_LONGEST_REMEMBERED = 64
_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXACT_DIGITS = 15  # so many are kept by any number of double precision
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,3})?)?"
    r"(Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
)
_TIME = re.compile(_CLOCK)
_DATETIME = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}")
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_FIRST_YEAR = 1000
_NO_DAY = "is no day of the calendar"
_TOO_EARLY = "is before the year 1000"
_MOST_NORTH, _MOST_EAST = 90.0, 180.0
_FEWEST_NUMBERS, _MOST_NUMBERS = 2, 4

Numbers = tuple[float | None, float | None, float | None, float | None]
_NO_NUMBERS: Numbers = (None, None, None, None)


def refuse(answer: object) -> str:
    """Return why an answer that is no text fits no column, as the end of a sentence.

    :param answer: as the document has it.
    """
    return answer.fault if isinstance(answer, tolerant_json.OddValue) else "is not a text"


def storable(text: str) -> bool:
    """Return True if every DBMS keeps the text as it is: no half characters, no NUL.

    :param text: any text of a document.
    """
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(answer: Any) -> str:
    """Return a rejected answer as it is kept.

    A text stays as it is, and so does the spelling of a value that JSON does not have, such as ``NaN``. All
    else, and a text that cannot be stored, is ASCII JSON.

    :param answer: as the document has it.
    """
    text = answer.text if isinstance(answer, tolerant_json.OddValue) else answer
    return text if isinstance(text, str) and storable(text) else tolerant_json.dumps(text).decode()


def point(text: str) -> Numbers:
    """Return latitude and longitude (degrees), altitude and accuracy (metres) of a point, or None for each.

    :param text: two to four numbers; of three the accuracy is missing, of two the altitude, too.

    >>> point("-1.2921 36.8219 1650.5")
    (-1.2921, 36.8219, 1650.5, None)
    """
    parts = text.split()
    if not _FEWEST_NUMBERS <= len(parts) <= _MOST_NUMBERS or not all(map(_NUMBER.fullmatch, parts)):
        return _NO_NUMBERS
    lat, lon, *others = [float(part) + 0.0 for part in parts]
    if abs(lat) > _MOST_NORTH or abs(lon) > _MOST_EAST or not all(map(isfinite, others)):
        return _NO_NUMBERS
    alt, acc = (*others, None, None)[:2]
    return lat, lon, alt, acc


def _text(answer: str) -> str:
    if not storable(answer):
        raise ValueError("holds half a character (a lone surrogate) or a NUL")
    return answer


def _key(answer: str) -> str:
    return _text(_short(answer))


def _integer(answer: str) -> int:
    return _whole(answer) if len(answer) <= _LONGEST_REMEMBERED else _whole.__wrapped__(answer)


@lru_cache(_REMEMBERED)
def _whole(answer: str) -> int:
    found = _WHOLE.fullmatch(answer)
    if not found:
        raise ValueError("is not a whole number of at most 19 digits")
    number = int(found[1])
    if not _LEAST <= number <= _GREATEST:
        raise ValueError(f"is not between {_LEAST} and {_GREATEST}")
    return number


def _decimal(answer: str) -> float:
    return _double(answer) if len(answer) <= _LONGEST_REMEMBERED else _double.__wrapped__(answer)


@lru_cache(_REMEMBERED)
def _double(answer: str) -> float:
    if not _NUMBER.fullmatch(answer):
        raise ValueError("is not a number")
    if not isfinite(number := float(answer)):
        raise ValueError("is too large")
    is_plain = repr(number) == answer or (answer.isdigit() and len(answer) <= _EXACT_DIGITS)
    if not is_plain and _number(answer) not in (Decimal(repr(number)), Decimal(f"{number:.17g}")):
        raise ValueError("has more digits than a number of double precision keeps")
    return number + 0.0  # SQLite keeps -0.0 as 0.0


def _number(answer: str) -> Decimal:
    try:
        return Decimal(answer)
    except InvalidOperation:  # so small that it has no exponent, or 0
        return Decimal(re.split("[eE]", answer)[0])


@lru_cache(_REMEMBERED)
def _date(answer: str) -> date:
    if not _DATE.fullmatch(answer):
        raise ValueError("is not a date such as 2026-01-31")
    try:
        day = date.fromisoformat(answer)
    except ValueError:
        raise ValueError(_NO_DAY) from None
    if day.year < _FIRST_YEAR:
        raise ValueError(_TOO_EARLY)
    return day


def _time(answer: str) -> Timed:
    found = _TIME.fullmatch(answer)
    if not found:
        raise ValueError("is not a time such as 13:45:00.000+02:00")
    _, minutes = _offset(found[1])
    return time.fromisoformat(answer[: found.start(1)] if found[1] else answer), minutes


def _datetime(answer: str) -> tuple[datetime, int | None]:
    """Read a moment in UTC, to the millisecond; without an offset it stays as it is."""
    found = _DATETIME.fullmatch(answer)
    if not found:
        raise ValueError("is not a time such as 2026-01-31T23:59:59.000+02:00")
    try:
        local = datetime.fromisoformat(answer[: found.start(1)] if found[1] else answer)
    except ValueError:
        raise ValueError(_NO_DAY) from None
    offset, minutes = _offset(found[1])
    try:
        moment = local - offset
    except OverflowError:
        raise ValueError(_TOO_EARLY if local.year < _FIRST_YEAR else "is after the year 9999") from None
    if moment.year < _FIRST_YEAR:
        raise ValueError(_TOO_EARLY)
    return moment, minutes


@lru_cache(_REMEMBERED)
def _offset(text: str | None) -> tuple[timedelta, int | None]:
    """Read an offset from UTC, and its minutes, which are None where none was sent."""
    if text is None:
        return timedelta(0), None
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2] or 0) * 60 + int(digits[2:] or 0)
    minutes = -minutes if text[0] == "-" else minutes
    return timedelta(minutes=minutes), minutes


def _boolean(answer: str) -> bool:
    if answer != "OK":
        raise ValueError("is not OK")
    return True


def _short(answer: str) -> str:
    if len(answer) > KEY_LENGTH:
        raise ValueError(f"has {len(answer)} characters; at most {KEY_LENGTH} fit")
    return answer


READERS: Mapping[Kind, Callable[[str], Cell]] = {
    Kind.TEXT: _text,
    Kind.KEY: _key,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.BOOLEAN: _boolean,
}
"""How a text is read into a cell of a kind. The sentence of the ValueError starts with "the answer"."""
READERS_OF_STORABLE: Mapping[Kind, Callable[[str], Cell] | None] = {
    **READERS,
    Kind.TEXT: None,
    Kind.KEY: _short,
}
"""The same for texts that are storable; None: such a text is the cell."""
TIMED_READERS: Mapping[Kind, Callable[[str], Timed]] = {Kind.TIME: _time, Kind.DATETIME: _datetime}
"""The same for the kinds that have an offset."""


def moment_of(text: str) -> datetime:
    """Return a moment in UTC, naive.

    :param text: as an answer to a dateTime question.
    :raises ValueError: it is none.
    """
    return _datetime(text)[0]
