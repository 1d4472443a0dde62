"""Dead letters: bodies that are no submission, kept raw with the reason."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, or_, select, update

from kobo_mirror.database.bulk import noted
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import now, transact
from kobo_mirror.store.tables import dead_letters

_REASON = 500
_BESIDE = 4096  # bytes of the statement without its body
_ESCAPED = bytes(2 if byte in b"\0\n\r\x1a\"'\\" else 1 for byte in range(256))
"""Bytes that each byte takes in a statement."""


def keep(engine: Engine, *, body: bytes, source: str, reason: str, asset_uid: str | None = None) -> int:
    """Keep a body that cannot be taken.

    :param source: where it came from, such as ``webhook``.
    :param asset_uid: the form that it was posted for, if that is known.
    :returns: the dead letter's id. Of a body that no message can hold the beginning is kept, and the reason
        says so.
    :raises DatabaseError: it could not be stored; the sender must be told to come again.
    """

    def work(connection: Connection) -> int:
        kept, why = body, reason[:_REASON]
        packet = dialect_of(connection).max_message_bytes(connection)
        if packet is not None:
            kept, why = _fitting(body, why, packet)
        statement = insert(dead_letters).values(
            received_at=now(),
            source=source,
            reason=why,
            body=kept,
            attempts=0,
            asset_uid=asset_uid,
        )
        key = connection.execute(statement).inserted_primary_key
        return int(key[0]) if key else 0

    return transact(engine, work)


def _fitting(body: bytes, reason: str, packet: int) -> tuple[bytes, str]:
    """A body as far as a message can hold it, and the reason, which says so if that is not all."""
    room = packet - _BESIDE
    if 2 * len(body) <= room:
        return body, reason
    sizes = body.translate(_ESCAPED)
    size = sum(sizes)
    if size <= room:
        return body, reason
    most = bisect_right(list(accumulate(sizes)), room)
    return body[:most], noted(reason, f"body after its first {most} bytes", size, packet, _REASON)


def waits_for(asset_uid: str) -> ColumnElement[bool]:
    """The condition that a dead letter of this form, or of none that is known, was taken by no replay yet."""
    t = dead_letters.c
    return t.replayed_at.is_(None) & or_(t.asset_uid == asset_uid, t.asset_uid.is_(None))


def letters_waiting(connection: Connection, asset_uid: str) -> int:
    """How many dead letters of a form no replay has taken."""
    query = select(func.count()).select_from(dead_letters).where(waits_for(asset_uid))
    return connection.execute(query).scalar_one()


def waiting_letters(connection: Connection, asset_uid: str, ids: Sequence[int] = ()) -> list[tuple[int, str]]:
    """Id and reason of the dead letters that no replay has taken yet: of those with these ids, or of all."""
    t = dead_letters.c
    query = select(t.id, t.reason).where(waits_for(asset_uid)).order_by(t.id)
    rows = connection.execute(query.where(t.id.in_(ids)) if ids else query)
    return [(letter, reason) for letter, reason in rows]


def letters_of_others(connection: Connection, asset_uid: str, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Those of these dead letters that wait, but were posted for another form: id and that form's uid."""
    t = dead_letters.c
    query = select(t.id, t.asset_uid).where(t.id.in_(ids), t.replayed_at.is_(None), t.asset_uid != asset_uid)
    return [(letter, other) for letter, other in connection.execute(query.order_by(t.id))]


def body_of(connection: Connection, letter: int) -> bytes | None:
    """The body of a dead letter, as it came; None if it waits no more: it was taken, or is kept no longer."""
    waits = (dead_letters.c.id == letter) & dead_letters.c.replayed_at.is_(None)
    body: bytes | None = connection.execute(select(dead_letters.c.body).where(waits)).scalar_one_or_none()
    return body


def note_replay(engine: Engine, letter: int, *, taken: bool) -> None:
    """Count an attempt; a letter that was taken is done with, and its body is not kept."""
    mine = update(dead_letters).where(dead_letters.c.id == letter)
    done = {"replayed_at": now(), "body": b""} if taken else {}
    values = {"attempts": dead_letters.c.attempts + 1} | done
    transact(engine, lambda connection: connection.execute(mine.values(values)))
