"""Answers: the columns of views, and those of tables that hold the answers to one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kobo_mirror.forms.form_schema import VALUE, Column
from kobo_mirror.forms.question_types import POINT_FACETS, Kind
from kobo_mirror.views.values import AsNumber, AsText, Cell, First, Label, Labels, Pairs, Value

_TEXTS = frozenset({Kind.TEXT, Kind.KEY, Kind.JSON})
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL})
_ONE = frozenset({"select_one", "select_one_external", "cascading_select", "rank__level", "score__row"})
_MANY = frozenset({"select_multiple", "rank"})


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view.

    :param facet: which column of the system it is, or what of a question it shows: as in ``kobo_columns``,
        else ``local``, ``choice``, ``geojson`` or ``wkt``.
    :param question: the path of the question that it is about; empty: of none.
    :param of: the column of a table that says type and labels; None: none does.
    :param choice: the choice that it is about, with its label.
    """

    name: str
    value: Value
    facet: str = ""
    question: str = ""
    of: Column | None = None
    choice: tuple[str, str] | None = None


@dataclass(frozen=True)
class Answers:
    """The columns that hold the answers to one question.

    :param question: its path, the one that was asked last.
    :param name: of its column in views.
    :param cells: which hold its answers, the newest first, each with the column.
    :param facets: what further columns of it show, such as ``lat``.
    """

    question: str
    name: str
    cells: tuple[tuple[Cell, Column], ...]
    facets: Mapping[str, Value] = field(default_factory=dict)

    @property
    def takes_many(self) -> bool:
        """True if an answer is any number of choices."""
        return self.newest.question_type in _MANY

    @property
    def takes_one(self) -> bool:
        """True if an answer is one choice."""
        return self.newest.question_type in _ONE

    @property
    def holds_points(self) -> bool:
        """True if it asks for a point, or did: these have their numbers beside them."""
        return {*POINT_FACETS} <= {*self.facets}

    @property
    def newest(self) -> Column:
        """The column that holds every answer now."""
        return self.cells[0][1]

    @property
    def text(self) -> Value:
        """The answer as a text."""
        texts = tuple(cell if cell.kind in _TEXTS else AsText(cell) for cell, _ in self.cells)
        return texts[0] if len(texts) == 1 else First(texts)

    def column(
        self, name: str, value: Value, facet: str, choice: tuple[str, str] | None = None
    ) -> ViewColumn:
        """Return a column that is about the question.

        :param name: of the column.
        :param value: what it shows.
        :param facet: what of the question that is.
        :param choice: of which choice it tells, with its label.
        """
        return ViewColumn(name, value, facet, self.question, self.newest, choice)

    def choices(self, labels: Mapping[str, Pairs]) -> Pairs:
        """Return its choices, those of a former list, too, that the newest has not.

        :param labels: of the lists.
        """
        lists = dict.fromkeys(column.list_name or "" for _, column in self.cells)
        found: dict[str, str] = {}
        for name, label in (pair for one in lists for pair in labels.get(one, ())):
            found.setdefault(name, label)
        return tuple(found.items())

    def labelled(self, labels: Mapping[str, Pairs]) -> ViewColumn:
        """Return the column of the answer, with labels in place of names.

        :param labels: of the lists.
        """
        kinds = {cell.kind for cell, _ in self.cells}
        has_labels = any(_labelled(column, labels) for _, column in self.cells)
        values: list[Value] = []
        for cell, column in self.cells:
            if has_labels and (pairs := _labelled(column, labels)):
                text: Value = cell if cell.kind in _TEXTS else AsText(cell)
                values.append(Labels(text, pairs) if column.question_type in _MANY else Label(text, pairs))
            elif has_labels or not (len(kinds) == 1 or kinds <= _TEXTS or kinds <= _NUMBERS):
                values.append(cell if cell.kind in _TEXTS else AsText(cell))
            else:
                mixed = len(kinds) > 1 and cell.kind is Kind.INTEGER
                values.append(AsNumber(cell) if mixed else cell)
        value = values[0] if len(values) == 1 else First(tuple(values))
        return self.column(self.name, value, VALUE)


def _labelled(column: Column, labels: Mapping[str, Pairs]) -> Pairs:
    is_choice = column.question_type in _ONE or column.question_type in _MANY
    return labels.get(column.list_name or "", ()) if is_choice else ()
