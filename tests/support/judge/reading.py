"""Reading: what an answer is in a column of a kind, as docs/architecture.md tells it.

Written from that text and with other means than the code that it judges: no regular expressions, fractions
for numbers, days and minutes for times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

_DIGITS = frozenset("0123456789")
_LONGEST_KEY = 64
_FARTHEST_EXPONENT = 500  # beyond it a number is 0 or infinite as a double, however many digits it has here
_EPOCH = date(1, 1, 1)


class Read(NamedTuple):
    """What a cell and its facet hold."""

    cell: Any
    offset: int | None = None


class CannotHoldError(Exception):
    """The column cannot hold the answer."""


def read(kind: str, answer: Any) -> Read:
    """What a column of a kind holds of an answer.

    :raises CannotHoldError: nothing.
    """
    if not isinstance(answer, str) or not is_storable(answer):
        raise CannotHoldError
    return _READERS[kind](answer)


def is_storable(text: str) -> bool:
    """Whether every database keeps a text: it has no NUL and no half character."""
    return not any(c == "\0" or 0xD800 <= ord(c) <= 0xDFFF for c in text)


def point(text: str) -> tuple[float | None, ...]:
    """The four numbers of a point, each None where it has none."""
    parts = text.split()
    nothing = (None,) * 4
    if len(parts) not in (2, 3, 4) or not all(map(_is_number, parts)):
        return nothing
    numbers = [float(part) for part in parts]
    if not all(map(math.isfinite, numbers)) or not (-90 <= numbers[0] <= 90 and -180 <= numbers[1] <= 180):
        return nothing
    return (*(number or 0.0 for number in numbers), *nothing)[:4]


def _key(text: str) -> Read:
    return Read(_when(text, len(text) <= _LONGEST_KEY))


def _boolean(text: str) -> Read:
    return Read(_when(True, text == "OK"))


def _when(value: Any, holds: bool) -> Any:
    if not holds:
        raise CannotHoldError
    return value


def _are_digits(text: str, count: int | None = None) -> bool:
    return bool(text) and set(text) <= _DIGITS and (count is None or len(text) == count)


def _without_sign(text: str) -> str:
    return text[1:] if text[:1] in ("+", "-") else text


def _integer(text: str) -> Read:
    whole, _, zeros = text.partition(".")
    digits = _without_sign(whole)
    if not _are_digits(digits) or len(digits) > 19 or set(zeros) - {"0"}:
        raise CannotHoldError
    number = sum(int(digit) * 10**power for power, digit in enumerate(reversed(digits)))
    number = -number if text[0] == "-" else number
    return Read(_when(number, -(1 << 63) <= number < 1 << 63))


def _is_number(text: str) -> bool:
    mantissa, e, exponent = text.replace("E", "e").partition("e")
    whole, _, fraction = _without_sign(mantissa).partition(".")
    if e and not _are_digits(_without_sign(exponent)):
        return False
    return _are_digits(whole + fraction)


def _decimal(text: str) -> Read:
    if not _is_number(text):
        raise CannotHoldError
    number = float(text)
    if not math.isfinite(number):
        raise CannotHoldError
    spelt = (repr(number), f"{number:.16e}")
    return Read(_when(number or 0.0, any(_equal(text, other) for other in spelt)))


def _equal(text: str, other: str) -> bool:
    """Whether two texts are the same number, without making one of a million digits."""
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    value = Fraction(mantissa)
    if value == 0:
        return Fraction(other) == 0
    if len(exponent.lstrip("+-0")) > 4 or abs(int(exponent or 0)) > _FARTHEST_EXPONENT + len(mantissa):
        return False
    return value * Fraction(10) ** int(exponent or 0) == Fraction(other)


def _day(text: str) -> date:
    parts = text.split("-")
    if len(parts) != 3 or not all(_are_digits(p, n) for p, n in zip(parts, (4, 2, 2), strict=True)):
        raise CannotHoldError
    try:
        return date(*map(int, parts))
    except ValueError:
        raise CannotHoldError from None


def _date(text: str) -> Read:
    return Read(_when(_day(text), _day(text).year >= 1000))


def _clock(text: str) -> tuple[timedelta, int | None]:
    """How long after midnight, and the offset in minutes."""
    at = min((i for i, c in enumerate(text) if c in "Z+-"), default=len(text))
    clock, offset = text[:at], text[at:]
    clock, point_, fraction = clock.partition(".")
    parts = clock.split(":")
    if len(parts) not in (2, 3) or not all(_are_digits(part, 2) for part in parts):
        raise CannotHoldError
    if point_ and not (len(parts) == 3 and _are_digits(fraction) and len(fraction) <= 3):
        raise CannotHoldError
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    if hours > 23 or minutes > 59 or seconds > 59:
        raise CannotHoldError
    milliseconds = int(fraction.ljust(3, "0") or 0) if point_ else 0
    return timedelta(0, seconds, 0, milliseconds, minutes, hours), _offset(offset)


def _offset(text: str) -> int | None:
    if not text:
        return None
    if text == "Z":
        return 0
    sign, digits = text[0], text[1:]
    if len(digits) == 5 and digits[2] == ":":
        digits = digits[:2] + digits[3:]
    if sign == "Z" or not _are_digits(digits) or len(digits) not in (2, 4):
        raise CannotHoldError
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        raise CannotHoldError
    return (1 if sign == "+" else -1) * (60 * hours + minutes)


def _time(text: str) -> Read:
    since, offset = _clock(text)
    return Read((datetime(2000, 1, 1) + since).time(), offset)  # noqa: DTZ001  # wall time


def _moment(text: str) -> Read:
    day, _, clock = text.partition("T")
    since, offset = _clock(clock)
    since += timedelta((_day(day) - _EPOCH).days) - timedelta(minutes=offset or 0)
    first, last = ((date(year, 1, 1) - _EPOCH).days for year in (1000, 9999))
    if not timedelta(first) <= since < timedelta(last + 365):
        raise CannotHoldError
    return Read(
        datetime.combine(_EPOCH + since, time()) + timedelta(0, since.seconds, since.microseconds), offset
    )


_READERS: Mapping[str, Callable[[str], Read]] = {
    "text": Read,
    "key": _key,
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "time": _time,
    "datetime": _moment,
}
