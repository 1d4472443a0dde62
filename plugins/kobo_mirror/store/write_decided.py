"""Decide states against what is stored, and write what was decided to ledger, form table and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, update

from kobo_mirror.database.bulk import Delete, Moment, Write, write
from kobo_mirror.database.engine import moment_of
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import totals
from kobo_mirror.store.batches import WRITTEN
from kobo_mirror.store.decide import Decision, Incoming, Origin, Stored, decide
from kobo_mirror.store.form_locks import HeldForm, hold_first
from kobo_mirror.store.oversized import may_be_too_large, reject_too_large, too_large
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.row_set_writes import Change, FormWrites
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
    :param declared: a write to the declared table, without rows; None: the form has none.
    :param row_sets: writes the rows of the derived tables; None: the form has none.
    :param keep_all: keep every payload, not only those of rejections.
    """

    mirror: Mirror
    declared: Write | None
    row_sets: FormWrites | None
    keep_all: bool

    @classmethod
    def of(cls, mirror: Mirror, keep_payloads: str) -> WriteTarget:
        """Return the target of a form.

        :param mirror: the form and its server.
        :param keep_payloads: ``rejected`` or ``all``, as ``KOBO_KEEP_PAYLOADS`` has it.
        """
        declared, form = None, mirror.form
        if form is not None:
            columns = ("id", "kobo_id", *(column.name for column in form.columns), "inserted_at")
            declared = Write(form_table(form), columns, (), key=("kobo_id",), keep=("inserted_at",))
        row_sets = FormWrites(mirror.schema) if mirror.schema else None
        return cls(mirror, declared, row_sets, keep_payloads == "all")

    def removals(self, connection: Connection, ids: Sequence[int]) -> list[Write | Delete]:
        """Delete the rows of submissions from the declared table; return what deletes their other rows.

        :param connection: the transaction that has locked the ledger's rows.
        :param ids: ``_id`` of each submission.
        :returns: statements for the rows of the derived tables, to be run in this order.
        """
        if not ids:
            return []
        if self.declared:
            table = self.declared.table
            connection.execute(delete(table).where(table.c.kobo_id.in_(ids)))
        return self.row_sets.removals(connection, ids) if self.row_sets else []


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
    again: bool = False,
) -> None:
    """Write decided states to ledger, tables of the form, refetch queue and totals.

    :param connection: the transaction that holds the form and has locked ``stored``.
    :param target: where to.
    :param decided: states of different submissions, ascending by ``_id``, each with its decision.
    :param stored: the ledger's rows of those that it has, by ``_id``.
    :param held: epoch and clock; ``HELD_BY_MESSAGE`` if the message itself is to hold the form.
    :param pushed: the states are deliveries, and their ledger rows are stamped.
    :param again: an earlier try has collided: tables may hold rows of submissions that the ledger lacks.
    :raises CellTypeError: a cell is of another type than its column.
    """
    moment, asset_uid = held.moment, target.mirror.asset_uid
    to_write = [(s, stored.get(s.kobo_id)) for s, decision in decided if decision in WRITTEN]
    if target.declared:
        reject_too_large(connection, target.declared, [s for s, _ in to_write], target.mirror)
    row_sets = _row_set_writes(connection, target, to_write, held, again=again)
    pushed_at = moment if pushed else None
    ledger = [
        (ledger_row(asset_uid, state, before, held, pushed_at, keep_all=target.keep_all), before)
        for state, before in to_write
    ]
    if pushed:
        kept = [s.kobo_id for s, decision in decided if decision not in WRITTEN and s.kobo_id in stored]
        _stamp_pushed(connection, asset_uid, kept, moment)
    undecided = (s.kobo_id for s, decision in decided if decision is Decision.FETCH)
    enqueue(connection, asset_uid, undecided, "undecidable")
    changes = {
        s.kobo_id: (totals.state_before(before), "rejected" if s.is_rejected else "applied")
        for s, before in to_write
    }
    columns = {s.kobo_id: s.rejected_columns for s, _ in to_write if s.is_rejected}
    submitted = {s.kobo_id: s.shaped.submission_time for s, _ in to_write}
    origin = Origin.PUSHED if pushed else Origin.PULLED
    counted = totals.count_changes(
        connection, asset_uid, origin, moment, changes, columns=columns, submitted=submitted
    )
    write(
        connection,
        LEDGER._replace(rows=[row for row, before in ledger if before is None]),
        LEDGER_AGAIN._replace(rows=[row for row, before in ledger if before is not None]),
        *_declared_writes(connection, target.declared, to_write, held),
        *row_sets,
        *counted,
        first=hold_first(connection, target.mirror) if held is HELD_BY_MESSAGE else None,
    )


def _stamp_pushed(connection: Connection, asset_uid: str, ids: Sequence[int], moment: Moment) -> None:
    if ids:
        mine = (submissions.c.asset_uid == asset_uid) & submissions.c.kobo_id.in_(ids)
        connection.execute(update(submissions).where(mine).values(pushed_at=moment))


def _declared_writes(
    connection: Connection,
    declared: Write | None,
    to_write: Sequence[tuple[State, Stored | None]],
    held: HeldForm | HeldByMessage,
) -> list[Write]:
    """Return the write to the declared table; delete the rows of submissions that no longer fit it."""
    if declared is None:
        return []
    gone = [state.kobo_id for state, before in to_write if state.row is None and before is not None]
    if gone:
        connection.execute(delete(declared.table).where(declared.table.c.kobo_id.in_(gone)))
    return [declared._replace(rows=form_rows(to_write, held))]


def _row_set_writes(
    connection: Connection,
    target: WriteTarget,
    to_write: Sequence[tuple[State, Stored | None]],
    held: HeldForm | HeldByMessage,
    *,
    again: bool,
) -> list[Write | Delete]:
    """Return what writes the rows of the derived tables; reject submissions that no statement can carry."""
    row_sets = target.row_sets
    if row_sets is None:
        return []
    changes = _changes(row_sets, to_write, held, again=again)
    longest = max((len(state.payload) for state, _ in to_write), default=0)
    is_odd = may_be_too_large(connection, row_sets, longest)
    if oversized := too_large(connection, row_sets, changes) if is_odd else {}:
        for state, _ in to_write:
            if reason := oversized.get(state.kobo_id):
                state.reject(reason, target.mirror)
        changes = _changes(row_sets, to_write, held, again=again)
    without = [s.kobo_id for s, before in to_write if s.row_set is None and (before is not None or again)]
    removals = row_sets.removals(connection, without) if without else []
    return [*removals, *row_sets.statements(connection, changes)]


def _changes(
    row_sets: FormWrites,
    to_write: Sequence[tuple[State, Stored | None]],
    held: HeldForm | HeldByMessage,
    *,
    again: bool,
) -> list[Change]:
    found = (
        row_sets.change_of(s.row_set, s.row_digest or b"", before, held, may_exist=again)
        for s, before in to_write
        if s.row_set is not None
    )
    return [change for change in found if change is not None]
