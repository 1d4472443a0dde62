"""Confirmation codes: a list of deletes that waits for a person, the code that confirms it, and its use.

A code covers exactly the list that was shown with it. It can be used once, and only while deletes of its form
wait.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.engine import moment_of, now, reading
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.store.tables import code_ids, codes

DELETES = "deletes"
_OPEN = codes.c.used_at.is_(None) & codes.c.settled_at.is_(None)


class WaitingList(NamedTuple):
    """A list of submissions that have gone from the server and wait for a person to confirm their deletes.

    :param code: what confirms it.
    :param issued_at: UTC.
    :param ids: the ``_id`` of the submissions, ascending.
    """

    code: str
    issued_at: datetime
    ids: list[int]


def waiting_list(connection: Connection, asset_uid: str) -> WaitingList | None:
    """Return the newest list of a form that waits, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    t = codes.c
    query = select(t.code, t.issued_at).where(t.asset_uid == asset_uid, t.kind == DELETES, _OPEN)
    row = connection.execute(query.order_by(t.issued_at.desc(), t.code).limit(1)).one_or_none()
    return WaitingList(row[0], row[1], _ids_of(connection, row[0])) if row else None


def waiting_lists_of_all(connection: Connection) -> dict[str, WaitingList]:
    """Return what ``waiting_list`` does for each form of which one waits, by its key.

    :param connection: an open transaction.
    """
    t = codes.c
    query = select(t.asset_uid, t.code, t.issued_at).where(t.kind == DELETES, _OPEN)
    rows = connection.execute(query.order_by(t.issued_at, t.code.desc())).all()
    newest = {key: (code, issued_at) for key, code, issued_at in rows}
    ids: dict[str, list[int]] = {code: [] for code, _ in newest.values()}
    listed = select(code_ids.c.code, code_ids.c.kobo_id).where(code_ids.c.code.in_(ids))
    for code, kobo_id in connection.execute(listed.order_by(code_ids.c.kobo_id)) if ids else ():
        ids[code].append(kobo_id)
    return {key: WaitingList(code, issued_at, ids[code]) for key, (code, issued_at) in newest.items()}


def owner_of(connection: Connection, code: str) -> str | None:
    """Return the key of the form whose deletes a code confirms, or None if there is no such code.

    :param connection: an open transaction.
    :param code: twelve hexadecimal digits.
    """
    return connection.scalar(select(codes.c.asset_uid).where(codes.c.code == code))


def is_open(connection: Connection, asset_uid: str, code: str) -> bool:
    """Return True if the code confirms a list that waits, the newest one or one that was shown before.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param code: twelve hexadecimal digits.
    """
    if not code.isascii():  # the server may refuse to compare it with a column of ASCII
        return False
    t = codes.c
    mine = (t.code == code) & (t.asset_uid == asset_uid) & (t.kind == DELETES) & _OPEN
    return connection.execute(select(t.code).where(mine)).first() is not None


def require_waiting(engine: Engine, asset_uid: str, code: str, *, served_will_do: bool = False) -> None:
    """Refuse a code that confirms no list, before anything is begun with it.

    :param engine: the mirror's database.
    :param asset_uid: the form's uid.
    :param code: twelve hexadecimal digits.
    :param served_will_do: accept one that has been used, too: by an earlier attempt of the same run.
    :raises ConfigurationError: no list of this form waits under the code.
    """
    t = codes.c
    mine = (t.code == code) & (t.asset_uid == asset_uid) & t.used_at.is_not(None)
    with reading(engine) as connection:
        known = is_open(connection, asset_uid, code)
        if not known and served_will_do and code.isascii():
            known = connection.execute(select(t.code).where(mine)).first() is not None
    if not known:
        raise ConfigurationError(
            "No list of deletes waits under the code that was given, so nothing was deleted, and nothing "
            "else begun: `python -m kobo_mirror status`, or the page, shows the code of a list that waits."
        )


def covered_by(connection: Connection, asset_uid: str, code: str, waiting: Sequence[int]) -> list[int]:
    """Return which of the submissions that wait now are confirmed by a code.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param code: twelve hexadecimal digits.
    :param waiting: the ``_id`` of the submissions that wait now.
    :returns: their ``_id``, ascending; none if the code is unknown, used or closed.
    """
    if not is_open(connection, asset_uid, code):
        return []
    return sorted(set(_ids_of(connection, code)).intersection(waiting))


def code_for(connection: Connection, asset_uid: str, waiting: Sequence[int]) -> str:
    """Return the code of a list: the one that was issued for the same list already, or a new one.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param waiting: the ``_id`` of the submissions, ascending.
    """
    known = waiting_list(connection, asset_uid)
    if known and known.ids == list(waiting):
        return known.code
    code = secrets.token_hex(6)
    row = (code, asset_uid, DELETES, moment_of(connection))
    write(
        connection,
        Write(codes, ("code", "asset_uid", "kind", "issued_at"), [row]),
        Write(code_ids, ("code", "kobo_id"), [(code, kobo_id) for kobo_id in waiting]),
    )
    return code


def note_use(connection: Connection, code: str) -> None:
    """Note that what a code confirmed was done, so that it cannot be used again.

    :param connection: an open transaction.
    :param code: twelve hexadecimal digits.
    """
    connection.execute(update(codes).where(codes.c.code == code).values(used_at=now()))


def close_codes(connection: Connection, asset_uid: str) -> None:
    """Note that no list of deletes of a form waits any longer.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    mine = (codes.c.asset_uid == asset_uid) & (codes.c.kind == DELETES) & _OPEN
    connection.execute(update(codes).where(mine).values(settled_at=now()))


def _ids_of(connection: Connection, code: str) -> list[int]:
    query = select(code_ids.c.kobo_id).where(code_ids.c.code == code)
    return list(connection.execute(query.order_by(code_ids.c.kobo_id)).scalars())
