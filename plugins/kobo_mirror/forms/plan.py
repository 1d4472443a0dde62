"""Plan: the steps that lead from a form's tables to those that its versions need, each with its care."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from kobo_mirror.forms.form_schema import ROWS, VALUE, Column, FormSchema, Status, Table
from kobo_mirror.forms.question_types import POINT_FACETS


class Care(StrEnum):
    """What a step costs.

    ``safe``: something is added; no stored row is read again but those that hold an answer to it. ``costly``:
    the whole form is read anew. ``careful``: besides, columns that people read become empty, or tables show
    people answers that they did not see before.
    """

    SAFE = "safe"
    COSTLY = "costly"
    CAREFUL = "careful"


class What(StrEnum):
    """What a step does."""

    TABLE = "table"
    COLUMNS = "columns"
    KIND = "kind"
    POINT = "point"
    FILES = "files"
    LISTS = "lists"
    MOVE = "move"
    REST = "rest"
    REMOVED = "removed"
    ASKED_AGAIN = "asked_again"
    CHOICES = "choices"
    LABELS = "labels"


SENTENCES: Mapping[str, str] = {
    What.TABLE: "a new table {table} for the repeat {path}",
    "table_alone": "a new table {table}",
    What.COLUMNS: "new in {table}: {columns}",
    What.KIND: "{path} holds other answers now: {columns} in {table} takes all of them, and {beside} goes on "
    "with what fits it",
    "kind_alone": "{path} holds other answers now: {columns} in {table} takes all of them",
    What.POINT: "{path} is a point now: {columns} in {table}",
    What.FILES: "the answers to {path} name files now: the table of files says which",
    What.LISTS: "{path} is a repeat now and was a question: a new table {table}",
    What.MOVE: "{path} is a repeat now: its answers move to {table}, and these become empty: {beside}",
    "move_alone": "{path} is a repeat now: its answers move to {table}",
    What.REST: "a table {table} and those of its repeats and files for every other answer of the survey",
    What.REMOVED: "no longer asked, and kept, in {table}: {columns}",
    What.ASKED_AGAIN: "asked again in {table}: {columns}",
    What.CHOICES: "new choices of {columns}",
    What.LABELS: "other labels in {table}: {columns}",
}
"""What a step says to a person, in English, by its ``key``."""
SHOWN = 8
"""So many names are in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change that a new version asks of the tables.

    :param table: the table that it changes; of choices, empty.
    :param columns: the names of the columns that it adds or describes; of choices, the names of lists.
    :param path: of the question or repeat, where it is about one.
    :param beside: of columns that go on with what fits them or become empty, as ``table.column``.
    """

    care: Care
    what: What
    table: str = ""
    columns: tuple[str, ...] = ()
    path: str = ""
    beside: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Under which its words are listed: ``what``, or other ones where a place of these has no name."""
        needed = {What.TABLE: self.path, What.KIND: self.beside, What.MOVE: self.beside}
        return self.what.value if needed.get(self.what, True) else f"{self.what}_alone"

    @property
    def sentence(self) -> str:
        """The step in English, without a full stop."""
        shown = {"columns": _listed(self.columns), "beside": _listed(self.beside)}
        return SENTENCES[self.key].format(table=self.table, path=self.path, **shown)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class Plan:
    """The steps from one schema to another.

    :param steps: in the order of the tables.
    :param versions: uids of the form's versions that bring them, in the order of their numbers.
    """

    steps: tuple[Step, ...]
    versions: tuple[str, ...] = ()

    @property
    def care(self) -> Care:
        """That of the step that needs the most."""
        found = {step.care for step in self.steps}
        return next((care for care in (Care.CAREFUL, Care.COSTLY) if care in found), Care.SAFE)

    @property
    def digest(self) -> bytes:
        """16 bytes that name this very list."""
        return hashlib.blake2b(msgspec.json.encode(self.steps), digest_size=16).digest()

    def to_json(self) -> str:
        """Return the steps as JSON; :meth:`from_json` reads them."""
        return json.dumps(msgspec.to_builtins(self.steps), ensure_ascii=True)

    @classmethod
    def from_json(cls, raw: str, versions: Sequence[str] = ()) -> Plan:
        """Read what :meth:`to_json` wrote.

        :param raw: JSON.
        :param versions: as the constructor takes them.
        :returns: the plan with these steps.
        :raises msgspec.ValidationError: it was changed by hand.
        """
        return cls(msgspec.json.decode(raw, type=tuple[Step, ...]), tuple(versions))


def plan_between(before: FormSchema | None, after: FormSchema, *, holds_rows: bool = False) -> Plan:
    """Return the steps from one schema to a later one.

    :param before: by which rows are shaped; None: the form has no derived tables yet.
    :param after: grown from it.
    :param holds_rows: with ``before`` None: a declared table is filled already, as version 0.1 did.
    :returns: without steps, if nothing but the list of versions differs.
    """
    new = tuple(uid for uid in after.versions if before is None or uid not in before.versions)
    if before is None:
        return Plan(tuple(_first(after, holds_rows=holds_rows)), new)
    return Plan((*_tables(before, after), *_choices(before, after)), new)


