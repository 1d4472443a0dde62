"""View SQL: the definition of a view as the SELECT that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

from kobo_mirror.database.dialects.base import Dialect
from kobo_mirror.database.lookup import looked_up
from kobo_mirror.database.sql import Identifier, Literal, Part, Sql
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views import values
from kobo_mirror.views.columns import Source
from kobo_mirror.views.definitions import View

_DATE, _TIME, _MOMENT = 10, 12, 23  # characters
_EXACT_IN_A_DOUBLE = 2**53
_LETTERS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # of a UUID, where its parts begin
_PART = Sql("{} AS {}")


def select_of(view: View, dialect: Dialect) -> Part:
    """Return what a view selects.

    :param view: its definition.
    :param dialect: of the database.
    """
    expressions = Expressions(dialect)
    columns = [_PART.format(expressions.of(one.value), Identifier(one.name)) for one in view.columns]
    return Sql("SELECT {} FROM {}").format(Sql(", ").join(columns), joined_sources(view.sources))


def joined_sources(sources: Sequence[Source]) -> Part:
    """Return what stands in FROM: the first table, and the others as far as they have its rows.

    :param sources: tables with the columns of their keys.
    """
    first, *others = sources
    found = [_PART.format(Identifier(first.name), _alias(0))]
    for place, source in enumerate(others, 1):
        equal = Sql("{}.{} = {}.{}")
        keys = [
            equal.format(_alias(place), Identifier(key), _alias(0), Identifier(key)) for key in source.keys
        ]
        join = Sql("LEFT JOIN {} AS {} ON {}")
        found.append(join.format(Identifier(source.name), _alias(place), Sql(" AND ").join(keys)))
    return Sql(" ").join(found)


def _alias(place: int) -> Part:
    return Identifier(f"t{place + 1}")


class Expressions:
    """Writes values as expressions.

    :param dialect: of the database.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def of(self, value: values.Value) -> Part:
        """Return the expression of a value.

        :param value: of a view's column.
        """
        return self._of(value)

    def words(self, value: values.Value) -> Part:
        """Return the expression of an answer with single blanks between its words.

        :param value: an answer.
        """
        found = self._of(value)
        for old, new in ((" ", "\x02\x03"), ("\x03\x02", ""), ("\x02\x03", " ")):
            found = Sql("REPLACE({}, {}, {})").format(found, Literal(old), Literal(new))
        return Sql("TRIM({})").format(found)

    @singledispatchmethod
    def _of(self, value: values.Value) -> Part:
        raise TypeError(f"There is no expression for {type(value).__name__}.")

    @_of.register
    def _(self, value: values.Cell) -> Part:
        return Sql("{}.{}").format(_alias(value.source), Identifier(value.name))

    @_of.register
    def _(self, value: values.RowKey) -> Part:
        first, *others = map(self._of, value.parts)
        between = [part for one in others for part in (Literal("-"), one)]
        text = self._dialect.number_text(first)
        return self._dialect.joined([text, *between]) if others else text

    @_of.register
    def _(self, value: values.Uuid) -> Part:
        letters = Sql("LOWER(HEX({}))").format(self._of(value.of))
        part = Sql("SUBSTR({}, {}, {})")
        parts = [part.format(letters, Literal(start), Literal(length)) for start, length in _LETTERS]
        return self._dialect.joined([one for some in parts for one in (Literal("-"), some)][1:])

    @_of.register
    def _(self, value: values.AsText) -> Part:
        cell = self._of(value.of)
        match value.of.kind:
            case Kind.DATE:
                return self._dialect.time_text(cell, _DATE)
            case Kind.TIME:
                return self._dialect.time_text(cell, _TIME)
            case Kind.DATETIME:
                return self._dialect.time_text(cell, _MOMENT)
            case Kind.BOOLEAN:
                return Sql("CASE WHEN {} THEN 'OK' END").format(cell)
            case _:
                return self._dialect.number_text(cell)

    @_of.register
    def _(self, value: values.AsNumber) -> Part:
        number, most = self._of(value.of), Literal(_EXACT_IN_A_DOUBLE)
        exact = Sql("CASE WHEN {number} BETWEEN -{most} AND {most} THEN {number} * 1E0 END")
        return exact.format(number=number, most=most)

    @_of.register
    def _(self, value: values.Label) -> Part:
        answer = self._of(value.of)
        return looked_up(self._dialect.bytes_of(answer), value.labels, answer)

    @_of.register
    def _(self, value: values.Labels) -> Part:
        return self._dialect.words_told(self.words(value.of), value.labels)

    @_of.register
    def _(self, value: values.First) -> Part:
        return Sql("COALESCE({})").format(Sql(", ").join(map(self._of, value.of)))

    @_of.register
    def _(self, value: values.Beside) -> Part:
        when = Sql("WHEN {} IS NOT NULL THEN {}")
        cases = [
            when.format(self._of(cell), Literal(None) if beside is None else self._of(beside))
            for cell, beside in value.pairs
        ]
        return Sql("CASE {} END").format(Sql(" ").join(cases))

    @_of.register
    def _(self, value: values.Local) -> Part:
        moment, offset = self._of(value.moment), self._of(value.offset)
        later = self._dialect.minutes_later(moment, offset)
        return Sql("CASE WHEN {} IS NULL THEN {} ELSE {} END").format(offset, moment, later)
