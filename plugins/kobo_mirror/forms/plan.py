"""Plan: steps that change a form's tables, each with its care, and the words for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec


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
    RENAMED = "renamed"
    CHOICES = "choices"
    CHOICE_LABELS = "choice_labels"
    LABELS = "labels"


SENTENCES: Mapping[str, str] = {
    What.TABLE: "a new table {table} for the repeat {path}: {columns}",
    "table_alone": "a new table {table}: {columns}",
    "table_of_files": "a new table {table} for files",
    What.COLUMNS: "new in {table}: {columns}",
    What.KIND: "{columns} in {table} takes every answer to {path} from now on; beside it goes on with what "
    "fits: {beside}",
    "kind_alone": "{columns} in {table} takes every answer to {path} from now on",
    What.POINT: "{path} is a point now: {columns} in {table}",
    What.FILES: "the answers to {path} name files now: the table of files says which",
    What.LISTS: "{path} is a repeat now and was a question: a new table {table}",
    What.MOVE: "{path} is a repeat now: its answers move to {table}, and these become empty: {beside}",
    "move_alone": "{path} is a repeat now: its answers move to {table}",
    What.REST: "a table {table} and those of its repeats and files for every other answer of the survey",
    What.REMOVED: "no longer asked, and kept, in {table}: {columns}",
    What.ASKED_AGAIN: "asked again in {table}: {columns}",
    What.RENAMED: "{path} is the question that was {beside}: kobo_columns.question joins them",
    What.CHOICES: "new choices of {path}: {columns}",
    What.CHOICE_LABELS: "other labels of choices of {path}: {columns}",
    What.LABELS: "other labels in {table}: {columns}",
}
"""What a step says to a person, in English, by its ``key``."""
SHOWN = 8
"""So many names are in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change that a new version asks of the tables.

    :param table: the table that it changes; of choices, empty.
    :param columns: the names of the columns that it adds or describes, or of choices.
    :param path: of the question or repeat, or the name of the list of choices, where it is about one.
    :param beside: of columns that go on with what fits them or become empty, as ``table.column``; or the
        former paths of a question.
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
        if self.what is What.TABLE and not self.columns:
            return "table_of_files"
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
    def makes_tables_alone(self) -> bool:
        """True if each step makes a table, as for a form that has none yet."""
        return all(step.what is What.TABLE for step in self.steps)

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
