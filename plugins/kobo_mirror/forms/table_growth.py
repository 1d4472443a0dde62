"""TableGrowth: a table while a further version grows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from kobo_mirror.forms.definition import Question
from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, Status, Table, TableKind
from kobo_mirror.forms.naming import fold
from kobo_mirror.forms.parts import LastPart
from kobo_mirror.forms.question_types import FACETS, POINT_FACETS, Kind, is_file

_FINAL = (Status.MOVED, Status.NARROWED)


class TableGrowth:
    """A table and its columns, while they change.

    :param table: as it was.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.columns: list[Column] = []
        self._places: dict[str, list[int]] = {}
        self._names: set[str] = set()
        self._append(table.columns)
        self._last_part = LastPart(table.columns, table.closed)

    @property
    def name(self) -> str:
        """Its name."""
        return self._table.name

    @property
    def kind(self) -> TableKind:
        """What its rows are."""
        return self._table.kind

    @property
    def path(self) -> str:
        """The path of its repeat."""
        return self._table.path

    @property
    def chain(self) -> tuple[str, ...]:
        """The repeats that its rows stand in."""
        return self._table.chain

    def grown(self) -> Table:
        """Return it as it has become."""
        return replace(self._table, columns=tuple(self.columns))

    def of(self, path: str) -> list[Column]:
        """Return the columns of a question, or of a repeat's count, in the order of their birth.

        :param path: of the question or repeat.
        """
        return [self.columns[index] for index in self._places.get(path, ())]

    def has(self, path: str, facet: str = VALUE) -> bool:
        """Return True if a question has a column here that is not emptied.

        :param path: of the question.
        :param facet: which of its columns.
        """
        return any(c.facet == facet and c.status is not Status.MOVED for c in self.of(path))

    def value_of(self, path: str, kind: Kind) -> Column | None:
        """Return the column of a question that is of a kind and not emptied, or None.

        :param path: of the question.
        :param kind: of the column.
        """
        values = (c for c in self.of(path) if c.facet == VALUE and c.kind is kind)
        return next((column for column in values if column.status is not Status.MOVED), None)

    def base_name(self, path: str) -> str:
        """Return the name of a question's first column here, or an empty text.

        :param path: of the question.
        """
        return next((c.name for c in self.of(path) if c.facet == VALUE), "")

    def is_taken(self, name: str) -> bool:
        """Return True if a column has this name in any spelling, or will have it.

        :param name: of a column.
        """
        return fold(name) in self._names

    def reserve(self, names: Iterable[str]) -> None:
        """Keep names for columns that this version brings.

        :param names: of columns that are still to be added.
        """
        self._names.update(map(fold, names))

    def add(self, born: Sequence[Column]) -> None:
        """Add columns that stay together, in the last part or, where they do not fit into it, in a new one.

        :param born: the columns of one question.
        """
        self._append(self._last_part.take(born))

    def _append(self, born: Iterable[Column]) -> None:
        for column in born:
            self._places.setdefault(column.path, []).append(len(self.columns))
            self._names.add(fold(column.name))
            self.columns.append(column)

    def narrow(self, path: str) -> None:
        """Let a question's columns go on with what fits them; one that holds every answer comes beside them.

        :param path: of the question.
        """
        self._set_status(Status.NARROWED, path)

    def restore(self, path: str, kind: Kind, like: Column) -> None:
        """Let a question's column of a kind hold every answer, with the facets that it needs.

        :param path: of the question.
        :param kind: of the column.
        :param like: the column that did so far: its status and last version go on.
        """
        facets = {*FACETS.get(kind, ()), *(POINT_FACETS if kind is Kind.TEXT else ())}
        for index in self._places.get(path, ()):
            column = self.columns[index]
            is_it = column.facet in facets or (column.facet == VALUE and column.kind is kind)
            if is_it and column.status is Status.NARROWED:
                told = replace(column, status=like.status, last_version=like.last_version)
                self.columns[index] = told

    def move_away(self, path: str) -> None:
        """Empty a question's columns: its answers are in another table.

        :param path: of the question.
        """
        self._set_status(Status.MOVED, path)

    def _set_status(self, status: Status, path: str) -> None:
        for index in self._places.get(path, ()):
            column = self.columns[index]
            if column.facet != ROWS and column.status is not Status.MOVED:
                self.columns[index] = replace(column, status=status)

    def stop_counting(self, path: str) -> None:
        """Empty the column that counts a repeat's rows: the list stands in another table now.

        :param path: of the repeat.
        """
        for index in self._places.get(path, ()):
            if self.columns[index].facet == ROWS:
                self.columns[index] = replace(self.columns[index], status=Status.MOVED)

    def empty(self) -> None:
        """Let it stay without rows: the repeat stands in another one now."""
        self._table = replace(self._table, status=Status.MOVED)
        self.columns = [replace(c, status=Status.MOVED) if c.path else c for c in self.columns]

    def describe(self, labels: Mapping[str, Mapping[str, str]], asked: Collection[str]) -> None:
        """Note what the version says of its repeat.

        :param labels: of the version's repeats, by path.
        :param asked: the paths of the version's repeats, and of the groups around its questions.
        """
        if self.path and self._table.status is not Status.MOVED:
            told = dict(labels.get(self.path, {})) or self._table.labels
            status = Status.ACTIVE if self.path in asked else Status.REMOVED
            self._table = replace(self._table, labels=told, status=status)

    def ask(self, questions: Mapping[str, Question], asked: Collection[str], version: str) -> None:
        """Note what the version says of the questions and repeats that have columns here.

        :param questions: the version's, by path.
        :param asked: as :meth:`describe` takes it.
        :param version: its uid.
        """
        for index, column in enumerate(self.columns):
            if not column.path:
                continue
            question = None if column.facet == ROWS else questions.get(column.path)
            if question is not None:
                self.columns[index] = _told(column, question, version)
            elif column.facet == ROWS and column.path in asked:
                self.columns[index] = _asked_again(column, version)
            elif column.status is Status.ACTIVE:
                self.columns[index] = replace(column, status=Status.REMOVED)


def _asked_again(column: Column, version: str) -> Column:
    """Return the column with its status, and the version as the last one that asks it."""
    final = column.status in _FINAL
    return replace(
        column,
        first_version=column.first_version or version,
        last_version=column.last_version if final else version,
        status=column.status if final else Status.ACTIVE,
    )


def _told(column: Column, question: Question, version: str) -> Column:
    """Return the column with what the version says of its question."""
    return replace(
        _asked_again(column, version),
        question_type=question.question_type,
        list_name=question.list_name,
        labels=dict(question.labels) or column.labels,
        hints=dict(question.hints) or column.hints,
        kuid=question.kuid or column.kuid,
        names_file=column.names_file or (column.facet == VALUE and is_file(question.question_type)),
    )
