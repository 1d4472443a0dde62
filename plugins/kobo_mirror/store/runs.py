"""Runs of the sync: what each has done, up to where it has read, and the watermark that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, case, func, insert, select, update

from kobo_mirror.database.engine import now
from kobo_mirror.store.lanes import forget_lanes
from kobo_mirror.store.tables import checkpoints, sync_runs

REPAIR = "repair"
"""The mode of a run that mends named submissions only: it is no pull, and says nothing about the others."""

NOT_STARTED = "none"
"""The mode of a run that failed before its mode was chosen."""

VERIFY = "verify"
"""The mode of a verification that failed; one that ends leaves a proof instead."""

NO_PULL = (REPAIR, NOT_STARTED, VERIFY)

SETTLING = timedelta(minutes=15)


def open_run(
    connection: Connection,
    asset_uid: str,
    name: str,
    mode: str,
    watermark: int | None,
    *,
    epoch: int = 1,
    sees_part: bool = False,
) -> int:
    """Write the row of a new run.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param name: the run's name, such as ``kobo_sync manual__1``.
    :param mode: ``incremental``, ``exact``, or one of those above.
    :param watermark: the ``_id`` above which it reads; None: it reads all.
    :param epoch: the form's epoch in which it begins.
    :param sees_part: the token sees only some of the form's submissions.
    :returns: the run's id.
    """
    values = {"asset_uid": asset_uid, "name": name, "mode": mode, "watermark": watermark, "epoch": epoch}
    values["sees_part"] = sees_part
    statement = insert(sync_runs).values(**values, started_at=now())
    key = connection.execute(statement).inserted_primary_key
    run_id = int(key[0]) if key else 0
    # Ids start again where the table was emptied: lanes of an earlier run of this id are not this run's.
    forget_lanes(connection, asset_uid, run_id)
    return run_id


def resume_run(
    connection: Connection, asset_uid: str, run_id: int, name: str, mode: str, *, sees_part: bool = False
) -> None:
    """Continue a run that never finished, under another name.

    Its lane without an end is opened again, so that what has come since it stopped is read too.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the id of the run that never finished.
    :param name: the name of the run that continues it.
    :param mode: ``incremental`` or ``exact``.
    :param sees_part: the token sees only some of the form's submissions.
    """
    values = {"name": name, "mode": mode, "sees_part": sees_part, "count_difference": None}
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))
    clear_error(connection, run_id)
    mine = (checkpoints.c.asset_uid == asset_uid) & (checkpoints.c.run == run_id)
    connection.execute(update(checkpoints).where(mine, checkpoints.c.last_id.is_(None)).values(done_at=None))


def finish_run(connection: Connection, run_id: int) -> None:
    """Note that a run has read everything it set out to read.

    :param connection: an open transaction.
    :param run_id: the run's id.
    """
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(finished_at=now()))


def note_error(connection: Connection, run_id: int, error: Exception | str) -> None:
    """Note why a run stopped, or ended without being well; a finished run keeps its row as it is.

    :param connection: an open transaction.
    :param run_id: the run's id.
    :param error: its class is stored beside its sentence, so that nothing has to be read out of the sentence.
    """
    unfinished = (sync_runs.c.id == run_id) & sync_runs.c.finished_at.is_(None)
    failure = type(error).__name__ if isinstance(error, Exception) else "KoboMirrorError"
    values = {"error": str(error)[:500], "failure": failure}
    connection.execute(update(sync_runs).where(unfinished).values(values))


def clear_error(connection: Connection, run_id: int) -> None:
    """Remove the error that an earlier attempt of a step noted.

    :param connection: an open transaction.
    :param run_id: the run's id.
    """
    values = {"error": None, "failure": None, "waiting_code": None}
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))


def add_counts(
    connection: Connection, run_id: int, counts: Mapping[str, int], *, highest_id: int | None = None
) -> None:
    """Add to a run's counts, in the transaction that writes what is counted.

    :param connection: an open transaction.
    :param run_id: the run's id.
    :param counts: numbers by the names of ``tables.COUNTS``.
    :param highest_id: the highest ``_id`` that was read; None: none was.
    """
    values: dict[str, Any] = {name: sync_runs.c[name] + number for name, number in counts.items() if number}
    if highest_id is not None:
        stored = func.coalesce(sync_runs.c.highest_id, 0)
        values["highest_id"] = case((stored < highest_id, highest_id), else_=stored)
    if values:
        connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))


def note_findings(connection: Connection, run_id: int, findings: Mapping[str, Any]) -> None:
    """Note what a run found in the sweep or in the server's history.

    :param connection: an open transaction.
    :param run_id: the run's id.
    :param findings: values by column of ``kobo_sync_runs``.
    """
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(dict(findings)))


def _newest(connection: Connection, asset_uid: str, *, without: tuple[str, ...]) -> RowMapping | None:
    """Return the newest run whose mode is none of these, or None."""
    mine = (sync_runs.c.asset_uid == asset_uid) & sync_runs.c.mode.not_in(without)
    query = select(sync_runs).where(mine).order_by(sync_runs.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def run_row(connection: Connection, run_id: int) -> RowMapping:
    """Return the row of a run.

    :param connection: an open transaction.
    :param run_id: the run's id.
    """
    return connection.execute(select(sync_runs).where(sync_runs.c.id == run_id)).mappings().one()


def newest_pull(connection: Connection, asset_uid: str) -> RowMapping | None:
    """Return the newest run that reads the form, finished or not, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    return _newest(connection, asset_uid, without=NO_PULL)


