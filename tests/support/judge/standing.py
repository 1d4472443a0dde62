"""Standing: in which row each key of a document stands, told from the schema's repeats alone.

A row is named by its steps: ``(("people", 2), ("people/visits", 1))``. What is sent is first spread over the
rows of the lists; then each key goes to the row that it belongs to, the keys of inner rows before those of
outer ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kobo_mirror.forms.form_schema import FormSchema
from tests.support.judge.facts import SYSTEM_KEYS

Steps = tuple[tuple[str, int], ...]
ROOT: Steps = ()


@dataclass
class Standing:
    """What stands where.

    :param answers: row → key → value, where the key belongs to the row's table.
    :param elsewhere: row → key → value: kept in the row's ``extra``, since it belongs to another table or its
        place is taken.
    """

    rows: set[Steps] = field(default_factory=lambda: {ROOT})
    answers: dict[Steps, dict[str, Any]] = field(default_factory=dict)
    elsewhere: dict[Steps, dict[str, Any]] = field(default_factory=dict)


class Reader:
    """Tell where the keys of documents stand.

    :param schema: read as data: its repeats, and the paths of its questions.
    """

    def __init__(self, schema: FormSchema) -> None:
        self.repeats = set(schema.repeats)
        self.declared = set(schema.declared)
        asked = {column.path for table in schema.tables for column in table.columns if column.path}
        paths = [path.split("/") for path in asked | self.repeats]
        self.groups = {"/".join(path[:length]) for path in paths for length in range(1, len(path))}
        self.groups -= self.repeats

    def around(self, key: str) -> tuple[str, ...]:
        """The repeats that a key stands in by its path, the outermost first."""
        return tuple(sorted((path for path in self.repeats if key.startswith(f"{path}/")), key=len))

    def read(self, document: Mapping[str, Any]) -> Standing:
        """Where the keys of a document stand that are neither the server's nor declared."""
        found = Standing()
        sent: list[tuple[Steps, str, Any]] = []
        taken = {key for key, value in document.items() if key in SYSTEM_KEYS and value is not None}
        answers = {key: value for key, value in document.items() if key not in SYSTEM_KEYS}
        answers = self._without_groups(answers, taken)
        others = {key: v for key, v in answers.items() if not self._is_of_the_declared_table(key, document)}
        self._spread(ROOT, others, found, sent)
        for steps, key, value in sorted(sent, key=lambda one: -len(one[0])):
            self._put(steps, key, value, found)
        return found

    def _is_of_the_declared_table(self, key: str, document: Mapping[str, Any]) -> bool:
        """Return True if that table has it, or refuses the submission since a group around it is a list."""
        above = [key[:end] for end, character in enumerate(key) if character == "/"]
        is_seen = document.get(key) is not None or any(type(document.get(path)) is list for path in above)
        return key in self.declared and is_seen

    def _without_groups(self, answers: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
        rest = {key: value for key, value in answers.items() if value is not None}
        for key in sorted(rest):
            value = rest[key]
            if key not in self.groups or not isinstance(value, list) or [type(v) for v in value] != [dict]:
                continue
            inside = {inner: below for inner, below in value[0].items() if below is not None}
            del rest[key]
            if inside.keys() & (rest.keys() | taken):
                rest[key] = value
                continue
            return self._without_groups(rest | inside, taken)
        return rest

    def _spread(
        self, steps: Steps, row: Mapping[str, Any], found: Standing, sent: list[tuple[Steps, str, Any]]
    ) -> None:
        here = tuple(path for path, _ in steps)
        for key in sorted(row, key=lambda key: (key.count("/"), key)):
            value, around = row[key], self.around(key)
            if key not in self.repeats or not isinstance(value, list) or around[: len(here)] != here:
                sent.append((steps, key, value))
                continue
            above = self._first(steps, around, found)
            before = sum(
                1 for other in found.rows if other[:-1] == above and other[-1:] and other[-1][0] == key
            )
            for number, item in enumerate(value, before + 1):
                born = (*above, (key, number))
                found.rows.add(born)
                if isinstance(item, dict):
                    self._spread(born, self._without_groups(item, set()), found, sent)
                else:
                    found.elsewhere.setdefault(born, {})[key] = item

    def _first(self, steps: Steps, around: tuple[str, ...], found: Standing) -> Steps:
        for path in around[len(steps) :]:
            steps = (*steps, (path, 1))
            found.rows.add(steps)
        return steps

    def _put(self, steps: Steps, key: str, value: Any, found: Standing) -> None:
        around, here = self.around(key), tuple(path for path, _ in steps)
        place = found.elsewhere
        if around[: len(here)] == here:
            home = self._first(steps, around, found)
            taken = found.answers.get(home, {}).keys() | found.elsewhere.get(home, {}).keys()
            if home == steps or key not in taken:
                place, steps = found.answers, home
        place.setdefault(steps, {})[key] = value


def counted(rows: set[Steps]) -> Counter[tuple[Steps, str]]:
    """How many rows of each repeat stand in each row."""
    return Counter((steps[:-1], steps[-1][0]) for steps in rows if steps)
