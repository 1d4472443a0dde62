"""Widths: how many columns one physical table may have, the same on every DBMS.

A row of MySQL and MariaDB has to fit into 8,126 bytes of a page with all that cannot be stored apart, and its
declared columns into 65,535; neither is told when a table is made, but by the row that does not fit. On
MariaDB the definition of a table, with all names and comments, has to fit into 65,535 bytes, too.
"""

from __future__ import annotations

from typing import NamedTuple

from kobo_mirror.forms.question_types import KEY_LENGTH, Kind

MOST_COLUMNS = 900
MOST_BYTES = 7_800
MOST_DECLARED = 60_000
MOST_DEFINITION = 50_000
"""Bytes of the names of a table's columns and of what is noted of each; the rest is for their comments."""
_FIXED = 200  # the row's header, its key, the bits for NULL
_BYTES_OF_A_CHARACTER = 4
_NOTED = 18  # bytes of MariaDB's definition beside the name, and an end


class Width(NamedTuple):
    """What a column takes.

    :param bytes: in the page, at worst.
    :param declared: of the 65,535 that all columns may have together.
    :param definition: of the 65,535 that the definition of the table may have.
    """

    bytes: int
    declared: int
    definition: int = 0

    def __add__(self, other: object) -> Width:
        """Return what both take together."""
        if not isinstance(other, Width):
            return NotImplemented
        return Width(*(mine + others for mine, others in zip(self, other, strict=True)))


EMPTY = Width(_FIXED, _FIXED, 500)
_APART = Width(41, 11)  # 40 bytes stay in the page, and a length
_WIDTHS = {
    Kind.INTEGER: Width(8, 8),
    Kind.DECIMAL: Width(8, 8),
    Kind.TEXT: _APART,
    Kind.JSON: _APART,
    Kind.KEY: Width(41, KEY_LENGTH * _BYTES_OF_A_CHARACTER + 2),
    Kind.DATE: Width(3, 3),
    Kind.TIME: Width(5, 5),
    Kind.DATETIME: Width(7, 7),
    Kind.BOOLEAN: Width(1, 1),
}


def width_of(kind: Kind, name: str) -> Width:
    """Return what a column takes, its comment apart.

    :param kind: of the column; facets and counts are integers and decimals.
    :param name: of the column.
    """
    return _WIDTHS[kind]._replace(definition=_NOTED + len(name.encode()))


def fits(width: Width, columns: int) -> bool:
    """Return True if one physical table can have columns of this width together.

    :param width: of all of them, :data:`EMPTY` included.
    :param columns: how many they are.
    """
    most = Width(MOST_BYTES, MOST_DECLARED, MOST_DEFINITION)
    return columns <= MOST_COLUMNS and all(one <= limit for one, limit in zip(width, most, strict=True))
