"""Rejects submissions with a row that no message to the server can hold, so that they stall nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from sqlalchemy import Connection, String, Table

from kobo_mirror.database.bulk import Write
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.row_set_writes import Change, FormWrites
from kobo_mirror.submissions.rows import State

_BYTES_A_CHARACTER = 4
_AROUND_A_CELL = 40  # bytes, at most: a number, a date, or the quotes and comma of a text
_MOST_GROWTH = 64  # of a byte of JSON: to \uXXXX in ``extra``, each character counted as 4 bytes, and copies
_AROUND_A_ROW = 4096  # bytes, at most, of what comes from elsewhere: names of tables and columns, reasons
_LONGEST_TEXT = 2**24 - 1  # bytes of an answer's column (MEDIUMTEXT), the same on every DBMS


class RowLimit:
    """How large a row of a table may be.

    :param connection: an open transaction.
    :param of: the write that rows would be part of, without rows.
    """

    def __init__(self, connection: Connection, of: Write) -> None:
        self._connection, self._of = connection, of
        self._dialect = dialect_of(connection)
        room = self._dialect.max_row_bytes(connection, of)
        self._room = inf if room is None else room

    @property
    def bytes(self) -> float:
        """A row of so many bytes at most always fits."""
        return min(self._room, _LONGEST_TEXT)

    def exceeded_by(self, row: Sequence[object]) -> str | None:
        """Return why a row cannot be written, as the end of a sentence, or None.

        :param row: the cells of the first columns of the write.
        """
        if _at_most(row) <= self.bytes:
            return None
        longest = max((len(cell.encode()) for cell in row if isinstance(cell, str)), default=0)
        if longest > _LONGEST_TEXT:
            return f"a text of {longest} bytes is longer than the {_LONGEST_TEXT} that a column holds"
        size = self._dialect.row_bytes(self._connection, self._of, row)
        if size <= self._room:
            return None
        packet = self._dialect.max_message_bytes(self._connection)
        return f"{size} bytes are too many for the server's max_allowed_packet ({packet})"


def reject_too_large(connection: Connection, of: Write, states: Iterable[State], mirror: Mirror) -> None:
    """Make rejections of states whose row is too large, with a reason that says so.

    :param connection: an open transaction.
    :param of: the write to the form table that the rows would be part of, without rows.
    :param mirror: the form.
    :param states: any number of them; those that fit are left as they are.
    """
    limit = RowLimit(connection, of)
    if _at_most_in(of.table) <= limit.bytes:
        return
    for state in states:
        if state.row and (why := limit.exceeded_by(state.row)):
            state.reject(f"its row is too large: {why}", mirror)


def may_be_too_large(connection: Connection, writes: FormWrites, payload: int) -> bool:
    """Return True unless a submission is so small that none of its rows can be too large.

    To look at each cell takes 4 % of a first load, and hardly any submission is that large.

    :param connection: an open transaction.
    :param writes: of the form.
    :param payload: the bytes of its JSON.
    """
    most = payload * _MOST_GROWTH + _AROUND_A_ROW
    return any(
        most + len(of.columns) * _AROUND_A_CELL > RowLimit(connection, of).bytes for of in writes.writes
    )


def too_large(connection: Connection, writes: FormWrites, changes: Iterable[Change]) -> dict[int, str]:
    """Return why submissions cannot be written, each of which has a row that is too large.

    :param connection: an open transaction.
    :param writes: of the form.
    :param changes: what is to be written of it.
    :returns: a sentence by ``_id``; of a submission that can be written there is none.
    """
    limits = [(of.table.name, RowLimit(connection, of)) for of in writes.writes]
    found = {}
    for change in changes:
        reasons = (
            f"its row of {name} is too large: {why}"
            for name, limit in limits
            for row in change.rows.get(name, ())
            if (why := limit.exceeded_by(row))
        )
        if reason := next(reasons, None):
            found[change.kobo_id] = reason
    return found


def _at_most_in(table: Table) -> float:
    """Return the bytes that a row of a table can have at most, by the types of its columns."""
    texts = [column.type for column in table.columns if isinstance(column.type, String)]
    characters = sum(inf if kind.length is None else kind.length for kind in texts)
    return characters * _BYTES_A_CHARACTER + len(table.columns) * _AROUND_A_CELL


def _at_most(row: Sequence[object]) -> int:
    texts = sum([len(cell) for cell in row if isinstance(cell, str)])
    return texts * _BYTES_A_CHARACTER + (len(row) + 1) * _AROUND_A_CELL
