"""Close a run: check what it has read, note its end, and sum it up."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DatabaseError, DeletesWaitError, KoboMirrorError, UnequalError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import lanes, runs
from kobo_mirror.store.bindings import note_epoch_read
from kobo_mirror.store.form_notes import note_files_swept, tables_error
from kobo_mirror.store.leases import release_lease, retake_lease
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.mode_names import EXACT
from kobo_mirror.store.plans import changed_since, open_plan
from kobo_mirror.store.retention import Retention, forget
from kobo_mirror.store.row_counts import count_rows, largest_difference
from kobo_mirror.store.totals import totals
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.source import Source
from kobo_mirror.sync.summary import outcome_of, told_of_tables, unequal


def close(source: Source, run_handle: RunHandle, retention: Retention) -> dict[str, Any]:
    """Note that a run has ended, give its lease back, and sum up what was done.

    A second call changes nothing and returns the same.

    :param source: what the sync works with.
    :param run_handle: the run.
    :param retention: how long the bookkeeping of earlier runs is kept.
    :returns: the run's name, and what ``outcome_of`` tells of it.
    :raises DeletesWaitError: the run ended, but deletes wait to be confirmed.
    :raises UnequalError: the run ended, and yet rows are missing, or no submission fits the form table.
    :raises KoboMirrorError: a lane has not been read to its end.
    """
    engine, asset = source.engine, source.mirror.asset_uid
    with reading(engine) as connection:
        row = runs.run_row(connection, run_handle.run_id)
        held = totals(connection, asset)
        reasons = rejections(connection, asset, 1)
        counts = count_rows(connection, source.mirror, whole=row["mode"] == EXACT)
    error = unequal(source.mirror, counts, held, reasons, source.client.names.uid)
    if row["finished_at"] is None:  # else an earlier attempt of this step died after its commit
        retake_lease(engine, asset, run_handle.run)
        _require_read_and_reconciled(source, row)
        transact(engine, partial(_note_end, source.mirror, row, largest_difference(counts), error))
        with suppress(DatabaseError):  # the next run deletes what is left
            forget(engine, asset, retention)
    with reading(engine) as connection:
        row = runs.run_row(connection, run_handle.run_id)
        exact = runs.last_finished(connection, asset, EXACT)
        before = runs.finished_before(connection, asset, run_handle.run_id)
        changed = changed_since(connection, asset, before) if before else []
        refused = tables_error(connection, asset)
        tables = told_of_tables(changed, open_plan(connection, asset), refused)
    release_lease(engine, asset, run_handle.run)
    if row["failure"] == DeletesWaitError.__name__:
        raise DeletesWaitError(row["error"])
    if error:
        raise error
    last_exact = exact["finished_at"] if exact and row["mode"] != EXACT else None
    return {"run": run_handle.run, **outcome_of(row, held, last_exact, tables)}


def _require_read_and_reconciled(source: Source, run: RowMapping) -> None:
    with reading(source.engine) as connection:
        all_lanes = lanes.lanes(connection, source.mirror.asset_uid, run["id"])
    if run["count_difference"] is None or any(not lane.done for lane in all_lanes):
        raise KoboMirrorError(
            "Not everything was read and compared: start the sync again, it goes on where it stopped."
        )


def _note_end(
    mirror: Mirror, run: RowMapping, difference: int, error: UnequalError | None, connection: Connection
) -> None:
    """Note that a run has ended, and that it has read its epoch, and all files, if it read from the start.

    :param mirror: the form and its tables.
    :param run: the run's row.
    :param difference: how many rows a table has too many; negative for too few.
    :param error: why the run is no success, or None.
    :param connection: an open transaction.
    """
    runs.note_findings(connection, run["id"], {"count_difference": difference})
    if error and not run["error"]:
        runs.note_error(connection, run["id"], error)
    runs.finish_run(connection, run["id"])
    if not run["watermark"]:
        note_epoch_read(connection, mirror, run["epoch"])
        if mirror.schema is not None:
            note_files_swept(connection, mirror.asset_uid, run["started_at"])
