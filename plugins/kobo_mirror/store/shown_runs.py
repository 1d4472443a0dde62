"""Runs as ``status``, the page and ``/metrics`` show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from kobo_mirror.store import runs
from kobo_mirror.store.leases import PROCESS
from kobo_mirror.store.mode_names import EXACT
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
    :param history_gap: it missed a part of the server's history.
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
    history_gap: bool = False
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
    :param name: the whole name of the run; the process that did all of it, which its name may end with, can
        be left out.
    """
    t = sync_runs.c
    is_it = or_(t.name == name, t.name.startswith(f"{name}{PROCESS}", autoescape=True))
    query = select(*_COLUMNS).where(t.asset_uid == asset_uid, is_it)
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
    """Return the runs that tell how a form's mirror stands.

    One statement looks at each run once and finds the newest one of each kind, another reads these.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    candidates = _newest_of_each_kind(connection, asset_uid)
    pulls = [run for run in candidates if run.mode not in runs.NO_PULL]
    good = [run for run in pulls if not run.error]
    return NotableRuns(
        newest_sync=_newest(run for run in candidates if run.mode not in (runs.REPAIR, runs.VERIFY)),
        newest_pull=_newest(pulls),
        last_finished=_last_finished(pulls),
        last_good=_last_finished(good),
        last_good_exact=_last_finished(run for run in good if run.mode == EXACT),
        failed_verification=_newest(run for run in candidates if run.mode == runs.VERIFY),
        last_history_gap=_last_finished(run for run in candidates if run.history_gap),
    )


def _newest_of_each_kind(connection: Connection, asset_uid: str) -> list[Run]:
    """Return the runs with the highest id, and the last ones to finish, of each kind that is told apart."""
    t = sync_runs.c
    mine = t.asset_uid == asset_uid
    kind = (t.mode, t.error.is_(None), t.finished_at.is_(None), t.history_gap)
    query = select(func.max(t.id), func.max(t.finished_at)).where(mine).group_by(*kind)
    found = connection.execute(query).all()
    newest = _runs_where(connection, mine & t.id.in_([row[0] for row in found]))
    # After the clock was set back, a run with a lower id may have finished later.
    others = {row[1] for row in found if row[1]} - {run.finished_at for run in newest}
    return newest + (_runs_where(connection, mine & t.finished_at.in_(others)) if others else [])


def _runs_where(connection: Connection, condition: ColumnElement[bool]) -> list[Run]:
    rows = connection.execute(select(*_COLUMNS).where(condition)).mappings()
    return [_run_of(row) for row in rows]


def _newest(found: Iterable[Run]) -> Run | None:
    return max(found, key=lambda run: run.id, default=None)


def _last_finished(found: Iterable[Run]) -> Run | None:
    finished = [(run.finished_at, run.id, run) for run in found if run.finished_at]
    return max(finished, key=lambda one: one[:2])[2] if finished else None
