"""System values: what the server says of a submission, as cells of its root row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_mirror.submissions.answers import Cell, moment_of, storable
from kobo_mirror.submissions.document import is_usual_validation, token
from kobo_mirror.submissions.row_set import Row

_FIRST_SECOND = -30_610_224_000  # of the year 1000; a DATETIME of MySQL starts there
_SCHEME = "uuid:"
_OF_THE_LEDGER = ("_uuid", "meta/instanceID", "meta/deprecatedID")


def read_system(document: Mapping[str, Any], places: Mapping[str, int], root: Row) -> None:
    """Write the values of the server's own keys.

    Values of another shape than usual, and ids that the ledger does not keep as they were sent, go whole to
    ``extra``.

    :param document: a submission.
    :param places: of the system columns among the root's values; a key whose columns a declared table has is
        left to that.
    :param root: the row to write to.
    """
    values = root.values
    for key, (columns, read) in _READERS.items():
        value = document.get(key)
        if value is None or columns[0] not in places:
            continue
        try:
            for column, cell in zip(columns, read(value), strict=True):
                values[places[column]] = cell
        except (ValueError, OverflowError, OSError):
            root.keep(key, value)
    for key in _OF_THE_LEDGER:
        value = document.get(key)
        if value is not None and not _is_kept(value):
            root.keep(key, value)
    token_of, instance = document.get("_uuid"), document.get("meta/instanceID")
    if token_of is not None and instance is not None and instance not in (token_of, f"{_SCHEME}{token_of}"):
        root.keep("meta/instanceID", instance)  # it is another than the edit token, which the ledger keeps


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
