"""Dead letters: bodies that are no submission, kept raw with the reason."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert

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
