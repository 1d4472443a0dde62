"""SQL composed from typed parts: a plain string enters a statement only as a name or as a literal.

>>> Sql("DROP TABLE {name}").format(name=Identifier("odd `name`")).text(dialect)
'DROP TABLE `odd ``name```'

A part is written for a dialect (``kobo_mirror.database.dialects``), which quotes names and marks parameters.
What parts write must be executed with parameters, be it an empty tuple: where the driver formats statements
with ``%``, each ``%`` that is no parameter is doubled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, LiteralString

import sqlalchemy
from sqlalchemy import Column, Connection, CursorResult
from sqlalchemy.schema import CreateColumn

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base import Dialect

_LAST_OF_BMP = "\uffff"


class Part(ABC):
    """What a statement is composed from, and the statement itself."""

    __slots__ = ()

    @abstractmethod
    def text(self, dialect: Dialect) -> str:
        """Return the part as the drivers of a dialect take it.

        :param dialect: the kind of database that the statement is for.
        """


@dataclass(frozen=True, slots=True)
class Sql(Part):
    """SQL text that stands in our code; also what stands in a row in place of a cell.

    :param raw: a literal, never made of anything that comes from outside.
    """

    raw: LiteralString

    def text(self, dialect: Dialect) -> str:
        """Return the text as it stands.

        :param dialect: the kind of database that the statement is for.
        """
        return dialect.statement_text(self.raw)

    def format(self, *parts: Part, **named: Part) -> Composed:
        """Put parts in place of ``{}`` and ``{name}``; ``{{`` and ``}}`` are braces.

        :param parts: for each ``{}``, in their order.
        :param named: for each ``{name}``.
        :returns: the text and the parts in their order.
        :raises TypeError: one of them is no part, or there are more or fewer than ``{}``.
        :raises KeyError: there is none of a name.
        """
        waiting = list(reversed(parts))
        composed = Composed(self._filled(waiting, named))
        if waiting:
            raise TypeError("There are more parts than places for them.")
        return composed

    def join(self, parts: Iterable[Part]) -> Composed:
        """Put the text between parts.

        :param parts: any number of them.
        :returns: the parts and what stands between them.
        :raises TypeError: one of them is no part.
        """
        between = [item for part in parts for item in (self, part)]
        return Composed(between[1:])

    def _filled(self, waiting: list[Part], named: Mapping[str, Part]) -> Iterator[Part]:
        for before, name, form, conversion in Formatter().parse(self.raw):
            if before:
                yield Sql(before)
            if form or conversion:
                raise TypeError("A part of a statement takes no conversion.")
            if name:
                yield named[name]
            elif name is not None:
                if not waiting:
                    raise TypeError("There are fewer parts than places for them.")
                yield waiting.pop()


class Composed(Part):
    """Parts, one after the other.

    :param parts: any number of them.
    :raises TypeError: one of them is no part.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)
        for part in self._parts:
            if not isinstance(part, Part):
                raise TypeError(f"A statement is composed from parts, not from {type(part).__name__}.")

    def text(self, dialect: Dialect) -> str:
        """Return all parts.

        :param dialect: the kind of database that the statement is for.
        """
        return "".join([part.text(dialect) for part in self._parts])


@dataclass(frozen=True, slots=True)
class Identifier(Part):
    """The name of a table, a column or another object, with whatever characters it has.

    :param name: without quotes.
    :raises ValueError: no database of ours takes such a name: it is empty, or has a NUL, half a character or
        one beyond the Basic Multilingual Plane (MariaDB refuses these, MySQL stores question marks).
    """

    name: str

    def __post_init__(self) -> None:
        beyond = any("\ud800" <= letter <= "\udfff" or letter > _LAST_OF_BMP for letter in self.name)
        if not self.name or "\0" in self.name or beyond:
            raise ValueError(f"No table or column can be called {self.name!a}.")

    def text(self, dialect: Dialect) -> str:
        """Return the name in quotes.

        :param dialect: the kind of database that the statement is for.
        """
        return dialect.quoted_name(self.name)


@dataclass(frozen=True, slots=True)
class Literal(Part):
    """A value that is part of a statement's text: for what takes no parameters, such as SET or a DEFAULT.

    An answer of a respondent is never one: texts of statements may be logged.

    :param value: as Python has it.
    """

    value: str | bytes | int | None = field(repr=False)

    def text(self, dialect: Dialect) -> str:
        """Return the value as a literal.

        :param dialect: the kind of database that the statement is for.
        :raises TypeError: it is of another type.
        """
        if self.value is None:
            return "NULL"
        if isinstance(self.value, bytes):
            return f"x'{self.value.hex()}'"
        if isinstance(self.value, str):
            return dialect.quoted_text(self.value)
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return f"{self.value:d}"
        raise TypeError(f"There is no literal for {type(self.value).__name__}.")


@dataclass(frozen=True, slots=True)
class Declaration(Part):
    """A column with its type, default and comment, as CREATE TABLE has it.

    :param column: of a table.
    :param driver: SQLAlchemy's dialect of the database that the statement is for.
    """

    column: Column[Any]
    driver: sqlalchemy.Dialect

    def text(self, dialect: Dialect) -> str:
        """Return what SQLAlchemy writes of it.

        :param dialect: the kind of database that the statement is for.
        """
        return str(CreateColumn(self.column).compile(dialect=self.driver))


@dataclass(frozen=True, slots=True)
class Parameter(Part):
    """The place of a parameter that is given beside the statement."""

    def text(self, dialect: Dialect) -> str:
        """Return what the driver puts a parameter in place of.

        :param dialect: the kind of database that the statement is for.
        """
        return dialect.parameter


@dataclass(frozen=True, slots=True)
class Clock(Part):
    """The time in UTC, to the microsecond, when the statement begins."""

    def text(self, dialect: Dialect) -> str:
        """Return the expression of it.

        :param dialect: the kind of database that the statement is for.
        """
        return dialect.clock


def names(of: Iterable[str]) -> Composed:
    """Return names in quotes, with commas between them.

    :param of: the names, in the order to be written.
    """
    return Sql(", ").join(map(Identifier, of))


def run(connection: Connection, statement: Part, parameters: Sequence[Any] = ()) -> CursorResult[Any]:
    """Execute a composed statement.

    :param connection: an open transaction.
    :param statement: for any dialect.
    :param parameters: one for each ``Parameter``, in their order.
    :returns: the driver's result.
    """
    return connection.exec_driver_sql(statement.text(dialect_of(connection)), tuple(parameters))
