"""System values: what the server says of a submission, as cells of its root row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_mirror.forms.question_types import Kind
from kobo_mirror.submissions.answers import Cell, read_answer, storable

_FIELDS_OF_A_VALIDATION = {"uid", "by_whom", "timestamp", "label", "color"}
_OF_THE_LEDGER = ("_uuid", "meta/instanceID", "meta/deprecatedID")
_LONGEST = 255


def read_system(
    document: Mapping[str, Any], wanted: Collection[str]
) -> tuple[dict[str, Cell], dict[str, Any]]:
    """Read the values of the server's own keys.

    :param document: a submission.
    :param wanted: the system columns of the root.
    :returns: cells by column, and what goes whole to ``extra``: values of another shape than usual.
    """
    cells: dict[str, Cell] = {}
    extra: dict[str, Any] = {}
    for key, (columns, read) in _READERS.items():
        value = document.get(key)
        if value is None:
            continue
        try:
            found = read(value)
        except (ValueError, TypeError, OverflowError, OSError):
            extra[key] = value
            continue
        cells.update({name: cell for name, cell in zip(columns, found, strict=True) if name in wanted})
    for key in _OF_THE_LEDGER:
        value = document.get(key)
        if value is not None and not _is_text(value):
            extra[key] = value
    return cells, extra


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and storable(value)


def _text(value: Any) -> tuple[Cell]:
    if not _is_text(value) or len(value) > _LONGEST:
        raise ValueError
    return (value,)


def _long_text(value: Any) -> tuple[Cell]:
    if not _is_text(value):
        raise ValueError
    return (value,)


def _moment(value: Any) -> tuple[Cell]:
    return (read_answer(Kind.DATETIME, value).cell,)


def _root_uuid(value: Any) -> tuple[Cell]:
    (text,) = _text(value)
    return (str(text).removeprefix("uuid:"),)


def _validation(value: Any) -> tuple[Cell, Cell, Cell]:
    if not isinstance(value, dict) or not set(value) <= _FIELDS_OF_A_VALIDATION:
        raise ValueError
    uid, by_whom, stamp = value.get("uid"), value.get("by_whom"), value.get("timestamp")
    for text in (uid, by_whom):
        if text is not None:
            _text(text)
    if stamp is not None and type(stamp) is not int:
        raise ValueError
    time = None if stamp is None else datetime.fromtimestamp(stamp, UTC).replace(tzinfo=None)
    return uid, by_whom, time


_READERS: dict[str, tuple[tuple[str, ...], Callable[[Any], tuple[Cell, ...]]]] = {
    "_submission_time": (("submission_time",), _moment),
    "_submitted_by": (("submitted_by",), _text),
    "__version__": (("form_version",), _text),
    "_validation_status": (("validation_status", "validation_by", "validation_time"), _validation),
    "meta/rootUuid": (("root_uuid",), _root_uuid),
    "meta/instanceName": (("instance_name",), _long_text),
}
