"""The shape of submissions: parsing one decides which answers are lists of rows (kobo-api.md §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
SYSTEM = frozenset(
    {
        "_id", "formhub/uuid", "__version__", "meta/instanceID", "meta/deprecatedID", "meta/rootUuid",
        "_uuid", "_xform_id_string", "_attachments", "_status", "_geolocation", "_submission_time",
        "_validation_status", "_submitted_by", "_tags", "_notes", "_bamboo_dataset_id",
        "_supplementalDetails",
    }
)  # fmt: skip
"""The keys that are the server's own; a question that is named like one is never seen."""


class NotParsed(ValueError):
    """The server cannot parse an answer, so the request that made it try is a 500 and changes nothing."""


@dataclass(frozen=True)
class _Place:
    """Where an answer stands in a list of rows.

    :param number: of the row, from 0.
    :param of: how many rows the list has.
    """

    number: int
    of: int


_Places = Mapping[str, _Place]
_NOWHERE = _Place(0, 1)


def parsed(row: Mapping[str, Any], repeats: Collection[str]) -> Row:
    """Shape a submission as the server does: by the newest definition, whatever its own version is.

    What is inside a repeat becomes rows of a list. A list of one row that is no repeat any more becomes plain
    keys; one of several rows stays a list, since plain keys could not hold it.

    :param row: the submission as another definition has shaped it.
    :param repeats: the paths that are repeats in the newest definition.
    :returns: a new object.
    :raises NotParsed: a path has an answer beside rows that stay a list.
    """
    shaped: Row = {}
    for path, value, places in _answers(row, {}):
        holder = shaped
        for prefix in _prefixes(path) if path not in SYSTEM else ():
            place = places.get(prefix, _NOWHERE)
            if prefix in repeats or place.of > 1:
                if prefix == path and not isinstance(value, str):
                    break
                rows = holder.setdefault(prefix, [])
                if not isinstance(rows, list):
                    raise NotParsed(f"{prefix} has an answer and rows at once")
                rows.extend({} for _ in range(place.number + 1 - len(rows)))
                holder = rows[place.number]
        holder[path] = value
    return shaped


def with_answers(row: Mapping[str, Any], answers: Mapping[str, Any]) -> Row:
    """Return a submission with some answers changed.

    :param row: the submission.
    :param answers: answers by path; None clears one. Of a list of rows the first row gets it, and a row that
        is left empty is removed.
    """
    changed: Row = {path: _copied(path, value) for path, value in row.items() if path not in answers}
    for path, value in answers.items():
        holder = _holder(changed, path)
        holder.pop(path, None)
        if value is not None:
            holder[path] = value
    return _without_empty_rows(changed)


def is_rows(path: str, value: Any) -> bool:
    """Return True for the rows of a section: objects whose keys are its path, or below it.

    :param path: the key.
    :param value: its value.
    """
    return (
        isinstance(value, list)
        and bool(value)
        and path not in SYSTEM
        and all(
            isinstance(item, dict) and all(f"{key}/".startswith(f"{path}/") for key in item) for item in value
        )
    )


def _answers(row: Mapping[str, Any], places: _Places) -> Iterator[tuple[str, Any, _Places]]:
    """Yield each answer with its path and where it stands in the lists around it."""
    for path, value in row.items():
        if is_rows(path, value):
            for number, inside in enumerate(value):
                yield from _answers(inside, {**places, path: _Place(number, len(value))})
        else:
            yield path, value, places


def _prefixes(path: str) -> Iterator[str]:
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)
    yield path


def _copied(path: str, value: Any) -> Any:
    if not is_rows(path, value):
        return value
    return [{key: _copied(key, inside) for key, inside in item.items()} for item in value]


def _holder(row: Row, path: str) -> Row:
    """Return the object that an answer stands in: the first row of each list around it."""
    for prefix in _prefixes(path):
        if prefix != path and is_rows(prefix, row.get(prefix)):
            row = row[prefix][0]
    return row


def _without_empty_rows(row: Row) -> Row:
    kept: Row = {}
    for path, value in row.items():
        if not isinstance(value, list) or path in SYSTEM or not all(isinstance(one, dict) for one in value):
            kept[path] = value
        elif rows := [inside for inside in (_without_empty_rows(one) for one in value) if inside]:
            kept[path] = rows
        elif not value:
            kept[path] = value
    return kept
