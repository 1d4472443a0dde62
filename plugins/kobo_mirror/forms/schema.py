"""Form: a table whose columns each name the question they come from, declared once."""

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
_READING = 2  # raise it when the same submission becomes another row, or is no longer rejected


class Kind(StrEnum):
    """What the answers of a column are in SQL."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"
    DATETIME = "datetime"


@dataclass(frozen=True)
class Column:
    """One column of a form table.

    :param question: the path of the question, as it stands in a submission (``sec_a/unique_id``).
    :param required: without an answer the submission is a rejection.
    :param default: what a blank becomes; only for text.
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

    :raises ConfigurationError: two columns have the same name or read the same question, or one has a name
        that each form table has already.
    """

    table: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names: dict[str, Column] = {}
        questions: dict[str, Column] = {}
        for column in self.columns:
            if column.name.lower() in _IN_EACH_TABLE:
                raise self._misdeclared(f"has its column {column.name} already: give it another name")
            # MySQL takes A and a for one name.
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

        They are part of each digest, so that whatever was stored before is read and shaped anew. Neither the
        name of a class nor an index counts: with another one, rows stay as they are.
        """
        columns = [[c.name, c.question, c.kind.value, c.required, c.default] for c in self.columns]
        declared = json.dumps([_READING, self.table, columns], separators=(",", ":"))
        return hashlib.blake2b(declared.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Mirror:
    """Which form of which server fills which form table.

    :param server: address of the KoboToolbox server, as ``config.server_url`` spells it.
    """

    form: Form
    server: str
    asset_uid: str

    @property
    def identity(self) -> tuple[str, str]:
        """Server and asset uid."""
        return self.server, self.asset_uid
