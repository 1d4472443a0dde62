"""Lanes: the ranges of ids that a run walks, and how far it has come in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from kobo_mirror.database.engine import now
from kobo_mirror.store.tables import checkpoints


class Lane(NamedTuple):
    """A range of ids that is walked in order.

    :param lane: its number in the run, from 0.
    :param first_id: the lane begins behind this ``_id``.
    :param last_id: the last ``_id`` of it; None for the lane without an end.
    :param cursor: up to this ``_id``, all is read and committed.
    :param done: True once it was read to its end.
    """

    lane: int
    first_id: int
    last_id: int | None
    cursor: int
    done: bool


class Step(NamedTuple):
    """What the commit of a page moves: a lane's cursor.

    :param lane: the lane's number.
    :param cursor: where the lane stood when the page was asked for. The page commits only if it still does.
    :param to: where it stands with the page.
    :param done: True if the page is the lane's last.
    """

    lane: int
    cursor: int
    to: int
    done: bool


def open_lanes(
    connection: Connection, asset_uid: str, run_id: int, bounds: Sequence[tuple[int, int | None]]
) -> None:
    """Write the lanes of a run, each with its cursor before its first id.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    :param bounds: ``(first_id, last_id)`` of each lane, in the order of the ids.
    """
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
    """Return the lanes of a run, in the order of their ids.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    """
    rows = connection.execute(
        select(checkpoints)
        .where(checkpoints.c.asset_uid == asset_uid, checkpoints.c.run == run_id)
        .order_by(checkpoints.c.lane)
    ).mappings()
    return [
        Lane(r["lane"], r["first_id"], r["last_id"], r["cursor_id"], r["done_at"] is not None) for r in rows
    ]


def cover(known: Sequence[Lane], start: int) -> bool:
    """Return True if lanes leave out no id above a start.

    :param known: lanes in the order of their ids.
    :param start: the ``_id`` above which all must be covered.

    >>> cover([Lane(0, 0, 500, 0, False), Lane(1, 500, None, 500, False)], 0)
    True
    """
    bounds = [start, *(lane.last_id for lane in known)]
    return bounds[:-1] == [lane.first_id for lane in known] and bounds[-1] is None


def forget_lanes(connection: Connection, asset_uid: str, run_id: int) -> None:
    """Delete the lanes of a run, and with them how far it has read.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    """
    mine = (checkpoints.c.asset_uid == asset_uid) & (checkpoints.c.run == run_id)
    connection.execute(delete(checkpoints).where(mine))


def move_lane(connection: Connection, asset_uid: str, run_id: int, step: Step) -> bool:
    """Move a lane's cursor, in the transaction that writes the page.

    :param connection: that transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    :param step: from where to where.
    :returns: False if another task has moved the lane meanwhile; nothing was changed.
    """
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
    """Return the lanes of a run if they cover all above ``start``; else delete them and return none.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param run_id: the run's id.
    :param start: the ``_id`` above which the run reads everything.
    """
    known = lanes(connection, asset_uid, run_id)
    if known and not cover(known, start):
        forget_lanes(connection, asset_uid, run_id)
        return []
    return known
