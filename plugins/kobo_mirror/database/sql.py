"""SQL composed from typed parts: a plain string enters a statement only as a name or as a literal.

>>> Sql("DROP TABLE {name}").format(name=Identifier("odd `name`")).text(dialect)
'DROP TABLE `odd ``name```'

Parts are written for a dialect of SQLAlchemy, which knows how names are quoted and how its driver marks
parameters. What parts write is to be executed with parameters, be it an empty tuple: where the driver formats
statements with ``%``, each ``%`` that is no parameter is doubled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, LiteralString

from sqlalchemy import Connection, CursorResult, Dialect

_FORMATTING = ("format", "pyformat")
_BACKSLASH_ESCAPES = ("mysql", "mariadb")  # our sessions have no NO_BACKSLASH_ESCAPES in their sql_mode
_LAST_OF_BMP = "\uffff"


class Part(ABC):
    """What a statement is composed from, and the statement itself."""

    __slots__ = ()

    @abstractmethod
    def text(self, dialect: Dialect) -> str:
        """Write the part as the driver of a dialect takes it."""


@dataclass(frozen=True, slots=True)
class Sql(Part):
    """SQL text that stands in our code; also what stands in a row in place of a cell.

    :param raw: a literal, never made of anything that comes from outside.
    """

    raw: LiteralString

    def text(self, dialect: Dialect) -> str:
        """Write the text as it stands."""
        return self.raw.replace("%", "%%") if dialect.paramstyle in _FORMATTING else self.raw

    def format(self, *parts: Part, **named: Part) -> Composed:
        """Put parts in place of ``{}`` and ``{name}``; ``{{`` and ``}}`` are braces.

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

    :raises TypeError: one of them is no part.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)
        for part in self._parts:
            if not isinstance(part, Part):
                raise TypeError(f"A statement is composed from parts, not from {type(part).__name__}.")

    def text(self, dialect: Dialect) -> str:
        """Write all parts."""
        return "".join([part.text(dialect) for part in self._parts])


@dataclass(frozen=True, slots=True)
class Identifier(Part):
    """The name of a table, a column or another object, with whatever characters it has.

    :raises ValueError: no database of ours holds such a name: it is empty, or has a NUL, half a character or
        one beyond the Basic Multilingual Plane (MariaDB refuses these, MySQL stores question marks).
    """

    name: str

    def __post_init__(self) -> None:
        beyond = any("\ud800" <= letter <= "\udfff" or letter > _LAST_OF_BMP for letter in self.name)
        if not self.name or "\0" in self.name or beyond:
            raise ValueError(f"No table or column can be called {self.name!a}.")

    def text(self, dialect: Dialect) -> str:
        """Write the name in quotes."""
        return dialect.identifier_preparer.quote_identifier(self.name)


@dataclass(frozen=True, slots=True)
class Literal(Part):
    """A value that is part of a statement's text: for what takes no parameters, such as SET or a DEFAULT.

    An answer of a respondent is never one: texts of statements may be logged.
    """

    value: str | bytes | int | None = field(repr=False)

    def text(self, dialect: Dialect) -> str:
        """Write the value.

        :raises TypeError: it is of another type.
        """
        if self.value is None:
            return "NULL"
        if isinstance(self.value, bytes):
            return f"x'{self.value.hex()}'"
        if isinstance(self.value, str):
            return _quoted_text(self.value, dialect)
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return f"{self.value:d}"
        raise TypeError(f"There is no literal for {type(self.value).__name__}.")


@dataclass(frozen=True, slots=True)
class Parameter(Part):
    """The place of a parameter that is given beside the statement."""

    def text(self, dialect: Dialect) -> str:
        """Write its mark."""
        return "%s" if dialect.paramstyle in _FORMATTING else "?"


def names(of: Iterable[str]) -> Composed:
    """Identifiers with commas between them."""
    return Sql(", ").join(map(Identifier, of))


def run(connection: Connection, statement: Part, parameters: Sequence[Any] = ()) -> CursorResult[Any]:
    """Execute a statement.

    :param parameters: one for each ``Parameter``, in their order.
    """
    return connection.exec_driver_sql(statement.text(connection.dialect), tuple(parameters))


def _quoted_text(text: str, dialect: Dialect) -> str:
    quoted = text.replace("'", "''")
    if dialect.name in _BACKSLASH_ESCAPES:
        quoted = quoted.replace("\\", "\\\\")
    return Sql(f"'{quoted}'").text(dialect)
