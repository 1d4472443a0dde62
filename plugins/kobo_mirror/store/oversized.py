"""Rejects submissions whose row no message to the server can hold, so that they stall nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from sqlalchemy import Connection, String, Table

from kobo_mirror.database.bulk import Write
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.submissions.rows import State

_BYTES_A_CHARACTER = 4
_AROUND_A_CELL = 40  # bytes, at most: a number, a date, or the quotes and comma of a text


def reject_too_large(connection: Connection, of: Write, states: Iterable[State]) -> None:
    """Make rejections of states whose row is too large, with a reason that says so.

    :param connection: an open transaction.
    :param of: the write to the form table that the rows would be part of, without rows.
    :param states: any number of them; those that fit are left as they are.
    """
    dialect = dialect_of(connection)
    room = dialect.max_row_bytes(connection, of)
    if room is None or _at_most_in(of.table) <= room:
        return
    for state in states:
        if state.row and _at_most(state.row) > room:
            size = dialect.row_bytes(connection, of, state.row)
            if size > room:
                state.reject(
                    f"its row is too large: {size} bytes are too many for the server's "
                    f"max_allowed_packet ({dialect.max_message_bytes(connection)})"
                )


def _at_most_in(table: Table) -> float:
    """Return the bytes that a row of a table can have at most, by the types of its columns."""
    texts = [column.type for column in table.columns if isinstance(column.type, String)]
    characters = sum(inf if kind.length is None else kind.length for kind in texts)
    return characters * _BYTES_A_CHARACTER + len(table.columns) * _AROUND_A_CELL


def _at_most(row: tuple[object, ...]) -> int:
    texts = sum(len(cell) for cell in row if isinstance(cell, str))
    return texts * _BYTES_A_CHARACTER + (len(row) + 1) * _AROUND_A_CELL
