"""The derived schema of a form: its tables, which question fills which column, and the choices; pure data.

It is stored as JSON. :attr:`FormSchema.fingerprint` is over what shapes rows; labels, positions and versions
are not, so that a new label rewrites no row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from kobo_mirror.forms.question_types import Kind

VALUE, ROWS = "value", "rows"
EXTRA, INSERTED_AT, UPDATED_AT = "extra", "inserted_at", "updated_at"
OF_THE_ROW = (EXTRA, INSERTED_AT, UPDATED_AT)
"""The columns of the system that hold no cell of a submission."""
_READING = 1  # raise it when the same document becomes other rows under the same schema


class TableKind(StrEnum):
    """What the rows of a table are."""

    DECLARED = "declared"
    MAIN = "main"
    REST = "rest"
    REPEAT = "repeat"
    FILES = "files"


class Status(StrEnum):
    """What has become of a table or a column; none is ever dropped.

    ``removed``: the newest version does not ask it. ``narrowed``: a column beside it holds every answer, this
    one what fits. ``moved``: it is empty, its answers are in another table.
    """

    ACTIVE = "active"
    REMOVED = "removed"
    NARROWED = "narrowed"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a question, of a repeat's count, or of the system.

    :param path: of the question, or of the repeat that is counted; empty for a column of the system.
    :param facet: ``value``, ``offset``, ``lat``, ``lon``, ``alt``, ``acc``, ``rows``, or the name of a column
        of the system.
    :param part: 1 for the table itself, 2 for ``<table>__2`` and so on.
    :param position: in reading order, unique over a table with its parts.
    :param names_file: True if any version asks for a file: the answer may be the name of an attachment.
    """

    name: str
    path: str
    facet: str
    kind: Kind
    part: int = 1
    position: int = 0
    question_type: str | None = None
    list_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    kuid: str | None = None
    first_version: str | None = None
    last_version: str | None = None
    status: Status = Status.ACTIVE
    names_file: bool = False

    @property
    def shape(self) -> list[object]:
        """What of it decides how a document is shaped; that its question was removed does not.

        Whether its answers name files does: the table of files says which column names each.
        """
        status = Status.ACTIVE if self.status is Status.REMOVED else self.status
        return [self.name, self.path, self.facet, self.kind.value, self.part, status.value, self.names_file]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its parts.

    :param path: of the repeat; empty for all others.
    :param chain: the paths of the repeats that its rows stand in, the outermost first, its own last.
    :param parent: the name of the table that its rows belong to.
    :param columns: in the order of their birth, the system's included, but not the keys.
    :param closed: up to this part the database adds no further column without a copy: what is born goes to a
        later one. It shapes no row.
    """

    name: str
    kind: TableKind
    columns: tuple[Column, ...]
    path: str = ""
    chain: tuple[str, ...] = ()
    parent: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    status: Status = Status.ACTIVE
    closed: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the primary key: ``kobo_id``, then the positions from the outermost repeat on."""
        depth = len(self.chain)
        return ("kobo_id", *(f"pos_{level}" for level in range(1, depth)), *(("pos",) if depth else ()))

    @cached_property
    def cell_names(self) -> tuple[str, ...]:
        """The columns that hold what a submission says, moved ones too, in ascending order of names.

        Neither ``extra`` nor the counts of repetitions and the clocks are among them.
        """
        return tuple(
            sorted(
                column.name
                for column in self.columns
                if column.facet != ROWS and (column.path or column.name not in OF_THE_ROW)
            )
        )

    @cached_property
    def told_cells(self) -> Callable[..., msgspec.Struct]:
        """Make of the cells of a row, in the order of ``cell_names``, what JSON has as an object.

        It has the members of the dict of those that are not NULL, sorted, without the steps to make it.
        """
        fields = [
            (f"c{place}", Any, msgspec.field(default=None, name=name))
            for place, name in enumerate(self.cell_names)
        ]
        return msgspec.defstruct("Cells", fields, omit_defaults=True)

    @property
    def parts(self) -> int:
        """How many tables hold its columns."""
        return max((column.part for column in self.columns), default=1)

    def part_name(self, part: int) -> str:
        """Return the name of one of the tables that hold the columns.

        :param part: 1 for the table itself.
        """
        return self.name if part == 1 else f"{self.name}__{part}"


