"""The declared form: a form table that is written down in code, each column with the question it holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from kobo_mirror.errors import ConfigurationError

TEXT_LENGTH = 255
INTEGER_MIN, INTEGER_MAX = -(2**31), 2**31 - 1
_IN_EACH_TABLE = ("id", "kobo_id", "inserted_at", "updated_at")
_READING = 2  # to be raised when the same submission becomes another row, or is no longer rejected


class Kind(StrEnum):
    """The kind of SQL value that a column's answers become."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"
    DATETIME = "datetime"


@dataclass(frozen=True)
class Column:
    """One column of a form table.

    :param name: the column's name in SQL.
    :param question: the path of its question, as keys of a submission have it (``sec_a/unique_id``).
    :param kind: what the answers become in SQL.
    :param required: True if a submission without an answer is a rejection.
    :param default: what a blank or missing answer becomes; only for text.
    :param indexed: True if the column has an index.
    """

    name: str
    question: str
    kind: Kind = Kind.TEXT
    required: bool = True
    default: str | None = None
    indexed: bool = False


@dataclass(frozen=True)
class Form:
    """A form table: its name and the columns between ``kobo_id`` and ``inserted_at``.

    Each form table starts with ``id`` and ``kobo_id`` and ends with ``inserted_at`` and ``updated_at``
    (docs/architecture.md).

    :param table: the table's name in SQL.
    :param columns: in the order in which the table has them.
    :raises ConfigurationError: two columns have the same name or the same question, or one has a name that
        each form table has already.
    """

    table: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names: dict[str, Column] = {}
        questions: dict[str, Column] = {}
        for column in self.columns:
            if column.name.lower() in _IN_EACH_TABLE:
                raise self._misdeclared(f"has its column {column.name} already: give it another name")
            # Databases compare names of columns without case.
            if names.setdefault(column.name.lower(), column) is not column:
                raise self._misdeclared(f"names two columns {column.name}: give one another name")
            if (other := questions.setdefault(column.question, column)) is not column:
                raise self._misdeclared(
                    f"reads the question {column.question} into two columns, {other.name} and {column.name}: "
                    "take one out, and let a view show it twice"
                )

    def _misdeclared(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"The declaration of the table {self.table} {what}.")

    def __hash__(self) -> int:
        return hash(self.table)

    @cached_property
    def fingerprint(self) -> bytes:
        """16 bytes that change with the declaration and with how answers are read.

        They are part of each digest, so that after such a change all submissions are read and shaped anew.
        The name of a class and an index do not count: they change no row.
        """
        columns = [[c.name, c.question, c.kind.value, c.required, c.default] for c in self.columns]
        declared = json.dumps([_READING, self.table, columns], separators=(",", ":"))
        return hashlib.blake2b(declared.encode(), digest_size=16).digest()
