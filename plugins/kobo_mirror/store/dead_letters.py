"""Dead letters: bodies that are no submission, kept raw with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, insert, select, update

from kobo_mirror.store.database import now, transact
from kobo_mirror.store.tables import dead_letters


def keep(engine: Engine, *, body: bytes, source: str, reason: str) -> int:
    """Keep a body that cannot be taken.

    :param source: where it came from, such as ``webhook``.
    :returns: the dead letter's id.
    :raises DatabaseError: it could not be stored; the sender must be told to come again.
    """

    def work(connection: Connection) -> int:
        statement = insert(dead_letters).values(
            received_at=now(), source=source, reason=reason[:500], body=body, attempts=0
        )
        key = connection.execute(statement).inserted_primary_key
        return int(key[0]) if key else 0

    return transact(engine, work)


def waiting_letters(connection: Connection, ids: Sequence[int] = ()) -> list[tuple[int, str]]:
    """Id and reason of the dead letters that no replay has taken yet: of those with these ids, or of all."""
    t = dead_letters.c
    query = select(t.id, t.reason).where(t.replayed_at.is_(None)).order_by(t.id)
    rows = connection.execute(query.where(t.id.in_(ids)) if ids else query)
    return [(letter, reason) for letter, reason in rows]


def body_of(connection: Connection, letter: int) -> bytes:
    """The body of a dead letter, as it came."""
    body: bytes = connection.execute(
        select(dead_letters.c.body).where(dead_letters.c.id == letter)
    ).scalar_one()
    return body


def note_replay(engine: Engine, letter: int, *, taken: bool) -> None:
    """Count an attempt; a letter that was taken is done with."""
    mine = update(dead_letters).where(dead_letters.c.id == letter)
    values = {"attempts": dead_letters.c.attempts + 1} | ({"replayed_at": now()} if taken else {})
    transact(engine, lambda connection: connection.execute(mine.values(values)))
