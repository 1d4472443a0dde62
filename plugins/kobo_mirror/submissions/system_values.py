"""System values: what the server says of a submission, as cells of its root row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_mirror.submissions.answers import Cell, moment_of, storable
from kobo_mirror.submissions.document import is_usual_validation, token

_FIRST_SECOND = -30_610_224_000  # of the year 1000; a DATETIME of MySQL starts there
_SCHEME = "uuid:"
_OF_THE_LEDGER = ("_uuid", "meta/instanceID", "meta/deprecatedID")


def read_system(
    document: Mapping[str, Any], wanted: Collection[str]
) -> tuple[dict[str, Cell], dict[str, Any]]:
    """Read the values of the server's own keys.

    :param document: a submission.
    :param wanted: the system columns of the root; a key whose columns a declared table has is left to that.
    :returns: cells by column, and what goes whole to ``extra``: values of another shape than usual, and ids
        that the ledger does not keep as they were sent.
    """
    cells: dict[str, Cell] = {}
    extra: dict[str, Any] = {}
    for key, (columns, read) in _READERS.items():
        value = document.get(key)
        if value is None or columns[0] not in wanted:
            continue
        try:
            found = zip(columns, read(value), strict=True)
            cells.update({column: cell for column, cell in found if cell is not None})
        except (ValueError, OverflowError, OSError):
            extra[key] = value
    for key in _OF_THE_LEDGER:
        value = document.get(key)
        if value is not None and not _is_kept(value):
            extra[key] = value
    token_of, instance = document.get("_uuid"), document.get("meta/instanceID")
    if token_of is not None and instance is not None and instance not in (token_of, f"{_SCHEME}{token_of}"):
        extra["meta/instanceID"] = instance  # it is another than the edit token, which the ledger keeps
    return cells, extra


def _is_kept(value: Any) -> bool:
    """Return True if the ledger keeps an id as it is, without ``uuid:``."""
    return isinstance(value, str) and token(value) == value.removeprefix(_SCHEME)


def _text(value: Any) -> tuple[Cell]:
    if not isinstance(value, str) or not storable(value):
        raise ValueError
    return (value,)


def _moment(value: Any) -> tuple[Cell]:
    if not isinstance(value, str):
        raise ValueError
    return (moment_of(value),)


def _root_uuid(value: Any) -> tuple[Cell]:
    (text,) = _text(value)
    return (str(text).removeprefix(_SCHEME),)


def _validation(value: Any) -> tuple[Cell, Cell, Cell]:
    if not is_usual_validation(value):
        raise ValueError
    uid, by_whom, stamp = value.get("uid"), value.get("by_whom"), value.get("timestamp")
    for text in (uid, by_whom):
        if text is not None:
            _text(text)
    if stamp is None:
        return uid, by_whom, None
    if type(stamp) is not int or stamp < _FIRST_SECOND:
        raise ValueError
    return uid, by_whom, datetime.fromtimestamp(stamp, UTC).replace(tzinfo=None)


_READERS: dict[str, tuple[tuple[str, ...], Callable[[Any], tuple[Cell, ...]]]] = {
    "_submission_time": (("submission_time",), _moment),
    "_submitted_by": (("submitted_by",), _text),
    "__version__": (("form_version",), _text),
    "_validation_status": (("validation_status", "validation_by", "validation_time"), _validation),
    "meta/rootUuid": (("root_uuid",), _root_uuid),
    "meta/instanceName": (("instance_name",), _text),
}
