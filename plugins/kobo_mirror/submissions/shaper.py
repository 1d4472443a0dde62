"""Shaper: a document and a schema to the row set of the submission.

A pure function (docs/architecture.md, "From a document to rows"): each key and value of a submission has one
home, which is a column, a rejected cell, ``extra``, the table of files, or the ledger. Values decide the
shape, never the version that a submission names: the server reads what it stores by its newest definition
(kobo-api.md §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from kobo_mirror.forms.definition import SYSTEM_KEYS
from kobo_mirror.forms.form_schema import FormSchema, Status, TableKind
from kobo_mirror.submissions.answers import as_text, point, refuse
from kobo_mirror.submissions.files import read_files
from kobo_mirror.submissions.group_lists import only_object, with_lists_opened
from kobo_mirror.submissions.row_set import RejectedCell, Row, RowSet
from kobo_mirror.submissions.system_values import read_system
from kobo_mirror.submissions.targets import Place, Target, Targets

SEVERAL = "several answers"
_PATHS_REMEMBERED, _LONGEST_REMEMBERED = 20_000, 1_000
_ATTACHMENTS = "_attachments"

Answers = Mapping[str, Any]
Later = tuple[Row, Place, Any]
"""A key that stands in a row, and belongs to another table."""


class _Work:
    """What is known while a submission is shaped.

    :param texts_are_storable: as ``Shaper.shape`` has it.
    """

    __slots__ = ("answers", "later", "moved", "rejected", "texts_are_storable")

    def __init__(self, texts_are_storable: bool) -> None:
        self.texts_are_storable = texts_are_storable
        self.rejected: list[RejectedCell] = []
        self.later: list[Later] = []  # keys of other tables, which wait until all lists have become rows
        self.answers: dict[int, Answers] = {}  # the id of a row → what stands in it
        self.moved = set[tuple[int, str]]()  # ids of rows, with the keys that stood elsewhere and went there

    def is_answered(self, row: Row, place: Place) -> bool:
        """Return True if a row has an answer to a question of its table."""
        value = self.answers.get(id(row), {}).get(place.path)
        is_rows = place.is_repeat and type(value) is list
        return (value is not None and not is_rows) or (id(row), place.path) in self.moved


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
        self._elsewhere = SYSTEM_KEYS | self._declared
        root = self._targets[schema.root.name].places
        self._system = {c.facet: root[c.name] for c in schema.root.columns if not c.path and c.name in root}
        known = {path for targets in self._targets.values() for path in targets.of} | self._repeats
        self._places = {path: self._read_place(path) for path in known}
        self._remembered_place = lru_cache(_PATHS_REMEMBERED)(self._read_place)
        within = (prefix for path in known | self._declared for prefix in _prefixes(path))
        self._groups = frozenset(within) - self._repeats

    def _read_place(self, path: str) -> Place:
        chain = tuple(prefix for prefix in _prefixes(path) if prefix in self._repeats)
        targets = self._targets[self._tables[chain].name].of.get(path, ())
        return Place(path, chain, targets, path in self._repeats)

    def _unknown_place(self, path: str) -> Place:
        read = self._remembered_place if len(path) <= _LONGEST_REMEMBERED else self._read_place
        return read(path)

    def shape(self, document: Answers, *, texts_are_storable: bool = False) -> RowSet:
        """Return all rows of a submission.

        :param document: the submission as it was parsed; ``_id`` is a whole number.
        :param texts_are_storable: it is known that none of its texts has a half character or a NUL.
        """
        work = _Work(texts_are_storable)
        root = Row.empty(self._tables[()])
        answers: Answers = {key: v for key, v in document.items() if key not in self._elsewhere}
        if not self._groups.isdisjoint(answers):
            opened = with_lists_opened(answers, document, self._groups)
            answers = {key: value for key, value in opened.items() if not self._is_declared(key, document)}
        self._fill(root, answers, work)
        read_system(document, self._system, root)
        for row, place, value in sorted(work.later, key=_innermost_first):
            self._fill_below(row, place, value, work)
        rows = root.all_rows()
        for row in rows:
            if row.rows:
                counts = self._targets[row.table.name].counts
                row.counts = {counts[path]: len(inside) for path, inside in row.rows.items()}
        files, odd = read_files(document.get(_ATTACHMENTS), self._named_files(rows))
        if odd is not None:
            root.keep(_ATTACHMENTS, odd)
        return RowSet(document["_id"], tuple(rows), tuple(sorted(work.rejected)), tuple(files))

    def _fill(self, row: Row, answers: Answers, work: _Work) -> None:
        """Give each key and value that belongs to a row or to the rows in it a home.

        What belongs to this very row goes first, then the lists that become rows, the outer repeats before
        those in them.
        """
        chain = row.table.chain
        work.answers[id(row)] = answers
        lists: list[tuple[Place, list[Any]]] = []
        for key, value in self._fill_usual(row, answers, work):
            place = self._places.get(key) or self._unknown_place(key)
            if place.is_repeat and type(value) is list and place.chain[: len(chain)] == chain:
                lists.append((place, value))
            elif place.chain != chain:
                work.later.append((row, place, value))
            elif place.targets:
                _fill_cells(row, place, value, work.rejected)
            else:
                row.keep(key, value)
        if len(lists) > 1:
            lists.sort(key=_depth)
        for place, items in lists:
            above = self._implied(row, place.chain)
            for born, item in zip(self._new_rows(above, place.path, len(items)), items, strict=True):
                if isinstance(item, dict):
                    is_flat = self._groups.isdisjoint(item)
                    inside = item if is_flat else with_lists_opened(item, item, self._groups)
                    self._fill(born, inside, work)
                else:
                    born.keep(place.path, item)

    def _fill_usual(self, row: Row, answers: Answers, work: _Work) -> list[tuple[str, Any]]:
        """Write the texts of this row that become one cell, or a time and its offset; return all else."""
        targets = self._targets[row.table.name]
        usual = (targets.usual_storable if work.texts_are_storable else targets.usual).get
        values: list[Any] = row.values
        others: list[tuple[str, Any]] = []
        for key, value in answers.items():
            found = usual(key)
            if found is not None and type(value) is str:
                place, read, offset = found
                if read is None:
                    values[place] = value
                    continue
                try:
                    cell = read(value)
                except ValueError:
                    others.append((key, value))  # to say why
                    continue
                if offset is None:
                    values[place] = cell
                else:
                    values[place], values[offset] = cell
            elif value is not None:
                others.append((key, value))
        return others

    def _new_rows(self, parent: Row, path: str, count: int) -> list[Row]:
        """Add empty rows behind those that a row has in a repeat, and return them."""
        if not count:
            return []
        siblings = parent.rows_in(path)
        table, position, first = self._tables[(*parent.table.chain, path)], parent.position, len(siblings) + 1
        born = [Row.empty(table, (*position, number)) for number in range(first, first + count)]
        siblings += born
        return born

    def _implied(self, row: Row, chain: tuple[str, ...]) -> Row:
        """Return the first row of the last repeat of a chain; first rows that are missing are made."""
        for path in chain[len(row.table.chain) :]:
            siblings = row.rows.get(path)
            row = siblings[0] if siblings else self._new_rows(row, path, 1)[0]
        return row

    def _fill_below(self, row: Row, place: Place, value: Any, work: _Work) -> None:
        """Give a plain key a home that stands in ``row``, but belongs to another table."""
        key, around = place.path, row.table.chain
        home = self._implied(row, place.chain) if place.chain[: len(around)] == around else row
        if home is row or key in home.extra or work.is_answered(home, place):
            row.keep(key, value)
        elif place.targets:
            work.moved.add((id(home), key))
            _fill_cells(home, place, value, work.rejected)
        else:
            home.keep(key, value)

    def _is_declared(self, key: str, document: Answers) -> bool:
        """Return True if the declared table has an answer, or refuses the submission for where it stands.

        It reads the submission itself, and what stands in a list of a question's own group as missing. An
        answer in any other list is left to the derived tables.
        """
        return key in self._declared and (
            document.get(key) is not None
            or any(isinstance(document.get(group), list) for group in _prefixes(key))
        )

    def _named_files(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Target, str]]:
        """Yield the answers that name a file, with the row and column that hold them."""
        for row in rows:
            for target in self._targets[row.table.name].files:
                if name := row.values[target.place]:
                    yield row, target, str(name)


def _prefixes(path: str) -> Iterator[str]:
    """Yield the paths of the groups around a path, the outermost first."""
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)


def _innermost_first(waiting: Later) -> int:
    return -len(waiting[0].position)


def _depth(placed: tuple[Place, Any]) -> int:
    return len(placed[0].chain)


def _fill_cells(row: Row, place: Place, value: Any, rejected: list[RejectedCell]) -> None:
    """Write an answer into the columns of its question, or note why one cannot hold it."""
    answer, why = (value, "") if type(value) is str else _only_answer(place.path, value)
    if why:
        rejected += (
            _rejected(row, place, target, value, why) for target in place.targets if not target.narrowed
        )
        return
    values = row.values
    for target in place.targets:
        try:
            if target.read is not None:
                values[target.place] = target.read(answer)
            elif target.read_timed is not None:
                values[target.place], minutes = target.read_timed(answer)
                if target.offset is not None:
                    values[target.offset] = minutes
        except ValueError as problem:
            if not target.narrowed:
                rejected.append(_rejected(row, place, target, answer, str(problem)))
            continue
        if target.numbers:
            for number, found in zip(target.numbers, point(answer), strict=True):
                values[number] = found


def _rejected(row: Row, place: Place, target: Target, value: Any, why: str) -> RejectedCell:
    return RejectedCell(target.table, row.pos, target.column, place.path, as_text(value), why)


def _only_answer(path: str, value: Any) -> tuple[Any, str]:
    """Return the text in ``[{path: text}]``, or why a value that is no text is no answer."""
    if not isinstance(value, list):
        return value, refuse(value)
    found = only_object(value)
    if found and found.keys() == {path} and isinstance(found[path], str):
        return found[path], ""
    return value, SEVERAL
