"""Decide states against what is stored, and write what was decided to ledger, form table and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Table, delete, update

from kobo_mirror.database.bulk import Moment, Write, write
from kobo_mirror.database.engine import moment_of
from kobo_mirror.forms.declared_form import Mirror
from kobo_mirror.store import totals
from kobo_mirror.store.batches import WRITTEN
from kobo_mirror.store.bindings import HeldForm, hold_first
from kobo_mirror.store.decide import Decision, Incoming, Origin, Stored, decide
from kobo_mirror.store.oversized import reject_too_large
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.rows_to_write import (
    HELD_BY_MESSAGE,
    LEDGER,
    LEDGER_AGAIN,
    HeldByMessage,
    form_rows,
    ledger_row,
)
from kobo_mirror.store.tables import form_table, submissions
from kobo_mirror.submissions.rows import State


class WriteTarget(NamedTuple):
    """Where the states of one form are written.

    :param mirror: the form and its server.
    :param table: the form table.
    :param form_write: a write to the form table, without rows.
    :param keep_all: keep every payload, not only those of rejections.
    """

    mirror: Mirror
    table: Table
    form_write: Write
    keep_all: bool

    @classmethod
    def of(cls, mirror: Mirror, keep_payloads: str) -> WriteTarget:
        """Return the target of a form.

        :param mirror: the form and its server.
        :param keep_payloads: ``rejected`` or ``all``, as ``KOBO_KEEP_PAYLOADS`` has it.
        """
        table = form_table(mirror.form)
        columns = ("id", "kobo_id", *(column.name for column in mirror.form.columns), "inserted_at")
        form_write = Write(table, columns, (), key=("kobo_id",), keep=("inserted_at",))
        return cls(mirror, table, form_write, keep_payloads == "all")


def decide_states(
    states: Sequence[State], stored: Mapping[int, Stored], sent_at: datetime | None, epoch: int, now: datetime
) -> list[tuple[State, Decision]]:
    """Decide each state against the ledger's row of its submission.

    :param states: states of different submissions.
    :param stored: the ledger's rows by ``_id``, locked.
    :param sent_at: the database's clock before the request that pulled them; None for deliveries.
    :param epoch: the form's current one.
    :param now: the database's clock after the rows were locked.
    :returns: each state with its decision, in the order given.
    """
    return [(s, decide(stored.get(s.kobo_id), _incoming(s), sent_at, epoch=epoch, now=now)) for s in states]


def _incoming(state: State) -> Incoming:
    return Incoming(state.uuid, state.previous_uuid, state.digest, state.partial)


def clock_after_locking(connection: Connection, stored: Mapping[int, Stored], moment: datetime) -> datetime:
    """Return the database's clock after rows were locked.

    It is read anew only if a stamp lies after ``moment``: a delivery whose commit the lock waited for has a
    later stamp than this transaction.

    :param connection: the transaction that holds the locks.
    :param stored: the locked rows by ``_id``.
    :param moment: the clock as the transaction read it before it locked them.
    """
    stamps = (row.pushed_at for row in stored.values())
    return moment_of(connection) if any(stamp and stamp > moment for stamp in stamps) else moment


def write_decided(
    connection: Connection,
    target: WriteTarget,
    decided: Sequence[tuple[State, Decision]],
    stored: Mapping[int, Stored],
    held: HeldForm | HeldByMessage,
    *,
    pushed: bool,
) -> None:
    """Write decided states to ledger, form table, refetch queue and totals.

    :param connection: the transaction that holds the form and has locked ``stored``.
    :param target: where to.
    :param decided: states of different submissions, ascending by ``_id``, each with its decision.
    :param stored: the ledger's rows of those that it has, by ``_id``.
    :param held: epoch and clock; ``HELD_BY_MESSAGE`` if the message itself is to hold the form.
    :param pushed: the states are deliveries, and their ledger rows are stamped.
    :raises CellTypeError: a cell is of another type than its column.
    """
    moment, asset_uid = held.moment, target.mirror.asset_uid
    reject_too_large(connection, target.form_write, [s for s, decision in decided if decision in WRITTEN])
    to_write = [(s, stored.get(s.kobo_id)) for s, decision in decided if decision in WRITTEN]
    pushed_at = moment if pushed else None
    ledger = [
        (ledger_row(asset_uid, state, before, held, pushed_at, keep_all=target.keep_all), before)
        for state, before in to_write
    ]
    if pushed:
        kept = [s.kobo_id for s, decision in decided if decision not in WRITTEN and s.kobo_id in stored]
        _stamp_pushed(connection, asset_uid, kept, moment)
    _delete_rejected(connection, target.table, to_write)
    rows = form_rows(to_write, held)
    undecided = (s.kobo_id for s, decision in decided if decision is Decision.FETCH)
    enqueue(connection, asset_uid, undecided, "undecidable")
    changes = {
        s.kobo_id: (totals.state_before(before), "applied" if s.row else "rejected") for s, before in to_write
    }
    columns = {s.kobo_id: s.rejected_columns for s, _ in to_write if s.row is None}
    origin = Origin.PUSHED if pushed else Origin.PULLED
    write(
        connection,
        LEDGER._replace(rows=[row for row, before in ledger if before is None]),
        LEDGER_AGAIN._replace(rows=[row for row, before in ledger if before is not None]),
        target.form_write._replace(rows=rows),
        *totals.count_changes(connection, asset_uid, origin, moment, changes, columns=columns),
        first=hold_first(connection, target.mirror) if held is HELD_BY_MESSAGE else None,
    )


def _stamp_pushed(connection: Connection, asset_uid: str, ids: Sequence[int], moment: Moment) -> None:
    if ids:
        mine = (submissions.c.asset_uid == asset_uid) & submissions.c.kobo_id.in_(ids)
        connection.execute(update(submissions).where(mine).values(pushed_at=moment))


def _delete_rejected(
    connection: Connection, table: Table, to_write: Sequence[tuple[State, Stored | None]]
) -> None:
    """Delete the rows of the form table whose submissions no longer fit it."""
    gone = [state.kobo_id for state, before in to_write if state.row is None and before is not None]
    if gone:
        connection.execute(delete(table).where(table.c.kobo_id.in_(gone)))
