"""Dead letters: bodies that are no submission, kept raw with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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


class DeadLetter(NamedTuple):
    """A body that was not taken, and why."""

    id: int
    reason: str
    body: bytes


def waiting_letters(connection: Connection, ids: Sequence[int] = ()) -> list[DeadLetter]:
    """Dead letters that no replay has taken yet: those with these ids, or all."""
    t = dead_letters.c
    query = select(t.id, t.reason, t.body).where(t.replayed_at.is_(None)).order_by(t.id)
    return [DeadLetter(*row) for row in connection.execute(query.where(t.id.in_(ids)) if ids else query)]


def note_replay(engine: Engine, letter: int, *, taken: bool) -> None:
    """Count an attempt; a letter that was taken is done with."""
    mine = update(dead_letters).where(dead_letters.c.id == letter)
    values = {"attempts": dead_letters.c.attempts + 1} | ({"replayed_at": now()} if taken else {})
    transact(engine, lambda connection: connection.execute(mine.values(values)))