def _first(after: FormSchema, *, holds_rows: bool) -> Iterator[Step]:
    if holds_rows:
        yield Step(care=Care.CAREFUL, what=What.REST, table=after.root.name)
        return
    for table in after.tables:
        columns = tuple(column.name for column in table.columns if column.path)
        yield Step(care=Care.SAFE, what=What.TABLE, table=table.name, columns=columns, path=table.path)


def _tables(before: FormSchema, after: FormSchema) -> Iterator[Step]:
    there = {table.name: table for table in before.tables}
    known = {column.path for table in before.tables for column in table.columns if column.facet == VALUE}
    emptied = _emptied(before, after)
    moved = {path for path, _ in emptied}
    declared = {*after.declared}
    for table in after.tables:
        old = there.get(table.name)
        if old is None:
            yield from _new_table(table, known, emptied, declared)
        else:
            yield from _grown(old, table, known, moved, emptied)


def _emptied(before: FormSchema, after: FormSchema) -> list[tuple[str, str]]:
    """Return the columns that become empty: the path of each, and ``table.column``."""
    now = {(table.name, column.name): column.status for table in after.tables for column in table.columns}
    return [
        (column.path, f"{table.name}.{column.name}")
        for table in before.tables
        for column in table.columns
        if column.status is not Status.MOVED and now[table.name, column.name] is Status.MOVED
    ]


def _new_table(
    table: Table, known: Collection[str], emptied: Sequence[tuple[str, str]], declared: Collection[str]
) -> Iterator[Step]:
    columns = tuple(column.name for column in table.columns if column.path)
    inside = tuple(name for path, name in emptied if _is_in(path, table.path))
    taken = {column.path for column in table.columns if column.path} & {*known, *declared}
    if inside or taken - {table.path}:
        care, what = Care.CAREFUL, What.MOVE
    elif table.path in known:
        care, what = Care.COSTLY, What.LISTS
    else:
        care, what = Care.SAFE, What.TABLE
    yield Step(care=care, what=what, table=table.name, columns=columns, path=table.path, beside=inside)


def _is_in(path: str, repeat: str) -> bool:
    return f"{path}/".startswith(f"{repeat}/")


def _grown(
    old: Table,
    new: Table,
    known: Collection[str],
    moved: Collection[str],
    emptied: Sequence[tuple[str, str]],
) -> Iterator[Step]:
    there = {column.name: column for column in old.columns}
    born = [c for c in new.columns if c.name not in there and c.facet != ROWS]  # a new table's step says that
    plain = tuple(column.name for column in born if column.path not in known)
    if plain:
        yield Step(care=Care.SAFE, what=What.COLUMNS, table=new.name, columns=plain)
    narrowed = [c.path for c in new.columns if c.name in there and _turned(there[c.name], c, Status.NARROWED)]
    for path in dict.fromkeys([*(column.path for column in born if column.path in known), *narrowed]):
        yield _of_known(new, path, [column for column in born if column.path == path], moved, emptied)
    for column in new.columns:
        if column.names_file and column.name in there and not there[column.name].names_file:
            yield Step(
                care=Care.COSTLY, what=What.FILES, table=new.name, columns=(column.name,), path=column.path
            )
    yield from _described(new.name, [(there[c.name], c) for c in new.columns if c.name in there])


def _of_known(
    table: Table,
    path: str,
    born: Sequence[Column],
    moved: Collection[str],
    emptied: Sequence[tuple[str, str]],
) -> Step:
    """Return the step of columns that a question gets which has some already."""
    columns = tuple(column.name for column in born)
    if path in moved:
        beside = tuple(name for of, name in emptied if of == path)
        return Step(
            care=Care.CAREFUL, what=What.MOVE, table=table.name, columns=columns, path=path, beside=beside
        )
    if born and all(column.facet in POINT_FACETS for column in born):
        return Step(care=Care.COSTLY, what=What.POINT, table=table.name, columns=columns, path=path)
    values = [column for column in table.columns if column.path == path and column.facet == VALUE]
    every = tuple(column.name for column in values if column.status is not Status.NARROWED)
    beside = tuple(f"{table.name}.{column.name}" for column in values if column.status is Status.NARROWED)
    return Step(
        care=Care.COSTLY, what=What.KIND, table=table.name, columns=columns or every, path=path, beside=beside
    )


def _described(table: str, pairs: Sequence[tuple[Column, Column]]) -> Iterator[Step]:
    changes = {
        What.REMOVED: [new.name for old, new in pairs if _turned(old, new, Status.REMOVED)],
        What.ASKED_AGAIN: [
            new.name
            for old, new in pairs
            if old.status is Status.REMOVED and _turned(old, new, Status.ACTIVE)
        ],
        What.LABELS: [new.name for old, new in pairs if (old.labels, old.hints) != (new.labels, new.hints)],
    }
    for what, names in changes.items():
        if names:
            yield Step(care=Care.SAFE, what=what, table=table, columns=tuple(names))


def _turned(old: Column, new: Column, status: Status) -> bool:
    return new.status is status and old.status is not status


def _choices(before: FormSchema, after: FormSchema) -> Iterator[Step]:
    known = {(choice.list_name, choice.name) for choice in before.choices}
    lists = dict.fromkeys(c.list_name for c in after.choices if (c.list_name, c.name) not in known)
    if lists:
        yield Step(care=Care.SAFE, what=What.CHOICES, columns=tuple(lists))
