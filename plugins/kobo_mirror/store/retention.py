"""Retention: bookkeeping that a form no longer needs is deleted after a time; submissions never are.

Rows are deleted key by key, in short transactions with pauses as long: a DELETE of many keys may read a
whole table, and waits for whatever locks other forms and deliveries hold in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
)

from kobo_mirror.database.engine import clock, reading, transact
from kobo_mirror.store import runs
from kobo_mirror.store.proofs import last_proofs
from kobo_mirror.store.tables import checkpoints, code_ids, codes, dead_letters, proofs, sync_runs

_PORTION = 500
_LETTERS = 10  # with bodies of 5 MiB
_SECONDS = 5.0

_Portion = Mapping[Table, Sequence[Mapping[str, Any]]]
"""Keys by their tables, in the order in which rows are deleted."""


class Retention(NamedTuple):
    """How many days bookkeeping is kept; 0 is for ever.

    :param history_days: runs with their checkpoints, proofs, dead letters that were taken, codes that were
        used.
    :param dead_letter_days: dead letters that wait, with their bodies.
    """

    history_days: int = 400
    dead_letter_days: int = 365


FOR_EVER = Retention(0, 0)


def forget(engine: Engine, asset_uid: str, retention: Retention, *, seconds: float = _SECONDS) -> int:
    """Delete what is older than its days, counted from the last midnight (UTC).

    The runs and proofs that later ones build on stay, however old: see ``_runs_in_use``.

    :param engine: made by ``open_engine``.
    :param asset_uid: the form's uid.
    :param retention: how many days are kept.
    :param seconds: after which no other portion is begun: the next call goes on.
    :returns: how many runs, proofs, dead letters, codes and ids of codes were deleted.
    :raises DatabaseError: the database cannot take it; what is deleted stays deleted, the next call goes on.
    """
    end = time.monotonic() + seconds
    gone = 0
    for portion in _outdated(engine, asset_uid, retention, clock(engine)):
        began = time.monotonic()
        transact(engine, partial(_delete, portion))
        gone += sum(len(keys) for table, keys in portion.items() if table is not checkpoints)
        if time.monotonic() > end:
            break
        time.sleep(time.monotonic() - began)  # as long again for others to use the database
    return gone


def _outdated(engine: Engine, asset_uid: str, retention: Retention, moment: datetime) -> Iterator[_Portion]:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    t = dead_letters.c
    if retention.dead_letter_days:
        before = midnight - timedelta(days=retention.dead_letter_days)
        waits_since = t.replayed_at.is_(None) & (t.received_at < before)
        yield from _letters(engine, asset_uid, before, waits_since, _LETTERS)
    if retention.history_days:
        before = midnight - timedelta(days=retention.history_days)
        yield from _letters(engine, asset_uid, before, t.replayed_at < before, _PORTION)
        yield from _codes(engine, asset_uid, before)
        yield from _proofs(engine, asset_uid, before)
        yield from _runs(engine, asset_uid, before)


def _read(engine: Engine, query: Select[*tuple[Any, ...]]) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(query))


def _letters(
    engine: Engine, asset_uid: str, before: datetime, outdated: ColumnElement[bool], most: int
) -> Iterator[_Portion]:
    t = dead_letters.c
    oldest = _read(engine, select(t.received_at).order_by(t.id).limit(1))
    if not oldest or oldest[0][0] >= before:
        return  # as on most days: spares a walk through the table, which has no index on times
    mine = outdated & or_(t.asset_uid == asset_uid, t.asset_uid.is_(None))
    after = 0
    while found := _read(engine, select(t.id).where(mine, t.id > after).order_by(t.id).limit(most)):
        yield {dead_letters: [{"id": row[0]} for row in found]}
        after = found[-1][0]


def _codes(engine: Engine, asset_uid: str, before: datetime) -> Iterator[_Portion]:
    """Yield the ids of each code that is done, in portions; the last portion has the code itself."""
    t, ids = codes.c, code_ids.c
    done = (t.used_at < before) | (t.settled_at < before)
    for (code,) in _read(engine, select(t.code).where(t.asset_uid == asset_uid, done)):
        after, goes_on = 0, True
        while goes_on:
            further = select(ids.kobo_id).where(ids.code == code, ids.kobo_id > after)
            found = _read(engine, further.order_by(ids.kobo_id).limit(_PORTION))
            goes_on = len(found) == _PORTION
            keys = [{"code": code, "kobo_id": row[0]} for row in found]
            yield {code_ids: keys, codes: [] if goes_on else [{"code": code}]}
            after = found[-1][0] if found else after


def _proofs(engine: Engine, asset_uid: str, before: datetime) -> Iterator[_Portion]:
    with reading(engine) as connection:
        newest = last_proofs(connection, asset_uid)
    in_use = {proof.id for proof in newest if proof is not None}
    for found in _windows(engine, proofs.c.id, proofs.c.finished_at, asset_uid, before):
        if keys := [{"id": i} for i in found if i not in in_use]:
            yield {proofs: keys}


def _runs(engine: Engine, asset_uid: str, before: datetime) -> Iterator[_Portion]:
    """Yield outdated runs with their checkpoints; which are in use is found out only where there are some."""
    t = sync_runs.c
    with reading(engine) as connection:
        in_use = first = _first_that_ended(connection, asset_uid)
    for found in _windows(engine, t.id, func.coalesce(t.finished_at, t.started_at), asset_uid, before):
        if in_use is first and not first.issuperset(found):
            with reading(engine) as connection:
                in_use = first | _runs_in_use(connection, asset_uid)
        if keys := [i for i in found if i not in in_use]:
            lanes = [{"asset_uid": asset_uid, "run": i} for i in keys]
            yield {checkpoints: lanes, sync_runs: [{"id": i} for i in keys]}


def _windows(
    engine: Engine, key: Column[int], moment: ColumnElement[datetime], asset_uid: str, before: datetime
) -> Iterator[list[int]]:
    """Yield the outdated keys of a form, a portion of its rows at a time; keys ascend with time."""
    after = 0
    while True:
        mine = select(key, moment).where(key.table.c.asset_uid == asset_uid, key > after)
        rows = _read(engine, mine.order_by(key).limit(_PORTION))
        found = [i for i, at in rows if at < before]
        if not found:
            return
        yield found
        after = rows[-1][0]


def _first_that_ended(connection: Connection, asset_uid: str) -> set[int]:
    t = sync_runs.c
    first = select(t.id).where(t.asset_uid == asset_uid, t.finished_at.is_not(None)).order_by(t.id).limit(1)
    return set(connection.execute(first).scalars())


def _runs_in_use(connection: Connection, asset_uid: str) -> set[int]:
    """Return the runs that others are judged by: the newest ones, and those with the highest values.

    The watermark is the highest id over all runs that were settled when the last one began, later over all;
    the history is read from the latest moment that a run has read it up to. The runs that hold these stay.
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
    in_use = {row["id"] for row in newest if row is not None}
    for mark in (*settled, highest, history):
        in_use.update(connection.execute(mark.limit(1)).scalars())
    return in_use


def _delete(portion: _Portion, connection: Connection) -> None:
    """Delete rows by their keys, or by the first columns of them, one after the other."""
    for table, keys in portion.items():
        if keys:
            mine = (table.c[name] == bindparam(f"the_{name}") for name in keys[0])
            named = [{f"the_{name}": value for name, value in key.items()} for key in keys]
            connection.execute(delete(table).where(*mine), named)
