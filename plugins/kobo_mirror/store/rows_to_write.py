"""The rows of ledger and form table that a written submission becomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kobo_mirror.database.bulk import THE_CELL, THE_MOMENT, Moment, Write
from kobo_mirror.database.sql import Sql
from kobo_mirror.store.decide import Stored
from kobo_mirror.store.form_locks import HeldForm
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


class HeldByMessage(NamedTuple):
    """Epoch and clock as expressions, in place of a ``HeldForm`` where nothing is read before the write.

    The database fills them in from the SELECT with which ``hold_first`` begins the message.
    """

    epoch: Sql = THE_CELL
    moment: Sql = THE_MOMENT


HELD_BY_MESSAGE = HeldByMessage()


def ledger_row(
    asset_uid: str,
    state: State,
    stored: Stored | None,
    held: HeldForm | HeldByMessage,
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
    rejected = state.is_rejected
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
    to_write: Iterable[tuple[State, Stored | None]], held: HeldForm | HeldByMessage
) -> list[tuple[Any, ...]]:
    """Return the rows of the declared table to write.

    A rejected state has none, and a row that was written in the same epoch with the same cells is left out,
    unless it was invalidated.

    :param to_write: each state with what the ledger holds of the submission (None: nothing).
    :param held: the form's epoch and the database's clock.
    :returns: tuples in the order of the table's columns, without ``updated_at``.
    """
    rows = []
    for state, before in to_write:
        row = state.row
        if row is None:
            continue
        if before is None:
            rows.append((*row, held.moment))
        elif not _is_written(before, state, held):
            rows.append((*row, before.first_seen_at))
    return rows


def _is_written(before: Stored, state: State, held: HeldForm | HeldByMessage) -> bool:
    return (
        before.state == "applied"
        and before.document_digest is not None
        and before.row_digest == state.row_digest
        and before.epoch == held.epoch
    )
