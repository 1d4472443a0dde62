"""Runs as ``status``, the page and ``/metrics`` show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
    bindparam,
    func,
    or_,
    select,
)

from kobo_mirror.store import runs
from kobo_mirror.store.failed_runs import UNBOUND
from kobo_mirror.store.leases import PROCESS
from kobo_mirror.store.mode_names import EXACT, FORMER_NAMES, INCREMENTAL
from kobo_mirror.store.tables import forms, sync_runs


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
_PULLS = (INCREMENTAL, EXACT)
_MODES = (*_PULLS, *FORMER_NAMES, *runs.NO_PULL)  # an old version may begin a run and can finish none
_LOOKED_AT = 2_000
"""So many of the newest runs, of all forms, are looked at for what no index finds."""


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
    query = select(*_COLUMNS).where(sync_runs.c.asset_uid == asset_uid, _is_named(name))
    row = connection.execute(query.order_by(sync_runs.c.id.desc()).limit(1)).mappings().one_or_none()
    return _run_of(row) if row else None


def _is_named(name: str) -> ColumnElement[bool]:
    t = sync_runs.c
    return or_(t.name == name, t.name.startswith(f"{name}{PROCESS}", autoescape=True))


def forms_that_never_began(connection: Connection) -> dict[str, Run]:
    """Return the newest syncs that failed of forms that are not bound, by form key.

    :param connection: an open transaction.
    """
    t = sync_runs.c
    newest = select(t.id).order_by(t.id.desc()).limit(1).offset(_LOOKED_AT).scalar_subquery()
    of_none = t.asset_uid.not_in(select(forms.c.asset_uid)) & (t.asset_uid != UNBOUND)
    query = select(t.asset_uid, *_COLUMNS).where(t.id > func.coalesce(newest, 0), of_none)
    rows = connection.execute(query.order_by(t.id)).mappings()
    found = {row["asset_uid"]: _run_of(row) for row in rows}
    return {key: run for key, run in found.items() if run.error}


def form_of_run(connection: Connection, name: str) -> str | None:
    """Return the key of the form that one of the newest runs is of, or None.

    :param connection: an open transaction.
    :param name: the whole name of the run, as for ``run_named``.
    """
    t = sync_runs.c
    newest = select(t.id).order_by(t.id.desc()).limit(1).offset(_LOOKED_AT).scalar_subquery()
    query = select(t.asset_uid).where(t.id > func.coalesce(newest, 0), _is_named(name))
    return connection.scalar(query.order_by(t.id.desc()).limit(1))


def failed_start(connection: Connection, asset_uid: str) -> Run | None:
    """Return the newest sync of a form if it failed, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid, or what stands for it while the form table is not bound.
    """
    found = notable_runs(connection, asset_uid).newest_sync
    return found if found is not None and found.error else None


def notable_runs(connection: Connection, asset_uid: str) -> NotableRuns:
    """Return the runs that tell how a form's mirror stands.

    :param connection: an open transaction.
    :param asset_uid: the form's uid, or what stands for it while the form table is not bound.
    """
    ids = connection.execute(_select_candidates(of_all=False), {"asset_uid": asset_uid}).one()
    return _notable(_runs_by_id(connection, set(ids)).values())


def notable_runs_of_all(connection: Connection) -> dict[str, NotableRuns]:
    """Return what ``notable_runs`` does for each form that is bound, by its key, in two statements.

    :param connection: an open transaction.
    """
    rows = connection.execute(_select_candidates(of_all=True)).all()
    found = _runs_by_id(connection, {run_id for row in rows for run_id in row[1:]})
    return {row[0]: _notable([found[i] for i in {*row[1:]} if i in found]) for row in rows}


def _notable(candidates: Collection[Run]) -> NotableRuns:
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


@cache
def _select_candidates(*, of_all: bool) -> Select[Any]:
    """Return the statement that finds the runs that may be notable, each as one place of an index.

    These are the newest run of each mode; and the last one to finish of each kind of pull, with and without
    those that ended with an error. (After the clock was set back, a run with a lower id may have finished
    later.) A form has up to a hundred runs a day, for more than a year: they are not walked.
    """
    key: ColumnElement[str] = forms.c.asset_uid if of_all else bindparam("asset_uid", type_=String)
    t = sync_runs.c
    # By asset_uid and mode, too, or MariaDB may walk the primary key.
    mine = select(t.id).where(t.asset_uid == key).order_by(t.asset_uid.desc(), t.mode.desc()).limit(1)
    wanted = [mine.where(t.mode == mode).order_by(t.id.desc()) for mode in _MODES]
    for mode in _PULLS:
        for gap in (False, True):
            ended = mine.where(t.mode == mode, t.history_gap == gap, t.finished_at.is_not(None))
            ended = ended.order_by(t.history_gap.desc(), t.finished_at.desc(), t.id.desc())
            wanted += [ended, ended.where(t.error.is_(None))]
    ids = [query.scalar_subquery() for query in wanted]
    return select(key, *ids) if of_all else select(*ids)


def _runs_by_id(connection: Connection, ids: Collection[int | None]) -> dict[int, Run]:
    wanted = sorted(i for i in ids if i is not None)
    if not wanted:
        return {}
    rows = connection.execute(select(*_COLUMNS).where(sync_runs.c.id.in_(wanted))).mappings()
    return {row["id"]: _run_of(row) for row in rows}


def _newest(found: Iterable[Run]) -> Run | None:
    return max(found, key=lambda run: run.id, default=None)


def _last_finished(found: Iterable[Run]) -> Run | None:
    finished = [(run.finished_at, run.id, run) for run in found if run.finished_at]
    return max(finished, key=lambda one: one[:2])[2] if finished else None
