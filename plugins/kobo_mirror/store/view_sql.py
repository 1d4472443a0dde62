"""View SQL: the definition of a view as the SELECT that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

from kobo_mirror.database.dialects.base import Dialect
from kobo_mirror.database.dialects.base_views import Words, mark_of
from kobo_mirror.database.lookup import looked_up
from kobo_mirror.database.sql import Identifier, Literal, Part, Sql
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views import values
from kobo_mirror.views.columns import Source
from kobo_mirror.views.definitions import Select, View

_DATE, _TIME, _MOMENT = 10, 12, 23  # characters
_EXACT_IN_A_DOUBLE = 2**53
_LETTERS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # of a UUID, where its parts begin
_LINE = Sql("INSTR({positions}, '],[') > 0")
_OUTLINE = Sql(  # four positions at least, the last one like the first
    "LENGTH({positions}) - LENGTH(REPLACE({positions}, '],[', '')) >= 9 AND "
    "SUBSTR({positions}, -INSTR({positions}, '],')) = SUBSTR({positions}, 1, INSTR({positions}, '],'))"
)
_AROUND = {  # what stands around the positions of a trace, or an outline, as GeoJSON and as WKT
    (False, False): ('{"type":"LineString","coordinates":[', "]}"),
    (True, False): ('{"type":"Polygon","coordinates":[[', "]]}"),
    (False, True): ("LINESTRING(", ")"),
    (True, True): ("POLYGON((", "))"),
}
_POSITIONS_TO_WKT = ((",", " "), ("] [", ","), ("[", ""), ("]", ""))
_PART = Sql("{} AS {}")


def select_of(view: View, dialect: Dialect) -> Part:
    """Return what a view selects.

    :param view: its definition.
    :param dialect: of the database.
    """
    first, *others = view.selects
    selects = [_select(first, dialect, view.name), *(_select(one, dialect) for one in others)]
    return Sql(" UNION ALL ").join(selects)


def _select(select: Select, dialect: Dialect, marked: str = "") -> Part:
    """Return rows of a view, with its mark as a condition that always holds."""
    words = Expressions(dialect).words(select.words) if select.words else None
    rows = dialect.words(words) if words else None
    expressions = Expressions(dialect, rows)
    columns = [_PART.format(expressions.of(one.value), Identifier(one.name)) for one in select.columns]
    found: Part = Sql("SELECT {} FROM {}").format(Sql(", ").join(columns), _joined(select.sources))
    if rows:
        found = Sql("{} CROSS JOIN {}").format(found, rows.rows)
    conditions = [Sql("{} <> ''").format(Literal(mark_of(marked)))] if marked else []
    if select.answered:
        conditions.append(Sql("TRIM({}) <> ''").format(expressions.of(select.answered)))
    return Sql("{} WHERE {}").format(found, Sql(" AND ").join(conditions)) if conditions else found


def _joined(sources: Sequence[Source]) -> Part:
    """Return what stands in FROM: the first table, and the others as far as they have its rows."""
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
    :param rows: the words that are rows, where any are.
    """

    def __init__(self, dialect: Dialect, rows: Words | None = None) -> None:
        self._dialect, self._rows = dialect, rows

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

    @property
    def _words(self) -> Words:
        if self._rows is None:
            raise TypeError("There are no words: they are rows of no answer.")
        return self._rows

    @singledispatchmethod
    def _of(self, value: values.Value) -> Part:
        raise TypeError(f"There is no expression for {type(value).__name__}.")

    @_of.register
    def _(self, value: values.Cell) -> Part:
        return Sql("{}.{}").format(_alias(value.source), Identifier(value.name))

    @_of.register
    def _(self, value: values.Has) -> Part:
        words = self.words(value.of)
        around = self._dialect.joined([Literal(" "), words, Literal(" ")])
        has = Sql("CASE WHEN {} IS NOT NULL THEN CASE WHEN INSTR({}, {}) > 0 THEN 1 ELSE 0 END END")
        return has.format(self._of(value.of), around, Literal(f" {value.choice} "))

    @_of.register
    def _(self, value: values.Point) -> Part:
        lon, lat, alt = map(self._of, (value.lon, value.lat, value.alt))
        numbers = [self._dialect.number_text(one) for one in (lon, lat)]
        third = self._dialect.joined([Literal(","), self._dialect.number_text(alt)])
        more = Sql("COALESCE({}, '')").format(third)
        start, end = Literal('{"type":"Point","coordinates":['), Literal("]}")
        text = self._dialect.joined([start, numbers[0], Literal(","), numbers[1], more, end])
        return Sql("CASE WHEN {} IS NOT NULL AND {} IS NOT NULL THEN {} END").format(lon, lat, text)

    @_of.register
    def _(self, value: values.PointText) -> Part:
        lon, lat = self._of(value.lon), self._of(value.lat)
        numbers = [self._dialect.number_text(one) for one in (lon, lat)]
        text = self._dialect.joined([Literal("POINT("), numbers[0], Literal(" "), numbers[1], Literal(")")])
        return Sql("CASE WHEN {} IS NOT NULL AND {} IS NOT NULL THEN {} END").format(lon, lat, text)

    @_of.register
    def _(self, value: values.Line) -> Part:
        positions = self._dialect.positions(self._of(value.of))
        listed = self._dialect.joined([Literal("["), positions, Literal("]")])
        is_one = (_OUTLINE if value.is_outline else _LINE).format(positions=positions)
        start, end = map(Literal, _AROUND[value.is_outline, value.as_text])
        if value.as_text:
            for old, new in _POSITIONS_TO_WKT:
                positions = Sql("REPLACE({}, {}, {})").format(positions, Literal(old), Literal(new))
        text = self._dialect.joined([start, positions, end])
        return Sql("CASE WHEN JSON_VALID({}) AND {} THEN {} END").format(listed, is_one, text)

    @_of.register
    def _(self, value: values.Constant) -> Part:
        return Literal(value.is_)

    @_of.register
    def _(self, value: values.Word) -> Part:
        return self._words.word

    @_of.register
    def _(self, value: values.WordPlace) -> Part:
        return self._words.place

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
