"""Re-parsing: a stored submission as the server shows it once it was parsed with another version.

A path that has become a repeat shows a list of rows, one that is none any more plain keys, where it had a
single row; with several it stays a list (kobo-api.md §3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.support.forms.asked import HIDDEN

Row = dict[str, Any]
_Numbers = Mapping[str, int]


def reparsed(document: Mapping[str, Any], repeats: Collection[str]) -> Row:
    """A regular submission as it is shown when ``repeats`` are the repeats of the newest version."""
    found: Row = {}
    several = set(_with_several_rows(document))
    for path, numbers, value in _leaves(document, {}):
        row = found
        for prefix in _prefixes(path):
            if prefix in repeats or prefix in several:
                rows = row.setdefault(prefix, [])
                if not _is_rows(prefix, rows):
                    break  # an odd value stands there: the key stays beside it
                number = numbers.get(prefix, 0)
                rows.extend({} for _ in range(number + 1 - len(rows)))
                row = rows[number]
        row[path] = value
    return found


def _leaves(row: Mapping[str, Any], numbers: _Numbers) -> Iterator[tuple[str, _Numbers, Any]]:
    """Each answer with the numbers of the rows that it stands in."""
    for path, value in row.items():
        if _is_rows(path, value):
            for number, inside in enumerate(value):
                yield from _leaves(inside, {**numbers, path: number})
        else:
            yield path, numbers, value


def _with_several_rows(row: Mapping[str, Any]) -> Iterator[str]:
    for path, value in row.items():
        if _is_rows(path, value):
            if len(value) > 1:
                yield path
            for inside in value:
                yield from _with_several_rows(inside)


def _is_rows(path: str, value: Any) -> bool:
    return isinstance(value, list) and path not in HIDDEN and all(isinstance(row, dict) for row in value)


def _prefixes(path: str) -> Iterator[str]:
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)