@dataclass(frozen=True, kw_only=True)
class ChoiceRow:
    """A choice as the catalog has it."""

    list_name: str
    name: str
    position: int
    labels: dict[str, str]
    first_version: str
    last_version: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the versions of a form have asked at a path.

    :param kind: what holds every answer by their definitions, whatever ``kobo.yml`` says.
    :param versions: which of them asked it: the places of the first and the last one in
        ``FormSchema.versions``, and so on after each that did not.
    """

    kind: Kind
    versions: tuple[int, ...]


@dataclass(frozen=True)
class FormSchema:
    """What a form has become in SQL, over all of its versions.

    :param asset_uid: the form key.
    :param tables: the root first, then in the order of their birth.
    :param repeats: the paths that are a repeat in any version.
    :param declared: question → column of the declared table; empty for a derived form.
    :param reading_order: the paths of all questions, those of the newest version in its order.
    :param versions: uids, in the order of their numbers.
    :param reading: how documents were read when it was stored: the number that ``_READING`` had then.
    :param partly: uids of versions of which it holds a part: the rest of them waits.
    :param asked: what they have asked, by path.
    :param renamed: pairs of paths, the former one first, that had the same ``$kuid`` one after the other.
    :param joined: former path → path of the same question, as ``kobo.yml`` says.
    :param apart: paths that ``kobo.yml`` keeps apart, whatever their ``$kuid`` is.
    :param languages: of the newest version, its first one first; none: it was stored before this was noted.
    """

    asset_uid: str
    tables: tuple[Table, ...]
    repeats: tuple[str, ...] = ()
    declared: dict[str, str] = field(default_factory=dict)
    choices: tuple[ChoiceRow, ...] = ()
    reading_order: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    reading: int = 1  # what a schema was stored with before this was noted
    partly: tuple[str, ...] = ()
    asked: dict[str, Asked] = field(default_factory=dict)
    renamed: tuple[tuple[str, str], ...] = ()
    joined: dict[str, str] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def root(self) -> Table:
        """The table with a row for every submission."""
        return self.tables[0]

    @property
    def form_name(self) -> str:
        """What the names of all of its tables start with."""
        return next(t.name for t in self.tables if t.kind is TableKind.FILES).removesuffix("__files")

    @cached_property
    def fingerprint(self) -> bytes:
        """16 bytes that change when the same document becomes other rows."""
        shape = [
            self.reading,
            sorted(self.repeats),
            sorted(self.declared.items()),
            list(_shape_of(self.tables)),
        ]
        text = json.dumps(shape, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    @property
    def is_of_older_reading(self) -> bool:
        """True if an earlier version of this project made the rows: a sync has them shaped anew."""
        return self.reading < _READING

    @property
    def is_of_newer_reading(self) -> bool:
        """True if a later version of this project shapes the rows: this one must write none."""
        return self.reading > _READING

    def as_read_now(self) -> FormSchema:
        """Return the same tables, filled as this version of the project reads documents."""
        return self if self.reading == _READING else replace(self, reading=_READING)

    def to_json(self) -> bytes:
        """Return it as JSON; :meth:`from_json` reads it."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes | str) -> FormSchema:
        """Read what :meth:`to_json` wrote.

        :param raw: JSON.
        :returns: a schema that equals the one that was written.
        :raises msgspec.ValidationError: it is of another version of this project, or was changed by hand.
        """
        return msgspec.json.decode(raw, type=cls)


def _shape_of(tables: tuple[Table, ...]) -> Iterator[object]:
    """Yield what of the tables decides how a document is shaped."""
    for table in tables:
        columns = [column.shape for column in table.columns]
        yield [table.name, table.kind.value, table.path, list(table.chain), table.parent, columns]
