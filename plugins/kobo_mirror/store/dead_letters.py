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
    """Store a body that cannot be taken.

    :param engine: the mirror's database.
    :param body: the bytes as they came.
    :param source: where it came from, such as ``webhook``.
    :param reason: why it cannot be taken, in English, without an answer of a respondent.
    :param asset_uid: the uid of the form that it was posted for; None: it is not known.
    :returns: the dead letter's id. If the body is larger than a message of the database may be, its beginning
        is stored, and the reason says so.
    :raises DatabaseError: it could not be stored; the sender must be told to try again.
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
    """Return as much of the body as a message can hold, and the reason, which says so if that is not all."""
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
    """Return the condition that a dead letter of a form, or of no form that is known, waits for a replay.

    :param asset_uid: the form's uid.
    """
    t = dead_letters.c
    return t.replayed_at.is_(None) & or_(t.asset_uid == asset_uid, t.asset_uid.is_(None))


def letters_waiting(connection: Connection, asset_uid: str) -> int:
    """Return how many dead letters of a form, or of no form that is known, wait for a replay.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    query = select(func.count()).select_from(dead_letters).where(waits_for(asset_uid))
    return connection.execute(query).scalar_one()


def letters_waiting_of_all(connection: Connection) -> dict[str | None, int]:
    """Return how many dead letters wait for a replay, by the key of their form; None: of no form known.

    :param connection: an open transaction.
    """
    t = dead_letters.c
    query = select(t.asset_uid, func.count()).where(t.replayed_at.is_(None)).group_by(t.asset_uid)
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting_letters(connection: Connection, asset_uid: str, ids: Sequence[int] = ()) -> list[tuple[int, str]]:
    """Return id and reason of the dead letters of a form that wait for a replay, in the order of their ids.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param ids: only these; all by default.
    """
    t = dead_letters.c
    query = select(t.id, t.reason).where(waits_for(asset_uid)).order_by(t.id)
    rows = connection.execute(query.where(t.id.in_(ids)) if ids else query)
    return [(letter, reason) for letter, reason in rows]


def letters_of_others(connection: Connection, asset_uid: str, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return those of these dead letters that wait, but were posted for another form.

    :param connection: an open transaction.
    :param asset_uid: the uid of the form that they are not of.
    :param ids: of dead letters.
    :returns: the id of each, and the uid of the form that it was posted for.
    """
    t = dead_letters.c
    query = select(t.id, t.asset_uid).where(t.id.in_(ids), t.replayed_at.is_(None), t.asset_uid != asset_uid)
    return [(letter, other) for letter, other in connection.execute(query.order_by(t.id))]


def body_of(connection: Connection, letter: int) -> bytes | None:
    """Return the body of a dead letter as it came, or None if it no longer waits.

    :param connection: an open transaction.
    :param letter: its id.
    """
    waits = (dead_letters.c.id == letter) & dead_letters.c.replayed_at.is_(None)
    body: bytes | None = connection.execute(select(dead_letters.c.body).where(waits)).scalar_one_or_none()
    return body


def note_replay(engine: Engine, letter: int, *, taken: bool) -> None:
    """Count an attempt to replay a dead letter.

    :param engine: the mirror's database.
    :param letter: its id.
    :param taken: it was taken: it waits no longer, and its body is removed.
    """
    mine = update(dead_letters).where(dead_letters.c.id == letter)
    done = {"replayed_at": now(), "body": b""} if taken else {}
    values = {"attempts": dead_letters.c.attempts + 1} | done
    transact(engine, lambda connection: connection.execute(mine.values(values)))
