"""Profile: types that the answers of a mirrored form would all fit, for a person to write into ``kobo.yml``.

Answers are read in windows of submissions, each cut after what no number or time has, and leave this module
as numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, func, select

from kobo_mirror.database.engine import read
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.form_schema import VALUE, Column, FormSchema, Status, TableKind
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.submissions.answers import READERS, TIMED_READERS

FEWEST_ANSWERS = 20
"""Answers that a question must have before anything is proposed."""
_TYPED_BY_NO_FORM = frozenset({"calculate", "text", "hidden"})
_READ: Mapping[Kind, Callable[[str], Any]] = MappingProxyType(
    {kind: READERS[kind] for kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DATE)}
    | {Kind.DATETIME: TIMED_READERS[Kind.DATETIME]}
)
"""The kinds that are proposed, the narrowest first, and how they are read into cells."""
_SPELT = re.compile(r"\+|-?0[0-9]")  # a number would lose how it starts
_DIGITS_OF_AN_ID = 9
_LONGEST = 100  # characters; what is longer is no number and no time
_CELLS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Proposal:
    """A type that a question could be given.

    :param path: of the question.
    :param kind: of the column that holds every answer now.
    :param proposed: the kind that fits better.
    :param answers: how many there are.
    :param misfits: how many of them would be rejected cells: empty texts, which a calculation leaves behind.
    """

    path: str
    kind: Kind
    proposed: Kind
    answers: int
    misfits: int


def propose_types(engine: Engine, schema: FormSchema) -> list[Proposal]:
    """Propose types for the questions whose answers all fit one, in memory that does not grow with the form.

    A text of digits that start with 0 or ``+``, or are nine or more and all as many, is taken for an id, and
    stays a text. Of whole numbers the column does not tell how they were spelt: those that look like such
    ids are proposed as texts, and the server's own answers will say the rest.

    :param engine: made by ``open_engine``.
    :param schema: by which the form's rows are shaped.
    :returns: in reading order.
    :raises DatabaseError: the database cannot be read now.
    """
    found: dict[str, Proposal] = {}
    tables = physical_tables(schema).tables
    for physical, texts, numbers in _candidates(schema):
        found |= _of_texts(engine, tables[physical], texts)
        found |= _of_numbers(engine, tables[physical], numbers)
    return [found[path] for path in schema.reading_order if path in found]


def _candidates(schema: FormSchema) -> Iterator[tuple[str, list[Column], list[Column]]]:
    """Yield each physical table with its texts of any type, and its whole numbers."""
    for table in schema.tables:
        if table.kind is TableKind.DECLARED or table.status is Status.MOVED:
            continue
        for part in range(1, table.parts + 1):
            asked = list(_asked(table, part))
            texts = [c for c in asked if c.kind is Kind.TEXT and c.question_type in _TYPED_BY_NO_FORM]
            numbers = [c for c in asked if c.kind is Kind.INTEGER and c.question_type == "integer"]
            yield table.part_name(part), texts, numbers


def _asked(table: form_schema.Table, part: int) -> Iterator[Column]:
    for column in table.columns:
        is_asked = column.path and column.facet == VALUE and column.status is Status.ACTIVE
        if is_asked and column.part == part and not column.names_file:
            yield column


@dataclass
class _Texts:
    """What the answers of a question have in common so far.

    :param fitting: the kinds that each of them fits.
    :param lengths: the fewest and the most characters.
    """

    column: Column
    fitting: list[Kind] = field(default_factory=lambda: list(_READ))
    answers: int = 0
    empty: int = 0
    lengths: tuple[int, int] = (_LONGEST, 0)

    def add(self, text: str) -> None:
        self.answers += 1
        if not text:
            self.empty += 1
            return
        least, most = self.lengths
        self.lengths = min(least, len(text)), max(most, len(text))
        self.fitting = [kind for kind in self.fitting if _fits(kind, text)]

    def proposal(self) -> Proposal | None:
        column, (least, most) = self.column, self.lengths
        if not self.fitting or self.answers - self.empty < FEWEST_ANSWERS:
            return None
        proposed = self.fitting[0]
        if proposed in (Kind.INTEGER, Kind.DECIMAL) and least == most >= _DIGITS_OF_AN_ID:
            return None
        return Proposal(column.path, column.kind, proposed, self.answers, self.empty)


def _fits(kind: Kind, text: str) -> bool:
    if len(text) > _LONGEST or (kind in (Kind.INTEGER, Kind.DECIMAL) and _SPELT.match(text)):
        return False
    try:
        _READ[kind](text)
    except ValueError:
        return False
    return True


def _of_texts(engine: Engine, table: Table, columns: list[Column]) -> dict[str, Proposal]:
    profiles, after = [_Texts(column) for column in columns], 0
    while profiles:
        names = [profile.column.name for profile in profiles]
        rows = read(engine, partial(_next_window, table=table, after=after, names=names))
        if not rows:
            break
        after = rows[-1][0]
        for row in rows:
            texts: tuple[str | None, ...] = row[1:]
            for profile, text in zip(profiles, texts, strict=True):
                if text is not None:
                    profile.add(text)
        profiles = [profile for profile in profiles if profile.fitting]
    proposals = (profile.proposal() for profile in profiles)
    return {found.path: found for found in proposals if found is not None}


def _next_window(connection: Connection, table: Table, after: int, names: list[str]) -> Sequence[Row[Any]]:
    """Return the rows of the next submissions, so many that their cells fit into memory.

    :returns: the submission's number and the beginning of each cell.
    """
    key = table.c.kobo_id
    following = select(key).where(key > after).order_by(*table.primary_key)
    window = following.limit(max(_CELLS_AT_ONCE // len(names), 1)).subquery()
    last = select(func.max(window.c.kobo_id)).scalar_subquery()
    cells = [func.substr(table.c[name], 1, _LONGEST + 1) for name in names]
    return connection.execute(select(key, *cells).where(key > after, key <= last).order_by(key)).all()


def _of_numbers(engine: Engine, table: Table, columns: list[Column]) -> dict[str, Proposal]:
    found = {}
    for column in columns:
        count, least, most = read(engine, partial(_span, of_it=table.c[column.name]))
        is_long = count >= FEWEST_ANSWERS and least > 0 and len(str(least)) == len(str(most))
        if is_long and len(str(least)) >= _DIGITS_OF_AN_ID:
            found[column.path] = Proposal(column.path, column.kind, Kind.TEXT, count, 0)
    return found


def _span(connection: Connection, of_it: ColumnElement[Any]) -> Row[int, Any, Any]:
    return connection.execute(select(func.count(of_it), func.min(of_it), func.max(of_it))).one()
