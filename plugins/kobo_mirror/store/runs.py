"""Runs of the sync: what was done, up to where, and the watermark from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, case, func, insert, select, update

from kobo_mirror.database.engine import now
from kobo_mirror.store.lanes import forget_lanes
from kobo_mirror.store.tables import checkpoints, sync_runs

REPAIR = "repair"
"""The mode of a run that mends named submissions only: it is no pull, and tells nothing about the others."""

NOT_STARTED = "none"
"""The mode of a run that failed before it could choose one."""

VERIFY = "verify"
"""The mode of a verification that failed; one that comes to its end leaves a proof instead."""

NO_PULL = (REPAIR, NOT_STARTED, VERIFY)

_UID_LENGTH = 40

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
    """Write a new run's row; returns its id.

    :param sees_part: the token sees only some of the form's submissions.
    """
    values = {"asset_uid": asset_uid, "name": name, "mode": mode, "watermark": watermark, "epoch": epoch}
    values["sees_part"] = sees_part
    statement = insert(sync_runs).values(**values, started_at=now())
    key = connection.execute(statement).inserted_primary_key
    run_id = int(key[0]) if key else 0
    # Ids start again where the table was emptied: what an earlier run of this id has read, this one has not.
    forget_lanes(connection, asset_uid, run_id)
    return run_id


def clear_error(connection: Connection, run_id: int) -> None:
    """Forget what an earlier attempt of a step noted."""
    values = {"error": None, "failure": None, "waiting_code": None}
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))


def run_row(connection: Connection, run_id: int) -> RowMapping:
    """A run as it stands."""
    return connection.execute(select(sync_runs).where(sync_runs.c.id == run_id)).mappings().one()


def newest_pull(connection: Connection, asset_uid: str) -> RowMapping | None:
    """The newest run of a form that reads it, whatever became of it."""
    mine = (sync_runs.c.asset_uid == asset_uid) & sync_runs.c.mode.not_in(NO_PULL)
    newest = select(sync_runs).where(mine).order_by(sync_runs.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().one_or_none()


def newest_sync(connection: Connection, asset_uid: str) -> RowMapping | None:
    """The newest run that was to read the form, also one that failed before it began."""
    mine = (sync_runs.c.asset_uid == asset_uid) & sync_runs.c.mode.not_in((REPAIR, VERIFY))
    newest = select(sync_runs).where(mine).order_by(sync_runs.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().one_or_none()


def unfinished_run(connection: Connection, asset_uid: str) -> RowMapping | None:
    """The newest run of a form if it never finished: the next one of its epoch goes on where it stopped."""
    row = newest_pull(connection, asset_uid)
    return row if row is not None and row["finished_at"] is None else None


def note_not_started(connection: Connection, asset_uid: str, name: str, error: Exception) -> None:
    """Note a run that failed before it began; its next attempt overwrites what this one notes."""
    _note_failure(connection, asset_uid, name, NOT_STARTED, error)


def unbound_uid(form_table: str) -> str:
    """What stands for the form's uid in the row of a run that failed while the table mirrors no form yet."""
    return form_table[:_UID_LENGTH]


def note_not_bound(connection: Connection, form_table: str, name: str, error: Exception) -> None:
    """Note a run that failed before the table mirrored any form; the next one overwrites what it notes."""
    _note_failure(connection, unbound_uid(form_table), name, NOT_STARTED, error, keep_one=True)


def give_unbound_runs(connection: Connection, form_table: str, asset_uid: str) -> None:
    """Make a run that failed while the table mirrored no form one of the form that it mirrors now."""
    mine = sync_runs.c.asset_uid == unbound_uid(form_table)
    connection.execute(update(sync_runs).where(mine).values(asset_uid=asset_uid))


def note_failed_verification(connection: Connection, asset_uid: str, name: str, error: Exception) -> None:
    """Note a verification that could not tell; its next attempt overwrites what this one notes."""
    _note_failure(connection, asset_uid, name, VERIFY, error)


def _note_failure(
    connection: Connection, asset_uid: str, name: str, mode: str, error: Exception, *, keep_one: bool = False
) -> None:
    """Write the row of a run that failed.

    :param keep_one: overwrite the newest one of that mode, whatever its name is.
    """
    newest = select(sync_runs).where(sync_runs.c.asset_uid == asset_uid).order_by(sync_runs.c.id.desc())
    row = connection.execute(newest.limit(1)).mappings().one_or_none()
    if row is not None and row["mode"] == mode and (keep_one or row["name"] == name):
        run_id = row["id"]
        again = update(sync_runs).where(sync_runs.c.id == run_id)
        connection.execute(again.values(name=name, started_at=now()))
    else:
        run_id = open_run(connection, asset_uid, name, mode, None)
    note_error(connection, run_id, error)


