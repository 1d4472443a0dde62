"""Submission → State: its row of the form table, or why it is rejected. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec

from kobo_mirror.forms.form import INTEGER_MAX, INTEGER_MIN, TEXT_LENGTH, Column, Form, Kind, Mirror
from kobo_mirror.forms.submission import digest, parse, text_of, token, validation

Cell = str | int | date | datetime | None

_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,20}\s*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_DATE = date(1000, 1, 1)  # DATE of MySQL starts here
_REASON_LENGTH = 500
_WHOLE = ("_uuid", "_submission_time", "meta/instanceID")


class State(NamedTuple):
    """What a submission looked like at one moment, ready for the writer.

    ``row`` is ``(id, kobo_id, *columns of the Form)`` or None with the ``reason`` of the rejection;
    ``partial`` says that parts which every whole submission has are missing, so that it must be fetched.
    """

    kobo_id: int
    uuid: str | None
    root_uuid: str | None
    previous_uuid: str | None
    form_version: str | None
    submission_time: datetime | None
    submitted_by: str | None
    validation_status: str | None
    validation_timestamp: int | None
    digest: bytes
    row: tuple[Any, ...] | None
    row_digest: bytes | None
    reason: str | None
    partial: bool
    payload: bytes


def read_state(raw: bytes | memoryview, mirror: Mirror) -> State:
    """The state that one submission's JSON describes.

    :raises SubmissionError: it is no submission at all.
    """
    data = parse(raw)
    kobo_id: int = data["_id"]
    partial = not all(text_of(data, key) for key in _WHOLE)
    cells: tuple[Cell, ...] | None = None
    if partial:
        reason: str | None = (
            f"not a whole submission: {', '.join(key for key in _WHOLE if not text_of(data, key))} missing"
        )
    else:
        cells, reason = shape(data, mirror.form)
    time = _submission_time(data)
    row = None
    if cells is not None and time is not None:
        row = (record_id(mirror, kobo_id, time), kobo_id, *cells)
    elif reason is None:
        reason = "_submission_time is not a time such as 2026-01-31T23:59:59"
    status, stamp = validation(data)
    return State(
        kobo_id=kobo_id,
        uuid=token(text_of(data, "_uuid")),
        root_uuid=token(text_of(data, "meta/rootUuid")),
        previous_uuid=token(text_of(data, "meta/deprecatedID")),
        form_version=token(text_of(data, "__version__")),
        submission_time=time,
        submitted_by=_fitting(text_of(data, "_submitted_by")),
        validation_status=status,
        validation_timestamp=stamp,
        digest=digest(data, mirror.form.fingerprint),
        row=row,
        row_digest=row_digest(row) if row else None,
        reason=reason,
        partial=partial,
        payload=bytes(raw),
    )


def unreadable_state(raw: bytes | memoryview, kobo_id: int, reason: str) -> State:
    """A submission of which only the ``_id`` can be told: a rejection."""
    payload = bytes(raw).decode("utf-8", "backslashreplace").encode()
    nothing = dict.fromkeys(State._fields)
    known = {
        "digest": hashlib.blake2b(payload, digest_size=16).digest(),
        "reason": reason,
        "payload": payload,
    }
    return State(**{**nothing, "kobo_id": kobo_id, "partial": False, **known})  # type: ignore[arg-type]


def record_id(mirror: Mirror, kobo_id: int, submission_time: datetime) -> bytes:
    """The form row's UUIDv8: 48 bits of time in ms, the rest from SHA-256 of (server, asset, ``_id``).

    The same submission has the same id for ever, and ids ascend with time (from 1970 on).
    """
    milliseconds = max(0, int(submission_time.replace(tzinfo=UTC).timestamp()) * 1000)
    seed = f"{mirror.server}\n{mirror.asset_uid}\n{kobo_id}".encode()
    rest = int.from_bytes(hashlib.sha256(seed).digest()[:10]) & (2**74 - 1)
    return (milliseconds << 80 | 8 << 76 | (rest >> 62) << 64 | 2 << 62 | rest & (2**62 - 1)).to_bytes(16)


def row_digest(row: tuple[Any, ...]) -> bytes:
    """16 bytes of a form row as SQL holds it: ``(id, kobo_id, *columns)``, clocks left out."""
    return hashlib.blake2b(msgspec.json.encode((row[0].hex(), *row[1:])), digest_size=16).digest()


def shape(data: dict[str, Any], form: Form) -> tuple[tuple[Cell, ...] | None, str | None]:
    """The cells of a submission in the order of the form's columns, or the reason why it does not fit.

    A struct made from the declaration checks a well-formed submission in C; what it refuses is judged
    column by column.
    """
    fast = _fast_shape(form)
    try:
        return fast(data), None
    except (msgspec.ValidationError, _NotPlainError):
        return _judge(data, form)


def _judge(data: dict[str, Any], form: Form) -> tuple[tuple[Cell, ...] | None, str | None]:
    cells: list[Cell] = []
    problems: list[str] = []
    for column in form.columns:
        answer = data.get(column.question)
        if answer is None or (isinstance(answer, str) and (not answer or answer.isspace())):
            if column.required and column.default is None:
                problems.append(f"{column.name}: the answer to {column.question} is missing")
            cells.append(column.default)
            continue
        try:
            cells.append(_CONVERT[column.kind](answer))
        except ValueError as problem:
            problems.append(f"{column.name}: the answer to {column.question} {problem}")
    if problems:
        return None, "; ".join(problems)[:_REASON_LENGTH]
    return tuple(cells), None


def _text(answer: Any) -> str:
    if not isinstance(answer, str):
        raise ValueError("is not a text")
    if len(answer) > TEXT_LENGTH:
        raise ValueError(f"has {len(answer)} characters; at most {TEXT_LENGTH} fit")
    if not _is_unicode(answer):
        raise ValueError("holds half a character (a lone surrogate)")
    return answer


def _integer(answer: Any) -> int:
    if isinstance(answer, str) and _WHOLE_NUMBER.fullmatch(answer):
        answer = int(answer)
    if type(answer) is not int:
        raise ValueError("is not a whole number")
    if not INTEGER_MIN <= answer <= INTEGER_MAX:
        raise ValueError(f"is not between {INTEGER_MIN} and {INTEGER_MAX}")
    return answer


def _date(answer: Any) -> date:
    if isinstance(answer, str) and _DATE.fullmatch(answer):
        try:
            day = date.fromisoformat(answer)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
        if day >= _FIRST_DATE:
            return day
    raise ValueError("is not a date such as 2026-01-31")


def _datetime(answer: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(answer)
    except (TypeError, ValueError):
        raise ValueError("is not a time such as 2026-01-31T23:59:59") from None
    try:
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError:
        raise ValueError("is out of range") from None
    if moment.microsecond or moment.date() < _FIRST_DATE:
        raise ValueError("has a fraction of a second or is before the year 1000")
    return moment


_CONVERT: dict[Kind, Callable[[Any], Cell]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
}


class _NotPlainError(Exception):
    """The struct took it, but a cell needs a second look."""


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
    others = tuple((i, _CONVERT[c.kind]) for i, c in enumerate(form.columns) if c.kind is not Kind.TEXT)

    def fast(data: dict[str, Any]) -> tuple[Cell, ...]:
        cells: list[Any] = list(astuple(convert(data, struct)))
        for index, converted in others:
            if cells[index] is not None:
                try:
                    cells[index] = converted(cells[index])
                except ValueError:
                    raise _NotPlainError from None
        for cell in cells:
            if type(cell) is str and cell.isspace():
                raise _NotPlainError
        if not _is_unicode("".join(cell for cell in cells if type(cell) is str)):
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


def _submission_time(data: dict[str, Any]) -> datetime | None:
    try:
        return _datetime(data.get("_submission_time"))
    except ValueError:
        return None


def _fitting(text: str | None) -> str | None:
    return text[:TEXT_LENGTH] if text and _is_unicode(text) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
