"""Retention: what the bookkeeping of a form no longer needs goes after a time; its submissions never do.

Rows go key by key, in short transactions with pauses as long: a DELETE of many keys may read a whole table,
and waits for whatever other forms and deliveries hold of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, delete, func, or_, select

from kobo_mirror.store import runs
from kobo_mirror.store.database import clock, transact
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.tables import checkpoints, code_ids, codes, dead_letters, proofs, sync_runs

_PORTION = 500
_LETTERS = 10  # with bodies of 5 MiB
_SECONDS = 5.0

_Step = Callable[[Connection], int]


class Retention(NamedTuple):
    """How many days things are kept; 0 is for ever.

    :param history_days: runs with their checkpoints, proofs, dead letters that were taken, codes that served.
    :param dead_letter_days: dead letters that wait, with their bodies.
    """

    history_days: int = 400
    dead_letter_days: int = 365


FOR_EVER = Retention(0, 0)


def forget(engine: Engine, asset_uid: str, retention: Retention, *, seconds: float = _SECONDS) -> int:
    """Delete what was kept for its days, counted from the last midnight (UTC).

    The runs and proofs that later ones build on stay, however old: see ``_runs_in_use``.

    :param seconds: after which no other portion is begun: what is left goes the next time.
    :returns: how many rows went.
    :raises DatabaseError: the database cannot take it; what was deleted is, the rest goes the next time.
    """
    end = time.monotonic() + seconds
    gone = 0
    for step in _steps(asset_uid, retention, clock(engine)):
        while number := _portion(engine, step):
            gone += number
            if time.monotonic() > end:
                return gone
    return gone


def _portion(engine: Engine, step: _Step) -> int:
    """Take one step in a transaction of its own, and then leave the database to others for as long."""
    began = time.monotonic()
    number = transact(engine, step)
    if number:
        time.sleep(time.monotonic() - began)
    return number


def _steps(asset_uid: str, retention: Retention, moment: datetime) -> Iterator[_Step]:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    t = dead_letters.c
    if retention.dead_letter_days:
        before = midnight - timedelta(days=retention.dead_letter_days)
        waits_since = t.replayed_at.is_(None) & (t.received_at < before)
        yield partial(_letters, asset_uid, before, waits_since, _LETTERS)
    if retention.history_days:
        before = midnight - timedelta(days=retention.history_days)
        yield partial(_letters, asset_uid, before, t.replayed_at < before, _PORTION)
        yield partial(_codes, asset_uid, before)
        yield partial(_proofs, asset_uid, before)
        yield partial(_runs, asset_uid, before)


def _letters(
    asset_uid: str, before: datetime, outdated: ColumnElement[bool], most: int, connection: Connection
) -> int:
    t = dead_letters.c
    oldest = connection.execute(select(t.received_at).order_by(t.id).limit(1)).scalar_one_or_none()
    if oldest is None or oldest >= before:
        return 0  # as on most days: the table, which has no index for it, is not walked
    of_form = or_(t.asset_uid == asset_uid, t.asset_uid.is_(None))
    query = select(t.id).where(of_form, outdated).order_by(t.id).limit(most)
    return _delete(connection, dead_letters, [{"id": i} for i in connection.execute(query).scalars()])


def _codes(asset_uid: str, before: datetime, connection: Connection) -> int:
    """Delete of the first code that is done: a portion of its ids, with the last ones the code itself."""
    t = codes.c
    done = (t.used_at < before) | (t.settled_at < before)
    code = connection.execute(select(t.code).where(t.asset_uid == asset_uid, done).limit(1)).scalar()
    if code is None:
        return 0
    covered = select(code_ids.c.kobo_id).where(code_ids.c.code == code).limit(_PORTION)
    keys = [{"code": code, "kobo_id": i} for i in connection.execute(covered).scalars()]
    number = _delete(connection, code_ids, keys)
    return number if number == _PORTION else number + _delete(connection, codes, [{"code": code}])


def _proofs(asset_uid: str, before: datetime, connection: Connection) -> int:
    t = proofs.c
    oldest = select(t.id, t.finished_at).where(t.asset_uid == asset_uid).order_by(t.id).limit(_PORTION)
    old = [i for i, finished_at in connection.execute(oldest) if finished_at < before]
    newest = (last_proof(connection, asset_uid), last_proof(connection, asset_uid, whole=True)) if old else ()
    in_use = {row["id"] for row in newest if row is not None}
    return _delete(connection, proofs, [{"id": i} for i in old if i not in in_use])


def _runs(asset_uid: str, before: datetime, connection: Connection) -> int:
    """Delete outdated runs among the first ones, with their checkpoints; the order of ids is that of time."""
    t = sync_runs.c
    ended = func.coalesce(t.finished_at, t.started_at)
    oldest = select(t.id, ended).where(t.asset_uid == asset_uid).order_by(t.id).limit(_PORTION)
    old = {i for i, moment in connection.execute(oldest) if moment < before}
    if not old or old == _first_that_ended(connection, asset_uid):
        return 0
    keys = [{"id": i} for i in sorted(old - _runs_in_use(connection, asset_uid))]
    lanes = [{"asset_uid": asset_uid, "run": key["id"]} for key in keys]
    _delete(connection, checkpoints, lanes)
    return _delete(connection, sync_runs, keys)


def _first_that_ended(connection: Connection, asset_uid: str) -> set[int]:
    t = sync_runs.c
    first = select(t.id).where(t.asset_uid == asset_uid, t.finished_at.is_not(None)).order_by(t.id).limit(1)
    return set(connection.execute(first).scalars())


def _runs_in_use(connection: Connection, asset_uid: str) -> set[int]:
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
    highest = pulls.where(t.highest_id.is_not(None)).order_by(t.highest_id.desc(), t.id.desc())
    last = runs.last_finished(connection, asset_uid)
    settled = [highest.where(t.finished_at <= last["started_at"] - runs.SETTLING)] if last else []
    history = ended.where(t.history_until.is_not(None)).order_by(t.history_until.desc(), t.id.desc())
    in_use = {row["id"] for row in newest if row is not None} | _first_that_ended(connection, asset_uid)
    for mark in (*settled, highest, history):
        in_use.update(connection.execute(mark.limit(1)).scalars())
    return in_use


def _delete(connection: Connection, table: Table, keys: Sequence[Mapping[str, Any]]) -> int:
    """Delete rows by their keys, or the first columns of them, one after the other; returns how many keys."""
    if keys:
        mine = (table.c[name] == bindparam(f"the_{name}") for name in keys[0])
        named = [{f"the_{name}": value for name, value in key.items()} for key in keys]
        connection.execute(delete(table).where(*mine), named)
    return len(keys)
