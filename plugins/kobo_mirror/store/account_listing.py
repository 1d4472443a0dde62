"""The forms of an account as they were last listed, for a page that never asks KoboToolbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from kobo_mirror.database.engine import moment_of
from kobo_mirror.store.page_tables import account_forms


class AccountForm(NamedTuple):
    """A form of an account.

    :param server: address of its server.
    :param status: ``deployed``, ``archived`` or ``draft``.
    :param submissions: None where the account may not see how many there are.
    :param last_submission: as the server writes it (UTC); None: there is none, or it may not be seen.
    :param owner: the owner's account name; None where the server does not tell.
    :param is_mirrored: ``kobo.yml``, ``discover`` or ``KOBO_ASSET_ID`` chooses it.
    :param form_table: its declared table or its root; None: nothing of it is here.
    :param entry: lines of ``kobo.yml`` that would choose it; None: it is chosen.
    """

    server: str
    uid: str
    name: str
    status: str
    submissions: int | None
    last_submission: str | None
    owner: str | None
    is_mirrored: bool
    form_table: str | None
    entry: str | None


class AccountListing(NamedTuple):
    """What was listed.

    :param listed_at: when (UTC).
    :param file: the path of ``kobo.yml``, as the task has it.
    :param is_writable: the task may write that file.
    :param forms: in the order in which they are shown.
    """

    listed_at: datetime
    file: str
    is_writable: bool
    forms: list[AccountForm]


_SHOWN = [account_forms.c[name] for name in AccountForm._fields]


def keep_listing(
    connection: Connection, listed: Sequence[AccountForm], *, file: str, is_writable: bool
) -> None:
    """Store a list in place of the one before.

    :param connection: an open transaction.
    :param listed: the forms, in the order in which they are shown.
    :param file: the path of ``kobo.yml``.
    :param is_writable: this process may write that file.
    """
    beside = {"file": file[:255], "is_writable": is_writable, "listed_at": moment_of(connection)}
    rows = [{**form._asdict(), "position": place, **beside} for place, form in enumerate(listed)]
    connection.execute(delete(account_forms))
    if rows:
        connection.execute(insert(account_forms), rows)


def kept_listing(connection: Connection) -> AccountListing | None:
    """Return the list, or None while there is none.

    :param connection: an open transaction.
    """
    t = account_forms.c
    query = select(t.listed_at, t.file, t.is_writable, *_SHOWN).order_by(t.position)
    rows = connection.execute(query).all()
    if not rows:
        return None
    listed_at, file, is_writable, *_ = rows[0]
    return AccountListing(listed_at, file, is_writable, [AccountForm(*row[3:]) for row in rows])
