"""Lists of one object that stand in place of a group's own keys.

The server writes a group so where the form had it as a repeat when the submission was parsed
(kobo-api.md §3).
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import Any


def with_lists_opened(
    answers: Mapping[str, Any], taken: Mapping[str, Any], groups: frozenset[str]
) -> dict[str, Any]:
    """Return the answers with the keys of a group in place of a list of one object at its path.

    One that would bring a key that stands here already stays a list. The outer groups are opened first.

    :param answers: the answers of a row: key to value.
    :param taken: all that stands here, the server's own keys among them.
    :param groups: the paths of the form's groups.
    :returns: key to value, without nulls.
    """
    found = {key: value for key, value in answers.items() if value is not None}
    others = {key for key, value in taken.items() if value is not None and key not in found}
    waiting: dict[str, list[str]] = {}  # a key that is there → the groups that would bring it
    to_open = list(groups.intersection(found))
    heapify(to_open)
    while to_open:
        path = heappop(to_open)
        if (inner := only_object(found[path])) is None:
            continue
        there = (key for key in inner if key in others or (key in found and key != path))
        if (held := next(there, None)) is not None:
            waiting.setdefault(held, []).append(path)
            continue
        del found[path]
        found.update(inner)
        freed = () if path in inner else waiting.pop(path, ())
        for key in (*groups.intersection(inner), *freed):
            heappush(to_open, key)
    return found


def only_object(value: Any) -> dict[str, Any] | None:
    """Return the answers in a list of one object, or None for any other value.

    :param value: any parsed JSON.
    :returns: key to value, without keys whose value is null.
    """
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        return None
    return {key: inner for key, inner in value[0].items() if inner is not None}
