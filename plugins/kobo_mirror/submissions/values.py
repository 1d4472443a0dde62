"""The answers of a submission → the cells of its row, or why they do not fit. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import MINYEAR, UTC, date, datetime
from functools import lru_cache
from itertools import accumulate, compress
from typing import Annotated, Any, NamedTuple

import msgspec

from kobo_mirror.forms.declared_form import INTEGER_MAX, INTEGER_MIN, TEXT_LENGTH, Column, Form, Kind
from kobo_mirror.tolerant_json import OddValue

Cell = str | int | date | datetime | None

_WHOLE_NUMBER = re.compile(r"\s*+([+-]?)(?=[0-9])0*+([0-9]*+)\s*+")
_DIGITS = 20  # more than fit into any column
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")
_FIRST_DATE = date(1000, 1, 1)  # the range of MySQL's DATE starts here
_TOO_EARLY = "is before the year 1000"
_REASON_LENGTH = 500


class Misfit(NamedTuple):
    """Why a submission does not fit its form table.

    :param reason: a sentence for a person, which names questions and no answer.
    :param columns: the columns that do not take their answers.
    """

    reason: str
    columns: tuple[str, ...] = ()


def shape(data: dict[str, Any], form: Form) -> tuple[Cell, ...] | Misfit:
    """Return the cells of a submission in the order of the form's columns, or why it does not fit.

    A struct made from the declaration checks a well-formed submission in C; what it refuses is judged column
    by column, which takes 7.3 us a submission in place of 3.3.

    :param data: a submission.
    :param form: the declaration of its table.
    """
    fast = _fast_shape(form)
    try:
        return fast(data)
    except (msgspec.ValidationError, UnicodeEncodeError, _NotPlainError):  # half a character in a key
        return _judge(data, form)


def _judge(data: dict[str, Any], form: Form) -> tuple[Cell, ...] | Misfit:
    cells: list[Cell] = []
    problems: dict[str, str] = {}
    for column in form.columns:
        answer = data.get(column.question)
        if answer is None or (isinstance(answer, str) and (not answer or answer.isspace())):
            repeat = next((group for group in _groups_of(column) if isinstance(data.get(group), list)), None)
            if repeat is not None:
                why = f"{repeat} is a repeat in this submission"
                problems[column.name] = f"the answer to {column.question} is missing: {why}"
            elif column.required and column.default is None:
                problems[column.name] = f"the answer to {column.question} is missing"
            cells.append(column.default)
            continue
        try:
            cells.append(_convert(column.kind, answer))
        except ValueError as problem:
            problems[column.name] = f"the answer to {column.question} {problem}"
    if problems:
        sentences = (f"{name}: {problem}" for name, problem in problems.items())
        return Misfit("; ".join(sentences)[:_REASON_LENGTH], tuple(problems))
    return tuple(cells)


def _groups_of(column: Column) -> Iterator[str]:
    """Iterate over the paths of the groups that a question is in, the outermost first."""
    return accumulate(column.question.split("/")[:-1], "{}/{}".format)


def _convert(kind: Kind, answer: Any) -> Cell:
    if isinstance(answer, OddValue):
        raise ValueError(answer.fault)
    return _CONVERT[kind](answer)


def _text(answer: Any) -> str:
    if not isinstance(answer, str):
        raise ValueError("is not a text")
    if len(answer) > TEXT_LENGTH:
        raise ValueError(f"has {len(answer)} characters; at most {TEXT_LENGTH} fit")
    if not is_unicode(answer):
        raise ValueError("holds half a character (a lone surrogate)")
    return answer


def _integer(answer: Any) -> int:
    number = answer
    if isinstance(answer, str) and (found := _WHOLE_NUMBER.fullmatch(answer)):
        sign, digits = found.groups()
        number = int(f"{sign}0{digits[:_DIGITS]}")
    if type(number) is not int:
        raise ValueError("is not a whole number")
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise ValueError(f"is not between {INTEGER_MIN} and {INTEGER_MAX}")
    return number


def _date(answer: Any) -> date:
    if not isinstance(answer, str) or not _DATE.fullmatch(answer):
        raise ValueError("is not a date such as 2026-01-31")
    if answer < _FIRST_DATE.isoformat():
        raise ValueError(_TOO_EARLY)
    try:
        return date.fromisoformat(answer)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def moment(answer: Any) -> datetime:
    """Return a time to the second, UTC, without a time zone.

    :param answer: any JSON.
    :raises ValueError: it is no such time; the message goes on a sentence that starts with "the answer".
    """
    try:
        time = datetime.fromisoformat(answer)
    except (TypeError, ValueError):
        raise ValueError(_no_time(answer)) from None
    try:
        utc = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:
        raise ValueError(_TOO_EARLY if time.year == MINYEAR else "is after the year 9999") from None
    if utc.date() < _FIRST_DATE:
        raise ValueError(_TOO_EARLY)
    if utc.microsecond:
        raise ValueError("has a fraction of a second")
    return utc


def _no_time(answer: Any) -> str:
    """Return why an answer is no time."""
    if not isinstance(answer, str) or not _TIME.fullmatch(answer):
        return "is not a time such as 2026-01-31T23:59:59"
    return _TOO_EARLY if answer < _FIRST_DATE.isoformat() else "is a time that does not exist"


moment_of_text = lru_cache(maxsize=64)(moment)
"""``moment`` of a text, with a cache: ledger and form table ask for the same one after the other."""

_CONVERT: dict[Kind, Callable[[Any], Cell]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DATE: _date,
    Kind.DATETIME: moment,
}


def _converted(kind: Kind) -> Callable[[Any], Cell]:
    """Return what converts an answer, with a cache: many submissions are of one day.

    Shaping takes 17.6 us a submission with it, 19.0 without.
    """
    convert = _CONVERT[kind]
    return moment_of_text if kind is Kind.DATETIME else lru_cache(maxsize=4096, typed=True)(convert)


class _NotPlainError(Exception):
    """The struct accepts the submission, but a cell has to be judged by itself."""


@lru_cache
def _fast_shape(form: Form) -> Callable[[dict[str, Any]], tuple[Cell, ...]]:
    struct = msgspec.defstruct(
        "Answers",
        [(column.name, _annotation(column), _field(column)) for column in form.columns],
        kw_only=True,
        frozen=True,
    )
    convert, astuple = msgspec.convert, msgspec.structs.astuple
    with suppress(msgspec.ValidationError):
        convert({}, struct)  # its first use prepares it, and crashes if two threads do that at once
    are_texts = [column.kind is Kind.TEXT for column in form.columns]
    may_lack = [column for column in form.columns if not column.required or column.default is not None]
    groups = {group for column in may_lack for group in _groups_of(column)}
    others = tuple((i, _converted(c.kind)) for i, c in enumerate(form.columns) if not are_texts[i])

    def fast(data: dict[str, Any]) -> tuple[Cell, ...]:
        cells: list[Any] = list(astuple(convert(data, struct)))
        for group in groups:
            if group in data:  # a repeat here: what seems blank may be answered inside it
                raise _NotPlainError
        for index, converted in others:
            if cells[index] is not None:
                try:
                    cells[index] = converted(cells[index])
                except ValueError:
                    raise _NotPlainError from None
        texts = list(filter(None, compress(cells, are_texts)))
        if any(map(str.isspace, texts)) or not is_unicode("".join(texts)):
            raise _NotPlainError
        return tuple(cells)

    return fast


def _annotation(column: Column) -> Any:
    text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH)]
    kind: Any = text if column.kind is not Kind.INTEGER else text | int
    return kind if column.required or column.default is not None else kind | None


def _field(column: Column) -> Any:
    if column.required and column.default is None:
        return msgspec.field(name=column.question)
    return msgspec.field(name=column.question, default=column.default)


def is_unicode(text: str) -> bool:
    """Return True if a text is free of half characters (lone surrogates).

    :param text: any text.
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
