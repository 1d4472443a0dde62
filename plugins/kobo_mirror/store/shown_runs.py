"""Runs as ``status``, the page and ``/metrics`` show them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    RowMapping,
    String,
    bindparam,
    literal,
    select,
    union_all,
)

from kobo_mirror.store import runs
from kobo_mirror.store.tables import sync_runs


@dataclass(frozen=True, kw_only=True)
class Run:
    """A sync, a repair, or a verification that failed. All times are UTC.

    :param name: such as ``kobo_sync manual__2026-11-28T12:00:00``: the DAG and its run, or the command.
    :param mode: ``incremental``, ``exact``, ``repair``, ``none`` (it failed before it began) or ``verify`` (a
        verification that failed).
    :param finished_at: when it had read all it set out to read; None: it has not.
    :param rows_read: submissions that the server sent; the counts after it are submissions, too.
    :param bytes: of the server's responses.
    :param error: why it failed, or ended without being well, in English.
    :param failure: the class of that error, such as ``ServerError``.
    :param waiting_code: the code of the list of deletes that it left waiting.
    :param sees_part: the token saw only some of the form's submissions.
    :param count_difference: rows of the form table that were missing (negative) or too many; None: not
        counted.
    """

    id: int
    name: str
    mode: str
    started_at: datetime
    finished_at: datetime | None = None
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    revived: int = 0
    rejected: int = 0
    requests: int = 0
    bytes: int = 0
    error: str | None = None
    failure: str | None = None
    waiting_code: str | None = None
    sees_part: bool = False
    count_difference: int | None = None


class NotableRuns(NamedTuple):
    """The runs that tell how a form's mirror stands; None where there is none.

    :param newest_sync: the newest run that was to read the form, also one that failed before it began.
    :param newest_pull: the newest run that read the form, finished or not.
    :param last_finished: the last run to finish; ``last_good`` the last of these without an error,
        ``last_good_exact`` the last exact one of those.
    :param failed_verification: the newest verification that could not compare.
    :param last_history_gap: the last run to finish that missed a part of the server's history.
    """

    newest_sync: Run | None = None
    newest_pull: Run | None = None
    last_finished: Run | None = None
    last_good: Run | None = None
    last_good_exact: Run | None = None
    failed_verification: Run | None = None
    last_history_gap: Run | None = None


_COLUMNS = [sync_runs.c[field.name] for field in fields(Run)]


def _run_of(row: RowMapping) -> Run:
    return Run(**{column.name: row[column.name] for column in _COLUMNS})


def recent_runs(connection: Connection, asset_uid: str, limit: int) -> list[Run]:
    """Return the newest runs of a form, the newest first.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param limit: at most so many.
    """
    query = select(*_COLUMNS).where(sync_runs.c.asset_uid == asset_uid).order_by(sync_runs.c.id.desc())
    return [_run_of(row) for row in connection.execute(query.limit(limit)).mappings()]


def run_named(connection: Connection, asset_uid: str, name: str) -> Run | None:
    """Return the newest run of a form with that name, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param name: the whole name of the run.
    """
    query = select(*_COLUMNS).where(sync_runs.c.asset_uid == asset_uid, sync_runs.c.name == name)
    row = connection.execute(query.order_by(sync_runs.c.id.desc()).limit(1)).mappings().one_or_none()
    return _run_of(row) if row else None


def failed_start(connection: Connection, asset_uid: str) -> Run | None:
    """Return the newest sync of a form if it failed, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid, or what stands for it while the form table is not bound.
    """
    found = notable_runs(connection, asset_uid).newest_sync
    return found if found is not None and found.error else None


def notable_runs(connection: Connection, asset_uid: str) -> NotableRuns:
    """Return the runs that tell how a form's mirror stands, read in one statement.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    rows = connection.execute(_select_notable(), {"asset_uid": asset_uid}).mappings()
    return NotableRuns(**{row["role"]: _run_of(row) for row in rows})


@cache
def _select_notable() -> CompoundSelect[Any]:
    """Return the statement of ``notable_runs``, made once: that takes longer than to execute it."""
    asset_uid: BindParameter[str] = bindparam("asset_uid", type_=String)
    mine = select(sync_runs).where(sync_runs.c.asset_uid == asset_uid)
    wanted = (
        NotableRuns._fields,
        (
            runs.select_newest_sync(asset_uid),
            runs.select_newest_pull(asset_uid),
            runs.select_finished(asset_uid),
            runs.select_finished(asset_uid, well=True),
            runs.select_finished(asset_uid, "exact", well=True),
            mine.where(sync_runs.c.mode == runs.VERIFY).order_by(sync_runs.c.id.desc()),
            mine.where(sync_runs.c.history_gap).order_by(sync_runs.c.finished_at.desc()),
        ),
    )
    parts = []
    for role, query in zip(*wanted, strict=True):
        one = query.limit(1).subquery()
        parts.append(select(literal(role).label("role"), *(one.c[column.name] for column in _COLUMNS)))
    return union_all(*parts)