def newest_sync(connection: Connection, asset_uid: str) -> RowMapping | None:
    """Return the newest run that was to read the form, also one that failed before it began, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    return _newest(connection, asset_uid, without=(REPAIR, VERIFY))


def unfinished_run(connection: Connection, asset_uid: str) -> RowMapping | None:
    """Return the newest pull of a form if it never finished: the next one of its epoch continues it.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    row = newest_pull(connection, asset_uid)
    return row if row is not None and row["finished_at"] is None else None


def last_finished(
    connection: Connection,
    asset_uid: str,
    mode: str | None = None,
    *,
    well: bool = False,
    whole: bool = False,
) -> RowMapping | None:
    """Return the last finished pull, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param mode: only those of this mode.
    :param well: without those that ended with an error, such as deletes that wait for a confirmation.
    :param whole: only those that read the form from its first submission on.
    """
    t = sync_runs.c
    query = select(sync_runs).where(
        t.asset_uid == asset_uid, t.finished_at.is_not(None), t.mode.not_in(NO_PULL)
    )
    if mode is not None:
        query = query.where(t.mode == mode)
    if well:
        query = query.where(t.error.is_(None))
    if whole:
        query = query.where(func.coalesce(t.watermark, 0) == 0)
    query = query.order_by(t.finished_at.desc(), t.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def finished_before(connection: Connection, asset_uid: str, run_id: int) -> datetime | None:
    """Return when the pull before a run finished (UTC), or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    """
    t = sync_runs.c
    query = select(func.max(t.finished_at)).where(
        t.asset_uid == asset_uid, t.id < run_id, t.mode.not_in(NO_PULL)
    )
    found: datetime | None = connection.scalar(query)
    return found


def watermark(connection: Connection, asset_uid: str) -> int | None:
    """Return the ``_id`` above which the next incremental run reads, or None: then only an exact run is safe.

    Let P be the last finished pull: the watermark is the highest id returned to a pull that had finished 15
    minutes before P started. Everything below it had settled when P read it. ``_id`` is not in the order of
    commits, and ``_submission_time`` can be backdated (kobo-api.md §1.3, §2), so neither the highest id nor a
    time would do.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    last = last_finished(connection, asset_uid)
    if last is None:
        return None
    settled = select(func.max(sync_runs.c.highest_id)).where(
        sync_runs.c.asset_uid == asset_uid,
        sync_runs.c.mode.not_in(NO_PULL),
        sync_runs.c.finished_at <= last["started_at"] - SETTLING,
    )
    highest: int | None = connection.execute(settled).scalar_one()
    return highest


def last_history_gap(connection: Connection, asset_uid: str) -> datetime | None:
    """Return when the last run finished that missed a part of the server's history (UTC), or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    mine = (sync_runs.c.asset_uid == asset_uid) & sync_runs.c.history_gap
    found: datetime | None = connection.execute(
        select(func.max(sync_runs.c.finished_at)).where(mine)
    ).scalar_one()
    return found


def history_until(connection: Connection, asset_uid: str) -> tuple[datetime, int | None] | None:
    """Return up to where finished runs have read the server's history.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :returns: the moment by the server's clock (UTC), and how many entries the server had for the minutes
        before it (None: not counted); None: the history was never read.
    """
    query = (
        select(sync_runs.c.history_until, sync_runs.c.history_found)
        .where(
            sync_runs.c.asset_uid == asset_uid,
            sync_runs.c.finished_at.is_not(None),
            sync_runs.c.history_until.is_not(None),
        )
        .order_by(sync_runs.c.history_until.desc(), sync_runs.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (row[0], row[1]) if row else None
