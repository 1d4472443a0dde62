"""Shaper: a document and a schema to the row set of the submission.

A pure function (docs/architecture.md, "One home"): each key and value of a submission has one home, which is
a column, a rejected cell, ``extra``, the table of files, or the ledger. Values decide the shape, never the
version that a submission names: the server reads what it stores by its newest definition (kobo-api.md §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from kobo_mirror.forms.definition import SYSTEM_KEYS
from kobo_mirror.forms.form_schema import FormSchema, Status, TableKind
from kobo_mirror.submissions.answers import as_text, point, read_answer
from kobo_mirror.submissions.files import match_files
from kobo_mirror.submissions.row_set import RejectedCell, Row, RowSet
from kobo_mirror.submissions.system_values import read_system
from kobo_mirror.submissions.targets import Target, Targets

SEVERAL = "several answers"
_PATHS_REMEMBERED = 20_000


class Shaper:
    """Turn documents into row sets by one schema; it may be used for any number of them.

    :param schema: the applied schema of the form.
    """

    def __init__(self, schema: FormSchema) -> None:
        live = [table for table in schema.tables if table.status is not Status.MOVED]
        self._tables = {t.chain: t for t in live if t.kind not in (TableKind.DECLARED, TableKind.FILES)}
        self._targets = {table.name: Targets(table) for table in self._tables.values()}
        self._repeats = frozenset(schema.repeats)
        self._declared = frozenset(schema.declared)
        self._system = {column.facet for column in schema.root.columns if not column.path}
        questions = {path for targets in self._targets.values() for path in targets.of} | self._declared
        within = (prefix for path in questions | self._repeats for prefix in _prefixes(path))
        self._groups = frozenset(within) - self._repeats - questions
        self._chain = lru_cache(_PATHS_REMEMBERED)(self._repeats_around)

    def shape(self, document: Mapping[str, Any]) -> RowSet:
        """Return all rows of a submission.

        :param document: the submission as it was parsed; ``_id`` is a whole number.
        """
        rejected: list[RejectedCell] = []
        root = Row(self._tables[()])
        root.cells, root.extra = read_system(document, self._system)
        self._fill(root, {k: v for k, v in document.items() if k not in SYSTEM_KEYS}, rejected)
        rows = tuple(root.all_rows())
        for row in rows:
            for path, column in self._targets[row.table.name].counts.items():
                if number := len(row.rows.get(path, ())):
                    row.cells[column] = number
        files, odd = match_files(document.get("_attachments"), self._named_files(rows))
        if odd:
            root.extra["_attachments"] = odd
        return RowSet(document["_id"], rows, tuple(rejected), tuple(files))

    def _fill(self, row: Row, answers: Mapping[str, Any], rejected: list[RejectedCell]) -> None:
        """Give each key and value a home; lists first, since plain keys may belong into their first rows."""
        lists: list[tuple[str, Any]] = []
        plain: list[tuple[str, Any]] = []
        for key, value in self._without_group_lists(answers):
            if value is None or (not row.position and key in self._declared):
                continue
            below = isinstance(value, list) and key in self._repeats and self._is_below(row, key)
            (lists if below else plain).append((key, value))
        for key, value in lists:
            self._add_rows(self._implied(row, self._chain(key)), key, value, rejected)
        for key, value in plain:
            self._place(row, key, value, rejected)

    def _without_group_lists(self, answers: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """A list of one object at the path of a group is the keys of the group, where each is there once."""
        if self._groups.isdisjoint(answers):
            return answers.items()
        found = dict(answers)
        while opened := next((key for key in found if self._is_group_list(key, found)), None):
            inner = found.pop(opened)[0]
            found |= inner
        return found.items()

    def _is_group_list(self, key: str, answers: Mapping[str, Any]) -> bool:
        value = answers[key]
        if key not in self._groups or not isinstance(value, list) or len(value) != 1:
            return False
        return isinstance(value[0], dict) and answers.keys().isdisjoint(value[0])

    def _repeats_around(self, path: str) -> tuple[str, ...]:
        return tuple(prefix for prefix in _prefixes(path) if prefix in self._repeats)

    def _is_below(self, row: Row, key: str) -> bool:
        around = row.table.chain
        return self._chain(key)[: len(around)] == around

    def _add_rows(self, row: Row, path: str, items: list[Any], rejected: list[RejectedCell]) -> None:
        for item in items:
            born = self._new_row(row, path)
            if isinstance(item, dict):
                self._fill(born, item, rejected)
            else:
                born.extra[path] = item

    def _new_row(self, parent: Row, path: str) -> Row:
        siblings = parent.rows.setdefault(path, [])
        table = self._tables[(*parent.table.chain, path)]
        siblings.append(Row(table, (*parent.position, len(siblings) + 1)))
        return siblings[-1]

    def _implied(self, row: Row, chain: tuple[str, ...]) -> Row:
        """Return the first row of the last repeat of a chain; first rows that are missing are made."""
        for path in chain[len(row.table.chain) :]:
            siblings = row.rows.get(path)
            row = siblings[0] if siblings else self._new_row(row, path)
        return row

    def _place(self, row: Row, key: str, value: Any, rejected: list[RejectedCell]) -> None:
        if not self._is_below(row, key):
            row.extra[key] = value
            return
        home = self._implied(row, self._chain(key))
        targets = self._targets[home.table.name].of.get(key)
        if home is not row and (key in home.filled or key in home.extra):
            row.extra[key] = value
        elif targets is None:
            home.extra[key] = value
        else:
            home.filled.add(key)
            _fill_cells(home, key, targets, value, rejected)

    def _named_files(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Target, str]]:
        """The answers that name a file, with the row and column that hold them."""
        for row in rows:
            for target in self._targets[row.table.name].files:
                if name := row.cells.get(target.column):
                    yield row, target, str(name)


def _prefixes(path: str) -> Iterator[str]:
    """The paths of the groups around a path, the outermost first."""
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)


def _fill_cells(
    row: Row, path: str, targets: tuple[Target, ...], value: Any, rejected: list[RejectedCell]
) -> None:
    answer, reason = value, ""
    if isinstance(value, list):
        one = value[0] if len(value) == 1 else None
        if isinstance(one, dict) and list(one) == [path] and isinstance(one[path], str):
            answer = one[path]
        else:
            reason = SEVERAL
    for column, table, kind, narrowed, offset, numbers, _ in targets:
        try:
            read = read_answer(kind, answer)
        except ValueError as problem:
            if not narrowed:
                why = reason or str(problem)
                rejected.append(RejectedCell(table, row.pos, column, path, as_text(value), why))
            continue
        row.cells[column] = read.cell
        if offset:
            row.cells[offset] = read.offset
        if numbers:
            row.cells.update(zip(numbers, point(answer), strict=True))
