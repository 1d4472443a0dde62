"""Waiting answers: whether what no column held may belong to questions and repeats that have columns now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any


class WaitingAnswers:
    """Judges ``extra`` and rejected cells from before a schema had columns for some paths.

    Where it is wrong, it finds too much: such a submission is asked for in vain, and no row changes.

    :param paths: of the questions and repeats that were born.
    :param repeats: the paths that are a repeat in any version.
    """

    def __init__(self, paths: Collection[str], repeats: Collection[str]) -> None:
        self._paths = frozenset(paths)
        self._repeats = self._paths.intersection(repeats)
        self._groups = frozenset(group for path in paths for group in _prefixes(path))

    def are_in(self, extra: str | None) -> bool:
        """Return True if a row's ``extra`` may hold one.

        :param extra: the column's text; None for one that was too long to be read.
        """
        try:
            found = json.loads(extra) if extra is not None else None
        except (ValueError, RecursionError):
            return True  # changed by hand, or of numbers and levels that Python does not read
        if not isinstance(found, dict):
            return True
        return any(self.may_stand_at(path, value) for path, value in found.items())

    def may_stand_at(self, path: str, value: Any) -> bool:
        """Return True if a value in ``extra`` may be one, or may be of a group or a row that has one.

        :param path: the key that it stands at.
        :param value: as it was sent.
        """
        if path in self._paths or (path in self._groups and isinstance(value, list | dict)):
            return True
        return bool(self._repeats) and not self._repeats.isdisjoint(_prefixes(path))

    def may_be_rejected_at(self, path: str) -> bool:
        """Return True if a list that was no answer to a question may be a group's or a repeat's now.

        :param path: of the question.
        """
        return self.may_stand_at(path, [])


def _prefixes(path: str) -> Iterator[str]:
    """Yield the paths of the groups around a path, the outermost first."""
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)
