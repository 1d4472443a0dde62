"""TableGrowth: a table while a further version grows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from kobo_mirror.forms.definition import Question
from kobo_mirror.forms.form_schema import VALUE, Column, Status, Table, TableKind
from kobo_mirror.forms.widths import EMPTY, fits, width_of

_FINAL = (Status.MOVED, Status.NARROWED)


class TableGrowth:
    """A table and its columns, while they change.

    :param table: as it was.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.columns = list(table.columns)
        self._last_part = table.parts
        self._width = sum((width_of(c.kind) for c in self._in_last_part()), EMPTY)

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

    def has(self, path: str, facet: str = VALUE) -> bool:
        """Return True if a question has a column here that is not emptied.

        :param path: of the question.
        :param facet: which of its columns.
        """
        return any(c.path == path and c.facet == facet and c.status is not Status.MOVED for c in self.columns)

    def base_name(self, path: str) -> str:
        """Return the name of a question's first column here, or an empty text.

        :param path: of the question.
        """
        return next((c.name for c in self.columns if c.path == path and c.facet == VALUE), "")

    def add(self, born: Sequence[Column]) -> None:
        """Add columns that stay together, in the last part or, where they do not fit into it, in a new one.

        :param born: the columns of one question.
        """
        width = sum((width_of(column.kind) for column in born), self._width)
        if not fits(width, len(self._in_last_part()) + len(born)):
            self._last_part += 1
            width = sum((width_of(column.kind) for column in born), EMPTY)
        self._width = width
        self.columns += [replace(column, part=self._last_part) for column in born]

    def _in_last_part(self) -> list[Column]:
        return [column for column in self.columns if column.part == self._last_part]

    def narrow(self, path: str) -> None:
        """Let a question's columns go on with what fits them; one that holds every answer comes beside them.

        :param path: of the question.
        """
        self._set_status(Status.NARROWED, path)

    def move_away(self, path: str) -> None:
        """Empty a question's columns: its answers are in another table.

        :param path: of the question.
        """
        self._set_status(Status.MOVED, path)

    def _set_status(self, status: Status, path: str) -> None:
        for index, column in enumerate(self.columns):
            if column.path == path and column.facet != "rows" and column.status is not Status.MOVED:
                self.columns[index] = replace(column, status=status)

    def empty(self) -> None:
        """Let it stay without rows: the repeat stands in another one now."""
        self._table = replace(self._table, status=Status.MOVED)
        self.columns = [replace(c, status=Status.MOVED) if c.path else c for c in self.columns]

    def describe(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """Note what the version says of its repeat.

        :param labels: of the version's repeats, by path.
        """
        if self.path in labels and self._table.status is not Status.MOVED:
            told = dict(labels[self.path]) or self._table.labels
            self._table = replace(self._table, labels=told, status=Status.ACTIVE)

    def ask(self, asked: Mapping[str, Question], version: str, repeats: Collection[str] = ()) -> None:
        """Note what the version says of the questions that have columns here.

        :param asked: the version's questions by path.
        :param version: its uid.
        :param repeats: the version's repeats.
        """
        for index, column in enumerate(self.columns):
            if not column.path or column.facet == "rows":
                continue
            question = asked.get(column.path)
            if question is None:
                if column.status is Status.ACTIVE:
                    self.columns[index] = replace(column, status=Status.REMOVED)
                continue
            self.columns[index] = _told(column, question, version)


def _told(column: Column, question: Question, version: str) -> Column:
    """Return the column with what the version says of its question."""
    final = column.status in _FINAL
    return replace(
        column,
        question_type=question.question_type,
        list_name=question.list_name,
        labels=dict(question.labels) or column.labels,
        hints=dict(question.hints) or column.hints,
        kuid=question.kuid or column.kuid,
        first_version=column.first_version or version,
        last_version=column.last_version if final else version,
        status=column.status if final else Status.ACTIVE,
    )
