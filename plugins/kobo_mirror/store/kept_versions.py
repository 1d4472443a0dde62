"""Kept versions: what the server showed of each deployed version of a form, once and for good."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.store.catalog_tables import form_versions


@dataclass(frozen=True)
class FormVersion:
    """A deployed version of a form, as it is kept.

    :param deployed_at: UTC, without a time zone; None: the server does not tell.
    :param content_hash: as the server says it, or None.
    :param content: JSON as the server sent it.
    """

    uid: str
    deployed_at: datetime | None
    content_hash: str | None
    content: bytes = field(repr=False)


def keep_versions(connection: Connection, asset_uid: str, versions: Sequence[FormVersion]) -> int:
    """Keep versions that are not known yet, numbered on in the order given.

    :param connection: a transaction that holds the row of the form.
    :param asset_uid: the form key.
    :param versions: in the order in which they were deployed.
    :returns: how many were new.
    """
    mine = form_versions.c.asset_uid == asset_uid
    known = {*connection.scalars(select(form_versions.c.uid).where(mine))}
    query = select(func.coalesce(func.max(form_versions.c.number), 0)).where(mine)
    last: int = connection.execute(query).scalar_one()
    rows = [
        (asset_uid, one.uid, number, one.deployed_at, one.content_hash, _packed(one.content))
        for number, one in enumerate((v for v in versions if v.uid not in known), last + 1)
    ]
    write(connection, Write(form_versions, tuple(form_versions.columns.keys()), rows))
    return len(rows)


def known_versions(connection: Connection, asset_uid: str) -> list[str]:
    """Return the uids of the versions of a form that are kept, in the order of their numbers.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    query = select(form_versions.c.uid).where(form_versions.c.asset_uid == asset_uid)
    return list(connection.scalars(query.order_by(form_versions.c.number)))


def kept_versions(connection: Connection, asset_uid: str) -> list[FormVersion]:
    """Return the versions of a form that are kept.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: in the order of their numbers; a content that is damaged is empty.
    """
    query = select(form_versions).where(form_versions.c.asset_uid == asset_uid)
    return [
        FormVersion(row.uid, row.deployed_at, row.content_hash, _unpacked(row.content))
        for row in connection.execute(query.order_by(form_versions.c.number))
    ]


def mend_versions(connection: Connection, asset_uid: str, versions: Sequence[FormVersion]) -> None:
    """Put the contents of versions in place of those that are kept.

    :param connection: a transaction that holds the row of the form.
    :param asset_uid: the form key.
    :param versions: kept ones, with their contents as the server shows them.
    """
    t = form_versions.c
    for one in versions:
        mine = (t.asset_uid == asset_uid) & (t.uid == one.uid)
        connection.execute(update(form_versions).where(mine).values(content=_packed(one.content)))


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _unpacked(packed: Any) -> bytes:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, TypeError, zlib.error):  # SQLite may hold a text in a column of bytes
        return b""