def failed_verification(connection: Connection, asset_uid: str) -> RowMapping | None:
    """The newest verification that could not tell; ``started_at`` is the moment that was noted."""
    mine = (sync_runs.c.asset_uid == asset_uid) & (sync_runs.c.mode == VERIFY)
    newest = select(sync_runs).where(mine).order_by(sync_runs.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().one_or_none()


def finish_run(connection: Connection, run_id: int) -> None:
    """Note that a run has read everything it set out to read."""
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(finished_at=now()))


def note_error(connection: Connection, run_id: int, error: Exception | str) -> None:
    """Note why a run stopped, or ended without being well; a finished run is left alone.

    :param error: its class is kept beside its sentence, so that the sentence is only ever shown.
    """
    unfinished = (sync_runs.c.id == run_id) & sync_runs.c.finished_at.is_(None)
    failure = type(error).__name__ if isinstance(error, Exception) else "KoboMirrorError"
    values = {"error": str(error)[:500], "failure": failure}
    connection.execute(update(sync_runs).where(unfinished).values(values))


def add_counts(
    connection: Connection, run_id: int, counts: Mapping[str, int], *, highest_id: int | None = None
) -> None:
    """Add to a run's counts in the transaction that they count."""
    values: dict[str, Any] = {name: sync_runs.c[name] + number for name, number in counts.items() if number}
    if highest_id is not None:
        stored = func.coalesce(sync_runs.c.highest_id, 0)
        values["highest_id"] = case((stored < highest_id, highest_id), else_=stored)
    if values:
        connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))


def _finished(asset_uid: str) -> Select[Any]:
    return (
        select(sync_runs)
        .where(
            sync_runs.c.asset_uid == asset_uid,
            sync_runs.c.finished_at.is_not(None),
            sync_runs.c.mode.not_in(NO_PULL),
        )
        .order_by(sync_runs.c.finished_at.desc(), sync_runs.c.id.desc())
    )


def last_finished(
    connection: Connection, asset_uid: str, mode: str | None = None, *, well: bool = False
) -> RowMapping | None:
    """The last finished run, of a mode if one is given.

    :param well: leave out those that ended with an error, such as deletes that wait for a person's word.
    """
    query = _finished(asset_uid)
    if mode is not None:
        query = query.where(sync_runs.c.mode == mode)
    if well:
        query = query.where(sync_runs.c.error.is_(None))
    return connection.execute(query.limit(1)).mappings().one_or_none()


def watermark(connection: Connection, asset_uid: str) -> int | None:
    """The id above which the next incremental run reads, or None: then only an exact run is safe.

    Let P be the last finished pull: the highest id returned to a pull that had finished 15 minutes before
    P started. P read everything below it when it was settled. ``_id`` is not in the order of commits and
    ``_submission_time`` can be backdated
    (kobo-api.md §1.3, §2), so neither the highest id nor a time would do.
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


def resume_run(
    connection: Connection, asset_uid: str, run_id: int, name: str, mode: str, *, sees_part: bool = False
) -> None:
    """Go on with a run that never finished, under the name of the one that goes on.

    Its lane without an end is opened again, so that what has come since it stopped is read too.
    """
    values = {"name": name, "mode": mode, "sees_part": sees_part, "count_difference": None}
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))
    clear_error(connection, run_id)
    mine = (checkpoints.c.asset_uid == asset_uid) & (checkpoints.c.run == run_id)
    connection.execute(update(checkpoints).where(mine, checkpoints.c.last_id.is_(None)).values(done_at=None))


def note_findings(connection: Connection, run_id: int, findings: Mapping[str, Any]) -> None:
    """Note what the sweep or the history of a run found."""
    connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(dict(findings)))


def last_history_gap(connection: Connection, asset_uid: str) -> datetime | None:
    """When the last run ended that found the history cut off before the place up to which it was read."""
    mine = (sync_runs.c.asset_uid == asset_uid) & sync_runs.c.history_gap
    found: datetime | None = connection.execute(
        select(func.max(sync_runs.c.finished_at)).where(mine)
    ).scalar_one()
    return found


def history_until(connection: Connection, asset_uid: str) -> tuple[datetime, int | None] | None:
    """Up to where finished runs have read the server's history, and how much it told of shortly before."""
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
