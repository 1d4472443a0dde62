"""The rows of ledger and form table that a written submission becomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete

from kobo_mirror.database.bulk import THE_CELL, THE_MOMENT, Moment, Write
from kobo_mirror.database.sql import Sql
from kobo_mirror.store.bindings import HeldForm
from kobo_mirror.store.decide import Stored
from kobo_mirror.store.tables import submissions
from kobo_mirror.submissions.rows import State

LEDGER_COLUMNS = tuple(column.name for column in submissions.columns)
LEDGER_KEY = ("asset_uid", "kobo_id")
LEDGER = Write(submissions, LEDGER_COLUMNS, (), spare="payload", note="reason")
"""A write of new ledger rows, without rows.

A payload that no message can hold is left out, and the reason says so.
"""
LEDGER_AGAIN = LEDGER._replace(key=LEDGER_KEY, keep=("first_seen_at",))
"""A write of ledger rows of submissions that the ledger has already."""


class Supposed(NamedTuple):
    """Epoch and clock as expressions, for a message that begins with ``hold_first``.

    The server fills them in; they stand in for ``HeldForm`` where nothing is read before the write.
    """

    epoch: Sql = THE_CELL
    moment: Sql = THE_MOMENT


SUPPOSED = Supposed()


def ledger_row(
    asset_uid: str,
    state: State,
    stored: Stored | None,
    held: HeldForm | Supposed,
    pushed_at: Moment | None,
    *,
    keep_all: bool,
) -> tuple[Any, ...]:
    """Return the ledger's row of a state, its cells in the order of ``LEDGER_COLUMNS``.

    :param asset_uid: the form's uid.
    :param state: the state to write.
    :param stored: what the ledger holds of the submission; None without a row.
    :param held: the form's epoch and the database's clock.
    :param pushed_at: when the delivery that brings it is committed; None for a pulled state.
    :param keep_all: keep the payload of a submission that fits, too.
    """
    shaped = state.shaped
    rejected = shaped.row is None
    return (
        asset_uid,
        state.kobo_id,
        state.uuid,
        shaped.root_uuid,
        state.previous_uuid,
        shaped.form_version,
        shaped.submission_time,
        shaped.submitted_by,
        shaped.validation_status,
        shaped.validation_timestamp,
        state.digest,
        shaped.row_digest,
        state.payload.decode() if rejected or keep_all else None,
        "rejected" if rejected else "applied",
        state.reason,
        pushed_at or (stored.pushed_at if stored else None),
        stored.first_seen_at if stored else held.moment,
        None,
        held.epoch,
    )


def form_rows(
    connection: Connection,
    table: Table,
    written: Iterable[tuple[State, Stored | None]],
    held: HeldForm | Supposed,
) -> list[tuple[Any, ...]]:
    """Return the rows of the form table to write, and delete those of states that no longer fit.

    A row that is as it was in the same epoch is not written.

    :param connection: the transaction that has locked the ledger's rows.
    :param table: the form table.
    :param written: each state with what the ledger holds of the submission (None: nothing).
    :param held: the form's epoch and the database's clock.
    :returns: tuples in the order of the table's columns, without ``updated_at``.
    """
    rows, gone = [], []
    for state, before in written:
        row = state.row
        if row is None:
            if before is not None:
                gone.append(state.kobo_id)
        elif before is None:
            rows.append((*row, held.moment))
        elif before.state != "applied" or before.row_digest != state.row_digest or before.epoch != held.epoch:
            rows.append((*row, before.first_seen_at))
    if gone:
        connection.execute(delete(table).where(table.c.kobo_id.in_(gone)))
    return rows
