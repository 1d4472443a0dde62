"""Columns of views: those of a table with its parts in reading order, each question once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kobo_mirror.forms import system_columns
from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, FormSchema, Status, Table, TableKind
from kobo_mirror.forms.naming import derived_name, fold
from kobo_mirror.forms.question_history import history_of
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.questions_joined import joined_questions
from kobo_mirror.views.answers import Answers, ViewColumn
from kobo_mirror.views.values import Beside, Cell, Local, Pairs, RowKey, Uuid, Value

KEY, PARENT_KEY, KOBO_ID = "key", "parent_key", "kobo_id"
NO_LABELS: Mapping[str, Pairs] = {}
_LOCAL, _ANSWER = "local", "answer"  # endings of names
_UUID, _OFFSET = "id", "offset"  # facets
_Order = tuple[int, int, int]


@dataclass(frozen=True)
class Source:
    """A table that a view reads.

    :param name: of the physical table.
    :param keys: the columns by which its rows belong to those of the first one.
    """

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A table as views show it.

    :param table: the table itself: the declared one, or a derived one.
    :param sources: the physical tables, the first one that of the rows.
    :param keys: its key as one text, that of the row above too, and the columns of the key.
    :param columns: all others, in reading order; a question's answers stand for its column.
    """

    table: Table
    sources: tuple[Source, ...]
    keys: tuple[ViewColumn, ...]
    columns: tuple[ViewColumn | Answers, ...]

    @property
    def answers(self) -> list[Answers]:
        """The questions of the table, in reading order."""
        return [column for column in self.columns if isinstance(column, Answers)]

    def labelled(self, labels: Mapping[str, Pairs] = NO_LABELS) -> tuple[ViewColumn, ...]:
        """Return all columns with labels in place of names.

        :param labels: of the lists; none: the answers as they are.
        """
        return self.keys + tuple(
            column.labelled(labels) if isinstance(column, Answers) else column for column in self.columns
        )


def shown_tables(schema: FormSchema) -> list[Shown]:
    """Return the tables of a form that have views: the root or the declared one, then those of repeats.

    :param schema: of a form.
    """
    questions = joined_questions(schema)
    declared = [table for table in schema.tables if table.kind is TableKind.DECLARED]
    first = [*declared, schema.root]
    repeats = [[table] for table in schema.tables if table.kind is TableKind.REPEAT]
    return [_Reader(schema, questions, tables).shown() for tables in (first, *repeats)]


