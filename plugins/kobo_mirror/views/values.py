"""Values: what the columns of a view show, made of cells of the tables that it reads; pure data."""

from __future__ import annotations

from dataclasses import dataclass

from kobo_mirror.forms.question_types import Kind

Pairs = tuple[tuple[str, str], ...]
"""Names of choices, each with its label."""


@dataclass(frozen=True)
class Cell:
    """A column of one of the tables.

    :param source: the place of its table among the sources of the view.
    """

    source: int
    name: str
    kind: Kind


@dataclass(frozen=True)
class RowKey:
    """The key of a row as one text: its parts with ``-`` between them."""

    parts: tuple[Cell, ...]


@dataclass(frozen=True)
class Uuid:
    """16 bytes as the text of a UUID."""

    of: Cell


@dataclass(frozen=True)
class AsText:
    """A cell as a text, as the form would have it where SQL shows something else."""

    of: Cell


@dataclass(frozen=True)
class AsNumber:
    """A whole number beside others with a fraction; NULL where a DOUBLE does not hold it."""

    of: Cell


@dataclass(frozen=True)
class Label:
    """The label of a choice; of another answer the answer."""

    of: Value
    labels: Pairs


@dataclass(frozen=True)
class Labels:
    """The labels of all choices of an answer, in its order, with ``; `` between them."""

    of: Value
    labels: Pairs


@dataclass(frozen=True)
class First:
    """The first that is not NULL."""

    of: tuple[Value, ...]


@dataclass(frozen=True)
class Beside:
    """What stands beside the first cell that is not NULL.

    :param pairs: each cell with what stands beside it, None for NULL.
    """

    pairs: tuple[tuple[Cell, Value | None], ...]


@dataclass(frozen=True)
class Has:
    """1 if an answer has a choice, 0 if not, NULL without an answer."""

    of: Value
    choice: str


@dataclass(frozen=True)
class Point:
    """A point as GeoJSON, from its numbers.

    :param alt: its altitude, which may be NULL.
    """

    lon: Value
    lat: Value
    alt: Value


@dataclass(frozen=True)
class PointText:
    """A point as WKT, the longitude first, from its numbers."""

    lon: Value
    lat: Value


@dataclass(frozen=True)
class Line:
    """A trace, or the outline of a shape, as GeoJSON; NULL where its answer is none.

    :param is_outline: it ends where it begins.
    :param as_text: as WKT, the longitude first.
    """

    of: Value
    is_outline: bool
    as_text: bool = False


@dataclass(frozen=True)
class Constant:
    """A text, or a number, that is the same in all rows."""

    is_: str | int


@dataclass(frozen=True)
class Word:
    """A word of the answer whose words are rows."""


@dataclass(frozen=True)
class WordPlace:
    """The place of that word in the answer, from 1."""


@dataclass(frozen=True)
class Local:
    """A time as the clock of the device showed it.

    :param moment: in UTC, or without an offset as it was sent.
    :param offset: minutes.
    """

    moment: Cell
    offset: Cell


Value = (
    Cell | RowKey | Uuid | AsText | AsNumber | Label | Labels | First | Beside | Local
    | Has | Point | PointText | Line | Constant | Word | WordPlace
)  # fmt: skip
