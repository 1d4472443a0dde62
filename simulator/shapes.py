"""The shape of submissions: parsing one decides which answers are lists of rows (kobo-api.md §3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]


def parsed(row: Mapping[str, Any], repeats: Iterable[str]) -> Row:
    """Shape a submission as the server does: by the newest definition, whatever its own version is.

    What is inside a repeat becomes one row of a list. A list of one row that is no repeat any more becomes
    plain keys; one of several rows stays a list, since plain keys could not hold it.

    :param row: the submission as another definition has shaped it.
    :param repeats: the paths of groups that are repeats in the newest definition.
    :returns: a new object.
    """
    wanted = frozenset(repeats)
    shaped: Row = {}
    for path, value in _with_plain_keys(row, wanted).items():
        group = path.rpartition("/")[0]
        if group in wanted:
            shaped.setdefault(group, [{}])[0][path] = value
        else:
            shaped[path] = value
    return shaped


def with_answers(row: Mapping[str, Any], answers: Mapping[str, Any]) -> Row:
    """Return a submission with some answers changed.

    :param row: the submission.
    :param answers: answers by path; None clears one. Of a list of rows the first row gets it, and a row that
        is left empty is removed.
    """
    given = {path: value for path, value in row.items() if path not in answers}
    lists = {path: [dict(item) for item in value] for path, value in given.items() if _is_rows(path, value)}
    for path, value in answers.items():
        group = path.rpartition("/")[0]
        holder = lists[group][0] if group in lists else given
        holder.pop(path, None)
        if value is not None:
            holder[path] = value
    kept = {path: [item for item in rows if item] for path, rows in lists.items()}
    return {path: kept.get(path, value) for path, value in given.items() if kept.get(path) != []}


def _with_plain_keys(row: Mapping[str, Any], repeats: frozenset[str]) -> Row:
    plain: Row = {}
    for path, value in row.items():
        if path not in repeats and _is_rows(path, value) and len(value) == 1:
            plain |= value[0]
        else:
            plain[path] = value
    return plain


def _is_rows(path: str, value: Any) -> bool:
    """Return True for the rows of a group: objects whose keys are below its path."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and all(key.startswith(f"{path}/") for key in item) for item in value)
    )