class _Reader:
    """Puts the columns of one table in order, with those of its parts and of what is joined to it."""

    def __init__(self, schema: FormSchema, questions: Mapping[str, str], tables: Sequence[Table]) -> None:
        self._questions, self._table = questions, tables[0]
        self._place = {path: index for index, path in enumerate(schema.reading_order)}
        self._last_asked = {path: asked.versions[-1:] for path, asked in history_of(schema).items()}
        self._taken: set[str] = set()
        self._sources: list[Source] = []
        self._cells: list[tuple[Cell, Column]] = []  # in the order of their birth
        for table in tables:
            first = len(self._sources)
            self._sources += [Source(table.part_name(n), table.keys) for n in range(1, table.parts + 1)]
            self._cells += [(Cell(first + c.part - 1, c.name, c.kind), c) for c in table.columns]

    def shown(self) -> Shown:
        keys = self._keys()
        found: list[tuple[_Order, ViewColumn | Answers]] = []
        for question, cells in self._grouped().items():
            if question:
                found += self._of_question(question, cells)
                continue
            for cell, column in cells:
                value: Value = Uuid(cell) if column.facet == _UUID else cell
                shown = ViewColumn(self._free(column.name), value, column.facet, of=column)
                found.append((self._order(column), shown))
        found.sort(key=lambda one: one[0])
        return Shown(self._table, tuple(self._sources), keys, tuple(one for _, one in found))

    def _keys(self) -> tuple[ViewColumn, ...]:
        cells = tuple(Cell(0, name, Kind.INTEGER) for name in self._table.keys)
        found = [ViewColumn(KEY, RowKey(cells), KEY)]
        if len(cells) > 1:
            found.append(ViewColumn(PARENT_KEY, RowKey(cells[:-1]), PARENT_KEY))
        found += [ViewColumn(cell.name, cell, cell.name) for cell in cells]
        self._taken |= {fold(name) for name in (KEY, PARENT_KEY, *self._table.keys)}
        return tuple(found)

    def _grouped(self) -> dict[str, list[tuple[Cell, Column]]]:
        """Return the cells of each question, all of its paths, and under an empty text those of none."""
        found: dict[str, list[tuple[Cell, Column]]] = {"": []}
        for cell, column in self._cells:
            is_asked = bool(column.path) and column.facet != ROWS
            question = self._questions.get(column.path, column.path) if is_asked else ""
            found.setdefault(question, []).append((cell, column))
        return found

    def _of_question(
        self, question: str, cells: Sequence[tuple[Cell, Column]]
    ) -> list[tuple[_Order, ViewColumn | Answers]]:
        """Return a question's column, the local time beside it, and its further columns."""
        values = [one for one in cells if one[1].facet == VALUE]
        base = self._free(values[0][1].name)
        answers = Answers(question, base, self._newest_first(values))
        shown: dict[str, Value] = {}
        beside = {(column.path, column.facet): cell for cell, column in cells}
        found: list[ViewColumn | Answers] = [answers, *self._local(answers, beside)]
        facets = {column.facet: column for _, column in reversed(cells) if column.facet != VALUE}
        for facet, first in reversed(facets.items()):
            pairs = tuple((cell, beside.get((column.path, facet))) for cell, column in answers.cells)
            one_path = len({column.path for _, column in values}) == 1
            value = beside[first.path, facet] if one_path else Beside(pairs)
            found.append(answers.column(self._free(first.name), value, facet))
            shown[facet] = value
        found[0] = replace(answers, facets=shown)
        return [(self._order(answers.newest), one) for one in found]

    def _local(self, answers: Answers, beside: Mapping[tuple[str, str], Cell]) -> list[ViewColumn]:
        pairs = [
            (cell, Local(cell, offset))
            for cell, column in answers.cells
            if cell.kind is Kind.DATETIME and (offset := beside.get((column.path, _OFFSET)))
        ]
        if not pairs:
            return []
        name = derived_name(answers.name, _LOCAL, self._is_taken)
        self._taken.add(fold(name))
        value = pairs[0][1] if len(pairs) == 1 else Beside(tuple(pairs))
        return [answers.column(name, value, _LOCAL)]

    def _is_taken(self, name: str) -> bool:
        return fold(name) in self._taken

    def _free(self, name: str) -> str:
        """Return a name that no column of the view has yet: its own, or one that is made of it."""
        free = derived_name(name, _ANSWER, self._is_taken) if self._is_taken(name) else name
        self._taken.add(fold(free))
        return free

    def _order(self, column: Column) -> _Order:
        if not column.path:
            return (2 if column.facet in system_columns.TRAILING_NAMES else 0), 0, 0
        if column.facet != ROWS:
            return 1, self._place.get(column.path, len(self._place)), 1
        inside = (at for path, at in self._place.items() if path.startswith(f"{column.path}/"))
        return 1, min(inside, default=len(self._place)), 0

    def _newest_first(self, cells: Sequence[tuple[Cell, Column]]) -> tuple[tuple[Cell, Column], ...]:
        def age(numbered: tuple[int, tuple[Cell, Column]]) -> tuple[tuple[int, ...], str, bool, int]:
            place, (_, column) = numbered
            holds_all = column.status not in (Status.NARROWED, Status.MOVED)
            return self._last_asked.get(column.path, ()), column.path, holds_all, place

        return tuple(one for _, one in sorted(enumerate(cells), key=age, reverse=True))
