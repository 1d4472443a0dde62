"""Retention: what the bookkeeping of a form no longer needs goes after a time; its submissions never do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Engine, delete, or_, select

from kobo_mirror.store import runs
from kobo_mirror.store.database import clock, reading, transact
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.tables import checkpoints, code_ids, codes, dead_letters, proofs, sync_runs

_PORTION = 1_000


class Retention(NamedTuple):
    """How many days things are kept; 0 is for ever.

    :param history_days: runs with their checkpoints, proofs, dead letters that were taken, codes that served.
    :param dead_letter_days: dead letters that wait, with their bodies.
    """

    history_days: int = 400
    dead_letter_days: int = 365


FOR_EVER = Retention(0, 0)


def forget(engine: Engine, asset_uid: str, retention: Retention) -> int:
    """Delete what is older than it is kept, a thousand rows a transaction; returns how many rows went.

    The runs and proofs that later ones build on stay, however old: see ``_runs_in_use``.

    :raises DatabaseError: the database cannot take it; what was deleted is, the rest goes the next time.
    """
    moment = clock(engine)
    return sum(
        _delete(engine, key, condition, further)
        for key, condition, further in _outdated(engine, asset_uid, retention, moment)
    )


def _outdated(
    engine: Engine, asset_uid: str, retention: Retention, moment: datetime
) -> Iterator[tuple[Column[Any], ColumnElement[bool], Column[Any] | None]]:
    """A table's key, what may go of the table, and the column of another one that names the same keys."""
    r, p, d, c = sync_runs.c, proofs.c, dead_letters.c, codes.c
    of_form = or_(d.asset_uid == asset_uid, d.asset_uid.is_(None))
    if retention.history_days:
        before = moment - timedelta(days=retention.history_days)
        with reading(engine) as connection:
            used = _runs_in_use(connection, asset_uid), _proofs_in_use(connection, asset_uid)
        old_runs = (r.asset_uid == asset_uid) & (r.started_at < before) & r.id.not_in(used[0])
        yield r.id, old_runs, checkpoints.c.run
        yield p.id, (p.asset_uid == asset_uid) & (p.finished_at < before) & p.id.not_in(used[1]), None
        yield d.id, of_form & (d.replayed_at < before), None
        yield c.code, (c.asset_uid == asset_uid) & _done_before(before), code_ids.c.code
    if retention.dead_letter_days:
        before = moment - timedelta(days=retention.dead_letter_days)
        yield d.id, of_form & d.replayed_at.is_(None) & (d.received_at < before), None


def _done_before(before: datetime) -> ColumnElement[bool]:
    return or_(codes.c.used_at < before, codes.c.settled_at < before)


def _runs_in_use(connection: Connection, asset_uid: str) -> list[int]:
    """The runs that others are judged by: the newest ones, the first, and those that set a mark.

    The watermark is the highest id over all runs that were settled when the last one began, later over all;
    the history goes on from the latest moment that one has read up to. The runs that hold these stay.
    """
    newest = [runs.newest_sync(connection, asset_uid), runs.newest_pull(connection, asset_uid)]
    for mode in (None, "exact"):
        newest += [runs.last_finished(connection, asset_uid, mode, well=well) for well in (False, True)]
    t = sync_runs.c
    ended = select(t.id).where(t.asset_uid == asset_uid, t.finished_at.is_not(None))
    pulls = ended.where(t.mode.not_in(runs.NO_PULL))
    highest = pulls.where(t.highest_id.is_not(None)).order_by(t.highest_id.desc())
    last = runs.last_finished(connection, asset_uid)
    settled = [highest.where(t.finished_at <= last["started_at"] - runs.SETTLING)] if last else []
    marks = (
        *settled,
        ended.order_by(t.id),
        highest,
        ended.where(t.history_until.is_not(None)).order_by(t.history_until.desc()),
    )
    found = (connection.execute(query.limit(1)).scalar_one_or_none() for query in marks)
    return sorted({row["id"] for row in newest if row is not None} | {i for i in found if i is not None})


def _proofs_in_use(connection: Connection, asset_uid: str) -> list[int]:
    known = (last_proof(connection, asset_uid), last_proof(connection, asset_uid, whole=True))
    return sorted({row["id"] for row in known if row is not None})


def _delete(
    engine: Engine, key: Column[Any], condition: ColumnElement[bool], further: Column[Any] | None
) -> int:
    number = 0
    while found := _next(engine, key, condition):
        transact(engine, partial(_delete_keys, keys=(further, key), found=found))
        number += len(found)
    return number


def _next(engine: Engine, key: Column[Any], condition: ColumnElement[bool]) -> Sequence[Any]:
    with reading(engine) as connection:
        return connection.execute(select(key).where(condition).order_by(key).limit(_PORTION)).scalars().all()


def _delete_keys(connection: Connection, keys: Iterable[Column[Any] | None], found: Sequence[Any]) -> None:
    for key in keys:
        if key is not None:
            connection.execute(delete(key.table).where(key.in_(found)))
