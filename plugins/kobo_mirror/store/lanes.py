"""Lanes: the ranges of ids that a run walks, and how far it has come in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from kobo_mirror.database.engine import now
from kobo_mirror.store.tables import checkpoints


class Lane(NamedTuple):
    """A range of ids walked in order: ``first_id < id <= last_id`` (None: no end), done up to ``cursor``."""

    lane: int
    first_id: int
    last_id: int | None
    cursor: int
    done: bool


class Step(NamedTuple):
    """A page of a lane: it commits only if the lane's cursor is still the one it was asked from."""

    lane: int
    cursor: int
    to: int
    done: bool


def open_lanes(
    connection: Connection, asset_uid: str, run_id: int, bounds: Sequence[tuple[int, int | None]]
) -> None:
    """Write the lanes of a run, each with its cursor before its first id."""
    if bounds:
        rows = [
            {
                "asset_uid": asset_uid,
                "run": run_id,
                "lane": number,
                "first_id": first,
                "last_id": last,
                "cursor_id": first,
            }
            for number, (first, last) in enumerate(bounds)
        ]
        connection.execute(insert(checkpoints), rows)


def lanes(connection: Connection, asset_uid: str, run_id: int) -> list[Lane]:
    """The lanes of a run, in the order of their ids."""
    rows = connection.execute(
        select(checkpoints)
        .where(checkpoints.c.asset_uid == asset_uid, checkpoints.c.run == run_id)
        .order_by(checkpoints.c.lane)
    ).mappings()
    return [
        Lane(r["lane"], r["first_id"], r["last_id"], r["cursor_id"], r["done_at"] is not None) for r in rows
    ]


def cover(known: Sequence[Lane], start: int) -> bool:
    """Return True if lanes, in the order of their ids, leave out no id above ``start``."""
    bounds = [start, *(lane.last_id for lane in known)]
    return bounds[:-1] == [lane.first_id for lane in known] and bounds[-1] is None


def forget_lanes(connection: Connection, asset_uid: str, run_id: int) -> None:
    """Forget the lanes of a run, and with them what it has read."""
    mine = (checkpoints.c.asset_uid == asset_uid) & (checkpoints.c.run == run_id)
    connection.execute(delete(checkpoints).where(mine))


def move_lane(connection: Connection, asset_uid: str, run_id: int, step: Step) -> bool:
    """Move a lane's cursor, in the transaction of the page it covers; False if another task has moved it."""
    mine = (
        (checkpoints.c.asset_uid == asset_uid)
        & (checkpoints.c.run == run_id)
        & (checkpoints.c.lane == step.lane)
    )
    row = connection.execute(
        select(checkpoints.c.cursor_id, checkpoints.c.done_at).where(mine).with_for_update()
    ).one_or_none()
    if row is None or row[0] != step.cursor or row[1] is not None:
        return False
    values = {"cursor_id": step.to, "done_at": now()} if step.done else {"cursor_id": step.to}
    connection.execute(update(checkpoints).where(mine).values(values))
    return True


def covering_lanes(connection: Connection, asset_uid: str, run_id: int, start: int) -> list[Lane]:
    """The lanes of a run that reads all above ``start``; where some are missing, all go, and it has none."""
    known = lanes(connection, asset_uid, run_id)
    if known and not cover(known, start):
        forget_lanes(connection, asset_uid, run_id)
        return []
    return known
